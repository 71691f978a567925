#include "transfer/pie_reader.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/xml.h"
#include "transfer/pie_priv.h"

/* One part of a JID that is not valid takes everything below it along. */
static enum adx_rc
read_user(struct pie *p, xmlNode *element)
{
	static const char *const known[] = { "name", "password", NULL };
	struct pie_record record = { .kind = PIE_ACCOUNT };
	const char *name = pie_attr(element, "name", "");
	const char *password = pie_attr(element, "password", "");
	struct adx_error why;
	enum adx_rc rc;

	if (p->scan != NULL)
		return ADX_OK;
	rc = jid_prep_local(name, strlen(name), p->user, &why);
	if (rc != ADX_OK) {
		p->user[0] = '\0';
		return pie_reject(p, rc, &why, "user '%s'", name);
	}
	rc = pie_emit(p, &record);
	if (rc == ADX_OK && password[0] != '\0')
		rc = pie_plain(p, password);
	if (rc == ADX_OK)
		rc = pie_skip_attributes(p, element, known, "user");
	if (rc == ADX_OK)
		rc = pie_user(p);
	p->user[0] = '\0';
	return rc;
}

static enum adx_rc
read_host(struct pie *p, xmlNode *element)
{
	static const char *const known[] = { "jid", NULL };
	static const struct pie_part parts[] = {
		{ PIE_NS, "user", read_user },
		{ PIE_NS_XI, "include", pie_include_user },
		{ NULL, NULL, pie_skip_element },
	};
	struct pie_record record = { .kind = PIE_HOST };
	const char *jid = pie_attr(element, "jid", "");
	char host[JID_PART_MAX + 1];
	struct adx_error why;
	enum adx_rc rc = jid_prep_domain(jid, strlen(jid), host, &why);

	if (rc != ADX_OK)
		return pie_reject(p, rc, &why, "host '%s'", jid);
	memcpy(p->host, host, strlen(host) + 1);
	rc = pie_emit(p, &record);
	if (rc == ADX_OK)
		rc = pie_skip_attributes(p, element, known, "host");
	if (rc == ADX_OK)
		rc = pie_children(p, parts);
	return rc;
}

static enum adx_rc
pass_over(struct pie *p, xmlNode *element)
{
	(void)p;
	(void)element;
	return ADX_OK;
}

static enum adx_rc
read_server(struct pie *p, xmlNode *element)
{
	static const char *const known[] = { NULL };
	static const struct pie_part parts[] = {
		{ PIE_NS, "host", read_host },
		{ PIE_NS_XI, "include", pie_include_host },
		{ NS_SEAL, "seal", pass_over },
		{ NULL, NULL, pie_skip_element },
	};
	enum adx_rc rc = pie_skip_attributes(p, element, known, "server-data");

	return rc == ADX_OK ? pie_children(p, parts) : rc;
}

static enum adx_rc
refuse_root(struct pie *p, xmlNode *element)
{
	char root[256];

	snprintf(root, sizeof(root), "{%s}%s", xml_ns(element), (const char *)element->name);
	pie_tidy(root);
	return adx_fail(p->err, ADX_EINVAL, "'%s' is not XEP-0227 data: its root is %s",
			p->source->name, root);
}

/* Conversions are a source of surprises, and every XMPP server writes UTF-8. */
static enum adx_rc
check_encoding(struct pie *p)
{
	static const char *const accepted[] = { "UTF-8", "UTF8", "US-ASCII", "ASCII" };
	const char *encoding = (const char *)xmlTextReaderConstEncoding(p->source->xml);

	if (encoding == NULL)
		return ADX_OK;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		if (strcasecmp(encoding, accepted[i]) == 0)
			return ADX_OK;
	return adx_fail(p->err, ADX_EINVAL, "'%s' is in encoding %.40s: only UTF-8 is read",
			p->source->name, encoding);
}

static const struct pie_part *
roots_at(enum pie_place place)
{
	static const struct pie_part roots[][4] = {
		[PIE_AT_TOP] = { { PIE_NS, "server-data", read_server },
				 { PIE_NS, "host", read_host },
				 { NULL, NULL, refuse_root } },
		[PIE_IN_SERVER] = { { PIE_NS, "host", read_host }, { NULL, NULL, refuse_root } },
		[PIE_IN_HOST] = { { PIE_NS, "user", read_user }, { NULL, NULL, refuse_root } },
		[PIE_ANYWHERE] = { { PIE_NS, "server-data", read_server },
				   { PIE_NS, "host", read_host },
				   { PIE_NS, "user", read_user },
				   { NULL, NULL, refuse_root } },
	};

	return roots[place];
}

enum adx_rc
pie_document(struct pie *p, enum pie_place place)
{
	const struct pie_part *part = roots_at(place);
	struct pie_source *s = p->source;
	enum adx_rc rc;
	xmlNode *root;

	do {
		rc = pie_step(p);
		if (rc != ADX_OK || s->ended)
			return rc;
	} while (xmlTextReaderNodeType(s->xml) != XML_READER_TYPE_ELEMENT);
	rc = check_encoding(p);
	if (rc != ADX_OK)
		return rc;
	root = xmlTextReaderCurrentNode(s->xml);
	pie_namespaces(root);
	while (part->name != NULL && !pie_is(root, part))
		part++;
	rc = part->visit(p, root);
	while (rc == ADX_OK && !s->ended)
		rc = pie_step(p);
	return rc;
}

static enum adx_rc
read_source(struct pie *p, struct pie_source *s)
{
	enum adx_rc rc;

	p->source = s;
	rc = pie_source_open(p);
	if (rc == ADX_OK)
		rc = pie_document(p, PIE_AT_TOP);
	pie_source_close(p);
	return rc;
}

enum adx_rc
pie_read(const char *path, const struct pie_sink *sink, struct adx_error *err)
{
	struct pie_source input = { .name = "standard input", .fd = STDIN_FILENO };
	struct pie p = { .sink = sink, .err = err };
	enum adx_rc rc;

	if (strcmp(path, "-") == 0)
		rc = read_source(&p, &input);
	else
		rc = pie_path(&p, path);
	if (rc == ADX_OK)
		rc = pie_progress(&p, true);
	buf_free(&p.text);
	return rc;
}

enum adx_rc
pie_read_memory(const char *text, size_t len, const struct pie_sink *sink, struct adx_error *err)
{
	struct pie_source input = { .name = "input", .fd = -1, .text = text, .left = len };
	struct pie p = { .sink = sink, .err = err, .total = len };
	enum adx_rc rc = read_source(&p, &input);

	if (rc == ADX_OK)
		rc = pie_progress(&p, true);
	buf_free(&p.text);
	return rc;
}
