#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

enum { MANY = 3000 };

static void
test_arena_gives_memory_that_nothing_else_has(void **state)
{
	struct arena arena = ARENA_INIT;
	static unsigned char *pieces[MANY];

	(void)state;
	/* Sizes around those of a block: it is filled, left half full, and gone beyond. */
	for (size_t i = 0; i < MANY; i++) {
		size_t size = i * 7 % 1500;

		pieces[i] = arena_alloc(&arena, size);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		memset(pieces[i], (int)(i % 251), size);
	}
	for (size_t i = 0; i < MANY; i++)
		for (size_t k = 0; k < i * 7 % 1500; k++)
			assert_int_equal(pieces[i][k], i % 251);
	arena_free(&arena);
}

static void
test_arena_gives_pieces_larger_than_a_block(void **state)
{
	static const size_t sizes[] = { 1023, 1024, 1025, 4096, 1 << 24, 1 };
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *piece = arena_alloc(&arena, sizes[i]);

		assert_non_null(piece);
		memset(piece, 0xA5, sizes[i]);
	}
	arena_free(&arena);
}

static void
test_arena_gives_nothing_for_sizes_that_cannot_be(void **state)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 64,
					SIZE_MAX / 2 };
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_null(arena_alloc(&arena, sizes[i]));
	assert_string_equal(arena_strndup(&arena, "still works", 11), "still works");
	arena_free(&arena);
}

static void
test_arena_copies_end_with_nul(void **state)
{
	struct arena arena = ARENA_INIT;
	const char *empty, *part, *bytes;

	(void)state;
	empty = arena_strndup(&arena, "not this", 0);
	part = arena_strndup(&arena, "abcdef", 3);
	bytes = arena_strndup(&arena, "a\0b", 3);
	assert_string_equal(empty, "");
	assert_string_equal(part, "abc");
	assert_memory_equal(bytes, "a\0b", 4);
	arena_free(&arena);
}

static void
test_arena_can_be_used_again_after_free(void **state)
{
	struct arena arena = ARENA_INIT;

	(void)state;
	arena_free(&arena);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			assert_string_equal(arena_strndup(&arena, "secret", 6), "secret");
		arena_free(&arena);
		assert_null(arena.blocks);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_gives_memory_that_nothing_else_has),
		cmocka_unit_test(test_arena_gives_pieces_larger_than_a_block),
		cmocka_unit_test(test_arena_gives_nothing_for_sizes_that_cannot_be),
		cmocka_unit_test(test_arena_copies_end_with_nul),
		cmocka_unit_test(test_arena_can_be_used_again_after_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
