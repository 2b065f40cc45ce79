# SPDX-License-Identifier: MIT OR Apache-2.0
"""The known answers of the self-tests that are too long for a line of source, made without the crate.

Usage, from the root of the repository:

    self_test.py check          make them again and compare
    self_test.py write          write them

The key and one ciphertext are Project Wycheproof's (tests/vectors/rsa/wycheproof/oaep-2048.txt, valid case 2048-4). What
is drawn is 0x5a in every byte.
"""

import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

from sealed_domain import mgf1, share_at, times, xor

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ROOT / "src" / "self_test"
HPKE = ROOT / "tests" / "vectors" / "kem" / "hpke.json"
WYCHEPROOF = ROOT / "tests" / "vectors" / "rsa" / "wycheproof" / "oaep-2048.txt"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def oaep(key, message, seed):
    """RFC 8017 section 7.1.1, with a given seed."""
    numbers = key.public_key().public_numbers()
    block = hashlib.sha256(b"").digest() + bytes(256 - len(message) - 66) + b"\x01" + message
    block = xor(block, mgf1(seed, len(block)))
    number = int.from_bytes(xor(seed, mgf1(block, 32)) + block, "big")
    return pow(number, numbers.e, numbers.n).to_bytes(256, "big")


def key_backup(key, text, iv):
    """RFC 7518 section 5.2.5 in the form of RFC 7516 section 7.1."""
    header = base64url(b'{"alg":"dir","enc":"A256CBC-HS512","kid":"backup-protection-key"}')
    fill = 16 - len(text) % 16
    cipher = Cipher(algorithms.AES(key[32:]), modes.CBC(iv)).encryptor()
    sealed = cipher.update(text + bytes([fill]) * fill) + cipher.finalize()
    bits = (8 * len(header)).to_bytes(8, "big")
    tag = hmac.digest(key[:32], header + iv + sealed + bits, "sha512")[:32]
    return b".".join([header, b"", base64url(iv), base64url(sealed), base64url(tag)])


def key_schedule(kem, kdf, aead, shared, info):
    """RFC 9180 section 5.1 in base mode: a key of 32 bytes, and the nonce."""
    hash_name = {1: "sha256", 2: "sha384"}[kdf]
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (kem, kdf, aead))

    def extract(salt, label, ikm):
        return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, hash_name)

    def expand(key, label, context, length):
        info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        # One block is enough.
        return hmac.digest(key, info + b"\x01", hash_name)[:length]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)


def wrapped():
    """What is wrapped under the secrets of the published vectors."""
    message = info = b"\x5a" * 32
    ours = {0x10: (1, "P-256"), 0x647A: (1, "X-Wing"), 0x51: (2, "MLKEM1024-P384"), 0x42: (0, "ML-KEM-1024")}
    agree = 0
    for row in json.loads(HPKE.read_text()):
        shared = bytes.fromhex(row["shared_secret"])
        if len(row["key"]) == 64:
            suite = (row["kem_id"], row["kdf_id"], row["aead_id"])
            made = key_schedule(*suite, shared, bytes.fromhex(row["info"]))
            agree += made == (bytes.fromhex(row["key"]), bytes.fromhex(row["base_nonce"]))
        kdf, name = ours[row["kem_id"]]
        if row["kem_id"] == 0x10 and row["aead_id"] != 2:
            continue
        if kdf:
            key, nonce = key_schedule(row["kem_id"], kdf, 2, shared, info)
            sealed = AESGCM(key).encrypt(nonce, message, None)
        else:
            sealed = aes_key_wrap_with_padding(shared, message)
        yield f"wrapped under {name}", hashlib.sha256(sealed).digest()
    assert agree == 5, "the key schedule is not that of the vectors"


def files():
    lines = [line.split() for line in WYCHEPROOF.read_text().splitlines() if not line.startswith("#")]
    der = bytes.fromhex(next(line[1] for line in lines if line[0] == "key"))
    case = next(line for line in lines if line[:2] == ["valid", "2048-4"])
    message, ciphertext = bytes.fromhex(case[3]), bytes.fromhex(case[4])
    key = serialization.load_der_private_key(der, None)
    sha = hashes.SHA256()
    assert key.decrypt(ciphertext, padding.OAEP(padding.MGF1(sha), sha, None)) == message
    drawn = oaep(key, message, b"\x5a" * 32)
    assert key.decrypt(drawn, padding.OAEP(padding.MGF1(sha), sha, None)) == message
    return {
        "rsa-2048.p8": der,
        "oaep-wycheproof.bin": ciphertext,
        "oaep-5a.bin": drawn,
        "signature.bin": key.sign(message, padding.PKCS1v15(), sha),
        "key-backup.txt": key_backup(bytes(range(64)), b"a message of more than one block", b"\x5a" * 16),
    }


def lines():
    """What stands in the source as digits."""
    fixed = (1).to_bytes(4, "big") + b"label\0context" + (256).to_bytes(4, "big")
    yield "SP 800-108", hmac.digest(b"\x41" * 32, fixed, "sha512")[:32]
    table = bytes(times(a, b) for b in range(256) for a in range(256))
    yield "multiplication table", hashlib.sha256(table).digest()
    rows = [bytes(range(start, start + 8)) for start in (0, 0x10, 0xF0)]
    for index in (1, 4, 255):
        yield f"share {index}", share_at(index, rows)
    numbers = [(23 + 200 * x + 256 * x * x) % 257 for x in range(1, 4)]
    yield "mod 257", b"".join(number.to_bytes(2, "big") for number in numbers)
    yield from wrapped()


def main(verb):
    source = "".join(path.read_text() for path in FILES.glob("*.rs"))
    for name, data in files().items():
        if verb == "write":
            (FILES / name).write_bytes(data)
        assert (FILES / name).read_bytes() == data, name
    for name, data in lines():
        if verb == "write":
            print(name, data.hex())
        else:
            assert data.hex() in source, name
    print("the known answers are the same as made here")


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["write"]):
        sys.exit(__doc__)
    main(sys.argv[1])
