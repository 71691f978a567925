/*
 * XML and the editing of cards: "NAME\nSUBNAME\nCONTENT\nXML", or XML alone. What is accepted is
 * written, read and written again as the same bytes. After an edit of a card the content comes
 * back, the edit repeated changes nothing, and what it did not name is as it was.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vcard.h"
#include "base/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	char *name, *subname, *content; /* NULL when the input is XML alone */
	const char *xml;
	size_t len;
};

/* assert() would vanish with NDEBUG. */
static void
must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static char *
take_line(const char **data, size_t *size)
{
	const char *end = memchr(*data, '\n', *size);
	size_t len = end == NULL ? 0 : (size_t)(end - *data);
	char *line;

	if (end == NULL || **data == '<')
		return NULL;
	line = strndup(*data, len);
	must(line != NULL, "memory");
	*data += len + 1;
	*size -= len + 1;
	return line;
}

static xmlDocPtr
parse(const struct buf *text)
{
	struct adx_error err;
	xmlDocPtr doc;

	if (xml_parse(buf_text(text), text->len, &doc, &err) != ADX_OK)
		must(false, err.message);
	return doc;
}

static void
write_node(const xmlNode *node, struct buf *out)
{
	struct adx_error err;

	if (xml_write(node, out, &err) != ADX_OK)
		must(false, err.message);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(buf_text(a), buf_text(b), a->len) == 0;
}

/* What is written reads as itself; false when the text is refused. */
static bool
check_rewriting(const struct input *in, struct buf *once)
{
	struct buf twice = BUF_INIT;
	struct adx_error err;
	xmlDocPtr doc;

	if (xml_parse(in->xml, in->len, &doc, &err) != ADX_OK) {
		must(err.rc == ADX_EINVAL, "an invalid text is the only reason");
		must(strpbrk(err.message, "\n\r") == NULL, "one line of reason");
		must(text_is_xml(err.message, strlen(err.message)), "a readable reason");
		return false;
	}
	write_node(xmlDocGetRootElement(doc), once);
	xmlFreeDoc(doc);
	doc = parse(once);
	write_node(xmlDocGetRootElement(doc), &twice);
	must(same(once, &twice), "written twice, the same bytes");
	xmlFreeDoc(doc);
	buf_free(&twice);
	return true;
}

static bool
is_named(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* The card without what an edit changes. */
static void
write_rest(const struct buf *card, const struct input *in, const char *subname, struct buf *rest)
{
	xmlDocPtr doc = parse(card);
	xmlNode *root = xmlDocGetRootElement(doc), *first = xml_child(root, in->name, NULL);

	for (const xmlNode *node = root->children; node != NULL; node = node->next)
		if (!is_named(node, in->name) || (subname != NULL && node != first))
			write_node(node, rest);
	if (subname != NULL && first != NULL)
		for (const xmlNode *node = first->children; node != NULL; node = node->next)
			if (!is_named(node, subname))
				write_node(node, rest);
	xmlFreeDoc(doc);
}

static void
check_rest(const struct buf *before, const struct buf *after, const struct input *in,
	   const char *subname)
{
	struct buf was = BUF_INIT, is = BUF_INIT;

	write_rest(before, in, subname, &was);
	write_rest(after, in, subname, &is);
	must(same(&was, &is), "the rest is as it was");
	buf_free(&was);
	buf_free(&is);
}

static void
check_content(const struct buf *card, const struct input *in, const char *subname)
{
	struct strvec values = STRVEC_INIT;
	struct adx_error err;

	must(vcard_get(buf_text(card), card->len, in->name, subname, &values, &err) == ADX_OK,
	     "a card that was written can be read");
	must(values.count > 0 && strcmp(values.items[0], in->content) == 0, "the content is back");
	must(subname != NULL || values.count == 1, "no other of that name is left");
	strvec_free(&values);
}

static void
check_edit(const struct buf *card, const struct input *in, const char *subname, size_t count)
{
	const char *const contents[] = { in->content, "b", "c" };
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct adx_error err;

	if (vcard_set(card->data, card->len, in->name, subname, contents, count, &once, &err) !=
	    ADX_OK) {
		must(err.rc == ADX_EINVAL && once.len == 0, "refused, and nothing written");
		return;
	}
	if (count > 0)
		check_content(&once, in, subname);
	check_rest(card, &once, in, subname);
	must(vcard_set(once.data, once.len, in->name, subname, contents, count, &twice, &err) ==
		     ADX_OK,
	     "a card that was written can be edited");
	must(same(&once, &twice), "the same edit again changes nothing");
	buf_free(&once);
	buf_free(&twice);
}

static void
check_search(const struct buf *card)
{
	struct strvec values = STRVEC_INIT;
	struct adx_error err;

	must(vcard_search_fields(card->data, card->len, &values, &err) == ADX_OK, "searchable");
	must(values.count == VCARD_FIELDS, "every field");
	strvec_free(&values);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .xml = (const char *)data, .len = size };
	struct buf card = BUF_INIT;

	if ((in.name = take_line(&in.xml, &in.len)) != NULL &&
	    (in.subname = take_line(&in.xml, &in.len)) != NULL)
		in.content = take_line(&in.xml, &in.len);
	if (check_rewriting(&in, &card)) {
		check_search(&card);
		if (in.content != NULL) {
			check_edit(&card, &in, NULL, 1);
			for (size_t count = 0; count <= 3; count++)
				check_edit(&card, &in, in.subname, count);
		}
	}
	buf_free(&card);
	free(in.name);
	free(in.subname);
	free(in.content);
	return 0;
}
