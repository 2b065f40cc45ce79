// SPDX-License-Identifier: MIT OR Apache-2.0
//! One life of an HSM, which bytes decide, beside the model's. After each step the two are compared,
//! and the memory of the vault is looked through.

use std::collections::HashSet;

use rand_core::Rng;
use security_domain::backup::Kind;
use security_domain::custodian::Recipient;
use security_domain::domain::{Epoch, Expect, HeaderDigest, InstanceId, OpenError, SealedDomain};
use security_domain::lifecycle::{
    Active, Added, Contribution, Domain, Empty, Ended, Event, LifecycleError, Provisioned,
    QuorumMet, Recovering, Request, Stage, Start, State, Status, Vault,
};

use super::fast::{FastKey, fast_keys};
use super::flash::{Fault, Flash, Hsm, Tear};
use super::model::{Model, Session, Tick};
use super::secrets::{at_rest, found, memory, primes};
use super::world::{Held, ROOM, activation, lost};

type In<'v, S> = Domain<'v, S, ROOM>;
type At<'v> = Start<'v, ROOM>;

/// A life that has begun, to go on from.
#[derive(Clone)]
pub struct Snapshot {
    flash: Flash,
    model: Model,
    seeds: Vec<Vec<u8>>,
    roots: Vec<[u8; 32]>,
    transfers: Vec<Transfer>,
}

#[derive(Clone)]
struct Transfer {
    request: Vec<u8>,
    /// Parts of the key's primes.
    primes: Vec<Vec<u8>>,
}

/// What a life has come to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub steps: usize,
    pub refused: usize,
    pub failed: usize,
    pub starts: usize,
    pub opened: usize,
    pub contributed: usize,
    pub activated: usize,
    pub states: HashSet<Stage>,
}

pub struct Life {
    hsm: Hsm,
    /// Every domain that the HSM ever held; first those that are lost.
    held: Vec<Held>,
    seeds: Vec<Vec<u8>>,
    transfers: Vec<Transfer>,
    /// What the HSM is.
    now: Model,
    /// What the flash may hold.
    rest: Vec<Model>,
    /// Whether the last write failed, so that the next may have to put that right first.
    unsettled: bool,
    /// How often the flash had failed before this step, and what the sink had heard.
    before: (usize, usize),
    /// How many transfer keys may still be drawn, which takes long.
    keys: usize,
    vault: *const Vault<ROOM>,
    /// What a session brought along from the stack when it began, where this test and the HSM have left
    /// copies of secrets. It stays as long as the session, and nothing else joins it.
    stale: HashSet<Vec<u8>>,
    /// Whether a session has begun, here or from the flash.
    begun: bool,
    pub tally: Tally,
}

/// Lives as `program` says, three bytes a step; and how it stands at the end.
pub fn live(from: Option<&Snapshot>, seed: u8, keys: usize, program: &[u8]) -> (Tally, Snapshot) {
    let mut vault = Box::<Vault<ROOM>>::default();
    let mut life = Life::new(from, seed, keys, &raw const *vault);
    let mut steps = program.as_chunks::<3>().0.iter();
    loop {
        let mut at = life.start(&mut vault);
        let goes_on = loop {
            life.check(&at);
            let Some(step) = steps.next() else {
                break false;
            };
            life.tally.steps += 1;
            if step[0] >> 5 == 7 && step[1] & 3 == 0 {
                break true;
            }
            at = life.step(at, *step);
            if life.hsm.is_off() {
                break true;
            }
        };
        drop(at);
        life.without_session();
        life.look_for(|_| false, "after the domain was dropped");
        if !goes_on {
            let snapshot = life.snapshot();
            return (life.tally, snapshot);
        }
    }
}

