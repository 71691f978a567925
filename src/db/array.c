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

/* Behind the opening quote, up to the closing one; without a backslash it stays where it is. */
static const char *
split_quoted(const char *s, const char *end, char **scratch, struct array_item *item)
{
	const char *begin = s;
	char *to = *scratch;

	while (s < end && *s != '"' && *s != '\\')
		s++;
	item->data = begin;
	item->len = (size_t)(s - begin);
	if (s == end || *s == '"')
		return s == end ? NULL : s + 1;
	memcpy(to, begin, item->len);
	to += item->len;
	while (s < end && *s != '"') {
		if (*s == '\\' && ++s == end)
			return NULL;
		*to++ = *s++;
	}
	item->data = *scratch;
	item->len = (size_t)(to - *scratch);
	*scratch = to;
	return s == end ? NULL : s + 1;
}

static const char *
split_plain(const char *s, const char *end, struct array_item *item)
{
	const char *begin = s;

	while (s < end && *s != ',' && *s != '}')
		s++;
	item->data = begin;
	item->len = (size_t)(s - begin);
	if (item->len == 4 && memcmp(begin, "NULL", 4) == 0)
		*item = (struct array_item){ NULL, 0 };
	return item->len == 0 && item->data != NULL ? NULL : s;
}

bool
array_split(const char *text, size_t len, struct buf *scratch, struct array_item items[],
	    size_t max, size_t *count)
{
	const char *end = text + len;
	char *room;

	*count = 0;
	buf_clear(scratch);
	room = buf_room(scratch, len + 1);
	if (room == NULL || len < 2 || *text != '{' || end[-1] != '}')
		return false;
	if (len == 2)
		return true;
	for (const char *s = text + 1; *count < max; s++) {
		struct array_item *item = &items[(*count)++];

		s = *s == '"' ? split_quoted(s + 1, end, &room, item) : split_plain(s, end, item);
		if (s == NULL || s >= end)
			return false;
		if (*s == '}')
			return s + 1 == end;
		if (*s != ',')
			return false;
	}
	return false;
}
