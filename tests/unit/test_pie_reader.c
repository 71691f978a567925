#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <libxml/xmlerror.h>

#include "base/buf.h"
#include "base/xml.h"
#include "transfer/pie_reader.h"

#define DATA     "tests/data/ejabberd-23.01/"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NS       " xmlns='urn:xmpp:pie:0'"
#define NS_OLD   " xmlns='http://www.xmpp.org/extensions/xep-0227.html#ns'"
#define XI       " xmlns:xi='http://www.w3.org/2001/XInclude'"

/* A sink that writes down one line a record, and can stop at the nth record or call of progress. */
struct log {
	struct buf lines;
	size_t counts[PIE_KINDS];
	size_t records, stop_at;
	size_t calls, stop_at_call;
	uint64_t done, total;
};

static void
add_hex(struct buf *out, const char *name, const struct pie_bytes *bytes)
{
	buf_addf(out, " %s=", name);
	for (size_t i = 0; i < bytes->len; i++)
		buf_addf(out, "%02x", bytes->data[i]);
}

static void
add_credential(struct buf *out, const struct pie_record *r)
{
	buf_addf(out, "credential %s", r->u.credential.mechanism);
	if (strcmp(r->u.credential.mechanism, "PLAIN") == 0) {
		buf_addf(out, " %s", r->u.credential.plain);
		return;
	}
	buf_addf(out, " %d", r->u.credential.iterations);
	add_hex(out, "salt", &r->u.credential.salt);
	add_hex(out, "stored", &r->u.credential.stored_key);
	add_hex(out, "server", &r->u.credential.server_key);
}

static void
add_contact(struct buf *out, const struct pie_record *r)
{
	buf_addf(out, "contact %s '%s' %c%c [", r->u.contact.jid, r->u.contact.nick,
		 r->u.contact.subscription, r->u.contact.ask);
	for (size_t i = 0; i < r->u.contact.group_count; i++)
		buf_addf(out, "%s%s", i == 0 ? "" : "|", r->u.contact.groups[i]);
	buf_add_char(out, ']');
}

static void
add_line(struct buf *out, const struct pie_record *r)
{
	switch (r->kind) {
	case PIE_HOST: buf_addf(out, "host %s", r->host); break;
	case PIE_ACCOUNT: buf_addf(out, "account %s@%s", r->user, r->host); break;
	case PIE_CREDENTIAL: add_credential(out, r); break;
	case PIE_CONTACT: add_contact(out, r); break;
	case PIE_REQUEST:
		buf_addf(out, "request %s '%s'", r->u.request.jid, r->u.request.message);
		break;
	case PIE_VCARD: buf_addf(out, "vcard %s", r->u.xml.xml); break;
	case PIE_PRIVATE: buf_addf(out, "private {%s} %s", r->u.xml.xmlns, r->u.xml.xml); break;
	case PIE_OFFLINE:
		buf_addf(out, "offline '%s' '%s' %s", r->u.offline.from, r->u.offline.stamp,
			 r->u.offline.xml);
		break;
	case PIE_LAST:
		buf_addf(out, "last %lld %s'%s'", (long long)r->u.last.seconds_ago, r->u.last.at,
			 r->u.last.status);
		break;
	case PIE_BAN:
		buf_addf(out, "ban '%s' '%s' '%s'", r->u.ban.at, r->u.ban.by, r->u.ban.reason);
		break;
	case PIE_CREATED: buf_addf(out, "created '%s'", r->u.created.at); break;
	case PIE_SKIPPED:
		buf_addf(out, "skipped %s: %s", r->u.skipped.what, r->u.skipped.why);
		break;
	case PIE_KINDS: fail();
	}
	buf_add_char(out, '\n');
}

static enum adx_rc
on_record(void *ctx, const struct pie_record *record, struct adx_error *err)
{
	struct log *log = ctx;

	assert_in_range(record->kind, 0, PIE_KINDS - 1);
	log->counts[record->kind]++;
	add_line(&log->lines, record);
	if (++log->records == log->stop_at)
		return adx_fail(err, ADX_EFAIL, "stopped");
	return ADX_OK;
}

static enum adx_rc
on_progress(void *ctx, uint64_t done, uint64_t total, struct adx_error *err)
{
	struct log *log = ctx;

	assert_true(done >= log->done);
	assert_true(done - log->done <= 131072);
	assert_true(total == 0 || done <= total);
	log->done = done;
	log->total = total;
	if (++log->calls == log->stop_at_call)
		return adx_fail(err, ADX_EINTR, "interrupted");
	return ADX_OK;
}

/* Nothing may reach the channel that prints on standard error. */
static void
on_print(void *ctx, const char *fmt, ...)
{
	(void)ctx;
	fail_msg("printed: %s", fmt);
}

static enum adx_rc
read_text(struct log *log, const char *text, size_t len, struct adx_error *err)
{
	struct pie_sink sink = { log, on_record, on_progress };
	char *copy = malloc(len == 0 ? 1 : len); /* of its own size, for the sanitizer */
	enum adx_rc rc;

	assert_non_null(copy);
	memcpy(copy, text, len);
	rc = pie_read_memory(copy, len, &sink, err);
	free(copy);
	return rc;
}

static enum adx_rc
read_path(struct log *log, const char *path, struct adx_error *err)
{
	struct pie_sink sink = { log, on_record, on_progress };

	return pie_read(path, &sink, err);
}

struct reads {
	const char *text;
	const char *want;
};

static void
check_reads(const struct reads *cases, size_t count, const char *before, const char *after,
	    const char *first_lines)
{
	for (size_t i = 0; i < count; i++) {
		struct log log = { .lines = BUF_INIT };
		struct adx_error err = { 0 };
		struct buf text = BUF_INIT, want = BUF_INIT;

		buf_addf(&text, "%s%s%s", before, cases[i].text, after);
		buf_addf(&want, "%s%s", first_lines, cases[i].want);
		if (read_text(&log, text.data, text.len, &err) != ADX_OK)
			fail_msg("%s: %s", cases[i].text, err.message);
		assert_string_equal(buf_text(&log.lines), buf_text(&want));
		buf_free(&log.lines);
		buf_free(&want);
		buf_free(&text);
	}
}

static void
check_documents(const struct reads *cases, size_t count)
{
	check_reads(cases, count, "", "", "");
}

static void
check_in_user(const struct reads *cases, size_t count)
{
	check_reads(cases, count, "<server-data" NS "><host jid='example.org'><user name='juliet'>",
		    "</user></host></server-data>",
		    "host example.org\naccount juliet@example.org\n");
}

static void
test_pie_reader_frame(void **state)
{
	static const struct reads cases[] = {
		{ "<server-data" NS "/>", "" },
		{ "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>\n<server-data" NS
		  ">\n <host jid='Example.ORG'>\n  <!-- x --><?y z?>\n </host>\n</server-data>\n",
		  "host example.org\n" },
		{ "<server-data" NS "><host jid='a'><user name='Romeo'/></host>"
		  "<host jid='b'><user name='juliet'></user></host></server-data>",
		  "host a\naccount romeo@a\nhost b\naccount juliet@b\n" },
		{ "<host" NS " jid='a'><user name='romeo'/></host>", "host a\naccount romeo@a\n" },
		{ "<p:host xmlns:p='urn:xmpp:pie:0' jid='a'><p:user name='romeo'/></p:host>",
		  "host a\naccount romeo@a\n" },
		{ "<server-data" NS_OLD "><host jid='a'><user name='romeo' password='x'/></host>"
		  "</server-data>",
		  "host a\naccount romeo@a\ncredential PLAIN x\n" },
		{ "<server-data" NS "><host jid='a'><user name='\xCE\xA3\xCE\xBF\xCF\x86\xCE\xAF"
		  "\xCE\xB1\xCF\x82'/></host></server-data>",
		  "host a\naccount \xCF\x83\xCE\xBF\xCF\x86\xCE\xAF\xCE\xB1\xCF\x83@a\n" },
	};

	(void)state;
	check_documents(cases, COUNT(cases));
}

