"""Two daemons on one database, and everybody writes: what a cache may not answer is looked for.

Versions are written, one after the other, into accounts' last activity, a contact's name and a
vCard: through either daemon, by the command line, and by psql with cache-triggers. Readers ask both
daemons all the time. A read that began after the reply to a write through the same daemon has that
version or a later one. How long the other daemon still gave the old version, and both after a write
by somebody else, is measured, printed and bounded.

ADMINEX_RACE_SECONDS is how long that goes on; 60 by default.
"""

import collections
import json
import os
import random
import re
import signal
import threading
import time
import unittest

import daemon
import harness
import world
from world import HOST

SECONDS = float(os.environ.get("ADMINEX_RACE_SECONDS", "60"))
READERS, WRITERS = 3, 3  # readers of each daemon
ACCOUNTS = 2  # of each writer
# Seconds after which another daemon must have the new version, on a machine that is busy.
BOUND = 20 if harness.SANITIZED else 5
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.I)


class Quick:
    """One connection that stays, and as little as possible for a request."""

    def __init__(self, server):
        self.sock = daemon.unix_socket(server.socket)

    def post(self, command, **fields):
        body = json.dumps(fields).encode()
        self.sock.sendall(b"POST /api/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                          % (command.encode(), len(body), body))
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.receive()
        length = int(LENGTH.search(data)[1]) + end + 4
        while len(data) < length:
            data += self.receive()
        reply = json.loads(data[end + 4:])
        if reply["status"] != "ok":
            raise AssertionError(f"{command} {fields}: {reply}")
        return reply

    def receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise AssertionError("the connection was closed")
        return data

    def close(self):
        self.sock.close()


class Last:
    """The time of last activity."""

    @staticmethod
    def write(caller, user, version):
        caller.post("set_last", user=user, host=HOST, timestamp=version, status="")

    @staticmethod
    def read(caller, user):
        return caller.post("get_last", user=user, host=HOST)["result"][0]["timestamp"]

    @staticmethod
    def line(user, version):
        return ["set_last", user, HOST, str(version), ""]

    @staticmethod
    def sql(user, version):
        return (f"UPDATE last_activity SET last_at = to_timestamp({version})"
                f" WHERE username = '{user}'")


class Nick:
    """The name of a contact."""

    @staticmethod
    def write(caller, user, version):
        caller.post("add_rosteritem", localuser=user, localserver=HOST, user="viola", server=HOST,
                    nick=str(version), group="", subs="both")

    @staticmethod
    def read(caller, user):
        return int(caller.post("get_roster", user=user, host=HOST)["result"][0]["nick"])

    @staticmethod
    def line(user, version):
        return ["add_rosteritem", user, HOST, "viola", HOST, str(version), "", "both"]

    @staticmethod
    def sql(user, version):
        return f"UPDATE roster_items SET nick = '{version}' WHERE username = '{user}'"


class Card:
    """A field of a vCard, which takes a transaction of several statements."""

    @staticmethod
    def write(caller, user, version):
        caller.post("set_vcard", user=user, host=HOST, name="NICKNAME", content=str(version))

    @staticmethod
    def read(caller, user):
        return int(caller.post("get_vcard", user=user, host=HOST, name="NICKNAME")["result"])

    @staticmethod
    def line(user, version):
        return ["set_vcard", user, HOST, "NICKNAME", str(version)]

    @staticmethod
    def sql(user, version):
        return (r"UPDATE vcards SET vcard = regexp_replace(vcard, '(<NICKNAME>)\d+', "
                rf"'\1{version}') WHERE username = '{user}'")


KINDS = Last, Nick, Card


class Thing:
    """What has versions: the last that anybody began to write, and for each daemon the last that it
    said was written. What it only said in answer to a read binds it to nothing: that read may have
    gone past a cache that was off, and another had the notification still to come. No two things
    ever have the same version, so that the answer to another question is noticed."""

    STEP = 1000

    def __init__(self, kind, user, number):
        self.kind, self.user, self.number = kind, user, number
        self.begun, self.floors = number, [number, number]
        self.lock = threading.Lock()
        self.events = collections.deque(maxlen=20)

    def raise_floor(self, which, version):
        with self.lock:
            self.floors[which] = version
            self.note(f"{'AB'[which]} wrote {version}")

    def note(self, text):
        self.events.append(f"{time.monotonic():.6f} {text}")

    def __str__(self):
        return "\n    ".join([f"{self.kind.__name__} of {self.user}", *self.events, "now: "])


class Race(daemon.TestCase):
    def setUp(self):
        super().setUp()
        self.succeeds(self.adminex("migrate", "cache-triggers", "on"))
        self.daemons = [self.serve(log="errors"), self.serve(log="errors")]
        self.things = [[] for _ in range(WRITERS)]
        caller = self.caller(self.daemons[0])
        for writer in range(WRITERS):
            for number in range(ACCOUNTS):
                user = f"u{writer}-{number}"
                caller.post("register", user=user, host=HOST, password="secret")
                for kind in KINDS:
                    things = self.things[writer]
                    things.append(Thing(kind, user, writer * 100 + len(things)))
                    kind.write(caller, user, things[-1].begun)
        self.over = threading.Event()
        self.disturbed = collections.deque(maxlen=4)
        self.failures, self.late, self.reads, self.behind = [], {}, [0, 0], [0, 0]

    def caller(self, server):
        caller = Quick(server)
        self.addCleanup(caller.close)
        return caller

    def run_all(self, *jobs):
        """Each on a thread, until the time is over or one of them fails."""
        def guarded(job, args):
            try:
                while not self.over.is_set():
                    job(*args)
            except Exception as failure:
                self.failures.append(failure)
                self.over.set()
        threads = [threading.Thread(target=guarded, args=(job, args)) for job, *args in jobs]
        for thread in threads:
            thread.start()
        self.over.wait(SECONDS)
        self.over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(self.failures, [])

    # What the threads do, again and again.

    def read(self, which, caller, things, chance):
        thing = chance.choice(things)
        with thing.lock:
            floor = thing.floors[which]
            elsewhere = thing.floors[1 - which]
        began = time.monotonic()
        version = thing.kind.read(caller, thing.user)
        if not floor <= version <= thing.begun or version % Thing.STEP != thing.number:
            thing.note(f"{'AB'[which]} was asked at {began:.6f}")
            raise AssertionError(f"{thing}{version} by {'AB'[which]}, which had written {floor}; "
                                 f"{thing.begun} was begun; {self.disturbed}")
        self.reads[which] += 1
        self.behind[which] += version < elsewhere

    def write(self, callers, session, things, chance):
        """One version more, by one way or another, and how long until everybody has it."""
        thing = chance.choice(things)
        thing.begun += Thing.STEP
        way = chance.choices(["A", "B", "psql", "command line"], [20, 20, 20, 1])[0]
        if way == "psql":
            session.run(thing.kind.sql(thing.user, thing.begun))
            thing.note(f"psql wrote {thing.begun}")
        elif way == "command line":
            self.succeeds(self.adminex(*thing.kind.line(thing.user, thing.begun)))
        else:
            which = "AB".index(way)
            thing.kind.write(callers[which], thing.user, thing.begun)
            thing.raise_floor(which, thing.begun)
        done = time.monotonic()
        for which in (0, 1):
            while (version := thing.kind.read(callers[which], thing.user)) < thing.begun:
                if way == "AB"[which]:
                    raise AssertionError(f"{thing}: {version} after {thing.begun} was written "
                                         f"through {way}")
                if time.monotonic() - done > BOUND:
                    raise AssertionError(f"{thing}: still {version} through {'AB'[which]}, "
                                         f"{BOUND} s after {thing.begun} by {way}")
            if way != "AB"[which]:
                self.late.setdefault(way, []).append(time.monotonic() - done)
        time.sleep(chance.random() * 0.01)

    def disturb(self, callers, session, chance):
        """What empties caches, turns them off or begins them anew."""
        time.sleep(0.5 + chance.random())
        which = chance.randrange(2)
        what = chance.randrange(3)
        self.disturbed.append((time.monotonic(), "AB"[which], what))
        if what == 0:
            callers[which].post("cache_clear")
        elif what == 1:
            self.daemons[which].process.send_signal(signal.SIGHUP)
        else:
            session.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "application_name = 'adminex' AND datname = current_database() AND "
                        "(query LIKE '%pg_snapshot_xmin%' OR query LIKE 'UPDATE adminex.daemons%')"
                        " ORDER BY random() LIMIT 1")

    # The tests.

    def session_of_its_own(self):
        session = world.Session(self.dsn)
        self.addCleanup(session.close)
        return session

    def test_race_of_two_daemons(self):
        everything = [thing for things in self.things for thing in things]
        jobs = [(self.read, which, self.caller(self.daemons[which]), everything,
                 random.Random(number)) for number in range(READERS) for which in (0, 1)]
        jobs += [(self.write, [self.caller(server) for server in self.daemons],
                  self.session_of_its_own(), things, random.Random(100 + number))
                 for number, things in enumerate(self.things)]
        jobs.append((self.disturb, [self.caller(server) for server in self.daemons],
                     self.session_of_its_own(), random.Random(200)))
        self.run_all(*jobs)
        self.report()
        metrics = [server.metrics() for server in self.daemons]
        for name in ("cache_hits_total", "cache_drops_total", "notifications_total"):
            for found in metrics:
                self.assertGreater(found["adminex_" + name], SECONDS, name)
        self.assertGreater(sum(found["adminex_listener_lost_total"] for found in metrics), 0)
        # What is read and nothing writes any more is the last version, everywhere.
        for which, server in enumerate(self.daemons):
            caller = self.caller(server)
            for thing in everything:
                self.assertEqual(thing.kind.read(caller, thing.user), thing.begun, str(thing))
        for kind in KINDS:
            self.assertGreater(sum(thing.begun // Thing.STEP for thing in everything
                                   if thing.kind is kind), 10)

    def report(self):
        lines = [f"{sum(self.reads)} reads, {sum(map(len, self.late.values()))} waits; "
                 f"{sum(self.behind)} reads behind the other daemon"]
        for way, late in sorted(self.late.items()):
            late.sort()
            lines.append(f"{way}: the others have it after {1000 * late[len(late) // 2]:.1f} ms, "
                         f"99% {1000 * late[len(late) * 99 // 100]:.1f}, "
                         f"at most {1000 * late[-1]:.1f} (of {len(late)})")
        print("", *lines, sep="\n    ", flush=True)

    def test_race_is_noticed_where_nobody_tells(self):
        """Without the triggers the same change by psql is not seen, and the checks say so."""
        thing = self.things[0][0]
        caller = self.caller(self.daemons[0])
        self.succeeds(self.adminex("migrate", "cache-triggers", "off"))
        for _ in range(2):
            thing.kind.read(caller, thing.user)
        self.sql(thing.kind.sql(thing.user, Thing.STEP))
        self.assertEqual(thing.kind.read(caller, thing.user), 0)
        thing.begun = Thing.STEP
        thing.raise_floor(0, thing.begun)
        with self.assertRaisesRegex(AssertionError, "0 by A, which had written 1000"):
            self.read(0, caller, [thing], random.Random(0))

    def test_time_from_a_write_to_the_drop_elsewhere(self):
        """Nothing else goes on: the way of one notification."""
        thing = self.things[0][0]
        callers = [self.caller(server) for server in self.daemons]
        late = []
        for _ in range(300):
            thing.kind.read(callers[1], thing.user)
            thing.begun += Thing.STEP
            thing.kind.write(callers[0], thing.user, thing.begun)
            done = time.monotonic()
            while thing.kind.read(callers[1], thing.user) < thing.begun:
                self.assertLess(time.monotonic() - done, BOUND)
            late.append(time.monotonic() - done)
        self.late = {"A, alone": late}
        self.report()


if __name__ == "__main__":
    unittest.main()
