/*
 * Running named statements of sql/ with bound parameters: one at a time, or many in flight.
 *
 * Values follow the order of the statement's "-- name:" line, as text; NULL is SQL NULL. The rows
 * of at most one statement of a connection are open at a time.
 */
#ifndef ADMINEX_STMT_H
#define ADMINEX_STMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"
#include "db/db.h"

struct rows;

#define PARAMS(...)                                                                                \
	(const char *const[]){ __VA_ARGS__ },                                                      \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)
#define NO_PARAMS NULL, 0

/*
 * Start a statement whose rows arrive one at a time: memory stays flat however many there are.
 * On ADX_OK the caller owns *out and ends it with rows_close(), early or not.
 */
ADX_MUST_CHECK enum adx_rc stmt_open(struct db *db, enum sql_id id, const char *const values[],
				     size_t count, struct rows **out, struct adx_error *err);

/*
 * The same for many statements, none of which waits for the answer of another: send them, set a
 * mark, receive the rows of each in the order of sending, drain. When one fails the rest up to the
 * mark is not run. Until the drain the connection can do nothing else, but for the next such row of
 * statements, which may be sent behind the mark while stmt_stands(): each mark has its drain,
 * before what comes behind it is received.
 */
ADX_MUST_CHECK enum adx_rc stmt_send(struct db *db, enum sql_id id, const char *const values[],
				     size_t count, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc stmt_mark(struct db *db, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc stmt_receive(struct db *db, struct rows **out, struct adx_error *err);
/* Has at least a part come of what stmt_receive() waits for? */
bool stmt_is_here(struct db *db);
/*
 * Can what is in flight leave nothing undone that others rely on? Where one of them is the first of
 * its name, or brings the limits of time, a failure before it would take that along.
 */
bool stmt_stands(const struct db *db);
/* Did a statement fail, so that those behind it are not run? */
bool stmt_aborted(const struct db *db);
/* Forget what was sent and not received, up to the mark. Nothing to do when nothing is in flight.
 */
void stmt_drain(struct db *db);

/*
 * The one statement whose text is not in sql/: what reads the data of a subject depends on the
 * tables that are registered, so a function of the schema makes its text (sql/native/gdpr.sql,
 * personal_query). Runs that maker, a statement of kind value, and keeps the text on the connection
 * for stmt_open_built(), under a label that says of what it was made; the one before is forgotten.
 * `about` is what the caller knows of it, freed with free_about() when it is forgotten, or now on
 * failure.
 */
ADX_MUST_CHECK enum adx_rc stmt_build(struct db *db, enum sql_id maker, const char *const values[],
				      size_t count, const char *label, void *about,
				      void (*free_about)(void *about), struct adx_error *err);
/* What is known of the statement that was built under that label; NULL: none is there. */
void *stmt_built(const struct db *db, const char *label);
/* Forget it: it did not fit any more. */
void stmt_unbuild(struct db *db);
/*
 * Run it, as stmt_open() does; it takes `count` parameters. Its values come in binary (array.h
 * reads them): it is for many rows of arrays, which cost the server half as much that way.
 */
ADX_MUST_CHECK enum adx_rc stmt_open_built(struct db *db, const char *const values[], size_t count,
					   struct rows **out, struct adx_error *err);

/* Go to the next row; *has is false after the last one. */
ADX_MUST_CHECK enum adx_rc rows_next(struct rows *rows, bool *has, struct adx_error *err);
void rows_close(struct rows *rows);
/* Read to the end and go back to the first row; *has is false when none came. */
ADX_MUST_CHECK enum adx_rc rows_first(struct rows *rows, bool *has, struct adx_error *err);

/* Run a statement to its end. For kinds one, value and exec; rows are not looked at. */
ADX_MUST_CHECK enum adx_rc stmt_exec(struct db *db, enum sql_id id, const char *const values[],
				     size_t count, struct adx_error *err);
/* The same, keeping the first row in *out, or NULL there when none came. rows_close() frees it. */
ADX_MUST_CHECK enum adx_rc stmt_one(struct db *db, enum sql_id id, const char *const values[],
				    size_t count, struct rows **out, struct adx_error *err);
/* Run a statement to its end and tell how many rows it wrote (its command tag). */
ADX_MUST_CHECK enum adx_rc stmt_change(struct db *db, enum sql_id id, const char *const values[],
				       size_t count, int64_t *changed, struct adx_error *err);
/* The single number of a statement of kind value. */
ADX_MUST_CHECK enum adx_rc stmt_int64(struct db *db, enum sql_id id, const char *const values[],
				      size_t count, int64_t *out, struct adx_error *err);

/*
 * Columns of the current row, by position of a name looked up once, or by name. Borrowed until the
 * next rows_next() or rows_close(). NULL is SQL NULL. A name that the statement lacks is a bug of
 * ours: rows_column() returns -1, and reading column -1 gives NULL.
 */
int rows_column(const struct rows *rows, const char *name);
const char *rows_text(const struct rows *rows, int column, size_t *len);
int64_t rows_int64(const struct rows *rows, int column);
const char *rows_get(const struct rows *rows, const char *name);
int64_t rows_get_int64(const struct rows *rows, const char *name);
bool rows_get_bool(const struct rows *rows, const char *name);
/* Bytes of a bytea column; the caller frees *out. */
ADX_MUST_CHECK enum adx_rc rows_get_bytes(const struct rows *rows, const char *name,
					  unsigned char **out, size_t *len, struct adx_error *err);

#endif
