/*
 * XEP-0227 files. Every record is checked against the promises of the header; all of them are then
 * written as a file of our own, which must read as the same records with nothing skipped. What is
 * refused says so on one line. Nothing may be printed by the parser.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlerror.h>
#include <openssl/evp.h>

#include "adminex/jid.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/xml.h"
#include "transfer/pie_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ACCOUNT "urn:adminex:account:1"

struct notes {
	struct buf file;
	const char *element; /* open: "host", "user", or NULL */
	bool tag_open;       /* the '>' of <user is not written yet */
	size_t skipped;
	uint64_t done;
};

/* assert() would vanish with NDEBUG. */
static void
must(int truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static void
must_be_text(const char *text)
{
	must(text != NULL, "a field is NULL");
	must(text_is_xml(text, strlen(text)), "a field is not XML text");
}

static void
must_be_line(const char *text)
{
	must_be_text(text);
	must(strpbrk(text, "\r\n\t") == NULL, "a field has more than one line");
	must(text[0] != '\0', "a field is empty");
}

static void
must_be_bare(const char *text)
{
	char bare[JID_BARE_MAX + 1];
	struct adx_error err;
	struct jid jid;

	must_be_text(text);
	/* Preparing may not be idempotent beyond Unicode 3.2, but what came out is a JID. */
	must(jid_parse(text, strlen(text), &jid, &err) == ADX_OK, "a JID is not one");
	must(jid.resource[0] == '\0', "a bare JID has a resource");
	jid_bare(&jid, bare);
	must(strcmp(bare, text) == 0, "a JID is not prepared");
}

static void
must_be_xml(const char *text, size_t len)
{
	struct buf again = BUF_INIT;
	struct adx_error err;
	xmlDocPtr doc;

	must_be_text(text);
	must(strlen(text) == len, "a length is wrong");
	if (xml_parse(text, len, &doc, &err) != ADX_OK) {
		must(strstr(err.message, "too many namespaces") != NULL, "XML does not parse");
		return;
	}
	must(xml_write(xmlDocGetRootElement(doc), &again, &err) == ADX_OK, "XML is not written");
	must(strcmp(buf_text(&again), text) == 0, "XML is written differently");
	xmlFreeDoc(doc);
	buf_free(&again);
}

static void
add_escaped(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("&<>'\"\t\r\n", *text) != NULL)
			buf_addf(out, "&#%d;", *text);
		else
			buf_add_char(out, *text);
	}
}

static void
add_attribute(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, " %s='", name);
	add_escaped(out, value);
	buf_add_char(out, '\'');
}

static void
add_base64(struct buf *out, const char *name, const struct pie_bytes *bytes)
{
	char text[2048];

	must(bytes->data != NULL && bytes->len > 0 && bytes->len <= 1024, "a secret has no length");
	EVP_EncodeBlock((unsigned char *)text, bytes->data, (int)bytes->len);
	buf_addf(out, "<%s>%s</%s>", name, text, name);
}

static void
close_elements(struct notes *n, int all)
{
	if (n->tag_open)
		buf_add_char(&n->file, '>');
	n->tag_open = false;
	if (n->element != NULL && strcmp(n->element, "user") == 0) {
		buf_add_text(&n->file, "</p:user>\n");
		n->element = "host";
	}
	if (n->element != NULL && all) {
		buf_add_text(&n->file, "</p:host>\n");
		n->element = NULL;
	}
}

static void
on_host(struct notes *n, const struct pie_record *r)
{
	must(r->user[0] == '\0', "a host has a user");
	close_elements(n, 1);
	buf_add_text(&n->file, "<p:host");
	add_attribute(&n->file, "jid", r->host);
	buf_add_text(&n->file, ">\n");
	n->element = "host";
}

static void
on_account(struct notes *n, const struct pie_record *r)
{
	close_elements(n, 0);
	buf_add_text(&n->file, "<p:user");
	add_attribute(&n->file, "name", r->user);
	n->element = "user";
	n->tag_open = true;
}

static void
on_scram(struct notes *n, const struct pie_record *r)
{
	static const struct {
		const char *name;
		size_t len;
	} mechanisms[] = { { "SCRAM-SHA-1", 20 },
			   { "SCRAM-SHA-256", 32 },
			   { "SCRAM-SHA-512", 64 } };
	size_t len = 0;

	for (size_t i = 0; i < 3; i++)
		if (strcmp(mechanisms[i].name, r->u.credential.mechanism) == 0)
			len = mechanisms[i].len;
	must(len > 0, "a mechanism is not known");
	must(r->u.credential.stored_key.len == len && r->u.credential.server_key.len == len,
	     "a key has the wrong length");
	must(r->u.credential.iterations >= 1 && r->u.credential.iterations <= 10000000,
	     "iterations are out of range");
	buf_addf(&n->file,
		 "<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='%s'>"
		 "<iter-count>%d</iter-count>",
		 r->u.credential.mechanism, r->u.credential.iterations);
	add_base64(&n->file, "salt", &r->u.credential.salt);
	add_base64(&n->file, "stored-key", &r->u.credential.stored_key);
	add_base64(&n->file, "server-key", &r->u.credential.server_key);
	buf_add_text(&n->file, "</scram-credentials>\n");
}

