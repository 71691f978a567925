/*
 * Short reads of all callers, down one pipeline for each reader: what came while a batch was under
 * way is the next batch, and is sent before the one before has come whole. A read that fails takes
 * those behind it in its batch with it, so these are sent again; reads can be run twice. One that
 * takes long is cancelled and carried out by a writer, so that the others need not wait for it. A
 * database that is away is waited for, within bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"
#include "daemon/link.h"
#include "daemon/loop.h"
#include "daemon/queue.h"

enum { BATCH = 64, PAUSE_FIRST_MS = 20, PAUSE_MOST_MS = 500, LONG_MS = 1000 };

struct reader {
	struct readers *all;
	pthread_t thread;
	struct link link;
	struct request *again; /* to be sent, before anything new */
};

struct readers {
	struct daemon *daemon;
	struct queue queue;
	unsigned count;
	struct reader readers[];
};

/* ---- one read ---------------------------------------------------------------------------- */

static void
end(struct request *r, enum adx_rc rc)
{
	r->called_later = true;
	request_done(r, rc);
	request_let_go(r);
}

/* Before this thread waits: whoever sends what it has replied to meanwhile. */
static void
call_loops(const struct reader *reader)
{
	struct daemon *daemon = reader->all->daemon;

	for (int i = 0; i < DAEMON_LISTENERS; i++)
		loops_call(daemon->loops[i]);
}

/* A read that others wait for, or that is to be kept: its rows first, then their meaning. */
static enum adx_rc
receive_kept(struct request *r, struct adx_error *err)
{
	struct cache_fill *fill = r->fill;
	struct rows *rows;
	struct rowset *set = NULL;
	enum adx_rc rc = stmt_receive(r->call.db, &rows, err);

	if (rc != ADX_OK)
		return rc;
	rc = rows_keep(rows, &set, err);
	rows_close(rows);
	if (rc != ADX_OK)
		return rc;
	r->fill = NULL;
	/* The listener hears what the primary says; a standby may not know it yet. */
	if (db_follows(r->call.db))
		cache_pass(fill, set);
	else
		cache_store(fill, set);
	rc = call_receive_kept(&r->call, set, err);
	rowset_release(set);
	return rc;
}

static enum adx_rc
receive(struct request *r)
{
	return r->fill != NULL ? receive_kept(r, &r->err) : call_receive(&r->call, &r->err);
}

enum adx_rc
readers_run(struct request *r, struct db *db)
{
	enum adx_rc rc;

	r->call.db = db;
	rc = call_send(&r->call, &r->err);
	if (rc == ADX_OK)
		rc = stmt_mark(db, &r->err);
	if (rc == ADX_OK)
		rc = receive(r);
	stmt_drain(db);
	return rc;
}

/* ---- one batch --------------------------------------------------------------------------- */

static enum adx_rc
send_batch(struct reader *reader, struct request *batch, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	metrics_add(&reader->all->daemon->metrics, METRIC_READS_BATCHES, 1);
	for (struct request *r = batch; r != NULL && rc == ADX_OK; r = r->next) {
		r->call.db = reader->link.db;
		rc = call_send(&r->call, err);
	}
	return rc == ADX_OK ? stmt_mark(reader->link.db, err) : rc;
}

/* Behind those that are to be sent again already. */
static void
put_again(struct reader *reader, struct request *batch)
{
	struct request **last = &reader->again;

	while (*last != NULL)
		last = &(*last)->next;
	*last = batch;
}

static struct request *
take_again(struct reader *reader)
{
	struct request *batch = reader->again;

	reader->again = NULL;
	return batch;
}

/* May it be tried again, or is it its own failure? */
static bool
goes_again(struct request *r, enum adx_rc rc)
{
	int64_t patience = (int64_t)r->settings->config->http.retry * 1000000;

	return rc == ADX_EUNAVAIL && now_us() - r->began < patience &&
	       !atomic_load(&r->daemon->stopping) && request_restart(r);
}

/* Those whose patience is over fail; returns the others. */
static struct request *
sift(struct request *batch, enum adx_rc rc, const struct adx_error *err)
{
	struct request *first = NULL, **last = &first;

	while (batch != NULL) {
		struct request *r = batch;

		batch = r->next;
		r->next = NULL;
		if (goes_again(r, rc)) {
			metrics_add(&r->daemon->metrics, METRIC_READS_RETRIED, 1);
			*last = r;
			last = &r->next;
			continue;
		}
		r->err = *err;
		r->retry_after = rc == ADX_EUNAVAIL ? 1 : 0;
		end(r, rc);
	}
	return first;
}

