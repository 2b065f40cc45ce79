// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why an act was not done.

use core::fmt;

use crate::approval::{ActKind, SpendError};

/// Why an act was not done, or nobody was asked to approve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DemandError {
    /// The HSM demands a quorum's approval for acts of this kind.
    NeedsApproval(ActKind),
    /// Acts of this kind are not asked for here.
    CannotAsk(ActKind),
    /// No act is open: nobody was asked, or the act was done, or another epoch has begun.
    NotAsked,
    /// The open act is of another kind.
    OtherKind {
        /// The kind of the open act.
        have: ActKind,
        /// What was to be done.
        want: ActKind,
    },
    /// The open act has expired.
    Expired {
        /// The last second in which it could be done.
        expires: u64,
        /// The time now.
        now: u64,
    },
    /// Another act than the open one is approved.
    Spend(SpendError),
}

impl DemandError {
    /// Returns whether an internal check failed.
    pub(in crate::lifecycle) const fn is_fault(&self) -> bool {
        matches!(self, Self::Spend(SpendError::Fault))
    }
}

impl fmt::Display for DemandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsApproval(kind) => write!(f, "a quorum must first approve to {kind}"),
            Self::CannotAsk(kind) => write!(f, "approval to {kind} is not asked for here"),
            Self::NotAsked => f.write_str("no act of this HSM waits for approval"),
            Self::OtherKind { have, want } => write!(
                f,
                "the act that waits for approval is to {have}, not to {want}"
            ),
            Self::Expired { expires, now } => {
                write!(f, "the act expired at {expires}; it is {now}")
            }
            Self::Spend(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DemandError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Spend(error) => error.source(),
            _ => None,
        }
    }
}
