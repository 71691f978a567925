/*
 * A thread's connection to the database against the clock. What runs beyond its deadline is
 * cancelled; where the server does not even answer to that, the connection is broken off, so that
 * no thread ever waits for one that is gone.
 */
#ifndef ADMINEX_GUARD_H
#define ADMINEX_GUARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"

struct guard {
	pthread_mutex_t lock; /* of db, for as long as the clock looks at it */
	struct db *db;
	bool interrupts; /* of a transaction of several statements: none of them comes any more */
	_Atomic int64_t deadline;     /* milliseconds; 0: nothing runs */
	_Atomic int64_t cancelled_at; /* 0: it was not */
	atomic_bool cancelled;        /* it or one before it, since guard_end() */
};

void guard_init(struct guard *guard, bool interrupts);
void guard_free(struct guard *guard);

/* The thread's: the connection it has from now on, NULL before it closes it. */
void guard_set(struct guard *guard, struct db *db);
/* What runs from now on has until then. Several in a row need no end between them. */
void guard_begin(struct guard *guard, int64_t deadline);
/*
 * Was something cancelled since guard_end()? In a pipeline it may have hit another one than was
 * meant: an answer can lie at the server until what stands behind it has run.
 */
bool guard_cancelled(const struct guard *guard);
/*
 * Nothing runs any more. False when a cancel is still under way, or the connection not at rest: it
 * is to be closed.
 */
bool guard_end(struct guard *guard);

/* Wait for the end of the thread, which nothing that runs shall keep from it. */
void guard_join(struct guard *guard, pthread_t thread);

/*
 * The clock's, never waits: cancels what runs and has a deadline before `limit`, and cuts its
 * connection where that is of no use for some time. INT64_MAX: every deadline is over.
 */
void guard_tick(struct guard *guard, int64_t limit);

#endif
