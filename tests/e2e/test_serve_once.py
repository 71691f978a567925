"""Idempotency-Key: a write that is asked for twice is done once, and answered the same again."""

import concurrent.futures
import hashlib
import json
import time

import daemon
import harness
import test_roles
import world
from world import CHAT, EMPTY, HOST, PASSWORD


class Once(daemon.TestCase):
    shared = {"log": "all"}
    keys = 0

    def key(self):
        """A header with a key that no test had before."""
        Once.keys += 1
        return {"Idempotency-Key": f"key {Once.keys} of {self.database}"}

    def audited(self):
        return [row[0] for row in self.sql("SELECT command FROM audit_log WHERE face = 'http' "
                                           "ORDER BY id")]

    def repeated(self):
        return self.server.metrics()["adminex_replies_repeated_total"]

    def test_the_reply_comes_again_and_it_is_done_once(self):
        before = self.repeated()
        key, fields = self.key(), {"user": "romeo", "host": HOST, "reason": "spam"}
        first = self.server.post("ban_account", fields, key)
        self.says(first, 200, "ok")
        again = self.server.post("ban_account", fields, key)
        self.assertEqual((again.status, again.body), (200, first.body))
        self.assertNotEqual(again["Adminex-Request"], first["Adminex-Request"])
        self.assertEqual(self.audited(), ["ban_account"])
        self.assertEqual(self.repeated(), before + 1)
        # What came between does not matter.
        self.says(self.server.call("unban_account", user="romeo", host=HOST), 200, "ok")
        self.assertEqual(self.server.post("ban_account", fields, key).body, first.body)
        self.assertEqual(self.sql("SELECT count(*) FROM bans"), [["0"]])

    def test_a_no_comes_again_too(self):
        key, fields = self.key(), {"user": "romeo", "host": HOST, "password": "x"}
        first = self.server.post("register", fields, key)
        self.says(first, 409, "exists")
        self.says(self.server.call("unregister", user="romeo", host=HOST), 200, "ok")
        again = self.server.post("register", fields, key)
        self.assertEqual((again.status, again.body), (409, first.body))
        self.assertEqual(self.sql("SELECT count(*) FROM users WHERE username = 'romeo' "
                                  f"AND host = '{HOST}'"), [["0"]])

    def test_a_no_stays_a_no_in_every_format(self):
        fields = {"user": "nobody", "host": HOST, "reason": "spam"}
        for accept in ("application/json", "text/csv", "text/plain"):
            with self.subTest(accept=accept):
                key = {**self.key(), "Accept": accept}
                replies = [self.server.post("ban_account", fields, key) for _ in range(2)]
                told = [(reply.status, reply.body, reply["Adminex-Status"], reply["Adminex-Exit"])
                        for reply in replies]
                self.assertEqual(told[0], told[1])
                self.assertEqual(told[0][2:], ("user_does_not_exist", "1"))

    def test_another_request_with_the_key_is_409(self):
        key, fields = self.key(), {"user": "romeo", "host": HOST, "reason": "spam"}
        self.says(self.server.post("ban_account", fields, key), 200, "ok")
        before = self.state()
        for command, other in [("ban_account", {**fields, "reason": "scam"}),
                               ("ban_account", {**fields, "user": "juliet"}),
                               ("ban_account", {**fields, "dry_run": True}),
                               ("unban_account", {"user": "romeo", "host": HOST})]:
            with self.subTest(command=command, fields=other):
                self.says(self.server.post(command, other, key), 409, "bad_argument",
                          "used for another request")
        for accept in ("text/csv", "text/plain", "text/x-table", "application/x-ndjson"):
            reply = self.server.post("ban_account", fields, {**key, "Accept": accept})
            self.says(reply, 409, "bad_argument", "used for another request")
        self.assertEqual(self.state(), before)

    def test_the_reply_comes_again_in_its_format(self):
        for accept, _, kind in [("text/csv", "", "text/csv"), ("text/plain", "", "text/plain"),
                                ("application/x-ndjson", "", "application/x-ndjson")]:
            key = {**self.key(), "Accept": accept}
            fields = {"days": 1, "include_never_seen": True, "host": CHAT}
            self.setUp()
            first = self.server.post("delete_old_users_vhost", fields, key)
            again = self.server.post("delete_old_users_vhost", fields, key)
            self.assertEqual(first.status, 200)
            self.assertEqual((again.status, again.body), (200, first.body))
            self.assertEqual(again["Content-Type"].split(";")[0], kind)
            self.assertIn(b"romeo", again.body)
            # Neither of the formats is another.
            for other in ("text/csv", "text/plain", "text/x-table", "application/x-ndjson"):
                if other != accept:
                    self.says(self.server.post("delete_old_users_vhost", fields,
                                               {**key, "Accept": other}), 409, "bad_argument")

    def test_a_list_of_what_was_deleted_comes_again(self):
        key, fields = self.key(), {"days": 1, "include_never_seen": True}
        first = self.server.post("delete_old_users", fields, key)
        self.assertEqual(len(self.says(first, 200, "ok")["result"]), 4)
        again = self.server.post("delete_old_users", fields, key)
        self.assertEqual((again.status, again.body), (200, first.body))
        self.assertEqual(self.audited(), ["delete_old_users"])

    def test_keys_are_of_one_caller(self):
        key, fields = self.key(), {"user": "romeo", "host": HOST, "reason": "spam"}
        for _ in range(2):
            token = self.known(self.server, self.token("--role", "operator"))
            self.says(self.server.post("ban_account", {**fields, "user": "juliet"},
                                       {**key, **token}), 200, "ok")
        self.says(self.server.post("ban_account", fields, key), 200, "ok")
        self.assertEqual(self.audited(), ["ban_account"] * 3)

    def test_a_failure_is_not_kept(self):
        key, fields = self.key(), {"user": "romeo", "host": HOST, "max_affected": 0}
        self.says(self.server.post("unregister", fields, key), 409, "too_many")
        self.says(self.server.post("unregister", {**fields, "max_affected": 1}, key), 200, "ok")
        key = self.key()
        self.says(self.server.post("set_last", {"user": "juliet", "host": HOST, "timestamp": "x",
                                                "status": ""}, key), 422, "bad_argument")
        self.says(self.server.post("set_last", {"user": "juliet", "host": HOST, "timestamp": 1,
                                                "status": ""}, key), 200, "ok")

    def test_a_trial_is_not_kept(self):
        key, fields = self.key(), {"user": "romeo", "host": HOST}
        self.says(self.server.post("unregister", {**fields, "dry_run": True}, key), 200, "ok")
        self.says(self.server.post("unregister", fields, key), 200, "ok")
        self.assertEqual(self.audited(), ["unregister"])

    def test_reads_take_no_notice(self):
        key = self.key()
        for user, code in [("romeo", 200), ("nobody", 404), ("romeo", 200)]:
            self.assertEqual(self.server.post("check_account", {"user": user, "host": HOST},
                                              key).status, code)
        self.assertEqual(self.kept(key), [])

    def kept(self, key):
        return self.sql("SELECT * FROM idempotency_keys WHERE key = "
                        + world.quote(key["Idempotency-Key"]))

    def test_no_secret_is_kept(self):
        secret, key = "Zx9-very-secret-word", self.key()
        fields = {"user": "romeo", "host": HOST, "newpass": secret}
        self.says(self.server.post("change_password", fields, key), 200, "ok")
        stored = json.dumps(self.kept(key))
        self.assertEqual(len(self.kept(key)), 1)
        for form in (secret, secret.encode().hex(), PASSWORD):
            self.assertNotIn(form, json.dumps(self.state()))
        self.assertNotIn(secret, self.server.log)
        # The digest is one with a key: whoever has the table cannot try passwords.
        for text in (secret, json.dumps(fields)):
            self.assertNotIn(hashlib.sha256(text.encode()).hexdigest(), stored)
        self.says(self.server.post("change_password", {**fields, "newpass": "other"}, key), 409,
                  "bad_argument")
        self.says(self.server.post("change_password", fields, key), 200, "ok")

    def test_two_at_the_same_time(self):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; SELECT 1 FROM users WHERE username = 'romeo' FOR UPDATE")
        key, fields = self.key(), {"user": "romeo", "host": HOST, "reason": "spam"}
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            try:
                replies = [pool.submit(self.server.post, "ban_account", fields, key)
                           for _ in range(3)]
                replies.append(pool.submit(self.server.post, "ban_account",
                                           {**fields, "reason": "other"}, key))
                harness.wait_until(lambda: len(self.backends("AND wait_event_type = 'Lock'")) == 4)
            finally:
                other.run("COMMIT")
            replies = [reply.result() for reply in replies]
        self.assertEqual(len(self.audited()), 1)
        (reason,), = self.sql("SELECT reason FROM bans")
        same, different = (replies[:3], replies[3:]) if reason == "spam" else \
                          (replies[3:], replies[:3])
        self.assertEqual({(reply.status, reply.body) for reply in same},
                         {(200, same[0].body)}, "\n".join(map(str, replies)))
        for reply in different:
            self.says(reply, 409, "bad_argument", "used for another request")

    def test_the_second_of_two_does_it_when_the_first_failed(self):
        other = world.Session(self.dsn)
        self.addCleanup(other.close)
        other.run("BEGIN; SELECT 1 FROM users WHERE username = 'romeo' FOR UPDATE")
        key, fields = self.key(), {"user": "romeo", "host": HOST, "reason": "spam"}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            try:
                replies = [pool.submit(self.server.post, "ban_account", fields, key)
                           for _ in range(2)]
                harness.wait_until(lambda: len(self.backends("AND wait_event_type = 'Lock'")) == 2)
                # The one that has the key waits for the row, the other one for the key.
                killed = self.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                                  "WHERE datname = current_database() AND pid IN (SELECT pid FROM "
                                  "pg_locks WHERE NOT granted AND locktype = 'transactionid') "
                                  "AND query NOT LIKE '%idempotency_keys%'")
                self.assertEqual(killed, [["t"]])
            finally:
                other.run("COMMIT")
            codes = sorted(reply.result().status for reply in replies)
        self.assertEqual(codes, [200, 504])
        self.assertEqual(self.audited(), ["ban_account"])

    def test_keys_that_are_none(self):
        for key in ("", "x" * 256, "a\xe4", "a\tb"):
            with self.subTest(key=key):
                reply = self.server.post("ban_account", {"user": "romeo", "host": HOST,
                                                         "reason": "x"}, {"Idempotency-Key": key})
                self.says(reply, 400, "usage", "Idempotency-Key")
        self.assertEqual(self.audited(), [])
        key = {"Idempotency-Key": ("x" + self.key()["Idempotency-Key"]).ljust(255, "x")}
        for _ in range(2):
            self.says(self.server.post("ban_account", {"user": "romeo", "host": HOST,
                                                       "reason": "x"}, key), 200, "ok")
        self.assertEqual(self.audited(), ["ban_account"])

    def test_every_kind_of_write_is_done_once(self):
        """Also those that run by steps, or whose statement is its own transaction."""
        template = test_roles.TEMPLATE
        self.online("romeo", "r")
        for command, fields in [
                ("register", {"user": "tybalt", "host": HOST, "password": "x"}),
                ("set_vcard", {"user": "romeo", "host": HOST, "name": "FN", "content": "R"}),
                ("push_roster", {"file": template, "user": "romeo", "host": HOST}),
                ("send_message_headline", {"from": f"a@{HOST}", "to": f"juliet@{HOST}",
                                           "subject": "s", "body": "b"}),
                ("kick_session", {"user": "romeo", "host": HOST, "resource": "r", "reason": ""}),
                ("process_rosteritems", {"action": "delete", "subs": "any", "asks": "any",
                                         "users": "any", "contacts": "any"}),
                ("remove_host", {"host": EMPTY})]:
            with self.subTest(command=command):
                key = self.key()
                first = self.server.post(command, fields, key)
                self.says(first, 200, "ok")
                before = self.state()
                again = self.server.post(command, fields, key)
                self.assertEqual((again.status, again.body), (200, first.body))
                self.assertEqual(self.state(), before)


