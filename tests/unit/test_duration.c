#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/duration.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_duration_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "1m", 60 },       { "0m", 0 },
		{ "090m", 5400 },   { "36h", 129600 },
		{ "14d", 1209600 }, { "2w", 1209600 },
		{ "0d", 0 },        { "999999999w", INT64_C(604799999395200) },
	};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(duration_parse(cases[i].text, &seconds));
		assert_int_equal(seconds, cases[i].want);
	}
}

static void
test_duration_refuses_the_rest(void **state)
{
	static const char *const bad[] = { "",      "d",    "14",   "-1d",         "+1d", "1.5d",
					   "1 d",   " 1d",  "1d ",  "1D",          "1s",  "1y",
					   "1dd",   "1d2h", "0x1d", "1000000000d", "١d",  "1\n",
					   "never", "P1D" };
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (duration_parse(bad[i], &seconds))
			fail_msg("accepted: %s", bad[i]);
}

static void
test_duration_print_reads_as_the_same(void **state)
{
	static const struct {
		int64_t seconds;
		const char *want;
	} cases[] = { { 0, "0m" },     { 60, "1m" },      { 3600, "1h" },    { 5400, "90m" },
		      { 86400, "1d" }, { 129600, "36h" }, { 1209600, "14d" } };
	char text[DURATION_SIZE];
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		duration_print(cases[i].seconds, text);
		assert_string_equal(text, cases[i].want);
		assert_true(duration_parse(text, &seconds));
		assert_int_equal(seconds, cases[i].seconds);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration_parse),
		cmocka_unit_test(test_duration_refuses_the_rest),
		cmocka_unit_test(test_duration_print_reads_as_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
