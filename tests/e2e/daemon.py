"""The daemon, and who talks to it.

    class Health(daemon.TestCase):
        def test_healthz(self):
            server = self.serve(log="all")
            self.assertEqual(server.get("/healthz").status, 200)
            self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")

Each listens on a unix socket in a temporary folder and, with `tcp`, on a port of the loopback
interface. A test that ends without stop() stops it then: SIGTERM, and status 0.
"""

import contextlib
import dataclasses
import functools
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import harness
import world

LISTENS = "listening to what other processes change"
SAMPLE = re.compile(r'(adminex_\w+)(\{(?:\w+="[^"\\\n]*",?)+\})? (\d+(?:\.\d+)?)')
COMMENT = re.compile(r"# (?:HELP (adminex_\w+) [^\n]+|"
                     r"TYPE (adminex_\w+) (counter|gauge|histogram))")


@dataclasses.dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def __getitem__(self, name):
        return self.headers[name]

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __str__(self):
        return f"{self.status}\n{self.headers}{self.body.decode(errors='backslashreplace')[:2000]}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = unix_socket(self.path, self.timeout)


def unix_socket(path, timeout=harness.TIMEOUT):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def exchange(connection, method, path, body=None, headers=None):
    """One request on a connection of http.client, which stays open."""
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return Reply(answer.status, answer.headers, answer.read())


def setting(value):
    """A value as the configuration writes it."""
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(map(setting, value)) + " ]"
    return str(value) if isinstance(value, int) else json.dumps(str(value))


class Daemon:
    """`adminex serve`. `http` are settings of that group, `more` is put before it as it is."""

    def __init__(self, environment, http=None, more="", tcp=False, options=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="adminex-serve-"))
        # Who may connect is the socket's own mode, and the daemon's word.
        self.folder.chmod(0o755)
        self.socket, self.port = str(self.folder / "socket"), free_port() if tcp else None
        self.config = self.folder / "adminex.conf"
        self.configure(http, more)
        listen = ["--listen", f"127.0.0.1:{self.port}"] if tcp else []
        self.args = [str(harness.BIN), *options, "-c", str(self.config), "serve", "--socket",
                     self.socket, *listen]
        self.log_path = self.folder / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=environment, cwd=self.folder)

    def configure(self, http=None, more=""):
        """Write the configuration; it is in force from the start or the next reload on."""
        lines = "".join(f"    {name} = {setting(value)};\n" for name, value in (http or {}).items())
        self.config.write_text(f"{more}\nhttp = {{\n{lines}}};\n")

    @property
    def log(self):
        return self.log_path.read_text(errors="backslashreplace")

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}\n{self.log}")

    def wait_for_log(self, text, count=1):
        def there():
            self.alive()
            return self.log.count(text) >= count
        try:
            harness.wait_until(there)
        except AssertionError as late:
            raise AssertionError(f"{late}: {text!r}\n{self.log}") from None

    # Talking.

    def connection(self, timeout=harness.TIMEOUT):
        return UnixConnection(self.socket, timeout)

    def tcp_connection(self, tls=None, timeout=harness.TIMEOUT):
        if tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=tls)

    def request(self, method, path, body=None, headers=None, connection=None):
        with contextlib.closing(connection or self.connection()) as conn:
            return exchange(conn, method, path, body, headers)

    def get(self, path, headers=None, **how):
        return self.request("GET", path, None, headers, **how)

    def post(self, command, fields, headers=None, **how):
        """The fields as JSON, or a text or bytes as they are."""
        body = fields if isinstance(fields, (str, bytes)) else json.dumps(fields)
        return self.request("POST", f"/api/{command}", body, headers, **how)

    def call(self, command, **fields):
        return self.post(command, fields)

    def raw(self, data=b"", timeout=harness.TIMEOUT):
        """A socket on which this was sent."""
        sock = unix_socket(self.socket, timeout)
        sock.sendall(data)
        return sock

    def metrics(self):
        """All samples by name and labels. Each line must be one of the format's."""
        reply = self.get("/metrics")
        if reply.status != 200 or not reply.body.endswith(b"\n"):
            raise AssertionError(f"metrics: {reply}")
        samples, types = {}, {}
        for line in reply.text.splitlines():
            if comment := COMMENT.fullmatch(line):
                if comment[2]:
                    types[comment[2]] = comment[3]
            elif sample := SAMPLE.fullmatch(line):
                family = re.sub("_(bucket|sum|count)$", "", sample[1])
                key = sample[1] + (sample[2] or "")
                if key in samples or (sample[1] not in types and types.get(family) != "histogram"):
                    raise AssertionError(f"twice, or of no type: {line}")
                samples[key] = float(sample[3])
            else:
                raise AssertionError(f"no line of the format: {line!r}")
        return samples

    # Ending.

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=harness.TIMEOUT):
        """The seconds until it ended, as it should."""
        begin = time.monotonic()
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s\n{self.log}") from None
        log = self.log
        harness.Result(tuple(map(harness.to_bytes, self.args)), status, b"", log.encode())
        if status != 0 or not log.endswith("adminex: stopped\n"):
            raise AssertionError(f"ended with {status}\n{log}")
        if os.path.exists(self.socket):
            raise AssertionError("the socket is still there")
        return time.monotonic() - begin

    def stop(self):
        self.terminate()
        return self.wait()

    def end(self):
        """For cleaning up: nothing is left, whatever happened."""
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.folder)


