#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/journal.h"

#define T1       "2026-11-29T09:00:01.000001Z"
#define T2       "2026-11-29T09:00:02.000002Z"
#define T3       "2026-11-30T00:00:00.000000Z"
#define HA       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HB       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HK       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HL       "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define KEY_LINE T1 " key " HK "\n"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- reading ----------------------------------------------------------------------------- */

static void
parse(const char *text, struct journal *out)
{
	struct adx_error err;

	if (journal_parse(text, strlen(text), "file", out, &err) != ADX_OK)
		fail_msg("%s", err.message);
}

/* What a hash is told of: "done begun", each "-" where there is none. */
static void
says(const char *text, const char *hash, const char *done, const char *begun)
{
	const struct journal_erasure *found;
	struct journal j;

	parse(text, &j);
	found = journal_find(&j, hash);
	if (done == NULL && begun == NULL) {
		assert_null(found);
	} else {
		assert_non_null(found);
		assert_string_equal(found->hash, hash);
		assert_string_equal(found->done_at, done == NULL ? "" : done);
		assert_string_equal(found->begun_at, begun == NULL ? "" : begun);
	}
	journal_free(&j);
}

static void
test_journal_tells_what_was_done(void **state)
{
	(void)state;
	says(KEY_LINE T1 " begin " HA "\n" T1 " done " HA "\n", HA, T1, NULL);
	says(KEY_LINE T1 " begin " HA "\n" T1 " done " HA "\n", HB, NULL, NULL);
	says(KEY_LINE T1 " begin " HA "\n" T2 " begin " HB "\n" T1 " done " HA "\n" T2 " done " HB
			 "\n",
	     HB, T2, NULL);
	says("", HA, NULL, NULL);
}

static void
test_journal_tells_the_last_time(void **state)
{
	(void)state;
	says(T1 " begin " HA "\n" T1 " done " HA "\n" T2 " begin " HA "\n" T2 " done " HA "\n", HA,
	     T2, NULL);
	/* In whatever order two files were put together. */
	says(T2 " begin " HA "\n" T2 " done " HA "\n" T1 " begin " HA "\n" T1 " done " HA "\n", HA,
	     T2, NULL);
	says(T1 " done " HA "\n" T1 " begin " HA "\n", HA, T1, NULL);
}

static void
test_journal_what_was_undone_never_was(void **state)
{
	(void)state;
	says(T1 " begin " HA "\n" T1 " undone " HA "\n", HA, NULL, NULL);
	says(T1 " begin " HA "\n" T1 " done " HA "\n" T2 " begin " HA "\n" T2 " undone " HA "\n",
	     HA, T1, NULL);
}

static void
test_journal_what_has_no_end_is_in_doubt(void **state)
{
	(void)state;
	says(T1 " begin " HA "\n", HA, NULL, T1);
	says(T1 " begin " HA "\n" T2 " begin " HA "\n" T2 " undone " HA "\n", HA, NULL, T1);
	says(T1 " begin " HA "\n" T1 " done " HA "\n" T2 " begin " HA "\n", HA, T1, T2);
	/* What came after it made it certain. */
	says(T1 " begin " HA "\n" T2 " begin " HA "\n" T2 " done " HA "\n", HA, T2, NULL);
}

static void
test_journal_finds_each_of_many(void **state)
{
	struct buf text = BUF_INIT;
	struct journal j;
	char hash[JOURNAL_HASH_LEN + 1];

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		buf_addf(&text, T1 " done %08x%056x\n", i * 2654435761u, i);
	parse(buf_text(&text), &j);
	assert_int_equal(j.count, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(hash, sizeof(hash), "%08x%056x", i * 2654435761u, i);
		assert_non_null(journal_find(&j, hash));
	}
	assert_null(journal_find(&j, HA));
	journal_free(&j);
	buf_free(&text);
}

static void
test_journal_passes_over_what_a_crash_cut_off(void **state)
{
	static const char LINE[] = T2 " undone " HB;
	struct buf text = BUF_INIT;
	struct journal j;

	(void)state;
	/* At each byte of a line, at the end of the file and within. */
	for (size_t len = 1; len < sizeof(LINE) - 1; len++) {
		buf_clear(&text);
		buf_addf(&text, T1 " done " HA "\n%.*s", (int)len, LINE);
		parse(buf_text(&text), &j);
		assert_int_equal(j.cut_off, 1);
		assert_int_equal(j.cut_off_first, 2);
		assert_int_equal(j.count, 1);
		journal_free(&j);
		buf_addf(&text, "\n" T3 " done " HB "\n");
		parse(buf_text(&text), &j);
		assert_int_equal(j.cut_off, 1);
		assert_int_equal(j.count, 2);
		journal_free(&j);
	}
	buf_free(&text);
	/* But for its newline the line is whole. */
	says(T1 " done " HA, HA, T1, NULL);
}

