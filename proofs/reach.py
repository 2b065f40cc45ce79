# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks for ways from the `reach_` functions of a static library to its panic handler: every section of the object is a
node, every relocation an edge. A way that is found need not be one that a program can take; where none is found, there
is none.

Usage: reach.py LIBRARY FOLDER
"""

import pathlib
import subprocess
import sys

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

PANIC = "panic_is_reachable"
# From these there must be no way to the panic handler; the planted one must have one; for the others it is reported.
FREE = set(
    "reach_ct reach_secret reach_gf256 reach_gf257 reach_kdf reach_shamir_split reach_shamir_combine reach_shamir_correct"
    " reach_shamir_encoded reach_shamir_renew".split()
)
PLANTED = "reach_planted"


def graph(path):
    """The edges of an object, its named entry points, and a name for each node."""
    with open(path, "rb") as file:
        elf = ELFFile(file)
        symbols = elf.get_section_by_name(".symtab")
        names = {index: section.name for index, section in enumerate(elf.iter_sections())}
        entries = {}

        def node(symbol):
            section = symbol["st_shndx"]
            return section if isinstance(section, int) else symbol.name

        for symbol in symbols.iter_symbols():
            if symbol["st_info"]["type"] == "STT_FUNC":
                names[node(symbol)] = symbol.name
                entries[symbol.name] = node(symbol)
        edges = {}
        for section in elf.iter_sections():
            if isinstance(section, RelocationSection):
                targets = edges.setdefault(section["sh_info"], set())
                targets.update(node(symbols.get_symbol(r["r_info_sym"])) for r in section.iter_relocations())
    return edges, entries, names


def way(edges, start, goal):
    """A shortest way, or nothing."""
    came, front = {start: None}, [start]
    while front and goal not in came:
        reached = []
        for node in front:
            for other in edges.get(node, ()):
                if other not in came:
                    came[other] = node
                    reached.append(other)
        front = reached
    steps = []
    node = goal if goal in came else None
    while node is not None:
        steps.append(node)
        node = came[node]
    return steps[::-1]


def main(library, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.o"):
        old.unlink()
    subprocess.run(["ar", "x", pathlib.Path(library).resolve()], cwd=folder, check=True)
    found = {}
    for path in sorted(folder.glob("*.o")):
        edges, entries, names = graph(path)
        for name in entries:
            if name.startswith("reach_"):
                found[name] = [names.get(step, step) for step in way(edges, entries[name], PANIC)]
    assert FREE | {PLANTED} <= set(found), f"not in the library: {(FREE | {PLANTED}) - set(found)}"
    wrong = 0
    for name, steps in sorted(found.items()):
        good = bool(steps) if name == PLANTED else not (name in FREE and steps)
        wrong += not good
        print(f"{name:<22} {'panic: ' + ' > '.join(map(str, steps[1:-1])) if steps else 'no panic'}{'' if good else ' WRONG'}")
    free = sorted(name.removeprefix("reach_") for name, steps in found.items() if not steps)
    print(f"figure: no panic symbol from {', '.join(free)}")
    rest = sorted(name.removeprefix("reach_") for name, steps in found.items() if steps and name != PLANTED)
    print(f"figure: a way is linked, if not taken, from {', '.join(rest) or 'nothing'}")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
