/*
 * Writes, and reads that take long: each thread has a connection of its own and carries out one
 * request at a time. What runs beyond its time is cancelled.
 */
#include <stdlib.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"
#include "daemon/queue.h"

enum { PAUSE_MS = 100 };

struct worker {
	struct writers *all;
	pthread_t thread;
	struct settings *settings; /* that db was opened with */
	unsigned epoch;            /* and when */
	pthread_mutex_t lock;      /* of what follows, against the clock */
	struct db *db;
	int64_t deadline; /* milliseconds; 0: nothing runs */
};

struct writers {
	struct daemon *daemon;
	struct queue queue;
	unsigned count;
	struct worker workers[];
};

static void
set_db(struct worker *worker, struct db *db)
{
	pthread_mutex_lock(&worker->lock);
	worker->db = db;
	pthread_mutex_unlock(&worker->lock);
}

static void
disconnect(struct worker *worker)
{
	struct db *db = worker->db;

	set_db(worker, NULL);
	db_close(db);
	settings_release(worker->settings);
	worker->settings = NULL;
}

static void
follow_settings(struct worker *worker)
{
	struct settings *now = daemon_settings(worker->all->daemon);

	if (worker->db != NULL && (worker->settings != now || worker->epoch != atomic_load(&worker->all->daemon->epoch) ||
	     !db_alive(worker->db)))
		disconnect(worker);
	settings_release(now);
}

static enum adx_rc
reach_db(struct worker *worker, struct adx_error *err)
{
	struct daemon *daemon = worker->all->daemon;
	struct db_settings settings;
	struct db *db = NULL;
	enum adx_rc rc;

	follow_settings(worker);
	if (worker->db != NULL)
		return ADX_OK;
	worker->settings = daemon_settings(daemon);
	worker->epoch = atomic_load(&daemon->epoch);
	settings = daemon_db_settings(daemon, worker->settings);
	rc = db_open(&settings, &db, err);
	metrics_add(&daemon->metrics, rc == ADX_OK ? METRIC_DB_CONNECTS : METRIC_DB_FAILURES, 1);
	if (rc == ADX_OK)
		set_db(worker, db);
	else
		disconnect(worker);
	return rc;
}

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
	enum adx_rc rc;

	while ((rc = reach_db(worker, err)) == ADX_EUNAVAIL && has_patience(r))
		usleep(PAUSE_MS * 1000);
	return rc;
}

static void
set_deadline(struct worker *worker, int64_t deadline)
{
	pthread_mutex_lock(&worker->lock);
	worker->deadline = deadline;
	pthread_mutex_unlock(&worker->lock);
}

static enum adx_rc
run_in_time(struct worker *worker, struct request *r)
{
	int64_t limit = (int64_t)r->settings->config->http.request_timeout * 1000;
	enum adx_rc rc;

	set_deadline(worker, r->began / 1000 + limit);
	r->call.db = worker->db;
	rc = call_run(&r->call, &r->err);
	set_deadline(worker, 0);
	if (rc == ADX_EINTR)
		rc = adx_fail(&r->err, rc,
			      "took longer than %d seconds and was cancelled; nothing was changed",
			      r->settings->config->http.request_timeout);
	db_clear_interrupt(worker->db);
	return rc;
}

/* A read that had a connection break under it can be run again, unless part of it was sent. */
static bool
can_run_again(struct request *r, enum adx_rc rc)
{
	if (rc != ADX_EUNAVAIL || call_writes(&r->call) || !has_patience(r) ||
	    !spool_restart(&r->spool))
		return false;
	out_discard(r->out);
	writer_reset(r->call.writer);
	call_forget(&r->call);
	metrics_add(&r->daemon->metrics, METRIC_READS_RETRIED, 1);
	return true;
}

static enum adx_rc
carry_out(struct worker *worker, struct request *r)
{
	enum adx_rc rc;

	do {
		rc = connect_patiently(worker, r, &r->err);
		if (rc == ADX_OK)
			rc = run_in_time(worker, r);
		if (rc == ADX_EUNAVAIL || rc == ADX_EUNKNOWN)
			disconnect(worker);
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

	while ((r = queue_take(&worker->all->queue, 1)) != NULL) {
		request_done(r, carry_out(worker, r));
		request_release(r);
	}
	disconnect(worker);
	return NULL;
}

/* ---- all of them ------------------------------------------------------------------------- */

void
writers_add(struct writers *writers, struct request *request)
{
	queue_add(&writers->queue, request);
}

void
writers_tick(struct writers *writers, int64_t now)
{
	for (unsigned i = 0; i < writers->count; i++) {
		struct worker *worker = &writers->workers[i];

		pthread_mutex_lock(&worker->lock);
		if (worker->db != NULL && worker->deadline != 0 && now > worker->deadline)
			db_interrupt(worker->db);
		pthread_mutex_unlock(&worker->lock);
	}
}

struct writers *
writers_start(struct daemon *daemon, unsigned count, struct adx_error *err)
{
	struct writers *writers =
		calloc(1, sizeof(*writers) + count * sizeof(writers->workers[0]));

	if (writers == NULL) {
		adx_nomem(err);
		return NULL;
	}
	writers->daemon = daemon;
	queue_init(&writers->queue);
	for (; writers->count < count; writers->count++) {
		struct worker *worker = &writers->workers[writers->count];

		worker->all = writers;
		pthread_mutex_init(&worker->lock, NULL);
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
		pthread_mutex_destroy(&writers->workers[i].lock);
	}
	queue_free(&writers->queue);
	free(writers);
}
