/* What is made of records for ejabberd and Prosody, and what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/out.h"
#include "base/scram.h"
#include "transfer/pie_dialect.h"
#include "transfer/pie_writer.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SMILE    "\xF0\x9F\x98\x80"

static const struct pie_dialect EJABBERD = { PIE_EJABBERD, "SCRAM-SHA-256" };
static const struct pie_dialect PROSODY = { PIE_PROSODY, "SCRAM-SHA-256" };

/* What an account's records come to: between <user name='a'> and its end. */
struct sheet {
	char text[16384];
	size_t len;
	struct out *out;
	struct pie_writer *writer;
	struct adx_error err;
};

static int
keep(void *ctx, const char *data, size_t len)
{
	struct sheet *s = ctx;

	assert_true(s->len + len < sizeof(s->text));
	memcpy(s->text + s->len, data, len);
	s->len += len;
	return 0;
}

static struct pie_record
record(enum pie_kind kind)
{
	return (struct pie_record){ .kind = kind, .host = "x.org", .user = "a" };
}

static enum adx_rc
add(struct sheet *s, const struct pie_record *r)
{
	return pie_writer_add(s->writer, r, &s->err);
}

static void
begin(struct sheet *s, const struct pie_dialect *dialect)
{
	struct pie_record host = record(PIE_HOST), account = record(PIE_ACCOUNT);

	memset(s, 0, sizeof(*s));
	s->out = out_new_sink(keep, s);
	s->writer = pie_writer_new(s->out, dialect);
	assert_non_null(s->writer);
	assert_int_equal(add(s, &host), ADX_OK);
	assert_int_equal(add(s, &account), ADX_OK);
}

static void
end(struct sheet *s)
{
	assert_int_equal(pie_writer_end(s->writer, &s->err), ADX_OK);
	pie_writer_free(s->writer);
	out_flush(s->out);
	out_free(s->out);
}

static void
check(struct sheet *s, const char *want)
{
	end(s);
	if (strstr(s->text, want) == NULL)
		fail_msg("no '%s' in: %s", want, s->text);
}

/* ---- credentials ------------------------------------------------------------------------- */

static struct pie_record
scram(const char *mechanism)
{
	static const unsigned char bytes[SCRAM_KEY_MAX] = "0123456789abcdefghijklmnopqrstuvwxyz";
	struct pie_record r = record(PIE_CREDENTIAL);

	r.u.credential.mechanism = mechanism;
	r.u.credential.iterations = 4096;
	r.u.credential.salt = (struct pie_bytes){ bytes, 3 };
	r.u.credential.stored_key = (struct pie_bytes){ bytes + 10, 3 };
	r.u.credential.server_key = (struct pie_bytes){ bytes + 20, 3 };
	return r;
}

static struct pie_record
plain(const char *password)
{
	struct pie_record r = record(PIE_CREDENTIAL);

	r.u.credential.mechanism = "PLAIN";
	r.u.credential.plain = password;
	return r;
}

static void
test_dialect_ejabberd_gets_base64_twice(void **state)
{
	struct pie_record r = scram("SCRAM-SHA-1");
	struct sheet s;

	(void)state;
	begin(&s, &EJABBERD);
	assert_int_equal(add(&s, &r), ADX_OK);
	check(&s, "mechanism=\"SCRAM-SHA-1\"><iter-count>4096</iter-count><salt>TURFeQ==</salt>"
		  "<server-key>YTJ4dA==</server-key><stored-key>WVdKag==</stored-key>");
}

static void
test_dialect_prosody_gets_its_own_mechanism_only(void **state)
{
	struct pie_record own = scram("SCRAM-SHA-256"), other = scram("SCRAM-SHA-1");
	struct sheet s;

	(void)state;
	begin(&s, &PROSODY);
	assert_int_equal(add(&s, &other), ADX_EINVAL);
	assert_string_equal(s.err.message, "its password is kept as SCRAM-SHA-1");
	assert_int_equal(add(&s, &own), ADX_OK);
	check(&s, "mechanism=\"SCRAM-SHA-256\"><iter-count>4096</iter-count><salt>MDEy</salt>");
	assert_null(strstr(s.text, "SHA-1\""));
}

