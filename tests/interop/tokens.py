# SPDX-License-Identifier: MIT OR Apache-2.0
"""Custodians' keys that never leave their tokens: made on SoftHSM and on a simulated TPM, a domain downloaded to them by
the real client, and restored with what they decrypt, as RSA without padding and as OAEP. The restored contents are the
real client's. Keys of P-256 in tokens serve the crate's own format. Then everything that goes wrong: one line each, and no second try of a PIN."""

import json
import os
import pty
import subprocess
from pathlib import Path

import azure_client
from cases import ROOT, SECDOM, VECTORS, certificate, folder, key, run, upload
from formats import TransferKey, open_restore_blob
from token_makers import PIN, SPY, SoftHsm, Tpm
from token_recipes import follow

ARTIFACTS = [("hsm_backup", os.urandom(3000)), ("base_enclave_backup", os.urandom(500))]
TRANSFER = VECTORS / "transfer/stransfer2048.pem"
checked = []


def secdom(tokens, *words, **environment) -> subprocess.CompletedProcess:
    command = [SECDOM, *words]
    variables = {"SECDOM_PKCS11_MODULE": str(tokens.module)} | environment
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env=tokens.environment | variables,
    )  # fmt: skip


def done(tokens, *words, **environment) -> str:
    answer = secdom(tokens, *words, **environment)
    assert answer.returncode == 0, answer
    return answer.stdout


def refused(what: str, tokens, line: list, *parts, **environment):
    """One line on stderr, with all of the parts."""
    answer = secdom(tokens, *line, **environment)
    lines = [text for text in answer.stderr.splitlines() if text.startswith("secdom: ")]
    assert answer.returncode == 1 and answer.stdout == "" and len(lines) == 1, (what, answer)
    assert answer.stderr.count("\n") == 1 or isinstance(tokens, Tpm), (what, answer)
    for part in parts:
        assert part in lines[0], (what, part, lines[0])
    checked.append(what)


def uri(tokens, label: str, name: str, query=True) -> str:
    return f"pkcs11:token={label};object={name}" + (f"?pin-source={tokens.pin}" if query else "")


def download(work: Path, certificates: list) -> Path:
    """The real client asks for a domain, for which our tool answers."""
    pairs = []
    for number, (tag, data) in enumerate(ARTIFACTS):
        source = work / f"artifact-{number}"
        source.write_bytes(data)
        pairs.append(f"{tag}={source}")
    made, saved = work / "made.json", work / "domain.json"
    run(
        SECDOM, "download", "--sd-wrapping-keys", *certificates, "--sd-quorum", 2,
        "--artifact", *pairs, "--security-domain-file", made,
    )  # fmt: skip
    request = azure_client.download(certificates, 2, made.read_text(), saved)
    assert len(request["certificates"]) == len(certificates), request.keys()
    return saved


def spied(tokens, log: Path) -> dict:
    """The environment in which a module is used through OpenSC's spy."""
    return {
        "SECDOM_PKCS11_MODULE": str(SPY),
        "PKCS11SPY": str(tokens.module),
        "PKCS11SPY_OUTPUT": str(log),
    }


def round_trip(tokens, work: Path, keys: list, mechanism: str):
    """Two tokens restore what two PEM files restore with the real client."""
    certificates = [tokens.certify(label, name) for label, name in keys]
    # One on its token, and one given.
    tokens.store(*keys[0], certificates[0])
    people = ["s2048_0", "s3072_0"]
    domain = download(work, [*certificates, *map(certificate, people)])
    real, ours = work / "real.json", work / "ours.json"
    azure_client.restore_blob(domain, TRANSFER, [key(name) for name in people], real)
    log = work / "spy.log"
    done(
        tokens, "restore-blob", "--sd-file", domain, "--sd-exchange-key", TRANSFER,
        "--sd-wrapping-keys", *(uri(tokens, *each) for each in keys), "--certs", certificates[1],
        "--sd-file-restore-blob", ours, **spied(tokens, log),
    )  # fmt: skip
    reader = TransferKey(key("stransfer2048").read_bytes(), certificate("stransfer2048").read_bytes())
    never_met = work / "apart.json"
    apart(tokens, work, keys, certificates, domain, never_met)
    drilled(tokens, work, keys, certificates, ["--sd-file", domain])
    blobs = [open_restore_blob(blob.read_text(), reader) for blob in (ours, never_met, real)]
    assert blobs == [ARTIFACTS] * 3, "other contents"
    upload(work, ours, key("stransfer2048"), certificate("stransfer2048"), ARTIFACTS)
    calls = log.read_text()
    assert calls.count(": C_Login\n") == 2, calls
    # The last mechanism that the token was asked for is the one that decrypted.
    last = calls.rsplit(": C_DecryptInit\n", 1)[1]
    assert mechanism in last and ": C_Decrypt\n" in last, last
    said = done(
        tokens, "drill", "--sd-file", domain, "--sd-wrapping-keys", uri(tokens, *keys[0]), key(people[0])
    )
    assert "2 artifacts, all opened" in said, said
    return domain, certificates


