"""Submod gdpr: the registry of personal data, and tables that a DBA adds to it."""

import json

import daemon
import world
from world import CHAT, HOST

ORDERS = """
DROP SCHEMA IF EXISTS shop CASCADE;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (
    id integer PRIMARY KEY, jid text NOT NULL, "Ship to" text NOT NULL, paid numeric(8,2) NOT NULL,
    tags text[], note text, secret text);
INSERT INTO shop.orders VALUES
    (1, 'romeo@example.org', 'Verona', 12.50, '{a,"b c"}', NULL, 'hidden one'),
    (2, 'romeo@example.org', 'Mantua', 7, NULL, 'as a gift', 'hidden two'),
    (3, 'romeo@example.org/phone', 'Padua', 1, NULL, NULL, NULL),
    (4, 'juliet@example.org', 'Verona', 3, NULL, NULL, NULL),
    (5, 'xromeo@example.org', 'Verona', 3, NULL, NULL, NULL),
    (6, 'romeo@chat.example.org', 'Verona', 3, NULL, NULL, NULL);
"""


class Registry(world.TestCase):
    def setUp(self):
        super().setUp()
        self.sql("DELETE FROM personal_sections WHERE backend = 'own';"
                 "DELETE FROM personal_data WHERE table_schema <> 'adminex';"
                 "DROP SCHEMA IF EXISTS shop CASCADE")

    def register(self, *more, table="shop.orders", section="orders"):
        self.ok(self.adminex("gdpr_register", table, "--subject-column", "jid", "--system", "id",
                             *more), f"Table {table} is registered as {section}")

    def data(self, user="romeo", host=HOST, *more):
        result = self.adminex("gdpr_export", user, host, *more)
        self.succeeds(result)
        return json.loads(result.text)["data"]

    # gdpr_audit

    def test_gdpr_audit_finds_the_schema_classed(self):
        self.ok(self.adminex("gdpr_audit"), "The registry is whole; 0 notes")

    def test_gdpr_audit_names_a_column_that_is_not_classed(self):
        self.sql("ALTER TABLE users ADD COLUMN shoe_size integer")
        try:
            self.no(self.adminex("gdpr_audit"),
                    ["fault\tadminex.users\tshoe_size\tis not classed",
                     "The registry has 1 faults; 0 notes"])
            reply = json.loads(self.adminex("gdpr_audit", options=["--json"]).text)
            self.assertEqual((reply["status"], reply["result"]), ("faults", [
                {"severity": "fault", "table": "adminex.users", "column": "shoe_size",
                 "finding": "is not classed"}]))
        finally:
            self.sql("ALTER TABLE users DROP COLUMN shoe_size")

    def test_gdpr_audit_notes_tables_elsewhere_and_what_became_of_registered_ones(self):
        self.sql(ORDERS)
        self.ok(self.adminex("gdpr_audit"),
                ["note\tshop.orders\tjid\tmay hold a JID or a username, and is not registered",
                 "The registry is whole; 1 notes"])
        self.register()
        self.ok(self.adminex("gdpr_audit"), "The registry is whole; 0 notes")
        self.sql("ALTER TABLE shop.orders RENAME COLUMN note TO remark")
        self.no(self.adminex("gdpr_audit"),
                ["fault\tshop.orders\tnote\tis classed, but is not there",
                 "fault\tshop.orders\tremark\tis not classed",
                 "The registry has 2 faults; 0 notes"])
        self.sql("DROP TABLE shop.orders")
        result = self.adminex("gdpr_audit")
        self.assertEqual(result.status, 1)
        self.assertIn("section orders: the table is not there", result.text)

    # gdpr_register

    def test_gdpr_register_puts_a_table_into_exports(self):
        self.sql(ORDERS)
        before = self.value("SELECT version FROM personal_registry")
        self.does("gdpr_register", "shop.orders", "--subject-column", "jid", "--system", "id",
                  "--withhold", "secret", says="Table shop.orders is registered as orders",
                  tables=["personal_sections", "personal_data", "personal_registry"], rows=7,
                  audit={})
        self.assertNotEqual(self.value("SELECT version FROM personal_registry"), before)
        rows = self.data()["orders"]
        self.assertEqual(rows, [
            {"id": 1, "Ship to": "Verona", "paid": "12.50", "tags": ["a", "b c"], "note": None},
            {"id": 2, "Ship to": "Mantua", "paid": "7.00", "tags": None, "note": "as a gift"}])
        self.assertEqual(len(self.data(host=CHAT)["orders"]), 1)

    def test_gdpr_register_takes_other_ways_to_name_the_subject(self):
        self.sql(ORDERS)
        self.register("--full-jid", "--section", "shopping", section="shopping")
        self.assertEqual([row["id"] for row in self.data()["shopping"]], [1, 2, 3])
        self.sql("CREATE TABLE shop.points (login text, site text, points integer);"
                 "INSERT INTO shop.points VALUES ('romeo', 'example.org', 3),"
                 "('romeo', 'chat.example.org', 4), ('juliet', 'example.org', 5);"
                 "CREATE TABLE shop.fans (login text, since date);"
                 "INSERT INTO shop.fans VALUES ('romeo', '2020-02-29')")
        self.succeeds(self.adminex("gdpr_register", "shop.points", "--subject-column", "login",
                                   "--host-column", "site"))
        self.succeeds(self.adminex("gdpr_register", "shop.fans", "--subject-column=login",
                                   "--host=Example.ORG"))
        data = self.data()
        self.assertEqual((data["points"], data["fans"]),
                         ([{"points": 3}], [{"since": "2020-02-29"}]))
        self.assertEqual(self.data(host=CHAT)["fans"], [])

    def test_gdpr_register_refuses_what_it_cannot_do(self):
        self.sql(ORDERS)
        for text, *words in (
                ("Table shop.nothing does not exist", "shop.nothing", "--subject-column", "jid"),
                ("Table adminex.users is adminex's own", "adminex.users", "--subject-column",
                 "username"),
                ("Table shop.orders lacks a column that was named", "shop.orders",
                 "--subject-column", "JID"),
                ("Table shop.orders lacks a column that was named", "shop.orders",
                 "--subject-column", "jid", "--keep", "id;nothing"),
                ("The columns that name the subject must be texts", "shop.orders",
                 "--subject-column", "id"),
                ("Table shop.orders cannot be anonymised: name its NOT NULL columns that are no "
                 "texts with --keep", "shop.orders", "--subject-column",
                 "jid", "--erasure", "anonymise", "--reason", "tax law")):
            with self.subTest(words=words):
                before = self.state()
                self.no(self.adminex("gdpr_register", *words), text)
                self.assertEqual(self.changed(before, self.state()), set())
        for pattern, *words in (
                ("needs --subject-column", "shop.orders"),
                ("needs --reason", "shop.orders", "--subject-column", "jid", "--erasure", "keep")):
            self.rejects("gdpr_register", *words, status=2, pattern=pattern)
        self.register()
        self.no(self.adminex("gdpr_register", "shop.orders", "--subject-column", "jid"),
                "Table shop.orders, or the section orders, is registered already")

    def test_gdpr_unregister_forgets_a_table(self):
        self.sql(ORDERS)
        self.register()
        self.does("gdpr_unregister", "orders", says="Section orders is forgotten",
                  tables=["personal_sections", "personal_data", "personal_registry"], rows=7,
                  audit={})
        self.assertNotIn("orders", self.data())
        self.does("gdpr_unregister", "orders", no="No table is registered as orders", audit={},
                  rows=0, outcome="not_registered")
        self.no(self.adminex("gdpr_unregister", "account"), "No table is registered as account")

    def test_a_table_that_cannot_be_read_is_unavailable_and_said(self):
        self.sql(ORDERS)
        self.register()
        self.sql("DROP TABLE shop.orders")
        result = self.adminex("gdpr_export", "romeo", HOST)
        self.ok(result, None, "section orders is not in the document: the table is not there")
        document = json.loads(result.text)
        self.assertNotIn("orders", document["data"])
        (section,) = (s for s in document["manifest"]["sections"] if s["name"] == "orders")
        self.assertEqual((section["state"], section["reason"]),
                         ("unavailable", "the table is not there"))

    # gdpr_ropa

    def test_gdpr_ropa_is_a_record_of_processing(self):
        text = self.adminex("gdpr_ropa").text
        self.assertTrue(text.startswith("# Record of processing activities (GDPR Art. 30)\n"))
        self.assertIn("\n## contact\n", text)
        self.assertRegex(text, r"(?m)^\| vcard \| adminex\.vcards \| .*vcard.* \| subject \| ")
        rows = json.loads(self.adminex("gdpr_ropa", options=["--json"]).text)["result"]
        classed = self.sql("SELECT count(*) FROM personal_data WHERE personal")
        self.assertEqual(sum(len(row["columns"].split(", ")) for row in rows), int(classed[0][0]))
        self.assertEqual(text.count("\n| "), len(rows) + text.count("\n## "))


