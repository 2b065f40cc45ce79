// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why bytes are not a file of a drill, which is a challenge or a response.

use core::fmt;

use crate::cbor::Malformed;

/// A part of a challenge or a response, named as in `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DrillField {
    /// The whole file.
    File,
    /// The version.
    Version,
    /// The challenge's id; in a response, the challenge's digest.
    Challenge,
    /// The digest of the header.
    Header,
    /// The digest of the domain file.
    DomainFile,
    /// The time at which the challenge was made.
    Created,
    /// The list of the values.
    Values,
    /// The index of a share.
    Index,
    /// The thumbprint of a custodian's certificate.
    Custodian,
    /// The commitment to a value.
    Commitment,
    /// A wrapped value.
    Wrapped,
    /// The value in a response.
    Value,
    /// The signature.
    Signature,
}

impl fmt::Display for DrillField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Version => "version",
            Self::Challenge => "challenge",
            Self::Header => "header's digest",
            Self::DomainFile => "digest of the domain file",
            Self::Created => "created",
            Self::Values => "list of values",
            Self::Custodian => "custodian's thumbprint",
            Self::Index => "index",
            Self::Commitment => "commitment",
            Self::Wrapped => "wrapped value",
            Self::Value => "value",
            Self::Signature => "signature",
        })
    }
}

/// Why bytes are not a challenge or not a response. Every cause can be found without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DrillFileError {
    /// The version is not supported.
    UnknownVersion(u64),
    /// The field has the wrong type, or is out of bounds.
    Malformed(DrillField),
    /// The file is well-formed, but not in the single encoding that is allowed, or bytes follow it.
    NotDeterministic,
}

impl From<Malformed<DrillField>> for DrillFileError {
    fn from(Malformed(field): Malformed<DrillField>) -> Self {
        Self::Malformed(field)
    }
}

impl fmt::Display for DrillFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => write!(f, "version {version} is unknown"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic => {
                f.write_str("the file is not in deterministic encoding, or bytes follow it")
            }
        }
    }
}

impl core::error::Error for DrillFileError {}
