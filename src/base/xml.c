#include "base/xml.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/*
 * libxml2 compares each attribute of a tag with all before it, each prefix with all that are in
 * scope, and each name with many others once its hash table is full: without these bounds 1 MB of
 * attributes keeps it busy for minutes.
 */
enum { TAG_ATTRIBUTES_MAX = 256, SCOPE_MAX = 256, NAMES_MAX = 100000, REASON_MAX = 200 };

/* No entity substitution, no external subset, no XInclude, no lifted limits; CDATA becomes text. */
enum { PARSE_OPTIONS = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_IGNORE_ENC };

/* The first thing that went wrong; libxml2 may go on and report what follows from it. */
struct verdict {
	enum adx_rc rc;
	struct adx_error *err;
	xmlParserCtxtPtr parser;
};

/* Before libxml2: bytes and shapes that it must not see. */

static void
find_position(const char *text, size_t offset, unsigned *line, unsigned *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else {
			++*column;
		}
	}
}

static enum adx_rc
fail_at(struct adx_error *err, const char *reason, const char *text, size_t offset)
{
	unsigned line, column;

	find_position(text, offset, &line, &column);
	return adx_fail(err, ADX_EINVAL, "%s at line %u, column %u", reason, line, column);
}

/* libxml2 takes a NUL byte for the end of the text and ignores what follows. */
static enum adx_rc
check_bytes(const char *text, size_t len, struct adx_error *err)
{
	unsigned cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = text_next(text + i, len - i, &cp);
		if (n == 0)
			return fail_at(err, "text is not UTF-8", text, i);
		if (cp == 0)
			return fail_at(err, "NUL byte", text, i);
	}
	return ADX_OK;
}

/*
 * Count quoted values since a '<', as if each began a tag: also in comments and CDATA sections, so
 * that no malformed text hides a tag from us that libxml2 sees. In other text quotes are free.
 */
static enum adx_rc
check_tags(const char *text, size_t len, struct adx_error *err)
{
	size_t tag = 0, values = 0;
	bool inside = false;
	char quote = '\0';

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '<') {
			tag = i;
			values = 0;
			inside = true;
			quote = '\0';
		} else if (!inside) {
			continue;
		} else if (quote != '\0') {
			quote = text[i] == quote ? '\0' : quote;
		} else if (text[i] == '\'' || text[i] == '"') {
			quote = text[i];
			if (++values > TAG_ATTRIBUTES_MAX)
				return fail_at(err, "too many attributes", text, tag);
		} else if (text[i] == '>') {
			inside = false;
		}
	}
	return ADX_OK;
}

/* Parsing. */

/* libxml2's words in ours: one line, lower case, cut at a whole character. */
static void
tidy_reason(char *out, size_t size, const char *message)
{
	size_t used = 0, n;
	unsigned cp;

	for (; *message != '\0'; message += n) {
		n = text_next(message, strnlen(message, 4), &cp);
		if (n == 0 || cp < 0x20 || cp == 0x7F)
			cp = ' ';
		n = n == 0 ? 1 : n;
		if (used + n >= size)
			break;
		memcpy(out + used, cp == ' ' ? " " : message, n);
		used += n;
	}
	while (used > 0 && (out[used - 1] == ' ' || out[used - 1] == '.'))
		used--;
	out[used] = '\0';
	if (used > 1 && isupper((unsigned char)out[0]) && !isupper((unsigned char)out[1]))
		out[0] = (char)tolower((unsigned char)out[0]);
}

/* Any string may name a namespace (XMPP's "vcard-temp" does): its form is not an error. */
static bool
is_fatal(const xmlError *e)
{
	if (e->level == XML_ERR_FATAL || e->code == XML_ERR_NO_MEMORY)
		return true;
	return e->domain == XML_FROM_NAMESPACE && e->level == XML_ERR_ERROR &&
	       e->code != XML_WAR_NS_URI;
}

/* The push parser calls an unfinished element "extra content" and words an empty document. */
static const char *
reason_of(const xmlError *e, const struct verdict *verdict)
{
	if (e->code == XML_ERR_DOCUMENT_EMPTY)
		return "no element";
	if (e->code == XML_ERR_DOCUMENT_END && verdict->parser->instate != XML_PARSER_EPILOG)
		return "no complete element";
	return e->message == NULL ? "syntax error" : e->message;
}

/*
 * Within a comment libxml2 reports, and copies what it read, at each "--" that follows the first.
 * xmlStopParser() would free the text that the reporting code may still be reading.
 */
static void
stop_reporting(xmlParserCtxtPtr parser)
{
	parser->instate = XML_PARSER_EOF;
	parser->disableSAX = 1;
}

