/* Users files as NDJSON: a flat object a line. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "transfer/users_priv.h"

struct json {
	struct users *u;
	bool in_object;
	enum users_field field; /* the member seen last */
	char why[160];          /* our own reason to stop, or "" */
};

/* ---- an object --------------------------------------------------------------------------- */

/* A name of ours only: what else stands in a line may be the password. */
static int
refuse(struct json *j, const char *found)
{
	if (!j->in_object)
		snprintf(j->why, sizeof(j->why), "expected an object, found %s", found);
	else
		snprintf(j->why, sizeof(j->why), "expected a string as %s, found %s",
			 users_field_names[j->field], found);
	return 0;
}

/* No creation date is what null says, too. */
static int
on_null(void *ctx)
{
	struct json *j = ctx;

	if (!j->in_object || j->field != USERS_CREATED_AT)
		return refuse(j, "null");
	return 1;
}

static int
on_boolean(void *ctx, int truth)
{
	return refuse(ctx, truth ? "true" : "false");
}

static int
on_number(void *ctx, const char *text, size_t len)
{
	(void)text;
	(void)len;
	return refuse(ctx, "a number");
}

static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct json *j = ctx;

	if (!j->in_object)
		return refuse(j, "a string");
	if (users_set(j->u, j->field, (const char *)text, len))
		return 1;
	snprintf(j->why, sizeof(j->why), "%s is there twice", users_field_names[j->field]);
	return 0;
}

/* Nothing nests, so there is no depth to limit. */
static int
on_object(void *ctx)
{
	struct json *j = ctx;

	if (j->in_object)
		return refuse(j, "an object");
	j->in_object = true;
	return 1;
}

static int
on_key(void *ctx, const unsigned char *key, size_t len)
{
	struct json *j = ctx;

	for (j->field = USERS_USER; j->field < USERS_FIELDS; j->field++)
		if (strlen(users_field_names[j->field]) == len &&
		    memcmp(users_field_names[j->field], key, len) == 0)
			return 1;
	snprintf(j->why, sizeof(j->why),
		 "it has a member other than user, host, password and created_at");
	return 0;
}

static int
on_object_end(void *ctx)
{
	(void)ctx;
	return 1;
}

static int
on_array(void *ctx)
{
	return refuse(ctx, "an array");
}

static const yajl_callbacks CALLBACKS = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_object_end,
	.yajl_start_array = on_array,
};

static enum adx_rc
explain(struct json *j, yajl_handle parser)
{
	char reason[JSON_REASON_MAX];

	if (!json_reason(parser, reason))
		return adx_nomem(j->u->err);
	snprintf(j->why, sizeof(j->why), "it is no JSON: %.120s", reason);
	return ADX_OK;
}

/* Into the fields of the row; j->why tells when the line is no such object. */
static enum adx_rc
parse(struct json *j, const char *text, size_t len)
{
	yajl_handle parser = json_parser(&CALLBACKS, j);
	enum adx_rc rc = ADX_OK;
	yajl_status status;

	if (parser == NULL)
		return adx_nomem(j->u->err);
	status = yajl_parse(parser, (const unsigned char *)text, len);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(parser);
	if (status != yajl_status_ok && j->why[0] == '\0')
		rc = explain(j, parser);
	else if (status == yajl_status_ok && json_has_half_pair(text, len))
		snprintf(j->why, sizeof(j->why), "it has half a surrogate pair");
	yajl_free(parser);
	return rc;
}

/* ---- lines ------------------------------------------------------------------------------- */

static bool
is_blank(const struct users_line *line)
{
	size_t i = 0;

	while (i < line->len && line->text[i] != '\0' && strchr(" \t\r\n", line->text[i]) != NULL)
		i++;
	return i == line->len;
}

static enum adx_rc
read_line(void *ctx, const struct users_line *line)
{
	struct users *u = ctx;
	struct json j = { .u = u };
	enum adx_rc rc;

	if (is_blank(line))
		return ADX_OK;
	rc = parse(&j, line->text, line->len);
	if (rc != ADX_OK)
		return rc;
	return j.why[0] == '\0' ? users_end_row(u) : users_bad_row(u, true, j.why);
}

enum adx_rc
users_ndjson(struct users *u)
{
	return users_lines(u, read_line, u);
}
