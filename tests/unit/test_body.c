#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "command/args.h"
#include "daemon/body.h"
#include "parcels.h"
#include "service/admin_extra.h"

/* A literal with its length, as some hold NULs. */
#define T(s)     s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const FORMATS[] = { "erlang", "json", NULL };

/* One field of each kind. */
static const struct command COVERED = {
	.name = "covered",
	.params = { { .name = "user", .type = PARAM_LOCALPART },
		    { .name = "password", .type = PARAM_SECRET },
		    { .name = "days", .type = PARAM_INTEGER },
		    { .name = "groups", .type = PARAM_LIST } },
};
static const struct command ONE = {
	.name = "one",
	.params = { { .name = "user", .type = PARAM_LOCALPART } },
};
static const struct command NOTHING = { .name = "nothing" };
static const struct command FILES = {
	.name = "files",
	.params = { { .name = "own", .type = PARAM_PATH, .path = PATH_OWN },
		    { .name = "file", .type = PARAM_PATH, .path = PATH_READ, .words = FORMATS },
		    { .name = "path", .type = PARAM_PATH, .path = PATH_WRITTEN } },
};

static void
take(const struct command *command, const char *text, size_t len, struct arena *arena,
     struct body *out)
{
	struct adx_error err = { 0 };

	if (body_parse(command, text, len, arena, out, &err) != ADX_OK)
		fail_msg("%s: %s", text, err.message);
}

static void
check_args(const char *text, size_t len, const char *const want[4])
{
	struct arena arena = ARENA_INIT;
	struct body body;

	take(&COVERED, text, len, &arena, &body);
	assert_int_equal(body.count, 4);
	for (size_t i = 0; i < 4; i++)
		if (strcmp(body.args[i], want[i]) != 0)
			fail_msg("%s: '%s' instead of '%s'", text, body.args[i], want[i]);
	arena_free(&arena);
}

static void
refuse(const struct command *command, enum adx_rc rc, const char *text, size_t len,
       const char *want)
{
	struct arena arena = ARENA_INIT;
	struct adx_error err = { 0 };
	struct body body;

	if (body_parse(command, text, len, &arena, &body, &err) != rc)
		fail_msg("not refused as %s: %s: %s", adx_rc_word(rc), text, err.message);
	assert_int_equal(err.rc, rc);
	if (strcmp(err.message, want) != 0)
		fail_msg("%s: '%s' instead of '%s'", text, err.message, want);
	if (strstr(err.message, "hunter2") != NULL)
		fail_msg("quotes a value: %s", err.message);
	arena_free(&arena);
}

/* ---- what is taken ----------------------------------------------------------------------- */

static void
test_body_takes_fields_in_any_order(void **state)
{
	(void)state;
	check_args(
		T("{\"user\":\"orsino\",\"password\":\"hunter2\",\"days\":7,\"groups\":\"a;b\"}"),
		(const char *[]){ "orsino", "hunter2", "7", "a;b" });
	check_args(T(" {\"groups\" : [\"a\", \"b\"], \"days\": \"007\",\r\n\t\"password\": \"\", "
		     "\"user\": \"Zo\\u00eb \\ud83d\\ude00\"} \n"),
		   (const char *[]){ "Zoë 😀", "", "007", "a;b" });
}

static void
test_body_integer_takes_64_bits(void **state)
{
	(void)state;
	check_args(T("{\"user\":\"\",\"password\":\"\",\"days\":-9223372036854775808,"
		     "\"groups\":[]}"),
		   (const char *[]){ "", "", "-9223372036854775808", "" });
	check_args(T("{\"user\":\"\",\"password\":\"\",\"days\":9223372036854775807,"
		     "\"groups\":[\"\"]}"),
		   (const char *[]){ "", "", "9223372036854775807", "" });
	/* Whether a text is a number is not ours to say. */
	check_args(
		T("{\"user\":\"\",\"password\":\"\",\"days\":\"x\",\"groups\":[\"a\",\"\",\"b\"]}"),
		(const char *[]){ "", "", "x", "a;;b" });
}

