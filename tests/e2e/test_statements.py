"""Each statement of sql/ is prepared on the migrated schema, so none can rot unnoticed."""

import importlib.util
import pathlib
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
    if first in ("CREATE", "ANALYZE", "LISTEN"):
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


class Reaches(harness.TestCase):
    """What is cached and what is dropped stands beside the statements, and the build checks it."""

    NAME = "-- name: some(audit, host, username) one\n-- What it does.\n"
    READ = "-- name: read(host, username) one\n-- A read.\n-- cached: account(host, username)\n" \
           "SELECT vcard FROM adminex.vcards WHERE host = $1 AND username = $2;\n\n"

    def statements(self, text):
        self.file("some.sql", text)
        return embed_sql().read_backend(self.tmp)

    def stops(self, text, pattern):
        with self.assertRaisesRegex(SystemExit, pattern):
            self.statements(text)

    def test_reaches_are_numbers_of_parameters(self):
        found = self.statements(
            self.READ + self.NAME + "-- drops: account(host, username)\n"
            "UPDATE adminex.vcards SET vcard = $1 WHERE host = $2 AND username = $3;\n\n"
            "-- name: gone(audit, host) exec\n-- drops: host(host)\n-- Gone.\n"
            "DELETE FROM adminex.users WHERE host = $2 AND $1 <> '';\n")
        self.assertEqual(found["read"].reach("cached"), "{ SCOPE_ACCOUNT, 1, 2 }")
        self.assertEqual(found["read"].reach("drops"), "{ SCOPE_NONE, 0, 0 }")
        self.assertEqual(found["some"].reach("drops"), "{ SCOPE_ACCOUNT, 2, 3 }")
        self.assertEqual(found["gone"].reach("drops"), "{ SCOPE_HOST, 2, 0 }")
        self.assertEqual(found["gone"].comment, ["Gone."])

    def test_reaches_of_what_need_say_nothing(self):
        self.statements(
            "-- name: stage() exec\n-- x.\nCREATE TEMPORARY TABLE some_stage (a text);\n\n"
            "-- name: fill(a) exec\n-- x.\nINSERT INTO some_stage VALUES ($1);\n\n"
            "-- name: lock(a) one\n-- x.\nSELECT 1 FROM adminex.users WHERE host = $1 FOR UPDATE;\n"
            "\n-- name: tell(a) exec\n-- x.\n"
            "WITH told AS (INSERT INTO adminex.outbox (host) VALUES ($1)) "
            "INSERT INTO adminex.audit_log (actor) VALUES ('UPDATE adminex.users');\n")

    def test_reaches_of_writes_must_be_said(self):
        for body in ("INSERT INTO adminex.vcards VALUES ($1, $2, $3);",
                     "WITH x AS (UPDATE adminex.vcards SET vcard = $1 WHERE host = $2) SELECT $3;",
                     "DELETE FROM ONLY adminex.vcards WHERE $1 = $2 OR $2 = $3;",
                     "insert into others values ($1, $2, $3)\n  on conflict do update set a = 1;"):
            self.stops(self.NAME + body + "\n", "some writes (adminex.vcards|others) and has no line")

    def test_reaches_must_be_right(self):
        write = "UPDATE adminex.vcards SET vcard = $1 WHERE host = $2 AND username = $3;\n"
        for line, pattern in (
                ("-- drops: none()", "drops nothing, but cached statements read adminex.vcards"),
                ("-- drops: account(host, user)", "has no parameter user"),
                ("-- drops: account(host)", r"account\(\) takes 2 parameters"),
                ("-- drops: some(host)", "'some' is none of"),
                ("-- drops: all", "a line reads"),
                ("-- drops : all()", "a line reads"),
                ("-- drops: all()\n-- drops: all()", "says twice"),
                ("-- drops: all()\n-- cached: all()", "writes, and cannot be cached"),
                ("-- cached: none()", "'none' is none of")):
            with self.subTest(line=line):
                self.stops(self.READ + self.NAME + line + "\n" + write, pattern)
        self.stops(self.NAME + "-- drops: all()\nSELECT $1, $2, $3;\n", "writes nothing")

    def test_reaches_of_what_must_not_be_cached(self):
        for body, pattern in (
                ("SELECT plain FROM adminex.credentials WHERE host = $2", "reads credentials"),
                ("SELECT 1 FROM adminex.sessions WHERE host = $2", "reads sessions"),
                ("SELECT now() - created_at FROM adminex.users WHERE host = $2", r"on 'now\('"),
                ("SELECT pg_notify($2, '')", r"on 'pg_notify\('"),
                ("SELECT 1 FROM adminex.users WHERE host = $2 FOR NO KEY UPDATE", "on 'FOR NO KEY")):
            with self.subTest(body=body):
                self.stops(self.NAME + f"-- cached: all()\n{body} AND $1 = $3;\n"
                           if "WHERE" in body and "FOR" not in body else
                           "-- name: some(a, host) one\n-- x.\n-- cached: all()\n"
                           + body.replace("$2", "$2 || $1") + ";\n", pattern)

    def test_reaches_of_cached_statements_are_those_of_the_triggers(self):
        module = embed_sql()
        statements = module.read_backend(ROOT / "sql" / "native").values()
        read = {t for s in statements if s.cached for t in module.TABLE.findall(s.text)}
        triggers = pathlib.Path(ROOT / "migrations" / "optional" / "cache_triggers.up.sql")
        for table in read:
            self.assertRegex(triggers.read_text(encoding="utf-8"),
                             f"'{table}'|ON adminex\\.{table} ", table)


if __name__ == "__main__":
    unittest.main()
