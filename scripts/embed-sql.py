#!/usr/bin/env python3
"""Build named SQL statements and migrations into C.

    embed-sql.py statements sql/ OUT       writes OUT.h and OUT.c
    embed-sql.py migrations migrations/ OUT.c    the optional ones too, by their names

A statement begins with a line

    -- name: account_exists(host, username) one

and its sentence in comment lines; the words in parentheses are $1, $2, ... in order; the last word
says what comes back: one (at most one row), many, value (exactly one row of one column), exec
(nothing). The build stops on a duplicate name, a parameter that is undeclared or unused, a
statement without a sentence or a body, and a backend that lacks a statement another one has.

Among its comment lines a statement says what the result cache has to know:

    -- cached: account(host, username)    its rows may be kept; they concern this account
    -- drops: account(host, username)     what is known of this account is no longer true

The words in parentheses are parameters of the statement; host(host) and all() are wider, and a
parameter that is bound to NULL means all. Every statement that writes tables says what it drops:
none() when no cached statement reads them, which is checked. What is cached must not depend on
time, lock rows or read tables that are secret or written by others.
"""

import pathlib
import re
import sys

KINDS = ("one", "many", "value", "exec")
HEAD = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\(([a-z0-9_, ]*)\) ([a-z]+)$")

SCOPES = {"none": 0, "account": 2, "host": 1, "all": 0}
REACH = re.compile(r"^-- (cached|drops): ([a-z]+)\(([a-z0-9_, ]*)\)$")
NO_REACH = {"scope": "none", "params": []}
WRITES = re.compile(r"\b(?:INSERT\s+INTO|DELETE\s+FROM|MERGE\s+INTO|UPDATE|TRUNCATE|COPY)\s+(?:ONLY\s+)?"
                    r"((?:[a-z_]+\.)?[a-z_]+)\b", re.IGNORECASE)
TABLE = re.compile(r"\badminex\.([a-z_]+)")
TEMPORARY = re.compile(r"\bCREATE TEMPORARY TABLE ([a-z_]+)")
# Not tables: SET of ON CONFLICT DO UPDATE SET, what follows FOR UPDATE.
NO_TABLES = {"set", "of", "skip", "nowait"}
# Functions of the schema that write tables which the statement does not name.
WRITING = re.compile(r"\badminex\.(personal_erase)\(")
# What is only added to, and never read back for an answer.
UNREAD = {"adminex.audit_log", "adminex.outbox"}
# Secrets, what is used once, and what XMPP servers write by themselves.
NEVER_CACHED = {"audit_log", "credentials", "daemons", "gdpr_ledger", "gdpr_subjects",
                "idempotency_keys", "outbox", "sessions", "tokens"}
FLEETING = re.compile(r"\b(now\(|clock_timestamp|statement_timestamp|random\(|current_|session_user"
                      r"|FOR\s+(NO\s+KEY\s+)?UPDATE|FOR\s+(KEY\s+)?SHARE|pg_[a-z_]+\()", re.IGNORECASE)


def stop(path, line, text):
    sys.exit(f"{path}:{line}: {text}")


def c_string(text):
    lines = []
    for line in text.split("\n"):
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        lines.append(f'\t"{escaped}\\n"')
    return "\n".join(lines)


def without_literals(body):
    """The body with string literals and comments blanked, so that only real $n are left."""
    body = re.sub(r"--[^\n]*", "", body)
    return re.sub(r"'(?:[^']|'')*'", "''", body)


