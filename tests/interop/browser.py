# SPDX-License-Identifier: MIT OR Apache-2.0
"""A browser without a window, driven over the WebDriver protocol (W3C) by the standard library alone."""

import base64
import json
import re
import shutil
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path

# The browser loads nothing but the page: no updates, no lists, no guesses.
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip


class Browser:
    def __init__(self, base: str) -> None:
        self.base = base

    def call(self, path: str, body: dict | None = None, method: str = "POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, page: Path) -> None:
        self.call("/url", {"url": page.resolve().as_uri()})

    def run(self, script: str):
        """Runs a script for the test, which the page's own policy does not stop."""
        return self.call("/execute/sync", {"script": script, "args": []})

    def resize(self, width: int, height: int) -> None:
        """Makes the page so large, whatever the window needs around it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics})

    def screenshot(self, out: Path) -> None:
        out.write_bytes(base64.b64decode(self.call("/screenshot", method="GET")))

    def printed(self, out: Path) -> None:
        """Prints to PDF, on A4."""
        body = {"page": {"width": 21.0, "height": 29.7}}
        out.write_bytes(base64.b64decode(self.call("/print", body)))


@contextmanager
def browser(profile: Path):
    """A browser with a new profile in the folder `profile`."""
    driver = shutil.which("chromedriver")
    assert driver, "chromedriver is not installed"
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stdout)
            port = next(filter(None, (re.search(r"successfully on port (\d+)", line) for line in lines)))[1]
            root = Browser(f"http://127.0.0.1:{port}/session")
            arguments = [*OPTIONS, f"--user-data-dir={profile}"]
            wanted = {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}, "unhandledPromptBehavior": "ignore"}}
            session = root.call("", {"capabilities": wanted})["sessionId"]
            opened = Browser(f"{root.base}/{session}")
            try:
                yield opened
            finally:
                opened.call("", method="DELETE")
        finally:
            process.terminate()
