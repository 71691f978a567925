"""What `make bench-gdpr` compares: exports of personal data, one by one and a large one, and erasure."""

import statistics

import cases
import data
import http_cases
import load
import report
from load import Daemon, Failed, Load
from measure import BIN, WORK, run, take_turns

CASES = {}
WRITERS = 8


def case(function):
    CASES[function.__name__] = function
    return function


# ---- ordinary accounts ---------------------------------------------------------------------------

CARDS = """
    INSERT INTO vcards (host, username, vcard, fn)
    SELECT host, username,
           '<vCard xmlns=''vcard-temp''><FN>' || username || '</FN><NICKNAME>' || username
           || '</NICKNAME><BDAY>1980-01-01</BDAY><EMAIL><USERID>' || username
           || '@example.com</USERID></EMAIL><ADR><CTRY>Example</CTRY></ADR></vCard>', username
      FROM users;
    INSERT INTO last_activity (host, username, last_at)
    SELECT host, username, now() - interval '1 day' FROM users;
    VACUUM (ANALYZE) vcards, last_activity;
    CHECKPOINT;
"""

# What access gives of each section, as a plain SELECT of its columns.
SELECTS = """
    SELECT format('SELECT %s FROM %s AS t WHERE %s',
                  string_agg(format('t.%I', d.column_name), ', ' ORDER BY d.column_name),
                  l.relname, l.condition)
      FROM personal_live AS l
      JOIN personal_data AS d USING (table_schema, table_name)
     WHERE d.access = 'give'
     GROUP BY l.place, l.relname, l.condition
     ORDER BY l.place
"""


def plain_selects(session, database):
    names = {"s.host": ":host", "s.username": ":n", "s.jid": ":jid"}
    texts = []
    for (text,) in session.server.sql(database, SELECTS):
        for ours, theirs in names.items():
            text = text.replace(ours, theirs)
        texts.append(text)
    return texts


def pgbench_script(selects):
    path = WORK / "export.pgbench"
    lines = ["\\set n random(1, :accounts)", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;",
             *(f"{text};" for text in selects), "COMMIT;"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path, "\n".join(lines)


@case
def exports(session):
    """Whole documents, sealed, by HTTP. pgbench numbers accounts, so the JID is one for all: its
    rows are found nowhere, as those of most accounts are not."""
    count = session.part(50_000)
    database = session.server.create("gdpr_exports")
    data.accounts(session.server, database, count, prefix="")
    data.contacts(session.server, database, count, min(20, count - 1), prefix="")
    session.server.sql(database, CARDS)
    data.settle(session.server, database)
    path, text = pgbench_script(plain_selects(session, database))
    asks = Load("/api/gdpr_export", http_cases.CHECK, count)
    with Daemon(session.server, database) as daemon:
        document = daemon.command("gdpr_export", user="1", host=data.HOST)
        if len(document["data"]["roster"]) != min(20, count - 1) or not document["digest"]:
            raise Failed(f"no whole document: {document}")
        asks.send(daemon, 1)
        ours, theirs = session.take_turns(
            lambda: None, lambda: asks.send(daemon, session.seconds).rate,
            lambda: load.pgbench(session.server, database, path, session.seconds, WRITERS,
                                 host=data.HOST, accounts=count, jid="nobody@example.net"))
        half = asks.at_half(daemon, statistics.median(ours), session.seconds)
        http_cases.check_replies(daemon)
    session.server.drop(database)
    return [http_cases.Line(
        f"`gdpr_export` of accounts with 20 contacts and a vCard, {load.CONNECTIONS} connections",
        f"`pgbench -M prepared -c {WRITERS} -j 2` of the plain SELECTs in a transaction", "/s",
        ours, theirs, 0.5, half, notes=[f"```sql\n{text}\n```"])]


# ---- a subject with very much --------------------------------------------------------------------

ARCHIVE = """
    CREATE SCHEMA archive;
    CREATE TABLE archive.messages (
        jid text COLLATE "C" NOT NULL, id bigint NOT NULL, at timestamptz NOT NULL,
        peer text NOT NULL, body text NOT NULL, PRIMARY KEY (jid, id));
    INSERT INTO archive.messages
    SELECT 'user1@example.org', n, now() - n * interval '1 second', 'user' || n % 50
           || '@example.org', repeat('what was said ', 6) || n
      FROM generate_series(1, :rows) AS n;
    VACUUM (ANALYZE) archive.messages;
    CHECKPOINT;
"""
COPY = ("\\copy (SELECT jid, id, at, peer, body FROM archive.messages"
        " WHERE jid = 'user1@example.org' ORDER BY jid, id) TO '{}'")


@case
def large_subject(session):
    server, rows = session.server, session.part(1_000_000)
    database = server.create("gdpr_large")
    data.accounts(server, database, 2)
    server.sql(database, ARCHIVE, rows=rows)
    server.adminex(database, "gdpr_register", "archive.messages", "--subject-column", "jid")
    file, copied = WORK / "large.json", WORK / "large.copy"

    def export(user):
        return server.adminex(database, "gdpr_export", user, data.HOST, "--output", file)

    small, peaks = export("user2").peak_kb, []

    def ours(_):
        done = export("user1")
        peaks.append(done.peak_kb)
        return done

    seconds = take_turns(lambda: None, session.rounds, ours,
                         lambda _: server.psql(database, "-c", COPY.format(copied)))
    run([BIN, "gdpr_verify", file])
    sizes = [path.stat().st_size / 2**20 for path in (file, copied)]
    server.drop(database)
    what = f"`gdpr_export` of a subject with {rows:,} rows in a registered table, to a file"
    return [http_cases.Line(what, "`psql` COPY of the same rows to a file", "s", *seconds, 2,
                            notes=[f"{sizes[0]:.0f} MiB of sealed JSON against {sizes[1]:.0f} MiB "
                                   "of text."]),
            http_cases.Line("the same: how much more memory it takes than an account with nothing",
                            "-", "MiB", [max(0, max(peaks) - small) / 1024], [], 16)]


# ---- erasure -------------------------------------------------------------------------------------

@case
def erasure(session):
    """10,000 accounts in one command, by the rules of the registry; none of them is held."""
    bench = session.bench
    fewer = type(bench)(bench.server, bench.size * 0.2)
    (line,) = cases.delete_old_users(fewer)
    return [http_cases.Line(line.what, line.yardstick, "s", line.ours, line.theirs, 1.5,
                            notes=[f"```sql\n{line.sql}\n```"])]


def gdpr(bench, only):
    """As compare(): the sections, and whether a reach was missed."""
    lines = http_cases.run_cases(bench, CASES, only)
    conditions = report.conditions(bench.server, bench.commit)
    text = f"{conditions}\n\n{http_cases.table(lines)}\n\n{http_cases.details(lines)}"
    return {"gdpr": text}, any(not line.reached for line in lines)
