// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a step of a rotation was refused.

use core::fmt;

use crate::approval::ApprovalError;
use crate::custodian::{CustodianId, WrapError};
use crate::drill::{ChallengeDigest, ChallengeError, ResponseError};
use crate::sealed_domain::{Epoch, HeaderDigest};

/// Why a step of a rotation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RotationError {
    /// There is no epoch after the present one.
    LastEpoch,
    /// Too few of the present custodians have consented.
    NoConsent {
        /// How many have.
        have: u8,
        /// How many must.
        need: u8,
    },
    /// Too few of the new custodians have proven that they can use the pending file.
    NoProof {
        /// How many have.
        have: u8,
        /// How many must.
        need: u8,
    },
    /// The present file does not allow a break-glass.
    NoBreakGlass,
    /// The glass is not broken.
    GlassIntact,
    /// The rotation would expire before its consent is no longer needed.
    ExpiresBefore {
        /// The last second of the rotation.
        expires: u64,
        /// The time from which it would need no consent.
        opens: u64,
    },
    /// Too few of the present custodians have consented, and the delay of the break-glass is not over.
    TooEarly {
        /// How many have consented.
        have: u8,
        /// How many must, until no consent is needed.
        need: u8,
        /// The time from which no consent is needed.
        opens: u64,
        /// The time now.
        now: u64,
    },
    /// The veto is refused.
    Veto(ApprovalError),
    /// The challenge was not written.
    Challenge(ChallengeError),
    /// The answer does not belong to the newest challenge of this rotation.
    OtherChallenge {
        /// The given challenge.
        have: ChallengeDigest,
        /// The newest one; `None` if there is none.
        want: Option<ChallengeDigest>,
    },
    /// The answer is refused.
    Response(ResponseError),
    /// The answer shows that somebody knows this custodian's share, and not that he has his key.
    ShareKnownOnly(CustodianId),
    /// Two files have the same epoch of the domain: two HSMs have changed its quorum at the same
    /// time. An operator has to choose.
    EpochFork {
        /// The epoch.
        epoch: Epoch,
        /// The header of the given file.
        have: HeaderDigest,
        /// The header that this HSM has.
        want: HeaderDigest,
    },
}

impl RotationError {
    /// Returns whether an internal check failed.
    pub(in crate::lifecycle) const fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Challenge(ChallengeError::Fault)
                | Self::Challenge(ChallengeError::Wrap(_, WrapError::Fault))
                | Self::Response(ResponseError::Fault)
                | Self::Veto(ApprovalError::Fault)
        )
    }
}

impl fmt::Display for RotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastEpoch => f.write_str("there is no epoch after the present one"),
            Self::NoConsent { have, need } => write!(
                f,
                "{have} of the present custodians have consented, and {need} must"
            ),
            Self::NoProof { have, need } => write!(
                f,
                "{have} of the new custodians have proven that they can use the file, and {need} must"
            ),
            Self::NoBreakGlass => {
                f.write_str("the present file does not allow a rotation without consent")
            }
            Self::GlassIntact => f.write_str("no break-glass has begun"),
            Self::ExpiresBefore { expires, opens } => write!(
                f,
                "the rotation expires at {expires}, and would need no consent only from {opens} on"
            ),
            Self::TooEarly {
                have,
                need,
                opens,
                now,
            } => write!(
                f,
                "{have} of the present custodians have consented, and {need} must until {opens}; it is {now}"
            ),
            Self::Veto(error) => error.fmt(f),
            Self::Challenge(error) => error.fmt(f),
            Self::OtherChallenge { have, want: None } => {
                write!(f, "this is challenge {have}, and the HSM has made none")
            }
            Self::OtherChallenge {
                have,
                want: Some(want),
            } => write!(
                f,
                "this is challenge {have}, and the HSM's newest is {want}"
            ),
            Self::Response(error) => error.fmt(f),
            Self::ShareKnownOnly(id) => write!(
                f,
                "the answer of custodian {id} shows only that the share is known, not the key"
            ),
            Self::EpochFork { epoch, have, want } => write!(
                f,
                "the domain has two files of epoch {epoch}: this one has header {have}, the HSM's {want}"
            ),
        }
    }
}

impl core::error::Error for RotationError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Veto(error) => error.source(),
            Self::Challenge(error) => error.source(),
            Self::Response(error) => error.source(),
            _ => None,
        }
    }
}
