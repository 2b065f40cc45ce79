// SPDX-License-Identifier: MIT OR Apache-2.0
//! A log beside the sink: what it hears, when it stops an HSM, and where its head goes.

use rand_chacha::ChaCha20Rng;
use security_domain::backup::{BackupHeader, Kind};
use security_domain::contribution::Request;
use security_domain::custody::Checkpoint;
use security_domain::lifecycle::{
    Active, AnyDomain, Endorsement, Event, Host, Ledger, LifecycleError, Outcome, PinsDigest,
    SinkAnswer, Step, Vault,
};
use security_domain::sealed_domain::{
    DomainId, ExpectedDomain, HeaderDigest, InstanceId, LedgerHead,
};
use security_domain::storage::{DeviceKey, FlashError, Slot};
use sha2::{Digest, Sha256};

use crate::flash::Hsm;
use crate::sealed::{fast_keys, share};
use crate::world::{In, Lost, ROOM, activated, activation, empty, hsm, provisioned, tested, vault};

/// What a log keeps.
#[derive(Clone, Debug, PartialEq)]
enum Kept {
    Begun(InstanceId),
    Event(Event),
    Endorsement(Endorsement),
}

/// A log in memory, whose head is a chain of hashes.
#[derive(Clone, Default)]
struct Notes {
    kept: Vec<Kept>,
    /// How many more records it takes.
    room: Option<usize>,
    pins: [u8; 32],
    cut: bool,
}

impl Notes {
    fn keep(&mut self, kept: Kept) -> SinkAnswer {
        if self.cut || self.room == Some(0) {
            return SinkAnswer::REFUSED;
        }
        self.room = self.room.map(|room| room - 1);
        self.kept.push(kept);
        SinkAnswer::AGREED
    }

    fn head_after(&self, len: usize) -> LedgerHead {
        let chain = self.kept[..len].iter().fold([0; 32], |head, kept| {
            Sha256::new_with_prefix(head)
                .chain_update(format!("{kept:?}"))
                .finalize()
                .into()
        });
        LedgerHead::from_bytes(chain)
    }

    fn endorsements(&self) -> Vec<Endorsement> {
        let all = self.kept.iter().filter_map(|kept| match kept {
            Kept::Endorsement(endorsement) => Some(*endorsement),
            _ => None,
        });
        all.collect()
    }

    fn place(&self, wanted: impl Fn(&Kept) -> bool) -> usize {
        self.kept.iter().rposition(wanted).unwrap()
    }
}

impl Ledger for Notes {
    fn resume(&mut self, instance: Option<InstanceId>, head: LedgerHead) {
        self.cut = !(0..=self.kept.len()).any(|len| self.head_after(len) == head);
        let begun = self.kept.iter().rev().find_map(|kept| match kept {
            Kept::Begun(instance) => Some(*instance),
            _ => None,
        });
        assert!(self.cut || instance.is_none() || instance == begun);
    }

    fn begin(&mut self, instance: InstanceId) {
        let _ = self.keep(Kept::Begun(instance));
    }

    fn record(&mut self, _: u64, event: &Event) -> SinkAnswer {
        self.keep(Kept::Event(*event))
    }

    fn head(&mut self) -> LedgerHead {
        self.head_after(self.kept.len())
    }

    fn size(&mut self) -> u32 {
        self.kept.len() as u32
    }

    fn endorsement_due(&mut self) -> Option<PinsDigest> {
        let due = self.kept.iter().rev().find_map(|kept| match kept {
            Kept::Endorsement(_) => Some(false),
            Kept::Event(Event::Activate { .. } | Event::Recover { .. }) => Some(true),
            _ => None,
        });
        due.unwrap_or(false)
            .then_some(PinsDigest::from_bytes(self.pins))
    }

    fn endorse(&mut self, _: u64, endorsement: &Endorsement) -> SinkAnswer {
        self.keep(Kept::Endorsement(*endorsement))
    }
}

/// An HSM with a log.
struct Logged {
    hsm: Hsm,
    log: Notes,
}

impl Logged {
    fn new(seed: u8) -> Self {
        let (hsm, log) = (hsm(seed), Notes::default());
        Self { hsm, log }
    }
}