def apart(tokens, work: Path, keys: list, certificates: list, domain: Path, blob: Path):
    """The custodians never meet: each token opens one share, for a collector that has neither key nor PIN."""
    session, request = work / "collector", work / "restore-request"
    begun = run(
        SECDOM, "restore-session", "begin", "--sd-file", domain, "--sd-exchange-key", TRANSFER,
        "--session", session, "--request", request, "--json",
    )  # fmt: skip
    asked = ["--request", request, "--request-digest", json.loads(begun.stdout)["request_digest"]]
    for number, each in enumerate(keys):
        out = work / f"share-{number}"
        done(
            tokens, "contribute", "--sd-file", domain, *asked, "--key", uri(tokens, *each),
            "--certs", certificates[1], "--out", out,
        )  # fmt: skip
        run(SECDOM, "restore-session", "add", session, out, "--sd-file-restore-blob", blob)
    assert not session.exists(), "the session has ended"


def drilled(tokens, work: Path, keys: list, certificates: list, of: list):
    """Each token answers a drill's challenge, alone: it opens a share of the file and a fresh value."""
    name = of[0].removeprefix("--")
    challenge, answers = work / f"{name}-challenge", []
    run(SECDOM, "drill", "challenge", *of, "--custodians", *certificates, "--out", challenge)
    beside = ["--certs", certificates[1]] if "--sd-file" in of else []
    for number, each in enumerate(keys):
        answers.append(work / f"{name}-answer-{number}")
        done(
            tokens, "drill", "respond", *of, "--challenge", challenge, "--key", uri(tokens, *each), *beside,
            "--out", answers[-1],
        )  # fmt: skip
    said = run(SECDOM, "drill", "verify", *of, "--challenge", challenge, *answers).stdout.decode()
    proof = "key; says that the share opened" if "--sd-file" in of else "key and share"
    assert said.count(f": {proof}\n") == len(keys), said


def by_command(work: Path, domain: Path):
    """What `inspect` says unwraps a content key, and restores with it."""
    held = {name: certificate(name) for name in ["s2048_0", "s3072_0"]}
    report = json.loads(run(SECDOM, "inspect", domain, "--json", "--certs", *held.values()).stdout)
    arguments = []
    for name, cer in held.items():
        subject = f"CN=TEST ONLY shared-set {name}"
        (command,) = [one["command"] for one in report["custodians"] if one.get("subject") == subject]
        place = work / name
        place.mkdir()
        (place / "A.key").write_bytes(key(name).read_bytes())
        run("sh", "-c", command, cwd=place)
        assert len((place / "A.unwrapped").read_bytes()) == 64
        arguments.append(f"{cer}={place / 'A.unwrapped'}")
    out = work / "unwrapped.json"
    run(
        SECDOM, "restore-blob", "--sd-file", domain, "--sd-exchange-key", TRANSFER,
        "--sd-unwrapped", *arguments, "--sd-file-restore-blob", out,
    )  # fmt: skip
    (work / "by-command").mkdir()
    upload(work / "by-command", out, key("stransfer2048"), certificate("stransfer2048"), ARTIFACTS)


