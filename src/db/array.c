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
