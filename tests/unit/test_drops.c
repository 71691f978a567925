#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/drops.h"

/* What the drops are, as their payload. */
static void
assert_payload(const struct drops *drops, const char *from, const char *expected)
{
	char payload[DROPS_PAYLOAD_MAX + 1];

	drops_payload(drops, from, payload);
	assert_string_equal(payload, expected);
}

static void
add_accounts(struct drops *drops, const char *host, int count)
{
	for (int i = 0; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "user%d", i);
		drops_add(drops, SCOPE_ACCOUNT, host, name);
	}
}

static void
test_drops_are_named_once(void **state)
{
	struct drops drops = { .count = 0 };

	(void)state;
	drops_add(&drops, SCOPE_NONE, "example.org", "romeo");
	assert_int_equal(drops.count, 0);
	for (int i = 0; i < 2; i++) {
		drops_add(&drops, SCOPE_ACCOUNT, "example.org", "romeo");
		drops_add(&drops, SCOPE_ACCOUNT, "example.net", "romeo");
		drops_add(&drops, SCOPE_ACCOUNT, "example.org", "juliet");
	}
	assert_payload(&drops, "one",
		       "{\"from\":\"one\",\"drops\":[[\"account\",\"example.org\",\"romeo\"],"
		       "[\"account\",\"example.net\",\"romeo\"],"
		       "[\"account\",\"example.org\",\"juliet\"]]}");
	drops_add(&drops, SCOPE_HOST, "example.org", NULL);
	drops_add(&drops, SCOPE_ACCOUNT, "example.org", "mercutio");
	drops_add(&drops, SCOPE_HOST, "example.org", "mercutio");
	assert_payload(&drops, "",
		       "{\"from\":\"\",\"drops\":[[\"account\",\"example.net\",\"romeo\"],"
		       "[\"host\",\"example.org\"]]}");
	drops_add(&drops, SCOPE_ALL, NULL, NULL);
	drops_add(&drops, SCOPE_HOST, "example.org", NULL);
	assert_payload(&drops, "", "{\"from\":\"\",\"drops\":[[\"all\"]]}");
	drops_clear(&drops);
	assert_int_equal(drops.count, 0);
}

static void
test_drops_without_a_name_are_wider(void **state)
{
	struct drops drops = { .count = 0 };

	(void)state;
	drops_add(&drops, SCOPE_ACCOUNT, "example.org", NULL);
	assert_payload(&drops, "", "{\"from\":\"\",\"drops\":[[\"host\",\"example.org\"]]}");
	drops_add(&drops, SCOPE_ACCOUNT, NULL, NULL);
	assert_payload(&drops, "", "{\"from\":\"\",\"drops\":[[\"all\"]]}");
	drops_clear(&drops);
}

static void
test_drops_are_bounded(void **state)
{
	struct drops drops = { .count = 0 };

	(void)state;
	add_accounts(&drops, "example.org", DROPS_ACCOUNTS_MAX);
	assert_int_equal(drops.count, DROPS_ACCOUNTS_MAX);
	drops_add(&drops, SCOPE_ACCOUNT, "example.org", "user3");
	assert_int_equal(drops.count, DROPS_ACCOUNTS_MAX);
	drops_add(&drops, SCOPE_ACCOUNT, "example.org", "one too many");
	assert_payload(&drops, "", "{\"from\":\"\",\"drops\":[[\"host\",\"example.org\"]]}");
	drops_clear(&drops);

	add_accounts(&drops, "a", DROPS_ACCOUNTS_MAX);
	add_accounts(&drops, "b", DROPS_ACCOUNTS_MAX);
	add_accounts(&drops, "c", DROPS_ACCOUNTS_MAX);
	add_accounts(&drops, "d", DROPS_ACCOUNTS_MAX);
	assert_int_equal(drops.count, DROPS_MAX);
	drops_add(&drops, SCOPE_ACCOUNT, "e", "romeo");
	assert_payload(&drops, "", "{\"from\":\"\",\"drops\":[[\"all\"]]}");
	drops_clear(&drops);
}

/* Names of the greatest length, of which JSON makes them twice as long. */
static void
test_drops_too_long_for_a_payload(void **state)
{
	struct drops drops = { .count = 0 }, hosts = { .count = 0 };
	char host[1024], name[1024], payload[DROPS_PAYLOAD_MAX + 1];

	(void)state;
	memset(host, 'h', sizeof(host));
	memset(name, '"', sizeof(name));
	host[1023] = name[1023] = '\0';
	for (int i = 0; i < 8; i++) {
		name[0] = (char)('a' + i);
		drops_add(&drops, SCOPE_ACCOUNT, host, name);
	}
	drops_add(&hosts, SCOPE_HOST, host, NULL);
	drops_payload(&drops, "one", payload);
	assert_payload(&hosts, "one", payload);

	for (int i = 0; i < DROPS_HOSTS_MAX - 1; i++) {
		name[0] = (char)('a' + i);
		drops_add(&drops, SCOPE_ACCOUNT, name, "romeo");
	}
	assert_int_equal(drops.count, 8 + DROPS_HOSTS_MAX - 1);
	drops_payload(&drops, "one", payload);
	assert_true(strlen(payload) <= DROPS_PAYLOAD_MAX);
	assert_non_null(strstr(payload, "[\"host\",\"h"));
	for (size_t i = 0; i < sizeof(host) - 1; i++)
		host[i] = name[i] = '\x01';
	drops_clear(&drops);
	for (int i = 0; i < DROPS_HOSTS_MAX; i++) {
		name[0] = (char)('a' + i);
		drops_add(&drops, SCOPE_HOST, name, NULL);
	}
	assert_payload(&drops, "one", "{\"from\":\"\",\"drops\":[[\"all\"]]}");
	drops_clear(&drops);
	drops_clear(&hosts);
}

