#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS_MAX = 9 };

/* The largest first. */
static const struct unit {
	char letter;
	int64_t seconds;
} UNITS[] = {
	{ 'w', INT64_C(7) * 24 * 60 * 60 },
	{ 'd', INT64_C(24) * 60 * 60 },
	{ 'h', INT64_C(60) * 60 },
	{ 'm', 60 },
};

enum { UNIT_COUNT = sizeof(UNITS) / sizeof(UNITS[0]) };

bool
duration_parse(const char *text, int64_t *seconds)
{
	size_t count = strspn(text, "0123456789");
	int64_t number = 0;

	if (count == 0 || count > DIGITS_MAX || text[count] == '\0' || text[count + 1] != '\0')
		return false;
	for (size_t i = 0; i < count; i++)
		number = 10 * number + (text[i] - '0');
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (UNITS[i].letter != text[count])
			continue;
		*seconds = number * UNITS[i].seconds;
		return true;
	}
	return false;
}

/* Weeks are taken in, not given out: 14d is what people write. */
void
duration_print(int64_t seconds, char out[DURATION_SIZE])
{
	size_t i = 1;

	while (i + 1 < UNIT_COUNT && (seconds == 0 || seconds % UNITS[i].seconds != 0))
		i++;
	snprintf(out, DURATION_SIZE, "%" PRId64 "%c", seconds / UNITS[i].seconds, UNITS[i].letter);
}
