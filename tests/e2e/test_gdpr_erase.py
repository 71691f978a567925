"""gdpr_erase: the plan and its token, the deed, what moves in between, and what goes wrong."""

import json
import os
import re
import resource
import subprocess

import daemon
import harness
import world
from world import CHAT, HOST

PLAN = [["account", "delete", 1], ["credentials", "delete", 1], ["ban", "delete", 0],
        ["last_activity", "delete", 0], ["vcard", "delete", 1], ["roster", "delete", 3],
        ["roster_version", "delete", 1], ["other_rosters", "delete", 1], ["private", "delete", 0],
        ["offline", "delete", 1], ["sent_offline", "delete", 0], ["sessions", "delete", 1],
        ["outbox", "delete", 1], ["outbox", "keep", 0], ["audit_log", "anonymise", 2],
        ["requests", "keep", 0], ["pending_erasure", "delete", 0], ["legal_hold", "delete", 0],
        ["others_outbox", "keep", 1], ["told", "tell", 4]]
NOTHING = "There is nothing of romeo@example.org to erase"
ERASED = "User romeo@example.org erased: 11 rows deleted, 2 anonymised, 1 kept"
NO_KEY = "setting 'privacy.key_file' is not set"
TABLES = ["users", "credentials", "vcards", "roster_items", "roster_versions", "offline_messages",
          "sessions"]
PRESENCE = "<presence xmlns='jabber:client' type='{}' from='romeo@example.org' to='{}'/>"
TOLD = [("juliet@example.org", "unsubscribe",
         {"stanzas": [PRESENCE.format("unsubscribe", "juliet@example.org"),
                      PRESENCE.format("unsubscribed", "juliet@example.org")]}),
        ("icq.example.net", "unsubscribe",
         {"stanzas": [PRESENCE.format("unsubscribe", "icq.example.net")]}),
        ("juliet@example.org", "roster", {"jids": ["romeo@example.org"]}),
        ("romeo@example.org", "account_removed", {"contacts": []})]


class Subject(daemon.TestCase):
    """Romeo, who has something in most tables; and files for keys and journals."""

    def setUp(self):
        super().setUp()
        row = {"host": HOST, "username": "romeo"}
        self.contact("romeo", "juliet@example.org", subscription="B", nick="J")
        self.contact("romeo", "icq.example.net", ask="O")
        self.contact("romeo", "romeo@example.org", subscription="B")
        self.contact("juliet", "romeo@example.org", subscription="B")
        self.insert("roster_versions", {**row, "version": 3},
                    {"host": HOST, "username": "juliet", "version": 7})
        self.insert("vcards", {**row, "vcard": "<vCard/>"})
        self.insert("offline_messages", {**row, "sender": "romeo@example.org", "packet": "note"})
        self.online("romeo", "phone")
        self.insert("outbox", {**row, "kind": "kick"}, *(
            {"host": HOST, "username": "juliet", "kind": kind, "payload": json.dumps(payload)}
            for kind, payload in (("roster", {"jids": ["xromeo@example.org", "tybalt@x.org"]}),
                                  ("message", {"stanza": "<message from='romeo@example.org/x'/>"}))))
        self.insert("audit_log", *(
            {"actor": "a", "face": "cli", "command": "x", "rows": 1, "outcome": "ok",
             "arguments": json.dumps(arguments)}
            for arguments in ({"user": "romeo", "host": HOST, "resource": "phone"},
                              {"localuser": "juliet", "localserver": HOST, "user": "romeo",
                               "server": HOST}, {"user": "juliet", "host": HOST})))

    def privacy(self, **settings):
        """Options with that configuration; a fresh key and journal unless said otherwise."""
        self.key, self.journal = self.tmp / "privacy.key", self.tmp / "erasures"
        for path in (self.key, self.journal):
            path.unlink(missing_ok=True)
        values = {"key_file": self.key, "journal_file": self.journal, "tombstone_days": 30,
                  **settings}
        lines = "".join(f"{name} = {daemon.setting(value)}; " for name, value in values.items()
                        if value is not None)
        self.more = f"privacy = {{ {lines}}};"
        return ["-c", self.file("privacy.conf", self.more)]

    def journaled(self):
        """The words and hashes of the journal, without its first line."""
        if not self.journal.exists():
            return []
        lines = [line.split() for line in self.journal.read_text().splitlines()]
        self.assertEqual(lines[0][1], "key")
        return [(word, digest) for _, word, digest in lines[1:]]

    def plan(self, *words, options=()):
        return self.adminex("--json", "gdpr_erase", *(words or ("romeo", HOST)),
                            options=options).json()

    def token(self, options=()):
        return self.plan(options=options)["token"]

    def is_there(self, user="romeo"):
        return self.sql(f"SELECT 1 FROM users WHERE host = '{HOST}' AND username = '{user}'") != []


