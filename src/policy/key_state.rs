// SPDX-License-Identifier: MIT OR Apache-2.0
//! The states of a key (SP 800-57 part 1 revision 5 section 7).

use core::fmt;

use crate::custody::LossKind;

/// The state of a key: of a custodian's, or of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyState {
    /// It was made, and is not in use yet (section 7.1). A domain is until it is activated.
    PreActivation,
    /// It is in use (section 7.2).
    Active,
    /// It is not to be used for a time (section 7.3): a custodian's key that was lost and may be
    /// found again.
    Suspended,
    /// It protects nothing new, and opens what it has protected (section 7.4): a domain with a
    /// successor, whose backups are still restored.
    Deactivated,
    /// Somebody may know it who must not (section 7.5).
    Compromised,
    /// It no longer exists (section 7.6).
    Destroyed,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreActivation => "pre-activation",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
            Self::Compromised => "compromised",
            Self::Destroyed => "destroyed",
        })
    }
}

/// The state of a custodian's key after a loss that is not closed.
impl From<LossKind> for KeyState {
    fn from(loss: LossKind) -> Self {
        match loss {
            LossKind::Lost => Self::Suspended,
            LossKind::Destroyed => Self::Destroyed,
            LossKind::Compromised => Self::Compromised,
        }
    }
}
