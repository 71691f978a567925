"""What `make bench-http` compares: the daemon under wrk with what PostgreSQL and nginx do alone."""

import dataclasses
import json
import re
import statistics

import data
import load
import report
from load import Crowd, Daemon, Failed, Load, Nginx
from measure import WORK, ratio_of, statement

CASES = {}
ACCOUNTS = 200_000
USUAL_CACHE = 64 * 1024 * 1024
BIG_CACHE = 512 * 1024 * 1024
CHECK = '{"user": "USER", "host": "example.org"}'


def case(function):
    CASES[function.__name__] = function
    return function


@dataclasses.dataclass
class Line:
    """One comparison. Rates are to be high and everything else low; `theirs` is empty where the
    reach is a figure by itself."""

    what: str
    yardstick: str
    unit: str  # "/s", "s" or "MiB"
    ours: list
    theirs: list
    reach: float | None  # None: only to look at
    half: load.Asked | None = None  # latencies at half of the peak load, and the rate
    notes: tuple = ()

    @property
    def ratio(self):
        return ratio_of(self.ours, self.theirs) if self.theirs else statistics.median(self.ours)

    @property
    def limit(self):
        if self.reach is None:
            return "none"
        if not self.theirs:
            return f"at most {self.reach:g} {self.unit}"
        return f"at {'least' if self.unit == '/s' else 'most'} {self.reach:g}"

    @property
    def reached(self):
        if self.reach is None:
            return True
        return self.ratio >= self.reach if self.unit == "/s" else self.ratio <= self.reach

    @property
    def verdict(self):
        text = f"{self.ratio:.2f}" if self.theirs else f"{self.ratio:.1f} {self.unit}"
        return text if self.reached else f"**{text}, missed**"

    def figure(self, values):
        if not values:
            return "-"
        digits, unit = (0, "/s") if self.unit == "/s" else (1, f" {self.unit}")
        low, high = (f"{edge:,.{digits}f}" for edge in (min(values), max(values)))
        return f"{statistics.median(values):,.{digits}f}{unit} ({low} to {high})"

    @property
    def latency(self):
        if self.half is None:
            return "-"
        share = self.half.rate / statistics.median(self.ours)
        return (f"{self.half.p50 / 1000:.1f} ms, {self.half.p99 / 1000:.1f} ms "
                f"at {100 * share:.0f} %")


class Session:
    """What the cases share: databases, how long a run is and how many there are."""

    def __init__(self, bench):
        self.bench = bench
        self.server = bench.server
        self.small = bench.size < 0.01
        self.seconds = 1 if self.small else 6
        self.rounds = bench.rounds(5)
        self.accounts = max(100, int(ACCOUNTS * bench.size))
        self.size = bench.size
        self._databases = {}

    def part(self, number):
        return max(10, int(number * self.size))

    def database(self, contacts=0):
        """All accounts, called 1, 2, ... because pgbench can count but make no names; with that
        many contacts each."""
        if contacts not in self._databases:
            name = self.server.create(f"http_{contacts}")
            data.accounts(self.server, name, self.accounts, prefix="")
            if contacts:
                data.contacts(self.server, name, self.accounts, contacts, prefix="")
            data.settle(self.server, name)
            self._databases[contacts] = name
        return self._databases[contacts]

    def take_turns(self, before, ours, theirs):
        """Figures of two sides, one after the other; who begins changes every round."""
        figures = ([], [])
        for number in range(self.rounds):
            for turn in (0, 1):
                side = (turn + number) % 2
                before()
                figures[side].append((ours, theirs)[side]())
        return figures


def check_replies(daemon):
    wrong = daemon.wrong_replies()
    if wrong:
        raise Failed(f"the daemon counts replies that are no 200: {wrong}")


def script(name, *statements):
    """A pgbench script that takes an account by chance, for each transaction."""
    path = WORK / f"{name}.pgbench"
    body = "".join(f"{text};\n" for text in statements)
    if len(statements) > 1:
        body = f"\\startpipeline\n{body}\\endpipeline\n"
    path.write_text(f"\\set n random(1, :accounts)\n{body}", encoding="utf-8")
    return path, body


# ---- reads that are not cached -------------------------------------------------------------------

