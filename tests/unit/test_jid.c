#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <stringprep.h>

#include "adminex/jid.h"
#include "base/buf.h"

/* A literal with its length, as some hold NULs. */
#define T(s)     s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* U+1FB7 takes 3 bytes and folds to 5; U+FDFA takes 3 and becomes a phrase of 33. */
#define ALPHA  "\xE1\xBE\xB7"
#define PHRASE "\xEF\xB7\xBA"

typedef enum adx_rc prep_part(const char *in, size_t len, char *out, struct adx_error *err);

enum { LOCAL, DOMAIN, RESOURCE, PARTS };

static const struct {
	const char *name;
	prep_part *prep;
	const Stringprep_profile *profile;
	const char *refused_beyond; /* what the profile itself lets pass */
} PART[PARTS] = {
	[LOCAL] = { "localpart", jid_prep_local, stringprep_xmpp_nodeprep, "" },
	[DOMAIN] = { "domain", jid_prep_domain, stringprep_nameprep, "@/ " },
	[RESOURCE] = { "resource", jid_prep_resource, stringprep_xmpp_resourceprep, "" },
};

/* The text lies in a block of its own size, so that a sanitizer sees a read beyond it. */
static enum adx_rc
prep(int part, const char *in, size_t len, char *out, struct adx_error *err)
{
	char *copy = malloc(len == 0 ? 1 : len);
	enum adx_rc rc;

	assert_non_null(copy);
	memcpy(copy, in, len);
	*err = (struct adx_error){ 0 };
	rc = PART[part].prep(copy, len, out, err);
	free(copy);
	return rc;
}

