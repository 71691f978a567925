#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache.h"
#include "cache/cache_priv.h"
#include "cache/hash.h"

enum { MIB = 1024 * 1024 };

static uint64_t now;

static uint64_t
clock_of_the_test(void)
{
	return now;
}

/* ---- a cache and what goes in ------------------------------------------------------------ */

static struct cache *
cache_of(size_t max_bytes, unsigned ttl_ms, unsigned shards)
{
	struct cache *cache = cache_new(&(struct cache_settings){ max_bytes, ttl_ms, shards });

	assert_non_null(cache);
	now = 1000;
	cache_set_clock(cache, clock_of_the_test);
	cache_switch(cache, true);
	return cache;
}

static struct cache_info
info_of(struct cache *cache)
{
	struct cache_info info;

	cache_get_info(cache, &info);
	/* Nothing gets lost between the numbers. */
	assert_int_equal(info.stores, info.entries + info.evictions + info.expired + info.drops);
	assert_true(info.bytes <= info.max_bytes);
	return info;
}

/* One row of one column. */
static struct rowset *
text_value(const char *text)
{
	struct rowset_builder b;
	struct rowset *set;
	struct adx_error err;

	rowset_begin(&b, 1);
	rowset_add(&b, "value", 5);
	rowset_add(&b, text, strlen(text));
	assert_int_equal(rowset_end(&b, &set, &err), ADX_OK);
	return set;
}

static struct rowset *
large_value(size_t bytes)
{
	char *text = malloc(bytes + 1);
	struct rowset *set;

	assert_non_null(text);
	memset(text, 'x', bytes);
	text[bytes] = '\0';
	set = text_value(text);
	free(text);
	return set;
}

static const char *
text_of(const struct rowset *set)
{
	size_t len;

	return rowset_text(set, 0, 0, &len);
}

static struct cache_key
key_of(const char *host, const char *username, const char *bytes)
{
	return (struct cache_key){ host, username, bytes, strlen(bytes) };
}

/* The key of the account itself: tests that care for no other. */
static struct cache_key
romeo(void)
{
	return key_of("example.org", "romeo", "1 example.org romeo");
}

/* ---- what a lookup finds ----------------------------------------------------------------- */

struct wait {
	int calls;
	char text[32];
	enum adx_rc rc;
};

static void
take_result(void *ctx, struct rowset *value, const struct adx_error *err)
{
	struct wait *wait = ctx;

	wait->calls++;
	if (value != NULL)
		snprintf(wait->text, sizeof(wait->text), "%s", text_of(value));
	else
		wait->rc = err->rc;
}

static struct cache_fill *
must_fill(struct cache *cache, struct cache_key key)
{
	struct rowset *value;
	struct cache_fill *fill;

	assert_int_equal(cache_lookup(cache, &key, NULL, NULL, &value, &fill), CACHE_FILL);
	assert_null(value);
	assert_non_null(fill);
	return fill;
}

static void
must_wait(struct cache *cache, struct cache_key key, struct wait *wait)
{
	struct rowset *value;
	struct cache_fill *fill;

	memset(wait, 0, sizeof(*wait));
	assert_int_equal(cache_lookup(cache, &key, take_result, wait, &value, &fill), CACHE_WAIT);
	assert_null(value);
	assert_null(fill);
}

static void
must_hit(struct cache *cache, struct cache_key key, const char *text)
{
	struct rowset *value;
	struct cache_fill *fill;

	assert_int_equal(cache_lookup(cache, &key, NULL, NULL, &value, &fill), CACHE_HIT);
	assert_null(fill);
	assert_string_equal(text_of(value), text);
	rowset_release(value);
}

static void
must_be_off(struct cache *cache, struct cache_key key)
{
	struct rowset *value;
	struct cache_fill *fill;

	assert_int_equal(cache_lookup(cache, &key, NULL, NULL, &value, &fill), CACHE_OFF);
	assert_null(value);
	assert_null(fill);
}

static void
give_up(struct cache_fill *fill)
{
	struct adx_error err;

	adx_fail(&err, ADX_EUNAVAIL, "the server went away");
	cache_fail(fill, &err);
}

