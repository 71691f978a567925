"""A private ejabberd. Its nodes find each other without epmd: ERL_DIST_PORT says where."""

import os
import re
import time

import instance

CTL = "/usr/sbin/ejabberdctl"

CONFIGURATION = """\
loglevel: info
hosts: {hosts}
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
auth_method: internal
auth_password_format: scram
auth_scram_hash: {hash}
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
api_permissions:
  "console commands": {{from: [ejabberd_ctl], who: all, what: "*"}}
modules:
  mod_admin_extra: {{}}
  mod_blocking: {{}}
  mod_caps: {{}}
  mod_disco: {{}}
  mod_last: {{}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_private: {{}}
  mod_pubsub: {{plugins: [flat, pep]}}
  mod_roster: {{versioning: true}}
  mod_stream_mgmt: {{}}
  mod_vcard: {{search: false}}
"""

HASHES = {"SHA-1": "sha", "SHA-256": "sha256", "SHA-512": "sha512"}


class Ejabberd(instance.Instance):
    name = "ejabberd"

    def __init__(self, hosts, scram="SHA-1"):
        super().__init__()
        self.write("ejabberd.yml", CONFIGURATION.format(hosts=list(hosts), port=self.port,
                                                         hash=HASHES[scram]).replace("'", '"'))
        self.write("ejabberdctl.cfg", f"ERLANG_NODE=adminex{os.getpid()}@localhost\n"
                   f"ERL_DIST_PORT={instance.free_port()}\nINET_DIST_INTERFACE=127.0.0.1\n")
        self.write("inetrc", '{host, {127,0,0,1}, ["localhost"]}.\n')
        for name in ("spool", "log", "export"):
            self.make(name)
        self.write("ctl", self.script(), 0o700)
        self.start(*self.command(), "foreground")

    @staticmethod
    def script():
        """Debian's own, which only root and the user ejabberd may run, for whoever we are."""
        with open(CTL, encoding="utf-8") as file:
            return re.sub(r"(?m)^INSTALLUSER=.*$", "INSTALLUSER=", file.read(), count=1)

    def command(self):
        return [self.folder / "ctl", "--config-dir", self.folder, "--ctl-config",
                self.folder / "ejabberdctl.cfg", "--logs", self.folder / "log", "--spool",
                self.folder / "spool"]

    def ctl(self, *args):
        """What ejabberdctl says; it must succeed."""
        status, said = self.run(*self.command(), *args)
        if status != 0:
            time.sleep(1)  # what went wrong is logged a moment later
            raise AssertionError(f"ejabberdctl {args}: {status}\n{said}\n{self.output()}")
        return said

    def is_up(self):
        return super().is_up() and self.run(*self.command(), "status")[0] == 0

    def logs(self):
        return [*super().logs(), self.folder / "log" / "error.log"]

    def take_over(self, path):
        """Import a document."""
        return self.ctl("--no-timeout", "import_piefxis", self.take(path))

    def export_host(self, host):
        """The folder in which ejabberd's own export of the host is."""
        self.ctl("export_piefxis_host", self.folder / "export", host)
        return self.folder / "export"

    def accounts(self, host):
        return set(self.ctl("registered_users", host).splitlines())

    def end(self):
        self.run(*self.command(), "stop")
