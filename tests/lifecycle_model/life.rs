// SPDX-License-Identifier: MIT OR Apache-2.0
//! One life of an HSM, which bytes decide, beside the model's. After each step the two are compared,
//! and the memory of the vault is looked through.

use std::collections::HashSet;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::approval::ActKind;
use security_domain::backup::Kind;
use security_domain::contribution::{Contribution, Request};
use security_domain::custodian::{Algorithm, Recipient};
use security_domain::hazmat::lifecycle::{Fresh, session_instance};
use security_domain::lifecycle::{
    Active, Added, AnyDomain, Domain, Empty, Ended, Event, Host, InUse, LifecycleError, Outcome,
    QuorumMet, Recovering, Sealable, Stage, Status, Vault,
};
use security_domain::sealed_domain::{
    Epoch, ExpectedDomain, HeaderDigest, InstanceId, OpenError, SealError, SealedDomain,
};
use security_domain::self_test::{self, SelfTested};

use super::fast::{FastKey, fast_keys};
use super::flash::{Fault, Flash, Hsm, Tear, WithRng};
use super::model::{Model, Session, Tick};
use super::secrets::{at_rest, found, key_in, memory};
use super::world::{Held, ROOM, activation, exported, lost};

mod demands;
mod generator;
mod images;
mod imports;
mod outcomes;
mod rotations;
mod sessions;
mod shown;
mod steps;

use rotations::{Filed, Proposal};
use shown::{Expected, Place, Shown, contributors, status};

type In<'v, S> = Domain<'v, S, ROOM>;
type At<'v> = AnyDomain<'v, ROOM>;

/// The place of the exported domain among those that the HSM held.
const EXPORTED: usize = 2;

/// A life that has begun, to go on from.
#[derive(Clone)]
pub struct Snapshot {
    flash: Flash,
    model: Model,
    seeds: Vec<Vec<u8>>,
    roots: Vec<[u8; 32]>,
    transfers: Vec<Transfer>,
    blobs: Vec<Blob>,
}

/// A restore blob of the exported domain.
#[derive(Clone)]
struct Blob {
    blob: Vec<u8>,
    /// Parts of the key that it is sealed to.
    secrets: Vec<Vec<u8>>,
}

#[derive(Clone)]
struct Transfer {
    request: Vec<u8>,
    /// Parts of the key.
    secrets: Vec<Vec<u8>>,
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
    pub sealed: usize,
    pub activated: usize,
    pub completed: usize,
    pub discarded: usize,
    pub put_back: usize,
    pub undrawn: usize,
    pub imported: usize,
    pub wrong_blobs: usize,
    pub ended_by_blobs: usize,
    pub confirmed: usize,
    pub proposed: usize,
    pub committed: usize,
    pub rotated: usize,
    pub abandoned: usize,
    pub expired: usize,
    pub forged: usize,
    pub demanded: usize,
    pub approved: usize,
    pub states: HashSet<Stage>,
}

pub struct Life {
    hsm: Hsm,
    /// Every domain that the HSM ever held; first those that are lost, and the exported one.
    held: Vec<Held>,
    seeds: Vec<Vec<u8>>,
    transfers: Vec<Transfer>,
    blobs: Vec<Blob>,
    /// The complete files that the HSM has shown, and what its proposals and its questions wrote;
    /// each question with the header of the file at that time.
    files: Vec<Filed>,
    proposals: Vec<Proposal>,
    acts: Vec<(HeaderDigest, Vec<u8>)>,
    /// What the HSM is.
    now: Model,
    /// What the flash may hold.
    rest: Vec<Model>,
    /// What the flash held at earlier starts.
    old: Vec<Flash>,
    /// The sealed domain that was stored last.
    stored: Vec<u8>,
    /// Whether the last write failed, so that the next may have to put that right first.
    unsettled: bool,
    /// Whether the flash may hold no state: an end erased it, and could not write what follows.
    erased: bool,
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
            life.check_numbers();
            let snapshot = life.snapshot();
            return (life.tally, snapshot);
        }
    }
}

fn tested() -> SelfTested {
    self_test::run().unwrap()
}

impl Life {
    fn new(from: Option<&Snapshot>, seed: u8, keys: usize, vault: *const Vault<ROOM>) -> Self {
        let blank = Snapshot {
            flash: Hsm::new().flash,
            model: Model::EMPTY,
            seeds: Vec::new(),
            roots: Vec::new(),
            transfers: Vec::new(),
            blobs: Vec::new(),
        };
        let from = from.unwrap_or(&blank);
        let known = [&lost(0).held, &lost(1).held, &exported().held].map(Held::clone);
        let mut hsm = Hsm::with_flash(from.flash.clone(), seed);
        hsm.now = 10_000;
        Self {
            hsm,
            held: { known.into_iter() }
                .chain(from.roots.iter().map(|root| Held::born(*root)))
                .collect(),
            seeds: from.seeds.clone(),
            transfers: from.transfers.clone(),
            blobs: from.blobs.clone(),
            files: Vec::new(),
            proposals: Vec::new(),
            acts: Vec::new(),
            now: from.model.clone(),
            rest: vec![from.model.clone()],
            old: Vec::new(),
            stored: Vec::new(),
            unsettled: false,
            erased: false,
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
            roots: self.held[EXPORTED + 1..]
                .iter()
                .map(|held| held.root)
                .collect(),
            transfers: self.transfers.clone(),
            blobs: self.blobs.clone(),
        }
    }

    // What the HSM is to be.

