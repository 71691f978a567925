"""The 46 defects of the original, by the numbers of the specification (semantics, section 6): each
test fails if the defect were here. Where one cannot be tested this way, a comment says why."""

import hashlib
import json
import os
import stat
import subprocess
import threading

import harness
import world
from world import CHAT, EMPTY, HOST, PASSWORD

CARD = "<vCard xmlns='vcard-temp'>{}</vCard>"


class Accounts(world.TestCase):
    def seen(self, user, ago, host=HOST):
        self.sql("INSERT INTO last_activity (host, username, last_at) "
                 f"VALUES ('{host}', '{user}', now() - interval '{ago}')")

    def test_defect_01_a_failed_read_deletes_nobody(self):
        for user in ("romeo", "juliet"):
            self.seen(user, "1 day")
        self.sql("ALTER TABLE last_activity RENAME TO hidden")
        try:
            for args in (["delete_old_users", "30"], ["delete_old_users_vhost", HOST, "30"]):
                self.fails(self.adminex(*args), 1, "last_activity")
                self.fails(self.adminex(*args, options=["--include-never-seen"]), 1,
                           "last_activity")
        finally:
            self.sql("ALTER TABLE hidden RENAME TO last_activity")
        self.assertEqual(self.sql("SELECT count(*) FROM users"), [["4"]])
        self.sql("ALTER TABLE sessions RENAME TO hidden")
        try:
            self.fails(self.adminex("delete_old_users", "0"), 1, "sessions")
        finally:
            self.sql("ALTER TABLE hidden RENAME TO sessions")
        self.assertEqual(self.sql("SELECT count(*) FROM users"), [["4"]])

    def test_defect_02_delete_old_users_vhost_judges_only_that_host(self):
        self.seen("romeo", "400 days", CHAT)
        self.seen("romeo", "1 hour")
        self.ok(self.adminex("delete_old_users_vhost", CHAT, "30"),
                'Deleted 1 users: [{<<"romeo">>,<<"chat.example.org">>}]')
        self.assertEqual(self.sql("SELECT username FROM users WHERE host = 'example.org' "
                                  "ORDER BY 1"), [["juliet"], ["mercutio"], ["romeo"]])

    def test_defect_03_new_accounts_survive_and_each_counts_once(self):
        self.sql("UPDATE users SET created_at = now() WHERE username = 'juliet'")
        before = self.state()
        self.ok(self.adminex("delete_old_users", "30", options=["--dry-run"]), None, "dry run: 3 ")
        self.assertEqual(self.state(), before)
        self.rejects("delete_old_users", "-1", pattern="argument 'days'")
        self.rejects("delete_old_users", "30", options=["--max-affected", "2"], pattern="affect 3")
        result = self.adminex("delete_old_users", "30")
        self.assertTrue(result.text.startswith("Deleted 3 users: "))
        self.assertEqual(self.sql("SELECT username FROM users"), [["juliet"]])

    def test_defect_04_no_command_makes_an_account_that_is_missing(self):
        for command in ("change_password", "ban_account"):
            before = self.state()
            self.no(self.adminex(command, "nobody", HOST, "x"),
                    "User nobody@example.org does not exist")
            after = self.state()
            for table in ("users", "credentials", "bans"):
                self.assertEqual(before[table], after[table])

    def test_defect_05_the_old_password_is_no_longer_valid(self):
        for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            self.sql("DELETE FROM credentials WHERE username = 'romeo'")
            self.insert("credentials", world.credential("romeo", mechanism=mechanism))
            self.succeeds(self.adminex("change_password", "romeo", HOST, "new"))
            self.no(self.adminex("check_password", "romeo", HOST, PASSWORD), None)
            self.ok(self.adminex("check_password", "romeo", HOST, "new"), None)
            self.no(self.adminex("check_password_hash", "romeo", HOST,
                                 hashlib.md5(PASSWORD.encode()).hexdigest(), "md5"), None)

    def test_defect_06_the_digest_of_nothing_matches_nobody(self):
        for method in ("md5", "sha"):
            digest = hashlib.new("sha1" if method == "sha" else method, b"")
            short = "".join(f"{byte:X}" for byte in digest.digest())
            for typed in (digest.hexdigest(), short):
                self.no(self.adminex("check_password_hash", "nobody", HOST, typed, method),
                        "User nobody@example.org does not exist")
                self.no(self.adminex("check_password_hash", "romeo", HOST, typed, method),
                        'Error: "Hash for password is undefined"')

    def test_defect_07_the_card_of_the_same_name_elsewhere_stays(self):
        for host in (HOST, CHAT):
            self.insert("vcards", {"host": host, "username": "romeo", "vcard": CARD.format("")})
        self.succeeds(self.adminex("unregister", "romeo", HOST))
        self.assertEqual(self.sql("SELECT host FROM vcards"), [[CHAT]])

    def test_defect_11_a_ban_and_its_kicks_become_visible_together(self):
        self.online("romeo", "phone")
        blocker = world.Session(self.dsn)
        self.addCleanup(blocker.close)
        # The kick has to wait; while it does, the ban is not half done.
        blocker.run("BEGIN; SELECT 1 FROM sessions FOR UPDATE")
        child = self.spawn("ban_account", "romeo", HOST, "spam")
        harness.wait_until(lambda: self.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
        self.assertEqual(self.sql("SELECT (SELECT count(*) FROM bans), (SELECT count(*) FROM "
                                  "outbox)"), [["0", "0"]])
        blocker.run("ROLLBACK")
        self.succeeds(child.wait())
        self.assertEqual(self.sql("SELECT (SELECT count(*) FROM bans), (SELECT count(*) FROM "
                                  "outbox), (SELECT count(*) FROM sessions)"), [["1", "1", "0"]])

    def test_defect_12_no_password_is_echoed(self):
        for password in (PASSWORD, "wrong-" + PASSWORD):
            for user in ("romeo", "nobody"):
                result = self.adminex("check_password", user, HOST, password)
                self.assertNotIn(PASSWORD, result.text + result.err.decode())
        self.ok(self.adminex("check_password", "romeo", HOST, "-", stdin=PASSWORD.encode()),
                "Password for user romeo@example.org is correct")

    def test_defect_19_num_active_users_hides_no_error(self):
        self.seen("romeo", "1 day", CHAT)
        self.ok(self.adminex("num_active_users", HOST, "30"), "0")
        self.ok(self.adminex("num_active_users", CHAT.upper(), "30"), "1")
        self.no(self.adminex("num_active_users", "unknown.example.org", "30"), None)
        self.fails(self.adminex("num_active_users", HOST, "30", env={
            "ADMINEX_DSN": f"{self.dsn} options='-c role=pg_monitor'"}), 5, "denied")
        self.fails(self.adminex("num_active_users", HOST, "30",
                                env={"ADMINEX_DSN": "host=/nowhere"}), 3, "cannot reach")

    def test_defect_20_digests_are_hex_in_either_case(self):
        self.insert("credentials", world.credential("romeo", password="makota",
                                                    mechanism="PLAIN"))
        right = hashlib.sha1(b"makota").hexdigest()
        for typed in (right, right.upper(), "96C87D27C736817BE6354798236518C6E971F3E"):
            self.ok(self.adminex("check_password_hash", "romeo", HOST, typed, "sha"), None)
        # A zero in another place is another digest.
        for typed in (right.replace("0", "", 1) + "0", "0" + right.replace("0", "", 1)):
            self.no(self.adminex("check_password_hash", "romeo", HOST, typed, "sha"),
                    "Password hash is incorrect")

    def test_defect_33_passwords_are_prepared_by_saslprep(self):
        self.succeeds(self.adminex("change_password", "romeo", HOST, "I\u00adX"))
        self.ok(self.adminex("check_password", "romeo", HOST, "\u2168"), None)
        for password in ("\u0007", "\u0627\u0031"):
            self.rejects("change_password", "romeo", HOST, password, pattern="SASLprep")
            self.no(self.adminex("check_password", "romeo", HOST, password),
                    "Password for user romeo@example.org is incorrect")

    def test_defect_34_each_part_has_its_own_profile(self):
        # '&' is no letter of a localpart, and one of a domain; only nameprep lets it pass.
        self.insert("hosts", {"host": "r&d.example"})
        self.ok(self.adminex("register", "Straße", "R&D.example", "x"), None)
        self.ok(self.adminex("change_password", "STRASSE", "r&d.EXAMPLE", "y"), None)
        self.ok(self.adminex("get_roster", "strasse", "R&D.example"), "")
        self.no(self.adminex("get_roster", "r&d", HOST), "User r&d@example.org does not exist")

    def test_defect_40_parallel_calls_lose_nothing(self):
        results = []

        def run(number):
            for args in (["set_last", "romeo", HOST, number, str(number)],
                         ["set_vcard", "romeo", HOST, f"X-{number}", str(number)],
                         ["private_set", "romeo", HOST, f"<a xmlns='n'>{number}</a>"],
                         ["change_password", "romeo", HOST, f"new {number}"],
                         ["add_rosteritem", "romeo", HOST, "juliet", HOST, str(number), "", "to"]):
                results.append(self.adminex(*args))
        threads = [threading.Thread(target=run, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(results), 20)
        for result in results:
            self.succeeds(result)
        card = self.sql("SELECT vcard FROM vcards")[0][0]
        for number in range(4):
            self.assertIn(f"<X-{number}>{number}</X-{number}>", card)
        self.assertEqual(self.sql("SELECT count(*) FROM credentials WHERE username = 'romeo' "
                                  "AND host = 'example.org'"), [["1"]])

    def test_defect_42_one_iteration_ends_and_none_is_refused(self):
        self.sql("DELETE FROM credentials WHERE username = 'romeo'")
        self.insert("credentials", world.credential("romeo", iterations=1))
        self.ok(self.adminex("check_password", "romeo", HOST, PASSWORD), None)
        self.no(self.adminex("check_password", "romeo", HOST, "wrong"), None)
        for iterations in (0, -1, 2000000000):
            with self.assertRaisesRegex(AssertionError, "credentials_iterations_range"):
                self.cluster.sql(self.database, "UPDATE credentials SET iterations = "
                                                f"{iterations} WHERE username = 'romeo'")


class Roster(world.TestCase):
    def test_defect_08_a_wrong_word_changes_nothing(self):
        self.contact("romeo", "juliet@example.org", subscription="B", groups=["Friends"])
        before = self.state()
        for word in ("wrong", "remove", ""):
            result = self.adminex("add_rosteritem", "romeo", HOST, "juliet", HOST, "n", "g", word)
            self.no(result, None)
            self.assertIn(f"Sub {word} is incorrect", result.text)
        self.assertEqual(self.state(), before)

    def test_defect_21_get_roster_prepares_and_misses_nobody(self):
        self.contact("romeo", "juliet@example.org")
        self.ok(self.adminex("get_roster", "ROMEO", "EXAMPLE.ORG"),
                "juliet@example.org\t\tnone\tnone\t")
        self.no(self.adminex("get_roster", "nobody", HOST),
                "User nobody@example.org does not exist")

    def test_defect_22_tabs_and_newlines_do_not_shift_fields(self):
        self.contact("romeo", "juliet@example.org", nick="a\tb\nc", groups=["d\te", "f"])
        for line in self.adminex("get_roster", "romeo", HOST).lines:
            self.assertEqual(len(line.split("\t")), 5)
        self.assertEqual(len(self.adminex("get_roster", "romeo", HOST).lines), 2)

    def test_defect_23_process_rosteritems_works_on_sql(self):
        self.contact("romeo", "juliet@example.org", subscription="B")
        self.ok(self.adminex("process_rosteritems", "delete", "both", "any", "any", "any"),
                b"There are 1 roster items in total.\nMatches: romeo@example.org "
                b"juliet@example.org\n\n")
        self.assertEqual(self.sql("SELECT count(*) FROM roster_items"), [["0"]])

    def test_defect_24_any_is_all_and_a_match_is_of_the_whole_part(self):
        for number, ask in enumerate("NOIBSU"):
            self.contact("romeo", f"ab{number}@example.net", ask=ask)
        result = self.adminex("process_rosteritems", "list", "any", "any", "any", "any")
        self.assertEqual(len(result.lines), 1 + 6 + 1)
        # The first branch alone would match a part of the name only.
        result = self.adminex("process_rosteritems", "list", "any", "any", "any",
                              "a|ab0@example.net")
        self.assertIn("Matches: romeo@example.org ab0@example.net", result.lines)
        # A colon in a group does not end the pattern, nor does one that is escaped.
        result = self.adminex("process_rosteritems", "list", "any", "any", "any",
                              "(?:ab0|ab1)@[[:alpha:].]+")
        self.assertEqual(len(result.lines), 1 + 2 + 1)
        self.no(self.adminex("process_rosteritems", "list", "any", "any", "(", "any"), None)
        self.no(self.adminex("process_rosteritems", "list", "any", "some", "any", "any"), None)
        self.no(self.adminex("process_rosteritems", "look", "any", "any", "any", "any"), None)

    def test_defect_25_push_roster_checks_accounts_and_tells_sessions(self):
        path = self.file("t.template", '[{"ROMEO", "Example.org", "g", "me"},\n'
                                       ' {"Juliet", "example.org", "g", "Julie"},\n'
                                       ' {"nobody", "example.org", "g", "n"}].')
        for args in (["push_roster", path, "romeo", HOST], ["push_roster_all", path]):
            self.ok(self.adminex(*args), "", "skipped 'nobody@example.org'")
            self.assertEqual(self.sql("SELECT jid FROM roster_items WHERE username = 'romeo'"),
                             [["juliet@example.org"]])
            self.assertEqual(self.sql("SELECT count(*) FROM roster_items "
                                      "WHERE username NOT IN ('romeo', 'juliet')"), [["0"]])
        self.assertEqual(self.sql("SELECT DISTINCT username FROM outbox WHERE kind = 'roster' "
                                  "ORDER BY 1"), [["juliet"], ["romeo"]])

    def test_defect_26_pushes_keep_what_users_had(self):
        self.contact("romeo", "juliet@example.org", nick="My love", groups=["Friends"],
                     subscription="B")
        self.succeeds(self.adminex("push_roster_alltoall", HOST, "All"))
        self.assertEqual(self.sql("SELECT nick, groups FROM roster_items WHERE username = 'romeo' "
                                  "AND jid = 'juliet@example.org'"),
                         [["My love", "{Friends,All}"]])
        # One transaction: the outbox rows of all owners have one time.
        self.assertEqual(self.sql("SELECT count(DISTINCT created_at), count(*) FROM outbox"),
                         [["1", "3"]])

    def test_defect_27_the_roster_version_follows(self):
        def versions():
            return self.sql("SELECT username, version FROM roster_versions WHERE "
                            "host = 'example.org' ORDER BY 1")
        for user in ("romeo", "juliet"):
            self.insert("roster_versions", {"host": HOST, "username": user, "version": 1})
        path = self.file("t.csv", f"user,host,group,nick\njuliet,{HOST},,\nromeo,{HOST},,\n")
        for expected, args in enumerate([
                ["add_rosteritem", "romeo", HOST, "a", HOST, "", "", "to"],
                ["delete_rosteritem", "romeo", HOST, "a", HOST],
                ["push_roster", path, "romeo", HOST],
                ["process_rosteritems", "delete", "any", "any", "romeo@.*", "any"],
                ["push_roster_alltoall", HOST, ""]], 2):
            self.succeeds(self.adminex(*args))
            self.assertEqual(versions()[1], ["romeo", str(expected)])
        self.assertEqual(versions()[0], ["juliet", "2"])
        self.succeeds(self.adminex("unregister", "romeo", HOST))
        self.assertEqual(versions(), [["juliet", "2"]])

    def test_defect_28_templates_are_utf8(self):
        path = self.file("t.template", '[{"juliet", "example.org", "Frères", "é"}].')
        self.succeeds(self.adminex("push_roster", path, "romeo", HOST))
        self.ok(self.adminex("get_roster", "romeo", HOST),
                "juliet@example.org\té\tboth\tnone\tFrères")

    def test_defect_35_what_is_wrong_is_one_line(self):
        self.online("romeo", "phone")
        bad = self.file("bad.template", "this is no term")
        for args in (["push_roster", bad, "romeo", HOST], ["push_roster_all", bad],
                     ["push_roster", "/nowhere", "romeo", HOST],
                     ["set_last", "romeo", HOST, "now", ""],
                     ["add_rosteritem", "romeo", HOST, "a b", HOST, "", "", "both"],
                     ["connected_users_vhost", "a b"], ["num_resources", "", HOST]):
            self.rejects(*args, pattern="^adminex: ")
        for args in (["process_rosteritems", "x", "any", "any", "any", "any"],
                     ["send_message_chat", HOST, "@", "x"], ["get_roster", "a b", HOST],
                     ["set_presence", "romeo", HOST, "none", "available", "", "", "1"]):
            result = self.adminex(*args)
            self.no(result, None)
            self.assertEqual(len(result.lines), 1)


class Cards(world.TestCase):
    def card(self, inner, user="romeo"):
        self.sql(f"DELETE FROM vcards WHERE username = '{user}'")
        self.insert("vcards", {"host": HOST, "username": user, "vcard": CARD.format(inner)})

    def stored(self):
        return self.sql("SELECT vcard FROM vcards")[0][0]

    def test_defect_09_a_card_that_cannot_be_read_is_not_replaced(self):
        self.insert("vcards", {"host": HOST, "username": "romeo", "vcard": "<vCard><FN>x"})
        for args in (["set_vcard", "FN", "y"], ["set_vcard2", "N", "FAMILY", "y"],
                     ["set_vcard2_multi", "N", "FAMILY", "y;z"]):
            command, *rest = args
            self.rejects(command, "romeo", HOST, *rest, pattern="vCard")
        self.assertEqual(self.stored(), "<vCard><FN>x")

    def test_defect_13_siblings_stay_and_old_values_go(self):
        self.card("<EMAIL id='1'><USERID>a</USERID><HOME/></EMAIL><FN>one</FN>"
                  "<EMAIL id='2'><USERID>b</USERID></EMAIL><FN>two</FN>")
        self.succeeds(self.adminex("set_vcard", "romeo", HOST, "FN", "new"))
        self.succeeds(self.adminex("set_vcard2", "romeo", HOST, "EMAIL", "USERID", "c"))
        self.ok(self.adminex("get_vcard", "romeo", HOST, "FN"), "new")
        self.assertEqual(self.stored(), CARD.format(
            "<EMAIL id='1'><USERID>c</USERID><HOME/></EMAIL><FN>new</FN>"
            "<EMAIL id='2'><USERID>b</USERID></EMAIL>"))

    def test_defect_14_several_values_are_joined_and_multi_keeps_them_apart(self):
        self.card("<TEL><NUMBER>1</NUMBER></TEL><TEL><NUMBER>2</NUMBER></TEL>")
        self.ok(self.adminex("get_vcard2", "romeo", HOST, "TEL", "NUMBER"), "12")
        self.ok(self.adminex("get_vcard2_multi", "romeo", HOST, "TEL", "NUMBER"), ["1", "2"])
        self.assertIn("get_vcard2_multi", self.adminex("help", "get_vcard2").text)

    def test_defect_15_a_write_that_fails_is_not_ok(self):
        readonly = {"ADMINEX_DSN": f"{self.dsn} options='-c default_transaction_read_only=on'"}
        for args in (["set_vcard", "romeo", HOST, "FN", "x"],
                     ["private_set", "romeo", HOST, "<a xmlns='n'/>"],
                     ["set_last", "romeo", HOST, "1", ""]):
            self.rejects(*args, pattern="read-only", env=readonly)

    def test_defect_16_private_set_without_a_namespace_is_an_error(self):
        self.does("private_set", "romeo", HOST, "<a/>", no="Error: the element has no xmlns")

    def test_defect_17_private_get_prints_what_is_stored_whatever_its_name(self):
        self.succeeds(self.adminex("private_set", "romeo", HOST, "<a xmlns='n'>x</a>"))
        self.ok(self.adminex("private_get", "romeo", HOST, "b", "n"), "<a xmlns='n'>x</a>")

    def test_defect_18_set_last_beyond_32_bits_is_refused(self):
        for time in ("2147483648", "-2147483649", "99999999999"):
            self.rejects("set_last", "romeo", HOST, time, "", pattern="argument 'timestamp'")

    def test_defect_32_long_names_have_cards(self):
        user, host = "u" * 1023, "h" * 1023
        self.insert("hosts", {"host": host})
        self.insert("users", {"host": host, "username": user})
        self.ok(self.adminex("set_vcard", user, host, "FN", "Long"), "")
        self.ok(self.adminex("get_vcard", user, host, "FN"), "Long")

    def test_defect_38_an_empty_namespace_and_broken_xml_are_one_line(self):
        self.insert("private_storage", {"host": HOST, "username": "romeo", "xmlns": "n",
                                        "data": "<broken"})
        self.rejects("private_get", "romeo", HOST, "a", "", pattern="argument 'ns'")
        self.rejects("private_get", "romeo", HOST, "a", "n", pattern="not XML")

    def test_defect_39_a_missing_user_is_named_in_readable_text(self):
        text = 'Error: "User nobody@example.org does not exist"'
        for args in (["private_get", "a", "n"], ["get_vcard", "FN"], ["get_vcard2", "N", "GIVEN"],
                     ["get_vcard2_multi", "N", "GIVEN"]):
            command, *rest = args
            self.no(self.adminex(command, "nobody", HOST, *rest), text)


class Sessions(world.TestCase):
    def test_defect_29_registered_users_are_counted_once(self):
        self.ok(self.adminex("stats", "registeredusers"), "4")
        self.ok(self.adminex("stats_host", "registeredusers", CHAT), "1")
        self.ok(self.adminex("stats_host", "registeredusers", EMPTY), "0")

    def test_defect_30_what_did_not_happen_is_not_status_0(self):
        self.no(self.adminex("resource_num", "romeo", HOST, "1"), "Error: Wrong resource number: 1")
        self.no(self.adminex("kick_session", "romeo", HOST, "phone", ""),
                "No session romeo@example.org/phone")
        self.no(self.adminex("remove_node", "nowhere"), "No node nowhere")

    def test_defect_31_all_is_a_word_and_hosts_are_prepared(self):
        self.online("romeo", "phone", show="away")
        self.online("romeo", "web", show="dnd")
        self.ok(self.adminex("status_num", "all"), "2")
        self.ok(self.adminex("status_num_host", "EXAMPLE.ORG", "all"), "2")
        self.assertEqual(len(self.adminex("status_list_host", "Example.org", "all").lines), 2)
        self.assertEqual(len(self.adminex("connected_users_vhost", "EXAMPLE.org").lines), 2)
        self.ok(self.adminex("stats_host", "onlineusers", "EXAMPLE.org"), "2")

    def test_defect_36_a_number_is_the_whole_argument(self):
        for number in ("12abc", "1 ", "1.0", "", "0x1"):
            self.rejects("delete_old_users", number, pattern="argument 'days'")
            self.rejects("num_active_users", HOST, number, pattern="argument 'days'")
            self.rejects("set_last", "romeo", HOST, number, "", pattern="argument 'timestamp'")
            self.rejects("resource_num", "romeo", HOST, number, pattern="argument 'num'")

    def test_defect_37_a_session_without_an_address_breaks_no_list(self):
        self.online("romeo", "phone")
        self.online("romeo", "web", ip="192.0.2.1", port=5222,
                    connected_at="2001-01-01T00:00:00+09")
        first, second = self.adminex("connected_users_info",
                                     env={"TZ": "Pacific/Kiritimati"}).lines
        self.assertRegex(first, r"\Aromeo@example.org/phone\tc2s\t\t\t0\t\t\d+\Z")
        age = int(self.sql("SELECT extract(epoch FROM now() - '2001-01-01T00:00:00+09')::bigint")
                  [0][0])
        self.assertAlmostEqual(int(second.split("\t")[6]), age, delta=5)

    def test_defect_44_any_word_is_a_plain_string(self):
        for word in ("'quoted atom'", "a" * 300, "Ünïcode", "{tuple}", "not_an_existing_atom"):
            self.no(self.adminex("remove_node", word), f"No node {word}")
            self.no(self.adminex("process_rosteritems", "list", word, "any", "any", "any"), None)


class PersonalData(world.TestCase):
    def test_defect_10_personal_data_is_private_and_leaves_nothing_behind(self):
        folder = self.tmp / "export"
        folder.mkdir()
        temporary = self.tmp / "temporary"
        temporary.mkdir()
        env = {"TMPDIR": str(temporary)}
        before = set(os.listdir("/tmp"))
        for name in ("data.zip", "data.json"):
            self.ok(self.adminex("retrieve_personal_data", "romeo", HOST, folder / name, env=env),
                    "")
            self.assertEqual(stat.S_IMODE((folder / name).stat().st_mode), 0o600)
        for bad in (folder / "none" / "data.zip", "/dev/full"):
            self.fails(self.adminex("retrieve_personal_data", "romeo", HOST, bad, env=env), 1,
                       "^adminex: ")
        self.assertEqual(sorted(os.listdir(folder)), ["data.json", "data.zip"])
        self.assertEqual(os.listdir(temporary), [])
        self.assertEqual([name for name in set(os.listdir("/tmp")) - before if "gdpr" in name], [])

    def test_defect_43_odd_names_break_no_export(self):
        for user in ("*", "a[b]", "$(x)", "-rf", "%s"):
            self.insert("users", {"host": HOST, "username": user})
            path = self.tmp / "odd.zip"
            self.ok(self.adminex("retrieve_personal_data", user.upper(), HOST, path), "")
            result = self.adminex("retrieve_personal_data", user.upper(), HOST, "-")
            self.assertEqual(json.loads(result.text)["subject"]["user"], user.lower())


# 41: what goes with an account goes by foreign keys, there is no statement of its own to be wrong;
# test_accounts.py shows that each table is cleared.


class CommandLine(world.TestCase):
    def test_defect_45_does_not(self):
        for args in (["delete_rosteritem", "nobody", HOST, "a", HOST],
                     ["add_rosteritem", "nobody", HOST, "a", HOST, "", "", "to"]):
            result = self.adminex(*args)
            self.assertNotIn("doest", result.text)
            self.assertIn(" does not exist", result.text)
        # The command's own no is on standard output, and nothing but it.
        self.assertEqual(result.err, b"")

    def test_defect_46_arguments_are_taken_as_they_are(self):
        for text in ("a  b\t c\n", 'in"ner quote', "*", "[a-z]", "<unbalanced", "--", "~p ~s",
                     "$HOME", "back\\slash", "'"):
            self.succeeds(self.adminex("set_last", "romeo", HOST, "1", text))
            self.assertEqual(self.sql("SELECT status FROM last_activity"), [[text]])
        self.fails(self.adminex("~p~s~n"), 2, "unknown command '~p~s~n'")
        # The way of a shell script.
        done = subprocess.run(
            ["sh", "-c", '"$0" set_last romeo example.org 1 "a  \'b\'  *"', harness.BIN],
            env=self.environment(), stdout=subprocess.PIPE, text=True, check=True,
            timeout=harness.TIMEOUT)
        self.assertEqual(done.stdout, "Last activity for user romeo@example.org is set as 1 with "
                                      "status a  'b'  *\n")
