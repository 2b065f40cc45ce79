// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens a sealed domain: a quorum of checked shares gives the root and the artifacts, or nothing.

use core::mem;

use heapless::Vec;
use zeroize::Zeroize;

use super::MAX_CUSTODIANS;
use super::error::OpenError;
use super::expect::ExpectedDomain;
use super::header::Artifacts;
use super::keys::SealingKey;
use super::parse::SealedDomain;
use super::root::Root;
use super::share::DomainShare;
use super::text::ArtifactTag;
use crate::aead;
use crate::burn::{self, burning};
use crate::ct::{Mask, eq_bytes};
use crate::ed25519::SigningKey;
use crate::hardened::{Fault, Permit, Verdict, copy};
use crate::rng::{NoGenerator, Watched};
use crate::secret::Secret;
use crate::shamir::{self, CombineError, Share};

#[cfg(test)]
mod tests;

impl SealedDomain<'_> {
    /// Returns how many bytes [`open`](Self::open) writes: the root, then the artifacts.
    pub const fn opened_len(&self) -> usize {
        self.body.len()
    }

    /// Opens the domain with `shares`, a quorum or more, into `out`.
    ///
    /// On an error, everything written to `out` is wiped. The checks, in order: the domain is the
    /// expected one; the shares are a quorum of this header; the commitment matches the key; the
    /// body decrypts; the root inside belongs to the key that signed the file.
    ///
    /// Secret: the shares, the root, the artifacts. Public: everything else. Leaks: whether it opened.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`OpenError`].
    pub fn open<'o>(
        &self,
        expect: &ExpectedDomain,
        shares: &[&DomainShare],
        out: &'o mut [u8],
    ) -> Result<Opened<'o>, OpenError>
    where
        Self: 'o,
    {
        self.open_watched(expect, shares, &mut NoGenerator, out)
    }

    /// The same, telling the caller that it goes on.
    pub(crate) fn open_watched<'o>(
        &self,
        expect: &ExpectedDomain,
        shares: &[&DomainShare],
        watched: &mut dyn Watched,
        out: &'o mut [u8],
    ) -> Result<Opened<'o>, OpenError>
    where
        Self: 'o,
    {
        burning::<{ burn::DOMAIN }, _>(move || {
            let expected = expect.permit(self.header()).map_err(OpenError::Expect)?;
            let complete = self.check_complete(OpenError::Pending)?;
            watched.tick();
            let release = self.release.ok_or(OpenError::Pending)?;
            let needed = self.opened_len();
            let out = out
                .get_mut(..needed)
                .ok_or(OpenError::BufferTooSmall { needed })?;
            let (quorum, quorate) = self.quorum(shares)?;
            let mut data_key = Secret::zeroed();
            shamir::combine_into(self.header().quorum(), &quorum, &mut data_key).map_err(
                |error| match error {
                    CombineError::Fault => OpenError::Fault,
                    _ => OpenError::DoesNotOpen,
                },
            )?;
            let mut sealing_key = SealingKey::none();
            sealing_key.derive(&self.header().core.salt, &data_key, release)?;
            drop(data_key);
            watched.tick();
            let mut opened = Opened {
                root: Root::zeroed(),
                artifacts: self.header().artifacts(),
                body: out,
                permit: expected.and(complete).and(quorate),
            };
            self.open_body(&sealing_key, watched, &mut opened)?;
            opened.permit.test(OpenError::Fault)?;
            Ok(opened)
        })
    }

    /// Returns the shares of a quorum of this header, and a permit to combine them.
    fn quorum<'s>(
        &self,
        shares: &[&'s DomainShare],
    ) -> Result<(Vec<&'s Share<32>, MAX_CUSTODIANS>, Permit), OpenError> {
        let header = self.header();
        let mut quorum = Vec::<&Share<32>, MAX_CUSTODIANS>::new();
        let need = header.quorum().threshold().get();
        let have = shares.len();
        let mut permit = Verdict::twice(|| !Mask::lt(shares.len() as u32, u32::from(need)))
            .permit(OpenError::TooFewShares {
                have: have as u8,
                need,
            })?;
        for (place, share) in shares.iter().enumerate() {
            let id = share.custodian;
            permit = permit.and(share.check_of(header, OpenError::ForeignShare(id))?);
            if shares
                .iter()
                .take(place)
                .any(|earlier| earlier.custodian == id)
            {
                return Err(OpenError::SameShare(id));
            }
            quorum
                .push(&share.share)
                .map_err(|_| OpenError::SameShare(id))?;
        }
        quorum.truncate(usize::from(need));
        Ok((quorum, permit))
    }

    /// Decrypts the body into the output, which is as long as the plaintext, and takes the root
    /// from it. The permit so far is tested before anything is decrypted.
    fn open_body(
        &self,
        key: &SealingKey,
        watched: &mut dyn Watched,
        opened: &mut Opened<'_>,
    ) -> Result<(), OpenError> {
        let header = self.header();
        let digest = header.digest();
        let Opened {
            root, body, permit, ..
        } = opened;
        // Nothing is permitted until everything is decided: a skipped error leaves no permit.
        let decided = mem::replace(permit, Permit::REFUSED);
        let committed = Verdict::twice(|| key.is_committed(&digest, self.commitment))
            .permit(OpenError::DoesNotOpen)?;
        decided.test(OpenError::Fault)?;
        let authentic = Verdict::twice(|| {
            let mut body_key = Secret::zeroed();
            match key.body_key(&digest, &mut body_key) {
                Ok(()) => aead::open(&body_key, self.body, self.tag, body),
                Err(Fault) => Mask::public(false),
            }
        })
        .permit(OpenError::DoesNotOpen)?;
        watched.tick();
        let opened_root = body.get(..Root::LEN).ok_or(Fault)?;
        copy(root.secret_mut().expose_mut(), opened_root)?;
        root.set_commitment(header.core.commitment);
        let own = Verdict::twice(|| {
            let domain_key = &header.core.domain_key;
            let mut key = SigningKey::zeroed();
            match root.domain_key(&mut key) {
                Ok(()) => eq_bytes(key.verify_key().as_bytes(), domain_key.as_bytes()),
                Err(Fault) => Mask::public(false),
            }
        })
        .permit(OpenError::DoesNotOpen)?;
        *permit = decided.and(committed).and(authentic).and(own);
        permit.test(OpenError::Fault)
    }
}

