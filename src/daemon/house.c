/*
 * What the daemon looks after in the database by itself: which tokens are live, and what is
 * outdated. A thread of its own, so that a table that is locked keeps nobody from listening.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"
#include "daemon/guard.h"

enum { TOKENS_MS = 2000, LOOK_MS = 10000, EXPIRE_MS = 600000 };

struct house {
	struct daemon *daemon;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	bool due, stopping;
	struct settings *settings; /* that db was opened with */
	struct guard guard;
	struct db *db;
	int64_t expired; /* milliseconds */
	char said[768];  /* the last complaint, which is not repeated */
};

static void
disconnect(struct house *house)
{
	guard_set(&house->guard, NULL);
	db_close(house->db);
	house->db = NULL;
	settings_release(house->settings);
	house->settings = NULL;
}

static enum adx_rc
reach_db(struct house *house, struct adx_error *err)
{
	struct settings *now = daemon_settings(house->daemon);
	bool same = now == house->settings;
	struct db_settings settings;
	enum adx_rc rc;

	settings_release(now);
	if (same && house->db != NULL && db_alive(house->db))
		return ADX_OK;
	disconnect(house);
	house->settings = daemon_settings(house->daemon);
	settings = daemon_db_settings(house->daemon, house->settings);
	rc = db_open(&settings, &house->db, err);
	if (rc == ADX_OK)
		guard_set(&house->guard, house->db);
	else
		disconnect(house);
	return rc;
}

static enum adx_rc
read_tokens(struct house *house, struct adx_error *err)
{
	struct tokens *tokens;
	enum adx_rc rc = tokens_load(house->db, &tokens, err);

	if (rc == ADX_OK)
		daemon_set_tokens(house->daemon, tokens);
	return rc;
}

static void
expire(struct house *house)
{
	int64_t now = now_ms();
	struct adx_error ignored;

	if (house->expired != 0 && now - house->expired < EXPIRE_MS)
		return;
	house->expired = now;
	/* Another daemon may do it, and a standby cannot: nothing depends on it. */
	if (stmt_exec(house->db, SQL_REQUESTS_EXPIRE, NO_PARAMS, &ignored) == ADX_EUNAVAIL)
		house->expired = 0;
}

static void
look_after(struct house *house)
{
	struct adx_error err;
	enum adx_rc rc = reach_db(house, &err);

	if (rc == ADX_OK) {
		guard_begin(&house->guard, now_ms() + LOOK_MS);
		rc = read_tokens(house, &err);
		if (rc == ADX_OK)
			expire(house);
		if (!guard_end(&house->guard))
			disconnect(house);
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
	disconnect(house);
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
	guard_tick(&house->guard, now);
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
	guard_init(&house->guard, false);
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
	guard_join(&house->guard, house->thread);
	guard_free(&house->guard);
	pthread_mutex_destroy(&house->lock);
	pthread_cond_destroy(&house->news);
	free(house);
}
