#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <pthread.h>

#include "daemon/spool.h"

enum { SHORT = 64 * 1024, BIG = 1024 * 1024 };

struct world {
	struct spool spool;
	int woken, suspended;
	/* Of the thread that fetches, as libmicrohttpd has it for a connection. */
	pthread_mutex_t lock;
	pthread_cond_t news;
	bool sleeps;
};

static void
wake(void *ctx)
{
	struct world *w = ctx;

	pthread_mutex_lock(&w->lock);
	w->woken++;
	w->sleeps = false;
	pthread_cond_signal(&w->news);
	pthread_mutex_unlock(&w->lock);
}

static void
suspend(void *ctx)
{
	struct world *w = ctx;

	pthread_mutex_lock(&w->lock);
	w->suspended++;
	w->sleeps = true;
	pthread_mutex_unlock(&w->lock);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->news, NULL);
	spool_init(&w->spool, BIG, wake, w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	spool_free(&w->spool);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->news);
	free(w);
	return 0;
}

/* Different at each position, with a period that no block has. */
static char
byte_at(uint64_t pos)
{
	return (char)(pos % 251);
}

/* The next so many bytes of a reply that has `at` already. */
static int
write_more(struct world *w, uint64_t at, size_t len)
{
	char *data = malloc(len);
	int errnum;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(at + i);
	errnum = spool_write(&w->spool, data, len);
	free(data);
	return errnum;
}

static ssize_t
read_at(struct world *w, uint64_t pos, char *out, size_t max)
{
	return spool_read(&w->spool, pos, out, max, suspend, w);
}

static void
test_spool_keeps_a_short_reply_in_memory(void **state)
{
	struct world *w = *state;

	assert_int_equal(write_more(w, 0, SHORT - 1), 0);
	assert_int_equal(write_more(w, SHORT - 1, 1), 0);
	assert_false(w->spool.streams);
	assert_int_equal(w->spool.fd, -1);
	assert_int_equal(w->spool.memory.len, SHORT);
	assert_int_equal(w->spool.memory.data[SHORT - 1], byte_at(SHORT - 1));
	spool_finish(&w->spool, true);
	assert_true(w->spool.complete);
}

/* Nobody sends a short reply before it is whole: only its end wakes. */
static void
test_spool_wakes_at_the_end_of_a_short_reply(void **state)
{
	struct world *w = *state;

	w->spool.waiting = true;
	assert_int_equal(write_more(w, 0, 10), 0);
	assert_int_equal(w->woken, 0);
	spool_finish(&w->spool, true);
	assert_int_equal(w->woken, 1);
}

static void
test_spool_puts_a_long_reply_into_a_file_without_a_name(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(write_more(w, 0, SHORT), 0);
	assert_int_equal(write_more(w, SHORT, 1), 0);
	assert_true(w->spool.streams);
	assert_int_equal(w->spool.memory.len, 0);
	assert_int_equal(fstat(w->spool.fd, &st), 0);
	assert_int_equal(st.st_size, SHORT + 1);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 077, 0);
}

static void
test_spool_gives_what_is_at_a_position(void **state)
{
	static const uint64_t positions[] = { 0, 1, 250, SHORT - 1, SHORT, SHORT + 999 };
	struct world *w = *state;
	char out[512];

	assert_int_equal(write_more(w, 0, SHORT + 1000), 0);
	for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
		uint64_t pos = positions[i];
		size_t left = SHORT + 1000 - pos;
		ssize_t n = read_at(w, pos, out, sizeof(out));

		assert_int_equal(n, left < sizeof(out) ? left : sizeof(out));
		for (ssize_t j = 0; j < n; j++)
			assert_int_equal(out[j], byte_at(pos + (uint64_t)j));
	}
	assert_int_equal(w->suspended, 0);
}

static void
test_spool_lets_the_sender_sleep_until_there_is_more(void **state)
{
	struct world *w = *state;
	char out[16];

	assert_int_equal(write_more(w, 0, SHORT + 1), 0);
	assert_int_equal(read_at(w, SHORT + 1, out, sizeof(out)), 0);
	assert_int_equal(w->suspended, 1);
	assert_int_equal(w->woken, 0);
	/* Once for each wait. */
	assert_int_equal(write_more(w, SHORT + 1, 1), 0);
	assert_int_equal(write_more(w, SHORT + 2, 1), 0);
	assert_int_equal(w->woken, 1);
	assert_int_equal(read_at(w, SHORT + 1, out, sizeof(out)), 2);
	assert_int_equal(read_at(w, SHORT + 3, out, sizeof(out)), 0);
	spool_finish(&w->spool, true);
	assert_int_equal(w->woken, 2);
	assert_int_equal(read_at(w, SHORT + 3, out, sizeof(out)), -1);
}

