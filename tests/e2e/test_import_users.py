"""Import of users files, CSV and NDJSON: a result for each bad row, and what becomes of the good."""

import csv
import io
import json
import os
import resource
import select
import signal
import subprocess
import sys
import unittest

import harness
import world
from harness import BROKEN_PIPE, CLOSED, FULL_DISK
from world import CHAT, HOST, PASSWORD

INTERRUPTED = r"\Aadminex: interrupted: nothing was changed\n\Z"
HEADER = "user,host,password,created_at\n"
# A word that stands wherever a password may stand.
SECRET = "hunter2hunter2"


def line(user, host=HOST, password=SECRET, **more):
    """A row of NDJSON."""
    return json.dumps({"user": user, "host": host, "password": password, **more}) + "\n"


class Users(world.TestCase):
    def imports(self, text, *options, name="users.csv", says=None, status=0, err="", **how):
        """Import a file with that text: its bad rows and its totals are what it says."""
        result = self.adminex("import", *options, self.file(name, text), **how)
        self.assertEqual(result.status, status, f"\n{result}")
        self._said(result, says, err)
        self.assertNotIn(SECRET.encode(), result.out + result.err)
        return result

    def users(self, where="created_at > '2021-01-01'"):
        return [tuple(row) for row in self.sql(
            f"SELECT username, host FROM users WHERE {where} ORDER BY host, username")]

    def has_password(self, user, password, host=HOST):
        self.does("check_password", user, host, password,
                  says=f"Password for user {user}@{host} is correct")


