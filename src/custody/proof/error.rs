// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a proof shows nothing, or was not written.

use core::fmt;

use crate::hardened::Fault;

/// A proof does not show what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ProofError {
    /// The proof is for a log of another size.
    OtherSize {
        /// The size in the proof.
        have: u32,
        /// The size of the head.
        want: u32,
    },
    /// The log has no record of that number.
    NoSuchRecord {
        /// The number in the proof.
        number: u32,
        /// The size of the log.
        size: u32,
    },
    /// The log that should continue the other is shorter.
    Shorter {
        /// Its size.
        have: u32,
        /// The size of the other.
        want: u32,
    },
    /// The proof has more or fewer nodes than its sizes need.
    WrongLength,
    /// The nodes do not lead to the root: another record, another log, or a changed proof.
    WrongRoot,
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl From<Fault> for ProofError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSize { have, want } => {
                write!(f, "the proof is for a log of {have} records, not {want}")
            }
            Self::NoSuchRecord { number, size } => {
                write!(f, "a log of {size} records has no record {number}")
            }
            Self::Shorter { have, want } => {
                write!(f, "a log of {have} records cannot continue one of {want}")
            }
            Self::WrongLength => f.write_str("the proof has too few or too many nodes"),
            Self::WrongRoot => f.write_str("the proof does not lead to the root of the log"),
            Self::Fault => Fault.fmt(f),
        }
    }
}

impl core::error::Error for ProofError {}

/// Why no proof was written. The output is unspecified then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ProveError<E> {
    /// The log has no record of that number.
    NoSuchRecord {
        /// The number.
        number: u32,
        /// The size of the log.
        size: u32,
    },
    /// The log that should continue the other is shorter.
    Shorter {
        /// Its size.
        have: u32,
        /// The size of the other.
        want: u32,
    },
    /// A record could not be read.
    Record(E),
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl<E> From<Fault> for ProveError<E> {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl<E: fmt::Display> fmt::Display for ProveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRecord { number, size } => {
                let (number, size) = (*number, *size);
                ProofError::NoSuchRecord { number, size }.fmt(f)
            }
            Self::Shorter { have, want } => {
                let (have, want) = (*have, *want);
                ProofError::Shorter { have, want }.fmt(f)
            }
            Self::Record(error) => error.fmt(f),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => Fault.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for ProveError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Record(error) => error.source(),
            _ => None,
        }
    }
}
