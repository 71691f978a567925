"""Submod vcard: every outcome of its commands, and what becomes of the cards."""

import harness
import world
from world import CHAT, HOST

NO_VALUE = 'Error: "Value not found in vcard"'
NO_VCARD = 'Error: "Vcard not found"'
AUDIT = {"user": "romeo", "host": HOST}
CARD = ("<vCard xmlns='vcard-temp'><FN>Romeo</FN><N><FAMILY>Montague</FAMILY><GIVEN>Romeo</GIVEN>"
        "</N><ORG><ORGNAME>House</ORGNAME><ORGUNIT>a</ORGUNIT><ORGUNIT>b</ORGUNIT></ORG>"
        "<EMAIL><HOME/><USERID>r@example.net</USERID></EMAIL>"
        "<EMAIL><WORK/><USERID>w@example.net</USERID></EMAIL><NOTE/></vCard>")


class VcardTestCase(world.TestCase):
    def card(self, text, user="romeo", host=HOST, **fields):
        self.insert("vcards", {"host": host, "username": user, "vcard": text, **fields})

    def stored(self, columns="vcard", user="romeo", host=HOST):
        rows = self.sql(f"SELECT {columns} FROM vcards WHERE host = '{host}' "
                        f"AND username = '{user}'")
        return rows[0] if columns != "vcard" else rows[0][0]


class GetVcard(VcardTestCase):
    def setUp(self):
        super().setUp()
        self.card(CARD)

    def test_get_vcard(self):
        self.does("get_vcard", "Romeo", "EXAMPLE.org", "FN", says="Romeo")

    def test_get_vcard_that_is_empty_prints_nothing(self):
        self.does("get_vcard", "romeo", HOST, "NOTE", says="")
        self.ok(self.adminex("get_vcard", "romeo", HOST, "NOTE", options=["--json"]),
                '{"result":"","status":"ok"}')

    def test_get_vcard_joins_several_values(self):
        self.card("<vCard xmlns='vcard-temp'><FN>one</FN><N/><FN>two</FN></vCard>", "juliet")
        self.does("get_vcard", "juliet", HOST, "FN", says="onetwo")
        self.does("get_vcard2", "romeo", HOST, "ORG", "ORGUNIT", says="ab")
        self.does("get_vcard2", "romeo", HOST, "EMAIL", "USERID",
                  says="r@example.netw@example.net")

    def test_get_vcard_prints_a_value_as_it_is(self):
        self.card("<vCard xmlns='vcard-temp'><DESC>a\tb\n&lt;c&gt; \\ é☃</DESC></vCard>",
                  "juliet")
        self.does("get_vcard", "juliet", HOST, "DESC", says="a\tb\n<c> \\ é☃".encode() + b"\n")

    def test_get_vcard_value_not_found(self):
        for name in ("NICKNAME", "fn", "", "FAMILY", "vCard", "*"):
            self.does("get_vcard", "romeo", HOST, name, no=NO_VALUE)

    def test_get_vcard2(self):
        self.does("get_vcard2", "romeo", HOST, "N", "FAMILY", says="Montague")
        self.does("get_vcard2", "romeo", HOST, "EMAIL", "HOME", says="")

    def test_get_vcard2_value_not_found(self):
        for name, subname in [("N", "MIDDLE"), ("FN", "FN"), ("ADR", "CTRY"), ("N", ""), ("", ""),
                              ("FN", "")]:
            with self.subTest(name=name, subname=subname):
                self.does("get_vcard2", "romeo", HOST, name, subname, no=NO_VALUE)
                self.does("get_vcard2_multi", "romeo", HOST, name, subname, no=NO_VALUE)

    def test_get_vcard2_multi(self):
        self.does("get_vcard2_multi", "romeo", HOST, "ORG", "ORGUNIT", says=["a", "b"])
        self.does("get_vcard2_multi", "romeo", HOST, "EMAIL", "USERID",
                  says=["r@example.net", "w@example.net"])
        self.does("get_vcard2_multi", "romeo", HOST, "N", "FAMILY", says="Montague")

    def test_get_vcard2_multi_keeps_one_value_one_line(self):
        self.card("<vCard xmlns='vcard-temp'><ORG><ORGUNIT>a\n\tb</ORGUNIT><ORGUNIT>c\\d</ORGUNIT>"
                  "<ORGUNIT/></ORG></vCard>", "juliet")
        self.does("get_vcard2_multi", "juliet", HOST, "ORG", "ORGUNIT",
                  says=["a\\n\\tb", "c\\\\d", ""])
        result = self.adminex("get_vcard2_multi", "juliet", HOST, "ORG", "ORGUNIT",
                              options=["--json"])
        self.assertEqual(result.json()["result"],
                         [{"value": "a\n\tb"}, {"value": "c\\d"}, {"value": ""}])

    def test_get_vcard_of_an_account_without_a_card(self):
        self.does("get_vcard", "juliet", HOST, "FN", no=NO_VCARD)
        self.does("get_vcard2", "juliet", HOST, "N", "FAMILY", no=NO_VCARD)
        self.does("get_vcard2_multi", "juliet", HOST, "N", "FAMILY", no=NO_VCARD)

    def test_get_vcard_of_a_missing_account(self):
        for user, host in [("nobody", HOST), ("juliet", CHAT), ("a@b", HOST), ("romeo", "a b")]:
            text = f'Error: "User {user}@{host} does not exist"'
            self.does("get_vcard", user, host, "FN", no=text)
            self.does("get_vcard2", user, host, "N", "FAMILY", no=text)
            self.does("get_vcard2_multi", user, host, "N", "FAMILY", no=text)

    def test_get_vcard_that_cannot_be_read(self):
        self.card("<vCard", "juliet")
        for args in (["get_vcard"], ["get_vcard2"], ["get_vcard2_multi"]):
            args += ["juliet", HOST, "N"] + ["FAMILY"] * (args != ["get_vcard"])
            self.rejects(*args, pattern="cannot read the vCard|vCard cannot be read")


