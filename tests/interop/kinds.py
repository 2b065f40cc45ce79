# SPDX-License-Identifier: MIT OR Apache-2.0
"""Custodians' keys of every kind against the package `cryptography` (HPKE, ML-KEM, key wrap), and two keys that are
both needed as `docs/format.md` lays them down.

    kinds.py check          open what the crate wrapped, and what this script wrapped before
    kinds.py vectors        wrap anew, for the crate's tests to open
"""

import hashlib
import hmac
import json
import struct
import sys

from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, padding, x25519
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding, aes_key_wrap_with_padding

from sealed_domain import VECTORS, Custodian, D

KEM = VECTORS.parent / "kem"
RAW = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
SHA = hashes.SHA256()


def suite(kem, kdf):
    return hpke.Suite(kem, kdf, hpke.AEAD.AES_256_GCM)


class Hpke:
    """A key of HPKE from its seed."""

    def __init__(self, suite, key, public):
        self.suite, self.key, self.public = suite, key, public

    def wrap(self, message, context):
        return self.suite.encrypt(message, self.key.public_key(), context)

    def unwrap(self, wrapped, context):
        return self.suite.decrypt(wrapped, self.key, context)


class P256(Hpke):
    def __init__(self, seed):
        key = ec.derive_private_key(int.from_bytes(seed), ec.SECP256R1())
        super().__init__(suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256), key, key.public_key().public_bytes(*RAW))


class XWing(Hpke):
    def __init__(self, seed):
        stretched = hashlib.shake_256(seed).digest(96)
        self.lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(stretched[:64])
        self.curve = x25519.X25519PrivateKey.from_private_bytes(stretched[64:])
        key = hpke.MLKEM768X25519PrivateKey(self.lattice, self.curve)
        public = self.lattice.public_key().public_bytes_raw() + self.curve.public_key().public_bytes_raw()
        super().__init__(suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256), key, public)

    def decapsulate(self, ciphertext):
        first, theirs = ciphertext[:-32], ciphertext[-32:]
        two = self.curve.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
        return hashlib.sha3_256(
            self.lattice.decapsulate(first) + two + theirs + self.public[-32:] + rb"\.//^" + b"\\").digest()


class MlKem1024P384(Hpke):
    def __init__(self, seed):
        stretched = hashlib.shake_256(seed).digest(112)
        self.lattice = mlkem.MLKEM1024PrivateKey.from_seed_bytes(stretched[:64])
        self.curve = ec.derive_private_key(int.from_bytes(stretched[64:]), ec.SECP384R1())
        key = hpke.MLKEM1024P384PrivateKey(self.lattice, self.curve)
        public = self.lattice.public_key().public_bytes_raw() + self.curve.public_key().public_bytes(*RAW)
        super().__init__(suite(hpke.KEM.MLKEM1024_P384, hpke.KDF.HKDF_SHA384), key, public)

    def decapsulate(self, ciphertext):
        first, theirs = ciphertext[:-97], ciphertext[-97:]
        two = self.curve.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), theirs))
        return hashlib.sha3_256(
            self.lattice.decapsulate(first) + two + theirs + self.public[-97:] + b"MLKEM1024-P384").digest()


class MlKem1024:
    def __init__(self, seed):
        self.key = mlkem.MLKEM1024PrivateKey.from_seed_bytes(seed)
        self.public = self.key.public_key().public_bytes_raw()

    def wrap(self, message, context):
        secret, ciphertext = self.key.public_key().encapsulate()
        return ciphertext + aes_key_wrap_with_padding(secret, message)

    def unwrap(self, wrapped, context):
        return aes_key_unwrap_with_padding(self.decapsulate(wrapped[:1568]), wrapped[1568:])

    def decapsulate(self, ciphertext):
        return self.key.decapsulate(ciphertext)


KINDS = {"p256": (0x10, P256), "x-wing": (0x647A, XWing), "mlkem1024-p384": (0x51, MlKem1024P384),
         "ml-kem-1024": (4, MlKem1024)}
CIPHERTEXT = {"x-wing": 1120, "mlkem1024-p384": 1665, "ml-kem-1024": 1568}


def unwrap_both(rsa, code, other, length, spki, wrapped, context):
    """An RSA key of `sealed_domain.py`, and a key of another kind whose SubjectPublicKeyInfo is `spki`."""
    size = rsa.key.key_size // 8
    one, two, sealed = wrapped[:size], wrapped[size:size + length], wrapped[size + length:]
    ids = rsa.id, D("custodian", code.to_bytes(4), spki)
    plain = rsa.key.decrypt(one, padding.OAEP(padding.MGF1(SHA), SHA, None))
    assert plain[:32] == D("hybrid context", context, ids[0] + ids[1]), "context"
    info = [b"security-domain/v1 hybrid", D("hybrid ciphertexts", one, two), *ids]
    info = b"".join(struct.pack(">Q", len(part)) + part for part in info)
    prk = hmac.digest(context, plain[32:] + other.decapsulate(two), "sha256")
    return AESGCM(hmac.digest(prk, info + b"\x01", "sha256")).decrypt(bytes(12), sealed, None)


def row(name, key, seed):
    message, context = hashlib.sha512(name.encode()).digest() + b"!", hashlib.sha256(name.encode()).digest()
    wrapped = key.wrap(message, context)
    fields = {"seed": seed, "public": key.public, "context": context, "message": message, "wrapped": wrapped}
    return {"kind": name} | {name: value.hex() for name, value in fields.items()}


def vectors():
    rows = []
    for name, (_, kind) in KINDS.items():
        seed = hashlib.shake_256(name.encode()).digest(64 if kind is MlKem1024 else 32)
        rows.append(row(name, kind(seed), seed))
    (KEM / "python.json").write_text(json.dumps(rows, indent=1) + "\n")


def check():
    seen = 0
    for file in ["python.json", "known-answer.json"]:
        for case in json.loads((KEM / file).read_text()):
            name = case["kind"]
            case = {key: bytes.fromhex(value) for key, value in case.items() if key != "kind"}
            kind, _, second = name.partition("+")
            code, make = KINDS[second or kind]
            key = make(case["seed"])
            assert key.public == case["public"], name
            if "spki" in case:
                assert case["spki"].endswith(key.public), name
            if name in ("p256", "ml-kem-1024") and "spki" in case:
                read = serialization.load_der_private_key(case["pkcs8"], None)
                public = serialization.PublicFormat.SubjectPublicKeyInfo
                spki = read.public_key().public_bytes(serialization.Encoding.DER, public)
                assert spki == case["spki"], name
                format = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                assert read.private_bytes(serialization.Encoding.DER, *format) == case["pkcs8"], name
            if second:
                opened = unwrap_both(Custodian("a"), code, key, CIPHERTEXT[second], case["spki"], case["wrapped"],
                                     case["context"])
            else:
                opened = key.unwrap(case["wrapped"], case["context"])
            assert opened == case["message"], name
            seen += 1
    print(f"{seen} wrapped messages open")
    assert seen == 4 + 4 + 3


if __name__ == "__main__":
    {"check": check, "vectors": vectors}.get(" ".join(sys.argv[1:]), lambda: sys.exit(__doc__))()
