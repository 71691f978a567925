/* Bearer tokens: their form, their digests, and the table they are looked up in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "service/tokens.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* SHA-256 by coreutils: printf adx_AAA...A | sha256sum */
static const char ZERO[] = "adx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
static const char ZERO_DIGEST[] =
	"3658455ec09c77677e854acb206ab35c4f4fd1744dc7e3f1dd9dc712ab39072b";

/* ---- one token --------------------------------------------------------------------------- */

static void
test_token_has_its_form(void **state)
{
	char token[TOKEN_LEN + 1];
	struct adx_error err;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(token_make(token, &err), ADX_OK);
		assert_int_equal(strlen(token), TOKEN_LEN);
		assert_memory_equal(token, "adx_", 4);
		assert_int_equal(strspn(token + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
						   "qrstuvwxyz0123456789-_"),
				 TOKEN_LEN - 4);
		/* 32 bytes are 42 characters and four bits: the last two of 43 are zeros. */
		assert_non_null(strchr("AEIMQUYcgkosw048", token[TOKEN_LEN - 1]));
	}
}

static void
test_token_is_another_each_time(void **state)
{
	char tokens[64][TOKEN_LEN + 1];
	struct adx_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(tokens); i++) {
		assert_int_equal(token_make(tokens[i], &err), ADX_OK);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(tokens[i], tokens[k]);
	}
	/* No character is the same in all of them. */
	for (size_t at = 4; at < TOKEN_LEN; at++) {
		size_t same = 0;

		for (size_t i = 1; i < COUNT(tokens); i++)
			same += tokens[i][at] == tokens[0][at];
		assert_true(same < COUNT(tokens) - 1);
	}
}

static void
test_token_digest_is_sha256(void **state)
{
	char hex[2 * TOKEN_DIGEST_LEN + 1];

	(void)state;
	assert_true(token_digest_hex(ZERO, TOKEN_LEN, hex));
	assert_string_equal(hex, ZERO_DIGEST);
}

static void
test_token_of_another_form_is_none(void **state)
{
	static const char *const OTHERS[] = {
		"",
		"adx_",
		"adx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"adx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"ADX_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"adx-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"adx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"adx_AAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAAA",
		"adx_AAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAA",
		"adx_AAAAAAAAAAAAAAAAAAAA\xC3\xA4"
		"AAAAAAAAAAAAAAAAAAAAA",
	};
	unsigned char digest[TOKEN_DIGEST_LEN];
	char with_nul[] = "adx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

	(void)state;
	for (size_t i = 0; i < COUNT(OTHERS); i++)
		assert_false(token_digest(OTHERS[i], strlen(OTHERS[i]), digest));
	with_nul[20] = '\0';
	assert_false(token_digest(with_nul, TOKEN_LEN, digest));
	assert_true(token_digest(ZERO, TOKEN_LEN, digest));
}

/* ---- the table --------------------------------------------------------------------------- */

enum { MANY = 300 };

static char texts[MANY][TOKEN_LEN + 1];
static unsigned char digests[MANY][TOKEN_DIGEST_LEN];
static struct token_row rows[MANY];

static int
set_up(void **state)
{
	struct adx_error err;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(token_make(texts[i], &err), ADX_OK);
		assert_true(token_digest(texts[i], TOKEN_LEN, digests[i]));
		rows[i] = (struct token_row){ i + 1, "", "reader", "{}", digests[i], NULL };
	}
	return 0;
}

static void
test_tokens_finds_each_and_no_other(void **state)
{
	char stranger[TOKEN_LEN + 1];
	struct tokens *tokens;
	struct adx_error err;

	(void)state;
	assert_int_equal(tokens_make(rows, MANY, &tokens, &err), ADX_OK);
	assert_int_equal(tokens_count(tokens), MANY);
	for (int i = 0; i < MANY; i++) {
		const struct token *t = tokens_find(tokens, texts[i], TOKEN_LEN);

		assert_non_null(t);
		assert_int_equal(t->id, i + 1);
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(token_make(stranger, &err), ADX_OK);
		assert_null(tokens_find(tokens, stranger, TOKEN_LEN));
	}
	assert_null(tokens_find(tokens, "", 0));
	assert_null(tokens_find(tokens, texts[0], TOKEN_LEN - 1));
	tokens_release(tokens);
}

static void
test_tokens_that_begin_alike_are_told_apart(void **state)
{
	unsigned char alike[3][TOKEN_DIGEST_LEN];
	struct token_row three[3];
	struct tokens *tokens;
	struct adx_error err;

	(void)state;
	for (int i = 0; i < 3; i++) {
		memcpy(alike[i], digests[0], TOKEN_DIGEST_LEN);
		three[i] = rows[i];
		three[i].digest = alike[i];
	}
	alike[0][TOKEN_DIGEST_LEN - 1] ^= 1;
	alike[2][8] ^= 0x80;
	assert_int_equal(tokens_make(three, 3, &tokens, &err), ADX_OK);
	assert_int_equal(tokens_find(tokens, texts[0], TOKEN_LEN)->id, 2);
	tokens_release(tokens);
	three[1] = three[2];
	assert_int_equal(tokens_make(three, 2, &tokens, &err), ADX_OK);
	assert_null(tokens_find(tokens, texts[0], TOKEN_LEN));
	tokens_release(tokens);
}

