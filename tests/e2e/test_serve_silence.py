"""A database that says nothing any more: no word, no end of the connection."""

import concurrent.futures
import contextlib
import json
import re
import select
import socket
import tempfile
import threading
import statistics
import time

import daemon
import harness
from world import HOST

BAN = {"user": "romeo", "host": HOST, "reason": "spam"}


class Wire:
    """Between the daemon and the server; while it is cut, nothing comes through and nothing ends."""

    def __init__(self, target):
        self.folder = tempfile.TemporaryDirectory(prefix="adminex-wire-")
        self.path, self.target = f"{self.folder.name}/.s.PGSQL.5432", target
        self.cut, self.ended, self.stopped = threading.Event(), threading.Event(), 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while not self.ended.is_set():
            if not select.select([self.listener], [], [], 0.05)[0] or self.cut.is_set():
                continue
            client = self.listener.accept()[0]
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            thread = threading.Thread(target=self.carry, args=(client, server))
            thread.start()
            self.threads.append(thread)

    def carry(self, client, server):
        with client, server:
            while not self.ended.is_set():
                for sock in select.select([client, server], [], [], 0.05)[0]:
                    if self.cut.is_set():
                        self.stopped += 1
                        time.sleep(0.05)
                        break
                    with contextlib.suppress(ConnectionError):
                        data = sock.recv(65536)
                        if data:
                            (server if sock is client else client).sendall(data)
                            continue
                    return

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        self.listener.close()
        self.folder.cleanup()


class Slept(daemon.TestCase):
    def test_a_daemon_whose_sign_of_life_comes_late_begins_anew(self):
        self.sql("DELETE FROM daemons")
        server = self.serve()
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        before = self.value("SELECT id FROM daemons")
        self.sql("UPDATE daemons SET beat_at = now() - interval '2 minutes'")
        server.wait_for_log("no longer registered")
        server.wait_for_log(daemon.LISTENS, 2)
        self.assertEqual(self.sql("SELECT id, beat_at > now() - interval '1 minute' "
                                  "FROM daemons"), [[before, "t"]])
        self.assertEqual(server.metrics()["adminex_listener_lost_total"], 1)
        self.assertEqual(server.metrics()["adminex_cache_entries"], 0)


class Silence(daemon.TestCase):
    def setUp(self):
        super().setUp()
        folder, port = re.search(r"host='?([^ ']+)", self.dsn)[1], re.search(r"port=(\d+)", self.dsn)
        self.wire = Wire(f"{folder}/.s.PGSQL.{port[1] if port else 5432}")
        self.addCleanup(self.wire.end)
        self.through = re.sub(r"host='?[^ ']+'?", f"host={self.wire.folder.name}",
                              re.sub(r"port=\d+", "port=5432", self.dsn))
        self.pool = concurrent.futures.ThreadPoolExecutor(16)
        self.addCleanup(self.pool.shutdown)

    def silent(self, **http):
        """A daemon whose connections are all in use once, and then silent."""
        server = self.serve(self.through, request_timeout=1, retry=1, writers=2, readers=1,
                            more="database = { connect_timeout = 1; };", **http)
        self.says(server.call("get_roster", user="romeo", host=HOST), 200, "ok")
        self.says(server.call("num_resources", user="romeo", host=HOST), 200, "ok")
        self.assertEqual(server.get("/readyz").status, 200)
        self.wire.cut.set()
        return server

    def test_every_request_is_answered(self):
        server = self.silent()
        sent = [self.pool.submit(server.call, *call[:1], **call[1])
                for call in [("ban_account", BAN), ("stats", {"name": "registeredusers"}),
                             ("num_resources", {"user": "romeo", "host": HOST})] * 2]
        seconds = []
        for _ in range(10):
            begin = time.monotonic()
            self.assertEqual(server.get("/readyz").status, 503)
            seconds.append(time.monotonic() - begin)
        self.assertLess(statistics.median(seconds), 0.5)
        begin = time.monotonic()
        codes = [future.result().status for future in sent]
        self.assertLessEqual(set(codes), {503, 504}, codes)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertGreater(self.wire.stopped, 0)
        # Nobody tells the daemon anything: what it kept is of no use.
        harness.wait_until(lambda: server.metrics()["adminex_cache_on"] == 0, 20)
        self.wire.cut.clear()
        harness.wait_until(lambda: server.get("/readyz").status == 200, 5)
        harness.wait_until(lambda: server.call("ban_account", **BAN).status == 200, 10)
        server.wait_for_log(daemon.LISTENS, 2)

    def test_the_daemon_ends(self):
        server = self.silent(grace=1)
        sent = [self.pool.submit(server.call, "ban_account", **BAN) for _ in range(4)]
        harness.wait_until(lambda: server.metrics()["adminex_requests_in_flight"] == 4)
        self.assertLess(server.stop(), 25)
        self.assertLessEqual({future.result().status for future in sent}, {503, 504})

    def test_requests_that_become_whole_too_late(self):
        """Trickled past the grace time, they find no thread that would carry them out."""
        head = b"POST /api/ban_account HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
        body = json.dumps(BAN).encode()
        server = self.silent(grace=0)
        sent = self.pool.submit(server.call, "ban_account", **BAN)
        harness.wait_until(lambda: server.metrics()["adminex_requests_in_flight"] == 1)
        with contextlib.ExitStack() as stack:
            late = [stack.enter_context(server.raw(head % (len(body), body[:-1])))
                    for _ in range(300)]
            harness.wait_until(lambda: server.metrics()["adminex_http_connections"] > 300)
            server.terminate()
            while late and server.process.poll() is None:
                with contextlib.suppress(OSError):
                    late.pop().sendall(body[-1:])
                time.sleep(0.03)
            server.wait()
        self.assertLessEqual(sent.result().status, 504)
