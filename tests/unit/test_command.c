#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "command/command.h"
#include "parcels.h"

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
		    { .name = "h" },
		    { .name = "i" },
		    { .name = "j" },
		    { .name = "k" },
		    { .name = "l" },
		    { .name = "m" },
		    { .name = "n" },
		    { .name = "o" },
		    { .name = "p" } },
	.fields = { { "a", 0 },
		    { "b", 0 },
		    { "c", 0 },
		    { "d", 0 },
		    { "e", 0 },
		    { "f", 0 },
		    { "g", 0 },
		    { "h", 0 },
		    { "i", 0 },
		    { "j", 0 },
		    { "k", 0 },
		    { "l", 0 },
		    { "m", 0 },
		    { "n", 0 },
		    { "o", 0 },
		    { "p", 0 } },
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
	assert_int_equal(command_required_count(&KICK), 3);
	assert_false(command_has_optional(&KICK));
	assert_int_equal(command_required_count(&FULL), COMMAND_PARAMS_MAX);
	assert_int_equal(command_param_count(&PARCELS[0]), 12);
	assert_int_equal(command_required_count(&PARCELS[0]), 2);
	assert_true(command_has_optional(&PARCELS[0]));
	assert_int_equal(command_required_count(&PARCELS[2]), 0);
	assert_true(command_has_optional(&PARCELS[2]));
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
test_command_usage_has_options_and_two_words(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	command_usage(&PARCELS[0], &out);
	assert_string_equal(buf_text(&out),
			    "parcel send USER HOST [--as json|zip] [-o|--output FILE] "
			    "[--letter FILE] [-n|--small-note TEXT] [--weight N] "
			    "[-w|--within DURATION] [--on DATE] [-f|--fragile] [--tags LIST] "
			    "[-s|--seal SECRET]");
	buf_clear(&out);
	command_usage(&PARCELS[2], &out);
	assert_string_equal(buf_text(&out), "parcel list [--host HOST]");
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

/* Named as in "gdpr_request_open": the family has a '_' of its own. */
static const struct command REQUEST_OPEN = { .name = "kick_mail_open", .family = "kick_mail" };
static const struct command *const FAMILIES[] = { &KICK, &REQUEST_OPEN, &PARCELS[0], &PARCELS[1],
						  NULL };

static void
test_command_named_in_one_or_two_words(void **state)
{
	static const struct {
		const char *first, *second;
		const struct command *want;
		size_t words;
	} cases[] = {
		{ "kick_session", "user", &KICK, 1 },
		{ "kick_session", NULL, &KICK, 1 },
		{ "parcel_send", "send", &PARCELS[0], 1 },
		{ "parcel", "send", &PARCELS[0], 2 },
		{ "parcel", "return", &PARCELS[1], 2 },
		{ "kick_mail", "open", &REQUEST_OPEN, 2 },
		{ "kick-mail", "open", &REQUEST_OPEN, 2 },
		{ "kick-mail-open", "x", &REQUEST_OPEN, 1 },
		/* Only a family has two. */
		{ "kick", "session", NULL, 0 },
		{ "kick", "mail_open", NULL, 0 },
		{ "parcel", NULL, NULL, 0 },
		{ "parcel", "", NULL, 0 },
		{ "parcel", "sen", NULL, 0 },
		{ "parcel", "sends", NULL, 0 },
		{ "parcel", "parcel_send", NULL, 0 },
		{ "parcel_", "send", NULL, 0 },
		{ "", "send", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t words;

		assert_ptr_equal(command_named(FAMILIES, cases[i].first, cases[i].second, &words),
				 cases[i].want);
		if (cases[i].want != NULL)
			assert_int_equal(words, cases[i].words);
	}
}

static void
test_command_unknown_says_what_is_possible(void **state)
{
	static const struct {
		const char *first, *second, *want, *hint;
	} cases[] = {
		{ "parcel", "sen", "'parcel' is followed by one of send, return, not 'sen'",
		  "see 'adminex help parcel'" },
		{ "parcel", NULL, "'parcel' needs one more word: send, return",
		  "see 'adminex help parcel'" },
		{ "kick-mail", "x", "'kick-mail' is followed by one of open, not 'x'",
		  "see 'adminex help kick-mail'" },
		{ "parcle", "send", "unknown command 'parcle'", "did you mean 'parcel'?" },
		{ "kick_sesion", "x", "unknown command 'kick_sesion'",
		  "did you mean 'kick_session'?" },
		{ "frobnicate", "x", "unknown command 'frobnicate'", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err;

		assert_int_equal(command_unknown(FAMILIES, cases[i].first, cases[i].second, &err),
				 ADX_EUSAGE);
		assert_string_equal(err.message, cases[i].want);
		assert_string_equal(err.hint, cases[i].hint);
	}
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
		cmocka_unit_test(test_command_usage_has_options_and_two_words),
		cmocka_unit_test(test_command_find),
		cmocka_unit_test(test_command_named_in_one_or_two_words),
		cmocka_unit_test(test_command_unknown_says_what_is_possible),
		cmocka_unit_test(test_command_nearest),
		cmocka_unit_test(test_command_nearest_of_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
