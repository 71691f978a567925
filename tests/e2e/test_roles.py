"""Login roles of the database that were granted one of the three roles, through the program."""

import re

import harness
import test_contract
import world
from world import HOST, PASSWORD

READER = """check_account get_last get_ban_details list_banned registered_users registered_vhosts
    num_active_users private_get get_roster num_resources resource_num status_num status_num_host
    status_list status_list_host connected_users_info connected_users_vhost user_sessions_info
    stats stats_host get_vcard get_vcard2 get_vcard2_multi can_i
    gdpr_ledger_head gdpr_ledger_verify gdpr_ropa gdpr_audit""".split()
OPERATOR = """change_password check_password check_password_hash delete_old_users
    delete_old_users_vhost ban_account unban_account register unregister set_last private_set
    add_rosteritem delete_rosteritem process_rosteritems push_roster push_roster_all
    push_roster_alltoall kick_session set_presence send_message_chat send_message_headline
    send_stanza_c2s set_vcard set_vcard2 set_vcard2_multi retrieve_personal_data
    gdpr_request_open gdpr_request_identity gdpr_request_list gdpr_request_show
    gdpr_request_due gdpr_export""".split()
ADMIN = """add_host remove_host remove_node gdpr_request_extend gdpr_request_close gdpr_erase
    gdpr_cancel gdpr_pending gdpr_hold gdpr_release gdpr_holds gdpr_replay gdpr_register
    gdpr_unregister""".split()
# Whoever unregisters accounts has to see who is held, and takes along what was to be erased later.
NEEDED = "gdpr_holds gdpr_pending gdpr_cancel".split()
# These need no database.
LOCAL = "load_config get_cookie".split()
# And these a daemon.
CACHED = "cache_info cache_clear".split()

CARD = "<vCard xmlns='vcard-temp'><FN>Romeo</FN><N><FAMILY>Montague</FAMILY></N></vCard>"
TEMPLATE = '[{"juliet", "example.org", "Friends", "Juliet"}].\n'
MESSAGE = "<message to='juliet@example.org'><body>hi</body></message>"

# One call of each that does something in the world below.
CALLS = {
    "private_get": ["romeo", HOST, "note", "urn:x"],
    "resource_num": ["romeo", HOST, "1"], "status_num": ["all"], "status_list": ["all"],
    "status_num_host": [HOST, "all"], "status_list_host": [HOST, "all"],
    "connected_users_info": [], "connected_users_vhost": [HOST], "registered_vhosts": [],
    "registered_users": [HOST], "list_banned": [HOST], "num_active_users": [HOST, "30"],
    "stats": ["registeredusers"], "stats_host": ["registeredusers", HOST],
    "get_vcard": ["romeo", HOST, "FN"], "get_vcard2": ["romeo", HOST, "N", "FAMILY"],
    "get_vcard2_multi": ["romeo", HOST, "N", "FAMILY"],
    "get_last": ["mercutio", HOST], "get_ban_details": ["mercutio", HOST],
    "change_password": ["romeo", HOST, "new one"], "check_password": ["romeo", HOST, PASSWORD],
    "check_password_hash": ["romeo", HOST, "00", "md5"], "delete_old_users": ["10"],
    "delete_old_users_vhost": [HOST, "10"], "ban_account": ["romeo", HOST, "spam"],
    "unban_account": ["mercutio", HOST], "register": ["tybalt", HOST, "secret"],
    "unregister": ["mercutio", HOST], "set_last": ["romeo", HOST, "1700000000", ""],
    "private_set": ["romeo", HOST, "<note xmlns='urn:x'/>"],
    "add_rosteritem": ["romeo", HOST, "a", "x.org", "A", "G", "both"],
    "delete_rosteritem": ["romeo", HOST, "juliet", HOST],
    "process_rosteritems": ["delete", "any", "any", "any", "any"],
    "push_roster": ["t.template", "romeo", HOST], "push_roster_all": ["t.template"],
    "push_roster_alltoall": [HOST, "All"], "kick_session": ["romeo", HOST, "r", ""],
    "set_presence": ["romeo", HOST, "r", "available", "away", "", "1"],
    "send_message_chat": ["a@x.org", "juliet@example.org", "hi"],
    "send_message_headline": ["a@x.org", "juliet@example.org", "hi", "there"],
    "send_stanza_c2s": ["romeo", HOST, "r", MESSAGE], "set_vcard": ["romeo", HOST, "FN", "R"],
    "set_vcard2": ["romeo", HOST, "N", "GIVEN", "R"],
    "set_vcard2_multi": ["romeo", HOST, "ORG", "ORGUNIT", "a;b"],
    "can_i": ["reader", "check_account", HOST],
    "retrieve_personal_data": ["romeo", HOST, "-"], "add_host": ["new.example.org"],
    "remove_host": [world.EMPTY], "remove_node": ["node1"],
    "gdpr_ledger_head": [], "gdpr_ledger_verify": [], "gdpr_request_list": [],
    "gdpr_request_due": [], "gdpr_request_show": ["1"],
    "gdpr_request_open": ["access", "romeo", HOST], "gdpr_request_identity": ["1", "passport"],
    "gdpr_ropa": [], "gdpr_audit": [], "gdpr_pending": [], "gdpr_holds": [],
    "gdpr_erase": ["romeo", HOST, "--yes"], "gdpr_hold": ["romeo", HOST, "claim"],
    "gdpr_release": ["nobody", world.CHAT],
    "gdpr_cancel": ["juliet", HOST], "gdpr_replay": ["erasures"],
    "gdpr_register": ["public.orders", "--subject-column", "jid"], "gdpr_unregister": ["points"],
    "gdpr_verify": ["erasures"], "cache_info": [], "cache_clear": [], "get_cookie": [],
    "load_config": ["roles.conf"],
    "gdpr_request_extend": ["1", "archives"], "gdpr_request_close": ["1", "refused"],
}
REQUEST = world.insert("gdpr_ledger", {"event": "opened", "type": "access", "subject": bytes(32),
                                       "received": "2999-01-01", "deadline": "2999-02-01",
                                       "actor": "admin"})
