#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"

static void
test_buf_is_empty_at_first(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_true(buf_ok(&b));
	assert_string_equal(buf_text(&b), "");
	buf_clear(&b);
	assert_string_equal(buf_text(&b), "");
	buf_free(&b);
	buf_wipe(&b);
}

static void
test_buf_adds(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add_text(&b, "ab");
	buf_add_char(&b, 'c');
	buf_add(&b, "defg", 2);
	buf_add(&b, NULL, 0);
	buf_add_text(&b, "");
	buf_addf(&b, "%d%s", 1, "f");
	assert_string_equal(buf_text(&b), "abcde1f");
	assert_int_equal(b.len, 7);
	buf_free(&b);
}

static void
test_buf_adding_nothing_makes_an_empty_text(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add(&b, "", 0);
	assert_non_null(b.data);
	assert_string_equal(b.data, "");
	buf_free(&b);
}

static void
test_buf_keeps_nul_bytes(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_add_char(&b, '\0');
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "a\0b\0", 5);
	buf_free(&b);
}

/* Each length once, over several moves: the text and its NUL always fit. */
static void
test_buf_grows(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		buf_add_char(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], '\0');
		assert_true(b.len < b.cap);
	}
	assert_int_equal(b.len, 5000);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_free(&b);
}

static void
test_buf_addf_is_not_cut(void **state)
{
	struct buf b = BUF_INIT;
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	buf_addf(&b, "<%s>", text);
	assert_int_equal(b.len, sizeof(text) - 1 + 2);
	assert_int_equal(b.data[0], '<');
	assert_string_equal(b.data + b.len - 2, "x>");
	buf_free(&b);
}

static void
test_buf_add_utf8_is_what_text_next_reads(void **state)
{
	static const unsigned cps[] = { 0x0,    0x7F,   0x80,   0x7FF,   0x800,
					0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF };

	(void)state;
	for (size_t i = 0; i < sizeof(cps) / sizeof(cps[0]); i++) {
		struct buf b = BUF_INIT;
		unsigned cp = 1;

		buf_add_utf8(&b, cps[i]);
		assert_int_equal(text_next(b.data, b.len, &cp), b.len);
		assert_int_equal(cp, cps[i]);
		buf_free(&b);
	}
}

static void
test_buf_room_is_a_text_before_it_is_used(void **state)
{
	struct buf b = BUF_INIT;
	char *room = buf_room(&b, 1000);

	(void)state;
	assert_non_null(room);
	assert_string_equal(buf_text(&b), "");
	memset(room, 'y', 1000);
	b.len = 1000;
	b.data[b.len] = '\0';
	assert_ptr_equal(buf_room(&b, 0), b.data + 1000);
	buf_free(&b);
}

static void
test_buf_failure_sticks(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add_text(&b, "before");
	assert_null(buf_room(&b, SIZE_MAX / 4 - 1));
	assert_false(buf_ok(&b));
	buf_add_text(&b, "after");
	buf_addf(&b, "%d", 1);
	assert_null(buf_room(&b, 0));
	assert_string_equal(buf_text(&b), "before");
	buf_free(&b);
	assert_true(buf_ok(&b));
}

static void
test_buf_refuses_what_would_overflow(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_null(buf_room(&b, SIZE_MAX));
	assert_false(buf_ok(&b));
	buf_free(&b);
}

static void
test_buf_clear_keeps_the_room(void **state)
{
	struct buf b = BUF_INIT;
	const char *data;

	(void)state;
	buf_add_text(&b, "secret");
	data = b.data;
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_text(&b), "");
	buf_add_text(&b, "x");
	assert_ptr_equal(b.data, data);
	assert_string_equal(buf_text(&b), "x");
	buf_wipe(&b);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_is_empty_at_first),
		cmocka_unit_test(test_buf_adds),
		cmocka_unit_test(test_buf_adding_nothing_makes_an_empty_text),
		cmocka_unit_test(test_buf_keeps_nul_bytes),
		cmocka_unit_test(test_buf_grows),
		cmocka_unit_test(test_buf_addf_is_not_cut),
		cmocka_unit_test(test_buf_add_utf8_is_what_text_next_reads),
		cmocka_unit_test(test_buf_room_is_a_text_before_it_is_used),
		cmocka_unit_test(test_buf_failure_sticks),
		cmocka_unit_test(test_buf_refuses_what_would_overflow),
		cmocka_unit_test(test_buf_clear_keeps_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