static void
test_tokens_tells_what_a_token_is(void **state)
{
	struct token_row row = { 7,          "nightly backup",
				 "operator", "{example.org,\"b c\"}",
				 digests[0], NULL };
	const struct token *t;
	struct tokens *tokens;
	struct adx_error err;

	(void)state;
	assert_int_equal(tokens_make(&row, 1, &tokens, &err), ADX_OK);
	t = tokens_find(tokens, texts[0], TOKEN_LEN);
	assert_string_equal(t->actor, "token 7 'nightly backup'");
	assert_int_equal(t->role, ROLE_OPERATOR);
	assert_int_equal(t->hosts.count, 2);
	assert_string_equal(t->hosts.items[0], "example.org");
	assert_string_equal(t->hosts.items[1], "b c");
	tokens_release(tokens);
	row.label = "";
	assert_int_equal(tokens_make(&row, 1, &tokens, &err), ADX_OK);
	assert_string_equal(tokens_find(tokens, texts[0], TOKEN_LEN)->actor, "token 7");
	tokens_release(tokens);
}

static void
test_tokens_expire_while_they_are_held(void **state)
{
	const struct timespec while_ = { .tv_nsec = 80 * 1000 * 1000 };
	struct token_row three[] = { rows[0], rows[1], rows[2] };
	struct tokens *tokens;
	struct adx_error err;

	(void)state;
	three[0].left_ms = "50";
	three[1].left_ms = "7776000000";
	three[2].left_ms = "0";
	assert_int_equal(tokens_make(three, 3, &tokens, &err), ADX_OK);
	assert_null(tokens_find(tokens, texts[2], TOKEN_LEN));
	nanosleep(&while_, NULL);
	assert_null(tokens_find(tokens, texts[0], TOKEN_LEN));
	assert_non_null(tokens_find(tokens, texts[1], TOKEN_LEN));
	tokens_release(tokens);
}

/* Does a table of this row say the same as one of the first? */
static bool
says_the_same(const struct tokens *first, const struct token_row *row)
{
	struct tokens *other;
	struct adx_error err;
	bool same;

	assert_int_equal(tokens_make(row, 1, &other, &err), ADX_OK);
	same = tokens_same(first, other);
	assert_int_equal(tokens_same(other, first), same);
	tokens_release(other);
	return same;
}

static void
test_tokens_tables_that_say_the_same(void **state)
{
	struct token_row row = rows[0], changed;
	struct tokens *first;
	struct adx_error err;

	(void)state;
	row.left_ms = "7776000000";
	assert_int_equal(tokens_make(&row, 1, &first, &err), ADX_OK);
	assert_true(says_the_same(first, &row));
	changed = row;
	changed.left_ms = "7775999900";
	assert_true(says_the_same(first, &changed));
	changed.left_ms = "7776002000";
	assert_false(says_the_same(first, &changed));
	changed.left_ms = NULL;
	assert_false(says_the_same(first, &changed));
	changed = row;
	changed.role = strcmp(row.role, "admin") == 0 ? "reader" : "admin";
	assert_false(says_the_same(first, &changed));
	changed = row;
	changed.hosts = "{another.example}";
	assert_false(says_the_same(first, &changed));
	changed = row;
	changed.label = "another";
	assert_false(says_the_same(first, &changed));
	changed = row;
	changed.digest = digests[1];
	assert_false(says_the_same(first, &changed));
	tokens_release(first);
}

static void
test_tokens_not_yet_expired(void **state)
{
	struct token_row row = rows[0];
	struct tokens *tokens;
	struct adx_error err;

	(void)state;
	row.left_ms = "60000";
	assert_int_equal(tokens_make(&row, 1, &tokens, &err), ADX_OK);
	assert_non_null(tokens_find(tokens, texts[0], TOKEN_LEN));
	tokens_release(tokens);
}

static void
test_tokens_with_a_role_that_is_none(void **state)
{
	struct token_row two[] = { rows[0], rows[1] };
	struct tokens *tokens;
	struct adx_error err;

	(void)state;
	two[1].role = "god";
	assert_int_equal(tokens_make(two, 2, &tokens, &err), ADX_EFAIL);
	assert_string_equal(err.message, "token 2 has no role");
	assert_null(tokens);
}

static void
test_tokens_none_is_a_table_too(void **state)
{
	struct tokens *tokens;
	struct adx_error err;

	(void)state;
	assert_int_equal(tokens_make(NULL, 0, &tokens, &err), ADX_OK);
	assert_int_equal(tokens_count(tokens), 0);
	assert_null(tokens_find(tokens, texts[0], TOKEN_LEN));
	/* Who holds it keeps it. */
	assert_ptr_equal(tokens_hold(tokens), tokens);
	tokens_release(tokens);
	assert_int_equal(tokens_count(tokens), 0);
	tokens_release(tokens);
	tokens_release(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_has_its_form),
		cmocka_unit_test(test_token_is_another_each_time),
		cmocka_unit_test(test_token_digest_is_sha256),
		cmocka_unit_test(test_token_of_another_form_is_none),
		cmocka_unit_test(test_tokens_finds_each_and_no_other),
		cmocka_unit_test(test_tokens_that_begin_alike_are_told_apart),
		cmocka_unit_test(test_tokens_tells_what_a_token_is),
		cmocka_unit_test(test_tokens_expire_while_they_are_held),
		cmocka_unit_test(test_tokens_tables_that_say_the_same),
		cmocka_unit_test(test_tokens_not_yet_expired),
		cmocka_unit_test(test_tokens_with_a_role_that_is_none),
		cmocka_unit_test(test_tokens_none_is_a_table_too),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
