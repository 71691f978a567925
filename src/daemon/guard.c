#include "daemon/guard.h"

#include <time.h>

#include "daemon/daemon_priv.h"

/* How long a server may take to answer to a cancel. */
enum { ANSWER_MS = 2000 };

void
guard_init(struct guard *guard, bool interrupts)
{
	pthread_mutex_init(&guard->lock, NULL);
	guard->db = NULL;
	guard->interrupts = interrupts;
	atomic_init(&guard->deadline, 0);
	atomic_init(&guard->cancelled_at, 0);
	atomic_init(&guard->cancelled, false);
}

void
guard_free(struct guard *guard)
{
	pthread_mutex_destroy(&guard->lock);
}

void
guard_set(struct guard *guard, struct db *db)
{
	pthread_mutex_lock(&guard->lock);
	guard->db = db;
	atomic_store(&guard->deadline, 0);
	pthread_mutex_unlock(&guard->lock);
}

void
guard_begin(struct guard *guard, int64_t deadline)
{
	atomic_store(&guard->deadline, deadline);
	atomic_store(&guard->cancelled_at, 0);
}

bool
guard_cancelled(const struct guard *guard)
{
	return atomic_load(&guard->cancelled);
}

bool
guard_end(struct guard *guard)
{
	bool good;

	pthread_mutex_lock(&guard->lock);
	atomic_store(&guard->deadline, 0);
	atomic_store(&guard->cancelled, false);
	good = guard->db != NULL && !db_is_cancelling(guard->db) && db_at_rest(guard->db);
	pthread_mutex_unlock(&guard->lock);
	return good;
}

static void
cancel(struct guard *guard)
{
	atomic_store(&guard->cancelled_at, now_ms());
	atomic_store(&guard->cancelled, true);
	if (guard->interrupts)
		db_interrupt_soon(guard->db);
	else
		db_cancel_soon(guard->db);
}

void
guard_tick(struct guard *guard, int64_t limit)
{
	int64_t deadline, cancelled;

	pthread_mutex_lock(&guard->lock);
	deadline = atomic_load(&guard->deadline);
	cancelled = atomic_load(&guard->cancelled_at);
	if (guard->db != NULL && deadline != 0 && limit > deadline) {
		if (cancelled == 0)
			cancel(guard);
		else if (now_ms() - cancelled > ANSWER_MS)
			db_break(guard->db);
	}
	pthread_mutex_unlock(&guard->lock);
}

void
guard_join(struct guard *guard, pthread_t thread)
{
	struct timespec until;

	do {
		guard_tick(guard, INT64_MAX);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 20000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(thread, NULL, &until) != 0);
}
