#include "transfer/pie_dialect.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/xml.h"
#include "transfer/pie_priv.h"

enum { ITERATIONS = 4096 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static bool
is_for(const struct pie_dialect *d, enum pie_server server)
{
	return d != NULL && d->server == server;
}

bool
pie_dialect_needs_contacts(const struct pie_dialect *dialect)
{
	return is_for(dialect, PIE_PROSODY);
}

bool
pie_dialect_is_split(const struct pie_dialect *dialect)
{
	return is_for(dialect, PIE_PROSODY);
}

/* ---- what people call them ---------------------------------------------------------------- */

const char *const PIE_SERVERS[] = { [PIE_EJABBERD] = "ejabberd", [PIE_PROSODY] = "prosody", NULL };
const char *const PIE_HASHES[] = { "SHA-1", "SHA-256", "SHA-512", NULL };

static const char *const MECHANISMS[] = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512" };
/* How many hashes, the first ones, a server can be set to. */
static const struct {
	int count;
	const char *text;
} HASHES_OF[] = {
	[PIE_EJABBERD] = { 3, "SHA-1, SHA-256 or SHA-512" },
	[PIE_PROSODY] = { 2, "SHA-1 or SHA-256" },
};

/* The place of the word, or the end of the list. */
static int
place_of(const char *const *words, const char *word)
{
	int i = 0;

	while (words[i] != NULL && strcmp(words[i], word) != 0)
		i++;
	return i;
}

enum adx_rc
pie_dialect_named(const char *server, const char *hash, struct pie_dialect *dialect,
		  struct adx_error *err)
{
	int which = place_of(PIE_SERVERS, server);
	int mechanism = hash == NULL ? 0 : place_of(PIE_HASHES, hash);

	if (PIE_SERVERS[which] == NULL)
		return adx_fail(err, ADX_EINVAL, "'%.40s' is neither ejabberd nor prosody", server);
	if (mechanism >= HASHES_OF[which].count)
		return adx_fail(err, ADX_EINVAL, "%s can be set to %s, not to '%.40s'", server,
				HASHES_OF[which].text, hash);
	*dialect = (struct pie_dialect){ (enum pie_server)which, MECHANISMS[mechanism] };
	return ADX_OK;
}

/* ---- credentials ------------------------------------------------------------------------- */

static bool
is_plain(const struct pie_record *r)
{
	return strcmp(r->u.credential.mechanism, "PLAIN") == 0;
}

static void
use_keys(struct pie_record *r, const char *mechanism, const struct scram *keys)
{
	r->u.credential.mechanism = mechanism;
	r->u.credential.iterations = ITERATIONS;
	r->u.credential.salt = (struct pie_bytes){ keys->salt, SCRAM_SALT_SIZE };
	r->u.credential.stored_key = (struct pie_bytes){ keys->stored_key, keys->key_len };
	r->u.credential.server_key = (struct pie_bytes){ keys->server_key, keys->key_len };
}

/* Keys by chance: nobody can find a password for them. */
static enum adx_rc
lock(const struct pie_dialect *d, struct pie_record *r, struct pie_made *made,
     struct adx_error *err)
{
	if (RAND_bytes((unsigned char *)&made->keys, sizeof(made->keys)) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library has no random bytes");
	made->keys.key_len = scram_key_len(d->mechanism);
	use_keys(r, d->mechanism, &made->keys);
	return ADX_OK;
}

/* What ejabberd's resourceprep refuses, and what it takes for a form of its own. */
static bool
ejabberd_takes_password(const char *password)
{
	char prepared[JID_PART_MAX + 1];
	struct adx_error ignored;

	return strncmp(password, "scram:", strlen("scram:")) != 0 &&
	       jid_prep_resource(password, strlen(password), prepared, &ignored) == ADX_OK &&
	       jid_part_is_stored_string(prepared);
}

static enum adx_rc
hash(const struct pie_dialect *d, struct pie_record *r, struct pie_made *made,
     struct adx_error *err)
{
	const char *password = r->u.credential.plain;
	enum adx_rc rc =
		scram_make(d->mechanism, ITERATIONS, password, strlen(password), &made->keys, err);

