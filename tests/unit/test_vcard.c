#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/vcard.h"
#include "base/xml.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define CARD(inner)  "<vCard xmlns='vcard-temp'>" inner "</vCard>"

/* An unreadable card each, and what is wrong with it. */
static const struct {
	const char *xml;
	const char *reason;
} UNREADABLE[] = {
	{ "", "no complete element" },
	{ "no card at all", "no element" },
	{ "<vCard xmlns='vcard-temp'><FN>Juliet</FN>", "no complete element" },
	{ "<vCard xmlns='vcard-temp'><FN>Juliet</N></vCard>", "tag mismatch" },
	{ "<vCard><FN>\xE9</FN></vCard>", "not UTF-8" },
	{ "<vCard><FN>&eacute;</FN></vCard>", "entity 'eacute' not defined" },
	{ "<!DOCTYPE vCard [<!ENTITY x 'y'>]><vCard><FN>&x;</FN></vCard>", "document types" },
	{ "<vCard><x:FN/></vCard>", "namespace prefix x" },
	{ "<vCard/><vCard/>", "extra content" },
};

/* Getting. */

static void
test_vcard_get_finds(void **state)
{
	static const struct {
		const char *xml, *name, *subname;
		const char *want[4];
	} cases[] = {
		{ CARD("<FN>Juliet</FN>"), "FN", NULL, { "Juliet" } },
		{ CARD("<FN/>"), "FN", NULL, { "" } },
		{ CARD("<N/>"), "FN", NULL, { NULL } },
		{ CARD(""), "FN", NULL, { NULL } },
		{ CARD("<fn>x</fn>"), "FN", NULL, { NULL } },
		{ CARD("<FN>a</FN><N/><FN>b</FN>"), "FN", NULL, { "a", "b" } },
		{ CARD("<FN>&lt;&amp;&#x41;</FN>"), "FN", NULL, { "<&A" } },
		{ CARD("<FN>a<![CDATA[<b>]]>c<!-- d --><e>f</e><?g h?>i</FN>"),
		  "FN",
		  NULL,
		  { "a<b>ci" } },
		{ CARD("<DESC> \n </DESC>"), "DESC", NULL, { " \n " } },
		{ CARD("<N><FAMILY>C</FAMILY></N>"), "N", NULL, { "" } },
		{ CARD("<N><FAMILY>C</FAMILY></N>"), "N", "FAMILY", { "C" } },
		{ CARD("<N><FAMILY>C</FAMILY></N>"), "N", "GIVEN", { NULL } },
		{ CARD("<N>x</N>"), "N", "FAMILY", { NULL } },
		{ CARD("<FAMILY>C</FAMILY>"), "N", "FAMILY", { NULL } },
		{ CARD("<A><B><C>x</C></B></A>"), "A", "C", { NULL } },
		{ CARD("<ORG><ORGUNIT>a</ORGUNIT><ORGNAME>n</ORGNAME><ORGUNIT>b</ORGUNIT></ORG>"
		       "<ORG/><ORG><ORGUNIT>c</ORGUNIT></ORG>"),
		  "ORG",
		  "ORGUNIT",
		  { "a", "b", "c" } },
		{ CARD("<x:FN xmlns:x='u'>x</x:FN><FN xmlns=''>y</FN>"), "FN", NULL, { "x", "y" } },
		{ "<FN>Juliet</FN>", "FN", NULL, { NULL } },
		{ CARD("<FN>x</FN>"), "", NULL, { NULL } },
		{ CARD("<FN>x</FN>"), "FN", "", { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct strvec values = STRVEC_INIT;
		struct adx_error err;
		size_t n = 0;

		assert_int_equal(vcard_get(cases[i].xml, strlen(cases[i].xml), cases[i].name,
					   cases[i].subname, &values, &err),
				 ADX_OK);
		for (; cases[i].want[n] != NULL; n++) {
			assert_true(n < values.count);
			assert_string_equal(values.items[n], cases[i].want[n]);
		}
		assert_int_equal(values.count, n);
		strvec_free(&values);
	}
}

static void
test_vcard_get_appends(void **state)
{
	static const char xml[] = CARD("<FN>b</FN>");
	struct strvec values = STRVEC_INIT;
	struct adx_error err;

	(void)state;
	strvec_add_text(&values, "a");
	assert_int_equal(vcard_get(xml, sizeof(xml) - 1, "FN", NULL, &values, &err), ADX_OK);
	assert_int_equal(values.count, 2);
	assert_string_equal(values.items[0], "a");
	assert_string_equal(values.items[1], "b");
	strvec_free(&values);
}

static void
test_vcard_get_refuses_an_unreadable_card(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(UNREADABLE); i++) {
		struct strvec values = STRVEC_INIT;
		struct adx_error err;

		assert_int_equal(vcard_get(UNREADABLE[i].xml, strlen(UNREADABLE[i].xml), "FN", NULL,
					   &values, &err),
				 ADX_EINVAL);
		assert_memory_equal(err.message, "cannot read the vCard: ", 23);
		assert_non_null(strstr(err.message, UNREADABLE[i].reason));
		assert_int_equal(values.count, 0);
		strvec_free(&values);
	}
}

/* Setting. */

static size_t
count_of(const char *const *contents)
{
	size_t n = 0;

	while (contents[n] != NULL)
		n++;
	return n;
}

struct edit {
	const char *xml, *name, *subname;
	const char *contents[4];
	const char *want;
};

static void
assert_edited(const struct edit *edit)
{
	struct buf out = BUF_INIT;
	struct adx_error err;

	if (vcard_set(edit->xml, edit->xml == NULL ? 0 : strlen(edit->xml), edit->name,
		      edit->subname, edit->contents, count_of(edit->contents), &out,
		      &err) != ADX_OK)
		fail_msg("%s: %s", edit->xml, err.message);
	assert_string_equal(buf_text(&out), edit->want);
	buf_free(&out);
}

static void
test_vcard_set_begins_a_card(void **state)
{
	static const struct edit edits[] = {
		{ NULL, "FN", NULL, { "Juliet" }, CARD("<FN>Juliet</FN>") },
		{ NULL, "FN", NULL, { "" }, CARD("<FN/>") },
		{ NULL, "N", "FAMILY", { "C" }, CARD("<N><FAMILY>C</FAMILY></N>") },
		{ NULL,
		  "ORG",
		  "ORGUNIT",
		  { "a", "b" },
		  CARD("<ORG><ORGUNIT>a</ORGUNIT><ORGUNIT>b</ORGUNIT></ORG>") },
		{ NULL, "ORG", "ORGUNIT", { NULL }, "<vCard xmlns='vcard-temp'/>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(edits); i++)
		assert_edited(&edits[i]);
}

/* The first takes the content in its place, with its attributes; no other of that name is left. */
static void
test_vcard_set_replaces_all_of_a_name(void **state)
{
	static const struct edit edits[] = {
		{ CARD("<FN>old</FN>"), "FN", NULL, { "new" }, CARD("<FN>new</FN>") },
		{ CARD("<FN>a</FN><FN>b</FN><FN>c</FN>"),
		  "FN",
		  NULL,
		  { "new" },
		  CARD("<FN>new</FN>") },
		{ CARD("<N><GIVEN>J</GIVEN></N><FN x='1' xml:lang='it'>a</FN><BDAY>d</BDAY>"
		       "<FN x='2'>b</FN><URL/>"),
		  "FN",
		  NULL,
		  { "new" },
		  CARD("<N><GIVEN>J</GIVEN></N><FN x='1' xml:lang='it'>new</FN><BDAY>d</BDAY>"
		       "<URL/>") },
		{ CARD("<FN>a<b>c</b><!-- d --></FN>"),
		  "FN",
		  NULL,
		  { "new" },
		  CARD("<FN>new</FN>") },
		{ CARD("<N/>"), "FN", NULL, { "new" }, CARD("<N/><FN>new</FN>") },
		{ CARD("<fn>a</fn>"), "FN", NULL, { "b" }, CARD("<fn>a</fn><FN>b</FN>") },
		{ CARD("<FN>a</FN>"), "FN", NULL, { "" }, CARD("<FN/>") },
		{ CARD("<x:FN xmlns:x='u'>a</x:FN><FN>b</FN>"),
		  "FN",
		  NULL,
		  { "c" },
		  CARD("<x:FN xmlns:x='u'>c</x:FN>") },
		{ CARD("<N><FN>a</FN></N>"),
		  "FN",
		  NULL,
		  { "b" },
		  CARD("<N><FN>a</FN></N><FN>b</FN>") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(edits); i++)
		assert_edited(&edits[i]);
}

static void
test_vcard_set_changes_the_first_with_a_subname(void **state)
{
	static const struct edit edits[] = {
		{ CARD("<EMAIL a='1'><HOME/><USERID b='2'>x</USERID><PREF/></EMAIL><FN>f</FN>"
		       "<EMAIL><USERID>y</USERID></EMAIL>"),
		  "EMAIL",
		  "USERID",
		  { "new" },
		  CARD("<EMAIL a='1'><HOME/><USERID b='2'>new</USERID><PREF/></EMAIL><FN>f</FN>"
		       "<EMAIL><USERID>y</USERID></EMAIL>") },
		{ CARD("<EMAIL><HOME/></EMAIL><EMAIL><USERID>y</USERID></EMAIL>"),
		  "EMAIL",
		  "USERID",
		  { "new" },
		  CARD("<EMAIL><HOME/><USERID>new</USERID></EMAIL><EMAIL><USERID>y</USERID>"
		       "</EMAIL>") },
		{ CARD("<FN>f</FN>"),
		  "EMAIL",
		  "USERID",
		  { "new" },
		  CARD("<FN>f</FN><EMAIL><USERID>new</USERID></EMAIL>") },
		{ CARD("<EMAIL>bare</EMAIL>"),
		  "EMAIL",
		  "USERID",
		  { "new" },
		  CARD("<EMAIL>bare<USERID>new</USERID></EMAIL>") },
		{ CARD("<EMAIL><USERID>x</USERID><HOME/><USERID>y</USERID></EMAIL>"),
		  "EMAIL",
		  "USERID",
		  { "new" },
		  CARD("<EMAIL><USERID>new</USERID><HOME/></EMAIL>") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(edits); i++)
		assert_edited(&edits[i]);
}

static void
test_vcard_set_takes_several_contents(void **state)
{
#define UNIT(attribute, text) "<ORGUNIT" attribute ">" text "</ORGUNIT>"
	static const struct edit edits[] = {
		{ CARD("<ORG><ORGNAME>n</ORGNAME>" UNIT("", "x") "<z/></ORG>"),
		  "ORG",
		  "ORGUNIT",
		  { "a", "b", "c" },
		  CARD("<ORG><ORGNAME>n</ORGNAME>" UNIT("", "a") UNIT("", "b")
			       UNIT("", "c") "<z/></ORG>") },
		{ CARD("<ORG>" UNIT(" i='1'", "x") "<z/>" UNIT(" i='2'", "y") "</ORG>"),
		  "ORG",
		  "ORGUNIT",
		  { "a", "b", "c" },
		  CARD("<ORG>" UNIT(" i='1'", "a") UNIT(" i='2'", "b")
			       UNIT("", "c") "<z/></ORG>") },
		{ CARD("<ORG>" UNIT(" i='1'", "x") UNIT(" i='2'", "y")
			       UNIT(" i='3'", "z") "</ORG>"),
		  "ORG",
		  "ORGUNIT",
		  { "a", "b" },
		  CARD("<ORG>" UNIT(" i='1'", "a") UNIT(" i='2'", "b") "</ORG>") },
		{ CARD("<ORG><ORGNAME>n</ORGNAME></ORG>"),
		  "ORG",
		  "ORGUNIT",
		  { "a", "b" },
		  CARD("<ORG><ORGNAME>n</ORGNAME>" UNIT("", "a") UNIT("", "b") "</ORG>") },
		{ CARD("<ORG>" UNIT("", "x") "<ORGNAME>n</ORGNAME>" UNIT("", "y") "</ORG>"),
		  "ORG",
		  "ORGUNIT",
		  { NULL },
		  CARD("<ORG><ORGNAME>n</ORGNAME></ORG>") },
		{ CARD("<ORG>" UNIT("", "x") "</ORG><ORG>" UNIT("", "y") "</ORG>"),
		  "ORG",
		  "ORGUNIT",
		  { NULL },
		  CARD("<ORG/><ORG>" UNIT("", "y") "</ORG>") },
		{ CARD("<FN>f</FN>"), "ORG", "ORGUNIT", { NULL }, CARD("<FN>f</FN>") },
	};
#undef UNIT

	(void)state;
	for (size_t i = 0; i < COUNT(edits); i++)
		assert_edited(&edits[i]);
}

/* What we do not know is carried along. */
static void
test_vcard_set_keeps_the_rest(void **state)
{
	static const struct edit edits[] = {
		{ CARD("\n  <!-- mine -->\n  <FN>a</FN>\n  <?app data?>\n"),
		  "FN",
		  NULL,
		  { "b" },
		  CARD("\n  <!-- mine -->\n  <FN>b</FN>\n  <?app data?>\n") },
		{ CARD("text<X-APP a='&apos;' b='&#10;'>x<y xmlns='z'><w/></y></X-APP>text<FN/>"),
		  "FN",
		  NULL,
		  { "b" },
		  CARD("text<X-APP a='&apos;' b='&#10;'>x<y xmlns='z'><w/></y></X-APP>text"
		       "<FN>b</FN>") },
		{ "<v:vCard xmlns:v='vcard-temp' version='2.0'><v:N/></v:vCard>",
		  "FN",
		  NULL,
		  { "b" },
		  "<v:vCard xmlns:v='vcard-temp' version='2.0'><v:N/><v:FN>b</v:FN></v:vCard>" },
		{ "<vCard prodid='x' version='2.0' xmlns='vcard-temp'/>",
		  "N",
		  "GIVEN",
		  { "b" },
		  "<vCard xmlns='vcard-temp' prodid='x' version='2.0'><N><GIVEN>b</GIVEN></N>"
		  "</vCard>" },
		{ "<vCard/>", "FN", NULL, { "b" }, "<vCard><FN>b</FN></vCard>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(edits); i++)
		assert_edited(&edits[i]);
}

static void
test_vcard_set_content_comes_back(void **state)
{
	static const char *const contents[] = {
		"",
		" ",
		"\n\t\r\r\n",
		"<b>&amp;</b>",
		"]]>",
		"'\"",
		"&#0;",
		"\xF0\x9F\x98\x80\xC2\x85",
		"\xEF\xBB\xBF",
		"<![CDATA[x]]>",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(contents); i++) {
		struct strvec values = STRVEC_INIT;
		struct buf out = BUF_INIT;
		struct adx_error err;

		assert_int_equal(vcard_set(NULL, 0, "FN", NULL, &contents[i], 1, &out, &err),
				 ADX_OK);
		assert_int_equal(vcard_get(out.data, out.len, "FN", NULL, &values, &err), ADX_OK);
		assert_int_equal(values.count, 1);
		assert_string_equal(values.items[0], contents[i]);
		strvec_free(&values);
		buf_free(&out);
	}
}

static void
assert_set_refused(const char *xml, const char *name, const char *subname,
		   const char *const *contents, size_t count, const char *reason)
{
	struct buf out = BUF_INIT;
	struct adx_error err;

	buf_add_text(&out, "before");
	assert_int_equal(vcard_set(xml, xml == NULL ? 0 : strlen(xml), name, subname, contents,
				   count, &out, &err),
			 ADX_EINVAL);
	if (strstr(err.message, reason) == NULL)
		fail_msg("'%s' lacks '%s'", err.message, reason);
	assert_null(strchr(err.message, '\n'));
	assert_string_equal(buf_text(&out), "before");
	buf_free(&out);
}

/* The old software put a new card in place of one it could not read. */
static void
test_vcard_set_never_replaces_an_unreadable_card(void **state)
{
	static const char *const content[] = { "x" };

	(void)state;
	for (size_t i = 0; i < COUNT(UNREADABLE); i++) {
		assert_set_refused(UNREADABLE[i].xml, "FN", NULL, content, 1, UNREADABLE[i].reason);
		assert_set_refused(UNREADABLE[i].xml, "N", "GIVEN", content, 1, "cannot read");
		assert_set_refused(UNREADABLE[i].xml, "N", "GIVEN", NULL, 0, "cannot read");
	}
}

static void
test_vcard_set_refuses_what_is_not_a_card(void **state)
{
	static const char *const cards[] = { "<FN/>", "<vcard xmlns='vcard-temp'/>",
					     "<iq><vCard xmlns='vcard-temp'/></iq>" };
	static const char *const content[] = { "x" };

	(void)state;
	for (size_t i = 0; i < COUNT(cards); i++)
		assert_set_refused(cards[i], "FN", NULL, content, 1, "not a vCard");
}

static void
test_vcard_set_refuses_names(void **state)
{
	static const char *const names[] = { "",    " ",  "a b", "a:b",    ":a",   "1a",   "-a",
					     "<a>", "a>", "a/",  "FN\n",   "\xFF", "\x01", " FN",
					     "FN ", "&",  "a'",  "a\xC0z", "{u}FN" };
	static const char *const content[] = { "x" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_set_refused(NULL, names[i], NULL, content, 1, "field name is not");
		assert_set_refused(NULL, names[i], "GIVEN", content, 1, "field name is not");
		assert_set_refused(NULL, "N", names[i], content, 1, "field name is not");
		assert_set_refused(NULL, "N", names[i], NULL, 0, "field name is not");
	}
}

static void
test_vcard_set_limits_names(void **state)
{
	static const char *const content[] = { "x" };
	char name[VCARD_NAME_MAX + 2];
	struct buf out = BUF_INIT;
	struct adx_error err;

	(void)state;
	memset(name, 'N', sizeof(name) - 1);
	name[VCARD_NAME_MAX + 1] = '\0';
	assert_set_refused(NULL, name, NULL, content, 1, "field name of 256 bytes is too long");
	name[VCARD_NAME_MAX] = '\0';
	assert_int_equal(vcard_set(NULL, 0, name, NULL, content, 1, &out, &err), ADX_OK);
	buf_free(&out);
}

static void
test_vcard_set_refuses_contents(void **state)
{
	static const char *const contents[] = { "\x01", "a\x0B", "\xFF", "\xED\xA0\x80",
						"\xEF\xBF\xBE" };

	(void)state;
	for (size_t i = 0; i < COUNT(contents); i++) {
		const char *const both[] = { "good", contents[i] };

		assert_set_refused(NULL, "FN", NULL, &contents[i], 1,
				   "content of 'FN' has characters XML cannot carry");
		assert_set_refused(NULL, "N", "GIVEN", both, 2, "content of 'GIVEN' has");
	}
}

static void
test_vcard_set_without_subname_takes_one_content(void **state)
{
	static const char *const contents[] = { "a", "b" };

	(void)state;
	assert_set_refused(NULL, "FN", NULL, contents, 0, "field 'FN' takes one content, not 0");
	assert_set_refused(NULL, "FN", NULL, contents, 2, "field 'FN' takes one content, not 2");
}

/* A card that could be written but not read again would be lost. */
static void
test_vcard_set_limits_the_card(void **state)
{
	static const char frame[] = CARD("<FN></FN>");
	size_t room = XML_TEXT_MAX - (sizeof(frame) - 1);
	struct strvec values = STRVEC_INIT;
	char *content = malloc(room + 2);
	const char *const contents[] = { content };
	struct buf out = BUF_INIT;
	struct adx_error err;

	(void)state;
	assert_non_null(content);
	memset(content, 'x', room + 1);
	content[room + 1] = '\0';
	assert_set_refused(NULL, "FN", NULL, contents, 1, "longer than 10000000 bytes");
	content[room] = '\0';
	assert_int_equal(vcard_set(NULL, 0, "FN", NULL, contents, 1, &out, &err), ADX_OK);
	assert_int_equal(out.len, XML_TEXT_MAX);
	assert_int_equal(vcard_get(out.data, out.len, "FN", NULL, &values, &err), ADX_OK);
	assert_string_equal(values.items[0], content);
	strvec_free(&values);
	buf_free(&out);
	free(content);
}

/* Searching. */

static void
assert_search_fields(const char *xml, const char *const want[VCARD_FIELDS])
{
	struct strvec values = STRVEC_INIT;
	struct adx_error err;

	assert_int_equal(vcard_search_fields(xml, strlen(xml), &values, &err), ADX_OK);
	assert_int_equal(values.count, VCARD_FIELDS);
	for (size_t i = 0; i < VCARD_FIELDS; i++)
		assert_string_equal(values.items[i], want[i] == NULL ? "" : want[i]);
	strvec_free(&values);
}

static void
test_vcard_search_fields_reads_each(void **state)
{
	static const struct {
		const char *xml;
		const char *want[VCARD_FIELDS];
	} cases[] = {
		{ CARD(""), { NULL } },
		{ CARD("<ORG><ORGUNIT>unit</ORGUNIT><ORGNAME>org</ORGNAME></ORG><FN>fn</FN>"
		       "<N><MIDDLE>m</MIDDLE><FAMILY>f</FAMILY><GIVEN>g</GIVEN></N>"
		       "<NICKNAME>nick</NICKNAME><BDAY>1597-01-01</BDAY><EMAIL><HOME/>"
		       "<USERID>e@x</USERID></EMAIL><ADR><CTRY>IT</CTRY>"
		       "<LOCALITY>Verona</LOCALITY></ADR>"),
		  { "fn", "f", "g", "m", "nick", "1597-01-01", "IT", "Verona", "e@x", "org",
		    "unit" } },
		{ CARD("<FN>first</FN><FN>second</FN>"), { [VCARD_FN] = "first" } },
		{ CARD("<ADR><LOCALITY>a</LOCALITY></ADR><ADR><CTRY>b</CTRY><LOCALITY>c</LOCALITY>"
		       "</ADR>"),
		  { [VCARD_CTRY] = "b", [VCARD_LOCALITY] = "a" } },
		{ CARD("<EMAIL>e@x</EMAIL>"), { [VCARD_EMAIL] = "e@x" } },
		{ CARD("<EMAIL>text</EMAIL><EMAIL><USERID>e@x</USERID></EMAIL>"),
		  { [VCARD_EMAIL] = "e@x" } },
		{ CARD("<N>text</N><ORG>text</ORG>"), { NULL } },
		{ CARD("<fn>x</fn>"), { NULL } },
		{ CARD("<FN>&lt;&#x41;<![CDATA[&]]></FN>"), { [VCARD_FN] = "<A&" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_search_fields(cases[i].xml, cases[i].want);
}

static void
test_vcard_search_fields_refuses_an_unreadable_card(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(UNREADABLE); i++) {
		struct strvec values = STRVEC_INIT;
		struct adx_error err;

		assert_int_equal(vcard_search_fields(UNREADABLE[i].xml, strlen(UNREADABLE[i].xml),
						     &values, &err),
				 ADX_EINVAL);
		assert_int_equal(values.count, 0);
		strvec_free(&values);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vcard_get_finds),
		cmocka_unit_test(test_vcard_get_appends),
		cmocka_unit_test(test_vcard_get_refuses_an_unreadable_card),
		cmocka_unit_test(test_vcard_set_begins_a_card),
		cmocka_unit_test(test_vcard_set_replaces_all_of_a_name),
		cmocka_unit_test(test_vcard_set_changes_the_first_with_a_subname),
		cmocka_unit_test(test_vcard_set_takes_several_contents),
		cmocka_unit_test(test_vcard_set_keeps_the_rest),
		cmocka_unit_test(test_vcard_set_content_comes_back),
		cmocka_unit_test(test_vcard_set_never_replaces_an_unreadable_card),
		cmocka_unit_test(test_vcard_set_refuses_what_is_not_a_card),
		cmocka_unit_test(test_vcard_set_refuses_names),
		cmocka_unit_test(test_vcard_set_limits_names),
		cmocka_unit_test(test_vcard_set_refuses_contents),
		cmocka_unit_test(test_vcard_set_without_subname_takes_one_content),
		cmocka_unit_test(test_vcard_set_limits_the_card),
		cmocka_unit_test(test_vcard_search_fields_reads_each),
		cmocka_unit_test(test_vcard_search_fields_refuses_an_unreadable_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
