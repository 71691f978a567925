"""Import: real data row by row, what exists already, and files that are not what they should be."""

import base64
import csv
import hashlib
import itertools
import os
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ET
from encodings.idna import nameprep

import harness
import world
from world import CHAT, HOST, PASSWORD

REAL = harness.DATA / "ejabberd-23.01"
MAIN = REAL / "20261122-172056.xml"
LEGACY = harness.DATA / "legacy.xml"
NS = {"pie": "urn:xmpp:pie:0", "scram": "urn:xmpp:pie:0#scram", "roster": "jabber:iq:roster",
      "private": "jabber:iq:private", "vcard": "vcard-temp", "client": "jabber:client",
      "delay": "urn:xmpp:delay"}
KINDS = ["hosts", "accounts", "credentials", "roster items", "pending requests", "vCards",
         "private elements", "offline messages", "last activity", "bans"]
SUBSCRIPTIONS = {"none": "N", "to": "T", "from": "F", "both": "B"}


def passwords():
    """Localpart as typed, host, password."""
    with open(REAL / "passwords.tsv", encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def prepared(name):
    """Nodeprep, or None where it refuses: without ASCII symbols it is the same as nameprep."""
    try:
        return nameprep(name)
    except UnicodeError:
        return None


def real_users():
    """(host, name, element) of every account in the files."""
    for path in sorted(REAL.glob("*_*.xml")):
        host = ET.parse(path).getroot()
        for user in host.findall("pie:user", NS):
            yield host.get("jid"), user.get("name"), user


def tree(element):
    """What an element means: two that are equal mean the same."""
    children = [tree(child) for child in element]
    return element.tag, dict(element.attrib), element.text or "", children, element.tail or ""


def same(stored, element):
    found = tree(ET.fromstring(stored))[:-1]
    return found == tree(element)[:-1]


def report(*counts, skipped=()):
    """What import prints: (read, written) of each kind, and what was skipped."""
    pairs = itertools.zip_longest(KINDS, counts, fillvalue=(0, 0))
    return [f"{kind}\t{read}\t{written}" for kind, (read, written) in pairs] + [
        f"skipped: {what}\t{times}\t0" for what, times in skipped]


def counts(**known):
    """The same for a small file: hosts=(1, 0), the rest is (0, 0)."""
    return [known.get(kind.replace(" ", "_"), (0, 0)) for kind in KINDS]


def document(*users, host=HOST, inside=""):
    return (f"<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='{NS['pie']}'>\n"
            f"<host jid='{host}'>\n" + "\n".join(users) + f"\n{inside}</host>\n</server-data>\n")


def user(name, *parts, password=None):
    secret = "" if password is None else f" password='{password}'"
    return f"<user name='{name}'{secret}>{''.join(parts)}</user>"


def scram(password, mechanism="SCRAM-SHA-1", salt=world.SALT, times=1, iterations=4096):
    stored, server = world.scram_keys(mechanism, password, salt, iterations)

    def encode(secret):
        for _ in range(times):
            secret = base64.b64encode(secret)
        return secret.decode()

    return (f"<scram-credentials xmlns='{NS['scram']}' mechanism='{mechanism}'>"
            f"<iter-count>{iterations}</iter-count><salt>{encode(salt)}</salt>"
            f"<server-key>{encode(server)}</server-key>"
            f"<stored-key>{encode(stored)}</stored-key></scram-credentials>")


def roster(*items):
    return f"<query xmlns='{NS['roster']}'>{''.join(items)}</query>"


def subscribe(jid, status="", ns=NS["client"]):
    text = f"<status>{status}</status>" if status else ""
    return f"<presence xmlns='{ns}' from='{jid}' type='subscribe'>{text}</presence>"


class RealData(harness.TestCase):
    """The two hosts as a folder, and the accounts with plain passwords, imported once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for source in (REAL, LEGACY):
            harness.run_checked([harness.BIN, "--dsn", cls.dsn, "import", source])
        cls.session = world.Session(cls.dsn)
        cls.addClassCleanup(cls.session.close)
        cls.users = list(real_users())

    def sql(self, query, **variables):
        return self.session.run(query)

    def test_import_makes_all_accounts_of_the_files(self):
        found = self.sql("SELECT host, username FROM users WHERE username !~ '^legacy'")
        self.assertEqual(sorted(map(tuple, found)), sorted(u[:2] for u in self.users))
        self.assertEqual(len(self.users), 337)
        self.assertEqual(
            self.sql("SELECT host, count(*) FROM users GROUP BY host ORDER BY host"),
            [[CHAT, "40"], [HOST, "309"]])

    def test_import_fills_every_table(self):
        want = {"hosts": 2, "users": 349, "credentials": 349, "roster_items": 4195, "vcards": 169,
                "private_storage": 198, "offline_messages": 108, "last_activity": 0, "bans": 0,
                "roster_versions": 0, "sessions": 0, "outbox": 0, "nodes": 0, "audit_log": 2,
                "schema_migrations": 9, "batch_runs": 0,
                "daemons": 0, "tokens": 0, "idempotency_keys": 0, "gdpr_ledger": 0,
                "gdpr_subjects": 0, "legal_holds": 0, "pending_erasures": 0, "tombstones": 0}
        tables = self.sql("""SELECT tablename FROM pg_tables
                              WHERE schemaname = 'adminex' AND tablename !~ '^personal_'""")
        found = {table: int(self.value(f"SELECT count(*) FROM {table}")) for (table,) in tables}
        self.assertEqual(found, want)

    def test_import_leaves_an_audit_row_a_file(self):
        self.assertEqual(
            self.sql("SELECT actor, face, command, rows, outcome FROM audit_log ORDER BY id"),
            [[world.ACTOR, "cli", "import", "337", "ok"],
             [world.ACTOR, "cli", "import", "12", "ok"]])

    def rosters_of_the_files(self):
        rosters = {}
        for host, name, element in self.users:
            for item in element.iterfind("roster:query/roster:item", NS):
                groups = [g.text for g in item.iterfind("roster:group", NS)]
                ask = "O" if item.get("ask") == "subscribe" else "N"
                rosters[host, name, item.get("jid")] = [
                    item.get("name", ""), SUBSCRIPTIONS[item.get("subscription")], ask, "",
                    groups]
            for presence in element.iterfind("client:presence", NS):
                contact = rosters.setdefault((host, name, presence.get("from")),
                                             ["", "N", "N", "", []])
                contact[2] = {"N": "I", "O": "B"}[contact[2]]
                contact[3] = presence.find("client:status", NS).text
        return rosters

    def test_import_makes_every_roster_item(self):
        want = self.rosters_of_the_files()
        found = {}
        for host, name, jid, nick, subscription, ask, message, groups in self.sql(
                "SELECT host, username, jid, nick, subscription, ask, ask_message,"
                "       array_to_string(groups, E'\\x01') FROM roster_items"):
            found[host, name, jid] = [nick, subscription, ask, message,
                                      groups.split("\1") if groups else []]
        self.assertEqual(found, want)
        asks = [item[2] for item in want.values()]
        self.assertEqual((asks.count("O"), asks.count("I")), (12, 12))
        groups = {group for item in want.values() for group in item[4]}
        self.assertLessEqual({"Друзья", "R&D <lab>", "Ops, on call", "Support / 2nd line"}, groups)

    def test_import_keeps_vcards_and_fills_their_columns(self):
        paths = {"fn": "FN", "family": "N/FAMILY", "given": "N/GIVEN", "middle": "N/MIDDLE",
                 "nickname": "NICKNAME", "bday": "BDAY", "ctry": "ADR/CTRY",
                 "locality": "ADR/LOCALITY", "email": "EMAIL/USERID", "orgname": "ORG/ORGNAME",
                 "orgunit": "ORG/ORGUNIT"}
        stored = {(host, name): rest for host, name, *rest in self.sql(
            f"SELECT host, username, vcard, {', '.join(paths)} FROM vcards")}
        cards = {(host, name): card for host, name, element in self.users
                 if (card := element.find("vcard:vCard", NS)) is not None}
        self.assertEqual(stored.keys(), cards.keys())
        for account, card in cards.items():
            xml, *fields = stored[account]
            self.assertTrue(same(xml, card), account)
            self.assertEqual(fields, [
                card.findtext("/".join("vcard:" + step for step in path.split("/")), "", NS)
                for path in paths.values()], account)

    def test_import_keeps_private_storage(self):
        stored = {tuple(key): xml for *key, xml in self.sql(
            "SELECT host, username, xmlns, data FROM private_storage")}
        elements = {(host, name, re.match(r"{(.*)}", private.tag)[1]): private
                    for host, name, element in self.users
                    for private in element.iterfind("private:query/*", NS)}
        self.assertEqual(stored.keys(), elements.keys())
        for key, element in elements.items():
            self.assertTrue(same(stored[key], element), key)

    def test_import_keeps_offline_messages_in_order(self):
        stored = self.sql(
            "SELECT host, username, sender, packet, to_char(created_at AT TIME ZONE 'UTC',"
            "       'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM offline_messages"
            " ORDER BY host, username, id")
        messages = [(host, name, message) for host, name, element in sorted(
                        self.users, key=lambda u: (u[0].encode(), u[1].encode()))
                    for message in element.iterfind("pie:offline-messages/client:message", NS)]
        self.assertEqual(len(stored), len(messages))
        for (*row, packet, stamp), (host, name, message) in zip(stored, messages):
            self.assertEqual(row, [host, name, message.get("from")])
            self.assertTrue(same(packet, message), packet)
            self.assertEqual(stamp, message.find("delay:delay", NS).get("stamp"))

    def test_import_stores_what_every_password_matches(self):
        stored = {(host, name): rest for host, name, *rest in self.sql(
            "SELECT host, username, mechanism, plain, iterations, encode(salt, 'hex'),"
            "       encode(stored_key, 'hex'), encode(server_key, 'hex') FROM credentials")}
        checked, refused = set(), []
        for typed, host, password in passwords():
            name = prepared(typed)
            if name is None:
                refused.append(typed)
                continue
            checked.add((host, name))
            mechanism, plain, iterations, salt, *keys = stored[host, name]
            if mechanism == "PLAIN":
                self.assertEqual(plain, password)
                continue
            derived = world.scram_keys(mechanism, password, bytes.fromhex(salt), int(iterations))
            self.assertEqual([key.hex() for key in derived], keys, name)
        self.assertEqual(checked, stored.keys())
        self.assertEqual(len(checked), 349)
        # Arabic letters beside Latin digits: the server refused them, no file has them.
        self.assertEqual(len(refused), 4)
        self.assertTrue(all("ARABIC" in ascii_name(typed) for typed in refused), refused)

    def test_import_passwords_check_through_the_program(self):
        rows = [row for row in passwords() if prepared(row[0]) is not None]
        unusual = [row for row in rows if not row[0].isascii() or row[0] != row[0].lower()]
        chosen = [rows[0], *rows[1:3], rows[-1], *unusual[::len(unusual) // 4]]
        self.assertEqual(chosen[0], ["orsino.aldobrand", HOST, "päß wörd ☃ 0"])
        for name, host, password in chosen:
            with self.subTest(user=name):
                self.ok(self.adminex("check_password", name, host, password),
                        f"Password for user {name}@{host} is correct")
                self.no(self.adminex("check_password", name, host, password + "x"),
                        f"Password for user {name}@{host} is incorrect")

    def test_import_keeps_plain_passwords_plain(self):
        stored = self.sql("SELECT username, plain FROM credentials WHERE mechanism = 'PLAIN'")
        self.assertEqual(sorted(stored), sorted([f"legacy{i}", f"plain-{i} ☃"]
                                                for i in range(1, 13)))
        for i in (1, 12):
            self.ok(self.adminex("check_password", f"legacy{i}", HOST, f"plain-{i} ☃"),
                    f"Password for user legacy{i}@{HOST} is correct")
        digest = hashlib.sha256("plain-7 ☃".encode()).hexdigest()
        self.ok(self.adminex("check_password_hash", "legacy7", HOST, digest, "sha256"),
                "Password hash is correct")

    def test_import_makes_accounts_that_commands_find(self):
        result = self.adminex("get_roster", "orsino.aldobrand", HOST)
        self.succeeds(result)
        self.assertIn("rosalind.greywood@example.org\tRosalind\tfrom\tnone\tFamily", result.lines)
        self.ok(self.adminex("get_vcard", "orsino.aldobrand", HOST, "FN"),
                'Orsino Aldobrand <"Q&A">')
        self.ok(self.adminex("stats", "registeredusers"), "349")

    def test_import_again_changes_nothing(self):
        (query,), = self.sql(world.STATE)
        before = self.sql(query)
        result = self.adminex("import", REAL)
        self.ok(result, report((2, 0), (337, 0), (337, 0), (4183, 0), (12, 0), (169, 0), (198, 0),
                               (108, 0), (0, 0)), err=None)
        self.assertEqual(self.sql(query), before)
        lines = result.err.decode().splitlines()
        self.assertEqual(len(lines), 21)
        self.assertRegex(lines[0], r"\Aadminex: account '\S+@chat\.example\.org' exists: "
                                   r"left untouched\Z")
        self.assertEqual(lines[-1], "adminex: 317 more accounts exist: left untouched")


def ascii_name(text):
    return text.encode("ascii", "namereplace").decode()


class Sources(harness.TestCase):
    """Files, folders, standard input."""

    fresh_database = True

    def imported(self, source, **how):
        result = self.adminex("import", source, **how)
        self.succeeds(result)
        rows = self.sql("SELECT count(*), count(DISTINCT host) FROM users")[0]
        return result, tuple(map(int, rows))

    def test_import_of_a_folder_reads_each_file_once(self):
        result, found = self.imported(REAL)
        self.assertEqual(found, (337, 2))
        self.ok(result, report((2, 2), (337, 337), (337, 337), (4183, 4183), (12, 12), (169, 169),
                               (198, 198), (108, 108), (0, 0)),
                err=rb"\Aadminex: host 'example.org' added\nadminex: host 'chat.example.org' added"
                    rb"\n\Z")

    def test_import_follows_inclusion(self):
        result, found = self.imported(MAIN)
        self.assertEqual(found, (297, 1))
        self.assertEqual(result.err, b"adminex: host 'example.org' added\n")

    def test_import_from_standard_input(self):
        with open(REAL / "20261122-172057_chat_example_org.xml", "rb") as file:
            _, found = self.imported("-", stdin=file)
        self.assertEqual(found, (40, 1))

    def test_import_shows_progress_on_a_terminal(self):
        result = self.terminal("import", str(REAL), stdout=subprocess.DEVNULL)
        self.assertEqual(result.status, 0, f"\n{result}")
        # The line goes away before anything else is said.
        self.assertRegex(result.out, rb"\r\x1b\[Kimport: \d+ accounts, \d+/s, \d+% done")
        self.assertRegex(result.out,
                         rb"\r\x1b\[Kadminex: host 'example.org' added\nadminex: host 'chat.*\n\Z")


class Small(world.TestCase):
    """Files written here, into a database that has romeo, juliet and mercutio."""

    def imports(self, text, *options, want=None, err=""):
        result = self.adminex("import", *options, self.file("in.xml", text))
        self.ok(result, want, err)
        return result

    def item(self, name, jid):
        return self.sql("SELECT nick, subscription, ask, ask_message, array_to_json(groups)"
                        f"  FROM roster_items WHERE username = '{name}' AND jid = '{jid}'")


class Arguments(Small):
    def test_import_refuses_inclusion_from_standard_input(self):
        self.fails(self.adminex("import", "-", stdin=MAIN.read_bytes()), 1,
                   rf"'standard input' cannot include '{MAIN.stem}_example_org\.xml': only a file "
                   "can include others")

    def test_import_needs_a_source(self):
        self.fails(self.adminex("import"), 2, "import takes a file, a folder or -")
        self.fails(self.adminex("import", "a", "b"), 2, "'b' is one word too many")
        self.fails(self.adminex("import", "--keep", "a"), 2, "'--keep' is one word too many")
        self.fails(self.adminex("import", "--fail", "--replace", "a"), 2, "one word too many")

    def test_import_names_a_source_that_is_not_there(self):
        self.fails(self.adminex("import", "nowhere.xml"), 1,
                   r"cannot open 'nowhere\.xml': No such file or directory")
        os.mkdir(self.tmp / "hollow")
        self.addCleanup(os.rmdir, self.tmp / "hollow")
        self.fails(self.adminex("import", "hollow"), 1, "'hollow/?' has no \\*.xml file")

    def test_import_report_in_other_formats(self):
        path = self.file("one.xml", document(user("one", "<what/>", password="x")))
        rows = self.adminex("--json", "import", path).json()
        self.assertEqual(rows["status"], "ok")
        self.assertEqual(rows["result"][1], {"kind": "accounts", "read": 1, "written": 1})
        self.assertEqual(rows["result"][-1],
                         {"kind": "skipped: element {urn:xmpp:pie:0}what: not understood",
                          "read": 1, "written": 0})
        result = self.adminex("--format", "csv", "import", path)
        self.assertEqual(result.lines[:3], ["kind,read,written", "hosts,1,0", "accounts,1,0"])


class Records(Small):
    def test_import_reads_pending_requests_in_both_directions(self):
        items = roster("<item jid='out@x.org' subscription='from' ask='subscribe' name='Out'/>",
                       "<item jid='both@x.org' subscription='none' ask='subscribe'>"
                       "<group>G</group></item>",
                       "<item jid='to@x.org' subscription='to'/>",
                       "<item jid='none@x.org' subscription='none'/>")
        self.imports(document(
            user("new", items, subscribe("in@x.org", "let me in"),
                 subscribe("both@x.org", "me too"), subscribe("to@x.org/phone"),
                 subscribe("Prosody@X.org", "hi", NS["pie"]))),
            want=report(*counts(hosts=(1, 0), accounts=(1, 1), roster_items=(4, 4),
                                pending_requests=(4, 4))))
        self.assertEqual(self.item("new", "out@x.org"), [["Out", "F", "O", "", "[]"]])
        self.assertEqual(self.item("new", "in@x.org"), [["", "N", "I", "let me in", "[]"]])
        self.assertEqual(self.item("new", "both@x.org"), [["", "N", "B", "me too", '["G"]']])
        self.assertEqual(self.item("new", "to@x.org"), [["", "T", "I", "", "[]"]])
        self.assertEqual(self.item("new", "none@x.org"), [["", "N", "N", "", "[]"]])
        self.assertEqual(self.item("new", "prosody@x.org"), [["", "N", "I", "hi", "[]"]])

    def test_import_keeps_groups_as_they_are(self):
        names = ["B", "A", 'quote " and \\', "comma, {brace}", "NULL", " spaces ", "tab\tin it",
                 "Друзья", "&amp; &lt;"]
        groups = "".join(f"<group>{name}</group>" for name in names)
        self.imports(document(user("new", roster(
            f"<item jid='a@x.org' subscription='both'>{groups}<group/><group>A</group></item>"))))
        ((*_, stored),) = self.item("new", "a@x.org")
        want = [n.replace("&amp;", "&").replace("&lt;", "<") for n in names]
        self.assertEqual(harness.json.loads(stored), want)

    def test_import_decodes_base64_once_or_twice(self):
        self.imports(document(user("once", scram("pw one")),
                              user("twice", scram("pw two", times=2)),
                              user("modern", scram("pw three", "SCRAM-SHA-256")),
                              user("long", scram("pw four", "SCRAM-SHA-512", times=2)),
                              user("several", scram("pw five"), scram("pw five", "SCRAM-SHA-256"))))
        for name, password in [("once", "pw one"), ("twice", "pw two"), ("modern", "pw three"),
                               ("long", "pw four"), ("several", "pw five")]:
            self.does("check_password", name, HOST, password,
                      says=f"Password for user {name}@{HOST} is correct")
        self.assertEqual(self.sql("SELECT DISTINCT encode(salt, 'escape') FROM credentials"),
                         [[world.SALT.decode()]])

    def test_import_names_credentials_that_cannot_be_used(self):
        broken = scram("x").replace("<salt>", "<salt>*")
        self.imports(document(user("new", broken, scram("x").replace("SHA-1", "SHA-3"))),
                     want=report(*counts(hosts=(1, 0), accounts=(1, 1)), skipped=[
                         ("credential 'SCRAM-SHA-1': its salt is not base64", 1),
                         ("credential 'SCRAM-SHA-3': its mechanism is not known", 1)]))
        self.does("check_password", "new", HOST, "x",
                  no=f"Password for user new@{HOST} is incorrect")

    def test_import_reads_last_activity(self):
        self.imports(document(user(
            "new", "<query xmlns='jabber:iq:last' seconds='86400'>gone fishing</query>")))
        self.assertEqual(
            self.sql("SELECT username, status, extract(epoch FROM now() - last_at)::int / 60"
                     "  FROM last_activity"), [["new", "gone fishing", "1440"]])

    def test_import_keeps_the_order_of_offline_messages(self):
        def message(n):
            delay = f"<delay xmlns='{NS['delay']}' stamp='2024-01-01T00:00:00Z'/>" if n % 3 else ""
            return (f"<message xmlns='{NS['client']}' from='a@x.org'><body>{n}</body>{delay}"
                    "</message>")

        texts = "".join(map(message, range(300)))
        self.imports(document(user("new", f"<offline-messages>{texts}</offline-messages>")))
        found = self.sql("SELECT substring(packet FROM '<body>(\\d+)'),"
                         "       created_at = '2024-01-01T00:00:00Z'"
                         "  FROM offline_messages ORDER BY id")
        self.assertEqual([int(n) for n, _ in found], list(range(300)))
        self.assertEqual([old for _, old in found], ["f", "t", "t"] * 100)

    def test_import_counts_and_names_what_it_does_not_understand(self):
        strange = "<x xmlns='urn:other'><y/></x>"
        self.imports(
            document(user("new", strange, strange, "some text", "<presence xmlns='jabber:client' "
                          "type='unavailable' from='a@x.org'/>",
                          roster("<item jid='a@x.org' colour='red'><note/></item>",
                                 "<item jid='a b@x.org'/>",
                                 "<item jid='c@x.org' subscription='maybe'/>")),
                     user("a b", scram("x"), roster("<item jid='lost@x.org'/>")),
                     inside="<group name='staff'/>"),
            want=report(*counts(hosts=(1, 0), accounts=(1, 1), roster_items=(1, 1)), skipped=[
                ("element {urn:other}x: not understood", 2),
                ("text in element {urn:xmpp:pie:0}user: not understood", 1),
                ("presence of 'a@x.org': not a subscription request", 1),
                ("attribute colour in roster item: not understood", 1),
                ("element {jabber:iq:roster}note in roster item: not understood", 1),
                ("roster item 'a b@x.org': localpart has characters that are not allowed there", 1),
                ("roster item 'c@x.org': its subscription is not none, to, from or both", 1),
                ("user 'a b': localpart has characters that are not allowed there", 1),
                ("element {urn:xmpp:pie:0}group: not understood", 1)]))

    def test_import_prepares_names(self):
        self.imports(document(user("Straße"), user("Ἀχιλλεύς"), host="Neu.Example.ORG"),
                      err=r"\Aadminex: host 'neu\.example\.org' added\n\Z")
        self.assertEqual(self.sql("SELECT username FROM users WHERE host = 'neu.example.org'"
                                  " ORDER BY 1"), [["strasse"], ["ἀχιλλεύσ"]])

    def test_import_counts_an_account_that_comes_twice(self):
        self.imports(document(user("new", password="first"), user("NEW", password="second")),
                     want=report(*counts(hosts=(1, 0), accounts=(2, 1), credentials=(2, 1))))
        self.assertIn(self.value("SELECT plain FROM credentials WHERE username = 'new'"),
                      ("first", "second"))

    def test_import_names_what_no_key_can_hold(self):
        jid = "b" * 1000 + "@" + "c" * 1000
        private = f"<query xmlns='{NS['private']}'><x xmlns='urn:{'d' * 1020}'/></query>"
        self.imports(document(user("a" * 800, roster(f"<item jid='{jid}'/>"), subscribe(jid),
                                   private)),
                     want=report(*counts(hosts=(1, 0), accounts=(1, 1)), skipped=[
                         (f"{what}: its names are too long for a key", 1)
                         for what in ("roster item", "request", "private element")]))

    def test_import_takes_hostile_bytes_as_data(self):
        name = "&apos;); DROP TABLE adminex.users; --"
        self.imports(document(user("new", roster(
            f"<item jid='a@x.org' name=\"{name}\\t\\N&#9;x&#10;y\"/>"))))
        self.assertEqual(self.item("new", "a@x.org")[0][0],
                         "'); DROP TABLE adminex.users; --\\t\\N\tx\ny")


class Existing(Small):
    FILE = document(user("romeo", scram("from the file"),
                         roster("<item jid='file@x.org' subscription='both'/>")),
                    user("fresh", scram("fresh one")))
    ADDED = [(1, 0), (2, 1), (2, 1), (1, 0)]

    def setUp(self):
        super().setUp()
        self.contact("romeo", "own@x.org", nick="Own")
        self.insert("last_activity", {"host": HOST, "username": "romeo", "last_at": "2021-01-01"})

    def test_import_leaves_an_account_that_exists_untouched(self):
        before = self.state()
        self.imports(self.FILE, want=report(*self.ADDED, *[(0, 0)] * 5),
                     err=r"\Aadminex: account 'romeo@example\.org' exists: left untouched\n\Z")
        after = self.state()
        for table in ("credentials", "roster_items", "last_activity", "users"):
            with self.subTest(table=table):
                self.assertEqual([row for row in after[table] if row["username"] != "fresh"],
                                 before[table])
        self.does("check_password", "fresh", HOST, "fresh one",
                  says=f"Password for user fresh@{HOST} is correct")

    def test_import_replace_overwrites(self):
        self.imports(self.FILE, "--replace",
                     want=report((1, 0), (2, 2), (2, 2), (1, 1), *[(0, 0)] * 5),
                     err=r"\Aadminex: account 'romeo@example\.org' exists: to be replaced\n\Z")
        self.does("check_password", "romeo", HOST, "from the file",
                  says=f"Password for user romeo@{HOST} is correct")
        self.assertEqual(self.sql("SELECT jid FROM roster_items WHERE username = 'romeo'"),
                         [["file@x.org"]])
        self.assertEqual(self.value("SELECT count(*) FROM users"), "5")
        self.does("check_password", "juliet", HOST, PASSWORD,
                  says=f"Password for user juliet@{HOST} is correct")

    def test_import_replace_keeps_bans_and_sessions(self):
        self.insert("bans", {"host": HOST, "username": "romeo", "reason": "duel"})
        self.insert("roster_versions", {"host": HOST, "username": "romeo", "version": 7})
        self.online("romeo", "balcony")
        before = self.state()
        self.imports(self.FILE, "--replace", err="to be replaced")
        after = self.state()
        self.assertEqual([row for row in after["users"] if row["username"] != "fresh"],
                         before["users"])
        for table in ("bans", "sessions"):
            self.assertEqual(after[table], before[table])
        self.assertEqual(self.value("SELECT version FROM roster_versions"), "8")
        self.assertEqual(self.new_outbox(before, after), [(f"romeo@{HOST}", "roster", {})])
        self.does("check_password", "romeo", HOST, "from the file",
                  no=f"Password for user romeo@{HOST} is incorrect")

    def test_import_fail_stops(self):
        before = self.state()
        result = self.adminex("import", "--fail", self.file("in.xml", self.FILE))
        self.assertEqual((result.status, result.out), (1, b""), f"\n{result}")
        self.assertRegex(result.err, rb"\Aadminex: account 'romeo@example\.org' exists: stops the "
                                     rb"import\nadminex: 1 accounts? exists? already; nothing was "
                                     rb"imported \(.*\)\n\Z")
        self.assertEqual(self.state(), before)

    def test_import_fail_runs_where_nothing_exists(self):
        self.imports(document(user("fresh", password="x")), "--fail",
                     want=report(*counts(hosts=(1, 0), accounts=(1, 1), credentials=(1, 1))))

    def test_import_dry_run_changes_nothing(self):
        before = self.state()
        text = self.FILE.replace("</server-data>", "<host jid='new.example.org'/></server-data>")
        for options, after in [(["--dry-run"], []), ([], ["--dry-run"])]:
            result = self.adminex("import", *after, self.file("in.xml", text), options=options)
            self.ok(result, report((2, 1), *self.ADDED[1:], *[(0, 0)] * 5),
                    err=r"\Aadminex: account 'romeo@example\.org' exists: left untouched\n"
                        r"adminex: host 'new\.example\.org' would be added\n"
                        r"adminex: dry run: nothing was changed\n\Z")
        self.assertEqual(self.state(), before)

    def test_import_names_hosts_only_after_commit(self):
        self.sql("""
            CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql
                AS $$BEGIN RAISE 'the commit is refused'; END$$;
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON hosts DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION public.refuse()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.refuse() CASCADE")
        self.rejects("import", self.file("in.xml", document(user("a"), host="new.example.org")),
                     pattern=r"\Aadminex: cannot commit: the commit is refused\n\Z")

    def test_import_of_a_file_that_changes_nothing_leaves_no_trace(self):
        before = self.state()
        self.imports(document(user("romeo", password="x")), err="left untouched")
        self.assertEqual(self.state(), before)


class BadFiles(Small):
    """One line that names file and line, and nothing changed."""

    def refuses(self, text, pattern, name="bad.xml"):
        path = self.file(name, text)
        return self.rejects("import", path, pattern=pattern.format(path=re.escape(path)))

    def test_import_refuses_what_is_not_well_formed(self):
        whole = document(user("one", password="x"), user("two", password="y"))
        for text, line, why in [
                ("", 1, ""),
                ("no XML", 1, ""),
                (whole.replace("<user name='two'", "<user name='two' name='two'"), 5, "name"),
                (whole.replace("</host>", "</hosts>"), 6, "host"),
                (whole.replace("'two'", "'t<o'"), 5, ""),
                (whole.replace("'two'", "'&undefined;'"), 5, "undefined"),
                (whole.encode().replace(b"two", b"t\xffo"), 5, ""),
                (whole.replace("two", "t&#0;o"), 5, ""),
                (whole + "<again/>", 8, "")]:
            with self.subTest(text=text[-60:]):
                self.refuses(text, rf"\Aadminex: '{{path}}'.* line {line}[,:].*{why}")

    def test_import_refuses_a_truncated_file(self):
        whole = (REAL / "20261122-172057_chat_example_org.xml").read_bytes()
        for share in (1, 40, 99):
            with self.subTest(share=share):
                self.refuses(whole[:len(whole) * share // 100],
                             r"\Aadminex: '{path}' line \d+, column \d+: .")

    def test_import_refuses_a_truncated_included_file(self):
        whole = document(user("one", password="x"))
        start = whole[whole.index("<host"):whole.index("</host>")]
        part = self.file("part.xml", start.replace("<host ", f"<host xmlns='{NS['pie']}' ", 1))
        self.refuses(f"<server-data xmlns='{NS['pie']}'>\n{whole[whole.index('<host'):-15]}\n"
                     "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='part.xml'/>"
                     "</server-data>", rf"\Aadminex: '{re.escape(part)}' line \d, column \d+: ")

    def test_import_refuses_document_types_and_entities(self):
        for dtd in ("<!DOCTYPE server-data>",
                    "<!DOCTYPE server-data [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>",
                    "<!DOCTYPE server-data SYSTEM 'file:///etc/passwd'>"):
            with self.subTest(dtd=dtd):
                self.refuses(document(user("one")).replace("\n", "\n" + dtd, 1),
                             r"\Aadminex: '{path}' (near )?line [12]: document types .*are not "
                             "accepted")

    def test_import_refuses_other_documents(self):
        self.refuses("<vCard xmlns='vcard-temp'/>",
                     r"'{path}' is not XEP-0227 data: its root is \{{vcard-temp\}}vCard")
        self.refuses("<?xml version='1.0' encoding='ISO-8859-1'?><server-data/>",
                     "'{path}' is in encoding ISO-8859-1: only UTF-8 is read")
        self.refuses(b"\0" * 4096, "'{path}'.* line 1: ")

    def test_import_refuses_a_vcard_without_end(self):
        self.refuses(document(user("one", "<vCard xmlns='vcard-temp'><FN>", "x" * 3_000_000)),
                     r"\Aadminex: '{path}' line \d+")

    def test_import_refuses_a_folder_when_one_file_is_bad(self):
        folder = self.tmp / "folder"
        folder.mkdir()
        self.addCleanup(harness.shutil.rmtree, folder)
        (folder / "a.xml").write_text(document(user("one", password="x")))
        (folder / "b.xml").write_text(document(user("two", password="x"))[:-20])
        self.rejects("import", folder, pattern=r"\Aadminex: '\S+/folder/b\.xml' line \d+, column")


class Inclusion(Small):
    XI = "xmlns:xi='http://www.w3.org/2001/XInclude'"

    def setUp(self):
        super().setUp()
        self.file("users.xml", f"<user xmlns='{NS['pie']}' name='included' password='x'/>")
        self.file("host.xml", f"<host xmlns='{NS['pie']}' jid='{HOST}'>{user('deep')}</host>")
        self.file("nested.xml", f"<host xmlns='{NS['pie']}' {self.XI} jid='{HOST}'>"
                                "<xi:include href='users.xml'/></host>")

    def including(self, attributes, inside_host=False):
        include = f"<xi:include {self.XI} {attributes}/>"
        text = document(user("outer"), inside=include if inside_host else "")
        return text if inside_host else text.replace("</server-data>", include + "</server-data>")

    def test_import_includes_hosts_and_users(self):
        self.imports(self.including("href='host.xml'"))
        self.imports(self.including("href='users.xml' parse='xml'", inside_host=True), err=None)
        self.assertEqual(self.sql("SELECT username FROM users WHERE host = 'example.org' AND"
                                  " username IN ('outer', 'deep', 'included') ORDER BY 1"),
                         [["deep"], ["included"], ["outer"]])

    def test_import_refuses_every_other_inclusion(self):
        self.file("loop.xml", self.including("href='loop.xml'"))
        for attributes, why in [
                ("href='host.xml' parse='text'", r"'host\.xml'.*xml"),
                ("href='./host.xml'", "'./host.xml'.* plain file name"),
                ("href='../host.xml'", "'../host.xml'.* plain file name"),
                ("href='/etc/passwd'", "'/etc/passwd'.* plain file name"),
                ("href='file:///etc/passwd'", "plain file name"),
                ("href='http://x.org/host.xml'", "plain file name"),
                ("href='host.xml#xpointer(/)'", "plain file name"),
                ("href='host%2exml'", "'host%2exml'.* plain file name"),
                ("href='..'", "'..'.* plain file name"),
                ("href=''", "''.* plain file name"),
                ("", "plain file name"),
                ("href='host.xml' xpointer='x'", "attributes|'xpointer'"),
                ("href='in.xml'", "itself"),
                ("href='nested.xml'", r"'\S+/nested.xml' .*'users.xml'"),
                ("href='missing.xml'", r"'\S+/missing.xml'.* '\S+/in.xml' .*: No such file"),
                ("href='users.xml'", r"'\S+/users.xml' is not XEP-0227 data")]:
            with self.subTest(attributes=attributes):
                path = self.file("in.xml", self.including(attributes))
                self.rejects("import", path, pattern=why)

    def test_import_refuses_inclusion_in_a_user(self):
        path = self.file("in.xml", document(user(
            "outer", f"<xi:include {self.XI} href='host.xml'/>")))
        self.rejects("import", path, pattern=r"'\S+/in\.xml' .*'host\.xml'.* inside a user")

    def test_import_refuses_to_wait_for_a_pipe(self):
        os.mkfifo(self.tmp / "pipe.xml")
        self.addCleanup(os.unlink, self.tmp / "pipe.xml")
        path = self.file("in.xml", self.including("href='pipe.xml'"))
        self.rejects("import", path, pattern="is not a regular file")


class Size(harness.TestCase):
    @unittest.skipIf(harness.SANITIZED, "the sanitizers' memory is not ours")
    def test_import_of_many_accounts_needs_little_memory(self):
        count = 50_000
        path = self.tmp / "large.xml"
        secrets = scram("one for all")
        with open(path, "w", encoding="utf-8") as file:
            head, tail = document("|", host="large.example.org").split("|")
            file.write(head)
            for n in range(count):
                contact = f"<item jid='user{n // 7}@large.example.org' subscription='both'/>"
                file.write(user(f"user{n}", secrets, roster(contact) if n % 5 == 0 else ""))
            file.write(tail)
        self.assertGreater(path.stat().st_size, 15_000_000)
        self.sql("INSERT INTO hosts (host) VALUES ('large.example.org')")
        self.assertLess(self.peak_kb("import", path, timeout=120), 32 * 1024)
        self.assertEqual(self.sql("SELECT (SELECT count(*) FROM users),"
                                  "       (SELECT count(*) FROM credentials),"
                                  "       (SELECT count(*) FROM roster_items)"),
                         [[str(count), str(count), str(count // 5)]])


if __name__ == "__main__":
    sys.exit(unittest.main())
