// SPDX-License-Identifier: MIT OR Apache-2.0
// Lets a program that uses GFNI run on a CPU that has AVX2 (or AVX-512) but not GFNI: preloaded, it
// catches the illegal instruction, does what Intel's manual says (SDM volume 2, GF2P8MULB and
// GF2P8AFFINEQB), and goes on after it. What it does not know ends the program.
//
// On the way out it prints how many multiplications it did, so that a run that met none shows.

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static unsigned long multiplied;
static unsigned ymm_high, zmm_high, zmm_16_to_31;

static uint8_t product(uint8_t a, uint8_t b) {
    unsigned wide = 0;
    for (int i = 0; i < 8; i++)
        if (b >> i & 1) wide ^= (unsigned)a << i;
    for (int i = 14; i >= 8; i--)
        if (wide >> i & 1) wide ^= 0x11bu << (i - 8);
    return (uint8_t)wide;
}

static uint8_t affine(uint64_t matrix, uint8_t x, uint8_t constant) {
    uint8_t y = 0;
    for (int i = 0; i < 8; i++) {
        uint8_t row = (uint8_t)(matrix >> (8 * (7 - i)));
        y |= (uint8_t)((__builtin_parity(row & x) ^ (constant >> i & 1)) << i);
    }
    return y;
}

// The parts of vector register `n` in the frame that the kernel saved.
static void parts(uint8_t *area, unsigned n, uint8_t *part[4]) {
    if (n < 16) {
        part[0] = area + 160 + 16 * n;
        part[1] = area + ymm_high + 16 * n;
        part[2] = area + zmm_high + 32 * n;
    } else {
        part[0] = area + zmm_16_to_31 + 64 * (n - 16);
        part[1] = part[0] + 16;
        part[2] = part[0] + 32;
    }
    part[3] = part[2] + 16;
}

static void fail(const uint8_t *at) {
    char text[96];
    int len = snprintf(text, sizeof text, "not emulated: %02x %02x %02x %02x %02x %02x %02x\n", at[0],
                       at[1], at[2], at[3], at[4], at[5], at[6]);
    (void)!write(2, text, (size_t)len);
    _exit(70);
}

static uint64_t general(const greg_t *regs, unsigned n) {
    static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return (uint64_t)regs[order[n & 15]];
}

static void on_illegal(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    ucontext_t *frame = context;
    greg_t *regs = frame->uc_mcontext.gregs;
    const uint8_t *start = (const uint8_t *)regs[REG_RIP], *at = start;
    uint8_t *area = (uint8_t *)frame->uc_mcontext.fpregs;

    unsigned r = 0, x = 0, b = 0, high_r = 0, source = 0, width = 16, map, evex = 0, two = 0;
    if (at[0] == 0xc4) { // VEX, three bytes
        r = !(at[1] >> 7), x = !(at[1] >> 6 & 1), b = !(at[1] >> 5 & 1), map = at[1] & 31;
        source = ~(at[2] >> 3) & 15, width = at[2] & 4 ? 32 : 16;
        if ((at[2] & 3) != 1) fail(start);
        at += 3;
    } else if (at[0] == 0x62) { // EVEX
        r = !(at[1] >> 7), x = !(at[1] >> 6 & 1), b = !(at[1] >> 5 & 1), high_r = !(at[1] >> 4 & 1);
        map = at[1] & 7;
        source = (~(at[2] >> 3) & 15) | (unsigned)!(at[3] >> 3 & 1) << 4;
        width = 16u << (at[3] >> 5 & 3);
        // No masking and no broadcast.
        if ((at[2] & 3) != 1 || (at[3] & 7) || (at[3] & 0x90)) fail(start);
        evex = 1, at += 4;
    } else if (at[0] == 0x66) { // SSE: the destination is the first source
        at++, two = 1;
        if ((at[0] & 0xf0) == 0x40) r = at[0] >> 2 & 1, x = at[0] >> 1 & 1, b = at[0] & 1, at++;
        if (at[0] != 0x0f || (at[1] != 0x38 && at[1] != 0x3a)) fail(start);
        map = at[1] == 0x38 ? 2 : 3, at += 2;
    } else
        fail(start);
    uint8_t opcode = *at++;
    int is_product = map == 2 && opcode == 0xcf, is_affine = map == 3 && opcode == 0xce;
    if (!is_product && !is_affine) fail(start);

    uint8_t modrm = *at++;
    unsigned mod = modrm >> 6, rm = modrm & 7, to = (modrm >> 3 & 7) | r << 3 | high_r << 4;
    if (two) source = to;
    uint8_t second[64];
    if (mod == 3) {
        uint8_t *part[4];
        parts(area, rm | b << 3 | (evex ? x << 4 : 0), part);
        for (unsigned i = 0; i < width; i++) second[i] = part[i / 16][i % 16];
    } else {
        uint64_t address = 0;
        int relative = 0;
        if (rm == 4) {
            uint8_t sib = *at++;
            unsigned index = (sib >> 3 & 7) | x << 3, base = (sib & 7) | b << 3;
            if (index != 4) address += general(regs, index) << (sib >> 6);
            if ((base & 7) == 5 && mod == 0) {
                int32_t offset;
                memcpy(&offset, at, 4), at += 4, address += (uint64_t)(int64_t)offset;
            } else
                address += general(regs, base);
        } else if (rm == 5 && mod == 0)
            relative = 1, mod = 2;
        else
            address = general(regs, rm | b << 3);
        if (mod == 1)
            address += (uint64_t)((int64_t)(int8_t)*at++ * (evex ? (int)width : 1));
        else if (mod == 2) {
            int32_t offset;
            memcpy(&offset, at, 4), at += 4, address += (uint64_t)(int64_t)offset;
        }
        if (relative) address += (uint64_t)(at + is_affine);
        memcpy(second, (const void *)address, width);
    }
    uint8_t constant = is_affine ? *at++ : 0;

    uint8_t *from[4], *into[4], result[64] = {0};
    parts(area, source, from), parts(area, to, into);
    for (unsigned i = 0; i < width; i++) {
        uint8_t first = from[i / 16][i % 16];
        uint64_t matrix;
        memcpy(&matrix, second + (i & ~7u), 8);
        result[i] = is_product ? product(first, second[i]) : affine(matrix, first, constant);
    }
    // VEX and EVEX clear what lies above; SSE leaves it.
    unsigned end = two ? 16 : zmm_high ? 64 : 32;
    for (unsigned i = 0; i < end; i++) into[i / 16][i % 16] = result[i];
    // The frame says which parts are in use: these are now.
    uint64_t *in_use = (uint64_t *)(area + 512);
    *in_use |= two ? 2 : zmm_high ? 0xe6 : 6;
    multiplied += (unsigned)is_product;
    regs[REG_RIP] = (greg_t)at;
}

__attribute__((destructor)) static void report(void) {
    fprintf(stderr, "gfni: %lu multiplications emulated\n", multiplied);
}

__attribute__((constructor)) static void install(void) {
    unsigned size, offset, c, d;
    __cpuid_count(13, 2, size, offset, c, d);
    ymm_high = offset;
    __cpuid_count(13, 6, size, offset, c, d);
    zmm_high = size ? offset : 0;
    __cpuid_count(13, 7, size, offset, c, d);
    zmm_16_to_31 = size ? offset : 0;
    struct sigaction action = {.sa_sigaction = on_illegal, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
}
