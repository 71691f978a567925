/* Words behind a command's name: which parameter each of them gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "command/args.h"
#include "parcels.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { WORDS_MAX = 24 };

static const struct command *const SEND = &PARCELS[0];

static const struct command PLAIN = {
	.name = "plain",
	.params = { { .name = "user", .type = PARAM_LOCALPART },
		    { .name = "text", .type = PARAM_TEXT } },
};

static size_t
count_of(const char *const words[])
{
	size_t n = 0;

	while (n < WORDS_MAX && words[n] != NULL)
		n++;
	return n;
}

/* "user=a host=b fragile=true", and what else was found. */
static void
describe(const struct command *c, const struct args *args, struct buf *out)
{
	for (size_t i = 0; i < command_param_count(c); i++)
		if (args->values[i] != NULL)
			buf_addf(out, "%s%s=%s", out->len == 0 ? "" : " ", c->params[i].name,
				 args->values[i]);
	if (args->yes)
		buf_add_text(out, " (yes)");
	if (args->dry_run)
		buf_add_text(out, " (dry run)");
}

/* Each value is the end of the word it is said to come from. */
static void
check_origins(const struct command *c, const struct args *args, const char *const words[])
{
	for (size_t i = 0; i < command_param_count(c); i++) {
		const char *value = args->values[i], *word = words[args->from[i]];

		if (value != NULL && value != ARGS_TRUE)
			assert_ptr_equal(value + strlen(value), word + strlen(word));
	}
}

static void
take(const struct command *c, const char *const words[], const char *want)
{
	struct buf got = BUF_INIT;
	struct adx_error err = { 0 };
	struct args args;

	if (args_read(c, words, count_of(words), &args, &err) != ADX_OK)
		fail_msg("%s: %s", want, err.message);
	describe(c, &args, &got);
	assert_string_equal(buf_text(&got), want);
	check_origins(c, &args, words);
	buf_free(&got);
}

