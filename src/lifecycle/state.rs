// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain, whose type names its state.

use core::fmt;
use core::marker::PhantomData;

use super::error::LifecycleError;
use super::event::{Event, Step};
use super::holding::{Artifacts, Holding};
use super::host::Host;
use super::stage::Stage;
use super::vault::Vault;
use crate::sealed_domain::{DomainId, Epoch, HeaderDigest, InstanceId};
use crate::self_test::Test;

mod sealed {
    pub trait Sealed {}
}

/// A state of a [`Domain`].
pub trait State: sealed::Sealed {
    /// The stage that the state belongs to.
    const STAGE: Stage;
}

macro_rules! state {
    ($(#[$doc:meta])* $name:ident = $stage:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct $name;

        impl sealed::Sealed for $name {}

        impl State for $name {
            const STAGE: Stage = Stage::$stage;
        }
    };
}

state! {
    /// There is no domain: [`provision`](Domain::provision) makes one,
    /// [`begin_recovery`](Domain::begin_recovery) and
    /// [`begin_recovery_here`](Domain::begin_recovery_here) recover a sealed one, and
    /// [`begin_rehearsal`](Domain::begin_rehearsal) rehearses that.
    Empty = Empty
}

state! {
    /// There is a fresh domain, which is not yet in use: [`seal`](Domain::seal) seals it to its
    /// custodians.
    Provisioned = Provisioned
}

/// The domain of state `S` is sealed in a pending file: [`activate`](Domain::activate) makes it this
/// HSM's once the file is stored. At rest it is the same as `S`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sealed<S>(PhantomData<S>);

impl<S: State> sealed::Sealed for Sealed<S> {}

impl<S: State> State for Sealed<S> {
    const STAGE: Stage = S::STAGE;
}

state! {
    /// A session gathers a quorum for a sealed domain.
    Recovering = Recovering
}

state! {
    /// The session has a quorum: [`open`](Domain::open) makes the domain this HSM's. At rest it is
    /// the same as any recovery.
    QuorumMet = Recovering
}

state! {
    /// A session gathers a quorum that rehearses a recovery: [`report`](Domain::report) opens the domain,
    /// reports, and wipes it.
    Rehearsing = Rehearsing
}

state! {
    /// The domain is in use.
    Active = Active
}

state! {
    /// The domain is in use, and its quorum is to change: [`commit`](Domain::commit) lets the next
    /// file be completed, [`abandon`](Domain::abandon) makes it void.
    Rotating = Rotating
}

state! {
    /// The domain is in use, and the file of its next epoch may be complete:
    /// [`confirm`](Domain::confirm) makes that epoch the valid one.
    Committed = Committed
}

/// A state in which the domain is in use: active, or changing its quorum.
pub trait InUse: State {}

impl InUse for Active {}

impl InUse for Rotating {}

impl InUse for Committed {}

#[cfg(feature = "managed-hsm")]
state! {
    /// A session waits for a restore blob of Managed HSM.
    Importing = Importing
}

#[cfg(feature = "managed-hsm")]
state! {
    /// A restore blob's domain waits to be confirmed: [`confirm`](Domain::confirm) makes it this
    /// HSM's.
    Imported = Imported
}

/// A security domain in an HSM, in state `S`, with its secrets in a [`Vault`] of `N` bytes.
///
/// Each operation takes effect in one step: it reports to the host's sink, writes the new state to
/// the flash, and then changes the state. Dropping a domain wipes its vault; the flash keeps the
/// domain.
pub struct Domain<'v, S, const N: usize> {
    pub(super) vault: Guard<'v, N>,
    state: PhantomData<S>,
}

/// The vault of a domain, wiped when the domain is dropped.
pub(super) struct Guard<'v, const N: usize>(pub(super) &'v mut Vault<N>);

impl<const N: usize> Drop for Guard<'_, N> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<const N: usize> core::ops::Deref for Guard<'_, N> {
    type Target = Vault<N>;

    fn deref(&self) -> &Vault<N> {
        self.0
    }
}

impl<const N: usize> core::ops::DerefMut for Guard<'_, N> {
    fn deref_mut(&mut self) -> &mut Vault<N> {
        self.0
    }
}

/// An operation did not happen, and the domain is unchanged. `From` converts this to the error
/// alone, which borrows nothing.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused<D> {
    /// The unchanged domain.
    pub domain: D,
    /// Why the operation did not happen.
    pub error: LifecycleError,
}

impl<D> From<Refused<D>> for LifecycleError {
    fn from(refused: Refused<D>) -> Self {
        refused.error
    }
}

impl<'v, S: State, const N: usize> Domain<'v, S, N> {
    pub(super) const fn new(vault: Guard<'v, N>) -> Self {
        Self {
            vault,
            state: PhantomData,
        }
    }

    /// Runs a step: returns the domain in its next state and the step's result, or the domain
    /// unchanged.
    pub(super) fn after<T: State, O, H: Host>(
        mut self,
        step: Step,
        host: &mut H,
        act: impl FnOnce(&mut Vault<N>, &mut H) -> Result<O, LifecycleError>,
    ) -> Result<(Domain<'v, T, N>, O), Refused<Self>> {
        match self.vault.serve(step, host, act) {
            Ok(output) => Ok((Domain::new(self.vault), output)),
            Err(error) => Err(Refused {
                domain: self,
                error,
            }),
        }
    }

