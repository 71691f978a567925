"""What goes wrong around the daemon: nobody is told anything that is not so, it says that it cannot
for as long as it cannot, and nothing but time is needed for it to serve again.

Each test also shows that its fault happened: who waited, what was ended, what was cut."""

import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
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
from world import CHAT, HOST, PASSWORD

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
        self.assertEqual(load.readiness(), [200, 503, 200])
        self.assertLess(max(seconds for _, _, seconds in load.ready), READY_ANSWER)
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
        body = self.says(call.join(), 504, "interrupted")
        self.assertRegex(body["message"], "the daemon is stopping.* nothing was changed")
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
            load.wait_for(reads=100, writes=100)
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
        self.assertEqual(load.readiness(), [200, 503, 200])
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
        self.assertEqual(load.readiness(), [200, 503, 200])
        self.assertLess(max(seconds for _, _, seconds in load.ready), READY_ANSWER)
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


if __name__ == "__main__":
    unittest.main()
