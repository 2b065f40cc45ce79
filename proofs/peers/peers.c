// SPDX-License-Identifier: MIT OR Apache-2.0
// The RSA private operations that proofs/peers.py counts beside this crate's: BearSSL's, which neither blinds nor checks, and
// mbed TLS's, which does both. An answer of 1 says that the result is right.

#include <bearssl.h>
#include <mbedtls/rsa.h>
#include <stdint.h>
#include <string.h>

// `struct key { size_t bits; const unsigned char *n, *e, *d, *p, *q, *dp, *dq, *qinv; size_t lengths[8]; const unsigned char
// *x, *y; }`: the numbers of the key, a ciphertext and what it decrypts to.
#include "keys.h"

// The heap of the image.
static unsigned char heap[64 * 1024], *brk = heap;

void *_sbrk(intptr_t more)
{
    unsigned char *old = brk;
    if (more > heap + sizeof heap - brk)
        return (void *)-1;
    brk += more;
    return old;
}

// Xorshift, as in firmware/src/rng.rs.
static int draw(void *state, unsigned char *out, size_t length)
{
    uint32_t *word = state;
    while (length--) {
        *word ^= *word << 13, *word ^= *word >> 17, *word ^= *word << 5;
        *out++ = (unsigned char)*word;
    }
    return 0;
}

static unsigned bearssl(const struct key *key, br_rsa_private private)
{
    // Its numbers are not const; it does not write to them.
    br_rsa_private_key secret = {
        key->bits, (unsigned char *)key->p, key->lengths[P], (unsigned char *)key->q, key->lengths[Q],
        (unsigned char *)key->dp, key->lengths[DP], (unsigned char *)key->dq, key->lengths[DQ],
        (unsigned char *)key->qinv, key->lengths[QINV],
    };
    unsigned char x[512];
    memcpy(x, key->x, key->bits / 8);
    return private(x, &secret) && memcmp(x, key->y, key->bits / 8) == 0;
}

unsigned peers_bearssl_i31(unsigned size)
{
    return bearssl(&KEYS[size], br_rsa_i31_private);
}

unsigned peers_bearssl_i15(unsigned size)
{
    return bearssl(&KEYS[size], br_rsa_i15_private);
}

static mbedtls_rsa_context context;
static uint32_t state = 1;

// Imports the key, and does the first operation, which makes the blinding that later ones square.
unsigned prepare_mbedtls(unsigned size)
{
    const struct key *key = &KEYS[size];
    const size_t *length = key->lengths;
    unsigned char y[512];
    mbedtls_rsa_free(&context);
    mbedtls_rsa_init(&context);
    return mbedtls_rsa_import_raw(&context, key->n, length[N], key->p, length[P], key->q, length[Q], key->d, length[D],
                                  key->e, length[E]) == 0 &&
           mbedtls_rsa_complete(&context) == 0 && mbedtls_rsa_private(&context, draw, &state, key->x, y) == 0;
}

unsigned peers_mbedtls(unsigned size)
{
    const struct key *key = &KEYS[size];
    unsigned char y[512];
    return mbedtls_rsa_private(&context, draw, &state, key->x, y) == 0 && memcmp(y, key->y, key->bits / 8) == 0;
}
