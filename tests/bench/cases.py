"""What `make bench` compares: each case gives lines of the table and the words its T= finds it by."""

import json
import re

import data
from measure import BIN, WORK, Line, Wire, conversation, round_trips, run, statement, take_turns

CASES = {}
GROUP = 100  # lines of a batch in a transaction, statements in a pipeline


def case(function):
    CASES[function.__name__] = function
    return function


def sizes(bench, *numbers):
    return [max(2, int(number * bench.size)) for number in numbers]


# ---- one command as a process --------------------------------------------------------------------

@case
def check_account(bench):
    server = bench.server
    database = server.create("one")
    data.accounts(server, database, *sizes(bench, 10_000))
    data.settle(server, database)
    user = "user2"
    query = (statement("account_exists")
             .replace("$1", f"'{data.HOST}'").replace("$2", f"'{user}'"))

    def ours(dsn):
        return run([BIN, "--dsn", dsn, "check_account", user, data.HOST])

    def theirs(dsn):
        return run([f"{server.bindir}/psql", "-XAt", "-d", dsn, "-c", query])

    logs = [Wire(server).record(server, database, how) for how in (ours, theirs)]
    times = take_turns(lambda: server.dsn(database), bench.rounds(101), ours, theirs)
    return [Line(
        "`adminex check_account`, a process over the unix socket", "`psql -XAt -c` of its SELECT",
        *times, 1.2, query, notes=[
            f"adminex after connecting: {trips(logs[0])}: {conversation(logs[0])}",
            f"psql: {trips(logs[1])}: {conversation(logs[1])}"])]


def trips(log):
    count = round_trips(log)
    return f"{count} round trip" + "s" * (count != 1)


# ---- batch ---------------------------------------------------------------------------------------

def pgbench_script(name, text):
    """The statement as often as a group has lines, in one pipeline; :n counts the accounts."""
    path = WORK / f"{name}.pgbench"
    path.write_text("\\startpipeline\n"
                    + f"\\set n :n + 1\n{text};\n" * GROUP + "\\endpipeline\n", encoding="utf-8")
    return path