class Good(Users):
    def test_import_users_makes_accounts(self):
        before = self.state()
        self.imports(f"benvolio,{HOST},{SECRET}\nTybalt,New.Example.ORG,p2\n",
                     says="2 accounts made", err=r"\Aadminex: host 'new\.example\.org' added\n\Z")
        after = self.state()
        self.assertEqual(self.changed(before, after), {"hosts", "users", "credentials"})
        self.assertEqual(self.new_audit(before, after),
                         [("import", world.ACTOR, "cli", {}, 2, "ok")])
        self.assertEqual(self.new_outbox(before, after), [])
        self.has_password("benvolio", SECRET)
        self.has_password("tybalt", "p2", "new.example.org")

    def test_import_users_stores_keys_and_no_password(self):
        self.imports(f"benvolio,{HOST},{SECRET}\n")
        ((plain, mechanism, iterations, salt, stored, server),) = self.sql(
            "SELECT plain, mechanism, iterations, encode(salt, 'hex'), encode(stored_key, 'hex'),"
            "       encode(server_key, 'hex') FROM credentials WHERE username = 'benvolio'")
        self.assertEqual((plain, mechanism, iterations), (None, "SCRAM-SHA-256", "4096"))
        keys = world.scram_keys(mechanism, SECRET, bytes.fromhex(salt), 4096)
        self.assertEqual([key.hex() for key in keys], [stored, server])

    def test_import_users_takes_mechanism_and_iterations_of_the_configuration(self):
        path = self.file("a.conf", 'password = { mechanism = "SCRAM-SHA-512"; iterations = 5000; };')
        self.imports("benvolio,example.org,pw\ntybalt,example.org,pw\n",
                     options=["-c", path])
        self.assertEqual(self.sql(
            "SELECT DISTINCT mechanism, iterations, octet_length(stored_key) FROM credentials"
            " WHERE username IN ('benvolio', 'tybalt')"), [["SCRAM-SHA-512", "5000", "64"]])
        self.has_password("tybalt", "pw")

    def test_import_users_salts_each_password_alone(self):
        self.imports("".join(f"u{i},{HOST},same\n" for i in range(300)), says="300 accounts made")
        self.assertEqual(self.value("SELECT count(DISTINCT salt) FROM credentials"
                                    " WHERE username ~ '^u'"), "300")
        for user in ("u0", "u255", "u256", "u299"):
            self.has_password(user, "same")

    def test_import_users_in_the_order_of_the_header(self):
        for n, header in enumerate((["password", "host", "user"],
                                    ["created_at", "user", "password", "host"],
                                    ["HOST", "Password", "User"])):
            row = {"user": f"new{n}", "host": HOST, "password": f"pw{n}", "created_at": ""}
            self.imports(",".join(header) + "\r\n"
                         + ",".join(row[name.lower()] for name in header) + "\r\n",
                         says="1 accounts made")
            self.has_password(f"new{n}", f"pw{n}")

    def test_import_users_without_header_and_with_a_byte_order_mark(self):
        self.imports(f"\ufeffone,{HOST},pw,\n\n\r\ntwo,{HOST},pw,2022-02-02T00:00:00Z\n"
                     f"three,{HOST},pw", says="3 accounts made")
        self.imports("\ufeff" + HEADER + f"four,{HOST},pw,\n", says="1 accounts made")
        self.imports("\ufeff" + line("five"), name="users.ndjson", says="1 accounts made")

    def test_import_users_takes_any_password(self):
        words = ["päß wörd ☃", 'with "quotes", commas', " blanks ", "пароль", "日本語", "🙂",
                 "\\n\\u0041", "x" * 3000]
        text = io.StringIO()
        csv.writer(text).writerows((f"c{n}", HOST, word) for n, word in enumerate(words))
        self.imports(text.getvalue(), says=f"{len(words)} accounts made")
        self.imports("".join(line(f"j{n}", password=word) for n, word in enumerate(words)),
                     name="users.jsonl", says=f"{len(words)} accounts made")
        for n, word in enumerate(words):
            self.has_password(f"c{n}", word)
            self.has_password(f"j{n}", word)

    def test_import_users_prepares_names(self):
        self.imports("Straße,Neu.Example.ORG,pw\nἈχιλλεύς,neu.example.org,pw\n",
                     err="host 'neu.example.org' added")
        self.assertEqual(self.users("host = 'neu.example.org'"),
                         [("strasse", "neu.example.org"), ("ἀχιλλεύσ", "neu.example.org")])
        self.has_password("STRASSE", "pw", "NEU.example.org")

    def test_import_users_keeps_the_creation_date(self):
        self.imports(HEADER + f"a,{HOST},pw,1999-12-31T23:59:59-05:00\nb,{HOST},pw,\n"
                     f"c,{HOST},pw,2016-12-31T23:59:60.25Z\n")
        self.imports(line("d", created_at="2001-01-01T00:00:00Z") + line("e", created_at=None),
                     name="users.ndjson")
        self.assertEqual(
            self.sql("SELECT username, CASE WHEN created_at > now() - interval '1 hour' THEN 'now'"
                     " ELSE to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') END"
                     " FROM users WHERE username < 'f' ORDER BY username"),
            [["a", "2000-01-01 04:59:59.000"], ["b", "now"], ["c", "2017-01-01 00:00:00.250"],
             ["d", "2001-01-01 00:00:00.000"], ["e", "now"]])

    def test_import_users_from_standard_input(self):
        for word, text in (("csv", f"one,{HOST},pw\n"), ("ndjson", line("two")),
                           ("xep0227", "<server-data xmlns='urn:xmpp:pie:0'/>")):
            result = self.adminex("import", "--as", word, "-", stdin=text.encode())
            self.succeeds(result)
        self.assertEqual(self.users(), [("one", HOST), ("two", HOST)])
        self.fails(self.adminex("import", "-", stdin=b"a,b.org,c\n"), 1, "'standard input' line 1")

    def test_import_users_the_extension_decides_unless_told(self):
        self.imports(f"one,{HOST},pw\n", name="USERS.CSV", says="1 accounts made")
        self.imports(line("two"), name="users.jsonl", says="1 accounts made")
        self.imports(f"three,{HOST},pw\n", "--as", "csv", name="users.txt", says="1 accounts made")
        self.imports(line("four"), "--as", "ndjson", name="users.csv", says="1 accounts made")
        self.fails(self.adminex("import", self.file("users.txt", "a,b.org,c\n")), 1, "line 1")
        self.fails(self.adminex("import", "--as", "xep0227", self.file("u.csv", "a,b.org,c\n")), 1,
                   "line 1")

    def test_import_users_usage(self):
        self.fails(self.adminex("import", "--as", "yaml", "-"), 2, "--as is csv, ndjson or xep0227")
        self.fails(self.adminex("import", "-", "--as"), 2, "--as is csv, ndjson or xep0227")
        self.fails(self.adminex("import", "--as", "csv", "--as", "csv", "-"), 2, "one word too many")
        self.fails(self.adminex("import", "--strict", "-"), 2, "--strict is for users files")
        self.fails(self.adminex("--max-affected", "1", "import", "a.csv"), 2, "no --max-affected")
        self.fails(self.adminex("import", "nowhere.csv"), 1, "cannot open 'nowhere.csv': No such")
        self.fails(self.adminex("import", "--as", "csv", self.tmp), 1, "cannot read .*directory")

    def test_import_users_of_an_empty_file_changes_nothing(self):
        before = self.state()
        for text in ("", "\n\n", HEADER, "\ufeff"):
            self.imports(text, says="0 accounts made")
        self.assertEqual(self.state(), before)