static void
store(struct cache_fill *fill, const char *text)
{
	struct rowset *value = text_value(text);

	cache_store(fill, value);
	rowset_release(value);
}

static void
put(struct cache *cache, struct cache_key key, const char *text)
{
	store(must_fill(cache, key), text);
}

static void
must_miss(struct cache *cache, struct cache_key key)
{
	give_up(must_fill(cache, key));
}

static bool
is_there(struct cache *cache, struct cache_key key)
{
	struct rowset *value;
	struct cache_fill *fill;
	enum cache_found found = cache_lookup(cache, &key, NULL, NULL, &value, &fill);

	rowset_release(value);
	if (found == CACHE_FILL)
		give_up(fill);
	else
		assert_int_equal(found, CACHE_HIT);
	return found == CACHE_HIT;
}

/* ---- hits and fills ---------------------------------------------------------------------- */

static void
test_cache_is_off_until_switched_on(void **state)
{
	struct cache *cache = cache_new(&(struct cache_settings){ MIB, 0, 0 });

	(void)state;
	assert_non_null(cache);
	must_be_off(cache, romeo());
	assert_false(info_of(cache).on);
	cache_switch(cache, true);
	assert_true(info_of(cache).on);
	must_miss(cache, romeo());
	cache_free(cache);
	cache_free(NULL);
}

static void
test_cache_gives_what_was_stored(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 0);
	struct cache_key key = romeo();
	struct rowset *value;
	struct cache_fill *fill;

	(void)state;
	put(cache, romeo(), "first");
	must_hit(cache, romeo(), "first");
	must_miss(cache, key_of("example.org", "romeo", "2 example.org romeo"));
	must_miss(cache, key_of("example.org", "viola", "1 example.org viola"));
	/* What was given out outlives the entry, and the cache. */
	assert_int_equal(cache_lookup(cache, &key, NULL, NULL, &value, &fill), CACHE_HIT);
	cache_drop_all(cache);
	cache_free(cache);
	assert_string_equal(text_of(value), "first");
	rowset_release(value);
}

static void
test_cache_many_ask_one_reads(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 0);
	struct cache_fill *fill = must_fill(cache, romeo());
	struct wait waits[20];

	(void)state;
	for (size_t i = 0; i < 20; i++)
		must_wait(cache, romeo(), &waits[i]);
	/* Others are not held up. */
	put(cache, key_of("example.org", "viola", "1 example.org viola"), "viola's");
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(waits[i].calls, 0);
	store(fill, "romeo's");
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(waits[i].calls, 1);
		assert_string_equal(waits[i].text, "romeo's");
	}
	must_hit(cache, romeo(), "romeo's");
	assert_int_equal(info_of(cache).waits, 20);
	assert_int_equal(info_of(cache).misses, 2);
	cache_free(cache);
	assert_int_equal(waits[0].calls, 1);
}

static void
test_cache_forgets_failures(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 0);
	struct cache_fill *fill = must_fill(cache, romeo());
	struct wait waits[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		must_wait(cache, romeo(), &waits[i]);
	give_up(fill);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(waits[i].calls, 1);
		assert_int_equal(waits[i].rc, ADX_EUNAVAIL);
		assert_string_equal(waits[i].text, "");
	}
	assert_int_equal(info_of(cache).entries, 0);
	put(cache, romeo(), "now it is there");
	must_hit(cache, romeo(), "now it is there");
	cache_free(cache);
}

struct curious {
	struct cache *cache;
	int calls;
	enum cache_found found;
};

static void
use_the_cache(void *ctx, struct rowset *value, const struct adx_error *err)
{
	struct curious *curious = ctx;
	struct cache_key key = romeo();
	struct rowset *found;
	struct cache_fill *fill;

	assert_non_null(value);
	assert_null(err);
	curious->calls++;
	curious->found = cache_lookup(curious->cache, &key, NULL, NULL, &found, &fill);
	assert_int_equal(curious->found, CACHE_HIT);
	assert_ptr_equal(found, value);
	rowset_release(found);
	cache_drop_account(curious->cache, "example.org", "viola");
}

