/* PostgreSQL arrays as text (manual, 8.15.6 "Array Input and Output Syntax"). */
#ifndef ADMINEX_ARRAY_H
#define ADMINEX_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/strvec.h"

/* Begin with array_open(), add elements, end with array_close(): a value for a text[] parameter. */
void array_open(struct buf *array);
void array_add(struct buf *array, const char *element);
void array_close(struct buf *array);

/* An element: as it is in the text, or what it means in the scratch buffer. NULL is SQL NULL. */
struct array_item {
	const char *data;
	size_t len;
};

/*
 * The elements of an array of one dimension, as the server prints it. They are good as long as the
 * text and the scratch buffer are. False when the text is no such array, has more than `max`
 * elements, or when out of memory.
 */
bool array_split(const char *text, size_t len, struct buf *scratch, struct array_item items[],
		 size_t max, size_t *count);

/* Add the elements of a list without NULLs, as the server prints it; empty ones are left out. */
void array_read(const char *text, struct strvec *out);

#endif
