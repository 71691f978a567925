/* What the files of src/db/ share, libpq included. Nothing outside this folder includes it. */
#ifndef ADMINEX_PG_H
#define ADMINEX_PG_H

#include <pthread.h>
#include <stdatomic.h>

#include <libpq-fe.h>

#include "db/catalogue.h"
#include "db/db.h"
#include "db/drops.h"

/* What was sent and whose answer is still to be read, in order. */
struct flight {
	enum flight_kind {
		FLIGHT_LEAD,    /* BEGIN or the time limits */
		FLIGHT_PREPARE, /* the parse of a statement that gets a name */
		FLIGHT_STATEMENT,
		FLIGHT_NOTIFY, /* what a transaction drops; nobody receives its answer */
		FLIGHT_COMMIT,
		FLIGHT_MARK, /* a synchronisation point */
	} kind;
	enum sql_id id;
};

/* The one statement whose text is not in the catalogue: see stmt_build(). */
#define SQL_BUILT  SQL_COUNT
#define BUILT_NAME "adminex_built"

struct cancelling;

struct db {
	PGconn *conn;
	PGcancel *cancel;
	pthread_mutex_t cancelling_lock;
	struct cancelling *cancelling; /* the last one of db_cancel_soon(), or NULL */
	int socket; /* of a daemon's connection, for db_break(): one of our own; else -1 */
	enum sql_backend backend;
	char lock_timeout[16];
	char statement_timeout[16];
	char usual_timeout[16]; /* the statement_timeout that db_restore_limits() returns to */
	bool limits_due;        /* this transaction has not got them yet */
	const char *begin;      /* the BEGIN still to be sent with the first statement, or NULL */
	bool prepares;
	bool short_answers;
	bool plans_anew;              /* no names now, although it prepares */
	bool prepared[SQL_COUNT + 1]; /* or on the way to be */
	struct built *built;          /* NULL: none was built */
	bool built_named;             /* the server knows one of that name */
	struct flight *flights;
	size_t flight_first, flight_end, flight_cap;
	bool in_transaction;
	bool single; /* it is a DB_SINGLE */
	bool failed;
	/* The transaction's end: its last mark is on the way, its answer came, what was wrong. */
	bool ending, ended;
	struct adx_error end_error;
	struct drops drops;
	char *daemon_id;
	void (*dropped)(void *ctx, const struct db_drop *drops, size_t count, bool certain);
	void *dropped_ctx;
	atomic_bool committing;
	atomic_bool interrupted;
	void (*warning)(void *ctx, const char *text);
	void *warning_ctx;
};

/* A statement that the server made, and what its maker knows of it. */
struct built {
	struct sql_statement statement;
	char *label, *text;
	void *about;
	void (*free_about)(void *about);
};

/* built.c: NULL is fine. */
void built_free(struct built *built);

static inline const struct sql_statement *
statement_of(const struct db *db, enum sql_id id)
{
	return id == SQL_BUILT ? &db->built->statement : &SQL_CATALOGUE[db->backend][id];
}

/* An answer: of the server, row by row, or a set's. */
struct rows {
	struct db *db;
	const struct sql_statement *statement;
	PGresult *res; /* the current row, or NULL */
	bool alone;    /* nothing is in flight behind it but the mark */
	bool done;     /* the whole answer was read */
	bool whole;    /* res has all rows, else one at a time */
	int at;        /* the current row of res */
	struct rowset *set;
	size_t row; /* of the set, from 1; 0 is before the first */
};

/*
 * Describe what the server or the connection said; res may be NULL. Where a DB_SINGLE may have been
 * committed nevertheless, that is ADX_EUNKNOWN.
 */
enum adx_rc pg_describe(struct db *db, const PGresult *res, const char *doing,
			struct adx_error *err);

/* ---- pipeline.c: what is in flight ------------------------------------------------------- */

/* Read on to where the rows of the next statement come; *id says which. */
ADX_MUST_CHECK enum adx_rc pipeline_reach(struct db *db, enum sql_id *id, struct adx_error *err);
/* Read the rest of one statement's answer. */
void pipeline_finish(struct db *db);
bool pipeline_empty(const struct db *db);
/* Send what ends a transaction: its notification, COMMIT where it has begun with BEGIN, the mark.
 */
bool pipeline_send_end(struct db *db);
/* Is a mark next, and nothing behind it? */
bool pipeline_at_last_mark(const struct db *db);
/* Did this part of the answer succeed? */
bool pg_succeeded(const PGresult *res);

/* cancel.c: it may go on; nobody asks for its end any more. NULL is fine. */
void cancelling_release(struct cancelling *cancelling);

/* Leave pipeline mode, for COPY and scripts; false when results are still pending. */
bool pg_leave_pipeline(struct db *db);

#endif
