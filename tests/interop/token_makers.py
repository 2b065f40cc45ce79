# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tokens to test with: SoftHSM, and a simulated TPM 2.0 behind tpm2-pkcs11. Keys are made on them, and
certificates with openssl."""

import ctypes
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from cases import run

PIN, SO_PIN = "314159", "271828"
SPY = Path("/usr/lib/x86_64-linux-gnu/pkcs11/pkcs11-spy.so")


class Tokens:
    """A PKCS#11 module, and the environment in which it finds its tokens."""

    def __init__(self, work: Path, module: str, environment: dict):
        self.work, self.module = work, Path(module)
        self.environment = os.environ | environment
        self.pin = work / "pin"
        self.pin.write_text(PIN + "\n")

    def tool(self, *words) -> str:
        """pkcs11-tool."""
        done = run("pkcs11-tool", "--module", self.module, *words, env=self.environment)
        return done.stdout.decode()

    def logged_in(self, label: str, *words) -> str:
        return self.tool("--token-label", label, "--login", "--pin", PIN, *words)

    def certify(self, label: str, name: str) -> Path:
        """A certificate of the key, signed with it through openssl's engine."""
        conf, out = self.work / "openssl.cnf", self.work / f"{name}.cer"
        conf.write_text(
            "openssl_conf = all\n[all]\nengines = engines\n[engines]\npkcs11 = pkcs11\n"
            "[pkcs11]\nengine_id = pkcs11\n[req]\ndistinguished_name = name\n[name]\n"
        )
        # With -engine, the engine would also serve what the TPM's own library computes.
        uri = f"pkcs11:token={label};object={name};type=private;pin-value={PIN}"
        run(
            "openssl", "req", "-new", "-x509", "-key", f"org.openssl.engine:pkcs11:{uri}",
            "-subj", f"/CN={name}", "-days", "3650", "-out", out,
            env=self.environment | {"OPENSSL_CONF": str(conf), "PKCS11_MODULE_PATH": str(self.module)},
        )  # fmt: skip
        return out

    def store(self, label: str, name: str, certificate: Path):
        """Puts a certificate on the token, with the id of its key."""
        der = certificate.with_suffix(".der")
        run("openssl", "x509", "-in", certificate, "-outform", "DER", "-out", der)
        listed = self.logged_in(label, "--list-objects", "--type", "privkey")
        ids = dict(re.findall(r"label: +(\S+)\n +ID: +(\w+)", listed))
        self.logged_in(
            label, "--write-object", der, "--type", "cert", "--label", name, "--id", ids[name]
        )


class SoftHsm(Tokens):
    def __init__(self, work: Path):
        (work / "tokens").mkdir()
        conf = work / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {work / 'tokens'}\nlog.level = ERROR\n")
        super().__init__(work, "/usr/lib/softhsm/libsofthsm2.so", {"SOFTHSM2_CONF": str(conf)})

    def token(self, label: str):
        run(
            "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SO_PIN,
            env=self.environment,
        )  # fmt: skip

    def key(self, label: str, name: str, bits: int, ident: str):
        self.logged_in(
            label, "--keypairgen", "--key-type", f"rsa:{bits}", "--label", name, "--id", ident,
            "--usage-decrypt",
        )  # fmt: skip

    def curve_key(self, label: str, name: str, curve: str, ident: str):
        """A key that computes ECDH, and signs its certificate."""
        self.logged_in(
            label, "--keypairgen", "--key-type", f"EC:{curve}", "--label", name, "--id", ident,
            "--usage-derive", "--usage-sign",
        )  # fmt: skip

    def take_the_right_to(self, what: str, slot: int, name: str):
        """Sets CKA_DECRYPT or CKA_DERIVE to false, which pkcs11-tool cannot."""
        script = "from token_makers import forbid; import sys; forbid(*sys.argv[1:])"
        run(
            sys.executable, "-c", script, self.module, slot, name, {"decrypt": 0x105, "derive": 0x10C}[what],
            env=self.environment, cwd=Path(__file__).parent,
        )  # fmt: skip

    def slot(self, label: str) -> int:
        said = self.tool("--list-token-slots")
        return int(re.search(rf"\((0x\w+)\): .*\n +token label +: {label}\n", said)[1], 16)


