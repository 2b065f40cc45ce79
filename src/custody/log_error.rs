// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a log takes no record.

use core::fmt;

use super::store::StoreError;
use crate::hardened::Fault;

/// Why a log takes no record, or does not return one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LogError {
    /// The HSM has not started with it yet.
    NotResumed,
    /// The HSM is empty, and so has no log.
    NoInstance,
    /// The log does not go on from the head that the HSM's state at rest holds: its end was cut, or
    /// another log is in its place.
    Cut,
    /// The entry of this record was changed.
    Damaged(u32),
    /// There is no room for a record of this kind.
    Full,
    /// The store failed.
    Store,
    /// The log has no record of this number.
    NoSuchRecord(u32),
    /// The hand-off is not signed by its taker for this log.
    HandOffUnsigned,
    /// The hand-off does not name the last hand-off of the log.
    HandOffNotNext {
        /// The number of its record.
        last: Option<u32>,
    },
    /// The record of this number is not that of a loss.
    NotALoss(u32),
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl From<Fault> for LogError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<StoreError> for LogError {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotResumed => f.write_str("the HSM has not started with this log"),
            Self::NoInstance => f.write_str("the HSM is empty and has no log"),
            Self::Cut => f.write_str(
                "the log does not go on from where the HSM's state ends: it was cut or replaced",
            ),
            Self::Damaged(number) => write!(f, "the entry of record {number} was changed"),
            Self::Full => f.write_str("the log has no room for it"),
            Self::Store => StoreError.fmt(f),
            Self::NoSuchRecord(number) => write!(f, "the log has no record {number}"),
            Self::HandOffUnsigned => {
                f.write_str("the taker has not signed the hand-off for this log")
            }
            Self::HandOffNotNext { last: Some(last) } => {
                write!(f, "the hand-off must name the last one, record {last}")
            }
            Self::HandOffNotNext { last: None } => {
                f.write_str("the hand-off names one before it, and there is none")
            }
            Self::NotALoss(number) => write!(f, "record {number} is not that of a loss"),
            Self::Fault => Fault.fmt(f),
        }
    }
}

impl core::error::Error for LogError {}
