"""The contract of the command line: options, exit statuses, formats, secrets, trial runs, prompts,
help and its examples."""

import functools
import hashlib
import json
import os
import re
import shlex
import subprocess
import time

import harness
import world
from world import ACCOUNTS, CHAT, EMPTY, HOST, PASSWORD

SPEC = {row["name"]: row for row in
        json.loads((harness.DATA / "spec" / "commands.json").read_text())}
# The commands beyond the 44, and the kinds of their results.
BEYOND = {"add_host": "restuple", "remove_host": "restuple", "registered_vhosts": "list",
          "register": "restuple", "unregister": "restuple", "registered_users": "list",
          "unban_account": "restuple", "get_ban_details": "list", "list_banned": "list",
          "get_last": "list", "can_i": "restuple",
          "gdpr_request_open": "restuple", "gdpr_request_identity": "restuple",
          "gdpr_request_extend": "restuple", "gdpr_request_close": "restuple",
          "gdpr_request_list": "list", "gdpr_request_show": "list", "gdpr_request_due": "list",
          "gdpr_ledger_head": "string", "gdpr_ledger_verify": "restuple",
          "gdpr_hold": "restuple", "gdpr_holds": "list", "gdpr_release": "restuple",
          "gdpr_erase": "restuple", "gdpr_pending": "list", "gdpr_cancel": "restuple",
          "gdpr_replay": "restuple", "gdpr_export": "restuple", "gdpr_verify": "restuple",
          "gdpr_audit": "restuple", "gdpr_register": "restuple", "gdpr_unregister": "restuple",
          "gdpr_ropa": "restuple",
          "cache_info": "list", "cache_clear": "restuple"}
KINDS = {**{name: row["result"]["kind"] for name, row in SPEC.items()}, **BEYOND}
VERBS = ["migrate", "import", "export", "batch", "serve", "token", "help", "completion"]
NOWHERE = {"ADMINEX_DSN": "host=/nowhere"}


@functools.cache
def help_on(name):
    """The lines of the help on a command or a verb."""
    done = subprocess.run([harness.BIN, "help", name], stdin=subprocess.DEVNULL, check=True,
                          stdout=subprocess.PIPE, text=True, timeout=harness.TIMEOUT)
    return done.stdout.split("\n")


def two_words(name):
    """The name as people write it: "gdpr_request open"."""
    words = help_on(name)[0].removeprefix("usage: adminex [OPTIONS] ").split(" ")
    return name if words[0] == name else " ".join(words[:2])


def usage(name):
    """The names of a command's required arguments, as its help prints them."""
    return help_on(name)[0].split(f" {two_words(name)}", 1)[1].partition(" [")[0].split()


# Files that examples name: a test has them in a folder of its own.
FILES = {"data.zip": "data.zip", "data.json": "data.json", "sign.pub": "sign.pub",
         "/var/lib/adminex/erasures": "erasures"}


def example(name, folder=None):
    """The words of the example in the help on a command, with its name in one word."""
    lines = help_on(name)
    program, *words = shlex.split(lines[lines.index("example:") + 1])
    written = two_words(name).split()
    if [program, *words[:len(written)]] != ["adminex", *written]:
        raise AssertionError(f"the example of {name} is one of another command: {words}")
    return [name, *(os.path.join(folder, FILES[word]) if folder and word in FILES else word
                    for word in words[len(written):])]


def make_files(case):
    """Make those files in the folder of a test: a journal of somebody's erasure, and a document
    that somebody signed. Tests make the world anew behind it."""
    config = case.file("files.conf", f"""privacy = {{ key_file = "{case.tmp}/privacy.key";
                       journal_file = "{case.tmp}/erasures"; }};""")
    case.sql(world.WORLD)
    case.succeeds(case.adminex("gdpr_erase", "mercutio", HOST, "--yes", options=["-c", config]))
    key, public = case.tmp / "sign.key", case.tmp / "sign.pub"
    for words in (["genpkey", "-algorithm", "ed25519", "-out", key],
                  ["pkey", "-in", key, "-pubout", "-out", public]):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    case.succeeds(case.adminex("gdpr_export", "romeo", HOST, "--sign", key,
                               "-o", case.tmp / "data.json"))