static void
test_pie_reader_skips_what_is_not_valid_in_the_frame(void **state)
{
	static const struct reads cases[] = {
		{ "<server-data" NS "><host jid='a@b'><user name='x'/></host><host jid='c'/>"
		  "</server-data>",
		  "skipped host 'a@b': domain has characters that are not allowed there\nhost "
		  "c\n" },
		{ "<host" NS "/>", "skipped host '': domain is empty\n" },
		{ "<host" NS " jid='a'><user name='x y'><vCard xmlns='vcard-temp'/></user><user/>"
		  "<user name='z'/></host>",
		  "host a\n"
		  "skipped user 'x y': localpart has characters that are not allowed there\n"
		  "skipped user '': localpart is empty\n"
		  "account z@a\n" },
		{ "<server-data" NS " a='b'><jingle/><host jid='a' x='y' xml:lang='en'>"
		  "<room xmlns='z'><user name='no'/></room><user name='z' age='3' "
		  "p:created='1' xmlns:p='u:p'/></host></server-data>",
		  "skipped attribute a in server-data: not understood\n"
		  "skipped element {urn:xmpp:pie:0}jingle: not understood\n"
		  "host a\n"
		  "skipped attribute x in host: not understood\n"
		  "skipped element {z}room: not understood\n"
		  "account z@a\n"
		  "skipped attribute age in user: not understood\n"
		  "skipped attribute {u:p}created in user: not understood\n" },
		{ "<host" NS " jid='a'>stray<![CDATA[more]]></host>",
		  "host a\n"
		  "skipped text in element {urn:xmpp:pie:0}host: not understood\n"
		  "skipped text in element {urn:xmpp:pie:0}host: not understood\n" },
		{ "<host" NS " jid='a'><user name='x&#10;&#x7F;y'/></host>",
		  "host a\n"
		  "skipped user 'x  y': localpart has characters that are not allowed there\n" },
	};

	(void)state;
	check_documents(cases, COUNT(cases));
}

static void
test_pie_reader_cuts_long_names_at_a_character(void **state)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };
	struct buf text = BUF_INIT;

	(void)state;
	buf_add_text(&text, "<host" NS " jid='a'><user name='x");
	for (int i = 0; i < 1000; i++)
		buf_add_text(&text, "\xC3\xA9");
	buf_add_text(&text, "'/></host>");
	assert_int_equal(read_text(&log, text.data, text.len, &err), ADX_OK);
	assert_int_equal(log.counts[PIE_SKIPPED], 1);
	assert_non_null(strstr(log.lines.data, "\xC3\xA9: localpart is longer than 1023 bytes\n"));
	buf_free(&log.lines);
	buf_free(&text);
}

static void
test_pie_reader_password(void **state)
{
	static const struct reads cases[] = {
		{ "<host" NS " jid='a'><user name='x' password='p&apos;&#xE4;&#10;&amp;'/></host>",
		  "host a\naccount x@a\ncredential PLAIN p'\xC3\xA4\n&\n" },
		{ "<host" NS " jid='a'><user name='x' password=''/></host>",
		  "host a\naccount x@a\n" },
	};

	(void)state;
	check_documents(cases, COUNT(cases));
}

#define SCRAM(mechanism, inner)                                                                    \
	"<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='" mechanism "'>" inner         \
	"</scram-credentials>"
#define FIELDS(count, salt, stored, server)                                                        \
	"<iter-count>" count "</iter-count><salt>" salt "</salt><server-key>" server               \
	"</server-key><stored-key>" stored "</stored-key>"
/* "salt", 20, 32 and 64 letters, and 20 letters in base64 twice */
#define SALT    "c2FsdA=="
#define A20     "QUFBQUFBQUFBQUFBQUFBQUFBQUE="
#define B20     "QkJCQkJCQkJCQkJCQkJCQkJCQkI="
#define A30     "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define A32     A30 "QUE="
#define A64     A30 A30 "QUFBQQ=="
#define A20_2   "UVVGQlFVRkJRVUZCUVVGQlFVRkJRVUZCUVVFPQ=="
#define SALT_2  "YzJGc2RBPT0="
#define HEX_A20 "4141414141414141414141414141414141414141"
#define HEX_B20 "4242424242424242424242424242424242424242"
#define HEX_A32 HEX_A20 "414141414141414141414141"

