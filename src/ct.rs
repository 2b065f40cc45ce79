// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constant-time primitives: the only place where a bit pattern stands for a decision.
//!
//! Choices, equality and selection are those of the crate `subtle`. A [`Mask`] is a [`Choice`] that
//! only this module makes, and that only [`Mask::declassify`] makes public. `subtle` hides the
//! value of every choice behind a barrier before it is widened to a mask. Without it, a compiler
//! may see that there are only two cases and put the branch back: on `thumbv7em` a plain mask
//! multiplication in GF(2^8) becomes a predicated instruction.
//!
//! `a < b` is computed here because `subtle`'s version takes three times as many instructions.
//! Compilers recognise this formula too, and turn it into a comparison and a predicated move, so
//! there is a second barrier inside. `docs/constant-time.md` has the evidence for each target.

use core::hint::black_box;
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

#[cfg(feature = "sealed-domain")]
mod words;

#[cfg(feature = "sealed-domain")]
pub use words::declassify_words;

/// A decision whose value is hidden from the optimiser.
#[derive(Clone, Copy)]
pub struct Mask(Choice);

/// Prints no part of the value.
impl core::fmt::Debug for Mask {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Mask(..)")
    }
}

impl Mask {
    /// A decision that is public.
    #[inline(always)]
    pub fn public(decision: bool) -> Self {
        Self::from_bit(u32::from(decision))
    }

    /// True if `a <= b`. Both numbers are public.
    #[inline(always)]
    pub fn at_most(a: u64, b: u64) -> Self {
        Self::public(a <= b)
    }

    /// True if `bit` is 1, false if it is 0. No other value is allowed.
    ///
    /// Secret: `bit`. Leaks: nothing.
    #[inline(always)]
    pub fn from_bit(bit: u32) -> Self {
        Self(Choice::from(bit as u8))
    }

    /// True if `x` is 0.
    ///
    /// Secret: `x`. Leaks: nothing.
    #[inline(always)]
    pub fn is_zero(x: u32) -> Self {
        Self(x.ct_eq(&0))
    }

    /// True if `a == b`.
    ///
    /// Secret: `a`, `b`. Leaks: nothing.
    #[inline(always)]
    pub fn eq(a: u32, b: u32) -> Self {
        Self(a.ct_eq(&b))
    }

    /// True if `a < b`.
    ///
    /// Secret: `a`, `b`. Leaks: nothing. If the top bits of `a` and `b` differ, the smaller is the one
    /// without; if they are equal, `a - b` has its top bit set exactly if it is negative.
    #[inline(always)]
    pub fn lt(a: u32, b: u32) -> Self {
        let difference = black_box(a.wrapping_sub(b));
        Self::from_bit(((!a & b) | (!(a ^ b) & difference)) >> 31)
    }

    /// `a` if true, `b` if false.
    ///
    /// Secret: the mask, `a`, `b`. Leaks: nothing.
    #[inline(always)]
    pub fn select(self, a: u32, b: u32) -> u32 {
        u32::conditional_select(&b, &a, self.0)
    }

    /// `a` if true, `b` if false.
    ///
    /// Secret: the mask, `a`, `b`. Leaks: nothing.
    #[inline(always)]
    pub fn select_u8(self, a: u8, b: u8) -> u8 {
        u8::conditional_select(&b, &a, self.0)
    }

    /// Makes the decision public: from the calling line on, code may branch on it.
    #[inline(always)]
    pub fn declassify(self) -> bool {
        declassify(u32::from(self.0.unwrap_u8())) != 0
    }
}

impl From<Mask> for Choice {
    #[inline(always)]
    fn from(mask: Mask) -> Self {
        mask.0
    }
}