/* No lock is held while those who wait are told. */
static void
test_cache_waiters_may_use_it(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 1);
	struct curious curious = { .cache = cache };
	struct cache_fill *fill = must_fill(cache, romeo()), *none;
	struct cache_key key = romeo();
	struct rowset *value;

	(void)state;
	assert_int_equal(cache_lookup(cache, &key, use_the_cache, &curious, &value, &none),
			 CACHE_WAIT);
	store(fill, "romeo's");
	assert_int_equal(curious.calls, 1);
	cache_free(cache);
}

/* ---- drops ------------------------------------------------------------------------------- */

enum drop_kind { DROP_ACCOUNT, DROP_HOST, DROP_ALL, SWITCH, KINDS };

/* What each kind means for romeo@example.org. */
static void
drop_by(struct cache *cache, enum drop_kind kind)
{
	if (kind == DROP_ACCOUNT)
		cache_drop_account(cache, "example.org", "romeo");
	else if (kind == DROP_HOST)
		cache_drop_host(cache, "example.org");
	else if (kind == DROP_ALL)
		cache_drop_all(cache);
	else
		cache_switch(cache, false);
	if (kind == SWITCH)
		cache_switch(cache, true);
}

static void
dropped_during_a_fill(enum drop_kind kind)
{
	struct cache *cache = cache_of(MIB, 0, 0);
	struct cache_fill *old = must_fill(cache, romeo()), *new;
	struct wait before, after;

	must_wait(cache, romeo(), &before);
	drop_by(cache, kind);
	/* Whoever asks now does not wait for what was read before. */
	new = must_fill(cache, romeo());
	must_wait(cache, romeo(), &after);
	store(old, "old");
	assert_int_equal(before.calls, 1);
	assert_string_equal(before.text, "old");
	assert_int_equal(after.calls, 0);
	store(new, "new");
	assert_int_equal(before.calls, 1);
	assert_int_equal(after.calls, 1);
	assert_string_equal(after.text, "new");
	must_hit(cache, romeo(), "new");
	cache_free(cache);
}

static void
test_cache_does_not_keep_what_was_dropped_while_read(void **state)
{
	(void)state;
	for (enum drop_kind kind = 0; kind < KINDS; kind++)
		dropped_during_a_fill(kind);
}

/* The same when the new value comes first, when the old one comes alone, and when it fails. */
static void
test_cache_late_fills_change_nothing(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 0);
	struct cache_fill *old = must_fill(cache, romeo()), *older;
	struct wait wait;

	(void)state;
	cache_drop_account(cache, "example.org", "romeo");
	put(cache, romeo(), "new");
	store(old, "old");
	must_hit(cache, romeo(), "new");

	cache_drop_account(cache, "example.org", "romeo");
	old = must_fill(cache, romeo());
	cache_drop_account(cache, "example.org", "romeo");
	cache_drop_account(cache, "example.org", "romeo");
	store(old, "old");
	must_miss(cache, romeo());

	older = must_fill(cache, romeo());
	must_wait(cache, romeo(), &wait);
	cache_drop_account(cache, "example.org", "romeo");
	put(cache, romeo(), "new");
	give_up(older);
	assert_int_equal(wait.calls, 1);
	assert_int_equal(wait.rc, ADX_EUNAVAIL);
	must_hit(cache, romeo(), "new");
	cache_free(cache);
}

/* Each drop against each reach: which of these entries stay. */
static const struct {
	const char *host, *username, *bytes;
} REACHES[] = {
	{ "example.org", "romeo", "roster of romeo" },
	{ "example.org", "romeo", "vcard of romeo" },
	{ "example.org", "viola", "roster of viola" },
	{ "example.org", "", "of the host" },
	{ "example.net", "romeo", "roster of the other romeo" },
	{ "example.net", "", "of the other host" },
	{ "", "", "of all" },
};

enum { REACH_COUNT = sizeof(REACHES) / sizeof(REACHES[0]) };

static const struct {
	const char *host, *username;
	bool all;
	const char *stay;
} DROPS[] = {
	{ "example.org", "romeo", false, "  v nN " },
	{ "example.org", "orsino", false, "rcv nN " },
	{ "example.net", "romeo", false, "rcvh   " },
	{ "example.com", "romeo", false, "rcvhnN " },
	{ "example.org", NULL, false, "    nN " },
	{ "example.org", "", false, "    nN " },
	{ "example.com", NULL, false, "rcvhnN " },
	{ NULL, "romeo", false, "       " },
	{ "", "", false, "       " },
	{ NULL, NULL, true, "       " },
};

