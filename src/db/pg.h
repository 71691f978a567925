/* What the files of src/db/ share, libpq included. Nothing outside this folder includes it. */
#ifndef ADMINEX_PG_H
#define ADMINEX_PG_H

#include <signal.h>

#include <libpq-fe.h>

#include "db/db.h"

/* What was sent and whose answer is still to be read, in order. */
struct flight {
	enum flight_kind {
		FLIGHT_LEAD,    /* BEGIN or the time limits */
		FLIGHT_PREPARE, /* the parse of a statement that gets a name */
		FLIGHT_STATEMENT,
		FLIGHT_MARK, /* a synchronisation point */
	} kind;
	enum sql_id id;
};

struct db {
	PGconn *conn;
	PGcancel *cancel;
	enum sql_backend backend;
	char lock_timeout[16];
	char statement_timeout[16];
	char usual_timeout[16]; /* the statement_timeout that db_restore_limits() returns to */
	bool limits_due;        /* this transaction has not got them yet */
	const char *begin;      /* the BEGIN still to be sent with the first statement, or NULL */
	bool prepares;
	bool prepared[SQL_COUNT]; /* or on the way to be */
	struct flight *flights;
	size_t flight_first, flight_end, flight_cap;
	bool in_transaction;
	bool failed;
	volatile sig_atomic_t committing;
	volatile sig_atomic_t interrupted;
	void (*warning)(void *ctx, const char *text);
	void *warning_ctx;
};

/* An answer: of the server, row by row, or a set's. */
struct rows {
	struct db *db;
	const struct sql_statement *statement;
	PGresult *res; /* the current row, or NULL */
	bool alone;    /* nothing is in flight behind it but the mark */
	bool done;     /* the whole answer was read */
	struct rowset *set;
	size_t row; /* of the set, from 1; 0 is before the first */
};

/* Describe what the server or the connection said; res may be NULL. */
enum adx_rc pg_describe(struct db *db, const PGresult *res, const char *doing,
			struct adx_error *err);

/* ---- pipeline.c: what is in flight ------------------------------------------------------- */

/* Read on to where the rows of the next statement come; *id says which. */
ADX_MUST_CHECK enum adx_rc pipeline_reach(struct db *db, enum sql_id *id, struct adx_error *err);
/* Read the rest of one statement's answer. */
void pipeline_finish(struct db *db);
bool pipeline_empty(const struct db *db);
/* Is the mark next? */
bool pipeline_at_mark(const struct db *db);
/* Did this part of the answer succeed? */
bool pg_succeeded(const PGresult *res);

/* Leave pipeline mode, for COPY and scripts; false when results are still pending. */
bool pg_leave_pipeline(struct db *db);

#endif
