# SPDX-License-Identifier: MIT OR Apache-2.0
"""Requests and contributions of docs/format.md, read and written without the crate.

Written from the document alone, beside the sealed domain's reader and writer. Usage, from the root of
the repository:

    sessions.py check          read what the crate wrote, write all vectors again and compare
    sessions.py vectors        write the vectors
    sessions.py contributions  contribute anew to transfer keys of every kind, for the crate's tests to open
    sessions.py show FILE      what a request says
"""

import json
import sys
from pathlib import Path

import cbor2
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

import kinds
from sealed_domain import (
    CORE, L, VECTORS, Custodian, D, Writer, domain_id, domain_seed, drawn, possession_seed, read, signing_key, verify_key)

RECOVER, ROTATE, REHEARSE = 1, 2, 3
CONTRIBUTION = b"\x01"
CREATED, EXPIRES = 1790000000, 1790086400
REQUEST = ["version", "purpose", "session_id", "header", "domain_id", "epoch", "transfer", "instance",
           "module_version", "created", "expires", "ledger_head", "proposal"]


def need(condition, what):
    if not condition:
        raise ValueError(what)


def strict(encoded):
    value = cbor2.loads(encoded)
    need(cbor2.dumps(value, canonical=True) == encoded, "encoding")
    return value


def is_bytes(value, *lengths):
    return isinstance(value, bytes) and len(value) in lengths


def is_uint(value, low, high):
    return type(value) is int and low <= value <= high


