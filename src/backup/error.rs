// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a backup is not made, not read or not restored.

use core::fmt;

use crate::cbor::Malformed;
use crate::hardened::Fault;
use crate::rng::RngError;
use crate::sealed_domain::{DomainId, TextError};

/// A part of a backup's header, as `docs/format.md` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The HSM that made it.
    Instance,
    /// The head of that HSM's ledger.
    LedgerHead,
    /// Whether it holds everything or one key.
    Kind,
    /// The name.
    Name,
    /// The time.
    Created,
    /// How many bytes were backed up.
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

/// Why bytes do not begin as a backup does. Everything here can be told without any secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The first bytes are not a backup's.
    NotABackup,
    /// The header goes on after the bytes at hand.
    Incomplete {
        /// How many bytes from the start to have at hand; at most
        /// [`FRONT_MAX_LEN`](super::FRONT_MAX_LEN).
        needed: usize,
    },
    /// A version that this crate does not know.
    UnknownVersion(u64),
    /// A suite that this crate does not know.
    UnknownSuite(u64),
    /// The field is not of its type, or out of its bounds.
    Malformed(Field),
    /// The header is not in the one encoding that is allowed, or bytes follow in it.
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
            Self::UnknownSuite(suite) => write!(f, "suite {suite} is unknown"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic => {
                f.write_str("the header is not in deterministic encoding, or bytes follow in it")
            }
            Self::Name(error) => write!(f, "the name is refused: {error}"),
        }
    }
}

impl core::error::Error for HeaderError {}

/// Why a backup was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BeginError {
    /// More than [`MAX_LEN`](super::MAX_LEN) bytes were to be backed up.
    TooLong,
    /// The random number generator failed.
    Rng,
    /// The machine erred.
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
            Self::TooLong => write!(f, "a backup holds at most {} bytes", super::MAX_LEN),
            Self::Rng => RngError.fmt(f),
            Self::Fault => f.write_str("a fault while the backup was begun"),
        }
    }
}

impl core::error::Error for BeginError {}

/// The backup is another domain's, and this HSM cannot open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        write!(f, "the backup is of domain {have}, the HSM of {want}")
    }
}

impl core::error::Error for WrongDomain {}

/// Why a restore was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup is another domain's.
    WrongDomain(WrongDomain),
    /// The machine erred.
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
            Self::Fault => f.write_str("a fault while the restore was begun"),
        }
    }
}

impl core::error::Error for RestoreError {}

/// Why a backup does not go on. It has ended then: the key is wiped, and every further call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// The chunk does not have the length of its place.
    ChunkLength {
        /// Its length.
        have: usize,
        /// The length of its place, the tag included.
        want: usize,
    },
    /// A chunk after the last one.
    AfterTheEnd,
    /// The chunk is not the one that was written in its place.
    DoesNotOpen,
    /// Chunks are missing.
    Incomplete,
    /// It had ended with an error before.
    Ended,
    /// The machine erred.
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
                write!(f, "the chunk has {have} bytes in the place of {want}")
            }
            Self::AfterTheEnd => f.write_str("a chunk follows the last one"),
            Self::DoesNotOpen => f.write_str("the chunk does not open"),
            Self::Incomplete => f.write_str("chunks are missing"),
            Self::Ended => f.write_str("the backup had ended with an error before"),
            Self::Fault => f.write_str("a fault while a chunk was sealed"),
        }
    }
}

impl core::error::Error for StreamError {}
