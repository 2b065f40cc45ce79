// SPDX-License-Identifier: MIT OR Apache-2.0
//! Seals a domain to its custodians, and activates the HSM once the caller has stored the file.
//!
//! The file that leaves first is pending: without its release, which the HSM holds back, no number of
//! custodians can open it. The release leaves after the HSM is active, and the HSM keeps it. So
//! wherever the power fails, either the HSM is not active and its file is void, or the HSM is active
//! and can complete the stored file.

use core::num::NonZeroU32;

use zeroize::Zeroize;

use super::error::LifecycleError;
use super::event::{Event, Step};
use super::holding::Holding;
use super::host::{Host, HostRng, watched};
use super::instance::Instance;
use super::stage::Stage;
use super::standing::Standing;
use super::state::{Active, Domain, InUse, Provisioned, Refused, Sealed, State};
use super::vault::{Next, Vault};
use crate::approval::ActKind;
use crate::ct::{Mask, declassify_bytes, eq_bytes};
use crate::custodian::Recipient;
use crate::hardened::{Permit, Verdict};
use crate::quorum::Threshold;
use crate::rng::check_drawn;
use crate::sealed_domain::{
    ArtifactTag, DomainLabel, HeaderDigest, Lineage, ModuleFloor, SealError, SealedDomain, Sealing,
    ShareError,
};
use crate::secret::wipe;
use crate::self_test::Test;
use crate::storage::record::RecordError;

/// The custodians who are to open the domain.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller fills it in, and is to miss nothing new"
)]
pub struct Activation<'a, K> {
    /// The custodians, all different, as many as [`CUSTODIANS`](crate::sealed_domain::CUSTODIANS)
    /// allows.
    pub custodians: &'a [K],
    /// How many custodians open the domain.
    pub threshold: Threshold,
    /// The operator's name for the domain.
    pub label: DomainLabel<'a>,
    /// The firmware of this HSM, and the lowest version that can use the domain. An HSM whose
    /// [`Host::module_version`] is lower refuses to recover it.
    pub floor: ModuleFloor<'a>,
    /// After how many seconds an HSM of the domain may change the quorum without its consent, if no
    /// custodian objects; `None` means never.
    pub break_glass: Option<NonZeroU32>,
}

/// The algorithms that sealing uses besides those that a root and the custodians' keys need.
pub(super) const SEALING: &[Test] = &[Test::Gf256, Test::Shamir];

/// A state whose domain can be sealed to custodians: a fresh domain, or an active one that was
/// imported.
pub trait Sealable: State {}

impl Sealable for Provisioned {}

impl Sealable for Active {}

impl<'v, S: Sealable, const N: usize> Domain<'v, S, N> {
    /// Returns the maximum length of the sealed domain. The exact length depends on the time, which
    /// is not known yet.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SealError`] that
    /// [`Sealing::sealed_len`](crate::sealed_domain::Sealing::sealed_len) gives.
    pub fn sealed_len<K: Recipient>(
        &self,
        activation: &Activation<'_, K>,
    ) -> Result<usize, SealError> {
        let artifacts = self.vault.held.all().map_err(|_| SealError::Fault)?;
        let Vault { held, instance, .. } = &*self.vault;
        sealing(
            activation,
            held,
            instance,
            &artifacts,
            u64::MAX,
            Lineage::FIRST,
        )
        .sealed_len()
    }

    /// Seals the domain to its custodians: writes the pending file to the front of `out`, and returns
    /// its length. The file may leave the HSM. No number of custodians can open it yet, because the HSM
    /// holds its release back.
    ///
    /// Store the file durably, read it back, and pass it to [`activate`](Domain::activate). Before that
    /// nothing has changed: after a power failure, or [`abandon`](Domain::abandon), the file is void, and
    /// the domain can be sealed again.
    ///
    /// An active domain can be sealed if it was imported and has no custodians yet. HSMs that imported
    /// the same file share a domain. Seal it in only one of them: each sealing is a first one, with its
    /// own quorum.
    ///
    /// If an earlier `activate` failed, this first writes the state before it again, so that the file of
    /// that call is needed no more.
    ///
    /// Secret: the domain, the release. Public: the rest. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::AlreadySealed`], each reason in [`SealError`], and any failure of the generator,
    /// the clock or the flash. `out` is then left empty.
    pub fn seal<K: Recipient, H: Host>(
        self,
        activation: &Activation<'_, K>,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<(Domain<'v, Sealed<S>, N>, usize), Refused<Self>> {
        let sealed = self.after(Step::Activate, host, |vault, host| {
            let sealed = vault.seal(activation, S::STAGE, host, out);
            sealed.inspect_err(|_| vault.abandon())
        });
        sealed.inspect_err(|_| out.zeroize())
    }
}

