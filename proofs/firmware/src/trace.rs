// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of 32 secret bytes with 32 bytes for the result; `proofs/trace.py` has each one's answer.

use security_domain::hazmat::ct::{Mask, eq_bytes};
use security_domain::hazmat::gf256::{Backend, Element, Public, Store, Term};
use security_domain::hazmat::gf257;
use security_domain::secret::Secret;

/// Secret bytes in, and out.
pub type Bytes = [u8; 32];

/// The smaller of two bytes, and whether they are equal, for sixteen pairs.
#[unsafe(no_mangle)]
extern "C" fn trace_ct_select(secret: &Bytes, out: &mut Bytes) {
    for (pair, out) in secret
        .as_chunks::<2>()
        .0
        .iter()
        .zip(out.as_chunks_mut::<2>().0)
    {
        let [a, b] = pair.map(u32::from);
        let smaller = Mask::lt(a, b).select(a, b);
        *out = [smaller as u8, Mask::eq(a, b).select_u8(1, 0)];
    }
}

/// Whether the halves are equal, written as a byte.
#[unsafe(no_mangle)]
extern "C" fn trace_ct_eq_bytes(secret: &Bytes, out: &mut Bytes) {
    let (a, b) = secret.split_at(16);
    let equal = eq_bytes(a, b).select_u8(1, 0);
    out.fill(equal);
}

/// Eight polynomials mod 257 of four secret coefficients at 7, in two bytes each.
#[unsafe(no_mangle)]
extern "C" fn trace_gf257_evaluate(secret: &Bytes, out: &mut Bytes) {
    let x = gf257::Element::from_byte(7);
    for (bytes, out) in secret
        .as_chunks::<4>()
        .0
        .iter()
        .zip(out.as_chunks_mut::<2>().0)
    {
        let coefficients = bytes.map(gf257::Element::from_byte);
        *out = gf257::evaluate(&coefficients, x).value().to_le_bytes();
    }
}

/// Sixteen words read as integers mod 257, 0 for one that is not reduced.
#[unsafe(no_mangle)]
extern "C" fn trace_gf257_read(secret: &Bytes, out: &mut Bytes) {
    for (bytes, out) in secret
        .as_chunks::<2>()
        .0
        .iter()
        .zip(out.as_chunks_mut::<2>().0)
    {
        let [low, high] = *bytes;
        let (element, _) = gf257::Element::from_reduced(u16::from_le_bytes([low, high & 1]));
        *out = element.value().to_le_bytes();
    }
}

/// `0x57 * secret[..29] + 0x83 * secret[3..]`, by the portable kernel: blocks and a tail.
#[unsafe(no_mangle)]
extern "C" fn trace_gf256_sum(secret: &Bytes, out: &mut Bytes) {
    let terms = [
        Term {
            by: Public::new(0x57),
            row: &secret[..29],
        },
        Term {
            by: Public::new(0x83),
            row: &secret[3..],
        },
    ];
    let _ = Backend::PORTABLE.run(&mut out[..29], &terms, Store::Replace);
}

/// The products of sixteen pairs of secret elements.
#[unsafe(no_mangle)]
extern "C" fn trace_gf256_products(secret: &Bytes, out: &mut Bytes) {
    for (pair, out) in secret.as_chunks::<2>().0.iter().zip(out) {
        let [a, b] = pair.map(Element::new);
        *out = a.times(&b).expose();
    }
}

/// A secret of these bytes.
pub fn secret(bytes: &Bytes) -> Secret<32> {
    Secret::from_bytes(&mut { *bytes })
}

/// A function of the image. One that fails leaves `out` empty, which is no right answer.
macro_rules! trace {
    ($name:ident, |$secret:ident, $out:ident| $body:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($secret: &$crate::trace::Bytes, $out: &mut $crate::trace::Bytes) {
            let mut run = || -> Option<()> { $body };
            if run().is_none() {
                // No answer, not even for a secret of zeros.
                $out.fill(0xa5);
            }
        }
    };
}

pub(crate) use trace;

/// Makes bytes public, as a file is that leaves the HSM: `proofs/trace.py` lets code compare them.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn publish(start: *const u8, len: usize) {
    core::hint::black_box((start, len));
}

/// Makes a file public.
pub fn published(file: &[u8]) {
    publish(file.as_ptr(), file.len());
}