/* What a part becomes, by profile; NULL is refused. */
static const struct {
	const char *in;
	const char *want[PARTS];
} CASES[] = {
	{ "romeo", { "romeo", "romeo", "romeo" } },
	{ "ROMEO.Montague-1_x~",
	  { "romeo.montague-1_x~", "romeo.montague-1_x~", "ROMEO.Montague-1_x~" } },
	/* folding is Unicode's: no final sigma, ß is ss, I with a dot is two characters */
	{ "ΣΊΣΥΦΟΣ", { "σίσυφοσ", "σίσυφοσ", "ΣΊΣΥΦΟΣ" } },
	{ "Σίσυφος", { "σίσυφοσ", "σίσυφοσ", "Σίσυφος" } },
	{ "Straße", { "strasse", "strasse", "Straße" } },
	{ "İi", { "i\xCC\x87i", "i\xCC\x87i", "İi" } },
	{ "Iı", { "iı", "iı", "Iı" } },
	{ "ÀÉÎÕÜ", { "àéîõü", "àéîõü", "ÀÉÎÕÜ" } },
	{ "ЖЏ", { "жџ", "жџ", "ЖЏ" } },
	{ "𐐀", { "𐐨", "𐐨", "𐐀" } },
	/* NFKC: fullwidth, ligatures, circled, mathematical, half a kelvin */
	{ "ＲＯＭＥＯ", { "romeo", "romeo", "ROMEO" } },
	{ "ﬁ①Ⅸ", { "fi1ix", "fi1ix", "fi1IX" } },
	{ "𝔄ℌK", { "ahk", "ahk", "AHK" } },
	{ "e\xCC\x81", { "é", "é", "é" } },
	{ "A\xCC\x8A", { "å", "å", "Å" } },
	{ "\xE2\x84\xAB", { "å", "å", "Å" } },
	{ "ǰ", { "ǰ", "ǰ", "ǰ" } },
	{ "ΐ", { "ΐ", "ΐ", "ΐ" } },
	{ "㎒㏂", { "mhza.m.", "mhza.m.", "MHza.m." } },
	{ "가", { "가", "가", "가" } },
	/* the iota that is a mark becomes a letter, by folding only */
	{ "\xCE\xB1\xCD\x85", { "αι", "αι", "ᾳ" } },
	{ "\xEF\xBC\xAA\xCC\x8C", { "ǰ", "ǰ", "J\xCC\x8C" } },
	/* mapped to nothing: soft hyphen, joiners, a variation selector, a byte order mark */
	{ "ro\xC2\xADmeo", { "romeo", "romeo", "romeo" } },
	{ "r\xE2\x80\x8Co\xE2\x80\x8Dm\xE2\x81\xA0"
	  "eo",
	  { "romeo", "romeo", "romeo" } },
	{ "\xEF\xBB\xBFromeo\xEF\xB8\x8F", { "romeo", "romeo", "romeo" } },
	{ "a\xE2\x80\x8B", { "a", "a", "a" } }, /* ZERO WIDTH SPACE is in B.1, not a space */
	/* nothing is left */
	{ "\xC2\xAD", { NULL, NULL, NULL } },
	{ "\xE2\x80\x8B\xEF\xBB\xBF", { NULL, NULL, NULL } },
	/* spaces, after NFKC; a domain with one could not be written */
	{ "a b", { NULL, NULL, "a b" } },
	{ "a\xC2\xA0"
	  "b",
	  { NULL, NULL, "a b" } },
	{ "a\xE3\x80\x80"
	  "b",
	  { NULL, NULL, "a b" } },
	{ "a\xE1\x9A\x80"
	  "b",
	  { NULL, NULL, NULL } }, /* OGHAM SPACE MARK has no mapping */
	/* what separates the parts */
	{ "a@b", { NULL, NULL, "a@b" } },
	{ "a/b", { NULL, NULL, "a/b" } },
	{ "a＠b", { NULL, NULL, "a@b" } },
	{ "a\xEF\xB9\xAB"
	  "b",
	  { NULL, NULL, "a@b" } },
	{ "a\xEF\xBC\x8F"
	  "b",
	  { NULL, NULL, "a/b" } },
	{ "\xE2\x84\x80", { NULL, NULL, "a/c" } },
	{ "a\xE2\x81\x84"
	  "b",
	  { "a\xE2\x81\x84"
	    "b",
	    "a\xE2\x81\x84"
	    "b",
	    "a\xE2\x81\x84"
	    "b" } },
	/* further characters that only a localpart refuses */
	{ "a\"b", { NULL, "a\"b", "a\"b" } },
	{ "a&b", { NULL, "a&b", "a&b" } },
	{ "a'b", { NULL, "a'b", "a'b" } },
	{ "a:b", { NULL, "a:b", "a:b" } },
	{ "a<b", { NULL, "a<b", "a<b" } },
	{ "a>b", { NULL, "a>b", "a>b" } },
	{ "a：b", { NULL, "a:b", "a:b" } },
	{ "a＜b", { NULL, "a<b", "a<b" } },
	/* controls, private use, non-characters, surrogates' kin, tags, replacement character */
	{ "a\nb", { NULL, NULL, NULL } },
	{ "é\nb", { NULL, NULL, NULL } },
	{ "é\x7F", { NULL, NULL, NULL } },
	{ "a\xC2\x85", { NULL, NULL, NULL } },
	{ "a\xE2\x80\xA8", { NULL, NULL, NULL } },
	{ "a\xEE\x80\x80", { NULL, NULL, NULL } },
	{ "a\xEF\xBF\xBE", { NULL, NULL, NULL } },
	{ "a\xF0\x9F\xBF\xBF", { NULL, NULL, NULL } },
	{ "a\xEF\xBF\xBD", { NULL, NULL, NULL } },
	{ "a\xE2\xBF\xB0", { NULL, NULL, NULL } },
	{ "a\xE2\x80\x8E", { NULL, NULL, NULL } },
	{ "a\xE2\x80\xAE", { NULL, NULL, NULL } },
	{ "a\xF3\xA0\x81\x81", { NULL, NULL, NULL } },
	/* both directions: none mixed, and right-to-left at both ends */
	{ "אב", { "אב", "אב", "אב" } },
	{ "א1ב", { "א1ב", "א1ב", "א1ב" } },
	{ "אבa", { NULL, NULL, NULL } },
	{ "aאב", { NULL, NULL, NULL } },
	{ "אaב", { NULL, NULL, NULL } },
	{ "אב1", { NULL, NULL, NULL } },
	{ "1אב", { NULL, NULL, NULL } },
	{ "\xD9\xA1"
	  "a",
	  { "\xD9\xA1"
	    "a",
	    "\xD9\xA1"
	    "a",
	    "\xD9\xA1"
	    "a" } }, /* a digit is neither */
	/* would become something else each time (Public Review Issue 29) */
	{ "\xE1\x84\x80\xCC\x80\xE1\x85\xA1\xE0\xAC\xBC\xE1\x84\x80\xCC\x80\xE1\x85\xA1\xE0\xAC"
	  "\xBE",
	  { NULL, NULL, NULL } },
	/* not assigned in Unicode 3.2: taken as they are, not folded */
	{ "😀", { "😀", "😀", "😀" } },
	{ "ẞ", { "ẞ", "ẞ", "ẞ" } },
	{ "Ა", { "Ა", "Ა", "Ა" } },
	{ "\xCD\xB8", { "\xCD\xB8", "\xCD\xB8", "\xCD\xB8" } },
};

