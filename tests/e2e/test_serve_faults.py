"""What goes wrong around the daemon: nobody is told anything that is not so, it says that it cannot
for as long as it cannot, and nothing but time is needed for it to serve again.

Each test also shows that its fault happened: who waited, what was ended, what was cut."""

import contextlib
import json
import os
import pathlib
import random
import shutil
import statistics
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import daemon
import harness
import serve_load
import world
from world import HOST

SLOW = 4 if harness.SANITIZED else 1
# /readyz says so by itself within this time, and each time it is asked within half a second.
READY_AGAIN, READY_ANSWER = 5 * SLOW, 0.5 * SLOW


class Faults(daemon.TestCase):
    def elsewhere(self, sql):
        """Another session that has done this in a transaction it does not end."""
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; " + sql)
        return other

    def waiting(self, count=1):
        """The processes of the server that wait for a lock, once there are so many."""
        def found():
            return {pid for pid, in self.sql(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'adminex'"
                " AND datname = current_database() AND wait_event_type = 'Lock'")}
        harness.wait_until(lambda: len(found()) == count)
        return found()

    def terminate(self, pids):
        for pid in pids:
            self.assertEqual(self.sql(f"SELECT pg_terminate_backend({pid})"), [["t"]])

    @staticmethod
    def aside(called, command, **fields):
        """A call of a daemon on a thread of its own; join() it for its Reply."""
        call = Aside(called, command, fields)
        call.start()
        return call

    def ready_again(self, server, since, timeout=READY_AGAIN):
        """Until /readyz says 200."""
        harness.wait_until(lambda: server.get("/readyz").status == 200, timeout)
        return time.monotonic() - since


class Aside(threading.Thread):
    def __init__(self, server, command, fields):
        super().__init__(daemon=True)
        self.how = server, command, fields
        self.result = None

    def run(self):
        server, command, fields = self.how
        self.result = server.call(command, **fields)

    def join(self, timeout=harness.TIMEOUT):
        super().join(timeout)
        if self.result is None:
            raise AssertionError(f"no reply to {self.how[1:]}")
        return self.result


class OwnServer(Faults):
    """A server that the tests stop, start and kill."""

    @classmethod
    def setUpClass(cls):
        super(world.TestCase, cls).setUpClass()
        cls.cluster = harness.Cluster()
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.sql("postgres", "CREATE DATABASE own")
        harness.migrate(cls.cluster.dsn("own"))
        cls._use("own")

    def setUp(self):
        self.sql(world.WORLD)

    def sql(self, query, **variables):
        # No session would outlive the server.
        return self.cluster.sql(self.database, query, **variables)

    def restart_under_load(self, end, away, **settings):
        """The server ends, and comes back after so many seconds."""
        server = self.serve(**settings)
        with serve_load.Load(server) as load:
            load.wait_for(reads=50, writes=10)
            born = self.value("SELECT pg_postmaster_start_time()")
            end()
            time.sleep(away)
            self.assertEqual(server.get("/healthz").status, 200)
            self.cluster.start()
            back = time.monotonic()
            self.ready_again(server, back)
            load.wait_for(reads=50, writes=10)
        self.assertNotEqual(self.value("SELECT pg_postmaster_start_time()"), born)
        load.judge(self)
        # A busy machine may be late with the first answer.
        self.assertEqual(load.readiness()[-3:], [200, 503, 200])
        # Most of all answers: here the load and the clients share the processors with the daemon.
        self.assertLess(statistics.median(seconds for _, _, seconds in load.ready), READY_ANSWER)
        metrics = server.metrics()
        self.assertGreater(metrics["adminex_reads_retried_total"], 0)
        self.assertGreater(metrics["adminex_database_failures_total"], 0)
        server.wait_for_log(daemon.LISTENS, 2)
        self.assertEqual(server.metrics()["adminex_cache_on"], 1)
        return load

    def test_restart_under_load(self):
        load = self.restart_under_load(self.cluster.halt, 0)
        # All reads were tried again until the server was there.
        self.assertNotIn(serve_load.UNAVAILABLE, load.reads)

    def test_restart_after_a_crash_under_load(self):
        self.restart_under_load(self.cluster.kill, 0)

    def test_restart_takes_longer_than_reads_wait(self):
        load = self.restart_under_load(self.cluster.halt, 3, retry=1)
        self.assertGreater(load.reads[serve_load.UNAVAILABLE], 0)
        self.assertGreater(load.told()[serve_load.UNAVAILABLE], 0)

    def test_start_before_the_server(self):
        self.cluster.halt()
        server = self.serve(wait=None, retry=1)
        server.wait_for_log("results are not cached")
        self.says(server.get("/healthz"), 200, "ok")
        reply = server.get("/readyz")
        self.says(reply, 503, "database_unavailable")
        self.assertEqual(reply["Retry-After"], "1")
        reply = server.call("check_account", user="romeo", host=HOST)
        self.says(reply, 503, "database_unavailable")
        self.assertEqual(reply["Retry-After"], "1")
        self.cluster.start()
        self.ready_again(server, time.monotonic())
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        server.wait_for_log(daemon.LISTENS)

    def test_stop_under_load(self):
        """What is in flight ends and is answered, whatever it is."""
        server = self.serve()
        with serve_load.Load(server) as load:
            load.wait_for(reads=50, writes=10)
            server.terminate()
            took = server.wait()
            load.over.set()
        self.assertLess(took, 10 * SLOW)
        # New connections find nobody, so callers were cut off; no reply was wrong.
        load.callers[-1].broken.clear()
        load.judge(self, breaks=True)
        self.assertTrue(load.breaks)
        self.assertEqual(self.sql("SELECT count(*) FROM daemons"), [["0"]])