OWN_TABLES = """
    DELETE FROM personal_sections WHERE backend = 'own';
    DELETE FROM personal_data WHERE table_schema <> 'adminex';
    CREATE TABLE IF NOT EXISTS public.orders (jid text);
    CREATE TABLE IF NOT EXISTS public.points (jid text);
    INSERT INTO personal_sections (section, place, backend, table_schema, table_name, matches,
                                   jid_column, file_name)
    VALUES ('points', 9000, 'own', 'public', 'points', 'jid', 'jid', 'points.csv');
    INSERT INTO personal_data VALUES ('public', 'points', 'jid', true, 'content', 'subject', '', '',
                                      'give', 'give', 'delete');
    GRANT SELECT, DELETE ON public.points TO adminex_operator, adminex_admin;
"""


class Roles(world.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.logins = {}
        for role in ("reader", "operator", "admin", "nobody"):
            name = f"{cls.database}_{role}"
            cls.cluster.sql("postgres", f"CREATE ROLE {name} LOGIN")
            cls.addClassCleanup(cls.cluster.sql, "postgres", f"DROP ROLE {name}")
            if role != "nobody":
                cls.cluster.sql("postgres", f"GRANT adminex_{role} TO {name}")
            cls.logins[role] = name

    def setUp(self):
        super().setUp()
        if not (self.tmp / "erasures").exists():
            test_contract.make_files(self)
            super().setUp()
        self.file("t.template", TEMPLATE)
        self.online("romeo", "r", node="node1")
        self.contact("romeo", "juliet@example.org")
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": CARD})
        self.insert("private_storage", {"host": HOST, "username": "romeo", "xmlns": "urn:x",
                                        "data": "<note xmlns='urn:x'/>"})
        self.insert("bans", {"host": HOST, "username": "mercutio", "reason": "duel"})
        self.insert("last_activity", {"host": HOST, "username": "mercutio",
                                      "last_at": "2021-01-01"})
        self.sql(REQUEST)
        self.sql(OWN_TABLES)
        self.insert("legal_holds", {"host": world.CHAT, "username": "nobody", "reason": "claim",
                                    "held_by": "admin"})
        self.insert("pending_erasures", {"host": HOST, "username": "juliet", "asked_by": "admin",
                                         "due_at": "2999-01-01"})
        self.config = self.file("roles.conf", world.SETTINGS.format(self.tmp))

    def dsn_of(self, role):
        return self.cluster.dsn(self.database, self.logins[role])

    def run_as(self, role, *args, options=(), **how):
        return self.adminex(*args, options=["-c", self.config, "--dsn", self.dsn_of(role),
                                            *options], **how)

    def call(self, name):
        return [name, *CALLS.get(name, ["romeo", HOST])]

    def may(self, role, names):
        """It can run these: what they say is their own answer."""
        for name in names:
            with self.subTest(role=role, command=name):
                self.setUp()
                result = self.run_as(role, *self.call(name))
                self.assertIn(result.status, (0,) if name != "check_password_hash" else (1,),
                              f"\n{result}")
                self.assertEqual(result.err, b"", f"\n{result}")

    def may_not(self, role, names):
        before = self.state()
        for name in names:
            with self.subTest(role=role, command=name):
                self.fails(self.run_as(role, *self.call(name)), 5,
                           r"permission denied for \w+ \w+ \(.*database role.*\)$")
        self.assertEqual(self.state(), before)

    def test_roles_reader_reads_what_is_no_secret(self):
        self.may("reader", READER)
        self.may_not("reader", OPERATOR + ADMIN)

    def test_roles_reader_lists_roster_items(self):
        self.ok(self.run_as("reader", "process_rosteritems", "list", "any", "any", "any", "any"),
                "There are 1 roster items in total.\nMatches: romeo@example.org "
                "juliet@example.org\n".splitlines() + [""])

    def test_roles_operator_manages_accounts_but_no_hosts(self):
        self.may("operator", READER + OPERATOR)
        self.may_not("operator", [name for name in ADMIN if name not in NEEDED])

    def test_roles_admin_may_do_all(self):
        self.may("admin", READER + OPERATOR + ADMIN)

    def test_roles_nobody_may_do_nothing(self):
        self.may_not("nobody", READER[:3] + OPERATOR[:3] + ADMIN[:1])

    def test_roles_are_those_of_the_help(self):
        for role, names in (("reader", READER + ["cache_info", "gdpr_verify"]),
                            ("operator", OPERATOR + ["cache_clear"]),
                            ("admin", ADMIN + LOCAL)):
            for name in names:
                with self.subTest(command=name):
                    text = self.adminex("help", name).text
                    self.assertEqual(re.search(r"needs role: (\w+)", text)[1], role)

    def test_roles_every_command_is_here(self):
        words = re.search(r"help\) words='([^']*)'", self.adminex("completion", "bash").text)[1]
        verbs = {"migrate", "import", "export", "batch", "serve", "token", "help", "completion"}
        families = {"gdpr_request"}
        self.assertEqual(set(words.split()) - verbs - families,
                         {*READER, *OPERATOR, *ADMIN, *LOCAL, *CACHED, "gdpr_verify"})

    def test_roles_failure_for_machines(self):
        reply = self.run_as("reader", "check_password", "romeo", HOST, PASSWORD,
                            options=["--json"])
        self.assertEqual(reply.status, 5)
        self.assertEqual(set(reply.json()), {"status", "message", "hint", "sqlstate"})
        self.assertEqual((reply.json()["status"], reply.json()["sqlstate"]),
                         ("not_allowed", "42501"))

    def test_roles_audit_log_names_the_login(self):
        self.run_as("operator", "ban_account", "romeo", HOST, "spam")
        self.run_as("admin", "unban_account", "romeo", HOST)
        self.assertEqual(self.sql("SELECT command, actor, db_role FROM audit_log ORDER BY id"),
                         [["ban_account", world.ACTOR, self.logins["operator"]],
                          ["unban_account", world.ACTOR, self.logins["admin"]]])

    def test_roles_operator_imports_accounts_but_no_hosts(self):
        known, text = harness.DATA / "legacy.xml", (harness.DATA / "legacy.xml").read_text()
        new = self.file("new.xml", text.replace("example.org", "new.example.org"))
        before = self.state()
        for role, path in (("reader", known), ("reader", new), ("operator", new)):
            self.fails(self.run_as(role, "import", path), 5, "permission denied")
        self.assertEqual(self.state(), before)
        self.succeeds(self.run_as("operator", "import", known))
        self.ok(self.run_as("operator", "check_password", "legacy1", HOST, "plain-1 ☃"),
                f"Password for user legacy1@{HOST} is correct")
        self.succeeds(self.run_as("operator", "import", "--replace", known))
        self.succeeds(self.run_as("admin", "import", new))

    def test_roles_only_the_owner_migrates(self):
        self.ok(self.run_as("reader", "migrate", "status"), None)
        for role in ("reader", "operator", "admin"):
            with self.subTest(role=role):
                self.ok(self.run_as(role, "migrate"), "")
                self.fails(self.run_as(role, "migrate", "down", "1"), 5,
                           "must be owner of index|permission denied")
                self.fails(self.run_as(role, "migrate", "down", "4"), 5, "must be|denied")
        self.ok(self.adminex("migrate", "status"), None)

    def test_roles_delete_old_users_shows_nothing_it_may_not_do(self):
        self.fails(self.run_as("reader", "delete_old_users", "1", options=["--dry-run"]), 5,
                   "permission denied", out=b"")


if __name__ == "__main__":
    harness.unittest.main()