static struct cache_key
reach(size_t i)
{
	return key_of(REACHES[i].host, REACHES[i].username, REACHES[i].bytes);
}

static void
drops_what_it_reaches(size_t d, unsigned shards, bool by_host)
{
	struct cache *cache = cache_of(MIB, 0, shards);
	char stay[REACH_COUNT + 1] = "";

	for (size_t i = 0; i < REACH_COUNT; i++)
		put(cache, reach(i), "x");
	if (DROPS[d].all)
		cache_drop_all(cache);
	else if (by_host)
		cache_drop_host(cache, DROPS[d].host);
	else
		cache_drop_account(cache, DROPS[d].host, DROPS[d].username);
	for (size_t i = 0; i < REACH_COUNT; i++)
		stay[i] = is_there(cache, reach(i)) ? "rcvhnNa"[i] : ' ';
	assert_string_equal(stay, DROPS[d].stay);
	cache_free(cache);
}

static void
test_cache_drops_what_a_write_reaches(void **state)
{
	(void)state;
	for (size_t d = 0; d < sizeof(DROPS) / sizeof(DROPS[0]); d++)
		for (unsigned shards = 1; shards <= 64; shards *= 4) {
			drops_what_it_reaches(d, shards, false);
			if (DROPS[d].username == NULL)
				drops_what_it_reaches(d, shards, true);
		}
}

static struct cache_key
numbered(char out[64], size_t host, size_t user)
{
	static char hosts[64], names[64]; /* of the last call */

	snprintf(hosts, sizeof(hosts), "h%zu.example.org", host);
	snprintf(names, sizeof(names), "user%zu", user);
	snprintf(out, 64, "1 %zu %zu", host, user);
	return key_of(hosts, names, out);
}

static void
test_cache_drops_one_host_of_many(void **state)
{
	struct cache *cache = cache_of(8 * MIB, 0, 4);
	char bytes[64];

	(void)state;
	for (size_t h = 0; h < 200; h++)
		for (size_t u = 0; u < 20; u++)
			put(cache, numbered(bytes, h, u), "x");
	cache_drop_host(cache, "h77.example.org");
	for (size_t h = 0; h < 200; h++)
		for (size_t u = 0; u < 20; u++)
			assert_int_equal(is_there(cache, numbered(bytes, h, u)), h != 77);
	assert_int_equal(info_of(cache).drops, 20);
	cache_free(cache);
}

/* ---- keys -------------------------------------------------------------------------------- */

static void
assert_keys_differ(const struct sql_statement *s, int one_id, const char *const one[], int other_id,
		   const char *const other[])
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct cache_key key, unlike;

	assert_true(cache_key_make(s, (enum sql_id)one_id, one, &a, &key));
	assert_true(cache_key_make(s, (enum sql_id)other_id, other, &b, &unlike));
	assert_false(key.len == unlike.len && memcmp(key.bytes, unlike.bytes, key.len) == 0);
	buf_free(&a);
	buf_free(&b);
}

#define VALUES(...)                                                                                \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static void
test_cache_keys_tell_statements_and_values_apart(void **state)
{
	const struct sql_statement s = { .params = 3, .cached = { SCOPE_ACCOUNT, 1, 2 } };
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct cache_key key, same;

	(void)state;
	assert_keys_differ(&s, 1, VALUES("h", "u", NULL), 1, VALUES("h", "u", ""));
	assert_keys_differ(&s, 1, VALUES("h", "u", "x"), 2, VALUES("h", "u", "x"));
	assert_keys_differ(&s, 1, VALUES("h", "a", "bc"), 1, VALUES("h", "ab", "c"));
	assert_keys_differ(&s, 1, VALUES("h", NULL, ""), 1, VALUES("h", "", NULL));
	assert_keys_differ(&s, 1, VALUES("h", "u", "1"), 1, VALUES("h", "u", "01"));
	assert_true(cache_key_make(&s, (enum sql_id)1, VALUES("h", "u", "x"), &a, &key));
	assert_true(cache_key_make(&s, (enum sql_id)1, VALUES("h", "u", "x"), &b, &same));
	assert_int_equal(key.len, same.len);
	assert_memory_equal(key.bytes, same.bytes, key.len);
	buf_free(&a);
	buf_free(&b);
}

