# SPDX-License-Identifier: MIT OR Apache-2.0
"""Challenges and responses of docs/format.md, "Drills", read and written without the crate. From the root of the
repository:

    drills.py check      read what the crate wrote, write all vectors again and compare
    drills.py vectors    write the vectors
"""

import json
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sealed_domain import VECTORS as DOMAINS
from sealed_domain import Custodian, D, drawn, possession_seed, signing_key
from sessions import canonical, domain, flip, is_bytes, is_uint, malformed, need, overridden, put, refuses, strict

VECTORS = DOMAINS.parent / "drill"
CREATED = 1790000000
DRILL = b"\x02"


def context(id, H, index, custodian):
    return D("drill", id, H, bytes([index]), custodian)


def statement(H, index, Q, value):
    return D("statement", DRILL, H, bytes([index]), D("statement text", Q, value))


def read_challenge(data):
    """Q, the header, and for each index commitment and wrapped value."""
    challenge = strict(data)
    need(isinstance(challenge, list) and challenge[0] == 1 and len(challenge) == 5, "items")
    _, id, header, created, values = challenge
    need(is_bytes(id, 32) and is_bytes(header, 32) and is_uint(created, 0, 2**64 - 1), "front")
    need(isinstance(values, list) and len(values) <= 10, "values")
    last = 0
    for index, commitment, wrapped in values:
        need(is_uint(index, last + 1, 10), "index")
        need(is_bytes(commitment, 32) and isinstance(wrapped, bytes) and 1 <= len(wrapped) <= 2258, "value")
        last = index
    return D("challenge", data), id, header, {index: rest for index, *rest in values}


def value_of(data, sealed, index, custodian):
    _, id, header, values = read_challenge(data)
    need(header == sealed.H, "header")
    commitment, wrapped = values[index]
    bound = context(id, header, index, custodian.id)
    plain = custodian.unwrap(wrapped)
    need(plain[:33] == bound + bytes([index]) and len(plain) == 65, "value")
    need(D("drill value", bound, plain[33:]) == commitment, "commitment")
    return plain[33:]


def verify(data, challenge, sealed):
    """What a response proves."""
    response = strict(data)
    need(isinstance(response, list) and response[0] == 1 and len(response) == 5, "items")
    _, Q, index, value, signature = response
    need(is_bytes(Q, 32) and is_uint(index, 1, 10) and is_bytes(value, 0, 32) and is_bytes(signature, 64), "fields")
    need(index <= len(sealed.shares), "listed")
    own, id, header, values = read_challenge(challenge)
    need(header == sealed.H and Q == own, "challenge")
    ident, key = sealed.core["custodians"][index - 1][0], sealed.shares[index - 1][0]
    Ed25519PublicKey.from_public_bytes(key).verify(signature, statement(header, index, Q, value))
    if not value:
        return "share known"
    need(D("drill value", context(id, header, index, ident), value) == values[index][0], "commitment")
    return "key and share"


class ChallengeWriter:
    def __init__(self, name, sealed, custodians):
        self.name, self.sealed, self.custodians = name, sealed, custodians
        self.id = drawn(name, "challenge")

    def value(self, index):
        return drawn(self.name, f"value {index}")

    def context(self, index, custodian):
        return context(self.id, self.sealed.H, index, custodian.id)

    def plaintext(self, index, custodian):
        return self.context(index, custodian) + bytes([index]) + self.value(index)

    def wrap(self, plain, index, custodian):
        return custodian.wrap(plain, drawn(self.name, f"seed {index}"))

    def row(self, index, custodian):
        commitment = D("drill value", self.context(index, custodian), self.value(index))
        return [index, commitment, self.wrap(self.plaintext(index, custodian), index, custodian)]

    def rows(self):
        ids = [ident for ident, _ in self.sealed.core["custodians"]]
        return [self.row(index, by_id) for index, ident in enumerate(ids, 1) for by_id in self.custodians if by_id.id == ident]

    def items(self):
        return [1, self.id, self.sealed.H, CREATED, self.rows()]

    def write(self):
        return cbor2.dumps(self.items(), canonical=True)


class ResponseWriter:
    def __init__(self, sealed, challenge, index, custodian, proves):
        self.sealed, self.Q, self.index, self.custodian = sealed, D("challenge", challenge), index, custodian
        self.value = value_of(challenge, sealed, index, custodian) if proves else b""

    def key(self):
        return possession_seed(self.sealed.share(self.index, self.custodian), self.sealed.C, self.index)

    def signed(self):
        return statement(self.sealed.H, self.index, self.Q, self.value)

    def sign(self):
        return signing_key(self.key()).sign(self.signed())

    def items(self):
        return [1, self.Q, self.index, self.value, self.sign()]

    def write(self):
        return cbor2.dumps(self.items(), canonical=True)


