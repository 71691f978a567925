"""Submod admin: hosts and accounts, beyond the 44 commands."""

import json

import world
from world import BAD_LOCALPARTS, CHAT, EMPTY, HOST, PASSWORD

ROMEO = {"user": "romeo", "host": HOST}
NEW = {"user": "paris", "host": HOST}


class Hosts(world.TestCase):
    def test_add_host(self):
        self.does("add_host", "New.Example.ORG", says="Host New.Example.ORG added",
                  tables=["hosts"], audit={"host": "new.example.org"})
        self.assertIn(["new.example.org"], self.sql("SELECT host FROM hosts"))

    def test_add_host_that_exists(self):
        self.does("add_host", "EXAMPLE.org", no="Host EXAMPLE.org already exists",
                  audit={"host": HOST}, rows=0, outcome="exists")

    def test_add_host_rejects_what_is_no_domain(self):
        for host in world.BAD_DOMAINS:
            self.rejects("add_host", host, pattern="argument 'host'")

    def test_remove_host(self):
        self.does("remove_host", "Empty.Example.org", says="Host Empty.Example.org removed",
                  tables=["hosts"], audit={"host": EMPTY})

    def test_remove_host_that_has_accounts(self):
        self.does("remove_host", HOST,
                  no="Host example.org still has accounts; unregister them first",
                  audit={"host": HOST}, rows=0, outcome="host_has_accounts")

    def test_remove_host_that_is_not_there(self):
        self.does("remove_host", "unknown.example.org",
                  no="Host unknown.example.org does not exist",
                  audit={"host": "unknown.example.org"}, rows=0, outcome="host_does_not_exist")
        self.rejects("remove_host", "a b", pattern="argument 'host'")

    def test_registered_vhosts(self):
        self.does("registered_vhosts", says=[CHAT, EMPTY, HOST])
        self.sql("DELETE FROM users; DELETE FROM hosts")
        self.does("registered_vhosts", says="")


class Register(world.TestCase):
    def test_register(self):
        self.does("register", "Paris", "Example.ORG", "a secret",
                  says="User Paris@Example.ORG successfully registered",
                  tables=["users", "credentials"], audit=NEW)
        self.assertEqual(self.sql("SELECT host, created_at > now() - interval '1 minute' "
                                  "FROM users WHERE username = 'paris'"), [[HOST, "t"]])
        self.does("check_password", "paris", HOST, "a secret",
                  says="Password for user paris@example.org is correct")

    def test_register_prepares_names_as_xmpp_servers_do(self):
        # Capitals, a final sigma, full width, and what Unicode had not yet assigned in 2002.
        for typed, stored in [("ΟΔΥΣΣΕΎΣ", "οδυσσεύσ"), ("ＡＢＣ", "abc"), ("😀", "😀"),
                              ("Straße", "strasse"), ("soft\u00adhyphen", "softhyphen")]:
            self.ok(self.adminex("register", typed, HOST, "x"),
                    f"User {typed}@example.org successfully registered")
            self.assertIn([stored], self.sql("SELECT username FROM users"))
        # Arabic letters beside Latin ones, a private letter, a space of another width.
        for typed in ("\u0627a", "\ue000", "a\u3000b", "a\u200eb"):
            self.no(self.adminex("register", typed, HOST, "x"), "Error: invalid_jid")

    def test_register_the_same_name_on_another_host(self):
        self.does("register", "juliet", CHAT, "x", says=None, tables=["users", "credentials"],
                  audit={"user": "juliet", "host": CHAT})

    def test_register_that_exists(self):
        self.does("register", "ROMEO", HOST, "another",
                  no="User ROMEO@example.org already registered", audit=ROMEO, rows=0,
                  outcome="exists")

    def test_register_on_an_unknown_host(self):
        self.does("register", "romeo", "unknown.example.org", "x",
                  no="Host unknown.example.org does not exist",
                  audit={"user": "romeo", "host": "unknown.example.org"}, rows=0,
                  outcome="host_does_not_exist")

    def test_register_without_a_password(self):
        self.does("register", "paris", HOST, "", no="Error: empty_password")

    def test_register_of_an_invalid_jid(self):
        for bad in BAD_LOCALPARTS:
            self.does("register", bad, HOST, "x", no="Error: invalid_jid")
        self.does("register", "paris", "a b", "x", no="Error: invalid_jid")

    def test_register_refuses_what_saslprep_refuses(self):
        for password in ("bell\x07", "\u00ad", b"\xff"):
            self.rejects("register", "paris", HOST, password, pattern="password")


