# SPDX-License-Identifier: MIT OR Apache-2.0
"""Skips instructions and turns branches around in the scenes of an image, one fault a run, and counts what is accepted
that should have been refused. A second image, whose decisions are single, is the control: there each row must find some.

A row is a function `fault_NAME`. With the right input it gives `Accepted`, which shows that the scene can tell, and how
many instructions that takes; a run may take three times as many. With the wrong input it gives `Refused`.

Usage: run.py IMAGE CONTROL FOLDER [--quick] [--each] [--most INSTRUCTIONS] [--rows NAME,..] [--workers N]
"""

import argparse
import collections
import ctypes
import functools
import multiprocessing
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import unicorn
from elftools.elf.elffile import ELFFile

REFUSED, ACCEPTED, HOLLOW, NOT_SET_UP = 0x6B1D0F52, 0x94E2F0AD, 0xA7C4395B, 0x5938C6E4
STACK_TOP, STACK_SIZE, RETURN, PAGE = 0x2010_0000, 0x4_0000, 0x1000_0000, 0x1000
# How many instructions a trace has room for, and how many jobs a plan.
TRACE, JOBS = 1 << 27, 1 << 22
KINDS = ("skipped", "turned around", "skipped")


# The rows without a decision that the control could take once: what they watch is whether an act that answered `Ok` did
# what it should. Their control is the right input, which stands for an act that did not.
BY_INPUT = (
    "abandon approval_expired approval_other_kind both_kwp_wrap both_wrap cancel commit_unsaved discard emit_unspent held_back"
    " kem_wrap lost_draw mlkem1024_p384_wrap mlkem1024_wrap p256_wrap rehearse_recovery report sealing weak_transfer zeroize"
).split()
# The rows of kinds of keys whose decisions are those of another row, in longer runs: a tenth of the instructions is
# enough to find them in the control.
SAMPLED = (
    "both_kwp_unwrap both_kwp_wrap mlkem1024_p384_unwrap mlkem1024_p384_wrap mlkem1024_wrap p256_unwrap p256_wrap"
).split()
# The rows whose decision is found by 30 million instructions in the control as well: the others need a whole run.
QUICK = (
    "add_share asked_domain asked_expired asked_header asked_weaker attested body commitment compared"
    " epoch_floor file_signature first_start open_pinned p256_in_a_device pending pinned_domain pinned_header quorum refusing_sink"
    " rng_instance rng_root rng_seed"
).split()


class Job(ctypes.Structure):
    _fields_ = [("at", ctypes.c_uint64)] + [(name, ctypes.c_uint32) for name in ("pc", "next", "kind", "size")]