class Keeping(daemon.TestCase):
    def ban(self, server, key):
        return server.post("ban_account", {"user": "romeo", "host": HOST, "reason": "x"},
                           {"Idempotency-Key": key})

    def count(self):
        return self.value("SELECT count(*) FROM audit_log")

    def test_keys_expire(self):
        server = self.serve(keep_replies=1)
        self.says(self.ban(server, "expires"), 200, "ok")
        self.says(self.ban(server, "expires"), 200, "ok")
        self.assertEqual(self.count(), "1")
        time.sleep(1.1)
        # Another request may use it now.
        self.says(server.post("set_last", {"user": "juliet", "host": HOST, "timestamp": 1,
                                           "status": ""}, {"Idempotency-Key": "expires"}), 200,
                  "ok")
        self.assertEqual(self.count(), "2")

    def test_what_expired_is_deleted_at_the_next_start(self):
        server = self.serve(keep_replies=1)
        self.says(self.ban(server, "deleted"), 200, "ok")
        server.stop()
        time.sleep(1.1)
        self.serve()
        harness.wait_until(lambda: self.sql(
            "SELECT count(*) FROM idempotency_keys WHERE key = 'deleted'") == [["0"]])

    def test_a_key_file_outlives_the_daemon(self):
        path = self.tmp / "digest.key"
        server = self.serve(key_file=path)
        self.says(self.ban(server, "outlives"), 200, "ok")
        self.assertEqual((path.stat().st_size, path.stat().st_mode & 0o777), (32, 0o600))
        server.stop()
        server = self.serve(key_file=path)
        self.says(self.ban(server, "outlives"), 200, "ok")
        self.assertEqual(self.count(), "1")
        server.stop()
        # Without the key nobody can tell that it is the same request.
        self.says(self.ban(self.serve(), "outlives"), 409, "bad_argument")

    def test_another_daemon_gives_the_reply_too(self):
        path = self.tmp / "shared.key"
        first, second = self.serve(key_file=path), self.serve(key_file=path)
        self.assertEqual(self.ban(first, "two").body, self.ban(second, "two").body)
        self.assertEqual(self.count(), "1")


if __name__ == "__main__":
    harness.unittest.main()