static void
on_error(void *context, xmlErrorPtr e)
{
	struct verdict *verdict = context;
	char reason[REASON_MAX];

	if (verdict->rc != ADX_OK || !is_fatal(e))
		return;
	if (e->code == XML_ERR_NO_MEMORY) {
		verdict->rc = adx_nomem(verdict->err);
	} else {
		tidy_reason(reason, sizeof(reason), reason_of(e, verdict));
		verdict->rc = adx_fail(verdict->err, ADX_EINVAL, "%s at line %d, column %d", reason,
				       e->line, e->int2);
	}
	stop_reporting(verdict->parser);
}

static void
refuse(xmlParserCtxtPtr parser, const char *reason)
{
	struct verdict *verdict = parser->_private;

	if (verdict->rc == ADX_OK)
		verdict->rc =
			adx_fail(verdict->err, ADX_EINVAL, "%s at line %d, column %d", reason,
				 xmlSAX2GetLineNumber(parser), xmlSAX2GetColumnNumber(parser));
	xmlStopParser(parser);
}

/* Called at the name of a document type, before any declaration in it is read. */
static void
on_doctype(void *parser, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void)name, (void)public_id, (void)system_id;
	refuse(parser, "document types are not allowed");
}

/*
 * Without entity substitution libxml2 keeps each '&' of an attribute as "&#38;", and forgets to
 * undo that where the attribute declares a namespace.
 */
static void
decode_namespace(xmlNs *ns)
{
	char *to = (char *)ns->href;

	for (const char *from = to; to != NULL; from++) {
		*to = *from;
		if (*to++ == '\0')
			break;
		if (strncmp(from, "&#38;", 5) == 0)
			from += 4;
	}
}

static void
on_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
	   int nb_namespaces, const xmlChar **namespaces, int nb_attributes, int nb_defaulted,
	   const xmlChar **attributes)
{
	xmlParserCtxtPtr parser = context;

	if (parser->nodeNr >= XML_LEVELS_MAX)
		refuse(parser, "more than 256 levels");
	else if (parser->nsNr / 2 > SCOPE_MAX)
		refuse(parser, "too many namespaces in scope");
	else if (xmlDictSize(parser->dict) > NAMES_MAX)
		refuse(parser, "too many different names");
	if (parser->disableSAX)
		return;
	xmlSAX2StartElementNs(context, name, prefix, uri, nb_namespaces, namespaces, nb_attributes,
			      nb_defaulted, attributes);
	if (parser->disableSAX || nb_namespaces == 0)
		return;
	for (xmlNs *ns = parser->node->nsDef; ns != NULL; ns = ns->next)
		decode_namespace(ns);
}

/* The push parser, since it stops at the first error: the other one reads on to the end. */
static xmlDocPtr
run_parser(xmlParserCtxtPtr parser, const char *text, size_t len, struct verdict *verdict)
{
	xmlDocPtr doc;

	parser->_private = verdict;
	verdict->parser = parser;
	parser->sax->internalSubset = on_doctype;
	parser->sax->startElementNs = on_element;
	xmlSetStructuredErrorFunc(verdict, on_error);
	if (xmlCtxtUseOptions(parser, PARSE_OPTIONS) != 0 ||
	    xmlSwitchEncoding(parser, XML_CHAR_ENCODING_UTF8) != 0)
		verdict->rc = adx_nomem(verdict->err);
	else
		xmlParseChunk(parser, text, (int)len, 1);
	doc = parser->myDoc;
	if (verdict->rc == ADX_OK && (!parser->wellFormed || xmlDocGetRootElement(doc) == NULL))
		refuse(parser, "no element");
	xmlFreeParserCtxt(parser);
	return doc;
}

static enum adx_rc
parse_text(const char *text, size_t len, xmlDocPtr *out, struct adx_error *err)
{
	struct verdict verdict = { ADX_OK, err, NULL };
	xmlParserCtxtPtr parser;
	xmlDocPtr doc;

	parser = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);
	if (parser == NULL)
		return adx_nomem(err);
	doc = run_parser(parser, text, len, &verdict);
	if (verdict.rc == ADX_OK)
		*out = doc;
	else
		xmlFreeDoc(doc);
	return verdict.rc;
}

/* What libxml2 has to say goes to the handler of the thread, else to standard error. */
struct silence {
	xmlStructuredErrorFunc handler;
	void *context;
};

static void
ignore_error(void *context, xmlErrorPtr e)
{
	(void)context, (void)e;
}

static struct silence
silence_begin(void)
{
	struct silence was = { xmlStructuredError, xmlStructuredErrorContext };

	xmlSetStructuredErrorFunc(NULL, ignore_error);
	return was;
}

