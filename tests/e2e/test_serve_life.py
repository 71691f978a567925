"""The daemon's life: starting, new configurations, stopping."""

import concurrent.futures
import contextlib
import json
import os
import pwd
import socket
import time

import daemon
import harness
import test_serve
import test_serve_limits
import world
from world import CHAT, HOST

BAN = test_serve_limits.BAN
ME = pwd.getpwuid(os.geteuid()).pw_name
IN_FORCE, REFUSED = "the new configuration is in force", "the configuration stays as it was"


class Reload(daemon.TestCase):
    def check_in_force(self, server, count):
        """The one that allows 50 bytes of a body, or not any more."""
        reply = server.post("check_account", {"user": "x" * 100, "host": HOST})
        self.assertEqual(reply.status, 413 if count else 404)

    def test_sighup(self):
        server = self.serve()
        self.check_in_force(server, 0)
        server.configure({"max_body": 50})
        server.reload()
        server.wait_for_log(IN_FORCE)
        self.check_in_force(server, 1)
        for text, pattern in [("http = { max_body = -1; };", "max_body"),
                              ("http = { nothing = 1; };", "'http.nothing' is not known"),
                              ("http = { max_body = 100000; ", "syntax"),
                              ('http = { peers = [ "x" ]; };', "http.peers"),
                              ('http = { peers = [ "no-such-user:admin" ]; };', "no-such-user"),
                              ('http = { certificates = [ "00:admin" ]; };', "http.certificates")]:
            with self.subTest(text=text):
                refused = server.log.count(REFUSED)
                server.config.write_text(text)
                server.reload()
                server.wait_for_log(REFUSED, refused + 1)
                self.assertRegex(server.log.split(REFUSED)[-1], pattern)
                self.check_in_force(server, 1)
        server.config.unlink()
        server.reload()
        server.wait_for_log(REFUSED, 7)
        self.check_in_force(server, 1)
        metrics = server.metrics()
        self.assertEqual((metrics["adminex_config_reloads_total"],
                          metrics["adminex_config_reload_failures_total"]), (1, 7))
        server.configure()
        server.reload()
        server.wait_for_log(IN_FORCE, 2)
        self.check_in_force(server, 0)

    def test_load_config(self):
        server = self.serve()
        server.configure({"max_body": 50})
        self.says(server.post("load_config", "{}"), 200, "ok")
        self.check_in_force(server, 1)
        server.config.write_text("http = { nothing = 1; };")
        body = self.says(server.post("load_config", "{}"), 422, "bad_argument",
                         "'http.nothing' is not known")
        self.assertIn(REFUSED, server.log)
        self.check_in_force(server, 1)
        # Nobody names a file of this machine.
        self.says(server.post("load_config", {"file": "/etc/passwd"}), 400, "usage",
                  "'file' is not known")
        self.assertNotIn("/etc/passwd", server.log)
        server.configure()
        self.says(server.call("load_config"), 200, "ok")
        self.check_in_force(server, 0)
        self.assertNotIn("hint", body)

    def test_what_is_in_force_at_once(self):
        server = self.serve(more='node = { cookie = "first"; };')
        self.assertEqual(self.says(server.call("get_cookie"), 200, "ok")["result"], "first")
        server.configure({"peers": [f"{ME}:reader"]}, 'node = { cookie = "second"; };')
        self.says(server.call("load_config"), 200, "ok")
        self.says(server.call("get_cookie"), 403, "not_allowed")
        server.configure({}, 'node = { cookie = "second"; }; '
                         'services = { admin_extra = { submods = [ "node" ]; }; };')
        server.reload()
        server.wait_for_log(IN_FORCE, 2)
        self.assertEqual(self.says(server.call("get_cookie"), 200, "ok")["result"], "second")
        self.assertEqual({row["submod"] for row in server.get("/api").json()["result"]}, {"node"})
        self.says(server.call("check_account", user="romeo", host=HOST), 404, "usage")

    def test_what_needs_a_restart_is_said(self):
        server = self.serve()
        for setting, value in [("threads", 7), ("idle_timeout", 7), ("socket", "/elsewhere")]:
            before = server.log.count("need a restart")
            server.configure({setting: value})
            server.reload()
            server.wait_for_log("need a restart", before + 1)
            server.configure({})
            server.reload()
            server.wait_for_log("need a restart", before + 2)

    def test_another_database(self):
        database = self.new_database(self.addCleanup)
        self.cluster.sql(database, "INSERT INTO hosts VALUES ('other.org')")

        def more(dsn):
            return f'database = {{ dsn = "{dsn}"; }};'

        def hosts():
            return [row["vhost"] for row in server.call("registered_vhosts").json()["result"]]

        server = self.serve(more=more(self.dsn), env={"ADMINEX_DSN": ""})
        self.assertIn(HOST, hosts())
        self.says(server.call("get_roster", user="romeo", host=HOST), 200, "ok")
        server.configure({}, more(self.cluster.dsn(database)))
        self.says(server.call("load_config"), 200, "ok")
        self.assertEqual(hosts(), ["other.org"])
        self.says(server.call("get_roster", user="romeo", host=HOST), 404, "user_does_not_exist")
        self.says(server.call("add_host", host="new.org"), 200, "ok")
        self.assertEqual(self.cluster.sql(database, "SELECT count(*) FROM hosts"), [["2"]])
        server.wait_for_log(daemon.LISTENS, 2)
        harness.wait_until(lambda: not self.backends())

    def test_a_request_under_way_keeps_what_it_began_with(self):
        server = self.serve(log="all")
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; SELECT 1 FROM users WHERE username = 'romeo' FOR UPDATE")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            reply = pool.submit(server.post, "ban_account", BAN)
            harness.wait_until(lambda: self.backends("AND wait_event_type = 'Lock'"))
            server.configure({"peers": [f"{ME}:reader"]})
            server.reload()
            server.wait_for_log(IN_FORCE)
            other.run("COMMIT")
            self.says(reply.result(), 200, "ok")
        self.says(server.post("ban_account", BAN), 403, "not_allowed")