def read(session, command, name, contacts, reach):
    """A command against pgbench with its SELECT; the cache is off."""
    database = session.database(contacts)
    path, text = script(command, statement(name).replace("$1", ":host").replace("$2", ":n"))
    asks = Load(f"/api/{command}", CHECK, session.accounts)
    with Daemon(session.server, database) as daemon:
        found = daemon.command(command, user="1", host=data.HOST).get("result", ())
        if len(found) != contacts:
            raise Failed(f"{command} gave {len(found)} contacts in place of {contacts}")
        asks.send(daemon, 1)
        ours, theirs = session.take_turns(
            lambda: None, lambda: asks.send(daemon, session.seconds).rate,
            lambda: load.pgbench(session.server, database, path, session.seconds, 16,
                                 host=data.HOST, accounts=session.accounts))
        half = asks.at_half(daemon, statistics.median(ours), session.seconds)
        batches = daemon.metrics()
        check_replies(daemon)
    together = (batches["adminex_shared_reads_total"]
                / max(1, batches["adminex_shared_read_batches_total"]))
    of = f" of {contacts} contacts" if contacts else ""
    return Line(f"`{command}`{of}, cache off, {load.CONNECTIONS} connections",
                "`pgbench -M prepared -c 16 -j 2` of its SELECT", "/s", ours, theirs, reach, half,
                notes=[f"```sql\n{text}```",
                       f"The daemon sent {together:.1f} statements down a pipeline at a time."])


@case
def check_account(session):
    return [read(session, "check_account", "account_exists", 0, 0.9)]


@case
def get_roster(session):
    return [read(session, "get_roster", "roster_list", min(50, session.accounts - 1), 0.8)]


# ---- reads that are cached -----------------------------------------------------------------------

def warm(daemon, asks):
    """Ask about each account once, until all are in the cache."""
    load.until(lambda: daemon.metrics()["adminex_cache_on"] == 1, "a cache that is on")

    def entries():
        return int(daemon.metrics()["adminex_cache_entries"])

    def full():
        # What was under way when a run ended may be missing: the next one begins before that.
        asks.send(daemon, 4 if asks.accounts > 10_000 else 1,
                  walk_from=max(0, entries() - load.CONNECTIONS))
        return entries() >= asks.accounts

    load.until(full, "a warm cache", 300)


@case
def hits(session):
    asks = Load("/api/check_account", CHECK, session.accounts)
    with Daemon(session.server, session.database(), cache_bytes=BIG_CACHE) as daemon, \
            Nginx(asks.path) as nginx:
        warm(daemon, asks)
        before = daemon.metrics()
        ours, theirs = session.take_turns(
            lambda: None, lambda: asks.send(daemon, session.seconds).rate,
            lambda: asks.send(nginx, session.seconds).rate)
        half = asks.at_half(daemon, statistics.median(ours), session.seconds)
        after = daemon.metrics()
        check_replies(daemon)
    missed = after["adminex_cache_misses_total"] - before["adminex_cache_misses_total"]
    if missed or after["adminex_cache_hits_total"] == before["adminex_cache_hits_total"]:
        raise Failed(f"{missed} reads were not answered from the cache")
    return [Line(f"`check_account`, all of {session.accounts:,} accounts cached",
                 "nginx, a static file of 100 bytes, the same requests", "/s", ours, theirs, 0.8,
                 half, notes=[f"The cache held {after['adminex_cache_bytes'] / 2**20:.0f} MiB. "
                              "nginx answers a POST with the file: `error_page 405 =200 $uri`."])]


# ---- writes --------------------------------------------------------------------------------------

ADD = json.dumps({"localuser": "USER", "localserver": data.HOST, "user": "friend",
                  "server": "example.net", "nick": "Friend", "group": "Friends", "subs": "both"})


def add_script(session, daemon_id):
    audit = json.dumps({
        "actor": "token 1 (bench)", "face": "http", "command": "add_rosteritem", "arguments": {
            "localuser": "100000", "localserver": data.HOST, "user": "friend",
            "server": "example.net", "subs": "both"}, "request": "123456-12345"})
    payload = json.dumps({"from": daemon_id, "drops": [["account", data.HOST, "100000"]]},
                         separators=(",", ":"))
    names = [":audit", ":host", ":n", ":jid", ":nick", ":group", ":subs"]
    add = re.sub(r"\$(\d)", lambda found: names[int(found[1]) - 1], statement("roster_add"))
    tell = statement("cache_notify").replace("$1", ":payload").replace("$2", ":daemon")
    path, text = script("add_rosteritem", add, tell)
    values = {"audit": audit, "jid": "friend@example.net", "nick": "Friend", "group": "Friends",
              "subs": "B", "payload": payload, "daemon": daemon_id, "host": data.HOST,
              "accounts": session.accounts}
    return path, text, values