class Unregister(world.TestCase):
    def test_unregister(self):
        self.contact("romeo", "juliet@example.org", subscription="B")
        self.contact("romeo", "asked@example.net", ask="O")
        self.contact("romeo", "stranger@example.net")
        self.contact("juliet", "romeo@example.org", subscription="B")
        self.online("romeo", "phone")
        self.does("unregister", "Romeo", HOST,
                  says="User Romeo@example.org successfully unregistered",
                  tables=["users", "credentials", "roster_items", "sessions"], audit=ROMEO,
                  outbox=[("romeo@example.org", "account_removed",
                           {"contacts": ["asked@example.net", "juliet@example.org"]})])
        self.assertEqual(self.sql("SELECT username, jid FROM roster_items"),
                         [["juliet", "romeo@example.org"]])
        self.assertIn(["romeo", CHAT], self.sql("SELECT username, host FROM users"))

    def test_unregister_that_is_missing(self):
        self.does("unregister", "nobody", HOST, no="User nobody@example.org does not exist",
                  audit={"user": "nobody", "host": HOST}, rows=0, outcome="user_does_not_exist")
        self.does("unregister", "a@b", HOST, no="User a@b@example.org does not exist")

    def test_registered_users(self):
        self.does("registered_users", "Example.ORG", says=["juliet", "mercutio", "romeo"])
        self.does("registered_users", CHAT, says="romeo")
        self.does("registered_users", EMPTY, says="")
        self.does("registered_users", "unknown.example.org",
                  no="Host unknown.example.org does not exist")
        self.rejects("registered_users", "", pattern="argument 'host'")


class Bans(world.TestCase):
    def ban(self, user="romeo", reason="spam"):
        self.insert("bans", {"host": HOST, "username": user, "reason": reason,
                             "banned_at": "2024-05-06T09:08:09+02", "banned_by": "admin"})

    def test_unban_account(self):
        self.ban()
        self.does("unban_account", "Romeo", HOST,
                  says="User Romeo@example.org successfully unbanned", tables=["bans"],
                  audit=ROMEO)
        self.does("check_password", "romeo", HOST, PASSWORD,
                  says="Password for user romeo@example.org is correct")

    def test_unban_account_that_is_not_banned(self):
        self.does("unban_account", "romeo", HOST, no="User romeo@example.org is not banned",
                  audit=ROMEO, rows=0, outcome="not_banned")

    def test_unban_account_that_is_missing(self):
        self.does("unban_account", "nobody", HOST, no="User nobody@example.org does not exist",
                  audit={"user": "nobody", "host": HOST}, rows=0, outcome="user_does_not_exist")
        self.does("unban_account", "a@b", HOST, no="User a@b@example.org does not exist")

    def test_get_ban_details(self):
        self.ban(reason="spam\tand\nmore")
        self.does("get_ban_details", "ROMEO", HOST,
                  says="spam\\tand\\nmore\t2024-05-06T07:08:09Z\tadmin")
        self.does("get_ban_details", "juliet", HOST, no="User juliet@example.org is not banned")
        self.does("get_ban_details", "nobody", HOST, no="User nobody@example.org does not exist")
        self.does("get_ban_details", "a@b", HOST, no="User a@b@example.org does not exist")

    def test_list_banned(self):
        self.ban()
        self.ban("juliet", "")
        self.does("list_banned", "Example.ORG", says=["juliet\t\t2024-05-06T07:08:09Z\tadmin",
                                                      "romeo\tspam\t2024-05-06T07:08:09Z\tadmin"])
        self.does("list_banned", CHAT, says="")
        self.does("list_banned", "unknown.example.org",
                  no="Host unknown.example.org does not exist")
        result = self.adminex("list_banned", HOST, options=["--json"])
        self.assertEqual(json.loads(result.text)["result"][1],
                         {"user": "romeo", "reason": "spam", "banned_at": "2024-05-06T07:08:09Z",
                          "banned_by": "admin"})


class GetLast(world.TestCase):
    def test_get_last(self):
        self.succeeds(self.adminex("set_last", "romeo", HOST, "1700000000", "gone\tfishing"))
        self.does("get_last", "Romeo", HOST, says="1700000000\tgone\\tfishing")
        result = self.adminex("get_last", "romeo", HOST, options=["--json"])
        self.ok(result, '{"result":[{"timestamp":1700000000,"status":"gone\\tfishing"}],'
                        '"status":"ok"}')

    def test_get_last_of_one_never_seen(self):
        self.does("get_last", "romeo", HOST, no="User romeo@example.org was never seen")

    def test_get_last_of_a_missing_account(self):
        for user, host in [("nobody", HOST), ("juliet", CHAT), ("a@b", HOST)]:
            self.does("get_last", user, host, no=f"User {user}@{host} does not exist")
