/* Submod gdpr: the export of personal data, and what the registry of personal data says. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/encrypt.h"
#include "base/newfile.h"
#include "submod/params.h"
#include "submod/personal.h"

static const struct answer NO_SUBJECT = { "error", "Error: \"User does not exist\"" };
static const struct answer NO_DATA = { "user_does_not_exist", "User {user}@{host} does not exist" };
static const struct answer WRITTEN = { "ok", "Personal data of {user}@{host} is in {output}: "
					     "{digest}" };

/* Where a document goes to, and what becomes of it on the way. */
struct delivery {
	const char *path;        /* "-": standard output, or the reply */
	const char *certificate; /* of whom it is encrypted for; NULL: it is not */
	bool known;
	char digest[SEAL_DIGEST_SIZE];
};

/* ---- the document on its way ------------------------------------------------------------- */

static enum adx_rc
write_encrypted(struct call *call, const struct personal_request *r, struct out *out,
		struct delivery *to, struct adx_error *err)
{
	struct encrypt *e;
	enum adx_rc rc = encrypt_open(to->certificate, out, &e, err);

	if (rc != ADX_OK)
		return rc;
	rc = personal_write(call, r, encrypt_out(e), &to->known, to->digest, err);
	if (rc == ADX_OK && to->known)
		rc = encrypt_close(e, err);
	encrypt_free(e);
	return rc;
}

static enum adx_rc
write_out(struct call *call, const struct personal_request *r, struct out *out, struct delivery *to,
	  struct adx_error *err)
{
	if (to->certificate != NULL)
		return write_encrypted(call, r, out, to, err);
	return personal_write(call, r, out, &to->known, to->digest, err);
}

static enum adx_rc
write_file(struct call *call, const struct personal_request *r, struct delivery *to,
	   struct adx_error *err)
{
	struct newfile file;
	struct out *out;
	enum adx_rc rc = newfile_open(&file, to->path, err);

	if (rc != ADX_OK)
		return rc;
	out = out_new(file.fd);
	rc = out == NULL ? adx_nomem(err) : write_out(call, r, out, to, err);
	out_free(out);
	if (rc == ADX_OK && to->known)
		return newfile_commit(&file, err);
	newfile_abort(&file);
	return rc;
}

/* What goes to the caller instead of a reply has nothing behind it. */
static enum adx_rc
write_reply(struct call *call, const struct personal_request *r, struct delivery *to,
	    struct adx_error *err)
{
	enum adx_rc rc;

	if (call->options->replies_only)
		return adx_fail(err, ADX_EINVAL,
				"no file is named, but standard output carries the replies");
	call->writer->whole = true;
	rc = write_out(call, r, call->writer->out, to, err);
	call->writer->whole = to->known;
	return rc;
}

static enum adx_rc
deliver(struct call *call, const struct personal_request *r, struct delivery *to,
	struct adx_error *err)
{
	if (strcmp(to->path, "-") == 0)
		return write_reply(call, r, to, err);
	return write_file(call, r, to, err);
}

static int
discard(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
	return 0;
}

/* All of it is read and made, and goes nowhere. */
static enum adx_rc
look_only(struct call *call, const struct personal_request *r, struct delivery *to,
	  struct adx_error *err)
{
	struct out *out = out_new_sink(discard, NULL);
	enum adx_rc rc = out == NULL ? adx_nomem(err) : write_out(call, r, out, to, err);

	out_free(out);
	if (rc == ADX_OK && to->known)
		call_remark(call, "dry run: '%s' was not written", to->path);
	return rc;
}

static void
set_subject(struct personal_subject *subject, const char *host, const char *username)
{
	subject->host = host;
	subject->username = username;
	snprintf(subject->jid, sizeof(subject->jid), "%s@%s", username, host);
}

/* ---- retrieve_personal_data -------------------------------------------------------------- */

static bool
is_zip(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcasecmp(path + len - 4, ".zip") == 0;
}

