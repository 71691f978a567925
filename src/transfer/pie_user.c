/* What stands in a <user/>. */
#include "transfer/pie_priv.h"

#include <search.h>
#include <string.h>

#include "base/text.h"
#include "base/xml.h"

/* Every server counts seconds since 1970 at most; this leaves room for those who got it wrong. */
static const long long SECONDS_AGO_MAX = 4294967295;

static enum adx_rc
bare_jid(const char *text, char out[JID_BARE_MAX + 1], struct adx_error *why)
{
	struct jid jid;
	enum adx_rc rc = jid_parse(text, strlen(text), &jid, why);

	if (rc == ADX_OK)
		jid_bare(&jid, out);
	return rc;
}

/* The letter of a roster item's subscription, NUL when it has none that can be stored. */
static char
subscription_letter(const char *word)
{
	static const struct {
		const char *word;
		char letter;
	} words[] = { { "none", 'N' }, { "to", 'T' }, { "from", 'F' }, { "both", 'B' } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].letter;
	return '\0';
}

static bool
is_group(const xmlNode *element)
{
	static const struct pie_part group = { NS_ROSTER, "group", NULL };

	return pie_is(element, &group);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
keep(void *name)
{
	(void)name;
}

/* In their order; the tree of those seen is for the hostile item with a million of them. */
static bool
read_groups(struct pie *p, xmlNode *item, struct strvec *groups)
{
	void *seen = NULL;
	bool ok = true;

	for (xmlNode *e = xmlFirstElementChild(item); e != NULL && ok;
	     e = xmlNextElementSibling(e)) {
		if (!is_group(e))
			continue;
		ok = pie_text(e, &p->text);
		if (!ok || p->text.len == 0 || tfind(p->text.data, &seen, by_name) != NULL)
			continue;
		strvec_add(groups, p->text.data, p->text.len);
		ok = strvec_ok(groups) &&
		     tsearch(groups->items[groups->count - 1], &seen, by_name) != NULL;
	}
	tdestroy(seen, keep);
	return ok;
}

static enum adx_rc
emit_contact(struct pie *p, xmlNode *item, const char *jid, char subscription)
{
	struct pie_record record = { .kind = PIE_CONTACT };
	struct strvec groups = STRVEC_INIT;
	enum adx_rc rc;

	if (!read_groups(p, item, &groups)) {
		rc = adx_nomem(p->err);
	} else {
		record.u.contact.jid = jid;
		record.u.contact.nick = pie_attr(item, "name", "");
		record.u.contact.subscription = subscription;
		record.u.contact.ask =
			strcmp(pie_attr(item, "ask", ""), "subscribe") == 0 ? 'O' : 'N';
		record.u.contact.groups = (const char *const *)groups.items;
		record.u.contact.group_count = groups.count;
		rc = pie_emit(p, &record);
	}
	strvec_free(&groups);
	return rc;
}

static enum adx_rc
skip_item_parts(struct pie *p, xmlNode *item)
{
	static const char *const known[] = { "jid", "name", "subscription", "ask", NULL };
	enum adx_rc rc = pie_skip_attributes(p, item, known, "roster item");

	for (xmlNode *e = xmlFirstElementChild(item); e != NULL && rc == ADX_OK;
	     e = xmlNextElementSibling(e))
		if (!is_group(e))
			rc = pie_skip(p, "not understood", "element {%s}%s in roster item",
				      xml_ns(e), (const char *)e->name);
	return rc;
}

static enum adx_rc
roster_item(struct pie *p, xmlNode *item)
{
	const char *jid = pie_attr(item, "jid", "");
	char subscription = subscription_letter(pie_attr(item, "subscription", "none"));
	char bare[JID_BARE_MAX + 1];
	struct adx_error why;
	enum adx_rc rc = bare_jid(jid, bare, &why);

	if (rc == ADX_OK && subscription == '\0')
		rc = adx_fail(&why, ADX_EINVAL, "its subscription is not none, to, from or both");
	if (rc != ADX_OK)
		return pie_reject(p, rc, &why, "roster item '%s'", jid);
	rc = pie_expand(p);
	if (rc == ADX_OK)
		rc = emit_contact(p, item, bare, subscription);
	if (rc == ADX_OK)
		rc = skip_item_parts(p, item);
	return rc;
}

static enum adx_rc
roster(struct pie *p, xmlNode *element)
{
	static const struct pie_part parts[] = {
		{ NS_ROSTER, "item", roster_item },
		{ NULL, NULL, pie_skip_element },
	};

	(void)element;
	return pie_children(p, parts);
}

static enum adx_rc
presence(struct pie *p, xmlNode *element)
{
	struct pie_record record = { .kind = PIE_REQUEST };
	const char *from = pie_attr(element, "from", "");
	char bare[JID_BARE_MAX + 1];
	const xmlNode *status;
	struct adx_error why;
	enum adx_rc rc;

	if (strcmp(pie_attr(element, "type", ""), "subscribe") != 0)
		return pie_skip(p, "not a subscription request", "presence of '%s'", from);
	rc = bare_jid(from, bare, &why);
	if (rc != ADX_OK)
		return pie_reject(p, rc, &why, "subscription request of '%s'", from);
	rc = pie_expand(p);
	if (rc != ADX_OK)
		return rc;
	buf_clear(&p->text);
	status = xml_child(element, "status", NULL);
	if (status != NULL && !pie_text(status, &p->text))
		return adx_nomem(p->err);
	record.u.request.jid = bare;
	record.u.request.message = buf_text(&p->text);
	return pie_emit(p, &record);
}

static enum adx_rc
write_element(struct pie *p, const xmlNode *element, struct adx_error *why)
{
	buf_clear(&p->text);
	return xml_write(element, &p->text, why);
}

static enum adx_rc
emit_xml(struct pie *p, enum pie_kind kind, xmlNode *element)
{
	struct pie_record record = { .kind = kind };
	struct adx_error why;
	enum adx_rc rc = pie_expand(p);

	if (rc != ADX_OK)
		return rc;
	rc = write_element(p, element, &why);
	if (rc != ADX_OK)
		return pie_reject(p, rc, &why, "element {%s}%s", xml_ns(element),
				  (const char *)element->name);
	record.u.xml.xml = buf_text(&p->text);
	record.u.xml.len = p->text.len;
	record.u.xml.xmlns = xml_ns(element);
	return pie_emit(p, &record);
}

static enum adx_rc
vcard(struct pie *p, xmlNode *element)
{
	return emit_xml(p, PIE_VCARD, element);
}

static enum adx_rc
private_element(struct pie *p, xmlNode *element)
{
	const char *ns = xml_ns(element);

	/* The namespace is the key; what inherits that of the query was stored without one. */
	if (ns[0] == '\0' || strcmp(ns, NS_PRIVATE) == 0)
		return pie_skip(p, "it has no namespace of its own",
				"element %s in private storage", (const char *)element->name);
	return emit_xml(p, PIE_PRIVATE, element);
}

static enum adx_rc
private_storage(struct pie *p, xmlNode *element)
{
	static const struct pie_part parts[] = { { NULL, NULL, private_element } };

	(void)element;
	return pie_children(p, parts);
}

const xmlNode *
pie_delay(const xmlNode *message, const char *host)
{
	const xmlNode *first = xml_child(message, "delay", NS_DELAY);

	for (const xmlNode *d = first; d != NULL; d = xml_next(d, "delay", NS_DELAY))
		if (strcmp(pie_attr(d, "from", ""), host) == 0)
			return d;
	return first != NULL ? first : xml_child(message, "x", NS_X_DELAY);
}

static enum adx_rc
offline_message(struct pie *p, xmlNode *message)
{
	struct pie_record record = { .kind = PIE_OFFLINE };
	char stamp[STAMP_SIZE] = "";
	const char *said = "";
	const xmlNode *delay;
	struct adx_error why;
	enum adx_rc rc = pie_expand(p);

	if (rc != ADX_OK)
		return rc;
	rc = write_element(p, message, &why);
	if (rc != ADX_OK)
		return pie_reject(p, rc, &why, "offline message");
	delay = pie_delay(message, p->host);
	if (delay != NULL)
		said = pie_attr(delay, "stamp", "");
	if (delay != NULL && !stamp_of_xmpp(said, stamp))
		rc = pie_skip(p, "not a date and time", "delay stamp '%s' of an offline message",
			      said);
	record.u.offline.from = pie_attr(message, "from", "");
	record.u.offline.stamp = stamp;
	record.u.offline.xml = buf_text(&p->text);
	record.u.offline.len = p->text.len;
	return rc == ADX_OK ? pie_emit(p, &record) : rc;
}

static enum adx_rc
offline_messages(struct pie *p, xmlNode *element)
{
	static const struct pie_part parts[] = {
		{ PIE_NS_CLIENT, "message", offline_message },
		{ NULL, NULL, pie_skip_element },
	};

	(void)element;
	return pie_children(p, parts);
}

/* An attribute of our own namespace on an element of another one. */
static const char *
own_attr(const xmlNode *element, const char *name)
{
	const xmlAttr *attr = xmlHasNsProp(element, BAD_CAST name, BAD_CAST NS_ACCOUNT);

	return attr == NULL || attr->children == NULL ? "" : (const char *)attr->children->content;
}

static enum adx_rc
last_activity(struct pie *p, xmlNode *element)
{
	struct pie_record record = { .kind = PIE_LAST };
	const char *seconds = pie_attr(element, "seconds", "");
	char at[STAMP_SIZE];
	long long ago;
	enum adx_rc rc;

	if (!text_to_int64(seconds, strlen(seconds), &ago) || ago < 0 || ago > SECONDS_AGO_MAX)
		return pie_skip(p, "its seconds are not a number from 0 to 4294967295",
				"last activity '%s'", seconds);
	rc = pie_expand(p);
	if (rc != ADX_OK)
		return rc;
	if (!pie_text(element, &p->text))
		return adx_nomem(p->err);
	record.u.last.seconds_ago = ago;
	record.u.last.at = stamp_of_xmpp(own_attr(element, "at"), at) ? at : "";
	record.u.last.status = buf_text(&p->text);
	return pie_emit(p, &record);
}

static enum adx_rc
ban(struct pie *p, xmlNode *element)
{
	struct pie_record record = { .kind = PIE_BAN };
	const char *said = pie_attr(element, "at", "");
	char at[STAMP_SIZE] = "";
	enum adx_rc rc = pie_expand(p);

	if (rc == ADX_OK && !pie_text(element, &p->text))
		rc = adx_nomem(p->err);
	if (rc == ADX_OK && said[0] != '\0' && !stamp_of_xmpp(said, at))
		rc = pie_skip(p, "not a date and time", "stamp '%s' of a ban", said);
	record.u.ban.at = at;
	record.u.ban.by = pie_attr(element, "by", "");
	record.u.ban.reason = buf_text(&p->text);
	return rc == ADX_OK ? pie_emit(p, &record) : rc;
}

static enum adx_rc
account(struct pie *p, xmlNode *element)
{
	struct pie_record record = { .kind = PIE_CREATED };
	const char *said = pie_attr(element, "created", "");
	char at[STAMP_SIZE];

	if (!stamp_of_xmpp(said, at))
		return pie_skip(p, "not a date and time", "creation date '%s'", said);
	record.u.created.at = at;
	return pie_emit(p, &record);
}

enum adx_rc
pie_user(struct pie *p)
{
	static const struct pie_part parts[] = {
		{ PIE_NS_SCRAM, "scram-credentials", pie_scram },
		{ NS_ROSTER, "query", roster },
		{ NS_PRIVATE, "query", private_storage },
		{ NS_LAST, "query", last_activity },
		{ NS_VCARD, "vCard", vcard },
		{ PIE_NS_CLIENT, "presence", presence },
		{ PIE_NS, "presence", presence }, /* Prosody leaves its namespace out */
		{ PIE_NS, "offline-messages", offline_messages },
		{ NS_ACCOUNT, "ban", ban },
		{ NS_ACCOUNT, "account", account },
		{ PIE_NS_XI, "include", pie_include_refused },
		{ NULL, NULL, pie_skip_element },
	};

	return pie_children(p, parts);
}