static void
test_dialect_plain_passwords_that_are_taken(void **state)
{
	static const struct pie_dialect *const both[] = { &EJABBERD, &PROSODY };

	(void)state;
	for (size_t i = 0; i < COUNT(both); i++) {
		struct pie_record r = plain("p\xC3\xA4\xC3\x9F <&> \xE2\x98\x83");
		struct sheet s;

		begin(&s, both[i]);
		assert_int_equal(add(&s, &r), ADX_OK);
		check(&s, "password=\"p\xC3\xA4\xC3\x9F &lt;&amp;&gt; \xE2\x98\x83\"/>");
	}
}

/* Its own old form, and what its resourceprep refuses: the password still is what it was. */
static void
test_dialect_plain_passwords_that_ejabberd_refuses_are_hashed(void **state)
{
	static const char *const passwords[] = { "scram:a,b", "smile " SMILE };

	(void)state;
	for (size_t i = 0; i < COUNT(passwords); i++) {
		struct pie_record r = plain(passwords[i]);
		struct pie_made made;
		struct adx_error err;
		struct scram_stored stored;
		bool match;

		/* Base64 takes the place of the keys, which lie in `made` still. */
		assert_int_equal(pie_dialect_record(&EJABBERD, &r, &made, &err), ADX_OK);
		assert_string_equal(r.u.credential.mechanism, "SCRAM-SHA-256");
		stored = (struct scram_stored){ "SCRAM-SHA-256",      r.u.credential.iterations,
						made.keys.salt,       SCRAM_SALT_SIZE,
						made.keys.stored_key, made.keys.key_len };
		assert_int_equal(
			scram_check(&stored, passwords[i], strlen(passwords[i]), &match, &err),
			ADX_OK);
		assert_true(match);
	}
}

static void
test_dialect_lock_is_another_each_time(void **state)
{
	static const struct pie_dialect *const both[] = { &EJABBERD, &PROSODY };
	char first[16384];

	(void)state;
	for (size_t i = 0; i < COUNT(both); i++) {
		struct pie_record r = record(PIE_CREDENTIAL);
		struct sheet s;

		r.u.credential.mechanism = NULL;
		begin(&s, both[i]);
		assert_int_equal(add(&s, &r), ADX_OK);
		check(&s, "mechanism=\"SCRAM-SHA-256\"><iter-count>4096</iter-count><salt>");
		strcpy(first, s.text);
		begin(&s, both[i]);
		assert_int_equal(add(&s, &r), ADX_OK);
		end(&s);
		assert_string_not_equal(s.text, first);
	}
}

/* ---- names ------------------------------------------------------------------------------- */

static struct pie_record
contact(const char *jid)
{
	struct pie_record r = record(PIE_CONTACT);

	r.u.contact.jid = jid;
	r.u.contact.nick = "";
	r.u.contact.subscription = 'B';
	r.u.contact.ask = 'N';
	return r;
}

static struct pie_record
request(const char *jid)
{
	struct pie_record r = record(PIE_REQUEST);

	r.u.request.jid = jid;
	r.u.request.message = "";
	return r;
}

static void
test_dialect_names_newer_than_unicode_3_2(void **state)
{
	static const char *const newer[] = { SMILE "@x.org", "a@" SMILE ".org", SMILE ".org" };
	struct pie_record account = record(PIE_ACCOUNT);
	struct sheet s;

	(void)state;
	account.user = "a" SMILE;
	begin(&s, &EJABBERD);
	assert_int_equal(add(&s, &account), ADX_EINVAL);
	for (size_t i = 0; i < COUNT(newer); i++) {
		struct pie_record c = contact(newer[i]), r = request(newer[i]);

		assert_int_equal(add(&s, &c), ADX_EINVAL);
		assert_non_null(strstr(s.err.message, newer[i]));
		assert_int_equal(add(&s, &r), ADX_EINVAL);
	}
	check(&s, "<user name=\"a\"/></host>");
	begin(&s, &PROSODY);
	assert_int_equal(add(&s, &account), ADX_OK);
	for (size_t i = 0; i < COUNT(newer); i++) {
		struct pie_record c = contact(newer[i]), r = request(newer[i]);

		assert_int_equal(add(&s, &c), ADX_OK);
		assert_int_equal(add(&s, &r), ADX_OK);
	}
	end(&s);
}

