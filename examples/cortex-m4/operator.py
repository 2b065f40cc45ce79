# SPDX-License-Identifier: MIT OR Apache-2.0
"""Everything around the HSM: starts the board in QEMU, is its operator on the UART, switches its power off, and calls
the tool secdom for the custodians. `cargo run --release` calls it with the firmware.

Usage: operator.py FIRMWARE
"""

import array
import base64
import fcntl
import hashlib
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import termios
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEYS = ROOT / "tests/vectors/managed-hsm/keys"
CUSTODIANS = ["s2048_0", "s2048_1", "s2048_2"]

# One instruction takes 8 ns of the board's time, as at 125 MHz, however fast this machine is.
QEMU = {
    "thumb": ["qemu-system-arm", "-M", "mps2-an386"],
    "riscv": ["qemu-system-riscv32", "-M", "virt", "-bios", "none"],
}

# The commands, as src/hsm.rs has them.
SEAL = "e"
ACTIVATE = "a"
STATUS = "s"
PROVISION = "p"
COMPLETE = "f"
SIGN = "u"
BACK_UP = "b"
RESTORE = "r"
RECOVER = "q"
CONTRIBUTE = "c"
BEGIN_IMPORT = "i"
IMPORT = "j"
CONFIRM = "k"
ZEROIZE = "z"


class Refused(Exception):
    """What the HSM answered."""