class Statement:
    def __init__(self, path, line, name, params, kind):
        self.path, self.line, self.name, self.kind = path, line, name, kind
        self.params = [p.strip() for p in params.split(",") if p.strip()]
        self.comment, self.body = [], []
        self.cached, self.drops = None, None

    def add_reach(self, line, what, scope, words):
        params = [w.strip() for w in words.split(",") if w.strip()]
        if getattr(self, what) is not None:
            stop(self.path, line, f"{self.name} says twice what is {what}")
        if scope not in SCOPES or (what == "cached" and scope == "none"):
            stop(self.path, line, f"'{scope}' is none of account(host, username), host(host), all()")
        if len(params) != SCOPES[scope]:
            stop(self.path, line, f"{scope}() takes {SCOPES[scope]} parameters")
        for param in params:
            if param not in self.params:
                stop(self.path, line, f"{self.name} has no parameter {param}")
        setattr(self, what, {"scope": scope, "params": params})

    def written(self, temporary):
        """The tables it writes that others can read."""
        text = without_literals(self.text)
        names = {n.lower() for n in WRITES.findall(text)} | set(WRITING.findall(text))
        return names - NO_TABLES - UNREAD - temporary

    def check_reach(self, temporary, read):
        """Temporary tables, and the tables that cached statements read."""
        written = self.written(temporary)
        if self.cached is not None:
            self.check_cached(written)
        if written and self.drops is None:
            stop(self.path, self.line, f"{self.name} writes {', '.join(sorted(written))} and has no "
                                       "line '-- drops: '")
        if not written and self.drops is not None:
            stop(self.path, self.line, f"{self.name} writes nothing that could be cached")
        known = {t for t in written if t.removeprefix("adminex.") in read}
        if known and self.drops["scope"] == "none":
            stop(self.path, self.line, f"{self.name} drops nothing, but cached statements read "
                                       f"{', '.join(sorted(known))}")

    def check_cached(self, written):
        text = without_literals(self.text)
        never = set(TABLE.findall(text)) & NEVER_CACHED
        if written:
            stop(self.path, self.line, f"{self.name} writes, and cannot be cached")
        if never:
            stop(self.path, self.line, f"{self.name} reads {', '.join(sorted(never))}, which is "
                                       "never cached")
        if FLEETING.search(text):
            stop(self.path, self.line, f"{self.name} depends on '{FLEETING.search(text)[0]}', and "
                                       "cannot be cached")

    def reach(self, what):
        """The C initializer of struct sql_reach."""
        reach = getattr(self, what) or NO_REACH
        numbers = [str(self.params.index(p) + 1) for p in reach["params"]] + ["0", "0"]
        return f"{{ SCOPE_{reach['scope'].upper()}, {numbers[0]}, {numbers[1]} }}"

    def finish(self):
        text = "\n".join(self.body).strip()
        if self.kind not in KINDS:
            stop(self.path, self.line, f"'{self.kind}' is none of {', '.join(KINDS)}")
        if len(set(self.params)) != len(self.params):
            stop(self.path, self.line, f"{self.name} declares a parameter twice")
        if not self.comment:
            stop(self.path, self.line, f"{self.name} has no sentence that says what it does")
        if not text.rstrip(";").strip():
            stop(self.path, self.line, f"{self.name} has no body")
        if not text.endswith(";"):
            stop(self.path, self.line, f"{self.name} does not end with a semicolon")
        used = {int(n) for n in re.findall(r"\$(\d+)", without_literals(text))}
        declared = set(range(1, len(self.params) + 1))
        for n in sorted(used - declared):
            stop(self.path, self.line, f"{self.name} uses ${n}, which is not declared")
        for n in sorted(declared - used):
            stop(self.path, self.line, f"{self.name} declares ${n} ({self.params[n - 1]}), unused")
        self.text = text.rstrip(";").rstrip()


