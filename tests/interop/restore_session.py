# SPDX-License-Identifier: MIT OR Apache-2.0
"""Requests to restore and contributions to them of docs/format.md, read and written without the crate.

Written from the document alone. Usage, from the root of the repository:

    restore_session.py check          read what the crate wrote, write all vectors again and compare
    restore_session.py vectors        write the vectors
    restore_session.py contributions  contribute anew to session's keys of every kind, for the crate's tests to open
    restore_session.py show FILE      what a request says
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

import kinds
from formats import open_jwe
from sealed_domain import Custodian, D, drawn
from sessions import CREATED, EXPIRES, Transfer, flip, is_bytes, is_uint, need, overridden, put, refuses, spki, strict, transfer_key

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
AZURE, HERE = VECTORS / "managed-hsm", VECTORS / "restore-session"
REQUEST = ["version", "session_id", "file", "transfer", "key", "created", "expires"]
NOW = CREATED + 1


class Azure:
    """What a session needs of a domain file."""

    def __init__(self, case):
        self.text = (AZURE / "valid" / case / "sd.json").read_bytes()
        self.digest = hashlib.sha256(self.text).digest()
        shared = json.loads(self.text)["SharedKeys"]
        self.shares = {base64.urlsafe_b64decode(s["x5t_256"] + "="): s["enc_key"] for s in shared["enc_shares"]}

    def share(self, name):
        """The 64 bytes of a custodian's share."""
        key = load_pem_private_key((AZURE / "keys" / f"{name}.key").read_bytes(), None)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        return open_jwe(self.shares[thumbprint(name)], "not used", lambda _, wrapped: key.decrypt(wrapped, oaep))


def thumbprint(name):
    certificate = x509.load_pem_x509_certificate((AZURE / "keys" / f"{name}.cer").read_bytes())
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()


def shown(digest):
    """As thumbprints are printed."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def context(R, custodian):
    return D("restore contribution", R, custodian)


# Reading.
def read_request(data):
    """R, and what the request says."""
    request = dict(zip(REQUEST, strict(data), strict=True))
    need(request["version"] == 1, "version")
    for name in ("session_id", "file", "transfer"):
        need(is_bytes(request[name], 32), name)
    transfer_key(*request["key"])
    created, expires = request["created"], request["expires"]
    need(is_uint(created, 0, 2**64 - 1) and is_uint(expires, 0, 2**64 - 1), "times")
    need(expires == 0 or 0 < created <= expires, "expiry")
    return D("restore request", data), request


def read_contribution(data, file, R, session):
    """The custodian and the share."""
    version, request, custodian, wrapped = strict(data)
    need(version == 1, "version")
    need(is_bytes(request, 32) and is_bytes(custodian, 32) and is_bytes(wrapped, *range(1, 1778)), "bytes")
    need(request == R, "session")
    need(custodian in file.shares, "custodian")
    plain = session.unwrap(wrapped, context(R, custodian))
    need(plain[:32] == context(R, custodian) and len(plain) == 96, "context")
    words = [int.from_bytes(plain[i:i + 2], "little") for i in range(32, 96, 2)]
    need(1 <= words[0] >> 9 <= 10, "index")
    need(all(word >> 9 == words[0] >> 9 and word % 512 <= 256 for word in words), "words")
    return custodian, plain[32:]


# Writing.
class RequestWriter:
    """Writes a request step by step; a vector overrides the step that it breaks."""

    def __init__(self, file, session):
        self.fields = dict(zip(REQUEST, [
            1, drawn("restore session", "id"), file.digest, thumbprint("stransfer2048"),
            [session.algorithm, spki(session.key.public_key())], CREATED, EXPIRES], strict=True))

    def file(self, items):
        return cbor2.dumps(items, canonical=True)

    def write(self):
        return self.file(list(self.fields.values()))


class ContributionWriter:
    """Writes a custodian's contribution step by step."""

    def __init__(self, label, file, R, name, session):
        self.label, self.azure, self.R, self.name, self.session = label, file, R, name, session

    def plaintext(self, share):
        return context(self.R, thumbprint(self.name)) + share

    def wrap(self, plain):
        return self.session.wrap(plain, drawn(self.label, "seed"))

    def items(self, items):
        return items

    def file(self, items):
        return cbor2.dumps(items, canonical=True)

    def write(self):
        wrapped = self.wrap(self.plaintext(self.azure.share(self.name)))
        return self.file(self.items([1, self.R, thumbprint(self.name), wrapped]))


malformed = "the {} is malformed or out of bounds".format
canonical = "the file is not in deterministic encoding, or bytes follow it"
DOMAIN, STRONG = "v01-2of3-2048", "v02-2of3-3072"


