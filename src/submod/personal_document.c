/* One document: the facts, the sections and their records, the seal. */
#include <stdio.h>
#include <string.h>

#include "submod/personal.h"
#include "transfer/export.h"

/* How the data of others is treated: said in each document, and in docs/PRIVACY.md. */
static const char ON_CONTACTS[] =
	"Contacts, their requests and the senders of waiting messages are given: the subject has "
	"seen them, or they wrote to the subject.";
static const char ON_ROSTERS[] =
	"Of the rosters that have the subject the number is given, not whose they are; where an "
	"operator changed one of them, audit_log names it.";
static const char ON_OPERATORS[] = "Operators are not named.";

static const char *const RULES[] = {
	ON_CONTACTS,  ON_ROSTERS,
	ON_OPERATORS, "Secrets are not given; that they are set, when and how, is.",
	NULL,
};

/* A server takes an account over with what it checks the password against. */
static const char *const PIE_RULES[] = {
	ON_CONTACTS,
	"Who has the subject in a roster is not named.",
	ON_OPERATORS,
	"What the password is checked against is given, for the server that the account moves to.",
	NULL,
};

static const char *const SCOPES[] = { "access", "portability" };

/* The facts, in the snapshot of the records; they live as long as the rows. */
static enum adx_rc
read_facts(struct db *db, const struct personal_request *r, struct rows **rows,
	   struct seal_facts *facts, struct adx_error *err)
{
	enum adx_rc rc = stmt_one(db, SQL_GDPR_FACTS, NO_PARAMS, rows, err);

	if (rc != ADX_OK)
		return rc;
	*facts = (struct seal_facts){ .user = r->subject.username,
				      .host = r->subject.host,
				      .scope = SCOPES[r->scope],
				      .generated_at = rows_get(*rows, "generated_at"),
				      .snapshot_id = rows_get(*rows, "snapshot_id"),
				      .snapshot_at = rows_get(*rows, "snapshot_at"),
				      .registry_version = rows_get(*rows, "registry_version"),
				      .schema_version = rows_get(*rows, "schema_version"),
				      .rules = r->form == PERSONAL_XEP0227 ? PIE_RULES : RULES };
	return ADX_OK;
}

/* ---- sections and records ---------------------------------------------------------------- */

static enum adx_rc
write_section(const struct personal_writer *w, void *ctx, const struct personal_section *section,
	      struct personal_records *records, struct adx_error *err)
{
	int64_t count = 0;
	enum adx_rc rc = w->section_begin(ctx, section, err);

	while (rc == ADX_OK && personal_records_section(records) == section) {
		rc = w->record(ctx, section, personal_records_values(records), err);
		if (rc == ADX_OK)
			rc = personal_records_next(records, err);
		count++;
	}
	return rc == ADX_OK ? w->section_end(ctx, section, count, err) : rc;
}

static void
write_unavailable(struct call *call, struct seal *seal, const struct personal_section *section)
{
	struct seal_section about = { .name = section->name,
				      .file = section->file,
				      .reason = section->unavailable,
				      .legal_basis = section->legal_basis,
				      .retention = section->retention };

	seal_section_unavailable(seal, &about);
	if (section->passing)
		call_remark(call, "section %s is not in the document: %s", section->name,
			    section->unavailable);
}

static enum adx_rc
write_sections(struct call *call, const struct personal_writer *w, void *ctx, struct seal *seal,
	       const struct personal_contents *contents, struct personal_records *records,
	       struct adx_error *err)
{
	enum adx_rc rc = w->begin(ctx, err);

	for (size_t i = 0; i < contents->count && rc == ADX_OK; i++) {
		const struct personal_section *section = &contents->sections[i];

		if (section->unavailable != NULL)
			write_unavailable(call, seal, section);
		else
			rc = write_section(w, ctx, section, records, err);
	}
	if (rc == ADX_OK)
		w->end(ctx);
	return rc;
}

static const struct personal_writer *
choose_writer(const struct call *call, enum personal_form form, struct seal *seal, void **ctx)
{
	switch (form) {
	case PERSONAL_NDJSON: return personal_ndjson_writer(seal, ctx);
	case PERSONAL_ZIP: return personal_csv_writer(seal, call->config->node_name, ctx);
	default: return personal_json_writer(seal, ctx);
	}
}

static enum adx_rc
write_with(struct call *call, const struct personal_request *r, struct seal *seal,
	   const struct personal_contents *contents, struct personal_records *records,
	   struct adx_error *err)
{
	void *ctx;
	const struct personal_writer *w = choose_writer(call, r->form, seal, &ctx);
	enum adx_rc rc;

	if (w == NULL)
		return adx_nomem(err);
	rc = write_sections(call, w, ctx, seal, contents, records, err);
	w->free(ctx);
	return rc;
}

static enum seal_form
seal_form_of(enum personal_form form)
{
	static const enum seal_form FORMS[] = { [PERSONAL_JSON] = SEAL_JSON,
						[PERSONAL_NDJSON] = SEAL_NDJSON,
						[PERSONAL_ZIP] = SEAL_ZIP,
						[PERSONAL_XEP0227] = SEAL_XML };

	return FORMS[form];
}

