/*
 * The journal of erasures, as a crash or a careless hand may leave it. What is accepted is in order
 * and says of each subject what its lines say; written again it reads as the same. What is refused
 * says why, and in which line.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/journal_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() would vanish with NDEBUG. */
static void
must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static void
add_line(struct buf *out, enum journal_word word, const char *at, const char *hash)
{
	char text[JOURNAL_LINE_MAX + 1];
	struct journal_line line = { .word = word };
	struct journal_line again;
	size_t len;

	strcpy(line.at, at);
	strcpy(line.hash, hash);
	len = journal_print(&line, text);
	must(journal_scan(text, len - 1, &again), "what is written can be read");
	must(again.word == word && strcmp(again.at, at) == 0 && strcmp(again.hash, hash) == 0,
	     "as the same");
	must(!journal_is_cut_off(text, len - 1), "a whole line is not cut off");
	buf_add(out, text, len);
}

static bool
same(const struct journal_erasure *a, const struct journal_erasure *b)
{
	return strcmp(a->hash, b->hash) == 0 && strcmp(a->done_at, b->done_at) == 0 &&
	       strcmp(a->begun_at, b->begun_at) == 0;
}

static void
check(const struct journal *j)
{
	struct buf text = BUF_INIT;
	struct adx_error err;
	struct journal again;

	if (j->key_id[0] != '\0')
		add_line(&text, JOURNAL_KEY, "2026-11-29T09:00:00.000000Z", j->key_id);
	for (size_t i = 0; i < j->count; i++) {
		const struct journal_erasure *e = &j->items[i];

		must(i == 0 || strcmp(j->items[i - 1].hash, e->hash) < 0, "in order");
		must(journal_find(j, e->hash) == e, "found");
		must(e->done_at[0] != '\0' || e->begun_at[0] != '\0', "it says something");
		must(e->begun_at[0] == '\0' || strcmp(e->begun_at, e->done_at) > 0, "later");
		if (e->done_at[0] != '\0')
			add_line(&text, JOURNAL_DONE, e->done_at, e->hash);
		if (e->begun_at[0] != '\0')
			add_line(&text, JOURNAL_BEGIN, e->begun_at, e->hash);
	}
	must(buf_ok(&text), "memory");
	must(journal_parse(buf_text(&text), text.len, "again", &again, &err) == ADX_OK, "again");
	must(again.count == j->count && again.cut_off == 0, "as many");
	for (size_t i = 0; i < j->count; i++)
		must(same(&j->items[i], &again.items[i]), "the same");
	journal_free(&again);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct adx_error err = { 0 };
	struct journal j;

	if (journal_parse((const char *)data, size, "input", &j, &err) == ADX_OK) {
		check(&j);
		must((j.cut_off == 0) == (j.cut_off_first == 0), "the first that is cut off");
		journal_free(&j);
		return 0;
	}
	must(err.rc == ADX_EINVAL && strncmp(err.message, "'input' line ", 13) == 0, "which line");
	must(strchr(err.message, '\n') == NULL, "one line");
	return 0;
}
