// SPDX-License-Identifier: MIT OR Apache-2.0
//! Encrypts the body, root and artifacts, in private memory, and opens it again there.

use core::iter;

use heapless::Vec;

use super::Sealing;
use crate::aead;
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Fault, Permit, Verdict, copy};
use crate::quorum::Quorum;
use crate::sealed_domain::MAX_CUSTODIANS;
use crate::sealed_domain::error::SealError;
use crate::sealed_domain::id::HeaderDigest;
use crate::sealed_domain::keys::SealingKey;
use crate::secret::Secret;
use crate::shamir::{self, Share};

impl<K> Sealing<'_, K> {
    /// Writes root and artifacts to `clear`, and encrypts them into `body`, which also has room for
    /// the tag.
    ///
    /// Secret: the key, root and artifacts. Public: the lengths. Leaks: nothing else.
    pub(super) fn seal_body(
        &self,
        key: &SealingKey,
        header: &HeaderDigest,
        clear: &mut [u8],
        body: &mut [u8],
    ) -> Result<(), SealError> {
        let (sealed, tag) = body.split_last_chunk_mut().ok_or(SealError::Fault)?;
        let mut rest = &mut *clear;
        for part in self.plaintext() {
            let (slot, after) = rest
                .split_at_mut_checked(part.len())
                .ok_or(SealError::Fault)?;
            copy(slot, part)?;
            rest = after;
        }
        let mut body_key = Secret::zeroed();
        key.body_key(header, &mut body_key)?;
        Ok(aead::seal(&body_key, clear, sealed, tag)?)
    }

    /// Opens `body` into `clear` with a key rebuilt from the shares, and compares the contents.
    /// Returns a permit to let the body leave.
    ///
    /// Secret: the key, root and artifacts. Public: the lengths. Leaks: whether it opened.
    pub(super) fn check_body(
        &self,
        key: &SealingKey,
        header: &HeaderDigest,
        clear: &mut [u8],
        body: &[u8],
    ) -> Result<Permit, SealError> {
        let (sealed, tag) = body.split_last_chunk().ok_or(SealError::Fault)?;
        let same = Verdict::twice(|| {
            clear.fill(0);
            let mut body_key = Secret::zeroed();
            match key.body_key(header, &mut body_key) {
                Ok(()) => aead::open(&body_key, sealed, tag, clear) & self.is_plaintext(clear),
                Err(Fault) => Mask::public(false),
            }
        })
        .permit(SealError::Fault)?;
        let covered = Verdict::twice(|| !self.is_plaintext(sealed)).permit(SealError::Fault)?;
        Ok(same.and(covered))
    }

    /// Returns whether `text` is the body in the clear.
    ///
    /// Secret: root and artifacts, `text`. Public: the lengths. Leaks: nothing else.
    fn is_plaintext(&self, text: &[u8]) -> Mask {
        let mut rest = text;
        let mut equal = Mask::public(true);
        for part in self.plaintext() {
            let Some((have, after)) = rest.split_at_checked(part.len()) else {
                return Mask::public(false);
            };
            equal &= eq_bytes(have, part);
            rest = after;
        }
        equal & Mask::public(rest.is_empty())
    }

    /// Iterates over the parts of the body in the clear: the root, then the artifacts.
    fn plaintext(&self) -> impl Iterator<Item = &[u8]> {
        let artifacts = self.artifacts.iter().map(|(_, artifact)| *artifact);
        iter::once(self.root.secret().expose().as_slice()).chain(artifacts)
    }
}

/// Rebuilds the data key into `out` from the first shares. First checks that every further share lies
/// on the same polynomial and that all of them together give the same key.
///
/// Secret: the key, the shares, `out`. Public: the quorum. Leaks: whether they agree.
pub(super) fn rebuild(
    data_key: &Secret<32>,
    quorum: Quorum,
    shares: &[Option<Share<32>>],
    out: &mut Secret<32>,
) -> Result<(), SealError> {
    let mut all = Vec::<&Share<32>, MAX_CUSTODIANS>::new();
    for share in shares.iter().flatten() {
        all.push(share).map_err(|_| SealError::Fault)?;
    }
    let agree = Verdict::twice(|| match shamir::combine_into(quorum, &all, out) {
        Ok(()) => eq_bytes(out.expose(), data_key.expose()),
        Err(_) => Mask::public(false),
    })
    .permit(SealError::Fault)?;
    let threshold = usize::from(quorum.threshold().get());
    let first = all.get(..threshold).ok_or(SealError::Fault)?;
    shamir::combine_into(quorum, first, out).map_err(|_| SealError::Fault)?;
    agree.spend(SealError::Fault)
}