static void
on_credential(struct notes *n, const struct pie_record *r)
{
	must_be_line(r->u.credential.mechanism);
	if (strcmp(r->u.credential.mechanism, "PLAIN") != 0) {
		on_scram(n, r);
		return;
	}
	must_be_text(r->u.credential.plain);
	must(r->u.credential.plain[0] != '\0', "a password is empty");
	must(n->tag_open, "a password comes late");
	add_attribute(&n->file, "password", r->u.credential.plain);
}

static void
on_contact(struct notes *n, const struct pie_record *r)
{
	static const char letters[] = "NTFB";
	static const char *const words[] = { "none", "to", "from", "both" };
	const char *letter = strchr(letters, r->u.contact.subscription);

	must_be_bare(r->u.contact.jid);
	must_be_text(r->u.contact.nick);
	must(letter != NULL && *letter != '\0', "a subscription is out of range");
	must(r->u.contact.ask == 'N' || r->u.contact.ask == 'O', "an ask is out of range");
	buf_addf(&n->file, "<query xmlns='jabber:iq:roster'><item subscription='%s'%s",
		 words[letter - letters], r->u.contact.ask == 'O' ? " ask='subscribe'" : "");
	add_attribute(&n->file, "jid", r->u.contact.jid);
	add_attribute(&n->file, "name", r->u.contact.nick);
	buf_add_char(&n->file, '>');
	for (size_t i = 0; i < r->u.contact.group_count; i++) {
		must_be_text(r->u.contact.groups[i]);
		must(r->u.contact.groups[i][0] != '\0', "a group is empty");
		for (size_t j = 0; j < i; j++)
			must(strcmp(r->u.contact.groups[i], r->u.contact.groups[j]) != 0,
			     "a group is repeated");
		buf_add_text(&n->file, "<group>");
		add_escaped(&n->file, r->u.contact.groups[i]);
		buf_add_text(&n->file, "</group>");
	}
	buf_add_text(&n->file, "</item></query>\n");
}

static void
on_request(struct notes *n, const struct pie_record *r)
{
	must_be_bare(r->u.request.jid);
	must_be_text(r->u.request.message);
	buf_add_text(&n->file, "<presence xmlns='jabber:client' type='subscribe'");
	add_attribute(&n->file, "from", r->u.request.jid);
	buf_add_text(&n->file, "><status>");
	add_escaped(&n->file, r->u.request.message);
	buf_add_text(&n->file, "</status></presence>\n");
}

static void
on_vcard(struct notes *n, const struct pie_record *r)
{
	must_be_xml(r->u.xml.xml, r->u.xml.len);
	must(strcmp(r->u.xml.xmlns, "vcard-temp") == 0, "a vCard is of another namespace");
	buf_addf(&n->file, "%s\n", r->u.xml.xml);
}

static void
on_private(struct notes *n, const struct pie_record *r)
{
	must_be_xml(r->u.xml.xml, r->u.xml.len);
	must_be_text(r->u.xml.xmlns);
	must(r->u.xml.xmlns[0] != '\0', "private storage has no namespace");
	/* Prefixes all the way: a default namespace around it would change what it says. */
	buf_addf(&n->file, "<q:query xmlns:q='jabber:iq:private'>%s</q:query>\n", r->u.xml.xml);
}

static void
on_offline(struct notes *n, const struct pie_record *r)
{
	size_t len = strlen(r->u.offline.stamp);

	must_be_xml(r->u.offline.xml, r->u.offline.len);
	must_be_text(r->u.offline.from);
	must(len == 0 || (len >= 20 && len <= 27 && r->u.offline.stamp[len - 1] == 'Z'),
	     "a stamp is of another form");
	/* The stamp is part of what the comparison sees. */
	buf_addf(&n->file, "<!-- %s --><p:offline-messages>%s</p:offline-messages>\n",
		 r->u.offline.stamp, r->u.offline.xml);
}

