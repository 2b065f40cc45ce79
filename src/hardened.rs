// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code that withstands a single fault: decisions made twice, copies that cannot be cut short, and
//! the error for an impossible case.
//!
//! The threat is a glitch that skips one instruction, or flips one bit. It defeats a decision that
//! is held in a `bool` and tested once. It does not defeat a [`Verdict`]: the decision is evaluated
//! twice from its inputs, each time to a wide token, and each token is tested by a separate branch.
//!
//! A `Result` that crosses a function boundary is one bit again: one skipped branch in the caller
//! turns a refusal into a success. So a function that decides for its caller returns a [`Permit`]
//! in its `Ok`, which carries both tokens. The code that acts on the decision consumes it and tests
//! the tokens again ([`Permit::spend`]). A refusal that is taken for a success has no valid tokens.

use core::hint::black_box;

use crate::ct::{self, Mask};

/// The tokens of the two evaluations, when they allow and when they refuse. Any two differ in at
/// least 12 bits, and each differs in at least 12 bits from all zeros and from all ones.
const FIRST: u32 = 0x5c3a_96e1;
const SECOND: u32 = 0xa2d5_2b96;
const REFUSED: u32 = 0x996b_c51c;

/// A decision made twice.
///
/// If the act follows in the same function, test the decision with [`or`](Self::or). If the caller
/// acts, give it a [`permit`](Self::permit), which it can test again.
#[must_use]
pub struct Verdict {
    first: u32,
    second: u32,
}

impl Verdict {
    /// Makes the decision twice.
    ///
    /// `decide` must read its inputs in place, not from one local copy, so that a fault in one
    /// reading leaves the other. Both calls go through a barrier, so that the second evaluation
    /// does not reuse the first one's result.
    ///
    /// Secret: what `decide` reads. Leaks: the decision.
    #[inline(always)]
    pub fn twice(mut decide: impl FnMut() -> Mask) -> Self {
        let first = black_box(&mut decide)().select(FIRST, REFUSED);
        let second = black_box(&mut decide)().select(SECOND, REFUSED);
        Self {
            first: ct::declassify(first),
            second: ct::declassify(second),
        }
    }

    /// Returns `Ok` if both evaluations allowed, otherwise `refusal`.
    ///
    /// Inlined, so that both tests are in the caller, and not behind one bit of a returned result.
    #[inline(always)]
    pub fn or<E>(self, refusal: E) -> Result<(), E> {
        if black_box(self.first) != FIRST {
            return Err(refusal);
        }
        if black_box(self.second) != SECOND {
            return Err(refusal);
        }
        Ok(())
    }

    /// Returns a permit for the act if both evaluations allowed, otherwise `refusal`.
    #[inline(always)]
    pub fn permit<E>(self, refusal: E) -> Result<Permit, E> {
        if black_box(self.first) != FIRST {
            return Err(refusal);
        }
        if black_box(self.second) != SECOND {
            return Err(refusal);
        }
        Ok(Permit {
            first: self.first,
            second: self.second,
        })
    }
}

/// The result of a positive [`Verdict`], to be tested again where the act takes effect.
///
/// It can be spent only once: it is neither `Clone` nor `Copy`.
#[must_use]
pub struct Permit {
    first: u32,
    second: u32,
}

impl Permit {
    /// An invalid permit, for use until the decision is made.
    pub const REFUSED: Self = Self {
        first: REFUSED,
        second: REFUSED,
    };

    /// Tests both tokens again, by one branch each, right before the act.
    #[inline(always)]
    pub fn spend<E>(self, refusal: E) -> Result<(), E> {
        self.test(refusal)
    }

    /// Tests both tokens and keeps the permit, for an act that another one under the same permit
    /// follows.
    #[inline(always)]
    pub fn test<E>(&self, refusal: E) -> Result<(), E> {
        Verdict {
            first: self.first,
            second: self.second,
        }
        .or(refusal)
    }

    /// Combines two permits into one that is valid only if both are.
    #[inline(always)]
    pub fn and(self, other: Self) -> Self {
        let both = |valid, a: u32, b: u32| valid ^ ((a ^ valid) | (b ^ valid));
        Self {
            first: both(FIRST, self.first, black_box(other.first)),
            second: both(SECOND, self.second, black_box(other.second)),
        }
    }
}

/// Prints no tokens.
impl core::fmt::Debug for Permit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Permit(..)")
    }
}

/// An internal check failed: a hardware fault or a bug in this crate.
///
/// Functions return it instead of continuing with a default value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(
    feature = "sealed-domain",
    expect(clippy::exhaustive_structs, reason = "it carries no data")
)]
pub struct Fault;

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("an internal check failed: a hardware fault or a bug")
    }
}

impl core::error::Error for Fault {}

