// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a sealed domain was not made, read or opened.

use core::fmt;

use super::id::{DomainId, Epoch, HeaderDigest, UnknownSuite};
use super::text::TextError;
use crate::cbor::Malformed;
use crate::custodian::{CustodianId, WrapError};
use crate::hardened::Fault;
use crate::quorum::{QuorumError, ShareIndex};
use crate::rng::RngError;
use crate::shamir::SplitError;

/// A part of a sealed domain, named as in `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Field {
    /// The whole file.
    File,
    /// The header.
    Header,
    /// The header's core.
    Core,
    /// The version.
    Version,
    /// The suite.
    Suite,
    /// The suite of the first sealing.
    BirthSuite,
    /// The label.
    Label,
    /// The domain's verify key.
    DomainKey,
    /// The epoch.
    Epoch,
    /// The digest of the previous header.
    Previous,
    /// The time of sealing.
    Created,
    /// The id of the HSM that sealed.
    Instance,
    /// The salt.
    Salt,
    /// The digest of the release.
    ReleaseDigest,
    /// The threshold.
    Threshold,
    /// The break-glass delay.
    BreakGlass,
    /// The list of custodians.
    Custodians,
    /// The list of artifacts.
    Artifacts,
    /// The firmware that sealed, and the lowest version that can use the domain.
    ModuleFloor,
    /// What the domain committed to when it was born.
    BirthCommitment,
    /// The list of verify keys and digests.
    Shares,
    /// The list of wrapped shares.
    Wrapped,
    /// The release.
    Release,
    /// The commitment.
    Commitment,
    /// The body.
    Body,
    /// The signature.
    Signature,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Header => "header",
            Self::Core => "core",
            Self::Version => "version",
            Self::Suite => "suite",
            Self::BirthSuite => "birth suite",
            Self::Label => "label",
            Self::DomainKey => "domain verify key",
            Self::Epoch => "epoch",
            Self::Previous => "previous header's digest",
            Self::Created => "created",
            Self::Instance => "instance id",
            Self::Salt => "salt",
            Self::ReleaseDigest => "release digest",
            Self::Threshold => "threshold",
            Self::BreakGlass => "break-glass delay",
            Self::Custodians => "custodians",
            Self::Artifacts => "artifacts",
            Self::ModuleFloor => "module floor",
            Self::BirthCommitment => "birth commitment",
            Self::Shares => "shares",
            Self::Wrapped => "wrapped shares",
            Self::Release => "release",
            Self::Commitment => "commitment",
            Self::Body => "body",
            Self::Signature => "signature",
        })
    }
}

/// Why bytes are not a sealed domain. Every cause can be found without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseError {
    /// The version is not supported.
    UnknownVersion(u64),
    /// The suite is not supported.
    UnknownSuite(Field, UnknownSuite),
    /// The field has the wrong type, or is out of bounds.
    Malformed(Field),
    /// The field is well-formed, but not in the single encoding that is allowed, or bytes follow
    /// it.
    NotDeterministic(Field),
    /// The label or an artifact's tag is refused.
    Text(Field, TextError),
    /// The first epoch names a previous header, or a later one names none.
    Lineage,
    /// The threshold and the number of custodians are not a valid quorum.
    Quorum(QuorumError),
    /// A custodian's key is of an unknown kind, for example of a later version.
    UnknownAlgorithm {
        /// The custodian.
        custodian: CustodianId,
        /// The code of the kind.
        code: u64,
    },
    /// A custodian is listed twice.
    SameCustodian(CustodianId),
    /// The artifact at this place, counted from 0, has the same tag as an earlier one.
    SameTag(u8),
    /// A verify key is not a point, has small order, or is not in its canonical encoding.
    WeakKey(Field),
    /// A verify key appears twice in the header.
    EqualKeys,
    /// The wrapped share at this index does not have the length that its algorithm requires.
    WrappedLength(ShareIndex),
    /// The body is not as long as the artifacts together.
    BodyLength,
    /// The release is not the one whose digest is in the header.
    OtherRelease,
    /// The domain key did not make this signature over header, commitment and body.
    Signature,
}

impl From<Malformed<Field>> for ParseError {
    fn from(Malformed(field): Malformed<Field>) -> Self {
        Self::Malformed(field)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => write!(f, "version {version} is unknown"),
            Self::UnknownSuite(field, _) => write!(f, "the {field} is refused"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic(field) => {
                write!(
                    f,
                    "the {field} is not in deterministic encoding, or bytes follow it"
                )
            }
            Self::Text(field, _) => write!(f, "a text in {field} is refused"),
            Self::Lineage => f.write_str("the epoch and the previous header's digest disagree"),
            Self::Quorum(error) => error.fmt(f),
            Self::UnknownAlgorithm { custodian, code } => {
                write!(
                    f,
                    "the algorithm of custodian {custodian} is unknown: {code}"
                )
            }
            Self::SameCustodian(id) => write!(f, "custodian {id} is listed twice"),
            Self::SameTag(place) => {
                write!(f, "artifact {place} has the same tag as an earlier one")
            }
            Self::WeakKey(field) => write!(f, "a verify key in {field} is weak or malformed"),
            Self::EqualKeys => f.write_str("a verify key appears twice in the header"),
            Self::WrappedLength(index) => write!(f, "wrapped share {index} has the wrong length"),
            Self::BodyLength => f.write_str("the body is not as long as the artifacts"),
            Self::OtherRelease => f.write_str("the release is not the one that the header names"),
            Self::Signature => f.write_str("the signature is wrong"),
        }
    }
}

impl core::error::Error for ParseError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Text(_, error) => Some(error),
            Self::UnknownSuite(_, error) => Some(error),
            Self::Quorum(error) => error.source(),
            _ => None,
        }
    }
}

