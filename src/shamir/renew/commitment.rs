// SPDX-License-Identifier: MIT OR Apache-2.0
//! What new shares are held against before they replace old ones.

use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::ct;
use crate::labels::Purpose;
use crate::mac::keyed;
use crate::quorum::Quorum;
use crate::secret::{Secret, wipe};
use crate::shamir::{CombineError, ShareRow, combine_rows};

/// `HMAC-SHA-256(blind, label || secret)`: fixes a secret without telling anything of it to who does not
/// have the blind, 32 random bytes that are kept with care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// The commitment to `secret`, made by the dealer.
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

    /// The one with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Recombines `shares` in `scratch`, as long as each of them, and wipes it: whether they are shares
    /// of the secret committed to. For a place that may hold the secret for a moment; the answer is
    /// what tells the holders to let the old shares go.
    ///
    /// Secret: `blind`, the shares, `scratch`. Public: the lengths, the indices, `quorum`. Leaks:
    /// whether they agree, and whether they are the secret's.
    ///
    /// # Errors
    ///
    /// [`ConfirmError`].
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

/// Why new shares do not replace the old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfirmError {
    /// They do not combine.
    Shares(CombineError),
    /// They combine to another secret than the one committed to.
    AnotherSecret,
}

impl core::fmt::Display for ConfirmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Shares(_) => f.write_str("the shares do not combine"),
            Self::AnotherSecret => f.write_str("the shares are those of another secret"),
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
