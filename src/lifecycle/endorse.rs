// SPDX-License-Identifier: MIT OR Apache-2.0
//! The domain endorses the HSM, and the HSM signs with its own key.

use super::error::LifecycleError;
use super::host::{Host, watched};
use super::ledger::{Endorsement, Ledger, PinsDigest};
use super::sink::SinkAnswer;
use super::state::{Domain, State};
use super::vault::Vault;
use crate::burn::{self, burning};
use crate::ed25519::{SIGNATURE_LEN, SigningKey, VerifyKey};
use crate::hardened::{Fault, Verdict};
use crate::rng::Watched;
use crate::sealed_domain::HeaderDigest;

impl<const N: usize> Vault<N> {
    /// Records the endorsement of this HSM by its domain, if the log is without one.
    ///
    /// Secret: the domain's key, the HSM's. Public: the endorsement. Leaks: nothing else.
    #[inline(never)]
    pub(super) fn endorse<H: Host>(&mut self, host: &mut H) -> Result<(), LifecycleError> {
        if !self.in_use {
            return Ok(());
        }
        let Some(pins) = host.ledger().and_then(Ledger::endorsement_due) else {
            return Ok(());
        };
        let endorsed = burning::<{ burn::SEALING }, _>(|| {
            let endorsement = self.endorsement(pins, &mut watched(host))?;
            let time = host.now();
            let answer = host
                .ledger()
                .map(|ledger| ledger.endorse(time, &endorsement));
            let answer = answer.unwrap_or(SinkAnswer::REFUSED);
            Verdict::twice(|| answer.is_agreed()).or(LifecycleError::SinkRefused)
        });
        // Callers may go on without it, but not after a fault.
        self.latch(endorsed)
    }

    fn endorsement(
        &self,
        pins: PinsDigest,
        watched: &mut dyn Watched,
    ) -> Result<Endorsement, LifecycleError> {
        let header = self.standing.header();
        let mut key = SigningKey::zeroed();
        self.held.root.domain_key(&mut key)?;
        let mut endorsement = Endorsement {
            instance: self.instance.id,
            key: self.instance.verify_key()?,
            header: header.unwrap_or(HeaderDigest::from_bytes([0; 32])),
            pins,
            domain_key: key.published_key(),
            commitment: *self.held.root.commitment(),
            signature: [0; SIGNATURE_LEN],
        };
        let signature = key.sign(&endorsement.digest(), watched);
        endorsement.signature = signature.map_err(|_| Fault)?;
        Ok(endorsement)
    }
}

impl<S: State, const N: usize> Domain<'_, S, N> {
    /// Returns the public half of the HSM's own key, with which it signs the heads of its log;
    /// `None` if the HSM is empty.
    ///
    /// # Errors
    ///
    /// [`LifecycleError::Fault`] if an internal check failed.
    pub fn instance_key(&self) -> Result<Option<VerifyKey>, LifecycleError> {
        match self.vault.instance.is_drawn().declassify() {
            true => Ok(Some(self.vault.instance.verify_key()?)),
            false => Ok(None),
        }
    }

    /// Signs a message with the HSM's own key, for what the HSM says of its log alone.
    ///
    /// Secret: the HSM's own key. Public: the message, the signature. Leaks: nothing else.
    pub(crate) fn sign_as_instance<H: Host>(
        &self,
        message: &[u8],
        host: &mut H,
    ) -> Result<[u8; SIGNATURE_LEN], LifecycleError> {
        let vault = &self.vault;
        let drawn =
            Verdict::twice(|| vault.instance.is_drawn()).permit(LifecycleError::NoInstance)?;
        { vault.allows(host)?.and(drawn) }.spend(LifecycleError::Fault)?;
        burning::<{ burn::SEALING }, _>(|| {
            let mut key = SigningKey::zeroed();
            vault.instance.key(&mut key)?;
            let signature = key.sign(message, &mut watched(host));
            Ok(signature.map_err(|_| Fault)?)
        })
    }
}
