/*
 * The rows of one statement, kept in memory: one allocation, never changed, shared by counting.
 *
 * A set may be held, read and released by any threads at the same time; a struct rows over it is
 * for one thread at a time.
 */
#ifndef ADMINEX_ROWSET_H
#define ADMINEX_ROWSET_H

#include <stddef.h>

#include "adminex/error.h"
#include "base/buf.h"
#include "db/stmt.h"

struct rowset;

/*
 * Read rows, of which none was read yet, to the end and keep them. On ADX_OK the caller holds *out;
 * `rows` is still to be closed, either way.
 */
ADX_MUST_CHECK enum adx_rc rows_keep(struct rows *rows, struct rowset **out, struct adx_error *err);

/*
 * Read a set as the answer of a statement: all that db/stmt.h says of rows holds, and nothing but
 * the lack of memory can fail. *out holds the set by itself until rows_close().
 */
ADX_MUST_CHECK enum adx_rc rowset_read(struct rowset *set, struct rows **out,
				       struct adx_error *err);

/* Once more, and once less; the last release frees. NULL may be released. hold returns its set. */
struct rowset *rowset_hold(struct rowset *set);
void rowset_release(struct rowset *set);

/* The bytes it takes, the allocator's own included. */
size_t rowset_size(const struct rowset *set);
size_t rowset_rows(const struct rowset *set);
/* The position of a column, or -1. */
int rowset_column(const struct rowset *set, const char *name);
/*
 * A value, NUL-terminated, by row and column from 0; borrowed from the set. NULL with *len 0 is SQL
 * NULL, and what stands beyond the set.
 */
const char *rowset_text(const struct rowset *set, size_t row, int column, size_t *len);

/*
 * Making one: begin with the number of columns, add their names, then the values row by row, end.
 * A value of NULL is SQL NULL. rowset_end() gives the caller a set to hold, or fails for want of
 * memory, now or before; it ends the builder in any case.
 */
struct rowset_builder {
	size_t columns;
	struct buf ends; /* uint32_t */
	struct buf text;
};

void rowset_begin(struct rowset_builder *builder, size_t columns);
void rowset_add(struct rowset_builder *builder, const char *text, size_t len);
ADX_MUST_CHECK enum adx_rc rowset_end(struct rowset_builder *builder, struct rowset **out,
				      struct adx_error *err);
/* End the builder without a set. */
void rowset_discard(struct rowset_builder *builder);

#endif
