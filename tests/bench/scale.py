"""`make bench-scale`: the same commands on 10 thousand and on 1 million accounts with 20 contacts
each. What is for one account must cost the same, what is for many must grow with their number, and
adminex must stay small."""

import random
import statistics

import data
import report

TEAM = "team.example.org"
PEAK_KB = 64 * 1024
REACH = 1.3

# By {user}, an account; {new}, one that is not there yet.
SINGLE = [
    "check_account {user} example.org",
    "get_roster {user} example.org",
    "add_rosteritem {user} example.org friend example.net Friend Friends both",
    "delete_rosteritem {user} example.org friend example.net",
    "set_last {user} example.org 1500000000 away",
    "get_last {user} example.org",
    "ban_account {user} example.org spam",
    "unban_account {user} example.org",
    "register {new} example.org secret",
    "unregister {new} example.org",
]

# With the rows that each goes through, for a number of accounts.
MANY = [
    ("num_active_users example.org 30", lambda n: n),
    ("registered_users example.org", lambda n: n),
    (r"process_rosteritems list any any user1.*7@example\.org user19.*@.*", lambda n: 20 * n),
    ("--dry-run delete_old_users 365", lambda n: n + 21 * (n // 100)),
    (f"--dry-run push_roster_alltoall {TEAM} Everybody", lambda n: 0),
]


class Side:
    """One of the two databases, and what was measured in it."""

    def __init__(self, bench, name, count):
        self.server = bench.server
        self.count = count
        self.database = bench.server.create(name)
        self.seconds = {}
        self.peak_kb = 0
        self.random = random.Random(1)
        team = max(10, int(300 * bench.size))
        self.server.sql(self.database, f"INSERT INTO hosts (host) VALUES ('{TEAM}');"
                        "INSERT INTO users (host, username) "
                        f"SELECT '{TEAM}', 'member' || n FROM generate_series(1, {team}) AS n")
        data.crowd(self.server, self.database, count, 20, old_every=100)

    def run(self, command, user):
        words = command.format(user=user, new="new" + user).split()
        ran = self.server.adminex(self.database, *words)
        self.seconds.setdefault(command, []).append(ran.seconds)
        self.peak_kb = max(self.peak_kb, ran.peak_kb)

    def median(self, command):
        return statistics.median(self.seconds[command])

    def anybody(self):
        return f"user{self.random.randint(1, self.count)}"


def measure(bench, sides, only):
    """The commands that ran, single ones and those for many; the two sides take turns."""
    single = [command for command in SINGLE if only in command]
    many = [pair for pair in MANY if only in pair[0]]
    for _ in range(bench.rounds(41)):
        users = [side.anybody() for side in sides]
        for command in single:
            for side, user in zip(sides, users):
                side.run(command, user)
    for _ in range(bench.rounds(3)):
        for command, _ in many:
            for side in sides:
                side.run(command, "")
    return single, many


def growth(command, rows, small, large):
    """How time grew; divided by how the rows did, where they did."""
    ratio = large.median(command) / small.median(command)
    return ratio / ((rows(large.count) or 1) / (rows(small.count) or 1))


def scale(bench, only):
    small = Side(bench, "small", max(200, int(10_000 * bench.size)))
    large = Side(bench, "large", max(400, int(1_000_000 * bench.size)))
    single, many = measure(bench, (small, large), only)
    pairs = [(command, lambda n: 0) for command in single] + many
    rows, missed = [], False
    for command, touched in pairs:
        ratio = growth(command, touched, small, large)
        missed |= ratio > REACH
        rows.append(["`" + command.replace("|", "\\|") + "`",
                     *(report.span(side.seconds[command]) for side in (small, large)),
                     " / ".join(f"{touched(side.count):,}" for side in (small, large))
                     if touched(small.count) else "the same",
                     f"{ratio:.2f}" if ratio <= REACH else f"**{ratio:.2f}, missed**"])
        print(f"  {ratio:5.2f}  (at most {REACH})  {command}", flush=True)
    peak = max(small.peak_kb, large.peak_kb)
    missed |= peak > PEAK_KB
    print(f"  {peak / 1024:5.1f}  (at most 64)  MiB, the largest resident size", flush=True)
    head = ["command", f"{small.count:,} accounts", f"{large.count:,} accounts",
            "rows gone through", f"ratio, at most {REACH}"]
    verdict = "" if peak <= PEAK_KB else " **Missed.**"
    text = (f"{report.conditions(bench.server, bench.commit)}\n\n{report.table(head, rows)}\n\n"
            f"The largest resident size of adminex: {small.peak_kb / 1024:.1f} MiB in the small "
            f"database, {large.peak_kb / 1024:.1f} MiB in the large one; at most 64 are allowed."
            f"{verdict}")
    return {"scale": text}, missed