def requests():
    """Name -> (bytes, domain file, step, what the crate says there)."""
    good, strong, session = Azure(DOMAIN), Azure(STRONG), Custodian("d")
    cases = {}

    def case(name, step, says, prepare=None, file=good, at=DOMAIN, **steps):
        writer = RequestWriter(file, session)
        if prepare:
            prepare(writer)
        cases[f"request-{name}"] = (overridden(writer, steps).write(), at, step, says)

    def fields(name, step, says, **values):
        case(name, step, says, lambda w: w.fields.update(values))

    fields("good", "answered", "")
    fields("in-another-session", "answered", "", session_id=drawn("another restore", "id"))
    fields("for-another-transfer-key", "answered", "", transfer=thumbprint("stransfer4096"))
    fields("without-a-clock", "answered", "", created=0, expires=0)
    fields("without-an-end", "answered", "", expires=0)
    for name, kind in kinds.KINDS.items():
        fields(f"to-a-key-of-{name}", "answered", "", key=[kind.code, kind.spki(kinds.from_name(name).public)])

    # The file.
    def whole(name, says, change):
        writer = RequestWriter(good, session)
        cases[f"request-{name}"] = (change(writer.write()), DOMAIN, "parse", says)

    whole("no-bytes", malformed("file"), lambda _: b"")
    whole("no-cbor", malformed("file"), lambda _: b"{}")
    whole("of-eight-items", malformed("file"), lambda data: b"\x88" + data[1:] + b"\x00")
    whole("of-six-items", malformed("file"), lambda data: b"\x86" + data[1:-9])
    whole("without-a-length", malformed("file"), lambda data: b"\x9f" + data[1:] + b"\xff")
    whole("with-a-byte-after-it", canonical, lambda data: data + b"\x00")
    whole("with-a-long-length", canonical, lambda data: b"\x98\x07" + data[1:])
    whole("with-a-long-integer", canonical, lambda data: data[:1] + b"\x18\x01" + data[2:])
    whole("with-a-tag", malformed("version"), lambda data: data[:1] + b"\xc1" + data[1:])
    whole("cut-off", malformed("expires"), lambda data: data[:-1])

    # Field by field.
    def field(name, key, value, says, step="parse"):
        fields(name, step, says, **{key: value})

    field("version-2", "version", 2, "version 2 is unknown")
    field("version-0", "version", 0, "version 0 is unknown")
    field("session-id-of-31-bytes", "session_id", bytes(31), malformed("session id"))
    field("file-of-33-bytes", "file", bytes(33), malformed("digest of the domain file"))
    field("file-as-text", "file", "x" * 32, malformed("digest of the domain file"))
    field("transfer-of-31-bytes", "transfer", bytes(31), malformed("thumbprint of the transfer certificate"))
    field("created-before-1970", "created", -1, malformed("created"))
    field("expires-2-to-the-64", "expires", 2**64, malformed("expires"))
    expiry = "expires is before created, or there is no clock"
    field("expires-before-created", "expires", CREATED - 1, expiry)
    field("expires-without-a-clock", "created", 0, expiry)

    # The session's key.
    key = spki(session.key.public_key())
    refused = "the session's key is refused: {}".format

    field("key-of-three-items", "key", [1, key, 0], malformed("session's key"))
    field("key-as-bytes", "key", key, malformed("session's key"))
    field("key-algorithm-0", "key", [0, key], "the algorithm 0 of the session's key is unknown")
    field("key-algorithm-of-another-size", "key", [2, key], malformed("session's key"))
    field("key-of-two-keys", "key", [0x1647A, key],
          "a session's key of the kind RSA-2048 and X-Wing is not supported")
    field("key-with-a-byte-after-it", "key", [1, key + b"\x00"], refused("bytes follow the key"))
    field("key-empty", "key", [1, b""], refused("the key is not in its DER encoding"))
    field("key-algorithm-4", "key", [4, key], refused("the key is not in the DER encoding of its kind"))
    x_wing = kinds.KINDS["x-wing"]
    public = kinds.from_name("x-wing").public
    field("key-of-x-wing-of-low-order", "key", [0x647A, x_wing.spki(public[:-32] + bytes(32))],
          refused("the key is not valid"))

    # Well-formed, and not to be answered.
    field("for-another-file", "file", strong.digest,
          f"the request asks for the shares of file {strong.digest.hex()}, not {good.digest.hex()}", "contribute")
    custodian = thumbprint("s2048_1")
    field("transfer-of-a-custodian", "transfer", custodian,
          f"the request's transfer certificate {shown(custodian)} is a custodian's", "contribute")
    field("expired", "expires", CREATED, f"the request expired at {CREATED}; it is {NOW}", "contribute")
    cases["request-key-weaker-than-the-custodians"] = (
        RequestWriter(strong, session).write(), STRONG, "contribute",
        "the session's key is RSA-2048 OAEP-SHA-256, weaker than the custodian's RSA-3072 OAEP-SHA-256")
    return cases


