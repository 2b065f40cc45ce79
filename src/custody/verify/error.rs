// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why an export is not accepted, and which record is the first bad one.

use core::fmt;

use crate::custody::checkpoint::{CheckpointError, CheckpointFileError};
use crate::custody::record::RecordFileError;
use crate::hardened::Fault;
use crate::sealed_domain::{DomainId, InstanceId};

/// Why an export is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum VerifyError {
    /// The bytes are not an export of a log.
    NotALog,
    /// It is of another HSM's log.
    OtherInstance {
        /// The HSM that it names.
        have: InstanceId,
        /// The expected HSM.
        want: InstanceId,
    },
    /// This record is the first bad one.
    Record {
        /// Its number.
        number: u32,
        /// How it is bad.
        bad: BadRecord,
    },
    /// The export ends before its checkpoint.
    Truncated {
        /// How many records it has.
        records: u32,
    },
    /// The log is shorter than its checkpoint or a pinned head says: its end was cut.
    Cut {
        /// How many records it has.
        have: u32,
        /// How many it had before.
        want: u32,
    },
    /// The checkpoint is too long for an export.
    CheckpointTooLong,
    /// The checkpoint is malformed.
    Malformed(CheckpointFileError),
    /// The checkpoint is not this HSM's.
    Checkpoint(CheckpointError),
    /// No domain endorses the HSM's key.
    NotEndorsed,
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl From<Fault> for VerifyError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotALog => f.write_str("not the export of a log"),
            Self::OtherInstance { have, want } => {
                write!(f, "the log is that of HSM {have}, not {want}")
            }
            Self::Record { number, bad } => write!(f, "record {number}: {bad}"),
            Self::Truncated { records } => {
                write!(
                    f,
                    "the export ends after {records} records, before its checkpoint"
                )
            }
            Self::Cut { have, want } => {
                write!(f, "the log was cut: it has {have} records, and had {want}")
            }
            Self::CheckpointTooLong => f.write_str("the checkpoint is too long for an export"),
            Self::Malformed(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
            Self::NotEndorsed => f.write_str("no domain endorses the HSM's key in the log"),
            Self::Fault => Fault.fmt(f),
        }
    }
}

impl core::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Record { bad, .. } => bad.source(),
            Self::Malformed(error) => error.source(),
            Self::Checkpoint(error) => error.source(),
            _ => None,
        }
    }
}

/// How a record is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BadRecord {
    /// It is longer than any record.
    TooLong,
    /// It is not a record.
    Malformed(RecordFileError),
    /// It is not the record that the next one was written after.
    Altered,
    /// It is missing: a later record is in its place.
    Dropped {
        /// The number of that record.
        found: u32,
    },
    /// Another record is in its place, and it comes later or came before.
    Reordered {
        /// The number of that record.
        found: u32,
    },
    /// From this record on, the log is not the one whose head was pinned.
    Forked {
        /// The size of the pinned head.
        pinned: u32,
    },
    /// The checkpoint does not cover it.
    NotSigned,
    /// The records are not those of the checkpoint. This is the last one; the first that differs is
    /// not before `first`.
    NotInCheckpoint {
        /// The first record that no pinned head covers.
        first: u32,
    },
    /// It is of another HSM.
    OtherInstance {
        /// The HSM that it names.
        have: InstanceId,
        /// The HSM whose log it is.
        want: InstanceId,
    },
    /// The step before has no outcome.
    NoOutcome {
        /// The record that announced the step.
        intent: u32,
    },
    /// It is the outcome of no step that was announced.
    NoIntent,
    /// The endorsement is not signed by its domain.
    Unsigned,
    /// The endorsement is by another domain.
    OtherDomain {
        /// The domain that endorses.
        have: DomainId,
        /// The expected domain.
        want: DomainId,
    },
    /// The endorsement is of another key of the HSM.
    OtherKey,
    /// The endorsement does not cover the pinned heads that are in the log.
    OtherPins,
    /// The hand-off is not signed by its taker for this log.
    HandOffUnsigned,
    /// The hand-off does not name the last one: it was recorded before, or another is missing.
    HandOffNotNext,
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("longer than any record"),
            Self::Malformed(error) => error.fmt(f),
            Self::Altered => f.write_str("altered: it is not the one that the log goes on from"),
            Self::Dropped { found } => write!(f, "dropped: record {found} is in its place"),
            Self::Reordered { found } => write!(f, "reordered: record {found} is in its place"),
            Self::Forked { pinned } => write!(
                f,
                "forked: it or a later one is not in the log whose head was pinned at {pinned} records"
            ),
            Self::NotSigned => f.write_str("not covered by the checkpoint"),
            Self::NotInCheckpoint { first } => write!(
                f,
                "it or one before it, from record {first} on, is not the one that was signed"
            ),
            Self::OtherInstance { have, want } => write!(f, "of HSM {have}, not {want}"),
            Self::NoOutcome { intent } => {
                write!(f, "the step that record {intent} announced has no outcome")
            }
            Self::NoIntent => f.write_str("the outcome of a step that was not announced"),
            Self::Unsigned => f.write_str("the endorsement is not signed by its domain"),
            Self::OtherDomain { have, want } => {
                write!(f, "the endorsement is by domain {have}, not {want}")
            }
            Self::OtherKey => f.write_str("the endorsement is of another key of the HSM"),
            Self::OtherPins => f.write_str("the endorsement does not cover the pinned heads"),
            Self::HandOffUnsigned => f.write_str("the hand-off is not signed by its taker"),
            Self::HandOffNotNext => f.write_str("the hand-off does not follow the last one"),
        }
    }
}

impl core::error::Error for BadRecord {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => error.source(),
            _ => None,
        }
    }
}