def challenges(good, other, a, b, c):
    """Name -> (bytes, step, what the crate says there to custodian a)."""
    cases = {}

    def case(name, step, says, sealed=good, custodians=(a, b, c), **steps):
        cases[f"challenge-{name}"] = (overridden(ChallengeWriter(name, sealed, custodians), steps).write(), step, says)

    shut = f"the value for custodian {a.id.hex()} does not open"
    case("good", "value", "")
    case("to-nobody", "value", f"the challenge has no value for custodian {a.id.hex()}", custodians=[])
    case("to-the-others", "value", f"the challenge has no value for custodian {a.id.hex()}", custodians=[c, b])
    case("without-a-clock", "value", "", items=put(3, lambda _: 0))
    case("version-2", "parse", "version 2 is unknown", items=put(0, lambda _: 2))
    case("no-bytes", "parse", malformed("file"), write=lambda *_: b"")
    case("of-four-items", "parse", malformed("file"), items=lambda items: items[:4])
    case("of-six-items", "parse", malformed("file"), items=lambda items: items + [0])
    case("id-of-31-bytes", "parse", malformed("challenge"), items=put(1, lambda id: id[:31]))
    case("header-of-33-bytes", "parse", malformed("header's digest"), items=put(2, lambda H: H + b"\0"))
    case("created-before-1970", "parse", malformed("created"), items=put(3, lambda _: -1))
    case("values-as-bytes", "parse", malformed("list of values"), items=put(4, lambda _: b""))
    case("value-of-two-items", "parse", malformed("list of values"), rows=put(0, lambda row: row[:2]))
    case("index-0", "parse", malformed("index"), rows=put(0, lambda row: [0] + row[1:]))
    case("index-11", "parse", malformed("index"), rows=put(2, lambda row: [11] + row[1:]))
    case("index-257", "parse", malformed("index"), rows=put(2, lambda row: [257] + row[1:]))
    case("index-twice", "parse", malformed("index"), rows=put(1, lambda row: [1] + row[1:]))
    case("index-descending", "parse", malformed("index"), rows=lambda rows: rows[::-1])
    case("eleven-values", "parse", malformed("index"), rows=lambda rows: [[i] + rows[0][1:] for i in range(1, 12)])
    case("commitment-of-31-bytes", "parse", malformed("commitment"), rows=put(0, lambda row: [1, row[1][:31], row[2]]))
    case("wrapped-value-empty", "parse", malformed("wrapped value"), rows=put(0, lambda row: row[:2] + [b""]))
    case("wrapped-value-of-2259-bytes", "parse", malformed("wrapped value"), rows=put(0, lambda row: row[:2] + [bytes(2259)]))
    case("with-a-byte-after-it", "parse", canonical("file"), write=lambda data: data + b"\0")
    case("with-a-long-integer", "parse", canonical("file"), write=lambda data: data[:1] + b"\x18\x01" + data[2:])
    case("of-another-domain", "value", f"the challenge is for header {other.H.hex()}, not {good.H.hex()}", sealed=other)
    case("bound-to-another-challenge", "value", shut, context=lambda *_: context(drawn("another", "id"), good.H, 1, a.id))
    case("bound-to-another-custodian", "value", shut, context=lambda *_: context(drawn("x", "challenge"), good.H, 1, b.id))
    case("wrapped-to-another", "value", shut, wrap=lambda _, plain, index, __: b.wrap(plain, drawn("x", f"seed {index}")))
    case("with-a-share-for-a-value", "value", shut, wrap=lambda box, _, index, __: good.wrapped[index - 1])
    case("with-another-index", "value", shut, plaintext=lambda plain, *_: plain[:32] + b"\x02" + plain[33:])
    case("with-a-value-of-31-bytes", "value", shut, plaintext=lambda plain, *_: plain[:64])
    case("commitment-changed", "value", shut, rows=put(0, lambda row: [1, flip(row[1]), row[2]]))
    case("wrapped-value-changed", "value", shut, rows=put(0, lambda row: row[:2] + [flip(row[2], 9)]))
    return cases


