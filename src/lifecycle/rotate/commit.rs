// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ends a rotation: the release may leave, and then the new epoch is confirmed; or it is abandoned.

use super::rotation::Rotation;
use crate::hardened::{Fault, Permit, copy};
use crate::lifecycle::end::Expiry;
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::event::{Ended, Event, Step};
use crate::lifecycle::host::Host;
use crate::lifecycle::session::Ticked;
use crate::lifecycle::stage::Stage;
use crate::lifecycle::standing::Standing;
use crate::lifecycle::state::{Active, Committed, Domain, Refused, Rotating};
use crate::lifecycle::vault::{Next, Vault};
use crate::sealed_domain::{RELEASE_LEN, SealedDomain, ShareError};
use crate::secret::Secret;
use crate::storage::record::RecordError;

impl<'v, const N: usize> Domain<'v, Rotating, N> {
    /// Lets the release of the pending file leave: a quorum of the present custodians has consented,
    /// and enough of the new ones have proven that they can use the file. `pending` is that file, as
    /// read back from where it is stored. When this returns, the flash holds the new state.
    /// [`complete_next`](Domain::complete_next) then returns the complete file, now and after each
    /// start.
    ///
    /// The present epoch stays valid until [`confirm`](Domain::confirm). But from here on the rotation cannot
    /// be abandoned, because others may have the complete file.
    ///
    /// Secret: nothing any more; the release is public from here on. Public: `pending`. Leaks:
    /// nothing.
    ///
    /// # Errors
    ///
    /// - [`RotationError::NoConsent`](super::RotationError::NoConsent) and
    ///   [`RotationError::NoProof`](super::RotationError::NoProof): too few custodians have answered.
    /// - [`RotationError::TooEarly`](super::RotationError::TooEarly): too few have consented, and the delay
    ///   of the break-glass is not over.
    /// - [`LifecycleError::OtherHeader`]: `pending` is not the file of this rotation.
    /// - [`LifecycleError::Share`]: the wrapped share of this custodian was changed in `pending`.
    /// - [`LifecycleError::Expired`], as for [`consent`](Self::consent).
    /// - Any failure of the sink, the clock or the flash. If the flash fails, the rotation may be
    ///   committed when the HSM starts again.
    pub fn commit<H: Host>(
        self,
        pending: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<Domain<'v, Committed, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::Commit, host, |vault, host| {
            vault.commit_rotation(pending, host)
        })?;
        Ok(domain)
    }

    /// Abandons the rotation: the release and the transfer key are wiped, in memory and on the flash,
    /// so that nobody can ever open the pending file. The domain stays in use, in its present epoch.
    /// This happens even if the sink refuses, and also in the error state, which it does not leave.
    ///
    /// # Errors
    ///
    /// The rotation has ended in the vault in each case, and the flash may still hold it:
    /// [`LifecycleError::Record`] if the flash failed, [`LifecycleError::Overtaken`] if another vault
    /// has saved a state on this host. [`LifecycleError::TransferKey`] if the device that held the
    /// transfer key may still hold it.
    pub fn abandon<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Active, N>, Refused<Domain<'v, Active, N>>> {
        self.always(|vault| vault.end_session(Ended::Cancelled, host))
    }

    /// Abandons the rotation if it has expired. Call it from a timer. Every other step of an expired
    /// rotation is refused, and abandons it too.
    ///
    /// # Errors
    ///
    /// As for [`abandon`](Self::abandon).
    pub fn expire<H: Host>(
        mut self,
        host: &mut H,
    ) -> Result<Expiry<Domain<'v, Active, N>, Self>, Refused<Domain<'v, Active, N>>> {
        match self.vault.end_by(|vault| vault.expire(host)) {
            Ok(false) => Ok(Expiry::Running(self)),
            Ok(true) => Ok(Expiry::Over(Domain::new(self.vault))),
            Err(error) => Err(Refused {
                domain: Domain::new(self.vault),
                error,
            }),
        }
    }
}

impl<'v, const N: usize> Domain<'v, Committed, N> {
    /// Returns the complete file of the next epoch in four parts, to be written one after another.
    /// `pending` is the pending file, or the complete one.
    ///
    /// Secret: nothing. Public: the file. Leaks: nothing.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::OtherHeader`]: `pending` is not the file of this rotation.
    /// - [`LifecycleError::ErrorState`] and [`LifecycleError::Overtaken`], as for
    ///   [`artifacts`](Domain::artifacts).
    pub fn complete_next<'f, H: Host>(
        &'f self,
        pending: &SealedDomain<'f>,
        host: &mut H,
    ) -> Result<[&'f [u8]; 4], LifecycleError> {
        let allowed = self.vault.allows(host)?;
        let rotation = self.vault.rotation()?;
        { allowed.and(rotation.check(pending)?) }
            .and(rotation.committed(|| self.vault.latest())?)
            .spend(LifecycleError::Fault)?;
        pending.completed(rotation.release.expose(), LifecycleError::Fault)
    }

    /// Makes the next epoch the valid one. `stored` is its complete file, as read back from where it
    /// is stored durably. From here on [`complete`](Domain::complete) returns that file, and the
    /// release of the epoch before is wiped here.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::OtherHeader`]: `stored` is not the file of this rotation.
    /// - [`LifecycleError::Pending`]: `stored` is not complete.
    /// - [`LifecycleError::Share`]: the wrapped share of this custodian was changed in `stored`.
    /// - Any failure of the sink or the flash.
    pub fn confirm<H: Host>(
        self,
        stored: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<Domain<'v, Active, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::Confirm, host, |vault, host| {
            vault.confirm_rotation(stored, host)
        })?;
        Ok(domain)
    }
}

