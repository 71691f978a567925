/*
 * The journal of erasures: a file outside the database that says who was erased, by keyed hash, so
 * that it can be done once more after an old backup was restored. A line is a time (RFC 3339, UTC,
 * six digits of a second), a word and a hash in hexadecimal digits:
 *
 *	2026-11-29T09:00:05.123456Z key 8f43...    the first line: which key the hashes are made
 *with 2026-11-29T09:00:05.123456Z begin 77aa...  the COMMIT of an erasure is about to be sent
 *	2026-11-29T09:00:05.123456Z done 77aa...   it was committed, or
 *	2026-11-29T09:00:05.123456Z undone 77aa... it was rolled back
 *
 * The lines of one erasure have the same time, which is later than anything that was erased. One
 * that was begun and has no other line is in doubt: whoever wrote it died, or never learnt how the
 * COMMIT ended.
 */
#ifndef ADMINEX_JOURNAL_H
#define ADMINEX_JOURNAL_H

#include <stddef.h>

#include "adminex/error.h"

enum { JOURNAL_HASH_LEN = 64, JOURNAL_TIME_LEN = 27 };

enum journal_word { JOURNAL_KEY, JOURNAL_BEGIN, JOURNAL_DONE, JOURNAL_UNDONE, JOURNAL_WORDS };

/* What is to be written: the lines of some subjects that were erased together. */
struct journal_entry {
	const char *key_id; /* the hash that this key makes of nobody */
	const char *at;
	const char *const *hashes;
	size_t count;
};

/*
 * Append a line for each hash and synchronise. The file is made, with mode 0600, when it is not
 * there. Others who append at the same time wait for each other. Each line is one write(); one that
 * was cut short is taken away again, and what a crash has left of an older one gets a line of its
 * own. ADX_EIO when the file cannot be written; ADX_EINVAL when it is no journal, or one of another
 * key.
 */
ADX_MUST_CHECK enum adx_rc journal_append(const char *path, enum journal_word word,
					  const struct journal_entry *entry, struct adx_error *err);

/* A subject that was erased, by the last of its lines that count. */
struct journal_erasure {
	char hash[JOURNAL_HASH_LEN + 1];
	char done_at[JOURNAL_TIME_LEN + 1];  /* "": never for certain */
	char begun_at[JOURNAL_TIME_LEN + 1]; /* "": none that is in doubt, and later than that */
};

struct journal {
	struct journal_erasure *items; /* each subject once, by hash */
	size_t count;
	char key_id[JOURNAL_HASH_LEN + 1]; /* "": there is no such line */
	size_t cut_off;                    /* lines that a crash cut off: how many ... */
	size_t cut_off_first;              /* ... and the number of the first */
};

/*
 * Read a journal; `name` is what errors call it. Lines that were cut off are counted and passed
 * over; any other line that is none is ADX_EINVAL, with its number. On ADX_OK the caller frees what
 * is in *out with journal_free().
 */
ADX_MUST_CHECK enum adx_rc journal_parse(const char *text, size_t len, const char *name,
					 struct journal *out, struct adx_error *err);
/* The same of a file of at most a quarter of a gigabyte, which is two million erasures. */
ADX_MUST_CHECK enum adx_rc journal_read(const char *path, struct journal *out,
					struct adx_error *err);
/* The subject with that hash, or NULL. */
const struct journal_erasure *journal_find(const struct journal *journal, const char *hash);
void journal_free(struct journal *journal);

#endif
