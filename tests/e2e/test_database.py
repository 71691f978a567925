"""src/db/ by itself, by the steps of database.c: transactions of one mark, what they tell, and the
connection that listens."""

import contextlib
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import harness
import test_library
import world
from world import HOST

SET = ["single", "set:romeo", "mark", "receive"]
SAID = ["single: ok", "set: ok", "mark: ok", "outcome ok", "receive: ok"]
CERTAIN, PERHAPS = (f"dropped {how}: 1 {HOST} romeo" for how in ("for certain", "perhaps"))
BROKEN = ("the connection broke during COMMIT: the change may or may not have been made")


class Proxy:
    """Passes everything on between a client and the server, as decide(data, from_client) says:
    that, or other bytes, or None to cut. Counts how often the client waited for the server."""

    def __init__(self, server, decide=lambda data, from_client: data):
        self.folder = tempfile.mkdtemp()
        self.server = os.path.join(server, ".s.PGSQL.5432")
        self.decide = decide
        self.trips = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{self.folder}/.s.PGSQL.5432")
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.connect, args=[client], daemon=True).start()

    def connect(self, client):
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.connect(self.server)
            self.pass_on(client, server)

    def pass_on(self, client, server):
        peer = {client: server, server: client}
        last = None
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(65536)
                data = self.decide(data, source is client) if data else None
                if data is None:
                    return
                self.trips += last is client and source is server
                last = source
                peer[source].sendall(data)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        shutil.rmtree(self.folder)


