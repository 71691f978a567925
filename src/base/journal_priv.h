/* One line of the journal, for those who write and read it: journal.c and journal_read.c. */
#ifndef ADMINEX_JOURNAL_PRIV_H
#define ADMINEX_JOURNAL_PRIV_H

#include <stdbool.h>

#include "base/journal.h"

struct journal_line {
	enum journal_word word;
	char at[JOURNAL_TIME_LEN + 1];
	char hash[JOURNAL_HASH_LEN + 1];
};

/* "TIME undone HASH\n" */
enum { JOURNAL_LINE_MAX = JOURNAL_TIME_LEN + JOURNAL_HASH_LEN + 9 };

/* With its newline and a NUL; returns the length. */
size_t journal_print(const struct journal_line *line, char out[JOURNAL_LINE_MAX + 1]);
/* Read a line without its newline; false when it is none. */
bool journal_scan(const char *text, size_t len, struct journal_line *out);
/* Is it the beginning of a line, and not all of it? */
bool journal_is_cut_off(const char *text, size_t len);

#endif
