"""The daemon's limits, and what slow clients can not do."""

import collections
import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import time

import daemon
import harness
import test_serve
import world
from world import HOST, PASSWORD

# To read the vCard of one account fails when it is run, and only then.
FAILING = f"""
INSERT INTO hosts (host) VALUES ('{HOST}') ON CONFLICT DO NOTHING;
INSERT INTO users (host, username) VALUES ('{HOST}', 'bad');
CREATE FUNCTION fail(username text) RETURNS boolean LANGUAGE plpgsql AS
$$BEGIN IF username = 'bad' THEN RAISE EXCEPTION 'broken'; END IF; RETURN true; END$$;
ALTER TABLE vcards RENAME TO kept;
CREATE VIEW vcards AS SELECT * FROM kept WHERE fail(username);
INSERT INTO kept (host, username, vcard) VALUES ('{HOST}', 'bad', '<vCard xmlns="vcard-temp"/>');
"""
BAN = {"user": "romeo", "host": HOST, "reason": "x"}


class LimitsTestCase(daemon.TestCase):
    def setUp(self):
        super().setUp()
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)

    def lock(self, query="SELECT 1 FROM users WHERE username = 'romeo' FOR UPDATE"):
        """Somebody who is in the way, until a run("COMMIT")."""
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run(f"BEGIN; {query}")
        return other

    def lock_table(self, table):
        return self.lock(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")

    def send(self, server, command, fields, **how):
        return self.pool.submit(server.post, command, fields, **how)

    def waiting(self, count):
        harness.wait_until(lambda: len(self.backends("AND wait_event_type = 'Lock'")) == count)


class InFlight(LimitsTestCase):
    def test_more_than_may_be_in_flight_are_503(self):
        server = self.serve(max_in_flight=2)
        other = self.lock()
        blocked = [self.send(server, "ban_account", BAN) for _ in range(2)]
        self.waiting(2)
        self.assertEqual(server.metrics()["adminex_requests_in_flight"], 2)
        for command in ("ban_account", "unban_account", "check_password"):
            fields = {name: value for name, value in {**BAN, "password": PASSWORD}.items()
                      if name in daemon.parameters(command)}
            reply = server.post(command, fields)
            self.says(reply, 503, "database_unavailable", "in flight")
            self.assertEqual(reply["Retry-After"], "1")
        # What does not wait for the database is answered.
        self.says(server.get("/healthz"), 200, "ok")
        self.says(server.get("/readyz"), 200, "ok")
        self.says(server.call("cache_info"), 200, "ok")
        self.assertEqual(server.metrics()["adminex_requests_refused_total"], 3)
        other.run("COMMIT")
        for reply in blocked:
            self.says(reply.result(), 200, "ok")
        self.says(server.post("ban_account", BAN), 200, "ok")
        self.assertEqual(server.metrics()["adminex_requests_in_flight"], 0)

    def test_more_writes_than_connections_wait_for_their_turn(self):
        server = self.serve(writers=2)
        other = self.lock()
        blocked = [self.send(server, "ban_account", {**BAN, "reason": str(n)}) for n in range(6)]
        self.waiting(2)
        # Reads have connections of their own.
        self.says(server.call("get_roster", user="juliet", host=HOST), 200, "ok")
        other.run("COMMIT")
        for reply in blocked:
            self.says(reply.result(), 200, "ok")
        self.assertLessEqual(len(self.backends()), 2 + 2 + 3)

    def test_a_client_that_went_away_leaves_nothing(self):
        server = self.serve()
        other = self.lock()
        body = b'{"user": "romeo", "host": "example.org", "reason": "x"}'
        head = b"POST /api/ban_account HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(server.raw(head % len(body) + body))
            self.waiting(3)
        other.run("COMMIT")
        harness.wait_until(lambda: server.metrics()["adminex_requests_in_flight"] == 0)
        harness.wait_until(lambda: server.metrics()["adminex_http_connections"] == 1)
        self.assertEqual(self.sql("SELECT count(*) FROM bans"), [["1"]])

    def test_a_client_that_goes_away_soon_leaves_nothing(self):
        """Before its connection sleeps: then it is closed while its read is under way."""
        server = self.serve()
        other = self.lock_table("users")
        body = b'{"user": "romeo", "host": "example.org"}'
        head = b"POST /api/check_account HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"

        def ask_and_go():
            # libmicrohttpd hears of the end of a connection for which it has waited once.
            with server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as client:
                client.recv(4096)
                client.sendall(head % len(body) + body)
                time.sleep(0.002)

        def is_orphan():
            seen = server.metrics()
            return seen["adminex_requests_in_flight"] > seen["adminex_http_connections"] - 1

        harness.wait_until(lambda: ask_and_go() or is_orphan())
        other.run("COMMIT")
        harness.wait_until(lambda: server.metrics()["adminex_requests_in_flight"] == 0)
        harness.wait_until(lambda: server.metrics()["adminex_http_connections"] == 1)
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")


class Time(LimitsTestCase):
    def timed_out(self, server, command, fields, message):
        begin = time.monotonic()
        reply = server.post(command, fields)
        self.says(reply, 504, reply.json()["status"], message)
        self.assertIn(reply.json()["status"], ("interrupted", "error"))
        self.assertIn(time.monotonic() - begin, ClosedRange(0.9, 3))
        self.assertEqual(self.backends("AND state <> 'idle'"), [])

    def test_a_request_beyond_its_time_is_504(self):
        server = self.serve(request_timeout=1)
        before = self.state()
        other = self.lock()
        self.timed_out(server, "ban_account", BAN, "took longer|time limit")
        self.timed_out(server, "unregister", {"user": "romeo", "host": HOST},
                       "took longer|time limit")
        other.run("ROLLBACK")
        other = self.lock_table("sessions")
        # One down a pipeline with others, one that has a connection for itself.
        self.timed_out(server, "num_resources", {"user": "romeo", "host": HOST},
                       "took longer|time limit")
        self.timed_out(server, "connected_users_info", {}, "took longer|time limit")
        other.run("ROLLBACK")
        self.assertEqual(server.metrics()["adminex_request_timeouts_total"], 4)
        self.assertEqual(self.state(), before)
        self.says(server.post("ban_account", BAN), 200, "ok")
        self.says(server.call("num_resources", user="romeo", host=HOST), 200, "ok")
        self.says(server.call("connected_users_info"), 200, "ok")

    def test_a_read_beyond_its_time_takes_no_other_along(self):
        server = self.serve(request_timeout=4, readers=1)
        other = self.lock_table("sessions")
        slow = self.send(server, "num_resources", {"user": "romeo", "host": HOST})
        self.waiting(1)
        # They wait behind it, and have half of their time left when its time is over.
        time.sleep(2)
        others = [self.send(server, "get_roster", {"user": "juliet", "host": HOST})
                  for _ in range(4)]
        self.assertEqual(slow.result().status, 504)
        for reply in others:
            self.says(reply.result(), 200, "ok")
        other.run("ROLLBACK")

    def test_nobody_waits_for_a_long_read_of_another(self):
        server = self.serve(readers=1)
        other = self.lock_table("sessions")
        slow = self.send(server, "num_resources", {"user": "romeo", "host": HOST})
        self.waiting(1)
        others = [self.send(server, "get_roster", {"user": "juliet", "host": HOST})
                  for _ in range(4)]
        for reply in others:
            self.says(reply.result(), 200, "ok")
        self.assertFalse(slow.done())
        self.assertEqual(server.metrics()["adminex_shared_reads_long_total"], 1)
        other.run("ROLLBACK")
        self.assertEqual(self.says(slow.result(), 200, "ok")["result"], 0)

    def test_a_read_that_fails_takes_no_other_along(self):
        """Neither those behind it in its batch, nor the batch that was sent behind that one."""
        database = self.new_database(self.addCleanup)
        self.cluster.sql(database, FAILING)
        server = self.serve(self.cluster.dsn(database), readers=1)
        callers, rounds = 24, 40
        pool = concurrent.futures.ThreadPoolExecutor(callers)
        self.addCleanup(pool.shutdown)

        def call(number):
            """One of eight fails, each time."""
            found = []
            with contextlib.closing(server.connection()) as connection:
                for n in range(rounds):
                    if number % 8 == 0:
                        name, fields = "get_vcard", {"user": "bad", "host": HOST, "name": "FN"}
                    else:
                        name, fields = "check_account", {"user": f"no{number}-{n}", "host": HOST}
                    reply = daemon.exchange(connection, "POST", f"/api/{name}", json.dumps(fields))
                    found.append((name, reply.status))
            return found

        replies = [reply for found in pool.map(call, range(callers)) for reply in found]
        self.assertEqual(collections.Counter(replies), {
            ("get_vcard", 500): callers // 8 * rounds,
            ("check_account", 404): (callers - callers // 8) * rounds})
        metrics = server.metrics()
        self.assertEqual(metrics["adminex_database_failures_total"], 0)
        # They were together, and those that a failure took along were sent again.
        self.assertGreater(metrics["adminex_shared_reads_total"],
                           metrics["adminex_shared_read_batches_total"])

    def long_reads(self, server):
        return server.metrics()["adminex_shared_reads_long_total"]

    def batch(self, server, names, behind):
        """A read that waits for a lock; meanwhile those of check_account and `behind` come, which
        are the next batch then. Replies that are still to come, and who is in the way of the last."""
        self.pool = concurrent.futures.ThreadPoolExecutor(len(names) + 2)
        self.addCleanup(self.pool.shutdown)
        before = server.metrics()["adminex_shared_reads_total"]
        first, last = self.lock_table("sessions"), self.lock_table("roster_items")
        replies = [self.send(server, "num_resources", {"user": "romeo", "host": HOST})]
        self.waiting(1)
        replies += [self.send(server, "check_account", {"user": name, "host": HOST})
                    for name in names]
        harness.wait_until(lambda: server.metrics()["adminex_shared_reads_total"]
                           == before + 1 + len(names))
        replies.append(self.send(server, behind, {"user": "juliet", "host": HOST}))
        harness.wait_until(lambda: server.metrics()["adminex_shared_reads_total"]
                           == before + 2 + len(names))
        first.run("ROLLBACK")
        return replies, last

    def test_another_reader_comes_soon_when_one_waits(self):
        """Within the second after which a read is taken to be a long one. A machine may stop for
        that long, but not time after time."""
        server = self.serve(readers=2)
        for attempt in range(5):
            before = self.long_reads(server)
            other = self.lock_table("sessions")
            slow = self.send(server, "num_resources", {"user": "romeo", "host": HOST})
            self.waiting(1)
            self.says(server.call("check_account", user=f"nobody{attempt}", host=HOST), 404,
                      "user_does_not_exist")
            in_time = self.long_reads(server) == before
            other.run("ROLLBACK")
            self.says(slow.result(), 200, "ok")
            if in_time:
                return
        self.fail("the answer came when the read before it was given up")

    def test_a_long_read_behind_others_goes_on_by_itself(self):
        """The server may keep the answer before it until it has run: what is cancelled then is
        another read than the one whose time is over."""
        server = self.serve(readers=1)
        (*others, slow), last = self.batch(server, ["juliet"], "get_roster")
        for reply in others:
            self.says(reply.result(), 200, "ok")
        harness.wait_until(lambda: self.long_reads(server) >= 1)
        self.assertFalse(slow.done())
        last.run("ROLLBACK")
        self.says(slow.result(), 200, "ok")

    def test_replies_do_not_wait_for_a_long_read_behind_them(self):
        """But for a few, whose answers the server keeps."""
        server = self.serve(readers=1)
        for attempt in range(5):
            before = self.long_reads(server)
            (first, *others, slow), last = self.batch(
                server, [f"nobody{attempt}-{n}" for n in range(40)], "get_roster")
            ready = concurrent.futures.as_completed(others)
            for _ in range(16):
                self.says(next(ready).result(), 404, "user_does_not_exist")
            in_time = self.long_reads(server) == before
            last.run("ROLLBACK")
            for reply in (first, slow):
                self.says(reply.result(), 200, "ok")
            if in_time:
                return
        self.fail("no reply came before the read behind was given up")

    def test_a_list_beyond_its_time_is_cut_off(self):
        database = self.new_database(self.addCleanup)
        test_serve.fill_with_pause(self.cluster, database)
        server = self.serve(self.cluster.dsn(database), request_timeout=1, log="errors")
        with server.raw(test_serve.LIST) as sock:
            data = b"".join(iter(lambda: sock.recv(65536), b""))
        self.assertIn(b" 200 OK\r\n", data)
        self.assertIn(b"r004000", data)
        self.assertFalse(data.endswith(b"0\r\n\r\n"))
        self.assertRegex(server.log, "command=status_list_host .* error=")
        self.assertEqual(self.cluster.sql("postgres", "SELECT count(*) FROM pg_stat_activity "
                                          "WHERE wait_event = 'PgSleep'"), [["0"]])

    def test_a_server_that_does_not_answer(self):
        server = self.serve(request_timeout=1, readers=1, writers=2)
        calls = [("ban_account", BAN), ("get_roster", {"user": "romeo", "host": HOST}),
                 ("connected_users_info", {})]
        for command, fields in calls[:2]:
            self.says(server.post(command, fields), 200, "ok")
        self.says(server.call("cache_clear"), 200, "ok")
        self.says(server.get("/readyz"), 200, "ok")
        frozen = [int(pid) for pid, in self.cluster.sql(
            "postgres", "SELECT pid FROM pg_stat_activity WHERE datname = :'db' "
            "AND application_name = 'adminex'", db=self.database)]
        self.assertGreater(len(frozen), 3)
        try:
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            begin = time.monotonic()
            replies = [self.send(server, *call) for call in calls]
            self.says(server.get("/readyz"), 503, "database_unavailable", "does not answer")
            codes = [reply.result().status for reply in replies]
            self.assertLess(time.monotonic() - begin, 8)
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        # One that was not in use has a new connection; the others did not get an answer in time.
        self.assertIn(504, codes)
        self.assertLessEqual(set(codes), {200, 504})
        for command, fields in calls:
            self.says(server.post(command, fields), 200, "ok")
        harness.wait_until(lambda: server.get("/readyz").status == 200, 5)

    def test_a_lock_that_is_not_given_is_503(self):
        server = self.serve(more="database = { lock_timeout = 1; };")
        other = self.lock()
        reply = server.post("ban_account", BAN)
        body = self.says(reply, 503, "error", "lock")
        self.assertEqual(body["sqlstate"], "55P03")
        other.run("ROLLBACK")
        self.says(server.post("ban_account", BAN), 200, "ok")

    def test_idle_connections_are_closed(self):
        server = self.serve(idle_timeout=1)
        pieces = [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
                  b"POST /api/register HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
                  b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"]
        begin = time.monotonic()
        with contextlib.ExitStack() as stack:
            for sock in [stack.enter_context(server.raw(piece, 10)) for piece in pieces]:
                with contextlib.suppress(ConnectionResetError):
                    while sock.recv(1000):
                        pass
            self.assertIn(time.monotonic() - begin, ClosedRange(0.9, 5))
        self.assertEqual(server.metrics()["adminex_http_connections"], 1)

    def test_a_body_that_comes_by_drops_is_not_waited_for(self):
        server = self.serve(request_timeout=1)
        head = b"POST /api/ban_account HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        begin = time.monotonic()
        with server.raw(head) as sock, self.assertRaises(OSError):
            while time.monotonic() - begin < 10:
                sock.sendall(b" ")
                time.sleep(0.1)
        self.assertIn(time.monotonic() - begin, ClosedRange(0.9, 3))

    def test_waiting_for_the_database_is_not_idling(self):
        server = self.serve(idle_timeout=1)
        other = self.lock()
        reply = self.send(server, "ban_account", BAN)
        self.waiting(1)
        time.sleep(2.5)
        other.run("COMMIT")
        self.says(reply.result(), 200, "ok")


class ClosedRange:
    def __init__(self, low, high):
        self.low, self.high = low, high

    def __contains__(self, value):
        return self.low <= value <= self.high

    def __repr__(self):
        return f"{self.low} to {self.high}"


class Connections(LimitsTestCase):
    def test_no_more_connections_than_are_allowed(self):
        server = self.serve(max_connections=16, threads=1)
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        with contextlib.ExitStack() as stack:
            for _ in range(16):
                sock = stack.enter_context(server.raw(request))
                self.assertTrue(sock.recv(1000).startswith(b"HTTP/1.1 200 "))
            for _ in range(5):
                try:
                    with server.raw(request, 0.3) as late:
                        self.assertEqual(late.recv(1000), b"")
                except (TimeoutError, ConnectionError, BrokenPipeError):
                    pass
        harness.wait_until(lambda: server.get("/healthz").status == 200)

    def test_slow_clients_hold_no_database_connection(self):
        server = self.serve(readers=1, writers=2)
        self.sql(test_serve.SESSIONS % 40000)
        with contextlib.ExitStack() as stack:
            head = b"POST /api/ban_account HTTP/1.1\r\nHost: x\r\n"
            halves = [head[:-5], head + b'Content-Length: 100\r\n\r\n{"user"',
                      head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"]
            for n in range(300):
                stack.enter_context(server.raw(halves[n % 3]))
            # More of these than there are connections to the database. They read nothing.
            lists = [stack.enter_context(contextlib.closing(server.connection()))
                     for _ in range(4)]
            for conn in lists:
                conn.request("POST", "/api/connected_users_info", b"")
            harness.wait_until(lambda: server.metrics().get(
                'adminex_commands_total{command="connected_users_info",outcome="yes"}') == 4)
            self.assertGreater(server.metrics()["adminex_http_connections"], 300)
            self.assertEqual(self.backends("AND state <> 'idle'"), [])
            self.assertLessEqual(len(self.backends()), 1 + 2 + 3)
            self.assertEqual(server.metrics()["adminex_requests_in_flight"], 0)
            self.says(server.post("ban_account", BAN), 200, "ok")
            self.says(server.call("num_resources", user="juliet", host=HOST), 200, "ok")
            # It is all there for them when they read.
            body = json.loads(lists[0].getresponse().read())
            self.assertEqual((len(body["result"]), body["status"]), (40000, "ok"))
        harness.wait_until(lambda: server.metrics()["adminex_http_connections"] == 1)

    def test_a_reply_that_is_too_long_is_cut_off(self):
        server = self.serve(max_reply=1, log="all")
        self.sql(test_serve.SESSIONS % 40000)
        with server.raw(b"POST /api/connected_users_info HTTP/1.1\r\nHost: x\r\n"
                        b"Content-Length: 0\r\n\r\n") as sock:
            data = b"".join(iter(lambda: sock.recv(65536), b""))
        self.assertFalse(data.endswith(b"0\r\n\r\n"))
        self.assertGreater(len(data), 1 << 19)
        self.assertLess(len(data), 2 << 20)
        self.assertRegex(server.log, "command=connected_users_info .* error=")
        self.says(server.call("connected_users_info", limit=10), 200, "ok")


class Addresses(LimitsTestCase):
    """What `serve` refuses to start with."""

    def refuses(self, status, pattern, *args, config="", **how):
        result = self.adminex("serve", *args, options=["-c", self.file("serve.conf", config)],
                              **how)
        self.assertEqual(result.status, status, f"\n{result}")
        self.assertRegex(result.err.decode(), pattern)
        self.assertEqual(result.out, b"")

    def test_nothing_to_listen_on(self):
        self.refuses(2, "nothing to listen on")
        self.refuses(2, "serve.* takes", "x")
        self.refuses(2, "serve.* takes", "--nope")

    def test_addresses_that_are_none(self):
        for address in ("x", ":80", "127.0.0.1:", "[::1", "127.0.0.1:65536",
                        "127.0.0.1:99999999", "127.0.0.1:-1", "127.0.0.1:http"):
            with self.subTest(address=address):
                self.refuses(1, "ADDRESS:PORT|cannot listen", "--listen", address)
        self.refuses(1, "too long", "--socket", "/tmp/" + "x" * 200)
        self.refuses(1, "cannot listen", "--socket", "/nowhere/socket")
        self.refuses(1, "is no socket", "--socket", self.file("file", "x"))
        self.refuses(1, "no group 'no-such-group'", config='http = { group = "no-such-group"; '
                     f'socket = "{self.tmp}/group"; }};')
        self.refuses(1, "no user 'no-such-user'", config='http = { peers = '
                     '[ "no-such-user:admin" ]; };')

    def test_an_address_that_is_taken(self):
        server = self.serve(tcp=True)
        self.refuses(1, "another daemon listens", "--socket", server.socket)
        self.refuses(1, "cannot listen", "--listen", f"127.0.0.1:{server.port}")
        self.says(server.get("/healthz"), 200, "ok")

    def test_what_a_killed_daemon_left_is_no_hindrance(self):
        path = str(self.tmp / "left")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path)
        child = self.spawn("serve", "--socket", path)
        harness.wait_until(lambda: self.answers(path))
        child.process.terminate()
        self.assertEqual(child.wait().status, 0)

    def answers(self, path):
        try:
            daemon.unix_socket(path).close()
        except OSError:
            return False
        return True


if __name__ == "__main__":
    harness.unittest.main()


class Room(LimitsTestCase):
    def test_a_reply_that_cannot_be_kept_is_a_failure(self):
        """Not one that looks whole and is not."""
        server = self.serve(env={"TMPDIR": "/nowhere"})
        self.says(server.get("/healthz"), 200, "ok")
        reply = server.get("/openapi.json")
        self.says(reply, 500, "error", "could not be kept")
        self.assertEqual(reply["Adminex-Exit"], "1")
