"""Submod sessions: every outcome of its commands on the table of sessions."""

import re

import world
from world import CHAT, EMPTY, HOST

SHOWS = ("available", "chat", "away", "xa", "dnd", "unavailable")


class Resources(world.TestCase):
    def setUp(self):
        super().setUp()
        for resource in ("phone", "Laptop", "café"):
            self.online("romeo", resource)
        self.online("juliet", "phone")
        self.online("romeo", "chatphone", CHAT)

    def test_num_resources(self):
        for user, host, count in [("romeo", HOST, 3), ("ROMEO", "EXAMPLE.ORG", 3),
                                  ("romeo", CHAT, 1), ("mercutio", HOST, 0), ("nobody", HOST, 0),
                                  ("romeo", "unknown.example.org", 0)]:
            self.does("num_resources", user, host, says=str(count))

    def test_num_resources_rejects_an_invalid_account(self):
        self.rejects("num_resources", "a@b", HOST, pattern="argument 'user'")
        self.rejects("num_resources", "romeo", "", pattern="argument 'host'")

    def test_resource_num(self):
        for number, resource in enumerate(("Laptop", "café", "phone"), 1):
            self.does("resource_num", "Romeo", HOST, number, says=resource)
        self.does("resource_num", "romeo", HOST, "+03", says="phone")

    def test_resource_num_out_of_range(self):
        for number in ("0", "4", "-1", "9223372036854775807", "-9223372036854775808"):
            self.does("resource_num", "romeo", HOST, number,
                      no=f"Error: Wrong resource number: {number}")
        self.does("resource_num", "nobody", HOST, "1", no="Error: Wrong resource number: 1")

    def test_resource_num_rejects_what_is_no_number(self):
        for number in ("", "1st", "one", "1.0", "9" * 30):
            self.rejects("resource_num", "romeo", HOST, number, pattern="argument 'num'")


class KickSession(world.TestCase):
    AUDIT = {"user": "romeo", "host": HOST, "resource": "phone"}

    def setUp(self):
        super().setUp()
        self.online("romeo", "phone")
        self.online("romeo", "laptop")

    def test_kick_session(self):
        self.does("kick_session", "Romeo", HOST, "phone", "please reconnect", says="",
                  tables=["sessions"], audit=self.AUDIT,
                  outbox=[("romeo@example.org", "kick",
                           {"resource": "phone", "reason": "please reconnect"})])
        self.assertEqual(self.sql("SELECT resource FROM sessions"), [["laptop"]])

    def test_kick_session_without_a_reason(self):
        self.does("kick_session", "romeo", HOST, "phone", "", says="", tables=["sessions"],
                  audit=self.AUDIT,
                  outbox=[("romeo@example.org", "kick",
                           {"resource": "phone", "reason": "Kicked by administrator"})])

    def test_kick_session_that_is_not_there(self):
        for user, host, resource in [("romeo", HOST, "Phone"), ("juliet", HOST, "phone"),
                                     ("romeo", CHAT, "phone"), ("nobody", HOST, "phone")]:
            self.does("kick_session", user, host, resource, "x",
                      no=f"No session {user}@{host}/{resource}", rows=0, outcome="no_session",
                      audit={"user": user, "host": host, "resource": resource})

    def test_kick_session_of_an_invalid_name(self):
        for user, host, resource in [("a@b", HOST, "phone"), ("romeo", "", "phone"),
                                     ("romeo", HOST, ""), ("romeo", HOST, "a\x01")]:
            self.does("kick_session", user, host, resource, "x",
                      no=f"No session {user}@{host}/{resource}")

    def test_kick_session_rejects_a_reason_that_xml_cannot_carry(self):
        self.rejects("kick_session", "romeo", HOST, "phone", "\x01", pattern="argument 'reason'")


