"""What the end-to-end tests stand on: the real program against a real PostgreSQL.

    class Ban(harness.TestCase):
        def test_ban_account_is_reported(self):
            self.account("romeo")
            self.ok(self.adminex("ban_account", "romeo", "example.org", "spam"), "...")
            self.assertEqual(self.sql("SELECT reason FROM bans"), [["spam"]])

Each class has a migrated database of its own (each test, with `fresh_database = True`) in the
cluster ADMINEX_TEST_CLUSTER, which `make check-e2e` makes; without it one is started for the run.
The program is ADMINEX_BIN, build/adminex by default. Nothing outlives the tests, nothing waits for
ever, and a sanitizer's report in a child fails the test whatever was expected.
"""

import atexit
import contextlib
import csv
import dataclasses
import fcntl
import functools
import io
import itertools
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / os.environ.get("ADMINEX_BIN", "build/adminex")
DATA = ROOT / "tests" / "data"
SCRATCH = BIN.parent / "check" / "tmp"
SANITIZED = BIN.parent.name in ("san", "tsan")
TIMEOUT = 120 if SANITIZED else 30

# Places where standard output cannot be written, for `stdout=`.
CLOSED, BROKEN_PIPE, FULL_DISK = "closed", "broken pipe", "full disk"

if not BIN.exists():
    sys.exit(f"{BIN} is not there, run: make")

SANITIZER = re.compile(rb"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|: runtime error: ")
NULL = "\1NULL"


def to_bytes(text):
    if isinstance(text, bytes):
        return text
    return os.fsencode(text if isinstance(text, os.PathLike) else str(text))


@dataclasses.dataclass
class Result:
    """How a run ended. A negative status is a signal."""

    args: tuple
    status: int
    out: bytes
    err: bytes

    def __post_init__(self):
        if self.status == 86 or SANITIZER.search(self.err + self.out):
            raise AssertionError(f"sanitizer report\n{self}")

    def __str__(self):
        return "\n".join([
            "adminex " + b" ".join(self.args).decode(errors="backslashreplace"),
            f"status {self.status}",
            "stdout: " + self.out.decode(errors="backslashreplace"),
            "stderr: " + self.err.decode(errors="backslashreplace"),
        ])

    @property
    def text(self):
        return self.out.decode()

    @property
    def lines(self):
        """The lines of standard output, each of which must have ended."""
        if self.out and not self.out.endswith(b"\n"):
            raise AssertionError(f"the last line does not end\n{self}")
        return self.text.split("\n")[:-1]

    def json(self):
        return json.loads(self.out)

    def ndjson(self):
        return [json.loads(line) for line in self.lines]


class Cluster:
    """A PostgreSQL cluster in the folder `directory`; without one, a new one."""

    def __init__(self, directory=None):
        self.directory = directory or self._script("start", "--fast", "--owner", os.getpid())

    @staticmethod
    def _script(*args):
        done = subprocess.run([ROOT / "scripts" / "cluster.sh", *map(str, args)], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                              timeout=180)
        return done.stdout.strip()

    def dsn(self, database="postgres", user="postgres"):
        return f"host={self.directory} user={user} dbname={database}"

    def start(self):
        self._script("start", self.directory)

    def halt(self, mode="fast"):
        """End the server, keep the data: fast, smart or immediate."""
        self._script("halt", self.directory, mode)

    def kill(self):
        """SIGKILL for the server and each of its processes: nobody says goodbye to clients."""
        server = self._script("pid", self.directory)
        children = pathlib.Path(f"/proc/{server}/task/{server}/children").read_text()
        victims = [int(pid) for pid in (server, *children.split())]
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, victims)))
        # A dead process that nobody has waited for yet would still count as the owner of these.
        for lock in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
            pathlib.Path(self.directory, lock).unlink(missing_ok=True)

    def stop(self):
        """End the server and remove everything."""
        self._script("stop", self.directory)

    def sql(self, database, query, **variables):
        """The rows of the query as lists of texts, NULL as None; :'name' stands for a variable."""
        settings = [f"--set={name}={value}" for name, value in variables.items()]
        done = subprocess.run(
            [psql(), "-Xqt", "--csv", "--pset=null=" + NULL, "--set=ON_ERROR_STOP=1", *settings,
             "-d", self.dsn(database), "-f", "-"],
            input=query.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
            env={"PATH": os.environ["PATH"], "PGCLIENTENCODING": "UTF8",
                 "PGOPTIONS": "-c search_path=adminex,public -c client_min_messages=warning"})
        if done.returncode != 0:
            raise AssertionError(f"psql: {done.stderr.decode()}\n{query}")
        rows = csv.reader(io.StringIO(done.stdout.decode(), newline=""))
        # A row of one empty text is an empty line.
        return [[None if value == NULL else value for value in row or [""]] for row in rows]


