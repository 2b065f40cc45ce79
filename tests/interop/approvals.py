# SPDX-License-Identifier: MIT OR Apache-2.0
"""Acts and approvals of docs/format.md, "Approvals", read and written without the crate. From the root of the repository:

    approvals.py check      read what the crate wrote, write all vectors again and compare
    approvals.py vectors    write the vectors
"""

import json
import sys

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sealed_domain import VECTORS as DOMAINS
from sealed_domain import Custodian, D, drawn, possession_seed, signing_key
from sessions import domain, flip, is_bytes, is_uint, malformed, need, overridden, put, refuses, strict

VECTORS = DOMAINS.parent / "approval"
CREATED, EXPIRES = 1790000000, 1790086400
NOW = CREATED + 60
APPROVAL = b"\x03"
KINDS = {1: "emit the release again", 2: "write a full backup", 3: "veto a break-glass", 4: "close a review", 5: "demand no approvals"}
canonical = "the file is not in deterministic encoding, or bytes follow it"


def statement(H, index, act, kind=APPROVAL):
    return D("statement", kind, H, bytes([index]), D("statement text", act))


def read_act(data):
    """The digest and the items."""
    act = strict(data)
    need(isinstance(act, list) and act[0] == 1 and act[1] in KINDS and len(act) == 10, "items")
    _, _, domain, epoch, header, instance, id, subject, created, expires = act
    need(all(is_bytes(value, 32) for value in (domain, header, id, subject)) and is_bytes(instance, 16), "bytes")
    need(is_uint(epoch, 1, 2**32 - 1), "epoch")
    need(is_uint(created, 0, 2**64 - 1) and is_uint(expires, 0, 2**64 - 1), "times")
    need(expires == 0 or 0 < created <= expires, "expiry")
    return D("act", data), act


def fitting(data, sealed, now):
    """The digest of an act that custodians of this domain can approve now."""
    digest, act = read_act(data)
    need(act[2:5] == [sealed.domain_id, sealed.core["epoch"], sealed.H], "another domain, epoch or header")
    need(act[9] == 0 or now <= act[9], "expired")
    return digest


def verify(data, act, sealed, now=NOW, before=()):
    """The index of the custodian who approves the act, unless he has approved it before."""
    approval = strict(data)
    need(isinstance(approval, list) and approval[0] == 1 and len(approval) == 4, "items")
    _, digest, index, signature = approval
    need(is_bytes(digest, 32) and is_uint(index, 1, 10) and is_bytes(signature, 64), "fields")
    need(digest == fitting(act, sealed, now), "act")
    need(index <= len(sealed.shares), "listed")
    Ed25519PublicKey.from_public_bytes(sealed.shares[index - 1][0]).verify(signature, statement(sealed.H, index, digest))
    need(index not in before, "repeated")
    return index


class ActWriter:
    def __init__(self, name, sealed, kind):
        self.name, self.sealed, self.kind = name, sealed, kind

    def items(self):
        sealed = self.sealed
        return [1, self.kind, sealed.domain_id, sealed.core["epoch"], sealed.H, drawn("hsm", "instance")[:16],
                drawn(self.name, "act"), drawn(self.name, "subject"), CREATED, EXPIRES]

    def write(self):
        return cbor2.dumps(self.items(), canonical=True)


class ApprovalWriter:
    def __init__(self, sealed, act, index, custodian):
        self.sealed, self.act, self.index, self.custodian = sealed, D("act", act), index, custodian

    def key(self):
        return possession_seed(self.sealed.share(self.index, self.custodian), self.sealed.C, self.index)

    def signed(self):
        return statement(self.sealed.H, self.index, self.act)

    def sign(self):
        return signing_key(self.key()).sign(self.signed())

    def items(self):
        return [1, self.act, self.index, self.sign()]

    def write(self):
        return cbor2.dumps(self.items(), canonical=True)


