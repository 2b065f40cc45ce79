# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads the machine code of the x86-64 kernels, those that no emulator here runs among them: no byte of a row may reach
a general register, the flags or an address.

A kernel is `fn(out, terms, store)`: `rdi` points to the output and `rdx` to the terms. What is loaded through the terms
is public: factors, lengths, and the pointers to rows. What is loaded through those, or through the output, is secret,
and may only go to vector registers; and nothing may come back from there. Then every jump and every address is public.
Labels of registers: "terms" for pointers to terms; "secret" for what was loaded through them, so for pointers to rows,
and for the pointer to the output.

Usage: kernels.py BINARY
"""

import re
import subprocess
import sys

KERNELS = ("sum_avx2", "sum_gfni_256", "sum_avx512", "sum_gfni_512")
PLANTED = ("planted_kernel_jump", "planted_kernel_index")
# The tail of a row, less than a vector, is the portable kernel's, which memcheck sees. A sum of no terms is zeros.
CALLS = ("portable::run", "memset")

NAMES = [
    ("rax", "eax", "ax", "al"), ("rbx", "ebx", "bx", "bl"), ("rcx", "ecx", "cx", "cl"), ("rdx", "edx", "dx", "dl"),
    ("rsi", "esi", "si", "sil"), ("rdi", "edi", "di", "dil"), ("rbp", "ebp", "bp", "bpl"), ("rsp", "esp", "sp", "spl"),
] + [(f"r{n}", f"r{n}d", f"r{n}w", f"r{n}b") for n in range(8, 16)]
GENERAL = {alias: names[0] for names in NAMES for alias in names}
VECTOR = re.compile(r"\b([xyz]mm\d+|k[0-7])\b")
LINE = re.compile(r"^\s+([0-9a-f]+):\s+(\S[^#]*?)\s*(?:#\s*([0-9a-f]+)\s*(.*))?$")
PREFIXES = re.compile(r"^(?:data16 |cs |notrack |bnd |rep )+")
# They take general registers and change none, or only the flags.
READ_ONLY = ("cmp", "test", "push", "bt")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def functions(binary):
    """The instructions of each kernel: its address, its text, and where it goes if it calls through a table."""
    table = dict(re.findall(r"^0*([0-9a-f]+)\s+\S+\s+R_X86_64_RELATIVE\s+([0-9a-f]+)$", run("readelf", "-rW", binary), re.M))
    names = dict(re.findall(r"^0*([0-9a-f]+) \S (.*)$", run("nm", "-C", binary), re.M))
    found = {}
    body = None
    for line in run("objdump", "-d", "-M", "intel", "--no-show-raw-insn", "-C", binary).splitlines():
        head = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if head:
            name = re.sub(r"::h[0-9a-f]{16}$", "", head[1]).rsplit("::", 1)[-1]
            body = found.setdefault(name, []) if name in KERNELS + PLANTED else None
        elif body is not None and (match := LINE.match(line)):
            address, text, entry, comment = match.groups()
            body.append((int(address, 16), PREFIXES.sub("", text), names.get(table.get(entry, ""), comment or "")))
    return found


def registers(text):
    return {GENERAL[word] for word in re.findall(r"[a-z][a-z0-9]*", text) if word in GENERAL}


def memory(operand):
    match = re.search(r"\[(.*)\]", operand)
    return match and match[1]


def step(state, text, callee):
    """The labels after an instruction, and what breaks the rule in it."""
    state, faults = dict(state), []
    name, _, rest = text.partition(" ")
    operands = [part.strip() for part in re.split(r",(?![^\[]*\])", rest)] if rest.strip() else []
    addresses = [memory(operand) for operand in operands]

    def labels(words):
        return frozenset().union(*(state.get(register, frozenset()) for register in registers(words)))

    if name == "call":
        if not any(allowed in rest + callee for allowed in CALLS) or "memset" in callee and "secret" in labels("rsi"):
            faults.append("calls")
        for register in ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"):
            state[register] = frozenset()
        return state, faults
    if name.startswith(("nop", "j", "ret", "endbr")) or not operands:
        return state, faults
    if re.search(r"gather|scatter", name) or any(address and VECTOR.search(address) for address in addresses):
        faults.append("address from a vector")
    if VECTOR.search(re.sub(r"\[.*?\]", "", rest)):
        if operands[0] in GENERAL or re.match(r"v?p?test|kor?test|v?u?comis|v?pcmp.str", name):
            faults.append("out of a vector")
        if addresses[0] and "rsp" in addresses[0]:
            state[addresses[0]] = frozenset({"secret"})
        return state, faults

    value = frozenset()
    moves = name.startswith(("mov", "lea", "pop", "set"))
    for position, (operand, address) in enumerate(zip(operands, addresses)):
        if not address:
            if position or not moves:
                value |= labels(operand)
        elif name == "lea":
            value |= labels(address)
        elif position or not moves:
            through = labels(address)
            if "rsp" in address:
                value |= state.get(address, frozenset())
            elif "secret" in through:
                faults.append("loads a secret")
            elif "terms" in through:
                value |= {"secret"}
    if addresses[0]:
        state[addresses[0]] = value
    elif name not in READ_ONLY:
        for register in registers(operands[0]):
            state[register] = value
    return state, faults


def scan(body):
    """What breaks the rule, along every way through the function."""
    places = {address: index for index, (address, _, _) in enumerate(body)}
    states = {0: {"rdi": frozenset({"secret"}), "rdx": frozenset({"terms"})}}
    faults, work = {}, [0]
    while work:
        index = work.pop()
        _, text, callee = body[index]
        after, wrong = step(states[index], text, callee)
        for fault in wrong:
            faults[index] = f"{fault}: {text}"
        name, _, rest = text.partition(" ")
        followers = [] if name in ("jmp", "ret") else [index + 1]
        if name.startswith("j"):
            target = re.match(r"\s*([0-9a-f]+)", rest)
            place = target and places.get(int(target[1], 16))
            if place is not None:
                followers.append(place)
            elif not (name == "jmp" and any(allowed in rest + callee for allowed in CALLS)):
                faults[index] = f"jumps away: {text}"
        for follower in followers:
            if follower >= len(body):
                continue
            old = states.get(follower)
            merged = {key: (old or {}).get(key, frozenset()) | after.get(key, frozenset()) for key in {*(old or {}), *after}}
            if merged != old:
                states[follower] = merged
                work.append(follower)
    return [faults[index] for index in sorted(faults)]


def main(binary):
    found = functions(binary)
    missing = [name for name in KERNELS + PLANTED if not found.get(name)]
    assert not missing, f"not in the binary: {missing}"
    wrong = 0
    for name, body in found.items():
        faults = scan(body)
        planted = name in PLANTED
        good = bool(faults) == planted
        wrong += not good
        jumps = sum(text.startswith("j") for _, text, _ in body)
        print(f"{name:<22} {len(body):>4} instructions {jumps:>3} jumps {len(faults):>3} faults {'ok' if good else 'WRONG'}")
        for fault in faults:
            print(f"    {fault}")
    print(f"figure: {len(KERNELS)} kernels, {len(PLANTED)} planted leaks, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
