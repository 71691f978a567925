"""What goes wrong around the program: one clear line each, nothing half-done, nothing left behind.

Each test also shows that its fault happened: who waited, what was in the way, what was cut."""

import contextlib
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness
import world
from harness import BROKEN_PIPE, CLOSED, FULL_DISK
from world import HOST, PASSWORD

WORDS = {3: "database_unavailable", 8: "outcome_unknown", 130: "interrupted"}
INTERRUPTED = r"\Aadminex: interrupted: nothing was changed\n\Z"
# Backtracking over a long name takes longer than anybody waits.
ENDLESS = r"(..+)(..+)(..+)(..+)\4\3\2\1"
LONG_NAME = "0123456789abcdefghijklmnopqrstuvwxyz" * 20
# Every failure is said to people and to machines.
FORMATS = [], ["--json"]
SESSIONS = 20_000 if harness.SANITIZED else 1_000_000


class Faults(world.TestCase):
    def failed(self, result, status, pattern, word=None, sqlstate=None):
        """One line on standard error; with --json also a reply of the usual shape."""
        self.fails(result, status, pattern, out=None)
        if b"--json" not in result.args:
            self.assertEqual(result.out, b"", f"\n{result}")
            return
        reply = result.json()
        self.assertLessEqual(set(reply), {"status", "message", "hint", "sqlstate"})
        self.assertEqual(reply["status"], word or WORDS.get(status, "error"), f"\n{result}")
        self.assertIn(reply["message"], result.err.decode())
        self.assertIn(reply.get("hint", ""), result.err.decode())
        if sqlstate is not None:
            self.assertEqual(reply.get("sqlstate"), sqlstate, f"\n{result}")

    @classmethod
    def settle(cls, cluster, database):
        """Instead of the database that the tests of this file share."""
        super(world.TestCase, cls).setUpClass()
        cls.cluster = cluster
        cls._use(database)
        cls.session = world.Session(cls.dsn)
        cls.addClassCleanup(cls.session.close)
        cls.state_query = cls.session.run(world.STATE)[0][0]
        cls.hosts.update((world.HOST, world.CHAT, world.EMPTY))

    def configuration(self, text):
        return ["-c", self.file("test.conf", text)]

    def elsewhere(self, sql):
        """Another session that has done this in a transaction it does not end."""
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; " + sql)
        return other

    def backends(self, state="state <> 'idle'"):
        """What the program's backends run: [pid, query]."""
        return self.sql("SELECT pid, query FROM pg_stat_activity WHERE application_name = 'adminex'"
                        f" AND datname = current_database() AND {state}")

    def waits_for_lock(self):
        """Until the program waits for a lock: the process id of its backend."""
        state = "wait_event_type = 'Lock'"
        harness.wait_until(lambda: self.backends(state))
        ((pid, _),) = self.backends(state)
        return pid

    def gone(self):
        harness.wait_until(lambda: not self.backends("true"))


# ---- getting there ------------------------------------------------------------------------------