def acts(good, later, four):
    """Name -> (bytes, step, what the crate says there)."""
    cases = {}

    def case(name, step, says, sealed=good, kind=1, **steps):
        cases[f"act-{name}"] = (overridden(ActWriter(name, sealed, kind), steps).write(), step, says)

    def other(what, have, want):
        return f"the act is for {what} {have}, not {want}"

    case("good", "approved", "")
    case("full-backup", "approved", "", kind=2)
    case("veto-break-glass", "approved", "", kind=3)
    case("close-review", "approved", "", kind=4)
    case("drop-demands", "approved", "", kind=5)
    case("without-a-clock", "approved", "", items=lambda items: items[:8] + [0, 0])
    case("without-an-end", "approved", "", items=put(9, lambda _: 0))
    case("about-nothing", "approved", "", items=put(7, lambda _: bytes(32)))
    case("version-2", "parse", "version 2 is unknown", items=put(0, lambda _: 2))
    case("version-2-of-another-shape", "parse", "version 2 is unknown", items=lambda _: [2, "what"])
    case("kind-0", "parse", "acts of kind 0 are unknown", kind=0)
    case("kind-6", "parse", "acts of kind 6 are unknown", kind=6)
    case("kind-6-of-another-shape", "parse", "acts of kind 6 are unknown", kind=6, items=lambda items: items[:2] + [0])
    case("kind-as-text", "parse", malformed("kind"), kind="emit")
    case("no-bytes", "parse", malformed("file"), write=lambda *_: b"")
    case("of-nine-items", "parse", malformed("file"), items=lambda items: items[:9])
    case("of-eleven-items", "parse", malformed("file"), items=lambda items: items + [0])
    case("domain-of-31-bytes", "parse", malformed("domain id"), items=put(2, lambda id: id[:31]))
    case("epoch-0", "parse", malformed("epoch"), items=put(3, lambda _: 0))
    case("epoch-2-to-the-32", "parse", malformed("epoch"), items=put(3, lambda _: 2**32))
    case("header-of-33-bytes", "parse", malformed("header's digest"), items=put(4, lambda H: H + b"\0"))
    case("instance-of-15-bytes", "parse", malformed("instance id"), items=put(5, lambda id: id[:15]))
    case("id-of-31-bytes", "parse", malformed("act id"), items=put(6, lambda id: id[:31]))
    case("subject-null", "parse", malformed("subject"), items=put(7, lambda _: None))
    case("created-before-1970", "parse", malformed("created"), items=put(8, lambda _: -1))
    case("expires-before-created", "parse", "expires is before created, or there is no clock",
         items=put(9, lambda _: CREATED - 1))
    case("expires-without-a-clock", "parse", "expires is before created, or there is no clock",
         items=put(8, lambda _: 0))
    case("with-a-byte-after-it", "parse", canonical, write=lambda data: data + b"\0")
    case("with-a-long-integer", "parse", canonical, write=lambda data: data[:1] + b"\x18\x01" + data[2:])
    elsewhere = drawn("another", "domain")
    case("of-another-domain", "approve", other("domain", elsewhere.hex(), good.domain_id.hex()),
         items=put(2, lambda _: elsewhere))
    case("of-another-epoch", "approve", other("epoch", 7, 1), sealed=later)
    case("of-another-header", "approve", other("header", four.H.hex(), good.H.hex()), sealed=four)
    case("expired", "approve", f"the act expired at {NOW - 1}; it is {NOW}", items=put(9, lambda _: NOW - 1))
    return cases


