#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "face/batch.h"
#include "parcels.h"

/* A literal with its length, as some hold NULs. */
#define T(s)     s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct accepted {
	const char *text;
	size_t len;
	const char *words[6]; /* the command and its arguments */
};

static void
accept(const char *text, size_t len, struct arena *arena, struct batch_line *line)
{
	struct adx_error err = { 0 };

	if (batch_line_parse(text, len, arena, line, &err) != ADX_OK)
		fail_msg("%s: %s", text, err.message);
}

static void
refuse(const char *text, size_t len, const char *want)
{
	struct arena arena = ARENA_INIT;
	struct adx_error err = { 0 };
	struct batch_line line;

	if (batch_line_parse(text, len, &arena, &line, &err) != ADX_EUSAGE)
		fail_msg("not refused as usage: %s", text);
	assert_int_equal(err.rc, ADX_EUSAGE);
	if (strstr(err.message, want) == NULL)
		fail_msg("%s: '%s' is not in: %s", text, want, err.message);
	if (strstr(err.message, "hunter2") != NULL)
		fail_msg("quotes an argument: %s", err.message);
	arena_free(&arena);
}

static void
check_words(const struct accepted *c)
{
	struct arena arena = ARENA_INIT;
	struct batch_line line;
	size_t n = 0;

	accept(c->text, c->len, &arena, &line);
	assert_string_equal(line.command, c->words[0]);
	for (; c->words[n + 1] != NULL; n++) {
		assert_true(n < line.count);
		assert_string_equal(line.args[n], c->words[n + 1]);
	}
	assert_int_equal(line.count, n);
	assert_false(line.named);
	arena_free(&arena);
}

/* ---- as a shell -------------------------------------------------------------------------- */

