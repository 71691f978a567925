#include "base/json.h"

#include <string.h>

#include <yajl/yajl_parse.h>

enum { DEPTH_MAX = 64 };

struct copy {
	yajl_gen gen;
	int depth;
};

static yajl_gen
gen_of(void *ctx)
{
	return ((struct copy *)ctx)->gen;
}

static int
on_null(void *ctx)
{
	return yajl_gen_null(gen_of(ctx)) == yajl_gen_status_ok;
}

static int
on_boolean(void *ctx, int value)
{
	return yajl_gen_bool(gen_of(ctx), value) == yajl_gen_status_ok;
}

static int
on_number(void *ctx, const char *text, size_t len)
{
	return yajl_gen_number(gen_of(ctx), text, len) == yajl_gen_status_ok;
}

static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	return yajl_gen_string(gen_of(ctx), text, len) == yajl_gen_status_ok;
}

static int
on_map_open(void *ctx)
{
	return ++((struct copy *)ctx)->depth <= DEPTH_MAX &&
	       yajl_gen_map_open(gen_of(ctx)) == yajl_gen_status_ok;
}

static int
on_map_close(void *ctx)
{
	((struct copy *)ctx)->depth--;
	return yajl_gen_map_close(gen_of(ctx)) == yajl_gen_status_ok;
}

static int
on_array_open(void *ctx)
{
	return ++((struct copy *)ctx)->depth <= DEPTH_MAX &&
	       yajl_gen_array_open(gen_of(ctx)) == yajl_gen_status_ok;
}

static int
on_array_close(void *ctx)
{
	((struct copy *)ctx)->depth--;
	return yajl_gen_array_close(gen_of(ctx)) == yajl_gen_status_ok;
}

bool
json_copy(yajl_gen gen, const char *text, size_t len)
{
	static const yajl_callbacks CALLBACKS = {
		.yajl_null = on_null,
		.yajl_boolean = on_boolean,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_map_open,
		.yajl_map_key = on_string,
		.yajl_end_map = on_map_close,
		.yajl_start_array = on_array_open,
		.yajl_end_array = on_array_close,
	};
	struct copy copy = { gen, 0 };
	yajl_handle parser = yajl_alloc(&CALLBACKS, NULL, &copy);
	bool ok;

	if (parser == NULL)
		return false;
	ok = yajl_parse(parser, (const unsigned char *)text, len) == yajl_status_ok &&
	     yajl_complete_parse(parser) == yajl_status_ok;
	yajl_free(parser);
	return ok;
}

void
json_text(yajl_gen gen, const char *text)
{
	yajl_gen_string(gen, (const unsigned char *)text, strlen(text));
}

void
json_member(yajl_gen gen, const char *name, const char *text)
{
	json_text(gen, name);
	json_text(gen, text);
}
