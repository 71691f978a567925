"""Callers that keep a daemon busy and know which answers are right, and a network that can fail.

    with serve_load.Load(self, server) as load:
        ...                                        # whatever goes wrong meanwhile
    load.judge(self)
"""

import contextlib
import http.client
import json
import select
import socket
import struct
import threading
import time

import daemon
import harness
from world import HOST

# What a caller may be told while the database is away. Nothing was done, but for the last.
UNAVAILABLE = 503, "database_unavailable"
LATE = 504, "interrupted"
UNKNOWN = 504, "outcome_unknown"

BUSY = ("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'adminex'"
        " AND datname = current_database() AND state <> 'idle'")
WRITTEN = """
SELECT jid, NULL FROM roster_items WHERE username = 'juliet'
 UNION ALL
SELECT arguments->>'user' || '@' || (arguments->>'server'), request_id
  FROM audit_log WHERE command = 'add_rosteritem'
"""


class Caller(threading.Thread):
    """Asks one thing after the other until it is told to stop, over one connection that stays."""

    def __init__(self, load, server):
        super().__init__(daemon=True)
        self.load, self.server = load, server
        self.connection = None
        self.broken = []

    def run(self):
        try:
            while not self.load.over.is_set():
                self.step()
        except Exception as failure:
            self.broken.append(failure)
        finally:
            self.disconnect()

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def ask(self, command, **fields):
        """A Reply, or None where the connection broke."""
        try:
            if self.connection is None:
                self.connection = self.server.connection()
            return daemon.exchange(self.connection, "POST", f"/api/{command}", json.dumps(fields))
        except (OSError, http.client.HTTPException) as failure:
            self.disconnect()
            self.load.lost(failure)
            return None


class Reader(Caller):
    """Reads what no test changes; each answer is looked at."""

    QUESTIONS = [
        ("check_account", {"user": "romeo", "host": HOST}, 200, "ok"),
        ("check_account", {"user": "nobody", "host": HOST}, 404, "user_does_not_exist"),
        ("num_resources", {"user": "romeo", "host": HOST}, 200, "ok"),
        ("registered_users", {"host": HOST}, 200, "ok"),
    ]

    def __init__(self, load, server, number):
        super().__init__(load, server)
        self.number = number

    def step(self):
        self.number += 1
        command, fields, code, word = self.QUESTIONS[self.number % len(self.QUESTIONS)]
        reply = self.ask(command, **fields)
        if reply is None:
            return
        got = reply.status, reply.json()["status"]
        right = got == (code, word) and (command != "registered_users"
                                         or reply.json()["result"] == self.load.users)
        self.load.read(got, right or got in self.load.undone, f"{command}: {reply}")


class Writer(Caller):
    """Adds a contact at a time. Of each request it knows what it was told."""

    def __init__(self, load, server, number):
        super().__init__(load, server)
        self.number, self.count = number, 0

    def step(self):
        self.count += 1
        contact = f"c{self.number}-{self.count}"
        reply = self.ask("add_rosteritem", localuser="juliet", localserver=HOST, user=contact,
                         server=HOST, nick="n", group="g", subs="both")
        if reply is None:
            self.load.wrote(f"{contact}@{HOST}", None, None)
        else:
            self.load.wrote(f"{contact}@{HOST}", (reply.status, reply.json()["status"]),
                            reply["Adminex-Request"])


class Watcher(Caller):
    """Asks /readyz, as those do who send requests elsewhere meanwhile."""

    def step(self):
        began = time.monotonic()
        with contextlib.closing(self.server.connection()) as connection:
            reply = daemon.exchange(connection, "GET", "/readyz")
        now = time.monotonic()
        self.load.looked(now, reply.status, now - began)
        time.sleep(0.02)