/* Those whose time is over fail; returns the others. */
static struct request *
weed(struct request *batch)
{
	struct request *first = NULL, **last = &first;
	int64_t now = now_ms();

	while (batch != NULL) {
		struct request *r = batch;

		batch = r->next;
		r->next = NULL;
		if (now >= request_deadline(r)) {
			end(r, request_too_late(r));
			continue;
		}
		*last = r;
		last = &r->next;
	}
	return first;
}

/* How long its answer may take, now that the one before has come. */
static int64_t
patience_for(const struct request *r)
{
	int64_t deadline = request_deadline(r), patience = now_ms() + LONG_MS;

	return deadline < patience ? deadline : patience;
}

/* Ends it, or hands it to a writer when it takes too long for those behind it. */
static void
settle(struct reader *reader, struct request *r, enum adx_rc rc)
{
	if (request_overran(r, rc)) {
		end(r, request_too_late(r));
	} else if (rc == ADX_OK || !guard_cancelled(&reader->link.guard) ||
		   strcmp(r->err.sqlstate, "57014") != 0) {
		end(r, rc);
	} else if (atomic_load(&r->daemon->stopping) || !request_restart(r)) {
		end(r, request_too_late(r));
	} else {
		metrics_add(&r->daemon->metrics, METRIC_READS_LONG, 1);
		writers_add(r->daemon->writers, r);
	}
}

/*
 * While the server works on one batch the next comes to lie behind it, so that it need not wait for
 * us. Nothing is sent behind what had to be cancelled, as a cancel may hit what comes later, nor
 * where the connection is to be made anew.
 */
static enum adx_rc
send_ahead(struct reader *reader, struct request **ahead, struct adx_error *err)
{
	const struct link *link = &reader->link;

	if (*ahead != NULL || guard_cancelled(&link->guard) || !stmt_stands(link->db) ||
	    !link_is_current(link))
		return ADX_OK;
	*ahead = take_again(reader);
	if (*ahead == NULL)
		*ahead = queue_take_now(&reader->all->queue, BATCH);
	*ahead = weed(*ahead);
	return *ahead == NULL ? ADX_OK : send_batch(reader, *ahead, err);
}

/* Before this thread waits for an answer the server gets its next batch, and the loops their
 * replies. */
static enum adx_rc
await(struct reader *reader, struct request *r, struct request **ahead, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	guard_begin(&reader->link.guard, patience_for(r));
	if (!stmt_is_here(reader->link.db)) {
		rc = send_ahead(reader, ahead, err);
		call_loops(reader);
	}
	return rc;
}

/*
 * What stands behind one that failed is to be sent again. Any other return than ADX_OK is the
 * connection's failure. *ahead is what was sent behind meanwhile, or NULL.
 */
static enum adx_rc
receive_batch(struct reader *reader, struct request *batch, struct request **ahead,
	      struct adx_error *err)
{
	enum adx_rc rc = ADX_OK, own = ADX_OK;

	/*
	 * A statement that failed took those behind it along. After any other failure, too, nobody
	 * may take what may be left of its rows for their own.
	 */
	while (batch != NULL && own == ADX_OK) {
		struct request *r = batch;

		rc = await(reader, r, ahead, err);
		if (rc != ADX_OK)
			break;
		own = receive(r);
		/* A lost connection is no read's own failure. */
		if (own == ADX_EUNAVAIL) {
			*err = r->err;
			rc = own;
			break;
		}
		batch = r->next;
		r->next = NULL;
		settle(reader, r, own);
	}
	put_again(reader, batch);
	return rc;
}

/* One batch after the other, each sent before the one before it has come whole. */
static enum adx_rc
receive_all(struct reader *reader, struct request *batch, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	while (batch != NULL && rc == ADX_OK) {
		struct request *ahead = NULL;

		rc = receive_batch(reader, batch, &ahead, err);
		if (rc != ADX_OK) {
			put_again(reader, ahead);
			return rc;
		}
		call_loops(reader);
		stmt_drain(reader->link.db);
		batch = ahead;
	}
	return rc;
}

