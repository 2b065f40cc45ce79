# SPDX-License-Identifier: MIT OR Apache-2.0
"""One round trip with `az` as an operator runs it: a program, offline, encrypted custodian keys. The
same command line, but for its first words, drives our tool."""

import os
import shutil
from pathlib import Path

from cases import AZ, SECDOM, certificate, download, folder, key, run, upload

CUSTODIANS = ["s2048_0", "s2048_1", "s3072_0"]
ARTIFACTS = [("hsm_backup", os.urandom(5000)), ("base_enclave_backup", os.urandom(800))]
PASSWORDS = ["correct horse", "battery staple"]


def encrypted_keys(work: Path) -> list:
    """The first two custodians' keys under passwords, each beside its certificate."""
    keys = []
    for custodian, password in zip(CUSTODIANS, PASSWORDS):
        secret = work / f"{custodian}.key"
        run(
            "openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", key(custodian),
            "-out", secret, "-passout", f"pass:{password}",
        )  # fmt: skip
        shutil.copy(certificate(custodian), work / f"{custodian}.cer")
        keys.append(secret)
    return keys


with folder() as name:
    work = Path(name)
    domain = download(work, CUSTODIANS, 2, ARTIFACTS)
    secret, public = work / "transfer.key", work / "transfer.pem"
    run(SECDOM, "init-recovery", "--sd-exchange-key", public, "--transfer-key", secret)
    keys = encrypted_keys(work)
    environment = os.environ | {
        "AZURE_CONFIG_DIR": str(work / "azure"),
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
    }
    for program in ([AZ, "keyvault", "security-domain"], [SECDOM]):
        trip = work / Path(program[0]).name
        trip.mkdir()
        blob = trip / "blob.json"
        run(
            *program, "restore-blob",
            "--sd-file", domain,
            "--sd-exchange-key", public,
            "--sd-wrapping-keys", *keys,
            "--passwords", *PASSWORDS,
            "--sd-file-restore-blob", blob,
            env=environment,
        )  # fmt: skip
        upload(trip, blob, secret, public, ARTIFACTS)
