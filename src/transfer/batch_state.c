#include "transfer/batch_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/newfile.h"
#include "db/stmt.h"

enum { SHA256_HEX = 64, FILE_MAX = 160 };

/* ---- the state file ---------------------------------------------------------------------- */

/* The lock goes with the process: two runs of the same state would wait for each other's lines. */
static enum adx_rc
open_file(struct batch_state *state, const char *path, struct adx_error *err)
{
	state->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (state->fd < 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot open the state file '%.300s'",
				      path);
	if (flock(state->fd, LOCK_EX | LOCK_NB) == 0)
		return ADX_OK;
	if (errno != EWOULDBLOCK)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot lock the state file '%.300s'",
				      path);
	adx_fail(err, ADX_EFAIL, "another run with the state file '%.300s' is going on", path);
	adx_hint(err, "wait for its end, or end it");
	return ADX_EFAIL;
}

/* All that a state file holds. */
static size_t
format_file(char text[FILE_MAX], const char *run_id, const char *sha256)
{
	return (size_t)snprintf(text, FILE_MAX, "adminex-batch 1 run=%s input=%s\n", run_id,
				sha256);
}

static enum adx_rc
write_file(const struct batch_state *state, const char *path, const char *sha256,
	   struct adx_error *err)
{
	char text[FILE_MAX];
	size_t len = format_file(text, state->run_id, sha256);
	int errnum = 0;

	if (pwrite(state->fd, text, len, 0) != (ssize_t)len || fsync(state->fd) != 0)
		errnum = errno;
	if (errnum == 0)
		errnum = newfile_sync_folder(path);
	if (errnum == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, errnum, "cannot write the state file '%.300s'", path);
}

/* Exactly what format_file() makes, no byte more or less. */
static bool
parse_file(struct batch_state *state, const char *text, size_t len, char input[SHA256_HEX + 1])
{
	char again[FILE_MAX];

	return sscanf(text, "adminex-batch 1 run=%36[0-9a-f-] input=%64[0-9a-f]", state->run_id,
		      input) == 2 &&
	       strlen(state->run_id) == 36 && strlen(input) == SHA256_HEX &&
	       format_file(again, state->run_id, input) == len && memcmp(text, again, len) == 0;
}

/* *found is false for a file that is still empty. */
static enum adx_rc
read_file(struct batch_state *state, const char *path, const char *sha256, bool *found,
	  struct adx_error *err)
{
	char text[FILE_MAX] = "", input[SHA256_HEX + 1] = "";
	ssize_t n = pread(state->fd, text, sizeof(text) - 1, 0);

	*found = n != 0;
	if (n < 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot read the state file '%.300s'",
				      path);
	if (n == 0)
		return ADX_OK;
	if (!parse_file(state, text, (size_t)n, input))
		return adx_fail(err, ADX_EINVAL, "'%.300s' is not a state file of a batch", path);
	if (strcmp(input, sha256) == 0)
		return ADX_OK;
	adx_fail(err, ADX_EINVAL, "the input is not the one that the run of '%.300s' began with",
		 path);
	adx_hint(err, "give it the same lines again, or begin a new run with another state file");
	return ADX_EINVAL;
}

/* ---- the row ----------------------------------------------------------------------------- */

static enum adx_rc
end_transaction(struct db *db, enum adx_rc rc, struct adx_error *err)
{
	if (rc == ADX_OK)
		return db_commit(db, err);
	db_rollback(db);
	return rc;
}

static enum adx_rc
insert_row(struct batch_state *state, const char *sha256, const char *actor, struct db *db,
	   struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc;

	db_begin(db, DB_WRITE);
	rc = stmt_one(db, SQL_BATCH_START, PARAMS(sha256, actor), &rows, err);
	if (rc == ADX_OK)
		snprintf(state->run_id, sizeof(state->run_id), "%s", rows_get(rows, "run_id"));
	rows_close(rows);
	return end_transaction(db, rc, err);
}

static enum adx_rc
take_row(struct batch_state *state, const struct rows *rows, const char *sha256,
	 struct adx_error *err)
{
	if (rows == NULL || strcmp(rows_get(rows, "input_sha256"), sha256) != 0) {
		adx_fail(err, ADX_EFAIL, "this database does not know the run %s", state->run_id);
		adx_hint(err, "it may be another database, or one restored from before the run");
		return ADX_EFAIL;
	}
	state->recorded = rows_get_int64(rows, "last_line");
	state->failed = rows_get_int64(rows, "failed");
	state->ended = rows_get_bool(rows, "ended");
	return ADX_OK;
}

