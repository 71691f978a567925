#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/xml.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static xmlDocPtr
parse(const char *text)
{
	struct adx_error err;
	xmlDocPtr doc = NULL;

	if (xml_parse(text, strlen(text), &doc, &err) != ADX_OK)
		fail_msg("%s: %s", text, err.message);
	return doc;
}

static void
assert_written(const xmlNode *element, const char *want)
{
	struct buf out = BUF_INIT;
	struct adx_error err;

	assert_int_equal(xml_write(element, &out, &err), ADX_OK);
	assert_string_equal(buf_text(&out), want);
	buf_free(&out);
}

static void
assert_rewritten(const char *text, const char *want)
{
	xmlDocPtr doc = parse(text);

	assert_written(xmlDocGetRootElement(doc), want);
	xmlFreeDoc(doc);
}

static void
assert_refused(const char *text, size_t len, const char *reason)
{
	struct adx_error err = { .rc = ADX_OK };
	xmlDocPtr doc = NULL;

	if (xml_parse(text, len, &doc, &err) != ADX_EINVAL)
		fail_msg("accepted: %.80s", text);
	assert_null(doc);
	if (strstr(err.message, reason) == NULL)
		fail_msg("%.80s: '%s' lacks '%s'", text, err.message, reason);
	assert_null(strpbrk(err.message, "\n\t\r"));
}

static void
test_xml_write_keeps_what_was_stored(void **state)
{
	static const char *const same[] = {
		"<a/>",
		"<item xmlns='alice:private_remove:ns'>Something to declare</item>",
		"<a b='1' c='2' b2=''/>",
		"<a xml:lang='de' xml:space='preserve'> x </a>",
		"<p:a xmlns:p='u' p:b='1' b='2'><p:c/><d/></p:a>",
		"<a xmlns='u'><b xmlns=''><c xmlns='v'/></b></a>",
		"<a xmlns='u' xmlns:unused='v'/>",
		"<a xmlns='u' xmlns:u='u'><u:b/><b/></a>",
		"<p:a xmlns:p='u'><p:b xmlns:p='v'><p:c/></p:b><p:d/></p:a>",
		"<a>one<b/>two<!-- three --><?four five?><?six?></a>",
		"<a>\n\t<b/>\n</a>",
		"<a b='x&#9;y&#10;z&#13;'>&#13;\n</a>",
		"<a b='&lt;&amp;&gt;&apos;&quot;'>&lt;&amp;&gt;'\"</a>",
		"<a xmlns='a &amp; b&apos;' xmlns:p='&amp;'><p:b/></a>",
		"<a xmlns='&amp;#38;&amp;amp;&#9;&amp;#3'/>",
		"<a xmlns='no namespace URI'/>",
		"<\xC3\xA9t\xC3\xA9 \xD0\xB8='\xF0\x9F\x98\x80'>\xE3\x81\x95</\xC3\xA9t\xC3\xA9>",
		"<a xml:id='1 2'><b xml:id='1 2'/></a>",
		"<vCard xmlns='vcard-temp'><FN>Orsino &lt;Q&amp;A&gt;</FN><PHOTO/></vCard>",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(same); i++)
		assert_rewritten(same[i], same[i]);
}

static void
test_xml_write_has_one_form(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "<a></a>", "<a/>" },
		{ "<a  b = \"1\"\n/>", "<a b='1'/>" },
		{ "<a b=\"'\"/>", "<a b='&apos;'/>" },
		{ "<a b='\"'/>", "<a b='&quot;'/>" },
		{ "<a b='x\ty\nz'/>", "<a b='x y z'/>" },
		{ "<a>x\r\ny</a>", "<a>x\ny</a>" },
		{ "<a>&quot;&apos;&#65;&#x42;</a>", "<a>\"'AB</a>" },
		{ "<a><![CDATA[<b>&amp;]]></a>", "<a>&lt;b&gt;&amp;amp;</a>" },
		{ "<a>x<![CDATA[y]]>z<![CDATA[]]></a>", "<a>xyz</a>" },
		{ "<a><![CDATA[]]></a>", "<a/>" },
		{ "<a>]]&gt;</a>", "<a>]]&gt;</a>" },
		{ " <!-- x --><?y z?>\n<a/> <?y?><!--z-->\n", "<a/>" },
		{ "<?xml version='1.0'?><a/>", "<a/>" },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xC3\xA9</a>", "<a>\xC3\xA9</a>" },
		{ "<?xml version='1.0' encoding='UTF-16'?><a>\xC3\xA9</a>", "<a>\xC3\xA9</a>" },
		{ "\xEF\xBB\xBF<a/>", "<a/>" },
		{ "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:b=''/>",
		  "<a xml:b=''/>" },
		{ "<a b='1' xmlns='u'/>", "<a xmlns='u' b='1'/>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_rewritten(cases[i].text, cases[i].want);
}

