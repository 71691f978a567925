#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "transfer/users_reader.h"

#define MARK "\xEF\xBB\xBF"

/* A sink that writes down one line a row, and can stop at the nth row or call of progress. */
struct log {
	struct buf lines;
	size_t rows, stop_at;
	size_t calls, stop_at_call;
	uint64_t done, total;
};

static enum adx_rc
on_row(void *ctx, const struct users_row *row, struct adx_error *err)
{
	struct log *log = ctx;

	buf_addf(&log->lines, "%d ", (int)row->line);
	if (row->why == NULL)
		buf_addf(&log->lines, "%s@%s '%s'%s%s (%s %s)\n", row->local, row->domain,
			 buf_text(row->password), row->created_at == NULL ? "" : " ",
			 row->created_at == NULL ? "" : row->created_at, row->user, row->host);
	else
		buf_addf(&log->lines, "bad '%s' '%s': %s\n", row->user, row->host, row->why);
	if (++log->rows == log->stop_at)
		return adx_fail(err, ADX_EFAIL, "stopped");
	return ADX_OK;
}

static enum adx_rc
on_progress(void *ctx, uint64_t done, uint64_t total, struct adx_error *err)
{
	struct log *log = ctx;

	assert_true(done >= log->done && (total == 0 || done <= total));
	log->done = done;
	log->total = total;
	if (++log->calls == log->stop_at_call)
		return adx_fail(err, ADX_EINTR, "interrupted");
	return ADX_OK;
}

static void
reads_bytes(enum users_format format, const char *text, size_t len, const char *want)
{
	struct log log = { .lines = BUF_INIT };
	struct users_sink sink = { &log, on_row, on_progress };
	struct adx_error err;

	assert_int_equal(users_read_memory(text, len, format, &sink, &err), ADX_OK);
	assert_string_equal(buf_text(&log.lines), want);
	buf_free(&log.lines);
}

static void
csv(const char *text, const char *want)
{
	reads_bytes(USERS_CSV, text, strlen(text), want);
}

static void
ndjson(const char *text, const char *want)
{
	reads_bytes(USERS_NDJSON, text, strlen(text), want);
}

/* ---- CSV --------------------------------------------------------------------------------- */

#define NO_FIELDS        "it does not have the fields user, host, password and perhaps created_at"
#define NO_HEADER_FIELDS "it does not have the fields of the header"
#define BAD_QUOTES       "quotes must stand around a whole field, and those inside be doubled"
#define UNCLOSED         "a quote is not closed"
#define BAD_DATE         "created_at is no date and time with a zone, as 2024-05-17T09:30:00Z is"

static void
test_csv_without_header(void **state)
{
	(void)state;
	csv("a,b.org,c", "1 a@b.org 'c' (a b.org)\n");
	csv("A,B.org,c\nd,e.org,f,2020-01-02T03:04:05+01:00\ng,h.org,i,\n",
	    "1 a@b.org 'c' (A B.org)\n2 d@e.org 'f' 2020-01-02T02:04:05Z (d e.org)\n"
	    "3 g@h.org 'i' (g h.org)\n");
	csv("", "");
	csv("\n\r\n\n", "");
	csv("a,b.org\n", "1 bad '' '': " NO_FIELDS "\n");
	csv("a,b.org,c,,\n", "1 bad '' '': " NO_FIELDS "\n");
	csv("user,b.org,c\n", "1 user@b.org 'c' (user b.org)\n");
}

static void
test_csv_with_header(void **state)
{
	(void)state;
	csv("user,host,password\na,b.org,c\n", "2 a@b.org 'c' (a b.org)\n");
	csv(MARK "Created_At,PASSWORD,host,user\r\n,c,b.org,a\r\n", "2 a@b.org 'c' (a b.org)\n");
	csv("\n\"host\",\"user\",\"password\"\nb.org,a,c\n", "3 a@b.org 'c' (a b.org)\n");
	csv("user,host,password\na,b.org,c,\n", "2 bad '' '': " NO_HEADER_FIELDS "\n");
	csv("password,user,host,created_at\nc,a,b.org\n", "2 bad '' '': " NO_HEADER_FIELDS "\n");
	csv("user,host,password\nuser,host,password\n", "2 user@host 'password' (user host)\n");
}

