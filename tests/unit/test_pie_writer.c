/* The writer as the inverse of the reader, and what it makes of records that are not like that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/out.h"
#include "transfer/pie_reader.h"
#include "transfer/pie_writer.h"

#define HEAD     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<server-data xmlns=\"urn:xmpp:pie:0\">"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A document being written, into a file without a name. */
struct sheet {
	FILE *file;
	struct out *out;
	struct pie_writer *writer;
	struct adx_error err;
};

static struct sheet
open_sheet(void)
{
	struct sheet s = { .file = tmpfile() };

	assert_non_null(s.file);
	s.out = out_new(fileno(s.file));
	s.writer = pie_writer_new(s.out, NULL);
	assert_non_null(s.writer);
	return s;
}

static char *
close_sheet(struct sheet *s, bool ended)
{
	char *text = calloc(1, 1 << 20);

	if (ended)
		assert_int_equal(pie_writer_end(s->writer, &s->err), ADX_OK);
	pie_writer_free(s->writer);
	out_flush(s->out);
	assert_int_equal(out_error(s->out), 0);
	rewind(s->file);
	assert_true(fread(text, 1, (1 << 20) - 1, s->file) > 0);
	fclose(s->file);
	out_free(s->out);
	return text;
}

static enum adx_rc
add(void *ctx, const struct pie_record *record, struct adx_error *err)
{
	assert_int_not_equal(record->kind, PIE_SKIPPED);
	return pie_writer_add(((struct sheet *)ctx)->writer, record, err);
}

/* What the writer makes of what the reader makes of a document. */
static char *
copy(const char *document)
{
	struct sheet s = open_sheet();
	struct pie_sink sink = { .ctx = &s, .record = add };

	assert_int_equal(pie_read_memory(document, strlen(document), &sink, &s.err), ADX_OK);
	return close_sheet(&s, true);
}

static void
check_user(const char *inside, const char *want)
{
	struct buf document = BUF_INIT, expected = BUF_INIT;
	char *once, *twice;

	buf_addf(&document,
		 "<server-data xmlns='urn:xmpp:pie:0'><host jid='x.org'><user name='a'>%s"
		 "</user></host></server-data>",
		 inside);
	buf_addf(&expected,
		 HEAD "\n<host jid=\"x.org\">\n<user name=\"a\"%s</host>\n</server-data>\n", want);
	once = copy(document.data);
	twice = copy(once);
	assert_string_equal(once, expected.data);
	assert_string_equal(twice, expected.data);
	free(once);
	free(twice);
	buf_free(&document);
	buf_free(&expected);
}

static void
test_pie_writer_frame(void **state)
{
	char *text =
		copy("<server-data xmlns='urn:xmpp:pie:0'><host jid='a.org'/><host jid='b.org'>"
		     "<user name='x' password='p'/><user name='y'/></host></server-data>");

	(void)state;
	assert_string_equal(text,
			    HEAD "\n<host jid=\"a.org\"/>\n<host jid=\"b.org\">\n<user name=\"x\" "
				 "password=\"p\"/>\n<user name=\"y\"/></host>\n</server-data>\n");
	free(text);
}

