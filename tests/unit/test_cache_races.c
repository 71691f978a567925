/*
 * The cache between threads, beside a "database" of versions. A writer raises the version of what
 * it writes, drops, and then says which version it has written; whoever asks after that must never
 * get an older one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/cache.h"

enum {
	HOSTS = 3,
	ACCOUNTS = 4, /* of each host */
	READERS = 4,
	WRITERS = 2,
	MILLISECONDS = 2000,
	STATEMENTS = 6, /* that read the same thing */
	BYTES = 16000,  /* too few for all, so that there are evictions too */
};

/* What is read: an account, or with user ACCOUNTS a host, or with host HOSTS too all of them. */
struct thing {
	atomic_int version; /* committed */
	atomic_int told;    /* a write of this version has had its reply */
};

struct world {
	struct cache *cache;
	struct thing things[HOSTS + 1][ACCOUNTS + 1];
	atomic_bool over;
	atomic_int stale, wrong, waiting;
	atomic_int hits, fills, waits, offs;
};

struct reader {
	struct world *world;
	unsigned seed;
};

struct asked {
	struct world *world;
	int floor; /* what had its reply before the question */
};

static unsigned
chance(unsigned *seed, unsigned below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* So that others come in between, also on one processor. */
static void
dawdle(unsigned *seed)
{
	if (chance(seed, 4) == 0)
		sched_yield();
	if (chance(seed, 64) == 0)
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
}

/* ---- reading ----------------------------------------------------------------------------- */

static struct rowset *
version_value(int version)
{
	struct rowset_builder b;
	struct rowset *set;
	struct adx_error err;
	char text[16];

	snprintf(text, sizeof(text), "%d", version);
	rowset_begin(&b, 1);
	rowset_add(&b, "version", 7);
	rowset_add(&b, text, strlen(text));
	if (rowset_end(&b, &set, &err) != ADX_OK)
		abort();
	return set;
}

static void
check(struct world *world, int floor, const struct rowset *value)
{
	size_t len;

	if (atoi(rowset_text(value, 0, 0, &len)) < floor)
		atomic_fetch_add(&world->stale, 1);
}

static void
take(void *ctx, struct rowset *value, const struct adx_error *err)
{
	struct asked *asked = ctx;

	if (value != NULL)
		check(asked->world, asked->floor, value);
	else if (err->rc != ADX_EINTR)
		atomic_fetch_add(&asked->world->wrong, 1);
	atomic_fetch_sub(&asked->world->waiting, 1);
	free(asked);
}

static void
fill(struct reader *reader, struct thing *thing, int floor, struct cache_fill *under_way)
{
	struct rowset *value;
	struct adx_error err;

	dawdle(&reader->seed);
	value = version_value(atomic_load(&thing->version));
	dawdle(&reader->seed);
	check(reader->world, floor, value);
	if (chance(&reader->seed, 16) == 0) {
		adx_fail(&err, ADX_EINTR, "cancelled");
		cache_fail(under_way, &err);
	} else {
		cache_store(under_way, value);
	}
	rowset_release(value);
}

static void
read_once(struct reader *reader)
{
	struct world *world = reader->world;
	unsigned host = chance(&reader->seed, HOSTS + 1);
	unsigned user = host == HOSTS ? ACCOUNTS : chance(&reader->seed, ACCOUNTS + 1);
	struct thing *thing = &world->things[host][user];
	struct asked *asked = calloc(1, sizeof(*asked));
	char hostname[16] = "", username[16] = "", bytes[32];
	struct cache_key key = { hostname, username, bytes, 0 };
	struct cache_fill *under_way;
	struct rowset *value;

	if (host < HOSTS)
		snprintf(hostname, sizeof(hostname), "h%u", host);
	if (user < ACCOUNTS)
		snprintf(username, sizeof(username), "u%u", user);
	key.len = (size_t)snprintf(bytes, sizeof(bytes), "%u %u %u",
				   chance(&reader->seed, STATEMENTS), host, user);
	asked->world = world;
	asked->floor = atomic_load(&thing->told);
	atomic_fetch_add(&world->waiting, 1);
	switch (cache_lookup(world->cache, &key, take, asked, &value, &under_way)) {
	case CACHE_WAIT: atomic_fetch_add(&world->waits, 1); return;
	case CACHE_HIT:
		atomic_fetch_add(&world->hits, 1);
		check(world, asked->floor, value);
		rowset_release(value);
		break;
	case CACHE_FILL:
		atomic_fetch_add(&world->fills, 1);
		fill(reader, thing, asked->floor, under_way);
		break;
	case CACHE_OFF: atomic_fetch_add(&world->offs, 1); break;
	}
	atomic_fetch_sub(&world->waiting, 1);
	free(asked);
}

static void *
read_on(void *ctx)
{
	struct reader *reader = ctx;

	while (!atomic_load(&reader->world->over))
		read_once(reader);
	return NULL;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void
raise_to(atomic_int *at, int version)
{
	int old = atomic_load(at);

	while (old < version && !atomic_compare_exchange_weak(at, &old, version))
		continue;
}

struct written {
	struct thing *thing;
	int version;
};

static size_t
commit(struct world *world, unsigned host, unsigned user, struct written *written, size_t count)
{
	struct thing *thing = &world->things[host][user];

	written[count].thing = thing;
	written[count].version = atomic_fetch_add(&thing->version, 1) + 1;
	return count + 1;
}

static void
write_once(struct reader *writer)
{
	struct world *world = writer->world;
	struct written written[ACCOUNTS + 2];
	unsigned host = chance(&writer->seed, HOSTS), user = chance(&writer->seed, ACCOUNTS);
	bool whole = chance(&writer->seed, 8) == 0;
	char hostname[16], username[16];
	size_t count = 0;

	snprintf(hostname, sizeof(hostname), "h%u", host);
	snprintf(username, sizeof(username), "u%u", user);
	count = commit(world, HOSTS, ACCOUNTS, written, count);
	count = commit(world, host, ACCOUNTS, written, count);
	for (unsigned u = whole ? 0 : user; u < (whole ? ACCOUNTS : user + 1); u++)
		count = commit(world, host, u, written, count);
	if (chance(&writer->seed, 64) == 0)
		cache_drop_all(world->cache);
	else if (whole)
		cache_drop_host(world->cache, hostname);
	else
		cache_drop_account(world->cache, hostname, username);
	for (size_t i = 0; i < count; i++)
		raise_to(&written[i].thing->told, written[i].version);
}

static void *
write_on(void *ctx)
{
	struct reader *writer = ctx;

	while (!atomic_load(&writer->world->over)) {
		write_once(writer);
		nanosleep(&(struct timespec){ 0, 20000 }, NULL);
	}
	return NULL;
}

/* ---- an operator ------------------------------------------------------------------------- */

static void
look_at(struct world *world)
{
	struct cache_info info;

	cache_get_info(world->cache, &info);
	if (info.bytes > 2 * BYTES)
		atomic_fetch_add(&world->wrong, 1);
}

static void *
operate(void *ctx)
{
	struct world *world = ctx;

	for (unsigned i = 0; !atomic_load(&world->over); i++) {
		look_at(world);
		cache_resize(world->cache,
			     &(struct cache_settings){ i % 2 == 0 ? BYTES : 2 * BYTES, 3, 0 });
		if (i % 8 == 0)
			cache_switch(world->cache, false);
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		cache_switch(world->cache, true);
		nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	}
	return NULL;
}

static void
test_cache_never_gives_an_old_value(void **state)
{
	static struct world world;
	struct reader readers[READERS + WRITERS];
	pthread_t threads[READERS + WRITERS + 1];
	struct cache_info info;

	(void)state;
	world.cache = cache_new(&(struct cache_settings){ BYTES, 3, 4 });
	assert_non_null(world.cache);
	cache_switch(world.cache, true);
	for (unsigned i = 0; i < READERS + WRITERS; i++) {
		readers[i] = (struct reader){ &world, i };
		assert_int_equal(pthread_create(&threads[i], NULL, i < READERS ? read_on : write_on,
						&readers[i]),
				 0);
	}
	assert_int_equal(pthread_create(&threads[READERS + WRITERS], NULL, operate, &world), 0);
	nanosleep(&(struct timespec){ MILLISECONDS / 1000, 0 }, NULL);
	atomic_store(&world.over, true);
	for (unsigned i = 0; i < READERS + WRITERS + 1; i++)
		pthread_join(threads[i], NULL);
	cache_get_info(world.cache, &info);
	print_message("%d hits, %d fills, %d waits, %d off; %d drops, %d evictions, %d expired\n",
		      atomic_load(&world.hits), atomic_load(&world.fills),
		      atomic_load(&world.waits), atomic_load(&world.offs), (int)info.drops,
		      (int)info.evictions, (int)info.expired);
	assert_int_equal(atomic_load(&world.stale), 0);
	assert_int_equal(atomic_load(&world.wrong), 0);
	/* Every wait has ended. */
	assert_int_equal(atomic_load(&world.waiting), 0);
	/* It all happened, and all was counted. */
	assert_true(world.hits > 0 && world.waits > 0 && world.offs > 0);
	assert_true(info.drops > 0 && info.evictions > 0 && info.expired > 0);
	assert_int_equal(info.hits, atomic_load(&world.hits));
	assert_int_equal(info.misses, atomic_load(&world.fills));
	assert_int_equal(info.waits, atomic_load(&world.waits));
	assert_int_equal(info.stores, info.entries + info.evictions + info.expired + info.drops);
	cache_free(world.cache);
}

/* ---- one flight -------------------------------------------------------------------------- */

struct flight {
	struct cache *cache;
	pthread_barrier_t start;
	atomic_int asked, fills, waits, told;
};

static void
count_told(void *ctx, struct rowset *value, const struct adx_error *err)
{
	struct flight *flight = ctx;

	(void)err;
	atomic_fetch_add(&flight->told, value != NULL);
}

static void *
ask_at_once(void *ctx)
{
	struct flight *flight = ctx;
	struct cache_key key = { "example.org", "romeo", "x", 1 };
	struct cache_fill *fill;
	struct rowset *value;
	enum cache_found found;

	pthread_barrier_wait(&flight->start);
	found = cache_lookup(flight->cache, &key, count_told, flight, &value, &fill);
	atomic_fetch_add(&flight->asked, 1);
	atomic_fetch_add(&flight->waits, found == CACHE_WAIT);
	if (found != CACHE_FILL)
		return NULL;
	atomic_fetch_add(&flight->fills, 1);
	while (atomic_load(&flight->asked) < READERS)
		sched_yield();
	value = version_value(1);
	cache_store(fill, value);
	rowset_release(value);
	return NULL;
}

static void
test_cache_threads_at_once_are_one_read(void **state)
{
	(void)state;
	for (int again = 0; again < 50; again++) {
		struct flight flight = { 0 };
		pthread_t threads[READERS];

		flight.cache = cache_new(&(struct cache_settings){ 1 << 20, 0, 0 });
		assert_non_null(flight.cache);
		cache_switch(flight.cache, true);
		pthread_barrier_init(&flight.start, NULL, READERS);
		for (int i = 0; i < READERS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, ask_at_once, &flight),
					 0);
		for (int i = 0; i < READERS; i++)
			pthread_join(threads[i], NULL);
		assert_int_equal(atomic_load(&flight.fills), 1);
		assert_int_equal(atomic_load(&flight.waits), READERS - 1);
		assert_int_equal(atomic_load(&flight.told), READERS - 1);
		pthread_barrier_destroy(&flight.start);
		cache_free(flight.cache);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache_threads_at_once_are_one_read),
		cmocka_unit_test(test_cache_never_gives_an_old_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
