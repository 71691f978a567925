"""The small world that most tests of commands happen in, and what a command did to it.

    class Last(world.TestCase):
        def test_set_last_stores_time_and_status(self):
            self.does("set_last", "romeo", HOST, "1700000000", "gone fishing",
                      says="Last activity for user romeo@example.org is set as ...",
                      tables=["last_activity"],
                      audit={"user": "romeo", "host": HOST, "timestamp": 1700000000})

Before each test there are three hosts and the accounts ACCOUNTS, made in 2020, with the password
PASSWORD and nothing else.
"""

import csv
import hashlib
import hmac
import io
import json
import os
import pwd
import subprocess
import sys
import unittest

import harness

HOST, CHAT, EMPTY = "example.org", "chat.example.org", "empty.example.org"
ACCOUNTS = [("romeo", HOST), ("juliet", HOST), ("mercutio", HOST), ("romeo", CHAT)]
PASSWORD = "wherefore art thou"
ACTOR = pwd.getpwuid(os.getuid()).pw_name

# What some commands need of the configuration, with a folder for the key that they make.
SETTINGS = 'node = {{ cookie = "secret"; }}; privacy = {{ key_file = "{}/privacy.key"; }};'

# Every part of a JID that XMPP servers refuse, by what is wrong with it.
BAD_LOCALPARTS = ["", "a b", "a@b", "a/b", "a\x01", b"a\xff", "a" * 1024]
BAD_DOMAINS = ["", "a b", "a@b", "a/b", b"a\xff", "a" * 1024]

csv.field_size_limit(1 << 30)

SALT = b"0123456789abcdef"
DIGESTS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def quote(value):
    """A value as an SQL literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, (list, tuple)):
        return "ARRAY[" + ", ".join(map(quote, value)) + "]::text[]"
    return "'" + str(value).replace("'", "''") + "'"


def insert(table, *rows):
    return "".join(f"INSERT INTO {table} ({', '.join(row)}) VALUES "
                   f"({', '.join(map(quote, row.values()))});\n" for row in rows)


def scram_keys(mechanism, password, salt, iterations):
    """Stored and server key of RFC 5802."""
    digest = DIGESTS[mechanism]
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", digest)
    return hashlib.new(digest, client).digest(), hmac.digest(salted, b"Server Key", digest)


def credential(user, host=HOST, password=PASSWORD, mechanism="SCRAM-SHA-256", iterations=4096):
    """The row of table credentials for a password."""
    row = {"host": host, "username": user, "mechanism": mechanism}
    if mechanism == "PLAIN":
        return {**row, "plain": password}
    stored, server = scram_keys(mechanism, password, SALT, iterations)
    return {**row, "iterations": iterations, "salt": SALT, "stored_key": stored,
            "server_key": server}


def parse(text):
    """The rows of psql's CSV."""
    return [[None if value == harness.NULL else value for value in row]
            for row in csv.reader(io.StringIO(text, newline=""))]


# What is in the ledger stays there, but for a superuser who means it.
FORGET_LEDGER = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM gdpr_ledger) THEN
        ALTER TABLE gdpr_ledger DISABLE TRIGGER gdpr_ledger_refuse;
        DELETE FROM gdpr_ledger;
        ALTER TABLE gdpr_ledger ENABLE ALWAYS TRIGGER gdpr_ledger_refuse;
    END IF;
END
$$;
"""

WORLD = "".join([
    "BEGIN;\n",
    *(f"DELETE FROM {table};\n" for table in ("outbox", "audit_log", "nodes", "users", "hosts",
                                                "tokens", "daemons", "idempotency_keys",
                                                "legal_holds", "pending_erasures", "tombstones",
                                                "gdpr_subjects")),
    FORGET_LEDGER,
    insert("hosts", *({"host": host} for host in (HOST, CHAT, EMPTY))),
    insert("users", *({"username": user, "host": host, "created_at": "2020-01-01T00:00:00Z"}
                      for user, host in ACCOUNTS)),
    insert("credentials", *(credential(user, host) for user, host in ACCOUNTS)),
    "COMMIT;\n",
])

# One query that reads every table: its name, and its rows as JSON.
STATE = """
SELECT string_agg(format('SELECT %L, jsonb_agg(t ORDER BY t::text) FROM %I.%I t',
                         tablename, schemaname, tablename), ' UNION ALL ')
  FROM pg_tables WHERE schemaname = 'adminex'
