"""Long lists in pages: together they are the whole list, whatever comes and goes between them."""

import json
import shlex
import unittest

import harness
import test_statements
import world
from world import CHAT, EMPTY, HOST

# Nothing in a resource is special, and none of it is as resourceprep would have it.
ODD = ["a/b", "x@y/z", "ﬁ", "Ⅳ", " a ", "it's", '"q"', "a\tb\\", "ÅÄ", "😀", "%00", "-", "'"]

SESSIONS = """
INSERT INTO users (host, username)
SELECT host, 'u' || i FROM generate_series(1, 500) AS i, unnest(ARRAY['example.org',
       'chat.example.org']) AS host;
INSERT INTO sessions (host, username, resource, show, status, priority, ip, port)
SELECT host, 'u' || i, 'r' || j, CASE WHEN i % 3 = 0 THEN 'away' ELSE 'chat' END, 'is ' || i, j,
       '192.0.2.1', i
  FROM generate_series(1, 500) AS i, generate_series(1, 3) AS j,
       unnest(ARRAY['example.org', 'chat.example.org']) AS host
 ORDER BY md5(i || host || j)
"""


class Pages(world.TestCase):
    def setUp(self):
        super().setUp()
        for resource in ODD:
            self.online("romeo", resource)
            self.online("juliet", resource, show="away")

    def page(self, *args, limit=None, after=None, **how):
        """One page: its rows, and what the next one begins behind."""
        options = ["--json"]
        options += [] if limit is None else ["--limit", limit]
        options += [] if after is None else ["--after", after]
        result = self.adminex(*args, options=options, **how)
        self.ok(result)
        reply = result.json()
        self.assertEqual(list(reply), ["result", "next", "status"] if "next" in reply
                         else ["result", "status"])
        for row in reply["result"]:
            row.pop("uptime", None)
        return reply["result"], reply.get("next")

    def pages(self, *args, limit, between=lambda number: None):
        """All pages, one after another."""
        found, after = [], None
        while True:
            rows, after = self.page(*args, limit=limit, after=after)
            found.append(rows)
            if after is None:
                return found
            between(len(found))

    def whole(self, *args):
        rows, after = self.page(*args)
        self.assertIsNone(after)
        return rows

    def check_pages(self, *args, limits):
        """The whole list is cut into pages that are full, but for the last one."""
        whole = self.whole(*args)
        for limit in limits:
            with self.subTest(args=args, limit=limit):
                pages = self.pages(*args, limit=limit)
                self.assertEqual([row for page in pages for row in page], whole)
                self.assertEqual({len(page) for page in pages[:-1]} or {limit}, {limit})
                self.assertTrue(pages[-1] or not whole)
        return whole


