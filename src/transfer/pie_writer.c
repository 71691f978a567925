#include "transfer/pie_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "base/xml.h"
#include "transfer/pie_priv.h"

/* A character is at most six bytes when it is escaped. The second is for base64 twice. */
enum {
	TEXT_MAX = PIE_ELEMENT_MAX / 8,
	BASE64_SIZE = (PIE_BASE64_SIZE + 2) / 3 * 4 + 1,
};

struct pie_writer {
	xmlTextWriterPtr xml;
	const struct pie_dialect *dialect;
	bool failed; /* the library ran out of memory */
	bool in_host, in_user;
	bool has_contacts;  /* the user */
	enum pie_kind list; /* the open list of that kind, PIE_KINDS when there is none */
	struct buf clean;   /* scratch: a text without what XML cannot carry */
	struct buf element; /* scratch: a stored element, serialised */
};

/* ---- the document ------------------------------------------------------------------------ */

static int
send(void *out, const char *bytes, int len)
{
	out_write(out, bytes, (size_t)len);
	return len;
}

static void
check(struct pie_writer *w, int written)
{
	w->failed = w->failed || written < 0;
}

/* The text as XML can carry it; lives until the next one. */
static const xmlChar *
clean(struct pie_writer *w, const char *text)
{
	size_t len = strlen(text);
	unsigned cp;

	if (text_is_xml(text, len))
		return BAD_CAST text;
	buf_clear(&w->clean);
	for (size_t i = 0, n; i < len; i += n) {
		n = text_next(text + i, len - i, &cp);
		if (n > 0 && text_is_xml(text + i, n))
			buf_add(&w->clean, text + i, n);
		else
			buf_add_utf8(&w->clean, 0xFFFD);
		n = n == 0 ? 1 : n;
	}
	w->failed = w->failed || !buf_ok(&w->clean);
	return BAD_CAST buf_text(&w->clean);
}

static void
attribute(struct pie_writer *w, const char *name, const char *value)
{
	check(w, xmlTextWriterWriteAttribute(w->xml, BAD_CAST name, clean(w, value)));
}

/* An element on a line of its own: a document of one line would be a trial for many tools. */
static void
start(struct pie_writer *w, const char *name, const char *ns)
{
	check(w, xmlTextWriterWriteRaw(w->xml, BAD_CAST "\n"));
	check(w, xmlTextWriterStartElement(w->xml, BAD_CAST name));
	if (ns != NULL)
		attribute(w, "xmlns", ns);
}

static void
text(struct pie_writer *w, const char *value)
{
	if (value[0] != '\0')
		check(w, xmlTextWriterWriteString(w->xml, clean(w, value)));
}

static void
end(struct pie_writer *w)
{
	check(w, xmlTextWriterEndElement(w->xml));
}

static void
leaf(struct pie_writer *w, const char *name, const char *value)
{
	check(w, xmlTextWriterStartElement(w->xml, BAD_CAST name));
	text(w, value);
	end(w);
}

/* ---- lists ------------------------------------------------------------------------------- */

static void
close_list(struct pie_writer *w)
{
	if (w->list != PIE_KINDS)
		end(w);
	w->list = PIE_KINDS;
}

static void
open_list(struct pie_writer *w, enum pie_kind kind, const char *name, const char *ns)
{
	if (w->list == kind)
		return;
	close_list(w);
	start(w, name, ns);
	w->list = kind;
}

static void
close_user(struct pie_writer *w)
{
	close_list(w);
	if (w->in_user)
		end(w);
	w->in_user = false;
}

static void
close_host(struct pie_writer *w)
{
	close_user(w);
	if (w->in_host)
		end(w);
	w->in_host = false;
}

/* ---- records that are texts -------------------------------------------------------------- */

static enum adx_rc
put_host(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	(void)err;
	close_host(w);
	start(w, "host", NULL);
	attribute(w, "jid", r->host);
	w->in_host = true;
	return ADX_OK;
}

static enum adx_rc
put_account(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	(void)err;
	close_user(w);
	start(w, "user", NULL);
	attribute(w, "name", r->user);
	w->in_user = true;
	w->has_contacts = false;
	return ADX_OK;
}

static void
base64(struct pie_writer *w, const char *name, const struct pie_bytes *bytes)
{
	unsigned char encoded[BASE64_SIZE];

	EVP_EncodeBlock(encoded, bytes->data, (int)bytes->len);
	leaf(w, name, (const char *)encoded);
	OPENSSL_cleanse(encoded, sizeof(encoded));
}

