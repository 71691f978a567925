#include "daemon/openapi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/json.h"
#include "daemon/body.h"
#include "service/admin_extra.h"

/* ---- writing ----------------------------------------------------------------------------- */

static void
print(void *ctx, const char *data, size_t len)
{
	out_write(ctx, data, len);
}

static void
open_map(yajl_gen g, const char *name)
{
	json_text(g, name);
	yajl_gen_map_open(g);
}

static void
open_array(yajl_gen g, const char *name)
{
	json_text(g, name);
	yajl_gen_array_open(g);
}

static void
close_maps(yajl_gen g, unsigned count)
{
	while (count-- > 0)
		yajl_gen_map_close(g);
}

static void
bool_member(yajl_gen g, const char *name, bool truth)
{
	json_text(g, name);
	yajl_gen_bool(g, truth);
}

static void
integer_member(yajl_gen g, const char *name, int64_t value)
{
	json_text(g, name);
	yajl_gen_integer(g, value);
}

static void
words_member(yajl_gen g, const char *name, const char *const *words)
{
	open_array(g, name);
	for (; *words != NULL; words++)
		json_text(g, *words);
	yajl_gen_array_close(g);
}

static void
refer(yajl_gen g, const char *kind, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "#/components/%s/%s", kind, name);
	json_member(g, "$ref", path);
}

/* ---- fields of a request ----------------------------------------------------------------- */

static void
write_range(yajl_gen g, int64_t min, int64_t max)
{
	json_member(g, "type", "integer");
	json_member(g, "format", "int64");
	if (min != INT64_MIN)
		integer_member(g, "minimum", min);
	if (max != INT64_MAX)
		integer_member(g, "maximum", max);
}

/* A string with ';' between the pieces, or the pieces. */
static void
write_list(yajl_gen g)
{
	open_array(g, "anyOf");
	yajl_gen_map_open(g);
	json_member(g, "type", "string");
	close_maps(g, 1);
	yajl_gen_map_open(g);
	json_member(g, "type", "array");
	open_map(g, "items");
	json_member(g, "type", "string");
	json_member(g, "pattern", "^[^;]*$");
	close_maps(g, 2);
	yajl_gen_array_close(g);
}

/* A date or a timestamp. */
static void
write_date(yajl_gen g)
{
	static const char *const FORMATS[] = { "date", "date-time" };

	open_array(g, "anyOf");
	for (size_t i = 0; i < 2; i++) {
		yajl_gen_map_open(g);
		json_member(g, "format", FORMATS[i]);
		close_maps(g, 1);
	}
	yajl_gen_array_close(g);
}

/* How an argument looks; null, which an optional one may be, is not said: leave it out. */
static void
write_param_type(yajl_gen g, const struct param *param)
{
	if (param->type == PARAM_INTEGER) {
		write_range(g, param->min, param->max);
		return;
	}
	if (param->type == PARAM_LIST) {
		write_list(g);
		return;
	}
	if (param->type == PARAM_FLAG) {
		json_member(g, "type", "boolean");
		return;
	}
	json_member(g, "type", "string");
	if (param->type == PARAM_DAYS)
		json_member(g, "pattern", DURATION_PATTERN);
	if (param->type == PARAM_DATE)
		write_date(g);
	if (param->type == PARAM_WORD || param->type == PARAM_CHOICE)
		words_member(g, "enum", param->words);
	if (param->type == PARAM_SECRET) {
		json_member(g, "format", "password");
		bool_member(g, "writeOnly", true);
	}
}

static void
write_format(yajl_gen g, const struct param *param)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", param->name, PARAM_FORMAT);
	open_map(g, name);
	json_member(g, "type", "string");
	words_member(g, "enum", param->words);
	json_member(g, "default", param->words[0]);
	json_member(g, "description", "how the content is to be read");
	close_maps(g, 1);
}

static void
write_param(yajl_gen g, const struct param *param)
{
	if (!body_has(param))
		return;
	open_map(g, param->name);
	write_param_type(g, param);
	json_member(g, "description", body_has_format(param) ? "content of the file" : param->doc);
	close_maps(g, 1);
	if (body_has_format(param))
		write_format(g, param);
}

static void
write_option(yajl_gen g, const struct body_option *option)
{
	open_map(g, option->name);
	switch (option->kind) {
	case BODY_BOOLEAN: json_member(g, "type", "boolean"); break;
	case BODY_INTEGER: write_range(g, option->min, INT64_MAX); break;
	default: json_member(g, "type", "string"); break;
	}
	json_member(g, "description", option->doc);
	close_maps(g, 1);
}

