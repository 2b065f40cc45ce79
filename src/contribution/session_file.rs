// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why bytes are not a file of a session, which is a request or a contribution.

use core::fmt;

use crate::cbor::Malformed;
use crate::custodian::Algorithm;
#[cfg(any(feature = "p256", feature = "pq"))]
use crate::kem;
use crate::rsa::KeyError;

/// A part of a request or a contribution, named as in `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SessionField {
    /// The whole file.
    File,
    /// The request in its file; in a contribution, the request's digest.
    Request,
    /// The version.
    Version,
    /// The purpose.
    Purpose,
    /// The session id.
    Session,
    /// The digest of the header.
    Header,
    /// The domain id.
    Domain,
    /// The epoch.
    Epoch,
    /// The transfer key.
    Transfer,
    /// The id of the HSM that asks.
    Instance,
    /// The version of that HSM's firmware.
    ModuleVersion,
    /// The time at which the HSM asked.
    Created,
    /// The time at which the request expires.
    Expires,
    /// The head of the HSM's ledger.
    LedgerHead,
    /// The digest of the proposal.
    Proposal,
    /// The index of the share.
    Index,
    /// The wrapped share.
    Wrapped,
    /// The signature.
    Signature,
}

impl fmt::Display for SessionField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Request => "request",
            Self::Version => "version",
            Self::Purpose => "purpose",
            Self::Session => "session id",
            Self::Header => "header's digest",
            Self::Domain => "domain id",
            Self::Epoch => "epoch",
            Self::Transfer => "transfer key",
            Self::Instance => "instance id",
            Self::ModuleVersion => "module version",
            Self::Created => "created",
            Self::Expires => "expires",
            Self::LedgerHead => "ledger head",
            Self::Proposal => "proposal",
            Self::Index => "index",
            Self::Wrapped => "wrapped share",
            Self::Signature => "signature",
        })
    }
}

/// Why bytes are not a request or not a contribution. Every cause can be found without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SessionFileError {
    /// The version is not supported.
    UnknownVersion(u64),
    /// The field has the wrong type, or is out of bounds.
    Malformed(SessionField),
    /// The field is well-formed, but not in the single encoding that is allowed, or bytes follow
    /// it.
    NotDeterministic(SessionField),
    /// The purpose is unknown.
    UnknownPurpose(u64),
    /// The transfer key's algorithm is unknown.
    UnknownAlgorithm(u64),
    /// No transfer key can be of this kind, or this build has no such kind.
    UnsupportedTransferKey(Algorithm),
    /// The transfer key is refused.
    TransferKey(KeyError),
    /// The transfer key, which is not an RSA key, is refused.
    #[cfg(any(feature = "p256", feature = "pq"))]
    KemTransferKey(kem::KeyError),
    /// The request expires before it was made, or it expires and the HSM has no clock.
    Expiry,
}

impl From<Malformed<SessionField>> for SessionFileError {
    fn from(Malformed(field): Malformed<SessionField>) -> Self {
        Self::Malformed(field)
    }
}

impl fmt::Display for SessionFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => write!(f, "version {version} is unknown"),
            Self::Malformed(field) => write!(f, "the {field} is malformed or out of bounds"),
            Self::NotDeterministic(field) => {
                write!(
                    f,
                    "the {field} is not in deterministic encoding, or bytes follow it"
                )
            }
            Self::UnknownPurpose(purpose) => write!(f, "purpose {purpose} is unknown"),
            Self::UnknownAlgorithm(code) => {
                write!(f, "the transfer key's algorithm {code} is unknown")
            }
            Self::UnsupportedTransferKey(kind) => {
                write!(f, "transfer keys of the kind {kind} are not supported")
            }
            Self::TransferKey(_) => f.write_str("the transfer key is refused"),
            #[cfg(any(feature = "p256", feature = "pq"))]
            Self::KemTransferKey(_) => f.write_str("the transfer key is refused"),
            Self::Expiry => f.write_str("expires is before created, or there is no clock"),
        }
    }
}

impl core::error::Error for SessionFileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::TransferKey(error) => Some(error),
            #[cfg(any(feature = "p256", feature = "pq"))]
            Self::KemTransferKey(error) => Some(error),
            _ => None,
        }
    }
}
