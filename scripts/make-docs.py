#!/usr/bin/env python3
"""Make the manual page from what the program itself says, and tables from the statements.

    make-docs.py [PROGRAM]           writes docs/adminex.1 from docs/adminex.1.in, and the tables
                                     of docs/CACHE.md anew
    make-docs.py --check [PROGRAM]   writes nothing; exit status 1 when one of them is not that

PROGRAM is build/adminex by default. The template is written by hand in man(7) macros; lines that
are exactly @OPTIONS@, @VERBS@, @COMMANDS@, @ROLES@ or @STATUSES@ are replaced by what `adminex help` and
`adminex help NAME` print, and @VERSION@ by what `adminex --version` does.

In docs/CACHE.md what stands between a comment "made by scripts/make-docs.py: NAME" and the next
comment "end" is the table NAME: what sql/native says is cached, and what drops it.
"""

import difflib
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "docs" / "adminex.1.in"
PAGE = ROOT / "docs" / "adminex.1"
CACHE = ROOT / "docs" / "CACHE.md"
MARKED = re.compile(r"(<!-- made by scripts/make-docs\.py: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# With all commands, whatever this machine's own configuration says.
CONFIG = ROOT / "config" / "adminex.conf"


class Program:
    """What the program's help says, taken apart."""

    def __init__(self, path):
        self.path = path
        self.version = self.run("--version").strip()
        self.options = []    # (words, text)
        self.verbs = []      # names
        self.submods = []    # (name, about, names of commands)
        self.statuses = []   # (number, text)
        self._read_overview(self.help())

    def run(self, *words):
        env = {name: os.environ[name] for name in os.environ if name.endswith("SAN_OPTIONS")}
        done = subprocess.run([self.path, "--config", CONFIG, *words], env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                              timeout=60)
        return done.stdout.decode()

    def help(self, name=""):
        """On a command of two words, too."""
        return self.run("help", *name.split())

    @property
    def commands(self):
        return [name for submod in self.submods for name in submod[2]]

    def _read_overview(self, text):
        for head, lines in paragraphs(text):
            if head.startswith("options"):
                self.options = list(options(lines))
            elif head.startswith("verbs"):
                self.verbs = [line.split()[0] for line in lines]
            elif head.startswith("exit status"):
                self.statuses = [line.split(maxsplit=1) for line in lines]
            elif lines and ": " in head and not head.startswith("usage"):
                name, about = head.split(": ", 1)
                self.submods.append((name, about, list(map(listed, lines))))


def listed(line):
    """What a line of an overview is about: one word or two, then the summary."""
    return re.split(" {2,}", line.strip())[0]


def paragraphs(text):
    """(first line, further lines) of each part between empty lines."""
    for part in text.strip("\n").split("\n\n"):
        head, *lines = part.split("\n")
        yield head, lines


def options(lines):
    """Options and their texts: "  -c, --config FILE   text", continued at the same column."""
    words = text = None
    for line in lines:
        match = re.match(r" {2,6}(-\S.*?) {2,}(\S.*)", line)
        if match and words is not None:
            yield words, text
        if match:
            words, text = match.groups()
        else:
            text += " " + line.strip()
    yield words, text


# Text of the program as text of a page.

def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    text = text.replace("`", "\\(ga").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


def quoted(text):
    """As an argument of a macro."""
    return '"' + escape(text).replace('"', '\\(dq') + '"'


def prose(text):
    """A text of several sentences, each on a line of its own, as man(7) likes it."""
    return [escape(s) for s in re.split(r"(?<=[a-z0-9)]\.) (?=[A-Z(])", text)]


def bold_words(words):
    """Options in bold, their values in italics."""
    parts = []
    for word in words.split(" "):
        option = word.startswith("-")
        comma = "," if word.endswith(",") else ""
        parts.append(f"\\f{'B' if option else 'I'}{escape(word.rstrip(','))}\\fR{comma}")
    return " ".join(parts)


def usage_line(head, name):
    """"usage: adminex [OPTIONS] NAME ARGUMENTS" without what is always the same."""
    rest = head.removeprefix("usage: adminex [OPTIONS] ").removeprefix(name)
    return f".BI {quoted(name)} {quoted(rest)}" if rest else f".B {quoted(name)}"


def example(lines):
    return [".IP", "Example:", ".RS 10", ".EX", *(escape(line.strip()) for line in lines), ".EE",
            ".RE"]


def together(lines):
    """Tagged paragraphs without empty lines between them, further in than what is around."""
    return [".RS", ".PD 0", *lines, ".PD", ".RE"]


def tagged(lines, width):
    """Lines of "  word   text", a tagged paragraph each."""
    for line in lines:
        word, _, text = line.strip().partition(" ")
        yield from (f".TP {width}", f".I {quoted(word)}", *prose(text.strip()))


def tagged_options(lines):
    """Lines of "  -o, --option VALUE   text", a tagged paragraph each."""
    for words, text in options(lines):
        yield from (".TP 14", bold_words(words), *prose(text))


def answers(lines):
    """Lines of "  status  exit  text"."""
    for line in lines:
        status, exit_status, text = re.match(r"  (\S+) +(\d) *(.*)", line).groups()
        yield from (".TP 4", f".BR {quoted(status)} {quoted(f' ({exit_status})')}",
                    escape(text) or "no text")


# One command or verb.

def full_stop(sentence):
    return sentence[0].upper() + sentence[1:] + ("" if sentence.endswith(".") else ".")


def command(program, name):
    (head, _), *parts = paragraphs(program.help(name))
    out = [".TP", usage_line(head, name)]
    first = True
    for head, lines in parts:
        if head.startswith("  "):
            text = " ".join(line.strip() for line in [head, *lines])
            out += ([] if first else [".IP"]) + prose(full_stop(text) if first else text)
            first = False
        elif head == "arguments:":
            out += together(tagged(lines, 14))
        elif head.startswith("options"):
            out += together(tagged_options(lines))
        elif head.startswith("prints"):
            text = " ".join([head, *(line.strip() for line in lines)])
            out += [".IP", escape(full_stop(text))]
        elif head.startswith("answers"):
            out += [".IP", "Answers (status, exit status, text):", *together(answers(lines))]
        elif head.startswith("needs role"):
            out += [".IP", escape(full_stop(head))]
        elif head == "example:":
            out += example(lines)
        else:
            sys.exit(f"make-docs: cannot read the help on {name}: {head}")
    return out


def verb(program, name):
    (head, _), *parts = paragraphs(program.help(name))
    out = [".TP", usage_line(head, name)]
    for number, (head, lines) in enumerate(parts):
        if head == "example:":
            out += example(lines)
        elif number == 0:
            out += [escape(full_stop(head.strip()))]
        elif head.startswith("  "):
            out += together(details([head, *lines]))
        else:
            out += [".IP", *prose(" ".join([head, *lines]))]
    return out


def details(lines):
    """"  word   text" again, but words may have blanks and texts may go on in the next line."""
    joined = []
    for line in lines:
        if re.match(r"  \S", line):
            joined.append(line)
        else:
            # Words that are too long stand alone, and their text begins in the next line.
            gap = " " if re.search(r"\S {2,}\S", joined[-1]) else "  "
            joined[-1] += gap + line.strip()
    for line in joined:
        words, text = re.match(r"  (.*?) {2,}(.*)", line).groups()
        yield from (".TP 14", f".B {quoted(words)}", escape(text))


# Who may do what.

ROLE = re.compile(r"^needs role: (\w+)(, for all hosts)?", re.MULTILINE)


def roles(program):
    """The commands of each role; those that a caller who is limited to hosts may not run in
    italics."""
    needs = {name: ROLE.search(program.help(name)).groups() for name in program.commands}
    for role in ("reader", "operator", "admin"):
        words = [f"\\f{'I' if whole else 'R'}{escape(name)}\\fR"
                 for name, (needed, whole) in sorted(needs.items()) if needed == role]
        yield from (".TP", f".B {role}", *(word + "," for word in words[:-1]), words[-1])


# The page.

def blocks(program):
    result = {"@OPTIONS@": [], "@VERBS@": [], "@COMMANDS@": [], "@STATUSES@": [],
              "@ROLES@": list(roles(program))}
    for words, text in program.options:
        result["@OPTIONS@"] += [".TP", bold_words(words), escape(text)]
    for name in program.verbs:
        result["@VERBS@"] += verb(program, name)
    for name, about, names in program.submods:
        result["@COMMANDS@"] += [f".SS {quoted(f'{name}: {about}')}"]
        for each in names:
            result["@COMMANDS@"] += command(program, each)
    for number, text in program.statuses:
        result["@STATUSES@"] += [".TP", f".B {number}", escape(full_stop(text))]
    return result


def page(program):
    made = blocks(program)
    lines = []
    for line in TEMPLATE.read_text(encoding="utf-8").split("\n"):
        lines += made.get(line, [line.replace("@VERSION@", program.version)])
    notice = '.\\" Made by scripts/make-docs.py from docs/adminex.1.in and the help of the program.'
    return "\n".join([notice, *lines])


# The tables.

def statements():
    """Those of sql/native, as the build reads them."""
    path = ROOT / "scripts" / "embed-sql.py"
    spec = importlib.util.spec_from_file_location("embed_sql", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.read_backend(ROOT / "sql" / "native").values()


def table(rows):
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def reach(of):
    """"account(host, username)" is enough as "account": the parameters have the same names."""
    return of["scope"] if of["params"] else "all hosts"


def told(statement):
    """Its first sentence."""
    return re.match(r".+?(?:\.(?= [A-Z])|$)", " ".join(statement.comment))[0].replace("|", "\\|")


def tables():
    known = sorted(statements(), key=lambda s: s.name)
    cached = [s for s in known if s.cached]
    drops = [s for s in known if s.drops and s.drops["scope"] != "none"]
    nothing = [s for s in known if s.drops and s.drops["scope"] == "none"]
    line = ("---",) * 3
    return {
        "cached": table([("statement", "concerns", "what it reads"), line,
                         *((f"`{s.name}`", reach(s.cached), told(s)) for s in cached)]),
        "drops": table([("statement", "drops what concerns", "what it writes"), line,
                        *((f"`{s.name}`", reach(s.drops), told(s)) for s in drops)]),
        "nothing": ", ".join(f"`{s.name}`" for s in nothing) + "\n",
    }


def cache_page():
    made = tables()
    return MARKED.sub(lambda found: found[1] + made[found[2]] + found[3],
                      CACHE.read_text(encoding="utf-8"))


def is_up_to_date(path, text):
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    name = str(path.relative_to(ROOT))
    difference = list(difflib.unified_diff(old.split("\n"), text.split("\n"), name,
                                           "what it should be", lineterm=""))
    print("\n".join(difference), end="\n" if difference else "")
    return not difference


def main():
    words = sys.argv[1:]
    check = words[:1] == ["--check"]
    words = words[1:] if check else words
    if len(words) > 1:
        sys.exit(__doc__)
    made = {PAGE: page(Program(words[0] if words else ROOT / "build" / "adminex")),
            CACHE: cache_page()}
    if check:
        late = [path.name for path, text in made.items() if not is_up_to_date(path, text)]
        sys.exit(f"not up to date: {', '.join(late)}; run: make docs" if late else 0)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
