#include "daemon/daemon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/keyfile.h"
#include "base/log.h"
#include "base/xmllib.h"
#include "cache/apply.h"
#include "daemon/ready.h"
#include "daemon/server.h"

enum { TICK_MS = 50, LAST_WORDS_MS = 500 };

/* ---- the clock --------------------------------------------------------------------------- */

int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
now_ms(void)
{
	return now_us() / 1000;
}

/* ---- what is in force -------------------------------------------------------------------- */

struct settings *
daemon_settings(struct daemon *daemon)
{
	struct settings *settings;

	pthread_mutex_lock(&daemon->lock);
	settings = settings_hold(daemon->settings);
	pthread_mutex_unlock(&daemon->lock);
	return settings;
}

void
daemon_in_force(struct daemon *daemon, struct settings **settings, struct tokens **tokens)
{
	pthread_mutex_lock(&daemon->lock);
	*settings = settings_hold(daemon->settings);
	*tokens = daemon->tokens == NULL ? NULL : tokens_hold(daemon->tokens);
	pthread_mutex_unlock(&daemon->lock);
}

void
daemon_set_tokens(struct daemon *daemon, struct tokens *tokens)
{
	struct tokens *gone = tokens;

	pthread_mutex_lock(&daemon->lock);
	/* Connections keep the table they know, and the quick way into it, as long as it is true.
	 */
	if (daemon->tokens == NULL || !tokens_same(daemon->tokens, tokens)) {
		gone = daemon->tokens;
		daemon->tokens = tokens;
	}
	pthread_mutex_unlock(&daemon->lock);
	tokens_release(gone);
}

static void
drop_written(void *ctx, const struct db_drop *drops, size_t count, bool certain)
{
	struct daemon *daemon = ctx;

	cache_apply_drops(daemon->cache, drops, count);
	if (certain)
		return;
	atomic_store(&daemon->doubt, true);
	cache_switch(daemon->cache, false);
}

static const char *
daemon_identity(struct daemon *daemon)
{
	const char *id;

	pthread_mutex_lock(&daemon->lock);
	id = daemon->identity->id;
	pthread_mutex_unlock(&daemon->lock);
	return id;
}

struct db_settings
daemon_db_settings(struct daemon *daemon, const struct settings *settings)
{
	const struct config *c = settings->config;
	const char *dsn = daemon->options.dsn;
	int timeout = c->http.request_timeout;

	if (c->statement_timeout > 0 && c->statement_timeout < timeout)
		timeout = c->statement_timeout;
	return (struct db_settings){
		.dsn = dsn != NULL ? dsn : c->database_dsn,
		.backend = BACKEND_NATIVE,
		.connect_timeout = c->connect_timeout,
		.lock_timeout = c->lock_timeout * 1000,
		.statement_timeout = timeout * 1000,
		.prepare = strcmp(c->prepare, "on") == 0,
		.daemon_id = daemon_identity(daemon),
		.dropped = drop_written,
		.dropped_ctx = daemon,
	};
}

static struct cache_settings
cache_settings(const struct config *c)
{
	return (struct cache_settings){ .max_bytes = (size_t)c->cache_max_bytes,
					.ttl_ms = (unsigned)c->cache_ttl * 1000 };
}

/* ---- reloading --------------------------------------------------------------------------- */

/* What is read only at the start. */
static bool
needs_restart(const struct config_http *a, const struct config_http *b)
{
	return strcmp(a->socket, b->socket) != 0 || strcmp(a->listen, b->listen) != 0 ||
	       strcmp(a->group, b->group) != 0 ||
	       strcmp(a->tls_certificate, b->tls_certificate) != 0 ||
	       strcmp(a->tls_key, b->tls_key) != 0 || strcmp(a->tls_clients, b->tls_clients) != 0 ||
	       strcmp(a->key_file, b->key_file) != 0 || a->threads != b->threads ||
	       a->readers != b->readers || a->writers != b->writers ||
	       a->max_connections != b->max_connections || a->max_header != b->max_header ||
	       a->idle_timeout != b->idle_timeout;
}

static void
swap_settings(struct daemon *daemon, struct settings *settings)
{
	struct settings *before;
	struct cache_settings cache = cache_settings(settings->config);

	pthread_mutex_lock(&daemon->lock);
	before = daemon->settings;
	daemon->settings = settings;
	pthread_mutex_unlock(&daemon->lock);
	if (needs_restart(&before->config->http, &settings->config->http))
		log_text("the new configuration is in force, but for http settings that need a "
			 "restart (addresses, TLS, threads, connections)");
	else
		log_text("the new configuration is in force");
	settings_release(before);
	/* It may be another database by now; the watch switches it on again once it listens there.
	 */
	cache_switch(daemon->cache, false);
	cache_resize(daemon->cache, &cache);
}

