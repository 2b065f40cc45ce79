# SPDX-License-Identifier: MIT OR Apache-2.0
"""A private key on paper, read from the documents alone: the checksum of BIP-93 in a few lines, and the words by the
package `mnemonic`."""

import base64
from pathlib import Path

from mnemonic import Mnemonic

VECTORS = Path(__file__).resolve().parents[2] / "tests/vectors/paper"
ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATOR = [0x19DC500CE73FDE210, 0x1BFAE00DEF77FE529, 0x1FBD920FFFE7BEE52, 0x1739640BDEEE3FDAD, 0x07729A039CFC75F5A]
TARGET = 0x10CE0795C2FD1E62A


def polymod(symbols: list) -> int:
    """BIP-93, from the beginning that BIP-173 has."""
    residue = 1
    for symbol in symbols:
        top = residue >> 60
        residue = (residue & 0x0FFFFFFFFFFFFFFF) << 5 ^ symbol
        for bit in range(5):
            residue ^= GENERATOR[bit] if top >> bit & 1 else 0
    return residue


def read(text: str) -> tuple:
    """The kind, the front of the custodian's id, and the seed."""
    prefix, data = text.split("1")
    assert prefix == "sdkey" and len(data) == 1 + 8 + 52 + 13
    symbols = [ALPHABET.index(character) for character in data]
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    assert polymod(expanded + symbols) == TARGET, "checksum"
    bits = "".join(f"{symbol:05b}" for symbol in symbols[1:-13])
    assert bits[40 + 256 :] == "0000"
    return data[0], int(bits[:40], 2).to_bytes(5, "big"), int(bits[40 : 40 + 256], 2).to_bytes(32, "big")


sheet = (VECTORS / "x-wing.txt").read_text()
head, identity, rows, _, words, _ = sheet.split("\n\n")
kind, front, seed = read("".join(rows.split()))
pem = (VECTORS / "x-wing.key").read_text().splitlines()
key = base64.b64decode("".join(pem[1:-1]))
assert "X-Wing" in head and kind == "x"
assert identity.split()[1].startswith(front.hex())
assert key.endswith(b"\x04\x20" + seed)
words = " ".join(word for word in words.split() if word.isalpha())
assert bytes(Mnemonic("english").to_entropy(words)) == seed
for place in range(6, 80):
    text = "".join(rows.split())
    other = "q" if text[place] != "q" else "p"
    try:
        read(text[:place] + other + text[place + 1 :])
    except AssertionError:
        continue
    raise SystemExit(f"a change at {place} is not noticed")
print("figure: 1 sheet of paper read by Python, and 74 changes noticed")
