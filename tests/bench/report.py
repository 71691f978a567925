"""docs/BENCHMARKS.md: figures into the template. What was not measured now stays as it was."""

import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = pathlib.Path(__file__).with_name("BENCHMARKS.md.in")
PAGE = ROOT / "docs" / "BENCHMARKS.md"
NOT_YET = "Not measured yet."


def git(*words):
    done = subprocess.run(["git", "-C", ROOT, *words], stdout=subprocess.PIPE, text=True,
                          check=False)
    return done.stdout.strip()


def commit():
    changed = git("status", "--porcelain", "--", "src", "sql", "migrations", "include", "Makefile")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + " and changes" * bool(changed)


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    load = os.getloadavg()[2]
    return [f"- Processor: {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} of them; load "
            f"average of the last 15 minutes: {load:.1f}",
            f"- Memory: {int(memory[1]) / 2**20:.1f} GiB",
            f"- Kernel: {platform.system()} {platform.release()}"]


def conditions(server, measured):
    """`measured` is what commit() said before the first run."""
    version, settings, shown = server.facts()
    return "\n".join([
        f"- Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
        f"- Commit: {measured}",
        *machine(),
        f"- PostgreSQL {version}; settings other than its defaults: "
        + "; ".join(f"`{name} = {value}`" for name, value in settings),
        "- Worth knowing: " + "; ".join(f"`{name} = {value}`" for name, value in shown.items()),
    ])


def span(seconds):
    """Median, smallest and largest, in one unit."""
    middle = statistics.median(seconds)
    unit, factor, digits = ("s", 1, 2) if middle >= 1 else ("ms", 1000, 1)
    low, high = (f"{factor * edge:.{digits}f}" for edge in (min(seconds), max(seconds)))
    return f"{factor * middle:.{digits}f} {unit} ({low} to {high})"


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|",
                      *("| " + " | ".join(row) + " |" for row in rows)])


def verdict(line):
    return f"{line.ratio:.2f}" if line.reached else f"**{line.ratio:.2f}, missed**"


def comparison(lines):
    rows = [[line.what, line.yardstick, span(line.ours), span(line.theirs), str(len(line.ours)),
             verdict(line) + (" of its rate" if line.rate_of else ""),
             line.limit] for line in lines]
    return table(["what", "yardstick", "adminex", "yardstick took", "runs", "ratio", "reach"], rows)


def yardsticks(lines):
    parts = []
    for line in lines:
        parts.append(f"{line.what}:\n\n```sql\n{line.sql}\n```\n"
                     + "".join(f"\n{note}\n" for note in line.notes))
    return "\n".join(parts)


def write(sections, path=PAGE):
    """`sections` are texts by name; a section of the template that is not among them is kept from
    the page that is there."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""

    def fill(found):
        name = found[1].lower()
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        kept = re.search(f"{re.escape(begin)}\n(.*?)\n{re.escape(end)}", old, re.S)
        text = sections.get(name, kept[1] if kept else NOT_YET)
        return f"{begin}\n{text}\n{end}"

    template = TEMPLATE.read_text(encoding="utf-8")
    page = re.sub(r"^@([A-Z]+)@$", fill, template, flags=re.M)
    path.write_text(page, encoding="utf-8")