def compare_writes(session, database, daemon, what):
    ((daemon_id,),) = session.server.sql(database, "SELECT id FROM daemons ORDER BY started_at "
                                         "LIMIT 1")
    path, text, values = add_script(session, daemon_id)
    asks = Load("/api/add_rosteritem", ADD, session.accounts)

    def empty():
        session.server.sql(database, "TRUNCATE roster_items, outbox, audit_log")
        data.settle(session.server, database)

    def written(run):
        """The rate of a run that wrote what it said."""
        rate = run()
        ((rows, audited),) = session.server.sql(
            database, "SELECT (SELECT count(*) FROM roster_items), "
                      "(SELECT count(*) FROM audit_log)")
        if not 0 < int(rows) <= int(audited):
            raise Failed(f"{what}: {rows} contacts and {audited} rows of audit_log were written")
        return rate

    asks.send(daemon, 1)
    ours, theirs = session.take_turns(
        empty, lambda: written(lambda: asks.send(daemon, session.seconds).rate),
        lambda: written(lambda: load.pgbench(session.server, database, path, session.seconds, 8,
                                             **values)))
    empty()
    half = asks.at_half(daemon, statistics.median(ours), session.seconds)
    empty()
    check_replies(daemon)
    return Line(f"`add_rosteritem`, {what}",
                "`pgbench -M prepared -c 8 -j 2` of its statement and cache_notify, one pipeline",
                "/s", ours, theirs, 0.8, half, notes=[f"```sql\n{text}```"])


def registered(session, database, count):
    return session.server.sql(database, "SELECT count(*) FROM daemons") == [[str(count)]]


@case
def add_rosteritem(session):
    """By itself a daemon has nobody to tell; then, with another one that listens, each COMMIT
    carries a notification."""
    database = session.database()
    with Daemon(session.server, database, BIG_CACHE) as daemon:
        load.until(lambda: registered(session, database, 1), "the daemon's registration")
        lines = [compare_writes(session, database, daemon, "nobody else listens")]
        with Daemon(session.server, database, BIG_CACHE, "second") as second:
            load.until(lambda: registered(session, database, 2), "the second one's registration")
            lines.append(compare_writes(session, database, daemon, "another daemon is notified"))
            if second.metrics()["adminex_notifications_total"] == 0:
                raise Failed("the second daemon was not notified of anything")
    return lines


# ---- memory --------------------------------------------------------------------------------------