static void
test_jid_prep_follows_the_profiles(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(CASES); i++) {
		for (int p = 0; p < PARTS; p++) {
			const char *want = CASES[i].want[p];
			char got[JID_PART_MAX + 1] = "";
			struct adx_error err;
			enum adx_rc rc = prep(p, CASES[i].in, strlen(CASES[i].in), got, &err);

			if (rc != (want == NULL ? ADX_EINVAL : ADX_OK))
				fail_msg("%s '%s': %s", PART[p].name, CASES[i].in, err.message);
			if (want != NULL)
				assert_string_equal(got, want);
		}
	}
}

/* What was prepared is prepared: a second time changes nothing. */
static void
test_jid_prep_is_idempotent(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(CASES); i++) {
		for (int p = 0; p < PARTS; p++) {
			const char *want = CASES[i].want[p];
			char got[JID_PART_MAX + 1];
			struct adx_error err;

			if (want == NULL)
				continue;
			assert_int_equal(prep(p, want, strlen(want), got, &err), ADX_OK);
			assert_string_equal(got, want);
		}
	}
}

/* libidn's verdict on a text, and its result. */
static bool
stringprep_takes(int part, const char *in, char *out, size_t size)
{
	snprintf(out, size, "%s", in);
	return stringprep(out, size, 0, PART[part].profile) == STRINGPREP_OK;
}

static bool
refused_beyond(int part, char c)
{
	if (part == DOMAIN && ((unsigned char)c < 0x20 || c == 0x7F))
		return true;
	return strchr(PART[part].refused_beyond, c) != NULL;
}

/* The short way for ASCII must say what stringprep says, on each of the characters. */
static void
check_ascii(int part, const char *before, char c, const char *after)
{
	char in[16], want[64], got[JID_PART_MAX + 1] = "";
	struct adx_error err;
	bool takes;

	snprintf(in, sizeof(in), "%s%c%s", before, c, after);
	takes = stringprep_takes(part, in, want, sizeof(want)) && !refused_beyond(part, c);
	if (prep(part, in, strlen(in), got, &err) != (takes ? ADX_OK : ADX_EINVAL))
		fail_msg("%s U+%04X: %s", PART[part].name, (unsigned)c, err.message);
	if (takes)
		assert_string_equal(got, want);
}

static void
test_jid_prep_of_ascii_is_stringprep(void **state)
{
	(void)state;
	for (int p = 0; p < PARTS; p++) {
		for (int c = 1; c < 128; c++) {
			check_ascii(p, "", (char)c, "");
			check_ascii(p, "a", (char)c, "B");
		}
	}
}

/* Beside a character beyond ASCII the long way is taken, with the same verdicts. */
static void
test_jid_prep_of_ascii_beside_other_characters(void **state)
{
	(void)state;
	for (int p = 0; p < PARTS; p++) {
		for (int c = 1; c < 128; c++) {
			check_ascii(p, "é", (char)c, "");
			check_ascii(p, "", (char)c, "É");
		}
	}
}

static void
test_jid_prep_refuses_bytes(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *reason;
	} cases[] = {
		{ T(""), "is empty" },
		{ T("\0"), "has characters that are not allowed there" },
		{ T("a\0b"), "has characters that are not allowed there" },
		{ T("é\0"), "has characters that are not allowed there" },
		{ T("\xFF"), "is not UTF-8" },
		{ T("a\xC3"), "is not UTF-8" },
		{ T("\xC0\xAF"), "is not UTF-8" },
		{ T("\xED\xA0\x80"), "is not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int p = 0; p < PARTS; p++) {
			char got[JID_PART_MAX + 1], want[80];
			struct adx_error err;

			assert_int_equal(prep(p, cases[i].in, cases[i].len, got, &err), ADX_EINVAL);
			snprintf(want, sizeof(want), "%s %s", PART[p].name, cases[i].reason);
			assert_string_equal(err.message, want);
		}
	}
}

