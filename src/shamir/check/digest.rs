// SPDX-License-Identifier: MIT OR Apache-2.0
//! Digests of shares, each of which checks one share on its own.

use core::fmt;

use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use rand_core::TryCryptoRng;
use sha2::Sha256;

use crate::hex;
use crate::labels::Purpose;
use crate::mac::keyed;
use crate::quorum::Quorum;
use crate::rng::{self, RngError};
use crate::secret::Secret;
use crate::shamir::ShareRow;

/// Identifies one set of shares: 16 random public bytes, drawn once for each split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetId([u8; 16]);

impl SetId {
    /// Draws a new set id.
    ///
    /// # Errors
    ///
    /// [`RngError`] if `rng` failed.
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        let mut bytes = [0; 16];
        rng::fill(rng, &mut bytes)?;
        Ok(Self(bytes))
    }

    /// Makes a set id from its bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Prints 32 hexadecimal digits.
impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::print(&self.0, f)
    }
}

/// The public digest of a share, to be kept apart from the shares: `HMAC-SHA-256(blind, label ||
/// set id || threshold || count || index || share)`.
///
/// The blind is 32 random bytes that the share's holder keeps with the share. Without it, a digest
/// reveals nothing about the share; a plain digest would reveal a short secret, or a share of one,
/// to anyone who tries all values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShareDigest([u8; 32]);

impl ShareDigest {
    /// Computes the digest of `share`.
    ///
    /// Secret: `blind`, the share. Public: the set, the quorum, the index, the length, the digest.
    /// Leaks: nothing else.
    pub fn of(blind: &Secret<32>, set: SetId, quorum: Quorum, share: ShareRow<'_>) -> Self {
        Self::with(blind.expose(), set, quorum, share)
    }

    pub(in crate::shamir) fn with(
        blind: &[u8; 32],
        set: SetId,
        quorum: Quorum,
        share: ShareRow<'_>,
    ) -> Self {
        let mut mac: Hmac<Sha256> = keyed(blind);
        mac.update(Purpose::ShareDigest.label().as_bytes());
        mac.update(&set.0);
        mac.update(&[
            quorum.threshold().get(),
            quorum.count().get(),
            share.index.get(),
        ]);
        mac.update(share.value);
        let mut digest = [0; 32];
        mac.finalize_into((&mut digest).into());
        Self(digest)
    }

    /// Makes a digest from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Prints 64 hexadecimal digits.
impl fmt::Display for ShareDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::print(&self.0, f)
    }
}
