/*
 * The result cache: what a statement answered is kept until a write drops it, its time is over, or
 * its room is needed. Many asking for the same at once are one statement ("single flight").
 *
 * Every function may be called from any thread at any time, but cache_free(). None waits for more
 * than a short lock. The rules of coherence:
 *
 * - A value is kept only when nothing dropped its key between the lookup that began the read and
 *   the store. So after cache_drop_*() has returned, no lookup gives, or waits for, what was read
 *   from the database before that call. Drop after COMMIT and before the reply.
 * - What a read answered goes to those who waited for it, kept or not: they asked before the drop.
 * - A failure goes to those who wait, and is forgotten.
 *
 * What is used again stands up to a scan of things used once (a segmented LRU, its hot half a
 * CLOCK).
 */
#ifndef ADMINEX_CACHE_H
#define ADMINEX_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "db/catalogue.h"
#include "db/rowset.h"

struct cache;
struct cache_fill; /* a read under way, and those who wait for it */

struct cache_settings {
	size_t max_bytes; /* of all entries, with their keys and tables; 0: keep nothing, be off */
	unsigned ttl_ms;  /* counted from the lookup that began the read; 0: without end */
	unsigned shards;  /* a power of two up to 256, else the next one; 0: 16 */
};

/*
 * What is asked, borrowed for the call. host and username say which drops concern it: both "" for
 * what depends on more than one host, username "" for what depends on all of a host.
 */
struct cache_key {
	const char *host, *username;
	const char *bytes; /* the statement and all its parameters */
	size_t len;
};

enum cache_found {
	CACHE_OFF,  /* run the statement; the cache has no part in it */
	CACHE_HIT,  /* *value is held for the caller: rowset_release() */
	CACHE_FILL, /* run it, then end *fill, once, with cache_store(), _pass() or _fail() */
	CACHE_WAIT, /* another runs it; done() will be called, once */
};

/*
 * The end of a wait: the rows, borrowed for the call (rowset_hold() keeps them), or NULL with what
 * failed. On the thread of whoever ends the fill, outside all locks: it may use the cache. A
 * failure that was the other's alone, its limit of time perhaps, is a reason to look up again.
 */
typedef void cache_done(void *ctx, struct rowset *value, const struct adx_error *err);

struct cache_info {
	uint64_t hits;
	uint64_t misses; /* CACHE_FILL */
	uint64_t waits;  /* CACHE_WAIT */
	uint64_t stores; /* entries made; each leaves by one of the next three */
	uint64_t evictions;
	uint64_t expired;
	uint64_t drops;
	size_t entries, bytes, max_bytes;
	bool on;
};

/*
 * Off until cache_switch(): a cache that nobody tells of writes yet must not be asked. NULL when
 * out of memory. cache_free() comes after the end of all fills and of all threads that use it.
 */
struct cache *cache_new(const struct cache_settings *settings);
void cache_free(struct cache *cache);

/*
 * The key of a statement with its values. `scratch` holds what *out points to, beside the values;
 * it is cleared first. False when the statement is none to be cached, or without memory: run it.
 */
bool cache_key_make(const struct sql_statement *statement, enum sql_id id,
		    const char *const values[], struct buf *scratch, struct cache_key *out);

/* done and ctx are for CACHE_WAIT; *value and *fill are NULL but where cache_found says more. */
enum cache_found cache_lookup(struct cache *cache, const struct cache_key *key, cache_done *done,
			      void *ctx, struct rowset **value, struct cache_fill **fill);
/* Only a hit: *value is held for the caller; false, and nothing is begun, when there is none. */
bool cache_peek(struct cache *cache, const struct cache_key *key, struct rowset **value);
/* False: a lookup would say CACHE_OFF, and needs no key. True: perhaps not. */
bool cache_may_be_on(const struct cache *cache);
/* The value stays the caller's; the cache holds it by itself. A large one is not kept. */
void cache_store(struct cache_fill *fill, struct rowset *value);
/* The same, but it is not to be kept: it goes to those who wait only. */
void cache_pass(struct cache_fill *fill, struct rowset *value);
void cache_fail(struct cache_fill *fill, const struct adx_error *err);

/*
 * What a write changed. An account: what is known of it, of all of its host, and of all hosts. A
 * host: what is known of any of its accounts, of the host, and of all hosts. A name that is NULL or
 * "" stands for all of them.
 */
void cache_drop_account(struct cache *cache, const char *host, const char *username);
void cache_drop_host(struct cache *cache, const char *host);
void cache_drop_all(struct cache *cache);

/* Off: empty, and no read under way is kept. On again, it begins anew. */
void cache_switch(struct cache *cache, bool on);
/*
 * On only until that time, in milliseconds of CLOCK_BOOTTIME, unless it is said anew before; 0, as
 * at first, is without end. A lease that ran out in between begins with an empty cache.
 */
void cache_lease(struct cache *cache, uint64_t until);
/* Take a new size and ttl, at once; the number of shards stays as it is. */
void cache_resize(struct cache *cache, const struct cache_settings *settings);
/* Each number is right by itself; together they are so when nothing else happens. */
void cache_get_info(struct cache *cache, struct cache_info *out);

#endif
