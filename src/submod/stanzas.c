#include "submod/stanzas.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/xml.h"

#define X(s) ((const xmlChar *)(s))

/* A stanza begun in the client namespace; NULL when out of memory. */
static xmlDocPtr
begin(const char *name)
{
	xmlDocPtr doc = xmlNewDoc(X("1.0"));
	xmlNodePtr root = doc == NULL ? NULL : xmlNewDocNode(doc, NULL, X(name), NULL);

	if (root == NULL) {
		xmlFreeDoc(doc);
		return NULL;
	}
	xmlDocSetRootElement(doc, root);
	xmlSetNs(root, xmlNewNs(root, X("jabber:client"), NULL));
	return doc;
}

static void
add(xmlDocPtr doc, const char *name, const char *text)
{
	xmlNodePtr root = xmlDocGetRootElement(doc);

	xmlNewTextChild(root, root->ns, X(name), X(text));
}

static void
set(xmlDocPtr doc, const char *name, const char *value)
{
	xmlSetProp(xmlDocGetRootElement(doc), X(name), X(value));
}

static enum adx_rc
end(xmlDocPtr doc, struct buf *out, struct adx_error *err)
{
	enum adx_rc rc = xml_write(xmlDocGetRootElement(doc), out, err);

	xmlFreeDoc(doc);
	return rc;
}

enum adx_rc
stanza_presence(const char *show, const char *status, const char *priority, struct buf *out,
		struct adx_error *err)
{
	xmlDocPtr doc = begin("presence");

	if (doc == NULL)
		return adx_nomem(err);
	if (strcmp(show, "unavailable") == 0)
		set(doc, "type", show);
	else if (strcmp(show, "available") != 0)
		add(doc, "show", show);
	if (status[0] != '\0')
		add(doc, "status", status);
	add(doc, "priority", priority);
	return end(doc, out, err);
}

enum adx_rc
stanza_message(const char *type, const char *from, const char *to, const char *subject,
	       const char *body, struct buf *out, struct adx_error *err)
{
	unsigned char random[8];
	char id[2 * sizeof(random) + 1];
	xmlDocPtr doc;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library gave no random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	doc = begin("message");
	if (doc == NULL)
		return adx_nomem(err);
	set(doc, "type", type);
	set(doc, "from", from);
	set(doc, "to", to);
	set(doc, "id", id);
	if (subject != NULL)
		add(doc, "subject", subject);
	add(doc, "body", body);
	return end(doc, out, err);
}