static enum adx_rc
retrieve_personal_data(struct call *call, struct adx_error *err)
{
	struct delivery to = { .path = call_raw(call, "path") };
	struct personal_request r = { .scope = PERSONAL_ACCESS,
				      .form = is_zip(to.path) ? PERSONAL_ZIP : PERSONAL_JSON };
	enum adx_rc rc;

	set_subject(&r.subject, call_jid_part(call, "domain"), call_jid_part(call, "username"));
	rc = call->options->dry_run ? look_only(call, &r, &to, err) : deliver(call, &r, &to, err);
	if (rc != ADX_OK)
		return rc;
	return call_answer(call, to.known ? &ANSWER_OK : &NO_SUBJECT, err, NULL);
}

/* ---- gdpr_export ------------------------------------------------------------------------- */

static const char *const FORMS[] = { "json", "ndjson", "zip", "xep0227", NULL };
static const char *const SCOPES[] = { "access", "portability", NULL };

static int
index_of(const char *const *words, const char *word)
{
	int i = 0;

	while (word != NULL && words[i] != NULL && strcmp(words[i], word) != 0)
		i++;
	return word == NULL || words[i] == NULL ? 0 : i;
}

static enum adx_rc
usage(struct adx_error *err, const char *what)
{
	adx_fail(err, ADX_EUSAGE, "gdpr_export %s", what);
	adx_hint(err, "see 'adminex help gdpr_export'");
	return ADX_EUSAGE;
}

/* The server that the document is for; *named is false where none is named. */
static enum adx_rc
read_dialect(const struct call *call, enum personal_form form, struct pie_dialect *dialect,
	     bool *named, struct adx_error *err)
{
	const char *server = call_raw(call, "for"), *hash = call_raw(call, "scram");
	struct adx_error why;
	char what[sizeof(why.message) + 8];

	*named = server != NULL;
	if (hash != NULL && server == NULL)
		return usage(err, "takes --scram with --for only");
	if (server == NULL)
		return ADX_OK;
	if (form != PERSONAL_XEP0227)
		return usage(err, "takes --for with --as xep0227 only");
	if (pie_dialect_named(server, hash, dialect, &why) == ADX_OK)
		return ADX_OK;
	snprintf(what, sizeof(what), "--for: %s", why.message);
	return usage(err, what);
}

static enum adx_rc
export_signed(struct call *call, struct personal_request *r, struct delivery *to,
	      struct adx_error *err)
{
	const char *key = call_raw(call, "sign");
	struct signer *signer = NULL;
	enum adx_rc rc = key == NULL ? ADX_OK : signer_open(key, &signer, err);

	r->signer = signer;
	if (rc == ADX_OK)
		rc = call->options->dry_run ? look_only(call, r, to, err)
					    : deliver(call, r, to, err);
	signer_free(signer);
	return rc;
}

static enum adx_rc
gdpr_export(struct call *call, struct adx_error *err)
{
	const char *output = call_raw(call, "output");
	struct delivery to = { .path = output == NULL ? "-" : output,
			       .certificate = call_raw(call, "encrypt_to") };
	struct personal_request r = {
		.scope = (enum personal_scope)index_of(SCOPES, call_raw(call, "scope")),
		.form = (enum personal_form)index_of(FORMS, call_raw(call, "as"))
	};
	struct pie_dialect dialect;
	bool named;
	enum adx_rc rc = read_dialect(call, r.form, &dialect, &named, err);

	set_subject(&r.subject, CALL_HOST(call), CALL_USER(call));
	r.dialect = named ? &dialect : NULL;
	if (rc == ADX_OK)
		rc = export_signed(call, &r, &to, err);
	if (rc != ADX_OK)
		return rc;
	if (!to.known)
		return call_answer(call, &NO_DATA, err, NULL);
	return call_answer(call, &WRITTEN, err, "digest", to.digest, NULL);
}