class Connecting(Faults):
    def test_connecting_to_nobody(self):
        nowhere = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, nowhere)
        for options in FORMATS:
            for args in (["check_account", "romeo", HOST], ["import", harness.DATA / "legacy.xml"],
                         ["migrate"], ["migrate", "status"]):
                self.failed(self.adminex(*args, options=options,
                                         env={"ADMINEX_DSN": f"host={nowhere}"}), 3,
                            r"\Aadminex: cannot reach the database: .*" + re.escape(nowhere)
                            + r".* No such file or directory .*\(set --dsn, ADMINEX_DSN, ")

    def test_connecting_to_a_database_that_is_not_there(self):
        for options in FORMATS:
            self.failed(self.adminex("stats", "registeredusers", options=[
                            *options, "--dsn", self.cluster.dsn("nowhere")]), 3,
                        'database "nowhere" does not exist')

    def test_connecting_when_nobody_answers(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
            silent.bind(f"{folder}/.s.PGSQL.5432")
            silent.listen()
            began = time.monotonic()
            options = self.configuration("database = { connect_timeout = 2; };")
            child = self.spawn("check_account", "romeo", HOST, options=[
                *options, "--dsn", f"host={folder} password=hunter2"])
            peer, _ = silent.accept()
            with peer:
                peer.settimeout(harness.TIMEOUT)
                with open(f"/proc/{child.process.pid}/cmdline", "rb") as arguments:
                    self.assertNotIn(b"hunter2", arguments.read())
                self.assertIn(b"adminex", peer.recv(1024))
                self.failed(child.wait(), 3, "timeout expired")
                self.assertEqual(peer.recv(1024), b"")
            self.assertTrue(1.5 < time.monotonic() - began < 10)

    def test_connecting_interrupted(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
            silent.bind(f"{folder}/.s.PGSQL.5432")
            silent.listen()
            child = self.spawn("ban_account", "romeo", HOST, "x", env={"ADMINEX_DSN":
                                                                       f"host={folder}"})
            with silent.accept()[0]:
                child.interrupt()
                self.failed(child.wait(), 130, INTERRUPTED)

    def test_connecting_goes_on_to_the_next_host(self):
        dsn = f"host=/nowhere,{self.cluster.directory} user=postgres dbname={self.database}"
        self.ok(self.adminex("check_account", "romeo", HOST, env={"ADMINEX_DSN": dsn}),
                f"User romeo@{HOST} exists")

    def test_connecting_speaks_utf_8_whatever_the_connection_string_says(self):
        self.insert("users", {"host": HOST, "username": "жук"})
        env = {"ADMINEX_DSN": self.dsn + " client_encoding=KOI8R", "PGCLIENTENCODING": "LATIN1"}
        self.ok(self.adminex("registered_users", HOST, env=env),
                ["juliet", "mercutio", "romeo", "жук"])

    def test_connecting_echoes_nothing_of_a_bad_connection_string(self):
        for dsn in ("hunter2", "host=/x password=hun hunter2", "password='hunter2", "hunter2=x",
                    "postgresql://u:hunter2", "postgresql://u:%zzhunter2@/db",
                    "postgresql://u:p@hunter2@/db", "postgresql://u:hunter2/x@/db",
                    "postgresql://u:1/hunter2@[::1]:1/db", "postgresql://u:1/x/hunter2@/db",
                    "postgresql://u:hunter2?x@/db?host=/x", "postgresql://[hunter2",
                    "postgres://u:p@:hunter2/db", "host=/x port=hunter2",
                    "host=/x sslmode=hunter2", "host=/x connect_timeout=hunter2",
                    "host=/x target_session_attrs=hunter2", "host=/x,/y port=1,2,hunter2",
                    "host=/x gssencmode=hun\"ter2", "channel_binding=hunter2",
                    "ssl_min_protocol_version=hunter2", "host=/x keepalives_idle=hunter2"):
            for how in ({"options": ["--dsn", dsn]}, {"env": {"ADMINEX_DSN": dsn}}):
                with self.subTest(dsn=dsn):
                    result = self.adminex("check_account", "romeo", HOST, **how)
                    self.fails(result, 3, r"\Aadminex: (the connection string .*|cannot reach the "
                                          r"database: .*) \(.*\)\n\Z")
                    self.assertNotRegex(result.err, b'hun"?ter2|unter2')
        for dsn, hint in (("postgresql://u:p@w@/db", "write '@' as %40 and '/' as %2F"),
                          ("host=/x sslmode=hunter2", 'invalid sslmode value: ""'),
                          ("host=/x port=hunter2", 'value "" for connection option "port"')):
            self.fails(self.adminex("check_account", "romeo", HOST, options=["--dsn", dsn]), 3,
                       hint)


class OwnServer(Faults):
    """Tests that change, stop and kill their server."""

    @classmethod
    def setUpClass(cls):
        own = harness.Cluster()
        cls.addClassCleanup(own.stop)
        own.sql("postgres", f"""
            ALTER SYSTEM SET wal_level = replica;
            ALTER SYSTEM SET max_connections = 8;
            ALTER SYSTEM SET superuser_reserved_connections = 3;
            CREATE ROLE locked LOGIN SUPERUSER PASSWORD 'hunter2';
            CREATE ROLE guest LOGIN;
            COPY (SELECT unnest(ARRAY['local all locked scram-sha-256', 'local all all trust']))
                TO '{own.directory}/data/pg_hba.conf'""")
        own.halt()
        own.start()
        own.sql("postgres", "CREATE DATABASE own")
        harness.migrate(own.dsn("own"))
        cls.settle(own, "own")

    def restart(self):
        """After the server went away, and the test's own session with it."""
        self.cluster.start()
        type(self).session = world.Session(self.dsn)
        self.addClassCleanup(self.session.close)

    def password_dsn(self, password=""):
        return f"host={self.cluster.directory} user=locked dbname={self.database} {password}"

    def test_own_server_wrong_password(self):
        directory = self.cluster.directory.replace("/", "%2F")
        uri = f"postgresql://locked:wrong-pw@/{self.database}?host={directory}"
        wrong = self.password_dsn("password=wrong-pw")
        for how in ({"options": ["--dsn", wrong]}, {"options": ["--dsn", uri]},
                    {"options": self.configuration(f'database = {{ dsn = "{wrong}"; }};'),
                     "env": {"ADMINEX_DSN": None}},
                    {"env": {"ADMINEX_DSN": self.password_dsn(), "PGPASSWORD": "wrong-pw"}},
                    {"options": ["--json", "--dsn", wrong]}):
            with self.subTest(how=how):
                result = self.adminex("check_account", "romeo", HOST, **how)
                self.failed(result, 3, r'password authentication failed for user "locked" '
                                       r"\(check user and password, ")
                self.assertNotIn(b"wrong", result.out + result.err)

    def test_own_server_no_password(self):
        self.failed(self.adminex("check_account", "romeo", HOST, env={"ADMINEX_DSN":
                                 self.password_dsn()}), 3, r"no password supplied \(check user")

    def test_own_server_right_password(self):
        for env in ({"ADMINEX_DSN": self.password_dsn("password=hunter2")},
                    {"ADMINEX_DSN": self.password_dsn(), "PGPASSWORD": "hunter2"}):
            self.ok(self.adminex("check_account", "romeo", HOST, env=env),
                    f"User romeo@{HOST} exists")

    def test_own_server_has_no_connection_left(self):
        dsn = self.cluster.dsn(self.database, "guest")
        for taken in range(9):
            session = world.Session(dsn)
            self.addCleanup(self.part, session)
            try:
                session.run("SELECT 1")
            except (AssertionError, BrokenPipeError):
                break
        self.assertEqual(taken, 8 - 3 - 1)
        for options in FORMATS:
            self.failed(self.adminex("check_account", "romeo", HOST,
                                     options=[*options, "--dsn", dsn]), 3,
                        "remaining connection slots are reserved|too many clients")

    @staticmethod
    def part(session):
        with contextlib.suppress(BrokenPipeError):
            session.close()

    def cut_off(self, fault, pattern):
        """The server goes away while a ban waits for a lock."""
        for options in FORMATS:
            self.elsewhere("LOCK TABLE bans")
            child = self.spawn("ban_account", "romeo", HOST, "spam", options=options)
            self.waits_for_lock()
            fault()
            self.failed(child.wait(), 3, pattern)
            self.failed(self.adminex("check_account", "romeo", HOST, options=options), 3,
                        "cannot reach the database: .*(No such file|Connection refused)")
            self.restart()
            self.assertEqual(self.sql("SELECT count(*) FROM bans"), [["0"]])
            self.assertEqual(self.sql("SELECT count(*) FROM audit_log"), [["0"]])

    def test_own_server_is_shut_down(self):
        self.cut_off(self.cluster.halt, "terminating connection due to administrator command.*"
                                        r"nothing was changed\)")

    def test_own_server_is_killed(self):
        self.cut_off(self.cluster.kill, "the connection to the database was lost: server closed "
                                        r"the connection unexpectedly.*nothing was changed\)")

    def test_own_server_is_a_standby(self):
        data = os.path.join(self.cluster.directory, "data")
        self.sql(f"COPY (SELECT '') TO '{data}/standby.signal'")
        self.cluster.halt()
        self.restart()
        try:
            self.assertEqual(self.sql("SELECT pg_is_in_recovery()"), [["t"]])
            self.ok(self.adminex("check_password", "romeo", HOST, PASSWORD),
                    f"Password for user romeo@{HOST} is correct")
            self.ok(self.adminex("migrate", "status"), None)
            self.ok(self.adminex("migrate"), "")
            for args in (["ban_account", "romeo", HOST, "spam"],
                         ["import", harness.DATA / "legacy.xml"],
                         ["delete_old_users", "1"], ["migrate", "down", "1"]):
                for options in FORMATS:
                    self.failed(self.adminex(*args, options=options), 1,
                                r"in a read-only transaction|during recovery", sqlstate="25006")
            self.assertEqual(self.sql("SELECT count(*) FROM users"), [["4"]])
            writable = (f"host={self.cluster.directory},{harness.shared_cluster().directory} "
                        "user=postgres dbname=postgres target_session_attrs=read-write")
            self.failed(self.adminex("ban_account", "romeo", HOST, "x", env={
                            "ADMINEX_DSN": writable}), 1, "the schema is missing")
        finally:
            self.sql("SELECT pg_promote()")


# ---- in the middle ------------------------------------------------------------------------------


class InTheMiddle(Faults):
    def banning(self, *options):
        """A ban that waits for a lock somebody else holds, and its backend."""
        other = self.elsewhere("LOCK TABLE bans")
        child = self.spawn("ban_account", "romeo", HOST, "spam", options=options)
        pid = self.waits_for_lock()
        self.assertIsNone(child.process.poll())
        return child, pid, other

    def unchanged(self, other):
        """Nothing was done, and nothing is still being done."""
        self.gone()
        other.run("ROLLBACK")
        self.assertEqual(self.sql("SELECT (SELECT count(*) FROM bans), (SELECT count(*) FROM "
                                  "audit_log), (SELECT count(*) FROM outbox)"), [["0"] * 3])

    def test_in_the_middle_the_connection_is_ended(self):
        for options in FORMATS:
            child, pid, other = self.banning(*options)
            self.assertEqual(self.sql(f"SELECT pg_terminate_backend({pid})"), [["t"]])
            self.failed(child.wait(), 3, r"terminating connection due to administrator command "
                                         r"\(.*nothing was changed\)", sqlstate="57P01")
            self.unchanged(other)

    def test_in_the_middle_the_statement_is_cancelled_by_a_dba(self):
        for options in FORMATS:
            child, pid, other = self.banning(*options)
            self.assertEqual(self.sql(f"SELECT pg_cancel_backend({pid})"), [["t"]])
            self.failed(child.wait(), 1, r"cancell?ed.*nothing was changed", sqlstate="57014")
            self.unchanged(other)

    def test_in_the_middle_of_waiting_an_interrupt(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for options in FORMATS:
                child, _, other = self.banning(*options)
                child.process.send_signal(number)
                self.failed(child.wait(), 130, INTERRUPTED)
                self.unchanged(other)

    def test_in_the_middle_of_computing_an_interrupt(self):
        self.insert("users", {"host": HOST, "username": LONG_NAME})
        self.contact(LONG_NAME, "juliet@example.org")
        before = self.state()
        for action in ("list", "delete"):
            for options in FORMATS:
                child = self.spawn("process_rosteritems", action, "any", "any", ENDLESS + "@.*",
                                   "any", options=options)
                harness.wait_until(lambda: any("roster_items" in query and "count(*)" not in query
                                               for _, query in self.backends("state = 'active'")))
                child.interrupt()
                result = child.wait()
                self.fails(result, 130, INTERRUPTED, out=None)
                self.gone()
        self.assertEqual(self.state(), before)

    def test_in_the_middle_the_lock_time_limit(self):
        options = self.configuration("database = { lock_timeout = 1; };")
        other = self.elsewhere("LOCK TABLE bans")
        for more in FORMATS:
            began = time.monotonic()
            child = self.spawn("ban_account", "romeo", HOST, "spam", options=[*options, *more])
            self.waits_for_lock()
            self.failed(child.wait(), 1, r"canceling statement due to lock timeout "
                                         r"\(another transaction holds the lock", sqlstate="55P03")
            self.assertTrue(0.9 < time.monotonic() - began < 9)
        self.unchanged(other)

    def test_in_the_middle_the_pattern_time_limit(self):
        self.insert("users", {"host": HOST, "username": LONG_NAME})
        self.contact(LONG_NAME, "juliet@example.org")
        options = self.configuration("limits = { pattern_timeout = 1; };")
        before = self.state()
        for action, more in (("list", []), ("delete", ["--json"])):
            began = time.monotonic()
            result = self.adminex("process_rosteritems", action, "any", "any", ENDLESS + "@.*",
                                  "any", options=[*options, *more])
            self.fails(result, 1, r"took longer than the time limit and was cancelled "
                                  r"\(.*limits\.pattern_timeout\)", out=None)
            self.assertTrue(0.9 < time.monotonic() - began < 9)
            self.gone()
        self.assertEqual(self.state(), before)

    def test_in_the_middle_the_statement_time_limit(self):
        other = self.elsewhere("LOCK TABLE bans")
        options = self.configuration("database = { lock_timeout = 0; statement_timeout = 1; };")
        child = self.spawn("ban_account", "romeo", HOST, "spam", options=options)
        self.waits_for_lock()
        self.failed(child.wait(), 1, r"took longer than the time limit.*database\."
                                     "statement_timeout")
        self.unchanged(other)

    def test_in_the_middle_of_reading_an_import_an_interrupt(self):
        text = (harness.DATA / "ejabberd-23.01/20261122-172057_chat_example_org.xml").read_bytes()
        before = self.state()
        for number in (signal.SIGINT, signal.SIGTERM):
            reader, writer = os.pipe()
            with open(reader, "rb") as source, open(writer, "wb", buffering=0) as sender:
                child = self.spawn("import", "-", stdin=source)
                sender.write(text[:60_000])
                # All that was sent is read, and the transaction with its tables is open.
                harness.wait_until(lambda: not select.select([reader], [], [], 0)[0])
                harness.wait_until(lambda: self.backends("state = 'idle in transaction'"))
                child.process.send_signal(number)
                self.failed(child.wait(), 130, INTERRUPTED)
            self.gone()
        self.assertEqual(self.state(), before)

    def test_in_the_middle_of_merging_an_import_an_interrupt(self):
        before = self.state()
        other = self.elsewhere("LOCK TABLE credentials")
        for options in FORMATS:
            child = self.spawn("import", harness.DATA / "legacy.xml", options=options)
            self.waits_for_lock()
            child.interrupt()
            self.failed(child.wait(), 130, INTERRUPTED)
            self.gone()
        other.run("ROLLBACK")
        self.assertEqual(self.state(), before)

    def test_in_the_middle_of_an_import_the_connection_is_ended(self):
        before = self.state()
        other = self.elsewhere("LOCK TABLE credentials")
        child = self.spawn("import", harness.DATA / "legacy.xml")
        self.sql(f"SELECT pg_terminate_backend({self.waits_for_lock()})")
        self.failed(child.wait(), 3, "nothing was changed")
        other.run("ROLLBACK")
        self.assertEqual(self.state(), before)

    def test_in_the_middle_of_reading_an_import_the_server_loses_patience(self):
        text = (harness.DATA / "legacy.xml").read_bytes()
        name = self.database
        self.sql(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '200ms'")
        self.addCleanup(self.sql, f"ALTER DATABASE {name} RESET ALL")
        reader, writer = os.pipe()
        with open(reader, "rb") as source, open(writer, "wb", buffering=0) as sender:
            child = self.spawn("import", "-", stdin=source)
            sender.write(text[:300])
            harness.wait_until(lambda: self.backends("state = 'idle in transaction'"))
            self.gone()
            sender.write(text[300:])
        self.failed(child.wait(), 3, "idle-in-transaction timeout|connection .* was lost")
        self.assertEqual(self.sql("SELECT count(*) FROM users"), [["4"]])

    def test_in_the_middle_of_a_question_an_interrupt(self):
        before = self.state()
        result = self.terminal("unregister", "romeo", HOST, answers=[(r"\[y/N\] ", "\x03")])
        self.assertEqual(result.status, 130, f"\n{result}")
        self.assertIn(b"adminex: interrupted: nothing was changed\n", result.out)
        self.assertEqual(self.state(), before)

    def test_in_the_middle_of_a_prompt_an_interrupt(self):
        result = self.terminal("change_password", "romeo", HOST, "-",
                               answers=[("newpass: ", "half a pass\x03")])
        self.assertEqual((result.status, result.out.count(b"half")), (130, 0), f"\n{result}")
        self.assertIn(b"adminex: interrupted: nothing was changed\n", result.out)

    def test_in_the_middle_a_second_interrupt_ends_it_at_once(self):
        child, _, other = self.banning()
        child.process.send_signal(signal.SIGSTOP)
        for _ in range(2):
            child.interrupt()
        child.process.send_signal(signal.SIGTERM)
        child.process.send_signal(signal.SIGCONT)
        self.assertIn(child.wait().status, (130, -signal.SIGTERM, -signal.SIGINT))
        self.unchanged(other)


class ReadOnly(Faults):
    def test_read_only_database(self):
        before = self.state()
        self.sql(f"ALTER DATABASE {self.database} SET default_transaction_read_only = on")
        self.addCleanup(self.sql, "SET default_transaction_read_only = off;"
                                  f"ALTER DATABASE {self.database} RESET ALL")
        for args in (["ban_account", "romeo", HOST, "spam"], ["add_host", "new.example.org"],
                     ["push_roster_alltoall", HOST, "All"]):
            for options in FORMATS:
                self.failed(self.adminex(*args, options=options), 1,
                            r"read-only transaction \(this server only reads, .*"
                            r"target_session_attrs=read-write", sqlstate="25006")
        self.ok(self.adminex("check_password", "romeo", HOST, PASSWORD),
                f"Password for user romeo@{HOST} is correct")
        self.assertEqual(self.state(), before)


# ---- during COMMIT ------------------------------------------------------------------------------


class Proxy:
    """Passes everything on between a client and the server, until it sees COMMIT. Then it cuts:
    before the server got it, or after the server has answered."""

    def __init__(self, server, answered):
        self.folder = tempfile.mkdtemp()
        self.server = os.path.join(server, ".s.PGSQL.5432")
        self.answered = answered
        self.cut = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{self.folder}/.s.PGSQL.5432")
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                with client, socket.socket(socket.AF_UNIX) as server:
                    server.connect(self.server)
                    self.pass_on(client, server)

    def pass_on(self, client, server):
        peer = {client: server, server: client}
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(65536)
                if not data:
                    return
                commits = source is client and b"COMMIT\0" in data
                if commits and not self.answered:
                    self.cut.set()
                    return
                peer[source].sendall(data)
                if commits:
                    server.recv(65536)
                    self.cut.set()
                    return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        shutil.rmtree(self.folder)


class DuringCommit(Faults):
    def cut(self, *args, answered, options=(), database=None):
        proxy = Proxy(self.cluster.directory, answered)
        try:
            dsn = f"host={proxy.folder} user=postgres dbname={database or self.database}"
            result = self.adminex(*args, options=options, env={"ADMINEX_DSN": dsn})
            self.assertTrue(proxy.cut.is_set(), f"no COMMIT came by\n{result}")
        finally:
            proxy.close()
        self.failed(result, 8, r"\Aadminex: .*the connection broke during COMMIT: the change may "
                               r"or may not have been made \(.*audit_log")
        self.gone()

    def test_during_commit_the_connection_breaks(self):
        for options in FORMATS:
            for answered in (False, True):
                with self.subTest(answered=answered):
                    self.setUp()
                    self.cut("ban_account", "romeo", HOST, "spam", answered=answered,
                             options=options)
                    # The message is right: both can be.
                    self.assertEqual(self.value("SELECT count(*) FROM bans"),
                                     "1" if answered else "0")
                    self.assertEqual(self.value("SELECT count(*) FROM audit_log"),
                                     "1" if answered else "0")

    def test_during_commit_of_an_import_the_connection_breaks(self):
        for answered in (False, True):
            self.cut("import", harness.DATA / "legacy.xml", answered=answered)
            self.assertEqual(self.value("SELECT count(*) FROM users"), "16" if answered else "4")

    def test_during_commit_of_a_migration_the_connection_breaks(self):
        database = self.new_database(self.addCleanup, migrated=False)
        count = "SELECT count(*) FROM pg_namespace WHERE nspname = 'adminex'"
        for answered in (False, True):
            self.cut("migrate", answered=answered, database=database)
            self.assertEqual(self.cluster.sql(database, count), [["1" if answered else "0"]])
        self.succeeds(self.adminex("migrate", options=["--dsn", self.cluster.dsn(database)]))

    def test_during_commit_an_interrupt_waits_for_the_outcome(self):
        """A COMMIT that waits, here for a deferred trigger, is not cancelled."""
        self.sql("""
            CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN PERFORM pg_sleep(1); RETURN NULL; END$$;
            CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON bans DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION public.slow()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.slow() CASCADE")
        child = self.spawn("ban_account", "romeo", HOST, "spam")
        harness.wait_until(lambda: ["COMMIT"] == [query for _, query in
                                                  self.backends("wait_event = 'PgSleep'")])
        child.interrupt()
        self.ok(child.wait(), f"User romeo@{HOST} successfully banned with reason: spam")
        self.assertEqual(self.value("SELECT count(*) FROM bans"), "1")


# ---- output -------------------------------------------------------------------------------------

NOWHERE = [(FULL_DISK, "No space left on device"), (CLOSED, "Bad file descriptor"),
           (BROKEN_PIPE, "Broken pipe")]


class Output(Faults):
    def test_output_that_cannot_be_written(self):
        self.online("romeo", "r")
        for target, why in NOWHERE:
            for options in FORMATS:
                for args in (["check_account", "romeo", HOST], ["connected_users_info"],
                             ["registered_users", HOST], ["num_resources", "romeo", HOST],
                             ["retrieve_personal_data", "romeo", HOST, "-"], ["help"],
                             ["help", "stats"], ["completion", "bash"], ["migrate", "status"]):
                    with self.subTest(target=target, args=args):
                        result = self.adminex(*args, options=options, stdout=target)
                        self.fails(result, 1, rf"\Aadminex: cannot write .*: {why}\n\Z")
            self.fails(self.adminex(options=["--version"], stdout=target), 1, why)

    def test_output_that_cannot_be_written_after_a_change(self):
        for target, why in NOWHERE:
            for options in FORMATS:
                with self.subTest(target=target):
                    self.setUp()
                    self.fails(self.adminex("ban_account", "romeo", HOST, "spam", options=options,
                                            stdout=target), 1,
                               r"\Aadminex: the change was made, but: cannot write to standard "
                               rf"output: {why}\n\Z")
                    self.assertEqual(self.value("SELECT count(*) FROM bans"), "1")
                    self.assertEqual(self.value("SELECT count(*) FROM audit_log"), "1")

    def test_output_of_an_import_that_cannot_be_written(self):
        for target, why in NOWHERE:
            with self.subTest(target=target):
                self.setUp()
                self.fails(self.adminex("import", harness.DATA / "legacy.xml", stdout=target), 1,
                           rf"\Aadminex: the change was made, but: cannot write .*: {why}\n\Z")
                self.assertEqual(self.value("SELECT count(*) FROM users"), "16")

    def test_output_closed_does_not_go_to_the_server(self):
        """The next file that is opened, the connection, would get the number of the output."""
        with open(os.path.join(self.cluster.directory, "log"), "rb") as log:
            log.seek(0, os.SEEK_END)
            for args in (["check_account", "romeo", HOST], ["registered_users", HOST],
                         ["retrieve_personal_data", "romeo", HOST, "-"]):
                self.fails(self.adminex(*args, stdout=CLOSED), 1, "Bad file descriptor")
            self.assertNotRegex(log.read(), rb"invalid|unexpected|protocol|syntax")


class PersonalData(Faults):
    """A target that fills up: nothing is left behind, and what was there stays."""

    NAMES = ("data.json", "data.zip")

    def setUp(self):
        super().setUp()
        # What does not shrink much in an archive; of two rows the server has sent one for sure.
        blob = os.urandom(300_000).hex()
        self.sql("INSERT INTO private_storage"
                 f" SELECT '{HOST}', 'romeo', 'urn:' || n, format('<x xmlns=''urn:%s''>%s</x>', n, "
                 f"'{blob}') FROM generate_series(1, 2) AS n")
        self.folder = self.tmp / "folder"
        self.folder.mkdir()
        self.addCleanup(shutil.rmtree, self.folder)

    def refused(self, pattern, options=()):
        for name in self.NAMES:
            for old in (None, b"what was there"):
                with self.subTest(name=name, old=old):
                    target = self.folder / name
                    if old is not None:
                        target.write_bytes(old)
                    self.fails(self.adminex("retrieve_personal_data", "romeo", HOST, target,
                                            options=options), 1, pattern)
                    self.assertEqual(os.listdir(self.folder), [name] if old else [])
                    if old is not None:
                        self.assertEqual(target.read_bytes(), old)
                        target.unlink()

    def test_personal_data_on_a_full_disk(self):
        mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=128k", "none", self.folder],
            stderr=subprocess.DEVNULL).returncode == 0
        if not mounted:
            self.skipTest("no right to mount a small disk")
        try:
            self.refused(r"\Aadminex: cannot write .*: No space left on device\n\Z")
        finally:
            subprocess.run(["umount", self.folder], check=True)

    def test_personal_data_beyond_the_size_limit_of_files(self):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (128 * 1024, before[1]))
        try:
            self.refused(r"\Aadminex: cannot write .*: File too large\n\Z")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    def test_personal_data_where_no_file_can_be(self):
        for name in self.NAMES:
            self.fails(self.adminex("retrieve_personal_data", "romeo", HOST,
                                    self.folder / "no" / name), 1,
                       rf"cannot write '\S+/no/{name}': No such file or directory")
            (self.folder / name).mkdir()
            self.fails(self.adminex("retrieve_personal_data", "romeo", HOST, self.folder / name),
                       1, rf"cannot write '\S+/{name}': Is a directory")
        self.fails(self.adminex("retrieve_personal_data", "romeo", HOST, "/dev/full"), 1,
                   "No space left on device")

    def sleepy_section(self):
        """A section that both forms have takes long, when the file is half written, for whom a
        policy is. The options to be that one."""
        name = f"{self.database}_sleepy"
        self.sql(f"CREATE ROLE {name} LOGIN IN ROLE adminex_admin;"
                 f"INSERT INTO offline_messages (host, username, packet) VALUES ('{HOST}', 'romeo', '');"
                 "ALTER TABLE offline_messages ENABLE ROW LEVEL SECURITY;"
                 "CREATE POLICY slow ON offline_messages USING (pg_sleep(60) IS NOT NULL)")
        self.addCleanup(self.sql, "DROP POLICY slow ON offline_messages;"
                                  "ALTER TABLE offline_messages DISABLE ROW LEVEL SECURITY;"
                                  f"DROP ROLE {name}")
        return ["--dsn", self.cluster.dsn(self.database, name)]

    def half_written(self, child):
        """Is part of the data in a file that has no name yet? What an archive is made of is in
        another folder."""
        fds = f"/proc/{child.process.pid}/fd"
        return any(os.readlink(f"{fds}/{fd}").endswith(" (deleted)")
                   and os.stat(f"{fds}/{fd}").st_size > 0 for fd in os.listdir(fds))

    def asleep(self, child):
        """The process id of the backend, once it sleeps in the middle of the file."""
        query = ("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                 " AND datname = current_database()")
        harness.wait_until(lambda: self.sql(query) and self.half_written(child))
        return self.value(query)

    def test_personal_data_interrupted(self):
        options = self.sleepy_section()
        for name in self.NAMES:
            child = self.spawn("retrieve_personal_data", "romeo", HOST, self.folder / name,
                               options=options)
            self.asleep(child)
            child.interrupt()
            self.failed(child.wait(), 130, INTERRUPTED)
            self.assertEqual(os.listdir(self.folder), [])

    def test_personal_data_without_a_connection_to_the_end(self):
        options = self.sleepy_section()
        for name in self.NAMES:
            child = self.spawn("retrieve_personal_data", "romeo", HOST, self.folder / name,
                               options=options)
            self.sql(f"SELECT pg_terminate_backend({self.asleep(child)})")
            self.failed(child.wait(), 3, "administrator command")
            self.assertEqual(os.listdir(self.folder), [])


# ---- a million sessions -------------------------------------------------------------------------

# Runs a program, and tells how many lines it wrote and its largest resident size in KiB. A small
# process of its own: what the parent had in memory would count as the child's.
MEASURE = """
import os, sys
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.dup2(writer, 1)
    os.close(reader)
    os.execv(sys.argv[1], sys.argv[1:])
os.close(writer)
lines = 0
while data := os.read(reader, 1 << 20):
    lines += data.count(b"\\n")
_, status, used = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), lines, used.ru_maxrss)
"""


class Million(Faults):
    """One long list for all these tests."""

    @classmethod
    def setUpClass(cls):
        cluster = cls.cluster = harness.shared_cluster()
        cls.settle(cluster, cls.new_database(cls.addClassCleanup))
        cls.session.run(world.WORLD + f"""
            BEGIN;
            SET LOCAL session_replication_role = replica;
            TRUNCATE sessions;
            ALTER TABLE sessions DROP CONSTRAINT sessions_pkey;
            INSERT INTO sessions (host, username, resource, ip, port, node)
            SELECT '{HOST}', 'romeo', 'r' || n, '192.0.2.1', 5222, 'node' || n % 3
              FROM generate_series(1, {SESSIONS}) AS n;
            ALTER TABLE sessions ADD CONSTRAINT sessions_pkey
                PRIMARY KEY (host, username, resource);
            COMMIT;
            ANALYZE sessions""")

    def setUp(self):
        """The sessions stay."""

    def measure(self, *args):
        done = subprocess.run([sys.executable, "-SEc", MEASURE, harness.BIN, *args],
                              env=self.environment(), stdout=subprocess.PIPE, check=True,
                              timeout=120)
        return tuple(map(int, done.stdout.split()))

    def test_million_sessions_need_little_memory(self):
        status, lines, peak = self.measure("connected_users_info")
        self.assertEqual((status, lines), (0, SESSIONS))
        if not harness.SANITIZED:
            self.assertLess(peak, 32 * 1024)

    def test_million_sessions_as_json_need_little_memory(self):
        status, lines, peak = self.measure("--format", "ndjson", "connected_users_vhost", HOST)
        self.assertEqual((status, lines), (0, SESSIONS + 1))
        if not harness.SANITIZED:
            self.assertLess(peak, 32 * 1024)

    def test_million_sessions_counted(self):
        self.ok(self.adminex("num_resources", "romeo", HOST), str(SESSIONS))

    def listing(self, *options):
        """A list that runs while nobody reads any further than its first bytes."""
        child = self.spawn("connected_users_info", options=options)
        os.read(child.process.stdout.fileno(), 100)
        harness.wait_until(lambda: self.backends("state = 'active' AND wait_event = 'ClientWrite'"))
        self.assertIsNone(child.process.poll())
        return child

    def test_million_sessions_through_head(self):
        for options in FORMATS:
            child = self.listing(*options)
            child.process.stdout.close()
            child.process.stdout = None
            result = child.wait()
            self.fails(result, 1, r"\Aadminex: cannot write the reply: Broken pipe\n\Z")
            self.gone()

    def test_million_sessions_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for options in FORMATS:
                child = self.listing(*options)
                child.process.send_signal(number)
                # Whether anybody reads on or not.
                status = child.process.wait(harness.TIMEOUT)
                err = child.process.stderr.read()
                self.assertEqual(status, 130, err)
                self.assertRegex(err, rb"\Aadminex: interrupted: nothing was changed\n\Z")
                self.gone()
                self.assertNotIn(b'"status"', child.process.stdout.read()[-200:])

    def test_million_sessions_cut_off_by_the_server(self):
        child = self.listing("--json")
        ((pid, _),) = self.backends()
        self.sql(f"SELECT pg_terminate_backend({pid})")
        result = child.wait()
        self.fails(result, 3, "administrator command|connection .* was lost", out=None)
        # What came is kept, and does not look like a whole reply.
        with self.assertRaises(json.JSONDecodeError):
            result.json()
        self.assertNotIn(b'"status"', result.out[-200:])


if __name__ == "__main__":
    unittest.main()
