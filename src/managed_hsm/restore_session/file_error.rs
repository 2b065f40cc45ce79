// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why bytes are not a file of a restore session.

use core::fmt;

use crate::cbor::Malformed;
use crate::contribution::SessionFileError;
use crate::custodian::Algorithm;
#[cfg(any(feature = "p256", feature = "pq"))]
use crate::kem;
use crate::rsa::KeyError;

/// A part of a request or a contribution, named as in `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Part {
    /// The whole file.
    File,
    /// The version.
    Version,
    /// The session id.
    Session,
    /// The digest of the domain file.
    DomainFile,
    /// The thumbprint of the transfer certificate.
    Transfer,
    /// The session's key.
    Key,
    /// The time at which the collector asked.
    Created,
    /// The time at which the request expires.
    Expires,
    /// In a contribution, the request's digest.
    Request,
    /// The thumbprint of the custodian's certificate.
    Custodian,
    /// The wrapped share.
    Wrapped,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Version => "version",
            Self::Session => "session id",
            Self::DomainFile => "digest of the domain file",
            Self::Transfer => "thumbprint of the transfer certificate",
            Self::Key => "session's key",
            Self::Created => "created",
            Self::Expires => "expires",
            Self::Request => "request's digest",
            Self::Custodian => "custodian's thumbprint",
            Self::Wrapped => "wrapped share",
        })
    }
}

/// Why bytes are not a request to restore or not a contribution to one. Every cause can be found
/// without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RestoreFileError {
    /// The version is not supported.
    UnknownVersion(u64),
    /// The part has the wrong type, or is out of bounds.
    Malformed(Part),
    /// The file is well-formed, but not in the single encoding that is allowed, or bytes follow it.
    NotDeterministic,
    /// The algorithm of the session's key is unknown.
    UnknownAlgorithm(u64),
    /// No session's key can be of this kind, or this build has no such kind.
    UnsupportedKey(Algorithm),
    /// The session's key is refused.
    Key(KeyError),
    /// The session's key, which is not an RSA key, is refused.
    #[cfg(any(feature = "p256", feature = "pq"))]
    KemKey(kem::KeyError),
    /// The request expires before it was made, or it expires and the collector has no clock.
    Expiry,
}

impl From<Malformed<Part>> for RestoreFileError {
    fn from(Malformed(part): Malformed<Part>) -> Self {
        Self::Malformed(part)
    }
}

impl RestoreFileError {
    /// Returns why a session's key is refused.
    pub(super) const fn of_key(error: SessionFileError) -> Self {
        match error {
            SessionFileError::UnsupportedTransferKey(kind) => Self::UnsupportedKey(kind),
            SessionFileError::TransferKey(error) => Self::Key(error),
            #[cfg(any(feature = "p256", feature = "pq"))]
            SessionFileError::KemTransferKey(error) => Self::KemKey(error),
            _ => Self::Malformed(Part::Key),
        }
    }
}

impl fmt::Display for RestoreFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => write!(f, "version {version} is unknown"),
            Self::Malformed(part) => write!(f, "the {part} is malformed or out of bounds"),
            Self::NotDeterministic => {
                f.write_str("the file is not in deterministic encoding, or bytes follow it")
            }
            Self::UnknownAlgorithm(code) => {
                write!(f, "the algorithm {code} of the session's key is unknown")
            }
            Self::UnsupportedKey(kind) => {
                write!(f, "a session's key of the kind {kind} is not supported")
            }
            Self::Key(_) => f.write_str("the session's key is refused"),
            #[cfg(any(feature = "p256", feature = "pq"))]
            Self::KemKey(_) => f.write_str("the session's key is refused"),
            Self::Expiry => f.write_str("expires is before created, or there is no clock"),
        }
    }
}

impl core::error::Error for RestoreFileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Key(error) => Some(error),
            #[cfg(any(feature = "p256", feature = "pq"))]
            Self::KemKey(error) => Some(error),
            _ => None,
        }
    }
}