/* A password with another character in it would be another password. */
static enum adx_rc
put_plain(struct pie_writer *w, const char *password, struct adx_error *err)
{
	size_t len = strlen(password);

	if (len > TEXT_MAX)
		return pie_too_long(err);
	if (!text_is_xml(password, len))
		return adx_fail(err, ADX_EINVAL, "it has a character that XML cannot carry");
	attribute(w, "password", password);
	return ADX_OK;
}

static enum adx_rc
put_credential(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	char iterations[16];

	if (strcmp(r->u.credential.mechanism, "PLAIN") == 0)
		return put_plain(w, r->u.credential.plain, err);
	snprintf(iterations, sizeof(iterations), "%d", r->u.credential.iterations);
	start(w, "scram-credentials", PIE_NS_SCRAM);
	attribute(w, "mechanism", r->u.credential.mechanism);
	leaf(w, "iter-count", iterations);
	base64(w, "salt", &r->u.credential.salt);
	base64(w, "server-key", &r->u.credential.server_key);
	base64(w, "stored-key", &r->u.credential.stored_key);
	end(w);
	return ADX_OK;
}

static const char *
subscription_word(char letter)
{
	switch (letter) {
	case 'T': return "to";
	case 'F': return "from";
	case 'B': return "both";
	default: return "none";
	}
}

static enum adx_rc
put_contact(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	size_t len = strlen(r->u.contact.jid) + strlen(r->u.contact.nick);

	for (size_t i = 0; i < r->u.contact.group_count; i++)
		len += strlen(r->u.contact.groups[i]) + sizeof("<group></group>");
	if (len > TEXT_MAX)
		return pie_too_long(err);
	w->has_contacts = true;
	open_list(w, PIE_CONTACT, "query", NS_ROSTER);
	start(w, "item", NULL);
	attribute(w, "jid", r->u.contact.jid);
	if (r->u.contact.nick[0] != '\0')
		attribute(w, "name", r->u.contact.nick);
	attribute(w, "subscription", subscription_word(r->u.contact.subscription));
	if (r->u.contact.ask == 'O')
		attribute(w, "ask", "subscribe");
	for (size_t i = 0; i < r->u.contact.group_count; i++)
		leaf(w, "group", r->u.contact.groups[i]);
	end(w);
	return ADX_OK;
}

/* Where requests are read beside contacts only, who asks becomes one that is subscribed to nothing.
 */
static enum adx_rc
put_asker(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	struct pie_record asker = { .kind = PIE_CONTACT, .host = r->host, .user = r->user };

	if (w->has_contacts || !pie_dialect_needs_contacts(w->dialect))
		return ADX_OK;
	asker.u.contact.jid = r->u.request.jid;
	asker.u.contact.nick = "";
	asker.u.contact.subscription = 'N';
	asker.u.contact.ask = 'N';
	return put_contact(w, &asker, err);
}

static enum adx_rc
put_request(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	char to[2 * JID_PART_MAX + 2];
	enum adx_rc rc;

	if (strlen(r->u.request.message) > TEXT_MAX)
		return pie_too_long(err);
	rc = put_asker(w, r, err);
	if (rc != ADX_OK)
		return rc;
	snprintf(to, sizeof(to), "%s@%s", r->user, r->host);
	close_list(w);
	start(w, "presence", PIE_NS_CLIENT);
	attribute(w, "from", r->u.request.jid);
	attribute(w, "to", to);
	attribute(w, "type", "subscribe");
	if (r->u.request.message[0] != '\0')
		leaf(w, "status", r->u.request.message);
	end(w);
	return ADX_OK;
}

static enum adx_rc
put_last(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	char seconds[24], at[STAMP_SIZE];

	if (strlen(r->u.last.status) > TEXT_MAX)
		return pie_too_long(err);
	snprintf(seconds, sizeof(seconds), "%" PRId64, r->u.last.seconds_ago);
	close_list(w);
	start(w, "query", NS_LAST);
	attribute(w, "seconds", seconds);
	/* Seconds are counted from a moment that the document does not have. */
	if (stamp_of_xmpp(r->u.last.at, at)) {
		stamp_shorten(at);
		attribute(w, "xmlns:account", NS_ACCOUNT);
		attribute(w, "account:at", at);
	}
	text(w, r->u.last.status);
	end(w);
	return ADX_OK;
}

static enum adx_rc
put_ban(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	char at[STAMP_SIZE];

	if (strlen(r->u.ban.reason) + strlen(r->u.ban.by) > TEXT_MAX)
		return pie_too_long(err);
	close_list(w);
	start(w, "ban", NS_ACCOUNT);
	if (stamp_of_xmpp(r->u.ban.at, at)) {
		stamp_shorten(at);
		attribute(w, "at", at);
	}
	if (r->u.ban.by[0] != '\0')
		attribute(w, "by", r->u.ban.by);
	text(w, r->u.ban.reason);
	end(w);
	return ADX_OK;
}

