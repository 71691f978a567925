#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/journal_priv.h"

static const char *const WORDS[JOURNAL_WORDS] = {
	[JOURNAL_KEY] = "key",
	[JOURNAL_BEGIN] = "begin",
	[JOURNAL_DONE] = "done",
	[JOURNAL_UNDONE] = "undone",
};

/* What a time looks like: a digit for each 0. */
static const char TIME[] = "0000-00-00T00:00:00.000000Z";

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

size_t
journal_print(const struct journal_line *line, char out[JOURNAL_LINE_MAX + 1])
{
	return (size_t)snprintf(out, JOURNAL_LINE_MAX + 1, "%s %s %s\n", line->at,
				WORDS[line->word], line->hash);
}

/* How many characters from the start are as a time has them. */
static size_t
scan_time(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && n < JOURNAL_TIME_LEN &&
	       (TIME[n] == '0' ? is_digit(text[n]) : text[n] == TIME[n]))
		n++;
	return n;
}

static int
number(const char *digits, size_t count)
{
	int value = 0;

	while (count-- > 0)
		value = 10 * value + (*digits++ - '0');
	return value;
}

/* Is there such a day, and such a second of it? */
static bool
exists(const char *at)
{
	struct tm tm = { .tm_year = number(at, 4) - 1900,
			 .tm_mon = number(at + 5, 2) - 1,
			 .tm_mday = number(at + 8, 2),
			 .tm_hour = number(at + 11, 2),
			 .tm_min = number(at + 14, 2),
			 .tm_sec = number(at + 17, 2) };
	struct tm same = tm;

	timegm(&same);
	return tm.tm_year >= 70 && same.tm_year == tm.tm_year && same.tm_mon == tm.tm_mon &&
	       same.tm_mday == tm.tm_mday && same.tm_hour == tm.tm_hour &&
	       same.tm_min == tm.tm_min && same.tm_sec == tm.tm_sec;
}

/* The word that stands there between blanks; JOURNAL_WORDS: none. */
static enum journal_word
scan_word(const char *text, size_t len)
{
	for (int w = 0; w < JOURNAL_WORDS; w++) {
		size_t n = strlen(WORDS[w]);

		if (len >= n + 2 && text[0] == ' ' && memcmp(text + 1, WORDS[w], n) == 0 &&
		    text[n + 1] == ' ')
			return (enum journal_word)w;
	}
	return JOURNAL_WORDS;
}

static size_t
scan_hash(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && n < JOURNAL_HASH_LEN && is_hex(text[n]))
		n++;
	return n;
}

bool
journal_scan(const char *text, size_t len, struct journal_line *out)
{
	size_t at;

	if (scan_time(text, len) != JOURNAL_TIME_LEN || !exists(text))
		return false;
	out->word = scan_word(text + JOURNAL_TIME_LEN, len - JOURNAL_TIME_LEN);
	if (out->word == JOURNAL_WORDS)
		return false;
	at = JOURNAL_TIME_LEN + strlen(WORDS[out->word]) + 2;
	if (len != at + JOURNAL_HASH_LEN || scan_hash(text + at, len - at) != JOURNAL_HASH_LEN)
		return false;
	memcpy(out->at, text, JOURNAL_TIME_LEN);
	out->at[JOURNAL_TIME_LEN] = '\0';
	memcpy(out->hash, text + at, JOURNAL_HASH_LEN);
	out->hash[JOURNAL_HASH_LEN] = '\0';
	return true;
}

/* Is it the beginning of a blank, a word and another blank? */
static bool
begins_word(const char *text, size_t len)
{
	for (int w = 0; w < JOURNAL_WORDS; w++) {
		char spaced[16];
		int n = snprintf(spaced, sizeof(spaced), " %s ", WORDS[w]);

		if (len <= (size_t)n && memcmp(text, spaced, len) == 0)
			return true;
	}
	return false;
}

bool
journal_is_cut_off(const char *text, size_t len)
{
	size_t at = JOURNAL_TIME_LEN;
	enum journal_word word;

	if (len <= at)
		return len > 0 && scan_time(text, len) == len;
	if (scan_time(text, len) != at)
		return false;
	word = scan_word(text + at, len - at);
	if (word == JOURNAL_WORDS)
		return begins_word(text + at, len - at);
	at += strlen(WORDS[word]) + 2;
	return len < at + JOURNAL_HASH_LEN && scan_hash(text + at, len - at) == len - at;
}