class Lists(Pages):
    def test_pages_of_sessions(self):
        self.sql(SESSIONS)
        for args, count in [(("connected_users_info",), 3026), (("connected_users_vhost", HOST), 1526),
                            (("connected_users_vhost", CHAT), 1500), (("status_list", "all"), 3026),
                            (("status_list", "away"), 1009), (("status_list_host", HOST, "away"), 511),
                            (("status_list_host", HOST, "all"), 1526)]:
            self.assertEqual(len(self.check_pages(*args, limits=[500, 1009])), count, args)

    def test_pages_of_one_row(self):
        for args in (["connected_users_info"], ["connected_users_vhost", "Example.ORG"],
                     ["status_list", "away"], ["status_list_host", HOST, "away"]):
            self.check_pages(*args, limits=[1])

    def test_pages_of_accounts_hosts_and_bans(self):
        self.sql("INSERT INTO users (host, username)"
                 f" SELECT '{HOST}', 'u' || i || 'é' FROM generate_series(1, 50) AS i;"
                 "INSERT INTO bans (host, username, reason, banned_by)"
                 f" SELECT host, username, 'x', 'y' FROM users WHERE host = '{HOST}'")
        self.assertEqual(len(self.check_pages("registered_users", HOST, limits=[1, 7, 53])), 53)
        self.assertEqual(len(self.check_pages("list_banned", HOST, limits=[1, 7, 53])), 53)
        self.assertEqual(len(self.check_pages("registered_vhosts", limits=[1, 2, 3, 4])), 3)
        self.assertEqual(self.page("list_banned", HOST, limit=1)[1], f"juliet@{HOST}")

    def test_the_last_page_says_so(self):
        for limit, more in [(1, True), (2, True), (3, False), (4, False), (1000000000, False)]:
            self.assertEqual(self.page("registered_users", HOST, limit=limit)[1] is not None, more)

    def test_without_a_limit_all_that_follows_comes(self):
        whole = self.whole("connected_users_info")
        for at in (0, 7, len(whole) - 1):
            self.assertEqual(self.page("connected_users_info", after=whole[at]["jid"]),
                             (whole[at + 1:], None))
        self.assertEqual(self.page("registered_users", HOST, after="m"),
                         ([{"user": "mercutio"}, {"user": "romeo"}], None))

    def test_pages_of_nothing(self):
        for args in (["connected_users_vhost", EMPTY], ["status_list", "dnd"],
                     ["registered_users", EMPTY], ["list_banned", HOST],
                     ["get_roster", "romeo", HOST]):
            self.assertEqual(self.page(*args, limit=5), ([], None))
        self.assertEqual(self.page("registered_users", HOST, limit=5, after="z"), ([], None))
        self.assertEqual(self.page("list_banned", HOST, limit=5, after=f"z@{HOST}"), ([], None))

    def test_pages_of_what_is_not_there(self):
        for options in (["--limit", "5"], ["--after", "x"]):
            self.no(self.adminex("registered_users", "unknown.example.org", options=options),
                    "Host unknown.example.org does not exist")
            self.no(self.adminex("get_roster", "nobody", HOST, options=options),
                    f"User nobody@{HOST} does not exist")
            self.no(self.adminex("get_roster", "a b", HOST, options=options),
                    f"User a b@{HOST} does not exist")
        self.no(self.adminex("list_banned", "unknown.example.org", options=["--limit", "5"]),
                "Host unknown.example.org does not exist")


class Roster(Pages):
    """A contact has a line for each of its groups, and is whole in one page."""

    def setUp(self):
        super().setUp()
        for number in range(20):
            self.contact("romeo", f"c{number}@{HOST}", subscription="B", nick=f"n{number}",
                         groups=[f"g{i}" for i in range(number % 4)])
        self.contact("romeo", "asks@example.net", ask="I")
        self.contact("romeo", "example.net", subscription="T", groups=["b", "a"])
        self.contact("romeo", "a b@c@d", subscription="T")

    def test_pages_of_contacts(self):
        whole = self.whole("get_roster", "romeo", HOST)
        for limit in (1, 3, 21, 22, 23):
            pages = self.pages("get_roster", "romeo", HOST, limit=limit)
            self.assertEqual([row for page in pages for row in page], whole)
            contacts = [{row["jid"] for row in page} for page in pages]
            self.assertEqual(sum(map(len, contacts)), len(set.union(*contacts)), "a contact twice")
            self.assertEqual({len(page) for page in contacts[:-1]} or {limit}, {limit})

    def test_the_page_goes_on_behind_the_contact(self):
        rows, after = self.page("get_roster", "romeo", HOST, limit=2, after=f"c19@{HOST}")
        self.assertEqual([(row["jid"], row["group"]) for row in rows],
                         [(f"c1@{HOST}", "g0"), (f"c2@{HOST}", "g0"), (f"c2@{HOST}", "g1")])
        self.assertEqual(after, f"c2@{HOST}")