impl Not for Mask {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl BitAnd for Mask {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Mask {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAndAssign for Mask {
    #[inline(always)]
    fn bitand_assign(&mut self, other: Self) {
        self.0 &= other.0;
    }
}

impl BitOrAssign for Mask {
    #[inline(always)]
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// True if `a` and `b` have the same length and the same bytes.
///
/// Secret: the bytes. Public: the lengths. Leaks: nothing else.
pub fn eq_bytes(a: &[u8], b: &[u8]) -> Mask {
    Mask(a.ct_eq(b))
}

/// True if all of `bytes` are 0.
///
/// Secret: the bytes. Public: the length. Leaks: nothing else.
pub fn is_zeros(bytes: &[u8]) -> Mask {
    let any = bytes.iter().fold(0, |any, byte| black_box(any | byte));
    Mask::is_zero(u32::from(any))
}

/// Makes a number public: from the calling line on, code may branch on it and index with it.
#[inline(always)]
pub fn declassify(x: u32) -> u32 {
    publish(u64::from(x)) as u32
}

/// Makes bytes public: from the calling line on, code may branch on them and index with them.
#[inline(always)]
pub fn declassify_bytes(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = publish(u64::from(*byte)) as u8;
    }
}

/// Every declassification passes through here, so that the memory checker can be told.
#[cfg(not(security_domain_memcheck))]
#[inline(always)]
fn publish(x: u64) -> u64 {
    x
}

/// The same under the memory checker, which tracks secrets bit by bit. Each bit is branched on,
/// which is allowed in this function only, and rebuilt from a constant, which is public.
#[cfg(security_domain_memcheck)]
#[inline(never)]
fn publish(x: u64) -> u64 {
    use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
    let public = AtomicU64::new(0);
    for bit in 0..u64::BITS {
        if x >> bit & 1 == 1 {
            black_box(&public).fetch_or(1 << bit, SeqCst);
        }
    }
    public.load(SeqCst)
}

/// The top bit of each of a word's eight bytes.
pub const TOP_BITS: u64 = 0x8080_8080_8080_8080;

/// For each byte of `top`, which is 0x80 or 0, returns 0x7f or 0.
///
/// Secret: `top`. Leaks: nothing. In a byte 0x80 - 1 is 0x7f and 0 - 0 is 0; no byte borrows from
/// the next. Without a barrier, so that loops over words become vector instructions: eight decisions
/// in one word are not a branch that a compiler can put back. Where fewer than eight bytes are in use,
/// the caller hides that.
#[inline(always)]
pub const fn spread_top_bits(top: u64) -> u64 {
    top - (top >> 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: [u32; 8] = [0, 1, 2, 255, 256, 0x7fff_ffff, 0x8000_0000, u32::MAX];

    #[test]
    fn masks_agree_with_the_comparison_operators() {
        for a in EDGES {
            assert_eq!(Mask::is_zero(a).declassify(), a == 0);
            for b in EDGES {
                assert_eq!(Mask::eq(a, b).declassify(), a == b);
                assert_eq!(Mask::lt(a, b).declassify(), a < b);
                assert_eq!(Mask::lt(a, b).select(a, b), a.min(b));
                let (x, y) = (a as u8, b as u8);
                assert_eq!(Mask::lt(a, b).select_u8(x, y), if a < b { x } else { y });
            }
        }
    }

    #[test]
    fn mask_algebra_is_boolean_algebra() {
        for p in [0, 1] {
            for q in [0, 1] {
                let (m, n) = (Mask::from_bit(p), Mask::from_bit(q));
                assert_eq!((m & n).declassify(), p & q == 1);
                assert_eq!((m | n).declassify(), p | q == 1);
                assert_eq!((!m).declassify(), p == 0);
            }
        }
    }

    #[test]
    fn what_is_made_public_stays_what_it_was() {
        for x in EDGES {
            assert_eq!(declassify(x), x);
        }
    }

    #[test]
    fn one_bit_is_not_zeros() {
        assert!(is_zeros(&[]).declassify());
        assert!(is_zeros(&[0; 33]).declassify());
        for bit in 0..33 * 8 {
            let mut bytes = [0; 33];
            bytes[bit >> 3] = 1 << (bit & 7);
            assert!(!is_zeros(&bytes).declassify(), "bit {bit}");
        }
    }

    #[test]
    fn eq_bytes_sees_every_bit_and_the_length() {
        let a = [0x5au8; 33];
        assert!(eq_bytes(&a, &a).declassify());
        assert!(!eq_bytes(&a, &a[..32]).declassify());
        assert!(eq_bytes(&[], &[]).declassify());
        for bit in 0..33 * 8 {
            let mut b = a;
            b[bit >> 3] ^= 1 << (bit & 7);
            assert!(!eq_bytes(&a, &b).declassify(), "bit {bit}");
        }
    }
}