"""


class Session:
    """A psql that stays, for many small queries."""

    END = "\2"

    def __init__(self, dsn):
        self.process = subprocess.Popen(
            [harness.psql(), "-Xqt", "--csv", "--pset=null=" + harness.NULL,
             "--set=ON_ERROR_STOP=1", "-d", dsn, "-f", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            encoding="utf-8",
            env={"PATH": os.environ["PATH"], "PGCLIENTENCODING": "UTF8", "PGOPTIONS":
                 "-c search_path=adminex,public -c client_min_messages=warning"})

    def run(self, query):
        self.process.stdin.write(f"{query}\n;SELECT '{self.END}';\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) != self.END + "\n":
            if not line:
                raise AssertionError(f"psql: {self.process.stderr.read()}\n{query}")
            lines.append(line)
        return parse("".join(lines))

    def close(self):
        with self.process:
            self.process.stdin.close()


class TestCase(harness.TestCase):
    # Not of the harness: the tests of a module share a database, in which the world is made anew.
    fresh_database = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        module = sys.modules[cls.__module__]
        if not hasattr(module, "world_database"):
            module.world_database = cls.new_database(unittest.addModuleCleanup)
            module.world_session = Session(cls.cluster.dsn(module.world_database))
            unittest.addModuleCleanup(module.world_session.close)
        cls._use(module.world_database)
        cls.session = module.world_session
        cls.state_query = cls.session.run(STATE)[0][0]
        cls.hosts.update((HOST, CHAT, EMPTY))

    def setUp(self):
        self.session.run(WORLD)

    # Preparing and looking.

    def sql(self, query, **variables):
        return super().sql(query, **variables) if variables else self.session.run(query)

    def insert(self, table, *rows):
        self.session.run(insert(table, *rows))

    def online(self, user, resource, host=HOST, **columns):
        self.insert("sessions",
                    {"host": host, "username": user, "resource": resource, **columns})

    def contact(self, user, jid, host=HOST, **columns):
        self.insert("roster_items", {"host": host, "username": user, "jid": jid, **columns})

    def state(self):
        """All that is stored, by table."""
        return {table: json.loads(rows or "[]") for table, rows in self.sql(self.state_query)}

    # Running a command and looking at all that it did.

    def does(self, *args, says=None, no=None, err="", tables=(), audit=None, rows=1, outcome="ok",
             outbox=(), command=None, **how):
        """Run a command that answers `says` with status 0, or `no` with 1, and changes rows in
        exactly these tables. Beside them it leaves one audit row when `audit` is a dictionary,
        with exactly those arguments, and these outbox rows: (JID, kind, payload). `command` is
        its whole name, where it was given in two words."""
        before = self.state()
        result = self.adminex(*args, **how)
        if no is None:
            self.ok(result, says, err)
        else:
            self.no(result, no, err)
        after = self.state()
        records = [(command or args[0].replace("-", "_"), ACTOR, "cli", audit, rows, outcome)]
        self.assertEqual(self.new_audit(before, after), records if audit is not None else [])
        self.assertEqual(sorted(self.new_outbox(before, after), key=str),
                         sorted(outbox, key=str))
        self.assertEqual(self.changed(before, after), set(tables), f"\n{result}")
        return result

    def rejects(self, *args, pattern, status=1, **how):
        """Run a command that fails with one line on standard error, and changes nothing."""
        before = self.state()
        result = self.adminex(*args, **how)
        self.fails(result, status, pattern)
        self.assertEqual(self.state(), before, f"\n{result}")
        return result

    @staticmethod
    def changed(before, after):
        return {table for table in after if before[table] != after[table]
                and table not in ("audit_log", "outbox")}

    @staticmethod
    def _new(table, before, after):
        old = {row["id"] for row in before[table]}
        return sorted((row for row in after[table] if row["id"] not in old),
                      key=lambda row: row["id"])

    def new_audit(self, before, after):
        return [(row["command"], row["actor"], row["face"], row["arguments"], row["rows"],
                 row["outcome"]) for row in self._new("audit_log", before, after)]

    def new_outbox(self, before, after):
        return [(row["username"] + "@" * bool(row["username"]) + row["host"], row["kind"],
                 row["payload"]) for row in self._new("outbox", before, after)]
