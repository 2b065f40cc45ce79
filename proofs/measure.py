# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs each `stack_` function of the image once. Its stack is measured: the stack is painted before, and the deepest byte that
changed is looked up. The instructions are counted, and the most of them between two signs of life, where firmware feeds its
watchdog. Fails where a bound is exceeded; how long an operation may be silent is a bound at opt-level 3.

Usage: measure.py IMAGE TOOLS_FOLDER LEVEL FIGURES     LEVEL: 3, s, z or debug; FIGURES: a file for footprint.py
       measure.py IMAGE TOOLS_FOLDER --seeds     tries seeds for the keys, and prints the best so far; takes an hour
"""

import bisect
import ctypes
import sys

import unicorn

from footprint import KINDS, note
from image import STACK_SIZE, STACK_TOP, Image

KIB = 1024
PAINT = 0xA5
BOUNDS = {"stack_rsa_unwrap": 12 * KIB, "stack_rsa_unwrap_in_steps": 4 * KIB}

# An operation of RSA is silent for less than this, whatever the size of the key. A step of a life is silent as long
# as a sealed domain is read back and its signature checked; docs/footprint.md says more.
RSA = 400_000
STEP = 8_000_000
# What is wrapped to a key of another kind is computed twice, with a call between; its crates cannot be interrupted.
KEM = 45_000_000

# Generators' seeds that find primes after few candidates. A candidate more is the same work once more, on the same stack, and
# with an unlucky seed a key of 4096 bits takes as long as everything else together. A seed loses its luck when what is drawn
# before the primes changes, or what the generator is hedged with: then a call takes more than MOST, and `--seeds` finds others.
GENERATE, RECOVERY, REHEARSAL, PROPOSAL, IMPORT_2048, IMPORT_4096 = 41, 4, 4, 4, 9, 4
MOST = 4_000_000_000

# Calls in order, each with its arguments and the bound of the stack in bytes; docs/constant-time.md has the reasons for none
# of them.
CALLS = [
    (f"{what} {bits}", function, (size,), BOUNDS.get(function))
    for size, bits in enumerate((2048, 3072, 4096))
    for what, function in (("rsa import", "stack_rsa_import"), ("rsa wrap", "stack_rsa_wrap"), ("rsa unwrap", "stack_rsa_unwrap"), ("rsa unwrap in steps", "stack_rsa_unwrap_in_steps"), ("rsa export", "stack_rsa_export"))
] + [
    ("rsa generate 2048", "stack_rsa_generate", (GENERATE,), None),
    ("rsa generate 2048, in steps", "stack_rsa_generate_in_steps", (GENERATE,), None),
    ("split 32 bytes, 3 of 5", "stack_split_32", (), None),
    ("combine 32 bytes, 3 of 5", "stack_combine_32", (), 2 * KIB),
    ("correct 126 of 255 shares", "stack_correct", (), 10 * KIB),
    ("domain: parse", "stack_domain_parse", (), 12 * KIB),
    ("domain: unwrap, RSA-2048", "stack_domain_unwrap", (0,), None),
    ("domain: unwrap, RSA-2048", "stack_domain_unwrap", (1,), None),
    ("domain: open", "stack_domain_open", (), 8 * KIB),
    (None, "prepare_life", (), None),
    ("HSM: provision", "stack_life_provision", (), 20 * KIB),
    ("HSM: activate", "stack_life_activate", (), 20 * KIB),
    ("HSM: zeroize", "stack_life_zeroize", (), 20 * KIB),
    ("HSM: begin recovery", "stack_life_begin_recovery", (RECOVERY,), 20 * KIB),
    (None, "prepare_life_answer", (0,), None),
    ("HSM: take a contribution", "stack_life_contribute", (), 20 * KIB),
    (None, "prepare_life_answer", (1,), None),
    ("HSM: take a contribution", "stack_life_contribute", (), 20 * KIB),
    ("HSM: open the domain", "stack_life_open", (), 20 * KIB),
    ("HSM: demand approvals", "stack_life_demand", (), 20 * KIB),
    ("HSM: ask for an approval", "stack_life_ask", (), 20 * KIB),
    (None, "prepare_life_approval", (0,), None),
    (None, "prepare_life_approval", (1,), None),
    ("HSM: emit with approvals", "stack_life_complete_approved", (), 20 * KIB),
    ("HSM: zeroize", "stack_life_zeroize", (), 20 * KIB),
    ("HSM: begin rehearsal", "stack_life_begin_rehearsal", (REHEARSAL,), 20 * KIB),
    (None, "prepare_life_answer", (0,), None),
    ("HSM: take a contribution", "stack_life_rehearse", (), 20 * KIB),
    (None, "prepare_life_answer", (1,), None),
    ("HSM: take a contribution", "stack_life_rehearse", (), 20 * KIB),
    ("HSM: report", "stack_life_report", (), 20 * KIB),
    (None, "prepare_rotation", (), None),
    ("HSM: propose", "stack_rotation_propose", (PROPOSAL,), 22 * KIB),
    ("HSM: break the glass", "stack_rotation_break_glass", (), 20 * KIB),
    (None, "prepare_rotation_broken", (), None),
    (None, "prepare_rotation_veto", (0,), None),
    ("HSM: veto", "stack_rotation_veto", (), 20 * KIB),
    (None, "prepare_rotation_again", (1,), None),
    (None, "prepare_life_answer", (0,), None),
    ("HSM: take a consent", "stack_rotation_consent", (), 20 * KIB),
    ("HSM: challenge", "stack_rotation_challenge", (), 20 * KIB),
    (None, "prepare_rotation_response", (0,), None),
    ("HSM: take a proof", "stack_rotation_prove", (), 20 * KIB),
    (None, "prepare_rotation_response", (1,), None),
    ("HSM: take a proof", "stack_rotation_prove", (), 20 * KIB),
    ("HSM: commit", "stack_rotation_commit", (), 20 * KIB),
    ("HSM: complete the next file", "stack_rotation_complete", (), 20 * KIB),
    ("HSM: confirm", "stack_rotation_confirm", (), 20 * KIB),
    (None, "prepare_rotation_again", (0,), None),
    ("HSM: adopt", "stack_rotation_adopt", (), 20 * KIB),
    # A blank HSM, so that what is drawn does not depend on all of the above.
    (None, "prepare_life", (), None),
    ("HSM: begin import 2048", "stack_life_begin_import", (0, IMPORT_2048), 20 * KIB),
    ("HSM: start while importing", "stack_life_importing", (), 20 * KIB),
    (None, "prepare_life", (), None),
    ("HSM: begin import 4096", "stack_life_begin_import", (2, IMPORT_4096), 28 * KIB),
    ("HSM: start while importing", "stack_life_importing", (), 20 * KIB),
]

# The same of the image of the other kinds of keys.
CALLS_OF_KINDS = [
    (f"{name}: {what}", f"stack_{operation}_{kind}", (), None)
    for kind, name in KINDS.items()
    for what, operation in (("generate", "generate"), ("public key", "publish"), ("wrap", "wrap"), ("unwrap", "unwrap"))
] + [
    (None, "prepare_recovery", (), None),
    ("HSM, X-Wing: begin recovery", "stack_recovery_begin", (), None),
    (None, "prepare_recovery_answer", (1,), None),
    ("HSM, X-Wing: take a contribution", "stack_recovery_contribute", (), None),
    (None, "prepare_recovery_answer", (3,), None),
    ("HSM, X-Wing: take a contribution", "stack_recovery_contribute", (), None),
    ("HSM, X-Wing: open the domain", "stack_recovery_open", (), None),
]


class Pace(ctypes.Structure):
    """What the hooks in hooks.c write."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("instructions", "since", "longest", "limit", "passed", "longest_passed", "most")]


