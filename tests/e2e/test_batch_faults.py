"""What goes wrong around a batch: whoever reads its replies knows what was done.

Each test also shows that its fault happened."""

import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time
import unittest

import harness
import test_batch
import test_faults
import world
from harness import BROKEN_PIPE, CLOSED, FULL_DISK
from world import HOST


class Faults(test_batch.Batches, test_faults.Faults):
    def waiting_batch(self, *flags, dsn=None):
        """A batch of 20 lines in groups of 5, whose line 13 waits for a lock that `other` holds."""
        other = self.elsewhere("LOCK TABLE bans")
        lines = [*map(self.mark, range(1, 13)), ["ban_account", "romeo", HOST, "x"],
                 *map(self.mark, range(14, 21))]
        path = self.file("waiting", self.text(lines))
        child = self.spawn("batch", "--group", "5", *flags, path,
                           env={"ADMINEX_DSN": dsn} if dsn else None)
        return child, self.waits_for_lock(), other

    def told(self, result, done, behind="nothing behind it was done"):
        """The replies and the message say that the lines up to `done` were committed."""
        replies = result.ndjson()
        self.assertEqual([reply.get("line") for reply in replies], [*range(1, done + 1), None],
                         f"\n{result}")
        self.assertTrue(all(reply["status"] == "ok" for reply in replies[:-1]))
        hint = f"the lines up to {done} are committed, {behind}"
        self.assertEqual(replies[-1]["hint"], hint)
        self.assertRegex(result.err.decode(), rf"\Aadminex: [^\n]+ \({re.escape(hint)}\)\n\Z")
        return replies[-1]

    def ended(self, result, status, done, **more):
        self.assertEqual(result.status, status, f"\n{result}")
        reply = self.told(result, done, **more)
        self.assertEqual(reply["status"], test_faults.WORDS[status])
        self.gone()

    def atomic_ended(self, result, status, hint):
        self.assertEqual(result.status, status, f"\n{result}")
        reply, = result.ndjson()
        self.assertEqual((reply["status"], reply["hint"]), (test_faults.WORDS[status], hint))
        self.gone()


class Waiting(Faults):
    def test_an_atomic_batch_is_interrupted_while_it_waits_for_lines(self):
        before = self.state()
        ours, theirs = os.pipe()
        with os.fdopen(ours, "rb") as stdin:
            child = self.spawn("batch", "--atomic", "--group", "1", "-", stdin=stdin)
        os.write(theirs, self.text([self.mark(1)]))
        # The line was run, and nothing is asked of the database any more.
        harness.wait_until(lambda: self.sql(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'adminex'"
            " AND datname = current_database() AND state = 'idle in transaction'"))
        time.sleep(0.2)
        child.process.send_signal(signal.SIGINT)
        result = child.wait()
        os.close(theirs)
        self.atomic_ended(result, 130, "nothing was changed")
        self.assertEqual(self.state(), before)


class Locks(Faults):
    """A deadlock that there is only because a group holds the locks of all its lines."""

    LOCK = "SELECT FROM users WHERE host = 'example.org' AND username = '{}' FOR UPDATE"

    def deadlock(self, *flags):
        lines = [["change_password", user, HOST, "new"] for user in ("romeo", "juliet", "mercutio")]
        other = self.elsewhere("SET LOCAL deadlock_timeout = '1min'; " + self.LOCK.format("juliet"))
        child = self.spawn("batch", *flags, self.file("lines", self.text(lines)))
        self.waits_for_lock()
        # Comes back when the batch was the victim.
        other.run(self.LOCK.format("romeo"))
        other.run("ROLLBACK")
        return child.wait()

    def test_lines_that_met_a_deadlock_are_tried_alone(self):
        for flags in [], ["--continue"]:
            with self.subTest(flags=flags):
                result = self.deadlock(*flags)
                self.succeeds(result)
                self.answers(result, "ok", "ok", "ok")
                for user in "romeo", "juliet", "mercutio":
                    self.succeeds(self.adminex("check_password", user, HOST, "new"))

    def test_an_atomic_batch_is_undone_by_it(self):
        before = self.state()
        result = self.deadlock("--atomic")
        self.assertEqual(result.status, 1, f"\n{result}")
        reply, = result.ndjson()
        self.assertEqual((reply["line"], reply["sqlstate"]), (2, "40P01"))
        self.assertEqual(self.state(), before)


