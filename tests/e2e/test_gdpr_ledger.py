"""Submod gdpr: requests of data subjects, and the ledger that shows what happened to them."""

import csv
import datetime
import hashlib
import hmac
import io
import json
import os
import subprocess

import harness
import world
from world import ACTOR, HOST

KEY = bytes(range(1, 33))
ZEROS = "sha256:" + "0" * 64
DIGEST = "sha256:" + hashlib.sha256(b"what was handed over").hexdigest()
TYPES = ["access", "rectification", "erasure", "restriction", "portability", "objection"]
COLUMNS = ["seq", "at", "request", "event", "type", "subject", "received", "deadline", "outcome",
           "handed_over", "note_hmac", "actor", "db_role", "prev"]
NO_KEY = ("needs a key to hash with, and setting 'privacy.key_file' names none "
          r"\(name a file there; it is made when it is missing\)\n\Z")


def keyed(label, text):
    return hmac.digest(KEY, label + b"\0" + text.encode(), "sha256").hex()


def subject_of(jid):
    return keyed(b"adminex data subject 1", jid)


def hash_of_note(text):
    return keyed(b"adminex note 1", text)


def day(value):
    return datetime.date.fromisoformat(value)


class Ledger(world.TestCase):
    """A test case with a key; requests are called by the two words."""

    def setUp(self):
        super().setUp()
        key = self.file("privacy.key", KEY)
        os.chmod(key, 0o600)
        self.options = ["-c", self.file("ledger.conf", f'privacy = {{ key_file = "{key}"; }};')]
        self.today = day(self.value("SELECT (now() AT TIME ZONE 'UTC')::date"))

    def adminex(self, *args, options=(), **how):
        return super().adminex(*args, options=[*self.options, *options], **how)

    def request(self, *args, **how):
        return self.adminex("gdpr_request", *args, **how)

    def open(self, kind="access", user="romeo", host=HOST, *rest, **how):
        """Open a request; its number."""
        result = self.request("open", kind, user, host, *rest, options=["--json"], **how)
        self.succeeds(result)
        (row,) = result.json()["result"]
        return row["request"]

    def rows(self, result):
        self.succeeds(result)
        return result.json()["result"]

    def show(self, request):
        return self.rows(self.request("show", str(request), options=["--json"]))

    def head(self):
        return self.adminex("gdpr_ledger_head").text.strip()

    def whole(self, rows, *args):
        self.ok(self.adminex("gdpr_ledger_verify", *args),
                f"The ledger is whole: {rows} rows, head {self.head()}")

    def tamper(self, sql):
        """As a superuser who means it."""
        self.sql(f"ALTER TABLE gdpr_ledger DISABLE TRIGGER USER; {sql}; ALTER TABLE gdpr_ledger "
                 "ENABLE TRIGGER USER; ALTER TABLE gdpr_ledger ENABLE ALWAYS TRIGGER "
                 "gdpr_ledger_refuse")


