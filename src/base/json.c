#include "base/json.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

/* ---- surrogates -------------------------------------------------------------------------- */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The code unit of a \uXXXX at text; 0, which is no surrogate, for anything else. */
static unsigned
escaped_unit(const char *text, size_t len)
{
	unsigned unit = 0;

	if (len < 6 || text[0] != '\\' || text[1] != 'u')
		return 0;
	for (size_t i = 2; i < 6; i++) {
		int digit = hex_value(text[i]);

		if (digit < 0)
			return 0;
		unit = unit << 4 | (unsigned)digit;
	}
	return unit;
}

static bool
is_low_surrogate(unsigned unit)
{
	return unit >= 0xDC00 && unit <= 0xDFFF;
}

static bool
is_surrogate(unsigned unit)
{
	return unit >= 0xD800 && unit <= 0xDFFF;
}

bool
json_has_half_pair(const char *text, size_t len)
{
	if (memchr(text, '\\', len) == NULL)
		return false;
	for (size_t i = 0, n; i < len; i += n) {
		unsigned unit = escaped_unit(text + i, len - i);

		n = text[i] == '\\' && i + 1 < len ? 2 : 1;
		if (!is_surrogate(unit))
			continue;
		if (is_low_surrogate(unit) ||
		    !is_low_surrogate(escaped_unit(text + i + 6, len - i - 6)))
			return true;
		n = 12;
	}
	return false;
}

/* ---- memory that is wiped ---------------------------------------------------------------- */

/* yajl frees what it decoded a password into: the size in front of each block says what to wipe. */
union block {
	size_t size;
	max_align_t align;
};

/*
 * What most documents need of a parser lies in one place, which is wiped once: a dozen small pieces
 * of malloc() and free() take as long as all the rest of a short one.
 */
struct near_memory {
	size_t used; /* blocks */
	union block blocks[192];
};

static union block *
take_near(struct near_memory *near, size_t size)
{
	const size_t room = sizeof(near->blocks) / sizeof(near->blocks[0]);
	union block *b = &near->blocks[near->used];
	size_t count = 2 + size / sizeof(*b);

	if (size > sizeof(near->blocks) || count > room - near->used)
		return NULL;
	near->used += count;
	return b;
}

static bool
is_near(const struct near_memory *near, const union block *b)
{
	return near != NULL && (uintptr_t)b >= (uintptr_t)near->blocks &&
	       (uintptr_t)b < (uintptr_t)near->blocks + sizeof(near->blocks);
}

static void *
json_malloc(void *near, size_t size)
{
	union block *b = near == NULL ? NULL : take_near(near, size);

	if (b == NULL)
		b = malloc(sizeof(*b) + size);
	if (b == NULL)
		return NULL;
	b->size = size;
	return b + 1;
}

static void
json_free(void *near, void *p)
{
	union block *b = p;

	if (p == NULL || is_near(near, b))
		return;
	b--;
	explicit_bzero(b + 1, b->size);
	free(b);
}

static void *
json_realloc(void *near, void *p, size_t size)
{
	void *again = json_malloc(near, size);

	if (again != NULL && p != NULL) {
		size_t had = ((union block *)p)[-1].size;

		memcpy(again, p, had < size ? had : size);
		json_free(near, p);
	}
	return again;
}

yajl_handle
json_parser(const yajl_callbacks *callbacks, void *ctx)
{
	static yajl_alloc_funcs wiping = { json_malloc, json_realloc, json_free, NULL };

	return yajl_alloc(callbacks, &wiping, ctx);
}

/* yajl says "KIND error: REASON\n", without a word of the text when it is not asked for it. */
bool
json_reason(yajl_handle parser, char reason[JSON_REASON_MAX])
{
	unsigned char *text = yajl_get_error(parser, 0, NULL, 0);
	const char *from;

	if (text == NULL)
		return false;
	from = strstr((const char *)text, ": ");
	from = from == NULL ? (const char *)text : from + 2;
	snprintf(reason, JSON_REASON_MAX, "%.*s", (int)strcspn(from, "\n"), from);
	yajl_free_error(parser, text);
	return true;
}

/* ---- whole documents --------------------------------------------------------------------- */

int
json_go_on(struct json_reader *r, enum adx_rc rc)
{
	r->rc = rc;
	return rc == ADX_OK;
}

static enum adx_rc
refuse_syntax(const struct json_reader *r, yajl_handle parser)
{
	char reason[JSON_REASON_MAX];

	if (!json_reason(parser, reason))
		return adx_nomem(r->err);
	return adx_fail(r->err, ADX_EUSAGE, "%s is not JSON: %s", r->what, reason);
}

enum adx_rc
json_read(struct json_reader *r, const yajl_callbacks *callbacks, const char *text, size_t len)
{
	struct near_memory near;
	yajl_alloc_funcs wiping = { json_malloc, json_realloc, json_free, &near };
	yajl_handle parser;
	yajl_status status;

	near.used = 0;
	/* yajl lets overlong forms and surrogates pass. */
	if (!text_is_utf8(text, len))
		return adx_fail(r->err, ADX_EUSAGE, "%s is not JSON: it is not UTF-8", r->what);
	parser = yajl_alloc(callbacks, &wiping, r);
	if (parser == NULL)
		return adx_nomem(r->err);
	r->rc = ADX_OK;
	status = yajl_parse(parser, (const unsigned char *)text, len);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(parser);
	if (status == yajl_status_error)
		r->rc = refuse_syntax(r, parser);
	yajl_free(parser);
	explicit_bzero(near.blocks, near.used * sizeof(near.blocks[0]));
	if (r->rc == ADX_OK && json_has_half_pair(text, len))
		return adx_fail(r->err, ADX_EUSAGE, "%s has half a surrogate pair", r->what);
	return r->rc;
}
