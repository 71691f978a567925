/* Who may do what: the check, and the whole command table with every role and limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/duration.h"
#include "command/args.h"
#include "command/call.h"
#include "parcels.h"
#include "service/admin_extra.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const enum role ROLES[] = { ROLE_NONE, ROLE_READER, ROLE_OPERATOR, ROLE_ADMIN };

/* What each command needs, said once more: a row that changes must be changed here, too. */
static const struct {
	const char *name, *role, *limited_by, *limited_too;
} WANT[] = {
	{ "change_password", "operator", "host", NULL },
	{ "check_password_hash", "operator", "host", NULL },
	{ "delete_old_users", "operator", NULL, NULL },
	{ "delete_old_users_vhost", "operator", "host", NULL },
	{ "ban_account", "operator", "host", NULL },
	{ "num_active_users", "reader", "host", NULL },
	{ "check_account", "reader", "host", NULL },
	{ "check_password", "operator", "host", NULL },
	{ "set_last", "operator", "host", NULL },
	{ "load_config", "admin", NULL, NULL },
	{ "get_cookie", "admin", NULL, NULL },
	{ "remove_node", "admin", NULL, NULL },
	{ "private_get", "reader", "host", NULL },
	{ "private_set", "operator", "host", NULL },
	{ "add_rosteritem", "operator", "localserver", NULL },
	{ "delete_rosteritem", "operator", "localserver", NULL },
	{ "process_rosteritems", "operator", NULL, NULL },
	{ "get_roster", "reader", "host", NULL },
	{ "push_roster", "operator", "host", NULL },
	{ "push_roster_all", "operator", NULL, NULL },
	{ "push_roster_alltoall", "operator", "host", NULL },
	{ "num_resources", "reader", "host", NULL },
	{ "resource_num", "reader", "host", NULL },
	{ "kick_session", "operator", "host", NULL },
	{ "status_num_host", "reader", "host", NULL },
	{ "status_num", "reader", NULL, NULL },
	{ "status_list_host", "reader", "host", NULL },
	{ "status_list", "reader", NULL, NULL },
	{ "connected_users_info", "reader", NULL, NULL },
	{ "connected_users_vhost", "reader", "host", NULL },
	{ "user_sessions_info", "reader", "host", NULL },
	{ "set_presence", "operator", "host", NULL },
	{ "send_message_chat", "operator", "from", "to" },
	{ "send_message_headline", "operator", "from", "to" },
	{ "send_stanza_c2s", "operator", "host", NULL },
	{ "stats", "reader", NULL, NULL },
	{ "stats_host", "reader", "host", NULL },
	{ "get_vcard", "reader", "host", NULL },
	{ "get_vcard2", "reader", "host", NULL },
	{ "get_vcard2_multi", "reader", "host", NULL },
	{ "set_vcard", "operator", "host", NULL },
	{ "set_vcard2", "operator", "host", NULL },
	{ "set_vcard2_multi", "operator", "host", NULL },
	{ "retrieve_personal_data", "operator", "domain", NULL },
	{ "add_host", "admin", "host", NULL },
	{ "remove_host", "admin", "host", NULL },
	{ "registered_vhosts", "reader", NULL, NULL },
	{ "register", "operator", "host", NULL },
	{ "unregister", "operator", "host", NULL },
	{ "registered_users", "reader", "host", NULL },
	{ "unban_account", "operator", "host", NULL },
	{ "get_ban_details", "reader", "host", NULL },
	{ "list_banned", "reader", "host", NULL },
	{ "get_last", "reader", "host", NULL },
	{ "can_i", "reader", "", NULL },
	{ "cache_info", "reader", "", NULL },
	{ "cache_clear", "operator", "", NULL },
	{ "gdpr_export", "operator", "host", NULL },
	{ "gdpr_erase", "admin", "host", NULL },
	{ "gdpr_cancel", "admin", "host", NULL },
	{ "gdpr_pending", "admin", "host", NULL },
	{ "gdpr_hold", "admin", "host", NULL },
	{ "gdpr_release", "admin", "host", NULL },
	{ "gdpr_holds", "admin", "host", NULL },
	{ "gdpr_replay", "admin", NULL, NULL },
	{ "gdpr_audit", "reader", NULL, NULL },
	{ "gdpr_register", "admin", NULL, NULL },
	{ "gdpr_unregister", "admin", NULL, NULL },
	{ "gdpr_ropa", "reader", "", NULL },
	{ "gdpr_request_open", "operator", "host", NULL },
	{ "gdpr_request_identity", "operator", NULL, NULL },
	{ "gdpr_request_extend", "admin", NULL, NULL },
	{ "gdpr_request_close", "admin", NULL, NULL },
	{ "gdpr_request_list", "operator", NULL, NULL },
	{ "gdpr_request_show", "operator", NULL, NULL },
	{ "gdpr_request_due", "operator", NULL, NULL },
	{ "gdpr_ledger_head", "reader", "", NULL },
	{ "gdpr_ledger_verify", "reader", "", NULL },
	{ "gdpr_verify", "reader", "", NULL },
};

