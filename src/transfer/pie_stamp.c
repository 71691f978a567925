#include "transfer/pie_stamp.h"

#include <stdio.h>
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

bool
pie_stamp(const char *text, char out[PIE_STAMP_SIZE])
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
	if (!midnight(year, month, day, &at))
		return false;
	at += tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec - minutes * 60;
	if (gmtime_r(&at, &tm) == NULL || tm.tm_year + 1900 < 1 || tm.tm_year + 1900 > 9999)
		return false;
	return snprintf(out, PIE_STAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			part) < PIE_STAMP_SIZE;
}
