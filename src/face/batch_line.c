/* What a line of a batch says. */
#include <string.h>

#include "face/batch.h"

static size_t
blanks(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (text[n] == ' ' || text[n] == '\t'))
		n++;
	return n;
}

bool
batch_line_is_empty(const char *text, size_t len)
{
	size_t at = blanks(text, len);

	return at == len || text[at] == '#';
}

enum adx_rc
batch_line_add(struct batch_line *line, struct arena *arena, const char *word, size_t len,
	       struct adx_error *err)
{
	const char *copy;

	if (memchr(word, '\0', len) != NULL)
		return adx_fail(err, ADX_EUSAGE, "the line has a NUL character");
	if (line->command != NULL && line->count == BATCH_ARGS_MAX)
		return adx_fail(err, ADX_EUSAGE, "the line has more arguments than any command");
	copy = arena_strndup(arena, word, len);
	if (copy == NULL)
		return adx_nomem(err);
	if (line->command == NULL)
		line->command = copy;
	else
		line->args[line->count++] = copy;
	return ADX_OK;
}

enum adx_rc
batch_line_parse(const char *text, size_t len, struct arena *arena, struct batch_line *out,
		 struct adx_error *err)
{
	size_t at = blanks(text, len);
	bool json = at < len && (text[at] == '[' || text[at] == '{');
	enum adx_rc rc;

	*out = (struct batch_line){ 0 };
	rc = json ? batch_json_parse(text, len, arena, out, err)
		  : batch_words_parse(text, len, arena, out, err);
	if (rc == ADX_OK && out->command == NULL)
		rc = adx_fail(err, ADX_EUSAGE, "the line names no command");
	return rc;
}

/* ---- arguments by name ------------------------------------------------------------------- */

static bool
has_param(const struct command *command, const char *name)
{
	size_t n = command_param_count(command);

	for (size_t i = 0; i < n; i++)
		if (strcmp(command->params[i].name, name) == 0)
			return true;
	return false;
}

static enum adx_rc
check_names(const struct batch_line *line, const struct command *command, struct adx_error *err)
{
	for (size_t i = 0; i < line->count; i++) {
		if (!has_param(command, line->names[i]))
			return adx_fail(err, ADX_EUSAGE, "%s has no argument '%.60s'",
					command->name, line->names[i]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(line->names[k], line->names[i]) == 0)
				return adx_fail(err, ADX_EUSAGE, "argument '%s' is there twice",
						line->names[i]);
	}
	return ADX_OK;
}

static const char *
named(const struct batch_line *line, const char *name)
{
	for (size_t i = 0; i < line->count; i++)
		if (strcmp(line->names[i], name) == 0)
			return line->args[i];
	return NULL;
}

enum adx_rc
batch_line_order(struct batch_line *line, const struct command *command, struct adx_error *err)
{
	const char *args[COMMAND_PARAMS_MAX];
	size_t n = command_param_count(command);
	enum adx_rc rc;

	if (!line->named)
		return ADX_OK;
	rc = check_names(line, command, err);
	for (size_t i = 0; i < n && rc == ADX_OK; i++) {
		args[i] = named(line, command->params[i].name);
		if (args[i] == NULL)
			rc = adx_fail(err, ADX_EUSAGE, "%s needs argument '%s'", command->name,
				      command->params[i].name);
	}
	if (rc != ADX_OK)
		return rc;
	memcpy(line->args, args, n * sizeof(args[0]));
	line->named = false;
	return ADX_OK;
}