static void
test_journal_passes_over_blocks_that_were_never_written(void **state)
{
	static const char TEXT[] =
		T1 " done " HA "\n" T2 " begin " HB "\0\0\0\0\n\0\0\n" T3 " don\0\0";
	struct adx_error err;
	struct journal j;

	(void)state;
	assert_int_equal(journal_parse(TEXT, sizeof(TEXT) - 1, "file", &j, &err), ADX_OK);
	assert_int_equal(j.count, 2);
	assert_int_equal(j.cut_off, 2);
	assert_int_equal(j.cut_off_first, 3);
	assert_string_equal(journal_find(&j, HB)->begun_at, T2);
	journal_free(&j);
}

static void
test_journal_refuses_what_is_no_journal(void **state)
{
	static const char *const BAD[] = {
		"\n",
		"hello\n",
		"<?xml version='1.0'?>\n",
		T1 " done " HA " \n",
		T1 " done " HA "a\n",
		T1 "  done " HA "\n",
		T1 " deleted " HA "\n",
		T1 " DONE " HA "\n",
		"2026-11-29 09:00:01.000001Z done " HA "\n",
		"2026-11-29T09:00:01Z done " HA "\n",
		"2026-13-29T09:00:01.000001Z done " HA "\n",
		"2026-02-30T09:00:01.000001Z done " HA "\n",
		"2026-11-29T24:00:01.000001Z done " HA "\n",
		"1969-11-29T09:00:01.000001Z done " HA "\n",
		T1 " done AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
		T1 " done " HA "\r\n",
	};
	struct adx_error err;
	struct buf text = BUF_INIT;
	struct journal j;

	(void)state;
	for (size_t i = 0; i < COUNT(BAD); i++) {
		buf_clear(&text);
		buf_addf(&text, KEY_LINE "%s" T3 " done " HB "\n", BAD[i]);
		assert_int_equal(journal_parse(buf_text(&text), text.len, "my file", &j, &err),
				 ADX_EINVAL);
		assert_string_equal(err.message,
				    "'my file' line 2 is no line of a journal of erasures");
		assert_int_equal(j.count, 0);
	}
	buf_free(&text);
}

static void
test_journal_of_two_keys_is_refused(void **state)
{
	static const char TEXT[] = KEY_LINE T1 " done " HA "\n" T2 " key " HL "\n";
	static const char SAME[] = KEY_LINE T1 " done " HA "\n" T2 " key " HK "\n";
	struct adx_error err;
	struct journal j;

	(void)state;
	assert_int_equal(journal_parse(TEXT, strlen(TEXT), "file", &j, &err), ADX_EINVAL);
	assert_non_null(strstr(err.message, "line 3"));
	assert_non_null(strstr(err.message, "line 1"));
	parse(SAME, &j);
	assert_string_equal(j.key_id, HK);
	journal_free(&j);
	parse(T1 " done " HA "\n", &j);
	assert_string_equal(j.key_id, "");
	journal_free(&j);
}

/* ---- writing ----------------------------------------------------------------------------- */

struct place {
	char folder[40], path[64];
};

static int
set_up(void **state)
{
	static struct place p;

	strcpy(p.folder, "/tmp/adminex-journal-XXXXXX");
	assert_non_null(mkdtemp(p.folder));
	snprintf(p.path, sizeof(p.path), "%s/erasures", p.folder);
	*state = &p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	return rmdir(p->folder);
}

static enum adx_rc
append(const struct place *p, enum journal_word word, const char *key_id, const char *at,
       struct adx_error *err)
{
	static const char *const HASHES[] = { HA, HB };
	const struct journal_entry entry = { key_id, at, HASHES, COUNT(HASHES) };

	return journal_append(p->path, word, &entry, err);
}

static void
holds(const struct place *p, const char *want)
{
	struct buf text = BUF_INIT;
	struct adx_error err;

	assert_int_equal(file_slurp(p->path, 1 << 20, &text, &err), ADX_OK);
	assert_string_equal(buf_text(&text), want);
	buf_free(&text);
}

