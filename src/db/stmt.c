#include "db/stmt.h"

#include <stdlib.h>
#include <string.h>

#include "db/pg.h"
#include "db/rowset.h"

enum adx_rc
stmt_receive(struct db *db, struct rows **out, struct adx_error *err)
{
	enum sql_id id = 0;
	struct rows *rows = calloc(1, sizeof(*rows));
	enum adx_rc rc = rows == NULL ? adx_nomem(err) : pipeline_reach(db, &id, err);

	*out = NULL;
	/* One row is as well taken at once. */
	if (rc == ADX_OK && statement_of(db, id)->kind == SQL_MANY_KIND && !db->short_answers &&
	    PQsetSingleRowMode(db->conn) != 1)
		rc = adx_fail(err, ADX_EFAIL, "%s: cannot read row by row",
			      statement_of(db, id)->name);
	if (rc != ADX_OK) {
		free(rows);
		return rc;
	}
	rows->db = db;
	rows->statement = statement_of(db, id);
	rows->alone = pipeline_at_last_mark(db);
	*out = rows;
	return ADX_OK;
}

bool
stmt_is_here(struct db *db)
{
	return PQisBusy(db->conn) == 0;
}

bool
stmt_aborted(const struct db *db)
{
	return PQpipelineStatus(db->conn) == PQ_PIPELINE_ABORTED;
}

enum adx_rc
stmt_open(struct db *db, enum sql_id id, const char *const values[], size_t count,
	  struct rows **out, struct adx_error *err)
{
	enum adx_rc rc;

	*out = NULL;
	if (!pipeline_empty(db))
		return adx_fail(err, ADX_EFAIL, "%s: other statements are in flight",
				statement_of(db, id)->name);
	rc = stmt_send(db, id, values, count, err);
	if (rc == ADX_OK)
		rc = stmt_mark(db, err);
	if (rc == ADX_OK)
		rc = stmt_receive(db, out, err);
	if (rc != ADX_OK)
		stmt_drain(db);
	return rc;
}

/* The answer was read: make the connection free for what comes next. */
static void
leave(struct rows *rows)
{
	pipeline_finish(rows->db);
	if (rows->alone)
		stmt_drain(rows->db);
	rows->done = true;
}

static bool
next_of_set(struct rows *rows)
{
	rows->done = ++rows->row > rowset_rows(rows->set);
	return !rows->done;
}

/* The last row stays: rows_first() goes back to the first. */
static bool
next_of_whole(struct rows *rows)
{
	if (rows->at + 1 < PQntuples(rows->res)) {
		rows->at++;
		return true;
	}
	leave(rows);
	return false;
}

enum adx_rc
rows_next(struct rows *rows, bool *has, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	*has = false;
	if (rows->done)
		return ADX_OK;
	if (rows->set != NULL) {
		*has = next_of_set(rows);
		return ADX_OK;
	}
	if (rows->whole) {
		*has = next_of_whole(rows);
		return ADX_OK;
	}
	PQclear(rows->res);
	rows->res = PQgetResult(rows->db->conn);
	rows->whole = PQresultStatus(rows->res) == PGRES_TUPLES_OK && PQntuples(rows->res) > 0;
	if (rows->whole || PQresultStatus(rows->res) == PGRES_SINGLE_TUPLE) {
		*has = true;
		return ADX_OK;
	}
	if (!pg_succeeded(rows->res))
		rc = pg_describe(rows->db, rows->res, rows->statement->name, err);
	leave(rows);
	return rc;
}

/* A daemon's connection has a guard, which waits for no server: nor may this. */
static void
cancel_rest(struct db *db)
{
	char ignored[256];

	if (db->socket >= 0)
		db_cancel_soon(db);
	else
		PQcancel(db->cancel, ignored, sizeof(ignored));
	db->limits_due = true;
}

void
rows_close(struct rows *rows)
{
	if (rows == NULL)
		return;
	/* A cancel would hit whatever runs by now, so only where nothing else can. */
	if (!rows->done && rows->alone && !rows->db->single &&
	    PQstatus(rows->db->conn) == CONNECTION_OK)
		cancel_rest(rows->db);
	if (!rows->done && rows->set == NULL)
		leave(rows);
	rowset_release(rows->set);
	PQclear(rows->res);
	free(rows);
}

