# SPDX-License-Identifier: MIT OR Apache-2.0
"""The openssl command line agrees: OAEP both ways, generated keys, the transfer certificate."""

import os
from pathlib import Path

from cases import PROBE, SECDOM, folder, key, run

OAEP = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"]
OPTIONS = [word for option in OAEP for word in ("-pkeyopt", option)]


def oaep_both_ways(work: Path, name: str):
    secret, public, private = key(name), work / f"{name}.spki", work / f"{name}.pkcs8"
    run("openssl", "pkey", "-in", secret, "-pubout", "-outform", "DER", "-out", public)
    run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", secret, "-outform", "DER", "-out", private)
    modulus = int(name[1:5]) // 8
    for length in (0, 1, 32, 64, modulus - 66):
        message = os.urandom(length)
        ours = run(PROBE, "oaep-encrypt", public, input=message).stdout
        assert len(ours) == modulus
        opened = run("openssl", "pkeyutl", "-decrypt", "-inkey", secret, *OPTIONS, input=ours)
        assert opened.stdout == message, (name, length)
        theirs = run("openssl", "pkeyutl", "-encrypt", "-inkey", secret, *OPTIONS, input=message)
        opened = run(PROBE, "oaep-decrypt", private, input=theirs.stdout)
        assert opened.stdout == message, (name, length)


with folder() as name:
    work = Path(name)
    for custodian in ("s2048_0", "s3072_0", "s4096_0"):
        oaep_both_ways(work, custodian)
    for bits in (2048, 3072, 4096):
        secret, public = work / f"{bits}.key", work / f"{bits}.pem"
        run(
            SECDOM, "init-recovery",
            "--sd-exchange-key", public, "--transfer-key", secret, "--bits", bits,
        )  # fmt: skip
        assert b"RSA key ok" in run("openssl", "rsa", "-check", "-noout", "-in", secret).stdout
        run("openssl", "verify", "-check_ss_sig", "-x509_strict", "-CAfile", public, public)
        text = run("openssl", "x509", "-in", public, "-noout", "-text").stdout.decode()
        for said in ("sha256WithRSAEncryption", "CN = transfer-key", f"({bits} bit)"):
            assert said in text, said
        pair = [
            run("openssl", "pkey", "-in", secret, "-pubout").stdout,
            run("openssl", "x509", "-in", public, "-noout", "-pubkey").stdout,
        ]
        assert pair[0] == pair[1], "key and certificate differ"
