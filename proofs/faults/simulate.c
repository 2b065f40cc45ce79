// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs a scene of the image again and again, each time with one fault: one instruction skipped, or one branch turned
// around. The machine is put back to just before the fault each time. In native code, since a campaign has billions of
// instructions.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

enum { REGIONS = 8 };

// How a run ended, if the scene did not return.
enum { CRASHED = 1, HUNG = 2 };

struct region {
    uint64_t start;
    size_t size;
    uint8_t *now, *then;
};

// One fault: at the instruction with this number, counted from where the window opens, the machine goes on elsewhere. If
// it is in an IT block, where the emulator cannot stop, `at` is where the block begins, `next` where it ends, and the
// instruction is a NOP meanwhile.
enum { SKIPPED, TURNED, IN_BLOCK };

struct job {
    uint64_t at;
    uint32_t pc, next, kind, size;
};

struct machine {
    uc_engine *engine;
    uc_context *registers;
    struct region ram[REGIONS];
    size_t regions;
    const uint8_t *code;
    uint32_t code_start, code_size, stop, pause;
    // How many instructions are still to run.
    uint64_t left;
    int stopped;
    // Where the snapshot stands, and the one where the window opens.
    uint64_t at;
    uint32_t pc;
    uc_context *first_registers;
    uint8_t *first[REGIONS];
    uint32_t window;
    // The trace, and the state of the IT block at each of its instructions.
    uint32_t *trace;
    uint8_t *blocks;
    uint64_t recorded, room, total;
    // The instructions of the last IT block.
    struct {
        uint32_t pc, state;
    } block[4];
};

static uint16_t half(const struct machine *m, uint32_t address)
{
    if (address - m->code_start >= m->code_size)
        return 0;
    return (uint16_t)(m->code[address - m->code_start] | m->code[address - m->code_start + 1] << 8);
}

static int is_it(uint16_t code)
{
    return (code & 0xff00) == 0xbf00 && (code & 0xf) != 0;
}

static uint32_t size_of(uint16_t code)
{
    return code >> 11 >= 0x1d ? 4 : 2;
}

// The state of the IT block after an instruction.
static uint32_t after(uint32_t block, uint16_t code)
{
    if (is_it(code))
        return code & 0xff;
    if ((block & 7) == 0)
        return 0;
    return (block & 0xe0) | (block << 1 & 0x1f);
}

// The state of the IT block at an instruction. Those whose condition does not hold need not be reported by the emulator, so
// the block is read from the code when it begins.
static uint32_t block_at(struct machine *m, uint32_t pc)
{
    uint32_t state = 0, next = pc + 2;
    for (int i = 0; i < 4; i++)
        if (m->block[i].pc == pc)
            state = m->block[i].state;
    if (is_it(half(m, pc))) {
        uint32_t coming = half(m, pc) & 0xff;
        for (int i = 0; i < 4; i++) {
            m->block[i].pc = coming ? next : 0;
            m->block[i].state = coming;
            coming = after(coming, 0);
            next += size_of(half(m, next));
        }
    }
    return state;
}

static void on_instruction(uc_engine *engine, uint64_t address, uint32_t size, void *user)
{
    struct machine *m = user;
    (void)size;
    if (m->left == 0 || address == m->pause) {
        m->stopped = 1;
        uc_emu_stop(engine);
        return;
    }
    m->left--;
    if (m->trace && m->recorded < m->room) {
        m->trace[m->recorded] = (uint32_t)address;
        m->blocks[m->recorded++] = (uint8_t)block_at(m, (uint32_t)address);
    }
}

struct machine *machine_new(const uint8_t *code, uint32_t start, uint32_t size, uint32_t stop)
{
    struct machine *m = calloc(1, sizeof *m);
    if (!m || uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &m->engine))
        return NULL;
    uc_ctl_set_cpu_model(m->engine, UC_CPU_ARM_CORTEX_M4);
    m->code = code;
    m->code_start = start;
    m->code_size = size;
    m->stop = stop;
    if (uc_mem_map(m->engine, start, size, UC_PROT_READ | UC_PROT_EXEC) || uc_mem_write(m->engine, start, code, size)
        || uc_mem_map(m->engine, stop, 0x1000, UC_PROT_READ | UC_PROT_EXEC)
        || uc_context_alloc(m->engine, &m->registers) || uc_context_alloc(m->engine, &m->first_registers))
        return NULL;
    return m;
}

int machine_ram(struct machine *m, uint64_t start, size_t size, const uint8_t *bytes, size_t len)
{
    struct region *r = &m->ram[m->regions];
    if (m->regions++ == REGIONS || posix_memalign((void **)&r->now, 0x1000, size)
        || posix_memalign((void **)&r->then, 0x1000, size) || !(m->first[m->regions - 1] = malloc(size)))
        return -1;
    r->start = start;
    r->size = size;
    memset(r->now, 0, size);
    memcpy(r->now, bytes, len);
    return uc_mem_map_ptr(m->engine, start, size, UC_PROT_READ | UC_PROT_WRITE, r->now);
}

