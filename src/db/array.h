/* PostgreSQL arrays, most as text (manual, 8.15.6 "Array Input and Output Syntax"). */
#ifndef ADMINEX_ARRAY_H
#define ADMINEX_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/strvec.h"

/* Begin with array_open(), add elements, end with array_close(): a value for a text[] parameter. */
void array_open(struct buf *array);
void array_add(struct buf *array, const char *element);
void array_close(struct buf *array);

/* Add the elements of a list without NULLs, as the server prints it; empty ones are left out. */
void array_read(const char *text, struct strvec *out);

/* ---- as the server sends them in binary -------------------------------------------------- */

/* The number in the four bytes of a value of type integer. */
int32_t binary_int4(const char *data);

/* An element, which stays where it is. data is NULL for SQL NULL. */
struct array_item {
	const char *data;
	size_t len;
};

/*
 * The elements of an array of one dimension: after the number of dimensions, flags, the type, the
 * size and the first index, each has its length in front (source of PostgreSQL, array_send()).
 * False when the data is no such array, or has more than `max` elements.
 */
bool array_items(const char *data, size_t len, struct array_item items[], size_t max,
		 size_t *count);

#endif