class Between(Pages):
    """What happens between two pages moves nothing else."""

    def test_rows_come_and_go(self):
        self.sql(SESSIONS)
        before = [row["jid"] for row in self.whole("connected_users_info")]

        def change(number):
            # What was seen, the very row that the next page begins behind, what is to come; and new
            # rows before and behind.
            self.sql(f"DELETE FROM sessions WHERE right(username, 1) = '{number % 10}'"
                     f" AND resource = 'r{number % 3 + 1}';"
                     "DELETE FROM sessions WHERE (host, username, resource) ="
                     f" ('{HOST}', 'u{number}', 'r1');"
                     "INSERT INTO sessions (host, username, resource) VALUES"
                     f" ('{CHAT}', 'romeo', 'new{number}'), ('{HOST}', 'romeo', 'new{number}')")
            self.online("mercutio", f"new{number}")

        pages = self.pages("connected_users_info", limit=250, between=change)
        seen = [row["jid"] for page in pages for row in page]
        after = {row["jid"] for row in self.whole("connected_users_info")}
        stayed = [jid for jid in before if jid in after]
        self.assertGreater(len(pages), 8)
        self.assertLess(len(stayed), len(before) - 200)
        self.assertEqual(len(seen), len(set(seen)), "a row twice")
        self.assertEqual([jid for jid in seen if jid in set(stayed)], stayed)
        self.assertEqual(seen, sorted(seen, key=lambda jid: self.key(jid)))

    @staticmethod
    def key(jid):
        bare, resource = jid.split("/", 1)
        user, host = bare.split("@")
        return host.encode(), user.encode(), resource.encode()

    def test_the_row_that_a_page_ended_with_goes(self):
        whole = self.whole("connected_users_info")

        def end(number):
            user, rest = whole[number - 1]["jid"].split("@", 1)
            self.sql(f"DELETE FROM sessions WHERE username = {world.quote(user)}"
                     f" AND resource = {world.quote(rest.split('/', 1)[1])}")

        pages = self.pages("connected_users_info", limit=1, between=end)
        self.assertEqual([row for page in pages for row in page], whole)


class Formats(Pages):
    def test_text_formats_say_it_on_standard_error(self):
        for format_, lines in [("text", ["juliet", "mercutio"]),
                               ("table", ["user    ", "--------", "juliet", "mercutio"]),
                               ("csv", ["user", "juliet", "mercutio"])]:
            with self.subTest(format=format_):
                result = self.adminex("registered_users", HOST,
                                      options=["--format", format_, "--limit", "2"])
                self.assertEqual([line.rstrip() for line in result.lines],
                                 [line.rstrip() for line in lines])
                self.ok(result, err=r"\Aadminex: more: --after mercutio\n\Z")
        self.ok(self.adminex("registered_users", HOST, options=["--limit", "2", "--after", "m"]),
                ["mercutio", "romeo"])

    def test_what_it_says_can_be_typed(self):
        seen, after = [], []
        while True:
            result = self.adminex("status_list_host", HOST, "away", options=["--limit", "3", *after])
            self.succeeds(result)
            seen += result.lines
            if not result.err:
                break
            program, more, *after = shlex.split(result.err.decode())
            self.assertEqual((program, more, len(after)), ("adminex:", "more:", 2))
            # What would move the cursor of a terminal is shown as an escape, so it cannot be typed.
            if "\\x09" in after[1]:
                after[1] = after[1].replace("\\x09", "\t")
        self.assertEqual(seen, self.adminex("status_list_host", HOST, "away").lines)

    def test_ndjson_says_it_in_its_last_line(self):
        result = self.adminex("registered_users", HOST, options=["--format", "ndjson", "--limit", "2"])
        self.ok(result, ['{"user":"juliet"}', '{"user":"mercutio"}',
                         '{"next":"mercutio","status":"ok"}'])

    def test_a_failure_has_no_next(self):
        reply = self.adminex("registered_users", "unknown.example.org",
                             options=["--json", "--limit", "1"]).json()
        self.assertEqual(list(reply), ["message", "status"])


