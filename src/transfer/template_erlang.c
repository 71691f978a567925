/*
 * Templates as Erlang terms: one list of 4-tuples and a full stop, all that file:consult/1 would
 * have to find in a template. Nothing nests deeper, so nothing recurses.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "transfer/template_priv.h"

struct scanner {
	struct template_reader *r;
	size_t pos;
	struct buf value; /* the string being read */
};

/*
 * What an escape such as \351 stands for: a character, or in a binary without /utf8, where Erlang
 * too means bytes, a byte of the UTF-8.
 */
enum escapes { ESCAPED_CHARACTERS, ESCAPED_BYTES };

enum { END_OF_FILE = -1 };

static int
peek(const struct scanner *s)
{
	return s->pos < s->r->len ? (unsigned char)s->r->text[s->pos] : END_OF_FILE;
}

static bool
looking_at(const struct scanner *s, const char *text)
{
	size_t n = strlen(text);

	return s->r->len - s->pos >= n && memcmp(s->r->text + s->pos, text, n) == 0;
}

static bool
is_blank(char c)
{
	return memchr(" \t\n\v\f\r", c, 6) != NULL;
}

static void
skip_blanks(struct scanner *s)
{
	bool comment = false;

	for (; s->pos < s->r->len; s->pos++) {
		char c = s->r->text[s->pos];

		comment = comment ? c != '\n' : c == '%';
		if (!comment && !is_blank(c))
			return;
	}
}

static size_t
word_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '@'))
		n++;
	return n;
}

static enum adx_rc
expected(struct scanner *s, const char *what)
{
	const char *text = s->r->text + s->pos;
	size_t left = s->r->len - s->pos, n = word_length(text, left);
	char found[TEMPLATE_EXCERPT] = "end of file";
	unsigned cp;

	if (n > 0)
		template_excerpt(text, n, found);
	else if (left > 0 && text_next(text, left, &cp) == 1 && isprint((int)cp))
		template_excerpt(text, 1, found);
	else if (left > 0)
		snprintf(found, sizeof(found), "the character U+%04X", cp);
	return template_refuse(s->r, template_line(s->r, s->pos), "expected %s, found %s", what,
			       found);
}

/* Steps over c after blanks, if it is there. */
static bool
accept_char(struct scanner *s, char c)
{
	skip_blanks(s);
	if (peek(s) != (unsigned char)c)
		return false;
	s->pos++;
	return true;
}

static enum adx_rc
expect_char(struct scanner *s, char c, const char *what)
{
	return accept_char(s, c) ? ADX_OK : expected(s, what);
}

/* After \x: two digits, or any number of them in braces. */
static enum adx_rc
hex_escape(struct scanner *s, unsigned *value)
{
	bool braces = peek(s) == '{';
	size_t digits = 0;

	if (braces)
		s->pos++;
	for (int d; (braces || digits < 2) && (d = template_hex(peek(s))) >= 0; digits++) {
		*value = *value > 0x10FFFF ? *value : *value * 16 + (unsigned)d;
		s->pos++;
	}
	if (digits < (braces ? 1 : 2))
		return expected(s, "a hexadecimal digit after '\\x'");
	if (braces && peek(s) != '}')
		return expected(s, "'}' after '\\x{' and its digits");
	s->pos += braces ? 1 : 0;
	return ADX_OK;
}

/* After \^: @ to _ and letters are the control characters, ? is delete. */
static enum adx_rc
control_escape(struct scanner *s, unsigned *value)
{
	int c = peek(s);

	if (c != '?' && !(c >= '@' && c <= '_') && !(c >= 'a' && c <= 'z'))
		return expected(s, "a control letter after '\\^'");
	*value = c == '?' ? 0x7F : (unsigned)c & 0x1F;
	s->pos++;
	return ADX_OK;
}

static void
octal_escape(struct scanner *s, unsigned *value)
{
	for (int i = 0; i < 3 && peek(s) >= '0' && peek(s) <= '7'; i++)
		*value = *value * 8 + (unsigned)(s->r->text[s->pos++] - '0');
}

static enum adx_rc
put_escaped(struct scanner *s, unsigned value, enum escapes escapes)
{
	size_t line = template_line(s->r, s->pos);

	if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
		return template_refuse(s->r, line, "expected an escape for a character, found %s",
				       value > 0x10FFFF ? "one above U+10FFFF"
							: "half a surrogate pair");
	if (escapes == ESCAPED_CHARACTERS) {
		buf_add_utf8(&s->value, value);
		return ADX_OK;
	}
	if (value > 0xFF)
		return template_refuse(s->r, line,
				       "expected '/utf8' after the binary, which has a '\\x{%X}'",
				       value);
	buf_add_char(&s->value, (char)value);
	return ADX_OK;
}

static bool
named_escape(int c, unsigned *value)
{
	static const char names[] = "bdefnrstv";
	static const char values[] = "\b\x7F\x1B\f\n\r \t\v";
	const char *name = c > 0 ? strchr(names, c) : NULL;

	if (name != NULL)
		*value = (unsigned char)values[name - names];
	return name != NULL;
}