/* A daemon writes no file for a caller: its reply is the document. */
static const char *
document_type(const struct call *call)
{
	static const char *const TYPES[] = { [PERSONAL_JSON] = "application/json",
					     [PERSONAL_NDJSON] = "application/x-ndjson",
					     [PERSONAL_ZIP] = "application/zip",
					     [PERSONAL_XEP0227] = "application/xml" };

	if (call_raw(call, "encrypt_to") != NULL)
		return "application/cms";
	return TYPES[index_of(FORMS, call_raw(call, "as"))];
}

/* ---- the table --------------------------------------------------------------------------- */

const struct command GDPR_COMMANDS[] = {
	{ .name = "retrieve_personal_data",
	  .submod = "gdpr",
	  .summary = "export all personal data of an account to a file",
	  .notes =
		  "JSON; a path ending in .zip gives the archive of CSV files that mongooseimctl "
		  "made, with a manifest; - is standard output. The file has mode 0600 and appears "
		  "whole or not at all. Passwords are never in it. An account is not needed: what "
		  "is left of a JID counts. 'gdpr_export' has more forms, signs and encrypts.",
	  .params = { { .name = "username", .type = PARAM_LOCALPART, .doc = "local part" },
		      { .name = "domain", .type = PARAM_DOMAIN, .doc = "domain" },
		      { .name = "path",
			.type = PARAM_PATH,
			.doc = "file to create, or -",
			.path = PATH_WRITTEN } },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &NO_SUBJECT },
	  .if_bad_jid = &NO_SUBJECT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "domain",
	  .flags = CMD_SNAPSHOT | CMD_STEPS,
	  .example = "orsino.aldobrand example.org -",
	  .run = retrieve_personal_data },
	{ .name = "gdpr_export",
	  .submod = "gdpr",
	  .summary = "export the personal data of an account, sealed, and if wanted signed or "
		     "encrypted",
	  .notes =
		  "What is in it, the registry says ('gdpr_ropa'). --scope access is all (GDPR "
		  "Art. "
		  "15), portability what the subject provided (Art. 20). Each document ends with a "
		  "manifest and a digest, which 'gdpr_verify' checks; the digest is what a request "
		  "is closed with. xep0227 is one account as other XMPP servers import it, with "
		  "what its password is checked against: for it or its new server only. ejabberd "
		  "and "
		  "Prosody take all that they can of it only with --for; what they refuse is left "
		  "out and named. Prosody's file must be called USER@HOST.xml. --sign takes a "
		  "key made by 'openssl genpkey -algorithm ed25519', --encrypt-to a certificate: "
		  "'openssl cms -decrypt -inform DER' reads the result.",
	  .params = { P_ACCOUNT,
		      { .name = "as",
			.type = PARAM_WORD,
			.words = FORMS,
			.doc = "json, ndjson, zip or xep0227",
			.optional = true },
		      { .name = "scope",
			.type = PARAM_WORD,
			.words = SCOPES,
			.doc = "access or portability",
			.optional = true },
		      { .name = "for",
			.type = PARAM_WORD,
			.words = PIE_SERVERS,
			.doc = "with xep0227: the server that will import it",
			.optional = true },
		      { .name = "scram",
			.type = PARAM_WORD,
			.words = PIE_HASHES,
			.doc = "with --for: the hash of passwords it is set to; else SHA-1",
			.optional = true },
		      { .name = "output",
			.type = PARAM_PATH,
			.doc = "file to create; without it standard output",
			.path = PATH_WRITTEN,
			.letter = 'o',
			.optional = true },
		      { .name = "sign",
			.type = PARAM_PATH,
			.doc = "file with a private Ed25519 key (PEM)",
			.path = PATH_OWN,
			.optional = true },
		      { .name = "encrypt_to",
			.type = PARAM_PATH,
			.doc = "file with the recipient's certificate (PEM)",
			.path = PATH_OWN,
			.optional = true } },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &WRITTEN, &NO_DATA },
	  .if_bad_jid = &NO_DATA,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_SNAPSHOT | CMD_STEPS,
	  .example = "orsino.aldobrand example.org --as zip -o data.zip",
	  .media_type = document_type,
	  .run = gdpr_export },
	{ 0 },
};
