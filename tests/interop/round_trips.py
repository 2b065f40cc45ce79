# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our file -> the real client's restore-blob -> our HSM side, artifacts compared byte by byte."""

import os
from itertools import combinations
from pathlib import Path

import azure_client
from cases import SECDOM, download, folder, key, run, upload

REAL = [
    ("hsm_backup", os.urandom(9001)),
    ("base_enclave_backup", os.urandom(1024)),
    ("partition_enclave_backup", os.urandom(2500)),
]
# Tags and lengths at the edges: a full block, an empty artifact, text that JSON must escape.
EDGES = [
    ("block", os.urandom(16)),
    ("empty", b""),
    ('a "quoted" \\ tag/\t1', b"\0"),
    ("größe-ключ-鍵-🔑", os.urandom(17)),
    ("..", os.urandom(33)),
]


def transfer_key(work: Path, bits: int) -> tuple:
    """A transfer key and its certificate, from our HSM side."""
    secret, public = work / f"transfer-{bits}.key", work / f"transfer-{bits}.pem"
    if not public.exists():
        run(
            SECDOM, "init-recovery",
            "--sd-exchange-key", public, "--transfer-key", secret, "--bits", bits,
        )  # fmt: skip
    return secret, public


def main():
    small = [f"s2048_{number}" for number in range(10)]
    cases = [
        # custodians, quorum, which of them restore, transfer bits, artifacts
        (small[:3], 2, combinations(range(3), 2), 2048, REAL),
        (small[:5], 3, combinations(range(5), 3), 2048, REAL),
        (small, 10, [tuple(range(10)), tuple(reversed(range(10)))], 2048, REAL),
        (small, 3, [(9, 4, 0)], 2048, EDGES),
        (["s3072_0", "s3072_1", "s3072_2"], 2, [(0, 2)], 3072, REAL),
        (["s4096_0", "s4096_1", "s4096_2"], 3, [(2, 0, 1)], 4096, REAL),
        (["s2048_0", "s3072_0", "s4096_0"], 2, [(0, 1), (2, 1)], 4096, EDGES),
    ]
    trips = 0
    with folder() as name:
        work = Path(name)
        for number, (custodians, quorum, choices, bits, artifacts) in enumerate(cases):
            case = work / str(number)
            case.mkdir()
            domain = download(case, custodians, quorum, artifacts)
            secret, public = transfer_key(work, bits)
            for chosen in choices:
                trip = case / "-".join(map(str, chosen))
                trip.mkdir()
                blob = trip / "blob.json"
                keys = [key(custodians[one]) for one in chosen]
                azure_client.restore_blob(domain, public, keys, blob)
                upload(trip, blob, secret, public, artifacts)
                trips += 1
    print(f"figure: {trips} round trips through the real client")


main()
