// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of a domain, a header, an HSM and an algorithm suite, and the epoch.

use core::fmt;
use core::num::NonZeroU32;

use crate::ed25519::VerifyKey;
use crate::labels::Purpose;

/// Bytes that name something, printed and read as hexadecimal digits.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Makes it from its bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        /// Prints two hexadecimal digits for each byte.
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $crate::hex::print(&self.0, f)
            }
        }

        /// Reads what is printed, in capitals or not.
        impl core::str::FromStr for $name {
            type Err = $crate::hex::HexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::hex::parse(text).map(Self)
            }
        }
    };
}

pub(crate) use id;

id! {
    /// The permanent name of a domain: a digest of the key that signs for it, so the domain can
    /// prove its id.
    DomainId, 32
}

id! {
    /// The digest of a header, which covers all public data of a sealed domain.
    HeaderDigest, 32
}

id! {
    /// The name of one HSM, which the HSM draws itself.
    InstanceId, 16
}

id! {
    /// The state of an HSM's log after its newest record: the root of the Merkle tree of all
    /// records ([`custody`](crate::custody)).
    LedgerHead, 32
}

impl LedgerHead {
    /// There is no log, or it has no record.
    pub const NONE: Self = Self([0; 32]);
}

id! {
    /// What a domain commits to when it is born: the digest of a post-quantum verify key that its root
    /// gives, `D("post-quantum identity", ML-DSA-87 verify key)` (`docs/format.md`), or zeros.
    ///
    /// The domain's id covers it. So a domain that commits can prove later, with a signature that a
    /// quantum computer cannot forge, that it is the one of this id.
    BirthCommitment, 32
}

impl BirthCommitment {
    /// The domain commits to nothing.
    pub const NONE: Self = Self([0; 32]);
}

impl DomainId {
    /// `D("domain id", birth suite, domain verify key, birth commitment)` (`docs/format.md`).
    pub(crate) fn new(birth_suite: Suite, key: &VerifyKey, commitment: &BirthCommitment) -> Self {
        let suite = [birth_suite.code()];
        let parts = [suite.as_slice(), key.as_bytes(), commitment.as_bytes()];
        Self(Purpose::DomainId.digest(parts))
    }
}

/// The algorithms of a sealed domain. The number is the code in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum Suite {
    /// SHA-256, HKDF-SHA-256, AES-256-GCM, Ed25519, Shamir's scheme over GF(2^8).
    One = 1,
}

impl Suite {
    pub(crate) const fn from_code(code: u64) -> Result<Self, UnknownSuite> {
        match code {
            1 => Ok(Self::One),
            _ => Err(UnknownSuite { code }),
        }
    }

    /// Returns the code in files.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A suite that is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_structs,
    reason = "a code is all that is known of it"
)]
pub struct UnknownSuite {
    /// The code in files.
    pub code: u64,
}

impl fmt::Display for UnknownSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            RESERVED => write!(
                f,
                "suite {RESERVED} (SHA-384, HKDF-SHA-384, AES-256-GCM, Ed25519 with ML-DSA-87) is not supported yet"
            ),
            code => write!(f, "suite {code} is unknown"),
        }
    }
}

impl core::error::Error for UnknownSuite {}

/// The suite that is reserved.
const RESERVED: u64 = 2;

/// Which of a domain's successive quorums: 1 for the first, one more at each rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Epoch(NonZeroU32);

impl Epoch {
    /// The first epoch.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Makes the epoch with this number; `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Returns the next epoch; `None` after 2^32 - 1.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
