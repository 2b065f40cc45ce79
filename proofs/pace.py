# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counts the instructions of RSA operations and of each step of a domain's life, and the most of them between two signs of
life, where firmware feeds its watchdog. Fails where one is silent for longer than its bound.

Usage: pace.py IMAGE TOOLS_FOLDER
"""

import bisect
import ctypes
import sys

import unicorn

from image import Image
from stack import CALLS, KIB

# An operation of RSA is silent for less than this, whatever the size of the key. A step of a life is silent as long
# as a sealed domain is read back and its signature checked; docs/footprint.md says more.
RSA = 400_000
STEP = 8_000_000


class Pace(ctypes.Structure):
    """What the hooks in hooks.c write."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("instructions", "since", "longest", "limit", "passed", "longest_passed")]


def calls():
    """All but the last import, whose key of 4096 bits takes ten thousand million instructions and is made like the one of
    2048, and what depends on it."""
    last = CALLS.index(("HSM: begin import 4096", "stack_life_begin_import", 2, 28 * KIB))
    return [call[:3] for call in CALLS[:last] if "life" in call[1] or "rsa" in call[1]]


def main(path, folder):
    image = Image(path)
    image.native(folder)
    pace = Pace(limit=RSA)
    image.hook(unicorn.UC_HOOK_BLOCK, "on_block", pace)
    image.hook(unicorn.UC_HOOK_CODE, "on_sign", pace, image.symbols["sign_of_life"])
    places = sorted((address & ~1, name) for name, address in image.symbols.items())
    wrong = 0
    for what, function, argument in [("rsa generate 2048", "pace_rsa_generate", 7), ("rsa generate 2048, in steps", "pace_rsa_generate_in_steps", 7)] + calls():
        pace.instructions = pace.since = pace.longest = pace.longest_passed = 0
        assert image.call(function, argument) == 1, f"{what or function} did not work"
        if not what:
            continue
        longest, at = max((pace.longest, pace.longest_passed), (pace.since, pace.passed))
        # Keys are read and written without a generator, so that there is nobody to tell.
        bound = STEP if "life" in function else None if function.endswith(("import", "export")) else RSA
        good = bound is None or longest <= bound
        wrong += not good
        place = "" if good else "TOO MUCH: " + places[bisect.bisect(places, (at, "~")) - 1][1]
        print(f"figure: {what:<26} {pace.instructions:>13,} instructions, silent for {longest:>9,} {place}")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