def approvals(good, later, a, b, acts):
    """Name -> (bytes, the act that it is shown for, those before it, step, what the crate says there)."""
    cases = {}

    def case(name, step, says, of="good", to=None, index=1, by=a, after=(), **steps):
        writer = overridden(ApprovalWriter(good, acts[f"act-{of}"][0], index, by), steps)
        cases[f"approval-{name}"] = (writer.write(), f"act-{to or of}", [f"approval-{one}" for one in after], step, says)

    def unsigned(custodian):
        return f"the approval claims to be custodian {custodian.id.hex()}'s and is not signed with that custodian's share"

    def of_act(have, want):
        have, want = (D("act", acts[f"act-{name}"][0]).hex() for name in (have, want))
        return f"the approval is of act {have}, not {want}"

    act = D("act", acts["act-good"][0])
    case("good", "counts", "")
    case("of-custodian-2", "counts", "", index=2, by=b, after=["good"])
    case("of-an-act-without-a-clock", "counts", "", of="without-a-clock")
    case("version-2", "parse", "version 2 is unknown", items=put(0, lambda _: 2))
    case("no-bytes", "parse", malformed("file"), write=lambda *_: b"")
    case("of-three-items", "parse", malformed("file"), items=lambda items: items[:3])
    case("of-five-items", "parse", malformed("file"), items=lambda items: items + [0])
    case("act-of-31-bytes", "parse", malformed("act's digest"), items=put(1, lambda digest: digest[:31]))
    case("index-0", "parse", malformed("index"), items=put(2, lambda _: 0))
    case("index-11", "parse", malformed("index"), items=put(2, lambda _: 11))
    case("index-257", "parse", malformed("index"), items=put(2, lambda _: 257))
    case("signature-of-63-bytes", "parse", malformed("signature"), items=put(3, lambda s: s[:63]))
    case("with-a-byte-after-it", "parse", canonical, write=lambda data: data + b"\0")
    case("with-a-long-integer", "parse", canonical, write=lambda data: data[:1] + b"\x18\x01" + data[2:])
    case("spent-on-another-act", "add", of_act("good", "without-an-end"), to="without-an-end")
    case("of-a-veto-used-to-emit", "add", of_act("veto-break-glass", "good"), of="veto-break-glass", to="good")
    case("of-a-veto-renamed-to-emit", "add", unsigned(a), of="veto-break-glass", to="good", items=put(1, lambda _: act))
    case("replayed", "add", f"custodian {a.id.hex()} has already approved the act", after=["good"])
    case("index-not-listed", "add", "the domain has no share 4", items=put(2, lambda _: 4))
    case("index-of-another", "add", unsigned(b), items=put(2, lambda _: 2))
    case("signature-changed", "add", unsigned(a), items=put(3, flip))
    case("forged-with-another-share", "add", unsigned(a), key=lambda *_: possession_seed(good.share(2, b), good.C, 2))
    case("signed-as-a-drill", "add", unsigned(a), signed=lambda *_: statement(good.H, 1, act, b"\x02"))
    case("signed-as-a-contribution", "add", unsigned(a), signed=lambda *_: statement(good.H, 1, act, b"\x01"))
    case("signed-for-another-epoch", "add", unsigned(a), signed=lambda *_: statement(later.H, 1, act))
    case("signed-for-another-index", "add", unsigned(a), signed=lambda *_: statement(good.H, 2, act))
    for name in ("of-another-domain", "of-another-epoch", "of-another-header", "expired"):
        case(f"of-an-act-{name}", "add", acts[f"act-{name}"][2], of=name)
    return cases


def files():
    good, later, four = domain("good"), domain("good-later-epoch"), domain("good-four-custodians")
    a, b = (Custodian(name) for name in "ab")
    asked = acts(good, later, four)
    given = approvals(good, later, a, b, asked)
    all = {name: (data, {"file": name, "step": step, "says": says}) for name, (data, step, says) in asked.items()}
    for name, (data, act, after, step, says) in given.items():
        all[name] = data, {"file": name, "act": act, "after": after, "step": step, "says": says}
    return all


def manifest(all):
    rows = ",\n".join(json.dumps(row) for _, row in all.values())
    return f"[\n{rows}\n]\n"


def check():
    good = domain("good")
    all = files()
    for name, (data, row) in all.items():
        assert (VECTORS / f"{name}.cbor").read_bytes() == data, name
        if "act" in row:
            act = all[row["act"]][0]
            before = [verify(all[one][0], act, good) for one in row["after"]]
            refused = refuses(lambda: verify(data, act, good, before=before))
        else:
            refused = refuses(lambda: fitting(data, good, NOW))
        assert refused == bool(row["says"]), name
    assert (VECTORS / "cases.json").read_text() == manifest(all)
    known = json.loads((VECTORS / "known-answer.json").read_text())
    act, approval = (bytes.fromhex(known[name]) for name in ("act", "approval"))
    assert fitting(act, good, NOW).hex() == known["digest"]
    assert verify(approval, act, good) == 1
    print(f"the known answer is read, and {len(all)} vectors are the same as written here")


def vectors():
    all = files()
    VECTORS.mkdir(exist_ok=True)
    for name, (data, _) in all.items():
        (VECTORS / f"{name}.cbor").write_bytes(data)
    (VECTORS / "cases.json").write_text(manifest(all))


if __name__ == "__main__":
    {"check": check, "vectors": vectors}.get(" ".join(sys.argv[1:]), lambda: sys.exit(__doc__))()
