# SPDX-License-Identifier: MIT OR Apache-2.0
"""Backups as docs/format.md has them, read and written without the crate.

Usage, from the root of the repository:

    backup.py check          read what the crate wrote, write all vectors again and compare
    backup.py vectors        write the vectors
    backup.py show FILE      the header of a file
"""

import hashlib
import json
import struct
import sys
import unicodedata
from pathlib import Path

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealed_domain import D, X, domain_seed, drawn, verify_key

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "backup"
CHUNK = 65536
FIELDS = ["version", "suite", "domain_id", "epoch", "backup_id", "instance", "ledger_head", "kind", "name",
          "created", "length"]


def domain_id(root):
    return D("domain id", b"\x01", verify_key(domain_seed(root)), bytes(32))


def nonce(number, last):
    return bytes(7) + struct.pack(">IB", number, last)


def plaintext(length):
    """What the known answer backs up: 16-bit numbers, counted."""
    return b"".join(struct.pack(">H", i % 65536) for i in range((length + 1) // 2))[:length]


# Reading.
MISLEADS = {0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}


def read_header(data):
    def need(condition, what):
        if not condition:
            raise ValueError(what)

    def is_bytes(field, length):
        return isinstance(header[field], bytes) and len(header[field]) == length

    def is_uint(field, limit):
        return type(header[field]) is int and 0 <= header[field] <= limit

    need(len(data) >= 12 and data[:8] == b"sdbackup", "magic")
    (length,) = struct.unpack(">I", data[8:12])
    encoded = data[12 : 12 + length]
    need(len(encoded) == length, "header")
    try:
        header = cbor2.loads(encoded)
    except (cbor2.CBORDecodeError, EOFError) as error:
        raise ValueError("no CBOR") from error
    need(cbor2.dumps(header, canonical=True) == encoded, "encoding")
    need(isinstance(header, list), "header")
    header = dict(zip(FIELDS, header, strict=True))
    need((header["version"], header["suite"]) == (1, 1), "version or suite")
    for field, size in (("domain_id", 32), ("backup_id", 32), ("instance", 16), ("ledger_head", 32)):
        need(is_bytes(field, size), field)
    for field, limit in (("epoch", 2**32 - 1), ("created", 2**64 - 1), ("length", 2**48)):
        need(is_uint(field, limit), field)
    name = header["name"]
    need(header["kind"] in (1, 2) and isinstance(name, str), "kind or name")
    need((name or header["kind"] == 1) and len(name.encode()) <= 64, "name")
    need(all(unicodedata.category(c) != "Cc" and ord(c) not in MISLEADS for c in name), "name")
    return header, data[: 12 + length]


def read(data, root):
    header, front = read_header(data)
    if header["domain_id"] != domain_id(root):
        raise ValueError("domain")
    aead = AESGCM(X(root, b"", "backup", D("backup header", front)))
    rest, text, length = data[len(front) :], b"", header["length"]
    count = max(1, -(-length // CHUNK))
    for number in range(count):
        size = min(CHUNK, length - number * CHUNK) + 16
        text += aead.decrypt(nonce(number, number == count - 1), rest[:size], front)
        rest = rest[size:]
    if rest:
        raise ValueError("bytes follow")
    return header, text


# Writing.
class Writer:
    """Writes a backup step by step; a vector overrides the step that it breaks."""

    def __init__(self, name, text=b"what an HSM keeps"):
        self.root = drawn("domain", "root")
        self.text = text
        self.fields = dict(zip(FIELDS, [
            1, 1, domain_id(self.root), 3, drawn(name, "backup id"), drawn("hsm", "instance")[:16],
            drawn("ledger", "head"), 1, "weekly", 1790000000, len(text)], strict=True))

    def header(self):
        return cbor2.dumps(list(self.fields.values()), canonical=True)

    def front(self, header):
        return b"sdbackup" + struct.pack(">I", len(header)) + header

    def key(self, front):
        return X(self.root, b"", "backup", D("backup header", front))

    def associated(self, front):
        return front

    def nonces(self):
        count = max(1, -(-len(self.text) // CHUNK))
        return [nonce(number, number == count - 1) for number in range(count)]

    def chunks(self, front):
        aead = AESGCM(self.key(front))
        pieces = [self.text[i * CHUNK : (i + 1) * CHUNK] for i in range(len(self.nonces()))]
        return [aead.encrypt(n, piece, self.associated(front)) for n, piece in zip(self.nonces(), pieces)]

    def write(self):
        front = self.front(self.header())
        return front + b"".join(self.chunks(front))


def vectors():
    """Name -> (bytes, step, what the crate says there)."""
    cases = {}

    def case(name, step, says, text=b"what an HSM keeps", fields=None, **steps):
        writer = Writer(name, text)
        writer.fields.update(fields or {})
        for step_name, replacement in steps.items():
            original = getattr(writer, step_name)
            setattr(writer, step_name, lambda *args, f=replacement, o=original: f(o(*args)))
        cases[name] = (writer.write(), step, says)

    def field(name, key, value, says):
        case(name, "header", says, fields={key: value})

    def flip(data, place):
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    malformed = "the {} is malformed or out of bounds".format

    # Good ones: the crate restores what is written here.
    case("good", "restores", "")
    case("good-of-nothing", "restores", "", text=b"")
    case("good-key", "restores", "", fields={"kind": 2, "name": "signing-key"})
    case("good-without-a-name", "restores", "", fields={"name": ""})
    case("good-longest-header", "restores", "", fields={"epoch": 2**32 - 1, "name": "x" * 64, "created": 2**64 - 1})
    case("good-of-an-imported-domain", "restores", "", fields={"epoch": 0, "ledger_head": bytes(32), "created": 0})

    # What stands before the chunks.
    case("no-bytes", "header", "the header needs 12 bytes", write=lambda _: b"")
    case("magic-changed", "header", "not a backup", front=lambda f: flip(f, 7))
    case("a-sealed-domain", "header", "not a backup", write=lambda _: bytes.fromhex("86590200825901008f010101"))
    case("header-cut", "header", "the header needs 149 bytes", write=lambda data: data[:100])
    case("header-length-short-by-one", "header", malformed("length"), front=lambda f: flip(f, 11))
    case("header-with-a-byte-after-it", "header",
         "the header is not in deterministic encoding, or bytes follow in it", header=lambda h: h + b"\0")
    case("header-of-2-to-the-32-bytes", "header", malformed("header"),
         front=lambda f: f[:8] + b"\xff" * 4 + f[12:] + bytes(300))
    case("header-of-ten-items", "header", malformed("header"), header=lambda h: b"\x8a" + h[1:-1])
    case("header-without-a-length", "header", malformed("header"), header=lambda h: b"\x9f" + h[1:] + b"\xff")
    case("header-with-a-long-integer", "header",
         "the header is not in deterministic encoding, or bytes follow in it", header=lambda h: h[:1] + b"\x18\x01" + h[2:])
    case("header-with-a-tag", "header", malformed("version"), header=lambda h: h[:1] + b"\xc1" + h[1:])

    # The header, field by field.
    field("version-2", "version", 2, "version 2 is unknown")
    case("version-2-of-another-shape", "header", "version 2 is unknown",
         header=lambda _: cbor2.dumps([2, {"a": bytes(400)}], canonical=True))
    field("suite-2", "suite", 2, "the suite is refused: suite 2 (SHA-384, HKDF-SHA-384, AES-256-GCM, Ed25519 with ML-DSA-87) is not supported yet")
    field("domain-id-of-31-bytes", "domain_id", bytes(31), malformed("domain id"))
    field("epoch-2-to-the-32", "epoch", 2**32, malformed("epoch"))
    field("backup-id-of-16-bytes", "backup_id", bytes(16), malformed("backup id"))
    field("instance-of-15-bytes", "instance", bytes(15), malformed("instance id"))
    field("ledger-head-missing", "ledger_head", None, malformed("ledger head"))
    field("kind-0", "kind", 0, malformed("kind"))
    field("kind-3", "kind", 3, malformed("kind"))
    field("name-as-bytes", "name", b"weekly", malformed("name"))
    field("name-of-65-bytes", "name", "x" * 65, "the name is refused: longer than 64 bytes")
    field("name-turned-around", "name", "a\u202eb", "the name is refused: holds a character that can mislead a reader")
    case("key-without-a-name", "header", "the name is refused: empty", fields={"kind": 2, "name": ""})
    field("created-before-1970", "created", -1, malformed("created"))
    field("length-above-2-to-the-48", "length", 2**48 + 1, malformed("length"))

    # A domain of its own.
    other = Writer("other")
    other.root = drawn("another", "root")
    other.fields["domain_id"] = domain_id(other.root)
    ours, theirs = (domain_id(root).hex() for root in (drawn("domain", "root"), other.root))
    wrong = f"the backup belongs to domain {theirs}, this HSM to {ours}"
    cases["of-another-domain"] = (other.write(), "domain", wrong)
    case("relabelled-to-another-domain", "domain", wrong,
         write=lambda data: data.replace(domain_id(drawn("domain", "root")), domain_id(other.root)))

    # The chunks.
    fails = "the chunk does not open"
    case("of-another-domain-relabelled-to-ours", "open", fails,
         write=lambda _: other.write().replace(domain_id(other.root), domain_id(drawn("domain", "root"))))
    case("epoch-changed", "open", fails, write=lambda data: flip(data, data.index(bytes.fromhex("5820") + drawn("epoch-changed", "backup id")) - 1))
    case("backup-id-changed", "open", fails, write=lambda data: data.replace(drawn("backup-id-changed", "backup id"), drawn("other", "backup id")))
    case("instance-changed", "open", fails, write=lambda data: data.replace(drawn("hsm", "instance")[:16], bytes(16)))
    case("ledger-head-changed", "open", fails, write=lambda data: data.replace(drawn("ledger", "head"), bytes(32)))
    case("full-relabelled-as-key", "open", fails, write=lambda data: data.replace(b"\x01\x66weekly", b"\x02\x66weekly"))
    case("name-changed", "open", fails, write=lambda data: data.replace(b"weekly", b"Weekly"))
    case("created-changed", "open", fails, write=lambda data: data.replace(struct.pack(">I", 1790000000), struct.pack(">I", 1790000001)))
    case("length-lowered", "open", fails, write=lambda data: lowered(data))
    case("ciphertext-changed", "open", fails, write=lambda data: flip(data, len(data) - 17))
    case("tag-changed", "open", fails, write=lambda data: flip(data, len(data) - 1))
    case("chunk-of-another-backup", "open", fails, chunks=lambda _: [Writer("good").write()[-33:]])
    case("chunk-without-the-last-flag", "open", fails, nonces=lambda _: [nonce(0, 0)])
    case("chunk-with-number-1", "open", fails, nonces=lambda _: [nonce(1, 1)])
    case("chunk-bound-to-no-header", "open", fails, associated=lambda _: b"")
    case("chunk-under-the-bare-root", "open", fails, key=lambda _: drawn("domain", "root"))
    case("chunk-missing", "open", "the chunk has 0 bytes instead of 33", chunks=lambda _: [])
    case("chunk-cut", "open", "the chunk has 32 bytes instead of 33", write=lambda data: data[:-1])
    case("nothing-without-its-tag", "open", "the chunk has 0 bytes instead of 16", text=b"", chunks=lambda _: [])
    case("byte-after-the-end", "end", "a chunk follows the last one", write=lambda data: data + b"\0")
    case("last-chunk-twice", "end", "a chunk follows the last one", chunks=lambda chunks: chunks * 2)
    return cases


def lowered(data):
    """The length in the header, and the chunk with it, are one byte shorter."""
    header, front = read_header(data)
    assert front[-1] == header["length"]
    return front[:-1] + bytes([header["length"] - 1]) + data[len(front) : -17] + data[-16:]


def manifest(cases):
    rows = [{"file": name, "step": step, "says": says} for name, (_, step, says) in cases.items()]
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def check():
    known = json.loads((VECTORS / "known-answer.json").read_text())
    for answer in known:
        # The crate wrote these; they are too long to be kept, so they are written again.
        root, front = bytes.fromhex(answer["root"]), bytes.fromhex(answer["front"])
        header, same = read_header(front)
        assert front == same and header["length"] == answer["length"]
        writer = Writer("known", plaintext(answer["length"]))
        writer.root, writer.front = root, lambda _: front
        written = writer.write()
        assert hashlib.sha256(written).hexdigest() == answer["sha256"]
        assert read(written, root) == (header, writer.text)
    print(f"{len(known)} known answers come out the same")
    cases = vectors()
    for name, (data, step, _) in cases.items():
        assert (VECTORS / f"{name}.backup").read_bytes() == data, name
        try:
            read(data, drawn("domain", "root"))
        except (ValueError, InvalidTag):
            assert step != "restores", name
        else:
            assert step == "restores", name
    assert (VECTORS / "cases.json").read_text() == manifest(cases)
    print(f"{len(cases)} vectors are the same as written here")


def main(verb, *paths):
    if verb == "check":
        check()
    elif verb == "vectors":
        VECTORS.mkdir(exist_ok=True)
        cases = vectors()
        for name, (data, _, _) in cases.items():
            (VECTORS / f"{name}.backup").write_bytes(data)
        (VECTORS / "cases.json").write_text(manifest(cases))
    elif verb == "show":
        for path in paths:
            print(read_header(Path(path).read_bytes())[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["help"]))