def own_format(tokens, work: Path, keys: list, certificates: list):
    """A sealed domain of the crate's own format: contributions of a token alone and of one beside another key, and a
    recovery at one place."""
    first, second, third = (work / f"hsm-{number}" for number in (1, 2, 3))
    secret, sealed, request = work / "artifact-0", work / "domain.sealed", work / "request"
    run(SECDOM, "keygen", "--kind", "x-wing", "--key", work / "x.key", "--pub", work / "x.pub", "--no-password")
    run(SECDOM, "hsm", "init", "--hsm", first, "--artifact", f"key={secret}")
    (one, two), (_, (label, name)) = certificates, keys
    run(
        SECDOM, "hsm", "activate", "--hsm", first, "--quorum", 2, "--sealed", sealed,
        "--custodians", one, f"{two}+{work / 'x.pub'}", certificate("s2048_0"),
    )  # fmt: skip
    status = lambda hsm: json.loads(run(SECDOM, "hsm", "status", "--hsm", hsm, "--json").stdout)
    pinned = ["--sealed", sealed, "--expect-domain", status(first)["domain_id"]]
    run(SECDOM, "hsm", "recover-begin", "--hsm", second, *pinned, "--request", request)
    asked = ["--request", request, "--request-digest", status(second)["request_digest"]]
    drilled(tokens, work, keys[:1], certificates[:1], pinned)
    both = f"pkcs11:token={label};object={name}+{work / 'x.key'}"
    for number, given in enumerate([[uri(tokens, *keys[0])], [both, "--password-file", tokens.pin]]):
        out = work / f"contribution-{number}"
        done(tokens, "contribute", *pinned, *asked, "--out", out, "--key", *given)
        run(SECDOM, "hsm", "recover-add", "--hsm", second, out)
    assert status(second)["state"] == "active"
    done(tokens, "hsm", "recover", "--hsm", third, *pinned, "--keys", uri(tokens, *keys[0]), key("s2048_0"))
    assert status(third)["domain_id"] == status(first)["domain_id"]
    alone = ["contribute", *pinned, *asked, "--out", work / "alone", "--key", uri(tokens, label, name)]
    refused("one key of two", tokens, alone, label, "opens no share")


def curves(tokens, work: Path, domain: Path, ada: Path):
    """Keys of P-256, in tokens that do ECDH and nothing more: their certificates make custodians of a sealed domain,
    which they restore alone and together."""
    work = work / "curves"
    work.mkdir()
    keys, certificates = [("cleo", "c"), ("dan", "d")], []
    for label, name in keys:
        tokens.token(label)
        tokens.curve_key(label, name, "prime256v1", "01")
        certificates.append(tokens.certify(label, name))
    first, second, third = (work / f"hsm-{number}" for number in (1, 2, 3))
    secret, sealed, request, log = (work / name for name in ("secret", "sealed", "request", "spy.log"))
    secret.write_bytes(os.urandom(100))
    run(SECDOM, "keygen", "--kind", "x-wing", "--key", work / "x.key", "--pub", work / "x.pub", "--no-password")
    run(SECDOM, "hsm", "init", "--hsm", first, "--artifact", f"key={secret}")
    activate = ["hsm", "activate", "--hsm", first, "--quorum", 2, "--sealed", sealed, "--custodians", *certificates]
    refused("two keys, one of P-256", tokens, [*activate[:-1], f"{certificates[1]}+{work / 'x.pub'}", ada],
            "P-256 and X-Wing", "two that are both needed")  # fmt: skip
    said = run(SECDOM, *activate, certificate("s2048_0")).stdout.decode()
    assert said.count('"  P-256  valid until ') == 2, said
    named = json.loads(run(SECDOM, "inspect", "--json", sealed, "--certs", *certificates).stdout)["custodians"]
    assert [one.get("subject") for one in named] == ["CN=c", "CN=d", None], named
    status = lambda hsm: json.loads(run(SECDOM, "hsm", "status", "--hsm", hsm, "--json").stdout)
    pinned = ["--sealed", sealed, "--expect-domain", status(first)["domain_id"]]
    run(SECDOM, "hsm", "recover-begin", "--hsm", second, *pinned, "--request", request)
    asked = ["--request", request, "--request-digest", status(second)["request_digest"]]
    drilled(tokens, work, keys, certificates, pinned)
    for number, each in enumerate(keys):
        out = work / f"contribution-{number}"
        done(tokens, "contribute", *pinned, *asked, "--out", out, "--key", uri(tokens, *each), **spied(tokens, log))
        run(SECDOM, "hsm", "recover-add", "--hsm", second, out)
    assert status(second)["state"] == "active"
    calls = log.read_text()
    assert calls.count(": C_DeriveKey\n") == calls.count(": C_DestroyObject\n") == 2 and "CKM_ECDH1_DERIVE" in calls, calls
    done(tokens, "hsm", "recover", "--hsm", third, *pinned, "--keys", uri(tokens, *keys[0]), key("s2048_0"))
    assert status(third)["domain_id"] == status(first)["domain_id"]

    def line(label: str, name: str, more="") -> list:
        given = uri(tokens, label, name) if not more else f"pkcs11:token={label};object={name}{more}"
        pin = ["--password-file", tokens.pin] if more else []
        return ["contribute", *pinned, *asked, "--out", work / "refused", "--key", given, *pin]

    tokens.curve_key("cleo", "other", "prime256v1", "02")
    refused("wrong key of P-256", tokens, line("cleo", "other"), "cleo", "opens no share")
    tokens.curve_key("cleo", "large", "secp384r1", "03")
    refused("key of P-384", tokens, line("cleo", "large"), "cleo", "on another curve than P-256")
    tokens.curve_key("cleo", "signs", "prime256v1", "04")
    tokens.take_the_right_to("derive", tokens.slot("cleo"), "signs")
    refused("no right to derive", tokens, line("cleo", "signs"), "cleo", "may not derive")
    refused("two keys, one of P-256 in a token", tokens, line("cleo", "c", f"+{work / 'x.key'}"),
            "P-256 and X-Wing", "two that are both needed")  # fmt: skip
    azure = ["drill", "--sd-file", domain, "--sd-wrapping-keys", uri(tokens, "cleo", "c"), "--certs", ada]
    refused("key of P-256 for Managed HSM", tokens, azure, "cleo", "is not an RSA key")
    tokens.store("cleo", "c", certificates[0])
    refused("certificate of P-256 for Managed HSM", tokens, azure[:-2], "cleo", "is not an RSA key")