/// Copies `from` to `to`, and refuses different lengths.
///
/// Secret: what is copied. Public: the lengths. Leaks: nothing else.
#[inline(always)]
pub fn copy<T: Copy>(to: &mut [T], from: &[T]) -> Result<(), Fault> {
    if to.len() != from.len() {
        return Err(Fault);
    }
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    Ok(())
}

/// Moves `len` bytes from place `from` to place `to`, and refuses places that are not there.
///
/// `copy_within` would panic instead, which the compiler cannot rule out.
///
/// Secret: the bytes. Public: the places, the length. Leaks: nothing else.
#[cfg(feature = "sealed-domain")]
pub fn shift(bytes: &mut [u8], from: usize, to: usize, len: usize) -> Result<(), Fault> {
    for step in 0..len {
        // Nothing is overwritten before it has been moved.
        let place = match from < to {
            true => len.saturating_sub(1).saturating_sub(step),
            false => step,
        };
        let byte = *bytes.get(from.saturating_add(place)).ok_or(Fault)?;
        *bytes.get_mut(to.saturating_add(place)).ok_or(Fault)? = byte;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_far_apart() {
        let tokens = [FIRST, SECOND, REFUSED, 0, u32::MAX];
        for (i, a) in tokens.iter().enumerate() {
            for b in &tokens[i + 1..] {
                assert!((a ^ b).count_ones() >= 12, "{a:08x} {b:08x}");
            }
        }
    }

    #[test]
    fn both_evaluations_must_allow() {
        for pattern in 0..4u32 {
            let mut taken = 0;
            let verdict = Verdict::twice(|| {
                taken += 1;
                Mask::from_bit(pattern >> (taken - 1) & 1)
            });
            assert_eq!(verdict.or(()), if pattern == 3 { Ok(()) } else { Err(()) });
            assert_eq!(taken, 2);
        }
    }

    #[test]
    fn no_single_flipped_bit_turns_a_refusal_around() {
        for bit in 0..64 {
            let refused = u64::from(REFUSED) << 32 | u64::from(REFUSED);
            let flipped = refused ^ 1 << bit;
            let verdict = Verdict {
                first: flipped as u32,
                second: (flipped >> 32) as u32,
            };
            assert_eq!(verdict.or("refused"), Err("refused"), "bit {bit}");
        }
    }

    #[test]
    fn a_permit_is_tested_again_where_it_is_spent() {
        let permit = || {
            Verdict::twice(|| Mask::public(true))
                .permit("refused")
                .unwrap()
        };
        assert_eq!(permit().test("tested"), Ok(()));
        assert_eq!(permit().spend("spent"), Ok(()));
        assert_eq!(permit().and(permit()).spend("spent"), Ok(()));
        assert_eq!(Permit::REFUSED.spend("refused"), Err("refused"));
        let refused = Verdict::twice(|| Mask::public(false)).permit("refused");
        assert_eq!(refused.err(), Some("refused"));
        for wrong in [0, u32::MAX, REFUSED, SECOND] {
            for place in 0..2 {
                let spoilt = || {
                    let mut permit = permit();
                    *[&mut permit.first, &mut permit.second][place] = wrong ^ place as u32;
                    permit
                };
                assert_eq!(spoilt().test("tested"), Err("tested"));
                assert_eq!(spoilt().spend("spent"), Err("spent"));
                assert_eq!(spoilt().and(permit()).spend("spent"), Err("spent"));
                assert_eq!(permit().and(spoilt()).spend("spent"), Err("spent"));
                assert_eq!(spoilt().and(spoilt()).spend("spent"), Err("spent"));
            }
        }
    }

    #[cfg(feature = "sealed-domain")]
    #[test]
    fn what_is_shifted_is_as_it_was() {
        for (from, to, len) in [(0, 2, 3), (2, 0, 3), (1, 1, 4), (0, 4, 1), (5, 0, 0)] {
            let (mut bytes, mut want) = ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]);
            want.copy_within(from..from + len, to);
            assert_eq!(shift(&mut bytes, from, to, len), Ok(()));
            assert_eq!(bytes, want);
        }
        for (from, to, len) in [(0, 3, 3), (3, 0, 3), (0, 6, 1), (usize::MAX, 0, 1)] {
            assert_eq!(shift(&mut [1, 2, 3, 4, 5], from, to, len), Err(Fault));
        }
    }

    #[test]
    fn a_copy_is_whole_or_refused() {
        let mut to = [0; 3];
        assert_eq!(copy(&mut to, &[1, 2, 3]), Ok(()));
        assert_eq!(to, [1, 2, 3]);
        for from in [&[9; 2][..], &[9; 4], &[]] {
            assert_eq!(copy(&mut to, from), Err(Fault));
            assert_eq!(to, [1, 2, 3]);
        }
    }
}
