"""push_roster, push_roster_all and push_roster_alltoall, and their template files."""

import json

import harness
import world
from world import CHAT, EMPTY, HOST

TEMPLATES = harness.DATA / "templates"
ERLANG = """\
%% who belongs together
[{"romeo", "example.org", "Montagues", "Romeo"},
 {"JULIET", "Example.ORG", "Capulets", "Julie"},
 {"mercutio", "example.org", "Montagues, \\"friends\\"", "M\\x{e9}rcutio ☃"}].
"""
JULIET = ["juliet@example.org", "Julie", "B", "N", ["Capulets"]]
MERCUTIO = ["mercutio@example.org", "Mércutio ☃", "B", "N", ['Montagues, "friends"']]
ROMEO = ["romeo@example.org", "Romeo", "B", "N", ["Montagues"]]
AUDIT = {"user": "romeo", "host": HOST}
PUSHED = ("romeo@example.org", "roster", {})


class PushTestCase(world.TestCase):
    def roster(self, user, host=HOST):
        rows = self.sql("SELECT jid, nick, subscription, ask, array_to_json(groups) "
                        f"FROM roster_items WHERE username = '{user}' AND host = '{host}' "
                        "ORDER BY jid")
        return [[*row[:4], json.loads(row[4])] for row in rows]

    def pushes(self, *args, tables=("roster_items",), says="", **expected):
        return self.does(*args, says=says, tables=tables, **expected)


class PushRoster(PushTestCase):
    def test_push_roster(self):
        path = self.file("erlang.template", ERLANG)
        self.pushes("push_roster", path, "romeo", HOST, audit=AUDIT, rows=2, outbox=[PUSHED])
        self.assertEqual(self.roster("romeo"), [JULIET, MERCUTIO])
        self.assertEqual(self.roster("juliet"), [])

    def test_push_roster_compares_prepared_jids(self):
        path = self.file("erlang.template", ERLANG)
        self.pushes("push_roster", path, "Juliet", "EXAMPLE.org", rows=2,
                    audit={"user": "juliet", "host": HOST},
                    outbox=[("juliet@example.org", "roster", {})])
        self.assertEqual(self.roster("juliet"), [MERCUTIO, ROMEO])

    def test_push_roster_again_changes_nothing(self):
        path = self.file("erlang.template", ERLANG)
        self.insert("roster_versions", {"host": HOST, "username": "romeo"})
        self.pushes("push_roster", path, "romeo", HOST, audit=AUDIT, rows=2, outbox=[PUSHED],
                    tables=["roster_items", "roster_versions"])
        self.pushes("push_roster", path, "romeo", HOST, audit=AUDIT, rows=0, tables=())

    def test_push_roster_keeps_other_groups(self):
        self.contact("romeo", "juliet@example.org", nick="old", ask="O", subscription="T",
                     groups=["Friends"])
        self.pushes("push_roster", self.file("erlang.template", ERLANG), "romeo", HOST,
                    audit=AUDIT, rows=2, outbox=[PUSHED])
        self.assertEqual(self.roster("romeo")[0],
                         ["juliet@example.org", "Julie", "B", "N", ["Friends", "Capulets"]])

    def test_push_roster_by_extension(self):
        entries = [{"user": "juliet", "host": HOST, "group": "Capulets", "nick": "Julie"},
                   {"user": "mercutio", "host": HOST, "group": 'Montagues, "friends"',
                    "nick": "Mércutio ☃"}]
        csv = ('user,host,group,nick\njuliet,example.org,Capulets,Julie\n'
               'mercutio,example.org,"Montagues, ""friends""",Mércutio ☃\n')
        for name, text in [("t.json", json.dumps(entries)), ("t.JSON", json.dumps(entries)),
                           ("t.csv", csv), ("t.erl", ERLANG), ("t", ERLANG)]:
            with self.subTest(name=name):
                self.sql("DELETE FROM roster_items")
                self.pushes("push_roster", self.file(name, text), "romeo", HOST, audit=AUDIT,
                            rows=2, outbox=[PUSHED])
                self.assertEqual(self.roster("romeo"), [JULIET, MERCUTIO])

    def test_push_roster_guesses_nothing(self):
        for name, text in [("t.json", ERLANG), ("t.csv", ERLANG), ("t.txt", "[]"),
                           ("t.template", '[{"user": "juliet"}]'), ("t.json.txt", "[]")]:
            self.rejects("push_roster", self.file(name, text), "romeo", HOST, pattern=r"line \d+: ")

    def test_push_roster_skips_entries_without_an_account(self):
        path = self.file("erlang.template", """[
            {"juliet", "example.org", "Capulets", "Julie"},
            {"Nobody", "example.org", "", ""},
            {"juliet", "unknown.example.org", "", ""},
            {"a b", "example.org", "", ""}].""")
        self.pushes("push_roster", path, "romeo", HOST, audit=AUDIT, outbox=[PUSHED],
                    err=r"\Aadminex: line 5 skipped: localpart has characters [^\n]*\n"
                        r"(adminex: skipped '(nobody@example.org|juliet@unknown.example.org)': "
                        r"no such account\n){2}\Z")
        self.assertEqual(self.roster("romeo"), [JULIET])

    def test_push_roster_of_an_empty_list(self):
        self.pushes("push_roster", self.file("empty.template", "[]."), "romeo", HOST, audit=AUDIT,
                    rows=0, tables=())

    def test_push_roster_takes_the_last_of_equal_entries(self):
        path = self.file("twice.template", '[{"juliet", "example.org", "a", "First"},\n'
                                           ' {"JULIET", "example.org", "b", "Last"}].')
        self.pushes("push_roster", path, "romeo", HOST, audit=AUDIT, outbox=[PUSHED])
        self.assertEqual(self.roster("romeo"),
                         [["juliet@example.org", "Last", "B", "N", ["b"]]])

    def test_push_roster_to_a_missing_account(self):
        path = self.file("erlang.template", ERLANG)
        self.does("push_roster", path, "nobody", HOST, no="User nobody@example.org does not exist",
                  audit={"user": "nobody", "host": HOST}, rows=0, outcome="user_does_not_exist")
        self.does("push_roster", path, "a@b", HOST, no="User a@b@example.org does not exist")

    def test_push_roster_reads_the_file_whole_or_not_at_all(self):
        for path in sorted(TEMPLATES.glob("bad-*")):
            with self.subTest(path=path.name):
                self.rejects("push_roster", path, "romeo", HOST,
                             pattern=rf"{path.name}' line \d+: ")

    def test_push_roster_of_what_is_no_file(self):
        for path in (str(self.tmp / "missing"), str(self.tmp), ""):
            self.rejects("push_roster", path, "romeo", HOST, pattern="^adminex: ")

    def test_push_roster_is_always_utf8(self):
        head = "%% coding: latin-1\n"
        path = self.file("utf8.template", head + '[{"juliet", "example.org", "é", "ü☃"}].')
        self.pushes("push_roster", path, "romeo", HOST, audit=AUDIT, outbox=[PUSHED])
        self.assertEqual(self.roster("romeo"), [["juliet@example.org", "ü☃", "B", "N", ["é"]]])
        path = self.file("latin1.template", (head + '[{"juliet", "example.org", "é", ""}].')
                         .encode("latin-1"))
        self.rejects("push_roster", path, "romeo", HOST, pattern="line 2: ")