class Stop(test_serve_limits.LimitsTestCase):
    def refused(self, server):
        """Nobody answers new connections."""
        try:
            with server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 0.2) as sock:
                return sock.recv(1000) == b""
        except OSError:
            return True

    def test_a_request_under_way_ends(self):
        server = self.serve(log="all")
        other = self.lock()
        with contextlib.closing(server.connection()) as open_before:
            self.says(daemon.exchange(open_before, "GET", "/healthz"), 200, "ok")
            reply = self.send(server, "ban_account", BAN)
            self.waiting(1)
            server.terminate()
            harness.wait_until(lambda: daemon.exchange(open_before, "GET", "/readyz").status == 503)
            for method, path in [("GET", "/readyz"), ("GET", "/api"), ("POST", "/api/add_host")]:
                refused = daemon.exchange(open_before, method, path, b'{"host": "x.org"}')
                self.says(refused, 503, "database_unavailable", "stopping")
            harness.wait_until(lambda: self.refused(server))
            self.assertFalse(reply.done())
            other.run("COMMIT")
            self.says(reply.result(), 200, "ok")
            self.assertLess(server.wait(), 2)
        self.assertEqual(self.sql("SELECT reason FROM bans"), [["x"]])
        self.assertRegex(server.log, "command=ban_account status=ok")

    def test_beyond_the_grace_time_it_is_cancelled(self):
        server = self.serve(grace=1)
        other = self.lock("LOCK TABLE sessions, users IN ACCESS EXCLUSIVE MODE")
        replies = [self.send(server, command, fields) for command, fields in [
            ("ban_account", BAN), ("connected_users_info", {}),
            ("num_resources", {"user": "romeo", "host": HOST})]]
        self.waiting(3)
        server.terminate()
        self.assertIn(server.wait(), test_serve_limits.ClosedRange(0.9, 3))
        for reply in replies:
            reply = reply.result()
            self.says(reply, 504, reply.json()["status"])
        self.assertEqual(self.backends(), [])
        other.run("ROLLBACK")
        self.assertEqual(self.sql("SELECT count(*) FROM bans"), [["0"]])

    def test_idle_connections_do_not_delay_it(self):
        server = self.serve()
        with contextlib.ExitStack() as stack:
            for piece in (b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") * 10:
                stack.enter_context(server.raw(piece))
            self.says(server.get("/healthz"), 200, "ok")
            self.assertLess(server.stop(), 2)

    def test_a_client_that_does_not_read_delays_it_for_the_grace_time(self):
        server = self.serve(grace=1)
        self.sql(test_serve.SESSIONS % 40000)
        with contextlib.closing(server.connection()) as conn:
            conn.request("POST", "/api/connected_users_info", b"")
            harness.wait_until(lambda: server.metrics().get(
                'adminex_commands_total{command="connected_users_info",outcome="yes"}') == 1)
            self.assertIn(server.stop(), test_serve_limits.ClosedRange(0.9, 3))

    def test_the_database_is_away(self):
        server = self.serve("host=/nowhere", wait="serving", retry=60, grace=1)
        reply = self.send(server, "ban_account", BAN)
        harness.wait_until(lambda: server.metrics()["adminex_database_failures_total"] > 0)
        server.stop()
        self.says(reply.result(), 503, "database_unavailable")

    def test_nothing_is_left(self):
        server = self.serve(tcp=True)
        self.assertEqual(self.sql("SELECT count(*) FROM daemons"), [["1"]])
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        server.stop()
        self.assertEqual(self.sql("SELECT count(*) FROM daemons"), [["0"]])
        harness.wait_until(lambda: not self.backends())
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", server.port))

    def test_sigint_is_the_same(self):
        server = self.serve()
        server.process.send_signal(harness.signal.SIGINT)
        server.wait()


class Systemd(daemon.TestCase):
    def heard(self, sock):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.words += sock.recv(4096).decode().split("\n")
        return self.words

    def test_systemd_is_told(self):
        self.words = []
        path = str(self.tmp / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(path)
            sock.setblocking(False)
            server = self.serve(env={"NOTIFY_SOCKET": path})
            harness.wait_until(lambda: "READY=1" in self.heard(sock))
            harness.wait_until(lambda: self.heard(sock).count("WATCHDOG=1") >= 2, 5)
            server.reload()
            harness.wait_until(lambda: self.heard(sock).count("READY=1") == 2)
            self.assertIn("RELOADING=1", self.words)
            self.assertTrue([word for word in self.words if word.startswith("MONOTONIC_USEC=")])
            server.config.write_text("nothing = 1;")
            server.reload()
            harness.wait_until(lambda: self.heard(sock).count("READY=1") == 3)
            self.assertIn("refused", self.words[-1])
            self.assertNotIn("STOPPING=1", self.words)
            server.stop()
            self.assertIn("STOPPING=1", self.heard(sock))


if __name__ == "__main__":
    harness.unittest.main()
