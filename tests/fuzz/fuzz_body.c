/*
 * Bodies of requests: the first byte picks the command, the rest is the body. What is refused says
 * why on one line that is not too long. What is accepted is whole, and reads as the same when it is
 * written again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "../unit/parcels.h"
#include "base/json.h"
#include "base/text.h"
#include "daemon/body.h"
#include "service/admin_extra.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() would vanish with NDEBUG. */
static void
must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

enum { PARCELS_FROM = 0xF0 };

/* One of the program's, or of those that have optional parameters. */
static const struct command *
command_number(unsigned number)
{
	static struct admin_extra *service;
	static size_t count;
	struct strvec all = { 0 };
	struct adx_error err;

	if (number >= PARCELS_FROM)
		return PARCEL_COMMANDS[number % 3];
	if (service == NULL) {
		must(admin_extra_start(&all, &service, &err) == ADX_OK, "the service starts");
		while (admin_extra_commands(service)[count] != NULL)
			count++;
	}
	return admin_extra_commands(service)[number % count];
}

static void
check_error(const struct adx_error *err, enum adx_rc rc)
{
	must(rc == ADX_EUSAGE || rc == ADX_EINVAL, "a caller's mistake");
	must(err->rc == rc, "the code");
	must(err->message[0] != '\0', "a reason");
	must(strlen(err->message) < 700, "a short message");
	must(text_is_utf8(err->message, strlen(err->message)), "a message in UTF-8");
	must(strpbrk(err->message, "\r\n") == NULL, "a message of one line");
}

static void
check_text(const char *text, size_t len)
{
	must(text != NULL && strlen(text) == len, "a text without NUL");
	must(text_is_utf8(text, len), "a text in UTF-8");
}

static void
check_body(const struct command *command, const struct body *body)
{
	must(body->count == command_param_count(command), "all arguments");
	for (size_t i = 0; i < body->count; i++) {
		const struct param *p = &command->params[i];
		const struct content *c = &body->contents[i];

		if (body->args[i] == NULL) {
			must(p->optional && c->data == NULL, "what may be missing");
			continue;
		}
		check_text(body->args[i], strlen(body->args[i]));
		must((c->data != NULL) == body_has_format(p), "content where a file is read");
		if (c->data != NULL)
			check_text(c->data, c->len);
		if (p->type == PARAM_PATH)
			must(strcmp(body->args[i], p->path == PATH_WRITTEN ? "-" : "") == 0,
			     "no path");
	}
	must(body->max_affected >= -1 && body->limit >= 0, "numbers within their bounds");
}

static void
write_arguments(yajl_gen g, const struct command *command, const struct body *body)
{
	for (size_t i = 0; i < body->count; i++) {
		const struct param *p = &command->params[i];
		char format[64];

		if (!body_has(p) || body->args[i] == NULL)
			continue;
		if (p->type == PARAM_FLAG) {
			json_text(g, p->name);
			yajl_gen_bool(g, true);
			continue;
		}
		json_member(g, p->name,
			    body_has_format(p) ? body->contents[i].data : body->args[i]);
		if (!body_has_format(p))
			continue;
		snprintf(format, sizeof(format), "%s%s", p->name, PARAM_FORMAT);
		json_member(g, format, body->contents[i].format);
	}
}

static void
write_options(yajl_gen g, const struct body *body)
{
	json_text(g, "dry_run");
	yajl_gen_bool(g, body->dry_run);
	json_text(g, "include_never_seen");
	yajl_gen_bool(g, body->include_never_seen);
	json_text(g, "yes");
	yajl_gen_bool(g, body->yes);
	if (body->max_affected >= 0) {
		json_text(g, "max_affected");
		yajl_gen_integer(g, body->max_affected);
	}
	if (body->limit > 0) {
		json_text(g, "limit");
		yajl_gen_integer(g, body->limit);
	}
	if (body->after != NULL)
		json_member(g, "after", body->after);
}

static void
check_same(const struct body *a, const struct body *b)
{
	must(a->count == b->count, "as many arguments");
	for (size_t i = 0; i < a->count; i++) {
		const struct content *x = &a->contents[i], *y = &b->contents[i];

		must((a->args[i] == NULL) == (b->args[i] == NULL), "there or not");
		must(a->args[i] == NULL || strcmp(a->args[i], b->args[i]) == 0,
		     "the same arguments");
		must((x->data == NULL) == (y->data == NULL), "as many contents");
		if (x->data != NULL)
			must(strcmp(x->data, y->data) == 0 && strcmp(x->format, y->format) == 0,
			     "the same contents");
	}
	must(a->dry_run == b->dry_run && a->include_never_seen == b->include_never_seen &&
		     a->yes == b->yes && a->max_affected == b->max_affected && a->limit == b->limit,
	     "the same options");
	must((a->after == NULL) == (b->after == NULL), "after or not");
	must(a->after == NULL || strcmp(a->after, b->after) == 0, "the same after");
}

static void
check_reads_again(const struct command *command, const struct body *body)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	struct arena arena = ARENA_INIT;
	struct adx_error err = { 0 };
	const unsigned char *text;
	struct body again;
	size_t len;

	yajl_gen_map_open(g);
	write_arguments(g, command, body);
	write_options(g, body);
	yajl_gen_map_close(g);
	must(yajl_gen_get_buf(g, &text, &len) == yajl_gen_status_ok, "a document");
	if (body_parse(command, (const char *)text, len, &arena, &again, &err) != ADX_OK)
		must(false, err.message);
	check_same(body, &again);
	arena_free(&arena);
	yajl_gen_free(g);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct command *command = command_number(size == 0 ? 0 : data[0]);
	const char *text = (const char *)data + (size > 0);
	struct arena arena = ARENA_INIT;
	struct adx_error err = { 0 };
	struct body body;
	enum adx_rc rc = body_parse(command, text, size - (size > 0), &arena, &body, &err);

	if (rc != ADX_OK) {
		check_error(&err, rc);
	} else {
		check_body(command, &body);
		check_reads_again(command, &body);
	}
	arena_free(&arena);
	return 0;
}
