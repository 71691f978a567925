"""adminex batch: what a line says, what it answers, and which lines have taken effect."""

import json
import os
import random
import re
import select
import shlex
import subprocess
import unittest

import daemon
import harness
import test_contract
import test_faults
import world
from world import HOST

# What differs between two runs of the same lines.
FICKLE = {"id", "at", "face", "uptime", "salt", "stored_key", "server_key", "prev", "hash",
          "snapshot", "sha256", "digest", "bytes", "version", "offset"}
ENVELOPE = ("id", "line", "command", "rows")


class Batches(world.TestCase):
    """What the tests of batches stand on."""

    def batch(self, lines, *flags, **how):
        """Run these lines: texts, or lists of words that become JSON."""
        return self.adminex("batch", *flags, "-", stdin=self.text(lines), **how)

    @staticmethod
    def text(lines):
        return b"".join(harness.to_bytes(line if isinstance(line, (str, bytes)) else
                                         json.dumps(line)) + b"\n" for line in lines)

    def answers(self, result, *statuses):
        """The statuses of the replies are these, of the lines 1, 2, ..."""
        replies = result.ndjson()
        self.assertEqual([(reply.get("line"), reply["status"]) for reply in replies],
                         list(enumerate(statuses, 1)), f"\n{result}")
        return replies

    # Lines that leave a trace each time they are run.

    @staticmethod
    def mark(number):
        return ["set_last", "juliet", HOST, str(number), f"line {number}"]

    def marks(self):
        """Which marks took effect, each as often as it did, in order."""
        return [int(number) for number, in self.sql(
            "SELECT arguments->>'timestamp' FROM audit_log WHERE command = 'set_last' ORDER BY id")]

    def groups(self):
        """The marks by transaction."""
        return [json.loads(numbers) for numbers, in self.sql(
            "SELECT json_agg((arguments->>'timestamp')::int ORDER BY id) FROM audit_log"
            " WHERE command = 'set_last' GROUP BY xmin::text ORDER BY min(id)")]

    def nothing_was_done(self, before, result):
        self.assertEqual(self.state(), before, f"\n{result}")


def without_fickle(value):
    if isinstance(value, dict):
        return {name: without_fickle(part) for name, part in value.items()
                if name not in FICKLE and not name.endswith("_at")}
    if isinstance(value, list):
        return [without_fickle(part) for part in value]
    if isinstance(value, str):
        # Generated ids of stanzas; hashes of what has a time in it; what a plan's token begins with.
        return re.sub(r"id='[^']*'|id=\"[^\"]*\"|sha256:[0-9a-f]{64}|[0-9a-f]{16}(?=(-\d+){20})", "",
                      value)
    return value


# ---- forms of a line ----------------------------------------------------------------------------


