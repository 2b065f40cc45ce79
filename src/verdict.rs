// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decisions that open or change something, taken twice.
//!
//! The threat is a single fault: a glitch that skips one instruction, or one flipped bit. A decision
//! held in a `bool` and tested once falls to it. A [`Verdict`] does not: the decision is evaluated
//! twice from its inputs, each time to a wide token of its own, and both tokens are tested, each by a
//! branch of its own.

use core::hint::black_box;

use crate::ct::{self, Mask};

/// What the two evaluations leave when they allow, and what each leaves when it refuses. Any two
/// differ in at least 12 bits, and each in at least 12 from all zeros and all ones.
const FIRST: u32 = 0x5c3a_96e1;
const SECOND: u32 = 0xa2d5_2b96;
const REFUSED: u32 = 0x996b_c51c;

/// A decision taken twice. It is good for one thing, [`or`](Self::or).
#[must_use]
pub struct Verdict {
    first: u32,
    second: u32,
}

impl Verdict {
    /// Takes the decision twice.
    ///
    /// Secret: what `decide` reads. Leaks: the decision. `decide` is reached through a barrier both
    /// times, so that the second evaluation reads its inputs again instead of repeating the first one's
    /// result.
    #[inline(always)]
    pub fn twice(mut decide: impl FnMut() -> Mask) -> Self {
        let first = black_box(&mut decide)().select(FIRST, REFUSED);
        let second = black_box(&mut decide)().select(SECOND, REFUSED);
        Self {
            first: ct::declassify(first),
            second: ct::declassify(second),
        }
    }

    /// `Ok` if both evaluations allowed, `refusal` otherwise.
    ///
    /// Inlined, so that both tests stand in the caller and not behind one bit of a returned result.
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
}
