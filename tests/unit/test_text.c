#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

/* A literal with its length, as some hold NULs. */
#define T(s)     s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct text_case {
	const char *text;
	size_t len;
};

/* The bytes lie in a block of their own size, so that a sanitizer sees a read beyond it. */
static char *
copy_of(const struct text_case *c)
{
	char *copy = malloc(c->len == 0 ? 1 : c->len);

	assert_non_null(copy);
	memcpy(copy, c->text, c->len);
	return copy;
}

static void
check_all(const struct text_case *cases, size_t count, bool (*ask)(const char *, size_t), bool want)
{
	for (size_t i = 0; i < count; i++) {
		char *copy = copy_of(&cases[i]);

		if (ask(copy, cases[i].len) != want)
			fail_msg("case %zu: %s", i, cases[i].text);
		free(copy);
	}
}

static const struct text_case GOOD_UTF8[] = {
	{ T("") },
	{ T("a") },
	{ T("\x7F") },
	{ T("a\0b") },
	{ T("\xC2\x80") },
	{ T("\xDF\xBF") },
	{ T("\xE0\xA0\x80") },
	{ T("\xED\x9F\xBF") },
	{ T("\xEE\x80\x80") },
	{ T("\xEF\xBF\xBF") },
	{ T("\xF0\x90\x80\x80") },
	{ T("\xF4\x8F\xBF\xBF") },
	{ T("Ｊｕｌｉｅｔ ♥ 😀") },
};

static const struct text_case BAD_UTF8[] = {
	{ T("\x80") },
	{ T("\xBF") },
	{ T("a\xFF") },
	{ T("\xFE") },
	/* overlong */
	{ T("\xC0\x80") },
	{ T("\xC1\xBF") },
	{ T("\xE0\x80\x80") },
	{ T("\xE0\x9F\xBF") },
	{ T("\xF0\x80\x80\x80") },
	{ T("\xF0\x8F\xBF\xBF") },
	/* surrogates, beyond U+10FFFF, five bytes */
	{ T("\xED\xA0\x80") },
	{ T("\xED\xBF\xBF") },
	{ T("\xF4\x90\x80\x80") },
	{ T("\xF5\x80\x80\x80") },
	{ T("\xF8\x88\x80\x80\x80") },
	/* cut off, or with something else in between */
	{ T("\xC3") },
	{ T("\xE2\x99") },
	{ T("\xF0\x9F\x98") },
	{ T("\xC3\xC3") },
	{ T("\xE2\x99"
	    "a") },
	{ T("\xF0\x9F"
	    "aa") },
};

static void
test_text_is_utf8_accepts(void **state)
{
	(void)state;
	check_all(GOOD_UTF8, COUNT(GOOD_UTF8), text_is_utf8, true);
}

static void
test_text_is_utf8_refuses(void **state)
{
	(void)state;
	check_all(BAD_UTF8, COUNT(BAD_UTF8), text_is_utf8, false);
}

static void
test_text_is_xml_accepts(void **state)
{
	static const struct text_case cases[] = {
		{ T("") },
		{ T("\t\n\r ~\x7F") },
		{ T("\xC2\x80") },
		{ T("\xED\x9F\xBF") },
		{ T("\xEE\x80\x80") },
		{ T("\xEF\xBF\xBD") },
		{ T("\xF0\x90\x80\x80") },
		{ T("\xF0\x9F\xBF\xBF") },
		{ T("\xF4\x8F\xBF\xBF") },
	};

	(void)state;
	check_all(cases, COUNT(cases), text_is_xml, true);
}

static void
test_text_is_xml_refuses(void **state)
{
	static const struct text_case cases[] = {
		{ T("\0") },   { T("a\x01") }, { T("\x08") },         { T("\x0B") },
		{ T("\x0C") }, { T("\x1F") },  { T("\xEF\xBF\xBE") }, { T("\xEF\xBF\xBF") },
	};

	(void)state;
	check_all(cases, COUNT(cases), text_is_xml, false);
	check_all(BAD_UTF8, COUNT(BAD_UTF8), text_is_xml, false);
}

