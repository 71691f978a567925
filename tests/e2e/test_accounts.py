"""Submod accounts: every outcome of its commands, and what is stored afterwards."""

import hashlib
import json

import world
from world import BAD_DOMAINS, BAD_LOCALPARTS, CHAT, EMPTY, HOST, PASSWORD

ROMEO = {"user": "romeo", "host": HOST}
NOBODY = {"user": "nobody", "host": HOST}


class CheckAccount(world.TestCase):
    def test_check_account_exists(self):
        self.does("check_account", "romeo", HOST, says="User romeo@example.org exists")

    def test_check_account_prepares_and_echoes_as_typed(self):
        self.does("check_account", "ROMEO", "Example.ORG", says="User ROMEO@Example.ORG exists")

    def test_check_account_does_not_exist(self):
        for user, host in [("nobody", HOST), ("juliet", CHAT), ("romeo", EMPTY),
                           ("romeo", "unknown.example.org"), ("romeo", "example.org.")]:
            with self.subTest(user=user, host=host):
                self.does("check_account", user, host, no=f"User {user}@{host} does not exist")

    def test_check_account_of_an_invalid_name_does_not_exist(self):
        for bad in BAD_LOCALPARTS:
            with self.subTest(user=bad[:8]):
                name = bad if isinstance(bad, bytes) else bad.encode()
                self.no(self.adminex("check_account", bad, HOST),
                        b"User " + name + b"@example.org does not exist\n")
        for bad in BAD_DOMAINS:
            with self.subTest(host=bad[:8]):
                name = bad if isinstance(bad, bytes) else bad.encode()
                self.no(self.adminex("check_account", "romeo", bad),
                        b"User romeo@" + name + b" does not exist\n")

    def test_check_account_knows_long_names(self):
        name = "ä" * 511
        self.insert("users", {"username": name, "host": HOST})
        self.does("check_account", name.upper(), HOST,
                  says=f"User {name.upper()}@{HOST} exists")


class CheckPassword(world.TestCase):
    CORRECT = "Password for user romeo@example.org is correct"
    INCORRECT = "Password for user romeo@example.org is incorrect"

    def credentials(self, *rows):
        self.sql("DELETE FROM credentials WHERE host = 'example.org' AND username = 'romeo'")
        self.insert("credentials", *rows)

    def test_check_password_correct(self):
        self.does("check_password", "romeo", HOST, PASSWORD, says=self.CORRECT)

    def test_check_password_incorrect(self):
        for wrong in ("wrong", "", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1]):
            with self.subTest(wrong=wrong):
                self.does("check_password", "romeo", HOST, wrong, no=self.INCORRECT)

    def test_check_password_of_a_missing_account(self):
        for user, host in [("nobody", HOST), ("juliet", CHAT), ("a@b", HOST), ("", HOST),
                           ("romeo", "")]:
            with self.subTest(user=user, host=host):
                self.does("check_password", user, host, PASSWORD,
                          no=f"Password for user {user}@{host} is incorrect because this user "
                             "does not exist")

    def test_check_password_by_each_mechanism(self):
        for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            with self.subTest(mechanism=mechanism):
                self.credentials(world.credential("romeo", password="fünf", mechanism=mechanism))
                self.does("check_password", "romeo", HOST, "fünf", says=self.CORRECT)
                self.does("check_password", "romeo", HOST, "fuenf", no=self.INCORRECT)
                self.does("check_password", "romeo", HOST, "", no=self.INCORRECT)

    def test_check_password_with_several_mechanisms(self):
        self.credentials(world.credential("romeo", mechanism="SCRAM-SHA-1"),
                         world.credential("romeo", mechanism="SCRAM-SHA-256"))
        self.does("check_password", "romeo", HOST, PASSWORD, says=self.CORRECT)

    def test_check_password_without_a_credential(self):
        self.credentials()
        self.does("check_password", "romeo", HOST, PASSWORD, no=self.INCORRECT)

    def test_check_password_prepares_by_saslprep(self):
        self.credentials(world.credential("romeo", password="IX a"))
        # A roman numeral, a soft hyphen and a no-break space of RFC 4013.
        self.does("check_password", "romeo", HOST, "\u2168\u00ad\u00a0a", says=self.CORRECT)

    def test_check_password_of_plain_takes_the_password_as_it_was_stored(self):
        self.credentials(world.credential("romeo", password="\u2168", mechanism="PLAIN"))
        self.does("check_password", "romeo", HOST, "\u2168", says=self.CORRECT)

    def test_check_password_that_saslprep_refuses_is_incorrect(self):
        self.does("check_password", "romeo", HOST, "bell\x07", no=self.INCORRECT)

    def test_check_password_that_is_not_utf8_is_a_bad_argument(self):
        self.rejects("check_password", "romeo", HOST, b"pass\xffword", pattern="not UTF-8")


