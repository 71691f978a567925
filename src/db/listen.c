#include "db/listen.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/pg.h"
#include "db/stmt.h"

struct listener {
	struct db *db;
	char *id;
	char horizon[24]; /* an xid8, from which on transactions know of this daemon */
	bool settled;
	bool asked;       /* a beat's answer is awaited */
	int64_t asked_at; /* the last beat was sent */
	int64_t alive_at; /* the last one that was answered was sent */
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- asking within a limit of time ------------------------------------------------------- */

static enum adx_rc
no_answer(struct adx_error *err)
{
	return adx_fail(err, ADX_EUNAVAIL, "the connection that listens does not answer");
}

static bool
send(struct listener *l, enum sql_id id, const char *const values[])
{
	const struct sql_statement *s = &SQL_CATALOGUE[l->db->backend][id];

	return PQsendQueryParams(l->db->conn, s->text, s->params, NULL, values, NULL, NULL, 0) &&
	       PQflush(l->db->conn) >= 0;
}

/* Take in what arrives until then; what is said is for later. */
static bool
take_in(struct listener *l, int64_t until)
{
	struct pollfd ready = { .fd = PQsocket(l->db->conn), .events = POLLIN };
	int64_t left = until - now_ms();

	if (poll(&ready, 1, left < 0 ? 0 : (int)left) > 0)
		return PQconsumeInput(l->db->conn) != 0;
	return true;
}

/* The answer that stands ready, or is lost; *has: it had a row. */
static enum adx_rc
read_answer(struct listener *l, enum sql_id id, bool *has, char *value, size_t size,
	    struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;
	PGresult *res;

	*has = false;
	while ((res = PQgetResult(l->db->conn)) != NULL) {
		if (!pg_succeeded(res) && rc == ADX_OK)
			rc = pg_describe(l->db, res, SQL_CATALOGUE[l->db->backend][id].name, err);
		*has = *has || PQntuples(res) > 0;
		if (PQntuples(res) > 0 && value != NULL)
			snprintf(value, size, "%s", PQgetvalue(res, 0, 0));
		PQclear(res);
	}
	return rc;
}

/* Ask, and wait for the answer no longer than a listener may be silent. */
static enum adx_rc
ask(struct listener *l, enum sql_id id, const char *const values[], char *value, size_t size,
    struct adx_error *err)
{
	int64_t until = now_ms() + LISTENER_ANSWER_MS;
	bool has;

	if (!send(l, id, values))
		return pg_describe(l->db, NULL, "listening", err);
	while (PQisBusy(l->db->conn)) {
		if (!take_in(l, until))
			return pg_describe(l->db, NULL, "listening", err);
		if (PQisBusy(l->db->conn) && now_ms() >= until)
			return no_answer(err);
	}
	return read_answer(l, id, &has, value, size, err);
}

/* ---- opening ----------------------------------------------------------------------------- */

static enum adx_rc
judge_server(struct listener *l, bool standby, int pid, struct adx_error *err)
{
	if (standby) {
		adx_fail(err, ADX_EFAIL, "this server is a standby: there is nothing to listen to");
		snprintf(err->sqlstate, sizeof(err->sqlstate), "25006");
		return ADX_EFAIL;
	}
	if (pid == PQbackendPID(l->db->conn))
		return ADX_OK;
	adx_fail(err, ADX_EFAIL,
		 "a pooler stands between here and the server: notifications would "
		 "be lost");
	adx_hint(err, "give the daemon a connection string for listening that leads to the server");
	return ADX_EFAIL;
}

static enum adx_rc
check_server(struct listener *l, struct adx_error *err)
{
	char answer[32] = "";
	char *standby;
	long pid;
	enum adx_rc rc = ask(l, SQL_CACHE_SERVER, NULL, answer, sizeof(answer), err);

	if (rc != ADX_OK)
		return rc;
	/* "PID true" or "PID false" */
	pid = strtol(answer, &standby, 10);
	if (*standby != ' ')
		return adx_fail(err, ADX_EFAIL, "cache_server: no row came back");
	return judge_server(l, strcmp(standby, " true") == 0, (int)pid, err);
}

/* First the ears, then the name: what is told from then on is heard. */
static enum adx_rc
begin(struct listener *l, const char *version, struct adx_error *err)
{
	enum adx_rc rc = check_server(l, err);

	if (rc == ADX_OK)
		rc = ask(l, SQL_CACHE_LISTEN, NULL, NULL, 0, err);
	l->asked_at = l->alive_at = now_ms();
	if (rc == ADX_OK)
		rc = ask(l, SQL_DAEMON_REGISTER, (const char *const[]){ l->id, version }, NULL, 0,
			 err);
	if (rc == ADX_OK)
		rc = ask(l, SQL_DAEMON_HORIZON, NULL, l->horizon, sizeof(l->horizon), err);
	return rc;
}

enum adx_rc
listener_open(const struct db_settings *settings, const char *version, struct listener **out,
	      struct adx_error *err)
{
	struct db_settings own = *settings;
	struct listener *l = calloc(1, sizeof(*l));
	enum adx_rc rc;

