/* Submod private: private XML storage (XEP-0049), one element a namespace. */
#include <string.h>

#include "base/xml.h"
#include "submod/params.h"

static const struct answer NO_ACCOUNT = { "user_does_not_exist",
					  "Error: \"User {user}@{host} does not exist\"" };
static const struct answer PARSE_ERROR = { "parse_error",
					   "Error found parsing the element: {reason}" };
static const struct answer NO_XMLNS = { "error", "Error: the element has no xmlns" };

static enum adx_rc
answer_element(struct call *call, const xmlNode *element, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc = xml_write(element, &text, err);

	if (rc == ADX_OK)
		rc = call_string(call, buf_text(&text), text.len);
	buf_free(&text);
	return rc;
}

/* What is stored, printed as XMPP servers print it. */
static enum adx_rc
answer_stored(struct call *call, const char *data, struct adx_error *err)
{
	struct adx_error why;
	xmlDocPtr doc;
	enum adx_rc rc = xml_parse(data, strlen(data), &doc, &why);

	if (rc != ADX_OK)
		return adx_fail(err, ADX_EFAIL, "the stored element is not XML: %s", why.message);
	rc = answer_element(call, xmlDocGetRootElement(doc), err);
	xmlFreeDoc(doc);
	return rc;
}

/* Nothing is stored: the empty element that was asked for. */
static enum adx_rc
answer_empty(struct call *call, struct adx_error *err)
{
	const xmlChar *name = (const xmlChar *)call_raw(call, "element");
	const xmlChar *ns = (const xmlChar *)call_raw(call, "ns");
	xmlDocPtr doc;
	xmlNodePtr element;
	enum adx_rc rc;

	if (xmlValidateNCName(name, 0) != 0)
		return adx_fail(err, ADX_EINVAL, "argument 'element' is not an XML name");
	doc = xmlNewDoc((const xmlChar *)"1.0");
	element = doc == NULL ? NULL : xmlNewDocNode(doc, NULL, name, NULL);
	if (element != NULL) {
		xmlDocSetRootElement(doc, element);
		xmlSetNs(element, xmlNewNs(element, ns, NULL));
		rc = answer_element(call, element, err);
	} else {
		rc = adx_nomem(err);
	}
	xmlFreeDoc(doc);
	return rc;
}

static enum adx_rc
take_element(struct call *call, struct rows *rows, struct adx_error *err)
{
	const char *data;
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	if (!has)
		return call_answer(call, &NO_ACCOUNT, err, NULL);
	data = rows_get(rows, "data");
	return data == NULL ? answer_empty(call, err) : answer_stored(call, data, err);
}

static enum adx_rc
private_get(struct call *call, struct adx_error *err)
{
	const char *ns = call_raw(call, "ns");

	if (ns[0] == '\0')
		return adx_fail(err, ADX_EINVAL, "argument 'ns' is empty");
	return call_ask(call, SQL_PRIVATE_GET, PARAMS(CALL_HOST(call), CALL_USER(call), ns),
			take_element, err);
}

static enum adx_rc
store(struct call *call, const xmlNode *element, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	rc = xml_write(element, &text, err);
	if (rc == ADX_OK)
		rc = call_write(call, SQL_PRIVATE_SET,
				PARAMS(audit, CALL_HOST(call), CALL_USER(call), xml_ns(element),
				       buf_text(&text)),
				err);
	buf_free(&text);
	return rc;
}

static enum adx_rc
private_set(struct call *call, struct adx_error *err)
{
	const struct value *text = call_arg(call, "element");
	const xmlNode *element;
	xmlDocPtr doc;
	enum adx_rc rc = xml_parse(text->raw, text->len, &doc, err);

	if (rc == ADX_EINVAL) {
		char reason[sizeof(err->message)];

		strcpy(reason, err->message);
		return call_answer(call, &PARSE_ERROR, err, "reason", reason, NULL);
	}
	if (rc != ADX_OK)
		return rc;
	element = xmlDocGetRootElement(doc);
	if (xml_ns(element)[0] == '\0')
		rc = call_answer(call, &NO_XMLNS, err, NULL);
	else
		rc = store(call, element, err);
	xmlFreeDoc(doc);
	return rc;
}

const struct command PRIVATE_COMMANDS[] = {
	{ .name = "private_get",
	  .submod = "private",
	  .summary = "read one element of an account's private XML storage",
	  .notes = "What is stored under the namespace is printed whatever its name; an empty "
		   "element of that name where nothing is.",
	  .params = { P_ACCOUNT, P_TEXT("element", "element name"), P_TEXT("ns", "XML namespace") },
	  .result = RESULT_STRING,
	  .result_name = "content",
	  .answers = { &ANSWER_OK, &NO_ACCOUNT },
	  .if_bad_jid = &NO_ACCOUNT,
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org exodus exodus:prefs",
	  .run = private_get },
	{ .name = "private_set",
	  .submod = "private",
	  .summary = "write one element to an account's private XML storage",
	  .params = { P_ACCOUNT,
		      { .name = "element",
			.type = PARAM_XML,
			.doc = "one XML element with an xmlns attribute" } },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &PARSE_ERROR, &ANSWER_NO_ACCOUNT, &NO_XMLNS },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org \"<note xmlns='my:notes'>call back</note>\"",
	  .run = private_set },
	{ 0 },
};