	if (rc == ADX_OK)
		use_keys(r, d->mechanism, &made->keys);
	return rc;
}

/* The bytes' base64 takes their place: the writer will make base64 of that. */
static void
encode(struct pie_bytes *bytes, unsigned char text[PIE_BASE64_SIZE])
{
	int len = EVP_EncodeBlock(text, bytes->data, (int)bytes->len);

	*bytes = (struct pie_bytes){ text, (size_t)len };
}

static enum adx_rc
for_ejabberd(const struct pie_dialect *d, struct pie_record *r, struct pie_made *made,
	     struct adx_error *err)
{
	if (is_plain(r)) {
		enum adx_rc rc;

		if (ejabberd_takes_password(r->u.credential.plain))
			return ADX_OK;
		rc = hash(d, r, made, err);
		if (rc != ADX_OK)
			return rc;
	}
	encode(&r->u.credential.salt, made->salt);
	encode(&r->u.credential.stored_key, made->stored_key);
	encode(&r->u.credential.server_key, made->server_key);
	return ADX_OK;
}

static enum adx_rc
for_prosody(const struct pie_dialect *d, const struct pie_record *r, struct adx_error *err)
{
	if (is_plain(r) || strcmp(r->u.credential.mechanism, d->mechanism) == 0)
		return ADX_OK;
	return adx_fail(err, ADX_EINVAL, "its password is kept as %s", r->u.credential.mechanism);
}

static enum adx_rc
credential(const struct pie_dialect *d, struct pie_record *r, struct pie_made *made,
	   struct adx_error *err)
{
	if (r->u.credential.mechanism == NULL) {
		enum adx_rc rc = lock(d, r, made, err);

		if (rc != ADX_OK)
			return rc;
	}
	return d->server == PIE_EJABBERD ? for_ejabberd(d, r, made, err) : for_prosody(d, r, err);
}

/* ---- names ------------------------------------------------------------------------------- */

static bool
is_of_unicode_3_2(const struct jid *jid)
{
	return jid_part_is_stored_string(jid->local) && jid_part_is_stored_string(jid->domain) &&
	       jid_part_is_stored_string(jid->resource);
}

static enum adx_rc
check_jid(const char *text, struct adx_error *err)
{
	struct jid jid;
	enum adx_rc rc = jid_parse(text, strlen(text), &jid, err);

	if (rc != ADX_OK || is_of_unicode_3_2(&jid))
		return rc;
	return adx_fail(err, ADX_EINVAL,
			"ejabberd refuses '%s': it has characters newer than Unicode 3.2", text);
}

static enum adx_rc
check_account(const struct pie_record *r, struct adx_error *err)
{
	if (jid_part_is_stored_string(r->user))
		return ADX_OK;
	return adx_fail(err, ADX_EINVAL,
			"ejabberd refuses names with characters newer than Unicode 3.2");
}

static enum adx_rc
check_names(const struct pie_record *r, struct adx_error *err)
{
	switch (r->kind) {
	case PIE_ACCOUNT: return check_account(r, err);
	case PIE_CONTACT: return check_jid(r->u.contact.jid, err);
	case PIE_REQUEST: return check_jid(r->u.request.jid, err);
	default: return ADX_OK;
	}
}

enum adx_rc
pie_dialect_record(const struct pie_dialect *dialect, struct pie_record *record,
		   struct pie_made *made, struct adx_error *err)
{
	if (dialect == NULL)
		return ADX_OK;
	if (record->kind == PIE_CREDENTIAL)
		return credential(dialect, record, made, err);
	return dialect->server == PIE_EJABBERD ? check_names(record, err) : ADX_OK;
}

/* ---- elements ---------------------------------------------------------------------------- */

static void
remove_remarks(xmlNode *top)
{
	xmlNode *next;

	for (xmlNode *node = top; node != NULL; node = next) {
		next = pie_next_node(top, node, true);
		if (node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE)
			xml_remove(node);
	}
}

/* The text in place without white space, and with as much padding as it takes; or false. */
static bool
mend_base64(struct buf *text)
{
	size_t n = 0, end;

	for (size_t i = 0; i < text->len; i++)
		if (strchr(" \t\r\n", text->data[i]) == NULL)
			text->data[n++] = text->data[i];
	text->data[n] = '\0';
	end = strspn(text->data, LETTERS DIGITS "+/");
	if (end % 4 == 1 || n - end > 2 || strspn(text->data + end, "=") != n - end)
		return false;
	text->data[end] = '\0';
	text->len = end;
	buf_add(text, "==", (4 - end % 4) % 4);
	return true;
}

static enum adx_rc
mend_binval(xmlNode *element, struct buf *text, struct adx_error *err)
{
	if (!pie_text(element, text))
		return adx_nomem(err);
	if (text->len == 0)
		return ADX_OK;
	if (!mend_base64(text))
		return adx_fail(err, ADX_EINVAL, "a picture or sound in it is not base64");
	return buf_ok(text) && xml_set_text(element, buf_text(text)) ? ADX_OK : adx_nomem(err);
}

static enum adx_rc
mend_vcard(xmlNode *top, struct adx_error *err)
{
	static const struct pie_part binval = { NS_VCARD, "BINVAL", NULL };
	struct buf text = BUF_INIT;
	enum adx_rc rc = ADX_OK;

	for (xmlNode *node = top; node != NULL && rc == ADX_OK;
	     node = pie_next_node(top, node, true))
		if (node->type == XML_ELEMENT_NODE && pie_is(node, &binval))
			rc = mend_binval(node, &text, err);
	buf_free(&text);
	return rc;
}

/* language[-Script][-REGION] of RFC 5646; what has more to say is rare, and a hint in any case. */
static bool
is_language(const char *tag)
{
	size_t n = strspn(tag, LETTERS);
	const char *rest = tag + n;

	if (n < 2 || n > 3)
		return false;
	if (rest[0] == '-' && strspn(rest + 1, LETTERS) == 4)
		rest += 5;
	if (rest[0] == '-' && (strspn(rest + 1, LETTERS) == 2 || strspn(rest + 1, DIGITS) == 3))
		rest += rest[1] <= '9' ? 4 : 3;
	return *rest == '\0';
}

static void
check_language(xmlNode *element)
{
	xmlAttr *lang = xmlHasNsProp(element, BAD_CAST "lang", XML_XML_NAMESPACE);

	if (lang == NULL)
		return;
	if (lang->children == NULL || !is_language((const char *)lang->children->content))
		xmlRemoveProp(lang);
}

static void
check_languages(xmlNode *message)
{
	check_language(message);
	for (xmlNode *e = xmlFirstElementChild(message); e != NULL; e = xmlNextElementSibling(e))
		if (strcmp(xml_ns(e), PIE_NS_CLIENT) == 0)
			check_language(e);
}

/* A message without a sender is from the account itself (RFC 6120, 8.1.2.1). */
static enum adx_rc
address(const struct pie_record *r, xmlNode *message, struct adx_error *err)
{
	char own[JID_BARE_MAX + 1];
	const char *from = pie_attr(message, "from", "");
	enum adx_rc rc = ADX_OK;

	snprintf(own, sizeof(own), "%s@%s", r->user, r->host);
	if (from[0] != '\0')
		rc = check_jid(from, err);
	else if (xmlSetProp(message, BAD_CAST "from", BAD_CAST own) == NULL)
		rc = adx_nomem(err);
	if (rc == ADX_OK && xmlSetProp(message, BAD_CAST "to", BAD_CAST own) == NULL)
		rc = adx_nomem(err);
	return rc;
}

/*
 * What is of another namespace they pass over without a word, and a private element without one
 * ends the import of either.
 */
static enum adx_rc
check_namespace(const struct pie_record *r, const xmlNode *top, struct adx_error *err)
{
	static const struct pie_part vcard = { NS_VCARD, "vCard", NULL };
	static const struct pie_part message = { PIE_NS_CLIENT, "message", NULL };

	switch (r->kind) {
	case PIE_VCARD:
		if (pie_is(top, &vcard))
			return ADX_OK;
		return adx_fail(err, ADX_EINVAL, "it is no vCard of the namespace " NS_VCARD);
	case PIE_OFFLINE:
		if (pie_is(top, &message))
			return ADX_OK;
		return adx_fail(err, ADX_EINVAL, "it is no message");
	default:
		if (xml_ns(top)[0] != '\0')
			return ADX_OK;
		return adx_fail(err, ADX_EINVAL, "it has no namespace");
	}
}

static enum adx_rc
element_for_ejabberd(const struct pie_record *r, xmlNode *top, struct adx_error *err)
{
	if (r->kind == PIE_VCARD)
		return mend_vcard(top, err);
	if (r->kind != PIE_OFFLINE)
		return ADX_OK;
	check_languages(top);
	return address(r, top, err);
}

enum adx_rc
pie_dialect_element(const struct pie_dialect *dialect, const struct pie_record *record,
		    xmlNode *top, struct adx_error *err)
{
	enum adx_rc rc;

	if (dialect == NULL)
		return ADX_OK;
	rc = check_namespace(record, top, err);
	if (rc == ADX_OK && dialect->server == PIE_EJABBERD)
		rc = element_for_ejabberd(record, top, err);
	if (dialect->server == PIE_PROSODY)
		remove_remarks(top);
	return rc;
}
