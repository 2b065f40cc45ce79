# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks for secrets in the memory of the image after each of its `residue_` functions: eight bytes that follow each other,
of a root, of what is derived from it, or of a private key. On the stack there must be none; in static memory none that was
not there before. A planted copy must be found.

Usage: residue.py IMAGE
"""

import hashlib
import hmac
import json
import pathlib
import sys

from image import DATA, STACK_SIZE, STACK_TOP, Image
from trace import xorshift

VECTORS = pathlib.Path(__file__).parent.parent / "tests/vectors/sealed-domain"
WINDOW = 8
PAINT = 0xA5
ROOT = bytes(range(0x61, 0x81))
# A backup is opened after it was sealed.
SEALS = ["residue_backup_seal", "residue_life_backup"]
ORDER = [SEALS[0], "residue_backup_open", SEALS[1], "residue_life_restore"]


def framed(*parts):
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def derived(root, *parts):
    """X(root, label, parts..): HKDF-SHA-256, one block."""
    extracted = hmac.digest(bytes(32), root, "sha256")
    return hmac.digest(extracted, framed(*parts) + b"\1", "sha256")


def integers(der):
    """The integers of a PKCS#8 key, from d on, as the words of this machine have them."""
    start = der.index(b"\x30\x82", 4 + 2) + 4
    found, place = [], start
    while place < len(der) and der[place] == 2:
        length, place = der[place + 1], place + 2
        if length & 0x80:
            octets = length & 0x7F
            length, place = int.from_bytes(der[place : place + octets], "big"), place + octets
        found.append(int.from_bytes(der[place : place + length], "big"))
        place += length
    assert len(found) == 9, "not a key"
    return [number.to_bytes(-(-number.bit_length() // 32) * 4, "little") for number in found[3:]]


def secrets():
    known = json.loads((VECTORS / "known-answer.json").read_text())
    opened = bytes.fromhex(known["root"])
    named = {"root": ROOT, "opened root": opened}
    named |= {f"artifact {tag}": bytes.fromhex(value) for tag, value in known["artifacts"]}
    for name in ("root", "opened root"):
        seed = derived(named[name], b"security-domain/v1 domain key")
        named |= {f"signing seed of {name}": seed, f"nonce key of {name}": hashlib.sha512(seed).digest()[32:]}
    for name, number in zip(("d", "p", "q", "dp", "dq", "qinv"), integers((VECTORS / "keys/c.p8").read_bytes())):
        named |= {name: number, f"{name}, big-endian": number[::-1]}
    return named


def secrets_of_kinds():
    """What the image of the other kinds of keys draws and wraps, and what a recovery opens. What its HSM draws is mixed
    with what it draws at the start, and not known here."""
    artifact = bytes(0x3C ^ place for place in range(256))
    return {"message": bytes(0xB0 ^ place for place in range(65)), "seed": bytes(xorshift(21, 64)), "artifact": artifact}


def found(memory, windows):
    places = {}
    for place in range(len(memory) - WINDOW + 1):
        name = windows.get(memory[place : place + WINDOW])
        if name:
            places[place] = name
    return places


def main(path):
    image = Image(path)
    machine = image.machine
    names = [name for name in ORDER if name in image.symbols]
    names += [name for name in image.named("residue_") if name not in ORDER]
    if "prepare_residue" in image.symbols:
        machine.mem_write(DATA, ROOT)
        assert image.call("prepare_residue", DATA) == 1, "nothing was prepared"
        named = secrets()
        machine.mem_write(DATA, bytes(0x1000))
    else:
        # Each draws its key, which is in static memory from then on.
        assert all(image.call(name) == 1 for name in names), "nothing was prepared"
        named = secrets_of_kinds()

    def windows():
        return {
            value[place : place + WINDOW]: name
            for name, value in named.items()
            for place in range(len(value) - WINDOW + 1)
            # A run of one byte is nobody's secret.
            if len(set(value[place : place + WINDOW])) > 1
        }

    # Static memory that can be written; constants hold a private key in its encoding.
    stack = (STACK_TOP - STACK_SIZE, STACK_TOP)
    ram = [(start, end + 1) for start, end, _ in machine.mem_regions() if start not in (stack[0], DATA)]

    def statics():
        return {start: found(bytes(machine.mem_read(start, end - start)), windows()) for start, end in ram}

    wrong = 0
    for name in names:
        before = statics()
        machine.mem_write(stack[0], bytes([PAINT]) * STACK_SIZE)
        assert image.call(name) == 1, f"{name} did not work"
        dead = bytes(machine.mem_read(stack[0], STACK_SIZE))
        if name in SEALS:
            # Its key follows from its front, which is public from now on.
            assert image.call("prepare_residue_front", DATA) == 1
            front = bytes(machine.mem_read(DATA, 512))
            front = front[: 12 + int.from_bytes(front[8:12], "big")]
            machine.mem_write(DATA, bytes(0x1000))
            digest = hashlib.sha256(framed(b"security-domain/v1 backup header", front)).digest()
            named[f"key of {name}"] = derived(ROOT, b"security-domain/v1 backup", digest)
        left = found(dead, windows())
        after = statics()
        fresh = {value for start in after for place, value in after[start].items() if place not in before[start]}
        planted = name == "residue_planted"
        good = bool(left) == planted and not fresh
        wrong += not good
        depth = [STACK_SIZE - place for place in left]
        where = f"{', '.join(sorted(set(left.values())))} {min(depth)} to {max(depth)} down" if left else "nothing"
        print(f"{name:<22} on the stack: {where}; elsewhere: {', '.join(sorted(fresh)) or 'nothing'}{'' if good else ' WRONG'}")
    print(f"figure: residue of {len(named)} secrets after {len(names) - 1} operations, one planted, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