class Refused(Pages):
    def test_keys_of_another_form(self):
        for args, keys in [
                (["connected_users_info"], ["", "romeo", f"romeo@{HOST}", f"{HOST}/x", "@/", "a@b@c/d",
                                            f"romeo@{HOST}/", b"romeo@h/\xff", f"{'a' * 1024}@h/r"]),
                (["connected_users_vhost", HOST], [f"romeo@{CHAT}/x", "romeo@Example.ORG/x"]),
                (["status_list_host", HOST, "all"], [f"romeo@{CHAT}/x", "romeo"]),
                (["registered_users", HOST], [f"romeo@{HOST}", "a/b", ""]),
                (["registered_vhosts"], ["a@b", "a/b", ""]),
                (["list_banned", HOST], ["romeo", f"romeo@{CHAT}", f"romeo@{HOST}/x"]),
                (["get_roster", "romeo", HOST], ["", f"juliet@{HOST}/x"])]:
            for key in keys:
                with self.subTest(args=args, key=key):
                    self.rejects(*args, options=["--limit", "2", "--after", key],
                                 pattern="'after' (must be|is of host)")

    def test_commands_without_pages(self):
        for args in (["check_account", "romeo", HOST], ["user_sessions_info", "romeo", HOST],
                     ["delete_old_users", "0"], ["process_rosteritems", "list", "any", "any", "any",
                                                 "any"], ["stats", "onlineusers"]):
            for options in (["--limit", "1"], ["--after", f"romeo@{HOST}/x"]):
                self.rejects(*args, options=options, status=2,
                             pattern=f"{args[0]} has no pages")

    def test_verbs(self):
        for verb in ("migrate", "import", "export", "batch", "help", "completion"):
            for options in (["--limit", "1"], ["--after", "x"]):
                self.fails(self.adminex(verb, options=options), 2,
                           f"{verb} has no --limit and no --after")


class Batch(Pages):
    def test_lines_ask_for_pages(self):
        args = {"host": HOST}
        lines = [{"command": "registered_users", "args": args, "limit": 2},
                 {"command": "registered_users", "args": [HOST], "limit": 2, "after": "mercutio"},
                 {"id": 3, "after": "juliet", "command": "registered_users", "args": args},
                 ["registered_users", HOST]]
        result = self.adminex("batch", "-", stdin="".join(json.dumps(line) + "\n" for line in lines)
                              .encode())
        juliet, mercutio, romeo = ('{"user":"%s"}' % user for user in ("juliet", "mercutio", "romeo"))
        head = '{"line":%d,"command":"registered_users","result":[%s],%s"rows":%d,"status":"ok"}'
        self.ok(result, [head % (1, f"{juliet},{mercutio}", '"next":"mercutio",', 2),
                         head % (2, romeo, "", 1),
                         (head % (3, f"{mercutio},{romeo}", "", 2)).replace("{", '{"id":3,', 1),
                         head % (4, f"{juliet},{mercutio},{romeo}", "", 3)])

    def test_lines_that_ask_for_what_there_is_not(self):
        lines = [{"command": "check_account", "args": ["romeo", HOST], "limit": 1},
                 {"command": "registered_users", "args": [HOST], "limit": 0},
                 {"command": "registered_users", "args": [HOST], "after": "a@b"},
                 {"command": "registered_users", "args": [HOST], "limit": 1}]
        result = self.adminex("batch", "--continue", "-",
                              stdin="".join(json.dumps(line) + "\n" for line in lines).encode())
        self.assertEqual([reply["status"] for reply in result.ndjson()],
                         ["usage", "usage", "bad_argument", "ok"])

    def test_a_page_is_told_anew_when_its_group_is(self):
        """A line that fails undoes those before it in the group, and they are run again."""
        lines = [{"command": "registered_users", "args": [HOST], "limit": 2},
                 ["set_last", "nobody", HOST, "1", ""]]
        result = self.adminex("batch", "-",
                              stdin="".join(json.dumps(line) + "\n" for line in lines).encode())
        first = result.ndjson()[0]
        self.assertEqual((first["result"], first["next"]),
                         ([{"user": "juliet"}, {"user": "mercutio"}], "mercutio"))