class CheckPasswordHash(world.TestCase):
    UNDEFINED = 'Error: "Hash for password is undefined"'
    SHORT_MD5 = "3F6EF5F1A0D2FDE5F473DF1F6F035"
    SHORT_SHA = "96C87D27C736817BE6354798236518C6E971F3E"

    def setUp(self):
        super().setUp()
        self.sql("DELETE FROM credentials WHERE username = 'romeo'")
        self.insert("credentials", world.credential("romeo", password="makota", mechanism="PLAIN"))

    def test_check_password_hash_correct(self):
        for method in ("md5", "sha", "sha1", "sha256", "sha512"):
            name = "sha1" if method == "sha" else method
            digest = hashlib.new(name, b"makota").hexdigest()
            for typed in (digest, digest.upper(), digest.capitalize(), digest.swapcase()):
                with self.subTest(method=method, typed=typed):
                    self.does("check_password_hash", "romeo", HOST, typed, method,
                              says="Password hash is correct")

    def test_check_password_hash_takes_the_unpadded_form_of_the_original(self):
        for method, digest in [("md5", self.SHORT_MD5), ("sha", self.SHORT_SHA)]:
            self.does("check_password_hash", "romeo", HOST, digest, method,
                      says="Password hash is correct")

    def test_check_password_hash_incorrect(self):
        md5 = hashlib.md5(b"makota").hexdigest()
        for digest, method in [("", "md5"), ("0", "md5"), (md5[:-1], "md5"), (md5 + "0", "md5"),
                               (md5, "sha"), (self.SHORT_MD5.lower(), "md5"),
                               (self.SHORT_SHA, "md5"), ("makota", "md5"), (" " + md5, "md5")]:
            with self.subTest(digest=digest, method=method):
                self.does("check_password_hash", "romeo", HOST, digest, method,
                          no="Password hash is incorrect")

    def test_check_password_hash_by_an_unknown_method(self):
        for method in ("", "MD5", "sha224", "sha-1", "crc32"):
            with self.subTest(method=method):
                self.does("check_password_hash", "romeo", HOST, "00", method, no=self.UNDEFINED)

    def test_check_password_hash_needs_a_plain_password(self):
        empty = hashlib.md5(b"").hexdigest()
        self.does("check_password_hash", "juliet", HOST, empty, "md5", no=self.UNDEFINED)
        self.sql("DELETE FROM credentials WHERE username = 'juliet'")
        self.does("check_password_hash", "juliet", HOST, empty, "md5", no=self.UNDEFINED)

    def test_check_password_hash_of_a_missing_account(self):
        for user, method in [("nobody", "md5"), ("nobody", "crc32"), ("a@b", "md5")]:
            self.does("check_password_hash", user, HOST, hashlib.md5(b"").hexdigest(), method,
                      no=f"User {user}@example.org does not exist")


