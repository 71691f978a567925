/* The document made of the whole table, against the table and against published schemas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <yajl/yajl_tree.h>

#include "base/buf.h"
#include "base/file.h"
#include "daemon/body.h"
#include "daemon/openapi.h"
#include "parcels.h"
#include "service/admin_extra.h"

struct fixture {
	struct admin_extra *service;
	const struct command *const *commands;
	char path[32];
	yajl_val document;
};

static void
write_document(struct fixture *f)
{
	int fd = mkstemp(strcpy(f->path, "/tmp/openapi-XXXXXX"));
	struct out *out = out_new(fd);

	assert_true(fd >= 0);
	assert_non_null(out);
	openapi_write(f->commands, out);
	out_flush(out);
	assert_int_equal(out_error(out), 0);
	out_free(out);
	close(fd);
}

/* Make the document of f->commands. */
static void
make_document(struct fixture *f)
{
	struct buf text = BUF_INIT;
	struct adx_error err;
	char why[256];

	write_document(f);
	assert_int_equal(file_slurp(f->path, 1 << 24, &text, &err), ADX_OK);
	f->document = yajl_tree_parse(buf_text(&text), why, sizeof(why));
	if (f->document == NULL)
		fail_msg("%s", why);
	buf_free(&text);
}

static void
drop_document(struct fixture *f)
{
	unlink(f->path);
	yajl_tree_free(f->document);
}

static int
set_up(void **state)
{
	static struct fixture f;
	struct strvec all = STRVEC_INIT;
	struct adx_error err;

	assert_int_equal(admin_extra_start(&all, &f.service, &err), ADX_OK);
	f.commands = admin_extra_commands(f.service);
	make_document(&f);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	drop_document(f);
	admin_extra_stop(f->service);
	return 0;
}

static yajl_val
find(yajl_val object, const char *name)
{
	const char *path[] = { name, NULL };

	return yajl_tree_get(object, path, yajl_t_any);
}

static yajl_val
get(yajl_val object, const char *name)
{
	yajl_val value = find(object, name);

	if (value == NULL)
		fail_msg("there is no %s", name);
	return value;
}

static bool
has_text(yajl_val array, const char *text)
{
	for (size_t i = 0; i < array->u.array.len; i++) {
		const char *element = YAJL_GET_STRING(array->u.array.values[i]);

		assert_non_null(element);
		if (strcmp(element, text) == 0)
			return true;
	}
	return false;
}

static yajl_val
operation(const struct fixture *f, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/api/%s", name);
	return get(get(get(f->document, "paths"), path), "post");
}

static yajl_val
request_of(const struct fixture *f, const char *name)
{
	yajl_val content = get(get(operation(f, name), "requestBody"), "content");

	return get(get(content, "application/json"), "schema");
}

static yajl_val
reply_of(const struct fixture *f, const char *name)
{
	yajl_val content = get(get(get(operation(f, name), "responses"), "200"), "content");

	return get(get(content, "application/json"), "schema");
}

static void
check_fields(const struct fixture *f, const struct command *c)
{
	yajl_val schema = request_of(f, c->name);
	yajl_val fields = get(schema, "properties"), required = get(schema, "required");
	size_t n = command_param_count(c), count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct param *p = &c->params[i];

		if ((find(fields, p->name) != NULL) != body_has(p))
			fail_msg("%s: field %s", c->name, p->name);
		if (has_text(required, p->name) != (body_has(p) && !p->optional))
			fail_msg("%s: required %s", c->name, p->name);
		count += body_has(p) && !p->optional;
	}
	assert_int_equal(required->u.array.len, count);
	assert_true(YAJL_IS_FALSE(get(schema, "additionalProperties")));
}

static void
check_replies(const struct fixture *f, const struct command *c)
{
	yajl_val fields, statuses;

	if (find(reply_of(f, c->name), "properties") == NULL)
		return; /* a document takes the reply's place */
	fields = get(reply_of(f, c->name), "properties");
	statuses = get(get(fields, "status"), "enum");
	for (size_t i = 0; i < COMMAND_ANSWERS_MAX && c->answers[i] != NULL; i++)
		assert_true(has_text(statuses, c->answers[i]->status));
	if (c->result == RESULT_RESCODE)
		assert_null(find(fields, "result"));
}

static void
test_openapi_has_every_command(void **state)
{
	const struct fixture *f = *state;

	for (const struct command *const *c = f->commands; *c != NULL; c++) {
		yajl_val op = operation(f, (*c)->name);

		assert_string_equal(YAJL_GET_STRING(get(op, "operationId")), (*c)->name);
		assert_string_equal(YAJL_GET_STRING(get(op, "summary")), (*c)->summary);
		if ((find(op, "parameters") != NULL) != (((*c)->flags & CMD_WRITES) != 0))
			fail_msg("%s: Idempotency-Key", (*c)->name);
		check_fields(f, *c);
		check_replies(f, *c);
	}
}

static void
test_openapi_has_the_other_pages(void **state)
{
	static const char *const PAGES[] = { "/api", "/openapi.json", "/healthz", "/readyz",
					     "/metrics" };
	const struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(PAGES) / sizeof(PAGES[0]); i++)
		get(get(get(f->document, "paths"), PAGES[i]), "get");
}