	*out = NULL;
	if (l == NULL)
		return adx_nomem(err);
	/* Here a statement that has a name would only be one more thing to lose. */
	own.prepare = false;
	l->id = strdup(settings->daemon_id);
	rc = l->id == NULL ? adx_nomem(err) : db_open(&own, &l->db, err);
	if (rc == ADX_OK)
		rc = begin(l, version, err);
	if (rc != ADX_OK) {
		listener_close(l);
		return rc;
	}
	*out = l;
	return ADX_OK;
}

/* ---- listening --------------------------------------------------------------------------- */

/* The answer to a beat that was sent may stand in the way; true when it came and was good. */
static enum adx_rc
take_beat(struct listener *l, struct adx_error *err)
{
	bool has;
	enum adx_rc rc;

	l->asked = false;
	rc = read_answer(l, SQL_DAEMON_BEAT, &has, NULL, 0, err);
	if (rc == ADX_OK && !has)
		rc = adx_fail(err, ADX_EFAIL, "this daemon is no longer registered");
	if (rc == ADX_OK)
		l->alive_at = l->asked_at;
	return rc;
}

/* Look after the beats: send one when it is due, take its answer, miss it when it does not come. */
static enum adx_rc
beat(struct listener *l, struct adx_error *err)
{
	int64_t now = now_ms();

	if (l->asked && !PQisBusy(l->db->conn))
		return take_beat(l, err);
	if (l->asked)
		return now - l->asked_at < LISTENER_ANSWER_MS ? ADX_OK : no_answer(err);
	if (now - l->asked_at < LISTENER_BEAT_MS)
		return ADX_OK;
	l->asked = true;
	l->asked_at = now;
	if (!send(l, SQL_DAEMON_BEAT, (const char *const[]){ l->id }))
		return pg_describe(l->db, NULL, "listening", err);
	return ADX_OK;
}

/* Something else is to be asked: wait for what is on the way. */
static enum adx_rc
finish_beat(struct listener *l, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	while (rc == ADX_OK && l->asked) {
		if (!take_in(l, l->asked_at + LISTENER_ANSWER_MS))
			return pg_describe(l->db, NULL, "listening", err);
		rc = beat(l, err);
	}
	return rc;
}

enum adx_rc
listener_settled(struct listener *l, bool *settled, struct adx_error *err)
{
	char answer[8] = "";
	enum adx_rc rc;

	*settled = l->settled;
	if (l->settled)
		return ADX_OK;
	rc = finish_beat(l, err);
	if (rc == ADX_OK)
		rc = ask(l, SQL_DAEMON_SETTLED, (const char *const[]){ l->horizon }, answer,
			 sizeof(answer), err);
	*settled = l->settled = rc == ADX_OK && answer[0] == 't';
	return rc;
}

static bool
tell(struct listener *l, listener_heard *heard, void *ctx)
{
	bool any = false;
	PGnotify *n;

	while ((n = PQnotifies(l->db->conn)) != NULL) {
		heard(ctx, n->extra);
		PQfreemem(n);
		any = true;
	}
	return any;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

enum adx_rc
listener_wait(struct listener *l, int timeout_ms, listener_heard *heard, void *ctx,
	      struct adx_error *err)
{
	int64_t until = now_ms() + timeout_ms;

	for (;;) {
		enum adx_rc rc = beat(l, err);
		int64_t next = l->asked_at + (l->asked ? LISTENER_ANSWER_MS : LISTENER_BEAT_MS);

		/* Also what came before a failure is told, and what was taken in elsewhere. */
		if (tell(l, heard, ctx) || rc != ADX_OK || now_ms() >= until)
			return rc;
		if (!take_in(l, earlier(until, next)))
			return pg_describe(l->db, NULL, "listening", err);
	}
}

int64_t
listener_alive_at(const struct listener *l)
{
	return l->alive_at;
}

void
listener_close(struct listener *l)
{
	struct adx_error ignored;

	if (l == NULL)
		return;
	if (l->horizon[0] != '\0' && PQstatus(l->db->conn) == CONNECTION_OK &&
	    finish_beat(l, &ignored) == ADX_OK)
		(void)ask(l, SQL_DAEMON_GONE, (const char *const[]){ l->id }, NULL, 0, &ignored);
	db_close(l->db);
	free(l->id);
	free(l);
}
