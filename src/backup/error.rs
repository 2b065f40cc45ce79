// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a backup was not made, read or restored.

use core::fmt;

use super::length::MAX_LEN;
use crate::cbor::Malformed;
use crate::hardened::Fault;
use crate::rng::RngError;
use crate::sealed_domain::{DomainId, TextError, UnknownSuite};

/// A part of a backup's header, named as in `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Field {
    /// The whole header.
    Header,
    /// The version.
    Version,
    /// The suite.
    Suite,
    /// The domain's id.
    DomainId,
    /// The epoch.
    Epoch,
    /// The backup's own id.
    BackupId,
    /// The id of the HSM that made it.
    Instance,
    /// The head of that HSM's ledger.
    LedgerHead,
    /// Whether it holds everything or one key.
    Kind,
    /// The name.
    Name,
    /// The time.
    Created,
    /// The length of what was backed up.
    Length,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Version => "version",
            Self::Suite => "suite",
            Self::DomainId => "domain id",
            Self::Epoch => "epoch",
            Self::BackupId => "backup id",
            Self::Instance => "instance id",
            Self::LedgerHead => "ledger head",
            Self::Kind => "kind",
            Self::Name => "name",
            Self::Created => "created",
            Self::Length => "length",
        })
    }
}

/// Why bytes do not begin like a backup. Every cause can be found without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeaderError {
    /// The first bytes are not those of a backup.
    NotABackup,
    /// The given bytes end before the header does.
    Incomplete {
        /// How many bytes from the start are needed; at most
        /// [`FRONT_MAX_LEN`](super::FRONT_MAX_LEN).
        needed: usize,
    },
    /// The version is not supported.
    UnknownVersion(u64),
    /// The suite is not supported.
    UnknownSuite(UnknownSuite),
    /// The field has the wrong type, or is out of bounds.
    Malformed(Field),
    /// The header is not in the single encoding that is allowed, or has extra bytes.
    NotDeterministic,
    /// The name is refused.
    Name(TextError),
}

impl From<Malformed<Field>> for HeaderError {
    fn from(Malformed(field): Malformed<Field>) -> Self {
        Self::Malformed(field)
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABackup => f.write_str("not a backup"),
            Self::Incomplete { needed } => write!(f, "the header needs {needed} bytes"),
            Self::UnknownVersion(version) => write!(f, "version {version} is unknown"),
            Self::UnknownSuite(_) => f.write_str("the suite is refused"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic => {
                f.write_str("the header is not in deterministic encoding, or bytes follow in it")
            }
            Self::Name(_) => f.write_str("the name is refused"),
        }
    }
}

impl core::error::Error for HeaderError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            Self::UnknownSuite(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a backup could not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BeginError {
    /// The data is longer than [`MAX_LEN`] bytes.
    TooLong,
    /// The random number generator failed.
    Rng,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for BeginError {
    fn from(Fault: Fault) -> Self {
        Self::Fault
    }
}

impl From<RngError> for BeginError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for BeginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a backup holds at most {MAX_LEN} bytes"),
            Self::Rng => RngError.fmt(f),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for BeginError {}

/// The backup belongs to another domain, so this HSM cannot open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_structs,
    reason = "what is there, and what is wanted: there is no third"
)]
pub struct WrongDomain {
    /// The backup's domain.
    pub have: DomainId,
    /// The HSM's domain.
    pub want: DomainId,
}

impl fmt::Display for WrongDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { have, want } = self;
        write!(f, "the backup belongs to domain {have}, this HSM to {want}")
    }
}

impl core::error::Error for WrongDomain {}

/// Why a restore could not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup belongs to another domain.
    WrongDomain(WrongDomain),
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<WrongDomain> for RestoreError {
    fn from(error: WrongDomain) -> Self {
        Self::WrongDomain(error)
    }
}

impl From<Fault> for RestoreError {
    fn from(Fault: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongDomain(error) => error.fmt(f),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::WrongDomain(error) => error.source(),
            _ => None,
        }
    }
}

/// Why a backup or a restore stopped. It has ended: the key is wiped, and every further call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StreamError {
    /// The chunk does not have the required length.
    ChunkLength {
        /// The length of the chunk.
        have: usize,
        /// The required length, tag included.
        want: usize,
    },
    /// A chunk follows the last one.
    AfterTheEnd,
    /// The chunk is not the one that was written at this place.
    DoesNotOpen,
    /// Chunks are missing.
    Incomplete,
    /// The backup or restore has already ended with an error.
    Ended,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for StreamError {
    fn from(Fault: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChunkLength { have, want } => {
                write!(f, "the chunk has {have} bytes instead of {want}")
            }
            Self::AfterTheEnd => f.write_str("a chunk follows the last one"),
            Self::DoesNotOpen => f.write_str("the chunk does not open"),
            Self::Incomplete => f.write_str("chunks are missing"),
            Self::Ended => f.write_str("the backup or restore has already ended with an error"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for StreamError {}
