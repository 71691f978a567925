/*
 * What mongooseimctl printed: rows of fields parted by tabs, one value, or the text of the answer,
 * and one newline after any of them that is not empty.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/writer.h"

struct text_writer {
	struct writer base;
	bool something; /* the string being written is not empty */
};

static void
list_begin(struct writer *w)
{
	w->value = true;
}

/* One row stays one line: what would break it is written as an escape. */
static void
write_field(struct out *out, const char *data, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		const char *escape = data[i] == '\t'   ? "\\t"
				     : data[i] == '\n' ? "\\n"
				     : data[i] == '\\' ? "\\\\"
						       : NULL;

		if (escape == NULL)
			continue;
		out_write(out, data + from, i - from);
		out_text(out, escape);
		from = i + 1;
	}
	out_write(out, data + from, len - from);
}

static void
row(struct writer *w, const struct cell *cells)
{
	if (w->mute)
		return;
	for (size_t i = 0; i < w->field_count; i++) {
		if (i > 0)
			out_write(w->out, "\t", 1);
		if (cells[i].data != NULL)
			write_field(w->out, cells[i].data, cells[i].len);
	}
	out_write(w->out, "\n", 1);
}

static void
integer(struct writer *w, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64 "\n", value);
	out_text(w->out, text);
	w->value = true;
}

static void
string_begin(struct writer *w)
{
	w->value = true;
}

static void
string_part(struct writer *w, const char *data, size_t len)
{
	struct text_writer *t = (struct text_writer *)w;

	out_write(w->out, data, len);
	t->something = t->something || len > 0;
}

static void
string_end(struct writer *w)
{
	if (((struct text_writer *)w)->something)
		out_write(w->out, "\n", 1);
}

static void
finish(struct writer *w, const struct outcome *outcome)
{
	if (!outcome->answered || outcome->message[0] == '\0')
		return;
	out_text(w->out, outcome->message);
	out_write(w->out, "\n", 1);
}

static void
reset(struct writer *w)
{
	((struct text_writer *)w)->something = false;
}

static void
text_free(struct writer *w)
{
	free(w);
}

struct writer *
writer_text_new(void)
{
	static const struct writer_ops OPS = { list_begin,   row,         integer,
					       string_begin, string_part, string_end,
					       finish,       reset,       text_free };
	struct text_writer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->base.ops = &OPS;
	return &t->base;
}