class Exports(world.TestCase):
    """gdpr_export beyond what retrieve_personal_data does."""

    def fill(self):
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": "<vCard/>"})
        self.contact("romeo", "juliet@example.org", nick="J", subscription="B")
        self.contact("juliet", "romeo@example.org", subscription="B")
        self.insert("bans", {"host": HOST, "username": "romeo", "reason": "spam"})

    def test_gdpr_export_as_lines(self):
        self.fill()
        lines = self.adminex("gdpr_export", "romeo", HOST, "--as", "ndjson").ndjson()
        self.assertEqual(lines[0]["format"], "adminex-personal-data")
        self.assertIn({"section": "ban", "row": {"reason": "spam",
                                                 "banned_at": lines[3]["row"]["banned_at"]}}, lines)
        self.assertEqual([next(iter(line)) for line in lines[-2:]], ["manifest", "digest"])

    def test_gdpr_export_of_what_the_subject_provided(self):
        self.fill()
        document = json.loads(self.adminex("gdpr_export", "romeo", HOST, "--scope",
                                           "portability").text)
        self.assertEqual(list(document["data"]),
                         ["account", "last_activity", "vcard", "roster", "private"])
        states = {s["name"]: s for s in document["manifest"]["sections"]}
        self.assertEqual(states["ban"]["state"], "unavailable")
        self.assertIn("Art. 20", states["ban"]["reason"])
        self.assertEqual((states["vcard"]["state"], states["private"]["state"]),
                         ("present", "empty"))

    def test_gdpr_export_to_a_file_tells_the_digest(self):
        path = self.tmp / "romeo.json"
        result = self.adminex("gdpr_export", "Romeo", HOST, "-o", path)
        document = json.loads(path.read_text())
        self.ok(result, f"Personal data of Romeo@example.org is in {path}: {document['digest']}")
        self.succeeds(self.adminex("gdpr_verify", path))

    def test_gdpr_export_of_nobody(self):
        for user in ("nobody", "a@b"):
            self.no(self.adminex("gdpr_export", user, HOST), f"User {user}@{HOST} does not exist")

    def test_gdpr_export_as_xep0227_is_imported_again(self):
        self.fill()
        path = self.tmp / "romeo.xml"
        self.succeeds(self.adminex("gdpr_export", "romeo", HOST, "--as", "xep0227", "-o", path))
        self.succeeds(self.adminex("gdpr_verify", path))
        other = self.new_database(self.addCleanup)
        self.succeeds(self.adminex("import", path, options=["--dsn", self.cluster.dsn(other)]))
        self.assertEqual(self.cluster.sql(other, "SELECT username, jid FROM roster_items"),
                         [["romeo", "juliet@example.org"]])

    def test_gdpr_export_never_shows_neighbours(self):
        names = ["bob", "jacob", "bobby", "bo", "b%b", "b_b", "bob.", "xbob"]
        for host in (HOST, CHAT):
            for name in names:
                self.insert("users", {"host": host, "username": name})
                self.insert("vcards", {"host": host, "username": name,
                                       "vcard": f"<vCard>only of {name} at {host}.</vCard>"})
                self.insert("offline_messages",
                            {"host": host, "username": name, "sender": f"{name}@{host}/r",
                             "packet": f"<message>for {name} at {host}.</message>"})
                self.insert("audit_log",
                            {"actor": "a", "face": "cli", "command": "ban_account", "rows": 1,
                             "arguments": json.dumps({"user": name, "host": host}),
                             "outcome": f"ok {name} at {host}."})
        for name in ("bob", "b%b"):
            for form in ("json", "ndjson"):
                text = self.adminex("gdpr_export", name, HOST, "--as", form).text
                for other in names:
                    for host in (HOST, CHAT):
                        self.assertEqual(f"{other} at {host}." in text,
                                         (other, host) == (name, HOST), f"{other} {host}")


