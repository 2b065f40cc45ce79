# SPDX-License-Identifier: MIT OR Apache-2.0
"""The console blocks of the documents, run in one folder in order with the real openssl: custodian keys,
a recovery, a restore, a share that openssl unwraps."""

from cases import PROBE, ROOT, SECDOM, folder, run

DOCUMENTS = [ROOT / "README.md", ROOT / "docs/format.md", ROOT / "docs/secdom.md"]

with folder() as name:
    print(run(PROBE, "transcripts", name, SECDOM, *DOCUMENTS).stdout.decode(), end="")
