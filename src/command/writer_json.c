/*
 * {"result": VALUE, "next": ..., "message": ..., "token": ..., "status": ...}: one document, or in
 * lines each row of a list on its own and the outcome on the last line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "base/buf.h"
#include "base/text.h"
#include "command/writer.h"

struct json_writer {
	struct writer base;
	yajl_gen gen;
	bool lines;
	bool in_list;
	bool in_string;
	bool in_map; /* the outer object is open */
};

static void
print(void *ctx, const char *data, size_t len)
{
	out_write(((struct json_writer *)ctx)->base.out, data, len);
}

static void
gen_text(yajl_gen g, const char *data, size_t len)
{
	yajl_gen_string(g, (const unsigned char *)data, len);
}

/* A message may quote an argument, and an argument may be any bytes; JSON is UTF-8. */
static void
gen_message(struct json_writer *j, const char *text)
{
	struct buf clean = BUF_INIT;
	size_t len = strlen(text);
	unsigned cp;

	if (text_is_utf8(text, len)) {
		gen_text(j->gen, text, len);
		return;
	}
	for (size_t i = 0, n; i < len; i += n) {
		n = text_next(text + i, len - i, &cp);
		buf_add_utf8(&clean, n == 0 ? 0xFFFD : cp);
		if (n == 0)
			n = 1;
	}
	if (!buf_ok(&clean))
		out_fail(j->base.out, ENOMEM);
	gen_text(j->gen, buf_text(&clean), clean.len);
	buf_free(&clean);
}

static void
member(struct json_writer *j, const char *name, const char *text)
{
	gen_text(j->gen, name, strlen(name));
	gen_message(j, text);
}

static void
gen_line(yajl_gen g, const struct writer_line *line)
{
	if (line->id != NULL) {
		gen_text(g, "id", strlen("id"));
		if (line->id_is_number)
			yajl_gen_number(g, line->id, strlen(line->id));
		else
			gen_text(g, line->id, strlen(line->id));
	}
	gen_text(g, "line", strlen("line"));
	yajl_gen_integer(g, line->number);
}

static void
open_map(struct json_writer *j)
{
	if (j->in_map)
		return;
	j->in_map = true;
	yajl_gen_map_open(j->gen);
	if (j->base.line == NULL)
		return;
	gen_line(j->gen, j->base.line);
	if (j->base.line->command != NULL)
		member(j, "command", j->base.line->command);
}

static void
begin_result(struct json_writer *j)
{
	j->base.value = true;
	open_map(j);
	gen_text(j->gen, "result", strlen("result"));
}

static void
end_line(struct json_writer *j)
{
	yajl_gen_reset(j->gen, NULL);
	out_write(j->base.out, "\n", 1);
}

static void
list_begin(struct writer *w)
{
	struct json_writer *j = (struct json_writer *)w;

	j->in_list = true;
	w->value = true;
	if (j->lines)
		return;
	begin_result(j);
	yajl_gen_array_open(j->gen);
}

static void
gen_cell(yajl_gen g, const struct field *field, const struct cell *cell)
{
	if (cell->data == NULL)
		yajl_gen_null(g);
	else if (field->integer)
		yajl_gen_number(g, cell->data, cell->len);
	else
		gen_text(g, cell->data, cell->len);
}

static void
row(struct writer *w, const struct cell *cells)
{
	struct json_writer *j = (struct json_writer *)w;

	yajl_gen_map_open(j->gen);
	for (size_t i = 0; i < w->field_count; i++) {
		gen_text(j->gen, w->fields[i].name, strlen(w->fields[i].name));
		gen_cell(j->gen, &w->fields[i], &cells[i]);
	}
	yajl_gen_map_close(j->gen);
	if (j->lines)
		end_line(j);
}

static void
integer(struct writer *w, int64_t value)
{
	struct json_writer *j = (struct json_writer *)w;

	begin_result(j);
	yajl_gen_integer(j->gen, value);
}

static void
string_begin(struct writer *w)
{
	struct json_writer *j = (struct json_writer *)w;

	begin_result(j);
	/* A "number" is printed as it is: here the opening quote of a string that comes in parts.
	 */
	yajl_gen_number(j->gen, "\"", 1);
	j->in_string = true;
}

/* The escaped form of a part: what yajl makes of it as a string of its own, without the quotes. */
static void
string_part(struct writer *w, const char *data, size_t len)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t size;

	if (g == NULL) {
		out_fail(w->out, ENOMEM);
		return;
	}
	gen_text(g, data, len);
	if (yajl_gen_get_buf(g, &text, &size) == yajl_gen_status_ok && size >= 2)
		out_write(w->out, text + 1, size - 2);
	yajl_gen_free(g);
}

static void
string_end(struct writer *w)
{
	out_write(w->out, "\"", 1);
	((struct json_writer *)w)->in_string = false;
}

static void
finish(struct writer *w, const struct outcome *outcome)
{
	struct json_writer *j = (struct json_writer *)w;

	/* A value that was cut off stays open: it must not look whole. */
	if ((j->in_list || j->in_string) && !outcome->answered) {
		out_text(w->out, j->lines && j->in_list ? "" : "\n");
		return;
	}
	if (j->in_list && !j->lines)
		yajl_gen_array_close(j->gen);
	open_map(j);
	if (outcome->next != NULL)
		member(j, "next", outcome->next);
	if (w->line != NULL) {
		gen_text(j->gen, "rows", strlen("rows"));
		yajl_gen_integer(j->gen, *w->line->rows);
	}
	if (outcome->message[0] != '\0')
		member(j, "message", outcome->message);
	if (outcome->token != NULL)
		member(j, "token", outcome->token);
	if (outcome->hint[0] != '\0')
		member(j, "hint", outcome->hint);
	if (outcome->sqlstate[0] != '\0')
		member(j, "sqlstate", outcome->sqlstate);
	member(j, "status", outcome->status);
	yajl_gen_map_close(j->gen);
	end_line(j);
}

static void
reset(struct writer *w)
{
	struct json_writer *j = (struct json_writer *)w;

	yajl_gen_reset(j->gen, NULL);
	j->in_list = false;
	j->in_string = false;
	j->in_map = false;
}

static void
json_free(struct writer *w)
{
	yajl_gen_free(((struct json_writer *)w)->gen);
	free(w);
}

struct writer *
writer_json_new(bool lines)
{
	static const struct writer_ops OPS = { list_begin,   row,         integer,
					       string_begin, string_part, string_end,
					       finish,       reset,       json_free };
	struct json_writer *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->gen = yajl_gen_alloc(NULL);
	if (j->gen == NULL) {
		free(j);
		return NULL;
	}
	yajl_gen_config(j->gen, yajl_gen_print_callback, print, j);
	j->base.ops = &OPS;
	j->base.tells_next = true;
	j->lines = lines;
	return &j->base;
}
