// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that holds the state at rest.

use core::fmt;

/// Two slots for the state at rest, and a counter that only goes up.
pub trait Flash {
    /// Reads what was last written to `slot` into the front of `out`, and returns its length: 0 if
    /// the slot is blank.
    ///
    /// # Errors
    ///
    /// [`FlashError`] if the flash cannot be read, or if the contents do not fit `out`.
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError>;

    /// Replaces the contents of `slot` with `record`. The record must be on the flash when this
    /// returns. If the power fails before, the slot may hold anything.
    ///
    /// # Errors
    ///
    /// [`FlashError`] if the flash cannot be written.
    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError>;

    /// Erases `slot`: when this returns it is blank, and its former contents cannot be read any
    /// more.
    ///
    /// The end of a session or a domain calls this first, when the generator and the counter may
    /// have failed. So it must need neither, and must take effect whatever the slot holds.
    ///
    /// # Errors
    ///
    /// [`FlashError`] if the slot may still hold something.
    fn erase(&mut self, slot: Slot) -> Result<(), FlashError>;

    /// Returns the counter's value: 0 at first, and never lower than before.
    ///
    /// # Errors
    ///
    /// [`FlashError`] if the counter cannot be read.
    fn counter(&mut self) -> Result<u64, FlashError>;

    /// Sets the counter to `to`, which is above its value. The new value must be durable before
    /// this returns.
    ///
    /// # Errors
    ///
    /// [`FlashError`] if the counter may not have advanced.
    fn advance(&mut self, to: u64) -> Result<(), FlashError>;

    /// Returns whether the counter is safe from anyone who can write the flash. Without such a
    /// counter an old image of the flash looks like the newest, and the status says so.
    fn counter_is_hardware(&self) -> bool;
}

/// One of the two places for the state at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_enums,
    reason = "there are two slots, and the host tells them apart"
)]
pub enum Slot {
    /// The first slot.
    // Not 0, so that a vault that was never started is zeros.
    A = 1,
    /// The second slot.
    B = 2,
}

impl Slot {
    /// Returns 0 or 1, the slot's place in an array of both.
    pub const fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }

    /// Returns the other slot.
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "the host makes it")]
pub struct FlashError;

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the flash or its counter failed")
    }
}

impl core::error::Error for FlashError {}