static void
silence_end(struct silence was)
{
	xmlSetStructuredErrorFunc(was.context, was.handler);
}

enum adx_rc
xml_parse(const char *text, size_t len, xmlDocPtr *out, struct adx_error *err)
{
	struct silence was;
	enum adx_rc rc;

	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (len > XML_TEXT_MAX)
		return adx_fail(err, ADX_EINVAL, "text is longer than %d bytes", XML_TEXT_MAX);
	rc = check_bytes(text, len, err);
	if (rc == ADX_OK)
		rc = check_tags(text, len, err);
	if (rc != ADX_OK)
		return rc;
	was = silence_begin();
	rc = parse_text(text, len, out, err);
	silence_end(was);
	return rc;
}

/* Writing. */

struct writer {
	struct buf *out;
	size_t start;                 /* length of out before */
	struct buf scope;             /* const xmlNs *: declarations in force, innermost last */
	size_t marks[XML_LEVELS_MAX]; /* length of scope before each open element */
	unsigned depth;
};

static void
put(struct writer *w, const xmlChar *text)
{
	if (text != NULL)
		buf_add_text(w->out, (const char *)text);
}

static void
put_name(struct writer *w, const xmlNs *ns, const xmlChar *name)
{
	if (ns != NULL && ns->prefix != NULL) {
		put(w, ns->prefix);
		buf_add_char(w->out, ':');
	}
	put(w, name);
}

/* `special` lists what must not stand literally: more in attributes, where blanks become spaces. */
static void
put_escaped(struct writer *w, const xmlChar *text, const char *special)
{
	static const char *const entity[128] = {
		['&'] = "&amp;",  ['<'] = "&lt;",  ['>'] = "&gt;",   ['\''] = "&apos;",
		['"'] = "&quot;", ['\t'] = "&#9;", ['\n'] = "&#10;", ['\r'] = "&#13;",
	};
	const char *s = (const char *)text;

	while (s != NULL) {
		size_t plain = strcspn(s, special);

		buf_add(w->out, s, plain);
		if (s[plain] == '\0')
			break;
		buf_add_text(w->out, entity[(unsigned char)s[plain]]);
		s += plain + 1;
	}
}

static void
put_declaration(struct writer *w, const xmlNs *ns)
{
	buf_add_text(w->out, ns->prefix == NULL ? " xmlns" : " xmlns:");
	put(w, ns->prefix);
	buf_add_text(w->out, "='");
	put_escaped(w, ns->href, "&<>'\"\t\n\r");
	buf_add_char(w->out, '\'');
	buf_add(&w->scope, &ns, sizeof(ns));
}

static bool
is_declared(const struct writer *w, const xmlNs *ns)
{
	const xmlNs *const *scope = (const void *)w->scope.data;

	for (size_t i = w->scope.len / sizeof(*scope); i > 0; i--)
		if (xmlStrEqual(scope[i - 1]->prefix, ns->prefix))
			return xmlStrEqual(scope[i - 1]->href, ns->href);
	return xmlStrEqual(ns->prefix, BAD_CAST "xml") ||
	       (ns->prefix == NULL && xmlStrlen(ns->href) == 0);
}

/* A namespace that is used here but was declared by a parent which is not written, or nowhere. */
static void
need_namespace(struct writer *w, const xmlNs *ns)
{
	static const xmlNs none = { .type = XML_NAMESPACE_DECL, .href = BAD_CAST "" };

	if (ns == NULL)
		ns = &none;
	if (!is_declared(w, ns))
		put_declaration(w, ns);
}

static void
put_attribute(struct writer *w, const xmlAttr *attr)
{
	buf_add_char(w->out, ' ');
	put_name(w, attr->ns, attr->name);
	buf_add_text(w->out, "='");
	for (const xmlNode *text = attr->children; text != NULL; text = text->next)
		put_escaped(w, text->content, "&<>'\"\t\n\r");
	buf_add_char(w->out, '\'');
}

static void
put_start(struct writer *w, const xmlNode *element)
{
	size_t mark = w->scope.len;

	buf_add_char(w->out, '<');
	put_name(w, element->ns, element->name);
	for (const xmlNs *ns = element->nsDef; ns != NULL; ns = ns->next)
		put_declaration(w, ns);
	need_namespace(w, element->ns);
	for (const xmlAttr *attr = element->properties; attr != NULL; attr = attr->next)
		if (attr->ns != NULL)
			need_namespace(w, attr->ns);
	for (const xmlAttr *attr = element->properties; attr != NULL; attr = attr->next)
		put_attribute(w, attr);
	if (element->children == NULL) {
		buf_add_text(w->out, "/>");
		w->scope.len = mark;
	} else {
		buf_add_char(w->out, '>');
		w->marks[w->depth++] = mark;
	}
}

