"""Who may talk to the daemon, what they may do there, and what is written down of it."""

import contextlib
import grp
import hashlib
import http.client
import os
import pwd
import re
import socket
import ssl
import subprocess
import time
import unittest

import daemon
import harness
import test_contract
import test_roles
import world
from world import CHAT, HOST, PASSWORD

IS_ROOT = os.geteuid() == 0


def records(test):
    return test.sql("SELECT command, actor, face, request_id FROM audit_log "
                    "WHERE face = 'http' ORDER BY id")


def ban(server, headers=None, user="romeo", host=HOST, **how):
    return server.post("ban_account", {"user": user, "host": host, "reason": "x"}, headers, **how)


class Tokens(daemon.TestCase):
    shared = {"log": "all", "tcp": True}

    def bearer(self, *options):
        return self.known(self.server, self.token(*options))

    def test_a_token_is_its_callers_role(self):
        reader, operator, admin = (self.bearer("--role", role)
                                   for role in ("reader", "operator", "admin"))
        for headers, word in [(reader, "reader"), (operator, "operator")]:
            self.says(self.server.post("add_host", {"host": "new.org"}, headers), 403,
                      "not_allowed", f"add_host needs role admin; token .* has role {word}")
        self.says(ban(self.server, reader), 403, "not_allowed", "ban_account needs role operator")
        self.says(self.server.post("load_config", {}, operator), 403, "not_allowed", "role admin")
        self.assertEqual(self.sql("SELECT count(*) FROM bans"), [["0"]])
        self.says(ban(self.server, operator), 200, "ok")
        self.says(self.server.post("add_host", {"host": "new.org"}, admin), 200, "ok")
        self.says(self.server.post("check_account", {"user": "romeo", "host": HOST}, reader), 200,
                  "ok")

    def test_every_command_asks_for_its_role(self):
        reader = {*test_roles.READER, "cache_info", "gdpr_verify"}
        operator = {*reader, *test_roles.OPERATOR, "cache_clear"}
        allowed = {"reader": reader, "operator": operator,
                   "admin": {*operator, *test_roles.ADMIN, *test_roles.LOCAL}}
        files = {"t.template": self.file("t.template", test_roles.TEMPLATE),
                 "erasures": self.file("erasures", "")}
        server = self.serve(tcp=True, more=world.SETTINGS.format(self.tmp))
        for role, names in allowed.items():
            headers = self.known(server, self.token("--role", role))
            for name in sorted({*test_contract.KINDS, *test_roles.CALLS}):
                args = test_roles.CALLS.get(name, ["romeo", HOST] * bool(daemon.parameters(name)))
                fields = daemon.fields(name, [files.get(a, a) for a in args])
                with self.subTest(role=role, command=name):
                    reply = server.post(name, {**fields, "dry_run": True}, headers)
                    self.assertNotIn(reply.status, (400, 500), reply)
                    self.assertNotIn(b"bad_argument", reply.body)
                    self.assertEqual(reply.status != 403, name in names, reply)

    def test_a_token_may_be_limited_to_hosts(self):
        headers = self.bearer("--role", "admin", "--host", "Example.ORG", "--host", "x.org")
        self.says(ban(self.server, headers), 200, "ok")
        self.says(self.server.post("registered_users", {"host": "EXAMPLE.org"}, headers), 200, "ok")
        before = self.state()
        for command, fields, message in [
                ("ban_account", {"user": "romeo", "host": CHAT, "reason": "x"},
                 r"ban_account on chat.example.org: token .* is limited to example.org, x.org"),
                ("registered_users", {"host": CHAT}, "limited to"),
                ("registered_users", {"host": "chat.EXAMPLE.org"}, "limited to"),
                ("delete_old_users", {"days": 1}, "cannot be limited to hosts, and token"),
                ("connected_users_info", {}, "cannot be limited"),
                ("load_config", {}, "cannot be limited"), ("get_cookie", {}, "cannot be limited"),
                ("send_message_chat", {"from": f"a@{CHAT}", "to": f"romeo@{HOST}", "body": "x"},
                 "limited to"),
                ("stats", {"name": "registeredusers"}, "cannot be limited")]:
            with self.subTest(command=command, fields=fields):
                self.says(self.server.post(command, fields, headers), 403, "not_allowed", message)
        self.assertEqual(self.state(), before)

    def test_what_is_no_token(self):
        good = self.token("--role", "admin")
        self.known(self.server, good)
        for header, message in [
                ("Bearer", "only Bearer|not known"), ("Bearer ", "not known|only Bearer"),
                ("Bearer x", "not known"), (f"Bearer {good}x", "not known"),
                (f"Bearer {good[:-1]}", "not known"), (f"Bearer {good.upper()}", "not known"),
                (f"Bearer {good} {good}", "not known"), ("Basic YTpi", "only Bearer"),
                (good, "only Bearer"), ("Bearer \xff\xfe", "not known")]:
            with self.subTest(header=header.replace(good, "TOKEN")):
                # Whoever presents a token is that caller, or none: not the peer on the socket.
                reply = self.server.get("/api", {"Authorization": header})
                self.says(reply, 401, "not_allowed", message)
                self.assertEqual(reply["WWW-Authenticate"], 'Bearer realm="adminex"')
        self.says(self.server.get("/api", {"Authorization": f"bearer {good}"}), 200, "ok")

    def test_by_tcp_no_caller_no_service(self):
        headers = self.bearer("--role", "reader")
        with contextlib.closing(self.server.tcp_connection()) as conn:
            for method, path in [("GET", "/api"), ("GET", "/metrics"), ("GET", "/openapi.json"),
                                 ("POST", "/api/check_account"), ("POST", "/api/nowhere"),
                                 ("POST", "/api/add_host")]:
                reply = daemon.exchange(conn, method, path, b'{"host": "x.org"}')
                self.says(reply, 401, "not_allowed", "no caller, no service")
                self.assertEqual(reply["WWW-Authenticate"], 'Bearer realm="adminex"')
            for path in ("/healthz", "/readyz"):
                self.says(daemon.exchange(conn, "GET", path), 200, "ok")
            self.says(daemon.exchange(conn, "GET", "/api", None, headers), 200, "ok")
            self.says(daemon.exchange(conn, "POST", "/api/check_account",
                                      f'{{"user": "romeo", "host": "{HOST}"}}', headers), 200, "ok")
            self.says(daemon.exchange(conn, "GET", "/api"), 401, "not_allowed")
        self.assertEqual(records(self), [])

    def test_revoking_takes_effect_within_two_seconds(self):
        headers = self.bearer("--role", "operator", "--label", "to be revoked")
        number = self.value("SELECT max(id) FROM tokens")
        self.succeeds(self.adminex("token", "revoke", number))
        harness.wait_until(lambda: ban(self.server, headers).status == 401, 2)

    def test_revoking_takes_effect_without_a_notification_too(self):
        headers = self.bearer("--role", "operator")
        self.sql("UPDATE tokens SET revoked_at = now() WHERE id = (SELECT max(id) FROM tokens)")
        harness.wait_until(lambda: ban(self.server, headers).status == 401, 3)

    def test_a_token_expires(self):
        token = self.token("--role", "operator", "--expires", "1h")
        self.sql("UPDATE tokens SET expires_at = now() + interval '4 s' "
                 "WHERE id = (SELECT max(id) FROM tokens)")
        headers = self.known(self.server, token)
        harness.wait_until(lambda: ban(self.server, headers).status == 401, 6)
        self.assertEqual(self.value("SELECT now() > expires_at FROM tokens ORDER BY id DESC "
                                    "LIMIT 1"), "t")

    def test_the_audit_log_names_the_caller_and_the_request(self):
        headers = self.bearer("--role", "operator", "--label", "billing")
        number = self.value("SELECT max(id) FROM tokens")
        replies = [ban(self.server, headers), ban(self.server, user="juliet"),
                   self.server.call("register", user="romeo", host=HOST, password="x")]
        rows = records(self)
        self.assertEqual([row[3] for row in rows], [r["Adminex-Request"] for r in replies])
        self.assertEqual([row[:3] for row in rows], [
            ["ban_account", rows[0][1], "http"], ["ban_account", f"user {world.ACTOR}", "http"],
            ["register", f"user {world.ACTOR}", "http"]])
        self.assertRegex(rows[0][1], rf"\Atoken .*({number}|billing)")
        for (command, actor, _, request), status in zip(rows, ("ok", "ok", "exists")):
            self.assertRegex(self.server.log,
                             re.escape(f"request={request} caller={actor} command={command} "
                                       f"status={status} rows="))

    def test_refusals_are_in_the_log_when_it_is_asked_for_all(self):
        for log, lines in (("all", 1), ("writes", 0)):
            server = self.serve(log=log)
            replies = [server.get("/api", {"Authorization": "Bearer nobody's"}),
                       server.post("no_such_command", {}),
                       server.post("check_account", "x" * (2 << 20))]
            self.assertEqual([reply.status for reply in replies], [401, 404, 413])
            for reply in replies:
                found = f"request={reply['Adminex-Request']} "
                self.assertEqual(server.log.count(found), lines, (log, reply))
            if lines:
                self.assertRegex(server.log, "command=- status=not_allowed code=401 error=the token")
            self.assertNotIn("nobody's", server.log)

    def test_the_log_has_each_request_once_and_no_secret(self):
        token = self.token("--role", "operator")
        headers, secret = self.known(self.server, token), "Qw7-unheard-of-word"
        replies = [self.server.post(command, fields, extra) for command, fields, extra in [
            ("change_password", {"user": "romeo", "host": HOST, "newpass": secret}, headers),
            ("change_password", {"user": "a b", "host": HOST, "newpass": secret}, headers),
            ("change_password", {"user": "romeo", "newpass": secret}, headers),
            ("change_password", {"user": "romeo", "host": HOST, "newpass": [secret]}, headers),
            ("change_password", {"user": "romeo", "host": HOST, secret: secret[:3]}, {}),
            ("change_password", '{"user": "romeo", "newpass": "' + secret, headers),
            ("register", {"user": "x", "host": "no.org", "password": secret}, headers),
            ("check_password", {"user": "romeo", "host": HOST, "password": secret}, headers),
            ("check_password", {"user": "romeo", "host": HOST, "password": secret + "\1"}, headers),
            ("can_i", {"who": token, "command": "stats", "host": HOST}, headers),
            ("can_i", {"who": secret, "command": "stats", "host": HOST}, headers),
            ("check_account", {"user": "romeo", "host": HOST}, headers)]]
        wrong = self.server.get("/api", {"Authorization": f"Bearer {token}{secret}"})
        self.says(wrong, 401, "not_allowed")
        log = self.server.log
        for reply in replies:
            self.assertEqual(log.count(f"request={reply['Adminex-Request']} "), 1, reply)
        for word in (secret, token, PASSWORD):
            self.assertNotIn(word, log.replace(f"field '{secret}' is not known", ""))
            for reply in (*replies, wrong):
                self.assertNotIn(word, reply.text.replace(f"field '{secret}'", ""))
        self.assertNotIn(self.dsn, log)


