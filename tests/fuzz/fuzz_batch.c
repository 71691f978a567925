/*
 * Lines of a batch: any bytes. What is refused says why on one line. What is accepted has a command
 * and arguments that are whole, and reads as the same when it is written again as words and, in
 * UTF-8, as JSON. Arguments by name come out in the order of the command's parameters, of those of
 * the program and of some that have optional ones.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "../unit/parcels.h"
#include "base/json.h"
#include "base/text.h"
#include "face/batch.h"
#include "service/admin_extra.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() would vanish with NDEBUG. */
static void
must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static const struct command *const *
commands(void)
{
	static struct admin_extra *service;
	struct strvec all = { 0 };
	struct adx_error err;

	if (service == NULL)
		must(admin_extra_start(&all, &service, &err) == ADX_OK, "the service starts");
	return admin_extra_commands(service);
}

static void
check_error(const struct adx_error *err)
{
	must(err->rc == ADX_EUSAGE, "the code");
	must(err->message[0] != '\0', "a reason");
	/* Of a name that somebody made up, a face shows the line ends. */
	must(strpbrk(err->message, "\r\n") == NULL || strchr(err->message, '\'') != NULL,
	     "a message of one line");
}

static void
check_line(const struct batch_line *line)
{
	must(line->command != NULL, "a command");
	must(line->count <= BATCH_ARGS_MAX, "a limit");
	for (size_t i = 0; i < line->count; i++) {
		must(line->args[i] != NULL, "an argument");
		must(!line->named || line->names[i] != NULL, "a name");
	}
}

static void
check_same(const struct batch_line *a, const struct batch_line *b)
{
	must(strcmp(a->command, b->command) == 0, "the same command");
	must(a->count == b->count && a->named == b->named, "as many arguments");
	for (size_t i = 0; i < a->count; i++) {
		must(strcmp(a->args[i], b->args[i]) == 0, "the same arguments");
		must(a->values[i] == b->values[i], "the same kinds");
		must(!a->named || strcmp(a->names[i], b->names[i]) == 0, "the same names");
	}
}

static void
check_reads_as(const char *text, size_t len, const struct batch_line *want)
{
	struct arena arena = ARENA_INIT;
	struct batch_line got;
	struct adx_error err = { 0 };

	if (batch_line_parse(text, len, &arena, &got, &err) != ADX_OK)
		must(false, err.message);
	check_same(&got, want);
	arena_free(&arena);
}

static void
add_quoted(struct buf *out, const char *word)
{
	buf_add_char(out, '\'');
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			buf_add_text(out, "'\\''");
		else
			buf_add_char(out, *word);
	}
	buf_add_text(out, "' ");
}

static void
check_as_words(const struct batch_line *line)
{
	struct buf text = BUF_INIT;

	add_quoted(&text, line->command);
	for (size_t i = 0; i < line->count; i++)
		add_quoted(&text, line->args[i]);
	check_reads_as(text.data, text.len, line);
	buf_free(&text);
}

static void
add_value(yajl_gen g, const struct batch_line *line, size_t i)
{
	switch (line->values[i]) {
	case BATCH_TEXT: json_text(g, line->args[i]); break;
	case BATCH_NULL: yajl_gen_null(g); break;
	default: yajl_gen_bool(g, line->values[i] == BATCH_TRUE); break;
	}
}

static void
check_as_json(const struct batch_line *line)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t len;

	yajl_gen_map_open(g);
	json_text(g, "args");
	if (line->named)
		yajl_gen_map_open(g);
	else
		yajl_gen_array_open(g);
	for (size_t i = 0; i < line->count; i++) {
		if (line->named)
			json_text(g, line->names[i]);
		add_value(g, line, i);
	}
	if (line->named)
		yajl_gen_map_close(g);
	else
		yajl_gen_array_close(g);
	json_member(g, "command", line->command);
	yajl_gen_map_close(g);
	must(yajl_gen_get_buf(g, &text, &len) == yajl_gen_status_ok, "a document");
	check_reads_as((const char *)text, len, line);
	yajl_gen_free(g);
}

static bool
is_utf8(const struct batch_line *line)
{
	bool yes = text_is_utf8(line->command, strlen(line->command));

	for (size_t i = 0; i < line->count && yes; i++)
		yes = text_is_utf8(line->args[i], strlen(line->args[i]));
	return yes;
}

/* The text that a name came with; NULL when there is none, or it is no text. */
static const char *
value_of(const struct batch_line *line, const char *name)
{
	for (size_t i = 0; i < line->count; i++)
		if (strcmp(line->names[i], name) == 0)
			return line->values[i] == BATCH_TEXT ? line->args[i] : NULL;
	return NULL;
}

/* Is the text the end of one of the words? */
static bool
is_given(const struct batch_line *line, const char *text)
{
	for (size_t i = 0; i < line->count; i++)
		if (text >= line->args[i] && text <= line->args[i] + strlen(line->args[i]))
			return true;
	return false;
}

static void
check_value(const struct batch_line *line, const struct param *p, const char *value)
{
	if (value == NULL)
		must(p->optional || !line->named, "what must be there");
	else if (p->type == PARAM_FLAG)
		must(value == ARGS_TRUE, "a flag");
	else if (line->named)
		must(value == value_of(line, p->name), "the order");
	else
		must(is_given(line, value), "a word of the line");
}

static void
check_args(const struct batch_line *line, const struct command *const *table)
{
	const struct command *command;
	struct adx_error err = { 0 };
	struct args args;

	if (batch_line_resolve(line, table, &command, &args, &err) != ADX_OK) {
		check_error(&err);
		return;
	}
	must(args.count >= command_param_count(command), "a place for each parameter");
	for (size_t i = 0; i < command_param_count(command); i++)
		check_value(line, &command->params[i], args.values[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	struct batch_line line;
	struct adx_error err = { 0 };
	const char *text = (const char *)data;
	bool empty = batch_line_is_empty(text, size);

	if (batch_line_parse(text, size, &arena, &line, &err) != ADX_OK) {
		check_error(&err);
	} else {
		must(!empty || text[strspn(text, " \t")] == '#', "something to run");
		check_line(&line);
		if (!line.named)
			check_as_words(&line);
		if (is_utf8(&line))
			check_as_json(&line);
		check_args(&line, commands());
		check_args(&line, PARCEL_COMMANDS);
	}
	arena_free(&arena);
	return 0;
}
