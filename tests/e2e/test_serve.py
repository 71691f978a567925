"""The daemon's addresses, HTTP statuses, formats, streams, pages and trial runs."""

import concurrent.futures
import contextlib
import http.client
import json
import re
import time

import daemon
import harness
import test_contract
import test_roles
import world
from world import CHAT, EMPTY, HOST, PASSWORD

SESSIONS = """
INSERT INTO sessions (host, username, resource, priority, status, ip, port)
SELECT 'example.org', 'juliet', 'r' || lpad(i::text, 6, '0'), i %% 100, 'status of ' || i,
       '192.0.2.1', 5222
  FROM generate_series(1, %d) AS i
"""

# The sessions in their order, and a long pause before the last.
PAUSE = """
ALTER TABLE sessions RENAME TO all_sessions;
CREATE VIEW sessions AS SELECT * FROM all_sessions
 WHERE resource <> 'z' OR pg_sleep(60) IS NOT NULL;
ALTER DATABASE :"name" SET enable_sort = off;
ALTER DATABASE :"name" SET enable_seqscan = off;
ALTER DATABASE :"name" SET enable_bitmapscan = off;
"""

LIST = (b"POST /api/status_list_host HTTP/1.1\r\nHost: x\r\nContent-Length: 39\r\n\r\n"
        b'{"host": "example.org","status": "all"}')


def fill_with_pause(cluster, database):
    """Sessions of which 5,000 come at once, and the last one long after."""
    cluster.sql(database, "INSERT INTO hosts VALUES ('example.org');"
                "INSERT INTO users (host, username) VALUES ('example.org', 'juliet');"
                + SESSIONS % 5000 + "; INSERT INTO sessions (host, username, resource) "
                "VALUES ('example.org', 'juliet', 'z');" + PAUSE, name=database)