def contributions():
    """Name -> (bytes, step, what the crate says there)."""
    good, session = Azure(DOMAIN), Custodian("d")

    def digest(**values):
        writer = RequestWriter(good, session)
        writer.fields.update(values)
        return read_request(writer.write())[0]

    R = digest()
    others = {
        "another-session": digest(session_id=drawn("another restore", "id")),
        "another-file": digest(file=Azure(STRONG).digest),
        "another-transfer-key": digest(transfer=thumbprint("stransfer4096")),
    }
    cases = {}

    def case(name, step, says, of="s2048_0", prepare=None, **steps):
        name = f"contribution-{name}"
        writer = ContributionWriter(name, good, R, of, session)
        if prepare:
            prepare(writer)
        cases[name] = (overridden(writer, steps).write(), step, says)

    for place in range(3):
        case(f"of-custodian-{place}", "taken", "", f"s2048_{place}")

    # The file, from the outside in.
    case("no-bytes", "parse", malformed("file"), file=lambda *_: b"")
    case("no-cbor", "parse", malformed("file"), file=lambda *_: b"{}")
    case("of-three-items", "parse", malformed("file"), items=lambda items, *_: items[:3])
    case("of-five-items", "parse", malformed("file"), items=lambda items, *_: items + [0])
    case("without-a-length", "parse", malformed("file"), file=lambda data, *_: b"\x9f" + data[1:] + b"\xff")
    case("with-a-byte-after-it", "parse", canonical, file=lambda data, *_: data + b"\x00")
    case("with-a-long-length", "parse", canonical, file=lambda data, *_: b"\x98\x04" + data[1:])
    case("with-a-long-integer", "parse", canonical, file=lambda data, *_: data[:1] + b"\x18\x01" + data[2:])
    case("cut-off", "parse", malformed("wrapped share"), file=lambda data, *_: data[:-1])
    case("version-2", "parse", "version 2 is unknown", items=put(0, lambda _: 2))
    case("request-of-31-bytes", "parse", malformed("request's digest"), items=put(1, lambda R: R[1:]))
    case("custodian-of-31-bytes", "parse", malformed("custodian's thumbprint"), items=put(2, lambda c: c[1:]))
    case("custodian-as-index", "parse", malformed("custodian's thumbprint"), items=put(2, lambda _: 1))
    case("wrapped-share-empty", "parse", malformed("wrapped share"), items=put(3, lambda _: b""))
    case("wrapped-share-of-1778-bytes", "parse", malformed("wrapped share"), items=put(3, lambda _: bytes(1778)))

    # Before the session's key is used.
    fails = f"the contribution of custodian {shown(thumbprint('s2048_0'))} does not open"
    for name, other in others.items():
        def to_other(writer, other=other):
            writer.R = other
        case(f"for-{name}", "add", f"the contribution answers request {other.hex()}, not {R.hex()}", prepare=to_other)
        # The same, relabelled by whoever has it.
        case(f"for-{name}-replayed", "add", fails, prepare=to_other, items=put(1, lambda _: R))
    stranger = thumbprint("s2048_5")
    case("custodian-not-listed", "add", f"the file does not list custodian {shown(stranger)}",
         items=put(2, lambda _: stranger))

    # What does not open.
    second = thumbprint("s2048_1")
    case("custodian-of-another", "add", f"the contribution of custodian {shown(second)} does not open",
         items=put(2, lambda _: second))
    case("wrapped-share-changed", "add", fails, items=put(3, flip))
    case("wrapped-share-one-byte-short", "add", fails, items=put(3, lambda box: box[1:]))
    case("wrapped-share-of-513-bytes", "add", fails, items=put(3, lambda _: bytes(513)))
    case("wrapped-share-above-the-modulus", "add", fails, items=put(3, lambda _: b"\xff" * 256))
    case("wrapped-to-another-key", "add", fails, prepare=lambda w: setattr(w, "session", Custodian("b")))
    case("bound-to-another-custodian", "add", fails, plaintext=lambda plain, _: context(R, second) + plain[32:])
    case("bound-as-in-the-sealed-domain", "add", fails,
         plaintext=lambda plain, _: D("contribution", R, thumbprint("s2048_0")) + plain[32:])
    case("without-a-context", "add", fails, plaintext=lambda plain, _: plain[32:])
    case("of-63-bytes", "add", fails, plaintext=lambda plain, _: plain[:-1])
    case("of-65-bytes", "add", fails, plaintext=lambda plain, _: plain + b"\x00")
    case("of-no-bytes", "add", fails, plaintext=lambda *_: b"")
    word = lambda plain, at, value: plain[:32 + 2 * at] + value.to_bytes(2, "little") + plain[34 + 2 * at:]
    case("index-0", "add", fails, plaintext=lambda plain, _: plain[:32] + bytes(64))
    case("index-11", "add", fails, plaintext=lambda plain, _: plain[:32] + (11 << 9).to_bytes(2, "little") * 32)
    case("two-indices", "add", fails, plaintext=lambda plain, _: word(plain, 31, 9 << 9 | 5))
    case("value-257", "add", fails,
         plaintext=lambda plain, _: word(plain, 7, int.from_bytes(plain[46:48], "little") & 0xFE00 | 257))

    # Well-formed, and wrong: only combining shows it.
    case("of-a-wrong-share", "taken", "", plaintext=lambda plain, _: flip(plain, 40))
    case("of-another-share", "taken", "", plaintext=lambda plain, _: plain[:32] + good.share("s2048_1"))
    return cases