def batch(bench, command, lines, text, variables, empty):
    """A batch of `lines` against pgbench with the same statement. Accounts are called 1, 2, ...:
    pgbench can count, but make no names."""
    server = bench.server
    if b"usage: adminex" not in run([BIN, "help", "batch"], keep=True, may_fail=True).out:
        return bench.skip(f"batch of {command}", "this adminex has no verb batch")
    (count,) = sizes(bench, 100_000)
    count = max(GROUP, count - count % GROUP)
    database = server.create(f"batch_{command}")
    data.accounts(server, database, count, prefix="")
    path = WORK / f"{command}.batch"
    path.write_text("".join(json.dumps([command, *lines(n)]) + "\n" for n in range(1, count + 1)),
                    encoding="utf-8")
    script = pgbench_script(command, text)

    def before():
        for table in empty:
            server.sql(database, f"TRUNCATE {table}")
        data.settle(server, database)

    def ours(_):
        return server.adminex(database, "batch", path)

    def theirs(_):
        return server.pgbench(database, script, count // GROUP, n=0, host=data.HOST, **variables)

    def check(left):
        for table in empty:
            if server.sql(database, f"SELECT count(*) FROM {table}") != [[str(count)]]:
                raise SystemExit(f"bench: {left} did not write {count} rows into {table}")

    before()
    theirs(None)
    check("pgbench")
    before()
    ours(None)
    check("batch")
    times = take_turns(before, bench.rounds(5), ours, theirs)
    server.drop(database)
    return [Line(f"`adminex batch` of {count:,} `{command}`",
                 f"`pgbench -M prepared`, one client, {GROUP} statements a pipeline",
                 *times, 0.8, f"\\startpipeline\n-- {GROUP} times:\n\\set n :n + 1\n{text};\n"
                 "\\endpipeline", rate_of=count)]


@case
def batch_check_account(bench):
    text = statement("account_exists").replace("$1", ":host").replace("$2", ":n")
    return batch(bench, "check_account", lambda n: [str(n), data.HOST], text, {}, [])


@case
def batch_add_rosteritem(bench):
    words = {"audit": json.dumps({
        "actor": "postgres", "face": "batch", "command": "add_rosteritem", "arguments": {
            "localuser": "100000", "localserver": data.HOST, "user": "friend",
            "server": "example.net", "subs": "both"}}),
        "jid": "friend@example.net", "nick": "Friend", "group": "Friends", "subs": "B"}
    names = [":audit", ":host", ":n", ":jid", ":nick", ":group", ":subs"]
    text = re.sub(r"\$(\d)", lambda found: names[int(found[1]) - 1], statement("roster_add"))
    return batch(bench, "add_rosteritem",
                 lambda n: [str(n), data.HOST, "friend", "example.net", "Friend", "Friends", "both"],
                 text, words, ["roster_items", "outbox", "audit_log"])


# ---- everybody to everybody ----------------------------------------------------------------------

ALLTOALL = """\
INSERT INTO adminex.roster_items AS r (host, username, jid, nick, subscription, groups)
SELECT a.host, a.username, k.username || '@' || k.host, k.username, 'B', ARRAY['Everybody']
  FROM adminex.users AS a
  JOIN adminex.users AS k ON k.host = a.host AND k.username <> a.username
 WHERE a.host = 'example.org'"""

ALLTOALL_AGAIN = ALLTOALL + """
    ON CONFLICT (host, username, jid) DO UPDATE
   SET nick = CASE WHEN r.nick = '' THEN excluded.nick ELSE r.nick END,
       subscription = 'B', ask = 'N', ask_message = '',
       groups = CASE WHEN excluded.groups <@ r.groups THEN r.groups
                     ELSE r.groups || excluded.groups END
 WHERE (r.subscription, r.ask) IS DISTINCT FROM ('B', 'N')
    OR r.nick = '' OR NOT excluded.groups <@ r.groups"""


@case
def push_roster_alltoall(bench):
    server = bench.server
    (count,) = sizes(bench, 1_000)
    database = server.create("alltoall")
    data.accounts(server, database, count)

    def empty():
        server.sql(database, "TRUNCATE roster_items, outbox, audit_log")
        data.settle(server, database)

    def ours(_):
        return server.adminex(database, "push_roster_alltoall", data.HOST, "Everybody")

    def written():
        """The transactions that wrote the rows, and how many rows."""
        return server.sql(database, "SELECT xmin::text, xmax::text, count(*) FROM roster_items "
                          "GROUP BY 1, 2 ORDER BY 1, 2")

    def psql(query):
        return lambda _: server.psql(database, "-c", query)

    first = take_turns(empty, bench.rounds(5), ours, psql(ALLTOALL))
    empty()
    ours(None)
    was = written()
    ours(None)
    rows = count * (count - 1)
    if written() != was or was[0][2] != str(rows):
        raise SystemExit(f"bench: the rerun of push_roster_alltoall wrote: {was}, {written()}")
    again = take_turns(lambda: data.settle(server, database), bench.rounds(3), ours,
                       psql(ALLTOALL_AGAIN))
    server.drop(database)
    what = f"`push_roster_alltoall`, {count:,} accounts, {rows:,} contacts"
    return [Line(what, "INSERT ... SELECT", *first, 1.1, ALLTOALL),
            Line(f"{what}, again", "INSERT ... SELECT ... ON CONFLICT DO UPDATE", *again, 1.1,
                 ALLTOALL_AGAIN,
                 notes=["It leaves each roster row as it was, xmin and xmax included: checked."])]


# ---- a crowd -------------------------------------------------------------------------------------

OLD = """\
DELETE FROM adminex.users AS u
 USING (SELECT u.host, u.username
          FROM adminex.users AS u
          LEFT JOIN adminex.last_activity AS l USING (host, username)
         WHERE coalesce(l.last_at, u.created_at) <= now() - interval '365 days'
           AND NOT EXISTS (SELECT FROM adminex.sessions AS s
                            WHERE s.host = u.host AND s.username = u.username)) AS old
 WHERE u.host = old.host AND u.username = old.username"""


@case
def delete_old_users(bench):
    server = bench.server
    template, count = bench.crowd()
    state = {"name": None}

    def fresh():
        if state["name"]:
            server.drop(state["name"])
        state["name"] = server.create("old", template)
        server.sql(state["name"], "CHECKPOINT")
        return state["name"]

    def ours(database):
        return server.adminex(database, "delete_old_users", "365")

    def theirs(database):
        return server.psql(database, "-c", OLD)

    times = take_turns(fresh, bench.rounds(9), ours, theirs)
    ((left,),) = server.sql(state["name"], "SELECT count(*) FROM users")
    if int(left) != count - count // 4:
        raise SystemExit(f"bench: {left} of {count} accounts are left")
    server.drop(state["name"])
    return [Line(f"`delete_old_users`, {count // 4:,} of {count:,} accounts with 20 contacts each",
                 "the plain DELETE by the same rule, with its cascade", *times, 1.2, OLD)]


def patterns(owners, contacts):
    """The plain SELECT with the expressions of the command for these lists of halves."""
    def some(column, values):
        array = ",".join('"' + value.replace("\\", "\\\\") + '"' for value in values)
        return f"{column} ~* ANY ('{{{array}}}')"

    return f"""\
SELECT r.username, r.host, r.jid
  FROM adminex.roster_items AS r
 WHERE {some("r.username", [owners[0]])}
   AND {some("r.host", [owners[1]])}
   AND {some("split_part('@' || r.jid, '@', -2)", [contacts[0]])}
   AND {some("split_part(r.jid, '@', -1)", [contacts[1]])}"""


@case
def process_rosteritems(bench):
    server = bench.server
    database, count = bench.crowd()
    words = ("list", "any", "any", r"user1.*7@example\.org", r"user19.*@.*")
    query = patterns((r"^(?:user1.*7)$", r"^(?:example\.org)$"), (r"^(?:user19.*)$", r"^(?:.*)$"))

    def ours(_):
        return server.adminex(database, "process_rosteritems", *words)

    found = server.psql(database, "-c", query, keep=True).out.splitlines()
    said = server.adminex(database, "process_rosteritems", *words, keep=True).out.splitlines()
    if len(said) != len(found) + 2:
        raise SystemExit(f"bench: {len(said) - 2} items listed, {len(found)} found")
    times = take_turns(lambda: None, bench.rounds(7), ours,
                       lambda _: server.psql(database, "-c", query))
    return [Line(f"`process_rosteritems list`, two patterns over {count * 20:,} items",
                 "the plain SELECT with the same expressions", *times, 1.2, query,
                 notes=["The command: `process_rosteritems " + " ".join(words) + "`; "
                        f"{len(found):,} items match."])]


# ---- import --------------------------------------------------------------------------------------

COPIED = {
    "hosts": "host",
    "users": "host, username",
    "credentials": "host, username, mechanism, plain",
    "roster_items": "host, username, jid, nick, subscription, ask, groups",
}


@case
def import_accounts(bench):
    server = bench.server
    (count,) = sizes(bench, 100_000)
    database = server.create("import")
    path = WORK / "import.xml"
    data.write_export(path, count, 20)

    def empty():
        server.sql(database, "TRUNCATE hosts, audit_log CASCADE")
        data.settle(server, database)

    def ours(_):
        return server.adminex(database, "import", path)

    def theirs(_):
        return server.psql(database, "-1", *(word for copy in copies for word in ("-c", copy)))

    empty()
    ours(None)
    copies = []
    for table, columns in COPIED.items():
        file = WORK / f"{table}.copy"
        server.psql(database, "-c", f"\\copy adminex.{table} ({columns}) TO '{file}'")
        copies.append(f"\\copy adminex.{table} ({columns}) FROM '{file}'")
    ((items,),) = server.sql(database, "SELECT count(*) FROM roster_items")
    times = take_turns(empty, bench.rounds(3), ours, theirs)
    server.drop(database)
    shown = "\n".join(f"\\copy adminex.{table} ({columns}) FROM '{table}.copy'"
                      for table, columns in COPIED.items())
    return [Line(f"`import` of {count:,} accounts, {int(items):,} contacts, from XEP-0227",
                 "COPY of the same rows, one transaction", *times, 3, shown)]