static void
test_pie_writer_each_kind(void **state)
{
	static const struct {
		const char *inside, *want;
	} cases[] = {
		{ "", "/>" },
		{ "<query xmlns='jabber:iq:roster'><item jid='b@c' name='&quot;&lt;&#10;&#9;' "
		  "subscription='to' ask='subscribe'><group>&amp;]]&gt;</group><group> g&#13;"
		  "</group></item><item jid='d@e'/></query>",
		  ">\n<query xmlns=\"jabber:iq:roster\">\n<item jid=\"b@c\" "
		  "name=\"&quot;&lt;&#10;&#9;\" subscription=\"to\" ask=\"subscribe\">"
		  "<group>&amp;]]&gt;</group><group> g&#13;</group></item>\n"
		  "<item jid=\"d@e\" subscription=\"none\"/></query></user>" },
		{ "<presence xmlns='jabber:client' type='subscribe' from='b@c'><status>hi</status>"
		  "</presence><presence xmlns='jabber:client' type='subscribe' from='d@e'/>",
		  ">\n<presence xmlns=\"jabber:client\" from=\"b@c\" to=\"a@x.org\" "
		  "type=\"subscribe\"><status>hi</status></presence>\n<presence "
		  "xmlns=\"jabber:client\" from=\"d@e\" to=\"a@x.org\" "
		  "type=\"subscribe\"/></user>" },
		{ "<vCard xmlns='vcard-temp'><FN>é\xF0\x9F\x98\x80</FN></vCard>",
		  ">\n<vCard xmlns='vcard-temp'><FN>é\xF0\x9F\x98\x80</FN></vCard></user>" },
		{ "<query xmlns='jabber:iq:private'><p:a xmlns:p='urn:a'/><b "
		  "xmlns='urn:b'/></query>",
		  ">\n<query xmlns=\"jabber:iq:private\">\n<p:a xmlns:p='urn:a'/>\n<b "
		  "xmlns='urn:b'/>"
		  "</query></user>" },
		{ "<offline-messages><message xmlns='jabber:client'><delay xmlns='urn:xmpp:delay' "
		  "stamp='2022-02-03T04:05:06Z'/></message></offline-messages>",
		  ">\n<offline-messages>\n<message xmlns='jabber:client'><delay "
		  "xmlns='urn:xmpp:delay' stamp='2022-02-03T04:05:06Z'/></message>"
		  "</offline-messages></user>" },
		{ "<query xmlns='jabber:iq:last' seconds='9'>bye</query>",
		  ">\n<query xmlns=\"jabber:iq:last\" seconds=\"9\">bye</query></user>" },
		{ "<query xmlns='jabber:iq:last' seconds='9' xmlns:x='urn:adminex:account:1' "
		  "x:at='2022-02-03T04:05:06.70Z'/>",
		  ">\n<query xmlns=\"jabber:iq:last\" seconds=\"9\" "
		  "xmlns:account=\"urn:adminex:account:1\" "
		  "account:at=\"2022-02-03T04:05:06.7Z\"/></user>" },
		{ "<ban xmlns='urn:adminex:account:1' at='2022-02-03T04:05:06.000Z' by='b'>r</ban>",
		  ">\n<ban xmlns=\"urn:adminex:account:1\" at=\"2022-02-03T04:05:06Z\" by=\"b\">r"
		  "</ban></user>" },
		{ "<account xmlns='urn:adminex:account:1' created='2022-02-03T04:05:06Z'/>",
		  ">\n<account xmlns=\"urn:adminex:account:1\" created=\"2022-02-03T04:05:06Z\"/>"
		  "</user>" },
		{ "<scram-credentials xmlns='urn:xmpp:pie:0#scram' "
		  "mechanism='SCRAM-SHA-1'><iter-count>7"
		  "</iter-count><salt>AA==</salt><server-key>AAECAwQFBgcICQoLDA0ODxAREhM=</"
		  "server-key>"
		  "<stored-key>AAECAwQFBgcICQoLDA0ODxAREhM=</stored-key></scram-credentials>",
		  ">\n<scram-credentials xmlns=\"urn:xmpp:pie:0#scram\" mechanism=\"SCRAM-SHA-1\">"
		  "<iter-count>7</iter-count><salt>AA==</salt>"
		  "<server-key>AAECAwQFBgcICQoLDA0ODxAREhM=</server-key>"
		  "<stored-key>AAECAwQFBgcICQoLDA0ODxAREhM=</stored-key></scram-credentials></"
		  "user>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_user(cases[i].inside, cases[i].want);
}

static struct pie_record
record(enum pie_kind kind)
{
	return (struct pie_record){ .kind = kind, .host = "x.org", .user = "a" };
}

static struct sheet
open_account(void)
{
	struct pie_record host = record(PIE_HOST), account = record(PIE_ACCOUNT);
	struct sheet s = open_sheet();

	assert_int_equal(pie_writer_add(s.writer, &host, &s.err), ADX_OK);
	assert_int_equal(pie_writer_add(s.writer, &account, &s.err), ADX_OK);
	return s;
}

/* The element as it stands in the document, or the reason for its absence. */
static void
check_element(enum pie_kind kind, const char *stored, const char *want)
{
	struct pie_record r = record(kind);
	struct sheet s = open_account();
	enum adx_rc rc;
	char *text;

	r.u.xml.xml = stored;
	r.u.xml.len = strlen(stored);
	r.u.xml.xmlns = "urn:x";
	if (kind == PIE_OFFLINE) {
		r.u.offline.xml = stored;
		r.u.offline.len = strlen(stored);
		r.u.offline.from = "";
		r.u.offline.stamp = "2022-02-03T04:05:06.500000Z";
	}
	rc = pie_writer_add(s.writer, &r, &s.err);
	text = close_sheet(&s, true);
	if (want == NULL) {
		assert_int_equal(rc, ADX_EINVAL);
		assert_true(strlen(s.err.message) > 0);
		assert_string_equal(text, HEAD "\n<host jid=\"x.org\">\n<user name=\"a\"/></host>\n"
					       "</server-data>\n");
	} else {
		assert_int_equal(rc, ADX_OK);
		assert_non_null(strstr(text, want));
	}
	free(text);
}

static void
test_pie_writer_namespaces(void **state)
{
	(void)state;
	check_element(PIE_VCARD, "<vCard><FN/></vCard>", "\n<vCard xmlns=''><FN/></vCard></user>");
	check_element(PIE_PRIVATE, "<p:a xmlns:p='u'><b/></p:a>",
		      "\n<p:a xmlns:p='u' xmlns=''><b/></p:a></query>");
	check_element(PIE_PRIVATE, "<p:a xmlns:p='u'><p:b/></p:a>",
		      "\n<p:a xmlns:p='u'><p:b/></p:a></query>");
	check_element(PIE_PRIVATE, "<p:a xmlns:p='u'><b xmlns='v'/></p:a>",
		      "\n<p:a xmlns:p='u'><b xmlns='v'/></p:a></query>");
	check_element(PIE_PRIVATE, "<iq><a/></iq>",
		      "\n<iq xmlns='jabber:client'><a/></iq></query>");
	check_element(PIE_PRIVATE, "<iq xmlns=''><a/></iq>", "\n<iq xmlns=''><a/></iq></query>");
}

static void
test_pie_writer_delay(void **state)
{
	static const char DELAY[] =
		"<delay xmlns='urn:xmpp:delay' from='x.org' stamp='2022-02-03T04:05:06.5Z'/>";
	char want[512];

	(void)state;
	snprintf(want, sizeof(want), "\n<message xmlns='jabber:client'>%s</message></offline",
		 DELAY);
	check_element(PIE_OFFLINE, "<message/>", want);
	check_element(PIE_OFFLINE, want + 1, NULL);
	snprintf(want, sizeof(want), "<message xmlns='jabber:client'>a<b/>%s</message>", DELAY);
	check_element(PIE_OFFLINE, want, want);
	snprintf(want, sizeof(want),
		 "<message xmlns='jabber:client'>%s<delay xmlns='urn:xmpp:delay' from='x.org' "
		 "stamp='2001-01-01T00:00:00Z'/></message>",
		 DELAY);
	check_element(PIE_OFFLINE,
		      "<message xmlns='jabber:client'><delay xmlns='urn:xmpp:delay' from='x.org' "
		      "stamp='2001-01-01T00:00:00Z'/></message>",
		      want);
}

static void
test_pie_writer_leaves_out_what_is_no_xml(void **state)
{
	static const char *const bad[] = {
		"",          "text", "<a", "<a/><b/>", "<p:a/>", "<a>\x01</a>", "<!DOCTYPE a><a/>",
		"<a>&b;</a>"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		check_element(PIE_VCARD, bad[i], NULL);
		check_element(PIE_PRIVATE, bad[i], NULL);
		check_element(PIE_OFFLINE, bad[i], NULL);
	}
}

static void
test_pie_writer_characters_of_no_xml(void **state)
{
	struct pie_record ban = record(PIE_BAN), plain = record(PIE_CREDENTIAL);
	struct sheet s = open_account();
	char *text;

	(void)state;
	plain.u.credential.mechanism = "PLAIN";
	plain.u.credential.plain = "a\x01";
	assert_int_equal(pie_writer_add(s.writer, &plain, &s.err), ADX_EINVAL);
	ban.u.ban.at = "2022-02-30T00:00:00Z";
	ban.u.ban.by = "\x1F\xEF\xBF\xBF";
	ban.u.ban.reason = "a\x01\xFF\xC3";
	assert_int_equal(pie_writer_add(s.writer, &ban, &s.err), ADX_OK);
	text = close_sheet(&s, true);
	assert_non_null(strstr(text, "<user name=\"a\">\n<ban xmlns=\"urn:adminex:account:1\" "
				     "by=\"\xEF\xBF\xBD\xEF\xBF\xBD\">a\xEF\xBF\xBD\xEF\xBF\xBD"
				     "\xEF\xBF\xBD</ban></user>"));
	free(text);
}

static void
test_pie_writer_not_ended_is_cut_off(void **state)
{
	struct sheet s = open_account();
	char *text = close_sheet(&s, false);

	(void)state;
	assert_null(strstr(text, "</server-data>"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pie_writer_frame),
		cmocka_unit_test(test_pie_writer_each_kind),
		cmocka_unit_test(test_pie_writer_namespaces),
		cmocka_unit_test(test_pie_writer_delay),
		cmocka_unit_test(test_pie_writer_leaves_out_what_is_no_xml),
		cmocka_unit_test(test_pie_writer_characters_of_no_xml),
		cmocka_unit_test(test_pie_writer_not_ended_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