def files():
    """Name -> (bytes, row of cases.json)."""
    all = {}
    for name, (data, at, step, says) in requests().items():
        all[name] = (data, {"file": name, "domain": at, "step": step, "says": says})
    for name, (data, step, says) in contributions().items():
        all[name] = (data, {"file": name, "domain": DOMAIN, "step": step, "says": says})
    return all


def contribute_anew():
    """Random bytes that nobody can give go into these."""
    rows = []
    for name in kinds.KINDS:
        R = read_request((HERE / f"request-to-a-key-of-{name}.cbor").read_bytes())[0]
        writer = ContributionWriter(f"contribution-to-{name}", Azure(DOMAIN), R, "s2048_1", Transfer(name))
        rows.append({"kind": name, "seed": kinds.seed_of(name).hex(), "contribution": writer.write().hex()})
    (HERE / "contributions.json").write_text(json.dumps(rows, indent=1) + "\n")


def manifest(all):
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for _, row in all.values())
    return f"[\n{rows}\n]\n"


def check():
    good, session = Azure(DOMAIN), Custodian("d")
    # What the crate wrote, with draws that are fixed.
    R, said = read_request((HERE / "known-answer.request").read_bytes())
    assert said["file"] == good.digest and said["transfer"] == thumbprint("stransfer2048")
    assert said["key"] == [1, spki(session.key.public_key())]
    assert (said["created"], said["expires"]) == (CREATED, EXPIRES)
    custodian, share = read_contribution((HERE / "known-answer.contribution").read_bytes(), good, R, session)
    assert custodian == thumbprint("s2048_1") and share == good.share("s2048_1")
    print("the known request and contribution are read")

    seen = 0
    for file in ["contributions.json", "known-contributions.json"]:
        for row in json.loads((HERE / file).read_text()):
            R = read_request((HERE / f"request-to-a-key-of-{row['kind']}.cbor").read_bytes())[0]
            assert row["seed"] == kinds.seed_of(row["kind"]).hex()
            custodian, share = read_contribution(bytes.fromhex(row["contribution"]), good, R, Transfer(row["kind"]))
            assert custodian == thumbprint("s2048_1") and share == good.share("s2048_1"), row["kind"]
            seen += 1
    assert seen == 2 * len(kinds.KINDS)
    print(f"{seen} contributions to keys of other kinds open")

    all = files()
    R = read_request(all["request-good"][0])[0]
    for name, (data, row) in all.items():
        assert (HERE / f"{name}.cbor").read_bytes() == data, name
        if name.startswith("request-"):
            assert refuses(lambda: read_request(data)) == (row["step"] == "parse"), name
        else:
            assert refuses(lambda: read_contribution(data, good, R, session)) == (row["step"] != "taken"), name
    assert (HERE / "cases.json").read_text() == manifest(all)
    print(f"{len(all)} vectors are the same as written here")


def main(verb, *paths):
    if verb == "check":
        check()
    elif verb == "vectors":
        HERE.mkdir(exist_ok=True)
        all = files()
        for name, (data, _) in all.items():
            (HERE / f"{name}.cbor").write_bytes(data)
        (HERE / "cases.json").write_text(manifest(all))
    elif verb == "contributions":
        contribute_anew()
    elif verb == "show":
        for path in paths:
            R, request = read_request(Path(path).read_bytes())
            print(R.hex(), request)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["help"]))
