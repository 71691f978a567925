#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/journal_priv.h"

enum { FILE_MAX = 256 * 1024 * 1024 };

struct reader {
	const char *name;
	struct journal *out;
	struct journal_line *lines; /* but those of keys */
	size_t count, cap;
	size_t key_number; /* the first line of a key */
	struct adx_error *err;
};

/* ---- lines ------------------------------------------------------------------------------- */

static enum adx_rc
take_key(struct reader *r, size_t number, const struct journal_line *line)
{
	if (r->out->key_id[0] == '\0') {
		strcpy(r->out->key_id, line->hash);
		r->key_number = number;
	}
	if (strcmp(r->out->key_id, line->hash) == 0)
		return ADX_OK;
	adx_fail(r->err, ADX_EINVAL,
		 "'%s' line %zu: its hashes are made with another key than "
		 "those behind line %zu",
		 r->name, number, r->key_number);
	adx_hint(r->err, "take such a file apart: each key has a journal of its own");
	return ADX_EINVAL;
}

static enum adx_rc
keep(struct reader *r, const struct journal_line *line)
{
	size_t cap = r->cap == 0 ? 256 : 2 * r->cap;
	struct journal_line *grown;

	if (r->count == r->cap) {
		grown = reallocarray(r->lines, cap, sizeof(*grown));
		if (grown == NULL)
			return adx_nomem(r->err);
		r->lines = grown;
		r->cap = cap;
	}
	r->lines[r->count++] = *line;
	return ADX_OK;
}

static enum adx_rc
take_line(struct reader *r, size_t number, const char *text, size_t len)
{
	struct journal_line line;
	bool zeros = len > 0 && text[len - 1] == '\0';

	/* Blocks that were never written, should the machine have crashed. */
	while (len > 0 && text[len - 1] == '\0')
		len--;
	if (journal_scan(text, len, &line))
		return line.word == JOURNAL_KEY ? take_key(r, number, &line) : keep(r, &line);
	if (!(zeros && len == 0) && !journal_is_cut_off(text, len))
		return adx_fail(r->err, ADX_EINVAL,
				"'%s' line %zu is no line of a journal of erasures", r->name,
				number);
	if (r->out->cut_off++ == 0)
		r->out->cut_off_first = number;
	return ADX_OK;
}

static enum adx_rc
take_lines(struct reader *r, const char *text, size_t len)
{
	const char *end = text + len;
	enum adx_rc rc = ADX_OK;

	for (size_t number = 1; text < end && rc == ADX_OK; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline == NULL ? end : newline;

		rc = take_line(r, number, text, (size_t)(stop - text));
		text = stop + (newline != NULL);
	}
	return rc;
}

/* ---- what they say together -------------------------------------------------------------- */

static int
by_hash_and_time(const void *a, const void *b)
{
	const struct journal_line *x = a, *y = b;
	int order = strcmp(x->hash, y->hash);

	return order != 0 ? order : strcmp(x->at, y->at);
}

/* The lines of one erasure, which have the same time: was it done, or is it in doubt? */
static void
judge(const struct journal_line *lines, size_t count, struct journal_erasure *out)
{
	bool seen[JOURNAL_WORDS] = { false };

	for (size_t i = 0; i < count; i++)
		seen[lines[i].word] = true;
	if (seen[JOURNAL_DONE])
		strcpy(out->done_at, lines->at);
	else if (seen[JOURNAL_BEGIN] && !seen[JOURNAL_UNDONE])
		strcpy(out->begun_at, lines->at);
}

static size_t
count_alike(const struct journal_line *lines, size_t count, bool times_too)
{
	size_t n = 1;

	while (n < count && strcmp(lines[n].hash, lines->hash) == 0 &&
	       (!times_too || strcmp(lines[n].at, lines->at) == 0))
		n++;
	return n;
}

/* The lines of one subject, in the order of their times. False when it was never erased. */
static bool
judge_all(const struct journal_line *lines, size_t count, struct journal_erasure *out)
{
	memset(out, 0, sizeof(*out));
	strcpy(out->hash, lines->hash);
	for (size_t i = 0, n; i < count; i += n) {
		n = count_alike(&lines[i], count - i, true);
		judge(&lines[i], n, out);
	}
	/* An erasure behind it erased what that may have left. */
	if (strcmp(out->begun_at, out->done_at) <= 0)
		out->begun_at[0] = '\0';
	return out->done_at[0] != '\0' || out->begun_at[0] != '\0';
}

static enum adx_rc
conclude(struct reader *r)
{
	struct journal *out = r->out;

	if (r->count == 0)
		return ADX_OK;
	out->items = calloc(r->count, sizeof(*out->items));
	if (out->items == NULL)
		return adx_nomem(r->err);
	qsort(r->lines, r->count, sizeof(*r->lines), by_hash_and_time);
	for (size_t i = 0, n; i < r->count; i += n) {
		n = count_alike(&r->lines[i], r->count - i, false);
		out->count += judge_all(&r->lines[i], n, &out->items[out->count]);
	}
	return ADX_OK;
}

enum adx_rc
journal_parse(const char *text, size_t len, const char *name, struct journal *out,
	      struct adx_error *err)
{
	struct reader r = { .name = name, .out = out, .err = err };
	enum adx_rc rc;

	memset(out, 0, sizeof(*out));
	rc = take_lines(&r, text, len);
	if (rc == ADX_OK)
		rc = conclude(&r);
	free(r.lines);
	if (rc != ADX_OK)
		journal_free(out);
	return rc;
}

enum adx_rc
journal_read(const char *path, struct journal *out, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc = file_slurp(path, FILE_MAX, &text, err);

	memset(out, 0, sizeof(*out));
	if (rc == ADX_OK)
		rc = journal_parse(buf_text(&text), text.len, path, out, err);
	buf_free(&text);
	return rc;
}

static int
by_hash(const void *key, const void *item)
{
	return strcmp(key, ((const struct journal_erasure *)item)->hash);
}

const struct journal_erasure *
journal_find(const struct journal *journal, const char *hash)
{
	if (journal->count == 0)
		return NULL;
	return bsearch(hash, journal->items, journal->count, sizeof(*journal->items), by_hash);
}

void
journal_free(struct journal *journal)
{
	free(journal->items);
	memset(journal, 0, sizeof(*journal));
}
