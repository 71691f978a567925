"""Optional parameters and commands of two words, in every face. None of the 44 commands has any:
the program here has the rows of tests/unit/parcels.h in the place of the submod cache's."""

import json
import os
import socket
import subprocess
from unittest import mock

import daemon
import harness
import test_library
import world
from world import HOST

BIN = harness.BIN
SRC = [f"-I{harness.ROOT / 'src'}", f"-I{harness.BIN.parent / 'gen'}", "-D_GNU_SOURCE"]
ROWS = harness.ROOT / "tests" / "unit" / "parcels.h"
USAGE = "parcel list [--host HOST]"


def table(**values):
    """What parcel_send says of these, as text."""
    return [f"{name}\t{value}" for name, value in values.items()]


def echo(**values):
    return [{"name": name, "value": value} for name, value in values.items()]


class Parcels(daemon.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        program = cls.tmp / "adminex"
        test_library.build(str(program), "parcels.c", *SRC, '-DADMINEX_VERSION="0"')
        patch = mock.patch.object(harness, "BIN", program)
        patch.start()
        cls.addClassCleanup(patch.stop)

    def sends(self, *args, options=(), **values):
        self.ok(self.adminex("parcel", "send", "Romeo", HOST, *args, options=options),
                table(user="romeo", host=HOST, **values))

    def banned(self):
        self.succeeds(self.adminex("ban_account", "romeo", HOST, "spam"))


# ---- the command line ----------------------------------------------------------------------------


class Words(Parcels):
    def test_options_stand_anywhere(self):
        self.sends()
        self.sends("--as", "zip", **{"as": "zip"})
        self.sends("-w", "2d", "-f", "--weight=7", weight=7, within=172800, fragile="true")
        self.sends("--on", "2026-11-01T09:30:00+01:00", on="2026-11-01T08:30:00Z")
        self.sends("--small-note=--as", small_note="--as")
        self.sends("--small_note", "a b", small_note="a b")
        self.sends("-o", "x", "--tags", "a;b", output="x", tags="a;b")
        for words in (["parcel_send"], ["parcel-send"], ["parcel", "send"]):
            self.ok(self.adminex(*words, "-f", "romeo", "--as=zip", HOST),
                    ["user\tromeo", f"host\t{HOST}", "as\tzip", "fragile\ttrue"])
            self.ok(self.adminex(*words, "--", "-f", HOST), ["user\t-f", f"host\t{HOST}"])

    def test_yes_is_heard(self):
        self.sends("--yes", **{"(yes)": ""})
        self.sends("-f", "-y", fragile="true", **{"(yes)": ""})
        self.sends(options=["--yes"], **{"(yes)": ""})

    def test_options_that_are_wrong(self):
        send = ["parcel", "send", "romeo", HOST]
        for words, pattern in [
                (["--sael", "x"], r"unknown option '--sael' of parcel_send \(it takes --as, -o, "),
                (["--as", "zip", "--as", "zip"], "option '--as' is there twice"),
                (["--as"], "option '--as' needs a value"),
                (["--fragile=no"], "option '--fragile' takes no value"),
                (["more"], "requires 1 less argument: parcel send USER HOST")]:
            self.fails(self.adminex(*send, *words), 2, pattern)
        for words, pattern in [
                (["--as", "tar"], "argument 'as' must be one of json, zip, not 'tar'"),
                (["--within", "91d"], "argument 'within' must be between 1h and 90d"),
                (["--within", "14"], "argument 'within' must be a length of time"),
                (["--on", "2026-02-30"], "argument 'on' must be a date"),
                (["--weight", "0"], "argument 'weight' must be between 1 and 1000")]:
            self.fails(self.adminex(*send, *words), 1, pattern)

    def test_words_that_are_no_command(self):
        words = "send, return, list"
        self.fails(self.adminex("parcel"), 2, f"'parcel' needs one more word: {words} ")
        self.fails(self.adminex("parcel", "sen"), 2,
                   rf"'parcel' is followed by one of {words}, not 'sen' "
                   r"\(see 'adminex help parcel'\)")
        self.fails(self.adminex("parcle", "send"), 2, "did you mean 'parcel'")
        self.fails(self.adminex("registered", "vhosts"), 2, "unknown command 'registered'")

    def test_other_commands_take_every_word(self):
        self.no(self.adminex("check_account", "--yes", HOST),
                "User --yes@example.org does not exist")
        self.fails(self.adminex("check_account", "romeo", HOST, "--yes"), 2, "requires 1 less")
        self.banned()
        self.ok(self.adminex("ban_account", "romeo", HOST, "--dry-run"),
                "User romeo@example.org successfully banned with reason: --dry-run")

    def test_help(self):
        family = ["parcel is followed by one more word:",
                  "  parcel send              say what a parcel is",
                  "  parcel return            take a parcel back",
                  "  parcel list              say which parcels are meant"]
        self.ok(self.adminex("help", "parcel"), family)
        of_list = self.adminex("help", "parcel_list")
        self.assertEqual(of_list.lines[0], f"usage: adminex [OPTIONS] {USAGE}")
        self.assertIn("      --host HOST           of that host only", of_list.lines)
        self.assertIn("needs role: reader, may be limited by --host", of_list.lines)
        self.assertIn("  adminex parcel list --host example.org", of_list.lines)
        for words in (["help", "parcel", "list"], ["help", "parcel-list"], ["--help", "parcel_list"],
                      ["parcel", "list", "--help"], ["parcel_list", "-h"]):
            self.ok(self.adminex(*words), of_list.out)
        self.assertIn(family[1], self.adminex("help").lines)

    def completes(self, words, want):
        script = self.adminex("completion", "bash").text
        ask = self.file("ask.bash", script + f"COMP_WORDS=(adminex {' '.join(words)}); COMP_CWORD="
                                             f"{len(words)}; _adminex; "
                                             'printf "%s\\n" "${COMPREPLY[@]}"')
        found = subprocess.run(["bash", "-u", ask], check=True, stdout=subprocess.PIPE, text=True,
                               cwd=self.tmp, timeout=harness.TIMEOUT).stdout.split()
        self.assertEqual(found, want, words)

    def test_completion(self):
        self.file("note.txt", "")
        self.completes(["parc"], ["parcel", "parcel_send", "parcel_return", "parcel_list"])
        self.completes(["parcel", "''"], ["send", "return", "list"])
        self.completes(["parcel", "send", "--w"], ["--weight", "--within"])
        self.completes(["parcel-send", "romeo", "--fr"], ["--fragile"])
        self.completes(["--json", "parcel", "list", "--"], ["--host", "--yes", "--dry-run", "--help"])
        self.completes(["parcel", "send", "--as", "z"], ["zip"])
        self.completes(["parcel", "send", "--letter", "not"], ["note.txt"])
        self.completes(["parcel", "send", "-n", "''"], [])
        self.completes(["check_account", "--"], [])


class Runs(Parcels):
    def returns(self, *words, command=("parcel", "return"), **how):
        return self.does(*command, "romeo", HOST, *words, command="parcel_return", **how)

    def test_a_write_records_what_it_was_given(self):
        self.banned()
        self.returns("--reason", "zip", "--within", "2h", "--note", "private words", "--on",
                     "1970-01-02", "--contact", "A@B", "--quiet",
                     says=f"Parcel of romeo@{HOST} returned (zip)", tables=["bans"],
                     audit={"user": "romeo", "host": HOST, "reason": "zip", "within": 7200,
                            "on": 86400, "contact": "a@b", "quiet": True})
        self.banned()
        self.returns(says=f"Parcel of romeo@{HOST} returned ()", tables=["bans"],
                     audit={"user": "romeo", "host": HOST})

    def test_dry_run_behind_the_name(self):
        self.banned()
        for words in (["--dry-run"], ["--dry_run", "--quiet"]):
            self.returns(*words, says=f"Dry run: Parcel of romeo@{HOST} returned ()",
                         err="dry run: 1 parcels; nothing was changed")
        self.returns(says=f"Parcel of romeo@{HOST} returned ()", tables=["bans"],
                     audit={"user": "romeo", "host": HOST})

    def test_yes_behind_the_name(self):
        self.banned()
        asked = self.terminal("parcel", "return", "romeo", HOST,
                              answers=[(r"parcel_return will affect 1 parcels\. Go on\?", "n\n")])
        self.assertEqual(asked.status, 1, f"\n{asked}")
        for word in ("--yes", "-y"):
            told = self.terminal("parcel", "return", "romeo", word, HOST)
            self.assertEqual((told.status, told.text), (0, f"Parcel of romeo@{HOST} returned ()\n"))
            self.banned()

    def test_a_limit_holds(self):
        self.banned()
        self.rejects("parcel", "return", "romeo", HOST, options=["--max-affected", "0"],
                     pattern="parcel_return would affect 1 parcels, more than 0")


class Secrets(Parcels):
    def test_a_secret_from_standard_input_and_from_a_file(self):
        path = self.file("seal", "swordfish\n")
        sealed = table(user="romeo", host=HOST, seal="(secret)")
        for words in (["--seal", "-"], ["--seal=-"], ["-s", "-"], ["-s-"]):
            self.ok(self.adminex("parcel", "send", *words, "romeo", HOST, stdin=b"swordfish\n"), sealed)
        self.ok(self.adminex("parcel", "send", "romeo", HOST, options=["--secret-file", path]),
                sealed)
        self.fails(self.adminex("parcel", "send", "romeo", HOST, "-s", "x",
                                options=["--secret-file", path]), 2, "the secret is given twice")
        self.fails(self.adminex("parcel", "send", "romeo", HOST, "-s", "-"), 1,
                   "standard input ended before the secret")
        self.fails(self.adminex("parcel", "list", options=["--secret-file", path]), 2,
                   "takes no secret")

    def test_a_secret_on_a_terminal(self):
        result = self.terminal("parcel", "send", "romeo", HOST, "--seal", "-",
                               answers=[("seal: ", "swordfish\n")])
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertNotIn("swordfish", result.text)

    def test_a_secret_is_not_left_on_the_command_line(self):
        """A daemon that never answers keeps the program waiting."""
        for words in (["--seal", "swordfish"], ["--seal=swordfish"], ["-sswordfish"]):
            path = str(self.tmp / "socket")
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(path)
                listening.listen()
                listening.settimeout(harness.TIMEOUT)
                child = self.spawn("parcel", "send", "romeo", *words, HOST,
                                   options=["--socket", path])
                with listening.accept()[0] as connection:
                    connection.settimeout(harness.TIMEOUT)
                    asked = connection.recv(65536)
                    while b"swordfish" not in asked:
                        asked += connection.recv(65536)
                    with open(f"/proc/{child.process.pid}/cmdline", "rb") as file:
                        visible = file.read()
            os.unlink(path)
            child.wait()
            self.assertNotIn(b"swordfish", visible)
            self.assertIn(b"xxxxxxxxx", visible)


# ---- batch ---------------------------------------------------------------------------------------


class Batch(Parcels):
    def answers(self, *lines, options=(), status=0):
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n"
                       for line in lines)
        result = self.adminex("batch", "--continue", *options, self.file("batch", text))
        self.assertEqual(result.status, status, f"\n{result}")
        return [reply for reply in result.ndjson() if "line" in reply]

    def test_each_form_of_line(self):
        want = echo(user="romeo", host=HOST, **{"as": "zip"}, within="172800", fragile="true")
        replies = self.answers(
            f"parcel send romeo --as zip {HOST} -f --within=2d",
            f"parcel_send --as zip -w 2d -f -- romeo {HOST}",
            ["parcel", "send", "romeo", HOST, "--as", "zip", "-f", "-w", "2d"],
            ["parcel_send", "romeo", HOST, "--as=zip", "--fragile", "--within", "2d"],
            {"command": "parcel", "args": ["send", "romeo", HOST, "--as=zip", "-f", "-w2d"]},
            {"command": "parcel_send", "args": {
                "user": "romeo", "host": HOST, "as": "zip", "within": "2d", "fragile": True,
                "small_note": None}})
        self.assertEqual([reply["result"] for reply in replies], [want] * 6)
        self.assertEqual({reply["command"] for reply in replies}, {"parcel_send"})

    def test_what_is_missing_is_absent(self):
        replies = self.answers("parcel list", ["parcel_list"], {"command": "parcel_list"},
                               {"command": "parcel_list", "args": {"host": None}},
                               {"command": "parcel_send", "args": {
                                   "user": "romeo", "host": HOST, "fragile": False}})
        self.assertEqual([reply["result"] for reply in replies],
                         [[]] * 4 + [echo(user="romeo", host=HOST)])

    def test_yes_is_of_one_line_or_of_all(self):
        lines = [f"parcel send romeo {HOST} --yes", f"parcel send romeo {HOST}"]
        told = [{"name": "(yes)", "value": ""} in reply["result"] for reply in self.answers(*lines)]
        self.assertEqual(told, [True, False])
        result = self.adminex("batch", self.file("lines", lines[1]), options=["--yes"])
        self.assertIn({"name": "(yes)", "value": ""}, result.ndjson()[0]["result"])

    def test_lines_that_are_wrong(self):
        replies = self.answers(
            "parcel", "parcel sen", f"parcel send romeo {HOST} --sael=x",
            {"command": "parcel", "args": {"user": "romeo"}},
            {"command": "parcel_send", "args": {"user": "romeo", "host": HOST, "fragile": "true"}},
            {"command": "parcel_send", "args": {"user": "romeo", "host": HOST, "dry_run": True}},
            f"parcel return romeo {HOST} --dry-run", status=1)
        self.assertEqual({reply["status"] for reply in replies}, {"usage"})
        self.assertEqual(replies[0]["message"], "'parcel' needs one more word: send, return, list")
        self.assertRegex(replies[2]["hint"], "it takes --as, ")
        self.assertEqual(replies[6]["message"], "a line of a batch has no --dry-run of its own")

    def test_yes_and_dry_run(self):
        self.banned()
        before = self.state()
        line = f"parcel return romeo {HOST} --yes --dry-run"
        (reply,) = self.answers(line, options=["--dry-run"])
        self.assertEqual(reply["message"], f"Dry run: Parcel of romeo@{HOST} returned ()")
        self.assertEqual(self.state(), before)
        (reply,) = self.answers(f"parcel return romeo {HOST} --yes")
        self.assertEqual(reply["status"], "ok")
        self.assertEqual(self.sql("SELECT username FROM bans WHERE username = 'romeo'"), [])