def spki(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class Sealed:
    """What a session needs of a sealed domain."""

    def __init__(self, data):
        header, self.wrapped = cbor2.loads(data)[:2]
        core, self.shares = cbor2.loads(header)
        self.core = dict(zip(CORE, cbor2.loads(core), strict=True))
        self.C, self.H = D("core", core), D("header", header)
        self.domain_id = domain_id(self.core)

    def share(self, index, custodian):
        return custodian.unwrap(self.wrapped[index - 1])[33:]


def statement(H, index, R, wrapped):
    return D("statement", CONTRIBUTION, H, bytes([index]), D("statement text", R, wrapped))


def context(R, index):
    return D("contribution", R, bytes([index]))


LENGTHS = {"session_id": 32, "header": 32, "domain_id": 32, "instance": 16, "ledger_head": 32}


# Reading.
def transfer_key(algorithm, encoded):
    if algorithm in kinds.BY_CODE:
        kind = kinds.BY_CODE[algorithm]
        need(kind.read(encoded) is not None, "transfer key")
        return
    try:
        key = load_der_public_key(encoded)
    except UnsupportedAlgorithm as error:
        raise ValueError from error
    need(isinstance(key, RSAPublicKey), "algorithm")
    need(spki(key) == encoded, "transfer key")
    numbers = key.public_numbers()
    need({1: 2048, 2: 3072, 3: 4096}[algorithm] == numbers.n.bit_length(), "algorithm")
    need(numbers.n % 2 == 1 and numbers.e % 2 == 1 and 65537 <= numbers.e < 2**256, "modulus or exponent")


def read_request(data):
    """R, what the request says, and its signature."""
    encoded, signature = strict(data)
    request = dict(zip(REQUEST, strict(encoded), strict=True))
    need(request["version"] == 1, "version")
    need(is_uint(request["purpose"], RECOVER, REHEARSE), "purpose")
    for name, length in LENGTHS.items():
        need(is_bytes(request[name], length), name)
    need(is_uint(request["epoch"], 1, 2**32 - 1), "epoch")
    transfer_key(*request["transfer"])
    need(is_uint(request["module_version"], 0, 2**32 - 1), "module version")
    created, expires = request["created"], request["expires"]
    need(is_uint(created, 0, 2**64 - 1) and is_uint(expires, 0, 2**64 - 1), "times")
    need(expires == 0 or 0 < created <= expires, "expiry")
    proposal = request["proposal"]
    need(is_bytes(proposal, 32) if request["purpose"] == ROTATE else proposal is None, "proposal")
    need(is_bytes(signature, 0, 64), "signature")
    return D("request", encoded), request, signature


def verify_request(data, sealed):
    R, request, signature = read_request(data)
    need(request["domain_id"] == sealed.domain_id, "domain id")
    Ed25519PublicKey.from_public_bytes(sealed.core["domain_key"]).verify(signature, D("request signature", R))


def read_contribution(data, sealed, R, transfer):
    """The index and the share."""
    version, request, index, wrapped, signature = strict(data)
    need(version == 1, "version")
    need(is_bytes(request, 32) and is_bytes(wrapped, *range(1, 1747)) and is_bytes(signature, 64), "bytes")
    need(request == R, "session")
    need(is_uint(index, 1, len(sealed.shares)), "index")
    key = sealed.shares[index - 1][0]
    Ed25519PublicKey.from_public_bytes(key).verify(signature, statement(sealed.H, index, R, wrapped))
    plain = transfer.unwrap(wrapped, context(R, index))
    need(plain[:33] == context(R, index) + bytes([index]), "context")
    need(verify_key(possession_seed(plain[33:], sealed.C, index)) == key, "share")
    return index, plain[33:]


# Writing.
class RequestWriter:
    """Writes a request step by step; a vector overrides the step that it breaks."""

    def __init__(self, sealed, transfer):
        self.fields = dict(zip(REQUEST, [
            1, RECOVER, drawn("session", "id"), sealed.H, sealed.domain_id, sealed.core["epoch"],
            [transfer.algorithm, spki(transfer.key.public_key())], drawn("recovering", "instance")[:16],
            0, CREATED, EXPIRES, bytes(32), None], strict=True))
        self.signer = None

    def encode(self, request):
        return cbor2.dumps(request, canonical=True)

    def sign(self, R):
        return signing_key(self.signer).sign(D("request signature", R)) if self.signer else b""

    def file(self, items):
        return cbor2.dumps(items, canonical=True)

    def write(self):
        encoded = self.encode(list(self.fields.values()))
        return self.file([encoded, self.sign(D("request", encoded))])


class ContributionWriter:
    """Writes the contribution of custodian `index` step by step."""

    def __init__(self, name, sealed, R, index, custodian, transfer):
        self.name, self.sealed, self.R, self.index = name, sealed, R, index
        self.custodian, self.transfer = custodian, transfer

    def plaintext(self, share):
        return context(self.R, self.index) + bytes([self.index]) + share

    def wrap(self, plain):
        return self.transfer.wrap(plain, drawn(self.name, "seed"))

    def key(self, share):
        return possession_seed(share, self.sealed.C, self.index)

    def signed(self, wrapped):
        return statement(self.sealed.H, self.index, self.R, wrapped)

    def sign(self, key, digest):
        return signing_key(key).sign(digest)

    def items(self, items):
        return items

    def file(self, items):
        return cbor2.dumps(items, canonical=True)

    def write(self):
        share = self.sealed.share(self.index, self.custodian)
        wrapped = self.wrap(self.plaintext(share))
        signature = self.sign(self.key(share), self.signed(wrapped))
        return self.file(self.items([1, self.R, self.index, wrapped, signature]))


def overridden(writer, steps):
    for name, replacement in steps.items():
        original = getattr(writer, name)
        setattr(writer, name, lambda *args, f=replacement, o=original: f(o(*args), *args))
    return writer


def flip(data, at=0):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def put(place, value):
    return lambda items, *_: [value(item) if i == place else item for i, item in enumerate(items)]


malformed = "the {} is malformed or out of bounds".format
canonical = "the {} is not in deterministic encoding, or bytes follow it".format


def domain(name):
    return Sealed((VECTORS / f"{name}.sealed").read_bytes())


def requests():
    """Name -> (bytes, sealed domain, step, what the crate says there)."""
    good, strong, other = domain("good"), domain("good-custodian-of-3072-bits"), domain("good-four-custodians")
    d = Custodian("d")
    cases = {}

    def case(name, step, says, prepare=None, sealed=good, at="good", **steps):
        writer = RequestWriter(sealed, d)
        if prepare:
            prepare(writer)
        cases[f"request-{name}"] = (overridden(writer, steps).write(), at, step, says)

    def field(name, key, value, says, step="parse"):
        case(name, step, says, lambda w: w.fields.update({key: value}))

    def fields(name, step, says, **values):
        case(name, step, says, lambda w: w.fields.update(values))

    def signer(seed):
        return lambda w: setattr(w, "signer", seed)

    root = domain_seed(drawn("domain", "root"))
    case("recover", "answered", "")
    case("recover-in-another-session", "answered", "", lambda w: w.fields.update(session_id=drawn("another", "id")))
    case("recover-signed", "answered", "", signer(root))
    fields("without-a-clock", "answered", "", created=0, expires=0)
    fields("without-an-end", "answered", "", expires=0)
    field("with-a-ledger", "ledger_head", drawn("ledger", "head"), "", "answered")

    # The file, from the outside in.
    case("no-bytes", "parse", malformed("file"), file=lambda *_: b"")
    case("no-cbor", "parse", malformed("file"), file=lambda *_: b"{}")
    case("file-of-three-items", "parse", malformed("file"), file=lambda data, *_: b"\x83" + data[1:] + b"\x00")
    case("file-without-a-length", "parse", malformed("file"), file=lambda data, *_: b"\x9f" + data[1:] + b"\xff")
    case("file-with-a-byte-after-it", "parse", canonical("file"), file=lambda data, *_: data + b"\x00")
    case("file-with-a-long-length", "parse", canonical("file"), file=lambda data, *_: b"\x98\x02" + data[1:])
    case("of-fourteen-items", "parse", malformed("request"), encode=lambda data, _: b"\x8e" + data[1:] + b"\x00")
    case("with-a-byte-after-it", "parse", canonical("request"), encode=lambda data, _: data + b"\x00")
    case("with-a-long-integer", "parse", canonical("request"),
         encode=lambda data, _: data[:1] + b"\x18\x01" + data[2:])
    case("with-a-tag", "parse", malformed("version"), encode=lambda data, _: data[:1] + b"\xc1" + data[1:])
    case("cut-off", "parse", malformed("proposal"), encode=lambda data, _: data[:-1])

    # Field by field.
    field("version-2", "version", 2, "version 2 is unknown")
    field("purpose-0", "purpose", 0, "purpose 0 is unknown")
    field("purpose-4", "purpose", 4, "purpose 4 is unknown")
    field("session-id-of-31-bytes", "session_id", bytes(31), malformed("session id"))
    field("header-of-33-bytes", "header", bytes(33), malformed("header's digest"))
    field("domain-id-of-31-bytes", "domain_id", bytes(31), malformed("domain id"))
    field("epoch-0", "epoch", 0, malformed("epoch"))
    field("epoch-2-to-the-32", "epoch", 2**32, malformed("epoch"))
    field("module-version-null", "module_version", None, malformed("module version"))
    field("module-version-2-to-the-32", "module_version", 2**32, malformed("module version"))
    field("instance-of-15-bytes", "instance", bytes(15), malformed("instance id"))
    field("created-before-1970", "created", -1, malformed("created"))
    field("expires-2-to-the-64", "expires", 2**64, malformed("expires"))
    field("ledger-head-of-31-bytes", "ledger_head", bytes(31), malformed("ledger head"))
    field("ledger-head-null", "ledger_head", None, malformed("ledger head"))
    field("proposal-to-recover", "proposal", bytes(32), malformed("proposal"))
    fields("proposal-to-rehearse", "parse", malformed("proposal"), purpose=REHEARSE, proposal=bytes(32))
    field("rotate-without-a-proposal", "purpose", ROTATE, malformed("proposal"))
    fields("rotate-with-a-proposal-of-31-bytes", "parse", malformed("proposal"), purpose=ROTATE, proposal=bytes(31))
    expiry = "expires is before created, or there is no clock"
    field("expires-before-created", "expires", CREATED - 1, expiry)
    field("expires-without-a-clock", "created", 0, expiry)

    # The transfer key.
    key = spki(d.key.public_key())
    refused = "the transfer key is refused: {}".format
    numbers = d.key.public_key().public_numbers()

    def rsa_key(n=numbers.n, e=numbers.e):
        """Without the checks of a library that makes keys only as they should be."""
        def tlv(tag, body):
            length = len(body)
            more = b"" if length < 128 else length.to_bytes((length.bit_length() + 7) // 8, "big")
            head = bytes([0x80 | len(more)]) + more if more else bytes([length])
            return bytes([tag]) + head + body

        def integer(value):
            return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))
        pkcs1 = tlv(0x30, integer(n) + integer(e))
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        return tlv(0x30, algorithm + tlv(3, b"\x00" + pkcs1))

    assert rsa_key() == key

    def transfer(name, value, says):
        field(f"transfer-{name}", "transfer", value, says)

    transfer("of-three-items", [1, key, 0], malformed("transfer key"))
    transfer("as-bytes", key, malformed("transfer key"))
    for code in (0, 257):
        transfer(f"algorithm-{code}", [code, key], f"the transfer key's algorithm {code} is unknown")
    not_so = refused("the key is not in the DER encoding of its kind")
    transfer("algorithm-4", [4, key], not_so)
    transfer("of-two-keys", [0x1647A, key], "transfer keys of the kind RSA-2048 and X-Wing are not supported")
    transfer("algorithm-of-another-size", [2, key], malformed("transfer key"))
    transfer("with-a-byte-after-it", [1, key + b"\x00"], refused("bytes follow the key"))
    transfer("one-byte-short", [1, key[:-1]], refused("the key is not in its DER encoding"))
    transfer("empty", [1, b""], refused("the key is not in its DER encoding"))
    no_null = bytes([0x30, 0x82]) + (len(key) - 6).to_bytes(2, "big") + b"\x30\x0b" + key[6:17] + key[19:]
    transfer("without-null", [1, no_null], refused("the key's algorithm is not rsaEncryption"))
    transfer("of-1024-bits", [1, rsa_key(n=numbers.n >> 1024 | 1 << 1023 | 1)],
             refused("the modulus has 1024 bits, not 2048, 3072 or 4096"))
    transfer("of-2047-bits", [1, rsa_key(n=numbers.n >> 1 | 1)],
             refused("the modulus has 2047 bits, not 2048, 3072 or 4096"))
    transfer("with-an-even-modulus", [1, rsa_key(n=numbers.n - 1)], refused("the modulus is even"))
    transfer("with-exponent-3", [1, rsa_key(e=3)], refused("the public exponent is below 65537"))
    transfer("with-an-even-exponent", [1, rsa_key(e=65538)], refused("the public exponent is even"))
    transfer("with-an-exponent-of-257-bits", [1, rsa_key(e=2**256 + 1)],
             refused("the public exponent has more than 256 bits"))

    # Of the other kinds.
    for name, kind in kinds.KINDS.items():
        made = kinds.from_name(name)
        theirs = kind.spki(made.public)
        case(f"transfer-of-{name}", "answered", "", lambda w, v=[kind.code, theirs]: w.fields.update(transfer=v))
        transfer(f"of-{name}-with-a-byte-after-it", [kind.code, theirs + b"\x00"], not_so)
        transfer(f"of-{name}-one-byte-short", [kind.code, theirs[:-1]], not_so)
        transfer(f"of-{name}-as-rsa", [1, theirs], refused("the key's algorithm is not rsaEncryption"))
    invalid = refused("the key is not valid")
    x_wing = kinds.KINDS["x-wing"]
    public = kinds.from_name("x-wing").public
    transfer("of-x-wing-of-low-order", [0x647A, x_wing.spki(public[:-32] + bytes(32))], invalid)
    transfer("of-x-wing-above-the-modulus", [0x647A, x_wing.spki(b"\xff\xff" + public[2:])], invalid)
    transfer("of-p256-off-the-curve", [0x10, kinds.KINDS["p256"].spki(b"\x04" + bytes(63) + b"\x01")], invalid)

    # The signature.
    case("signature-of-63-bytes", "parse", malformed("signature"), signer(root), sign=lambda s, _: s[1:])
    case("signature-of-65-bytes", "parse", malformed("signature"), signer(root), sign=lambda s, _: s + b"\x00")
    case("signature-null", "parse", malformed("signature"), sign=lambda *_: None)
    wrong = "the request's signature is not the domain's"
    case("signature-changed", "vet", wrong, signer(root), sign=lambda s, _: flip(s))
    case("signature-by-another-domain", "vet", wrong, signer(domain_seed(drawn("another", "root"))))
    case("signature-of-another-request", "vet", wrong, signer(root), sign=lambda *_: signing_key(root).sign(
        D("request signature", D("request", b"another"))))
    case("signature-over-the-request-itself", "vet", wrong, signer(root),
         sign=lambda _, R: signing_key(root).sign(R))
    case("signature-in-a-second-encoding", "vet", wrong, signer(root),
         sign=lambda s, _: s[:32] + (int.from_bytes(s[32:], "little") + L).to_bytes(32, "little"))
    zeros = bytes(32).hex()
    case("signed-about-another-domain", "vet",
         f"the request is about domain {zeros}, not {good.domain_id.hex()}",
         lambda w: (w.fields.update(domain_id=bytes(32)), signer(root)(w)))

    # Well-formed, and not to be answered.
    field("for-another-header", "header", other.H,
          f"the request asks for header {other.H.hex()}, not {good.H.hex()}", "contribute")
    field("for-another-domain", "domain_id", bytes(32),
          f"the request names domain {zeros}, not {good.domain_id.hex()}", "contribute")
    field("for-another-epoch", "epoch", 2, "the request names epoch 2, not 1", "contribute")
    fields("to-rotate", "answered", "",
           purpose=ROTATE, proposal=drawn("proposal", "header"))
    fields("to-rehearse", "answered", "", purpose=REHEARSE)
    fields("expired", "contribute", f"the request expired at {CREATED}; it is {CREATED + 1}", expires=CREATED)
    case("transfer-key-weaker-than-the-custodians", "contribute",
         "the transfer key is RSA-2048 OAEP-SHA-256, weaker than the custodian's RSA-3072 OAEP-SHA-256",
         sealed=strong, at="good-custodian-of-3072-bits")
    return cases


