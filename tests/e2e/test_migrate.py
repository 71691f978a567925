"""adminex migrate: there and back, at the same time, and databases it cannot or must not touch."""

import re
import shlex
import unittest

import harness
import test_contract
import world
from world import HOST

MIGRATIONS = sorted(path.name.removesuffix(".up.sql")
                    for path in (harness.ROOT / "migrations").glob("*.up.sql"))
NEWEST = len(MIGRATIONS)
# Takes back the migration that makes the roles, and what came after it.
ROLES_DOWN = str(NEWEST - 3)
ROLES = ["adminex_admin", "adminex_operator", "adminex_reader"]
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('adminex.migrate', 0))"


def said(word, names):
    return "".join(f"adminex: {word} {name}\n" for name in names).encode()


APPLIED = said("applied", MIGRATIONS)
TAKEN_BACK = said("took back", reversed(MIGRATIONS))


class Empty(harness.TestCase):
    """Each test has a database without the schema."""

    fresh_database = True

    def setUp(self):
        self._use(self.new_database(self.addCleanup, migrated=False))

    def objects(self):
        """What there is in the schema, one line a relation, constraint or function."""
        return self.sql("""
            SELECT c.relname, c.relkind, '' FROM pg_class c
             WHERE c.relnamespace = to_regnamespace('adminex')
            UNION ALL SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint
             WHERE connamespace = to_regnamespace('adminex')
            UNION ALL SELECT proname, prokind, '' FROM pg_proc
             WHERE pronamespace = to_regnamespace('adminex')
            ORDER BY 1, 2, 3""")

    def version(self):
        return int(self.value("SELECT coalesce(max(version), 0) FROM schema_migrations"))

    def migrates(self, *args, err):
        result = self.adminex("migrate", *args)
        self.assertEqual((result.status, result.out, result.err), (0, b"", err), f"\n{result}")


