#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "command/command.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct command KICK = {
	.name = "kick_session",
	.params = { { .name = "user" }, { .name = "host" }, { .name = "new_pass" } },
	.fields = { { "a", false }, { "b", true } },
};
static const struct command KICK_USER = { .name = "kick_user" };
static const struct command STATS = { .name = "stats" };
static const struct command FULL = {
	.name = "full",
	.params = { { .name = "a" },
		    { .name = "b" },
		    { .name = "c" },
		    { .name = "d" },
		    { .name = "e" },
		    { .name = "f" },
		    { .name = "g" },
		    { .name = "h" } },
	.fields = { { "a", 0 },
		    { "b", 0 },
		    { "c", 0 },
		    { "d", 0 },
		    { "e", 0 },
		    { "f", 0 },
		    { "g", 0 },
		    { "h", 0 } },
};
static const struct command *const COMMANDS[] = { &KICK, &KICK_USER, &STATS, &FULL, NULL };

static void
test_command_counts(void **state)
{
	(void)state;
	assert_int_equal(command_param_count(&KICK), 3);
	assert_int_equal(command_field_count(&KICK), 2);
	assert_int_equal(command_param_count(&STATS), 0);
	assert_int_equal(command_field_count(&STATS), 0);
	assert_int_equal(command_param_count(&FULL), COMMAND_PARAMS_MAX);
	assert_int_equal(command_field_count(&FULL), COMMAND_FIELDS_MAX);
}

static void
test_command_usage_is_in_capitals(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	command_usage(&KICK, &out);
	assert_string_equal(buf_text(&out), "kick_session USER HOST NEW_PASS");
	buf_clear(&out);
	command_usage(&STATS, &out);
	assert_string_equal(buf_text(&out), "stats");
	buf_free(&out);
}

static void
test_command_find(void **state)
{
	static const struct {
		const char *name;
		const struct command *want;
	} cases[] = {
		{ "kick_session", &KICK },
		{ "kick-session", &KICK },
		{ "kick_user", &KICK_USER },
		{ "stats", &STATS },
		{ "", NULL },
		{ "kick", NULL },
		{ "kick_sessio", NULL },
		{ "kick_sessions", NULL },
		{ "kick--session", NULL },
		{ "kick session", NULL },
		{ "Kick_session", NULL },
		{ "-", NULL },
	};
	static const struct command *const none[] = { NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_ptr_equal(command_find(COMMANDS, cases[i].name), cases[i].want);
	assert_null(command_find(none, "stats"));
}

static void
test_command_nearest(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "kick_sesion", "kick_session" },
		{ "kick-session", "kick_session" },
		{ "kick_users", "kick_user" },
		{ "stat", "stats" },
		{ "status", "stats" },
		{ "KICK_USER", NULL },
		{ "", NULL },
		{ "x", NULL },
		{ "frobnicate", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = command_nearest(COMMANDS, cases[i].name);

		if (cases[i].want == NULL)
			assert_null(got);
		else
			assert_string_equal(got, cases[i].want);
	}
}

/* A third of a long word may differ, but no name is near a word as long as a page. */
static void
test_command_nearest_of_long_words(void **state)
{
	char word[1000];

	(void)state;
	for (size_t len = 30; len < sizeof(word); len += 50) {
		memset(word, 'k', len);
		word[len] = '\0';
		assert_null(command_nearest(COMMANDS, word));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_counts),
		cmocka_unit_test(test_command_usage_is_in_capitals),
		cmocka_unit_test(test_command_find),
		cmocka_unit_test(test_command_nearest),
		cmocka_unit_test(test_command_nearest_of_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
