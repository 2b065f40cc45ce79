// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sizes of a driver, and whether a partition is large enough.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;

/// The longest word of a driver: its `READ_SIZE` and `WRITE_SIZE` may not be larger.
pub const MAX_WORD_LEN: usize = 512;

/// Why a partition cannot hold the state at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NorLayoutError {
    /// The driver's sizes are not supported: `READ_SIZE` and `WRITE_SIZE` must be powers of two of
    /// at most [`MAX_WORD_LEN`], and `ERASE_SIZE` a multiple of both.
    Sizes {
        /// `READ_SIZE`.
        read: usize,
        /// `WRITE_SIZE`.
        write: usize,
        /// `ERASE_SIZE`.
        erase: usize,
    },
    /// The partition is too small.
    TooSmall {
        /// How many bytes are needed.
        needed: usize,
        /// How many bytes it has.
        capacity: usize,
    },
    /// Records of this length need a partition of more than 4 GiB.
    TooLong {
        /// The length of the longest record.
        longest: usize,
    },
}

impl fmt::Display for NorLayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sizes { read, write, erase } => write!(
                f,
                "the flash reads {read}, writes {write} and erases {erase} bytes at a time, but reading and \
                 writing must be powers of two of at most {MAX_WORD_LEN}, and erasing a multiple of both"
            ),
            Self::TooSmall { needed, capacity } => write!(
                f,
                "the flash partition has {capacity} bytes, and {needed} are needed"
            ),
            Self::TooLong { longest } => write!(
                f,
                "records of {longest} bytes need a flash partition of more than 4 GiB"
            ),
        }
    }
}

impl core::error::Error for NorLayoutError {}

/// Returns the length of a word that can be read and written, a power of two.
pub(super) const fn word_len<F: NorFlash>() -> usize {
    if F::READ_SIZE > F::WRITE_SIZE {
        F::READ_SIZE
    } else {
        F::WRITE_SIZE
    }
}

/// Returns `len` rounded up to whole words.
pub(super) const fn words_len<F: NorFlash>(len: usize) -> Option<usize> {
    len.checked_next_multiple_of(word_len::<F>())
}

/// Returns `len` rounded up to what can be erased.
pub(super) const fn pages_len<F: NorFlash>(len: Option<usize>) -> Option<usize> {
    match len {
        Some(len) => len.checked_next_multiple_of(F::ERASE_SIZE),
        None => None,
    }
}

pub(super) const fn checked_sum(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b),
        _ => None,
    }
}

/// Returns the offset that is `at` bytes from the start of the partition.
pub(super) fn place(at: usize) -> Option<u32> {
    u32::try_from(at).ok()
}

/// Checks the driver's sizes, and that its partition has `needed` bytes.
pub(super) fn check<F: NorFlash>(
    flash: &F,
    longest: usize,
    needed: Option<usize>,
) -> Result<(), NorLayoutError> {
    let (read, write, erase) = (F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE);
    let is_word = |len: usize| len.is_power_of_two() && len <= MAX_WORD_LEN;
    if !is_word(read) || !is_word(write) || erase == 0 || !erase.is_multiple_of(word_len::<F>()) {
        return Err(NorLayoutError::Sizes { read, write, erase });
    }
    let needed = needed.filter(|needed| place(*needed).is_some());
    let needed = needed.ok_or(NorLayoutError::TooLong { longest })?;
    let capacity = flash.capacity();
    if capacity < needed {
        return Err(NorLayoutError::TooSmall { needed, capacity });
    }
    Ok(())
}