static void
test_body_options(void **state)
{
	struct arena arena = ARENA_INIT;
	struct body body;

	(void)state;
	take(&NOTHING,
	     T("{\"dry_run\":true,\"yes\":true,\"include_never_seen\":true,\"max_affected\":0,"
	       "\"limit\":25,"
	       "\"after\":\"viola@example.org\"}"),
	     &arena, &body);
	assert_int_equal(body.count, 0);
	assert_true(body.dry_run);
	assert_true(body.include_never_seen);
	assert_true(body.yes);
	assert_int_equal(body.max_affected, 0);
	assert_int_equal(body.limit, 25);
	assert_string_equal(body.after, "viola@example.org");
	arena_free(&arena);
}

static void
check_defaults(const char *text, size_t len)
{
	struct arena arena = ARENA_INIT;
	struct body body;

	take(&NOTHING, text, len, &arena, &body);
	assert_false(body.dry_run);
	assert_false(body.include_never_seen);
	assert_false(body.yes);
	assert_int_equal(body.max_affected, -1);
	assert_int_equal(body.limit, 0);
	assert_null(body.after);
	arena_free(&arena);
}

static void
test_body_empty_is_an_empty_object(void **state)
{
	(void)state;
	check_defaults(T(""));
	check_defaults(T(" \r\n\t"));
	check_defaults(T("{}"));
	check_defaults(T("{\"dry_run\":false}"));
}

