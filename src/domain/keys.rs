// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is derived from the data key and from the shares.

use super::id::HeaderDigest;
use crate::custodian::CustodianId;
use crate::ed25519::SigningKey;
use crate::kdf;
use crate::purpose::Purpose;
use crate::quorum::ShareIndex;
use crate::secret::Secret;
use crate::shamir::Share;

/// The key from which commitment and body key come: HKDF-Extract(salt, data key || release).
pub(super) struct SealingKey(Secret<32>);

impl SealingKey {
    /// Secret: `data_key`, `release` (until it is published). Public: `salt`. Leaks: nothing else.
    pub(super) fn new(salt: &[u8; 32], data_key: &Secret<32>, release: &[u8; 32]) -> Self {
        let mut both = Secret::<64>::zeroed();
        let parts = data_key.expose().iter().chain(release);
        for (to, from) in both.expose_mut().iter_mut().zip(parts) {
            *to = *from;
        }
        Self(kdf::hkdf_extract(salt, both.expose()))
    }

    /// `X(PRK, "commit", H)`: secret until it is written, and nothing tells the key from it.
    pub(super) fn commitment(&self, header: &HeaderDigest) -> Secret<32> {
        Purpose::Commit.expand(&self.0, [header.as_bytes()])
    }

    /// `X(PRK, "body", H)`: it seals one body.
    pub(super) fn body_key(&self, header: &HeaderDigest) -> Secret<32> {
        Purpose::Body.expand(&self.0, [header.as_bytes()])
    }
}

/// What a wrapped share is bound to: `D("share", C, i, custodian-id)`.
pub(super) fn share_context(core: &[u8; 32], index: ShareIndex, id: &CustodianId) -> [u8; 32] {
    Purpose::Share.digest([core.as_slice(), &[index.get()], id.as_bytes()])
}

/// The possession key of a share: seed = `X(share, salt = C, "possession", i)`.
///
/// Secret: the share's value, the key. Public: `core`, the index. Leaks: nothing else.
pub(super) fn possession_key(core: &[u8; 32], share: &Share<32>) -> SigningKey {
    let index = [share.index().get()];
    SigningKey::from_seed(&Purpose::Possession.derive(share.value().expose(), core, [&index]))
}

/// What the domain key signs: `D("sealed", H, D("payload", commitment, body))`.
pub(super) fn signed_digest(header: &HeaderDigest, commitment: &[u8], body: &[u8]) -> [u8; 32] {
    let payload = Purpose::Payload.digest([commitment, body]);
    Purpose::Sealed.digest([header.as_bytes().as_slice(), &payload])
}
