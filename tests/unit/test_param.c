#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "command/args.h"
#include "command/call.h"
#include "parcels.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ARGS(...)                                                                                  \
	(const char *const[]){ __VA_ARGS__ },                                                      \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)

static const char *const WORDS[] = { "list", "delete", "", NULL };

/* A command with one parameter of a type, called with one argument. */
static enum adx_rc
begin_one(struct call *call, struct command *command, enum param_type type, const char *arg,
	  struct adx_error *err)
{
	*call = (struct call){ 0 };
	*err = (struct adx_error){ 0 };
	*command = (struct command){
		.name = "test",
		.params = { { .name = "x",
			      .type = type,
			      .words = WORDS,
			      .min = type == PARAM_DAYS ? 3600 : -5,
			      .max = type == PARAM_DAYS ? 86400 : 10 } },
	};
	return call_begin(call, command, &arg, 1, err);
}

static void
test_param_takes_good_arguments(void **state)
{
	static const struct {
		enum param_type type;
		const char *arg;
		const char *prepared; /* NULL: this type has none */
	} cases[] = {
		{ PARAM_LOCALPART, "ROMEO", "romeo" },
		{ PARAM_LOCALPART, "Straße", "strasse" },
		{ PARAM_CONTACT, "ROMEO", "romeo" },
		{ PARAM_CONTACT, "", "" },
		{ PARAM_DOMAIN, "Example.ORG", "example.org" },
		{ PARAM_RESOURCE, "Orchard No. 1", "Orchard No. 1" },
		{ PARAM_JID, "ROMEO@Example.ORG/Orchard", "romeo@example.org/Orchard" },
		{ PARAM_JID, "Example.ORG", "example.org" },
		{ PARAM_TEXT, "", NULL },
		{ PARAM_TEXT, "a\tb\nc <&> é😀", NULL },
		{ PARAM_XML, "<a/>", NULL },
		{ PARAM_XML, "no XML: the handler's business", NULL },
		{ PARAM_LIST, "a;b", NULL },
		{ PARAM_SECRET, "", NULL },
		{ PARAM_SECRET, "-", NULL },
		{ PARAM_SECRET, "@file", NULL },
		{ PARAM_SECRET, "a\x01\xEF\xBF\xBF", NULL },
		{ PARAM_INTEGER, "10", NULL },
		{ PARAM_WORD, "delete", NULL },
		{ PARAM_WORD, "", NULL },
		{ PARAM_CHOICE, "delete", NULL },
		{ PARAM_CHOICE, "whatever", NULL },
		{ PARAM_PATH, "-", NULL },
		{ PARAM_PATH, "/tmp/\xFF", NULL },
		{ PARAM_FLAG, "true", NULL },
		{ PARAM_DAYS, "1d", NULL },
		{ PARAM_DAYS, "60m", NULL },
		{ PARAM_DATE, "2026-11-01", "2026-11-01T00:00:00Z" },
		{ PARAM_DATE, "2026-11-01T09:30:00+01:00", "2026-11-01T08:30:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err;
		struct command command;
		struct call call;

		if (begin_one(&call, &command, cases[i].type, cases[i].arg, &err) != ADX_OK)
			fail_msg("%s: %s", cases[i].arg, err.message);
		assert_string_equal(call_raw(&call, "x"), cases[i].arg);
		assert_int_equal(call_arg(&call, "x")->len, strlen(cases[i].arg));
		if (cases[i].prepared == NULL)
			assert_null(call_jid_part(&call, "x"));
		else
			assert_string_equal(call_jid_part(&call, "x"), cases[i].prepared);
		assert_null(call.early);
		call_end(&call);
	}
}

static void
test_param_refuses_bad_arguments(void **state)
{
	static const struct {
		enum param_type type;
		const char *arg;
		const char *want;
	} cases[] = {
		{ PARAM_LOCALPART, "", "is not valid: localpart is empty" },
		{ PARAM_LOCALPART, "a b",
		  "is not valid: localpart has characters that are not allowed there" },
		{ PARAM_LOCALPART, "a@b",
		  "is not valid: localpart has characters that are not allowed there" },
		{ PARAM_LOCALPART, "\xFF", "is not valid: localpart is not UTF-8" },
		{ PARAM_CONTACT, " ",
		  "is not valid: localpart has characters that are not allowed there" },
		{ PARAM_DOMAIN, "", "is not valid: domain is empty" },
		{ PARAM_DOMAIN, "a/b",
		  "is not valid: domain has characters that are not allowed there" },
		{ PARAM_RESOURCE, "", "is not valid: resource is empty" },
		{ PARAM_RESOURCE, "a\n",
		  "is not valid: resource has characters that are not allowed there" },
		{ PARAM_TEXT, "\xC3", "is not UTF-8" },
		{ PARAM_TEXT, "a\x01", "has control characters that XML cannot carry" },
		{ PARAM_TEXT, "\xEF\xBF\xBF", "has control characters that XML cannot carry" },
		{ PARAM_XML, "\xC3", "is not UTF-8" },
		{ PARAM_XML, "<a>\x1F</a>", "has control characters that XML cannot carry" },
		{ PARAM_LIST, "a;\xFF", "is not UTF-8" },
		{ PARAM_LIST, "a;\x01", "has control characters that XML cannot carry" },
		{ PARAM_SECRET, "swordfish\xFF", "is not UTF-8" },
		{ PARAM_INTEGER, "", "must be a whole number, not ''" },
		{ PARAM_INTEGER, "1 ", "must be a whole number, not '1 '" },
		{ PARAM_INTEGER, "1d", "must be a whole number, not '1d'" },
		{ PARAM_INTEGER, "99999999999999999999",
		  "must be a whole number, not '99999999999999999999'" },
		{ PARAM_INTEGER, "-6", "must be between -5 and 10" },
		{ PARAM_INTEGER, "11", "must be between -5 and 10" },
		{ PARAM_WORD, "List", "must be one of list, delete, '', not 'List'" },
		{ PARAM_WORD, "lis", "must be one of list, delete, '', not 'lis'" },
		{ PARAM_CHOICE, "\xFF", "is not UTF-8" },
		{ PARAM_PATH, "", "is an empty file name" },
		{ PARAM_FLAG, "yes", "takes no value" },
		{ PARAM_DAYS, "14",
		  "must be a length of time, like 2w, 14d, 36h or 30m, not '14'" },
		{ PARAM_DAYS, "", "must be a length of time, like 2w, 14d, 36h or 30m, not ''" },
		{ PARAM_DAYS, "59m", "must be between 1h and 1d" },
		{ PARAM_DAYS, "25h", "must be between 1h and 1d" },
		{ PARAM_DATE, "2026-02-30",
		  "must be a date or a timestamp of RFC 3339, like 2026-11-01 or "
		  "2026-11-01T09:30:00+01:00, not '2026-02-30'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err;
		struct command command;
		struct call call;
		char want[200];

		if (begin_one(&call, &command, cases[i].type, cases[i].arg, &err) != ADX_EINVAL)
			fail_msg("accepted: %s", cases[i].arg);
		snprintf(want, sizeof(want), "argument 'x' %s", cases[i].want);
		assert_string_equal(err.message, want);
		assert_int_equal(err.rc, ADX_EINVAL);
		call_end(&call);
	}
}

static void
test_param_integer_has_its_value(void **state)
{
	static const struct {
		const char *arg;
		int64_t want;
	} cases[] = { { "-5", -5 }, { "0", 0 }, { "+7", 7 }, { "007", 7 }, { "10", 10 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err;
		struct command command;
		struct call call;

		assert_int_equal(begin_one(&call, &command, PARAM_INTEGER, cases[i].arg, &err),
				 ADX_OK);
		assert_int_equal(call_arg(&call, "x")->number, cases[i].want);
		call_end(&call);
	}
}

/* Pieces are shown in brackets. */
static void
test_param_list_drops_empty_pieces(void **state)
{
	static const struct {
		const char *arg, *want;
	} cases[] = {
		{ "", "" },
		{ ";", "" },
		{ "a", "[a]" },
		{ "a;b;c", "[a][b][c]" },
		{ ";;a;; b ;", "[a][ b ]" },
		{ "é;\n", "[é][\n]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf got = BUF_INIT;
		struct adx_error err;
		struct command command;
		struct call call;
		const struct strvec *list;

		assert_int_equal(begin_one(&call, &command, PARAM_LIST, cases[i].arg, &err),
				 ADX_OK);
		list = &call_arg(&call, "x")->list;
		for (size_t p = 0; p < list->count; p++)
			buf_addf(&got, "[%s]", list->items[p]);
		assert_string_equal(buf_text(&got), cases[i].want);
		buf_free(&got);
		call_end(&call);
	}
}

static void
test_param_jid_has_its_parts(void **state)
{
	const struct value *value;
	struct adx_error err;
	struct command command;
	struct call call;

	(void)state;
	assert_int_equal(begin_one(&call, &command, PARAM_JID, "A@B/C", &err), ADX_OK);
	value = call_arg(&call, "x");
	assert_string_equal(value->jid->local, "a");
	assert_string_equal(value->jid->domain, "b");
	assert_string_equal(value->jid->resource, "C");
	call_end(&call);
}

/* Its commands have words of their own for an invalid JID. */
static void
test_param_jid_leaves_refusing_to_the_handler(void **state)
{
	static const char *const bad[] = { "", "@", "a@", "a b@c", "a@b@c", "\xFF" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct adx_error err;
		struct command command;
		struct call call;

		assert_int_equal(begin_one(&call, &command, PARAM_JID, bad[i], &err), ADX_OK);
		assert_null(call_arg(&call, "x")->jid);
		assert_null(call_arg(&call, "x")->prepared);
		call_end(&call);
	}
}

/* Long arguments are cut in messages, and secrets are never in them. */
static void
test_param_messages_quote_little(void **state)
{
	char arg[2000];
	struct adx_error err;
	struct command command;
	struct call call;

	(void)state;
	memset(arg, 'z', sizeof(arg) - 1);
	arg[sizeof(arg) - 1] = '\0';
	assert_int_equal(begin_one(&call, &command, PARAM_INTEGER, arg, &err), ADX_EINVAL);
	assert_true(strlen(err.message) < 100);
	call_end(&call);
	assert_int_equal(begin_one(&call, &command, PARAM_WORD, arg, &err), ADX_EINVAL);
	assert_true(strlen(err.message) < 120);
	call_end(&call);
	assert_int_equal(begin_one(&call, &command, PARAM_SECRET, "swordfish\xFF", &err),
			 ADX_EINVAL);
	assert_null(strstr(err.message, "swordfish"));
	call_end(&call);
}

/* ---- whole commands ---------------------------------------------------------------------- */

static const struct answer NO_ACCOUNT = { "no_account", "no" };

/* Account, new password; then another account, whose names are not covered by if_bad_jid. */
static const struct command COVERED = {
	.name = "covered",
	.params = { { .name = "user", .type = PARAM_LOCALPART },
		    { .name = "host", .type = PARAM_DOMAIN },
		    { .name = "resource", .type = PARAM_RESOURCE },
		    { .name = "days", .type = PARAM_INTEGER, .max = 100 },
		    { .name = "other_user", .type = PARAM_LOCALPART },
		    { .name = "other_host", .type = PARAM_DOMAIN } },
	.if_bad_jid = &NO_ACCOUNT,
};

static void
test_param_if_bad_jid_speaks_for_the_account(void **state)
{
	static const struct {
		const char *args[6];
		enum adx_rc rc;
		bool bad_jid;
	} cases[] = {
		{ { "a", "b", "c", "1", "d", "e" }, ADX_OK, false },
		{ { "", "b", "c", "1", "d", "e" }, ADX_OK, true },
		{ { "a@b", "b", "c", "1", "d", "e" }, ADX_OK, true },
		{ { "a", "b c", "c", "1", "d", "e" }, ADX_OK, true },
		{ { "a", "b", "\n", "1", "d", "e" }, ADX_OK, true },
		{ { "", "", "", "1", "d", "e" }, ADX_OK, true },
		{ { "a", "b", "c", "x", "d", "e" }, ADX_EINVAL, false },
		{ { "", "b", "c", "x", "d", "e" }, ADX_EINVAL, true },
		{ { "a", "b", "c", "1", "", "e" }, ADX_EINVAL, false },
		{ { "a", "b", "c", "1", "d", "" }, ADX_EINVAL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err = { 0 };
		struct call call = { 0 };

		if (call_begin(&call, &COVERED, cases[i].args, 6, &err) != cases[i].rc)
			fail_msg("case %zu: %s", i, err.message);
		assert_int_equal(call.early != NULL, cases[i].bad_jid);
		call_end(&call);
	}
}

static void
test_param_bad_account_is_an_error_without_if_bad_jid(void **state)
{
	struct command command = COVERED;
	struct adx_error err = { 0 };
	struct call call = { 0 };

	(void)state;
	command.if_bad_jid = NULL;
	assert_int_equal(call_begin(&call, &command, ARGS("", "b", "c", "1", "d", "e"), &err),
			 ADX_EINVAL);
	assert_null(call.early);
	call_end(&call);
}

static void
test_param_count_must_match(void **state)
{
	static const struct {
		size_t count;
		const char *want;
	} cases[] = {
		{ 0, "the command \"covered\" requires 6 more arguments: covered USER HOST "
		     "RESOURCE DAYS OTHER_USER OTHER_HOST" },
		{ 5, "the command \"covered\" requires 1 more argument: covered USER HOST "
		     "RESOURCE DAYS OTHER_USER OTHER_HOST" },
		{ 7, "the command \"covered\" requires 1 less argument: covered USER HOST "
		     "RESOURCE DAYS OTHER_USER OTHER_HOST" },
		{ 20, "the command \"covered\" requires 14 less arguments: covered USER HOST "
		      "RESOURCE DAYS OTHER_USER OTHER_HOST" },
	};
	const char *const args[20] = { "a", "b", "c", "1", "d", "e" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err = { 0 };
		struct call call = { 0 };

		assert_int_equal(call_begin(&call, &COVERED, args, cases[i].count, &err),
				 ADX_EUSAGE);
		assert_string_equal(err.message, cases[i].want);
		assert_string_equal(err.hint, "see 'adminex help covered'");
		call_end(&call);
	}
}

static void
test_param_command_without_parameters(void **state)
{
	static const struct command nothing = { .name = "nothing" };
	struct adx_error err = { 0 };
	struct call call = { 0 };

	(void)state;
	assert_int_equal(call_begin(&call, &nothing, NULL, 0, &err), ADX_OK);
	assert_string_equal(call_raw(&call, "x"), "");
	assert_string_equal(call_jid_part(&call, "x"), "");
	assert_int_equal(call_arg(&call, "x")->number, 0);
	call_end(&call);
}

/* ---- optional ones ----------------------------------------------------------------------- */

static void
test_param_optional_may_be_missing(void **state)
{
	static const char *const args[12] = { "a", "b", [5] = "", [7] = "2d", [8] = "1970-01-02" };
	struct adx_error err = { 0 };
	struct call call = { 0 };

	(void)state;
	if (call_begin(&call, &PARCELS[0], args, 12, &err) != ADX_OK)
		fail_msg("%s", err.message);
	assert_true(call_has(&call, "user"));
	assert_true(call_has(&call, "small_note"));
	assert_string_equal(call_raw(&call, "small_note"), "");
	assert_int_equal(call_arg(&call, "within")->number, 2 * 86400);
	assert_int_equal(call_arg(&call, "on")->number, 86400);
	assert_string_equal(call_jid_part(&call, "on"), "1970-01-02T00:00:00Z");
	assert_false(call_has(&call, "as"));
	assert_null(call_raw(&call, "as"));
	assert_int_equal(call_arg(&call, "as")->len, 0);
	assert_false(call_flag(&call, "fragile"));
	assert_int_equal(call_arg(&call, "tags")->list.count, 0);
	call_end(&call);
	/* Those behind the last one are missing too. */
	call = (struct call){ 0 };
	assert_int_equal(call_begin(&call, &PARCELS[0], args, 2, &err), ADX_OK);
	assert_false(call_has(&call, "small_note"));
	call_end(&call);
	call = (struct call){ 0 };
	assert_int_equal(call_begin(&call, &PARCELS[2], NULL, 0, &err), ADX_OK);
	assert_false(call_has(&call, "host"));
	call_end(&call);
}

static void
test_param_optional_is_checked_when_it_is_there(void **state)
{
	static const struct {
		size_t index;
		const char *arg, *want;
	} cases[] = {
		{ 2, "tar", "argument 'as' must be one of json, zip, not 'tar'" },
		{ 3, "", "argument 'output' is an empty file name" },
		{ 6, "0", "argument 'weight' must be between 1 and 1000" },
		{ 7, "91d", "argument 'within' must be between 1h and 90d" },
		{ 9, "false", "argument 'fragile' takes no value" },
		{ 11, "hunter2\xFF", "argument 'seal' is not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *args[12] = { "a", "b" };
		struct adx_error err = { 0 };
		struct call call = { 0 };

		args[cases[i].index] = cases[i].arg;
		assert_int_equal(call_begin(&call, &PARCELS[0], args, 12, &err), ADX_EINVAL);
		assert_string_equal(err.message, cases[i].want);
		call_end(&call);
	}
}

static void
test_param_required_must_be_there(void **state)
{
	static const struct {
		const char *args[3];
		size_t count;
		const char *want;
	} cases[] = {
		{ { "a", NULL }, 12, "requires 1 more argument:" },
		{ { NULL, "b" }, 12, "requires 1 more argument:" },
		{ { NULL }, 0, "requires 2 more arguments:" },
		{ { "a", "b" }, 14, "requires 2 less arguments:" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *args[14] = { cases[i].args[0], cases[i].args[1] };
		struct adx_error err = { 0 };
		struct call call = { 0 };

		assert_int_equal(call_begin(&call, &PARCELS[0], args, cases[i].count, &err),
				 ADX_EUSAGE);
		assert_non_null(strstr(err.message, cases[i].want));
		call_end(&call);
	}
}

/* What filters by a host that cannot be is wrong; no account is missing. */
static void
test_param_optional_names_no_account(void **state)
{
	struct command command = PARCELS[2];
	struct adx_error err = { 0 };
	struct call call = { 0 };

	(void)state;
	command.if_bad_jid = &NO_ACCOUNT;
	assert_int_equal(call_begin(&call, &command, ARGS("a b"), &err), ADX_EINVAL);
	assert_null(call.early);
	call_end(&call);
}

/* An empty secret is one; a missing one is none. */
static void
test_param_optional_secret_that_is_empty(void **state)
{
	struct command command = PARCELS[0];
	const char *args[12] = { "a", "b" };
	struct adx_error err = { 0 };
	struct call call = { 0 };

	(void)state;
	command.if_empty_secret = &NO_ACCOUNT;
	assert_int_equal(call_begin(&call, &command, args, 12, &err), ADX_OK);
	assert_null(call.early);
	call_end(&call);
	call = (struct call){ 0 };
	args[11] = "";
	assert_int_equal(call_begin(&call, &command, args, 12, &err), ADX_OK);
	assert_ptr_equal(call.early, &NO_ACCOUNT);
	call_end(&call);
}

/* ---- content instead of a file ----------------------------------------------------------- */

static const char *const FORMATS[] = { "erlang", "csv", NULL };
static const struct command FILES = {
	.name = "files",
	.params = { { .name = "x", .type = PARAM_TEXT },
		    { .name = "file", .type = PARAM_PATH, .words = FORMATS } },
};

static void
test_param_path_takes_content(void **state)
{
	const struct content contents[COMMAND_PARAMS_MAX] = { { "no path", 7, "csv" },
							      { "", 0, "csv" } };
	const struct run_options options = { .contents = contents };
	struct adx_error err = { 0 };
	struct call call = { .options = &options };

	(void)state;
	assert_int_equal(call_begin(&call, &FILES, ARGS("a", ""), &err), ADX_OK);
	assert_null(call_arg(&call, "x")->content);
	assert_ptr_equal(call_arg(&call, "file")->content, &contents[1]);
	call_end(&call);
}

static void
test_param_path_without_content_is_a_path(void **state)
{
	const struct content contents[COMMAND_PARAMS_MAX] = { { 0 } };
	const struct run_options with = { .contents = contents }, without = { 0 };
	struct adx_error err = { 0 };

	(void)state;
	for (const struct run_options *o = &with; o != NULL; o = o == &with ? &without : NULL) {
		struct call call = { .options = o };

		assert_int_equal(call_begin(&call, &FILES, ARGS("a", "b"), &err), ADX_OK);
		assert_null(call_arg(&call, "file")->content);
		assert_string_equal(call_raw(&call, "file"), "b");
		call_end(&call);
		call = (struct call){ .options = o };
		assert_int_equal(call_begin(&call, &FILES, ARGS("a", ""), &err), ADX_EINVAL);
		call_end(&call);
	}
}

static void
test_param_content_needs_a_known_format(void **state)
{
	const struct content contents[COMMAND_PARAMS_MAX] = { { 0 }, { "x", 1, "xml" } };
	const struct run_options options = { .contents = contents };
	struct adx_error err = { 0 };
	struct call call = { .options = &options };

	(void)state;
	assert_int_equal(call_begin(&call, &FILES, ARGS("a", ""), &err), ADX_EINVAL);
	assert_string_equal(err.message,
			    "argument 'file_format' must be one of erlang, csv, not 'xml'");
	call_end(&call);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_param_takes_good_arguments),
		cmocka_unit_test(test_param_refuses_bad_arguments),
		cmocka_unit_test(test_param_integer_has_its_value),
		cmocka_unit_test(test_param_list_drops_empty_pieces),
		cmocka_unit_test(test_param_jid_has_its_parts),
		cmocka_unit_test(test_param_jid_leaves_refusing_to_the_handler),
		cmocka_unit_test(test_param_messages_quote_little),
		cmocka_unit_test(test_param_if_bad_jid_speaks_for_the_account),
		cmocka_unit_test(test_param_bad_account_is_an_error_without_if_bad_jid),
		cmocka_unit_test(test_param_count_must_match),
		cmocka_unit_test(test_param_command_without_parameters),
		cmocka_unit_test(test_param_optional_may_be_missing),
		cmocka_unit_test(test_param_optional_is_checked_when_it_is_there),
		cmocka_unit_test(test_param_required_must_be_there),
		cmocka_unit_test(test_param_optional_names_no_account),
		cmocka_unit_test(test_param_optional_secret_that_is_empty),
		cmocka_unit_test(test_param_path_takes_content),
		cmocka_unit_test(test_param_path_without_content_is_a_path),
		cmocka_unit_test(test_param_content_needs_a_known_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