class Plan(Subject):
    def test_gdpr_erase_only_plans_at_first(self):
        before = self.state()
        for words, options, terminal in (
                ([], [], False), ([], [], True), ([], ["--dry-run"], False),
                (["--dry-run"], [], True)):
            with self.subTest(words=words, options=options, terminal=terminal):
                if terminal:
                    # Nobody is asked, so no answer can do harm.
                    result = self.terminal("gdpr_erase", "romeo", HOST, *words, options=options)
                else:
                    result = self.adminex("gdpr_erase", "romeo", HOST, *words, options=options)
                self.succeeds(result)
                self.assertIn(NO_KEY, (result.err + result.out).decode())
                self.assertNotIn("[y/N]", (result.err + result.out).decode())
                self.assertRegex(result.text, r"(?m)^Nothing was changed. To go on: --execute [0-9a-f]{16}(-\d+){20}, or "
                                              "--yes whatever the plan is by then$")
                self.assertEqual(self.state(), before)

    def test_gdpr_erase_plan_is_a_table(self):
        result = self.adminex("gdpr_erase", "Romeo", "EXAMPLE.org")
        lines = result.lines
        self.assertEqual(re.split(" +", lines[0].strip()),
                         ["section", "table", "action", "rows", "reason"])
        rows = [re.split("  +", line) for line in lines[2:-2]]
        self.assertEqual([[row[0], row[2], int(row[3])] for row in rows], PLAN)
        self.assertEqual(lines[-2], "Erasing Romeo@EXAMPLE.org would delete 11 rows, anonymise 2 "
                                    "and keep 1.")
        reasons = {row[0] for row in rows if row[4:] not in ([], [""])}
        self.assertEqual(reasons, {"account", "outbox", "audit_log", "requests", "others_outbox", "told"})

    def test_gdpr_erase_plan_for_machines(self):
        reply = self.plan()
        self.assertEqual([[row["section"], row["action"], row["rows"]] for row in reply["result"]],
                         PLAN)
        self.assertEqual((list(reply), reply["status"]),
                         (["result", "message", "token", "status"], "ok"))
        self.assertIn(f"--execute {reply['token']}", reply["message"])
        lines = self.adminex("--format", "ndjson", "gdpr_erase", "romeo", HOST).ndjson()
        self.assertEqual((len(lines), lines[-1]["token"]), (21, reply["token"]))
        result = self.adminex("--format", "csv", "gdpr_erase", "romeo", HOST)
        self.assertEqual(len(result.lines), 21)
        # A CSV list has no room for it.
        self.assertIn(f"--execute {reply['token']}", result.err.decode())

    def test_gdpr_erase_nobody(self):
        before = self.state()
        for words in (["nobody", HOST], ["a b", HOST], ["romeo", "nowhere.example"]):
            self.no(self.adminex("gdpr_erase", *words),
                    f"There is nothing of {words[0]}@{words[1]} to erase")
        self.assertEqual(self.state(), before)
        # What is refused in earnest is noted, but not whom it was about.
        self.does("gdpr_erase", "nobody", HOST, "--yes", err=None,
                  no="There is nothing of nobody@example.org to erase", rows=0,
                  outcome="user_does_not_exist", audit=unittest_any({"host": HOST}))

    def test_gdpr_erase_of_what_is_only_kept(self):
        self.insert("gdpr_subjects", {"request": 1, "host": HOST, "username": "ghost"})
        self.no(self.adminex("gdpr_erase", "ghost", HOST),
                "There is nothing of ghost@example.org to erase")

    def test_gdpr_erase_takes_no_two_ways_at_once(self):
        self.rejects("gdpr_erase", "romeo", HOST, "--execute", self.token(), "--after", "1d",
                     pattern="arguments 'execute' and 'after'")
        self.rejects("gdpr_erase", "romeo", HOST, "--after", "0d", pattern="argument 'after'")
        self.rejects("gdpr_erase", "romeo", HOST, "--after", "soon", pattern="argument 'after'")
        self.rejects("gdpr_erase", "romeo", HOST, "--execute", "", pattern="no token of a plan")
        self.rejects("gdpr_erase", "romeo", HOST, "--execute", "x" * 60, pattern="no token")