static void save(struct machine *m)
{
    uc_context_save(m->engine, m->registers);
    for (size_t i = 0; i < m->regions; i++)
        memcpy(m->ram[i].then, m->ram[i].now, m->ram[i].size);
}

static void restore(struct machine *m)
{
    uc_context_restore(m->engine, m->registers);
    for (size_t i = 0; i < m->regions; i++)
        memcpy(m->ram[i].now, m->ram[i].then, m->ram[i].size);
}

// Goes on at `pc`, which is in no IT block, for at most `limit` instructions.
static int run(struct machine *m, uint32_t pc, uint64_t limit)
{
    const uint32_t it_block = UINT32_C(0x0600fc00);
    uint32_t status, here;
    uc_reg_read(m->engine, UC_ARM_REG_CPSR, &status);
    status &= ~it_block;
    uc_reg_write(m->engine, UC_ARM_REG_CPSR, &status);
    m->left = limit;
    m->stopped = 0;
    if (uc_emu_start(m->engine, pc | 1, m->stop, 0, 0))
        return CRASHED;
    if (m->stopped)
        return HUNG;
    uc_reg_read(m->engine, UC_ARM_REG_PC, &here);
    return here == m->stop ? 0 : CRASHED;
}

static uint32_t answer(struct machine *m)
{
    uint32_t word;
    uc_reg_read(m->engine, UC_ARM_REG_R0, &word);
    return word;
}

// Puts the snapshot back to where the window opens.
void machine_rewind(struct machine *m)
{
    uc_context_restore(m->engine, m->first_registers);
    for (size_t i = 0; i < m->regions; i++)
        memcpy(m->ram[i].now, m->first[i], m->ram[i].size);
    m->at = 0;
    m->pc = m->window;
    save(m);
}

// Sets the scene up, as far as where the window opens; the snapshot is taken there.
int machine_set_up(struct machine *m, uint32_t entry, uint32_t stack, uint32_t argument, uint32_t window)
{
    uint32_t back = m->stop | 1, stop = m->stop;
    uc_reg_write(m->engine, UC_ARM_REG_R0, &argument);
    uc_reg_write(m->engine, UC_ARM_REG_SP, &stack);
    uc_reg_write(m->engine, UC_ARM_REG_LR, &back);
    m->stop = window;
    int how = run(m, entry, UINT64_MAX);
    m->stop = stop;
    m->window = window;
    // The code that sets up runs without the hook, and is translated anew with it.
    uc_hook hook;
    if (uc_hook_add(m->engine, &hook, UC_HOOK_CODE, (void *)on_instruction, m, 1, 0) || uc_ctl_flush_tb(m->engine))
        return CRASHED;
    uc_context_save(m->engine, m->first_registers);
    for (size_t i = 0; i < m->regions; i++)
        memcpy(m->first[i], m->ram[i].now, m->ram[i].size);
    machine_rewind(m);
    return how;
}

// Runs the scene from the snapshot without a fault, and gives how many instructions that took.
uint64_t machine_trace(struct machine *m, uint64_t room, int *how, uint32_t *word)
{
    const uint64_t limit = UINT64_C(1) << 40;
    m->trace = malloc(room * sizeof *m->trace);
    m->blocks = malloc(room);
    if (!m->trace || !m->blocks)
        return 0;
    m->room = room;
    m->recorded = 0;
    memset(m->block, 0, sizeof m->block);
    restore(m);
    *how = run(m, m->pc, limit);
    *word = answer(m);
    m->room = m->recorded;
    return m->total = limit - m->left;
}

// Where the window closes: the number of the first instruction at `address`.
uint64_t machine_find(const struct machine *m, uint32_t address)
{
    uint64_t i = 0;
    while (i < m->recorded && m->trace[i] != address)
        i++;
    return i;
}

// The number of the first instruction that is not the same in both traces: where the machine goes by the decision.
uint64_t machine_split(const struct machine *a, const struct machine *b)
{
    uint64_t i = 0;
    while (i < a->recorded && i < b->recorded && a->trace[i] == b->trace[i])
        i++;
    return i;
}

