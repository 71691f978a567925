/*
 * XML elements as trees (libxml2), for what clients stored: vCards, private storage, stanzas.
 *
 * Parsing refuses document types (and so every declared entity), processing of XInclude, the
 * network, more than XML_LEVELS_MAX levels, more than XML_TEXT_MAX bytes, names whose prefix is not
 * declared, and more attributes in a tag (256), namespaces in scope (256) or different names
 * (100,000) than anyone needs, because they take quadratic time. Nothing is ever printed; the
 * thread's libxml2 error handler is as before afterwards.
 */
#ifndef ADMINEX_XML_H
#define ADMINEX_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "adminex/error.h"
#include "base/buf.h"
#include "base/xmllib.h"

/* Not 10 MiB: one text node may hold all of it, and libxml2 takes 10,000,000 bytes there. */
enum { XML_TEXT_MAX = 10 * 1000 * 1000, XML_LEVELS_MAX = 256 };

/*
 * Parse exactly one element of UTF-8 (whatever an XML declaration says), with nothing but white
 * space, comments and processing instructions around it. CDATA sections become text. ADX_EINVAL
 * with err->message the parser's reason in a few words on one line, "REASON at line L, column C"
 * (no prefix: callers put the reason into their own texts). The caller frees *out with
 * xmlFreeDoc().
 */
ADX_MUST_CHECK enum adx_rc xml_parse(const char *text, size_t len, xmlDocPtr *out,
				     struct adx_error *err);

/*
 * Append the element as XMPP servers print it: attributes in single quotes, namespace declarations
 * it needs (also those inherited from its parents in the document), `<a/>` for an empty element,
 * '&', '<', '>' escaped in text (and quotes in attributes), no XML declaration. What is written
 * parses to the same tree. ADX_EINVAL, with `out` as it was, when that tree would be refused by
 * xml_parse() for its levels or length, or has nodes that xml_parse() never makes.
 */
ADX_MUST_CHECK enum adx_rc xml_write(const xmlNode *element, struct buf *out,
				     struct adx_error *err);

/* First child element of that local name (any namespace when ns is NULL), or NULL. */
xmlNode *xml_child(const xmlNode *parent, const char *name, const char *ns);
/* The next sibling element of that local name, or NULL. */
xmlNode *xml_next(const xmlNode *element, const char *name, const char *ns);
/* The namespace an element is in, "" when in none. */
const char *xml_ns(const xmlNode *element);

/* Append an empty element in its parent's namespace; NULL when out of memory. */
ADX_MUST_CHECK xmlNode *xml_append(xmlNode *parent, const char *name);
/* Replace all an element holds by this text (as it is, not markup); false when out of memory. */
ADX_MUST_CHECK bool xml_set_text(xmlNode *element, const char *text);
/* Remove from its tree and free. */
void xml_remove(xmlNode *node);

#endif
