// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a sink answers.

use core::fmt;

use crate::ct::Mask;

/// The answer of a sink to an event: accepted or refused.
///
/// It is two wide words, because a `Result` would be a single bit, which one fault can flip. Words
/// that are neither answer count as a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct SinkAnswer(u32, u32);

impl SinkAnswer {
    /// The event is recorded, and may take effect.
    pub const AGREED: Self = Self(0x35c6_e29b, 0xd81a_4f63);
    /// The event must not take effect, or could not be recorded.
    pub const REFUSED: Self = Self(0xce5b_1974, 0x2b6d_b0a8);

    /// No answer yet, which counts as a refusal: zeros, as is a vault that was never started.
    pub(super) const NONE: Self = Self(0, 0);

    /// Returns whether the sink agrees.
    pub(super) fn is_agreed(&self) -> Mask {
        Mask::eq(self.0, Self::AGREED.0) & Mask::eq(self.1, Self::AGREED.1)
    }
}

impl fmt::Debug for SinkAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::AGREED => "AGREED",
            _ => "REFUSED",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flipped_bit_and_no_lost_word_makes_an_agreement() {
        let (agreed, refused) = (SinkAnswer::AGREED, SinkAnswer::REFUSED);
        assert!(agreed.is_agreed().declassify() && !refused.is_agreed().declassify());
        let words = [agreed.0, agreed.1, refused.0, refused.1, 0, u32::MAX];
        for (i, a) in words.iter().enumerate() {
            for b in &words[i + 1..] {
                assert!((a ^ b).count_ones() >= 12, "{a:08x} {b:08x}");
            }
        }
        for word in [0, u32::MAX, refused.0, refused.1] {
            assert!(!SinkAnswer(word, agreed.1).is_agreed().declassify());
            assert!(!SinkAnswer(agreed.0, word).is_agreed().declassify());
        }
    }
}
