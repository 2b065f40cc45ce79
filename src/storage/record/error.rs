// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why the state at rest is not read or not written.

use core::fmt;

use crate::hardened::Fault;
use crate::rng::RngError;
use crate::storage::flash::{FlashError, Slot};

/// Why the state at rest is not read or not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// The random number generator failed.
    Rng,
    /// The flash or the counter failed.
    Flash,
    /// Every record that opens is older than the counter: an old image was put back, or a newer record
    /// was hidden. Or the state in memory is: the machine's memory was set back, and it has to start anew.
    RolledBack {
        /// The newest record's number.
        have: u64,
        /// What the counter says.
        counter: u64,
    },
    /// A record is newer than the counter allows: the counter was set back, or the record before it
    /// was taken away.
    CounterBehind {
        /// The newest record's number.
        have: u64,
        /// What the counter says.
        counter: u64,
    },
    /// The counter says that there is a record, and both slots are blank.
    Missing {
        /// What the counter says.
        counter: u64,
    },
    /// No record opens.
    Damaged,
    /// No record opens, and one is of a version that this crate does not know.
    UnknownVersion(u8),
    /// The new state stands, but the slot of the old one could be neither overwritten nor erased: it may
    /// still hold that, under the device key. The next write goes over it, and so does the next start.
    NotErased,
    /// The buffer is too small for the record.
    BufferTooSmall {
        /// How many bytes it takes.
        needed: usize,
    },
    /// A case that cannot happen did: the machine erred.
    Fault,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rng => RngError.fmt(f),
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
                "the new state stands, but the old record could be neither overwritten nor erased: \
                 take the step again, or start the HSM, which tries again",
            ),
            Self::BufferTooSmall { needed } => {
                write!(
                    f,
                    "the buffer is too small for the record: {needed} bytes are needed"
                )
            }
            Self::Fault => f.write_str("a computation failed its check"),
        }
    }
}

impl core::error::Error for RecordError {}

impl From<RngError> for RecordError {
    fn from(_: RngError) -> Self {
        Self::Rng
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
#[expect(clippy::exhaustive_enums, reason = "there are two slots")]
pub enum Left {
    /// Neither: both were read back as erased.
    Nothing,
    /// One of them.
    One(Slot),
    /// Both.
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