def forbid(module: str, slot: str, name: str, right: str):
    """Changes a private key of SoftHSM, in a process of its own (PKCS#11 2.40, the functions by their names)."""
    library = ctypes.CDLL(module)
    word = ctypes.c_ulong

    class Attribute(ctypes.Structure):
        _fields_ = [("type", word), ("value", ctypes.c_void_p), ("length", word)]

    def attribute(kind: int, value: bytes) -> Attribute:
        buffer = ctypes.create_string_buffer(value, len(value))
        kept.append(buffer)
        return Attribute(kind, ctypes.cast(buffer, ctypes.c_void_p), len(value))

    def call(function: str, *arguments):
        assert getattr(library, function)(*arguments) == 0, function

    kept, session, key, found = [], word(), word(), word()
    call("C_Initialize", None)
    call("C_OpenSession", word(int(slot)), word(6), None, None, ctypes.byref(session))
    call("C_Login", session, word(1), PIN.encode(), word(len(PIN)))
    wanted = (Attribute * 2)(
        attribute(0, bytes(word(3))), attribute(3, name.encode())  # private key, label
    )
    call("C_FindObjectsInit", session, wanted, word(2))
    call("C_FindObjects", session, ctypes.byref(key), word(1), ctypes.byref(found))
    call("C_FindObjectsFinal", session)
    assert found.value == 1
    taken = (Attribute * 1)(attribute(int(right), bytes(1)))
    call("C_SetAttributeValue", session, key, taken, word(1))
    call("C_Finalize", None)


class Tpm(Tokens):
    """A TPM, its resource manager, and a bus on which that is found."""

    def __init__(self, work: Path):
        self.running = []
        (work / "tpm").mkdir()
        (work / "store").mkdir()
        port = free_ports()
        self.start(
            "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={work / 'tpm'}",
            "--server", f"type=tcp,port={port},bindaddr=127.0.0.1",
            "--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1",
            "--flags", "not-need-init,startup-clear",
        )  # fmt: skip
        bus = self.start(
            "dbus-daemon", "--session", "--nofork", "--print-address", stdout=subprocess.PIPE
        )
        address = bus.stdout.readline().decode().strip()
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = address
        tcti = "tabrmd:bus_type=session"
        super().__init__(
            work,
            "/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so",
            {
                "TPM2TOOLS_TCTI": tcti,
                "TPM2_PKCS11_TCTI": tcti,
                "TPM2_PKCS11_STORE": str(work / "store"),
                "TSS2_LOG": "all+NONE",
                "TPM2_PKCS11_LOG_LEVEL": "0",
            },
        )
        for _ in range(50):
            self.start(
                "tpm2-abrmd", "--session", "--allow-root", f"--tcti=swtpm:host=127.0.0.1,port={port}"
            )
            time.sleep(0.5)
            if self.running[-1].poll() is None:
                break

    def start(self, *command, **options):
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        self.running.append(subprocess.Popen([str(word) for word in command], **options))
        return self.running[-1]

    def stop(self):
        for program in reversed(self.running):
            program.terminate()
            program.wait()

    def token(self, label: str):
        run(
            "tpm2_ptool", "addtoken", "--pid=1", f"--label={label}", f"--sopin={SO_PIN}", f"--userpin={PIN}",
            env=self.environment,
        )  # fmt: skip

    def key(self, label: str, name: str, bits: int):
        run(
            "tpm2_ptool", "addkey", f"--algorithm=rsa{bits}", f"--label={label}", f"--key-label={name}",
            f"--userpin={PIN}", env=self.environment,
        )  # fmt: skip

    def wrong_pins(self) -> int:
        """How many wrong PINs the TPM counted."""
        said = run("tpm2_getcap", "properties-variable", env=self.environment).stdout.decode()
        return int(re.search(r"TPM2_PT_LOCKOUT_COUNTER: (\w+)", said)[1], 16)


def free_ports() -> int:
    """The first of two ports that are free, one after the other."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
