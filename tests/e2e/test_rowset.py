"""Rows of a real server, kept in memory: the same as rows that arrive one at a time."""

import os
import subprocess

import harness
from test_library import PACKAGES

HOST = "example.org"


class Kept(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = ["pkg-config", "--cflags", "--libs", *PACKAGES]
        flags = subprocess.run(config, stdout=subprocess.PIPE, check=True).stdout.decode().split()
        sanitize = ["-fsanitize=address,undefined"] if harness.SANITIZED else []
        build = harness.BIN.parent
        cls.program = str(cls.tmp / "rowset")
        subprocess.run([os.environ.get("CC", "gcc"), "-std=c17", "-D_GNU_SOURCE", "-Wall",
                        "-Werror", *sanitize, f"-I{harness.ROOT / 'include'}",
                        f"-I{harness.ROOT / 'src'}", f"-I{build / 'gen'}", "-o", cls.program,
                        str(harness.ROOT / "tests" / "e2e" / "rowset.c"),
                        str(build / "libadminex.a"), *flags, "-lcsv"], check=True)

    def both(self, username, *words):
        """What came as rows, which is what was kept, a line a statement."""
        done = subprocess.run([self.program, self.dsn, HOST, username, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=harness.TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.decode().split("\n")[:-1]
        self.assertEqual(len(lines), len(words))
        self.assertEqual(lines[:len(lines) // 2], lines[len(lines) // 2:])
        return lines[:len(lines) // 2]

    def test_rows_kept_are_the_rows_that_came(self):
        self.account("romeo")
        self.account("orsino")
        for contact in ("viola", "feste"):
            self.adminex("add_rosteritem", "romeo", HOST, contact, HOST, "", "", "both")
        words = ["roster_list", "jid,nick,group,nothing", "last_get", "timestamp,status",
                 "account_exists", "found"]
        self.assertEqual(
            self.both("romeo", *words),
            ["jid=feste@example.org;nick=;group=;nothing=NULL;"
             "jid=viola@example.org;nick=;group=;nothing=NULL;end",
             "timestamp=NULL;status=NULL;end",
             "found=1;end"])
        self.assertEqual(
            self.both("orsino", *words),
            ["jid=NULL;nick=NULL;group=;nothing=NULL;end",
             "timestamp=NULL;status=NULL;end",
             "found=1;end"])
        self.assertEqual(self.both("nobody", *words), ["end", "end", "end"])

    def test_what_fails_is_not_kept(self):
        self.account("viola")
        self.sql("ALTER TABLE vcards RENAME TO cards")
        self.addCleanup(self.sql, "ALTER TABLE cards RENAME TO vcards")
        lines = self.both("viola", "vcard_get", "vcard")
        self.assertEqual(len(lines), 1)
        self.assertIn("vcards", lines[0])
        self.assertNotIn("end", lines[0])