class Image:
    def __init__(self, path):
        self.path, self.symbols, self.ram = str(path), {}, []
        functions = []
        with open(path, "rb") as file:
            elf = ELFFile(file)
            parts = [s for s in elf.iter_segments("PT_LOAD") if s["p_vaddr"] >= 0x0800_0000]
            fixed = [s for s in parts if not s["p_flags"] & 2]
            self.start = fixed[0]["p_vaddr"] & -PAGE
            end = max(s["p_vaddr"] + s["p_memsz"] for s in fixed) + PAGE - 1 & -PAGE
            code = bytearray(end - self.start)
            for segment in fixed:
                place = segment["p_vaddr"] - self.start
                code[place : place + segment["p_filesz"]] = segment.data()
            self.code = bytes(code)
            for segment in (s for s in parts if s["p_flags"] & 2):
                start = segment["p_vaddr"] & -PAGE
                assert start >= end, "code and data share a page"
                size = segment["p_vaddr"] + segment["p_memsz"] - start + PAGE - 1 & -PAGE
                self.ram.append((start, size, bytes(segment["p_vaddr"] - start) + segment.data()))
            for symbol in elf.get_section_by_name(".symtab").iter_symbols():
                if symbol["st_info"]["type"] == "STT_FUNC":
                    self.symbols[symbol.name] = symbol["st_value"] & ~1
                    functions.append((symbol["st_value"] & ~1, symbol["st_size"], symbol.name))
        self.functions = sorted(functions)
        self.faultable, self.own = bytearray(len(self.code) // 2), bytearray(len(self.code) // 2)
        for start, size, name in self.functions:
            # The scenes and the machine around them are this crate's; the library is the rest.
            ours = "fault_proofs" in name or name.startswith(("fault_", "window_"))
            place = (start - self.start) // 2
            half_words = slice(place, place + (size + 1) // 2)
            self.faultable[half_words] = bytes([not ours]) * ((size + 1) // 2)
            own = "security_domain" in name or name.startswith("act_")
            self.own[half_words] = bytes([own]) * ((size + 1) // 2)

    def rows(self):
        return sorted(name.removeprefix("fault_") for name in self.symbols if name.startswith("fault_"))

    def function(self, address):
        found = [(start, name) for start, size, name in self.functions if start <= address < start + max(size, 2)]
        start, name = found[0] if found else (address, "?")
        return f"{demangle(name)}+{address - start:#x}"


def demangle(name):
    """The path in a legacy symbol, without its hash."""
    if not name.startswith("_ZN"):
        return name
    parts, rest = [], name[3:]
    while match := re.match(r"\d+", rest):
        length = int(match[0])
        parts.append(rest[match.end() : match.end() + length])
        rest = rest[match.end() + length :]
    text = "::".join(parts[:-1])
    for old, new in (("$LT$", "<"), ("$GT$", ">"), ("$u20$", " "), ("$RF$", "&"), ("$u7b$", "{"), ("$u7d$", "}"), ("..", "::")):
        text = text.replace(old, new)
    return text


def library(folder):
    path = pathlib.Path(folder) / "simulate.so"
    here, there = pathlib.Path(__file__).parent, pathlib.Path(unicorn.__file__).parent
    subprocess.run(
        ["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{there / 'include'}", "-o", path]
        + [here / "simulate.c", there / "lib" / "libunicorn.so.2"],
        check=True,
    )
    return str(path)


class Scene:
    """A scene of an image, stopped where its window opens."""

    def __init__(self, native, image, row, wrong):
        c = ctypes.CDLL(native)
        c.machine_new.restype = ctypes.c_void_p
        for function in (c.machine_trace, c.machine_plan, c.machine_find, c.machine_split):
            function.restype = ctypes.c_uint64
        self.c, self.image, self.row = c, image, row
        self.m = ctypes.c_void_p(
            c.machine_new(image.code, ctypes.c_uint32(image.start), ctypes.c_uint32(len(image.code)), ctypes.c_uint32(RETURN))
        )
        assert self.m, "no machine"
        for start, size, data in image.ram + [(STACK_TOP - STACK_SIZE, STACK_SIZE, b"")]:
            assert c.machine_ram(self.m, ctypes.c_uint64(start), ctypes.c_size_t(size), data, ctypes.c_size_t(len(data))) == 0
        how = c.machine_set_up(
            self.m, ctypes.c_uint32(image.symbols[f"fault_{row}"]), ctypes.c_uint32(STACK_TOP), ctypes.c_uint32(wrong),
            ctypes.c_uint32(image.symbols["window_opens"]),
        )
        how_trace, word = ctypes.c_int(), ctypes.c_uint32()
        assert how == 0, f"{row}: the window does not open ({how})"
        self.total = c.machine_trace(self.m, ctypes.c_uint64(TRACE), ctypes.byref(how_trace), ctypes.byref(word))
        self.end = c.machine_find(self.m, ctypes.c_uint32(image.symbols["window_closes"]))
        assert how_trace.value == 0, f"{row}: the scene does not end ({how_trace.value})"
        assert self.end < TRACE, f"{row}: the window does not close in time"
        self.word = word.value

    def plan(self, each):
        jobs = (Job * JOBS)()
        count = self.c.machine_plan(
            self.m, bytes(self.image.faultable), ctypes.c_uint64(self.end), int(each), jobs, ctypes.c_uint64(JOBS)
        )
        assert count <= JOBS, f"{self.row}: {count} faults"
        return sorted(jobs[:count], key=lambda job: job.at)

    def campaign(self, jobs, budget):
        count = len(jobs)
        array, hows, words = (Job * count)(*jobs), (ctypes.c_uint8 * count)(), (ctypes.c_uint32 * count)()
        failed = self.c.machine_campaign(
            self.m, array, ctypes.c_uint64(count), ctypes.c_uint64(budget), ctypes.c_uint64(64), ctypes.c_uint32(self.word),
            hows, words,
        )
        assert failed == 0, f"{self.row}: a run without a fault went another way ({failed})"
        return list(zip(jobs, hows, words))

    def rewind(self):
        self.c.machine_rewind(self.m)

    def close(self):
        self.c.machine_free(self.m)


NAMES = {REFUSED: "refused", ACCEPTED: "accepted", HOLLOW: "hollow"}


def verdict(how, word):
    return {1: "crashed", 2: "hung"}.get(how) or NAMES.get(word, "other")


def prepare(native, path, row, each, most):
    """The jobs of a row, as many as cost at most so many instructions, what a run may take, and the scene."""
    image = Image(path)
    right = Scene(native, image, row, 0)
    longest, word = right.total, right.word
    scene = Scene(native, image, row, 1)
    split = scene.c.machine_split(right.m, scene.m)
    right.close()
    assert word == ACCEPTED, f"{row}: the right input gives {NAMES.get(word, hex(word))}"
    assert scene.word == REFUSED, f"{row}: the wrong input gives {NAMES.get(scene.word, hex(scene.word))}"
    jobs = scene.plan(each)
    chosen = choose(image, jobs, scene.total, split, most) if most else jobs
    return chosen, len(jobs), 3 * max(longest, scene.total), scene.end, scene


def choose(image, jobs, total, split, most):
    """As many as cost at most so many instructions: a third goes to those nearest to where the right input and the wrong one
    part, a third to those in this crate's own code that come last, since the decision is there, the rest evenly to others."""
    def cost(job):
        return total - job.at

    def first(ordered):
        spent = 0
        for job in ordered:
            spent += cost(job)
            if spent > most // 3:
                return
            yield job.at, job.next

    own = [job for job in jobs if image.own[(job.pc - image.start) // 2]]
    chosen = {*first(sorted(jobs, key=lambda job: abs(job.at - split))), *first(reversed(own))}
    others = [job for job in jobs if (job.at, job.next) not in chosen]
    step = max(1, -(-sum(map(cost, others)) // max(most // 3, 1)))
    return sorted(others[::step] + [job for job in jobs if (job.at, job.next) in chosen], key=lambda job: job.at)


COLUMNS = ("refused", "hollow", "crashed", "hung", "other")
HEAD = f"{'row':<22} {'window':>9} {'faults':>6} {'runs':>6} {'refused':>7} {'hollow':>6} {'crashed':>7} {'hung':>5} {'other':>5} {'accepted':>8}   control"
LINE = "{:<22} {:>9} {:>6} {:>6} {:>7} {:>6} {:>7} {:>5} {:>5} {:>8}   {} of {}"


def parts(jobs):
    """The jobs in parts, each of which has some from everywhere, the later ones larger."""
    count = 16
    while count > 1:
        yield jobs[::count]
        jobs = [job for place, job in enumerate(jobs) if place % count]
        count //= 2
    yield jobs


def row_of(native, options, row):
    """The whole of a row: how each run ended, for the image and for its control."""
    results, figures = {}, (0, 0)
    try:
        for path in (options.control, options.image):
            most = options.most // 10 if row in SAMPLED else options.most
            jobs, planned, budget, window, scene = prepare(native, path, row, options.each, most)
            results[path] = []
            # A control has done its work when it was caught.
            for part in parts(jobs) if path == options.control else [jobs]:
                scene.rewind()
                for job, how, word in scene.campaign(part, budget):
                    results[path].append(((job.at, job.pc, job.next, job.kind, job.size), verdict(how, word)))
                if any(how == "accepted" for _, how in results[path]):
                    break
            scene.close()
            figures = window, planned
    except AssertionError as error:
        return row, error, *figures, results
    return row, None, *figures, results


def disassembly(image, pc):
    """The code around an instruction, with the lines that it comes from, if there is a disassembler."""
    tool = shutil.which("llvm-objdump")
    if not tool:
        return
    text = subprocess.run(
        [tool, "-d", "-l", "--no-show-raw-insn", f"--start-address={pc - 24:#x}", f"--stop-address={pc + 14:#x}", image.path],
        capture_output=True, text=True,
    ).stdout
    for line in text.splitlines():
        if re.match(r"^ *[0-9a-f]+:|^; .*\.rs:", line):
            yield f"    {'>' if line.lstrip().startswith(f'{pc:x}:') else ' '} {line}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("image")
    parser.add_argument("control")
    parser.add_argument("folder")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--rows")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    native = library(options.folder)
    images = {path: Image(path) for path in (options.image, options.control)}
    rows = options.rows.split(",") if options.rows else images[options.image].rows()
    if options.quick:
        rows, options.most = QUICK, 30_000_000
    start, wrong, runs = time.time(), 0, 0
    print(HEAD, flush=True)
    with multiprocessing.Pool(options.workers) as pool, open(pathlib.Path(options.folder) / "accepted.txt", "w") as details:
        whole = functools.partial(row_of, native, options)
        for row, broken, window, planned, results in pool.imap_unordered(whole, rows, chunksize=1):
            if broken:
                wrong += 1
                print(f"{row}: {broken} WRONG", flush=True)
                continue
            counts, control = (collections.Counter(how for _, how in results[path]) for path in images)
            accepted, caught, tried = counts["accepted"], control["accepted"], sum(counts.values())
            good = accepted == 0 and (caught > 0 or row in BY_INPUT)
            wrong += not good
            runs += tried
            columns = (row, window, planned, tried, *(counts[name] for name in COLUMNS), accepted, caught, sum(control.values()))
            print(LINE.format(*columns), "" if good else " WRONG", sep="", flush=True)
            for job, how in sorted(results[options.image]):
                if how == "accepted":
                    at, pc, _, kind, _ = job
                    line = f"    {row}: {KINDS[kind]} at {pc:#x}, instruction {at}, {images[options.image].function(pc)}"
                    print(line, flush=True)
                    print(line, *disassembly(images[options.image], pc), sep="\n", file=details, flush=True)
    print(f"figure: {len(rows)} rows, {runs} faults, {wrong} rows wrong, {time.time() - start:.0f} s")
    return wrong


if __name__ == "__main__":
    sys.exit(main() != 0)
