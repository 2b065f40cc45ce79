// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel for aarch64 with NEON: `TBL` looks up the product of each half of a byte in tables
//! that are held in registers (Arm ARM, C7.2). Row bytes go from memory to vector registers and
//! back; none reaches a general register or the flags.

use core::arch::aarch64::*;

use super::nibbles::nibbles;
use super::term::{Store, Term, check_lengths};
use super::{Public, portable};
use crate::hardened::Fault;

/// The NEON kernel. The target has NEON, so nothing is detected at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel;

impl Kernel {
    pub fn detect() -> Option<Self> {
        Some(Self)
    }

    pub fn available() -> impl Iterator<Item = Self> {
        core::iter::once(Self)
    }

    pub fn name(self) -> &'static str {
        "neon"
    }

    /// Sets `out` to the sum of `terms`, or adds the sum to it, as far as the shortest row reaches.
    ///
    /// Secret: `out`, the rows. Public: the factors, the lengths, `store`. Leaks: nothing else.
    pub fn run(self, out: &mut [u8], terms: &[Term<'_>], store: Store) -> Result<(), Fault> {
        check_lengths(out, terms)?;
        let mut at = 0;
        // SAFETY: the target has NEON, each call stays below `out.len()`, and rows are as long.
        unsafe {
            while out.len() - at >= 16 * UNROLL {
                vectors::<UNROLL>(out.as_mut_ptr(), at, terms, store);
                at += 16 * UNROLL;
            }
            while out.len() - at >= 16 {
                vectors::<1>(out.as_mut_ptr(), at, terms, store);
                at += 16;
            }
        }
        portable::run(out, terms, store, at)
    }
}

/// Vectors processed at once.
const UNROLL: usize = 4;

/// # Safety
///
/// `out` and every row have `16 * V` bytes from `at` on.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn vectors<const V: usize>(out: *mut u8, at: usize, terms: &[Term<'_>], store: Store) {
    let mut sums = [vdupq_n_u8(0); V];
    // SAFETY: this function's contract.
    unsafe {
        let out = out.add(at);
        if store == Store::Add {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = vld1q_u8(out.add(16 * i));
            }
        }
        for term in terms {
            let factor = Nibbles::new(term.by);
            let row = term.row.as_ptr().add(at);
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = factor.mul_add(*sum, vld1q_u8(row.add(16 * i)));
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            vst1q_u8(out.add(16 * i), sum);
        }
    }
}

/// A factor's tables of products with the low and the high half of a byte.
struct Nibbles {
    low: uint8x16_t,
    high: uint8x16_t,
}

impl Nibbles {
    #[target_feature(enable = "neon")]
    #[inline]
    fn new(factor: Public) -> Self {
        let [low, high] = nibbles(factor);
        // SAFETY: 16 readable bytes each.
        unsafe {
            Self {
                low: vld1q_u8(low.as_ptr()),
                high: vld1q_u8(high.as_ptr()),
            }
        }
    }

    /// `sum + factor * row`.
    #[target_feature(enable = "neon")]
    #[inline]
    fn mul_add(&self, sum: uint8x16_t, row: uint8x16_t) -> uint8x16_t {
        let low = vqtbl1q_u8(self.low, vandq_u8(row, vdupq_n_u8(0x0f)));
        let high = vqtbl1q_u8(self.high, vshrq_n_u8::<4>(row));
        veorq_u8(sum, veorq_u8(low, high))
    }
}
