"""libadminex from a program of somebody else's, built against the public headers alone."""

import json
import os
import subprocess
import time
import unittest

import harness
import world

PACKAGES = ["libpq", "libidn", "libxml-2.0", "yajl", "libconfig", "libzip", "libcrypto"]


def build(program, source, *options):
    """Compile a program of this folder against the library."""
    libs = subprocess.run(["pkg-config", "--libs", *PACKAGES], stdout=subprocess.PIPE,
                          check=True).stdout.decode().split()
    sanitize = ["-fsanitize=address,undefined"] if harness.SANITIZED else []
    subprocess.run([os.environ.get("CC", "gcc"), "-std=c17", "-Wall", "-Werror", *sanitize,
                    *options, f"-I{harness.ROOT / 'include'}", "-o", program,
                    str(harness.ROOT / "tests" / "e2e" / source),
                    str(harness.BIN.parent / "libadminex.a"), *libs, "-lcsv"], check=True)


class Library(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = str(cls.tmp / "library")
        build(cls.program, "library.c")

    def run_library(self, *words, dsn=None, env=None, config=None):
        env = {**os.environ, **(env or {}), **({"LIBRARY_CONFIG": config} if config else {})}
        done = subprocess.run([self.program, dsn or self.dsn, *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=harness.TIMEOUT, env=env)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_the_reply_is_that_of_the_command_line(self):
        self.account("orsino")
        for words in (["check_account", "orsino", "example.org"], ["get_roster", "orsino", "example.org"],
                      ["check_account", "nobody", "example.org"], ["stats", "registeredusers"]):
            status, out, err = self.run_library(*words)
            line = self.adminex(*words, options=["--json"])
            self.assertEqual((status, out, err), (line.status, line.out.decode(), ""))

    def test_a_write_is_audited_as_the_library_of_its_actor(self):
        self.account("viola")
        status, out, _ = self.run_library("ban_account", "viola", "example.org", "spam")
        self.assertEqual((status, json.loads(out)["status"]), (0, "ok"))
        self.assertEqual(
            self.sql("SELECT actor, face FROM audit_log WHERE command = 'ban_account'"),
            [["somebody", "library"]])

    def test_pages(self):
        for user in ("antonio", "cesario", "sebastian"):
            self.account(user, "illyria.example.org")
        args = ("registered_users", "illyria.example.org")
        self.assertEqual(self.run_library(*args, env={"LIMIT": "2"})[:2], (
            0, '{"result":[{"user":"antonio"},{"user":"cesario"}],"next":"cesario","status":"ok"}\n'))
        self.assertEqual(self.run_library(*args, env={"LIMIT": "2", "AFTER": "cesario"})[:2], (
            0, '{"result":[{"user":"sebastian"}],"status":"ok"}\n'))
        self.assertEqual(self.run_library(*args, env={"LIMIT": "-1"})[0], 1)

    def test_failures_are_values(self):
        status, out, err = self.run_library("chek_account", "a", "b")
        self.assertEqual((status, out, err), (2, "", "unknown command 'chek_account'\n"))
        status, out, err = self.run_library("stats", "registeredusers",
                                            dsn="host=/nonexistent dbname=x")
        self.assertEqual((status, out), (3, ""))
        self.assertRegex(err, r"\Acannot reach the database: .*\n\Z")

    def test_a_dash_is_a_password_like_any_other(self):
        self.account("feste", password="-" * 3)
        self.run_library("change_password", "feste", "example.org", "-")
        status, out, _ = self.run_library("check_password", "feste", "example.org", "-")
        self.assertEqual(status, 0, out)

    def limited(self, setting, name):
        """Commands of one handle that wait for a lock: what they said. The first ones are reads,
        each a transaction of its own: with it, its failure undid the limits that it brought."""
        self.account(name)
        config = self.file("limits.conf", f'database = {{ prepare = "on"; {setting} }};')
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; LOCK TABLE users")
        began = time.monotonic()
        status, out, err = self.run_library(
            "check_account", name, "example.org", ";", "check_account", name, "example.org", ";",
            "ban_account", name, "example.org", "x", ";", "ban_account", name, "example.org", "x",
            config=config)
        took = time.monotonic() - began
        other.run("ROLLBACK")
        self.assertEqual(status, 1)
        self.assertEqual([json.loads(line)["status"] for line in out.splitlines()], ["error"] * 4)
        self.assertTrue(4 < took < 10, took)
        self.assertEqual(self.value("SELECT count(*) FROM bans WHERE reason = 'x'"), "0")
        return err

    def test_the_lock_time_limit_outlives_failures(self):
        err = self.limited("lock_timeout = 1;", "malvolio")
        self.assertEqual(err.count("due to lock timeout"), 4)

    def test_the_statement_time_limit_outlives_failures(self):
        err = self.limited("lock_timeout = 0; statement_timeout = 1;", "maria")
        self.assertEqual(err.count("took longer than the time limit"), 4)


if __name__ == "__main__":
    unittest.main()
