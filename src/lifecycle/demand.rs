// SPDX-License-Identifier: MIT OR Apache-2.0
//! Acts that need a quorum's approval: an HSM can be set to emit its release again, and to write full
//! backups, only after as many custodians as open the domain have approved
//! ([`approval`](crate::approval)).
//!
//! The HSM writes an act and keeps its digest. What is approved is compared with it, and the digest is
//! deleted before the act takes effect, so that each act is done once.

use core::num::NonZeroU64;

use crate::approval::{Act, ActDigest, ActError, ActKind, ActSubject, ActTerms, Approved};
use crate::backup::{Kind, Name};
use crate::ct::Mask;
use crate::hardened::{Permit, Verdict};
use crate::labels::Purpose;
use crate::lifecycle::activate::is_header;
use crate::lifecycle::backup::Backup;
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::event::{Event, Step};
use crate::lifecycle::host::{Host, HostRng};
use crate::lifecycle::session::Clock;
use crate::lifecycle::stage::Stage;
use crate::lifecycle::state::{Domain, InUse};
use crate::lifecycle::vault::{Next, Vault};
use crate::sealed_domain::{Hedged, SealedDomain};
use crate::secret::Secret;

mod error;
mod kept;

pub use error::DemandError;
use kept::others;
pub(super) use kept::{Demands, OpenAct};

/// What the draws of an act are for.
const AIM: &[u8] = b"act";

impl<S: InUse, const N: usize> Domain<'_, S, N> {
    /// Demands a quorum's approval for every act of this kind from now on:
    /// [`ActKind::EmitRelease`] or [`ActKind::FullBackup`]. Only a quorum can take it back
    /// ([`drop_demands`](Self::drop_demands)), or [`zeroize`](Domain::zeroize). It is the quorum of the
    /// present epoch, which a break-glass can change. The demand belongs to this HSM: one that recovers the
    /// domain begins without. Backups of single keys stay free.
    ///
    /// # Errors
    ///
    /// - [`DemandError::CannotAsk`]: acts of this kind are not asked for here.
    /// - [`LifecycleError::NotSealed`]: there is no quorum yet.
    /// - Any failure of the sink or the flash.
    pub fn demand_approval<H: Host>(
        &mut self,
        kind: ActKind,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.vault.serve(Step::DemandApproval, host, |vault, host| {
            vault.demand_approval(kind, S::STAGE, host)
        })
    }

    /// Returns whether acts of this kind need a quorum's approval.
    pub fn demands_approval(&self, kind: ActKind) -> bool {
        self.vault.demands.has(kind)
    }

    /// Returns what the open act does, and its digest; `None` if none is open.
    pub fn open_act(&self) -> Option<(ActKind, ActDigest)> {
        self.vault.demands.open()
    }

    /// Asks the custodians to approve one act: writes it to the front of `out`, which needs
    /// [`Act::MAX_LEN`] bytes, and returns its length. The kinds are those of
    /// [`demand_approval`](Self::demand_approval), and [`ActKind::DropDemands`]. `current` is the domain's
    /// present file. The act expires after `lifetime` seconds; with `None` it does not expire.
    ///
    /// One act is open at a time: a new one makes the one before void, and so does a new epoch. The
    /// approvals are collected by [`Approvals`](crate::approval::Approvals).
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// - [`DemandError::CannotAsk`]: acts of this kind are not asked for here.
    /// - [`LifecycleError::NotSealed`], [`LifecycleError::OtherHeader`]: `current` is not this HSM's
    ///   sealed domain.
    /// - [`LifecycleError::BufferTooSmall`]: `out` is too small.
    /// - [`LifecycleError::NoClock`]: there is a lifetime, but no clock.
    /// - Any failure of the generator, the sink or the flash.
    ///
    /// `out` is then left empty.
    pub fn ask_approval<H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        kind: ActKind,
        lifetime: Option<NonZeroU64>,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        let asked = self.vault.serve(Step::AskApproval, host, |vault, host| {
            let asking = (kind, lifetime);
            vault.ask_approval(current, asking, S::STAGE, host, out)
        });
        asked.inspect_err(|_| out.fill(0))
    }

    /// Returns what [`complete`](Domain::complete) does: a quorum has approved that the release leaves
    /// again.
    ///
    /// Secret: nothing; the release is public once the HSM is active. Public: the file. Leaks: nothing.
    ///
    /// # Errors
    ///
    /// - [`DemandError`]: something else was approved, or the act has expired.
    /// - Those of [`complete`](Domain::complete), and any failure of the sink or the flash. If the flash
    ///   fails, the act may be spent when the HSM starts again.
    pub fn complete_approved<'f, H: Host>(
        &'f mut self,
        stored: &SealedDomain<'f>,
        approved: Approved,
        host: &mut H,
    ) -> Result<[&'f [u8]; 4], LifecycleError> {
        // Apart from the step: a step that is left too early can return the permit of an earlier
        // decision.
        let asked = self.vault.check_asked(ActKind::EmitRelease, &approved);
        let permit = self.vault.serve(Step::EmitRelease, host, |vault, host| {
            vault.approve_release(stored, approved, S::STAGE, host)
        })?;
        permit.and(asked?).spend(LifecycleError::Fault)?;
        stored.completed(self.vault.release.expose(), LifecycleError::Fault)
    }

    /// Begins a full backup as [`begin_backup`](Domain::begin_backup) does, perhaps with a name: a quorum
    /// has approved it.
    ///
    /// # Errors
    ///
    /// - [`DemandError`]: something else was approved, or the act has expired.
    /// - Those of [`begin_backup`](Domain::begin_backup).
    pub fn begin_backup_approved<H: Host>(
        &mut self,
        name: Option<Name<'_>>,
        length: u64,
        approved: Approved,
        host: &mut H,
    ) -> Result<Backup<'_, N>, LifecycleError> {
        self.backup_as((Kind::Full(name), length), Some(approved), host)
    }

    /// No longer demands approvals: a quorum has approved that.
    ///
    /// # Errors
    ///
    /// - [`DemandError`]: something else was approved, or the act has expired.
    /// - Any failure of the sink or the flash.
    pub fn drop_demands<H: Host>(
        &mut self,
        approved: Approved,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.vault.serve(Step::DropDemands, host, |vault, host| {
            let kind = ActKind::DropDemands;
            vault.do_approved(kind, approved, S::STAGE, host, |act, demands| {
                demands.drop_all();
                Event::DropDemands { act }
            })
        })
    }
}

