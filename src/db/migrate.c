#include "db/migrate.h"

#include <stdio.h>
#include <string.h>

#include "db/stmt.h"

/* Is the table there? Also refuses an encoding that cannot hold what XMPP servers store. */
static enum adx_rc
look(struct db *db, bool *prepared, bool *has_schema, struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = stmt_one(db, SQL_MIGRATE_PREPARED, NO_PARAMS, &rows, err);

	if (rc != ADX_OK)
		return rc;
	*prepared = rows_get_bool(rows, "prepared");
	*has_schema = rows_get_bool(rows, "has_schema");
	if (strcmp(rows_get(rows, "encoding"), "UTF8") != 0) {
		rc = adx_fail(err, ADX_EFAIL, "the database's encoding is %s, not UTF8",
			      rows_get(rows, "encoding"));
		adx_hint(err, "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
	}
	rows_close(rows);
	return rc;
}

static enum adx_rc
check_not_newer(int version, struct adx_error *err)
{
	if (version <= MIGRATION_COUNT)
		return ADX_OK;
	adx_fail(err, ADX_EFAIL,
		 "the database is at schema version %d, newer than this program's version %d",
		 version, MIGRATION_COUNT);
	adx_hint(err, "use the adminex that migrated it, or a newer one");
	return ADX_EFAIL;
}

static enum adx_rc
read_version(struct db *db, int *version, struct adx_error *err)
{
	int64_t found = 0;
	enum adx_rc rc = stmt_int64(db, SQL_MIGRATE_VERSION, NO_PARAMS, &found, err);

	*version = (int)found;
	return rc == ADX_OK ? check_not_newer(*version, err) : rc;
}

enum adx_rc
migrate_version(struct db *db, int *version, struct adx_error *err)
{
	bool prepared = false, has_schema;
	enum adx_rc rc = look(db, &prepared, &has_schema, err);

	*version = 0;
	if (rc != ADX_OK || !prepared)
		return rc;
	return read_version(db, version, err);
}

enum adx_rc
migrate_applied_at(struct db *db, int version, char out[32], struct adx_error *err)
{
	char number[16];
	struct rows *rows;
	enum adx_rc rc;

	snprintf(number, sizeof(number), "%d", version);
	rc = stmt_one(db, SQL_MIGRATE_APPLIED, PARAMS(number), &rows, err);
	snprintf(out, 32, "%s", rc == ADX_OK && rows != NULL ? rows_get(rows, "applied_at") : "");
	rows_close(rows);
	return rc;
}

/* Inside the transaction, under the lock: make the table where it is missing, tell the version. */
static enum adx_rc
enter(struct db *db, int *version, struct adx_error *err)
{
	bool prepared = false, has_schema = false;
	enum adx_rc rc = stmt_exec(db, SQL_MIGRATE_LOCK, NO_PARAMS, err);

	if (rc == ADX_OK)
		rc = look(db, &prepared, &has_schema, err);
	if (rc == ADX_OK && !has_schema)
		rc = stmt_exec(db, SQL_MIGRATE_CREATE_SCHEMA, NO_PARAMS, err);
	if (rc == ADX_OK && !prepared)
		rc = stmt_exec(db, SQL_MIGRATE_CREATE_TABLE, NO_PARAMS, err);
	return rc == ADX_OK ? read_version(db, version, err) : rc;
}

static enum adx_rc
apply(struct db *db, const struct migration *m, bool up, struct adx_error *err)
{
	char number[16];
	enum adx_rc rc = db_script(db, up ? m->up : m->down, err);

	snprintf(number, sizeof(number), "%d", m->version);
	if (rc != ADX_OK) {
		struct adx_error why = *err;

		snprintf(err->message, sizeof(err->message), "migration %04d_%.60s (%s): %.600s",
			 m->version, m->name, up ? "up" : "down", why.message);
		return rc;
	}
	rc = up ? stmt_exec(db, SQL_MIGRATE_RECORD, PARAMS(number, m->name), err)
		: stmt_exec(db, SQL_MIGRATE_FORGET, PARAMS(number), err);
	return rc == ADX_OK ? stmt_exec(db, SQL_MIGRATE_NOTIFY, NO_PARAMS, err) : rc;
}

/* One migration in one transaction; *done is NULL when there is nothing left to do. */
static enum adx_rc
step(struct db *db, bool up, int target, const struct migration **done, struct adx_error *err)
{
	int version;
	enum adx_rc rc;

	*done = NULL;
	db_begin(db, DB_WRITE);
	rc = enter(db, &version, err);
	if (rc == ADX_OK && (up ? version < target : version > target)) {
		*done = &MIGRATIONS[up ? version : version - 1];
		rc = apply(db, *done, up, err);
	}
	if (rc != ADX_OK) {
		db_rollback(db);
		return rc;
	}
	return db_commit(db, err);
}

static enum adx_rc
go(struct db *db, bool up, int target, migrate_told *told, void *ctx, struct adx_error *err)
{
	const struct migration *done;
	enum adx_rc rc;

	while ((rc = step(db, up, target, &done, err)) == ADX_OK && done != NULL)
		told(ctx, done, up);
	return rc;
}

enum adx_rc
migrate_up(struct db *db, int target, migrate_told *told, void *ctx, struct adx_error *err)
{
	if (target > MIGRATION_COUNT)
		return adx_fail(err, ADX_EINVAL, "there is no migration %d; the newest is %d",
				target, MIGRATION_COUNT);
	return go(db, true, target, told, ctx, err);
}

enum adx_rc
migrate_down(struct db *db, int steps, migrate_told *told, void *ctx, struct adx_error *err)
{
	int version;
	enum adx_rc rc = migrate_version(db, &version, err);

	if (rc != ADX_OK)
		return rc;
	if (steps > version)
		return adx_fail(err, ADX_EINVAL,
				"only %d migrations are applied, %d cannot be "
				"taken back",
				version, steps);
	return go(db, false, version - steps, told, ctx, err);
}

/* ---- optional ---------------------------------------------------------------------------- */

static enum adx_rc
check_citus(struct db *db, struct adx_error *err)
{
	struct rows *rows;
	bool citus = false;
	enum adx_rc rc = stmt_one(db, SQL_MIGRATE_CITUS, NO_PARAMS, &rows, err);

	if (rc == ADX_OK)
		citus = rows_get_bool(rows, "exists");
	rows_close(rows);
	if (!citus)
		return rc;
	adx_fail(err, ADX_EFAIL,
		 "cache triggers cannot be on with Citus, which refuses NOTIFY in "
		 "triggers");
	adx_hint(err, "what others than adminex change is seen when services.cache.ttl is over");
	return ADX_EFAIL;
}

static enum adx_rc
check_newest(struct db *db, struct adx_error *err)
{
	int version;
	enum adx_rc rc = migrate_version(db, &version, err);

	if (rc != ADX_OK || version == MIGRATION_COUNT)
		return rc;
	adx_fail(err, ADX_EFAIL,
		 "the database is at schema version %d, older than this program's "
		 "version %d",
		 version, MIGRATION_COUNT);
	adx_hint(err, "run 'adminex migrate' first");
	return ADX_EFAIL;
}

static enum adx_rc
switch_triggers(struct db *db, bool on, struct adx_error *err)
{
	enum adx_rc rc = stmt_exec(db, SQL_MIGRATE_LOCK, NO_PARAMS, err);

	if (rc == ADX_OK)
		rc = check_newest(db, err);
	if (rc == ADX_OK && on)
		rc = check_citus(db, err);
	if (rc == ADX_OK)
		rc = db_script(db, MIGRATION_CACHE_TRIGGERS.down, err);
	if (rc == ADX_OK && on)
		rc = db_script(db, MIGRATION_CACHE_TRIGGERS.up, err);
	/* What was changed before nobody was told. */
	return rc == ADX_OK ? stmt_exec(db, SQL_MIGRATE_NOTIFY, NO_PARAMS, err) : rc;
}

enum adx_rc
migrate_cache_triggers(struct db *db, bool on, struct adx_error *err)
{
	enum adx_rc rc;

	db_begin(db, DB_WRITE);
	rc = switch_triggers(db, on, err);
	if (rc == ADX_OK)
		return db_commit(db, err);
	db_rollback(db);
	return rc;
}

enum adx_rc
migrate_cache_triggers_state(struct db *db, char out[16], struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = stmt_one(db, SQL_MIGRATE_CACHE_TRIGGERS, NO_PARAMS, &rows, err);

	snprintf(out, 16, "%s", rc == ADX_OK ? rows_get(rows, "state") : "");
	rows_close(rows);
	return rc;
}