static struct admin_extra *service;
static const struct command *const *commands;
/* Commands that hash a subject need a key. */
static char key_folder[] = "/tmp/adminex-access-XXXXXX", key_file[64];

static int
set_up(void **state)
{
	struct strvec all = STRVEC_INIT;
	struct adx_error err;

	(void)state;
	assert_non_null(mkdtemp(key_folder));
	snprintf(key_file, sizeof(key_file), "%s/key", key_folder);
	assert_int_equal(admin_extra_start(&all, &service, &err), ADX_OK);
	commands = admin_extra_commands(service);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	admin_extra_stop(service);
	unlink(key_file);
	return rmdir(key_folder);
}

static void
assert_same_text(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void
test_access_the_table_is_as_it_is_meant(void **state)
{
	size_t count = 0;

	(void)state;
	while (commands[count] != NULL)
		count++;
	assert_int_equal(count, COUNT(WANT));
	for (size_t i = 0; i < COUNT(WANT); i++) {
		const struct command *c = command_find(commands, WANT[i].name);

		if (c == NULL)
			fail_msg("no command %s", WANT[i].name);
		assert_string_equal(access_role_name(c->role), WANT[i].role);
		assert_same_text(c->limited_by, WANT[i].limited_by);
		assert_same_text(c->limited_too, WANT[i].limited_too);
	}
}

/* ---- the check --------------------------------------------------------------------------- */

static const char *const HOSTS[] = { "example.org", "chat.example.org", "c", "d", "e", "f", "g" };

/* The first so many of these hosts. */
static struct strvec
some_hosts(size_t count)
{
	struct strvec hosts = STRVEC_INIT;

	for (size_t i = 0; i < count; i++)
		strvec_add_text(&hosts, HOSTS[i]);
	assert_true(strvec_ok(&hosts));
	return hosts;
}

static void
test_access_names_the_rule(void **state)
{
	static const struct {
		const char *command, *host;
		enum role role;
		size_t hosts;
		const char *want; /* NULL: yes */
	} cases[] = {
		{ "ban_account", NULL, ROLE_OPERATOR, 0, NULL },
		{ "ban_account", "example.net", ROLE_OPERATOR, 0, NULL },
		{ "ban_account", "example.org", ROLE_OPERATOR, 1, NULL },
		{ "ban_account", "chat.example.org", ROLE_OPERATOR, 2, NULL },
		{ "ban_account", NULL, ROLE_OPERATOR, 1, NULL },
		{ "ban_account", "example.org", ROLE_READER, 0,
		  "ban_account needs role operator; token 'x' has role reader" },
		/* The role comes first: it is the greater obstacle. */
		{ "ban_account", "example.net", ROLE_READER, 1,
		  "ban_account needs role operator; token 'x' has role reader" },
		{ "check_account", "example.org", ROLE_NONE, 0,
		  "check_account needs role reader; token 'x' has role none" },
		{ "ban_account", "example.net", ROLE_ADMIN, 1,
		  "ban_account on example.net: token 'x' is limited to example.org" },
		{ "ban_account", "example.net", ROLE_ADMIN, 2,
		  "ban_account on example.net: token 'x' is limited to example.org, "
		  "chat.example.org" },
		{ "ban_account", "example.net", ROLE_ADMIN, 7,
		  "ban_account on example.net: token 'x' is limited to example.org, "
		  "chat.example.org, c, d, e and 2 more" },
		/* Not a part of the name, and not another spelling. */
		{ "ban_account", "org", ROLE_ADMIN, 1,
		  "ban_account on org: token 'x' is limited to example.org" },
		{ "ban_account", "", ROLE_ADMIN, 1,
		  "ban_account on : token 'x' is limited to example.org" },
		{ "delete_old_users", NULL, ROLE_ADMIN, 1,
		  "delete_old_users cannot be limited to hosts, and token 'x' is" },
		{ "delete_old_users", NULL, ROLE_OPERATOR, 0, NULL },
		{ "can_i", NULL, ROLE_READER, 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct strvec hosts = some_hosts(cases[i].hosts);
		struct caller caller = { "token 'x'", "http", cases[i].role, &hosts, "" };
		const struct command *c = command_find(commands, cases[i].command);
		struct adx_error err = { 0 };
		enum adx_rc rc = access_check(&caller, c, cases[i].host, &err);

		assert_int_equal(rc, cases[i].want == NULL ? ADX_OK : ADX_EDENIED);
		if (cases[i].want != NULL)
			assert_string_equal(err.message, cases[i].want);
		strvec_free(&hosts);
	}
}

static void
test_access_long_names_end_somewhere(void **state)
{
	char name[1024];
	char *names[] = { name, name, name, name, name, name };
	struct strvec hosts = { .items = names, .count = COUNT(names) };
	struct caller caller = { "token 'x'", "http", ROLE_ADMIN, &hosts, NULL };
	struct adx_error err = { 0 };

	(void)state;
	memset(name, 'h', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(access_check(&caller, command_find(commands, "ban_account"), "x", &err),
			 ADX_EDENIED);
	assert_non_null(strstr(err.message, " and 1 more"));
}

static void
test_access_roles_have_words(void **state)
{
	enum role role = ROLE_NONE;

	(void)state;
	for (size_t i = 0; i < COUNT(ROLES); i++) {
		bool is = access_role_of(access_role_name(ROLES[i]), &role);

		assert_int_equal(is, ROLES[i] != ROLE_NONE);
		if (is)
			assert_int_equal(role, ROLES[i]);
	}
	assert_false(access_role_of("", &role));
	assert_false(access_role_of("Admin", &role));
	assert_false(access_role_of("administrator", &role));
}

/* ---- every command, through call_prepare() ----------------------------------------------- */

static const char HERE[] = "example.org", THERE[] = "example.net";

/* An argument that is valid for the parameter; domains are on that host. */
static const char *
argument(const struct param *p, const char *host, char jid[64])
{
	switch (p->type) {
	case PARAM_DOMAIN: return host;
	case PARAM_JID: snprintf(jid, 64, "orsino@%s", host); return jid;
	case PARAM_INTEGER: return "1";
	case PARAM_WORD:
	case PARAM_CHOICE: return p->words[0];
	case PARAM_FLAG: return ARGS_TRUE;
	case PARAM_DATE: return "2026-11-01";
	case PARAM_DAYS: duration_print(p->max, jid); return jid;
	case PARAM_XML: return "<iq xmlns='urn:x'/>";
	default: return "x";
	}
}

static bool
is_limit(const struct command *c, const char *name)
{
	return (c->limited_by != NULL && strcmp(c->limited_by, name) == 0) ||
	       (c->limited_too != NULL && strcmp(c->limited_too, name) == 0);
}

/* All domains THERE, but those that limit the command on `host`. */
static enum adx_rc
attempt(const struct command *c, const struct caller *caller, const char *host,
	struct adx_error *err)
{
	static struct config config;
	static const struct run_options options = { .max_affected = -1 };
	struct call call = {
		.caller = caller, .config = &config, .commands = commands, .options = &options
	};
	const char *args[COMMAND_PARAMS_MAX];
	char jids[COMMAND_PARAMS_MAX][64];
	struct command row = *c;
	size_t n = command_param_count(c);
	enum adx_rc rc;

	config.privacy.key_file = key_file;
	/* Not carried out: what is asked is whether it would be. */
	row.flags |= CMD_LOCAL;
	for (size_t i = 0; i < n; i++) {
		bool limits = is_limit(c, c->params[i].name);

		args[i] = c->params[i].optional && !limits
				  ? NULL
				  : argument(&c->params[i], limits ? host : THERE, jids[i]);
	}
	rc = call_begin(&call, &row, args, n, err);
	if (rc != ADX_OK)
		fail_msg("%s: %s", c->name, err->message);
	rc = call_prepare(&call, err);
	call_end(&call);
	return rc;
}

static bool
is_named_by(const struct command *c)
{
	return c->limited_by != NULL && c->limited_by[0] != '\0';
}

static void
check(const struct command *c, const struct caller *caller, const char *host, bool may)
{
	struct adx_error err = { 0 };
	enum adx_rc rc = attempt(c, caller, host, &err);

	if (rc != (may ? ADX_OK : ADX_EDENIED))
		fail_msg("%s on %s with role %s: %d %s", c->name, host,
			 access_role_name(caller->role), rc, err.message);
	if (!may && strstr(err.message, c->name) == NULL)
		fail_msg("%s: the denial does not name it: %s", c->name, err.message);
}

static void
test_access_of_every_command_by_every_role(void **state)
{
	struct strvec hosts = some_hosts(2);
	struct strvec none = STRVEC_INIT;
	size_t count = 0;

	(void)state;
	for (const struct command *const *c = commands; *c != NULL; c++) {
		for (size_t i = 0; i < COUNT(ROLES); i++) {
			bool may = ROLES[i] >= (*c)->role;
			struct caller free = { "x", "http", ROLES[i], NULL, NULL };
			struct caller free_too = { "x", "http", ROLES[i], &none, NULL };
			struct caller limited = { "x", "http", ROLES[i], &hosts, NULL };

			check(*c, &free, HERE, may);
			check(*c, &free_too, THERE, may);
			check(*c, &limited, HERE, may && (*c)->limited_by != NULL);
			check(*c, &limited, THERE,
			      may && (*c)->limited_by != NULL && !is_named_by(*c));
			count++;
		}
	}
	assert_int_equal(count, COUNT(WANT) * COUNT(ROLES));
	strvec_free(&hosts);
}

static enum adx_rc
run(const char *name, const char *const args[], size_t n, struct adx_error *err)
{
	static const struct run_options options = { .max_affected = -1 };
	struct strvec hosts = some_hosts(1);
	struct caller caller = { "x", "http", ROLE_ADMIN, &hosts, NULL };
	struct command row = *command_find(commands, name);
	struct call call = { .caller = &caller, .commands = commands, .options = &options };
	enum adx_rc rc;

	row.flags |= CMD_LOCAL;
	rc = call_begin(&call, &row, args, n, err);
	if (rc == ADX_OK)
		rc = call_prepare(&call, err);
	call_end(&call);
	strvec_free(&hosts);
	return rc;
}

static void
test_access_both_ends_of_a_message_count(void **state)
{
	static const struct {
		const char *from, *to;
		enum adx_rc want;
	} cases[] = {
		{ "orsino@example.org", "viola@example.org/phone", ADX_OK },
		{ "EXAMPLE.org", "viola@example.org", ADX_OK },
		{ "orsino@example.net", "viola@example.org", ADX_EDENIED },
		{ "orsino@example.org", "viola@example.net", ADX_EDENIED },
		{ "example.org@example.net", "viola@example.org", ADX_EDENIED },
		{ "orsino@example.net/example.org", "viola@example.org", ADX_EDENIED },
		/* No JID is on no host. */
		{ "@", "viola@example.org", ADX_EDENIED },
		{ "orsino@example.org", "", ADX_EDENIED },
	};
	struct adx_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *args[] = { cases[i].from, cases[i].to, "hi" };

		assert_int_equal(run("send_message_chat", args, 3, &err), cases[i].want);
	}
}

static void
test_access_hosts_are_prepared_before_they_are_compared(void **state)
{
	static const struct {
		const char *user, *host;
		enum adx_rc want;
	} cases[] = {
		{ "orsino", "example.org", ADX_OK },
		{ "orsino", "EXAMPLE.Org", ADX_OK },
		{ "a@b", "example.org", ADX_OK }, /* no such account, on that host */
		{ "orsino", "example.net", ADX_EDENIED },
		{ "orsino", "a b", ADX_EDENIED },
		{ "orsino", "", ADX_EDENIED },
		{ "orsino", "example.org.", ADX_EDENIED },
		{ "orsino", "sub.example.org", ADX_EDENIED },
	};
	struct adx_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *args[] = { cases[i].user, cases[i].host };

		assert_int_equal(run("check_account", args, 2, &err), cases[i].want);
	}
}

/* ---- optional arguments that limit ------------------------------------------------------- */

static enum adx_rc
prepare(const struct command *c, const char *const args[], size_t n, const struct caller *caller,
	struct adx_error *err)
{
	static const struct run_options options = { .max_affected = -1 };
	struct call call = { .caller = caller, .commands = commands, .options = &options };
	enum adx_rc rc = call_begin(&call, c, args, n, err);

	if (rc == ADX_OK)
		rc = call_prepare(&call, err);
	call_end(&call);
	return rc;
}

/* Left out, it means all hosts, which who is limited may not touch. */
static void
test_access_without_the_host_is_for_all_hosts(void **state)
{
	struct strvec hosts = some_hosts(1);
	struct caller limited = { "token 3", "http", ROLE_ADMIN, &hosts, NULL };
	struct caller free = { "token 4", "http", ROLE_READER, NULL, NULL };
	const char *here[] = { HERE }, *there[] = { THERE };
	struct adx_error err = { 0 };

	(void)state;
	assert_int_equal(prepare(&PARCELS[2], NULL, 0, &free, &err), ADX_OK);
	assert_int_equal(prepare(&PARCELS[2], here, 1, &limited, &err), ADX_OK);
	assert_int_equal(prepare(&PARCELS[2], there, 1, &limited, &err), ADX_EDENIED);
	assert_int_equal(prepare(&PARCELS[2], NULL, 0, &limited, &err), ADX_EDENIED);
	assert_string_equal(err.message, "parcel_list on all hosts: token 3 is limited to "
					 "example.org");
	strvec_free(&hosts);
}

/* A second one that is left out touches nothing. */
static void
test_access_without_the_second_jid(void **state)
{
	static const struct command row = {
		.name = "row",
		.params = { { .name = "host", .type = PARAM_DOMAIN },
			    { .name = "contact", .type = PARAM_JID, .optional = true } },
		.role = ROLE_READER,
		.limited_by = "host",
		.limited_too = "contact",
		.flags = CMD_LOCAL,
	};
	static const struct {
		const char *args[2];
		enum adx_rc want;
	} cases[] = { { { HERE }, ADX_OK },
		      { { HERE, "viola@example.org" }, ADX_OK },
		      { { HERE, "viola@example.net" }, ADX_EDENIED },
		      { { THERE }, ADX_EDENIED } };
	struct strvec hosts = some_hosts(1);
	struct caller limited = { "token 3", "http", ROLE_ADMIN, &hosts, NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err = { 0 };

		assert_int_equal(prepare(&row, cases[i].args, 2, &limited, &err), cases[i].want);
	}
	strvec_free(&hosts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_access_the_table_is_as_it_is_meant),
		cmocka_unit_test(test_access_names_the_rule),
		cmocka_unit_test(test_access_long_names_end_somewhere),
		cmocka_unit_test(test_access_roles_have_words),
		cmocka_unit_test(test_access_of_every_command_by_every_role),
		cmocka_unit_test(test_access_both_ends_of_a_message_count),
		cmocka_unit_test(test_access_hosts_are_prepared_before_they_are_compared),
		cmocka_unit_test(test_access_without_the_host_is_for_all_hosts),
		cmocka_unit_test(test_access_without_the_second_jid),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
