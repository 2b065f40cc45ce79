# SPDX-License-Identifier: MIT OR Apache-2.0
"""The openssl command line agrees: OAEP both ways, generated keys, the transfer certificate, PKCS#12."""

import os
import shlex
import subprocess
from pathlib import Path

from cases import PROBE, SECDOM, VECTORS, certificate, folder, key, run

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


def drill(file: Path, password: str):
    """A drill with this key file and another custodian's."""
    command = [
        SECDOM, "drill",
        "--sd-file", VECTORS / "valid/v01-2of3-2048/sd.json",
        "--sd-wrapping-keys", file, key("s2048_1"),
        "--passwords", password, "",
    ]  # fmt: skip
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def pkcs12(work: Path):
    """Key and certificate in one file, encrypted in each way or not; what is not read is converted as the
    refusal says."""
    password = "correct horse"
    ways = [[], ["-legacy"], ["-descert", "-legacy"], ["-nomac"], ["-iter", "100000"], ["-macalg", "sha1"]]
    ways += [["-certpbe", "NONE"], ["-keypbe", "NONE"], ["-certpbe", "AES-128-CBC", "-keypbe", "DES-EDE3-CBC"]]
    for cipher in ["3DES", "2DES", "RC2-128", "RC2-40", "RC4-128", "RC4-40"]:
        ways.append(["-legacy", "-certpbe", f"PBE-SHA1-{cipher}", "-keypbe", f"PBE-SHA1-{cipher}"])
    converted = 0
    for number, way in enumerate(ways):
        file = work / f"{number}.pfx"
        run(
            "openssl", "pkcs12", "-export", "-inkey", key("s2048_0"), "-in", certificate("s2048_0"),
            *way, "-passout", f"pass:{password}", "-out", file,
        )  # fmt: skip
        done = drill(file, password)
        if any("RC4" in word for word in way):
            _, commands = done.stderr.strip().split("; take key and certificate out of it with: ")
            for command in commands.split("; "):
                words = shlex.split(command.replace("FILE.pfx", str(file)))
                words[words.index("-out") + 1] = str(work / words[-1])
                passout = [] if "-nokeys" in words else ["-passout", f"pass:{password}"]
                run(*words, "-passin", f"pass:{password}", *passout)
            done = drill(work / "A.key", password)
            converted += 1
        assert done.returncode == 0, (way, done)
    assert converted == 2
    file = work / "plain.pfx"
    run(
        "openssl", "pkcs12", "-export", "-inkey", key("s2048_0"), "-in", certificate("s2048_0"),
        "-certpbe", "NONE", "-keypbe", "NONE", "-passout", "pass:", "-out", file,
    )  # fmt: skip
    done = drill(file, "")
    assert done.returncode == 0, done


with folder() as name:
    work = Path(name)
    pkcs12(work)
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
