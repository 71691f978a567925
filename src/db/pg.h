/* What the files of src/db/ share, libpq included. Nothing outside this folder includes it. */
#ifndef ADMINEX_PG_H
#define ADMINEX_PG_H

#include <signal.h>

#include <libpq-fe.h>

#include "db/db.h"

struct db {
	PGconn *conn;
	PGcancel *cancel;
	enum sql_backend backend;
	char lock_timeout[16];
	char statement_timeout[16];
	const char *begin; /* the BEGIN still to be sent with the first statement, or NULL */
	bool in_transaction;
	bool failed;
	volatile sig_atomic_t committing;
	volatile sig_atomic_t interrupted;
	void (*warning)(void *ctx, const char *text);
	void *warning_ctx;
};

/* Describe what the server or the connection said; res may be NULL. */
enum adx_rc pg_describe(struct db *db, const PGresult *res, const char *doing,
			struct adx_error *err);
/*
 * In pipeline mode, send what must come before a statement: BEGIN where one is due, and the time
 * limits where a transaction starts. Returns how many results come first, or -1 on failure.
 */
int pg_send_lead(struct db *db);
/* Leave pipeline mode, for COPY and scripts; false when results are still pending. */
bool pg_leave_pipeline(struct db *db);

#endif
