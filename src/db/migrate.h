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
/* Outside the numbers: made and taken back by migrate_cache_triggers(). */
extern const struct migration MIGRATION_CACHE_TRIGGERS;

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

/*
 * Make the triggers by which changes of others than this program are told to the daemons, or take
 * them away; what is so already is made anew. Refused on Citus, and on a schema that is not the
 * newest.
 */
ADX_MUST_CHECK enum adx_rc migrate_cache_triggers(struct db *db, bool on, struct adx_error *err);
/* "on", "off" or "incomplete". */
ADX_MUST_CHECK enum adx_rc migrate_cache_triggers_state(struct db *db, char out[16],
							struct adx_error *err);

#endif
