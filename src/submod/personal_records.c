/* The records of a subject: an array of texts each, with the place of its section; in binary. */
#include <stdlib.h>

#include "submod/personal.h"

struct personal_records {
	const struct personal_contents *contents;
	struct rows *rows;
	const struct personal_section *section; /* of the current record */
	struct array_item values[PERSONAL_FIELDS_MAX];
};

/* Records come in the order of the sections, as they are asked for: nothing is sorted. */
static const struct personal_section *
find_section(const struct personal_records *r, int64_t place)
{
	const struct personal_section *end = r->contents->sections + r->contents->count;
	const struct personal_section *s = r->section == NULL ? r->contents->sections : r->section;

	while (s < end && (s->place != place || s->unavailable != NULL))
		s++;
	return s == end ? NULL : s;
}

static enum adx_rc
take_record(struct personal_records *r, struct adx_error *err)
{
	size_t len, place_len, count;
	const char *place = rows_text(r->rows, 0, &place_len);
	const char *record = rows_text(r->rows, 1, &len);

	r->section = place == NULL || place_len != 4 ? NULL : find_section(r, binary_int4(place));
	if (r->section == NULL)
		return adx_fail(err, ADX_EFAIL, "records of a section come out of their order");
	if (record == NULL || !array_items(record, len, r->values, PERSONAL_FIELDS_MAX, &count))
		return adx_fail(err, ADX_EFAIL, "a record of section %s cannot be read",
				r->section->name);
	if (count != r->section->field_count)
		return adx_fail(err, ADX_EFAIL, "a record of section %s has %zu fields, not %zu",
				r->section->name, count, r->section->field_count);
	return ADX_OK;
}

enum adx_rc
personal_records_next(struct personal_records *r, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_next(r->rows, &has, err);

	if (rc == ADX_OK && has)
		return take_record(r, err);
	r->section = NULL;
	return rc;
}

enum adx_rc
personal_records_open(struct db *db, const struct personal_subject *subject,
		      const struct personal_contents *contents, struct personal_records **out,
		      struct adx_error *err)
{
	struct personal_records *r = calloc(1, sizeof(*r));
	enum adx_rc rc;

	*out = NULL;
	if (r == NULL)
		return adx_nomem(err);
	r->contents = contents;
	rc = stmt_open_built(db, PARAMS(subject->host, subject->username, subject->jid), &r->rows,
			     err);
	if (rc == ADX_OK)
		rc = personal_records_next(r, err);
	if (rc == ADX_OK)
		*out = r;
	else
		personal_records_close(r);
	return rc;
}

const struct personal_section *
personal_records_section(const struct personal_records *r)
{
	return r->section;
}

const struct array_item *
personal_records_values(const struct personal_records *r)
{
	return r->values;
}

void
personal_records_close(struct personal_records *r)
{
	if (r == NULL)
		return;
	rows_close(r->rows);
	free(r);
}
