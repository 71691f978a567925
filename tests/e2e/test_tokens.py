"""The verb token, and the command can_i."""

import hashlib
import json
import re

import harness
import test_contract
import test_roles
import world
from world import CHAT, EMPTY, HOST

FORM = r"adx_[A-Za-z0-9_-]{43}"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class Tokens(world.TestCase):
    def create(self, *args, role="operator", **how):
        return self.adminex("token", "create", "--role", role, *args, **how)

    def token(self, *args, **how):
        """A new token: its text and its id."""
        result = self.create(*args, **how)
        self.succeeds(result)
        return result.text.rstrip("\n"), re.search(r"token (\d+) ", result.err.decode())[1]

    def rows(self, columns):
        return self.sql(f"SELECT {columns} FROM tokens ORDER BY id")

    def listed(self, *options):
        result = self.adminex("token", "list", options=options)
        self.ok(result, None)
        return result


class Create(Tokens):
    def test_create_prints_the_token_alone(self):
        result = self.create()
        self.assertEqual(result.status, 0)
        self.assertRegex(result.text, rf"\A{FORM}\n\Z")
        self.assertRegex(result.err.decode(), rf"\Aadminex: token \d+ is shown this once; it "
                                              rf"expires at {MOMENT}\n\Z")

    def test_create_keeps_the_digest_and_not_the_token(self):
        text, _ = self.token("--label", "nightly jobs")
        self.assertEqual(self.rows("encode(digest, 'hex')"),
                         [[hashlib.sha256(text.encode()).hexdigest()]])
        everything = json.dumps(self.state())
        self.assertNotIn(text, everything)
        self.assertNotIn(text[4:], everything)

    def test_create_is_another_each_time(self):
        self.assertEqual(len({self.token()[0] for _ in range(5)}), 5)

    def test_create_stores_what_was_said(self):
        self.token("--host", "Example.ORG", "--host=chat.example.org", "--label", "nächtlich",
                   "--expires", "12h")
        self.assertEqual(
            self.rows("label, role, hosts, created_by, revoked_at, "
                      "expires_at = created_at + interval '12 hours'"),
            [["nächtlich", "operator", "{example.org,chat.example.org}", world.ACTOR, None, "t"]])

    def test_create_with_less_said(self):
        self.token(role="reader")
        self.assertEqual(self.rows("label, role, hosts, "
                                   "expires_at = created_at + interval '90 days 0 hours'"),
                         [["", "reader", "{}", "t"]])

    def test_create_each_role(self):
        for role in ("reader", "operator", "admin"):
            self.token(role=role)
        self.assertEqual(self.rows("role"), [["reader"], ["operator"], ["admin"]])

    def test_create_the_same_host_twice_is_once(self):
        self.token("--host", HOST, "--host", "EXAMPLE.org")
        self.assertEqual(self.rows("hosts"), [["{example.org}"]])

    def test_create_hosts_that_are_not_served_and_odd(self):
        self.token("--host", "bücher.example", "--host", 'a"b\\c,d{}')
        self.assertEqual(self.rows("hosts[1], hosts[2]"), [["bücher.example", 'a"b\\c,d{}']])

    def test_expires(self):
        for text, seconds in [("90d", 90 * 86400), ("1d", 86400), ("12h", 43200), ("1m", 60),
                              ("090m", 5400), ("36525d", 36525 * 86400), ("2w", 1209600), ("never", None)]:
            with self.subTest(text=text):
                self.setUp()
                result = self.create("--expires", text)
                self.succeeds(result)
                self.assertEqual(
                    self.rows("extract(epoch FROM expires_at - created_at)::bigint"),
                    [[None if seconds is None else str(seconds)]])
                self.assertIn(b"it never expires" if seconds is None else b"it expires at ",
                              result.err)

    def test_expires_otherwise_is_refused(self):
        for text in ("", "90", "d", "0d", "00h", "-1d", "+1d", "1.5d", "1 d", "1d ", " 1d", "1W",
                     "1y", "1D", "1dd", "1d12h", "Never", "forever", "never ", "0", "0x10d",
                     "36526d", "999999999d", "1" * 30 + "d", "١d"):
            with self.subTest(text=text):
                self.rejects("token", "create", "--role", "reader", "--expires", text,
                             pattern="--expires (must be a number of weeks, days, hours or minutes"
                                     "|is more than a hundred years)")

    def test_bad_roles_hosts_and_labels_are_refused(self):
        for role in ("", "none", "root", "Admin", "adminex_reader"):
            self.rejects("token", "create", "--role", role,
                         pattern="--role must be reader, operator or admin")
        for host in world.BAD_DOMAINS:
            self.rejects("token", "create", "--role", "reader", "--host", HOST, "--host", host,
                         pattern="--host is not valid")
        for label in ("a\nb", "\x1b[2J", b"\xff", "\u0085", "x" * 256):
            self.rejects("token", "create", "--role", "reader", "--label", label,
                         pattern="--label is ")
        self.token("--label", "x" * 255)

    def test_usage(self):
        for args, pattern in [
                ([], "token takes create, list or revoke"), (["make"], "takes create, list or"),
                (["list", "all"], "takes create"), (["revoke"], "the id of one token"),
                (["revoke", "1", "2"], "the id of one token"),
                (["create"], "needs --role"), (["create", "--host", HOST], "needs --role"),
                (["create", "--role"], "a value behind each option"),
                (["create", "--role", "reader", "word"], "options only"),
                (["create", "--role", "reader", "--token", "x"], "takes --role, --host")]:
            with self.subTest(args=args):
                self.rejects("token", *args, status=2, pattern=pattern)
        for option in (["--dry-run"], ["--max-affected", "1"]):
            self.rejects("token", "create", "--role", "reader", options=option, status=2,
                         pattern=f"has no {option[0]}")

    def test_help(self):
        text = self.adminex("help", "token").out
        for args in (["--help"], ["-h"], ["create", "--help"]):
            self.ok(self.adminex("token", *args), text)

    def test_create_for_machines(self):
        result = self.create("--host", HOST, "--host", CHAT, options=["--json"])
        self.assertEqual(result.status, 0)
        reply = result.json()
        self.assertEqual(reply["status"], "ok")
        (row,) = reply["result"]
        self.assertRegex(row["token"], rf"\A{FORM}\Z")
        self.assertRegex(row["expires_at"], rf"\A{MOMENT}\Z")
        self.assertEqual([row["role"], row["hosts"]], ["operator", f"{HOST} {CHAT}"])
        self.assertEqual(self.rows("id"), [[str(row["id"])]])
        (row,) = self.create("--expires", "never", options=["--json"]).json()["result"]
        self.assertIsNone(row["expires_at"])

    def test_create_leaves_an_audit_row_without_the_token(self):
        text, number = self.token("--host", HOST, "--label", "jobs")
        rows = self.sql("SELECT actor, face, command, arguments, rows, outcome, request_id "
                        "FROM audit_log")
        self.assertEqual([row[:3] + row[4:] for row in rows],
                         [[world.ACTOR, "cli", "token create", "1", "ok", ""]])
        self.assertEqual(json.loads(rows[0][3]),
                         {"id": int(number), "role": "operator", "hosts": [HOST]})

    def test_create_and_its_audit_row_are_one_transaction(self):
        self.sql("ALTER TABLE audit_log ADD CONSTRAINT refused CHECK (id < 0) NOT VALID")
        self.addCleanup(self.sql, "ALTER TABLE audit_log DROP CONSTRAINT refused")
        self.rejects("token", "create", "--role", "reader", pattern="refused")

    def test_create_is_said_to_be_done_when_its_output_is_lost(self):
        with open("/dev/full", "wb") as full:
            result = self.create(stdout=full)
        self.assertEqual(result.status, 1)
        self.assertIn(b"the change was made, but: cannot write", result.err)
        self.assertEqual(len(self.rows("id")), 1)


