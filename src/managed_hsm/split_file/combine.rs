// SPDX-License-Identifier: MIT OR Apache-2.0
//! Combines the two halves of a pair to the master key.

use super::SplitFile;
use super::half::Half;
use crate::burn::{self, burning};
use crate::ct::is_zeros;
use crate::hardened::Verdict;
use crate::managed_hsm::error::OpenError;
use crate::managed_hsm::master_key::MasterKey;
use crate::secret::Secret;

impl SplitFile<'_> {
    /// Combines the two halves of a pair to the master key, and checks that the key opens every
    /// artifact.
    ///
    /// Secret: the halves, the master key. Public: the file, the custodians. Leaks: whether the key
    /// opens every artifact.
    ///
    /// # Errors
    ///
    /// - [`OpenError::DoesNotOpen`]: the halves are not those of one pair, one is wrong, or the file
    ///   was altered. A key of zeros, which equal halves give, is refused: everyone knows it.
    /// - [`OpenError::Fault`]: an internal check failed.
    pub fn combine(&self, halves: [&Half; 2]) -> Result<MasterKey, OpenError> {
        burning::<{ burn::JWE }, _>(move || {
            let [one, two] = halves;
            let mut key = Secret::zeroed();
            let bytes = one.bytes().expose().iter().zip(two.bytes().expose());
            for (byte, (one, two)) in key.expose_mut().iter_mut().zip(bytes) {
                *byte = one ^ two;
            }
            let drawn =
                Verdict::twice(|| !is_zeros(key.expose())).permit(OpenError::DoesNotOpen)?;
            let key = MasterKey::new(key);
            let opens = self.enc_data.opens(&key)?.and(drawn);
            opens.spend(OpenError::DoesNotOpen)?;
            Ok(key)
        })
    }
}
