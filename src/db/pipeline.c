/* What is in flight: statements are sent without waiting for the answers of those before. */
#include <stdlib.h>
#include <string.h>

#include "db/pg.h"
#include "db/stmt.h"

/*
 * Without just-in-time compilation: our statements spend their time in indexes, triggers and
 * regular expressions, and it would only be added to that. adminex.notifies: the optional cache
 * triggers (migrations/optional/) need not say what our transactions say anyway.
 */
static const char LIMITS[] = "SELECT pg_catalog.set_config('lock_timeout', $1, true),"
			     " pg_catalog.set_config('statement_timeout', $2, true),"
			     " pg_catalog.set_config('jit', 'off', true),"
			     " pg_catalog.set_config('adminex.notifies', 'on', true)";
/* On a connection that is ours alone they are said once. */
static const char LASTING_LIMITS[] = "SELECT pg_catalog.set_config('lock_timeout', $1, false),"
				     " pg_catalog.set_config('statement_timeout', $2, false),"
				     " pg_catalog.set_config('jit', 'off', false),"
				     " pg_catalog.set_config('adminex.notifies', 'on', false)";

enum {
	SENT_AT_ONCE =
		5, /* at most: BEGIN, limits, forget, parse, statement; room for a mark is kept */
	FLUSH_EVERY = 16, /* so that both sides work: on what comes, and on what is done */
};

bool
pg_succeeded(const PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_SINGLE_TUPLE;
}

bool
pipeline_empty(const struct db *db)
{
	return db->flight_first == db->flight_end;
}

bool
pipeline_at_last_mark(const struct db *db)
{
	return db->flight_end - db->flight_first == 1 &&
	       db->flights[db->flight_first].kind == FLIGHT_MARK;
}

/* ---- the queue --------------------------------------------------------------------------- */

/* What has landed makes room: where something is always in flight nothing else would. */
static void
close_ranks(struct db *db)
{
	size_t left = db->flight_end - db->flight_first;

	memmove(db->flights, db->flights + db->flight_first, left * sizeof(*db->flights));
	db->flight_first = 0;
	db->flight_end = left;
}

static bool
reserve(struct db *db, size_t more)
{
	size_t cap = db->flight_cap == 0 ? 64 : 2 * db->flight_cap;
	struct flight *grown;

	if (db->flight_first > 0 && db->flight_first >= db->flight_end - db->flight_first)
		close_ranks(db);
	if (db->flight_end + more <= db->flight_cap)
		return true;
	grown = reallocarray(db->flights, cap, sizeof(*grown));
	if (grown == NULL)
		return false;
	db->flights = grown;
	db->flight_cap = cap;
	return true;
}

static void
note(struct db *db, enum flight_kind kind, enum sql_id id)
{
	db->flights[db->flight_end++] = (struct flight){ kind, id };
}

/* ---- sending ----------------------------------------------------------------------------- */

static bool
send_begin(struct db *db)
{
	if (db->begin == NULL)
		return true;
	if (!PQsendQueryParams(db->conn, db->begin, 0, NULL, NULL, NULL, NULL, 0))
		return false;
	db->begin = NULL;
	note(db, FLIGHT_LEAD, 0);
	return true;
}

/* Once a transaction; a statement that is one by itself brings them along. */
static bool
send_limits(struct db *db)
{
	const char *limits[] = { db->lock_timeout, db->statement_timeout };
	const char *text = db->prepares ? LASTING_LIMITS : LIMITS;

	if ((db->in_transaction || db->prepares) && !db->limits_due)
		return true;
	if (!PQsendQueryParams(db->conn, text, 2, NULL, limits, NULL, NULL, 0))
		return false;
	db->limits_due = false;
	note(db, FLIGHT_LEAD, 0);
	return true;
}

static bool
by_name(const struct db *db)
{
	return db->prepares && !db->plans_anew;
}

/* The text that had this name before is not the one any more. */
static bool
send_forget(struct db *db, enum sql_id id)
{
	if (id != SQL_BUILT || !db->built_named)
		return true;
	if (!PQsendQueryParams(db->conn, "DEALLOCATE " BUILT_NAME, 0, NULL, NULL, NULL, NULL, 0))
		return false;
	db->built_named = false;
	note(db, FLIGHT_LEAD, 0);
	return true;
}

static bool
send_parse(struct db *db, const struct sql_statement *s, enum sql_id id)
{
	if (!by_name(db) || db->prepared[id])
		return true;
	if (!send_forget(db, id))
		return false;
	if (!PQsendPrepare(db->conn, s->name, s->text, 0, NULL))
		return false;
	db->prepared[id] = true;
	db->built_named = db->built_named || id == SQL_BUILT;
	note(db, FLIGHT_PREPARE, id);
	return true;
}

