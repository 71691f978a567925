"""Submod gdpr: what an export of personal data holds, where it goes to, and what it never does."""

import csv
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import time
import xml.etree.ElementTree as ET
import zipfile

import daemon
import harness
import test_seal
import world
from world import CHAT, HOST

SECTIONS = ["account", "credentials", "ban", "last_activity", "vcard", "roster", "roster_version",
            "other_rosters", "private", "offline", "sent_offline", "sessions", "outbox",
            "audit_log", "requests", "pending_erasure", "legal_hold"]
NO_SUBJECT = 'Error: "User does not exist"'
CARD = "<vCard xmlns='vcard-temp'><FN>Romeo, \"R\"</FN></vCard>"


class PersonalData(world.TestCase):
    def fill(self):
        row = {"host": HOST, "username": "romeo"}
        when = "2024-05-06T07:08:09Z"
        self.insert("bans", {**row, "reason": "spam", "banned_at": when})
        self.insert("last_activity", {**row, "last_at": when, "status": "gone"})
        self.insert("vcards", {**row, "vcard": CARD, "updated_at": when})
        self.contact("romeo", "juliet@example.org", nick="Julie", subscription="B",
                     groups=["a, b", "c\nd"])
        self.contact("romeo", "asks@example.org", ask="I", ask_message="please")
        self.contact("juliet", "romeo@example.org", subscription="T")
        self.contact("mercutio", "romeo@example.org", subscription="T")
        self.insert("private_storage", {**row, "xmlns": "n", "data": "<a xmlns='n'>1</a>"})
        self.insert("offline_messages", {**row, "created_at": when, "sender": "juliet@example.org",
                                         "packet": "<message>hi</message>"})
        self.online("romeo", "phone", ip="192.0.2.1", port=5222, connected_at=when)
        self.insert("outbox", {**row, "kind": "kick", "payload": '{"reason": "x"}'})
        self.insert("audit_log", {"actor": "admin", "face": "cli", "command": "ban_account",
                                  "arguments": json.dumps({"user": "romeo", "host": HOST}),
                                  "rows": 1, "outcome": "ok"},
                    {"actor": "admin", "face": "cli", "command": "ban_account",
                     "arguments": json.dumps({"user": "juliet", "host": HOST}),
                     "rows": 1, "outcome": "ok"})

    def path(self, name):
        path = self.tmp / name
        path.unlink(missing_ok=True)
        return path

    def test_retrieve_personal_data_as_json(self):
        self.fill()
        path = self.path("data.json")
        self.does("retrieve_personal_data", "Romeo", "EXAMPLE.org", path, says="")
        document = json.loads(path.read_text())
        self.assertEqual(list(document), ["format", "format_version", "subject", "scope",
                                          "generated_at", "schema_version", "registry_version",
                                          "program_version", "snapshot", "rules", "data",
                                          "manifest", "digest"])
        self.assertEqual((document["format"], document["format_version"], document["scope"]),
                         ("adminex-personal-data", 1, "access"))
        self.assertEqual(document["subject"],
                         {"jid": "romeo@example.org", "user": "romeo", "host": HOST})
        self.assertRegex(document["generated_at"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.assertRegex(document["program_version"], r"\Aadminex \d+\.\d+\.\d+\Z")
        self.assertEqual(document["schema_version"],
                         int(self.sql("SELECT max(version) FROM schema_migrations")[0][0]))
        data = document["data"]
        self.assertEqual(list(data), SECTIONS)
        self.assertEqual(data["account"], [{"created_at": "2020-01-01T00:00:00Z"}])
        self.assertEqual(data["ban"], [{"reason": "spam", "banned_at": "2024-05-06T07:08:09Z"}])
        self.assertEqual(data["last_activity"],
                         [{"last_at": "2024-05-06T07:08:09Z", "status": "gone"}])
        self.assertEqual(data["vcard"],
                         [{"vcard": CARD, "updated_at": "2024-05-06T07:08:09Z"}])
        self.assertEqual(data["roster"], [
            {"jid": "asks@example.org", "name": "", "subscription": "none", "ask": "in",
             "groups": [], "askmessage": "please"},
            {"jid": "juliet@example.org", "name": "Julie", "subscription": "both", "ask": "none",
             "groups": ["a, b", "c\nd"], "askmessage": ""}])
        self.assertEqual(data["other_rosters"],
                         [{"subscription": "to", "ask": "none", "rosters": 2}])
        self.assertEqual(data["private"], [{"ns": "n", "xml": "<a xmlns='n'>1</a>"}])
        self.assertEqual(data["offline"], [
            {"timestamp": "2024-05-06T07:08:09Z", "from": "juliet@example.org",
             "packet": "<message>hi</message>"}])
        self.assertEqual(data["sessions"], [
            {"resource": "phone", "priority": 0, "show": "available", "status": "",
             "connection": "c2s", "ip": "192.0.2.1", "port": 5222, "node": "",
             "connected_at": "2024-05-06T07:08:09Z"}])
        self.assertEqual([{**row, "created_at": ""} for row in data["outbox"]],
                         [{"created_at": "", "kind": "kick", "payload": {"reason": "x"}}])
        self.assertEqual([{**row, "at": ""} for row in data["audit_log"]], [
            {"at": "", "command": "ban_account", "arguments": {"user": "romeo", "host": HOST},
             "rows": 1, "outcome": "ok"}])

    def test_retrieve_personal_data_has_every_section_even_when_empty(self):
        result = self.does("retrieve_personal_data", "romeo", HOST, "-")
        data = json.loads(result.text)["data"]
        self.assertEqual(list(data), SECTIONS)
        self.assertEqual([name for name in data if data[name]], ["account", "credentials"])

    def test_retrieve_personal_data_holds_no_secret(self):
        self.sql("DELETE FROM credentials WHERE username = 'romeo'")
        self.insert("credentials", world.credential("romeo", mechanism="PLAIN"),
                    world.credential("romeo"))
        result = self.adminex("retrieve_personal_data", "romeo", HOST, "-")
        rows = json.loads(result.text)["data"]["credentials"]
        self.assertEqual([{**row, "set_at": ""} for row in rows],
                         [{"mechanism": "PLAIN", "iterations": None, "set_at": ""},
                          {"mechanism": "SCRAM-SHA-256", "iterations": 4096, "set_at": ""}])
        self.assertNotIn(world.PASSWORD, result.text)
        self.assertNotIn(world.SALT.hex(), result.text)

    def test_retrieve_personal_data_as_the_archive_of_the_original(self):
        self.fill()
        for name in ("data.zip", "data.ZIP"):
            path = self.path(name)
            self.does("retrieve_personal_data", "romeo", HOST, path, says="")
            with zipfile.ZipFile(path) as archive:
                files = {name: archive.read(name).decode() for name in archive.namelist()}
            # The original's files, and what adminex stores beside that.
            self.assertEqual(set(files), {"vcard.csv", "roster.csv", "private.csv", "offline.csv",
                                          "logs-mongooseim@localhost.txt", "account.csv",
                                          "credentials.csv", "ban.csv", "last_activity.csv",
                                          "other_rosters.csv", "sessions.csv", "outbox.csv",
                                          "manifest.json"})
            self.assertEqual(files["other_rosters.csv"], "subscription,ask,rosters\nto,none,2\n")
            self.assertEqual(files["ban.csv"],
                             "reason,banned_at\nspam,2024-05-06T07:08:09Z\n")
            self.assertEqual(files["vcard.csv"],
                             'jid,vcard\nromeo@example.org,"' + CARD.replace('"', '""') + '"\n')
            self.assertEqual(files["roster.csv"],
                             "jid,name,subscription,ask,groups,askmessage,xs\n"
                             "asks@example.org,,none,in,,please,\n"
                             'juliet@example.org,Julie,both,none,"a, b, c\nd",,\n')
            self.assertEqual(files["private.csv"], "ns,xml\nn,<a xmlns='n'>1</a>\n")
            self.assertEqual(files["offline.csv"],
                             "timestamp,from,to,packet\n2024-05-06T07:08:09Z,juliet@example.org,"
                             "romeo@example.org,<message>hi</message>\n")
            self.assertRegex(
                files["logs-mongooseim@localhost.txt"],
                r'\A\S+Z ban_account \{"host": "example.org", "user": "romeo"\} ok\n\Z')

    def test_retrieve_personal_data_as_an_archive_has_only_kinds_with_rows(self):
        path = self.path("data.zip")
        self.does("retrieve_personal_data", "juliet", HOST, path, says="")
        with zipfile.ZipFile(path) as archive:
            self.assertEqual(archive.namelist(),
                             ["account.csv", "credentials.csv", "logs-mongooseim@localhost.txt",
                              "manifest.json"])
            self.assertEqual(archive.read("logs-mongooseim@localhost.txt"), b"")

    def test_retrieve_personal_data_quotes_csv(self):
        for number, nick in enumerate(('a,b', 'a"b', 'a\nb', "plain ☃", "=1")):
            self.contact("romeo", f"c{number}@example.org", nick=nick)
        path = self.path("data.zip")
        self.succeeds(self.adminex("retrieve_personal_data", "romeo", HOST, path))
        with zipfile.ZipFile(path) as archive:
            rows = csv.DictReader(io.StringIO(archive.read("roster.csv").decode(), newline=""))
            self.assertEqual([row["name"] for row in rows],
                             ['a,b', 'a"b', 'a\nb', "plain ☃", "=1"])

    def test_retrieve_personal_data_is_for_nobody_else_to_read(self):
        for name in ("data.json", "data.zip"):
            path = self.path(name)
            self.succeeds(self.adminex("retrieve_personal_data", "romeo", HOST, path))
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_retrieve_personal_data_replaces_a_file(self):
        for name in ("data.json", "data.zip"):
            path = self.path(name)
            path.write_text("what was there")
            path.chmod(0o644)
            self.succeeds(self.adminex("retrieve_personal_data", "romeo", HOST, path))
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertNotIn(b"what was there", path.read_bytes())

    def test_retrieve_personal_data_leaves_nothing_behind_when_it_fails(self):
        folder = self.tmp / "folder"
        folder.mkdir(exist_ok=True)
        (folder / "taken.json").mkdir(exist_ok=True)
        for path in (folder / "missing" / "data.json", folder / "missing" / "data.zip",
                     folder / "taken.json", ""):
            with self.subTest(path=path):
                self.rejects("retrieve_personal_data", "romeo", HOST, path, pattern="^adminex: ")
        self.assertEqual(os.listdir(folder), ["taken.json"])
        for device in ("/dev/full",):
            self.rejects("retrieve_personal_data", "romeo", HOST, device, pattern="No space left")
        self.fails(self.adminex("retrieve_personal_data", "romeo", HOST, "-",
                                stdout=harness.FULL_DISK), 1, "No space left")

    def test_retrieve_personal_data_on_standard_output_is_one_document(self):
        for form in ("text", "table", "json", "ndjson", "csv"):
            result = self.does("retrieve_personal_data", "romeo", HOST, "-",
                               options=["--format", form])
            self.assertEqual(list(json.loads(result.text)["data"]), SECTIONS)
        result = self.adminex("retrieve_personal_data", "nobody", HOST, "-", options=["--json"])
        self.no(result, json.dumps({"message": NO_SUBJECT, "status": "error"},
                                   separators=(",", ":")))

    def test_retrieve_personal_data_dry_run_writes_no_file(self):
        for name in ("data.json", "data.zip"):
            path = self.path(name)
            self.does("retrieve_personal_data", "romeo", HOST, path, says="", err="dry run",
                      options=["--dry-run"])
            self.assertFalse(path.exists())

    def test_retrieve_personal_data_relative_to_the_current_folder(self):
        path = self.path("relative.json")
        self.succeeds(self.adminex("retrieve_personal_data", "romeo", HOST, path.name))
        self.assertTrue(path.exists())

    def test_retrieve_personal_data_of_nobody(self):
        for user, host in [("nobody", HOST), ("juliet", CHAT), ("a@b", HOST), ("romeo", "a b")]:
            path = self.path("nobody.json")
            self.does("retrieve_personal_data", user, host, path, no=NO_SUBJECT)
            self.assertFalse(path.exists())

    def test_retrieve_personal_data_of_what_is_left_of_a_jid(self):
        self.contact("juliet", "gone@example.org", subscription="T")
        result = self.does("retrieve_personal_data", "gone", HOST, "-")
        data = json.loads(result.text)["data"]
        self.assertEqual([name for name in data if data[name]], ["other_rosters"])
        self.insert("outbox", {"host": HOST, "username": "removed", "kind": "account_removed"})
        result = self.does("retrieve_personal_data", "removed", HOST, "-")
        data = json.loads(result.text)["data"]
        self.assertEqual([name for name in data if data[name]], ["outbox"])

    def test_documents_are_as_the_published_schema_says(self):
        self.fill()
        self.contact("juliet", "gone@example.org")
        for user in ("romeo", "juliet", "gone"):
            for scope in ("access", "portability"):
                if (user, scope) == ("gone", "portability"):
                    continue
                with self.subTest(user=user, scope=scope):
                    words = ["gdpr_export", user, HOST, "--scope", scope]
                    result = self.adminex(*words)
                    self.succeeds(result)
                    test_seal.validate(json.loads(result.text))
                    for form in ("ndjson", "zip"):
                        path = self.path(f"valid.{form}")
                        self.succeeds(self.adminex(*words, "--as", form, "-o", path))
                        test_seal.validate(test_seal.manifest_of(form, path), "manifest")
            result = self.adminex("retrieve_personal_data", user, HOST, "-")
            self.succeeds(result)
            test_seal.validate(json.loads(result.text))

    def test_retrieve_personal_data_only_of_that_host(self):
        self.fill()
        result = self.does("retrieve_personal_data", "romeo", CHAT, "-")
        data = json.loads(result.text)["data"]
        self.assertEqual([name for name in data if data[name]], ["account", "credentials"])


SEAL = "{urn:adminex:seal:1}seal"
CONTACT = "{jabber:iq:roster}item"
MECHANISM = "{urn:xmpp:pie:0#scram}scram-credentials"
SMILE = "\U0001f600"
# What is wrong with these options, and nothing before it.
MISUSED = [
    ({"for": "ejabberd"}, "takes --for with --as xep0227 only"),
    *(({"as": form, "for": "prosody"}, "takes --for with --as xep0227 only")
      for form in ("json", "ndjson", "zip")),
    ({"as": "xep0227", "scram": "SHA-256"}, "takes --scram with --for only"),
    ({"as": "json", "scram": "SHA-1"}, "takes --scram with --for only"),
    ({"as": "xep0227", "for": "prosody", "scram": "SHA-512"},
     "--for: prosody can be set to SHA-1 or SHA-256, not to 'SHA-512'")]


class Killed(world.TestCase):
    """SIGKILL at any moment: at the final name is a whole document, or what was there before."""

    KILLS = 12

    def setUp(self):
        super().setUp()
        self.sql(f"""
            INSERT INTO private_storage (host, username, xmlns, data)
            SELECT '{HOST}', 'romeo', 'urn:' || n,
                   format('<x xmlns="urn:%s">%s</x>', n, repeat('said ', 40))
              FROM generate_series(1, 20000) AS n""")
        self.folder = self.tmp / "killed"
        self.folder.mkdir()
        self.addCleanup(shutil.rmtree, self.folder)

    def export(self, form):
        return ["gdpr_export", "romeo", HOST, "--as", form, "-o", self.folder / "data"]

    def killed_after(self, seconds, form):
        """Was the kill in time, that is while the program was at work?"""
        child = self.spawn(*self.export(form))
        try:
            child.process.wait(seconds)
        except subprocess.TimeoutExpired:
            child.process.kill()
        return child.wait().status == -signal.SIGKILL

    def check(self, form):
        path = self.folder / "data"
        begin = time.monotonic()
        self.succeeds(self.adminex(*self.export(form)))
        whole = time.monotonic() - begin
        kills = 0
        for number in range(self.KILLS):
            path.unlink(missing_ok=True)
            if number % 2:
                path.write_bytes(b"what was there")
            kills += self.killed_after(whole * number / self.KILLS, form)
            self.assertLessEqual(set(os.listdir(self.folder)), {"data"})
            if path.exists() and path.read_bytes() != b"what was there":
                self.succeeds(self.adminex("gdpr_verify", path))
        self.assertGreater(kills, self.KILLS // 3)

    def test_gdpr_export_killed(self):
        for form in ("json", "ndjson", "zip", "xep0227"):
            with self.subTest(form=form):
                self.check(form)


class ForAServer(daemon.TestCase):
    """gdpr_export --as xep0227 --for; tests/servers has the servers import it."""

    def setUp(self):
        super().setUp()
        self.contact("romeo", "juliet@example.org", subscription="B")
        self.contact("romeo", f"{SMILE}@example.org", subscription="B")
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": "<vCard xmlns='vcard-temp'>"
                                                                          "<!-- a --><FN>R</FN></vCard>"})

    def document(self, *options, err="", user="romeo"):
        path = self.tmp / "document.xml"
        self.ok(self.adminex("gdpr_export", user, HOST, "--as", "xep0227", "-o", path, *options),
                None, err)
        self.succeeds(self.adminex("gdpr_verify", path))
        return path.read_text()

    def account(self, text):
        """All but the seal, which stands last."""
        self.assertEqual(ET.fromstring(text)[-1].tag, SEAL)
        return text.partition("<seal ")[0]

    def section(self, text):
        (section,) = json.loads(ET.fromstring(text)[-1].text)["manifest"]["sections"]
        return section

    def contacts(self, text):
        return [item.get("jid") for item in ET.fromstring(text).iter(CONTACT)]

    def test_gdpr_export_for_a_server_is_what_export_writes_for_it(self):
        self.sql("DELETE FROM credentials WHERE username = 'romeo'")
        self.insert("credentials", world.credential("romeo", mechanism="SCRAM-SHA-1"))
        path = self.tmp / "export.xml"
        accounts = []
        for server in ("ejabberd", "prosody"):
            err = "ejabberd refuses" if server == "ejabberd" else ""
            text = self.document("--for", server, err=err)
            self.ok(self.adminex("export", "--for", server, "-o", path, "romeo", HOST), None, err)
            accounts.append(self.account(text))
            self.assertEqual(accounts[-1], path.read_text().removesuffix("</server-data>\n"))
            self.assertEqual(self.section(text)["reason"],
                             f"written for {server}: what it refuses is left out")
        plain = self.document()
        accounts.append(self.account(plain))
        self.assertEqual(len(set(accounts)), 3)
        self.assertNotIn("reason", self.section(plain))

    def test_gdpr_export_for_a_server_names_what_is_left_out(self):
        text = self.document("--for", "ejabberd",
                             err=f"(?m)^adminex: roster item of 'romeo@{HOST}' left out: ejabberd "
                                 f"refuses '{SMILE}@example.org'")
        self.assertEqual(self.contacts(text), ["juliet@example.org"])
        for options in (["--for", "prosody", "--scram", "SHA-256"], []):
            text = self.document(*options)
            self.assertEqual(len(self.contacts(text)), 2)
            self.assertEqual("<!-- a -->" in text, not options)

    def test_gdpr_export_as_xep0227_says_what_is_true_of_it(self):
        self.insert("bans", {"host": HOST, "username": "romeo", "reason": "spam",
                             "banned_by": "an.operator"})
        for options, err in (([], ""), (["--for", "prosody"], "it is banned")):
            text = self.document(*options, err=err)
            self.assertIn(">spam<", text)
            self.assertNotIn("an.operator", text)
            rules = json.loads(ET.fromstring(text)[-1].text)["manifest"]["rules"]
            self.assertIn("Operators are not named.", rules)
            self.assertEqual([rule for rule in rules if "password" in rule], [
                "What the password is checked against is given, for the server that the account "
                "moves to."])
            self.assertNotIn("Secrets are not given", str(rules))

    def test_gdpr_export_for_a_server_has_its_hash_of_the_password(self):
        def keys(*options, err=""):
            (found,) = ET.fromstring(self.document("--for", "prosody", *options, err=err)).iter(MECHANISM)
            return found.get("mechanism"), found[-1].text
        kept = ET.fromstring(self.document()).find(f".//{MECHANISM}")[-1].text
        self.assertEqual(keys("--scram", "SHA-256"), ("SCRAM-SHA-256", kept))
        mechanism, other = keys(err=f"nobody will be able to log in as 'romeo@{HOST}': its password "
                                    "is kept as SCRAM-SHA-256")
        self.assertEqual(mechanism, "SCRAM-SHA-1")
        self.assertNotEqual(other, kept)

    def test_gdpr_export_for_a_server_that_refuses_the_account_makes_no_document(self):
        self.insert("users", {"host": HOST, "username": SMILE})
        path = self.tmp / "refused.xml"
        for target in (path, "-"):
            result = self.adminex("gdpr_export", SMILE, HOST, "--as", "xep0227", "--for", "ejabberd",
                                  "-o", target)
            self.no(result, None, "left out: ejabberd refuses names.*\n.*ejabberd does not take this "
                                  "account.*without '--for'")
            self.assertFalse(path.exists())
            self.assertNotIn(b"</server-data>", result.out)
        self.says(self.serve().call("gdpr_export", user=SMILE, host=HOST,
                                    **{"as": "xep0227", "for": "ejabberd"}),
                  500, "error", "ejabberd does not take this account")
        self.document("--for", "prosody", user=SMILE, err="it has no password")

    def test_gdpr_export_for_a_server_on_the_command_line_is_used_rightly(self):
        path = self.tmp / "misused.xml"
        for options, says in MISUSED:
            words = [word for name, value in options.items() for word in (f"--{name}", value)]
            with self.subTest(words=words):
                self.rejects("gdpr_export", "romeo", HOST, "-o", path, *words, status=2,
                             pattern=rf"\Aadminex: gdpr_export {re.escape(says)}.*help gdpr_export")
                self.assertFalse(path.exists())
        for name in ("for", "scram"):
            self.rejects("gdpr_export", "romeo", HOST, "--as", "xep0227", f"--{name}", "openfire",
                         pattern=f"argument '{name}'")

    def test_gdpr_export_for_a_server_in_a_batch_is_used_rightly(self):
        path = self.tmp / "batch.xml"
        lines = [{"command": "gdpr_export", "args": {"user": "romeo", "host": HOST,
                                                     "output": str(path), **options}}
                 for options, _ in MISUSED + [({"as": "xep0227", "for": "ejabberd"}, "")]]
        lines = "".join(json.dumps(line) + "\n" for line in lines)
        *misused, right = self.adminex("batch", "--continue", "-", stdin=lines.encode()).ndjson()
        self.assertEqual([(reply["status"], reply["message"]) for reply in misused],
                         [("usage", f"gdpr_export {says}") for _, says in MISUSED])
        self.assertEqual(right["status"], "ok", right)
        self.assertEqual(self.contacts(path.read_text()), ["juliet@example.org"])

    def test_gdpr_export_for_a_server_by_http_is_used_rightly(self):
        server = self.serve()
        for options, says in MISUSED:
            with self.subTest(options=options):
                self.says(server.call("gdpr_export", user="romeo", host=HOST, **options), 400, "usage",
                          re.escape(says))
        reply = server.call("gdpr_export", user="romeo", host=HOST,
                            **{"as": "xep0227", "for": "ejabberd", "scram": "SHA-256"})
        self.assertEqual((reply.status, reply["Content-Type"]), (200, "application/xml"))
        self.assertIn("ejabberd refuses", reply["Adminex-Remark"])
        self.assertEqual(self.contacts(reply.body.decode()), ["juliet@example.org"])
