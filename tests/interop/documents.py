# SPDX-License-Identifier: MIT OR Apache-2.0
"""The documents of the service: the real client's download request is read and equals ours, the file
that we answer with is saved as it is, and the real init-recovery reads our transfer key."""

import json
from pathlib import Path

import azure_client
from cases import PROBE, SECDOM, certificate, download, folder, run
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


def der(pem: Path) -> bytes:
    return x509.load_pem_x509_certificate(pem.read_bytes()).public_bytes(Encoding.DER)


custodians = ["s2048_0", "s3072_0", "s4096_0", "s2048_1"]
with folder() as name:
    work = Path(name)

    domain = download(work, custodians, 3, [("hsm_backup", b"bytes")]).read_text()
    saved = work / "saved.json"
    certificates = [certificate(custodian) for custodian in custodians]
    request = azure_client.download(certificates, 3, domain, saved)
    assert saved.read_text() == domain
    real = work / "request.json"
    real.write_text(json.dumps(request))
    run(SECDOM, "check", "certificate-info", real)
    ders = []
    for number, path in enumerate(certificates):
        ders.append(work / f"{number}.der")
        ders[-1].write_bytes(der(path))
    ours = run(PROBE, "certificate-info", 3, *ders).stdout
    assert json.loads(ours) == request, "another request"

    secret, public = work / "transfer.key", work / "transfer.pem"
    run(SECDOM, "init-recovery", "--sd-exchange-key", public, "--transfer-key", secret, "--bits", "2048")
    transfer = work / "transfer.der"
    transfer.write_bytes(der(public))
    text = run(PROBE, "transfer-key", "https://hsm.example/transfer_key", transfer).stdout.decode()
    read = work / "read.pem"
    azure_client.init_recovery(text, read)
    assert der(read) == der(public)
    answer = work / "transfer.json"
    answer.write_text(text)
    run(SECDOM, "check", "transfer-key", answer)
