// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why the state at rest was not read or not written.

use core::fmt;

use crate::hardened::Fault;
use crate::rng::RngError;
use crate::storage::device_key::DeviceKeyError;
use crate::storage::flash::{FlashError, Slot};

/// Why the state at rest was not read or not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecordError {
    /// The random number generator failed.
    Rng,
    /// The device key failed, so no record can be opened or sealed.
    DeviceKey,
    /// The flash or the counter failed.
    Flash,
    /// Every record that opens is older than the counter: an old image was restored, or a newer
    /// record was hidden. Or the state in memory is older: the machine's memory was set back, and
    /// it must be restarted.
    RolledBack {
        /// The number of the newest record.
        have: u64,
        /// The value of the counter.
        counter: u64,
    },
    /// A record is newer than the counter allows: the counter was set back, or the record before it
    /// was removed.
    CounterBehind {
        /// The number of the newest record.
        have: u64,
        /// The value of the counter.
        counter: u64,
    },
    /// The counter shows that there is a record, but both slots are blank.
    Missing {
        /// The value of the counter.
        counter: u64,
    },
    /// No record opens.
    Damaged,
    /// No record opens, and one has a version that is not supported.
    UnknownVersion(u8),
    /// The new state is stored, but the old one's slot could be neither overwritten nor erased, so
    /// it may still hold that state under the device key. The next write, or the next start,
    /// overwrites it.
    NotErased,
    /// The last write, or that of the start, failed, and so did another try: until the flash takes
    /// writes again, the state can be read and nothing can be saved.
    NotWritable,
    /// The buffer is too small for the record.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rng => RngError.fmt(f),
            Self::DeviceKey => DeviceKeyError::Failed.fmt(f),
            Self::Flash => FlashError.fmt(f),
            Self::RolledBack { have, counter } => {
                write!(
                    f,
                    "the newest record, {have}, is older than the counter, {counter}"
                )
            }
            Self::CounterBehind { have, counter } => {
                write!(
                    f,
                    "the newest record, {have}, is ahead of the counter, {counter}"
                )
            }
            Self::Missing { counter } => {
                write!(f, "there is no record, though the counter is at {counter}")
            }
            Self::Damaged => f.write_str("no record opens"),
            Self::UnknownVersion(version) => write!(f, "record version {version} is unknown"),
            Self::NotErased => f.write_str(
                "the new state is stored, but the old record could be neither overwritten nor erased: \
                 repeat the step, or restart the HSM, which tries again",
            ),
            Self::NotWritable => {
                f.write_str("the flash does not take writes, so nothing can be saved")
            }
            Self::BufferTooSmall { needed } => {
                write!(
                    f,
                    "the buffer is too small for the record: {needed} bytes are needed"
                )
            }
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for RecordError {}

impl From<RngError> for RecordError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl From<DeviceKeyError> for RecordError {
    fn from(error: DeviceKeyError) -> Self {
        match error {
            DeviceKeyError::Failed => Self::DeviceKey,
            DeviceKeyError::Fault => Self::Fault,
        }
    }
}

impl From<FlashError> for RecordError {
    fn from(_: FlashError) -> Self {
        Self::Flash
    }
}

impl From<Fault> for RecordError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

/// Which slots may still hold what was to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "there are two slots")]
pub enum Left {
    /// Neither slot: both were read back as erased.
    Nothing,
    /// One slot.
    One(Slot),
    /// Both slots.
    Both,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing of what ended is left in the flash",
            Self::One(Slot::A) => "slot A of the flash may still hold what ended",
            Self::One(Slot::B) => "slot B of the flash may still hold what ended",
            Self::Both => "both slots of the flash may still hold what ended",
        })
    }
}
