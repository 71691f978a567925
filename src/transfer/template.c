#include "transfer/template.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "transfer/template_priv.h"

const char *const template_field_names[TEMPLATE_FIELDS] = {
	[TEMPLATE_USER] = "user",
	[TEMPLATE_HOST] = "host",
	[TEMPLATE_GROUP] = "group",
	[TEMPLATE_NICK] = "nick",
};

static enum adx_rc (*const PARSERS[])(struct template_reader *r) = {
	[TEMPLATE_ERLANG] = template_parse_erlang,
	[TEMPLATE_JSON] = template_parse_json,
	[TEMPLATE_CSV] = template_parse_csv,
};

size_t
template_line(struct template_reader *r, size_t offset)
{
	const char *at, *end, *newline;

	if (offset >= r->len)
		offset = r->len > 0 ? r->len - 1 : 0;
	if (offset < r->counted || r->line == 0) {
		r->counted = 0;
		r->line = 1;
	}
	at = r->text + r->counted;
	end = r->text + offset;
	for (; (newline = memchr(at, '\n', (size_t)(end - at))) != NULL; at = newline + 1)
		r->line++;
	r->counted = offset;
	return r->line;
}

enum adx_rc
template_refuse(struct template_reader *r, size_t line, const char *fmt, ...)
{
	char reason[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	return adx_fail(r->err, ADX_EINVAL, "'%s' line %zu: %s", r->name, line, reason);
}

const char *
template_excerpt(const char *text, size_t len, char out[TEMPLATE_EXCERPT])
{
	static const char cut[] = "...'";
	size_t used = 0;
	unsigned cp;

	out[used++] = '\'';
	for (size_t n; len > 0; text += n, len -= n) {
		n = text_next(text, len, &cp);
		if (n == 0 || used + n + sizeof(cut) > TEMPLATE_EXCERPT)
			break;
		if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0)) {
			out[used++] = '?';
		} else {
			memcpy(out + used, text, n);
			used += n;
		}
	}
	strcpy(out + used, len > 0 ? cut : "'");
	return out;
}

enum template_field
template_field_find(const char *name, size_t len)
{
	enum template_field f = TEMPLATE_USER;

	while (f < TEMPLATE_FIELDS && (strlen(template_field_names[f]) != len ||
				       memcmp(template_field_names[f], name, len) != 0))
		f++;
	return f;
}

int
template_hex(int c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c > 0 ? strchr(digits, tolower(c)) : NULL;

	return digit == NULL ? -1 : (int)(digit - digits);
}

void
template_begin(struct template_reader *r, size_t line)
{
	buf_clear(&r->draft);
	buf_add_char(&r->draft, '\0');
	memset(r->at, 0, sizeof(r->at));
	r->draft_line = line;
}

/* Names and groups end up in XML. */
static enum adx_rc
check_characters(struct template_reader *r, enum template_field field, const char *text, size_t len,
		 size_t line)
{
	unsigned cp = 0;
	size_t n;

	if (text_is_xml(text, len))
		return ADX_OK;
	for (; (n = text_next(text, len, &cp)) > 0 && text_is_xml(text, n); text += n, len -= n)
		;
	if (n == 0)
		return template_refuse(r, line, "the %s is not valid UTF-8",
				       template_field_names[field]);
	return template_refuse(r, line, "the %s has the character U+%04X, which XML cannot carry",
			       template_field_names[field], cp);
}

enum adx_rc
template_put(struct template_reader *r, enum template_field field, const char *text, size_t len,
	     size_t line)
{
	bool required = field == TEMPLATE_USER || field == TEMPLATE_HOST;
	enum adx_rc rc = check_characters(r, field, text, len, line);

	if (rc != ADX_OK)
		return rc;
	if (r->at[field] != 0)
		return template_refuse(r, line, "the %s is given twice",
				       template_field_names[field]);
	if (len == 0 && required)
		return template_refuse(r, line, "the %s is empty", template_field_names[field]);
	r->at[field] = r->draft.len;
	buf_add(&r->draft, text, len);
	buf_add_char(&r->draft, '\0');
	return buf_ok(&r->draft) ? ADX_OK : adx_nomem(r->err);
}

static bool
make_room(struct template *t)
{
	size_t cap = t->cap == 0 ? 16 : t->cap * 2;
	struct template_entry *grown;

	if (t->count < t->cap)
		return true;
	grown = reallocarray(t->entries, cap, sizeof(*grown));
	if (grown == NULL)
		return false;
	t->entries = grown;
	t->cap = cap;
	return true;
}

