#include "transfer/tombstones.h"

#include <stdlib.h>
#include <string.h>

#include "base/pseudonym.h"
#include "db/array.h"
#include "db/rowset.h"

/* ---- what the database has ---------------------------------------------------------------- */

struct stone {
	char subject[PSEUDONYM_HEX_LEN + 1];
	const char *until; /* of the set */
};

struct stones {
	struct rowset *set;
	struct stone *items; /* by subject */
	size_t count;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct stone *)a)->subject, ((const struct stone *)b)->subject);
}

static enum adx_rc
keep(struct db *db, struct rowset **out, struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = stmt_open(db, SQL_TOMBSTONES_LIVE, NO_PARAMS, &rows, err);

	if (rc == ADX_OK)
		rc = rows_keep(rows, out, err);
	rows_close(rows);
	return rc;
}

static enum adx_rc
load(struct db *db, struct stones *out, struct adx_error *err)
{
	enum adx_rc rc = keep(db, &out->set, err);
	int subject, until;
	size_t len;

	if (rc != ADX_OK || rowset_rows(out->set) == 0)
		return rc;
	out->count = rowset_rows(out->set);
	out->items = calloc(out->count, sizeof(*out->items));
	if (out->items == NULL)
		return adx_nomem(err);
	subject = rowset_column(out->set, "subject");
	until = rowset_column(out->set, "until");
	for (size_t i = 0; i < out->count; i++) {
		const char *hex = rowset_text(out->set, i, subject, &len);

		memcpy(out->items[i].subject, hex,
		       len < PSEUDONYM_HEX_LEN ? len : PSEUDONYM_HEX_LEN);
		out->items[i].until = rowset_text(out->set, i, until, &len);
	}
	qsort(out->items, out->count, sizeof(*out->items), compare);
	return ADX_OK;
}

/* ---- what was read ------------------------------------------------------------------------ */

static enum adx_rc
look_up(const struct stones *stones, const struct pseudonym_key *key, const struct rows *rows,
	struct tombstones *out, struct adx_error *err)
{
	const char *host = rows_get(rows, "host"), *username = rows_get(rows, "username");
	const struct stone *found;
	struct stone wanted;
	enum adx_rc rc = pseudonym_of(key, host, username, wanted.subject, err);

	if (rc != ADX_OK)
		return rc;
	found = bsearch(&wanted, stones->items, stones->count, sizeof(*stones->items), compare);
	if (found == NULL)
		return ADX_OK;
	array_add(&out->hosts, host);
	array_add(&out->usernames, username);
	array_add(&out->untils, found->until);
	out->count++;
	return ADX_OK;
}

static enum adx_rc
look_all_up(struct db *db, const struct stones *stones, const char *key_file, enum sql_id accounts,
	    struct tombstones *out, struct adx_error *err)
{
	struct pseudonym_key *key;
	struct rows *rows = NULL;
	bool has;
	enum adx_rc rc = pseudonym_open(key_file, &key, err);

	if (rc == ADX_OK)
		rc = stmt_open(db, accounts, NO_PARAMS, &rows, err);
	while (rc == ADX_OK && (rc = rows_next(rows, &has, err)) == ADX_OK && has)
		rc = look_up(stones, key, rows, out, err);
	rows_close(rows);
	pseudonym_close(key);
	return rc;
}

enum adx_rc
tombstones_find(struct db *db, const char *key_file, enum sql_id accounts, struct tombstones *out,
		struct adx_error *err)
{
	struct stones stones = { 0 };
	enum adx_rc rc = ADX_OK;

	*out = (struct tombstones){ BUF_INIT, BUF_INIT, BUF_INIT, 0 };
	array_open(&out->hosts);
	array_open(&out->usernames);
	array_open(&out->untils);
	if (key_file[0] != '\0')
		rc = load(db, &stones, err);
	if (rc == ADX_OK && stones.count > 0)
		rc = look_all_up(db, &stones, key_file, accounts, out, err);
	rowset_release(stones.set);
	free(stones.items);
	array_close(&out->hosts);
	array_close(&out->usernames);
	array_close(&out->untils);
	if (rc == ADX_OK &&
	    !(buf_ok(&out->hosts) && buf_ok(&out->usernames) && buf_ok(&out->untils)))
		rc = adx_nomem(err);
	return rc;
}

void
tombstones_free(struct tombstones *tombstones)
{
	buf_free(&tombstones->hosts);
	buf_free(&tombstones->usernames);
	buf_free(&tombstones->untils);
}
