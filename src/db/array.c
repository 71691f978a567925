#include "db/array.h"

#include <string.h>

void
array_open(struct buf *array)
{
	buf_add_char(array, '{');
}

void
array_add(struct buf *array, const char *element)
{
	buf_add_text(array, array->len > 1 ? ",\"" : "\"");
	for (; *element != '\0'; element++) {
		if (*element == '"' || *element == '\\')
			buf_add_char(array, '\\');
		buf_add_char(array, *element);
	}
	buf_add_char(array, '"');
}

void
array_close(struct buf *array)
{
	buf_add_char(array, '}');
}

/* One element, from its opening quote or its first byte; returns what is behind it. */
static const char *
read_element(const char *s, struct buf *element)
{
	bool quoted = *s == '"';

	buf_clear(element);
	if (quoted)
		s++;
	while (*s != '\0' && (quoted ? *s != '"' : *s != ',' && *s != '}')) {
		if (*s == '\\' && s[1] != '\0')
			s++;
		buf_add_char(element, *s++);
	}
	return quoted && *s == '"' ? s + 1 : s;
}

void
array_read(const char *text, struct strvec *out)
{
	struct buf element = BUF_INIT;

	while (*text == '{' || *text == ',') {
		text = read_element(text + 1, &element);
		if (element.len > 0)
			strvec_add(out, element.data, element.len);
	}
	out->failed = out->failed || !buf_ok(&element);
	buf_free(&element);
}

/* ---- elements in place ------------------------------------------------------------------- */

int32_t
binary_int4(const char *data)
{
	const unsigned char *d = (const unsigned char *)data;

	return (int32_t)((uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3]);
}

/* The next number, if there is one. */
static bool
take_int4(const char **s, const char *end, int32_t *out)
{
	if (end - *s < 4)
		return false;
	*out = binary_int4(*s);
	*s += 4;
	return true;
}

static bool
take_item(const char **s, const char *end, struct array_item *item)
{
	int32_t len;

	if (!take_int4(s, end, &len) || len < -1 || len > end - *s)
		return false;
	*item = len < 0 ? (struct array_item){ NULL, 0 } : (struct array_item){ *s, (size_t)len };
	*s += item->len;
	return true;
}

bool
array_items(const char *data, size_t len, struct array_item items[], size_t max, size_t *count)
{
	const char *s = data, *end = data + len;
	int32_t dimensions, flags, type, size, first;

	*count = 0;
	if (!take_int4(&s, end, &dimensions) || !take_int4(&s, end, &flags) ||
	    !take_int4(&s, end, &type))
		return false;
	if (dimensions == 0)
		return s == end;
	if (dimensions != 1 || !take_int4(&s, end, &size) || !take_int4(&s, end, &first) ||
	    size < 0 || (size_t)size > max)
		return false;
	while (*count < (size_t)size)
		if (!take_item(&s, end, &items[(*count)++]))
			return false;
	return s == end;
}
