#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "db/rowset.h"

#define NOTHING "(null)" /* stands for SQL NULL in the tables below */

static void
add(struct rowset_builder *b, const char *text)
{
	if (strcmp(text, NOTHING) == 0)
		rowset_add(b, NULL, 0);
	else
		rowset_add(b, text, strlen(text));
}

static struct rowset *
set_of(size_t columns, const char *const texts[], size_t count)
{
	struct rowset_builder b;
	struct rowset *set;
	struct adx_error err;

	rowset_begin(&b, columns);
	for (size_t i = 0; i < count; i++)
		add(&b, texts[i]);
	assert_int_equal(rowset_end(&b, &set, &err), ADX_OK);
	return set;
}

#define SET(columns, ...)                                                                          \
	set_of(columns, (const char *const[]){ __VA_ARGS__ },                                      \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static struct rows *
open_rows(struct rowset *set)
{
	struct adx_error err;
	struct rows *rows;

	assert_int_equal(rowset_read(set, &rows, &err), ADX_OK);
	assert_non_null(rows);
	return rows;
}

static bool
next(struct rows *rows)
{
	struct adx_error err;
	bool has;

	assert_int_equal(rows_next(rows, &has, &err), ADX_OK);
	return has;
}

static bool
first(struct rows *rows)
{
	struct adx_error err;
	bool has;

	assert_int_equal(rows_first(rows, &has, &err), ADX_OK);
	return has;
}

static void
test_rowset_is_read_as_an_answer(void **state)
{
	struct rowset *set = SET(3, "username", "rows", "banned", "romeo", "12", "t", "viola", "-3",
				 "f", "orsino", NOTHING, NOTHING);
	struct rows *rows = open_rows(set);

	(void)state;
	rowset_release(set); /* the rows hold it */
	assert_int_equal(rows_column(rows, "banned"), 2);
	assert_int_equal(rows_column(rows, "host"), -1);
	assert_null(rows_get(rows, "username"));
	assert_true(next(rows));
	assert_string_equal(rows_get(rows, "username"), "romeo");
	assert_int_equal(rows_get_int64(rows, "rows"), 12);
	assert_true(rows_get_bool(rows, "banned"));
	assert_null(rows_get(rows, "host"));
	assert_true(next(rows));
	assert_string_equal(rows_get(rows, "username"), "viola");
	assert_int_equal(rows_int64(rows, 1), -3);
	assert_false(rows_get_bool(rows, "banned"));
	assert_true(next(rows));
	assert_string_equal(rows_get(rows, "username"), "orsino");
	assert_null(rows_get(rows, "rows"));
	assert_int_equal(rows_get_int64(rows, "rows"), 0);
	for (int again = 0; again < 3; again++)
		assert_false(next(rows));
	assert_null(rows_get(rows, "username"));
	rows_close(rows);
}

static void
test_rowset_tells_null_from_nothing(void **state)
{
	struct rowset *set = SET(3, "a", "b", "c", NOTHING, "", NOTHING, "", NOTHING, "x");
	size_t len = 9;

	(void)state;
	assert_int_equal(rowset_rows(set), 2);
	assert_null(rowset_text(set, 0, 0, &len));
	assert_int_equal(len, 0);
	assert_string_equal(rowset_text(set, 0, 1, &len), "");
	assert_null(rowset_text(set, 0, 2, &len));
	assert_string_equal(rowset_text(set, 1, 0, &len), "");
	assert_null(rowset_text(set, 1, 1, &len));
	assert_string_equal(rowset_text(set, 1, 2, &len), "x");
	assert_int_equal(len, 1);
	assert_null(rowset_text(set, 2, 0, &len));
	assert_null(rowset_text(set, 0, 3, &len));
	assert_null(rowset_text(set, 0, -1, &len));
	rowset_release(set);
}

static void
test_rowset_first_stays_on_the_first_row(void **state)
{
	struct rowset *set = SET(1, "name", "romeo", "viola");
	struct rows *rows = open_rows(set);

	(void)state;
	assert_true(first(rows));
	assert_string_equal(rows_get(rows, "name"), "romeo");
	assert_false(next(rows));
	assert_string_equal(rows_get(rows, "name"), "romeo");
	rows_close(rows);
	rowset_release(set);
}

static void
test_rowset_may_be_empty(void **state)
{
	struct rowset *none = SET(2, "host", "username");
	struct rowset *nothing = set_of(0, NULL, 0);
	struct rows *rows = open_rows(none);

	(void)state;
	assert_int_equal(rowset_rows(none), 0);
	assert_int_equal(rows_column(rows, "username"), 1);
	assert_false(first(rows));
	assert_null(rows_get(rows, "username"));
	rows_close(rows);
	rows = open_rows(nothing);
	assert_false(next(rows));
	assert_int_equal(rows_column(rows, "host"), -1);
	rows_close(rows);
	rowset_release(none);
	rowset_release(nothing);
	rowset_release(NULL);
}

static void
test_rowset_gives_bytes(void **state)
{
	struct rowset *set = SET(2, "salt", "none", "\\x00ff41", NOTHING);
	struct rows *rows = open_rows(set);
	struct adx_error err;
	unsigned char *bytes;
	size_t len;

	(void)state;
	assert_true(next(rows));
	assert_int_equal(rows_get_bytes(rows, "salt", &bytes, &len, &err), ADX_OK);
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "\0\xff\x41", 3);
	free(bytes);
	assert_int_equal(rows_get_bytes(rows, "none", &bytes, &len, &err), ADX_OK);
	assert_null(bytes);
	rows_close(rows);
	rowset_release(set);
}

/* Two readers of one set do not disturb each other, and keeping what is kept copies nothing. */
static void
test_rowset_is_shared(void **state)
{
	struct rowset *set = SET(1, "name", "romeo", "viola"), *kept;
	struct rows *one = open_rows(set), *other = open_rows(set);
	struct adx_error err;

	(void)state;
	assert_true(next(one));
	assert_true(next(one));
	assert_true(next(other));
	assert_string_equal(rows_get(one, "name"), "viola");
	assert_string_equal(rows_get(other, "name"), "romeo");
	rows_close(one);
	rows_close(other);
	one = open_rows(set);
	assert_int_equal(rows_keep(one, &kept, &err), ADX_OK);
	assert_ptr_equal(kept, set);
	assert_false(next(one));
	rows_close(one);
	rowset_release(kept);
	assert_ptr_equal(rowset_hold(set), set);
	rowset_release(set);
	rowset_release(set);
}

static void
test_rowset_says_what_it_takes(void **state)
{
	static char text[100000];
	struct rowset *small = SET(1, "a", "b"), *large;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	large = SET(1, "a", text);
	assert_in_range(rowset_size(small), 32, 128);
	assert_in_range(rowset_size(large) - rowset_size(small), sizeof(text) - 2,
			sizeof(text) - 2);
	rowset_release(small);
	rowset_release(large);
}

static void
test_rowset_builder_may_be_left(void **state)
{
	struct rowset_builder b;

	(void)state;
	rowset_begin(&b, 1);
	add(&b, "name");
	add(&b, "romeo");
	rowset_discard(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rowset_is_read_as_an_answer),
		cmocka_unit_test(test_rowset_tells_null_from_nothing),
		cmocka_unit_test(test_rowset_first_stays_on_the_first_row),
		cmocka_unit_test(test_rowset_may_be_empty),
		cmocka_unit_test(test_rowset_gives_bytes),
		cmocka_unit_test(test_rowset_is_shared),
		cmocka_unit_test(test_rowset_says_what_it_takes),
		cmocka_unit_test(test_rowset_builder_may_be_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