static void
test_dialect_names_that_are_old_enough(void **state)
{
	static const char *const names[] = { "!#$%*+-=?^_`{|}~,\\@x.org", "gateway.x.org",
					     "\xE3\x81\x95\xE3\x81\x8F\xE3\x82\x89@\xC3\xB8.org" };
	struct sheet s;

	(void)state;
	begin(&s, &EJABBERD);
	for (size_t i = 0; i < COUNT(names); i++) {
		struct pie_record c = contact(names[i]);

		assert_int_equal(add(&s, &c), ADX_OK);
	}
	end(&s);
}

static void
test_dialect_prosody_reads_requests_beside_contacts(void **state)
{
	static const char ASKER[] = "<item jid=\"b@c\" subscription=\"none\"/></query>\n<presence";
	struct pie_record first = request("b@c"), second = request("d@e"), other = contact("f@g");
	struct pie_record next = record(PIE_ACCOUNT);
	struct sheet s;

	(void)state;
	begin(&s, &PROSODY);
	assert_int_equal(add(&s, &first), ADX_OK);
	assert_int_equal(add(&s, &second), ADX_OK);
	check(&s, ASKER);
	assert_null(strstr(s.text, "<item jid=\"d@e\""));
	begin(&s, &PROSODY);
	assert_int_equal(add(&s, &other), ADX_OK);
	assert_int_equal(add(&s, &first), ADX_OK);
	next.user = "next";
	assert_int_equal(add(&s, &next), ADX_OK);
	assert_int_equal(add(&s, &first), ADX_OK);
	check(&s, "<user name=\"next\">\n<query xmlns=\"jabber:iq:roster\">\n<item jid=\"b@c\"");
	assert_non_null(strstr(s.text, "subscription=\"both\"/></query>\n<presence"));
	begin(&s, &EJABBERD);
	assert_int_equal(add(&s, &first), ADX_OK);
	check(&s, "<user name=\"a\">\n<presence");
}

/* ---- elements ---------------------------------------------------------------------------- */

static void
check_element(const struct pie_dialect *dialect, enum pie_kind kind, const char *stored,
	      const char *want)
{
	struct pie_record r = record(kind);
	struct sheet s;

	if (kind == PIE_OFFLINE) {
		r.u.offline.xml = stored;
		r.u.offline.len = strlen(stored);
		r.u.offline.stamp = "";
	} else {
		r.u.xml.xml = stored;
		r.u.xml.len = strlen(stored);
	}
	begin(&s, dialect);
	assert_int_equal(add(&s, &r), want == NULL ? ADX_EINVAL : ADX_OK);
	check(&s, want == NULL ? "<user name=\"a\"/>" : want);
}

static void
test_dialect_prosody_gets_no_remarks(void **state)
{
	static const char STORED[] =
		"<a xmlns='urn:a'><!-- b -->c<?d e?><f><!-- g --></f><!-- h -->"
		"</a>";

	(void)state;
	check_element(&PROSODY, PIE_PRIVATE, STORED, "\n<a xmlns='urn:a'>c<f/></a></query>");
	check_element(&EJABBERD, PIE_PRIVATE, STORED, "<!-- b -->");
	check_element(&PROSODY, PIE_VCARD, "<!-- a --><vCard xmlns='vcard-temp'><FN/></vCard>",
		      "\n<vCard xmlns='vcard-temp'><FN/></vCard></user>");
}

