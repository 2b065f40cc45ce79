# SPDX-License-Identifier: MIT OR Apache-2.0
"""Custodians with tokens: openssl unwraps their shares, and the tool takes the bytes from a pipe."""

import base64
import json
import os
from pathlib import Path

from cases import SECDOM, certificate, folder, key, run

OPTIONS = "rsa_padding_mode:oaep rsa_oaep_md:sha256 rsa_mgf1_md:sha256".split()
CUSTODIANS = ["s2048_0", "s3072_0", "s4096_0"]


def shown(hsm: Path) -> dict:
    return json.loads(run(SECDOM, "hsm", "status", "--hsm", hsm, "--json").stdout)


with folder() as name:
    work = Path(name)
    first, second, secret = work / "hsm-1", work / "hsm-2", work / "secret"
    sealed, request = work / "domain.sealed", work / "request"
    secret.write_bytes(os.urandom(100))
    run(SECDOM, "hsm", "init", "--hsm", first, "--artifact", f"key={secret}")
    run(
        SECDOM, "hsm", "activate", "--hsm", first, "--quorum", 3, "--sealed", sealed,
        "--custodians", *map(certificate, CUSTODIANS),
    )  # fmt: skip
    pinned = ["--sealed", sealed, "--expect-domain", shown(first)["domain_id"]]
    run(SECDOM, "hsm", "recover-begin", "--hsm", second, *pinned, "--request", request)
    asked = ["--request", request, "--request-digest", shown(second)["request_digest"]]

    inspected = json.loads(run(SECDOM, "inspect", sealed, "--json").stdout)
    for custodian, listed in zip(CUSTODIANS, inspected["custodians"], strict=True):
        wrapped = base64.b64decode(listed["wrapped_share"])
        share = run(
            "openssl", "pkeyutl", "-decrypt", "-inkey", key(custodian),
            *(word for option in OPTIONS for word in ("-pkeyopt", option)),
            input=wrapped,
        ).stdout  # fmt: skip
        assert len(share) == 65, custodian
        out = work / custodian
        run(SECDOM, "contribute", *pinned, *asked, "--share", "-", "--out", out, input=share)
        run(SECDOM, "hsm", "recover-add", "--hsm", second, out)
    assert shown(second)["state"] == "active"
    assert shown(second)["domain_id"] == shown(first)["domain_id"]
    print("figure: an HSM recovered by 3 custodians whose shares openssl unwrapped")
