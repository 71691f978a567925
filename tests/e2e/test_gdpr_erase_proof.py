"""The proof of erasure: what is planted in every personal column of every table that the registry
knows is in the dump of the database before, and afterwards only where the plan said so."""

import itertools
import json
import os
import re
import subprocess

import harness
from world import ACTOR, insert, scram_keys

HOST, SUBJECT = "example.org", "zqsubject"
JID = f"{SUBJECT}@{HOST}"
# Names near the subject's, and people who have to do with it.
FRIEND, NEIGHBOURS = "juliet", [
    ("juliet", HOST), ("zqsubjects", HOST), ("xzqsubject", HOST), ("Zqsubject", HOST),
    (SUBJECT, "chat.example.org"), (SUBJECT, "example.org.net"), (SUBJECT, "ample.org")]
SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY, jid text, item text, paid numeric);
CREATE TABLE shop.visits (site text NOT NULL, login text NOT NULL, page text NOT NULL, took integer,
                          status text);
CREATE TABLE shop.invoices (login text, address text);
"""
# Columns that are no free text, and what is put there in the place of a marker; a callable gets the
# marker. Whoever adds such a column is sent here by a failure.
TYPED = {
    ("roster_items", "subscription"): "B",
    ("roster_items", "ask"): "N",
    ("sessions", "show"): "away",
    ("outbox", "kind"): "kick",
    ("credentials", "mechanism"): "SCRAM-SHA-256",
    ("credentials", "iterations"): "4096",
    ("sessions", "priority"): "-7",
    ("sessions", "port"): "54321",
    ("sessions", "ip"): "203.0.113.77",
    ("roster_versions", "version"): "771177117711",
    ("audit_log", "rows"): "88228822",
    ("gdpr_subjects", "request"): "4711",
}
# By type, where a marker fits in.
FITS = {
    "text": lambda marker: marker,
    "text[]": lambda marker: [marker],
    "jsonb": lambda marker: json.dumps({"reason": marker}),
    "bytea": lambda marker: marker.encode().ljust(32, b"."),
    "timestamp with time zone": None,
    "numeric": None,
    "integer": None,
}
WHEN = "2024-05-06T07:08:09Z"


class Proof(harness.TestCase):
    fresh_database = True

    def setUp(self):
        super().setUp()
        self.markers = {}
        self.number = itertools.count(1)
        key, journal = self.tmp / "key", self.tmp / "journal"
        for path in (key, journal):
            path.unlink(missing_ok=True)
        self.config = ["-c", self.file("adminex.conf", f"""privacy = {{
            key_file = "{key}"; journal_file = "{journal}"; tombstone_days = 30; }};""")]
        self.sql("".join([
            *(insert("hosts", {"host": host}) for host in {host for _, host in NEIGHBOURS}),
            *(insert("users", {"host": host, "username": user, "created_at": "2020-01-01"})
              for user, host in [(SUBJECT, HOST), *NEIGHBOURS]), SHOP]))
        for words in (["shop.orders", "--subject-column", "jid", "--full-jid", "--system", "id"],
                      ["shop.visits", "--subject-column", "login", "--host-column", "site",
                       "--erasure", "anonymise", "--reason", "the sums", "--keep", "status"],
                      ["shop.invoices", "--subject-column", "login", "--host", HOST, "--erasure",
                       "keep", "--reason", "tax law"]):
            self.succeeds(self.adminex("gdpr_register", *words))

    # Planting.

    def columns(self):
        """What the registry has: section, its rules, column, its rules, and its type."""
        return [dict(zip(("section", "relation", "matches", "of_rows", "table", "column", "access",
                          "of_column", "type", "host_column", "username_column", "jid_column"), row))
                for row in self.sql("""
            SELECT l.section, l.relation, l.matches, l.erasure, l.relname, d.column_name, d.access,
                   d.erasure, format_type(a.atttypid, a.atttypmod), l.host_column,
                   l.username_column, l.jid_column
              FROM personal_live AS l
              JOIN personal_data AS d USING (table_schema, table_name)
              JOIN pg_attribute AS a ON a.attrelid = l.relid AND a.attname = d.column_name
             WHERE d.personal AND a.attidentity = '' ORDER BY l.place, a.attnum""")]

    def mark(self, column, jid):
        marker = f"Zq{next(self.number):04d}x"
        self.markers.setdefault(jid, []).append({**column, "marker": marker})
        return marker

    def plant_value(self, column, jid):
        table = column["table"].removeprefix("adminex.")
        typed = TYPED.get((table, column["column"]))
        if typed is not None:
            return typed
        fits = FITS[column["type"]]
        if fits is None:
            return {"timestamp with time zone": WHEN}.get(column["type"], "12345")
        return fits(self.mark(column, jid))

    def names(self, column, user, host):
        """What says whose the row is."""
        jid = f"{user}@{host}"
        if column["matches"] == "audit":
            return {}
        return {column["host_column"]: host, column["username_column"]: user,
                column["jid_column"]: jid + "/home" * (column["matches"] == "full_jid")}

    def plant(self, user, host):
        """A row in each section that owns some, and a marker in each of its columns."""
        sections = {}
        for column in self.columns():
            elsewhere = column["matches"] == "username" and host != HOST
            if (column["section"] not in ("account", "legal_hold") and not elsewhere
                    and column["relation"] == "owned"):
                sections.setdefault(column["section"], []).append(column)
        text = ""
        for columns in sections.values():
            names = self.names(columns[0], user, host)
            row = {c["column"]: names[c["column"]] if c["column"] in names
                   else self.plant_value(c, f"{user}@{host}") for c in columns}
            text += self.adapt(columns[0], row, user, host)
        self.sql(text)

    def adapt(self, first, row, user, host):
        """What a table asks of its rows beyond the type."""
        table = first["table"]
        if table == "adminex.credentials":
            stored, server = scram_keys("SCRAM-SHA-256", "x", b"x", 4096)
            plain = {**row, "mechanism": "PLAIN", "iterations": None, "salt": None,
                     "stored_key": None, "server_key": None}
            self.assertEqual((len(row["stored_key"]), len(server)), (32, len(stored)))
            return insert(table, plain, {**row, "plain": None})
        if table == "adminex.gdpr_subjects":
            row = {**row, "request": next(self.number)}
        if table == "adminex.audit_log":
            return "".join(insert(table, {**row, "arguments": json.dumps(arguments)})
                           for arguments in self.arguments(user, host, row["arguments"]))
        return insert(table, row)

    @staticmethod
    def arguments(user, host, marker):
        """Every way in which a row of the log names somebody; the resource is personal, too."""
        marker = json.loads(marker)["reason"]
        return [{"user": user, "host": host, "resource": marker},
                {"user": user, "server": host, "localuser": "juliet", "localserver": HOST},
                {"localuser": user, "localserver": host, "user": "nobody", "server": HOST},
                {"username": user, "domain": host},
                {"from": f"{user}@{host}/{marker}", "to": f"nobody@{HOST}"},
                {"from": f"nobody@{HOST}", "to": f"{user}@{host}/{marker}"}]

    def mention(self):
        """Rows of others that name the subject: in the roster of a friend, a message to a friend."""
        for column in self.columns():
            if column["section"] == "other_rosters" and column["column"] in ("nick", "ask_message"):
                self.mark(column, JID)
            if column["section"] == "sent_offline" and column["column"] == "packet":
                self.mark(column, JID)
        texts = [m["marker"] for m in self.markers[JID]
                 if m["section"] in ("other_rosters", "sent_offline")]
        self.sql(insert("roster_items",
                        {"host": HOST, "username": FRIEND, "jid": JID, "nick": texts[0],
                         "ask_message": texts[1], "subscription": "B"},
                        {"host": HOST, "username": SUBJECT, "jid": JID, "subscription": "B"},
                        {"host": HOST, "username": SUBJECT, "jid": f"{FRIEND}@{HOST}",
                         "subscription": "T"})
                 + insert("offline_messages",
                          {"host": HOST, "username": FRIEND, "sender": JID + "/home",
                           "packet": texts[2]},
                          {"host": HOST, "username": SUBJECT, "sender": JID, "packet": "to myself"})
                 + insert("roster_items",
                          *({"host": HOST, "username": FRIEND, "jid": f"{user}@{host}"}
                            for user, host in NEIGHBOURS if user != FRIEND))
                 + insert("offline_messages",
                          *({"host": HOST, "username": FRIEND, "sender": f"{user}@{host}/home",
                             "packet": "x"} for user, host in NEIGHBOURS)))

    # Looking.

    def dump(self):
        """The whole database as text, row by row."""
        pg_dump = os.path.join(harness.Cluster._script("bindir"), "pg_dump")
        return subprocess.run([pg_dump, "--inserts", "-d", self.dsn], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=harness.TIMEOUT,
                              check=True).stdout.decode()

    @staticmethod
    def is_in(text, marker):
        return marker in text or marker.encode().hex() in text

    def found(self, text, jid=JID):
        return {(m["section"], m["column"]) for m in self.markers[jid]
                if self.is_in(text, m["marker"])}

    def planted(self):
        return {(m["section"], m["column"]) for m in self.markers[JID]}

    def rows(self):
        """Every row there is, by table, as JSON."""
        query = self.value("""
            SELECT string_agg(format('SELECT %L, jsonb_agg(t ORDER BY t::text) FROM %I.%I t',
                                     schemaname || '.' || tablename, schemaname, tablename),
                              ' UNION ALL ')
              FROM pg_tables WHERE schemaname IN ('adminex', 'shop')""")
        return {table: json.loads(rows or "[]") for table, rows in self.sql(query)}

    # The proof.

    def test_proof_of_erasure(self):
        self.plant(SUBJECT, HOST)
        for user, host in NEIGHBOURS:
            self.plant(user, host)
        self.mention()
        self.check_that_nothing_was_forgotten()
        self.check_the_export()
        plan = self.adminex("--json", "gdpr_erase", SUBJECT, HOST, options=self.config).json()
        before, rows_before = self.dump(), self.rows()
        self.assertEqual(self.found(before), self.planted())
        self.succeeds(self.adminex("gdpr_erase", SUBJECT, HOST, "--execute", plan["token"],
                                   options=self.config))
        self.check_what_is_left(plan)
        self.check_the_neighbours(rows_before, self.rows())

    def check_that_nothing_was_forgotten(self):
        """Each column of a section has a marker, or is known to be able to hold none."""
        without = {(c["section"], c["column"]) for c in self.columns()} - self.planted()
        names = {(c["section"], c["column"]) for c in self.columns()
                 if c["column"] in (c["host_column"], c["username_column"], c["jid_column"])
                 and c["matches"] != "audit"}
        typed = {(c["section"], c["column"]) for c in self.columns()
                 if (c["table"].removeprefix("adminex."), c["column"]) in TYPED
                 or FITS[c["type"]] is None}
        others = {(c["section"], c["column"]) for c in self.columns()
                  if c["section"] in ("account", "legal_hold", "other_rosters", "sent_offline")}
        self.assertEqual(without - names - typed - others, set())
        sections = {section for section, _ in self.planted()}
        self.assertEqual({c["section"] for c in self.columns()} - sections,
                         {"account", "roster_version", "legal_hold"})

    def check_the_export(self):
        """What access gives is in the document of the subject, and nothing of others."""
        export = self.adminex("retrieve_personal_data", SUBJECT, HOST, "-").text
        given = {(m["section"], m["column"]) for m in self.markers[JID]
                 if m["relation"] == "owned" and m["access"] == "give" and m["type"] != "bytea"}
        withheld = {(m["section"], m["column"]) for m in self.markers[JID]
                    if m["access"] == "withhold"}
        self.assertEqual(given - self.found(export), set())
        self.assertEqual(withheld & self.found(export), set())
        for user, host in NEIGHBOURS:
            self.assertEqual(self.found(export, f"{user}@{host}"), set(), f"{user}@{host}")

    def check_what_is_left(self, plan):
        left = self.dump()
        kept = {(m["section"], m["column"]) for m in self.markers[JID]
                if m["of_rows"] == "keep"
                or (m["of_rows"] == "anonymise" and m["of_column"] == "keep")}
        # Each contact is told that the subject is gone, by a row that is about the contact.
        self.assertEqual(self.found(left), kept | {("roster", "jid")})
        (contact,) = [m["marker"] for m in self.markers[JID]
                      if (m["section"], m["column"]) == ("roster", "jid")]
        lines = [line for line in left.splitlines() if contact in line]
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], rf"^INSERT INTO adminex.outbox .*'{contact}', ''.*'unsubscribe'")
        # It is what the plan says, with a reason.
        said = {row["section"] for row in plan["result"] if row["reason"]}
        self.assertEqual({section for section, _ in kept} - said, set())
        self.assertEqual({section for section, _ in kept}, {"requests", "visits", "invoices",
                                                            "audit_log"})
        # Neither is the name anywhere but where it must be.
        whole = re.compile(rf"(?<![\w.-]){re.escape(JID)}(?![\w.-])")
        named = sorted((table, row.get("kind", "")) for table, rows in self.rows().items()
                       for row in rows
                       if (row.get("host"), row.get("username")) == (HOST, SUBJECT)
                       or (row.get("login"), row.get("site", HOST)) == (SUBJECT, HOST)
                       or whole.search(json.dumps(row)))
        self.assertEqual(named, [("adminex.gdpr_subjects", ""),
                                 ("adminex.outbox", "account_removed"),
                                 ("adminex.outbox", "roster"), ("adminex.outbox", "unsubscribe"),
                                 ("adminex.outbox", "unsubscribe"), ("shop.invoices", "")])

    def check_the_neighbours(self, before, after):
        """Byte for byte the same, but for rows that are about the subject."""
        def about_subject(table, row):
            names = [(row.get("host"), row.get("username")), (row.get("site"), row.get("login"))]
            jids = [str(row.get(column, "")).split("/")[0] for column in ("jid", "sender")]
            return (HOST, SUBJECT) in names or JID in jids or (
                table == "adminex.audit_log" and self.names_subject(row["arguments"]))
        for table, rows in before.items():
            want = [row for row in rows if not about_subject(table, row)]
            if table == "adminex.roster_versions":
                # By rule: who has the subject in the roster is to read it anew.
                friend = [row for row in want if row["username"] == FRIEND]
                for row in friend:
                    row["version"] += 1
            left = [row for row in after[table] if row in want]
            self.assertEqual(left, want, table)
            new = [row for row in after[table] if row not in rows and row not in want]
            self.check_new(table, new)

    @staticmethod
    def names_subject(a):
        return any(jid == JID for jid in (
            f"{a.get('user')}@{a.get('host', a.get('server'))}",
            f"{a.get('localuser')}@{a.get('localserver')}",
            f"{a.get('username')}@{a.get('domain')}",
            str(a.get("from")).split("/")[0], str(a.get("to")).split("/")[0]))

    def check_new(self, table, new):
        if table == "adminex.outbox":
            self.assertEqual(len(new), 4, new)
        elif table == "adminex.tombstones":
            self.assertEqual(len(new), 1)
        elif table == "adminex.audit_log":
            # Six rows that lost the name, one that says what was done.
            self.assertEqual(len(new), 7, new)
            self.assertEqual([row["actor"] for row in new if row["command"] == "gdpr_erase"],
                             [ACTOR])
        elif table == "shop.visits":
            (row,) = new
            self.assertRegex(row["login"], "^erased-[0-9a-f]{24}$")
            self.assertEqual((row["page"], row["took"]), ("", None))
        else:
            self.assertEqual(new, [], table)


