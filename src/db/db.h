/*
 * A connection to PostgreSQL and its transactions. Only src/db/ knows libpq.
 *
 * Nothing is sent by db_begin(): BEGIN and the time limits (SET LOCAL, so that PgBouncer's
 * transaction pooling is fine) travel in one pipeline with the first statement, and a lone read
 * takes one round trip (PostgreSQL 15 manual, 34.5 "Pipeline Mode").
 */
#ifndef ADMINEX_DB_H
#define ADMINEX_DB_H

#include <stdbool.h>
#include <stddef.h>

#include "adminex/error.h"
#include "db/catalogue.h"

struct db;

struct db_settings {
	const char *dsn; /* a libpq connection string; NULL or "": libpq's own environment */
	enum sql_backend backend;
	int connect_timeout;   /* seconds, for each host of the connection string */
	int lock_timeout;      /* milliseconds; 0 is none */
	int statement_timeout; /* milliseconds; 0 is none */
	/* Parse each statement once and use it by name: pays when many are sent. */
	bool prepare;
	/* Called with each WARNING of the server; may be NULL. */
	void (*warning)(void *ctx, const char *text);
	void *warning_ctx;
};

enum db_mode {
	DB_WRITE,    /* read committed */
	DB_SNAPSHOT, /* repeatable read, read only: several statements see one state */
};

ADX_MUST_CHECK enum adx_rc db_open(const struct db_settings *settings, struct db **out,
				   struct adx_error *err);
void db_close(struct db *db);

void db_begin(struct db *db, enum db_mode mode);
/* ADX_EUNKNOWN when the connection broke before the answer came. */
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

/* Replace the statement time limit (milliseconds; 0 is none) of the statements that follow. */
void db_limit_statements(struct db *db, int milliseconds);
/* Return to the limit of the settings. */
void db_restore_limits(struct db *db);

/*
 * Cancel what runs now and refuse what would come next with ADX_EINTR, except a COMMIT that is
 * already under way. Safe to call from a signal handler.
 */
void db_interrupt(struct db *db);
bool db_interrupted(const struct db *db);

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
