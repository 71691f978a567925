#include "cache/cache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/cache_priv.h"
#include "cache/hash.h"
#include "cache/shard.h"

enum {
	SHARDS_USUAL = 16,
	SHARDS_MAX = 256,
};

struct waiter {
	cache_done *done;
	void *ctx;
	STAILQ_ENTRY(waiter) next;
};

/* The lock of its shard is over all of it, until nobody can find it any more. */
struct cache_fill {
	struct shard *shard;
	struct entry *entry; /* NULL when what comes shall not be kept */
	STAILQ_HEAD(, waiter) waiters;
};

struct cache {
	struct hash_seed seed;
	uint64_t (*clock)(void);
	_Atomic uint64_t lease; /* 0: without end */
	pthread_mutex_t lock;   /* of the two below */
	bool wanted;
	size_t max_bytes;
	atomic_bool on; /* what follows from the two, for all shards */
	size_t count;   /* a power of two */
	struct shard *shards;
};

static uint64_t
monotonic(void)
{
	struct timespec ts;

	/* It goes on while the machine sleeps. */
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void
cache_set_clock(struct cache *cache, uint64_t (*clock)(void))
{
	cache->clock = clock;
}

static struct place
place_of(const struct cache *cache, const struct cache_key *key)
{
	struct place place = { 0 };
	struct hash_seed within = cache->seed;

	place.host = hash_bytes(&cache->seed, key->host, strlen(key->host));
	within.k0 ^= place.host;
	place.account = hash_bytes(&within, key->username, strlen(key->username));
	place.key = hash_bytes(&cache->seed, key->bytes, key->len);
	return place;
}

/* By other bits than the chain in the shard. */
static struct shard *
shard_of(const struct cache *cache, const struct place *place)
{
	return &cache->shards[place->account >> 56 & (cache->count - 1)];
}

/* ---- making and setting ------------------------------------------------------------------ */

static size_t
shards_for(unsigned wanted)
{
	size_t count = 1;

	while (count < SHARDS_MAX && count < (wanted == 0 ? SHARDS_USUAL : wanted))
		count *= 2;
	return count;
}

static bool
make_shards(struct cache *cache, size_t wanted)
{
	cache->shards = aligned_alloc(alignof(struct shard), wanted * sizeof(struct shard));
	if (cache->shards == NULL)
		return false;
	while (cache->count < wanted)
		if (!shard_init(&cache->shards[cache->count++]))
			return false;
	return true;
}

struct cache *
cache_new(const struct cache_settings *settings)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	pthread_mutex_init(&cache->lock, NULL);
	cache->clock = monotonic;
	if (!hash_seed_random(&cache->seed) || !make_shards(cache, shards_for(settings->shards))) {
		cache_free(cache);
		return NULL;
	}
	cache_resize(cache, settings);
	return cache;
}

void
cache_free(struct cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < cache->count; i++)
		shard_end(&cache->shards[i]);
	free(cache->shards);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* With the lock of the cache. */
static void
switch_shards(struct cache *cache)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);
	bool on = cache->wanted && cache->max_bytes > 0;

	atomic_store(&cache->on, on);
	for (size_t i = 0; i < cache->count; i++) {
		struct shard *shard = &cache->shards[i];

		pthread_mutex_lock(&shard->lock);
		shard->on = on;
		if (!shard->on)
			shard_drop_all(shard, &gone);
		pthread_mutex_unlock(&shard->lock);
		entries_free(&gone);
	}
}

void
cache_switch(struct cache *cache, bool on)
{
	pthread_mutex_lock(&cache->lock);
	cache->wanted = on;
	switch_shards(cache);
	pthread_mutex_unlock(&cache->lock);
}

void
cache_resize(struct cache *cache, const struct cache_settings *settings)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);

	pthread_mutex_lock(&cache->lock);
	cache->max_bytes = settings->max_bytes;
	for (size_t i = 0; i < cache->count; i++) {
		struct shard *shard = &cache->shards[i];

		pthread_mutex_lock(&shard->lock);
		shard->ttl_ms = settings->ttl_ms;
		shard_resize(shard, settings->max_bytes / cache->count, &gone);
		pthread_mutex_unlock(&shard->lock);
		entries_free(&gone);
	}
	switch_shards(cache);
	pthread_mutex_unlock(&cache->lock);
}

