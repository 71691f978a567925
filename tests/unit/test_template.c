#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "transfer/template.h"

#define DATA "tests/data/templates/"
/* A literal with its length, as some hold NULs. */
#define T(s)     s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct parse_case {
	const char *text;
	size_t len;
	const char *want; /* one "line user|host|group|nick\n" each, or the error */
};

static void
dump(const struct template *t, struct buf *out)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct template_entry *e = &t->entries[i];

		buf_addf(out, "%zu %s|%s|%s|%s\n", e->line, e->user, e->host, e->group, e->nick);
	}
}

/* The text lies in a block of its own size, so that a sanitizer sees a read beyond it. */
static enum adx_rc
parse(enum template_format format, const char *text, size_t len, struct template **out,
      struct adx_error *err)
{
	char *copy = malloc(len == 0 ? 1 : len);
	enum adx_rc rc;

	assert_non_null(copy);
	memcpy(copy, text, len);
	rc = template_parse(format, copy, len, "t", out, err);
	free(copy);
	return rc;
}

static void
check_accepts(enum template_format format, const struct parse_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf got = BUF_INIT;
		struct adx_error err = { 0 };
		struct template *t;

		if (parse(format, cases[i].text, cases[i].len, &t, &err) != ADX_OK)
			fail_msg("%s: %s", cases[i].text, err.message);
		dump(t, &got);
		assert_string_equal(buf_text(&got), cases[i].want);
		buf_free(&got);
		template_free(t);
	}
}

static void
check_refuses(enum template_format format, const struct parse_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct adx_error err = { 0 };
		struct template *t;

		if (parse(format, cases[i].text, cases[i].len, &t, &err) != ADX_EINVAL)
			fail_msg("accepted: %s", cases[i].text);
		assert_null(t);
		assert_int_equal(err.rc, ADX_EINVAL);
		assert_memory_equal(err.message, "'t' ", 4);
		assert_string_equal(err.message + 4, cases[i].want);
	}
}

