/*
 * A line as JSON: ["COMMAND", "ARG", ...], or {"id": ..., "command": "COMMAND", "args": ...} where
 * args are an array, or an object by the names of the command's parameters. Numbers stand for their
 * text; in an object there may also be true, false and null. Of a list, the members limit and after
 * ask for a page.
 */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "face/batch.h"

struct json {
	struct json_reader reader;
	struct batch_line *out;
	struct arena *arena;
	struct adx_error *err;
	enum {
		TOP,
		WORDS,
		LINE,
		LINE_ID,
		LINE_COMMAND,
		LINE_ARGS,
		LINE_LIMIT,
		LINE_AFTER,
		BY_POSITION,
		BY_NAME
	} where;
	enum { SEEN_ID = 1, SEEN_COMMAND = 2, SEEN_ARGS = 4, SEEN_LIMIT = 8, SEEN_AFTER = 16 } seen;
	const char *command; /* of an object, which may name it after the arguments */
	const char *name;    /* of the argument that comes */
};

/* What callbacks return to yajl. */
static int
go_on(struct json *j, enum adx_rc rc)
{
	return json_go_on(&j->reader, rc);
}

static int
unexpected(struct json *j, const char *found)
{
	static const char *const WANT[] = {
		[TOP] = "an array or an object",
		[WORDS] = "a string or a number",
		[LINE] = "a member",
		[LINE_ID] = "a string or a number as id",
		[LINE_COMMAND] = "a string as command",
		[LINE_ARGS] = "an array or an object as args",
		[LINE_LIMIT] = "a number as limit",
		[LINE_AFTER] = "a string as after",
		[BY_POSITION] = "a string or a number",
		[BY_NAME] = "a string or a number",
	};

	return go_on(j,
		     adx_fail(j->err, ADX_EUSAGE, "expected %s, found %s", WANT[j->where], found));
}

static enum adx_rc
copy(struct json *j, const char *text, size_t len, const char **out)
{
	if (memchr(text, '\0', len) != NULL)
		return adx_fail(j->err, ADX_EUSAGE, "the line has a NUL character");
	*out = arena_strndup(j->arena, text, len);
	return *out == NULL ? adx_nomem(j->err) : ADX_OK;
}

static enum adx_rc
add_argument(struct json *j, enum batch_value value, const char *text, size_t len)
{
	struct batch_line *out = j->out;

	if (out->count == BATCH_ARGS_MAX)
		return adx_fail(j->err, ADX_EUSAGE, "the line has more arguments than any command");
	out->names[out->count] = j->name;
	out->values[out->count] = value;
	return copy(j, text, len, &out->args[out->count++]);
}

/* One of the three words of JSON, which only an argument by name can be. */
static int
word(struct json *j, enum batch_value value, const char *found)
{
	if (j->where != BY_NAME)
		return unexpected(j, found);
	return go_on(j, add_argument(j, value, "", 0));
}

static int
on_null(void *ctx)
{
	return word(ctx, BATCH_NULL, "null");
}

static int
on_boolean(void *ctx, int truth)
{
	return word(ctx, truth ? BATCH_TRUE : BATCH_FALSE, truth ? "true" : "false");
}

static enum adx_rc
take_limit(struct json *j, const char *text, size_t len)
{
	long long limit = 0;
	const char *whole;
	enum adx_rc rc = copy(j, text, len, &whole);

	if (rc != ADX_OK)
		return rc;
	if (!text_to_int64(whole, len, &limit) || limit < 1 || limit > PAGE_LIMIT_MAX)
		return adx_fail(j->err, ADX_EUSAGE, "limit takes a whole number from 1 to %" PRId64,
				PAGE_LIMIT_MAX);
	j->out->limit = limit;
	return ADX_OK;
}

