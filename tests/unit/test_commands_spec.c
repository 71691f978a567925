/* The table of commands against the specification of the 44, and what must hold for every row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <yajl/yajl_tree.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/strvec.h"
#include "command/command.h"
#include "service/admin_extra.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char SPEC[] = "tests/data/spec/commands.json";

/* Where adminex means to differ from the specification. */
static const char *const UNREACHABLE[][2] = {
	/* There are no modules that could not be loaded. */
	{ "private_set", "not_loaded" },
};
static const char *const MORE_ANSWERS[][2] = {
	{ "get_cookie", "no_cookie" },
	{ "num_active_users", "host_does_not_exist" },
	{ "push_roster", "user_does_not_exist" },
	{ "remove_node", "no_node" },
};
static const char *const BEYOND[] = { "add_host",
				      "remove_host",
				      "registered_vhosts",
				      "register",
				      "unregister",
				      "registered_users",
				      "unban_account",
				      "list_banned",
				      "get_ban_details",
				      "get_last",
				      "can_i",
				      "cache_info",
				      "cache_clear",

				      "gdpr_export",
				      "gdpr_erase",
				      "gdpr_cancel",
				      "gdpr_pending",
				      "gdpr_hold",
				      "gdpr_release",
				      "gdpr_holds",
				      "gdpr_replay",
				      "gdpr_verify",
				      "gdpr_audit",
				      "gdpr_register",
				      "gdpr_unregister",
				      "gdpr_ropa",
				      "gdpr_request_open",
				      "gdpr_request_identity",
				      "gdpr_request_extend",
				      "gdpr_request_close",
				      "gdpr_request_list",
				      "gdpr_request_show",
				      "gdpr_request_due",
				      "gdpr_ledger_head",
				      "gdpr_ledger_verify" };
static const char *const DESTROYERS[] = { "delete_old_users",    "delete_old_users_vhost",
					  "process_rosteritems", "remove_node",
					  "remove_host",         "unregister",
					  "gdpr_erase",          "gdpr_replay" };

struct fixture {
	struct admin_extra *service;
	const struct command *const *commands;
	yajl_val spec;
};

static int
set_up(void **state)
{
	static struct fixture f;
	struct strvec all = STRVEC_INIT;
	struct buf text = BUF_INIT;
	struct adx_error err;
	char why[256];

	assert_int_equal(admin_extra_start(&all, &f.service, &err), ADX_OK);
	f.commands = admin_extra_commands(f.service);
	assert_int_equal(file_slurp(SPEC, 1 << 20, &text, &err), ADX_OK);
	f.spec = yajl_tree_parse(buf_text(&text), why, sizeof(why));
	assert_non_null(f.spec);
	buf_free(&text);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	yajl_tree_free(f->spec);
	admin_extra_stop(f->service);
	return 0;
}

/* ---- the specification ------------------------------------------------------------------- */

static yajl_val
get(yajl_val object, const char *name)
{
	const char *path[] = { name, NULL };
	yajl_val value = yajl_tree_get(object, path, yajl_t_any);

	assert_non_null(value);
	return value;
}

static const char *
get_text(yajl_val object, const char *name)
{
	const char *text = YAJL_GET_STRING(get(object, name));

	assert_non_null(text);
	return text;
}

/* The entry of a command, or NULL for one beyond the 44. */
static yajl_val
entry_of(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->spec->u.array.len; i++)
		if (strcmp(get_text(f->spec->u.array.values[i], "name"), name) == 0)
			return f->spec->u.array.values[i];
	return NULL;
}

static const struct command *
command_of(const struct fixture *f, yajl_val entry)
{
	const struct command *c = command_find(f->commands, get_text(entry, "name"));

	if (c == NULL)
		fail_msg("no command %s", get_text(entry, "name"));
	return c;
}

static bool
is_listed(const char *const pairs[][2], size_t count, const char *name, const char *status)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pairs[i][0], name) == 0 && strcmp(pairs[i][1], status) == 0)
			return true;
	return false;
}

