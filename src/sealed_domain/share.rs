// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's share, checked as soon as it is available.

use core::convert::Infallible;

use super::error::ShareError;
use super::header::{Custodian, Header};
use super::id::HeaderDigest;
use super::keys::{possession_key, share_context};
use super::parse::SealedDomain;
use crate::burn::{self, burning};
use crate::ct::{Mask, eq_bytes};
use crate::custodian::{CustodianId, Identity, UnwrapError};
use crate::ed25519::{SigningKey, VerifyKey};
use crate::hardened::{Fault, Permit, Verdict};
use crate::quorum::ShareIndex;
use crate::rng::Generator;
use crate::shamir::Share;
use crate::wrapped_share::{WrappedShare, read_share};

/// A share that its verify key has confirmed as the one dealt to this custodian, in this domain and
/// epoch. A wrong share never becomes one.
#[derive(Debug)]
pub struct DomainShare {
    pub(super) share: Share<32>,
    pub(super) custodian: CustodianId,
    pub(super) header: HeaderDigest,
    /// Shows that the share is the one that was dealt; tested again wherever it is used.
    pub(super) confirmed: Permit,
}

impl DomainShare {
    /// Restores a share that was confirmed before and then kept where nobody can change it.
    pub(crate) fn kept(
        share: Share<32>,
        custodian: CustodianId,
        header: HeaderDigest,
    ) -> Result<Self, Fault> {
        Ok(Self {
            share,
            custodian,
            header,
            confirmed: Verdict::twice(|| Mask::public(true)).permit(Fault)?,
        })
    }

    /// Returns the share without a confirmation.
    #[cfg(test)]
    pub(crate) fn unconfirmed(self) -> Self {
        Self {
            confirmed: Permit::REFUSED,
            ..self
        }
    }

    /// Returns the custodian to whom the share was dealt.
    pub const fn custodian(&self) -> CustodianId {
        self.custodian
    }

    /// Returns the index of the share.
    pub const fn index(&self) -> ShareIndex {
        self.share.index()
    }

    /// Returns the digest of the header to which the share belongs.
    pub const fn header(&self) -> HeaderDigest {
        self.header
    }

    /// Returns a permit to use the share under `header` if it was confirmed and belongs to that
    /// header, otherwise `foreign`.
    pub(crate) fn check_of<E: Copy>(&self, header: &Header<'_>, foreign: E) -> Result<Permit, E> {
        self.confirmed.test(foreign)?;
        Verdict::twice(|| eq_bytes(self.header.as_bytes(), header.digest().as_bytes()))
            .permit(foreign)
    }

    /// Returns the share itself.
    pub(crate) const fn share(&self) -> &Share<32> {
        &self.share
    }
}

