#include "daemon/ready.h"

#include <stdlib.h>

#include "daemon/link.h"
#include "daemon/server.h"
#include "db/migrate.h"

/* An answer in time is one thing; to find out that a connection is dead takes longer. */
enum { PATIENCE_MS = 300, LOOK_MS = 1500 };

struct ready {
	struct daemon *daemon;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct request *waiting;
	bool stopping, follow;
	struct link link;
};

static enum adx_rc
look(struct ready *ready, struct adx_error *err)
{
	int64_t version;
	enum adx_rc rc = link_reach(&ready->link, err);

	if (rc != ADX_OK)
		return rc;
	guard_begin(&ready->link.guard, now_ms() + LOOK_MS);
	rc = stmt_int64(ready->link.db, SQL_MIGRATE_VERSION, NO_PARAMS, &version, err);
	if (!guard_end(&ready->link.guard))
		link_close(&ready->link);
	if (rc != ADX_OK || version == MIGRATION_COUNT)
		return rc;
	adx_fail(err, ADX_EFAIL, "the schema has version %lld, this program needs %d",
		 (long long)version, MIGRATION_COUNT);
	adx_hint(err, "run 'adminex migrate status'");
	return ADX_EFAIL;
}

/* Anybody may ask: addresses, names of users and what the server said are not for everybody. */
static void
refuse(struct request *r, enum adx_rc rc, const struct adx_error *err)
{
	struct adx_error told;

	r->code = 503;
	r->retry_after = 1;
	if (rc == ADX_EFAIL && err->sqlstate[0] == '\0')
		told = *err;
	else
		adx_fail(&told, ADX_EUNAVAIL, "the database does not answer");
	request_fail(r, &told);
}

static void
answer(struct request *r, enum adx_rc rc, const struct adx_error *err)
{
	if (rc == ADX_OK) {
		out_text(r->out, "{\"status\":\"ok\"}\n");
		out_flush(r->out);
		r->code = 200;
		spool_finish(&r->spool, out_error(r->out) == 0);
	} else {
		refuse(r, rc, err);
	}
	request_let_go(r);
}

static void
answer_all(struct request *list, enum adx_rc rc, const struct adx_error *err)
{
	while (list != NULL) {
		struct request *r = list;

		list = r->next;
		answer(r, rc, err);
	}
}

/* Whoever takes them out of the list answers them. */
static struct request *
take_all(struct ready *ready)
{
	struct request *list;

	pthread_mutex_lock(&ready->lock);
	list = ready->waiting;
	ready->waiting = NULL;
	pthread_mutex_unlock(&ready->lock);
	return list;
}

static bool
wait_for_work(struct ready *ready, bool *asked)
{
	bool stopping;

	pthread_mutex_lock(&ready->lock);
	while (ready->waiting == NULL && !ready->stopping && !ready->follow)
		pthread_cond_wait(&ready->news, &ready->lock);
	*asked = ready->waiting != NULL;
	ready->follow = false;
	stopping = ready->stopping;
	pthread_mutex_unlock(&ready->lock);
	return !stopping;
}

static void *
look_on(void *arg)
{
	struct ready *ready = arg;
	bool asked;

	while (wait_for_work(ready, &asked)) {
		struct adx_error err = { 0 };
		enum adx_rc rc;

		link_follow(&ready->link);
		if (!asked)
			continue;
		rc = look(ready, &err);
		answer_all(take_all(ready), rc, &err);
	}
	link_close(&ready->link);
	return NULL;
}

void
ready_follow(struct ready *ready)
{
	pthread_mutex_lock(&ready->lock);
	ready->follow = true;
	pthread_cond_signal(&ready->news);
	pthread_mutex_unlock(&ready->lock);
}

bool
ready_ask(struct ready *ready, struct request *r)
{
	if (!request_give_away(r))
		return false;
	pthread_mutex_lock(&ready->lock);
	r->next = ready->waiting;
	ready->waiting = r;
	pthread_cond_signal(&ready->news);
	pthread_mutex_unlock(&ready->lock);
	return true;
}

void
ready_tick(struct ready *ready, int64_t now)
{
	struct request *late = NULL, **at;
	struct adx_error err;

	pthread_mutex_lock(&ready->lock);
	for (at = &ready->waiting; *at != NULL;) {
		struct request *r = *at;

		if (now - r->began / 1000 < PATIENCE_MS) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		r->next = late;
		late = r;
	}
	pthread_mutex_unlock(&ready->lock);
	adx_fail(&err, ADX_EUNAVAIL, "the database does not answer");
	answer_all(late, ADX_EUNAVAIL, &err);
	guard_tick(&ready->link.guard, now);
}

struct ready *
ready_start(struct daemon *daemon, struct adx_error *err)
{
	struct ready *ready = calloc(1, sizeof(*ready));

	if (ready == NULL) {
		adx_nomem(err);
		return NULL;
	}
	ready->daemon = daemon;
	link_init(&ready->link, daemon, false);
	pthread_mutex_init(&ready->lock, NULL);
	pthread_cond_init(&ready->news, NULL);
	if (pthread_create(&ready->thread, NULL, look_on, ready) != 0) {
		adx_fail(err, ADX_EFAIL, "cannot start a thread");
		free(ready);
		return NULL;
	}
	return ready;
}

void
ready_stop(struct ready *ready)
{
	if (ready == NULL)
		return;
	pthread_mutex_lock(&ready->lock);
	ready->stopping = true;
	pthread_cond_signal(&ready->news);
	pthread_mutex_unlock(&ready->lock);
	guard_join(&ready->link.guard, ready->thread);
	link_free(&ready->link);
	pthread_mutex_destroy(&ready->lock);
	pthread_cond_destroy(&ready->news);
	free(ready);
}
