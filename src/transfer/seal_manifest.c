/* What a sealed document says about itself: its first members, and its manifest. */
#include <string.h>

#include "adminex/jid.h"
#include "base/json.h"
#include "base/text.h"
#include "transfer/seal_priv.h"

const char *const SEAL_STATES[] = {
	[STATE_PRESENT] = "present",
	[STATE_EMPTY] = "empty",
	[STATE_UNAVAILABLE] = "unavailable",
};

static void
member(yajl_gen g, const char *name, const char *text)
{
	if (text != NULL)
		json_member(g, name, text);
}

static void
gen_subject(yajl_gen g, const struct seal_facts *f)
{
	char jid[JID_BARE_MAX + 1];

	json_text(g, "subject");
	yajl_gen_map_open(g);
	if (f->user != NULL && f->host != NULL) {
		snprintf(jid, sizeof(jid), "%s@%s", f->user, f->host);
		json_member(g, "jid", jid);
		json_member(g, "user", f->user);
	}
	member(g, "host", f->host);
	yajl_gen_map_close(g);
}

static void
gen_facts(yajl_gen g, const struct seal_facts *f)
{
	gen_subject(g, f);
	member(g, "scope", f->scope);
	member(g, "generated_at", f->generated_at);
	if (f->schema_version != NULL) {
		json_text(g, "schema_version");
		yajl_gen_number(g, f->schema_version, strlen(f->schema_version));
	}
	member(g, "registry_version", f->registry_version);
	json_member(g, "program_version", "adminex " ADMINEX_VERSION);
	json_text(g, "snapshot");
	yajl_gen_map_open(g);
	member(g, "id", f->snapshot_id);
	member(g, "at", f->snapshot_at);
	yajl_gen_map_close(g);
}

static void
gen_rules(yajl_gen g, const struct seal_facts *f)
{
	json_text(g, "rules");
	yajl_gen_array_open(g);
	for (const char *const *rule = f->rules; rule != NULL && *rule != NULL; rule++)
		json_text(g, *rule);
	yajl_gen_array_close(g);
}

void
seal_head(const struct seal *seal, yajl_gen g)
{
	json_member(g, "format", "adminex-personal-data");
	json_text(g, "format_version");
	yajl_gen_integer(g, 1);
	gen_facts(g, seal->facts);
	gen_rules(g, seal->facts);
}

/* ---- the manifest ------------------------------------------------------------------------ */

static void
gen_integer(yajl_gen g, const char *name, int64_t value)
{
	json_text(g, name);
	yajl_gen_integer(g, value);
}

static void
gen_section(yajl_gen g, const struct seal *seal, const struct seal_record *r)
{
	yajl_gen_map_open(g);
	json_member(g, "name", r->section.name);
	json_member(g, "state", SEAL_STATES[r->state]);
	member(g, "reason", r->section.reason);
	gen_integer(g, "rows", r->rows);
	if (r->state != STATE_UNAVAILABLE) {
		if (seal->form == SEAL_ZIP)
			member(g, "file", r->section.file);
		else
			gen_integer(g, "offset", (int64_t)r->offset);
		gen_integer(g, "bytes", (int64_t)r->bytes);
		json_member(g, "sha256", r->sha256);
	}
	member(g, "legal_basis", r->section.legal_basis);
	member(g, "retention", r->section.retention);
	yajl_gen_map_close(g);
}

static void
gen_signer(yajl_gen g, const struct signer *signer)
{
	char text[SIGNER_SIZE];

	if (signer == NULL)
		return;
	seal_signer_text(signer_public(signer), text);
	json_member(g, "signer", text);
}

/* Forms without a head have the rules here. */
static void
gen_manifest(yajl_gen g, const struct seal *seal)
{
	yajl_gen_map_open(g);
	json_member(g, "form", SEAL_TEXTS[seal->form].name);
	gen_facts(g, seal->facts);
	if (seal->form == SEAL_XML || seal->form == SEAL_ZIP)
		gen_rules(g, seal->facts);
	gen_signer(g, seal->signer);
	if (seal->form != SEAL_ZIP)
		gen_integer(g, "offset", (int64_t)seal->offset);
	json_text(g, "sections");
	yajl_gen_array_open(g);
	for (size_t i = 0; i < seal->count; i++)
		gen_section(g, seal, &seal->records[i]);
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
}

static void
print(void *ctx, const char *data, size_t len)
{
	buf_add(ctx, data, len);
}

/* As deep as it will stand: in a document it is a member of a map that is not closed here. */
static enum adx_rc
generate(const struct seal *seal, struct buf *text, struct adx_error *err)
{
	bool pretty = seal->form == SEAL_JSON || seal->form == SEAL_ZIP;
	yajl_gen g = yajl_gen_alloc(NULL);

	if (g == NULL)
		return adx_nomem(err);
	yajl_gen_config(g, yajl_gen_print_callback, print, text);
	yajl_gen_config(g, yajl_gen_beautify, pretty);
	yajl_gen_config(g, yajl_gen_indent_string, "  ");
	if (seal->form != SEAL_ZIP) {
		yajl_gen_map_open(g);
		json_text(g, "manifest");
	}
	gen_manifest(g, seal);
	yajl_gen_free(g);
	if (!buf_ok(text))
		return adx_nomem(err);
	if (!text_is_utf8(text->data, text->len))
		return adx_fail(err, ADX_EINVAL, "the manifest is not UTF-8");
	return ADX_OK;
}

/* Markup and what XML cannot carry are in strings of the JSON only, and can be escaped there. */
static void
escape(struct buf *out, const char *text, size_t len)
{
	unsigned cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = text_next(text + i, len - i, &cp);
		if (cp == '<' || cp == '&' || cp == '>' || !text_is_xml(text + i, n))
			buf_addf(out, "\\u%04x", cp);
		else
			buf_add(out, text + i, n);
	}
}

enum adx_rc
seal_manifest(const struct seal *seal, struct buf *out, struct adx_error *err)
{
	const struct seal_texts *t = &SEAL_TEXTS[seal->form];
	struct buf text = BUF_INIT;
	const char *map;
	enum adx_rc rc = generate(seal, &text, err);

	/* In a document, before its '{' stand the brace and the name that `manifest` also has. */
	if (rc == ADX_OK) {
		map = seal->form == SEAL_ZIP ? text.data : strchr(text.data + 1, '{');
		buf_add_text(out, t->before);
		buf_add_text(out, t->manifest);
		if (seal->form == SEAL_XML)
			escape(out, map, text.len - (size_t)(map - text.data));
		else
			buf_add(out, map, text.len - (size_t)(map - text.data));
		rc = buf_ok(out) ? ADX_OK : adx_nomem(err);
	}
	buf_free(&text);
	if (rc == ADX_OK && out->len > MANIFEST_MAX)
		return adx_fail(err, ADX_EFAIL, "the manifest is longer than %d bytes",
				MANIFEST_MAX);
	return rc;
}
