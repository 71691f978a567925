/*
 * CSV with a header line. A list has its fields, a single value the name of the command's result,
 * and an answer without a value the columns status and message.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/csv.h"
#include "command/writer.h"

struct csv_writer {
	struct writer base;
	struct buf line;
};

static void
send_line(struct csv_writer *c)
{
	buf_add_char(&c->line, '\n');
	if (!buf_ok(&c->line))
		out_fail(c->base.out, ENOMEM);
	out_write(c->base.out, buf_text(&c->line), c->line.len);
	buf_clear(&c->line);
}

static void
add_text(struct csv_writer *c, const char *text)
{
	if (c->line.len > 0)
		buf_add_char(&c->line, ',');
	csv_add_field(&c->line, text, strlen(text));
}

static void
list_begin(struct writer *w)
{
	struct csv_writer *c = (struct csv_writer *)w;

	for (size_t i = 0; i < w->field_count; i++)
		add_text(c, w->fields[i].name);
	send_line(c);
	w->value = true;
}

static void
row(struct writer *w, const struct cell *cells)
{
	struct csv_writer *c = (struct csv_writer *)w;

	for (size_t i = 0; i < w->field_count; i++) {
		if (i > 0)
			buf_add_char(&c->line, ',');
		if (cells[i].data != NULL)
			csv_add_field(&c->line, cells[i].data, cells[i].len);
	}
	/* To many readers an empty line is no row. */
	if (c->line.len == 0)
		buf_add_text(&c->line, "\"\"");
	send_line(c);
}

static void
integer(struct writer *w, int64_t value)
{
	struct csv_writer *c = (struct csv_writer *)w;
	char text[32];

	add_text(c, w->result_name);
	send_line(c);
	snprintf(text, sizeof(text), "%" PRId64, value);
	add_text(c, text);
	send_line(c);
	w->value = true;
}

static void
string_begin(struct writer *w)
{
	struct csv_writer *c = (struct csv_writer *)w;

	add_text(c, w->result_name);
	send_line(c);
	/* A string comes in parts of any length, so it is always quoted. */
	out_write(w->out, "\"", 1);
	w->value = true;
}

static void
string_part(struct writer *w, const char *data, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] != '"')
			continue;
		out_write(w->out, data + from, i + 1 - from);
		from = i;
	}
	out_write(w->out, data + from, len - from);
}

static void
string_end(struct writer *w)
{
	out_text(w->out, "\"\n");
}

static void
finish(struct writer *w, const struct outcome *outcome)
{
	struct csv_writer *c = (struct csv_writer *)w;

	if (w->value || !outcome->answered)
		return;
	add_text(c, "status");
	add_text(c, "message");
	send_line(c);
	add_text(c, outcome->status);
	buf_add_char(&c->line, ',');
	csv_add_field(&c->line, outcome->message, strlen(outcome->message));
	send_line(c);
}

static void
reset(struct writer *w)
{
	buf_clear(&((struct csv_writer *)w)->line);
}

static void
csv_free(struct writer *w)
{
	buf_free(&((struct csv_writer *)w)->line);
	free(w);
}

struct writer *
writer_csv_new(void)
{
	static const struct writer_ops OPS = { list_begin,   row,         integer,
					       string_begin, string_part, string_end,
					       finish,       reset,       csv_free };
	struct csv_writer *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base.ops = &OPS;
	c->base.rows_only = true;
	return &c->base;
}
