# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks at where the `memory_` statics of the image begin: as zeros, which take no room in the flash, and how large they are.
The planted one must be found to take some.

Usage: memory.py IMAGE FIGURES     FIGURES: a file for footprint.py
"""

import sys

from elftools.elf.elffile import ELFFile

from footprint import note

# The most bytes of RAM that each may take.
BOUNDS = {"memory_vault": 12 * 1024}


def main(path, figures):
    wrong = 0
    with open(path, "rb") as file:
        elf = ELFFile(file)
        statics = {s.name: s for s in elf.get_section_by_name(".symtab").iter_symbols() if s["st_info"]["type"] == "STT_OBJECT"}
        named = sorted(name for name in statics if name.startswith("memory_"))
        assert named and "planted_memory" in statics, "the image has no such static"
        for name in named + ["planted_memory"]:
            section = elf.get_section(statics[name]["st_shndx"])
            zeros = section["sh_type"] == "SHT_NOBITS"
            wrong += zeros != name.startswith("memory_")
            wrong += name in BOUNDS and statics[name]["st_size"] > BOUNDS[name]
            place = "zeros, none in the flash" if zeros else f"{section.name}, all of it in the flash"
            size = statics[name]["st_size"]
            if name.startswith("memory_"):
                note(figures, "RAM", name.removeprefix("memory_"), size)
                print(f"figure: {name.removeprefix('memory_'):<26} {size:>6} bytes: {place}" + ("" if zeros else " WRONG"))
            elif zeros:
                print("the planted static was taken for zeros")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
