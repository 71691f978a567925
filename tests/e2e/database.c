/*
 * src/db/ by itself, step by step: DSN, then words, each of which is one step and prints one line.
 * LIMIT (milliseconds) is the lock timeout, PREPARE=1 names statements, DAEMON is the daemon's id.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/listen.h"
#include "db/stmt.h"

static struct db *db;
static struct db_settings settings;
static struct listener *listener;

static const char AUDIT[] = "{\"actor\": \"probe\", \"face\": \"test\", \"command\": \"set_last\", "
			    "\"arguments\": {}}";

static void
on_dropped(void *ctx, const struct db_drop *drops, size_t count, bool certain)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++)
		printf("dropped %s: %d %s %s\n", certain ? "for certain" : "perhaps",
		       (int)drops[i].scope, drops[i].host == NULL ? "-" : drops[i].host,
		       drops[i].username == NULL ? "-" : drops[i].username);
}

static void
on_warning(void *ctx, const char *text)
{
	(void)ctx;
	printf("warning: %s\n", text);
}

static void
on_heard(void *ctx, const char *payload)
{
	(void)ctx;
	printf("heard %s\n", payload);
}

/* ---- steps ------------------------------------------------------------------------------- */

static enum adx_rc
step_single(const char *arg, struct adx_error *err)
{
	(void)arg;
	(void)err;
	db_begin(db, DB_SINGLE);
	return ADX_OK;
}

static enum adx_rc
step_begin(const char *arg, struct adx_error *err)
{
	(void)arg;
	(void)err;
	db_begin(db, DB_WRITE);
	return ADX_OK;
}

/* set:USER */
static enum adx_rc
step_set(const char *arg, struct adx_error *err)
{
	return stmt_send(db, SQL_LAST_SET, PARAMS(AUDIT, "example.org", arg, "1700000000", ""),
			 err);
}

/* A statement that fails: the number is none. */
static enum adx_rc
step_fail(const char *arg, struct adx_error *err)
{
	return stmt_send(db, SQL_LAST_SET, PARAMS(AUDIT, "example.org", arg, "x", ""), err);
}

static enum adx_rc
step_miscounted(const char *arg, struct adx_error *err)
{
	return stmt_send(db, SQL_LAST_SET, PARAMS(arg), err);
}

static enum adx_rc
step_mark(const char *arg, struct adx_error *err)
{
	(void)arg;
	return stmt_mark(db, err);
}

static enum adx_rc
step_receive(const char *arg, struct adx_error *err)
{
	struct rows *rows;
	bool has = false;
	enum adx_rc rc = stmt_receive(db, &rows, err);

	if (rc == ADX_OK && strcmp(arg, "nothing") != 0)
		rc = rows_first(rows, &has, err);
	if (rc == ADX_OK && has)
		printf("outcome %s\n", rows_get(rows, "outcome"));
	rows_close(rows);
	return rc;
}

static enum adx_rc
step_drain(const char *arg, struct adx_error *err)
{
	(void)arg;
	(void)err;
	stmt_drain(db);
	return ADX_OK;
}

static enum adx_rc
step_commit(const char *arg, struct adx_error *err)
{
	(void)arg;
	return db_commit(db, err);
}

static enum adx_rc
step_rollback(const char *arg, struct adx_error *err)
{
	(void)arg;
	(void)err;
	db_rollback(db);
	return ADX_OK;
}

static enum adx_rc
step_savepoint(const char *arg, struct adx_error *err)
{
	(void)arg;
	return db_savepoint(db, err);
}

static enum adx_rc
step_count(const char *arg, struct adx_error *err)
{
	int64_t n;

	return stmt_int64(db, SQL_SESSIONS_COUNT, PARAMS("example.org", arg), &n, err);
}

static enum adx_rc
step_alive(const char *arg, struct adx_error *err)
{
	(void)arg;
	return db_alive(db) ? ADX_OK : adx_fail(err, ADX_EFAIL, "dead");
}

static enum adx_rc
step_interrupt(const char *arg, struct adx_error *err)
{
	(void)arg;
	(void)err;
	db_interrupt(db);
	return ADX_OK;
}