# ---- the daemon ----------------------------------------------------------------------------------


class Http(Parcels):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def sent(self, **fields):
        reply = self.server.post("parcel_send", {"user": "romeo", "host": HOST, **fields})
        return self.says(reply, 200, "ok")["result"]

    def refused(self, code, status, message, **fields):
        reply = self.server.post("parcel_send", {"user": "romeo", "host": HOST, **fields})
        self.says(reply, code, status, message)

    def test_members_may_be_missing(self):
        self.assertEqual(self.sent(), echo(user="romeo", host=HOST))
        self.assertEqual(self.sent(**{"as": None}, fragile=None, letter=None, weight=None),
                         echo(user="romeo", host=HOST))
        self.assertEqual(self.sent(fragile=False, small_note=""),
                         echo(user="romeo", host=HOST, small_note=""))
        self.assertEqual(
            self.sent(**{"as": "zip"}, fragile=True, weight=7, within="36h", on="2026-11-01",
                      tags=["a", "b"], seal="swordfish", letter="dear", letter_format="rich"),
            echo(user="romeo", host=HOST, **{"as": "zip"}, letter="dear", weight="7",
                 within="129600", on="2026-11-01T00:00:00Z", fragile="true", tags="a;b",
                 seal="(secret)"))
        self.assertEqual(self.says(self.server.post("parcel_list", ""), 200, "ok")["result"], [])

    def test_yes_is_a_member(self):
        self.assertEqual(self.sent(yes=True), echo(user="romeo", host=HOST, **{"(yes)": ""}))
        self.assertEqual(self.sent(yes=False), echo(user="romeo", host=HOST))
        self.refused(400, "usage", "field 'yes' must be true or false", yes=1)

    def test_members_that_are_wrong(self):
        self.refused(400, "usage", "field 'output' is not known", output="/tmp/x")
        self.refused(400, "usage", "field 'fragile' must be true or false", fragile="true")
        self.refused(400, "usage", "field 'letter' is missing", letter_format="rich")
        self.refused(400, "usage", "field 'small-note' is not known", **{"small-note": "x"})
        self.refused(422, "bad_argument", "argument 'as' must be one of", **{"as": "tar"})
        self.refused(422, "bad_argument", "argument 'within' must be between", within="91d")
        self.refused(422, "bad_argument", "argument 'letter_format' must be one of plain, rich",
                     letter="", letter_format="loud")
        self.says(self.server.post("parcel", {}), 404, "usage", "there is no such command")

    def test_who_is_limited_names_a_host(self):
        headers = self.known(self.server, self.token("--role", "reader", "--host", HOST))
        ask = self.server.post
        self.says(ask("parcel_list", {"host": HOST}, headers), 200, "ok")
        self.says(ask("parcel_list", {"host": world.CHAT}, headers), 403, "not_allowed")
        self.says(ask("parcel_list", {}, headers), 403, "not_allowed", "parcel_list on all hosts")
        self.says(ask("parcel_list", {}), 200, "ok")

    def asks(self, who, command, code, status, message=None):
        self.says(self.server.post("can_i", {"who": who, "command": command, "host": HOST}), code,
                  status, message)

    def test_can_i_and_the_list_of_commands(self):
        for name in ("parcel_return", "parcel return", "parcel-return"):
            self.asks("operator", name, 200, "ok")
            self.asks("reader", name, 200, "no", "parcel_return needs role operator")
        for name in ("parcel", "parcel sen", "parcel_return x", "parcel return x"):
            self.asks("admin", name, 200, "no", "there is no such command")
        (told,) = [row for row in self.server.get("/api").json()["result"]
                   if row["command"] == "parcel_list"]
        self.assertEqual(told["usage"], USAGE)