/* ---- the document ------------------------------------------------------------------------ */

static enum adx_rc
write_sealed(struct call *call, const struct personal_request *r, const struct seal_facts *facts,
	     const struct personal_contents *contents, struct personal_records *records,
	     struct out *out, char digest[SEAL_DIGEST_SIZE], struct adx_error *err)
{
	struct seal *seal;
	enum adx_rc rc = seal_open(out, seal_form_of(r->form), facts, r->signer, &seal, err);

	if (rc != ADX_OK)
		return rc;
	rc = write_with(call, r, seal, contents, records, err);
	if (rc == ADX_OK)
		rc = seal_close(seal, digest, err);
	seal_free(seal);
	return rc;
}

static enum adx_rc
write_records(struct call *call, const struct personal_request *r, const struct seal_facts *facts,
	      struct out *out, bool *known, char digest[SEAL_DIGEST_SIZE], struct adx_error *err)
{
	const struct personal_contents *contents;
	struct personal_records *records;
	enum adx_rc rc = personal_prepare(call->db, facts->registry_version, r, &contents, err);

	if (rc == ADX_OK)
		rc = personal_records_open(call->db, &r->subject, contents, &records, err);
	if (rc != ADX_OK) {
		/* A table that was changed since: what fits it is made the next time. */
		stmt_unbuild(call->db);
		return rc;
	}
	*known = personal_records_section(records) != NULL;
	if (*known)
		rc = write_sealed(call, r, facts, contents, records, out, digest, err);
	personal_records_close(records);
	return rc;
}

/* ---- XEP-0227 ---------------------------------------------------------------------------- */

static void
on_remark(void *ctx, const char *text)
{
	call_remark(ctx, "%s", text);
}

static void
on_progress(void *ctx, int64_t accounts, int64_t accounts_all)
{
	(void)ctx;
	(void)accounts;
	(void)accounts_all;
}

/* What was left out was said as a remark. Without the account there is nothing to hand over. */
static enum adx_rc
check_account(const struct export_report *report, const struct pie_dialect *dialect,
	      struct adx_error *err)
{
	if (report->left_out[PIE_ACCOUNT] == 0)
		return ADX_OK;
	adx_fail(err, ADX_EFAIL, "%s does not take this account", PIE_SERVERS[dialect->server]);
	adx_hint(err, "'--as xep0227' without '--for' writes it for other servers");
	return ADX_EFAIL;
}

static enum adx_rc
write_pie_section(struct call *call, struct seal *seal, const struct export_options *options,
		  struct adx_error *err)
{
	struct seal_section section = { .name = "xep0227", .file = "xep0227.xml" };
	struct export_report report;
	char reason[80];
	enum adx_rc rc;

	if (options->dialect != NULL) {
		snprintf(reason, sizeof(reason), "written for %s: what it refuses is left out",
			 PIE_SERVERS[options->dialect->server]);
		section.reason = reason;
	}
	seal_section_begin(seal, &section);
	rc = export_in_snapshot(call->db, seal_out(seal), options, &report, err);
	seal_section_end(seal, 1);
	return rc == ADX_OK ? check_account(&report, options->dialect, err) : rc;
}

/* One section: the document that other servers import, credentials included. */
static enum adx_rc
write_pie(struct call *call, const struct personal_request *r, const struct seal_facts *facts,
	  struct out *out, bool *known, char digest[SEAL_DIGEST_SIZE], struct adx_error *err)
{
	struct export_options options = { .host = r->subject.host,
					  .user = r->subject.username,
					  .hides_operators = true,
					  .provided_only = r->scope == PERSONAL_PORTABILITY,
					  .dialect = r->dialect,
					  .remark = on_remark,
					  .progress = on_progress,
					  .ctx = call };
	struct seal *seal;
	enum adx_rc rc = export_exists(call->db, &options, known, err);

	if (rc != ADX_OK || !*known)
		return rc;
	rc = seal_open(out, SEAL_XML, facts, r->signer, &seal, err);
	if (rc != ADX_OK)
		return rc;
	rc = write_pie_section(call, seal, &options, err);
	if (rc == ADX_OK)
		rc = seal_close(seal, digest, err);
	seal_free(seal);
	return rc;
}

enum adx_rc
personal_write(struct call *call, const struct personal_request *r, struct out *out, bool *known,
	       char digest[SEAL_DIGEST_SIZE], struct adx_error *err)
{
	struct seal_facts facts;
	struct rows *rows;
	enum adx_rc rc = read_facts(call->db, r, &rows, &facts, err);

	*known = false;
	if (rc != ADX_OK)
		return rc;
	rc = r->form == PERSONAL_XEP0227 ? write_pie(call, r, &facts, out, known, digest, err)
					 : write_records(call, r, &facts, out, known, digest, err);
	rows_close(rows);
	return rc;
}