impl Life {
    fn new(from: Option<&Snapshot>, seed: u8, keys: usize, vault: *const Vault<ROOM>) -> Self {
        let blank = Snapshot {
            flash: Hsm::new().flash,
            model: Model::EMPTY,
            seeds: Vec::new(),
            roots: Vec::new(),
            transfers: Vec::new(),
        };
        let from = from.unwrap_or(&blank);
        let lost = [lost(0), lost(1)].map(|lost| lost.held.root);
        let mut hsm = Hsm::with_flash(from.flash.clone(), seed);
        hsm.now = 10_000;
        Self {
            hsm,
            held: lost
                .iter()
                .chain(&from.roots)
                .map(|root| Held::new(*root))
                .collect(),
            seeds: from.seeds.clone(),
            transfers: from.transfers.clone(),
            now: from.model.clone(),
            rest: vec![from.model.clone()],
            unsettled: false,
            before: (0, 0),
            keys,
            vault,
            stale: HashSet::new(),
            begun: false,
            tally: Tally::default(),
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            flash: self.hsm.flash.clone(),
            model: self.now.clone(),
            seeds: self.seeds.clone(),
            roots: self.held[2..].iter().map(|held| held.root).collect(),
            transfers: self.transfers.clone(),
        }
    }

    // What the HSM is to be.