class Remote(Parcels):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def same(self, *args, options=(), **how):
        there = self.adminex(*args, options=["--socket", self.server.socket, *options],
                             env={"ADMINEX_DSN": "host=/nowhere"}, **how)
        here = self.adminex(*args, options=options, **how)
        self.assertEqual((there.status, there.out, there.err), (here.status, here.out, here.err))
        return there

    def test_what_is_said_is_the_same(self):
        for words in ([], ["--as", "zip", "-f"], ["-w", "2d", "--on=2026-11-01", "--weight", "7"],
                      ["--tags", "a;b", "--small-note", ""], ["--seal", "swordfish"],
                      ["--yes"], ["--as", "tar"], ["--nothing"], ["more"], ["--within", "1m"]):
            for options in ([], ["--json"]):
                self.same("parcel", "send", "romeo", HOST, *words, options=options)
        self.same("parcel", "list")
        self.same("parcel", "lis")
        self.same("parcel", "send", "romeo", HOST, "-s", "-", stdin=b"swordfish\n")
        self.assertNotIn("swordfish", self.server.log)

    def test_a_file_goes_by_its_content(self):
        for name in ("letter.rich", "letter.plain", "letter.json", "letter"):
            with self.subTest(name=name):
                result = self.adminex("parcel", "send", "romeo", HOST, "--letter",
                                      self.file(name, f"dear {name}"),
                                      options=["--socket", self.server.socket])
                self.ok(result, ["user\tromeo", f"host\t{HOST}", f"letter\tdear {name}"])

    def test_a_file_that_a_daemon_would_have_to_read_is_refused(self):
        for words in (["--sign", "sign.pem"], ["--encrypt-to", "cert.pem"]):
            result = self.adminex("gdpr_export", "romeo", HOST, *words, "-o", "x.json",
                                  options=["--socket", self.server.socket])
            self.fails(result, 2, f"{words[0]} names a file, which a daemon does not read")
            self.assertFalse((self.tmp / "x.json").exists())

    def test_what_is_written_is_the_reply(self):
        path = self.tmp / "reply"
        result = self.adminex("parcel", "send", "romeo", HOST, "-o", path,
                              options=["--socket", self.server.socket])
        self.ok(result, "")
        self.assertEqual(path.read_text(), f"user\tromeo\nhost\t{HOST}\n")

    def test_dry_run_and_yes(self):
        self.banned()
        self.same("parcel", "return", "romeo", HOST, "--dry-run")
        told = self.terminal("parcel", "return", "--yes", "romeo", HOST,
                             options=["--socket", self.server.socket])
        self.assertEqual((told.status, told.text), (0, f"Parcel of romeo@{HOST} returned ()\n"))