class Stopping(Faults):
    """SIGTERM."""

    def call_in_flight(self, **settings):
        server = self.serve(**settings)
        before = self.state()
        other = self.elsewhere("LOCK TABLE bans")
        call = self.aside(server, "ban_account", user="romeo", host=HOST, reason="spam")
        self.waiting()
        server.terminate()
        harness.wait_until(lambda: self.refuses(server))
        return server, before, other, call

    @staticmethod
    def refuses(server):
        """Does a new connection find nobody?"""
        try:
            daemon.unix_socket(server.socket, timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    def test_stop_waits_for_a_call_in_flight(self):
        server, before, other, call = self.call_in_flight()
        other.run("ROLLBACK")
        self.says(call.join(), 200, "ok")
        self.assertLess(server.wait(), 5 * SLOW)
        self.assertIn("bans", self.changed(before, self.state()))

    def test_stop_cancels_what_takes_longer_than_the_grace(self):
        server, before, other, call = self.call_in_flight(grace=1)
        reply = call.join()
        self.assertEqual(reply.status, 504, reply)
        # Where the server is slow to hear of it, the connection is broken off, and nobody knows.
        self.assertRegex(reply.json()["message"], "the daemon is stopping.* nothing was changed"
                                                  "|may or may not have been made")
        self.assertLess(server.wait(), 5 * SLOW)
        other.run("ROLLBACK")
        self.assertEqual(self.state(), before)


class Backends(Faults):
    """The server ends one of the daemon's connections, or a statement on it."""

    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def test_backend_of_a_read_is_ended(self):
        other = self.elsewhere("LOCK TABLE users")
        retried = self.server.metrics()["adminex_reads_retried_total"]
        # The same thing asked twice is asked once; a list goes another way.
        calls = [self.aside(self.server, "check_account", user="romeo", host=HOST),
                 self.aside(self.server, "check_account", user="romeo", host=HOST),
                 self.aside(self.server, "registered_users", host=HOST)]
        first = self.waiting(2)
        self.terminate(first)
        harness.wait_until(lambda: self.waiting(2).isdisjoint(first))
        other.run("ROLLBACK")
        for call in calls:
            self.says(call.join(), 200, "ok")
        self.assertGreaterEqual(self.server.metrics()["adminex_reads_retried_total"], retried + 2)

    def write_and(self, fault, code, word, message):
        before = self.state()
        other = self.elsewhere("LOCK TABLE roster_items, bans, vcards")
        calls = [self.aside(self.server, "ban_account", user="romeo", host=HOST, reason="spam"),
                 self.aside(self.server, "add_rosteritem", localuser="romeo", localserver=HOST,
                            user="viola", server=HOST, nick="", group="", subs="both"),
                 self.aside(self.server, "set_vcard", user="romeo", host=HOST, name="FN",
                            content="Romeo")]
        for pid in self.waiting(len(calls)):
            self.assertEqual(self.sql(f"SELECT {fault}({pid})"), [["t"]])
        for call in calls:
            reply = call.join()
            body = self.says(reply, code, word)
            self.assertRegex(body["message"] + body.get("hint", ""), message)
        other.run("ROLLBACK")
        self.assertEqual(self.state(), before)

    def test_backend_of_a_write_is_ended(self):
        self.write_and("pg_terminate_backend", 503, "database_unavailable", "nothing was changed")

    def test_statement_of_a_write_is_cancelled(self):
        self.write_and("pg_cancel_backend", 504, "error", "somebody else cancelled")

    def test_all_backends_are_ended_while_they_rest(self):
        self.says(self.server.call("check_account", user="romeo", host=HOST), 200, "ok")
        lost = self.server.metrics()["adminex_listener_lost_total"]
        ended = self.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                         "application_name = 'adminex' AND datname = current_database()")
        self.assertGreaterEqual(int(ended[0][0]), 3)
        for user in ("juliet", "romeo"):
            self.says(self.server.call("check_account", user=user, host=HOST), 200, "ok")
        self.says(self.server.call("set_last", user="romeo", host=HOST, timestamp=1, status=""),
                  200, "ok")
        self.server.wait_for_log(daemon.LISTENS, 2)
        self.assertGreater(self.server.metrics()["adminex_listener_lost_total"], lost)