static bool
has_word(const char *const words[], size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* ---- one command beside its entry -------------------------------------------------------- */

static void
check_params(const struct command *c, yajl_val args)
{
	assert_int_equal(command_param_count(c), args->u.array.len);
	for (size_t i = 0; i < args->u.array.len; i++) {
		yajl_val arg = args->u.array.values[i];
		const char *type = get_text(arg, "type");
		const struct param *p = &c->params[i];

		assert_string_equal(p->name, get_text(arg, "name"));
		assert_false(p->optional);
		assert_int_equal(p->type == PARAM_LIST, strcmp(type, "list") == 0);
		/* A priority is a number, whatever the original took it for. */
		if (strcmp(p->name, "priority") != 0)
			assert_int_equal(p->type == PARAM_INTEGER, strcmp(type, "integer") == 0);
	}
}

static void
check_result(const struct command *c, yajl_val result)
{
	static const char *const KINDS[] = {
		[RESULT_INTEGER] = "integer", [RESULT_STRING] = "string",
		[RESULT_RESCODE] = "rescode", [RESULT_RESTUPLE] = "restuple",
		[RESULT_LIST] = "list",
	};
	yajl_val fields = get(result, "fields");

	assert_string_equal(KINDS[c->result], get_text(result, "kind"));
	assert_string_equal(c->result_name, get_text(result, "name"));
	/* Of its fields a restuple has none in the specification; delete_old_users* gives rows. */
	if (c->flags & CMD_LIST_TOO)
		return;
	assert_int_equal(command_field_count(c), fields->u.array.len);
	for (size_t i = 0; i < fields->u.array.len; i++) {
		yajl_val field = fields->u.array.values[i];

		assert_string_equal(c->fields[i].name, get_text(field, "name"));
		assert_int_equal(c->fields[i].integer,
				 strcmp(get_text(field, "type"), "integer") == 0);
	}
}

/*
 * What a command says beside its value. The specification's text of a "yes" describes the value,
 * but where the text is the answer.
 */
static const char *
said_text(const struct command *c, yajl_val outcome)
{
	bool yes = strcmp(get_text(outcome, "status"), "ok") == 0;

	return yes && c->result != RESULT_RESTUPLE ? "" : get_text(outcome, "text");
}

static bool
can_say(const struct command *c, const char *status, const char *text)
{
	for (size_t i = 0; i < COMMAND_ANSWERS_MAX && c->answers[i] != NULL; i++)
		if (strcmp(c->answers[i]->status, status) == 0 &&
		    strcmp(c->answers[i]->text, text) == 0)
			return true;
	return false;
}

static void
check_outcomes(const struct command *c, yajl_val outcomes)
{
	for (size_t i = 0; i < outcomes->u.array.len; i++) {
		yajl_val outcome = outcomes->u.array.values[i];
		const char *status = get_text(outcome, "status");

		/* "ok" is exit status 0, any other word 1: see struct answer. */
		assert_int_equal(YAJL_GET_INTEGER(get(outcome, "exit")), strcmp(status, "ok") != 0);
		if (is_listed(UNREACHABLE, COUNT(UNREACHABLE), c->name, status))
			continue;
		if (!can_say(c, status, said_text(c, outcome)))
			fail_msg("%s cannot say %s '%s'", c->name, status, said_text(c, outcome));
	}
}

static void
check_answers(const struct command *c, yajl_val outcomes)
{
	for (size_t i = 0; i < COMMAND_ANSWERS_MAX && c->answers[i] != NULL; i++) {
		const struct answer *a = c->answers[i];
		bool known = is_listed(MORE_ANSWERS, COUNT(MORE_ANSWERS), c->name, a->status);

		for (size_t j = 0; j < outcomes->u.array.len && !known; j++) {
			yajl_val outcome = outcomes->u.array.values[j];

			known = strcmp(a->status, get_text(outcome, "status")) == 0 &&
				strcmp(a->text, said_text(c, outcome)) == 0;
		}
		if (!known)
			fail_msg("%s must not say %s '%s'", c->name, a->status, a->text);
	}
}

/* ---- tests ------------------------------------------------------------------------------- */

static void
test_commands_are_the_44_and_the_ones_beyond(void **state)
{
	const struct fixture *f = *state;
	size_t count = 0;

	assert_int_equal(f->spec->u.array.len, 44);
	for (size_t i = 0; i < f->spec->u.array.len; i++)
		command_of(f, f->spec->u.array.values[i]);
	for (const struct command *const *c = f->commands; *c != NULL; c++, count++)
		if (entry_of(f, (*c)->name) == NULL)
			assert_true(has_word(BEYOND, COUNT(BEYOND), (*c)->name));
	assert_int_equal(count, 44 + COUNT(BEYOND));
}

static void
test_commands_have_the_arguments_of_the_specification(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < f->spec->u.array.len; i++) {
		yajl_val entry = f->spec->u.array.values[i];

		assert_string_equal(command_of(f, entry)->submod, get_text(entry, "submod"));
		check_params(command_of(f, entry), get(entry, "args"));
	}
}