    /// Runs a step that happens even if it cannot be written.
    pub(super) fn always<T: State>(
        mut self,
        step: impl FnOnce(&mut Vault<N>) -> Result<(), LifecycleError>,
    ) -> Result<Domain<'v, T, N>, Refused<Domain<'v, T, N>>> {
        let written = self.vault.end_by(step);
        let domain = Domain::new(self.vault);
        match written {
            Ok(()) => Ok(domain),
            Err(error) => Err(Refused { domain, error }),
        }
    }

    /// Returns what the HSM shows of itself. Operators compare domain id, epoch and header digest
    /// with their notes, which must not come from a sealed file.
    pub fn status(&self) -> Status {
        let vault = &self.vault;
        let recovery = vault.session.recovery();
        let standing = vault.standing;
        let own = S::STAGE.has_domain().then_some(&vault.held);
        let is_open = S::STAGE.is_in_use() || vault.session.as_ref().is_some();
        let is_over = S::STAGE.is_session() && !is_open;
        Status {
            stage: S::STAGE,
            instance: (S::STAGE != Stage::Empty && !is_over).then_some(vault.instance.id),
            domain: recovery
                .map(|recovery| recovery.domain)
                .or_else(|| own.filter(|_| !is_over).map(Holding::id)),
            epoch: recovery.map(|recovery| recovery.epoch).or(standing.epoch),
            header: recovery
                .map(|recovery| recovery.header)
                .or_else(|| standing.header()),
            counter_is_hardware: vault.counter_is_hardware,
            takes_writes: vault.takes_writes(),
            transfer_key_left: vault.session.key.is_left(),
            in_error_state: vault.health.is_faulty(),
        }
    }

    /// Runs a self-test, at any time. If it fails, the HSM enters its error state.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::SelfTest`] if the test fails.
    pub fn self_test(&mut self, test: Test) -> Result<(), LifecycleError> {
        self.vault.health.note(test, test.run())
    }

    /// Wipes every secret, in the vault and on the flash. This happens even if the sink refuses,
    /// and also in the error state.
    ///
    /// Both slots of the flash are erased first, and then the empty state is written. If that
    /// fails, the error is [`LifecycleError::NotWritten`], which says what may be left under the
    /// device key. Call it again, or [`Vault::discard`] the state after the next start has refused
    /// it.
    ///
    /// When this returns `Ok`, an HSM leaves its error state: no secret is left, and the power-up
    /// self-tests have passed again. With [`LifecycleError::SelfTest`] no secret is left either,
    /// but the HSM stays in its error state, as it does if the flash could not be erased.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::NotWritten`] and [`LifecycleError::SelfTest`], as described above.
    /// [`LifecycleError::TransferKey`] if the device for transfer keys may still hold one.
    pub fn zeroize<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Empty, N>, Refused<Domain<'v, Empty, N>>> {
        self.always(|vault| {
            vault.destroy(Some(Event::Zeroize), host)?;
            vault.health.recover()
        })
    }
}

/// What an HSM shows of its domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Status {
    /// The stage.
    pub stage: Stage,
    /// The HSM's name, drawn when a domain is provisioned or a session begins; `None` while it is
    /// empty.
    pub instance: Option<InstanceId>,
    /// The domain's id; in a session, that of the domain being recovered.
    pub domain: Option<DomainId>,
    /// The domain's epoch; `None` before it has been sealed.
    pub epoch: Option<Epoch>,
    /// The digest of the domain's header; `None` before it has been sealed.
    pub header: Option<HeaderDigest>,
    /// Whether an old image of the flash would be detected.
    pub counter_is_hardware: bool,
    /// Whether the last write to the flash succeeded, that of the start included. If not, the HSM reads
    /// its state, and a step that must be saved tries to write it again first
    /// ([`RecordError::NotWritable`](crate::storage::RecordError::NotWritable)).
    pub takes_writes: bool,
    /// Whether the device for transfer keys may still hold a key that should be gone. The next start
    /// tries to destroy it again, and so does [`Domain::zeroize`].
    pub transfer_key_left: bool,
    /// Whether a self-test or an internal check failed. Only steps that destroy are then possible.
    pub in_error_state: bool,
}

impl<S: InUse, const N: usize> Domain<'_, S, N> {
    /// Returns the domain's secrets, for use in this HSM. Refuses in the error state, and if
    /// another vault has saved a state on this host since.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::ErrorState`]: the HSM is in its error state.
    /// - [`LifecycleError::Overtaken`]: another vault has saved a state on this host.
    /// - [`LifecycleError::Fault`]: an internal check failed.
    pub fn artifacts<H: Host>(&self, host: &mut H) -> Result<Artifacts<'_>, LifecycleError> {
        self.vault.allows(host)?.spend(LifecycleError::Fault)?;
        // A malformed artifact would end the iterator early.
        self.vault.held.all()?;
        Ok(self.vault.held.artifacts()?)
    }
}

impl<S: State, const N: usize> fmt::Debug for Domain<'_, S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", S::STAGE)
    }
}