class ListAndRevoke(Tokens):
    def test_list_shows_all_but_the_digest(self):
        text, first = self.token("--label", "one\\two", "--host", HOST, "--host", CHAT)
        _, second = self.token("--expires", "never", role="admin")
        self.succeeds(self.adminex("token", "revoke", second))
        rows = self.listed("--json").json()["result"]
        self.assertEqual([list(row) for row in rows],
                         2 * [["id", "label", "role", "hosts", "created_by", "created_at",
                               "expires_at", "revoked_at"]])
        self.assertEqual([(row["id"], row["label"], row["role"], row["hosts"], row["created_by"])
                          for row in rows],
                         [(int(first), "one\\two", "operator", f"{HOST} {CHAT}", world.ACTOR),
                          (int(second), "", "admin", "", world.ACTOR)])
        self.assertRegex(rows[0]["created_at"], rf"\A{MOMENT}\Z")
        self.assertRegex(rows[0]["expires_at"], rf"\A{MOMENT}\Z")
        self.assertIsNone(rows[0]["revoked_at"])
        self.assertIsNone(rows[1]["expires_at"])
        self.assertRegex(rows[1]["revoked_at"], rf"\A{MOMENT}\Z")
        digest = hashlib.sha256(text.encode())
        for format_ in ("text", "table", "json", "ndjson", "csv"):
            shown = self.listed("--format", format_).out
            for secret in (text.encode(), digest.digest(), digest.hexdigest().encode()):
                self.assertNotIn(secret, shown)

    def test_list_in_text(self):
        self.assertEqual(self.listed().out, b"")
        _, number = self.token("--host", HOST, "--label", "jobs")
        self.assertRegex(self.listed().text,
                         rf"\A{number}\tjobs\toperator\t{HOST}\t{world.ACTOR}\t{MOMENT}\t"
                         rf"{MOMENT}\t\n\Z")

    def test_list_changes_nothing(self):
        self.token()
        before = self.state()
        self.listed()
        self.assertEqual(self.state(), before)

    def test_revoke(self):
        _, number = self.token()
        _, other = self.token()
        self.ok(self.adminex("token", "revoke", number), f"Token {number} revoked")
        self.assertEqual(self.rows("id, revoked_at IS NULL"), [[number, "f"], [other, "t"]])
        self.assertEqual(
            self.sql("SELECT actor, face, command, arguments ->> 'id', rows, outcome "
                     "FROM audit_log ORDER BY id DESC LIMIT 1"),
            [[world.ACTOR, "cli", "token revoke", number, "1", "ok"]])

    def test_revoke_twice_keeps_the_first_moment(self):
        _, number = self.token()
        self.sql(f"UPDATE tokens SET revoked_at = '2024-01-01Z' WHERE id = {number}")
        before = self.rows("*")
        self.no(self.adminex("token", "revoke", number), f"Token {number} was revoked before")
        self.assertEqual(self.rows("*"), before)

    def test_revoke_of_none(self):
        self.no(self.adminex("token", "revoke", "999999"), "Token 999999 does not exist")
        reply = self.adminex("token", "revoke", "999999", options=["--json"])
        self.assertEqual((reply.status, reply.json()),
                         (1, {"message": "Token 999999 does not exist",
                              "status": "token_does_not_exist"}))
        for bad in ("", "x", "0", "-1", "1.0", "1 ", "9" * 20, "adx_" + "A" * 43):
            self.rejects("token", "revoke", bad, pattern="no id of a token")

    def test_daemons_are_told_when_there_are_any(self):
        listener = world.Session(self.dsn)
        self.addCleanup(listener.close)
        listener.run("LISTEN adminex_cache")

        def heard():
            return sum('{""from"": """", ""tokens"": true}' in str(row) or
                       '"tokens": true' in str(row) for row in listener.run("SELECT 1"))

        _, number = self.token()
        self.assertEqual(heard(), 0)
        self.insert("daemons", {"id": "d", "version": "1"})
        self.token()
        self.assertEqual(heard(), 1)
        self.succeeds(self.adminex("token", "revoke", number))
        self.assertEqual(heard(), 1)


