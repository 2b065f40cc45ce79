# SPDX-License-Identifier: MIT OR Apache-2.0
"""Logs of docs/format.md, "Log", read and written without the crate. From the root of the repository:

    custody.py check          read what the crate wrote, write all vectors again and compare
    custody.py vectors        write the vectors
    custody.py verify FILE    say whether an export is good
"""

import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sealed_domain import D, drawn

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "custody"
INSTANCE = b"an hsm's 16 byte"
OTHER = b"another hsm's 16"
MAGIC = b"sdlog\x01"
TIME = 1790000000


class Bad(Exception):
    pass


def need(holds, what):
    if not holds:
        raise Bad(what)


# The tree, as RFC 6962 section 2.1 defines it.
def leaf(record):
    return hashlib.sha256(b"\0" + record).digest()


def split(count):
    return 1 << (count - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(m, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return path(m, leaves[:k]) + [root(leaves[k:])]
    return path(m - k, leaves[k:]) + [root(leaves[:k])]


def subproof(m, leaves, whole):
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return subproof(m, leaves[:k], whole) + [root(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [root(leaves[:k])]


def proof(kind, first, leaves):
    nodes = path(first, leaves) if kind == 1 else subproof(first, leaves, True) if first else []
    return dumps([1, kind, first, len(leaves), b"".join(nodes)])


def included(record, number, size, nodes):
    """The root that a path of inclusion leads to."""
    def up(m, count, nodes):
        if count == 1:
            need(not nodes, "nodes")
            return leaf(record)
        need(nodes, "nodes")
        k = split(count)
        if m < k:
            return hashlib.sha256(b"\1" + up(m, k, nodes[:-1]) + nodes[-1]).digest()
        return hashlib.sha256(b"\1" + nodes[-1] + up(m - k, count - k, nodes[:-1])).digest()

    need(number < size, "number")
    return up(number, size, nodes)


# Checkpoints.
def origin(instance):
    return f"security-domain/{instance.hex()}"


def key_id(name, public):
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def public(key):
    return key.public_key().public_bytes_raw()


def checkpoint(instance, leaves, key):
    name = origin(instance)
    text = f"{name}\n{len(leaves)}\n{base64.b64encode(root(leaves)).decode()}\n"
    signed = base64.b64encode(key_id(name, public(key)) + key.sign(text.encode())).decode()
    return f"{text}\n\u2014 {name} {signed}\n".encode()


def read_checkpoint(data, instance, key):
    text, _, signatures = data.decode().partition("\n\n")
    name, size, head = text.split("\n")
    need(name == origin(instance), "origin")
    for line in signatures.splitlines():
        dash, by, signed = line.split(" ")
        signed = base64.b64decode(signed, validate=True)
        need(dash == "\u2014", "dash")
        if by == name and signed[:4] == key_id(name, key):
            Ed25519PublicKey.from_public_bytes(key).verify(signed[4:], (text + "\n").encode())
            return int(size), base64.b64decode(head, validate=True)
    raise Bad("not signed")


# Records.
def dumps(value):
    return cbor2.dumps(value, canonical=True)


def domain_id(key, commitment=bytes(32)):
    return D("domain id", b"\1", key, commitment)


class Writer:
    """A log that grows."""

    def __init__(self, instance=INSTANCE, domain="domain"):
        self.instance, self.records, self.pins = instance, [], bytes(32)
        self.key = Ed25519PrivateKey.from_private_bytes(drawn("custody", "instance key"))
        self.domain = Ed25519PrivateKey.from_private_bytes(drawn("custody", domain))

    def add(self, kind, body, number=None, instance=None):
        previous = leaf(self.records[-1]) if self.records else bytes(32)
        number = len(self.records) if number is None else number
        record = [1, instance or self.instance, number, TIME + len(self.records), previous, kind, body]
        self.records.append(dumps(record))
        return len(self.records) - 1

    def step(self, *event, outcome=1):
        intent = self.add(1, list(event))
        self.add(2, [event[0], outcome, intent])

    def endorse(self, domain=None, key=None, instance=None, commitment=bytes(32)):
        domain, instance = domain or self.domain, instance or self.instance
        own, H = public(key or self.key), drawn("custody", "header")
        signature = domain.sign(D("endorsement", instance, own, H, self.pins))
        self.add(4, [instance, own, H, self.pins, public(domain), commitment, signature])

    def pin(self, instance, size, head):
        self.pins = D("pins", self.pins, instance, struct.pack(">I", size), head)
        self.add(5, [instance, size, head])

    def hand_off(self, custodian, taker, after, instance=None):
        key = Ed25519PrivateKey.from_private_bytes(drawn("custody", taker))
        last = b"" if after is None else struct.pack(">I", after)
        signature = key.sign(D("hand-off", instance or self.instance, custodian, taker.encode(), public(key),
                               struct.pack(">Q", TIME), last))
        return self.add(6, [custodian, taker, public(key), TIME, after, signature])

    def leaves(self):
        return [leaf(record) for record in self.records]

    def export(self, end=None, key=None, records=None):
        end = end or checkpoint(self.instance, self.leaves(), key or self.key)
        out = MAGIC + self.instance
        for record in self.records if records is None else records:
            out += struct.pack(">H", len(record)) + record
        return out + bytes(2) + end


HEX = {name: drawn("custody", name) for name in ("custodian 1", "custodian 2", "request", "act", "backup", "challenge")}


def begun(writer=None, endorse=True):
    """A log after activation: records 0 to 4."""
    writer = writer or Writer()
    id = domain_id(public(writer.domain))
    writer.step(1, id)
    writer.step(2, id, drawn("custody", "header"))
    if endorse:
        writer.endorse()
    return writer


def whole():
    """A log with a record of every kind: what `good` has."""
    log = begun()
    one, two, H = HEX["custodian 1"], HEX["custodian 2"], drawn("custody", "next header")
    log.pin(OTHER, 3, drawn("custody", "root"))
    first = log.hand_off(one, "Ann", None)
    log.hand_off(two, "J\u00f6rg", first)
    log.add(7, [one, 2, HEX["challenge"]])
    loss = log.add(8, [two, 1, "left in a taxi"])
    log.add(9, [loss, "found"])
    log.add(10, [2, "an operator left"])
    log.add(11, [2, HEX["act"], ""])
    log.step(11, 2, H, HEX["request"])
    log.step(12, one)
    log.step(18, 2, H, TIME + 86400, "nobody answers", outcome=2)
    log.step(13, HEX["challenge"])
    log.step(14, two)
    log.step(15, 2, H)
    log.step(16, 2, H, outcome=4)
    log.add(3, [4, 17])
    log.add(1, [26, 1])
    log.add(1, [27, 4])
    log.step(20, 2)
    log.step(21, 2, HEX["act"])
    log.step(9, HEX["backup"], HEX["act"])
    log.step(22, HEX["act"])
    log.step(17, 3, H, None, True)
    log.endorse()
    log.add(1, [28])
    return log


def strict(data):
    try:
        value = cbor2.loads(data)
        need(dumps(value) == data, "canonical")
    except (cbor2.CBORError, TypeError, ValueError) as error:
        raise Bad("cbor") from error
    return value


def verify(data, domain=None, pinned=()):
    """The number of records of a good export, and the endorsed key."""
    need(data[:6] == MAGIC, "magic")
    instance, rest, records = data[6:22], data[22:], []
    while True:
        need(len(rest) >= 2, "truncated")
        (length,) = struct.unpack(">H", rest[:2])
        rest = rest[2:]
        if not length:
            break
        need(len(rest) >= length, "truncated")
        records.append(rest[:length])
        rest = rest[length:]
    key, pins, opened, handed, leaves = None, bytes(32), None, None, []
    for number, bytes_ in enumerate(records):
        record = strict(bytes_)
        need(isinstance(record, list) and len(record) == 7, number)
        version, of, own, _, previous, kind, body = record
        need(version == 1 and of == instance and own == number, number)
        need(previous == (leaves[-1] if leaves else bytes(32)), number)
        if kind == 1 and body[0] <= 25:
            need(opened is None, number)
            opened = (body[0], number)
        elif kind == 2:
            need(opened == (body[0], body[2]), number)
            opened = None
        elif kind == 4:
            who, endorsed, H, over, by, commitment, signature = body
            need(who == instance and over == pins and key in (None, endorsed), number)
            need(domain in (None, domain_id(by, commitment)), number)
            try:
                Ed25519PublicKey.from_public_bytes(by).verify(signature, D("endorsement", who, endorsed, H, over))
            except InvalidSignature as error:
                raise Bad(number) from error
            key = endorsed
        elif kind == 5:
            pins = D("pins", pins, body[0], struct.pack(">I", body[1]), body[2])
        elif kind == 6:
            custodian, taker, by, signed, after, signature = body
            need(after == handed, number)
            last = b"" if after is None else struct.pack(">I", after)
            text = D("hand-off", instance, custodian, taker.encode(), by, struct.pack(">Q", signed), last)
            try:
                Ed25519PublicKey.from_public_bytes(by).verify(signature, text)
            except InvalidSignature as error:
                raise Bad(number) from error
            handed = number
        else:
            need(kind in (1, 3, 7, 8, 9, 10, 11), number)
        leaves.append(leaf(bytes_))
    need(key, "not endorsed")
    try:
        need(read_checkpoint(rest, instance, key) == (len(leaves), root(leaves)), "head")
    except (InvalidSignature, ValueError) as error:
        raise Bad("checkpoint") from error
    for size, head in pinned:
        need(size <= len(leaves) and root(leaves[:size]) == head, "pinned")
    return len(leaves), key


def vectors():
    """Name -> (export, what the crate says, whether a head is pinned)."""
    cases = {}
    good = whole()
    records, end = good.records, checkpoint(INSTANCE, good.leaves(), good.key)
    pin = (12, root(good.leaves()[:12]))

    def case(name, data, says="", pinned=False):
        cases[name] = (data, says, pinned)

    def edited(edit):
        copy = list(records)
        edit(copy)
        return good.export(end, records=copy)

    def change(number, place=60, by=1):
        def edit(copy):
            record = copy[number]
            copy[number] = record[:place] + bytes([record[place] ^ by]) + record[place + 1 :]

        return edited(edit)

    case("good", good.export(end))
    case("good-pinned", good.export(end), pinned=True)
    case("good-short", begun().export())
    altered = "altered: it is not the one that the log goes on from"
    case("altered", change(6, len(records[6]) - 90), "record 6: the hand-off is not signed by its taker")
    case("altered-time", change(8, 24), f"record 8: {altered}")
    case("altered-previous", change(8, 40), f"record 8: {altered}")
    case("altered-last", change(len(records) - 1, 24),
         f"record {len(records) - 1}: it or one before it, from record 0 on, is not the one that was signed")
    case("dropped", edited(lambda copy: copy.pop(8)), "record 8: dropped: record 9 is in its place")
    case("reordered", edited(lambda copy: copy.insert(8, copy.pop(9))), "record 8: reordered: record 9 is in its place")
    case("repeated", edited(lambda copy: copy.insert(9, copy[8])), "record 9: reordered: record 8 is in its place")
    case("cut", edited(lambda copy: copy.__delitem__(slice(20, None))), f"the log was cut: it has 20 records, and had {len(records)}")
    short = Writer()
    short.records = records[:9]
    case("cut-against-a-pinned-head", short.export(), "the log was cut: it has 9 records, and had 12", True)
    case("cut-against-no-pinned-head", short.export())
    case("more-than-signed", good.export(checkpoint(INSTANCE, good.leaves()[:9], good.key)),
         "record 9: not covered by the checkpoint")
    case("file-cut", good.export(end)[:1000], "the export ends after 6 records, before its checkpoint")
    case("file-cut-in-the-checkpoint", good.export(end)[:-9], "the line of a signature of the checkpoint is missing or malformed")
    case("without-bytes", b"", "the export ends after 0 records, before its checkpoint")
    fork = begun()
    for _ in range(8):
        fork.add(10, [3, "forked"])
    case("forked", fork.export(),
         "record 0: forked: it or a later one is not in the log whose head was pinned at 12 records", True)
    case("forked-under-another-checkpoint", fork.export(checkpoint(INSTANCE, good.leaves()[:13], good.key)),
         "record 12: it or one before it, from record 0 on, is not the one that was signed")
    case("checkpoint-of-another-instance", good.export(checkpoint(OTHER, good.leaves(), good.key)),
         f"the checkpoint is of the log of HSM {OTHER.hex()}, not {INSTANCE.hex()}")
    stranger = Ed25519PrivateKey.from_private_bytes(drawn("custody", "stranger"))
    case("checkpoint-by-another-key", good.export(key=stranger), "the checkpoint is not signed with the HSM's key")
    foreign = begun(Writer(OTHER))
    case("log-of-another-instance", foreign.export(), f"the log is that of HSM {OTHER.hex()}, not {INSTANCE.hex()}")
    mixed = begun()
    mixed.add(10, [3, ""], instance=OTHER)
    case("record-of-another-instance", mixed.export(), f"record 5: of HSM {OTHER.hex()}, not {INSTANCE.hex()}")
    evil = begun(Writer(domain="another domain"))
    want = domain_id(public(good.domain)).hex()
    case("endorsement-by-another-domain", evil.export(),
         f"record 4: the endorsement is by domain {domain_id(public(evil.domain)).hex()}, not {want}")
    claimed = begun(endorse=False)
    claimed.endorse(commitment=drawn("custody", "commitment"))
    case("endorsement-with-another-commitment", claimed.export(),
         f"record 4: the endorsement is by domain {domain_id(public(good.domain), drawn('custody', 'commitment')).hex()}, not {want}")
    forged = begun(endorse=False)
    body = strict(good.records[4])[6]
    forged.add(4, body[:6] + [body[6][:40] + bytes([body[6][40] ^ 1]) + body[6][41:]])
    case("endorsement-signature-changed", forged.export(), "record 4: the endorsement is not signed by its domain")
    again = begun()
    again.endorse(key=stranger)
    case("endorsement-of-another-key", again.export(), "record 5: the endorsement is of another key of the HSM")
    case("endorsement-of-another-instance", begun_with(lambda log: log.endorse(instance=OTHER)),
         f"record 4: of HSM {OTHER.hex()}, not {INSTANCE.hex()}")
    hidden = begun()
    hidden.add(5, [OTHER, 3, drawn("custody", "root")])
    hidden.endorse()
    case("endorsement-without-the-pin", hidden.export(), "record 6: the endorsement does not cover the pinned heads")
    case("not-endorsed", begun(endorse=False).export(), "no domain endorses the HSM's key in the log")
    replayed = begun()
    replayed.hand_off(HEX["custodian 1"], "Ann", None)
    replayed.hand_off(HEX["custodian 1"], "Bob", 5)
    replayed.add(6, strict(replayed.records[5])[6])
    case("hand-off-replayed", replayed.export(), "record 7: the hand-off does not follow the last one")
    case("hand-off-of-another-log", begun_then(lambda log: log.hand_off(HEX["custodian 1"], "Ann", None, OTHER)),
         "record 5: the hand-off is not signed by its taker")
    case("step-without-an-outcome", begun_then(lambda log: (log.add(1, [6]), log.add(1, [7]))),
         "record 6: the step that record 5 announced has no outcome")
    case("outcome-without-a-step", begun_then(lambda log: log.add(2, [6, 1, 2])),
         "record 5: the outcome of a step that was not announced")
    case("good-step-under-way", begun_then(lambda log: log.add(1, [6])))
    malformed = "is malformed or out of bounds"
    for name, kind, body, says in [
        ("kind-12", 12, [], "records of kind 12 are unknown"),
        ("step-29", 1, [29], f"the kind of the step {malformed}"),
        ("veto-as-an-event", 1, [19], f"the kind of the step {malformed}"),
        ("outcome-5", 2, [6, 5, 0], f"the outcome {malformed}"),
        ("detail-of-257-bytes", 10, [3, "a" * 257], f"the detail {malformed}"),
        ("detail-with-a-new-line", 10, [3, "a\nb"], f"the detail {malformed}"),
        ("detail-written-backwards", 10, [3, "\u202egnp.exe"], f"the detail {malformed}"),
        ("name-empty", 6, [bytes(32), "", public(good.key), 0, None, bytes(64)], f"the name {malformed}"),
        ("taker-with-a-weak-key", 6, [bytes(32), "Ann", bytes(32), 0, None, bytes(64)], f"the key {malformed}"),
        ("one-field-more", 1, [6, 0], "the record is not in deterministic encoding, or bytes follow it"),
    ]:
        case(name, begun_then(lambda log: log.add(kind, body)), f"record 5: {says}")
    long = begun()
    long.records.append(bytes(400))
    case("record-too-long", long.export(), "record 5: longer than any record")
    case("not-a-log", b"sdlog\x02" + good.export()[6:], "not the export of a log")

    proofs = {
        "inclusion-good": (proof(1, 6, good.leaves()), "", 6),
        "inclusion-of-another-record": (proof(1, 7, good.leaves()), "the proof does not lead to the root of the log", 6),
        "inclusion-of-a-shorter-log": (proof(1, 6, good.leaves()[:20]),
                                       f"the proof is for a log of 20 records, not {len(records)}", 6),
        "consistency-good": (proof(2, 12, good.leaves()), "", 12),
        "consistency-of-a-fork": (proof(2, 12, fork.leaves()[:12] + good.leaves()[12:]),
                                  "the proof does not lead to the root of the log", 12),
    }
    return cases, proofs, pin, want


def checkpoints():
    """Name -> checkpoint of the good log when it had as many records as the pinned head."""
    good = whole()
    return {
        "pinned": checkpoint(INSTANCE, good.leaves()[:12], good.key),
        "pinned-by-another-key": checkpoint(INSTANCE, good.leaves()[:12], good.domain),
        "pinned-of-another-instance": checkpoint(OTHER, good.leaves()[:12], good.key),
    }


def shown(log, number):
    """A record that is shown without the rest of its log."""
    endorsement = max(at for at, record in enumerate(log.records) if strict(record)[5] == 4)
    parts = [part for at in (number, endorsement) for part in (log.records[at], proof(1, at, log.leaves()))]
    framed = b"".join(struct.pack(">H", len(part)) + part for part in parts)
    return b"sdrec\x01" + framed + bytes(2) + checkpoint(INSTANCE, log.leaves(), log.key)


def begun_then(act):
    log = begun()
    act(log)
    return log.export()


def begun_with(act):
    log = begun(endorse=False)
    act(log)
    return log.export()


def manifest(cases, proofs, pin, want):
    rows = {
        "domain": want, "instance": INSTANCE.hex(), "pin": [pin[0], pin[1].hex()],
        "exports": [{"file": name, "says": says, "pinned": pinned} for name, (_, says, pinned) in cases.items()],
        "proofs": [{"file": name, "says": says, "first": first} for name, (_, says, first) in proofs.items()],
    }
    return json.dumps(rows, indent=1) + "\n"


def check():
    cases, proofs, pin, want = vectors()
    for name, (data, says, pinned) in cases.items():
        assert (VECTORS / f"{name}.log").read_bytes() == data, name
        pins = [pin] if pinned else []
        try:
            need(data[6:22] == INSTANCE, "instance")
            verify(data, bytes.fromhex(want), pins)
        except Bad:
            assert says, name
        else:
            # What a record says in its fields is the crate's to check, and texts.
            fields = ("malformed", "encoding", "longer than any")
            assert not says or any(word in says for word in fields), name
    good = whole()
    for name, (data, says, first) in proofs.items():
        assert (VECTORS / f"{name}.proof").read_bytes() == data, name
        if name.startswith("inclusion"):
            _, _, number, size, nodes = strict(data)
            nodes = [nodes[at : at + 32] for at in range(0, len(nodes), 32)]
            led = included(good.records[first], number, size, nodes) == root(good.leaves())
            assert led == (not says), name
    for name, data in checkpoints().items():
        assert (VECTORS / f"{name}.checkpoint").read_bytes() == data, name
    assert (VECTORS / "hand-off.shown").read_bytes() == shown(good, 6)
    assert (VECTORS / "cases.json").read_text() == manifest(cases, proofs, pin, want)
    count, _ = verify((VECTORS / "by-the-crate.log").read_bytes())
    print(f"{len(cases)} exports and {len(proofs)} proofs are the same as written here; the crate's log of {count} records is good")


def main(verb, *paths):
    if verb == "check":
        check()
    elif verb == "vectors":
        VECTORS.mkdir(exist_ok=True)
        cases, proofs, pin, want = vectors()
        for name, (data, _, _) in cases.items():
            (VECTORS / f"{name}.log").write_bytes(data)
        for name, (data, _, _) in proofs.items():
            (VECTORS / f"{name}.proof").write_bytes(data)
        for name, data in checkpoints().items():
            (VECTORS / f"{name}.checkpoint").write_bytes(data)
        (VECTORS / "hand-off.shown").write_bytes(shown(whole(), 6))
        (VECTORS / "cases.json").write_text(manifest(cases, proofs, pin, want))
    elif verb == "verify":
        for path_ in paths:
            print(path_, verify(Path(path_).read_bytes())[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["help"]))
