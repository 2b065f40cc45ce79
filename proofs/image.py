# SPDX-License-Identifier: MIT OR Apache-2.0
"""A linked Cortex-M4 image under Unicorn: memory, calls, and native hooks that record what runs."""

import ctypes
import pathlib
import subprocess

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const as arm

STACK_TOP = 0x2010_0000
STACK_SIZE = 0x4_0000
DATA = 0x3000_0000
RETURN = 0x1000_0000
PAGE = 0x1000

# What a compiler calls for `==` on arrays and slices.
COMPARISONS = {"memcmp", "bcmp"}

# Functions that are given public values only and take a way that depends on them: they verify a signature, and look at a key
# that verifies. A compiler that puts one into its caller is seen: the traces differ.
PUBLIC = ("ed25519_dalek9verifying12VerifyingKey13verify_strict", "security_domain7ed255199VerifyKey3new",
          "security_domain7ed255199VerifyKey8verifies")


class Trace(ctypes.Structure):
    """What the hooks in hooks.c write: running hashes and counts."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("pc", "instructions", "address", "accesses", "resume")]


class Log(ctypes.Structure):
    """Runs of bytes that the hooks in hooks.c noted."""

    _fields_ = [("logged", ctypes.c_uint32), ("overflowed", ctypes.c_uint32), ("log", ctypes.c_uint8 * (1 << 16))]

    def runs(self):
        assert not self.overflowed, "more was noted than there is room for"
        rest, found = bytes(self.log[: self.logged]), []
        while rest:
            end = 4 + int.from_bytes(rest[:4], "little")
            found.append(rest[4:end])
            rest = rest[end:]
        return found


class Image:
    def __init__(self, path):
        self.machine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.machine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self.symbols = {}
        with open(path, "rb") as file:
            elf = ELFFile(file)
            mapped = set()
            for segment in elf.iter_segments("PT_LOAD"):
                start, size = segment["p_vaddr"], segment["p_memsz"]
                for page in range(start & -PAGE, start + size, PAGE):
                    if page not in mapped:
                        self.machine.mem_map(page, PAGE)
                        mapped.add(page)
                self.machine.mem_write(start, segment.data())
            for symbol in elf.get_section_by_name(".symtab").iter_symbols():
                if symbol["st_info"]["type"] == "STT_FUNC":
                    self.symbols[symbol.name] = symbol["st_value"]
        self.machine.mem_map(STACK_TOP - STACK_SIZE, STACK_SIZE)
        self.machine.mem_map(DATA, PAGE)
        self.machine.mem_map(RETURN, PAGE)

    def named(self, prefix):
        return sorted(name for name in self.symbols if name.startswith(prefix))

    def call(self, name, *arguments):
        """Calls a function and gives what it returns; that it came back is checked."""
        for register, value in zip((arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1), arguments):
            self.machine.reg_write(register, value)
        self.machine.reg_write(arm.UC_ARM_REG_SP, STACK_TOP)
        self.machine.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
        self.machine.emu_start(self.symbols[name] | 1, RETURN)
        assert self.machine.reg_read(arm.UC_ARM_REG_PC) == RETURN, f"{name} did not return"
        assert self.machine.reg_read(arm.UC_ARM_REG_SP) == STACK_TOP, f"{name} left the stack unbalanced"
        return self.machine.reg_read(arm.UC_ARM_REG_R0)

    def native(self, folder):
        """Builds and loads hooks.c."""
        here = pathlib.Path(__file__).parent
        library = pathlib.Path(folder) / "hooks.so"
        there = pathlib.Path(unicorn.__file__).parent
        subprocess.run(
            ["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Werror", f"-I{there / 'include'}", "-o", library, here / "hooks.c"]
            + [str(there / "lib" / "libunicorn.so.2")],
            check=True,
        )
        self.hooks = ctypes.CDLL(str(library))

    def record(self, folder, accesses=True):
        """Records from here on every instruction's address, what is compared and what is published, and, but where told
        otherwise, every memory address."""
        self.native(folder)
        self.trace, self.compared, self.published = Trace(), Log(), Log()
        self.hook(unicorn.UC_HOOK_CODE, "on_instruction", self.trace)
        if accesses:
            self.hook(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, "on_access", self.trace)
        for name in COMPARISONS & self.symbols.keys():
            self.hook(unicorn.UC_HOOK_CODE, "on_compare", self.compared, self.symbols[name])
        for name in self.symbols:
            if any(public in name for public in PUBLIC):
                self.hook(unicorn.UC_HOOK_CODE, "on_public", self.trace, self.symbols[name])
        self.hook(unicorn.UC_HOOK_CODE, "on_publish", self.published, self.symbols["publish"])

    def hook(self, kind, function, user, at=None):
        first, last = (1, 0) if at is None else (at & ~1, at & ~1)
        handle = ctypes.c_size_t()
        status = unicorn.unicorn_py3.unicorn.uclib.uc_hook_add(
            self.machine._uch, ctypes.byref(handle), kind, ctypes.cast(getattr(self.hooks, function), ctypes.c_void_p),
            ctypes.byref(user), ctypes.c_uint64(first), ctypes.c_uint64(last),
        )
        assert status == 0, "the hook was refused"
