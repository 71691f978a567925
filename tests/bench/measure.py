"""What the benchmarks stand on: a server of their own, runs that take turns, the wire."""

import dataclasses
import os
import pathlib
import re
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402 (the path above)

ROOT, BIN = harness.ROOT, harness.BIN
WORK = BIN.parent / "bench" / str(os.getpid())
HOUR = 3600
harness.TIMEOUT = HOUR

STATEMENT = re.compile(r"^-- name: (\w+)\(.*\n(?:--.*\n)*((?:.*\n)*?.*);$", re.M)


def statement(name):
    """The text of a named statement of sql/native/, as adminex sends it."""
    for path in sorted(ROOT.glob("sql/native/*.sql")):
        for found, text in STATEMENT.findall(path.read_text(encoding="utf-8")):
            if found == name:
                return text.strip()
    raise KeyError(name)


@dataclasses.dataclass
class Run:
    """How a process ended well: wall clock, and its largest resident size. That size is at least
    this program's own, from which it was started."""

    seconds: float
    peak_kb: int
    out: bytes


def run(argv, keep=False, may_fail=False):
    """Run a program to its end. What it prints goes nowhere, unless it is to be kept."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                   (os.POSIX_SPAWN_DUP2, out.fileno(), 1) if keep else
                   (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                   (os.POSIX_SPAWN_DUP2, err.fileno(), 2)]
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(WORK)}
        start = time.perf_counter()
        child = os.posix_spawn(str(argv[0]), [str(word) for word in argv], env, file_actions=actions)
        try:
            _, status, usage = os.wait4(child, 0)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        seconds = time.perf_counter() - start
        for stream in (out, err):
            stream.seek(0)
        if status != 0 and not may_fail:
            raise SystemExit(f"bench: {' '.join(map(str, argv))[:300]}\n"
                             f"ended with {os.waitstatus_to_exitcode(status)}: "
                             f"{err.read().decode(errors='replace')[:2000]}")
        return Run(seconds, usage.ru_maxrss, out.read())


# As somebody with 200,000 accounts sets them. Nothing but the two sides is to be at work: no
# checkpoint and no autovacuum of the run before. What is durable stays so: fsync is on.
SETTINGS = """
    ALTER SYSTEM SET shared_buffers = '2GB';
    ALTER SYSTEM SET max_wal_size = '8GB';
    ALTER SYSTEM SET checkpoint_timeout = '1h';
    ALTER SYSTEM SET autovacuum = off;
"""


class Server(harness.Cluster):
    """A private PostgreSQL with SETTINGS, fsync on. In a shared cluster (the smoke test) its
    databases are its own and go away."""

    def __init__(self, shared=None):
        self.shared = shared
        self.databases = []
        super().__init__(shared or self._script("start", "--owner", os.getpid()))
        self.bindir = os.path.dirname(harness.psql())
        if shared is None:
            self.sql("postgres", SETTINGS)
            self.halt()
            self.start()

    def close(self):
        if self.shared is None:
            self.stop()
            return
        for name in self.databases:
            self.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def create(self, name, template=None):
        """A database with the schema, or a copy of another one. Its name differs in each run."""
        name = f"bench_{os.getpid()}_{name}"
        copy = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
        self.databases.append(name)
        self.sql("postgres", f"CREATE DATABASE {name}{copy}")
        if template is None:
            harness.migrate(self.dsn(name))
        return name

    def drop(self, name):
        self.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")
        self.databases.remove(name)

    def adminex(self, database, *words, **how):
        return run([BIN, "--dsn", self.dsn(database), *words], **how)

    def psql(self, database, *words, **how):
        """PostgreSQL's own psql, not the wrapper that some systems put before it."""
        return run([self.bindir + "/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *words,
                    "-d", self.dsn(database)], **how)

    def pgbench(self, database, script, transactions, **variables):
        defines = [f"--define={name}={value}" for name, value in variables.items()]
        return run([f"{self.bindir}/pgbench", "-n", "-M", "prepared", "-c", "1", "-t", transactions,
                    "-f", script, *defines, self.dsn(database)])

    def facts(self):
        """Version, and the settings that are not as PostgreSQL comes."""
        ((version,),) = self.sql("postgres", "SHOW server_version")
        settings = self.sql("postgres", """
            SELECT name, CASE WHEN name IN ('unix_socket_directories', 'data_directory')
                              THEN '(a folder of its own)' ELSE current_setting(name) END
              FROM pg_settings
             WHERE source = 'configuration file' AND setting IS DISTINCT FROM boot_val
               AND name !~ '^(lc_|TimeZone|log_timezone|DateStyle|default_text_search)'
             ORDER BY name""")
        shown = dict(self.sql("postgres", "SELECT name, current_setting(name) FROM pg_settings "
                              "WHERE name IN ('fsync', 'shared_buffers', 'work_mem', 'jit', "
                              "'max_wal_size', 'max_parallel_workers_per_gather')"))
        return version, settings, shown