impl security_domain::storage::Flash for Logged {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        self.hsm.read(slot, out)
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        self.hsm.write(slot, record)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.hsm.erase(slot)
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        self.hsm.counter()
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.hsm.advance(to)
    }

    fn counter_is_hardware(&self) -> bool {
        self.hsm.counter_is_hardware()
    }
}

impl Host for Logged {
    type Rng = ChaCha20Rng;

    fn rng(&mut self) -> &mut ChaCha20Rng {
        Host::rng(&mut self.hsm)
    }

    fn now(&mut self) -> u64 {
        self.hsm.now()
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        Host::device_key(&mut self.hsm)
    }

    fn report(&mut self, event: &Event) -> SinkAnswer {
        self.hsm.report(event)
    }

    fn ledger(&mut self) -> Option<&mut dyn Ledger> {
        Some(&mut self.log)
    }
}

fn started<'v>(vault: &'v mut Vault<ROOM>, host: &mut Logged) -> In<'v, Active> {
    match vault.start(tested(), host).unwrap() {
        AnyDomain::Active(domain) => domain,
        other => panic!("{other:?}"),
    }
}

fn is_end_of(step: Step) -> impl Fn(&Kept) -> bool {
    move |kept| {
        let outcome = Outcome::Done;
        *kept == Kept::Event(Event::Outcome { step, outcome })
    }
}

#[test]
fn the_first_record_of_an_hsm_in_use_is_the_endorsement_of_its_domain() {
    let (mut memory, mut host, keys) = (vault(), Logged::new(1), fast_keys(3));
    host.log.pins = [6; 32];
    let provisioned = provisioned(&mut memory, &mut host);
    assert_eq!(host.log.endorsements(), []);
    let (domain, file) = activated(provisioned, &activation(&keys), &mut host);
    let status = domain.status();
    let [endorsement] = host.log.endorsements()[..] else {
        panic!("{:?}", host.log.kept);
    };
    let ended = host.log.place(is_end_of(Step::Activate));
    assert_eq!(host.log.kept[ended + 1], Kept::Endorsement(endorsement));
    assert_eq!(Some(endorsement.instance), status.instance);
    assert_eq!(Some(endorsement.header), status.header);
    assert_eq!(Some(endorsement.key), domain.instance_key().unwrap());
    assert_eq!(endorsement.pins.as_bytes(), &[6; 32]);
    assert!(endorsement.is_of(status.domain.unwrap()));
    assert!(!endorsement.is_of(DomainId::from_bytes([1; 32])));
    type Change = fn(&mut Endorsement);
    let changes: [Change; 5] = [
        |endorsement| endorsement.instance = InstanceId::from_bytes([1; 16]),
        |endorsement| endorsement.key = endorsement.domain_key,
        |endorsement| endorsement.header = HeaderDigest::from_bytes([1; 32]),
        |endorsement| endorsement.pins = PinsDigest::from_bytes([1; 32]),
        |endorsement| endorsement.signature[0] ^= 1,
    ];
    for change in changes {
        let mut changed = endorsement;
        change(&mut changed);
        assert!(!changed.is_of(status.domain.unwrap()), "{changed:?}");
    }

    // The same of an HSM that recovers it: another name and another key, the same domain.
    drop(domain);
    let lost = Lost { keys, file };
    let (mut other, mut host_2) = (vault(), Logged::new(2));
    let mut session = lost.recovering_here(&mut other, &mut host_2);
    let sealed = lost.sealed();
    for key in &lost.keys[..2] {
        session
            .add_share(&sealed, share(&sealed, key), &mut host_2)
            .unwrap();
    }
    let recovered = session
        .quorum()
        .unwrap()
        .open(&sealed, &mut host_2)
        .unwrap();
    let [second] = host_2.log.endorsements()[..] else {
        panic!("{:?}", host_2.log.kept);
    };
    assert!(second.is_of(status.domain.unwrap()));
    assert_ne!(second.instance, endorsement.instance);
    assert_ne!(second.key, endorsement.key);
    assert_eq!(Some(second.key), recovered.instance_key().unwrap());
}