class Throttle(daemon.TestCase):
    def check(self, server, user="romeo", password=PASSWORD, host=HOST, headers=None):
        return server.post("check_password", {"user": user, "host": host, "password": password},
                           headers)

    def test_checks_are_counted_by_account_and_caller(self):
        server = self.serve(password_checks=3)
        headers = self.known(server, self.token("--role", "operator"))
        for password, status in [(PASSWORD, "ok"), ("x", "incorrect"), (PASSWORD, "ok")]:
            self.says(self.check(server, password=password), 200, status)
        for user, host in [("romeo", HOST), ("ROMEO", HOST), ("romeo", "EXAMPLE.org")]:
            reply = self.check(server, user, host=host)
            self.says(reply, 429, "too_many", "too many checks")
            self.assertIn(int(reply["Retry-After"]), range(1, 61))
        reply = server.call("check_password_hash", user="romeo", host=HOST, passwordhash="00",
                            hashmethod="md5")
        self.says(reply, 429, "too_many")
        self.says(self.check(server, headers=headers), 200, "ok")
        self.says(self.check(server, "juliet"), 200, "ok")
        self.says(self.check(server, "romeo", host=CHAT), 200, "ok")
        # An account that is not there is no exception.
        self.assertEqual([self.check(server, "nobody").status for _ in range(4)][-1], 429)
        self.assertEqual(server.metrics()["adminex_password_checks_refused_total"], 5)

    def test_time_gives_new_checks(self):
        server = self.serve(password_checks=120)
        codes = []
        while not codes or codes[-1] == 200 and len(codes) < 200:
            reply = self.check(server)
            codes.append(reply.status)
        self.assertEqual(codes[-1], 429)
        self.assertGreaterEqual(len(codes), 121)
        self.assertEqual(reply["Retry-After"], "1")
        time.sleep(1.1)
        self.says(self.check(server), 200, "ok")

    def test_who_may_not_check_does_not_count(self):
        server = self.serve(password_checks=1)
        headers = self.known(server, self.token("--role", "reader"))
        for _ in range(3):
            self.says(self.check(server, headers=headers), 403, "not_allowed")
        self.says(self.check(server), 200, "ok")
        self.says(self.check(server), 429, "too_many")


