#include "transfer/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/seal_priv.h"

const struct seal_texts SEAL_TEXTS[SEAL_FORMS] = {
	[SEAL_JSON] = { .name = "json",
			.head = "{\n  \"format\": \"adminex-personal-data\"",
			.before = ",\n",
			.manifest = "  \"manifest\": ",
			.digest = ",\n  \"digest\": \"sha256:",
			.signature = "\",\n  \"signature\": \"ed25519:",
			.end = "\"\n}\n" },
	[SEAL_NDJSON] = { .name = "ndjson",
			  .head = "{\"format\":\"adminex-personal-data\"",
			  .before = "",
			  .manifest = "{\"manifest\":",
			  .digest = "}\n{\"digest\":\"sha256:",
			  .signature = "\",\"signature\":\"ed25519:",
			  .end = "\"}\n" },
	[SEAL_XML] = { .name = "xml",
		       .head = "<?xml ",
		       .before = "",
		       .manifest = "<seal xmlns=\"urn:adminex:seal:1\">{\"manifest\":",
		       .digest = ",\"digest\":\"sha256:",
		       .signature = "\",\"signature\":\"ed25519:",
		       .end = "\"}</seal>\n" XML_END },
	[SEAL_ZIP] = { .name = "zip",
		       .head = "PK\003\004",
		       .before = "",
		       .manifest = "",
		       .digest = "adminex-personal-data sha256:",
		       .signature = " ed25519:",
		       .end = "\n" },
};

void
seal_signed_text(const char digest[SHA256_HEX_SIZE], char text[SIGNED_TEXT_SIZE])
{
	snprintf(text, SIGNED_TEXT_SIZE, "adminex-personal-data-1\nsha256:%s\n", digest);
}

void
seal_signer_text(const unsigned char key[SIGNER_KEY_SIZE], char text[SIGNER_SIZE])
{
	strcpy(text, "ed25519:");
	hex_write(key, SIGNER_KEY_SIZE, text + strlen(text));
}

/* ---- watching ---------------------------------------------------------------------------- */

static void
note(struct seal *seal, enum adx_rc rc, const char *what, const char *section)
{
	if (seal->failure.rc != ADX_OK)
		return;
	if (rc == ADX_ENOMEM)
		adx_nomem(&seal->failure);
	else if (section == NULL)
		adx_fail(&seal->failure, rc, "the document %s", what);
	else
		adx_fail(&seal->failure, rc, "section '%.100s' %s", section, what);
}

static struct seal_record *
current(struct seal *seal)
{
	return &seal->records[seal->count - 1];
}

/* So many bytes of the section's first ones do not belong to it: in JSON what precedes '['. */
static size_t
skip(struct seal *seal, const char *data, size_t len)
{
	const char *bracket;

	if (!seal->waits)
		return 0;
	bracket = memchr(data, '[', len);
	seal->waits = bracket == NULL;
	len = bracket == NULL ? len : (size_t)(bracket - data);
	current(seal)->offset = seal->offset + len;
	return len;
}

static void
watch(void *ctx, const char *data, size_t len)
{
	struct seal *seal = ctx;
	size_t skipped;

	sha256_add(&seal->all, data, len);
	if (seal->in_section) {
		skipped = skip(seal, data, len);
		sha256_add(&seal->part, data + skipped, len - skipped);
		current(seal)->bytes += len - skipped;
	} else if (seal->form == SEAL_ZIP) {
		note(seal, ADX_EFAIL, "has bytes outside of its files", NULL);
	}
	seal->offset += len;
}

struct out *
seal_out(struct seal *seal)
{
	return seal->inner == NULL ? seal->out : seal->inner;
}

/* Where the bytes go by that the seal counts: what the caller writes, as it will stand there. */
static struct out *
watched(const struct seal *seal)
{
	return seal->form == SEAL_ZIP ? seal->inner : seal->out;
}

static void
sync_watch(struct seal *seal)
{
	if (seal->form == SEAL_XML)
		out_flush(seal->inner);
	out_tap_sync(watched(seal));
}

/* XML: all goes on to the document but the last bytes, in front of which the seal will stand. */
static int
hold_back(void *ctx, const char *data, size_t len)
{
	struct seal *seal = ctx;
	size_t new = len < XML_END_SIZE ? len : XML_END_SIZE;
	size_t old = XML_END_SIZE - new;

	old = old < seal->held_len ? old : seal->held_len;
	out_write(seal->out, seal->held, seal->held_len - old);
	memmove(seal->held, seal->held + seal->held_len - old, old);
	out_write(seal->out, data, len - new);
	memcpy(seal->held + old, data + len - new, new);
	seal->held_len = old + new;
	return out_error(seal->out);
}

