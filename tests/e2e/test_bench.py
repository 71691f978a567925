"""The benchmarks still run: on a thousandth of their data, and nobody judges the figures."""

import shutil
import subprocess
import sys
import unittest

import harness


class Benchmarks(harness.TestCase):
    def bench(self, what):
        page = self.tmp / f"{what}.md"
        done = subprocess.run(
            [sys.executable, harness.ROOT / "tests" / "bench" / "bench.py", "--size", "0.001",
             "--page", page, "--cluster", self.cluster.directory, what],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=4 * harness.TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.sql("SELECT datname FROM pg_database WHERE datname LIKE 'bench%'"),
                         [])
        return page.read_text(encoding="utf-8")

    def test_compare_writes_its_sections_and_cleans_up(self):
        page = self.bench("compare")
        self.assertNotRegex(page, r"(?m)^@[A-Z]+@$")
        for command in ("check_account", "push_roster_alltoall", "delete_old_users",
                        "process_rosteritems list", "import"):
            self.assertRegex(page, rf"(?m)^\|[^|]*{command}[^|]*\|.*\| \**\d+\.\d\d")
        self.assertIn("1 round trip:", page)

    @unittest.skipUnless(all(shutil.which(name, path="/usr/sbin:/usr/bin")
                             for name in ("wrk", "nginx", "curl", "openssl")),
                         "wrk, nginx, curl or openssl is not installed: scripts/deps.sh bench")
    def test_http_writes_its_section(self):
        page = self.bench("http")
        for line, figure in (("`check_account`, cache off", r"\*?\d+\.\d\d"),
                             ("`get_roster` of 50 contacts", r"\*?\d+\.\d\d"),
                             ("`check_account`, all of 200 accounts", r"\*?\d+\.\d\d"),
                             ("`add_rosteritem`, another daemon", r"\*?\d+\.\d\d"),
                             ("10 idle plain connections", r"\*?\d+\.\d MiB"),
                             ("`connected_users_info`", r"\*?\d+\.\d\d")):
            self.assertRegex(page, rf"(?m)^\|[^|]*{line}[^|]*\|.*\| \*?{figure}")
        self.assertRegex(page, r"at \d+ % \|\n")

    @unittest.skipUnless(all(shutil.which(name, path="/usr/sbin:/usr/bin")
                             for name in ("wrk", "nginx", "curl", "openssl")),
                         "wrk, nginx, curl or openssl is not installed: scripts/deps.sh bench")
    def test_gdpr_writes_its_section(self):
        page = self.bench("gdpr")
        for line, figure in (("`gdpr_export` of accounts", r"\*?\d+\.\d\d"),
                             ("a subject with 1,000 rows", r"\*?\d+\.\d\d"),
                             ("how much more memory", r"\*?\d+\.\d MiB"),
                             ("`delete_old_users`", r"\*?\d+\.\d\d")):
            self.assertRegex(page, rf"(?m)^\|[^|]*{line}[^|]*\|.*\| \*?{figure}")

    def test_scale_writes_its_section(self):
        page = self.bench("scale")
        self.assertRegex(page, r"(?m)^\| `get_last \{user\} example\.org` \|.*\| \**\d+\.\d\d")
        self.assertIn("Not measured yet.", page)
