/*
 * Roster templates: the first byte picks the format, the rest is the file. What is refused says
 * where, on one line. What is accepted is written again in each format and reads as the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>
#include <yajl/yajl_gen.h>

#include "base/buf.h"
#include "base/text.h"
#include "transfer/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() would vanish with NDEBUG. */
static void
must(int truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static void
add_erlang_string(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '"');
}

static void
write_erlang(const struct template *t, struct buf *out)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < t->count; i++) {
		const struct template_entry *e = &t->entries[i];
		const char *const fields[] = { e->user, e->host, e->group, e->nick };

		buf_add_text(out, i == 0 ? "{" : ",\n{");
		for (size_t f = 0; f < 4; f++) {
			buf_add_text(out, f == 0 ? "" : ", ");
			add_erlang_string(out, fields[f]);
		}
		buf_add_char(out, '}');
	}
	buf_add_text(out, "].\n");
}

static void
add_json_string(yajl_gen gen, const char *text)
{
	must(yajl_gen_string(gen, (const unsigned char *)text, strlen(text)) == yajl_gen_status_ok,
	     "a string that JSON can carry");
}

static void
write_json(const struct template *t, struct buf *out)
{
	static const char *const names[] = { "user", "host", "group", "nick" };
	yajl_gen gen = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t len;

	yajl_gen_array_open(gen);
	for (size_t i = 0; i < t->count; i++) {
		const struct template_entry *e = &t->entries[i];
		const char *const fields[] = { e->user, e->host, e->group, e->nick };

		yajl_gen_map_open(gen);
		for (size_t f = 0; f < 4; f++) {
			add_json_string(gen, names[f]);
			add_json_string(gen, fields[f]);
		}
		yajl_gen_map_close(gen);
	}
	yajl_gen_array_close(gen);
	yajl_gen_get_buf(gen, &text, &len);
	buf_add(out, text, len);
	yajl_gen_free(gen);
}

static void
write_csv(const struct template *t, struct buf *out)
{
	buf_add_text(out, "user,host,group,nick\r\n");
	for (size_t i = 0; i < t->count; i++) {
		const struct template_entry *e = &t->entries[i];
		const char *const fields[] = { e->user, e->host, e->group, e->nick };

		for (size_t f = 0; f < 4; f++) {
			size_t len = strlen(fields[f]), most = 2 * len + 2;

			out->len += csv_write(buf_room(out, most), most, fields[f], len);
			buf_add_text(out, f == 3 ? "\r\n" : ",");
		}
	}
}

static void (*const WRITERS[])(const struct template *t, struct buf *out) = {
	[TEMPLATE_ERLANG] = write_erlang,
	[TEMPLATE_JSON] = write_json,
	[TEMPLATE_CSV] = write_csv,
};

static void
check_entries(const struct template *t)
{
	size_t line = 1;

	for (size_t i = 0; i < t->count; i++) {
		const struct template_entry *e = &t->entries[i];
		const char *const fields[] = { e->user, e->host, e->group, e->nick };

		must(e->user[0] != '\0' && e->host[0] != '\0', "user and host are there");
		must(e->line >= line, "lines go forward");
		line = e->line;
		for (size_t f = 0; f < 4; f++)
			must(text_is_xml(fields[f], strlen(fields[f])), "XML can carry the text");
	}
}

static void
check_same(const struct template *a, const struct template *b)
{
	must(a->count == b->count, "as many entries");
	for (size_t i = 0; i < a->count; i++) {
		const struct template_entry *x = &a->entries[i], *y = &b->entries[i];

		must(strcmp(x->user, y->user) == 0 && strcmp(x->host, y->host) == 0 &&
			     strcmp(x->group, y->group) == 0 && strcmp(x->nick, y->nick) == 0,
		     "the same entries");
	}
}

static void
check_reads_again(const struct template *t, enum template_format format)
{
	struct buf text = BUF_INIT;
	struct adx_error err = { 0 };
	struct template *again;

	WRITERS[format](t, &text);
	must(buf_ok(&text), "memory");
	if (template_parse(format, buf_text(&text), text.len, "again", &again, &err) != ADX_OK)
		must(0, err.message);
	check_same(t, again);
	template_free(again);
	buf_free(&text);
}

/* The line is one of the text: at most its newlines and one. */
static void
check_error(const struct adx_error *err, const char *text, size_t len)
{
	size_t line, lines = 1;
	int used = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	must(err->rc == ADX_EINVAL, "the code");
	must(sscanf(err->message, "'fuzz' line %zu: %n", &line, &used) == 1 && used > 0,
	     "file and line");
	must(line >= 1 && line <= lines, "a line of the file");
	must(err->message[used] != '\0', "a reason");
	must(text_is_utf8(err->message, strlen(err->message)), "a message in UTF-8");
	must(strpbrk(err->message, "\r\n") == NULL, "a message of one line");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	struct adx_error err = { 0 };
	struct template *t;

	if (size == 0)
		return 0;
	if (template_parse((enum template_format)(data[0] % 3), text, size - 1, "fuzz", &t, &err) !=
	    ADX_OK) {
		must(t == NULL, "nothing when refused");
		check_error(&err, text, size - 1);
		return 0;
	}
	check_entries(t);
	for (enum template_format f = TEMPLATE_ERLANG; f <= TEMPLATE_CSV; f++)
		check_reads_again(t, f);
	template_free(t);
	return 0;
}