static enum adx_rc
open_inner(struct seal *seal, struct adx_error *err)
{
	if (seal->form == SEAL_ZIP)
		return seal_zip_open(seal, err);
	if (seal->form == SEAL_XML) {
		seal->inner = out_new_sink(hold_back, seal);
		return seal->inner == NULL ? adx_nomem(err) : ADX_OK;
	}
	return ADX_OK;
}

enum adx_rc
seal_open(struct out *out, enum seal_form form, const struct seal_facts *facts,
	  const struct signer *signer, struct seal **seal, struct adx_error *err)
{
	struct seal *s = calloc(1, sizeof(*s));
	enum adx_rc rc;

	*seal = s;
	if (s == NULL)
		return adx_nomem(err);
	*s = (struct seal){ .form = form, .out = out, .facts = facts, .signer = signer };
	sha256_begin(&s->all);
	rc = open_inner(s, err);
	if (rc == ADX_OK) {
		out_tap(watched(s), watch, s);
		return ADX_OK;
	}
	seal_free(s);
	*seal = NULL;
	return rc;
}

/* ---- sections ---------------------------------------------------------------------------- */

static bool
make_room(struct seal *seal)
{
	size_t cap = seal->cap == 0 ? 32 : 2 * seal->cap;
	struct seal_record *more;

	if (seal->count < seal->cap)
		return true;
	more = realloc(seal->records, cap * sizeof(*more));
	if (more == NULL)
		return false;
	seal->records = more;
	seal->cap = cap;
	return true;
}

/* NULL stays NULL. */
static bool
keep(struct seal *seal, const char **text)
{
	if (*text != NULL)
		*text = arena_strndup(&seal->arena, *text, strlen(*text));
	return *text != NULL;
}

static bool
keep_texts(struct seal *seal, struct seal_section *s)
{
	return keep(seal, &s->name) && (s->file == NULL || keep(seal, &s->file)) &&
	       (s->reason == NULL || keep(seal, &s->reason)) &&
	       (s->legal_basis == NULL || keep(seal, &s->legal_basis)) &&
	       (s->retention == NULL || keep(seal, &s->retention));
}

static bool
is_there(const struct seal *seal, const char *name)
{
	for (size_t i = 0; i < seal->count; i++)
		if (strcmp(seal->records[i].section.name, name) == 0)
			return true;
	return false;
}

/* A new record at the end, or NULL. */
static struct seal_record *
add(struct seal *seal, const struct seal_section *section)
{
	struct seal_record *r;

	if (seal->in_section)
		note(seal, ADX_EFAIL, "begins inside of another", section->name);
	else if (is_there(seal, section->name))
		note(seal, ADX_EFAIL, "is there twice", section->name);
	else if (seal->count == SEAL_SECTIONS_MAX)
		note(seal, ADX_EFAIL, "is one too many", section->name);
	if (seal->failure.rc == ADX_OK && !make_room(seal))
		note(seal, ADX_ENOMEM, NULL, NULL);
	if (seal->failure.rc != ADX_OK)
		return NULL;
	r = &seal->records[seal->count];
	*r = (struct seal_record){ .section = *section };
	if (!keep_texts(seal, &r->section)) {
		note(seal, ADX_ENOMEM, NULL, NULL);
		return NULL;
	}
	seal->count++;
	return r;
}

void
seal_section_begin(struct seal *seal, const struct seal_section *section)
{
	struct seal_record *r;

	sync_watch(seal);
	r = add(seal, section);
	if (r == NULL)
		return;
	r->offset = seal->offset;
	seal->in_section = true;
	seal->waits = seal->form == SEAL_JSON;
	sha256_begin(&seal->part);
}

static void
finish(struct seal *seal, struct seal_record *r)
{
	if (seal->waits)
		note(seal, ADX_EFAIL, "has no array", r->section.name);
	if (!sha256_end(&seal->part, r->sha256))
		note(seal, ADX_EFAIL, "could not be digested", r->section.name);
	if (seal->form == SEAL_ZIP && r->section.file == NULL &&
	    (r->bytes > 0 || r->state == STATE_PRESENT))
		note(seal, ADX_EFAIL, "has no file", r->section.name);
}

void
seal_section_end(struct seal *seal, int64_t rows)
{
	sync_watch(seal);
	/* After a failure nothing began. */
	if (!seal->in_section)
		return;
	seal->in_section = false;
	current(seal)->rows = rows;
	current(seal)->state = rows > 0 ? STATE_PRESENT : STATE_EMPTY;
	finish(seal, current(seal));
}