static void
test_csv_refuses_what_is_half_a_header(void **state)
{
	static const char *const texts[] = { "user,password\n", "user,host,password,email\n",
					     "password,user,mail\n", "user,user,host,password\n",
					     "user,host,password,created_at,created_at\n" };
	struct log log = { .lines = BUF_INIT };
	struct users_sink sink = { &log, on_row, on_progress };
	struct adx_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(
			users_read_memory(texts[i], strlen(texts[i]), USERS_CSV, &sink, &err),
			ADX_EINVAL);
		assert_string_equal(err.message,
				    "'memory' line 1: a header has user, host, password and, if "
				    "at all, created_at, each once and nothing else");
		assert_int_equal(log.rows, 0);
	}
}

static void
test_csv_quotes(void **state)
{
	(void)state;
	csv("a,b.org,\"c,\"\"d\"\"\"\n", "1 a@b.org 'c,\"d\"' (a b.org)\n");
	csv("a,b.org, c \n", "1 a@b.org ' c ' (a b.org)\n");
	csv("a,b.org,c\"d\ne,f.org,g\n", "1 bad '' '': " BAD_QUOTES "\n2 e@f.org 'g' (e f.org)\n");
	csv("a,b.org,\"c\"d\ne,f.org,g\n",
	    "1 bad '' '': " BAD_QUOTES "\n2 e@f.org 'g' (e f.org)\n");
	csv("a,b.org,\"c\nd,e.org,f\n", "1 bad '' '': " UNCLOSED "\n2 d@e.org 'f' (d e.org)\n");
	csv("\"", "1 bad '' '': " UNCLOSED "\n");
	/* No field can hold the end of a line. */
	csv("a,b.org,\"c\nd\"\ne,f.org,g\n",
	    "1 bad '' '': " UNCLOSED "\n2 bad '' '': " BAD_QUOTES "\n3 e@f.org 'g' (e f.org)\n");
	csv("a,b.org,\"c\nd,e.org,f\ng,h.org,\"\ni,j.org,k",
	    "1 bad '' '': " UNCLOSED "\n2 d@e.org 'f' (d e.org)\n3 bad '' '': " UNCLOSED
	    "\n4 i@j.org 'k' (i j.org)\n");
}

static void
test_csv_ends_of_lines(void **state)
{
	(void)state;
	csv("a,b.org,c\r\nd,e.org,f\r\n", "1 a@b.org 'c' (a b.org)\n2 d@e.org 'f' (d e.org)\n");
	csv("a,b.org,c\rd,e.org,f\ng,h.org,i\n",
	    "1 bad '' '': it has a carriage return without a line feed\n"
	    "2 g@h.org 'i' (g h.org)\n");
	csv("a,b.org,c\r", "1 a@b.org 'c' (a b.org)\n");
}

static void
test_csv_bytes(void **state)
{
	static const char TEXT[] = "a\xFF,b.org,c\na,b\0.org,c\na,b.org,c\0\na,b.org,\xFF\n\0\n";

	(void)state;
	reads_bytes(USERS_CSV, TEXT, sizeof(TEXT) - 1,
		    "1 bad 'a\xEF\xBF\xBD' 'b.org': localpart is not UTF-8\n"
		    "2 bad 'a' 'b\xEF\xBF\xBD.org': host has a NUL byte\n"
		    "3 bad 'a' 'b.org': password has a NUL byte\n"
		    "4 bad 'a' 'b.org': the password is not UTF-8 text\n"
		    "5 bad '' '': " NO_FIELDS "\n");
}

/* ---- the fields -------------------------------------------------------------------------- */

static void
test_fields_are_prepared(void **state)
{
	(void)state;
	csv("Stra\xC3\x9F"
	    "e,EXAMPLE.org,I\xC2\xADX\n",
	    "1 strasse@example.org 'IX' (Stra\xC3\x9F"
	    "e EXAMPLE.org)\n");
	csv(",b.org,c\n", "1 bad '' 'b.org': localpart is empty\n");
	csv("a,,c\n", "1 bad 'a' '': domain is empty\n");
	csv("a,b.org,\n", "1 bad 'a' 'b.org': the password is empty\n");
	csv("a,b.org,\xC2\xAD\n", "1 bad 'a' 'b.org': the password is empty after SASLprep\n");
	csv("a b,c.org,d\n",
	    "1 bad 'a b' 'c.org': localpart has characters that are not allowed there\n");
	csv("a,b c,d\n", "1 bad 'a' 'b c': domain has characters that are not allowed there\n");
	csv("a\x1B[31m,b.org,c\n", "1 bad 'a\xEF\xBF\xBD[31m' 'b.org': localpart has characters "
				   "that are not allowed there\n");
}

