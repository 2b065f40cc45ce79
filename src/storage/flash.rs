// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that the state at rest is in.

use core::fmt;

/// Two slots for the state at rest, and a counter that goes up only.
pub trait Flash {
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
