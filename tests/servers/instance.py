"""A private XMPP server: an unprivileged user's, in a folder of its own, on loopback only.

What it is made of is removed however the tests end: stop() ends the processes of its own session
by their number, and a guard does so when the tests are killed. No port, no spool, no cookie and
no process is shared with a server that the machine may run.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

import harness

START_TIMEOUT = 60
# Nobody owns nothing that a mistake could spoil.
ACCOUNT = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
AS_ACCOUNT = ({"user": ACCOUNT.pw_uid, "group": ACCOUNT.pw_gid, "extra_groups": []}
              if os.getuid() == 0 else {})
GUARD = 'tail --pid="$1" -f /dev/null; kill -s KILL -- "-$2"; sleep 1; rm -rf "$3"'


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Instance:
    """A server while it runs; a subclass says how: `command`, and files by write()."""

    name = ""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"adminex-{self.name}-"))
        self.own(self.folder)
        self.port = free_port()
        self.process = self.guard = None

    def own(self, path):
        if AS_ACCOUNT:
            os.chown(path, ACCOUNT.pw_uid, ACCOUNT.pw_gid)

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        self.own(path)
        return path

    def make(self, name):
        path = self.folder / name
        path.mkdir(mode=0o700)
        self.own(path)
        return path

    def take(self, path):
        """A copy of a file or a folder of files that the server may read."""
        copy = self.folder / path.name
        if path.is_dir():
            shutil.copytree(path, copy)
            for file in copy.iterdir():
                self.own(file)
        else:
            shutil.copyfile(path, copy)
        self.own(copy)
        return copy

    def environment(self, **more):
        return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}

    def run(self, *command, timeout=120, **environment):
        """A program of the server to its end: its status and all it said."""
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder,
                              env=self.environment(**environment), timeout=timeout, **AS_ACCOUNT)
        return done.returncode, done.stdout.decode(errors="replace")

    def start(self, *command, **environment):
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, cwd=self.folder, env=self.environment(**environment),
                start_new_session=True, **AS_ACCOUNT)
        self.guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", str(os.getpid()), str(self.process.pid), self.folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        try:
            harness.wait_until(self.is_up, START_TIMEOUT)
        except AssertionError as late:
            raise AssertionError(f"{self.name} did not start\n{self.output()}") from late

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended by itself\n{self.output()}")
        return listens(self.port)

    def output(self):
        return "\n".join(path.read_text(errors="replace")[-4000:] for path in self.logs()
                         if path.exists())

    def logs(self):
        return [self.folder / "output"]

    def end(self):
        """The polite way; what is left then is killed."""
        self.process.terminate()

    def stop(self):
        if self.process is not None:
            self.end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            harness.wait_until(lambda: not self.processes(), 20)
            os.killpg(self.guard.pid, signal.SIGKILL)
            self.guard.wait(20)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)

    def processes(self):
        """Those that live in the folder."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if pathlib.Path(os.readlink(entry / "cwd")).is_relative_to(self.folder):
                    found.append(int(entry.name))
        return found