/// Returns a permit if no wrapped share of the file was changed.
pub(super) fn check_shares(file: &SealedDomain<'_>) -> Result<Permit, LifecycleError> {
    if let Some(custodian) = file.changed().next() {
        return Err(LifecycleError::Share(ShareError::Changed(custodian.id)));
    }
    file.check_unchanged(LifecycleError::Fault)
}

impl<const N: usize> Vault<N> {
    fn commit_rotation<H: Host>(
        &mut self,
        pending: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let Ticked { permit, now } = self.tick(host)?;
        let rotation = self.rotation()?;
        let same = rotation.check(pending)?;
        let whole = check_shares(pending)?;
        let agreed = rotation.agreed(|| host.now())?;
        let released = pending.check_release(rotation.release.expose(), LifecycleError::Fault)?;
        let event = Event::Commit {
            epoch: rotation.epoch,
            header: rotation.header,
        };
        let permit = { permit.and(same).and(whole) }
            .and(agreed)
            .and(released)
            .and(self.audit.report(host, &event)?);
        // A glass that was open stays so.
        let before = self.note_time(now)?;
        // What is committed does not expire.
        self.session.as_mut().ok_or(Fault)?.clock.expires = 0;
        let next = Next {
            stage: Stage::Committed,
            standing: self.standing,
        };
        let committed = self.commit_or_doubt(host, next, permit);
        if committed.is_err() {
            self.session.as_mut().ok_or(Fault)?.clock = before;
        }
        committed
    }

    fn confirm_rotation<H: Host>(
        &mut self,
        stored: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let rotation = self.rotation()?;
        let same = rotation.check(stored)?;
        let same = same.and(rotation.committed(|| self.latest())?);
        let complete = stored.check_complete(LifecycleError::Pending)?;
        let whole = check_shares(stored)?;
        let (epoch, header) = (rotation.epoch, rotation.header);
        let event = Event::Confirm { epoch, header };
        let permit = { same.and(complete).and(whole) }.and(self.audit.report(host, &event)?);
        let mut release = Secret::zeroed();
        copy(release.expose_mut(), self.rotation()?.release.expose())?;
        self.stand_by(stored, release.expose(), permit, host)
    }

    /// Makes the epoch of `file` the valid one, and keeps its release from here on. If that cannot be
    /// written, the release before is kept.
    ///
    /// Secret: nothing; a release that is taken over has left its HSM. Public: the file. Leaks: nothing.
    pub(super) fn stand_by<H: Host>(
        &mut self,
        file: &SealedDomain<'_>,
        release: &[u8; RELEASE_LEN],
        permit: Permit,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let mut before = Secret::<RELEASE_LEN>::zeroed();
        copy(before.expose_mut(), self.release.expose())?;
        copy(self.release.expose_mut(), release)?;
        let header = file.header();
        let next = Next {
            stage: Stage::Active,
            standing: Standing::new(header.epoch(), header.digest()),
        };
        // The custodians of the epoch before were asked.
        let demands = self.demands;
        self.demands.close();
        let released = file.check_release(self.release.expose(), LifecycleError::Fault);
        let stands =
            released.and_then(|released| self.commit_or_doubt(host, next, permit.and(released)));
        if stands.is_err() {
            self.demands = demands;
            copy(self.release.expose_mut(), before.expose())?;
        }
        stands
    }

    /// Writes the next state. If that fails, the flash may hold it all the same.
    pub(in crate::lifecycle) fn commit_or_doubt<H: Host>(
        &mut self,
        host: &mut H,
        next: Next,
        permit: Permit,
    ) -> Result<(), LifecycleError> {
        let position = self.position;
        let written = self.commit(host, next, permit);
        if written.is_err() && self.position != position {
            self.doubt();
        }
        written
    }

    /// Returns the highest time that the session has seen; 0 without a clock.
    fn latest(&self) -> u64 {
        let session = self.session.as_ref();
        session.map_or(0, |session| session.clock.latest)
    }

    /// Puts back what a step that was not saved has changed.
    pub(super) fn restore(&mut self, change: impl FnOnce(&mut Rotation)) {
        if let Some(rotation) = self.session.rotation_mut() {
            change(rotation);
        }
    }

    /// Ends a rotation, after which the domain is in use in its present epoch. A state that another
    /// vault has saved on this host since is not overwritten.
    pub(in crate::lifecycle) fn end_rotation<H: Host>(
        &mut self,
        ended: Ended,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        if let Some(rotation) = self.session.rotation() {
            rotation.can_end()?.spend(LifecycleError::Fault)?;
        }
        // One that ended before, when the flash failed, has been reported.
        let is_open = self.session.as_ref().is_some();
        let in_device = self.session.key.is_in_device();
        self.session.forget();
        let destroyed = match in_device {
            true => self.destroy_in_device(host),
            false => Ok(()),
        };
        if is_open {
            self.audit.announce(host, &Event::EndRotation(ended));
        }
        self.stands(host)?.spend(LifecycleError::Fault)?;
        let next = Next {
            stage: Stage::Active,
            standing: self.standing,
        };
        // Like every step that writes a domain.
        self.is_rooted(next.stage)?.spend(LifecycleError::Fault)?;
        let saved = self.write(host, next)?;
        let erased = saved.erased.ok_or(RecordError::NotErased)?;
        saved.stands.and(erased).spend(LifecycleError::Fault)?;
        Ok(destroyed?)
    }
}
