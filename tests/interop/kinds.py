# SPDX-License-Identifier: MIT OR Apache-2.0
"""Custodians' keys of every kind against the package `cryptography` (HPKE, ML-KEM, key wrap), and two keys that are
both needed as `docs/format.md` lays them down.

    kinds.py check          open what the crate wrapped, and what this script wrapped before
    kinds.py vectors        wrap anew, for the crate's tests to open
    kinds.py domain         seal a domain anew to custodians of every kind; what it writes is frozen
"""

import hashlib
import hmac
import json
import os
import struct
import sys

from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, padding, x25519
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding, aes_key_wrap_with_padding

from sealed_domain import VECTORS, Custodian, D, Writer, read

KEM = VECTORS.parent / "kem"
RAW = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
SHA = hashes.SHA256()


def suite(kem, kdf):
    return hpke.Suite(kem, kdf, hpke.AEAD.AES_256_GCM)


def algorithm_identifier(*arcs):
    """An AlgorithmIdentifier without parameters, in DER."""
    def base_128(number):
        digits = [number & 127]
        while number := number >> 7:
            digits.insert(0, number & 127 | 128)
        return bytes(digits)
    first, second, *rest = arcs
    oid = b"".join(map(base_128, [40 * first + second, *rest]))
    return tlv(0x30, tlv(6, oid))


def tlv(tag, body):
    length = len(body)
    more = b"" if length < 128 else length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(more)]) + more + body if more else bytes([tag, length]) + body


class Encoded:
    """How a kind of key is encoded: its code, its AlgorithmIdentifier, the lengths of its seed and public key."""

    def __init__(self, code, make, identifier, seed_len, public_len):
        self.code, self.make, self.identifier = code, make, identifier
        self.seed_len, self.public_len = seed_len, public_len

    def spki(self, public):
        return tlv(0x30, self.identifier + tlv(3, b"\x00" + public))

    def read(self, spki):
        """The public key; None for anything else."""
        public = spki[len(spki) - self.public_len:]
        if len(public) != self.public_len or self.spki(public) != spki:
            return None
        return public if self.make.is_public(public) else None


class Hpke:
    """A key of HPKE from its seed."""

    def __init__(self, suite, key, public):
        self.suite, self.key, self.public = suite, key, public

    def wrap(self, message, context):
        return self.suite.encrypt(message, self.key.public_key(), context)

    def unwrap(self, wrapped, context):
        return self.suite.decrypt(wrapped, self.key, context)


class P256(Hpke):
    @staticmethod
    def is_public(public):
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        except ValueError:
            return False
        return True

    def __init__(self, seed):
        key = ec.derive_private_key(int.from_bytes(seed), ec.SECP256R1())
        super().__init__(suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256), key, key.public_key().public_bytes(*RAW))


class XWing(Hpke):
    @staticmethod
    def is_public(public):
        curve = public[-32:]
        try:
            mlkem.MLKEM768PublicKey.from_public_bytes(public[:-32])
            x25519.X25519PrivateKey.generate().exchange(x25519.X25519PublicKey.from_public_bytes(curve))
        except ValueError:
            return False
        return int.from_bytes(curve, "little") < 2**255 - 19

    def __init__(self, seed):
        stretched = hashlib.shake_256(seed).digest(96)
        self.lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(stretched[:64])
        self.curve = x25519.X25519PrivateKey.from_private_bytes(stretched[64:])
        key = hpke.MLKEM768X25519PrivateKey(self.lattice, self.curve)
        public = self.lattice.public_key().public_bytes_raw() + self.curve.public_key().public_bytes_raw()
        super().__init__(suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256), key, public)

    def combine(self, one, two, theirs):
        return hashlib.sha3_256(one + two + theirs + self.public[-32:] + rb"\.//^" + b"\\").digest()

    def encapsulate(self):
        one, first = self.lattice.public_key().encapsulate()
        drawn = x25519.X25519PrivateKey.generate()
        last = drawn.public_key().public_bytes_raw()
        return self.combine(one, drawn.exchange(self.curve.public_key()), last), first + last

    def decapsulate(self, ciphertext):
        first, theirs = ciphertext[:-32], ciphertext[-32:]
        two = self.curve.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
        return self.combine(self.lattice.decapsulate(first), two, theirs)