enum adx_rc
rows_first(struct rows *rows, bool *has, struct adx_error *err)
{
	PGresult *first;
	bool more;
	enum adx_rc rc = rows_next(rows, has, err);

	if (rc != ADX_OK || !*has)
		return rc;
	if (rows->set != NULL) {
		rows->done = true;
		return ADX_OK;
	}
	if (rows->whole) {
		leave(rows);
		return ADX_OK;
	}
	first = rows->res;
	rows->res = NULL;
	do
		rc = rows_next(rows, &more, err);
	while (rc == ADX_OK && more);
	PQclear(rows->res);
	rows->res = first;
	return rc;
}

enum adx_rc
stmt_one(struct db *db, enum sql_id id, const char *const values[], size_t count, struct rows **out,
	 struct adx_error *err)
{
	bool has = false;
	enum adx_rc rc = stmt_open(db, id, values, count, out, err);

	if (rc == ADX_OK)
		rc = rows_first(*out, &has, err);
	if (rc != ADX_OK || !has) {
		rows_close(*out);
		*out = NULL;
	}
	return rc;
}

enum adx_rc
stmt_exec(struct db *db, enum sql_id id, const char *const values[], size_t count,
	  struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = stmt_one(db, id, values, count, &rows, err);

	rows_close(rows);
	return rc;
}

enum adx_rc
stmt_change(struct db *db, enum sql_id id, const char *const values[], size_t count,
	    int64_t *changed, struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_open(db, id, values, count, &rows, err);

	*changed = 0;
	if (rc != ADX_OK)
		return rc;
	do
		rc = rows_next(rows, &has, err);
	while (rc == ADX_OK && has);
	if (rc == ADX_OK)
		*changed = strtoll(PQcmdTuples(rows->res), NULL, 10);
	rows_close(rows);
	return rc;
}

enum adx_rc
stmt_int64(struct db *db, enum sql_id id, const char *const values[], size_t count, int64_t *out,
	   struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = stmt_one(db, id, values, count, &rows, err);

	*out = 0;
	if (rc == ADX_OK && rows == NULL)
		rc = adx_fail(err, ADX_EFAIL, "%s: no row came back", statement_of(db, id)->name);
	else if (rc == ADX_OK)
		*out = rows_int64(rows, 0);
	rows_close(rows);
	return rc;
}

int
rows_column(const struct rows *rows, const char *name)
{
	if (rows->set != NULL)
		return rowset_column(rows->set, name);
	return rows->res == NULL ? -1 : PQfnumber(rows->res, name);
}

const char *
rows_text(const struct rows *rows, int column, size_t *len)
{
	if (rows->set != NULL)
		return rowset_text(rows->set, rows->row - 1, column, len);
	if (column < 0 || PQgetisnull(rows->res, rows->at, column)) {
		*len = 0;
		return NULL;
	}
	*len = (size_t)PQgetlength(rows->res, rows->at, column);
	return PQgetvalue(rows->res, rows->at, column);
}

int64_t
rows_int64(const struct rows *rows, int column)
{
	size_t len;
	const char *text = rows_text(rows, column, &len);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

const char *
rows_get(const struct rows *rows, const char *name)
{
	size_t len;

	return rows_text(rows, rows_column(rows, name), &len);
}

int64_t
rows_get_int64(const struct rows *rows, const char *name)
{
	return rows_int64(rows, rows_column(rows, name));
}

bool
rows_get_bool(const struct rows *rows, const char *name)
{
	const char *text = rows_get(rows, name);

	return text != NULL && text[0] == 't';
}

enum adx_rc
rows_get_bytes(const struct rows *rows, const char *name, unsigned char **out, size_t *len,
	       struct adx_error *err)
{
	const char *text = rows_get(rows, name);
	unsigned char *bytes;

	*out = NULL;
	*len = 0;
	if (text == NULL)
		return ADX_OK;
	bytes = PQunescapeBytea((const unsigned char *)text, len);
	*out = bytes == NULL ? NULL : malloc(*len + 1);
	if (*out != NULL)
		memcpy(*out, bytes, *len);
	PQfreemem(bytes);
	return *out == NULL ? adx_nomem(err) : ADX_OK;
}
