"""process_rosteritems: every filter, its errors, and what delete leaves behind."""

import world
from world import CHAT, HOST

ITEMS = [
    ("romeo", HOST, "juliet@example.org", "B", "N"),
    ("romeo", HOST, "mercutio@chat.example.org", "T", "O"),
    ("romeo", HOST, "news.example.net", "N", "N"),
    ("juliet", HOST, "romeo@example.org", "B", "I"),
    ("juliet", HOST, "c++@example.org", "F", "B"),
    ("mercutio", HOST, "romeo@example.org", "N", "S"),
    ("romeo", CHAT, "juliet@example.org", "N", "U"),
]


class RosterMatch(world.TestCase):
    def setUp(self):
        super().setUp()
        for user, host, jid, subscription, ask in ITEMS:
            self.contact(user, jid, host, subscription=subscription, ask=ask)

    def pairs(self, *indices):
        return sorted(f"Matches: {ITEMS[n][0]}@{ITEMS[n][1]} {ITEMS[n][2]}" for n in indices)

    def matches(self, filters, *indices, options=()):
        """The filters find these of ITEMS, and nothing is changed."""
        with self.subTest(filters=filters):
            result = self.does("process_rosteritems", "list", *filters, options=options)
            self.assertEqual(result.lines[0], "There are 7 roster items in total.")
            self.assertEqual(result.lines[-1], "")
            self.assertEqual(sorted(result.lines[1:-1]), self.pairs(*indices))

    def test_process_rosteritems_list_all(self):
        self.matches(("any", "any", "any", "any"), *range(7))

    def test_process_rosteritems_list_ends_in_an_empty_line(self):
        self.ok(self.adminex("process_rosteritems", "list", "to", "any", "any", "any"),
                b"There are 7 roster items in total.\n"
                b"Matches: romeo@example.org mercutio@chat.example.org\n\n")
        self.ok(self.adminex("process_rosteritems", "list", "to", "in", "any", "any"),
                b"There are 7 roster items in total.\n\n")

    def test_process_rosteritems_of_an_empty_table(self):
        self.sql("DELETE FROM roster_items")
        for action in ("list", "delete"):
            result = self.adminex("process_rosteritems", action, "any", "any", "any", "any")
            self.ok(result, b"Roster table is empty.\n\n")

    def test_process_rosteritems_by_subscription(self):
        self.matches(("both", "any", "any", "any"), 0, 3)
        self.matches(("none", "any", "any", "any"), 2, 5, 6)
        self.matches(("from:to", "any", "any", "any"), 1, 4)
        self.matches(("from:any", "any", "any", "any"), *range(7))

    def test_process_rosteritems_by_ask(self):
        for ask, indices in [("none", [0, 2]), ("out", [1]), ("in", [3]), ("both", [4]),
                             ("subscribe", [5]), ("unsubscribe", [6]), ("in:both", [3, 4])]:
            self.matches(("any", ask, "any", "any"), *indices)

    def test_process_rosteritems_by_owner(self):
        self.matches(("any", "any", "romeo@example\\.org", "any"), 0, 1, 2)
        self.matches(("any", "any", "romeo@.*", "any"), 0, 1, 2, 6)
        self.matches(("any", "any", "ROMEO@EXAMPLE.ORG", "any"), 0, 1, 2)
        self.matches(("any", "any", "rom@example.org", "any"))
        self.matches(("any", "any", "romeo@example", "any"))
        self.matches(("any", "any", "juliet@.*:mercutio@.*", "any"), 3, 4, 5)
        self.matches(("any", "any", "juliet@.*:any", "any"), *range(7))
        self.matches(("any", "any", "example.org", "any"))

    def test_process_rosteritems_by_contact(self):
        self.matches(("any", "any", "any", ".*@chat.*"), 1)
        self.matches(("any", "any", "any", "news\\..*"), 2)
        self.matches(("any", "any", "any", ".*"), 2)
        # The local part of a domain is empty, and that is something to match.
        self.matches(("any", "any", "any", ".*@.*"), *range(7))
        self.matches(("any", "any", "any", ".+@.*"), 0, 1, 3, 4, 5, 6)
        self.matches(("any", "any", "any", "@.*"), 2)
        self.matches(("any", "any", "any", "c\\+\\+@example.org"), 4)
        self.matches(("any", "any", "any", "romeo@.*:news.*"), 2, 3, 5)

    def test_process_rosteritems_matches_whole_parts(self):
        self.matches(("any", "any", "r|romeo@example.org", "any"), 0, 1, 2)
        self.matches(("any", "any", "romeo|juliet@example.org|chat.example.org", "any"),
                     0, 1, 2, 3, 4, 6)
        self.matches(("any", "any", "ome@.*", "any"))
        self.matches(("any", "any", "[[:alpha:]]*@(?:chat\\.)?example\\.org", "any"), *range(7))
        self.matches(("any", "any", "(?:romeo)@chat[.].*", "any"), 6)

    def test_process_rosteritems_by_all_at_once(self):
        self.matches(("both:from", "in:none", "romeo@.*:juliet@.*", "romeo@.*:juliet@.*"), 0, 3)

    def test_process_rosteritems_delete(self):
        self.insert("roster_versions", *({"host": HOST, "username": user, "version": 1}
                                         for user in ("romeo", "juliet", "mercutio")))
        result = self.does("process_rosteritems", "delete", "any", "any", "any",
                           "juliet@.*:romeo@.*", tables=["roster_items", "roster_versions"],
                           audit={"action": "delete"}, rows=4, outbox=[
                               ("romeo@example.org", "roster", {}),
                               ("juliet@example.org", "roster", {}),
                               ("mercutio@example.org", "roster", {}),
                               ("romeo@chat.example.org", "roster", {})])
        self.assertEqual(result.lines[0], "There are 7 roster items in total.")
        self.assertEqual(sorted(result.lines[1:-1]), self.pairs(0, 3, 5, 6))
        self.assertEqual(self.sql("SELECT jid FROM roster_items ORDER BY 1"),
                         [["c++@example.org"], ["mercutio@chat.example.org"],
                          ["news.example.net"]])
        self.assertEqual(self.sql("SELECT DISTINCT version FROM roster_versions"), [["2"]])

    def test_process_rosteritems_delete_puts_one_row_an_owner_into_the_outbox(self):
        self.does("process_rosteritems", "delete", "any", "any", "romeo@example.org", "any",
                  tables=["roster_items"], audit={"action": "delete"}, rows=3,
                  outbox=[("romeo@example.org", "roster", {})])

    def test_process_rosteritems_delete_of_nothing(self):
        self.does("process_rosteritems", "delete", "to", "in", "any", "any",
                  says=b"There are 7 roster items in total.\n\n", audit={"action": "delete"},
                  rows=0)

    def test_process_rosteritems_bad_words(self):
        words = ("any", "any", "any", "any")
        for n, (word, text) in enumerate([
                ("purge", "action must be one of list, delete"),
                ("nobody", "subs must be one of none, from, to, both, any"),
                ("remove", "asks must be one of none, out, in, both, subscribe, unsubscribe, "
                           "any")]):
            args = ["list", *words]
            for bad in (word, "", word.upper()):
                args[n] = bad
                self.does("process_rosteritems", *args, no=f"Error: {text}")
        self.does("process_rosteritems", "list", "both:", "any", "any", "any",
                  no="Error: subs must be one of none, from, to, both, any")

    def test_process_rosteritems_bad_patterns(self):
        for pattern in ("(", "a@(", "[a@b", "*", "a)b@c", "a@b)(c", "x@a|*", "a\\", "a{2,1}@b"):
            with self.subTest(pattern=pattern):
                before = self.state()
                result = self.adminex("process_rosteritems", "delete", "any", "any", "any",
                                      pattern)
                self.no(result, None)
                self.assertRegex(result.text, r"\AWrong regexp [^\n]+: [^\n]+\n\Z")
                self.assertIn(f"Wrong regexp {pattern}: ", result.text)
                self.assertEqual(self.state(), before)

    def test_process_rosteritems_cannot_escape_its_anchors(self):
        for pattern in ("a)|(?:.*@.*", "***=romeo@.*", "(?q)romeo@.*", "***:romeo@.*",
                        "a@b)|(?:.*", "(?i)romeo@(?i).*"):
            result = self.adminex("process_rosteritems", "list", "any", "any", pattern, "any")
            self.no(result, None)
            self.assertIn("Wrong regexp ", result.text)

    def test_process_rosteritems_checks_patterns_before_it_reads(self):
        self.sql("DELETE FROM roster_items")
        result = self.adminex("process_rosteritems", "list", "any", "any", "any", "(")
        self.no(result, None)
        self.assertIn("Wrong regexp (: ", result.text)

    def test_process_rosteritems_has_a_time_limit(self):
        config = self.file("short.conf", "limits = { pattern_timeout = 1; };")
        self.sql("INSERT INTO roster_items (host, username, jid) SELECT 'example.org', 'romeo', "
                 "string_agg(md5(n::text), '') || '@example.net' FROM generate_series(1, 30) n")
        self.rejects("process_rosteritems", "delete", "any", "any", "any",
                     r"(.{7,})(.{7,})(.{7,}).*\3\2\1@.*", pattern="time limit",
                     options=["-c", config])

    def test_process_rosteritems_rejects_bytes_that_are_no_text(self):
        self.rejects("process_rosteritems", "list", "any", "any", b"\xff@.*", "any",
                     pattern="not UTF-8")

    def test_process_rosteritems_for_machines(self):
        args = ("process_rosteritems", "list", "to", "any", "any", "any")
        self.assertEqual(self.adminex(*args, options=["--json"]).json(), {
            "result": "There are 7 roster items in total.\n"
                      "Matches: romeo@example.org mercutio@chat.example.org\n",
            "status": "ok"})
