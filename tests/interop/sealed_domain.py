# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sealed domain of docs/format.md, read and written without the crate.

Written from the document alone, on cbor2 and cryptography, so that the two implementations meet only
in the bytes. Usage, from the root of the repository:

    sealed_domain.py check          read what the crate sealed, write all vectors again and compare
    sealed_domain.py vectors        write the vectors
    sealed_domain.py show FILE      the public part of a file
"""

import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import mldsa, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "sealed-domain"
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493


# Section "Notation".
def framed(label, *parts):
    parts = [b"security-domain/v1 " + label.encode(), *parts]
    return b"".join(struct.pack(">Q", len(part)) + part for part in parts)


def D(label, *parts):
    return hashlib.sha256(framed(label, *parts)).digest()


def extract(salt, key):
    return hmac.digest(salt or bytes(32), key, "sha256")


def expand(prk, label, *parts):
    return hmac.digest(prk, framed(label, *parts) + b"\x01", "sha256")


def X(key, salt, label, *parts):
    return expand(extract(salt, key), label, *parts)


# GF(2^8) with the polynomial 0x11B, and Shamir's scheme in it.
def times(a, b):
    product = 0
    while b:
        product ^= a * (b & 1)
        a, b = (a << 1) ^ (0x11B if a & 0x80 else 0), b >> 1
    return product


def inverse(a):
    return next(b for b in range(1, 256) if times(a, b) == 1)


def share_at(x, rows):
    """rows: the secret, then the coefficients of the higher powers."""
    value = bytes(len(rows[0]))
    for row in reversed(rows):
        value = bytes(times(v, x) ^ r for v, r in zip(value, row))
    return value


def combine(points):
    secret = bytes(32)
    for x, value in points:
        weight = 1
        for other, _ in points:
            if other != x:
                weight = times(weight, times(other, inverse(other ^ x)))
        secret = bytes(s ^ times(v, weight) for s, v in zip(secret, value))
    return secret


# Custodians.
class Custodian:
    def __init__(self, name):
        self.key = serialization.load_der_private_key((VECTORS / "keys" / f"{name}.p8").read_bytes(), None)
        public = self.key.public_key()
        self.algorithm = {2048: 1, 3072: 2, 4096: 3}[public.key_size]
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.id = D("custodian", self.algorithm.to_bytes(4), spki)

    def wrap(self, message, seed):
        """RSAES-OAEP (RFC 8017 section 7.1.1) with a given seed, so that files come out the same."""
        numbers = self.key.public_key().public_numbers()
        k = (numbers.n.bit_length() + 7) // 8
        block = hashlib.sha256(b"").digest() + bytes(k - len(message) - 66) + b"\x01" + message
        block = xor(block, mgf1(seed, len(block)))
        seed = xor(seed, mgf1(block, 32))
        number = int.from_bytes(seed + block, "big")
        return pow(number, numbers.e, numbers.n).to_bytes(k, "big")

    def unwrap(self, wrapped, context=None):
        sha = hashes.SHA256()
        return self.key.decrypt(wrapped, padding.OAEP(padding.MGF1(sha), sha, None))


def mgf1(seed, length):
    blocks = (hashlib.sha256(seed + struct.pack(">I", i)).digest() for i in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


# Keys.
def signing_key(seed):
    return Ed25519PrivateKey.from_private_bytes(seed)


def verify_key(seed):
    return signing_key(seed).public_key().public_bytes_raw()


def domain_seed(root):
    return X(root, b"", "domain key")


def birth_commitment(root):
    key = mldsa.MLDSA87PrivateKey.from_seed_bytes(X(root, b"", "post-quantum key"))
    return D("post-quantum identity", key.public_key().public_bytes_raw())


def possession_seed(share, core_digest, index):
    return X(share, core_digest, "possession", bytes([index]))


def signed(header_digest, commitment, body):
    return D("sealed", header_digest, D("payload", commitment, body))


def domain_id(core):
    return D("domain id", b"\x01", core["domain_key"], core["birth_commitment"])


CORE = ["version", "suite", "birth_suite", "label", "domain_key", "epoch", "previous", "created",
        "instance", "salt", "release_digest", "threshold", "break_glass", "custodians", "artifacts",
        "module_floor", "birth_commitment"]


# Reading.
def read(data, custodians):
    """Checks everything that docs/format.md asks of a reader; gives the header, root and artifacts."""
    def need(condition, what):
        if not condition:
            raise ValueError(what)

    def strict(encoded):
        value = cbor2.loads(encoded)
        need(cbor2.dumps(value, canonical=True) == encoded, "encoding")
        return value

    header_bytes, wrapped, release, commitment, body, signature = strict(data)
    core_bytes, shares = strict(header_bytes)
    core = dict(zip(CORE, strict(core_bytes), strict=True))
    need((core["version"], core["suite"], core["birth_suite"]) == (1, 1, 1), "version or suite")
    need((core["epoch"] == 1) == (core["previous"] == bytes(32)), "lineage")
    need(2 <= core["threshold"] <= len(core["custodians"]), "quorum")
    need(3 <= len(core["custodians"]) <= 10, "custodians")
    need(len(core["custodians"]) == len(shares) == len(wrapped), "lists")
    need(1 <= len(core["artifacts"]) <= 32, "artifacts")
    need(release == b"" or D("release", release) == core["release_digest"], "release")
    need(len(body) == 48 + sum(length for _, length in core["artifacts"]), "body")
    C, H = D("core", core_bytes), D("header", header_bytes)
    key = Ed25519PublicKey.from_public_bytes(core["domain_key"])
    key.verify(signature, signed(H, commitment, body))
    core["domain_id"] = domain_id(core).hex()
    core["header_digest"] = H.hex()

    points = []
    by_id = {custodian.id: custodian for custodian in custodians}
    for index, ((ident, _), (share_key, digest), box) in enumerate(zip(core["custodians"], shares, wrapped), 1):
        need(D("wrapped", box) == digest, f"wrapped share {index}")
        if ident in by_id:
            context = D("share", C, bytes([index]), ident)
            plain = by_id[ident].unwrap(box, context)
            need(plain[:33] == context + bytes([index]), f"context {index}")
            need(verify_key(possession_seed(plain[33:], C, index)) == share_key, f"share {index}")
            points.append((index, plain[33:]))
    if len(points) < core["threshold"] or not release:
        return core, None, None
    prk = extract(core["salt"], combine(points[:core["threshold"]]) + release)
    need(expand(prk, "commit", H) == commitment, "commitment")
    plain = AESGCM(expand(prk, "body", H)).decrypt(bytes(12), body, None)
    root, rest, artifacts = plain[:32], plain[32:], []
    need(verify_key(domain_seed(root)) == core["domain_key"], "root")
    for tag, length in core["artifacts"]:
        artifacts.append((tag, rest[:length]))
        rest = rest[length:]
    return core, root, artifacts


# Writing.
def drawn(name, what):
    """Stands for a random draw: every file has its own, always the same."""
    return hashlib.sha256(f"{name}/{what}".encode()).digest()


class Writer:
    """Writes a sealed domain step by step; a vector overrides the step that it breaks."""

    def __init__(self, name, custodians):
        self.name, self.custodians = name, custodians
        self.root = drawn("domain", "root")
        self.body_root = self.root
        self.artifacts = [("signing-key", drawn(name, "artifact")), ("empty", b""), ("note", b"three artifacts")]
        self.release = drawn(name, "release")
        self.data_key = drawn(name, "data key")
        self.fields = {}
        self.threshold = 2

    def dumps(self, value):
        return cbor2.dumps(value, canonical=True)

    def core(self):
        core = dict(zip(CORE, [
            1, 1, 1, "rehearsal", verify_key(domain_seed(self.root)), 1, bytes(32), 1790000000,
            drawn("hsm", "instance")[:16], drawn(self.name, "salt"), D("release", self.release),
            self.threshold, None, [[c.id, c.algorithm] for c in self.custodians],
            [[tag, len(data)] for tag, data in self.artifacts], ["", 0], bytes(32)], strict=True))
        core.update(self.fields)
        return list(core.values())

    def encode_core(self, core):
        return self.dumps(core)

    def shares(self):
        rows = [self.data_key] + [drawn(self.name, f"row {i}") for i in range(1, self.threshold)]
        return [share_at(x, rows) for x in range(1, len(self.custodians) + 1)]

    def plaintext(self, C, index, ident, share):
        return D("share", C, bytes([index]), ident) + bytes([index]) + share

    def wrap(self, C, shares):
        boxes = []
        for index, (custodian, share) in enumerate(zip(self.custodians, shares), 1):
            plain = self.plaintext(C, index, custodian.id, share)
            boxes.append(custodian.wrap(plain, drawn(self.name, f"seed {index}")))
        return boxes

    def listed(self, C, shares, wrapped):
        keys = [verify_key(possession_seed(share, C, i)) for i, share in enumerate(shares, 1)]
        return [[key, D("wrapped", box)] for key, box in zip(keys, wrapped)]

    def encode_header(self, header):
        return self.dumps(header)

    def commit(self, prk, H):
        return expand(prk, "commit", H)

    def seal(self, prk, H):
        plain = self.body_root + b"".join(data for _, data in self.artifacts)
        return AESGCM(expand(prk, "body", H)).encrypt(bytes(12), plain, None)

    def sign(self, digest):
        return signing_key(domain_seed(self.root)).sign(digest)

    def finish(self, file):
        return file

    def encode_file(self, file):
        return self.dumps(file)

    def write(self):
        core = self.encode_core(self.core())
        C, shares = D("core", core), self.shares()
        wrapped = self.wrap(C, shares)
        header = self.encode_header([core, self.listed(C, shares, wrapped)])
        H = D("header", header)
        prk = extract(drawn(self.name, "salt"), self.data_key + self.release)
        commitment, body = self.commit(prk, H), self.seal(prk, H)
        signature = self.sign(signed(H, commitment, body))
        return self.encode_file(self.finish([header, wrapped, self.release, commitment, body, signature]))


def vectors():
    """Name -> (bytes, step, what the crate says there)."""
    a, b, c, d, e = (Custodian(name) for name in "abcde")
    cases = {}

    def case(name, step, says, prepare=None, **steps):
        writer = Writer(name, [a, b, c])
        if prepare:
            prepare(writer)
        for step_name, replacement in steps.items():
            original = getattr(writer, step_name)
            setattr(writer, step_name, lambda *args, f=replacement, o=original: f(o(*args), *args))
        cases[name] = (writer.write(), step, says)

    def field(name, key, value, says):
        case(name, "parse", says, lambda w: w.fields.update({key: value}))

    def put(place, value):
        return lambda items, *_: [value(item) if i == place else item for i, item in enumerate(items)]

    def flip(data):
        return bytes([data[0] ^ 1]) + data[1:]

    weak = (1).to_bytes(32, "little")
    # y = p + 4 is 4 again, a point of large order.
    second = (P + 4).to_bytes(32, "little")
    malformed = "the {} is malformed or out of bounds".format
    canonical = "the {} is not in deterministic encoding, or bytes follow it".format
    text = "a text in {} is refused: {}".format

    # Good ones: the crate opens what is written here.
    case("good", "opens", "")
    case("good-threshold-of-all", "opens", "", lambda w: setattr(w, "threshold", 3))
    case("good-four-custodians", "opens", "", lambda w: setattr(w, "custodians", [d, c, b, a]))
    case("good-custodian-of-3072-bits", "opens", "", lambda w: setattr(w, "custodians", [e, b, c]))
    case("good-later-module-and-a-birth-commitment", "opens", "", lambda w: w.fields.update(
        module_floor=["example-hsm", 2**32 - 1], birth_commitment=drawn("domain", "commitment")))
    case("good-later-epoch", "opens", "", lambda w: w.fields.update(
        epoch=7, previous=drawn("domain", "header"), break_glass=86400, created=0, label=""))

    # The file, from the outside in.
    case("no-bytes", "parse", malformed("file"), encode_file=lambda *_: b"")
    case("no-cbor", "parse", malformed("file"), encode_file=lambda *_: b"{}")
    case("file-of-seven-items", "parse", malformed("file"), finish=lambda f, *_: f + [0])
    case("file-without-a-length", "parse", malformed("file"),
         encode_file=lambda data, *_: b"\x9f" + data[1:] + b"\xff")
    case("file-with-a-byte-after-it", "parse", canonical("file"), encode_file=lambda data, *_: data + b"\x00")
    case("file-with-a-long-length", "parse", canonical("file"),
         encode_file=lambda data, *_: b"\x98\x06" + data[1:])
    case("header-of-three-items", "parse", malformed("header"), encode_header=lambda _, h: cbor2.dumps(h + [0]))
    case("header-with-a-byte-after-it", "parse", canonical("header"), encode_header=lambda data, _: data + b"\x00")
    case("core-of-sixteen-items", "parse", malformed("core"), encode_core=lambda _, c: cbor2.dumps(c[:-1]))
    case("core-with-a-byte-after-it", "parse", canonical("core"), encode_core=lambda data, _: data + b"\x00")
    case("core-with-a-long-integer", "parse", canonical("core"),
         encode_core=lambda data, _: data[:1] + b"\x18\x01" + data[2:])
    case("core-with-a-tag", "parse", malformed("version"), encode_core=lambda data, _: data[:1] + b"\xc1" + data[1:])

    # The core, field by field.
    field("version-2", "version", 2, "version 2 is unknown")
    reserved = "the {} is refused: suite 2 (SHA-384, HKDF-SHA-384, AES-256-GCM, Ed25519 with ML-DSA-87) is not supported yet".format
    field("suite-2", "suite", 2, reserved("suite"))
    field("birth-suite-2", "birth_suite", 2, reserved("birth suite"))
    field("suite-3", "suite", 3, "the suite is refused: suite 3 is unknown")
    case("suite-2-of-another-shape", "parse", reserved("suite"), encode_core=lambda _, c: cbor2.dumps([1, 2] + c[3:]))
    field("label-of-65-bytes", "label", "x" * 65, text("label", "longer than 64 bytes"))
    field("label-with-a-newline", "label", "a\nb", text("label", "holds a character that can mislead a reader"))
    field("label-turned-around", "label", "a\u202eb", text("label", "holds a character that can mislead a reader"))
    field("label-as-bytes", "label", b"rehearsal", malformed("label"))
    weak_key = "a verify key in {} is weak or malformed".format
    field("domain-key-of-small-order", "domain_key", weak, weak_key("domain verify key"))
    field("domain-key-that-is-no-point", "domain_key", (2).to_bytes(32, "little"), weak_key("domain verify key"))
    field("domain-key-in-a-second-encoding", "domain_key", second, weak_key("domain verify key"))
    field("domain-key-of-31-bytes", "domain_key", bytes(31), malformed("domain verify key"))
    field("epoch-0", "epoch", 0, malformed("epoch"))
    field("epoch-2-to-the-32", "epoch", 2**32, malformed("epoch"))
    lineage = "the epoch and the previous header's digest disagree"
    field("first-epoch-with-a-previous-header", "previous", drawn("domain", "header"), lineage)
    field("second-epoch-without-a-previous-header", "epoch", 2, lineage)
    field("created-before-1970", "created", -1, malformed("created"))
    field("instance-of-15-bytes", "instance", bytes(15), malformed("instance id"))
    field("salt-of-31-bytes", "salt", bytes(31), malformed("salt"))
    field("threshold-1", "threshold", 1, "the threshold is below 2")
    field("threshold-above-the-custodians", "threshold", 4, "the threshold is above the number of shares")
    field("break-glass-0", "break_glass", 0, malformed("break-glass delay"))
    field("break-glass-2-to-the-32", "break_glass", 2**32, malformed("break-glass delay"))
    case("two-custodians", "parse", malformed("custodians"), lambda w: setattr(w, "custodians", [a, b]))
    case("eleven-custodians", "parse", malformed("custodians"),
         core=put(13, lambda _: [[drawn("custodian", i), 1] for i in range(11)]))
    case("custodian-twice", "parse", f"custodian {a.id.hex()} is listed twice",
         lambda w: setattr(w, "custodians", [a, b, a]))
    case("custodian-with-an-unknown-algorithm", "parse", f"the algorithm of custodian {b.id.hex()} is unknown: 23",
         core=put(13, lambda list: [list[0], [b.id, 23], list[2]]))
    case("custodian-with-an-algorithm-above-32-bits", "parse",
         f"the algorithm of custodian {b.id.hex()} is unknown: 4294967297",
         core=put(13, lambda list: [list[0], [b.id, 2**32 + 1], list[2]]))
    field("no-artifact", "artifacts", [], malformed("artifacts"))
    field("thirty-three-artifacts", "artifacts", [[str(i), 0] for i in range(33)], malformed("artifacts"))
    field("artifact-tag-twice", "artifacts", [["a", 32], ["b", 0], ["a", 15]], "artifact 2 has the same tag as an earlier one")
    field("artifact-tag-empty", "artifacts", [["", 47]], text("artifacts", "empty"))
    field("artifact-tag-of-65-bytes", "artifacts", [["x" * 65, 47]], text("artifacts", "longer than 64 bytes"))
    field("artifact-tag-with-a-null", "artifacts", [["a\0", 47]],
          text("artifacts", "holds a character that can mislead a reader"))
    field("artifact-of-2-to-the-32-bytes", "artifacts", [["a", 2**32]], malformed("artifacts"))
    field("artifact-dropped", "artifacts", [["signing-key", 32]], "the body is not as long as the artifacts")
    field("artifact-lengths-that-overflow", "artifacts", [[str(i), 2**32 - 1] for i in range(32)],
          "the body is not as long as the artifacts")

    field("module-floor-of-three-items", "module_floor", ["", 0, 0], malformed("module floor"))
    field("module-floor-without-a-version", "module_floor", ["", None], malformed("module floor"))
    field("module-version-2-to-the-32", "module_floor", ["", 2**32], malformed("module floor"))
    field("module-turned-around", "module_floor", ["a\u202eb", 0],
          text("module floor", "holds a character that can mislead a reader"))
    field("module-name-of-65-bytes", "module_floor", ["x" * 65, 0], text("module floor", "longer than 64 bytes"))
    field("birth-commitment-of-31-bytes", "birth_commitment", bytes(31), malformed("birth commitment"))

    # The shares list and the wrapped shares.
    def with_key(key):
        return put(1, lambda item: [key, item[1]])
    case("share-key-of-small-order", "parse", weak_key("shares"), listed=with_key(weak))
    case("share-key-in-a-second-encoding", "parse", weak_key("shares"), listed=with_key(second))
    equal = "a verify key appears twice in the header"
    case("share-key-twice", "parse", equal, listed=lambda list, *_: [list[0], list[0], list[2]])
    case("share-key-that-is-the-domain-key", "parse", equal,
         listed=with_key(verify_key(domain_seed(drawn("domain", "root")))))
    case("shares-list-one-short", "parse", malformed("shares"), listed=lambda list, *_: list[:2])
    case("wrapped-share-missing", "parse", malformed("wrapped shares"), finish=put(1, lambda list: list[:2]))
    case("wrapped-share-one-byte-short", "parse", "wrapped share 2 has the wrong length",
         wrap=put(1, lambda box: box[1:]))

    # Release, commitment, body, signature.
    case("release-of-31-bytes", "parse", malformed("release"), finish=put(2, lambda r: r[1:]))
    case("release-changed", "parse", "the release is not the one that the header names", finish=put(2, flip))
    case("commitment-of-31-bytes", "parse", malformed("commitment"), finish=put(3, lambda c: c[1:]))
    wrong = "the signature is wrong"
    case("commitment-changed", "parse", wrong, finish=put(3, flip))
    case("body-changed", "parse", wrong, finish=put(4, flip))
    case("body-one-byte-short", "parse", "the body is not as long as the artifacts", finish=put(4, lambda b: b[1:]))
    case("body-without-a-tag", "parse", "the body is not as long as the artifacts", finish=put(4, lambda b: b[:15]))
    case("signature-changed", "parse", wrong, finish=put(5, flip))
    case("signature-of-63-bytes", "parse", malformed("signature"), finish=put(5, lambda s: s[1:]))
    case("signature-by-another-key", "parse", wrong,
         sign=lambda _, digest: signing_key(drawn("another", "seed")).sign(digest))
    case("signature-in-a-second-encoding", "parse", wrong,
         sign=lambda s, _: s[:32] + (int.from_bytes(s[32:], "little") + L).to_bytes(32, "little"))

    # The rest is signed by the domain key itself, as by an HSM that errs or betrays.
    def no_share(custodian):
        return f"the share of custodian {custodian.id.hex()} does not open"

    def of(writer):
        """The wrapped shares of another file."""
        return lambda *_: cbor2.loads(writer.write())[1]
    case("wrapped-share-changed", "share", f"the wrapped share of custodian {a.id.hex()} was changed",
         finish=put(1, lambda boxes: [flip(boxes[0])] + boxes[1:]))
    case("custodians-swapped", "share", no_share(b),
         core=put(13, lambda list: [list[1], list[0], list[2]]))
    later = Writer("good", [a, b, c])
    later.fields = {"epoch": 2, "previous": drawn("domain", "header")}
    case("share-of-another-epoch", "share", no_share(a), wrap=of(later))
    other = Writer("good", [a, b, c])
    other.root = drawn("another", "root")
    case("share-of-another-domain", "share", no_share(a), wrap=of(other))
    case("share-wrapped-twice", "share", no_share(b),
         wrap=lambda boxes, C, shares: [boxes[0], b.wrap(a.unwrap(boxes[0]), bytes(32)), boxes[2]])
    case("share-with-a-wrong-byte", "share", no_share(a),
         plaintext=lambda plain, _, index, *__: plain[:64] + bytes([plain[64] ^ (index == 1)]))
    case("share-with-another-index", "share", no_share(a),
         plaintext=lambda plain, _, index, *__: plain[:32] + bytes([plain[32] ^ (index == 1)]) + plain[33:])
    case("share-of-31-bytes", "share", no_share(a),
         plaintext=lambda plain, _, index, *__: plain[: 65 - (index == 1)])
    case("share-of-33-bytes", "share", no_share(a),
         plaintext=lambda plain, _, index, *__: plain + bytes(index == 1))
    case("pending", "open", "the domain is pending: its release is not filled in", finish=put(2, lambda _: b""))
    fails = "the domain does not open"
    case("commitment-to-another-key", "open", fails, commit=lambda c, *_: flip(c))
    case("body-under-another-key", "open", fails, seal=lambda s, *_: flip(s))
    case("root-of-another-domain", "open", fails, lambda w: setattr(w, "body_root", drawn("another", "root")))
    case("release-that-sealed-nothing", "open", fails,
         core=put(10, lambda _: D("release", bytes(32))), finish=put(2, lambda _: bytes(32)))
    case("salt-that-sealed-nothing", "open", fails, core=put(9, flip))
    case("shares-of-a-higher-degree", "open", fails, shares=lambda _: [drawn("loose", f"share {i}") for i in range(3)])
    return cases


def manifest(cases):
    rows = [{"file": name, "step": step, "says": says} for name, (_, step, says) in cases.items()]
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def rehearsal():
    """What the report of a rehearsal of good.sealed shows."""
    good = Writer("good", [])
    rows = [{"tag": tag, "len": len(data), "digest": X(good.root, b"", "rehearsal", tag.encode(), data).hex()}
            for tag, data in good.artifacts]
    return json.dumps(rows, indent=1) + "\n"


def check():
    custodians = [Custodian(name) for name in "abce"]
    known = json.loads((VECTORS / "known-answer.json").read_text())
    core, root, artifacts = read((VECTORS / "known-answer.sealed").read_bytes(), custodians)
    assert root.hex() == known["root"]
    assert core["birth_commitment"] == birth_commitment(root)
    assert [[tag, data.hex()] for tag, data in artifacts] == known["artifacts"]
    assert core["domain_id"] == known["domain_id"] and core["header_digest"] == known["header_digest"]
    print("the known answer opens")
    cases = vectors()
    for name, (data, step, _) in cases.items():
        assert (VECTORS / f"{name}.sealed").read_bytes() == data, name
        if step == "opens":
            writer = Writer(name, custodians)
            assert read(data, custodians)[1:] == (writer.root, writer.artifacts), name
        elif step in ("share", "open") and name != "pending":
            try:
                read(data, custodians)
            except (ValueError, InvalidTag):
                continue
            raise AssertionError(f"{name} opens")
    assert (VECTORS / "cases.json").read_text() == manifest(cases)
    assert (VECTORS / "rehearsal.json").read_text() == rehearsal()
    print(f"{len(cases)} vectors are the same as written here")


def main(verb, *paths):
    if verb == "check":
        check()
    elif verb == "vectors":
        cases = vectors()
        for name, (data, _, _) in cases.items():
            (VECTORS / f"{name}.sealed").write_bytes(data)
        (VECTORS / "cases.json").write_text(manifest(cases))
        (VECTORS / "rehearsal.json").write_text(rehearsal())
    elif verb == "show":
        for path in paths:
            print(read(Path(path).read_bytes(), [])[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["help"]))
