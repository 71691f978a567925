"""Submod private: every outcome of its commands, and what is stored afterwards."""

import world
from world import CHAT, HOST

NOTE = "<note xmlns='my:notes'>call back</note>"
AUDIT = {"user": "romeo", "host": HOST}


class PrivateGet(world.TestCase):
    def store(self, data, xmlns="my:notes"):
        self.insert("private_storage",
                    {"host": HOST, "username": "romeo", "xmlns": xmlns, "data": data})

    def test_private_get(self):
        self.store(NOTE)
        self.does("private_get", "romeo", HOST, "note", "my:notes", says=NOTE)

    def test_private_get_writes_xml_as_xmpp_servers_do(self):
        self.store('<note xmlns="my:notes" to="a \'b\' &amp;"><x/>1 &lt; 2 &amp; "q"</note>')
        self.does("private_get", "Romeo", "EXAMPLE.ORG", "note", "my:notes",
                  says="<note xmlns='my:notes' to='a &apos;b&apos; &amp;'><x/>"
                       '1 &lt; 2 &amp; "q"</note>')

    def test_private_get_prints_what_is_stored_whatever_its_name(self):
        self.store(NOTE)
        for name in ("other", "", "no name"):
            self.does("private_get", "romeo", HOST, name, "my:notes", says=NOTE)

    def test_private_get_of_nothing_prints_the_empty_element(self):
        self.store(NOTE)
        self.does("private_get", "romeo", HOST, "note", "other", says="<note xmlns='other'/>")
        self.does("private_get", "romeo", HOST, "a", "it's <&>",
                  says="<a xmlns='it&apos;s &lt;&amp;&gt;'/>")
        self.does("private_get", "juliet", HOST, "note", "my:notes",
                  says="<note xmlns='my:notes'/>")

    def test_private_get_keeps_newlines(self):
        self.store("<note xmlns='my:notes'>a\nb\\\tc</note>")
        self.does("private_get", "romeo", HOST, "note", "my:notes",
                  says=b"<note xmlns='my:notes'>a\nb\\\tc</note>\n")

    def test_private_get_of_a_missing_account(self):
        for user, host in [("nobody", HOST), ("juliet", CHAT), ("a@b", HOST), ("romeo", "a b")]:
            self.does("private_get", user, host, "note", "my:notes",
                      no=f'Error: "User {user}@{host} does not exist"')

    def test_private_get_rejects(self):
        self.rejects("private_get", "romeo", HOST, "note", "", pattern="argument 'ns' is empty")
        for name in ("", "a b", "a:b", "<a>", "1"):
            self.rejects("private_get", "romeo", HOST, name, "x", pattern="not an XML name")

    def test_private_get_of_what_is_no_xml(self):
        self.store("<note", "broken")
        self.rejects("private_get", "romeo", HOST, "note", "broken", pattern="is not XML")


class PrivateSet(world.TestCase):
    def stored(self):
        return self.sql("SELECT username, host, xmlns, data FROM private_storage ORDER BY xmlns")

    def test_private_set(self):
        self.does("private_set", "Romeo", HOST, NOTE, says="", tables=["private_storage"],
                  audit=AUDIT)
        self.assertEqual(self.stored(), [["romeo", HOST, "my:notes", NOTE]])

    def test_private_set_replaces_what_has_the_namespace(self):
        other = "<other xmlns='my:notes'><a/><b xmlns='c'/></other>"
        for text in (NOTE, other, "<x xmlns='another'/>"):
            self.does("private_set", "romeo", HOST, text, says="", tables=["private_storage"],
                      audit=AUDIT)
        self.assertEqual(self.stored(), [["romeo", HOST, "another", "<x xmlns='another'/>"],
                                         ["romeo", HOST, "my:notes", other]])

    def test_private_set_what_is_set_is_got(self):
        for text in ("<p:a xmlns:p='n' p:b='&lt;'>t<c/>&amp;<!-- d --></p:a>",
                     "<a xmlns='n' b='&#10;&quot;&apos;'>é☃😀 ]]&gt;</a>"):
            self.succeeds(self.adminex("private_set", "romeo", HOST, text))
            self.ok(self.adminex("private_get", "romeo", HOST, "a", "n"), text)

    def says_no(self, *args):
        before = self.state()
        result = self.adminex(*args)
        self.no(result, None)
        self.assertEqual(self.state(), before)
        return result

    def test_private_set_parse_error(self):
        for text, reason in [("", "no complete element at line 1, column 1"),
                             ("no xml", "no element at line 1, column 1"),
                             ("<a xmlns='n'>", "no complete element"),
                             ("<a xmlns='n'/><b/>", "extra content"),
                             ("<a xmlns='n'>&x;</a>", "entity"),
                             ("<!DOCTYPE a><a xmlns='n'/>", "document types are not allowed"),
                             ("<a xmlns='n'>\n</b>", "line 2")]:
            with self.subTest(text=text):
                result = self.says_no("private_set", "romeo", HOST, text)
                self.assertRegex(result.text, r"\AError found parsing the element: [^\n]*\n\Z")
                self.assertIn(reason, result.text)

    def test_private_set_without_a_namespace(self):
        for text in ("<a/>", "<a xmlns=''/>", "<a><b xmlns='n'/></a>"):
            self.does("private_set", "romeo", HOST, text, no="Error: the element has no xmlns")

    def test_private_set_for_a_missing_account(self):
        self.does("private_set", "nobody", HOST, NOTE, no="User nobody@example.org does not exist",
                  audit={"user": "nobody", "host": HOST}, rows=0, outcome="user_does_not_exist")
        self.does("private_set", "a@b", HOST, NOTE, no="User a@b@example.org does not exist")

    def test_private_set_looks_at_the_element_before_the_account(self):
        result = self.adminex("private_set", "nobody", HOST, "<a")
        self.assertIn("Error found parsing", result.text)

    def test_private_set_rejects_a_namespace_that_is_too_long(self):
        text = f"<a xmlns='{'n' * 1024}'/>"
        self.rejects("private_set", "romeo", HOST, text, pattern="^adminex: ")
        text = f"<a xmlns='{'n' * 1023}'/>"
        self.does("private_set", "romeo", HOST, text, says="", tables=["private_storage"],
                  audit=AUDIT)

    def test_private_set_rejects_bytes_that_are_no_text(self):
        self.rejects("private_set", "romeo", HOST, b"<a xmlns='n'>\xff</a>", pattern="not UTF-8")
        self.rejects("private_set", "romeo", HOST, "<a xmlns='n'>\x01</a>", pattern="control")