/* `count` times the unit, then `more` letters. */
static void
repeat(struct buf *out, const char *unit, size_t count, size_t more)
{
	buf_clear(out);
	for (size_t i = 0; i < count; i++)
		buf_add_text(out, unit);
	for (size_t i = 0; i < more; i++)
		buf_add_char(out, 'a');
	assert_true(buf_ok(out));
}

static void
check_length(int part, const struct buf *in, size_t want)
{
	char got[JID_PART_MAX + 1], message[80];
	struct adx_error err;

	if (want <= JID_PART_MAX) {
		assert_int_equal(prep(part, in->data, in->len, got, &err), ADX_OK);
		assert_int_equal(strlen(got), want);
		return;
	}
	assert_int_equal(prep(part, in->data, in->len, got, &err), ADX_EINVAL);
	snprintf(message, sizeof(message), "%s is longer than 1023 bytes", PART[part].name);
	assert_string_equal(err.message, message);
}

static void
test_jid_prep_limits_what_comes_in(void **state)
{
	struct buf in = BUF_INIT;

	(void)state;
	for (int p = 0; p < PARTS; p++) {
		repeat(&in, "", 0, 1023);
		check_length(p, &in, 1023);
		repeat(&in, "", 0, 1024);
		check_length(p, &in, 1024);
		/* though it would become short enough */
		repeat(&in, "\xEF\xBD\x81", 341, 0);
		check_length(p, &in, 341);
		repeat(&in, "\xEF\xBD\x81", 341, 1);
		check_length(p, &in, 1024);
	}
	buf_free(&in);
}

static void
test_jid_prep_limits_what_comes_out(void **state)
{
	struct buf in = BUF_INIT;

	(void)state;
	for (int p = LOCAL; p <= DOMAIN; p++) {
		repeat(&in, ALPHA, 204, 3);
		check_length(p, &in, 1023);
		repeat(&in, ALPHA, 204, 4);
		check_length(p, &in, 1024);
	}
	repeat(&in, PHRASE, 31, 0);
	check_length(RESOURCE, &in, 1023);
	repeat(&in, PHRASE, 32, 0);
	check_length(RESOURCE, &in, 1056);
	repeat(&in, PHRASE, 341, 0);
	check_length(RESOURCE, &in, 11253);
	buf_free(&in);
}

static void
test_jid_parse_splits(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *local, *domain, *resource;
	} cases[] = {
		{ T("example.org"), "", "example.org", "" },
		{ T("romeo@example.org"), "romeo", "example.org", "" },
		{ T("romeo@example.org/orchard"), "romeo", "example.org", "orchard" },
		{ T("Romeo@Example.ORG/Orchard"), "romeo", "example.org", "Orchard" },
		{ T("example.org/a@b/c"), "", "example.org", "a@b/c" },
		{ T("example.org//"), "", "example.org", "/" },
		{ T("a@b/ "), "a", "b", " " },
		{ T("a@b/"), "a", "b", "" },
		{ T("b/"), "", "b", "" },
		{ T("ＲＯＭＥＯ@ＥＸＡＭＰＬＥ/①"), "romeo", "example", "1" },
		{ T("a@127.0.0.1"), "a", "127.0.0.1", "" },
		{ T("a@[::1]/x"), "a", "[::1]", "x" },
		{ T("אב@example.org/אב"), "אב", "example.org", "אב" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err = { 0 };
		struct jid jid;

		if (jid_parse(cases[i].text, cases[i].len, &jid, &err) != ADX_OK)
			fail_msg("%s: %s", cases[i].text, err.message);
		assert_string_equal(jid.local, cases[i].local);
		assert_string_equal(jid.domain, cases[i].domain);
		assert_string_equal(jid.resource, cases[i].resource);
	}
}

