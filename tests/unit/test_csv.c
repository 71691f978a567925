#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <csv.h>

#include "base/csv.h"

/* A literal with its length, as some hold NULs. */
#define T(s)     s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *in;
	size_t len;
	const char *want;
	size_t want_len;
} CASES[] = {
	{ T(""), T("") },
	{ T("a"), T("a") },
	{ T(" a b "), T(" a b ") },
	{ T("a;b'c\td"), T("a;b'c\td") },
	{ T("é☃😀"), T("é☃😀") },
	{ T("="), T("=") },
	{ T(","), T("\",\"") },
	{ T("a,b"), T("\"a,b\"") },
	{ T("\n"), T("\"\n\"") },
	{ T("a\rb"), T("\"a\rb\"") },
	{ T("\""), T("\"\"\"\"") },
	{ T("say \"hi\""), T("\"say \"\"hi\"\"\"") },
	{ T("\"\""), T("\"\"\"\"\"\"") },
	{ T("a\0,b"), T("\"a\0,b\"") },
	{ T("a\0b"), T("a\0b") },
};

static void
test_csv_quotes_only_what_must_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct buf out = BUF_INIT;

		csv_add_field(&out, CASES[i].in, CASES[i].len);
		assert_int_equal(out.len, CASES[i].want_len);
		assert_memory_equal(buf_text(&out), CASES[i].want, out.len);
		buf_free(&out);
	}
}

static void
test_csv_appends(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	csv_add_field(&out, "a", 1);
	buf_add_char(&out, ',');
	csv_add_field(&out, "b,c", 3);
	assert_string_equal(buf_text(&out), "a,\"b,c\"");
	buf_free(&out);
}

struct fields {
	size_t count;
	struct buf last;
};

static void
on_field(void *data, size_t len, void *ctx)
{
	struct fields *f = ctx;

	f->count++;
	buf_clear(&f->last);
	buf_add(&f->last, data, len);
}

/* libcsv would trim blanks. */
static int
is_no_space(unsigned char c)
{
	(void)c;
	return 0;
}

/* Another library reads the same bytes. */
static void
test_csv_reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct fields f = { 0, BUF_INIT };
		struct buf out = BUF_INIT;
		struct csv_parser parser;

		buf_add_text(&out, "x,");
		csv_add_field(&out, CASES[i].in, CASES[i].len);
		buf_add_char(&out, '\n');
		assert_int_equal(csv_init(&parser, CSV_STRICT), 0);
		csv_set_space_func(&parser, is_no_space);
		assert_int_equal(csv_parse(&parser, out.data, out.len, on_field, NULL, &f),
				 out.len);
		assert_int_equal(f.count, 2);
		assert_int_equal(f.last.len, CASES[i].len);
		assert_memory_equal(buf_text(&f.last), CASES[i].in, f.last.len);
		csv_free(&parser);
		buf_free(&f.last);
		buf_free(&out);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_quotes_only_what_must_be),
		cmocka_unit_test(test_csv_appends),
		cmocka_unit_test(test_csv_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