static void
assert_reaches(struct sql_reach cached, const char *const values[], const char *host,
	       const char *username)
{
	const struct sql_statement s = { .params = 3, .cached = cached };
	struct buf scratch = BUF_INIT;
	struct cache_key key;

	assert_true(cache_key_make(&s, (enum sql_id)0, values, &scratch, &key));
	assert_string_equal(key.host, host);
	assert_string_equal(key.username, username);
	buf_free(&scratch);
}

static void
test_cache_keys_say_what_drops_them(void **state)
{
	const struct sql_statement none = { .params = 1 };
	const char *const values[] = { "7", "romeo", "example.org" };
	struct buf scratch = BUF_INIT;
	struct cache_key key;

	(void)state;
	assert_reaches((struct sql_reach){ SCOPE_ACCOUNT, 3, 2 }, values, "example.org", "romeo");
	assert_reaches((struct sql_reach){ SCOPE_HOST, 3, 0 }, values, "example.org", "");
	assert_reaches((struct sql_reach){ SCOPE_ALL, 0, 0 }, values, "", "");
	/* NULL is all of them. */
	assert_reaches((struct sql_reach){ SCOPE_HOST, 1, 0 }, VALUES(NULL, "b", "c"), "", "");
	assert_reaches((struct sql_reach){ SCOPE_ACCOUNT, 1, 2 }, VALUES("a", NULL, "c"), "a", "");
	assert_reaches((struct sql_reach){ SCOPE_ACCOUNT, 1, 2 }, VALUES(NULL, "b", "c"), "", "");
	assert_false(cache_key_make(&none, (enum sql_id)0, values, &scratch, &key));
	buf_free(&scratch);
}

/* The vector of the paper (appendix A). */
static void
test_cache_hash_is_siphash(void **state)
{
	unsigned char key[16], text[15];
	struct hash_seed seed;

	(void)state;
	for (unsigned char i = 0; i < 16; i++)
		key[i] = i;
	memcpy(text, key, sizeof(text));
	memcpy(&seed, key, sizeof(seed));
	assert_true(hash_bytes(&seed, text, sizeof(text)) == 0xa129ca6149be45e5);
}

/* ---- time -------------------------------------------------------------------------------- */

static void
test_cache_ttl(void **state)
{
	struct cache *cache = cache_of(MIB, 500, 0);
	struct cache_fill *fill = must_fill(cache, romeo());

	(void)state;
	/* The age is that of the read, not of the entry. */
	now += 200;
	store(fill, "old");
	now += 299;
	must_hit(cache, romeo(), "old");
	now += 1;
	fill = must_fill(cache, romeo());
	assert_int_equal(info_of(cache).expired, 1);
	/* A use does not make it younger. */
	store(fill, "new");
	now += 499;
	must_hit(cache, romeo(), "new");
	now += 1;
	must_miss(cache, romeo());
	/* A read that takes longer is of use to those who waited, and to no other. */
	fill = must_fill(cache, romeo());
	now += 600;
	store(fill, "late");
	must_miss(cache, romeo());
	cache_free(cache);
}

static void
test_cache_ttl_none_and_changed(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 0);

	(void)state;
	put(cache, romeo(), "x");
	now += 1000000000;
	must_hit(cache, romeo(), "x");
	cache_resize(cache, &(struct cache_settings){ MIB, 2000000000, 0 });
	must_hit(cache, romeo(), "x");
	cache_resize(cache, &(struct cache_settings){ MIB, 1000, 0 });
	must_miss(cache, romeo());
	cache_free(cache);
}

/* ---- room -------------------------------------------------------------------------------- */

