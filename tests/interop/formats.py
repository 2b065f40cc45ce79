# SPDX-License-Identifier: MIT OR Apache-2.0
"""A restore blob opened by an independent reader: Python's `cryptography`, nobody's client."""

import base64
import hashlib
import hmac
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding as pkcs7
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key


def unbase64url(text: str) -> bytes:
    if not set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"):
        raise ValueError("not base64url without padding")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def content_key(master: bytes, tag: str) -> bytes:
    """SP 800-108, counter mode, HMAC-SHA-512, one block of 512 bits, empty context."""
    fixed = b"\0\0\0\1" + tag.encode() + b"\0" + b"\0\0\2\0"
    return hmac.new(master, fixed, hashlib.sha512).digest()


def open_jwe(compact: str, kid: str, unwrap) -> bytes:
    """A256CBC-HS512 (RFC 7518 section 5.2.5); `unwrap` gives the content key for header and key."""
    header_text, wrapped, iv, ciphertext, tag = compact.split(".")
    header = json.loads(unbase64url(header_text))
    if header["enc"] != "A256CBC-HS512" or header["kid"] != kid:
        raise ValueError(f"an unexpected header: {header}")
    key = unwrap(header["alg"], unbase64url(wrapped))
    iv, ciphertext, tag = unbase64url(iv), unbase64url(ciphertext), unbase64url(tag)
    aad = header_text.encode("ascii")
    text = aad + iv + ciphertext + (8 * len(aad)).to_bytes(8, "big")
    if not hmac.compare_digest(tag, hmac.new(key[:32], text, hashlib.sha512).digest()[:32]):
        raise ValueError("a wrong tag")
    decryptor = Cipher(algorithms.AES(key[32:]), modes.CBC(iv)).decryptor()
    unpadder = pkcs7.PKCS7(128).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


class TransferKey:
    """A transfer key and its certificate, both PEM."""

    def __init__(self, key: bytes, certificate: bytes):
        self.key = load_pem_private_key(key, None)
        der = x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.DER)
        self.thumbprint = hashlib.sha256(der).digest()


def open_restore_blob(text: str, transfer: TransferKey) -> list:
    """The artifacts, (tag, bytes) in order, of a blob made for this transfer key."""
    blob = json.loads(text)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)

    def unwrap(alg, wrapped):
        if alg != "RSA-OAEP-256":
            raise ValueError(f"an unexpected algorithm: {alg}")
        return transfer.key.decrypt(wrapped, oaep)

    def direct(tag):
        def derive(alg, wrapped):
            if alg != "dir" or wrapped:
                raise ValueError(f"an unexpected algorithm or key: {alg}")
            return content_key(master, tag)

        return derive

    if unbase64url(blob["WrappedKey"]["x5t_256"]) != transfer.thumbprint:
        raise ValueError("made for another transfer key")
    if blob["EncData"]["kdf"] != "sp108_kdf":
        raise ValueError("an unexpected kdf")
    master = open_jwe(blob["WrappedKey"]["enc_key"], "not used", unwrap)
    if len(master) != 32:
        raise ValueError("a master key of another length")
    return [
        (entry["tag"], open_jwe(entry["compact_jwe"], entry["tag"], direct(entry["tag"])))
        for entry in blob["EncData"]["data"]
    ]