static void
test_pie_reader_scram(void **state)
{
	static const struct reads cases[] = {
		{ SCRAM("SCRAM-SHA-1", FIELDS("4096", SALT, A20, B20)),
		  "credential SCRAM-SHA-1 4096 salt=73616c74 stored=" HEX_A20 " server=" HEX_B20
		  "\n" },
		{ SCRAM("SCRAM-SHA-1", "\n" FIELDS(" 1\n", " c2Fs\r\n\tdA== ", A20, B20) "<x/>"),
		  "credential SCRAM-SHA-1 1 salt=73616c74 stored=" HEX_A20 " server=" HEX_B20
		  "\n" },
		{ SCRAM("SCRAM-SHA-256", FIELDS("10000000", SALT, A32, A32)),
		  "credential SCRAM-SHA-256 10000000 salt=73616c74 stored=" HEX_A32
		  " server=" HEX_A32 "\n" },
		{ SCRAM("SCRAM-SHA-512", FIELDS("4096", SALT, A64, A64)),
		  "credential SCRAM-SHA-512 4096 salt=73616c74 stored=" HEX_A32 HEX_A32
		  " server=" HEX_A32 HEX_A32 "\n" },
		{ SCRAM("SCRAM-SHA-1", FIELDS("4096", SALT_2, A20_2, A20_2)),
		  "credential SCRAM-SHA-1 4096 salt=73616c74 stored=" HEX_A20 " server=" HEX_A20
		  "\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
test_pie_reader_scram_refuses(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{ FIELDS("0", SALT, A20, B20),
		  "its iter-count is not a number from 1 to 10000000" },
		{ FIELDS("10000001", SALT, A20, B20),
		  "its iter-count is not a number from 1 to 10000000" },
		{ FIELDS("40 96", SALT, A20, B20),
		  "its iter-count is not a number from 1 to 10000000" },
		{ FIELDS("4096x", SALT, A20, B20),
		  "its iter-count is not a number from 1 to 10000000" },
		{ FIELDS("", SALT, A20, B20), "its iter-count is not a number from 1 to 10000000" },
		{ FIELDS("4096", "", A20, B20), "its salt is not base64" },
		{ FIELDS("4096", "c2FsdA=", A20, B20), "its salt is not base64" },
		{ FIELDS("4096", "c2FsdA", A20, B20), "its salt is not base64" },
		{ FIELDS("4096", "c2FsdB==", A20, B20), "its salt is not base64" },
		{ FIELDS("4096", "c2Fs-A==", A20, B20), "its salt is not base64" },
		{ FIELDS("4096", "====", A20, B20), "its salt is not base64" },
		{ FIELDS("4096", "c2==dA==", A20, B20), "its salt is not base64" },
		{ FIELDS("4096", SALT, A32, B20), "its stored-key has 32 bytes, not 20" },
		{ FIELDS("4096", SALT, A20, A32), "its server-key has 32 bytes, not 20" },
		{ FIELDS("4096", SALT, A20_2, B20), "its server-key has 15 bytes, not 20" },
		{ FIELDS("4096", SALT_2, A20_2, "ISEhISEhISEhISEhISEhISEhISE="),
		  "its stored-key has 28 bytes, not 20" },
		{ "<salt>" SALT "</salt><server-key>" B20 "</server-key><stored-key>" A20
		  "</stored-key>",
		  "it has no iter-count" },
		{ "<iter-count>1</iter-count>", "it has no salt" },
		{ "<iter-count>1</iter-count><salt>" SALT "</salt>", "it has no stored-key" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = BUF_INIT, want = BUF_INIT;
		struct reads c;

		buf_addf(&text, SCRAM("SCRAM-SHA-1", "%s"), cases[i].text);
		buf_addf(&want, "skipped credential 'SCRAM-SHA-1': %s\n", cases[i].why);
		c = (struct reads){ text.data, want.data };
		check_in_user(&c, 1);
		buf_free(&text);
		buf_free(&want);
	}
}

static void
test_pie_reader_scram_refuses_mechanisms(void **state)
{
	static const struct reads cases[] = {
		{ SCRAM("SCRAM-MD5", FIELDS("4096", SALT, A20, B20)),
		  "skipped credential 'SCRAM-MD5': its mechanism is not known\n" },
		{ SCRAM("PLAIN", FIELDS("4096", SALT, A20, B20)),
		  "skipped credential 'PLAIN': its mechanism is not known\n" },
		{ "<scram-credentials xmlns='urn:xmpp:pie:0#scram'/>",
		  "skipped credential '': its mechanism is not known\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

/* 1024 bytes in base64 are 1368 characters. */
static void
check_salt(size_t quads, const char *last, const char *want)
{
	struct buf text = BUF_INIT;
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };

	buf_add_text(&text, "<host" NS " jid='a'><user name='x'><scram-credentials "
			    "xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'>"
			    "<iter-count>1</iter-count><salt>");
	for (size_t i = 0; i < quads; i++)
		buf_add_text(&text, "QUFB");
	buf_addf(&text,
		 "%s</salt><server-key>" A20 "</server-key><stored-key>" A20
		 "</stored-key></scram-credentials></user></host>",
		 last);
	assert_int_equal(read_text(&log, text.data, text.len, &err), ADX_OK);
	if (strstr(buf_text(&log.lines), want) == NULL)
		fail_msg("%s", buf_text(&log.lines));
	buf_free(&log.lines);
	buf_free(&text);
}

static void
test_pie_reader_scram_salt_length(void **state)
{
	(void)state;
	check_salt(341, "QQ==", "credential SCRAM-SHA-1 1 salt=4141");
	check_salt(341, "QUE=", "its salt is longer than 1024 bytes");
	check_salt(1025, "", "its salt is not base64");
}

#define ROSTER(items) "<query xmlns='jabber:iq:roster'>" items "</query>"

static void
test_pie_reader_roster(void **state)
{
	static const struct reads cases[] = {
		{ ROSTER(""), "" },
		{ "<query xmlns='jabber:iq:roster' ver='3'/>", "" },
		{ ROSTER("<item jid='Romeo@Example.NET/orchard'/>"),
		  "contact romeo@example.net '' NN []\n" },
		{ ROSTER("<item jid='a@b' subscription='none' ask='subscribe' name='&quot;&amp;'/>"
			 "<item jid='c' subscription='to'/><item jid='d@b' subscription='from'/>"
			 "<item jid='e@b' subscription='both' ask='' name=''/>"),
		  "contact a@b '\"&' NO []\ncontact c '' TN []\ncontact d@b '' FN []\n"
		  "contact e@b '' BN []\n" },
		{ ROSTER("\n<item jid='a@b'>\n<group>z</group><group/><group>a<![CDATA[&]]>&lt;"
			 "</group><group>z</group><group> </group></item>\n"),
		  "contact a@b '' NN [z|a&<| ]\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
test_pie_reader_roster_skips(void **state)
{
	static const struct reads cases[] = {
		{ ROSTER("<item/><item jid='a@@b'><group>x</group></item><item jid='c'/>"),
		  "skipped roster item '': domain is empty\n"
		  "skipped roster item 'a@@b': domain has characters that are not allowed there\n"
		  "contact c '' NN []\n" },
		{ ROSTER("<item jid='a@b' subscription='remove'/>"
			 "<item jid='a@b' subscription='Both'/>"
			 "<item jid='a@b' subscription=''/>"),
		  "skipped roster item 'a@b': its subscription is not none, to, from or both\n"
		  "skipped roster item 'a@b': its subscription is not none, to, from or both\n"
		  "skipped roster item 'a@b': its subscription is not none, to, from or both\n" },
		{ ROSTER("<item jid='a@b' approved='true' xml:lang='en' mix:x='y' xmlns:mix='m'>"
			 "<channel xmlns='u:mix'><group/></channel><group>g</group><group "
			 "xmlns='v'>h</group></item>"),
		  "contact a@b '' NN [g]\n"
		  "skipped attribute approved in roster item: not understood\n"
		  "skipped attribute {m}x in roster item: not understood\n"
		  "skipped element {u:mix}channel in roster item: not understood\n"
		  "skipped element {v}group in roster item: not understood\n" },
		{ ROSTER("<x/><item xmlns='' jid='a@b'/>"),
		  "skipped element {jabber:iq:roster}x: not understood\n"
		  "skipped element {}item: not understood\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
test_pie_reader_request(void **state)
{
	static const struct reads cases[] = {
		{ "<presence xmlns='jabber:client' type='subscribe' from='Romeo@b/c' to='j@x'>"
		  "<status xml:lang='en'>please &lt;3</status></presence>",
		  "request romeo@b 'please <3'\n" },
		{ "<presence from='a@b' type='subscribe'/>", "request a@b ''\n" },
		{ "<presence xmlns='jabber:client' type='subscribe' from='a@'/>"
		  "<presence xmlns='jabber:client' type='subscribe'/>",
		  "skipped subscription request of 'a@': domain is empty\n"
		  "skipped subscription request of '': domain is empty\n" },
		{ "<presence xmlns='jabber:client' type='subscribed' from='a@b'/>"
		  "<presence xmlns='jabber:client' from='a@b'/>",
		  "skipped presence of 'a@b': not a subscription request\n"
		  "skipped presence of 'a@b': not a subscription request\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
test_pie_reader_vcard(void **state)
{
	static const struct reads cases[] = {
		{ "<vCard xmlns='vcard-temp'><FN>&quot;J&quot; &amp; co</FN><A b=\"'\"/></vCard>",
		  "vcard <vCard xmlns='vcard-temp'><FN>\"J\" &amp; co</FN><A "
		  "b='&apos;'/></vCard>\n" },
		{ "<vCard xmlns='vcard-temp'/>", "vcard <vCard xmlns='vcard-temp'/>\n" },
		{ "<vCard xmlns='vcard-temp'></vCard>", "vcard <vCard xmlns='vcard-temp'/>\n" },
		{ "<vCard/>", "skipped element {urn:xmpp:pie:0}vCard: not understood\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

#define PRIVATE(inner) "<query xmlns='jabber:iq:private'>" inner "</query>"

static void
test_pie_reader_private(void **state)
{
	static const struct reads cases[] = {
		{ PRIVATE(""), "" },
		{ PRIVATE("<storage xmlns='storage:bookmarks'><x/></storage> <e xmlns='e:p'/>"),
		  "private {storage:bookmarks} <storage xmlns='storage:bookmarks'><x/></storage>\n"
		  "private {e:p} <e xmlns='e:p'/>\n" },
		/* not an absolute URI, not a URI at all */
		{ PRIVATE("<a xmlns='plain'/><a xmlns='two words'/>"),
		  "private {plain} <a xmlns='plain'/>\n"
		  "private {two words} <a xmlns='two words'/>\n" },
		/* libxml2 gives namespaces with '&' as "&#38;" */
		{ PRIVATE("<a xmlns='u?b&amp;c'><d xmlns:e='f&amp;#38;'><e:g/></d></a>"),
		  "private {u?b&c} <a xmlns='u?b&amp;c'><d xmlns:e='f&amp;#38;'><e:g/></d></a>\n" },
		{ PRIVATE("<a/><a xmlns=''/><b xmlns='u:b'/>"),
		  "skipped element a in private storage: it has no namespace of its own\n"
		  "skipped element a in private storage: it has no namespace of its own\n"
		  "private {u:b} <b xmlns='u:b'/>\n" },
		/* declared outside of what is kept */
		{ "<q:query xmlns:q='jabber:iq:private' xmlns:s='u:s'><s:a s:b='c'><d/></s:a>"
		  "</q:query>",
		  "private {u:s} <s:a xmlns:s='u:s' s:b='c'><d xmlns='urn:xmpp:pie:0'/></s:a>\n" },
		{ PRIVATE("<i:include xmlns:i='http://www.w3.org/2001/XInclude' href='/x'/>"),
		  "private {http://www.w3.org/2001/XInclude} "
		  "<i:include xmlns:i='http://www.w3.org/2001/XInclude' href='/x'/>\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

#define MESSAGE(from, inner)                                                                       \
	"<offline-messages><message xmlns='jabber:client'" from ">" inner                          \
	"</message></offline-messages>"
#define DELAY(stamp) "<delay xmlns='urn:xmpp:delay' stamp='" stamp "'/>"

static void
test_pie_reader_offline(void **state)
{
	static const struct reads cases[] = {
		{ "<offline-messages/>", "" },
		{ MESSAGE(" from='A@b/C'", "<body>x &gt; \xE2\x98\x83</body>"),
		  "offline 'A@b/C' '' <message xmlns='jabber:client' from='A@b/C'>"
		  "<body>x &gt; \xE2\x98\x83</body></message>\n" },
		{ MESSAGE("", "<x xmlns='jabber:x:delay' stamp='20260102T03:04:05'/>"),
		  "offline '' '2026-01-02T03:04:05Z' <message xmlns='jabber:client'>"
		  "<x xmlns='jabber:x:delay' stamp='20260102T03:04:05'/></message>\n" },
		{ "<offline-messages>\n<note/><message/></offline-messages>",
		  "skipped element {urn:xmpp:pie:0}note: not understood\n"
		  "skipped element {urn:xmpp:pie:0}message: not understood\n" },
		{ MESSAGE("", DELAY("soon")),
		  "skipped delay stamp 'soon' of an offline message: not a date and time\n"
		  "offline '' '' <message xmlns='jabber:client'>" DELAY("soon") "</message>\n" },
		/* the delay that the account's own server wrote */
		{ MESSAGE("", DELAY("2001-01-01T00:00:00Z") "<delay xmlns='urn:xmpp:delay' "
							    "from='example.org' "
							    "stamp='2026-01-01T00:00:00Z'/>"),
		  "offline '' '2026-01-01T00:00:00Z' <message xmlns='jabber:client'>" DELAY(
			  "2001-01-01T00:00:00Z") "<delay xmlns='urn:xmpp:delay' "
						  "from='example.org' "
						  "stamp='2026-01-01T00:00:00Z'/></message>\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
test_pie_reader_offline_stamps(void **state)
{
	/* what is said, what it means in UTC; "" is refused */
	static const char *const cases[][2] = {
		{ "2026-11-22T17:19:15.748980Z", "2026-11-22T17:19:15.748980Z" },
		{ "2026-11-22T17:19:15Z", "2026-11-22T17:19:15Z" },
		{ "2026-11-22T17:19:15.5Z", "2026-11-22T17:19:15.5Z" },
		{ "2026-11-22T17:19:15.123456789Z", "2026-11-22T17:19:15.123456Z" },
		{ "2026-11-22T17:19:15+00:00", "2026-11-22T17:19:15Z" },
		{ "2026-11-22T01:19:15.25+02:30", "2026-11-21T22:49:15.25Z" },
		{ "2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z" },
		{ "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z" },
		{ "1469-07-21T00:32:29Z", "1469-07-21T00:32:29Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z" },
		{ "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z" },
		{ "20240229T23:59:59", "2024-02-29T23:59:59Z" },
		{ "0001-01-01T00:00:00+00:01", "" },
		{ "9999-12-31T23:59:00-00:01", "" },
		{ "0000-01-01T00:00:00Z", "" },
		{ "2023-02-29T00:00:00Z", "" },
		{ "2026-13-01T00:00:00Z", "" },
		{ "2026-00-01T00:00:00Z", "" },
		{ "2026-01-00T00:00:00Z", "" },
		{ "2026-01-32T00:00:00Z", "" },
		{ "2026-01-01T24:00:00Z", "" },
		{ "2026-01-01T00:60:00Z", "" },
		{ "2026-01-01T00:00:61Z", "" },
		{ "2026-01-01T00:00:00", "" },
		{ "2026-01-01T00:00:00.Z", "" },
		{ "2026-01-01T00:00:00Z ", "" },
		{ "2026-01-01T00:00:00+24:00", "" },
		{ "2026-01-01T00:00:00+01", "" },
		{ "2026-01-01 00:00:00Z", "" },
		{ "2026-1-1T00:00:00Z", "" },
		{ "20240230T00:00:00", "" },
		{ "20240229T00:00:00Z", "" },
		{ "20240229T00:00", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = BUF_INIT, want = BUF_INIT;
		struct reads c;

		buf_addf(&text, MESSAGE("", DELAY("%s")), cases[i][0]);
		if (cases[i][1][0] == '\0')
			buf_addf(&want,
				 "skipped delay stamp '%s' of an offline message: "
				 "not a date and time\n",
				 cases[i][0]);
		buf_addf(&want,
			 "offline '' '%s' <message xmlns='jabber:client'>" DELAY(
				 "%s") "</message>\n",
			 cases[i][1], cases[i][0]);
		c = (struct reads){ text.data, want.data };
		check_in_user(&c, 1);
		buf_free(&text);
		buf_free(&want);
	}
}

static void
test_pie_reader_last(void **state)
{
	static const struct reads cases[] = {
		{ "<query xmlns='jabber:iq:last' seconds='903'>Heading Home</query>",
		  "last 903 'Heading Home'\n" },
		{ "<query xmlns='jabber:iq:last' seconds='0'/>", "last 0 ''\n" },
		{ "<query xmlns='jabber:iq:last' seconds='7' xmlns:a='urn:adminex:account:1' "
		  "a:at='2026-11-22T18:19:15.5+01:00'>x</query>",
		  "last 7 2026-11-22T17:19:15.5Z'x'\n" },
		{ "<query xmlns='jabber:iq:last' seconds='7' at='2026-11-22T17:19:15Z' "
		  "xmlns:a='urn:adminex:account:1' a:at='yesterday'/>",
		  "last 7 ''\n" },
		{ "<query xmlns='jabber:iq:last' seconds='4294967296'/>"
		  "<query xmlns='jabber:iq:last' seconds='-1'/>"
		  "<query xmlns='jabber:iq:last' seconds='1.5'/>"
		  "<query xmlns='jabber:iq:last'/>",
		  "skipped last activity '4294967296': "
		  "its seconds are not a number from 0 to 4294967295\n"
		  "skipped last activity '-1': its seconds are not a number from 0 to 4294967295\n"
		  "skipped last activity '1.5': its seconds are not a number from 0 to 4294967295\n"
		  "skipped last activity '': its seconds are not a number from 0 to 4294967295\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
test_pie_reader_ban(void **state)
{
	static const struct reads cases[] = {
		{ "<ban xmlns='urn:adminex:account:1' at='2026-11-22T17:19:15Z' by='alice'>spam "
		  "&amp; "
		  "more</ban>",
		  "ban '2026-11-22T17:19:15Z' 'alice' 'spam & more'\n" },
		{ "<ban xmlns='urn:adminex:account:1'/>", "ban '' '' ''\n" },
		{ "<ban xmlns='urn:adminex:account:1' at='now'>x</ban>",
		  "skipped stamp 'now' of a ban: not a date and time\nban '' '' 'x'\n" },
		{ "<ban xmlns='urn:adminex:account:2'/><ban/>",
		  "skipped element {urn:adminex:account:2}ban: not understood\n"
		  "skipped element {urn:xmpp:pie:0}ban: not understood\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
test_pie_reader_created(void **state)
{
	static const struct reads cases[] = {
		{ "<account xmlns='urn:adminex:account:1' created='2026-11-22T17:19:15.25Z'/>",
		  "created '2026-11-22T17:19:15.25Z'\n" },
		{ "<account xmlns='urn:adminex:account:1'/>",
		  "skipped creation date '': not a date and time\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
test_pie_reader_skips_the_rest_of_a_user(void **state)
{
	static const struct reads cases[] = {
		{ "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure><vCard "
		  "xmlns='vcard-temp'/></configure></pubsub><archive xmlns='urn:xmpp:pie:0#mam'/>"
		  "<query xmlns='jabber:iq:privacy'><list/></query>text"
		  "<vCard xmlns='vcard-temp'/>",
		  "skipped element {http://jabber.org/protocol/pubsub#owner}pubsub: "
		  "not understood\n"
		  "skipped element {urn:xmpp:pie:0#mam}archive: not understood\n"
		  "skipped element {jabber:iq:privacy}query: not understood\n"
		  "skipped text in element {urn:xmpp:pie:0}user: not understood\n"
		  "vcard <vCard xmlns='vcard-temp'/>\n" },
		{ "<user name='x'/>", "skipped element {urn:xmpp:pie:0}user: not understood\n" },
	};

	(void)state;
	check_in_user(cases, COUNT(cases));
}

static void
check_refuses(const char *text, size_t len, const char *want)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };

	if (read_text(&log, text, len, &err) != ADX_EINVAL)
		fail_msg("accepted: %s", text);
	assert_int_equal(err.rc, ADX_EINVAL);
	assert_string_equal(err.message, want);
	buf_free(&log.lines);
}

static void
test_pie_reader_refuses(void **state)
{
	static const struct reads cases[] = {
		{ "", "'input' line 1, column 1: the document ends too early" },
		{ "plain text", "'input' line 1, column 1: document is empty" },
		{ "<host" NS " jid='a'>",
		  "'input' line 1, column 38: the document ends too early" },
		{ "<host" NS " jid='a'>\n<user name='x'><vCard xmlns='vcard-temp'><FN>abc",
		  "'input' line 2, column 49: the document ends too early" },
		{ "<host" NS " jid='a'></hos>", "'input' line 1, column 44: opening and ending tag "
						"mismatch: host line 1 and hos" },
		{ "<host" NS " jid='a'/><host/>",
		  "'input' line 1, column 39: extra content at the end of the document" },
		{ "<host" NS " jid='a'/>x",
		  "'input' line 1, column 39: extra content at the end of the document" },
		{ "<host" NS " jid='a'>&nbsp;</host>",
		  "'input' line 1, column 44: entity 'nbsp' not defined" },
		{ "<host" NS " jid='a'><x:y/></host>",
		  "'input' line 1, column 42: namespace prefix x on y is not defined" },
		{ "<host" NS " jid='a'>\x01</host>",
		  "'input' line 1, column 38: PCDATA invalid Char value 1" },
		{ "<host" NS " jid='\xFF'/>",
		  "'input' line 1, column 35: input is not proper UTF-8" },
		{ "<data/>", "'input' is not XEP-0227 data: its root is {}data" },
		{ "<server-data xmlns='urn:xmpp:pie:1'/>",
		  "'input' is not XEP-0227 data: its root is {urn:xmpp:pie:1}server-data" },
		{ "<user" NS " name='x'/>",
		  "'input' is not XEP-0227 data: its root is {urn:xmpp:pie:0}user" },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?><host" NS " jid='a'>\xE9</host>",
		  "'input' is in encoding ISO-8859-1: only UTF-8 is read" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_refuses(cases[i].text, strlen(cases[i].text), cases[i].want);
}

static void
test_pie_reader_refuses_document_types(void **state)
{
	static const char *const cases[] = {
		"<!DOCTYPE host><host" NS " jid='a'/>",
		"<!DOCTYPE host SYSTEM '/etc/passwd'><host" NS " jid='a'/>",
		"<!DOCTYPE host [<!ENTITY x 'y'>]><host" NS " jid='&x;'>&x;</host>",
		"<!DOCTYPE host [<!ENTITY x SYSTEM '/etc/passwd'>]><host" NS " jid='a'>&x;</host>",
		"<!DOCTYPE host [<!ENTITY % x SYSTEM 'http://192.0.2.1/x'> %x;]><host" NS
		" jid='a'/>",
		"<!DOCTYPE host [<!ATTLIST host jid CDATA 'a'>]><host" NS "/>",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_refuses(cases[i], strlen(cases[i]),
			      "'input' near line 1: document types are not accepted");
}

static void
test_pie_reader_refuses_nul_and_utf_16(void **state)
{
	static const char ends[] = "<host" NS " jid='a'/>\0<!-- more -->";
	static const char utf16[] = "\xFF\xFE<\0a\0/\0>\0";

	(void)state;
	check_refuses(ends, sizeof(ends) - 1,
		      "'input' near line 1: a NUL byte, which is not UTF-8 text");
	check_refuses(utf16, sizeof(utf16) - 1,
		      "'input' near line 1: a NUL byte, which is not UTF-8 text");
}

static void
test_pie_reader_bounds_attributes_of_a_tag(void **state)
{
	struct buf text = BUF_INIT;
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };

	(void)state;
	buf_add_text(&text, "<host" NS " jid='a'><!--><!x a='b' --><!-- <x ");
	for (int i = 0; i < 300; i++)
		buf_add_text(&text, "a='>' ");
	buf_add_text(&text, "--><?p ");
	for (int i = 0; i < 300; i++)
		buf_add_text(&text, "a='>' ");
	buf_add_text(&text, "?><user name='x'><![CDATA[<");
	for (int i = 0; i < 300; i++)
		buf_add_text(&text, "a='>' ");
	buf_add_text(&text, "]]></user><user name='y' a='========'><x b='>'");
	assert_int_equal(read_text(&log, text.data, text.len, &err), ADX_EINVAL);
	assert_non_null(strstr(err.message, "attributes construct error"));

	for (int i = 0; i < 256; i++)
		buf_addf(&text, " a%d=''", i);
	check_refuses(text.data, text.len, "'input' near line 1: too many attributes in a tag");
	buf_free(&log.lines);
	buf_free(&text);
}

static void
test_pie_reader_bounds_levels(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	buf_add_text(&text, "<host" NS " jid='a'>");
	for (int i = 0; i < 300; i++)
		buf_add_text(&text, "<x>");
	check_refuses(text.data, text.len,
		      "'input' line 1, column 808: excessive depth in document: 256");
	buf_free(&text);
}

/* A host with `child` as often as it fits into that many bytes between two other texts. */
static enum adx_rc
read_repeated(const char *before, const char *child, size_t bytes, const char *after,
	      struct log *log, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	buf_addf(&text, "<host" NS " jid='a'><user name='x'>%s", before);
	for (size_t n = 0; n + strlen(child) <= bytes; n += strlen(child))
		buf_add_text(&text, child);
	buf_addf(&text, "%s</user></host>", after);
	assert_true(buf_ok(&text));
	log->done = 0;
	rc = read_text(log, text.data, text.len, err);
	buf_free(&text);
	return rc;
}

static void
test_pie_reader_bounds_what_is_held(void **state)
{
	static const struct {
		const char *before, *child, *after;
		const char *want;
	} cases[] = {
		{ "<vCard xmlns='vcard-temp'>", "<A/>", "</vCard>",
		  "an element is longer than 10000000 bytes" },
		{ "<x>", "12345678", "</x>", "a text is longer than 10000000 bytes" },
		{ "<x a='", "12345678", "'/>", "a tag or comment is longer than 10000000 bytes" },
		{ "<!--", "12345678", "-->", "a tag or comment is longer than 10000000 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct log log = { .lines = BUF_INIT };
		struct adx_error err = { 0 };

		assert_int_equal(read_repeated(cases[i].before, cases[i].child,
					       XML_TEXT_MAX + 100000, cases[i].after, &log, &err),
				 ADX_EINVAL);
		assert_non_null(strstr(err.message, cases[i].want));
		buf_free(&log.lines);
	}
}

/* Short enough to read, too long as it is written. */
static void
test_pie_reader_skips_what_cannot_be_written(void **state)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };

	(void)state;
	assert_int_equal(read_repeated("<vCard xmlns='vcard-temp'>", "\n>>>>>>>",
				       XML_TEXT_MAX - 100000, "</vCard>", &log, &err),
			 ADX_OK);
	assert_string_equal(log.lines.data, "host a\naccount x@a\n"
					    "skipped element {vcard-temp}vCard: "
					    "element is longer than 10000000 bytes\n");
	buf_free(&log.lines);
}

static void
test_pie_reader_returns_what_the_sink_says(void **state)
{
	static const char text[] = "<host" NS " jid='a'><user name='x' password='p'>" ROSTER(
		"<item jid='b' approved='1'><x/></item>") "<query xmlns='jabber:iq:last' "
							  "seconds='1'/></user></host>";

	(void)state;
	for (size_t i = 1; i <= 7; i++) {
		struct log log = { .lines = BUF_INIT, .stop_at = i };
		struct adx_error err = { 0 };

		assert_int_equal(read_text(&log, text, sizeof(text) - 1, &err), ADX_EFAIL);
		assert_string_equal(err.message, "stopped");
		assert_int_equal(log.records, i);
		buf_free(&log.lines);
	}
}

static void
test_pie_reader_can_be_interrupted(void **state)
{
	struct log log = { .lines = BUF_INIT, .stop_at_call = 2 };
	struct adx_error err = { 0 };

	(void)state;
	assert_int_equal(read_path(&log, DATA "20261122-172056.xml", &err), ADX_EINTR);
	assert_string_equal(err.message, "interrupted");
	assert_in_range(log.done, 65536, 262144);
	buf_free(&log.lines);
}

/* Real files. */

static void
check_example_org(const struct log *log)
{
	assert_int_equal(log->counts[PIE_HOST], 1);
	assert_int_equal(log->counts[PIE_ACCOUNT], 297);
	assert_int_equal(log->counts[PIE_CREDENTIAL], 297);
	assert_int_equal(log->counts[PIE_CONTACT], 3609);
	assert_int_equal(log->counts[PIE_REQUEST], 12);
	assert_int_equal(log->counts[PIE_VCARD], 149);
	assert_int_equal(log->counts[PIE_PRIVATE], 174);
	assert_int_equal(log->counts[PIE_OFFLINE], 96);
	assert_int_equal(log->counts[PIE_LAST], 0);
	assert_int_equal(log->counts[PIE_SKIPPED], 0);
}

static uint64_t
size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

static void
test_pie_reader_reads_ejabberd(void **state)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };

	(void)state;
	if (read_path(&log, DATA "20261122-172056.xml", &err) != ADX_OK)
		fail_msg("%s", err.message);
	check_example_org(&log);
	assert_int_equal(log.done, log.total);
	assert_int_equal(log.total, size_of(DATA "20261122-172056.xml") +
					    size_of(DATA "20261122-172056_example_org.xml"));
	assert_true(log.calls >= log.total / 65536);
	buf_free(&log.lines);
}

static void
test_pie_reader_reads_ejabberd_host_file(void **state)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };

	(void)state;
	if (read_path(&log, DATA "20261122-172056_example_org.xml", &err) != ADX_OK)
		fail_msg("%s", err.message);
	check_example_org(&log);
	buf_free(&log.lines);
}

static void
test_pie_reader_reads_ejabberd_folder(void **state)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };

	(void)state;
	if (read_path(&log, DATA, &err) != ADX_OK)
		fail_msg("%s", err.message);
	assert_int_equal(log.counts[PIE_HOST], 2);
	assert_int_equal(log.counts[PIE_ACCOUNT], 297 + 40);
	assert_int_equal(log.counts[PIE_CREDENTIAL], 297 + 40);
	assert_int_equal(log.counts[PIE_CONTACT], 3609 + 574);
	assert_int_equal(log.counts[PIE_REQUEST], 12);
	assert_int_equal(log.counts[PIE_VCARD], 149 + 20);
	assert_int_equal(log.counts[PIE_PRIVATE], 174 + 24);
	assert_int_equal(log.counts[PIE_OFFLINE], 96 + 12);
	assert_int_equal(log.counts[PIE_SKIPPED], 0);
	assert_int_equal(log.done, log.total);
	buf_free(&log.lines);
}

static void
test_pie_reader_reads_ejabberd_details(void **state)
{
	static const char *const lines[] = {
		/* base64 twice */
		"account orsino.aldobrand@example.org\n"
		"credential SCRAM-SHA-1 4096 salt=14696fa6eb8a31c788f248e3846a9e33 "
		"stored=18e425307cf1dd8ea93db3b6b6a416a7716cbfb7 "
		"server=445757446e55f60f04273fc08b0a7961cd06647f\n",
		"contact さくら258@example.org '' BN [Support / 2nd line]\n",
		"contact malvolio.vauxhall@example.org '' NO []\n",
		"request orsino.aldobrand@example.org 'please add me, it is orsino.aldobrand'\n",
		"offline 'celia.nightingale@example.org' '2026-11-22T17:19:15.748980Z' <message ",
	};
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };

	(void)state;
	assert_int_equal(read_path(&log, DATA "20261122-172056.xml", &err), ADX_OK);
	for (size_t i = 0; i < COUNT(lines); i++)
		if (strstr(log.lines.data, lines[i]) == NULL)
			fail_msg("missing: %s", lines[i]);
	buf_free(&log.lines);
}

/* What was cut anywhere is refused. */
static void
test_pie_reader_refuses_cut_files(void **state)
{
	char text[20000];
	FILE *f = fopen(DATA "20261122-172056_example_org.xml", "r");

	(void)state;
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text), f), sizeof(text));
	fclose(f);
	for (size_t len = 0; len <= sizeof(text); len += 97) {
		struct log log = { .lines = BUF_INIT };
		struct adx_error err = { 0 };

		assert_int_equal(read_text(&log, text, len, &err), ADX_EINVAL);
		assert_memory_equal(err.message, "'input' line 1, column ", 23);
		buf_free(&log.lines);
	}
}

/* Files of our own. */

struct folder {
	char path[64];
};

static int
make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	assert_non_null(folder);
	strcpy(folder->path, "/tmp/test_pie_reader.XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	*state = folder;
	return 0;
}

static int
remove_folder(void **state)
{
	struct folder *folder = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", folder->path);
	assert_int_equal(system(command), 0);
	free(folder);
	return 0;
}

static void
put_file(const struct folder *folder, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Read a name in the folder ("" is the folder) for these lines. */
static void
check_folder_reads(const struct folder *folder, const char *name, const char *want)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s%s%s", folder->path, name[0] == '\0' ? "" : "/", name);
	if (read_path(&log, path, &err) != ADX_OK)
		fail_msg("%s: %s", name, err.message);
	assert_string_equal(buf_text(&log.lines), want);
	assert_int_equal(log.done, log.total);
	buf_free(&log.lines);
}

/* The same for an error; "DIR" in `want` stands for the folder. */
static void
check_folder_refuses(const struct folder *folder, const char *name, enum adx_rc rc,
		     const char *want)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };
	struct buf message = BUF_INIT;
	char path[128];

	for (const char *s = want; *s != '\0'; s++) {
		if (strncmp(s, "DIR", 3) != 0) {
			buf_add_char(&message, *s);
			continue;
		}
		buf_add_text(&message, folder->path);
		s += 2;
	}
	snprintf(path, sizeof(path), "%s%s%s", folder->path, name[0] == '\0' ? "" : "/", name);
	assert_int_equal(read_path(&log, path, &err), rc);
	assert_string_equal(err.message, buf_text(&message));
	buf_free(&message);
	buf_free(&log.lines);
}

#define SERVER(inner)     "<server-data" NS XI ">" inner "</server-data>"
#define HOST(jid, inner)  "<host" NS XI " jid='" jid "'>" inner "</host>"
#define INCLUDE(href)     "<xi:include href='" href "'/>"
#define USER(name, inner) "<user" NS " name='" name "'>" inner "</user>"

static void
test_pie_reader_includes(void **state)
{
	const struct folder *folder = *state;

	put_file(folder, "host.xml", HOST("a", USER("x", "")));
	put_file(folder, "user", USER("y", "<vCard xmlns='vcard-temp'/>"));
	put_file(folder, "main.xml",
		 SERVER("<xi:include href='host.xml' parse='xml'><xi:fallback/></xi:include>"
			"<host jid='b'>" INCLUDE("user") "<user name='z'/></host>"));
	check_folder_reads(folder, "main.xml",
			   "host a\naccount x@a\nhost b\naccount y@b\n"
			   "vcard <vCard xmlns='vcard-temp'/>\naccount z@b\n");
	/* host.xml is read where main.xml includes it, and user only there */
	check_folder_reads(folder, "",
			   "host a\naccount x@a\nhost b\naccount y@b\n"
			   "vcard <vCard xmlns='vcard-temp'/>\naccount z@b\n");
}

static void
test_pie_reader_folder_in_the_order_of_names(void **state)
{
	const struct folder *folder = *state;
	char path[128];

	put_file(folder, "b.xml", HOST("b", ""));
	put_file(folder, "B.xml", HOST("upper", ""));
	put_file(folder, "a.xml", HOST("a", ""));
	put_file(folder, "a.xml.bak", "not XML");
	put_file(folder, ".hidden.xml", "not XML");
	put_file(folder, "readme.txt", "not XML");
	snprintf(path, sizeof(path), "%s/dir.xml", folder->path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/pipe.xml", folder->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_folder_reads(folder, "", "host upper\nhost a\nhost b\n");
}

/* The included file comes first by its name, and again at the end of its includer. */
static void
test_pie_reader_folder_finds_what_is_included_first(void **state)
{
	const struct folder *folder = *state;

	put_file(folder, "a.xml", USER("x", ""));
	put_file(folder, "b.xml",
		 SERVER("<host jid='h'><user name='w'/>" INCLUDE("a.xml") "</host>"));
	put_file(folder, "c.xml", HOST("c", ""));
	check_folder_reads(folder, "", "host h\naccount w@h\naccount x@h\nhost c\n");
}

static void
test_pie_reader_folder_refuses(void **state)
{
	const struct folder *folder = *state;

	check_folder_refuses(folder, "", ADX_EINVAL, "'DIR/' has no *.xml file");
	/* whatever is wrong is found before the first record */
	put_file(folder, "a.xml", HOST("a", ""));
	put_file(folder, "z.xml", HOST("z", "<"));
	check_folder_refuses(folder, "", ADX_EINVAL,
			     "'DIR/z.xml' line 1, column 82: startTag: invalid element name");
	put_file(folder, "z.xml", "<other/>");
	check_folder_refuses(folder, "", ADX_EINVAL,
			     "'DIR/z.xml' is not XEP-0227 data: its root is {}other");
	put_file(folder, "z.xml", USER("z", ""));
	check_folder_refuses(folder, "", ADX_EINVAL,
			     "'DIR/z.xml' is not XEP-0227 data: its root is {urn:xmpp:pie:0}user");
	put_file(folder, "a.xml", SERVER(INCLUDE("y.xml")));
	put_file(folder, "y.xml", SERVER(INCLUDE("a.xml")));
	put_file(folder, "z.xml", HOST("z", ""));
	check_folder_refuses(folder, "", ADX_EINVAL,
			     "'DIR/a.xml' is included and includes other files");
}

static void
test_pie_reader_include_refuses(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ SERVER(INCLUDE("../x.xml")),
		  "'DIR/m.xml' cannot include '../x.xml': only a plain file name is accepted" },
		{ SERVER(INCLUDE("/etc/passwd")),
		  "'DIR/m.xml' cannot include '/etc/passwd': only a plain file name is accepted" },
		{ SERVER(INCLUDE("..")),
		  "'DIR/m.xml' cannot include '..': only a plain file name is accepted" },
		{ SERVER(INCLUDE(".")),
		  "'DIR/m.xml' cannot include '.': only a plain file name is accepted" },
		{ SERVER(INCLUDE("")),
		  "'DIR/m.xml' cannot include '': only a plain file name is accepted" },
		{ SERVER("<xi:include/>"),
		  "'DIR/m.xml' cannot include '': only a plain file name is accepted" },
		{ SERVER(INCLUDE("file:h.xml")),
		  "'DIR/m.xml' cannot include 'file:h.xml': only a plain file name is accepted" },
		{ SERVER(INCLUDE("h.xml#x")),
		  "'DIR/m.xml' cannot include 'h.xml#x': only a plain file name is accepted" },
		{ SERVER(INCLUDE("%2e%2e")),
		  "'DIR/m.xml' cannot include '%2e%2e': only a plain file name is accepted" },
		{ SERVER("<xi:include href='h.xml' parse='text'/>"),
		  "'DIR/m.xml' cannot include 'h.xml': only parse='xml' is accepted" },
		{ SERVER("<xi:include href='h.xml' xpointer='x'/>"),
		  "'DIR/m.xml' cannot include 'h.xml': only the attributes href and parse are "
		  "accepted" },
		{ SERVER("<xi:include href='h.xml' xml:base='/tmp/'/>"),
		  "'DIR/m.xml' cannot include 'h.xml': only the attributes href and parse are "
		  "accepted" },
		{ SERVER(INCLUDE("m.xml")),
		  "'DIR/m.xml' cannot include 'm.xml': it includes itself" },
		{ SERVER(INCLUDE("n.xml")),
		  "'DIR/n.xml' cannot include 'h.xml': it is itself included" },
		{ SERVER(INCLUDE("dir")),
		  "'DIR/dir', which 'DIR/m.xml' includes, is not a regular file" },
		{ SERVER(INCLUDE("pipe")),
		  "'DIR/pipe', which 'DIR/m.xml' includes, is not a regular file" },
		{ SERVER(INCLUDE("u.xml")),
		  "'DIR/u.xml' is not XEP-0227 data: its root is {urn:xmpp:pie:0}user" },
		{ SERVER("<host jid='a'>" INCLUDE("h.xml") "</host>"),
		  "'DIR/h.xml' is not XEP-0227 data: its root is {urn:xmpp:pie:0}host" },
		{ SERVER(INCLUDE("bad.xml")), "'DIR/bad.xml' line 1, column 16: opening and ending "
					      "tag mismatch: a line 1 and b" },
		{ HOST("a", "<user name='x'>" INCLUDE("h.xml") "</user>"),
		  "'DIR/m.xml' cannot include 'h.xml': it does so inside a user" },
	};
	const struct folder *folder = *state;
	char path[128];

	put_file(folder, "h.xml", HOST("a", ""));
	put_file(folder, "u.xml", USER("x", ""));
	put_file(folder, "n.xml", HOST("a", INCLUDE("h.xml")));
	put_file(folder, "bad.xml", "<a b='c'>  </b>");
	snprintf(path, sizeof(path), "%s/dir", folder->path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/pipe", folder->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		put_file(folder, "m.xml", cases[i].text);
		check_folder_refuses(folder, "m.xml", ADX_EINVAL, cases[i].want);
	}
	put_file(folder, "m.xml", SERVER(INCLUDE("none.xml")));
	check_folder_refuses(folder, "m.xml", ADX_EIO,
			     "cannot open 'DIR/none.xml', which 'DIR/m.xml' includes: No such file "
			     "or directory");
	check_folder_refuses(folder, "none", ADX_EIO,
			     "cannot open 'DIR/none': No such file or directory");
}

static void
test_pie_reader_memory_includes_nothing(void **state)
{
	static const char text[] = SERVER(INCLUDE("h.xml"));

	(void)state;
	check_refuses(text, sizeof(text) - 1,
		      "'input' cannot include 'h.xml': only a file can include others");
}

/* Standard input, and a pipe with a name: the size is not known. */
static void
test_pie_reader_reads_pipes(void **state)
{
	static const char text[] = HOST("a", USER("x", ""));
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };
	int ends[2], before = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, sizeof(text) - 1), sizeof(text) - 1);
	close(ends[1]);
	assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
	close(ends[0]);
	assert_int_equal(read_path(&log, "-", &err), ADX_OK);
	assert_string_equal(log.lines.data, "host a\naccount x@a\n");
	assert_int_equal(log.total, 0);
	assert_int_equal(log.done, sizeof(text) - 1);
	/* it is still open, and at its end */
	assert_int_equal(read_path(&log, "-", &err), ADX_EINVAL);
	assert_string_equal(err.message,
			    "'standard input' line 1, column 1: the document ends too early");
	assert_true(dup2(before, STDIN_FILENO) >= 0);
	close(before);
	buf_free(&log.lines);
}

/* Whoever else in the thread uses libxml2 finds the handlers as they were. */
static void
test_pie_reader_leaves_the_error_handlers(void **state)
{
	struct log log = { .lines = BUF_INIT };
	struct adx_error err = { 0 };
	int mine;

	(void)state;
	xmlSetStructuredErrorFunc(&mine, NULL);
	assert_int_equal(read_text(&log, "<a", 2, &err), ADX_EINVAL);
	assert_null(xmlStructuredError);
	assert_ptr_equal(xmlStructuredErrorContext, &mine);
	assert_ptr_equal(xmlGenericError, on_print);
	xmlSetStructuredErrorFunc(NULL, NULL);
	buf_free(&log.lines);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pie_reader_frame),
		cmocka_unit_test(test_pie_reader_skips_what_is_not_valid_in_the_frame),
		cmocka_unit_test(test_pie_reader_cuts_long_names_at_a_character),
		cmocka_unit_test(test_pie_reader_password),
		cmocka_unit_test(test_pie_reader_scram),
		cmocka_unit_test(test_pie_reader_scram_refuses),
		cmocka_unit_test(test_pie_reader_scram_refuses_mechanisms),
		cmocka_unit_test(test_pie_reader_scram_salt_length),
		cmocka_unit_test(test_pie_reader_roster),
		cmocka_unit_test(test_pie_reader_roster_skips),
		cmocka_unit_test(test_pie_reader_request),
		cmocka_unit_test(test_pie_reader_vcard),
		cmocka_unit_test(test_pie_reader_private),
		cmocka_unit_test(test_pie_reader_offline),
		cmocka_unit_test(test_pie_reader_offline_stamps),
		cmocka_unit_test(test_pie_reader_last),
		cmocka_unit_test(test_pie_reader_ban),
		cmocka_unit_test(test_pie_reader_created),
		cmocka_unit_test(test_pie_reader_skips_the_rest_of_a_user),
		cmocka_unit_test(test_pie_reader_refuses),
		cmocka_unit_test(test_pie_reader_refuses_document_types),
		cmocka_unit_test(test_pie_reader_refuses_nul_and_utf_16),
		cmocka_unit_test(test_pie_reader_bounds_attributes_of_a_tag),
		cmocka_unit_test(test_pie_reader_bounds_levels),
		cmocka_unit_test(test_pie_reader_bounds_what_is_held),
		cmocka_unit_test(test_pie_reader_skips_what_cannot_be_written),
		cmocka_unit_test(test_pie_reader_returns_what_the_sink_says),
		cmocka_unit_test(test_pie_reader_can_be_interrupted),
		cmocka_unit_test(test_pie_reader_reads_ejabberd),
		cmocka_unit_test(test_pie_reader_reads_ejabberd_host_file),
		cmocka_unit_test(test_pie_reader_reads_ejabberd_folder),
		cmocka_unit_test(test_pie_reader_reads_ejabberd_details),
		cmocka_unit_test(test_pie_reader_refuses_cut_files),
		IN_FOLDER(test_pie_reader_includes),
		IN_FOLDER(test_pie_reader_folder_in_the_order_of_names),
		IN_FOLDER(test_pie_reader_folder_finds_what_is_included_first),
		IN_FOLDER(test_pie_reader_folder_refuses),
		IN_FOLDER(test_pie_reader_include_refuses),
		cmocka_unit_test(test_pie_reader_memory_includes_nothing),
		cmocka_unit_test(test_pie_reader_reads_pipes),
		cmocka_unit_test(test_pie_reader_leaves_the_error_handlers),
	};

	xmlSetGenericErrorFunc(NULL, on_print);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
