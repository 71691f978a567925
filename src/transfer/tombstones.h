/*
 * Accounts of an import whose names were erased and may not be registered yet: tombstones hold
 * keyed hashes, so the names that were read are hashed here and looked up.
 */
#ifndef ADMINEX_TOMBSTONES_H
#define ADMINEX_TOMBSTONES_H

#include "base/buf.h"
#include "db/stmt.h"

/* Arrays that go together, for the statements: who, and until when. */
struct tombstones {
	struct buf hosts, usernames, untils;
	size_t count;
};

/*
 * Look the accounts up that a statement gives, by its columns host and username. Without a key file
 * ("") or a tombstone nobody is looked at, and the key not read. The caller frees what is in *out
 * with tombstones_free(), whatever is returned.
 */
ADX_MUST_CHECK enum adx_rc tombstones_find(struct db *db, const char *key_file,
					   enum sql_id accounts, struct tombstones *out,
					   struct adx_error *err);
void tombstones_free(struct tombstones *tombstones);

#endif
