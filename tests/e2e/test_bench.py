"""The benchmarks still run: on a thousandth of their data, and nobody judges the figures."""

import subprocess
import sys

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

    def test_scale_writes_its_section(self):
        page = self.bench("scale")
        self.assertRegex(page, r"(?m)^\| `get_last \{user\} example\.org` \|.*\| \**\d+\.\d\d")
        self.assertIn("Not measured yet.", page)