/* False: the body may be left out. */
static bool
write_required(yajl_gen g, const struct command *command)
{
	size_t n = command_param_count(command), required = 0;

	open_array(g, "required");
	for (size_t i = 0; i < n; i++)
		if (body_has(&command->params[i]) && !command->params[i].optional) {
			json_text(g, command->params[i].name);
			required++;
		}
	yajl_gen_array_close(g);
	return required > 0;
}

static void
write_request(yajl_gen g, const struct command *command)
{
	size_t n = command_param_count(command);
	bool required;

	open_map(g, "requestBody");
	open_map(g, "content");
	open_map(g, "application/json");
	open_map(g, "schema");
	json_member(g, "type", "object");
	open_map(g, "properties");
	for (size_t i = 0; i < n; i++)
		write_param(g, &command->params[i]);
	for (size_t i = 0; i < BODY_OPTIONS; i++)
		if (body_options[i].matters(command))
			write_option(g, &body_options[i]);
	close_maps(g, 1);
	required = write_required(g, command);
	bool_member(g, "additionalProperties", false);
	close_maps(g, 3);
	bool_member(g, "required", required);
	close_maps(g, 1);
}

/* ---- replies ----------------------------------------------------------------------------- */

static void
write_field(yajl_gen g, const struct field *field)
{
	open_map(g, field->name);
	open_array(g, "type");
	json_text(g, field->integer ? "integer" : "string");
	json_text(g, "null");
	yajl_gen_array_close(g);
	close_maps(g, 1);
}

static void
write_rows(yajl_gen g, const struct command *command)
{
	size_t n = command_field_count(command);

	json_member(g, "type", "array");
	open_map(g, "items");
	json_member(g, "type", "object");
	open_map(g, "properties");
	for (size_t i = 0; i < n; i++)
		write_field(g, &command->fields[i]);
	close_maps(g, 1);
	open_array(g, "required");
	for (size_t i = 0; i < n; i++)
		json_text(g, command->fields[i].name);
	yajl_gen_array_close(g);
	close_maps(g, 1);
}

static bool
has_rows(const struct command *command)
{
	return command->result == RESULT_LIST || (command->flags & CMD_LIST_TOO);
}

static void
write_result(yajl_gen g, const struct command *command)
{
	if (!has_rows(command) && command->result != RESULT_INTEGER &&
	    command->result != RESULT_STRING)
		return;
	open_map(g, "result");
	json_member(g, "title", command->result_name);
	if (has_rows(command))
		write_rows(g, command);
	else
		json_member(g, "type", command->result == RESULT_INTEGER ? "integer" : "string");
	close_maps(g, 1);
}

static void
write_text_property(yajl_gen g, const char *name, const char *about)
{
	open_map(g, name);
	json_member(g, "type", "string");
	json_member(g, "description", about);
	close_maps(g, 1);
}

/* The words of the command's answers, each once. */
static void
write_statuses(yajl_gen g, const struct command *command)
{
	open_map(g, "status");
	json_member(g, "type", "string");
	open_array(g, "enum");
	for (size_t i = 0; i < COMMAND_ANSWERS_MAX && command->answers[i] != NULL; i++) {
		const char *status = command->answers[i]->status;
		size_t k = 0;

		while (strcmp(command->answers[k]->status, status) != 0)
			k++;
		if (k == i)
			json_text(g, status);
	}
	yajl_gen_array_close(g);
	close_maps(g, 1);
}

static void
write_reply_schema(yajl_gen g, const struct command *command)
{
	json_member(g, "type", "object");
	open_map(g, "properties");
	write_result(g, command);
	if (body_pages(command))
		write_text_property(g, "next", "there is more: ask again with this as after");
	write_text_property(g, "message", "what there is to say about it");
	if (command->flags & CMD_ON_YES)
		write_text_property(g, "token", "of a plan: what carries it out");
	write_statuses(g, command);
	close_maps(g, 1);
	open_array(g, "required");
	json_text(g, "status");
	yajl_gen_array_close(g);
}

static bool
replies_with_document(const struct command *command)
{
	size_t n = command_param_count(command);

	for (size_t i = 0; i < n; i++)
		if (command->params[i].type == PARAM_PATH &&
		    command->params[i].path == PATH_WRITTEN)
			return true;
	return false;
}

static void
write_content(yajl_gen g, const char *type, const char *about)
{
	open_map(g, type);
	open_map(g, "schema");
	json_member(g, "type", "string");
	json_member(g, "description", about);
	close_maps(g, 2);
}