class Peers(daemon.TestCase):
    ME = pwd.getpwuid(os.geteuid()).pw_name

    @contextlib.contextmanager
    def nobody(self, server):
        """A connection of the user nobody's."""
        user = pwd.getpwnam("nobody")
        connection = server.connection()
        groups = os.getgroups()
        os.setgroups([])
        os.setegid(user.pw_gid)
        os.seteuid(user.pw_uid)
        try:
            connection.connect()
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)
        with contextlib.closing(connection):
            yield connection

    def test_the_socket_is_not_for_everybody(self):
        server = self.serve()
        self.assertEqual(os.stat(server.socket).st_mode & 0o7777, 0o660)
        if IS_ROOT:
            with self.assertRaises(PermissionError), self.nobody(server):
                pass

    def test_the_daemons_own_user_is_admin_unless_the_configuration_says_otherwise(self):
        server = self.serve()
        self.says(server.call("add_host", host="new.org"), 200, "ok")
        server = self.serve(peers=[f"{self.ME}:reader"])
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        self.says(server.call("add_host", host="newer.org"), 403, "not_allowed",
                  f"add_host needs role admin; user {self.ME} has role reader")
        server = self.serve(peers=[f"{self.ME}:operator:{HOST},x.org"])
        self.says(ban(server), 200, "ok")
        self.says(ban(server, host=CHAT), 403, "not_allowed", f"user {self.ME} is limited to")

    @unittest.skipUnless(IS_ROOT, "takes two users")
    def test_other_users_are_who_the_configuration_says(self):
        group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
        for peers, code in [([], 401), ([f"nobody:operator:{HOST}"], 200),
                            ([f"nobody:operator:{CHAT}"], 403), (["nobody:reader"], 403),
                            (["daemon:admin"], 401)]:
            with self.subTest(peers=peers):
                self.setUp()
                server = self.serve(group=group, peers=peers)
                with self.nobody(server) as connection:
                    reply = ban(server, connection=connection)
                self.says(reply, code, "ok" if code == 200 else "not_allowed")
                self.assertEqual([row[1] for row in records(self)],
                                 ["user nobody"] if code == 200 else [])
                self.says(ban(server), 200, "ok")


