"""What adminex exports for ejabberd is imported by a real one: who had an account logs in with the
password of old and finds everything there, as far as ejabberd takes it over."""

import unittest

import moving
import people
from ejabberd import CTL, Ejabberd
from moving import LEFT_OUT, lacks_new_letters, remark
from world import CHAT, HOST

NEW = "characters newer than Unicode 3.2"


def setUpModule():
    moving.needs(CTL)


class TestCase(moving.TestCase):
    """Without contacts that ejabberd refuses. It does not take over that the account asked for a
    subscription, and shows who asks and is subscribed to nothing only after an answer."""

    def roster(self, user, host):
        asking = self.requests(user, host)
        return {jid: (nick, subscription, None, groups) for jid, (nick, subscription, _, groups)
                in super().roster(user, host).items()
                if lacks_new_letters(jid) and not (subscription == "none" and jid in asking)}

    @classmethod
    def export_and_move(cls, *args):
        report = cls.run_adminex("export", "--for", "ejabberd", "--scram", cls.scram, "--output",
                                 "moving.xml", *args)
        cls.move(cls.server, cls.tmp / "moving.xml")
        return report


class Everybody(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.serve(Ejabberd, [HOST, CHAT])
        cls.report = cls.export_and_move()

    def test_export_names_what_ejabberd_cannot_take(self):
        self.assertEqual(sorted(self.report.stderr.splitlines()), sorted([
            *LEFT_OUT,
            f"adminex: account of '\U0001f600@{HOST}' left out: ejabberd refuses names with {NEW}",
            f"adminex: roster item of 'new.letters@{HOST}' left out: ejabberd refuses "
            f"'\U0001f600@x.org': it has {NEW}",
            remark("banned", "it is banned"), remark("no.password", "it has no password")]))

    def test_all_accounts_are_there(self):
        self.assertEqual(self.server.accounts(HOST), self.stored.accounts(HOST) - {"\U0001f600"})
        self.assertEqual(self.server.accounts(CHAT), self.stored.accounts(CHAT))

    def test_handmade_accounts(self):
        self.check_handmade(but=["banned", "\U0001f600"])

    def test_real_accounts(self):
        self.check_real()

    def test_another_hash_is_for_plain_only(self):
        """SASL PLAIN, as over TLS: ejabberd offers one mechanism of SCRAM and no other."""
        password = people.PASSWORDS["juliet", HOST]
        self.check("juliet", HOST, password, "PLAIN")
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            self.refused("juliet", password, mechanism)

    def test_nobody_logs_in_who_could_not(self):
        for mechanism in ("PLAIN", "SCRAM-SHA-1"):
            self.refused("romeo", "another password", mechanism)
        self.locked("banned", "banned")
        self.locked("no.password", "")
        self.locked("no.password", "no.password")

    def test_the_way_back(self):
        """What ejabberd exports of them is what was imported, but for subscriptions asked for."""
        database, back = self.come_back(self.server.export_host(HOST))
        self.assertEqual(back.accounts(HOST), self.server.accounts(HOST))
        for user in back.accounts(HOST):
            self.assertEqual(back.roster(user, HOST), self.roster(user, HOST), user)
            self.assertEqual(back.requests(user, HOST), self.requests(user, HOST), user)
            self.assertEqual(people.facts(back.vcard(user, HOST)),
                             people.facts(self.stored.vcard(user, HOST)), user)
        for user in ("romeo", "juliet", "mercutio"):
            self.check_password(database, user, people.PASSWORDS[user, HOST])


class AnotherHash(TestCase):
    scram = "SHA-256"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.serve(Ejabberd, [HOST])
        cls.export_and_move("--host", HOST)

    def test_accounts_of_that_hash(self):
        self.check_handmade(but=["banned"])

    def test_accounts_of_the_other(self):
        password = people.PASSWORDS["romeo", HOST]
        self.refused("romeo", password, "SCRAM-SHA-256")
        self.check("romeo", HOST, password, "PLAIN")


class OneAccount(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.serve(Ejabberd, [HOST])

    def test_one_account(self):
        self.export_and_move("romeo", HOST)
        self.assertIn("romeo", self.server.accounts(HOST))
        self.check("romeo", HOST, people.PASSWORDS["romeo", HOST], "SCRAM-SHA-1")

    def test_document_with_more_behind_the_host(self):
        """A comment after the root or an element of a namespace of ours do no harm."""
        for user, old, new in (
                ("mercutio", "</server-data>", "</server-data>\n<!-- a remark -->"),
                ("juliet", "</server-data>", "<x xmlns='urn:adminex:account:1'/></server-data>")):
            self.run_adminex("export", "--for", "ejabberd", "--output", "more.xml", user, HOST)
            path = self.tmp / "more.xml"
            path.write_text(path.read_text().replace(old, new))
            self.server.take_over(path)
            self.check(user, HOST, people.PASSWORDS[user, HOST], "PLAIN")

    def test_document_that_was_not_written_for_ejabberd(self):
        """That is why there is an option: the keys are taken for other ones."""
        self.run_adminex("export", "--output", "other.xml", "éloïse.ἀχιλλεύσ", HOST)
        self.server.take_over(self.tmp / "other.xml")
        self.locked("éloïse.ἀχιλλεύσ", people.PASSWORDS["éloïse.ἀχιλλεύσ", HOST])


class SealedDocument(TestCase):
    """Of gdpr_export, one account after the other."""

    users, mechanism = ["romeo", "mercutio", "unpadded"], "SCRAM-SHA-1"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.serve(Ejabberd, [HOST])

    def test_sealed_document_is_imported(self):
        for user in self.users:
            self.move(self.server, self.export_sealed("ejabberd", user))
            self.check(user, HOST, people.PASSWORDS[user, HOST], self.mechanism)
        self.assertEqual(self.server.accounts(HOST), set(self.users))


class SealedDocumentOfAnotherHash(SealedDocument):
    users, mechanism, scram = ["juliet"], "SCRAM-SHA-256", "SHA-256"


if __name__ == "__main__":
    unittest.main()