impl<'v, S: Sealable, const N: usize> Domain<'v, Sealed<S>, N> {
    /// Makes the HSM active with the sealed domain `stored`, which is the pending file of
    /// [`seal`](Domain::seal) as read back from where it is stored. When this returns, the flash holds
    /// the new state and the release. [`complete`](Domain::complete) then returns the complete file, now
    /// and after each start, as long as the pending one is there.
    ///
    /// Secret: the domain. Public: `stored`. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::OtherHeader`]: `stored` is not the file that this HSM sealed last.
    /// - [`LifecycleError::Share`]: the wrapped share of this custodian was changed in `stored`.
    /// - Any failure of the sink or the flash. If the flash fails, the HSM may be active when it starts
    ///   again, so keep the stored file.
    pub fn activate<H: Host>(
        self,
        stored: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<Domain<'v, Active, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::Activate, host, |vault, host| {
            vault.activate(stored, host)
        })?;
        Ok(domain)
    }

    /// Returns the domain as it was before it was sealed. Its pending file is void: the release is
    /// wiped, so nobody can open that file.
    pub fn abandon(mut self) -> Domain<'v, S, N> {
        self.vault.abandon();
        Domain::new(self.vault)
    }
}

impl<S: InUse, const N: usize> Domain<'_, S, N> {
    /// Returns the complete sealed domain in four parts, to be written one after another. `stored` is
    /// the pending file from which the HSM was activated, or the complete one.
    ///
    /// An HSM keeps the release as long as it is active. So if the power fails before the complete file
    /// is stored, call this again after the start. Replace the pending file only when the complete one
    /// is stored durably.
    ///
    /// Secret: nothing; the release is public once the HSM is active. Public: the file. Leaks: nothing.
    ///
    /// # Errors
    ///
    /// - [`DemandError::NeedsApproval`](super::DemandError::NeedsApproval): a quorum must approve this
    ///   ([`complete_approved`](Self::complete_approved)).
    /// - [`LifecycleError::NotSealed`]: the domain was imported, and has no custodians yet.
    /// - [`LifecycleError::OtherHeader`]: `stored` is not this HSM's sealed domain.
    /// - [`LifecycleError::ErrorState`] and [`LifecycleError::Overtaken`], as for
    ///   [`artifacts`](Domain::artifacts).
    pub fn complete<'f, H: Host>(
        &'f self,
        stored: &SealedDomain<'f>,
        host: &mut H,
    ) -> Result<[&'f [u8]; 4], LifecycleError> {
        let allowed = self.vault.allows(host)?;
        let sealed = self.vault.standing;
        let want = sealed.header().ok_or(LifecycleError::NotSealed)?;
        let free = self.vault.needs_no_approval(ActKind::EmitRelease)?;
        { allowed.and(free) }
            .and(is_header(stored, want)?)
            .spend(LifecycleError::Fault)?;
        stored.completed(self.vault.release.expose(), LifecycleError::Fault)
    }
}

/// Returns a permit if the file has this header.
pub(super) fn is_header(
    stored: &SealedDomain<'_>,
    want: HeaderDigest,
) -> Result<Permit, LifecycleError> {
    let have = stored.header().digest();
    Verdict::twice(|| eq_bytes(stored.header().digest().as_bytes(), want.as_bytes()))
        .permit(LifecycleError::OtherHeader { have, want })
}

