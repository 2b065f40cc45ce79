// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the firmware keeps the entries of logs.

use core::fmt;

use crate::sealed_domain::InstanceId;

/// Where the entries of logs are kept: one log for each instance, in order of their numbers.
///
/// An entry is written once and in one piece. If the power fails then, the last entry may be torn
/// or missing; every entry before it must be as it was. The entries are authenticated, so a store
/// need not check them.
pub trait Store {
    /// Turns to the log of this HSM. There is none yet when an HSM has just drawn its id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store failed.
    fn open(&mut self, instance: InstanceId) -> Result<(), StoreError>;

    /// Returns how many entries the log has. A torn last entry may count or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store failed.
    fn entries(&mut self) -> Result<u32, StoreError>;

    /// Returns how many entries there is room for, with those that are there. Each has at most
    /// [`MAX_ENTRY_LEN`](super::MAX_ENTRY_LEN) bytes.
    fn capacity(&mut self) -> u32;

    /// Reads an entry to the front of `out`, and returns its length.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store failed, or the entry does not fit. A torn entry may be read or
    /// fail.
    fn read(&mut self, number: u32, out: &mut [u8]) -> Result<usize, StoreError>;

    /// Writes an entry, durably. `number` is the number of entries, or one less if the last one is
    /// torn or its writing failed; then it is replaced.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store failed.
    fn append(&mut self, number: u32, entry: &[u8]) -> Result<(), StoreError>;
}

/// The store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "it carries no data")]
pub struct StoreError;

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store of the log failed")
    }
}

impl core::error::Error for StoreError {}
