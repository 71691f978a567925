"""Submod stats: counts."""

import world
from world import CHAT, EMPTY, HOST

WRONG = 'Error: "Wrong command name."'


class Stats(world.TestCase):
    def setUp(self):
        super().setUp()
        self.online("romeo", "phone", node="xmpp1")
        self.online("romeo", "laptop", node="xmpp2")
        self.online("romeo", "phone", CHAT, node="mongooseim@localhost")

    def test_stats_registeredusers_counts_each_account_once(self):
        self.does("stats", "registeredusers", says="4")

    def test_stats_onlineusers(self):
        self.does("stats", "onlineusers", says="3")

    def test_stats_onlineusersnode(self):
        self.does("stats", "onlineusersnode", says="1")
        for node, count in [("xmpp1", 1), ("xmpp3", 0)]:
            config = self.file("node.conf", f'node = {{ name = "{node}"; }};')
            self.does("stats", "onlineusersnode", says=str(count), options=["-c", config])

    def test_stats_uptimeseconds(self):
        result = self.does("stats", "uptimeseconds")
        age = int(self.sql("SELECT extract(epoch FROM now() - pg_postmaster_start_time())::bigint")
                  [0][0])
        self.assertRegex(result.text, r"\A\d+\n\Z")
        self.assertLessEqual(int(result.text), age)
        self.assertGreaterEqual(int(result.text), age - 5)

    def test_stats_of_another_name(self):
        for name in ("", "nothing", "RegisteredUsers", "registeredusers "):
            self.does("stats", name, no=WRONG)

    def test_stats_host(self):
        for name, host, count in [("registeredusers", HOST, 3), ("registeredusers", CHAT, 1),
                                  ("registeredusers", "EXAMPLE.org", 3),
                                  ("registeredusers", EMPTY, 0),
                                  ("registeredusers", "unknown.example.org", 0),
                                  ("onlineusers", HOST, 2), ("onlineusers", "Chat.example.org", 1),
                                  ("onlineusers", EMPTY, 0)]:
            self.does("stats_host", name, host, says=str(count))

    def test_stats_host_of_another_name(self):
        for name in ("", "onlineusersnode", "uptimeseconds"):
            self.does("stats_host", name, HOST, no=WRONG)

    def test_stats_host_rejects_an_invalid_host(self):
        self.rejects("stats_host", "onlineusers", "a b", pattern="argument 'host'")
