"""Submod roster: adding, deleting and listing contacts."""

import json

import world
from world import CHAT, HOST

AUDIT = {"localuser": "romeo", "localserver": HOST, "user": "juliet", "server": HOST}
PUSH = [("romeo@example.org", "roster", {"jids": ["juliet@example.org"]})]
BAD_SUBS = ["Choose one of the following:", "none", "from", "to", "both"]


class AddRosteritem(world.TestCase):
    def add(self, subs, owner="romeo", host=HOST, user="juliet", server=HOST, nick="Julie",
            group="Friends", audit=None, **expected):
        return self.does("add_rosteritem", owner, host, user, server, nick, group, subs,
                         audit=audit and {**audit, "subs": subs}, **expected)

    def stored(self):
        return self.sql("SELECT username, host, jid, nick, subscription, ask, ask_message, "
                        "array_to_json(groups) FROM roster_items")

    def test_add_rosteritem(self):
        self.add("both", says="Added the item to the roster of romeo@example.org",
                 tables=["roster_items"], audit=AUDIT, outbox=PUSH)
        self.assertEqual(self.stored(), [["romeo", HOST, "juliet@example.org", "Julie", "B", "N",
                                          "", '["Friends"]']])

    def test_add_rosteritem_with_each_subscription(self):
        for word, letter in [("none", "N"), ("from", "F"), ("to", "T"), ("both", "B")]:
            self.add(word, says="Added the item to the roster of romeo@example.org",
                     tables=["roster_items"], audit=AUDIT, outbox=PUSH)
            self.assertEqual(self.stored()[0][4], letter)

    def test_add_rosteritem_replaces_the_item_whole(self):
        self.contact("romeo", "juliet@example.org", nick="Old", subscription="T", ask="O",
                     ask_message="please", groups=["a", "b"])
        self.add("from", nick="", group="", says=None, tables=["roster_items"], audit=AUDIT,
                 outbox=PUSH)
        self.assertEqual(self.stored(), [["romeo", HOST, "juliet@example.org", "", "F", "N", "",
                                          "[]"]])

    def test_add_rosteritem_prepares_names_and_echoes_as_typed(self):
        self.add("to", owner="ROMEO", host="Example.Org", user="JULIET", server="EXAMPLE.org",
                 says="Added the item to the roster of ROMEO@Example.Org",
                 tables=["roster_items"], audit=AUDIT, outbox=PUSH)
        self.assertEqual(self.stored()[0][:3], ["romeo", HOST, "juliet@example.org"])

    def test_add_rosteritem_that_is_a_domain_or_has_no_account(self):
        for user, server, jid in [("", "news.example.net", "news.example.net"),
                                  ("Stranger", "example.net", "stranger@example.net")]:
            self.add("to", user=user, server=server, says=None, tables=["roster_items"],
                     audit={**AUDIT, "user": user.lower(), "server": server},
                     outbox=[("romeo@example.org", "roster", {"jids": [jid]})])
        self.assertEqual([row[2] for row in self.stored()],
                         ["news.example.net", "stranger@example.net"])

    def test_add_rosteritem_keeps_odd_texts(self):
        nick, group = "tab\tnew\nline \\ 'quote' \"x\" ☃", "{a,\"b\"} NULL"
        self.add("to", nick=nick, group=group, says=None, tables=["roster_items"], audit=AUDIT,
                 outbox=PUSH)
        row = self.stored()[0]
        self.assertEqual((row[3], json.loads(row[7])), (nick, [group]))

    def test_add_rosteritem_bumps_the_version_where_there_is_one(self):
        self.insert("roster_versions", {"host": HOST, "username": "romeo", "version": 7},
                    {"host": CHAT, "username": "romeo", "version": 7})
        self.add("to", says=None, tables=["roster_items", "roster_versions"], audit=AUDIT,
                 outbox=PUSH)
        self.assertEqual(self.sql("SELECT host, version FROM roster_versions ORDER BY host"),
                         [[CHAT, "7"], [HOST, "8"]])

    def test_add_rosteritem_for_a_missing_account(self):
        self.add("both", owner="nobody",
                 no="Cannot add the item because user nobody@example.org does not exist",
                 audit={**AUDIT, "localuser": "nobody"}, rows=0, outcome="user_does_not_exist")
        self.add("both", owner="a@b",
                 no="Cannot add the item because user a@b@example.org does not exist")
        self.add("both", host="a b",
                 no="Cannot add the item because user romeo@a b does not exist")

    def test_add_rosteritem_bad_subs(self):
        self.contact("romeo", "juliet@example.org", subscription="B")
        for word in ("remove", "", "Both", "both ", "N"):
            with self.subTest(word=word):
                self.add(word, no=[f"Sub {word} is incorrect. {BAD_SUBS[0]}", *BAD_SUBS[1:]])

    def test_add_rosteritem_rejects_an_invalid_contact(self):
        self.add_rejects("argument 'user'", user="a@b")
        self.add_rejects("argument 'server'", server="")
        self.add_rejects("argument 'server'", server="a b")

    def add_rejects(self, pattern, user="juliet", server=HOST, nick="Julie", group="Friends"):
        self.rejects("add_rosteritem", "romeo", HOST, user, server, nick, group, "both",
                     pattern=pattern)

    def test_add_rosteritem_rejects_text_that_xml_cannot_carry(self):
        self.add_rejects("argument 'nick'", nick="\x01")
        self.add_rejects("argument 'group'", group=b"\xff")


