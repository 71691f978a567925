"""What keeps the caches of daemons true: which commands notify them of what, once a transaction and
only while there are any; and the optional triggers for what others change."""

import itertools
import json
import re
import unittest

import harness
import world
from world import CHAT, EMPTY, HOST

ROMEO = [["account", HOST, "romeo"]]
ALL = [["all"]]

# What each command drops.
NOTIFIES = [
    (["add_host", "new.example.org"], [["host", "new.example.org"]]),
    (["remove_host", EMPTY], [["host", EMPTY]]),
    (["register", "benvolio", HOST, "secret"], [["account", HOST, "benvolio"]]),
    (["unregister", "Romeo", HOST], ROMEO),
    (["ban_account", "romeo", HOST, "spam"], ROMEO),
    (["unban_account", "romeo", HOST], ROMEO),
    (["delete_old_users", "0"], ALL),
    (["delete_old_users_vhost", HOST, "0"], [["host", HOST]]),
    (["set_last", "romeo", HOST, "1700000000", "gone"], ROMEO),
    (["private_set", "romeo", HOST, "<x xmlns='my:x'/>"], ROMEO),
    (["set_vcard", "romeo", HOST, "FN", "Romeo"], ROMEO),
    (["set_vcard2", "romeo", HOST, "ORG", "ORGNAME", "Montague"], ROMEO),
    (["set_vcard2_multi", "romeo", HOST, "ORG", "ORGUNIT", "a;b"], ROMEO),
    (["add_rosteritem", "romeo", HOST, "juliet", HOST, "J", "G", "both"], ROMEO),
    (["delete_rosteritem", "romeo", HOST, "juliet", HOST], ROMEO),
    (["process_rosteritems", "delete", "any", "any", "any", "any"], ALL),
    (["push_roster", "{template}", "romeo", HOST], ROMEO),
    (["push_roster_all", "{template}"], ALL),
    (["push_roster_alltoall", HOST, "Everybody"], [["host", HOST]]),
    (["import", "{users}"], ALL),
    (["import", harness.DATA / "legacy.xml"], ALL),
]

# What changes nothing that is cached, or nothing at all.
QUIET = [
    ["check_account", "romeo", HOST], ["check_password", "romeo", HOST, "x"],
    ["change_password", "romeo", HOST, "new secret"], ["kick_session", "romeo", HOST, "r", "x"],
    ["set_presence", "romeo", HOST, "r", "available", "away", "x", "1"],
    ["send_message_chat", HOST, f"romeo@{HOST}", "x"],
    ["send_stanza_c2s", "romeo", HOST, "r", "<presence/>"], ["remove_node", "node"],
    ["get_roster", "romeo", HOST], ["registered_vhosts"], ["stats", "registeredusers"],
    ["process_rosteritems", "list", "any", "any", "any", "any"],
    ["retrieve_personal_data", "romeo", HOST, "-"],
]