static void
test_commands_have_the_results_of_the_specification(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < f->spec->u.array.len; i++)
		check_result(command_of(f, f->spec->u.array.values[i]),
			     get(f->spec->u.array.values[i], "result"));
}

static void
test_commands_say_what_the_specification_says(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < f->spec->u.array.len; i++) {
		yajl_val entry = f->spec->u.array.values[i];

		check_outcomes(command_of(f, entry), get(entry, "outcomes"));
		check_answers(command_of(f, entry), get(entry, "outcomes"));
	}
}

/* Live commands write too, here: sessions and the outbox. load_config changes no database. */
static void
test_commands_that_write_are_marked(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < f->spec->u.array.len; i++) {
		yajl_val entry = f->spec->u.array.values[i];
		const struct command *c = command_of(f, entry);
		bool marked = c->flags & CMD_WRITES;

		if (YAJL_IS_TRUE(get(entry, "writes")))
			assert_int_equal(marked, strcmp(c->name, "load_config") != 0);
		else if (!YAJL_IS_TRUE(get(entry, "live")))
			assert_false(marked);
		if (marked)
			assert_true(c->role >= ROLE_OPERATOR);
	}
}

static void
test_commands_that_destroy_are_marked(void **state)
{
	const struct fixture *f = *state;

	for (const struct command *const *c = f->commands; *c != NULL; c++) {
		bool marked = (*c)->flags & CMD_DESTROYS;

		assert_int_equal(marked, has_word(DESTROYERS, COUNT(DESTROYERS), (*c)->name));
		if (marked)
			assert_true((*c)->affects != NULL && ((*c)->flags & CMD_WRITES));
	}
}

/* What names no account goes through a host or more, but for what has one row or few. */
static void
test_commands_that_go_far_are_marked(void **state)
{
	/* One row of a small table; what an outbox takes; a file. */
	static const char *const narrow[] = { "add_host",
					      "registered_vhosts",
					      "load_config",
					      "get_cookie",
					      "cache_info",
					      "cache_clear",
					      "can_i",
					      "send_message_chat",
					      "send_message_headline",

					      "gdpr_unregister",
					      "gdpr_verify",
					      "gdpr_request_identity",
					      "gdpr_request_extend",
					      "gdpr_request_close",
					      "gdpr_request_show",
					      "gdpr_ledger_head" };
	const struct fixture *f = *state;

	for (const struct command *const *c = f->commands; *c != NULL; c++) {
		size_t n = command_param_count(*c);
		bool account = false;

		for (size_t i = 0; i < n; i++)
			account |= (*c)->params[i].type == PARAM_LOCALPART;
		if (account || has_word(narrow, COUNT(narrow), (*c)->name))
			assert_false((*c)->flags & CMD_WIDE);
		else
			assert_true((*c)->flags & CMD_WIDE);
	}
}

/* A list without pages is one that is short whatever is stored, or has a row for each request, hold
 * or erasure that a person handles. */
static void
test_commands_that_list_much_have_pages(void **state)
{
	static const char *const few[] = {
		"user_sessions_info", "get_ban_details",   "get_last",          "get_vcard2_multi",
		"cache_info",         "gdpr_request_list", "gdpr_request_show", "gdpr_request_due",
		"gdpr_audit",         "gdpr_erase",        "gdpr_pending",      "gdpr_holds",
		"gdpr_replay"
	};
	const struct fixture *f = *state;

	for (const struct command *const *c = f->commands; *c != NULL; c++) {
		bool pages = (*c)->pages != PAGES_NONE;

		assert_int_equal(pages, (*c)->result == RESULT_LIST &&
						!has_word(few, COUNT(few), (*c)->name));
		assert_int_equal(pages, command_page_form(*c) != NULL);
		for (size_t i = 0; pages && i < command_param_count(*c); i++) {
			assert_string_not_equal((*c)->params[i].name, "limit");
			assert_string_not_equal((*c)->params[i].name, "after");
		}
	}
}

