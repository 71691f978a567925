"""The documentation says what the program says. No database is needed."""

import functools
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import unittest

import harness
from harness import BIN, DATA, ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# An example ends where the shell takes over.
SHELL = re.compile(r"^(\||\|\||&&|;|<|>|2>|>>)$")


@functools.cache
def make_docs():
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make-docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def program():
    return make_docs().Program(BIN)


@functools.cache
def usage(name):
    """The words after "adminex [OPTIONS]" in the help of a command or verb."""
    head = program().help(name).split("\n", 1)[0]
    return head.removeprefix("usage: adminex [OPTIONS] ").split()


@functools.cache
def options():
    """Each option of the program, and whether a value follows it."""
    known = {}
    for words, _ in program().options:
        names = [word.rstrip(",") for word in words.split() if word.startswith("-")]
        known.update((name, not words.endswith(names[-1])) for name in names)
    return known


def without_options(words):
    """The words from the command on; ValueError names an option that is not there."""
    words = list(words)
    while words and words[0].startswith("-"):
        name = words.pop(0).split("=")[0]
        if name not in options():
            raise ValueError(f"no option '{name}'")
        if options()[name]:
            words.pop(0)
    return words


def check_verb(name, args):
    for arg in args:
        if arg.startswith("--") and arg not in re.findall(r"--[\w-]+", program().help(name)):
            raise ValueError(f"{name} has no option '{arg}'")
    if name == "migrate" and args and args[0] not in ("status", "up", "down", "cache-triggers"):
        raise ValueError(f"migrate has no '{args[0]}'")
    if name == "help" and args and not (args[0] in usage("help")[1] or args[0].isupper()):
        program().help(args[0])


def named(words):
    """The command that words begin with, in one word or two, and what follows; None: there is none."""
    first = words[0].replace("-", "_")
    for name in program().commands:
        if first == name.replace(" ", "_"):
            return name, words[1:]
        if " " in name and [first, *words[1:2]] == name.split():
            return name, words[2:]
    return None, words[1:]


def is_family(word):
    return any(name.startswith(f"{word} ") for name in program().commands)


@functools.cache
def behind(name):
    """The arguments of a command, and its options, each with whether a value follows it."""
    text = " ".join(usage(name)).removeprefix(name)
    known = {"--yes": False, "--dry-run": False}
    found = re.findall(r"\[(?:(-\w)\|)?(--[\w-]+)( [^\]]+)?\]", text)
    for letter, option, value in found:
        known.update({word: bool(value) for word in (letter, option) if word})
    return re.sub(r" \[.*", "", text).split(), known if found else {}


def without_its_options(name, args):
    """The arguments of a command; ValueError names an option that it has not."""
    left, args, known = [], list(args), behind(name)[1]
    while args:
        word = args.pop(0)
        option, equals, _ = word.partition("=")
        if not known or not word.startswith("-") or word == "-":
            left.append(word)
        elif option not in known:
            raise ValueError(f"{name} has no option '{option}'")
        elif known[option] and not equals:
            args.pop(0)
    return left


def check_command(name, args, secret_elsewhere):
    wanted = behind(name)[0]
    args = without_its_options(name, args)
    if all(arg.isupper() for arg in args) and args != wanted:
        raise ValueError(f"{name} takes {wanted}")
    if len(args) not in (len(wanted), len(wanted) - secret_elsewhere):
        raise ValueError(f"{name} takes {len(wanted)} arguments")


def check_example(text, mention):
    """ValueError when the program would not take that; a mention may leave the arguments out, and
    may be a usage line with brackets."""
    words = shlex.split(text, comments=True)
    if "[" in text:
        known = usage(named(words[1:])[0] or words[1])
        if words[1:] != known:
            raise ValueError(f"the usage is {' '.join(known)}")
        return
    ends = [i for i, word in enumerate(words) if SHELL.match(word)]
    given = words[1:ends[0]] if ends else words[1:]
    words = without_options(given)
    if not words:
        return
    name, args = named(words)
    if words[0] in program().verbs:
        check_verb(words[0], args)
    elif name is None and (args or not mention or not is_family(words[0])):
        raise ValueError(f"no command '{words[0]}'")
    elif args or not mention:
        check_command(name, args, "--secret-file" in given)


def blocks(text):
    """Lines of code of a page, those between fences and those that are indented."""
    fenced = False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()


def joined(lines):
    """Lines, each with those that it goes on in: behind a backslash, as in the shell."""
    begun = ""
    for line in lines:
        if line.endswith("\\"):
            begun += line[:-1]
        else:
            yield begun + line
            begun = ""


