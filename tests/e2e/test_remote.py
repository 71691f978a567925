"""The command line's --socket: a daemon carries the command out, and nobody sees a difference."""

import json
import os
import pwd
import signal
import socket
import threading

import daemon
import harness
import world
from world import CHAT, HOST, PASSWORD

ME = pwd.getpwuid(os.geteuid()).pw_name
FORMATS = [[], ["--format", "table"], ["--json"], ["--format", "ndjson"], ["--format", "csv"]]
TEMPLATE = """\
[{"romeo", "example.org", "Montagues", "Romeo"},
 {"juliet", "example.org", "Capulets", "Jul\\x{ef}e"},
 {"nobody", "example.org", "Capulets", "Nobody"}].
"""
ENTRIES = [["romeo", HOST, "Montagues", "Romeo"], ["juliet", HOST, "Capulets", "Julïe"],
           ["nobody", HOST, "Capulets", "Nobody"]]


class RemoteTestCase(daemon.TestCase):
    shared = {}

    def remote(self, *args, server=None, options=(), **how):
        """A command through the daemon. No database could be reached without it."""
        server = server or self.server
        return self.adminex(*args, options=["--socket", server.socket, *options],
                            env={"ADMINEX_DSN": "host=/nowhere"}, **how)

    def same(self, *args, options=(), **how):
        """What both ways say, which is the same to the byte."""
        there = self.remote(*args, options=options, **how)
        here = self.adminex(*args, options=options, **how)
        self.assertEqual((there.status, there.out, there.err), (here.status, here.out, here.err),
                         f"\n{there}\n{here}")
        return there


class Words(RemoteTestCase):
    def test_each_format(self):
        self.contact("romeo", "juliet@example.org", nick="Jü, \"l\"\n", groups=["a", "b"])
        self.online("romeo", "balcony", ip="192.0.2.1")
        for args in [["get_roster", "romeo", HOST], ["get_roster", "nobody", HOST],
                     ["registered_vhosts"], ["check_account", "romeo", HOST],
                     ["check_account", "nobody", HOST], ["num_resources", "romeo", HOST],
                     ["status_list", "chat"], ["stats", "registeredusers"],
                     ["get_vcard", "romeo", HOST, "FN"], ["registered_users", HOST],
                     ["private_get", "romeo", HOST, "x", "y"]]:
            for options in FORMATS:
                with self.subTest(args=args, options=options):
                    self.same(*args, options=options)

    def test_a_long_list(self):
        """Longer than what is sent at once."""
        self.sql("INSERT INTO users (host, username) SELECT 'chat.example.org', 'user' || i "
                 "FROM generate_series(1, 20000) AS i")
        for options in FORMATS:
            result = self.same("registered_users", CHAT, options=options)
            self.assertGreater(len(result.out), 100000)

    def test_failures(self):
        for args, status in [(["check_account", "a b", HOST], 2), (["check_account"], 2),
                             (["no_such_command"], 2), (["stats", "nothing"], 2),
                             (["num_active_users", HOST, "many"], 2)]:
            for options in FORMATS:
                with self.subTest(args=args, options=options):
                    self.assertIn(self.same(*args, options=options).status, (1, status))

    def test_pages(self):
        for options in FORMATS:
            self.succeeds(self.same("registered_users", HOST, options=["--limit", "2", *options]))
        first = self.remote("registered_users", HOST, options=["--json", "--limit", "2"]).json()
        second = self.same("registered_users", HOST, options=["--json", "--after", first["next"]])
        self.assertEqual([len(page["result"]) for page in (first, second.json())], [2, 1])
        self.assertNotIn("next", second.json())
        self.assertEqual(self.same("registered_users", HOST, options=["--after", "@"]).status, 1)
        self.assertEqual(self.same("check_account", "romeo", HOST,
                                   options=["--limit", "3"]).status, 2)

    def test_verbs_are_no_commands(self):
        for verb in ("migrate", "import", "export", "batch", "serve", "token", "completion"):
            self.fails(self.remote(verb), 2, f"a daemon carries out commands, not '{verb}'")


