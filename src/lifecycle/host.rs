// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the firmware around a domain gives it: randomness, time, flash, a counter, and a sink for events.

use core::fmt;

use rand_core::TryCryptoRng;

use super::event::Event;
use crate::secret::Secret;

/// The HSM around a domain. Every operation that draws, writes or changes something takes one.
pub trait Host {
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
    fn report(&mut self, event: &Event) -> Result<(), SinkRefused>;

    /// Reads what was written to `slot` last into the front of `out`, and gives its length: 0 if the
    /// slot is blank. An error if it does not fit.
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError>;

    /// Writes `record` in place of what `slot` held. It is on the flash when this returns; if the power
    /// fails before, the slot may hold anything.
    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError>;

    /// Erases `slot`: it is blank when this returns, and nothing of what it held can be read any more.
    ///
    /// What ends a session or a domain calls this first, when the generator and the counter may have
    /// failed. So it needs neither of them, and takes effect whatever the slot holds.
    fn erase(&mut self, slot: Slot) -> Result<(), FlashError>;

    /// The counter's value: 0 at first, never lower than it was.
    fn counter(&mut self) -> Result<u64, FlashError>;

    /// Sets the counter to `to`, which is above its value. It is so for good when this returns.
    fn advance(&mut self, to: u64) -> Result<(), FlashError>;

    /// Whether nobody who can write the flash can set the counter back. Without that an old image of
    /// the flash cannot be told from the newest, and the status says so.
    fn counter_is_hardware(&self) -> bool;
}

/// One of the two places for the state at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there are two slots, and the host tells them apart"
)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// The flash or the counter failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the host makes it")]
pub struct FlashError;

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the flash or its counter failed")
    }
}

impl core::error::Error for FlashError {}

/// The sink did not take an event, so that what it told of does not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the host makes it")]
pub struct SinkRefused;

impl fmt::Display for SinkRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sink for events refused")
    }
}

impl core::error::Error for SinkRefused {}