static void
on_last(struct notes *n, const struct pie_record *r)
{
	must(r->u.last.seconds_ago >= 0, "last activity is in the future");
	must_be_text(r->u.last.status);
	buf_addf(&n->file, "<query xmlns='jabber:iq:last' seconds='%lld' xmlns:a='" ACCOUNT "'",
		 (long long)r->u.last.seconds_ago);
	add_attribute(&n->file, "a:at", r->u.last.at);
	buf_add_char(&n->file, '>');
	add_escaped(&n->file, r->u.last.status);
	buf_add_text(&n->file, "</query>\n");
}

static void
on_ban(struct notes *n, const struct pie_record *r)
{
	must_be_text(r->u.ban.by);
	must_be_text(r->u.ban.reason);
	buf_add_text(&n->file, "<ban xmlns='" ACCOUNT "'");
	add_attribute(&n->file, "at", r->u.ban.at);
	add_attribute(&n->file, "by", r->u.ban.by);
	buf_add_char(&n->file, '>');
	add_escaped(&n->file, r->u.ban.reason);
	buf_add_text(&n->file, "</ban>\n");
}

static void
on_created(struct notes *n, const struct pie_record *r)
{
	must(r->u.created.at[0] != '\0', "a creation date is empty");
	buf_add_text(&n->file, "<account xmlns='" ACCOUNT "'");
	add_attribute(&n->file, "created", r->u.created.at);
	buf_add_text(&n->file, "/>\n");
}

static enum adx_rc
on_record(void *ctx, const struct pie_record *r, struct adx_error *err)
{
	static void (*const kinds[PIE_KINDS])(struct notes *, const struct pie_record *) = {
		[PIE_HOST] = on_host,       [PIE_ACCOUNT] = on_account,
		[PIE_CONTACT] = on_contact, [PIE_CREDENTIAL] = on_credential,
		[PIE_REQUEST] = on_request, [PIE_VCARD] = on_vcard,
		[PIE_PRIVATE] = on_private, [PIE_OFFLINE] = on_offline,
		[PIE_LAST] = on_last,       [PIE_BAN] = on_ban,
		[PIE_CREATED] = on_created,
	};
	struct notes *n = ctx;

	(void)err;
	must_be_text(r->host);
	must_be_text(r->user);
	if (r->kind == PIE_SKIPPED) {
		must_be_line(r->u.skipped.what);
		must_be_line(r->u.skipped.why);
		n->skipped++;
		return ADX_OK;
	}
	must((int)r->kind >= 0 && r->kind < PIE_KINDS, "a kind is not known");
	must_be_bare(r->host);
	if (r->kind != PIE_HOST)
		must(r->user[0] != '\0', "no user");
	if (n->tag_open &&
	    (r->kind != PIE_CREDENTIAL || strcmp(r->u.credential.mechanism, "PLAIN") != 0)) {
		buf_add_text(&n->file, ">\n");
		n->tag_open = false;
	}
	kinds[r->kind](n, r);
	return ADX_OK;
}

static enum adx_rc
on_progress(void *ctx, uint64_t done, uint64_t total, struct adx_error *err)
{
	struct notes *n = ctx;

	(void)err;
	must(done >= n->done && done <= total, "progress goes astray");
	n->done = done;
	return ADX_OK;
}

static void
on_print(void *ctx, const char *fmt, ...)
{
	(void)ctx;
	must(0, fmt);
}

static enum adx_rc
read_notes(struct notes *n, const char *text, size_t len)
{
	struct pie_sink sink = { n, on_record, on_progress };
	struct adx_error err = { .rc = ADX_OK };
	enum adx_rc rc;

	buf_add_text(&n->file, "<p:server-data xmlns:p='urn:xmpp:pie:0'>\n");
	rc = pie_read_memory(text, len, &sink, &err);
	close_elements(n, 1);
	buf_add_text(&n->file, "</p:server-data>");
	must(rc == ADX_OK || rc == ADX_EINVAL || rc == ADX_ENOMEM, "a result is unexpected");
	must(rc == err.rc, "a result is not described");
	if (rc != ADX_OK)
		must_be_line(err.message);
	/* Our file has one level more than a host alone. */
	if (rc != ADX_OK && strstr(err.message, "depth") != NULL)
		return ADX_ELIMIT;
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notes first = { .file = BUF_INIT }, second = { .file = BUF_INIT };
	enum adx_rc rc;

	xmlSetGenericErrorFunc(NULL, on_print);
	rc = read_notes(&first, (const char *)data, size);
	if (rc == ADX_OK) {
		rc = read_notes(&second, buf_text(&first.file), first.file.len);
		must(rc == ADX_OK || rc == ADX_ELIMIT, "what was written is refused");
		if (rc == ADX_OK)
			must(strcmp(buf_text(&first.file), buf_text(&second.file)) == 0,
			     "what was written reads differently");
	}
	buf_free(&first.file);
	buf_free(&second.file);
	return 0;
}