class ChangePassword(world.TestCase):
    def stored(self, user="romeo", host=HOST):
        return self.sql("SELECT mechanism, iterations, encode(salt, 'hex'), "
                        "encode(stored_key, 'hex'), encode(server_key, 'hex') FROM credentials "
                        f"WHERE host = '{host}' AND username = '{user}'")

    def assert_stored(self, password, mechanism="SCRAM-SHA-256", iterations=4096):
        (row,) = self.stored()
        salt = bytes.fromhex(row[2])
        stored, server = world.scram_keys(mechanism, password, salt, iterations)
        self.assertEqual(row, [mechanism, str(iterations), salt.hex(), stored.hex(), server.hex()])
        self.assertGreaterEqual(len(salt), 16)

    def test_change_password(self):
        self.does("change_password", "romeo", HOST, "a new one",
                  says="Password for user romeo@example.org successfully changed",
                  tables=["credentials"], audit=ROMEO)
        self.assert_stored("a new one")
        self.assertNotIn(world.SALT.hex(), str(self.stored()))

    def test_change_password_only_of_that_host(self):
        other = self.stored(host=CHAT)
        self.does("change_password", "Romeo", "EXAMPLE.org", "a new one",
                  says="Password for user Romeo@EXAMPLE.org successfully changed",
                  tables=["credentials"], audit=ROMEO)
        self.assertEqual(self.stored(host=CHAT), other)

    def test_change_password_replaces_every_mechanism(self):
        self.insert("credentials", world.credential("romeo", mechanism="PLAIN"),
                    world.credential("romeo", mechanism="SCRAM-SHA-1"))
        self.does("change_password", "romeo", HOST, "a new one", says=None, tables=["credentials"],
                  audit=ROMEO)
        self.assert_stored("a new one")

    def test_change_password_prepares_by_saslprep(self):
        self.does("change_password", "romeo", HOST, "\u2168\u00ad", says=None,
                  tables=["credentials"], audit=ROMEO)
        self.assert_stored("IX")

    def test_change_password_as_configured(self):
        for mechanism, iterations in [("SCRAM-SHA-512", 8192), ("SCRAM-SHA-1", 4096)]:
            config = self.file("mechanism.conf", f'password = {{ mechanism = "{mechanism}"; '
                                                 f"iterations = {iterations}; }};")
            self.does("change_password", "romeo", HOST, "a new one", says=None,
                      tables=["credentials"], audit=ROMEO, options=["-c", config])
            self.assert_stored("a new one", mechanism, iterations)

    def test_change_password_to_nothing(self):
        # Before the JID is looked at.
        for user, host in [("romeo", HOST), ("nobody", HOST), ("a@b", HOST), ("", "")]:
            self.does("change_password", user, host, "", no="Error: empty_password")

    def test_change_password_of_a_missing_account(self):
        self.does("change_password", "nobody", HOST, "a new one",
                  no="User nobody@example.org does not exist", audit=NOBODY, rows=0,
                  outcome="user_does_not_exist")
        self.does("change_password", "romeo", "unknown.example.org", "a new one",
                  no="User romeo@unknown.example.org does not exist",
                  audit={"user": "romeo", "host": "unknown.example.org"}, rows=0,
                  outcome="user_does_not_exist")

    def test_change_password_of_an_invalid_jid(self):
        for user, host in [("a@b", HOST), ("", HOST), ("romeo", ""), ("romeo", "a b")]:
            self.does("change_password", user, host, "a new one", no="Error: invalid_jid")

    def test_change_password_refuses_what_saslprep_refuses(self):
        for password in ("bell\x07", "\u00ad", "\ue000", b"\xff"):
            self.rejects("change_password", "romeo", HOST, password, pattern="password|newpass")

    def test_change_password_keeps_a_ban(self):
        self.insert("bans", {"host": HOST, "username": "romeo"})
        self.does("change_password", "romeo", HOST, "a new one", says=None,
                  tables=["credentials"], audit=ROMEO)
        self.does("check_password", "romeo", HOST, "a new one",
                  no="Password for user romeo@example.org is incorrect")


