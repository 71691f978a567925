/* Which sections a document has, as the registry and the live catalogue say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "submod/personal.h"

enum { SECTIONS_MAX = SEAL_SECTIONS_MAX };

static const char *const SCOPES[] = { "access", "portability" };

static const char *
form_name(enum personal_form form)
{
	return form == PERSONAL_ZIP ? "csv" : "json";
}

static void
contents_free(void *about)
{
	struct personal_contents *c = about;

	if (c == NULL)
		return;
	arena_free(&c->arena);
	free(c->sections);
	free(c);
}

static const char *
keep(struct personal_contents *c, const struct rows *rows, const char *column)
{
	const char *text = rows_get(rows, column);

	return text == NULL ? NULL : arena_strndup(&c->arena, text, strlen(text));
}

static int
kind_of(const char *word)
{
	static const char *const KINDS[] = { "text", "number", "boolean", "json" };

	for (int i = 0; i < 4; i++)
		if (strcmp(KINDS[i], word) == 0)
			return i;
	return FIELD_TEXT;
}

static enum adx_rc
read_fields(struct personal_contents *c, const struct rows *rows, struct personal_section *s,
	    struct adx_error *err)
{
	struct strvec names = STRVEC_INIT, kinds = STRVEC_INIT;
	struct personal_field *fields = NULL;
	enum adx_rc rc = ADX_OK;

	array_read(rows_get(rows, "fields"), &names);
	array_read(rows_get(rows, "kinds"), &kinds);
	if (names.count != kinds.count || names.count > PERSONAL_FIELDS_MAX)
		rc = adx_fail(err, ADX_EFAIL, "section %s has too many fields", s->name);
	else if (!strvec_ok(&names) || !strvec_ok(&kinds) ||
		 (fields = arena_alloc(&c->arena, (names.count + 1) * sizeof(*fields))) == NULL)
		rc = adx_nomem(err);
	for (size_t i = 0; rc == ADX_OK && i < names.count; i++) {
		fields[i].name = arena_strndup(&c->arena, names.items[i], strlen(names.items[i]));
		fields[i].kind = kind_of(kinds.items[i]);
		if (fields[i].name == NULL)
			rc = adx_nomem(err);
	}
	s->fields = fields;
	s->field_count = names.count;
	strvec_free(&names);
	strvec_free(&kinds);
	return rc;
}

static enum adx_rc
read_section(struct personal_contents *c, const struct rows *rows, struct adx_error *err)
{
	struct personal_section *s = &c->sections[c->count];

	if (c->count == SECTIONS_MAX)
		return adx_fail(err, ADX_EFAIL, "the privacy registry has more than %d sections",
				SECTIONS_MAX);
	*s = (struct personal_section){ .place = rows_get_int64(rows, "place"),
					.name = keep(c, rows, "section"),
					.unavailable = keep(c, rows, "unavailable"),
					.legal_basis = keep(c, rows, "legal_basis"),
					.retention = keep(c, rows, "retention"),
					.file = keep(c, rows, "file_name") };
	if (s->name == NULL || s->file == NULL || s->legal_basis == NULL || s->retention == NULL)
		return adx_nomem(err);
	s->passing = rows_get_bool(rows, "passing");
	c->lasting = c->lasting && !s->passing;
	c->count++;
	return read_fields(c, rows, s, err);
}

static enum adx_rc
read_contents(struct db *db, const struct personal_request *r, struct personal_contents *c,
	      struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_open(db, SQL_PERSONAL_CONTENTS,
				   PARAMS(SCOPES[r->scope], form_name(r->form)), &rows, err);

	if (rc != ADX_OK)
		return rc;
	c->lasting = true;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has && rc == ADX_OK) {
		rc = read_section(c, rows, err);
		if (rc != ADX_OK)
			break;
	}
	rows_close(rows);
	return rc;
}

enum adx_rc
personal_prepare(struct db *db, const char *registry_version, const struct personal_request *r,
		 const struct personal_contents **out, struct adx_error *err)
{
	struct personal_contents *c;
	char label[96];
	enum adx_rc rc;

	snprintf(label, sizeof(label), "personal data %.32s %s %s", registry_version,
		 SCOPES[r->scope], form_name(r->form));
	*out = c = stmt_built(db, label);
	if (c != NULL && c->lasting)
		return ADX_OK;
	c = calloc(1, sizeof(*c));
	if (c != NULL)
		c->sections = calloc(SECTIONS_MAX, sizeof(*c->sections));
	if (c == NULL || c->sections == NULL) {
		contents_free(c);
		return adx_nomem(err);
	}
	rc = read_contents(db, r, c, err);
	if (rc != ADX_OK) {
		contents_free(c);
		return rc;
	}
	*out = c;
	return stmt_build(db, SQL_PERSONAL_QUERY, PARAMS(SCOPES[r->scope], form_name(r->form)),
			  label, c, contents_free, err);
}