static void
test_created_at_has_a_zone(void **state)
{
	static const char *const bad[] = { "2020-01-01",
					   "2020-01-01T00:00:00",
					   "20200101T00:00:00",
					   "2020-02-30T00:00:00Z",
					   "2020-01-01 00:00:00Z",
					   " 2020-01-01T00:00:00Z",
					   "0001-01-01T00:00:00+01:00",
					   "now",
					   "1577836800" };
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "a,b.org,c,%s\n", bad[i]);
		csv(text, "1 bad 'a' 'b.org': " BAD_DATE "\n");
	}
	csv("a,b.org,c,2016-12-31T23:59:60.1234567Z\n",
	    "1 a@b.org 'c' 2017-01-01T00:00:00.123456Z (a b.org)\n");
}

/* ---- NDJSON ------------------------------------------------------------------------------ */

static void
test_ndjson_reads_objects(void **state)
{
	(void)state;
	ndjson(MARK
	       "{\"user\":\"A\",\"host\":\"b.org\",\"password\":\"c\"}\r\n \n"
	       "{\"created_at\":\"2020-01-01T00:00:00Z\",\"password\":\"\\u00e4\\n\\ud83d\\ude00\","
	       "\"host\":\"e.org\",\"user\":\"d\"}\n"
	       "{\"user\":\"f\",\"host\":\"g.org\",\"password\":\"h\",\"created_at\":null}",
	       "1 a@b.org 'c' (A b.org)\n"
	       "3 bad 'd' 'e.org': the password has characters that SASLprep (RFC 4013) refuses\n"
	       "4 f@g.org 'h' (f g.org)\n");
	ndjson("", "");
}

static void
test_ndjson_refuses_line_by_line(void **state)
{
	(void)state;
	ndjson("[]\nnull\n\"secret\"\n1\ntrue\n",
	       "1 bad '' '': expected an object, found an array\n"
	       "2 bad '' '': expected an object, found null\n"
	       "3 bad '' '': expected an object, found a string\n"
	       "4 bad '' '': expected an object, found a number\n"
	       "5 bad '' '': expected an object, found true\n");
	ndjson("{\"user\":\"a\",\"password\":1}\n{\"user\":null}\n{\"user\":[[]]}\n{\"host\":{}}\n",
	       "1 bad 'a' '': expected a string as password, found a number\n"
	       "2 bad '' '': expected a string as user, found null\n"
	       "3 bad '' '': expected a string as user, found an array\n"
	       "4 bad '' '': expected a string as host, found an object\n");
	ndjson("{\"user\":\"a\",\"secret\":\"x\"}\n{\"user\":\"a\",\"user\":\"b\"}\n{}\n"
	       "{\"user\":\"a\",\"host\":\"b\"}\n",
	       "1 bad 'a' '': it has a member other than user, host, password and created_at\n"
	       "2 bad 'a' '': user is there twice\n"
	       "3 bad '' '': user is missing\n"
	       "4 bad 'a' 'b': password is missing\n");
	ndjson("{\"user\":\"a\",\"password\":\"s3cr3t\n}\n{} {}\n",
	       "1 bad 'a' '': it is no JSON: invalid character inside string.\n"
	       "2 bad '' '': it is no JSON: unallowed token at this point in JSON text\n"
	       "3 bad '' '': it is no JSON: trailing garbage\n");
	ndjson("{\"user\":\"\\u0000\",\"host\":\"b\",\"password\":\"c\"}\n"
	       "{\"user\":\"a\",\"host\":\"b\",\"password\":\"\\udc00\"}\n",
	       "1 bad '\xEF\xBF\xBD' 'b': user has a NUL byte\n"
	       "2 bad 'a' 'b': it has half a surrogate pair\n");
}

/* ---- size, and who stops ----------------------------------------------------------------- */

static void
add_times(struct buf *out, const char *text, size_t times)
{
	while (times-- > 0)
		buf_add_text(out, text);
}

