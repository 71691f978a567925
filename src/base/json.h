/* What yajl leaves to its users. */
#ifndef ADMINEX_JSON_H
#define ADMINEX_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

#include "adminex/error.h"

/*
 * Copy JSON text into a document that is being generated. False when the text is no JSON or nested
 * more than 64 deep; then null is generated instead.
 */
bool json_copy(yajl_gen gen, const char *text, size_t len);
void json_text(yajl_gen gen, const char *text);
void json_member(yajl_gen gen, const char *name, const char *text);
/*
 * Half a surrogate pair as \uXXXX in JSON text: no character, of which yajl makes a '?' or another
 * one.
 */
bool json_has_half_pair(const char *text, size_t len);

/* A parser whose memory is wiped when it is given back: for text with passwords. */
yajl_handle json_parser(const yajl_callbacks *callbacks, void *ctx);

enum { JSON_REASON_MAX = 160 };

/* Why a parser stopped, without a word of the text. False when out of memory. */
bool json_reason(yajl_handle parser, char reason[JSON_REASON_MAX]);

/*
 * Reading a whole document that a caller sent: the first member of what the callbacks get. They
 * return json_go_on(); a failure is described by them, in err.
 */
struct json_reader {
	const char *what; /* "the line": how messages call the text */
	struct adx_error *err;
	enum adx_rc rc;
};

int json_go_on(struct json_reader *r, enum adx_rc rc);
/*
 * ADX_EUSAGE when the text is no JSON or no UTF-8, or has half a surrogate pair; else what the
 * callbacks said. What yajl keeps is wiped, and messages have no word of the text.
 */
ADX_MUST_CHECK enum adx_rc json_read(struct json_reader *r, const yajl_callbacks *callbacks,
				     const char *text, size_t len);

#endif
