// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why bytes are not an act or not an approval.

use core::fmt;

use crate::cbor::Malformed;

/// A part of an act or an approval, named as in `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ApprovalField {
    /// The whole file.
    File,
    /// The version.
    Version,
    /// The kind of the act.
    Kind,
    /// The domain's id.
    Domain,
    /// The epoch.
    Epoch,
    /// The digest of the header.
    Header,
    /// The id of the HSM.
    Instance,
    /// The act's id.
    Id,
    /// What the act is about.
    Subject,
    /// The time at which the act was written.
    Created,
    /// The last second in which the act can be approved.
    Expires,
    /// The act's digest in an approval.
    Act,
    /// The index of a share.
    Index,
    /// The signature.
    Signature,
}

impl fmt::Display for ApprovalField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Version => "version",
            Self::Kind => "kind",
            Self::Domain => "domain id",
            Self::Epoch => "epoch",
            Self::Header => "header's digest",
            Self::Instance => "instance id",
            Self::Id => "act id",
            Self::Subject => "subject",
            Self::Created => "created",
            Self::Expires => "expires",
            Self::Act => "act's digest",
            Self::Index => "index",
            Self::Signature => "signature",
        })
    }
}

/// Why bytes are not an act or not an approval. Every cause can be found without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ApprovalFileError {
    /// The version is not supported.
    UnknownVersion(u64),
    /// The act is of a kind that this version does not know.
    UnknownKind(u64),
    /// The field has the wrong type, or is out of bounds.
    Malformed(ApprovalField),
    /// The file is well-formed, but not in the single encoding that is allowed, or bytes follow it.
    NotDeterministic,
    /// The act expires before it was written, or it expires and its HSM has no clock.
    Expiry,
}

impl From<Malformed<ApprovalField>> for ApprovalFileError {
    fn from(Malformed(field): Malformed<ApprovalField>) -> Self {
        Self::Malformed(field)
    }
}

impl fmt::Display for ApprovalFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => write!(f, "version {version} is unknown"),
            Self::UnknownKind(kind) => write!(f, "acts of kind {kind} are unknown"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic => {
                f.write_str("the file is not in deterministic encoding, or bytes follow it")
            }
            Self::Expiry => f.write_str("expires is before created, or there is no clock"),
        }
    }
}

impl core::error::Error for ApprovalFileError {}
