/* What the parser reports, in our words. */
#include "base/xmllib.h"
#include "transfer/pie_priv.h"

#include <stdio.h>
#include <string.h>

enum { REASON_MAX = 400 };

/* The parser has one message for a document that ends early and one that does not end. */
static bool
ends_early(const xmlError *e)
{
	const xmlParserCtxt *parser = e->ctxt;

	return e->domain == XML_FROM_PARSER && e->code == XML_ERR_DOCUMENT_END && parser != NULL &&
	       parser->instate != XML_PARSER_EPILOG;
}

/* Where its message would not be understood; the first is even reported as out of memory. */
static const char *
in_our_words(const xmlError *e)
{
	static const struct {
		const char *theirs, *ours;
	} words[] = {
		{ "huge text node", "a text is longer than 10000000 bytes" },
		{ "Huge input lookup", "a tag or comment is longer than 10000000 bytes" },
	};

	if (ends_early(e))
		return "the document ends too early";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && e->message != NULL; i++)
		if (strstr(e->message, words[i].theirs) != NULL)
			return words[i].ours;
	return NULL;
}

/* The parser's message on one line, without its advice to allow more than we want to. */
static void
tidy_reason(const char *message, char out[REASON_MAX])
{
	static const char *const advice[] = { ", use XML_PARSE_HUGE", " use XML_PARSE_HUGE",
					      ", indicate encoding" };

	snprintf(out, REASON_MAX, "%s", message == NULL ? "not well-formed" : message);
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
		char *at = strstr(out, advice[i]);

		if (at != NULL)
			*at = '\0';
	}
	pie_tidy(out);
	if (out[0] >= 'A' && out[0] <= 'Z' && (out[1] == ' ' || (out[1] >= 'a' && out[1] <= 'z')))
		out[0] = (char)(out[0] + ('a' - 'A'));
}

void
pie_xml_error(void *ctx, xmlErrorPtr e)
{
	struct pie *p = ctx;
	const char *ours = in_our_words(e);
	char theirs[REASON_MAX];

	/* Namespaces that are no URI are common in private storage, and do no harm. */
	if (p->failed != ADX_OK || e->level < XML_ERR_ERROR || e->code == XML_WAR_NS_URI)
		return;
	/* The parser keeps every name it meets, up to some ten megabytes of them. */
	if (e->code == XML_ERR_NO_MEMORY && ours == NULL) {
		p->failed = adx_fail(p->err, ADX_ENOMEM,
				     "out of memory, or too many different names in '%s'",
				     p->source->name);
		return;
	}
	tidy_reason(e->message, theirs);
	p->failed = adx_fail(p->err, ADX_EINVAL, "'%s' line %d, column %d: %s", p->source->name,
			     e->line, e->int2, ours != NULL ? ours : theirs);
}
