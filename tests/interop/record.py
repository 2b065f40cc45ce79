# SPDX-License-Identifier: MIT OR Apache-2.0
"""The state at rest as docs/format.md has it, read and written without the crate.

A flash is one file here: the counter in 8 bytes, then each slot with its length in 4 bytes before it,
all big-endian. Usage, from the root of the repository:

    record.py check          read what the crate wrote, write all vectors again and compare
    record.py vectors        write the vectors
    record.py show FILE      what a start makes of a flash
"""

import json
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealed_domain import X, drawn

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "record"
DEVICE_KEY = b"\x4d" * 32
INSTANCE = b"an hsm's 16 byte"


def key(device_key, salt, number, instance):
    return X(device_key, salt, "record", struct.pack(">Q", number), instance)


# Reading.
def open_record(record, device_key):
    """Number, instance and contents, or what is wrong."""
    if not record:
        return "blank"
    if record[0] != 1:
        return f"record version {record[0]} is unknown"
    if len(record) < 73:
        return "damaged"
    instance, (number,), salt = record[1:17], struct.unpack(">Q", record[17:25]), record[25:57]
    try:
        contents = AESGCM(key(device_key, salt, number, instance)).decrypt(bytes(12), record[57:], None)
    except InvalidTag:
        return "damaged"
    return number, instance, contents


def start(flash, device_key=DEVICE_KEY):
    """What a start takes from a flash; a refusal is raised with the crate's words."""
    counter, slots = flash
    opened = [open_record(slot, device_key) for slot in slots]
    states = [held for held in opened if isinstance(held, tuple)]
    for number in (counter + 1, counter):
        for held in states:
            if held[0] == number:
                return held
    if counter == 0 and opened[1] == "blank" and all(held[0] <= 2 for held in states):
        return 0, bytes(16), b""
    if states:
        have = max(held[0] for held in states)
        if have < counter:
            raise ValueError(f"the newest record, {have}, is older than the counter, {counter}")
        raise ValueError(f"the newest record, {have}, is ahead of the counter, {counter}")
    for held in opened:
        if held.startswith("record version"):
            raise ValueError(held)
    if opened == ["blank", "blank"]:
        raise ValueError(f"there is no record, though the counter is at {counter}")
    raise ValueError("no record opens")


def parse(data):
    (counter,), slots, rest = struct.unpack(">Q", data[:8]), [], data[8:]
    for _ in "AB":
        (length,) = struct.unpack(">I", rest[:4])
        slots.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    assert not rest
    return counter, slots


# Writing.
def record(name, number, contents, instance=INSTANCE, device_key=DEVICE_KEY):
    salt = drawn(name, f"salt {number}")
    sealed = AESGCM(key(device_key, salt, number, instance)).encrypt(bytes(12), contents, None)
    return b"\x01" + instance + struct.pack(">Q", number) + salt + sealed


def flash(counter, a, b):
    slots = (struct.pack(">I", len(slot)) + slot for slot in (a, b))
    return struct.pack(">Q", counter) + b"".join(slots)


