# SPDX-License-Identifier: MIT OR Apache-2.0
"""Challenges and responses of docs/format.md, "Drills of a domain file", read and written without the crate. From the
root of the repository:

    file_drills.py check      read what the crate wrote, write all vectors again and compare
    file_drills.py vectors    write the vectors
"""

import json
import sys

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from formats import unbase64url
from restore_session import AZURE, DOMAIN, STRONG, VECTORS, Azure, shown, thumbprint
from sealed_domain import Custodian, D, drawn
from sessions import CREATED, canonical, flip, is_bytes, is_uint, malformed, need, overridden, put, refuses, strict

HERE = VECTORS / "file-drill"
NAMES = [f"s2048_{place}" for place in range(3)]


class Named(Custodian):
    """A custodian of a domain file, who wraps and unwraps as those of a sealed domain do."""

    def __init__(self, name):
        self.key = load_pem_private_key((AZURE / "keys" / f"{name}.key").read_bytes(), None)
        self.name, self.id = name, thumbprint(name)

    def content_key(self, file):
        """The wrapped content key of his share."""
        return unbase64url(file.shares[self.id].split(".")[1])


def context(id, file, custodian):
    return D("domain file drill", id, file, custodian)


def commitment(bound, value):
    return D("domain file drill value", bound, value)


def read_challenge(data):
    """The digest, the id, the file, and for each custodian commitment and wrapped value."""
    challenge = strict(data)
    need(isinstance(challenge, list) and challenge[0] == 1 and len(challenge) == 5, "items")
    _, id, file, created, values = challenge
    need(is_bytes(id, 32) and is_bytes(file, 32) and is_uint(created, 0, 2**64 - 1), "front")
    need(isinstance(values, list) and 1 <= len(values) <= 10, "values")
    last = b""
    for custodian, committed, wrapped in values:
        need(is_bytes(custodian, 32) and custodian > last, "custodian")
        need(is_bytes(committed, 32) and isinstance(wrapped, bytes) and 1 <= len(wrapped) <= 512, "value")
        last = custodian
    return D("domain file challenge", data), id, file, {custodian: rest for custodian, *rest in values}


def respond(data, file, custodian):
    """The value that a custodian shows, whose share opens."""
    _, id, digest, values = read_challenge(data)
    need(digest == file.digest, "file")
    committed, wrapped = values[custodian.id]
    need(len(file.share(custodian.name)) == 64, "share")
    bound = context(id, digest, custodian.id)
    plain = custodian.unwrap(wrapped)
    need(plain[:32] == bound and len(plain) == 64, "context")
    need(commitment(bound, plain[32:]) == committed, "commitment")
    return plain[32:]


def verify(data, challenge, file):
    """Who answered."""
    response = strict(data)
    need(isinstance(response, list) and response[0] == 1 and len(response) == 4, "items")
    _, Q, custodian, value = response
    need(is_bytes(Q, 32) and is_bytes(custodian, 32) and is_bytes(value, 32), "fields")
    own, id, digest, values = read_challenge(challenge)
    need(digest == file.digest and Q == own and custodian in file.shares, "challenge")
    need(commitment(context(id, digest, custodian), value) == values[custodian][0], "commitment")
    return custodian


class ChallengeWriter:
    """Writes a challenge step by step; a vector overrides the step that it breaks."""

    def __init__(self, label, file, custodians):
        self.label, self.azure, self.custodians = label, file, custodians
        self.id = drawn(label, "file challenge")

    def value(self, custodian):
        return drawn(self.label, f"value {custodian.name}")

    def context(self, custodian):
        return context(self.id, self.azure.digest, custodian.id)

    def plaintext(self, custodian):
        return self.context(custodian) + self.value(custodian)

    def wrap(self, plain, custodian):
        return custodian.wrap(plain, drawn(self.label, f"seed {custodian.name}"))

    def row(self, custodian):
        committed = commitment(self.context(custodian), self.value(custodian))
        return [custodian.id, committed, self.wrap(self.plaintext(custodian), custodian)]

    def rows(self):
        return [self.row(custodian) for custodian in sorted(self.custodians, key=lambda custodian: custodian.id)]

    def items(self):
        return [1, self.id, self.azure.digest, CREATED, self.rows()]

    def write(self):
        return cbor2.dumps(self.items(), canonical=True)


class ResponseWriter:
    def __init__(self, challenge, file, custodian):
        self.Q, self.custodian = D("domain file challenge", challenge), custodian
        self.value = respond(challenge, file, custodian)

    def items(self):
        return [1, self.Q, self.custodian.id, self.value]

    def write(self):
        return cbor2.dumps(self.items(), canonical=True)


def of(custodian, change):
    """Changes the row of one custodian."""
    return lambda rows, *_: [change(row) if row[0] == custodian.id else row for row in rows]


