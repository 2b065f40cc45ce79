# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures the stack of each `stack_` function of the image: the stack is painted, the function run, and the deepest
byte that changed is looked up. Fails where a bound is exceeded.

Usage: stack.py IMAGE
"""

import sys

from image import STACK_SIZE, STACK_TOP, Image

KIB = 1024
PAINT = 0xA5
BOUNDS = {"stack_rsa_unwrap": 12 * KIB, "stack_rsa_unwrap_in_steps": 4 * KIB}
# Calls in order, each with the argument and the bound in bytes; docs/constant-time.md has the reasons for none of them.
CALLS = [
    (f"{what} {bits}", function, size, BOUNDS.get(function))
    for size, bits in enumerate((2048, 3072, 4096))
    for what, function in (("rsa import", "stack_rsa_import"), ("rsa wrap", "stack_rsa_wrap"), ("rsa unwrap", "stack_rsa_unwrap"), ("rsa unwrap in steps", "stack_rsa_unwrap_in_steps"), ("rsa export", "stack_rsa_export"))
] + [
    ("split 32 bytes, 3 of 5", "stack_split_32", 0, None),
    ("combine 32 bytes, 3 of 5", "stack_combine_32", 0, 2 * KIB),
    ("correct 126 of 255 shares", "stack_correct", 0, 10 * KIB),
    ("domain: parse", "stack_domain_parse", 0, 12 * KIB),
    ("domain: unwrap, RSA-2048", "stack_domain_unwrap", 0, None),
    ("domain: unwrap, RSA-2048", "stack_domain_unwrap", 1, None),
    ("domain: open", "stack_domain_open", 0, 8 * KIB),
    (None, "prepare_life", 0, None),
    ("HSM: provision", "stack_life_provision", 0, 20 * KIB),
    ("HSM: activate", "stack_life_activate", 0, 20 * KIB),
    ("HSM: zeroize", "stack_life_zeroize", 0, 20 * KIB),
    ("HSM: begin recovery", "stack_life_begin_recovery", 0, 20 * KIB),
    (None, "prepare_life_answer", 0, None),
    ("HSM: take a contribution", "stack_life_contribute", 0, 20 * KIB),
    (None, "prepare_life_answer", 1, None),
    ("HSM: take a contribution", "stack_life_contribute", 0, 20 * KIB),
    ("HSM: open the domain", "stack_life_open", 0, 20 * KIB),
    ("HSM: zeroize", "stack_life_zeroize", 0, 20 * KIB),
    ("HSM: begin import 2048", "stack_life_begin_import", 0, 20 * KIB),
    ("HSM: start while importing", "stack_life_importing", 0, 20 * KIB),
    ("HSM: zeroize", "stack_life_zeroize", 0, 20 * KIB),
    ("HSM: begin import 4096", "stack_life_begin_import", 2, 28 * KIB),
    ("HSM: start while importing", "stack_life_importing", 0, 20 * KIB),
]


def main(path):
    image = Image(path)
    measured = {function for what, function, _, _ in CALLS if what}
    assert measured == set(image.named("stack_")), "functions and calls differ"
    wrong = 0
    for what, function, argument, bound in CALLS:
        image.machine.mem_write(STACK_TOP - STACK_SIZE, bytes([PAINT]) * STACK_SIZE)
        assert image.call(function, argument) == 1, f"{what or function} did not work"
        if not what:
            continue
        stack = image.machine.mem_read(STACK_TOP - STACK_SIZE, STACK_SIZE)
        used = len(bytes(stack).lstrip(bytes([PAINT])))
        assert used < STACK_SIZE, f"{what} left the stack"
        good = bound is None or used <= bound
        wrong += not good
        print(f"figure: {what:<26} {used:>6} bytes" + (f" of {bound}" if bound else "") + ("" if good else " TOO MUCH"))
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
