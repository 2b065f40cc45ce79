// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys derived from the data key and from the shares.

use super::id::HeaderDigest;
use crate::ct::{Mask, eq_bytes};
use crate::custodian::CustodianId;
use crate::ed25519::SigningKey;
use crate::hardened::{self, Fault};
use crate::kdf::Pseudorandom;
use crate::labels::Purpose;
use crate::quorum::ShareIndex;
use crate::secret::Secret;
use crate::shamir::Share;

/// The key from which commitment and body key are derived: HKDF-Extract(salt, data key || release).
pub(super) struct SealingKey(Pseudorandom);

impl SealingKey {
    /// Makes an empty key, to be filled by [`derive`](Self::derive).
    pub(super) const fn none() -> Self {
        Self(Pseudorandom::none())
    }

    /// Fills the key in place.
    ///
    /// Secret: `data_key`, `release` (until it is published). Public: `salt`. Leaks: nothing else.
    pub(super) fn derive(
        &mut self,
        salt: &[u8; 32],
        data_key: &Secret<32>,
        release: &[u8; 32],
    ) -> Result<(), Fault> {
        let mut both = Secret::<64>::zeroed();
        let (first, second) = { both.expose_mut() }
            .split_first_chunk_mut::<32>()
            .ok_or(Fault)?;
        hardened::copy(first, data_key.expose())?;
        hardened::copy(second, release)?;
        self.0.extract(salt, both.expose())
    }

    /// Fills `out` with `X(PRK, "commit", H)`. It is secret until it is written, and does not
    /// reveal the key.
    pub(super) fn commitment(
        &self,
        header: &HeaderDigest,
        out: &mut Secret<32>,
    ) -> Result<(), Fault> {
        Purpose::Commit.expand(&self.0, [header.as_bytes()], out)
    }

    /// Returns whether `commitment` belongs to this key.
    ///
    /// Secret: the key. Public: the rest. Leaks: nothing.
    pub(super) fn is_committed(&self, header: &HeaderDigest, commitment: &[u8]) -> Mask {
        let mut own = Secret::zeroed();
        match self.commitment(header, &mut own) {
            Ok(()) => eq_bytes(own.expose(), commitment),
            Err(Fault) => Mask::public(false),
        }
    }

    /// Fills `out` with `X(PRK, "body", H)`, which seals one body.
    pub(super) fn body_key(
        &self,
        header: &HeaderDigest,
        out: &mut Secret<32>,
    ) -> Result<(), Fault> {
        Purpose::Body.expand(&self.0, [header.as_bytes()], out)
    }
}

/// Returns what a wrapped share is bound to: `D("share", C, i, custodian-id)`.
pub(super) fn share_context(core: &[u8; 32], index: ShareIndex, id: &CustodianId) -> [u8; 32] {
    Purpose::Share.digest([core.as_slice(), &[index.get()], id.as_bytes()])
}

/// Fills `key` with the possession key of a share: seed = `X(share, salt = C, "possession", i)`.
///
/// Secret: the share's value, the key. Public: `core`, the index. Leaks: nothing else.
pub(super) fn possession_key(
    core: &[u8; 32],
    share: &Share<32>,
    key: &mut SigningKey,
) -> Result<(), Fault> {
    let index = [share.index().get()];
    Purpose::Possession.derive(share.value().expose(), core, [&index], key.seed_mut())
}

/// Returns what the domain key signs: `D("sealed", H, D("payload", commitment, body))`.
pub(super) fn signed_digest(header: &HeaderDigest, commitment: &[u8], body: &[u8]) -> [u8; 32] {
    let payload = Purpose::Payload.digest([commitment, body]);
    Purpose::Sealed.digest([header.as_bytes().as_slice(), &payload])
}