def responses(good, other, a, b, c, challenge, partial):
    """Name -> (bytes, challenge, step, what the crate says there)."""
    cases = {}

    def case(name, step, says, sealed=good, to="good", index=1, by=a, proves=True, **steps):
        bytes = partial if to == "to-the-others" else challenge
        writer = overridden(ResponseWriter(sealed, bytes, index, by, proves), steps)
        cases[f"response-{name}"] = (writer.write(), to, step, says)

    def unsigned(custodian):
        return f"the response claims to be custodian {custodian.id.hex()}'s and is not signed with that custodian's share"

    wrong = "custodian {} did not unwrap the value of the challenge".format
    case("good", "proves", "key and share")
    case("of-custodian-2", "proves", "key and share", index=2, by=b)
    case("without-a-value", "proves", "share known", proves=False)
    case("of-one-who-was-not-asked", "proves", "share known", to="to-the-others", proves=False)
    case("version-2", "parse", "version 2 is unknown", items=put(0, lambda _: 2))
    case("no-bytes", "parse", malformed("file"), write=lambda *_: b"")
    case("of-four-items", "parse", malformed("file"), items=lambda items: items[:4])
    case("of-six-items", "parse", malformed("file"), items=lambda items: items + [0])
    case("challenge-of-31-bytes", "parse", malformed("challenge"), items=put(1, lambda Q: Q[:31]))
    case("index-0", "parse", malformed("index"), items=put(2, lambda _: 0))
    case("index-11", "parse", malformed("index"), items=put(2, lambda _: 11))
    case("index-257", "parse", malformed("index"), items=put(2, lambda _: 257))
    case("value-of-31-bytes", "parse", malformed("value"), items=put(3, lambda value: value[:31]))
    case("value-null", "parse", malformed("value"), items=put(3, lambda _: None))
    case("signature-of-63-bytes", "parse", malformed("signature"), items=put(4, lambda s: s[:63]))
    case("with-a-byte-after-it", "parse", canonical("file"), write=lambda data: data + b"\0")
    case("with-a-long-integer", "parse", canonical("file"), write=lambda data: data[:1] + b"\x18\x01" + data[2:])
    Q, others = D("challenge", challenge).hex(), D("challenge", partial).hex()
    case("replayed", "verify", f"the response answers challenge {Q}, not {others}")
    cases["response-replayed"] = (cases["response-good"][0], "to-the-others", *cases["response-replayed"][2:])
    case("index-not-listed", "verify", "the domain has no share 4", items=put(2, lambda _: 4))
    case("index-of-another", "verify", unsigned(b), items=put(2, lambda _: 2))
    case("signature-changed", "verify", unsigned(a), items=put(4, flip))
    case("signed-without-its-value", "verify", unsigned(a), signed=lambda *_: statement(good.H, 1, bytes.fromhex(Q), b""))
    case("value-taken-away", "verify", unsigned(a), items=put(3, lambda _: b""))
    case("signed-as-a-contribution", "verify", unsigned(a), signed=lambda *_: D(
        "statement", b"\x01", good.H, b"\x01", D("statement text", bytes.fromhex(Q), drawn("good", "value 1"))))
    case("signed-for-another-header", "verify", unsigned(a),
         signed=lambda *_: statement(other.H, 1, bytes.fromhex(Q), drawn("good", "value 1")))
    case("signed-by-another-custodian", "verify", unsigned(a),
         key=lambda *_: possession_seed(good.share(2, b), good.C, 2))
    case("made-without-the-wrapped-value", "verify", wrong(a.id.hex()), proves=False,
         items=lambda items: [*items[:3], bytes(32), signing_key(possession_seed(good.share(1, a), good.C, 1)).sign(
             statement(good.H, 1, bytes.fromhex(Q), bytes(32)))])
    case("with-the-value-of-another", "verify", wrong(a.id.hex()), proves=False,
         items=lambda items: [*items[:3], drawn("good", "value 2"), signing_key(
             possession_seed(good.share(1, a), good.C, 1)).sign(
                 statement(good.H, 1, bytes.fromhex(Q), drawn("good", "value 2")))])
    case("with-a-value-that-nobody-asked-for", "verify", wrong(a.id.hex()), to="to-the-others", proves=False,
         items=lambda items: [*items[:3], bytes(32), signing_key(possession_seed(good.share(1, a), good.C, 1)).sign(
             statement(good.H, 1, bytes.fromhex(others), bytes(32)))])
    return cases


def files():
    good, other = domain("good"), domain("good-later-epoch")
    a, b, c = (Custodian(name) for name in "abc")
    asked = challenges(good, other, a, b, c)
    answered = responses(good, other, a, b, c, asked["challenge-good"][0], asked["challenge-to-the-others"][0])
    all = {name: (data, {"file": name, "step": step, "says": says}) for name, (data, step, says) in asked.items()}
    for name, (data, to, step, says) in answered.items():
        all[name] = data, {"file": name, "challenge": f"challenge-{to}", "step": step, "says": says}
    return all


def manifest(all):
    rows = ",\n".join(json.dumps(row) for _, row in all.values())
    return f"[\n{rows}\n]\n"


def check():
    good, a = domain("good"), Custodian("a")
    all = files()
    for name, (data, row) in all.items():
        assert (VECTORS / f"{name}.cbor").read_bytes() == data, name
        if "challenge" in row:
            challenge = all[row["challenge"]][0]
            if row["step"] == "proves":
                assert verify(data, challenge, good) == row["says"], name
            else:
                assert refuses(lambda: verify(data, challenge, good)), name
        else:
            refused = refuses(lambda: value_of(data, good, 1, a))
            assert refused == bool(row["says"]), name
    assert (VECTORS / "cases.json").read_text() == manifest(all)
    known = json.loads((VECTORS / "known-answer.json").read_text())
    challenge, response = (bytes.fromhex(known[name]) for name in ("challenge", "response"))
    assert read_challenge(challenge)[0].hex() == known["digest"]
    assert value_of(challenge, good, 1, a).hex() == known["value"]
    assert verify(response, challenge, good) == "key and share"
    print(f"the known answer is read, and {len(all)} vectors are the same as written here")


def vectors():
    all = files()
    VECTORS.mkdir(exist_ok=True)
    for name, (data, _) in all.items():
        (VECTORS / f"{name}.cbor").write_bytes(data)
    (VECTORS / "cases.json").write_text(manifest(all))


if __name__ == "__main__":
    {"check": check, "vectors": vectors}.get(" ".join(sys.argv[1:]), lambda: sys.exit(__doc__))()
