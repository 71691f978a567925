/* The audit record of a call: who, what, for which request, and no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "command/call.h"

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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_audit_of_a_request),
		cmocka_unit_test(test_audit_without_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