class Secrets(RemoteTestCase):
    def test_from_standard_input_and_from_a_file(self):
        self.succeeds(self.remote("check_password", "romeo", HOST, "-", stdin=PASSWORD.encode()))
        self.succeeds(self.remote("change_password", "romeo", HOST, "-", stdin=b"n\xc3\xa9w one\n"))
        path = self.file("secret", "néw one\nnot this")
        self.succeeds(self.remote("check_password", "romeo", HOST,
                                  options=["--secret-file", path]))
        no = self.remote("check_password", "romeo", HOST, "-", stdin=b"other")
        self.assertEqual(no.status, 1)
        self.assertNotIn("wherefore", self.server.log)
        self.assertNotIn("one", self.server.log)

    def test_on_a_terminal(self):
        result = self.terminal("check_password", "romeo", HOST, "-",
                               options=["--socket", self.server.socket],
                               env={"ADMINEX_DSN": "host=/nowhere"},
                               answers=[("password: ", PASSWORD + "\n")])
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertNotIn(PASSWORD, result.text)


class Files(RemoteTestCase):
    def roster(self, user):
        return self.sql("SELECT jid, nick FROM roster_items WHERE username = "
                        f"'{user}' AND host = '{HOST}' ORDER BY jid")

    def test_a_template_travels_by_its_content(self):
        texts = {"a.template": TEMPLATE,
                 "b.json": json.dumps([dict(zip(("user", "host", "group", "nick"), entry))
                                       for entry in ENTRIES]),
                 "c.csv": "user,host,group,nick\n" + "".join(",".join(entry) + "\n"
                                                             for entry in ENTRIES)}
        for name, text in texts.items():
            with self.subTest(name=name):
                self.sql("DELETE FROM roster_items")
                path = self.file(name, text)
                result = self.remote("push_roster", path, "mercutio", HOST)
                self.ok(result, None, "skipped 'nobody@example.org': no such account")
                self.assertEqual(self.roster("mercutio"), [["juliet@example.org", "Julïe"],
                                                           ["romeo@example.org", "Romeo"]])
                self.same("push_roster", path, "mercutio", HOST)

    def test_a_template_that_is_none(self):
        before = self.state()
        self.fails(self.remote("push_roster", "/nowhere/x.json", "romeo", HOST), 1,
                   "'/nowhere/x.json'")
        self.fails(self.remote("push_roster", self.file("x.json", b"\xff"), "romeo", HOST), 1,
                   "is not UTF-8")
        result = self.remote("push_roster", self.file("y.json", "[{"), "romeo", HOST)
        self.assertNotEqual(result.status, 0)
        self.assertEqual(self.state(), before)

    def test_personal_data(self):
        path = self.tmp / "romeo.json"
        self.ok(self.remote("retrieve_personal_data", "romeo", HOST, str(path)), "")
        document = json.loads(path.read_text())
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        shown = self.remote("retrieve_personal_data", "romeo", HOST, "-")
        self.ok(shown, None)
        for one in (document, shown.json()):
            one.pop("generated_at", None)
        self.assertEqual(shown.json().keys() - {"generated_at"}, document.keys())

    def test_personal_data_that_does_not_come(self):
        path = self.tmp / "nobody.json"
        self.no(self.remote("retrieve_personal_data", "nobody", HOST, str(path)),
                'Error: "User does not exist"')
        self.assertEqual(self.remote("retrieve_personal_data", "romeo", HOST, str(path),
                                     options=["--dry-run"]).status, 0)
        self.fails(self.remote("retrieve_personal_data", "romeo", HOST, str(self.tmp / "x.zip")),
                   2, "no archives")
        self.fails(self.remote("retrieve_personal_data", "romeo", HOST, "/nowhere/x.json"), 1,
                   "/nowhere/x.json")
        self.assertEqual([p.name for p in self.tmp.iterdir()
                          if p.name.startswith(("nobody", "x.zip"))], [])


