#include "command/command.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

const char LIMITED_NOT_AT_ALL[] = "";

size_t
command_param_count(const struct command *command)
{
	size_t n = 0;

	while (n < COMMAND_PARAMS_MAX && command->params[n].name != NULL)
		n++;
	return n;
}

size_t
command_required_count(const struct command *command)
{
	size_t n = 0;

	while (n < COMMAND_PARAMS_MAX && command->params[n].name != NULL &&
	       !command->params[n].optional)
		n++;
	return n;
}

bool
command_has_optional(const struct command *command)
{
	return command_required_count(command) < command_param_count(command);
}

size_t
command_field_count(const struct command *command)
{
	size_t n = 0;

	while (n < COMMAND_FIELDS_MAX && command->fields[n].name != NULL)
		n++;
	return n;
}

const char *
command_affects(const struct command *command)
{
	return command->affects == NULL ? "rows" : command->affects;
}

const char *
command_page_form(const struct command *command)
{
	static const char *const FORMS[] = {
		[PAGES_BY_USER] = "user",
		[PAGES_BY_HOST] = "host",
		[PAGES_BY_ACCOUNT] = "user@host",
		[PAGES_BY_CONTACT] = "user@host",
		[PAGES_BY_SESSION] = "user@host/resource",
	};

	return FORMS[command->pages];
}

/* ---- how it is written ------------------------------------------------------------------- */

static void
add_capitals(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++)
		buf_add_char(out, (char)toupper((unsigned char)*name));
}

/* What follows the family and '_'; of a command without a family, its name. */
static const char *
last_word(const struct command *command)
{
	return command->family == NULL ? command->name
				       : command->name + strlen(command->family) + 1;
}

void
command_add_name(const struct command *command, struct buf *out)
{
	if (command->family != NULL)
		buf_addf(out, "%s ", command->family);
	buf_add_text(out, last_word(command));
}

static void
add_words(struct buf *out, const char *const *words)
{
	for (const char *const *w = words; *w != NULL; w++)
		buf_addf(out, "%s%s", w == words ? "" : "|", **w == '\0' ? "''" : *w);
}

void
param_add_form(const struct param *param, struct buf *out)
{
	static const char *const FORMS[] = {
		[PARAM_LOCALPART] = "USER",    [PARAM_CONTACT] = "USER", [PARAM_DOMAIN] = "HOST",
		[PARAM_RESOURCE] = "RESOURCE", [PARAM_JID] = "JID",      [PARAM_TEXT] = "TEXT",
		[PARAM_XML] = "XML",           [PARAM_LIST] = "LIST",    [PARAM_SECRET] = "SECRET",
		[PARAM_INTEGER] = "N",         [PARAM_PATH] = "FILE",    [PARAM_FLAG] = "",
		[PARAM_DAYS] = "DURATION",     [PARAM_DATE] = "DATE",
	};

	if (!param->optional)
		add_capitals(out, param->name);
	else if (param->type == PARAM_WORD || param->type == PARAM_CHOICE)
		add_words(out, param->words);
	else
		buf_add_text(out, FORMS[param->type]);
}

void
param_add_option(const struct param *param, struct buf *out)
{
	buf_add_text(out, "--");
	for (const char *c = param->name; *c != '\0'; c++)
		buf_add_char(out, *c == '_' ? '-' : *c);
}

static void
add_optional(const struct param *param, struct buf *out)
{
	buf_add_text(out, " [");
	if (param->letter != '\0')
		buf_addf(out, "-%c|", param->letter);
	param_add_option(param, out);
	if (param->type != PARAM_FLAG)
		buf_add_char(out, ' ');
	param_add_form(param, out);
	buf_add_char(out, ']');
}

void
command_usage(const struct command *command, struct buf *out)
{
	size_t n = command_param_count(command);

	command_add_name(command, out);
	for (size_t i = 0; i < n; i++) {
		if (command->params[i].optional) {
			add_optional(&command->params[i], out);
			continue;
		}
		buf_add_char(out, ' ');
		param_add_form(&command->params[i], out);
	}
}

/* ---- by name ----------------------------------------------------------------------------- */

static bool
same_name(const char *name, const char *typed)
{
	for (; *name != '\0' && *typed != '\0'; name++, typed++)
		if (*name != (*typed == '-' ? '_' : *typed))
			return false;
	return *name == *typed;
}

const struct command *
command_find(const struct command *const *commands, const char *name)
{
	for (; *commands != NULL; commands++)
		if (same_name((*commands)->name, name))
			return *commands;
	return NULL;
}

bool
command_in_family(const struct command *command, const char *word)
{
	return command->family != NULL && same_name(command->family, word);
}

bool
command_is_family(const struct command *const *commands, const char *word)
{
	while (*commands != NULL && !command_in_family(*commands, word))
		commands++;
	return *commands != NULL;
}

const struct command *
command_named(const struct command *const *commands, const char *first, const char *second,
	      size_t *words)
{
	const struct command *found = command_find(commands, first);

	*words = 1;
	if (found != NULL || second == NULL)
		return found;
	*words = 2;
	for (; *commands != NULL; commands++)
		if (command_in_family(*commands, first) && same_name(last_word(*commands), second))
			return *commands;
	return NULL;
}

/* With families, as far as they are asked for. */
static const char *
nearest(const struct command *const *commands, const char *name, bool families)
{
	unsigned best = 1 + (unsigned)strlen(name) / 3;
	const char *found = NULL;

	for (; *commands != NULL; commands++) {
		const char *words[] = { (*commands)->name, families ? (*commands)->family : NULL };

		for (size_t i = 0; i < 2 && words[i] != NULL; i++) {
			unsigned distance = text_distance(name, words[i]);

			if (distance > best || (found != NULL && distance == best))
				continue;
			best = distance;
			found = words[i];
		}
	}
	return found;
}

const char *
command_nearest(const struct command *const *commands, const char *name)
{
	return nearest(commands, name, false);
}

/* "close, list, open" */
static void
add_family(const struct command *const *commands, const char *family, struct buf *out)
{
	for (; *commands != NULL; commands++)
		if (command_in_family(*commands, family))
			buf_addf(out, "%s%s", out->len == 0 ? "" : ", ", last_word(*commands));
}

static enum adx_rc
refuse_in_family(const struct command *const *commands, const char *family, const char *second,
		 struct adx_error *err)
{
	struct buf words = BUF_INIT;
	enum adx_rc rc;

	add_family(commands, family, &words);
	if (second == NULL)
		rc = adx_fail(err, ADX_EUSAGE, "'%.60s' needs one more word: %s", family,
			      buf_text(&words));
	else
		rc = adx_fail(err, ADX_EUSAGE, "'%.60s' is followed by one of %s, not '%.40s'",
			      family, buf_text(&words), second);
	adx_hint(err, "see 'adminex help %.60s'", family);
	buf_free(&words);
	return rc;
}

enum adx_rc
command_unknown(const struct command *const *commands, const char *first, const char *second,
		struct adx_error *err)
{
	const char *meant = nearest(commands, first, true);
	enum adx_rc rc;

	if (command_is_family(commands, first))
		return refuse_in_family(commands, first, second, err);
	rc = adx_fail(err, ADX_EUSAGE, "unknown command '%.60s'", first);
	if (meant != NULL)
		adx_hint(err, "did you mean '%s'?", meant);
	return rc;
}