class Privileges(Tokens):
    def as_role(self, role):
        return {"ADMINEX_DSN": f"{self.dsn} options='-c role=adminex_{role}'"}

    def test_reader_and_operator_make_no_token(self):
        _, number = self.token()
        for role in ("reader", "operator"):
            for args in (["create", "--role", "reader"], ["revoke", number]):
                with self.subTest(role=role, args=args):
                    self.rejects("token", *args, env=self.as_role(role), status=5,
                                 pattern=r"permission denied for table tokens")

    def test_reader_sees_none(self):
        self.rejects("token", "list", env=self.as_role("reader"), status=5,
                     pattern="permission denied for table tokens")
        self.ok(self.adminex("token", "list", env=self.as_role("operator")), "")

    def test_admin_does_all(self):
        _, number = self.token(env=self.as_role("admin"))
        self.ok(self.adminex("token", "list", env=self.as_role("admin")), None)
        self.ok(self.adminex("token", "revoke", number, env=self.as_role("admin")), None)

    def test_reader_may_ask_of_roles_only(self):
        self.ok(self.adminex("can_i", "reader", "stats", "", env=self.as_role("reader")), None)
        text, _ = self.token()
        self.rejects("can_i", text, "stats", "", env=self.as_role("reader"), status=5,
                     pattern="permission denied for table tokens")

    def test_failure_for_machines(self):
        reply = self.create(env=self.as_role("operator"), options=["--json"])
        self.assertEqual(reply.status, 5)
        self.assertEqual((reply.json()["status"], reply.json()["sqlstate"]),
                         ("not_allowed", "42501"))