class Exhausted(Faults):
    """No connection is left for the daemon."""

    def test_connections_of_the_role_exhausted(self):
        role = f"few_{os.getpid()}"
        self.sql(f"CREATE ROLE {role} LOGIN IN ROLE adminex_admin")
        self.addCleanup(self.sql, f"DROP ROLE {role}")
        dsn = self.cluster.dsn(self.database, role)
        server = self.serve(dsn, retry=1)
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        self.sql(f"ALTER ROLE {role} CONNECTION LIMIT 0;"
                 f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")
        for command, fields in (("num_resources", {"user": "romeo", "host": HOST}),
                                ("registered_users", {"host": HOST}),
                                ("set_last", {"user": "romeo", "host": HOST, "timestamp": 1,
                                              "status": ""})):
            reply = server.call(command, **fields)
            self.says(reply, 503, "database_unavailable", "too many connections for role")
            self.assertEqual(reply["Retry-After"], "1")
        self.says(server.get("/readyz"), 503, "database_unavailable")
        self.assertEqual(server.metrics()["adminex_cache_on"], 0)
        self.sql(f"ALTER ROLE {role} CONNECTION LIMIT -1")
        self.ready_again(server, time.monotonic())
        for command, fields in (("num_resources", {"user": "romeo", "host": HOST}),
                                ("registered_users", {"host": HOST}),
                                ("set_last", {"user": "romeo", "host": HOST, "timestamp": 1,
                                              "status": ""})):
            self.says(server.call(command, **fields), 200, "ok")
        server.wait_for_log(daemon.LISTENS, 2)

    def test_connections_suffice_for_some_threads_only(self):
        """With fewer connections than threads all is answered, by whoever has one."""
        role = f"some_{os.getpid()}"
        self.sql(f"CREATE ROLE {role} LOGIN IN ROLE adminex_admin CONNECTION LIMIT 6")
        self.addCleanup(self.sql, f"DROP ROLE {role}")
        server = self.serve(self.cluster.dsn(self.database, role), retry=1)
        with serve_load.Load(server, readers=4, writers=12) as load:
            # /readyz may be one of those who find none.
            load.wait_for(reads=100, writes=100, ready=False)
        load.judge(self)
        self.assertGreater(server.metrics()["adminex_database_failures_total"], 0)


class Network(Faults):
    """What lies between the daemon and its database."""

    LIMIT = 2

    def setUp(self):
        super().setUp()
        self.proxy = serve_load.Proxy(self.cluster.directory)
        self.addCleanup(self.proxy.close)

    def behind(self, **settings):
        return self.serve(self.proxy.dsn(self.database), **settings)

    def cut_under_load(self, **how):
        server = self.behind(retry=1)
        with serve_load.Load(server) as load:
            load.wait_for(reads=50, writes=10)
            self.proxy.shut()
            self.assertGreaterEqual(self.proxy.cut(**how), 8)
            harness.wait_until(lambda: server.get("/readyz").status == 503)
            harness.wait_until(lambda: serve_load.UNAVAILABLE in load.reads)
            self.proxy.open()
            self.ready_again(server, time.monotonic())
            load.wait_for(reads=50, writes=10)
        load.judge(self)
        # A busy machine may be late with the first answer.
        self.assertEqual(load.readiness()[-3:], [200, 503, 200])
        server.wait_for_log(daemon.LISTENS, 2)

    def test_network_cut_under_load(self):
        self.cut_under_load()

    def test_network_reset_under_load(self):
        self.cut_under_load(reset=True)

    def test_network_frozen_under_load(self):
        """Nothing gets through, and nobody says so. What is asked has its time, no more."""
        server = self.behind(retry=1, request_timeout=self.LIMIT)
        undone = serve_load.UNAVAILABLE, serve_load.LATE
        with serve_load.Load(server, undone=undone) as load:
            load.wait_for(reads=50, writes=10)
            self.proxy.freeze()
            frozen = time.monotonic()
            for told in (lambda: {*undone} & {*load.reads},
                         lambda: {*undone, serve_load.UNKNOWN} & {*load.told()}):
                harness.wait_until(told)
                self.assertLess(time.monotonic() - frozen, (self.LIMIT + 3) * SLOW)
            harness.wait_until(lambda: server.metrics()["adminex_cache_on"] == 0)
            self.assertEqual(server.get("/readyz").status, 503)
            self.assertGreaterEqual(self.proxy.held, 8)
            # What was on the way arrives late, or in the hands of nobody.
            self.proxy.thaw()
            self.ready_again(server, time.monotonic())
            load.wait_for(reads=50, writes=10)
        # The server goes on with what it got, for as long as its own time limit lets it.
        time.sleep(self.LIMIT)
        load.judge(self)
        # A busy machine may be late with the first answer.
        self.assertEqual(load.readiness()[-3:], [200, 503, 200])
        # Most of all answers: here the load and the clients share the processors with the daemon.
        self.assertLess(statistics.median(seconds for _, _, seconds in load.ready), READY_ANSWER)
        server.wait_for_log(daemon.LISTENS, 2)

    def test_network_frozen_for_ever(self):
        """Connections that will never say anything again are given up for new ones."""
        server = self.behind(retry=1, request_timeout=self.LIMIT, readers=1, writers=1)
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        self.says(server.call("registered_users", host=HOST), 200, "ok")
        self.assertEqual(server.get("/readyz").status, 200)
        dead = self.proxy
        dead.freeze()
        calls = [self.aside(server, "num_resources", user="romeo", host=HOST),
                 self.aside(server, "set_last", user="romeo", host=HOST, timestamp=1, status="")]
        self.assertEqual(server.get("/readyz").status, 503)
        harness.wait_until(lambda: dead.held >= 4)
        # A network that works stands where the other was; its connections stay as they are.
        dead.shut()
        self.proxy = serve_load.Proxy(self.cluster.directory, dead.port)
        self.addCleanup(self.proxy.close)
        self.ready_again(server, time.monotonic())
        reads, writes = (call.join() for call in calls)
        # A read is told after its time that nothing was heard, or has been run again by then.
        self.assertIn(reads.status, (200, 503, 504), f"\n{reads}")
        self.says(writes, 504, "outcome_unknown")
        self.says(server.call("num_resources", user="romeo", host=HOST), 200, "ok")
        self.says(server.call("registered_users", host=HOST), 200, "ok")
        self.says(server.call("set_last", user="romeo", host=HOST, timestamp=2, status=""), 200,
                  "ok")
        server.wait_for_log(daemon.LISTENS, 2)
        self.assertFalse(dead.flows.is_set())

    def test_network_frozen_does_not_keep_the_daemon_from_ending(self):
        server = self.behind(retry=1, request_timeout=60, grace=1)
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        self.proxy.freeze()
        calls = [self.aside(server, "num_resources", user="romeo", host=HOST),
                 self.aside(server, "registered_users", host=HOST),
                 self.aside(server, "set_last", user="romeo", host=HOST, timestamp=1, status="")]
        harness.wait_until(lambda: self.proxy.held >= 3)
        server.terminate()
        self.assertLess(server.wait(), 8 * SLOW)
        for call in calls:
            with contextlib.suppress(AssertionError):
                self.assertIn(call.join(1).status, (503, 504))


# ---- the connection that listens ----------------------------------------------------------------

# Between two signs of life, and until one counts as missed (src/db/listen.h).
DEAF = 10


class Listener(Faults):
    """Only the connection that listens has a bad network; who changes something is psql."""

    def setUp(self):
        super().setUp()
        self.succeeds(self.adminex("migrate", "cache-triggers", "on"))
        self.proxy = serve_load.Proxy(self.cluster.directory)
        self.addCleanup(self.proxy.close)
        self.sql(f"INSERT INTO last_activity VALUES ('{HOST}', 'romeo', to_timestamp(0), '')")
        self.version = 0
        self.server = self.serve(more="database = { direct_dsn = %s; };" %
                                 daemon.setting(self.proxy.dsn(self.database)))
        self.assertEqual(self.proxy.connections(), 1)
        self.change()
        harness.wait_until(lambda: self.read() == self.version)
        self.is_cached()

    def is_cached(self):
        """Until reads are answered from the cache, and rightly."""
        hits = self.metric("cache_hits_total")
        harness.wait_until(lambda: self.read() == self.version
                           and self.metric("cache_hits_total") > hits, SLOW)

    def change(self):
        self.version += 1
        self.sql(f"UPDATE last_activity SET last_at = to_timestamp({self.version})")

    def read(self):
        reply = self.server.call("get_last", user="romeo", host=HOST)
        return self.says(reply, 200, "ok")["result"][0]["timestamp"]

    def metric(self, name):
        return self.server.metrics()["adminex_" + name]

    def is_off(self):
        return (self.metric("listening"), self.metric("cache_on")) == (0, 0)

    def sees_each_change_at_once(self):
        self.assertTrue(self.is_off())
        for _ in range(20):
            self.change()
            self.assertEqual(self.read(), self.version)

    def listens_again(self):
        self.server.wait_for_log(daemon.LISTENS, 2)
        harness.wait_until(lambda: self.metric("cache_on") == 1)
        self.assertEqual(self.read(), self.version, "of before")
        self.assertEqual((self.metric("listening"), self.metric("listener_lost_total")), (1, 1))
        self.is_cached()
        self.change()
        self.is_cached()

    def test_listener_is_cut_off(self):
        for reset in (False, True):
            with self.subTest(reset=reset):
                self.setUp()
                self.proxy.shut()
                self.assertEqual(self.proxy.cut(reset), 1)
                harness.wait_until(self.is_off, SLOW)
                self.sees_each_change_at_once()
                self.assertEqual(self.server.get("/readyz").status, 200)
                self.proxy.open()
                self.listens_again()

    def test_listener_is_ended_by_the_server(self):
        self.assertEqual(self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
            "'adminex' AND datname = current_database() AND (query LIKE '%pg_snapshot_xmin%' OR "
            "query LIKE 'UPDATE adminex.daemons%')"), [["t"]])
        self.server.wait_for_log("results are not cached")
        self.listens_again()

    def test_listener_is_frozen(self):
        self.proxy.freeze()
        self.change()
        began = time.monotonic()
        self.assertEqual(self.read(), self.version - 1, "it heard of it")
        harness.wait_until(lambda: self.read() == self.version, DEAF + 3)
        deaf = time.monotonic() - began
        print(f" (deaf for {deaf:.1f} s)", end="", flush=True)
        self.assertGreaterEqual(self.proxy.held, 1)
        harness.wait_until(self.is_off, SLOW)
        self.sees_each_change_at_once()
        # What was held back reaches a connection that nobody has any more.
        self.proxy.thaw()
        self.listens_again()


