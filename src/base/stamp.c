#include "base/stamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Exactly n digits, as a number. */
static bool
digits(const char **s, int n, int *out)
{
	*out = 0;
	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (**s - '0');
	}
	return true;
}

static bool
literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool
clock_time(const char **s, struct tm *tm)
{
	return digits(s, 2, &tm->tm_hour) && literal(s, ':') && digits(s, 2, &tm->tm_min) &&
	       literal(s, ':') && digits(s, 2, &tm->tm_sec) && tm->tm_hour <= 23 &&
	       tm->tm_min <= 59 && tm->tm_sec <= 60; /* a leap second becomes the next minute */
}

/* The point and up to six of the digits after it, or "". */
static bool
fraction(const char **s, char out[8])
{
	size_t n = 0;

	out[0] = '\0';
	if (**s != '.')
		return true;
	do {
		if (n < 7)
			out[n++] = **s;
		(*s)++;
	} while (**s >= '0' && **s <= '9');
	out[n] = '\0';
	return n > 1;
}

/* "Z", "+hh:mm" or "-hh:mm", to its end. */
static bool
zone(const char **s, int *minutes)
{
	int sign = **s == '-' ? -1 : 1, hours, rest;

	*minutes = 0;
	if (literal(s, 'Z'))
		return **s == '\0';
	if (!literal(s, '+') && !literal(s, '-'))
		return false;
	if (!digits(s, 2, &hours) || !literal(s, ':') || !digits(s, 2, &rest) || hours > 23 ||
	    rest > 59)
		return false;
	*minutes = sign * (hours * 60 + rest);
	return **s == '\0';
}

/* Midnight of the date; false when the calendar has no such day. */
static bool
midnight(int year, int month, int day, time_t *out)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };

	*out = timegm(&tm);
	return year >= 1 && tm.tm_year == year - 1900 && tm.tm_mon == month - 1 &&
	       tm.tm_mday == day;
}

/* A moment and the fraction behind it, as text; false beyond the years that have four digits. */
static bool
print_stamp(time_t at, const char part[8], char out[STAMP_SIZE])
{
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL || tm.tm_year + 1900 < 1 || tm.tm_year + 1900 > 9999)
		return false;
	return snprintf(out, STAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			part) < STAMP_SIZE;
}

/* Since midnight, of a place whose clocks are so many minutes ahead. */
static int
seconds_of(const struct tm *tm, int ahead)
{
	return tm->tm_hour * 3600 + (tm->tm_min - ahead) * 60 + tm->tm_sec;
}

bool
stamp_of_xmpp(const char *text, char out[STAMP_SIZE])
{
	const char *s = text;
	struct tm tm = { 0 };
	int year, month, day, minutes = 0;
	char part[8] = "";
	bool legacy;
	time_t at;

	if (!digits(&s, 4, &year))
		return false;
	legacy = !literal(&s, '-');
	if (!digits(&s, 2, &month) || (!legacy && !literal(&s, '-')) || !digits(&s, 2, &day) ||
	    !literal(&s, 'T') || !clock_time(&s, &tm))
		return false;
	if (legacy ? *s != '\0' : !fraction(&s, part) || !zone(&s, &minutes))
		return false;
	return midnight(year, month, day, &at) &&
	       print_stamp(at + seconds_of(&tm, minutes), part, out);
}

/* The two letters of RFC 3339 may be small; a zone has no other letter. */
static bool
clock_and_zone(const char **s, struct tm *tm, char part[8], int *minutes)
{
	if (!literal(s, 'T') && !literal(s, 't') && !literal(s, ' '))
		return false;
	if (!clock_time(s, tm) || !fraction(s, part))
		return false;
	if (literal(s, 'z'))
		return **s == '\0';
	return zone(s, minutes);
}

bool
stamp_of_date(const char *text, char out[STAMP_SIZE], int64_t *seconds)
{
	const char *s = text;
	struct tm tm = { 0 };
	int year, month, day, minutes = 0;
	char part[8] = "";
	time_t at;

	if (!digits(&s, 4, &year) || !literal(&s, '-') || !digits(&s, 2, &month) ||
	    !literal(&s, '-') || !digits(&s, 2, &day) || !midnight(year, month, day, &at))
		return false;
	if (*s != '\0' && !clock_and_zone(&s, &tm, part, &minutes))
		return false;
	at += seconds_of(&tm, minutes);
	*seconds = at;
	return print_stamp(at, part, out);
}

void
stamp_shorten(char stamp[STAMP_SIZE])
{
	char *point = strchr(stamp, '.');
	char *last = stamp + strlen(stamp) - 1; /* the 'Z' */

	if (point == NULL)
		return;
	while (last[-1] == '0')
		last--;
	if (last[-1] == '.')
		last--;
	memcpy(last, "Z", 2);
}
