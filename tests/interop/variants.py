# SPDX-License-Identifier: MIT OR Apache-2.0
"""A recovery restores what the real client restores: several hundred variants of a domain file and of a
custodian's certificate, one defect each and two of the three custodians at the table, given to the real
client's function and to `secdom`. Where the real client restores and `secdom` does not, the kind of variant
is in the list REFUSED, with the reason."""

import base64
import hashlib
import json
import random
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import azure_client
from cases import SECDOM, VECTORS, certificate, folder, key
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from formats import TransferKey, open_restore_blob

CASE = VECTORS / "valid/v01-2of3-2048"
TRANSFER = VECTORS / "transfer/stransfer2048.pem"
NAMES = ["s2048_0", "s2048_1", "s2048_2"]
ABSENT = 2

# What the real client restores and `secdom` does not, by the kind of variant, and why that stays so.
REFUSED = {
    "base64 of a present share": "base64 that is not canonical: a vector, b64-dangling, has it refused",
    "key in a certificate": "the HSM seals to the key in the certificate, so that no file has a share for another; "
    "it is the wrong certificate or the wrong key",
    "version": "another version may mean another thing: the vectors version-missing, version-3 and version-string",
    "kdf": "it says how the keys of all artifacts are derived: the vectors kdf-missing and rb-kdf-empty",
    "base64 of an artifact": "base64 that is not canonical: the vector b64-padding",
    "text that is not JSON": "a member given twice, of which readers take different ones; NaN, which is not in RFC 8259",
}


# What `secdom` restores, with a warning, and the real client does not.
ONLY_OURS = "digest of a present share"


class Variant:
    """A domain file, the certificate of the first custodian, and the flags that `secdom` gets."""

    def __init__(self, kind, name, domain, der=None, flags=()):
        self.kind, self.name, self.domain, self.der, self.flags = kind, name, domain, der, flags


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def flips_in_shares(text: bytes, domain: dict, rng):
    for kind, place, count in [("absent share", ABSENT, 250), ("base64 of a present share", 0, 100)]:
        for _ in range(count):
            value = domain["SharedKeys"]["enc_shares"][place]["enc_key"].encode()
            at, bit = text.index(value) + rng.randrange(len(value)), rng.randrange(8)
            yield Variant(kind, f"byte {at}, bit {bit}", flipped(text, at, bit))


def values_in_shares(domain: dict):
    share = domain["SharedKeys"]["enc_shares"][ABSENT]
    others = [None, 0, True, [], {}, "", "a", "....", "=", share["enc_key"][:-5], share["enc_key"] + "."]
    shares = [{**share, member: other} for member in share for other in others]
    shares += [{name: share[name]} for name in share] + [{**share, "x5t_256": first(domain)}]
    for number, other in enumerate(shares):
        changed = json.loads(json.dumps(domain))
        changed["SharedKeys"]["enc_shares"][ABSENT] = other
        yield Variant("value of an absent share", number, json.dumps(changed).encode())
    changed = json.loads(json.dumps(domain))
    del changed["SharedKeys"]["enc_shares"][ABSENT]
    yield Variant("missing entry of an absent share", ABSENT, json.dumps(changed).encode())


def digests_of_a_present_share(domain: dict):
    """The real client restores none of these: it finds a share by its digest alone."""
    digest = first(domain)
    others = ["", None, digest[:-1], digest + "=", "A" * 43, digest.swapcase(), f" {digest}", []]
    for number, other in enumerate(others):
        changed = json.loads(json.dumps(domain))
        changed["SharedKeys"]["enc_shares"][0]["x5t_256"] = other
        yield Variant(ONLY_OURS, number, json.dumps(changed).encode())


def first(domain: dict) -> str:
    return domain["SharedKeys"]["enc_shares"][0]["x5t_256"]


