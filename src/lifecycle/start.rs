// SPDX-License-Identifier: MIT OR Apache-2.0
//! The beginning: power-up, and a fresh domain.

use rand_core::TryCryptoRng;

use super::audit::Audit;
use super::error::LifecycleError;
use super::event::{Event, Step};
use super::host::Host;
use super::stage::Stage;
use super::state::{
    Active, Domain, Empty, Guard, Provisioned, QuorumMet, Recovering, Refused, Status,
};
#[cfg(feature = "managed-hsm")]
use super::state::{Imported, Importing};
use super::vault::{Instance, Next, Owed, Vault};
use crate::burn::{self, burning};
use crate::ct::declassify_bytes;
use crate::hardened::{Permit, Verdict, copy};
use crate::labels::Purpose;
use crate::rng::{self, RngError};
use crate::sealed_domain::{ArtifactTag, Hedged, InstanceId, MAX_ARTIFACTS, Root, SealError};
use crate::secret::Secret;
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
            vault.destroy(host)
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
    if stage != Stage::Empty {
        vault.held.name()?;
    }
    if stage == Stage::Imported {
        vault.incoming.name()?;
    }
    vault
        .is_rooted(Next::new(stage))?
        .spend(LifecycleError::Fault)?;
    match vault.end_if_over(host)? {
        true => Ok(Stage::Provisioned),
        false => Ok(stage),
    }
}

/// Draws what an HSM has of its own when it is provisioned, each in its place: the root, the seed and
/// the name. Returns a permit for what stands there then.
///
/// The draws are hedged with the device key and the number of the record, so two HSMs whose generators
/// give the same bytes share none of them. A generator that gives zeros, or one block after itself, is
/// refused.
///
/// Secret: the device key, root and seed. Public: the number, the name. Leaks: whether the generator
/// failed.
fn draw<R: TryCryptoRng + ?Sized>(
    rng: &mut R,
    device_key: &Secret<32>,
    number: u64,
    root: &mut Root,
    instance: &mut Instance,
) -> Result<Permit, RngError> {
    let mut what = Secret::zeroed();
    *what.expose_mut() = Purpose::Session.digest([b"provision".as_slice(), &number.to_be_bytes()]);
    let mut rng = Hedged::with_device_key(rng, device_key, what);
    let drawn = rng::draw(&mut rng, root.secret_mut().expose_mut())?
        .and(rng::draw(&mut rng, instance.seed.expose_mut())?);
    let mut id = [0; 16];
    rng::fill(&mut rng, &mut id)?;
    declassify_bytes(&mut id);
    instance.id = InstanceId::from_bytes(id);
    Ok(drawn.and(rng::check_drawn(instance.id.as_bytes())?))
}

/// What an HSM draws when it is provisioned.
#[cfg(feature = "hazmat")]
#[expect(clippy::exhaustive_structs, reason = "in `hazmat` only")]
pub struct Fresh {
    /// The domain's root.
    pub root: Root,
    /// The seed of the HSM's own key.
    pub seed: Secret<32>,
    /// The HSM's name.
    pub id: InstanceId,
}

#[cfg(feature = "hazmat")]
impl Fresh {
    /// What an HSM with this device key and a record of this number draws, for a test that is to know
    /// its secrets.
    pub fn drawn<R: TryCryptoRng + ?Sized>(
        rng: &mut R,
        device_key: &Secret<32>,
        number: u64,
    ) -> Result<Self, RngError> {
        let (mut root, mut instance) = (Root::zeroed(), Instance::NONE);
        draw(rng, device_key, number, &mut root, &mut instance)?.spend(RngError)?;
        let Instance { id, seed } = instance;
        Ok(Self { root, seed, id })
    }
}

impl<'v, const N: usize> Domain<'v, Empty, N> {
    /// Makes a fresh domain of these secrets, and draws its root and this HSM's own key.
    ///
    /// Secret: the artifacts. Public: tags and lengths. Leaks: nothing else.
    pub fn provision<H: Host>(
        self,
        artifacts: &[(ArtifactTag<'_>, &[u8])],
        host: &mut H,
    ) -> Result<Domain<'v, Provisioned, N>, Refused<Self>> {
        let (domain, ()) = self.after(Step::Provision, host, |vault, host| {
            vault
                .provision(artifacts, host)
                .inspect_err(|_| vault.wipe())
        })?;
        Ok(domain)
    }
}

impl<const N: usize> Vault<N> {
    fn provision<H: Host>(
        &mut self,
        artifacts: &[(ArtifactTag<'_>, &[u8])],
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.health.first_use(&[Test::Ed25519])?;
        if !(1..=MAX_ARTIFACTS).contains(&artifacts.len()) {
            return Err(LifecycleError::Seal(SealError::ArtifactCount));
        }
        for (place, (tag, artifact)) in artifacts.iter().enumerate() {
            let mut earlier = artifacts.iter().take(place);
            if earlier.any(|(earlier, _)| earlier == tag) {
                return Err(LifecycleError::Seal(SealError::SameTag(place as u8)));
            }
            copy(self.held.push(*tag, artifact.len())?, artifact)?;
        }
        let number = self.position.ok_or(LifecycleError::Fault)?.number();
        let mut device_key = Secret::zeroed();
        copy(device_key.expose_mut(), host.device_key().expose())?;
        let Self { held, instance, .. } = self;
        let drawn = draw(host.rng(), &device_key, number, &mut held.root, instance)?;
        held.name()?;
        let domain = held.id();
        let given = || artifacts.iter().copied();
        let whole = Verdict::twice(|| held.has(given())).permit(LifecycleError::Fault)?;
        let permit = drawn
            .and(whole)
            .and(self.report(host, &Event::Provision { domain })?);
        self.commit(host, Next::new(Stage::Provisioned), permit)
    }
}