    /// Switches the HSM on. Only a flash that fails keeps it from what it was.
    fn start<'v>(&mut self, vault: &'v mut Vault<ROOM>) -> At<'v> {
        self.tally.starts += 1;
        if self.hsm.is_off() {
            self.hsm.restart();
        }
        self.begin();
        self.unsettled = false;
        self.rest = self
            .rest
            .iter()
            .flat_map(|model| self.after_a_start(model))
            .collect();
        while let Err(error) = vault.start(&mut self.hsm).map(drop) {
            assert!(self.failed(), "{error}");
            self.without_session();
            self.look_for(|_| false, "after a start that failed");
            self.hsm.restart();
            self.begin();
        }
        // And once more, for there is nothing wrong any more.
        self.hsm.restart();
        let at = vault
            .start(&mut self.hsm)
            .unwrap_or_else(|error| panic!("{error}"));
        let (status, shares) = (status(&at), contributors(&at));
        let rest = std::mem::take(&mut self.rest);
        let mut found = rest
            .iter()
            .filter(|model| self.status(model) == status && self.contributors(model) == shares);
        let found = found
            .next()
            .unwrap_or_else(|| panic!("{status:?} is none of {rest:?}"));
        self.now = found.clone();
        self.begun = true;
        self.rest = vec![found.clone()];
        if let Some(session) = &mut self.now.session {
            session.tick(self.hsm.now);
        }
        at
    }

    /// A session whose time is over ends at a start, unless the flash fails.
    fn after_a_start(&self, model: &Model) -> Vec<Model> {
        match &model.session {
            Some(session) if session.clone().tick(self.hsm.now) == Tick::Over => {
                vec![model.without_session()]
            }
            _ => vec![model.clone()],
        }
    }

    fn status(&self, model: &Model) -> Expected {
        let session = model.session.as_ref();
        let lost = session.map(|session| lost(session.lost));
        let header = lost.map(|lost| lost.header);
        let shown = matches!(model.stage, Stage::Provisioned | Stage::Active);
        let own = model.held.filter(|_| shown).map(|(id, _)| id);
        Expected {
            stage: model.stage,
            instance: model.hsm.map(|(id, _)| id),
            domain: lost.map(|lost| lost.held.id).or(own),
            epoch: lost
                .map(|_| Epoch::FIRST)
                .or(model.standing.map(|(epoch, _)| epoch)),
            header: header.or(model.standing.map(|(_, header)| header)),
        }
    }

    fn contributors(&self, model: &Model) -> Vec<security_domain::custodian::CustodianId> {
        let session = model.session.iter();
        session
            .flat_map(|session| {
                session
                    .shares
                    .iter()
                    .map(|at| lost(session.lost).keys[*at].id())
            })
            .collect()
    }

    /// Compares the HSM with the model, and its memory with what it may know.
    fn check(&mut self, at: &At<'_>) {
        assert_eq!(status(at), self.status(&self.now));
        assert_eq!(contributors(at), self.contributors(&self.now));
        self.tally.states.insert(self.now.stage);
        let session = self.now.session.as_ref();
        let transfer = session.and_then(|session| session.transfer);
        if let At::Recovering(domain) = at {
            assert_eq!(domain.request(), transfer.map(|(digest, _)| digest));
        }
        if let At::QuorumMet(_) = at {
            let session = session.expect("a quorum is one of a session");
            assert!(session.shares.len() >= usize::from(lost(session.lost).threshold));
        }
        let now = self.now.clone();
        if now.session.is_none() {
            self.without_session();
        }
        self.look_for(
            |secret| match secret {
                Place::Held(at) => now.held.is_some_and(|(_, held)| held == at),
                Place::Seed(at) => now.hsm.is_some_and(|(_, seed)| seed == at),
                Place::Share(lost, at) => now
                    .session
                    .as_ref()
                    .is_some_and(|session| session.lost == lost && session.shares.contains(&at)),
                Place::Transfer(at) => now.session.as_ref().is_some_and(|session| {
                    session.transfer.is_some_and(|(_, transfer)| transfer == at)
                }),
            },
            "after a step",
        );
    }

    /// Looks through the vault: what may be there is there, and nothing else.
    fn look_for(&mut self, may: impl Fn(Place) -> bool, when: &str) {
        let memory = memory(self.vault);
        let mut secrets: Vec<(Place, &[u8])> = Vec::new();
        for (at, held) in self.held.iter().enumerate() {
            secrets.push((Place::Held(at), &held.root));
            let artifacts = held.artifacts.iter();
            secrets.extend(artifacts.map(|(_, artifact)| (Place::Held(at), artifact.as_slice())));
        }
        let seeds = self.seeds.iter().enumerate();
        secrets.extend(seeds.map(|(at, seed)| (Place::Seed(at), seed.as_slice())));
        for number in 0..2 {
            let shares = lost(number).shares.iter().enumerate();
            secrets.extend(shares.map(|(at, share)| (Place::Share(number, at), share.as_slice())));
        }
        for (at, transfer) in self.transfers.iter().enumerate() {
            let primes = transfer.primes.iter();
            secrets.extend(primes.map(|prime| (Place::Transfer(at), prime.as_slice())));
        }
        let bytes: Vec<&[u8]> = secrets.iter().map(|(_, secret)| *secret).collect();
        let mut dead = HashSet::new();
        for ((place, secret), found) in secrets.iter().zip(found(&memory, &bytes)) {
            match (found, may(*place)) {
                (true, false) => assert!(dead.insert(secret.to_vec())),
                (false, true) => panic!("{place:?} is not there {when}, {:?}", self.now),
                _ => {}
            }
        }
        if std::mem::take(&mut self.begun) {
            self.stale = dead.clone();
        }
        assert!(
            dead.is_subset(&self.stale),
            "{dead:?} {when}, {:?}",
            self.now
        );
    }

    /// There is no session: not a byte of an old one is left.
    fn without_session(&mut self) {
        (self.begun, self.stale) = (false, HashSet::new());
    }

    // What becomes of a step.

    fn begin(&mut self) {
        self.before = (self.hsm.struck(), self.hsm.events.len());
    }

    /// Whether the flash failed in this step, or has to be put right first.
    fn failed(&self) -> bool {
        self.unsettled || self.hsm.struck() > self.before.0
    }

    fn heard(&self) -> &[Event] {
        &self.hsm.events[self.before.1..]
    }

    /// The sink heard of this last, and before it of nothing but what it is owed.
    fn assert_heard(&self, event: Event) {
        let (last, owed) = self.heard().split_last().expect("the sink has heard");
        assert_eq!(*last, event);
        assert!(
            owed.iter()
                .all(|event| matches!(event, Event::EndSession(_) | Event::Zeroize))
        );
    }

    /// The step took place, and is on the flash.
    fn took_place(&mut self, next: Model, event: Event) {
        assert!(!self.hsm.refuses);
        self.assert_heard(event);
        self.rest = vec![next.clone()];
        self.now = next;
        self.unsettled = false;
    }

    /// The step did not take place: the sink refused, or the flash failed. Then it may hold `next`.
    fn did_not(&mut self, error: LifecycleError, next: impl FnOnce(&Self) -> Model) {
        match error {
            LifecycleError::SinkRefused => {
                assert!(self.hsm.refuses && self.heard().is_empty());
                self.tally.refused += 1;
            }
            LifecycleError::Record(_) => {
                assert!(self.failed() && !self.hsm.refuses, "{error}");
                self.tally.failed += 1;
                self.unsettled = true;
                let next = next(self);
                self.rest.push(next);
            }
            error => panic!("{error}"),
        }
    }

    /// A step that protects took place, whatever sink and flash said.
    fn ended(&mut self, next: Model, event: Event, written: Result<(), LifecycleError>) {
        match self.hsm.refuses {
            true => assert!(self.heard().is_empty()),
            false => self.assert_heard(event),
        }
        self.now = next.clone();
        self.written(next, written);
    }

    /// The state was to be written, and is there whatever the flash said.
    fn written(&mut self, next: Model, written: Result<(), LifecycleError>) {
        match written {
            Ok(()) => {
                self.rest = vec![next];
                self.unsettled = false;
            }
            Err(LifecycleError::Record(_)) => {
                assert!(self.failed());
                self.tally.failed += 1;
                self.unsettled = true;
                self.rest.push(next);
            }
            Err(error) => panic!("{error}"),
        }
    }

    // The steps.

    fn step<'v>(&mut self, at: At<'v>, [act, a, b]: [u8; 3]) -> At<'v> {
        self.begin();
        match act >> 5 {
            0 => {
                self.hsm.now = match a & 15 {
                    0 => 0,
                    1 => 500,
                    2 => self.hsm.now.max(10_000) + 5000,
                    _ => self.hsm.now.max(10_000) + 1,
                };
                at
            }
            1 => {
                self.hsm.refuses = a & 3 == 0;
                at
            }
            2 => {
                let fault = match a & 7 {
                    0 | 1 => Fault::Fails,
                    2 => Fault::FailsAfter,
                    3 => Fault::Lies,
                    4 => Fault::Cut(Tear::Unreadable),
                    5 => Fault::Cut(Tear::Over(usize::from(b) * 8)),
                    6 => Fault::Cut(Tear::Erased(usize::from(b) * 8)),
                    _ => Fault::Cut(Tear::Short(usize::MAX)),
                };
                self.hsm.fault(usize::from(b % 12), fault);
                at
            }
            3 if a & 15 == 0 => At::Empty(self.zeroize(at)),
            _ => match at {
                At::Empty(domain) => self.provision(domain),
                At::Provisioned(domain) => match act & 3 {
                    0 => self.activate(domain),
                    _ => self.begin_recovery(domain, a, b),
                },
                At::Recovering(domain) => self.gather(domain, a, b),
                At::QuorumMet(domain) => match a & 7 {
                    0 => At::Provisioned(self.cancel(|hsm| domain.cancel(hsm))),
                    a => self.open(domain, a & 3 == 1),
                },
                At::Active(domain) => self.use_it(domain),
                other => other,
            },
        }
    }

    fn provision<'v>(&mut self, domain: In<'v, Empty>) -> At<'v> {
        let mut draws = self.hsm.rng.clone();
        let (mut root, mut seed, mut instance) = ([0; 32], [0; 32], [0; 16]);
        draws.fill_bytes(&mut root);
        draws.fill_bytes(&mut seed);
        draws.fill_bytes(&mut instance);
        let held = Held::new(root);
        let next = Model {
            stage: Stage::Provisioned,
            hsm: Some((InstanceId::from_bytes(instance), self.seeds.len())),
            held: Some((held.id, self.held.len())),
            ..Model::EMPTY
        };
        let event = Event::Provision { domain: held.id };
        let provisioned = domain.provision(&held.artifacts(), &mut self.hsm);
        self.held.push(held);
        self.seeds.push(seed.to_vec());
        match provisioned {
            Ok(domain) => {
                self.took_place(next, event);
                At::Provisioned(domain)
            }
            Err(refused) => {
                self.did_not(refused.error, |_| next);
                At::Empty(refused.domain)
            }
        }
    }

    fn activate<'v>(&mut self, domain: In<'v, Provisioned>) -> At<'v> {
        let keys: Vec<FastKey> = fast_keys(3).iter().map(|key| FastKey(key.0 + 64)).collect();
        let activation = activation(&keys, 2);
        let (id, _) = self.now.held.expect("it is provisioned");
        let mut file = vec![0xaa; domain.sealed_len(&activation).unwrap()];
        let active = |life: &Self, header| Model {
            stage: Stage::Active,
            standing: Some((Epoch::FIRST, header)),
            ..life.now.clone()
        };
        match domain.activate(&activation, &mut self.hsm, &mut file) {
            Ok((domain, len)) => {
                let sealed = SealedDomain::parse(&file[..len]).unwrap();
                let header = sealed.header().digest();
                assert_eq!(sealed.header().domain_id(), id);
                self.took_place(active(self, header), Event::Activate { domain: id, header });
                self.tally.activated += 1;
                At::Active(domain)
            }
            Err(refused) => {
                assert!(file.iter().all(|byte| *byte == 0), "nothing leaves");
                self.did_not(refused.error, |life| match life.heard().last() {
                    Some(Event::Activate { header, .. }) => active(life, *header),
                    other => panic!("{other:?}"),
                });
                At::Provisioned(refused.domain)
            }
        }
    }

    fn begin_recovery<'v>(&mut self, domain: In<'v, Provisioned>, a: u8, b: u8) -> At<'v> {
        let number = usize::from(a & 1);
        let lost = lost(number);
        let sealed = lost.sealed();
        let (header, expect) = (sealed.header(), lost.expect());
        if a & 0xf0 == 0 {
            let wrong = Expect::new(self.now.held.expect("it is provisioned").0, Epoch::FIRST);
            let refused = domain.begin_recovery_here(&sealed, &wrong, &mut self.hsm);
            let refused = refused.expect_err("another domain is expected");
            assert!(matches!(refused.error, LifecycleError::Expect(_)));
            return At::Provisioned(refused.domain);
        }
        let lifetime = (self.hsm.now != 0 && b & 1 == 0).then_some(1000);
        let mut session = Session {
            lost: number,
            transfer: None,
            shares: Vec::new(),
            latest: self.hsm.now,
            expires: 0,
        };
        let event = |request| Event::BeginRecovery {
            domain: header.domain_id(),
            epoch: header.epoch(),
            header: header.digest(),
            pinned: true,
            request,
        };
        let begun = if self.keys > 0 && a & 2 == 0 {
            self.keys -= 1;
            session.expires = lifetime.map_or(0, |lifetime| self.hsm.now + lifetime);
            let mut request = vec![0; Request::MAX_LEN];
            let lifetime = lifetime.and_then(|lifetime| lifetime.try_into().ok());
            let hsm = &mut self.hsm;
            let begun = domain.begin_recovery(&sealed, &expect, lifetime, hsm, &mut request);
            begun.map(|(domain, len)| (domain, Some(request[..len].to_vec())))
        } else {
            let begun = domain.begin_recovery_here(&sealed, &expect, &mut self.hsm);
            begun.map(|domain| (domain, None))
        };
        match begun {
            Ok((domain, request)) => {
                session.transfer = request.map(|request| {
                    let digest = Request::parse(&request).unwrap().digest();
                    let primes = primes(&at_rest(&self.hsm.flash));
                    assert_eq!(primes.len(), 2);
                    self.transfers.push(Transfer { request, primes });
                    (digest, self.transfers.len() - 1)
                });
                let request = session.transfer.map(|(digest, _)| digest);
                self.begun = true;
                self.took_place(self.now.with_session(session), event(request));
                At::Recovering(domain)
            }
            Err(refused) => {
                self.did_not(refused.error, |life| {
                    if let Some(Event::BeginRecovery { request, .. }) = life.heard().last() {
                        // The key is known to nobody, but perhaps to the flash.
                        session.transfer = request.map(|request| (request, usize::MAX));
                    }
                    life.now.with_session(session)
                });
                At::Provisioned(refused.domain)
            }
        }
    }

    /// What the time makes of a step in a session: the error that comes of it.
    fn tick(&mut self) -> Option<LifecycleError> {
        let now = self.hsm.now;
        let Some(session) = &mut self.now.session else {
            return Some(LifecycleError::Expired);
        };
        match session.tick(now) {
            Tick::Fine => None,
            Tick::WentBack { seen } => Some(LifecycleError::ClockWentBack { have: now, seen }),
            Tick::Over => {
                // It is over here, whatever the flash says.
                self.now.session = None;
                Some(LifecycleError::Expired)
            }
        }
    }

    /// A step that the time did not allow.
    fn out_of_time(&mut self, had_session: bool, expected: LifecycleError, error: LifecycleError) {
        let over = had_session && expected == LifecycleError::Expired;
        if over {
            let next = self.now.without_session();
            let written = match error {
                LifecycleError::Expired => Ok(()),
                error => Err(error),
            };
            let stage = self.now.clone();
            self.ended(next, Event::EndSession(Ended::Expired), written);
            // Its type still says that it gathers a quorum; there is nothing left to gather it with.
            self.now = stage;
        } else {
            assert_eq!(error, expected);
        }
    }

    fn gather<'v>(&mut self, mut domain: In<'v, Recovering>, a: u8, b: u8) -> At<'v> {
        let place = usize::from(b % 3);
        match a & 7 {
            0 if b & 3 == 0 => At::Provisioned(self.cancel(|hsm| domain.cancel(hsm))),
            1 | 2 => match domain.quorum() {
                Ok(domain) => {
                    let session = self
                        .now
                        .session
                        .as_ref()
                        .expect("a quorum is one of a session");
                    assert!(session.shares.len() >= usize::from(lost(session.lost).threshold));
                    At::QuorumMet(domain)
                }
                Err(domain) => {
                    let session = self.now.session.as_ref();
                    let short = |session: &Session| {
                        session.shares.len() < usize::from(lost(session.lost).threshold)
                    };
                    assert!(session.is_none_or(short));
                    At::Recovering(domain)
                }
            },
            3..=5 => {
                self.add(&mut domain, a & 7, place);
                At::Recovering(domain)
            }
            a => {
                self.contribute(&mut domain, a == 6, place);
                At::Recovering(domain)
            }
        }
    }

    /// Adds a share: the right one; one of another domain; the right one with another file.
    fn add(&mut self, domain: &mut In<'_, Recovering>, which: u8, place: usize) {
        let had = self.now.session.clone();
        let number = had.as_ref().map_or(0, |session| session.lost);
        let (right, other) = (lost(number), lost(1 - number));
        let (file, share) = match which {
            4 => (right, other.share(place)),
            5 => (other, right.share(place)),
            _ => (right, right.share(place)),
        };
        let custodian = share.custodian();
        let added = domain.add_share(&file.sealed(), share, &mut self.hsm);
        if let Some(expected) = self.tick() {
            return self.out_of_time(had.is_some(), expected, added.unwrap_err());
        }
        match which {
            4 => {
                let foreign = LifecycleError::Open(OpenError::ForeignShare(custodian));
                assert_eq!(added, Err(foreign));
            }
            5 => assert_eq!(added, Err(self.other_header())),
            _ => self.added(added, place),
        }
    }

    fn other_header(&self) -> LifecycleError {
        let session = self.now.session.as_ref().expect("there is a session");
        let header = |number| lost(number).header;
        LifecycleError::OtherHeader {
            have: header(1 - session.lost),
            want: header(session.lost),
        }
    }

    /// A good share came: it is one more, or was there already.
    fn added(&mut self, added: Result<Added, LifecycleError>, place: usize) {
        let mut session = self.now.session.clone().expect("there is a session");
        let custodian = lost(session.lost).keys[place].id();
        if session.shares.contains(&place) {
            assert_eq!(added, Ok(Added::Already));
            assert!(self.heard().is_empty());
            return;
        }
        session.shares.push(place);
        let next = self.now.with_session(session);
        match added {
            Ok(added) => {
                assert_eq!(added, Added::New);
                self.took_place(next, Event::Contribute { custodian });
            }
            Err(error) => self.did_not(error, |_| next),
        }
    }

    /// A contribution comes: a good one, or one that was changed on its way.
    fn contribute(&mut self, domain: &mut In<'_, Recovering>, good: bool, place: usize) {
        let had = self.now.session.clone();
        let (number, transfer) = had.as_ref().map_or((0, None), |session| {
            (session.lost, session.transfer.map(|(_, transfer)| transfer))
        });
        // One without a transfer key of its own is answered as another's request was.
        let Some(request) = transfer.map_or(self.transfers.first(), |at| self.transfers.get(at))
        else {
            return;
        };
        let mine = transfer.is_some_and(|at| at < self.transfers.len());
        let lost = lost(number);
        if Request::parse(&request.request).unwrap().header() != lost.header {
            return;
        }
        let mut bytes = lost.contribution(place, &request.request);
        if !good {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
        let contribution = Contribution::parse(&bytes).unwrap();
        let added = domain.add(&lost.sealed(), &contribution, &mut self.hsm);
        if let Some(expected) = self.tick() {
            return self.out_of_time(had.is_some(), expected, added.unwrap_err());
        }
        match (transfer, mine && good) {
            (None, _) => assert_eq!(added, Err(LifecycleError::NoTransferKey)),
            (Some(_), false) => assert!(matches!(added, Err(LifecycleError::Contribution(_)))),
            (Some(_), true) => {
                self.tally.contributed += usize::from(added == Ok(Added::New));
                self.added(added, place);
            }
        }
    }

    fn open<'v>(&mut self, domain: In<'v, QuorumMet>, wrong: bool) -> At<'v> {
        let had = self.now.session.clone();
        let number = had.as_ref().map_or(0, |session| session.lost);
        let file = lost(if wrong { 1 - number } else { number });
        let opened = domain.open(&file.sealed(), &mut self.hsm);
        if let Some(expected) = self.tick() {
            let refused = opened.expect_err("the time does not allow it");
            self.out_of_time(had.is_some(), expected, refused.error);
            return match self.now.session {
                Some(_) => At::QuorumMet(refused.domain),
                // A quorum is gone with its session; only a cancel leads on.
                None => At::Provisioned(self.cancel(|hsm| refused.domain.cancel(hsm))),
            };
        }
        if wrong {
            let refused = opened.expect_err("it is another domain's");
            assert_eq!(refused.error, self.other_header());
            return At::QuorumMet(refused.domain);
        }
        let sealed = file.sealed();
        let (epoch, header) = (sealed.header().epoch(), sealed.header().digest());
        let next = Model {
            stage: Stage::Active,
            held: Some((file.held.id, number)),
            standing: Some((epoch, header)),
            session: None,
            ..self.now.clone()
        };
        match opened {
            Ok(domain) => {
                let session = had.expect("there is a session");
                assert!(session.shares.len() >= usize::from(file.threshold));
                let id = file.held.id;
                self.took_place(
                    next,
                    Event::Recover {
                        domain: id,
                        epoch,
                        header,
                    },
                );
                self.tally.opened += 1;
                At::Active(domain)
            }
            Err(refused) => {
                self.did_not(refused.error, |_| next);
                At::QuorumMet(refused.domain)
            }
        }
    }

    fn cancel<'v>(
        &mut self,
        cancel: impl FnOnce(
            &mut Hsm,
        ) -> Result<
            In<'v, Provisioned>,
            security_domain::lifecycle::Refused<In<'v, Provisioned>>,
        >,
    ) -> In<'v, Provisioned> {
        self.begin();
        let cancelled = cancel(&mut self.hsm);
        let next = self.now.without_session();
        let (domain, written) = match cancelled {
            Ok(domain) => (domain, Ok(())),
            Err(refused) => (refused.domain, Err(refused.error)),
        };
        if self.now.session.is_some() {
            self.ended(next, Event::EndSession(Ended::Cancelled), written);
        } else {
            // It ended by itself, and that is written once more.
            assert!(self.heard().is_empty());
            self.now = next.clone();
            self.written(next, written);
        }
        domain
    }

    fn use_it<'v>(&mut self, mut domain: In<'v, Active>) -> At<'v> {
        let (_, held) = self.now.held.expect("it is active");
        let artifacts = self.held[held].artifacts();
        assert!(domain.artifacts().eq(artifacts));
        self.begin();
        // It writes the state anew before the sink is asked.
        let written = match domain.begin_backup(Kind::Full(None), 10, &mut self.hsm) {
            Ok(writer) => {
                let backup = writer.backup_id();
                self.assert_heard(Event::BeginBackup { backup });
                Ok(())
            }
            Err(LifecycleError::SinkRefused) => {
                assert!(self.hsm.refuses);
                Ok(())
            }
            Err(error) => Err(error),
        };
        self.written(self.now.clone(), written);
        At::Active(domain)
    }

    fn zeroize<'v>(&mut self, at: At<'v>) -> In<'v, Empty> {
        fn zeroize<'v, S: State>(
            domain: In<'v, S>,
            hsm: &mut Hsm,
        ) -> (In<'v, Empty>, Result<(), LifecycleError>) {
            match domain.zeroize(hsm) {
                Ok(domain) => (domain, Ok(())),
                Err(refused) => (refused.domain, Err(refused.error)),
            }
        }
        let hsm = &mut self.hsm;
        let (domain, written) = match at {
            At::Empty(domain) => zeroize(domain, hsm),
            At::Provisioned(domain) => zeroize(domain, hsm),
            At::Recovering(domain) => zeroize(domain, hsm),
            At::QuorumMet(domain) => zeroize(domain, hsm),
            At::Importing(domain) => zeroize(domain, hsm),
            At::Imported(domain) => zeroize(domain, hsm),
            At::Active(domain) => zeroize(domain, hsm),
        };
        self.ended(Model::EMPTY, Event::Zeroize, written);
        domain
    }
}

