// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leaks that the traces must show; if they do not, they prove nothing.

use security_domain::hazmat::kdf::sp800_108_hmac_sha512;

use crate::trace::Bytes;

/// The products of sixteen pairs in GF(2^8) by masks without a barrier. In the source there is no
/// branch; a compiler makes predicated instructions of the masks.
#[unsafe(no_mangle)]
extern "C" fn planted_mask_multiply(secret: &Bytes, out: &mut Bytes) {
    for (pair, out) in secret.as_chunks::<2>().0.iter().zip(out) {
        let [mut a, b] = *pair;
        let mut product = 0;
        for bit in 0..8 {
            product ^= a & ((b >> bit) & 1).wrapping_neg();
            a = (a << 1) ^ (0x1b & (a >> 7).wrapping_neg());
        }
        *out = product;
    }
}

/// A table looked up at a secret: each byte's place among the squares mod 251, as a table has it.
#[unsafe(no_mangle)]
extern "C" fn planted_table_index(secret: &Bytes, out: &mut Bytes) {
    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            table[i] = (i * i % 251) as u8;
            i += 1;
        }
        table
    };
    for (out, byte) in out.iter_mut().zip(secret) {
        *out = TABLE[usize::from(*byte)];
    }
}

/// A digest of a secret that is compared with `==`: the traces are the same, unless the digest happens to
/// begin as the other side does, and yet the comparison stops where they differ first.
#[unsafe(no_mangle)]
extern "C" fn planted_comparison(secret: &Bytes, out: &mut Bytes) {
    let mut digest = crate::trace::secret(&[0; 32]);
    let derived = sp800_108_hmac_sha512(secret, *b"label", b"context", &mut digest).is_ok();
    let equal = *digest.expose() == [7; 32];
    out.fill(if derived && !equal { 2 } else { 1 });
}
