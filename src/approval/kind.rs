// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an HSM can ask custodians to approve.

use core::fmt;

/// What an act does. The number is its code in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum ActKind {
    /// The HSM emits the release of a sealed domain again, with which its custodians can open it.
    EmitRelease = 1,
    /// The HSM writes a backup of everything that it keeps.
    FullBackup = 2,
    /// The HSM gives up a change of the quorum that was begun without the quorum's consent.
    VetoBreakGlass = 3,
    /// The HSM ends a review of what it did.
    CloseReview = 4,
    /// The HSM no longer demands approvals.
    DropDemands = 5,
}

impl ActKind {
    /// Returns the number that stands for it in an act.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns what this number stands for.
    pub(crate) const fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            1 => Self::EmitRelease,
            2 => Self::FullBackup,
            3 => Self::VetoBreakGlass,
            4 => Self::CloseReview,
            5 => Self::DropDemands,
            _ => return None,
        })
    }
}

impl fmt::Display for ActKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmitRelease => "emit the release again",
            Self::FullBackup => "write a full backup",
            Self::VetoBreakGlass => "veto a break-glass",
            Self::CloseReview => "close a review",
            Self::DropDemands => "demand no approvals",
        })
    }
}
