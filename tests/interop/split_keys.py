# SPDX-License-Identifier: MIT OR Apache-2.0
"""Domain files of version 1, which no client writes any more, from an independent writer: Python's
`cryptography`. It follows the published source of Azure PowerShell (SecurityDomainClient.cs), which reads
them. Any two custodians who have a pair restore with `secdom`, and the restore blob opens to the artifacts.

Usage: split_keys.py            make files and restore them
       split_keys.py write OUT  write the vector: domain.json and case.json
"""

import base64
import hashlib
import hmac
import json
import os
import sys
from itertools import combinations
from pathlib import Path

from cases import ROOT, SECDOM, VECTORS, certificate, folder, key, run
from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding as pkcs7
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding
from formats import TransferKey, content_key, open_restore_blob


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwe(header: dict, wrapped: bytes, key: bytes, plaintext: bytes) -> str:
    """A256CBC-HS512 (RFC 7518 section 5.2.5), the header as Newtonsoft.Json writes it."""
    first = base64url(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode())
    iv = os.urandom(16)
    padder = pkcs7.PKCS7(128).padder()
    padded = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key[32:]), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    text = first.encode() + iv + ciphertext + (8 * len(first)).to_bytes(8, "big")
    tag = hmac.new(key[:32], text, hashlib.sha512).digest()[:32]
    return ".".join([first, *map(base64url, [wrapped, iv, ciphertext, tag])])


def sealed(holder: x509.Certificate, secret: bytes) -> dict:
    """A half of the master key, sealed to a custodian."""
    content = os.urandom(64)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    wrapped = holder.public_key().encrypt(content, oaep)
    header = {"alg": "RSA-OAEP-256", "enc": "A256CBC-HS512", "kid": "not used"}
    digest = hashlib.sha256(holder.public_bytes(Encoding.DER)).digest()
    return {"enc_key": jwe(header, wrapped, content, secret), "x5t_256": base64url(digest)}


def domain_file(custodians: list, artifacts: list) -> str:
    """A file with one pair for any two custodians, and the artifacts, (tag, bytes) in order."""
    master = os.urandom(32)
    data = [
        {
            "compact_jwe": jwe(
                {"alg": "dir", "enc": "A256CBC-HS512", "kid": tag}, b"", content_key(master, tag), plaintext
            ),
            "tag": tag,
        }
        for tag, plaintext in artifacts
    ]
    pairs = []
    for one, two in combinations(custodians, 2):
        half = os.urandom(32)
        other = bytes(a ^ b for a, b in zip(master, half))
        pairs.append({"key1": sealed(one, half), "key2": sealed(two, other)})
    return json.dumps(
        {
            "EncData": {"data": data, "kdf": "sp108_kdf"},
            "SplitKeys": {"key_algorithm": "xor_split", "keys": pairs},
            "version": 1,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


ARTIFACTS = [
    ("hsm_backup", bytes(range(256)) * 5),
    ("base_enclave_backup", b""),
    ("größe-鍵", b"sixteen bytes .."),
]


def write(out: Path):
    """The vector, for the custodians of tests/vectors/rsa/keys."""
    keys = ROOT / "tests/vectors/rsa/keys"
    custodians = [x509.load_der_x509_certificate((keys / f"{bits}.cer.der").read_bytes()) for bits in (2048, 3072, 4096)]
    (out / "domain.json").write_text(domain_file(custodians, ARTIFACTS))
    described = [{"tag": tag, "b64": base64.b64encode(data).decode()} for tag, data in ARTIFACTS]
    (out / "case.json").write_text(json.dumps({"artifacts": described}, indent=1, ensure_ascii=False) + "\n")


def check():
    restored = 0
    transfer = TransferKey(key("stransfer2048").read_bytes(), certificate("stransfer2048").read_bytes())
    for names in (["s2048_0", "s2048_1"], ["s2048_0", "s3072_0", "s4096_0"], [f"s2048_{n}" for n in range(5)]):
        custodians = [x509.load_pem_x509_certificate(certificate(name).read_bytes()) for name in names]
        with folder() as work:
            domain = Path(work, "domain.json")
            domain.write_text(domain_file(custodians, ARTIFACTS))
            run(SECDOM, "inspect", domain)
            for pair in combinations(names, 2):
                blob = Path(work, "-".join(pair))
                run(
                    SECDOM, "restore-blob",
                    "--sd-file", domain,
                    "--sd-exchange-key", VECTORS / "transfer/stransfer2048.pem",
                    "--sd-wrapping-keys", *map(key, pair),
                    "--sd-file-restore-blob", blob,
                )  # fmt: skip
                assert open_restore_blob(blob.read_text(), transfer) == ARTIFACTS, pair
                restored += 1
    print(f"figure: {restored} pairs restored files of version 1")


if sys.argv[1:2] == ["write"]:
    write(Path(sys.argv[2]))
else:
    check()