class Bad(Users):
    CSV = (HEADER.encode()
           + b"good1,example.org,pw,\n"                          # 2
           b"a b,example.org,hunter2hunter2,\n"                  # 3
           b"a,exa mple,hunter2hunter2,\n"
           b",example.org,hunter2hunter2,\n"
           b"a,,hunter2hunter2,\n"
           b"a,example.org,,\n"                                  # 7
           b"a,example.org,\xc2\xad,\n"
           b"a,example.org,hunter2hunter2\x07,\n"
           b"a,example.org,hunter2hunter2\xff,\n"
           b"a\xff,example.org,hunter2hunter2,\n"                # 11
           b"a,example.org,hunter2hunter2\0,\n"
           b"a,example.org,pw,hunter2hunter2\n"
           b"a,example.org,pw,2020-01-01T00:00:00\n"
           b"hunter2hunter2\n"                                   # 15
           b"a,hunter2hunter2,example.org\n"
           b"a,example.org,hunter2hunter2,hunter2hunter2,\n"
           b'a,example.org,hunter2"hunter2,\n'
           b'a,example.org,"hunter2hunter2"x,\n'                 # 19
           b"a,example.org,hunter2hunter2,\rb,example.org,hunter2hunter2,\n"
           + b"a,example.org," + b"hunter2hunter2" * 5000 + b",\n"
           b"\x1b[2J,exa\tmple,hunter2hunter2,\n"                # 22
           b"GOOD1,Example.Org,hunter2hunter2,\n"
           b"good2,example.org,pw,\r\n"
           b'"a,example.org,hunter2hunter2,\n'                   # 25
           b"good3,example.org,pw,")
    FIELDS = "it does not have the fields of the header"
    QUOTES = "quotes must stand around a whole field, and those inside be doubled"
    DATE = "created_at is no date and time with a zone, as 2024-05-17T09:30:00Z is"
    CHARACTERS = "has characters that are not allowed there"
    WHY = [(3, "a b", HOST, "localpart " + CHARACTERS),
           (4, "a", "exa mple", "domain " + CHARACTERS),
           (5, "", HOST, "localpart is empty"),
           (6, "a", "", "domain is empty"),
           (7, "a", HOST, "the password is empty"),
           (8, "a", HOST, "the password is empty after SASLprep"),
           (9, "a", HOST, "the password has characters that SASLprep (RFC 4013) refuses"),
           (10, "a", HOST, "the password is not UTF-8 text"),
           (11, "a\ufffd", HOST, "localpart is not UTF-8"),
           (12, "a", HOST, "password has a NUL byte"),
           (13, "a", HOST, DATE), (14, "a", HOST, DATE),
           (15, "", "", FIELDS), (16, "", "", FIELDS), (17, "", "", FIELDS),
           (18, "", "", QUOTES), (19, "", "", QUOTES),
           (20, "", "", "it has a carriage return without a line feed"),
           (21, "", "", "the row is longer than 65536 bytes"),
           (22, "\ufffd[2J", "exa\ufffdmple", "localpart " + CHARACTERS),
           (23, "GOOD1", "Example.Org", "the account is already in line 2"),
           (25, "", "", "a quote is not closed")]
    TOTALS = "3 accounts made, 22 rows bad"

    def test_import_users_names_each_bad_row_and_makes_the_others(self):
        before = self.state()
        self.imports(self.CSV, status=1,
                     says=["\t".join(map(str, row)) for row in self.WHY] + [self.TOTALS])
        self.assertEqual(self.users(), [("good1", HOST), ("good2", HOST), ("good3", HOST)])
        self.assertEqual(self.new_audit(before, self.state()),
                         [("import", world.ACTOR, "cli", {}, 3, "ok")])
        self.has_password("good1", "pw")
        self.has_password("good3", "pw")

    def test_import_users_names_bad_rows_in_every_format(self):
        rows = [dict(zip(("line", "user", "host", "why"), row)) for row in self.WHY]
        totals = {"message": self.TOTALS, "status": "bad_rows"}
        dry = {"message": "Dry run: " + self.TOTALS, "status": "bad_rows"}
        result = self.imports(self.CSV, "--dry-run", options=["--json"], status=1,
                              err="nothing was changed")
        self.assertEqual(result.json(), {"result": rows, **dry})
        result = self.imports(self.CSV, "--dry-run", options=["--format", "ndjson"], status=1,
                              err="nothing was changed")
        self.assertEqual(result.ndjson(), rows + [dry])
        result = self.imports(self.CSV, "--dry-run", options=["--format", "csv"], status=1,
                              err="adminex: Dry run: " + self.TOTALS)
        self.assertEqual([dict(row, line=int(row["line"]))
                          for row in csv.DictReader(io.StringIO(result.text))], rows)
        result = self.imports(self.CSV, options=["--format", "table"], status=1)
        self.assertEqual(len(result.lines), len(rows) + 3)
        self.assertEqual(result.lines[-1], totals["message"])

    def test_import_users_says_yes_in_every_format(self):
        for n, (word, want) in enumerate((
                ("text", "1 accounts made\n"), ("table", "line  user  host  why\n----  ----  ----"
                 "  ---\n1 accounts made\n"), ("csv", "line,user,host,why\n"),
                ("json", '{"result":[],"message":"1 accounts made","status":"ok"}\n'),
                ("ndjson", '{"message":"1 accounts made","status":"ok"}\n'))):
            self.imports(line(f"u{n}"), name="users.ndjson", options=["--format", word],
                         says=want.encode(),
                         err=r"\Aadminex: 1 accounts made\n\Z" if word == "csv" else "")

    def test_import_users_of_bad_ndjson(self):
        text = (line("good1")
                + "[]\nnull\n" + '{"user":1}\n' + '{"user":{"user":"a"}}\n'
                + '{"user":"a","password":"hunter2hunter2","hunter2hunter2":1}\n'
                + '{"user":"a","user":"b","password":"hunter2hunter2"}\n'
                + '{"user":"a","host":"example.org"}\n'
                + '{"user":"a","host":"example.org","password":"hunter2hunter2\\ud800"}\n'
                + '{"user":"a","password":"hunter2hunter2\n'
                + line("a")[:-1] + "{}\n"
                + '{"user":"a","host":"h","password":null}\n'
                + "[" * 10000 + "\n"
                + '{"user":"' + "hunter2hunter2" * 5000 + '"}\n'
                + line("Good1") + " \t\r\n" + line("good2")[:-1])
        says = ["2\t\t\texpected an object, found an array",
                "3\t\t\texpected an object, found null",
                "4\t\t\texpected a string as user, found a number",
                "5\t\t\texpected a string as user, found an object",
                "6\ta\t\tit has a member other than user, host, password and created_at",
                "7\ta\t\tuser is there twice",
                f"8\ta\t{HOST}\tpassword is missing",
                f"9\ta\t{HOST}\tit has half a surrogate pair",
                "10\ta\t\tit is no JSON: invalid character inside string.",
                f"11\ta\t{HOST}\tit is no JSON: trailing garbage",
                "12\ta\th\texpected a string as password, found null",
                "13\t\t\texpected an object, found an array",
                "14\t\t\tthe row is longer than 65536 bytes",
                f"15\tGood1\t{HOST}\tthe account is already in line 1",
                "2 accounts made, 14 rows bad"]
        self.imports(text, name="users.ndjson", status=1, says=says)
        self.assertEqual(self.users(), [("good1", HOST), ("good2", HOST)])

    def test_import_users_the_first_good_row_of_an_account_counts(self):
        self.imports(f"a,{HOST},\nA,{HOST},first\na,{HOST},second\na,{CHAT},other\na,{HOST},x\n",
                     status=1,
                     says=[f"1\ta\t{HOST}\tthe password is empty",
                           f"3\ta\t{HOST}\tthe account is already in line 2",
                           f"5\ta\t{HOST}\tthe account is already in line 2",
                           "2 accounts made, 3 rows bad"])
        self.has_password("a", "first")
        self.has_password("a", "other", CHAT)

    def test_import_users_bad_rows_add_no_host(self):
        self.imports("a,bad.example.org,\na,good.example.org,pw\n", status=1, says=None,
                     err=r"\Aadminex: host 'good\.example\.org' added\n\Z")
        self.assertEqual(self.sql("SELECT host FROM hosts WHERE host ~ '^(bad|good)'"),
                         [["good.example.org"]])

    def test_import_users_strict_imports_all_or_nothing(self):
        before = self.state()
        says = [f"2\tA\t{HOST}\tthe account is already in line 1",
                "1 rows bad: nothing was imported"]
        text = f"a,{HOST},pw\nA,{HOST},pw\nb,new.example.org,pw\n"
        self.imports(text, "--strict", status=1, says=says)
        result = self.imports(text, "--strict", options=["--json"], status=1)
        self.assertEqual((result.json()["status"], result.json()["message"]),
                         ("bad_rows", says[1]))
        self.assertEqual(self.state(), before)
        self.imports(f"a,{HOST},pw\n", "--strict", says="1 accounts made")

    def test_import_users_half_a_header_stops_it(self):
        for text in ("user,password\na,b\n", "user,host,password,email\na,example.org,pw,x\n"):
            self.rejects("import", self.file("bad.csv", text),
                         pattern=r"\Aadminex: '\S+/bad\.csv' line 1: a header has user, host, pass")

    def test_import_users_names_more_bad_rows_than_memory_should_hold(self):
        count = 30_000
        result = self.imports("a b,example.org,x\n" * count + f"good,{HOST},pw\n", status=1)
        self.assertEqual(len(result.lines), count + 1)
        self.assertEqual(result.lines[-1], f"1 accounts made, {count} rows bad")
        self.assertEqual([int(row.split("\t")[0]) for row in result.lines[:-1]],
                         list(range(1, count + 1)))