class Lines(Batches):
    def test_lines_of_each_form(self):
        result = self.batch([
            ["check_account", "romeo", HOST],
            '{"id": "x", "command": "check_account", "args": ["romeo", "%s"]}' % HOST,
            '{"args": {"host": "%s", "user": "romeo"}, "command": "check-account", "id": 7.50}' % HOST,
            f"check_account 'rom'eo \"{HOST}\"",
        ])
        self.assertEqual((result.status, result.err), (0, b""), f"\n{result}")
        says = f'"rows":0,"message":"User romeo@{HOST} exists","status":"ok"' + "}"
        self.assertEqual(result.lines, [
            '{"line":1,"command":"check_account",' + says,
            '{"id":"x","line":2,"command":"check_account",' + says,
            '{"id":7.50,"line":3,"command":"check_account",' + says,
            '{"line":4,"command":"check_account",' + says])

    def test_lines_that_are_nothing_are_skipped_but_counted(self):
        lines = [b"", b"# a comment", b" \t ", b"\t# more", b"\r", f"check_account romeo {HOST}",
                 b""]
        reply, = self.batch(lines).ndjson()
        self.assertEqual((reply["line"], reply["status"]), (6, "ok"))

    def test_lines_of_a_file(self):
        line = f"check_account romeo {HOST}"
        for text in (f"{line}\n{line}\n", f"{line}\n{line}", f"{line}\r\n{line}\r\n",
                     f"\ufeff{line}\n{line}\n", f"\ufeff# first\n{line}\n{line}",
                     f'\ufeff["check_account", "romeo", "{HOST}"]\r\n{line}'):
            with self.subTest(text=text):
                result = self.adminex("batch", self.file("lines", text))
                self.assertEqual([reply["status"] for reply in result.ndjson()], ["ok"] * 2)

    def test_lines_there_are_none(self):
        for text in (b"", b"\n", b"#", b"# only\n  \n#comments", b"\xef\xbb\xbf"):
            for flags in ([], ["--continue"], ["--atomic"], ["--group", "1"]):
                self.ok(self.adminex("batch", *flags, "-", stdin=text), "")

    def test_lines_that_cannot_be_read(self):
        bad = ['["check_account"', '{"command": 1}', "[]", "check_account 'x", "check_account \\",
               '["check_account","\\ud800"]', b"check_account \0", b"\xff\xfe", b'["a","\xed\xa0\x80"]',
               b'{"id":"\xc0\xaf","command":"stats"}', "no_such_command a", "check_account romeo",
               f"check_account romeo {HOST} more", '{"command":"check_account","args":{"user":"x"}}',
               '{"command":"check_account","args":{"user":"x","host":"y","more":"z"}}',
               '{"command":"check_account","args":{"%s":"z"}}' % ("x" + "é" * 60),
               "migrate", "batch -", "help", "--json stats registeredusers",
               ["check_account"] + ["x"] * 17, "[" * 5000]
        result = self.batch(bad, "--continue")
        self.answers(result, *["usage"] * len(bad))
        self.assertEqual(result.status, 1)
        self.assertRegex(result.err, rb"\Aadminex: 22 of 22 lines failed\n\Z")
        for line in bad:
            result = self.batch([line])
            self.answers(result, "usage")
            self.assertEqual(result.status, 1)
            self.assertRegex(result.err, rb"\Aadminex: stopped at line 1 \(usage\): .*\n\Z")

    def test_lines_that_cannot_be_read_do_not_show_arguments(self):
        for line in ["change_password romeo x 'hunter2", "change_password romeo x hunter2\\",
                     '["change_password","romeo","x","hunter2]', '["change_password",hunter2]',
                     '["change_password","romeo","x","hunter2",]', ["change_password", "a", "hunter2"],
                     ["change_password", "a", HOST, "x", "hunter2"],
                     '{"command":"change_password","args":{"newpass":"hunter2"}}',
                     '{"command":"change_password","args":{"newpass":"hunter2","newpass":"hunter2"}}',
                     '{"command":"change_password","args":{"newpass":["hunter2"]}}',
                     '{"command":"change_password","hunter2":1}']:
            result = self.batch([line])
            self.answers(result, "usage")
            self.assertNotIn(b"hunter2", result.out + result.err)

    def test_lines_with_an_id_keep_it_when_they_fail(self):
        replies = self.batch(['{"id":"\\u00e9\\"\\n","command":"nope"}',
                              '{"id":-1e400,"command":"check_account","args":[1]}',
                              '{"id":123456789012345678901234567890,"args":[]}'],
                             "--continue").lines
        for reply, text in zip(replies, ['{"id":"é\\"\\n",', '{"id":-1e400,',
                                         '{"id":123456789012345678901234567890,'], strict=True):
            self.assertTrue(reply.startswith(text), reply)

    def test_lines_are_quoted_as_in_a_shell(self):
        """Python reads words by the same rules, where nothing is expanded."""
        chance = random.Random(4711)
        pieces = list("abc$`*~;|&<>()[]{}!#%=é☃") + ["'", '"', "\\", " ", "  ", "\t", "''", '""',
                                                     "\\'", '\\"', "\\\\", "\\ ", "'x y'", '"x y"']
        lines, want = [], []
        while len(lines) < 400:
            text = "".join(chance.choice(pieces) for _ in range(chance.randrange(1, 12)))
            line = f"check_account {text} x"
            try:
                words = shlex.split(line)
            except ValueError:
                words = None
            lines.append(line)
            want.append(words)
        replies = self.batch(lines, "--continue").ndjson()
        self.assertGreater(sum(words is None for words in want), 40)
        for line, words, reply in zip(lines, want, replies, strict=True):
            with self.subTest(line=line):
                if words is None:
                    self.assertEqual(reply["status"], "usage")
                    self.assertRegex(reply["message"], "is not closed|ends with a backslash")
                elif len(words) != 3:
                    self.assertRegex(reply["message"], r'requires \d+ (more|less) argument')
                else:
                    _, user, host = words
                    self.assertIn(reply["message"], {f"User {user}@{host} does not exist"})

    def test_lines_with_words_of_any_kind_arrive_whole(self):
        chance = random.Random(42)
        letters = [chr(c) for c in (*range(1, 256), 0x2603, 0x1F600) if chr(c) not in "\n\r"]
        words = ["".join(chance.choices(letters, k=chance.randrange(0, 20))) for _ in range(300)]
        lines = [f"check_account {shlex.quote(word)} x" if number % 2 else
                 ["check_account", word, "x"] for number, word in enumerate(words)]
        replies = self.batch(lines, "--continue").ndjson()
        for word, reply in zip(words, replies, strict=True):
            self.assertEqual(reply["message"], f"User {word}@x does not exist")

    def test_a_line_may_be_long_but_not_longer_than_4_mebibytes(self):
        most = 4 * 1024 * 1024
        head = f"check_account romeo {HOST}"
        fits = head + " " * (most - len(head))
        result = self.batch([fits, fits + " ", "x" * (2 * most), head], "--continue")
        replies = self.answers(result, "ok", "usage", "usage", "ok")
        for reply in replies[1:3]:
            self.assertEqual(reply["message"], f"the line is longer than {most} bytes")
        # The last one, without an end.
        result = self.adminex("batch", "-", stdin=(fits + "   ").encode())
        self.answers(result, "usage")

    def test_a_dash_is_a_password_like_any_other(self):
        self.succeeds(self.batch([["change_password", "romeo", HOST, "-"],
                                  ["check_password", "romeo", HOST, "-"],
                                  "change_password juliet example.org -"]))
        self.succeeds(self.batch([["check_password", "juliet", HOST, "-"]]))

    def test_a_document_cannot_take_the_place_of_replies(self):
        result = self.batch([["check_account", "romeo", HOST],
                             ["retrieve_personal_data", "romeo", HOST, "-"]])
        self.answers(result, "ok", "bad_argument")
        self.assertRegex(result.ndjson()[1]["message"], "standard output carries the replies")
        path = str(self.tmp / "romeo.json")
        self.answers(self.batch([["retrieve_personal_data", "romeo", HOST, path]]), "ok")
        with open(path, encoding="utf-8") as file:
            self.assertIn("romeo", json.dumps(json.load(file)))


