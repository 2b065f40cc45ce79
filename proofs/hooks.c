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

// The address, the width and the direction; never the value.
void on_access(uc_engine *machine, uc_mem_type kind, uint64_t address, int size, int64_t value, void *user)
{
    struct trace *trace = user;
    trace->address = mix(trace->address, address << 16 | (uint64_t)size << 8 | (uint64_t)kind);
    trace->accesses++;
}