static enum adx_rc
step_clear(const char *arg, struct adx_error *err)
{
	(void)arg;
	(void)err;
	db_clear_interrupt(db);
	return ADX_OK;
}

static void *
cancel_soon(void *arg)
{
	usleep(500000);
	db_cancel(db);
	return arg;
}

/* Half a second from now, from another thread. */
static enum adx_rc
step_cancel(const char *arg, struct adx_error *err)
{
	pthread_t thread;

	(void)arg;
	if (pthread_create(&thread, NULL, cancel_soon, NULL) != 0)
		return adx_fail(err, ADX_EFAIL, "no thread");
	pthread_detach(thread);
	return ADX_OK;
}

/* Until the test has done its part. */
static enum adx_rc
step_wait(const char *arg, struct adx_error *err)
{
	char line[8];

	printf("waiting\n");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) != NULL ? ADX_OK
							: adx_fail(err, ADX_EFAIL, "%s", arg);
}

static enum adx_rc
step_listen(const char *arg, struct adx_error *err)
{
	return listener_open(&settings, arg, &listener, err);
}

static enum adx_rc
step_settled(const char *arg, struct adx_error *err)
{
	bool settled = false;
	enum adx_rc rc = listener_settled(listener, &settled, err);

	(void)arg;
	if (rc == ADX_OK)
		printf("settled %s\n", settled ? "yes" : "no");
	return rc;
}

/* hear:MILLISECONDS */
static enum adx_rc
step_hear(const char *arg, struct adx_error *err)
{
	return listener_wait(listener, atoi(arg), on_heard, NULL, err);
}

static enum adx_rc
step_unlisten(const char *arg, struct adx_error *err)
{
	(void)arg;
	(void)err;
	listener_close(listener);
	listener = NULL;
	return ADX_OK;
}

static const struct {
	const char *name;
	enum adx_rc (*run)(const char *arg, struct adx_error *err);
	bool listens;
} STEPS[] = {
	{ "single", step_single },
	{ "begin", step_begin },
	{ "set", step_set },
	{ "fail", step_fail },
	{ "miscounted", step_miscounted },
	{ "mark", step_mark },
	{ "receive", step_receive },
	{ "drain", step_drain },
	{ "commit", step_commit },
	{ "rollback", step_rollback },
	{ "savepoint", step_savepoint },
	{ "count", step_count },
	{ "alive", step_alive },
	{ "interrupt", step_interrupt },
	{ "clear", step_clear },
	{ "cancel", step_cancel },
	{ "wait", step_wait },
	{ "listen", step_listen },
	{ "settled", step_settled, true },
	{ "hear", step_hear, true },
	{ "unlisten", step_unlisten, true },
};

static bool
run(char *word)
{
	char *arg = strchr(word, ':');
	struct adx_error err = { 0 };
	enum adx_rc rc;

	if (arg != NULL)
		*arg++ = '\0';
	for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
		if (strcmp(STEPS[i].name, word) != 0)
			continue;
		if (STEPS[i].listens && listener == NULL)
			rc = adx_fail(&err, ADX_EFAIL, "no listener");
		else
			rc = STEPS[i].run(arg == NULL ? "" : arg, &err);
		printf("%s: %s%s%s%s%s\n", word, adx_rc_word(rc), rc == ADX_OK ? "" : " ",
		       rc == ADX_OK ? "" : err.message, err.sqlstate[0] == '\0' ? "" : " ",
		       err.sqlstate);
		fflush(stdout);
		return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	const char *limit = getenv("LIMIT");
	struct adx_error err;

	if (argc < 2)
		return 2;
	settings.dsn = argv[1];
	settings.backend = BACKEND_NATIVE;
	settings.connect_timeout = 5;
	settings.lock_timeout = limit == NULL ? 0 : atoi(limit);
	settings.prepare = getenv("PREPARE") != NULL;
	settings.warning = on_warning;
	settings.daemon_id = getenv("DAEMON");
	settings.dropped = on_dropped;
	if (db_open(&settings, &db, &err) != ADX_OK) {
		fprintf(stderr, "%s\n", err.message);
		return 3;
	}
	for (int i = 2; i < argc; i++)
		if (!run(argv[i]))
			return 2;
	listener_close(listener);
	db_close(db);
	return 0;
}