class CanI(Tokens):
    def asks(self, who, command, host, yes=None, no=None, **how):
        self.does("can_i", who, command, host, says=yes and f"yes: {yes}", no=no and f"no: {no}",
                  **how)

    def test_every_role_and_command(self):
        order = ["reader", "operator", "admin"]
        a_role = {"reader": "a reader", "operator": "an operator", "admin": "an admin"}
        lines = []
        for needed, names in (("reader", test_roles.READER + ["cache_info", "gdpr_verify"]),
                              ("operator", test_roles.OPERATOR + ["cache_clear"]),
                              ("admin", test_roles.ADMIN + test_roles.LOCAL)):
            for name in names:
                for role in order:
                    may = order.index(role) >= order.index(needed)
                    lines.append(((role, name), ("yes" if may else "no") +
                                  f": {name} needs role {needed}; {a_role[role]} has role {role}"))
        batch = self.file("batch.ndjson", "".join(
            json.dumps({"command": "can_i", "args": [role, name, HOST]}) + "\n"
            for (role, name), _ in lines))
        result = self.adminex("batch", "--continue", batch)
        self.assertEqual([reply["message"] for reply in result.ndjson()[:len(lines)]],
                         [text for _, text in lines])
        self.assertEqual(len(lines), 3 * len(test_contract.KINDS))

    def test_of_a_role(self):
        self.asks("operator", "ban-account", HOST,
                  yes="ban_account needs role operator; an operator has role operator")
        self.asks("reader", "delete_old_users", "",
                  no="delete_old_users needs role operator; a reader has role reader")

    def test_of_a_token(self):
        text, number = self.token("--label", "jobs")
        self.asks(text, "ban_account", HOST,
                  yes=f"ban_account needs role operator; token {number} 'jobs' has role operator")
        self.asks(text, "delete_old_users", "",
                  yes="delete_old_users needs role operator; "
                      f"token {number} 'jobs' has role operator")
        self.asks(text, "add_host", HOST,
                  no=f"add_host needs role admin; token {number} 'jobs' has role operator")

    def test_of_a_limited_token(self):
        text, number = self.token("--host", HOST, "--host", CHAT)
        actor = f"token {number}"
        limits = f"is limited to {HOST}, {CHAT}"
        for host in (HOST, "EXAMPLE.org", CHAT, ""):
            self.asks(text, "ban_account", host, yes="ban_account needs role operator; "
                      f"{actor} has role operator and {limits}")
        self.asks(text, "ban_account", "Empty.Example.org",
                  no=f"ban_account on {EMPTY}: {actor} {limits}")
        for host in (HOST, EMPTY, ""):
            self.asks(text, "delete_old_users", host,
                      no=f"delete_old_users cannot be limited to hosts, and {actor} is")
            self.asks(text, "can_i", host, yes="can_i needs role reader; "
                      f"{actor} has role operator and {limits}")

    def test_of_a_token_that_is_good_no_more(self):
        text, number = self.token()
        self.sql(f"UPDATE tokens SET created_at = now() - interval '2 days', "
                 f"expires_at = now() - interval '1 day' WHERE id = {number}")
        self.asks(text, "stats", "", no=f"token {number} is expired")
        self.sql(f"UPDATE tokens SET revoked_at = now() WHERE id = {number}")
        self.asks(text, "stats", "", no=f"token {number} is revoked")
        self.asks("adx_" + "A" * 43, "stats", "", no="there is no such token")

    def test_of_an_unknown_command(self):
        for name in ("frobnicate", "", "migrate"):
            self.asks("admin", name, HOST, no="there is no such command")
        text, _ = self.token()
        self.asks(text, "frobnicate", HOST, no="there is no such command")

    def test_bad_arguments(self):
        for who in ("", "root", "Reader", "adx_short", "adx_" + "A" * 42, "adx_" + "A" * 44):
            result = self.rejects("can_i", who, "stats", HOST,
                                  pattern="argument 'who' must be reader, operator, admin or a "
                                          r"token$")
            if who:
                self.assertNotIn(who.encode(), result.err.replace(b"'who'", b""))
        for host in world.BAD_DOMAINS[1:]:
            self.rejects("can_i", "reader", "stats", host, pattern="argument 'host' is not ")

    def test_the_token_may_come_from_standard_input_or_a_file(self):
        text, number = self.token()
        says = f"yes: stats needs role reader; token {number} has role operator"
        self.ok(self.adminex("can_i", "-", "stats", "", stdin=text.encode() + b"\n"), says)
        path = self.file("token", text + "\n")
        self.ok(self.adminex("can_i", "stats", "", options=["--secret-file", path]), says)

    def test_for_machines(self):
        reply = self.adminex("can_i", "reader", "ban_account", HOST, options=["--json"])
        self.assertEqual((reply.status, reply.json()),
                         (1, {"message": "no: ban_account needs role operator; a reader has role "
                                         "reader", "status": "no"}))


if __name__ == "__main__":
    harness.unittest.main()
