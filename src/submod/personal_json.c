/* The document as JSON: one object, or a line for each record. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "submod/personal.h"

struct json_document {
	struct seal *seal;
	yajl_gen gen;
};

static void
print(void *ctx, const char *data, size_t len)
{
	out_write(ctx, data, len);
}

static struct json_document *
document_new(struct seal *seal, bool lines)
{
	struct json_document *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->seal = seal;
	d->gen = yajl_gen_alloc(NULL);
	if (d->gen == NULL) {
		free(d);
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
document_free(void *ctx)
{
	struct json_document *d = ctx;

	yajl_gen_free(d->gen);
	free(d);
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

static enum adx_rc
gen_record(struct json_document *d, const struct personal_section *section,
	   const struct array_item values[], struct adx_error *err)
{
	struct out *out = seal_out(d->seal);

	yajl_gen_map_open(d->gen);
	for (size_t i = 0; i < section->field_count; i++) {
		json_text(d->gen, section->fields[i].name);
		gen_value(d->gen, &section->fields[i], &values[i]);
	}
	yajl_gen_map_close(d->gen);
	if (out_error(out) == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, out_error(out), "cannot write the personal data");
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
	return gen_record(ctx, section, values, err);
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
	enum adx_rc rc;

	yajl_gen_map_open(d->gen);
	json_member(d->gen, "section", section->name);
	json_text(d->gen, "row");
	rc = gen_record(d, section, values, err);
	yajl_gen_map_close(d->gen);
	end_line(d);
	return rc;
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