/// Why a domain was not sealed. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SealError {
    /// The number of custodians is not in [`CUSTODIANS`](super::CUSTODIANS).
    CustodianCount,
    /// The threshold is above the number of custodians.
    Quorum(QuorumError),
    /// Two custodians have this key, alone or as one of two.
    SameCustodian(CustodianId),
    /// There is no artifact, or more than [`MAX_ARTIFACTS`](super::MAX_ARTIFACTS).
    ArtifactCount,
    /// The artifact at this place, counted from 0, has the same tag as an earlier one.
    SameTag(u8),
    /// The artifacts are too long: the body must be shorter than 2^32 bytes.
    TooLong,
    /// The lineage belongs to another domain.
    OtherDomain,
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The scratch is too small.
    ScratchTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The random number generator failed.
    Rng,
    /// Wrapping to a custodian's key failed.
    Wrap(CustodianId, WrapError),
    /// The result failed the check that follows: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for SealError {
    fn from(Fault: Fault) -> Self {
        Self::Fault
    }
}

impl From<RngError> for SealError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl From<SplitError> for SealError {
    fn from(error: SplitError) -> Self {
        match error {
            SplitError::Rng => Self::Rng,
            SplitError::SlotCount | SplitError::UnequalLengths | SplitError::Fault => Self::Fault,
        }
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CustodianCount => f.write_str("the number of custodians is not in 3 to 10"),
            Self::Quorum(error) => error.fmt(f),
            Self::SameCustodian(id) => write!(f, "custodian {id} is listed twice"),
            Self::ArtifactCount => f.write_str("the number of artifacts is not in 1 to 32"),
            Self::SameTag(place) => {
                write!(f, "artifact {place} has the same tag as an earlier one")
            }
            Self::TooLong => f.write_str("the artifacts are too long together"),
            Self::OtherDomain => f.write_str("the previous header belongs to another domain"),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::ScratchTooSmall { needed } => write!(f, "the scratch needs {needed} bytes"),
            Self::Rng => f.write_str("the random number generator failed"),
            Self::Wrap(id, _) => write!(f, "wrapping to custodian {id} failed"),
            Self::Fault => {
                f.write_str("an internal check failed: what was sealed did not open again")
            }
        }
    }
}

impl core::error::Error for SealError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Quorum(error) => error.source(),
            Self::Wrap(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Why a custodian's share was not obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ShareError<E> {
    /// This is not a custodian of this domain in this epoch.
    NotListed(CustodianId),
    /// The custodian's wrapped share was changed: the header names another one.
    Changed(CustodianId),
    /// The custodian's key does not open the share, or it is not the share that was dealt to them.
    DoesNotOpen(CustodianId),
    /// The device that holds the custodian's key failed before any decryption.
    Device(CustodianId, E),
    /// An internal check failed in this crate, or in the device that holds the custodian's key.
    Fault,
}

impl<E> From<Fault> for ShareError<E> {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl<E> fmt::Display for ShareError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(id) => write!(f, "{id} is not a custodian of this domain and epoch"),
            Self::Changed(id) => write!(f, "the wrapped share of custodian {id} was changed"),
            Self::DoesNotOpen(id) => write!(f, "the share of custodian {id} does not open"),
            Self::Device(id, _) => write!(f, "the device of custodian {id} failed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ShareError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Why a sealed domain is not the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ExpectError {
    /// It is another domain.
    WrongDomain {
        /// The given domain.
        have: DomainId,
        /// The expected domain.
        want: DomainId,
    },
    /// Its epoch was superseded.
    Superseded {
        /// The given epoch.
        have: Epoch,
        /// The lowest expected epoch.
        want: Epoch,
    },
    /// It is another header of this domain.
    OtherHeader {
        /// The given header.
        have: HeaderDigest,
        /// The expected header.
        want: HeaderDigest,
    },
}

impl fmt::Display for ExpectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongDomain { have, want } => write!(f, "this is domain {have}, not {want}"),
            Self::Superseded { have, want } => {
                write!(
                    f,
                    "this is epoch {have}, superseded: at least {want} is expected"
                )
            }
            Self::OtherHeader { have, want } => write!(f, "this is header {have}, not {want}"),
        }
    }
}

impl core::error::Error for ExpectError {}

/// Why a sealed domain was not opened. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError {
    /// The domain is not the expected one.
    Expect(ExpectError),
    /// The domain is pending: its release is not filled in yet, and no number of shares opens it.
    Pending,
    /// There are fewer shares than the threshold.
    TooFewShares {
        /// How many shares were given.
        have: u8,
        /// How many shares are needed.
        need: u8,
    },
    /// A custodian's share was given twice.
    SameShare(CustodianId),
    /// A custodian's share belongs to another domain or epoch.
    ForeignShare(CustodianId),
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The domain does not open. Deliberately gives no reason.
    DoesNotOpen,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for OpenError {
    fn from(Fault: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect(error) => error.fmt(f),
            Self::Pending => f.write_str("the domain is pending: its release is not filled in"),
            Self::TooFewShares { have, need } => write!(f, "{have} shares given, {need} needed"),
            Self::SameShare(id) => write!(f, "the share of custodian {id} was given twice"),
            Self::ForeignShare(id) => {
                write!(
                    f,
                    "the share of custodian {id} belongs to another domain or epoch"
                )
            }
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::DoesNotOpen => f.write_str("the domain does not open"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Expect(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_while_splitting_is_no_failure_of_the_generator() {
        for (split, want) in [
            (SplitError::Rng, SealError::Rng),
            (SplitError::SlotCount, SealError::Fault),
            (SplitError::UnequalLengths, SealError::Fault),
            (SplitError::Fault, SealError::Fault),
        ] {
            assert_eq!(SealError::from(split), want);
        }
    }
}
