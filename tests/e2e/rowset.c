/*
 * Print what statements of two parameters answer: rows as they arrive, then as they were kept, sent
 * all at once. Arguments: DSN HOST USERNAME, then STATEMENT COLUMN,COLUMN... for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "db/rowset.h"
#include "db/stmt.h"

static enum sql_id
statement(const char *name)
{
	for (int id = 0; id < SQL_COUNT; id++)
		if (strcmp(SQL_CATALOGUE[BACKEND_NATIVE][id].name, name) == 0)
			return (enum sql_id)id;
	fprintf(stderr, "no statement '%s'\n", name);
	exit(2);
}

static void
print_row(const struct rows *rows, const char *columns)
{
	char *list = strdup(columns), *state;

	for (char *c = strtok_r(list, ",", &state); c != NULL; c = strtok_r(NULL, ",", &state)) {
		const char *text = rows_get(rows, c);

		printf("%s=%s;", c, text == NULL ? "NULL" : text);
	}
	free(list);
}

static void
end(const char *name, enum adx_rc rc, const struct adx_error *err)
{
	printf("%s\n", rc == ADX_OK ? "end" : err->message);
	if (rc != ADX_OK)
		fprintf(stderr, "%s failed\n", name);
}

static enum adx_rc
print_rows(struct rows *rows, const char *columns, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_next(rows, &has, err);

	for (; rc == ADX_OK && has; rc = rows_next(rows, &has, err))
		print_row(rows, columns);
	return rc;
}

static void
live(struct db *db, char **argv, const char *const values[])
{
	struct adx_error err;
	struct rows *rows;
	enum adx_rc rc = stmt_open(db, statement(argv[0]), values, 2, &rows, &err);

	if (rc == ADX_OK)
		rc = print_rows(rows, argv[1], &err);
	rows_close(rows);
	end(argv[0], rc, &err);
}

static void
kept(struct db *db, char **argv)
{
	struct rowset *set = NULL;
	struct adx_error err;
	struct rows *rows;
	enum adx_rc rc = stmt_receive(db, &rows, &err);

	if (rc == ADX_OK)
		rc = rows_keep(rows, &set, &err);
	rows_close(rows);
	rows = NULL;
	if (rc == ADX_OK)
		rc = rowset_read(set, &rows, &err);
	rowset_release(set);
	if (rc == ADX_OK)
		rc = print_rows(rows, argv[1], &err);
	rows_close(rows);
	end(argv[0], rc, &err);
}

int
main(int argc, char **argv)
{
	struct db_settings settings = { .dsn = argv[1], .connect_timeout = 5 };
	const char *const values[] = { argv[2], argv[3] };
	struct adx_error err;
	struct db *db;
	enum adx_rc rc = db_open(&settings, &db, &err);

	if (rc != ADX_OK)
		return 3;
	for (int i = 4; i + 1 < argc; i += 2)
		live(db, argv + i, values);
	for (int i = 4; i + 1 < argc && rc == ADX_OK; i += 2)
		rc = stmt_send(db, statement(argv[i]), values, 2, &err);
	if (rc == ADX_OK)
		rc = stmt_mark(db, &err);
	for (int i = 4; i + 1 < argc && rc == ADX_OK; i += 2)
		kept(db, argv + i);
	stmt_drain(db);
	db_close(db);
	return rc == ADX_OK ? 0 : 1;
}