class PushRosterAll(PushTestCase):
    def test_push_roster_all(self):
        self.pushes("push_roster_all", self.file("erlang.template", ERLANG), audit={}, rows=6,
                    outbox=[(f"{user}@example.org", "roster", {})
                            for user in ("romeo", "juliet", "mercutio")])
        self.assertEqual(self.roster("romeo"), [JULIET, MERCUTIO])
        self.assertEqual(self.roster("juliet"), [MERCUTIO, ROMEO])
        self.assertEqual(self.roster("mercutio"), [JULIET, ROMEO])

    def test_push_roster_all_is_one_transaction(self):
        self.succeeds(self.adminex("push_roster_all", self.file("erlang.template", ERLANG)))
        self.assertEqual(self.sql("SELECT count(*), count(DISTINCT xmin::text) FROM roster_items"),
                         [["6", "1"]])

    def test_push_roster_all_across_hosts(self):
        path = self.file("t.csv", f"user,host,group,nick\nromeo,{HOST},a,R\nromeo,{CHAT},b,C\n")
        self.pushes("push_roster_all", path, audit={}, rows=2,
                    outbox=[PUSHED, ("romeo@chat.example.org", "roster", {})])
        self.assertEqual(self.roster("romeo"), [["romeo@chat.example.org", "C", "B", "N", ["b"]]])
        self.assertEqual(self.roster("romeo", CHAT), [["romeo@example.org", "R", "B", "N", ["a"]]])

    def test_push_roster_all_skips_entries_without_an_account(self):
        path = self.file("t.csv", f"user,host,group,nick\nromeo,{HOST},,\nnobody,{HOST},,\n")
        self.pushes("push_roster_all", path, audit={}, rows=0, tables=(),
                    err="skipped 'nobody@example.org'")

    def test_push_roster_all_names_only_the_first_of_many_missing(self):
        lines = "".join(f"u{n},{HOST},,\n" for n in range(100))
        path = self.file("t.csv", "user,host,group,nick\n" + lines)
        result = self.adminex("push_roster_all", path)
        self.ok(result, "", None)
        self.assertLess(len(result.err.splitlines()), 30)
        self.assertRegex(result.err, rb"skipped \d+ more entries")

    def test_push_roster_all_again_changes_nothing(self):
        path = self.file("erlang.template", ERLANG)
        self.succeeds(self.adminex("push_roster_all", path))
        self.pushes("push_roster_all", path, audit={}, rows=0, tables=())

    def test_push_roster_all_writes_nothing_on_an_error(self):
        self.rejects("push_roster_all", TEMPLATES / "bad-no-full-stop.template",
                     pattern=r"bad-no-full-stop.template' line \d")


