// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain and the state it is in, which its type tells.

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
    /// Which.
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
    /// [`begin_recovery_here`](Domain::begin_recovery_here) recover a sealed one.
    Empty = Empty
}

state! {
    /// There is a fresh domain, not to be used yet: [`activate`](Domain::activate) seals it to its
    /// custodians.
    Provisioned = Provisioned
}

state! {
    /// A session gathers a quorum for a sealed domain.
    Recovering = Recovering
}

state! {
    /// The session has a quorum: [`open`](Domain::open) makes the domain this HSM's. At rest it is a
    /// session like any other.
    QuorumMet = Recovering
}

state! {
    /// The domain is in use.
    Active = Active
}

#[cfg(feature = "managed-hsm")]
state! {
    /// A session waits for a restore blob of Managed HSM.
    Importing = Importing
}

#[cfg(feature = "managed-hsm")]
state! {
    /// A restore blob's domain is in: [`confirm`](Domain::confirm) makes it this HSM's.
    Imported = Imported
}

/// A security domain in an HSM, in state `S`, its secrets in a [`Vault`] of `N` bytes.
///
/// Each operation takes effect in one step: it reports to the host's sink, writes the new state to the
/// flash, and then changes the state. When a domain is dropped its vault is wiped; the flash keeps it.
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

/// An operation did not happen; the domain is in the state in which it was. It becomes the error alone,
/// which borrows nothing, by `From`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused<D> {
    /// The domain.
    pub domain: D,
    /// Why.
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

    /// Takes a step: the same domain in another state and what the step gives, or still in this one.
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

    /// Takes a step that happens whatever comes of its being written down.
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

    /// What the HSM shows of itself. Operators compare domain id, epoch and header digest with what
    /// they have noted, by a way that no sealed file has passed.
    pub fn status(&self) -> Status {
        let vault = &self.vault;
        let recovery = vault.session.recovery();
        let standing = vault.standing;
        let own = S::STAGE.has_domain().then_some(&vault.held);
        let is_over = S::STAGE.is_session() && vault.session.as_ref().is_none();
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
            in_error_state: vault.health.is_faulty(),
        }
    }

    /// Runs a self-test, at any time. If it fails, the HSM is in its error state.
    pub fn self_test(&mut self, test: Test) -> Result<(), LifecycleError> {
        self.vault.health.note(test, test.run())
    }

    /// Wipes every secret, in the vault and on the flash. It happens whatever the sink says, and in the
    /// error state.
    ///
    /// Both slots of the flash are erased first, and then the empty state is written. If that fails, the
    /// error is [`LifecycleError::NotWritten`], which says what may be left under the device key: try
    /// again, or [`Vault::discard`] it after the next start has refused it.
    ///
    /// An HSM in its error state leaves it when this returns `Ok`: every secret is gone, and the self-tests
    /// of power-up have passed again. With [`LifecycleError::SelfTest`] every secret is gone too, and the
    /// HSM stays in its error state, as it does if what may be left could not be erased.
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
#[non_exhaustive]
pub struct Status {
    /// The state.
    pub stage: Stage,
    /// The HSM's name, drawn when a domain is provisioned or a session begins; none while it is empty.
    pub instance: Option<InstanceId>,
    /// The domain: in a session, the one that is being recovered.
    pub domain: Option<DomainId>,
    /// Its epoch; none before it has been sealed.
    pub epoch: Option<Epoch>,
    /// The digest of its header; none before it has been sealed.
    pub header: Option<HeaderDigest>,
    /// Whether an old image of the flash would be told from this one.
    pub counter_is_hardware: bool,
    /// Whether a self-test or a computation failed: no step is taken but those that only destroy.
    pub in_error_state: bool,
}

impl<const N: usize> Domain<'_, Active, N> {
    /// The domain's secrets, for their use in this HSM. It refuses in the error state, and if another
    /// vault has saved a state on this host since.
    pub fn artifacts<H: Host>(&self, host: &mut H) -> Result<Artifacts<'_>, LifecycleError> {
        self.vault.allows(host)?.spend(LifecycleError::Fault)?;
        // What is malformed would end the iterator early.
        self.vault.held.all()?;
        Ok(self.vault.held.artifacts()?)
    }
}

impl<S: State, const N: usize> fmt::Debug for Domain<'_, S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", S::STAGE)
    }
}
