#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not realloc(): it would leave what was held, perhaps a secret, in memory that others get. */
static bool
grow(struct buf *b, size_t cap)
{
	char *data = malloc(cap);

	if (data == NULL)
		return false;
	if (b->data != NULL) {
		memcpy(data, b->data, b->len);
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	data[b->len] = '\0';
	b->data = data;
	b->cap = cap;
	return true;
}

char *
buf_room(struct buf *b, size_t more)
{
	size_t cap = b->cap == 0 ? 224 : b->cap;

	if (b->failed)
		return NULL;
	if (more >= (size_t)-1 / 4 || b->len >= (size_t)-1 / 4) {
		b->failed = true;
		return NULL;
	}
	while (cap < b->len + more + 1)
		cap *= 2;
	if (cap != b->cap && !grow(b, cap)) {
		b->failed = true;
		return NULL;
	}
	return b->data + b->len;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	char *room = !b->failed && len < b->cap - b->len ? b->data + b->len : buf_room(b, len);

	if (room == NULL)
		return;
	if (len > 0)
		memcpy(room, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *room;
	int need;

	va_start(ap, fmt);
	need = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (need < 0) {
		b->failed = true;
		return;
	}
	room = buf_room(b, (size_t)need);
	if (room == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(room, (size_t)need + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)need;
}

void
buf_add_utf8(struct buf *b, unsigned codepoint)
{
	char out[4];
	size_t n;

	if (codepoint < 0x80) {
		out[0] = (char)codepoint;
		n = 1;
	} else if (codepoint < 0x800) {
		out[0] = (char)(0xC0 | (codepoint >> 6));
		out[1] = (char)(0x80 | (codepoint & 0x3F));
		n = 2;
	} else if (codepoint < 0x10000) {
		out[0] = (char)(0xE0 | (codepoint >> 12));
		out[1] = (char)(0x80 | ((codepoint >> 6) & 0x3F));
		out[2] = (char)(0x80 | (codepoint & 0x3F));
		n = 3;
	} else {
		out[0] = (char)(0xF0 | (codepoint >> 18));
		out[1] = (char)(0x80 | ((codepoint >> 12) & 0x3F));
		out[2] = (char)(0x80 | ((codepoint >> 6) & 0x3F));
		out[3] = (char)(0x80 | (codepoint & 0x3F));
		n = 4;
	}
	buf_add(b, out, n);
}

bool
buf_ok(const struct buf *b)
{
	return !b->failed;
}

const char *
buf_text(const struct buf *b)
{
	return b->data == NULL ? "" : b->data;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void
buf_rinse(struct buf *b)
{
	enum { SMALL = 1024 };

	if (b->failed || b->cap > SMALL) {
		buf_wipe(b);
		return;
	}
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	b->len = 0;
}

void
buf_wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}