def unittest_any(arguments):
    """Arguments of an audit row in which the user is a pseudonym."""
    class Arguments(dict):
        def __eq__(self, other):
            return (re.fullmatch("erased-[0-9a-f]{24}", other.get("user", "")) is not None
                    and {k: v for k, v in other.items() if k != "user"} == dict(self))
        __hash__ = None
    return Arguments(arguments)


class Erase(Subject):
    def erases(self, *words, options=(), err=None, says=ERASED, tables=TABLES, **how):
        """Romeo is erased: all that changed is what the plan says."""
        before = self.state()
        result = self.adminex("gdpr_erase", "romeo", HOST, *words, options=options, **how)
        self.succeeds(result)
        self.assertEqual(result.lines[-1], says, result)
        if err is not None:
            self.assertRegex(result.err.decode(), err)
        after = self.state()
        self.assertEqual(self.changed(before, after) - {"tombstones"}, set(tables))
        self.assertEqual(sorted(self.new_outbox(before, after), key=str), sorted(TOLD, key=str))
        self.assertEqual(before["roster_versions"][0]["version"] + 1,
                         after["roster_versions"][0]["version"])
        return before, after

    def pseudonym(self):
        (name,) = {row["arguments"]["user"] for row in self.state()["audit_log"]
                   if row["command"] == "gdpr_erase"}
        return name

    def test_gdpr_erase_with_yes(self):
        before, after = self.erases("--yes", err=NO_KEY)
        name = self.pseudonym()
        self.assertRegex(name, "^erased-[0-9a-f]{24}$")
        log = [(row["command"], row["arguments"], row["rows"]) for row in after["audit_log"]]
        self.assertEqual(log, [
            ("x", {"user": name, "host": HOST, "resource": ""}, 1),
            ("x", {"localuser": "juliet", "localserver": HOST, "user": name, "server": HOST}, 1),
            ("x", {"user": "juliet", "host": HOST}, 1),
            ("gdpr_erase", {"user": name, "host": HOST}, 13)])
        self.assertEqual(after["tombstones"], [])
        del before

    def test_gdpr_erase_options_before_the_command(self):
        self.erases(options=["--yes"])

    def test_gdpr_erase_with_its_token(self):
        self.erases("--execute", self.token())

    def test_gdpr_erase_on_a_terminal_asks_nothing_more(self):
        result = self.terminal("gdpr_erase", "romeo", HOST, "--execute", self.token())
        self.assertEqual(result.status, 0, result)
        self.assertIn(ERASED, result.text)
        self.assertFalse(self.is_there())

    def test_gdpr_erase_a_second_time_finds_nothing(self):
        options = self.privacy()
        self.succeeds(self.adminex("gdpr_erase", "romeo", HOST, "--yes", options=options))
        for words in ([], ["--yes"], ["--after", "1d"]):
            self.no(self.adminex("gdpr_erase", "romeo", HOST, *words, options=options), NOTHING)
        self.assertEqual([word for word, _ in self.journaled()], ["begin", "done"])

    def test_gdpr_erase_without_a_key_links_nothing(self):
        self.erases("--yes")
        first = self.pseudonym()
        self.setUp()
        self.erases("--yes")
        self.assertNotEqual(self.pseudonym(), first)

    def test_gdpr_erase_with_a_key(self):
        options = self.privacy()
        before, after = self.erases("--yes", options=options, err="^$")
        (begin, digest), done = self.journaled()
        self.assertEqual((begin, done), ("begin", ("done", digest)))
        self.assertEqual(self.pseudonym(), "erased-" + digest[:24])
        ((stone, days),) = self.sql("SELECT encode(subject, 'hex'), until - erased_at "
                                    "FROM tombstones")
        self.assertEqual((stone, days), (digest, "30 days"))
        self.assertEqual(self.journal.stat().st_mode & 0o7777, 0o600)
        del before, after

    def test_gdpr_erase_keeps_the_name_and_the_log_does_not_name_it_anew(self):
        options = self.privacy()
        self.erases("--yes", options=options, err="^$")
        result = self.adminex("register", "romeo", HOST, "secret", options=options)
        self.assertRegex(result.text, "^User romeo@example.org cannot be registered before ")
        self.assertEqual(result.status, 1)
        (arguments, outcome), = self.sql("SELECT arguments, outcome FROM audit_log"
                                         " WHERE command = 'register'")
        self.assertRegex(arguments, r'"user": "erased-[0-9a-f]{24}"')
        self.assertEqual(outcome, "name_erased")
        self.assertEqual(self.value("SELECT count(*) FROM audit_log"
                                    " WHERE arguments::text LIKE '%romeo%'"), "0")

    def test_gdpr_erase_without_journal_or_tombstone(self):
        options = self.privacy(journal_file=None, tombstone_days=0)
        self.erases("--yes", options=options, err="^$")
        self.assertEqual(self.state()["tombstones"], [])
        self.assertFalse(self.journal.exists())

    def test_gdpr_erase_refuses_a_journal_without_a_key(self):
        options = self.privacy(key_file=None)
        for words in (["--yes"], ["--after", "1d"]):
            self.rejects("gdpr_erase", "romeo", HOST, *words, options=options,
                         pattern="'privacy.journal_file' needs 'privacy.key_file'")

    def test_gdpr_erase_leftovers_without_an_account(self):
        self.sql(f"DELETE FROM users WHERE username = 'romeo' AND host = '{HOST}'")
        before = self.state()
        result = self.adminex("gdpr_erase", "romeo", HOST, "--yes")
        self.assertEqual(result.lines[-1],
                         "User romeo@example.org erased: 2 rows deleted, 2 anonymised, 1 kept")
        # There are no sessions to end.
        self.assertEqual(self.new_outbox(before, self.state()),
                         [("juliet@example.org", "roster", {"jids": ["romeo@example.org"]})])

    def test_gdpr_erase_as_a_trial(self):
        options = self.privacy()
        before, token = self.state(), self.token(options)
        for words in (["--execute", token], ["--yes"]):
            result = self.adminex("gdpr_erase", "romeo", HOST, *words, "--dry-run", options=options)
            self.succeeds(result)
            self.assertEqual(result.lines[-1], "Dry run: " + ERASED)
            self.assertRegex(result.err, rb"dry run: 1 subjects; nothing was changed")
            self.assertEqual(self.state(), before)
            self.assertFalse(self.journal.exists())

    def test_gdpr_erase_counts_subjects(self):
        options, before = self.privacy(), self.state()
        self.fails(self.adminex("gdpr_erase", "romeo", HOST, "--yes",
                                options=[*options, "--max-affected", "0"]), 1,
                   "would affect 1 subjects, more than 0", out=None)
        self.assertEqual(self.state(), before)
        self.assertFalse(self.journal.exists())
        self.erases("--yes", options=[*options, "--max-affected", "1"])

    def test_gdpr_erase_leaves_neighbours_alone(self):
        near = [("romeos", HOST), ("aromeo", HOST), ("Romeo", HOST), ("romeo", CHAT)]
        self.insert("users", *({"host": host, "username": user} for user, host in near[:3]))
        for user, host in near:
            self.contact(user, "juliet@example.org", host=host, subscription="B")
            self.contact("juliet", f"{user}@{host}", subscription="B")
            self.insert("offline_messages",
                        {"host": HOST, "username": "juliet", "sender": f"{user}@{host}/x",
                         "packet": "x"})
            self.insert("audit_log", {"actor": "a", "face": "cli", "command": "y", "rows": 1,
                                      "outcome": "ok", "arguments": json.dumps(
                                          {"from": f"{user}@{host}/x", "to": "juliet@example.org"})})
        before, after = self.erases("--yes")
        for table in ("roster_items", "offline_messages", "audit_log", "users"):
            about = [row for row in before[table] if "romeo@example.org" not in str(row)
                     and (row.get("username"), row.get("host")) != ("romeo", HOST)
                     and row.get("arguments", {}).get("user") != "romeo"]
            self.assertEqual([row for row in after[table] if row in about], about, table)


