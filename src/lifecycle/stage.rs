// SPDX-License-Identifier: MIT OR Apache-2.0
//! The stages of a domain.

use core::fmt;

/// The stage of a domain in an HSM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
#[non_exhaustive]
pub enum Stage {
    /// There is no domain.
    Empty = 0,
    /// There is a fresh domain, which is not yet in use.
    Provisioned = 1,
    /// A session gathers a quorum for a sealed domain.
    Recovering = 2,
    /// A session waits for a restore blob of Managed HSM.
    Importing = 3,
    /// The domain of a restore blob waits to be confirmed.
    Imported = 4,
    /// The domain is in use.
    Active = 5,
    /// The domain is in use, and its quorum is to change.
    Rotating = 6,
    /// The domain is in use, and the file of its next quorum is complete.
    Committed = 7,
    /// A session gathers a quorum that rehearses a recovery.
    Rehearsing = 8,
}

impl Stage {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Empty),
            1 => Some(Self::Provisioned),
            2 => Some(Self::Recovering),
            3 => Some(Self::Importing),
            4 => Some(Self::Imported),
            5 => Some(Self::Active),
            6 => Some(Self::Rotating),
            7 => Some(Self::Committed),
            8 => Some(Self::Rehearsing),
            _ => None,
        }
    }

    /// Returns whether the vault holds a domain.
    pub(super) const fn has_domain(self) -> bool {
        matches!(self, Self::Provisioned | Self::Imported) || self.is_in_use()
    }

    /// Returns whether the domain is in use.
    pub(super) const fn is_in_use(self) -> bool {
        matches!(self, Self::Active | Self::Rotating | Self::Committed)
    }

    /// Returns whether there is a session.
    pub(super) const fn is_session(self) -> bool {
        matches!(self, Self::Recovering | Self::Importing | Self::Imported)
            || matches!(self, Self::Rotating | Self::Committed | Self::Rehearsing)
    }

    /// Returns whether the session can still have a transfer key.
    pub(super) const fn has_key(self) -> bool {
        matches!(self, Self::Recovering | Self::Rehearsing)
            || matches!(self, Self::Importing | Self::Rotating)
    }

    /// Returns whether this build cannot continue from this stage.
    pub(super) const fn is_left_out(self) -> bool {
        !cfg!(feature = "managed-hsm") && matches!(self, Self::Importing | Self::Imported)
    }
}

/// Prints the stage in one word.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Provisioned => "provisioned",
            Self::Recovering => "recovering",
            Self::Importing => "importing",
            Self::Imported => "imported",
            Self::Active => "active",
            Self::Rotating => "rotating",
            Self::Committed => "committed",
            Self::Rehearsing => "rehearsing",
        })
    }
}
