// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest on NOR flash: from a driver of `embedded_storage::nor_flash::NorFlash` to a
//! [`Flash`].
//!
//! [`NorSlots`] has the two slots, for a board whose counter is hardware. [`NorStorage`] has a
//! counter besides, in two pages of the same flash, for a board without one.
//!
//! A partition begins with slot A, then slot B, then the pages of the counter. Each begins at an
//! erase boundary. A slot is a head (length, and its complement) and the record; the head is written
//! last, so a write that was cut off leaves no head. A new partition must be erased before its first
//! use.
//!
//! A slot is erased once for each state that is saved. The lifecycle saves one state a step, two in
//! an import.

mod counter;
mod layout;
mod slots;
mod words;

use core::fmt;

use embedded_storage::nor_flash::NorFlash;

use self::counter::CounterPages;
pub use self::layout::{MAX_WORD_LEN, NorLayoutError};
use self::layout::{check, checked_sum, place};
pub use self::slots::NorSlots;
use crate::storage::flash::{Flash, FlashError, Slot};

/// Two slots and a counter on one partition of NOR flash, for a board without a hardware counter.
///
/// The counter goes up only, and keeps its value when the power fails. But whoever can write the
/// flash can put back an old image of slots and counter together, and the HSM takes it for the
/// newest. So [`counter_is_hardware`](Flash::counter_is_hardware) is false, and the status shows it.
pub struct NorStorage<F> {
    slots: NorSlots<F>,
    counter: CounterPages,
}

impl<F: NorFlash> NorStorage<F> {
    /// Returns the length of the partition for records of up to `longest` bytes, the `N` of the
    /// vault; `None` if it is too long for a `usize`.
    pub const fn partition_len(longest: usize) -> Option<usize> {
        checked_sum(
            NorSlots::<F>::partition_len(longest),
            CounterPages::len::<F>(),
        )
    }

    /// Takes the partition that `flash` drives, for records of up to `longest` bytes, the `N` of the
    /// vault. Reads and writes nothing yet.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`NorLayoutError`].
    pub fn new(flash: F, longest: usize) -> Result<Self, NorLayoutError> {
        check(&flash, longest, Self::partition_len(longest))?;
        let slots = NorSlots::new(flash, longest)?;
        let too_long = NorLayoutError::TooLong { longest };
        let at = NorSlots::<F>::partition_len(longest).and_then(place);
        let counter = at.and_then(CounterPages::new::<F>).ok_or(too_long)?;
        Ok(Self { slots, counter })
    }
}

impl<F: NorFlash> Flash for NorStorage<F> {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        self.slots.read(slot, out)
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        self.slots.write(slot, record)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.slots.erase(slot)
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        self.counter.value(self.slots.flash())
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.counter.advance(self.slots.flash(), to)
    }

    fn counter_is_hardware(&self) -> bool {
        false
    }
}

impl<F> fmt::Debug for NorStorage<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NorStorage")
            .field("slots", &self.slots)
            .field("counter", &self.counter)
            .finish()
    }
}
