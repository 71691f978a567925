#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/workers.h"

enum { ITEMS = 1000 };

struct tally {
	int times[ITEMS]; /* each written by whoever has the item */
	atomic_int in_all;
	atomic_int deaf; /* items done on a thread that hears no signal */
	pthread_t caller;
};

static void
count(void *ctx, size_t i)
{
	struct tally *t = ctx;
	sigset_t blocked;

	t->times[i]++;
	atomic_fetch_add(&t->in_all, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (!pthread_equal(pthread_self(), t->caller) && sigismember(&blocked, SIGINT))
		atomic_fetch_add(&t->deaf, 1);
	if (pthread_equal(pthread_self(), t->caller) && !sigismember(&blocked, SIGINT))
		atomic_fetch_add(&t->deaf, 1);
}

static void
run_once(struct workers *w, size_t items)
{
	struct tally t = { .caller = pthread_self() };

	workers_run(w, items, count, &t);
	assert_int_equal(atomic_load(&t.in_all), items);
	assert_int_equal(atomic_load(&t.deaf), items);
	for (size_t i = 0; i < ITEMS; i++)
		assert_int_equal(t.times[i], i < items);
}

static void
test_workers_do_each_item_once(void **state)
{
	static const size_t threads[] = { 0, 1, 2, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		struct workers *w = workers_new(threads[i]);

		assert_non_null(w);
		assert_in_range(workers_count(w), 1, threads[i] < 1 ? 1 : threads[i]);
		run_once(w, ITEMS);
		run_once(w, 0);
		run_once(w, 1);
		for (int again = 0; again < 50; again++)
			run_once(w, 20);
		workers_free(w);
	}
}

static void
test_workers_may_have_nothing_to_do(void **state)
{
	(void)state;
	workers_free(NULL);
	workers_free(workers_new(4));
	assert_in_range(workers_wanted(), 1, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers_do_each_item_once),
		cmocka_unit_test(test_workers_may_have_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