class Existing(Users):
    FILE = (HEADER + f"Romeo,{HOST},{SECRET},2019-09-09T00:00:00Z\njuliet,{HOST},{SECRET},\n"
            f"fresh,{HOST},{SECRET},\n")

    def setUp(self):
        super().setUp()
        self.contact("romeo", "juliet@example.org")
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": "<vCard/>"})
        self.insert("credentials", world.credential("romeo", password="plain", mechanism="PLAIN"))

    def test_import_users_leaves_existing_accounts_untouched(self):
        before = self.state()
        self.imports(self.FILE, says="1 accounts made, 2 left untouched",
                     err=r"\Aadminex: account 'juliet@example\.org' exists: left untouched\n"
                         r"adminex: account 'romeo@example\.org' exists: left untouched\n\Z")
        after = self.state()
        for table in ("users", "credentials"):
            self.assertEqual([row for row in after[table] if row["username"] != "fresh"],
                             before[table])
        self.has_password("juliet", PASSWORD)
        self.imports(self.FILE, says="0 accounts made, 3 left untouched", err=None)
        self.assertEqual(self.state(), after)

    def test_import_users_replace_changes_password_and_date_only(self):
        before = self.state()
        self.imports(self.FILE, "--replace", says="1 accounts made, 2 replaced",
                     err=r"\Aadminex: account 'juliet@\S+ exists: to be replaced\nadminex: account"
                         r" 'romeo@\S+ exists: to be replaced\n\Z")
        after = self.state()
        self.assertEqual(self.changed(before, after), {"users", "credentials"})
        self.assertEqual(self.new_audit(before, after),
                         [("import", world.ACTOR, "cli", {}, 3, "ok")])
        self.assertEqual(self.new_outbox(before, after), [])
        self.assertEqual(
            self.sql("SELECT username, created_at::date, count(mechanism) FROM users"
                     " JOIN credentials USING (host, username) WHERE host = 'example.org'"
                     " AND username IN ('romeo', 'juliet', 'mercutio')"
                     " GROUP BY 1, 2 ORDER BY 1"),
            [["juliet", "2020-01-01", "1"], ["mercutio", "2020-01-01", "1"],
             ["romeo", "2019-09-09", "1"]])
        for user in ("romeo", "juliet", "fresh"):
            self.has_password(user, SECRET)
        self.has_password("mercutio", PASSWORD)

    def test_import_users_replace_keeps_a_ban(self):
        self.insert("bans", {"host": HOST, "username": "romeo", "reason": "duel"})
        self.imports(self.FILE, "--replace", err=None)
        self.does("check_password", "romeo", HOST, SECRET,
                  no=f"Password for user romeo@{HOST} is incorrect")

    def test_import_users_fail_stops(self):
        before = self.state()
        result = self.adminex("import", "--fail", self.file("users.csv", self.FILE))
        self.assertEqual((result.status, result.out), (1, b""), f"\n{result}")
        self.assertRegex(result.err, rb"exists: stops the import\nadminex: 2 accounts exist already;"
                                     rb" nothing was imported \(.*\)\n\Z")
        self.assertEqual(self.state(), before)
        self.imports(f"fresh,{HOST},pw\n", "--fail", says="1 accounts made")

    def test_import_users_dry_run_changes_nothing(self):
        before = self.state()
        for options, after in [(["--dry-run"], []), ([], ["--dry-run"])]:
            self.imports(self.FILE + "x,new.example.org,pw,\n", "--replace", *after,
                         options=options, says="Dry run: 2 accounts made, 2 replaced",
                         err=r"to be replaced\nadminex: host 'new\.example\.org' would be added\n"
                             r"adminex: dry run: nothing was changed\n\Z")
        self.assertEqual(self.state(), before)