@functools.cache
def parameters(command):
    """The names of a command's required parameters, from its help."""
    done = subprocess.run([harness.BIN, "help", command], stdin=subprocess.DEVNULL, check=True,
                          stdout=subprocess.PIPE, text=True, timeout=harness.TIMEOUT)
    told = re.search(r"^arguments:\n((?:  .*\n)+)", done.stdout, re.MULTILINE)
    return [] if told is None else [line.split()[0] for line in told[1].splitlines()]


@functools.cache
def options(command):
    """What a command's options look like, by letter and by name, from its help: the field of each,
    and whether a value follows."""
    done = subprocess.run([harness.BIN, "help", command], stdin=subprocess.DEVNULL, check=True,
                          stdout=subprocess.PIPE, text=True, timeout=harness.TIMEOUT)
    told = re.findall(r"^ +(?:(-\w), )?(--[\w-]+)( [\w|]+)?(?:  |$)", done.stdout, re.MULTILINE)
    return {word: (name[2:].replace("-", "_"), bool(form))
            for letter, name, form in told for word in (letter, name) if word}


def by_name(command, args):
    """What the command line is given, by the names of the parameters."""
    given, rest, left = {}, [], list(args)
    while left:
        word = left.pop(0)
        if word in options(command):
            field, has_value = options(command)[word]
            given[field] = left.pop(0) if has_value else True
        elif word == "--yes":
            given["yes"] = True
        else:
            rest.append(word)
    return {**dict(zip(parameters(command), rest, strict=True)), **given}


# Files of the daemon's machine, or that the reply takes the place of.
NOT_NAMED = {"load_config": "file", "retrieve_personal_data": "path", "gdpr_export": "output"}


def fields(command, args):
    """The body of a request for what the command line is given as `args`. No file is named: what
    is read from one is the body's, what is written to one is the reply's."""
    body = by_name(command, args)
    if command in NOT_NAMED:
        body.pop(NOT_NAMED[command], None)
    for name in body.keys() & {"file", "public_key"}:
        body[name] = (harness.ROOT / body[name]).read_text()
    return body


def client_context(authority, certificate=None, key=None):
    context = ssl.create_default_context(cafile=authority)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


class TestCase(world.TestCase):
    # Settings of a daemon that the tests of a class share as `self.server`; None: there is none.
    shared = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.shared is not None:
            cls.server = cls.start(cls.addClassCleanup, cls.dsn, **cls.shared)

    def setUp(self):
        # A daemon that runs stays registered.
        self.session.run(world.WORLD.replace("DELETE FROM daemons;\n", ""))
        if self.shared is not None:
            # The world was made anew behind its back.
            self.says(self.server.call("cache_clear"), 200, "ok")

    @classmethod
    def start(cls, cleanup, dsn, wait=LISTENS, **settings):
        """A new daemon, once it has written `wait` into its log."""
        changes = {name: settings.pop(name) for name in ("http", "more", "tcp", "options", "env")
                   if name in settings}
        if settings:
            changes["http"] = {**changes.get("http", {}), **settings}
        env = {name: value for name, value in os.environ.items()
               if name == "PATH" or name.endswith("SAN_OPTIONS")}
        env.update(HOME=str(cls.tmp), LANG="C.UTF-8", TZ="UTC", ADMINEX_DSN=dsn)
        env.update(changes.pop("env", {}))
        server = Daemon(env, **changes)
        cleanup(server.end)
        if wait:
            server.wait_for_log(wait)
        return server

    def serve(self, dsn=None, **settings):
        return self.start(self.addCleanup, dsn or self.dsn, **settings)

    def token(self, *options):
        """A new token. The daemons hear of it within a moment: see known()."""
        result = self.adminex("token", "create", *options)
        self.succeeds(result)
        return result.lines[0]

    def known(self, server, token, connect=None):
        """The header that presents a token, once the daemon knows it."""
        headers = {"Authorization": f"Bearer {token}"}
        harness.wait_until(lambda: server.get(
            "/api", headers, connection=connect and connect()).status == 200)
        return headers

    def state(self):
        """All that is stored, but for the daemons' own rows."""
        return {table: rows for table, rows in super().state().items() if table != "daemons"}

    # Judging.

    def says(self, reply, code, status, message=None):
        """A JSON reply with this HTTP status, this word and a message that matches."""
        self.assertEqual(reply.status, code, f"\n{reply}")
        self.assertEqual(reply["Content-Type"], "application/json", f"\n{reply}")
        self.assertRegex(reply["Adminex-Request"] or "", r"\A[0-9a-f]{6}-[0-9a-f]+\Z", f"\n{reply}")
        self.assertTrue(reply.body.endswith(b"}\n"), f"\n{reply}")
        body = reply.json()
        self.assertEqual(body["status"], status, f"\n{reply}")
        self.assertEqual(list(body)[-1], "status", f"\n{reply}")
        self.assertLessEqual(set(body), {"result", "next", "message", "token", "hint", "sqlstate",
                                         "status"})
        if message is not None:
            self.assertRegex(body["message"], message, f"\n{reply}")
        return body

    def backends(self, query="", **names):
        """What the daemon's connections to this database run: their queries."""
        return [row[0] for row in self.cluster.sql(
            "postgres", "SELECT query FROM pg_stat_activity WHERE datname = :'db' "
            "AND application_name = 'adminex' " + query, db=self.database, **names)]
