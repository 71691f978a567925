/* Documents as an exporter writes them, in each form, for the tests of their seal. */
#ifndef ADMINEX_TESTS_SEALED_H
#define ADMINEX_TESTS_SEALED_H

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "transfer/pie_writer.h"
#include "transfer/seal.h"

static const char *const SEALED_RULES[] = {
	"Contacts appear with the JID and the name that the subject gave them.",
	"Of other accounts -- whoever they are -- only what they sent is told.",
	NULL,
};

static const struct seal_facts SEALED_FACTS = {
	.user = "romeo",
	.host = "example.org",
	.scope = "access",
	.generated_at = "2026-01-02T03:04:05Z",
	.snapshot_id = "730:735:731,733",
	.snapshot_at = "2026-01-02T03:04:05.678901Z",
	.registry_version = "7",
	.schema_version = "6",
	.rules = SEALED_RULES,
};

/* Legal basis and so on have what each form must escape. */
static const struct seal_section SEALED_ACCOUNT = {
	.name = "account",
	.file = "account.csv",
	.reason = "passwords are withheld: <they> & \"keys\" ]]> are secret",
	.legal_basis = "Art. 6 (1) b",
	.retention = "as long as the account\nexists",
};
static const struct seal_section SEALED_ROSTER = { .name = "roster", .file = "roster.csv" };
static const struct seal_section SEALED_PRIVATE = { .name = "private", .file = "private.csv" };
static const struct seal_section SEALED_ARCHIVE = { .name = "archive",
						    .reason = "this server keeps none" };
static const struct seal_section SEALED_DOCUMENT = { .name = "document", .legal_basis = "Art. 20" };

static void
sealed_print(void *ctx, const char *data, size_t len)
{
	out_write(ctx, data, len);
}

static yajl_gen
sealed_gen(struct out *out, bool pretty)
{
	yajl_gen g = yajl_gen_alloc(NULL);

	yajl_gen_config(g, yajl_gen_print_callback, sealed_print, out);
	yajl_gen_config(g, yajl_gen_beautify, pretty);
	yajl_gen_config(g, yajl_gen_indent_string, "  ");
	return g;
}

static void
sealed_row(yajl_gen g, int n)
{
	char jid[64];

	snprintf(jid, sizeof(jid), "contact%d@example.org", n);
	yajl_gen_map_open(g);
	json_member(g, "jid", jid);
	json_member(g, "name", "[\"manifest\": {}] \n \xe2\x98\x83");
	yajl_gen_map_close(g);
}

static void
sealed_json_section(struct seal *seal, yajl_gen g, const struct seal_section *section, int rows)
{
	json_text(g, section->name);
	seal_section_begin(seal, section);
	yajl_gen_array_open(g);
	for (int i = 0; i < rows; i++)
		sealed_row(g, i);
	yajl_gen_array_close(g);
	seal_section_end(seal, rows);
}

static void
sealed_json(struct seal *seal, int rows)
{
	yajl_gen g = sealed_gen(seal_out(seal), true);

	yajl_gen_map_open(g);
	seal_head(seal, g);
	json_text(g, "data");
	yajl_gen_map_open(g);
	sealed_json_section(seal, g, &SEALED_ACCOUNT, 1);
	sealed_json_section(seal, g, &SEALED_ROSTER, rows);
	sealed_json_section(seal, g, &SEALED_PRIVATE, 0);
	seal_section_unavailable(seal, &SEALED_ARCHIVE);
	yajl_gen_map_close(g);
	yajl_gen_free(g);
}

static void
sealed_ndjson_section(struct seal *seal, yajl_gen g, const struct seal_section *section, int rows)
{
	seal_section_begin(seal, section);
	for (int i = 0; i < rows; i++) {
		yajl_gen_map_open(g);
		json_member(g, "section", section->name);
		json_text(g, "row");
		sealed_row(g, i);
		yajl_gen_map_close(g);
		yajl_gen_reset(g, "\n");
	}
	seal_section_end(seal, rows);
}

