/* One document: bytes in through a callback, elements out, problems described in one line. */
#include "transfer/pie_priv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/xml.h"

enum { PROGRESS_BYTES = 64 * 1024 };

enum adx_rc
pie_progress(struct pie *p, bool now)
{
	if (p->sink->progress == NULL || (!now && p->untold < PROGRESS_BYTES))
		return ADX_OK;
	p->untold = 0;
	return p->sink->progress(p->sink->ctx, p->done, p->total, p->err);
}

static int
line_of(const struct pie_source *s)
{
	/* The first bytes are read before there is a reader. */
	return s->xml == NULL ? 1 : xmlTextReaderGetParserLineNumber(s->xml);
}

static ssize_t
read_fd(struct pie *p, char *out, size_t size)
{
	ssize_t got;

	while ((got = read(p->source->fd, out, size)) < 0) {
		if (errno != EINTR) {
			p->failed = adx_fail_errno(p->err, ADX_EIO, errno, "cannot read '%s'",
						   p->source->name);
			return -1;
		}
		/* Whoever waits for input can be interrupted. */
		p->failed = pie_progress(p, true);
		if (p->failed != ADX_OK)
			return -1;
	}
	return got;
}

static ssize_t
read_text(struct pie_source *s, char *out, size_t size)
{
	if (size > s->left)
		size = s->left;
	memcpy(out, s->text, size);
	s->text += size;
	s->left -= size;
	return (ssize_t)size;
}

/* The parser may be some bytes behind, so the line is a good guess. */
static bool
is_sound(struct pie *p, const char *bytes, size_t len)
{
	const char *why = pie_guard(&p->source->guard, bytes, len);

	if (why == NULL)
		return true;
	p->failed = adx_fail(p->err, ADX_EINVAL, "'%s' near line %d: %s", p->source->name,
			     line_of(p->source), why);
	return false;
}

/* An element read whole is the one thing that could need more memory than a file should. */
static bool
fits(struct pie *p, size_t got)
{
	struct pie_source *s = p->source;

	if (!s->expanding)
		return true;
	if (got <= s->room) {
		s->room -= got;
		return true;
	}
	p->failed = adx_fail(p->err, ADX_EINVAL, "'%s' line %d: an element is longer than %d bytes",
			     s->name, line_of(s), XML_TEXT_MAX);
	return false;
}

static int
feed(void *ctx, char *out, int size)
{
	struct pie *p = ctx;
	ssize_t got;

	if (p->failed != ADX_OK)
		return -1;
	got = p->source->fd < 0 ? read_text(p->source, out, (size_t)size)
				: read_fd(p, out, (size_t)size);
	if (got < 0 || !is_sound(p, out, (size_t)got) || !fits(p, (size_t)got))
		return -1;
	p->untold += (uint64_t)got;
	if (p->scan == NULL)
		p->done += (uint64_t)got;
	p->failed = pie_progress(p, false);
	return p->failed == ADX_OK ? (int)got : -1;
}

/*
 * Some of the parser's layers know no context, and print unless these are set; they belong to the
 * thread and whoever else uses the parser, so they are set for one call into the parser at a time.
 */
struct hush {
	xmlStructuredErrorFunc structured;
	void *structured_ctx;
	xmlGenericErrorFunc generic;
	void *generic_ctx;
};

static void
ignore(void *ctx, const char *fmt, ...)
{
	(void)ctx;
	(void)fmt;
}

static struct hush
hush(struct pie *p)
{
	struct hush before = { xmlStructuredError, xmlStructuredErrorContext, xmlGenericError,
			       xmlGenericErrorContext };

	xmlSetStructuredErrorFunc(p, pie_xml_error);
	xmlSetGenericErrorFunc(NULL, ignore);
	return before;
}

static void
unhush(struct hush before)
{
	xmlSetStructuredErrorFunc(before.structured_ctx, before.structured);
	xmlSetGenericErrorFunc(before.generic_ctx, before.generic);
}

enum adx_rc
pie_source_open(struct pie *p)
{
	struct hush before = hush(p);

	p->source->xml = xmlReaderForIO(feed, NULL, p, NULL, NULL, XML_PARSE_NONET);
	unhush(before);
	if (p->source->xml == NULL)
		return p->failed != ADX_OK ? p->failed : adx_nomem(p->err);
	return p->failed;
}

