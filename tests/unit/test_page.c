#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "command/call.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- keys -------------------------------------------------------------------------------- */

static void
test_page_cursor_is_taken_apart(void **state)
{
	static const struct {
		enum page_key key;
		const char *text, *user, *host, *resource;
	} cases[] = {
		{ PAGES_BY_USER, "romeo", "", "romeo", "" },
		{ PAGES_BY_HOST, "example.org", "", "example.org", "" },
		{ PAGES_BY_ACCOUNT, "romeo@example.org", "romeo", "example.org", "" },
		{ PAGES_BY_CONTACT, "juliet@example.org", "juliet", "example.org", "" },
		{ PAGES_BY_CONTACT, "example.org", "", "example.org", "" },
		{ PAGES_BY_SESSION, "romeo@example.org/phone", "romeo", "example.org", "phone" },
		/* A resource may have anything in it. */
		{ PAGES_BY_SESSION, "romeo@example.org/a/b@c d\n", "romeo", "example.org",
		  "a/b@c d\n" },
		/* It is what the database holds: nothing is prepared. */
		{ PAGES_BY_SESSION, "Romeo@Example.ORG/ﬁ ", "Romeo", "Example.ORG", "ﬁ " },
		{ PAGES_BY_USER, "ROMÉO", "", "ROMÉO", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct page_cursor got;
		struct adx_error err = { 0 };

		assert_int_equal(page_cursor_parse(cases[i].key, cases[i].text, &arena, &got, &err),
				 ADX_OK);
		assert_string_equal(got.jid, cases[i].text);
		assert_string_equal(got.user, cases[i].user);
		assert_string_equal(got.host, cases[i].host);
		assert_string_equal(got.resource, cases[i].resource);
		arena_free(&arena);
	}
}

static void
refuse_cursor(enum page_key key, const char *text)
{
	struct arena arena = ARENA_INIT;
	struct page_cursor got;
	struct adx_error err = { 0 };

	if (page_cursor_parse(key, text, &arena, &got, &err) != ADX_EINVAL)
		fail_msg("not refused: '%s' as %d", text, (int)key);
	assert_non_null(strstr(err.message, "'after' must be"));
	arena_free(&arena);
}

static void
test_page_cursor_of_another_form_is_refused(void **state)
{
	static const char *const bare[] = { "romeo@example.org" };
	static const char *const never[] = {
		"",     "@",  "/",    "@h",      "u@",   "@h/r",
		"u@/r", "/r", "u@h/", "u@v@h/r", "\xFF", "u@h/\xC0\xAF"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(never); i++)
		for (int key = PAGES_BY_USER; key <= PAGES_BY_SESSION; key++)
			if (key != PAGES_BY_CONTACT || strpbrk(never[i], "/\xFF") != NULL)
				refuse_cursor((enum page_key)key, never[i]);
	refuse_cursor(PAGES_BY_USER, bare[0]);
	refuse_cursor(PAGES_BY_HOST, bare[0]);
	refuse_cursor(PAGES_BY_SESSION, bare[0]);
	refuse_cursor(PAGES_BY_ACCOUNT, "romeo");
	refuse_cursor(PAGES_BY_ACCOUNT, "romeo@example.org/phone");
	refuse_cursor(PAGES_BY_CONTACT, "romeo@example.org/phone");
	refuse_cursor(PAGES_BY_CONTACT, "");
	refuse_cursor(PAGES_BY_USER, "example.org/phone");
	refuse_cursor(PAGES_BY_SESSION, "example.org/phone");
}

static void
test_page_cursor_part_has_a_length(void **state)
{
	char text[2 * JID_PART_MAX + 8];

	(void)state;
	for (size_t len = JID_PART_MAX; len <= JID_PART_MAX + 1; len++) {
		struct arena arena = ARENA_INIT;
		struct page_cursor got;
		struct adx_error err;

		memset(text, 'a', len);
		snprintf(text + len, sizeof(text) - len, "@h/r");
		assert_int_equal(page_cursor_parse(PAGES_BY_SESSION, text, &arena, &got, &err),
				 len == JID_PART_MAX ? ADX_OK : ADX_EINVAL);
		arena_free(&arena);
	}
}

static void
test_page_quote(void **state)
{
	static const struct {
		const char *key, *want;
	} cases[] = {
		{ "romeo@example.org/phone-1.5", "romeo@example.org/phone-1.5" },
		{ "romeo@example.org/my phone", "'romeo@example.org/my phone'" },
		{ "o@h/it's", "'o@h/it'\\''s'" },
		{ "o@h/$HOME", "'o@h/$HOME'" },
		{ "é@h", "'é@h'" },
		{ "~", "'~'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = BUF_INIT;

		page_quote(cases[i].key, &out);
		assert_string_equal(buf_text(&out), cases[i].want);
		buf_free(&out);
	}
}

/* ---- what a call is asked for ------------------------------------------------------------ */

static const struct answer GONE = { "gone", "" };
static const struct command OF_HOST = {
	.name = "of_host",
	.params = { { .name = "host", .type = PARAM_DOMAIN } },
	.result = RESULT_LIST,
	.pages = PAGES_BY_SESSION,
	.if_bad_jid = &GONE,
};
static const struct command OF_ALL = {
	.name = "of_all",
	.params = { { .name = "text", .type = PARAM_TEXT } },
	.result = RESULT_LIST,
	.pages = PAGES_BY_SESSION,
};
static const struct command OF_ONE_OR_ALL = {
	.name = "of_one_or_all",
	.params = { { .name = "host", .type = PARAM_DOMAIN, .optional = true } },
	.result = RESULT_LIST,
	.pages = PAGES_BY_SESSION,
};
static const struct command WITHOUT = {
	.name = "without",
	.params = { { .name = "text", .type = PARAM_TEXT } },
	.result = RESULT_LIST,
};

static void
test_page_begin(void **state)
{
	static const struct {
		const struct command *command;
		const char *arg;
		int64_t limit;
		const char *after;
		enum adx_rc want;
		const char *fetch; /* NULL: all */
	} cases[] = {
		{ &WITHOUT, "x", 0, NULL, ADX_OK, NULL },
		{ &WITHOUT, "x", 1, NULL, ADX_EUSAGE, NULL },
		{ &WITHOUT, "x", 0, "u@h/r", ADX_EUSAGE, NULL },
		{ &OF_ALL, "x", 0, NULL, ADX_OK, NULL },
		{ &OF_ALL, "x", 1, NULL, ADX_OK, "2" },
		{ &OF_ALL, "x", PAGE_LIMIT_MAX, NULL, ADX_OK, "1000000001" },
		{ &OF_ALL, "x", PAGE_LIMIT_MAX + 1, NULL, ADX_EINVAL, NULL },
		{ &OF_ALL, "x", -1, NULL, ADX_EINVAL, NULL },
		{ &OF_ALL, "x", 0, "u@h/r", ADX_OK, NULL },
		{ &OF_ALL, "x", 5, "u@h/r", ADX_OK, "6" },
		{ &OF_ALL, "x", 5, "u@h", ADX_EINVAL, NULL },
		{ &OF_HOST, "Example.ORG", 5, "u@example.org/r", ADX_OK, "6" },
		{ &OF_HOST, "Example.ORG", 5, "u@Example.ORG/r", ADX_EINVAL, NULL },
		{ &OF_HOST, "example.org", 5, "u@chat.example.org/r", ADX_EINVAL, NULL },
		{ &OF_ONE_OR_ALL, "Example.ORG", 5, "u@example.org/r", ADX_OK, "6" },
		{ &OF_ONE_OR_ALL, "example.org", 5, "u@chat.example.org/r", ADX_EINVAL, NULL },
		{ &OF_ONE_OR_ALL, NULL, 5, "u@chat.example.org/r", ADX_OK, "6" },
		/* The command has its own words for a host that cannot be. */
		{ &OF_HOST, "a b", 5, "u@example.org/r", ADX_OK, "6" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct run_options options = { .limit = cases[i].limit, .after = cases[i].after };
		struct call call = { .options = &options };
		struct adx_error err = { 0 };
		char text[24];

		assert_int_equal(call_begin(&call, cases[i].command, &cases[i].arg, 1, &err),
				 cases[i].want);
		if (cases[i].want == ADX_OK) {
			const char *fetch = page_fetch(&call, text);

			assert_int_equal(page_wanted(&call),
					 cases[i].limit != 0 || cases[i].after != NULL);
			assert_int_equal(fetch == NULL, cases[i].fetch == NULL);
			if (fetch != NULL)
				assert_string_equal(fetch, cases[i].fetch);
			assert_null(page_next(&call));
		}
		call_end(&call);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_cursor_is_taken_apart),
		cmocka_unit_test(test_page_cursor_of_another_form_is_refused),
		cmocka_unit_test(test_page_cursor_part_has_a_length),
		cmocka_unit_test(test_page_quote),
		cmocka_unit_test(test_page_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