class Options(Batches):
    def test_options_that_cannot_be(self):
        for words, pattern in [
                ([], "takes a file or -"), (["--atomic", "--continue", "-"], "--atomic stops"),
                (["--group", "0", "-"], "--group takes"), (["--group", "x", "-"], "--group takes"),
                (["--group", "10001", "-"], "--group takes"), (["--group"], "--group takes"),
                (["--dry-run", "--resume", "s", "-"], "nothing to --resume"),
                (["-", "-"], "one word too many"), (["--nope", "-"], "one word too many"),
                (["--resume"], "--resume takes one state file"),
                (["--resume", "s", "--resume", "t", "-"], "--resume takes one state file")]:
            with self.subTest(words=words):
                result = self.adminex("batch", *words, env=test_contract.NOWHERE)
                self.fails(result, 2, pattern, out=None)
                self.assertEqual(result.json()["status"], "usage")
        for options, pattern in [(["--format", "csv"], "NDJSON only"),
                                 (["--format", "table"], "NDJSON only"),
                                 (["--secret-file", "x"], "no --secret-file")]:
            self.fails(self.adminex("batch", "-", options=options), 2, pattern, out=None)

    def test_options_of_format(self):
        for options in ([], ["--json"], ["--format", "ndjson"], ["--format", "json"],
                        ["--format", "text"], ["--yes"]):
            result = self.batch(["registered_users example.org"], options=options)
            self.assertEqual(result.lines, [
                '{"line":1,"command":"registered_users","result":[{"user":"juliet"},'
                '{"user":"mercutio"},{"user":"romeo"}],"rows":3,"status":"ok"}'])

    def test_help_is_an_answer(self):
        text = self.adminex("help", "batch", env=test_contract.NOWHERE).text
        for option in ("--help", "-h"):
            self.ok(self.adminex("batch", option, env=test_contract.NOWHERE), text.encode())

    def test_input_that_cannot_be_read(self):
        for path, why in [("/nowhere", "No such file"), (self.tmp, "is a folder"),
                          ("/proc/self/mem", "Input/output error")]:
            result = self.adminex("batch", path)
            self.fails(result, 1, rf"cannot read '{path}': .*{why}", out=None)
            self.assertIn(result.json()["status"], ("bad_argument", "io_error"))
        closed = subprocess.run([harness.BIN, "batch", "-"], preexec_fn=lambda: os.close(0),
                                env=self.environment(), capture_output=True, timeout=30)
        self.assertEqual(closed.returncode, 1)
        self.assertRegex(closed.stderr, rb"cannot read 'standard input': Bad file descriptor")

    def test_nothing_is_sent_to_a_database_that_is_not_there(self):
        result = self.batch([self.mark(1)], env=test_contract.NOWHERE)
        self.fails(result, 3, "cannot reach the database", out=None)

    def test_statements_without_names(self):
        config = self.file("off.conf", 'database = { prepare = "off"; };')
        for options, named in ([], True), (["-c", config], False):
            reader, writer = os.pipe()
            with open(reader, "rb") as source, open(writer, "wb", buffering=0) as sender:
                child = self.spawn("batch", "--group", "1", "-", options=options, stdin=source)
                replies = child.process.stdout
                other = None
                for number in (1, 2):
                    if number == 2:
                        other = world.Session(self.dsn)
                        self.addCleanup(other.close)
                        other.run("BEGIN; LOCK TABLE last_activity")
                    sender.write(self.text([self.mark(number)]))
                    if number == 1:
                        self.assertIn(b'"ok"', replies.readline())
                query = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                harness.wait_until(lambda: self.sql(query))
                pid = self.value(query.replace("query", "pid"))
                # What a backend has prepared only itself can tell; its memory contexts do too.
                self.sql(f"SELECT pg_log_backend_memory_contexts({pid})")
                other.run("ROLLBACK")
                self.assertIn(b'"ok"', replies.readline())
            result = child.wait()
            self.assertEqual(result.status, 0, f"\n{result}")
            harness.wait_until(lambda: f"PID {pid}" in self.log() or f"[{pid}]" in self.log())
            mine = [line for line in self.log().split("\n") if f"[{pid}]" in line]
            self.assertEqual(any("Prepared Queries" in line for line in mine), named, mine)

    def log(self):
        with open(os.path.join(self.cluster.directory, "log"), encoding="utf-8",
                  errors="replace") as file:
            return file.read()


# ---- each command -------------------------------------------------------------------------------

NEED = (test_contract.EXAMPLES_NEED + test_contract.ALONE["delete_rosteritem"]
        + test_contract.PENDING)