class BanAccount(world.TestCase):
    def bans(self):
        return self.sql("SELECT host, username, reason, banned_by FROM bans")

    def test_ban_account(self):
        self.online("romeo", "phone")
        self.online("romeo", "laptop")
        self.online("juliet", "phone")
        self.online("romeo", "phone", CHAT)
        self.does("ban_account", "romeo", HOST, "spam wave of May",
                  says="User romeo@example.org successfully banned with reason: spam wave of May",
                  tables=["bans", "sessions"], audit=ROMEO,
                  outbox=[("romeo@example.org", "kick", {"reason": "spam wave of May"})])
        self.assertEqual(self.bans(), [[HOST, "romeo", "spam wave of May", world.ACTOR]])
        self.assertEqual(self.sql("SELECT username, host FROM sessions ORDER BY 1"),
                         [["juliet", HOST], ["romeo", CHAT]])

    def test_ban_account_fails_every_check_of_the_password(self):
        self.insert("credentials", world.credential("romeo", mechanism="PLAIN"))
        before = self.state()["credentials"]
        self.does("ban_account", "Romeo", HOST, "spam", says=None, tables=["bans"], audit=ROMEO,
                  outbox=[("romeo@example.org", "kick", {"reason": "spam"})])
        self.does("check_password", "romeo", HOST, PASSWORD,
                  no="Password for user romeo@example.org is incorrect")
        digest = hashlib.md5(PASSWORD.encode()).hexdigest()
        self.does("check_password_hash", "romeo", HOST, digest, "md5",
                  no="Password hash is incorrect")
        self.succeeds(self.adminex("unban_account", "romeo", HOST))
        self.does("check_password", "romeo", HOST, PASSWORD,
                  says="Password for user romeo@example.org is correct")
        self.assertEqual(self.state()["credentials"], before)

    def test_ban_account_without_a_reason(self):
        self.does("ban_account", "romeo", HOST, "",
                  says="User romeo@example.org successfully banned with reason: ",
                  tables=["bans"], audit=ROMEO,
                  outbox=[("romeo@example.org", "kick", {"reason": "Kicked by administrator"})])
        self.assertEqual(self.bans(), [[HOST, "romeo", "", world.ACTOR]])

    def test_ban_account_again_keeps_the_date_and_takes_the_reason(self):
        self.insert("bans", {"host": HOST, "username": "romeo", "reason": "first",
                             "banned_by": "somebody", "banned_at": "2024-01-01T00:00:00Z"})
        self.does("ban_account", "romeo", HOST, "second", says=None, tables=["bans"], audit=ROMEO,
                  outbox=[("romeo@example.org", "kick", {"reason": "second"})])
        self.assertEqual(self.sql("SELECT reason, extract(year FROM banned_at) FROM bans"),
                         [["second", "2024"]])

    def test_ban_account_that_is_missing(self):
        self.does("ban_account", "nobody", HOST, "spam",
                  no="User nobody@example.org does not exist", audit=NOBODY, rows=0,
                  outcome="user_does_not_exist")

    def test_ban_account_of_an_invalid_jid(self):
        self.does("ban_account", "a@b", HOST, "spam", no="Error: invalid_jid")
        self.does("ban_account", "romeo", "a b", "spam", no="Error: invalid_jid")

    def test_ban_account_refuses_a_reason_that_xml_cannot_carry(self):
        for reason in ("bell\x07", b"\xff", "\ufffe"):
            self.rejects("ban_account", "romeo", HOST, reason, pattern="argument 'reason'")


class NumActiveUsers(world.TestCase):
    def seen(self, user, ago, host=HOST):
        self.sql("INSERT INTO last_activity (host, username, last_at) VALUES "
                 f"('{host}', '{user}', now() - interval '{ago}')")

    def test_num_active_users_counts_one_host(self):
        self.does("num_active_users", HOST, "30", says="0")
        self.seen("romeo", "1 day")
        self.seen("juliet", "29 days 23:59")
        self.seen("mercutio", "30 days")
        self.seen("romeo", "1 day", CHAT)
        self.does("num_active_users", HOST, "30", says="2")
        self.does("num_active_users", "Example.ORG", "31", says="3")
        self.does("num_active_users", CHAT, "2", says="1")
        self.does("num_active_users", HOST, "0", says="0")
        self.does("num_active_users", EMPTY, "1000000", says="0")

    def test_num_active_users_of_an_unknown_host(self):
        self.does("num_active_users", "unknown.example.org", "30",
                  no="Host unknown.example.org does not exist")

    def test_num_active_users_rejects_what_is_no_number_of_days(self):
        for days in ("-1", "", "12abc", "1.5", " 1", "0x10", "1000001", "9" * 30):
            with self.subTest(days=days):
                self.rejects("num_active_users", HOST, days, pattern="argument 'days'")


