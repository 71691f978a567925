/*
 * Users files as CSV (RFC 4180): blanks belong to the fields. A record is one line: no field may
 * hold the end of one, and so a quote that is not closed costs no more than its own row.
 */
#include <string.h>
#include <strings.h>

#include <csv.h>

#include "transfer/users_priv.h"

struct csv {
	struct users *u;
	struct csv_parser parser;
	enum users_field columns[USERS_FIELDS];
	size_t column_count; /* 0 before the first record */
	bool has_header;
	/* The record being read. */
	size_t fields; /* of its first row */
	size_t rows;   /* that the parser found in it: a lone carriage return makes two */
};

static int
no_space(unsigned char c)
{
	(void)c;
	return 0;
}

static void
on_field(void *text, size_t len, void *ctx)
{
	struct csv *c = ctx;

	if (c->rows > 0)
		return;
	if (c->fields < USERS_FIELDS)
		users_set(c->u, c->columns[c->fields], text, len);
	c->fields++;
}

static void
on_row(int end, void *ctx)
{
	struct csv *c = ctx;

	(void)end;
	c->rows++;
}

/* ---- the parser -------------------------------------------------------------------------- */

/* Its buffer is as large as a row at once: one that grew would leave passwords behind. */
static enum adx_rc
begin_parser(struct csv *c)
{
	if (csv_init(&c->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
		return adx_nomem(c->u->err);
	csv_set_space_func(&c->parser, no_space);
	csv_set_blk_size(&c->parser, USERS_ROW_MAX + 1);
	return ADX_OK;
}

static void
end_parser(struct csv *c)
{
	if (c->parser.entry_buf != NULL)
		explicit_bzero(c->parser.entry_buf, csv_get_buffer_size(&c->parser));
	csv_free(&c->parser);
}

/* ---- the header -------------------------------------------------------------------------- */

static enum users_field
find_name(const struct buf *name)
{
	enum users_field f = USERS_USER;

	while (f < USERS_FIELDS && (strlen(users_field_names[f]) != name->len ||
				    strcasecmp(users_field_names[f], buf_text(name)) != 0))
		f++;
	return f;
}

/* Is the first record a header, and which order does it give? */
static enum adx_rc
look_for_header(struct csv *c)
{
	struct users *u = c->u;
	size_t named = 0, at[USERS_FIELDS] = { 0 };
	size_t count = c->fields < USERS_FIELDS ? c->fields : USERS_FIELDS;

	c->column_count = USERS_FIELDS;
	for (size_t i = 0; i < count; i++) {
		enum users_field name = find_name(&u->fields[i]);

		if (name == USERS_FIELDS)
			continue;
		c->columns[i] = name;
		at[name]++;
		named++;
	}
	c->has_header = named == c->fields && at[USERS_USER] == 1 && at[USERS_HOST] == 1 &&
			at[USERS_PASSWORD] == 1 && at[USERS_CREATED_AT] <= 1;
	if (c->has_header) {
		c->column_count = c->fields;
		return ADX_OK;
	}
	for (size_t i = 0; i < USERS_FIELDS; i++)
		c->columns[i] = (enum users_field)i;
	if (named < 2)
		return ADX_OK;
	return adx_fail(u->err, ADX_EINVAL,
			"'%s' line %llu: a header has user, host, password and, if at all, "
			"created_at, each once and nothing else",
			u->name, (unsigned long long)u->line);
}

/* ---- records ----------------------------------------------------------------------------- */

static bool
has_its_fields(const struct csv *c)
{
	return c->fields == c->column_count || (!c->has_header && c->fields == c->column_count - 1);
}

/* The record was read whole. */
static enum adx_rc
end_record(struct csv *c)
{
	bool first = c->column_count == 0;
	enum adx_rc rc;

	if (c->rows == 0)
		return ADX_OK;
	if (c->rows > 1)
		return users_bad_row(c->u, false, "it has a carriage return without a line feed");
	if (first) {
		rc = look_for_header(c);
		if (rc != ADX_OK || c->has_header)
			return rc;
	}
	if (has_its_fields(c))
		return users_end_row(c->u);
	return users_bad_row(c->u, false,
			     c->has_header ? "it does not have the fields of the header"
					   : "it does not have the fields user, host, password "
					     "and perhaps created_at");
}

/* The parser is somewhere in a record that is none: begin anew. */
static enum adx_rc
give_up(struct csv *c, const char *why)
{
	enum adx_rc rc = csv_error(&c->parser) == CSV_EPARSE ? users_bad_row(c->u, false, why)
							     : adx_nomem(c->u->err);

	end_parser(c);
	return begin_parser(c) == ADX_OK ? rc : ADX_ENOMEM;
}

static enum adx_rc
read_line(void *ctx, const struct users_line *line)
{
	struct csv *c = ctx;

	c->fields = 0;
	c->rows = 0;
	if (csv_parse(&c->parser, line->text, line->len, on_field, on_row, c) != line->len)
		return give_up(c, "quotes must stand around a whole field, and those inside be "
				  "doubled");
	if (csv_fini(&c->parser, on_field, on_row, c) != 0)
		return give_up(c, "a quote is not closed");
	return end_record(c);
}

enum adx_rc
users_csv(struct users *u)
{
	struct csv c = { .u = u,
			 .columns = { USERS_USER, USERS_HOST, USERS_PASSWORD, USERS_CREATED_AT } };
	enum adx_rc rc = begin_parser(&c);

	if (rc == ADX_OK)
		rc = users_lines(u, read_line, &c);
	end_parser(&c);
	return rc;
}
