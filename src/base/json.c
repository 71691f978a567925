#include "base/json.h"

#include <string.h>

#include <yajl/yajl_parse.h>

enum { DEPTH_MAX = 64 };

/* First the text is only looked at: half a value must not get into the document. */

static int
check_open(void *depth)
{
	return ++*(int *)depth <= DEPTH_MAX;
}

static int
check_close(void *depth)
{
	--*(int *)depth;
	return 1;
}

static int
on_null(void *gen)
{
	return yajl_gen_null(gen) == yajl_gen_status_ok;
}

static int
on_boolean(void *gen, int value)
{
	return yajl_gen_bool(gen, value) == yajl_gen_status_ok;
}

static int
on_number(void *gen, const char *text, size_t len)
{
	return yajl_gen_number(gen, text, len) == yajl_gen_status_ok;
}

static int
on_string(void *gen, const unsigned char *text, size_t len)
{
	return yajl_gen_string(gen, text, len) == yajl_gen_status_ok;
}

static int
on_map_open(void *gen)
{
	return yajl_gen_map_open(gen) == yajl_gen_status_ok;
}

static int
on_map_close(void *gen)
{
	return yajl_gen_map_close(gen) == yajl_gen_status_ok;
}

static int
on_array_open(void *gen)
{
	return yajl_gen_array_open(gen) == yajl_gen_status_ok;
}

static int
on_array_close(void *gen)
{
	return yajl_gen_array_close(gen) == yajl_gen_status_ok;
}

static bool
walk(const yajl_callbacks *callbacks, void *ctx, const char *text, size_t len)
{
	yajl_handle parser = yajl_alloc(callbacks, NULL, ctx);
	bool ok;

	if (parser == NULL)
		return false;
	ok = yajl_parse(parser, (const unsigned char *)text, len) == yajl_status_ok &&
	     yajl_complete_parse(parser) == yajl_status_ok;
	yajl_free(parser);
	return ok;
}

bool
json_copy(yajl_gen gen, const char *text, size_t len)
{
	static const yajl_callbacks CHECK = {
		.yajl_start_map = check_open,
		.yajl_end_map = check_close,
		.yajl_start_array = check_open,
		.yajl_end_array = check_close,
	};
	static const yajl_callbacks COPY = {
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
	int depth = 0;

	if (walk(&CHECK, &depth, text, len))
		return walk(&COPY, gen, text, len);
	yajl_gen_null(gen);
	return false;
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
