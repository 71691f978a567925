#!/usr/bin/env python3
"""Nothing lower includes anything higher, and only src/db/ knows libpq."""

import pathlib
import re
import sys

# From the ground up: a folder may include itself and what stands before it.
LAYERS = ["adminex", "base", "db", "cache", "command", "transfer", "submod", "service", "daemon",
          "face"]
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"/]+)/|<(libpq-fe\.h)>)', re.MULTILINE)


def complaints(path):
    layer = path.parts[1] if len(path.parts) > 2 else "face"
    for folder, libpq in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if libpq and layer != "db":
            yield f"{path}: includes {libpq}; only src/db/ may"
        elif folder and folder not in LAYERS:
            yield f"{path}: includes from '{folder}', which is no layer"
        elif folder and LAYERS.index(folder) > LAYERS.index(layer):
            yield f"{path}: {layer} may not include {folder}"


def main():
    found = [c for p in sorted(pathlib.Path("src").rglob("*.[ch]")) for c in complaints(p)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
