// SPDX-License-Identifier: MIT OR Apache-2.0
//! The joint to the log of an HSM: what the lifecycle asks of it, and the endorsement with which each
//! begins to speak for a domain.

use super::error::LifecycleError;
use super::event::Event;
use super::host::{Host, SinkAnswer, watched};
use super::state::{Domain, State};
use super::vault::Vault;
use crate::burn::{self, burning};
use crate::ct::Mask;
use crate::ed25519::{SIGNATURE_LEN, SigningKey, VerifyKey};
use crate::hardened::{Fault, Verdict};
use crate::labels::Purpose;
use crate::rng::Watched;
use crate::sealed_domain::{
    BirthCommitment, DomainId, HeaderDigest, InstanceId, LedgerHead, Suite, id,
};

/// The log of an HSM, one for each instance id, to which records are only added. A [`Host`] that has one
/// returns it from [`Host::ledger`].
///
/// Every event goes to the log after the sink has agreed to it, and both must agree. The head is in each
/// state that the HSM writes, in each backup and each request. So a log that was cut or replaced shows,
/// and the HSM does nothing more with it.
pub trait Ledger {
    /// Called at each start, with what the state at rest holds: the instance, `None` if the HSM is empty,
    /// and the head of that time, [`LedgerHead::NONE`] if there was no log. A log that does not go on from
    /// that head refuses every record afterwards.
    fn resume(&mut self, instance: Option<InstanceId>, head: LedgerHead);

    /// Called when an HSM leaves the empty state with a name of its own: the records that follow are of
    /// this instance, and the first of a new log.
    fn begin(&mut self, instance: InstanceId);

    /// Adds the record of an event, durably.
    fn record(&mut self, time: u64, event: &Event) -> SinkAnswer;

    /// Returns the head, which covers all records.
    fn head(&mut self) -> LedgerHead;

    /// Returns the digest of the heads of other instances that are pinned, if an endorsement is due: after
    /// the records of a step that brought the HSM into use, until there is one.
    fn endorsement_due(&mut self) -> Option<PinsDigest>;

    /// Adds the record of the endorsement that is due, durably.
    fn endorse(&mut self, time: u64, endorsement: &Endorsement) -> SinkAnswer;
}

id! {
    /// The digest of the heads of other instances that a log has pinned; zeros if there are none.
    PinsDigest, 32
}

/// The statement of a domain that an HSM speaks for it: the domain's key signs the HSM's name, the key
/// with which the HSM signs the heads of its log, the header in use and the heads of other HSMs.
///
/// It names the domain's key and birth commitment, which give the domain's id. So whoever knows the id can
/// check it, without a sealed domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a new field would be a new statement"
)]
pub struct Endorsement {
    /// The HSM's name.
    pub instance: InstanceId,
    /// The HSM's own key.
    pub key: VerifyKey,
    /// The digest of the header in use; zeros if the domain was imported and is not sealed.
    pub header: HeaderDigest,
    /// The digest of the heads of other HSMs that the HSM knows.
    pub pins: PinsDigest,
    /// The domain's key.
    pub domain_key: VerifyKey,
    /// What the domain committed to when it was born.
    pub commitment: BirthCommitment,
    /// The signature of the domain's key.
    pub signature: [u8; SIGNATURE_LEN],
}

impl Endorsement {
    /// Returns whether the domain with this id made it. All is public.
    pub fn is_of(&self, domain: DomainId) -> bool {
        let own = DomainId::new(Suite::One, &self.domain_key, &self.commitment);
        own == domain && self.is_signed().declassify()
    }

    fn is_signed(&self) -> Mask {
        self.domain_key.verifies(&self.digest(), &self.signature)
    }

    /// Returns what is signed: `D("endorsement", instance, key, header, pins)`.
    fn digest(&self) -> [u8; 32] {
        Purpose::Endorsement.digest([
            self.instance.as_bytes().as_slice(),
            self.key.as_bytes(),
            self.header.as_bytes(),
            self.pins.as_bytes(),
        ])
    }
}

/// Tells the host's log what the state at rest holds.
pub(super) fn resume<H: Host>(host: &mut H, instance: Option<InstanceId>, head: LedgerHead) {
    if let Some(ledger) = host.ledger() {
        ledger.resume(instance, head);
    }
}

/// Tells the host's log that an HSM has a name now, and that its records begin.
pub(super) fn begin<H: Host>(host: &mut H, instance: InstanceId) {
    if let Some(ledger) = host.ledger() {
        ledger.begin(instance);
    }
}

/// Returns the head of the host's log, if it has one.
pub(super) fn head<H: Host>(host: &mut H) -> LedgerHead {
    host.ledger().map_or(LedgerHead::NONE, Ledger::head)
}

/// Returns the answer of the host's log to an event, or that of a host without one: it agrees.
pub(super) fn record<H: Host>(host: &mut H, event: &Event) -> SinkAnswer {
    if host.ledger().is_none() {
        return SinkAnswer::AGREED;
    }
    let time = host.now();
    match host.ledger() {
        Some(ledger) => ledger.record(time, event),
        None => SinkAnswer::REFUSED,
    }
}

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
        burning::<{ burn::SEALING }, _>(|| {
            let endorsement = self.endorsement(pins, &mut watched(host))?;
            let time = host.now();
            let answer = host
                .ledger()
                .map(|ledger| ledger.endorse(time, &endorsement));
            let answer = answer.unwrap_or(SinkAnswer::REFUSED);
            Verdict::twice(|| answer.is_agreed()).or(LifecycleError::SinkRefused)
        })
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
    /// Returns the public half of the HSM's own key, with which it signs the heads of its log; `None` if
    /// the HSM is empty.
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

    /// Signs the text of a checkpoint with the HSM's own key.
    ///
    /// Secret: the HSM's own key. Public: the text, the signature. Leaks: nothing else.
    #[expect(dead_code, reason = "no checkpoint is exported yet")]
    pub(crate) fn sign_checkpoint<H: Host>(
        &self,
        text: &[u8],
        host: &mut H,
    ) -> Result<[u8; SIGNATURE_LEN], LifecycleError> {
        let vault = &self.vault;
        let drawn =
            Verdict::twice(|| vault.instance.is_drawn()).permit(LifecycleError::NoInstance)?;
        { vault.allows(host)?.and(drawn) }.spend(LifecycleError::Fault)?;
        burning::<{ burn::SEALING }, _>(|| {
            let mut key = SigningKey::zeroed();
            vault.instance.key(&mut key)?;
            let signature = key.sign(text, &mut watched(host));
            Ok(signature.map_err(|_| Fault)?)
        })
    }
}