def read_statements(path):
    found, current = [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        head = HEAD.match(line)
        if head:
            current = Statement(path, number, *head.groups())
            found.append(current)
        elif line.startswith("-- ----"):  # a heading
            current = None
        elif line.startswith("-- name:"):
            stop(path, number, "a name line reads '-- name: word(param, ...) one|many|value|exec'")
        elif current is not None and not current.body and re.match("-- *(cached|drops) *:", line):
            reach = REACH.match(line)
            if not reach:
                stop(path, number, "a line reads '-- cached|drops: account(host, username)', "
                                   "host(host), all() or none()")
            current.add_reach(number, *reach.groups())
        elif current is not None and not current.body and line.startswith("--"):
            current.comment.append(line[2:].strip())
        elif current is not None:
            if current.body or line.strip():
                current.body.append(line)
        elif line.strip() and not line.startswith("--"):
            stop(path, number, "a statement without a name line")
    for statement in found:
        statement.finish()
    return found


def read_backend(folder):
    by_name = {}
    for path in sorted(folder.glob("*.sql")):
        for s in read_statements(path):
            if s.name in by_name:
                other = by_name[s.name]
                stop(s.path, s.line, f"{s.name} is already defined at {other.path}:{other.line}")
            by_name[s.name] = s
    check_reaches(by_name.values())
    return by_name


def check_reaches(statements):
    temporary = {t for s in statements for t in TEMPORARY.findall(s.text)}
    read = {t for s in statements if s.cached for t in TABLE.findall(without_literals(s.text))}
    for s in statements:
        s.check_reach(temporary, read)


def write_statements(source, out):
    backends = {d.name: read_backend(d) for d in sorted(pathlib.Path(source).iterdir()) if d.is_dir()}
    names = sorted({n for b in backends.values() for n in b})
    for backend, by_name in backends.items():
        for name in names:
            if name not in by_name:
                sys.exit(f"{source}/{backend}: lacks the statement {name}")
    made = f"/* Made by scripts/embed-sql.py from {source}; never edited. */\n"
    header = [made, "#ifndef ADMINEX_SQL_CATALOGUE_H", "#define ADMINEX_SQL_CATALOGUE_H", "",
              "enum sql_id {"]
    header += [f"\tSQL_{n.upper()}," for n in names]
    header += ["\tSQL_COUNT", "};", "", "enum sql_backend {"]
    header += [f"\tBACKEND_{b.upper()}," for b in backends]
    header += ["\tBACKEND_COUNT", "};", "", "#endif", ""]
    pathlib.Path(out + ".h").write_text("\n".join(header), encoding="utf-8")
    code = [made, '#include "db/catalogue.h"', "",
            "const struct sql_statement SQL_CATALOGUE[BACKEND_COUNT][SQL_COUNT] = {"]
    for backend, by_name in backends.items():
        code.append(f"[BACKEND_{backend.upper()}] = {{")
        for name in names:
            s = by_name[name]
            code.append(f'[SQL_{name.upper()}] = {{ "{name}", {len(s.params)}, '
                        f'SQL_{s.kind.upper()}_KIND, "{s.path}", {s.line},')
            code.append(f"{c_string(s.text)}, {s.reach('cached')}, {s.reach('drops')} }},")
        code.append("},")
    code += ["};", ""]
    pathlib.Path(out + ".c").write_text("\n".join(code), encoding="utf-8")


def migration(version, name, up):
    """The C initializer of struct migration."""
    down = up.with_name(up.name.replace(".up.sql", ".down.sql"))
    if not down.exists():
        sys.exit(f"{up}: has no way back ({down.name})")
    return (f'{{ {version}, "{name}",\n{c_string(up.read_text(encoding="utf-8"))},\n'
            f'{c_string(down.read_text(encoding="utf-8"))} }}')


def write_migrations(source, out):
    ups = sorted(pathlib.Path(source).glob("*.up.sql"))
    rows = []
    for expected, up in enumerate(ups, 1):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.up\.sql", up.name)
        if not match or int(match.group(1)) != expected:
            sys.exit(f"{up}: migrations are numbered from 0001 without a gap")
        rows.append(f"\t{migration(expected, match.group(2), up)},")
    code = [f"/* Made by scripts/embed-sql.py from {source}; never edited. */", "",
            '#include "db/migrate.h"', "", "const struct migration MIGRATIONS[] = {", *rows, "};",
            "", f"const int MIGRATION_COUNT = {len(rows)};", ""]
    for up in sorted(pathlib.Path(source, "optional").glob("*.up.sql")):
        name = up.name.removesuffix(".up.sql")
        code += [f"const struct migration MIGRATION_{name.upper()} = {migration(0, name, up)};", ""]
    pathlib.Path(out).write_text("\n".join(code), encoding="utf-8")


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("statements", "migrations"):
        sys.exit(__doc__)
    writer = write_statements if sys.argv[1] == "statements" else write_migrations
    writer(sys.argv[2], sys.argv[3])


if __name__ == "__main__":
    main()
