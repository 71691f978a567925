/* The audit record of a call: who, what, for which request, and no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "command/args.h"
#include "command/call.h"
#include "parcels.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const WORDS[] = { "both", "none", NULL };

static const struct command COMMAND = {
	.name = "a_command",
	.params = { { .name = "user", .type = PARAM_LOCALPART },
		    { .name = "host", .type = PARAM_DOMAIN },
		    { .name = "pass", .type = PARAM_SECRET },
		    { .name = "word", .type = PARAM_CHOICE, .words = WORDS },
		    { .name = "days", .type = PARAM_INTEGER, .max = 9 },
		    { .name = "text", .type = PARAM_TEXT },
		    { .name = "file", .type = PARAM_PATH } },
};

static void
check(const char *request, const char *word, const char *want)
{
	const char *args[] = { "Romeo", "Example.org", "a secret", word, "7", "hello", "/tmp/x" };
	struct caller caller = {
		.actor = "token 3 'x'", .face = "http", .role = ROLE_ADMIN, .request_id = request
	};
	struct call call = { .caller = &caller };
	struct adx_error err;

	assert_int_equal(call_begin(&call, &COMMAND, args, COUNT(args), &err), ADX_OK);
	assert_string_equal(call_audit(&call, &err), want);
	call_end(&call);
}

static void
test_audit_of_a_request(void **state)
{
	(void)state;
	check("0f3a-7", "both",
	      "{\"actor\":\"token 3 'x'\",\"face\":\"http\",\"command\":\"a_command\","
	      "\"request\":\"0f3a-7\",\"arguments\":{\"user\":\"romeo\",\"host\":\"example.org\","
	      "\"word\":\"both\",\"days\":7}}");
}

static void
test_audit_without_a_request(void **state)
{
	static const char want[] =
		"{\"actor\":\"token 3 'x'\",\"face\":\"http\",\"command\":\"a_command\","
		"\"arguments\":{\"user\":\"romeo\",\"host\":\"example.org\",\"days\":7}}";

	(void)state;
	check(NULL, "a word of no list", want);
	check("", "a word of no list", want);
}

static void
check_parcel(const char *const words[], size_t count, const char *want)
{
	struct caller caller = { .actor = "x", .face = "cli", .role = ROLE_ADMIN };
	struct call call = { .caller = &caller };
	struct adx_error err = { 0 };
	struct args args;

	assert_int_equal(args_read(&PARCELS[1], words, count, &args, &err), ADX_OK);
	if (call_begin(&call, &PARCELS[1], args.values, args.count, &err) != ADX_OK)
		fail_msg("%s", err.message);
	assert_string_equal(call_audit(&call, &err), want);
	call_end(&call);
}

/* What is not there is not in it; of what is, no text. */
static void
test_audit_of_optional_arguments(void **state)
{
	static const char *const all[] = { "romeo",         "example.org", "--reason",
					   "zip",           "--within",    "2h",
					   "--on",          "1970-01-02",  "--note",
					   "private words", "--contact",   "A@B/c",
					   "--quiet" };
	static const char *const none[] = { "romeo", "example.org" };

	(void)state;
	check_parcel(none, COUNT(none),
		     "{\"actor\":\"x\",\"face\":\"cli\",\"command\":\"parcel_return\","
		     "\"arguments\":{\"user\":\"romeo\",\"host\":\"example.org\"}}");
	check_parcel(
		all, COUNT(all),
		"{\"actor\":\"x\",\"face\":\"cli\",\"command\":\"parcel_return\","
		"\"arguments\":{\"user\":\"romeo\",\"host\":\"example.org\",\"reason\":\"zip\","
		"\"within\":7200,\"on\":86400,\"contact\":\"a@b/c\",\"quiet\":true}}");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_audit_of_a_request),
		cmocka_unit_test(test_audit_without_a_request),
		cmocka_unit_test(test_audit_of_optional_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