# ---- a program of somebody else's ------------------------------------------------------------------


class Library(Parcels):
    def test_words_are_read_as_on_the_command_line(self):
        program = str(self.tmp / "library")
        with mock.patch.object(harness, "BIN", BIN):
            test_library.build(program, "library.c", *SRC, "-DPARCELS=CACHE_COMMANDS",
                               "-DPARCELS_ARE=", "-include", str(ROWS))
        for words in (["parcel", "send", "romeo", HOST, "--as", "zip", "-f"],
                      ["parcel_send", "-f", "--", "romeo", HOST],
                      ["parcel", "list"]):
            done = subprocess.run([program, self.dsn, *words], stdout=subprocess.PIPE,
                                  timeout=harness.TIMEOUT, check=True)
            self.assertEqual(done.stdout, self.adminex(*words, options=["--json"]).out)
        self.banned()
        before = self.state()
        for words, status, message in [
                (["parcel", "sen"], 2, "'parcel' is followed by one of send, return, list, not 'sen'"),
                (["parcel", "send", "romeo", HOST, "--x"], 2,
                 "unknown option '--x' of parcel_send"),
                (["parcel", "return", "romeo", HOST, "--dry-run"], 0, "")]:
            done = subprocess.run([program, self.dsn, *words], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=harness.TIMEOUT, check=False)
            self.assertEqual((done.returncode, done.stderr.decode().strip()), (status, message))
        self.assertEqual(self.state(), before)
