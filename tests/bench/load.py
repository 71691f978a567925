"""Who answers requests (the daemon, nginx), who sends them (wrk, idle connections), and pgbench."""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import ssl
import subprocess
import time

from measure import BIN, WORK

LUA = pathlib.Path(__file__).with_name("load.lua")
CONNECTIONS, WRK_THREADS = 64, 2
READY = 60  # seconds for a server to answer


class Failed(Exception):
    """A run that proves nothing, and why."""


def missing():
    """The programs without which nothing can be measured."""
    return [name for name in ("wrk", "nginx", "curl", "openssl")
            if shutil.which(name, path=programs()) is None]


def programs():
    """nginx is not where everybody's programs are."""
    return os.environ["PATH"] + ":/usr/sbin:/sbin"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what, seconds=READY):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not happen within {seconds} s")
        time.sleep(0.1)


def raise_files():
    """As many open files as this process may have; a child gets them too."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


# ---- those who answer ----------------------------------------------------------------------------

class Answerer:
    """A server on loopback that ends with this object; its log is a file in WORK."""

    def __init__(self, name, port, argv):
        self.name, self.port = name, port
        self.log = WORK / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={"PATH": programs(), "LANG": "C.UTF-8"})
        try:
            until(self.answers, f"an answer of {name}")
        except Failed as failed:
            self.close()
            raise Failed(f"{failed}: {self.log.read_text(errors='replace')[-2000:]}") from failed

    def answers(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}")
        try:
            return self.ready()
        except OSError:
            return False

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(READY)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def status_kb(self, field):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1])


CONFIG = """\
services = {{ cache = {{ max_bytes = {cache_bytes}; ttl = 86400; }}; }};
http = {{ request_timeout = 600; idle_timeout = 3600;{tls} }};
"""
TLS = ' tls_certificate = "{0}/tls.crt"; tls_key = "{0}/tls.key";'


def make_certificate():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-keyout", WORK / "tls.key", "-out", WORK / "tls.crt"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Daemon(Answerer):
    """`adminex serve` on TCP with a configuration of its own, and a token for it."""

    def __init__(self, server, database, cache_bytes=0, name="daemon", tls=False):
        self.tls = tls
        self.before = {}
        config = WORK / f"{name}.conf"
        if tls:
            make_certificate()
        config.write_text(CONFIG.format(cache_bytes=cache_bytes,
                                        tls=TLS.format(WORK) if tls else ""), encoding="utf-8")
        self.token = server.adminex(database, "token", "create", "--role", "admin", "--label",
                                    "bench", keep=True).out.decode().split()[-1]
        port = free_port()
        super().__init__(name, port, [BIN, "-c", config, "--dsn", server.dsn(database), "serve",
                                      "--listen", f"127.0.0.1:{port}"])
        self.before = self.wrong_replies()

    def get(self, path):
        make = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
        how = {"context": trusting()} if self.tls else {}
        with contextlib.closing(make("127.0.0.1", self.port, timeout=READY, **how)) as link:
            link.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            reply = link.getresponse()
            return reply.status, reply.read().decode()

    def ready(self):
        """The second one needs the token: a daemon that was just started may not know it yet."""
        return self.get("/readyz")[0] == 200 and self.get("/metrics")[0] == 200

    def metrics(self):
        """Values by name; those with labels as name{label="value"}."""
        lines = self.get("/metrics")[1].splitlines()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def command(self, name, **fields):
        """A command's reply, which is to be a 200."""
        body = json.dumps(fields).encode()
        argv = ["curl", "-sS", "-k", "-f", "-X", "POST", "--data-binary", "@-", "-H",
                f"Authorization: Bearer {self.token}",
                f"http{'s' * self.tls}://127.0.0.1:{self.port}/api/{name}"]
        done = subprocess.run(argv, input=body, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, timeout=READY)
        if done.returncode != 0:
            raise Failed(f"{name}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def wrong_replies(self):
        """Replies whose status was not 200, by status, since it was ready."""
        return {name: count for name, count in self.metrics().items()
                if name.startswith("adminex_http_replies_total") and 'code="200"' not in name
                and count != self.before.get(name)}


NGINX = """\
{user}worker_processes 2;
error_log {dir}/error.log;
pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    open_file_cache max=16;
    server {{
        listen 127.0.0.1:{port};
        root {dir}/files;
        # A POST gets the file too.
        error_page 405 =200 $uri;
    }}
}}
"""


class Nginx(Answerer):
    """nginx in the foreground, from a folder of its own, with a file of 100 bytes at `path`."""

    token = "of-no-use-here-but-as-long-as-the-one-of-adminex"

    def __init__(self, path):
        self.path = path
        folder = WORK / "nginx"
        file = folder / "files" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 99 + b"\n")
        port = free_port()
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(dir=folder, port=port,
                                       user="user root;\n" if os.geteuid() == 0 else ""),
                          encoding="utf-8")
        super().__init__("nginx", port, [shutil.which("nginx", path=programs()), "-p", folder, "-e",
                                         folder / "error.log", "-c", config, "-g", "daemon off;"])

    def ready(self):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY)
        with contextlib.closing(link):
            link.request("POST", self.path, body=b"{}")
            reply = link.getresponse()
            return reply.status == 200 and len(reply.read()) == 100


# ---- those who ask -------------------------------------------------------------------------------

@dataclasses.dataclass
class Asked:
    """How a run of wrk went: requests a second, latencies in microseconds."""

    rate: float
    p50: float
    p99: float