class Status(world.TestCase):
    def setUp(self):
        super().setUp()
        for number, show in enumerate(SHOWS):
            self.online("romeo", show, priority=number - 2, show=show, status=f"is {show}")
        self.online("juliet", "phone", show="away", status="")
        self.online("romeo", "phone", CHAT, show="away", status="a\tb\nc\\d")

    def test_status_num(self):
        for show in SHOWS:
            self.does("status_num", show, says="3" if show == "away" else "1")
        self.does("status_num", "all", says="8")

    def test_status_num_host(self):
        for host, show, count in [(HOST, "away", 2), ("EXAMPLE.ORG", "away", 2), (CHAT, "away", 1),
                                  (CHAT, "chat", 0), (CHAT, "all", 1), (HOST, "all", 7),
                                  (EMPTY, "all", 0), ("unknown.example.org", "all", 0)]:
            self.does("status_num_host", host, show, says=str(count))

    def test_status_list(self):
        self.does("status_list", "away", says=[
            "romeo\tchat.example.org\tphone\t0\ta\\tb\\nc\\\\d",
            "juliet\texample.org\tphone\t0\t",
            "romeo\texample.org\taway\t0\tis away"])
        self.does("status_list", "available", says=["romeo\texample.org\tavailable\t-2\t"
                                                    "is available"])
        self.assertEqual(len(self.adminex("status_list", "all").lines), 8)

    def test_status_list_host(self):
        self.does("status_list_host", "Example.ORG", "away", says=[
            "juliet\texample.org\tphone\t0\t", "romeo\texample.org\taway\t0\tis away"])
        self.does("status_list_host", CHAT, "dnd", says="")
        self.does("status_list_host", EMPTY, "all", says="")
        self.assertEqual(len(self.adminex("status_list_host", HOST, "all").lines), 7)

    def test_status_list_for_machines(self):
        result = self.adminex("status_list", "chat", options=["--json"])
        self.ok(result, '{"result":[{"user":"romeo","host":"example.org","resource":"chat",'
                        '"priority":-1,"status":"is chat"}],"status":"ok"}')

    def test_status_rejects_another_word(self):
        for word in ("", "Away", "online", "a*"):
            for args in (["status_num", word], ["status_num_host", HOST, word],
                         ["status_list", word], ["status_list_host", HOST, word]):
                self.rejects(*args, pattern="argument 'status' must be one of available, chat, "
                                            "away, xa, dnd, unavailable, all")

    def test_status_rejects_an_invalid_host(self):
        self.rejects("status_num_host", "", "away", pattern="argument 'host'")
        self.rejects("status_list_host", "a b", "away", pattern="argument 'host'")


class Connections(world.TestCase):
    def setUp(self):
        super().setUp()
        self.online("romeo", "phone", connection="c2s_tls", ip="192.0.2.1", port=5222, priority=5,
                    node="xmpp1", connected_at="2001-01-01T00:00:00Z")
        self.online("juliet", "web", connection="c2s", ip="2001:db8::1", port=65535,
                    node="xmpp2", connected_at="2100-01-01T00:00:00Z")
        self.online("romeo", "bare", CHAT)

    def lines(self, *args):
        """The lines, with a number of seconds that is not 0 as S."""
        result = self.does(*args)
        return [re.sub(r"\t[1-9]\d{8,}$", "\tS", line) for line in result.lines]

    ROMEO = "romeo@example.org/phone\tc2s_tls\t192.0.2.1\t5222\t5\txmpp1\tS"
    JULIET = "juliet@example.org/web\tc2s\t2001:db8::1\t65535\t0\txmpp2\t0"
    BARE = "romeo@chat.example.org/bare\tc2s\t\t\t0\t\t"

    def test_connected_users_info(self):
        lines = self.lines("connected_users_info")
        self.assertEqual(lines[1:], [self.JULIET, self.ROMEO])
        self.assertRegex(lines[0], rf"\A{self.BARE}\d+\Z")

    def test_connected_users_info_of_nobody(self):
        self.sql("DELETE FROM sessions")
        self.does("connected_users_info", says="")

    def test_connected_users_vhost(self):
        self.assertEqual(self.lines("connected_users_vhost", "EXAMPLE.org"),
                         [self.JULIET, self.ROMEO])
        self.does("connected_users_vhost", EMPTY, says="")
        self.does("connected_users_vhost", "unknown.example.org", says="")
        self.rejects("connected_users_vhost", "a b", pattern="argument 'host'")

    def test_user_sessions_info(self):
        self.assertEqual(self.lines("user_sessions_info", "ROMEO", HOST), [self.ROMEO])
        self.does("user_sessions_info", "mercutio", HOST, says="")
        self.does("user_sessions_info", "nobody", HOST, says="")
        self.rejects("user_sessions_info", "a@b", HOST, pattern="argument 'user'")

    def test_connected_users_for_machines(self):
        (row,) = self.adminex("connected_users_vhost", CHAT, options=["--json"]).json()["result"]
        self.assertEqual({**row, "uptime": 0},
                         {"jid": "romeo@chat.example.org/bare", "connection": "c2s", "ip": None,
                          "port": None, "priority": 0, "node": "", "uptime": 0})


