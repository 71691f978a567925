#include <string.h>

#include "base/json.h"
#include "submod/personal_data.h"

static void
print(void *ctx, const char *data, size_t len)
{
	out_write(ctx, data, len);
}

static void
gen_field(yajl_gen g, const struct section_field *field, const struct rows *rows)
{
	const char *column = field->column == NULL ? field->name : field->column;
	size_t len;
	const char *data = rows_text(rows, rows_column(rows, column), &len);

	json_text(g, field->name);
	if (data == NULL)
		yajl_gen_null(g);
	else if (field->type == SECTION_INTEGER)
		yajl_gen_number(g, data, len);
	else if (field->type == SECTION_JSON)
		json_copy(g, data, len);
	else
		yajl_gen_string(g, (const unsigned char *)data, len);
}

static enum adx_rc
check_out(const struct out *out, struct adx_error *err)
{
	if (out_error(out) == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, out_error(out), "cannot write the personal data");
}

static enum adx_rc
gen_rows(yajl_gen g, const struct section *section, struct rows *rows, const struct out *out,
	 struct adx_error *err)
{
	bool has;
	enum adx_rc rc;

	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		yajl_gen_map_open(g);
		for (const struct section_field *f = section->fields; f->name != NULL; f++)
			gen_field(g, f, rows);
		yajl_gen_map_close(g);
		rc = check_out(out, err);
		if (rc != ADX_OK)
			return rc;
	}
	return rc;
}

static enum adx_rc
gen_section(struct call *call, yajl_gen g, const struct section *section,
	    const struct subject *subject, const struct out *out, struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = section_open(call, section, subject, &rows, err);

	if (rc != ADX_OK)
		return rc;
	json_text(g, section->name);
	yajl_gen_array_open(g);
	rc = gen_rows(g, section, rows, out, err);
	/* What was cut off stays open: it must not look whole. */
	if (rc == ADX_OK)
		yajl_gen_array_close(g);
	rows_close(rows);
	return rc;
}

static void
gen_header(yajl_gen g, const struct subject *subject)
{
	json_member(g, "format", "adminex-personal-data");
	json_text(g, "format_version");
	yajl_gen_integer(g, 1);
	json_text(g, "subject");
	yajl_gen_map_open(g);
	json_member(g, "jid", subject->jid);
	json_member(g, "user", subject->username);
	json_member(g, "host", subject->host);
	yajl_gen_map_close(g);
	json_member(g, "generated_at", subject->generated_at);
	json_text(g, "schema_version");
	yajl_gen_number(g, subject->schema_version, strlen(subject->schema_version));
	json_member(g, "program_version", "adminex " ADMINEX_VERSION);
}

static enum adx_rc
gen_document(struct call *call, yajl_gen g, const struct subject *subject, const struct out *out,
	     struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	yajl_gen_map_open(g);
	gen_header(g, subject);
	json_text(g, "data");
	yajl_gen_map_open(g);
	for (const struct section *s = PERSONAL_DATA; s->name != NULL && rc == ADX_OK; s++)
		rc = gen_section(call, g, s, subject, out, err);
	if (rc != ADX_OK)
		return rc;
	yajl_gen_map_close(g);
	yajl_gen_map_close(g);
	return ADX_OK;
}

enum adx_rc
personal_data_json(struct call *call, const struct subject *subject, struct out *out,
		   struct adx_error *err)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	enum adx_rc rc;

	if (g == NULL)
		return adx_nomem(err);
	yajl_gen_config(g, yajl_gen_print_callback, print, out);
	yajl_gen_config(g, yajl_gen_beautify, 1);
	yajl_gen_config(g, yajl_gen_indent_string, "  ");
	rc = gen_document(call, g, subject, out, err);
	yajl_gen_free(g);
	out_flush(out);
	return rc == ADX_OK ? check_out(out, err) : rc;
}