# ---- requests that are none ---------------------------------------------------------------------


class Nonsense:
    """Requests that no client would make; the same ones for the same seed."""

    PATHS = ["/api/check_account", "/api/set_last", "/api/get_roster", "/api/add_rosteritem",
             "/api/registered_users", "/api/status_list_host", "/api/nothing", "/api/", "/metrics",
             "/healthz", "/", "*", "/api/check_account?user=romeo", "/openapi.json"]
    FIELDS = {"user": "romeo", "host": HOST, "timestamp": 1, "status": "x", "limit": 10}

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.kinds = [self.noise, self.bad_line, self.long_header, self.wrong_length, self.chunks,
                      self.broken_json, self.deep_json, self.wrong_types, self.wrong_text]

    def make(self):
        """Bytes to send, and what they are."""
        kind = self.random.choice(self.kinds)
        return kind(), kind.__name__

    def bytes(self, most):
        return self.random.randbytes(self.random.randrange(most))

    def request(self, body, headers=b"", path=None):
        path = path or self.random.choice(self.PATHS)
        return (b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n"
                % (path.encode(), headers, len(body))) + body

    def noise(self):
        return self.bytes(3000) + self.random.choice([b"", b"\r\n\r\n", b"\n\n", b"\0"])

    def bad_line(self):
        method = self.random.choice([b"POST", b"GET", b"PUT", b"DELETE", b"TRACE", b"CONNECT",
                                     b"OPTIONS", b"PRI", b"", b"G\0T", b"post", self.bytes(50)])
        path = self.random.choice([p.encode() for p in self.PATHS] + [
            b"http://x/api", b"/%", b"/%zz", b"/%00", b"/api/%2e%2e/x", b"/../../etc/passwd",
            b"/" + b"a" * self.random.randrange(9000), self.bytes(80)])
        version = self.random.choice([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0",
                                      b"HTTP/9.9", b"HTTP/1.1.1", b"http/1.1", b"", self.bytes(9)])
        space = self.random.choice([b" ", b"  ", b"\t", b""])
        end = self.random.choice([b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\r"])
        return method + space + path + space + version + end + b"Host: x" + end * 2

    def long_header(self):
        name = self.random.choice([b"X-A", b"Cookie", b"Authorization", b"Idempotency-Key",
                                   b"Accept", b"Host", b"Content-Type", b"Transfer-Encoding",
                                   b"Expect", b"Connection", b"Upgrade", b"", b"A B", b"\xff"])
        value = self.random.choice([b"x" * self.random.randrange(20000), self.bytes(6000),
                                    b"Bearer " + self.bytes(200), b"Bearer adx_" + b"A" * 43,
                                    b"100-continue", b"\r\n folded", b"a\0b", b""])
        times = self.random.choice([1, 1, 2, 300])
        return self.request(b"{}", (name + b": " + value[:20000 // times] + b"\r\n") * times)

    def wrong_length(self):
        length = self.random.choice([b"-1", b"0", b"1", b"17", b"1e3", b"0x10", b"", b" ",
                                     b"9" * 30, b"18446744073709551616", b"1048577", b"3, 3", b"+5", b"\xb2"])
        again = self.random.choice([b"", b"Content-Length: 5\r\n",
                                    b"Transfer-Encoding: chunked\r\n"])
        return (b"POST /api/check_account HTTP/1.1\r\nHost: x\r\nContent-Length: " + length
                + b"\r\n" + again + b"\r\n" + json.dumps(self.FIELDS).encode())

    def chunks(self):
        def chunk():
            data = self.bytes(60)
            size = self.random.choice([b"%x" % len(data)] * 3 + [
                b"-1", b"ffffffffffffffff1", b"g", b"", b"7fffffff", b"0", b"%x;a=b" % len(data),
                b" %x" % len(data)])
            return size + self.random.choice([b"\r\n", b"\r\n", b"\n", b""]) + data \
                + self.random.choice([b"\r\n", b"\r\n", b"", b"x"])
        body = b"".join(chunk() for _ in range(self.random.randrange(1, 6)))
        coding = self.random.choice([b"chunked"] * 5 + [b"gzip", b"chunked, chunked", b"identity"])
        return (b"POST /api/check_account HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + coding
                + b"\r\n\r\n" + body + self.random.choice([b"0\r\n\r\n", b"0\r\n", b""]))

    def broken_json(self):
        text = bytearray(json.dumps(self.FIELDS).encode())
        for _ in range(self.random.randrange(1, 6)):
            at = self.random.randrange(len(text))
            how = self.random.randrange(3)
            if how == 0:
                del text[at:at + self.random.randrange(1, 4)]
            elif how == 1:
                text[at] = self.random.randrange(256)
            else:
                text[at:at] = self.random.choice([b"{", b"}", b'"', b",", b"\\", b"\\u", b"\0",
                                                  b"//", b"NaN", b"\xef\xbb\xbf"])
            text = text or bytearray(b"{")
        return self.request(bytes(text))

    def deep_json(self):
        depth = self.random.choice([2, 4, 100, 5000, 100000])
        opened, closed = self.random.choice([(b"[", b"]"), (b'{"user":', b"}"), (b'[{"a":', b"}]")])
        return self.request(b'{"user": ' + opened * depth + b"1" + closed * depth + b"}")

    def wrong_types(self):
        values = [None, True, 1, -1, 1.5, 10 ** 30, "", "x" * 5000, [], {}, ["a"], {"a": 1},
                  "2024-01-01", "a;b", "*"]
        names = [*self.FIELDS, "nick", "dry_run", "max_affected", "after", "pass", "\u0000", "é"]
        fields = {name: self.random.choice(values)
                  for name in self.random.sample(names, self.random.randrange(len(names)))}
        return self.request(json.dumps(fields).encode())

    def wrong_text(self):
        text = self.random.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80",
                                   b"\xe2\x82", b"\0", b"\\u0000", b"\\ud800", b"\\udc00\\ud800",
                                   b"\x01", b"\x7f", "\u202e".encode(), "ß".encode(), b"a@b/c",
                                   self.bytes(200)])
        field = self.random.choice([b"user", b"host", b"status", b"subs"])
        return self.request(b'{"user": "romeo", "host": "example.org", "%s": "%s"}' % (field, text))


class Malformed(Faults):
    COUNT, THREADS = 10_000, 8
    # 501 and 505: transfer codings and versions of HTTP that nobody knows.
    FINE = {200, 400, 401, 403, 404, 405, 408, 409, 411, 413, 414, 415, 417, 422, 429, 431, 501,
            505}

    def send(self, seed, count, seen):
        nonsense = Nonsense(seed)
        for number in range(count):
            data, kind = nonsense.make()
            with daemon.unix_socket(self.server.socket) as sock:
                # It may be refused before it has come whole.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    sock.sendall(data)
                    sock.shutdown(socket.SHUT_WR)
                # Of half a request the end may go unnoticed until its time is over.
                reply = serve_load.read_all(sock, 0.5 * SLOW)
            reply = reply.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            code = int(reply[9:12]) if reply.startswith(b"HTTP/1.") else 0
            key = kind, code
            seen[key] = seen.get(key, 0) + 1
            if code != 0 and code not in self.FINE:
                raise AssertionError(f"{data[:2000]!r}\n{reply!r}")
            if number % 100 == 0:
                self.says(self.server.call("check_account", user="romeo", host=HOST), 200, "ok")

    def nonsense(self, seed, count):
        failures, seen = [], {}

        def run(seed):
            try:
                self.send(seed, count // self.THREADS, seen)
            except Exception as failure:
                failures.append(failure)

        threads = [threading.Thread(target=run, args=(seed + n,)) for n in range(self.THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        return seen

    def size(self):
        """Resident KiB, and open descriptors."""
        process = pathlib.Path(f"/proc/{self.server.process.pid}")
        lines = (process / "status").read_text().splitlines()
        return (int(next(line for line in lines if line.startswith("VmRSS")).split()[1]),
                len(list((process / "fd").iterdir())))

    def test_malformed_requests(self):
        self.server = self.serve(log="errors")
        self.nonsense(1000, self.COUNT // 5)
        before = self.size()
        seen = self.nonsense(2000, self.COUNT)
        after = self.size()
        self.assertGreaterEqual(sum(seen.values()), self.COUNT)
        # Each kind was refused by what it is, not by chance.
        for kind, code in (("noise", 400), ("bad_line", 405), ("bad_line", 404), ("bad_line", 505),
                           ("long_header", 431), ("wrong_length", 400), ("wrong_length", 413),
                           ("chunks", 400), ("broken_json", 400), ("deep_json", 400),
                           ("wrong_types", 400), ("wrong_text", 400)):
            self.assertGreater(seen.get((kind, code), 0), 0, f"{kind} {code}: {sorted(seen)}")
        if not harness.SANITIZED:
            self.assertLess(after[0] - before[0], 4096, f"{before}, {after}")
        harness.wait_until(lambda: self.size()[1] <= before[1])
        harness.wait_until(lambda: self.server.metrics()["adminex_http_connections"] == 1)
        self.assertEqual(self.server.metrics()["adminex_requests_in_flight"], 0)
        self.assertNotRegex(self.server.log, r"\x00|Assertion|abort")


# ---- a pooler in between ------------------------------------------------------------------------


class Pooler(Faults):
    """PgBouncer, which gives each transaction another connection to the server."""

    SIZE = 3

    def setUp(self):
        super().setUp()
        program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
        self.assertIsNotNone(program, "pgbouncer is missing: make deps")
        owner = pathlib.Path(self.cluster.directory).owner()
        self.folder = tempfile.mkdtemp(prefix="adminex-pooler-")
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.chown(self.folder, owner)
        config = pathlib.Path(self.folder, "pgbouncer.ini")
        config.write_text(f"""
            [databases]
            * = host={self.cluster.directory} user=postgres
            [pgbouncer]
            listen_addr =
            unix_socket_dir = {self.folder}
            listen_port = 5432
            auth_type = any
            pool_mode = transaction
            default_pool_size = {self.SIZE}
            server_round_robin = 1
        """)
        as_owner = ["-u", owner] if os.geteuid() == 0 else []
        self.command = [program, "-q", *as_owner, config]
        self.start_pooler()
        self.pooled = f"host={self.folder} user=postgres dbname={self.database}"

    def start_pooler(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.pooler = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log)
        self.addCleanup(self.pooler.wait)
        self.addCleanup(self.pooler.kill)
        harness.wait_until(lambda: os.path.exists(f"{self.folder}/.s.PGSQL.5432"))

    def kill_pooler(self):
        """Its servers lose their client in the middle of whatever they do."""
        self.pooler.kill()
        self.pooler.wait()
        os.unlink(f"{self.folder}/.s.PGSQL.5432")

    def settings(self, **database):
        lines = " ".join(f"{name} = {daemon.setting(value)};" for name, value in database.items())
        return "database = { %s };" % lines

    def test_pooler_all_kinds_of_commands(self):
        server = self.serve(self.pooled, more=self.settings(prepare="off", direct_dsn=self.dsn))
        with serve_load.Load(server) as load:
            load.wait_for(reads=300, writes=100)
            ours = int(self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                                  "'adminex' AND datname = current_database()"))
        load.judge(self)
        self.assertEqual(set(load.told()), {(200, "ok")})
        # The daemon has more connections than that, and its one that listens is beside them.
        self.assertLessEqual(ours, self.SIZE + 1)
        self.assertGreater(server.metrics()["adminex_database_connects_total"], self.SIZE + 1)
        account = {"user": "romeo", "host": HOST}
        for command, fields in (
                ("set_vcard", {**account, "name": "FN", "content": "Romeo"}),
                ("set_last", {**account, "timestamp": 7, "status": "gone"}),
                ("register", {"user": "orsino", "host": HOST, "password": "secret"}),
                ("check_password", {"user": "orsino", "host": HOST, "password": "secret"}),
                ("push_roster_alltoall", {"host": HOST, "group": "All"}),
                ("process_rosteritems", {"action": "list", "subs": "any", "asks": "any",
                                         "users": ".*", "contacts": ".*"}),
                ("delete_old_users", {"days": 100, "dry_run": True}),
                ("retrieve_personal_data", {"username": "romeo", "domain": HOST}),
                ("get_roster", account)):
            with self.subTest(command=command):
                self.assertEqual(server.post(command, fields).status, 200, command)
        key = {"Idempotency-Key": "one"}
        for _ in range(2):
            self.says(server.post("ban_account", {**account, "reason": "spam"}, key), 200, "ok")
        self.assertEqual(server.metrics()["adminex_replies_repeated_total"], 1)
        # Cached, and what others change is heard.
        self.assertEqual(server.metrics()["adminex_cache_on"], 1)
        for seconds in (8, 9):
            self.succeeds(self.adminex("set_last", "romeo", HOST, str(seconds), ""))
            harness.wait_until(lambda: server.call("get_last", **account).json()["result"][0][
                "timestamp"] == seconds, SLOW)

    def test_pooler_without_a_direct_connection_nothing_is_cached(self):
        server = self.serve(self.pooled, wait="results are not cached: a pooler stands between",
                            more=self.settings(prepare="off"))
        for _ in range(3):
            self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        metrics = server.metrics()
        self.assertEqual((metrics["adminex_cache_on"], metrics["adminex_listening"],
                          metrics["adminex_cache_hits_total"]), (0, 0, 0))
        self.assertEqual(server.get("/readyz").status, 200)

    def test_pooler_ends_and_comes_back(self):
        server = self.serve(self.pooled, retry=1,
                            more=self.settings(prepare="off", direct_dsn=self.dsn))
        with serve_load.Load(server) as load:
            load.wait_for(reads=50, writes=10)
            self.kill_pooler()
            harness.wait_until(lambda: serve_load.UNAVAILABLE in load.reads)
            self.start_pooler()
            self.ready_again(server, time.monotonic())
            load.wait_for(reads=50, writes=10)
        load.judge(self)
        # A busy machine may be late with the first answer.
        self.assertEqual(load.readiness()[-3:], [200, 503, 200])

    def test_pooler_with_prepared_statements_says_what_to_do(self):
        server = self.serve(self.pooled, more=self.settings(prepare="on", direct_dsn=self.dsn))
        hints = set()

        def told():
            reply = server.call("num_resources", user="romeo", host=HOST)
            hints.add(reply.json().get("hint"))
            return any("database.prepare" in hint for hint in hints if hint)
        harness.wait_until(told)


if __name__ == "__main__":
    unittest.main()