def typed(tokens, line: list, pin: str, **environment) -> tuple:
    """What the tool shows on a terminal where the PIN is typed once, and its exit code."""
    child, terminal = pty.fork()
    if child == 0:
        variables = tokens.environment | environment
        os.execve(SECDOM, [str(word) for word in [SECDOM, *line]], variables)
    shown = b""
    while b"PIN of " not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, pin.encode() + b"\n")
    while True:
        try:
            read = os.read(terminal, 1000)
        except OSError:
            break
        shown += read
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def logins(log: Path) -> int:
    count = log.read_text().count(": C_Login\n")
    log.unlink()
    return count


def soft(work: Path):
    tokens = SoftHsm(work)
    follow("SoftHSM2", tokens)
    follow("Keys of P-256", tokens)
    for label in ("ada", "ben"):
        tokens.token(label)
    tokens.key("ada", "a", 2048, "01")
    tokens.key("ben", "b", 4096, "02")
    domain, (ada, ben) = round_trip(tokens, work, [("ada", "a"), ("ben", "b")], "CKM_RSA_X_509")
    by_command(work, domain)
    own_format(tokens, work, [("ada", "a"), ("ben", "b")], [ada, ben])
    curves(tokens, work, domain, ada)

    def line(*keys, more=()):
        return ["drill", "--sd-file", domain, "--sd-wrapping-keys", *keys, *more]

    bad, log = work / "bad", work / "spy.log"
    log.unlink()
    bad.write_text("999999\n")
    wrong = uri(tokens, "ada", "a", query=False)
    for place in (["--password-file", bad], ["--passwords", "999999"]):
        refused("wrong PIN", tokens, line(wrong, more=place), "ada", "the PIN is wrong; it was tried once",
                **spied(tokens, log))  # fmt: skip
        assert logins(log) == 1
    shown, code = typed(tokens, line(wrong), "999999", **spied(tokens, log))
    assert code == 1 and shown.count("PIN of ") == 1 and "tried once" in shown, shown
    assert "999999" not in shown and logins(log) == 1
    shown, code = typed(tokens, line(wrong), PIN, **spied(tokens, log))
    assert code == 0 and "opens its share" in shown and PIN not in shown, shown
    assert logins(log) == 1
    refused("no PIN", tokens, line(wrong), "ada", "no PIN is given", **spied(tokens, log))
    assert logins(log) == 0
    # A second key in the same token does not try it again.
    tokens.key("ada", "second", 2048, "05")
    second = tokens.certify("ada", "second")
    twice = [f"{uri(tokens, 'ada', name, query=False)}?pin-source={bad}" for name in ("a", "second")]
    restore = ["restore-blob", "--sd-file", domain, "--sd-exchange-key", TRANSFER, "--sd-wrapping-keys", *twice,
               key("s2048_0"), key("s3072_0"), "--certs", ada, second,
               "--sd-file-restore-blob", work / "twice.json"]  # fmt: skip
    answer = secdom(tokens, *restore, **spied(tokens, log))
    assert answer.returncode == 0 and answer.stderr.count("left out: pkcs11:token=ada") == 2, answer
    assert logins(log) == 1
    checked.append("wrong PIN, two keys")

    refused("absent token", tokens, line("pkcs11:token=eve;object=a"), "no such token", '"ada"', '"ben"')
    refused("absent key", tokens, line(uri(tokens, "ada", "none")), "no such private key")
    tokens.key("ada", "twin", 2048, "03")
    tokens.key("ada", "twin", 2048, "04")
    refused("two objects of one name", tokens, line(uri(tokens, "ada", "twin")), "2 private keys", "%03", "%04")
    tokens.key("ada", "signs", 2048, "06")
    tokens.take_the_right_to("decrypt", tokens.slot("ada"), "signs")
    refused("no right to decrypt", tokens, line(uri(tokens, "ada", "signs")), "may not decrypt")
    refused("wrong key", tokens, line(uri(tokens, "ada", "second")), "not the private key of any of the certificates")
    refused("no certificate", tokens, line(uri(tokens, "ben", "b")), "neither on the token nor one of --certs")
    tokens.token("ada")
    refused("two tokens of one name", tokens, line(uri(tokens, "ada", "a")), "2 tokens match", "serial=")
    refused("no module", tokens, line(uri(tokens, "ben", "b")), "does not load", "libm.so.6",
            SECDOM_PKCS11_MODULE="/lib/x86_64-linux-gnu/libm.so.6")  # fmt: skip

    flagged = work / "token_flags.so"
    run("cc", "-shared", "-fPIC", "-o", flagged, ROOT / "tests/interop/token_flags.c", "-ldl")
    with_pin = line(uri(tokens, "ben", "b"), more=["--certs", ben])
    for flags, words in [("40000", "is locked"), ("20000", "one try is left")]:
        chain = {
            "TOKEN_FLAGS_MODULE": str(SPY),
            "TOKEN_FLAGS": flags,
            "SECDOM_PKCS11_MODULE": str(flagged),
        }
        refused(words, tokens, with_pin, "ben", words, **(spied(tokens, log) | chain))
        assert logins(log) == 0
    # The last try belongs to who sees the warning.
    by_hand = line(uri(tokens, "ben", "b", query=False), more=["--certs", ben])
    shown, code = typed(tokens, by_hand, PIN, **(spied(tokens, log) | chain))
    assert code == 0 and "one try is left" in shown, shown
    done(tokens, *with_pin, TOKEN_FLAGS_MODULE=str(tokens.module), TOKEN_FLAGS="10000",
         SECDOM_PKCS11_MODULE=str(flagged))  # fmt: skip