static void
sealed_ndjson(struct seal *seal, int rows)
{
	yajl_gen g = sealed_gen(seal_out(seal), false);

	yajl_gen_map_open(g);
	seal_head(seal, g);
	yajl_gen_map_close(g);
	yajl_gen_reset(g, "\n");
	sealed_ndjson_section(seal, g, &SEALED_ACCOUNT, 1);
	sealed_ndjson_section(seal, g, &SEALED_ROSTER, rows);
	sealed_ndjson_section(seal, g, &SEALED_PRIVATE, 0);
	seal_section_unavailable(seal, &SEALED_ARCHIVE);
	yajl_gen_free(g);
}

static enum adx_rc
sealed_contacts(struct pie_writer *w, int rows, struct adx_error *err)
{
	struct pie_record r = { .kind = PIE_HOST, .host = "example.org", .user = "" };
	enum adx_rc rc = pie_writer_add(w, &r, err);
	char jid[64];

	r = (struct pie_record){ .kind = PIE_ACCOUNT, .host = "example.org", .user = "romeo" };
	if (rc == ADX_OK)
		rc = pie_writer_add(w, &r, err);
	for (int i = 0; i < rows && rc == ADX_OK; i++) {
		snprintf(jid, sizeof(jid), "contact%d@example.org", i);
		r.kind = PIE_CONTACT;
		r.u.contact.jid = jid;
		r.u.contact.nick = "-->";
		r.u.contact.subscription = 'B';
		r.u.contact.ask = 'N';
		r.u.contact.groups = NULL;
		r.u.contact.group_count = 0;
		rc = pie_writer_add(w, &r, err);
	}
	return rc == ADX_OK ? pie_writer_end(w, err) : rc;
}

static enum adx_rc
sealed_xml(struct seal *seal, int rows, struct adx_error *err)
{
	struct pie_writer *w = pie_writer_new(seal_out(seal), NULL);
	enum adx_rc rc;

	seal_section_begin(seal, &SEALED_DOCUMENT);
	rc = sealed_contacts(w, rows, err);
	pie_writer_free(w);
	seal_section_end(seal, 1);
	return rc;
}

static void
sealed_file(struct seal *seal, const struct seal_section *section, int rows)
{
	char line[64];

	seal_section_begin(seal, section);
	out_text(seal_out(seal), "jid,name\n");
	for (int i = 0; i < rows; i++) {
		snprintf(line, sizeof(line), "contact%d@example.org,\xe2\x98\x83\n", i);
		out_text(seal_out(seal), line);
	}
	seal_section_end(seal, rows);
}

static void
sealed_zip(struct seal *seal, int rows)
{
	sealed_file(seal, &SEALED_ACCOUNT, 1);
	sealed_file(seal, &SEALED_ROSTER, rows);
	sealed_file(seal, &SEALED_PRIVATE, 0);
	seal_section_unavailable(seal, &SEALED_ARCHIVE);
}

/* A whole document with so many contacts, written to out. */
static enum adx_rc
sealed_write(struct out *out, enum seal_form form, int rows, const struct signer *signer,
	     char digest[SEAL_DIGEST_SIZE], struct adx_error *err)
{
	struct seal *seal;
	enum adx_rc rc = seal_open(out, form, &SEALED_FACTS, signer, &seal, err);

	if (rc != ADX_OK)
		return rc;
	switch (form) {
	case SEAL_JSON: sealed_json(seal, rows); break;
	case SEAL_NDJSON: sealed_ndjson(seal, rows); break;
	case SEAL_XML: rc = sealed_xml(seal, rows, err); break;
	default: sealed_zip(seal, rows); break;
	}
	if (rc == ADX_OK)
		rc = seal_close(seal, digest, err);
	seal_free(seal);
	return rc;
}

#endif