impl SealedDomain<'_> {
    /// Unwraps the share of `custodian` with the custodian's `identity`, and checks it.
    ///
    /// Secret: the key, the share. Public: the sealed domain, `custodian`. Leaks: whether it opened.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ShareError`].
    pub fn unwrap_share<I: Identity, R: Generator + ?Sized>(
        &self,
        custodian: CustodianId,
        identity: &mut I,
        rng: &mut R,
    ) -> Result<DomainShare, ShareError<I::Error>> {
        burning::<{ burn::DOMAIN }, _>(move || {
            let place = self.place(custodian)?;
            let share = place
                .wrapped
                .unwrap(&place.context, place.custodian.index, identity, rng)
                .map_err(|error| match error {
                    UnwrapError::Opaque => ShareError::DoesNotOpen(custodian),
                    UnwrapError::Device(error) => ShareError::Device(custodian, error),
                    UnwrapError::Fault => ShareError::Fault,
                })?;
            self.confirm(custodian, share)
        })
    }

    /// Checks what a custodian's token unwrapped by itself: the 65 bytes inside the wrapped share.
    ///
    /// Secret: `plaintext`. Public: its length, the sealed domain, `custodian`. Leaks: whether it is
    /// his share.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ShareError`] except `Device`.
    pub fn accept_share(
        &self,
        custodian: CustodianId,
        plaintext: &[u8],
    ) -> Result<DomainShare, ShareError<Infallible>> {
        burning::<{ burn::DOMAIN }, _>(move || {
            let place = self.place(custodian)?;
            let share = read_share(plaintext, &place.context, place.custodian.index)
                .map_err(|_| ShareError::DoesNotOpen(custodian))?;
            self.confirm(custodian, share)
        })
    }

    /// Accepts a share that did not come from this file, as `permit` permits. Returns `refusal` if
    /// it is not the share that the header lists at its index. Whether the wrapped share in this
    /// file was changed does not matter here.
    ///
    /// Secret: the share's value. Public: its index, the sealed domain. Leaks: whether it is that share.
    pub(crate) fn dealt<E: From<Fault>>(
        &self,
        share: Share<32>,
        permit: Permit,
        refusal: E,
    ) -> Result<DomainShare, E> {
        let header = self.header();
        let custodian = header.custodian(share.index()).ok_or(Fault)?.id;
        let key = header.share_key(share.index()).ok_or(Fault)?;
        self.signed.test(Fault)?;
        let confirmed = Verdict::twice(|| self.is_share(key, &share)).permit(refusal)?;
        Ok(DomainShare {
            share,
            custodian,
            header: header.digest(),
            confirmed: confirmed.and(permit),
        })
    }

    /// Returns whether `key` is the verify key of `share`.
    ///
    /// Secret: the share's value. Public: its index, `key`. Leaks: nothing else.
    fn is_share(&self, key: &VerifyKey, share: &Share<32>) -> Mask {
        let mut own = SigningKey::zeroed();
        match possession_key(&self.header().core_digest, share, &mut own) {
            Ok(()) => eq_bytes(own.verify_key().as_bytes(), key.as_bytes()),
            Err(Fault) => Mask::public(false),
        }
    }

    /// Returns what the sealed domain holds for `custodian`, if the header names it.
    fn place<E>(&self, id: CustodianId) -> Result<Place<'_>, ShareError<E>> {
        let mut listed = self.wrapped_shares().zip(&self.header().shares);
        let ((custodian, wrapped), (key, digest)) = listed
            .find(|((custodian, _), _)| custodian.id == id)
            .ok_or(ShareError::NotListed(id))?;
        Verdict::twice(|| eq_bytes(&wrapped.digest(), *digest)).or(ShareError::Changed(id))?;
        Ok(Place {
            context: share_context(&self.header().core_digest, custodian.index, &id),
            custodian,
            wrapped,
            key,
        })
    }

    /// Returns a permit for `share` if it is the one that was dealt to `custodian`.
    ///
    /// Secret: the share's value. Public: the sealed domain, `custodian`. Leaks: whether it is his.
    pub(super) fn check_share<E>(
        &self,
        custodian: CustodianId,
        share: &Share<32>,
    ) -> Result<Permit, ShareError<E>> {
        self.signed.test(ShareError::Fault)?;
        let place = self.place(custodian)?;
        Verdict::twice(|| {
            self.is_share(place.key, share)
                & Mask::eq(
                    u32::from(share.index().get()),
                    u32::from(place.custodian.index.get()),
                )
        })
        .permit(ShareError::DoesNotOpen(custodian))
    }

    fn confirm<E>(
        &self,
        custodian: CustodianId,
        share: Share<32>,
    ) -> Result<DomainShare, ShareError<E>> {
        let confirmed = self.check_share(custodian, &share)?;
        Ok(DomainShare {
            share,
            custodian,
            header: self.header().digest(),
            confirmed,
        })
    }
}

/// Everything that the sealed domain holds for one custodian.
struct Place<'a> {
    custodian: Custodian,
    wrapped: WrappedShare<'a>,
    key: &'a VerifyKey,
    context: [u8; 32],
}