static bool
send_execute(struct db *db, const struct sql_statement *s, enum sql_id id,
	     const char *const values[], enum flight_kind kind)
{
	int binary = id == SQL_BUILT;

	if (!(by_name(db) ? PQsendQueryPrepared(db->conn, s->name, s->params, values, NULL, NULL,
						binary)
			  : PQsendQueryParams(db->conn, s->text, s->params, NULL, values, NULL,
					      NULL, binary)))
		return false;
	note(db, kind, id);
	return (db->flight_end % FLUSH_EVERY) != 0 ||
	       (PQsendFlushRequest(db->conn) && PQflush(db->conn) == 0);
}

static bool
enter(struct db *db)
{
	return PQpipelineStatus(db->conn) != PQ_PIPELINE_OFF || PQenterPipelineMode(db->conn);
}

/* Nobody would be told what it drops; or it would begin another transaction. */
static enum adx_rc
check_place(const struct db *db, const struct sql_statement *s, struct adx_error *err)
{
	if (s->drops.scope != SCOPE_NONE && !db->in_transaction)
		return adx_fail(err, ADX_EFAIL, "%s: needs a transaction", s->name);
	if (db->single && db->ending)
		return adx_fail(err, ADX_EFAIL, "%s: comes after the end of its transaction",
				s->name);
	return ADX_OK;
}

enum adx_rc
stmt_send(struct db *db, enum sql_id id, const char *const values[], size_t count,
	  struct adx_error *err)
{
	const struct sql_statement *s = statement_of(db, id);
	enum adx_rc rc = check_place(db, s, err);

	if (rc != ADX_OK)
		return rc;
	if (count != (size_t)s->params)
		return adx_fail(err, ADX_EFAIL, "%s:%d: %s takes %d parameters, not %zu", s->file,
				s->line, s->name, s->params, count);
	if (db_interrupted(db))
		return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
	if (!reserve(db, SENT_AT_ONCE + 1))
		return adx_nomem(err);
	if (!enter(db) || !send_begin(db) || !send_limits(db) || !send_parse(db, s, id) ||
	    !send_execute(db, s, id, values, FLIGHT_STATEMENT))
		return pg_describe(db, NULL, s->name, err);
	drops_add_statement(&db->drops, s, values);
	return ADX_OK;
}

static bool
send_mark(struct db *db)
{
	if (!PQpipelineSync(db->conn))
		return false;
	note(db, FLIGHT_MARK, 0);
	return true;
}

static bool
send_notification(struct db *db)
{
	const struct sql_statement *s = &SQL_CATALOGUE[db->backend][SQL_CACHE_NOTIFY];
	char payload[DROPS_PAYLOAD_MAX + 1];
	const char *values[] = { payload, db->daemon_id };

	if (db->drops.count == 0)
		return true;
	drops_payload(&db->drops, db->daemon_id, payload);
	return send_parse(db, s, SQL_CACHE_NOTIFY) &&
	       send_execute(db, s, SQL_CACHE_NOTIFY, values, FLIGHT_NOTIFY);
}

/* Without a BEGIN the mark is the COMMIT. */
static bool
send_commit(struct db *db)
{
	if (db->single)
		return true;
	if (!PQsendQueryParams(db->conn, "COMMIT", 0, NULL, NULL, NULL, NULL, 0))
		return false;
	note(db, FLIGHT_COMMIT, 0);
	return true;
}

bool
pipeline_send_end(struct db *db)
{
	if (!reserve(db, SENT_AT_ONCE + 1) || !enter(db))
		return false;
	/* From the first byte on, who knows what arrives. */
	db->ending = true;
	return send_notification(db) && send_commit(db) && send_mark(db);
}

/* In a DB_SINGLE a mark alone would commit what came before it. */
static bool
send_undo(struct db *db)
{
	db->failed = true;
	db->limits_due = true;
	if (!reserve(db, 2) ||
	    !PQsendQueryParams(db->conn, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0))
		return false;
	note(db, FLIGHT_LEAD, 0);
	return true;
}

enum adx_rc
stmt_mark(struct db *db, struct adx_error *err)
{
	/* Where nothing was sent nothing is waited for, and libpq may be in no pipeline. */
	if (pipeline_empty(db))
		return ADX_OK;
	if (db->single && db_interrupted(db))
		return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
	if (!(db->single ? pipeline_send_end(db) : send_mark(db)))
		return pg_describe(db, NULL, "sending", err);
	/* An interrupt in between found nothing to cancel. */
	if (db_interrupted(db))
		db_interrupt(db);
	return ADX_OK;
}

/* ---- receiving --------------------------------------------------------------------------- */

/*
 * A failure that is nobody's answer. Where it may have undone the transaction without a word of the
 * server at its end, db_commit() must know.
 */
