#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/apply.h"

static const char *const NAMES[][2] = {
	{ "example.org", "romeo" },
	{ "example.org", "juliet" },
	{ "example.net", "romeo" },
};

enum { COUNT = sizeof(NAMES) / sizeof(NAMES[0]) };

static void
ignore(void *ctx, struct rowset *value, const struct adx_error *err)
{
	(void)ctx;
	(void)value;
	(void)err;
}

/* Which of the names are kept, as bits; what is not is kept from now on. */
static unsigned
look(struct cache *cache)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		struct cache_key key = { NAMES[i][0], NAMES[i][1], &"abc"[i], 1 };
		struct rowset_builder builder;
		struct rowset *value = NULL;
		struct cache_fill *fill = NULL;
		struct adx_error err;
		enum cache_found found = cache_lookup(cache, &key, ignore, NULL, &value, &fill);

		kept |= found == CACHE_HIT ? 1U << i : 0;
		if (found == CACHE_FILL) {
			rowset_begin(&builder, 1);
			rowset_add(&builder, "found", 5);
			assert_int_equal(rowset_end(&builder, &value, &err), ADX_OK);
			cache_store(fill, value);
		}
		rowset_release(value);
	}
	return kept;
}

static void
test_apply(void **state)
{
	static const struct {
		const char *payload;
		unsigned kept;
		bool tokens;
	} CASES[] = {
		{ "{\"from\":\"two\",\"drops\":[[\"account\",\"example.org\",\"romeo\"]]}", 6,
		  false },
		{ "{\"from\":\"two\",\"drops\":[[\"host\",\"example.org\"]]}", 4, false },
		{ "{\"from\":\"\",\"drops\":[[\"host\",\"example.com\"]]}", 7, false },
		{ "{\"from\":\"\",\"drops\":[[\"all\"]]}", 0, false },
		{ "{\"from\":\"one\",\"drops\":[[\"all\"]]}", 7, false },
		{ "{\"from\":\"\",\"tokens\":true}", 7, true },
		{ "nonsense", 0, true },
	};
	struct cache *cache = cache_new(&(struct cache_settings){ .max_bytes = 1 << 20 });

	(void)state;
	assert_non_null(cache);
	cache_switch(cache, true);
	assert_int_equal(look(cache), 0);
	assert_int_equal(look(cache), 7);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(cache_apply(cache, CASES[i].payload, "one"), CASES[i].tokens);
		assert_int_equal(look(cache), CASES[i].kept);
	}
	cache_free(cache);
}

static void
test_apply_own_drops(void **state)
{
	static const struct db_drop DROPS[] = {
		{ SCOPE_ACCOUNT, "example.org", "juliet" },
		{ SCOPE_HOST, "example.net", NULL },
	};
	static const struct db_drop ALL = { SCOPE_ALL, NULL, NULL };
	struct cache *cache = cache_new(&(struct cache_settings){ .max_bytes = 1 << 20 });

	(void)state;
	assert_non_null(cache);
	cache_switch(cache, true);
	assert_int_equal(look(cache), 0);
	cache_apply_drops(cache, DROPS, 2);
	assert_int_equal(look(cache), 1);
	cache_apply_drops(cache, &ALL, 1);
	assert_int_equal(look(cache), 0);
	cache_free(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_apply_own_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
