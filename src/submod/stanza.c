/* Submod stanza: messages and stanzas, handed to the XMPP server through the outbox. */
#include <string.h>

#include "base/xml.h"
#include "submod/params.h"
#include "submod/stanzas.h"

static const struct answer BAD_SENDER = { "bad_jid", "Sender JID is invalid" };
static const struct answer BAD_RECEIVER = { "bad_jid", "Receiver JID is invalid" };
static const struct answer SENT = { "ok", "Stanza has been sent" };
static const struct answer NO_SESSION = { "user_does_not_exist",
					  "User {user}@{host}/{resource} does not exist" };
static const struct answer BAD_STANZA = { "bad_stanza", "Stanza is incorrect" };

static enum adx_rc
send_message(struct call *call, const char *type, const char *subject, struct adx_error *err)
{
	const struct value *from = call_arg(call, "from");
	const struct value *to = call_arg(call, "to");
	const char *audit = call_audit(call, err);
	struct buf stanza = BUF_INIT;
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	if (from->prepared == NULL)
		return call_answer(call, &BAD_SENDER, err, NULL);
	if (to->prepared == NULL)
		return call_answer(call, &BAD_RECEIVER, err, NULL);
	rc = stanza_message(type, from->prepared, to->prepared, subject, call_raw(call, "body"),
			    &stanza, err);
	if (rc == ADX_OK)
		rc = call_write(call, SQL_STANZA_SEND,
				PARAMS(audit, to->jid->domain, to->jid->local, buf_text(&stanza)),
				err);
	buf_free(&stanza);
	return rc;
}

static enum adx_rc
send_message_chat(struct call *call, struct adx_error *err)
{
	return send_message(call, "chat", NULL, err);
}

static enum adx_rc
send_message_headline(struct call *call, struct adx_error *err)
{
	return send_message(call, "headline", call_raw(call, "subject"), err);
}

/* One of the three elements that are stanzas. */
static bool
is_stanza(const xmlNode *element)
{
	static const char *const NAMES[] = { "message", "presence", "iq" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp((const char *)element->name, NAMES[i]) == 0)
			return true;
	return false;
}

static enum adx_rc
inject(struct call *call, const xmlNode *element, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	rc = xml_write(element, &text, err);
	if (rc == ADX_OK)
		rc = call_write(call, SQL_STANZA_INJECT,
				PARAMS(audit, CALL_HOST(call), CALL_USER(call),
				       call_jid_part(call, "resource"), buf_text(&text)),
				err);
	buf_free(&text);
	return rc;
}

/* A missing session wins over a bad stanza. */
static enum adx_rc
take_session(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	return call_answer(call, has ? &BAD_STANZA : &NO_SESSION, err, NULL);
}

static enum adx_rc
refuse_stanza(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_SESSION_EXISTS,
			PARAMS(CALL_HOST(call), CALL_USER(call), call_jid_part(call, "resource")),
			take_session, err);
}

static enum adx_rc
send_stanza_c2s(struct call *call, struct adx_error *err)
{
	const struct value *text = call_arg(call, "stanza");
	xmlDocPtr doc;
	enum adx_rc rc = xml_parse(text->raw, text->len, &doc, err);

	if (rc == ADX_EINVAL)
		return refuse_stanza(call, err);
	if (rc != ADX_OK)
		return rc;
	if (is_stanza(xmlDocGetRootElement(doc)))
		rc = inject(call, xmlDocGetRootElement(doc), err);
	else
		rc = refuse_stanza(call, err);
	xmlFreeDoc(doc);
	return rc;
}

#define P_FROM                                                                                     \
	{                                                                                          \
		.name = "from", .type = PARAM_JID, .doc = "JID of the sender"                      \
	}
#define P_TO                                                                                       \
	{                                                                                          \
		.name = "to", .type = PARAM_JID, .doc = "bare or full JID of the receiver"         \
	}

const struct command STANZA_COMMANDS[] = {
	{ .name = "send_message_chat",
	  .submod = "stanza",
	  .summary = "send a chat message",
	  .notes = "It goes to the XMPP server through the outbox.",
	  .params = { P_FROM, P_TO, P_TEXT("body", "text") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &BAD_SENDER, &BAD_RECEIVER },
	  .role = ROLE_OPERATOR,
	  .limited_by = "from",
	  .limited_too = "to",
	  .flags = CMD_WRITES,
	  .example = "example.org orsino.aldobrand@example.org 'maintenance at nine'",
	  .run = send_message_chat },
	{ .name = "send_message_headline",
	  .submod = "stanza",
	  .summary = "send a headline message",
	  .notes = "It goes to the XMPP server through the outbox.",
	  .params = { P_FROM, P_TO, P_TEXT("subject", "text"), P_TEXT("body", "text") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &BAD_SENDER, &BAD_RECEIVER },
	  .role = ROLE_OPERATOR,
	  .limited_by = "from",
	  .limited_too = "to",
	  .flags = CMD_WRITES,
	  .example = "example.org orsino.aldobrand@example.org Maintenance 'at nine'",
	  .run = send_message_headline },
	{ .name = "send_stanza_c2s",
	  .submod = "stanza",
	  .summary = "inject a stanza as if a session had sent it",
	  .params = { P_ACCOUNT,
		      P_RESOURCE,
		      { .name = "stanza",
			.type = PARAM_XML,
			.doc = "one <message/>, <presence/> or <iq/>" } },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &SENT, &NO_SESSION, &BAD_STANZA },
	  .if_bad_jid = &NO_SESSION,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example =
		  "orsino.aldobrand example.org phone \"<presence><show>away</show></presence>\"",
	  .run = send_stanza_c2s },
	{ 0 },
};