static uint32_t
chance(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void
stays_below(size_t max_bytes, unsigned shards)
{
	struct cache *cache = cache_of(max_bytes, 0, shards);
	uint32_t seed = 7;
	char bytes[64];

	for (int i = 0; i < 20000; i++) {
		struct cache_key key = numbered(bytes, chance(&seed) % 10, chance(&seed) % 300);
		struct rowset *value;
		struct cache_fill *fill;

		if (cache_lookup(cache, &key, NULL, NULL, &value, &fill) == CACHE_FILL) {
			value = large_value(chance(&seed) % (1U << chance(&seed) % 15));
			cache_store(fill, value);
		}
		rowset_release(value);
		info_of(cache); /* which looks at the bound */
	}
	assert_true(info_of(cache).evictions > 0);
	assert_true(info_of(cache).hits > 0);
	/* Nor does it waste the room: most of it is in use. */
	assert_true(info_of(cache).bytes > max_bytes / 2);
	cache_drop_all(cache);
	assert_int_equal(info_of(cache).bytes, 0);
	cache_free(cache);
}

static void
test_cache_never_exceeds_its_bytes(void **state)
{
	(void)state;
	stays_below(100000, 1);
	stays_below(MIB / 2, 4);
	stays_below(MIB, 16);
}

static void
test_cache_may_have_no_room(void **state)
{
	static const size_t sizes[] = { 1, 100, 300, 1000, 5000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct cache *cache = cache_of(sizes[i], 0, 16);
		struct cache_fill *fill = must_fill(cache, romeo());
		struct wait wait;

		must_wait(cache, romeo(), &wait);
		store(fill, "x");
		assert_int_equal(wait.calls, 1);
		assert_string_equal(wait.text, "x");
		assert_int_equal(info_of(cache).entries, 0);
		must_miss(cache, romeo());
		cache_free(cache);
	}
}

/* A large value would throw out many others. */
static void
test_cache_keeps_no_large_value(void **state)
{
	struct cache *cache = cache_of(100000, 0, 1);
	struct rowset *large = large_value(100000 / 8), *fair = large_value(100000 / 10);
	struct cache_key key = key_of("example.org", "orsino", "1 example.org orsino");
	struct cache_fill *fill;
	struct wait wait;

	(void)state;
	put(cache, romeo(), "x");
	fill = must_fill(cache, key);
	must_wait(cache, key, &wait);
	cache_store(fill, large);
	assert_int_equal(wait.calls, 1);
	must_miss(cache, key);
	cache_store(must_fill(cache, key), fair);
	assert_true(is_there(cache, key));
	must_hit(cache, romeo(), "x");
	assert_int_equal(info_of(cache).evictions, 0);
	rowset_release(large);
	rowset_release(fair);
	cache_free(cache);
}

static void
test_cache_evicts_the_oldest_first(void **state)
{
	struct cache *cache = cache_of(50000, 0, 1);
	char bytes[64];
	size_t put_in = 0;

	(void)state;
	while (info_of(cache).evictions < 10)
		put(cache, numbered(bytes, 0, put_in++), "x");
	assert_true(put_in > 50);
	for (size_t u = 0; u < put_in; u++) {
		struct cache_key key = numbered(bytes, 0, u);

		assert_int_equal(is_there(cache, key), u >= 10);
	}
	cache_free(cache);
}

/* What is used again stays, though ten times the size of the cache goes by. */
static void
test_cache_stands_up_to_a_scan(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 1);
	size_t capacity = 0, used;
	char bytes[64];

	(void)state;
	while (info_of(cache).evictions == 0)
		put(cache, numbered(bytes, 1, capacity++), "x");
	cache_drop_all(cache);
	used = capacity / 2;
	for (int again = 0; again < 2; again++)
		for (size_t u = 0; u < used; u++) {
			struct cache_key key = numbered(bytes, 0, u);

			if (again)
				must_hit(cache, key, "used");
			else
				put(cache, key, "used");
		}
	for (size_t u = 0; u < 10 * capacity; u++)
		put(cache, numbered(bytes, 1, u), "scanned");
	assert_true(info_of(cache).evictions > 9 * capacity);
	for (size_t u = 0; u < used; u++)
		must_hit(cache, numbered(bytes, 0, u), "used");
	cache_free(cache);
}

