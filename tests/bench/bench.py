#!/usr/bin/env python3
"""Benchmarks: ratios against yardsticks that run at the same time, on a private server.

    bench.py [--only WORD] [--size PART] [--page FILE] [--cluster DIR] compare|scale|http|gdpr

compare runs each case in turn with its yardstick and exits with 1 when a ratio missed its reach;
scale compares a small with a large database; http puts the daemon under load, as compare does; gdpr exports and
erases personal data. A
whole run writes its section of docs/BENCHMARKS.md; with --only just the cases with that word in
their name run, and nothing is written. --size 0.1 takes a tenth of the data and judges nothing;
below a hundredth, for a test of these scripts, there is one round only. --cluster takes a server
that is there.
"""

import argparse
import pathlib
import shutil
import sys

import cases
import data
import gdpr_cases
import http_cases
import report
import scale
from measure import WORK, Server


class Bench:
    """What the cases share: the server, how large everything is, the crowd."""

    def __init__(self, server, size):
        self.server = server
        self.size = size
        self.skipped = []
        self.commit = report.commit()
        self._crowd = None

    def rounds(self, number):
        return number if self.size >= 0.01 else 1

    def skip(self, what, why):
        self.skipped.append(f"{what}: skipped, {why}")
        say(self.skipped[-1])
        return []

    def crowd(self):
        """The name of a database of 200,000 accounts with 20 contacts each, of which every fourth
        was not seen for long; and how many they are. It is to be copied or only read."""
        if self._crowd is None:
            count = max(40, int(200_000 * self.size))
            database = self.server.create("crowd")
            data.crowd(self.server, database, count, 20, old_every=4)
            self._crowd = database, count
        return self._crowd


def say(text):
    print(text, flush=True)


def tell(line, judged):
    word = "" if line.reached or not judged else "   REACH MISSED"
    say(f"  {line.ratio:5.2f}  reach: {line.limit:12}  {line.what}: {report.span(line.ours)}, "
        f"yardstick {report.span(line.theirs)}{word}")


def compare(bench, only):
    lines = []
    for name, run_case in cases.CASES.items():
        if only in name:
            for line in run_case(bench):
                tell(line, bench.size == 1)
                lines.append(line)
    missed = [line for line in lines if not line.reached]
    if bench.size == 1:
        say(f"{len(missed)} of {len(lines)} missed, {len(bench.skipped)} skipped")
    conditions = report.conditions(bench.server, bench.commit)
    text = report.comparison(lines) + "".join(f"\n\n{skipped}" for skipped in bench.skipped)
    sections = {"conditions": conditions, "comparison": text,
                "yardsticks": report.yardsticks(lines)}
    return sections, bool(missed)


WHAT = {"compare": compare, "scale": scale.scale, "http": http_cases.serve,
        "gdpr": gdpr_cases.gdpr}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--size", type=float, default=1, metavar="PART")
    parser.add_argument("--page", type=pathlib.Path, default=report.PAGE, metavar="FILE")
    parser.add_argument("--cluster", metavar="DIR")
    parser.add_argument("what", choices=WHAT)
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    server = Server(args.cluster)
    try:
        bench = Bench(server, args.size)
        sections, missed = WHAT[args.what](bench, args.only)
        if not args.only:
            report.write(sections, args.page)
    finally:
        server.close()
        shutil.rmtree(WORK)
    return 1 if missed and args.size == 1 else 0


if __name__ == "__main__":
    sys.exit(main())
