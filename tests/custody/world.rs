// SPDX-License-Identifier: MIT OR Apache-2.0
//! A store in memory, and an HSM that keeps a log on it.

use std::collections::HashMap;

use ed25519_dalek::{Signer, SigningKey};
use security_domain::approval::ActDigest;
use security_domain::custodian::CustodianId;
use security_domain::custody::{
    Checkpoint, CheckpointText, Fact, HandOff, Head, Log, MAX_ENTRY_LEN, Name, Store, StoreError,
};
use security_domain::drill::ChallengeDigest;
use security_domain::lifecycle::{
    Endorsement, Event, Ledger, Outcome, PinsDigest, SinkAnswer, Step, VerifyKey,
};
use security_domain::sealed_domain::{
    BirthCommitment, DomainId, Epoch, HeaderDigest, InstanceId, LedgerHead,
};
use security_domain::secret::Secret;
use sha2::{Digest, Sha256};

pub const INSTANCE: InstanceId = InstanceId::from_bytes([0xab; 16]);
pub const NOW: u64 = 1_790_000_000;
pub const HEADER: HeaderDigest = HeaderDigest::from_bytes([0x11; 32]);

/// How the next write ends.
#[derive(Clone, Copy, PartialEq)]
pub enum Tear {
    /// Nothing is written.
    Fails,
    /// So many bytes are written, and the power fails.
    Torn(usize),
    /// Everything is written, and the power fails before that is known.
    Unknown,
}

#[derive(Clone)]
pub struct Ram {
    pub logs: HashMap<[u8; 16], Vec<Vec<u8>>>,
    open: [u8; 16],
    pub capacity: u32,
    pub tear: Option<Tear>,
    pub writes: usize,
    pub reads: usize,
}

impl Ram {
    pub fn new() -> Self {
        Self {
            logs: HashMap::new(),
            open: [0; 16],
            capacity: 1_000_000,
            tear: None,
            writes: 0,
            reads: 0,
        }
    }

    pub fn entries(&mut self) -> &mut Vec<Vec<u8>> {
        self.logs.entry(self.open).or_default()
    }
}

impl Store for Ram {
    fn open(&mut self, instance: InstanceId) -> Result<(), StoreError> {
        self.open = *instance.as_bytes();
        Ok(())
    }

    fn entries(&mut self) -> Result<u32, StoreError> {
        Ok(Ram::entries(self).len() as u32)
    }

    fn capacity(&mut self) -> u32 {
        self.capacity
    }

    fn read(&mut self, number: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        self.reads += 1;
        let entry = Ram::entries(self).get(number as usize).ok_or(StoreError)?;
        let room = out.get_mut(..entry.len()).ok_or(StoreError)?;
        room.copy_from_slice(entry);
        Ok(entry.len())
    }

    fn append(&mut self, number: u32, entry: &[u8]) -> Result<(), StoreError> {
        assert!(entry.len() <= MAX_ENTRY_LEN);
        self.writes += 1;
        let tear = self.tear.take();
        let entries = Ram::entries(self);
        assert!(entries.len() - number as usize <= 1, "{number}");
        if tear == Some(Tear::Fails) {
            return Err(StoreError);
        }
        entries.truncate(number as usize);
        entries.push(match tear {
            Some(Tear::Torn(len)) => entry[..len.min(entry.len() - 1)].to_vec(),
            _ => entry.to_vec(),
        });
        match tear {
            None => Ok(()),
            Some(_) => Err(StoreError),
        }
    }
}

pub fn device_key() -> Secret<32> {
    Secret::from_bytes(&mut [0x4d; 32])
}

pub fn log(ram: Ram) -> Log<Ram> {
    Log::new(ram, &mut device_key()).unwrap()
}

/// A log of an HSM that has just drawn its id.
pub fn begun() -> Log<Ram> {
    let mut log = log(Ram::new());
    log.begin(INSTANCE);
    assert_eq!(log.refusal(), None);
    log
}

/// The log after the power failed, if the state at rest has this head.
pub fn restarted(log: &mut Log<Ram>, head: LedgerHead) -> Log<Ram> {
    let mut again = self::log(log.store().clone());
    again.resume(Some(INSTANCE), head);
    again
}

pub fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn verify_key(key: &SigningKey) -> VerifyKey {
    VerifyKey::new(&key.verifying_key().to_bytes()).unwrap()
}

pub fn instance_key() -> SigningKey {
    signing_key(1)
}