def contributions():
    """Name -> (bytes, step, what the crate says there)."""
    good, strong = domain("good"), domain("good-custodian-of-3072-bits")
    custodians = [Custodian(name) for name in "abc"]
    a, b, d = custodians[0], custodians[1], Custodian("d")
    R = read_request(RequestWriter(good, d).write())[0]
    another = RequestWriter(good, d)
    another.fields["session_id"] = drawn("another", "id")
    another = read_request(another.write())[0]
    cases = {}

    def case(name, step, says, index=1, prepare=None, **steps):
        name = f"contribution-{name}"
        writer = ContributionWriter(name, good, R, index, custodians[index - 1], d)
        if prepare:
            prepare(writer)
        cases[name] = (overridden(writer, steps).write(), step, says)

    for index in (1, 2, 3):
        case(f"of-custodian-{index}", "taken", "", index)

    # The file, from the outside in.
    case("no-bytes", "parse", malformed("file"), file=lambda *_: b"")
    case("no-cbor", "parse", malformed("file"), file=lambda *_: b"{}")
    case("of-four-items", "parse", malformed("file"), items=lambda items, *_: items[:4])
    case("of-six-items", "parse", malformed("file"), items=lambda items, *_: items + [0])
    case("without-a-length", "parse", malformed("file"), file=lambda data, *_: b"\x9f" + data[1:] + b"\xff")
    case("with-a-byte-after-it", "parse", canonical("file"), file=lambda data, *_: data + b"\x00")
    case("with-a-long-length", "parse", canonical("file"), file=lambda data, *_: b"\x98\x05" + data[1:])
    case("with-a-long-integer", "parse", canonical("file"), file=lambda data, *_: data[:1] + b"\x18\x01" + data[2:])
    case("with-a-tag", "parse", malformed("version"), file=lambda data, *_: data[:1] + b"\xc1" + data[1:])
    case("cut-off", "parse", malformed("signature"), file=lambda data, *_: data[:-1])
    case("version-2", "parse", "version 2 is unknown", items=put(0, lambda _: 2))
    case("request-of-31-bytes", "parse", malformed("request"), items=put(1, lambda R: R[1:]))
    case("index-0", "parse", malformed("index"), items=put(2, lambda _: 0))
    case("index-11", "parse", malformed("index"), items=put(2, lambda _: 11))
    case("index-257", "parse", malformed("index"), items=put(2, lambda _: 257))
    case("wrapped-share-empty", "parse", malformed("wrapped share"), items=put(3, lambda _: b""))
    case("wrapped-share-of-1747-bytes", "parse", malformed("wrapped share"), items=put(3, lambda _: bytes(1747)))
    case("wrapped-share-as-text", "parse", malformed("wrapped share"), items=put(3, lambda _: "x" * 256))
    case("signature-of-63-bytes", "parse", malformed("signature"), items=put(4, lambda s: s[1:]))

    # Before the transfer key is used.
    case("to-another-session", "open", f"the contribution answers request {another.hex()}, not {R.hex()}",
         prepare=lambda w: setattr(w, "R", another))
    case("index-not-listed", "open", "the domain has no share 4", items=put(2, lambda _: 4))

    def unsigned(custodian):
        return (f"the contribution claims to be custodian {custodian.id.hex()}'s and is not signed with that custodian's share")

    case("replayed-in-another-session", "open", unsigned(a),
         prepare=lambda w: setattr(w, "R", another), items=put(1, lambda _: R))
    case("index-of-another", "open", unsigned(b), items=put(2, lambda _: 2))
    case("signature-changed", "open", unsigned(a), items=put(4, flip))
    case("signature-in-a-second-encoding", "open", unsigned(a),
         sign=lambda s, *_: s[:32] + (int.from_bytes(s[32:], "little") + L).to_bytes(32, "little"))
    case("wrapped-share-changed", "open", unsigned(a), items=put(3, flip))
    case("wrapped-share-of-513-bytes", "open", unsigned(a), items=put(3, lambda _: bytes(513)))
    case("signed-by-another-custodian", "open", unsigned(a),
         key=lambda *_: possession_seed(good.share(2, b), good.C, 2))
    case("signed-with-the-domain-key", "open", unsigned(a), key=lambda *_: domain_seed(drawn("domain", "root")))
    case("signed-under-another-header", "open", unsigned(a),
         key=lambda _, share: possession_seed(share, strong.C, 1))
    case("signed-for-another-header", "open", unsigned(a),
         signed=lambda _, wrapped: statement(strong.H, 1, R, wrapped))
    case("signed-as-another-kind", "open", unsigned(a), signed=lambda _, wrapped: D(
        "statement", b"\x02", good.H, b"\x01", D("statement text", R, wrapped)))
    case("signed-for-another-index", "open", unsigned(a),
         signed=lambda _, wrapped: statement(good.H, 2, R, wrapped))
    case("signed-without-a-statement", "open", unsigned(a),
         signed=lambda _, wrapped: D("statement text", R, wrapped))

    # Signed by the custodian, who may err or betray.
    fails = f"the contribution of custodian {a.id.hex()} does not open"
    case("bound-to-another-session", "open", fails,
         plaintext=lambda plain, _: context(another, 1) + plain[32:])
    case("bound-as-in-the-sealed-domain", "open", fails,
         plaintext=lambda plain, _: D("share", good.C, b"\x01", a.id) + plain[32:])
    case("bound-to-another-index", "open", fails, plaintext=lambda plain, _: context(R, 2) + plain[32:])
    case("plaintext-with-another-index", "open", fails, plaintext=lambda plain, _: flip(plain, 32))
    case("of-a-wrong-share", "open", fails, plaintext=lambda plain, _: flip(plain, 64))
    case("of-another-share", "open", fails, plaintext=lambda plain, _: plain[:33] + good.share(2, b))
    case("of-31-bytes", "open", fails, plaintext=lambda plain, _: plain[:-1])
    case("of-33-bytes", "open", fails, plaintext=lambda plain, _: plain + b"\x00")
    case("of-no-bytes", "open", fails, plaintext=lambda *_: b"")
    case("wrapped-to-another-key", "open", fails, prepare=lambda w: setattr(w, "transfer", b))
    case("wrapped-share-one-byte-short", "open", fails, wrap=lambda box, _: box[1:])
    case("wrapped-share-above-the-modulus", "open", fails, wrap=lambda *_: b"\xff" * 256)
    case("wrapped-share-forwarded", "open", fails, wrap=lambda *_: good.wrapped[0])
    return cases