NEED_BAN = test_contract.BAN
BANS = ("get_ban_details", "list_banned", "unban_account")
GOING_ON = [["--continue"], ["--group", "1", "--continue"], ["--group", "7", "--continue"]]
# Each is a transaction of its own, so no --atomic has it.
OWN_TRANSACTION = ("gdpr_replay",)
# They take away what other examples need, or what was done before them.
LATE = ("kick_session", "ban_account", "delete_old_users_vhost", "delete_old_users")
VALUES = {"days": "30", "timestamp": "7", "num": "1", "hashmethod": "md5", "subs": "any",
          "asks": "any", "users": "any", "contacts": "any", "action": "list", "name": "FN",
          "element": "<x xmlns='urn:x'/>", "ns": "urn:x", "stanza": "<message/>", "type": "available",
          "show": "", "priority": "0", "status": "any", "file": "/nowhere"}


class EachCommand(Batches):
    """A batch answers as the command line does, and does the same."""

    def examples(self):
        # Without a daemon there is no cache to say yes.
        names = [name for name in test_contract.KINDS
                 if name not in (*BANS, *LATE) and not name.startswith("cache_")]
        for name in [*names, *LATE]:
            yield self.example(name)

    def example(self, name):
        words = test_contract.example(name, self.tmp)
        if name == "retrieve_personal_data":
            words[-1] = str(self.tmp / "personal.json")
        return words

    def refusals(self):
        """Each command about nobody, nowhere, and about what cannot be."""
        for name in test_contract.KINDS:
            names = [word.lower() for word in test_contract.usage(name)]
            if name == "gdpr_export":
                names += ["-o", "path"]
            for user, host in ("nobody", HOST), ("romeo", "no.example.org"), ("a b", ""):
                values = {**VALUES, "user": user, "localuser": user, "username": user,
                          "host": host, "localserver": host, "server": host, "domain": host,
                          "from": f"{user}@{host}", "to": f"{user}@{host}", "node": "nobody", "-o": "-o"}
                if name in ("retrieve_personal_data", "gdpr_export"):
                    values["path"] = str(self.tmp / "nobody.json")
                if name in ("delete_old_users", "delete_old_users_vhost"):
                    values["days"] = "9999"
                if name == "stats" or name == "stats_host":
                    values["name"] = "registeredusers" if user == "nobody" else "none"
                yield [name, *(values.get(word, "x") for word in names)]

    @staticmethod
    def in_form(words, number):
        """The line in one of its four forms."""
        return [json.dumps(words), shlex.join(words),
                json.dumps({"id": number, "command": words[0], "args": words[1:]}),
                json.dumps({"id": str(number), "args": daemon.by_name(words[0], words[1:]),
                            "command": words[0]})][number % 4]

    def by_command_line(self, need, lines, options):
        self.sql(world.WORLD + need)
        results = [self.adminex(*words, options=["--json", *options], cwd=harness.ROOT)
                   for words in lines]
        return ([result.json() for result in results], [result.status == 0 for result in results],
                without_fickle(self.state()))

    def check(self, need, lines, options=(), all_yes=False, flags=GOING_ON):
        want, yes, after = self.by_command_line(need, lines, options)
        if all_yes:
            self.assertEqual([(words, reply) for words, reply, one in zip(lines, want, yes) if not one], [])
        text = [self.in_form(words, number) for number, words in enumerate(lines)]
        for chosen in flags:
            with self.subTest(flags=chosen):
                self.sql(world.WORLD + need)
                result = self.batch(text, *chosen, options=options, cwd=harness.ROOT)
                self.assertEqual(result.status, int(not all(yes)), f"\n{result}")
                for number, (words, expected, reply) in enumerate(
                        zip(lines, want, result.ndjson(), strict=True)):
                    got = {name: value for name, value in reply.items() if name not in ENVELOPE}
                    self.assertEqual(without_fickle(got), without_fickle(expected), words)
                    self.assertEqual((reply["line"], reply["command"]), (number + 1, words[0]))
                    self.assertEqual(str(reply.get("id", number)), str(number))
                state = without_fickle(self.state())
                for table, rows in after.items():
                    key = lambda row: json.dumps(row, sort_keys=True)
                    self.assertEqual(sorted(state[table], key=key), sorted(rows, key=key), table)

    def test_each_command_that_says_yes(self):
        config = self.file("each.conf", world.SETTINGS.format(self.tmp))
        test_contract.make_files(self)
        lines = list(self.examples())
        self.check(NEED, lines, ["-c", config], all_yes=True)
        # Those are transactions of their own.
        self.check(NEED, [words for words in lines if words[0] not in OWN_TRANSACTION],
                   ["-c", config], all_yes=True, flags=[["--atomic"]])

    def test_each_command_about_bans(self):
        self.check(test_contract.EXAMPLES_NEED + NEED_BAN, [self.example(name) for name in BANS],
                   all_yes=True, flags=[*GOING_ON, ["--atomic"]])

    def test_each_command_that_says_no(self):
        lines = list(self.refusals())
        self.assertEqual({words[0] for words in lines}, set(test_contract.KINDS))
        self.check(NEED, lines)


# ---- groups -------------------------------------------------------------------------------------


