"""Each statement of sql/ is prepared on the migrated schema, so none can rot unnoticed."""

import importlib.util
import unittest

import harness

ROOT = harness.ROOT

# What the migrator makes is there already.
MADE_BEFORE = {"migrate_create_schema", "migrate_create_table"}


def embed_sql():
    spec = importlib.util.spec_from_file_location("embed_sql", ROOT / "scripts" / "embed-sql.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def psql_for(statement):
    """The psql input that has the server look at a statement whole."""
    if statement.name in MADE_BEFORE:
        return ""
    first = statement.text.split(None, 1)[0].upper()
    if first == "COPY":
        # Into nowhere instead of from the client: its columns and options are looked at all the same.
        return statement.text.replace("FROM STDIN", "TO '/dev/null'") + ";\n"
    if first in ("CREATE", "ANALYZE"):
        return f"{statement.text};\n"
    return f"PREPARE {statement.name} AS\n{statement.text};\n"


class Statements(harness.TestCase):
    def test_every_statement_is_prepared(self):
        statements = embed_sql().read_backend(ROOT / "sql" / "native")
        self.assertGreater(len(statements), 80)
        # Temporary tables first: other statements of the import name them.
        ordered = sorted(statements.values(), key=lambda s: "_stage_" not in s.name)
        script = "BEGIN;\n" + "".join(psql_for(s) for s in ordered)
        prepared = self.sql(script + "SELECT name FROM pg_prepared_statements;\nROLLBACK;\n")
        wanted = {s.name for s in ordered if psql_for(s).startswith("PREPARE")}
        self.assertEqual(wanted - {row[0] for row in prepared if row}, set())

    def test_every_audit_row_has_its_request(self):
        statements = embed_sql().read_backend(ROOT / "sql" / "native")
        writing = [s for s in statements.values() if "INSERT INTO adminex.audit_log" in s.text]
        self.assertGreater(len(writing), 20)
        for statement in writing:
            with self.subTest(name=statement.name):
                text = " ".join(statement.text.split("INSERT INTO adminex.audit_log")[1].split())
                self.assertRegex(text, r"\A\([a-z_, ]*, request_id\) SELECT .*"
                                       r", coalesce\(a\.request, ''\) FROM .*"
                                       r"jsonb_to_record\(\$1::jsonb\) AS a\([^)]*, request text\)")

    def test_a_request_is_in_the_audit_row_and_empty_without_one(self):
        text = embed_sql().read_backend(ROOT / "sql" / "native")["host_add"].text
        record = '{"actor": "a", "face": "http", "command": "c", "arguments": {}%s}'
        runs = "".join(f"EXECUTE host_add('{record % request}', '{host}');\n"
                       for request, host in (("", "a.example"), (', "request": "r-1"', "b.example")))
        rows = self.sql(f"BEGIN;\nPREPARE host_add AS\n{text};\n{runs}"
                        "SELECT quote_literal(request_id) FROM adminex.audit_log ORDER BY id;\nROLLBACK;\n")
        self.assertEqual([row for row in rows if row][-2:], [["''"], ["'r-1'"]])

    def test_passwords_are_copied_so_that_an_error_quotes_none(self):
        # In the text format the server's log would have the whole line as context.
        statements = embed_sql().read_backend(ROOT / "sql" / "native")
        self.assertIn("FORMAT binary", statements["import_copy_credential"].text)


if __name__ == "__main__":
    unittest.main()
