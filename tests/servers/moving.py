"""What the tests of both servers share: a database to move away from, and looks at what arrived."""

import importlib.util
import os
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ET

import harness
import people
import world
from world import HOST

if importlib.util.find_spec("slixmpp"):
    import client


SEAL = "{urn:adminex:seal:1}seal"


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def needs(*programs):
    """Skips the module where something is not installed."""
    missing = [program for program in programs if not os.access(program, os.X_OK)]
    if "client" not in globals():
        missing.append("python3-slixmpp")
    if missing:
        raise unittest.SkipTest(f"not installed: {', '.join(missing)}; "
                                "scripts/deps.sh servers installs it")


def version_of(package):
    done = subprocess.run(["dpkg-query", "-Wf", "${Version}", package], stdout=subprocess.PIPE,
                          text=True, check=True)
    return f"{package} {done.stdout}"


class TestCase(harness.TestCase):
    """A class has a database with the real accounts and the handmade ones, and one server."""

    scram = "SHA-1"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_adminex("import", people.REAL)
        cls.cluster.sql(cls.database, people.handmade())
        cls.stored = people.Stored(lambda query: cls.cluster.sql(cls.database, query))

    @classmethod
    def run_adminex(cls, *args, database=None):
        dsn = cls.cluster.dsn(database) if database else cls.dsn
        done = subprocess.run([harness.BIN, "--dsn", dsn, *args], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=harness.TIMEOUT, text=True, cwd=cls.tmp)
        if done.returncode != 0:
            raise AssertionError(f"adminex {args}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    @classmethod
    def export_sealed(cls, server, user):
        """What a privacy officer hands over of an account, with its seal behind all else."""
        path = cls.tmp / f"{user}@{HOST}.xml"
        cls.run_adminex("gdpr_export", user, HOST, "--as", "xep0227", "--for", server, "--scram",
                        cls.scram, "--output", path)
        cls.run_adminex("gdpr_verify", path)
        *_, last = ET.parse(path).getroot()
        if last.tag != SEAL:
            raise AssertionError(f"no seal but {last.tag} is last in {path.name}")
        return path

    @classmethod
    def serve(cls, kind, hosts):
        server = kind(hosts, cls.scram)
        cls.addClassCleanup(server.remove)
        return server

    @classmethod
    def move(cls, server, what):
        """Import with the server's own program, and say how long that took."""
        begin = time.monotonic()
        said = server.take_over(what)
        say(f"{version_of(server.name)} set to {cls.scram}: {what.name} imported in "
            f"{time.monotonic() - begin:.1f} s")
        return said

    # What the server is expected to have; what it cannot take over is said by subclasses.

    def roster(self, user, host):
        return self.stored.roster(user, host)

    def requests(self, user, host):
        return self.stored.requests(user, host)

    def offline(self, user, host):
        return self.stored.offline(user, host)

    def private(self, user, host):
        return self.stored.private(user, host)

    def check_vcard(self, found, stored):
        self.assertEqual(people.facts(found), people.facts(stored))

    # Looking.

    def visit(self, user, host, password, mechanism, **expected):
        return client.visit(self.server.port, f"{user}@{host}", password, mechanism, **expected)

    def check(self, user, host, password, mechanism):
        """Log in with the password of old, and compare all there is."""
        requests, offline = self.requests(user, host), self.offline(user, host)
        private = self.private(user, host)
        seen = self.visit(user, host, password, mechanism, private=private,
                          requests=len(requests), offline=len(offline))
        self.assertEqual(people.roster(seen.roster), self.roster(user, host))
        self.check_vcard(seen.vcard, self.stored.vcard(user, host))
        self.assertEqual({name: people.meaning(found) for name, found in seen.private.items()},
                         {name: people.meaning(found) for name, found in private.items()})
        self.assertEqual(self.seen_requests(seen), requests)
        self.assertEqual(people.offline(seen.offline), offline)

    @staticmethod
    def seen_requests(seen):
        return people.requests(seen.requests)

    def refused(self, user, password, mechanism):
        with self.assertRaises(client.Refused, msg=f"{user} by {mechanism}"):
            self.visit(user, HOST, password, mechanism)

    def locked(self, user, password):
        for mechanism in ("PLAIN", f"SCRAM-{self.scram}"):
            self.refused(user, password, mechanism)

    # Tests that are the same for both.

    def check_handmade(self, but=()):
        """Those that can log in by the server's own mechanism."""
        own, done = f"SCRAM-{self.scram}", 0
        for (user, host), password in people.PASSWORDS.items():
            if user in but or not {own, "PLAIN"}.intersection(people.MECHANISMS[user, host]):
                continue
            with self.subTest(user=user):
                self.check(user, host, password, own)
                done += 1
        say(f"{done} handmade accounts logged in and compared")

    def check_real(self):
        sample = self.stored.sample()
        for (user, host), password in sample.items():
            with self.subTest(user=user, host=host):
                self.check(user, host, password, f"SCRAM-{self.scram}")
        say(f"{len(sample)} of the real accounts logged in and compared")
        self.assertGreater(len(sample), 50)

    # The way back.

    def come_back(self, folder):
        """Import what the server exported into a new database: what is there."""
        database = self.new_database(self.addCleanup)
        self.run_adminex("import", folder, database=database)
        return database, people.Stored(lambda query: self.cluster.sql(database, query))

    def check_password(self, database, user, password):
        done = self.run_adminex("check_password", user, HOST, password, database=database)
        self.assertIn("is correct", done.stdout)


def lacks_new_letters(text):
    """Whether it has no characters that came after Unicode 3.2; those of the tests are these."""
    return not any(ord(letter) > 0xFFFF for letter in text)


# What neither server takes.
LEFT_OUT = [f"adminex: private element of 'odd.data@{HOST}' left out: it has no namespace",
            f"adminex: offline message of 'odd.data@{HOST}' left out: it is no message"]


def remark(user, why):
    return f"adminex: nobody will be able to log in as '{user}@{HOST}': {why}"