/* Copies the draft into one block, which `user` owns. */
static bool
fill_entry(const struct template_reader *r, struct template_entry *entry)
{
	char *block = malloc(r->draft.len + TEMPLATE_FIELDS), *at = block;
	char *fields[TEMPLATE_FIELDS];

	if (block == NULL)
		return false;
	for (enum template_field f = TEMPLATE_USER; f < TEMPLATE_FIELDS; f++) {
		const char *text = r->draft.data + r->at[f];
		size_t size = strlen(text) + 1;

		fields[f] = memcpy(at, text, size);
		at += size;
	}
	*entry = (struct template_entry){
		.user = fields[TEMPLATE_USER],
		.host = fields[TEMPLATE_HOST],
		.group = fields[TEMPLATE_GROUP],
		.nick = fields[TEMPLATE_NICK],
		.line = r->draft_line,
	};
	return true;
}

enum adx_rc
template_add(struct template_reader *r)
{
	for (enum template_field f = TEMPLATE_USER; f <= TEMPLATE_HOST; f++)
		if (r->at[f] == 0)
			return template_refuse(r, r->draft_line, "the entry has no %s",
					       template_field_names[f]);
	if (!make_room(r->out) || !fill_entry(r, &r->out->entries[r->out->count]))
		return adx_nomem(r->err);
	r->out->count++;
	return ADX_OK;
}

static bool
ends_with(const char *path, const char *extension)
{
	size_t len = strlen(path), n = strlen(extension);

	return len >= n && strcasecmp(path + len - n, extension) == 0;
}

enum template_format
template_format_of(const char *path)
{
	if (ends_with(path, ".json"))
		return TEMPLATE_JSON;
	return ends_with(path, ".csv") ? TEMPLATE_CSV : TEMPLATE_ERLANG;
}

const char *const template_format_words[] = {
	[TEMPLATE_ERLANG] = "erlang",
	[TEMPLATE_JSON] = "json",
	[TEMPLATE_CSV] = "csv",
	NULL,
};

enum template_format
template_format_named(const char *word)
{
	enum template_format f = TEMPLATE_ERLANG;

	while (f < TEMPLATE_CSV && strcmp(template_format_words[f], word) != 0)
		f++;
	return f;
}

/* Spreadsheets begin their CSV with a byte order mark. */
static void
skip_byte_order_mark(struct template_reader *r)
{
	static const char mark[] = { '\xEF', '\xBB', '\xBF' };

	if (r->len >= sizeof(mark) && memcmp(r->text, mark, sizeof(mark)) == 0) {
		r->text += sizeof(mark);
		r->len -= sizeof(mark);
	}
}

static enum adx_rc
check_utf8(struct template_reader *r)
{
	size_t at = 0;
	unsigned cp;

	if (text_is_utf8(r->text, r->len))
		return ADX_OK;
	for (size_t n; (n = text_next(r->text + at, r->len - at, &cp)) > 0; at += n)
		;
	return template_refuse(r, template_line(r, at), "expected UTF-8, found the byte 0x%02X",
			       (unsigned char)r->text[at]);
}

enum adx_rc
template_parse(enum template_format format, const char *text, size_t len, const char *name,
	       struct template **out, struct adx_error *err)
{
	struct template_reader r = { .text = text, .len = len, .name = name, .err = err };
	enum adx_rc rc;

	*out = NULL;
	r.out = calloc(1, sizeof(*r.out));
	if (r.out == NULL)
		return adx_nomem(err);
	skip_byte_order_mark(&r);
	rc = check_utf8(&r);
	if (rc == ADX_OK)
		rc = PARSERS[format](&r);
	buf_free(&r.draft);
	if (rc == ADX_OK)
		*out = r.out;
	else
		template_free(r.out);
	return rc;
}

enum adx_rc
template_read(const char *path, struct template **out, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	*out = NULL;
	rc = file_slurp(path, TEMPLATE_SIZE_MAX, &text, err);
	if (rc == ADX_OK)
		rc = template_parse(template_format_of(path), buf_text(&text), text.len, path, out,
				    err);
	buf_free(&text);
	return rc;
}

void
template_free(struct template *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->entries[i].user);
	free(t->entries);
	free(t);
}
