/* What a row of the command table must have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parcels.h"
#include "service/row_check.h"

/* A row that is good until the test changes it. */
static struct command
good(void)
{
	return PARCELS[0];
}

static void
refuse(const struct command *c, const char *lacks)
{
	struct adx_error err = { 0 };
	char want[160];

	if (row_check(c, "cache", &err) != ADX_EFAIL)
		fail_msg("has no %s, and is taken", lacks);
	snprintf(want, sizeof(want), "command '%s' has no %s", c->name, lacks);
	assert_string_equal(err.message, want);
}

static void
test_row_check_takes_good_rows(void **state)
{
	struct adx_error err = { 0 };

	(void)state;
	for (const struct command *const *c = PARCEL_COMMANDS; *c != NULL; c++)
		if (row_check(*c, "cache", &err) != ADX_OK)
			fail_msg("%s", err.message);
}

static void
test_row_check_of_what_each_row_has(void **state)
{
	struct command c;

	(void)state;
	c = good();
	c.summary = NULL;
	refuse(&c, "summary");
	c = good();
	c.submod = "admin";
	refuse(&c, "right submod");
	c = good();
	c.role = ROLE_NONE;
	refuse(&c, "role");
	c = good();
	c.run = NULL;
	refuse(&c, "handler");
	c = good();
	c.example = NULL;
	refuse(&c, "example");
	c = good();
	c.result_name = NULL;
	refuse(&c, "result name");
	c = good();
	c.answers[0] = NULL;
	refuse(&c, "answer");
	c = good();
	c.flags = CMD_DESTROYS;
	refuse(&c, "word for what it affects");
	c = PARCELS[1];
	c.pages = PAGES_BY_HOST;
	refuse(&c, "list to make pages of");
	c = good();
	c.limited_by = "user";
	refuse(&c, "parameter that limits it to a host");
	c = good();
	c.limited_too = "nobody";
	refuse(&c, "parameter that limits it to a host");
}

static void
test_row_check_of_families(void **state)
{
	static const char *const bad[] = { "", "parce", "parcel_", "parcel_send", "send", "x" };
	struct command c = good();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.family = bad[i];
		refuse(&c, "name that begins with its family");
	}
}

static void
test_row_check_of_optional_parameters(void **state)
{
	struct command c;

	(void)state;
	/* user, host, as, output, letter, small_note, weight, within, on, fragile, ... */
	c = good();
	c.params[3].optional = false;
	refuse(&c, "optional parameters behind the required ones only");
	c = good();
	c.params[0].optional = true;
	refuse(&c, "optional parameters behind the required ones only");
	c = good();
	c.params[0].letter = 'u';
	refuse(&c, "option where it has a letter or a flag");
	c = good();
	c.params[1].type = PARAM_FLAG;
	c.limited_by = LIMITED_NOT_AT_ALL;
	refuse(&c, "option where it has a letter or a flag");
	c = good();
	c.params[9].letter = 'w';
	refuse(&c, "name and letter of its own for each parameter");
	c = good();
	c.params[9].name = "user";
	refuse(&c, "name and letter of its own for each parameter");
	c = good();
	c.params[9].letter = '-';
	refuse(&c, "letter that is one");
	c = good();
	c.params[6].type = PARAM_SECRET;
	refuse(&c, "way to tell its secrets apart");
	c = good();
	c.params[4].words = NULL;
	refuse(&c, "formats for content");
	c = good();
	c.params[7].max = 0;
	refuse(&c, "bounds for its duration");
}

static void
test_row_check_of_options_that_would_hide_others(void **state)
{
	static const char SHADOW[] = "name for an option that is not the program's";
	struct command c;

	(void)state;
	c = good();
	c.params[2].name = "yes";
	refuse(&c, SHADOW);
	c = good();
	c.params[2].name = "dry_run";
	refuse(&c, SHADOW);
	c = good();
	c.params[2].name = "help";
	refuse(&c, SHADOW);
	c = good();
	c.params[2].letter = 'y';
	refuse(&c, SHADOW);
	c = good();
	c.params[2].letter = 'h';
	refuse(&c, SHADOW);
	c = good();
	c.pages = PAGES_BY_HOST;
	c.params[2].name = "limit";
	refuse(&c, SHADOW);
	c = good();
	c.pages = PAGES_BY_HOST;
	c.params[2].name = "after";
	refuse(&c, SHADOW);
	c = good();
	c.flags = CMD_WRITES;
	c.params[2].name = "max_affected";
	refuse(&c, SHADOW);
	c = good();
	c.flags = CMD_NEVER_SEEN;
	c.params[2].name = "include_never_seen";
	refuse(&c, SHADOW);
}

/* What means nothing for the command hides nothing. */
static void
test_row_check_of_options_that_hide_none(void **state)
{
	static const char *const names[] = { "limit",        "after",
					     "max_affected", "include_never_seen",
					     "format",       "socket" };
	struct command c = good();
	struct adx_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		c.params[2].name = names[i];
		if (row_check(&c, "cache", &err) != ADX_OK)
			fail_msg("%s: %s", names[i], err.message);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_check_takes_good_rows),
		cmocka_unit_test(test_row_check_of_what_each_row_has),
		cmocka_unit_test(test_row_check_of_families),
		cmocka_unit_test(test_row_check_of_optional_parameters),
		cmocka_unit_test(test_row_check_of_options_that_would_hide_others),
		cmocka_unit_test(test_row_check_of_options_that_hide_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
