// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an HSM shows of a rotation.

use core::num::NonZeroU64;

use crate::contribution::RequestDigest;
use crate::drill::ChallengeDigest;
use crate::lifecycle::session::Place;
use crate::lifecycle::state::{Committed, Domain, Rotating};
use crate::sealed_domain::{Epoch, HeaderDigest};

/// What an HSM shows of a change of its quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct RotationStatus {
    /// The epoch of the pending file.
    pub epoch: Epoch,
    /// The digest of its header.
    pub header: HeaderDigest,
    /// The request that the present custodians answer; `None` once the rotation is committed.
    pub request: Option<RequestDigest>,
    /// How many of them have consented.
    pub consents: u8,
    /// How many must.
    pub consents_needed: u8,
    /// The time from which the rotation needs no consent, in Unix seconds; `None` while the glass is not
    /// broken.
    pub opens: Option<NonZeroU64>,
    /// The challenge that the new custodians answer, if one was made.
    pub challenge: Option<ChallengeDigest>,
    /// How many of them have proven that they can use the pending file.
    pub proofs: u8,
    /// How many must.
    pub proofs_needed: u8,
}

impl RotationStatus {
    fn of(place: &Place) -> Option<Self> {
        let rotation = place.rotation()?;
        Some(Self {
            epoch: rotation.epoch,
            header: rotation.header,
            request: rotation.request,
            consents: rotation.consents.count(),
            consents_needed: rotation.consents_needed,
            opens: NonZeroU64::new(rotation.glass.opens()),
            challenge: rotation.challenge,
            proofs: rotation.proofs.count(),
            proofs_needed: rotation.proofs_needed,
        })
    }
}

impl<const N: usize> Domain<'_, Rotating, N> {
    /// Returns what the HSM shows of the rotation; `None` once it has expired.
    pub fn rotation(&self) -> Option<RotationStatus> {
        RotationStatus::of(&self.vault.session)
    }
}

impl<const N: usize> Domain<'_, Committed, N> {
    /// Returns what the HSM shows of the rotation.
    pub fn rotation(&self) -> Option<RotationStatus> {
        RotationStatus::of(&self.vault.session)
    }
}