static void
test_batch_line_words(void **state)
{
	static const struct accepted cases[] = {
		{ T("a"), { "a" } },
		{ T(" \t a  b\tc "), { "a", "b", "c" } },
		{ T("a ''"), { "a", "" } },
		{ T("a \"\" ''"), { "a", "", "" } },
		{ T("a 'x y'"), { "a", "x y" } },
		{ T("a \"x y\""), { "a", "x y" } },
		{ T("a x\\ y"), { "a", "x y" } },
		{ T("a 'it'\\''s'"), { "a", "it's" } },
		{ T("a x'y'\"z\"\\w"), { "a", "xyzw" } },
		{ T("a '\\' \"\\\\\""), { "a", "\\", "\\" } },
		/* Within double quotes a backslash quotes four characters, no other. */
		{ T("a \"\\$\\`\\\"\\\\\\x\\n\""), { "a", "$`\"\\\\x\\n" } },
		{ T("a \"it's\" '\"'"), { "a", "it's", "\"" } },
		/* Nothing is expanded, and nothing is an operator. */
		{ T("a $HOME `id` * ~"), { "a", "$HOME", "`id`", "*", "~" } },
		{ T("a b;c d|e >f &"), { "a", "b;c", "d|e", ">f", "&" } },
		{ T("a b#c #d"), { "a", "b#c", "#d" } },
		{ T("a - --json"), { "a", "-", "--json" } },
		{ T("a [1] {2}"), { "a", "[1]", "{2}" } },
		{ T("a \x01\x7F\r\xFF"), { "a", "\x01\x7F\r\xFF" } },
		{ T("'a b' c"), { "a b", "c" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_words(&cases[i]);
}

static void
test_batch_line_words_refused(void **state)
{
	(void)state;
	refuse(T("a 'hunter2"), "a quote (') is not closed");
	refuse(T("a \"hunter2"), "a quote (\") is not closed");
	refuse(T("a \"hunter2\\\""), "a quote (\") is not closed");
	refuse(T("a \"hunter2\\"), "a quote (\") is not closed");
	refuse(T("a 'hunter2\\'x'"), "a quote (') is not closed");
	refuse(T("a hunter2\\"), "ends with a backslash");
	refuse(T("a hunter2\0x"), "NUL");
	refuse(T("\0"), "NUL");
	refuse(T("a 'hunter2\0'"), "NUL");
	refuse(T("a 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 "
		 "29 30 31 32 hunter2"),
	       "more arguments than any");
	refuse(T(""), "names no command");
}

static void
test_batch_line_is_empty(void **state)
{
	(void)state;
	assert_true(batch_line_is_empty(T("")));
	assert_true(batch_line_is_empty(T(" \t ")));
	assert_true(batch_line_is_empty(T("#")));
	assert_true(batch_line_is_empty(T("\t # check_account a b")));
	assert_false(batch_line_is_empty(T("''")));
	assert_false(batch_line_is_empty(T("a # b")));
	assert_false(batch_line_is_empty(T("\\#")));
	assert_false(batch_line_is_empty(T("\0")));
}

/* ---- as JSON ----------------------------------------------------------------------------- */

static void
test_batch_line_json(void **state)
{
	static const struct accepted cases[] = {
		{ T("[\"a\"]"), { "a" } },
		{ T(" [ \"a\" , \"\", 1, -1.5e3, \"x y\" ] "), { "a", "", "1", "-1.5e3", "x y" } },
		{ T("[\"a\",123456789012345678901234567890]"),
		  { "a", "123456789012345678901234567890" } },
		{ T("[\"a\",\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\"]"), { "a", "é😀\n\"\\" } },
		{ T("[\"a\",\"\\\\ud83d\"]"), { "a", "\\ud83d" } },
		{ T("[\"a\",\"-\",\"#\"]"), { "a", "-", "#" } },
		{ T("{\"command\":\"a\"}"), { "a" } },
		{ T("{\"command\":\"a\",\"args\":[]}"), { "a" } },
		{ T("{\"args\":[\"x\",2],\"id\":1,\"command\":\"a\"}"), { "a", "x", "2" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_words(&cases[i]);
}

static void
test_batch_line_json_is_strict(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *want;
	} cases[] = {
		{ T("["), "not JSON" },
		{ T("{"), "not JSON" },
		{ T("[\"a\""), "not JSON" },
		{ T("[\"a\",\"hunter2]"), "not JSON" },
		{ T("[\"a\",]"), "not JSON" },
		{ T("[\"a\" \"hunter2\"]"), "not JSON" },
		{ T("[\"a\",'hunter2']"), "not JSON" },
		{ T("[\"a\",hunter2]"), "not JSON" },
		{ T("[\"a\",01]"), "not JSON" },
		{ T("[\"a\",+1]"), "not JSON" },
		{ T("[\"a\",NaN]"), "not JSON" },
		{ T("[\"a\",\"\\xhunter2\"]"), "not JSON" },
		{ T("[\"a\",\"\\u12\"]"), "not JSON" },
		{ T("[\"a\",\"hunter2\t\"]"), "not JSON" },
		{ T("[\"a\",\"hunter2\xFF\"]"), "not JSON" },
		{ T("[\"a\",\"\xC0\xAF\"]"), "not JSON" },
		{ T("[\"a\",\"\xED\xA0\xBD\"]"), "not JSON" },
		{ T("[\"a\"] [\"hunter2\"]"), "not JSON" },
		{ T("[\"a\"]hunter2"), "not JSON" },
		{ T("[\"a\"]\0"), "not JSON" },
		{ T("[\"a\"] // hunter2"), "not JSON" },
		{ T("[\"a\" /* hunter2 */]"), "not JSON" },
		{ T("[\"a\",\"hunter2\\u0000\"]"), "NUL" },
		{ T("[\"a\",\"hunter2\\ud83d\"]"), "surrogate" },
		{ T("[\"a\",\"\\ude00\\ud83d\"]"), "surrogate" },
		{ T("{\"command\":\"a\",\"args\":{\"\\udfff\":\"hunter2\"}}"), "surrogate" },
		{ T("{\"command\":\"a\",\"id\":\"\\ud800\"}"), "surrogate" },
		{ T("[]"), "names no command" },
		{ T("{}"), "names no command" },
		{ T("{\"args\":[\"hunter2\"]}"), "names no command" },
		{ T("[1]"), "found a number" },
		{ T("[null]"), "found null" },
		{ T("[\"a\",null]"), "found null" },
		{ T("[\"a\",true]"), "found true" },
		{ T("[\"a\",false]"), "found false" },
		{ T("[\"a\",[\"hunter2\"]]"), "found an array" },
		{ T("[\"a\",{\"hunter2\":1}]"), "found an object" },
		{ T("[[\"a\"]]"), "found an array" },
		{ T("{\"command\":1}"), "found a number" },
		{ T("{\"command\":null}"), "found null" },
		{ T("{\"command\":[\"a\"]}"), "found an array" },
		{ T("{\"command\":\"a\",\"args\":\"hunter2\"}"), "found a string" },
		{ T("{\"command\":\"a\",\"args\":7}"), "found a number" },
		{ T("{\"command\":\"a\",\"args\":null}"), "found null" },
		{ T("{\"command\":\"a\",\"args\":[[\"hunter2\"]]}"), "found an array" },
		{ T("{\"command\":\"a\",\"args\":{\"user\":{\"hunter2\":1}}}"), "found an object" },
		{ T("{\"command\":\"a\",\"args\":[true]}"), "found true" },
		{ T("{\"command\":\"a\",\"args\":[null]}"), "found null" },
		{ T("{\"command\":\"a\",\"id\":{\"hunter2\":1}}"), "found an object" },
		{ T("{\"command\":\"a\",\"id\":[1]}"), "found an array" },
		{ T("{\"command\":\"a\",\"id\":true}"), "found true" },
		{ T("{\"command\":\"a\",\"id\":null}"), "found null" },
		{ T("{\"command\":\"a\",\"id\":\"x\\u0000\"}"), "NUL" },
		{ T("{\"command\":\"a\",\"hunter2\":1}"), "not id, command, args" },
		{ T("{\"command\":\"a\",\"Args\":[]}"), "not id, command, args" },
		{ T("{\"command\\u0000\":\"a\"}"), "not id, command, args" },
		{ T("{\"command\":\"a\",\"command\":\"a\"}"), "'command' is there twice" },
		{ T("{\"command\":\"a\",\"id\":1,\"id\":2}"), "'id' is there twice" },
		{ T("{\"command\":\"a\",\"args\":[],\"args\":{}}"), "'args' is there twice" },
		{ T("{\"command\":\"a\",\"limit\":1,\"limit\":1}"), "'limit' is there twice" },
		{ T("{\"command\":\"a\",\"after\":\"\",\"after\":\"\"}"),
		  "'after' is there twice" },
		{ T("{\"command\":\"a\",\"limit\":\"1\"}"), "a number as limit, found a string" },
		{ T("{\"command\":\"a\",\"limit\":null}"), "a number as limit, found null" },
		{ T("{\"command\":\"a\",\"limit\":[1]}"), "a number as limit, found an array" },
		{ T("{\"command\":\"a\",\"limit\":0}"), "a whole number from 1" },
		{ T("{\"command\":\"a\",\"limit\":-1}"), "a whole number from 1" },
		{ T("{\"command\":\"a\",\"limit\":1.0}"), "a whole number from 1" },
		{ T("{\"command\":\"a\",\"limit\":1000000001}"), "a whole number from 1" },
		{ T("{\"command\":\"a\",\"limit\":99999999999999999999}"),
		  "a whole number from 1" },
		{ T("{\"command\":\"a\",\"after\":1}"), "a string as after, found a number" },
		{ T("{\"command\":\"a\",\"after\":{}}"), "a string as after, found an object" },
		{ T("{\"command\":\"a\",\"after\":\"hunter2\\u0000\"}"), "NUL" },
		{ T("[\"a\",1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,"
		    "27,"
		    "28,29,30,31,32,\"hunter2\"]"),
		  "more arguments" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		refuse(cases[i].text, cases[i].len, cases[i].want);
}

static void
test_batch_line_pages(void **state)
{
	static const struct {
		const char *text;
		int64_t limit;
		const char *after;
	} cases[] = {
		{ "{\"command\":\"a\",\"args\":[\"limit\",\"after\"]}", 0, NULL },
		{ "{\"command\":\"a\",\"limit\":1}", 1, NULL },
		{ "{\"limit\":1000000000,\"command\":\"a\",\"after\":\"x/\\u00e9\"}", 1000000000,
		  "x/é" },
		{ "{\"command\":\"a\",\"after\":\"\",\"args\":{\"limit\":7}}", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct batch_line line;

		accept(cases[i].text, strlen(cases[i].text), &arena, &line);
		assert_int_equal(line.limit, cases[i].limit);
		if (cases[i].after == NULL)
			assert_null(line.after);
		else
			assert_string_equal(line.after, cases[i].after);
		arena_free(&arena);
	}
}

static void
test_batch_line_depth_is_no_matter(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_add_char(&text, '[');
	refuse(buf_text(&text), text.len, "found an array");
	buf_free(&text);
}

/* ---- ids --------------------------------------------------------------------------------- */

static void
test_batch_line_ids(void **state)
{
	static const struct {
		const char *json, *id;
		bool number;
	} cases[] = {
		{ "\"7\"", "7", false },
		{ "\"\"", "", false },
		{ "\"\\\"\\u00e9\\n\"", "\"é\n", false },
		{ "7", "7", true },
		{ "0", "0", true },
		{ "-0", "-0", true },
		{ "-1.50E+3", "-1.50E+3", true },
		{ "1e999", "1e999", true },
		{ "123456789012345678901234567890", "123456789012345678901234567890", true },
	};
	char text[120];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct batch_line line;

		snprintf(text, sizeof(text), "{\"command\":\"a\",\"id\":%s}", cases[i].json);
		accept(text, strlen(text), &arena, &line);
		assert_string_equal(line.id, cases[i].id);
		assert_int_equal(line.id_is_number, cases[i].number);
		arena_free(&arena);
	}
}

static void
test_batch_line_id_of_a_line_that_is_refused(void **state)
{
	struct arena arena = ARENA_INIT;
	struct batch_line line;
	struct adx_error err;

	(void)state;
	assert_int_equal(batch_line_parse(T("{\"id\":\"x7\",\"command\":\"a\",\"args\":1}"), &arena,
					  &line, &err),
			 ADX_EUSAGE);
	assert_string_equal(line.id, "x7");
	assert_int_equal(batch_line_parse(T("[\"a\"]"), &arena, &line, &err), ADX_OK);
	assert_null(line.id);
	arena_free(&arena);
}

/* ---- arguments by name ------------------------------------------------------------------- */

static const struct command COMMAND = {
	.name = "set_last",
	.params = { { "user", PARAM_LOCALPART, "" },
		    { "host", PARAM_DOMAIN, "" },
		    { "status", PARAM_TEXT, "" } },
};

static const struct command *const COMMANDS[] = { &COMMAND, NULL };

/* Of a line that may have any name for the command: what is asked of `set_last`. */
static enum adx_rc
resolve(const char *text, struct arena *arena, struct args *args, struct adx_error *err)
{
	const struct command *command;
	struct batch_line line;
	enum adx_rc rc;

	accept(text, strlen(text), arena, &line);
	rc = batch_line_resolve(&line, COMMANDS, &command, args, err);
	assert_ptr_equal(command, &COMMAND);
	return rc;
}

static void
test_batch_line_by_name(void **state)
{
	static const char *const texts[] = {
		"{\"command\":\"set_last\",\"args\":{\"user\":\"a\",\"host\":\"b\",\"status\":3}}",
		"{\"args\":{\"status\":3,\"host\":\"b\",\"user\":\"a\"},\"command\":\"set-last\"}",
		"{\"args\":{\"sta\\u0074us\":3,\"host\":\"b\",\"user\":\"a\"},"
		"\"command\":\"set_last\"}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct arena arena = ARENA_INIT;
		struct args args;
		struct adx_error err;

		assert_int_equal(resolve(texts[i], &arena, &args, &err), ADX_OK);
		assert_int_equal(args.count, 3);
		assert_string_equal(args.values[0], "a");
		assert_string_equal(args.values[1], "b");
		assert_string_equal(args.values[2], "3");
		arena_free(&arena);
	}
}

static void
test_batch_line_by_name_refused(void **state)
{
	static const struct {
		const char *args, *want;
	} cases[] = {
		{ "{}", "set_last needs argument 'user'" },
		{ "{\"user\":\"hunter2\",\"status\":\"\"}", "set_last needs argument 'host'" },
		{ "{\"user\":\"hunter2\",\"host\":\"b\",\"status\":\"\",\"more\":1}",
		  "set_last has no argument 'more'" },
		{ "{\"USER\":\"hunter2\"}", "set_last has no argument 'USER'" },
		{ "{\"\":\"hunter2\"}", "set_last has no argument ''" },
		{ "{\"user\":\"hunter2\",\"user\":\"hunter2\",\"host\":\"b\",\"status\":\"\"}",
		  "argument 'user' is there twice" },
		{ "{\"user\":true}", "expected a string or a number as 'user', found true" },
		{ "{\"user\":null}", "expected a string or a number as 'user', found null" },
	};
	char text[160];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct adx_error err = { 0 };
		struct args args;

		snprintf(text, sizeof(text), "{\"command\":\"set_last\",\"args\":%s}",
			 cases[i].args);
		assert_int_equal(resolve(text, &arena, &args, &err), ADX_EUSAGE);
		assert_string_equal(err.message, cases[i].want);
		arena_free(&arena);
	}
}

/* Whether there are enough is not asked here. */
static void
test_batch_line_by_position(void **state)
{
	struct arena arena = ARENA_INIT;
	struct adx_error err;
	struct args args;

	(void)state;
	assert_int_equal(resolve("[\"set_last\",\"z\",\"--y\"]", &arena, &args, &err), ADX_OK);
	assert_int_equal(args.given, 2);
	assert_string_equal(args.values[0], "z");
	assert_string_equal(args.values[1], "--y");
	assert_null(args.values[2]);
	arena_free(&arena);
}

/* ---- optional arguments ------------------------------------------------------------------ */

/* "send user=a host=b as=zip", of any form of line. */
static void
check_parcel(const char *text, const char *want)
{
	struct arena arena = ARENA_INIT;
	struct buf got = BUF_INIT;
	struct adx_error err = { 0 };
	const struct command *command;
	struct batch_line line;
	struct args args;

	accept(text, strlen(text), &arena, &line);
	if (batch_line_resolve(&line, PARCEL_COMMANDS, &command, &args, &err) != ADX_OK)
		fail_msg("%s: %s", text, err.message);
	buf_add_text(&got, command->name + strlen("parcel_"));
	for (size_t i = 0; i < command_param_count(command); i++)
		if (args.values[i] != NULL)
			buf_addf(&got, " %s=%s", command->params[i].name, args.values[i]);
	if (args.yes)
		buf_add_text(&got, " (yes)");
	assert_int_equal(args.count, command_param_count(command));
	assert_string_equal(buf_text(&got), want);
	buf_free(&got);
	arena_free(&arena);
}

static void
test_batch_line_optional_arguments(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		/* As words. */
		{ "parcel_send a b", "send user=a host=b" },
		{ "parcel send a b", "send user=a host=b" },
		{ "parcel send --as zip a -f b --small-note='it is'",
		  "send user=a host=b as=zip small_note=it is fragile=true" },
		{ "parcel-send -- -a '--as'", "send user=-a host=--as" },
		{ "parcel list", "list" },
		{ "parcel list --host example.org", "list host=example.org" },
		{ "parcel return a b --yes", "return user=a host=b (yes)" },
		/* As an array. */
		{ "[\"parcel\",\"send\",\"a\",\"b\",\"--weight\",7]",
		  "send user=a host=b weight=7" },
		{ "[\"parcel_send\",\"-o\",\"-\",\"a\",\"b\"]", "send user=a host=b output=-" },
		{ "{\"command\":\"parcel\",\"args\":[\"send\",\"a\",\"b\",\"-f\"]}",
		  "send user=a host=b fragile=true" },
		{ "{\"command\":\"parcel_list\"}", "list" },
		/* By name. */
		{ "{\"command\":\"parcel_list\",\"args\":{}}", "list" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"as\":\"zip\",\"user\":\"a\",\"host\":"
		  "\"b\","
		  "\"fragile\":true,\"weight\":7,\"small_note\":\"--as\"}}",
		  "send user=a host=b as=zip small_note=--as weight=7 fragile=true" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"user\":\"a\",\"host\":\"b\",\"as\":"
		  "null,"
		  "\"fragile\":null,\"weight\":null}}",
		  "send user=a host=b" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"user\":\"a\",\"host\":\"b\","
		  "\"fragile\":false,\"as\":\"\"}}",
		  "send user=a host=b as=" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_parcel(cases[i].text, cases[i].want);
}

static void
test_batch_line_optional_arguments_refused(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "parcel", "'parcel' needs one more word: send, return, list" },
		{ "parcel sen a b",
		  "'parcel' is followed by one of send, return, list, not 'sen'" },
		{ "[\"parcel send\",\"a\",\"b\"]", "unknown command 'parcel send'" },
		{ "{\"command\":\"parcel\",\"args\":{\"user\":\"a\"}}",
		  "'parcel' needs one more word: send, return, list" },
		{ "parcel send a b --sael=hunter2", "unknown option '--sael' of parcel_send" },
		{ "parcel send a b --seal", "option '--seal' needs a value" },
		{ "[\"parcel_send\",\"a\",\"b\",\"-s\",\"hunter2\",\"-s\",\"x\"]",
		  "option '-s' is there twice" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"user\":\"a\",\"host\":null}}",
		  "expected a string or a number as 'host', found null" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"user\":\"a\",\"host\":\"b\","
		  "\"seal\":true}}",
		  "expected a string or a number as 'seal', found true" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"user\":\"a\",\"host\":\"b\","
		  "\"fragile\":\"hunter2\"}}",
		  "expected true or false as 'fragile', found a string or a number" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"user\":\"a\",\"as\":\"zip\"}}",
		  "parcel_send needs argument 'host'" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"small-note\":\"hunter2\"}}",
		  "parcel_send has no argument 'small-note'" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"as\":null,\"as\":\"hunter2\"}}",
		  "argument 'as' is there twice" },
		{ "{\"command\":\"parcel_send\",\"args\":{\"yes\":true}}",
		  "parcel_send has no argument 'yes'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct adx_error err = { 0 };
		const struct command *command;
		struct batch_line line;
		struct args args;

		accept(cases[i].text, strlen(cases[i].text), &arena, &line);
		assert_int_equal(batch_line_resolve(&line, PARCEL_COMMANDS, &command, &args, &err),
				 ADX_EUSAGE);
		assert_string_equal(err.message, cases[i].want);
		assert_null(strstr(err.hint, "hunter2"));
		arena_free(&arena);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_line_words),
		cmocka_unit_test(test_batch_line_words_refused),
		cmocka_unit_test(test_batch_line_is_empty),
		cmocka_unit_test(test_batch_line_json),
		cmocka_unit_test(test_batch_line_json_is_strict),
		cmocka_unit_test(test_batch_line_pages),
		cmocka_unit_test(test_batch_line_depth_is_no_matter),
		cmocka_unit_test(test_batch_line_ids),
		cmocka_unit_test(test_batch_line_id_of_a_line_that_is_refused),
		cmocka_unit_test(test_batch_line_by_name),
		cmocka_unit_test(test_batch_line_by_name_refused),
		cmocka_unit_test(test_batch_line_by_position),
		cmocka_unit_test(test_batch_line_optional_arguments),
		cmocka_unit_test(test_batch_line_optional_arguments_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
