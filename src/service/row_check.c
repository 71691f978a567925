#include "service/row_check.h"

#include <string.h>

/* ---- limits ------------------------------------------------------------------------------ */

/* Does that name a parameter that has a host? */
static bool
names_host(const struct command *c, const char *name)
{
	size_t n = command_param_count(c);

	for (size_t i = 0; i < n; i++)
		if (strcmp(c->params[i].name, name) == 0)
			return c->params[i].type == PARAM_DOMAIN || c->params[i].type == PARAM_JID;
	return false;
}

/* A second one stands beside a first one, and both have a host. */
static bool
limits_are_good(const struct command *c)
{
	if (c->limited_by == NULL || c->limited_by == LIMITED_NOT_AT_ALL)
		return c->limited_too == NULL;
	return names_host(c, c->limited_by) &&
	       (c->limited_too == NULL || names_host(c, c->limited_too));
}

/* ---- parameters -------------------------------------------------------------------------- */

static bool
is_one_of(const char *word, const char *const *words)
{
	while (*words != NULL && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

/*
 * Is it named like an option of the program that means something for this command, behind its name
 * or in a JSON object?
 */
static bool
is_shadow(const struct command *c, const struct param *p)
{
	static const char *const ALWAYS[] = { "yes", "dry_run", "help", NULL };
	static const char *const OF_PAGES[] = { "limit", "after", NULL };
	static const char *const OF_WRITES[] = { "max_affected", NULL };
	static const char *const OF_AGE[] = { "include_never_seen", NULL };

	return is_one_of(p->name, ALWAYS) || p->letter == 'y' || p->letter == 'h' ||
	       (c->pages != PAGES_NONE && is_one_of(p->name, OF_PAGES)) ||
	       ((c->flags & CMD_WRITES) && is_one_of(p->name, OF_WRITES)) ||
	       ((c->flags & CMD_NEVER_SEEN) && is_one_of(p->name, OF_AGE));
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Has no parameter before this one its name or letter? */
static bool
is_own(const struct command *c, size_t index)
{
	const struct param *p = &c->params[index];

	for (size_t i = 0; i < index; i++)
		if (strcmp(c->params[i].name, p->name) == 0 ||
		    (p->letter != '\0' && c->params[i].letter == p->letter))
			return false;
	return true;
}

/* What an option alone can have. */
static bool
is_plain(const struct param *p)
{
	return p->letter == '\0' && p->type != PARAM_FLAG;
}

static const char *
param_lacks(const struct command *c, size_t index)
{
	const struct param *p = &c->params[index];

	if (!is_own(c, index))
		return "name and letter of its own for each parameter";
	/* Content that stands for a file has to be read in some way. */
	if (p->type == PARAM_PATH && p->path == PATH_READ && p->words == NULL)
		return "formats for content";
	if (p->type == PARAM_DAYS && p->max <= p->min)
		return "bounds for its duration";
	if (p->optional != (index >= command_required_count(c)))
		return "optional parameters behind the required ones only";
	if (!p->optional)
		return is_plain(p) ? NULL : "option where it has a letter or a flag";
	if (p->letter != '\0' && !is_letter(p->letter))
		return "letter that is one";
	return is_shadow(c, p) ? "name for an option that is not the program's" : NULL;
}

static const char *
params_lack(const struct command *c)
{
	size_t n = command_param_count(c), secrets = 0;
	const char *lacks = NULL;

	for (size_t i = 0; i < n && lacks == NULL; i++) {
		lacks = param_lacks(c, i);
		secrets += c->params[i].type == PARAM_SECRET;
	}
	return lacks == NULL && secrets > 1 ? "way to tell its secrets apart" : lacks;
}

/* ---- the row ----------------------------------------------------------------------------- */

/* "gdpr_request" of "gdpr_request_open" */
static bool
family_is_good(const struct command *c)
{
	size_t len = c->family == NULL ? 0 : strlen(c->family);

	return c->family == NULL || (len > 0 && strncmp(c->name, c->family, len) == 0 &&
				     c->name[len] == '_' && c->name[len + 1] != '\0');
}

enum adx_rc
row_check(const struct command *c, const char *submod, struct adx_error *err)
{
	const char *lacks = NULL;

	if (c->summary == NULL)
		lacks = "summary";
	else if (c->submod == NULL || strcmp(c->submod, submod) != 0)
		lacks = "right submod";
	else if (!family_is_good(c))
		lacks = "name that begins with its family";
	else if (c->role == ROLE_NONE)
		lacks = "role";
	else if (!limits_are_good(c))
		lacks = "parameter that limits it to a host";
	else if (c->run == NULL)
		lacks = "handler";
	else if (c->example == NULL)
		lacks = "example";
	else if (c->result_name == NULL)
		lacks = "result name";
	else if (c->answers[0] == NULL)
		lacks = "answer";
	else if ((c->flags & CMD_DESTROYS) && c->affects == NULL)
		lacks = "word for what it affects";
	else if (c->pages != PAGES_NONE && c->result != RESULT_LIST)
		lacks = "list to make pages of";
	else
		lacks = params_lack(c);
	if (lacks == NULL)
		return ADX_OK;
	return adx_fail(err, ADX_EFAIL, "command '%s' has no %s", c->name, lacks);
}
