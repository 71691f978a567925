/*
 * What the daemon looks after in the database by itself: which tokens are live, what is outdated,
 * and erasures that are due. A thread of its own, so that a table that is locked keeps nobody from
 * listening.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"
#include "daemon/link.h"

enum { TOKENS_MS = 2000, LOOK_MS = 10000, EXPIRE_MS = 600000 };

struct house {
	struct daemon *daemon;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	bool due, stopping;
	struct link link;
	int64_t expired; /* milliseconds */
	struct due_state due_state;
	char said[768]; /* the last complaint, which is not repeated */
};

static enum adx_rc
read_tokens(struct house *house, struct adx_error *err)
{
	struct tokens *tokens;
	enum adx_rc rc = tokens_load(house->link.db, &tokens, err);

	if (rc == ADX_OK)
		daemon_set_tokens(house->daemon, tokens);
	return rc;
}

static void
expire(struct house *house)
{
	static const enum sql_id OUTDATED[] = { SQL_REQUESTS_EXPIRE, SQL_TOMBSTONES_EXPIRE };
	int64_t now = now_ms();
	struct adx_error ignored;

	if (house->expired != 0 && now - house->expired < EXPIRE_MS)
		return;
	house->expired = now;
	/* Another daemon may do it, and a standby cannot: nothing depends on it. */
	for (size_t i = 0; i < sizeof(OUTDATED) / sizeof(OUTDATED[0]); i++)
		if (stmt_exec(house->link.db, OUTDATED[i], NO_PARAMS, &ignored) == ADX_EUNAVAIL)
			house->expired = 0;
}

static void
look_after(struct house *house)
{
	struct adx_error err;
	enum adx_rc rc = link_reach(&house->link, &err);

	if (rc == ADX_OK) {
		guard_begin(&house->link.guard, now_ms() + LOOK_MS);
		rc = read_tokens(house, &err);
		if (rc == ADX_OK)
			expire(house);
		if (rc == ADX_OK)
			due_look(&house->due_state, house->daemon, &house->link);
		if (!guard_end(&house->link.guard))
			link_close(&house->link);
	}
	if (rc == ADX_OK)
		house->said[0] = '\0';
	if (rc == ADX_OK || strcmp(house->said, err.message) == 0)
		return;
	strcpy(house->said, err.message);
	log_failure("cannot read the tokens", &err);
}

/* Until there is something to do; false at the end. */
static bool
wait_for_work(struct house *house)
{
	struct timespec until;
	bool stopping;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += TOKENS_MS / 1000;
	pthread_mutex_lock(&house->lock);
	while (!house->due && !house->stopping && late == 0)
		late = pthread_cond_timedwait(&house->news, &house->lock, &until);
	house->due = false;
	stopping = house->stopping;
	pthread_mutex_unlock(&house->lock);
	return !stopping;
}

static void *
keep(void *arg)
{
	struct house *house = arg;

	do
		look_after(house);
	while (wait_for_work(house));
	link_close(&house->link);
	return NULL;
}

void
house_hurry(struct house *house)
{
	pthread_mutex_lock(&house->lock);
	house->due = true;
	pthread_cond_signal(&house->news);
	pthread_mutex_unlock(&house->lock);
}

void
house_tick(struct house *house, int64_t now)
{
	guard_tick(&house->link.guard, now);
}

struct house *
house_start(struct daemon *daemon, struct adx_error *err)
{
	struct house *house = calloc(1, sizeof(*house));

	if (house == NULL) {
		adx_nomem(err);
		return NULL;
	}
	house->daemon = daemon;
	link_init(&house->link, daemon, false);
	pthread_mutex_init(&house->lock, NULL);
	pthread_cond_init(&house->news, NULL);
	if (pthread_create(&house->thread, NULL, keep, house) != 0) {
		adx_fail(err, ADX_EFAIL, "cannot start a thread");
		free(house);
		return NULL;
	}
	return house;
}

void
house_stop(struct house *house)
{
	if (house == NULL)
		return;
	pthread_mutex_lock(&house->lock);
	house->stopping = true;
	pthread_cond_signal(&house->news);
	pthread_mutex_unlock(&house->lock);
	guard_join(&house->link.guard, house->thread);
	link_free(&house->link);
	pthread_mutex_destroy(&house->lock);
	pthread_cond_destroy(&house->news);
	free(house);
}
