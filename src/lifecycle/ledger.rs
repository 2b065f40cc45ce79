// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log of an HSM, as the lifecycle sees it, and the endorsement in it.

use super::event::Event;
use super::sink::SinkAnswer;
use crate::ct::Mask;
use crate::ed25519::{SIGNATURE_LEN, VerifyKey};
use crate::labels::Purpose;
use crate::sealed_domain::{
    BirthCommitment, DomainId, HeaderDigest, InstanceId, LedgerHead, Suite, id,
};

/// The log of an HSM, one for each instance id, to which records are only added. A host that has
/// one returns it from [`Host::ledger`](super::Host::ledger).
///
/// Every event goes to the log after the sink has agreed to it, and both must agree. The head is in
/// each state that the HSM writes, in each backup and each request. So a log that was cut or
/// replaced shows, and the HSM does nothing more with it.
pub trait Ledger {
    /// Called at each start, with what the state at rest holds: the instance, `None` if the HSM is
    /// empty, and the head of that time, [`LedgerHead::NONE`] if there was no log. A log that does
    /// not go on from that head refuses every record afterwards.
    fn resume(&mut self, instance: Option<InstanceId>, head: LedgerHead);

    /// Called when an HSM leaves the empty state with a name of its own: the records that follow
    /// are of this instance, and the first of a new log.
    fn begin(&mut self, instance: InstanceId);

    /// Adds the record of an event, durably.
    fn record(&mut self, time: u64, event: &Event) -> SinkAnswer;

    /// Returns the head, which covers all records.
    fn head(&mut self) -> LedgerHead;

    /// Returns how many records the log has.
    fn size(&mut self) -> u32;

    /// Returns the digest of the heads of other instances that are pinned, if an endorsement is
    /// due: after the records of a step that brought the HSM into use, until there is one.
    fn endorsement_due(&mut self) -> Option<PinsDigest>;

    /// Adds the record of the endorsement that is due, durably.
    fn endorse(&mut self, time: u64, endorsement: &Endorsement) -> SinkAnswer;
}

id! {
    /// The digest of the heads of other instances that a log has pinned; zeros if there are none.
    PinsDigest, 32
}

/// The statement of a domain that an HSM speaks for it: the domain's key signs the HSM's name, the
/// key with which the HSM signs the heads of its log, the header in use and the heads of other
/// HSMs.
///
/// It names the domain's key and birth commitment, which give the domain's id. So whoever knows the
/// id can check it, without a sealed domain.
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
    /// Returns the id of the domain whose key it names. All is public.
    pub fn domain(&self) -> DomainId {
        DomainId::new(Suite::One, &self.domain_key, &self.commitment)
    }

    /// Returns whether the domain with this id made it. All is public.
    pub fn is_of(&self, domain: DomainId) -> bool {
        self.domain() == domain && self.is_signed().declassify()
    }

    fn is_signed(&self) -> Mask {
        self.domain_key.verifies(&self.digest(), &self.signature)
    }

    /// Returns what is signed: `D("endorsement", instance, key, header, pins)`.
    pub(super) fn digest(&self) -> [u8; 32] {
        Purpose::Endorsement.digest([
            self.instance.as_bytes().as_slice(),
            self.key.as_bytes(),
            self.header.as_bytes(),
            self.pins.as_bytes(),
        ])
    }
}
