/*
 * Writes, and reads that take long: each thread has a connection of its own and carries out one
 * request at a time. What runs beyond its time is cancelled.
 */
#include <stdlib.h>

#include "daemon/daemon_priv.h"
#include "daemon/link.h"
#include "daemon/queue.h"

enum { PAUSE_FIRST_MS = 20, PAUSE_MOST_MS = 500 };

struct worker {
	struct writers *all;
	pthread_t thread;
	struct link link;
};

struct writers {
	struct daemon *daemon;
	struct queue queue;
	unsigned count;
	struct worker workers[];
};

/* ---- one request ------------------------------------------------------------------------- */

static bool
has_patience(const struct request *r)
{
	int64_t patience = (int64_t)r->settings->config->http.retry * 1000000;

	return now_us() - r->began < patience && !atomic_load(&r->daemon->stopping);
}

static enum adx_rc
connect_patiently(struct worker *worker, const struct request *r, struct adx_error *err)
{
	struct backoff backoff = { PAUSE_FIRST_MS, PAUSE_MOST_MS, 0 };
	enum adx_rc rc;

	while ((rc = link_reach(&worker->link, err)) == ADX_EUNAVAIL && has_patience(r))
		backoff_pause(&backoff, r->daemon);
	return rc;
}

static enum adx_rc
run_in_time(struct worker *worker, struct request *r)
{
	enum adx_rc rc;

	guard_begin(&worker->link.guard, request_deadline(r));
	r->call.db = worker->link.db;
	/* With a fill it is a read that took too long among others. */
	rc = r->fill != NULL ? readers_run(r, worker->link.db) : call_run(&r->call, &r->err);
	if (rc == ADX_EINTR || request_overran(r, rc))
		rc = request_too_late(r);
	if (guard_end(&worker->link.guard))
		db_clear_interrupt(worker->link.db);
	else
		link_close(&worker->link);
	return rc;
}

/* A read that had a connection break under it can be run again, unless part of it was sent. */
static bool
can_run_again(struct request *r, enum adx_rc rc)
{
	if (rc != ADX_EUNAVAIL || call_writes(&r->call) || !has_patience(r) || !request_restart(r))
		return false;
	metrics_add(&r->daemon->metrics, METRIC_READS_RETRIED, 1);
	return true;
}

static enum adx_rc
carry_out(struct worker *worker, struct request *r)
{
	enum adx_rc rc;

	do {
		rc = connect_patiently(worker, r, &r->err);
		if (rc == ADX_OK && now_ms() >= request_deadline(r))
			return request_too_late(r);
		if (rc == ADX_OK)
			rc = run_in_time(worker, r);
	} while (can_run_again(r, rc));
	if (rc == ADX_EUNAVAIL)
		r->retry_after = 1;
	return rc;
}

static void *
work_on(void *arg)
{
	struct worker *worker = arg;
	struct request *r;
	unsigned pokes = 0;

	while (queue_take(&worker->all->queue, 1, &pokes, &r)) {
		if (r == NULL) {
			link_follow(&worker->link);
			continue;
		}
		request_done(r, carry_out(worker, r));
		request_let_go(r);
	}
	link_close(&worker->link);
	return NULL;
}

/* ---- all of them ------------------------------------------------------------------------- */

void
writers_add(struct writers *writers, struct request *request)
{
	queue_add(&writers->queue, request);
}

void
writers_follow(struct writers *writers)
{
	queue_poke(&writers->queue);
}

void
writers_tick(struct writers *writers, int64_t now)
{
	for (unsigned i = 0; i < writers->count; i++)
		guard_tick(&writers->workers[i].link.guard, now);
}

struct writers *
writers_start(struct daemon *daemon, unsigned count, struct adx_error *err)
{
	struct writers *writers = calloc(1, sizeof(*writers) + count * sizeof(writers->workers[0]));

	if (writers == NULL) {
		adx_nomem(err);
		return NULL;
	}
	writers->daemon = daemon;
	queue_init(&writers->queue);
	for (; writers->count < count; writers->count++) {
		struct worker *worker = &writers->workers[writers->count];

		worker->all = writers;
		link_init(&worker->link, daemon, true);
		if (pthread_create(&worker->thread, NULL, work_on, worker) != 0) {
			adx_fail(err, ADX_EFAIL, "cannot start a thread");
			writers_stop(writers);
			return NULL;
		}
	}
	return writers;
}

void
writers_stop(struct writers *writers)
{
	if (writers == NULL)
		return;
	queue_close(&writers->queue);
	for (unsigned i = 0; i < writers->count; i++) {
		pthread_join(writers->workers[i].thread, NULL);
		link_free(&writers->workers[i].link);
	}
	queue_free(&writers->queue);
	free(writers);
}
