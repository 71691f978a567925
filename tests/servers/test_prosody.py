"""What adminex exports for Prosody is imported by a real one: who had an account logs in with the
password of old and finds everything there, as far as Prosody takes it over."""

import os
import subprocess
import sys
import unittest

import harness
import instance
import moving
import people
from moving import LEFT_OUT, remark
from prosody import MIGRATOR, PROGRAM, Prosody
from world import CHAT, HOST


def setUpModule():
    moving.needs(PROGRAM, MIGRATOR)


class TestCase(moving.TestCase):
    """Without offline messages, and what was said with a request. Where there are requests only,
    who asks first is a contact, too. vCards come back as Prosody keeps them, as vCard4: with empty
    fields, and without what it does not know."""

    def roster(self, user, host):
        stored = super().roster(user, host)
        asking = sorted(super().requests(user, host))
        return stored if stored or not asking else {asking[0]: ("", "none", None, [])}

    def requests(self, user, host):
        return dict.fromkeys(super().requests(user, host), "")

    def offline(self, user, host):
        return []

    def check_vcard(self, found, stored):
        self.assertEqual(set(people.facts(stored)) - set(people.facts(found)), set())

    @classmethod
    def export_folder(cls, *args):
        return cls.run_adminex("export", "--for", "prosody", "--scram", cls.scram, "--output",
                               "moving", *args)

    @classmethod
    def export_account(cls, user):
        path = cls.tmp / f"{user}@{HOST}.xml"
        cls.run_adminex("export", "--for", "prosody", "--output", path, user, HOST)
        return path


class Everybody(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.serve(Prosody, [HOST, CHAT])
        cls.report = cls.export_folder()
        cls.warnings = cls.move(cls.server, cls.tmp / "moving")
        cls.exported = cls.server.export()
        cls.server.run_server()

    def test_export_names_who_cannot_log_in(self):
        self.assertEqual(sorted(self.report.stderr.splitlines()), sorted([
            remark("banned", "it is banned"), remark("no.password", "it has no password"),
            *LEFT_OUT, remark("juliet", "its password is kept as SCRAM-SHA-256"),
            remark("odd.data", "its password is kept as SCRAM-SHA-512")]))

    def test_all_accounts_are_there(self):
        self.assertEqual(self.warnings, [])
        for host in (HOST, CHAT):
            self.assertEqual(self.server.accounts(host), self.stored.accounts(host))

    def test_handmade_accounts(self):
        self.check_handmade(but=["banned"])

    def test_real_accounts(self):
        self.check_real()

    def test_nobody_logs_in_who_could_not(self):
        for mechanism in ("PLAIN", "SCRAM-SHA-1"):
            self.refused("romeo", "another password", mechanism)
        for user in ("juliet", "banned", "no.password"):
            self.locked(user, people.PASSWORDS[user, HOST] or user)

    def test_the_way_back(self):
        """What Prosody exports of them is what was imported."""
        database, back = self.come_back(self.exported)
        self.assertEqual(back.accounts(HOST), self.stored.accounts(HOST))
        for user in back.accounts(HOST):
            self.assertEqual(back.roster(user, HOST), self.stored.roster(user, HOST), user)
            self.assertEqual(back.requests(user, HOST), self.requests(user, HOST), user)
            self.assertEqual(people.facts(back.vcard(user, HOST)),
                             people.facts(self.stored.vcard(user, HOST)), user)
        for user in ("romeo", "mercutio"):
            self.check_password(database, user, people.PASSWORDS[user, HOST])


class AnotherHash(TestCase):
    scram = "SHA-256"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.serve(Prosody, [HOST])
        cls.report = cls.export_folder("--host", HOST)
        cls.move(cls.server, cls.tmp / "moving")
        cls.server.run_server()

    def test_accounts_of_that_hash(self):
        self.check_handmade(but=["banned"])

    def test_accounts_of_the_other(self):
        """Prosody has one hash: they are named, and need a new password."""
        lines = self.report.stderr.splitlines()
        self.assertEqual(lines[0], remark("antonio.brightwell",
                                          "its password is kept as SCRAM-SHA-1"))
        self.assertRegex(lines[-1], r"\Aadminex: nor as \d+ others\Z")
        self.locked("romeo", people.PASSWORDS["romeo", HOST])


class Alone(TestCase):
    """Each time a server of its own: a folder is imported as a whole."""

    def move_one(self, path):
        self.server = self.serve(Prosody, [HOST])
        warnings = self.move(self.server, path)
        self.server.run_server()
        return warnings


class OneAccount(Alone):
    def test_one_account(self):
        self.move_one(self.export_account("romeo"))
        self.assertEqual(self.server.accounts(HOST), {"romeo"})
        self.check("romeo", HOST, people.PASSWORDS["romeo", HOST], "SCRAM-SHA-1")

    def test_document_with_an_element_behind_the_host(self):
        path = self.export_account("mercutio")
        path.write_text(path.read_text().replace(
            "</server-data>", "<x xmlns='urn:adminex:account:1'/></server-data>"))
        self.move_one(path)
        self.check("mercutio", HOST, people.PASSWORDS["mercutio", HOST], "SCRAM-SHA-1")

    def test_document_with_a_comment(self):
        """That is why there must be none: Prosody passes over all of it."""
        path = self.export_account("mercutio")
        path.write_text(path.read_text() + "<!-- a remark -->\n")
        warnings = self.move_one(path)
        self.assertEqual(len(warnings), 4)
        self.assertIn("Unable to find user element", warnings[0])
        self.assertEqual(self.server.accounts(HOST), set())


class SealedDocument(Alone):
    """Of gdpr_export."""

    def move_sealed(self, user):
        self.assertEqual(self.move_one(self.export_sealed("prosody", user)), [])
        self.assertEqual(self.server.accounts(HOST), {user})
        self.check(user, HOST, people.PASSWORDS[user, HOST], f"SCRAM-{self.scram}")

    def test_sealed_document_is_imported(self):
        for user in ("romeo", "remarks"):
            self.move_sealed(user)


class SealedDocumentOfAnotherHash(SealedDocument):
    scram = "SHA-256"

    def test_sealed_document_is_imported(self):
        self.move_sealed("juliet")


class Killed(TestCase):
    """Tests that are killed leave nothing."""

    SCRIPT = ("import prosody, time; server = prosody.Prosody(['example.org']); "
              "server.run_server(); print(server.folder, server.port, flush=True); time.sleep(60)")

    def test_server_ends_with_whoever_started_it(self):
        process = subprocess.Popen([sys.executable, "-c", self.SCRIPT], stdout=subprocess.PIPE,
                                   text=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
        with process:
            folder, port = process.stdout.readline().split()
            self.assertTrue(instance.listens(int(port)))
            process.kill()
        harness.wait_until(lambda: not instance.listens(int(port)) and not os.path.exists(folder))


if __name__ == "__main__":
    unittest.main()
