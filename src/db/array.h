/* PostgreSQL arrays as text (manual, 8.15.6 "Array Input and Output Syntax"). */
#ifndef ADMINEX_ARRAY_H
#define ADMINEX_ARRAY_H

#include "base/buf.h"
#include "base/strvec.h"

/* Begin with array_open(), add elements, end with array_close(): a value for a text[] parameter. */
void array_open(struct buf *array);
void array_add(struct buf *array, const char *element);
void array_close(struct buf *array);

/* Add the elements of a list without NULLs, as the server prints it; empty ones are left out. */
void array_read(const char *text, struct strvec *out);

#endif
