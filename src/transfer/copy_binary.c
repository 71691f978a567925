#include "transfer/copy_binary.h"

#include <arpa/inet.h>
#include <string.h>

static void
add_int16(struct buf *copy, int16_t value)
{
	uint16_t wire = htons((uint16_t)value);

	buf_add(copy, &wire, sizeof(wire));
}

static void
add_int32(struct buf *copy, int32_t value)
{
	uint32_t wire = htonl((uint32_t)value);

	buf_add(copy, &wire, sizeof(wire));
}

void
binary_begin(struct buf *copy)
{
	static const char SIGNATURE[] = "PGCOPY\n\377\r\n";

	buf_add(copy, SIGNATURE, sizeof(SIGNATURE)); /* its NUL is part of it */
	add_int32(copy, 0);                          /* flags */
	add_int32(copy, 0);                          /* length of the header's extension */
}

void
binary_row(struct buf *copy, int16_t fields)
{
	add_int16(copy, fields);
}

void
binary_bytes(struct buf *copy, const void *data, size_t len)
{
	if (data == NULL) {
		add_int32(copy, -1);
		return;
	}
	add_int32(copy, (int32_t)len);
	buf_add(copy, data, len);
}

void
binary_text(struct buf *copy, const char *text)
{
	binary_bytes(copy, text, text == NULL ? 0 : strlen(text));
}

void
binary_int32(struct buf *copy, int32_t value)
{
	add_int32(copy, sizeof(value));
	add_int32(copy, value);
}

void
binary_int64(struct buf *copy, int64_t value)
{
	add_int32(copy, sizeof(value));
	add_int32(copy, (int32_t)(value >> 32));
	add_int32(copy, (int32_t)(value & 0xFFFFFFFF));
}

void
binary_end(struct buf *copy)
{
	add_int16(copy, -1);
}