class ThereAndBack(Empty):
    def status(self, applied):
        result = self.adminex("migrate", "status")
        self.assertEqual(result.status, 0 if applied == NEWEST else 1, f"\n{result}")
        self.assertEqual(result.err, b"")
        when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
        want = [f"{i}\t{name[5:]}\t{when if i <= applied else ''}"
                for i, name in enumerate(MIGRATIONS, 1)]
        self.assertRegex(result.text, r"\A" + "\n".join(want) + r"\n\Z")

    def test_migrate_goes_up_and_down_step_by_step(self):
        self.status(0)
        self.assertEqual(self.objects(), [])
        states = []
        for n, name in enumerate(MIGRATIONS, 1):
            states.append(self.objects())
            self.migrates("up", "--to", str(n), err=said("applied", [name]))
            self.status(n)
        for n in reversed(range(NEWEST)):
            self.migrates("down", "1", err=said("took back", [MIGRATIONS[n]]))
            self.status(n)
            # The table of migrations itself stays.
            own = [row for row in self.objects() if not row[0].startswith("schema_migrations")]
            self.assertEqual(own, [r for r in states[n] if not r[0].startswith("schema_migr")])

    def test_migrate_alone_is_up(self):
        self.migrates(err=APPLIED)
        whole = self.objects()
        self.migrates(err=b"")
        self.migrates("down", str(NEWEST), err=TAKEN_BACK)
        self.migrates("up", err=APPLIED)
        self.assertEqual(self.objects(), whole)
        self.migrates("up", "--to", "1", err=b"")
        self.status(NEWEST)

    def test_migrate_status_for_machines(self):
        self.migrates("up", "--to", "1", err=APPLIED.split(b"\n")[0] + b"\n")
        result = self.adminex("--json", "migrate", "status")
        self.assertEqual(result.status, 1)
        reply = result.json()
        self.assertEqual(reply["status"], "pending")
        self.assertEqual([row["version"] for row in reply["result"]],
                         list(range(1, NEWEST + 1)))
        self.assertIsNotNone(reply["result"][0]["applied_at"])
        self.assertIsNone(reply["result"][1]["applied_at"])

    def test_migrate_answers_machines(self):
        for args in ([], [], ["down", "1"], ["up", "--to", str(NEWEST)]):
            result = self.adminex("--json", "migrate", *args)
            self.assertEqual((result.status, result.json()), (0, {"status": "ok"}), f"\n{result}")

    def test_migrate_wrong_use(self):
        for args in (["sideways"], ["up", "2"], ["up", "--to"], ["up", "--to", "x"],
                     ["up", "--to", "-1"], ["down"], ["down", "0"], ["down", "x"],
                     ["status", "now"]):
            with self.subTest(args=args):
                self.fails(self.adminex("migrate", *args), 2, "migrate")
        self.fails(self.adminex("migrate", options=["--dry-run"]), 2, "migrate has no --dry-run")
        self.fails(self.adminex("migrate", "up", "--to", str(NEWEST + 1)), 1,
                   f"there is no migration {NEWEST + 1}; the newest is {NEWEST}")
        self.fails(self.adminex("migrate", "down", "1"), 1, "only 0 migrations are applied")
        self.assertEqual(self.objects(), [])

    def test_migrate_down_keeps_accounts_where_it_can(self):
        self.migrates(err=APPLIED)
        self.account("romeo")
        self.migrates("down", str(NEWEST - 1), err=TAKEN_BACK.rsplit(b"adminex", 1)[0])
        self.assertEqual(self.sql("SELECT username FROM users"), [["romeo"]])
        self.migrates(err=said("applied", MIGRATIONS[1:]))
        self.ok(self.adminex("check_password", "romeo", HOST, "secret"),
                f"Password for user romeo@{HOST} is correct")

    def test_migrate_down_asks_on_a_terminal(self):
        self.migrates(err=APPLIED)
        question = r"Taking 2 migrations back destroys the data in their tables\. Go on\? \[y/N\] "
        for answer in ("n\n", "\n", "\x04"):
            result = self.terminal("migrate", "down", "2", answers=[(question, answer)])
            self.assertEqual(result.status, 1, f"\n{result}")
            self.assertRegex(result.out, rb"adminex: migrate down: not confirmed; nothing was "
                                         rb"changed\n\Z")
            self.assertEqual(self.version(), NEWEST)
        result = self.terminal("migrate", "down", "2", answers=[(question, "\x03")])
        self.assertEqual((result.status, self.version()), (130, NEWEST), f"\n{result}")
        self.assertIn(b"adminex: interrupted: nothing was changed\n", result.out)
        result = self.terminal("migrate", "down", "2", answers=[(question, "y\n")])
        self.assertEqual((result.status, self.version()), (0, NEWEST - 2), f"\n{result}")
        result = self.terminal("migrate", "down", "1", options=["--yes"])
        self.assertEqual((result.status, self.version()), (0, NEWEST - 3), f"\n{result}")
        self.assertNotIn(b"Go on?", result.out)


class AtOnce(Empty):
    def together(self, count, *args):
        """What so many migrators say and what they end with, when they start at the same time."""
        children = [self.spawn("migrate", *args) for _ in range(count)]
        results = [child.wait() for child in children]
        lines = sorted(line for result in results for line in result.err.splitlines(True))
        return lines, [result.status for result in results]

    def test_migrate_eight_at_once(self):
        for count in (2, 8):
            with self.subTest(count=count):
                lines, ends = self.together(count)
                self.assertEqual((b"".join(lines), set(ends)), (APPLIED, {0}))
                self.assertEqual(self.version(), NEWEST)
                # Who comes later finds fewer than it was told to take back, and takes none.
                lines, ends = self.together(count, "down", str(NEWEST))
                late = [line for line in lines if b"cannot be taken back" in line]
                self.assertEqual([line for line in lines if line not in late],
                                 sorted(TAKEN_BACK.splitlines(True)))
                self.assertEqual((ends.count(1), self.version()), (len(late), 0))

    def test_migrate_waits_for_another_migrator(self):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; " + LOCK)
        child = self.spawn("migrate")
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        harness.wait_until(lambda: self.value(waiting) == "1")
        self.assertIsNone(child.process.poll())
        self.assertEqual(self.objects(), [])
        other.run("ROLLBACK")
        self.ok(child.wait(), "", err=re.escape(APPLIED.decode()).encode())

    def test_migrate_does_not_wait_for_ever(self):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; " + LOCK)
        config = self.file("hasty.conf", "database = { lock_timeout = 1; };")
        self.fails(self.adminex("migrate", options=["-c", config]), 1,
                   "canceling statement due to lock timeout .*another transaction holds the lock")
        self.assertEqual(self.objects(), [])

    def test_migrate_interrupted_while_waiting(self):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; " + LOCK)
        child = self.spawn("migrate")
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        harness.wait_until(lambda: self.value(waiting) == "1")
        child.interrupt()
        self.fails(child.wait(), 130, r"\Aadminex: interrupted: nothing was changed\n\Z")
        self.assertEqual(self.value(waiting), "0")
        self.assertEqual(self.objects(), [])