void
seal_section_unavailable(struct seal *seal, const struct seal_section *section)
{
	struct seal_record *r = add(seal, section);

	if (section->reason == NULL)
		note(seal, ADX_EFAIL, "is unavailable without a reason", section->name);
	if (r != NULL)
		r->state = STATE_UNAVAILABLE;
}

/* ---- the end ----------------------------------------------------------------------------- */

static enum adx_rc
check_output(const struct out *out, struct adx_error *err)
{
	if (out_error(out) == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, out_error(out), "cannot write the document");
}

static enum adx_rc
check_all(struct seal *seal, struct adx_error *err)
{
	if (seal->in_section)
		note(seal, ADX_EFAIL, "has no end", current(seal)->section.name);
	if (seal->form == SEAL_XML &&
	    (seal->held_len != XML_END_SIZE || memcmp(seal->held, XML_END, XML_END_SIZE) != 0))
		note(seal, ADX_EFAIL, "does not end as XEP-0227 does", NULL);
	if (seal->failure.rc == ADX_OK || out_error(seal_out(seal)) != 0)
		return check_output(seal_out(seal), err);
	*err = seal->failure;
	return err->rc;
}

/* All that precedes the digits, which then are those of `all`. */
static enum adx_rc
write_manifest(struct seal *seal, struct adx_error *err)
{
	struct buf manifest = BUF_INIT;
	enum adx_rc rc = seal_manifest(seal, &manifest, err);

	if (rc == ADX_OK && seal->form == SEAL_ZIP) {
		rc = seal_zip_pack(seal, &manifest, err);
	} else if (rc == ADX_OK) {
		out_write(seal->out, manifest.data, manifest.len);
		out_text(seal->out, SEAL_TEXTS[seal->form].digest);
	}
	out_tap_sync(seal->out);
	out_tap(seal->out, NULL, NULL);
	buf_free(&manifest);
	return rc == ADX_OK ? check_output(seal->out, err) : rc;
}

static enum adx_rc
write_signature(struct seal *seal, const char digest[SHA256_HEX_SIZE], struct adx_error *err)
{
	char text[SIGNED_TEXT_SIZE], key[KEY_DIGITS + 1], hex[SIGNATURE_DIGITS + 1];
	unsigned char signature[SIGNER_SIGNATURE_SIZE];
	enum adx_rc rc;

	if (seal->signer == NULL)
		return ADX_OK;
	seal_signed_text(digest, text);
	rc = signer_sign(seal->signer, text, strlen(text), signature, err);
	if (rc != ADX_OK)
		return rc;
	hex_write(signer_public(seal->signer), SIGNER_KEY_SIZE, key);
	hex_write(signature, SIGNER_SIGNATURE_SIZE, hex);
	out_text(seal->out, SEAL_TEXTS[seal->form].signature);
	out_text(seal->out, key);
	out_text(seal->out, ":");
	out_text(seal->out, hex);
	return ADX_OK;
}

static enum adx_rc
write_tail(struct seal *seal, char digest[SEAL_DIGEST_SIZE], struct adx_error *err)
{
	char hex[SHA256_HEX_SIZE];
	enum adx_rc rc;

	if (!sha256_end(&seal->all, hex))
		return adx_fail(err, ADX_EFAIL, "the document could not be digested");
	snprintf(digest, SEAL_DIGEST_SIZE, "sha256:%s", hex);
	out_text(seal->out, hex);
	rc = write_signature(seal, hex, err);
	if (rc != ADX_OK)
		return rc;
	out_text(seal->out, SEAL_TEXTS[seal->form].end);
	out_flush(seal->out);
	return check_output(seal->out, err);
}

enum adx_rc
seal_close(struct seal *seal, char digest[SEAL_DIGEST_SIZE], struct adx_error *err)
{
	enum adx_rc rc;

	sync_watch(seal);
	rc = check_all(seal, err);
	if (rc == ADX_OK)
		rc = write_manifest(seal, err);
	if (rc == ADX_OK)
		rc = write_tail(seal, digest, err);
	return rc;
}

void
seal_free(struct seal *seal)
{
	if (seal == NULL)
		return;
	if (watched(seal) != NULL)
		out_tap(watched(seal), NULL, NULL);
	out_free(seal->inner);
	if (seal->spool != NULL)
		fclose(seal->spool);
	sha256_free(&seal->all);
	sha256_free(&seal->part);
	arena_free(&seal->arena);
	free(seal->records);
	free(seal);
}
