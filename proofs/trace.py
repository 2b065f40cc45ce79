# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs each `trace_` function of the image with 16 secrets: the addresses of its instructions and of its memory
accesses must be the same for all of them, and its answers right. What it compares with `==`, which is a call of `memcmp`
on this target, must be the same too, or be a part of what the function publishes: on 32 bytes such a comparison tells
secrets apart only if they begin alike, which no few secrets do. Verifying a signature, and reading
the key for it, are not recorded. The planted leaks must show. Runs are made again without
looking at memory, and must take the same way: an emulator's hooks can change what it runs (hooks.c).

Usage: trace.py IMAGE FOLDER [WORD]     with a word, only the functions whose name has it
"""

import ctypes
import hmac
import random
import sys

from image import DATA, Image

SECRET, RESULT = DATA, DATA + 0x100

# A function of more instructions than LONG is run with the first few secrets only.
FEW, LONG = 3, 1_000_000


def gf256(a, b):
    product = 0
    for bit in range(8):
        product ^= (a << bit) * (b >> bit & 1)
    for bit in range(14, 7, -1):
        product ^= (0x11B << bit - 8) * (product >> bit & 1)
    return product


def pairs(secret):
    return list(zip(secret[::2], secret[1::2]))


def words(values):
    return b"".join(value.to_bytes(2, "little") for value in values)


def evaluate(coefficients):
    return sum(c * 7**power for power, c in enumerate(coefficients)) % 257


def read(low, high):
    value = low | (high & 1) << 8
    return value if value < 257 else 0


def weight(points, own):
    """Lagrange's weight at 0 of the share at `own`."""
    top, bottom = 1, 1
    for point in points:
        if point != own:
            top, bottom = gf256(top, point), gf256(bottom, point ^ own)
    return next(w for w in range(256) if gf256(w, bottom) == top)


def combine(shares):
    """Shares as index and value, to the secret."""
    weights = {index: weight(shares, index) for index in shares}
    columns = zip(*([gf256(weights[index], byte) for byte in value] for index, value in shares.items()))
    return bytes(a ^ b if not rest else a ^ b ^ rest[0] for a, b, *rest in columns)


def xorshift(seed, count):
    """The generator of the image."""
    out = bytearray()
    for _ in range(count):
        seed ^= seed << 13 & 0xFFFFFFFF
        seed ^= seed >> 17
        seed ^= seed << 5 & 0xFFFFFFFF
        out.append(seed & 0xFF)
    return out


def third_share(secret):
    return bytes(s ^ gf256(3, r) for s, r in zip(secret, xorshift(7, 32)))


def digest(secret):
    message = b"security-domain/v1 share digest" + bytes([5]) * 16 + bytes([2, 3, 1]) + secret
    return hmac.digest(secret, message, "sha256")


