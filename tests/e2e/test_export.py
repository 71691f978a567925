"""Export: what import reads is what export wrote, whatever is stored; scope, snapshot, failures."""

import contextlib
import csv
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ET

import harness
import test_import
import world
from harness import BROKEN_PIPE, CLOSED, FULL_DISK
from test_import import KINDS, MAIN, NS, REAL
from world import CHAT, HOST

ACCOUNT = "urn:adminex:account:1"
PIE = "{urn:xmpp:pie:0}"
ODD = "&<>'\"\n\t\\ {},]]> -- é \U0001f600 \u2028 "
INTERRUPTED = r"\Aadminex: interrupted: nothing was changed\n\Z"

# What export does not write.
NOT_EXPORTED = {"schema_migrations", "outbox", "audit_log", "nodes", "sessions", "roster_versions"}
# When something was imported, and a number that the database gives.
OF_THE_IMPORT = {"hosts": {"created_at"}, "users": {"created_at"}, "credentials": {"set_at"},
                 "vcards": {"updated_at"}, "offline_messages": {"id"}}
XML_COLUMNS = {"vcards": "vcard", "private_storage": "data", "offline_messages": "packet"}


def canonical(text):
    return ET.canonicalize(text)


def element(tag, text="", ns=None, **attributes):
    made = ET.Element(tag, ({"xmlns": ns} if ns else {}) | attributes)
    made.text = text
    return ET.tostring(made, encoding="unicode")