/// Refuses kinds that are not asked for here.
const fn can_ask(kind: ActKind) -> Result<(), DemandError> {
    match kind {
        ActKind::EmitRelease | ActKind::FullBackup | ActKind::DropDemands => Ok(()),
        ActKind::VetoBreakGlass | ActKind::CloseReview => Err(DemandError::CannotAsk(kind)),
    }
}

impl<const N: usize> Vault<N> {
    fn demand_approval<H: Host>(
        &mut self,
        kind: ActKind,
        stage: Stage,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        if !matches!(kind, ActKind::EmitRelease | ActKind::FullBackup) {
            return Err(DemandError::CannotAsk(kind).into());
        }
        self.standing.header().ok_or(LifecycleError::NotSealed)?;
        let event = Event::DemandApproval { kind };
        let permit = self.audit.report(host, &event)?;
        let before = self.demands;
        self.demands.add(kind);
        let demanded = self.demands.check_has(kind)?;
        self.save_demands(before, stage, permit.and(demanded), host)
    }

    fn ask_approval<H: Host>(
        &mut self,
        current: &SealedDomain<'_>,
        (kind, lifetime): (ActKind, Option<NonZeroU64>),
        stage: Stage,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        can_ask(kind)?;
        let header = self.standing.header().ok_or(LifecycleError::NotSealed)?;
        let same = is_header(current, header)?;
        let now = host.now();
        let clock = Clock::new(now, lifetime)?;
        let terms = ActTerms {
            kind,
            instance: self.instance.id,
            subject: ActSubject::NONE,
            created: now,
            expires: clock.expires,
        };
        let number = self.position.ok_or(LifecycleError::Fault)?.number();
        let parts = [AIM, &number.to_be_bytes(), &now.to_be_bytes()];
        let mut what = Secret::zeroed();
        *what.expose_mut() = Purpose::Session.digest(parts);
        let mut source = HostRng(host);
        let mut rng = Hedged::new(&mut source, &self.held.root, what);
        let act = Act::write(current, &terms, &mut rng, out).map_err(|error| match error {
            ActError::Rng => LifecycleError::Rng,
            ActError::BufferTooSmall { needed } => LifecycleError::BufferTooSmall { needed },
            _ => LifecycleError::Fault,
        })?;
        let (digest, len) = (act.digest(), act.as_bytes().len());
        let event = Event::AskApproval { kind, act: digest };
        let permit = same.and(self.audit.report(host, &event)?);
        let before = self.demands;
        self.demands.ask(OpenAct {
            kind,
            digest,
            created: now,
            expires: clock.expires,
        });
        self.save_demands(before, stage, permit, host)?;
        Ok(len)
    }