static void
test_jid_parse_refuses(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *part;
	} cases[] = {
		{ T(""), "domain" },           { T("@"), "localpart" },
		{ T("@host"), "localpart" },   { T("a@"), "domain" },
		{ T("a@/r"), "domain" },       { T("/"), "domain" },
		{ T("/r"), "domain" },         { T("@/"), "localpart" },
		{ T("a@b@c"), "domain" },      { T("a b@host"), "localpart" },
		{ T("a@b c"), "domain" },      { T("a@b/\n"), "resource" },
		{ T("a@b/\xFF"), "resource" }, { T("a\0@b"), "localpart" },
		{ T("a@b\0"), "domain" },      { T("a@b/c\0"), "resource" },
		{ T("a＠b@c"), "localpart" },  { T("a@b＠c"), "domain" },
		{ T("a@b／c"), "domain" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct adx_error err = { 0 };
		struct jid jid;

		if (jid_parse(cases[i].text, cases[i].len, &jid, &err) != ADX_EINVAL)
			fail_msg("accepted: %s", cases[i].text);
		assert_memory_equal(err.message, cases[i].part, strlen(cases[i].part));
	}
}

static void
test_jid_prints(void **state)
{
	static const struct {
		struct jid jid;
		const char *bare, *full;
	} cases[] = {
		{ { "", "b", "" }, "b", "b" },
		{ { "a", "b", "" }, "a@b", "a@b" },
		{ { "a", "b", "c" }, "a@b", "a@b/c" },
		{ { "", "b", "c@d/e" }, "b", "b/c@d/e" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char bare[JID_BARE_MAX + 1], full[JID_FULL_MAX + 1];

		jid_bare(&cases[i].jid, bare);
		jid_full(&cases[i].jid, full);
		assert_string_equal(bare, cases[i].bare);
		assert_string_equal(full, cases[i].full);
	}
}

static void
test_jid_of_the_longest_parts(void **state)
{
	struct buf text = BUF_INIT, part = BUF_INIT;
	char bare[JID_BARE_MAX + 1], full[JID_FULL_MAX + 1];
	struct adx_error err = { 0 };
	struct jid jid;

	(void)state;
	repeat(&part, "", 0, JID_PART_MAX);
	buf_addf(&text, "%s@%s/%s", part.data, part.data, part.data);
	assert_int_equal(text.len, JID_FULL_MAX);
	assert_int_equal(jid_parse(text.data, text.len, &jid, &err), ADX_OK);
	jid_bare(&jid, bare);
	jid_full(&jid, full);
	assert_int_equal(strlen(bare), JID_BARE_MAX);
	assert_string_equal(full, text.data);
	buf_free(&text);
	buf_free(&part);
}

static void
test_jid_part_is_stored_string(void **state)
{
	static const struct {
		const char *part;
		bool want;
	} cases[] = {
		{ "", true },
		{ "romeo", true },
		{ "{},\\=s\\", true },
		{ "\xC3\xB8\xE3\x81\x95\xCF\x83", true },
		{ "\xF0\x90\x90\xA8", true },      /* U+10428, of Unicode 3.1 */
		{ "\xC8\xA1", false },             /* U+0221, of Unicode 4.0 */
		{ "a\xF0\x9F\x98\x80", false },    /* U+1F600 */
		{ "\xD7\x90\xD7\x91", true },      /* right to left */
		{ "\xE1\xBA\x9E.example", false }, /* U+1E9E, of Unicode 5.1 */
	};
	struct buf longest = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(jid_part_is_stored_string(cases[i].part), cases[i].want);
	repeat(&longest, "", 0, JID_PART_MAX);
	assert_true(jid_part_is_stored_string(longest.data));
	buf_free(&longest);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jid_prep_follows_the_profiles),
		cmocka_unit_test(test_jid_prep_is_idempotent),
		cmocka_unit_test(test_jid_prep_of_ascii_is_stringprep),
		cmocka_unit_test(test_jid_prep_of_ascii_beside_other_characters),
		cmocka_unit_test(test_jid_prep_refuses_bytes),
		cmocka_unit_test(test_jid_prep_limits_what_comes_in),
		cmocka_unit_test(test_jid_prep_limits_what_comes_out),
		cmocka_unit_test(test_jid_parse_splits),
		cmocka_unit_test(test_jid_parse_refuses),
		cmocka_unit_test(test_jid_prints),
		cmocka_unit_test(test_jid_of_the_longest_parts),
		cmocka_unit_test(test_jid_part_is_stored_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
