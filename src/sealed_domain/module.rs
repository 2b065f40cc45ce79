// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kind and version of an HSM's firmware, as far as a sealed domain depends on it.
//!
//! A domain that newer firmware has sealed may be of no use to older firmware: it holds an artifact
//! that the older one cannot install, say. So the sealer states the lowest version that can use the
//! domain, and an older HSM refuses before any custodian is asked.

use core::fmt;

use super::text::{TextError, check};
use crate::ct::Mask;
use crate::hardened::{Permit, Verdict};

/// The name of a kind of HSM firmware, for example `example-hsm`: at most
/// [`MAX_TEXT_LEN`](super::MAX_TEXT_LEN) bytes, possibly none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ModuleName<'a>(&'a str);

impl<'a> ModuleName<'a> {
    /// No name.
    pub const NONE: Self = Self("");

    /// Makes a name after checking its length and characters.
    ///
    /// # Errors
    ///
    /// [`TextError::TooLong`] and [`TextError::Character`].
    pub fn new(text: &'a str) -> Result<Self, TextError> {
        check(text).map(Self)
    }

    /// Returns the text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The version of an HSM's firmware. The vendor counts; a later version has a higher number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ModuleVersion(u32);

impl ModuleVersion {
    /// The version of firmware that does not count, and the floor that every version reaches.
    pub const NONE: Self = Self(0);

    /// Makes the version with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The firmware that sealed a domain, and the lowest version of it that can use the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller must fill in every field"
)]
pub struct ModuleFloor<'a> {
    /// The firmware that sealed.
    pub module: ModuleName<'a>,
    /// The lowest version that can use the domain.
    pub minimum: ModuleVersion,
}

impl ModuleFloor<'_> {
    /// Every version can use the domain, and no firmware is named.
    pub const NONE: Self = Self {
        module: ModuleName::NONE,
        minimum: ModuleVersion::NONE,
    };

    /// Returns a permit if firmware of version `have` can use the domain.
    pub(crate) fn permit(&self, have: ModuleVersion) -> Result<Permit, NeedsNewerModule> {
        let need = self.minimum;
        Verdict::twice(|| !Mask::lt(have.get(), need.get())).permit(NeedsNewerModule { have, need })
    }
}

/// The firmware is older than the sealed domain allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "the two versions say it all")]
pub struct NeedsNewerModule {
    /// The version of the firmware.
    pub have: ModuleVersion,
    /// The lowest version that can use the domain.
    pub need: ModuleVersion,
}

impl fmt::Display for NeedsNewerModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { have, need } = self;
        write!(
            f,
            "the domain needs an HSM of module version {need} or later; this one has {have}"
        )
    }
}

impl core::error::Error for NeedsNewerModule {}