class Obstacles(Empty):
    def test_migrate_refuses_a_newer_database(self):
        self.migrates(err=APPLIED)
        self.sql("INSERT INTO schema_migrations (version, name) VALUES (99, 'future')")
        before = self.objects()
        for args in ([], ["up"], ["up", "--to", "1"], ["down", "1"], ["status"]):
            with self.subTest(args=args):
                self.fails(self.adminex("migrate", *args), 1,
                           rf"schema version 99, newer than this program's version {NEWEST} \(")
        reply = self.adminex("--json", "migrate").json()
        self.assertEqual(reply["status"], "error")
        self.assertEqual(self.objects(), before)
        self.assertEqual(self.version(), 99)

    def test_migrate_failing_leaves_nothing_half_done(self):
        self.migrates("up", "--to", "1", err=said("applied", MIGRATIONS[:1]))
        self.sql("CREATE TABLE nodes (x int)")
        before = self.objects()
        self.fails(self.adminex("migrate"), 1,
                   r'\Aadminex: migration 0002_operations \(up\): .*relation "nodes" already '
                   "exists")
        self.assertEqual((self.version(), self.objects()), (1, before))
        reply = self.adminex("--json", "migrate").json()
        self.assertEqual((reply["status"], reply["sqlstate"]), ("error", "42P07"))
        self.sql("DROP TABLE nodes")
        self.migrates(err=said("applied", MIGRATIONS[1:]))

    def test_migrate_down_failing_leaves_nothing_half_done(self):
        self.migrates(err=APPLIED)
        self.sql("CREATE VIEW mine AS SELECT * FROM nodes")
        before = self.objects()
        result = self.adminex("migrate", "down", str(NEWEST))
        self.assertEqual(result.status, 1, f"\n{result}")
        self.assertRegex(result.err, rb"\A(adminex: took back .*\n){%d}adminex: migration "
                                     rb"0002_operations \(down\): .*\n\Z" % (NEWEST - 2))
        self.assertEqual(self.version(), 2)
        self.migrates(err=said("applied", MIGRATIONS[2:]))
        self.assertEqual(self.objects(), before)

    def test_migrate_refuses_other_encodings(self):
        for encoding in ("LATIN1", "SQL_ASCII"):
            with self.subTest(encoding=encoding):
                name = f"{self.database}_{encoding.lower()}"
                self.cluster.sql("postgres", f"CREATE DATABASE {name} ENCODING '{encoding}' "
                                             "LOCALE 'C' TEMPLATE template0")
                self.addCleanup(self.cluster.sql, "postgres", f"DROP DATABASE {name}")
                for args in ([], ["status"], ["down", "1"]):
                    self.fails(self.adminex("migrate", *args, options=[
                                   "--dsn", self.cluster.dsn(name)]), 1,
                               rf"the database's encoding is {encoding}, not UTF8 \(CREATE ")
                self.assertEqual(self.cluster.sql(
                    name, "SELECT 1 FROM pg_namespace WHERE nspname = 'adminex'"), [])

    def test_migrate_takes_an_empty_schema_that_a_dba_made(self):
        self.sql("CREATE SCHEMA adminex; COMMENT ON SCHEMA adminex IS 'by hand'")
        self.migrates(err=APPLIED)
        self.assertEqual(self.value("SELECT obj_description('adminex'::regnamespace)"), "by hand")