class Options(world.TestCase):
    EXISTS = "User romeo@example.org exists"

    def test_dash_in_a_name_reads_as_underscore(self):
        for name in ("check-account", "check_account"):
            self.ok(self.adminex(name, "romeo", HOST), self.EXISTS)
        self.does("process-rosteritems", "list", "any", "any", "any", "any",
                  says=b"Roster table is empty.\n\n")
        self.fails(self.adminex("Check_account", "romeo", HOST), 2, "unknown command")

    def test_after_the_name_everything_is_an_argument(self):
        self.no(self.adminex("check_account", "--json", HOST), "User --json@example.org does not "
                                                               "exist")
        self.no(self.adminex("check_account", "romeo", "--help"),
                "User romeo@--help does not exist")
        self.no(self.adminex("check_account", "--", HOST), "User --@example.org does not exist")
        self.fails(self.adminex("check_account", "romeo", HOST, "--json"), 2, "1 less argument")

    def test_two_dashes_end_the_options(self):
        self.ok(self.adminex("check_account", "romeo", HOST, options=["--json", "--"]),
                '{"message":"User romeo@example.org exists","status":"ok"}')

    def test_unknown_options_and_values(self):
        for options, pattern in [
                (["--nope"], "unknown option '--nope'"), (["-x"], "unknown option '-x'"),
                (["--format", "xml"], "'xml' is no format.*text, table, json, ndjson or csv"),
                (["--format="], "no format"), (["--json=1"], "unknown option"),
                (["--max-affected", "many"], "whole number"), (["--max-affected=-1"], "whole"),
                (["--max-affected", ""], "whole number"), (["--max-affected", "1x"], "whole"),
                (["--limit", "many"], "--limit takes a whole number from 1"),
                (["--limit", "0"], "from 1"), (["--limit=-1"], "from 1"),
                (["--limit", "1000000001"], "to 1000000000")]:
            with self.subTest(options=options):
                self.fails(self.adminex(*options, "check_account", "romeo", HOST, env=NOWHERE), 2,
                           pattern)
        for option in ("-c", "--config", "--dsn", "--format", "--max-affected", "--limit",
                       "--after", "--secret-file"):
            self.fails(self.adminex(option), 2, f"option '{option}' needs a value")

    def test_auth_is_refused_with_a_sentence(self):
        self.fails(self.adminex("--auth", "admin", HOST, "secret", "check_account", "romeo", HOST),
                   2, r"--auth is not supported: .*--dsn")

    def test_the_database_is_named_by_option_then_environment_then_configuration(self):
        here = self.file("here.conf", f'database = {{ dsn = "{self.dsn}"; }};')
        nowhere = self.file("nowhere.conf", 'database = { dsn = "host=/nowhere"; };')
        args = ("check_account", "romeo", HOST)
        for options, env in [
                (["--dsn", self.dsn, "-c", nowhere], NOWHERE), (["-c", nowhere], {}),
                (["--config", here], {"ADMINEX_DSN": None}),
                ([f"--config={here}"], {"ADMINEX_DSN": ""}),
                ([], {"ADMINEX_DSN": None, "PGHOST": self.cluster.directory, "PGUSER": "postgres",
                      "PGDATABASE": self.database}),
                ([], {"PGHOST": "/nowhere", "PGDATABASE": "none"})]:
            with self.subTest(options=options, env=env):
                self.ok(self.adminex(*args, options=options, env=env), self.EXISTS)
        for options, env in [(["--dsn", "host=/nowhere"], {}), ([], NOWHERE),
                             (["-c", nowhere], {"ADMINEX_DSN": None})]:
            with self.subTest(options=options, env=env):
                self.fails(self.adminex(*args, options=options, env=env), 3, "cannot reach")

    def test_a_bad_configuration_stops_every_command(self):
        bad = self.file("bad.conf", "nothing = 1;")
        self.fails(self.adminex("check_account", "romeo", HOST, options=["-c", bad]), 1,
                   "'nothing' is not known")
        self.fails(self.adminex("check_account", "romeo", HOST, options=["-c", "/nowhere"]), 1,
                   "/nowhere")

    def test_version_and_help_are_answers(self):
        for option in ("--version", "-V"):
            self.assertRegex(self.adminex(option, env=NOWHERE).text, r"\Aadminex \d+\.\d+\.\d+\n\Z")
        text = self.adminex("help", env=NOWHERE).text
        for option in ("--help", "-h"):
            self.ok(self.adminex(option, env=NOWHERE), text.encode())

    def test_lock_timeout_is_settable(self):
        config = self.file("lock.conf", "database = { lock_timeout = 1; };")
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; SELECT 1 FROM users WHERE username = 'romeo' FOR UPDATE")
        self.rejects("ban_account", "romeo", HOST, "x", pattern="lock", options=["-c", config])

    def test_statement_timeout_is_settable(self):
        config = self.file("statement.conf", "database = { statement_timeout = 1; };")
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; SELECT 1 FROM users WHERE username = 'romeo' FOR UPDATE")
        self.rejects("ban_account", "romeo", HOST, "x", pattern="time limit",
                     options=["-c", config])


class ExitStatus(world.TestCase):
    def test_no_command_is_2(self):
        result = self.adminex(env=NOWHERE)
        self.assertEqual((result.status, result.out), (2, b""))
        self.assertRegex(result.err, rb"\Ausage: adminex ")

    def test_unknown_command_is_2_and_names_the_nearest(self):
        for typed, nearest in [("chek_account", "check_account"), ("get-rooster", "get_roster"),
                               ("banaccount", "ban_account")]:
            self.fails(self.adminex(typed, "romeo", HOST, env=NOWHERE), 2,
                       f"unknown command '{typed}'.*did you mean '{nearest}'")
        for typed in ("", "zzz", "a" * 500, b"\xff\n", "%s%n"):
            self.fails(self.adminex(typed, env=NOWHERE), 2, "unknown command '")

    def test_wrong_number_of_arguments_is_2(self):
        for name in KINDS:
            words = usage(name)
            if name in SPEC:
                self.assertEqual(words, [row["name"].upper() for row in SPEC[name]["args"]])
            line = " ".join([two_words(name), *words])
            if words:
                more = f"{len(words)} more argument{'s' * (len(words) != 1)}"
                self.fails(self.adminex(name, env=NOWHERE), 2,
                           f'the command "{name}" requires {more}: {line} ')
            self.fails(self.adminex(name, *["x"] * (len(words) + 1), env=NOWHERE), 2,
                       f'the command "{name}" requires 1 less argument: {line} ')

    def test_database_that_cannot_be_reached_is_3(self):
        self.fails(self.adminex("check_account", "romeo", HOST, env=NOWHERE), 3,
                   "cannot reach the database")
        gone = self.cluster.dsn("no_such_database")
        self.fails(self.adminex("check_account", "romeo", HOST, env={"ADMINEX_DSN": gone}), 3,
                   "cannot reach the database")

    def test_not_allowed_is_5(self):
        reader = {"ADMINEX_DSN": f"{self.dsn} options='-c role=adminex_reader'"}
        self.ok(self.adminex("check_account", "romeo", HOST, env=reader),
                "User romeo@example.org exists")
        for args in (["check_password", "romeo", HOST, PASSWORD], ["unregister", "romeo", HOST],
                     ["set_last", "romeo", HOST, "1", ""], ["add_host", "new.example.org"]):
            self.rejects(*args, status=5, pattern="permission denied", env=reader)

    def test_database_without_the_schema_is_1(self):
        empty = self.cluster.dsn(self.new_database(self.addCleanup, migrated=False))
        self.fails(self.adminex("check_account", "romeo", HOST, env={"ADMINEX_DSN": empty}), 1,
                   "adminex migrate")


