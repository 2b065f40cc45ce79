// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of a rotation.

use super::error::RotationError;
use super::glass::Glass;
use super::tally::Tally;
use crate::contribution::RequestDigest;
use crate::ct::{Mask, declassify_bytes, eq_bytes};
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
    /// From when on no consent is needed.
    pub(in crate::lifecycle) glass: Glass,
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

    /// Returns a permit if enough of the present custodians have consented, or the glass is broken and its
    /// delay over at the time that `now` returns; and if enough of the next custodians have proven. The
    /// time is read for each evaluation.
    pub(super) fn agreed(&self, mut now: impl FnMut() -> u64) -> Result<Permit, LifecycleError> {
        let (have, need) = (self.consents.count(), self.consents_needed);
        let refusal = match self.glass.opens() {
            0 => RotationError::NoConsent { have, need },
            opens => RotationError::TooEarly {
                have,
                need,
                opens,
                now: now(),
            },
        };
        let consented = { self.consents }.reaches(|| self.consents_needed, refusal);
        let is_open = Verdict::twice(|| self.glass.is_open(now()));
        let consented = consented.or_else(|refusal| is_open.permit(refusal))?;
        let (have, need) = (self.proofs.count(), self.proofs_needed);
        let refusal = RotationError::NoProof { have, need };
        let proven = { self.proofs }.reaches(|| self.proofs_needed, refusal)?;
        Ok(consented.and(proven))
    }

    /// Marks the rotation as committed.
    ///
    /// Secret: nothing any more; the release is public from here on.
    pub(in crate::lifecycle) fn commit(&mut self) {
        self.request = None;
        declassify_bytes(self.release.expose_mut());
    }

    /// Returns a permit if the rotation is committed, looking again at why it could be. `latest`
    /// returns the time of the commit.
    pub(super) fn committed(&self, latest: impl FnMut() -> u64) -> Result<Permit, LifecycleError> {
        let committed = Verdict::twice(|| Mask::public(self.request.is_none()));
        Ok(committed
            .permit(LifecycleError::Fault)?
            .and(self.agreed(latest)?))
    }

    /// Returns a permit to end the rotation without the next epoch, unless it is committed.
    pub(super) fn can_end(&self) -> Result<Permit, LifecycleError> {
        Verdict::twice(|| Mask::public(self.request.is_some())).permit(LifecycleError::Fault)
    }
}
