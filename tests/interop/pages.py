# SPDX-License-Identifier: MIT OR Apache-2.0
"""The pages of `secdom`, in a browser: they hold what is printed, fit a desktop, a telephone and paper, load nothing, and
hostile text in them does no harm. With a folder as argument, the screenshots are left there to be looked at."""

import json
import shutil
import sys
from pathlib import Path

from browser import browser
from cases import SECDOM, folder, run

HOSTILE = [
    "Ada <script>document.title = 'changed'</script>",
    "<img src=x onerror=alert(1)> & \"Ben\" 'B'",
    "Cleo</td></table><style>* {display: none}</style>",
]
SIZES = {"desktop": (1280, 900), "telephone": (390, 844), "small": (320, 600)}


def custodian(work: Path, place: int) -> Path:
    """A certificate with a hostile subject."""
    subject = HOSTILE[place].replace("\\", "\\\\").replace("/", "\\/")
    certificate = work / f"{place}.cer"
    run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-utf8", "-days", "365", "-subj", f"/CN={subject}",
        "-keyout", work / f"{place}.key", "-out", certificate,
    )  # fmt: skip
    return certificate


def readiness(work: Path) -> tuple[Path, dict]:
    """A page of all that `readiness` shows, and the same in JSON."""
    hsm, sealed = work / "hsm", work / "domain.sealed"
    secret = work / "key.bin"
    secret.write_bytes(bytes(32))
    certificates = [custodian(work, place) for place in range(3)]
    run(SECDOM, "hsm", "init", "--hsm", hsm, "--artifact", f"key={secret}")
    run(SECDOM, "hsm", "activate", "--hsm", hsm, "--quorum", "2", "--sealed", sealed, "--custodians", *certificates)
    status = work / "status.json"
    status.write_bytes(run(SECDOM, "hsm", "status", "--hsm", hsm, "--json").stdout)
    backup = work / "backup"
    run(SECDOM, "hsm", "backup", "--hsm", hsm, "--in", secret, "--out", backup)
    domain = json.loads(status.read_text())["domain_id"]
    listed = json.loads(run(SECDOM, "inspect", sealed, "--json").stdout)["custodians"]
    roster = work / "roster.json"
    roster.write_text(json.dumps([{"custodian": listed[0]["id"], "place": "<b>Oslo", "role": "a\u202eb"}]))
    page = work / "readiness.html"
    out = run(
        SECDOM, "readiness", "--sealed", sealed, "--expect-domain", domain, "--certs", *certificates, "--backup", backup,
        "--status", status, "--roster", roster, "--html", page, "--json",
    )  # fmt: skip
    return page, json.loads(out.stdout)


def texts(value) -> list[str]:
    """Every text in a report."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


with folder() as name:
    work = Path(name)
    page, report = readiness(work)
    shots = Path(sys.argv[1]) if len(sys.argv) > 1 else work
    with browser(work / "profile") as window:
        window.open(page)
        assert window.run("return document.title") == "Readiness"
        shown = window.run("return document.body.textContent")
        for text in texts(report):
            assert text.replace("\u202e", "\\u{202e}") in shown, text
        assert any(HOSTILE[0] in text for text in texts(report))
        assert "\u202e" not in shown, "a character that turns the text around"
        # No element but those of the page itself, and nothing is hidden.
        found = window.run("return [...new Set([...document.body.querySelectorAll('*')].map(e => e.tagName))]")
        known = "BDI DD DL DT FOOTER H1 H2 P SECTION SPAN TABLE TBODY TD TH THEAD TIME TR".split()
        assert set(found) <= set(known), found
        assert window.run("return document.scripts.length") == 0
        # The page's policy stops a script even where one is let in.
        window.run(
            "const s = document.createElement('script'); s.textContent = 'document.title = \"run\"'; document.body.append(s)"
        )
        assert window.run("return document.title") == "Readiness", "a script was run"
        loaded = window.run("return performance.getEntriesByType('resource').length")
        assert loaded == 0, "something was loaded"
        for size, (width, height) in SIZES.items():
            window.resize(width, height)
            needed = window.run("return document.documentElement.scrollWidth")
            assert needed <= width, f"{size}: the page is {needed} wide"
            hidden = window.run(
                "return [...document.querySelectorAll('dd, td:not(.empty)')].filter(e => e.offsetHeight < 8).length"
            )
            assert hidden == 0, f"{size}: {hidden} facts are not shown"
            # The whole page, for whoever looks at it.
            window.resize(width, window.run("return document.documentElement.scrollHeight"))
            window.screenshot(shots / f"readiness-{size}.png")
        window.printed(shots / "readiness.pdf")
        assert (shots / "readiness.pdf").read_bytes().startswith(b"%PDF")
    if shots != work:
        shutil.copy(page, shots)
