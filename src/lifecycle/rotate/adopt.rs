// SPDX-License-Identifier: MIT OR Apache-2.0
//! An active HSM takes the file of a later epoch, which another HSM of its domain has sealed.

use super::commit::check_shares;
use super::error::RotationError;
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::event::{Event, Step};
use crate::lifecycle::host::Host;
use crate::lifecycle::state::{Active, Domain};
use crate::lifecycle::vault::Vault;
use crate::sealed_domain::{ExpectError, ExpectedDomain, HeaderDigest, SealedDomain};

/// The result of adopting a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "one case or the other")]
pub enum Adopted {
    /// Its epoch is now the HSM's.
    Now,
    /// It already was.
    Already,
}

impl<const N: usize> Domain<'_, Active, N> {
    /// Takes `sealed`, the complete file of a later epoch of this domain, as the valid one. An HSM
    /// that has imported its domain takes the file of any epoch.
    ///
    /// Anyone who breaks Ed25519 can forge such a file, and then has this HSM rotate to keys of his
    /// own. So compare the header's digest with what the HSM that sealed has shown, and name it in
    /// `expect` ([`ExpectedDomain::header`]).
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::Expect`]: `sealed` is not the expected file, or of another domain than this
    ///   HSM's, or of an earlier epoch.
    /// - [`RotationError::EpochFork`]: two files have this epoch. [`adopt_instead`](Self::adopt_instead)
    ///   takes the other one.
    /// - [`LifecycleError::Pending`]: `sealed` is not complete, and may never be.
    /// - [`LifecycleError::Share`]: the wrapped share of this custodian was changed in `sealed`.
    /// - [`LifecycleError::NeedsNewerModule`]: this HSM's firmware is older than `sealed` allows.
    /// - Any failure of the sink or the flash.
    pub fn adopt<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        host: &mut H,
    ) -> Result<Adopted, LifecycleError> {
        self.vault.serve(Step::Adopt, host, |vault, host| {
            vault.adopt(sealed, expect, None, host)
        })
    }

    /// Takes `sealed` although this HSM stands by another file of the same epoch, which has the
    /// header `instead_of`. An operator must have chosen between the two. Two HSMs of the domain have changed
    /// its quorum at the same time, and both quorums can open their file.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// As for [`adopt`](Self::adopt). [`LifecycleError::OtherHeader`] if `instead_of` is not the
    /// HSM's present header.
    pub fn adopt_instead<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        instead_of: HeaderDigest,
        host: &mut H,
    ) -> Result<Adopted, LifecycleError> {
        self.vault.serve(Step::Adopt, host, |vault, host| {
            vault.adopt(sealed, expect, Some(instead_of), host)
        })
    }
}

impl<const N: usize> Vault<N> {
    fn adopt<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        instead_of: Option<HeaderDigest>,
        host: &mut H,
    ) -> Result<Adopted, LifecycleError> {
        let header = sealed.header();
        let expected = expect.permit(header).map_err(LifecycleError::Expect)?;
        let own = self.check_own(sealed)?;
        let complete = sealed.check_complete(LifecycleError::Pending)?;
        let newer = { header.module_floor() }
            .permit(host.module_version())
            .map_err(LifecycleError::NeedsNewerModule)?;
        let whole = check_shares(sealed)?;
        if self.standing.header() == Some(header.digest()) {
            return Ok(Adopted::Already);
        }
        let later = match instead_of {
            None => self.check_later(sealed)?,
            Some(present) => self.check_fork(sealed, present)?,
        };
        let release = sealed.release().ok_or(LifecycleError::Pending)?;
        let pinned = expect.is_pinned();
        let event = Event::Adopt {
            epoch: header.epoch(),
            header: header.digest(),
            instead_of,
            pinned,
        };
        let permit = { expected.and(own).and(complete) }
            .and(newer)
            .and(whole)
            .and(later)
            .and(self.audit.report(host, &event)?)
            .and(expect.check_told(pinned, LifecycleError::Fault)?);
        self.stand_by(sealed, release, permit, host)?;
        Ok(Adopted::Now)
    }

    /// Returns a permit if the file is of this HSM's domain.
    fn check_own(&self, sealed: &SealedDomain<'_>) -> Result<Permit, LifecycleError> {
        let (have, want) = (sealed.header().domain_id(), self.held.id());
        let same = || {
            eq_bytes(
                sealed.header().domain_id().as_bytes(),
                self.held.id().as_bytes(),
            )
        };
        Verdict::twice(same).permit(LifecycleError::Expect(ExpectError::WrongDomain {
            have,
            want,
        }))
    }

    /// Returns a permit if the file is of a later epoch than the present one, if there is one.
    fn check_later(&self, sealed: &SealedDomain<'_>) -> Result<Permit, LifecycleError> {
        let (have, present) = (sealed.header().epoch(), self.standing.epoch);
        let refusal = match (present, self.standing.header()) {
            (Some(want), Some(header)) if have == want => RotationError::EpochFork {
                epoch: have,
                have: sealed.header().digest(),
                want: header,
            }
            .into(),
            (Some(want), _) => LifecycleError::Expect(ExpectError::Superseded { have, want }),
            (None, _) => LifecycleError::Fault,
        };
        let present = || self.standing.epoch.map_or(0, |epoch| epoch.get());
        Verdict::twice(|| Mask::lt(present(), sealed.header().epoch().get())).permit(refusal)
    }

    /// Returns a permit if `present` is the present header, and the file is of no earlier epoch.
    fn check_fork(
        &self,
        sealed: &SealedDomain<'_>,
        present: HeaderDigest,
    ) -> Result<Permit, LifecycleError> {
        let (want, have) = (
            self.standing.header().ok_or(LifecycleError::NotSealed)?,
            present,
        );
        let named = Verdict::twice(|| match self.standing.header() {
            Some(want) => eq_bytes(want.as_bytes(), present.as_bytes()),
            None => Mask::public(false),
        })
        .permit(LifecycleError::OtherHeader { have, want })?;
        let epoch = || self.standing.epoch.map_or(0, |epoch| epoch.get());
        let have = sealed.header().epoch();
        let want = self.standing.epoch.ok_or(LifecycleError::NotSealed)?;
        let not_before = Verdict::twice(|| !Mask::lt(sealed.header().epoch().get(), epoch()));
        let superseded = LifecycleError::Expect(ExpectError::Superseded { have, want });
        Ok(named.and(not_before.permit(superseded)?))
    }
}
