"""Submod node: every outcome of its commands in adminex's meaning of them."""

import world

NO_DATABASE = {"ADMINEX_DSN": "host=/nowhere"}


class LoadConfig(world.TestCase):
    def test_load_config_of_a_good_file(self):
        good = self.file("good.conf", 'node = { name = "xmpp1"; };\n'
                                      "limits = { pattern_timeout = 5; };\n")
        self.does("load_config", good, says="")

    def test_load_config_needs_no_database(self):
        self.ok(self.adminex("load_config", self.file("empty.conf", ""), env=NO_DATABASE), "")

    def test_load_config_names_the_line_of_what_is_wrong(self):
        for text, pattern in [
                ("node = {\n  name = ;\n};", r"bad\.conf' line 2: "),
                ('node = {\n  nme = "x";\n};', r"line 2: setting 'node\.nme' is not known"),
                ("nodes = {};", r"line 1: setting 'nodes' is not known"),
                ("\n\nnode = { name = 5; };", r"line 3: setting 'node\.name' must be a string"),
                ("password = { iterations = 4095; };", r"must be between 4096 and 10000000"),
                ('password = { mechanism = "PLAIN"; };', r"unknown word.*SCRAM-SHA-256"),
                ('services = { admin_extra = { submods = [ "rooster" ]; }; };',
                 r"unknown word.*roster"),
                ("services = { admin_extra = { submods = []; }; };", r"empty list")]:
            with self.subTest(text=text):
                self.rejects("load_config", self.file("bad.conf", text), pattern=pattern)

    def test_load_config_of_what_is_no_file(self):
        for path in (str(self.tmp / "missing.conf"), str(self.tmp), ""):
            with self.subTest(path=path):
                self.rejects("load_config", path, pattern="cannot read|empty file name|line")


class GetCookie(world.TestCase):
    def test_get_cookie(self):
        config = self.file("cookie.conf", 'node = { cookie = "c00kie monster"; };')
        self.does("get_cookie", says="c00kie monster", options=["-c", config])
        self.ok(self.adminex("get_cookie", options=["-c", config], env=NO_DATABASE),
                "c00kie monster")

    def test_get_cookie_that_is_not_configured(self):
        self.does("get_cookie", no='Error: "no cookie is configured (node.cookie)"')


class RemoveNode(world.TestCase):
    def setUp(self):
        super().setUp()
        self.online("romeo", "phone", node="xmpp1")
        self.online("romeo", "laptop", node="xmpp2")
        self.online("juliet", "phone", node="xmpp2")

    def test_remove_node_and_its_sessions(self):
        self.insert("nodes", {"node": "xmpp1"}, {"node": "xmpp2"})
        self.does("remove_node", "xmpp2", says="", tables=["nodes", "sessions"], audit={}, rows=3)
        self.assertEqual(self.sql("SELECT node FROM nodes"), [["xmpp1"]])
        self.assertEqual(self.sql("SELECT username, resource FROM sessions"), [["romeo", "phone"]])

    def test_remove_node_that_has_only_sessions(self):
        self.does("remove_node", "xmpp2", says="", tables=["sessions"], audit={}, rows=2)

    def test_remove_node_that_has_no_sessions(self):
        self.insert("nodes", {"node": "xmpp3"})
        self.does("remove_node", "xmpp3", says="", tables=["nodes"], audit={})

    def test_remove_node_that_is_nowhere(self):
        for node in ("xmpp3", "XMPP1", "xmpp%", ""):
            self.does("remove_node", node, no=f"No node {node}", audit={}, rows=0,
                      outcome="no_node")
