/* What the three formats of roster templates share; nobody else includes it. */
#ifndef ADMINEX_TEMPLATE_PRIV_H
#define ADMINEX_TEMPLATE_PRIV_H

#include <stddef.h>

#include "adminex/error.h"
#include "base/buf.h"
#include "transfer/template.h"

/* In the order of an Erlang tuple. */
enum template_field {
	TEMPLATE_USER,
	TEMPLATE_HOST,
	TEMPLATE_GROUP,
	TEMPLATE_NICK,
	TEMPLATE_FIELDS
};

/* "user", "host", "group", "nick" */
extern const char *const template_field_names[TEMPLATE_FIELDS];

struct template_reader {
	const char *text; /* well-formed UTF-8, without byte order mark */
	size_t len;
	const char *name; /* of the file, for errors */
	struct template *out;
	struct adx_error *err;
	/* The entry being read: its strings behind each other, a first "" for those not given. */
	struct buf draft;
	size_t at[TEMPLATE_FIELDS]; /* offsets into the draft, 0 when not given */
	size_t draft_line;
	/* template_line() remembers how far it counted. */
	size_t counted;
	size_t line;
};

/* The line of the byte at that offset, from 1; beyond the end it is that of the last byte. */
size_t template_line(struct template_reader *r, size_t offset);

/* ADX_EINVAL: "'FILE' line N: " and the reason. */
enum adx_rc template_refuse(struct template_reader *r, size_t line, const char *fmt, ...)
	ADX_PRINTF(3, 4);

enum { TEMPLATE_EXCERPT = 64 };

/* The beginning of a text in single quotes, fit for a message of one line. Returns out. */
const char *template_excerpt(const char *text, size_t len, char out[TEMPLATE_EXCERPT]);

/* TEMPLATE_FIELDS when there is no such field. */
enum template_field template_field_find(const char *name, size_t len);

/* The value of a hexadecimal digit, -1 for anything else. */
int template_hex(int c);

/* An entry: begin it, put its fields in any order, add it to the list. */
void template_begin(struct template_reader *r, size_t line);
ADX_MUST_CHECK enum adx_rc template_put(struct template_reader *r, enum template_field field,
					const char *text, size_t len, size_t line);
ADX_MUST_CHECK enum adx_rc template_add(struct template_reader *r);

ADX_MUST_CHECK enum adx_rc template_parse_erlang(struct template_reader *r);
ADX_MUST_CHECK enum adx_rc template_parse_json(struct template_reader *r);
ADX_MUST_CHECK enum adx_rc template_parse_csv(struct template_reader *r);

#endif