static bool
is_leased(const struct cache *cache, uint64_t now)
{
	uint64_t lease = atomic_load_explicit(&cache->lease, memory_order_relaxed);

	return lease == 0 || now < lease;
}

void
cache_lease(struct cache *cache, uint64_t until)
{
	if (!is_leased(cache, cache->clock()))
		cache_drop_all(cache);
	atomic_store(&cache->lease, until);
}

/* ---- looking up -------------------------------------------------------------------------- */

static enum cache_found
join(struct cache_fill *fill, cache_done *done, void *ctx)
{
	struct waiter *waiter = malloc(sizeof(*waiter));

	if (waiter == NULL)
		return CACHE_OFF;
	waiter->done = done;
	waiter->ctx = ctx;
	STAILQ_INSERT_TAIL(&fill->waiters, waiter, next);
	fill->shard->waits++;
	return CACHE_WAIT;
}

static enum cache_found
begin(struct shard *shard, const struct cache_key *key, const struct place *place, uint64_t now,
      struct cache_fill **out)
{
	struct cache_fill *fill = malloc(sizeof(*fill));
	struct entry *entry = fill == NULL ? NULL : shard_add(shard, key, place, now, fill);

	if (entry == NULL) {
		free(fill);
		return CACHE_OFF;
	}
	fill->shard = shard;
	fill->entry = entry;
	STAILQ_INIT(&fill->waiters);
	shard->misses++;
	*out = fill;
	return CACHE_FILL;
}

static enum cache_found
hit(struct shard *shard, struct entry *entry, struct rowset **value)
{
	shard_touch(shard, entry);
	shard->hits++;
	*value = rowset_hold(entry->value);
	return CACHE_HIT;
}

enum cache_found
cache_lookup(struct cache *cache, const struct cache_key *key, cache_done *done, void *ctx,
	     struct rowset **value, struct cache_fill **fill)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct place place = place_of(cache, key);
	struct shard *shard = shard_of(cache, &place);
	enum cache_found found = CACHE_OFF;
	uint64_t now = cache->clock();
	struct entry *entry;

	*value = NULL;
	*fill = NULL;
	pthread_mutex_lock(&shard->lock);
	if (shard->on && is_leased(cache, now)) {
		entry = shard_find(shard, key, &place, now, &gone);
		if (entry == NULL)
			found = begin(shard, key, &place, now, fill);
		else if (entry->fill != NULL)
			found = join(entry->fill, done, ctx);
		else
			found = hit(shard, entry, value);
	}
	pthread_mutex_unlock(&shard->lock);
	entries_free(&gone);
	return found;
}

bool
cache_peek(struct cache *cache, const struct cache_key *key, struct rowset **value)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct place place = place_of(cache, key);
	struct shard *shard = shard_of(cache, &place);
	uint64_t now = cache->clock();
	struct entry *entry = NULL;

	*value = NULL;
	pthread_mutex_lock(&shard->lock);
	if (shard->on && is_leased(cache, now))
		entry = shard_find(shard, key, &place, now, &gone);
	if (entry != NULL && entry->fill == NULL)
		hit(shard, entry, value);
	pthread_mutex_unlock(&shard->lock);
	entries_free(&gone);
	return *value != NULL;
}

bool
cache_may_be_on(const struct cache *cache)
{
	return atomic_load_explicit(&cache->on, memory_order_relaxed);
}

/* ---- the end of a read ------------------------------------------------------------------- */

void
fill_detach(struct cache_fill *fill)
{
	fill->entry = NULL;
}

