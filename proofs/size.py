# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures the text, read-only data included, of what a firmware links: the library is linked with the entries of one use at a
time, and the linker leaves out what nothing reaches. Fails where a bound is exceeded.

Usage: size.py LIBRARY LINKER LEVEL FIGURES     LEVEL: 3, s, z or compact; FIGURES: a file for footprint.py
"""

import pathlib
import subprocess
import sys
import tempfile

from elftools.elf.elffile import ELFFile

from footprint import KINDS, note

LIFE = ["provision", "activate", "zeroize", "begin_recovery", "contribute", "open"]
AZURE = ["restore_open", "domain_file", "domain_write", "key_backup", "transfer_key"]
SEALED = ["stack_domain_parse", "stack_domain_unwrap", "stack_domain_open"]
WHOLE = [f"stack_life_{step}" for step in LIFE]
# What is used, its entries, and the most bytes with opt-level s.
CUTS = [
    ("sharing", ["stack_split_32", "stack_combine_32"], 12_000),
    ("opening a sealed domain with RSA", SEALED, 125_000),
    # Devices for the device key and the transfer key, and faster RSA, took it past 260,000.
    # Reading a rotation at each start took it past 268,000, an open act and demands past 272,000.
    ("the whole life", WHOLE, 276_000),
    ("the whole life and Azure files", WHOLE + ["stack_life_begin_import", "stack_life_importing"]
     + [f"reach_managed_{name}" for name in AZURE], 372_000),
]

# The same of the image of the other kinds of keys.
CUTS_OF_KINDS = [
    (f"{name} alone", [f"stack_{operation}_{kind}" for operation in ("generate", "publish", "wrap", "unwrap")], None)
    for kind, name in KINDS.items()
] + [("opening a sealed domain with X-Wing", ["reach_open_with_x_wing"], None)]


def text(library, linker, entries, folder):
    image = pathlib.Path(folder) / "cut.elf"
    roots = [argument for entry in entries for argument in ("-u", entry)]
    # What a system's library has, and a firmware does not.
    system = ["--unresolved-symbols=ignore-all"] if "linux" in library else []
    subprocess.run(
        [linker, "-flavor", "gnu", "--gc-sections", *system, *roots, library, "-o", image, "-Ttext=0x08000000", f"--entry={entries[0]}",
         "--defsym=panic_is_reachable=0xdead0000"],
        check=True,
    )
    with open(image, "rb") as file:
        sections = list(ELFFile(file).iter_sections())
    # What is loaded and not written to, but for what unwinds.
    loaded = (section for section in sections if section["sh_flags"] & 3 == 2 and section["sh_type"] == "SHT_PROGBITS")
    return sum(section["sh_size"] for section in loaded if not section.name.startswith(".eh_frame"))


def main(library, linker, level, figures):
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for what, entries, bound in CUTS_OF_KINDS if "kinds" in library else CUTS:
            size = text(library, linker, entries, folder)
            bounded = bound and level == "s" and "thumbv7em" in library
            note(figures, "text", what, size)
            good = not bounded or size <= bound
            wrong += not good
            print(f"figure: text: {what:<34} {size:>7} bytes" + (f" of {bound}" if bounded else "") + ("" if good else " TOO MUCH"))
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
