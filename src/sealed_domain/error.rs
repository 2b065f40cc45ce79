// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a sealed domain is not made, not read or not opened.

use core::fmt;

use super::id::{DomainId, Epoch, HeaderDigest};
use super::text::TextError;
use crate::cbor::Malformed;
use crate::custodian::{CustodianId, WrapError};
use crate::hardened::Fault;
use crate::quorum::{QuorumError, ShareIndex};
use crate::rng::RngError;
use crate::shamir::SplitError;

/// A part of a sealed domain, as `docs/format.md` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The HSM that sealed.
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
            Self::Shares => "shares",
            Self::Wrapped => "wrapped shares",
            Self::Release => "release",
            Self::Commitment => "commitment",
            Self::Body => "body",
            Self::Signature => "signature",
        })
    }
}

/// Why bytes are not a sealed domain. Everything here can be told without any secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// A version that this crate does not know.
    UnknownVersion(u64),
    /// A suite that this crate does not know.
    UnknownSuite(Field),
    /// The field is not of its type, or out of its bounds.
    Malformed(Field),
    /// The field is well-formed, but not in the one encoding that is allowed, or bytes follow it.
    NotDeterministic(Field),
    /// The label, or an artifact's tag, is refused.
    Text(Field, TextError),
    /// The first epoch names a previous header, or a later one names none.
    Lineage,
    /// The threshold and the number of custodians make no quorum.
    Quorum(QuorumError),
    /// A custodian's algorithm is unknown.
    UnknownAlgorithm(CustodianId),
    /// A custodian is listed twice.
    SameCustodian(CustodianId),
    /// The artifact at this place, from 0, has an earlier one's tag.
    SameTag(u8),
    /// A verify key is no point, has small order, or is not in its one encoding.
    WeakKey(Field),
    /// A verify key stands in the header twice.
    EqualKeys,
    /// The wrapped share at this index is not as long as its algorithm's are.
    WrappedLength(ShareIndex),
    /// The body is not as long as the artifacts together.
    BodyLength,
    /// The release is not the one that the header names.
    OtherRelease,
    /// The signature is not the domain key's for this header, commitment and body.
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
            Self::UnknownSuite(field) => write!(f, "the {field} is unknown"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic(field) => {
                write!(
                    f,
                    "the {field} is not in deterministic encoding, or bytes follow it"
                )
            }
            Self::Text(field, error) => write!(f, "a text in {field} is refused: {error}"),
            Self::Lineage => f.write_str("the epoch and the previous header's digest disagree"),
            Self::Quorum(error) => error.fmt(f),
            Self::UnknownAlgorithm(id) => write!(f, "the algorithm of custodian {id} is unknown"),
            Self::SameCustodian(id) => write!(f, "custodian {id} is listed twice"),
            Self::SameTag(place) => write!(f, "artifact {place} has an earlier one's tag"),
            Self::WeakKey(field) => write!(f, "a verify key in {field} is weak or malformed"),
            Self::EqualKeys => f.write_str("a verify key stands in the header twice"),
            Self::WrappedLength(index) => write!(f, "wrapped share {index} has the wrong length"),
            Self::BodyLength => f.write_str("the body is not as long as the artifacts"),
            Self::OtherRelease => f.write_str("the release is not the one that the header names"),
            Self::Signature => f.write_str("the signature is wrong"),
        }
    }
}

impl core::error::Error for ParseError {}

/// Why a domain was not sealed. Nothing is left in the output then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// The number of custodians is not in [`CUSTODIANS`](super::CUSTODIANS).
    CustodianCount,
    /// The threshold is above the number of custodians.
    Quorum(QuorumError),
    /// Two custodians are one person.
    SameCustodian(CustodianId),
    /// There is no artifact, or more than [`MAX_ARTIFACTS`](super::MAX_ARTIFACTS).
    ArtifactCount,
    /// The artifact at this place, from 0, has an earlier one's tag.
    SameTag(u8),
    /// The artifacts together are too long: the body must stay below 2^32 bytes.
    TooLong,
    /// The lineage is another domain's.
    OtherDomain,
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes it takes.
        needed: usize,
    },
    /// The scratch is too small.
    ScratchTooSmall {
        /// How many bytes it takes.
        needed: usize,
    },
    /// The random number generator failed.
    Rng,
    /// A custodian's key did not wrap.
    Wrap(CustodianId, WrapError),
    /// What was made did not stand the check that follows: the machine erred.
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
            Self::SameTag(place) => write!(f, "artifact {place} has an earlier one's tag"),
            Self::TooLong => f.write_str("the artifacts together are too long"),
            Self::OtherDomain => f.write_str("the previous header is another domain's"),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::ScratchTooSmall { needed } => write!(f, "the scratch needs {needed} bytes"),
            Self::Rng => f.write_str("the random number generator failed"),
            Self::Wrap(id, error) => write!(f, "wrapping to custodian {id} failed: {error}"),
            Self::Fault => f.write_str("a fault: what was sealed did not open again"),
        }
    }
}

impl core::error::Error for SealError {}

/// Why a custodian's share was not obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShareError<E> {
    /// He is no custodian of this domain in this epoch.
    NotListed(CustodianId),
    /// His wrapped share is not the one that the header names: it was changed.
    Changed(CustodianId),
    /// The share does not open with his key, or is not the one that was dealt to him.
    DoesNotOpen(CustodianId),
    /// The device that holds his key failed, before any decryption.
    Device(CustodianId, E),
    /// The machine erred, or the device that holds the custodian's key did.
    Fault,
}

impl<E> From<Fault> for ShareError<E> {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl<E: fmt::Display> fmt::Display for ShareError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(id) => write!(f, "{id} is no custodian of this domain and epoch"),
            Self::Changed(id) => write!(f, "the wrapped share of custodian {id} was changed"),
            Self::DoesNotOpen(id) => write!(f, "the share of custodian {id} does not open"),
            Self::Device(id, error) => {
                write!(f, "the device of custodian {id} failed: {error}")
            }
            Self::Fault => f.write_str("a fault: a computation failed its check"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for ShareError<E> {}

/// Why this is not the expected domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectError {
    /// Another domain.
    WrongDomain {
        /// The one at hand.
        have: DomainId,
        /// The one expected.
        want: DomainId,
    },
    /// An epoch that was superseded.
    Superseded {
        /// The one at hand.
        have: Epoch,
        /// The lowest expected.
        want: Epoch,
    },
    /// Another header of this domain.
    OtherHeader {
        /// The one at hand.
        have: HeaderDigest,
        /// The one expected.
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

/// Why a sealed domain was not opened. Nothing is left in the output then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// It is not the expected one.
    Expect(ExpectError),
    /// It is pending: its release is not filled in yet, and no number of shares opens it.
    Pending,
    /// Fewer shares than the threshold.
    TooFewShares {
        /// How many there are.
        have: u8,
        /// How many it takes.
        need: u8,
    },
    /// A custodian's share was given twice.
    SameShare(CustodianId),
    /// A custodian's share is of another domain or epoch.
    ForeignShare(CustodianId),
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes it takes.
        needed: usize,
    },
    /// It does not open. Nothing more can be told without its key.
    DoesNotOpen,
    /// The machine erred.
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
                    "the share of custodian {id} is of another domain or epoch"
                )
            }
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::DoesNotOpen => f.write_str("the domain does not open"),
            Self::Fault => f.write_str("a fault while the domain was opened"),
        }
    }
}

impl core::error::Error for OpenError {}

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
