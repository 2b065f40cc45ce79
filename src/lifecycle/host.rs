// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the firmware around a domain gives it: randomness, time, a device key, and a sink for events; with its
//! [`Flash`], all that a domain needs.

use core::fmt;

use rand_core::TryCryptoRng;

use super::event::Event;
use crate::ct::Mask;
use crate::secret::Secret;
use crate::storage::{Flash, Medium};

/// The HSM around a domain: its [`Flash`], and what a domain needs beside it. Every operation that
/// draws, writes or changes something takes one.
pub trait Host: Flash {
    /// The random number generator.
    type Rng: TryCryptoRng + ?Sized;

    /// The random number generator.
    fn rng(&mut self) -> &mut Self::Rng;

    /// The time in Unix seconds; 0 if the HSM has no clock that it trusts.
    fn now(&mut self) -> u64;

    /// A key that this device alone has, and that serves nothing else: it seals the record at rest.
    fn device_key(&self) -> &Secret<32>;

    /// Hears of every operation before it takes effect. What is refused does not happen, but for what
    /// protects: the end of a session, and zeroizing. Those happen, and are reported again later.
    ///
    /// ```
    /// use security_domain::lifecycle::{Event, SinkAnswer};
    ///
    /// fn report(log: &mut Vec<String>, event: &Event) -> SinkAnswer {
    ///     if log.len() == 1000 {
    ///         return SinkAnswer::REFUSED;
    ///     }
    ///     log.push(format!("{event:?}"));
    ///     SinkAnswer::AGREED
    /// }
    /// ```
    fn report(&mut self, event: &Event) -> SinkAnswer;
}

/// What seals the state at rest is the host's.
impl<H: Host + ?Sized> Medium for H {
    type Rng = H::Rng;

    fn rng(&mut self) -> &mut H::Rng {
        Host::rng(self)
    }

    fn device_key(&self) -> &Secret<32> {
        Host::device_key(self)
    }
}

/// What a sink answers to an event: that it took it and agrees, or not.
///
/// Two wide words, where a `Result` would be one bit that a single fault turns around. Words that are
/// neither answer are a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct SinkAnswer(u32, u32);

impl SinkAnswer {
    /// The event is noted, and what it tells of may happen.
    pub const AGREED: Self = Self(0x35c6_e29b, 0xd81a_4f63);
    /// What the event tells of must not happen, or the event could not be noted.
    pub const REFUSED: Self = Self(0xce5b_1974, 0x2b6d_b0a8);

    /// Whether the sink agrees.
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
