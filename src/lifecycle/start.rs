// SPDX-License-Identifier: MIT OR Apache-2.0
//! Power-up: the state that the flash holds, and how to discard one that is refused.

use super::audit::Audit;
use super::error::LifecycleError;
use super::event::Event;
use super::host::Host;
use super::stage::Stage;
use super::state::{
    Active, Domain, Empty, Guard, Provisioned, QuorumMet, Recovering, Refused, Status,
};
#[cfg(feature = "managed-hsm")]
use super::state::{Imported, Importing};
use super::vault::{Owed, Vault};
use crate::burn::{self, burning};
use crate::self_test::{SelfTested, Test};
use crate::storage::record::{self, Loaded, RecordError};

/// The domain that an HSM has when it starts.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyDomain<'v, const N: usize> {
    /// None.
    Empty(Domain<'v, Empty, N>),
    /// A fresh one.
    Provisioned(Domain<'v, Provisioned, N>),
    /// One that is being recovered.
    Recovering(Domain<'v, Recovering, N>),
    /// One that a quorum can open now.
    QuorumMet(Domain<'v, QuorumMet, N>),
    /// One that waits for a restore blob.
    #[cfg(feature = "managed-hsm")]
    Importing(Domain<'v, Importing, N>),
    /// One that waits to be confirmed.
    #[cfg(feature = "managed-hsm")]
    Imported(Domain<'v, Imported, N>),
    /// One in use.
    Active(Domain<'v, Active, N>),
}

impl<const N: usize> AnyDomain<'_, N> {
    /// What the HSM shows of itself, whatever state it is in.
    pub fn status(&self) -> Status {
        match self {
            Self::Empty(domain) => domain.status(),
            Self::Provisioned(domain) => domain.status(),
            Self::Recovering(domain) => domain.status(),
            Self::QuorumMet(domain) => domain.status(),
            #[cfg(feature = "managed-hsm")]
            Self::Importing(domain) => domain.status(),
            #[cfg(feature = "managed-hsm")]
            Self::Imported(domain) => domain.status(),
            Self::Active(domain) => domain.status(),
        }
    }
}

impl<'v, const N: usize> AnyDomain<'v, N> {
    /// Wipes every secret, as [`Domain::zeroize`] does, whatever state the HSM is in.
    ///
    /// # Errors
    ///
    /// Those of [`Domain::zeroize`]: the secrets are gone from the vault all the same.
    pub fn zeroize<H: Host>(
        self,
        host: &mut H,
    ) -> Result<Domain<'v, Empty, N>, Refused<Domain<'v, Empty, N>>> {
        match self {
            Self::Empty(domain) => domain.zeroize(host),
            Self::Provisioned(domain) => domain.zeroize(host),
            Self::Recovering(domain) => domain.zeroize(host),
            Self::QuorumMet(domain) => domain.zeroize(host),
            #[cfg(feature = "managed-hsm")]
            Self::Importing(domain) => domain.zeroize(host),
            #[cfg(feature = "managed-hsm")]
            Self::Imported(domain) => domain.zeroize(host),
            Self::Active(domain) => domain.zeroize(host),
        }
    }
}

impl<const N: usize> Vault<N> {
    /// Reads the domain from the flash, as the HSM does each time it starts. A session whose time is
    /// over by then has ended.
    ///
    /// It consumes the token of a self-test that passed ([`self_test::run`](crate::self_test::run)), and
    /// leaves the error state. Other algorithms are tested when a step first uses them.
    pub fn start<H: Host>(
        &mut self,
        tested: SelfTested,
        host: &mut H,
    ) -> Result<AnyDomain<'_, N>, LifecycleError> {
        burning::<{ burn::SEALING }, _>(move || {
            let mut guard = Guard(self);
            guard.health.begin(tested)?;
            let loaded = load(&mut guard, host);
            let stage = guard.latch(loaded)?;
            Ok(match stage {
                Stage::Empty => AnyDomain::Empty(Domain::new(guard)),
                Stage::Provisioned => AnyDomain::Provisioned(Domain::new(guard)),
                Stage::Recovering => match Domain::new(guard).quorum() {
                    Ok(domain) => AnyDomain::QuorumMet(domain),
                    Err(domain) => AnyDomain::Recovering(domain),
                },
                #[cfg(feature = "managed-hsm")]
                Stage::Importing => AnyDomain::Importing(Domain::new(guard)),
                #[cfg(feature = "managed-hsm")]
                Stage::Imported => AnyDomain::Imported(Domain::new(guard)),
                #[cfg(not(feature = "managed-hsm"))]
                Stage::Importing | Stage::Imported => return Err(LifecycleError::LeftOut(stage)),
                Stage::Active => AnyDomain::Active(Domain::new(guard)),
            })
        })
    }

    /// Discards what the flash holds, such as a state that [`start`](Self::start) refuses as damaged or
    /// rolled back. The HSM is empty then, and can be started.
    ///
    /// It needs no self-test: the secrets of an HSM that does not pass one can still be destroyed.
    pub fn discard<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        Guard(self).end_by(|vault| {
            vault.wipe();
            vault.health.fail();
            vault.counter_is_hardware = host.counter_is_hardware();
            vault.position = Some(record::discard(host, &mut vault.buffer));
            vault.destroy(Some(Event::Zeroize), host)
        })
    }
}

fn load<const N: usize, H: Host>(
    vault: &mut Vault<N>,
    host: &mut H,
) -> Result<Stage, LifecycleError> {
    vault.wipe();
    vault.owed = Owed(0);
    vault.audit = Audit::NONE;
    vault.counter_is_hardware = host.counter_is_hardware();
    let (loaded, permit) = record::load(host, &mut vault.buffer)?;
    let len = match loaded {
        Loaded::Blank { position } => {
            permit.spend(LifecycleError::Fault)?;
            vault.position = Some(position);
            return Ok(Stage::Empty);
        }
        Loaded::Contents { len, position, .. } => {
            vault.position = Some(position);
            len
        }
    };
    vault.health.first_use(&[Test::Ed25519])?;
    let stage = vault
        .restore(len, permit)
        .map_err(|_| RecordError::Damaged)?;
    if stage.is_left_out() {
        return Err(LifecycleError::LeftOut(stage));
    }
    if stage.has_domain() {
        vault.held.name()?;
    }
    vault.is_rooted(stage)?.spend(LifecycleError::Fault)?;
    match vault.end_if_over(host)? {
        true => Ok(Stage::Empty),
        false => Ok(stage),
    }
}
