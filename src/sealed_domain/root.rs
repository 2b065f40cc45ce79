// SPDX-License-Identifier: MIT OR Apache-2.0
//! The root: the one secret of a domain that stays the same through every rotation.

use rand_core::TryCryptoRng;

use super::id::{DomainId, Suite};
use crate::burn::{self, burning};
use crate::ed25519::SigningKey;
use crate::hardened::Fault;
use crate::labels::Purpose;
use crate::rng::RngError;
use crate::secret::{Secret, wipe};

/// The root of a domain. It is drawn in the HSM that provisions the domain, and leaves it only
/// inside the sealed body.
#[derive(Debug)]
pub struct Root(Secret<32>);

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
        Secret::random(rng).map(Self)
    }

    /// Makes a root from its bytes.
    pub const fn from_secret(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// Returns the bytes.
    pub const fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// Makes a root of zeros, to be filled in place.
    pub(crate) const fn zeroed() -> Self {
        Self(Secret::zeroed())
    }

    /// Returns the bytes, to be filled in place.
    pub(crate) fn secret_mut(&mut self) -> &mut Secret<32> {
        &mut self.0
    }

    pub(crate) fn wipe(&mut self) {
        wipe(self.0.expose_mut());
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
            Ok(DomainId::new(Suite::One, &key.verify_key()))
        })
    }

    /// Fills `key` with the key that signs for the domain: seed = `X(root, "domain key")`
    /// (`docs/format.md`).
    ///
    /// Secret: the root, the key. Leaks: nothing.
    pub(crate) fn domain_key(&self, key: &mut SigningKey) -> Result<(), Fault> {
        Purpose::DomainKey.derive(self.0.expose(), &[], [], key.seed_mut())
    }
}
