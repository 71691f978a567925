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

void
command_usage(const struct command *command, struct buf *out)
{
	size_t n = command_param_count(command);

	buf_add_text(out, command->name);
	for (size_t i = 0; i < n; i++) {
		buf_add_char(out, ' ');
		for (const char *c = command->params[i].name; *c != '\0'; c++)
			buf_add_char(out, (char)toupper((unsigned char)*c));
	}
}

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

const char *
command_nearest(const struct command *const *commands, const char *name)
{
	unsigned best = 1 + (unsigned)strlen(name) / 3;
	const char *nearest = NULL;

	for (; *commands != NULL; commands++) {
		unsigned distance = text_distance(name, (*commands)->name);

		if (distance <= best && (nearest == NULL || distance < best)) {
			best = distance;
			nearest = (*commands)->name;
		}
	}
	return nearest;
}