static void
test_args_without_options_are_words(void **state)
{
	static const struct {
		const char *words[WORDS_MAX], *want;
	} cases[] = {
		{ { "a", "b" }, "user=a text=b" },
		{ { "--user", "--" }, "user=--user text=--" },
		{ { "-o", "" }, "user=-o text=" },
		{ { "--yes", "--dry-run" }, "user=--yes text=--dry-run" },
		{ { "--text=x", "-" }, "user=--text=x text=-" },
		{ { "--help" }, "user=--help" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		take(&PLAIN, cases[i].words, cases[i].want);
}

static void
test_args_count_what_is_beyond(void **state)
{
	static const struct {
		const struct command *command;
		const char *words[WORDS_MAX];
		size_t given, count;
	} cases[] = {
		{ &PLAIN, { NULL }, 0, 2 },
		{ &PLAIN, { "a" }, 1, 2 },
		{ &PLAIN, { "a", "b" }, 2, 2 },
		{ &PLAIN, { "a", "b", "--c" }, 3, 3 },
		{ &PARCELS[0], { "a", "--as", "zip" }, 1, 12 },
		{ &PARCELS[0], { "a", "b", "--as", "zip", "c", "d" }, 4, 14 },
		{ &PARCELS[2], { "example.org" }, 1, 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err = { 0 };
		struct args args;

		assert_int_equal(args_read(cases[i].command, cases[i].words,
					   count_of(cases[i].words), &args, &err),
				 ADX_OK);
		assert_int_equal(args.given, cases[i].given);
		assert_int_equal(args.count, cases[i].count);
	}
}

static void
test_args_take_options_anywhere(void **state)
{
	static const struct {
		const char *words[WORDS_MAX], *want;
	} cases[] = {
		{ { "a", "b" }, "user=a host=b" },
		{ { "a", "b", "--as", "zip" }, "user=a host=b as=zip" },
		{ { "--as", "zip", "a", "b" }, "user=a host=b as=zip" },
		{ { "a", "--as=zip", "b" }, "user=a host=b as=zip" },
		{ { "a", "b", "--as=" }, "user=a host=b as=" },
		{ { "a", "b", "--as", "" }, "user=a host=b as=" },
		{ { "a", "b", "--as=x=y" }, "user=a host=b as=x=y" },
		/* Both forms of a name. */
		{ { "a", "b", "--small-note", "x" }, "user=a host=b small_note=x" },
		{ { "a", "b", "--small_note=x" }, "user=a host=b small_note=x" },
		/* Letters. */
		{ { "a", "b", "-o", "x" }, "user=a host=b output=x" },
		{ { "a", "b", "-ox" }, "user=a host=b output=x" },
		{ { "a", "b", "-o", "-" }, "user=a host=b output=-" },
		{ { "a", "b", "-o=x" }, "user=a host=b output==x" },
		{ { "-o", "x", "-n", "y", "a", "-w", "1d", "b" },
		  "user=a host=b output=x small_note=y within=1d" },
		/* A value may look like anything. */
		{ { "a", "b", "--small-note", "--as" }, "user=a host=b small_note=--as" },
		{ { "a", "b", "-n", "--" }, "user=a host=b small_note=--" },
		/* Flags. */
		{ { "a", "b", "--fragile" }, "user=a host=b fragile=true" },
		{ { "-f", "a", "b" }, "user=a host=b fragile=true" },
		{ { "--fragile", "a", "b" }, "user=a host=b fragile=true" },
		/* Only arguments follow; "-" is one. */
		{ { "--", "-a", "--as" }, "user=-a host=--as" },
		{ { "-f", "--", "--", "--as" }, "user=-- host=--as fragile=true" },
		{ { "-", "-" }, "user=- host=-" },
		/* Of the program. */
		{ { "a", "b", "--yes" }, "user=a host=b (yes)" },
		{ { "-y", "a", "b" }, "user=a host=b (yes)" },
		{ { "a", "--dry-run", "b", "--dry_run" }, "user=a host=b (dry run)" },
		{ { "a", "--", "--yes" }, "user=a host=--yes" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		take(SEND, cases[i].words, cases[i].want);
}

static void
test_args_refused(void **state)
{
	static const struct {
		const char *words[WORDS_MAX], *want;
	} cases[] = {
		{ { "a", "b", "--sea", "hunter2" }, "unknown option '--sea' of parcel_send" },
		{ { "a", "b", "--seals=hunter2" }, "unknown option '--seals' of parcel_send" },
		{ { "a", "b", "-shunter2", "-xhunter2" }, "unknown option '-x' of parcel_send" },
		{ { "a", "b", "-éhunter2" }, "unknown option '-é' of parcel_send" },
		{ { "a", "b", "-5" }, "unknown option '-5' of parcel_send" },
		{ { "--user", "a" }, "unknown option '--user' of parcel_send" },
		{ { "--As", "a" }, "unknown option '--As' of parcel_send" },
		{ { "---as", "a" }, "unknown option '---as' of parcel_send" },
		{ { "--=hunter2", "a" }, "unknown option '--' of parcel_send" },
		{ { "--yes=hunter2" }, "unknown option '--yes' of parcel_send" },
		{ { "--dry-run=1" }, "unknown option '--dry-run' of parcel_send" },
		{ { "-yes" }, "unknown option '-y' of parcel_send" },
		{ { "--help" }, "unknown option '--help' of parcel_send" },
		{ { "a", "--as", "x", "--as", "x" }, "option '--as' is there twice" },
		{ { "-s", "hunter2", "--seal=hunter2" }, "option '--seal' is there twice" },
		{ { "-f", "-f" }, "option '-f' is there twice" },
		{ { "a", "--as=x", "--as=" }, "option '--as' is there twice" },
		{ { "--fragile=true" }, "option '--fragile' takes no value" },
		{ { "-fhunter2" }, "option '-f' takes no value" },
		{ { "a", "b", "--seal" }, "option '--seal' needs a value" },
		{ { "a", "b", "-s" }, "option '-s' needs a value" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err = { 0 };
		struct args args;

		assert_int_equal(
			args_read(SEND, cases[i].words, count_of(cases[i].words), &args, &err),
			ADX_EUSAGE);
		assert_string_equal(err.message, cases[i].want);
		assert_null(strstr(err.hint, "hunter2"));
	}
}

static void
test_args_list_what_is_possible(void **state)
{
	struct adx_error err = { 0 };
	struct args args;

	(void)state;
	assert_int_equal(args_read(SEND, (const char *const[]){ "--x" }, 1, &args, &err),
			 ADX_EUSAGE);
	assert_string_equal(err.hint, "it takes --as, -o, --output, --letter, -n, --small-note, "
				      "--weight, -w, --within, --on, -f, --fragile, --tags, -s, "
				      "--seal, --yes, --dry-run");
}

/* Whatever somebody made up as an option. */
static void
test_args_message_stays_short(void **state)
{
	char word[2000];
	struct adx_error err = { 0 };
	struct args args;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	memcpy(word, "--", 2);
	assert_int_equal(args_read(SEND, (const char *const[]){ word }, 1, &args, &err),
			 ADX_EUSAGE);
	assert_true(strlen(err.message) < 120);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_args_without_options_are_words),
		cmocka_unit_test(test_args_count_what_is_beyond),
		cmocka_unit_test(test_args_take_options_anywhere),
		cmocka_unit_test(test_args_refused),
		cmocka_unit_test(test_args_list_what_is_possible),
		cmocka_unit_test(test_args_message_stays_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
