// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why bytes are not a record.

use core::fmt;

use crate::cbor::Malformed;

/// A part of a record, named as in `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecordField {
    /// The whole record.
    Record,
    /// The version.
    Version,
    /// The id of an HSM.
    Instance,
    /// The record's number, or that of another record.
    Number,
    /// A time.
    Time,
    /// The digest of the record before.
    Previous,
    /// The kind of the record.
    Kind,
    /// The part that depends on the kind.
    Body,
    /// The kind of a step or event.
    Step,
    /// The outcome of a step.
    Outcome,
    /// Why a session or a rotation ended.
    Ended,
    /// How many steps were refused.
    Count,
    /// A domain's id.
    Domain,
    /// An epoch.
    Epoch,
    /// The digest of a header.
    Header,
    /// Whether the operator named the expected domain.
    Pinned,
    /// A custodian's id.
    Custodian,
    /// The digest of a request.
    Request,
    /// The digest of a challenge.
    Challenge,
    /// The kind or digest of an act.
    Act,
    /// A backup's id.
    Backup,
    /// An Ed25519 key.
    Key,
    /// A birth commitment.
    Commitment,
    /// The digest of the pinned heads.
    Pins,
    /// The head of a log.
    Head,
    /// The name of a person.
    Name,
    /// What a drill proved.
    Proof,
    /// What happened to a custodian's key, or why there is a review.
    Cause,
    /// A text.
    Detail,
    /// A signature.
    Signature,
}

impl fmt::Display for RecordField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record => "record",
            Self::Version => "version",
            Self::Instance => "HSM's id",
            Self::Number => "number of a record",
            Self::Time => "time",
            Self::Previous => "digest of the record before",
            Self::Kind => "kind of the record",
            Self::Body => "body",
            Self::Step => "kind of the step",
            Self::Outcome => "outcome",
            Self::Ended => "reason of the end",
            Self::Count => "count",
            Self::Domain => "domain's id",
            Self::Epoch => "epoch",
            Self::Header => "header's digest",
            Self::Pinned => "mark of an expected domain",
            Self::Custodian => "custodian's id",
            Self::Request => "request's digest",
            Self::Challenge => "challenge's digest",
            Self::Act => "act",
            Self::Backup => "backup's id",
            Self::Key => "key",
            Self::Commitment => "birth commitment",
            Self::Pins => "digest of the pinned heads",
            Self::Head => "head of a log",
            Self::Name => "name",
            Self::Proof => "result of the drill",
            Self::Cause => "cause",
            Self::Detail => "detail",
            Self::Signature => "signature",
        })
    }
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecordFileError {
    /// The version is not supported.
    UnknownVersion(u64),
    /// Records of this kind are unknown.
    UnknownKind(u64),
    /// The field has the wrong type, or is out of bounds.
    Malformed(RecordField),
    /// The record is well-formed, but not in the single encoding that is allowed, or bytes follow
    /// it.
    NotDeterministic,
}

impl From<Malformed<RecordField>> for RecordFileError {
    fn from(Malformed(field): Malformed<RecordField>) -> Self {
        Self::Malformed(field)
    }
}

impl fmt::Display for RecordFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => write!(f, "record version {version} is unknown"),
            Self::UnknownKind(kind) => write!(f, "records of kind {kind} are unknown"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic => {
                f.write_str("the record is not in deterministic encoding, or bytes follow it")
            }
        }
    }
}

impl core::error::Error for RecordFileError {}
