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

/*
 * The reader takes an element of at most XML_TEXT_MAX bytes, XML_LEVELS_MAX levels and 256
 * attributes, counted with what stands around it: what comes near is left out, as one element that
 * is refused takes the document along. A character is at most six bytes when it is escaped.
 */
enum {
	ELEMENT_MAX = XML_TEXT_MAX - 64 * 1024,
	LEVELS_MAX = XML_LEVELS_MAX - 8,
	ATTRIBUTES_MAX = 250,
	TEXT_MAX = ELEMENT_MAX / 8,
	BASE64_SIZE = (1024 + 2) / 3 * 4 + 1,
};

struct pie_writer {
	xmlTextWriterPtr xml;
	bool failed; /* the library ran out of memory */
	bool in_host, in_user;
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

/* Without the zeros that end a fraction. */
static void
shorten_stamp(char stamp[PIE_STAMP_SIZE])
{
	char *point = strchr(stamp, '.');
	char *last = stamp + strlen(stamp) - 1; /* the 'Z' */

	if (point == NULL)
		return;
	while (last[-1] == '0')
		last--;
	if (last[-1] == '.')
		last--;
	memcpy(last, "Z", 2);
}

/* ---- records that are texts -------------------------------------------------------------- */

static enum adx_rc
too_long(struct adx_error *err)
{
	return adx_fail(err, ADX_EINVAL, "it is longer than any XMPP server would take");
}

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
		return too_long(err);
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
		return too_long(err);
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

static enum adx_rc
put_request(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	char to[2 * JID_PART_MAX + 2];

	if (strlen(r->u.request.message) > TEXT_MAX)
		return too_long(err);
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
	char seconds[24], at[PIE_STAMP_SIZE];

	if (strlen(r->u.last.status) > TEXT_MAX)
		return too_long(err);
	snprintf(seconds, sizeof(seconds), "%" PRId64, r->u.last.seconds_ago);
	close_list(w);
	start(w, "query", NS_LAST);
	attribute(w, "seconds", seconds);
	/* Seconds are counted from a moment that the document does not have. */
	if (pie_stamp(r->u.last.at, at)) {
		shorten_stamp(at);
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
	char at[PIE_STAMP_SIZE];

	if (strlen(r->u.ban.reason) + strlen(r->u.ban.by) > TEXT_MAX)
		return too_long(err);
	close_list(w);
	start(w, "ban", NS_ACCOUNT);
	if (pie_stamp(r->u.ban.at, at)) {
		shorten_stamp(at);
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
	char at[PIE_STAMP_SIZE];

	(void)err;
	if (!pie_stamp(r->u.created.at, at))
		return ADX_OK;
	shorten_stamp(at);
	close_list(w);
	start(w, "account", NS_ACCOUNT);
	attribute(w, "created", at);
	end(w);
	return ADX_OK;
}

/* ---- records that are elements ----------------------------------------------------------- */

/* The default namespace that an element itself declares. */
static const xmlNs *
own_default(const xmlNode *element)
{
	for (const xmlNs *ns = element->nsDef; ns != NULL; ns = ns->next)
		if (ns->prefix == NULL)
			return ns;
	return NULL;
}

/*
 * The next node of the tree below `top` in document order, NULL at its end. With `inside` false
 * what is below the node itself is passed over.
 */
static xmlNode *
next_node(const xmlNode *top, xmlNode *node, bool inside)
{
	if (inside && node->type == XML_ELEMENT_NODE && node->children != NULL)
		return node->children;
	while (node != top && node->next == NULL)
		node = node->parent;
	return node == top ? NULL : node->next;
}

/*
 * The elements that stand in no namespace because nothing says otherwise would come into the
 * document's own. Put them into `ns`; returns whether there are any.
 */
static bool
adopt(xmlNode *top, xmlNs *ns)
{
	bool found = false;
	bool inside = true;

	for (xmlNode *node = top; node != NULL; node = next_node(top, node, inside)) {
		inside = node->type == XML_ELEMENT_NODE &&
			 (node == top || own_default(node) == NULL);
		if (!inside || node->ns != NULL)
			continue;
		found = true;
		node->ns = ns;
	}
	return found;
}

static bool
is_stanza(const xmlNode *element)
{
	static const char *const names[] = { "message", "presence", "iq" };

	for (size_t i = 0; element->ns == NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp((const char *)element->name, names[i]) == 0)
			return true;
	return false;
}

/* A stanza in no namespace is one as servers print it, anything else stays in none. */
static enum adx_rc
settle_namespace(xmlNode *top, struct adx_error *err)
{
	bool stanza = is_stanza(top);
	xmlNs *ns;

	if (own_default(top) != NULL || !adopt(top, NULL))
		return ADX_OK;
	ns = xmlNewNs(top, BAD_CAST(stanza ? PIE_NS_CLIENT : ""), NULL);
	if (ns == NULL)
		return adx_nomem(err);
	if (stanza)
		adopt(top, ns);
	return ADX_OK;
}

static enum adx_rc
check_shape(const xmlNode *top, struct adx_error *err)
{
	unsigned attributes = 0, levels = 0;

	for (const xmlAttr *a = top->properties; a != NULL; a = a->next)
		attributes++;
	for (const xmlNs *ns = top->nsDef; ns != NULL; ns = ns->next)
		attributes++;
	if (attributes > ATTRIBUTES_MAX)
		return adx_fail(err, ADX_EINVAL, "it has more than %d attributes", ATTRIBUTES_MAX);
	for (xmlNode *node = (xmlNode *)top; node != NULL; node = next_node(top, node, true)) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		levels = 0;
		for (const xmlNode *up = node; up != top; up = up->parent)
			levels++;
		if (levels >= LEVELS_MAX)
			return adx_fail(err, ADX_EINVAL, "it has more than %d levels", LEVELS_MAX);
	}
	return ADX_OK;
}

static bool
says(const xmlNode *delay, const char stamp[PIE_STAMP_SIZE])
{
	char found[PIE_STAMP_SIZE];

	if (delay == NULL || !pie_stamp(pie_attr(delay, "stamp", ""), found))
		return false;
	shorten_stamp(found);
	return strcmp(found, stamp) == 0;
}

/* Note when a message came, in front of all that others noted, unless it says so already. */
static enum adx_rc
note_delay(xmlNode *message, const struct pie_record *r, struct adx_error *err)
{
	char stamp[PIE_STAMP_SIZE];
	xmlNode *delay;
	xmlNs *ns;

	if (!pie_stamp(r->u.offline.stamp, stamp))
		return ADX_OK;
	shorten_stamp(stamp);
	if (says(pie_delay(message, r->host), stamp))
		return ADX_OK;
	delay = xmlNewDocNode(message->doc, NULL, BAD_CAST "delay", NULL);
	ns = delay == NULL ? NULL : xmlNewNs(delay, BAD_CAST NS_DELAY, NULL);
	if (ns == NULL || xmlNewProp(delay, BAD_CAST "from", BAD_CAST r->host) == NULL ||
	    xmlNewProp(delay, BAD_CAST "stamp", BAD_CAST stamp) == NULL) {
		xmlFreeNode(delay);
		return adx_nomem(err);
	}
	delay->ns = ns;
	delay->parent = message;
	delay->next = message->children;
	if (delay->next != NULL)
		delay->next->prev = delay;
	else
		message->last = delay;
	message->children = delay;
	return ADX_OK;
}

/* The stored element as it can stand in the document, into w->element. */
static enum adx_rc
prepare_element(struct pie_writer *w, const struct pie_record *r, const char *stored, size_t len,
		struct adx_error *err)
{
	xmlDocPtr doc = NULL;
	xmlNode *top;
	enum adx_rc rc = xml_parse(stored, len, &doc, err);

	if (rc != ADX_OK)
		return rc;
	top = xmlDocGetRootElement(doc);
	rc = settle_namespace(top, err);
	if (rc == ADX_OK && r->kind == PIE_OFFLINE)
		rc = note_delay(top, r, err);
	if (rc == ADX_OK)
		rc = check_shape(top, err);
	buf_clear(&w->element);
	if (rc == ADX_OK)
		rc = xml_write(top, &w->element, err);
	xmlFreeDoc(doc);
	return rc == ADX_OK && w->element.len > ELEMENT_MAX ? too_long(err) : rc;
}

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
	enum adx_rc rc = prepare_element(w, r, r->u.xml.xml, r->u.xml.len, err);

	if (rc != ADX_OK)
		return rc;
	close_list(w);
	put_raw(w);
	return ADX_OK;
}

static enum adx_rc
put_private(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	enum adx_rc rc = prepare_element(w, r, r->u.xml.xml, r->u.xml.len, err);

	if (rc != ADX_OK)
		return rc;
	open_list(w, PIE_PRIVATE, "query", NS_PRIVATE);
	put_raw(w);
	return ADX_OK;
}

static enum adx_rc
put_offline(struct pie_writer *w, const struct pie_record *r, struct adx_error *err)
{
	enum adx_rc rc = prepare_element(w, r, r->u.offline.xml, r->u.offline.len, err);

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
pie_writer_new(struct out *out)
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
	enum adx_rc rc = put[record->kind] == NULL ? ADX_OK : put[record->kind](w, record, err);

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