def challenges(good, other, a, b, c):
    """Name -> (bytes, step, what the crate says there to custodian a)."""
    cases = {}

    def case(name, step, says, file=good, custodians=(a, b, c), **steps):
        cases[f"challenge-{name}"] = (overridden(ChallengeWriter(name, file, custodians), steps).write(), step, says)

    who = shown(a.id)
    shut = f"the value for custodian {who} does not open"
    case("good", "responded", "")
    case("without-a-clock", "responded", "", items=put(3, lambda _: 0))
    case("to-one", "responded", "", custodians=[a])
    case("to-the-others", "respond", f"the challenge has no value for custodian {who}", custodians=[c, b])
    case("version-2", "parse", "version 2 is unknown", items=put(0, lambda _: 2))
    case("no-bytes", "parse", malformed("file"), write=lambda *_: b"")
    case("of-four-items", "parse", malformed("file"), items=lambda items: items[:4])
    case("of-six-items", "parse", malformed("file"), items=lambda items: items + [0])
    case("id-of-31-bytes", "parse", malformed("challenge"), items=put(1, lambda id: id[:31]))
    case("file-of-33-bytes", "parse", malformed("digest of the domain file"), items=put(2, lambda file: file + b"\0"))
    case("created-before-1970", "parse", malformed("created"), items=put(3, lambda _: -1))
    case("values-as-bytes", "parse", malformed("list of values"), items=put(4, lambda _: b""))
    case("to-nobody", "parse", malformed("list of values"), custodians=[])
    case("value-of-two-items", "parse", malformed("list of values"), rows=put(0, lambda row: row[:2]))
    case("eleven-values", "parse", malformed("list of values"),
         rows=lambda rows: [[bytes([i]) * 32] + rows[0][1:] for i in range(1, 12)])
    case("custodian-of-31-bytes", "parse", malformed("custodian's thumbprint"), rows=put(0, lambda row: [row[0][:31]] + row[1:]))
    case("custodian-as-index", "parse", malformed("custodian's thumbprint"), rows=put(0, lambda row: [1] + row[1:]))
    case("custodian-twice", "parse", malformed("custodian's thumbprint"), rows=lambda rows: [rows[0], rows[0]])
    case("custodians-descending", "parse", malformed("custodian's thumbprint"), rows=lambda rows: rows[::-1])
    case("commitment-of-31-bytes", "parse", malformed("commitment"), rows=put(0, lambda row: [row[0], row[1][:31], row[2]]))
    case("wrapped-value-empty", "parse", malformed("wrapped value"), rows=put(0, lambda row: row[:2] + [b""]))
    case("wrapped-value-of-513-bytes", "parse", malformed("wrapped value"), rows=put(0, lambda row: row[:2] + [bytes(513)]))
    case("with-a-byte-after-it", "parse", canonical("file"), write=lambda data: data + b"\0")
    case("with-a-long-integer", "parse", canonical("file"), write=lambda data: data[:1] + b"\x18\x01" + data[2:])
    case("for-another-file", "respond", f"the challenge is for file {other.digest.hex()}, not {good.digest.hex()}", file=other)
    case("bound-to-another-challenge", "respond", shut, context=lambda *_: context(drawn("another", "id"), good.digest, a.id))
    case("bound-to-another-file", "respond", shut,
         context=lambda _, who: context(drawn("bound-to-another-file", "file challenge"), other.digest, who.id))
    case("bound-to-another-custodian", "respond", shut,
         context=lambda *_: context(drawn("bound-to-another-custodian", "file challenge"), good.digest, b.id))
    case("bound-as-in-the-sealed-domain", "respond", shut,
         plaintext=lambda plain, who: D("drill", plain[:32], good.digest, who.id) + plain[32:])
    case("wrapped-to-another", "respond", shut, wrap=lambda _, plain, who: b.wrap(plain, drawn("x", f"seed {who.name}")))
    # What a custodian must not unwrap for whoever asks: the content key of his own share, under a commitment that
    # only someone who knows it could make, or under any.
    case("with-a-content-key-for-a-value", "respond", shut, wrap=lambda _, __, who: who.content_key(good))
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    unwrapped = a.key.decrypt(a.content_key(good), oaep)
    case("with-a-content-key-and-its-commitment", "respond", shut, wrap=lambda _, __, who: who.content_key(good),
         rows=of(a, lambda row: [row[0], commitment(unwrapped[:32], unwrapped[32:]), row[2]]))
    case("without-a-context", "respond", shut, plaintext=lambda plain, *_: plain[32:])
    case("with-a-value-of-31-bytes", "respond", shut, plaintext=lambda plain, *_: plain[:63])
    case("with-a-value-of-no-bytes", "respond", shut, plaintext=lambda plain, *_: plain[:32])
    case("commitment-changed", "respond", shut, rows=of(a, lambda row: [row[0], flip(row[1]), row[2]]))
    case("wrapped-value-changed", "respond", shut, rows=of(a, lambda row: row[:2] + [flip(row[2], 9)]))
    case("wrapped-value-one-byte-short", "respond", shut, rows=of(a, lambda row: row[:2] + [row[2][1:]]))
    return cases


