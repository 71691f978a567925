/* Templates as CSV (RFC 4180): a header line names the columns; blanks belong to the fields. */
#include <stdbool.h>
#include <string.h>

#include <csv.h>

#include "transfer/template_priv.h"

struct csv {
	struct template_reader *r;
	enum template_field columns[TEMPLATE_FIELDS]; /* as the header orders them */
	size_t column_count;
	bool has_header;
	size_t field;    /* of the row being read */
	size_t line;     /* being read */
	size_t row_line; /* where the row being read began */
	bool after_cr;   /* a carriage return ended the row, its line feed is due */
	enum adx_rc rc;
};

static int
no_space(unsigned char c)
{
	(void)c;
	return 0;
}

static enum adx_rc
refuse_cr(struct csv *c)
{
	return template_refuse(c->r, c->line, "expected a line feed after the carriage return");
}

static enum adx_rc
header_field(struct csv *c, const char *name, size_t len)
{
	enum template_field field = template_field_find(name, len);
	char excerpt[TEMPLATE_EXCERPT];

	template_excerpt(name, len, excerpt);
	if (field == TEMPLATE_FIELDS)
		return template_refuse(c->r, c->line,
				       "expected user, host, group or nick, found the column %s",
				       excerpt);
	for (size_t i = 0; i < c->column_count; i++)
		if (c->columns[i] == field)
			return template_refuse(c->r, c->line, "the column %s is there twice",
					       excerpt);
	c->columns[c->column_count++] = field;
	return ADX_OK;
}

static enum adx_rc
row_field(struct csv *c, const char *text, size_t len)
{
	if (c->field == 0)
		template_begin(c->r, c->row_line);
	if (c->field >= c->column_count)
		return ADX_OK; /* end_row() counts them */
	return template_put(c->r, c->columns[c->field], text, len, c->line);
}

static void
on_field(void *text, size_t len, void *ctx)
{
	struct csv *c = ctx;

	if (c->rc != ADX_OK)
		return;
	if (c->after_cr)
		c->rc = refuse_cr(c);
	else if (c->has_header)
		c->rc = row_field(c, text, len);
	else
		c->rc = header_field(c, text, len);
	c->field++;
}

static enum adx_rc
end_header(struct csv *c)
{
	bool seen[TEMPLATE_FIELDS] = { false };

	c->has_header = true;
	for (size_t i = 0; i < c->column_count; i++)
		seen[c->columns[i]] = true;
	for (enum template_field f = TEMPLATE_USER; f <= TEMPLATE_HOST; f++)
		if (!seen[f])
			return template_refuse(c->r, c->row_line,
					       "expected a column '%s' in the header",
					       template_field_names[f]);
	return ADX_OK;
}

static enum adx_rc
end_row(struct csv *c)
{
	if (c->field != c->column_count)
		return template_refuse(c->r, c->row_line, "expected %zu fields, found %zu",
				       c->column_count, c->field);
	return template_add(c->r);
}

/* libcsv was told to report the ends of blank lines too. */
static void
on_row(int end, void *ctx)
{
	struct csv *c = ctx;

	if (c->rc != ADX_OK)
		return;
	if (c->field > 0)
		c->rc = c->has_header ? end_row(c) : end_header(c);
	else if (end == CSV_CR && c->after_cr)
		c->rc = refuse_cr(c);
	c->after_cr = end == CSV_CR;
	c->field = 0;
	c->row_line = c->line + 1;
}

static enum adx_rc
refuse_syntax(struct csv *c, int error)
{
	if (error != CSV_EPARSE)
		return adx_nomem(c->r->err);
	return template_refuse(c->r, c->line,
			       "expected quotes around a whole field, with those inside doubled");
}

/* Line by line, as libcsv does not tell its position. */
static void
feed(struct csv *c, struct csv_parser *p)
{
	const char *at = c->r->text, *end = at + c->r->len;

	while (at < end && c->rc == ADX_OK) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline == NULL ? end : newline + 1) - at);

		c->line++;
		if (csv_parse(p, at, n, on_field, on_row, c) != n && c->rc == ADX_OK)
			c->rc = refuse_syntax(c, csv_error(p));
		at += n;
	}
}

static void
finish(struct csv *c, struct csv_parser *p)
{
	if (c->after_cr)
		c->rc = refuse_cr(c);
	else if (csv_fini(p, on_field, on_row, c) != 0 && c->rc == ADX_OK)
		c->rc = template_refuse(c->r, c->row_line,
					"expected a '\"' to end the field, found end of file");
	if (c->rc == ADX_OK && !c->has_header)
		c->rc = template_refuse(c->r, template_line(c->r, c->r->len),
					"expected a header with user and host, found end of file");
}

enum adx_rc
template_parse_csv(struct template_reader *r)
{
	struct csv c = { .r = r, .row_line = 1, .rc = ADX_OK };
	struct csv_parser p;

	if (csv_init(&p, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0)
		return adx_nomem(r->err);
	csv_set_space_func(&p, no_space);
	csv_set_blk_size(&p, 4096);
	feed(&c, &p);
	if (c.rc == ADX_OK)
		finish(&c, &p);
	csv_free(&p);
	return c.rc;
}
