// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a collector took no contribution, or sealed no domain.

use core::fmt;

use crate::contribution::RequestDigest;
use crate::hardened;
use crate::managed_hsm::domain_file::CombineError;
use crate::managed_hsm::error::WriteError;
use crate::managed_hsm::file_digest::FileDigest;
use crate::x509::Thumbprint;

/// Why a contribution was not taken. The collector is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CollectError<E> {
    /// The request is for another file.
    OtherFile {
        /// The file that the request names.
        have: FileDigest,
        /// The given file.
        want: FileDigest,
    },
    /// The contribution answers another request.
    OtherSession {
        /// The request that it answers.
        have: RequestDigest,
        /// The request of this session.
        want: RequestDigest,
    },
    /// The session has expired.
    Expired {
        /// When the session expired.
        expires: u64,
        /// The time now.
        now: u64,
    },
    /// The file lists no such custodian.
    NotListed(Thumbprint),
    /// The contribution in the name of this custodian holds no share for this session. Deliberately
    /// gives no reason.
    DoesNotOpen(Thumbprint),
    /// Another share in the name of this custodian is there. One of the two is wrong; combining
    /// finds out which, if there are others.
    OtherShare(Thumbprint),
    /// The device that holds the session's key failed before any decryption.
    Device(E),
    /// An internal check failed in this crate, or in the device that holds the session's key.
    Fault,
}

impl<E> From<hardened::Fault> for CollectError<E> {
    fn from(_: hardened::Fault) -> Self {
        Self::Fault
    }
}

impl<E> fmt::Display for CollectError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherFile { have, want } => {
                write!(
                    f,
                    "the request asks for the shares of file {have}, not {want}"
                )
            }
            Self::OtherSession { have, want } => {
                write!(f, "the contribution answers request {have}, not {want}")
            }
            Self::Expired { expires, now } => {
                write!(f, "the session expired at {expires}; it is {now}")
            }
            Self::NotListed(custodian) => {
                write!(f, "the file does not list custodian {custodian}")
            }
            Self::DoesNotOpen(custodian) => {
                write!(f, "the contribution of custodian {custodian} does not open")
            }
            Self::OtherShare(custodian) => {
                write!(
                    f,
                    "another share of custodian {custodian} was contributed before"
                )
            }
            Self::Device(_) => f.write_str("the session key's device failed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for CollectError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            _ => None,
        }
    }
}

/// Why the domain was not sealed to the transfer key. The shares are kept, and others can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FinishError {
    /// The request names another transfer certificate.
    OtherTransferKey {
        /// The given certificate.
        have: Thumbprint,
        /// The certificate that the request names.
        want: Thumbprint,
    },
    /// The session has expired.
    Expired {
        /// When the session expired.
        expires: u64,
        /// The time now.
        now: u64,
    },
    /// The shares do not combine. With exactly as many as the quorum needs, a wrong one cannot be
    /// identified.
    Combine(CombineError),
    /// The restore blob was not written.
    Write(WriteError),
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl fmt::Display for FinishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherTransferKey { have, want } => {
                write!(
                    f,
                    "the request names transfer certificate {want}, not {have}"
                )
            }
            Self::Expired { expires, now } => {
                write!(f, "the session expired at {expires}; it is {now}")
            }
            Self::Combine(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for FinishError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Combine(error) => error.source(),
            Self::Write(error) => error.source(),
            _ => None,
        }
    }
}
