// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transfer key of a session, in its place in the vault: it is made and read there, and never
//! moved.

use crate::rng::Watched;
use crate::rsa::{GenerateError, KeyError, ModulusSize, PrivateKey};

/// A transfer key, or none. It wipes itself.
pub(super) struct TransferKey {
    key: PrivateKey,
    is_there: bool,
}

impl TransferKey {
    pub(super) const NONE: Self = Self {
        key: PrivateKey::zeroed(),
        is_there: false,
    };

    pub(super) fn get(&self) -> Option<&PrivateKey> {
        self.is_there.then_some(&self.key)
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut PrivateKey> {
        self.is_there.then_some(&mut self.key)
    }

    /// Generates a key.
    ///
    /// Secret: the key, what `rng` draws. Public: `size`. Leaks: what generating a key leaks.
    pub(super) fn generate(
        &mut self,
        size: ModulusSize,
        rng: &mut dyn Watched,
    ) -> Result<&PrivateKey, GenerateError> {
        self.wipe();
        self.key.make(size, rng, &mut |_| ())?;
        self.is_there = true;
        Ok(&self.key)
    }

    /// Reads a key from PKCS#8.
    ///
    /// Secret: the key. Public: the lengths of its integers, what is wrong. Leaks: nothing else.
    pub(super) fn read(&mut self, der: &[u8], watched: &mut dyn Watched) -> Result<(), KeyError> {
        self.wipe();
        self.key.read_pkcs8_der(der, watched)?;
        self.is_there = true;
        Ok(())
    }

    pub(super) fn wipe(&mut self) {
        self.is_there = false;
        self.key.wipe();
    }
}