class Formats(world.TestCase):
    def test_json_of_each_kind(self):
        self.online("romeo", "phone")
        for args, status, reply in [
                (["num_resources", "romeo", HOST], 0, '{"result":1,"status":"ok"}'),
                (["resource_num", "romeo", HOST, "1"], 0, '{"result":"phone","status":"ok"}'),
                (["registered_users", CHAT], 0, '{"result":[{"user":"romeo"}],"status":"ok"}'),
                (["registered_users", EMPTY], 0, '{"result":[],"status":"ok"}'),
                (["load_config", self.file("ok.conf", "")], 0, '{"status":"ok"}'),
                (["set_vcard", "romeo", HOST, "FN", "x"], 0, '{"status":"ok"}'),
                (["check_account", "romeo", HOST], 0,
                 '{"message":"User romeo@example.org exists","status":"ok"}'),
                (["check_account", "nobody", HOST], 1,
                 '{"message":"User nobody@example.org does not exist",'
                 '"status":"user_does_not_exist"}'),
                (["get_vcard", "juliet", HOST, "FN"], 1,
                 '{"message":"Error: \\"Vcard not found\\"","status":"not_found"}'),
                (["registered_users", "no.example.org"], 1,
                 '{"message":"Host no.example.org does not exist",'
                 '"status":"host_does_not_exist"}'),
                (["kick_session", "romeo", HOST, "x", ""], 1,
                 '{"message":"No session romeo@example.org/x","status":"no_session"}'),
                (["set_last", "romeo", HOST, "x", ""], 1,
                 '{"message":"argument \'timestamp\' must be a whole number, not \'x\'",'
                 '"status":"bad_argument"}'),
                (["check_account"], 2,
                 '{"message":"the command \\"check_account\\" requires 2 more arguments: '
                 'check_account USER HOST","hint":"see \'adminex help check_account\'",'
                 '"status":"usage"}'),
                (["zzz"], 2, '{"message":"unknown command \'zzz\'",'
                             '"hint":"\'adminex help\' lists all","status":"usage"}')]:
            with self.subTest(args=args):
                for option in (["--json"], ["--format", "json"]):
                    result = self.adminex(*args, options=option)
                    self.assertEqual((result.status, result.text), (status, reply + "\n"))
                    self.assertEqual(bool(result.err), "timestamp" in reply or status == 2)

    def test_json_of_a_failure_has_hint_and_sqlstate(self):
        result = self.adminex("unregister", "romeo", HOST, options=["--json"], env={
            "ADMINEX_DSN": f"{self.dsn} options='-c role=adminex_reader'"})
        self.assertEqual(result.status, 5)
        reply = result.json()
        self.assertEqual(list(reply), ["message", "hint", "sqlstate", "status"])
        self.assertEqual((reply["sqlstate"], reply["status"]), ("42501", "not_allowed"))
        result = self.adminex("check_account", "romeo", HOST, options=["--json"], env=NOWHERE)
        self.assertEqual((result.status, list(result.json())), (3, ["message", "hint", "status"]))
        self.assertEqual(result.json()["status"], "database_unavailable")

    def test_json_is_utf8_whatever_the_argument(self):
        result = self.adminex("check_account", b"a\xff\"\n", HOST, options=["--json"])
        self.assertEqual(result.json(), {"message": 'User a\ufffd"\n@example.org does not exist',
                                         "status": "user_does_not_exist"})

    def test_ndjson(self):
        for args, status, lines in [
                (["registered_users", HOST], 0, ['{"user":"juliet"}', '{"user":"mercutio"}',
                                                 '{"user":"romeo"}', '{"status":"ok"}']),
                (["registered_users", EMPTY], 0, ['{"status":"ok"}']),
                (["registered_users", "no.example.org"], 1,
                 ['{"message":"Host no.example.org does not exist",'
                  '"status":"host_does_not_exist"}']),
                (["stats", "registeredusers"], 0, ['{"result":4,"status":"ok"}'])]:
            result = self.adminex(*args, options=["--format", "ndjson"])
            self.assertEqual((result.status, result.lines), (status, lines))

    def test_csv(self):
        self.online("romeo", 'a,"b" c', status="x\ny")
        for args, status, text in [
                (["status_list_host", HOST, "all"], 0,
                 'user,host,resource,priority,status\nromeo,example.org,"a,""b"" c",0,"x\ny"\n'),
                (["registered_users", EMPTY], 0, "user\n"),
                (["stats", "registeredusers"], 0, "stat\n4\n"),
                (["resource_num", "romeo", HOST, "1"], 0, 'resource\n"a,""b"" c"\n'),
                (["check_account", "romeo", HOST], 0,
                 "status,message\nok,User romeo@example.org exists\n"),
                (["check_account", "a,b", HOST], 1,
                 'status,message\nuser_does_not_exist,"User a,b@example.org does not exist"\n'),
                (["set_last", "romeo", HOST, "x", ""], 1, "")]:
            with self.subTest(args=args):
                result = self.adminex(*args, options=["--format", "csv"])
                self.assertEqual((result.status, result.text), (status, text))

    def test_table(self):
        self.online("romeo", "phone", priority=5, status="a\tb\nc")
        self.online("juliet", "小明", priority=-10)
        result = self.adminex("status_list_host", HOST, "all", options=["--format", "table"])
        self.ok(result, ["user    host         resource  priority  status",
                         "------  -----------  --------  --------  ------",
                         "juliet  example.org  小明           -10  ",
                         "romeo   example.org  phone            5  a b c"])
        self.ok(self.adminex("stats", "registeredusers", options=["--format", "table"]), "4")
        self.ok(self.adminex("check_account", "romeo", HOST, options=["--format", "table"]),
                "User romeo@example.org exists")
        self.no(self.adminex("registered_users", "no.example.org", options=["--format", "table"]),
                "Host no.example.org does not exist")

    def test_text_lists_escape_and_the_others_carry_the_bytes(self):
        odd = "tab\tnewline\nbackslash\\ quote\" r\r é☃"
        self.contact("romeo", "juliet@example.org", nick=odd)
        args = ("get_roster", "romeo", HOST)
        self.ok(self.adminex(*args),
                "juliet@example.org\ttab\\tnewline\\nbackslash\\\\ quote\" r\r é☃\tnone\tnone\t")
        for form in ("json", "ndjson"):
            result = self.adminex(*args, options=["--format", form])
            row = result.ndjson()[0]
            self.assertEqual(row.get("result", [row])[0]["nick"], odd)
        result = self.adminex(*args, options=["--format", "csv"])
        self.assertEqual(world.parse(result.out.decode())[1][1], odd)

    def test_a_message_is_not_escaped(self):
        self.ok(self.adminex("ban_account", "romeo", HOST, "a\tb\nc\\d"),
                b"User romeo@example.org successfully banned with reason: a\tb\nc\\d\n")


