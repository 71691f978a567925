/* What others changed, from their notifications into the cache. */
#ifndef ADMINEX_CACHE_APPLY_H
#define ADMINEX_CACHE_APPLY_H

#include <stdbool.h>

#include "cache/cache.h"
#include "db/db.h"

/*
 * Drop what the payload of a notification names; one that is not understood drops everything. Those
 * of the daemon own_id itself name what db_settings.dropped() was told already. True: tokens were
 * made or revoked, and are to be read anew.
 */
bool cache_apply(struct cache *cache, const char *payload, const char *own_id);
/* The same for what db_settings.dropped() gets. */
void cache_apply_drops(struct cache *cache, const struct db_drop *drops, size_t count);

#endif
