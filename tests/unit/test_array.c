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

#define HEAD(dimensions)                                                                           \
	"\0\0\0" dimensions "\0\0\0\0"                                                             \
	"\0\0\0\x19"
#define ONE(size) HEAD("\1") "\0\0\0" size "\0\0\0\1"
#define NULL_ITEM "\xff\xff\xff\xff"
#define DATA(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static void
test_array_items_stay_where_they_are(void **state)
{
	static const struct {
		struct array_item array;
		size_t count;
		const char *items[3]; /* NULL: SQL NULL */
	} cases[] = {
		{ DATA(HEAD("\0")), 0, { 0 } },
		{ DATA(ONE("\0")), 0, { 0 } },
		{ DATA(ONE("\1") "\0\0\0\1a"), 1, { "a" } },
		{ DATA(ONE("\3") "\0\0\0\1a" NULL_ITEM "\0\0\0\0"), 3, { "a", NULL, "" } },
		{ DATA(ONE("\2") "\0\0\0\5{\"\\,}"
				 "\0\0\0\3é\n"),
		  2,
		  { "{\"\\,}", "é\n" } },
	};
	struct array_item items[3];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct array_item *a = &cases[i].array;
		size_t count;

		assert_true(array_items(a->data, a->len, items, 3, &count));
		assert_int_equal(count, cases[i].count);
		for (size_t n = 0; n < count; n++) {
			const char *want = cases[i].items[n];

			assert_int_equal(items[n].data == NULL, want == NULL);
			if (want == NULL)
				continue;
			assert_int_equal(items[n].len, strlen(want));
			assert_memory_equal(items[n].data, want, items[n].len);
			assert_in_range((uintptr_t)items[n].data, (uintptr_t)a->data,
					(uintptr_t)a->data + a->len);
		}
	}
}

static void
test_array_items_refuse_what_is_no_array(void **state)
{
	static const struct array_item bad[] = {
		DATA(""),
		DATA("\0\0\0"),
		DATA("\0\0\0\1\0\0\0\0\0\0\0"),
		DATA(HEAD("\0") "a"),
		DATA(HEAD("\1")),
		DATA(HEAD("\1") "\0\0\0\1\0\0\0"),
		DATA(HEAD("\2") "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1a"),
		DATA(HEAD("\1") "\xff\xff\xff\xff\0\0\0\1"),
		DATA(ONE("\1")),
		DATA(ONE("\1") "\0\0\0"),
		DATA(ONE("\1") "\0\0\0\2a"),
		DATA(ONE("\1") "\0\0\0\1ab"),
		DATA(ONE("\1") "\xff\xff\xff\xfe"),
		DATA(ONE("\1") "\x7f\xff\xff\xff"
			       "a"),
		DATA(ONE("\4") NULL_ITEM NULL_ITEM NULL_ITEM NULL_ITEM),
	};
	struct array_item items[3];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(array_items(bad[i].data, bad[i].len, items, 3, &count));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_array_items_stay_where_they_are),
		cmocka_unit_test(test_array_items_refuse_what_is_no_array),
		cmocka_unit_test(test_array_of_nothing),
		cmocka_unit_test(test_array_quotes),
		cmocka_unit_test(test_array_separates),
		cmocka_unit_test(test_array_reads_what_the_server_prints),
		cmocka_unit_test(test_array_reads_what_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
