#include "base/workers.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct workers {
	pthread_mutex_t lock; /* of all below but the threads */
	pthread_cond_t wake;  /* there are items, or it is time to go */
	pthread_cond_t idle;  /* the last item is done */
	void (*work)(void *ctx, size_t i);
	void *ctx;
	size_t next, count; /* items not begun yet are next .. count - 1 */
	size_t unfinished;
	bool quit;
	size_t thread_count;
	pthread_t threads[THREADS_MAX];
};

size_t
workers_wanted(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}

/* Begin and end with the lock held. */
static void
work_off(struct workers *w)
{
	while (w->next < w->count) {
		size_t i = w->next++;

		pthread_mutex_unlock(&w->lock);
		w->work(w->ctx, i);
		pthread_mutex_lock(&w->lock);
		if (--w->unfinished == 0)
			pthread_cond_signal(&w->idle);
	}
}

static void *
live(void *ctx)
{
	struct workers *w = ctx;

	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		work_off(w);
		if (!w->quit)
			pthread_cond_wait(&w->wake, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* A thread starts with the signals blocked that its maker has blocked. */
static void
start_threads(struct workers *w, size_t count)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (w->thread_count < count &&
	       pthread_create(&w->threads[w->thread_count], NULL, live, w) == 0)
		w->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct workers *
workers_new(size_t count)
{
	struct workers *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	/* With default attributes these cannot fail. */
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	pthread_cond_init(&w->idle, NULL);
	if (count > 1)
		start_threads(w, count - 1 < THREADS_MAX ? count - 1 : THREADS_MAX);
	return w;
}

size_t
workers_count(const struct workers *w)
{
	return w->thread_count + 1;
}

void
workers_run(struct workers *w, size_t count, void (*work)(void *ctx, size_t i), void *ctx)
{
	pthread_mutex_lock(&w->lock);
	w->work = work;
	w->ctx = ctx;
	w->next = 0;
	w->count = count;
	w->unfinished = count;
	pthread_cond_broadcast(&w->wake);
	work_off(w);
	while (w->unfinished > 0)
		pthread_cond_wait(&w->idle, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void
workers_free(struct workers *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->thread_count; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->idle);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
