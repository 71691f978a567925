"""What the pages say about the daemon, tried out."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import harness
from harness import BIN, DATA, ROOT

CACHES = "results are cached"


def section(page, heading):
    """The text of a page from a heading to the next one as high."""
    text = (ROOT / page).read_text(encoding="utf-8")
    level = heading.split(" ", 1)[0]
    begin = text.index(f"\n{heading}\n") + 1
    end = re.compile(f"^#{{1,{len(level)}}} ", re.MULTILINE).search(text, begin + len(heading))
    return text[begin:end.start() if end else len(text)]


def shown(text):
    """(command, what it prints) of the first block between fences."""
    block = re.search(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]
    for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = piece.partition("\n")
        yield command, output


class Served(harness.TestCase):
    """A folder of its own, where `adminex` is the program under test."""

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="adminex-docs-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.symlink(BIN, os.path.join(self.folder, "adminex"))
        self.env = {name: value for name, value in os.environ.items()
                    if name.endswith("SAN_OPTIONS")}
        self.env.update(PATH=self.folder + ":" + os.environ["PATH"], ADMINEX_DSN=self.dsn,
                        HOME=self.folder, TZ="UTC")
        self.log = os.path.join(self.folder, "log")

    def serve(self, words, **more):
        with open(self.log, "wb") as log:
            daemon = subprocess.Popen(words, cwd=self.folder, env={**self.env, **more},
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(self.end, daemon)
        harness.wait_until(lambda: self.logged(CACHES) or daemon.poll() is not None)
        self.assertIsNone(daemon.poll(), self.logged())
        return daemon

    def logged(self, text=""):
        with open(self.log, encoding="utf-8", errors="backslashreplace") as log:
            found = log.read()
        return found if text in found else ""

    def end(self, daemon):
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGTERM)
        try:
            self.assertEqual(daemon.wait(harness.TIMEOUT), 0, self.logged())
        finally:
            daemon.kill()

    def shell(self, command):
        return subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.env, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=harness.TIMEOUT).stdout.decode()


class Readme(Served):
    def test_readme_shows_the_daemon_with_curl_in_five_lines(self):
        self.succeeds(self.adminex("import", DATA / "ejabberd-23.01"))
        (start, nothing), *rest = shown(section("README.md", "## The daemon"))
        self.assertEqual(len(rest), 4)
        self.assertEqual((start[-2:], nothing), (" &", ""))
        self.serve(shlex.split(start[:-2]))
        for command, output in rest:
            self.assertTrue(command.startswith("curl "), command)
            self.assertEqual(self.shell(command), output, command)


class Systemd(Served):
    def told(self, notify):
        return notify.recv(4096).decode().split("\n")

    def told_but_for_beats(self, notify):
        while (told := self.told(notify)) == ["WATCHDOG=1"]:
            pass
        return told

    def notify(self):
        found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(found.close)
        found.bind(os.path.join(self.folder, "notify"))
        found.settimeout(harness.TIMEOUT)
        return found

    def test_systemd_is_told_of_each_step(self):
        notify = self.notify()
        with open(os.path.join(self.folder, "a.conf"), "w", encoding="ascii") as config:
            config.write("node = { };\n")
        daemon = self.serve([BIN, "-c", "a.conf", "serve", "--socket", "s"],
                            NOTIFY_SOCKET=notify.getsockname())
        self.assertIn("READY=1", self.told_but_for_beats(notify))
        self.assertEqual(self.told(notify), ["WATCHDOG=1"])
        daemon.send_signal(signal.SIGHUP)
        reloading = self.told_but_for_beats(notify)
        self.assertEqual(reloading[0], "RELOADING=1")
        self.assertRegex(reloading[1], r"\AMONOTONIC_USEC=\d+\Z")
        self.assertEqual(self.told_but_for_beats(notify), ["READY=1", "STATUS=ready"])
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.told_but_for_beats(notify), ["STOPPING=1"])

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_unit_is_as_systemd_wants_it(self):
        unit = (ROOT / "config" / "adminex.service").read_text(encoding="utf-8")
        here = os.path.join(self.folder, "adminex.service")
        with open(here, "w", encoding="utf-8") as file:
            file.write(unit.replace("/usr/local/bin/adminex", str(BIN)))
        for words in (["verify", "--man=no"], ["security", "--offline=true", "--threshold=20"]):
            done = subprocess.run(["systemd-analyze", *words, here], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                                  env={"PATH": os.environ["PATH"], "SYSTEMD_PAGER": ""})
            said = done.stdout.decode()
            self.assertEqual(done.returncode, 0, said)
            # What it only warns of, as a setting that it does not know.
            self.assertNotIn("adminex.service:", said.replace("for adminex.service:", ""))


class Metrics(Served):
    def test_operations_has_every_metric_with_an_alert(self):
        self.serve([BIN, "serve", "--socket", "s"])
        text = self.shell("curl -sS --unix-socket s localhost/metrics")
        there = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
        self.assertGreater(len(there), 20)
        page = section("docs/OPERATIONS.md", "### Metrics and alerts")
        rows = re.findall(r"^\| (`adminex_.*?) \| (.+) \| (.+) \|$", page, re.MULTILINE)
        told = [name for names, _, _ in rows for name in re.findall(r"`(adminex_\w+)", names)]
        self.assertEqual(sorted(told), sorted(there))
        for names, _, alert in rows:
            used = set(re.sub("_(bucket|sum|count)$", "", name)
                       for name in re.findall(r"adminex_\w+", alert))
            self.assertTrue(used and used <= there, f"{names}: {alert}")

    def test_commands_keep_their_names_when_others_are_configured(self):
        config = os.path.join(self.folder, "a.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write("node = { };\n")
        daemon = self.serve([BIN, "-c", config, "serve", "--socket", "s"])
        self.shell("curl -sS --unix-socket s localhost/api/registered_vhosts -d '{}'")
        with open(config, "w", encoding="ascii") as file:
            file.write('services = { admin_extra = { submods = [ "node" ]; }; };\n')
        daemon.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: self.logged("the new configuration is in force"))
        self.shell("curl -sS --unix-socket s localhost/api/get_cookie -d '{}'")
        text = self.shell("curl -sS --unix-socket s localhost/metrics")
        counted = re.findall(r'^adminex_commands_total\{command="(\w+)",outcome="(\w+)"\} (\d+)$',
                             text, re.MULTILINE)
        self.assertEqual(sorted(counted), [("get_cookie", "no", "1"),
                                           ("registered_vhosts", "yes", "1")])


class Completion(Served):
    def test_completion_offers_files_where_a_path_is_wanted(self):
        open(os.path.join(self.folder, "out.sock"), "w", encoding="ascii").close()
        script = self.adminex("completion", "bash").text
        for words, want in ((["serve", "--so"], ["--socket"]),
                            (["serve", "--socket", "out"], ["out.sock"]),
                            (["serve", "--listen", "out"], []),
                            (["--socket", "out"], ["out.sock"])):
            asked = (f"{script}COMP_WORDS=(adminex {' '.join(words)}); COMP_CWORD={len(words)}; "
                     '_adminex; printf "%s\\n" "${COMPREPLY[@]}"')
            self.assertEqual(self.shell(asked).split(), want, words)


if __name__ == "__main__":
    unittest.main()
