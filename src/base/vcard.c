#include "base/vcard.h"

#include <string.h>

#include "base/text.h"
#include "base/xml.h"

static enum adx_rc
parse_card(const char *xml, size_t len, xmlDocPtr *doc, xmlNode **card, struct adx_error *err)
{
	struct adx_error why;
	enum adx_rc rc = xml_parse(xml, len, doc, &why);

	if (rc != ADX_OK)
		return adx_fail(err, rc, "cannot read the vCard: %s", why.message);
	*card = xmlDocGetRootElement(*doc);
	return ADX_OK;
}

/* Reading. */

static void
add_text(struct strvec *values, const xmlNode *element)
{
	struct buf text = BUF_INIT;

	for (const xmlNode *node = element->children; node != NULL; node = node->next)
		if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE)
			buf_add_text(&text, (const char *)node->content);
	strvec_add(values, buf_text(&text), text.len);
	values->failed |= !buf_ok(&text);
	buf_free(&text);
}

static void
add_matches(struct strvec *values, const xmlNode *card, const char *name, const char *subname)
{
	const xmlNode *field, *part;

	for (field = xml_child(card, name, NULL); field != NULL;
	     field = xml_next(field, name, NULL)) {
		if (subname == NULL) {
			add_text(values, field);
			continue;
		}
		for (part = xml_child(field, subname, NULL); part != NULL;
		     part = xml_next(part, subname, NULL))
			add_text(values, part);
	}
}

enum adx_rc
vcard_get(const char *xml, size_t len, const char *name, const char *subname, struct strvec *values,
	  struct adx_error *err)
{
	xmlNode *card;
	xmlDocPtr doc;
	enum adx_rc rc;

	rc = parse_card(xml, len, &doc, &card, err);
	if (rc != ADX_OK)
		return rc;
	add_matches(values, card, name, subname);
	xmlFreeDoc(doc);
	return strvec_ok(values) ? ADX_OK : adx_nomem(err);
}

/* Writing. */

static enum adx_rc
check_name(const char *name, struct adx_error *err)
{
	size_t len = strlen(name);

	if (len > VCARD_NAME_MAX)
		return adx_fail(err, ADX_EINVAL, "field name of %zu bytes is too long", len);
	if (!text_is_xml(name, len))
		return adx_fail(err, ADX_EINVAL, "field name is not text XML can carry");
	if (xmlValidateNCName(BAD_CAST name, 0) != 0)
		return adx_fail(err, ADX_EINVAL, "field name is not an XML name without a colon");
	return ADX_OK;
}

static enum adx_rc
check_contents(const char *name, const char *const *contents, size_t count, struct adx_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!text_is_xml(contents[i], strlen(contents[i])))
			return adx_fail(err, ADX_EINVAL,
					"content of '%s' has characters XML cannot carry", name);
	return ADX_OK;
}

static enum adx_rc
check_edit(const char *name, const char *subname, const char *const *contents, size_t count,
	   struct adx_error *err)
{
	enum adx_rc rc = check_name(name, err);

	if (rc == ADX_OK && subname != NULL)
		rc = check_name(subname, err);
	if (rc == ADX_OK && subname == NULL && count != 1)
		rc = adx_fail(err, ADX_EINVAL, "field '%s' takes one content, not %zu", name,
			      count);
	if (rc == ADX_OK)
		rc = check_contents(subname == NULL ? name : subname, contents, count, err);
	return rc;
}

/* Remove an element and its further siblings of that name. */
static void
remove_all(xmlNode *element, const char *name)
{
	xmlNode *next;

	for (; element != NULL; element = next) {
		next = xml_next(element, name, NULL);
		xml_remove(element);
	}
}

/*
 * Make the children `name` of the parent one for each content, side by side where the first stood;
 * those that exist are used as far as they reach.
 */