static void
test_spool_says_that_the_rest_will_never_come(void **state)
{
	struct world *w = *state;
	char out[16];

	assert_int_equal(write_more(w, 0, SHORT + 1), 0);
	assert_int_equal(read_at(w, SHORT + 1, out, sizeof(out)), 0);
	spool_finish(&w->spool, false);
	assert_int_equal(w->woken, 1);
	/* What is there can be fetched. */
	assert_int_equal(read_at(w, 0, out, sizeof(out)), sizeof(out));
	assert_int_equal(read_at(w, SHORT + 1, out, sizeof(out)), -2);
}

static void
test_spool_begins_anew_only_while_nothing_was_sent(void **state)
{
	struct world *w = *state;

	assert_int_equal(write_more(w, 0, 100), 0);
	assert_true(spool_restart(&w->spool));
	assert_int_equal(w->spool.memory.len, 0);
	assert_int_equal(write_more(w, 0, SHORT), 0);
	assert_true(spool_restart(&w->spool));
	assert_int_equal(write_more(w, 0, SHORT + 1), 0);
	assert_false(spool_restart(&w->spool));
}

static void
test_spool_is_bounded(void **state)
{
	struct world *w = *state;

	assert_int_equal(write_more(w, 0, BIG), 0);
	assert_int_equal(write_more(w, BIG, 1), EFBIG);
	assert_int_equal(w->spool.written, BIG);
}

static void
test_spool_tells_the_writer_that_nobody_fetches(void **state)
{
	struct world *w = *state;

	assert_int_equal(write_more(w, 0, 10), 0);
	w->spool.waiting = true;
	spool_abandon(&w->spool);
	assert_int_equal(write_more(w, 10, 10), EPIPE);
	spool_finish(&w->spool, true);
	/* There is nobody to wake any more. */
	assert_int_equal(w->woken, 0);
}

static void
test_spool_tells_that_it_has_no_room(void **state)
{
	struct world *w = *state;
	const char *before = getenv("TMPDIR");

	setenv("TMPDIR", "/nonexistent", 1);
	assert_int_equal(write_more(w, 0, SHORT + 1), ENOENT);
	if (before == NULL)
		unsetenv("TMPDIR");
	else
		setenv("TMPDIR", before, 1);
	spool_finish(&w->spool, false);
}

/* ---- threads ----------------------------------------------------------------------------- */

static void *
make_reply(void *arg)
{
	struct world *w = arg;

	for (uint64_t at = 0; at < BIG; at += BIG / 512)
		if (write_more(w, at, BIG / 512) != 0)
			return NULL;
	spool_finish(&w->spool, true);
	return w;
}

static void
sleep_if_told(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->sleeps)
		pthread_cond_wait(&w->news, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static bool
streams(struct world *w)
{
	bool yes;

	pthread_mutex_lock(&w->spool.lock);
	yes = w->spool.streams;
	if (!yes)
		suspend(w);
	w->spool.waiting = !yes;
	pthread_mutex_unlock(&w->spool.lock);
	return yes;
}

static void
test_spool_carries_a_reply_from_thread_to_thread(void **state)
{
	struct world *w = *state;
	pthread_t thread;
	void *whole = NULL;
	uint64_t pos = 0;
	char out[3000];
	ssize_t n;

	assert_int_equal(pthread_create(&thread, NULL, make_reply, w), 0);
	while (!streams(w))
		sleep_if_told(w);
	while ((n = read_at(w, pos, out, sizeof(out))) >= 0) {
		for (ssize_t i = 0; i < n; i++)
			if (out[i] != byte_at(pos + (uint64_t)i))
				fail_msg("wrong byte at %llu", (unsigned long long)pos + i);
		pos += (uint64_t)n;
		sleep_if_told(w);
	}
	pthread_join(thread, &whole);
	assert_non_null(whole);
	assert_int_equal(n, -1);
	assert_int_equal(pos, BIG);
}

#define WITH_SPOOL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_SPOOL(test_spool_keeps_a_short_reply_in_memory),
		WITH_SPOOL(test_spool_wakes_at_the_end_of_a_short_reply),
		WITH_SPOOL(test_spool_puts_a_long_reply_into_a_file_without_a_name),
		WITH_SPOOL(test_spool_gives_what_is_at_a_position),
		WITH_SPOOL(test_spool_lets_the_sender_sleep_until_there_is_more),
		WITH_SPOOL(test_spool_says_that_the_rest_will_never_come),
		WITH_SPOOL(test_spool_begins_anew_only_while_nothing_was_sent),
		WITH_SPOOL(test_spool_is_bounded),
		WITH_SPOOL(test_spool_tells_the_writer_that_nobody_fetches),
		WITH_SPOOL(test_spool_tells_that_it_has_no_room),
		WITH_SPOOL(test_spool_carries_a_reply_from_thread_to_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
