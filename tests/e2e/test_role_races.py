"""Two databases of one cluster make and drop the cluster's roles at the same moment."""

import os
import subprocess
import unittest

import harness

UP = (harness.ROOT / "migrations" / "0004_roles.up.sql").read_text()
DOWN = (harness.ROOT / "migrations" / "0004_roles.down.sql").read_text()
GRANTS = """
    SELECT grantee, count(*) FROM information_schema.role_table_grants
     WHERE table_schema = 'adminex' AND grantee LIKE 'adminex_%' GROUP BY 1 ORDER BY 1
"""


class RoleRaces(unittest.TestCase):
    """The first transaction is held open after its work, so that the second meets it."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster()
        cls.addClassCleanup(cls.cluster.stop)
        for database in ("a", "b"):
            cls.cluster.sql("postgres", f"CREATE DATABASE {database}")
            subprocess.run([harness.BIN, "--dsn", cls.cluster.dsn(database), "migrate", "up",
                            "--to", "4"],
                           check=True, stderr=subprocess.DEVNULL, timeout=harness.TIMEOUT)
        cls.all_grants = cls.cluster.sql("a", GRANTS)

    def setUp(self):
        for database in ("a", "b"):
            self.bring(database, up=True)

    def bring(self, database, up):
        there = self.cluster.sql(database, "SELECT to_regprocedure('adminex.grant_roles()') IS NOT NULL")
        if (there == [["t"]]) != up:
            self.cluster.sql(database, UP if up else DOWN)

    def begin(self, database, script, end="COMMIT"):
        """Run in a transaction that stays open a while; returns once its work is done."""
        child = subprocess.Popen(
            [harness.psql(), "-Xqt", "--set=ON_ERROR_STOP=1", "-d", self.cluster.dsn(database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"]})
        child.stdin.write(f"BEGIN; {script}\n\\echo done\nSELECT pg_sleep(1);\n{end};\n".encode())
        child.stdin.close()
        self.assertEqual(child.stdout.readline(), b"done\n")
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait)
        return child

    def roles(self):
        return self.cluster.sql("postgres",
                                "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'adminex_%'")

    def test_both_down_drops_the_roles(self):
        first = self.begin("a", DOWN)
        self.cluster.sql("b", DOWN)
        self.assertEqual(first.wait(), 0)
        self.assertEqual(self.roles(), [["0"]])

    def test_up_after_a_down_elsewhere_makes_them_again(self):
        self.bring("b", up=False)
        first = self.begin("a", DOWN)
        self.cluster.sql("b", UP)
        self.assertEqual(first.wait(), 0)
        self.assertEqual(self.cluster.sql("b", GRANTS), self.all_grants)

    def test_both_up_make_them_once(self):
        self.bring("a", up=False)
        self.bring("b", up=False)
        self.assertEqual(self.roles(), [["0"]])
        first = self.begin("a", UP)
        self.cluster.sql("b", UP)
        self.assertEqual(first.wait(), 0)
        for database in ("a", "b"):
            self.assertEqual(self.cluster.sql(database, GRANTS), self.all_grants)

    def test_up_after_one_that_was_rolled_back(self):
        self.bring("a", up=False)
        self.bring("b", up=False)
        first = self.begin("a", UP, end="ROLLBACK")
        self.cluster.sql("b", UP)
        self.assertEqual(first.wait(), 0)
        self.assertEqual(self.cluster.sql("b", GRANTS), self.all_grants)

    def test_down_keeps_what_another_database_uses(self):
        self.cluster.sql("a", DOWN)
        self.assertEqual(self.roles(), [["3"]])
        self.assertEqual(self.cluster.sql("a", GRANTS), [])
        self.assertEqual(self.cluster.sql("b", GRANTS), self.all_grants)


if __name__ == "__main__":
    unittest.main()
