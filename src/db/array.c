#include "db/array.h"

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
