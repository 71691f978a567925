#include "transfer/copy_row.h"

#include <inttypes.h>
#include <string.h>

/* What a character is written as inside a field, 0 for itself. */
static char
escape_of(char c)
{
	switch (c) {
	case '\\': return '\\';
	case '\t': return 't';
	case '\n': return 'n';
	case '\r': return 'r';
	default: return 0;
	}
}

void
copy_text(struct buf *line, const char *text)
{
	if (text == NULL) {
		buf_add_text(line, "\\N\t");
		return;
	}
	while (*text != '\0') {
		size_t plain = strcspn(text, "\\\t\n\r");

		buf_add(line, text, plain);
		text += plain;
		if (*text != '\0') {
			buf_add_char(line, '\\');
			buf_add_char(line, escape_of(*text++));
		}
	}
	buf_add_char(line, '\t');
}

void
copy_int64(struct buf *line, int64_t value)
{
	buf_addf(line, "%" PRId64 "\t", value);
}

void
copy_end(struct buf *line)
{
	if (line->len > 0)
		line->data[line->len - 1] = '\n';
}
