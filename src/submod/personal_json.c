/*
 * The document as JSON: one object, or a line for each record. A record is one line in both: it is
 * made in a buffer of its own, as a document is printed in too many small pieces for a million of
 * them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "submod/personal.h"

struct json_document {
	struct seal *seal;
	yajl_gen gen;
	yajl_gen record; /* into a buffer */
};

static void
print(void *ctx, const char *data, size_t len)
{
	out_write(ctx, data, len);
}

static void
document_free(void *ctx)
{
	struct json_document *d = ctx;

	if (d->gen != NULL)
		yajl_gen_free(d->gen);
	if (d->record != NULL)
		yajl_gen_free(d->record);
	free(d);
}

static struct json_document *
document_new(struct seal *seal, bool lines)
{
	struct json_document *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->seal = seal;
	d->gen = yajl_gen_alloc(NULL);
	d->record = yajl_gen_alloc(NULL);
	if (d->gen == NULL || d->record == NULL) {
		document_free(d);
		return NULL;
	}
	yajl_gen_config(d->gen, yajl_gen_print_callback, print, seal_out(seal));
	if (lines)
		return d;
	yajl_gen_config(d->gen, yajl_gen_beautify, 1);
	yajl_gen_config(d->gen, yajl_gen_indent_string, "  ");
	return d;
}

static void
gen_value(yajl_gen g, const struct personal_field *field, const struct array_item *value)
{
	if (value->data == NULL)
		yajl_gen_null(g);
	else if (field->kind == FIELD_NUMBER)
		yajl_gen_number(g, value->data, value->len);
	else if (field->kind == FIELD_BOOLEAN)
		yajl_gen_bool(g, value->data[0] == 't');
	else if (field->kind == FIELD_JSON)
		json_copy(g, value->data, value->len);
	else
		yajl_gen_string(g, (const unsigned char *)value->data, value->len);
}

static void
gen_record(yajl_gen g, const struct personal_section *section, const struct array_item values[])
{
	yajl_gen_map_open(g);
	for (size_t i = 0; i < section->field_count; i++) {
		json_text(g, section->fields[i].name);
		gen_value(g, &section->fields[i], &values[i]);
	}
	yajl_gen_map_close(g);
}

/* What is in the buffer of the record, which the next one may use. */
static enum adx_rc
take_record(struct json_document *d, const char **text, size_t *len, struct adx_error *err)
{
	const unsigned char *made;

	if (yajl_gen_get_buf(d->record, &made, len) != yajl_gen_status_ok)
		return adx_nomem(err);
	*text = (const char *)made;
	yajl_gen_reset(d->record, NULL);
	return ADX_OK;
}

static enum adx_rc
check_out(const struct json_document *d, struct adx_error *err)
{
	int errnum = out_error(seal_out(d->seal));

	if (errnum == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, errnum, "cannot write the personal data");
}

static void
seal_begin(struct seal *seal, const struct personal_section *section)
{
	struct seal_section about = { .name = section->name,
				      .file = section->file,
				      .legal_basis = section->legal_basis,
				      .retention = section->retention };

	seal_section_begin(seal, &about);
}

/* ---- one object -------------------------------------------------------------------------- */

static enum adx_rc
json_begin(void *ctx, struct adx_error *err)
{
	struct json_document *d = ctx;

	(void)err;
	yajl_gen_map_open(d->gen);
	seal_head(d->seal, d->gen);
	json_text(d->gen, "data");
	yajl_gen_map_open(d->gen);
	return ADX_OK;
}

static enum adx_rc
json_section_begin(void *ctx, const struct personal_section *section, struct adx_error *err)
{
	struct json_document *d = ctx;

	(void)err;
	json_text(d->gen, section->name);
	seal_begin(d->seal, section);
	yajl_gen_array_open(d->gen);
	return ADX_OK;
}

static enum adx_rc
json_record(void *ctx, const struct personal_section *section, const struct array_item values[],
	    struct adx_error *err)
{
	struct json_document *d = ctx;
	const char *text = NULL;
	size_t len = 0;
	enum adx_rc rc;

	gen_record(d->record, section, values);
	rc = take_record(d, &text, &len, err);
	if (rc != ADX_OK)
		return rc;
	/* A number is what yajl prints as it stands. */
	yajl_gen_number(d->gen, text, len);
	yajl_gen_clear(d->record);
	return check_out(d, err);
}

static enum adx_rc
json_section_end(void *ctx, const struct personal_section *section, int64_t records,
		 struct adx_error *err)
{
	struct json_document *d = ctx;

	(void)section;
	(void)err;
	yajl_gen_array_close(d->gen);
	seal_section_end(d->seal, records);
	return ADX_OK;
}

static void
json_end(void *ctx)
{
	struct json_document *d = ctx;

	yajl_gen_map_close(d->gen);
}

const struct personal_writer *
personal_json_writer(struct seal *seal, void **ctx)
{
	static const struct personal_writer WRITER = { json_begin,  json_section_begin,
						       json_record, json_section_end,
						       json_end,    document_free };

	*ctx = document_new(seal, false);
	return *ctx == NULL ? NULL : &WRITER;
}

/* ---- lines ------------------------------------------------------------------------------- */

static void
end_line(struct json_document *d)
{
	/* What separates two documents ends this one. */
	yajl_gen_reset(d->gen, "\n");
}

static enum adx_rc
ndjson_begin(void *ctx, struct adx_error *err)
{
	struct json_document *d = ctx;

	(void)err;
	yajl_gen_map_open(d->gen);
	seal_head(d->seal, d->gen);
	yajl_gen_map_close(d->gen);
	end_line(d);
	return ADX_OK;
}

static enum adx_rc
ndjson_section_begin(void *ctx, const struct personal_section *section, struct adx_error *err)
{
	struct json_document *d = ctx;

	(void)err;
	seal_begin(d->seal, section);
	return ADX_OK;
}

static enum adx_rc
ndjson_record(void *ctx, const struct personal_section *section, const struct array_item values[],
	      struct adx_error *err)
{
	struct json_document *d = ctx;
	const char *text = NULL;
	size_t len = 0;
	enum adx_rc rc;

	yajl_gen_map_open(d->record);
	json_member(d->record, "section", section->name);
	json_text(d->record, "row");
	gen_record(d->record, section, values);
	yajl_gen_map_close(d->record);
	rc = take_record(d, &text, &len, err);
	if (rc != ADX_OK)
		return rc;
	out_write(seal_out(d->seal), text, len);
	out_write(seal_out(d->seal), "\n", 1);
	yajl_gen_clear(d->record);
	return check_out(d, err);
}

static enum adx_rc
ndjson_section_end(void *ctx, const struct personal_section *section, int64_t records,
		   struct adx_error *err)
{
	struct json_document *d = ctx;

	(void)section;
	(void)err;
	seal_section_end(d->seal, records);
	return ADX_OK;
}

static void
ndjson_end(void *ctx)
{
	(void)ctx;
}

const struct personal_writer *
personal_ndjson_writer(struct seal *seal, void **ctx)
{
	static const struct personal_writer WRITER = { ndjson_begin,  ndjson_section_begin,
						       ndjson_record, ndjson_section_end,
						       ndjson_end,    document_free };

	*ctx = document_new(seal, true);
	return *ctx == NULL ? NULL : &WRITER;
}
