# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the recipes of `docs/custodian-keys.md` as they are shown. A line that is shown must be printed, in its place;
`...` stands for anything."""

import re
import shutil
import subprocess

from cases import ROOT, SECDOM, certificate, key
from token_makers import PIN

TEXT = (ROOT / "docs/custodian-keys.md").read_text()


def blocks(title: str) -> list:
    """The blocks of a section, each a list of lines."""
    section = TEXT.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return [block.splitlines() for block in re.findall(r"```text\n(.*?)```", section, re.S)]


def commands(lines: list) -> list:
    """Each command with the lines that it prints. One goes on after a backslash or a bar, and in a quotation."""
    found, is_open = [], False
    for line in lines:
        if line.startswith("$ ") and not is_open:
            found.append([line[2:], []])
        elif is_open:
            found[-1][0] += "\n" + line
        else:
            found[-1][1].append(line)
            continue
        command = found[-1][0]
        is_open = command.endswith(("\\", "|")) or command.count("'") % 2 == 1
    return found


def follow(title: str, tokens) -> int:
    """Runs a recipe among files of other custodians."""
    work = tokens.work / re.sub(r"\W+", "-", title)
    work.mkdir()
    for letter, name in [("B", "s2048_1"), ("C", "s2048_2")]:
        shutil.copy(key(name), work / f"{letter}.key")
        shutil.copy(certificate(name), work / f"{letter}.cer")
    (work / "signing-key.bin").write_bytes(bytes(range(32)))
    (work / "A.pin").write_text(PIN + "\n")
    (conf,) = [block for block in blocks("Certificates") if "engines = engines" in block]
    (work / "openssl.cnf").write_text("\n".join(conf) + "\n")
    steps = [step for block in blocks(title) for step in commands(block)]
    programs = work / "bin"
    programs.mkdir()
    (programs / "secdom").symlink_to(SECDOM)
    script = "\n".join(["set -eo pipefail", *(command for command, _ in steps)])
    environment = tokens.environment | {"PATH": f"{programs}:{tokens.environment['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", script], cwd=work, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert ran.returncode == 0, f"{title}: {ran.stdout}"
    printed = iter(ran.stdout.splitlines())
    for _, shown in steps:
        for line in shown:
            pattern = ".*".join(re.escape(part) for part in line.split("..."))
            assert any(re.fullmatch(pattern, other.strip()) for other in printed), f"{title}: {line}\n{ran.stdout}"
    return len(steps)
