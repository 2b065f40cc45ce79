// SPDX-License-Identifier: MIT OR Apache-2.0
//! The root: the one secret of a domain that stays the same through every rotation.

use rand_core::TryCryptoRng;

use super::id::{BirthCommitment, DomainId, Suite};
use crate::burn::{self, burning};
use crate::ct::{Mask, eq_bytes};
use crate::ed25519::SigningKey;
use crate::hardened::Fault;
use crate::labels::Purpose;
use crate::rng::RngError;
use crate::secret::{Secret, wipe};

/// The root of a domain. It is drawn in the HSM that provisions the domain, and leaves it only
/// inside the sealed body.
///
/// With it goes the domain's [`BirthCommitment`], which is public and does not change either: the two
/// together give the domain's id.
#[derive(Debug)]
pub struct Root {
    secret: Secret<32>,
    commitment: BirthCommitment,
}

impl Root {
    /// The length of a root in bytes.
    pub const LEN: usize = 32;

    /// Draws a root, which makes a new domain.
    ///
    /// Secret: the root. Public: whether the generator failed. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`RngError`] if the generator failed.
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        Secret::random(rng).map(Self::from_secret)
    }

    /// Makes a root from its bytes. Its domain commits to nothing.
    pub const fn from_secret(secret: Secret<32>) -> Self {
        Self {
            secret,
            commitment: BirthCommitment::NONE,
        }
    }

    /// Sets what the domain commits to, which changes the domain's id.
    #[must_use]
    pub const fn committed(mut self, commitment: BirthCommitment) -> Self {
        self.commitment = commitment;
        self
    }

    /// Returns what the domain commits to.
    pub const fn commitment(&self) -> &BirthCommitment {
        &self.commitment
    }

    /// Returns the bytes.
    pub const fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// Makes a root of zeros, to be filled in place.
    pub(crate) const fn zeroed() -> Self {
        Self::from_secret(Secret::zeroed())
    }

    /// Returns the bytes, to be filled in place.
    pub(crate) fn secret_mut(&mut self) -> &mut Secret<32> {
        &mut self.secret
    }

    /// Sets what the domain commits to.
    pub(crate) const fn set_commitment(&mut self, commitment: BirthCommitment) {
        self.commitment = commitment;
    }

    /// Returns whether root and commitment are the same.
    ///
    /// Secret: the roots. Public: the commitments. Leaks: nothing.
    pub(crate) fn is_same(&self, other: &Self) -> Mask {
        eq_bytes(self.secret.expose(), other.secret.expose())
            & eq_bytes(self.commitment.as_bytes(), other.commitment.as_bytes())
    }

    pub(crate) fn wipe(&mut self) {
        wipe(self.secret.expose_mut());
        self.commitment = BirthCommitment::NONE;
    }

    /// Returns the id of the domain that this root gives now.
    ///
    /// Secret: the root. Public: the id. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an internal check failed.
    pub fn domain_id(&self) -> Result<DomainId, Fault> {
        burning::<{ burn::DOMAIN }, _>(move || {
            let mut key = SigningKey::zeroed();
            self.domain_key(&mut key)?;
            Ok(DomainId::new(
                Suite::One,
                &key.published_key(),
                &self.commitment,
            ))
        })
    }

    /// Fills `key` with the key that signs for the domain: seed = `X(root, "domain key")`
    /// (`docs/format.md`).
    ///
    /// Secret: the root, the key. Leaks: nothing.
    pub(crate) fn domain_key(&self, key: &mut SigningKey) -> Result<(), Fault> {
        Purpose::DomainKey.derive(self.secret.expose(), &[], [], key.seed_mut())
    }
}