static void
test_text_next_decodes(void **state)
{
	static const struct {
		struct text_case in;
		size_t len;
		unsigned cp;
	} cases[] = {
		{ { T("\0") }, 1, 0 },      { { T("ab") }, 1, 'a' },
		{ { T("éa") }, 2, 0xE9 },   { { T("☃☃") }, 3, 0x2603 },
		{ { T("😀") }, 4, 0x1F600 }, { { T("\xF4\x8F\xBF\xBF") }, 4, 0x10FFFF },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *copy = copy_of(&cases[i].in);
		unsigned cp = 1;

		assert_int_equal(text_next(copy, cases[i].in.len, &cp), cases[i].len);
		assert_int_equal(cp, cases[i].cp);
		free(copy);
	}
}

static void
test_text_next_leaves_the_result_alone_when_it_refuses(void **state)
{
	unsigned cp = 7;

	(void)state;
	assert_int_equal(text_next("\xE2\x99", 2, &cp), 0);
	assert_int_equal(cp, 7);
}

static void
test_text_to_int64_accepts(void **state)
{
	static const struct {
		const char *text;
		long long want;
	} cases[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "+7", 7 },
		{ "-7", -7 },
		{ "007", 7 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
		{ "0000000000000000000000000000001", 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		long long got = 42;

		assert_true(text_to_int64(cases[i].text, strlen(cases[i].text), &got));
		assert_int_equal(got, cases[i].want);
	}
}

static void
test_text_to_int64_refuses(void **state)
{
	static const struct text_case cases[] = {
		{ T("") },
		{ T("-") },
		{ T("+") },
		{ T("--1") },
		{ T("+-1") },
		{ T(" 1") },
		{ T("1 ") },
		{ T("\n1") },
		{ T("1\n") },
		{ T("1a") },
		{ T("0x10") },
		{ T("1e3") },
		{ T("1.0") },
		{ T("1,000") },
		{ T("1\0") },
		{ T("1\0"
		    "2") },
		{ T("\xD9\xA1") }, /* ARABIC-INDIC DIGIT ONE */
		{ T("9223372036854775808") },
		{ T("-9223372036854775809") },
		{ T("99999999999999999999999") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		long long got;

		if (text_to_int64(cases[i].text, cases[i].len, &got))
			fail_msg("accepted: %s", cases[i].text);
	}
}

static void
test_text_distance_counts_edits(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned want;
	} cases[] = {
		{ "", "", 0 },
		{ "abc", "abc", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "kick_sesion", "kick_session", 1 },
		{ "kitten", "sitting", 3 },
		{ "ab", "ba", 2 },
		{ "flaw", "lawn", 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(text_distance(cases[i].a, cases[i].b), cases[i].want);
		assert_int_equal(text_distance(cases[i].b, cases[i].a), cases[i].want);
	}
}

static void
test_text_distance_of_long_words_is_far(void **state)
{
	char longest[65], longer[66];

	(void)state;
	memset(longest, 'a', 64);
	longest[64] = '\0';
	memset(longer, 'a', 65);
	longer[65] = '\0';
	assert_int_equal(text_distance(longest, longest), 0);
	assert_int_equal(text_distance(longest, ""), 64);
	assert_int_equal(text_distance(longer, longer), UINT_MAX);
	assert_int_equal(text_distance("", longer), UINT_MAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_utf8_accepts),
		cmocka_unit_test(test_text_is_utf8_refuses),
		cmocka_unit_test(test_text_is_xml_accepts),
		cmocka_unit_test(test_text_is_xml_refuses),
		cmocka_unit_test(test_text_next_decodes),
		cmocka_unit_test(test_text_next_leaves_the_result_alone_when_it_refuses),
		cmocka_unit_test(test_text_to_int64_accepts),
		cmocka_unit_test(test_text_to_int64_refuses),
		cmocka_unit_test(test_text_distance_counts_edits),
		cmocka_unit_test(test_text_distance_of_long_words_is_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