static void
put_end(struct writer *w, const xmlNode *element)
{
	buf_add_text(w->out, "</");
	put_name(w, element->ns, element->name);
	buf_add_char(w->out, '>');
	w->scope.len = w->marks[--w->depth];
}

static enum adx_rc
put_node(struct writer *w, const xmlNode *node, struct adx_error *err)
{
	switch (node->type) {
	case XML_ELEMENT_NODE:
		if (w->depth >= XML_LEVELS_MAX)
			return adx_fail(err, ADX_EINVAL, "more than %d levels", XML_LEVELS_MAX);
		put_start(w, node);
		return ADX_OK;
	case XML_TEXT_NODE:
	case XML_CDATA_SECTION_NODE: put_escaped(w, node->content, "&<>\r"); return ADX_OK;
	case XML_COMMENT_NODE:
		buf_add_text(w->out, "<!--");
		put(w, node->content);
		buf_add_text(w->out, "-->");
		return ADX_OK;
	case XML_PI_NODE:
		buf_add_text(w->out, "<?");
		put(w, node->name);
		buf_add_text(w->out, node->content == NULL ? "" : " ");
		put(w, node->content);
		buf_add_text(w->out, "?>");
		return ADX_OK;
	default: return adx_fail(err, ADX_EINVAL, "node of type %d in a tree", (int)node->type);
	}
}

static enum adx_rc
check_length(const struct writer *w, struct adx_error *err)
{
	if (w->out->len - w->start > XML_TEXT_MAX)
		return adx_fail(err, ADX_EINVAL, "element is longer than %d bytes", XML_TEXT_MAX);
	return ADX_OK;
}

/* Without recursion: down to the children, else across, else up to a parent that has a sibling. */
static enum adx_rc
put_tree(struct writer *w, const xmlNode *top, struct adx_error *err)
{
	const xmlNode *node = top;
	enum adx_rc rc;

	for (;;) {
		rc = put_node(w, node, err);
		if (rc == ADX_OK)
			rc = check_length(w, err);
		if (rc != ADX_OK)
			return rc;
		if (node->type == XML_ELEMENT_NODE && node->children != NULL) {
			node = node->children;
			continue;
		}
		while (node != top && node->next == NULL) {
			node = node->parent;
			put_end(w, node);
		}
		if (node == top)
			return check_length(w, err);
		node = node->next;
	}
}

enum adx_rc
xml_write(const xmlNode *element, struct buf *out, struct adx_error *err)
{
	struct writer w = { .out = out, .start = out->len, .scope = BUF_INIT };
	enum adx_rc rc;

	rc = put_tree(&w, element, err);
	if (rc == ADX_OK && (!buf_ok(out) || !buf_ok(&w.scope)))
		rc = adx_nomem(err);
	if (rc != ADX_OK && out->data != NULL) {
		out->len = w.start;
		out->data[w.start] = '\0';
	}
	buf_free(&w.scope);
	return rc;
}

/* Reading and changing trees. */

static xmlNode *
first_match(xmlNode *node, const char *name, const char *ns)
{
	for (; node != NULL; node = node->next)
		if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0 &&
		    (ns == NULL || strcmp(xml_ns(node), ns) == 0))
			return node;
	return NULL;
}

xmlNode *
xml_child(const xmlNode *parent, const char *name, const char *ns)
{
	return first_match(parent->children, name, ns);
}

xmlNode *
xml_next(const xmlNode *element, const char *name, const char *ns)
{
	return first_match(element->next, name, ns);
}

const char *
xml_ns(const xmlNode *element)
{
	if (element->ns == NULL || element->ns->href == NULL)
		return "";
	return (const char *)element->ns->href;
}

xmlNode *
xml_append(xmlNode *parent, const char *name)
{
	struct silence was = silence_begin();
	xmlNode *node;

	node = xmlNewDocNode(parent->doc, parent->ns, BAD_CAST name, NULL);
	silence_end(was);
	return node == NULL ? NULL : xmlAddChild(parent, node);
}

bool
xml_set_text(xmlNode *element, const char *text)
{
	struct silence was = silence_begin();
	xmlNode *node = *text == '\0' ? NULL : xmlNewDocText(element->doc, BAD_CAST text);

	silence_end(was);
	if (*text != '\0' && (node == NULL || node->content == NULL)) {
		xmlFreeNode(node);
		return false;
	}
	xmlFreeNodeList(element->children);
	element->children = NULL;
	element->last = NULL;
	return node == NULL || xmlAddChild(element, node) != NULL;
}

void
xml_remove(xmlNode *node)
{
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}