static void
test_long_rows_are_bad_and_the_next_is_read(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	buf_add_text(&text, "a,b.org,");
	add_times(&text, "x", 1000000);
	buf_add_text(&text, "\nc,d.org,e\n");
	csv(buf_text(&text), "1 bad '' '': the row is longer than 65536 bytes\n"
			     "2 c@d.org 'e' (c d.org)\n");
	ndjson(buf_text(&text), "1 bad '' '': the row is longer than 65536 bytes\n"
				"2 bad '' '': it is no JSON: invalid char in json text.\n");
	buf_free(&text);
}

static void
test_rows_of_any_place_in_the_window(void **state)
{
	struct buf text = BUF_INIT, want = BUF_INIT;

	(void)state;
	for (int i = 1; i <= 20000; i++) {
		buf_addf(&text, "u%d,b.org,\"p%d\"\r\n", i, i);
		buf_addf(&want, "%d u%d@b.org 'p%d' (u%d b.org)\n", i, i, i, i);
	}
	csv(buf_text(&text), buf_text(&want));
	buf_free(&text);
	buf_free(&want);
}

static void
test_an_unclosed_quote_costs_one_row(void **state)
{
	struct buf text = BUF_INIT, want = BUF_INIT;

	(void)state;
	buf_add_text(&text, "\"a,b.org,c\n");
	buf_add_text(&want, "1 bad '' '': " UNCLOSED "\n");
	for (int i = 2; i <= 10000; i++) {
		buf_addf(&text, "u%d,b.org,p\n", i);
		buf_addf(&want, "%d u%d@b.org 'p' (u%d b.org)\n", i, i, i);
	}
	csv(buf_text(&text), buf_text(&want));
	buf_free(&text);
	buf_free(&want);
}

static void
test_the_sink_stops_the_reading(void **state)
{
	static const char TEXT[] = "a,b.org,c\nd,e.org,f\n";
	struct log log = { .lines = BUF_INIT, .stop_at = 1 };
	struct users_sink sink = { &log, on_row, on_progress };
	struct buf text = BUF_INIT;
	struct adx_error err;

	(void)state;
	assert_int_equal(users_read_memory(TEXT, strlen(TEXT), USERS_CSV, &sink, &err), ADX_EFAIL);
	assert_int_equal(log.rows, 1);
	buf_free(&log.lines);
	log = (struct log){ .lines = BUF_INIT, .stop_at_call = 2 };
	add_times(&text, "a,b.org,c\n", 100000);
	assert_int_equal(users_read_memory(buf_text(&text), text.len, USERS_CSV, &sink, &err),
			 ADX_EINTR);
	assert_in_range(log.rows, 1, 99999);
	assert_int_equal(log.total, text.len);
	buf_free(&log.lines);
	buf_free(&text);
}

static void
test_files_are_named_when_they_cannot_be_read(void **state)
{
	struct log log = { .lines = BUF_INIT };
	struct users_sink sink = { &log, on_row, on_progress };
	struct adx_error err;

	(void)state;
	assert_int_equal(users_read("nowhere.csv", USERS_CSV, &sink, &err), ADX_EIO);
	assert_string_equal(err.message, "cannot open 'nowhere.csv': No such file or directory");
	assert_int_equal(users_read("tests", USERS_CSV, &sink, &err), ADX_EIO);
	assert_string_equal(err.message, "cannot read 'tests': Is a directory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_without_header),
		cmocka_unit_test(test_csv_with_header),
		cmocka_unit_test(test_csv_refuses_what_is_half_a_header),
		cmocka_unit_test(test_csv_quotes),
		cmocka_unit_test(test_csv_ends_of_lines),
		cmocka_unit_test(test_csv_bytes),
		cmocka_unit_test(test_fields_are_prepared),
		cmocka_unit_test(test_created_at_has_a_zone),
		cmocka_unit_test(test_ndjson_reads_objects),
		cmocka_unit_test(test_ndjson_refuses_line_by_line),
		cmocka_unit_test(test_long_rows_are_bad_and_the_next_is_read),
		cmocka_unit_test(test_rows_of_any_place_in_the_window),
		cmocka_unit_test(test_an_unclosed_quote_costs_one_row),
		cmocka_unit_test(test_the_sink_stops_the_reading),
		cmocka_unit_test(test_files_are_named_when_they_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
