#include "cache/apply.h"

#include "db/drops.h"

void
cache_apply_drops(struct cache *cache, const struct db_drop *drops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct db_drop *drop = &drops[i];

		if (drop->scope == SCOPE_ACCOUNT)
			cache_drop_account(cache, drop->host, drop->username);
		else if (drop->scope == SCOPE_HOST)
			cache_drop_host(cache, drop->host);
		else
			cache_drop_all(cache);
	}
}

bool
cache_apply(struct cache *cache, const char *payload, const char *own_id)
{
	struct told told;

	told_read(payload, own_id, &told);
	if (!told.own)
		cache_apply_drops(cache, told.drops.items, told.drops.count);
	drops_clear(&told.drops);
	return told.tokens;
}