class Observer(world.Session):
    """A psql that listens. What it heard is asked for after a word of its own went the same way:
    notifications come in the order of their COMMITs."""

    SAID = re.compile(r'Asynchronous notification "adminex_cache" with payload "(.*)" received ')
    _numbers = itertools.count()

    def __init__(self, dsn, speak):
        super().__init__(dsn)
        self.speak = speak
        self.run("LISTEN adminex_cache")

    def lines(self, query):
        self.process.stdin.write(f"{query};SELECT '{self.END}';\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline().rstrip("\n")) != self.END:
            if not self.process.stdout.readable() or self.process.poll() is not None:
                raise AssertionError(self.process.stderr.read())
            yield line

    def payloads(self):
        """All that was said since the last time, as text."""
        word, heard = f"word {next(self._numbers)}", []
        self.speak(f"SELECT pg_notify('adminex_cache', '{word}')")

        def come():
            heard.extend(self.SAID.findall("\n".join(self.lines("SELECT 1"))))
            return heard[-1:] == [word]

        harness.wait_until(come)
        return heard[:-1]

    def heard(self):
        return [json.loads(payload) for payload in self.payloads()]


class Coherence(world.TestCase):
    daemons = ["other"]

    def setUp(self):
        super().setUp()
        self.sql("DELETE FROM daemons")
        for name in self.daemons:
            self.insert("daemons", {"id": name, "version": "1"})
        self.online("romeo", "r", node="node")
        self.insert("nodes", {"node": "node"})
        self.contact("romeo", f"juliet@{HOST}")
        self.insert("bans", {"host": HOST, "username": "romeo"})
        self.observer = Observer(self.dsn, self.sql)
        self.addCleanup(self.observer.close)

    def words(self, args):
        files = {"{template}": ("t.csv", f"user,host\nromeo,{HOST}\njuliet,{HOST}\n"),
                 "{users}": ("u.csv", f"user,host,password\nbalthasar,{HOST},secret\n")}
        return [self.file(*files[word]) if word in files else word for word in args]

    def says(self, *drops):
        """Exactly these, one a transaction."""
        self.assertEqual(self.observer.heard(), [{"from": "", "drops": d} for d in drops])


class Commands(Coherence):
    def test_commands_notify_once(self):
        for args, drops in NOTIFIES:
            with self.subTest(args=args):
                result = self.adminex(*self.words(args))
                self.succeeds(result)
                self.says(drops)
                self.setUp()

    def test_commands_that_change_nothing_cached_notify_nobody(self):
        for args in QUIET:
            with self.subTest(args=args):
                self.assertIn(self.adminex(*args).status, (0, 1))
                self.says()

    def test_commands_on_trial_notify_nobody(self):
        for args, _ in NOTIFIES:
            if args[0] == "import":
                args = ["import", "--dry-run", *args[1:]]
            with self.subTest(args=args):
                self.succeeds(self.adminex(*self.words(args), options=[
                    *["--dry-run"] * (args[0] != "import")]))
                self.says()

    def test_commands_that_fail_notify_nobody(self):
        self.fails(self.adminex("delete_old_users", "0", options=["--max-affected", "1"]), 1,
                   "more than 1")
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; LOCK TABLE bans")
        config = self.file("limit.conf", "database = { lock_timeout = 1; };")
        self.fails(self.adminex("ban_account", "romeo", HOST, "x", options=["-c", config]), 1,
                   "lock timeout")
        other.run("ROLLBACK")
        self.says()

    def test_commands_notify_only_daemons_that_are_alive(self):
        for change, heard in (
                ("DELETE FROM daemons", False),
                ("INSERT INTO daemons (id, version, beat_at) "
                 "VALUES ('dead', '1', now() - interval '6 minutes')", False),
                ("INSERT INTO daemons (id, version, beat_at) "
                 "VALUES ('slow', '1', now() - interval '2 minutes')", True)):
            with self.subTest(change=change):
                self.sql(change)
                self.succeeds(self.adminex("set_last", "romeo", HOST, "1", "x"))
                self.says(*[ROMEO] * heard)

    def test_commands_commit_and_notify_together(self):
        """What a notification tells of can be seen when it comes; both or none."""
        self.sql("""
            CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN RAISE 'not so'; END$$;
            CREATE CONSTRAINT TRIGGER no AFTER INSERT ON last_activity
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.no()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.no() CASCADE")
        self.fails(self.adminex("set_last", "romeo", HOST, "1", "x"), 1, "cannot commit: not so")
        self.assertEqual(self.value("SELECT count(*) FROM last_activity"), "0")
        self.says()

    def test_commands_whose_notification_fails_change_nothing(self):
        self.sql("ALTER TABLE daemons RENAME TO demons")
        self.addCleanup(self.sql, "ALTER TABLE demons RENAME TO daemons")
        self.fails(self.adminex("set_last", "romeo", HOST, "1", "x"), 1,
                   r"cannot commit: relation .*daemons.* \(the schema is missing or older")
        self.assertEqual(self.value("SELECT count(*) FROM last_activity"), "0")

    def test_a_library_of_small_roles_can_notify(self):
        """Who may write may see whether there are daemons."""
        for role in ("adminex_operator", "adminex_admin"):
            self.assertEqual(
                self.value(f"SELECT has_table_privilege('{role}', 'adminex.daemons', 'SELECT')"),
                "t")

    def test_commands_in_the_migrator(self):
        self.succeeds(self.adminex("migrate", "down", "1"))
        self.succeeds(self.adminex("migrate"))
        self.says(ALL, ALL)


class Batches(Coherence):
    def batch(self, lines, *options):
        return self.adminex("batch", *options, "-", stdin="".join(
            json.dumps(line) + "\n" for line in lines).encode())

    def test_a_group_notifies_once(self):
        lines = [["set_last", user, HOST, "1", "x"] for user in ("romeo", "juliet", "romeo")]
        self.succeeds(self.batch([*lines, ["check_account", "romeo", HOST]]))
        self.says([*ROMEO, ["account", HOST, "juliet"]])
        self.succeeds(self.batch(lines, "--group", "1"))
        self.says(ROMEO, [["account", HOST, "juliet"]], ROMEO)
        self.succeeds(self.batch(lines, "--atomic"))
        self.says([*ROMEO, ["account", HOST, "juliet"]])

    def test_a_group_that_is_tried_again_tells_what_it_did(self):
        """The second line fails: the first is committed alone."""
        result = self.batch([["set_last", "romeo", HOST, "1", "x"],
                             ["set_last", "nobody", HOST, "1", "x"],
                             ["set_last", "juliet", HOST, "1", "x"]])
        self.assertEqual(result.status, 1)
        self.says(ROMEO)

    def test_a_trial_notifies_nobody(self):
        self.succeeds(self.batch([["set_last", "romeo", HOST, "1", "x"]], "--dry-run"))
        self.says()

    def test_many_accounts_are_their_host(self):
        self.sql("INSERT INTO users (host, username) "
                 f"SELECT '{HOST}', 'user' || n FROM generate_series(1, 40) AS n")
        sets = [["set_last", f"user{n}", HOST, "1", "x"] for n in range(1, 17)]
        self.succeeds(self.batch(sets))
        self.says([["account", HOST, f"user{n}"] for n in range(1, 17)])
        self.succeeds(self.batch([*sets, ["set_last", "user17", HOST, "1", "x"]]))
        self.says([["host", HOST]])
        self.succeeds(self.batch([["add_host", f"h{n}"] for n in range(5)]))
        self.says(ALL)


class Alone(Coherence):
    daemons = []

    def test_without_a_daemon_nobody_is_notified(self):
        for args, _ in NOTIFIES[:10]:
            self.adminex(*self.words(args))
        self.says()


class Triggers(Coherence):
    def setUp(self):
        super().setUp()
        self.succeeds(self.adminex("migrate", "cache-triggers", "on"))
        self.observer.heard()

    def tearDown(self):
        self.sql("DROP FUNCTION IF EXISTS adminex.cache_changed() CASCADE")

    def says(self, *drops):
        heard = self.observer.heard()
        for each in heard:
            each["drops"].sort()
        self.assertEqual(heard, [{"from": "", "drops": sorted(d)} for d in drops])

    def test_triggers_tell_what_psql_changes(self):
        key = f"host = '{HOST}' AND username = 'romeo'"
        for query in (
                f"INSERT INTO vcards (host, username, vcard) VALUES ('{HOST}', 'romeo', 'x')",
                f"UPDATE vcards SET vcard = 'y' WHERE {key}",
                f"DELETE FROM vcards WHERE {key}",
                f"INSERT INTO last_activity (host, username, last_at) "
                f"VALUES ('{HOST}', 'romeo', now())",
                f"INSERT INTO private_storage (host, username, xmlns, data) "
                f"VALUES ('{HOST}', 'romeo', 'x', '<x/>')",
                f"UPDATE roster_items SET nick = 'x' WHERE {key}",
                f"DELETE FROM bans WHERE {key}",
                f"UPDATE users SET created_at = now() WHERE {key}",
                f"DELETE FROM users WHERE {key}",
                f"INSERT INTO users (host, username) VALUES ('{HOST}', 'romeo')"):
            with self.subTest(query=query):
                self.sql(query)
                self.says(ROMEO)

    def test_triggers_tell_both_names_of_a_change(self):
        self.sql("UPDATE roster_items SET username = 'juliet' WHERE username = 'romeo'")
        self.says([*ROMEO, ["account", HOST, "juliet"]])

    def test_triggers_tell_nothing_where_nothing_changes(self):
        self.sql("DELETE FROM vcards; UPDATE users SET created_at = now() WHERE host = 'x'; "
                 "UPDATE credentials SET set_at = now(); DELETE FROM sessions; "
                 "BEGIN; DELETE FROM users; ROLLBACK")
        self.says()

    def test_triggers_tell_a_cascade_once(self):
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": "x"})
        self.observer.heard()
        self.sql("DELETE FROM users WHERE username = 'romeo'")
        self.says([*ROMEO, ["account", CHAT, "romeo"]])

    def test_triggers_tell_less_precisely_what_is_much(self):
        for count, drops in ((16, [["account", HOST, f"user{n}"] for n in range(16)]),
                             (17, [["host", HOST]])):
            self.sql(f"INSERT INTO users (host, username) SELECT '{HOST}', 'user' || n "
                     f"FROM generate_series(0, {count - 1}) AS n")
            self.says(drops)
            self.sql("UPDATE users SET created_at = now() WHERE username LIKE 'user%'")
            self.says(drops)
            self.sql("DELETE FROM users WHERE username LIKE 'user%'")
            self.says(drops)
        self.sql("INSERT INTO hosts SELECT 'h' || n FROM generate_series(0, 4) AS n")
        self.says(ALL)
        for hosts, drops in ((4, [["host", f"h{n}"] for n in range(4)]), (5, ALL)):
            self.sql("INSERT INTO users (host, username) SELECT 'h' || n % " + str(hosts) +
                     ", 'user' || n FROM generate_series(0, 19) AS n")
            self.says(drops)
            self.sql("DELETE FROM users WHERE username LIKE 'user%'")
            self.says(drops)
        self.sql("TRUNCATE bans")
        self.says(ALL)

    def test_triggers_tell_long_names_as_their_host_or_everything(self):
        self.sql(f"""INSERT INTO users (host, username) SELECT '{HOST}', n || repeat('x', 900)
                       FROM generate_series(1, 10) AS n""")
        self.says([["host", HOST]])
        self.sql("""INSERT INTO hosts SELECT n || repeat('"', 1000) FROM generate_series(1, 4) AS n;
                    """)
        self.says(ALL)
        self.sql("""INSERT INTO users (host, username)
                    SELECT n || repeat('"', 1000), 'x' FROM generate_series(1, 4) AS n""")
        self.says(ALL)

    def test_triggers_leave_to_commands_what_they_say_themselves(self):
        for options in ([], ["-c", self.file("on.conf", 'database = { prepare = "on"; };')]):
            self.succeeds(self.adminex("set_last", "romeo", HOST, "1", "x", options=options))
            self.says(ROMEO)
            self.succeeds(self.adminex("batch", "-", options=options, stdin=json.dumps(
                ["add_rosteritem", "romeo", HOST, "juliet", HOST, "J", "", "both"]).encode()))
            self.says(ROMEO)

    def test_triggers_need_no_rights_of_whoever_writes(self):
        self.sql("""DROP ROLE IF EXISTS xmpp_server; CREATE ROLE xmpp_server;
                    GRANT USAGE ON SCHEMA adminex TO xmpp_server;
                    GRANT SELECT, INSERT, UPDATE ON last_activity TO xmpp_server""")
        self.addCleanup(self.sql, "DROP OWNED BY xmpp_server; DROP ROLE xmpp_server")
        self.sql(f"""BEGIN; SET LOCAL ROLE xmpp_server;
                     INSERT INTO adminex.last_activity (host, username, last_at)
                     VALUES ('{HOST}', 'romeo', now()); COMMIT""")
        self.says(ROMEO)

    def test_triggers_tell_nobody_without_a_daemon(self):
        self.sql("DELETE FROM daemons; DELETE FROM bans")
        self.says()


class CacheTriggers(harness.TestCase):
    """The verb."""

    fresh_database = True

    def status(self, state, status):
        result = self.adminex("migrate", "cache-triggers", "status")
        self.assertEqual((result.status, result.text), (status, f"cache triggers are {state}\n"))
        reply = self.adminex("--json", "migrate", "cache-triggers", "status").json()
        self.assertEqual(reply, {"message": f"cache triggers are {state}",
                                 "status": "ok" if state == "on" else state})

    def test_cache_triggers_on_and_off(self):
        self.status("off", 1)
        for _ in range(2):
            self.ok(self.adminex("migrate", "cache-triggers", "on"), "")
            self.status("on", 0)
        self.sql("ALTER TABLE bans DISABLE TRIGGER cache_changed_insert")
        self.status("incomplete", 1)
        for _ in range(2):
            self.ok(self.adminex("migrate", "cache-triggers", "off"), "")
            self.status("off", 1)
        self.assertEqual(self.sql("SELECT proname FROM pg_proc WHERE proname ~ '^cache'"), [])

    def test_cache_triggers_tell_the_daemons_that_they_are_on(self):
        observer = Observer(self.dsn, self.sql)
        self.addCleanup(observer.close)
        self.succeeds(self.adminex("migrate", "cache-triggers", "on"))
        self.assertEqual(observer.heard(), [{"from": "", "drops": ALL}])

    def test_cache_triggers_go_with_the_table_of_daemons(self):
        self.succeeds(self.adminex("migrate", "cache-triggers", "on"))
        down = str(int(self.value("SELECT max(version) FROM schema_migrations")) - 5)
        self.succeeds(self.adminex("migrate", "down", down))
        self.sql("INSERT INTO hosts VALUES ('example.org')")
        self.fails(self.adminex("migrate", "cache-triggers", "on"), 1,
                   r"at schema version \d+, older than .* \(run 'adminex migrate' first")
        self.succeeds(self.adminex("migrate"))
        self.status("off", 1)

    def test_cache_triggers_not_with_citus(self):
        self.sql("INSERT INTO pg_extension SELECT 1, 'citus', extowner, extnamespace, false, '13' "
                 "FROM pg_extension LIMIT 1")
        self.addCleanup(self.sql, "DELETE FROM pg_extension WHERE extname = 'citus'")
        self.fails(self.adminex("migrate", "cache-triggers", "on"), 1,
                   "cache triggers cannot be on with Citus, which refuses NOTIFY in triggers")
        self.ok(self.adminex("migrate", "cache-triggers", "off"), "")
        self.status("off", 1)

    def test_cache_triggers_wrong_use(self):
        for args in ([], ["up"], ["on", "now"]):
            self.fails(self.adminex("migrate", "cache-triggers", *args), 2, "cache-triggers on, off")
        self.fails(self.adminex("--dry-run", "migrate", "cache-triggers", "on"), 2, "no --dry-run")
        self.status("off", 1)


if __name__ == "__main__":
    unittest.main()
