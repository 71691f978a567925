#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strvec.h"

static void
test_strvec_is_empty_at_first(void **state)
{
	struct strvec v = STRVEC_INIT;

	(void)state;
	assert_true(strvec_ok(&v));
	assert_false(strvec_has(&v, ""));
	strvec_free(&v);
}

static void
test_strvec_owns_copies(void **state)
{
	struct strvec v = STRVEC_INIT;
	char text[] = "abc";

	(void)state;
	strvec_add_text(&v, text);
	strvec_add(&v, text, 2);
	strvec_add(&v, text, 0);
	text[0] = 'x';
	assert_int_equal(v.count, 3);
	assert_string_equal(v.items[0], "abc");
	assert_string_equal(v.items[1], "ab");
	assert_string_equal(v.items[2], "");
	assert_null(v.items[3]);
	strvec_free(&v);
	assert_int_equal(v.count, 0);
	assert_null(v.items);
}

static void
test_strvec_keeps_nul_bytes(void **state)
{
	struct strvec v = STRVEC_INIT;

	(void)state;
	strvec_add(&v, "a\0b", 3);
	assert_memory_equal(v.items[0], "a\0b", 4);
	strvec_free(&v);
}

/* Over several moves; after each the list ends with NULL. */
static void
test_strvec_grows(void **state)
{
	struct strvec v = STRVEC_INIT;
	char text[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		strvec_add_text(&v, text);
		assert_null(v.items[v.count]);
	}
	assert_int_equal(v.count, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_string_equal(v.items[i], text);
	}
	strvec_free(&v);
}

static void
test_strvec_has_compares_whole_strings(void **state)
{
	struct strvec v = STRVEC_INIT;

	(void)state;
	strvec_add_text(&v, "last");
	strvec_add_text(&v, "node");
	assert_true(strvec_has(&v, "last"));
	assert_true(strvec_has(&v, "node"));
	assert_false(strvec_has(&v, "las"));
	assert_false(strvec_has(&v, "nodes"));
	assert_false(strvec_has(&v, ""));
	strvec_free(&v);
}

static void
test_strvec_failure_sticks(void **state)
{
	struct strvec v = STRVEC_INIT;

	(void)state;
	strvec_add_text(&v, "before");
	strvec_add(&v, "", SIZE_MAX / 2);
	assert_false(strvec_ok(&v));
	strvec_add_text(&v, "after");
	assert_int_equal(v.count, 1);
	assert_null(v.items[1]);
	strvec_free(&v);
	assert_true(strvec_ok(&v));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strvec_is_empty_at_first),
		cmocka_unit_test(test_strvec_owns_copies),
		cmocka_unit_test(test_strvec_keeps_nul_bytes),
		cmocka_unit_test(test_strvec_grows),
		cmocka_unit_test(test_strvec_has_compares_whole_strings),
		cmocka_unit_test(test_strvec_failure_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
