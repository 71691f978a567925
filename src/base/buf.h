/*
 * A growing byte string. `data` is always NUL-terminated once something was
 * added, but may hold NULs inside. A failed allocation sticks: later calls do
 * nothing, and buf_ok() tells at the end. Zero-initialise with BUF_INIT.
 */
#ifndef ADMINEX_BUF_H
#define ADMINEX_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "adminex/error.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	bool failed;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0, false                                                                  \
	}

void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) ADX_PRINTF(2, 3);
/* Append one Unicode scalar value as UTF-8. */
void buf_add_utf8(struct buf *b, unsigned codepoint);
/* Make room for `more` bytes beyond len; NULL when out of memory. */
char *buf_room(struct buf *b, size_t more);
bool buf_ok(const struct buf *b);
/* The text so far, "" when empty; belongs to the buffer. */
const char *buf_text(const struct buf *b);
void buf_clear(struct buf *b);
void buf_free(struct buf *b);
/* Overwrite what it held, then free: for secrets. */
void buf_wipe(struct buf *b);
/* The same, but what is small is kept, empty, for the next use. */
void buf_rinse(struct buf *b);

#endif