    /// Switches the HSM on. Only a flash that fails keeps it from what it was.
    fn start<'v>(&mut self, vault: &'v mut Vault<ROOM>) -> At<'v> {
        self.tally.starts += 1;
        if self.hsm.is_off() {
            self.hsm.restart();
        }
        self.put_back_an_old_image(vault);
        self.begin();
        self.unsettled = false;
        // If the power fails while a session ends, there may be no state.
        let is_over = |session: &Session| session.clock.tick(self.hsm.now) == Tick::Over;
        let mut sessions = self.rest.iter().filter_map(|model| model.session.as_ref());
        self.erased |= sessions.any(is_over);
        self.rest = self
            .rest
            .iter()
            .flat_map(|model| self.after_a_start(model))
            .collect();
        while let Err(error) = vault.start(tested(), &mut self.hsm).map(drop) {
            if self.erased && !self.failed() {
                self.discard(vault, error);
                break;
            }
            assert!(self.failed(), "{error}");
            self.without_session();
            self.look_for(|_| false, "after a start that failed");
            self.hsm.restart();
            self.begin();
        }
        // And once more, for there is nothing wrong any more.
        self.hsm.restart();
        self.erased = false;
        let at = vault
            .start(tested(), &mut self.hsm)
            .unwrap_or_else(|error| panic!("{error}"));
        let (status, shares) = (status(&at), contributors(&at));
        let rest = std::mem::take(&mut self.rest);
        let found = rest
            .iter()
            .filter(|model| self.status(model) == status && self.contributors(model) == shares)
            .cloned()
            .reduce(Model::either)
            .unwrap_or_else(|| panic!("{status:?} is none of {rest:?}"));
        self.now = found.clone();
        self.begun = true;
        self.rest = vec![found];
        if let (At::Active(domain), Some(_)) = (&at, self.now.standing) {
            self.begin();
            self.completes(domain);
        }
        at
    }

    /// What ended is gone from the flash, and nothing took its place: the operator gives it up.
    fn discard(&mut self, vault: &mut Vault<ROOM>, error: LifecycleError) {
        assert!(matches!(error, LifecycleError::Record(_)), "{error}");
        vault.discard(&mut self.hsm).unwrap();
        self.rest = vec![Model::EMPTY];
        self.tally.discarded += 1;
    }

    /// A session whose time is over ends at a start, unless the flash fails.
    fn after_a_start(&self, model: &Model) -> Vec<Model> {
        match &model.session {
            Some(session) if session.clock.tick(self.hsm.now) == Tick::Over => {
                vec![Model::EMPTY]
            }
            _ => match &model.rotation {
                Some(rotation) if rotation.clock.tick(self.hsm.now) == Tick::Over => {
                    vec![model.without_rotation()]
                }
                _ => vec![model.clone()],
            },
        }
    }

    fn status(&self, model: &Model) -> Expected {
        let session = model.session.as_ref();
        let recovery = session.filter(|session| session.import.is_none());
        let lost = recovery.map(|session| lost(session.lost));
        let header = lost.map(|lost| lost.header);
        let shown = matches!(
            model.stage,
            Stage::Provisioned
                | Stage::Imported
                | Stage::Active
                | Stage::Rotating
                | Stage::Committed
        );
        let own = model.held.filter(|_| shown).map(|(id, _)| id);
        Expected {
            stage: model.stage,
            instance: model.hsm.map(|(id, _)| id),
            domain: lost.map(|lost| lost.held.id).or(own),
            epoch: lost
                .map(|_| Epoch::FIRST)
                .or(model.standing.map(|(epoch, _)| epoch)),
            header: header.or(model.standing.map(|(_, header)| header)),
            rotation: model.rotation.as_ref().map(Shown::of),
            demands: model.demands.clone(),
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
        if now.session.is_none() && now.rotation.is_none() {
            self.without_session();
        }
        let transfers: Vec<usize> = { self.proposals.iter() }
            .map(|proposal| proposal.transfer)
            .collect();
        let rotates = { now.rotation.as_ref() }
            .filter(|rotation| rotation.request.is_some())
            .and_then(|rotation| rotation.proposal);
        self.look_for(
            |secret| match secret {
                Place::Held(at) => now.held.is_some_and(|(_, held)| held == at),
                Place::Seed(at) => now.hsm.is_some_and(|(_, seed)| seed == at),
                Place::Share(lost, at) => now
                    .session
                    .as_ref()
                    .is_some_and(|session| session.lost == lost && session.shares.contains(&at)),
                Place::Transfer(at) => {
                    let session = now.session.as_ref();
                    let own = session.and_then(|session| session.transfer);
                    own.is_some_and(|(_, transfer)| transfer == at)
                        || rotates.is_some_and(|place| transfers[place] == at)
                }
                Place::Release(place) => rotates == Some(place),
                Place::Blob(at) => now.session.as_ref().is_some_and(|session| {
                    let import = session.import.as_ref();
                    now.stage == Stage::Importing && import.is_some_and(|import| import.key == at)
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
            let parts = transfer.secrets.iter();
            secrets.extend(parts.map(|part| (Place::Transfer(at), part.as_slice())));
        }
        let committed = self.now.rotation.as_ref();
        let committed = committed.filter(|rotation| rotation.request.is_none());
        let public = committed.and_then(|rotation| rotation.proposal);
        for (at, proposal) in self.proposals.iter().enumerate() {
            // What has left is no secret any more.
            if !proposal.has_left && public != Some(at) {
                secrets.push((Place::Release(at), &proposal.release));
            }
        }
        for (at, blob) in self.blobs.iter().enumerate() {
            let parts = blob.secrets.iter();
            secrets.extend(parts.map(|part| (Place::Blob(at), part.as_slice())));
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
}