static void
test_dialect_elements_are_of_their_namespace(void **state)
{
	static const struct pie_dialect *const both[] = { &EJABBERD, &PROSODY };

	(void)state;
	for (size_t i = 0; i < COUNT(both); i++) {
		check_element(both[i], PIE_PRIVATE, "<a/>", NULL);
		check_element(both[i], PIE_PRIVATE, "<a xmlns='urn:a'/>", "<a xmlns='urn:a'/>");
		check_element(both[i], PIE_PRIVATE, "<p:a xmlns:p='u'/>", "<p:a xmlns:p='u'/>");
		check_element(both[i], PIE_VCARD, "<vCard/>", NULL);
		check_element(both[i], PIE_VCARD, "<v:vCard xmlns:v='vcard-temp'/>",
			      "<v:vCard xmlns:v='vcard-temp'/>");
		check_element(both[i], PIE_OFFLINE, "<iq/>", NULL);
		check_element(both[i], PIE_OFFLINE, "<message from='a@b'/>", "from='a@b'");
	}
	check_element(NULL, PIE_PRIVATE, "<a/>", "<a xmlns=''/>");
	check_element(NULL, PIE_VCARD, "<vCard/>", "<vCard xmlns=''/>");
}

static void
test_dialect_ejabberd_gets_padded_pictures(void **state)
{
	static const struct {
		const char *stored, *want;
	} cases[] = {
		{ "", "" },         { "QUJD", "QUJD" },
		{ "QUI=", "QUI=" }, { "QQ==", "QQ==" },
		{ "QUI", "QUI=" },  { "QQ", "QQ==" },
		{ "QQ=", "QQ==" },  { "\n QU \tJD\r\nQQ \n", "QUJDQQ==" },
		{ "Q", NULL },      { "QUJDQ", NULL },
		{ "QUJ*", NULL },   { "QU=JD", NULL },
		{ "QU===", NULL },  { "data:image/png;base64,QUJD", NULL },
	};
	char stored[128], want[128];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(stored, sizeof(stored),
			 "<vCard xmlns='vcard-temp'><PHOTO><BINVAL>%s</BINVAL></PHOTO></vCard>",
			 cases[i].stored);
		snprintf(want, sizeof(want), "<BINVAL>%s</BINVAL>",
			 cases[i].want == NULL ? "" : cases[i].want);
		if (cases[i].want != NULL && cases[i].want[0] == '\0')
			strcpy(want, "<BINVAL/>");
		check_element(&EJABBERD, PIE_VCARD, stored, cases[i].want == NULL ? NULL : want);
		snprintf(want, sizeof(want), "%s</BINVAL>", cases[i].stored);
		if (strchr(want, '\r') == NULL && cases[i].stored[0] != '\0')
			check_element(&PROSODY, PIE_VCARD, stored, want);
	}
	check_element(&EJABBERD, PIE_VCARD,
		      "<vCard xmlns='vcard-temp'><x:BINVAL xmlns:x='urn:x'>*"
		      "</x:BINVAL></vCard>",
		      ">*</x:BINVAL>");
}