class Load:
    """Readers, writers and a watcher of /readyz, and all that they were told."""

    def __init__(self, server, readers=6, writers=4, undone=(UNAVAILABLE,)):
        """`undone`: what may be said of what was not done."""
        self.over = threading.Event()
        self.undone = undone
        self.lock = threading.Lock()
        self.users = [{"user": user} for user in ("juliet", "mercutio", "romeo")]
        self.reads, self.wrong, self.writes, self.ready, self.breaks = {}, [], {}, [], []
        self.callers = [*(Reader(self, server, number) for number in range(readers)),
                        *(Writer(self, server, number) for number in range(writers)),
                        Watcher(self, server)]

    def __enter__(self):
        for caller in self.callers:
            caller.start()
        return self

    def __exit__(self, *failure):
        self.over.set()
        for caller in self.callers:
            caller.join(harness.TIMEOUT)

    # What callers tell.

    def read(self, got, right, text):
        with self.lock:
            self.reads[got] = self.reads.get(got, 0) + 1
            if not right:
                self.wrong.append(text)

    def wrote(self, contact, got, request):
        with self.lock:
            self.writes[contact] = got, request

    def looked(self, when, code, seconds):
        with self.lock:
            self.ready.append((when, code, seconds))

    def lost(self, failure):
        with self.lock:
            self.breaks.append(failure)

    # What became of it.

    def wait_for(self, reads=0, writes=0, ready=True):
        """Until so many more of each were answered ok, and `ready`: the watcher was told that all
        is well, so that what it is told next is about what happens next."""
        def count():
            with self.lock:
                return (sum(n for (code, _), n in self.reads.items() if code == 200),
                        sum(got == (200, "ok") for got, _ in self.writes.values()))

        def is_ready():
            with self.lock:
                return not ready or (bool(self.ready) and self.ready[-1][1] == 200)
        before = count()
        harness.wait_until(lambda: count()[0] >= before[0] + reads
                           and count()[1] >= before[1] + writes and is_ready())

    def told(self):
        """What writers were told, and how often."""
        words = [got for got, _ in self.writes.values()]
        return {word: words.count(word) for word in set(words)}

    def readiness(self, since=0):
        """What /readyz said, without repetitions."""
        codes = [code for when, code, _ in self.ready if when >= since]
        return [code for at, code in enumerate(codes) if at == 0 or codes[at - 1] != code]

    def judge(self, test, breaks=False):
        """Nobody was told anything that is not so. Call it when the database is back. `breaks`:
        connections may have been ended, but not between a request and its reply."""
        for caller in self.callers:
            test.assertFalse(caller.is_alive(), f"{caller} hangs")
            test.assertEqual(caller.broken, [])
        test.assertEqual(self.wrong, [])
        if not breaks:
            test.assertEqual(self.breaks, [])
        # A server goes on with what it got from connections that are lost.
        harness.wait_until(lambda: test.sql(BUSY) == [["0"]])
        rows = test.sql(WRITTEN)
        roster = {contact for contact, request in rows if request is None}
        audit = {contact: request for contact, request in rows if request is not None}
        test.assertEqual(roster, set(audit), "half a write")
        for contact, (got, request) in self.writes.items():
            if got == (200, "ok"):
                test.assertEqual(audit.get(contact), request, f"{contact}: a false success")
            elif got is not None:
                test.assertIn(got, (*self.undone, UNKNOWN), contact)
                if got != UNKNOWN:
                    test.assertNotIn(contact, audit, "said to be unchanged")
        done = {got for contact, (got, _) in self.writes.items() if contact in audit}
        test.assertLessEqual(done, {(200, "ok"), UNKNOWN}, "done, and nobody was told")
        test.assertLessEqual(set(audit), set(self.writes))


class Proxy:
    """A network between a daemon and its database: TCP on this side, the server's socket on that.
    It can be cut, reset or frozen, and counts whom that hit."""

    def __init__(self, directory, port=0):
        self.server = f"{directory}/.s.PGSQL.5432"
        self.lock = threading.Lock()
        self.pairs = set()
        self.flows = threading.Event()
        self.flows.set()
        self.held = 0
        self.port = port
        self.listener = None
        self.open()

    def dsn(self, database):
        return (f"host=127.0.0.1 port={self.port} user=postgres dbname={database} "
                "sslmode=disable gssencmode=disable")

    def open(self):
        """Let connections in, again on the same port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    server.connect(self.server)
                except OSError:
                    client.close()
                    server.close()
                    continue
                pair = client, server
                with self.lock:
                    self.pairs.add(pair)
                for source, target in (pair, pair[::-1]):
                    threading.Thread(target=self.pump, args=(pair, source, target),
                                     daemon=True).start()

    def pump(self, pair, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.flows.is_set():
                    with self.lock:
                        self.held += 1
                    self.flows.wait()
                target.sendall(data)
        # The end of one direction is the end of both, unless nothing gets through at all.
        self.flows.wait()
        self.hang_up(pair)

    def hang_up(self, pair, reset=False):
        client, server = pair
        with self.lock:
            if pair not in self.pairs:
                return
            self.pairs.discard(pair)
        with contextlib.suppress(OSError):
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Wakes up who reads there; only the last of them closes it.
            client.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        client.close()
        server.close()

    def connections(self):
        with self.lock:
            return len(self.pairs)

    def shut(self):
        """Nobody gets in any more; connections stay."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def cut(self, reset=False):
        """End all connections, with a reset instead of an end where asked: how many there were."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self.hang_up(pair, reset)
        return len(pairs)

    def freeze(self):
        """Nothing gets through any more, and nobody is told."""
        self.flows.clear()

    def thaw(self):
        self.flows.set()

    def close(self):
        self.shut()
        self.thaw()
        self.cut()


def read_all(sock, patience):
    """What comes until the other side ends it, or is silent for so many seconds."""
    data = b""
    while select.select([sock], [], [], patience)[0]:
        try:
            piece = sock.recv(65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    return data