/* What was not carried out is to be sent again; any return but ADX_OK says why. */
static enum adx_rc
run(struct reader *reader, struct adx_error *err)
{
	struct link *link = &reader->link;
	struct request *batch;
	enum adx_rc rc = link_reach(link, err);

	if (rc != ADX_OK)
		return rc;
	batch = weed(take_again(reader));
	if (batch == NULL)
		return ADX_OK;
	guard_begin(&link->guard, patience_for(batch));
	rc = send_batch(reader, batch, err);
	if (rc == ADX_OK)
		rc = receive_all(reader, batch, err);
	else
		put_again(reader, batch);
	call_loops(reader);
	stmt_drain(link->db);
	metrics_add(&reader->all->daemon->metrics, METRIC_DB_FAILURES, rc == ADX_EUNAVAIL);
	if (!guard_end(&link->guard) || rc == ADX_EUNAVAIL)
		link_close(link);
	return rc;
}

static void
run_until_done(struct reader *reader)
{
	struct backoff backoff = { PAUSE_FIRST_MS, PAUSE_MOST_MS, 0 };

	while (reader->again != NULL) {
		struct adx_error err = { 0 };
		enum adx_rc rc = run(reader, &err);

		call_loops(reader);
		if (reader->again == NULL || rc == ADX_OK) {
			/* What is left was not run, for no fault of its own. */
			backoff.failures = 0;
			continue;
		}
		reader->again = sift(reader->again, rc, &err);
		call_loops(reader);
		if (reader->again != NULL)
			backoff_pause(&backoff, reader->all->daemon);
	}
}

static void *
read_on(void *arg)
{
	struct reader *reader = arg;
	struct daemon *daemon = reader->all->daemon;
	struct request *batch;
	unsigned pokes = 0;

	while (queue_take(&reader->all->queue, BATCH, &pokes, &batch)) {
		if (batch == NULL) {
			link_follow(&reader->link);
			continue;
		}
		/* Until the loops were called: they end when nobody carries anything any more. */
		atomic_fetch_add(&daemon->carried, 1);
		put_again(reader, batch);
		run_until_done(reader);
		atomic_fetch_sub(&daemon->carried, 1);
	}
	link_close(&reader->link);
	return NULL;
}

/* ---- all of them ------------------------------------------------------------------------- */

void
readers_add(struct readers *readers, struct request *request)
{
	metrics_add(&readers->daemon->metrics, METRIC_READS_SHARED, 1);
	queue_put(&readers->queue, request);
}

void
readers_call(struct readers *readers)
{
	queue_call(&readers->queue);
}

void
readers_hint(struct readers *readers)
{
	queue_hint(&readers->queue, readers->count);
}

void
readers_follow(struct readers *readers)
{
	queue_poke(&readers->queue);
}

void
readers_tick(struct readers *readers, int64_t now)
{
	/* Should nobody have come back, and nobody have hinted again. */
	queue_call(&readers->queue);
	for (unsigned i = 0; i < readers->count; i++)
		guard_tick(&readers->readers[i].link.guard, now);
}

struct readers *
readers_start(struct daemon *daemon, unsigned count, struct adx_error *err)
{
	struct readers *readers = calloc(1, sizeof(*readers) + count * sizeof(readers->readers[0]));

	if (readers == NULL) {
		adx_nomem(err);
		return NULL;
	}
	readers->daemon = daemon;
	queue_init(&readers->queue);
	for (; readers->count < count; readers->count++) {
		struct reader *reader = &readers->readers[readers->count];

		reader->all = readers;
		link_init(&reader->link, daemon, false);
		reader->link.short_answers = true;
		if (pthread_create(&reader->thread, NULL, read_on, reader) != 0) {
			adx_fail(err, ADX_EFAIL, "cannot start a thread");
			readers_stop(readers);
			return NULL;
		}
	}
	return readers;
}

void
readers_stop(struct readers *readers)
{
	if (readers == NULL)
		return;
	queue_close(&readers->queue);
	for (unsigned i = 0; i < readers->count; i++) {
		pthread_join(readers->readers[i].thread, NULL);
		link_free(&readers->readers[i].link);
	}
	queue_free(&readers->queue);
	free(readers);
}