class Connection(Faults):
    def test_the_backend_is_ended(self):
        for flags in [], ["--continue"]:
            self.setUp()
            child, pid, other = self.waiting_batch(*flags)
            self.sql(f"SELECT pg_terminate_backend({pid})")
            self.ended(child.wait(), 3, 10)
            other.run("ROLLBACK")
            self.assertEqual(self.marks(), list(range(1, 11)))

    def test_the_backend_of_an_atomic_batch_is_ended(self):
        before = self.state()
        for flags in ["--atomic"], ["--dry-run"]:
            child, pid, other = self.waiting_batch(*flags)
            self.sql(f"SELECT pg_terminate_backend({pid})")
            result = child.wait()
            other.run("ROLLBACK")
            if flags == ["--atomic"]:
                self.atomic_ended(result, 3, "nothing was changed")
            else:
                self.assertEqual(result.status, 3, f"\n{result}")
                self.assertIn(b"(nothing was changed)", result.err)
            self.nothing_was_done(before, result)

    def test_a_dba_cancels_a_line(self):
        """That is a failure of this line."""
        child, pid, other = self.waiting_batch()
        self.assertEqual(self.sql(f"SELECT pg_cancel_backend({pid})"), [["t"]])
        result = child.wait()
        self.answers(result, *["ok"] * 12, "error")
        self.assertIn(b"stopped at line 13 (error)", result.err)
        self.assertEqual(self.marks(), list(range(1, 13)))
        other.run("ROLLBACK")

    def test_a_dba_cancels_a_line_of_a_batch_that_goes_on(self):
        child, pid, other = self.waiting_batch("--continue")
        self.assertEqual(self.sql(f"SELECT pg_cancel_backend({pid})"), [["t"]])
        result = child.wait()
        self.answers(result, *["ok"] * 12, "error", *["ok"] * 7)
        self.assertEqual(self.marks(), [n for n in range(1, 21) if n != 13])
        other.run("ROLLBACK")

    def test_the_lock_time_limit_is_a_failure_of_its_line(self):
        config = self.file("lock.conf", "database = { lock_timeout = 1; };")
        self.elsewhere("LOCK TABLE bans")
        lines = [self.mark(1), ["ban_account", "romeo", HOST, "x"], self.mark(3)]
        result = self.batch(lines, "--continue", options=["-c", config])
        replies = self.answers(result, "ok", "error", "ok")
        self.assertEqual(replies[1]["sqlstate"], "55P03")
        self.assertEqual(self.marks(), [1, 3])


class OwnServer(Faults):
    @classmethod
    def setUpClass(cls):
        own = harness.Cluster()
        cls.addClassCleanup(own.stop)
        own.sql("postgres", "CREATE DATABASE own")
        harness.migrate(own.dsn("own"))
        cls.settle(own, "own")

    def cut_off(self, fault, *flags):
        self.setUp()
        child, _, _ = self.waiting_batch(*flags)
        fault()
        result = child.wait()
        self.cluster.start()
        type(self).session = world.Session(self.dsn)
        self.addClassCleanup(self.session.close)
        return result

    def test_the_server_goes_away(self):
        for fault in self.cluster.kill, self.cluster.halt:
            result = self.cut_off(fault)
            self.ended(result, 3, 10)
            self.assertEqual(self.marks(), list(range(1, 11)))

    def test_the_server_of_an_atomic_batch_goes_away(self):
        self.atomic_ended(self.cut_off(self.cluster.kill, "--atomic"), 3, "nothing was changed")
        self.assertEqual(self.marks(), [])


# ---- during COMMIT ------------------------------------------------------------------------------


