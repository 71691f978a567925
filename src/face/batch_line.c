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

/* The parameter's place; that behind the last one when there is none of that name. */
static size_t
find_param(const struct command *command, const char *name)
{
	size_t n = command_param_count(command), i = 0;

	while (i < n && strcmp(command->params[i].name, name) != 0)
		i++;
	return i;
}

static enum adx_rc
wrong_value(const struct param *p, enum batch_value found, struct adx_error *err)
{
	static const char *const FOUND[] = {
		[BATCH_TEXT] = "a string or a number",
		[BATCH_TRUE] = "true",
		[BATCH_FALSE] = "false",
		[BATCH_NULL] = "null",
	};
	const char *want = p->type == PARAM_FLAG ? "true or false" : "a string or a number";

	return adx_fail(err, ADX_EUSAGE, "expected %s as '%s', found %s", want, p->name,
			FOUND[found]);
}

/* What an argument says; NULL in *value: the same as if it were not there. */
static enum adx_rc
take_value(const struct param *p, const char *text, enum batch_value found, const char **value,
	   struct adx_error *err)
{
	bool flag = p->type == PARAM_FLAG;

	*value = NULL;
	if (found == BATCH_NULL && p->optional)
		return ADX_OK;
	if (found == BATCH_NULL || flag != (found != BATCH_TEXT))
		return wrong_value(p, found, err);
	if (found != BATCH_FALSE)
		*value = flag ? ARGS_TRUE : text;
	return ADX_OK;
}

static enum adx_rc
check_twice(const struct batch_line *line, size_t at, struct adx_error *err)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(line->names[i], line->names[at]) == 0)
			return adx_fail(err, ADX_EUSAGE, "argument '%s' is there twice",
					line->names[at]);
	return ADX_OK;
}

static enum adx_rc
take_named(const struct batch_line *line, const struct command *command, struct args *out,
	   struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	*out = (struct args){ .count = command_param_count(command) };
	for (size_t i = 0; i < line->count && rc == ADX_OK; i++) {
		size_t at = find_param(command, line->names[i]);

		if (at == out->count)
			return adx_fail(err, ADX_EUSAGE, "%s has no argument '%.60s'",
					command->name, line->names[i]);
		rc = check_twice(line, i, err);
		if (rc == ADX_OK)
			rc = take_value(&command->params[at], line->args[i], line->values[i],
					&out->values[at], err);
	}
	return rc;
}

static enum adx_rc
read_named(const struct batch_line *line, const struct command *command, struct args *out,
	   struct adx_error *err)
{
	enum adx_rc rc = take_named(line, command, out, err);
	size_t required = command_required_count(command);

	for (size_t i = 0; i < required && rc == ADX_OK; i++)
		if (out->values[i] == NULL)
			rc = adx_fail(err, ADX_EUSAGE, "%s needs argument '%s'", command->name,
				      command->params[i].name);
	return rc;
}

enum adx_rc
batch_line_resolve(const struct batch_line *line, const struct command *const *commands,
		   const struct command **command, struct args *args, struct adx_error *err)
{
	const char *second = line->named || line->count == 0 ? NULL : line->args[0];
	size_t words;

	*command = command_named(commands, line->command, second, &words);
	if (*command == NULL)
		return command_unknown(commands, line->command, second, err);
	if (line->named)
		return read_named(line, *command, args, err);
	return args_read(*command, line->args + words - 1, line->count + 1 - words, args, err);
}