class MlKem1024P384(Hpke):
    @staticmethod
    def is_public(public):
        try:
            mlkem.MLKEM1024PublicKey.from_public_bytes(public[:-97])
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), public[-97:])
        except ValueError:
            return False
        return True

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
    @staticmethod
    def is_public(public):
        try:
            mlkem.MLKEM1024PublicKey.from_public_bytes(public)
        except ValueError:
            return False
        return True

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


KINDS = {
    "p256": Encoded(0x10, P256, bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107"), 32, 65),
    "x-wing": Encoded(0x647A, XWing, algorithm_identifier(1, 3, 6, 1, 4, 1, 62253, 25722), 32, 1216),
    "mlkem1024-p384": Encoded(0x51, MlKem1024P384, algorithm_identifier(2, 25, 108189155646682087881671402164087870464),
                              32, 1665),
    "ml-kem-1024": Encoded(4, MlKem1024, algorithm_identifier(2, 16, 840, 1, 101, 3, 4, 4, 3), 64, 1568),
}
BY_CODE = {kind.code: kind for kind in KINDS.values()}
CIPHERTEXT = {"x-wing": 1120, "mlkem1024-p384": 1665, "ml-kem-1024": 1568}


def both_key(ids, secrets, ciphertexts, context):
    info = [b"security-domain/v1 hybrid", D("hybrid ciphertexts", *ciphertexts), *ids]
    info = b"".join(struct.pack(">Q", len(part)) + part for part in info)
    prk = hmac.digest(context, secrets, "sha256")
    return AESGCM(hmac.digest(prk, info + b"\x01", "sha256"))


def unwrap_both(rsa, code, other, length, spki, wrapped, context):
    """An RSA key of `sealed_domain.py`, and a key of another kind whose SubjectPublicKeyInfo is `spki`."""
    size = rsa.key.key_size // 8
    one, two, sealed = wrapped[:size], wrapped[size:size + length], wrapped[size + length:]
    ids = rsa.id, D("custodian", code.to_bytes(4), spki)
    plain = rsa.key.decrypt(one, padding.OAEP(padding.MGF1(SHA), SHA, None))
    assert plain[:32] == D("hybrid context", context, ids[0] + ids[1]), "context"
    key = both_key(ids, plain[32:] + other.decapsulate(two), [one, two], context)
    return key.decrypt(bytes(12), sealed, None)


class Holder:
    """A custodian with a key of this kind, for `sealed_domain.py`."""

    def __init__(self, name, seed):
        self.kind, self.seed = name, seed
        encoded = KINDS[name]
        self.key, self.algorithm = encoded.make(seed), encoded.code
        self.spki = encoded.spki(self.key.public)
        self.id = D("custodian", self.algorithm.to_bytes(4), self.spki)

    def wrap(self, message, _):
        return self.key.wrap(message, message[:32])

    def unwrap(self, wrapped, context):
        return self.key.unwrap(wrapped, context)


class HolderOfBoth:
    """A custodian who needs an RSA key of `sealed_domain.py` and a key of X-Wing."""

    def __init__(self, rsa, seed):
        self.rsa, self.other, self.seed = Custodian(rsa), Holder("x-wing", seed), seed
        self.kind = f"{rsa}+x-wing"
        self.algorithm = self.rsa.algorithm << 16 | self.other.algorithm
        self.ids = self.rsa.id, self.other.id
        self.id = D("custodian", self.algorithm.to_bytes(4), self.ids[0] + self.ids[1])

    def wrap(self, message, seed):
        context, secret = message[:32], os.urandom(32)
        one = self.rsa.wrap(D("hybrid context", context, self.ids[0] + self.ids[1]) + secret, seed)
        shared, two = self.other.key.encapsulate()
        key = both_key(self.ids, secret + shared, [one, two], context)
        return one + two + key.encrypt(bytes(12), message, None)

    def unwrap(self, wrapped, context):
        length, other = CIPHERTEXT["x-wing"], self.other
        return unwrap_both(self.rsa, other.algorithm, other.key, length, other.spki, wrapped, context)


def custodians_of_every_kind():
    alone = [Holder(name, seed_of(name)) for name in KINDS]
    return [Custodian("b"), *alone, HolderOfBoth("a", hashlib.shake_256(b"second of two").digest(32))]


def domain():
    """Writes a domain with a custodian of every kind. An encapsulation is random, so it is another one each time."""
    writer = Writer("every-kind", custodians_of_every_kind())
    (KEM / "every-kind.sealed").write_bytes(writer.write())
    seeds = [[c.kind, c.seed.hex()] for c in writer.custodians[1:]]
    facts = {"seeds": seeds, "root": writer.root.hex(), "artifacts": [[tag, data.hex()] for tag, data in writer.artifacts]}
    (KEM / "every-kind.json").write_text(json.dumps(facts, indent=1) + "\n")


def check_domain():
    writer = Writer("every-kind", custodians_of_every_kind())
    data = (KEM / "every-kind.sealed").read_bytes()
    assert read(data, writer.custodians)[1:] == (writer.root, writer.artifacts)
    facts = json.loads((KEM / "every-kind.json").read_text())
    assert facts["root"] == writer.root.hex()
    assert facts["seeds"] == [[c.kind, c.seed.hex()] for c in writer.custodians[1:]]
    print("the domain with a custodian of every kind opens")


def row(name, key, seed):
    message, context = hashlib.sha512(name.encode()).digest() + b"!", hashlib.sha256(name.encode()).digest()
    wrapped = key.wrap(message, context)
    fields = {"seed": seed, "public": key.public, "context": context, "message": message, "wrapped": wrapped}
    return {"kind": name} | {name: value.hex() for name, value in fields.items()}


def seed_of(name):
    return hashlib.shake_256(name.encode()).digest(KINDS[name].seed_len)


def from_name(name):
    """A key of this kind that is always the same."""
    return KINDS[name].make(seed_of(name))


def key_wrap(key, icv, message):
    """SP 800-38F section 6.3 for a message of more than 8 bytes, with a given ICV2."""
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    head, padded = icv + struct.pack(">I", len(message)), message + bytes(-len(message) % 8)
    blocks = [padded[at : at + 8] for at in range(0, len(padded), 8)]
    for step in range(6 * len(blocks)):
        place = step % len(blocks)
        block = aes.update(head + blocks[place])
        head, blocks[place] = (int.from_bytes(block[:8], "big") ^ step + 1).to_bytes(8, "big"), block[8:]
    return head + b"".join(blocks)


def another_icv():
    """A seed, the known answer under it, and the same message with another ICV2, which no change of the known answer gives."""
    rows = json.loads((KEM / "known-answer.json").read_text())
    row = next(row for row in rows if row["kind"] == "ml-kem-1024")
    seed, wrapped, message = (bytes.fromhex(row[name]) for name in ("seed", "wrapped", "message"))
    ciphertext = wrapped[:1568]
    key = mlkem.MLKEM1024PrivateKey.from_seed_bytes(seed).decapsulate(ciphertext)
    assert ciphertext + key_wrap(key, bytes.fromhex("a65959a6"), message) == wrapped
    return seed + wrapped + ciphertext + key_wrap(key, bytes.fromhex("a65959a7"), message)


def vectors():
    (KEM / "another-icv.bin").write_bytes(another_icv())
    rows = [row(name, from_name(name), seed_of(name)) for name in KINDS]
    (KEM / "python.json").write_text(json.dumps(rows, indent=1) + "\n")


def check():
    assert (KEM / "another-icv.bin").read_bytes() == another_icv()
    seen = 0
    for file in ["python.json", "known-answer.json"]:
        for case in json.loads((KEM / file).read_text()):
            name = case["kind"]
            case = {key: bytes.fromhex(value) for key, value in case.items() if key != "kind"}
            kind, _, second = name.partition("+")
            encoded = KINDS[second or kind]
            code, key = encoded.code, encoded.make(case["seed"])
            assert key.public == case["public"], name
            if "spki" in case:
                assert case["spki"] == encoded.spki(key.public), name
                assert encoded.read(case["spki"]) == key.public, name
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
    check_domain()


if __name__ == "__main__":
    {"check": check, "vectors": vectors, "domain": domain}.get(" ".join(sys.argv[1:]), lambda: sys.exit(__doc__))()