class SetPresence(world.TestCase):
    AUDIT = {"user": "romeo", "host": HOST, "resource": "phone"}

    def setUp(self):
        super().setUp()
        self.online("romeo", "phone", priority=1, show="chat", status="here")
        self.online("romeo", "laptop")

    def presence(self):
        return self.sql("SELECT show, status, priority FROM sessions WHERE resource = 'phone'")[0]

    def test_set_presence(self):
        for type_, show, status, priority, stored, inner in [
                ("available", "away", "out <to> lunch", "5", ["away", "out <to> lunch", "5"],
                 "<show>away</show><status>out &lt;to&gt; lunch</status><priority>5</priority>"),
                ("available", "", "", "-128", ["available", "", "-128"],
                 "<priority>-128</priority>"),
                ("", "available", "", "127", ["available", "", "127"], "<priority>127</priority>"),
                ("", "dnd", "", "0", ["dnd", "", "0"], "<show>dnd</show><priority>0</priority>")]:
            with self.subTest(type=type_, show=show):
                self.does("set_presence", "Romeo", HOST, "phone", type_, show, status, priority,
                          says="", tables=["sessions"],
                          audit={**self.AUDIT, "type": type_, "show": show,
                                 "priority": int(priority)},
                          outbox=[("romeo@example.org", "presence", {
                              "resource": "phone",
                              "stanza": f"<presence xmlns='jabber:client'>{inner}</presence>"})])
                self.assertEqual(self.presence(), stored)

    def test_set_presence_unavailable(self):
        self.does("set_presence", "romeo", HOST, "phone", "unavailable", "away", "bye", "0",
                  says="", tables=["sessions"],
                  audit={**self.AUDIT, "type": "unavailable", "show": "away", "priority": 0},
                  outbox=[("romeo@example.org", "presence", {
                      "resource": "phone",
                      "stanza": "<presence xmlns='jabber:client' type='unavailable'>"
                                "<status>bye</status><priority>0</priority></presence>"})])
        self.assertEqual(self.presence(), ["unavailable", "bye", "0"])

    def test_set_presence_without_a_session(self):
        for user, resource in [("juliet", "phone"), ("romeo", "Phone"), ("nobody", "x")]:
            self.does("set_presence", user, HOST, resource, "available", "away", "", "5",
                      no=f"No session {user}@example.org/{resource}", rows=0, outcome="no_session",
                      audit={"user": user, "host": HOST, "resource": resource,
                             "type": "available", "show": "away", "priority": 5})
        for user, resource in [("a@b", "phone"), ("romeo", "")]:
            self.does("set_presence", user, HOST, resource, "available", "away", "", "5",
                      no=f"No session {user}@example.org/{resource}")

    def test_set_presence_rejects(self):
        for type_, show, status, priority, pattern in [
                ("subscribe", "away", "", "5", "argument 'type'"),
                ("available", "online", "", "5", "argument 'show'"),
                ("available", "away", "\x01", "5", "argument 'status'"),
                ("available", "away", "", "128", "argument 'priority'"),
                ("available", "away", "", "", "argument 'priority'"),
                ("available", "away", "", "5x", "argument 'priority'")]:
            self.rejects("set_presence", "romeo", HOST, "phone", type_, show, status, priority,
                         pattern=pattern)
