# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares how deep each burned operation can go in an x86-64 program with how much of the stack is burned after it.

A residue test sees one run: one CPU, one length of input, and what happens to lie in the frames. Here every path of direct
calls counts, those of CPUs that are not here too. What is burned is everything below the call of `burn::apart`, as deep as
the frame of the `zeroize_stack` that its caller calls next. Operations that burn separately are measured separately. Not
followed: calls through a pointer (a host, a generator, the work in RSA's memory), and calls that only a panic makes.

Usage: depth.py BINARY
"""

import re
import subprocess
import sys

HEAD = re.compile(r"^([0-9a-f]+) <(.*)>:$")
PUSH = re.compile(r"\tpush ")
TAKE = re.compile(r"\tsub +\$0x([0-9a-f]+),%rsp")
# A large frame is probed page by page, down to a limit in r11, which the line before copies from rsp.
COPY = re.compile(r"\tmov +%rsp,%r11")
PROBED = re.compile(r"\tsub +\$0x([0-9a-f]+),%r11")
ALIGN = re.compile(r"\tand +\$0x(f[0-9a-f]{15}),%rsp")
PLACE = re.compile(r"^ *([0-9a-f]+):\t")
CALL = re.compile(r"\t(?:call|jmp) +([0-9a-f]+) <")
JUMP = re.compile(r"\tj([a-z]+) +([0-9a-f]+) <")
END = re.compile(r"\t(?:ret|ud2|jmp +\*)")
CALL_BY_TABLE = re.compile(r"\t(?:call|jmp) +\*0x[0-9a-f]+\(%rip\) +# ([0-9a-f]+)")
PANIC = re.compile(r"panic|_fail|unwind|_Unwind")
PAGE = 0x1000


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Function:
    def __init__(self, name):
        self.name, self.pushed, self.taken, self.probed, self.calls, self.lines = name, 8, 0, 0, {}, {}

    def after(self, place):
        """Where a run may go on after an instruction of this function, without leaving it."""
        line, following = self.lines[place]
        jump = JUMP.search(line)
        ends = END.search(line) or jump and jump[1] == "mp"
        return [next_one for next_one in (None if ends else following, jump and int(jump[2], 16)) if next_one in self.lines]

    def frame(self):
        """In bytes, with the return address. Of a probed frame the loop takes one page."""
        return self.pushed + (self.taken - PAGE + self.probed if self.probed else self.taken)


def functions(binary):
    table = dict(re.findall(r"^0*([0-9a-f]+)\s+\S+\s+R_X86_64_RELATIVE\s+([0-9a-f]+)$", run("readelf", "-rW", binary), re.M))
    found, body, before, last = {}, None, "", None
    for line in run("objdump", "-d", "--no-show-raw-insn", "-C", binary).splitlines():
        if match := HEAD.match(line):
            body = found.setdefault(int(match[1], 16), Function(match[2]))
        elif not body:
            continue
        if match := PLACE.match(line):
            place = int(match[1], 16)
            if last in body.lines:
                body.lines[last] = body.lines[last][0], place
            body.lines[place] = line, None
            last = place
        if PUSH.search(line):
            body.pushed += 8
        elif match := ALIGN.search(line):
            body.pushed += (1 << 64) - int(match[1], 16) - 8
        elif match := TAKE.search(line):
            body.taken += int(match[1], 16)
        elif (match := PROBED.search(line)) and COPY.search(before):
            body.probed += int(match[1], 16)
        elif match := CALL.search(line):
            body.calls[last] = int(match[1], 16)
        elif (match := CALL_BY_TABLE.search(line)) and match[1] in table:
            body.calls[last] = int(table[match[1]], 16)
        before = line
    return found


def main(binary):
    sys.setrecursionlimit(100_000)
    found = functions(binary)

    def is_burned(function):
        return "security_domain::burn::apart" in function.name

    def burns(function):
        return "zeroize::stack::zeroize_stack" in function.name

    known = {}

    def deepest(address, above=()):
        """How deep a function goes, and through which others."""
        if address in known:
            return known[address]
        function, best = found[address], (0, ())
        for called in function.calls.values():
            # A jump to another place in a function is none to its start.
            if called in above or called == address or called not in found:
                continue
            called_function = found[called]
            if is_burned(called_function) or burns(called_function) or PANIC.search(called_function.name):
                continue
            best = max(best, deepest(called, (*above, address)))
        known[address] = (function.frame() + best[0], (function.name, *best[1]))
        return known[address]

    def burned_after(caller, place):
        """What is burned on each way on from a call, as soon as something is."""
        seen, front = set(), caller.after(place)
        while front:
            place = front.pop()
            if place in seen:
                continue
            seen.add(place)
            called = found.get(caller.calls.get(place))
            if called and burns(called):
                yield called.frame()
            else:
                front += caller.after(place)

    margins = {}
    for caller in found.values():
        for place, operation in caller.calls.items():
            if operation in found and is_burned(found[operation]):
                for burned in burned_after(caller, place):
                    margins[operation] = min(margins.get(operation, (1 << 40,)), (burned, caller.name))
    assert len(margins) >= 20, f"only {len(margins)} burned operations: is it the right program?"
    used = {operation: deepest(operation) for operation in margins}
    assert any("aead::chunk::seal" in name for _, names in used.values() for name in names), "no backup is sealed"
    wrong = 0
    for operation in sorted(margins, key=lambda operation: margins[operation][0] - used[operation][0]):
        (burned, caller), (deep, names) = margins[operation], used[operation]
        if deep > burned:
            wrong += 1
            print(f"{caller} burns {burned} bytes, but {deep} are used:", *names, sep="\n    ")
    tightest = min(margins, key=lambda operation: margins[operation][0] / used[operation][0])
    (burned, caller), (deep, _) = margins[tightest], used[tightest]
    print(f"figure: {len(margins)} burned operations, {wrong} too deep; the tightest uses {deep} of {burned} bytes ({caller})")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