def take_turns(before, rounds, *sides):
    """Seconds of each side, measured one after the other; who begins changes every round. `before`
    makes all start alike and gives what is passed on to them."""
    seconds = [[] for _ in sides]
    for number in range(rounds):
        for turn in range(len(sides)):
            side = (turn + number) % len(sides)
            state = before()
            seconds[side].append(sides[side](state).seconds)
    return seconds


def ratio_of(ours, theirs):
    """The median of the ratios of neighbours: what a machine does to both at some time is in none
    of them, where it would be in one of two medians."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


@dataclasses.dataclass
class Line:
    """One comparison: a line of the table, and what it was compared with in full."""

    what: str
    yardstick: str
    ours: list
    theirs: list
    reach: float | None  # None: only to look at
    sql: str
    notes: tuple = ()
    rate_of: int = 0  # statements in a run, where rates are compared; then the reach is a floor

    @property
    def ratio(self):
        times = ratio_of(self.ours, self.theirs)
        return 1 / times if self.rate_of else times

    @property
    def limit(self):
        if self.reach is None:
            return "none"
        return ("at least" if self.rate_of else "at most") + f" {self.reach:g}"

    @property
    def reached(self):
        if self.reach is None:
            return True
        return self.ratio >= self.reach if self.rate_of else self.ratio <= self.reach


class Wire:
    """Between a program and the server's socket: writes down who said what, in order."""

    def __init__(self, server):
        self.log = []
        self.lock = threading.Lock()
        self.folder = tempfile.TemporaryDirectory(prefix="adminex-wire-", dir="/tmp")
        self.server = f"{server.directory}/.s.PGSQL.5432"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{self.folder.name}/.s.PGSQL.5432")
        self.listener.listen()

    def record(self, server, database, program):
        """Messages after the connection stands, as ('>', 'Parse') and ('<', 'ReadyForQuery')."""
        there = threading.Thread(target=self._serve, daemon=True)
        there.start()
        program(server.dsn(database).replace(str(server.directory), self.folder.name))
        there.join(30)
        self.listener.close()
        self.folder.cleanup()
        ready = self.log.index(("<", "ReadyForQuery"))
        return self.log[ready + 1:]

    def _serve(self):
        client, _ = self.listener.accept()
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.server)
            back = threading.Thread(target=self._pump, args=(server, client, "<", True))
            back.start()
            self._pump(client, server, ">", False)
            back.join(10)

    def _pump(self, source, target, side, typed):
        rest = b""
        while piece := source.recv(65536):
            rest += piece
            with self.lock:
                rest, typed = self._take(rest, side, typed)
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)

    def _take(self, data, side, typed):
        """Write down the whole messages in `data`; what is left of it. Only the very first message
        of a client has no type."""
        while len(data) >= 4 + typed:
            size = int.from_bytes(data[typed:typed + 4], "big") + typed
            if len(data) < size:
                break
            if typed:
                self.log.append((side, MESSAGES[side].get(data[:1], data[:1].decode())))
            data, typed = data[size:], True
        return data, typed


MESSAGES = {
    ">": {b"P": "Parse", b"B": "Bind", b"D": "Describe", b"E": "Execute", b"S": "Sync",
          b"Q": "Query", b"C": "Close", b"X": "Terminate"},
    "<": {b"1": "ParseComplete", b"2": "BindComplete", b"T": "RowDescription", b"n": "NoData",
          b"D": "DataRow", b"C": "CommandComplete", b"Z": "ReadyForQuery", b"R": "Authentication",
          b"S": "ParameterStatus", b"K": "BackendKeyData", b"N": "NoticeResponse",
          b"E": "ErrorResponse"},
}


def round_trips(log):
    """How often the client spoke and then waited for an answer."""
    sides = [side for side, _ in log]
    return sum(a == ">" and b == "<" for a, b in zip(sides, sides[1:]))


def conversation(log):
    """The messages in one line, a run of equal ones as one."""
    text, last = [], None
    for message in log:
        if message != last:
            text.append(f"{message[0]} {message[1]}")
        last = message
    return ", ".join(text)