class OddArguments(world.TestCase):
    """No argument, whatever its bytes, makes a command crash or leave its contract."""

    def runs(self, odd):
        for name in KINDS:
            with self.subTest(name=name, odd=odd[:8]):
                result = self.adminex(name, *[odd] * len(usage(name)), options=["--json"])
                # That one also lacks an option.
                self.assertIn(result.status, (1, 2) if name == "gdpr_register" else (0, 1),
                              f"\n{result}")
                self.assertEqual(list(result.json())[-1], "status")
                self.assertLessEqual(result.err.count(b"\n"), 1, f"\n{result}")
                self.assertNotRegex(result.err, rb"[\x00-\x09\x0b-\x1f\x7f]")

    def test_arguments_that_are_not_utf8(self):
        self.runs(b"\xff\xfe\xc3(")

    def test_arguments_of_control_characters(self):
        self.runs("\x1b[2J\r\n\x7f")

    def test_arguments_that_are_empty(self):
        self.runs("")

    def test_arguments_that_are_very_long(self):
        self.runs("x" * 100_000)

    def test_names_of_the_greatest_length(self):
        user, host = "ü" * 511, ".".join(["h" * 62] * 16)
        self.ok(self.adminex("add_host", host), f"Host {host} added")
        self.ok(self.adminex("register", user, host, "x"), None)
        self.ok(self.adminex("check_account", user, host), f"User {user}@{host} exists")
        self.ok(self.adminex("add_rosteritem", user, host, "a", "b.example", "", "", "to"), None)
        self.ok(self.adminex("unregister", user, host), None)
        self.no(self.adminex("register", user + "üü", host, "x"), "Error: invalid_jid")

    def test_placeholders_in_arguments_stay(self):
        self.no(self.adminex("check_account", "{host}", "{user}"),
                "User {host}@{user} does not exist")
        self.ok(self.adminex("ban_account", "romeo", HOST, "{user}%s'; DROP TABLE users; --"),
                "User romeo@example.org successfully banned with reason: {user}%s'; DROP TABLE "
                "users; --")