/* Nobody finds it any more. */
static void
tell_waiters(struct cache_fill *fill, struct rowset *value, const struct adx_error *err)
{
	struct waiter *next;

	for (struct waiter *w = STAILQ_FIRST(&fill->waiters); w != NULL; w = next) {
		next = STAILQ_NEXT(w, next);
		w->done(w->ctx, value, err);
		free(w);
	}
	free(fill);
}

void
cache_store(struct cache_fill *fill, struct rowset *value)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct shard *shard = fill->shard;

	pthread_mutex_lock(&shard->lock);
	if (fill->entry != NULL)
		shard_settle(shard, fill->entry, value, &gone);
	pthread_mutex_unlock(&shard->lock);
	entries_free(&gone);
	tell_waiters(fill, value, NULL);
}

/* Whatever it brings is not kept. */
static void
forget(struct cache_fill *fill)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct shard *shard = fill->shard;

	pthread_mutex_lock(&shard->lock);
	if (fill->entry != NULL)
		shard_take_out(shard, fill->entry, &gone);
	pthread_mutex_unlock(&shard->lock);
	entries_free(&gone);
}

void
cache_pass(struct cache_fill *fill, struct rowset *value)
{
	forget(fill);
	tell_waiters(fill, value, NULL);
}

void
cache_fail(struct cache_fill *fill, const struct adx_error *err)
{
	forget(fill);
	tell_waiters(fill, NULL, err);
}

/* ---- drops ------------------------------------------------------------------------------- */

static void
drop_scope(struct cache *cache, const char *host, const char *username)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct place place = place_of(cache, &(struct cache_key){ host, username, "", 0 });
	struct shard *shard = shard_of(cache, &place);

	pthread_mutex_lock(&shard->lock);
	shard_drop_account(shard, host, username, &place, &gone);
	pthread_mutex_unlock(&shard->lock);
	entries_free(&gone);
}

static bool
all_of_them(const char *name)
{
	return name == NULL || name[0] == '\0';
}

void
cache_drop_account(struct cache *cache, const char *host, const char *username)
{
	if (all_of_them(host) || all_of_them(username)) {
		cache_drop_host(cache, host);
		return;
	}
	drop_scope(cache, host, username);
	drop_scope(cache, host, "");
	drop_scope(cache, "", "");
}

void
cache_drop_host(struct cache *cache, const char *host)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct place place;

	if (all_of_them(host)) {
		cache_drop_all(cache);
		return;
	}
	place = place_of(cache, &(struct cache_key){ host, "", "", 0 });
	for (size_t i = 0; i < cache->count; i++) {
		struct shard *shard = &cache->shards[i];

		pthread_mutex_lock(&shard->lock);
		shard_drop_host(shard, host, &place, &gone);
		pthread_mutex_unlock(&shard->lock);
		entries_free(&gone);
	}
	drop_scope(cache, "", "");
}

void
cache_drop_all(struct cache *cache)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);

	for (size_t i = 0; i < cache->count; i++) {
		struct shard *shard = &cache->shards[i];

		pthread_mutex_lock(&shard->lock);
		shard_drop_all(shard, &gone);
		pthread_mutex_unlock(&shard->lock);
		entries_free(&gone);
	}
}

/* ---- numbers ----------------------------------------------------------------------------- */

static void
add_numbers(struct shard *shard, struct cache_info *out)
{
	pthread_mutex_lock(&shard->lock);
	out->hits += shard->hits;
	out->misses += shard->misses;
	out->waits += shard->waits;
	out->stores += shard->stores;
	out->evictions += shard->evictions;
	out->expired += shard->expired;
	out->drops += shard->drops;
	out->entries += shard->entries;
	out->bytes += shard->cold.bytes + shard->hot.bytes;
	pthread_mutex_unlock(&shard->lock);
}

void
cache_get_info(struct cache *cache, struct cache_info *out)
{
	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&cache->lock);
	out->max_bytes = cache->max_bytes;
	out->on = cache->wanted && cache->max_bytes > 0;
	pthread_mutex_unlock(&cache->lock);
	for (size_t i = 0; i < cache->count; i++)
		add_numbers(&cache->shards[i], out);
}
