#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/stamp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_stamp_of_date(void **state)
{
	static const struct {
		const char *text, *want;
		int64_t seconds;
	} cases[] = {
		{ "1970-01-01", "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-01", "2026-11-01T00:00:00Z", 1793491200 },
		{ "2024-02-29", "2024-02-29T00:00:00Z", 1709164800 },
		{ "2026-11-01T09:30:00Z", "2026-11-01T09:30:00Z", 1793525400 },
		{ "2026-11-01t09:30:00z", "2026-11-01T09:30:00Z", 1793525400 },
		{ "2026-11-01 09:30:00Z", "2026-11-01T09:30:00Z", 1793525400 },
		{ "2026-11-01T09:30:00+01:00", "2026-11-01T08:30:00Z", 1793521800 },
		{ "2026-11-01T00:30:00+01:00", "2026-10-31T23:30:00Z", 1793489400 },
		{ "2026-11-01T09:30:00-00:00", "2026-11-01T09:30:00Z", 1793525400 },
		{ "2026-11-01T09:30:00.25Z", "2026-11-01T09:30:00.25Z", 1793525400 },
		{ "2026-11-01T09:30:00.123456789Z", "2026-11-01T09:30:00.123456Z", 1793525400 },
		/* A leap second, RFC 3339, 5.7: PostgreSQL has none either. */
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", 1483228800 },
		{ "0001-01-01", "0001-01-01T00:00:00Z", INT64_C(-62135596800) },
		{ "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", INT64_C(253402300799) },
	};
	char stamp[STAMP_SIZE];
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!stamp_of_date(cases[i].text, stamp, &seconds))
			fail_msg("refused: %s", cases[i].text);
		assert_string_equal(stamp, cases[i].want);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void
test_stamp_of_no_date(void **state)
{
	static const char *const bad[] = {
		"",
		"today",
		"2026",
		"2026-11",
		"2026-11-1",
		"26-11-01",
		"20261101",
		"2026-11-01T",
		"2026-11-01 ",
		" 2026-11-01",
		"2026-11-01Z",
		"2026-13-01",
		"2026-00-01",
		"2026-11-31",
		"2026-11-00",
		"2026-02-29",
		"0000-01-01",
		"0001-01-01T00:00:00+01:00",
		"9999-12-31T23:59:59-01:00",
		"2026-11-01T09:30",
		"2026-11-01T09:30Z",
		"2026-11-01T09:30:00",
		"2026-11-01T24:00:00Z",
		"2026-11-01T09:60:00Z",
		"2026-11-01T09:30:61Z",
		"2026-11-01T09:30:00.Z",
		"2026-11-01T09:30:00+0100",
		"2026-11-01T09:30:00+01",
		"2026-11-01T09:30:00+24:00",
		"2026-11-01T09:30:00Zx",
		"2026-11-01T09:30:00zz",
		"2026-11-01\n",
		"+2026-11-01",
		"2026-11-01'; --",
	};
	char stamp[STAMP_SIZE];
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (stamp_of_date(bad[i], stamp, &seconds))
			fail_msg("accepted: %s", bad[i]);
}

/* What XMPP writes is stricter, but for its old form. */
static void
test_stamp_of_xmpp(void **state)
{
	static const char *const bad[] = { "2026-11-01", "2026-11-01t09:30:00z",
					   "2026-11-01 09:30:00Z", "20261101T09:30:00Z" };
	char stamp[STAMP_SIZE];

	(void)state;
	assert_true(stamp_of_xmpp("20261101T09:30:00", stamp));
	assert_string_equal(stamp, "2026-11-01T09:30:00Z");
	assert_true(stamp_of_xmpp("2026-11-01T09:30:00.5+01:00", stamp));
	assert_string_equal(stamp, "2026-11-01T08:30:00.5Z");
	for (size_t i = 0; i < COUNT(bad); i++)
		if (stamp_of_xmpp(bad[i], stamp))
			fail_msg("accepted: %s", bad[i]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamp_of_date),
		cmocka_unit_test(test_stamp_of_no_date),
		cmocka_unit_test(test_stamp_of_xmpp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
