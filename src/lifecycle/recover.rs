// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recovers a sealed domain: a quorum's shares, one by one or all in one place, bring it into this
//! HSM.

use core::cell::RefCell;

use super::end::InSession;
use super::error::LifecycleError;
use super::event::{Event, Step};
use super::host::{Host, watched};
use super::session::{Aim, Recovery, Ticked};
use super::session_key::{Opener, SharedRng};
use super::stage::Stage;
use super::standing::Standing;
use super::state::{Active, Domain, QuorumMet, Recovering, Refused, Rehearsing};
use super::vault::{Next, Vault};
use crate::contribution::{Contribution, RequestDigest, open_contribution};
use crate::custodian::CustodianId;
use crate::hardened::copy;
use crate::rng::Watched;
use crate::sealed_domain::{DomainShare, OpenError, SealedDomain, ShareError};
use crate::self_test::Test;

mod begin;

/// The result of adding a valid share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "one case or the other")]
pub enum Added {
    /// The share is new.
    New,
    /// The session already had the share.
    Already,
}

/// A state of a session that gathers a quorum by contributions.
pub trait Gathers: InSession {}

impl Gathers for Recovering {}

impl Gathers for Rehearsing {}

impl<S: Gathers, const N: usize> Domain<'_, S, N> {
    /// Adds a custodian's contribution, which may come over any channel. A refused contribution
    /// changes nothing; earlier ones stay.
    ///
    /// Secret: the transfer key, the share. Public: `sealed`, the contribution. Leaks: whether it opened.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::Contribution`]: the contribution is refused.
    /// - [`LifecycleError::OtherHeader`]: `sealed` is not the session's sealed domain.
    /// - [`LifecycleError::NeedsNewerModule`]: this HSM's firmware has become older than `sealed`
    ///   allows.
    /// - [`LifecycleError::NoTransferKey`]: the session gathers a quorum in one place.
    /// - [`LifecycleError::Expired`]: the session has expired. Its shares and its key are wiped; call
    ///   [`expire`](Domain::expire) to get the empty domain.
    /// - Any failure of the sink, the clock or the flash.
    pub fn add<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        contribution: &Contribution<'_>,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        self.vault.serve(Step::Contribute, host, |vault, host| {
            if let Some(kind) = vault.session.key.algorithm() {
                let tests = Test::of(kind);
                vault.health.first_use(tests, &mut watched(host))?;
            }
            let ticked = vault.tick_of(sealed, host)?;
            let request = vault.recovery_mut()?.request;
            let request = request.ok_or(LifecycleError::NoTransferKey)?;
            let shared = RefCell::new(&mut *host);
            let key = &mut vault.session.key;
            let mut key = Opener::new(key, &shared).ok_or(LifecycleError::Fault)?;
            let watched: &mut dyn Watched = &mut SharedRng(&shared);
            let share = open_contribution(contribution, sealed, request, &mut key, watched)
                .map_err(LifecycleError::Contribution)?;
            vault.keep(share, sealed, ticked, S::STAGE, host)
        })
    }

    /// Returns the digest of the request that custodians answer; `None` for a quorum in one place.
    pub fn request(&self) -> Option<RequestDigest> {
        self.vault.session.recovery()?.request
    }
}

impl<'v, const N: usize> Domain<'v, Recovering, N> {
    /// Adds a share that a custodian unwrapped at this HSM.
    ///
    /// Secret: the share. Public: `sealed`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::Open`]: the share does not belong to `sealed`
    ///   ([`OpenError::ForeignShare`]).
    /// - [`LifecycleError::OtherHeader`]: `sealed` is not the session's sealed domain.
    /// - [`LifecycleError::NeedsNewerModule`]: this HSM's firmware has become older than `sealed`
    ///   allows.
    /// - [`LifecycleError::Expired`]: the session has expired. Its shares and its key are wiped; call
    ///   [`expire`](Domain::expire) to get the empty domain.
    /// - Any failure of the sink, the clock or the flash.
    pub fn add_share<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        share: DomainShare,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        self.vault.serve(Step::Contribute, host, |vault, host| {
            let ticked = vault.tick_of(sealed, host)?;
            vault.keep(share, sealed, ticked, Stage::Recovering, host)
        })
    }

    /// Returns the domain ready to be opened, if the session has a quorum.
    ///
    /// # Errors
    ///
    /// The domain itself, unchanged, if there is no quorum yet.
    pub fn quorum(self) -> Result<Domain<'v, QuorumMet, N>, Self> {
        let quorum = self.vault.session.recovery().and_then(Recovery::quorum);
        match quorum.map(|quorum| quorum.spend(())) {
            Some(Ok(())) => Ok(Domain::new(self.vault)),
            _ => Err(self),
        }
    }
}

impl<'v, S: InSession, const N: usize> Domain<'v, S, N> {
    /// Iterates over the custodians whose shares the session has, in the order in which they came;
    /// none in an import.
    pub fn contributors(&self) -> impl Iterator<Item = CustodianId> + '_ {
        let shares = self
            .vault
            .session
            .recovery()
            .map(|recovery| &recovery.shares);
        shares.into_iter().flatten().map(DomainShare::custodian)
    }

    /// Returns the threshold, not how many shares are missing; 0 in an import, and once the session
    /// has expired. [`contributors`](Self::contributors) counts the shares that are there.
    pub fn needed(&self) -> u8 {
        let recovery = self.vault.session.recovery();
        recovery.map_or(0, |recovery| recovery.threshold.get())
    }
}

