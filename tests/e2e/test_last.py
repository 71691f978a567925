"""Submod last: every outcome of set_last, and what is stored afterwards."""

import world
from world import CHAT, HOST


class SetLast(world.TestCase):
    AUDIT = {"user": "romeo", "host": HOST}

    def stored(self):
        return self.sql("SELECT username, host, extract(epoch FROM last_at)::bigint, status "
                        "FROM last_activity")

    def test_set_last(self):
        self.does("set_last", "romeo", HOST, "1700000000", "gone fishing",
                  says="Last activity for user romeo@example.org is set as 1700000000 with status "
                       "gone fishing",
                  tables=["last_activity"], audit={**self.AUDIT, "timestamp": 1700000000})
        self.assertEqual(self.stored(), [["romeo", HOST, "1700000000", "gone fishing"]])

    def test_set_last_with_an_empty_status(self):
        self.does("set_last", "ROMEO", HOST, "+1", "",
                  says="Last activity for user ROMEO@example.org is set as +1 with status ",
                  tables=["last_activity"], audit={**self.AUDIT, "timestamp": 1})
        self.assertEqual(self.stored(), [["romeo", HOST, "1", ""]])

    def test_set_last_replaces(self):
        for time, status in [(1, "first"), (2147483647, "second"), (-2147483648, "third")]:
            self.does("set_last", "romeo", HOST, time, status, says=None,
                      tables=["last_activity"], audit={**self.AUDIT, "timestamp": time})
            self.assertEqual(self.stored(), [["romeo", HOST, str(time), status]])

    def test_set_last_of_one_who_is_connected(self):
        self.online("romeo", "phone")
        self.does("set_last", "romeo", HOST, "1", "", says=None, tables=["last_activity"],
                  audit={**self.AUDIT, "timestamp": 1})

    def test_set_last_of_a_missing_account(self):
        self.does("set_last", "juliet", CHAT, "1", "x", no=f"User juliet@{CHAT} does not exist",
                  audit={"user": "juliet", "host": CHAT, "timestamp": 1}, rows=0,
                  outcome="user_does_not_exist")
        self.does("set_last", "a@b", HOST, "1", "x", no="User a@b@example.org does not exist")

    def test_set_last_rejects_what_is_no_time(self):
        for time in ("", "12abc", "1.5", " 1", "1 ", "-", "2147483648", "-2147483649", "9" * 40):
            with self.subTest(time=time):
                self.rejects("set_last", "romeo", HOST, time, "x", pattern="argument 'timestamp'")

    def test_set_last_rejects_a_status_that_xml_cannot_carry(self):
        for status in ("bell\x07", b"\xff"):
            self.rejects("set_last", "romeo", HOST, "1", status, pattern="argument 'status'")