static void
write_contents(yajl_gen g, const struct command *command)
{
	bool document = replies_with_document(command);

	open_map(g, "content");
	open_map(g, "application/json");
	open_map(g, "schema");
	if (document)
		json_member(g, "type", "object");
	else
		write_reply_schema(g, command);
	close_maps(g, 2);
	if (has_rows(command)) {
		write_content(g, "application/x-ndjson", "a row a line, the outcome on the last");
		write_content(g, "text/csv", "a header line, then a row a line");
	}
	if (!document)
		write_content(g, "text/plain", "what the command line prints");
	close_maps(g, 1);
}

/* Headers of a reply. */
enum { REQUEST_ID = 1, RETRY_AFTER = 2, CHALLENGE = 4, OUTCOME = 8, AFFECTED = 16, FAILURE = 32 };

static const struct header {
	const char *name;
	const char *component;
	const char *about;
	const char *type;
	unsigned when;
} HEADERS[] = {
	{ "Adminex-Request", "Request", "id of this request, also in the log and the audit rows",
	  "string", REQUEST_ID },
	{ "Retry-After", "RetryAfter", "seconds to wait before the next attempt", "integer",
	  RETRY_AFTER },
	{ "WWW-Authenticate", "Challenge", "how to say who calls", "string", CHALLENGE },
	{ "Adminex-Status", "Status",
	  "the word for the outcome, where the body does not have it or it is a failure", "string",
	  OUTCOME },
	{ "Adminex-Exit", "Exit", "the exit status of the same on the command line", "integer",
	  OUTCOME },
	{ "Adminex-Remark", "Remark",
	  "a line beside the answer, one header each; %XX stands for what a header cannot carry",
	  "string", OUTCOME },
	{ "Adminex-Affected", "Affected", "how many of the command's own rows changed or go",
	  "integer", AFFECTED },
	{ "Adminex-Failure", "Failure", "message and hint, as in the body", "string", FAILURE },
};

enum { HEADER_COUNT = sizeof(HEADERS) / sizeof(HEADERS[0]) };

static void
write_headers_of(yajl_gen g, unsigned which)
{
	open_map(g, "headers");
	for (size_t i = 0; i < HEADER_COUNT; i++) {
		if (!(HEADERS[i].when & which))
			continue;
		open_map(g, HEADERS[i].name);
		refer(g, "headers", HEADERS[i].component);
		close_maps(g, 1);
	}
	close_maps(g, 1);
}

/* What can come of any request, but for success. */
static const struct failure {
	const char *status;
	const char *name; /* of the component */
	const char *about;
	unsigned headers; /* beside those of each failure */
} FAILURES[] = {
	{ "400", "Misused",
	  "the request is not understood, or fields are unknown, missing or of "
	  "a wrong type" },
	{ "401", "NoCaller", "nobody known: a token is missing, wrong, expired or revoked",
	  CHALLENGE },
	{ "403", "Denied", "the caller may not do this" },
	{ "404", "NotFound", "there is no such thing: account, host, command" },
	{ "409", "Conflict",
	  "there is one already, more would go than max_affected, or the Idempotency-Key stood for "
	  "another request" },
	{ "413", "TooLarge", "the body is too large" },
	{ "422", "BadValue", "right fields of the right types, but an impossible value" },
	{ "429", "TooOften", "too many passwords were tried: wait", RETRY_AFTER },
	{ "431", "HeaderTooLarge", "the header is too large" },
	{ "503", "Unavailable", "the database or the service is busy or away: try again",
	  RETRY_AFTER },
	{ "504", "TooLate",
	  "it took too long and was cancelled, or the connection broke during COMMIT: status "
	  "outcome_unknown" },
	{ "default", "Failed", "anything else that failed" },
};

enum { FAILURE_COUNT = sizeof(FAILURES) / sizeof(FAILURES[0]) };

static void
write_failure(yajl_gen g, const char *status, const char *name)
{
	open_map(g, status);
	refer(g, "responses", name);
	close_maps(g, 1);
}

static void
write_responses(yajl_gen g, const struct command *command)
{
	open_map(g, "responses");
	open_map(g, "200");
	json_member(g, "description", "the answer");
	write_headers_of(g, REQUEST_ID | OUTCOME | (command->flags & CMD_WRITES ? AFFECTED : 0));
	write_contents(g, command);
	close_maps(g, 1);
	for (size_t i = 0; i < FAILURE_COUNT; i++) {
		write_failure(g, FAILURES[i].status, FAILURES[i].name);
	}
	close_maps(g, 1);
}

/* ---- paths ------------------------------------------------------------------------------- */

