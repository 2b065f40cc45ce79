# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our restore blobs hold what the real client's hold: same tags, same order, same bytes, read with the
transfer key by a reader that is neither's."""

import json
from pathlib import Path

import azure_client
from cases import SECDOM, VECTORS, certificate, folder, key, run
from formats import TransferKey, open_restore_blob

compared = 0
for case in sorted((VECTORS / "valid").iterdir()):
    described = json.loads((case / "case.json").read_text())
    transfer = ["stransfer2048", "stransfer4096"][compared % 2]
    pem = VECTORS / f"transfer/{transfer}.pem"
    keys = [key(custodian) for custodian in described["custodians"]][-described["required"] :]
    with folder() as name:
        ours, real = Path(name, "ours.json"), Path(name, "real.json")
        azure_client.restore_blob(case / "sd.json", pem, keys, real)
        run(
            SECDOM, "restore-blob",
            "--sd-file", case / "sd.json",
            "--sd-exchange-key", pem,
            "--sd-wrapping-keys", *keys,
            "--sd-file-restore-blob", ours,
        )  # fmt: skip
        reader = TransferKey(key(transfer).read_bytes(), certificate(transfer).read_bytes())
        one, other = (open_restore_blob(blob.read_text(), reader) for blob in (ours, real))
        assert one == other, case
        sizes = [(a["tag"], a["size"]) for a in described["artifacts"]]
        assert [(tag, len(data)) for tag, data in one] == sizes, case
        # Nothing is there that the real client would not write, at any depth.
        shape = lambda text: json.loads(text, object_pairs_hook=lambda pairs: sorted(dict(pairs)))
        assert shape(ours.read_text()) == shape(real.read_text()), case
    compared += 1
assert compared == 14, compared
print(f"figure: {compared} restore blobs equal in contents to the real client's")
