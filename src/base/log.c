#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

/* Control characters cannot move the cursor or break the line. */
static void
add_visible(struct buf *line, const char *text)
{
	size_t len = strlen(text);
	unsigned cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = text_next(text + i, len - i, &cp);
		if (n == 0 || cp < 0x20 || (cp >= 0x7F && cp < 0xA0)) {
			buf_addf(line, "\\x%02X", (unsigned char)text[i]);
			n = 1;
		} else {
			buf_add(line, text + i, n);
		}
	}
}

static void
put(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

void
log_text(const char *text)
{
	struct buf line = BUF_INIT;

	buf_add_text(&line, "adminex: ");
	add_visible(&line, text);
	buf_add_char(&line, '\n');
	put(buf_text(&line), line.len);
	buf_free(&line);
}

void
log_line(const char *fmt, ...)
{
	char text[1536];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_text(text);
}

void
log_failure(const char *doing, const struct adx_error *err)
{
	const char *open = err->hint[0] == '\0' ? "" : " (";
	const char *close = err->hint[0] == '\0' ? "" : ")";

	log_line("%s: %s%s%s%s", doing, err->message, open, err->hint, close);
}
