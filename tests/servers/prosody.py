"""A private Prosody, filled by prosody-migrator from files of XEP-0227."""

import re
import shutil
from urllib.parse import unquote

import instance

PROGRAM, MIGRATOR = "/usr/bin/prosody", "/usr/bin/prosody-migrator"

# What Debian's configuration enables, without TLS, other servers and interfaces of administrators.
CONFIGURATION = """\
modules_enabled = {{
    "disco"; "roster"; "saslauth"; "blocklist"; "bookmarks"; "carbons"; "pep"; "private"; "smacks";
    "vcard4"; "vcard_legacy"; "csi_simple"; "ping"; "time"; "uptime"; "version"; "posix";
}}
modules_disabled = {{ "s2s"; "tls" }}
daemonize = false
data_path = "{folder}/data"
certificates = "{folder}"
authentication = "internal_hashed"
password_hash = "{scram}"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
log = {{ {{ levels = {{ min = "info" }}; to = "file"; filename = "{folder}/log" }} }}
{hosts}
"""

# What the migrator has no settings for; docs/OPERATIONS.md tells administrators the same.
SETTINGS = """\
package.path = "/usr/lib/prosody/?.lua;" .. package.path
package.cpath = "/usr/lib/prosody/?.so;" .. package.cpath
local config = require "core.configmanager"
config.set("*", "data_path", "{files}")
config.set("*", "password_hash", "{scram}")
"""

STORES = """\
local stores = {{ "accounts", "roster", "vcard", "private" }}
{source} {{ type = "xep0227", hosts = {{ {hosts} }} }}
{target} {{ type = "internal", path = "{folder}/data", hosts = {{ {hosts} }} }}
"""


class Prosody(instance.Instance):
    name = "prosody"

    def __init__(self, hosts, scram="SHA-1"):
        super().__init__()
        self.hosts, self.scram = hosts, scram
        self.make("data")
        self.write("prosody.cfg.lua", CONFIGURATION.format(
            folder=self.folder, scram=scram, port=self.port,
            hosts="\n".join(f'VirtualHost "{host}"' for host in hosts)))

    def migrate(self, files, source, target):
        """What the migrator warns of, but for the hosts, which have nothing of their own."""
        self.write("settings.lua", SETTINGS.format(files=files, scram=self.scram))
        hosts = ", ".join(f'["{host}"] = stores' for host in self.hosts)
        stores = self.write("stores.lua", STORES.format(
            folder=self.folder, hosts=hosts, source=source, target=target))
        status, said = self.run(MIGRATOR, "--config", stores, LUA_INIT=f"@{self.folder}/settings.lua")
        if status != 0 or "Done!" not in said:
            raise AssertionError(f"prosody-migrator: {status}\n{said}")
        before = ""
        warnings = []
        for line in said.splitlines():
            if re.search(r"\swarn\t", line) and "Migrating host" not in before:
                warnings.append(line)
            before = line
        return warnings

    def take_over(self, path):
        """Import a folder of files, or the file of one account."""
        if path.is_dir():
            return self.migrate(self.take(path), "input", "output")
        folder = self.make("one")
        shutil.copyfile(path, folder / path.name)
        self.own(folder / path.name)
        return self.migrate(folder, "input", "output")

    def export(self):
        """The folder with what Prosody's own driver writes: a file for each account."""
        folder = self.make("export")
        self.migrate(folder, "output", "input")
        return folder

    def accounts(self, host):
        """Their names, which the names of files say."""
        files = [path for path in (self.folder / "data").glob("*/accounts/*.dat")
                 if unquote(path.parts[-3]) == host]
        return {unquote(path.stem) for path in files}

    def run_server(self):
        self.start(PROGRAM, "--config", self.folder / "prosody.cfg.lua", "-F")

    def logs(self):
        return [*super().logs(), self.folder / "log"]