def responses(good, other, a, b, c, to):
    """Name -> (bytes, challenge, step, what the crate says there)."""
    cases = {}

    def case(name, step, says, by=a, at="good", **steps):
        writer = overridden(ResponseWriter(to["challenge-good"][0], good, by), steps)
        cases[f"response-{name}"] = (writer.write(), f"challenge-{at}", step, says)

    wrong = "the response claims to be custodian {}'s and does not hold the value of the challenge".format
    digest = {name: D("domain file challenge", data).hex() for name, (data, *_) in to.items()}
    stranger = thumbprint("s2048_5")
    for place, by in enumerate((a, b, c)):
        case(f"of-custodian-{place}", "verified", shown(by.id), by=by)
    case("version-2", "parse", "version 2 is unknown", items=put(0, lambda _: 2))
    case("no-bytes", "parse", malformed("file"), write=lambda *_: b"")
    case("of-three-items", "parse", malformed("file"), items=lambda items: items[:3])
    case("of-five-items", "parse", malformed("file"), items=lambda items: items + [0])
    case("challenge-of-31-bytes", "parse", malformed("challenge"), items=put(1, lambda Q: Q[:31]))
    case("custodian-of-31-bytes", "parse", malformed("custodian's thumbprint"), items=put(2, lambda who: who[:31]))
    case("value-of-31-bytes", "parse", malformed("value"), items=put(3, lambda value: value[:31]))
    case("value-of-no-bytes", "parse", malformed("value"), items=put(3, lambda _: b""))
    case("with-a-byte-after-it", "parse", canonical("file"), write=lambda data: data + b"\0")
    case("with-a-long-integer", "parse", canonical("file"), write=lambda data: data[:1] + b"\x18\x01" + data[2:])
    others = "challenge-without-a-clock"
    case("replayed", "verify", f"the response answers challenge {digest['challenge-good']}, not {digest[others]}",
         at="without-a-clock")
    case("replayed-and-relabelled", "verify", wrong(shown(a.id)), at="without-a-clock",
         items=put(1, lambda _: bytes.fromhex(digest[others])))
    case("custodian-not-listed", "verify", f"the file does not list custodian {shown(stranger)}",
         items=put(2, lambda _: stranger))
    case("of-one-who-was-not-asked", "verify", f"the challenge has no value for custodian {shown(b.id)}", by=b, at="to-one",
         items=put(1, lambda _: bytes.fromhex(digest["challenge-to-one"])))
    case("custodian-of-another", "verify", wrong(shown(b.id)), items=put(2, lambda _: b.id))
    case("value-changed", "verify", wrong(shown(a.id)), items=put(3, flip))
    case("made-without-the-key", "verify", wrong(shown(a.id)), items=put(3, lambda _: bytes(32)))
    return cases


def files():
    good, other = Azure(DOMAIN), Azure(STRONG)
    a, b, c = (Named(name) for name in NAMES)
    asked = challenges(good, other, a, b, c)
    answered = responses(good, other, a, b, c, asked)
    all = {name: (data, {"file": name, "step": step, "says": says}) for name, (data, step, says) in asked.items()}
    for name, (data, to, step, says) in answered.items():
        all[name] = data, {"file": name, "challenge": to, "step": step, "says": says}
    return all


def manifest(all):
    rows = ",\n".join(json.dumps(row) for _, row in all.values())
    return f"[\n{rows}\n]\n"


def check():
    good, a = Azure(DOMAIN), Named(NAMES[0])
    all = files()
    for name, (data, row) in all.items():
        assert (HERE / f"{name}.cbor").read_bytes() == data, name
        if "challenge" in row:
            challenge = all[row["challenge"]][0]
            if row["step"] == "verified":
                assert shown(verify(data, challenge, good)) == row["says"], name
            else:
                assert refuses(lambda: verify(data, challenge, good)), name
        else:
            assert refuses(lambda: respond(data, good, a)) == (row["step"] != "responded"), name
    assert (HERE / "cases.json").read_text() == manifest(all)
    known = json.loads((HERE / "known-answer.json").read_text())
    challenge, response = (bytes.fromhex(known[name]) for name in ("challenge", "response"))
    assert read_challenge(challenge)[0].hex() == known["digest"]
    assert respond(challenge, good, a).hex() == known["value"]
    assert verify(response, challenge, good) == a.id
    print(f"the known answer is read, and {len(all)} vectors are the same as written here")


def vectors():
    HERE.mkdir(exist_ok=True)
    all = files()
    for name, (data, _) in all.items():
        (HERE / f"{name}.cbor").write_bytes(data)
    (HERE / "cases.json").write_text(manifest(all))


if __name__ == "__main__":
    {"check": check, "vectors": vectors}.get(" ".join(sys.argv[1:]), lambda: sys.exit(__doc__))()
