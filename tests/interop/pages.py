# SPDX-License-Identifier: MIT OR Apache-2.0
"""The pages of `secdom`, in a browser: they hold what is printed, fit a desktop, a telephone and paper, load nothing, and
hostile text in them does no harm. With a folder as argument, the screenshots are left there to be looked at."""

import json
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


def site(work: Path) -> tuple[list, list]:
    """An HSM with a domain, a hand-off to somebody of a hostile name, and what every page is made of."""
    hsm, sealed, log = work / "hsm", work / "domain.sealed", work / "hsm.log"
    secret = work / "key.bin"
    secret.write_bytes(bytes(32))
    certificates = [custodian(work, place) for place in range(3)]
    run(SECDOM, "hsm", "init", "--hsm", hsm, "--artifact", f"key={secret}")
    run(SECDOM, "hsm", "activate", "--hsm", hsm, "--quorum", "2", "--sealed", sealed, "--custodians", *certificates)
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", work / "taker.key")
    run(
        SECDOM, "hsm", "handoff", "--hsm", hsm, "--custodian", certificates[0], "--taker", "<i>Ada</i>", "--key", work / "taker.key"
    )  # fmt: skip
    run(SECDOM, "hsm", "review", "--hsm", hsm, "--event", "due", "--detail", "<u>all is well</u> & \"signed\"")
    run(SECDOM, "ledger", "export", "--hsm", hsm, "--out", log)
    domain = json.loads(run(SECDOM, "hsm", "status", "--hsm", hsm, "--json").stdout)["domain_id"]
    return ["--sealed", sealed, "--expect-domain", domain, "--certs", *certificates], certificates


def readiness(work: Path, of: list) -> dict:
    """All that `readiness` shows, in JSON."""
    status, backup = work / "status.json", work / "backup"
    status.write_bytes(run(SECDOM, "hsm", "status", "--hsm", work / "hsm", "--json").stdout)
    run(SECDOM, "hsm", "backup", "--hsm", work / "hsm", "--in", work / "key.bin", "--out", backup)
    listed = json.loads(run(SECDOM, "inspect", work / "domain.sealed", "--json").stdout)["custodians"]
    roster = work / "roster.json"
    roster.write_text(json.dumps([{"custodian": listed[0]["id"], "place": "<b>Oslo", "role": "a\u202eb"}]))
    out = run(
        SECDOM, "readiness", *of, "--backup", backup, "--status", status, "--roster", roster, "--log", work / "hsm.log",
        "--html", work / "readiness.html", "--json",
    )  # fmt: skip
    return json.loads(out.stdout)


def custody(work: Path, of: list) -> list:
    """What the page of a log must show."""
    page = work / "custody.html"
    run(SECDOM, "ledger", "show", work / "hsm.log", *of, "--html", page)
    return ["<i>Ada</i>", "<u>all is well</u> &", "activate", "hand-off", "no-drill", *HOSTILE[1:2]]


def ceremony(work: Path, certificates: list) -> list:
    """What the script of a ceremony must show."""
    out = run(
        SECDOM, "ceremony", "plan", "--custodians", *certificates, "--quorum", "2", "--out", work / "ceremony.html", "--json"
    )  # fmt: skip
    return texts(json.loads(out.stdout))


def texts(value) -> list[str]:
    """Every text in a report."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def look(window, page: Path, expected: list, shots: Path) -> None:
    """Opens a page, and looks at all of it."""
    name = page.stem
    window.open(page)
    title = window.run("return document.title")
    assert title == name.title(), title
    shown = window.run("return document.body.textContent")
    for text in expected:
        assert text.replace("\u202e", "\\u{202e}") in shown, f"{name}: {text}"
    assert "\u202e" not in shown, "a character that turns the text around"
    # No element but those of the page itself.
    found = window.run("return [...new Set([...document.body.querySelectorAll('*')].map(e => e.tagName))]")
    known = "BDI CODE DD DL DT FOOTER H1 H2 LI OL P PRE SECTION SPAN STRONG TABLE TBODY TD TH THEAD TIME TR".split()
    assert set(found) <= set(known), found
    assert window.run("return document.scripts.length") == 0
    # The page's policy stops a script even where one is let in.
    window.run(
        "const s = document.createElement('script'); s.textContent = 'document.title = \"run\"'; document.body.append(s)"
    )
    assert window.run("return document.title") == title, "a script was run"
    loaded = window.run("return performance.getEntriesByType('resource').length")
    assert loaded == 0, "something was loaded"
    for size, (width, height) in SIZES.items():
        window.resize(width, height)
        needed = window.run("return document.documentElement.scrollWidth")
        assert needed <= width, f"{name}, {size}: the page is {needed} wide"
        hidden = window.run(
            "return [...document.querySelectorAll('li, dd, td:not(.empty)')].filter(e => e.offsetHeight < 8).length"
        )
        assert hidden == 0, f"{name}, {size}: {hidden} facts are not shown"
        # The whole page, for whoever looks at it.
        window.resize(width, window.run("return document.documentElement.scrollHeight"))
        window.screenshot(shots / f"{name}-{size}.png")
    window.printed(shots / f"{name}.pdf")
    assert (shots / f"{name}.pdf").read_bytes().startswith(b"%PDF")


with folder() as name:
    work = Path(name)
    of, certificates = site(work)
    report = texts(readiness(work, of))
    assert any("<b>" in text for text in report)
    expected = {"readiness": report, "custody": custody(work, of), "ceremony": ceremony(work, certificates)}
    shots = Path(sys.argv[1]) if len(sys.argv) > 1 else work
    with browser(work / "profile") as window:
        for page, content in expected.items():
            look(window, work / f"{page}.html", content, shots)