class Addresses(daemon.TestCase):
    shared = {"log": "all", "max_body": 5000}

    def test_health_and_readiness(self):
        for path in ("/healthz", "/readyz"):
            reply = self.server.get(path)
            self.says(reply, 200, "ok")
            self.assertEqual(reply.body, b'{"status":"ok"}\n')

    def test_commands(self):
        listed = self.says(self.server.get("/api"), 200, "ok")["result"]
        self.assertLessEqual(set(test_contract.KINDS), {row["command"] for row in listed})
        for row in listed:
            self.assertEqual(set(row), {"command", "submod", "summary", "usage"})
            self.assertTrue(row["usage"].startswith(test_contract.two_words(row["command"])))

    def test_commands_are_those_that_the_caller_may_run(self):
        everything = [row["command"] for row in self.server.get("/api").json()["result"]]
        for options in (["--role", "reader"], ["--role", "operator"], ["--role", "admin"],
                        ["--role", "operator", "--host", HOST],
                        ["--role", "reader", "--host", CHAT]):
            token = self.token(*options)
            headers = self.known(self.server, token)
            listed = [row["command"] for row in
                      self.server.get("/api", headers).json()["result"]]
            may = [name for name in everything if self.server.post(
                "can_i", {"who": token, "command": name, "host": options[-1]}
            ).json()["status"] == "ok"]
            self.assertEqual(listed, may, options)
            if options == ["--role", "reader"]:
                self.assertEqual(set(listed), {*test_roles.READER, "cache_info", "gdpr_verify"})
            if options == ["--role", "admin"]:
                self.assertEqual(listed, everything)

    def test_openapi_describes_every_command(self):
        reply = self.server.get("/openapi.json")
        self.assertEqual((reply.status, reply["Content-Type"]), (200, "application/json"))
        paths = reply.json()["paths"]
        for row in self.server.get("/api").json()["result"]:
            self.assertIn(f"/api/{row['command']}", paths)

    def test_metrics_move(self):
        before = self.server.metrics()
        self.server.call("check_account", user="romeo", host=HOST)
        self.server.call("check_account", user="nobody", host=HOST)
        self.server.call("check_account", host=HOST)
        self.server.get("/nowhere")
        after = self.server.metrics()

        def moved(name):
            return after.get(f"adminex_{name}", 0) - before.get(f"adminex_{name}", 0)

        for outcome, count in [("yes", 1), ("no", 1), ("failed", 1)]:
            self.assertEqual(
                moved(f'commands_total{{command="check_account",outcome="{outcome}"}}'), count)
        self.assertEqual(moved("command_seconds_count"), 3)
        self.assertEqual(moved('command_seconds_bucket{le="+Inf"}'), 3)
        self.assertGreater(moved("command_seconds_sum"), 0)
        self.assertEqual(moved('http_replies_total{code="404"}'), 2)
        self.assertEqual(moved('http_replies_total{code="400"}'), 1)
        self.assertEqual(after["adminex_requests_in_flight"], 0)
        self.assertEqual(after["adminex_listening"], 1)
        self.assertEqual(self.server.get("/metrics")["Content-Type"].split(";")[0], "text/plain")

    def test_statuses(self):
        known = {"user": "romeo", "host": HOST}
        for command, fields, code, status, message in [
                ("check_account", "{", 400, "usage", "not JSON"),
                ("check_account", "[]", 400, "usage", "object"),
                ("check_account", b'{"user": "\xff"}', 400, "usage", "UTF-8"),
                ("check_account", "", 400, "usage", "'user' is missing.*'host' is missing"),
                ("check_account", {"user": "romeo"}, 400, "usage", "'host' is missing"),
                ("check_account", {**known, "age": 1}, 400, "usage", "'age' is not known"),
                ("check_account", {**known, "user": 1}, 400, "usage", "'user'"),
                ("check_account", {**known, "limit": 1}, 400, "usage", "pages|limit"),
                ("check_acount", known, 404, "usage", "no such command"),
                ("check_account", {**known, "user": "no"}, 404, "user_does_not_exist", "no@"),
                ("registered_users", {"host": "x.org"}, 404, "host_does_not_exist", "x.org"),
                ("get_vcard", {**known, "name": "FN"}, 404, "not_found", "Vcard"),
                ("kick_session", {**known, "resource": "r", "reason": ""}, 404, "no_session",
                 "No session"),
                ("register", {**known, "password": "x"}, 409, "exists", "already"),
                ("unregister", {**known, "max_affected": 0}, 409, "too_many", "more than 0"),
                ("check_account", {**known, "user": "x" * 5000}, 413, "too_many", "body"),
                ("register", {**known, "user": "a b", "password": "x"}, 422, "error", "jid"),
                ("set_last", {**known, "timestamp": "x", "status": ""}, 422, "bad_argument", "x"),
                ("check_password", {**known, "password": PASSWORD}, 200, "ok", "is correct"),
                ("check_password", {**known, "password": "x"}, 200, "incorrect", "incorrect"),
                ("check_account", known, 200, "ok", "exists")]:
            with self.subTest(command=command, code=code, message=message):
                before = self.state()
                body = self.says(self.server.post(command, fields), code, status, message)
                self.assertNotIn("result", body)
                self.assertEqual(self.changed(before, self.state()), set())

    def test_no_route(self):
        for method, path, code in [
                ("GET", "/", 404), ("GET", "/api/", 404), ("POST", "/api/", 404),
                ("GET", "/apis", 404), ("POST", "/api/check_account/x", 404),
                ("POST", "/api/..%2fmetrics", 404), ("POST", "/api/%00", 404),
                ("POST", "/api/" + "x" * 1000, 404), ("POST", "/healthz", 405),
                ("GET", "/api/check_account", 405), ("PUT", "/api/check_account", 405),
                ("DELETE", "/api", 405), ("POST", "/metrics", 405), ("OPTIONS", "/api", 405)]:
            with self.subTest(method=method, path=path):
                reply = self.server.request(method, path, b"{}")
                self.assertIn("hint", self.says(reply, code, "usage"))
                allowed = "POST" if path.startswith("/api/") else "GET"
                self.assertEqual(reply["Allow"], allowed if code == 405 else None)
        reply = self.server.request("HEAD", "/api")
        self.assertEqual((reply.status, reply.body), (405, b""))

    def test_a_near_name_is_offered(self):
        body = self.says(self.server.post("chek_account", "{}"), 404, "usage")
        self.assertIn("'check_account'", body["hint"])
        self.says(self.server.call("check-account", user="romeo", host=HOST), 200, "ok")

    def test_a_refused_request_leaves_its_connection_usable(self):
        with contextlib.closing(self.server.connection()) as conn:
            for command, code in [("nowhere", 404), ("check_account", 400), ("nowhere", 404)]:
                self.says(daemon.exchange(conn, "POST", f"/api/{command}", b"x" * 4000), code,
                          "usage")
                self.assertIsNotNone(conn.sock)

    def test_a_body_without_a_length(self):
        def send(*pieces):
            with contextlib.closing(self.server.connection()) as conn:
                conn.request("POST", "/api/check_account", iter(pieces), encode_chunked=True,
                             headers={"Transfer-Encoding": "chunked"})
                answer = conn.getresponse()
                return daemon.Reply(answer.status, answer.headers, answer.read())
        self.says(send(b'{"user":"romeo",', b'"host":', b'"example.org"}'), 200, "ok")
        self.says(send(b'{"user":"', *[b"x" * 1000] * 6, b'"}'), 413, "too_many")

    def test_expect_is_answered_before_the_body(self):
        for command, first in [("check_account", b"HTTP/1.1 100 "), ("nowhere", b"HTTP/1.1 404 ")]:
            with self.server.raw(f"POST /api/{command} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                                 "Expect: 100-continue\r\n\r\n".encode()) as sock:
                self.assertTrue(sock.recv(1000).startswith(first), command)

    def test_requests_that_are_no_trouble_are_no_lines_of_the_library(self):
        server = self.serve()
        for _ in range(3):
            self.says(server.get("/healthz"), 200, "ok")
            self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        self.assertEqual(sorted(server.log.splitlines()), [
            "adminex: listening to what other processes change; results are cached",
            "adminex: serving, until SIGTERM"])

    def test_a_long_header_is_431(self):
        with self.server.raw(b"GET /api HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 8000) as sock:
            self.assertTrue(sock.recv(1000).startswith(b"HTTP/1.1 431 "))
        self.says(self.server.get("/api", {"X": "x" * 1000}), 200, "ok")

    def test_nothing_is_done_without_room_for_the_reply(self):
        """The headers of request and reply share their memory, and remarks are long."""
        template = "user,host,group,nick\n" + "".join(f"{'é' * 20}{n},{HOST},,\n" for n in range(50))
        body = json.dumps({"file": template, "file_format": "csv"})
        server = self.serve()
        codes, wanting = [], 0
        for n in range(0, 4200, 60):
            for headers in ({"X": "x" * n}, {f"X{i}": "x" * 20 for i in range(n // 80)}):
                try:
                    reply = server.post("push_roster_all", body, headers)
                except (OSError, http.client.HTTPException):
                    wanting += 1
                    continue
                codes.append(reply.status)
                if reply.status == 200:
                    self.assertRegex(reply.headers.get_all("Adminex-Remark")[-1],
                                     r"\Aand \d+ remarks more")
        self.assertEqual(set(codes), {200, 431})
        self.assertEqual(self.value("SELECT count(*) FROM audit_log"), str(codes.count(200)))
        self.assertGreater(codes.count(200), 45)
        self.assertLess(wanting, 80)
        with contextlib.closing(server.connection()) as conn:
            reply = daemon.exchange(conn, "GET", "/api", None, {"X": "x" * 3300})
        self.assertEqual((reply.status, reply.json()["status"]), (431, "too_many"))

    def test_what_is_no_http_gets_no_service(self):
        for text in (b"NOPE\r\n\r\n", b"GET /api HTTP/9.9\r\n\r\n", b"\xff\xfe\r\n\r\n",
                     b"POST /api/check_account HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                     b"POST /api/check_account HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n"):
            with self.subTest(text=text), self.server.raw(text, 5) as sock:
                with contextlib.suppress(ConnectionResetError):
                    self.assertNotIn(b" 200 ", sock.recv(1000)[:20])
        self.says(self.server.get("/healthz"), 200, "ok")

    def test_each_request_gets_its_own_reply(self):
        self.sql("INSERT INTO users (host, username) "
                 "SELECT 'example.org', 'u' || i FROM generate_series(0, 99) AS i")

        def ask(thread):
            with contextlib.closing(self.server.connection()) as conn:
                for n in range(100):
                    user = f"u{(n * 7 + thread) % 120}"
                    command = ("check_account", "ban_account", "set_last", "get_roster")[n % 4]
                    fields = {"user": user, "host": HOST}
                    if command == "set_last":
                        fields.update(timestamp=1, status=user)
                    if command == "ban_account":
                        fields["reason"] = user
                    reply = daemon.exchange(conn, "POST", f"/api/{command}", json.dumps(fields))
                    self.assertEqual(reply.status, 200 if int(user[1:]) < 100 else 404, reply)
                    if command in ("check_account", "set_last"):
                        self.assertIn(f" {user}@{HOST} ", reply.text)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(ask, thread) for thread in range(8)]:
                done.result()

    def test_requests_behind_each_other_on_a_connection(self):
        body = b'{"user": "%s", "host": "example.org"}'
        names = [b"romeo", b"nobody", b"juliet"] * 5
        with self.server.raw(b"".join(
                b"POST /api/check_account HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body % name), body % name) for name in names)) as sock:
            data = b""
            while data.count(b"HTTP/1.1 ") < 15 or not data.endswith(b"}\n"):
                data += sock.recv(65536)
        self.assertEqual(re.findall(rb"User (\w+)@", data), names)


class Readiness(daemon.TestCase):
    def not_ready(self, server, message):
        begin = time.monotonic()
        reply = server.get("/readyz")
        self.assertLess(time.monotonic() - begin, 0.5)
        self.assertEqual(reply["Retry-After"], "1")
        return self.says(reply, 503, "error" if "schema" in message else "database_unavailable",
                         message)

    def test_the_database_comes_and_goes(self):
        cluster, dsn = self.own_cluster()
        server = self.serve(dsn, retry=0)
        self.says(server.get("/readyz"), 200, "ok")
        cluster.halt("immediate")
        self.not_ready(server, "database")
        reply = server.call("check_account", user="romeo", host=HOST)
        self.says(reply, 503, "database_unavailable")
        self.assertEqual(reply["Retry-After"], "1")
        self.says(server.get("/healthz"), 200, "ok")
        self.assertEqual(server.metrics()["adminex_listening"], 0)
        cluster.start()
        harness.wait_until(lambda: server.get("/readyz").status == 200, 5)
        self.says(server.call("check_account", user="romeo", host=HOST), 404,
                  "user_does_not_exist")
        server.wait_for_log(daemon.LISTENS, 2)

    def test_a_database_that_hangs(self):
        server = self.serve()
        self.says(server.get("/readyz"), 200, "ok")
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE")
        self.not_ready(server, "does not answer")
        self.not_ready(server, "does not answer")
        other.run("ROLLBACK")
        harness.wait_until(lambda: server.get("/readyz").status == 200, 5)

    def test_an_old_schema(self):
        database = self.new_database(self.addCleanup)
        server = self.serve(self.cluster.dsn(database))
        self.cluster.sql(database, "DELETE FROM schema_migrations WHERE version = "
                                   "(SELECT max(version) FROM schema_migrations)")
        self.not_ready(server, r"schema has version \d+, this program needs \d+")

    def test_it_starts_before_the_database(self):
        server = self.serve("host=/nowhere", wait="serving", retry=0)
        self.not_ready(server, "database")
        self.says(server.call("check_account", user="romeo", host=HOST), 503,
                  "database_unavailable")
        self.says(server.get("/healthz"), 200, "ok")


TYPES = [("application/json", "json", "application/json"),
         ("application/x-ndjson", "ndjson", "application/x-ndjson"),
         ("text/csv", "csv", "text/csv"), ("text/plain", "text", "text/plain"),
         ("text/x-table", "table", "text/plain")]


class Formats(daemon.TestCase):
    shared = {}

    def test_formats_are_those_of_the_command_line(self):
        self.online("romeo", 'a,"b" ☃', status="x\ny\tz", priority=5, ip="192.0.2.1", port=5222)
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": test_roles.CARD})
        self.contact("romeo", "juliet@example.org", nick="J", groups=["a", "b"])
        for command, *args in [
                ("check_account", "romeo", HOST), ("check_account", "nobody", HOST),
                ("registered_users", HOST), ("registered_users", EMPTY),
                ("registered_users", "no.example.org"), ("registered_vhosts",),
                ("status_list_host", HOST, "all"), ("get_roster", "romeo", HOST),
                ("num_resources", "romeo", HOST), ("resource_num", "romeo", HOST, "1"),
                ("get_vcard", "romeo", HOST, "FN"), ("get_vcard", "juliet", HOST, "FN"),
                ("stats", "registeredusers"), ("check_password", "romeo", HOST, PASSWORD)]:
            fields = dict(zip(daemon.parameters(command), args))
            for accept, option, kind in TYPES:
                with self.subTest(command=command, format=option):
                    result = self.adminex(command, *args, options=["--format", option])
                    reply = self.server.post(command, fields, {"Accept": accept})
                    self.assertEqual(reply.body, result.out)
                    self.assertEqual(reply["Content-Type"].split(";")[0], kind)
                    self.assertEqual(reply.status < 300, result.status == 0)
                    if option != "json":
                        word = self.server.post(command, fields).json()["status"]
                        self.assertEqual((reply["Adminex-Status"], reply["Adminex-Exit"]),
                                         (word, str(result.status)))

    def test_accept(self):
        for accept, kind in [("*/*", "application/json"), ("text/html", "application/json"),
                             ("text/csv, application/json;q=0.5", "text/csv"),
                             ("TEXT/CSV", "text/csv"), ("text/html, text/csv", "text/csv")]:
            reply = self.server.post("registered_users", {"host": HOST}, {"Accept": accept})
            self.assertEqual(reply["Content-Type"].split(";")[0], kind, accept)

    def test_failures_are_json_whatever_is_accepted(self):
        for accept, _, _ in TYPES:
            reply = self.server.post("set_last", {"user": "romeo", "host": HOST, "timestamp": "x",
                                                  "status": ""}, {"Accept": accept})
            self.says(reply, 422, "bad_argument", "timestamp")
            self.says(self.server.post("set_last", {}, {"Accept": accept}), 400, "usage")

    def test_remarks_are_headers(self):
        template = f"user,host,group,nick\nromeo,{HOST},,\nn\u00f6%,{HOST},,\n"
        reply = self.server.call("push_roster_all", file=template, file_format="csv")
        self.says(reply, 200, "ok")
        self.assertRegex(reply["Adminex-Remark"], "skipped 'n%C3%B6%25@example.org'")


class Lists(daemon.TestCase):
    shared = {}

    def test_a_long_list_comes_in_pieces(self):
        self.sql(SESSIONS % 60000)
        for accept, option, _ in TYPES[:3]:
            reply = self.server.post("status_list_host", {"host": HOST, "status": "all"},
                                     {"Accept": accept})
            self.assertEqual((reply.status, reply["Transfer-Encoding"], reply["Content-Length"]),
                             (200, "chunked", None))
            result = self.adminex("status_list_host", HOST, "all", options=["--format", option])
            self.assertGreater(len(result.out), 2 << 20)
            self.assertTrue(reply.body == result.out, option)

    def test_an_http_1_0_client_gets_it_whole_too(self):
        self.sql(SESSIONS % 5000)
        with self.server.raw(b"POST /api/connected_users_info HTTP/1.0\r\n\r\n") as sock:
            head, _, body = b"".join(iter(lambda: sock.recv(65536), b"")).partition(b"\r\n\r\n")
        self.assertNotIn(b"chunked", head)
        self.assertEqual(len(json.loads(body)["result"]), 5000)

    def test_pages(self):
        self.sql("INSERT INTO users (host, username) "
                 "SELECT 'chat.example.org', 'u' || i FROM generate_series(1, 25) AS i")
        whole = self.server.call("registered_users", host=CHAT).json()["result"]
        self.assertEqual(len(whole), 26)
        found, more = [], {}
        while True:
            body = self.says(self.server.call("registered_users", host=CHAT, limit=10, **more),
                             200, "ok")
            found.append(body["result"])
            if "next" not in body:
                break
            more = {"after": body["next"]}
        self.assertEqual([len(page) for page in found], [10, 10, 6])
        self.assertEqual(sum(found, []), whole)
        lines = self.server.post("registered_users", {"host": CHAT, "limit": 1},
                                 {"Accept": "application/x-ndjson"}).text.splitlines()
        self.assertEqual([json.loads(line) for line in lines],
                         [{"user": "romeo"}, {"next": "romeo", "status": "ok"}])

    def test_pages_that_are_none(self):
        for fields, code in [({"limit": 0}, 422), ({"limit": -1}, 422), ({"limit": "x"}, 400),
                             ({"limit": 1.5}, 400), ({"limit": 1 << 70}, 400), ({"after": 1}, 400),
                             ({"limit": None}, 400)]:
            with self.subTest(fields=fields):
                reply = self.server.call("registered_users", host=HOST, **fields)
                self.says(reply, code, "usage" if code == 400 else "bad_argument")
        self.says(self.server.call("connected_users_info", after="a b@/"), 422, "bad_argument")

    def test_a_list_that_is_cut_off_has_no_end(self):
        database = self.new_database(self.addCleanup)
        fill_with_pause(self.cluster, database)
        server = self.serve(self.cluster.dsn(database), log="all")
        for accept in ("application/json", "application/x-ndjson", "text/csv"):
            with self.subTest(accept=accept):
                self.cut_off(server, database, accept)
        self.says(server.call("registered_users", host=HOST), 200, "ok")

    def cut_off(self, server, database, accept):
        request = LIST.replace(b"Host: x", b"Host: x\r\nAccept: " + accept.encode())
        with server.raw(request) as sock:
            data = b""
            # One of a hundred rows: a chunk may begin within any of them.
            while not re.search(rb"\br0040\d\d\b", data):
                data += self.more(sock, data)
            harness.wait_until(lambda: self.cluster.sql(
                database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE wait_event = 'PgSleep'") == [["t"]])
            while piece := sock.recv(65536):
                data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertIn(b"Transfer-Encoding: chunked", head)
        request = head.split(b"Adminex-Request: ")[1].split(b"\r\n")[0].decode()
        self.assertFalse(body.endswith(b"0\r\n\r\n"))
        self.assertNotIn(b'"status":"ok"}\n', body)
        self.assertNotIn(b"]", body)
        server.wait_for_log(f"request={request} ")
        self.assertRegex(server.log, f"request={request} .*status=database_unavailable .*error=")

    def more(self, sock, data=b""):
        piece = sock.recv(65536)
        self.assertTrue(piece, f"ended early, behind {data[-2000:]}")
        return piece


class Trials(daemon.TestCase):
    shared = {}

    def unchanged(self, command, code, status, **fields):
        before = self.state()
        body = self.says(self.server.call(command, **fields), code, status)
        self.assertEqual(self.state(), before)
        return body

    def test_dry_run_changes_nothing(self):
        self.contact("romeo", "juliet@example.org")
        self.unchanged("unregister", 200, "ok", user="romeo", host=HOST, dry_run=True)
        body = self.unchanged("delete_old_users", 200, "ok", days=1, include_never_seen=True,
                              dry_run=True)
        self.assertEqual(len(body["result"]), 4)
        self.unchanged("process_rosteritems", 200, "ok", action="delete", subs="any", asks="any",
                       users="any", contacts="any", dry_run=True)
        self.unchanged("ban_account", 200, "ok", user="romeo", host=HOST, reason="x", dry_run=True)
        self.unchanged("register", 409, "exists", user="romeo", host=HOST, password="x",
                       dry_run=True)

    def test_max_affected(self):
        fields = {"days": 1, "include_never_seen": True}
        self.unchanged("delete_old_users", 409, "too_many", max_affected=3, **fields)
        body = self.says(self.server.call("delete_old_users", max_affected=4, **fields), 200, "ok")
        self.assertEqual(len(body["result"]), 4)
        self.assertEqual(self.sql("SELECT count(*) FROM users"), [["0"]])

    def test_wrong_options(self):
        for fields in ({"dry_run": "yes"}, {"dry_run": 1}, {"max_affected": "1"},
                       {"max_affected": -1}):
            with self.subTest(fields=fields):
                before = self.state()
                reply = self.server.call("unregister", user="romeo", host=HOST, **fields)
                self.assertIn(reply.status, (400, 422))
                self.assertEqual(self.state(), before)


if __name__ == "__main__":
    harness.unittest.main()
