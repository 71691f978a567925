#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Length of the sequence that lead byte c starts, and its own payload bits; 0 when c cannot lead.
 */
static size_t
lead(unsigned char c, unsigned *bits)
{
	if (c < 0x80) {
		*bits = c;
		return 1;
	}
	if (c >= 0xC2 && c <= 0xDF) {
		*bits = c & 0x1F;
		return 2;
	}
	if (c >= 0xE0 && c <= 0xEF) {
		*bits = c & 0x0F;
		return 3;
	}
	if (c >= 0xF0 && c <= 0xF4) {
		*bits = c & 0x07;
		return 4;
	}
	return 0;
}

size_t
text_next(const char *s, size_t len, unsigned *cp)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned value;
	size_t n = lead((unsigned char)s[0], &value);

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xC0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)s[i] & 0x3F);
	}
	if (value < least[n] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
		return 0;
	*cp = value;
	return n;
}

/* How many printable ASCII characters come first: most of what there is, and always allowed. */
static size_t
plain_run(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7F)
		n++;
	return n;
}

bool
text_is_utf8(const char *s, size_t len)
{
	unsigned cp;
	size_t i = 0, n;

	while ((i += plain_run(s + i, len - i)) < len) {
		n = text_next(s + i, len - i, &cp);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static bool
is_xml_char(unsigned cp)
{
	if (cp < 0x20)
		return cp == '\t' || cp == '\n' || cp == '\r';
	return cp != 0xFFFE && cp != 0xFFFF;
}

bool
text_is_xml(const char *s, size_t len)
{
	unsigned cp;
	size_t i = 0, n;

	while ((i += plain_run(s + i, len - i)) < len) {
		n = text_next(s + i, len - i, &cp);
		if (n == 0 || !is_xml_char(cp))
			return false;
		i += n;
	}
	return true;
}

bool
text_to_int64(const char *s, size_t len, long long *out)
{
	size_t digits = len > 0 && (s[0] == '-' || s[0] == '+') ? 1 : 0;
	char *end;

	if (digits == len)
		return false;
	for (size_t i = digits; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	errno = 0;
	*out = strtoll(s, &end, 10);
	return errno == 0 && *end == '\0';
}

unsigned
text_distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	unsigned row[MOST + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > MOST || nb > MOST)
		return UINT_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}
