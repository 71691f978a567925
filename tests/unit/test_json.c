#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"

/* A literal with its length, as some hold NULs. */
#define T(s)     s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a copy makes of ["before",COPY,"after"]. */
static bool
copy(const char *text, size_t len, struct buf *out)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *data;
	size_t size;
	bool ok;

	assert_non_null(g);
	yajl_gen_array_open(g);
	json_text(g, "before");
	ok = json_copy(g, text, len);
	json_text(g, "after");
	assert_int_equal(yajl_gen_array_close(g), yajl_gen_status_ok);
	assert_int_equal(yajl_gen_get_buf(g, &data, &size), yajl_gen_status_ok);
	buf_add(out, data, size);
	yajl_gen_free(g);
	return ok;
}

static void
check_copy(const char *text, size_t len, const char *want)
{
	struct buf got = BUF_INIT, whole = BUF_INIT;

	buf_addf(&whole, "[\"before\",%s,\"after\"]", want == NULL ? "null" : want);
	if (copy(text, len, &got) != (want != NULL))
		fail_msg("%s", text);
	assert_string_equal(buf_text(&got), buf_text(&whole));
	buf_free(&got);
	buf_free(&whole);
}

static void
test_json_copy_keeps_values(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *want;
	} cases[] = {
		{ T("null"), "null" },
		{ T(" true "), "true" },
		{ T("false"), "false" },
		{ T("0"), "0" },
		{ T("-1.50e+3"), "-1.50e+3" },
		{ T("123456789012345678901234567890"), "123456789012345678901234567890" },
		{ T("\"\""), "\"\"" },
		{ T("\"a\\u0041\\n\\\"\\\\\\/\""), "\"aA\\n\\\"\\\\/\"" },
		{ T("\"\\ud83d\\ude00 é\""), "\"😀 é\"" },
		{ T("[]"), "[]" },
		{ T("{}"), "{}" },
		{ T("[ 1 , [ ] , { } ]"), "[1,[],{}]" },
		{ T("{ \"b\" : 1, \"a\" : { \"c\" : [ null ] } }"),
		  "{\"b\":1,\"a\":{\"c\":[null]}}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_copy(cases[i].text, cases[i].len, cases[i].want);
}

/* What is no JSON leaves a null and nothing half open. */
static void
test_json_copy_puts_null_for_what_is_no_json(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ T("") },
		{ T("  ") },
		{ T("nul") },
		{ T("[") },
		{ T("[1") },
		{ T("[1,") },
		{ T("[1 2]") },
		{ T("{\"a\"") },
		{ T("{\"a\":") },
		{ T("{\"a\":1") },
		{ T("{\"a\":[{\"b\":\"c") },
		{ T("{a:1}") },
		{ T("]") },
		{ T("[]]") },
		{ T("1 2") },
		{ T("\"a") },
		{ T("\"\xFF\"") },
		{ T("01") },
		{ T("'a'") },
		{ T("[\"ok\", \"\x01\"]") },
		{ T("/* */ 1") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_copy(cases[i].text, cases[i].len, NULL);
}

static void
nest(struct buf *out, int depth, const char *open, const char *close)
{
	for (int i = 0; i < depth; i++)
		buf_add_text(out, open);
	buf_add_char(out, '1');
	for (int i = 0; i < depth; i++)
		buf_add_text(out, close);
}

static void
test_json_copy_limits_depth(void **state)
{
	static const struct {
		int depth;
		const char *open, *close;
		bool ok;
	} cases[] = {
		{ 64, "[", "]", true },       { 65, "[", "]", false },
		{ 64, "{\"a\":", "}", true }, { 65, "{\"a\":", "}", false },
		{ 100000, "[", "]", false },  { 100000, "[", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = BUF_INIT;

		nest(&text, cases[i].depth, cases[i].open, cases[i].close);
		check_copy(text.data, text.len, cases[i].ok ? text.data : NULL);
		buf_free(&text);
	}
}

/* The depth is that of nesting, not the number of lists. */
static void
test_json_copy_takes_many_values_side_by_side(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	buf_add_text(&text, "[[]");
	for (int i = 0; i < 1000; i++)
		buf_add_text(&text, ",[],{}");
	buf_add_char(&text, ']');
	check_copy(text.data, text.len, text.data);
	buf_free(&text);
}

static void
test_json_member_escapes(void **state)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *data;
	size_t size;

	(void)state;
	yajl_gen_map_open(g);
	json_member(g, "na\"me", "a\n\\é");
	yajl_gen_map_close(g);
	assert_int_equal(yajl_gen_get_buf(g, &data, &size), yajl_gen_status_ok);
	assert_string_equal((const char *)data, "{\"na\\\"me\":\"a\\n\\\\é\"}");
	yajl_gen_free(g);
}

static void
test_json_has_half_pair(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool half;
	} cases[] = {
		{ T(""), false },
		{ T("\"abc\""), false },
		{ T("\"\\u0041\\ud7ff\\ue000\""), false },
		{ T("\"\\ud83d\\ude00\""), false },
		{ T("\"\\uD83D\\uDE00\\uDBFF\\uDFFF\""), false },
		{ T("\"\\ud83d\""), true },
		{ T("\"\\ude00\""), true },
		{ T("\"\\ude00\\ud83d\""), true },
		{ T("\"\\ud83d\\ud83d\\ude00\""), true },
		{ T("\"\\ud83d\\ude00\\ude00\""), true },
		{ T("\"\\ud83dx\\ude00\""), true },
		{ T("\"\\ud83d\\\\ude00\""), true },
		{ T("\"\\ud83d\\u0041\""), true },
		/* A backslash that is escaped begins nothing. */
		{ T("\"\\\\ud83d\""), false },
		{ T("\"\\\\\\ud83d\""), true },
		{ T("\"\\\"\\ud83d\""), true },
		/* Cut off: no JSON, which is somebody else's to say. */
		{ T("\\ud83"), false },
		{ T("\\ud83d"), true },
		{ T("\\ud83d\\ude0"), true },
		{ T("\\"), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (json_has_half_pair(cases[i].text, cases[i].len) != cases[i].half)
			fail_msg("%s", cases[i].text);
}

/* ---- whole documents --------------------------------------------------------------------- */

struct counter {
	struct json_reader reader;
	int nulls;
};

static int
count_null(void *ctx)
{
	struct counter *c = ctx;

	if (++c->nulls < 3)
		return json_go_on(&c->reader, ADX_OK);
	return json_go_on(&c->reader, adx_fail(c->reader.err, ADX_ELIMIT, "too many"));
}

static void
check_read(const char *text, size_t len, enum adx_rc rc, const char *want)
{
	static const yajl_callbacks CALLBACKS = { .yajl_null = count_null };
	struct adx_error err = { 0 };
	struct counter c = { .reader = { .what = "it", .err = &err } };

	assert_int_equal(json_read(&c.reader, &CALLBACKS, text, len), rc);
	assert_string_equal(err.message, want);
	if (rc != ADX_OK)
		assert_int_equal(err.rc, rc);
}

static void
test_json_read(void **state)
{
	(void)state;
	check_read(T("[null, null]"), ADX_OK, "");
	check_read(T("[null, null, null, "), ADX_ELIMIT, "too many");
	check_read(T("[null, null, "), ADX_EUSAGE, "it is not JSON: premature EOF");
	check_read(T(""), ADX_EUSAGE, "it is not JSON: premature EOF");
	check_read(T("[1] 2"), ADX_EUSAGE, "it is not JSON: trailing garbage");
	check_read(T("\"\xC0\x80\""), ADX_EUSAGE, "it is not JSON: it is not UTF-8");
	check_read(T("\"\\ud83d\""), ADX_EUSAGE, "it has half a surrogate pair");
	check_read(T("\"\\ud83d\\ude00\""), ADX_OK, "");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_copy_keeps_values),
		cmocka_unit_test(test_json_copy_puts_null_for_what_is_no_json),
		cmocka_unit_test(test_json_copy_limits_depth),
		cmocka_unit_test(test_json_copy_takes_many_values_side_by_side),
		cmocka_unit_test(test_json_member_escapes),
		cmocka_unit_test(test_json_has_half_pair),
		cmocka_unit_test(test_json_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