/// A log that takes just one record more, from none on: each step happens or does not, and once there is
/// room again the endorsement is the next record of the HSM in use.
#[test]
fn an_endorsement_that_could_not_be_recorded_comes_before_everything_else() {
    let (mut missed, mut refused) = (0, 0);
    for room in 0..4 {
        let (mut memory, mut host, keys) = (vault(), Logged::new(1), fast_keys(3));
        let domain = provisioned(&mut memory, &mut host);
        let (domain, file) = crate::world::sealed(domain, &activation(&keys), &mut host);
        let stored = security_domain::sealed_domain::SealedDomain::parse(&file).unwrap();
        host.log.room = Some(room);
        let Ok(mut domain) = domain.activate(&stored, &mut host) else {
            refused += 1;
            assert_eq!(host.log.endorsements(), []);
            continue;
        };
        if host.log.endorsements().is_empty() {
            missed += 1;
            let backup = domain.begin_backup(Kind::Full(None), 5, &mut host);
            assert_eq!(backup.err(), Some(LifecycleError::SinkRefused));
            drop(domain);
            // In a start, or in the next step.
            let mut domain = started(&mut memory, &mut host);
            assert_eq!(host.log.endorsements(), []);
            host.log.room = None;
            domain.begin_backup(Kind::Full(None), 5, &mut host).unwrap();
            let begun = host
                .log
                .place(|kept| matches!(kept, Kept::Event(Event::BeginBackup { .. })));
            assert!(matches!(host.log.kept[begun - 1], Kept::Endorsement(_)));
        }
        assert_eq!(host.log.endorsements().len(), 1);
    }
    assert_eq!((refused, missed), (1, 2));
}

#[test]
fn a_power_failure_before_the_endorsement_is_made_good_at_the_next_start() {
    let (mut memory, mut host, keys) = (vault(), Logged::new(1), fast_keys(3));
    let domain = provisioned(&mut memory, &mut host);
    let (domain, _) = activated(domain, &activation(&keys), &mut host);
    drop(domain);
    let ended = host.log.place(is_end_of(Step::Activate));
    for len in [ended, ended + 1] {
        let mut again = Logged {
            hsm: Hsm::with_flash(host.hsm.flash.clone(), 1),
            log: host.log.clone(),
        };
        again.log.kept.truncate(len);
        let start = memory.start(tested(), &mut again).unwrap();
        assert!(matches!(start, AnyDomain::Active(_)));
        assert_eq!(again.log.endorsements(), host.log.endorsements());
        assert!(matches!(again.log.kept[len], Kept::Endorsement(_)));
    }
}

#[test]
fn the_sink_is_asked_first_and_a_log_that_refuses_stops_the_step() {
    let (mut memory, mut host) = (vault(), Logged::new(1));
    let domain = empty(&mut memory, &mut host);
    host.hsm.refuses = true;
    let artifacts = crate::sealed::artifacts();
    let refused = domain.provision(&artifacts, &mut host).unwrap_err();
    assert_eq!(refused.error, LifecycleError::SinkRefused);
    let is_event = |kept: &Kept| matches!(kept, Kept::Event(_));
    assert!(!host.log.kept.iter().any(is_event), "{:?}", host.log.kept);

    host.hsm.refuses = false;
    host.log.room = Some(0);
    let flash = host.hsm.flash.clone();
    let refused = { refused.domain }
        .provision(&artifacts, &mut host)
        .unwrap_err();
    assert_eq!(refused.error, LifecycleError::SinkRefused);
    assert_eq!(host.hsm.flash, flash, "nothing was written");

    host.log.room = None;
    let domain = { refused.domain }.provision(&artifacts, &mut host).unwrap();
    // What protects happens though the log refuses, and is recorded later.
    host.log.room = Some(0);
    let domain = domain.zeroize(&mut host).unwrap();
    assert!(!host.log.kept.contains(&Kept::Event(Event::Zeroize)));
    host.log.room = None;
    domain.provision(&artifacts, &mut host).unwrap();
    let zeroized = host.log.place(|kept| *kept == Kept::Event(Event::Zeroize));
    let again = host
        .log
        .place(|kept| matches!(kept, Kept::Event(Event::Provision { .. })));
    assert!(zeroized < again);
}