void
pie_source_close(struct pie *p)
{
	struct hush before = hush(p);

	if (p->source->xml != NULL)
		xmlFreeTextReader(p->source->xml);
	p->source->xml = NULL;
	unhush(before);
}

/* The guard found it in the bytes; what counts is how the parser reads them. */
static enum adx_rc
refuse_dtd(struct pie *p)
{
	struct pie_source *s = p->source;

	switch (xmlTextReaderNodeType(s->xml)) {
	case XML_READER_TYPE_DOCUMENT_TYPE:
	case XML_READER_TYPE_ENTITY:
	case XML_READER_TYPE_ENTITY_REFERENCE:
		return adx_fail(p->err, ADX_EINVAL, "'%s' line %d: document types are not accepted",
				s->name, line_of(s));
	default: return ADX_OK;
	}
}

enum adx_rc
pie_step(struct pie *p)
{
	struct hush before = hush(p);
	int got = xmlTextReaderRead(p->source->xml);

	unhush(before);
	if (p->failed != ADX_OK)
		return p->failed;
	if (got < 0)
		return adx_fail(p->err, ADX_EINVAL, "'%s' is not well-formed XML", p->source->name);
	p->source->ended = got == 0;
	return p->source->ended ? ADX_OK : refuse_dtd(p);
}

enum adx_rc
pie_expand(struct pie *p)
{
	struct pie_source *s = p->source;
	struct hush before = hush(p);
	xmlNode *got;

	s->expanding = true;
	s->room = XML_TEXT_MAX;
	got = xmlTextReaderExpand(s->xml);
	s->expanding = false;
	unhush(before);
	if (p->failed != ADX_OK)
		return p->failed;
	if (got == NULL)
		return adx_fail(p->err, ADX_EINVAL, "'%s' is not well-formed XML", s->name);
	pie_namespaces_below(got);
	return ADX_OK;
}

/* On the end tag of the element at that depth, or on the tag of one that is empty. */
static bool
at_end(xmlTextReaderPtr xml, int depth)
{
	if (xmlTextReaderDepth(xml) != depth)
		return false;
	return xmlTextReaderNodeType(xml) == XML_READER_TYPE_END_ELEMENT ||
	       xmlTextReaderIsEmptyElement(xml) == 1;
}

static enum adx_rc
visit_element(struct pie *p, const struct pie_part *parts)
{
	xmlTextReaderPtr xml = p->source->xml;
	xmlNode *element = xmlTextReaderCurrentNode(xml);
	int depth = xmlTextReaderDepth(xml);
	enum adx_rc rc;

	pie_namespaces(element);
	while (parts->name != NULL && !pie_is(element, parts))
		parts++;
	rc = parts->visit(p, element);
	while (rc == ADX_OK && !at_end(xml, depth) && !p->source->ended)
		rc = pie_step(p);
	return rc;
}

static enum adx_rc
visit_node(struct pie *p, const struct pie_part *parts)
{
	const xmlNode *parent;

	switch (xmlTextReaderNodeType(p->source->xml)) {
	case XML_READER_TYPE_ELEMENT: return visit_element(p, parts);
	case XML_READER_TYPE_TEXT:
	case XML_READER_TYPE_CDATA:
		parent = xmlTextReaderCurrentNode(p->source->xml)->parent;
		return pie_skip(p, "not understood", "text in element {%s}%s", xml_ns(parent),
				(const char *)parent->name);
	default: return ADX_OK;
	}
}

enum adx_rc
pie_children(struct pie *p, const struct pie_part *parts)
{
	xmlTextReaderPtr xml = p->source->xml;
	int depth = xmlTextReaderDepth(xml);
	enum adx_rc rc = ADX_OK;

	if (at_end(xml, depth))
		return ADX_OK;
	for (;;) {
		rc = pie_step(p);
		if (rc != ADX_OK || p->source->ended || at_end(xml, depth))
			return rc;
		rc = visit_node(p, parts);
		if (rc != ADX_OK)
			return rc;
	}
}