/// `D(label, parts..)` of `docs/format.md`.
pub fn digest(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let label = format!("security-domain/v1 {label}");
    let mut hash = Sha256::new();
    for part in [&[label.as_bytes()], parts].concat() {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The endorsement by the domain whose key has this seed.
pub fn endorsement(domain: u8, pins: PinsDigest) -> Endorsement {
    let (key, own) = (signing_key(domain), verify_key(&instance_key()));
    let text = digest(
        "endorsement",
        &[
            INSTANCE.as_bytes(),
            own.as_bytes(),
            HEADER.as_bytes(),
            pins.as_bytes(),
        ],
    );
    Endorsement {
        instance: INSTANCE,
        key: own,
        header: HEADER,
        pins,
        domain_key: verify_key(&key),
        commitment: BirthCommitment::NONE,
        signature: key.sign(&text).to_bytes(),
    }
}

pub const NO_PINS: PinsDigest = PinsDigest::from_bytes([0; 32]);

pub fn domain(seed: u8) -> DomainId {
    endorsement(seed, NO_PINS).domain()
}

pub fn custodian(number: u8) -> CustodianId {
    CustodianId::from_bytes([number; 32])
}

pub fn hand_off(
    number: u8,
    taker: &str,
    seed: u8,
    after: Option<u32>,
    instance: InstanceId,
) -> HandOff {
    let key = signing_key(seed);
    let mut hand_off = HandOff {
        custodian: custodian(number),
        taker: Name::new(taker).unwrap(),
        key: verify_key(&key),
        signed: NOW,
        after,
        signature: [0; 64],
    };
    let text = digest(
        "hand-off",
        &[
            instance.as_bytes(),
            &[number; 32],
            taker.as_bytes(),
            verify_key(&key).as_bytes(),
            &NOW.to_be_bytes(),
            after
                .map(u32::to_be_bytes)
                .as_ref()
                .map_or(&[], |after| after),
        ],
    );
    hand_off.signature = key.sign(&text).to_bytes();
    hand_off
}

pub fn done(log: &mut Log<Ram>, time: u64, event: Event, step: Step) {
    assert_eq!(log.record(time, &event), SinkAnswer::AGREED, "{event:?}");
    let outcome = Outcome::Done;
    let outcome = Event::Outcome { step, outcome };
    assert_eq!(log.record(time, &outcome), SinkAnswer::AGREED);
}

/// Provisions, activates and endorses: records 0 to 4.
pub fn activate(log: &mut Log<Ram>) {
    let domain = domain(2);
    done(log, NOW, Event::Provision { domain }, Step::Provision);
    assert_eq!(log.endorsement_due(), None);
    let header = HEADER;
    done(log, NOW, Event::Activate { domain, header }, Step::Activate);
    let pins = log.endorsement_due().expect("it is in use");
    let endorsed = log.endorse(NOW, &endorsement(2, pins));
    assert_eq!(
        (endorsed, log.endorsement_due()),
        (SinkAnswer::AGREED, None)
    );
    assert_eq!(log.tree_head().size, 5);
}

pub fn add(log: &mut Log<Ram>, fact: Fact<'_>) -> u32 {
    log.add(NOW, &fact).unwrap()
}

pub fn confirm(epoch: u32, header: u8) -> Event {
    Event::Confirm {
        epoch: Epoch::new(epoch).unwrap(),
        header: HeaderDigest::from_bytes([header; 32]),
    }
}

pub fn challenge(number: u8) -> ChallengeDigest {
    ChallengeDigest::from_bytes([number; 32])
}

pub fn act(number: u8) -> ActDigest {
    ActDigest::from_bytes([number; 32])
}

pub fn checkpoint(instance: InstanceId, head: &Head, key: &SigningKey) -> Vec<u8> {
    let text = CheckpointText::new(instance, head).unwrap();
    let mut out = [0; Checkpoint::MAX_SIGNED_LEN];
    let signature = key.sign(text.as_bytes()).to_bytes();
    let signed = text.signed(&verify_key(key), &signature, &mut out);
    signed.unwrap().to_vec()
}

/// The export of a log, with the checkpoint of its own key.
pub fn export(log: &mut Log<Ram>) -> Vec<u8> {
    let checkpoint = checkpoint(INSTANCE, &log.tree_head(), &instance_key());
    let mut out = Vec::new();
    let exported = log.export(&checkpoint, |bytes| {
        out.extend_from_slice(bytes);
        Ok::<_, std::fmt::Error>(())
    });
    exported.unwrap();
    out
}