class Destroying(RemoteTestCase):
    def sit(self, *args, answers, options=()):
        return self.terminal(*args, answers=answers,
                             options=["--socket", self.server.socket, *options],
                             env={"ADMINEX_DSN": "host=/nowhere"})

    def test_a_terminal_asks(self):
        before = self.state()
        question = r"unregister will affect 1 accounts?\. Go on\? \[y/N\] "
        result = self.sit("unregister", "romeo", HOST, answers=[(question, "n\n")])
        self.assertEqual(result.status, 1)
        self.assertIn("not confirmed; nothing was changed", result.text)
        self.assertEqual(self.state(), before)
        result = self.sit("unregister", "romeo", HOST, answers=[(question, "y\n")])
        self.assertEqual(result.status, 0, f"\n{result}")
        self.assertIn("successfully unregistered", result.text)
        result = self.sit("unregister", "romeo", HOST, answers=[])
        self.assertEqual(result.status, 1)
        result = self.sit("unregister", "juliet", HOST, answers=[], options=["--yes"])
        self.assertEqual(result.status, 0)
        result = self.sit("delete_old_users", "x", answers=[], options=["--json"])
        self.assertEqual(result.text.count('"status":"bad_argument"'), 1)

    def test_trial_and_limit(self):
        self.sql("UPDATE users SET created_at = now() - interval '90 days'")
        args, options = ["delete_old_users", "30"], ["--include-never-seen"]
        before = self.state()
        for more in (["--dry-run"], ["--max-affected", "2"], ["--dry-run", "--json"]):
            self.same(*args, options=[*options, *more])
            self.assertEqual(self.state(), before)
        self.ok(self.remote(*args, options=[*options, "--max-affected", "4"]), None)
        self.assertEqual(self.value("SELECT count(*) FROM users"), "0")


class Statuses(RemoteTestCase):
    def test_denied_is_5(self):
        server = self.serve(peers=[f"{ME}:reader"])
        self.succeeds(self.remote("check_account", "romeo", HOST, server=server))
        self.fails(self.remote("unregister", "romeo", HOST, server=server, options=["-y"]), 5,
                   "needs role operator")
        limited = self.serve(peers=[f"{ME}:admin:{CHAT}"])
        self.fails(self.remote("check_account", "romeo", HOST, server=limited), 5, HOST)

    def test_no_daemon_is_3(self):
        server = self.serve()
        server.stop()
        self.fails(self.remote("check_account", "romeo", HOST, server=server), 3,
                   "no daemon answers")

    def test_no_database_is_3(self):
        server = self.serve("host=/nowhere", wait=None, retry=0)
        server.wait_for_log("serving")
        self.fails(self.remote("check_account", "romeo", HOST, server=server), 3,
                   "cannot reach the database")

    def test_a_daemon_that_dies_midway(self):
        """8 where something may have happened, 1 where nothing can have."""
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        for args, status, pattern in [(["ban_account", "romeo", HOST, "spam"], 8, "may or may not"),
                                      (["get_roster", "romeo", HOST], 1, "cut off")]:
            server = self.serve()
            other.run("BEGIN; LOCK TABLE users, roster_items IN ACCESS EXCLUSIVE MODE")
            child = self.spawn(*args, options=["--socket", server.socket],
                               env={"ADMINEX_DSN": "host=/nowhere"})
            harness.wait_until(lambda: self.backends("AND wait_event_type = 'Lock'"))
            server.process.send_signal(signal.SIGKILL)
            self.fails(child.wait(), status, pattern)
            server.process.wait()
            other.run("ROLLBACK")

    def test_somebody_else_on_the_socket(self):
        """Whatever it says, it is no success, and nothing that a command said."""
        path = str(self.tmp / "other")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()
        replies = [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes",
                   b"HTTP/1.1 431 Too large\r\nContent-Length: 3\r\n\r\nno!"]

        def answer():
            for reply in replies:
                client = listener.accept()[0]
                with client:
                    client.recv(65536)
                    client.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        for code in (200, 431):
            result = self.adminex("check_account", "romeo", HOST, options=["--socket", path])
            self.fails(result, 1, f"not by adminex: HTTP status {code}")


if __name__ == "__main__":
    harness.unittest.main()