@dataclasses.dataclass
class Load:
    """The requests that wrk sends: a command, the body with USER for the account."""

    path: str
    body: str
    accounts: int

    def send(self, answerer, seconds, delay=0, walk_from=None):
        """Fails unless each answer was a 2xx: wrk counts what is above 399, and nothing here
        answers with anything from 300 to 399 (the daemon's own count is looked at too)."""
        walks = walk_from is not None
        env = {"PATH": programs(), "BENCH_PATH": self.path, "BENCH_TOKEN": answerer.token,
               "BENCH_BODY": self.body, "BENCH_ACCOUNTS": str(self.accounts),
               "BENCH_WALK": str(walk_from) if walks else "", "BENCH_DELAY": f"{delay:.4f}"}
        done = subprocess.run(
            ["wrk", "-t", "1" if walks else str(WRK_THREADS), "-c", str(CONNECTIONS),
             "-d", str(seconds), "--timeout", "30", "-s", LUA, f"http://127.0.0.1:{answerer.port}{self.path}"],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
            timeout=seconds + READY)
        found = re.search(r'^\{"requests".*\}$', done.stdout, re.M)
        if done.returncode != 0 or not found:
            raise Failed(f"wrk ended with {done.returncode}: {done.stdout}{done.stderr}")
        said = json.loads(found[0])
        wrong = {name: said[name] for name in ("connect", "read", "write", "status", "timeout")
                 if said[name] != 0}
        if wrong or said["requests"] == 0:
            raise Failed(f"{answerer.name}, {self.path}: {said['requests']} answers, of which "
                         f"failed: {wrong}")
        return Asked(said["requests"] / said["micros"] * 1e6, said["p50"], said["p99"])

    def at_half(self, answerer, peak, seconds):
        """Latencies at half of the rate `peak`; wrk knows no rates, so each connection rests
        between two requests for as long as brings the rate there."""
        delay = CONNECTIONS / (peak / 2) * 1000 / 2
        for _ in range(6):
            asked = self.send(answerer, max(1, seconds // 3), delay)
            if abs(asked.rate / peak - 0.5) < 0.03:
                break
            # What a request took itself stays; the rest of the cycle is to be the delay.
            cycle = CONNECTIONS / asked.rate * 1000
            delay = max(0.05, delay + CONNECTIONS / (peak / 2) * 1000 - cycle)
        return self.send(answerer, seconds, delay)


def pgbench(server, database, script, seconds, clients, **variables):
    """Transactions a second of a script; none may fail."""
    defines = [f"--define={name}={value}" for name, value in variables.items()]
    done = subprocess.run(
        [f"{server.bindir}/pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T",
         str(seconds), "-f", script, *defines, server.dsn(database)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
        timeout=seconds + READY)
    found = re.search(r"^tps = ([\d.]+) \(without", done.stdout, re.M)
    if done.returncode != 0 or not found or "failed transactions: 0 " not in done.stdout:
        raise Failed(f"pgbench ended with {done.returncode}: {done.stdout}{done.stderr}")
    return float(found[1])


def trusting():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Crowd:
    """Connections that stay open after one request each."""

    GROUP = 100

    def __init__(self, daemon, body):
        self.daemon, self.body = daemon, body.encode()
        self.links = []
        self.context = trusting() if daemon.tls else None

    def grow(self, count):
        """In groups, so that nobody waits for a packet that is held back."""
        while len(self.links) < count:
            group = [self._ask() for _ in range(min(self.GROUP, count - len(self.links)))]
            for link in group:
                self._read_reply(link)

    def _ask(self):
        link = socket.create_connection(("127.0.0.1", self.daemon.port), READY)
        if self.context:
            link = self.context.wrap_socket(link)
        self.links.append(link)
        link.sendall(b"POST /api/check_account HTTP/1.1\r\nHost: localhost\r\n"
                     b"Authorization: Bearer " + self.daemon.token.encode()
                     + b"\r\nContent-Length: %d\r\n\r\n" % len(self.body) + self.body)
        return link

    @staticmethod
    def _read_reply(link):
        reply = b""
        while b"\r\n\r\n" not in reply:
            piece = link.recv(4096)
            if not piece:
                raise Failed(f"the daemon closed a connection after {reply!r}")
            reply += piece
        head, rest = reply.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"(?i)^content-length: (\d+)", head, re.M)[1])
        if not reply.startswith(b"HTTP/1.1 200 "):
            raise Failed(f"an answer that is no 200: {head!r}")
        while len(rest) < length:
            rest += link.recv(4096)

    def open(self):
        """How many of them the daemon has; the one that asks does not count."""
        return int(self.daemon.metrics()["adminex_http_connections"]) - 1

    def close(self):
        for link in self.links:
            link.close()


def stream(daemon, command, body, path="/dev/null"):
    """Read a long reply to its end: seconds, bytes, and how much the daemon grew (KiB)."""
    pathlib.Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")
    before = daemon.status_kb("VmRSS")
    start = time.perf_counter()
    done = subprocess.run(
        ["curl", "-sS", "-f", "-o", path, "-w", "%{http_code} %{size_download}", "-X", "POST",
         "--data-binary", body, "-H", f"Authorization: Bearer {daemon.token}",
         f"http://127.0.0.1:{daemon.port}/api/{command}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=3600)
    seconds = time.perf_counter() - start
    code, size = (done.stdout + " 0 0").split()[:2]
    if done.returncode != 0 or code != "200":
        raise Failed(f"{command}: {done.stdout} {done.stderr}")
    return seconds, int(size), max(0, daemon.status_kb("VmHWM") - before)
