#include "base/csv.h"

#include <stdbool.h>
#include <string.h>

static bool
needs_quotes(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] == ',' || data[i] == '"' || data[i] == '\n' || data[i] == '\r')
			return true;
	return false;
}

void
csv_add_field(struct buf *out, const char *data, size_t len)
{
	if (!needs_quotes(data, len)) {
		buf_add(out, data, len);
		return;
	}
	buf_add_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '"')
			buf_add_char(out, '"');
		buf_add_char(out, data[i]);
	}
	buf_add_char(out, '"');
}