class LaterProxy(test_faults.Proxy):
    """Cuts at the nth COMMIT."""

    def __init__(self, server, answered, nth):
        self.nth = nth
        super().__init__(server, answered)

    def pass_on(self, client, server):
        peer = {client: server, server: client}
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(65536)
                if not data:
                    return
                self.nth -= source is client and b"COMMIT\0" in data
                cuts = self.nth == 0 and source is client
                if cuts and not self.answered:
                    self.cut.set()
                    return
                peer[source].sendall(data)
                if cuts:
                    server.recv(65536)
                    self.cut.set()
                    return


class DuringCommit(Faults):
    def through(self, *flags, answered, nth, lines):
        proxy = LaterProxy(self.cluster.directory, answered, nth)
        path = self.file("commits", self.text(lines))
        try:
            dsn = f"host={proxy.folder} user=postgres dbname={self.database}"
            result = self.adminex("batch", "--group", "5", *flags, path, env={"ADMINEX_DSN": dsn})
            self.assertTrue(proxy.cut.is_set(), f"no such COMMIT came by\n{result}")
        finally:
            proxy.close()
        return result

    def test_during_commit_the_connection_breaks(self):
        lines = list(map(self.mark, range(1, 21)))
        for nth in 1, 3:
            for answered in False, True:
                for flags in [], ["--continue"]:
                    with self.subTest(nth=nth, answered=answered):
                        self.setUp()
                        done = 5 * (nth - 1)
                        result = self.through(*flags, answered=answered, nth=nth, lines=lines)
                        self.ended(result, 8, done,
                                   behind="the group behind it wholly or not at all")
                        self.assertEqual(self.marks(), list(range(1, done + 5 * answered + 1)))

    def test_during_the_commit_of_an_atomic_batch_the_connection_breaks(self):
        lines = list(map(self.mark, range(1, 21)))
        for answered in False, True:
            self.setUp()
            result = self.through("--atomic", answered=answered, nth=1, lines=lines)
            self.atomic_ended(result, 8, "all lines were committed, or none was")
            self.assertEqual(self.marks(), list(range(1, 21)) if answered else [])

    def test_during_commit_an_interrupt_waits_for_the_outcome(self):
        self.sql("""
            CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END$$;
            CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON bans DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION public.slow()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.slow() CASCADE")
        lines = [self.mark(1), self.mark(2), ["ban_account", "romeo", HOST, "x"],
                 *map(self.mark, range(4, 9))]
        path = self.file("slow", self.text(lines))
        child = self.spawn("batch", "--group", "4", path)
        harness.wait_until(lambda: ["COMMIT"] == [query for _, query in
                                                  self.backends("wait_event = 'PgSleep'")])
        child.interrupt()
        self.ended(child.wait(), 130, 4)
        self.assertEqual(self.marks(), [1, 2, 4])


# ---- interrupts ---------------------------------------------------------------------------------


class Interrupts(Faults):
    def test_interrupts_at_any_time(self):
        """What is printed, said and done is the same."""
        chance = random.Random(1)
        path = self.file("many", self.text(map(self.mark, range(1, 3001))))
        began = time.monotonic()
        self.answers(self.adminex("batch", "--group", "20", path), *["ok"] * 3000)
        takes = time.monotonic() - began
        interrupted = 0
        # As often as it takes: how long a run lasts changes with what else the machine does.
        for run in range(100):
            if run >= 14 and interrupted > 5:
                break
            self.setUp()
            child = self.spawn("batch", "--group", "20", path)
            timer = threading.Timer(chance.uniform(0, takes), child.process.send_signal,
                                    [(signal.SIGINT, signal.SIGTERM)[run % 2]])
            timer.start()
            result = child.wait()
            timer.join()
            self.gone()
            replies = [reply for reply in result.ndjson() if "line" in reply]
            self.assertEqual([reply["line"] for reply in replies], self.marks(), f"\n{result.err}")
            self.assertEqual(len(replies) % 20, 0)
            if result.status == 0:
                continue
            self.assertIn(result.status, (130, -signal.SIGINT, -signal.SIGTERM))
            interrupted += result.status == 130
            if result.status == 130:
                done = (f"the lines up to {len(replies)} are committed, nothing behind it was done"
                        if replies else "no line was committed")
                self.assertRegex(result.err.decode(), r"\Aadminex: interrupted(: nothing was changed"
                                 rf"| \({done}\))\n\Z")
        self.assertGreater(interrupted, 5)

    def test_interrupts_while_a_line_waits(self):
        for number in signal.SIGINT, signal.SIGTERM:
            for flags in [], ["--continue"]:
                self.setUp()
                child, _, other = self.waiting_batch(*flags)
                child.process.send_signal(number)
                self.ended(child.wait(), 130, 10)
                other.run("ROLLBACK")
                self.assertEqual(self.marks(), list(range(1, 11)))

    def test_interrupts_of_all_or_nothing(self):
        for flags in ["--atomic"], ["--dry-run"]:
            before = self.state()
            child, _, other = self.waiting_batch(*flags)
            child.interrupt()
            result = child.wait()
            self.assertEqual(result.status, 130, f"\n{result}")
            self.assertRegex(result.err, rb"\Aadminex: interrupted \(nothing was changed\)\n\Z")
            other.run("ROLLBACK")
            self.gone()
            self.nothing_was_done(before, result)

    def test_interrupts_while_no_line_comes(self):
        reader, writer = os.pipe()
        with open(reader, "rb") as source, open(writer, "wb", buffering=0) as sender:
            child = self.spawn("batch", "-", stdin=source)
            sender.write(self.text([self.mark(1)]))
            reply = child.process.stdout.readline()
            self.assertIn(b'"line":1,', reply)
            child.interrupt()
            result = child.wait()
        self.assertEqual(result.status, 130, f"\n{result}")
        self.assertIn(b"the lines up to 1 are committed", result.err)
        self.assertEqual(self.marks(), [1])

    def test_interrupts_while_nobody_reads_the_replies(self):
        """The pipe is full."""
        path = self.file("long", self.text([["get_cookie"]] * 20000))
        config = self.file("cookie.conf", f'node = {{ cookie = "{"c" * 200}"; }};')
        child = self.spawn("batch", path, options=["-c", config])
        harness.wait_until(lambda: self.pipe_is_full(child))
        child.interrupt()
        status = child.process.wait(harness.TIMEOUT)
        said = child.process.stderr.read()
        self.assertEqual(status, 130, said)
        self.assertRegex(said, rb"\Aadminex: interrupted \(the lines up to \d+ are committed")

    @staticmethod
    def pipe_is_full(child):
        with open(f"/proc/{child.process.pid}/wchan", encoding="ascii") as file:
            where = file.read()
        if where not in ("", "0"):
            return "pipe_write" in where
        with open(f"/proc/{child.process.pid}/syscall", encoding="ascii") as file:
            return file.read().startswith("1 0x1 ")


# ---- input and output ---------------------------------------------------------------------------


class Output(Faults):
    def test_replies_that_cannot_be_written(self):
        path = self.file("lines", self.text(map(self.mark, range(1, 21))))
        for target, why in [(FULL_DISK, "No space left on device"), (CLOSED, "Bad file descriptor"),
                            (BROKEN_PIPE, "Broken pipe")]:
            for flags, hint, done in [
                    ([], "the lines up to 5 are committed, nothing behind it was done", 5),
                    (["--continue"], "the lines up to 5 are committed, nothing behind it was done",
                     5)]:
                with self.subTest(target=target, flags=flags):
                    self.setUp()
                    result = self.adminex("batch", "--group", "5", *flags, path, stdout=target)
                    self.fails(result, 1, rf"\Aadminex: the change was made, but: cannot write to "
                                          rf"standard output: {why} \({hint}\)\n\Z", out=None)
                    self.assertEqual(self.marks(), list(range(1, done + 1)))

    def test_replies_of_an_atomic_batch_that_cannot_be_written(self):
        path = self.file("lines", self.text(map(self.mark, range(1, 21))))
        for target, why in [(FULL_DISK, "No space left on device"), (BROKEN_PIPE, "Broken pipe")]:
            self.setUp()
            result = self.adminex("batch", "--atomic", path, stdout=target)
            self.fails(result, 1, rf"cannot write to standard output: {why}", out=None)
            self.assertNotIn(b"nothing was changed", result.err)
            self.assertEqual(self.marks(), list(range(1, 21)))
            self.setUp()
            before = self.state()
            result = self.adminex("batch", "--dry-run", path, stdout=target)
            self.fails(result, 1, rf"cannot write to standard output: {why}.*nothing was changed",
                       out=None)
            self.nothing_was_done(before, result)

    def test_a_reader_that_leaves(self):
        path = self.file("many", self.text(map(self.mark, range(1, 3001))))
        child = self.spawn("batch", "--group", "10", path)
        for _ in range(15):
            child.process.stdout.readline()
        child.process.stdout.close()
        child.process.stdout = None
        result = child.wait()
        self.assertEqual(result.status, 1, f"\n{result}")
        done = len(self.marks())
        self.assertEqual(self.marks(), list(range(1, done + 1)))
        self.assertLess(done, 3000)
        self.assertRegex(result.err.decode(), "the change was made, but: cannot write to standard "
                         rf"output: Broken pipe \(the lines up to {done} are committed, ")

    def test_progress_is_for_terminals(self):
        path = self.file("many", self.text(map(self.mark, range(1, 501))))
        with open(self.tmp / "replies", "w+b") as replies:
            result = self.terminal("batch", "--group", "50", path, stdout=replies)
            replies.seek(0)
            self.assertEqual(replies.read().count(b'"status":"ok"'), 500)
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertRegex(result.out, rb"\A\r\x1b\[Kbatch: \d+ lines, \d+/s, \d+% done")
        self.assertTrue(result.out.endswith(b"\r\x1b[K"), result)
        # The usual replies come in between, each on a line of its own.
        shown = self.terminal("batch", "--group", "50", path).out.replace(b"\x1b[K", b"")
        self.assertEqual(len(re.findall(rb'(?m)^(?:.*\r)?\{"line":\d+,.*"status":"ok"\}$', shown)), 500)
        self.assertEqual(self.adminex("batch", path).err, b"")


class Memory(Faults):
    LINES = 300_000

    def measure(self, *args):
        done = subprocess.run([sys.executable, "-SEc", test_faults.MEASURE, harness.BIN, *args],
                              env=self.environment(), stdout=subprocess.PIPE, check=True,
                              timeout=120)
        return tuple(map(int, done.stdout.split()))

    def test_memory_for_many_lines(self):
        count = 20_000 if harness.SANITIZED else self.LINES
        config = self.file("cookie.conf", 'node = { cookie = "c"; };')
        path = self.file("million", b"get_cookie\n" * count)
        status, lines, peak = self.measure("-c", config, "batch", path)
        self.assertEqual((status, lines), (0, count))
        if not harness.SANITIZED:
            self.assertLess(peak, 24 * 1024)

    def test_memory_for_long_lists(self):
        count = 5_000 if harness.SANITIZED else 40_000
        self.sql(f"""
            INSERT INTO sessions (host, username, resource, ip, port, node)
            SELECT '{HOST}', 'romeo', 'r' || n, '192.0.2.1', 5222, 'node' || n % 3
              FROM generate_series(1, {count}) AS n""")
        path = self.file("lists", b"connected_users_info\nnum_resources romeo example.org\n" * 2)
        for flags in [], ["--atomic"]:
            status, lines, peak = self.measure("batch", *flags, path)
            self.assertEqual((status, lines), (0, 4))
            if not harness.SANITIZED:
                self.assertLess(peak, 32 * 1024)

    def test_memory_for_long_lines(self):
        """A group ends when its lines are long, so 100 of them need no more than some."""
        line = self.text([["set_last", "romeo", HOST, "1", "x" * 1_000_000]])
        path = self.file("long", line * 30)
        status, lines, peak = self.measure("batch", path)
        self.assertEqual((status, lines), (0, 30))
        if not harness.SANITIZED:
            self.assertLess(peak, 48 * 1024)


if __name__ == "__main__":
    unittest.main()