// The branch target of an instruction that jumps if a condition holds, or 0.
static uint32_t target(const struct machine *m, uint32_t pc)
{
    uint16_t a = half(m, pc), b = half(m, pc + 2);
    if ((a & 0xf000) == 0xd000 && (a >> 8 & 0xf) < 14)
        return pc + 4 + (uint32_t)((int32_t)(int8_t)a * 2);
    if ((a & 0xf500) == 0xb100)
        return pc + 4 + ((a >> 3 & 0x1f) | (a >> 4 & 0x20)) * 2;
    if ((a & 0xf800) == 0xf000 && (b & 0xd000) == 0x8000 && (a >> 6 & 0xf) < 14) {
        uint32_t s = a >> 10 & 1, j1 = b >> 13 & 1, j2 = b >> 11 & 1;
        uint32_t offset = s << 20 | j2 << 19 | j1 << 18 | (a & 0x3fu) << 12 | (b & 0x7ffu) << 1;
        return pc + 4 + (uint32_t)((int32_t)(offset << 11) >> 11);
    }
    return 0;
}

// Every fault before instruction number `end` at an address that `faultable` allows, a byte for each half-word of code:
// at the first and the last time that an address is reached, or each time. Returns how many there are, and fills `jobs`
// with as many as it has room for.
uint64_t machine_plan(struct machine *m, const uint8_t *faultable, uint64_t end, int each, struct job *jobs, uint64_t room)
{
    uint64_t *last = calloc(m->code_size / 2, sizeof *last), count = 0;
    uint8_t *seen = calloc(m->code_size / 2, 1);
    if (!last || !seen)
        return 0;
    for (uint64_t i = 0; i < end; i++)
        last[(m->trace[i] - m->code_start) / 2] = i;
    for (uint64_t i = 0; i < end; i++) {
        uint32_t pc = m->trace[i], place = (pc - m->code_start) / 2, block = m->blocks[i];
        if (!faultable[place] || !(each || !seen[place] || last[place] == i))
            continue;
        seen[place] = 1;
        uint32_t next = pc + size_of(half(m, pc));
        struct job skip = {i, pc, next, SKIPPED, next - pc};
        if (block) {
            while (m->blocks[skip.at])
                skip.at--;
            skip.kind = IN_BLOCK;
            for (skip.next = pc; block; block = after(block, 0))
                skip.next += size_of(half(m, skip.next));
        }
        if (count++ < room)
            jobs[count - 1] = skip;
        uint32_t jump = target(m, pc);
        if (skip.kind == SKIPPED && jump && i + 1 < m->recorded && m->trace[i + 1] == next) {
            struct job turn = {i, pc, jump, TURNED, next - pc};
            if (count++ < room)
                jobs[count - 1] = turn;
        }
    }
    free(last);
    free(seen);
    return count;
}

// Takes the snapshot to just before instruction number `at`.
static int go_to(struct machine *m, uint64_t at)
{
    if (at == m->at)
        return 0;
    restore(m);
    if (run(m, m->pc, at - m->at) != HUNG)
        return -1;
    m->at = at;
    m->pc = m->trace[at];
    save(m);
    return 0;
}

// Writes code, of which the emulator may have a translation.
static void patch(struct machine *m, uint32_t pc, const uint8_t *code, uint32_t size)
{
    uc_mem_write(m->engine, pc, code, size);
    uc_ctl_remove_cache(m->engine, pc, pc + size);
}

// Runs a job from the snapshot before it.
static int fault(struct machine *m, const struct job *job, uint64_t budget)
{
    static const uint8_t nop[] = {0x00, 0xbf}, wide_nop[] = {0xaf, 0xf3, 0x00, 0x80};
    if (job->kind != IN_BLOCK)
        return run(m, job->next, budget);
    patch(m, job->pc, job->size == 4 ? wide_nop : nop, job->size);
    m->pause = job->next;
    int how = run(m, m->pc, budget);
    m->pause = 0;
    patch(m, job->pc, m->code + (job->pc - m->code_start), job->size);
    return how == HUNG && m->left ? run(m, job->next, m->left) : how;
}

// Runs the jobs, in the order in which they come in the trace. `hows` and `words` say how each ended. Every `check`th run
// is made without its fault as well, and must end as the trace did.
int machine_campaign(struct machine *m, const struct job *jobs, uint64_t count, uint64_t budget, uint64_t check,
                     uint32_t expected, uint8_t *hows, uint32_t *words)
{
    for (uint64_t i = 0; i < count; i++) {
        if (go_to(m, jobs[i].at))
            return -1;
        if (i % check == 0) {
            restore(m);
            if (run(m, m->pc, m->total - m->at + 1) || answer(m) != expected || m->left != 1)
                return -2;
        }
        restore(m);
        hows[i] = (uint8_t)fault(m, &jobs[i], budget);
        words[i] = answer(m);
    }
    return 0;
}

void machine_free(struct machine *m)
{
    uc_close(m->engine);
    for (size_t i = 0; i < m->regions; i++) {
        free(m->ram[i].now);
        free(m->ram[i].then);
        free(m->first[i]);
    }
    free(m->trace);
    free(m->blocks);
    free(m);
}
