/* The statement whose text the server makes: see stmt.h. */
#include <stdlib.h>
#include <string.h>

#include "db/pg.h"
#include "db/stmt.h"

void
built_free(struct built *built)
{
	if (built == NULL)
		return;
	if (built->free_about != NULL)
		built->free_about(built->about);
	free(built->label);
	free(built->text);
	free(built);
}

void
stmt_unbuild(struct db *db)
{
	built_free(db->built);
	db->built = NULL;
	db->prepared[SQL_BUILT] = false;
}

void *
stmt_built(const struct db *db, const char *label)
{
	if (db->built == NULL || strcmp(db->built->label, label) != 0)
		return NULL;
	return db->built->about;
}

static enum adx_rc
read_text(struct db *db, enum sql_id maker, const char *const values[], size_t count, char **text,
	  struct adx_error *err)
{
	struct rows *rows;
	size_t len;
	const char *made;
	enum adx_rc rc = stmt_one(db, maker, values, count, &rows, err);

	*text = NULL;
	if (rc != ADX_OK)
		return rc;
	made = rows == NULL ? NULL : rows_text(rows, 0, &len);
	if (made == NULL)
		rc = adx_fail(err, ADX_EFAIL, "%s made no statement",
			      statement_of(db, maker)->name);
	else if ((*text = strdup(made)) == NULL)
		rc = adx_nomem(err);
	rows_close(rows);
	return rc;
}

enum adx_rc
stmt_build(struct db *db, enum sql_id maker, const char *const values[], size_t count,
	   const char *label, void *about, void (*free_about)(void *about), struct adx_error *err)
{
	const struct sql_statement *made_by = statement_of(db, maker);
	struct built *built = calloc(1, sizeof(*built));
	enum adx_rc rc;

	if (built == NULL) {
		free_about(about);
		return adx_nomem(err);
	}
	built->about = about;
	built->free_about = free_about;
	built->label = strdup(label);
	rc = built->label == NULL ? adx_nomem(err)
				  : read_text(db, maker, values, count, &built->text, err);
	if (rc != ADX_OK) {
		built_free(built);
		return rc;
	}
	stmt_unbuild(db);
	built->statement = (struct sql_statement){ .name = BUILT_NAME,
						   .kind = SQL_MANY_KIND,
						   .file = made_by->file,
						   .line = made_by->line,
						   .text = built->text };
	db->built = built;
	return ADX_OK;
}

enum adx_rc
stmt_open_built(struct db *db, const char *const values[], size_t count, struct rows **out,
		struct adx_error *err)
{
	*out = NULL;
	if (db->built == NULL)
		return adx_fail(err, ADX_EFAIL, "no statement was built");
	db->built->statement.params = (int)count;
	return stmt_open(db, SQL_BUILT, values, count, out, err);
}