def files():
    """Name -> (bytes, row of sessions.json)."""
    all = {}
    for name, (data, at, step, says) in requests().items():
        all[name] = (data, {"file": name, "sealed": at, "step": step, "says": says})
    for name, (data, step, says) in contributions().items():
        all[name] = (data, {"file": name, "sealed": "good", "step": step, "says": says})
    return all


def known_request():
    """The request of the crate's known answer, signed, which the crate does not write."""
    sealed = domain("known-answer")
    writer = RequestWriter(sealed, Custodian("d"))
    keys = list(writer.fields)
    writer.fields |= dict(zip([keys[2], keys[7], keys[10]], [b"\x11" * 32, b"fedcba9876543210", b"\x22" * 32]))
    writer.signer = domain_seed(bytes.fromhex(json.loads((VECTORS / "known-answer.json").read_text())["root"]))
    return writer.write()


class Transfer:
    """A transfer key that is not an RSA key: what is wrapped to it depends on the context."""

    def __init__(self, name):
        self.name, self.key = name, kinds.from_name(name)

    def wrap(self, plain, _):
        return self.key.wrap(plain, plain[:32])

    def unwrap(self, wrapped, context):
        return self.key.unwrap(wrapped, context)


def contribute_anew():
    """Random bytes that nobody can give go into these."""
    rows, good = [], domain("good")
    for name in kinds.KINDS:
        R = read_request((VECTORS / f"request-transfer-of-{name}.cbor").read_bytes())[0]
        writer = ContributionWriter(f"contribution-to-{name}", good, R, 2, Custodian("b"), Transfer(name))
        rows.append({"kind": name, "seed": kinds.seed_of(name).hex(), "contribution": writer.write().hex()})
    (kinds.KEM / "contributions.json").write_text(json.dumps(rows, indent=1) + "\n")


