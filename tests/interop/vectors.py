# SPDX-License-Identifier: MIT OR Apache-2.0
"""The independent reader agrees with the real client: every restore blob of the vectors opens, and
one that the real client makes now. Without this step the others would prove less."""

import base64
import json
from pathlib import Path

import azure_client
from cases import VECTORS, certificate, folder, key
from formats import TransferKey, open_restore_blob, unbase64url

names = ["stransfer2048", "stransfer4096"]
transfers = [TransferKey(key(n).read_bytes(), certificate(n).read_bytes()) for n in names]


def artifacts(case: Path) -> list:
    described = json.loads((case / "case.json").read_text())
    return [(a["tag"], base64.b64decode(a["b64"])) for a in described["artifacts"]]


def opened(blob: Path) -> list:
    text = blob.read_text()
    named = unbase64url(json.loads(text)["WrappedKey"]["x5t_256"])
    (transfer,) = [t for t in transfers if t.thumbprint == named]
    return open_restore_blob(text, transfer)


blobs = sorted((VECTORS / "valid").glob("*/restore-*.json"))
for blob in blobs:
    assert opened(blob) == artifacts(blob.parent), blob
assert len(blobs) >= 41, len(blobs)

case = VECTORS / "valid/v01-2of3-2048"
with folder() as name:
    fresh = Path(name, "blob.json")
    keys = [key("s2048_2"), key("s2048_0")]
    azure_client.restore_blob(case / "sd.json", VECTORS / "transfer/stransfer2048.pem", keys, fresh)
    assert opened(fresh) == artifacts(case), "restored now"
