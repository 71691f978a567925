#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/grant.h"

static void
accept(const char *text, const char *name, const char *role, size_t hosts)
{
	struct grant grant;

	if (!grant_parse(text, &grant))
		fail_msg("refused: %s", text);
	assert_string_equal(grant.name, name);
	assert_string_equal(grant.role, role);
	assert_int_equal(grant.hosts.count, hosts);
	grant_free(&grant);
}

static void
test_grant_has_a_name_and_a_role(void **state)
{
	(void)state;
	accept("alice:admin", "alice", "admin", 0);
	accept("www-data:operator", "www-data", "operator", 0);
	accept("00ff:reader", "00ff", "reader", 0);
}

static void
test_grant_may_be_limited_to_hosts(void **state)
{
	struct grant grant;

	(void)state;
	accept("alice:reader:example.org", "alice", "reader", 1);
	assert_true(grant_parse("bob:operator:Example.ORG,example.net", &grant));
	assert_int_equal(grant.hosts.count, 2);
	/* As JIDs are compared. */
	assert_string_equal(grant.hosts.items[0], "example.org");
	assert_string_equal(grant.hosts.items[1], "example.net");
	grant_free(&grant);
}

/* What is written down badly must not become a grant without a limit. */
static void
test_grant_refuses_what_it_cannot_read(void **state)
{
	static const char *const cases[] = {
		"",
		":",
		"alice",
		"alice:",
		":admin",
		"::",
		"alice:root",
		"alice:Admin",
		"alice:administrator-of-everything",
		"alice:admin ",
		"alice: admin",
		"alice:admin:",
		"alice:admin,",
		"alice:admin:example.org,",
		"alice:admin:,example.org",
		"alice:admin:example.org,,example.net",
		"alice:admin:exa mple.org",
		"alice:admin:romeo@example.org",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct grant grant;

		if (grant_parse(cases[i], &grant))
			fail_msg("accepted: %s", cases[i]);
		grant_free(&grant);
	}
}

static void
test_grant_bounds_the_name(void **state)
{
	char text[GRANT_NAME_MAX + 16];
	struct grant grant;

	(void)state;
	memset(text, 'a', sizeof(text));
	strcpy(text + GRANT_NAME_MAX - 1, ":admin");
	assert_true(grant_parse(text, &grant));
	assert_int_equal(strlen(grant.name), GRANT_NAME_MAX - 1);
	grant_free(&grant);
	text[GRANT_NAME_MAX - 1] = 'a';
	strcpy(text + GRANT_NAME_MAX, ":admin");
	assert_false(grant_parse(text, &grant));
	grant_free(&grant);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grant_has_a_name_and_a_role),
		cmocka_unit_test(test_grant_may_be_limited_to_hosts),
		cmocka_unit_test(test_grant_refuses_what_it_cannot_read),
		cmocka_unit_test(test_grant_bounds_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