class Failing(Batches):
    """Lines that fail, of every kind."""

    def setUp(self):
        super().setUp()
        self.sql("ALTER TABLE last_activity ADD CONSTRAINT refused CHECK (status <> 'refuse');"
                 "ALTER TABLE vcards ADD CONSTRAINT refused CHECK (fn <> 'refuse')")
        self.addCleanup(self.sql, "ALTER TABLE last_activity DROP CONSTRAINT refused;"
                                  "ALTER TABLE vcards DROP CONSTRAINT refused")

    # By the reply's status, a line that fails.
    FAILING = [
        ("user_does_not_exist", ["check_account", "nobody", HOST]),
        ("user_does_not_exist", ["ban_account", "nobody", HOST, "x"]),
        ("user_does_not_exist", ["set_vcard", "nobody", HOST, "FN", "x"]),
        ("error", ["retrieve_personal_data", "no.one", HOST, "nobody.json"]),
        ("bad_argument", ["set_last", "juliet", HOST, "soon", "x"]),
        ("bad_argument", ["set_last", "juliet", HOST, "99", "refuse"]),
        ("bad_argument", ["set_vcard", "juliet", HOST, "FN", "refuse"]),
        ("bad_argument", b"set_last juliet example.org 99 \xff"),
        ("usage", '["set_last"'),
        ("usage", "set_lost juliet example.org 1 x"),
        ("too_many", ["push_roster_alltoall", HOST, "All"]),
        ("bad_argument", ["load_config", "/nowhere"]),
    ]

    def lines(self, failing, position, count):
        lines = [self.mark(number) for number in range(1, count + 1)]
        lines[position - 1] = failing
        return lines