enum adx_rc
daemon_reload(struct daemon *daemon, struct adx_error *err)
{
	struct settings *settings;
	enum adx_rc rc;

	/* One after the other: a signal and a caller may ask at once. */
	pthread_mutex_lock(&daemon->reload_lock);
	rc = settings_load(daemon->options.config_path, &settings, err);
	if (rc == ADX_OK) {
		swap_settings(daemon, settings);
		readers_follow(daemon->readers);
		writers_follow(daemon->writers);
		ready_follow(daemon->ready);
	} else {
		log_failure("the configuration stays as it was", err);
	}
	metrics_add(&daemon->metrics, rc == ADX_OK ? METRIC_RELOADS : METRIC_RELOADS_FAILED, 1);
	pthread_mutex_unlock(&daemon->reload_lock);
	return rc;
}

static void
reload_for_systemd(struct daemon *daemon)
{
	struct adx_error err;
	char state[64];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now_us());
	httplib_tell_systemd(state);
	if (daemon_reload(daemon, &err) == ADX_OK)
		httplib_tell_systemd("READY=1\nSTATUS=ready");
	else
		httplib_tell_systemd(
			"READY=1\nSTATUS=the new configuration was refused, see the log");
}

/* ---- starting ---------------------------------------------------------------------------- */

static enum adx_rc
make_id(char id[DAEMON_ID_SIZE], struct adx_error *err)
{
	unsigned char random[(DAEMON_ID_SIZE - 1) / 2];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library gives no random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	return ADX_OK;
}

enum adx_rc
daemon_rename(struct daemon *daemon, struct adx_error *err)
{
	struct identity *identity = calloc(1, sizeof(*identity));
	enum adx_rc rc = identity == NULL ? adx_nomem(err) : make_id(identity->id, err);

	if (rc != ADX_OK) {
		free(identity);
		return rc;
	}
	pthread_mutex_lock(&daemon->lock);
	identity->before = daemon->identity;
	daemon->identity = identity;
	pthread_mutex_unlock(&daemon->lock);
	atomic_fetch_add(&daemon->epoch, 1);
	return ADX_OK;
}

static void
free_identities(struct identity *identity)
{
	while (identity != NULL) {
		struct identity *before = identity->before;

		free(identity);
		identity = before;
	}
}

/* The key of the digests of requests: from its file, else one for this run. */
static enum adx_rc
read_key(struct daemon *daemon, struct adx_error *err)
{
	const char *path = daemon->settings->config->http.key_file;
	struct keyfile file;
	enum adx_rc rc;

	if (path[0] == '\0' && RAND_bytes(daemon->key, DAEMON_KEY_SIZE) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library gives no random bytes");
	if (path[0] == '\0')
		return ADX_OK;
	rc = keyfile_load(path, &file, err);
	if (rc != ADX_OK)
		return rc;
	memcpy(daemon->key, file.bytes, DAEMON_KEY_SIZE);
	keyfile_wipe(&file);
	return ADX_OK;
}

_Static_assert((int)DAEMON_KEY_SIZE <= (int)KEYFILE_MIN, "each key file has enough for the daemon");

static enum adx_rc
start_threads(struct daemon *daemon, struct adx_error *err)
{
	const struct config_http *http = &daemon->settings->config->http;

	daemon->readers = readers_start(daemon, (unsigned)http->readers, err);
	if (daemon->readers != NULL)
		daemon->writers = writers_start(daemon, (unsigned)http->writers, err);
	if (daemon->writers != NULL)
		daemon->ready = ready_start(daemon, err);
	if (daemon->ready != NULL)
		daemon->house = house_start(daemon, err);
	if (daemon->house != NULL)
		daemon->watch = watch_start(daemon, err);
	return daemon->watch == NULL ? err->rc : ADX_OK;
}

/* Before the first thread: they inherit it, and libraries that set themselves up do it alone. */
static void
prepare_process(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	xmllib();
}

static enum adx_rc
start(struct daemon *daemon, struct adx_error *err)
{
	const struct strvec all = STRVEC_INIT;
	struct cache_settings cache;
	enum adx_rc rc = httplib_load(err);

	if (rc == ADX_OK)
		rc = admin_extra_start(&all, &daemon->every, err);
	if (rc == ADX_OK)
		rc = settings_load(daemon->options.config_path, &daemon->settings, err);
	if (rc == ADX_OK)
		rc = read_key(daemon, err);
	if (rc != ADX_OK)
		return rc;
	cache = cache_settings(daemon->settings->config);
	daemon->cache = cache_new(&cache);
	daemon->throttle = throttle_new();
	if (daemon->cache == NULL || daemon->throttle == NULL)
		return adx_nomem(err);
	rc = start_threads(daemon, err);
	return rc == ADX_OK ? server_start(daemon, err) : rc;
}

enum adx_rc
daemon_start(const struct daemon_options *options, struct daemon **out, struct adx_error *err)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	enum adx_rc rc;

	*out = NULL;
	if (daemon == NULL)
		return adx_nomem(err);
	daemon->options = *options;
	daemon->started = now_ms();
	for (int i = 0; i < DAEMON_LISTENERS; i++)
		daemon->sockets[i] = -1;
	daemon->acceptor_end = -1;
	pthread_mutex_init(&daemon->lock, NULL);
	pthread_mutex_init(&daemon->newcomers_lock, NULL);
	TAILQ_INIT(&daemon->newcomers);
	pthread_mutex_init(&daemon->spare_lock, NULL);
	pthread_mutex_init(&daemon->reload_lock, NULL);
	prepare_process();
	rc = make_id(daemon->id, err);
	if (rc == ADX_OK)
		rc = daemon_rename(daemon, err);
	if (rc == ADX_OK)
		rc = start(daemon, err);
	if (rc == ADX_OK)
		*out = daemon;
	else
		daemon_stop(daemon);
	return rc;
}

