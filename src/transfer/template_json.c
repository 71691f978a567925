/* Templates as JSON: an array of flat objects. What nests deeper is of the wrong type. */
#include <string.h>

#include "base/json.h"
#include "transfer/template_priv.h"

enum level { TOP, IN_ARRAY, IN_OBJECT };

struct json {
	struct template_reader *r;
	yajl_handle yajl;
	size_t fed; /* bytes given to yajl before the current call */
	enum level level;
	enum template_field field; /* the key seen last */
	size_t checked;            /* escapes before this offset are well-formed */
	enum adx_rc rc;
};

/* Behind the token that yajl is about. */
static size_t
token_end(const struct json *j)
{
	return j->fed + yajl_get_bytes_consumed(j->yajl);
}

static size_t
token_line(struct json *j)
{
	size_t end = token_end(j);

	return template_line(j->r, end > 0 ? end - 1 : 0);
}

/* What callbacks return to yajl. */
static int
go_on(struct json *j, enum adx_rc rc)
{
	j->rc = rc;
	return rc == ADX_OK;
}

static int
unexpected(struct json *j, const char *found)
{
	static const char *const what[] = {
		[TOP] = "an array of objects",
		[IN_ARRAY] = "an object",
		[IN_OBJECT] = "a string as",
	};
	char key[TEMPLATE_EXCERPT] = "";

	if (j->level == IN_OBJECT)
		template_excerpt(template_field_names[j->field],
				 strlen(template_field_names[j->field]), key);
	return go_on(j, template_refuse(j->r, token_line(j), "expected %s%s%s, found %s",
					what[j->level], *key == '\0' ? "" : " ", key, found));
}

static int
on_null(void *ctx)
{
	return unexpected(ctx, "null");
}

static int
on_boolean(void *ctx, int truth)
{
	return unexpected(ctx, truth ? "true" : "false");
}

static int
on_number(void *ctx, const char *text, size_t len)
{
	(void)text;
	(void)len;
	return unexpected(ctx, "a number");
}

static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct json *j = ctx;
	size_t from = j->checked;

	if (j->level != IN_OBJECT)
		return unexpected(j, "a string");
	j->checked = token_end(j);
	if (json_has_half_pair(j->r->text + from, j->checked - from))
		return go_on(j, template_refuse(j->r, token_line(j),
						"the %s has half a surrogate pair",
						template_field_names[j->field]));
	return go_on(j, template_put(j->r, j->field, (const char *)text, len, token_line(j)));
}

static int
on_object(void *ctx)
{
	struct json *j = ctx;

	if (j->level != IN_ARRAY)
		return unexpected(j, "an object");
	j->level = IN_OBJECT;
	template_begin(j->r, token_line(j));
	return go_on(j, ADX_OK);
}

static int
on_key(void *ctx, const unsigned char *key, size_t len)
{
	struct json *j = ctx;
	char excerpt[TEMPLATE_EXCERPT];

	j->field = template_field_find((const char *)key, len);
	if (j->field != TEMPLATE_FIELDS)
		return go_on(j, ADX_OK);
	return go_on(j, template_refuse(j->r, token_line(j),
					"expected user, host, group or nick, found the key %s",
					template_excerpt((const char *)key, len, excerpt)));
}

static int
on_object_end(void *ctx)
{
	struct json *j = ctx;

	j->level = IN_ARRAY;
	return go_on(j, template_add(j->r));
}

static int
on_array(void *ctx)
{
	struct json *j = ctx;

	if (j->level != TOP)
		return unexpected(j, "an array");
	j->level = IN_ARRAY;
	return go_on(j, ADX_OK);
}

static int
on_array_end(void *ctx)
{
	struct json *j = ctx;

	j->level = TOP;
	return go_on(j, ADX_OK);
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
	.yajl_end_array = on_array_end,
};

static enum adx_rc
refuse_syntax(struct json *j)
{
	char reason[JSON_REASON_MAX];

	if (!json_reason(j->yajl, reason))
		return adx_nomem(j->r->err);
	return template_refuse(j->r, token_line(j), "%s", reason);
}

enum adx_rc
template_parse_json(struct template_reader *r)
{
	struct json j = { .r = r, .rc = ADX_OK };
	yajl_status status;

	j.yajl = yajl_alloc(&CALLBACKS, NULL, &j);
	if (j.yajl == NULL)
		return adx_nomem(r->err);
	status = yajl_parse(j.yajl, (const unsigned char *)r->text, r->len);
	if (status == yajl_status_ok) {
		j.fed = r->len;
		status = yajl_complete_parse(j.yajl);
	}
	if (status == yajl_status_error)
		j.rc = refuse_syntax(&j);
	yajl_free(j.yajl);
	return j.rc;
}