    /// Returns a permit for an act of this kind without approval, if none is demanded.
    #[inline(always)]
    pub(super) fn needs_no_approval(&self, kind: ActKind) -> Result<Permit, DemandError> {
        // Twice, in two ways: a call that is skipped leaves the permit of what went before in
        // place, and one register that has the wrong kind would serve two calls.
        let (free, refusal) = (
            self.demands.leaves_free(kind)?,
            DemandError::NeedsApproval(kind),
        );
        let others = self.demands.leaves_free_but(others(kind), refusal)?;
        Ok(free.and(others))
    }

    /// Returns a permit if `approved` is the open act, and of this kind.
    #[inline(never)]
    fn check_asked(&self, kind: ActKind, approved: &Approved) -> Result<Permit, DemandError> {
        let (_, open) = self.demands.open().ok_or(DemandError::NotAsked)?;
        approved.is_of(kind, &open).map_err(DemandError::Spend)
    }

    /// Spends the open act, if `approved` is that one, and returns its digest and a permit. From here on
    /// it is not open any more, and the caller must save that before the act takes effect.
    #[inline(always)]
    pub(super) fn spend_act<H: Host>(
        &mut self,
        kind: ActKind,
        approved: Approved,
        host: &mut H,
    ) -> Result<(ActDigest, Permit), LifecycleError> {
        let (open, digest) = self.demands.open().ok_or(DemandError::NotAsked)?;
        if open != kind {
            return Err(DemandError::OtherKind {
                have: open,
                want: kind,
            }
            .into());
        }
        let ((created, expires), now) = (self.demands.times(), host.now());
        let refusal = match now < created {
            true => LifecycleError::ClockWentBack {
                have: now,
                seen: created,
            },
            false => DemandError::Expired { expires, now }.into(),
        };
        let lasts = Verdict::twice(|| self.demands.lasts(host.now())).permit(refusal)?;
        let approved = { approved.permit(kind, digest) }.map_err(DemandError::Spend)?;
        self.demands.close();
        let closed = self.demands.check_closed()?;
        Ok((digest, lasts.and(approved).and(closed)))
    }

    /// Does an approved act that changes the demands alone.
    fn do_approved<H: Host>(
        &mut self,
        kind: ActKind,
        approved: Approved,
        stage: Stage,
        host: &mut H,
        act: impl FnOnce(ActDigest, &mut Demands) -> Event,
    ) -> Result<(), LifecycleError> {
        let before = self.demands;
        let (digest, permit) = self.spend_act(kind, approved, host)?;
        let event = act(digest, &mut self.demands);
        let told = self.audit.report(host, &event);
        let told = told.inspect_err(|_| self.demands = before)?;
        self.save_demands(before, stage, permit.and(told), host)
    }

    fn approve_release<H: Host>(
        &mut self,
        stored: &SealedDomain<'_>,
        approved: Approved,
        stage: Stage,
        host: &mut H,
    ) -> Result<Permit, LifecycleError> {
        let header = self.standing.header().ok_or(LifecycleError::NotSealed)?;
        let same = is_header(stored, header)?;
        self.do_approved(ActKind::EmitRelease, approved, stage, host, |act, _| {
            Event::EmitRelease { act }
        })?;
        // Once more, where the release leaves: the act is spent, and saved as spent.
        let closed = self.demands.check_closed()?;
        let saved =
            Verdict::twice(|| Mask::public(self.takes_writes())).permit(LifecycleError::Fault)?;
        Ok(same.and(closed).and(saved).and(self.audit.agreed()?))
    }

    /// Writes the state with other demands than `before`, which are put back if that fails.
    fn save_demands<H: Host>(
        &mut self,
        before: Demands,
        stage: Stage,
        permit: Permit,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let next = Next {
            stage: self.present(stage),
            standing: self.standing,
        };
        let written = self.commit_or_doubt(host, next, permit);
        written.inspect_err(|_| self.demands = before)
    }

    /// Returns the stage that the flash is to hold: a rotation may have expired meanwhile.
    pub(super) fn present(&self, stage: Stage) -> Stage {
        let is_over = stage.is_session() && self.session.rotation().is_none();
        if is_over { Stage::Active } else { stage }
    }
}
