// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commitments to a secret, against which new shares are checked before they replace old ones.

use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::ct;
use crate::labels::Purpose;
use crate::mac::keyed;
use crate::quorum::Quorum;
use crate::secret::{Secret, wipe};
use crate::shamir::{CombineError, ShareRow, combine_rows};

/// A commitment to a secret: `HMAC-SHA-256(blind, label || secret)`. It reveals nothing about the
/// secret without the blind, 32 random bytes that must be kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Computes the commitment to `secret`. The dealer does this.
    ///
    /// Secret: `blind`, `secret`. Public: the length, the commitment. Leaks: nothing else.
    pub fn to(blind: &Secret<32>, secret: &[u8]) -> Self {
        let mut mac: Hmac<Sha256> = keyed(blind.expose());
        mac.update(Purpose::SecretCommitment.label().as_bytes());
        mac.update(secret);
        let mut commitment = [0; 32];
        mac.finalize_into((&mut commitment).into());
        Self(commitment)
    }

    /// Makes a commitment from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks that `shares` are shares of the committed secret, by recombining them in `scratch`,
    /// which is as long as each of them and is wiped.
    ///
    /// Call this where the secret may exist for a moment. Once it succeeds, the holders may discard
    /// the old shares.
    ///
    /// Secret: `blind`, the shares, `scratch`. Public: the lengths, the indices, `quorum`. Leaks:
    /// whether they agree, and whether they are the secret's.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ConfirmError`].
    pub fn confirm(
        &self,
        blind: &Secret<32>,
        quorum: Quorum,
        shares: &[ShareRow<'_>],
        scratch: &mut [u8],
    ) -> Result<(), ConfirmError> {
        combine_rows(quorum, shares, scratch).map_err(ConfirmError::Shares)?;
        let again = Self::to(blind, scratch);
        wipe(scratch);
        // The verdict is public.
        if ct::eq_bytes(&self.0, &again.0).declassify() {
            Ok(())
        } else {
            Err(ConfirmError::AnotherSecret)
        }
    }
}

/// Why new shares must not replace the old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ConfirmError {
    /// The shares do not combine.
    Shares(CombineError),
    /// The shares combine to another secret than the committed one.
    AnotherSecret,
}

impl core::fmt::Display for ConfirmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Shares(_) => f.write_str("the shares do not combine"),
            Self::AnotherSecret => f.write_str("the shares belong to another secret"),
        }
    }
}

impl core::error::Error for ConfirmError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Shares(error) => Some(error),
            _ => None,
        }
    }
}
