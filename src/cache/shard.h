/*
 * One part of the cache, with a lock of its own. An entry is found by its key and, for drops, by
 * its account and by its host; while its value is still being read it has a fill instead.
 *
 * But for shard_init() and shard_end() the caller has the lock. What is taken out goes into a list
 * of the caller's, to be freed with entries_free() when the lock is released.
 */
#ifndef ADMINEX_SHARD_H
#define ADMINEX_SHARD_H

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cache/cache.h"

struct entry;
LIST_HEAD(chain, entry);
TAILQ_HEAD(entry_list, entry);

struct place {
	uint64_t key, account, host; /* hashes */
};

/* What a hit looks at stands together, behind the rest: memory that was not used lately is slow. */
struct entry {
	LIST_ENTRY(entry) by_account, by_host;
	TAILQ_ENTRY(entry) order;
	const char *host, *username;
	size_t size; /* with the value */
	struct place place;
	LIST_ENTRY(entry) by_key;
	struct cache_fill *fill; /* NULL once it has a value */
	struct rowset *value;
	uint64_t since; /* milliseconds; when the read began */
	bool hot;       /* used since it came */
	bool used;      /* and once more since it was looked at whether it is to stay hot */
	size_t len;
	char bytes[]; /* of the key; host and username stand behind */
};

/* The most recent first; of the hot about so. */
struct segment {
	struct entry_list list;
	size_t bytes;
};

struct shard_tables {
	size_t size, hosts; /* chains for keys and for accounts, chains for hosts; powers of two */
	struct chain *by_key, *by_account, *by_host;
};

struct shard {
	alignas(64) pthread_mutex_t lock;
	bool on;
	unsigned ttl_ms;
	size_t capacity; /* bytes of entries */
	size_t entries;
	struct segment cold, hot;
	struct shard_tables tables;
	uint64_t hits, misses, waits, stores, evictions, expired, drops;
};

bool shard_init(struct shard *shard);
void shard_end(struct shard *shard);

/* A new bound, tables included; what does not fit any more goes. */
void shard_resize(struct shard *shard, size_t bytes, struct entry_list *gone);

/* NULL when there is none that may be given at this time. */
struct entry *shard_find(struct shard *shard, const struct cache_key *key,
			 const struct place *place, uint64_t now, struct entry_list *gone);
/* An entry without a value yet, or NULL without memory. */
struct entry *shard_add(struct shard *shard, const struct cache_key *key, const struct place *place,
			uint64_t now, struct cache_fill *fill);
/* The entry gets its value and loses its fill, or goes because the value is too large. */
void shard_settle(struct shard *shard, struct entry *entry, struct rowset *value,
		  struct entry_list *gone);
/* The entry was used. */
void shard_touch(struct shard *shard, struct entry *entry);
/* Its fill, if it still has one, is told. */
void shard_take_out(struct shard *shard, struct entry *entry, struct entry_list *gone);

void shard_drop_account(struct shard *shard, const char *host, const char *username,
			const struct place *place, struct entry_list *gone);
void shard_drop_host(struct shard *shard, const char *host, const struct place *place,
		     struct entry_list *gone);
void shard_drop_all(struct shard *shard, struct entry_list *gone);

void entries_free(struct entry_list *gone);

/* Of cache.c: the fill has no entry any more, and what it brings is not kept. */
void fill_detach(struct cache_fill *fill);

#endif
