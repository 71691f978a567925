#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "daemon/throttle.h"

enum { TEN_A_MINUTE = 10, SECOND = 1000 };

static unsigned
try_one(struct throttle *t, const char *caller, const char *user, uint64_t now)
{
	const char *const name[] = { caller, user, "example.org" };

	return throttle_take(t, name, 3, TEN_A_MINUTE, now);
}

static int
setup(void **state)
{
	*state = throttle_new();
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	throttle_free(*state);
	return 0;
}

static void
test_throttle_gives_so_many_at_once_and_no_more(void **state)
{
	for (int i = 0; i < TEN_A_MINUTE; i++)
		assert_int_equal(try_one(*state, "root", "romeo", SECOND), 0);
	assert_int_not_equal(try_one(*state, "root", "romeo", SECOND), 0);
	assert_int_not_equal(try_one(*state, "root", "romeo", SECOND), 0);
}

static void
test_throttle_says_when_there_will_be_one(void **state)
{
	uint64_t now = SECOND;
	unsigned wait;

	for (int i = 0; i < TEN_A_MINUTE; i++)
		assert_int_equal(try_one(*state, "root", "romeo", now), 0);
	wait = try_one(*state, "root", "romeo", now);
	/* One each 6 seconds. */
	assert_in_range(wait, 6, 7);
	assert_int_not_equal(try_one(*state, "root", "romeo", now + 5 * SECOND), 0);
	assert_int_equal(try_one(*state, "root", "romeo", now + wait * SECOND), 0);
	assert_int_not_equal(try_one(*state, "root", "romeo", now + wait * SECOND), 0);
}

/* Asking in vain does not push the next one away. */
static void
test_throttle_fills_while_it_refuses(void **state)
{
	unsigned given = 0;

	for (int i = 0; i < TEN_A_MINUTE; i++)
		assert_int_equal(try_one(*state, "root", "romeo", SECOND), 0);
	for (uint64_t ms = 0; ms <= 60 * SECOND; ms += 100)
		given += try_one(*state, "root", "romeo", SECOND + ms) == 0;
	assert_in_range(given, TEN_A_MINUTE - 1, TEN_A_MINUTE);
}

static void
test_throttle_saves_no_more_than_a_minute(void **state)
{
	unsigned given = 0;

	assert_int_equal(try_one(*state, "root", "romeo", SECOND), 0);
	for (int i = 0; i < 3 * TEN_A_MINUTE; i++)
		given += try_one(*state, "root", "romeo", 3600 * SECOND) == 0;
	assert_int_equal(given, TEN_A_MINUTE);
}

static void
test_throttle_counts_each_account_and_caller_apart(void **state)
{
	for (int i = 0; i < TEN_A_MINUTE; i++)
		assert_int_equal(try_one(*state, "root", "romeo", SECOND), 0);
	assert_int_not_equal(try_one(*state, "root", "romeo", SECOND), 0);
	assert_int_equal(try_one(*state, "root", "juliet", SECOND), 0);
	assert_int_equal(try_one(*state, "token 1", "romeo", SECOND), 0);
	/* The ends of the parts count. */
	assert_int_equal(try_one(*state, "rootr", "omeo", SECOND), 0);
	assert_int_equal(try_one(*state, "roo", "tromeo", SECOND), 0);
}

/* Many others must not make it forget somebody who is at it right now. */
static void
test_throttle_remembers_among_many(void **state)
{
	char user[24];

	for (int i = 0; i < TEN_A_MINUTE; i++)
		assert_int_equal(try_one(*state, "root", "romeo", SECOND), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		assert_int_equal(try_one(*state, "root", user, SECOND), 0);
	}
	assert_int_not_equal(try_one(*state, "root", "romeo", SECOND), 0);
}

/* ---- threads ----------------------------------------------------------------------------- */

enum { THREADS = 4, TRIES = 200 };

struct crowd {
	struct throttle *throttle;
	atomic_int given;
};

static void *
push(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < TRIES; i++)
		if (try_one(crowd->throttle, "root", "romeo", SECOND) == 0)
			atomic_fetch_add(&crowd->given, 1);
	return NULL;
}

static void
test_throttle_gives_no_more_to_many_threads(void **state)
{
	struct crowd crowd = { .throttle = *state };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, push, &crowd), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&crowd.given), TEN_A_MINUTE);
}

#define WITH_THROTTLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_THROTTLE(test_throttle_gives_so_many_at_once_and_no_more),
		WITH_THROTTLE(test_throttle_says_when_there_will_be_one),
		WITH_THROTTLE(test_throttle_fills_while_it_refuses),
		WITH_THROTTLE(test_throttle_saves_no_more_than_a_minute),
		WITH_THROTTLE(test_throttle_counts_each_account_and_caller_apart),
		WITH_THROTTLE(test_throttle_remembers_among_many),
		WITH_THROTTLE(test_throttle_gives_no_more_to_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
