# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs each `trace_` function of the image with 16 secrets: the addresses of its instructions and of its memory
accesses must be the same for all of them, and its answers right. The planted leaks must show.

Usage: trace.py IMAGE FOLDER
"""

import random
import sys

from image import DATA, Image

SECRET, RESULT = DATA, DATA + 0x100


def gf256(a, b):
    product = 0
    for bit in range(8):
        product ^= (a << bit) * (b >> bit & 1)
    for bit in range(14, 7, -1):
        product ^= (0x11B << bit - 8) * (product >> bit & 1)
    return product


def pairs(secret):
    return list(zip(secret[::2], secret[1::2]))


def words(values):
    return b"".join(value.to_bytes(2, "little") for value in values)


def evaluate(coefficients):
    return sum(c * 7**power for power, c in enumerate(coefficients)) % 257


def read(low, high):
    value = low | (high & 1) << 8
    return value if value < 257 else 0


ANSWERS = {
    "trace_ct_select": lambda s: b"".join(bytes([min(a, b), a == b]) for a, b in pairs(s)),
    "trace_ct_eq_bytes": lambda s: bytes([s[:16] == s[16:]]) * 32,
    "trace_gf257_evaluate": lambda s: words(evaluate(s[i : i + 4]) for i in range(0, 32, 4)),
    "trace_gf257_read": lambda s: words(read(a, b) for a, b in pairs(s)),
    "trace_gf256_sum": lambda s: bytes(gf256(0x57, s[i]) ^ gf256(0x83, s[i + 3]) for i in range(29)),
    "trace_gf256_products": lambda s: bytes(gf256(a, b) for a, b in pairs(s)),
    "planted_mask_multiply": lambda s: bytes(gf256(a, b) for a, b in pairs(s)),
    "planted_table_index": lambda s: bytes(b * b % 251 for b in s),
}


def secrets():
    """All zeros, all ones, equal halves, one bit, and twelve at random."""
    source = random.Random(257)
    half = source.randbytes(16)
    return [bytes(32), b"\xff" * 32, half + half, bytes(31) + b"\x80"] + [source.randbytes(32) for _ in range(12)]


def main(path, folder):
    image = Image(path)
    trace = image.record(folder)
    names = image.named("trace_") + image.named("planted_")
    assert set(names) == set(ANSWERS), f"functions and answers differ: {set(names) ^ set(ANSWERS)}"
    wrong = 0
    for name in names:
        seen = set()
        for secret in secrets():
            image.machine.mem_write(SECRET, secret)
            image.machine.mem_write(RESULT, bytes(32))
            trace.pc = trace.instructions = trace.address = trace.accesses = 0
            image.call(name, SECRET, RESULT)
            expected = ANSWERS[name](secret)
            got = bytes(image.machine.mem_read(RESULT, 32))
            assert got[: len(expected)] == expected, f"{name} gave a wrong answer"
            assert trace.instructions > 32 and trace.accesses >= 32, f"{name} was not recorded"
            seen.add((trace.pc, trace.instructions, trace.address, trace.accesses))
        planted = name.startswith("planted_")
        good = (len(seen) > 1) == planted
        wrong += not good
        print(f"{name:<26} {trace.instructions:>6} instructions {len(seen):>3} traces {'ok' if good else 'WRONG'}")
    print(f"figure: {len(image.named('trace_'))} functions, {len(secrets())} secrets, "
          f"{len(image.named('planted_'))} planted leaks, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