class Groups(Failing):
    def test_groups_are_transactions(self):
        lines = [self.mark(number) for number in range(1, 24)]
        for size, want in [("1", [[n] for n in range(1, 24)]), ("100", [list(range(1, 24))]),
                           ("10", [[*range(1, 11)], [*range(11, 21)], [21, 22, 23]]),
                           ("23", [list(range(1, 24))]), ("10000", [list(range(1, 24))])]:
            self.sql(world.WORLD)
            # From a file: all lines are there when the first is read.
            path = self.file("groups", self.text(lines))
            result = self.adminex("batch", "--group", size, path)
            self.answers(result, *["ok"] * 23)
            self.assertEqual((result.status, result.err), (0, b""))
            self.assertEqual(self.groups(), want)

    def test_groups_are_of_100_lines(self):
        path = self.file("groups", self.text(map(self.mark, range(1, 251))))
        self.succeeds(self.adminex("batch", path))
        self.assertEqual([len(group) for group in self.groups()], [100, 100, 50])

    def test_a_failing_line_stops_the_batch(self):
        for size, count, positions in (5, 12, [1, 2, 5, 6, 12]), (1, 3, [2]), (100, 9, [9]):
            for status, failing in self.FAILING:
                for position in positions:
                    with self.subTest(size=size, failing=failing, position=position):
                        self.stops(size, self.lines(failing, position, count), position, status)

    def stops(self, size, lines, position, status):
        self.sql(world.WORLD)
        path = self.file("stops", self.text(lines))
        result = self.adminex("batch", "--group", size, path, options=["--max-affected", "1"])
        self.assertEqual(result.status, 1, f"\n{result}")
        self.answers(result, *["ok"] * (position - 1), status)
        self.assertRegex(result.err.decode(), rf"\Aadminex: stopped at line {position} \({status}\)"
                         ": the lines before it are committed, nothing of it or behind it was done\n")
        self.assertEqual(self.marks(), list(range(1, position)))
        self.assertEqual(self.value("SELECT count(*) FROM audit_log WHERE command <> 'set_last'"),
                         "0")
        before = position - 1 - (position - 1) % size
        self.assertEqual([len(group) for group in self.groups()][:before // size],
                         [size] * (before // size))

    def test_a_failing_line_undoes_nothing_before_and_does_nothing_twice(self):
        """Effects that count: versions of rosters, rows of the outbox."""
        self.sql(f"INSERT INTO roster_versions VALUES ('{HOST}', 'juliet', 1)")
        lines = [["add_rosteritem", "juliet", HOST, f"u{n}", HOST, "n", "g", "both"] if n % 2 else
                 ["send_message_chat", f"romeo@{HOST}", f"juliet@{HOST}", f"body {n}"]
                 for n in range(1, 21)]
        lines[16] = ["check_account", "nobody", HOST]
        result = self.batch(lines, "--group", "10")
        self.answers(result, *["ok"] * 16, "user_does_not_exist")
        self.assertEqual(self.value("SELECT version FROM roster_versions"), "9")
        self.assertEqual(self.value("SELECT count(*) FROM audit_log"), "16")
        self.assertEqual(self.sql("SELECT kind, count(*) FROM outbox GROUP BY 1 ORDER BY 1"),
                         [["message", "8"], ["roster", "8"]])

    def test_lines_by_steps_wherever_they_stand(self):
        """They are carried out alone, and see what the lines before them did."""
        template = harness.DATA / "templates" / "small.csv"
        step = [["set_vcard", "romeo", HOST, "FN", "Romeo"],
                ["set_vcard2_multi", "romeo", HOST, "ORG", "ORGUNIT", "a;b"],
                ["push_roster", str(template), "romeo", HOST]]
        plain = [["get_vcard", "romeo", HOST, "FN"], self.mark(1)]
        for lines in (step, step + plain, [self.mark(1), *step, *step, *plain],
                      [step[0], plain[0], step[1], plain[0], self.mark(2), step[2]],
                      [["registered_users", HOST], step[0]], [self.mark(1), step[0], self.mark(2)]):
            for flags in ([], ["--group", "1"], ["--group", "2"], ["--atomic"], ["--dry-run"],
                          ["--continue"]):
                with self.subTest(lines=lines, flags=flags):
                    self.sql(world.WORLD)
                    result = self.batch(lines, *flags)
                    self.answers(result, *["ok"] * len(lines))
                    for reply in result.ndjson():
                        if reply["command"] == "get_vcard":
                            self.assertEqual(reply["result"], "Romeo")

    def test_remarks_name_their_line(self):
        template = self.file("t.csv", "user,host,group,nick\r\nnobody,example.org,g,n\r\n")
        result = self.batch([self.mark(1), "", ["push_roster_all", template]])
        self.assertEqual([reply["line"] for reply in result.ndjson()], [1, 3])
        self.assertRegex(result.err, rb"\Aadminex: line 3: skipped 'nobody@example.org': no such "
                                     rb"account\n\Z")

    def test_remarks_are_those_of_the_attempt_that_is_kept(self):
        template = self.file("t.csv", "user,host,group,nick\r\nnobody,example.org,g,n\r\n")
        lines = [["push_roster_all", template], self.mark(2), self.FAILING[5][1], self.mark(4)]
        result = self.batch(lines, "--continue")
        self.answers(result, "ok", "ok", "bad_argument", "ok")
        self.assertEqual(result.err.count(b"line 1: skipped"), 1, f"\n{result}")
        before = self.state()
        result = self.batch([lines[0], *lines[2:]], "--atomic")
        self.assertNotIn(b"skipped", result.err)
        self.nothing_was_done(before, result)

    def test_limits_of_a_line_are_not_those_of_the_next(self):
        """A pattern may take one second; waiting for a lock takes longer."""
        config = self.file("limits.conf", "limits = { pattern_timeout = 1; };")
        self.insert("users", {"host": HOST, "username": test_faults.LONG_NAME})
        self.contact(test_faults.LONG_NAME, "juliet@example.org")
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; LOCK TABLE bans")
        pattern = ["process_rosteritems", "list", "any", "any"]
        lines = [[*pattern, test_faults.ENDLESS + "@.*", "any"], [*pattern, "x", "any"],
                 ["ban_account", "romeo", HOST, "x"]]
        child = self.spawn("batch", "--continue", self.file("limits", self.text(lines)),
                           options=["-c", config])
        harness.wait_until(lambda: self.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type ="
                                            " 'Lock' AND now() - query_start > '1.2 s'"))
        other.run("ROLLBACK")
        result = child.wait()
        replies = self.answers(result, "error", "ok", "ok")
        self.assertIn("time limit", replies[0]["message"])

    def test_nothing_is_asked_on_a_terminal(self):
        path = self.file("destroys", self.text([["unregister", "romeo", HOST]]))
        result = self.terminal("batch", path)
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertNotIn(b"[y/N]", result.out)
        self.assertEqual(self.value("SELECT count(*) FROM users WHERE username = 'romeo' AND host ="
                                    f" '{HOST}'"), "0")

    def test_the_audit_log_names_the_face(self):
        self.succeeds(self.batch([self.mark(1), ["set_vcard", "romeo", HOST, "FN", "R"]]))
        self.assertEqual(self.sql("SELECT DISTINCT face, actor FROM audit_log"),
                         [["batch", world.ACTOR]])

    def test_results_come_after_their_commit(self):
        """The third group waits for a lock, in its last line."""
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; LOCK TABLE bans")
        lines = [*map(self.mark, range(1, 6)), ["ban_account", "romeo", HOST, "x"], self.mark(7)]
        path = self.file("waits", self.text(lines))
        child = self.spawn("batch", "--group", "2", path)
        replies = [child.process.stdout.readline() for _ in range(4)]
        harness.wait_until(lambda: self.sql(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
        self.assertEqual(select.select([child.process.stdout], [], [], 0.3)[0], [])
        self.assertEqual(self.marks(), [1, 2, 3, 4])
        other.run("ROLLBACK")
        rest = child.wait()
        self.assertEqual([json.loads(line)["line"] for line in (*replies, *rest.lines)],
                         [1, 2, 3, 4, 5, 6, 7])
        self.assertEqual(self.marks(), [1, 2, 3, 4, 5, 7])

    def test_results_are_those_of_commits_that_succeed(self):
        """A COMMIT that fails is a failure of one of its lines."""
        self.refuse_commits()
        path = self.file("commit", self.text(map(self.mark, range(1, 16))))
        for size in "1", "5", "100":
            self.sql(world.WORLD)
            result = self.adminex("batch", "--group", size, path)
            reply = self.answers(result, *["ok"] * 6, "error")[-1]
            self.assertEqual((result.status, reply["message"]), (1, "cannot commit: not this one"))
            self.assertIn(b"stopped at line 7 (error): the lines before it are committed", result.err)
            self.assertEqual(self.marks(), [1, 2, 3, 4, 5, 6])
            self.sql(world.WORLD)
            result = self.adminex("batch", "--group", size, "--continue", path)
            self.answers(result, *["ok"] * 6, "error", *["ok"] * 8)
            self.assertEqual(self.marks(), [n for n in range(1, 16) if n != 7])

    def test_results_of_all_or_nothing_are_those_of_a_commit_that_succeeds(self):
        self.refuse_commits()
        before = self.state()
        result = self.batch(map(self.mark, range(1, 16)), "--atomic", "--group", "5")
        self.fails(result, 1, r"\Aadminex: cannot commit: not this one \(nothing was changed\)",
                   out=None)
        reply, = result.ndjson()
        self.assertEqual((reply["status"], reply["hint"]), ("error", "nothing was changed"))
        self.nothing_was_done(before, result)

    def refuse_commits(self):
        """Of what line 7 marks, by a deferred trigger."""
        self.sql("""
            CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN RAISE EXCEPTION 'not this one'; END$$;
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON audit_log DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW WHEN (NEW.arguments->>'timestamp' = '7')
                EXECUTE FUNCTION public.refuse()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.refuse() CASCADE")

    def test_a_co_process_is_answered_line_by_line(self):
        child = subprocess.Popen([harness.BIN, "batch", "-"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, env=self.environment(), bufsize=0)
        self.addCleanup(child.__exit__, None, None, None)
        self.addCleanup(child.kill)
        for number in range(1, 30):
            line = self.text([self.mark(number)])
            # In two pieces: half a line is no line.
            child.stdin.write(line[:9])
            child.stdin.write(line[9:])
            self.assertTrue(select.select([child.stdout], [], [], harness.TIMEOUT)[0])
            reply = json.loads(child.stdout.readline())
            self.assertEqual((reply["line"], reply["status"]), (number, "ok"))
            self.assertEqual(self.marks(), list(range(1, number + 1)))
        child.stdin.close()
        self.assertEqual((child.stdout.read(), child.wait(harness.TIMEOUT)), (b"", 0))

    def test_half_a_line_does_not_hold_replies_back(self):
        """Not even half of one that is too long."""
        for most in 10, 17 * 1024 * 1024:
            self.sql(world.WORLD)
            reader, writer = os.pipe()
            with open(reader, "rb") as source:
                child = self.spawn("batch", "--continue", "-", stdin=source)
            with open(writer, "wb", buffering=0) as sender:
                text = self.text([self.mark(1)]) + b"x" * most
                while text:
                    text = text[os.write(writer, text):]
                self.assertTrue(select.select([child.process.stdout], [], [], harness.TIMEOUT)[0])
                self.assertIn(b'{"line":1,', child.process.stdout.readline())
                sender.write(b"x\n" + self.text([self.mark(3)]))
            replies = child.wait().ndjson()
            self.assertEqual([reply["status"] for reply in replies], ["usage", "ok"])
            self.assertEqual("longer" in replies[0]["message"], most > 10)
            self.assertEqual(self.marks(), [1, 3])


# ---- --continue, --atomic, --dry-run ------------------------------------------------------------


class GoingOn(Failing):
    def test_every_line_is_answered(self):
        chance = random.Random(7)
        for size in ("1", "3", "10", "100"):
            for _ in range(4):
                self.sprinkled(size, [chance.choice(self.FAILING) if chance.random() < 0.3 else None
                                      for _ in range(40)])

    def sprinkled(self, size, failing):
        self.sql(world.WORLD)
        lines = [self.mark(number) if failure is None else failure[1]
                 for number, failure in enumerate(failing, 1)]
        path = self.file("sprinkled", self.text(lines))
        result = self.adminex("batch", "--continue", "--group", size, path,
                              options=["--max-affected", "1"])
        self.answers(result, *("ok" if failure is None else failure[0] for failure in failing))
        failed = sum(failure is not None for failure in failing)
        self.assertEqual(result.status, int(failed > 0))
        self.assertEqual(result.err.decode(), f"adminex: {failed} of 40 lines failed\n"
                         if failed else "")
        self.assertEqual(self.marks(), [number for number, failure in enumerate(failing, 1)
                                        if failure is None])

    def test_every_line_fails(self):
        for status, failing in self.FAILING:
            with self.subTest(failing=failing):
                before = self.state()
                result = self.batch([failing] * 25, "--continue", "--group", "10",
                                    options=["--max-affected", "1"])
                # A refusal that comes from the database is in the audit log, as ever.
                self.sql("DELETE FROM audit_log WHERE outcome <> 'ok'")
                self.answers(result, *[status] * 25)
                self.assertEqual((result.status, result.err),
                                 (1, b"adminex: 25 of 25 lines failed\n"))
                self.nothing_was_done(before, result)

    def test_errors_of_the_database_in_the_middle(self):
        refused = ["set_last", "juliet", HOST, "99", "refuse"]
        lines = [self.mark(1), refused, refused, self.mark(4), refused, self.mark(6), refused]
        result = self.batch(lines, "--continue")
        replies = self.answers(result, "ok", *["bad_argument"] * 2, "ok", "bad_argument", "ok",
                               "bad_argument")
        self.assertEqual(self.marks(), [1, 4, 6])
        for number in (1, 2, 4, 6):
            self.assertEqual(replies[number]["sqlstate"], "23514")
            self.assertIn("refused", replies[number]["message"])

    def test_not_allowed_is_a_failing_line(self):
        reader = {"ADMINEX_DSN": f"{self.dsn} options='-c role=adminex_reader'"}
        lines = [["check_account", "romeo", HOST], self.mark(2), ["check_account", "romeo", HOST]]
        result = self.batch(lines, "--continue", env=reader)
        self.answers(result, "ok", "not_allowed", "ok")
        self.assertEqual(self.marks(), [])
        self.answers(self.batch(lines, env=reader), "ok", "not_allowed")


class Atomic(Failing):
    def test_all_or_nothing(self):
        for size, count, positions in (5, 12, [1, 8, 12]), (1, 3, [3]), (100, 4, [3]):
            for status, failing in self.FAILING:
                for position in positions:
                    with self.subTest(size=size, failing=failing, position=position):
                        before = self.state()
                        path = self.file("atomic", self.text(self.lines(failing, position, count)))
                        result = self.adminex("batch", "--atomic", "--group", size, path,
                                              options=["--max-affected", "1"])
                        reply, = result.ndjson()
                        self.assertEqual((reply["line"], reply["status"]), (position, status))
                        self.assertEqual(result.status, 1)
                        self.assertRegex(result.err.decode(), rf"\Aadminex: stopped at line "
                                         rf"{position} \({status}\): nothing was changed\n\Z")
                        self.nothing_was_done(before, result)

    def test_all_in_one_transaction(self):
        for size in ("1", "7", "100"):
            self.sql(world.WORLD)
            path = self.file("atomic", self.text(map(self.mark, range(1, 41))))
            result = self.adminex("batch", "--atomic", "--group", size, path)
            self.answers(result, *["ok"] * 40)
            self.assertEqual(self.groups(), [list(range(1, 41))])

    def test_no_reply_before_the_commit(self):
        reader, writer = os.pipe()
        with open(reader, "rb") as source:
            child = self.spawn("batch", "--atomic", "--group", "2", "-", stdin=source)
        with open(writer, "wb", buffering=0) as sender:
            sender.write(self.text(map(self.mark, range(1, 10))))
            harness.wait_until(lambda: self.sql(
                "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'"
                " AND application_name = 'adminex'"))
            self.assertEqual(select.select([child.process.stdout], [], [], 0.3)[0], [])
            self.assertEqual(self.marks(), [])
        self.answers(child.wait(), *["ok"] * 9)
        self.assertEqual(self.groups(), [list(range(1, 10))])


class DryRun(Failing):
    def test_a_failing_line_stops_the_batch(self):
        for size, positions in ("1", [2]), ("5", [1, 6, 8]), ("100", [6]):
            for status, failing in self.FAILING:
                for position in positions:
                    with self.subTest(size=size, failing=failing, position=position):
                        before = self.state()
                        result = self.batch(self.lines(failing, position, 8), "--dry-run",
                                            "--group", size, options=["--max-affected", "1"])
                        self.answers(result, *["ok"] * (position - 1), status)
                        self.assertEqual(result.status, 1)
                        self.assertRegex(result.err.decode(), rf"\Aadminex: stopped at line "
                                         rf"{position} \({status}\): nothing was changed\n\Z")
                        self.nothing_was_done(before, result)

    def test_later_lines_see_what_earlier_ones_did(self):
        lines = [["register", "paris", HOST, "x"], ["check_account", "paris", HOST],
                 ["set_vcard", "paris", HOST, "FN", "Paris"], ["get_vcard", "paris", HOST, "FN"],
                 ["ban_account", "paris", HOST, "x"], ["unregister", "paris", HOST]]
        for size in ("1", "2", "100"):
            for option in (["--dry-run"], []):
                before = self.state()
                flags = ["--group", size] + ([] if option else ["--dry-run"])
                result = self.batch(lines, *flags, options=option)
                replies = self.answers(result, *["ok"] * 6)
                self.assertEqual(replies[3]["result"], "Paris")
                self.assertTrue(replies[0]["message"].startswith("Dry run: "), replies)
                self.assertEqual(result.err, b"adminex: dry run: 6 lines, 0 failed; nothing was "
                                             b"changed\n")
                self.nothing_was_done(before, result)

    def test_a_dry_run_goes_on(self):
        for size in ("1", "4", "100"):
            before = self.state()
            lines = [["register", "paris", HOST, "x"], *(failing for _, failing in self.FAILING),
                     ["check_account", "paris", HOST], ["unregister", "paris", HOST],
                     ["check_account", "paris", HOST]]
            result = self.batch(lines, "--dry-run", "--continue", "--group", size,
                                options=["--max-affected", "1"])
            self.answers(result, "ok", *(status for status, _ in self.FAILING), "ok", "ok",
                         "user_does_not_exist")
            self.assertEqual((result.status, result.err),
                             (1, b"adminex: dry run: 16 lines, 13 failed; nothing was changed\n"))
            self.nothing_was_done(before, result)

    def test_a_dry_run_writes_no_file(self):
        path = self.tmp / "dry.json"
        result = self.batch([["retrieve_personal_data", "romeo", HOST, str(path)]], "--dry-run")
        self.answers(result, "ok")
        self.assertIn(b"line 1: dry run: '", result.err)
        self.assertFalse(path.exists())


if __name__ == "__main__":
    unittest.main()