def vectors():
    """Name -> (flash, what the crate says, contents)."""
    cases = {}

    def case(name, counter, a, b, says="", contents=b""):
        cases[name] = (flash(counter, a, b), says, contents)

    def change(data, place, by=1):
        return data[:place] + bytes([data[place] ^ by]) + data[place + 1 :]

    old, present = (record("record", number, f"state {number}".encode()) for number in (8, 9))
    after, later = (record("record", number, f"state {number}".encode()) for number in (10, 11))
    case("good", 9, present, present, contents=b"state 9")
    case("good-other-slot-older", 9, old, present, contents=b"state 9")
    case("good-other-slot-blank", 9, present, b"", contents=b"state 9")
    case("good-other-slot-torn", 9, present, after[:40] + b"\xff" * 20, contents=b"state 9")
    case("good-not-yet-counted", 9, present, after, contents=b"state 10")
    case("good-start-not-yet-counted", 9, present, later, contents=b"state 9")
    case("good-longest-number", 2**64 - 4, record("record", 2**64 - 4, b"x"), b"", contents=b"x")
    case("good-empty", 9, record("record", 9, b""), b"")
    case("good-of-nobody", 9, record("record", 9, b"", bytes(16)), b"")
    case("good-blank", 0, b"", b"")
    case("good-first-start-torn", 0, present[:30], b"")
    case("good-first-start-not-yet-counted", 0, record("record", 2, b"", bytes(16)), b"")

    rolled_back = "the newest record, 8, is older than the counter, 9"
    case("rolled-back", 9, old, old, rolled_back)
    case("rolled-back-newer-slot-blank", 9, old, b"", rolled_back)
    case("rolled-back-newer-slot-changed", 9, change(present, 60), old, rolled_back)
    case("rolled-back-newer-slot-of-a-later-version", 9, change(present, 0, 3), old, rolled_back)
    case("rolled-back-by-two-old-slots", 9, record("record", 7, b"state 7"), old, rolled_back)
    case("rolled-back-far", 2**64 - 1, present, present,
         "the newest record, 9, is older than the counter, 18446744073709551615")
    ahead = "the newest record, 11, is ahead of the counter, 9"
    case("ahead-of-the-counter", 9, later, later, ahead)
    case("ahead-of-the-counter-present-slot-changed", 9, change(present, 60), later, ahead)
    case("counter-set-back-to-0", 0, later, later, "the newest record, 11, is ahead of the counter, 0")
    case("counter-set-back-to-0-one-slot", 0, later, b"", "the newest record, 11, is ahead of the counter, 0")
    case("both-slots-hidden", 9, b"", b"", "there is no record, though the counter is at 9")
    damaged = "no record opens"
    for field, place in (("instance", 1), ("number", 24), ("salt", 25), ("ciphertext", 57), ("tag", len(present) - 1)):
        bad = change(present, place)
        case(f"{field}-changed", 9, bad, bad, damaged)
    case("version-2", 9, change(present, 0, 3), change(present, 0, 3), "record version 2 is unknown")
    case("one-byte-short", 9, present[:-1], present[:-1], damaged)
    case("one-byte-more", 9, present + b"\0", b"", damaged)
    case("shorter-than-any-record", 9, present[:72], b"", damaged)
    case("number-of-another-record", 9, old[:17] + present[17:25] + old[25:], b"", damaged)
    case("instance-of-another-hsm", 9, present[:1] + bytes(16) + present[17:], b"", damaged)
    case("another-device-key", 9, record("record", 9, b"state 9", device_key=b"\x4e" * 32), b"", damaged)
    case("first-start-with-both-slots-torn", 0, present[:30], present[:30], damaged)
    return cases


def manifest(cases):
    rows = [{"file": name, "says": says, "contents": contents.hex()}
            for name, (_, says, contents) in cases.items()]
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def check():
    known = json.loads((VECTORS / "known-answer.json").read_text())
    data = (VECTORS / "known-answer.flash").read_bytes()
    number, instance, contents = start(parse(data))
    assert (number, instance.hex(), contents.hex()) == (known["number"], known["instance"], known["contents"])
    salt = parse(data)[1][0][25:57]
    drawn_salt = X(bytes.fromhex(known["drawn"]) + DEVICE_KEY, b"", "record salt", struct.pack(">Q", number), instance,
                   contents)
    assert salt == drawn_salt
    print("the known answer opens, and its salt is derived as the document says")
    cases = vectors()
    for name, (data, says, contents) in cases.items():
        assert (VECTORS / f"{name}.flash").read_bytes() == data, name
        try:
            found = start(parse(data))[2]
        except ValueError as refused:
            assert str(refused) == says, name
        else:
            assert (says, contents) == ("", found), name
    assert (VECTORS / "cases.json").read_text() == manifest(cases)
    print(f"{len(cases)} vectors are the same as written here")


def main(verb, *paths):
    if verb == "check":
        check()
    elif verb == "vectors":
        VECTORS.mkdir(exist_ok=True)
        cases = vectors()
        for name, (data, _, _) in cases.items():
            (VECTORS / f"{name}.flash").write_bytes(data)
        (VECTORS / "cases.json").write_text(manifest(cases))
    elif verb == "show":
        for path in paths:
            print(start(parse(Path(path).read_bytes())))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["help"]))
