/*
 * Rows in COPY's binary format (PostgreSQL manual, COPY, "Binary Format"), for secrets: when a
 * COPY fails, the server's log quotes the line of a text format, but of this one only its number.
 */
#ifndef ADMINEX_COPY_BINARY_H
#define ADMINEX_COPY_BINARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void binary_begin(struct buf *copy);
void binary_row(struct buf *copy, int16_t fields);
/* data NULL is SQL NULL. */
void binary_bytes(struct buf *copy, const void *data, size_t len);
void binary_text(struct buf *copy, const char *text);
void binary_int32(struct buf *copy, int32_t value);
void binary_int64(struct buf *copy, int64_t value);
void binary_end(struct buf *copy);

#endif
