# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a firmware takes: stack, instructions, RAM and text, as rows of proofs/footprint.csv. Measured rows stand in files
named TARGET-LEVEL.csv, one file a build.

Usage: footprint.py compare FILE      fails where a figure grew by more than 5 %, or is not in proofs/footprint.csv
       footprint.py write FILE...     puts the figures of these builds there, and into the tables of docs/footprint.md
"""

import csv
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
KNOWN = HERE / "footprint.csv"
DOCS = HERE.parent / "docs/footprint.md"
HEAD = ["target", "level", "figure", "of", "value"]
GROWTH = 1.05
# The kinds of keys beside RSA, as functions of the image and the doc name them.
KINDS = {"p256": "P-256", "x_wing": "X-Wing", "mlkem1024_p384": "MLKEM1024-P384", "mlkem1024": "ML-KEM-1024"}


def note(path, figure, of, value):
    """Adds a row to what was measured. Of operations that are measured more than once, the largest counts."""
    with open(path, "a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow((figure, of, value))


def measured(path):
    target, level = pathlib.Path(path).stem.split("-", 1)
    rows = {}
    with open(path, newline="") as file:
        for figure, of, value in csv.reader(file):
            key = target, level, figure, of
            rows[key] = max(int(value), rows.get(key, 0))
    return rows


def known():
    if not KNOWN.exists():
        return {}
    with open(KNOWN, newline="") as file:
        return {tuple(row[:4]): int(row[4]) for row in list(csv.reader(file))[1:]}


def compare(path):
    before, now = known(), measured(path)
    wrong = 0
    for key, value in now.items():
        if key not in before:
            wrong += 1
            print(f"{' '.join(key)}: {value} is not in proofs/footprint.csv: run .ci/checks/footprint --write")
        elif value > before[key] * GROWTH:
            wrong += 1
            print(f"{' '.join(key)}: {value} instead of {before[key]} TOO MUCH")
    builds = {key[:2] for key in now}
    for key in before:
        if key[:2] in builds and key not in now:
            wrong += 1
            print(f"{' '.join(key)}: in proofs/footprint.csv, and was not measured")
    print(f"figure: {len(now)} figures compared with proofs/footprint.csv, {wrong} wrong")
    return wrong


def number(rows, *key):
    return f"{rows[key]:,}" if key in rows else "not measured"


def table(rows, figure, columns):
    """One row for each thing of that figure, in the order in which it was measured; a column a build."""
    things = list(dict.fromkeys(of for _, _, what, of in rows if what == figure))
    yield f"| {figure} | " + " | ".join(f"{target}, {level}" for target, level in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for of in things:
        values = [number(rows, target, level, figure, of) for target, level in columns]
        if any(value != "not measured" for value in values):
            yield f"| {of} | " + " | ".join(values) + " |"


# The tables of the doc, each with its figure and its builds.
M4, M0, RISCV, X86 = "thumbv7em", "thumbv6m", "riscv32imac", "x86_64"
TABLES = {
    "stack": ("stack", [(M4, "3"), (M4, "s"), (M4, "z"), (M4, "debug"), (M0, "s")]),
    "instructions": ("instructions", [(M4, "3"), (M4, "s"), (M4, "z"), (M0, "s")]),
    "text on Cortex-M": ("text", [(M4, "3"), (M4, "s"), (M4, "z"), (M4, "compact"), (M0, "s"), (M0, "z")]),
    "text elsewhere": ("text", [(RISCV, "3"), (RISCV, "s"), (RISCV, "z"), (X86, "3"), (X86, "s"), (X86, "z")]),
    "RAM": ("RAM", [(M4, "s"), (M0, "s")]),
}


def write(paths):
    rows = known()
    for path in paths:
        new = measured(path)
        builds = {key[:2] for key in new}
        rows = {key: value for key, value in rows.items() if key[:2] not in builds} | new
    with open(KNOWN, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        writer.writerows((*key, value) for key, value in rows.items())
    text = DOCS.read_text()
    for name, (figure, columns) in TABLES.items():
        body = "\n".join(table(rows, figure, columns))
        text, count = re.subn(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{body}\n{m[2]}", text, flags=re.S)
        assert count == 1, f"docs/footprint.md has no place for {name}"
    DOCS.write_text(text)
    return 0


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    sys.exit(bool(compare(*paths) if what == "compare" else write(paths)))