/// Where a secret belongs.
#[derive(Clone, Copy, Debug)]
enum Place {
    Held(usize),
    Seed(usize),
    Share(usize, usize),
    Transfer(usize),
}

/// What an HSM shows.
#[derive(Debug, PartialEq)]
struct Expected {
    stage: Stage,
    instance: Option<InstanceId>,
    domain: Option<security_domain::domain::DomainId>,
    epoch: Option<Epoch>,
    header: Option<HeaderDigest>,
}

fn status(at: &At<'_>) -> Expected {
    let Status {
        stage,
        instance,
        domain,
        epoch,
        header,
        ..
    } = match at {
        At::Empty(domain) => domain.status(),
        At::Provisioned(domain) => domain.status(),
        At::Recovering(domain) => domain.status(),
        At::QuorumMet(domain) => domain.status(),
        At::Importing(domain) => domain.status(),
        At::Imported(domain) => domain.status(),
        At::Active(domain) => domain.status(),
    };
    Expected {
        stage,
        instance,
        domain,
        epoch,
        header,
    }
}

fn contributors(at: &At<'_>) -> Vec<security_domain::custodian::CustodianId> {
    match at {
        At::Recovering(domain) => domain.contributors().collect(),
        At::QuorumMet(domain) => domain.contributors().collect(),
        _ => Vec::new(),
    }
}
