# SPDX-License-Identifier: MIT OR Apache-2.0
"""How long the real client's restore-blob takes within its process, and how long making and restoring
such a file takes here: 3 of 5 custodians with RSA-2048, taking turns. Printed, never asserted."""

import json
import statistics
import subprocess
import time
from pathlib import Path

import azure_client
from cases import PROBE, VECTORS, certificate, folder, key, run
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

CUSTODIANS = [f"s2048_{number}" for number in range(5)]
CASE = VECTORS / "valid/v04-3of5-2048"
TRANSFER = VECTORS / "transfer/stransfer2048.pem"
TURNS = 15


def der(pem: Path) -> bytes:
    return x509.load_pem_x509_certificate(pem.read_bytes()).public_bytes(Encoding.DER)


def milliseconds(work) -> float:
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / 1e6


with folder() as name:
    work = Path(name)
    files = []
    for custodian in CUSTODIANS:
        secret, public = work / f"{custodian}.pkcs8", work / f"{custodian}.der"
        run(
            "openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key(custodian),
            "-outform", "DER", "-out", secret,
        )  # fmt: skip
        public.write_bytes(der(certificate(custodian)))
        files += [secret, public]
    transfer = work / "transfer.der"
    transfer.write_bytes(der(TRANSFER))
    # As large as the artifacts of the file that the real client restores.
    sizes = [a["size"] for a in json.loads((CASE / "case.json").read_text())["artifacts"]]
    command = [PROBE, "restore-time", 3, transfer, ",".join(map(str, sizes)), *files]
    probe = subprocess.Popen(
        list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ours(what: str) -> float:
        probe.stdin.write(f"{what}\n")
        probe.stdin.flush()
        return int(probe.stdout.readline()) / 1e6

    def real():
        keys = [key(custodian) for custodian in CUSTODIANS[:3]]
        azure_client.restore_blob(CASE / "sd.json", TRANSFER, keys, work / "blob.json")

    samples = {"real": [], "make": [], "restore": []}
    for turn in range(TURNS):
        samples["real"].append(milliseconds(real))
        samples["make"].append(ours("make"))
        samples["restore"].append(ours("restore"))
    probe.stdin.close()
    assert probe.wait() == 0

medians = {what: statistics.median(taken) for what, taken in samples.items()}
both = medians["make"] + medians["restore"]
print(
    f"figure: real client's restore {medians['real']:.1f} ms; here making {medians['make']:.2f} ms, "
    f"restoring {medians['restore']:.2f} ms; together 1/{medians['real'] / both:.1f} of its time"
)
