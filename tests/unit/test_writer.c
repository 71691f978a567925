#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <yajl/yajl_parse.h>

#include "base/buf.h"
#include "base/text.h"
#include "command/writer.h"

/* A cell with its length, as some hold NULs. */
#define C(s)                                                                                       \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}
#define NO_VALUE                                                                                   \
	{                                                                                          \
		NULL, 0                                                                            \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct command LIST = {
	.name = "list",
	.result = RESULT_LIST,
	.result_name = "rows",
	.fields = { { "name", false }, { "n", true } },
};
static const struct command NARROW = {
	.name = "narrow",
	.result = RESULT_LIST,
	.result_name = "rows",
	.fields = { { "value", false } },
};
static const struct command INTEGER = { .result = RESULT_INTEGER, .result_name = "count" };
static const struct command STRING = { .result = RESULT_STRING, .result_name = "text" };
static const struct command RESCODE = { .result = RESULT_RESCODE, .result_name = "res" };
static const struct command TUPLE = { .result = RESULT_RESTUPLE, .result_name = "res" };
static const struct command TUPLE_AND_ROWS = {
	.result = RESULT_RESTUPLE,
	.result_name = "res",
	.fields = { { "user", false } },
	.flags = CMD_LIST_TOO,
};

static const struct outcome OK = { "ok", "", "", "", true };
static const struct outcome SAID = { "ok", "Done, \"well\"", "", "", true };
static const struct outcome NO = { "no_user", "User x does not exist", "", "", true };
static const struct outcome FAILED = { "error", "it \xFF broke", "try again", "57014", false };

/* One reply: the writer of a format, and what it writes in a file in memory. */
struct reply {
	int fd;
	struct out *out;
	struct writer *w;
};

static struct reply
begin(enum format format, const struct command *command)
{
	struct reply r = { .fd = memfd_create("reply", 0) };

	assert_true(r.fd >= 0);
	r.out = out_new(r.fd);
	assert_non_null(r.out);
	r.w = writer_new(format, command, r.out);
	assert_non_null(r.w);
	return r;
}

/* The reply is over; the caller frees *got. */
static void
end(struct reply *r, const struct outcome *outcome, struct buf *got)
{
	struct stat st;

	r->w->ops->finish(r->w, outcome);
	out_flush(r->out);
	assert_int_equal(out_error(r->out), 0);
	assert_int_equal(fstat(r->fd, &st), 0);
	assert_int_equal(pread(r->fd, buf_room(got, (size_t)st.st_size), (size_t)st.st_size, 0),
			 st.st_size);
	got->len = (size_t)st.st_size;
	got->data[got->len] = '\0';
	writer_free(r->w);
	out_free(r->out);
	close(r->fd);
}

static void
check_end(struct reply *r, const struct outcome *outcome, const char *want)
{
	struct buf got = BUF_INIT;

	end(r, outcome, &got);
	assert_string_equal(buf_text(&got), want);
	buf_free(&got);
}

/* A parser of its own says whether each document is whole. */
static bool
is_json(const char *text, size_t len)
{
	yajl_handle parser = yajl_alloc(NULL, NULL, NULL);
	bool ok;

	assert_non_null(parser);
	yajl_config(parser, yajl_allow_multiple_values, 1);
	ok = yajl_parse(parser, (const unsigned char *)text, len) == yajl_status_ok &&
	     yajl_complete_parse(parser) == yajl_status_ok;
	yajl_free(parser);
	return ok;
}

static void
put_rows(struct writer *w, const struct cell *cells, size_t count)
{
	w->ops->list_begin(w);
	for (size_t i = 0; i < count; i += w->field_count)
		w->ops->row(w, cells + i);
}

static void
put_text(struct writer *w, const char *const *parts)
{
	w->ops->string_begin(w);
	for (; *parts != NULL; parts++)
		w->ops->string_part(w, *parts, strlen(*parts));
	w->ops->string_end(w);
}

/* ---- formats ----------------------------------------------------------------------------- */

static void
test_writer_format_parse(void **state)
{
	static const struct {
		const char *word;
		enum format want;
	} good[] = {
		{ "text", FORMAT_TEXT },     { "table", FORMAT_TABLE }, { "json", FORMAT_JSON },
		{ "ndjson", FORMAT_NDJSON }, { "csv", FORMAT_CSV },
	};
	static const char *const bad[] = { "", "JSON", "js", "jsonl", " text", "xml" };
	enum format got;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(format_parse(good[i].word, &got));
		assert_int_equal(got, good[i].want);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(format_parse(bad[i], &got));
}

/* What each format makes of a value and an outcome, in the order of enum format. */
struct writer_case {
	const char *want[FORMAT_COUNT];
};

static void
check_formats(const struct command *command, void (*put)(struct writer *w),
	      const struct outcome *outcome, const struct writer_case *c)
{
	for (int f = 0; f < FORMAT_COUNT; f++) {
		struct reply r = begin((enum format)f, command);

		if (put != NULL)
			put(r.w);
		check_end(&r, outcome, c->want[f]);
	}
}

/* ---- single values ----------------------------------------------------------------------- */

static void
put_integer(struct writer *w)
{
	w->ops->integer(w, 42);
}

static void
put_least_integer(struct writer *w)
{
	w->ops->integer(w, INT64_MIN);
}

static void
test_writer_integer(void **state)
{
	static const struct writer_case plain = { {
		"42\n",
		"42\n",
		"{\"result\":42,\"status\":\"ok\"}\n",
		"{\"result\":42,\"status\":\"ok\"}\n",
		"count\n42\n",
	} };
	static const struct writer_case least = { {
		"-9223372036854775808\n",
		"-9223372036854775808\n",
		"{\"result\":-9223372036854775808,\"status\":\"ok\"}\n",
		"{\"result\":-9223372036854775808,\"status\":\"ok\"}\n",
		"count\n-9223372036854775808\n",
	} };

	(void)state;
	check_formats(&INTEGER, put_integer, &OK, &plain);
	check_formats(&INTEGER, put_least_integer, &OK, &least);
}

static void
put_string(struct writer *w)
{
	static const char *const parts[] = { "a\tb,\n", "", "\"c\"\\", NULL };

	put_text(w, parts);
}

static void
put_empty_string(struct writer *w)
{
	static const char *const none[] = { NULL };

	put_text(w, none);
}

static void
test_writer_string_in_parts(void **state)
{
	static const struct writer_case c = { {
		"a\tb,\n\"c\"\\\n",
		"a\tb,\n\"c\"\\\n",
		"{\"result\":\"a\\tb,\\n\\\"c\\\"\\\\\",\"status\":\"ok\"}\n",
		"{\"result\":\"a\\tb,\\n\\\"c\\\"\\\\\",\"status\":\"ok\"}\n",
		"text\n\"a\tb,\n\"\"c\"\"\\\"\n",
	} };

	(void)state;
	check_formats(&STRING, put_string, &OK, &c);
}

static void
test_writer_empty_string(void **state)
{
	static const struct writer_case c = { {
		"",
		"",
		"{\"result\":\"\",\"status\":\"ok\"}\n",
		"{\"result\":\"\",\"status\":\"ok\"}\n",
		"text\n\"\"\n",
	} };

	(void)state;
	check_formats(&STRING, put_empty_string, &OK, &c);
}

/* However a text is cut into parts, within characters too, the bytes come out the same. */
static void
put_bytewise(struct writer *w, const char *text)
{
	w->ops->string_begin(w);
	for (; *text != '\0'; text++)
		w->ops->string_part(w, text, 1);
	w->ops->string_end(w);
}

static void
test_writer_string_does_not_depend_on_its_parts(void **state)
{
	static const char text[] = "é☃\"😀\\\n\x01\"\"/";

	(void)state;
	for (int f = 0; f < FORMAT_COUNT; f++) {
		struct buf whole = BUF_INIT, pieces = BUF_INIT;
		struct reply r = begin((enum format)f, &STRING);

		r.w->ops->string_begin(r.w);
		r.w->ops->string_part(r.w, text, sizeof(text) - 1);
		r.w->ops->string_end(r.w);
		end(&r, &OK, &whole);
		r = begin((enum format)f, &STRING);
		put_bytewise(r.w, text);
		end(&r, &OK, &pieces);
		assert_string_equal(buf_text(&whole), buf_text(&pieces));
		buf_free(&whole);
		buf_free(&pieces);
	}
}

/* ---- answers without a value ------------------------------------------------------------- */

static void
test_writer_answers(void **state)
{
	static const struct writer_case silent = { {
		"",
		"",
		"{\"status\":\"ok\"}\n",
		"{\"status\":\"ok\"}\n",
		"status,message\nok,\n",
	} };
	static const struct writer_case yes = { {
		"Done, \"well\"\n",
		"Done, \"well\"\n",
		"{\"message\":\"Done, \\\"well\\\"\",\"status\":\"ok\"}\n",
		"{\"message\":\"Done, \\\"well\\\"\",\"status\":\"ok\"}\n",
		"status,message\nok,\"Done, \"\"well\"\"\"\n",
	} };
	static const struct writer_case no = { {
		"User x does not exist\n",
		"User x does not exist\n",
		"{\"message\":\"User x does not exist\",\"status\":\"no_user\"}\n",
		"{\"message\":\"User x does not exist\",\"status\":\"no_user\"}\n",
		"status,message\nno_user,User x does not exist\n",
	} };

	(void)state;
	check_formats(&RESCODE, NULL, &OK, &silent);
	check_formats(&TUPLE, NULL, &SAID, &yes);
	check_formats(&TUPLE, NULL, &NO, &no);
	/* a no in place of a value */
	check_formats(&INTEGER, NULL, &NO, &no);
	check_formats(&STRING, NULL, &NO, &no);
	check_formats(&LIST, NULL, &NO, &no);
}

/* A failure is for standard error, and for machines: bytes that are no text become U+FFFD. */
static void
test_writer_failures(void **state)
{
	static const char json[] = "{\"message\":\"it \xEF\xBF\xBD broke\",\"hint\":\"try again\","
				   "\"sqlstate\":\"57014\",\"status\":\"error\"}\n";
	static const struct writer_case c = { { "", "", json, json, "" } };
	static const struct command *const commands[] = { &LIST, &INTEGER, &STRING, &RESCODE,
							  &TUPLE };

	(void)state;
	for (size_t i = 0; i < COUNT(commands); i++)
		check_formats(commands[i], NULL, &FAILED, &c);
}

/* ---- lists ------------------------------------------------------------------------------- */

static const struct cell PLAIN[] = { C("romeo"), C("1"), C("juliet"), C("23") };

static void
put_plain_rows(struct writer *w)
{
	put_rows(w, PLAIN, COUNT(PLAIN));
}

static void
test_writer_list(void **state)
{
	static const struct writer_case c = { {
		"romeo\t1\njuliet\t23\n",
		"name     n\n"
		"------  --\n"
		"romeo    1\n"
		"juliet  23\n",
		"{\"result\":[{\"name\":\"romeo\",\"n\":1},{\"name\":\"juliet\",\"n\":23}],"
		"\"status\":\"ok\"}\n",
		"{\"name\":\"romeo\",\"n\":1}\n{\"name\":\"juliet\",\"n\":23}\n"
		"{\"status\":\"ok\"}\n",
		"name,n\nromeo,1\njuliet,23\n",
	} };

	(void)state;
	check_formats(&LIST, put_plain_rows, &OK, &c);
}

static void
put_no_rows(struct writer *w)
{
	w->ops->list_begin(w);
}

static void
test_writer_empty_list(void **state)
{
	static const struct writer_case c = { {
		"",
		"name  n\n"
		"----  -\n",
		"{\"result\":[],\"status\":\"ok\"}\n",
		"{\"status\":\"ok\"}\n",
		"name,n\n",
	} };

	(void)state;
	check_formats(&LIST, put_no_rows, &OK, &c);
}

/* What would break a line, a column or a document. */
static void
put_odd_rows(struct writer *w)
{
	static const struct cell cells[] = {
		C("a\tb\nc\\d"), C("1"), C("\"q\",\r"), C("2"), NO_VALUE, NO_VALUE, C(""), C("0"),
	};

	put_rows(w, cells, COUNT(cells));
}

static void
test_writer_list_escapes(void **state)
{
	static const struct writer_case c = { {
		"a\\tb\\nc\\\\d\t1\n\"q\",\r\t2\n\t\n\t0\n",
		"name     n\n"
		"-------  -\n"
		"a b c\\d  1\n"
		"\"q\",     2\n"
		"          \n"
		"         0\n",
		"{\"result\":[{\"name\":\"a\\tb\\nc\\\\d\",\"n\":1},"
		"{\"name\":\"\\\"q\\\",\\r\",\"n\":2},{\"name\":null,\"n\":null},"
		"{\"name\":\"\",\"n\":0}],\"status\":\"ok\"}\n",
		"{\"name\":\"a\\tb\\nc\\\\d\",\"n\":1}\n{\"name\":\"\\\"q\\\",\\r\",\"n\":2}\n"
		"{\"name\":null,\"n\":null}\n{\"name\":\"\",\"n\":0}\n{\"status\":\"ok\"}\n",
		"name,n\n\"a\tb\nc\\d\",1\n\"\"\"q\"\",\r\",2\n,\n,0\n",
	} };

	(void)state;
	check_formats(&LIST, put_odd_rows, &OK, &c);
}

/* One column that is empty must still be seen as a row. */
static void
put_narrow_rows(struct writer *w)
{
	static const struct cell cells[] = { C(""), NO_VALUE, C("a") };

	put_rows(w, cells, COUNT(cells));
}

static void
test_writer_list_of_one_column(void **state)
{
	static const struct writer_case c = { {
		"\n\na\n",
		"value\n-----\n\n\na\n",
		"{\"result\":[{\"value\":\"\"},{\"value\":null},{\"value\":\"a\"}],"
		"\"status\":\"ok\"}\n",
		"{\"value\":\"\"}\n{\"value\":null}\n{\"value\":\"a\"}\n{\"status\":\"ok\"}\n",
		"value\n\"\"\n\"\"\na\n",
	} };

	(void)state;
	check_formats(&NARROW, put_narrow_rows, &OK, &c);
}

static void
test_writer_list_with_a_message(void **state)
{
	static const struct writer_case c = { {
		"romeo\t1\njuliet\t23\nDone, \"well\"\n",
		"name     n\n"
		"------  --\n"
		"romeo    1\n"
		"juliet  23\n"
		"Done, \"well\"\n",
		"{\"result\":[{\"name\":\"romeo\",\"n\":1},{\"name\":\"juliet\",\"n\":23}],"
		"\"message\":\"Done, \\\"well\\\"\",\"status\":\"ok\"}\n",
		"{\"name\":\"romeo\",\"n\":1}\n{\"name\":\"juliet\",\"n\":23}\n"
		"{\"message\":\"Done, \\\"well\\\"\",\"status\":\"ok\"}\n",
		"name,n\nromeo,1\njuliet,23\n",
	} };

	(void)state;
	check_formats(&LIST, put_plain_rows, &SAID, &c);
}

/* A page says in its reply what the next one begins behind; to people it is said elsewhere. */
static void
test_writer_list_that_goes_on(void **state)
{
	static const struct outcome more = { "ok", "", "", "", true, "juliet \"x\"/é" };
	static const struct writer_case c = { {
		"romeo\t1\njuliet\t23\n",
		"name     n\n"
		"------  --\n"
		"romeo    1\n"
		"juliet  23\n",
		"{\"result\":[{\"name\":\"romeo\",\"n\":1},{\"name\":\"juliet\",\"n\":23}],"
		"\"next\":\"juliet \\\"x\\\"/é\",\"status\":\"ok\"}\n",
		"{\"name\":\"romeo\",\"n\":1}\n{\"name\":\"juliet\",\"n\":23}\n"
		"{\"next\":\"juliet \\\"x\\\"/é\",\"status\":\"ok\"}\n",
		"name,n\nromeo,1\njuliet,23\n",
	} };

	(void)state;
	check_formats(&LIST, put_plain_rows, &more, &c);
}

static void
test_writer_tells_next_where_the_reply_does(void **state)
{
	static const bool tells[FORMAT_COUNT] = { [FORMAT_JSON] = true, [FORMAT_NDJSON] = true };

	(void)state;
	for (int f = 0; f < FORMAT_COUNT; f++) {
		struct reply r = begin((enum format)f, &LIST);
		struct buf got = BUF_INIT;

		assert_int_equal(r.w->tells_next, tells[f]);
		end(&r, &OK, &got);
		buf_free(&got);
	}
}

/* For people the text stands for the rows; machines get both. */
static void
put_users(struct writer *w)
{
	static const struct cell cells[] = { C("romeo"), C("juliet") };

	put_rows(w, cells, COUNT(cells));
}

static void
test_writer_tuple_with_rows(void **state)
{
	static const struct writer_case c = { {
		"Done, \"well\"\n",
		"Done, \"well\"\n",
		"{\"result\":[{\"user\":\"romeo\"},{\"user\":\"juliet\"}],"
		"\"message\":\"Done, \\\"well\\\"\",\"status\":\"ok\"}\n",
		"{\"user\":\"romeo\"}\n{\"user\":\"juliet\"}\n"
		"{\"message\":\"Done, \\\"well\\\"\",\"status\":\"ok\"}\n",
		"user\nromeo\njuliet\n",
	} };

	(void)state;
	check_formats(&TUPLE_AND_ROWS, put_users, &SAID, &c);
}

/* ---- values that were cut off ------------------------------------------------------------ */

static void
test_writer_list_cut_off_has_no_status(void **state)
{
	static const struct writer_case c = { {
		"romeo\t1\njuliet\t23\n",
		"name     n\n"
		"------  --\n"
		"romeo    1\n"
		"juliet  23\n",
		"{\"result\":[{\"name\":\"romeo\",\"n\":1},{\"name\":\"juliet\",\"n\":23}\n",
		"{\"name\":\"romeo\",\"n\":1}\n{\"name\":\"juliet\",\"n\":23}\n",
		"name,n\nromeo,1\njuliet,23\n",
	} };

	(void)state;
	check_formats(&LIST, put_plain_rows, &FAILED, &c);
}

static void
put_half_string(struct writer *w)
{
	w->ops->string_begin(w);
	w->ops->string_part(w, "half", 4);
}

static void
test_writer_string_cut_off_has_no_status(void **state)
{
	static const struct writer_case c = { {
		"half",
		"half",
		"{\"result\":\"half\n",
		"{\"result\":\"half\n",
		"text\n\"half",
	} };

	(void)state;
	check_formats(&STRING, put_half_string, &FAILED, &c);
}

/* What was cut off cannot be taken for a whole document, in lines for a whole reply. */
static void
test_writer_cut_off_is_no_document(void **state)
{
	struct buf list = BUF_INIT, string = BUF_INIT;
	struct reply r = begin(FORMAT_JSON, &LIST);

	(void)state;
	put_plain_rows(r.w);
	end(&r, &FAILED, &list);
	assert_false(is_json(list.data, list.len));
	r = begin(FORMAT_JSON, &STRING);
	put_half_string(r.w);
	end(&r, &FAILED, &string);
	assert_false(is_json(string.data, string.len));
	buf_free(&list);
	buf_free(&string);
}

/* ---- trying again ------------------------------------------------------------------------ */

static void
check_second_attempt(const struct command *command, void (*first)(struct writer *w),
		     void (*second)(struct writer *w), const struct outcome *outcome)
{
	for (int f = 0; f < FORMAT_COUNT; f++) {
		struct buf once = BUF_INIT;
		struct reply r = begin((enum format)f, command);

		if (second != NULL)
			second(r.w);
		end(&r, outcome, &once);
		r = begin((enum format)f, command);
		out_hold(r.out);
		first(r.w);
		out_discard(r.out);
		writer_reset(r.w);
		assert_false(r.w->value);
		if (second != NULL)
			second(r.w);
		check_end(&r, outcome, buf_text(&once));
		buf_free(&once);
	}
}

static void
test_writer_reset_forgets_an_attempt(void **state)
{
	(void)state;
	check_second_attempt(&LIST, put_odd_rows, put_plain_rows, &OK);
	check_second_attempt(&LIST, put_plain_rows, put_no_rows, &OK);
	check_second_attempt(&LIST, put_plain_rows, NULL, &FAILED);
	check_second_attempt(&STRING, put_string, put_string, &OK);
	check_second_attempt(&STRING, put_half_string, put_empty_string, &OK);
	check_second_attempt(&STRING, put_half_string, NULL, &FAILED);
	check_second_attempt(&INTEGER, put_integer, put_least_integer, &OK);
	check_second_attempt(&INTEGER, put_integer, NULL, &NO);
	check_second_attempt(&TUPLE_AND_ROWS, put_users, put_users, &SAID);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void
test_writer_json_is_json(void **state)
{
	static const struct cell odd[] = { C("\x01\x1F\x7F\"\\/\b\f\n\r\té☃😀"), C("-7") };
	static const enum format formats[] = { FORMAT_JSON, FORMAT_NDJSON };

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct buf got = BUF_INIT;
		struct reply r = begin(formats[i], &LIST);

		put_rows(r.w, odd, COUNT(odd));
		end(&r, &SAID, &got);
		assert_true(is_json(got.data, got.len));
		buf_free(&got);
	}
}

/* ---- tables ------------------------------------------------------------------------------ */

/* Columns that a character takes on a terminal: none, one or two. */
static void
test_writer_table_aligns_by_width(void **state)
{
	static const struct cell cells[] = { C("e\xCC\x81"), C("1"), C("日本"),
					     C("2"),         C("é"), C("3") };
	struct reply r = begin(FORMAT_TABLE, &LIST);

	(void)state;
	put_rows(r.w, cells, COUNT(cells));
	check_end(&r, &OK,
		  "name  n\n"
		  "----  -\n"
		  "e\xCC\x81     1\n"
		  "日本  2\n"
		  "é     3\n");
}

/* Control characters of either range, and bytes that are no text, do not reach the terminal. */
static void
test_writer_table_shows_no_controls(void **state)
{
	static const struct cell cells[] = {
		C("\x1B[2J"),
		C("1"),
		C("a\x7F"),
		C("2"),
		C("\xC2\x9B"
		  "2J"),
		C("3"),
		C("\xFF"
		  "a\xC3"),
		C("4"),
	};
	struct reply r = begin(FORMAT_TABLE, &LIST);

	(void)state;
	put_rows(r.w, cells, COUNT(cells));
	check_end(&r, &OK,
		  "name  n\n"
		  "----  -\n"
		  " [2J  1\n"
		  "a     2\n"
		  " 2J   3\n"
		  "?a?   4\n");
}

/* The first 500 rows decide on widths; a longer field later, or a very long one, only shifts. */
static void
test_writer_table_streams_after_measuring(void **state)
{
	static const struct cell usual[] = { C("romeo"), C("1") };
	static const struct cell wider[] = { C("juliet capulet"), C("2") };
	struct buf got = BUF_INIT;
	struct reply r = begin(FORMAT_TABLE, &LIST);
	const char *last;

	(void)state;
	r.w->ops->list_begin(r.w);
	for (int i = 0; i < 600; i++)
		r.w->ops->row(r.w, usual);
	r.w->ops->row(r.w, wider);
	end(&r, &OK, &got);
	assert_memory_equal(got.data, "name   n\n-----  -\nromeo  1\n", 27);
	assert_int_equal(got.len, 2 * 9 + 600 * 9 + strlen("juliet capulet  2\n"));
	last = got.data + got.len - strlen("juliet capulet  2\n");
	assert_string_equal(last, "juliet capulet  2\n");
	buf_free(&got);
}

static void
test_writer_table_widens_up_to_a_limit(void **state)
{
	char name[200];
	const struct cell cells[] = { { name, sizeof(name) }, C("1") };
	struct buf got = BUF_INIT;
	struct reply r = begin(FORMAT_TABLE, &LIST);

	(void)state;
	memset(name, 'x', sizeof(name));
	put_rows(r.w, cells, COUNT(cells));
	end(&r, &OK, &got);
	assert_int_equal(strcspn(got.data, "\n"), 60 + 2 + 1);
	assert_non_null(strstr(got.data, "xxx  1\n"));
	buf_free(&got);
}

/* ---- failing output ---------------------------------------------------------------------- */

static void
test_writer_ends_on_a_full_device(void **state)
{
	(void)state;
	for (int f = 0; f < FORMAT_COUNT; f++) {
		int fd = open("/dev/full", O_WRONLY);
		struct out *out = out_new(fd);
		struct writer *w = writer_new((enum format)f, &LIST, out);

		assert_true(fd >= 0);
		put_plain_rows(w);
		w->ops->finish(w, &OK);
		out_flush(out);
		assert_int_not_equal(out_error(out), 0);
		writer_free(w);
		out_free(out);
		close(fd);
	}
	writer_free(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writer_format_parse),
		cmocka_unit_test(test_writer_integer),
		cmocka_unit_test(test_writer_string_in_parts),
		cmocka_unit_test(test_writer_empty_string),
		cmocka_unit_test(test_writer_string_does_not_depend_on_its_parts),
		cmocka_unit_test(test_writer_answers),
		cmocka_unit_test(test_writer_failures),
		cmocka_unit_test(test_writer_list),
		cmocka_unit_test(test_writer_empty_list),
		cmocka_unit_test(test_writer_list_escapes),
		cmocka_unit_test(test_writer_list_of_one_column),
		cmocka_unit_test(test_writer_list_with_a_message),
		cmocka_unit_test(test_writer_list_that_goes_on),
		cmocka_unit_test(test_writer_tells_next_where_the_reply_does),
		cmocka_unit_test(test_writer_tuple_with_rows),
		cmocka_unit_test(test_writer_list_cut_off_has_no_status),
		cmocka_unit_test(test_writer_string_cut_off_has_no_status),
		cmocka_unit_test(test_writer_cut_off_is_no_document),
		cmocka_unit_test(test_writer_reset_forgets_an_attempt),
		cmocka_unit_test(test_writer_json_is_json),
		cmocka_unit_test(test_writer_table_aligns_by_width),
		cmocka_unit_test(test_writer_table_shows_no_controls),
		cmocka_unit_test(test_writer_table_streams_after_measuring),
		cmocka_unit_test(test_writer_table_widens_up_to_a_limit),
		cmocka_unit_test(test_writer_ends_on_a_full_device),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