/* What was used long ago makes room for what is used now. */
static void
test_cache_hot_entries_age_too(void **state)
{
	struct cache *cache = cache_of(100000, 0, 1);
	char bytes[64];

	(void)state;
	for (size_t u = 0; u < 2000; u++) {
		put(cache, numbered(bytes, 0, u), "x");
		must_hit(cache, numbered(bytes, 0, u), "x");
	}
	assert_false(is_there(cache, numbered(bytes, 0, 0)));
	assert_true(is_there(cache, numbered(bytes, 0, 1999)));
	/* They leave a part of the room to what comes for the first time. */
	for (size_t u = 0; u < 20; u++)
		put(cache, numbered(bytes, 1, u), "x");
	for (size_t u = 0; u < 20; u++)
		assert_true(is_there(cache, numbered(bytes, 1, u)));
	cache_free(cache);
}

/* ---- off, on, another size --------------------------------------------------------------- */

static void
test_cache_switched_off_is_empty_and_transparent(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 0);
	struct cache_fill *fill;
	struct wait wait;

	(void)state;
	put(cache, key_of("example.org", "viola", "1 example.org viola"), "x");
	fill = must_fill(cache, romeo());
	must_wait(cache, romeo(), &wait);
	cache_switch(cache, false);
	assert_int_equal(info_of(cache).entries, 0);
	assert_int_equal(info_of(cache).bytes, 0);
	assert_false(info_of(cache).on);
	must_be_off(cache, romeo());
	store(fill, "romeo's");
	assert_int_equal(wait.calls, 1);
	assert_string_equal(wait.text, "romeo's");
	must_be_off(cache, romeo());
	assert_int_equal(info_of(cache).entries, 0);
	cache_switch(cache, true);
	must_miss(cache, romeo());
	must_miss(cache, key_of("example.org", "viola", "1 example.org viola"));
	/* On while on is nothing. */
	put(cache, romeo(), "x");
	cache_switch(cache, true);
	must_hit(cache, romeo(), "x");
	cache_free(cache);
}

static void
test_cache_passes_on_what_it_does_not_keep(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 0);
	struct cache_fill *fill = must_fill(cache, romeo());
	struct rowset *value = text_value("of a standby");
	struct wait wait;

	(void)state;
	must_wait(cache, romeo(), &wait);
	cache_pass(fill, value);
	rowset_release(value);
	assert_int_equal(wait.calls, 1);
	assert_string_equal(wait.text, "of a standby");
	must_miss(cache, romeo());
	cache_free(cache);
}

static void
test_cache_ends_with_its_lease(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 0);
	struct cache_fill *fill;
	struct cache_key key = romeo();
	struct rowset *value;

	(void)state;
	cache_lease(cache, now + 10);
	put(cache, romeo(), "old");
	now += 9;
	must_hit(cache, romeo(), "old");
	now += 1;
	must_be_off(cache, romeo());
	assert_false(cache_peek(cache, &key, &value));
	/* In time it is renewed; too late, it begins with nothing, also of what was under way. */
	cache_lease(cache, now + 10);
	fill = must_fill(cache, romeo());
	cache_lease(cache, now + 20);
	store(fill, "new");
	must_hit(cache, romeo(), "new");
	fill = must_fill(cache, key_of("example.org", "juliet", "1"));
	now += 20;
	cache_lease(cache, now + 10);
	store(fill, "late");
	must_miss(cache, romeo());
	must_miss(cache, key_of("example.org", "juliet", "1"));
	cache_free(cache);
}

static void
test_cache_of_no_bytes_is_off(void **state)
{
	struct cache *cache = cache_of(0, 0, 0);
	struct cache_fill *fill;

	(void)state;
	must_be_off(cache, romeo());
	cache_resize(cache, &(struct cache_settings){ MIB, 0, 0 });
	put(cache, romeo(), "x");
	must_hit(cache, romeo(), "x");
	fill = must_fill(cache, key_of("example.org", "viola", "1 example.org viola"));
	cache_resize(cache, &(struct cache_settings){ 0, 0, 0 });
	assert_false(info_of(cache).on);
	must_be_off(cache, romeo());
	cache_resize(cache, &(struct cache_settings){ MIB, 0, 0 });
	store(fill, "x");
	assert_int_equal(info_of(cache).entries, 0);
	/* A new size switches nothing on. */
	cache_switch(cache, false);
	cache_resize(cache, &(struct cache_settings){ 2 * MIB, 0, 0 });
	must_be_off(cache, romeo());
	assert_int_equal(info_of(cache).max_bytes, 2 * MIB);
	cache_free(cache);
}

