/*
 * Aligned columns for people. The widths come from the first rows; later ones stream past with
 * those widths, so memory stays flat.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/strvec.h"
#include "base/text.h"
#include "command/writer.h"

enum { LOOKED_AT = 500, WIDEST = 60 };

struct table_writer {
	struct writer base;
	struct strvec cells; /* of the first rows */
	size_t width[COMMAND_FIELDS_MAX];
	bool measuring;
};

static size_t
width_of(const char *s, size_t len)
{
	size_t width = 0;
	unsigned cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = text_next(s + i, len - i, &cp);
		int columns = n == 0 ? 1 : wcwidth((wchar_t)cp);

		width += columns < 0 ? 1 : (size_t)columns;
		n = n == 0 ? 1 : n;
	}
	return width;
}

static void
pad(struct out *out, size_t from, size_t to, char with)
{
	for (; from < to; from++)
		out_write(out, &with, 1);
}

/* Control characters would move the cursor of whoever looks at the table. */
static void
write_visible(struct out *out, const char *s, size_t len)
{
	unsigned cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = text_next(s + i, len - i, &cp);
		if (n == 0 || cp < 0x20 || (cp >= 0x7F && cp < 0xA0))
			out_write(out, n == 0 ? "?" : " ", 1);
		else
			out_write(out, s + i, n);
		n = n == 0 ? 1 : n;
	}
}

static void
write_line(struct table_writer *t, const char *const *texts, const size_t *lens)
{
	size_t n = t->base.field_count;

	for (size_t i = 0; i < n; i++) {
		size_t width = width_of(texts[i], lens[i]);
		bool right = t->base.fields[i].integer;

		if (i > 0)
			out_text(t->base.out, "  ");
		if (right)
			pad(t->base.out, width, t->width[i], ' ');
		write_visible(t->base.out, texts[i], lens[i]);
		if (!right && i + 1 < n)
			pad(t->base.out, width, t->width[i], ' ');
	}
	out_write(t->base.out, "\n", 1);
}

static void
write_head(struct table_writer *t)
{
	const char *names[COMMAND_FIELDS_MAX] = { NULL };
	size_t lens[COMMAND_FIELDS_MAX] = { 0 };

	for (size_t i = 0; i < t->base.field_count; i++) {
		names[i] = t->base.fields[i].name;
		lens[i] = strlen(names[i]);
	}
	write_line(t, names, lens);
	for (size_t i = 0; i < t->base.field_count; i++) {
		pad(t->base.out, 0, i > 0 ? 2 : 0, ' ');
		pad(t->base.out, 0, t->width[i], '-');
	}
	out_write(t->base.out, "\n", 1);
}

/* The widths are known: print the head and the rows that waited. */
static void
stop_measuring(struct table_writer *t)
{
	const char *texts[COMMAND_FIELDS_MAX] = { NULL };
	size_t lens[COMMAND_FIELDS_MAX] = { 0 };
	size_t n = t->base.field_count;

	t->measuring = false;
	write_head(t);
	for (size_t row = 0; row + n <= t->cells.count; row += n) {
		for (size_t i = 0; i < n; i++) {
			texts[i] = t->cells.items[row + i];
			lens[i] = strlen(texts[i]);
		}
		write_line(t, texts, lens);
	}
	strvec_free(&t->cells);
}

static void
list_begin(struct writer *w)
{
	struct table_writer *t = (struct table_writer *)w;

	for (size_t i = 0; i < w->field_count; i++)
		t->width[i] = strlen(w->fields[i].name);
	strvec_free(&t->cells);
	t->measuring = true;
	w->value = true;
}

static void
row(struct writer *w, const struct cell *cells)
{
	struct table_writer *t = (struct table_writer *)w;
	const char *texts[COMMAND_FIELDS_MAX] = { NULL };
	size_t lens[COMMAND_FIELDS_MAX] = { 0 };

	for (size_t i = 0; i < w->field_count; i++) {
		texts[i] = cells[i].data == NULL ? "" : cells[i].data;
		lens[i] = cells[i].data == NULL ? 0 : cells[i].len;
	}
	if (!t->measuring) {
		write_line(t, texts, lens);
		return;
	}
	for (size_t i = 0; i < w->field_count; i++) {
		size_t width = width_of(texts[i], lens[i]);

		strvec_add(&t->cells, texts[i], lens[i]);
		if (width > t->width[i])
			t->width[i] = width < WIDEST ? width : WIDEST;
	}
	if (!strvec_ok(&t->cells))
		out_fail(w->out, ENOMEM);
	if (t->cells.count >= LOOKED_AT * w->field_count)
		stop_measuring(t);
}

static void
finish(struct writer *w, const struct outcome *outcome)
{
	struct table_writer *t = (struct table_writer *)w;

	if (t->measuring)
		stop_measuring(t);
	if (!outcome->answered || outcome->message[0] == '\0')
		return;
	out_text(w->out, outcome->message);
	out_write(w->out, "\n", 1);
}

static void
reset(struct writer *w)
{
	strvec_free(&((struct table_writer *)w)->cells);
	((struct table_writer *)w)->measuring = false;
}

static void
table_free(struct writer *w)
{
	strvec_free(&((struct table_writer *)w)->cells);
	free(w);
}

/* Only lists become tables: writer_new() gives every other reply to the text writer. */
struct writer *
writer_table_new(void)
{
	static const struct writer_ops OPS = {
		.list_begin = list_begin,
		.row = row,
		.finish = finish,
		.reset = reset,
		.free = table_free,
	};
	struct table_writer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->base.ops = &OPS;
	return &t->base;
}