class Database(world.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = str(cls.tmp / "database")
        test_library.build(cls.program, "database.c", "-D_GNU_SOURCE", "-pthread",
                           f"-I{harness.ROOT / 'src'}", f"-I{harness.BIN.parent / 'gen'}")

    def setUp(self):
        super().setUp()
        self.sql("DELETE FROM daemons")

    def start(self, *steps, dsn=None, **env):
        child = subprocess.Popen(
            [self.program, dsn or self.dsn, *steps], stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **{name: str(value) for name, value in env.items()}})
        self.addCleanup(self.end, child)
        return child

    @staticmethod
    def end(child):
        with child:
            child.kill()

    def steps(self, *steps, go=None, **how):
        """The lines that the steps print; at each step "wait" go() is called."""
        child = self.start(*steps, **how)
        lines = []
        for line in child.stdout:
            lines.append(line.rstrip("\n"))
            if line == "waiting\n":
                lines.pop()
                go()
                child.stdin.write("\n")
                child.stdin.flush()
        child.stdin.close()
        self.assertEqual(child.wait(harness.TIMEOUT), 0, lines)
        return [line for line in lines if line != "wait: ok"]

    def check(self, steps, expected, **how):
        self.assertEqual(self.steps(*steps, **how), expected)

    def rows(self):
        return int(self.value("SELECT count(*) FROM last_activity"))

    def proxy(self, decide):
        proxy = Proxy(self.cluster.directory, decide)
        self.addCleanup(proxy.close)
        return proxy, f"host={proxy.folder} user=postgres dbname={self.database}"

    def locked(self):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; LOCK TABLE last_activity")
        return other

    def waiting(self):
        """The process ids of backends that wait for a lock in this database."""
        return [int(pid) for pid, in self.sql(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()")]


class Single(Database):
    """Both ways of sending statements."""

    prepare = {}

    def check(self, steps, expected, **how):
        super().check(steps, expected, **self.prepare, **how)

    def test_single_is_committed_by_its_mark(self):
        self.check([*SET, "drain", "commit", "count:romeo"],
                   [*SAID, "drain: ok", CERTAIN, "commit: ok", "count: ok"])
        self.assertEqual(self.rows(), 1)

    def test_single_takes_one_round_trip(self):
        self.sql("INSERT INTO daemons (id, version) VALUES ('other', '1')")
        trips = []
        for steps in (["count:romeo"], ["count:romeo", *SET, "commit"],
                      ["count:romeo", "begin", "set:romeo", "mark", "receive", "drain", "commit"]):
            proxy, dsn = self.proxy(lambda data, from_client: data)
            lines = self.steps(*steps, dsn=dsn, **self.prepare)
            self.assertEqual(lines[-1], "commit: ok" if len(steps) > 1 else "count: ok")
            trips.append(proxy.trips)
        self.assertEqual([t - trips[0] for t in trips], [0, 1, 2])

    def test_single_of_nothing(self):
        self.check(["single", "commit", "single", "mark", "drain", "commit", "single", "rollback"],
                   ["single: ok", "commit: ok", "single: ok", "mark: ok", "drain: ok",
                    "commit: ok", "single: ok", "rollback: ok"])

    def test_single_two_statements_are_one_transaction(self):
        self.check(["single", "set:romeo", "set:juliet", "mark", "receive", "receive", "commit"],
                   ["single: ok", "set: ok", "set: ok", "mark: ok", "outcome ok", "receive: ok",
                    "outcome ok", "receive: ok", CERTAIN, CERTAIN.replace("romeo", "juliet"),
                    "commit: ok"])
        self.assertEqual(self.rows(), 2)
        lines = self.steps("single", "set:mercutio", "fail:romeo", "mark", "receive", "receive",
                           "drain", "commit", "count:romeo", **self.prepare)
        self.assertEqual(lines[4:6], ["outcome ok", "receive: ok"])
        self.assertRegex(lines[6], "receive: error last_set: invalid input syntax .* 22P02")
        self.assertEqual(lines[7:], ["drain: ok", "commit: error the transaction was rolled back "
                                     "by the server", "count: ok"])
        self.assertEqual(self.rows(), 2)

    def test_single_failures_that_nobody_received(self):
        for steps in (["fail:romeo", "mark", "drain", "commit"],
                      ["fail:romeo", "mark", "receive:nothing", "commit"],
                      ["fail:romeo", "mark", "commit"], ["fail:romeo", "commit"],
                      ["set:juliet", "fail:romeo", "mark", "receive", "commit"]):
            with self.subTest(steps=steps):
                lines = self.steps("single", *steps, "count:romeo", **self.prepare)
                self.assertRegex(lines[-2], "commit: error cannot commit: invalid input syntax")
                self.assertEqual(lines[-1], "count: ok")
                self.assertNotIn("dropped", "".join(lines))
                self.assertEqual(self.rows(), 0)

    def test_single_the_mark_itself_fails(self):
        """What is said at the COMMIT is not lost: here by a deferred trigger."""
        self.sql("""
            CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN RAISE 'not so' USING ERRCODE = '23505'; END$$;
            CREATE CONSTRAINT TRIGGER no AFTER INSERT ON last_activity
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.no()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.no() CASCADE")
        for steps in ([*SET, "drain", "commit"], [*SET, "commit"]):
            self.check([*steps, "count:romeo"],
                       [*SAID, *["drain: ok"] * ("drain" in steps),
                        "commit: error cannot commit: not so 23505", "count: ok"])
        self.check([*SET, "rollback", "count:romeo"], [*SAID, "rollback: ok", "count: ok"])
        self.check(["begin", *SET[1:], "drain", "commit", "count:romeo"],
                   ["begin: ok", *SAID[1:], "drain: ok",
                    "commit: error cannot commit: not so 23505", "count: ok"])
        self.assertEqual(self.rows(), 0)

    def test_single_the_notification_fails(self):
        self.sql("ALTER TABLE daemons RENAME TO demons")
        self.addCleanup(self.sql, "ALTER TABLE demons RENAME TO daemons")
        for first in ("single", "begin"):
            lines = self.steps(first, *SET[1:], "drain", "commit", "count:romeo", **self.prepare)
            self.assertRegex(lines[-2], 'commit: error cannot commit: relation "adminex.daemons" '
                                        "does not exist 42P01")
            self.assertEqual(lines[-1], "count: ok")
            self.assertNotIn("dropped", "".join(lines))
        self.assertEqual(self.rows(), 0)

    def test_single_undone_before_the_mark(self):
        for steps in (["set:romeo", "rollback"], ["set:romeo", "drain", "rollback"],
                      ["set:romeo", "miscounted:x", "drain", "rollback"],
                      ["set:romeo", "drain", "commit"]):
            with self.subTest(steps=steps):
                lines = self.steps("single", *steps, *SET[:1], "set:juliet", *SET[2:], "commit",
                                   **self.prepare)
                if steps[-1] == "commit":
                    self.assertIn("commit: error the transaction was rolled back by the server",
                                  lines)
                # Not a word of a warning, and the connection is as good as ever.
                self.assertEqual(lines[-7:], ["single: ok", "set: ok", "mark: ok", "outcome ok",
                                              "receive: ok", CERTAIN.replace("romeo", "juliet"),
                                              "commit: ok"])
                self.assertNotIn("warning", "".join(lines))
                self.assertEqual(self.sql("SELECT username FROM last_activity"), [["juliet"]])
                self.setUp()

    def test_single_cannot_be_undone_after_the_mark(self):
        self.check([*SET, "rollback"], [*SAID, CERTAIN, "rollback: ok"])
        self.assertEqual(self.rows(), 1)

    def test_single_rows_that_are_not_read(self):
        self.check(["single", "set:romeo", "mark", "receive:nothing", "commit"],
                   ["single: ok", "set: ok", "mark: ok", "receive: ok", CERTAIN, "commit: ok"])
        self.assertEqual(self.rows(), 1)

    def test_single_refuses_what_it_cannot_do(self):
        lines = self.steps("set:romeo", *SET, "set:juliet", "commit", "single", "savepoint",
                           **self.prepare)
        self.assertEqual(lines[0], "set: error last_set: needs a transaction")
        self.assertEqual(lines[6], "set: error last_set: comes after the end of its transaction")
        self.assertEqual(lines[8], "commit: ok")
        self.assertRegex(lines[10], "savepoint: error no savepoint")
        self.assertEqual(self.sql("SELECT username FROM last_activity"), [["romeo"]])

    def test_single_keeps_its_time_limits(self):
        self.locked()
        lines = self.steps(*SET, "rollback", "single", "set:juliet", "mark", "receive", "drain",
                           "commit", LIMIT=300, **self.prepare)
        self.assertEqual(len([l for l in lines if "lock timeout 55P03" in l]), 2, lines)
        self.assertEqual(lines[-1], "commit: error the transaction was rolled back by the server")
        self.assertNotIn("dropped", "".join(lines))

    # The connection goes.

    def test_single_cut_at_the_mark(self):
        """Before the server has it, and before its answer is there: one cannot tell which."""
        def cutter(arrives):
            cut = []

            def decide(data, from_client):
                if not from_client:
                    return None if cut else data
                if b"last_activity" in data or b"\0last_set\0" in data:
                    cut.append(True)
                return data if arrives or not cut else None

            return self.proxy(decide)[1]

        for arrives in (False, True):
            with self.subTest(arrives=arrives):
                lines = self.steps("count:romeo", *SET, "drain", "commit", "alive",
                                   dsn=cutter(arrives), **self.prepare)
                self.assertEqual(lines[4:], [f"receive: outcome_unknown {BROKEN}", "drain: ok",
                                             PERHAPS, f"commit: outcome_unknown {BROKEN}",
                                             "alive: error dead"])
                lines = self.steps("count:romeo", *SET, "rollback", dsn=cutter(arrives),
                                   **self.prepare)
                self.assertEqual(lines[4:], [f"receive: outcome_unknown {BROKEN}", PERHAPS,
                                             "rollback: ok"])
                harness.wait_until(lambda: self.rows() == arrives)

    def test_single_cut_behind_its_answer(self):
        """The rows came, the mark's answer did not."""
        done = []

        def decide(data, from_client):
            if done:
                return None
            if not from_client and b"outcome" in data:
                self.assertEqual(data[-6:], b"Z\0\0\0\5I")
                done.append(True)
                return data[:-6]
            return data

        _, dsn = self.proxy(decide)
        child = self.start("count:romeo", *SET, "commit", dsn=dsn, **self.prepare)
        harness.wait_until(lambda: done)
        # The proxy cuts when anybody says something more, so the server is made to.
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                 "application_name = 'adminex' AND datname = current_database()")
        lines = child.communicate(timeout=harness.TIMEOUT)[0].split("\n")[:-1]
        self.assertEqual(lines[4:], ["outcome ok", "receive: ok", PERHAPS,
                                     f"commit: outcome_unknown {BROKEN}"])
        self.assertEqual(self.rows(), 1)

    def test_single_the_server_ends_the_connection(self):
        """While the statement waits: nothing was changed, and the server said so."""
        other = self.locked()
        child = self.start(*SET, "rollback", "alive", **self.prepare)
        harness.wait_until(self.waiting)
        self.sql(f"SELECT pg_terminate_backend({self.waiting()[0]})")
        lines = child.communicate(timeout=harness.TIMEOUT)[0].split("\n")[:-1]
        self.assertRegex(lines[3], "receive: database_unavailable last_set: .*terminating "
                                   "connection due to administrator command")
        self.assertEqual(lines[4:], ["rollback: ok", "alive: error dead"])
        other.run("ROLLBACK")
        self.assertEqual(self.rows(), 0)

    # Interrupts.

    def test_single_interrupted_before_the_mark(self):
        lines = self.steps("single", "set:romeo", "interrupt", "mark", "drain", "rollback",
                           "count:romeo", "clear", "count:romeo", **self.prepare)
        self.assertEqual(lines[3], "mark: interrupted interrupted: nothing was changed")
        self.assertEqual(lines[6:], ["count: interrupted interrupted: nothing was changed",
                                     "clear: ok", "count: ok"])
        self.assertEqual(self.rows(), 0)

    def test_single_cancelled_is_not_refused_later(self):
        other = self.locked()
        child = self.start("cancel", *SET, "rollback", "wait", *SET, "commit", **self.prepare)
        lines = []
        while (line := child.stdout.readline()) != "waiting\n":
            lines.append(line.rstrip("\n"))
        self.assertEqual(lines[4:], ["receive: error last_set: somebody else cancelled the "
                                     "statement 57014", "rollback: ok"])
        other.run("ROLLBACK")
        out = child.communicate("\n", timeout=harness.TIMEOUT)[0].split("\n")
        self.assertEqual(out[1:-1], [*SAID, CERTAIN, "commit: ok"])
        self.assertEqual(self.rows(), 1)


class SinglePrepared(Single):
    prepare = {"PREPARE": 1}


class Alive(Database):
    def test_alive_while_the_server_is(self):
        self.check(["alive", "count:romeo", "alive"], ["alive: ok", "count: ok", "alive: ok"])

    def test_alive_until_the_server_goes(self):
        def terminate():
            self.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE "
                     "application_name = 'adminex' AND datname = current_database()")

        self.check(["count:romeo", "wait", "alive"], ["count: ok", "alive: error dead"],
                   go=terminate)

    def test_alive_whatever_the_server_says_by_itself(self):
        self.addCleanup(self.sql, "ALTER SYSTEM RESET ALL; SELECT pg_reload_conf()")

        def reconfigure():
            self.sql("ALTER SYSTEM SET TimeZone = 'Asia/Tokyo'; SELECT pg_reload_conf()")
            time.sleep(0.3)

        self.sql("SELECT 1")
        self.check(["count:romeo", "wait", "alive", "count:romeo"],
                   ["count: ok", "alive: ok", "count: ok"], go=reconfigure)


class Listening(Database):
    def notify(self, payload):
        self.sql(f"SELECT pg_notify('adminex_cache', '{payload}')")

    def test_listening_registers_hears_and_leaves(self):
        seen = []

        def look():
            seen.append(self.sql("SELECT id, version FROM daemons"))
            self.notify("hello")

        self.check(["listen:0.1", "wait", "hear:5000", "hear:1", "unlisten"],
                   ["listen: ok", "heard hello", "hear: ok", "hear: ok", "unlisten: ok"],
                   go=look, DAEMON="one")
        self.assertEqual(seen, [[["one", "0.1"]]])
        self.assertEqual(self.sql("SELECT id FROM daemons"), [])

    def test_listening_is_told_what_the_command_line_changes(self):
        began = []

        def change():
            self.succeeds(self.adminex("set_last", "romeo", HOST, "1700000000", "x"))
            began.append(time.monotonic())

        self.check(["listen:0.1", "wait", "hear:5000"],
                   ["listen: ok", 'heard {"from":"","drops":[["account","example.org","romeo"]]}',
                    "hear: ok"], go=change, DAEMON="one")
        # It had long arrived.
        self.assertLess(time.monotonic() - began[0], 2)

    def test_listening_to_oneself_is_silence(self):
        self.check(["listen:0.1", *SET, "commit", "hear:300"],
                   ["listen: ok", *SAID, CERTAIN, "commit: ok", "hear: ok"], DAEMON="one")
        self.sql("INSERT INTO daemons (id, version) VALUES ('two', '0.1')")
        self.check(["listen:0.1", *SET, "commit", "hear:5000"],
                   ["listen: ok", *SAID, CERTAIN, "commit: ok",
                    'heard {"from":"one","drops":[["account","example.org","romeo"]]}',
                    "hear: ok"], DAEMON="one")

    def test_listening_is_settled_when_all_older_transactions_have_ended(self):
        older = world.Session(self.dsn)
        self.addCleanup(older.close)
        older.run("BEGIN; DELETE FROM last_activity; SELECT pg_current_xact_id()")
        self.check(["listen:0.1", "settled", "settled", "wait", "settled", "settled"],
                   ["listen: ok", "settled no", "settled: ok", "settled no", "settled: ok",
                    "settled yes", "settled: ok", "settled yes", "settled: ok"],
                   go=lambda: older.run("COMMIT"), DAEMON="one")

    def test_listening_does_not_wait_for_younger_transactions(self):
        def begin():
            younger = world.Session(self.dsn)
            self.addCleanup(younger.close)
            younger.run("BEGIN; DELETE FROM last_activity; SELECT pg_current_xact_id()")

        self.check(["listen:0.1", "wait", "settled"],
                   ["listen: ok", "settled yes", "settled: ok"], go=begin, DAEMON="one")

    def test_listening_beats(self):
        beats = []

        def look():
            beats.append(self.value("SELECT beat_at FROM daemons"))

        self.check(["listen:0.1", "wait", "hear:6000", "wait"], ["listen: ok", "hear: ok"],
                   go=look, DAEMON="one")
        self.assertLess(beats[0], beats[1])

    def test_listening_forgets_the_dead(self):
        self.sql("""INSERT INTO daemons (id, version, beat_at) VALUES
                    ('dead', '1', now() - interval '2 hours'), ('slow', '1', now())""")
        ids = []
        self.check(["listen:0.1", "wait"], ["listen: ok"], DAEMON="one",
                   go=lambda: ids.extend(self.sql("SELECT id FROM daemons ORDER BY id")))
        self.assertEqual(ids, [["one"], ["slow"]])

    # What can go wrong.

    def test_listening_when_the_server_ends_the_connection(self):
        def terminate():
            self.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE "
                     "query LIKE '%pg_snapshot_xmax%' AND pid <> pg_backend_pid()")

        began = time.monotonic()
        lines = self.steps("listen:0.1", "wait", "hear:20000", "unlisten", go=terminate,
                           DAEMON="one")
        self.assertLess(time.monotonic() - began, 5)
        self.assertRegex(lines[1], "hear: database_unavailable listening: .*connection")
        self.assertEqual(lines[2:], ["unlisten: ok"])

    def test_listening_when_somebody_removed_the_daemon(self):
        self.check(["listen:0.1", "wait", "hear:20000"],
                   ["listen: ok", "hear: error this daemon is no longer registered"],
                   go=lambda: self.sql("DELETE FROM daemons"), DAEMON="one")

    def test_listening_when_the_server_falls_silent(self):
        silent = []
        _, dsn = self.proxy(lambda data, from_client: data if from_client or not silent else b"")
        began = time.monotonic()
        lines = self.steps("listen:0.1", "wait", "hear:60000", dsn=dsn, DAEMON="one",
                           go=lambda: silent.append(True))
        self.assertEqual(lines[1:], ["hear: database_unavailable the connection that listens "
                                     "does not answer"])
        self.assertTrue(9 < time.monotonic() - began < 20)

    def test_listening_through_a_pooler(self):
        """One that makes up process ids, as PgBouncer does."""
        def decide(data, from_client):
            at = data.find(b"K\0\0\0\x0c")
            if from_client or at < 0:
                return data
            return data[:at + 5] + b"\0\0\0\1" + data[at + 9:]

        _, dsn = self.proxy(decide)
        self.check(["listen:0.1"], ["listen: error a pooler stands between here and the server: "
                                    "notifications would be lost"], dsn=dsn, DAEMON="one")
        self.assertEqual(self.sql("SELECT id FROM daemons"), [])

    def test_listening_on_a_standby(self):
        cluster, dsn = self.own_cluster()
        cluster.sql("postgres", "ALTER SYSTEM SET wal_level = replica")
        cluster.halt()
        cluster.start()
        with open(os.path.join(cluster.directory, "data", "standby.signal"), "w",
                  encoding="ascii"):
            pass
        cluster.halt()
        cluster.start()
        self.check(["listen:0.1"], ["listen: error this server is a standby: there is nothing to "
                                    "listen to 25006"], dsn=dsn, DAEMON="one")

    def test_listening_to_nobody(self):
        proxy, dsn = self.proxy(lambda data, from_client: data)
        self.check(["wait", "listen:0.1"],
                   ["listen: database_unavailable cannot reach the database: connection to server "
                    f'on socket "{proxy.folder}/.s.PGSQL.5432" failed: No such file or directory '
                    "Is the server running locally and accepting connections on that socket?"],
                   dsn=dsn, DAEMON="one",
                   go=lambda: os.unlink(f"{proxy.folder}/.s.PGSQL.5432"))


if __name__ == "__main__":
    unittest.main()
