// SPDX-License-Identifier: MIT OR Apache-2.0
// Hooks in native code: those of a scripting language run six hundred times slower.

#include <stdint.h>
#include <string.h>
#include <unicorn/unicorn.h>

struct trace {
    uint64_t pc, instructions, address, accesses, resume;
};

// Bytes, each run of them with its length in front.
struct log {
    uint32_t logged, overflowed;
    uint8_t log[1 << 16];
};

// Instructions since the last sign of life, the most so far, and where the limit was passed first in that stretch. With more
// than `most` in all, the run ends.
struct pace {
    uint64_t instructions, since, longest, limit, passed, longest_passed, most;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

void on_instruction(uc_engine *machine, uint64_t address, uint32_t size, void *user)
{
    struct trace *trace = user;
    if (trace->resume == address)
        trace->resume = 0;
    if (trace->resume)
        return;
    trace->pc = mix(trace->pc, address << 8 | size);
    trace->instructions++;
}

// Counts the instructions of a block of Thumb code, each of which has two or four bytes.
static uint32_t count(uc_engine *machine, uint64_t address, uint32_t size)
{
    uint8_t code[4096];
    uint32_t instructions = 0;
    if (size > sizeof code || uc_mem_read(machine, address, code, size) != UC_ERR_OK)
        return 0;
    for (uint32_t at = 0; at + 1 < size; instructions++)
        at += code[at + 1] >= 0xe8 ? 4 : 2;
    return instructions;
}

// At the entry of a block that runs to its end: what a block has is counted once.
void on_block(uc_engine *machine, uint64_t address, uint32_t size, void *user)
{
    static struct { uint64_t address; uint32_t size, instructions; } blocks[1 << 16];
    struct pace *pace = user;
    uint32_t at = (address >> 1) & ((1 << 16) - 1);
    if (blocks[at].address != address || blocks[at].size != size) {
        blocks[at].address = address, blocks[at].size = size;
        blocks[at].instructions = count(machine, address, size);
    }
    uint64_t before = pace->since;
    pace->instructions += blocks[at].instructions;
    pace->since += blocks[at].instructions;
    if (before < pace->limit && pace->since >= pace->limit)
        pace->passed = address;
    if (pace->instructions > pace->most)
        uc_emu_stop(machine);
}

void on_sign(uc_engine *machine, uint64_t address, uint32_t size, void *user)
{
    struct pace *pace = user;
    (void)machine, (void)address, (void)size;
    if (pace->since > pace->longest) {
        pace->longest = pace->since;
        pace->longest_passed = pace->since > pace->limit ? pace->passed : 0;
    }
    pace->since = 0;
}

// Before this hook the emulator restores the state of the instruction that accesses memory, and with it how far an IT
// block has come. It then goes on with translated code that keeps that at zero and writes it at the end of a block only if
// it is not: so what follows the IT block would be taken for a part of it (Unicorn's issue 2309). Hence it is put back.
static void leave_it_block(uc_engine *machine)
{
    const uint32_t it_block = UINT32_C(0x0600fc00);
    uint32_t status;
    uc_reg_read(machine, UC_ARM_REG_CPSR, &status);
    if (status & it_block) {
        status &= ~it_block;
        uc_reg_write(machine, UC_ARM_REG_CPSR, &status);
    }
}

// The address, the width and the direction; never the value.
void on_access(uc_engine *machine, uc_mem_type kind, uint64_t address, int size, int64_t value, void *user)
{
    struct trace *trace = user;
    leave_it_block(machine);
    if (trace->resume)
        return;
    trace->address = mix(trace->address, address << 16 | (uint64_t)size << 8 | (uint64_t)kind);
    trace->accesses++;
}

static uint32_t argument(uc_engine *machine, int which)
{
    uint32_t value;
    uc_reg_read(machine, UC_ARM_REG_R0 + which, &value);
    return value;
}

// At the entry of a function whose arguments are public: nothing is recorded until it returns.
void on_public(uc_engine *machine, uint64_t address, uint32_t size, void *user)
{
    struct trace *trace = user;
    uint32_t back;
    (void)address, (void)size;
    uc_reg_read(machine, UC_ARM_REG_LR, &back);
    if (!trace->resume)
        trace->resume = back & ~UINT32_C(1);
}

static void note(uc_engine *machine, struct log *log, uint32_t start, uint32_t length)
{
    uint32_t room = sizeof log->log - log->logged;
    if (room < sizeof length || room - sizeof length < length) {
        log->overflowed = 1;
        return;
    }
    uint8_t *end = log->log + log->logged;
    memcpy(end, &length, sizeof length);
    uc_mem_read(machine, start, end + sizeof length, length);
    log->logged += sizeof length + length;
}

// At the entry of memcmp or bcmp: the bytes that are compared. The branches inside depend on them, whether or not these
// secrets make a difference there.
void on_compare(uc_engine *machine, uint64_t address, uint32_t size, void *user)
{
    (void)address, (void)size;
    for (int side = 0; side < 2; side++)
        note(machine, user, argument(machine, side), argument(machine, 2));
}

// At the entry of publish: the bytes that are public from there on.
void on_publish(uc_engine *machine, uint64_t address, uint32_t size, void *user)
{
    (void)address, (void)size;
    note(machine, user, argument(machine, 0), argument(machine, 1));
}