def crowd(session, count, tls):
    if load.raise_files() < count + 100:
        raise Failed(f"{count} connections need a higher limit of open files (ulimit -Hn)")
    with Daemon(session.server, session.database(), USUAL_CACHE, tls=tls) as daemon:
        # One account: what is measured are connections, not what a cache once held.
        links = Crowd(daemon, CHECK.replace("USER", "1"))
        try:
            links.grow(max(2, count // 100))
            few, some_kb = len(links.links), daemon.status_kb("VmRSS")
            links.grow(count)
            daemon.command("cache_clear")
            kb = daemon.status_kb("VmRSS")
            load.until(lambda: links.open() <= count, "that only the crowd is there")
            if links.open() != count:
                raise Failed(f"{links.open()} of {count} connections are open")
            check_replies(daemon)
        finally:
            links.close()
    each = (kb - some_kb) / max(1, count - few)
    return Line(f"resident memory, {count:,} idle {'TLS' if tls else 'plain'} connections", "-",
                "MiB", [kb / 1024], [], None if tls else 64,
                notes=[f"{some_kb / 1024:.1f} MiB with {few} connections, {kb / 1024:.1f} MiB with "
                       f"{count:,}: {each:.1f} KiB each. Each has had one answer and stays open; "
                       "the cache is on and empty."])


@case
def memory(session):
    return [crowd(session, session.part(10_000), False)]


@case
def memory_tls(session):
    return [crowd(session, session.part(10_000), True)]


# ---- a long list ---------------------------------------------------------------------------------

SESSIONS = """
    INSERT INTO hosts (host) VALUES ('example.org') ON CONFLICT DO NOTHING;
    SET session_replication_role = replica;
    INSERT INTO sessions (host, username, resource, priority, ip, port, node, connected_at)
    SELECT 'example.org', 'user' || n, 'phone', n % 10, '192.0.2.1'::inet + n % 200, 40000,
           'xmpp@node' || n % 3, now() - n * interval '1 second'
      FROM generate_series(1, :rows) AS n;
    VACUUM (ANALYZE) sessions;
    CHECKPOINT;
"""


@case
def connected_users_info(session):
    server, rows = session.server, session.part(1_000_000)
    database = server.create("http_sessions")
    server.sql(database, SESSIONS, rows=rows)
    query = statement("sessions_info").replace("$1", "NULL").replace("$2", "NULL")
    file = WORK / "sessions.copy"
    copy = "\\copy (" + " ".join(query.split()) + f") TO '{file}'"
    grown, sizes = [], []
    with Daemon(server, database) as daemon:
        sample = WORK / "sessions.json"
        # The first one is not timed, but it is where the daemon grows, if it does.
        grown.append(load.stream(daemon, "connected_users_info", "{}", sample)[2] / 1024)
        if len(json.loads(sample.read_bytes())["result"]) != rows:
            raise Failed(f"the list has not {rows} rows")
        sample.unlink()

        def ours():
            seconds, size, kb = load.stream(daemon, "connected_users_info", "{}")
            grown.append(kb / 1024)
            sizes.append(size)
            return seconds

        seconds = session.take_turns(
            lambda: None, ours, lambda: server.psql(database, "-c", copy).seconds)
        check_replies(daemon)
    size, copied = max(sizes) / 2**20, file.stat().st_size / 2**20
    server.drop(database)
    what = f"`connected_users_info` of {rows:,} sessions"
    return [Line(f"{what}, read by curl to /dev/null", "`psql` COPY of its SELECT to a file", "s",
                 *seconds, 2, notes=[f"```sql\n{query}\n```", f"{size:.0f} MiB of JSON against "
                                     f"{copied:.0f} MiB of text."]),
            Line(f"{what}: the most that the daemon grew by, of {len(grown)} times", "-", "MiB",
                 [max(grown)], [], 32)]


# ---- all of them ---------------------------------------------------------------------------------

def table(lines):
    return report.table(
        ["what", "yardstick", "adminex", "yardstick's", "runs", "ratio", "reach",
         "p50, p99 at half load"],
        [[line.what, line.yardstick, line.figure(line.ours), line.figure(line.theirs),
          str(len(line.ours)), line.verdict, line.limit, line.latency] for line in lines])


def details(lines):
    return "\n\n".join(f"{line.what}:\n\n" + "\n\n".join(line.notes)
                       for line in lines if line.notes)


def tell(line, judged):
    word = "" if line.reached or not judged else "   REACH MISSED"
    print(f"  {line.verdict.replace('*', ''):>16}  reach: {line.limit:14}  {line.what}: "
          f"{line.figure(line.ours)}, yardstick {line.figure(line.theirs)}; half load: "
          f"{line.latency}{word}", flush=True)


def run_cases(bench, run_them, only):
    """The lines of the cases with that word in their name."""
    lacking = load.missing()
    if lacking:
        raise SystemExit(f"bench: {', '.join(lacking)} not installed: scripts/deps.sh bench")
    session = Session(bench)
    lines = []
    try:
        for name, run_case in run_them.items():
            if only in name:
                for line in run_case(session):
                    tell(line, bench.size == 1)
                    lines.append(line)
    except Failed as failed:
        raise SystemExit(f"bench: {failed}") from failed
    if bench.size == 1:
        missed = sum(not line.reached for line in lines)
        print(f"{missed} of {len(lines)} missed", flush=True)
    return lines


def serve(bench, only):
    """As compare(): the sections, and whether a reach was missed."""
    lines = run_cases(bench, CASES, only)
    conditions = report.conditions(bench.server, bench.commit)
    return ({"http": f"{conditions}\n\n{table(lines)}\n\n{details(lines)}"},
            any(not line.reached for line in lines))