class Secrets(world.TestCase):
    CORRECT = "Password for user romeo@example.org is correct"
    INCORRECT = "Password for user romeo@example.org is incorrect"

    def check(self, secret="-", **how):
        return self.adminex("check_password", "romeo", HOST, secret, **how)

    def set_password(self, password):
        self.succeeds(self.adminex("change_password", "romeo", HOST, password))

    def test_secret_on_standard_input_is_one_line(self):
        for text in (PASSWORD, PASSWORD + "\n", PASSWORD + "\nmore\n"):
            self.ok(self.check(stdin=text.encode()), self.CORRECT)
        for text in (PASSWORD + "\r\n", " " + PASSWORD, "wrong\n" + PASSWORD):
            self.no(self.check(stdin=text.encode()), self.INCORRECT)

    def test_secret_on_standard_input_that_is_not_there(self):
        self.fails(self.check(stdin=b""), 1, "standard input")
        self.fails(self.check(stdin=b"a\0b\n"), 1, "NUL")
        self.fails(self.check(stdin=b"x" * 100_000), 1, "too long")
        self.does("change_password", "romeo", HOST, "-", stdin=b"\n", no="Error: empty_password")

    def test_secret_on_standard_input_leaves_the_rest_to_others(self):
        reader, writer = os.pipe()
        os.write(writer, PASSWORD.encode() + b"\nthe rest")
        os.close(writer)
        with open(reader, "rb") as pipe:
            self.ok(self.check(stdin=pipe), self.CORRECT)
            self.assertEqual(pipe.read(), b"the rest")

    def test_secret_from_a_file(self):
        for text in (PASSWORD, PASSWORD + "\n", PASSWORD + "\nmore\n"):
            path = self.file("secret", text)
            for args in ([], ["-"]):
                self.ok(self.adminex("check_password", "romeo", HOST, *args,
                                     options=["--secret-file", path]), self.CORRECT)

    def test_secret_from_a_file_in_the_middle_of_the_arguments(self):
        self.insert("credentials", world.credential("romeo", password="makota",
                                                    mechanism="PLAIN"))
        path = self.file("secret", hashlib.md5(b"makota").hexdigest())
        self.ok(self.adminex("check_password_hash", "romeo", HOST, "md5",
                             options=["--secret-file", path]), "Password hash is correct")

    def test_secret_from_a_file_that_is_wrong(self):
        for content, pattern in [("", "no secret"), ("\n", "no secret"), (b"a\0b", "NUL")]:
            self.fails(self.check(options=["--secret-file", self.file("secret", content)]), 1,
                       pattern)
        self.fails(self.check(options=["--secret-file", "/nowhere"]), 1, "/nowhere")
        path = self.file("secret", PASSWORD)
        self.fails(self.check("another", options=["--secret-file", path]), 2, "given twice")
        self.fails(self.adminex("check_account", "romeo", HOST, options=["--secret-file", path]),
                   2, "takes no secret")
        self.fails(self.adminex("check_password", "romeo", options=["--secret-file", path]), 2,
                   "more argument")

    def test_an_at_sign_means_nothing(self):
        path = self.file("secret", PASSWORD)
        self.no(self.check("@" + path), self.INCORRECT)
        self.set_password("@" + path)
        self.ok(self.check("@" + path), self.CORRECT)

    def test_a_password_that_is_a_dash(self):
        self.succeeds(self.adminex("change_password", "romeo", HOST, "-", stdin=b"-\n"))
        self.ok(self.check(stdin=b"-"), self.CORRECT)
        self.ok(self.check(options=["--secret-file", self.file("secret", "-")]), self.CORRECT)
        self.set_password("--")
        self.ok(self.check("--"), self.CORRECT)

    def test_a_terminal_prompts_without_echo(self):
        result = self.terminal("check_password", "romeo", HOST, "-",
                               answers=[("password: ", PASSWORD + "\n")])
        self.assertEqual((result.status, result.text), (0, f"password: \n{self.CORRECT}\n"))
        result = self.terminal("register", "paris", HOST, "-",
                               answers=[("password: ", "new secret\n")])
        self.assertEqual(result.text,
                         "password: \nUser paris@example.org successfully registered\n")

    def test_a_secret_is_never_said_again(self):
        secret = "s3cr3t-\u2603"
        denied = {"ADMINEX_DSN": f"{self.dsn} options='-c role=adminex_reader'"}
        for form in ("text", "json"):
            for args in (["change_password", "romeo", HOST, secret],
                         ["check_password", "romeo", HOST, secret],
                         ["check_password", "romeo", HOST, "wrong" + secret],
                         ["check_password", "nobody", HOST, secret],
                         ["check_password_hash", "romeo", HOST, secret, "md5"],
                         ["register", "romeo", HOST, secret],
                         ["register", "paris", "a b", secret],
                         ["register", "paris", HOST, secret + "\x07"],
                         ["change_password", "romeo", HOST, secret, "too many"],
                         ["change_password", "romeo", secret]):
                for env in ({}, denied, NOWHERE) if form == "json" else ({},):
                    result = self.adminex(*args, options=["--format", form], env=env)
                    if args[-1] == secret and len(args) == 3:
                        continue
                    self.assertNotIn("s3cr3t", result.out.decode() + result.err.decode())
        self.assertNotIn("s3cr3t", json.dumps(self.state()))

    def test_a_secret_is_not_left_on_the_command_line(self):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; LOCK TABLE credentials")
        child = self.spawn("check_password", "romeo", HOST, "s3cr3t-visible")

        def waits():
            return self.sql("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] != "0"
        harness.wait_until(waits)
        with open(f"/proc/{child.process.pid}/cmdline", "rb") as file:
            self.assertNotIn(b"s3cr3t", file.read())
        other.run("ROLLBACK")
        self.no(child.wait(), self.INCORRECT)


# The commands that write: a trial run of theirs is one.
WRITES = {
    "change_password", "delete_old_users", "delete_old_users_vhost", "ban_account", "set_last",
    "remove_node", "private_set", "add_rosteritem", "delete_rosteritem", "push_roster",
    "push_roster_all", "push_roster_alltoall", "kick_session", "set_presence", "send_message_chat",
    "send_message_headline", "send_stanza_c2s", "set_vcard", "set_vcard2", "set_vcard2_multi",
    "add_host", "remove_host", "register", "unregister", "unban_account", "gdpr_request_open",
    "gdpr_request_identity", "gdpr_request_extend", "gdpr_request_close", "gdpr_hold",
    "gdpr_release", "gdpr_cancel", "gdpr_register", "gdpr_unregister", "gdpr_replay"}
# Those of them that tell the XMPP server through the outbox.
TELLS = {
    "delete_old_users", "delete_old_users_vhost", "ban_account", "add_rosteritem",
    "delete_rosteritem", "push_roster", "push_roster_all", "push_roster_alltoall", "kick_session",
    "set_presence", "send_message_chat", "send_message_headline", "send_stanza_c2s", "unregister",
    "gdpr_replay"}

# Restuples with a row beside the text: its fields.
LISTS_TOO = {"gdpr_request_open": ["request", "deadline"],
             "gdpr_request_extend": ["request", "deadline"],
             "gdpr_ledger_verify": ["rows", "head"],
             "gdpr_erase": ["section", "table", "action", "rows", "reason"],
             "gdpr_replay": ["user", "host", "erased_at", "state"],
             "gdpr_audit": ["severity", "table", "column", "finding"],
             "gdpr_verify": ["section", "state", "rows", "bytes", "sha256", "check"],
             "gdpr_ropa": ["category", "section", "table", "columns", "whose", "legal_basis",
                           "retention", "rules"]}

# What the examples of help need beside the world, and what some need alone.
EXAMPLES_NEED = "".join([
    world.insert("users", *({"host": host, "username": user} for user, host in [
        ("orsino.aldobrand", HOST), ("viola.hollins", HOST), ("legacy1", HOST),
        ("feste.oakhurst", HOST), ("viola", CHAT)])),
    world.insert("credentials",
                 world.credential("orsino.aldobrand"),
                 world.credential("viola.hollins", password="pw-0001-viola.hollins"),
                 world.credential("legacy1", password="plain-1 ☃", mechanism="PLAIN")),
    world.insert("vcards", {
        "host": HOST, "username": "orsino.aldobrand",
        "vcard": "<vCard xmlns='vcard-temp'><FN>Orsino</FN><ORG><ORGNAME>Court</ORGNAME></ORG>"
                 "<EMAIL><USERID>orsino@example.org</USERID></EMAIL></vCard>"}),
    world.insert("sessions", {"host": HOST, "username": "orsino.aldobrand", "resource": "phone"}),
    world.insert("roster_items", {"host": HOST, "username": "orsino.aldobrand",
                                  "jid": "malvolio@chat.example.org", "subscription": "F"}),
    world.insert("last_activity", {"host": HOST, "username": "orsino.aldobrand",
                                   "last_at": "2024-01-01T00:00:00Z"}),
    world.insert("nodes", {"node": "xmpp2@chat.example.org"}),
    world.insert("gdpr_ledger", {"event": "opened", "type": "access", "subject": bytes(32),
                                 "received": "2999-01-01", "deadline": "2999-02-01",
                                 "actor": "admin"}),
    world.insert("gdpr_subjects", {"request": 1, "host": HOST, "username": "viola.hollins"}),
    """DELETE FROM personal_sections WHERE backend = 'own';
       DELETE FROM personal_data WHERE table_schema <> 'adminex';
       DROP SCHEMA IF EXISTS shop CASCADE;
       CREATE SCHEMA shop;
       CREATE TABLE shop.orders (id integer PRIMARY KEY, jid text NOT NULL, item text);
    """])
HOLD = world.insert("legal_holds", {"host": HOST, "username": "orsino.aldobrand",
                                    "reason": "claim", "held_by": "admin"})
PENDING = world.insert("pending_erasures", {"host": HOST, "username": "orsino.aldobrand",
                                            "asked_by": "admin", "due_at": "2999-01-01"})
REGISTERED = """
    INSERT INTO personal_sections (section, place, backend, table_schema, table_name, matches,
                                   jid_column, file_name)
    VALUES ('orders', 9000, 'own', 'shop', 'orders', 'jid', 'jid', 'orders.csv');
    INSERT INTO personal_data
    SELECT 'shop', 'orders', c, true, 'content', 'subject', '', '', 'give', 'give', 'delete'
      FROM unnest('{id,jid,item}'::text[]) AS c;
"""
BAN = world.insert("bans", {"host": HOST, "username": "orsino.aldobrand", "reason": "spam"})
ALONE = {
    "get_ban_details": BAN, "unban_account": BAN, "list_banned": BAN,
    "delete_rosteritem": world.insert("roster_items", {
        "host": HOST, "username": "orsino.aldobrand", "jid": "viola.hollins@example.org"}),
    "remove_host": world.insert("hosts", {"host": "conference.example.org"}),
    "unregister": world.insert("users", {"host": HOST, "username": "viola2"}),
    "gdpr_release": HOLD, "gdpr_cancel": PENDING, "gdpr_unregister": REGISTERED,
}


class Examples(world.TestCase):
    """The example of each command's help is run, in every format."""

    def prepare(self, name):
        self.sql(world.WORLD + EXAMPLES_NEED + ALONE.get(name, ""))

    def example(self, name, options=()):
        """Run the example in the help on a command."""
        options = [*options, "-c", self.file("examples.conf", world.SETTINGS.format(self.tmp))]
        words = example(name, self.tmp) if name in KINDS else shlex.split(
            help_on(name)[help_on(name).index("example:") + 1])[1:]
        return self.adminex(*words, options=options, cwd=harness.ROOT)

    def run_example(self, name, options=()):
        result = self.example(name, options)
        self.succeeds(result)
        return result

    def assert_shape(self, name, reply):
        """Is it the JSON of this kind of result?"""
        kind = KINDS[name]
        members = {"rescode": [[]], "restuple": [["message"], []]}.get(kind, [["result"]])
        if name.startswith("delete_old_users") or name in LISTS_TOO:
            members = [["result", "message"] + ["token"] * (name == "gdpr_erase")]
        self.assertIn(list(reply), [[*names, "status"] for names in members])
        self.assertEqual(reply["status"], "ok")
        if kind in ("integer", "string"):
            self.assertIsInstance(reply["result"], {"integer": int, "string": str}[kind])
        elif "result" in reply:
            fields = [row["name"] for row in SPEC[name]["result"]["fields"]] if name in SPEC else []
            for row in reply["result"]:
                self.assertEqual(list(row), fields or LISTS_TOO.get(name, ["user", "host"])
                                 if kind == "restuple" else fields or list(row))

    def test_examples_of_commands(self):
        make_files(self)
        # Without a daemon there is no cache; with one, other tests look.
        for name in [name for name in KINDS if not name.startswith("cache_")]:
            with self.subTest(name=name):
                self.prepare(name)
                before = self.state()
                trial = self.run_example(name, ["--json", "--dry-run"])
                self.assertEqual(self.state(), before, "a dry run changed something")
                if name != "retrieve_personal_data":
                    self.assert_shape(name, trial.json())
                if name in WRITES:
                    self.assertRegex(trial.err, rb"adminex: dry run: \d+ [a-z ]+; nothing was "
                                                rb"changed\n\Z")
                    self.assertTrue(trial.json().get("message", "Dry run: ")
                                    .startswith("Dry run: "))
                self.run_example(name)
                after = self.state()
                self.assertEqual(after != before, name in WRITES)
                self.assertEqual(bool(after["outbox"]), name in TELLS)

    def test_a_write_its_audit_row_and_its_outbox_rows_are_one_transaction(self):
        make_files(self)
        for table, names in [("audit_log", WRITES), ("outbox", TELLS)]:
            self.sql(f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK (id < 0) NOT VALID")
            self.addCleanup(self.sql, f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS refused")
            for name in sorted(names):
                with self.subTest(table=table, name=name):
                    self.prepare(name)
                    before = self.state()
                    self.fails(self.example(name), 1, "refused")
                    self.assertEqual(self.state(), before)
            self.sql(f"ALTER TABLE {table} DROP CONSTRAINT refused")

    def test_examples_of_verbs(self):
        self.sql("DELETE FROM users; DELETE FROM hosts")
        # A daemon does not end by itself.
        for name in [name for name in VERBS if name != "serve"]:
            with self.subTest(name=name):
                self.assertTrue(self.run_example(name).out)


class Destroying(world.TestCase):
    """--dry-run, --max-affected and the question, of every command that destroys."""

    # Arguments, how many rows go, and what they are called.
    CASES = [
        (["delete_old_users", "30"], 4, "accounts"),
        (["delete_old_users_vhost", HOST, "30"], 3, "accounts"),
        (["process_rosteritems", "delete", "any", "any", "romeo@.*", "any"], 2, "roster items"),
        (["unregister", "romeo", HOST], 1, "accounts"),
        (["remove_node", "xmpp1"], 2, "rows of nodes and sessions"),
        (["remove_host", EMPTY], 1, "hosts"),
    ]

    def prepare(self):
        self.sql(world.WORLD)
        for user in ("romeo", "juliet"):
            self.contact(user, "a@example.net")
        self.contact("romeo", "b@example.net")
        self.insert("nodes", {"node": "xmpp1"})
        self.insert("users", {"host": HOST, "username": "paris"})
        self.online("paris", "phone", node="xmpp1")

    def each(self):
        for args, count, things in self.CASES:
            with self.subTest(args=args):
                self.prepare()
                yield args, count, things

    def test_dry_run_says_what_would_go(self):
        for args, count, things in self.each():
            before = self.state()
            dry = self.adminex(*args, options=["--dry-run"])
            self.ok(dry, None, rf"\Aadminex: dry run: {count} {things}; nothing was changed\n\Z")
            self.assertEqual(self.state(), before)
            wet = self.adminex(*args)
            self.succeeds(wet)
            self.assertNotEqual(self.state(), before)
            self.assertEqual(sorted(dry.text.removeprefix("Dry run: ").split("\n")),
                             sorted(wet.text.split("\n")))

    def test_max_affected_too_many(self):
        for args, count, things in self.each():
            for options in ([], ["--dry-run"]):
                self.rejects(*args, options=["--max-affected", count - 1, *options],
                             pattern=rf"\Aadminex: {args[0]} would affect {count} {things}, more "
                                     rf"than {count - 1}; nothing was changed")
            result = self.adminex(*args, options=["--json", "--max-affected", count - 1])
            self.assertEqual((result.status, list(result.json()), result.json()["status"]),
                             (1, ["message", "hint", "status"], "too_many"))

    def test_max_affected_enough(self):
        for args, count, _ in self.each():
            before = self.state()
            self.succeeds(self.adminex(*args, options=["--max-affected", count]))
            self.assertNotEqual(self.state(), before)

    def test_max_affected_holds_for_every_write(self):
        for args, count in [(["push_roster_alltoall", HOST, "x"], 6), (["add_host", "x.org"], 1),
                            (["ban_account", "romeo", HOST, "x"], 1)]:
            self.rejects(*args, options=["--max-affected", count - 1],
                         pattern=f"would affect {count} ")
            self.succeeds(self.adminex(*args, options=["--max-affected", count]))

    def test_max_affected_counts_no_cascades(self):
        self.contact("romeo", "a@example.net")
        self.contact("romeo", "b@example.net")
        self.ok(self.adminex("unregister", "romeo", HOST, options=["--max-affected", "1"]), None)

    def test_terminal_asks_and_no_changes_nothing(self):
        for args, count, things in self.each():
            for answer in ("n\n", "\n", "\x04"):
                before = self.state()
                result = self.terminal(*args, answers=[
                    (rf"{args[0]} will affect {count} {things}\. Go on\? \[y/N\] ", answer)])
                self.assertEqual(result.status, 1, f"\n{result}")
                self.assertIn("not confirmed; nothing was changed", result.text)
                self.assertEqual(self.state(), before)

    def test_terminal_asks_and_yes_does_it(self):
        for args, *_ in self.each():
            before = self.state()
            result = self.terminal(*args, answers=[("Go on", "y\n")])
            self.succeeds(result)
            self.assertNotEqual(self.state(), before)

    def test_terminal_with_yes_does_not_ask(self):
        for args, *_ in self.each():
            before = self.state()
            result = self.terminal(*args, options=["--yes"])
            self.succeeds(result)
            self.assertNotIn("Go on", result.text)
            self.assertNotEqual(self.state(), before)

    def test_terminal_does_not_ask_when_nothing_would_go(self):
        for args in (["unregister", "nobody", HOST], ["delete_old_users", "100000"],
                     ["process_rosteritems", "delete", "any", "any", "any", "any"],
                     ["process_rosteritems", "list", "any", "any", "any", "any"],
                     ["delete_old_users", "x"]):
            result = self.terminal(*args)
            self.assertNotIn("Go on", result.text)
        result = self.terminal("delete_old_users", "30", options=["--dry-run"])
        self.assertNotIn("Go on", result.text)

    def test_terminal_asks_also_when_the_answer_goes_elsewhere(self):
        before = self.state()
        path = self.tmp / "answer"
        with open(path, "wb") as file:
            result = self.terminal("unregister", "romeo", HOST, answers=[("Go on", "n\n")],
                                   stdout=file)
        self.assertEqual((result.status, path.read_bytes()), (1, b""))
        self.assertEqual(self.state(), before)

    def test_what_was_shown_is_all_that_goes(self):
        self.sql("UPDATE users SET created_at = now() WHERE username <> 'romeo'")
        sitting = harness.Terminal(("delete_old_users", "30"), stdout=None,
                                   env=self.environment(), cwd=self.tmp)
        self.addCleanup(sitting.end)
        deadline = time.monotonic() + harness.TIMEOUT
        while b"Go on" not in sitting.seen:
            sitting.read(deadline)
        self.sql("UPDATE users SET created_at = '2020-01-01'")
        os.write(sitting.master, b"y\n")
        sitting.converse([], deadline)
        self.assertEqual(sitting.result().status, 1)
        self.assertIn("would affect 4 accounts, more than 2", sitting.result().text)
        self.assertEqual(len(self.sql("SELECT username FROM users")), len(ACCOUNTS))

    def test_without_a_terminal_they_run(self):
        for args, *_ in self.each():
            self.ok(self.adminex(*args, stdin=b"n\n"), None)

    def test_yes_may_be_said_twice_and_where_nothing_is_asked(self):
        self.ok(self.adminex("check_account", "romeo", HOST, options=["--yes", "-y"]), None)


class Submods(world.TestCase):
    def options(self, *submods):
        words = ", ".join(f'"{word}"' for word in submods)
        text = f"services = {{ admin_extra = {{ submods = [ {words} ]; }}; }};"
        return ["-c", self.file("submods.conf", text)]

    def test_a_command_of_an_unlisted_submod_is_unknown(self):
        options = self.options("accounts", "vcard")
        self.ok(self.adminex("check_account", "romeo", HOST, options=options), None)
        self.no(self.adminex("get_vcard", "romeo", HOST, "FN", options=options), None)
        for args in (["get_roster", "romeo", HOST], ["add_host", "x"], ["stats", "onlineusers"]):
            self.fails(self.adminex(*args, options=options), 2, f"unknown command '{args[0]}'")

    def test_an_unlisted_submod_is_not_in_help_and_completion(self):
        options = self.options("accounts")
        text = self.adminex("help", options=options).text
        self.assertIn("check_account", text)
        self.assertNotIn("get_roster", text)
        self.fails(self.adminex("help", "get_roster", options=options), 2, "no help on")
        self.fails(self.adminex("help", "roster", options=options), 2, "no help on")
        self.assertNotIn("get_roster", self.adminex("completion", "bash", options=options).text)
        self.fails(self.adminex("get_rosters", options=options), 2, r"\(?'adminex help' lists all")

    @staticmethod
    def submod_of(name):
        """Of one beyond the 44."""
        word = name.split("_")[0]
        return word if word in ("cache", "gdpr") else "admin"

    def test_each_submod_alone_has_its_commands(self):
        for submod in {row["submod"] for row in SPEC.values()} | {"admin", "cache"}:
            text = self.adminex("help", options=self.options(submod)).text
            listed = set(re.findall(r"(?m)^  ([a-z][a-z_0-9]+(?: [a-z]+)?) ", text)) - set(VERBS)
            mine = {name for name, row in SPEC.items() if row["submod"] == submod}
            mine |= {two_words(name) for name in BEYOND if self.submod_of(name) == submod}
            self.assertEqual(listed, mine)


class Help(world.TestCase):
    def test_help_lists_every_command_by_submod(self):
        text = self.adminex("help", env=NOWHERE).text
        for name in [*map(two_words, KINDS), *VERBS]:
            self.assertRegex(text, rf"(?m)^  {name} +\S")
        order = re.findall(r"(?m)^([a-z]+): ", text.split("\nverbs ")[1])
        self.assertEqual(order, ["accounts", "last", "node", "private", "roster", "sessions",
                                 "stanza", "stats", "vcard", "gdpr", "admin", "cache"])

    def test_help_explains_every_command(self):
        for name in KINDS:
            with self.subTest(name=name):
                lines = help_on(name)
                self.assertTrue(lines[0].startswith(f"usage: adminex [OPTIONS] {two_words(name)}"))
                for row in SPEC.get(name, {"args": []})["args"]:
                    self.assertRegex("\n".join(lines), rf"(?m)^  {row['name']} +\S")
                # But for the usage, which is one line.
                self.assertLess(max(map(len, lines[1:lines.index("example:")])), 120)
        self.ok(self.adminex("--help", "check-account", env=NOWHERE),
                self.adminex("help", "check_account", env=NOWHERE).out)

    def test_help_on_submods_and_verbs(self):
        for name in ["roster", "admin", *VERBS]:
            self.assertTrue(self.adminex("help", name, env=NOWHERE).text)
        for name in ("migrate", "import", "export"):
            self.ok(self.adminex(name, "--help", env=NOWHERE),
                    self.adminex("help", name, env=NOWHERE).out)

    def test_help_on_nothing_is_2(self):
        for name in ("nothing", "", "check_accoun"):
            self.fails(self.adminex("help", name, env=NOWHERE), 2, f"no help on '{name}'")

    def test_completion_is_a_script_bash_takes(self):
        script = self.adminex("completion", "bash", env=NOWHERE)
        self.succeeds(script)
        ask = self.file("ask.bash", script.text + 'COMP_WORDS=(adminex check_); COMP_CWORD=1; '
                                                  '_adminex; printf "%s\\n" "${COMPREPLY[@]}"')
        found = subprocess.run(["bash", "-u", ask], check=True, stdout=subprocess.PIPE, text=True,
                               timeout=harness.TIMEOUT).stdout.split()
        self.assertEqual(sorted(found), ["check_account", "check_password", "check_password_hash"])
        self.fails(self.adminex("completion", "zsh", env=NOWHERE), 2, "bash")
