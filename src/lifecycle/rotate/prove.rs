// SPDX-License-Identifier: MIT OR Apache-2.0
//! The new custodians prove that they can use the pending file.

use super::error::RotationError;
use crate::ct::{Mask, eq_bytes};
use crate::custodian::Recipient;
use crate::drill::{Answered, Challenge, Proof, Response};
use crate::hardened::{Permit, Verdict};
use crate::labels::Purpose;
use crate::lifecycle::error::LifecycleError;
use crate::lifecycle::event::{Event, Step};
use crate::lifecycle::host::{Host, HostRng, watched};
use crate::lifecycle::recover::Added;
use crate::lifecycle::session::Ticked;
use crate::lifecycle::state::{Domain, Rotating};
use crate::lifecycle::vault::Vault;
use crate::sealed_domain::{ExpectedDomain, Hedged, SealedDomain};
use crate::secret::Secret;
use crate::self_test::Test;

impl<const N: usize> Domain<'_, Rotating, N> {
    /// Writes a challenge to the new custodians to the front of `out`, and returns its length. `keys`
    /// are their public keys, all or some; [`Challenge::written_len`] tells how much room they need.
    /// `pending` is the pending file.
    ///
    /// The HSM takes answers to its newest challenge only. Proofs that it has stay.
    ///
    /// Secret: the values in the challenge. Public: the rest. Leaks: nothing else.
    ///
    /// # Errors
    ///
    /// - [`RotationError::Challenge`]: a key is not that of a new custodian, or stands there twice,
    ///   or `out` is too small.
    /// - [`LifecycleError::OtherHeader`]: `pending` is not the file of this rotation.
    /// - [`LifecycleError::Expired`], as for [`consent`](Self::consent).
    /// - Any failure of the generator, the clock or the flash.
    ///
    /// `out` is then left empty.
    pub fn challenge<K: Recipient, H: Host>(
        &mut self,
        pending: &SealedDomain<'_>,
        keys: &[K],
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        let made = self.vault.serve(Step::Challenge, host, |vault, host| {
            vault.challenge(pending, keys, host, out)
        });
        made.inspect_err(|_| out.fill(0))
    }

    /// Takes a new custodian's answer to the challenge: he has his key, and it opens his share of
    /// the pending file. A refused answer changes nothing.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// - [`RotationError::Response`]: the answer is refused.
    /// - [`RotationError::ShareKnownOnly`]: it does not show that he has his key.
    /// - [`RotationError::OtherChallenge`]: `challenge` is not the newest one of this rotation.
    /// - [`LifecycleError::OtherHeader`]: `pending` is not the file of this rotation.
    /// - [`LifecycleError::Expired`], as for [`consent`](Self::consent).
    /// - Any failure of the sink, the clock or the flash.
    pub fn prove<H: Host>(
        &mut self,
        pending: &SealedDomain<'_>,
        challenge: &Challenge<'_>,
        response: &Response<'_>,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        self.vault.serve(Step::Prove, host, |vault, host| {
            vault.prove(pending, challenge, response, host)
        })
    }
}

/// What the draws of a challenge are for.
const AIM: &[u8] = b"challenge";

/// Returns a permit if the response shows the custodian's key beside the share.
#[inline(never)]
fn shows_key(answered: &Answered, response: &Response<'_>) -> Result<Permit, RotationError> {
    Verdict::twice(|| {
        Mask::public(answered.proof == Proof::KeyAndShare)
            & Mask::public(response.claims() == Proof::KeyAndShare)
    })
    .permit(RotationError::ShareKnownOnly(answered.custodian))
}

impl<const N: usize> Vault<N> {
    fn challenge<K: Recipient, H: Host>(
        &mut self,
        pending: &SealedDomain<'_>,
        keys: &[K],
        host: &mut H,
        out: &mut [u8],
    ) -> Result<usize, LifecycleError> {
        let Ticked { permit, now } = self.tick(host)?;
        let same = self.rotation()?.check(pending)?;
        for key in keys {
            let tests = Test::of(key.algorithm());
            self.health.first_use(tests, &mut watched(host))?;
        }
        let number = self.position.ok_or(LifecycleError::Fault)?.number();
        let header = pending.header().digest();
        let parts = [
            AIM,
            header.as_bytes(),
            &number.to_be_bytes(),
            &now.to_be_bytes(),
        ];
        let mut what = Secret::zeroed();
        *what.expose_mut() = Purpose::Session.digest(parts);
        let mut source = HostRng(host);
        let mut rng = Hedged::new(&mut source, &self.held.root, what);
        let challenge = Challenge::write(pending, keys, now, &mut rng, out)
            .map_err(RotationError::Challenge)?;
        let (digest, len) = (challenge.digest(), challenge.as_bytes().len());
        let before = self.rotation()?.challenge;
        let event = Event::Challenge { challenge: digest };
        let permit = { permit.and(same) }.and(self.audit.report(host, &event)?);
        self.rotation_mut()?.challenge = Some(digest);
        self.save_rotation(now, permit, host)
            .inspect_err(|_| self.restore(|rotation| rotation.challenge = before))?;
        Ok(len)
    }

    fn prove<H: Host>(
        &mut self,
        pending: &SealedDomain<'_>,
        challenge: &Challenge<'_>,
        response: &Response<'_>,
        host: &mut H,
    ) -> Result<Added, LifecycleError> {
        let Ticked { permit, now } = self.tick(host)?;
        let rotation = self.rotation()?;
        let same = rotation.check(pending)?;
        let (have, want) = (challenge.digest(), rotation.challenge);
        let own = Verdict::twice(|| match &rotation.challenge {
            Some(want) => eq_bytes(challenge.digest().as_bytes(), want.as_bytes()),
            None => Mask::public(false),
        })
        .permit(RotationError::OtherChallenge { have, want })?;
        let expect = ExpectedDomain::header(self.held.id(), rotation.epoch, rotation.header);
        let (answered, holds) = response
            .check(pending, &expect, challenge)
            .map_err(RotationError::Response)?;
        let custodian = answered.custodian;
        let has_key = shows_key(&answered, response)?;
        let permit = { permit.and(same).and(own) }.and(holds).and(has_key);
        let before = rotation.proofs;
        if before.has(response.index()) {
            return Ok(Added::Already);
        }
        let permit = permit.and(self.audit.report(host, &Event::Prove { custodian })?);
        // Once more: if the jump at the end of a refusal is skipped, execution can go on above,
        // with the tokens of other decisions.
        let permit = permit.and(shows_key(&answered, response)?);
        self.rotation_mut()?.proofs.add(response.index());
        self.save_rotation(now, permit, host)
            .inspect_err(|_| self.restore(|rotation| rotation.proofs = before))?;
        Ok(Added::New)
    }
}
