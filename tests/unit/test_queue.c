#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "daemon/daemon_priv.h"
#include "daemon/queue.h"

enum { REQUESTS = 64, THREADS = 4, ROUNDS = 100 };

struct world {
	struct queue queue;
	struct request *requests; /* a large structure */
	atomic_int taken[REQUESTS];
	atomic_int ended; /* takers that were told that it is over */
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -1;
	w->requests = calloc(REQUESTS, sizeof(w->requests[0]));
	queue_init(&w->queue);
	*state = w;
	return w->requests == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	queue_free(&w->queue);
	free(w->requests);
	free(w);
	return 0;
}

static void
add_all(struct world *w)
{
	for (int i = 0; i < REQUESTS; i++)
		queue_add(&w->queue, &w->requests[i]);
}

static struct request *
take(struct world *w, unsigned most)
{
	struct request *r;
	unsigned pokes = 0;

	bool more = queue_take(&w->queue, most, &pokes, &r);

	assert_int_equal(more, r != NULL);
	return r;
}

static void
test_queue_serves_first_who_came_first(void **state)
{
	struct world *w = *state;

	add_all(w);
	for (int i = 0; i < REQUESTS; i++) {
		struct request *r = take(w, 1);

		assert_ptr_equal(r, &w->requests[i]);
		assert_null(r->next);
	}
}

static void
check_batch(struct world *w, unsigned most, int first, int count)
{
	struct request *r = take(w, most);

	for (int i = first; i < first + count; i++) {
		assert_ptr_equal(r, &w->requests[i]);
		r = r->next;
	}
	assert_null(r);
}

static void
test_queue_gives_batches(void **state)
{
	struct world *w = *state;

	add_all(w);
	check_batch(w, 10, 0, 10);
	check_batch(w, 1, 10, 1);
	check_batch(w, 1000, 11, REQUESTS - 11);
	/* The end of the list is where the next one goes. */
	queue_add(&w->queue, &w->requests[3]);
	queue_add(&w->queue, &w->requests[4]);
	check_batch(w, 2, 3, 2);
}

static void
test_queue_is_emptied_before_it_ends(void **state)
{
	struct world *w = *state;

	add_all(w);
	queue_close(&w->queue);
	check_batch(w, REQUESTS - 1, 0, REQUESTS - 1);
	check_batch(w, 5, REQUESTS - 1, 1);
	assert_null(take(w, 5));
	assert_null(take(w, 1));
}

static void
test_queue_pokes_once(void **state)
{
	struct world *w = *state;
	struct request *r;
	unsigned pokes = 0;

	queue_poke(&w->queue);
	assert_true(queue_take(&w->queue, 1, &pokes, &r));
	assert_null(r);
	/* It would wait now; with a request it need not. */
	queue_add(&w->queue, &w->requests[0]);
	queue_poke(&w->queue);
	assert_true(queue_take(&w->queue, 1, &pokes, &r));
	assert_ptr_equal(r, &w->requests[0]);
	queue_poke(&w->queue);
	queue_close(&w->queue);
	assert_false(queue_take(&w->queue, 1, &pokes, &r));
}

/* ---- threads ----------------------------------------------------------------------------- */

static void *
take_on(void *arg)
{
	struct world *w = arg;
	struct request *r;
	unsigned pokes = 0;

	while (queue_take(&w->queue, 3, &pokes, &r))
		while (r != NULL) {
			struct request *next = r->next;

			atomic_fetch_add(&w->taken[r - w->requests], 1);
			r = next;
		}
	atomic_fetch_add(&w->ended, 1);
	return NULL;
}

static bool
all_taken(struct world *w, int times)
{
	for (int i = 0; i < REQUESTS; i++)
		if (atomic_load(&w->taken[i]) < times)
			return false;
	return true;
}

/* One call is enough for all that were put: who is called calls the next. */
static void
put_all(struct world *w)
{
	for (int i = 0; i < REQUESTS; i++)
		queue_put(&w->queue, &w->requests[i]);
	queue_call(&w->queue);
}

static void
check_threads(struct world *w, void (*give)(struct world *w))
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_on, w), 0);
	for (int round = 1; round <= ROUNDS; round++) {
		give(w);
		while (!all_taken(w, round))
			sched_yield();
	}
	queue_close(&w->queue);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&w->ended), THREADS);
	for (int i = 0; i < REQUESTS; i++)
		assert_int_equal(atomic_load(&w->taken[i]), ROUNDS);
}

static void
test_queue_gives_each_to_one_thread(void **state)
{
	check_threads(*state, add_all);
}

static void
test_queue_calls_once_for_many(void **state)
{
	queue_call(&((struct world *)*state)->queue);
	check_threads(*state, put_all);
}

#define WITH_QUEUE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_QUEUE(test_queue_serves_first_who_came_first),
		WITH_QUEUE(test_queue_gives_batches),
		WITH_QUEUE(test_queue_is_emptied_before_it_ends),
		WITH_QUEUE(test_queue_pokes_once),
		WITH_QUEUE(test_queue_gives_each_to_one_thread),
		WITH_QUEUE(test_queue_calls_once_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
