/* A stored element as it can stand in a document: vCards, private storage, messages. */
#include "transfer/pie_priv.h"

#include <string.h>

#include "base/xml.h"

/*
 * The reader takes an element of at most XML_TEXT_MAX bytes, XML_LEVELS_MAX levels and 256
 * attributes, counted with what stands around it: what comes near is left out, as one element that
 * is refused takes the document along.
 */
enum {
	LEVELS_MAX = XML_LEVELS_MAX - 8,
	ATTRIBUTES_MAX = 250,
};

/* The default namespace that an element itself declares. */
static const xmlNs *
own_default(const xmlNode *element)
{
	for (const xmlNs *ns = element->nsDef; ns != NULL; ns = ns->next)
		if (ns->prefix == NULL)
			return ns;
	return NULL;
}

xmlNode *
pie_next_node(const xmlNode *top, xmlNode *node, bool inside)
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

	for (xmlNode *node = top; node != NULL; node = pie_next_node(top, node, inside)) {
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
	for (xmlNode *node = (xmlNode *)top; node != NULL; node = pie_next_node(top, node, true)) {
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
says(const xmlNode *delay, const char stamp[STAMP_SIZE])
{
	char found[STAMP_SIZE];

	if (delay == NULL || !stamp_of_xmpp(pie_attr(delay, "stamp", ""), found))
		return false;
	stamp_shorten(found);
	return strcmp(found, stamp) == 0;
}

/* Note when a message came, in front of all that others noted, unless it says so already. */
static enum adx_rc
note_delay(xmlNode *message, const struct pie_record *r, struct adx_error *err)
{
	char stamp[STAMP_SIZE];
	xmlNode *delay;
	xmlNs *ns;

	if (!stamp_of_xmpp(r->u.offline.stamp, stamp))
		return ADX_OK;
	stamp_shorten(stamp);
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

static const char *
stored(const struct pie_record *r, size_t *len)
{
	*len = r->kind == PIE_OFFLINE ? r->u.offline.len : r->u.xml.len;
	return r->kind == PIE_OFFLINE ? r->u.offline.xml : r->u.xml.xml;
}

enum adx_rc
pie_element(const struct pie_dialect *dialect, const struct pie_record *r, struct buf *out,
	    struct adx_error *err)
{
	xmlDocPtr doc = NULL;
	xmlNode *top;
	size_t len;
	const char *text = stored(r, &len);
	enum adx_rc rc = xml_parse(text, len, &doc, err);

	if (rc != ADX_OK)
		return rc;
	top = xmlDocGetRootElement(doc);
	rc = settle_namespace(top, err);
	if (rc == ADX_OK)
		rc = pie_dialect_element(dialect, r, top, err);
	if (rc == ADX_OK && r->kind == PIE_OFFLINE)
		rc = note_delay(top, r, err);
	if (rc == ADX_OK)
		rc = check_shape(top, err);
	buf_clear(out);
	if (rc == ADX_OK)
		rc = xml_write(top, out, err);
	xmlFreeDoc(doc);
	return rc == ADX_OK && out->len > PIE_ELEMENT_MAX ? pie_too_long(err) : rc;
}

enum adx_rc
pie_too_long(struct adx_error *err)
{
	return adx_fail(err, ADX_EINVAL, "it is longer than any XMPP server would take");
}
