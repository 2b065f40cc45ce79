// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key of one file.

use crate::ct::is_zeros;
use crate::hardened::Verdict;
use crate::rng::{Generator, RngError};
use crate::secret::Secret;

/// The key that opens every artifact of one file. It comes from a quorum of shares or from a
/// restore blob, and is wiped when dropped.
pub struct MasterKey(Secret<32>);

impl MasterKey {
    pub(super) const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// Draws a fresh key. Zeros are refused: they stand there before a key is drawn.
    ///
    /// Secret: the key. Leaks: whether the generator failed.
    pub(super) fn drawn<R: Generator + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        let key = Secret::random(rng)?;
        Verdict::twice(|| !is_zeros(key.expose())).or(RngError)?;
        Ok(Self(key))
    }

    pub(super) fn secret(&self) -> &Secret<32> {
        &self.0
    }
}

impl core::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}