class Plans(harness.TestCase):
    """A page costs what it holds, however long the list is, also as a named statement; the whole
    lists have the plans that they would have without pages."""

    PAGES = {
        "sessions_info_page": ("sessions_pkey", "'example.org', 'u3', 'r1', 101"),
        "sessions_info_host_page": ("sessions_pkey", "'example.org', 'u3', 'r1', 101"),
        "sessions_by_show_page": ("sessions_pkey", "'all', 'example.org', 'u3', 'r1', 101"),
        "sessions_by_show_host_page": ("sessions_pkey", "'example.org', 'all', 'u3', 'r1', 101"),
        "accounts_page": ("users_pkey", "'example.org', 'u3', 101"),
        "bans_page": ("bans_pkey", "'example.org', 'u3', 101"),
        "roster_page": ("roster_items_pkey", "'example.org', 'u1', 'u3', 101"),
    }
    fresh_database = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster.sql(cls.database, """
            INSERT INTO hosts VALUES ('example.org'), ('chat.example.org');
            INSERT INTO users (host, username)
            SELECT h, 'u' || i FROM generate_series(1, 6000) AS i,
                   unnest(ARRAY['example.org', 'chat.example.org']) AS h ORDER BY md5(i || h);
            INSERT INTO sessions (host, username, resource)
            SELECT host, username, 'r' || i FROM users, generate_series(1, 2) AS i
             ORDER BY md5(host || username || i);
            INSERT INTO bans (host, username, reason, banned_by)
            SELECT host, username, '', '' FROM users ORDER BY md5(username || host);
            INSERT INTO roster_items (host, username, jid)
            SELECT 'example.org', 'u1', username || '@' || host FROM users ORDER BY md5(username);
            ANALYZE hosts, users, sessions, bans, roster_items""")
        cls.statements = test_statements.embed_sql().read_backend(harness.ROOT / "sql" / "native")

    def plan(self, name, values, mode):
        """Its plan after so many runs that a generic one had its chance."""
        execute = f"EXECUTE {name}({values});\n"
        rows = self.sql(f"SET plan_cache_mode = {mode}; PREPARE {name} AS "
                        f"{self.statements[name].text};\n" + execute * 7 +
                        "SELECT 'plan';\nEXPLAIN (ANALYZE, TIMING off, SUMMARY off) " + execute)
        texts = [row[0] for row in rows]
        return "\n".join(texts[texts.index("plan") + 1:])

    def test_pages_read_an_index_in_its_order(self):
        for name, (index, values) in self.PAGES.items():
            for mode in ("auto", "force_custom_plan"):
                with self.subTest(statement=name, mode=mode):
                    plan = self.plan(name, values, mode)
                    self.assertRegex(plan, rf"Index (Only )?Scan using {index}")
                    self.assertRegex(plan, r"Index Cond: .*>")
                    self.assertNotIn("Seq Scan on sessions", plan)
                    self.assertNotIn("Seq Scan on users", plan)
                    # No step had more rows in hand than the page.
                    self.assertNotRegex(plan, r"actual rows=\d{4,}")

    def test_lists_are_not_sorted_however_often_they_are_asked_for(self):
        """With one plan for all parameters PostgreSQL would sort all rows, in a temporary file."""
        env = {"ADMINEX_DSN": self.dsn + " options='-c work_mem=64kB'"}
        for line in (["connected_users_info"], ["connected_users_vhost", HOST], ["status_list", "all"],
                     ["status_list_host", HOST, "available"]):
            self.sql("SELECT pg_stat_reset()")
            result = self.adminex("batch", "-", stdin=(json.dumps(line) + "\n").encode() * 8, env=env)
            self.succeeds(result)
            self.assertEqual([reply["status"] for reply in result.ndjson()], ["ok"] * 8)
            self.assertEqual(self.value("SELECT temp_files FROM pg_stat_database"
                                        " WHERE datname = current_database()"), "0", line)

    def test_whole_lists_are_not_filtered(self):
        for name, values in [("sessions_info", "NULL, NULL"), ("sessions_by_show", "NULL, 'all'")]:
            plan = self.plan(name, values, "force_custom_plan")
            self.assertNotRegex(plan, "Filter|Limit|Cond", f"{name}\n{plan}")


if __name__ == "__main__":
    unittest.main()