class EveryCommand(Empty):
    """A database without the schema, or with part of it: one line, with the cure."""

    def examples(self):
        """Each command that needs the database with the arguments of its example."""
        for name in (*test_contract.KINDS, "import", "export"):
            if name in test_contract.KINDS:
                words = test_contract.example(name, self.tmp)
            else:
                lines = test_contract.help_on(name)
                words = shlex.split(lines[lines.index("example:") + 1])[1:]
            if name not in ("load_config", "get_cookie", "can_i", "cache_info", "cache_clear",
                            "gdpr_verify"):
                yield name, words

    def check(self):
        names = []
        options = ["-c", self.file("key.conf", world.SETTINGS.format(self.tmp))]
        self.file("erasures", "")
        for name, args in self.examples():
            with self.subTest(command=name):
                result = self.adminex(*args, cwd=harness.ROOT,
                                      options=options)
                self.fails(result, 1, r"the schema is missing.*: run 'adminex migrate'\)$")
                names.append(name)
        self.assertGreaterEqual(len(names), 44)

    def test_migrate_is_the_cure_where_there_is_no_schema(self):
        self.check()

    def test_migrate_is_the_cure_where_the_schema_is_empty(self):
        self.sql("CREATE SCHEMA adminex")
        for name in ("check_account", "ban_account"):
            self.fails(self.adminex(name, "a", HOST, *["x"] * (name == "ban_account")), 1,
                       r"the schema is missing.*: run 'adminex migrate'\)$")

    def test_migrate_is_the_cure_where_a_part_is_missing(self):
        self.migrates("up", "--to", "1", err=said("applied", MIGRATIONS[:1]))
        reply = self.adminex("--json", "add_host", HOST)
        self.assertEqual(reply.status, 1)
        self.assertEqual(reply.json()["sqlstate"], "42P01")
        self.assertRegex(reply.json()["hint"], "run 'adminex migrate'")
        self.assertEqual(self.sql("SELECT * FROM hosts"), [])