class DeleteOldUsers(world.TestCase):
    def seen(self, user, ago, host=HOST):
        self.sql("INSERT INTO last_activity (host, username, last_at) VALUES "
                 f"('{host}', '{user}', now() - interval '{ago}')")

    def accounts(self):
        return [f"{user}@{host}" for user, host in
                self.sql("SELECT username, host FROM users ORDER BY host, username")]

    def setUp(self):
        super().setUp()
        # Accounts that were seen today, on both hosts, until a test says otherwise.
        for user, host in world.ACCOUNTS:
            self.seen(user, "1 hour", host)

    def age(self, user, ago, host=HOST):
        self.sql(f"UPDATE last_activity SET last_at = now() - interval '{ago}' "
                 f"WHERE username = '{user}' AND host = '{host}'")

    def forget(self, user, host=HOST, created="2020-01-01"):
        self.sql(f"DELETE FROM last_activity WHERE username = '{user}' AND host = '{host}';"
                 f"UPDATE users SET created_at = '{created}' "
                 f"WHERE username = '{user}' AND host = '{host}'")

    def test_delete_old_users_finds_none(self):
        self.does("delete_old_users", "30", says="Deleted 0 users: []", audit={"days": 30}, rows=0)

    def test_delete_old_users_with_all_that_is_theirs(self):
        self.age("romeo", "31 days")
        self.contact("romeo", "juliet@example.org", subscription="B")
        self.contact("romeo", "news.example.net", subscription="T")
        self.contact("romeo", "stranger@example.net")
        self.contact("juliet", "romeo@example.org", subscription="B")
        row = {"host": HOST, "username": "romeo"}
        self.insert("roster_versions", row)
        self.insert("vcards", {**row, "vcard": "<vCard xmlns='vcard-temp'/>"},
                    {"host": CHAT, "username": "romeo", "vcard": "<vCard xmlns='vcard-temp'/>"})
        self.insert("private_storage", {**row, "xmlns": "a", "data": "<a xmlns='a'/>"})
        self.insert("offline_messages", {**row, "packet": "<message/>"})
        self.insert("bans", row)
        before = self.state()
        result = self.adminex("delete_old_users", "30")
        self.ok(result, 'Deleted 1 users: [{<<"romeo">>,<<"example.org">>}]')
        after = self.state()
        self.assertEqual(self.new_audit(before, after), [
            ("delete_old_users", world.ACTOR, "cli", {"days": 30}, 1, "ok")])
        ((jid, kind, payload),) = self.new_outbox(before, after)
        self.assertEqual((jid, kind), ("romeo@example.org", "account_removed"))
        self.assertEqual(sorted(payload["contacts"]), ["juliet@example.org", "news.example.net"])
        for table in self.changed(before, after):
            gone = [row for row in before[table] if row not in after[table]]
            self.assertEqual({(row["username"], row["host"]) for row in gone}, {("romeo", HOST)},
                             table)
        self.assertEqual(self.changed(before, after), {
            "users", "credentials", "last_activity", "roster_items", "roster_versions", "vcards",
            "private_storage", "offline_messages", "bans"})

    def test_delete_old_users_on_all_hosts_counts_each_once(self):
        self.age("romeo", "400 days")
        self.age("romeo", "400 days", CHAT)
        self.age("mercutio", "400 days")
        self.ok(self.adminex("delete_old_users", "365"),
                'Deleted 3 users: [{<<"romeo">>,<<"chat.example.org">>},'
                '{<<"mercutio">>,<<"example.org">>},{<<"romeo">>,<<"example.org">>}]')
        self.assertEqual(self.accounts(), ["juliet@example.org"])

    def test_delete_old_users_at_the_border(self):
        self.age("romeo", "30 days")
        self.age("juliet", "29 days 23:59")
        self.ok(self.adminex("delete_old_users", "30"),
                'Deleted 1 users: [{<<"romeo">>,<<"example.org">>}]')

    def test_delete_old_users_of_zero_days_deletes_all_that_are_offline(self):
        self.online("juliet", "phone")
        self.succeeds(self.adminex("delete_old_users", "0"))
        self.assertEqual(self.accounts(), ["juliet@example.org"])

    def test_delete_old_users_keeps_who_is_connected(self):
        for user in ("romeo", "juliet"):
            self.age(user, "31 days")
        self.online("romeo", "phone")
        self.online("juliet", "phone", show="unavailable")
        self.does("delete_old_users", "30", says="Deleted 0 users: []", audit={"days": 30}, rows=0)

    def test_delete_old_users_judges_who_was_never_seen_by_creation(self):
        self.forget("romeo", created="2020-01-01")
        self.forget("juliet", created="now")
        self.ok(self.adminex("delete_old_users", "30"),
                'Deleted 1 users: [{<<"romeo">>,<<"example.org">>}]')
        self.assertIn("juliet@example.org", self.accounts())

    def test_delete_old_users_include_never_seen(self):
        self.forget("juliet", created="now")
        self.ok(self.adminex("delete_old_users", "30", options=["--include-never-seen"]),
                'Deleted 1 users: [{<<"juliet">>,<<"example.org">>}]')

    def test_delete_old_users_prints_names_as_erlang(self):
        self.insert("users", *({"host": HOST, "username": name, "created_at": "2020-01-01"}
                               for name in ("back\\slash", "анна", "semi;colon")))
        self.ok(self.adminex("delete_old_users", "30"),
                'Deleted 3 users: [{<<"back\\\\slash">>,<<"example.org">>},'
                '{<<"semi;colon">>,<<"example.org">>},{<<"анна">>,<<"example.org">>}]')

    def test_delete_old_users_is_never_wrapped(self):
        self.sql("INSERT INTO users (host, username, created_at) "
                 "SELECT 'example.org', 'u' || n, '2020-01-01' FROM generate_series(100, 299) n")
        result = self.adminex("delete_old_users", "30")
        names = ",".join(f'{{<<"u{n}">>,<<"example.org">>}}' for n in range(100, 300))
        self.ok(result, f"Deleted 200 users: [{names}]")

    def test_delete_old_users_for_machines(self):
        self.age("romeo", "31 days")
        self.age("romeo", "31 days", CHAT)
        found = [{"user": "romeo", "host": CHAT}, {"user": "romeo", "host": HOST}]
        text = ('Deleted 2 users: [{<<"romeo">>,<<"chat.example.org">>},'
                '{<<"romeo">>,<<"example.org">>}]')
        result = self.adminex("delete_old_users", "30", options=["--json", "--dry-run"])
        self.assertEqual(result.json()["result"], found)
        result = self.adminex("delete_old_users", "30", options=["--json"])
        self.ok(result, json.dumps({"result": found, "message": text, "status": "ok"},
                                   separators=(",", ":")))

    def test_delete_old_users_rejects_what_is_no_number_of_days(self):
        for days in ("-1", "", "12abc", "1O", "1.5", " 1", "1000001", "9" * 30):
            with self.subTest(days=days):
                self.rejects("delete_old_users", days, pattern="argument 'days'")
                self.rejects("delete_old_users_vhost", HOST, days, pattern="argument 'days'")

    def test_delete_old_users_vhost_only_there(self):
        self.age("romeo", "31 days")
        self.age("romeo", "31 days", CHAT)
        self.does("delete_old_users_vhost", "CHAT.example.org", "30",
                  says='Deleted 1 users: [{<<"romeo">>,<<"chat.example.org">>}]',
                  tables=["users", "credentials", "last_activity"],
                  audit={"host": CHAT, "days": 30},
                  outbox=[("romeo@chat.example.org", "account_removed", {"contacts": []})])

    def test_delete_old_users_vhost_include_never_seen(self):
        self.forget("romeo", CHAT, created="now")
        self.forget("romeo", HOST, created="now")
        self.ok(self.adminex("delete_old_users_vhost", CHAT, "30",
                             options=["--include-never-seen"]),
                'Deleted 1 users: [{<<"romeo">>,<<"chat.example.org">>}]')

    def test_delete_old_users_vhost_of_an_unknown_host(self):
        self.does("delete_old_users_vhost", "unknown.example.org", "30",
                  says="Deleted 0 users: []", audit={"host": "unknown.example.org", "days": 30},
                  rows=0)

    def test_delete_old_users_vhost_of_an_invalid_host(self):
        self.rejects("delete_old_users_vhost", "a b", "30", pattern="argument 'host'")