def is_alive(pid):
    try:
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def wait_until(condition, timeout=TIMEOUT):
    """Until what another process does has happened."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {timeout} s")
        time.sleep(0.02)


@functools.cache
def psql():
    return os.path.join(Cluster._script("bindir"), "psql")


@functools.cache
def shared_cluster():
    directory = os.environ.get("ADMINEX_TEST_CLUSTER")
    if directory:
        return Cluster(directory)
    cluster = Cluster()
    atexit.register(cluster.stop)
    return cluster


def migrate(dsn):
    run_checked([BIN, "--dsn", dsn, "migrate"])


def run_checked(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=TIMEOUT)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout.decode()}")


@functools.cache
def template():
    """The name of a migrated database to copy; made once a cluster, also by two at a time."""
    cluster, name = shared_cluster(), "adminex_template"
    with open(os.path.join(cluster.directory, "template.lock"), "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = cluster.sql("postgres", "SELECT 1 FROM pg_database WHERE datname = :'n' "
                                        "AND datistemplate", n=name)
        if not found:
            cluster.sql("postgres", f"DROP DATABASE IF EXISTS {name}")
            cluster.sql("postgres", f"CREATE DATABASE {name}")
            migrate(cluster.dsn(name))
            cluster.sql("postgres", f"ALTER DATABASE {name} IS_TEMPLATE true")
    return name


class Child:
    """The program while it runs."""

    def __init__(self, args, stdin, stdout, **options):
        self.args = args
        self.input = stdin if isinstance(stdin, bytes) else None
        close_stdout = (lambda: os.close(1)) if stdout == CLOSED else None
        with contextlib.ExitStack() as files:
            target = files.enter_context(self._target(stdout))
            self.process = subprocess.Popen(
                [BIN, *args], stdin=subprocess.PIPE if self.input is not None else stdin,
                stdout=target, stderr=subprocess.PIPE, preexec_fn=close_stdout, **options)

    @staticmethod
    def _target(stdout):
        if stdout == FULL_DISK:
            return open("/dev/full", "wb")
        if stdout == BROKEN_PIPE:
            reader, writer = os.pipe()
            os.close(reader)
            return open(writer, "wb")
        return contextlib.nullcontext(subprocess.PIPE if stdout in (None, CLOSED) else stdout)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait(self, timeout=TIMEOUT):
        try:
            out, err = self.process.communicate(self.input, timeout=timeout)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError("still running after {} s\n{}".format(
                timeout, Result(self.args, -signal.SIGKILL, out or b"", err))) from late
        return Result(self.args, self.process.returncode, out or b"", err)

    def end(self):
        """For cleaning up: nothing is left, whatever the test did."""
        with self.process:
            self.process.kill()


class Terminal:
    """The program on a terminal of its own, and who sits there."""

    def __init__(self, args, **options):
        self.args = args
        self.seen = b""
        self.master, slave = pty.openpty()
        try:
            self.process = subprocess.Popen(
                [BIN, *args], stdin=slave, stdout=options.pop("stdout") or slave, stderr=slave,
                start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                **options)
        finally:
            os.close(slave)

    def read(self, deadline):
        """One piece of what appears; False at the end."""
        if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"no more came\n{self.result()}")
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            piece = b""
        self.seen += piece
        return bool(piece)

    def converse(self, answers, deadline):
        """Wait for each pattern in turn and type its answer, then read to the end."""
        done = 0
        for pattern, answer in answers:
            while not (match := re.compile(to_bytes(pattern)).search(self.seen, done)):
                if not self.read(deadline):
                    raise AssertionError(f"never asked {pattern!r}\n{self.result()}")
            done = match.end()
            os.write(self.master, to_bytes(answer))
        while self.read(deadline):
            pass
        self.process.wait(max(1, deadline - time.monotonic()))

    def result(self):
        return Result(self.args, self.process.poll(), self.seen.replace(b"\r\n", b"\n"), b"")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


class TestCase(unittest.TestCase):
    fresh_database = False
    maxDiff = None
    _numbers = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        cls.cluster = shared_cluster()
        SCRATCH.mkdir(parents=True, exist_ok=True)
        cls.tmp = pathlib.Path(tempfile.mkdtemp(prefix=cls.__name__ + "-", dir=SCRATCH))
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        if not cls.fresh_database:
            cls._use(cls.new_database(cls.addClassCleanup))

    def setUp(self):
        if self.fresh_database:
            self._use(self.new_database(self.addCleanup))

    @classmethod
    def _use(cls, database):
        cls.database = database
        cls.dsn = cls.cluster.dsn(database)
        cls.hosts = set()

    @classmethod
    def new_database(cls, cleanup, migrated=True):
        """The name of a new database in the shared cluster, with the schema or without."""
        name = f"adminex_{os.getpid()}_{next(TestCase._numbers)}"
        source = template() if migrated else "template1"
        cls.cluster.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {source}")
        cleanup(cls.cluster.sql, "postgres", f"DROP DATABASE {name} WITH (FORCE)")
        return name

    def own_cluster(self):
        """A cluster that this test may stop, start and kill, and the DSN of a database there."""
        cluster = Cluster()
        self.addCleanup(cluster.stop)
        cluster.sql("postgres", "CREATE DATABASE adminex")
        migrate(cluster.dsn("adminex"))
        return cluster, cluster.dsn("adminex")

    # Running the program.

    def environment(self, changes=None):
        """The database is named by ADMINEX_DSN; a change to None takes a variable away."""
        env = {name: value for name, value in os.environ.items()
               if name == "PATH" or name.endswith("SAN_OPTIONS")}
        env.update(HOME=str(self.tmp), LANG="C.UTF-8", TZ="UTC", TERM="dumb", ADMINEX_DSN=self.dsn)
        env.update(changes or {})
        return {name: value for name, value in env.items() if value is not None}

    def spawn(self, *args, options=(), stdin=b"", stdout=None, env=None, cwd=None):
        """Start the program and let it run: a Child. `stdin` is bytes or a file, `stdout` a file
        or one of the places above, else it is kept for the Result."""
        child = Child(tuple(map(to_bytes, (*options, *args))), stdin, stdout,
                      env=self.environment(env), cwd=cwd or self.tmp)
        self.addCleanup(child.end)
        return child

    def adminex(self, *args, timeout=TIMEOUT, **how):
        """Run `adminex OPTIONS ARGS` to its end: a Result. For the rest see spawn()."""
        return self.spawn(*args, **how).wait(timeout)

    def terminal(self, *args, answers=(), options=(), stdout=None, env=None, timeout=TIMEOUT):
        """The same on a terminal. `answers` are pairs of a pattern to wait for and what to type;
        all that appears is in `out`. `stdout` is a file, if that is not the terminal."""
        sitting = Terminal(tuple(map(to_bytes, (*options, *args))), stdout=stdout,
                           env=self.environment(env), cwd=self.tmp)
        self.addCleanup(sitting.end)
        sitting.converse(answers, time.monotonic() + timeout)
        return sitting.result()

    def peak_kb(self, *args, options=(), env=None, timeout=TIMEOUT):
        """The largest resident size of a run whose output goes nowhere, in KiB. Python's own
        size before it starts the program, some 10 MiB, is the least this can be."""
        code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
                "stdout=subprocess.DEVNULL); "
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", code, BIN, *map(to_bytes, (*options, *args))],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                              env=self.environment(env), cwd=self.tmp, timeout=timeout)
        return int(done.stdout)

    # Preparing and looking.

    def sql(self, query, **variables):
        """Rows from this test's database, read by psql: see Cluster.sql()."""
        return self.cluster.sql(self.database, query, **variables)

    def value(self, query, **variables):
        """The one value of the one row of the query."""
        ((value,),) = self.sql(query, **variables)
        return value

    def account(self, user, host="example.org", password="secret"):
        """Make an account through the program, and its host if this test did not yet."""
        if host not in self.hosts:
            self.succeeds(self.adminex("add_host", host))
            self.hosts.add(host)
        self.succeeds(self.adminex("register", user, host, password))

    def file(self, name, content):
        """Write a file into this class's own folder; its path as text."""
        path = self.tmp / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    # Judging a result.

    def _said(self, result, text, err):
        if text is not None:
            lines = text if isinstance(text, (list, tuple)) else [text] if text else []
            want = text if isinstance(text, bytes) else "".join(f"{l}\n" for l in lines).encode()
            self.assertEqual(result.out, want, f"\n{result}")
        if err is not None:
            self.assertRegex(result.err, to_bytes(err) if err else rb"\A\Z", f"\n{result}")

    def succeeds(self, result):
        self.assertEqual(result.status, 0, f"\n{result}")

    def ok(self, result, text=None, err=""):
        """Status 0 and exactly this text: a line, a list of lines, '' for nothing at all, bytes
        for each byte. Nothing on standard error, or what matches the pattern `err`."""
        self.succeeds(result)
        self._said(result, text, err)

    def no(self, result, text, err=""):
        """The command's own no: its text on standard output, status 1."""
        self.assertEqual(result.status, 1, f"\n{result}")
        self._said(result, text, err)

    def fails(self, result, status, pattern, out=b""):
        """A failure: this status, and one line on standard error that matches the pattern.
        Nothing on standard output, or `out`; None is anything."""
        self.assertEqual(result.status, status, f"\n{result}")
        self._said(result, out, None)
        self.assertRegex(result.err, rb"\A[^\n]+\n\Z", f"not exactly one line\n{result}")
        self.assertRegex(result.err.decode(), pattern, f"\n{result}")