static enum adx_rc
put_created(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	char at[STAMP_SIZE];

	(void)err;
	if (!stamp_of_xmpp(r->u.created.at, at))
		return ADX_OK;
	stamp_shorten(at);
	close_list(w);
	start(w, "account", NS_ACCOUNT);
	attribute(w, "created", at);
	end(w);
	return ADX_OK;
}

/* ---- records that are elements ----------------------------------------------------------- */

static void
put_raw(struct pie_writer *w)
{
	check(w, xmlTextWriterWriteRaw(w->xml, BAD_CAST "\n"));
	check(w, xmlTextWriterWriteRawLen(w->xml, BAD_CAST buf_text(&w->element),
					  (int)w->element.len));
}

static enum adx_rc
put_vcard(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	enum adx_rc rc = pie_element(w->dialect, r, &w->element, err);

	if (rc != ADX_OK)
		return rc;
	close_list(w);
	put_raw(w);
	return ADX_OK;
}

static enum adx_rc
put_private(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	enum adx_rc rc = pie_element(w->dialect, r, &w->element, err);

	if (rc != ADX_OK)
		return rc;
	open_list(w, PIE_PRIVATE, "query", NS_PRIVATE);
	put_raw(w);
	return ADX_OK;
}

static enum adx_rc
put_offline(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	enum adx_rc rc = pie_element(w->dialect, r, &w->element, err);

	if (rc != ADX_OK)
		return rc;
	open_list(w, PIE_OFFLINE, "offline-messages", NULL);
	put_raw(w);
	return ADX_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

static void
begin(struct pie_writer *w)
{
	check(w, xmlTextWriterStartDocument(w->xml, "1.0", "UTF-8", NULL));
	check(w, xmlTextWriterStartElement(w->xml, BAD_CAST "server-data"));
	attribute(w, "xmlns", PIE_NS);
}

struct pie_writer *
pie_writer_new(struct out *out, const struct pie_dialect *dialect)
{
	struct pie_writer *w = calloc(1, sizeof(*w));
	xmlOutputBufferPtr to = xmlOutputBufferCreateIO(send, NULL, out, NULL);

	if (w != NULL && to != NULL)
		w->xml = xmlNewTextWriter(to);
	if (w == NULL || w->xml == NULL) {
		if (to != NULL)
			xmlOutputBufferClose(to);
		free(w);
		return NULL;
	}
	w->dialect = dialect;
	w->list = PIE_KINDS;
	begin(w);
	return w;
}

enum adx_rc
pie_writer_add(struct pie_writer *w, const struct pie_record *record, struct adx_error *err)
{
	static enum adx_rc (*const put[PIE_KINDS])(struct pie_writer *, const struct pie_record *,
						   struct adx_error *) = {
		[PIE_HOST] = put_host,
		[PIE_ACCOUNT] = put_account,
		[PIE_CREDENTIAL] = put_credential,
		[PIE_CONTACT] = put_contact,
		[PIE_REQUEST] = put_request,
		[PIE_VCARD] = put_vcard,
		[PIE_PRIVATE] = put_private,
		[PIE_OFFLINE] = put_offline,
		[PIE_LAST] = put_last,
		[PIE_BAN] = put_ban,
		[PIE_CREATED] = put_created,
	};
	struct pie_record fitted = *record;
	struct pie_made made;
	enum adx_rc rc = pie_dialect_record(w->dialect, &fitted, &made, err);

	if (rc == ADX_OK && put[fitted.kind] != NULL)
		rc = put[fitted.kind](w, &fitted, err);
	if (record->kind == PIE_CREDENTIAL)
		OPENSSL_cleanse(&made, sizeof(made));
	return w->failed ? adx_nomem(err) : rc;
}

enum adx_rc
pie_writer_end(struct pie_writer *w, struct adx_error *err)
{
	close_host(w);
	check(w, xmlTextWriterWriteRaw(w->xml, BAD_CAST "\n"));
	check(w, xmlTextWriterEndDocument(w->xml));
	check(w, xmlTextWriterFlush(w->xml));
	return w->failed ? adx_nomem(err) : ADX_OK;
}

void
pie_writer_free(struct pie_writer *w)
{
	if (w == NULL)
		return;
	xmlFreeTextWriter(w->xml);
	buf_wipe(&w->clean);
	buf_free(&w->element);
	free(w);
}