static void
test_body_carries_content(void **state)
{
	struct arena arena = ARENA_INIT;
	struct body body;

	(void)state;
	take(&FILES, T("{\"file\":\"[].\"}"), &arena, &body);
	assert_int_equal(body.count, 3);
	assert_string_equal(body.args[0], "");
	assert_string_equal(body.args[1], "");
	assert_string_equal(body.args[2], "-");
	assert_null(body.contents[0].data);
	assert_string_equal(body.contents[1].data, "[].");
	assert_int_equal(body.contents[1].len, 3);
	assert_string_equal(body.contents[1].format, "erlang");
	assert_null(body.contents[2].data);
	take(&FILES, T("{\"file_format\":\"json\",\"file\":\"\"}"), &arena, &body);
	assert_string_equal(body.contents[1].data, "");
	assert_int_equal(body.contents[1].len, 0);
	assert_string_equal(body.contents[1].format, "json");
	arena_free(&arena);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void
test_body_must_be_a_json_object(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *want;
	} cases[] = {
		{ T("[]"), "the body must be a JSON object, not an array" },
		{ T("null"), "the body must be a JSON object, not null" },
		{ T("true"), "the body must be a JSON object, not true" },
		{ T("\"hunter2\""), "the body must be a JSON object, not a string" },
		{ T("5"), "the body must be a JSON object, not a number" },
		{ T("{"), "the body is not JSON: premature EOF" },
		{ T("{\"password\":\"hunter2"), "the body is not JSON: premature EOF" },
		{ T("{\"user\":\"a\"} x"), "the body is not JSON: trailing garbage" },
		{ T("{\"user\":\"a\"}{}"), "the body is not JSON: trailing garbage" },
		{ T("{\"user\":\"\xFF\"}"), "the body is not JSON: it is not UTF-8" },
		{ T("{\"user\":\"\xED\xA0\x80\"}"), "the body is not JSON: it is not UTF-8" },
		{ T("{\"user\":\"\\ud83d\"}"), "the body has half a surrogate pair" },
		{ T("{\"user\":\"a\0\"}"),
		  "the body is not JSON: invalid character inside string." },
		{ T("\0"), "the body is not JSON: invalid char in json text." },
		{ T("{\"user\":[[[]]]}"), "the body is nested more than 3 deep" },
		{ T("{\"x\":{\"y\":{\"z\":{}}}}"), "the body is nested more than 3 deep" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		refuse(&ONE, ADX_EUSAGE, cases[i].text, cases[i].len, cases[i].want);
}

static void
test_body_names_missing_and_unknown_fields(void **state)
{
	(void)state;
	refuse(&ONE, ADX_EUSAGE, T(""), "field 'user' is missing");
	refuse(&COVERED, ADX_EUSAGE, T("{\"days\":1}"),
	       "field 'user' is missing; field 'password' is missing; field 'groups' is missing");
	refuse(&ONE, ADX_EUSAGE, T("{\"usr\":\"hunter2\"}"),
	       "field 'user' is missing; field 'usr' is not known (did you mean 'user'?)");
	/* What is there already was not meant. */
	refuse(&ONE, ADX_EUSAGE, T("{\"usr\":\"hunter2\",\"user\":\"a\"}"),
	       "field 'usr' is not known");
	refuse(&ONE, ADX_EUSAGE, T("{\"user\":\"a\",\"dryrun\":true}"),
	       "field 'dryrun' is not known (did you mean 'dry_run'?)");
	/* Names are compared as they are. */
	refuse(&ONE, ADX_EUSAGE, T("{\"User\":\"\"}"),
	       "field 'user' is missing; field 'User' is not known (did you mean 'user'?)");
	refuse(&ONE, ADX_EUSAGE, T("{\"user\\u0000\":\"\",\"user\":\"\"}"),
	       "field 'user?' is not known");
	/* Whatever an unknown one holds. */
	refuse(&NOTHING, ADX_EUSAGE,
	       T("{\"x\":{\"dry_run\":[]},\"y\":[\"hunter2\",{}],\"z\":null}"),
	       "field 'x' is not known; field 'y' is not known; field 'z' is not known");
}

static void
test_body_refuses_doubles(void **state)
{
	(void)state;
	refuse(&ONE, ADX_EUSAGE, T("{\"user\":\"a\",\"user\":\"hunter2\"}"),
	       "field 'user' is there twice");
	refuse(&ONE, ADX_EUSAGE, T("{\"user\":\"a\",\"limit\":1,\"limit\":{}}"),
	       "field 'limit' is there twice");
	refuse(&ONE, ADX_EUSAGE, T("{\"user\":\"a\",\"us\\u0065r\":\"b\"}"),
	       "field 'user' is there twice");
}

static void
test_body_refuses_wrong_types(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "{\"user\":5}", "field 'user' must be a string, not a number" },
		{ "{\"user\":null}", "field 'user' must be a string, not null" },
		{ "{\"user\":true}", "field 'user' must be a string, not true" },
		{ "{\"user\":false}", "field 'user' must be a string, not false" },
		{ "{\"user\":{}}", "field 'user' must be a string, not an object" },
		{ "{\"user\":{\"user\":\"a\"}}", "field 'user' must be a string, not an object" },
		{ "{\"user\":[\"a\"]}", "field 'user' must be a string, not an array" },
		{ "{\"user\":\"a\",\"after\":1}", "field 'after' must be a string, not a number" },
		{ "{\"user\":\"a\",\"limit\":\"1\"}",
		  "field 'limit' must be a whole number, not a string" },
		{ "{\"user\":\"a\",\"limit\":1.0}",
		  "field 'limit' must be a whole number, not a fraction" },
		{ "{\"user\":\"a\",\"limit\":1e2}",
		  "field 'limit' must be a whole number, not a fraction" },
		{ "{\"user\":\"a\",\"limit\":9223372036854775808}",
		  "field 'limit' must be a whole number, not one beyond 64 bits" },
		{ "{\"user\":\"a\",\"limit\":100000000000000000000000000000000}",
		  "field 'limit' must be a whole number, not one beyond 64 bits" },
		{ "{\"user\":\"a\",\"dry_run\":\"true\"}",
		  "field 'dry_run' must be true or false, not a string" },
		{ "{\"user\":\"a\",\"dry_run\":1}",
		  "field 'dry_run' must be true or false, not a number" },
		{ "{\"user\":\"a\",\"dry_run\":null}",
		  "field 'dry_run' must be true or false, not null" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		refuse(&ONE, ADX_EUSAGE, cases[i].text, strlen(cases[i].text), cases[i].want);
}

#define REST "\"user\":\"a\",\"password\":\"hunter2\",\"days\":1"

static void
test_body_refuses_wrong_lists(void **state)
{
	(void)state;
	refuse(&COVERED, ADX_EUSAGE, T("{" REST ",\"groups\":1}"),
	       "field 'groups' must be a string or an array of strings, not a number");
	refuse(&COVERED, ADX_EUSAGE, T("{" REST ",\"groups\":[\"a\",1,null]}"),
	       "field 'groups' must be a string or an array of strings, "
	       "not an array with something else");
	refuse(&COVERED, ADX_EUSAGE, T("{" REST ",\"groups\":[\"a\",[\"b\"],\"c\"]}"),
	       "field 'groups' must be a string or an array of strings, "
	       "not an array with something else");
	refuse(&COVERED, ADX_EINVAL, T("{" REST ",\"groups\":[\"a\",\"b;c\",\"d;\"]}"),
	       "field 'groups' has a string with ';'");
	refuse(&COVERED, ADX_EINVAL, T("{" REST ",\"groups\":[\"\\u0000\"]}"),
	       "field 'groups' has the character U+0000");
}

/* Of the right type, but no argument can be that. */
static void
test_body_refuses_impossible_values(void **state)
{
	(void)state;
	refuse(&ONE, ADX_EINVAL, T("{\"user\":\"hunter2\\u0000\"}"),
	       "field 'user' has the character U+0000");
	refuse(&ONE, ADX_EINVAL, T("{\"user\":\"a\",\"limit\":0}"),
	       "field 'limit' must be at least 1");
	refuse(&ONE, ADX_EINVAL, T("{\"user\":\"a\",\"max_affected\":-1}"),
	       "field 'max_affected' must be at least 0");
	refuse(&ONE, ADX_EUSAGE, T("{\"user\":\"\\u0000\",\"x\":1}"),
	       "field 'user' has the character U+0000; field 'x' is not known");
}

static void
test_body_names_no_file(void **state)
{
	(void)state;
	refuse(&FILES, ADX_EUSAGE, T("{\"file\":\"\",\"own\":\"/etc/passwd\",\"path\":\"-\"}"),
	       "field 'own' is not known; field 'path' is not known");
	refuse(&FILES, ADX_EUSAGE, T("{}"), "field 'file' is missing");
	refuse(&FILES, ADX_EUSAGE, T("{\"file\":\"\",\"path_format\":\"\"}"),
	       "field 'path_format' is not known (did you mean 'file_format'?)");
	refuse(&FILES, ADX_EUSAGE, T("{\"file\":\"\",\"file_format\":1}"),
	       "field 'file_format' must be a string, not a number");
}

/* Many made-up names of any length and bytes: one line that is not too long. */
static void
test_body_message_stays_short(void **state)
{
	struct buf text = BUF_INIT;
	struct arena arena = ARENA_INIT;
	struct adx_error err = { 0 };
	struct body body;

	(void)state;
	buf_add_char(&text, '{');
	for (int i = 0; i < 1000; i++)
		buf_addf(&text, "%s\"%d\\n☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃\":%d", i == 0 ? "" : ",", i, i);
	buf_add_char(&text, '}');
	assert_int_equal(body_parse(&ONE, buf_text(&text), text.len, &arena, &body, &err),
			 ADX_EUSAGE);
	assert_ptr_equal(strstr(err.message, "field 'user' is missing; field '0?☃☃"), err.message);
	assert_null(strchr(err.message, '\n'));
	assert_true(strlen(err.message) < 700);
	assert_true(text_is_utf8(err.message, strlen(err.message)));
	assert_non_null(strstr(err.message, "☃...' is not known; and 99"));
	arena_free(&arena);
	buf_free(&text);
}

/* ---- optional fields --------------------------------------------------------------------- */

/* "user=a host=b fragile=true", and contents. */
static void
check_parcel(const char *text, const char *want)
{
	struct arena arena = ARENA_INIT;
	struct buf got = BUF_INIT;
	struct body body;

	take(&PARCELS[0], text, strlen(text), &arena, &body);
	assert_int_equal(body.count, 12);
	for (size_t i = 0; i < body.count; i++) {
		const struct content *c = &body.contents[i];

		if (body.args[i] == NULL)
			assert_null(c->data);
		else if (c->data != NULL)
			buf_addf(&got, " %s:%s", PARCELS[0].params[i].name, c->format);
		else
			buf_addf(&got, " %s=%s", PARCELS[0].params[i].name, body.args[i]);
	}
	assert_string_equal(buf_text(&got), want);
	buf_free(&got);
	arena_free(&arena);
}

static void
test_body_optional_fields(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{\"user\":\"a\",\"host\":\"b\"}", " user=a host=b" },
		{ "{\"as\":\"zip\",\"user\":\"a\",\"host\":\"b\",\"weight\":7,\"within\":\"2d\"}",
		  " user=a host=b as=zip weight=7 within=2d" },
		{ "{\"user\":\"a\",\"host\":\"b\",\"fragile\":true}",
		  " user=a host=b fragile=true" },
		{ "{\"user\":\"a\",\"host\":\"b\",\"fragile\":false}", " user=a host=b" },
		{ "{\"user\":\"a\",\"host\":\"b\",\"fragile\":null,\"as\":null,\"weight\":null,"
		  "\"tags\":null,\"letter\":null,\"letter_format\":null,\"seal\":null}",
		  " user=a host=b" },
		{ "{\"user\":\"a\",\"host\":\"b\",\"as\":\"\",\"tags\":[]}",
		  " user=a host=b as= tags=" },
		{ "{\"user\":\"a\",\"host\":\"b\",\"tags\":[\"x\",\"y\"]}",
		  " user=a host=b tags=x;y" },
		{ "{\"user\":\"a\",\"host\":\"b\",\"letter\":\"\"}",
		  " user=a host=b letter:plain" },
		{ "{\"user\":\"a\",\"host\":\"b\",\"letter_format\":\"rich\",\"letter\":\"x\"}",
		  " user=a host=b letter:rich" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_parcel(cases[i].text, cases[i].want);
}

static void
test_body_optional_fields_refused(void **state)
{
	(void)state;
	refuse(&PARCELS[0], ADX_EUSAGE, T("{\"as\":\"zip\"}"),
	       "field 'user' is missing; field 'host' is missing");
	refuse(&PARCELS[0], ADX_EUSAGE, T("{\"user\":null,\"host\":\"b\"}"),
	       "field 'user' must be a string, not null");
	refuse(&PARCELS[0], ADX_EUSAGE, T("{\"user\":\"a\",\"host\":\"b\",\"as\":true}"),
	       "field 'as' must be a string, not true");
	refuse(&PARCELS[0], ADX_EUSAGE, T("{\"user\":\"a\",\"host\":\"b\",\"fragile\":\"true\"}"),
	       "field 'fragile' must be true or false, not a string");
	refuse(&PARCELS[0], ADX_EUSAGE, T("{\"user\":\"a\",\"host\":\"b\",\"fragile\":1}"),
	       "field 'fragile' must be true or false, not a number");
	refuse(&PARCELS[0], ADX_EUSAGE,
	       T("{\"user\":\"a\",\"host\":\"b\",\"as\":null,\"as\":\"zip\"}"),
	       "field 'as' is there twice");
	refuse(&PARCELS[0], ADX_EUSAGE, T("{\"user\":\"a\",\"host\":\"b\",\"output\":\"/tmp/x\"}"),
	       "field 'output' is not known");
	refuse(&PARCELS[0], ADX_EUSAGE,
	       T("{\"user\":\"a\",\"host\":\"b\",\"letter_format\":\"rich\"}"),
	       "field 'letter' is missing");
	refuse(&PARCELS[0], ADX_EUSAGE, T("{\"user\":\"a\",\"host\":\"b\",\"small-note\":\"x\"}"),
	       "field 'small-note' is not known (did you mean 'small_note'?)");
}

/* What stands for a file that nobody names: there is none. */
static void
test_body_optional_files(void **state)
{
	static const struct command files = {
		.name = "files",
		.params = { { .name = "own",
			      .type = PARAM_PATH,
			      .path = PATH_OWN,
			      .optional = true },
			    { .name = "path",
			      .type = PARAM_PATH,
			      .path = PATH_WRITTEN,
			      .optional = true } },
	};
	struct arena arena = ARENA_INIT;
	struct body body;

	(void)state;
	take(&files, T("{}"), &arena, &body);
	assert_null(body.args[0]);
	assert_null(body.args[1]);
	arena_free(&arena);
	refuse(&files, ADX_EUSAGE, T("{\"own\":\"/etc/passwd\"}"), "field 'own' is not known");
}

/* ---- the table --------------------------------------------------------------------------- */

static size_t
fields_of(const struct command *command, const char *names[], char formats[][64])
{
	size_t n = command_param_count(command), count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct param *p = &command->params[i];

		if (body_has(p))
			names[count++] = p->name;
		if (!body_has_format(p))
			continue;
		snprintf(formats[i], sizeof(formats[i]), "%s%s", p->name, PARAM_FORMAT);
		names[count++] = formats[i];
	}
	for (size_t i = 0; i < BODY_OPTIONS; i++)
		if (body_options[i].matters(command))
			names[count++] = body_options[i].name;
	return count;
}

/* No argument has the name of an option that matters, or of another field. */
static void
test_body_fields_of_all_commands_differ(void **state)
{
	struct admin_extra *service;
	struct strvec all = STRVEC_INIT;
	struct adx_error err;
	size_t commands = 0;

	(void)state;
	assert_int_equal(admin_extra_start(&all, &service, &err), ADX_OK);
	for (const struct command *const *c = admin_extra_commands(service); *c != NULL; c++) {
		const char *names[2 * COMMAND_PARAMS_MAX + BODY_OPTIONS];
		char formats[COMMAND_PARAMS_MAX][64];
		size_t count = fields_of(*c, names, formats);

		commands++;
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < i; k++)
				if (strcmp(names[i], names[k]) == 0)
					fail_msg("%s: %s", (*c)->name, names[i]);
	}
	assert_true(commands >= 54);
	admin_extra_stop(service);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body_optional_fields),
		cmocka_unit_test(test_body_optional_fields_refused),
		cmocka_unit_test(test_body_optional_files),
		cmocka_unit_test(test_body_takes_fields_in_any_order),
		cmocka_unit_test(test_body_integer_takes_64_bits),
		cmocka_unit_test(test_body_options),
		cmocka_unit_test(test_body_empty_is_an_empty_object),
		cmocka_unit_test(test_body_carries_content),
		cmocka_unit_test(test_body_must_be_a_json_object),
		cmocka_unit_test(test_body_names_missing_and_unknown_fields),
		cmocka_unit_test(test_body_refuses_doubles),
		cmocka_unit_test(test_body_refuses_wrong_types),
		cmocka_unit_test(test_body_refuses_wrong_lists),
		cmocka_unit_test(test_body_refuses_impossible_values),
		cmocka_unit_test(test_body_names_no_file),
		cmocka_unit_test(test_body_message_stays_short),
		cmocka_unit_test(test_body_fields_of_all_commands_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