def bech32m(prefix, data):
    """Bytes as text (BIP 350)."""

    def remainder(symbols):
        checksum = 1
        for symbol in symbols:
            top = checksum >> 25
            checksum = (checksum & 0x1FFFFFF) << 5 ^ symbol
            for bit, by in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                checksum ^= (top >> bit & 1) * by
        return checksum ^ 0x2BC830A3

    length = -(-len(data) * 8 // 5)
    bits = int.from_bytes(data) << length * 5 - len(data) * 8
    symbols = [bits >> 5 * at & 31 for at in reversed(range(length))]
    expanded = [byte >> 5 for byte in prefix] + [0] + [byte & 31 for byte in prefix]
    end = remainder(expanded + symbols + 6 * [0])
    symbols += [end >> 5 * at & 31 for at in reversed(range(6))]
    return prefix + b"1" + bytes(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"[symbol] for symbol in symbols)


def text_of_share(secret):
    return bech32m(b"sdshare", b"\x01" + bytes([5]) * 16 + bytes([2, 3, 3]) + (32).to_bytes(4) + secret + secret)


def sp800_108(secret):
    return hmac.digest(secret, (1).to_bytes(4) + b"label\0context" + (256).to_bytes(4), "sha512")[:32]


def hkdf(secret):
    return hmac.digest(hmac.digest(b"salt", secret, "sha256"), b"info\x01", "sha256")


def halves(secret):
    return combine({1: secret[:16], 2: secret[16:]})


def itself(secret):
    return secret


def always(_):
    return b"\x01" * 32


ANSWERS = {
    "trace_ct_select": lambda s: b"".join(bytes([min(a, b), a == b]) for a, b in pairs(s)),
    "trace_ct_eq_bytes": lambda s: bytes([s[:16] == s[16:]]) * 32,
    "trace_gf257_evaluate": lambda s: words(evaluate(s[i : i + 4]) for i in range(0, 32, 4)),
    "trace_gf257_read": lambda s: words(read(a, b) for a, b in pairs(s)),
    "trace_gf256_sum": lambda s: bytes(gf256(0x57, s[i]) ^ gf256(0x83, s[i + 3]) for i in range(29)),
    "trace_gf256_products": lambda s: bytes(gf256(a, b) for a, b in pairs(s)),
    "trace_shamir_split": third_share,
    "trace_shamir_combine": lambda s: combine({1: s[:10], 2: s[10:20], 4: s[20:30]}),
    # The third share of a line is (3 + 2) / (1 + 2) = 1 / 3 = 0xf6 times the first, and a term of the second.
    "trace_shamir_correct": lambda s: s[:16] + bytes([1, 5]) + bytes(14),
    "trace_shamir_digest": digest,
    "trace_shamir_text_write": lambda s: text_of_share(s)[-32:],
    "trace_shamir_text_read": itself,
    "trace_shamir_repair": lambda s: bytes(gf256(0xF6, byte) for byte in s),
    "trace_shamir_refresh": halves,
    "trace_shamir_reshare": halves,
    "trace_kdf_sp800_108": sp800_108,
    "trace_kdf_hkdf": hkdf,
    "trace_wrap_share": itself,
    "trace_wrap_refused": always,
    "trace_jwe_open": itself,
    "trace_jwe_refused": always,
    "trace_backup_restore": itself,
    "trace_record_save_load": itself,
    "trace_domain_seal_open": itself,
    "planted_mask_multiply": lambda s: bytes(gf256(a, b) for a, b in pairs(s)),
    "planted_table_index": lambda s: bytes(b * b % 251 for b in s),
    "planted_comparison": lambda s: b"\x02" * 32,
}


def secrets():
    """All zeros, all ones, equal halves, one bit, and twelve at random."""
    source = random.Random(257)
    half = source.randbytes(16)
    return [bytes(32), b"\xff" * 32, half + half, bytes(31) + b"\x80"] + [source.randbytes(32) for _ in range(12)]


def run(image, name, secret):
    """Runs one function: the way it took, and what of it an observer sees."""
    image.machine.mem_write(SECRET, secret)
    image.machine.mem_write(RESULT, bytes(32))
    for noted in (image.trace, image.compared, image.published):
        ctypes.memset(ctypes.byref(noted), 0, ctypes.sizeof(noted))
    image.call(name, SECRET, RESULT)
    return image.trace.pc, image.trace.instructions


def secretly_compared(runs):
    """How many of the values that `==` was asked about depend on the secret and are no part of what was published."""
    count = 0
    for values in zip(*(compared for compared, _ in runs)):
        public = all(any(value in text for text in published) for value, (_, published) in zip(values, runs))
        count += len(set(values)) > 1 and not public
    return count


def main(path, folder, word=""):
    image, other = Image(path), Image(path)
    image.record(folder)
    other.record(folder, accesses=False)
    trace = image.trace
    names = image.named("trace_") + image.named("planted_")
    assert set(names) == set(ANSWERS), f"functions and answers differ: {set(names) ^ set(ANSWERS)}"
    wrong = 0
    for name in (name for name in names if word in name):
        seen, runs = set(), []
        for secret in secrets():
            if len(runs) >= FEW and trace.instructions > LONG:
                break
            way = run(image, name, secret)
            if not runs or trace.instructions < LONG:
                assert way == run(other, name, secret), f"the hooks changed {name}"
            expected = ANSWERS[name](secret)
            got = bytes(image.machine.mem_read(RESULT, 32))
            assert got[: len(expected)] == expected, f"{name} gave a wrong answer: {got.hex()}, not {expected.hex()}"
            assert trace.instructions > 32 and trace.accesses >= 32, f"{name} was not recorded"
            seen.add((*way, trace.address, trace.accesses))
            runs.append((image.compared.runs(), image.published.runs()))
        compared = secretly_compared(runs)
        planted = name.startswith("planted_")
        good = (len(seen) > 1 or compared > 0) == planted
        wrong += not good
        print(f"{name:<26} {trace.instructions:>9} instructions {len(runs):>3} secrets {len(seen):>3} traces "
              f"{compared:>3} secrets compared {'ok' if good else 'WRONG'}", flush=True)
    print(f"figure: {len(image.named('trace_'))} functions, {len(secrets())} secrets, "
          f"{len(image.named('planted_'))} planted leaks, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
