# SPDX-License-Identifier: MIT OR Apache-2.0
"""A recovery reads the private keys that the real client reads: one key in every form of encryption, file and
numbers, given to the real client's function and to `secdom`, and keys that only existing domains have. Where the
real client restores and `secdom` does not, the variant is in the list REFUSED, with the reason."""

import base64
import json
import subprocess
from math import gcd
from pathlib import Path

import azure_client
from cases import ROOT, SECDOM, VECTORS, certificate, folder, key, run
from formats import TransferKey, open_restore_blob
from variants import elements, tlv

TRANSFER = VECTORS / "transfer/stransfer2048.pem"
ODD = ROOT / "tests/vectors/secdom/odd"
PASSWORD = "correct horse"
NULL, RSA = b"\5\0", bytes.fromhex("06092a864886f70d010101")
PSS = bytes.fromhex("06092a864886f70d01010a")

# What the real client restores and `secdom` does not, and why that stays so.
CONVERTED = "no program writes it unless it is asked for by name, and the refusal gives the command that converts it"
REFUSED = {"PBES2 rc2-cbc": CONVERTED, "PBES1 SHA1-RC4-128": CONVERTED}


def encode(number: int, zeros: int = 0) -> bytes:
    return tlv(2, bytes(zeros) + number.to_bytes(number.bit_length() // 8 + 1, "big"))


def pkcs1(n, e, d, p, q, dp=None, dq=None, inverse=None, version=0, zeros=0) -> bytes:
    dp, dq = dp or d % (p - 1), dq or d % (q - 1)
    numbers = [n, e, d, p, q, dp, dq, inverse or pow(q, -1, p)]
    return tlv(0x30, encode(version) + b"".join(encode(number, zeros) for number in numbers))


def pkcs8(inner: bytes, algorithm: bytes = RSA + NULL, version=0, after=b"") -> bytes:
    return tlv(0x30, encode(version) + tlv(0x30, algorithm) + tlv(4, inner) + after)


def pem(label: str, der: bytes, width=64, end="\n") -> bytes:
    text = base64.b64encode(der).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return end.join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def forms(name: str):
    """The key of a custodian in every form: (name, file, whether it is encrypted)."""
    path = key(name)
    plain = path.read_bytes()
    der = run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", path, "-outform", "DER").stdout
    [(_, whole)] = elements(der)
    inner = elements(whole)[2][1]
    [(_, numbers)] = elements(inner)
    _, n, e, d, p, q, dp, dq, inverse = (int.from_bytes(value, "big") for _, value in elements(numbers))
    order = (p - 1) * (q - 1)
    least = order // gcd(p - 1, q - 1)
    legacy = ["-provider", "legacy", "-provider", "default", "-passout", f"pass:{PASSWORD}"]

    def encrypted(*options):
        return run("openssl", "pkcs8", "-topk8", "-in", path, *options, *legacy).stdout

    for cipher in ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3", "des", "rc2-cbc", "camellia-256-cbc", "aria-256-cbc"]:
        yield f"PBES2 {cipher}", encrypted("-v2", cipher), True
    for prf in ["hmacWithSHA1", "hmacWithSHA224", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"]:
        yield f"PBES2 {prf}", encrypted("-v2", "aes-256-cbc", "-v2prf", prf), True
    yield "PBES2 scrypt", encrypted("-scrypt", "-scrypt_N", "1024"), True
    for scheme in ["MD5-DES", "SHA1-DES", "MD5-RC2-64", "SHA1-RC2-64", "SHA1-3DES", "SHA1-2DES", "SHA1-RC2-128",
                   "SHA1-RC2-40", "SHA1-RC4-128", "SHA1-RC4-40"]:  # fmt: skip
        yield f"PBES1 {scheme}", encrypted("-v1", f"PBE-{scheme}"), True
    for cipher in ["aes128", "aes192", "aes256", "des3", "des", "camellia256", "aria256", "rc2", "seed", "bf", "cast"]:
        done = run("openssl", "rsa", "-traditional", f"-{cipher}", "-in", path, *legacy)
        yield f"Proc-Type {cipher}", done.stdout, True

    def algorithm(name, text):
        return f"PKCS#8, {name}", pem("PRIVATE KEY", pkcs8(inner, text)), False

    yield algorithm("without NULL", RSA)
    yield algorithm("id-RSASSA-PSS", PSS)
    yield algorithm("id-RSASSA-PSS with NULL", PSS + NULL)
    yield algorithm("id-RSASSA-PSS with parameters", PSS + tlv(0x30, b""))
    yield algorithm("an odd parameter", RSA + tlv(0x30, b""))
    attributes = tlv(0xA0, tlv(0x30, bytes.fromhex("0603551d0f") + tlv(0x31, b"\3\2\4\x10")))
    yield "PKCS#8 with attributes", pem("PRIVATE KEY", pkcs8(inner, after=attributes)), False
    public = tlv(0x81, b"\0" + tlv(0x30, encode(n) + encode(e)))
    yield "PKCS#8, version 2, with the public key", pem("PRIVATE KEY", pkcs8(inner, version=1, after=public)), False
    yield "PKCS#8, version 3", pem("PRIVATE KEY", pkcs8(inner, version=2)), False

    changed = {
        "d modulo the least common multiple": pkcs1(n, e, d % least, p, q, dp, dq, inverse),
        "d modulo the order": pkcs1(n, e, pow(e, -1, order), p, q, dp, dq, inverse),
        "d plus the order": pkcs1(n, e, d + order, p, q, dp, dq, inverse),
        "d plus 3 times the least common multiple": pkcs1(n, e, d + 3 * least, p, q, dp, dq, inverse),
        "d of 4096 bits": pkcs1(n, e, d % least + least * (1 << 2050), p, q, dp, dq, inverse),
        "dp not reduced": pkcs1(n, e, d, p, q, dp + p - 1, dq, inverse),
        "dq not reduced": pkcs1(n, e, d, p, q, dp, dq + q - 1, inverse),
        "the coefficient not reduced": pkcs1(n, e, d, p, q, dp, dq, inverse + p),
        "the primes exchanged": pkcs1(n, e, d, q, p),
        "the primes exchanged alone": pkcs1(n, e, d, q, p, dp, dq, inverse),
        "another dp": pkcs1(n, e, d, p, q, dp ^ 4, dq, inverse),
        "another coefficient": pkcs1(n, e, d, p, q, dp, dq, inverse ^ 4),
        "another d": pkcs1(n, e, d ^ 4, p, q, dp, dq, inverse),
        "dp of one": pkcs1(n, e, d, p, q, 1, dq, inverse),
        "a zero before each number": pkcs1(n, e, d, p, q, dp, dq, inverse, zeros=1),
        "version 1": pkcs1(n, e, d, p, q, dp, dq, inverse, version=1),
        "a byte after it": inner + b"\0",
    }
    for what, numbers in changed.items():
        yield f"numbers: {what}", pem("RSA PRIVATE KEY", numbers), False
        yield f"numbers in PKCS#8: {what}", pem("PRIVATE KEY", pkcs8(numbers)), False

    other, text = key("s2048_9").read_bytes(), b"Bag Attributes\n    friendlyName: ada\nKey Attributes: <none>\n"
    cer = certificate(name).read_bytes()
    crlf = plain.replace(b"\n", b"\r\n")
    yield "file: text before it", text + plain, False
    yield "file: the certificate before it", cer + plain, False
    yield "file: the certificate after it", plain + cer, False
    yield "file: another key before it", other + plain, False
    yield "file: another key after it", plain + other, False
    yield "file: twice", plain + plain, False
    yield "file: CRLF", crlf, False
    yield "file: CR", plain.replace(b"\n", b"\r"), False
    yield "file: no line end at the end", plain.rstrip(), False
    yield "file: lines of 76", pem("PRIVATE KEY", der, 76), False
    yield "file: lines of 48", pem("PRIVATE KEY", der, 48), False
    yield "file: one line of base64", pem("PRIVATE KEY", der, len(der) * 2), False
    yield "file: spaces for line ends", plain.replace(b"\n", b" "), False
    yield "file: indented", b"".join(b"    " + line for line in plain.splitlines(True)), False
    yield "file: spaces after the lines", plain.replace(b"\n", b"  \n"), False
    yield "file: an empty line in it", plain.replace(b"\n", b"\n\n", 3), False
    yield "file: a byte order mark", b"\xef\xbb\xbf" + plain, False
    yield "file: UTF-16", plain.decode().encode("utf-16"), False
    yield "file: DER", der, False
    yield "file: PKCS#1 in DER", inner, False
    yield "file: base64 alone", base64.b64encode(der), False
    yield "file: another label", plain.replace(b"PRIVATE KEY", b"ANY PRIVATE KEY"), False
    yield "file: PKCS#8 labelled as PKCS#1", pem("RSA PRIVATE KEY", der), False
    yield "file: PKCS#1 labelled as PKCS#8", pem("PRIVATE KEY", inner), False


def differences(name, theirs, mine, said) -> list:
    if theirs and not mine and name not in REFUSED:
        return [f"{name}: the real client restores; secdom: {said.strip()}"]
    if theirs and mine and name in REFUSED:
        return [f"{name}: no longer refused"]
    if name in REFUSED and "openssl pkcs8 -topk8" not in said:
        return [f"{name}: {said}"]
    return []


def main():
    reader = TransferKey(key("stransfer2048").read_bytes(), certificate("stransfer2048").read_bytes())
    counts = {"real": 0, "ours": 0}
    wrong = []

    def judge(work: Path, name: str, domain: Path, case: str, keys: list, passwords: list):
        described = json.loads((VECTORS / f"valid/{case}/case.json").read_text())
        expected = [(a["tag"], base64.b64decode(a["b64"])) for a in described["artifacts"]]

        def right(blob: Path) -> bool:
            return blob.exists() and open_restore_blob(blob.read_text(), reader) == expected

        try:
            azure_client.restore_blob(domain, TRANSFER, keys, work / "real.json", [word or None for word in passwords])
            theirs = right(work / "real.json")
        except BaseException:
            theirs = False
        files = []
        for number, password in enumerate(passwords):
            files.append(work / f"password-{number}")
            files[-1].write_text(password)
        command = [
            SECDOM, "restore-blob",
            "--sd-file", domain,
            "--sd-exchange-key", TRANSFER,
            "--sd-file-restore-blob", work / "ours.json",
            "--sd-wrapping-keys", *keys,
            *(["--password-file", *files] if any(passwords) else []),
        ]  # fmt: skip
        done = subprocess.run(list(map(str, command)), capture_output=True)
        assert done.returncode in (0, 1), done
        mine = done.returncode == 0 and right(work / "ours.json")
        counts["real"] += theirs
        counts["ours"] += mine
        wrong.extend(differences(name, theirs, mine, done.stderr.decode()))

    number = 0
    with folder() as place:
        for name, text, is_encrypted in forms("s2048_0"):
            work = Path(place, str(number))
            work.mkdir()
            number += 1
            for custodian in ["s2048_0", "s2048_1"]:
                (work / f"{custodian}.cer").write_bytes(certificate(custodian).read_bytes())
            (work / "s2048_0.key").write_bytes(text)
            (work / "s2048_1.key").write_bytes(key("s2048_1").read_bytes())
            keys = [work / "s2048_0.key", work / "s2048_1.key"]
            passwords = [PASSWORD if is_encrypted else "", ""]
            judge(work, name, VECTORS / "valid/v01-2of3-2048/sd.json", "v01-2of3-2048", keys, passwords)
        names = sorted(path.stem for path in ODD.glob("*.key"))
        for left_out in names:
            work = Path(place, str(number))
            work.mkdir()
            number += 1
            keys = [ODD / f"{name}.key" for name in names if name != left_out]
            judge(work, f"odd keys without {left_out}", ODD / "domain.json", "v04-3of5-2048", keys, [""] * 3)
    assert not wrong, "\n".join(wrong)
    assert counts["real"] > 50, counts
    refused = f"; it refuses {len(REFUSED)} of them" if REFUSED else ""
    print(f"figure: {number} forms of private keys: the real client reads {counts['real']}, secdom {counts['ours']}{refused}")


if __name__ == "__main__":
    main()