#[test]
fn the_head_is_in_the_state_in_backups_and_in_requests() {
    let (mut memory, mut host, keys) = (vault(), Logged::new(1), fast_keys(3));
    let domain = provisioned(&mut memory, &mut host);
    let (mut domain, file) = activated(domain, &activation(&keys), &mut host);
    let head = host.log.head();
    let backup = domain.begin_backup(Kind::Full(None), 5, &mut host).unwrap();
    let header = BackupHeader::parse(backup.front()).unwrap();
    assert_eq!(header.info().ledger_head, head);
    drop(backup);
    drop(domain);

    let lost = Lost { keys, file };
    let (mut other, mut host_2) = (vault(), Logged::new(2));
    let (_, request) = lost.recovering(&mut other, &mut host_2, 0);
    let begun = host_2.log.place(|kept| matches!(kept, Kept::Begun(_)));
    let head = host_2.log.head_after(begun + 1);
    assert_eq!(Request::parse(&request).unwrap().ledger_head(), head);

    // The same log goes on, a longer one too; a shorter one or another stops everything.
    let mut domain = started(&mut memory, &mut host);
    domain.begin_backup(Kind::Full(None), 5, &mut host).unwrap();
    drop(domain);
    let last = host.log.kept.pop();
    assert!(matches!(last, Some(Kept::Event(Event::BeginBackup { .. }))));
    host.log.kept.pop();
    let mut domain = started(&mut memory, &mut host);
    let refused = domain.begin_backup(Kind::Full(None), 5, &mut host);
    assert_eq!(refused.err(), Some(LifecycleError::SinkRefused));
    domain.zeroize(&mut host).unwrap();
}

#[test]
fn an_empty_hsm_has_no_key_of_its_own() {
    let (mut memory, mut host) = (vault(), Logged::new(1));
    let domain = empty(&mut memory, &mut host);
    assert_eq!(domain.instance_key().unwrap(), None);
    let lost = Lost::new(3);
    let session = domain
        .begin_recovery_here(&lost.sealed(), &ExpectedDomain::unpinned(), None, &mut host)
        .unwrap();
    assert!(session.instance_key().unwrap().is_some());
}

#[test]
fn an_hsm_signs_the_head_of_its_log_and_of_no_other() {
    let (mut memory, mut host, keys) = (vault(), Logged::new(1), fast_keys(3));
    let mut out = [0; Checkpoint::MAX_SIGNED_LEN];
    let nothing = empty(&mut memory, &mut host);
    let refused = nothing.checkpoint(&mut host, &mut out).unwrap_err();
    assert_eq!(refused, LifecycleError::NoInstance);
    drop(nothing);

    let domain = provisioned(&mut memory, &mut host);
    let (domain, _) = activated(domain, &activation(&keys), &mut host);
    let short = &mut [0; Checkpoint::MAX_SIGNED_LEN - 1][..];
    let needed = Checkpoint::MAX_SIGNED_LEN;
    let refused = domain.checkpoint(&mut host, short).unwrap_err();
    assert_eq!(refused, LifecycleError::BufferTooSmall { needed });

    let written = domain.checkpoint(&mut host, &mut out).unwrap();
    let checkpoint = Checkpoint::parse(written).unwrap();
    let (instance, key) = (
        domain.status().instance.unwrap(),
        domain.instance_key().unwrap(),
    );
    let head = checkpoint.verify(instance, &key.unwrap()).unwrap();
    assert_eq!(head.size as usize, host.log.kept.len());
    assert_eq!(head.root, host.log.head());
    // The key is the one that the domain has endorsed.
    assert_eq!(host.log.endorsements()[0].key, key.unwrap());
    // Another vault has changed the state since.
    let (mut other, mut again) = (vault(), Hsm::with_flash(host.hsm.flash.clone(), 1));
    drop(other.start(tested(), &mut again).unwrap());
    host.hsm.flash = again.flash;
    let refused = domain.checkpoint(&mut host, &mut out).unwrap_err();
    assert!(
        matches!(refused, LifecycleError::Overtaken { .. }),
        "{refused}"
    );

    let mut plain = hsm(2);
    let mut memory = vault();
    let domain = provisioned(&mut memory, &mut plain);
    let refused = domain.checkpoint(&mut plain, &mut out).unwrap_err();
    assert_eq!(refused, LifecycleError::NoLedger);
}