class Certificates(daemon.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority("ca")
        cls.authority("other")
        for name in ("server", "client", "unknown"):
            cls.certificate(name, "ca")
        cls.certificate("foreign", "other")

    @classmethod
    def openssl(cls, *args):
        harness.run_checked(["openssl", *args])

    @classmethod
    def path(cls, name):
        return str(cls.tmp / name)

    @classmethod
    def authority(cls, name):
        cls.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout",
                    cls.path(f"{name}.key"), "-out", cls.path(f"{name}.pem"))

    @classmethod
    def certificate(cls, name, ca):
        request, more = cls.path(f"{name}.csr"), cls.path(f"{name}.ext")
        with open(more, "w", encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1\n")
        cls.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", f"/CN={name}", "-keyout", cls.path(f"{name}.key"), "-out", request)
        cls.openssl("x509", "-req", "-in", request, "-days", "2", "-extfile", more, "-CA",
                    cls.path(f"{ca}.pem"), "-CAkey", cls.path(f"{ca}.key"), "-CAcreateserial",
                    "-out", cls.path(f"{name}.pem"))

    def digest(self, name):
        pem = (self.tmp / f"{name}.pem").read_text()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def serve_tls(self, **http):
        return self.serve(tcp=True, tls_certificate=self.path("server.pem"),
                          tls_key=self.path("server.key"), **http)

    def connect(self, server, name=None):
        client = (self.path(f"{name}.pem"), self.path(f"{name}.key")) if name else (None, None)
        return server.tcp_connection(daemon.client_context(self.path("ca.pem"), *client))

    def test_tls(self):
        server = self.serve_tls()
        self.says(server.get("/healthz", connection=self.connect(server)), 200, "ok")
        self.says(server.get("/api", connection=self.connect(server)), 401, "not_allowed")
        headers = self.known(server, self.token("--role", "operator"),
                             lambda: self.connect(server))
        self.says(ban(server, headers, connection=self.connect(server)), 200, "ok")
        # A certificate that nobody asked for says nothing.
        self.says(server.get("/api", connection=self.connect(server, "client")), 401,
                  "not_allowed")

    def test_tls_only(self):
        server = self.serve_tls()
        with self.assertRaises((http.client.HTTPException, OSError)):
            server.get("/healthz", connection=server.tcp_connection(timeout=5))
        old = daemon.client_context(self.path("ca.pem"))
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(OSError):
            server.get("/healthz", connection=server.tcp_connection(old, timeout=5))

    def test_a_handshake_that_does_not_end(self):
        server = self.serve_tls(idle_timeout=1)
        hello = b"\x16\x03\x01\x02\x00\x01\x00"
        with contextlib.ExitStack() as stack:
            begin = time.monotonic()
            socks = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
                     for _ in range(6)]
            socks[0].sendall(hello)
            conn = stack.enter_context(contextlib.closing(self.connect(server)))
            for _ in range(5):
                self.says(daemon.exchange(conn, "GET", "/healthz"), 200, "ok")
                time.sleep(0.4)
            for sock in socks:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(sock.recv(1000), b"")
            self.assertLess(time.monotonic() - begin, 5)
            self.says(daemon.exchange(conn, "GET", "/healthz"), 200, "ok")

    def test_client_certificates(self):
        server = self.serve_tls(tls_clients=self.path("ca.pem"), certificates=[
            f"{self.digest('client').upper()}:operator:{HOST}", f"{self.digest('foreign')}:admin"])
        with contextlib.closing(self.connect(server, "client")) as conn:
            for _ in range(2):
                body = f'{{"user": "romeo", "host": "{HOST}", "reason": "x"}}'
                self.says(daemon.exchange(conn, "POST", "/api/ban_account", body), 200, "ok")
        self.assertEqual({row[1].lower() for row in records(self)},
                         {f"certificate {self.digest('client')[:16]}"})
        self.says(ban(server, host=CHAT, connection=self.connect(server, "client")), 403,
                  "not_allowed", "limited to example.org")
        self.says(server.get("/api", connection=self.connect(server, "unknown")), 401,
                  "not_allowed")
        self.says(server.get("/api", connection=self.connect(server)), 401, "not_allowed")
        # Signed by somebody else, it is nobody's, though the configuration has its digest.
        try:
            reply = server.get("/api", connection=self.connect(server, "foreign"))
        except OSError:
            return
        self.says(reply, 401, "not_allowed")

    def test_files_that_are_no_certificate(self):
        for http_settings, pattern in [
                ({"tls_certificate": "/nowhere.pem", "tls_key": self.path("server.key")},
                 "/nowhere.pem"),
                ({"tls_certificate": self.path("server.pem"), "tls_key": self.path("client.key")},
                 "cannot serve HTTP by TCP"),
                ({"tls_certificate": self.path("server.pem"), "tls_key": ""}, "tls_key|key")]:
            with self.subTest(settings=http_settings):
                config = self.file("tls.conf", "http = {" + "".join(
                    f'{k} = "{v}"; ' for k, v in http_settings.items()) + "};")
                result = self.adminex("serve", "--listen", "127.0.0.1:0", options=["-c", config])
                self.assertEqual(result.status, 1, result)
                self.assertRegex(result.err.decode(), pattern)


if __name__ == "__main__":
    harness.unittest.main()
