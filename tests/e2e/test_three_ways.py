"""Each command by command line, batch and HTTP, and by the command line through a daemon: the same
replies, and the same tables afterwards."""

import csv
import io
import json
import pathlib
import zipfile

import daemon
import harness
import test_batch
import test_contract
import world
from test_batch import without_fickle

# Each process has a cache of its own, and a single command none.
OWN = ("cache_info", "cache_clear")
# Questions that HTTP answers with 200, whatever the answer is.
ANSWERED = ("incorrect", "no")
# Those that write a document, and the parameter that says where.
DOCUMENTS = {"retrieve_personal_data": "path", "gdpr_export": "output"}


class ThreeWays(daemon.TestCase):
    example = test_batch.EachCommand.example
    examples = test_batch.EachCommand.examples
    refusals = test_batch.EachCommand.refusals

    def setUp(self):
        super().setUp()
        self.settings = world.SETTINGS.format(self.tmp)
        self.options = ["-c", self.file("ways.conf", self.settings)]

    def copies(self, need, *names):
        """Databases that are equal."""
        base = self.new_database(self.addCleanup)
        self.cluster.sql(base, world.WORLD + need)
        copies = {}
        for name in names:
            copies[name] = f"{base}_{name}"
            self.cluster.sql("postgres", f"CREATE DATABASE {copies[name]} TEMPLATE {base}")
            self.addCleanup(self.cluster.sql, "postgres",
                            f"DROP DATABASE {copies[name]} WITH (FORCE)")
        return copies

    def tables(self, database, face):
        """All that a command could have changed; rows in an order that does not depend on ids."""
        (query,), = self.cluster.sql(database, world.STATE)
        tables = {table: json.loads(rows or "[]")
                  for table, rows in self.cluster.sql(database, query)}
        for table in ("daemons", "idempotency_keys", "batch_runs"):
            tables.pop(table)
        self.assertTrue(tables["audit_log"])
        for row in tables["audit_log"]:
            self.assertEqual(row["face"], face)
            self.assertEqual(bool(row.pop("request_id")), face == "http", row)
            self.assertEqual(row.pop("actor"), "user " * (face == "http") + world.ACTOR)
        return {table: sorted(map(self.key, self.without_user(rows)))
                for table, rows in tables.items()}

    @staticmethod
    def without_user(value):
        """A daemon's callers have another name than on the command line."""
        text = json.dumps(without_fickle(value))
        return json.loads(text.replace(f'"user {world.ACTOR}"', f'"{world.ACTOR}"'))

    @staticmethod
    def key(row):
        return json.dumps(row, sort_keys=True)

    def personal(self, document):
        """The document, but for when it was made."""
        if document.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(document)) as archive:
                return {name: without_fickle(self.of_file(name, archive.read(name).decode()))
                        for name in archive.namelist()}
        return without_fickle(json.loads(document))

    @staticmethod
    def of_file(name, text):
        if name.endswith(".json"):
            return json.loads(text)
        if not name.endswith(".csv"):
            return len(text.splitlines())
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        return [{**row, "request_id": "", "face": "", "actor": "", "row_hash": ""} for row in rows]

    def written(self, words):
        """The document that a command wrote, if it did."""
        path = pathlib.Path(words[-1])
        if words[0] not in DOCUMENTS or not path.exists():
            return None
        document = path.read_bytes()
        path.unlink()
        return self.personal(document)

    # The ways. Each yields the reply, whether it was a yes, and the document.

    def by_command_line(self, lines, dsn, *options):
        for words in lines:
            result = self.adminex(*words, cwd=harness.ROOT, env={"ADMINEX_DSN": dsn},
                                  options=["--json", *self.options, *options])
            written = self.written(words)
            if words[0] in DOCUMENTS and options and result.out == b"":
                yield None, True, written
                continue
            yield result.json(), result.status == 0, written

    def by_batch(self, lines, dsn):
        result = self.adminex("batch", "--continue", "-", cwd=harness.ROOT, options=self.options,
                              env={"ADMINEX_DSN": dsn},
                              stdin="".join(json.dumps(words) + "\n" for words in lines).encode())
        for number, (words, reply) in enumerate(zip(lines, result.ndjson(), strict=True), 1):
            self.assertEqual((reply.pop("line"), reply.pop("command")), (number, words[0]))
            reply.pop("rows")
            yield reply, reply["status"] == "ok", self.written(words)

    def by_http(self, lines, server):
        for words in lines:
            reply = server.post(words[0], daemon.fields(words[0], words[1:]))
            if words[0] in DOCUMENTS and reply.status == 200:
                # There is nothing beside the document.
                yield None, True, self.personal(reply.body)
                continue
            self.assertEqual(reply["Content-Type"], "application/json")
            body = reply.json()
            yes = reply.status == 200 and body["status"] not in ANSWERED
            yield body, yes, None

    # Comparing.

    def with_path(self, words, number):
        """Each document has a path of its own, as a batch is looked at when it has ended."""
        if words[0] not in DOCUMENTS:
            return words
        return [*words[:-1], str(self.tmp / f"personal-{number}.json")]

    def compare(self, need, lines, all_yes):
        lines = [self.with_path(words, number) for number, words in enumerate(lines)
                 if words[0] not in OWN]
        copies = self.copies(need, "cli", "batch", "http", "socket")
        dsn = {name: self.cluster.dsn(database) for name, database in copies.items()}
        settings = {"password_checks": 1000000}
        server = self.serve(dsn["http"], http=settings, more=self.settings)
        want = list(self.by_command_line(lines, dsn["cli"]))
        got = {"batch": list(self.by_batch(lines, dsn["batch"])),
               "http": list(self.by_http(lines, server))}
        if all_yes:
            other = self.serve(dsn["socket"], http=settings, more=self.settings)
            got["socket"] = list(self.by_command_line(lines, "host=/nowhere", "--socket",
                                                      other.socket))
        for way, replies in got.items():
            for words, expected, reply in zip(lines, want, replies, strict=True):
                with self.subTest(way=way, words=words):
                    if reply[0] is not None:
                        self.assertEqual(self.without_user(reply[0]), without_fickle(expected[0]))
                        self.assertEqual(list(reply[0]), list(expected[0]))
                    self.assertEqual(reply[1:], expected[1:])
                    self.assertTrue(reply[1] or not all_yes)
        before = self.tables(copies["cli"], "cli")
        for way in got:
            after = self.tables(copies[way], "http" if way == "socket" else way)
            for table, rows in before.items():
                with self.subTest(way=way, table=table):
                    self.assertEqual(after[table], rows)
        return {words[0] for words in lines}, server

    def test_each_command_that_says_yes(self):
        test_contract.make_files(self)
        names, server = self.compare(test_batch.NEED, self.examples(), all_yes=True)
        bans, _ = self.compare(test_contract.EXAMPLES_NEED + test_batch.NEED_BAN,
                               map(self.example, test_batch.BANS), all_yes=True)
        # That was all of them.
        listed = {row["command"] for row in server.get("/api").json()["result"]}
        self.assertEqual(names | bans, listed - set(OWN))

    def test_each_command_that_says_no(self):
        lines = [words for words in self.refusals() if "/nowhere" not in words]
        names, _ = self.compare(test_batch.NEED, lines, all_yes=False)
        self.assertGreater(len(names), 45)


if __name__ == "__main__":
    harness.unittest.main()