static void
write_command(yajl_gen g, const struct command *command)
{
	static const char *const ROLES[] = { "none", "reader", "operator", "admin" };
	char path[64];

	snprintf(path, sizeof(path), "/api/%s", command->name);
	open_map(g, path);
	open_map(g, "post");
	json_member(g, "operationId", command->name);
	json_member(g, "summary", command->summary);
	if (command->notes != NULL)
		json_member(g, "description", command->notes);
	words_member(g, "tags", (const char *const[]){ command->submod, NULL });
	json_member(g, "x-adminex-role", ROLES[command->role]);
	if (command->flags & CMD_WRITES) {
		open_array(g, "parameters");
		yajl_gen_map_open(g);
		refer(g, "parameters", "IdempotencyKey");
		close_maps(g, 1);
		yajl_gen_array_close(g);
	}
	write_request(g, command);
	write_responses(g, command);
	close_maps(g, 2);
}

/* What is not a command. */
static const struct address {
	const char *path;
	const char *id;
	const char *summary;
	const char *type;
	const char *schema; /* of the components; NULL: a text */
	bool open;          /* to everybody */
} PAGES[] = {
	{ "/api", "list_commands", "the commands this caller may run", "application/json",
	  "Commands", false },
	{ "/openapi.json", "openapi", "this document", "application/json", "Document", false },
	{ "/healthz", "healthz", "the service runs", "application/json", "Reply", true },
	{ "/readyz", "readyz", "the database can be reached and its schema is right",
	  "application/json", "Reply", true },
	{ "/metrics", "metrics", "numbers for Prometheus", "text/plain", NULL, false },
};

static void
write_page(yajl_gen g, const struct address *page)
{
	open_map(g, page->path);
	open_map(g, "get");
	json_member(g, "operationId", page->id);
	json_member(g, "summary", page->summary);
	if (page->open) {
		open_array(g, "security");
		yajl_gen_array_close(g);
	}
	open_map(g, "responses");
	open_map(g, "200");
	json_member(g, "description", page->summary);
	write_headers_of(g, REQUEST_ID);
	open_map(g, "content");
	open_map(g, page->type);
	open_map(g, "schema");
	if (page->schema == NULL)
		json_member(g, "type", "string");
	else
		refer(g, "schemas", page->schema);
	close_maps(g, 4);
	if (!page->open)
		write_failure(g, "401", "NoCaller");
	write_failure(g, "503", "Unavailable");
	write_failure(g, "default", "Failed");
	close_maps(g, 3);
}

static void
write_paths(yajl_gen g, const struct command *const *commands)
{
	open_map(g, "paths");
	for (size_t i = 0; i < sizeof(PAGES) / sizeof(PAGES[0]); i++)
		write_page(g, &PAGES[i]);
	for (; *commands != NULL; commands++)
		write_command(g, *commands);
	close_maps(g, 1);
}

/* ---- components -------------------------------------------------------------------------- */

static void
write_object(yajl_gen g, const char *name, const char *const properties[][2], size_t count,
	     const char *const *required)
{
	open_map(g, name);
	json_member(g, "type", "object");
	open_map(g, "properties");
	for (size_t i = 0; i < count; i++)
		write_text_property(g, properties[i][0], properties[i][1]);
	close_maps(g, 1);
	words_member(g, "required", required);
	close_maps(g, 1);
}

/* The commands of a caller, each with what it does. */
static void
write_commands_schema(yajl_gen g)
{
	static const char *const PROPERTIES[][2] = {
		{ "command", "as in /api/COMMAND" },
		{ "submod", "the group it belongs to" },
		{ "summary", "what it does" },
		{ "usage", "its name and its arguments, as on the command line" },
	};
	static const char *const REQUIRED[] = { "command", "submod", "summary", "usage", NULL };

	open_map(g, "Commands");
	json_member(g, "type", "object");
	open_map(g, "properties");
	open_map(g, "result");
	json_member(g, "type", "array");
	write_object(g, "items", PROPERTIES, 4, REQUIRED);
	close_maps(g, 1);
	write_text_property(g, "status", "ok");
	close_maps(g, 1);
	words_member(g, "required", (const char *const[]){ "result", "status", NULL });
	close_maps(g, 1);
}

static void
write_schemas(yajl_gen g)
{
	static const char *const PROPERTIES[][2] = {
		{ "status", "one word; ok only for success" },
		{ "message", "a sentence for people" },
		{ "hint", "what to do about it" },
		{ "sqlstate", "the code of PostgreSQL, appendix A of its manual" },
	};

	open_map(g, "schemas");
	write_object(g, "Reply", PROPERTIES, 2, (const char *const[]){ "status", NULL });
	write_object(g, "Failure", PROPERTIES, 4,
		     (const char *const[]){ "status", "message", NULL });
	write_commands_schema(g);
	open_map(g, "Document");
	json_member(g, "type", "object");
	words_member(g, "required", (const char *const[]){ "openapi", "info", "paths", NULL });
	close_maps(g, 2);
}