static int
scalar(struct json *j, const char *text, size_t len, bool number)
{
	switch (j->where) {
	case WORDS:
		if (number && j->out->command == NULL)
			return unexpected(j, "a number");
		return go_on(j, batch_line_add(j->out, j->arena, text, len, j->err));
	case LINE_ID:
		j->where = LINE;
		j->out->id_is_number = number;
		return go_on(j, copy(j, text, len, &j->out->id));
	case LINE_COMMAND:
		if (number)
			return unexpected(j, "a number");
		j->where = LINE;
		return go_on(j, copy(j, text, len, &j->command));
	case LINE_LIMIT:
		if (!number)
			return unexpected(j, "a string");
		j->where = LINE;
		return go_on(j, take_limit(j, text, len));
	case LINE_AFTER:
		if (number)
			return unexpected(j, "a number");
		j->where = LINE;
		return go_on(j, copy(j, text, len, &j->out->after));
	case BY_POSITION:
	case BY_NAME: return go_on(j, add_argument(j, BATCH_TEXT, text, len));
	default: return unexpected(j, number ? "a number" : "a string");
	}
}

static int
on_number(void *ctx, const char *text, size_t len)
{
	return scalar(ctx, text, len, true);
}

static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	return scalar(ctx, (const char *)text, len, false);
}

static int
on_map(void *ctx)
{
	struct json *j = ctx;

	if (j->where == TOP)
		j->where = LINE;
	else if (j->where == LINE_ARGS)
		j->where = BY_NAME;
	else
		return unexpected(j, "an object");
	if (j->where == BY_NAME)
		j->out->named = true;
	return 1;
}

static int
on_array(void *ctx)
{
	struct json *j = ctx;

	if (j->where == TOP)
		j->where = WORDS;
	else if (j->where == LINE_ARGS)
		j->where = BY_POSITION;
	else
		return unexpected(j, "an array");
	return 1;
}

static int
on_member(struct json *j, const char *key, size_t len)
{
	static const struct {
		const char *name;
		int where, bit;
	} MEMBERS[] = { { "id", LINE_ID, SEEN_ID },
			{ "command", LINE_COMMAND, SEEN_COMMAND },
			{ "args", LINE_ARGS, SEEN_ARGS },
			{ "limit", LINE_LIMIT, SEEN_LIMIT },
			{ "after", LINE_AFTER, SEEN_AFTER } };

	for (size_t i = 0; i < sizeof(MEMBERS) / sizeof(MEMBERS[0]); i++) {
		if (strlen(MEMBERS[i].name) != len || memcmp(MEMBERS[i].name, key, len) != 0)
			continue;
		if (j->seen & MEMBERS[i].bit)
			return go_on(j, adx_fail(j->err, ADX_EUSAGE, "'%s' is there twice",
						 MEMBERS[i].name));
		j->seen |= MEMBERS[i].bit;
		j->where = MEMBERS[i].where;
		return 1;
	}
	return go_on(j, adx_fail(j->err, ADX_EUSAGE,
				 "the object has a member that is not id, command, args, limit or "
				 "after"));
}

static int
on_key(void *ctx, const unsigned char *key, size_t len)
{
	struct json *j = ctx;

	if (j->where == BY_NAME)
		return go_on(j, copy(j, (const char *)key, len, &j->name));
	return on_member(j, (const char *)key, len);
}

/* Arguments end, or the line does. */
static int
on_end(void *ctx)
{
	struct json *j = ctx;

	j->where = j->where == BY_POSITION || j->where == BY_NAME ? LINE : TOP;
	return 1;
}

static const yajl_callbacks CALLBACKS = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_end,
};

enum adx_rc
batch_json_parse(const char *text, size_t len, struct arena *arena, struct batch_line *out,
		 struct adx_error *err)
{
	struct json j = {
		.reader = { .what = "the line", .err = err }, .out = out, .arena = arena, .err = err
	};
	enum adx_rc rc = json_read(&j.reader, &CALLBACKS, text, len);

	if (rc == ADX_OK && j.command != NULL)
		out->command = j.command;
	return rc;
}