def check_contributions():
    good, seen = domain("good"), 0
    for file in ["contributions.json", "known-contributions.json"]:
        for row in json.loads((kinds.KEM / file).read_text()):
            R = read_request((VECTORS / f"request-transfer-of-{row['kind']}.cbor").read_bytes())[0]
            transfer = Transfer(row["kind"])
            assert row["seed"] == kinds.seed_of(row["kind"]).hex()
            index, share = read_contribution(bytes.fromhex(row["contribution"]), good, R, transfer)
            assert share == good.share(index, Custodian("abc"[index - 1])), row["kind"]
            seen += 1
    assert seen == 2 * len(kinds.KINDS)
    print(f"{seen} contributions to keys of other kinds open")


def manifest(all):
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for _, row in all.values())
    return f"[\n{rows}\n]\n"


def refuses(act):
    try:
        act()
    except (ValueError, KeyError, TypeError, OverflowError, InvalidSignature, cbor2.CBORError):
        return True
    return False


def known_request():
    """A request about the domain that the crate sealed. An HSM that errs has signed it: it is to recover."""
    writer = RequestWriter(domain("known-answer"), Custodian("d"))
    writer.fields.update(session_id=bytes([0x11]) * 32, instance=b"fedcba9876543210", module_version=3,
                         ledger_head=bytes([0x22]) * 32)
    root = json.loads((VECTORS / "known-answer.json").read_text())["root"]
    writer.signer = domain_seed(bytes.fromhex(root))
    return writer.write()


