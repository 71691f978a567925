/* Records out, and small questions about elements. */
#include "transfer/pie_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/xml.h"

enum { WHAT_MAX = 256 };

void
pie_tidy(char *text)
{
	size_t len = strlen(text), at = 0, n;
	unsigned cp;

	while (at < len && (n = text_next(text + at, len - at, &cp)) != 0) {
		if (cp < 0x20 || cp == 0x7F)
			text[at] = ' ';
		at += n;
	}
	while (at > 0 && text[at - 1] == ' ')
		at--;
	text[at] = '\0';
}

enum adx_rc
pie_emit(struct pie *p, struct pie_record *record)
{
	if (p->scan != NULL)
		return ADX_OK;
	record->host = p->host;
	record->user = p->user;
	return p->sink->record(p->sink->ctx, record, p->err);
}

ADX_PRINTF(3, 0)
static enum adx_rc
vskip(struct pie *p, const char *why, const char *fmt, va_list ap)
{
	struct pie_record record = { .kind = PIE_SKIPPED };
	char what[WHAT_MAX];

	vsnprintf(what, sizeof(what), fmt, ap);
	pie_tidy(what);
	record.u.skipped.what = what;
	record.u.skipped.why = why;
	return pie_emit(p, &record);
}

enum adx_rc
pie_skip(struct pie *p, const char *why, const char *fmt, ...)
{
	enum adx_rc rc;
	va_list ap;

	va_start(ap, fmt);
	rc = vskip(p, why, fmt, ap);
	va_end(ap);
	return rc;
}

enum adx_rc
pie_reject(struct pie *p, enum adx_rc rc, const struct adx_error *why, const char *fmt, ...)
{
	va_list ap;

	if (rc != ADX_EINVAL) {
		*p->err = *why;
		return rc;
	}
	va_start(ap, fmt);
	rc = vskip(p, why->message, fmt, ap);
	va_end(ap);
	return rc;
}

enum adx_rc
pie_skip_element(struct pie *p, xmlNode *element)
{
	return pie_skip(p, "not understood", "element {%s}%s", xml_ns(element),
			(const char *)element->name);
}

static bool
is_known(const xmlAttr *attr, const char *const known[])
{
	/* xml:lang, xml:base and xml:space say how to read, not what. */
	if (attr->ns != NULL)
		return strcmp((const char *)attr->ns->href, (const char *)XML_XML_NAMESPACE) == 0;
	for (size_t i = 0; known[i] != NULL; i++)
		if (strcmp((const char *)attr->name, known[i]) == 0)
			return true;
	return false;
}

enum adx_rc
pie_skip_attributes(struct pie *p, const xmlNode *element, const char *const known[],
		    const char *where)
{
	enum adx_rc rc = ADX_OK;

	for (const xmlAttr *a = element->properties; a != NULL && rc == ADX_OK; a = a->next) {
		const char *ns = a->ns == NULL ? NULL : (const char *)a->ns->href;

		if (!is_known(a, known))
			rc = pie_skip(p, "not understood", "attribute %s%s%s%s in %s",
				      ns == NULL ? "" : "{", ns == NULL ? "" : ns,
				      ns == NULL ? "" : "}", (const char *)a->name, where);
	}
	return rc;
}

bool
pie_is(const xmlNode *element, const struct pie_part *part)
{
	const char *ns = xml_ns(element);

	if (strcmp(ns, PIE_NS_OLD) == 0)
		ns = PIE_NS;
	return strcmp(ns, part->ns) == 0 && strcmp((const char *)element->name, part->name) == 0;
}

const char *
pie_attr(const xmlNode *element, const char *name, const char *absent)
{
	const xmlAttr *attr = xmlHasNsProp(element, (const xmlChar *)name, NULL);

	if (attr == NULL)
		return absent;
	/* Without entities a value is one text node, or none when it is empty. */
	return attr->children == NULL ? "" : (const char *)attr->children->content;
}

bool
pie_text(const xmlNode *element, struct buf *out)
{
	buf_clear(out);
	for (const xmlNode *n = element->children; n != NULL; n = n->next)
		if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
			buf_add_text(out, (const char *)n->content);
	return buf_ok(out);
}