def silence(function):
    """The most instructions between two signs of life."""
    if "life" in function or "rotation" in function:
        return STEP
    if function.startswith(("stack_wrap", "stack_unwrap")):
        return KEM
    # Keys are read and written without a generator, so that there is nobody to tell, and the rest is short or a reader.
    return RSA if "rsa" in function and not function.endswith(("import", "export")) else None


def paced(path, folder):
    """The image, and what is counted while it runs."""
    image = Image(path)
    image.native(folder)
    pace = Pace(limit=RSA, most=MOST)
    image.hook(unicorn.UC_HOOK_BLOCK, "on_block", pace)
    return image, pace


def seeds(path, folder):
    provisioned = ["prepare_life", "stack_life_provision", "stack_life_activate", "stack_life_zeroize"]
    for name, before, function, arguments in (
        ("GENERATE", [], "stack_rsa_generate", ()), ("RECOVERY", provisioned, "stack_life_begin_recovery", ()),
        ("REHEARSAL", provisioned, "stack_life_begin_rehearsal", ()),
        ("PROPOSAL", ["prepare_life", "prepare_rotation"], "stack_rotation_propose", ()),
        ("IMPORT_2048", ["prepare_life"], "stack_life_begin_import", (0,)), ("IMPORT_4096", ["prepare_life"], "stack_life_begin_import", (2,)),
    ):
        best = 1 << 40
        for seed in range(1, 41):
            image, pace = paced(path, folder)
            for earlier in before:
                image.call(earlier)
            pace.instructions, pace.most = 0, best
            try:
                image.call(function, *arguments, seed)
            except AssertionError:
                continue
            best = pace.instructions
            print(f"{name} = {seed}: {best:,} instructions", flush=True)