class Moving(Subject):
    """What changes between the plan and the deed, or during it."""

    def refused(self, token, moved):
        before = self.state()
        self.no(self.adminex("gdpr_erase", "romeo", HOST, "--execute", token),
                f"This is not the plan for romeo@example.org any more: {moved}; nothing was changed")
        self.assertEqual(self.state(), before)

    def test_gdpr_erase_says_what_moved_since_the_plan(self):
        token = self.token()
        self.contact("romeo", "new@example.org")
        self.refused(token, "roster: planned 3, now 4")
        self.online("romeo", "laptop")
        self.refused(token, "roster: planned 3, now 4; sessions: planned 1, now 2")
        self.sql("DELETE FROM roster_items WHERE jid = 'new@example.org';"
                 "DELETE FROM sessions WHERE resource = 'laptop'")
        self.succeeds(self.adminex("gdpr_erase", "romeo", HOST, "--execute", token))

    def test_gdpr_erase_says_that_contacts_changed(self):
        token = self.token()
        self.sql("UPDATE roster_items SET subscription = 'N', ask = 'N' "
                 "WHERE jid = 'icq.example.net'")
        self.refused(token, "told: planned 4, now 3")

    def test_gdpr_erase_says_that_the_registry_changed(self):
        token = self.token()
        self.sql("UPDATE personal_sections SET reason = 'x' WHERE section = 'account'")
        self.refused(token, "the registry of personal data was changed")

    def test_gdpr_erase_takes_no_token_of_somebody_else(self):
        before = self.state()
        result = self.adminex("gdpr_erase", "juliet", HOST, "--execute", self.token())
        self.fails(result, 1, "argument 'execute' is the token of another subject's plan")
        self.assertEqual(self.state(), before)

    def test_gdpr_erase_refuses_what_changes_meanwhile(self):
        """A row comes between the plan and the deed, by a trigger, and all is as it was."""
        self.sql("""
            CREATE FUNCTION public.interfere() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
                INSERT INTO adminex.roster_items (host, username, jid)
                VALUES ('example.org', 'mercutio', 'romeo@example.org');
                RETURN NULL;
            END $f$;
            CREATE TRIGGER interfere AFTER INSERT ON adminex.outbox
                FOR EACH STATEMENT EXECUTE FUNCTION public.interfere()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.interfere() CASCADE")
        options, before = self.privacy(), self.state()
        self.fails(self.adminex("gdpr_erase", "romeo", HOST, "--yes", options=options), 1,
                   "somebody changed data of the subject at the same moment: other_rosters: planned "
                   "1, now 2; nothing was erased")
        self.assertEqual(self.state(), before)
        self.assertFalse(self.journal.exists())

    def test_gdpr_erase_holds_off_who_changes_the_account(self):
        """Who logs in, or adds a contact, while it is erased waits, and finds no account."""
        psql = world.Session(self.dsn)
        self.addCleanup(psql.close)
        psql.run(f"BEGIN; SELECT FROM outbox FOR UPDATE;"
                 f"SELECT FROM users WHERE username = 'juliet' FOR UPDATE")
        psql.run("LOCK TABLE roster_versions IN ACCESS EXCLUSIVE MODE")
        child = self.spawn("gdpr_erase", "romeo", HOST, "--yes")
        self.wait_for_lock(1)
        login = self.spawn("set_last", "romeo", HOST, "1700000000", "x")
        self.wait_for_lock(2)
        psql.run("COMMIT")
        self.succeeds(child.wait())
        self.no(login.wait(), "User romeo@example.org does not exist", err=None)
        self.assertEqual(self.sql("SELECT * FROM last_activity"), [])

    def wait_for_lock(self, count):
        harness.wait_until(lambda: int(self.value(
            "SELECT count(*) FROM pg_locks WHERE NOT granted")) >= count)

    def test_gdpr_erase_twice_at_once(self):
        options = self.privacy()
        children = [self.spawn("gdpr_erase", "romeo", HOST, "--yes", options=options)
                    for _ in range(4)]
        results = [child.wait() for child in children]
        self.assertEqual(sorted(result.status for result in results), [0, 1, 1, 1])
        for result in results:
            self.assertEqual(result.lines[-1], NOTHING if result.status else ERASED)
        self.assertEqual([word for word, _ in self.journaled()], ["begin", "done"])
        self.assertEqual(len(self.sql("SELECT 1 FROM outbox WHERE kind = 'account_removed'")), 1)


class Faults(Subject):
    """Whatever goes wrong, nothing is half done."""

    def slow(self):
        """Erasures take their time at their end, so that there is some to disturb them."""
        self.sql("""
            CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
                PERFORM pg_sleep(30);
                RETURN NULL;
            END $f$;
            CREATE TRIGGER dawdle AFTER DELETE ON adminex.users
                FOR EACH STATEMENT EXECUTE FUNCTION public.dawdle()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.dawdle() CASCADE")

    def sleeper(self):
        found = self.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
                         "AND datname = current_database()")
        return found[0][0] if found else None

    def disturbed(self, disturb, status, pattern):
        options, before = self.privacy(), self.state()
        self.slow()
        child = self.spawn("gdpr_erase", "romeo", HOST, "--yes", options=options)
        harness.wait_until(self.sleeper)
        disturb(child)
        self.fails(child.wait(), status, pattern)
        self.assertEqual(self.state(), before)
        self.assertFalse(self.journal.exists())

    def test_gdpr_erase_whose_backend_is_killed(self):
        self.disturbed(lambda _: self.sql(f"SELECT pg_terminate_backend({self.sleeper()})"), 3,
                       "nothing was changed")

    def test_gdpr_erase_that_is_cancelled(self):
        self.disturbed(lambda _: self.sql(f"SELECT pg_cancel_backend({self.sleeper()})"), 1,
                       "cancelled the statement")

    def test_gdpr_erase_that_is_interrupted(self):
        self.disturbed(lambda child: child.interrupt(), 130, "interrupted: nothing was changed")

    def test_gdpr_erase_with_no_room_for_the_journal(self):
        options, before = self.privacy(), self.state()
        self.journal.write_text("2026-11-29T09:00:00.000000Z key " + "0" * 64 + "\n")
        self.fails(self.adminex("gdpr_erase", "romeo", HOST, "--yes", options=options), 1,
                   "was begun with another key")
        options = self.privacy(journal_file="/nonexistent/erasures")
        self.fails(self.adminex("gdpr_erase", "romeo", HOST, "--yes", options=options), 1,
                   "cannot write the journal '/nonexistent/erasures': .*nothing was erased")
        options = self.privacy(journal_file="/dev/full")
        self.fails(self.adminex("gdpr_erase", "romeo", HOST, "--yes", options=options), 1,
                   "no regular file")
        self.assertEqual(self.state(), before)

    def limited(self, size, options):
        """A run whose files may have so many bytes."""
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        done = subprocess.run([harness.BIN, *options, "gdpr_erase", "romeo", HOST, "--yes"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, preexec_fn=limit, cwd=self.tmp,
                              env=self.environment(), timeout=harness.TIMEOUT, check=False)
        return harness.Result((b"gdpr_erase",), done.returncode, done.stdout, done.stderr)

    def test_gdpr_erase_when_the_disk_of_the_journal_is_full(self):
        before = self.state()
        options = self.privacy()
        # Made before: the key is a file, too.
        self.key.write_bytes(os.urandom(32))
        self.key.chmod(0o600)
        self.fails(self.limited(50, options), 1, "cannot write the journal.*nothing was erased")
        self.assertEqual(self.state(), before)
        # Room for the first line and 'begin', but not for 'done'.
        self.journal.unlink()
        self.fails(self.limited(97 + 100, options), 1,
                   "the erasure was carried out, but its end is not in the journal: .*doubtful")
        self.assertFalse(self.is_there())
        self.assertEqual([word for word, _ in self.journaled()], ["begin"])

    def test_gdpr_erase_that_cannot_be_committed_is_undone_in_the_journal(self):
        options = self.privacy()
        self.sql("""
            CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
                RAISE 'not now';
            END $f$;
            CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON adminex.users
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()""")
        self.addCleanup(self.sql, "DROP FUNCTION public.refuse() CASCADE")
        before = self.state()
        self.fails(self.adminex("gdpr_erase", "romeo", HOST, "--yes", options=options), 1,
                   "not now")
        self.assertEqual(self.state(), before)
        self.assertEqual([word for word, _ in self.journaled()], ["begin", "undone"])

    def test_gdpr_erase_of_a_broken_registry(self):
        before = self.state()
        self.sql("CREATE TABLE public.visits (login text, page text);"
                 "INSERT INTO personal_sections (section, place, backend, table_schema, table_name,"
                 " matches, host, username_column, file_name) VALUES ('visits', 2000, 'own',"
                 " 'public', 'visits', 'username', 'example.org', 'login', 'v.csv')")
        self.addCleanup(self.sql, "DELETE FROM personal_sections WHERE section = 'visits';"
                                  "DROP TABLE IF EXISTS public.visits")
        self.sql("ALTER TABLE public.visits RENAME login TO name")
        for words in ([], ["--yes"]):
            self.fails(self.adminex("gdpr_erase", "romeo", HOST, *words), 1,
                       r"section visits of the privacy registry \(table public.visits\) names "
                       "columns that are not there")
        # A table that is gone holds nothing of anybody.
        self.sql("DROP TABLE public.visits")
        self.assertEqual(self.state()["users"], before["users"])
        self.succeeds(self.adminex("gdpr_erase", "romeo", HOST, "--yes"))


class Roles(Subject):
    def as_role(self, role, *words):
        return self.adminex(*words, options=["--dsn", self.dsn.replace("user=postgres",
                                                                       f"user={role}")])

    def test_gdpr_erase_needs_the_role_admin_of_the_database(self):
        for role in ("reader", "operator", "admin"):
            self.sql(f"CREATE ROLE test_erase_{role} LOGIN; "
                     f"GRANT adminex_{role} TO test_erase_{role}")
            self.addCleanup(self.sql, f"DROP ROLE test_erase_{role}")
        before = self.state()
        for role in ("reader", "operator"):
            self.fails(self.as_role(f"test_erase_{role}", "gdpr_erase", "romeo", HOST, "--yes"), 5,
                       "permission denied")
        self.assertEqual(self.state(), before)
        self.succeeds(self.as_role("test_erase_admin", "gdpr_erase", "romeo", HOST))
        result = self.as_role("test_erase_admin", "gdpr_erase", "romeo", HOST, "--yes")
        self.succeeds(result)
        self.assertEqual(result.lines[-1], ERASED)


class Faces(Subject):
    def test_gdpr_erase_by_http(self):
        options = self.privacy()
        server = self.serve(more=self.more)
        # Fresh after the reply: neither the roster nor the account is remembered.
        self.assertEqual(len(server.call("get_roster", user="juliet", host=HOST).json()["result"]), 1)
        self.says(server.call("check_account", user="romeo", host=HOST), 200, "ok")
        reply = server.call("gdpr_erase", user="romeo", host=HOST)
        self.says(reply, 200, "ok")
        self.assertTrue(self.is_there())
        self.assertEqual(reply.json()["token"], self.token(options))
        self.says(server.call("gdpr_erase", user="romeo", host=HOST, yes=True, dry_run=True), 200,
                  "ok")
        self.assertTrue(self.is_there())
        reply = server.call("gdpr_erase", user="romeo", host=HOST, execute=reply.json()["token"])
        self.says(reply, 200, "ok")
        self.assertEqual(reply.json()["message"], ERASED)
        self.assertEqual(server.call("get_roster", user="juliet", host=HOST).json()["result"], [])
        self.assertEqual(server.call("check_account", user="romeo", host=HOST).json()["status"],
                         "user_does_not_exist")
        self.assertEqual([word for word, _ in self.journaled()], ["begin", "done"])
        self.assertEqual(server.call("gdpr_erase", user="romeo", host=HOST, yes=True).json(),
                         {"message": NOTHING, "status": "user_does_not_exist"})

    def test_gdpr_erase_by_tokens(self):
        server = self.serve(tcp=True)
        connect = server.tcp_connection
        operator = self.known(server, self.token_of("operator"), connect)
        elsewhere = self.known(server, self.token_of("admin", "--host", CHAT), connect)
        here = self.known(server, self.token_of("admin", "--host", HOST), connect)
        body = {"user": "romeo", "host": HOST, "yes": True}
        for headers in (operator, elsewhere):
            reply = server.post("gdpr_erase", body, headers, connection=connect())
            self.says(reply, 403, "not_allowed")
        self.assertTrue(self.is_there())
        self.says(server.post("gdpr_erase", body, here, connection=connect()), 200, "ok")
        self.assertFalse(self.is_there())

    def token_of(self, role, *more):
        return daemon.TestCase.token(self, "--role", role, "--expires", "1d", *more)

    def test_gdpr_erase_once_by_its_idempotency_key(self):
        server = self.serve()
        body, key = {"user": "romeo", "host": HOST, "yes": True}, {"Idempotency-Key": "k1"}
        self.says(server.post("gdpr_erase", body, key), 200, "ok")
        # A reply that names the subject is kept nowhere.
        self.assertEqual(self.sql("SELECT reply FROM idempotency_keys"), [[None]])
        self.says(server.post("gdpr_erase", body, key), 409, "bad_argument")

    def test_gdpr_erase_through_the_socket(self):
        server = self.serve()
        remote = ["--socket", server.socket]
        self.succeeds(self.adminex("gdpr_erase", "romeo", HOST, options=remote))
        self.assertTrue(self.is_there())
        result = self.terminal("gdpr_erase", "romeo", HOST, options=remote)
        self.assertNotIn("[y/N]", result.text)
        self.assertTrue(self.is_there())
        result = self.adminex("gdpr_erase", "romeo", HOST, "--yes", options=remote)
        self.succeeds(result)
        self.assertEqual(result.lines[-1], ERASED)

    def batch(self, *lines, options=(), verb=()):
        text = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
        result = self.adminex(*options, "batch", *verb, self.file("erase.batch", text))
        return result, [json.loads(line) for line in result.text.splitlines()]

    def test_gdpr_erase_in_a_batch(self):
        options = self.privacy()
        result, replies = self.batch(
            "ban_account juliet example.org spam", "gdpr_erase romeo example.org",
            "gdpr_erase romeo example.org --yes", "ban_account mercutio example.org spam",
            json.dumps({"command": "gdpr_erase", "args": {"user": "juliet", "host": HOST,
                                                          "after": "14d"}}),
            options=options)
        self.succeeds(result)
        self.assertEqual([reply["status"] for reply in replies], ["ok"] * 5)
        self.assertIn("token", replies[1])
        self.assertEqual(replies[2]["message"], ERASED)
        self.assertEqual(([word for word, _ in self.journaled()], self.is_there()),
                         (["begin", "done"], False))
        self.assertEqual(len(self.state()["bans"]), 2)

    def test_gdpr_erase_in_a_batch_of_one_transaction(self):
        before = self.state()
        result, (reply,) = self.batch("ban_account juliet example.org spam",
                                      "gdpr_erase romeo example.org --yes", verb=["--atomic"])
        self.assertEqual((result.status, reply["status"]), (1, "usage"))
        self.assertIn("has a transaction of its own", reply["message"])
        self.assertEqual(self.state(), before)
        result, replies = self.batch("gdpr_erase romeo example.org --yes",
                                     options=["--dry-run"])
        self.assertEqual((result.status, replies[0]["status"]), (0, "ok"))
        self.assertEqual(self.state(), before)

    def test_gdpr_erase_in_a_batch_that_cannot_write_its_journal(self):
        options = self.privacy(journal_file="/nonexistent/erasures")
        result, replies = self.batch(
            "ban_account juliet example.org spam", "gdpr_erase romeo example.org --yes",
            "ban_account mercutio example.org spam", options=options, verb=["--continue"])
        self.assertEqual((result.status, [reply["status"] for reply in replies]),
                         (1, ["ok", "io_error", "ok"]))
        self.assertTrue(self.is_there())
        self.assertEqual(len(self.state()["bans"]), 2)
