# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the RSA keys of the tests as C, for peers.c.

Usage: keys.py KEY.pkcs8.der...
"""

import pathlib
import sys


def read(der):
    """The contents of the first element, and what follows it."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[start : start + length], der[start + length :]


def numbers(pkcs8):
    """n, e, d, p, q, dp, dq, qinv."""
    rest, _ = read(pkcs8)
    for _ in range(2):  # The version and the algorithm.
        _, rest = read(rest)
    key, _ = read(read(rest)[0])
    _, rest = read(key)  # The version.
    found = []
    while rest:
        number, rest = read(rest)
        found.append(int.from_bytes(number, "big"))
    assert len(found) == 8, "not a key with two primes"
    return found


def array(number, length=None):
    octets = number.to_bytes(length or (number.bit_length() + 7) // 8, "big")
    return len(octets), "(const unsigned char[]){" + ",".join(map(str, octets)) + "}"


def main(paths):
    print("enum { N, E, D, P, Q, DP, DQ, QINV };")
    print("static const struct key { size_t bits; const unsigned char *n, *e, *d, *p, *q, *dp, *dq, *qinv; size_t lengths[8];")
    print("    const unsigned char *x, *y; } KEYS[] = {")
    for path in paths:
        key = numbers(pathlib.Path(path).read_bytes())
        n, _, d = key[:3]
        x = int.from_bytes(bytes(range(1, 256)) * 3, "big") % n
        arrays = [array(number) for number in key]
        last = [array(number, arrays[0][0])[1] for number in (x, pow(x, d, n))]
        lengths = "{" + ",".join(str(length) for length, _ in arrays) + "}"
        print("{", n.bit_length(), ",", ",".join([text for _, text in arrays] + [lengths] + last), "},")
    print("};")


if __name__ == "__main__":
    main(sys.argv[1:])
