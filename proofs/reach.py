# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks for ways from the `reach_` functions of a static library to its panic handler: every section of the object is a
node, every relocation an edge. A way that is found need not be one that a program can take; where none is found, there
is none. Edges that stand in other crates and cannot be taken are listed, each with the reason; through any other edge
there must be no way.

Usage: reach.py LIBRARY FOLDER
"""

import pathlib
import subprocess
import sys

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

PANIC = "panic_is_reachable"
# From every entry there must be no way to the panic handler but through these edges: a part of the name of the function
# that may panic, a part of the name of what it calls to do so, and why it is never taken.
KNOWN = [
    ("3aes8backends4soft", "panic_bounds_check", "the key schedule's offsets are constants of AES-256"),
    ("3aes8backends4soft", "slice_index_fail", "a block is 16 bytes of a batch of 32"),
    ("3cbc7decrypt", "slice_index_fail", "the batches of the cipher's own size"),
    ("cbc..decrypt", "slice_index_fail", "the same, where it is not inlined"),
    ("aes_gcm..AesGcm", "unwrap_failed", "a nonce and a tag of the lengths that their types have"),
    ("4hkdf20GenericHkdf", "unwrap_failed", "HMAC takes a key of any length"),
    ("13ed25519_dalek9verifying", "panic_bounds_check", "digits of a scalar index a table of as many points"),
    ("7ed255199VerifyKey8verifies", "panic_bounds_check", "the same, inlined into the one function that calls it"),
    ("3der", "len_mismatch_fail", "der reads a byte into an array of one byte"),
    ("der..reader", "len_mismatch_fail", "the same"),
    ("der..decode..Decode", "len_mismatch_fail", "the same"),
    ("4x5094read", "len_mismatch_fail", "the same, inlined into what reads a certificate"),
    ("13crypto_bigint7modular7safegcd", "", "the inversion of a public number, whose widths are constants"),
    ("13crypto_bigint4uint3mul9karatsuba", "panic_bounds_check", "the same"),
    ("12hybrid_array4iter", "", "an array is collected from as many items as it has"),
    ("ml_kem..algebra", "panic_fmt", "the same, inlined"),
    ("6ml_kem7algebra", "panic_bounds_check", "the place is compared with the length before"),
    ("6ml_kem3pke", "len_mismatch_fail", "parts of a ciphertext, whose lengths are constants"),
    ("14module_lattice8encoding", "len_mismatch_fail", "pieces of a polynomial, whose lengths are constants"),
    ("13crypto_bigint4uint8encoding", "", "a field element has as many bytes as its limbs"),
    ("14elliptic_curve10secret_key", "panic_fmt", "the same, inlined"),
    ("primeorder..affine..AffinePoint", "panic_bounds_check", "the same, inlined"),
    ("4sec15point24EncodedPoint", "unwrap_failed", "the first byte of a point is looked at when it is read"),
    ("10public_key18PublicKey", "unwrap_failed", "the same, inlined"),
    ("3kem4hpke6expand", "unwrap_failed", "HKDF takes a key of a hash's length"),
    ("12x25519_dalek6x25519", "panic_bounds_check", "bits of a scalar, in as many bytes"),
    ("core..iter..adapters..rev..Rev", "panic_bounds_check", "the same, where the bits are counted down"),
    ("12SealedDomain9is_signed", "panic_bounds_check", "the digits of a scalar, inlined"),
    ("15security_domain4aead", "unwrap_failed", "a nonce and a tag of the lengths that their types have, inlined"),
    ("9panicking13assert_failed", "9panicking19assert_failed_inner", "the same: the widths agree"),
]
# What a panic that never is would print.
PRINTED = "sec1..error..Error$u20$as$u20$core..fmt..Debug"
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


def without_known(edges, names):
    """The edges but for those that are known, and which of those there were."""
    used, rest = set(), {}
    for node, others in edges.items():
        here = str(names.get(node, node))
        candidates = [entry for entry in KNOWN if entry[0] in here]
        rest[node] = set()
        for other in others:
            there = str(names.get(other, other))
            if PRINTED in there:
                continue
            match = next((entry for entry in candidates if panics(there) and entry[1] in there), None)
            used.add(match) if match else rest[node].add(other)
    return rest, used


def panics(name):
    """Whether this is a function of `core` that only panics."""
    return any(part in name for part in ("9panicking", "_fail", "unwrap_failed", "expect_failed", "4cell22panic_already", "4cell30panic_already"))


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
    found, used = {}, set()
    for path in sorted(folder.glob("*.o")):
        edges, entries, names = graph(path)
        if not any(name.startswith("reach_") for name in entries):
            continue
        edges, known = without_known(edges, names)
        used |= known
        for name in entries:
            if name.startswith("reach_"):
                found[name] = [names.get(step, step) for step in way(edges, entries[name], PANIC)]
    assert PLANTED in found and len(found) > 8, f"not in the library, or too few entries: {sorted(found)}"
    wrong = 0
    for name, steps in sorted(found.items()):
        good = bool(steps) == (name == PLANTED)
        wrong += not good
        print(f"{name:<30} {'panic: ' + ' > '.join(map(str, steps[1:-1])) if steps else 'no panic'}{'' if good else ' WRONG'}")
    for caller, panic, reason in sorted(used):
        print(f"passed over: {caller} > {panic or 'any'}: {reason}")
    free = sum(not steps for steps in found.values())
    print(f"figure: no panic symbol from {free} entries, but for {len(used)} kinds of edges that are listed")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
