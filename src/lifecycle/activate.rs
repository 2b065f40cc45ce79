// SPDX-License-Identifier: MIT OR Apache-2.0
//! Activates a domain: it leaves the HSM, sealed to its custodians, and comes into use.

use zeroize::Zeroize;

use super::error::LifecycleError;
use super::event::{Event, Step};
use super::holding::Holding;
use super::host::Host;
use super::instance::Instance;
use super::stage::Stage;
use super::standing::Standing;
use super::state::{Active, Domain, Provisioned, Refused};
use super::vault::{Next, Vault};
use crate::ct::Mask;
use crate::custodian::Recipient;
use crate::hardened::Verdict;
use crate::quorum::Threshold;
use crate::sealed_domain::{ArtifactTag, DomainLabel, Lineage, SealError, Sealing};
use crate::self_test::Test;
use crate::storage::record::{Position, RecordError};

/// The custodians of the domain's first quorum.
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
}

/// The algorithms that sealing uses besides those that a root needs.
const SEALING: &[Test] = &[Test::Gf256, Test::Shamir, Test::RsaOaep];

impl<'v, const N: usize> Domain<'v, Provisioned, N> {
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
        self.vault.sealed_len(activation)
    }

    /// Seals the domain to its custodians, to the front of `out`, makes it active, and returns the
    /// length of the file. When this returns, the flash holds the new state, and the file may leave
    /// the HSM.
    ///
    /// On an error `out` is left empty, and the flash holds the domain as before, with two
    /// exceptions. If the new state could not be written and the old one not restored, the error is
    /// [`LifecycleError::MayBeActive`], and `out` holds the file: the HSM may be active when it
    /// starts again. If this is then called again and the flash still fails, `out` is left
    /// unchanged.
    ///
    /// Secret: the domain. Public: the rest. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SealError`], and if the sink, the generator, the clock or the
    /// flash fails.
    pub fn activate<K: Recipient, H: Host>(
        self,
        activation: &Activation<'_, K>,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<(Domain<'v, Active, N>, usize), Refused<Self>> {
        let activated = self.after(Step::Activate, host, |vault, host| {
            vault.activate(activation, Stage::Provisioned, host, out)
        });
        activated.inspect_err(|refused| {
            if !refused.domain.vault.is_in_doubt() {
                out.zeroize();
            }
        })
    }
}

impl<const N: usize> Domain<'_, Active, N> {
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
        self.vault.sealed_len(activation)
    }

    /// Seals an imported domain that has no custodians yet to custodians: to the front of `out`,
    /// and returns the length of the file. When this has returned, the file may leave the HSM.
    ///
    /// HSMs that imported the same file share a domain. Seal it in only one of them: each sealing
    /// is a first one, with its own quorum.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::AlreadySealed`], and the errors of [`activate`](Domain::activate) with the
    /// same two exceptions: after [`LifecycleError::MayBeActive`] the HSM may treat the domain as
    /// sealed.
    ///
    /// Secret: the domain. Public: the rest. Leaks: nothing else.
    pub fn seal<K: Recipient, H: Host>(
        &mut self,
        activation: &Activation<'_, K>,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        let sealed = self.vault.serve(Step::Activate, host, |vault, host| {
            vault.activate(activation, Stage::Active, host, out)
        });
        sealed.inspect_err(|_| {
            if !self.vault.is_in_doubt() {
                out.zeroize();
            }
        })
    }
}

fn sealing<'a, K, const N: usize>(
    activation: &Activation<'a, K>,
    held: &'a Holding<N>,
    instance: &Instance,
    artifacts: &'a [(ArtifactTag<'a>, &'a [u8])],
    created: u64,
) -> Sealing<'a, K> {
    Sealing {
        root: &held.root,
        artifacts,
        custodians: activation.custodians,
        threshold: activation.threshold,
        label: activation.label,
        lineage: Lineage::FIRST,
        created,
        instance: instance.id,
    }
}

impl<const N: usize> Vault<N> {
    fn sealed_len<K: Recipient>(&self, activation: &Activation<'_, K>) -> Result<usize, SealError> {
        let artifacts = self.held.all().map_err(|_| SealError::Fault)?;
        sealing(activation, &self.held, &self.instance, &artifacts, u64::MAX).sealed_len()
    }

    /// Seals the domain, which is in stage `before` and not yet sealed.
    fn activate<K: Recipient, H: Host>(
        &mut self,
        activation: &Activation<'_, K>,
        before: Stage,
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        let unsealed = Verdict::twice(|| Mask::public(self.standing.epoch.is_none()))
            .permit(LifecycleError::AlreadySealed)?;
        if self.is_in_doubt() {
            self.put_back(before, host)?;
        }
        self.health.first_use(SEALING)?;
        let created = host.now();
        let Self {
            held,
            instance,
            buffer,
            ..
        } = self;
        let artifacts = held.all()?;
        let sealed = sealing(activation, held, instance, &artifacts, created)
            .seal(host.rng(), buffer, out)
            .map_err(LifecycleError::Seal)?;
        let header = sealed.header();
        let (epoch, digest) = (header.epoch(), header.digest());
        let (domain, len) = (header.domain_id(), sealed.as_bytes().len());
        drop(artifacts);
        let event = Event::Activate {
            domain,
            header: digest,
        };
        let permit = unsealed.and(self.audit.report(host, &event)?);
        let position = self.position;
        let next = Next {
            stage: Stage::Active,
            standing: Standing::new(epoch, digest),
        };
        let Err(error) = self.commit(host, next, permit) else {
            return Ok(len);
        };
        // An active HSM must not be without its file.
        if self.position != position && self.put_back(before, host).is_err() {
            return Err(LifecycleError::MayBeActive { len });
        }
        Err(error)
    }

    /// Writes the state before an activation again. If that fails, the flash may hold the state
    /// after it.
    fn put_back<H: Host>(&mut self, before: Stage, host: &mut H) -> Result<(), LifecycleError> {
        let before = Next::new(before);
        let written = self.write(host, before);
        let written = written.or_else(|_| self.write(host, before));
        let stands = written.and_then(|saved| saved.stands.spend(RecordError::Fault));
        if let Some(position) = self.position.as_mut().filter(|_| stands.is_err()) {
            position.doubt();
        }
        Ok(stands?)
    }

    /// Returns whether the flash may hold another state than the vault.
    fn is_in_doubt(&self) -> bool {
        !self.position.is_some_and(Position::is_settled)
    }
}