static void
put(const struct place *p, const char *text)
{
	FILE *file = fopen(p->path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
test_journal_is_made_with_its_key(void **state)
{
	struct adx_error err;
	struct stat st;

	umask(0);
	assert_int_equal(append(*state, JOURNAL_BEGIN, HK, T1, &err), ADX_OK);
	assert_int_equal(append(*state, JOURNAL_DONE, HK, T1, &err), ADX_OK);
	assert_int_equal(append(*state, JOURNAL_UNDONE, HK, T2, &err), ADX_OK);
	holds(*state, KEY_LINE T1 " begin " HA "\n" T1 " begin " HB "\n" T1 " done " HA "\n" T1
				  " done " HB "\n" T2 " undone " HA "\n" T2 " undone " HB "\n");
	assert_int_equal(stat(((struct place *)*state)->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
test_journal_keeps_the_line_of_a_crash_apart(void **state)
{
	struct adx_error err;
	struct journal j;

	put(*state, KEY_LINE T1 " done aaaa");
	assert_int_equal(append(*state, JOURNAL_DONE, HK, T2, &err), ADX_OK);
	holds(*state, KEY_LINE T1 " done aaaa\n" T2 " done " HA "\n" T2 " done " HB "\n");
	assert_int_equal(journal_read(((struct place *)*state)->path, &j, &err), ADX_OK);
	assert_int_equal(j.count, 2);
	assert_int_equal(j.cut_off_first, 2);
	journal_free(&j);
}

static void
test_journal_of_another_key_is_left_alone(void **state)
{
	struct adx_error err;

	put(*state, KEY_LINE);
	assert_int_equal(append(*state, JOURNAL_DONE, HL, T2, &err), ADX_EINVAL);
	assert_non_null(strstr(err.message, "another key"));
	holds(*state, KEY_LINE);
}

static void
test_journal_is_nothing_else(void **state)
{
	struct place *p = *state;
	struct adx_error err;

	put(p, "my diary\n");
	assert_int_equal(append(p, JOURNAL_DONE, HK, T2, &err), ADX_EINVAL);
	holds(p, "my diary\n");
	unlink(p->path);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(append(p, JOURNAL_DONE, HK, T2, &err), ADX_EINVAL);
	assert_non_null(strstr(err.message, "no regular file"));
}

static void
test_journal_that_cannot_be_written_says_so(void **state)
{
	struct place *p = *state;
	struct place there = { .path = "/nonexistent/erasures" };
	struct adx_error err;

	assert_int_equal(append(&there, JOURNAL_BEGIN, HK, T1, &err), ADX_EIO);
	assert_non_null(strstr(err.message, "/nonexistent/erasures"));
	assert_int_equal(access(p->path, F_OK), -1);
}

/* A disk that is full within a line: a limit of the size of files is the same. */
static void
test_journal_takes_back_half_a_line(void **state)
{
	struct rlimit before, narrow;
	struct adx_error err;

	put(*state, KEY_LINE);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	narrow = before;
	/* Room for one line and a half. */
	narrow.rlim_cur = 2 * strlen(KEY_LINE) + 50;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &narrow), 0);
	assert_int_equal(append(*state, JOURNAL_DONE, HK, T2, &err), ADX_EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	holds(*state, KEY_LINE T2 " done " HA "\n");
}

static void
write_many(const struct place *p, unsigned number)
{
	struct adx_error err;

	for (unsigned i = 0; i < 50; i++) {
		char hash[JOURNAL_HASH_LEN + 1];
		const char *const hashes[] = { hash };
		const struct journal_entry entry = { HK, T1, hashes, 1 };

		snprintf(hash, sizeof(hash), "%032x%032x", number, i);
		if (journal_append(p->path, JOURNAL_DONE, &entry, &err) != ADX_OK)
			_exit(1);
	}
	_exit(0);
}

static void
test_journal_takes_turns(void **state)
{
	enum { WRITERS = 4 };
	pid_t pids[WRITERS];
	struct adx_error err;
	struct journal j;
	int status;

	for (unsigned i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			write_many(*state, i);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(journal_read(((struct place *)*state)->path, &j, &err), ADX_OK);
	assert_int_equal(j.count, WRITERS * 50);
	assert_int_equal(j.cut_off, 0);
	assert_string_equal(j.key_id, HK);
	journal_free(&j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_tells_what_was_done),
		cmocka_unit_test(test_journal_tells_the_last_time),
		cmocka_unit_test(test_journal_what_was_undone_never_was),
		cmocka_unit_test(test_journal_what_has_no_end_is_in_doubt),
		cmocka_unit_test(test_journal_finds_each_of_many),
		cmocka_unit_test(test_journal_passes_over_what_a_crash_cut_off),
		cmocka_unit_test(test_journal_passes_over_blocks_that_were_never_written),
		cmocka_unit_test(test_journal_refuses_what_is_no_journal),
		cmocka_unit_test(test_journal_of_two_keys_is_refused),
		cmocka_unit_test_setup_teardown(test_journal_is_made_with_its_key, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_journal_keeps_the_line_of_a_crash_apart,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_journal_of_another_key_is_left_alone, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_journal_is_nothing_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_journal_that_cannot_be_written_says_so, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_journal_takes_back_half_a_line, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_journal_takes_turns, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
