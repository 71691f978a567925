/*
 * The schema's migrations, built into the program from migrations/. Each runs in one transaction
 * under an advisory lock, so two migrators at once are safe. A database that is newer than the
 * program is refused.
 */
#ifndef ADMINEX_MIGRATE_H
#define ADMINEX_MIGRATE_H

#include <stdbool.h>

#include "adminex/error.h"
#include "db/db.h"

struct migration {
	int version;
	const char *name;
	const char *up;
	const char *down;
};

extern const struct migration MIGRATIONS[];
extern const int MIGRATION_COUNT;

/* Told of each migration when its transaction has ended. */
typedef void migrate_told(void *ctx, const struct migration *migration, bool up);

/* The version the database is at, 0 before the first migration. Writes nothing. */
ADX_MUST_CHECK enum adx_rc migrate_version(struct db *db, int *version, struct adx_error *err);
/* When a migration was applied, "" when it was not. */
ADX_MUST_CHECK enum adx_rc migrate_applied_at(struct db *db, int version, char out[32],
					      struct adx_error *err);
/* Apply what is missing up to `target`. */
ADX_MUST_CHECK enum adx_rc migrate_up(struct db *db, int target, migrate_told *told, void *ctx,
				      struct adx_error *err);
/* Take the newest `steps` migrations back. */
ADX_MUST_CHECK enum adx_rc migrate_down(struct db *db, int steps, migrate_told *told, void *ctx,
					struct adx_error *err);

#endif