static void
test_xml_parse_refuses(void **state)
{
	static const struct {
		const char *text;
		const char *reason;
	} cases[] = {
		{ "", "no complete element at line 1, column 1" },
		{ " \n", "no complete element at line 2, column 1" },
		{ "hello", "no element at line 1, column 1" },
		{ "<!-- only -->", "no complete element" },
		{ "<", "no complete element" },
		{ "<a", "couldn't find end of Start Tag a at line 1, column 3" },
		{ "<a>", "no complete element at line 1, column 4" },
		{ "<a>&", "no complete element" },
		{ "<a>\n<b></a>", "opening and ending tag mismatch: b line 2 and a at line 2" },
		{ "<a/><b/>", "extra content at the end of the document at line 1, column 5" },
		{ "<a/>text", "extra content" },
		{ "<a/></a>", "extra content" },
		{ "text<a/>", "no element" },
		{ "<a b='1' b='2'/>", "attribute b redefined" },
		{ "<a b/>", "specification mandates value for attribute b" },
		{ "<a b=1/>", "expected" },
		{ "<a b='<'/>", "unescaped '<' not allowed" },
		{ "<a>]]></a>", "sequence ']]>' not allowed" },
		{ "<a><!-- x -- y --></a>", "" },
		{ "<a>&#0;</a>", "invalid xmlChar value 0" },
		{ "<a>&#xFFFE;</a>", "invalid xmlChar value 65534" },
		{ "<a>\x01</a>", "invalid Char value 1 at line 1" },
		{ "<a>\xEF\xBF\xBF</a>", "out of allowed range" },
		{ "<p:a/>", "namespace prefix p on a is not defined" },
		{ "<a p:b=''/>", "namespace prefix p for b on a is not defined" },
		{ "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", "redefined" },
		{ "<a xmlns:p=''/>", "" },
		{ "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "" },
		{ "<a:b:c xmlns:a='u'/>", "" },
		{ "<a>\n\xC3\x28</a>", "text is not UTF-8 at line 2, column 1" },
		{ "<a>\xED\xA0\x80</a>", "text is not UTF-8 at line 1, column 4" },
		{ "\xFF\xFE<\0a\0/\0>\0", "text is not UTF-8 at line 1, column 1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(cases[i].text, strlen(cases[i].text), cases[i].reason);
}

static void
test_xml_parse_refuses_nul(void **state)
{
	static const char after[] = "<a/>\0<b/>", inside[] = "<a>x\0y</a>", wide[] = "\0<\0a\0/\0>";

	(void)state;
	assert_refused(after, sizeof(after) - 1, "NUL byte at line 1, column 5");
	assert_refused(inside, sizeof(inside) - 1, "NUL byte at line 1, column 5");
	assert_refused(wide, sizeof(wide) - 1, "NUL byte at line 1, column 1");
}

static void
test_xml_parse_refuses_doctypes_and_entities(void **state)
{
	static const char *const doctypes[] = {
		"<!DOCTYPE a><a/>",
		"<!DOCTYPE a []><a/>",
		"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
		"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
		"<!DOCTYPE a SYSTEM 'http://127.0.0.1/x.dtd'><a/>",
		"<!DOCTYPE a PUBLIC '-//x' 'http://127.0.0.1/x.dtd'><a/>",
		"<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
		"<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><a/>",
		"<?xml version='1.0'?><!-- x --><!DOCTYPE a [<!ENTITY x '&x;'>]><a>&x;</a>",
		"<!DOCTYPE a [<!ENTITY x 'aaaaaaaa'><!ENTITY y '&x;&x;&x;&x;'>"
		"<!ENTITY z '&y;&y;&y;&y;'>]><a b='&z;'>&z;&z;&z;</a>",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(doctypes); i++)
		assert_refused(doctypes[i], strlen(doctypes[i]), "document types are not allowed");
	assert_refused("<a>&nbsp;</a>", 13, "entity 'nbsp' not defined at line 1");
	assert_refused("<a b='&x;'/>", 12, "entity 'x' not defined at line 1");
}

static void
test_xml_parse_leaves_xinclude_alone(void **state)
{
	static const char include[] = "<a xmlns:xi='http://www.w3.org/2001/XInclude'>"
				      "<xi:include href='/etc/passwd' parse='text'/></a>";

	(void)state;
	assert_rewritten(include, include);
}

/* `count` times `piece` between `before` and `after`. */
static char *
repeat(const char *before, const char *piece, size_t count, const char *after)
{
	struct buf text = BUF_INIT;

	buf_add_text(&text, before);
	for (size_t i = 0; i < count; i++)
		buf_add_text(&text, piece);
	buf_add_text(&text, after);
	assert_true(buf_ok(&text));
	return text.data;
}

static char *
nested(size_t levels)
{
	char *open = repeat("", "<a>", levels, ""), *text = repeat(open, "</a>", levels, "");

	free(open);
	return text;
}

static void
test_xml_parse_limits_levels(void **state)
{
	char *deepest = nested(XML_LEVELS_MAX), *deeper = nested(XML_LEVELS_MAX + 1);

	(void)state;
	xmlFreeDoc(parse(deepest));
	assert_refused(deeper, strlen(deeper), "more than 256 levels at line 1, column 771");
	free(deepest);
	free(deeper);
	deeper = repeat("", "<a>", 100000, "");
	assert_refused(deeper, strlen(deeper), "more than 256 levels");
	free(deeper);
}

/* Each of these holds XML_TEXT_MAX bytes in one piece, and is written as it was. */
static void
test_xml_parse_limits_length(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = { { "<a>", "</a>" }, { "<a b='", "'/>" }, { "<a><!--", "--></a>" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t frame = strlen(cases[i].before) + strlen(cases[i].after);
		char *text = repeat(cases[i].before, "x", XML_TEXT_MAX - frame, cases[i].after);

		assert_rewritten(text, text);
		free(text);
	}
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = repeat(cases[i].before, "x", XML_TEXT_MAX, cases[i].after);

		assert_refused(text, strlen(text), "text is longer than 10000000 bytes");
		free(text);
	}
}

/* libxml2 compares each attribute with all others: a megabyte of them takes it minutes. */
static void
test_xml_parse_limits_attributes(void **state)
{
	/* The error comes first: nothing after it may be read as a tag. */
	static const char *const starts[] = { "<a",         "<a><b></c><a",   "<a '><b",
					      "<a><?<b",    "<a><![CDATA[<b", "<!-- -- <b",
					      "<![CDATA[<b" };
	struct buf text = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(starts); i++) {
		buf_clear(&text);
		buf_add_text(&text, starts[i]);
		for (unsigned n = 0; text.len < 1000000; n++)
			buf_addf(&text, n % 2 == 0 ? " a%x=''" : " xmlns:a%x=\"'>\"", n);
		buf_add_text(&text, "/>");
		assert_refused(text.data, text.len, "too many attributes at line 1");
	}
	buf_clear(&text);
	buf_add_text(&text, "<a");
	for (unsigned n = 0; n < 256; n++)
		buf_addf(&text, " a%x='>'", n);
	buf_add_text(&text, "/>");
	xmlFreeDoc(parse(text.data));
	buf_free(&text);
}

static void
test_xml_parse_limits_different_names(void **state)
{
	static const struct {
		const char *before, *after;
	} tags[] = { { "<a", "/>" }, { "<b a", "=''/>" }, { "<b xmlns='u:", "'/>" } };
	struct buf text = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(tags); i++) {
		buf_clear(&text);
		buf_add_text(&text, "<a>");
		for (unsigned n = 0; n < 101000; n++)
			buf_addf(&text, "%s%x%s", tags[i].before, n, tags[i].after);
		assert_refused(text.data, text.len, "too many different names");
	}
	buf_free(&text);
}

/* Each "--" in a comment is an error for libxml2, which copies the comment so far for each. */
static void
test_xml_parse_stops_at_the_first_error(void **state)
{
	static const struct {
		const char *before, *piece, *reason;
	} cases[] = {
		{ "<a><!--", "<!--", "double hyphen within comment" },
		{ "<!--", "--x", "double hyphen within comment" },
		{ "<a>", "<![CDATA[", "no complete element" },
		{ "<a>", "<? ", "no target name" },
		{ "<a>", "&x;", "entity 'x' not defined" },
		{ "<a b='", "&x;", "entity 'x' not defined" },
		{ "<a>", "<", "invalid element name" },
		{ "<a>", "]]>", "sequence ']]>' not allowed" },
		{ "<a>", "\x01", "invalid Char value 1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = repeat(cases[i].before, cases[i].piece, 300000, "");

		assert_refused(text, strlen(text), cases[i].reason);
		free(text);
	}
}

static void
test_xml_parse_takes_many_quotes_in_text(void **state)
{
	char *text = repeat("<a>", "it's x=\"y\" ", 1000, "</a>");

	(void)state;
	assert_rewritten(text, text);
	free(text);
}

static void
test_xml_parse_limits_namespaces_in_scope(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	buf_add_text(&text, "<a>");
	for (unsigned level = 0; level < 2; level++) {
		buf_add_text(&text, "<a");
		for (unsigned n = 0; n < 200; n++)
			buf_addf(&text, " xmlns:a%u-%u='u'", level, n);
		buf_add_text(&text, level == 0 ? "/>" : ">");
	}
	buf_add_text(&text, "</a></a>");
	xmlFreeDoc(parse(text.data));
	buf_clear(&text);
	for (unsigned level = 0; level < 129; level++)
		buf_addf(&text, "<a xmlns:a%u='u' xmlns:b%u='u'>", level, level);
	assert_refused(text.data, text.len, "too many namespaces in scope");
	buf_free(&text);
}

static void
test_xml_write_declares_inherited_namespaces(void **state)
{
	static const struct {
		const char *text; /* its first <b> is written */
		const char *want;
	} cases[] = {
		{ "<a xmlns='u'><b/></a>", "<b xmlns='u'/>" },
		{ "<a xmlns='u'><b><c/></b></a>", "<b xmlns='u'><c/></b>" },
		{ "<a xmlns:p='u' xmlns:q='v'><p:b/></a>", "<p:b xmlns:p='u'/>" },
		{ "<a xmlns:p='u'><b><p:c/></b></a>", "<b><p:c xmlns:p='u'/></b>" },
		{ "<a xmlns:p='u'><b p:c='1'/></a>", "<b xmlns:p='u' p:c='1'/>" },
		{ "<a xmlns='u'><b xmlns='v'/></a>", "<b xmlns='v'/>" },
		{ "<a xmlns='u'><b xmlns=''><c/></b></a>", "<b xmlns=''><c/></b>" },
		{ "<a xmlns='u'><b xmlns='v'/><b/></a>", "<b xmlns='v'/>" },
		{ "<a xmlns='o'><a xmlns='u'><b/></a></a>", NULL },
		{ "<a xmlns='u' xmlns:p='v'><b p:c='1'><p:d xmlns=''><e/></p:d></b></a>",
		  "<b xmlns='u' xmlns:p='v' p:c='1'><p:d xmlns=''><e/></p:d></b>" },
		{ "<a xml:lang='de'><b xml:lang='en'/></a>", "<b xml:lang='en'/>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		xmlDocPtr doc = parse(cases[i].text);
		xmlNode *b = xml_child(xmlDocGetRootElement(doc), "b", NULL);

		if (cases[i].want == NULL)
			assert_null(b);
		else
			assert_written(b, cases[i].want);
		xmlFreeDoc(doc);
	}
}

/* Trees made by hand may lack declarations that a parser would have put there. */
static void
test_xml_write_declares_for_trees_made_by_hand(void **state)
{
	xmlDocPtr doc = parse("<a xmlns='u'/>"), other = parse("<p:x xmlns:p='v' p:y='1'/>");
	xmlNode *root = xmlDocGetRootElement(doc), *moved = xmlDocGetRootElement(other);
	xmlNode *bare = xmlNewDocNode(doc, NULL, BAD_CAST "bare", NULL);

	(void)state;
	assert_non_null(bare);
	xmlAddChild(root, bare);
	assert_written(root, "<a xmlns='u'><bare xmlns=''/></a>");
	assert_written(moved, "<p:x xmlns:p='v' p:y='1'/>");
	xmlFreeDoc(other);
	xmlFreeDoc(doc);
}

static void
test_xml_write_appends(void **state)
{
	xmlDocPtr doc = parse("<a>x</a>");
	struct buf out = BUF_INIT;
	struct adx_error err;

	(void)state;
	buf_add_text(&out, "before ");
	assert_int_equal(xml_write(xmlDocGetRootElement(doc), &out, &err), ADX_OK);
	assert_string_equal(buf_text(&out), "before <a>x</a>");
	buf_free(&out);
	xmlFreeDoc(doc);
}

static void
assert_not_written(const xmlNode *element, const char *reason)
{
	struct buf out = BUF_INIT;
	struct adx_error err;

	buf_add_text(&out, "before");
	assert_int_equal(xml_write(element, &out, &err), ADX_EINVAL);
	assert_string_equal(err.message, reason);
	assert_string_equal(buf_text(&out), "before");
	assert_int_equal(out.len, 6);
	buf_free(&out);
}

static void
test_xml_write_limits_levels(void **state)
{
	xmlDocPtr doc = parse("<a/>");
	xmlNode *root = xmlDocGetRootElement(doc), *node = root;

	(void)state;
	for (int level = 1; level < XML_LEVELS_MAX; level++)
		node = xml_append(node, "a");
	assert_written(node, "<a/>");
	node = xml_append(node, "a");
	assert_not_written(root, "more than 256 levels");
	xmlFreeDoc(doc);
}

/* What grows when it is escaped could not be read again. */
static void
test_xml_write_limits_length(void **state)
{
	char *text = repeat("<a b=\"", "'", 2000000, "\"/>");
	xmlDocPtr doc = parse(text);

	(void)state;
	assert_not_written(xmlDocGetRootElement(doc), "element is longer than 10000000 bytes");
	xmlFreeDoc(doc);
	free(text);
}

static void
test_xml_write_refuses_foreign_nodes(void **state)
{
	xmlDocPtr doc = parse("<a>x</a>");
	xmlNode *root = xmlDocGetRootElement(doc);

	(void)state;
	xmlAddChild(root, xmlNewReference(doc, BAD_CAST "amp"));
	assert_not_written(root, "node of type 5 in a tree");
	xmlFreeDoc(doc);
}

static void
test_xml_child_and_next_match(void **state)
{
	xmlDocPtr doc = parse("<a>t<!--b--><p:b xmlns:p='u' n='1'/><b n='2'/><c/><b n='3'/>t</a>");
	xmlNode *root = xmlDocGetRootElement(doc), *first, *second, *third;

	(void)state;
	first = xml_child(root, "b", NULL);
	assert_string_equal(xml_ns(first), "u");
	second = xml_next(first, "b", NULL);
	assert_string_equal(xml_ns(second), "");
	third = xml_next(second, "b", NULL);
	assert_ptr_equal(third, root->last->prev);
	assert_null(xml_next(third, "b", NULL));
	assert_ptr_equal(xml_child(root, "b", "u"), first);
	assert_ptr_equal(xml_child(root, "b", ""), second);
	assert_null(xml_next(first, "b", "u"));
	assert_null(xml_child(root, "B", NULL));
	assert_null(xml_child(root, "b", "v"));
	assert_null(xml_child(first, "b", NULL));
	xmlFreeDoc(doc);
}

static void
test_xml_ns_is_decoded(void **state)
{
	xmlDocPtr doc = parse("<a xmlns='x&amp;y&#38;&lt;&amp;#38;'><b/></a>");

	(void)state;
	assert_string_equal(xml_ns(xmlDocGetRootElement(doc)->children), "x&y&<&#38;");
	xmlFreeDoc(doc);
}

static void
test_xml_append_uses_the_parents_namespace(void **state)
{
	xmlDocPtr doc = parse("<p:a xmlns:p='u'>x</p:a>");
	xmlNode *root = xmlDocGetRootElement(doc);

	(void)state;
	assert_non_null(xml_append(xml_append(root, "b"), "c"));
	assert_written(root, "<p:a xmlns:p='u'>x<p:b><p:c/></p:b></p:a>");
	xmlFreeDoc(doc);
}

static void
test_xml_set_text_takes_no_markup(void **state)
{
	xmlDocPtr doc = parse("<a b='1'>x<c/>y</a>");
	xmlNode *root = xmlDocGetRootElement(doc);

	(void)state;
	assert_true(xml_set_text(root, "<&amp;>\r\n"));
	assert_written(root, "<a b='1'>&lt;&amp;amp;&gt;&#13;\n</a>");
	assert_true(xml_set_text(root, ""));
	assert_written(root, "<a b='1'/>");
	xmlFreeDoc(doc);
}

static void
test_xml_remove_takes_the_subtree(void **state)
{
	xmlDocPtr doc = parse("<a>x<b><c xml:id='i'/></b>y</a>");
	xmlNode *root = xmlDocGetRootElement(doc);

	(void)state;
	xml_remove(xml_child(root, "b", NULL));
	assert_written(root, "<a>xy</a>");
	xmlFreeDoc(doc);
}

static void
count_error(void *context, xmlErrorPtr e)
{
	(void)e;
	++*(int *)context;
}

/* Neither on standard error nor into a handler of the program around us, which stays. */
static void
test_xml_parse_is_silent(void **state)
{
	static const char *const bad[] = { "<a",           "<p:a/>",           "<a xmlns='x y'/>",
					   "<!DOCTYPE a>", "<a xmlns='rel'/>", "<a xml:id='1'/>" };
	FILE *caught = tmpfile();
	int errors = 0, saved = dup(STDERR_FILENO);
	struct adx_error err;
	xmlDocPtr doc;

	(void)state;
	assert_non_null(caught);
	for (int round = 0; round < 2; round++) {
		xmlSetStructuredErrorFunc(round == 0 ? NULL : &errors,
					  round == 0 ? NULL : count_error);
		dup2(fileno(caught), STDERR_FILENO);
		for (size_t i = 0; i < COUNT(bad); i++)
			if (xml_parse(bad[i], strlen(bad[i]), &doc, &err) == ADX_OK)
				xmlFreeDoc(doc);
		dup2(saved, STDERR_FILENO);
		assert_ptr_equal(xmlStructuredError, round == 0 ? NULL : count_error);
		assert_ptr_equal(xmlStructuredErrorContext, round == 0 ? NULL : &errors);
	}
	xmlSetStructuredErrorFunc(NULL, NULL);
	close(saved);
	assert_int_equal(errors, 0);
	assert_int_equal(lseek(fileno(caught), 0, SEEK_END), 0);
	fclose(caught);
}

/* A name of 50,000 letters is quoted by the parser's message; ours stays short and whole. */
static void
test_xml_parse_cuts_long_reasons(void **state)
{
	char *text = repeat("<", "\xE3\x81\x95", 5000, "></b>");
	struct adx_error err;
	xmlDocPtr doc;

	(void)state;
	assert_int_equal(xml_parse(text, strlen(text), &doc, &err), ADX_EINVAL);
	assert_true(strlen(err.message) < 250);
	assert_non_null(strstr(err.message, "\xE3\x81\x95 at line 1"));
	free(text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xml_write_keeps_what_was_stored),
		cmocka_unit_test(test_xml_write_has_one_form),
		cmocka_unit_test(test_xml_parse_refuses),
		cmocka_unit_test(test_xml_parse_refuses_nul),
		cmocka_unit_test(test_xml_parse_refuses_doctypes_and_entities),
		cmocka_unit_test(test_xml_parse_leaves_xinclude_alone),
		cmocka_unit_test(test_xml_parse_limits_levels),
		cmocka_unit_test(test_xml_parse_limits_length),
		cmocka_unit_test(test_xml_parse_limits_attributes),
		cmocka_unit_test(test_xml_parse_limits_different_names),
		cmocka_unit_test(test_xml_parse_stops_at_the_first_error),
		cmocka_unit_test(test_xml_parse_takes_many_quotes_in_text),
		cmocka_unit_test(test_xml_parse_limits_namespaces_in_scope),
		cmocka_unit_test(test_xml_parse_is_silent),
		cmocka_unit_test(test_xml_parse_cuts_long_reasons),
		cmocka_unit_test(test_xml_write_declares_inherited_namespaces),
		cmocka_unit_test(test_xml_write_declares_for_trees_made_by_hand),
		cmocka_unit_test(test_xml_write_appends),
		cmocka_unit_test(test_xml_write_limits_levels),
		cmocka_unit_test(test_xml_write_limits_length),
		cmocka_unit_test(test_xml_write_refuses_foreign_nodes),
		cmocka_unit_test(test_xml_child_and_next_match),
		cmocka_unit_test(test_xml_ns_is_decoded),
		cmocka_unit_test(test_xml_append_uses_the_parents_namespace),
		cmocka_unit_test(test_xml_set_text_takes_no_markup),
		cmocka_unit_test(test_xml_remove_takes_the_subtree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