static void
test_openapi_describes_fields_by_their_types(void **state)
{
	const struct fixture *f = *state;
	yajl_val days = get(get(request_of(f, "num_active_users"), "properties"), "days");
	yajl_val secret = get(get(request_of(f, "register"), "properties"), "password");
	yajl_val subs = get(get(request_of(f, "add_rosteritem"), "properties"), "subs");
	yajl_val push = get(request_of(f, "push_roster_all"), "properties");
	yajl_val old = get(request_of(f, "delete_old_users"), "properties");

	assert_string_equal(YAJL_GET_STRING(get(days, "type")), "integer");
	assert_int_equal(YAJL_GET_INTEGER(get(days, "minimum")), 0);
	get(days, "maximum");
	assert_string_equal(YAJL_GET_STRING(get(secret, "format")), "password");
	assert_true(YAJL_IS_TRUE(get(secret, "writeOnly")));
	assert_int_equal(get(subs, "enum")->u.array.len, 4);
	assert_true(has_text(get(subs, "enum"), "both"));
	assert_true(has_text(get(get(push, "file_format"), "enum"), "csv"));
	assert_string_equal(YAJL_GET_STRING(get(get(push, "file_format"), "default")), "erlang");
	get(old, "dry_run");
	get(old, "max_affected");
	get(old, "include_never_seen");
	assert_null(find(push, "include_never_seen"));
}

static void
test_openapi_describes_results(void **state)
{
	const struct fixture *f = *state;
	yajl_val roster = get(get(reply_of(f, "get_roster"), "properties"), "result");
	yajl_val count = get(get(reply_of(f, "num_active_users"), "properties"), "result");
	yajl_val deleted = get(get(reply_of(f, "delete_old_users"), "properties"), "result");

	get(get(get(roster, "items"), "properties"), "subscription");
	assert_string_equal(YAJL_GET_STRING(get(count, "type")), "integer");
	get(get(get(deleted, "items"), "properties"), "host");
	assert_null(find(get(reply_of(f, "check_password"), "properties"), "result"));
	assert_null(find(reply_of(f, "retrieve_personal_data"), "properties"));
}

/* Debian's own Python: its packages are there. */
static int
check(const char *path, const char *then)
{
	char command[192];

	snprintf(command, sizeof(command), "/usr/bin/python3 -W ignore %s %s%s",
		 "tests/e2e/openapi_check.py", path, then);
	return system(command);
}

static void
test_openapi_is_valid(void **state)
{
	const struct fixture *f = *state;

	if (check(f->path, "") != 0)
		fail_msg("not valid, or packages of scripts/deps.sh are missing");
}

/* The judge is one. */
static void
test_openapi_check_finds_faults(void **state)
{
	static const char BAD[] = "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"x\",\"version\":"
				  "\"1\"},\"paths\":{\"/x\":{\"get\":{\"operationId\":\"x\"}}}}";
	char path[] = "/tmp/openapi-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, BAD, strlen(BAD)), strlen(BAD));
	close(fd);
	assert_int_equal(check(path, " | grep -q \"'responses' is a required property\""), 0);
	assert_int_not_equal(check(path, " >/dev/null"), 0);
	unlink(path);
}

/* ---- optional fields, of other commands -------------------------------------------------- */

static void
check_type(yajl_val fields, const char *name, const char *type)
{
	assert_string_equal(YAJL_GET_STRING(get(get(fields, name), "type")), type);
}

static void
test_openapi_of_optional_fields(void **state)
{
	struct fixture f = { .commands = PARCEL_COMMANDS };
	yajl_val fields, forms;

	(void)state;
	make_document(&f);
	for (const struct command *const *c = PARCEL_COMMANDS; *c != NULL; c++)
		check_fields(&f, *c);
	fields = get(request_of(&f, "parcel_send"), "properties");
	check_type(fields, "fragile", "boolean");
	check_type(fields, "weight", "integer");
	check_type(fields, "letter", "string");
	check_type(fields, "letter_format", "string");
	check_type(fields, "within", "string");
	assert_string_equal(YAJL_GET_STRING(get(get(fields, "within"), "pattern")),
			    "^[0-9]{1,9}[wdhm]$");
	check_type(fields, "on", "string");
	forms = get(get(fields, "on"), "anyOf");
	assert_int_equal(forms->u.array.len, 2);
	assert_string_equal(YAJL_GET_STRING(get(forms->u.array.values[0], "format")), "date");
	assert_string_equal(YAJL_GET_STRING(get(forms->u.array.values[1], "format")), "date-time");
	drop_document(&f);
}

/* A body that only has optional fields may be left out. */
static void
test_openapi_of_optional_bodies(void **state)
{
	struct fixture f = { .commands = PARCEL_COMMANDS };

	(void)state;
	make_document(&f);
	assert_true(
		YAJL_IS_TRUE(get(get(operation(&f, "parcel_send"), "requestBody"), "required")));
	assert_true(
		YAJL_IS_FALSE(get(get(operation(&f, "parcel_list"), "requestBody"), "required")));
	assert_int_equal(check(f.path, ""), 0);
	drop_document(&f);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openapi_has_every_command),
		cmocka_unit_test(test_openapi_has_the_other_pages),
		cmocka_unit_test(test_openapi_describes_fields_by_their_types),
		cmocka_unit_test(test_openapi_describes_results),
		cmocka_unit_test(test_openapi_is_valid),
		cmocka_unit_test(test_openapi_check_finds_faults),
		cmocka_unit_test(test_openapi_of_optional_fields),
		cmocka_unit_test(test_openapi_of_optional_bodies),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
