// SPDX-License-Identifier: MIT OR Apache-2.0
// Hooks in native code: those of a scripting language run six hundred times slower.

#include <stdint.h>
#include <unicorn/unicorn.h>

struct trace {
    uint64_t pc, instructions, address, accesses;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

void on_instruction(uc_engine *machine, uint64_t address, uint32_t size, void *user)
{
    struct trace *trace = user;
    trace->pc = mix(trace->pc, address << 8 | size);
    trace->instructions++;
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
    trace->address = mix(trace->address, address << 16 | (uint64_t)size << 8 | (uint64_t)kind);
    trace->accesses++;
}
