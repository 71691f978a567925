#include "db/rowset.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "db/pg.h"

/* What malloc() takes for itself, about. */
enum { ALLOCATION = 16 };

/*
 * Each cell is its text and a NUL byte; SQL NULL is no byte at all. The names of the columns are a
 * row before the first.
 */
struct rowset {
	atomic_size_t holders;
	size_t size;
	size_t columns, rows;
	uint32_t ends[]; /* of each cell, in the text that stands behind */
};

/* ---- making ------------------------------------------------------------------------------ */

void
rowset_begin(struct rowset_builder *builder, size_t columns)
{
	*builder = (struct rowset_builder){ columns, BUF_INIT, BUF_INIT };
}

void
rowset_add(struct rowset_builder *builder, const char *text, size_t len)
{
	uint32_t end;

	if (text != NULL) {
		buf_add(&builder->text, text, len);
		buf_add_char(&builder->text, '\0');
	}
	end = (uint32_t)builder->text.len;
	buf_add(&builder->ends, &end, sizeof(end));
}

static enum adx_rc
build(const struct rowset_builder *builder, struct rowset **out, struct adx_error *err)
{
	const struct buf *ends = &builder->ends, *text = &builder->text;
	size_t size = sizeof(**out) + ends->len + text->len;
	struct rowset *set = NULL;

	if (buf_ok(ends) && buf_ok(text) && text->len <= UINT32_MAX)
		set = malloc(size);
	if (set == NULL)
		return adx_nomem(err);
	atomic_init(&set->holders, 1);
	set->size = size + ALLOCATION;
	set->columns = builder->columns;
	set->rows = set->columns == 0 ? 0 : ends->len / sizeof(uint32_t) / set->columns - 1;
	if (ends->len > 0)
		memcpy(set->ends, ends->data, ends->len);
	if (text->len > 0)
		memcpy((char *)set->ends + ends->len, text->data, text->len);
	*out = set;
	return ADX_OK;
}

void
rowset_discard(struct rowset_builder *builder)
{
	buf_free(&builder->ends);
	buf_free(&builder->text);
}

enum adx_rc
rowset_end(struct rowset_builder *builder, struct rowset **out, struct adx_error *err)
{
	enum adx_rc rc;

	*out = NULL;
	rc = build(builder, out, err);
	rowset_discard(builder);
	return rc;
}

/* ---- holding and looking ----------------------------------------------------------------- */

struct rowset *
rowset_hold(struct rowset *set)
{
	atomic_fetch_add_explicit(&set->holders, 1, memory_order_relaxed);
	return set;
}

void
rowset_release(struct rowset *set)
{
	if (set != NULL && atomic_fetch_sub_explicit(&set->holders, 1, memory_order_acq_rel) == 1)
		free(set);
}

size_t
rowset_size(const struct rowset *set)
{
	return set->size;
}

size_t
rowset_rows(const struct rowset *set)
{
	return set->rows;
}

static const char *
cell(const struct rowset *set, size_t i, size_t *len)
{
	const char *text = (const char *)(set->ends + (set->rows + 1) * set->columns);
	uint32_t from = i == 0 ? 0 : set->ends[i - 1];

	*len = 0;
	if (from == set->ends[i])
		return NULL;
	*len = set->ends[i] - from - 1;
	return text + from;
}

int
rowset_column(const struct rowset *set, const char *name)
{
	size_t len;

	for (size_t i = 0; i < set->columns; i++)
		if (strcmp(cell(set, i, &len), name) == 0)
			return (int)i;
	return -1;
}

const char *
rowset_text(const struct rowset *set, size_t row, int column, size_t *len)
{
	*len = 0;
	if (row >= set->rows || column < 0 || (size_t)column >= set->columns)
		return NULL;
	return cell(set, (row + 1) * set->columns + (size_t)column, len);
}

/* ---- from rows and back ------------------------------------------------------------------ */

/* Also after the last row, and when there was none, the answer has its columns. */
static void
add_names(struct rowset_builder *builder, const PGresult *res)
{
	for (int i = 0; i < PQnfields(res); i++)
		rowset_add(builder, PQfname(res, i), strlen(PQfname(res, i)));
}

static void
add_row(struct rowset_builder *builder, const struct rows *rows)
{
	for (size_t i = 0; i < builder->columns; i++) {
		size_t len;
		const char *text = rows_text(rows, (int)i, &len);

		rowset_add(builder, text, len);
	}
}

enum adx_rc
rows_keep(struct rows *rows, struct rowset **out, struct adx_error *err)
{
	struct rowset_builder builder;
	bool has;
	enum adx_rc rc;

	*out = NULL;
	if (rows->set != NULL) {
		rows->done = true;
		*out = rowset_hold(rows->set);
		return ADX_OK;
	}
	rc = rows_next(rows, &has, err);
	if (rc != ADX_OK)
		return rc;
	rowset_begin(&builder, (size_t)PQnfields(rows->res));
	add_names(&builder, rows->res);
	for (; rc == ADX_OK && has; rc = rows_next(rows, &has, err))
		add_row(&builder, rows);
	if (rc == ADX_OK)
		return rowset_end(&builder, out, err);
	rowset_discard(&builder);
	return rc;
}

enum adx_rc
rowset_read(struct rowset *set, struct rows **out, struct adx_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return adx_nomem(err);
	(*out)->set = rowset_hold(set);
	return ADX_OK;
}
