# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counts the instructions of RSA's private operation on a Cortex-M4 beside those of other libraries. Fails where this crate
needs more than its aim, as a share of theirs.

This crate's includes blinding, the check against faults, and OAEP; mbed TLS's blinding and check, once the blinding is made;
BearSSL's none of these.

Usage: peers.py IMAGE TOOLS_FOLDER (FLAG IMAGE_OF_PEERS)...
"""

import sys

import unicorn

from image import Image
from pace import Pace

SIZES = (2048, 3072, 4096)
# The peer, its entry, what is called before, and the aim.
PEERS = [
    ("BearSSL i31", "peers_bearssl_i31", None, 0.6),
    ("BearSSL i15", "peers_bearssl_i15", None, None),
    ("mbed TLS", "peers_mbedtls", "prepare_mbedtls", 1.0),
]


class Counter:
    def __init__(self, path, folder):
        self.image = Image(path)
        self.image.native(folder)
        self.pace = Pace(limit=1 << 63)
        self.image.hook(unicorn.UC_HOOK_BLOCK, "on_block", self.pace)

    def __call__(self, function, argument):
        self.pace.instructions = 0
        assert self.image.call(function, argument) == 1, f"{function} did not work"
        return self.pace.instructions


def main(path, folder, *others):
    count, ours, wrong = Counter(path, folder), [], 0
    for size, bits in enumerate(SIZES):
        count("stack_rsa_import", size)
        count("stack_rsa_wrap", size)
        ours.append(count("stack_rsa_unwrap", size))
        print(f"figure: private operation, {bits} bits, security-domain:  {ours[-1]:>13,} instructions")
    for flag, other in zip(others[::2], others[1::2]):
        count = Counter(other, folder)
        for size, bits in enumerate(SIZES):
            for peer, function, before, aim in PEERS:
                if before:
                    count(before, size)
                theirs = count(function, size)
                ratio = ours[size] / theirs
                good = aim is None or ratio <= aim
                wrong += not good
                print(f"figure: private operation, {bits} bits, {peer + ' ' + flag}: {theirs:>13,} instructions, ratio {ratio:.2f}"
                      + (f", aim {aim}" if aim else "") + ("" if good else " MISSED"), flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