def main(path, folder, level, figures=None):
    if level == "--seeds":
        return seeds(path, folder)
    image, pace = paced(path, folder)
    calls = CALLS if "prepare_life" in image.symbols else CALLS_OF_KINDS
    measured = {function for what, function, _, _ in calls if what}
    assert measured == set(image.named("stack_")), "functions and calls differ"
    if "sign_of_life" in image.symbols:
        image.hook(unicorn.UC_HOOK_CODE, "on_sign", pace, image.symbols["sign_of_life"])
    places = sorted((address & ~1, name) for name, address in image.symbols.items())
    # RSA keys take too long without optimisation, and without a long multiplication, and so does what needs one.
    if calls is CALLS and (level == "debug" or "thumbv6m" in path):
        first = next(place for place, call in enumerate(calls) if call[1] == "stack_life_begin_recovery")
        calls = [(*call[:3], None) for call in calls[:first] if "generate" not in call[1]]
    wrong = 0
    for what, function, arguments, bound in calls:
        image.machine.mem_write(STACK_TOP - STACK_SIZE, bytes([PAINT]) * STACK_SIZE)
        pace.instructions = pace.since = pace.longest = pace.longest_passed = 0
        try:
            worked = image.call(function, *arguments) == 1
        except AssertionError as error:
            sys.exit(f"{what or function}: {error}" + (", out of luck: --seeds finds another seed" if pace.instructions > MOST else ""))
        assert worked, f"{what or function} did not work"
        if not what:
            continue
        stack = image.machine.mem_read(STACK_TOP - STACK_SIZE, STACK_SIZE)
        used = len(bytes(stack).lstrip(bytes([PAINT])))
        assert used < STACK_SIZE, f"{what} left the stack"
        longest, at = max((pace.longest, pace.longest_passed), (pace.since, pace.passed))
        pausing = silence(function) if level == "3" else None
        faults = []
        if bound is not None and used > bound:
            faults.append("TOO MUCH STACK")
        if pausing is not None and longest > pausing:
            faults.append("SILENT FOR TOO LONG: " + places[bisect.bisect(places, (at, "~")) - 1][1])
        wrong += len(faults)
        note(figures, "stack", what, used)
        # How long a key takes depends on its seed.
        if not function.startswith(("stack_rsa_generate", "stack_life_begin", "stack_rotation_propose")):
            note(figures, "instructions", what, pace.instructions)
        print(f"figure: {what:<27} stack {used:>6}" + (f" of {bound:>5}" if bound else 9 * " "),
              f"instructions {pace.instructions:>13,}, silent for {longest:>9,}", *faults, flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:])))