def examples(text):
    """(example, whether it is only a mention) of a page in Markdown."""
    for line in joined(blocks(text)):
        match = re.match(r"(?:\$ )?(?:build/)?(adminex .*)", line)
        if match:
            yield match[1], False
    prose = re.sub(r"^(```.*?^```|    .*?)$", "", text, flags=re.MULTILINE | re.DOTALL)
    for inline in re.findall(r"`(adminex [^`]+)`", prose):
        yield inline, True


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


class ManualPage(unittest.TestCase):
    def test_manual_page_is_what_the_program_says(self):
        done = subprocess.run([ROOT / "scripts" / "make-docs.py", "--check", BIN],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout.decode())

    def test_manual_page_has_every_command(self):
        page = (ROOT / "docs" / "adminex.1").read_text(encoding="utf-8")
        found = re.findall(r'^\.BI? "(\w+(?: \w+)?)"', page, re.MULTILINE)
        for name in (*program().commands, *program().verbs):
            self.assertEqual(found.count(name), 1, name)

    def test_manual_page_examples(self):
        page = (ROOT / "docs" / "adminex.1.in").read_text(encoding="utf-8")
        plain = page.replace("\\(aq", "'").replace("\\-", "-")
        shown = "".join(re.findall(r"^\.EX\n(.*?)^\.EE$", plain, re.MULTILINE | re.DOTALL))
        found = re.findall(r"^adminex .*", shown, re.MULTILINE)
        self.assertGreater(len(found), 4)
        for example in found:
            check_example(example, False)

    @unittest.skipUnless(shutil.which("mandoc") or shutil.which("groff"), "no mandoc, no groff")
    def test_manual_page_is_clean(self):
        tool = (["mandoc", "-T", "lint", "-W", "warning"] if shutil.which("mandoc")
                else ["groff", "-ww", "-man", "-Tutf8", "-z"])
        done = subprocess.run([*tool, ROOT / "docs" / "adminex.1"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual((done.returncode, done.stdout.decode()), (0, ""))


class Pages(unittest.TestCase):
    def each_page(self):
        self.assertGreater(len(PAGES), 6)
        for path in PAGES:
            yield path, path.read_text(encoding="utf-8")

    def test_pages_show_what_the_program_takes(self):
        count = 0
        for path, text in self.each_page():
            for example, mention in examples(text):
                count += 1
                try:
                    check_example(example, mention)
                except (ValueError, subprocess.CalledProcessError) as why:
                    self.fail(f"{path.name}: {example}: {why}")
        self.assertGreater(count, 80)

    def test_pages_link_to_what_is_there(self):
        for path, text in self.each_page():
            for target in re.findall(r"\]\(([^)]+)\)", text):
                if "://" in target:
                    continue
                name, _, anchor = target.partition("#")
                linked = path.parent / name if name else path
                self.assertTrue(linked.exists(), f"{path.name}: {target}")
                if anchor:
                    headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"),
                                          re.MULTILINE)
                    self.assertIn(anchor, list(map(slug, headings)), f"{path.name}: {target}")

    def test_pages_name_files_that_are_there(self):
        for path, text in self.each_page():
            for name in re.findall(r"`((?:src|sql|tests|scripts|config|include|docs)/[\w./-]+)`",
                                   text):
                if "NAME" not in name and "NNNN" not in name:
                    self.assertTrue((ROOT / name).exists(), f"{path.name}: {name}")

    def test_mapping_has_the_44_commands(self):
        text = (ROOT / "docs" / "MAPPING.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| `(\w+)` \| `adminex (.*?)` \| .+ \|$", text, re.MULTILINE)
        spec = json.loads((DATA / "spec" / "commands.json").read_text(encoding="utf-8"))
        self.assertEqual([old for old, _ in rows], [command["name"] for command in spec])
        for old, new in rows:
            self.assertEqual(new.split(), usage(old))

    def test_contributing_shows_the_code_that_is_there(self):
        text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        walk = text[text.index("## How to add a command"):text.index("## How to add a migration")]
        there = "\n".join(squeeze((ROOT / name).read_text(encoding="utf-8")) for name in (
            "sql/native/admin.sql", "src/submod/admin.c", "tests/e2e/test_admin.py"))
        pieces = re.findall(r"(?:^    .*\n)+", walk, re.MULTILINE)
        self.assertGreater(len(pieces), 6)
        for piece in pieces:
            if squeeze(piece) not in there:
                self.fail(f"CONTRIBUTING.md shows what is nowhere:\n{piece}")


class SampleConfiguration(unittest.TestCase):
    def test_sample_configuration_is_accepted(self):
        done = subprocess.run([BIN, "load_config", ROOT / "config" / "adminex.conf"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (0, b""))


if __name__ == "__main__":
    unittest.main()
