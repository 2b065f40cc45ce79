// SPDX-License-Identifier: MIT OR Apache-2.0
//! The post-quantum identity to which a domain may commit when it is born: an ML-DSA-87 key
//! (FIPS 204) that its root gives.

use ml_dsa::{Keypair, MlDsa87, Seed, SigningKey};
use zeroize::Zeroizing;

use super::id::BirthCommitment;
use super::root::Root;
use crate::burn::{self, burning};
use crate::ct::{Mask, declassify_bytes, eq_bytes};
use crate::hardened::{Fault, Verdict, copy};
use crate::labels::Purpose;
use crate::secret::Secret;

impl Root {
    /// Commits the domain of this root to its post-quantum identity, which changes the domain's id
    /// (`docs/format.md`, "Birth commitment"). Only for a root that was just drawn: a domain that exists
    /// keeps its id.
    ///
    /// This computes an ML-DSA-87 key (FIPS 204 section 5.1), and needs about 600 KB of stack.
    ///
    /// Secret: the root, the private key. Public: the commitment. Leaks: how many candidates for the
    /// coefficients of the private key are rejected, which does not depend on those that are taken.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an internal check failed. The root is then unchanged.
    pub fn commit_to_post_quantum_identity(&mut self) -> Result<(), Fault> {
        let commitment = self.post_quantum_identity()?;
        // A wrong commitment would show only when the identity is wanted, years later.
        Verdict::twice(|| match self.post_quantum_identity() {
            Ok(again) => eq_bytes(commitment.as_bytes(), again.as_bytes()),
            Err(Fault) => Mask::public(false),
        })
        .or(Fault)?;
        self.set_commitment(commitment);
        Ok(())
    }

    /// Returns `D("post-quantum identity", verify key)`.
    fn post_quantum_identity(&self) -> Result<BirthCommitment, Fault> {
        burning::<{ burn::ML_DSA }, _>(move || {
            let mut secret = Secret::<32>::zeroed();
            Purpose::PostQuantumKey.derive(self.secret().expose(), &[], [], &mut secret)?;
            let mut seed = Zeroizing::new(Seed::default());
            copy(&mut seed, secret.expose())?;
            let mut verify_key = SigningKey::<MlDsa87>::from_seed(&seed)
                .verifying_key()
                .encode();
            declassify_bytes(&mut verify_key);
            let digest = Purpose::PostQuantumIdentity.digest([verify_key.as_slice()]);
            Ok(BirthCommitment::from_bytes(digest))
        })
    }
}