static void
test_cache_resized_keeps_what_fits(void **state)
{
	struct cache *cache = cache_of(MIB, 0, 2);
	struct cache_fill *fill = must_fill(cache, romeo());
	struct cache_info info;
	char bytes[64];
	size_t there = 0;

	(void)state;
	for (size_t u = 0; u < 1000; u++)
		put(cache, numbered(bytes, u % 7, u), "x");
	cache_resize(cache, &(struct cache_settings){ 64 * MIB, 0, 2 });
	for (size_t u = 0; u < 1000; u++)
		assert_true(is_there(cache, numbered(bytes, u % 7, u)));
	cache_resize(cache, &(struct cache_settings){ 100000, 0, 2 });
	info = info_of(cache);
	assert_true(info.entries > 0 && info.evictions > 0 && info.bytes <= 100000);
	for (size_t u = 0; u < 1000; u++)
		there += is_there(cache, numbered(bytes, u % 7, u));
	assert_int_equal(there, info.entries);
	/* What is being read, and what is dropped, is found in the new tables. */
	store(fill, "romeo's");
	must_hit(cache, romeo(), "romeo's");
	for (size_t h = 0; h < 7; h++)
		cache_drop_host(cache, numbered(bytes, h, 0).host);
	assert_int_equal(info_of(cache).entries, 1);
	cache_drop_account(cache, "example.org", "romeo");
	assert_int_equal(info_of(cache).entries, 0);
	cache_free(cache);
}

static void
test_cache_any_number_of_shards(void **state)
{
	static const unsigned numbers[] = { 0, 1, 3, 256, 100000 };
	char bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct cache *cache = cache_of(16 * MIB, 0, numbers[i]);

		for (size_t u = 0; u < 500; u++)
			put(cache, numbered(bytes, u, u), "x");
		for (size_t u = 0; u < 500; u++)
			must_hit(cache, numbered(bytes, u, u), "x");
		assert_int_equal(info_of(cache).hits, 500);
		assert_int_equal(info_of(cache).entries, 500);
		cache_drop_all(cache);
		assert_int_equal(info_of(cache).drops, 500);
		cache_free(cache);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache_is_off_until_switched_on),
		cmocka_unit_test(test_cache_gives_what_was_stored),
		cmocka_unit_test(test_cache_many_ask_one_reads),
		cmocka_unit_test(test_cache_forgets_failures),
		cmocka_unit_test(test_cache_waiters_may_use_it),
		cmocka_unit_test(test_cache_does_not_keep_what_was_dropped_while_read),
		cmocka_unit_test(test_cache_late_fills_change_nothing),
		cmocka_unit_test(test_cache_drops_what_a_write_reaches),
		cmocka_unit_test(test_cache_drops_one_host_of_many),
		cmocka_unit_test(test_cache_keys_tell_statements_and_values_apart),
		cmocka_unit_test(test_cache_keys_say_what_drops_them),
		cmocka_unit_test(test_cache_hash_is_siphash),
		cmocka_unit_test(test_cache_ttl),
		cmocka_unit_test(test_cache_ttl_none_and_changed),
		cmocka_unit_test(test_cache_never_exceeds_its_bytes),
		cmocka_unit_test(test_cache_may_have_no_room),
		cmocka_unit_test(test_cache_keeps_no_large_value),
		cmocka_unit_test(test_cache_evicts_the_oldest_first),
		cmocka_unit_test(test_cache_stands_up_to_a_scan),
		cmocka_unit_test(test_cache_hot_entries_age_too),
		cmocka_unit_test(test_cache_switched_off_is_empty_and_transparent),
		cmocka_unit_test(test_cache_passes_on_what_it_does_not_keep),
		cmocka_unit_test(test_cache_ends_with_its_lease),
		cmocka_unit_test(test_cache_of_no_bytes_is_off),
		cmocka_unit_test(test_cache_resized_keeps_what_fits),
		cmocka_unit_test(test_cache_any_number_of_shards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