/* What reads or checks a secret is not for readers, and the cluster's secret is for admins. */
static void
test_commands_with_secrets_need_a_role(void **state)
{
	const struct fixture *f = *state;

	for (const struct command *const *c = f->commands; *c != NULL; c++) {
		size_t n = command_param_count(*c);

		for (size_t i = 0; i < n; i++) {
			bool password = strstr((*c)->params[i].name, "pass") != NULL;
			/* Who has a token may ask what it is good for. */
			bool token = strcmp((*c)->params[i].name, "who") == 0;

			assert_int_equal((*c)->params[i].type == PARAM_SECRET, password || token);
			if (password)
				assert_true((*c)->role >= ROLE_OPERATOR);
		}
	}
	assert_int_equal(command_find(f->commands, "get_cookie")->role, ROLE_ADMIN);
}

static bool
is_known_value(const struct command *c, const char *name, size_t len)
{
	/* Values that handlers give. */
	static const char *const GIVEN[] = {
		"reason",    "regexp",   "what",   "words",   "count",  "list",   "rule",
		"request",   "deadline", "row",    "rows",    "broken", "head",   "delete",
		"anonymise", "keep",     "token",  "due",     "moved",  "until",  "since",
		"held",      "newer",    "doubt",  "subject", "digest", "signer", "why",
		"faults",    "notes",    "record", "sections"
	};
	size_t n = command_param_count(c);

	for (size_t i = 0; i < n; i++)
		if (strlen(c->params[i].name) == len && memcmp(c->params[i].name, name, len) == 0)
			return true;
	for (size_t i = 0; i < COUNT(GIVEN); i++)
		if (strlen(GIVEN[i]) == len && memcmp(GIVEN[i], name, len) == 0)
			return true;
	return false;
}

static void
test_commands_answer_with_values_that_exist(void **state)
{
	const struct fixture *f = *state;

	for (const struct command *const *c = f->commands; *c != NULL; c++) {
		for (size_t i = 0; i < COMMAND_ANSWERS_MAX && (*c)->answers[i] != NULL; i++) {
			const char *at = (*c)->answers[i]->text;

			while ((at = strchr(at, '{')) != NULL) {
				assert_true(is_known_value(*c, at + 1, strcspn(at + 1, "}")));
				at++;
			}
		}
	}
}

static void
test_commands_choose_among_words_and_ranges(void **state)
{
	const struct fixture *f = *state;

	for (const struct command *const *c = f->commands; *c != NULL; c++) {
		size_t n = command_param_count(*c);

		for (size_t i = 0; i < n; i++) {
			const struct param *p = &(*c)->params[i];

			assert_non_null(p->doc);
			if (p->type == PARAM_WORD || p->type == PARAM_CHOICE)
				assert_non_null(p->words);
			if (p->type == PARAM_INTEGER || p->type == PARAM_DAYS)
				assert_true(p->min < p->max);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands_are_the_44_and_the_ones_beyond),
		cmocka_unit_test(test_commands_have_the_arguments_of_the_specification),
		cmocka_unit_test(test_commands_have_the_results_of_the_specification),
		cmocka_unit_test(test_commands_say_what_the_specification_says),
		cmocka_unit_test(test_commands_that_write_are_marked),
		cmocka_unit_test(test_commands_that_destroy_are_marked),
		cmocka_unit_test(test_commands_that_go_far_are_marked),
		cmocka_unit_test(test_commands_that_list_much_have_pages),
		cmocka_unit_test(test_commands_with_secrets_need_a_role),
		cmocka_unit_test(test_commands_answer_with_values_that_exist),
		cmocka_unit_test(test_commands_choose_among_words_and_ranges),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