static void
regret(struct db *db, const PGresult *res)
{
	bool failed = db->failed;

	db->limits_due = true;
	if (!db->in_transaction || !(db->single || db->ending) || db->end_error.rc != ADX_OK ||
	    PQresultStatus(res) == PGRES_PIPELINE_ABORTED)
		return;
	/* That much is known already: it is undone. */
	if (db->single && db->failed)
		return;
	pg_describe(db, res, "cannot commit", &db->end_error);
	db->failed = failed;
}

void
pipeline_finish(struct db *db)
{
	PGresult *res;

	while ((res = PQgetResult(db->conn)) != NULL) {
		if (!pg_succeeded(res))
			regret(db, res);
		PQclear(res);
		if (PQstatus(db->conn) == CONNECTION_BAD)
			return;
	}
}

static void
not_prepared(struct db *db, enum sql_id id)
{
	db->prepared[id] = false;
	if (id == SQL_BUILT)
		db->built_named = false;
}

/* The answer to BEGIN, limits or a parse. */
static enum adx_rc
land(struct db *db, const struct flight *f, const char *doing, struct adx_error *err)
{
	PGresult *res = PQgetResult(db->conn);
	enum adx_rc rc = ADX_OK;

	if (!pg_succeeded(res)) {
		rc = pg_describe(db, res, doing, err);
		if (f->kind == FLIGHT_PREPARE)
			not_prepared(db, f->id);
	}
	PQclear(res);
	if (res != NULL)
		pipeline_finish(db);
	return rc;
}

/* The statement that lead and parse were sent for. */
static const char *
name_ahead(const struct db *db)
{
	size_t i = db->flight_first;

	while (i + 1 < db->flight_end && db->flights[i].kind != FLIGHT_STATEMENT)
		i++;
	return statement_of(db, db->flights[i].id)->name;
}

enum adx_rc
pipeline_reach(struct db *db, enum sql_id *id, struct adx_error *err)
{
	while (!pipeline_empty(db)) {
		const struct flight *f = &db->flights[db->flight_first];
		enum adx_rc rc = ADX_OK;

		*id = f->id;
		if (f->kind == FLIGHT_MARK)
			break;
		if (f->kind != FLIGHT_STATEMENT)
			rc = land(db, f, name_ahead(db), err);
		db->flight_first++;
		if (rc != ADX_OK || f->kind == FLIGHT_STATEMENT)
			return rc;
	}
	if (PQstatus(db->conn) == CONNECTION_BAD)
		return pg_describe(db, NULL, "receiving", err);
	return adx_fail(err, ADX_EFAIL, "no statement is in flight");
}

/*
 * The answer of a mark is one result. What its COMMIT has to complain about comes before that, and
 * ends with a NULL as every answer does.
 */
static void
reach_shore(struct db *db)
{
	int ends = 0;
	PGresult *res = PQgetResult(db->conn);

	while (PQresultStatus(res) != PGRES_PIPELINE_SYNC && ends < 2 &&
	       PQstatus(db->conn) == CONNECTION_OK) {
		if (res == NULL)
			ends++;
		else
			regret(db, res);
		PQclear(res);
		res = PQgetResult(db->conn);
	}
	if (PQresultStatus(res) == PGRES_PIPELINE_SYNC)
		db->ended = db->ending;
	else
		regret(db, res);
	PQclear(res);
}

/* What one thing in flight still answers, before the next. */
static void
discard(struct db *db, const struct flight *f)
{
	PGresult *res;

	if (f->kind == FLIGHT_MARK) {
		reach_shore(db);
		return;
	}
	res = PQgetResult(db->conn);
	if (!pg_succeeded(res)) {
		regret(db, res);
		if (f->kind == FLIGHT_PREPARE)
			not_prepared(db, f->id);
	} else if (f->kind == FLIGHT_COMMIT && strcmp(PQcmdStatus(res), "COMMIT") != 0) {
		adx_fail(&db->end_error, ADX_EFAIL,
			 "the transaction was rolled back by the server");
	}
	PQclear(res);
	if (res != NULL && PQstatus(db->conn) == CONNECTION_OK)
		pipeline_finish(db);
}

bool
stmt_stands(const struct db *db)
{
	for (size_t i = db->flight_first; i < db->flight_end; i++)
		if (db->flights[i].kind != FLIGHT_STATEMENT && db->flights[i].kind != FLIGHT_MARK)
			return false;
	return true;
}

void
stmt_drain(struct db *db)
{
	/* What was not marked yet would be waited for in vain. */
	bool marked = pipeline_empty(db) || db->flights[db->flight_end - 1].kind == FLIGHT_MARK ||
		      ((!db->single || send_undo(db)) && send_mark(db));

	while (marked && !pipeline_empty(db) && PQstatus(db->conn) == CONNECTION_OK) {
		const struct flight *f = &db->flights[db->flight_first++];

		discard(db, f);
		if (f->kind == FLIGHT_MARK)
			return;
	}
	db->flight_first = db->flight_end;
}