class Roles(harness.TestCase):
    """On a cluster of its own, as roles belong to the cluster."""

    fresh_database = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = harness.Cluster()
        cls.addClassCleanup(cls.cluster.stop)

    def setUp(self):
        self.databases = []
        self._use(self.database_of("postgres"))

    def database_of(self, owner):
        name = f"roles_{len(self.databases)}"
        self.cluster.sql("postgres", f"CREATE DATABASE {name} OWNER {owner}")
        self.addCleanup(self.clean, name)
        self.databases.append(name)
        return name

    def clean(self, name):
        self.cluster.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")
        if not self.cluster.sql("postgres", "SELECT 1 FROM pg_database WHERE datname ~ '^roles_'"):
            for (role,) in self.cluster.sql("postgres", "SELECT rolname FROM pg_roles "
                                                        "WHERE rolname !~ '^(pg_|postgres$)'"):
                self.cluster.sql("postgres", f"DROP ROLE {role}")

    def roles(self):
        return [name for (name,) in self.cluster.sql(
            "postgres", "SELECT rolname FROM pg_roles WHERE rolname ~ '^adminex_' ORDER BY 1")]

    def migrate(self, *args, database=None, user="postgres"):
        return self.adminex("migrate", *args, options=[
            "--dsn", self.cluster.dsn(database or self.database, user)])

    def test_migrate_makes_the_roles_and_takes_them_away(self):
        self.assertEqual(self.roles(), [])
        self.ok(self.migrate(), "", err=None)
        self.assertEqual(self.roles(), ROLES)
        self.assertEqual(self.cluster.sql("postgres", "SELECT 1 FROM pg_roles WHERE rolcanlogin "
                                                      "AND rolname ~ '^adminex_'"), [])
        self.ok(self.migrate("down", ROLES_DOWN), "", err=None)
        self.assertEqual(self.roles(), [])

    def test_migrate_two_databases_at_once_make_each_role_once(self):
        second = self.database_of("postgres")
        for _ in range(3):
            children = [self.spawn("migrate", options=["--dsn", self.cluster.dsn(database)])
                        for database in (self.database, second) * 3]
            for child in children:
                self.succeeds(child.wait())
            self.assertEqual(self.roles(), ROLES)
            children = [self.spawn("migrate", "down", ROLES_DOWN,
                                   options=["--dsn", self.cluster.dsn(database)])
                        for database in (self.database, second)]
            for child in children:
                self.succeeds(child.wait())
            self.assertEqual(self.roles(), [])

    def test_migrate_down_keeps_roles_that_another_database_uses(self):
        second = self.database_of("postgres")
        self.succeeds(self.migrate())
        self.succeeds(self.migrate(database=second))
        self.succeeds(self.migrate("down", ROLES_DOWN))
        self.assertEqual(self.roles(), ROLES)
        self.assertEqual(self.value("SELECT has_schema_privilege('adminex_admin', 'adminex', "
                                    "'usage')"), "f")
        self.assertEqual(self.cluster.sql(second, "SELECT has_schema_privilege('adminex_admin', "
                                                  "'adminex', 'usage')"), [["t"]])
        self.succeeds(self.migrate("down", ROLES_DOWN, database=second))
        self.assertEqual(self.roles(), [])

    def test_migrate_down_keeps_roles_that_have_members(self):
        self.succeeds(self.migrate())
        self.sql("CREATE ROLE somebody LOGIN; GRANT adminex_operator TO somebody")
        self.succeeds(self.migrate("down", ROLES_DOWN))
        self.assertEqual(self.roles(), ["adminex_operator"])
        self.succeeds(self.migrate())
        self.assertEqual(self.roles(), ROLES)
        self.assertEqual(self.value("SELECT pg_has_role('somebody', 'adminex_operator', 'member')"
                                    "   AND has_table_privilege('somebody', 'users', 'insert')"),
                         "t")

    def test_migrate_without_createrole_warns_and_goes_on(self):
        self.sql("CREATE ROLE humble LOGIN")
        database = self.database_of("humble")
        result = self.migrate(database=database, user="humble")
        self.assertEqual((result.status, result.out), (0, b""), f"\n{result}")
        lines = result.err.decode().splitlines()
        self.assertEqual([line for line in lines if " applied " in line],
                         APPLIED.decode().splitlines())
        (warning,) = [line for line in lines if " applied " not in line]
        self.assertRegex(warning, r"\Aadminex: warning: 'humble' may not create roles; ")
        statements = re.search(r"superuser can run: (.*); and then 'humble': (SELECT .*)\Z",
                               warning)
        self.assertEqual(statements[1], "; ".join(f"CREATE ROLE {role} NOLOGIN" for role in
                                                  reversed(ROLES)))
        self.assertEqual(self.roles(), [])
        # The schema works without them; and what the warning says is right.
        mine = ["--dsn", self.cluster.dsn(database, "humble")]
        self.succeeds(self.adminex("add_host", HOST, options=mine))
        self.cluster.sql("postgres", statements[1] + "; CREATE ROLE clerk LOGIN IN ROLE "
                                                     "adminex_reader")
        self.cluster.sql(database, f"SET ROLE humble; {statements[2]}")
        self.ok(self.adminex("registered_vhosts", options=[
            "--dsn", self.cluster.dsn(database, "clerk")]), HOST)
        # Without CREATEROLE they cannot be dropped either, and nothing else is left.
        self.succeeds(self.migrate("down", str(NEWEST), database=database, user="humble"))
        self.assertEqual(self.roles(), ROLES)

    def test_migrate_needs_to_own_something(self):
        self.sql("CREATE ROLE guest LOGIN")
        self.fails(self.migrate(user="guest"), 5, "permission denied for database")
        # An empty schema of its own is enough.
        self.sql("CREATE SCHEMA adminex AUTHORIZATION guest")
        self.succeeds(self.migrate(user="guest"))
        self.assertEqual(self.value("SELECT max(version) FROM schema_migrations"), str(NEWEST))
        self.sql("CREATE ROLE other LOGIN")
        for args in (["status"], ["down", "1"], []):
            self.fails(self.migrate(*args, user="other"), 5, "permission denied for schema adminex")


if __name__ == "__main__":
    unittest.main()