class Export(world.TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.tmp / "out.xml"
        self.addCleanup(lambda: self.path.unlink(missing_ok=True))

    def document(self, *args, err="", **how):
        """What export writes to standard output, parsed."""
        result = self.adminex("export", "-o", "-", *args, **how)
        self.ok(result, err=err)
        self.assertTrue(result.out.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n'))
        root = ET.fromstring(result.out)
        self.assertEqual(root.tag, PIE + "server-data")
        return root

    def accounts(self, *args, **how):
        """JID to element."""
        return {f"{user.get('name')}@{host.get('jid')}": user
                for host in self.document(*args, **how).findall("pie:host", NS)
                for user in host.findall("pie:user", NS)}

    def account_of(self, user, host=HOST, **how):
        return self.accounts(user, host, **how)[f"{user}@{host}"]

    def no_file(self):
        self.assertEqual([name for name in os.listdir(self.tmp) if name.startswith("out.xml")], [])

    def in_the_way(self, table="credentials"):
        """Another session that export waits for, once it has a snapshot and an open file."""
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run(f"BEGIN; LOCK TABLE {table}")
        return other

    def waits(self):
        harness.wait_until(lambda: self.value(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'adminex' AND"
            " datname = current_database() AND wait_event_type = 'Lock'") == "1")


# ---- there and back ------------------------------------------------------------------------------


class RoundTrip(Export):
    """Into an empty database, and table by table the same."""

    def tables(self, database, excluded):
        rows = self.cluster.sql(database, self.state_query)
        state = {table: json.loads(found or "[]") for table, found in rows}
        for table, columns in excluded.items():
            for row in state[table]:
                for column in columns:
                    del row[column]
        for table, column in XML_COLUMNS.items():
            for row in state[table]:
                row[column] = canonical(row[column])
        return {table: found for table, found in state.items() if table not in NOT_EXPORTED}

    def goes_round(self, *options, excluded=OF_THE_IMPORT, read=(), changes=lambda tables: None):
        """`changes` says what comes back otherwise than it was."""
        self.ok(self.adminex("export", *options, "-o", self.path))
        other = self.new_database(self.addCleanup)
        result = self.adminex("import", *read, self.path, options=["--dsn", self.cluster.dsn(other)])
        self.succeeds(result)
        self.assertNotIn("skipped", result.text)
        want = self.tables(self.database, excluded)
        changes(want)
        found = self.tables(other, excluded)
        self.assertEqual(found.keys(), want.keys())
        for table in want:
            with self.subTest(table=table):
                self.assertEqual(*(sorted(json.dumps(row, sort_keys=True) for row in rows[table])
                                   for rows in (found, want)))
        return other

    def odd_roster(self, user, host=HOST):
        number = 0
        for ask in "NOIB":
            for subscription in "NTFB":
                for nick, groups in (("", []), (ODD, [ODD, "Friends", "x"]), ("Nick", [])):
                    number += 1
                    self.contact(user, f"contact{number}@x.org", host=host, nick=nick, ask=ask,
                                 subscription=subscription, groups=groups,
                                 ask_message=ODD if ask in "IB" and number % 2 else "")
        for jid in ("gateway.x.org", "!#$%*+-=?^_`{|}~,\\@x.org", "ἀχιλλεύσ@пример.org",
                    "\U00010428@x.org", "a.b@xn--e1afmkfd.org"):
            self.contact(user, jid, host=host, subscription="B")

    def odd_world(self):
        self.odd_roster("romeo")
        self.odd_roster("romeo", CHAT)
        # More than one element of each in one account, several mechanisms, a plain password.
        for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-512"):
            self.insert("credentials", world.credential("juliet", mechanism=mechanism,
                                                        password=ODD, iterations=4097))
        self.insert("users", {"host": HOST, "username": "no.password", "created_at": "2001-02-03"},
                    {"host": HOST, "username": "{},\\=s\\"})
        self.insert("bans", {"host": HOST, "username": "mercutio", "reason": ODD,
                             "banned_at": "2021-02-03T04:05:06.123456Z", "banned_by": ODD},
                    {"host": CHAT, "username": "romeo", "banned_at": "2021-02-03T04:05:06Z",
                     "banned_by": "x"})
        self.insert("last_activity",
                    {"host": HOST, "username": "romeo", "status": ODD,
                     "last_at": "2021-02-03T04:05:06.123456Z"},
                    {"host": HOST, "username": "juliet", "last_at": "2991-01-01T00:00:00Z"},
                    {"host": CHAT, "username": "romeo", "last_at": "1970-01-01T00:00:00.1Z"})
        fields = {"fn": ODD, "family": "Montague"}
        self.insert("vcards", {"host": HOST, "username": "romeo", **fields, "vcard":
                               "<vCard xmlns='vcard-temp'>" + element("FN", ODD)
                               + "<N><FAMILY>Montague</FAMILY></N><!-- kept -->\n"
                               "<x:a xmlns:x='urn:x' x:b='&quot;&#10;'><c xmlns=''/></x:a></vCard>"})
        private = {"urn:a": "<a xmlns='urn:a'><b xmlns=''><c d='e'>f</c></b></a>",
                   "urn:b": "<p:a xmlns:p='urn:b'><q xmlns:p='urn:c'><p:r/></q></p:a>",
                   "urn:c": "<p:a xmlns:p='urn:c' p:b='c'><p:d/></p:a>",
                   "urn:d&'": element("a", ODD, ns="urn:d&'", b=ODD)}
        for xmlns, data in private.items():
            self.insert("private_storage", {"host": HOST, "username": "romeo", "xmlns": xmlns,
                                            "data": data})

    def test_export_import_keeps_every_table(self):
        self.odd_world()
        self.goes_round()

    def test_export_import_keeps_creation_dates_when_asked(self):
        self.odd_world()
        self.sql("UPDATE users SET created_at = '2019-05-04T03:02:01.000120Z'"
                 " WHERE username = 'romeo'")
        self.goes_round("--dates", excluded={**OF_THE_IMPORT, "users": set()})

    def test_export_without_dates_says_none(self):
        result = self.adminex("export", "-o", "-")
        self.assertNotIn(b"created", result.out)
        other = self.goes_round()
        self.assertEqual(self.cluster.sql(other, "SELECT DISTINCT created_at > now() - interval "
                                                 "'1 h' FROM users"), [["t"]])

    def test_export_import_turns_old_letters_into_what_they_mean(self):
        """S is a request that is pending out, U one to unsubscribe, which no longer exists. A
        message without a request is of a request that was answered; no group has no name."""
        for ask in "SU":
            self.contact("romeo", f"{ask.lower()}@x.org", ask=ask, subscription="F")
        self.contact("romeo", "n@x.org", ask_message="please", groups=["", "a", ""])

        def changes(tables):
            for row in tables["roster_items"]:
                row["ask"] = {"S": "O", "U": "N"}.get(row["ask"], row["ask"])
                row["ask_message"] = ""
                row["groups"] = [group for group in row["groups"] if group]

        self.goes_round(changes=changes)

    def offline(self, packet, created_at, user="romeo", sender=""):
        self.insert("offline_messages", {"host": HOST, "username": user, "packet": packet,
                                         "created_at": created_at, "sender": sender})

    def test_export_import_keeps_offline_messages(self):
        stamp = "2022-02-03T04:05:06.1234Z"
        delay = "<delay xmlns='urn:xmpp:delay' from='{}' stamp='{}'/>".format
        head = "<message xmlns='jabber:client' from='juliet@example.org/b'><body>hi</body>"
        whole = [head + delay(HOST, stamp) + "</message>",
                 head + delay("other.org", stamp) + delay("third.org", "2001-01-01T00:00:00Z")
                 + "</message>",
                 head + "<x xmlns='jabber:x:delay' stamp='20220203T04:05:06'/></message>"]
        for packet, at in zip(whole, (stamp, stamp, "2022-02-03T04:05:06Z")):
            self.offline(packet, at, sender="juliet@example.org/b")
        self.goes_round()

    def test_export_notes_when_an_offline_message_came(self):
        """In front of what others noted, so that the time survives."""
        says = "<delay xmlns='urn:xmpp:delay' from='{}' stamp='{}'/>".format
        for packet in ("<message xmlns='jabber:client'><body>hi</body></message>",
                       "<message xmlns='jabber:client'/>",
                       "<message xmlns='jabber:client'>" + says("other.org", "2001-01-01T00:00:00Z")
                       + says(HOST, "2002-02-02T00:00:00Z") + "</message>"):
            self.offline(packet, "2022-02-03T04:05:06.5Z")

        def changes(tables):
            for row in tables["offline_messages"]:
                head, end, rest = row["packet"].partition(">")
                row["packet"] = canonical(head + end + says(HOST, "2022-02-03T04:05:06.5Z") + rest)

        self.goes_round(changes=changes)

    def test_export_of_times_that_are_none(self):
        """They are left out, and do no harm."""
        for at in ("infinity", "-infinity", "20000-01-01"):
            self.offline("<message xmlns='jabber:client'/>", at)
            self.sql("DELETE FROM last_activity; DELETE FROM bans")
            self.insert("last_activity", {"host": HOST, "username": "romeo", "last_at": at})
            self.insert("bans", {"host": HOST, "username": "romeo", "banned_at": at})
            self.sql(f"UPDATE users SET created_at = '{at}'")
            user = self.accounts("--dates")[f"romeo@{HOST}"]
            self.assertIsNone(user.find(f"{{{ACCOUNT}}}account"))
            self.assertEqual(dict(user.find(f"{{{ACCOUNT}}}ban").attrib), {"by": "postgres"})
            last = dict(user.find("{jabber:iq:last}query").attrib)
            self.assertEqual(list(last), ["seconds"])
            self.assertIn(int(last["seconds"]), range(0, 4294967296))

    def test_export_of_an_import_of_an_export_is_the_same(self):
        self.odd_world()
        self.offline("<message><body>hi</body></message>", "2022-02-03T04:05:06Z")
        self.ok(self.adminex("export", "--dates", "-o", self.path))
        other = self.new_database(self.addCleanup)
        options = ["--dsn", self.cluster.dsn(other)]
        self.ok(self.adminex("import", self.path, options=options), err=None)
        again = self.adminex("export", "--dates", "-o", "-", options=options)
        # Only this counts from when it was written.
        seconds = re.compile(rb' seconds="\d+"')
        self.assertEqual(seconds.sub(b"", again.out), seconds.sub(b"", self.path.read_bytes()))

    def test_export_of_an_empty_database(self):
        other = self.new_database(self.addCleanup)
        options = ["--dsn", self.cluster.dsn(other)]
        self.assertEqual(list(self.document(options=options)), [])
        hosts = self.document("--host", world.EMPTY)
        self.assertEqual([(dict(host.attrib), list(host)) for host in hosts],
                         [({"jid": world.EMPTY}, [])])

    def test_export_ban_comes_back_in_force(self):
        self.insert("bans", {"host": HOST, "username": "romeo", "reason": "duel"})
        other = self.goes_round()
        options = ["--dsn", self.cluster.dsn(other)]
        self.no(self.adminex("check_password", "romeo", HOST, world.PASSWORD, options=options),
                f"Password for user romeo@{HOST} is incorrect")
        self.ok(self.adminex("unban_account", "romeo", HOST, options=options), None)
        self.ok(self.adminex("check_password", "romeo", HOST, world.PASSWORD, options=options),
                f"Password for user romeo@{HOST} is correct")

    def test_import_replace_of_a_banned_account_ends_its_sessions(self):
        self.insert("bans", {"host": HOST, "username": "romeo", "reason": "duel"},
                    {"host": HOST, "username": "juliet", "reason": "other"})
        self.ok(self.adminex("export", "-o", self.path))
        self.sql("DELETE FROM bans WHERE username = 'romeo'")
        for user in ("romeo", "juliet", "mercutio"):
            self.online(user, "r")
        before = self.state()
        self.ok(self.adminex("import", "--replace", self.path), err=None)
        after = self.state()
        self.assertEqual([row["username"] for row in after["sessions"]], ["juliet", "mercutio"])
        self.assertEqual([(row["username"], row["reason"]) for row in after["bans"]],
                         [("juliet", "other"), ("romeo", "duel")])
        self.assertEqual([told for told in self.new_outbox(before, after) if told[1] == "kick"],
                         [(f"romeo@{HOST}", "kick", {"reason": "duel"})])


# ---- what other servers wrote --------------------------------------------------------------------

# White space says nothing here, and the order says nothing in those but the messages.
UNORDERED = {PIE + "server-data", PIE + "host", PIE + "user", "{jabber:iq:roster}query",
             "{jabber:iq:private}query", "{urn:xmpp:pie:0#scram}scram-credentials"}
SECRETS = {"{urn:xmpp:pie:0#scram}" + name for name in ("salt", "stored-key", "server-key")}


def meaning(found):
    """What an element says: its name, attributes and text, and its children in their order where
    that says something. Base64 of base64, as ejabberd writes keys, is base64 once. The language of
    a request's text has no place in the database."""
    text, tail = found.text or "", found.tail or ""
    attributes = dict(found.attrib)
    if found.tag == "{jabber:client}status":
        attributes.pop("{http://www.w3.org/XML/1998/namespace}lang", None)
    children = [meaning(child) for child in found]
    if found.tag in SECRETS:
        text = test_import.base64.b64decode(text)
        with contextlib.suppress(ValueError):
            text = test_import.base64.b64decode(text, validate=True)
    if found.tag in UNORDERED or found.tag == PIE + "offline-messages":
        children = [child[:-1] for child in children]
        text = ""
    if found.tag in UNORDERED:
        children.sort(key=repr)
    return found.tag, sorted(attributes.items()), children, text, tail


class OfOthers(harness.TestCase):
    fresh_database = True

    def both(self, source):
        self.ok(self.adminex("import", source), err=None)
        result = self.adminex("export", "-o", "-")
        self.ok(result)
        root = ET.fromstring(result.out)
        return {(host.get("jid"), user.get("name")): meaning(user)[:-1]
                for host in root.findall("pie:host", NS) for user in host.findall("pie:user", NS)}

    def test_export_of_what_ejabberd_wrote_is_that_document(self):
        want = {(host, name): meaning(user)[:-1] for host, name, user in test_import.real_users()}
        found = self.both(REAL)
        self.assertEqual(len(want), 337)
        self.assertEqual(found.keys(), want.keys())
        for account, user in want.items():
            self.assertEqual(found[account], user, account)

    def test_export_of_one_host_that_ejabberd_wrote(self):
        found = self.both(MAIN)
        self.assertEqual(len(found), 297)
        self.assertEqual({host for host, _ in found}, {HOST})

    def test_export_of_plain_passwords(self):
        root = ET.parse(test_import.LEGACY).getroot()
        want = {(HOST, user.get("name")): meaning(user)[:-1]
                for user in root.find("pie:host", NS)}
        self.assertEqual(self.both(test_import.LEGACY), want)


# ---- how it is written ---------------------------------------------------------------------------


class Form(Export):
    def test_export_writes_what_the_format_says(self):
        self.sql(f"DELETE FROM credentials WHERE (host, username) = ('{HOST}', 'romeo')")
        self.insert("credentials", world.credential("romeo", mechanism="PLAIN", password="a'b&"),
                    world.credential("romeo", mechanism="SCRAM-SHA-1"))
        self.contact("romeo", "juliet@example.org", nick="Juliet", subscription="B",
                     groups=["Friends"])
        self.contact("romeo", "out@x.org", ask="O")
        self.contact("romeo", "in@x.org", ask="I", ask_message="let me in")
        stored, server = world.scram_keys("SCRAM-SHA-1", world.PASSWORD, world.SALT, 4096)
        b64 = lambda secret: test_import.base64.b64encode(secret).decode()
        result = self.adminex("export", "-o", "-", "romeo", HOST)
        self.ok(result, f"""<?xml version="1.0" encoding="UTF-8"?>
<server-data xmlns="urn:xmpp:pie:0">
<host jid="example.org">
<user name="romeo" password="a'b&amp;">
<scram-credentials xmlns="urn:xmpp:pie:0#scram" mechanism="SCRAM-SHA-1">\
<iter-count>4096</iter-count><salt>{b64(world.SALT)}</salt>\
<server-key>{b64(server)}</server-key><stored-key>{b64(stored)}</stored-key></scram-credentials>
<query xmlns="jabber:iq:roster">
<item jid="juliet@example.org" name="Juliet" subscription="both"><group>Friends</group></item>
<item jid="out@x.org" subscription="none" ask="subscribe"/></query>
<presence xmlns="jabber:client" from="in@x.org" to="romeo@example.org" type="subscribe">\
<status>let me in</status></presence></user></host>
</server-data>
""".encode())

    def test_export_of_a_contact_that_also_asks(self):
        self.contact("romeo", "a@x.org", ask="B")
        self.contact("romeo", "b@x.org", ask="I", nick="B")
        self.contact("romeo", "c@x.org", ask="I", subscription="T")
        self.contact("romeo", "d@x.org", ask="I", groups=["G"])
        self.contact("romeo", "e@x.org", ask="I")
        user = self.account_of("romeo")
        self.assertEqual([(item.get("jid")[0], item.get("ask"))
                          for item in user.iterfind("roster:query/roster:item", NS)],
                         [("a", "subscribe"), ("b", None), ("c", None), ("d", None)])
        self.assertEqual([presence.get("from")[0]
                          for presence in user.iterfind("client:presence", NS)], list("abcde"))
        self.assertEqual(len(user.findall("roster:query", NS)), 1)

    def test_export_leaves_empty_things_out(self):
        self.sql("DELETE FROM credentials")
        user = self.account_of("romeo")
        self.assertEqual((dict(user.attrib), list(user)), ({"name": "romeo"}, []))

    def test_export_keeps_the_documents_namespace_out(self):
        stored = {"urn:1": "<a/>", "urn:2": "<p:a xmlns:p='urn:2'><b><c xmlns='urn:c'/></b></p:a>",
                  "urn:3": "<a xmlns='urn:3'><b xmlns=''/></a>",
                  "urn:4": "<p:a xmlns:p='urn:4' p:b='c' d='e'/>"}
        for xmlns, data in stored.items():
            self.insert("private_storage", {"host": HOST, "username": "romeo", "xmlns": xmlns,
                                            "data": data})
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": "<vCard><FN>R</FN></vCard>"})
        user = self.account_of("romeo")
        private = user.find("private:query", NS)
        self.assertEqual([canonical(ET.tostring(child, encoding="unicode").strip())
                          for child in private],
                         [canonical(ET.tostring(ET.fromstring(data), encoding="unicode"))
                          for data in stored.values()])
        self.assertEqual(user.find("vCard").findtext("FN"), "R")

    def test_export_of_stanzas_in_no_namespace(self):
        """They are what servers mean by them; what declares a namespace stays in it."""
        self.insert("offline_messages", *(
            {"host": HOST, "username": "romeo", "created_at": "2022-02-03T04:05:06Z", "packet": p}
            for p in ("<message to='a@b'><body>x</body><x xmlns='urn:x'><y/></x>"
                      "<none xmlns=''><z/></none></message>", "<note><body/></note>",
                      "<message xmlns=''><body/></message>")))
        client, delay = "{jabber:client}", "{urn:xmpp:delay}delay"
        found = [[node.tag for node in packet.iter()] for packet in
                 self.account_of("romeo").find("pie:offline-messages", NS)]
        self.assertEqual(found, [
            [client + "message", delay, client + "body", "{urn:x}x", "{urn:x}y", "none", "z"],
            ["note", delay, "body"], ["message", delay, "body"]])

    def test_export_of_what_xml_cannot_carry(self):
        bad = "a\x01b\x1fc\ufffe\x7f"
        want = "a\ufffdb\ufffdc\ufffd\x7f"
        for table, columns in (("roster_items", {"jid": bad, "nick": bad, "groups": [bad]}),
                               ("roster_items", {"jid": "i@x", "ask": "I", "ask_message": bad}),
                               ("bans", {"reason": bad, "banned_by": bad}),
                               ("last_activity", {"status": bad, "last_at": "2020-01-01"})):
            self.insert(table, {"host": HOST, "username": "romeo", **columns})
        self.insert("hosts", {"host": bad})
        self.insert("users", {"host": bad, "username": bad})
        users = self.accounts()
        self.assertIn(f"{want}@{want}", users)
        user = users[f"romeo@{HOST}"]
        item = user.find("roster:query/roster:item", NS)
        self.assertEqual((item.get("jid"), item.get("name"), item.findtext("roster:group", "", NS)),
                         (want, want, want))
        self.assertEqual(user.findtext("client:presence/client:status", "", NS), want)
        ban = user.find(f"{{{ACCOUNT}}}ban")
        self.assertEqual((ban.text, ban.get("by")), (want, want))
        self.assertEqual(user.findtext("{jabber:iq:last}query"), want)

    def test_export_leaves_a_password_out_that_would_be_another(self):
        self.sql("DELETE FROM credentials")
        self.insert("credentials", world.credential("romeo", mechanism="PLAIN", password="a\x01b"))
        user = self.account_of("romeo", err=r"\Aadminex: credential of 'romeo@example\.org' left "
                                            r"out: it has a character that XML cannot carry\n\Z")
        self.assertEqual(dict(user.attrib), {"name": "romeo"})

    def test_export_leaves_out_what_is_no_xml_and_names_it(self):
        bad = ["", "text", "<a", "<a></b>", "<a/><b/>", "<!DOCTYPE a><a/>", "<a b='1' b='2'/>",
               "<p:a/>", "<a>\x01</a>", "<a>&x;</a>"]
        rows = [{"host": HOST, "username": "romeo", "xmlns": f"urn:{i}", "data": data}
                for i, data in enumerate(bad)]
        self.insert("private_storage", *rows, {"host": HOST, "username": "romeo",
                                               "xmlns": "urn:good", "data": "<a xmlns='urn:good'/>"})
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": "no card"})
        self.insert("offline_messages", *({"host": HOST, "username": "juliet", "packet": data}
                                          for data in 2 * bad))
        result = self.adminex("export", "-o", self.path)
        self.succeeds(result)
        lines = result.err.decode().splitlines()
        self.assertEqual(len(lines), 21)
        for line in lines[:-1]:
            self.assertRegex(line, r"\Aadminex: (private element of 'romeo|vCard of 'romeo|offline "
                                   r"message of 'juliet)@example\.org' left out: \S.*")
        self.assertEqual(lines[-1], "adminex: 11 more left out")
        self.assertEqual(result.lines[-3:], ["left out: vCards\t1", "left out: private elements\t10",
                                             "left out: offline messages\t20"])
        users = {user.get("name"): user for user in ET.parse(self.path).iter(PIE + "user")}
        self.assertEqual([child.tag for child in users["romeo"].find("private:query", NS)],
                         ["{urn:good}a"])
        self.assertIsNone(users["juliet"].find("pie:offline-messages", NS))

    def test_export_never_writes_what_import_refuses_whole(self):
        """An element at the limits of import would take the document along."""
        deep = "<a xmlns='urn:deep'>" + "<a>" * 252 + "</a>" * 253
        wide = "<a xmlns='urn:wide' " + " ".join(f"a{i}='x'" for i in range(254)) + "/>"
        big = "<a xmlns='urn:big'>" + "x" * 9_990_000 + "</a>"
        for xmlns, data in (("urn:deep", deep), ("urn:wide", wide), ("urn:big", big)):
            path = self.file("data.sql", f"INSERT INTO adminex.private_storage VALUES ('{HOST}', "
                                         f"'romeo', '{xmlns}', '{data.replace(chr(39), 2 * chr(39))}');")
            subprocess.run([harness.psql(), "-Xq", "-d", self.dsn, "-f", path], check=True)
        self.contact("romeo", "long@x.org", nick="&" * 3_000_000)
        result = self.adminex("export", "-o", self.path)
        self.ok(result, err=r"(?s)roster item .*longer.*private element .*longer.*levels.*attributes")
        other = self.new_database(self.addCleanup)
        self.ok(self.adminex("import", self.path, options=["--dsn", self.cluster.dsn(other)]),
                err=None)


# ---- scope ---------------------------------------------------------------------------------------


class Scope(Export):
    def setUp(self):
        super().setUp()
        self.insert("hosts", {"host": "ample.org"}, {"host": "sub.example.org"})
        for host in (HOST, "ample.org", "sub.example.org", CHAT):
            for name in ("bob", "jacob", "bobby", "b_b"):
                self.insert("users", {"host": host, "username": name})
                self.insert("credentials", world.credential(name, host, iterations=1))
                self.contact(name, "jacob@example.org", host=host, ask="B")
                for table, columns in (
                        ("vcards", {"vcard": "<vCard xmlns='vcard-temp'/>"}),
                        ("private_storage", {"xmlns": "urn:x", "data": "<x xmlns='urn:x'/>"}),
                        ("offline_messages", {"packet": "<message xmlns='jabber:client'/>"}),
                        ("last_activity", {"last_at": "2020-01-01"}), ("bans", {})):
                    self.insert(table, {"host": host, "username": name, **columns})

    def test_export_of_an_account_is_of_no_other(self):
        # Seconds pass.
        self.sql("UPDATE last_activity SET last_at = '-infinity'")
        whole = {jid: meaning(user)[:-1] for jid, user in self.accounts().items()}
        for typed, host in (("bob", HOST), ("BOB", "Example.ORG"), ("b_b", CHAT)):
            found = self.accounts(typed, host)
            jid = f"{typed}@{host}".lower()
            self.assertEqual(list(found), [jid])
            self.assertEqual(meaning(found[jid])[:-1], whole[jid])
            self.assertEqual(len(found[jid]), 8)

    def test_export_of_a_host_is_of_no_other(self):
        for typed in (HOST, "EXAMPLE.org", "ample.org", CHAT):
            jids = set(self.accounts("--host", typed))
            self.assertEqual(jids, {f"{user}@{host}" for user, host in self.sql(
                f"SELECT username, host FROM users WHERE host = lower('{typed}')")})
            self.assertGreaterEqual(len(jids), 4)
            root = self.document("--host", typed)
            self.assertEqual([host.get("jid") for host in root], [typed.lower()])

    def test_export_of_everything_is_in_the_order_of_names(self):
        root = self.document()
        hosts = [host.get("jid") for host in root]
        self.assertEqual(hosts, sorted(hosts))
        self.assertEqual(len(hosts), 5)
        for host in root:
            names = [user.get("name") for user in host]
            self.assertEqual(names, sorted(names))

    def test_export_of_nothing_writes_nothing(self):
        for args, says in ((["--host", "no.example.org"], "Host no.example.org does not exist"),
                           (["--host", "a b"], "Host a b does not exist"),
                           (["Nobody", HOST], f"User Nobody@{HOST} does not exist"),
                           (["bob", world.EMPTY], f"User bob@{world.EMPTY} does not exist"),
                           (["bob", "no.org"], "User bob@no.org does not exist"),
                           (["", HOST], f"User @{HOST} does not exist"),
                           (["b%", HOST], f"User b%@{HOST} does not exist")):
            with self.subTest(args=args):
                for target in (self.path, "-"):
                    self.fails(self.adminex("export", "-o", target, *args), 1,
                               rf"\Aadminex: {re.escape(says)}\n\Z")
                    self.no_file()
        reply = self.adminex("export", "-o", self.path, "--host", "no", options=["--json"])
        self.assertEqual(reply.json(), {"status": "error", "message": "Host no does not exist"})

    def test_export_usage(self):
        for args in ([], ["-o"], ["-o", "-", "romeo"], ["-o", "-", "a", "b", "c"], ["-o", "-", "-x"],
                     ["-o", "-", "--host", HOST, "romeo", HOST], ["-o", "-", "-o", "-"],
                     ["-o", "-", "--host"], ["-o", "-", "--dry-run"], ["-o", "-", "--nothing"],
                     ["-o", "-", "--for"], ["-o", "-", "--for", "openfire"],
                     ["-o", "-", "--scram", "SHA-1"], ["-o", "-", "--for", "prosody"],
                     ["-o", "-", "--for", "ejabberd", "--scram", "MD5"],
                     ["-o", "x", "--for", "prosody", "--scram", "SHA-512"]):
            with self.subTest(args=args):
                self.fails(self.adminex("export", *args), 2, r"\Aadminex: export .*help export")
        for options in (["--dry-run"], ["--max-affected", "3"]):
            self.fails(self.adminex("export", "-o", "-", options=options), 2,
                       rf"export has no {options[0]}: it changes nothing")


# ---- what ejabberd and Prosody take; tests/servers has them take it ------------------------------


class Dialects(Export):
    """Held against what import makes of it, which knows all of this."""

    def export(self, server, *args, err="", path=None, **how):
        self.ok(self.adminex("export", "--for", server, "-o", path or self.path, *args, **how),
                None, err)

    def taken_back(self, source):
        """Import it elsewhere: how to run there, and what is there."""
        other = self.new_database(self.addCleanup)
        options = ["--dsn", self.cluster.dsn(other)]
        self.succeeds(self.adminex("import", source, options=options))
        return options, lambda query: self.cluster.sql(other, query)

    def password_is(self, user, password, options, correct=True, host=HOST):
        said = f"Password for user {user}@{host} is {'correct' if correct else 'incorrect'}"
        check = self.ok if correct else self.no
        check(self.adminex("check_password", user, host, password, options=options), said)

    def credentials(self, *users):
        """Accounts with one credential of each of these mechanisms, and a password each."""
        for user, *mechanisms in users:
            self.insert("users", {"host": HOST, "username": user})
            # A plain password is written first into the table, as the roles of old servers had it.
            for mechanism in sorted(mechanisms):
                self.insert("credentials", world.credential(user, password=mechanism,
                                                            mechanism=mechanism))

    KINDS_OF_OLD = [("one", "SCRAM-SHA-1"), ("two", "SCRAM-SHA-1", "SCRAM-SHA-256"),
                    ("three", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"), ("none",)]

    def test_export_for_ejabberd_has_one_credential_of_each(self):
        self.credentials(*self.KINDS_OF_OLD)
        nobody = "nobody will be able to log in as 'none@example.org': it has no password"
        for scram, two in ((["--scram", "SHA-1"], "SCRAM-SHA-1"), ([], "SCRAM-SHA-1"),
                           (["--scram", "SHA-256"], "SCRAM-SHA-256"),
                           (["--scram", "SHA-512"], "SCRAM-SHA-1")):
            self.export("ejabberd", *scram, err=rf"\Aadminex: {nobody}\n\Z")
            options, sql = self.taken_back(self.path)
            self.assertEqual(sql("SELECT count(*), count(DISTINCT (host, username)) "
                                 "FROM credentials"), [["8", "8"]])
            for user, password in (("one", "SCRAM-SHA-1"), ("two", two), ("three", "PLAIN"),
                                   ("romeo", world.PASSWORD)):
                self.password_is(user, password, options)

    def test_export_for_prosody_has_its_own_mechanism_only(self):
        self.credentials(*self.KINDS_OF_OLD)
        folder = self.tmp / "folder"
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for scram, right, wrong in (("SHA-1", "one", "romeo"), ("SHA-256", "romeo", "one")):
            result = self.adminex("export", "--for", "prosody", "--scram", scram, "-o", folder)
            self.succeeds(result)
            lines = result.err.decode().splitlines()
            self.assertIn("adminex: nobody will be able to log in as 'none@example.org': "
                          "it has no password", lines)
            self.assertTrue(any(f"'{wrong}@{HOST}': its password is kept as SCRAM-SHA" in line
                                for line in lines))
            options, _ = self.taken_back(folder)
            passwords = {"romeo": world.PASSWORD, "one": "SCRAM-SHA-1"}
            self.password_is(right, passwords[right], options)
            self.password_is(wrong, passwords[wrong], options, correct=False)
            self.password_is("two", f"SCRAM-{scram}", options)
            self.password_is("three", "PLAIN", options)
            shutil.rmtree(folder)

    def test_export_for_a_server_locks_who_is_banned(self):
        """Not by the ban, which only adminex reads."""
        self.insert("bans", {"host": HOST, "username": "romeo", "reason": "duel"})
        for server in ("ejabberd", "prosody"):
            self.export(server, "romeo", HOST, err=r"\Aadminex: nobody .*romeo@.*: it is banned\n\Z")
            self.assertNotIn(b" password=", self.path.read_bytes())
            options, sql = self.taken_back(self.path)
            self.ok(self.adminex("unban_account", "romeo", HOST, options=options), None)
            self.password_is("romeo", world.PASSWORD, options, correct=False)
            self.assertEqual(sql("SELECT count(*) FROM credentials"), [["1"]])

    def test_export_for_a_server_reports_who_was_locked(self):
        self.sql("DELETE FROM credentials")
        reply = self.adminex("export", "--for", "ejabberd", "-o", self.path, options=["--json"])
        rows = {row["kind"]: row["written"] for row in reply.json()["result"]}
        self.assertEqual((rows["locked accounts"], rows["credentials"], rows["accounts"]), (4, 0, 4))
        self.insert("users", *({"host": HOST, "username": f"u{number}"} for number in range(30)))
        result = self.adminex("export", "--for", "ejabberd", "-o", self.path)
        lines = result.err.decode().splitlines()
        self.assertEqual((len(lines), lines[-1]), (21, "adminex: nor as 14 others"))

    def test_export_for_ejabberd_leaves_out_all_of_an_account(self):
        smile = "\U0001f600"
        self.insert("users", {"host": HOST, "username": smile})
        self.insert("credentials", world.credential(smile))
        self.contact(smile, "contact@x.org", subscription="B")
        self.contact("romeo", f"{smile}@x.org", subscription="B")
        self.contact("romeo", "asks@x.org", ask="I")
        reply = self.adminex("export", "--for", "ejabberd", "-o", self.path, options=["--json"])
        rows = {row["kind"]: row["written"] for row in reply.json()["result"]}
        self.assertEqual({kind: rows[kind] for kind in rows if kind.startswith("left out")},
                         {"left out: accounts": 1, "left out: credentials": 1,
                          "left out: roster items": 2})
        self.assertEqual(reply.err.count(b"\n"), 2)
        _, sql = self.taken_back(self.path)
        self.assertEqual(sql("SELECT username, jid FROM roster_items"), [["romeo", "asks@x.org"]])
        self.assertEqual(sql("SELECT count(*) FROM users"), [["4"]])

    def test_export_for_prosody_is_a_folder_of_accounts(self):
        self.contact("romeo", "asks@x.org", ask="I")
        folder = self.tmp / "folder"
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.export("prosody", "--scram", "SHA-256", path=folder)
        self.assertEqual(sorted(os.listdir(folder)), sorted(
            f"{user}@{host}.xml" for user, host in world.ACCOUNTS))
        self.assertEqual(folder.stat().st_mode & 0o7777, 0o700)
        for path in folder.iterdir():
            self.assertEqual(path.stat().st_mode & 0o7777, 0o600)
            hosts = list(ET.parse(path).getroot())
            self.assertEqual([f"{user.get('name')}@{host.get('jid')}.xml" for host in hosts
                              for user in host], [path.name])
        self.assertEqual(sorted(name for name in os.listdir(self.tmp) if "folder" in name),
                         ["folder"])
        # One account is a file, and what one has is what all have.
        self.export("prosody", "--scram", "SHA-256", "romeo", HOST)
        self.assertEqual(self.path.read_bytes(), (folder / f"romeo@{HOST}.xml").read_bytes())
        _, sql = self.taken_back(folder)
        self.assertEqual(sql("SELECT jid, ask FROM roster_items"), [["asks@x.org", "I"]])
        self.assertEqual(sql("SELECT host, username, stored_key FROM credentials ORDER BY 1, 2"),
                         self.sql("SELECT host, username, stored_key FROM credentials "
                                  "ORDER BY 1, 2"))

    def test_export_for_prosody_to_a_folder_that_is_not_free(self):
        self.path.write_text("in the way")
        for target, why in ((self.tmp, "Directory not empty"), ("/dev/null", "Not a directory"),
                            (self.tmp / "no" / "x", "No such file")):
            self.fails(self.adminex("export", "--for", "prosody", "-o", target), 1,
                       rf"\Aadminex: cannot write '\S+': {why}")

    def test_export_for_prosody_leaves_out_names_that_are_no_files(self):
        long = "l" * 300
        self.insert("users", {"host": HOST, "username": long})
        self.contact(long, "a@x.org", subscription="B")
        folder = self.tmp / "folder"
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.export("prosody", "--scram", "SHA-256", path=folder, err=rf"\Aadminex: account of "
                    rf"'{long}@{HOST}' left out: its name is longer than a file's can be\n\Z")
        self.assertEqual(len(os.listdir(folder)), 4)

    def test_export_for_prosody_that_fails_leaves_nothing(self):
        folder = self.tmp / "folder"
        for host in ("no.example.org", HOST):
            other = self.in_the_way()
            child = self.spawn("export", "--for", "prosody", "-o", folder, "--host", host)
            if host == HOST:
                self.waits()
                child.interrupt()
                self.fails(child.wait(), 130, INTERRUPTED)
            else:
                self.fails(child.wait(), 1, "does not exist")
            other.run("ROLLBACK")
            self.assertEqual([name for name in os.listdir(self.tmp) if "folder" in name], [])

    def test_export_for_prosody_beyond_the_size_limit_of_files(self):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard":
                               f"<vCard xmlns='vcard-temp'><FN>{'x' * 4000}</FN></vCard>"})
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
        try:
            self.fails(self.adminex("export", "--for", "prosody", "--scram", "SHA-256", "-o",
                                    self.tmp / "folder"), 1,
                       r"\Aadminex: cannot write '\S+/folder': File too large\n\Z")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.assertEqual([name for name in os.listdir(self.tmp) if "folder" in name], [])


# ---- files, reports, roles -----------------------------------------------------------------------


class Files(Export):
    COUNTS = [3, 4, 4, 0, 0, 0, 0, 0, 0, 0]

    def test_export_to_a_file_reports_what_was_written(self):
        self.ok(self.adminex("export", "-o", self.path),
                [f"{kind}\t{count}" for kind, count in zip(KINDS, self.COUNTS)])
        want = [{"kind": kind, "written": count} for kind, count in zip(KINDS, self.COUNTS)]
        reply = self.adminex("export", "-o", self.path, options=["--json"])
        self.assertEqual(reply.json(), {"result": want, "status": "ok"})
        lines = self.adminex("export", "-o", self.path, options=["--format", "ndjson"]).ndjson()
        self.assertEqual(lines, [*want, {"status": "ok"}])
        table = self.adminex("export", "-o", self.path, options=["--format", "csv"]).text
        self.assertEqual(list(csv.reader(io.StringIO(table)))[:2],
                         [["kind", "written"], ["hosts", "3"]])

    def test_export_to_standard_output_is_nothing_else(self):
        plain = self.adminex("export", "--output=-")
        for form in ("json", "ndjson", "csv", "table"):
            self.ok(self.adminex("export", "-o-", options=["--format", form]), plain.out)
        self.ok(self.adminex("export", "-o", self.path), None)
        self.assertEqual(self.path.read_bytes(), plain.out)

    def test_export_file_is_for_its_owner_only(self):
        self.path.write_text("what was there")
        self.path.chmod(0o644)
        self.ok(self.adminex("export", "-o", self.path), None)
        self.assertEqual(self.path.stat().st_mode & 0o7777, 0o600)
        self.assertEqual(len(list(ET.parse(self.path).iter(PIE + "user"))), 4)

    def test_export_changes_nothing(self):
        before = self.state()
        self.ok(self.adminex("export", "-o", self.path), None)
        self.assertEqual(self.state(), before)

    def test_export_needs_a_role_that_may_read_credentials(self):
        role = f"export_reader_{os.getpid()}"
        self.sql(f"CREATE ROLE {role} LOGIN; GRANT adminex_reader TO {role}")
        self.addCleanup(self.sql, f"DROP ROLE {role}")
        dsn = ["--dsn", self.cluster.dsn(self.database, role)]
        for target in (self.path, "-"):
            self.fails(self.adminex("export", "-o", target, options=dsn), 5,
                       "permission denied for table credentials .*adminex_operator")
            self.no_file()
        self.sql(f"REVOKE adminex_reader FROM {role}; GRANT adminex_operator TO {role}")
        self.ok(self.adminex("export", "-o", self.path, options=dsn), None)

    def test_export_from_a_server_that_only_reads(self):
        self.sql(f"ALTER DATABASE {self.database} SET default_transaction_read_only = on")
        self.addCleanup(self.sql, "SET default_transaction_read_only = off;"
                                  f"ALTER DATABASE {self.database} RESET ALL")
        self.assertEqual(len(self.accounts()), 4)

    def test_export_shows_progress_on_a_terminal(self):
        result = self.terminal("export", "-o", str(self.path), stdout=subprocess.DEVNULL)
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertRegex(result.out, rb"\A\r\x1b\[Kexport: 1 accounts, \d+/s, 25% done\r\x1b\[K\Z")

    def test_export_completion_offers_files_behind_output(self):
        self.file("out.xml", "")
        script = self.adminex("completion", "bash").text
        for words, want in ((["export", "--o"], ["--output"]), (["export", "-o", "out"], ["out.xml"]),
                            (["export", "--output", "out"], ["out.xml"]),
                            (["export", "--host", "out"], [])):
            ask = self.file("ask.bash", script + f"COMP_WORDS=(adminex {' '.join(words)}); COMP_CWORD="
                                                 f"{len(words)}; _adminex; "
                                                 'printf "%s\\n" "${COMPREPLY[@]}"')
            found = subprocess.run(["bash", "-u", ask], check=True, stdout=subprocess.PIPE,
                                   text=True, cwd=self.tmp, timeout=harness.TIMEOUT).stdout
            self.assertEqual(found.split(), want, words)


# ---- what goes wrong -----------------------------------------------------------------------------


class Faults(Export):
    def test_export_interrupted_leaves_no_file(self):
        for target in (self.path, "-"):
            other = self.in_the_way()
            child = self.spawn("export", "-o", target)
            self.waits()
            child.interrupt()
            self.fails(child.wait(), 130, INTERRUPTED)
            self.no_file()
            other.run("ROLLBACK")

    def test_export_killed_leaves_nothing_at_the_name(self):
        self.path.write_text("what was there")
        other = self.in_the_way()
        child = self.spawn("export", "-o", self.path)
        self.waits()
        child.process.kill()
        child.wait()
        other.run("ROLLBACK")
        self.assertEqual(self.path.read_text(), "what was there")
        for left in self.tmp.glob("out.xml.*"):
            left.unlink()

    def test_export_when_the_server_goes_away(self):
        other = self.in_the_way()
        child = self.spawn("export", "-o", self.path)
        self.waits()
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
                 "'adminex' AND datname = current_database()")
        self.fails(child.wait(), 3, "nothing was changed")
        self.no_file()
        other.run("ROLLBACK")

    def test_export_to_where_nothing_can_be_written(self):
        for target, why in ((FULL_DISK, "No space left on device"),
                            (CLOSED, "Bad file descriptor"), (BROKEN_PIPE, "Broken pipe")):
            for options in ([], ["--json"]):
                with self.subTest(target=target):
                    self.fails(self.adminex("export", "-o", "-", stdout=target, options=options), 1,
                               rf"\Aadminex: cannot write to standard output: {why}\n\Z")
        self.fails(self.adminex("export", "-o", "/dev/full"), 1,
                   r"\Aadminex: cannot write '/dev/full': No space left on device\n\Z")
        self.fails(self.adminex("export", "-o", self.tmp), 1, "cannot write '.*': Is a directory")
        self.fails(self.adminex("export", "-o", self.tmp / "no" / "x"), 1, "No such file")

    def test_export_report_that_cannot_be_written(self):
        self.fails(self.adminex("export", "-o", self.path, stdout=FULL_DISK), 1,
                   r"\Aadminex: '\S+/out\.xml' was written, but: cannot write to standard output: ")
        self.assertEqual(len(list(ET.parse(self.path).iter(PIE + "user"))), 4)

    def test_export_beyond_the_size_limit_of_files(self):
        self.path.write_text("what was there")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
        try:
            self.fails(self.adminex("export", "-o", self.path), 1,
                       r"\Aadminex: cannot write '\S+/out\.xml': File too large\n\Z")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.assertEqual(self.path.read_text(), "what was there")
        self.path.unlink()
        self.no_file()


class Large(harness.TestCase):
    """Accounts with so much that the program must wait for whoever reads it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.many = 20_000 if harness.SANITIZED else 300_000
        cls.cluster.sql(cls.database, f"""
            INSERT INTO hosts VALUES ('example.org');
            INSERT INTO users SELECT 'example.org', 'user' || to_char(n, 'FM000000')
              FROM generate_series(1, 20000) n;
            INSERT INTO users VALUES ('example.org', 'big');
            INSERT INTO roster_items (host, username, jid, nick, groups, ask)
            SELECT 'example.org', 'big', 'contact' || n || '@x.org', repeat('n', 100), '{{G}}', 'B'
              FROM generate_series(1, {cls.many}) n;
            INSERT INTO vcards (host, username, vcard)
            SELECT host, username, '<vCard xmlns=''vcard-temp''><FN>before</FN></vCard>' FROM users;
            ANALYZE""")

    def half_way(self, target=None):
        """An export that waits, as nobody reads on; and what has come so far."""
        reader, writer = os.pipe()
        source = open(reader, "rb", buffering=0)
        self.addCleanup(source.close)
        with open(writer, "wb") as sink:
            child = self.spawn("export", "-o", target or "-", stdout=sink)
        return child, source, source.read(1000)

    def test_export_is_one_snapshot(self):
        child, source, text = self.half_way()
        self.sql("UPDATE vcards SET vcard = '<vCard xmlns=''vcard-temp''><FN>after</FN></vCard>';"
                 "DELETE FROM users WHERE username > 'user010000';"
                 "INSERT INTO users VALUES ('example.org', 'zoe')")
        text += b"".join(iter(lambda: source.read(1 << 20), b""))
        self.ok(child.wait())
        self.assertTrue(text.endswith(b"</server-data>\n"))
        self.assertEqual((text.count(b"<user "), text.count(b"<FN>before</FN>"),
                          text.count(b"<item ")), (20_001, 20_001, self.many))
        after = self.adminex("export", "-o", "-", timeout=120)
        self.assertEqual((after.out.count(b"<user "), after.out.count(b"<FN>after</FN>")),
                         (10_002, 10_001))

    def test_export_that_waits_for_its_reader_can_be_interrupted(self):
        fifo = self.tmp / "fifo"
        os.mkfifo(fifo)
        self.addCleanup(fifo.unlink)
        child, _, _ = self.half_way()
        child.interrupt()
        self.fails(child.wait(), 130, INTERRUPTED)
        child = self.spawn("export", "-o", fifo)
        with open(fifo, "rb", buffering=0) as source:
            self.assertTrue(source.read(1000))
            child.interrupt()
            self.fails(child.wait(), 130, INTERRUPTED)

    def test_export_ends_when_its_reader_goes(self):
        child, source, _ = self.half_way()
        source.close()
        self.fails(child.wait(), 1, "cannot write to standard output: Broken pipe")

    @unittest.skipIf(harness.SANITIZED, "the sanitizers' memory is not ours")
    def test_export_of_a_large_roster_needs_little_memory(self):
        self.assertLess(self.peak_kb("export", "-o", "-", "big", HOST, timeout=120), 24 * 1024)
        self.assertLess(self.peak_kb("export", "-o", "-", timeout=120), 24 * 1024)

    def read_whole(self, plan):
        below = (self.read_whole(inner) for inner in plan.get("Plans", []))
        here = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
        return here.union(*below)

    def test_export_plan_sorts_no_more_than_an_account(self):
        """And reads no table once an account."""
        statements = (harness.ROOT / "sql/native/export.sql").read_text().split("-- name: ")
        settle, text = (next(s for s in statements if s.startswith(name)).split("\n", 1)[1]
                        for name in ("export_settle", "export_records"))
        for host, user, mechanism in (("NULL", "NULL", "NULL"), (f"'{HOST}'", "NULL", "NULL"),
                                      (f"'{HOST}'", "'big'", "NULL"),
                                      ("NULL", "NULL", "'SCRAM-SHA-1'")):
            with self.subTest(host=host, user=user, mechanism=mechanism):
                query = text.replace("$1", host).replace("$2", user).replace("$3", "'t'")
                query = query.replace("$4", mechanism)
                rows = self.sql(f"BEGIN; {settle} EXPLAIN (FORMAT json) {query}")
                plan = json.loads(rows[-1][0])[0]["Plan"]
                self.assertEqual(plan["Node Type"], "Incremental Sort")
                self.assertEqual(len(plan["Presorted Key"]), 2)
                self.assertLessEqual(self.read_whole(plan), {"users"})
                self.assertNotIn("roster_items_jid", json.dumps(plan))


if __name__ == "__main__":
    sys.exit(unittest.main())
