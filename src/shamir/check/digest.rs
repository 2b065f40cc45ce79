// SPDX-License-Identifier: MIT OR Apache-2.0
//! Digests of shares, by which each can be checked by itself.

use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use rand_core::TryCryptoRng;
use sha2::Sha256;

use crate::ct;
use crate::labels::Purpose;
use crate::mac::keyed;
use crate::quorum::Quorum;
use crate::rng::{self, RngError};
use crate::secret::Secret;
use crate::shamir::encoded::{EncodedShare, MixedShares, same_set};
use crate::shamir::{IndexSet, ShareRow};

/// Which dealing a share belongs to: 16 random bytes, public, drawn once for each set of shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetId([u8; 16]);

impl SetId {
    /// Draws one.
    ///
    /// # Errors
    ///
    /// [`RngError`] if `rng` failed.
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        let mut bytes = [0; 16];
        rng::fill(rng, &mut bytes)?;
        Ok(Self(bytes))
    }

    /// The one with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// `HMAC-SHA-256(blind, label || set id || threshold || count || index || share)`: public, and kept
/// apart from the shares.
///
/// The blind is 32 random bytes that the share's holder keeps with the share. Without it, a digest says
/// nothing about the share: a plain digest would give away a short secret, or a share of one, to who
/// tries all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShareDigest([u8; 32]);

impl ShareDigest {
    /// The digest of `share`.
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

    /// The one with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The shares that do not have the digest that `digests` gives for their index: one digest for each
/// share of the quorum, in the order of the indices, as kept from the dealing. A share that has no
/// digest there is wrong. Of two shares with one index, one that is wrong names the index.
///
/// Secret: the shares and their blinds. Public: the rest. Leaks: which shares are wrong.
///
/// # Errors
///
/// [`MixedShares`] if the shares are not of one set and one quorum.
pub fn name_wrong(
    shares: &[EncodedShare<'_>],
    digests: &[ShareDigest],
) -> Result<IndexSet, MixedShares> {
    same_set(shares)?;
    let mut wrong = IndexSet::EMPTY;
    for share in shares {
        let index = share.row().index;
        let digest = digests.get(usize::from(index.get()) - 1);
        let right =
            digest.is_some_and(|digest| ct::eq_bytes(&digest.0, &share.digest().0).declassify());
        if !right {
            wrong.insert(index);
        }
    }
    Ok(wrong)
}