class Roles(Users):
    def role(self, name):
        return {"ADMINEX_DSN": f"{self.dsn} options='-c role=adminex_{name}'"}

    def test_import_users_needs_an_operator_and_for_new_hosts_an_admin(self):
        known, new = f"a,{HOST},pw\nromeo,{HOST},pw\n", "a,new.example.org,pw\n"
        self.rejects("import", self.file("u.csv", f"a,{HOST},pw\n"), env=self.role("reader"),
                     status=5, pattern="permission denied")
        self.imports(known, "--replace", env=self.role("operator"),
                     says="1 accounts made, 1 replaced", err=None)
        self.rejects("import", self.file("u.csv", new), env=self.role("operator"), status=5,
                     pattern="permission denied for table hosts")
        self.imports(new, env=self.role("admin"), says="1 accounts made", err="added")


class Faults(Users):
    def many(self, count):
        return "".join(f"u{i},{HOST},{SECRET}\n" for i in range(count))

    def backends(self, state):
        return self.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'adminex'"
                        f" AND datname = current_database() AND {state}")

    def gone(self):
        harness.wait_until(lambda: not self.backends("true"))

    def test_import_users_interrupted_while_reading(self):
        before = self.state()
        for number in (signal.SIGINT, signal.SIGTERM):
            reader, writer = os.pipe()
            with open(reader, "rb") as source, open(writer, "wb", buffering=0) as sender:
                child = self.spawn("import", "--as", "csv", "-", stdin=source)
                sender.write(self.many(10).encode())
                harness.wait_until(lambda: not select.select([reader], [], [], 0)[0])
                harness.wait_until(lambda: self.backends("state = 'idle in transaction'"))
                child.process.send_signal(number)
                self.fails(child.wait(), 130, INTERRUPTED)
            self.gone()
        self.assertEqual(self.state(), before)

    def test_import_users_interrupted_while_hashing(self):
        before = self.state()
        path = self.file("many.csv", self.many(200_000))
        for options in ([], ["--json"]):
            child = self.spawn("import", path, options=options)
            # Rows have come, so all threads are at it.
            harness.wait_until(lambda: self.backends("query ~ '^COPY import_user'"))
            child.interrupt()
            self.fails(child.wait(), 130, INTERRUPTED, out=None)
            self.gone()
        self.assertEqual(self.state(), before)

    def test_import_users_interrupted_while_merging(self):
        before = self.state()
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; LOCK TABLE credentials")
        child = self.spawn("import", self.file("u.csv", self.many(3)))
        harness.wait_until(lambda: self.backends("wait_event_type = 'Lock'"))
        child.interrupt()
        self.fails(child.wait(), 130, INTERRUPTED)
        other.run("ROLLBACK")
        self.assertEqual(self.state(), before)

    def test_import_users_the_connection_is_ended(self):
        before = self.state()
        path = self.file("many.csv", self.many(200_000))
        child = self.spawn("import", path)
        harness.wait_until(lambda: self.backends("query ~ '^COPY import_user'"))
        ((pid,),) = self.backends("true")
        self.sql(f"SELECT pg_terminate_backend({pid})")
        self.fails(child.wait(), 3, "nothing was changed")
        self.assertEqual(self.state(), before)

    def test_import_users_where_standard_output_is_no_more(self):
        for n, (place, why) in enumerate(((CLOSED, "Bad file descriptor"),
                                          (BROKEN_PIPE, "Broken pipe"),
                                          (FULL_DISK, "No space left on device"))):
            self.fails(self.adminex("import", self.file("u.csv", f"u{n},{HOST},pw\na b,b.org,c\n"),
                                    stdout=place), 1,
                       rf"the change was made, but: cannot write to standard output: {why}")
            self.has_password(f"u{n}", "pw")
            self.fails(self.adminex("import", "--strict", self.file("u.csv", f"x{n},{HOST},pw\nz\n"),
                                    stdout=place), 1,
                       rf"\Aadminex: cannot write to standard output: {why}")

    def test_import_users_where_the_reply_cannot_be_kept(self):
        path = self.file("u.csv", f"good,{HOST},pw\n" + "a b,example.org,x\n" * 40_000)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (128 * 1024, before[1]))
        try:
            self.rejects("import", path,
                         pattern=r"\Aadminex: cannot write the reply: File too large\n\Z")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    def test_import_users_is_said_to_be_done_after_commit_only(self):
        self.sql("""
            CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN RAISE 'the commit is refused'; END$$;
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION public.refuse()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.refuse() CASCADE")
        self.rejects("import", self.file("u.csv", "a,new.example.org,pw\na b,b.org,c\n"),
                     pattern=r"\Aadminex: cannot commit: the commit is refused\n\Z")

    def test_import_users_shows_progress_on_a_terminal(self):
        result = self.terminal("import", self.file("u.csv", self.many(600) + "a,new.example.org,x"),
                               stdout=subprocess.DEVNULL)
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertRegex(result.out, rb"\r\x1b\[Kimport: \d+ accounts, \d+/s, \d+% done")
        self.assertRegex(result.out, rb"\r\x1b\[Kadminex: host 'new.example.org' added\n\Z")

    def test_import_users_puts_no_password_into_the_log_of_the_server(self):
        log = os.path.join(self.cluster.directory, "log")
        self.sql(f"ALTER DATABASE {self.database} SET log_statement = 'all'")
        self.addCleanup(self.sql, f"ALTER DATABASE {self.database} RESET ALL")
        self.sql("ALTER TABLE users ADD CONSTRAINT no_log CHECK (username <> 'logged')")
        self.addCleanup(self.sql, "ALTER TABLE users DROP CONSTRAINT no_log")
        self.imports(f"okay,{HOST},{SECRET}\n")
        self.rejects("import", self.file("u.csv", f"logged,{HOST},{SECRET}\na b,{HOST},{SECRET}\n"),
                     pattern="no_log")
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read()
        self.assertIn("COPY import_user FROM STDIN", text)
        self.assertNotIn(SECRET, text)

    @unittest.skipIf(harness.SANITIZED, "the sanitizers' memory is not ours")
    def test_import_users_needs_little_memory(self):
        path = self.tmp / "large.csv"
        with open(path, "w", encoding="ascii") as file:
            file.write('"' + "x" * 50_000_000 + "\n")
            for _ in range(300_000):
                file.write("a b,example.org,pw\n")
            file.write(self.many(2000))
        # Its no would end peak_kb(), which wants status 0.
        code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:]); "
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", code, harness.BIN, "import", path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                              env=self.environment(), text=True, timeout=120)
        *_, totals, peak = done.stdout.splitlines()
        self.assertEqual(totals, "2000 accounts made, 300001 rows bad")
        self.assertLess(int(peak), 32 * 1024)


if __name__ == "__main__":
    unittest.main()