class SetVcard(VcardTestCase):
    def sets(self, *args, says="", **how):
        return self.does(*args, says=says, tables=["vcards"], audit=AUDIT, **how)

    def test_set_vcard_makes_a_card(self):
        self.sets("set_vcard", "Romeo", HOST, "FN", "R & J <3")
        self.assertEqual(self.stored(),
                         "<vCard xmlns='vcard-temp'><FN>R &amp; J &lt;3</FN></vCard>")
        self.assertEqual(self.stored("fn, family"), ["R & J <3", ""])

    def test_set_vcard_what_is_set_is_got(self):
        for value in ("", " ", "]]>", "a\nb\tc\rd", "é☃😀", "'\"&amp;", "-"):
            self.sets("set_vcard", "romeo", HOST, "DESC", value)
            self.ok(self.adminex("get_vcard", "romeo", HOST, "DESC"),
                    value.encode() + b"\n" if value else "")

    def test_set_vcard_keeps_siblings_attributes_and_order(self):
        self.card("<vCard xmlns='vcard-temp' version='3.0'><X-ODD a='1'>x</X-ODD><FN lang='it'>old"
                  "</FN><!-- note --><N><FAMILY>M</FAMILY></N>text</vCard>")
        self.sets("set_vcard", "romeo", HOST, "FN", "new")
        self.assertEqual(self.stored(),
                         "<vCard xmlns='vcard-temp' version='3.0'><X-ODD a='1'>x</X-ODD>"
                         "<FN lang='it'>new</FN><!-- note --><N><FAMILY>M</FAMILY></N>text</vCard>")

    def test_set_vcard_replaces_all_fields_of_that_name(self):
        self.card("<vCard xmlns='vcard-temp'><FN>one</FN><N/><FN>two</FN></vCard>")
        self.sets("set_vcard", "romeo", HOST, "FN", "new")
        self.assertEqual(self.stored(), "<vCard xmlns='vcard-temp'><FN>new</FN><N/></vCard>")

    def test_set_vcard2(self):
        self.card(CARD)
        self.sets("set_vcard2", "romeo", HOST, "ORG", "ORGUNIT", "c")
        self.assertEqual(self.stored(), CARD.replace(
            "<ORGUNIT>a</ORGUNIT><ORGUNIT>b</ORGUNIT>", "<ORGUNIT>c</ORGUNIT>"))

    def test_set_vcard2_changes_the_first_field_only(self):
        self.card(CARD)
        self.sets("set_vcard2", "romeo", HOST, "EMAIL", "USERID", "new@example.net")
        self.assertEqual(self.stored(), CARD.replace("r@example.net", "new@example.net"))

    def test_set_vcard2_makes_what_is_missing(self):
        self.sets("set_vcard2", "romeo", HOST, "ADR", "CTRY", "Italy")
        self.sets("set_vcard2", "romeo", HOST, "ADR", "LOCALITY", "Verona")
        self.assertEqual(self.stored(), "<vCard xmlns='vcard-temp'><ADR><CTRY>Italy</CTRY>"
                                        "<LOCALITY>Verona</LOCALITY></ADR></vCard>")

    def test_set_vcard2_multi(self):
        self.card(CARD)
        for typed, units in [("x;y;z", "xyz"), ("x", "x"), (";x;;y;", "xy")]:
            self.sets("set_vcard2_multi", "romeo", HOST, "ORG", "ORGUNIT", typed)
            self.assertEqual(self.stored(), CARD.replace(
                "<ORGUNIT>a</ORGUNIT><ORGUNIT>b</ORGUNIT>",
                "".join(f"<ORGUNIT>{unit}</ORGUNIT>" for unit in units)))

    def test_set_vcard2_multi_of_nothing_removes_the_subfield(self):
        self.card(CARD)
        for typed in ("", ";;"):
            self.sets("set_vcard2_multi", "romeo", HOST, "ORG", "ORGUNIT", typed)
            self.assertEqual(self.stored(),
                             CARD.replace("<ORGUNIT>a</ORGUNIT><ORGUNIT>b</ORGUNIT>", ""))

    def test_set_vcard_keeps_the_searchable_fields_in_step(self):
        for name, subname, column in [
                ("FN", None, "fn"), ("N", "FAMILY", "family"), ("N", "GIVEN", "given"),
                ("N", "MIDDLE", "middle"), ("NICKNAME", None, "nickname"), ("BDAY", None, "bday"),
                ("ADR", "CTRY", "ctry"), ("ADR", "LOCALITY", "locality"),
                ("EMAIL", "USERID", "email"), ("ORG", "ORGNAME", "orgname"),
                ("ORG", "ORGUNIT", "orgunit")]:
            if subname is None:
                self.sets("set_vcard", "romeo", HOST, name, f"{column} ü")
            else:
                self.sets("set_vcard2", "romeo", HOST, name, subname, f"{column} ü")
            self.assertEqual(self.stored(column + ", 1")[0], f"{column} ü")
        self.sets("set_vcard", "romeo", HOST, "N", "")
        self.sets("set_vcard", "romeo", HOST, "EMAIL", "plain@example.net")
        self.assertEqual(self.stored("family, given, email, fn"), ["", "", "plain@example.net",
                                                                   "fn ü"])

    def test_set_vcard_only_of_that_host(self):
        self.card(CARD, "romeo", CHAT)
        self.sets("set_vcard", "romeo", HOST, "FN", "x")
        self.assertEqual(self.stored(host=CHAT), CARD)

    def test_set_vcard_waits_for_another_edit_and_keeps_it(self):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; SELECT 1 FROM users WHERE username = 'romeo' FOR NO KEY UPDATE; "
                  + world.insert("vcards", {"host": HOST, "username": "romeo", "vcard": CARD}))
        child = self.spawn("set_vcard", "romeo", HOST, "FN", "new")
        harness.wait_until(lambda: self.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
        other.run("COMMIT")
        self.ok(child.wait(), "")
        self.assertEqual(self.stored(), CARD.replace("<FN>Romeo</FN>", "<FN>new</FN>"))

    def test_set_vcard_of_a_missing_account(self):
        for args in (["set_vcard", "FN", "x"], ["set_vcard2", "N", "FAMILY", "x"],
                     ["set_vcard2_multi", "N", "FAMILY", "x;y"]):
            command, *rest = args
            for user, host in [("nobody", HOST), ("juliet", CHAT), ("a@b", HOST)]:
                self.does(command, user, host, *rest, no=f"User {user}@{host} does not exist")

    def test_set_vcard_that_cannot_be_read_is_left_alone(self):
        for text in ("<vCard", "<card xmlns='vcard-temp'><FN>x</FN></card>"):
            self.sql("DELETE FROM vcards")
            self.card(text)
            self.rejects("set_vcard", "romeo", HOST, "FN", "x", pattern="vCard")
            self.rejects("set_vcard2", "romeo", HOST, "N", "FAMILY", "x", pattern="vCard")
            self.rejects("set_vcard2_multi", "romeo", HOST, "N", "FAMILY", "x", pattern="vCard")

    def test_set_vcard_rejects_names_that_are_none(self):
        self.card(CARD)
        for name in ("", "a b", "<FN>", "1", "x:FN", "a" * 2000):
            with self.subTest(name=name[:20]):
                self.rejects("set_vcard", "romeo", HOST, name, "x", pattern="name")
                self.rejects("set_vcard2", "romeo", HOST, "ORG", name, "x", pattern="name")
                self.rejects("set_vcard2_multi", "romeo", HOST, name, "FAMILY", "x", pattern="name")

    def test_set_vcard_rejects_text_that_xml_cannot_carry(self):
        for value in ("\x01", b"\xff"):
            self.rejects("set_vcard", "romeo", HOST, "FN", value, pattern="argument 'content'")
            self.rejects("set_vcard2_multi", "romeo", HOST, "N", "FAMILY", value,
                         pattern="argument 'contents'")