/* The backslash is behind us. A character without a meaning of its own is copied. */
static enum adx_rc
scan_escape(struct scanner *s, enum escapes escapes)
{
	enum adx_rc rc = ADX_OK;
	unsigned value = 0;
	int c = peek(s);

	if (c == END_OF_FILE)
		return ADX_OK;
	if (c >= '0' && c <= '7') {
		octal_escape(s, &value);
		return put_escaped(s, value, escapes);
	}
	s->pos++;
	if (c == 'x')
		rc = hex_escape(s, &value);
	else if (c == '^')
		rc = control_escape(s, &value);
	else if (!named_escape(c, &value)) {
		buf_add_char(&s->value, (char)c);
		return ADX_OK;
	}
	return rc == ADX_OK ? put_escaped(s, value, escapes) : rc;
}

/* One string from its opening quote to its closing one. */
static enum adx_rc
scan_literal(struct scanner *s, enum escapes escapes)
{
	size_t start = s->pos++;
	enum adx_rc rc = ADX_OK;

	while (rc == ADX_OK) {
		int c = peek(s);

		if (c == END_OF_FILE)
			return template_refuse(
				s->r, template_line(s->r, start),
				"expected a '\"' to end the string, found end of file");
		s->pos++;
		if (c == '"')
			break;
		if (c == '\\')
			rc = scan_escape(s, escapes);
		else
			buf_add_char(&s->value, (char)c);
	}
	return rc;
}

/* Adjacent literals are one string. Three quotes mean something else since Erlang 27. */
static enum adx_rc
scan_strings(struct scanner *s, enum escapes escapes, const char *what)
{
	enum adx_rc rc;

	skip_blanks(s);
	if (peek(s) != '"')
		return expected(s, what);
	do {
		if (looking_at(s, "\"\"\""))
			return template_refuse(s->r, template_line(s->r, s->pos),
					       "expected %s, found '\"\"\"'", what);
		rc = scan_literal(s, escapes);
		skip_blanks(s);
	} while (rc == ADX_OK && peek(s) == '"');
	return rc;
}

/* What the escapes of a binary mean is only said behind its literals. */
static enum escapes
binary_escapes(struct scanner ahead)
{
	while (accept_char(&ahead, '"')) {
		int c;

		while ((c = peek(&ahead)) != END_OF_FILE && c != '"')
			ahead.pos += c == '\\' && ahead.pos + 1 < ahead.r->len ? 2 : 1;
		ahead.pos += c == '"' ? 1 : 0;
	}
	return accept_char(&ahead, '/') ? ESCAPED_CHARACTERS : ESCAPED_BYTES;
}

static enum adx_rc
scan_binary(struct scanner *s)
{
	static const char utf8[] = "utf8";
	enum adx_rc rc = ADX_OK;

	s->pos += strlen("<<");
	skip_blanks(s);
	if (peek(s) != '>')
		rc = scan_strings(s, binary_escapes(*s), "a string or '>>'");
	if (rc != ADX_OK)
		return rc;
	if (accept_char(s, '/')) {
		skip_blanks(s);
		if (!looking_at(s, utf8))
			return expected(s, "'utf8'");
		s->pos += strlen(utf8);
	}
	skip_blanks(s);
	if (!looking_at(s, ">>"))
		return expected(s, "'>>'");
	s->pos += strlen(">>");
	return ADX_OK;
}

static enum adx_rc
scan_value(struct scanner *s, enum template_field field)
{
	enum adx_rc rc;
	size_t line;

	skip_blanks(s);
	line = template_line(s->r, s->pos);
	buf_clear(&s->value);
	if (looking_at(s, "<<"))
		rc = scan_binary(s);
	else
		rc = scan_strings(s, ESCAPED_CHARACTERS, "a string or a binary");
	if (rc != ADX_OK)
		return rc;
	if (!buf_ok(&s->value))
		return adx_nomem(s->r->err);
	return template_put(s->r, field, buf_text(&s->value), s->value.len, line);
}

static enum adx_rc
scan_tuple(struct scanner *s)
{
	static const struct {
		char c;
		const char *what;
	} end[TEMPLATE_FIELDS] = {
		[TEMPLATE_USER] = { ',', "',' after the user" },
		[TEMPLATE_HOST] = { ',', "',' after the host" },
		[TEMPLATE_GROUP] = { ',', "',' after the group" },
		[TEMPLATE_NICK] = { '}', "'}' after the nick" },
	};
	enum adx_rc rc;

	skip_blanks(s);
	template_begin(s->r, template_line(s->r, s->pos));
	rc = expect_char(s, '{', "a tuple");
	for (enum template_field f = TEMPLATE_USER; rc == ADX_OK && f < TEMPLATE_FIELDS; f++) {
		rc = scan_value(s, f);
		if (rc == ADX_OK)
			rc = expect_char(s, end[f].c, end[f].what);
	}
	return rc == ADX_OK ? template_add(s->r) : rc;
}

static enum adx_rc
scan_list(struct scanner *s)
{
	enum adx_rc rc = expect_char(s, '[', "a list of tuples");

	if (rc != ADX_OK || accept_char(s, ']'))
		return rc;
	do
		rc = scan_tuple(s);
	while (rc == ADX_OK && accept_char(s, ','));
	return rc == ADX_OK ? expect_char(s, ']', "',' or ']' after the tuple") : rc;
}

enum adx_rc
template_parse_erlang(struct template_reader *r)
{
	struct scanner s = { .r = r, .value = BUF_INIT };
	enum adx_rc rc = scan_list(&s);

	if (rc == ADX_OK)
		rc = expect_char(&s, '.', "a full stop after the list");
	skip_blanks(&s);
	if (rc == ADX_OK && peek(&s) != END_OF_FILE)
		rc = expected(&s, "nothing after the full stop");
	buf_free(&s.value);
	return rc;
}
