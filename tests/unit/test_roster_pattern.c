#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "submod/roster_parts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Pieces are shown joined by blanks, of which no case has any of its own. */
static void
test_roster_pattern_split(void **state)
{
	static const struct {
		const char *list, *want;
	} cases[] = {
		{ "", "" },
		{ "a", "a" },
		{ "any", "any" },
		{ "a:b", "a b" },
		{ "a@b:c@d", "a@b c@d" },
		{ ":", "" },
		{ "::a::b::", "a b" },
		/* escaped */
		{ "a\\:b", "a\\:b" },
		{ "a\\\\:b", "a\\\\ b" },
		{ "a\\\\\\:b", "a\\\\\\:b" },
		{ "a\\", "a\\" },
		{ "a:\\", "a \\" },
		/* in brackets */
		{ "[:]:[:]", "[:] [:]" },
		{ "[a:]:b", "[a:] b" },
		{ "[^:]:b", "[^:] b" },
		{ "[]:]:b", "[]:] b" },
		{ "[^]:]:b", "[^]:] b" },
		{ "[[:alpha:]]:b", "[[:alpha:]] b" },
		{ "[[:alpha:]:]:b", "[[:alpha:]:] b" },
		{ "[[.:.]]:b", "[[.:.]] b" },
		{ "[[=:=]:]:b", "[[=:=]:] b" },
		{ "[[.].]:]:b", "[[.].]:] b" },
		{ "[a[:]:b", "[a[:]:b" },
		{ "[a\\]:]:b", "[a\\]:] b" },
		{ "[a\\\\]:b", "[a\\\\] b" },
		{ "\\[:b", "\\[ b" },
		{ "a]:b", "a] b" },
		{ "[a:b", "[a:b" },
		{ "[", "[" },
		{ "[[:", "[[:" },
		{ "[[:alpha:", "[[:alpha:" },
		{ "[\\", "[\\" },
		{ "[^", "[^" },
		/* after "(?" */
		{ "(?:a|b):c", "(?:a|b) c" },
		{ "(?:(?:a)):c", "(?:(?:a)) c" },
		{ "(?:", "(?:" },
		{ "(:a)", "( a)" },
		{ "(?i:a)", "(?i a)" },
		{ "\\(?:a", "\\(? a" },
		{ "é:ü", "é ü" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct strvec pieces = STRVEC_INIT;
		struct buf got = BUF_INIT;

		roster_pattern_split(cases[i].list, &pieces);
		for (size_t p = 0; p < pieces.count; p++)
			buf_addf(&got, "%s%s", p == 0 ? "" : " ", pieces.items[p]);
		assert_string_equal(buf_text(&got), cases[i].want);
		assert_true(strvec_ok(&pieces));
		buf_free(&got);
		strvec_free(&pieces);
	}
}

static void
test_roster_pattern_anchor(void **state)
{
	static const struct {
		const char *pattern, *local, *domain;
	} cases[] = {
		{ "a@b", "^(?:a)$", "^(?:b)$" },
		{ "b", "^(?:)$", "^(?:b)$" },
		{ "", "^(?:)$", "^(?:)$" },
		{ "@", "^(?:)$", "^(?:)$" },
		{ "@b", "^(?:)$", "^(?:b)$" },
		{ "a@", "^(?:a)$", "^(?:)$" },
		{ "a@b@c", "^(?:a)$", "^(?:b@c)$" },
		{ ".*@.*", "^(?:.*)$", "^(?:.*)$" },
		/* an alternation is anchored as a whole */
		{ "a|b@c|d", "^(?:a|b)$", "^(?:c|d)$" },
		{ "^a$@b", "^(?:^a$)$", "^(?:b)$" },
		/* an '@' that does not part */
		{ "a\\@b", "^(?:)$", "^(?:a\\@b)$" },
		{ "a\\\\@b", "^(?:a\\\\)$", "^(?:b)$" },
		{ "[@]b", "^(?:)$", "^(?:[@]b)$" },
		{ "[^@]+@b", "^(?:[^@]+)$", "^(?:b)$" },
		{ "[]@]@b", "^(?:[]@])$", "^(?:b)$" },
		{ "[[:alnum:]@]@b", "^(?:[[:alnum:]@])$", "^(?:b)$" },
		{ "[[.@.]]@b", "^(?:[[.@.]])$", "^(?:b)$" },
		{ "[a\\]@]@b", "^(?:[a\\]@])$", "^(?:b)$" },
		{ "\\[@b", "^(?:\\[)$", "^(?:b)$" },
		{ "[a@b", "^(?:)$", "^(?:[a@b)$" },
		{ "(a@b)", "^(?:(a)$", "^(?:b))$" },
		{ "é@ü", "^(?:é)$", "^(?:ü)$" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err = { 0 };
		struct roster_pattern got;

		assert_int_equal(roster_pattern_anchor(cases[i].pattern, &got, &err), ADX_OK);
		assert_string_equal(got.local, cases[i].local);
		assert_string_equal(got.domain, cases[i].domain);
		roster_pattern_free(&got);
		assert_null(got.local);
		assert_null(got.domain);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roster_pattern_split),
		cmocka_unit_test(test_roster_pattern_anchor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
