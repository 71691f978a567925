#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "submod/erasure_plan.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { ROWS = 4 };

/* A plan of one's own for each test. */
struct fixture {
	struct plan_row rows[ROWS];
	struct plan plan;
};

static int
set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){
		.rows = { { "account", "t.users", "delete", "", 1, -1 },
			  { "log", "t.log", "anonymise", "why", 20, -1 },
			  { "requests", "t.requests", "keep", "why", 3, -1 },
			  { "told", "t.outbox", "tell", "why", 2, -1 } },
		.plan = { .jid = "romeo@example.org",
			  .registry = "17",
			  .count = ROWS,
			  .cap = ROWS },
	};
	f.plan.rows = f.rows;
	*state = &f;
	return 0;
}

static const char *
token_of(const struct plan *plan, struct buf *out)
{
	struct adx_error err;

	buf_clear(out);
	assert_int_equal(plan_token(plan, out, &err), ADX_OK);
	return buf_text(out);
}

static enum plan_match
compare(const struct plan *plan, const char *token, const char *moved)
{
	struct buf text = BUF_INIT;
	enum plan_match match;
	struct adx_error err;

	assert_int_equal(plan_compare(plan, token, &match, &text, &err), ADX_OK);
	assert_string_equal(buf_text(&text), moved);
	buf_free(&text);
	return match;
}

static void
test_plan_counts_by_action(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(plan_total(&f->plan, "delete"), 1);
	assert_int_equal(plan_total(&f->plan, "anonymise"), 20);
	assert_int_equal(plan_total(&f->plan, "keep"), 3);
	assert_int_equal(plan_total(&f->plan, NULL), 21);
}

static void
test_plan_token_is_short_and_stays(void **state)
{
	const struct fixture *f = *state;
	struct buf token = BUF_INIT;

	/* Printed once and typed days later, perhaps by another version. */
	assert_string_equal(token_of(&f->plan, &token), "a595d6851053f975-1-20-3-2");
	assert_int_equal(compare(&f->plan, buf_text(&token), ""), PLAN_SAME);
	buf_free(&token);
}

static void
test_plan_says_what_moved(void **state)
{
	struct fixture *f = *state;
	struct buf token = BUF_INIT;

	token_of(&f->plan, &token);
	f->rows[1].rows = 21;
	assert_int_equal(compare(&f->plan, buf_text(&token), "log: planned 20, now 21"),
			 PLAN_MOVED);
	f->rows[2].rows = 0;
	assert_int_equal(compare(&f->plan, buf_text(&token),
				 "log: planned 20, now 21; requests: planned 3, now 0"),
			 PLAN_MOVED);
	buf_free(&token);
}

static void
test_plan_token_is_of_one_subject_and_registry(void **state)
{
	struct fixture *f = *state;
	struct buf token = BUF_INIT;

	token_of(&f->plan, &token);
	f->plan.registry = "18";
	assert_int_equal(
		compare(&f->plan, buf_text(&token), "the registry of personal data was changed"),
		PLAN_MOVED);
	f->plan.registry = "17";
	f->rows[2].action = "delete";
	assert_int_equal(
		compare(&f->plan, buf_text(&token), "the registry of personal data was changed"),
		PLAN_MOVED);
	f->plan.jid = "juliet@example.org";
	assert_int_equal(compare(&f->plan, buf_text(&token), ""), PLAN_OTHER);
	buf_free(&token);
}

static void
test_plan_knows_what_is_no_token(void **state)
{
	static const char *const BAD[] = {
		"",
		"x",
		"a595d6851053f975",
		"a595d6851053f975-",
		"A595D6851053F975-1-20-3-2",
		"a595d6851053f975-1-20-3",
		"a595d6851053f975-1-20-3-2-1",
		"a595d6851053f975-1-20-3-2-",
		"a595d6851053f975-1-20-3-x",
		"a595d6851053f975-1-20-3-+2",
		"a595d6851053f975-1-20--3-2",
		"a595d6851053f975-1-20-3- 2",
		"a595d6851053f975-1-20-3-99999999999999999999999999999",
		" a595d6851053f975-1-20-3-2",
	};
	const struct fixture *f = *state;
	struct buf text = BUF_INIT;
	enum plan_match match;
	struct adx_error err;

	for (size_t i = 0; i < COUNT(BAD); i++) {
		assert_int_equal(plan_compare(&f->plan, BAD[i], &match, &text, &err), ADX_OK);
		if (match != PLAN_NO_TOKEN)
			fail_msg("'%s' is %d", BAD[i], match);
	}
	buf_free(&text);
}

static void
test_plan_and_deed_are_one(void **state)
{
	struct fixture *f = *state;
	struct buf broken = BUF_INIT;

	assert_true(plan_note(&f->plan, "account", 1));
	assert_true(plan_note(&f->plan, "log", 20));
	assert_true(plan_note(&f->plan, "told", 2));
	assert_false(plan_note(&f->plan, "nothing", 0));
	plan_add_broken(&f->plan, &broken);
	assert_string_equal(buf_text(&broken), "");
	assert_true(plan_note(&f->plan, "account", 0));
	assert_true(plan_note(&f->plan, "told", 5));
	plan_add_broken(&f->plan, &broken);
	assert_string_equal(buf_text(&broken), "account: planned 1, now 0; told: planned 2, now 5");
	buf_free(&broken);
}

static void
test_plan_that_was_not_done_is_broken(void **state)
{
	const struct fixture *f = *state;
	struct buf broken = BUF_INIT;

	plan_add_broken(&f->plan, &broken);
	assert_string_equal(buf_text(&broken), "account: planned 1, now 0; log: planned 20, now 0");
	buf_free(&broken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plan_counts_by_action, set_up),
		cmocka_unit_test_setup(test_plan_token_is_short_and_stays, set_up),
		cmocka_unit_test_setup(test_plan_says_what_moved, set_up),
		cmocka_unit_test_setup(test_plan_token_is_of_one_subject_and_registry, set_up),
		cmocka_unit_test_setup(test_plan_knows_what_is_no_token, set_up),
		cmocka_unit_test_setup(test_plan_and_deed_are_one, set_up),
		cmocka_unit_test_setup(test_plan_that_was_not_done_is_broken, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
