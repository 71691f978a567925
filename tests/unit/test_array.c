#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "db/array.h"

static void
test_array_of_nothing(void **state)
{
	struct buf array = BUF_INIT;

	(void)state;
	array_open(&array);
	array_close(&array);
	assert_string_equal(buf_text(&array), "{}");
	buf_free(&array);
}

/* Each element is quoted, so that NULL, blanks, commas and braces are text. */
static void
test_array_quotes(void **state)
{
	static const struct {
		const char *element, *want;
	} cases[] = {
		{ "", "{\"\"}" },
		{ "a", "{\"a\"}" },
		{ "NULL", "{\"NULL\"}" },
		{ " a b ", "{\" a b \"}" },
		{ "a,b", "{\"a,b\"}" },
		{ "{}", "{\"{}\"}" },
		{ "it's", "{\"it's\"}" },
		{ "a\"b", "{\"a\\\"b\"}" },
		{ "a\\b", "{\"a\\\\b\"}" },
		{ "\\", "{\"\\\\\"}" },
		{ "\"", "{\"\\\"\"}" },
		{ "é\n", "{\"é\n\"}" },
		{ "^(?:a\\.b|\"c\")$", "{\"^(?:a\\\\.b|\\\"c\\\")$\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf array = BUF_INIT;

		array_open(&array);
		array_add(&array, cases[i].element);
		array_close(&array);
		assert_string_equal(buf_text(&array), cases[i].want);
		buf_free(&array);
	}
}

static void
test_array_separates(void **state)
{
	struct buf array = BUF_INIT;

	(void)state;
	array_open(&array);
	array_add(&array, "");
	array_add(&array, "a");
	array_add(&array, "");
	array_close(&array);
	assert_string_equal(buf_text(&array), "{\"\",\"a\",\"\"}");
	buf_free(&array);
}

static void
assert_reads(const char *text, const char *const *want)
{
	struct strvec got = STRVEC_INIT;
	size_t n = 0;

	array_read(text, &got);
	assert_true(strvec_ok(&got));
	for (; want[n] != NULL; n++) {
		assert_true(n < got.count);
		assert_string_equal(got.items[n], want[n]);
	}
	assert_int_equal(got.count, n);
	strvec_free(&got);
}

static void
test_array_reads_what_the_server_prints(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const two[] = { "a", "b c", NULL };
	static const char *const odd[] = { "{,}", "\"\\", "NULL", "é", NULL };

	(void)state;
	assert_reads("", none);
	assert_reads("{}", none);
	assert_reads("{\"\"}", none);
	assert_reads("{a,\"b c\"}", two);
	assert_reads("{\"{,}\",\"\\\"\\\\\",\"NULL\",é}", odd);
}

static void
test_array_reads_what_is_cut_off(void **state)
{
	static const char *const some[] = { "a", NULL };

	(void)state;
	assert_reads("{a", some);
	assert_reads("{\"a", some);
	assert_reads("{a,", some);
	assert_reads("{\"a\\", (const char *const[]){ "a\\", NULL });
}

/* ---- elements in place ------------------------------------------------------------------- */

static void
test_array_split_reads_elements(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		const char *items[3]; /* NULL: SQL NULL */
	} cases[] = {
		{ "{}", 0, { 0 } },
		{ "{a}", 1, { "a" } },
		{ "{a,NULL,c}", 3, { "a", NULL, "c" } },
		{ "{\"NULL\",null,\"\"}", 3, { "NULL", "null", "" } },
		{ "{\"a\\\"b\",\"\\\\\",\"{x,y}\"}", 3, { "a\"b", "\\", "{x,y}" } },
		{ "{\"\\\\\\\"\",\"é\n\"}", 2, { "\\\"", "é\n" } },
	};
	struct buf scratch = BUF_INIT;
	struct array_item items[3];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t count;

		assert_true(array_split(cases[i].text, strlen(cases[i].text), &scratch, items, 3,
					&count));
		assert_int_equal(count, cases[i].count);
		for (size_t n = 0; n < count; n++) {
			const char *want = cases[i].items[n];

			assert_int_equal(items[n].data == NULL, want == NULL);
			if (want == NULL)
				continue;
			assert_int_equal(items[n].len, strlen(want));
			assert_memory_equal(items[n].data, want, items[n].len);
		}
	}
	buf_free(&scratch);
}

static void
test_array_split_refuses_what_is_no_array(void **state)
{
	static const char *const bad[] = { "",     "{",       "}",        "a",
					   "{a",   "a}",      "{,}",      "{a,}",
					   "{,a}", "{\"a}",   "{\"a\"b}", "{a}b}",
					   "{a}}", "{\"a\\}", "{\"\\",    "{a,b,c,d}" };
	struct buf scratch = BUF_INIT;
	struct array_item items[3];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(array_split(bad[i], strlen(bad[i]), &scratch, items, 3, &count));
	buf_free(&scratch);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_array_split_reads_elements),
		cmocka_unit_test(test_array_split_refuses_what_is_no_array),
		cmocka_unit_test(test_array_of_nothing),
		cmocka_unit_test(test_array_quotes),
		cmocka_unit_test(test_array_separates),
		cmocka_unit_test(test_array_reads_what_the_server_prints),
		cmocka_unit_test(test_array_reads_what_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