static void
test_dialect_ejabberd_gets_messages_with_addresses(void **state)
{
	static const struct {
		const char *stored, *want;
	} cases[] = {
		{ "<message xmlns='jabber:client'/>",
		  "<message xmlns='jabber:client' from='a@x.org' to='a@x.org'/>" },
		{ "<message xmlns='jabber:client' from='b@c/d' to='b @c'/>",
		  "<message xmlns='jabber:client' from='b@c/d' to='a@x.org'/>" },
		{ "<message from='b@c/d'/>",
		  "<message xmlns='jabber:client' from='b@c/d' to='a@x.org'/>" },
		{ "<message xmlns='jabber:client' from='b @c'/>", NULL },
		{ "<message xmlns='jabber:client' from='b@c/" SMILE "'/>", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_element(&EJABBERD, PIE_OFFLINE, cases[i].stored, cases[i].want);
	check_element(&PROSODY, PIE_OFFLINE, cases[0].stored, cases[0].stored);
}

static void
test_dialect_ejabberd_gets_languages_that_are_some(void **state)
{
	static const struct {
		const char *tag;
		bool stays;
	} cases[] = {
		{ "en", true },         { "haw", true },    { "zh-Hant", true },
		{ "zh-Hant-TW", true }, { "es-419", true }, { "de-AT", true },
		{ "", false },          { "e", false },     { "english", false },
		{ "en_US", false },     { "en-", false },   { "en-1", false },
		{ "de-1996x", false },
	};
	char stored[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(stored, sizeof(stored),
			 "<message xmlns='jabber:client' xml:lang='%s' from='b@c' to='a@x.org'>"
			 "<body xml:lang='%s'>x</body></message>",
			 cases[i].tag, cases[i].tag);
		check_element(&EJABBERD, PIE_OFFLINE, stored,
			      cases[i].stays ? stored
					     : "<message xmlns='jabber:client' from='b@c' "
					       "to='a@x.org'><body>x</body></message>");
	}
}

static void
test_dialect_by_name(void **state)
{
	static const struct {
		const char *server, *hash;
		struct pie_dialect want;
	} cases[] = {
		{ "ejabberd", NULL, { PIE_EJABBERD, "SCRAM-SHA-1" } },
		{ "ejabberd", "SHA-512", { PIE_EJABBERD, "SCRAM-SHA-512" } },
		{ "prosody", NULL, { PIE_PROSODY, "SCRAM-SHA-1" } },
		{ "prosody", "SHA-256", { PIE_PROSODY, "SCRAM-SHA-256" } },
	};
	struct pie_dialect found;
	struct adx_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(pie_dialect_named(cases[i].server, cases[i].hash, &found, &err),
				 ADX_OK);
		assert_int_equal(found.server, cases[i].want.server);
		assert_string_equal(found.mechanism, cases[i].want.mechanism);
	}
}

static void
test_dialect_by_a_name_that_is_none(void **state)
{
	static const struct {
		const char *server, *hash, *says;
	} cases[] = {
		{ "openfire", NULL, "'openfire' is neither ejabberd nor prosody" },
		{ "", "SHA-1", "'' is neither ejabberd nor prosody" },
		{ "ejabberd", "MD5",
		  "ejabberd can be set to SHA-1, SHA-256 or SHA-512, not to 'MD5'" },
		{ "prosody", "SHA-512",
		  "prosody can be set to SHA-1 or SHA-256, not to 'SHA-512'" },
		{ "prosody", "", "prosody can be set to SHA-1 or SHA-256, not to ''" },
	};
	struct pie_dialect found;
	struct adx_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(pie_dialect_named(cases[i].server, cases[i].hash, &found, &err),
				 ADX_EINVAL);
		assert_string_equal(err.message, cases[i].says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialect_ejabberd_gets_base64_twice),
		cmocka_unit_test(test_dialect_prosody_gets_its_own_mechanism_only),
		cmocka_unit_test(test_dialect_plain_passwords_that_are_taken),
		cmocka_unit_test(test_dialect_plain_passwords_that_ejabberd_refuses_are_hashed),
		cmocka_unit_test(test_dialect_lock_is_another_each_time),
		cmocka_unit_test(test_dialect_names_newer_than_unicode_3_2),
		cmocka_unit_test(test_dialect_names_that_are_old_enough),
		cmocka_unit_test(test_dialect_prosody_reads_requests_beside_contacts),
		cmocka_unit_test(test_dialect_prosody_gets_no_remarks),
		cmocka_unit_test(test_dialect_elements_are_of_their_namespace),
		cmocka_unit_test(test_dialect_ejabberd_gets_padded_pictures),
		cmocka_unit_test(test_dialect_ejabberd_gets_messages_with_addresses),
		cmocka_unit_test(test_dialect_ejabberd_gets_languages_that_are_some),
		cmocka_unit_test(test_dialect_by_name),
		cmocka_unit_test(test_dialect_by_a_name_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