/* ---- serving ----------------------------------------------------------------------------- */

static void
tick(struct daemon *daemon)
{
	static int64_t told;
	int64_t now = now_ms();

	readers_tick(daemon->readers, now);
	writers_tick(daemon->writers, now);
	house_tick(daemon->house, now);
	ready_tick(daemon->ready, now);
	newcomers_tick(daemon, now);
	if (now - told >= 1000) {
		httplib_tell_systemd("WATCHDOG=1");
		told = now;
	}
}

/* The signal that came within one tick, or 0. */
static int
wait_for_signal(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct signalfd_siginfo info;

	if (poll(&pfd, 1, TICK_MS) <= 0 || read(fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

void
daemon_serve(struct daemon *daemon)
{
	int signum = 0;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	httplib_tell_systemd("READY=1\nSTATUS=ready");
	while (signum != SIGTERM && signum != SIGINT) {
		tick(daemon);
		signum = wait_for_signal(fd);
		if (signum == SIGHUP)
			reload_for_systemd(daemon);
	}
	close(fd);
}

/* ---- stopping ---------------------------------------------------------------------------- */

static void
wait_for_requests(struct daemon *daemon, int64_t ms)
{
	int64_t until = now_ms() + ms;

	while (atomic_load(&daemon->open) > 0 && now_ms() < until) {
		tick(daemon);
		usleep(5000);
	}
}

/* As if every deadline were over. */
static void
cancel_all(struct daemon *daemon)
{
	readers_tick(daemon->readers, INT64_MAX);
	writers_tick(daemon->writers, INT64_MAX);
	ready_tick(daemon->ready, INT64_MAX);
}

static void
wind_down(struct daemon *daemon)
{
	struct settings *settings = daemon_settings(daemon);
	int64_t grace = (int64_t)settings->config->http.grace * 1000;

	settings_release(settings);
	httplib_tell_systemd("STOPPING=1");
	server_quiesce(daemon);
	wait_for_requests(daemon, grace);
	/* What is still under way is cancelled, and says so. */
	if (atomic_load(&daemon->open) > 0) {
		cancel_all(daemon);
		wait_for_requests(daemon, LAST_WORDS_MS);
	}
	/* A request may still become whole, and none may come to a thread that is gone. */
	atomic_store(&daemon->closed, true);
	while (atomic_load(&daemon->carried) > 0) {
		cancel_all(daemon);
		usleep(20000);
	}
}

void
daemon_stop(struct daemon *daemon)
{
	atomic_store(&daemon->stopping, true);
	if (daemon->loops[0] != NULL || daemon->loops[1] != NULL)
		wind_down(daemon);
	/* Its threads call the others. */
	server_stop(daemon);
	watch_stop(daemon->watch);
	house_stop(daemon->house);
	ready_stop(daemon->ready);
	readers_stop(daemon->readers);
	writers_stop(daemon->writers);
	cache_free(daemon->cache);
	throttle_free(daemon->throttle);
	tokens_release(daemon->tokens);
	settings_release(daemon->settings);
	admin_extra_stop(daemon->every);
	free_identities(daemon->identity);
	OPENSSL_cleanse(daemon->key, sizeof(daemon->key));
	request_free_spares(daemon);
	pthread_mutex_destroy(&daemon->reload_lock);
	pthread_mutex_destroy(&daemon->spare_lock);
	pthread_mutex_destroy(&daemon->lock);
	pthread_mutex_destroy(&daemon->newcomers_lock);
	free(daemon);
}