/// The contents of a sealed domain. The caller's buffer is wiped when this is dropped.
pub struct Opened<'o> {
    root: Root,
    artifacts: Artifacts<'o>,
    body: &'o mut [u8],
    /// Shows that every decision was made for this content; tested again where the content is used.
    permit: Permit,
}

impl<'o> Opened<'o> {
    /// Returns the root.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Iterates over the artifacts with their tags, in the order in which they were sealed.
    pub fn artifacts(&self) -> impl Iterator<Item = (ArtifactTag<'o>, &[u8])> {
        // Parsing checked where each one lies.
        let mut rest = self.body.get(Root::LEN..);
        self.artifacts.clone().map_while(move |(tag, len)| {
            let (artifact, after) = rest?.split_at_checked(len as usize)?;
            rest = Some(after);
            Some((tag, artifact))
        })
    }

    /// Tests again that this is the content of the expected domain, and that all artifacts are
    /// there.
    pub(crate) fn check(&self) -> Result<Permit, OpenError> {
        let whole = Verdict::twice(|| {
            let listed = self.artifacts.clone().map(|(_, len)| len as usize);
            let found = self.artifacts().map(|(_, artifact)| artifact.len());
            Mask::public(listed.eq(found))
        })
        .permit(OpenError::Fault)?;
        let opened = Verdict::twice(|| Mask::public(self.permit.test(OpenError::Fault).is_ok()))
            .permit(OpenError::Fault)?;
        Ok(whole.and(opened))
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

impl core::fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Opened(..)")
    }
}