class ByHttp(daemon.TestCase):
    def test_gdpr_export_is_the_document(self):
        server = self.serve()
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": "<vCard/>"})
        for form, media in (("json", "application/json"), ("ndjson", "application/x-ndjson"),
                            ("zip", "application/zip"), ("xep0227", "application/xml")):
            reply = server.call("gdpr_export", user="romeo", host=HOST, **{"as": form})
            self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, media))
            path = self.tmp / f"http.{form}"
            path.write_bytes(reply.body)
            self.succeeds(self.adminex("gdpr_verify", path))
        reply = server.call("gdpr_export", user="nobody", host=HOST, **{"as": "zip"})
        self.says(reply, 404, "user_does_not_exist")
        self.assertEqual(reply.headers["Content-Type"], "application/json")

    def test_no_caller_names_a_file_of_the_daemon(self):
        server = self.serve()
        for name in ("output", "sign", "encrypt_to"):
            reply = server.call("gdpr_export", user="romeo", host=HOST, **{name: "/tmp/x"})
            self.says(reply, 400, "usage", name)

    def test_what_is_registered_meanwhile_is_exported_by_the_next_request(self):
        server = self.serve(writers=1)
        self.sql(ORDERS)
        def names():
            return json.loads(server.call("gdpr_export", user="romeo", host=HOST).body)["data"]
        self.assertNotIn("orders", names())
        self.succeeds(self.adminex("gdpr_register", "shop.orders", "--subject-column", "jid"))
        self.assertEqual(len(names()["orders"]), 2)
        self.sql("ALTER TABLE shop.orders DROP COLUMN note")
        # What was made for the table as it was fails once; the next is made anew.
        server.call("gdpr_export", user="romeo", host=HOST)
        self.assertNotIn("note", names()["orders"][0])
        self.succeeds(self.adminex("gdpr_unregister", "orders"))
        self.assertNotIn("orders", names())
