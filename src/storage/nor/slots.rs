// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two slots on NOR flash.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;

use super::layout::{NorLayoutError, check, checked_sum, pages_len, words_len};
use super::words;
use crate::storage::flash::{FlashError, Slot};

/// The length of a record, and its complement: 4 bytes each, little endian.
const HEAD_LEN: usize = 8;

/// The two slots on one partition of NOR flash. A board with a hardware counter implements
/// [`Flash`](crate::storage::Flash) with them:
///
/// ```
/// use embedded_storage::nor_flash::NorFlash;
/// use security_domain::storage::{Flash, FlashError, NorSlots, Slot};
///
/// struct Board<F, C> {
///     slots: NorSlots<F>,
///     counter: C,
/// }
/// # trait Monotonic {
/// #     fn value(&mut self) -> u64;
/// #     fn set(&mut self, to: u64);
/// # }
///
/// impl<F: NorFlash, C: Monotonic> Flash for Board<F, C> {
///     fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
///         self.slots.read(slot, out)
///     }
///     fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
///         self.slots.write(slot, record)
///     }
///     fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
///         self.slots.erase(slot)
///     }
///     fn counter(&mut self) -> Result<u64, FlashError> {
///         Ok(self.counter.value())
///     }
///     fn advance(&mut self, to: u64) -> Result<(), FlashError> {
///         self.counter.set(to);
///         Ok(())
///     }
///     fn counter_is_hardware(&self) -> bool {
///         true
///     }
/// }
/// ```
pub struct NorSlots<F> {
    flash: F,
    /// The length of a slot.
    len: usize,
    longest: usize,
    /// Whether a slot was erased since the power came on, and not written since. Flash whose erasing
    /// was cut off can read as blank without being reliable, so only this saves an erase.
    erased: [bool; 2],
}

impl<F: NorFlash> NorSlots<F> {
    /// Returns the length of the partition for records of up to `longest` bytes, the `N` of the
    /// vault; `None` if it is too long for a `usize`.
    pub const fn partition_len(longest: usize) -> Option<usize> {
        match Self::slot_len(longest) {
            Some(len) => len.checked_mul(2),
            None => None,
        }
    }

    /// Takes the partition that `flash` drives, for records of up to `longest` bytes, the `N` of the
    /// vault. Reads and writes nothing yet.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`NorLayoutError`].
    pub fn new(flash: F, longest: usize) -> Result<Self, NorLayoutError> {
        check(&flash, longest, Self::partition_len(longest))?;
        let len = Self::slot_len(longest).ok_or(NorLayoutError::TooLong { longest })?;
        Ok(Self {
            flash,
            len,
            longest,
            erased: [false; 2],
        })
    }

    /// Reads what was last written to `slot`, as [`Flash::read`](crate::storage::Flash::read) does.
    ///
    /// # Errors
    ///
    /// [`FlashError`] if the driver fails, if the slot holds a write or an erase that was cut off, or
    /// if the record does not fit `out`.
    pub fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        let at = self.start(slot)?;
        let mut head = [0; HEAD_LEN];
        words::read(&mut self.flash, at, &mut head)?;
        let Some(len) = decode(head).filter(|len| *len <= self.longest) else {
            return match words::is_blank(&mut self.flash, at, self.len)? {
                true => Ok(0),
                false => Err(FlashError),
            };
        };
        let record = out.get_mut(..len).ok_or(FlashError)?;
        words::read(&mut self.flash, Self::body(at)?, record)?;
        Ok(len)
    }

    /// Replaces the contents of `slot`, as [`Flash::write`](crate::storage::Flash::write) does.
    ///
    /// # Errors
    ///
    /// [`FlashError`] if the driver fails, if the slot does not read as blank after it was erased, or
    /// if the record is empty or longer than the longest.
    pub fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        if record.is_empty() || record.len() > self.longest {
            return Err(FlashError);
        }
        let head = encode(record.len())?;
        self.erase(slot)?;
        *self.erased_mut(slot) = false;
        let at = self.start(slot)?;
        words::write(&mut self.flash, Self::body(at)?, record)?;
        words::write(&mut self.flash, at, &head)
    }

    /// Erases `slot` and reads it back, as [`Flash::erase`](crate::storage::Flash::erase) asks. A
    /// slot that this value erased, and has not written since, is not erased again.
    ///
    /// # Errors
    ///
    /// [`FlashError`] if the driver fails, or if the slot does not read as blank afterwards.
    pub fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        if *self.erased_mut(slot) {
            return Ok(());
        }
        let at = self.start(slot)?;
        words::erase(&mut self.flash, at, self.len)?;
        *self.erased_mut(slot) = true;
        Ok(())
    }

    pub(super) fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    const fn slot_len(longest: usize) -> Option<usize> {
        pages_len::<F>(checked_sum(
            words_len::<F>(HEAD_LEN),
            words_len::<F>(longest),
        ))
    }

    /// Returns where `slot` begins.
    fn start(&self, slot: Slot) -> Result<u32, FlashError> {
        words::after(0, self.len.saturating_mul(slot.index()))
    }

    /// Returns where the record begins in a slot that begins at `at`.
    fn body(at: u32) -> Result<u32, FlashError> {
        words::after(at, words_len::<F>(HEAD_LEN).ok_or(FlashError)?)
    }

    fn erased_mut(&mut self, slot: Slot) -> &mut bool {
        let [a, b] = &mut self.erased;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }
}

/// Prints the sizes.
impl<F> fmt::Debug for NorSlots<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NorSlots")
            .field("len", &self.len)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

fn encode(len: usize) -> Result<[u8; HEAD_LEN], FlashError> {
    let len = u32::try_from(len).map_err(|_| FlashError)?;
    let head = u64::from(len) | u64::from(!len) << 32;
    Ok(head.to_le_bytes())
}

/// Returns the length, if it is above 0 and no bit of the head has changed.
fn decode(head: [u8; HEAD_LEN]) -> Option<usize> {
    let [a, b, c, d, e, f, g, h] = head;
    let len = u32::from_le_bytes([a, b, c, d]);
    let is_whole = len != 0 && u32::from_le_bytes([e, f, g, h]) == !len;
    is_whole
        .then_some(len)
        .and_then(|len| usize::try_from(len).ok())
}
