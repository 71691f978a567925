/*
 * An ear on the database: what other processes change. While nothing is heard of others the cache
 * is off; and should this thread itself be late, or the machine have slept, the lease of the cache
 * has run out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cache/apply.h"
#include "daemon/link.h"
#include "db/listen.h"

enum {
	WAIT_MS = 200,
	PAUSE_FIRST_MS = 100,
	PAUSE_MOST_MS = 2000,
	/* Others tell a daemon what they change until minutes after its last beat. */
	LEASE_MS = 3 * (LISTENER_BEAT_MS + LISTENER_ANSWER_MS),
};

struct watch {
	struct daemon *daemon;
	pthread_t thread;
	struct settings *settings; /* that the connection was opened with */
	struct listener *listener;
	const char *id; /* that the listener has */
	bool listening; /* and the cache is on */
	char said[768]; /* the last complaint, which is not repeated */
};

static bool
stopping(const struct watch *watch)
{
	return atomic_load(&watch->daemon->stopping);
}

static void
say_once(struct watch *watch, const char *doing, const struct adx_error *err)
{
	if (strcmp(watch->said, err->message) == 0)
		return;
	strcpy(watch->said, err->message);
	log_failure(doing, err);
}

/* ---- listening --------------------------------------------------------------------------- */

static void
heard(void *ctx, const char *payload)
{
	struct watch *watch = ctx;

	metrics_add(&watch->daemon->metrics, METRIC_NOTIFICATIONS, 1);
	if (cache_apply(watch->daemon->cache, payload, watch->id))
		house_hurry(watch->daemon->house);
}

/* First of all: from here on nobody would tell that something changed. */
static void
go_deaf(struct watch *watch)
{
	cache_switch(watch->daemon->cache, false);
	if (watch->listening) {
		metrics_set(&watch->daemon->metrics, METRIC_LISTENING, 0);
		metrics_add(&watch->daemon->metrics, METRIC_LISTENER_LOST, 1);
	}
	watch->listening = false;
	listener_close(watch->listener);
	watch->listener = NULL;
}

static enum adx_rc
open_listener(struct watch *watch, struct adx_error *err)
{
	struct db_settings settings = daemon_db_settings(watch->daemon, watch->settings);
	const char *direct = watch->settings->config->direct_dsn;

	if (direct[0] != '\0')
		settings.dsn = direct;
	watch->id = settings.daemon_id;
	return listener_open(&settings, ADMINEX_VERSION, &watch->listener, err);
}

static void
renew_lease(const struct watch *watch)
{
	int64_t alive = listener_alive_at(watch->listener);

	cache_lease(watch->daemon->cache, (uint64_t)alive + LEASE_MS);
}

/* The cache may be on once nobody is left who would not tell. */
static enum adx_rc
begin_to_cache(struct watch *watch, struct adx_error *err)
{
	bool settled = false;
	enum adx_rc rc = listener_settled(watch->listener, &settled, err);

	if (rc != ADX_OK || !settled)
		return rc;
	watch->listening = true;
	watch->said[0] = '\0';
	metrics_set(&watch->daemon->metrics, METRIC_LISTENING, 1);
	renew_lease(watch);
	cache_switch(watch->daemon->cache, true);
	/* What came into doubt just now finds a cache that is off; the next turn begins anew. */
	if (atomic_load(&watch->daemon->doubt))
		cache_switch(watch->daemon->cache, false);
	log_text("listening to what other processes change; results are cached");
	return ADX_OK;
}

static bool
has_new_settings(struct watch *watch)
{
	struct settings *now = daemon_settings(watch->daemon);
	bool changed = now != watch->settings;

	settings_release(now);
	return changed;
}

/*
 * A COMMIT whose outcome is unknown may still change what was read since. Under a new name it will
 * tell us so.
 */
static void
resolve_doubt(struct watch *watch)
{
	struct adx_error err;

	if (!atomic_exchange(&watch->daemon->doubt, false))
		return;
	go_deaf(watch);
	if (daemon_rename(watch->daemon, &err) == ADX_OK)
		return;
	atomic_store(&watch->daemon->doubt, true);
	say_once(watch, "results are not cached", &err);
}

static enum adx_rc
listen_once(struct watch *watch, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	if (watch->listener == NULL)
		rc = open_listener(watch, err);
	if (rc == ADX_OK && !watch->listening)
		rc = begin_to_cache(watch, err);
	if (rc == ADX_OK)
		rc = listener_wait(watch->listener, WAIT_MS, heard, watch, err);
	if (rc == ADX_OK)
		renew_lease(watch);
	return rc;
}

static void
follow_settings(struct watch *watch)
{
	settings_release(watch->settings);
	watch->settings = daemon_settings(watch->daemon);
}

static void *
watch_on(void *arg)
{
	struct watch *watch = arg;
	struct backoff backoff = { PAUSE_FIRST_MS, PAUSE_MOST_MS, 0 };

	follow_settings(watch);
	while (!stopping(watch)) {
		struct adx_error err;

		resolve_doubt(watch);
		if (has_new_settings(watch)) {
			go_deaf(watch);
			follow_settings(watch);
		}
		if (listen_once(watch, &err) == ADX_OK) {
			backoff.failures = 0;
			continue;
		}
		go_deaf(watch);
		say_once(watch, "results are not cached", &err);
		backoff_pause(&backoff, watch->daemon);
	}
	go_deaf(watch);
	settings_release(watch->settings);
	return NULL;
}

struct watch *
watch_start(struct daemon *daemon, struct adx_error *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL) {
		adx_nomem(err);
		return NULL;
	}
	watch->daemon = daemon;
	if (pthread_create(&watch->thread, NULL, watch_on, watch) != 0) {
		adx_fail(err, ADX_EFAIL, "cannot start a thread");
		free(watch);
		return NULL;
	}
	return watch;
}

void
watch_stop(struct watch *watch)
{
	if (watch == NULL)
		return;
	pthread_join(watch->thread, NULL);
	free(watch);
}