def tpm(work: Path):
    tokens = Tpm(work)
    try:
        follow("TPM 2.0 with tpm2-pkcs11", tokens)
        follow("TPM 2.0 with tpm2-tools", tokens)
        tokens.token("tess")
        tokens.key("tess", "t", 2048)
        tokens.token("theo")
        tokens.key("theo", "u", 2048)
        keys = [("tess", "t"), ("theo", "u")]
        domain, (tess, theo) = round_trip(tokens, work, keys, "CKM_RSA_PKCS_OAEP")
        own_format(tokens, work, keys, [tess, theo])
        bad = work / "bad"
        bad.write_text("999999\n")
        wrong = ["drill", "--sd-file", domain, "--password-file", bad, "--certs", tess, "--sd-wrapping-keys",
                 "pkcs11:token=tess;object=t"]  # fmt: skip
        before = tokens.wrong_pins()
        refused("wrong PIN of a TPM", tokens, wrong, "tess", "the PIN is wrong; it was tried once")
        assert tokens.wrong_pins() == before + 1
        run(
            "tpm2_dictionarylockout", "--setup-parameters", "--max-tries", before + 1,
            "--recovery-time", 1000, "--lockout-recovery-time", 1000, env=tokens.environment,
        )  # fmt: skip
        right = ["drill", "--sd-file", domain, "--sd-wrapping-keys", uri(tokens, "tess", "t")]
        refused("locked TPM", tokens, right, "tess", "locked")
        assert tokens.wrong_pins() == before + 1
    finally:
        tokens.stop()


for maker in (soft, tpm):
    with folder() as name:
        maker(Path(name))
print(f"figure: {len(checked)} failures of tokens, one line each: {', '.join(checked)}")