static void
test_template_format_of_extension(void **state)
{
	static const struct {
		const char *path;
		enum template_format want;
	} cases[] = {
		{ "roster.template", TEMPLATE_ERLANG },
		{ "roster", TEMPLATE_ERLANG },
		{ "", TEMPLATE_ERLANG },
		{ "a.json", TEMPLATE_JSON },
		{ "/tmp/A.JSON", TEMPLATE_JSON },
		{ "a.csv", TEMPLATE_CSV },
		{ "a.csv.bak", TEMPLATE_ERLANG },
		{ "a.json/b", TEMPLATE_ERLANG },
		{ "ajson", TEMPLATE_ERLANG },
		{ "a.json.csv", TEMPLATE_CSV },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(template_format_of(cases[i].path), cases[i].want);
}

static void
test_template_erlang_accepts(void **state)
{
	static const struct parse_case cases[] = {
		{ T("[]."), "" },
		{ T(" % none\n[ % here\n] % nor here\n. % at all"), "" },
		{ T("\xEF\xBB\xBF[]."), "" },
		{ T("[].%"), "" },
		{ T("[]\t.\r\n\f\v"), "" },
		{ T("[{\"a\",\"b\",\"c\",\"d\"}]."), "1 a|b|c|d\n" },
		{ T("[\n{\"a\",\"b\",\"c\",\"d\"},\n\n{\"e\",\"f\",\"\",\"\"}\n]."),
		  "2 a|b|c|d\n4 e|f||\n" },
		{ T("\n [ { \"a\" ,\n \"b\" , \"c\" , \"d\" } ] ."), "2 a|b|c|d\n" },
		{ T("[{\"a%b\",\"b\",\"c\",\"d\"}]."), "1 a%b|b|c|d\n" },
		/* adjacent strings and strings over several lines */
		{ T("[{\"a\" \"b\"\"c\" % x\n \"d\",\"h\",\"\" "
		    "\"\",\"x\ny\"},{\"a\",\"h\",\"\",\"\"}]."),
		  "1 abcd|h||x\ny\n3 a|h||\n" },
		/* binaries */
		{ T("[{<<\"a\">>,<<\"b\"/utf8>>,<<>>,<< >>}]."), "1 a|b||\n" },
		{ T("[{<< \"a\" \"b\" / utf8 >>,<<\"h\" % x\n>>,<<\"\">>,<<\"\"/utf8>>}]."),
		  "1 ab|h||\n" },
		/* UTF-8 as it stands, escapes as characters */
		{ T("[{\"é\",\"☃\",\"\\351\\x{2603}\",\"\\xe9\\x{E9}\\x{01F600}\\777\"}]."),
		  "1 é|☃|é☃|éé😀ǿ\n" },
		/* in a binary without utf8 they are bytes */
		{ T("[{<<\"é\">>,<<\"\\303\\251\">>,<<\"\\xc3\\x{A9}\">>,<<\"\\351\\x{2603}\"/"
		    "utf8>>}]."),
		  "1 é|é|é|é☃\n" },
		/* escapes with names, and characters that stand for themselves */
		{ T("[{\"\\d\\s\\t\",\"\\n\\r\",\"\\\"\\\\\\'\\a\\%\",\"\\é\\\n\"}]."),
		  "1 \x7F \t|\n\r|\"\\'a%|é\n\n" },
		{ T("[{\"\\^I\\^j\\^M\\^?\",\"\\11a\\0559\",\"\\418\",\"\\60\\061\\1012\"}]."),
		  "1 \t\n\r\x7F|\ta-9|!8|01A2\n" },
	};

	(void)state;
	check_accepts(TEMPLATE_ERLANG, cases, COUNT(cases));
}

static void
test_template_erlang_refuses_syntax(void **state)
{
	static const struct parse_case cases[] = {
		{ T(""), "line 1: expected a list of tuples, found end of file" },
		{ T("\n"), "line 1: expected a list of tuples, found end of file" },
		{ T("% a\n% b\n"), "line 2: expected a list of tuples, found end of file" },
		{ T("."), "line 1: expected a list of tuples, found '.'" },
		{ T("{\"a\",\"b\",\"c\",\"d\"}."), "line 1: expected a list of tuples, found '{'" },
		{ T("\xEF\xBB\xBF\xEF\xBB\xBF[]."),
		  "line 1: expected a list of tuples, found the character U+FEFF" },
		{ T("[]"), "line 1: expected a full stop after the list, found end of file" },
		{ T("[]\n"), "line 1: expected a full stop after the list, found end of file" },
		{ T("[]\n% end\n\n"),
		  "line 3: expected a full stop after the list, found end of file" },
		{ T("[]\n."
		    "[]"),
		  "line 2: expected nothing after the full stop, found '['" },
		{ T("[].\n\n[]."), "line 3: expected nothing after the full stop, found '['" },
		{ T("[].."), "line 1: expected nothing after the full stop, found '.'" },
		{ T("[].\0"),
		  "line 1: expected nothing after the full stop, found the character U+0000" },
		{ T("[,]."), "line 1: expected a tuple, found ','" },
		{ T("[\n{\"a\",\"b\",\"c\",\"d\"},\n]."), "line 3: expected a tuple, found ']'" },
		{ T("[{\"a\",\"b\",\"c\",\"d\"}\n{"),
		  "line 2: expected ',' or ']' after the tuple, found '{'" },
		{ T("[{\"a\",\"b\",\"c\",\"d\"}"),
		  "line 1: expected ',' or ']' after the tuple, found end of file" },
		{ T("[[]]."), "line 1: expected a tuple, found '['" },
		{ T("[{}]."), "line 1: expected a string or a binary, found '}'" },
		{ T("[{\"a\"}]."), "line 1: expected ',' after the user, found '}'" },
		{ T("[{\"a\",\"b\"}]."), "line 1: expected ',' after the host, found '}'" },
		{ T("[{\"a\",\"b\",\n\"c\"}]."),
		  "line 2: expected ',' after the group, found '}'" },
		{ T("[{\"a\",\"b\",\"c\",\"d\",\"e\"}]."),
		  "line 1: expected '}' after the nick, found ','" },
		{ T("[{\"a\",undefined_1@x,\"c\",\"d\"}]."),
		  "line 1: expected a string or a binary, found 'undefined_1@x'" },
		{ T("[{\"a\",[],\"c\",\"d\"}]."),
		  "line 1: expected a string or a binary, found '['" },
		{ T("[{“a”,"),
		  "line 1: expected a string or a binary, found the character U+201C" },
		{ T("[{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
		  "line 1: expected a string or a binary, found "
		  "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'" },
	};

	(void)state;
	check_refuses(TEMPLATE_ERLANG, cases, COUNT(cases));
}

static void
test_template_erlang_refuses_strings(void **state)
{
	static const struct parse_case cases[] = {
		{ T("[\n{\"a\n\n"),
		  "line 2: expected a '\"' to end the string, found end of file" },
		{ T("[{\"a\\"), "line 1: expected a '\"' to end the string, found end of file" },
		{ T("[{\"a\\\""), "line 1: expected a '\"' to end the string, found end of file" },
		{ T("[{\"a\"b"), "line 1: expected ',' after the user, found 'b'" },
		{ T("[{\"\"\"\na\n\"\"\""),
		  "line 1: expected a string or a binary, found '\"\"\"'" },
		{ T("[{\"\\xg0"), "line 1: expected a hexadecimal digit after '\\x', found 'g0'" },
		{ T("[{\n\"\\x1\""),
		  "line 2: expected a hexadecimal digit after '\\x', found '\"'" },
		{ T("[{\"\\x"),
		  "line 1: expected a hexadecimal digit after '\\x', found end of file" },
		{ T("[{\"\\x{}"), "line 1: expected a hexadecimal digit after '\\x', found '}'" },
		{ T("[{\"\\x{12 }"),
		  "line 1: expected '}' after '\\x{' and its digits, found ' '" },
		{ T("[{\"\\x{d800}"),
		  "line 1: expected an escape for a character, found half a surrogate pair" },
		{ T("[{\"\\x{110000}"),
		  "line 1: expected an escape for a character, found one above U+10FFFF" },
		{ T("[{\"\\x{123456789abcdef0123456789}"),
		  "line 1: expected an escape for a character, found one above U+10FFFF" },
		{ T("[{\"\\^1"), "line 1: expected a control letter after '\\^', found '1'" },
		{ T("[{\"\\^\","), "line 1: expected a control letter after '\\^', found '\"'" },
		{ T("[{<<\"a\"/utf16>>"), "line 1: expected 'utf8', found 'utf16'" },
		{ T("[{<<\"a\"/utf8x>>"), "line 1: expected '>>', found 'x'" },
		{ T("[{<<\"a\",\"b\">>"), "line 1: expected '>>', found ','" },
		{ T("[{<<\"a\"> >"), "line 1: expected '>>', found '>'" },
		{ T("[{<<97>>"), "line 1: expected a string or '>>', found '97'" },
		{ T("[{<<>"), "line 1: expected '>>', found '>'" },
		{ T("[{<<"), "line 1: expected a string or '>>', found end of file" },
		{ T("[{<<\"a"), "line 1: expected a '\"' to end the string, found end of file" },
		{ T("[{<<\"a\\"), "line 1: expected a '\"' to end the string, found end of file" },
		{ T("[{<\"a\">"), "line 1: expected a string or a binary, found '<'" },
		{ T("[{<<\"\\x{2603}\">>"),
		  "line 1: expected '/utf8' after the binary, which has a '\\x{2603}'" },
	};

	(void)state;
	check_refuses(TEMPLATE_ERLANG, cases, COUNT(cases));
}

static void
test_template_erlang_refuses_values(void **state)
{
	static const struct parse_case cases[] = {
		{ T("[\n{\"\",\"b\",\"c\",\"d\"}]."), "line 2: the user is empty" },
		{ T("[{\"a\",\n<<>>,\"c\",\"d\"}]."), "line 2: the host is empty" },
		{ T("[{\"a\\0\",\"b\",\"c\",\"d\"}]."),
		  "line 1: the user has the character U+0000, which XML cannot carry" },
		{ T("[{\"a\",\"b\0\",\"c\",\"d\"}]."),
		  "line 1: the host has the character U+0000, which XML cannot carry" },
		{ T("[{\"a\",\"b\",\"\\e\",\"d\"}]."),
		  "line 1: the group has the character U+001B, which XML cannot carry" },
		{ T("[{\"a\",\"b\",\"c\",\n\"ab\\x{ffff}\"}]."),
		  "line 2: the nick has the character U+FFFF, which XML cannot carry" },
		{ T("[{<<\"\\351\">>,\"b\",\"c\",\"d\"}]."),
		  "line 1: the user is not valid UTF-8" },
		{ T("[{\"a\",<<\"b\\355\\240\\200\">>,\"c\",\"d\"}]."),
		  "line 1: the host is not valid UTF-8" },
		{ T("[{\"a\",\"b\",\n\"c\xE9\",\"d\"}]."),
		  "line 2: expected UTF-8, found the byte 0xE9" },
		{ T("[].\n%\xED\xA0\x80"), "line 2: expected UTF-8, found the byte 0xED" },
		{ T("\xC3"), "line 1: expected UTF-8, found the byte 0xC3" },
	};

	(void)state;
	check_refuses(TEMPLATE_ERLANG, cases, COUNT(cases));
}

static void
test_template_json_accepts(void **state)
{
	static const struct parse_case cases[] = {
		{ T("[]"), "" },
		{ T("\xEF\xBB\xBF [\n]\n"), "" },
		{ T("[{\"user\":\"a\",\"host\":\"b\"}]"), "1 a|b||\n" },
		{ T("[\n{\"nick\":\"d\",\"group\":\"c\",\n\"host\":\"b\",\"user\":\"a\"},\n"
		    "\n{\"user\":\"é\",\"host\":\"h\",\"group\":\"\"}]"),
		  "2 a|b|c|d\n5 é|h||\n" },
		{ T("[{\"\\u0075ser\":\"\\u00e9\\/\\\"\\\\\",\"host\":\"\\ud83d\\uDE00\","
		    "\"nick\":\"\\\\ud83d\\t\"}]"),
		  "1 é/\"\\|😀||\\ud83d\t\n" },
	};

	(void)state;
	check_accepts(TEMPLATE_JSON, cases, COUNT(cases));
}

static void
test_template_json_refuses_syntax(void **state)
{
	static const struct parse_case cases[] = {
		{ T(""), "line 1: premature EOF" },
		{ T(" \n "), "line 2: premature EOF" },
		{ T("["), "line 1: premature EOF" },
		{ T("[{\"user\":\"a\",\n\"host\":\"b\"}\n"), "line 2: premature EOF" },
		{ T("[\n{\"user\":\"a"), "line 2: premature EOF" },
		{ T("[{\"user\":\"a\",\"host\":\"b\"},\n]"),
		  "line 2: unallowed token at this point in JSON text" },
		{ T("[{\"user\":\"a\",\"host\":\"b\",\n}]"),
		  "line 2: invalid object key (must be a string)" },
		{ T("[{\"user\"\n\"a\"}]"),
		  "line 2: object key and value must be separated by a colon (':')" },
		{ T("[{\"user\":\"a\n\"}]"), "line 1: invalid character inside string." },
		{ T("[{\"user\":\"\\x\"}]"),
		  "line 1: inside a string, '\\' occurs before a character which it may not." },
		{ T("[]\n[]"), "line 2: trailing garbage" },
		{ T("[]\nx"), "line 2: trailing garbage" },
		{ T("[\n]."), "line 2: trailing garbage" },
		{ T("/* x */ []"),
		  "line 1: probable comment found in input text, comments are not enabled." },
		{ T("[\0]"), "line 1: invalid char in json text." },
		{ T("[\n\"\xE9\"]"), "line 2: expected UTF-8, found the byte 0xE9" },
	};

	(void)state;
	check_refuses(TEMPLATE_JSON, cases, COUNT(cases));
}

static void
test_template_json_refuses_types(void **state)
{
	static const struct parse_case cases[] = {
		{ T("null"), "line 1: expected an array of objects, found null" },
		{ T("\n12"), "line 2: expected an array of objects, found a number" },
		{ T("\n12\n"), "line 2: expected an array of objects, found a number" },
		{ T("{\"user\":\"a\",\"host\":\"b\"}"),
		  "line 1: expected an array of objects, found an object" },
		{ T("\"a\""), "line 1: expected an array of objects, found a string" },
		{ T("[\n[]]"), "line 2: expected an object, found an array" },
		{ T("[\n\"a\"]"), "line 2: expected an object, found a string" },
		{ T("[1e999999]"), "line 1: expected an object, found a number" },
		{ T("[{\"user\":\n1}]"), "line 2: expected a string as 'user', found a number" },
		{ T("[{\"host\":null}]"), "line 1: expected a string as 'host', found null" },
		{ T("[{\"group\":true}]"), "line 1: expected a string as 'group', found true" },
		{ T("[{\"group\":[\"a\"]}]"),
		  "line 1: expected a string as 'group', found an array" },
		{ T("[{\"nick\":{}}]"), "line 1: expected a string as 'nick', found an object" },
	};

	(void)state;
	check_refuses(TEMPLATE_JSON, cases, COUNT(cases));
}

static void
test_template_json_refuses_values(void **state)
{
	static const struct parse_case cases[] = {
		{ T("[\n{}]"), "line 2: the entry has no user" },
		{ T("[\n{\"user\":\"a\"\n}]"), "line 2: the entry has no host" },
		{ T("[{\"host\":\"a\"}]"), "line 1: the entry has no user" },
		{ T("[{\"user\":\"\"}]"), "line 1: the user is empty" },
		{ T("[{\"user\":\"a\",\n\"host\":\"\"}]"), "line 2: the host is empty" },
		{ T("[{\"user\":\"a\",\n\"user\":\"a\"}]"), "line 2: the user is given twice" },
		{ T("[{\"nick\":\"\",\"nick\":\"\"}]"), "line 1: the nick is given twice" },
		{ T("[{\"user\":\"a\",\n\"us\\ner\":1}]"),
		  "line 2: expected user, host, group or nick, found the key 'us?er'" },
		{ T("[{\"User\":\"a\"}]"),
		  "line 1: expected user, host, group or nick, found the key 'User'" },
		{ T("[{\"\":\"a\"}]"),
		  "line 1: expected user, host, group or nick, found the key ''" },
		{ T("[{\"ééééééééééééééééééééééééééééééééééé\":\"a\"}]"),
		  "line 1: expected user, host, group or nick, found the key "
		  "'ééééééééééééééééééééééééééééé...'" },
		{ T("[{\"user\":\"\\u0000\"}]"),
		  "line 1: the user has the character U+0000, which XML cannot carry" },
		{ T("[{\"user\":\"\\ufffe\"}]"),
		  "line 1: the user has the character U+FFFE, which XML cannot carry" },
		{ T("[{\n\"user\":\"\\ud83d\"}]"), "line 2: the user has half a surrogate pair" },
		{ T("[{\"user\":\"\\ude00\"}]"), "line 1: the user has half a surrogate pair" },
		{ T("[{\"user\":\"\\ud83d\\u0041\"}]"),
		  "line 1: the user has half a surrogate pair" },
		{ T("[{\"user\":\"\\ud83dxxxxxx\"}]"),
		  "line 1: the user has half a surrogate pair" },
		{ T("[{\"user\":\"\\ud83d\\\\ude00\"}]"),
		  "line 1: the user has half a surrogate pair" },
	};

	(void)state;
	check_refuses(TEMPLATE_JSON, cases, COUNT(cases));
}

static void
test_template_csv_accepts(void **state)
{
	static const struct parse_case cases[] = {
		{ T("user,host"), "" },
		{ T("user,host,group,nick\n"), "" },
		{ T("\xEF\xBB\xBFuser,host\r\na,b\r\n"), "2 a|b||\n" },
		{ T("user,host,group,nick\na,b,c,d\ne,f,,"), "2 a|b|c|d\n3 e|f||\n" },
		{ T("nick,host,user\n\"d\",\"b\",\"a\""), "2 a|b||d\n" },
		{ T("\n\r\nuser,host\n\n\r\na,b\n\n"), "6 a|b||\n" },
		{ T("user,host,nick\na,b,\"x\r\n\"\"y\"\",\"\nc,d,\"\"\n"),
		  "2 a|b||x\r\n\"y\",\n4 c|d||\n" },
		{ T("\"user\",host,nick\n a ,\tb,  \n"), "2  a |\tb||  \n" },
		{ T("user,host,nick\né,☃,\xF0\x9F\x98\x80"), "2 é|☃||😀\n" },
	};

	(void)state;
	check_accepts(TEMPLATE_CSV, cases, COUNT(cases));
}

static void
test_template_csv_refuses_header(void **state)
{
	static const struct parse_case cases[] = {
		{ T(""), "line 1: expected a header with user and host, found end of file" },
		{ T("\r\n\n"), "line 2: expected a header with user and host, found end of file" },
		{ T("user\na\n"), "line 1: expected a column 'host' in the header" },
		{ T("\nhost,nick\n"), "line 2: expected a column 'user' in the header" },
		{ T("user,host,user\n"), "line 1: the column 'user' is there twice" },
		{ T("user,host,group,nick,nick\n"), "line 1: the column 'nick' is there twice" },
		{ T("user,host,\n"),
		  "line 1: expected user, host, group or nick, found the column ''" },
		{ T("user, host\n"),
		  "line 1: expected user, host, group or nick, found the column ' host'" },
		{ T("a,b,c,d\n"),
		  "line 1: expected user, host, group or nick, found the column 'a'" },
		{ T("user;host\n"),
		  "line 1: expected user, host, group or nick, found the column 'user;host'" },
	};

	(void)state;
	check_refuses(TEMPLATE_CSV, cases, COUNT(cases));
}

static void
test_template_csv_refuses_rows(void **state)
{
	static const char quotes[] =
		"line 2: expected quotes around a whole field, with those inside doubled";
	static const char cr[] = "line 2: expected a line feed after the carriage return";
	static const struct parse_case cases[] = {
		{ T("user,host\na\n"), "line 2: expected 2 fields, found 1" },
		{ T("user,host\na,b\n\"a\nb\",c,d,e"), "line 3: expected 2 fields, found 4" },
		{ T("user,host,nick\na,b\n"), "line 2: expected 3 fields, found 2" },
		{ T("user,host\n\"\"\n"), "line 2: the user is empty" },
		{ T("user,host\na,\n"), "line 2: the host is empty" },
		{ T("user,host\n\na,b\0\n"),
		  "line 3: the host has the character U+0000, which XML cannot carry" },
		{ T("user,host,nick\na,b,\"\n\x01\"\n"),
		  "line 3: the nick has the character U+0001, which XML cannot carry" },
		{ T("user,host\n\na,\xFF\n"), "line 3: expected UTF-8, found the byte 0xFF" },
		{ T("user,host\na,b\"c\"\n"), quotes },
		{ T("user,host\n\"a\"b,c\n"), quotes },
		{ T("user,host\n\"a\" ,c\n"), quotes },
		{ T("user,host\na,\"b\n\n\n"),
		  "line 2: expected a '\"' to end the field, found end of file" },
		{ T("user,host\na,b\rc,d\n"), cr },
		{ T("user,host\na,b\r"), cr },
		{ T("user,host\na,b\r\"c"), cr },
		{ T("user,host\r\n\r\r\na,b"), cr },
		{ T("user,host\n\r,b"), cr },
	};

	(void)state;
	check_refuses(TEMPLATE_CSV, cases, COUNT(cases));
}

static void
test_template_keeps_many_entries(void **state)
{
	enum { MANY = 5000 };
	struct buf text = BUF_INIT;
	struct adx_error err;
	struct template *t;

	(void)state;
	buf_add_text(&text, "[");
	for (int i = 0; i < MANY; i++)
		buf_addf(&text, "%s{\"user%d\", \"h\", \"\", \"n\"}", i == 0 ? "" : ",\n", i);
	buf_add_text(&text, "].");
	assert_int_equal(template_parse(TEMPLATE_ERLANG, buf_text(&text), text.len, "t", &t, &err),
			 ADX_OK);
	assert_int_equal(t->count, MANY);
	assert_string_equal(t->entries[MANY - 1].user, "user4999");
	assert_int_equal(t->entries[MANY - 1].line, MANY);
	template_free(t);
	buf_free(&text);
}

static void
test_template_formats_have_words(void **state)
{
	size_t n = 0;

	(void)state;
	for (; template_format_words[n] != NULL; n++)
		assert_int_equal(template_format_named(template_format_words[n]), n);
	assert_int_equal(n, TEMPLATE_CSV + 1);
	assert_int_equal(template_format_named("json"), TEMPLATE_JSON);
}

static void
test_template_free_null(void **state)
{
	(void)state;
	template_free(NULL);
}

static void
read_dump(const char *path, struct buf *out)
{
	struct adx_error err = { 0 };
	struct template *t;

	if (template_read(path, &t, &err) != ADX_OK)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < t->count; i++)
		t->entries[i].line = 0;
	dump(t, out);
	template_free(t);
}

static void
test_template_read_same_in_three_formats(void **state)
{
	struct buf erlang = BUF_INIT, json = BUF_INIT, csv = BUF_INIT;

	(void)state;
	read_dump(DATA "small.template", &erlang);
	read_dump(DATA "small.json", &json);
	read_dump(DATA "small.csv", &csv);
	assert_string_equal(buf_text(&erlang),
			    "0 viola.hollins|example.org|Illyria|Viola\n"
			    "0 feste.oakhurst|example.org|Illyria|Feste \"the fool\"\n"
			    "0 sebastian.ravenscroft|example.org|Illyria, at sea|Sebastián\n"
			    "0 zoë.duvernay|example.org|Back\\stage|Zoë ☃\n"
			    "0 štěpán.greywood|example.org|Back\\stage|Štěpán Greywood\n"
			    "0 анна.nightingale|example.org|Друзья|Анна\n"
			    "0 小明.jessamine|example.org||小明 😀\n"
			    "0 straße|example.org||tab\there\n");
	assert_string_equal(buf_text(&json), buf_text(&erlang));
	assert_string_equal(buf_text(&csv), buf_text(&erlang));
	buf_free(&erlang);
	buf_free(&json);
	buf_free(&csv);
}

static void
test_template_read_refuses_files(void **state)
{
	static const struct {
		const char *path;
		const char *want;
	} cases[] = {
		{ DATA "bad-empty.template",
		  "line 1: expected a list of tuples, found end of file" },
		{ DATA "bad-only-comment.template",
		  "line 2: expected a list of tuples, found end of file" },
		{ DATA "bad-no-full-stop.template",
		  "line 3: expected a full stop after the list, found end of file" },
		{ DATA "bad-unclosed-string.template",
		  "line 3: expected a '\"' to end the string, found end of file" },
		{ DATA "bad-three-fields.template",
		  "line 2: expected ',' after the group, found '}'" },
		{ DATA "bad-trailing-comma.template", "line 3: expected a tuple, found ']'" },
		{ DATA "bad-two-terms.template",
		  "line 4: expected nothing after the full stop, found '['" },
		{ DATA "bad-latin-1.template", "line 3: expected UTF-8, found the byte 0xE9" },
		{ DATA "bad-no-host.json", "line 3: the entry has no host" },
		{ DATA "bad-unknown-key.json",
		  "line 2: expected user, host, group or nick, found the key 'subscription'" },
		{ DATA "bad-truncated.json", "line 2: premature EOF" },
		{ DATA "bad-no-host.csv", "line 1: expected a column 'host' in the header" },
		{ DATA "bad-quote.csv",
		  "line 3: expected quotes around a whole field, with those inside doubled" },
		{ DATA "bad-unclosed-quote.csv",
		  "line 2: expected a '\"' to end the field, found end of file" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err;
		struct template *t;
		char want[256];

		assert_int_equal(template_read(cases[i].path, &t, &err), ADX_EINVAL);
		assert_null(t);
		snprintf(want, sizeof(want), "'%s' %s", cases[i].path, cases[i].want);
		assert_string_equal(err.message, want);
	}
}

static void
check_unreadable(const char *path, const char *reason)
{
	struct adx_error err;
	struct template *t;
	char want[256];

	snprintf(want, sizeof(want), "cannot read '%s': %s", path, reason);
	assert_int_equal(template_read(path, &t, &err), ADX_EINVAL);
	assert_null(t);
	assert_string_equal(err.message, want);
}

static void
test_template_read_names_file_and_cause(void **state)
{
	(void)state;
	check_unreadable(DATA "missing.template", strerror(ENOENT));
	check_unreadable(DATA, strerror(EISDIR));
	check_unreadable(DATA "small.template/x", strerror(ENOTDIR));
	check_unreadable("", strerror(ENOENT));
}

/* A file without permission bits; root reads it all the same. */
static void
test_template_read_refuses_unreadable(void **state)
{
	char path[] = "/tmp/test_template_XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	close(fd);
	if (access(path, R_OK) != 0)
		check_unreadable(path, strerror(EACCES));
	unlink(path);
}

static void
test_template_read_refuses_too_large(void **state)
{
	char path[] = "/tmp/test_template_XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)TEMPLATE_SIZE_MAX + 1), 0);
	close(fd);
	check_unreadable(path, strerror(EFBIG));
	unlink(path);
}

static enum adx_rc
slurp_pipe(const char *text, size_t max, struct buf *out, struct adx_error *err)
{
	char path[32];
	int fds[2];
	enum adx_rc rc;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
	close(fds[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	rc = file_slurp(path, max, out, err);
	close(fds[0]);
	return rc;
}

static void
test_file_slurp_reads_pipe_up_to_max(void **state)
{
	struct buf out = BUF_INIT;
	struct adx_error err;

	(void)state;
	assert_int_equal(slurp_pipe("", 0, &out, &err), ADX_OK);
	assert_string_equal(buf_text(&out), "");
	assert_int_equal(slurp_pipe("12345", 5, &out, &err), ADX_OK);
	assert_int_equal(slurp_pipe("678", SIZE_MAX, &out, &err), ADX_OK);
	assert_string_equal(buf_text(&out), "12345678");
	assert_int_equal(slurp_pipe("12345", 4, &out, &err), ADX_EINVAL);
	assert_string_equal(err.hint, "at most 4 bytes are read");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_template_format_of_extension),
		cmocka_unit_test(test_template_erlang_accepts),
		cmocka_unit_test(test_template_erlang_refuses_syntax),
		cmocka_unit_test(test_template_erlang_refuses_strings),
		cmocka_unit_test(test_template_erlang_refuses_values),
		cmocka_unit_test(test_template_json_accepts),
		cmocka_unit_test(test_template_json_refuses_syntax),
		cmocka_unit_test(test_template_json_refuses_types),
		cmocka_unit_test(test_template_json_refuses_values),
		cmocka_unit_test(test_template_csv_accepts),
		cmocka_unit_test(test_template_csv_refuses_header),
		cmocka_unit_test(test_template_csv_refuses_rows),
		cmocka_unit_test(test_template_keeps_many_entries),
		cmocka_unit_test(test_template_formats_have_words),
		cmocka_unit_test(test_template_free_null),
		cmocka_unit_test(test_template_read_same_in_three_formats),
		cmocka_unit_test(test_template_read_refuses_files),
		cmocka_unit_test(test_template_read_names_file_and_cause),
		cmocka_unit_test(test_template_read_refuses_unreadable),
		cmocka_unit_test(test_template_read_refuses_too_large),
		cmocka_unit_test(test_file_slurp_reads_pipe_up_to_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
