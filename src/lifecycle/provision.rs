// SPDX-License-Identifier: MIT OR Apache-2.0
//! Provisions a fresh domain.

#[cfg(feature = "hazmat")]
use super::draw::hedge;
use super::error::LifecycleError;
use super::event::{Event, Step};
use super::host::{Host, HostRng, watched};
use super::instance::Instance;
use super::logged;
use super::stage::Stage;
use super::state::{Domain, Empty, Provisioned, Refused};
use super::vault::{Next, Vault};
use crate::hardened::{Permit, Verdict, copy};
use crate::rng::{self, Generator};
#[cfg(feature = "hazmat")]
use crate::rng::{Erased, RngError};
#[cfg(feature = "hazmat")]
use crate::sealed_domain::InstanceId;
use crate::sealed_domain::{ArtifactTag, MAX_ARTIFACTS, Root, SealError};
use crate::secret::Secret;
use crate::self_test::Test;
#[cfg(feature = "hazmat")]
use crate::storage::{self, DeviceKey};

impl<'v, const N: usize> Domain<'v, Empty, N> {
    /// Makes a fresh domain with these secrets, and draws its root and this HSM's own key. With the
    /// feature `pq-identity` the domain commits to a post-quantum identity
    /// ([`BirthCommitment`](crate::sealed_domain::BirthCommitment)).
    ///
    /// Secret: the artifacts. Public: tags and lengths. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`LifecycleError::BufferTooSmall`]: the vault is too small for the artifacts.
    /// - [`LifecycleError::Seal`]: the artifacts are none or too many, or two have the same tag.
    /// - Any failure of the sink, the generator or the flash.
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

/// What the draws of provisioning are for.
const AIM: &[u8] = b"provision";

/// Draws the root, and the seed and the name of the HSM, each in place. Returns a permit to use
/// them. The root commits to a post-quantum identity if this build can compute one.
///
/// Secret: root and seed. Public: the name, the commitment. Leaks: whether the generator failed.
fn draw<R: Generator + ?Sized>(
    rng: &mut R,
    root: &mut Root,
    instance: &mut Instance,
) -> Result<Permit, LifecycleError> {
    let permit = rng::draw(rng, root.secret_mut().expose_mut())?.and(instance.draw(rng)?);
    #[cfg(feature = "pq-identity")]
    root.commit_to_post_quantum_identity()?;
    Ok(permit)
}

/// The draws of an HSM that is provisioned.
#[cfg(feature = "hazmat")]
#[derive(Debug)]
#[cfg_attr(
    feature = "hazmat",
    expect(clippy::exhaustive_structs, reason = "in `hazmat` only")
)]
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
    /// Returns the draws of an HSM with this device key, at this time, for a record of this number.
    /// For tests that must know the secrets.
    ///
    /// # Errors
    ///
    /// [`LifecycleError`] if the generator or the device key failed.
    pub fn drawn<R: Generator + ?Sized>(
        rng: &mut R,
        device_key: &mut dyn DeviceKey,
        number: u64,
        now: u64,
    ) -> Result<Self, LifecycleError> {
        let (mut root, mut instance) = (Root::zeroed(), Instance::NONE);
        let (mut rng, mut secret) = (Erased(rng), Secret::zeroed());
        storage::hedge(device_key, &mut secret)?;
        let mut rng = hedge(&mut rng, &secret, AIM, number, now);
        draw(&mut rng, &mut root, &mut instance)?.spend(RngError)?;
        let Instance { id, seed } = instance;
        Ok(Self { root, seed, id })
    }
}

/// Returns the seed and the name that an HSM draws when it begins a session: `aim` is the digest of the
/// header of the domain to recover, or `import`.
///
/// # Errors
///
/// [`LifecycleError`] if the generator or the device key failed.
#[cfg(feature = "hazmat")]
pub fn session_instance<R: Generator + ?Sized>(
    rng: &mut R,
    device_key: &mut dyn DeviceKey,
    aim: &[u8],
    number: u64,
    now: u64,
) -> Result<(Secret<32>, InstanceId), LifecycleError> {
    let (mut rng, mut instance) = (Erased(rng), Instance::NONE);
    let mut secret = Secret::zeroed();
    storage::hedge(device_key, &mut secret)?;
    let mut rng = hedge(&mut rng, &secret, aim, number, now);
    instance.draw(&mut rng)?.spend(RngError)?;
    Ok((instance.seed, instance.id))
}

impl<const N: usize> Vault<N> {
    fn provision<H: Host>(
        &mut self,
        artifacts: &[(ArtifactTag<'_>, &[u8])],
        host: &mut H,
    ) -> Result<(), LifecycleError> {
        self.health
            .first_use(&[Test::Ed25519], &mut watched(host))?;
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
        let now = host.now();
        let mut secret = Secret::zeroed();
        let mut source = HostRng(host);
        let mut rng = self.hedged(&mut secret, &mut source, AIM, now)?;
        let Self { held, instance, .. } = self;
        let drawn = draw(&mut rng, &mut held.root, instance)?;
        held.name()?;
        let domain = held.id();
        logged::begin(host, instance.id);
        let given = || artifacts.iter().copied();
        let whole = Verdict::twice(|| held.has(given())).permit(LifecycleError::Fault)?;
        let permit = drawn
            .and(whole)
            .and(self.audit.report(host, &Event::Provision { domain })?);
        self.commit(host, Next::new(Stage::Provisioned), permit)
    }
}
