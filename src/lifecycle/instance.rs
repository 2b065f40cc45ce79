// SPDX-License-Identifier: MIT OR Apache-2.0
//! The name and the seed of one HSM.

use crate::ct::{Mask, declassify_bytes, is_zeros};
use crate::ed25519::{SigningKey, VerifyKey};
use crate::hardened::{Fault, Permit, copy};
use crate::rng::{self, Generator, RngError};
use crate::sealed_domain::InstanceId;
use crate::secret::{Secret, wipe};

/// One HSM, from the first step that leaves the empty state to the one that returns to it. Both values are
/// drawn in the HSM, never derived from a root.
pub(super) struct Instance {
    pub(super) id: InstanceId,
    pub(super) seed: Secret<32>,
}

impl Instance {
    /// The value in an empty HSM.
    pub(super) const NONE: Self = Self {
        id: InstanceId::from_bytes([0; 16]),
        seed: Secret::zeroed(),
    };

    /// Draws seed and name, and returns a permit to use them.
    ///
    /// Secret: the seed. Public: the name. Leaks: whether the generator failed.
    pub(super) fn draw<R: Generator + ?Sized>(&mut self, rng: &mut R) -> Result<Permit, RngError> {
        let drawn = rng::draw(rng, self.seed.expose_mut())?;
        let mut id = [0; 16];
        rng::fill(rng, &mut id)?;
        declassify_bytes(&mut id);
        self.id = InstanceId::from_bytes(id);
        Ok(drawn.and(rng::check_drawn(self.id.as_bytes())?))
    }

    /// Copies the HSM's own key, with which it signs the heads of its log.
    ///
    /// Secret: the key. Leaks: nothing.
    pub(super) fn key(&self, key: &mut SigningKey) -> Result<(), Fault> {
        copy(key.seed_mut().expose_mut(), self.seed.expose())
    }

    /// Returns the public half of that key.
    ///
    /// Secret: the key. Public: the public half. Leaks: nothing else.
    pub(super) fn verify_key(&self) -> Result<VerifyKey, Fault> {
        let mut key = SigningKey::zeroed();
        self.key(&mut key)?;
        Ok(key.published_key())
    }

    /// Returns whether seed and name are set.
    ///
    /// Secret: the seed. Public: the name. Leaks: nothing.
    pub(super) fn is_drawn(&self) -> Mask {
        !is_zeros(self.seed.expose()) & !is_zeros(self.id.as_bytes())
    }

    pub(super) fn wipe(&mut self) {
        wipe(self.seed.expose_mut());
        self.id = Self::NONE.id;
    }
}
