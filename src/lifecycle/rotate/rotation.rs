// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of a rotation.

use super::tally::Tally;
use crate::contribution::RequestDigest;
use crate::ct::eq_bytes;
use crate::drill::ChallengeDigest;
use crate::hardened::{Permit, Verdict};
use crate::lifecycle::error::LifecycleError;
use crate::sealed_domain::{Epoch, HeaderDigest, RELEASE_LEN, SealedDomain};
use crate::secret::Secret;

/// A change of the quorum that is not confirmed yet. The release is wiped with it.
pub(in crate::lifecycle) struct Rotation {
    /// The header of the pending file.
    pub(in crate::lifecycle) header: HeaderDigest,
    pub(in crate::lifecycle) epoch: Epoch,
    /// What the pending file lacks; secret until the rotation is committed.
    pub(in crate::lifecycle) release: Secret<RELEASE_LEN>,
    /// The request that the present custodians answer; `None` once the rotation is committed.
    pub(in crate::lifecycle) request: Option<RequestDigest>,
    /// How many of them must consent.
    pub(in crate::lifecycle) consents_needed: u8,
    /// The indices of those who have, in the present epoch.
    pub(in crate::lifecycle) consents: Tally,
    /// The challenge that the new custodians answer.
    pub(in crate::lifecycle) challenge: Option<ChallengeDigest>,
    /// How many of them must prove that they can use the pending file.
    pub(in crate::lifecycle) proofs_needed: u8,
    /// The indices of those who have, in the pending epoch.
    pub(in crate::lifecycle) proofs: Tally,
}

impl Rotation {
    /// Returns a permit if `sealed` has the header of the pending file.
    pub(super) fn check(&self, sealed: &SealedDomain<'_>) -> Result<Permit, LifecycleError> {
        let (have, want) = (sealed.header().digest(), self.header);
        Verdict::twice(|| eq_bytes(sealed.header().digest().as_bytes(), self.header.as_bytes()))
            .permit(LifecycleError::OtherHeader { have, want })
    }
}