def check():
    d, good = Custodian("d"), domain("good")
    # What the crate wrote, with draws that are fixed.
    request = (VECTORS / "known-answer.request").read_bytes()
    assert request == known_request()
    sealed = domain("known-answer")
    R, said, _ = read_request(request)
    verify_request(request, sealed)
    assert said["header"] == sealed.H and said["domain_id"] == sealed.domain_id
    contribution = (VECTORS / "known-answer.contribution").read_bytes()
    index, share = read_contribution(contribution, sealed, R, d)
    assert share == sealed.share(index, Custodian("b")), "share"
    print("the known request and contribution are read")
    check_contributions()

    all = files()
    for name, (data, row) in all.items():
        assert (VECTORS / f"{name}.cbor").read_bytes() == data, name
        step = row["step"]
        if name.startswith("request-"):
            if step == "parse":
                assert refuses(lambda: read_request(data)), name
            else:
                signature = read_request(data)[2]
                if signature:
                    assert refuses(lambda: verify_request(data, good)) == (step == "vet"), name
        else:
            R = read_request(all["request-recover"][0])[0]
            assert refuses(lambda: read_contribution(data, good, R, d)) == (step != "taken"), name
    assert (VECTORS / "sessions.json").read_text() == manifest(all)
    print(f"{len(all)} vectors are the same as written here")


def main(verb, *paths):
    if verb == "check":
        check()
    elif verb == "vectors":
        all = files()
        for name, (data, _) in all.items():
            (VECTORS / f"{name}.cbor").write_bytes(data)
        (VECTORS / "sessions.json").write_text(manifest(all))
        (VECTORS / "known-answer.request").write_bytes(known_request())
    elif verb == "contributions":
        contribute_anew()
    elif verb == "show":
        for path in paths:
            R, request, _ = read_request(Path(path).read_bytes())
            print(R.hex(), request)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["help"]))