static void
test_drops_of_a_statement(void **state)
{
	const struct sql_statement *names = SQL_CATALOGUE[BACKEND_NATIVE];
	struct drops drops = { .count = 0 };

	(void)state;
	drops_add_statement(&drops, &names[SQL_ACCOUNT_EXISTS],
			    (const char *const[]){ "example.org", "romeo" });
	assert_int_equal(drops.count, 0);
	drops_add_statement(&drops, &names[SQL_ACCOUNT_UNBAN],
			    (const char *const[]){ "{}", "example.org", "romeo" });
	assert_payload(&drops, "",
		       "{\"from\":\"\",\"drops\":[[\"account\",\"example.org\",\"romeo\"]]}");
	drops_add_statement(&drops, &names[SQL_HOST_ADD],
			    (const char *const[]){ "{}", "example.net" });
	assert_int_equal(drops.count, 2);
	drops_add_statement(&drops, &names[SQL_ACCOUNTS_DELETE_OLD],
			    (const char *const[]){ "{}", NULL, "30", "f" });
	assert_payload(&drops, "", "{\"from\":\"\",\"drops\":[[\"all\"]]}");
	drops_clear(&drops);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void
test_told_is_what_was_written(void **state)
{
	struct drops drops = { .count = 0 };
	char payload[DROPS_PAYLOAD_MAX + 1];
	struct told told;

	(void)state;
	drops_add(&drops, SCOPE_ACCOUNT, "example.org", "d\"\\\n\xc3\xbc");
	drops_add(&drops, SCOPE_HOST, "example.net", NULL);
	drops_payload(&drops, "one", payload);
	told_read(payload, "one", &told);
	assert_true(told.own);
	assert_false(told.tokens);
	assert_payload(&told.drops, "one", payload);
	drops_clear(&told.drops);
	told_read(payload, "two", &told);
	assert_false(told.own);
	drops_clear(&told.drops);
	told_read(payload, NULL, &told);
	assert_false(told.own);
	drops_clear(&told.drops);
	drops_clear(&drops);
}

static void
test_told_tokens(void **state)
{
	struct told told;

	(void)state;
	told_read("{\"from\":\"\",\"tokens\":true}", "", &told);
	assert_true(told.tokens);
	assert_false(told.own);
	assert_int_equal(told.drops.count, 0);
	drops_clear(&told.drops);
}

static void
test_told_what_is_not_understood_drops_everything(void **state)
{
	static const char *const BAD[] = {
		"",
		"x",
		"null",
		"[]",
		"{}",
		"{\"from\":\"one\"}",
		"{\"from\":\"one\",\"drops\":[]}",
		"{\"from\":\"one\",\"tokens\":false}",
		"{\"from\":\"one\",\"tokens\":\"true\"}",
		"{\"from\":1,\"drops\":[[\"host\",\"a\"]]}",
		"{\"from\":null,\"drops\":[[\"host\",\"a\"]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"]]",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"]]}{}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"]],\"more\":1}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],\"all\"]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[\"host\"]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[\"host\",\"a\",\"b\"]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[\"host\",\"a\",1]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[\"host\",null]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[\"account\",\"a\"]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[\"account\",\"a\",\"b\",\"c\"]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[\"account\",[\"a\"],\"b\"]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\"],[\"cluster\",\"a\"]]}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\\u0000b\"]]}",
		"{\"from\":\"one\",\"drops\":{\"host\":\"a\"}}",
		"{\"from\":\"one\",\"drops\":[[\"host\",\"a\xff\"]]}",
	};
	struct told told;

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		told_read(BAD[i], "one", &told);
		assert_int_equal(told.drops.count, 1);
		assert_int_equal(told.drops.items[0].scope, SCOPE_ALL);
		assert_false(told.own);
		assert_true(told.tokens);
		drops_clear(&told.drops);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drops_are_named_once),
		cmocka_unit_test(test_drops_without_a_name_are_wider),
		cmocka_unit_test(test_drops_are_bounded),
		cmocka_unit_test(test_drops_too_long_for_a_payload),
		cmocka_unit_test(test_drops_of_a_statement),
		cmocka_unit_test(test_told_is_what_was_written),
		cmocka_unit_test(test_told_tokens),
		cmocka_unit_test(test_told_what_is_not_understood_drops_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