impl<'v, const N: usize> Domain<'v, QuorumMet, N> {
    /// Opens the sealed domain with the session's shares. Its root and artifacts become this HSM's,
    /// and the HSM is active.
    ///
    /// If this refuses, [`Refused::domain`] is the session with all its shares, so it can be called
    /// again: with another copy of the file after [`LifecycleError::Open`] and
    /// [`LifecycleError::OtherHeader`], and with the same file after a failure of the sink, the clock
    /// or the flash. Each share was checked when it was added, so other shares do not help. To give
    /// up, [`cancel`](Domain::cancel) the session.
    ///
    /// Secret: the shares, the domain. Public: `sealed`. Leaks: whether it opened.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::Open`]: the sealed domain does not open: this copy of it is damaged.
    /// - [`LifecycleError::OtherHeader`]: `sealed` is not the session's sealed domain.
    /// - [`LifecycleError::NeedsNewerModule`]: this HSM's firmware has become older than `sealed`
    ///   allows.
    /// - [`LifecycleError::Expired`]: the session has expired. Its shares and its key are wiped; call
    ///   [`expire`](Domain::expire) to get the empty domain.
    /// - Any failure of the sink, the clock or the flash.
    pub fn open<H: Host>(
        self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<Domain<'v, Active, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::Recover, host, |vault, host| {
            let opened = vault.open(sealed, host);
            opened.inspect_err(|_| vault.held.wipe())
        })?;
        Ok(domain)
    }
}

impl<const N: usize> Vault<N> {
    /// Returns a permit for a step of the session, if it has not expired and `sealed` is its sealed
    /// domain.
    pub(super) fn tick_of<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<Ticked, LifecycleError> {
        let Ticked { permit, now } = self.tick(host)?;
        let same = self.recovery_mut()?.check(sealed)?;
        // Firmware that went back to an older version must not go on either.
        let newer = { sealed.header().module_floor() }
            .permit(host.module_version())
            .map_err(LifecycleError::NeedsNewerModule)?;
        host.progress();
        let permit = permit.and(same).and(newer);
        Ok(Ticked { permit, now })
    }

    fn recovery_mut(&mut self) -> Result<&mut Recovery, LifecycleError> {
        self.session.recovery_mut().ok_or(LifecycleError::Fault)
    }

    /// Stores a share in the session.
    fn keep<H: Host>(
        &mut self,
        share: DomainShare,
        sealed: &SealedDomain<'_>,
        ticked: Ticked,
        stage: Stage,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        let custodian = share.custodian();
        let foreign = LifecycleError::Open(OpenError::ForeignShare(custodian));
        let permit = ticked.permit.and(share.check_of(sealed.header(), foreign)?);
        if self.recovery_mut()?.has(custodian) {
            return Ok(Added::Already);
        }
        let permit = permit.and(self.audit.report(host, &Event::Contribute { custodian })?);
        let shares = &mut self.recovery_mut()?.shares;
        shares
            .push(share)
            .map_err(|_| LifecycleError::Share(ShareError::NotListed(custodian)))?;
        let before = self.note_time(ticked.now)?;
        if let Err(error) = self.commit(host, Next::new(stage), permit) {
            self.session.as_mut().ok_or(LifecycleError::Fault)?.clock = before;
            // Dropped in place: popping it would leave its bytes behind.
            let shares = &mut self.recovery_mut()?.shares;
            shares.truncate(shares.len().saturating_sub(1));
            return Err(error);
        }
        Ok(Added::New)
    }

    fn open<H: Host>(
        &mut self,
        sealed: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.health
            .first_use(&[Test::Gf256, Test::Shamir], &mut watched(host))?;
        let Ticked { permit, .. } = self.tick_of(sealed, host)?;
        host.progress();
        let Self {
            session,
            held,
            buffer,
            ..
        } = self;
        let recovery = session.recovery().ok_or(LifecycleError::Fault)?;
        let quorum = recovery.quorum().ok_or(LifecycleError::Fault)?;
        // A quorum that rehearses has not agreed to this.
        let aim = recovery.check_aim(Aim::Recover)?;
        let shares = recovery.listed()?;
        let (domain, epoch, header) = (recovery.domain, recovery.epoch, recovery.header);
        let opened = sealed
            .open_watched(&recovery.expected(), &shares, &mut watched(host), buffer)
            .map_err(LifecycleError::Open)?;
        host.progress();
        let whole = opened.check().map_err(LifecycleError::Open)?;
        let taken = held.set(&opened)?;
        held.name()?;
        host.progress();
        drop(opened);
        drop(shares);
        let release = sealed.release().ok_or(LifecycleError::Pending)?;
        copy(self.release.expose_mut(), release)?;
        let event = Event::Recover {
            domain,
            epoch,
            header,
        };
        let permit = permit
            .and(quorum)
            .and(aim)
            .and(whole)
            .and(taken)
            .and(self.audit.report(host, &event)?);
        let next = Next {
            stage: Stage::Active,
            standing: Standing::new(epoch, header),
        };
        self.commit(host, next, permit)
    }
}