class Board:
    def __init__(self, firmware, folder):
        machine = QEMU["riscv" if "riscv" in str(firmware) else "thumb"]
        self.qemu = subprocess.Popen(
            machine + ["-icount", "shift=3", "-kernel", firmware, "-display", "none", "-S"]
            + ["-serial", f"unix:{folder}/uart,server=on,wait=off", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        )
        self.uart, self.switch = (self.connect(f"{folder}/{name}") for name in ("uart", "qmp"))
        self.control("qmp_capabilities")
        self.control("cont")
        self.doing = "it starts"
        self.await_start("power")

    def connect(self, path):
        for _ in range(100):
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(path)
                line.settimeout(1200)
                return line
            except OSError:
                time.sleep(0.1)
        sys.exit("QEMU did not start")

    def control(self, command):
        self.switch.sendall(json.dumps({"execute": command}).encode())

    def cut_power(self):
        """Switches the board off and on, whatever it does at that moment."""
        self.control("system_reset")
        self.await_start("power")

    def await_taken(self):
        """Waits until the board has read what was sent: what is still on the line would reach it after its next start."""
        unread = array.array("i", [1])
        while unread[0]:
            time.sleep(0.01)
            fcntl.ioctl(self.uart, termios.TIOCOUTQ, unread)

    def await_start(self, cause):
        """Waits for the frame that says that the board was started, behind what it sent before."""
        frames = {b"!" + len(name).to_bytes(4, "little") + name: name.decode() for name in (b"power", b"watchdog")}
        seen = b""
        while not any(seen.endswith(frame) for frame in frames):
            seen += self.read(1)
        found = next(name for frame, name in frames.items() if seen.endswith(frame))
        if found != cause:
            self.tripped()
        # The board has neither a noise source nor a clock. A fixed seed makes each run the same.
        seed = b"a seed from the operator, 32 bytes"[:24] + STARTS.randbytes(8)
        self.send("t", seed + NOW.to_bytes(8, "little"))

    def tripped(self):
        sys.exit(f"the watchdog tripped while {self.doing}")

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.uart.recv(count - len(data))
            if not part:
                sys.exit("QEMU ended")
            data += part
        return data

    def send(self, command, body):
        self.uart.sendall(command.encode() + len(body).to_bytes(4, "little") + body)

    def command(self, command, body=b""):
        self.send(command, body)
        return self.answer()

    def answer(self):
        what = self.read(1)
        body = self.read(int.from_bytes(self.read(4), "little"))
        if what == b"!":
            self.tripped()
        if what == b"-":
            raise Refused(body.decode())
        return body

    def status(self):
        return self.command(STATUS).decode().split()


NOW = 1_790_000_000
STARTS = random.Random(1)


def items(*bodies):
    return b"".join(len(body).to_bytes(2, "little") + body for body in bodies)


def secdom(*arguments):
    tool = ROOT / "target/debug/examples/secdom"
    return subprocess.run([tool, *arguments], check=True, capture_output=True, text=True).stdout


def refused(board, command, body=b""):
    """Checks that the HSM refuses a command."""
    try:
        board.command(command, body)
    except Refused as refusal:
        print(f"  refused: {refusal}")
        return
    sys.exit(f"the HSM took {command}")


def recover(board, folder, sealed, domain):
    """A quorum of custodians, each alone, answers the HSM's request. The power fails on the way."""
    request = folder / "request"
    request.write_bytes(board.command(RECOVER, items(bytes.fromhex(domain), sealed)))
    print(f"  request        {request.stat().st_size} bytes")
    for place, name in enumerate(CUSTODIANS[:2]):
        board.cut_power()
        stage, _, shown, _, digest = board.status()
        assert (stage, shown) == ("recovering", domain)
        answer = folder / f"from-{name}"
        secdom(
            "contribute", "--sealed", folder / "domain.sealed", "--expect-domain", domain, "--request", request,
            "--request-digest", digest, "--key", KEYS / f"{name}.key", "--out", answer,
        )
        print(f"  contribution   {answer.stat().st_size} bytes")
        contribution = items(sealed, answer.read_bytes())
        if place == 1:
            # In the middle of a contribution: the HSM has it or does not have it.
            board.send(CONTRIBUTE, contribution)
            board.await_taken()
            time.sleep(0.2)
            board.cut_power()
            if board.status()[0] == "active":
                continue
        board.command(CONTRIBUTE, contribution)


def import_azure(board, folder):
    """A quorum of custodians, in one place, brings in a domain of Azure Managed HSM."""
    artifact, file, blob = (folder / name for name in ("artifact", "domain.json", "restore.json"))
    artifact.write_bytes(bytes(range(100)))
    certificates = [KEYS / f"{name}.cer" for name in CUSTODIANS]
    secdom(
        "download", "--sd-wrapping-keys", *certificates, "--sd-quorum", "2", "--artifact", f"hsm_backup={artifact}",
        "--security-domain-file", file,
    )
    board.doing = "it generates its transfer key"
    digest = hashlib.sha256(artifact.read_bytes()).digest()
    (folder / "transfer.cer").write_bytes(board.command(BEGIN_IMPORT, items(b"hsm_backup", digest)))
    keys = [KEYS / f"{name}.key" for name in CUSTODIANS[1:]]
    secdom(
        "restore-blob", "--sd-file", file, "--sd-exchange-key", folder / "transfer.cer", "--sd-wrapping-keys", *keys,
        "--sd-file-restore-blob", blob,
    )
    board.doing = "it opens the restore blob"
    board.command(IMPORT, blob.read_bytes())
    board.cut_power()
    _, _, domain = board.status()
    board.command(CONFIRM, items(bytes.fromhex(domain)))


def certificate(name):
    lines = (KEYS / f"{name}.cer").read_text().split("-----")[2]
    return base64.b64decode(lines)


def act(board, folder):
    custodians = items(*map(certificate, CUSTODIANS))
    pending, complete = (folder / name for name in ("domain.pending", "domain.sealed"))
    print("A new HSM seals its domain to three custodians. The power fails before it is active, so the file is void.")
    board.doing = "it provisions its domain"
    board.command(PROVISION)
    board.doing = "it seals its domain"
    void = board.command(SEAL, custodians)
    board.cut_power()
    assert board.status()[0] == "provisioned"

    print("It seals the domain again, and is activated with the file that is stored. The power fails, and it completes the file.")
    board.command(SEAL, custodians)
    refused(board, ACTIVATE, void)
    pending.write_bytes(board.command(SEAL, custodians))
    board.command(ACTIVATE, pending.read_bytes())
    board.cut_power()
    complete.write_bytes(board.command(COMPLETE, pending.read_bytes()))
    sealed = complete.read_bytes()
    stage, _, domain = board.status()
    assert stage == "active"
    print(f"  sealed domain  {len(sealed)} bytes, domain {domain}")
    signature = board.command(SIGN, b"a message")

    print("The power fails again. The HSM is what it was, and backs up.")
    board.cut_power()
    assert board.status() == ["active", "domain", domain]
    assert board.command(SIGN, b"a message") == signature
    data = b"the keys of every user of this HSM " * 40
    backup = board.command(BACK_UP, data)
    assert data[:32] not in backup
    print(f"  backup         {len(backup)} bytes")

    print("The HSM is lost. Another one asks the custodians, and they answer with secdom contribute.")
    board.command(ZEROIZE)
    refused(board, RESTORE, backup)
    board.doing = "it generates its transfer key"
    recover(board, folder, sealed, domain)
    assert board.status() == ["active", "domain", domain]
    assert board.command(SIGN, b"a message") == signature
    board.doing = "it restores the backup"
    assert board.command(RESTORE, backup) == data
    print("  It has the signing key that was lost, and restores the backup.")

    print("A third one imports a domain of Azure Managed HSM.")
    board.command(ZEROIZE)
    import_azure(board, folder)
    assert board.status()[0] == "active"
    refused(board, RESTORE, backup)
    print("The watchdog was armed at one second, and did not trip.")


def main(firmware):
    # What cargo was told for the firmware is not for the tool.
    settings = {"RUSTC", "RUSTC_BOOTSTRAP", "RUSTFLAGS", "LD_LIBRARY_PATH", "CARGO_UNSTABLE_BUILD_STD"}
    environment = {name: value for name, value in os.environ.items() if name not in settings}
    build = ["cargo", "build", "-q", "--locked", "--all-features", "--example", "secdom"]
    subprocess.run(build, cwd=ROOT, env=environment, check=True)
    with tempfile.TemporaryDirectory() as folder:
        board = Board(pathlib.Path(firmware).resolve(), folder)
        try:
            act(board, pathlib.Path(folder))
        finally:
            board.qemu.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
