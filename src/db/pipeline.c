/* What is in flight: statements are sent without waiting for the answers of those before. */
#include <stdlib.h>

#include "db/pg.h"
#include "db/stmt.h"

/*
 * Without just-in-time compilation: our statements spend their time in indexes, triggers and
 * regular expressions, and it would only be added to that.
 */
static const char LIMITS[] = "SELECT pg_catalog.set_config('lock_timeout', $1, true),"
			     " pg_catalog.set_config('statement_timeout', $2, true),"
			     " pg_catalog.set_config('jit', 'off', true)";
/* On a connection that is ours alone they are said once. */
static const char LASTING_LIMITS[] = "SELECT pg_catalog.set_config('lock_timeout', $1, false),"
				     " pg_catalog.set_config('statement_timeout', $2, false),"
				     " pg_catalog.set_config('jit', 'off', false)";

enum {
	SENT_AT_ONCE = 4, /* at most: BEGIN, limits, parse, statement; room for a mark is kept */
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
pipeline_at_mark(const struct db *db)
{
	return !pipeline_empty(db) && db->flights[db->flight_first].kind == FLIGHT_MARK;
}

/* ---- the queue --------------------------------------------------------------------------- */

static bool
reserve(struct db *db, size_t more)
{
	size_t cap = db->flight_cap == 0 ? 64 : 2 * db->flight_cap;
	struct flight *grown;

	if (pipeline_empty(db))
		db->flight_first = db->flight_end = 0;
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
send_parse(struct db *db, const struct sql_statement *s, enum sql_id id)
{
	if (!db->prepares || db->prepared[id])
		return true;
	if (!PQsendPrepare(db->conn, s->name, s->text, 0, NULL))
		return false;
	db->prepared[id] = true;
	note(db, FLIGHT_PREPARE, id);
	return true;
}

static bool
send_execute(struct db *db, const struct sql_statement *s, enum sql_id id,
	     const char *const values[])
{
	if (!(db->prepares
		      ? PQsendQueryPrepared(db->conn, s->name, s->params, values, NULL, NULL, 0)
		      : PQsendQueryParams(db->conn, s->text, s->params, NULL, values, NULL, NULL,
					  0)))
		return false;
	note(db, FLIGHT_STATEMENT, id);
	return (db->flight_end % FLUSH_EVERY) != 0 ||
	       (PQsendFlushRequest(db->conn) && PQflush(db->conn) == 0);
}

static bool
enter(struct db *db)
{
	return PQpipelineStatus(db->conn) != PQ_PIPELINE_OFF || PQenterPipelineMode(db->conn);
}

enum adx_rc
stmt_send(struct db *db, enum sql_id id, const char *const values[], size_t count,
	  struct adx_error *err)
{
	const struct sql_statement *s = &SQL_CATALOGUE[db->backend][id];

	if (count != (size_t)s->params)
		return adx_fail(err, ADX_EFAIL, "%s:%d: %s takes %d parameters, not %zu", s->file,
				s->line, s->name, s->params, count);
	if (db->interrupted)
		return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
	if (!reserve(db, SENT_AT_ONCE + 1))
		return adx_nomem(err);
	if (!enter(db) || !send_begin(db) || !send_limits(db) || !send_parse(db, s, id) ||
	    !send_execute(db, s, id, values))
		return pg_describe(db, NULL, s->name, err);
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

enum adx_rc
stmt_mark(struct db *db, struct adx_error *err)
{
	/* Where nothing was sent nothing is waited for, and libpq may be in no pipeline. */
	if (pipeline_empty(db))
		return ADX_OK;
	if (!send_mark(db))
		return pg_describe(db, NULL, "sending", err);
	/* An interrupt in between found nothing to cancel. */
	if (db->interrupted)
		db_interrupt(db);
	return ADX_OK;
}

/* ---- receiving --------------------------------------------------------------------------- */

void
pipeline_finish(struct db *db)
{
	PGresult *res;

	while ((res = PQgetResult(db->conn)) != NULL) {
		PQclear(res);
		if (PQstatus(db->conn) == CONNECTION_BAD)
			return;
	}
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
			db->prepared[f->id] = false;
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
	return SQL_CATALOGUE[db->backend][db->flights[i].id].name;
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
	return adx_fail(err, ADX_EFAIL, "no statement is in flight");
}

/* What one thing in flight still answers, before the next. */
static void
discard(struct db *db, const struct flight *f)
{
	PGresult *res = PQgetResult(db->conn);

	if (f->kind == FLIGHT_PREPARE && !pg_succeeded(res))
		db->prepared[f->id] = false;
	PQclear(res);
	/* A mark's answer is one result; all others end with a NULL. */
	if (f->kind != FLIGHT_MARK && res != NULL && PQstatus(db->conn) == CONNECTION_OK)
		pipeline_finish(db);
}

void
stmt_drain(struct db *db)
{
	/* What was not marked yet would be waited for in vain. */
	bool marked = pipeline_empty(db) || db->flights[db->flight_end - 1].kind == FLIGHT_MARK ||
		      send_mark(db);

	while (marked && !pipeline_empty(db) && PQstatus(db->conn) == CONNECTION_OK) {
		const struct flight *f = &db->flights[db->flight_first++];

		discard(db, f);
		if (f->kind == FLIGHT_MARK)
			return;
	}
	db->flight_first = db->flight_end;
}