class PushRosterAlltoall(PushTestCase):
    def test_push_roster_alltoall(self):
        self.pushes("push_roster_alltoall", "Example.ORG", "Everybody", audit={"host": HOST},
                    rows=6, outbox=[(f"{user}@example.org", "roster", {})
                                    for user in ("romeo", "juliet", "mercutio")])
        self.assertEqual(self.roster("romeo"), [
            ["juliet@example.org", "juliet", "B", "N", ["Everybody"]],
            ["mercutio@example.org", "mercutio", "B", "N", ["Everybody"]]])
        self.assertEqual(self.roster("romeo", CHAT), [])

    def test_push_roster_alltoall_without_a_group(self):
        self.pushes("push_roster_alltoall", HOST, "", audit={"host": HOST}, rows=6,
                    outbox=[(f"{user}@example.org", "roster", {})
                            for user in ("romeo", "juliet", "mercutio")])
        self.assertEqual(self.roster("romeo")[0][4], [])

    def test_push_roster_alltoall_keeps_names_and_groups(self):
        self.contact("romeo", "juliet@example.org", nick="My love", ask="O", groups=["Friends"])
        self.succeeds(self.adminex("push_roster_alltoall", HOST, "Everybody"))
        self.assertEqual(self.roster("romeo")[0], ["juliet@example.org", "My love", "B", "N",
                                                   ["Friends", "Everybody"]])

    def test_push_roster_alltoall_again_changes_nothing(self):
        self.succeeds(self.adminex("push_roster_alltoall", HOST, "Everybody"))
        self.pushes("push_roster_alltoall", HOST, "Everybody", audit={"host": HOST}, rows=0,
                    tables=())

    def test_push_roster_alltoall_after_an_account_came_writes_only_what_is_missing(self):
        self.succeeds(self.adminex("push_roster_alltoall", HOST, "Everybody"))
        before = self.sql("SELECT username, jid, xmin, xmax FROM roster_items ORDER BY 1, 2")
        self.account("tybalt")
        self.pushes("push_roster_alltoall", HOST, "Everybody", audit={"host": HOST}, rows=6,
                    outbox=[(f"{user}@example.org", "roster", {})
                            for user in ("romeo", "juliet", "mercutio", "tybalt")])
        self.assertEqual(self.sql("SELECT username, jid, xmin, xmax FROM roster_items "
                                  "WHERE 'tybalt' NOT IN (username, split_part(jid, '@', 1)) "
                                  "ORDER BY 1, 2"), before)
        self.assertEqual(len(self.roster("tybalt")), 3)

    def test_push_roster_alltoall_is_not_misled_by_other_contacts(self):
        for jid in ("juliet@example.org", "romeo@example.org", "ghost@example.org",
                    "mercutio@chat.example.org", "example.org", "mercutio@example.org.example.net"):
            self.contact("romeo", jid, nick="a name", subscription="B", groups=["Everybody"])
        self.pushes("push_roster_alltoall", HOST, "Everybody", audit={"host": HOST}, rows=5,
                    outbox=[(f"{user}@example.org", "roster", {})
                            for user in ("romeo", "juliet", "mercutio")])
        self.assertIn(["mercutio@example.org", "mercutio", "B", "N", ["Everybody"]],
                      self.roster("romeo"))
        self.assertEqual(len(self.roster("romeo")), 7)

    def test_push_roster_alltoall_mends_what_differs(self):
        whole = ["juliet@example.org", "a name", "B", "N", ["Everybody"]]
        for change, after in [({}, whole), ({"ask": "O"}, whole), ({"subscription": "T"}, whole),
                              ({"nick": ""}, [whole[0], "juliet", *whole[2:]]),
                              ({"groups": []}, whole)]:
            with self.subTest(change=change):
                self.sql("DELETE FROM roster_items")
                self.contact("romeo", "juliet@example.org", **{
                    "nick": "a name", "subscription": "B", "groups": ["Everybody"], **change})
                self.succeeds(self.adminex("push_roster_alltoall", HOST, "Everybody"))
                self.assertEqual(self.roster("romeo")[0], after)

    def test_push_roster_alltoall_of_one_or_none(self):
        for host in (CHAT, EMPTY, "unknown.example.org"):
            self.pushes("push_roster_alltoall", host, "x", audit={"host": host}, rows=0, tables=())

    def test_push_roster_alltoall_rejects(self):
        self.rejects("push_roster_alltoall", "a b", "x", pattern="argument 'host'")
        self.rejects("push_roster_alltoall", HOST, "\x01", pattern="argument 'group'")
