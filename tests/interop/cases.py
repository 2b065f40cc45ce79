# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the steps share: where things are, and how to run this project's tool."""

import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests/vectors/managed-hsm"
SECDOM = ROOT / "target/release/examples/secdom"
PROBE = ROOT / "target/release/probe"
AZ = ROOT / "target/tools/azure-cli/bin/az"


def run(*command, **options) -> subprocess.CompletedProcess:
    """Runs a command; a failure shows what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, **options)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise SystemExit(f"exit {done.returncode}: {' '.join(map(str, command))}\n{said}")
    return done


def folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="interop-")


def key(name: str) -> Path:
    return VECTORS / "keys" / f"{name}.key"


def certificate(name: str) -> Path:
    return VECTORS / "keys" / f"{name}.cer"


def artifact_name(tag: str) -> str:
    """The file that `secdom upload` writes for a tag."""
    return {".": "%2E", "..": "%2E%2E"}.get(tag, quote(tag, safe="-._~"))


def download(work: Path, custodians: list, quorum: int, artifacts: list) -> Path:
    """Our file for these custodians, holding these artifacts, (tag, bytes) in order."""
    pairs = []
    for number, (tag, data) in enumerate(artifacts):
        source = work / f"artifact-{number}"
        source.write_bytes(data)
        pairs.append(f"{tag}={source}")
    domain = work / "domain.json"
    run(
        SECDOM, "download",
        "--sd-wrapping-keys", *map(certificate, custodians),
        "--sd-quorum", quorum,
        "--artifact", *pairs,
        "--security-domain-file", domain,
    )  # fmt: skip
    return domain


def upload(work: Path, blob: Path, transfer_key: Path, transfer: Path, artifacts: list):
    """Hands a blob to our HSM side, and compares what comes out byte by byte."""
    out = work / "uploaded"
    run(
        SECDOM, "upload",
        "--sd-file", blob,
        "--transfer-key", transfer_key,
        "--sd-exchange-key", transfer,
        "--out-dir", out,
    )  # fmt: skip
    found = {path.name: path.read_bytes() for path in out.iterdir()}
    wanted = {artifact_name(tag): data for tag, data in artifacts}
    if found != wanted:
        raise SystemExit(f"other artifacts came out: {sorted(found)} for {sorted(wanted)}")