static bool
set_children(xmlNode *parent, const char *name, const char *const *contents, size_t count)
{
	xmlNode *spare = xml_child(parent, name, NULL), *last = NULL, *node;

	for (size_t i = 0; i < count; i++) {
		node = spare;
		if (node != NULL)
			spare = xml_next(node, name, NULL);
		else
			node = xml_append(parent, name);
		if (node == NULL || !xml_set_text(node, contents[i]))
			return false;
		if (last != NULL && last->next != node)
			xmlAddNextSibling(last, node);
		last = node;
	}
	remove_all(spare, name);
	return true;
}

static bool
set_part(xmlNode *card, const char *name, const char *subname, const char *const *contents,
	 size_t count)
{
	xmlNode *field = xml_child(card, name, NULL);

	if (field == NULL && count == 0)
		return true;
	if (field == NULL)
		field = xml_append(card, name);
	return field != NULL && set_children(field, subname, contents, count);
}

enum adx_rc
vcard_set(const char *xml, size_t len, const char *name, const char *subname,
	  const char *const *contents, size_t count, struct buf *out, struct adx_error *err)
{
	static const char empty[] = "<vCard xmlns='vcard-temp'/>";
	xmlNode *card;
	xmlDocPtr doc;
	enum adx_rc rc;
	bool done;

	rc = check_edit(name, subname, contents, count, err);
	if (rc == ADX_OK && xml == NULL)
		rc = parse_card(empty, sizeof(empty) - 1, &doc, &card, err);
	else if (rc == ADX_OK)
		rc = parse_card(xml, len, &doc, &card, err);
	if (rc != ADX_OK)
		return rc;
	if (strcmp((const char *)card->name, "vCard") != 0) {
		rc = adx_fail(err, ADX_EINVAL, "the stored element is not a vCard");
		goto out;
	}
	if (subname == NULL)
		done = set_children(card, name, contents, count);
	else
		done = set_part(card, name, subname, contents, count);
	rc = done ? xml_write(card, out, err) : adx_nomem(err);
out:
	xmlFreeDoc(doc);
	return rc;
}

/* Searching. */

static const struct {
	const char *name;
	const char *subname;
} PATHS[VCARD_FIELDS] = {
	[VCARD_FN] = { "FN", NULL },
	[VCARD_FAMILY] = { "N", "FAMILY" },
	[VCARD_GIVEN] = { "N", "GIVEN" },
	[VCARD_MIDDLE] = { "N", "MIDDLE" },
	[VCARD_NICKNAME] = { "NICKNAME", NULL },
	[VCARD_BDAY] = { "BDAY", NULL },
	[VCARD_CTRY] = { "ADR", "CTRY" },
	[VCARD_LOCALITY] = { "ADR", "LOCALITY" },
	[VCARD_EMAIL] = { "EMAIL", "USERID" },
	[VCARD_ORGNAME] = { "ORG", "ORGNAME" },
	[VCARD_ORGUNIT] = { "ORG", "ORGUNIT" },
};

static const xmlNode *
find_first(const xmlNode *card, const char *name, const char *subname)
{
	const xmlNode *field = xml_child(card, name, NULL), *part = NULL;

	if (subname == NULL)
		return field;
	for (; field != NULL && part == NULL; field = xml_next(field, name, NULL))
		part = xml_child(field, subname, NULL);
	return part;
}

enum adx_rc
vcard_search_fields(const char *xml, size_t len, struct strvec *values, struct adx_error *err)
{
	xmlDocPtr doc;
	xmlNode *card;
	enum adx_rc rc;

	rc = parse_card(xml, len, &doc, &card, err);
	if (rc != ADX_OK)
		return rc;
	for (int i = 0; i < VCARD_FIELDS; i++) {
		const xmlNode *found = find_first(card, PATHS[i].name, PATHS[i].subname);

		if (i == VCARD_EMAIL && found == NULL)
			found = find_first(card, "EMAIL", NULL);
		if (found == NULL)
			strvec_add_text(values, "");
		else
			add_text(values, found);
	}
	xmlFreeDoc(doc);
	return strvec_ok(values) ? ADX_OK : adx_nomem(err);
}