/* However long it takes: a lock timeout would only bring the operator back to the same wait. */
static enum adx_rc
wait_for_lock(const struct batch_state *state, struct db *db, void (*waiting)(void),
	      struct adx_error *err)
{
	int64_t free;
	enum adx_rc rc = stmt_int64(db, SQL_BATCH_TRY_LOCK, PARAMS(state->run_id), &free, err);

	if (rc != ADX_OK || free)
		return rc;
	waiting();
	rc = stmt_exec(db, SQL_BATCH_PATIENCE, NO_PARAMS, err);
	return rc == ADX_OK ? stmt_exec(db, SQL_BATCH_LOCK, PARAMS(state->run_id), err) : rc;
}

/* Waits for what a killed run still has under way, and only then looks. */
static enum adx_rc
find_row(struct batch_state *state, const char *sha256, struct db *db, void (*waiting)(void),
	 struct adx_error *err)
{
	struct rows *rows = NULL;
	enum adx_rc rc;

	db_begin(db, DB_WRITE);
	rc = wait_for_lock(state, db, waiting, err);
	if (rc == ADX_OK)
		rc = stmt_one(db, SQL_BATCH_FIND, PARAMS(state->run_id), &rows, err);
	if (rc == ADX_OK)
		rc = take_row(state, rows, sha256, err);
	rows_close(rows);
	return end_transaction(db, rc, err);
}

/* The row comes before the file: a run is known to its database before it has done anything. */
static enum adx_rc
begin_run(struct batch_state *state, const char *path, const char *sha256, const char *actor,
	  struct db *db, struct adx_error *err)
{
	enum adx_rc rc = insert_row(state, sha256, actor, db, err);

	return rc == ADX_OK ? write_file(state, path, sha256, err) : rc;
}

enum adx_rc
batch_state_open(struct batch_state *state, const char *path, const char *sha256, const char *actor,
		 struct db *db, void (*waiting)(void), struct adx_error *err)
{
	bool found = false;
	enum adx_rc rc = open_file(state, path, err);

	if (rc == ADX_OK)
		rc = read_file(state, path, sha256, &found, err);
	if (rc != ADX_OK)
		return rc;
	return found ? find_row(state, sha256, db, waiting, err)
		     : begin_run(state, path, sha256, actor, db, err);
}

enum adx_rc
batch_state_send_lock(const struct batch_state *state, struct db *db, struct adx_error *err)
{
	return stmt_send(db, SQL_BATCH_LOCK, PARAMS(state->run_id), err);
}

enum adx_rc
batch_state_receive_lock(struct db *db, struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_receive(db, &rows, err);

	if (rc == ADX_OK)
		rc = rows_first(rows, &has, err);
	rows_close(rows);
	return rc;
}

enum adx_rc
batch_state_advance(const struct batch_state *state, struct db *db, int64_t line, int64_t failed,
		    struct adx_error *err)
{
	char from[24], to[24], times[24];
	struct rows *rows;
	enum adx_rc rc;

	snprintf(from, sizeof(from), "%" PRId64, state->recorded);
	snprintf(to, sizeof(to), "%" PRId64, line);
	snprintf(times, sizeof(times), "%" PRId64, failed);
	rc = stmt_one(db, SQL_BATCH_ADVANCE, PARAMS(state->run_id, from, to, times), &rows, err);
	if (rc == ADX_OK && rows == NULL)
		rc = adx_fail(err, ADX_EFAIL,
			      "another run of this batch has gone on behind line %s", from);
	rows_close(rows);
	return rc;
}

void
batch_state_recorded(struct batch_state *state, int64_t line, int64_t failed)
{
	state->recorded = line;
	state->failed += failed;
}

enum adx_rc
batch_state_finish(struct batch_state *state, struct db *db, int64_t line, int64_t failed,
		   struct adx_error *err)
{
	enum adx_rc rc;

	db_begin(db, DB_WRITE);
	rc = stmt_exec(db, SQL_BATCH_LOCK, PARAMS(state->run_id), err);
	/* Reads in transactions of their own are not recorded by these. */
	if (rc == ADX_OK && line > state->recorded)
		rc = batch_state_advance(state, db, line, failed, err);
	if (rc == ADX_OK)
		rc = stmt_exec(db, SQL_BATCH_FINISH, PARAMS(state->run_id), err);
	return end_transaction(db, rc, err);
}

void
batch_state_close(struct batch_state *state)
{
	if (state->fd >= 0)
		close(state->fd);
	state->fd = -1;
}
