/*
 * Users files: the first byte picks the format, the rest is the file. Every row keeps the promises
 * of the header; the good ones are then written in both formats, where each must read as the same
 * row.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>
#include <yajl/yajl_gen.h>

#include "adminex/jid.h"
#include "base/buf.h"
#include "base/text.h"
#include "transfer/users_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct notes {
	uint64_t line, lines, done;
	size_t good, bad;
	struct buf csv, ndjson; /* the good rows as files of our own */
	struct buf rows;        /* and as text to compare */
};

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
must_be_shown(const char *text)
{
	unsigned cp;

	must(text != NULL && strlen(text) <= JID_PART_MAX + 8, "a name to show is too long");
	for (size_t n; *text != '\0'; text += n) {
		n = text_next(text, strlen(text), &cp);
		must(n > 0 && cp >= 0x20 && (cp < 0x7F || cp >= 0xA0), "a name is not clean");
	}
}

static void
add_csv(struct buf *out, const char *const fields[4])
{
	for (size_t f = 0; f < 4; f++) {
		size_t len = strlen(fields[f]), most = 2 * len + 2;

		out->len += csv_write(buf_room(out, most), most, fields[f], len);
		buf_add_text(out, f == 3 ? "\r\n" : ",");
	}
}

static void
add_ndjson(struct buf *out, const char *const fields[4])
{
	static const char *const names[] = { "user", "host", "password", "created_at" };
	yajl_gen gen = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t len;

	yajl_gen_map_open(gen);
	for (size_t f = 0; f < 4; f++) {
		yajl_gen_string(gen, (const unsigned char *)names[f], strlen(names[f]));
		yajl_gen_string(gen, (const unsigned char *)fields[f], strlen(fields[f]));
	}
	yajl_gen_map_close(gen);
	must(yajl_gen_get_buf(gen, &text, &len) == yajl_gen_status_ok, "JSON can carry it");
	buf_add(out, text, len);
	buf_add_char(out, '\n');
	yajl_gen_free(gen);
}

static void
on_good(struct notes *n, const struct users_row *row)
{
	const char *const fields[] = { row->local, row->domain, buf_text(row->password),
				       row->created_at == NULL ? "" : row->created_at };
	size_t stamp = strlen(fields[3]);

	must(row->local[0] != '\0' && row->domain[0] != '\0', "an account has a name");
	must(row->password->len > 0 && strlen(fields[2]) == row->password->len,
	     "a password is text");
	must(row->created_at == NULL || (stamp >= 20 && stamp <= 27), "a date is of another form");
	for (size_t f = 0; f < 4; f++) {
		must(text_is_utf8(fields[f], strlen(fields[f])), "a field is not UTF-8");
		buf_addf(&n->rows, "%s\n", fields[f]);
	}
	add_csv(&n->csv, fields);
	add_ndjson(&n->ndjson, fields);
	n->good++;
}

static void
on_bad(struct notes *n, const struct users_row *row)
{
	must(text_is_utf8(row->why, strlen(row->why)), "a reason is not UTF-8");
	must(row->why[0] != '\0' && strpbrk(row->why, "\r\n") == NULL, "a reason is not one line");
	n->bad++;
}

static enum adx_rc
on_row(void *ctx, const struct users_row *row, struct adx_error *err)
{
	struct notes *n = ctx;

	(void)err;
	must(row->line > n->line && row->line <= n->lines, "a line goes astray");
	n->line = row->line;
	must_be_shown(row->user);
	must_be_shown(row->host);
	if (row->why == NULL)
		on_good(n, row);
	else
		on_bad(n, row);
	return ADX_OK;
}

static enum adx_rc
on_progress(void *ctx, uint64_t done, uint64_t total, struct adx_error *err)
{
	struct notes *n = ctx;

	(void)err;
	must(done >= n->done && done <= total, "progress goes astray");
	n->done = done;
	return ADX_OK;
}

static enum adx_rc
read_notes(struct notes *n, enum users_format format, const char *text, size_t len)
{
	struct users_sink sink = { n, on_row, on_progress };
	struct adx_error err = { .rc = ADX_OK };
	enum adx_rc rc;

	*n = (struct notes){ .lines = 1 };
	for (size_t i = 0; i < len; i++)
		n->lines += text[i] == '\n';
	rc = users_read_memory(text, len, format, &sink, &err);
	must(rc == ADX_OK || (rc == ADX_EINVAL && format == USERS_CSV && n->good == 0 &&
			      strstr(err.message, ": a header has ") != NULL),
	     "a result is unexpected");
	return rc;
}

static void
free_notes(struct notes *n)
{
	buf_free(&n->csv);
	buf_free(&n->ndjson);
	buf_free(&n->rows);
}

/* Preparing may not be idempotent beyond Unicode 3.2, so a row may change or be refused. */
static int
is_stable(const struct notes *n)
{
	for (size_t i = 0; i < n->rows.len; i++)
		if ((unsigned char)n->rows.data[i] >= 0x80)
			return 0;
	return 1;
}

static void
check_reads_again(const struct notes *first, enum users_format format, struct buf *file)
{
	struct buf text = BUF_INIT;
	struct notes again;

	if (format == USERS_CSV)
		buf_add_text(&text, "user,host,password,created_at\n");
	buf_add(&text, buf_text(file), file->len);
	must(read_notes(&again, format, buf_text(&text), text.len) == ADX_OK, "it reads again");
	must(again.good + again.bad == first->good, "as many rows");
	if (is_stable(first)) {
		must(again.bad == 0, "a good row stays one");
		must(strcmp(buf_text(&again.rows), buf_text(&first->rows)) == 0, "the same rows");
	}
	free_notes(&again);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notes n;

	if (size == 0)
		return 0;
	if (read_notes(&n, data[0] % 2 == 0 ? USERS_CSV : USERS_NDJSON, (const char *)data + 1,
		       size - 1) == ADX_OK) {
		check_reads_again(&n, USERS_CSV, &n.csv);
		check_reads_again(&n, USERS_NDJSON, &n.ndjson);
	}
	free_notes(&n);
	return 0;
}