class Requests(Ledger):
    def test_life_of_a_request(self):
        deadline = self.value("SELECT ((now() AT TIME ZONE 'UTC')::date + interval '1 month')::date")
        self.does("gdpr_request_open", "access", "Romeo", "EXAMPLE.org",
                  says=f"Request 1 opened: to be answered by {deadline}",
                  tables=["gdpr_ledger", "gdpr_subjects"], audit={"request": 1, "type": "access"})
        self.does("gdpr_request_identity", "1", "passport seen",
                  says="Check of the identity noted for request 1",
                  tables=["gdpr_ledger", "gdpr_subjects"], audit={"request": 1})
        later = self.value("SELECT ((now() AT TIME ZONE 'UTC')::date + interval '3 months')::date")
        self.does("gdpr_request_extend", "1", "three archives",
                  says=f"Request 1 extended: to be answered by {later}",
                  tables=["gdpr_ledger", "gdpr_subjects"], audit={"request": 1})
        self.does("gdpr_request_close", "1", "fulfilled", "--handed-over", DIGEST.upper().replace(
                      "SHA256", "sha256"), "--note", "by post", says="Request 1 closed: fulfilled",
                  tables=["gdpr_ledger", "gdpr_subjects"],
                  audit={"request": 1, "outcome": "fulfilled"})
        events = self.show(1)
        self.assertEqual([(e["row"], e["event"], e["actor"]) for e in events],
                         [(1, "opened", ACTOR), (2, "identity", ACTOR), (3, "extended", ACTOR),
                          (4, "closed", ACTOR)])
        self.assertEqual([e["deadline"] for e in events], [deadline, None, later, None])
        self.assertEqual(events[0]["subject"], subject_of(f"romeo@{HOST}"))
        self.assertEqual(events[3]["handed_over"], DIGEST)
        self.assertEqual([e["note_hmac"] for e in events],
                         [None, *map(hash_of_note, ["passport seen", "three archives", "by post"])])
        self.whole(4)

    def test_texts_and_names_are_there_until_it_is_closed(self):
        self.open("erasure", "romeo", HOST, "--identity", "passport", "--note", "called")
        self.request("identity", "1", "and a letter")
        self.request("extend", "1", "archives")
        events = self.show(1)
        self.assertEqual([e["note"] for e in events], ["called", None, "and a letter", "archives"])
        self.assertEqual([(e["user"], e["host"]) for e in events],
                         [("romeo", HOST)] + [(None, None)] * 3)
        self.succeeds(self.request("close", "1", "refused", "--note", "no such account"))
        for event in self.show(1):
            self.assertEqual((event["user"], event["host"], event["note"]), (None, None, None))
        self.assertEqual(self.sql("SELECT * FROM gdpr_subjects"), [])

    def test_nothing_in_the_clear_is_left(self):
        """Of all that is stored, in every table, after a request of a stranger was closed."""
        words = ["marker-user", "marker-note", "marker-identity", "marker-reason", "marker-end"]
        self.open("access", words[0], "marker-host.example", "--note", words[1], "--identity",
                  words[2])
        for word in words[:3]:
            self.assertIn(word, json.dumps(self.state()))
        self.succeeds(self.request("extend", "1", words[3]))
        self.succeeds(self.request("close", "1", "withdrawn", "--note", words[4]))
        self.assertNotIn("marker", json.dumps(self.state()))

    def test_subject_is_in_no_audit_row(self):
        self.open("access", "romeo", HOST, "--note", "called")
        self.request("open", "access", "juliet", HOST, "--received", "2999-01-01")
        self.request("close", "1", "fulfilled")
        self.assertEqual(self.sql("SELECT arguments::text FROM audit_log WHERE arguments::text "
                                  "~ 'romeo|juliet|example|called'"), [])
        self.assertEqual(self.value("SELECT count(*) FROM audit_log"), "3")

    def test_deadline_is_the_same_day_of_the_next_month_or_its_last(self):
        for received, deadline in [("2026-03-05", "2026-04-05"), ("2026-08-31", "2026-09-30"),
                                   ("2026-01-31", "2026-02-28"), ("2024-01-31", "2024-02-29"),
                                   ("2024-02-29", "2024-03-29"), ("2025-12-31", "2026-01-31"),
                                   ("2026-03-05T23:30:00-02:00", "2026-04-06"),
                                   ("2026-03-05T00:30:00+02:00", "2026-04-04")]:
            with self.subTest(received=received):
                number = self.open("access", "romeo", HOST, "--received", received)
                (event,) = self.show(number)
                self.assertEqual(event["deadline"], deadline)

    def test_deadline_is_counted_in_utc_whatever_the_session_is_in(self):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            number = self.open(env={"PGTZ": zone, "PGDATESTYLE": "German"})
            (event,) = self.show(number)
            self.assertEqual(day(event["received"]), self.today)

    def test_received_on_a_day_that_has_not_come(self):
        tomorrow = str(self.today + datetime.timedelta(days=1))
        self.succeeds(self.request("open", "access", "romeo", HOST, "--received", tomorrow))
        after = str(self.today + datetime.timedelta(days=2))
        self.does("gdpr_request_open", "access", "romeo", HOST, "--received", after,
                  no=f"No request can have been received on {after} yet",
                  audit={"type": "access"}, rows=0, outcome="not_yet")

    def test_requests_are_numbered(self):
        self.assertEqual([self.open(kind) for kind in TYPES], [1, 2, 3, 4, 5, 6])
        self.request("close", "6", "withdrawn")
        self.assertEqual(self.open(), 7)

    def test_dry_run_changes_nothing(self):
        before = self.state()
        result = self.request("open", "access", "romeo", HOST, options=["--dry-run"])
        self.succeeds(result)
        self.assertRegex(result.text, r"\ADry run: Request 1 opened: ")
        self.assertEqual(self.state(), before)
        number = self.open()
        before = self.state()
        self.ok(self.request("close", str(number), "refused", "--dry-run"),
                "Dry run: Request 1 closed: refused", err="nothing was changed")
        self.assertEqual(self.state(), before)

    def test_an_empty_note_is_none(self):
        self.open("access", "romeo", HOST, "--note", "", "--identity", "")
        (event,) = self.show(1)
        self.assertEqual((event["note"], event["note_hmac"]), (None, None))

    def test_bad_arguments(self):
        self.open()
        for args, pattern in [
                (["open", "deletion", "romeo", HOST], "argument 'type' must be one of access, "),
                (["open", "access", "a b", HOST], "argument 'user' is not valid"),
                (["open", "access", "romeo", ""], "argument 'host' is not valid"),
                (["open", "access", "romeo", HOST, "--received", "5 March"], "'received' must be"),
                (["identity", "1", ""], "argument 'note' is empty"),
                (["identity", "0", "x"], "argument 'request' must be between 1 and "),
                (["extend", "1", ""], "argument 'reason' is empty"),
                (["extend", "one", "x"], "argument 'request' must be a whole number"),
                (["close", "1", "done"], "argument 'outcome' must be one of fulfilled, refused, "),
                (["close", "1", "fulfilled", "--handed-over", DIGEST[7:]], "must be sha256: and 64"),
                (["close", "1", "fulfilled", "--handed-over", DIGEST[:-1]], "must be sha256: and"),
                (["close", "1", "fulfilled", "--handed-over", DIGEST[:-1] + "g"], "must be sha256"),
                (["close", "1", "refused", "--handed-over", DIGEST],
                 "argument 'handed_over' goes with the outcome fulfilled, not refused"),
                (["due", "--within", "soon"], "argument 'within' must be a length of time"),
                (["show", "x"], "argument 'request' must be a whole number")]:
            with self.subTest(args=args):
                before = self.state()
                self.fails(self.request(*args), 1, pattern)
                self.assertEqual(self.state(), before)

    def test_words_that_are_missing(self):
        for args, pattern in [([], "'gdpr_request' needs one more word: .*open"),
                              (["reopen"], "is followed by one of .*open.*, not 'reopen'"),
                              (["open"], "requires 3 more arguments"),
                              (["close", "1"], "requires 1 more argument"),
                              (["open", "access", "romeo", HOST, "--reason", "x"],
                               "unknown option '--reason'")]:
            self.fails(self.request(*args), 2, pattern)

    def test_a_request_that_does_not_exist(self):
        for args, audit in [(["identity", "9", "x"], {"request": 9}),
                            (["extend", "9", "x"], {"request": 9}),
                            (["close", "9", "refused"], {"request": 9, "outcome": "refused"}),
                            (["show", "9"], None)]:
            self.does("gdpr_request_" + args[0], *args[1:], no="Request 9 does not exist",
                      audit=audit, rows=0, outcome="request_does_not_exist")

    def test_what_is_closed_stays_closed(self):
        self.open()
        self.request("close", "1", "withdrawn")
        for args, audit in [(["identity", "1", "x"], {"request": 1}),
                            (["extend", "1", "x"], {"request": 1}),
                            (["close", "1", "refused"], {"request": 1, "outcome": "refused"})]:
            self.does("gdpr_request_" + args[0], *args[1:], no="Request 1 was closed before",
                      audit=audit, rows=0, outcome="closed_before")

    def test_extended_once(self):
        self.open()
        self.succeeds(self.request("extend", "1", "archives"))
        self.does("gdpr_request_extend", "1", "more archives",
                  no="Request 1 was extended before", audit={"request": 1}, rows=0,
                  outcome="extended_before")

    def received(self, which):
        """The first day whose deadline is yet to come, or the last one whose has passed."""
        compare, order = {"in time": (">=", "ASC"), "late": ("<", "DESC")}[which]
        return self.value(f"""
            SELECT d::date FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t,
                   generate_series(today - 60, today, interval '1 day') AS d
             WHERE (d + interval '1 month')::date {compare} today ORDER BY d {order} LIMIT 1""")

    def test_extended_as_long_as_the_deadline_has_not_passed(self):
        self.open("access", "romeo", HOST, "--received", self.received("in time"))
        self.succeeds(self.request("extend", "1", "archives"))
        self.open("access", "romeo", HOST, "--received", self.received("late"))
        deadline = self.show(2)[0]["deadline"]
        self.does("gdpr_request_extend", "2", "archives",
                  no=f"Request 2 was due on {deadline} and could be extended until then",
                  audit={"request": 2}, rows=0, outcome="too_late")

    def test_extended_to_three_months_from_receipt(self):
        """Not to two from a deadline that was shortened by the end of its month."""
        for received, first, second in [("2099-01-31", "2099-02-28", "2099-04-30"),
                                        ("2098-11-30", "2098-12-30", "2099-02-28")]:
            self.sql("INSERT INTO gdpr_ledger (event, type, subject, received, deadline, actor) "
                     f"VALUES ('opened', 'access', sha256('x'), '{received}', '{first}', 'x')")
            number = self.value("SELECT max(request) FROM gdpr_ledger")
            self.ok(self.request("extend", number, "archives"),
                    f"Request {number} extended: to be answered by {second}")

    def test_list(self):
        self.open("access", "romeo", HOST)
        self.open("erasure", "juliet", HOST, "--received", "2026-03-05")
        self.open("access", "nobody", "gone.example")
        self.request("close", "1", "refused")
        listed = self.rows(self.request("list", options=["--json"]))
        self.assertEqual([(r["request"], r["type"], r["user"], r["host"], r["state"]) for r in listed],
                         [(2, "erasure", "juliet", HOST, "open"),
                          (3, "access", "nobody", "gone.example", "open")])
        self.assertEqual((listed[0]["received"], listed[0]["deadline"]),
                         ("2026-03-05", "2026-04-05"))
        every = self.rows(self.request("list", "--all", options=["--json"]))
        self.assertEqual([(r["request"], r["user"], r["state"]) for r in every],
                         [(1, None, "refused"), (2, "juliet", "open"), (3, "nobody", "open")])
        self.assertRegex(every[0]["closed_at"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        some = self.rows(self.request("list", "--type", "access", "--all", options=["--json"]))
        self.assertEqual([r["request"] for r in some], [1, 3])
        self.assertEqual(self.rows(self.request("list", "--type", "objection",
                                                options=["--json"])), [])

    def test_what_is_open_is_said_by_the_ledger(self):
        """A name that somebody deleted by hand makes no request disappear."""
        self.open()
        self.sql("DELETE FROM gdpr_subjects")
        (row,) = self.rows(self.request("list", options=["--json"]))
        self.assertEqual((row["request"], row["user"], row["state"]), (1, None, "open"))
        (row,) = self.rows(self.request("due", "--within", "60d", options=["--json"]))
        self.assertEqual((row["request"], row["user"]), (1, None))
        self.ok(self.request("close", "1", "refused"), "Request 1 closed: refused")

    def test_due(self):
        days = [20, 25, 40, 0]
        for back in days:
            self.open("access", "romeo", HOST, "--received",
                      str(self.today - datetime.timedelta(days=back)))
        left = {n: (day(self.show(n)[0]["deadline"]) - self.today).days for n in (1, 2, 3, 4)}
        self.request("close", "3", "fulfilled")
        for within in (6, 7, 8, 10, 12, 35):
            result = self.request("due", "--within", f"{within}d", options=["--json"])
            self.assertEqual({r["request"]: r["days_left"] for r in self.rows(result)},
                             {n: left[n] for n in (1, 2, 4) if left[n] <= within})
        # By the week when nothing is said, and a part of a day is a day.
        self.assertEqual(self.request("due").text, self.request("due", "--within", "7d").text)
        self.assertEqual(self.request("due", "--within", "145h").text,
                         self.request("due", "--within", "7d").text)

    def test_due_says_no_once_a_deadline_has_passed(self):
        self.ok(self.request("due"), "")
        self.ok(self.request("due", options=["--json"]), '{"result":[],"status":"ok"}')
        for back in (40, 50):
            self.open("erasure", "romeo", HOST, "--received",
                      str(self.today - datetime.timedelta(days=back)))
        result = self.request("due", "--within", "0d")
        self.assertEqual(result.status, 1)
        first, second, text = result.lines
        self.assertEqual(text, "Requests past their deadline: 2")
        # The one that is late for longer comes first.
        self.assertRegex(first, rf"\A2\terasure\tromeo\t{HOST}\t\d{{4}}-.*\t-\d+\Z")
        self.assertRegex(second, r"\A1\t")
        reply = self.request("due", options=["--json"])
        self.assertEqual((reply.status, reply.json()["status"], len(reply.json()["result"])),
                         (1, "overdue", 2))
        for number in ("1", "2"):
            self.request("close", number, "refused")
        self.ok(self.request("due"), "")

    def test_an_extension_counts_for_due(self):
        self.open("access", "romeo", HOST, "--received",
                  str(self.today - datetime.timedelta(days=27)))
        self.assertEqual(self.request("due").lines[0][:1], "1")
        self.request("extend", "1", "archives")
        self.ok(self.request("due"), "")
        (row,) = self.rows(self.request("list", options=["--json"]))
        self.assertEqual(row["deadline"], self.show(1)[1]["deadline"])

    def test_every_format(self):
        self.open("access", "romeo", HOST, "--note", "a\tb")
        texts = {form: self.request("show", "1", options=["--format", form]).text
                 for form in ("text", "table", "json", "ndjson", "csv")}
        (row,) = json.loads(texts["json"])["result"]
        self.assertEqual([json.loads(line) for line in texts["ndjson"].splitlines()],
                         [row, {"status": "ok"}])
        (line,) = csv.DictReader(io.StringIO(texts["csv"]))
        self.assertEqual(line, {name: "" if value is None else str(value)
                                for name, value in row.items()})
        fields = texts["text"].rstrip("\n").split("\t")
        self.assertEqual(fields, [value.replace("\t", "\\t") for value in line.values()])
        self.assertEqual(texts["table"].split()[:3], ["row", "at", "event"])

    def test_a_batch(self):
        lines = [f"gdpr_request open access romeo {HOST} --note 'by phone'",
                 json.dumps(["gdpr_request", "extend", "1", "archives"]),
                 json.dumps({"command": "gdpr_request_close",
                             "args": {"request": 1, "outcome": "fulfilled", "handed_over": DIGEST}}),
                 "gdpr_request show 1", "gdpr_ledger_verify"]
        result = self.adminex("batch", "-", stdin="\n".join(lines).encode())
        self.succeeds(result)
        replies = result.ndjson()
        self.assertEqual([reply["command"] for reply in replies],
                         ["gdpr_request_open", "gdpr_request_extend", "gdpr_request_close",
                          "gdpr_request_show", "gdpr_ledger_verify"])
        self.assertEqual(replies[4]["result"][0]["rows"], 3)
        self.assertEqual(replies[3]["result"][2]["handed_over"], DIGEST)


class Keys(Ledger):
    def test_without_a_key(self):
        self.open()
        plain = ["-c", self.file("no-key.conf", "")]
        for args in (["open", "access", "romeo", HOST], ["identity", "1", "x"], ["extend", "1", "x"],
                     ["close", "1", "refused", "--note", "x"]):
            before = self.state()
            self.fails(self.request(*args, options=plain), 1,
                       f"\\Aadminex: gdpr_request_{args[0]} {NO_KEY}")
            self.assertEqual(self.state(), before)
        # What hashes nothing needs none.
        for args in (["gdpr_request", "list"], ["gdpr_request", "show", "1"], ["gdpr_ledger_verify"],
                     ["gdpr_request", "due"], ["gdpr_ledger_head"],
                     ["gdpr_request", "close", "1", "refused"]):
            self.succeeds(self.adminex(*args, options=plain))

    def test_a_key_is_made_when_it_is_missing(self):
        path = self.tmp / "new.key"
        path.unlink(missing_ok=True)
        options = ["-c", self.file("new.conf", f'privacy = {{ key_file = "{path}"; }};')]
        self.succeeds(self.request("open", "access", "romeo", HOST, options=options))
        self.assertEqual((path.stat().st_size, path.stat().st_mode & 0o777), (32, 0o600))
        self.succeeds(self.request("open", "access", "romeo", HOST, options=options))
        want = hmac.digest(path.read_bytes(), f"adminex data subject 1\0romeo@{HOST}".encode(),
                           "sha256").hex()
        self.assertEqual(self.sql("SELECT encode(subject, 'hex') FROM gdpr_ledger"), [[want]] * 2)

    def test_a_key_that_others_can_read(self):
        path = self.file("open.key", KEY)
        options = ["-c", self.file("open.conf", f'privacy = {{ key_file = "{path}"; }};')]
        before = self.state()
        for mode in (0o644, 0o660):
            os.chmod(path, mode)
            self.fails(self.request("open", "access", "romeo", HOST, options=options), 1,
                       rf"'{path}' has mode {mode:04o}: others could read or change the key "
                       r"\(chmod 0600, or 0640 ")
        os.chmod(path, 0o640)
        self.assertEqual(self.state(), before)
        self.succeeds(self.request("open", "access", "romeo", HOST, options=options))


class Chain(Ledger):
    def setUp(self):
        super().setUp()
        lines = [f"gdpr_request open access {user} {HOST} --identity passport"
                 for user in ("romeo", "juliet", "mercutio")]
        lines += ["gdpr_ledger_head", "gdpr_request extend 1 archives",
                  f"gdpr_request close 2 fulfilled --handed-over {DIGEST}"]
        replies = self.adminex("batch", "-", stdin="\n".join(lines).encode()).ndjson()
        self.assertEqual([reply["status"] for reply in replies], ["ok"] * 6)
        self.old_head = replies[3]["result"]

    def broken(self, text, rows, status):
        """What verify says, as text and by machine."""
        self.no(self.adminex("gdpr_ledger_verify"),
                f"{text}; rows that do not hold: {rows}")
        reply = self.adminex("gdpr_ledger_verify", options=["--json"]).json()
        self.assertEqual((reply["status"], "result" in reply), (status, False))

    def changed(self, row, rows=1):
        self.broken(f"Row {row} of the ledger was changed", rows, "row_changed")

    def missing(self, row, rows=1):
        self.broken(f"Row {row} of the ledger is missing", rows, "row_missing")

    def unchained(self, row, rows=1):
        self.broken(f"Row {row} of the ledger does not continue the row before it", rows,
                    "row_not_chained")

    # What it proves.

    def test_whole(self):
        self.whole(8)
        self.whole(8, "--head", self.old_head)
        self.whole(8, "--head", self.head())
        self.whole(8, "--head", self.head().upper().replace("SHA256", "sha256"))
        self.whole(8, "--head", ZEROS)
        reply = self.adminex("gdpr_ledger_verify", options=["--json"]).json()
        self.assertEqual(reply["result"], [{"rows": 8, "head": self.head()}])

    def test_an_empty_ledger(self):
        self.sql(world.FORGET_LEDGER)
        self.ok(self.adminex("gdpr_ledger_head"), ZEROS)
        self.whole(0)
        self.whole(0, "--head", ZEROS)

    def test_heads_that_are_none(self):
        for head in ("", "x", DIGEST[7:], DIGEST + "0", "SHA256:" + DIGEST[7:], "md5:" + DIGEST[7:]):
            self.fails(self.adminex("gdpr_ledger_verify", "--head", head), 1,
                       "argument 'head' must be sha256: and 64 hexadecimal digits")

    def test_anybody_can_compute_it(self):
        """The form of a row as docs/PRIVACY.md has it, from what psql prints."""
        hashes = [bytes(32)]
        for *fields, got in self.sql(
                "SELECT seq, (extract(epoch FROM at) * 1000000)::bigint, request, event, type, "
                "encode(subject, 'hex'), received - '1970-01-01', deadline - '1970-01-01', outcome, "
                "encode(handed_over, 'hex'), encode(note_hmac, 'hex'), actor, db_role, "
                "encode(prev, 'hex'), encode(hash, 'hex') FROM gdpr_ledger ORDER BY seq"):
            self.assertEqual(fields[-1], hashes[-1].hex())
            form = b"".join(b"~" if field is None else
                            b"%d:%s," % (len(field.encode()), field.encode()) for field in fields)
            hashes.append(hashlib.sha256(form).digest())
            self.assertEqual(got, hashes[-1].hex())
        self.assertEqual(len(hashes), 9)

    def test_a_dump_that_is_restored(self):
        bindir = os.path.dirname(harness.psql())
        restored = self.new_database(self.addCleanup, migrated=False)
        dump = subprocess.run([os.path.join(bindir, "pg_dump"), "-d", self.dsn], check=True,
                              stdout=subprocess.PIPE, timeout=harness.TIMEOUT).stdout
        self.cluster.sql(restored, dump.decode())
        self.ok(self.adminex("gdpr_ledger_verify", "--head", self.head(),
                             env={"ADMINEX_DSN": self.cluster.dsn(restored)}),
                f"The ledger is whole: 8 rows, head {self.head()}")

    # What nobody may.

    def test_the_database_refuses(self):
        for sql in ("UPDATE gdpr_ledger SET actor = 'x' WHERE seq = 3",
                    "DELETE FROM gdpr_ledger WHERE seq = 3", "TRUNCATE gdpr_ledger",
                    "SET session_replication_role = replica; DELETE FROM gdpr_ledger"):
            with self.assertRaisesRegex(AssertionError, "of adminex.gdpr_ledger is refused"):
                self.cluster.sql(self.database, sql)
        self.whole(8, "--head", self.old_head)

    # What is found.

    def test_a_row_that_was_changed(self):
        values = {"at": "at + interval '1 microsecond'", "request": "4", "subject": "sha256('x')",
                  "type": "'erasure'", "received": "received - 1", "deadline": "deadline + 1",
                  "note_hmac": "sha256('x')", "actor": "'mallory'", "db_role": "'mallory'",
                  "hash": "sha256('x')"}
        for column, value in values.items():
            with self.subTest(column=column):
                kept = "CREATE TEMPORARY TABLE kept AS SELECT * FROM gdpr_ledger; "
                self.tamper(kept + f"UPDATE gdpr_ledger SET {column} = {value} WHERE seq = 3")
                # A hash is also what the row behind it was chained to.
                self.changed(3, 2 if column == "hash" else 1)
                self.tamper("DELETE FROM gdpr_ledger; INSERT INTO gdpr_ledger TABLE kept; "
                            "DROP TABLE kept")
                self.whole(8)
        self.tamper("UPDATE gdpr_ledger SET prev = sha256('x') WHERE seq = 3")
        self.changed(3)

    def test_the_outcome_that_was_changed(self):
        self.tamper("UPDATE gdpr_ledger SET outcome = 'withdrawn', handed_over = NULL "
                    "WHERE seq = 8")
        self.changed(8)

    def test_a_row_that_was_changed_with_its_hash(self):
        self.tamper("UPDATE gdpr_ledger SET deadline = deadline + 9 WHERE seq = 3; "
                    "UPDATE gdpr_ledger AS l SET hash = gdpr_ledger_hash(l) WHERE seq = 3")
        self.unchained(4)

    def test_rows_that_were_removed(self):
        for removed, row in (("seq = 4", 4), ("seq IN (4, 5)", 4), ("seq = 1", 1),
                             ("seq IN (2, 6)", 2)):
            self.setUp()
            self.tamper(f"DELETE FROM gdpr_ledger WHERE {removed}")
            self.missing(row, 2 if row == 2 else 1)

    def test_a_row_that_was_removed_and_the_others_numbered_anew(self):
        self.tamper("DELETE FROM gdpr_ledger WHERE seq = 4; "
                    "ALTER TABLE gdpr_ledger DROP CONSTRAINT gdpr_ledger_seq_counted; "
                    "UPDATE gdpr_ledger SET seq = -seq WHERE seq > 4; "
                    "UPDATE gdpr_ledger SET seq = -seq - 1 WHERE seq < 0; "
                    "ALTER TABLE gdpr_ledger ADD CONSTRAINT gdpr_ledger_seq_counted "
                    "CHECK (seq > 0 AND request > 0)")
        self.changed(4, 4)

    def test_a_row_that_was_put_in(self):
        self.tamper("DELETE FROM gdpr_ledger WHERE seq = 4; "
                    "INSERT INTO gdpr_ledger SELECT (jsonb_populate_record(l, jsonb_build_object("
                    "'seq', 4, 'request', 9, 'prev', l.hash, 'hash', sha256('x')))).* "
                    "FROM gdpr_ledger AS l WHERE seq = 3; "
                    "UPDATE gdpr_ledger AS l SET hash = gdpr_ledger_hash(l) WHERE seq = 4")
        self.unchained(5)

    def test_a_row_that_was_put_in_behind_the_last(self):
        self.tamper("INSERT INTO gdpr_ledger SELECT (jsonb_populate_record(l, jsonb_build_object("
                    "'seq', 9, 'request', 9, 'prev', sha256('x'), 'hash', sha256('x')))).* "
                    "FROM gdpr_ledger AS l WHERE seq = 3; "
                    "UPDATE gdpr_ledger AS l SET hash = gdpr_ledger_hash(l) WHERE seq = 9")
        self.unchained(9)

    def head_is_missing(self, head, rows):
        self.whole(rows)
        self.no(self.adminex("gdpr_ledger_verify", "--head", head),
                f"No row of the ledger has the hash {head}: it was rewritten, or its end was cut off")

    def test_an_end_that_was_cut_off(self):
        head = self.head()
        self.tamper("DELETE FROM gdpr_ledger WHERE seq > 6")
        self.head_is_missing(head, 6)
        self.whole(6, "--head", self.old_head)

    def test_a_ledger_that_was_emptied(self):
        head = self.head()
        self.sql(world.FORGET_LEDGER)
        self.head_is_missing(head, 0)

    def test_a_chain_that_was_rewritten(self):
        head = self.head()
        self.tamper("""DO $$
            DECLARE
                r gdpr_ledger;
                before bytea := decode(repeat('00', 32), 'hex');
            BEGIN
                UPDATE gdpr_ledger SET actor = 'mallory' WHERE seq = 3;
                FOR r IN SELECT * FROM gdpr_ledger ORDER BY seq LOOP
                    r.prev := before;
                    before := gdpr_ledger_hash(r);
                    UPDATE gdpr_ledger SET prev = r.prev, hash = before WHERE seq = r.seq;
                END LOOP;
            END $$""")
        self.head_is_missing(head, 8)
        self.head_is_missing(self.old_head, 8)

    def test_it_goes_on_behind_damage(self):
        """A ledger that is broken still takes what happens, and still says what is broken."""
        self.tamper("UPDATE gdpr_ledger SET actor = 'mallory' WHERE seq = 3")
        self.assertEqual(self.open(), 4)
        self.changed(3)


class AtTheSameTime(Ledger):
    def elsewhere(self, sql):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; " + sql)
        return other

    def waiting(self):
        return int(self.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' "
                              "AND datname = current_database()"))

    def start(self, *args):
        child = self.spawn("gdpr_request", *args, options=self.options)
        self.addCleanup(child.end)
        return child

    def test_appends_wait_for_each_other(self):
        other = self.elsewhere(
            "INSERT INTO gdpr_ledger (event, type, subject, received, deadline, actor) "
            "VALUES ('opened', 'access', sha256('x'), '2026-01-31', '2026-02-28', 'x')")
        children = [self.start("open", "access", f"user{n}", HOST) for n in range(6)]
        harness.wait_until(lambda: self.waiting() == 6)
        other.run("COMMIT")
        texts = []
        for child in children:
            result = child.wait()
            self.succeeds(result)
            texts.append(result.text.split(" opened")[0])
        self.assertEqual(sorted(texts), [f"Request {n}" for n in range(2, 8)])
        self.whole(7)

    def test_what_was_rolled_back_leaves_no_gap(self):
        other = self.elsewhere(
            "INSERT INTO gdpr_ledger (event, type, subject, received, deadline, actor) "
            "VALUES ('opened', 'access', sha256('x'), '2026-01-31', '2026-02-28', 'x')")
        child = self.start("open", "access", "romeo", HOST)
        harness.wait_until(lambda: self.waiting() == 1)
        other.run("ROLLBACK")
        self.assertRegex(child.wait().text, r"\ARequest 1 opened")
        self.whole(1)

    def test_closed_by_one_only(self):
        self.open()
        other = self.elsewhere(
            "SELECT pg_advisory_xact_lock(hashtextextended('adminex.gdpr_ledger', 0))")
        children = [self.start("close", "1", "refused") for _ in range(4)]
        children += [self.start("extend", "1", "x") for _ in range(2)]
        harness.wait_until(lambda: self.waiting() == 6)
        other.run("COMMIT")
        results = [child.wait() for child in children]
        closed = [r for r in results if r.text == "Request 1 closed: refused\n"]
        self.assertEqual(len(closed), 1)
        for result in results:
            self.assertIn(result.status, (0, 1))
            self.assertEqual(result.err, b"")
        events = [event["event"] for event in self.show(1)]
        self.assertEqual(events[-1], "closed")
        self.assertEqual(len(events), len(set(events)))
        self.whole(len(events))

    def test_a_reader_does_not_wait(self):
        self.open()
        self.elsewhere("SELECT pg_advisory_xact_lock(hashtextextended('adminex.gdpr_ledger', 0))")
        self.whole(1)
        self.assertEqual(len(self.show(1)), 1)


class Roles(Ledger):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for role in ("reader", "operator", "admin"):
            name = f"{cls.database}_{role}"
            cls.cluster.sql("postgres", f"CREATE ROLE {name} LOGIN IN ROLE adminex_{role}")
            cls.addClassCleanup(cls.cluster.sql, "postgres", f"DROP ROLE {name}")

    def run_as(self, role, *args):
        return self.adminex(*args, options=[
            "--dsn", self.cluster.dsn(self.database, f"{self.database}_{role}")])

    def denied(self, role, *args):
        before = self.state()
        self.fails(self.run_as(role, *args), 5, "permission denied for table gdpr_")
        self.assertEqual(self.state(), before)

    def test_the_operator_handles_requests_and_decides_nothing(self):
        for args in (["open", "access", "romeo", HOST, "--identity", "passport", "--note", "called"],
                     ["identity", "1", "letter"], ["list", "--all"], ["show", "1"], ["due"]):
            self.succeeds(self.run_as("operator", "gdpr_request", *args))
        self.denied("operator", "gdpr_request", "extend", "1", "archives")
        self.denied("operator", "gdpr_request", "close", "1", "refused")
        self.assertEqual(self.sql("SELECT DISTINCT db_role FROM gdpr_ledger"),
                         [[f"{self.database}_operator"]])

    def test_the_admin_decides(self):
        self.open()
        self.succeeds(self.run_as("admin", "gdpr_request", "extend", "1", "archives"))
        self.succeeds(self.run_as("admin", "gdpr_request", "close", "1", "refused"))
        self.whole(3)

    def test_the_reader_sees_that_it_is_whole_and_nobodys_name(self):
        self.open()
        self.ok(self.run_as("reader", "gdpr_ledger_head"), self.head())
        self.ok(self.run_as("reader", "gdpr_ledger_verify", "--head", self.head()), None)
        for args in (["list"], ["show", "1"], ["due"], ["identity", "1", "x"]):
            self.denied("reader", "gdpr_request", *args)


if __name__ == "__main__":
    harness.unittest.main()