def unknown_members(domain: dict):
    def objects(value):
        if isinstance(value, dict):
            yield value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            yield from objects(inner)

    changed = json.loads(json.dumps(domain))
    for number, holder in enumerate(objects(changed)):
        for value in [None, "text", {"version": [1, {"a": -2.5e3}]}]:
            holder["issued"] = value
            text = json.dumps(changed).encode()
            yield Variant("unknown member", f"object {number}", text, flags=["--allow-unknown-members"])
        del holder["issued"]


def places(value, path=()):
    """The paths of all values in a document."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for name, each in inner:
        yield from places(each, (*path, name))


def values(domain: dict):
    """Each value of the file replaced, and each member left out."""
    for path in places(domain):
        match path:
            case ["version"] | ["EncData", "kdf"]:
                kind = path[-1]
            case ["EncData", "data", _, "compact_jwe"]:
                kind = "base64 of an artifact"
            case ["SharedKeys", "enc_shares", 0 | 1, "enc_key"]:
                kind = "base64 of a present share"
            case ["SharedKeys", "enc_shares", 0 | 1, *_]:
                continue
            case _:
                kind = "value"
        whole = json.loads(json.dumps(domain))
        holder = whole
        for name in path[:-1]:
            holder = holder[name]
        value = holder[path[-1]]
        others = [None, 0, True, "x", "", [value], {"a": value}, str(value)]
        if isinstance(value, str):
            others += [value + " ", value + "=", value.upper(), value[::-1]]
        if isinstance(value, int):
            others += [float(value), value + 1, value - 1]
        for number, other in enumerate(others):
            holder[path[-1]] = other
            yield Variant(kind, f"{path}, {number}", json.dumps(whole).encode())
        del holder[path[-1]]
        yield Variant(kind, f"{path}, left out", json.dumps(whole).encode())


def texts(domain: dict):
    """The same file, spelled in other ways, and what is not quite JSON."""
    text = json.dumps(domain)
    same = [json.dumps(domain, indent=3), json.dumps(domain, indent="\t"), json.dumps(domain, sort_keys=True)]
    same += [json.dumps(domain, indent=1).replace("\n", "\r\n"), text + "\n\n", "\n " + text, text.replace("/", "\\/")]
    same += [text.replace("shamir", "sh\\u0061mir"), text.replace('"EncData"', '"\\u0045ncData"')]
    for number, other in enumerate(same):
        yield Variant("spelling", number, other.encode())
    flags = ["--allow-unknown-members"]
    for number, other in enumerate(['"version": 2', '"issued": NaN', '"issued": 1,', '"issued": "\t"', '"a": 01']):
        text_of = f"{text[:-1]}, {other}}}"
        yield Variant("text that is not JSON", number, text_of.encode(), flags=flags)
    for number, other in enumerate([text + "x", text + "\0", text + text, text[:-1]]):
        yield Variant("text that is not JSON", f"end {number}", other.encode())


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = (length.bit_length() + 7) // 8
    head = bytes([length]) if length < 128 else bytes([128 | size]) + length.to_bytes(size, "big")
    return bytes([tag]) + head + content


def elements(content: bytes) -> list:
    """The elements of a DER value, (tag, content)."""
    found = []
    while content:
        length, start = content[1], 2
        if length >= 128:
            start += length - 128
            length = int.from_bytes(content[2:start], "big")
        found.append((content[0], content[start : start + length]))
        content = content[start + length :]
    return found


def fields_of_certificates(der: bytes):
    """Certificates with one field replaced: those of the first part by their place, 7 and more being what
    follows the key, and the outer algorithm and signature."""
    [(_, whole)] = elements(der)
    (_, signed), outer, signature = elements(whole)
    fields = elements(signed)
    assert [tag for tag, _ in fields] == [0xA0, 2, 0x30, 0x30, 0x30, 0x30, 0x30, 0xA3]

    def made(changes, outer=outer, signature=signature):
        parts = b"".join(changes.get(place, tlv(*field)) for place, field in enumerate(fields))
        return tlv(0x30, tlv(0x30, parts) + tlv(*outer) + tlv(*signature))

    def time(text):
        return tlv(0x17 if len(text) == 13 else 0x18, text.encode())

    def name(*attributes):
        return tlv(0x30, tlv(0x31, b"".join(attributes)))

    def attribute(tag, value):
        return tlv(0x30, bytes.fromhex("0603550403") + tlv(tag, value))

    def deep(count):
        value = b""
        for _ in range(count):
            value = tlv(0x30, value)
        return value

    oid = bytes.fromhex("06092a864886f70d0101")
    null, rsa, pss, sha256 = b"\5\0", oid + b"\1", oid + b"\x0a", oid + b"\x0b"
    bits = tlv(*elements(fields[6][1])[1])
    early, late = time("240101000000Z"), time("331229000000Z")
    yield "inner algorithm without NULL", made({2: tlv(0x30, sha256)})
    yield "outer algorithm without NULL", made({}, outer=(0x30, sha256))
    yield "SHA-384 inside", made({2: tlv(0x30, oid + b"\x0c" + null)})
    yield "a beginning before 1970", made({4: tlv(0x30, time("690101000000Z") + late)})
    yield "both times before 1970", made({4: tlv(0x30, time("19500101000000Z") + time("600101000000Z"))})
    yield "an end before the beginning", made({4: tlv(0x30, late + early)})
    yield "29 February 2023", made({4: tlv(0x30, time("230229000000Z") + late)})
    yield "rsaEncryption without NULL", made({6: tlv(0x30, tlv(0x30, rsa) + bits)})
    yield "id-RSASSA-PSS", made({6: tlv(0x30, tlv(0x30, pss) + bits)})
    yield "version 1 with extensions", made({0: b""})
    yield "version 1 written down", made({0: tlv(0xA0, b"\2\1\0")})
    yield "version 2", made({0: tlv(0xA0, b"\2\1\1")})
    yield "no extensions", made({7: b""})
    yield "an empty list of extensions", made({7: tlv(0xA3, tlv(0x30, b""))})
    yield "an extension that is null", made({7: tlv(0xA3, tlv(0x30, null))})
    yield "a negative serial number", made({1: tlv(2, b"\x80")})
    yield "a serial number of 40 bytes", made({1: tlv(2, b"\x11" * 40)})
    yield "a serial number of zero", made({1: tlv(2, b"\0")})
    yield "a serial number with a zero too many", made({1: tlv(2, b"\0\1")})
    for unused in range(1, 9):
        yield f"{unused} unused bits", made({}, signature=(3, bytes([unused]) + signature[1][1:]))
    yield "no signature", made({}, signature=(3, b"\0"))
    yield "an unknown field", made({7: tlv(*fields[7]) + tlv(0xA4, b"")})
    for place, whose in [(3, "issuer"), (5, "subject")]:
        yield f"{whose}: empty", made({place: tlv(0x30, b"")})
        yield f"{whose}: an empty RDN", made({place: name()})
        yield f"{whose}: an attribute twice", made({place: name(attribute(12, b"a"), attribute(12, b"a"))})
        yield f"{whose}: attributes out of order", made({place: name(attribute(12, b"b"), attribute(12, b"a"))})
        yield f"{whose}: not UTF-8", made({place: name(attribute(12, b"\xff\xfe"))})
        yield f"{whose}: not DER inside", made({place: name(attribute(0x30, b"\4\x09"))})
        yield f"{whose}: 100 deep", made({place: name(attribute(0x30, deep(100)))})
        for tag in [*range(1, 31), 0x80, 0xA0, 0x41]:
            yield f"{whose}: a value of tag {tag}", made({place: name(attribute(tag, b"\0A"))})


def certificates(domain: dict, rng):
    der = x509.load_pem_x509_certificate(certificate(NAMES[0]).read_bytes()).public_bytes(Encoding.DER)
    variants = [("certificate, field", *field) for field in fields_of_certificates(der)]
    [(_, whole)] = elements(der)
    (_, public_key) = elements(elements(whole)[0][1])[6]
    start = der.index(public_key)
    for at in range(0, len(der), 3):
        bit = rng.randrange(8)
        inside = start <= at < start + len(public_key)
        kind = "key in a certificate" if inside else "certificate, flipped bit"
        variants.append((kind, f"byte {at}, bit {bit}", flipped(der, at, bit)))
    for kind, name, other in variants:
        try:
            # As the real client computes it.
            signed = x509.load_der_x509_certificate(other).public_bytes(Encoding.DER)
        except Exception:
            signed = other
        changed = json.loads(json.dumps(domain))
        digest = base64.urlsafe_b64encode(hashlib.sha256(signed).digest()).decode().strip("=")
        changed["SharedKeys"]["enc_shares"][0]["x5t_256"] = digest
        yield Variant(kind, name, json.dumps(changed).encode(), other)


def lay_out(work: Path, variant: Variant) -> list:
    """Writes the domain file, the keys and the certificates, and returns the paths of the keys."""
    work.mkdir()
    (work / "domain.json").write_bytes(variant.domain)
    for name in NAMES[:ABSENT]:
        (work / f"{name}.key").write_bytes(key(name).read_bytes())
        (work / f"{name}.cer").write_bytes(certificate(name).read_bytes())
    if variant.der is not None:
        text = base64.encodebytes(variant.der)
        pem = b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"
        (work / f"{NAMES[0]}.cer").write_bytes(pem)
    return [work / f"{name}.key" for name in NAMES[:ABSENT]]


def main():
    text = (CASE / "sd.json").read_bytes()
    domain, rng = json.loads(text), random.Random(12)
    described = json.loads((CASE / "case.json").read_text())
    expected = [(a["tag"], base64.b64decode(a["b64"])) for a in described["artifacts"]]
    reader = TransferKey(key("stransfer2048").read_bytes(), certificate("stransfer2048").read_bytes())
    variants = [
        *flips_in_shares(text, domain, rng),
        *values_in_shares(domain),
        *unknown_members(domain),
        *values(domain),
        *texts(domain),
        *digests_of_a_present_share(domain),
        *certificates(domain, rng),
    ]

    def right(blob: Path) -> bool:
        return blob.exists() and open_restore_blob(blob.read_text(), reader) == expected

    def by_the_real_client(work, keys) -> bool:
        try:
            azure_client.restore_blob(work / "domain.json", TRANSFER, keys, work / "real.json")
        except Exception:
            return False
        return right(work / "real.json")

    def by_secdom(work, keys, flags) -> tuple:
        command = [
            SECDOM, "restore-blob", *flags,
            "--sd-file", work / "domain.json",
            "--sd-exchange-key", TRANSFER,
            "--sd-wrapping-keys", *keys,
            "--sd-file-restore-blob", work / "ours.json",
        ]  # fmt: skip
        done = subprocess.run(list(map(str, command)), capture_output=True)
        assert done.returncode in (0, 1), done
        return done.returncode == 0 and right(work / "ours.json"), done.stderr.decode()

    real, ours, refused, wrong = 0, 0, Counter(), []
    with folder() as name, ThreadPoolExecutor(2) as pool:

        def judge(numbered):
            number, variant = numbered
            work = Path(name, str(number))
            keys = lay_out(work, variant)
            return variant, by_the_real_client(work, keys), by_secdom(work, keys, variant.flags)

        for variant, theirs, (mine, said) in pool.map(judge, enumerate(variants)):
            real, ours = real + theirs, ours + mine
            if variant.kind == ONLY_OURS and (theirs or not mine or "found by its key alone" not in said):
                wrong.append(f"{variant.kind}: {variant.name}: {said}")
            if theirs and not mine:
                refused[variant.kind] += 1
                if variant.kind not in REFUSED:
                    wrong.append(f"{variant.kind}: {variant.name}: {said}")
    assert not wrong, "\n".join(wrong)
    assert set(refused) == set(REFUSED), f"no longer refused: {set(REFUSED) - set(refused)}"
    assert real > 500, real
    kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(refused.items()))
    print(f"figure: {len(variants)} variants: the real client restores {real}, secdom {ours}; it refuses {kinds}")


if __name__ == "__main__":
    main()