static void
write_failures(yajl_gen g)
{
	open_map(g, "responses");
	for (size_t i = 0; i < FAILURE_COUNT; i++) {
		open_map(g, FAILURES[i].name);
		json_member(g, "description", FAILURES[i].about);
		write_headers_of(g,
				 REQUEST_ID | OUTCOME | AFFECTED | FAILURE | FAILURES[i].headers);
		open_map(g, "content");
		open_map(g, "application/json");
		open_map(g, "schema");
		refer(g, "schemas", "Failure");
		close_maps(g, 4);
	}
	close_maps(g, 1);
}

static void
write_headers(yajl_gen g)
{
	open_map(g, "headers");
	for (size_t i = 0; i < HEADER_COUNT; i++) {
		open_map(g, HEADERS[i].component);
		json_member(g, "description", HEADERS[i].about);
		open_map(g, "schema");
		json_member(g, "type", HEADERS[i].type);
		close_maps(g, 2);
	}
	close_maps(g, 1);
}

static void
write_parameters(yajl_gen g)
{
	open_map(g, "parameters");
	open_map(g, "IdempotencyKey");
	json_member(g, "name", "Idempotency-Key");
	json_member(g, "in", "header");
	json_member(g, "description", "the same key and body again give the first reply again");
	open_map(g, "schema");
	json_member(g, "type", "string");
	integer_member(g, "minLength", 1);
	integer_member(g, "maxLength", 255);
	close_maps(g, 3);
}

static void
write_security_schemes(yajl_gen g)
{
	open_map(g, "securitySchemes");
	open_map(g, "token");
	json_member(g, "type", "http");
	json_member(g, "scheme", "bearer");
	json_member(g, "description", "what 'adminex token create' printed");
	close_maps(g, 1);
	open_map(g, "certificate");
	json_member(g, "type", "mutualTLS");
	json_member(g, "description", "a client certificate, where the service takes them");
	close_maps(g, 2);
}

static void
write_components(yajl_gen g)
{
	open_map(g, "components");
	write_schemas(g);
	write_failures(g);
	write_headers(g);
	write_parameters(g);
	write_security_schemes(g);
	close_maps(g, 1);
}

/* ---- the document ------------------------------------------------------------------------ */

static void
write_info(yajl_gen g)
{
	open_map(g, "info");
	json_member(g, "title", "adminex");
	json_member(g, "summary", "administration of XMPP accounts in PostgreSQL");
	json_member(g, "version", ADMINEX_VERSION);
	close_maps(g, 1);
}

/* One of these is enough; on the unix socket the peer may be credential enough by itself. */
static void
write_security(yajl_gen g)
{
	static const char *const SCHEMES[] = { "token", "certificate" };

	open_array(g, "security");
	for (size_t i = 0; i < 2; i++) {
		yajl_gen_map_open(g);
		open_array(g, SCHEMES[i]);
		yajl_gen_array_close(g);
		close_maps(g, 1);
	}
	yajl_gen_map_open(g);
	close_maps(g, 1);
	yajl_gen_array_close(g);
}

static bool
is_used(const struct command *const *commands, const char *submod)
{
	for (; *commands != NULL; commands++)
		if (strcmp((*commands)->submod, submod) == 0)
			return true;
	return false;
}

static void
write_tags(yajl_gen g, const struct command *const *commands)
{
	open_array(g, "tags");
	for (const struct submod *s = admin_extra_submods(); s->name != NULL; s++) {
		if (!is_used(commands, s->name))
			continue;
		yajl_gen_map_open(g);
		json_member(g, "name", s->name);
		json_member(g, "description", s->about);
		close_maps(g, 1);
	}
	yajl_gen_array_close(g);
}

void
openapi_write(const struct command *const *commands, struct out *out)
{
	yajl_gen g = yajl_gen_alloc(NULL);

	if (g == NULL) {
		out_fail(out, ENOMEM);
		return;
	}
	yajl_gen_config(g, yajl_gen_print_callback, print, out);
	yajl_gen_map_open(g);
	json_member(g, "openapi", "3.1.0");
	write_info(g);
	write_security(g);
	write_tags(g, commands);
	write_paths(g, commands);
	write_components(g);
	close_maps(g, 1);
	out_text(out, "\n");
	yajl_gen_free(g);
}
