/*
 * A connection to PostgreSQL and its transactions. Only src/db/ knows libpq.
 *
 * Nothing is sent by db_begin(): BEGIN and the time limits (SET LOCAL, so that PgBouncer's
 * transaction pooling is fine) travel in one pipeline with the first statement, and a lone read
 * takes one round trip (PostgreSQL 15 manual, 34.5 "Pipeline Mode").
 *
 * What cached statements read and a transaction changes ("-- drops:" in sql/) is collected as its
 * statements are sent, and told twice: to the daemons of this database by one notification, which
 * travels with the COMMIT and is sent by the server only when there is a daemon; and to the
 * caller's dropped(), when it is done. A transaction that is rolled back tells nothing. Outside a
 * transaction such a statement is refused.
 */
#ifndef ADMINEX_DB_H
#define ADMINEX_DB_H

#include <stdbool.h>
#include <stddef.h>

#include "adminex/error.h"
#include "db/catalogue.h"

struct db;

/* What is no longer as it was: an account, all of a host, or everything. Names that do not count
   are NULL. */
struct db_drop {
	enum sql_scope scope;
	const char *host, *username;
};

struct db_settings {
	const char *dsn; /* a libpq connection string; NULL or "": libpq's own environment */
	enum sql_backend backend;
	int connect_timeout;   /* seconds, for each host of the connection string */
	int lock_timeout;      /* milliseconds; 0 is none */
	int statement_timeout; /* milliseconds; 0 is none */
	/* Parse each statement once and use it by name: pays when many are sent. */
	bool prepare;
	/* Take all rows of an answer at once, which is faster: where no answer is long. */
	bool short_answers;
	/* Called with each WARNING of the server; may be NULL. */
	void (*warning)(void *ctx, const char *text);
	void *warning_ctx;
	/* The daemon that this connection works for: its listener is not told; NULL elsewhere. */
	const char *daemon_id;
	/*
	 * Called before db_commit() returns, when the transaction was committed, or may be; then
	 * certain is false, and what was read meanwhile may change yet without another word: the
	 * server may go on with a lost connection's transaction until its time limits end it. Also
	 * by db_rollback(), for a DB_SINGLE that came too late. May be NULL.
	 */
	void (*dropped)(void *ctx, const struct db_drop *drops, size_t count, bool certain);
	void *dropped_ctx;
};

enum db_mode {
	DB_WRITE,    /* read committed */
	DB_SNAPSHOT, /* repeatable read, read only: several statements see one state */
	/*
	 * A write in one round trip: what is sent up to the mark is the transaction, and the mark
	 * its COMMIT. Neither BEGIN nor COMMIT are sent, so the isolation is the default of the
	 * database (read committed, unless somebody changed that).
	 *
	 * Send, mark, receive, drain as ever; whatever came of it, nothing is certain before
	 * db_commit() has said so: the mark's own answer, that of the COMMIT, is looked at there.
	 * After the mark there is no way back: db_rollback() before it undoes everything, after it
	 * nothing. A connection that is lost after the mark was sent is ADX_EUNKNOWN, whoever
	 * notices first. Savepoints, scripts and COPY, and statements after the mark, are refused.
	 */
	DB_SINGLE,
};

ADX_MUST_CHECK enum adx_rc db_open(const struct db_settings *settings, struct db **out,
				   struct adx_error *err);
void db_close(struct db *db);

/*
 * Is the connection there, as far as can be known without asking the server? Only while nothing is
 * in flight. A connection that broke without a word is found out by the next statement.
 */
bool db_alive(struct db *db);

void db_begin(struct db *db, enum db_mode mode);
/*
 * ADX_EUNKNOWN when the connection broke before the answer came. After every other failure the
 * transaction was rolled back. It has ended in any case.
 */
ADX_MUST_CHECK enum adx_rc db_commit(struct db *db, struct adx_error *err);
/* Ends the transaction without effect; nothing to do when there is none. */
void db_rollback(struct db *db);
/*
 * Within a transaction: a point to return to, one at a time. After db_savepoint_return() the
 * transaction is as it was there, also when a statement had failed, and the point still stands.
 */
ADX_MUST_CHECK enum adx_rc db_savepoint(struct db *db, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc db_savepoint_return(struct db *db, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc db_savepoint_release(struct db *db, struct adx_error *err);
/* A statement failed in this transaction: only db_rollback() helps. */
bool db_failed(const struct db *db);

/*
 * Send what follows without names, so that the server plans it for its own parameters. A named
 * statement comes to have one plan for all parameters; where one of them may be NULL for "any", or
 * may be nearly all rows or nearly none, that plan would take hundreds of rows for granted and sort
 * a million.
 */
void db_plan_anew(struct db *db, bool anew);

/* Replace the statement time limit (milliseconds; 0 is none) of the statements that follow. */
void db_limit_statements(struct db *db, int milliseconds);
/* Return to the limit of the settings. */
void db_restore_limits(struct db *db);

/*
 * Cancel what runs now and refuse what would come next with ADX_EINTR, except a COMMIT that is
 * already under way. Safe to call from a signal handler, and from another thread.
 */
void db_interrupt(struct db *db);
bool db_interrupted(const struct db *db);
/* The next statement is accepted again: for a connection that goes back to a pool. */
void db_clear_interrupt(struct db *db);
/*
 * Cancel what runs now, except a COMMIT, and nothing else: from another thread, for as long as the
 * connection is not closed. It takes a connection of its own to the server. What is cancelled is
 * whatever the server finds when it gets to it: before the connection is given to somebody else,
 * this must have returned and the connection been drained.
 */
void db_cancel(struct db *db);

/*
 * The same two for a thread that must not wait for a server that may not answer: a thread of its
 * own does it. As long as db_is_cancelling() what comes next may be hit: then the connection is to
 * be closed, not to be given to somebody else.
 */
void db_interrupt_soon(struct db *db);
void db_cancel_soon(struct db *db);
bool db_is_cancelling(struct db *db);
/*
 * Break the connection off: whoever waits for an answer, in another thread, learns that it is lost.
 * For a server that answers nothing, not even to a cancel. Only of a connection with a daemon_id.
 */
void db_break(struct db *db);
/* Is it in no transaction, and nothing in flight? What is not cannot be given to somebody else. */
bool db_at_rest(const struct db *db);
/* Does the server only follow another, so that what it says may be old? As far as it tells. */
bool db_follows(const struct db *db);

/*
 * Run SQL text of our own, several statements at once: for migrations only. As before COPY, a
 * statement of the catalogue has begun the transaction.
 */
ADX_MUST_CHECK enum adx_rc db_script(struct db *db, const char *sql, struct adx_error *err);

/* COPY ... FROM STDIN, after a first statement: its own of the catalogue, then data, then end. */
ADX_MUST_CHECK enum adx_rc db_copy_begin(struct db *db, enum sql_id id, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc db_copy_data(struct db *db, const char *data, size_t len,
					struct adx_error *err);
ADX_MUST_CHECK enum adx_rc db_copy_end(struct db *db, struct adx_error *err);

#endif
