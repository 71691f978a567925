#include "db/stmt.h"

#include <stdlib.h>
#include <string.h>

#include "db/pg.h"

struct rows {
	struct db *db;
	const struct sql_statement *statement;
	PGresult *res; /* the current row, or NULL */
	bool done;     /* the whole answer was read: the connection is free again */
};

static bool
succeeded(const PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_SINGLE_TUPLE;
}

/* Read to the synchronisation point that ends the pipeline. */
static void
drain(struct db *db)
{
	int nulls = 0;
	PGresult *res;

	/* Two NULLs in a row without a result between them: the connection is gone. */
	while (nulls < 2) {
		res = PQgetResult(db->conn);
		nulls = res == NULL ? nulls + 1 : 0;
		if (res != NULL && PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
			PQclear(res);
			return;
		}
		PQclear(res);
		if (PQstatus(db->conn) == CONNECTION_BAD)
			return;
	}
}

static enum adx_rc
send_statement(struct db *db, const struct sql_statement *s, const char *const values[],
	       size_t count, int *lead, struct adx_error *err)
{
	if (count != (size_t)s->params)
		return adx_fail(err, ADX_EFAIL, "%s:%d: %s takes %d parameters, not %zu", s->file,
				s->line, s->name, s->params, count);
	if (db->interrupted)
		return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
	*lead = pg_send_lead(db);
	if (*lead < 0 ||
	    !PQsendQueryParams(db->conn, s->text, (int)count, NULL, values, NULL, NULL, 0) ||
	    !PQpipelineSync(db->conn))
		return pg_describe(db, NULL, s->name, err);
	/* An interrupt in between found nothing to cancel. */
	if (db->interrupted)
		db_interrupt(db);
	return ADX_OK;
}

/* Results of BEGIN and the time limits; a failure there leaves the rest to drain(). */
static enum adx_rc
skip_lead(struct db *db, const struct sql_statement *s, int lead, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (int i = 0; i < lead && rc == ADX_OK; i++) {
		PGresult *res = PQgetResult(db->conn);

		if (!succeeded(res))
			rc = pg_describe(db, res, s->name, err);
		PQclear(res);
		if (rc == ADX_OK)
			PQclear(PQgetResult(db->conn));
	}
	return rc;
}

enum adx_rc
stmt_open(struct db *db, enum sql_id id, const char *const values[], size_t count,
	  struct rows **out, struct adx_error *err)
{
	const struct sql_statement *s = &SQL_CATALOGUE[db->backend][id];
	struct rows *rows;
	int lead = 0;
	enum adx_rc rc = send_statement(db, s, values, count, &lead, err);

	*out = NULL;
	if (rc != ADX_OK)
		return rc;
	rc = skip_lead(db, s, lead, err);
	/* Without it all rows would come at once, and rows_next() would find none. */
	if (rc == ADX_OK && PQsetSingleRowMode(db->conn) != 1)
		rc = adx_fail(err, ADX_EFAIL, "%s: cannot read row by row", s->name);
	rows = rc == ADX_OK ? calloc(1, sizeof(*rows)) : NULL;
	if (rows == NULL) {
		drain(db);
		return rc == ADX_OK ? adx_nomem(err) : rc;
	}
	rows->db = db;
	rows->statement = s;
	*out = rows;
	return ADX_OK;
}

enum adx_rc
rows_next(struct rows *rows, bool *has, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	*has = false;
	if (rows->done)
		return ADX_OK;
	PQclear(rows->res);
	rows->res = PQgetResult(rows->db->conn);
	if (PQresultStatus(rows->res) == PGRES_SINGLE_TUPLE) {
		*has = true;
		return ADX_OK;
	}
	if (!succeeded(rows->res))
		rc = pg_describe(rows->db, rows->res, rows->statement->name, err);
	drain(rows->db);
	rows->done = true;
	return rc;
}

void
rows_close(struct rows *rows)
{
	char ignored[256];

	if (rows == NULL)
		return;
	if (!rows->done && PQstatus(rows->db->conn) == CONNECTION_OK) {
		PQcancel(rows->db->cancel, ignored, sizeof(ignored));
		drain(rows->db);
	}
	PQclear(rows->res);
	free(rows);
}

/* Keep the first row's result in `rows`, having read the answer to its end. */
static enum adx_rc
read_first(struct rows *rows, bool *has, struct adx_error *err)
{
	PGresult *first;
	bool more;
	enum adx_rc rc = rows_next(rows, has, err);

	if (rc != ADX_OK || !*has)
		return rc;
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
		rc = read_first(*out, &has, err);
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
		rc = adx_fail(err, ADX_EFAIL, "%s: no row came back",
			      SQL_CATALOGUE[db->backend][id].name);
	else if (rc == ADX_OK)
		*out = strtoll(PQgetvalue(rows->res, 0, 0), NULL, 10);
	rows_close(rows);
	return rc;
}

int
rows_column(const struct rows *rows, const char *name)
{
	return rows->res == NULL ? -1 : PQfnumber(rows->res, name);
}

const char *
rows_text(const struct rows *rows, int column, size_t *len)
{
	if (column < 0 || PQgetisnull(rows->res, 0, column)) {
		*len = 0;
		return NULL;
	}
	*len = (size_t)PQgetlength(rows->res, 0, column);
	return PQgetvalue(rows->res, 0, column);
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
	const char *text = rows_get(rows, name);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
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
