#include "base/xmllib.h"
#include "transfer/pie_priv.h"

#include <string.h>

/*
 * libxml2 compares each attribute of a tag with all before it: a megabyte of them would keep it
 * busy for minutes. It also takes a NUL byte for the end of the document, and reads a document type
 * before it can be asked not to.
 */
enum { TAG_ATTRIBUTES_MAX = 256 };

static enum pie_guard_state
begin_markup(struct pie_guard *g, char closer)
{
	g->closer = closer;
	g->last[0] = '\0';
	g->last[1] = '\0';
	return GUARD_MARKUP;
}

static enum pie_guard_state
after_open(struct pie_guard *g, char c)
{
	if (c == '!')
		return GUARD_BANG;
	if (c == '?')
		return begin_markup(g, '?');
	g->quote = '\0';
	g->attributes = 0;
	return GUARD_TAG;
}

static enum pie_guard_state
after_bang(struct pie_guard *g, char c)
{
	if (c == '-')
		return GUARD_DASH;
	return c == '[' ? begin_markup(g, ']') : GUARD_DOCTYPE;
}

static enum pie_guard_state
in_tag(struct pie_guard *g, char c)
{
	if (g->quote != '\0') {
		if (c == g->quote)
			g->quote = '\0';
		return GUARD_TAG;
	}
	if (c == '\'' || c == '"')
		g->quote = c;
	g->attributes += c == '=';
	return c == '>' ? GUARD_TEXT : GUARD_TAG;
}

static enum pie_guard_state
in_markup(struct pie_guard *g, char c)
{
	bool closed = c == '>' && g->last[1] == g->closer &&
		      (g->closer == '?' || g->last[0] == g->closer);

	g->last[0] = g->last[1];
	g->last[1] = c;
	return closed ? GUARD_TEXT : GUARD_MARKUP;
}

static enum pie_guard_state
next_state(struct pie_guard *g, char c)
{
	switch (g->state) {
	case GUARD_TEXT: return c == '<' ? GUARD_OPEN : GUARD_TEXT;
	case GUARD_OPEN: return after_open(g, c);
	case GUARD_BANG: return after_bang(g, c);
	case GUARD_DASH: return begin_markup(g, '-');
	case GUARD_TAG: return in_tag(g, c);
	case GUARD_MARKUP: return in_markup(g, c);
	default: return g->state;
	}
}

const char *
pie_guard(struct pie_guard *g, const char *bytes, size_t len)
{
	if (memchr(bytes, '\0', len) != NULL)
		return "a NUL byte, which is not UTF-8 text";
	for (size_t i = 0; i < len; i++) {
		g->state = next_state(g, bytes[i]);
		if (g->state == GUARD_DOCTYPE)
			return "document types are not accepted";
		if (g->attributes > TAG_ATTRIBUTES_MAX)
			return "too many attributes in a tag";
	}
	return NULL;
}
