"""adminex batch --resume: whatever ends a run, the next one goes on so that in the end all is as if
nothing had happened."""

import json
import os
import pathlib
import random
import re
import signal
import time
import unittest

import harness
import test_batch
import test_batch_faults
import world
from world import HOST

KILLS = 12 if harness.SANITIZED else 50
LINES = 600 if harness.SANITIZED else 2000
FICKLE = {"id", "at", "run_id", "started_at", "updated_at", "finished_at", "created_at", "set_at", "banned_at"}


class Runs(test_batch_faults.Faults):
    def setUp(self):
        super().setUp()
        self.sql(f"TRUNCATE batch_runs; INSERT INTO roster_versions VALUES ('{HOST}', 'juliet', 1)")
        self.state_file = str(self.tmp / "run.state")
        if os.path.exists(self.state_file):
            os.unlink(self.state_file)

    def start(self, path, *flags, **how):
        return self.spawn("batch", "--resume", self.state_file, *flags, path, **how)

    def resume(self, path, *flags, **how):
        return self.start(path, *flags, **how).wait()

    def run_row(self):
        """The last line, how many failed, and whether it is finished."""
        (last, failed, finished), = self.sql(
            "SELECT last_line, failed, finished_at IS NOT NULL FROM batch_runs")
        return int(last), int(failed), finished == "t"

    @staticmethod
    def kinds(count):
        """Lines each of which leaves more the more often it is run."""
        for number in range(1, count + 1):
            yield [
                ["add_rosteritem", "juliet", HOST, f"u{number % 50}", HOST, f"n{number}", "g", "both"],
                ["send_message_chat", f"romeo@{HOST}", f"juliet@{HOST}", f"body {number}"],
                ["set_last", "juliet", HOST, str(number), f"line {number}"],
                ["set_vcard", "mercutio", HOST, "FN", f"Mercutio {number}"],
                ["check_account", "romeo", HOST],
                ["push_roster_all", "PATH"] if number % 42 == 0 else
                ["delete_rosteritem", "juliet", HOST, f"u{number % 50}", HOST],
                ["send_message_headline", f"romeo@{HOST}", f"juliet@{HOST}", "s", f"body {number}"],
            ][number % 7]

    def many(self, count, failing=None):
        template = self.file("few.csv", f"user,host,group,nick\r\nromeo,{HOST},g,r\r\n"
                                        f"mercutio,{HOST},g,m\r\n")
        lines = [[template if word == "PATH" else word for word in line]
                 for line in self.kinds(count)]
        for number in range(count):
            if failing is not None and number % failing == failing - 1:
                lines[number] = [["check_account", "nobody", HOST], '["unreadable"',
                                 ["set_last", "juliet", HOST, "1", "refuse"]][number // failing % 3]
        return self.file(f"many{count}", self.text(lines))

    def outcome(self):
        """All that is stored, in the order in which it came to be."""
        tables = {}
        for table, rows in self.state().items():
            if rows and "id" in rows[0]:
                rows = sorted(rows, key=lambda row: row["id"])
            rows = [{name: value for name, value in row.items() if name not in FICKLE}
                    for row in rows]
            tables[table] = json.loads(re.sub(
                r"id='[^']*'|id=\\\"[^\"]*\\\"", "", json.dumps(rows)))
        return tables


class Killed(Runs):
    """SIGKILL at random moments."""

    def setUp(self):
        super().setUp()
        self.sql("ALTER TABLE last_activity ADD CONSTRAINT refused CHECK (status <> 'refuse')")
        self.addCleanup(self.sql, "ALTER TABLE last_activity DROP CONSTRAINT refused")

    def uninterrupted(self, path, *flags, status=0):
        """What a run leaves, how long it takes, and how long until it begins with its lines."""
        times = []
        for _ in range(2):
            began = time.monotonic()
            result = self.resume(path, *flags)
            times.append(time.monotonic() - began)
            self.assertEqual(result.status, status, f"\n{result}")
        after = self.outcome()
        self.setUp_again()
        return after, times

    def setUp_again(self):
        self.session.run(world.WORLD)
        Runs.setUp(self)

    def kill_one(self, path, *flags, after):
        """Kill a run after some seconds. Was it still there? How far has it come?"""
        child = self.start(path, *flags)
        time.sleep(after)
        child.process.kill()
        result = child.wait()
        # A reply that is half written is the reader's to ignore.
        whole = [json.loads(line) for line in result.out.split(b"\n")[:-1]]
        self.printed.extend(reply["line"] for reply in whole)
        rows = self.sql("SELECT last_line FROM batch_runs")
        return result.status == -signal.SIGKILL, int(rows[0][0]) if rows else 0

    def check(self, path, times, want, *flags, status=0, seed=0, kills=KILLS, per_run=8):
        """Runs are killed about `per_run` times and then let go, until there were enough kills."""
        chance = random.Random(seed)
        takes, start = times
        step = 2 * (takes - start) / per_run
        total, moments = 0, set()
        while total < kills:
            self.setUp_again()
            self.printed = []
            killed = True
            for _ in range(2 * per_run):
                killed, line = self.kill_one(path, *flags, after=chance.uniform(start / 2,
                                                                               start + step))
                if not killed:
                    break
                total += 1
                moments.add(line)
            result = self.resume(path, *flags)
            self.assertEqual(result.status, status, f"\n{result}")
            self.printed.extend(reply["line"] for reply in result.ndjson())
            self.assertEqual(len(set(self.printed)), len(self.printed), "a line was answered twice")
            self.compare(want)
        # They hit it in the middle.
        self.assertGreater(len(moments), kills // 4)

    def compare(self, want):
        got = self.outcome()
        for table, rows in want.items():
            self.assertEqual(got[table], rows, table)

    def test_killed_at_random_moments(self):
        path = self.many(LINES)
        flags = ["--group", "7", "--continue"]
        want, times = self.uninterrupted(path, *flags)
        self.assertGreater(len(want["audit_log"]), LINES // 2)
        self.assertGreater(len(want["outbox"]), LINES // 4)
        self.check(path, times, want, *flags)

    def test_killed_with_failing_lines(self):
        """The failures of runs before are remembered, those of reads too."""
        path = self.many(LINES // 2, failing=9)
        flags = ["--group", "7", "--continue"]
        want, times = self.uninterrupted(path, *flags, status=1)
        self.assertGreater(want["batch_runs"][0]["failed"], LINES // 2 // 9 - 2)
        self.check(path, times, want, *flags, kills=KILLS // 5, seed=99, status=1)

    def test_killed_all_or_nothing(self):
        path = self.file("marks", self.text(map(self.mark, range(1, 301))))
        want, (takes, _) = self.uninterrupted(path, "--atomic")
        for seed in range(6):
            self.setUp_again()
            child = self.start(path, "--atomic")
            time.sleep(random.Random(seed).uniform(0, takes))
            child.process.kill()
            child.wait()
            self.gone()
            self.assertIn(self.marks(), [[], list(range(1, 301))])
            self.succeeds(self.resume(path, "--atomic"))
            self.compare(want)


WAITING = b"adminex: waiting for the last transaction of the earlier run to end (see pg_locks)\n"
WAITS = ("SELECT l.pid FROM pg_locks AS l WHERE l.locktype = 'advisory' AND NOT l.granted"
         " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())")


class Held(Runs):
    """The backend of a killed run is still at work: a resumed run waits for it."""

    def frozen(self, path):
        """A run is killed while its backend waits for a lock, in line 13."""
        other = self.elsewhere("LOCK TABLE bans")
        child = self.start(path, "--group", "5")
        pid = self.waits_for_lock()
        child.process.kill()
        self.assertEqual(child.wait().status, -signal.SIGKILL)
        self.assertEqual(self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"),
                         [["1"]])
        return other, pid

    def lines(self):
        return [*map(self.mark, range(1, 13)), ["ban_account", "romeo", HOST, "x"],
                *map(self.mark, range(14, 21))]

    def test_held_by_the_backend_of_a_killed_run(self):
        path = self.file("held", self.text(self.lines()))
        other, pid = self.frozen(path)
        child = self.start(path, "--group", "5")
        harness.wait_until(lambda: self.sql(WAITS))
        self.assertEqual(self.sql(WAITS.replace("NOT l.granted", "l.granted")), [[str(pid)]])
        self.assertIsNone(child.process.poll())
        self.assertEqual(self.marks(), list(range(1, 11)))
        other.run("ROLLBACK")
        result = child.wait()
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertEqual(self.marks(), [n for n in range(1, 21) if n != 13])
        self.assertEqual(self.value("SELECT count(*) FROM bans"), "1")
        # Either the old backend noticed in time that nobody is there, or it did commit.
        first = result.ndjson()[0]["line"]
        self.assertEqual(first, 11)
        self.assertEqual(result.err, WAITING + b"adminex: going on behind line 10\n")

    def test_held_in_its_commit(self):
        """A COMMIT that was on its way when the run was killed counts."""
        self.sql("""
            CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN PERFORM pg_sleep(1); RETURN NULL; END$$;
            CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON bans DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION public.slow()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.slow() CASCADE")
        path = self.file("held", self.text(self.lines()))
        child = self.start(path, "--group", "5")
        harness.wait_until(lambda: ["COMMIT"] == [query for _, query in
                                                  self.backends("wait_event = 'PgSleep'")])
        child.process.kill()
        child.wait()
        self.assertEqual(self.run_row(), (10, 0, False))
        result = self.resume(path, "--group", "5")
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertEqual(result.err, WAITING + b"adminex: going on behind line 15\n")
        self.assertEqual([reply["line"] for reply in result.ndjson()], [16, 17, 18, 19, 20])
        self.assertEqual(self.marks(), [n for n in range(1, 21) if n != 13])
        self.assertEqual(self.run_row(), (20, 0, True))

    def test_held_by_a_client_that_neither_goes_on_nor_dies(self):
        """Waiting for it is said, has no limit, and can be given up."""
        path = self.file("held", self.text(self.lines()))
        other = self.elsewhere("LOCK TABLE bans")
        child = self.start(path, "--group", "5")
        self.waits_for_lock()
        child.process.send_signal(signal.SIGSTOP)
        copy = self.file("copy.state", pathlib.Path(self.state_file).read_bytes())
        config = self.file("lock.conf", "database = { lock_timeout = 1; };")
        second = self.spawn("batch", "--resume", copy, path, options=["-c", config])
        harness.wait_until(lambda: self.sql(WAITS))
        time.sleep(1.5)
        self.assertTrue(self.sql(WAITS), "the limit for locks is not for this one")
        second.process.send_signal(signal.SIGINT)
        result = second.wait()
        self.assertEqual((result.status, result.err[:len(WAITING)]), (130, WAITING), f"\n{result}")
        other.run("ROLLBACK")
        child.process.send_signal(signal.SIGCONT)
        self.succeeds(child.wait())
        self.assertEqual(self.marks(), [n for n in range(1, 21) if n != 13])

    def test_held_by_nobody_after_the_backend_was_ended(self):
        path = self.file("held", self.text(self.lines()))
        other = self.elsewhere("LOCK TABLE bans")
        child = self.start(path, "--group", "5")
        self.sql(f"SELECT pg_terminate_backend({self.waits_for_lock()})")
        result = child.wait()
        self.assertEqual(result.status, 3, f"\n{result}")
        self.assertIn(b"the lines up to 10 are committed, nothing behind it was done; run the same "
                      b"again to go on", result.err)
        other.run("ROLLBACK")
        self.succeeds(self.resume(path, "--group", "5"))
        self.assertEqual(self.marks(), [n for n in range(1, 21) if n != 13])

    def test_cut_off_during_commit(self):
        """Whether it was done or not, it is not done again."""
        path = self.file("cut", self.text(map(self.mark, range(1, 21))))
        # The first COMMIT is that of the row of the run.
        for flags, nth, done in (["--group", "5"], 4, 10), (["--atomic"], 2, 0):
            for answered in False, True:
                with self.subTest(flags=flags, answered=answered):
                    self.setUp()
                    proxy = test_batch_faults.LaterProxy(self.cluster.directory, answered, nth)
                    try:
                        dsn = f"host={proxy.folder} user=postgres dbname={self.database}"
                        result = self.resume(path, *flags, env={"ADMINEX_DSN": dsn})
                        self.assertTrue(proxy.cut.is_set(), f"\n{result}")
                    finally:
                        proxy.close()
                    self.assertEqual(result.status, 8, f"\n{result}")
                    self.gone()
                    end = (20 if flags == ["--atomic"] else done + 5) if answered else done
                    self.assertEqual(self.marks(), list(range(1, end + 1)))
                    result = self.resume(path, *flags)
                    self.succeeds(result)
                    self.assertEqual([reply["line"] for reply in result.ndjson()],
                                     list(range(end + 1, 21)))
                    self.assertEqual(self.marks(), list(range(1, 21)))


class Resumed(Runs):
    def test_a_second_run_of_the_same_state_is_refused(self):
        path = self.file("two", self.text([self.mark(1), ["ban_account", "romeo", HOST, "x"]]))
        other = self.elsewhere("LOCK TABLE bans")
        first = self.start(path)
        self.waits_for_lock()
        second = self.resume(path)
        self.fails(second, 1, "another run with the state file '.*' is going on .*wait", out=None)
        other.run("ROLLBACK")
        self.assertEqual(first.wait().status, 0)
        self.assertEqual(self.marks(), [1])

    def test_a_copied_state_file_does_nothing_twice(self):
        """Two runs, two files, one row: one of them does it."""
        path = self.file("two", self.text([["ban_account", "romeo", HOST, "x"],
                                           *map(self.mark, range(1, 8))]))
        other = self.elsewhere("LOCK TABLE bans")
        first = self.start(path, "--group", "4")
        self.waits_for_lock()
        copy = self.file("copy.state", pathlib.Path(self.state_file).read_bytes())
        second = self.spawn("batch", "--group", "4", "--resume", copy, path)
        harness.wait_until(lambda: len(self.backends("wait_event_type = 'Lock'")) == 2)
        other.run("ROLLBACK")
        results = first.wait(), second.wait()
        self.assertEqual(self.marks(), list(range(1, 8)))
        self.assertEqual(self.value("SELECT count(*) FROM audit_log"), "8")
        self.assertIn(0, [result.status for result in results])

    def test_a_run_that_is_done_does_nothing(self):
        path = self.file("done", self.text(map(self.mark, range(1, 6))))
        result = self.resume(path)
        self.answers(result, *["ok"] * 5)
        self.assertEqual((result.err, self.run_row()), (b"", (5, 0, True)))
        before = self.state()
        for flags in [], ["--continue"], ["--atomic"], ["--group", "1"]:
            result = self.resume(path, *flags)
            self.ok(result, "", rb"\Aadminex: the run has ended, there is nothing left to do\n\Z")
        self.assertEqual({**self.state(), "batch_runs": None}, {**before, "batch_runs": None})
        self.assertEqual(self.run_row(), (5, 0, True))

    def test_a_run_that_stopped_goes_on_at_its_line(self):
        path = self.file("stops", self.text([*map(self.mark, range(1, 8)),
                                             ["check_account", "paris", HOST],
                                             *map(self.mark, range(9, 12))]))
        for _ in range(2):
            result = self.resume(path, "--group", "5")
            self.assertEqual(result.status, 1)
            self.assertEqual(result.ndjson()[-1]["line"], 8)
            self.assertEqual(self.marks(), list(range(1, 8)))
            self.assertEqual(self.run_row(), (7, 0, False))
        self.insert("users", {"host": HOST, "username": "paris"})
        result = self.resume(path, "--group", "5")
        self.succeeds(result)
        self.assertEqual([reply["line"] for reply in result.ndjson()], [8, 9, 10, 11])
        self.assertEqual(self.marks(), [*range(1, 8), 9, 10, 11])

    def test_failures_are_remembered(self):
        missing = str(self.tmp / "x.json")
        cases = [[self.mark(1), ["check_account", "nobody", HOST], self.mark(3)],
                 [["check_account", "nobody", HOST]], ['["unreadable"', self.mark(2)],
                 # A read in a transaction of its own, first, in between, and last.
                 [["retrieve_personal_data", "nobody", HOST, missing], self.mark(2)],
                 [self.mark(1), ["retrieve_personal_data", "nobody", HOST, missing], self.mark(3)],
                 [self.mark(1), ["retrieve_personal_data", "nobody", HOST, missing]]]
        for lines in cases:
            with self.subTest(lines=lines):
                self.setUp()
                path = self.file("failing", self.text(lines))
                result = self.resume(path, "--continue")
                self.assertEqual(result.status, 1)
                self.assertEqual(result.err, b"adminex: 1 of %d lines failed\n" % len(lines))
                self.assertEqual(self.run_row(), (len(lines), 1, True))
                again = self.resume(path, "--continue")
                self.assertEqual((again.status, again.out), (1, b""), f"\n{again}")
                self.assertEqual(again.err, b"adminex: the run has ended, there is nothing left to "
                                            b"do; 1 lines failed\n")

    def test_failures_before_a_kill_are_remembered(self):
        lines = [["check_account", "nobody", HOST], self.mark(2),
                 ["retrieve_personal_data", "nobody", HOST, str(self.tmp / "x.json")], self.mark(4),
                 ["ban_account", "romeo", HOST, "x"], self.mark(6)]
        path = self.file("failing", self.text(lines))
        other = self.elsewhere("SELECT 1 FROM users WHERE username = 'romeo' FOR UPDATE")
        child = self.start(path, "--continue", "--group", "1")
        self.waits_for_lock()
        child.process.kill()
        child.wait()
        other.run("ROLLBACK")
        result = self.resume(path, "--continue", "--group", "1")
        self.assertEqual(result.status, 1, f"\n{result}")
        self.assertIn(b"2 before the run was resumed", result.err)
        self.assertEqual(self.marks(), [2, 4, 6])

    def test_a_commit_that_is_refused_is_remembered(self):
        path = self.file("refused", self.text(map(self.mark, range(1, 16))))
        test_batch.Groups.refuse_commits(self)
        for _ in range(2):
            result = self.resume(path, "--group", "5", "--continue")
            self.assertEqual(result.status, 1, f"\n{result}")
            self.assertEqual(self.run_row(), (15, 1, True))
            self.assertEqual(self.marks(), [n for n in range(1, 16) if n != 7])

    def test_a_commit_that_is_refused_without_a_line_to_blame_ends_the_run(self):
        """Here the row of the run itself cannot be written."""
        self.sql("""
            CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN RAISE EXCEPTION 'not this one'; END$$;
            CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON batch_runs DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION public.refuse()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.refuse() CASCADE")
        for lines in [self.mark(1), self.mark(2)], ['["unreadable"', self.mark(2)]:
            self.setUp()
            path = self.file("refused", self.text(lines))
            result = self.resume(path, "--continue")
            self.assertEqual(result.status, 1, f"\n{result}")
            self.assertIn(b"cannot commit: not this one (no line was committed", result.err)
            self.assertEqual((self.marks(), self.run_row()), ([], (0, 0, False)))

    def test_from_standard_input(self):
        text = self.text(map(self.mark, range(1, 6)))
        self.answers(self.adminex("batch", "--resume", self.state_file, "-", stdin=text),
                     *["ok"] * 5)
        self.ok(self.adminex("batch", "--resume", self.state_file, "-", stdin=text), "",
                rb"the run has ended")
        self.fails(self.adminex("batch", "--resume", self.state_file, "-", stdin=text + b"#"), 1,
                   "the input is not the one", out=None)

    def test_another_input_is_refused(self):
        self.succeeds(self.resume(self.file("one", self.text([self.mark(1)]))))
        before = self.state()
        for text in (b"", self.text([self.mark(2)]), self.text([self.mark(1), self.mark(2)])):
            result = self.resume(self.file("other", text))
            self.fails(result, 1, r"the input is not the one that the run of '.*' began with \("
                                  "give it the same lines again", out=None)
            self.nothing_was_done(before, result)

    def test_another_database_is_refused(self):
        path = self.file("one", self.text([self.mark(1)]))
        self.succeeds(self.resume(path))
        other = self.cluster.dsn(self.new_database(self.addCleanup))
        self.fails(self.resume(path, env={"ADMINEX_DSN": other}), 1,
                   r"this database does not know the run [0-9a-f-]{36} \(it may be another", out=None)
        self.sql("DELETE FROM batch_runs")
        self.fails(self.resume(path), 1, "this database does not know the run", out=None)

    def test_what_is_no_state_file_is_refused_and_left_alone(self):
        path = self.file("one", self.text([self.mark(1)]))
        self.succeeds(self.resume(path))
        with open(self.state_file, "rb") as file:
            whole = file.read()
        before = self.state()
        for content in (b"x", b"\0" * 100, whole[:-2], whole[:40], b"\n" + whole,
                        whole.replace(b"run=", b"run=g"), whole.replace(b" 1 ", b" 2 "),
                        whole.rstrip() + b"0\n", whole + b"more\n", b"check_account a b\n" * 50):
            with self.subTest(content=content):
                state = self.file("bad.state", content)
                result = self.adminex("batch", "--resume", state, path)
                self.fails(result, 1, r"'.*bad\.state' is not a state file of a batch", out=None)
                with open(state, "rb") as file:
                    self.assertEqual(file.read(), content)
                self.nothing_was_done(before, result)

    def test_an_empty_state_file_begins_a_run(self):
        pathlib.Path(self.state_file).touch()
        self.succeeds(self.resume(self.file("one", self.text([self.mark(1)]))))
        self.assertEqual(self.marks(), [1])

    def test_a_state_file_that_cannot_be(self):
        path = self.file("one", self.text([self.mark(1)]))
        for state, why in ("/nowhere/x", "No such file"), (self.tmp, "Is a directory"):
            result = self.adminex("batch", "--resume", state, path)
            self.fails(result, 1, f"state file '{state}': {why}", out=None)
        self.assertEqual(self.marks(), [])

    def test_a_state_file_is_for_its_owner_and_holds_no_secret(self):
        path = self.file("one", self.text([["change_password", "romeo", HOST, "hunter2"]]))
        self.succeeds(self.resume(path))
        self.assertEqual(os.stat(self.state_file).st_mode & 0o777, 0o600)
        with open(self.state_file, "rb") as file:
            self.assertRegex(file.read(), rb"\Aadminex-batch 1 run=[0-9a-f-]{36} input=[0-9a-f]{64}\n\Z")

    def test_a_reader_is_told(self):
        path = self.file("one", self.text([["check_account", "romeo", HOST]]))
        reader = {"ADMINEX_DSN": f"{self.dsn} options='-c role=adminex_reader'"}
        result = self.resume(path, env=reader)
        self.fails(result, 5, "permission denied for table batch_runs", out=None)
        self.assertEqual(result.json()["status"], "not_allowed")
        operator = {"ADMINEX_DSN": f"{self.dsn} options='-c role=adminex_operator'"}
        self.succeeds(self.resume(path, env=operator))

    def test_a_schema_that_is_older_is_told(self):
        database = self.new_database(self.addCleanup)
        env = {"ADMINEX_DSN": self.cluster.dsn(database)}
        down = str(int(self.value("SELECT max(version) FROM schema_migrations")) - 2)
        self.succeeds(self.adminex("migrate", "down", down, options=["--yes"], env=env))
        path = self.file("one", self.text([["check_account", "romeo", HOST]]))
        self.fails(self.resume(path, env=env), 1, "run 'adminex migrate'", out=None)

    def test_interrupted_and_resumed(self):
        path = self.file("held", self.text([*map(self.mark, range(1, 8)),
                                            ["ban_account", "romeo", HOST, "x"], self.mark(9)]))
        other = self.elsewhere("LOCK TABLE bans")
        child = self.start(path, "--group", "3")
        self.waits_for_lock()
        child.interrupt()
        result = child.wait()
        self.assertEqual(result.status, 130, f"\n{result}")
        self.assertRegex(result.err, rb"\Aadminex: interrupted \(the lines up to 6 are committed, "
                                     rb"nothing behind it was done; run the same again to go on\)\n\Z")
        other.run("ROLLBACK")
        self.gone()
        self.succeeds(self.resume(path, "--group", "3"))
        self.assertEqual(self.marks(), [1, 2, 3, 4, 5, 6, 7, 9])

    def test_all_or_nothing_that_failed_can_be_tried_again(self):
        path = self.file("atomic", self.text([*map(self.mark, range(1, 6)),
                                              ["check_account", "paris", HOST]]))
        result = self.resume(path, "--atomic")
        self.assertEqual((result.status, self.marks()), (1, []))
        self.assertEqual(self.run_row(), (0, 0, False))
        self.insert("users", {"host": HOST, "username": "paris"})
        self.succeeds(self.resume(path, "--atomic", "--group", "2"))
        self.assertEqual(self.marks(), list(range(1, 6)))
        self.assertEqual(self.run_row(), (6, 0, True))


if __name__ == "__main__":
    unittest.main()