pub(super) fn sealing<'a, K, const N: usize>(
    activation: &Activation<'a, K>,
    held: &'a Holding<N>,
    instance: &Instance,
    artifacts: &'a [(ArtifactTag<'a>, &'a [u8])],
    created: u64,
    lineage: Lineage,
) -> Sealing<'a, K> {
    Sealing {
        root: &held.root,
        artifacts,
        custodians: activation.custodians,
        threshold: activation.threshold,
        label: activation.label,
        lineage,
        created,
        instance: instance.id,
        floor: activation.floor,
        break_glass: activation.break_glass,
    }
}

impl<const N: usize> Vault<N> {
    /// Returns a permit if the domain is not sealed yet.
    fn unsealed(&self) -> Result<Permit, LifecycleError> {
        Verdict::twice(|| Mask::public(self.standing.epoch.is_none()))
            .permit(LifecycleError::AlreadySealed)
    }

    /// Seals the domain, which is in stage `before`, to a pending file.
    fn seal<K: Recipient, H: Host>(
        &mut self,
        activation: &Activation<'_, K>,
        before: Stage,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        self.unsealed()?.spend(LifecycleError::Fault)?;
        if !self.takes_writes() {
            self.put_back(before, host)?;
        }
        self.health.first_use(SEALING, &mut watched(host))?;
        for custodian in activation.custodians {
            let tests = Test::of(custodian.algorithm());
            self.health.first_use(tests, &mut watched(host))?;
        }
        let created = host.now();
        let Self {
            held,
            instance,
            buffer,
            release,
            ..
        } = self;
        let artifacts = held.all()?;
        let sealed = sealing(
            activation,
            held,
            instance,
            &artifacts,
            created,
            Lineage::FIRST,
        )
        .seal_holding_back(&mut HostRng(host), buffer, out, Some(release))
        .map_err(LifecycleError::Seal)?;
        host.progress();
        // The release is here, and does not leave with the file.
        sealed
            .check_shows(0, LifecycleError::Fault)?
            .and(check_drawn(release.expose())?)
            .spend(LifecycleError::Fault)?;
        let (header, len) = (sealed.header(), sealed.as_bytes().len());
        self.pending = Standing::new(header.epoch(), header.digest());
        Ok(len)
    }

    /// Makes the pending sealing current.
    fn activate<H: Host>(
        &mut self,
        stored: &SealedDomain<'_>,
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        let standing = self.pending;
        let header = standing.header().ok_or(LifecycleError::Fault)?;
        let same = is_header(stored, header)?;
        if let Some(custodian) = stored.changed().next() {
            return Err(LifecycleError::Share(ShareError::Changed(custodian.id)));
        }
        let whole = stored.check_unchanged(LifecycleError::Fault)?;
        let domain = self.held.id();
        let event = Event::Activate { domain, header };
        let permit =
            { self.unsealed()?.and(same).and(whole) }.and(self.audit.report(host, &event)?);
        let position = self.position;
        let next = Next {
            stage: Stage::Active,
            standing,
        };
        let committed = self.commit(host, next, permit);
        match committed {
            Ok(()) => declassify_bytes(self.release.expose_mut()),
            // The flash may hold the state after this step, which needs the stored file.
            Err(_) if self.position != position => self.doubt(),
            Err(_) => {}
        }
        committed
    }

    /// Writes the state before an activation again. If that fails, the flash may hold the state
    /// after it.
    fn put_back<H: Host>(&mut self, before: Stage, host: &mut H) -> Result<(), LifecycleError> {
        let before = Next::new(before);
        let written = self.write(host, before);
        let written = written.or_else(|_| self.write(host, before));
        let stands = written.and_then(|saved| saved.stands.spend(RecordError::Fault));
        if stands.is_err() {
            self.doubt();
        }
        Ok(stands?)
    }

    /// Records that the flash may hold another state than the vault.
    pub(super) fn doubt(&mut self) {
        if let Some(position) = self.position.as_mut() {
            position.doubt();
        }
    }

    /// Forgets a sealing that did not become current.
    fn abandon(&mut self) {
        self.pending = Standing::NONE;
        if self.standing.epoch.is_none() {
            wipe(self.release.expose_mut());
        }
    }
}