class DeleteRosteritem(world.TestCase):
    def test_delete_rosteritem(self):
        self.contact("romeo", "juliet@example.org")
        self.contact("romeo", "juliet@example.org", CHAT)
        self.contact("juliet", "romeo@example.org")
        self.insert("roster_versions", {"host": HOST, "username": "romeo"})
        self.does("delete_rosteritem", "Romeo", HOST, "JULIET", "EXAMPLE.ORG",
                  says="The item removed from roster of Romeo@example.org",
                  tables=["roster_items", "roster_versions"], audit=AUDIT, outbox=PUSH)
        self.assertEqual(self.sql("SELECT username, host FROM roster_items ORDER BY 1"),
                         [["juliet", HOST], ["romeo", CHAT]])

    def test_delete_rosteritem_that_is_a_domain(self):
        self.contact("romeo", "news.example.net")
        self.does("delete_rosteritem", "romeo", HOST, "", "news.example.net", says=None,
                  tables=["roster_items"], audit={**AUDIT, "user": "",
                                                  "server": "news.example.net"},
                  outbox=[("romeo@example.org", "roster", {"jids": ["news.example.net"]})])

    def test_delete_rosteritem_that_is_not_there(self):
        self.does("delete_rosteritem", "romeo", HOST, "juliet", HOST,
                  says="The item removed from roster of romeo@example.org", audit=AUDIT, rows=0)

    def test_delete_rosteritem_for_a_missing_account(self):
        self.does("delete_rosteritem", "nobody", HOST, "juliet", HOST,
                  no="Cannot delete the item because user nobody@example.org does not exist",
                  audit={**AUDIT, "localuser": "nobody"}, rows=0, outcome="user_does_not_exist")
        self.does("delete_rosteritem", "a@b", HOST, "juliet", HOST,
                  no="Cannot delete the item because user a@b@example.org does not exist")

    def test_delete_rosteritem_rejects_an_invalid_contact(self):
        self.rejects("delete_rosteritem", "romeo", HOST, "a@b", HOST, pattern="argument 'user'")
        self.rejects("delete_rosteritem", "romeo", HOST, "a", "", pattern="argument 'server'")


class GetRoster(world.TestCase):
    def test_get_roster(self):
        self.contact("romeo", "juliet@example.org", nick="Julie", subscription="B",
                     groups=["Friends", "Capulets"])
        self.contact("romeo", "mercutio@example.org", subscription="F", ask="O")
        self.contact("romeo", "juliet@example.org", CHAT)
        self.does("get_roster", "ROMEO", "Example.ORG", says=[
            "juliet@example.org\tJulie\tboth\tnone\tFriends",
            "juliet@example.org\tJulie\tboth\tnone\tCapulets",
            "mercutio@example.org\t\tfrom\tout\t"])

    def test_get_roster_has_words_for_all_letters(self):
        for n, (subscription, ask) in enumerate(zip("NTFBNT", "NOIBSU")):
            self.contact("romeo", f"c{n}@example.org", subscription=subscription, ask=ask)
        self.ok(self.adminex("get_roster", "romeo", HOST), [
            "c0@example.org\t\tnone\tnone\t", "c1@example.org\t\tto\tout\t",
            "c2@example.org\t\tfrom\tin\t", "c3@example.org\t\tboth\tboth\t",
            "c4@example.org\t\tnone\tsubscribe\t", "c5@example.org\t\tto\tunsubscribe\t"])

    def test_get_roster_leaves_requests_out_that_wait_for_an_answer(self):
        self.contact("romeo", "asks@example.org", subscription="N", ask="I")
        self.contact("romeo", "asked@example.org", subscription="N", ask="B")
        self.ok(self.adminex("get_roster", "romeo", HOST), ["asked@example.org\t\tnone\tboth\t"])

    def test_get_roster_of_only_such_requests_is_empty(self):
        self.contact("romeo", "asks@example.org", subscription="N", ask="I")
        self.does("get_roster", "romeo", HOST, says="")

    def test_get_roster_that_is_empty(self):
        self.does("get_roster", "romeo", HOST, says="")
        self.ok(self.adminex("get_roster", "romeo", HOST, options=["--json"]),
                '{"result":[],"status":"ok"}')

    def test_get_roster_keeps_one_row_one_line(self):
        self.contact("romeo", "juliet@example.org", nick="a\tb\nc\\d", groups=["x\ty\n"])
        self.ok(self.adminex("get_roster", "romeo", HOST),
                "juliet@example.org\ta\\tb\\nc\\\\d\tnone\tnone\tx\\ty\\n")
        (row,) = self.adminex("get_roster", "romeo", HOST, options=["--json"]).json()["result"]
        self.assertEqual(row, {"jid": "juliet@example.org", "nick": "a\tb\nc\\d",
                               "subscription": "none", "ask": "none", "group": "x\ty\n"})
        self.ok(self.adminex("get_roster", "romeo", HOST, options=["--format", "csv"]),
                b'jid,nick,subscription,ask,group\n'
                b'juliet@example.org,"a\tb\nc\\d",none,none,"x\ty\n"\n')

    def test_get_roster_of_a_missing_account(self):
        for user, host in [("nobody", HOST), ("juliet", CHAT), ("a@b", HOST), ("romeo", "")]:
            self.does("get_roster", user, host, no=f"User {user}@{host} does not exist")
