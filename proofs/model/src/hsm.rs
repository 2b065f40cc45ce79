// SPDX-License-Identifier: MIT OR Apache-2.0
//! One step of an HSM, by the library itself: from a flash image to the next.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::{Discriminant, discriminant};

use security_domain::contribution::{Contribution, Request};
use security_domain::drill::{Challenge, Response};
use security_domain::hazmat::record::{self, Loaded};
use security_domain::lifecycle::{
    Activation, Active, AnyDomain, Domain, LifecycleError, Proofs, RotationError, RotationStatus,
    Stage, Vault, vault_room,
};
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, HeaderDigest, ModuleFloor, SealedDomain,
};
use security_domain::self_test;

use crate::flash::{Fault, Flash, Hsm, Tear};
use crate::keys::{Quorum, THRESHOLD, expect, public, share};
use crate::store::{Blob, Store};

const ROOM: usize = vault_room(1, 64);

/// When everything begins, and a time at which each rotation that was proposed then has expired.
pub const TIMES: [u64; 2] = [1_790_000_000, 1_790_100_000];
const LIFETIME: u64 = 3600;

/// What an HSM is asked to do. The bytes that it is given are in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Provision and seal a domain, or recover one by these custodians, in a blank HSM.
    Found,
    Recover(Blob, Quorum, [usize; 2], Device),
    /// Ask for a recovery, and write a request.
    Ask(Blob),
    Propose(Blob, Policy),
    Consent(Blob, Blob),
    Challenge(Blob),
    Prove(Blob, Blob, Blob),
    Commit(Blob),
    /// Emit the complete file of the rotation, or of the present epoch.
    Emit(Blob),
    Confirm(Blob),
    Abandon,
    Expire,
    Adopt(Blob),
    AdoptInstead(Blob, [u8; 32]),
}

/// Which device a blank flash is in: each draws other bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    Of(usize),
    Foreign,
    Spare,
}

/// How many of the next custodians must prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    All,
    Threshold,
}

impl Policy {
    pub fn needed(self) -> usize {
        match self {
            Self::All => crate::keys::COUNT,
            Self::Threshold => THRESHOLD.into(),
        }
    }
}

/// What an HSM shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    pub stage: Stage,
    pub standing: Option<[u8; 32]>,
    pub epoch: u32,
    pub rotation: Option<Turn>,
}

/// What it shows of its rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    pub header: [u8; 32],
    pub consents: u8,
    pub proofs: u8,
    pub challenge: Option<[u8; 32]>,
}

/// What became of a step.
#[derive(Clone, Debug)]
pub struct Done {
    /// What it wrote: nothing if it was refused.
    pub result: Result<Vec<Blob>, Refusal>,
    /// The flash after the next start, and what that start shows.
    pub image: Blob,
    pub seen: Seen,
    /// How many calls to the flash it took.
    calls: usize,
}

/// Why a step was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    EpochFork([HeaderDigest; 2]),
    Error(LifecycleError),
    /// There is no such step in this state.
    Stage,
}

impl Step {
    /// The step without its inputs.
    pub fn kind(&self) -> Discriminant<Self> {
        discriminant(self)
    }
}

impl Seen {
    /// What is shown, without the digests.
    pub fn shape(&self) -> Shape {
        let turn = self.rotation;
        let turn = turn.map(|turn| (turn.consents, turn.proofs, turn.challenge.is_some()));
        (self.stage, self.epoch, turn)
    }
}

pub type Shape = (Stage, u32, Option<(u8, u8, bool)>);

impl From<LifecycleError> for Refusal {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Rotation(RotationError::EpochFork { have, want, .. }) => {
                Self::EpochFork([have, want])
            }
            error => Self::Error(error),
        }
    }
}

fn activation<K>(custodians: &[K]) -> Activation<'_, K> {
    Activation {
        custodians,
        threshold: Threshold::new(THRESHOLD).unwrap(),
        label: DomainLabel::new("model").unwrap(),
        floor: ModuleFloor::NONE,
        break_glass: None,
    }
}

/// The HSM with this flash. What it draws depends on the flash and the step alone.
fn hsm(store: &Store, image: Blob, time: u64, step: &Step) -> Hsm {
    let bytes = store.bytes(image);
    let mut hash = DefaultHasher::new();
    (&bytes, step).hash(&mut hash);
    let mut hsm = Hsm::with_flash(Flash::decode(&bytes).unwrap(), 0);
    hsm.rng = crate::keys::rng(hash.finish());
    hsm.now = time;
    hsm
}

/// A blank flash.
pub fn blank() -> Vec<u8> {
    Hsm::new().flash.encode()
}

fn start<'v>(vault: &'v mut Vault<ROOM>, hsm: &mut Hsm) -> AnyDomain<'v, ROOM> {
    vault.start(self_test::run().unwrap(), hsm).unwrap()
}

/// Takes a step from a start on, and then cuts the power.
pub fn take(store: &Store, image: Blob, time: u64, step: Step) -> Done {
    let mut hsm = hsm(store, image, time, &step);
    run(store, &mut hsm, image, step, None)
}

/// What a start may find after a power failure in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Before,
    After,
    /// Neither the state before nor the one after the step. That must not be.
    Other(Seen, Blob),
}

/// Takes a step while the power fails at each of its calls to the flash, and again in the start
/// that follows; gives what the start after that finds.
pub fn cut(store: &Store, image: Blob, time: u64, step: Step, whole: &Done) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for call in 0..whole.calls {
        for tear in [Tear::Short(40), Tear::Erased(0), Tear::Over(usize::MAX)] {
            let mut hsm = hsm(store, image, time, &step);
            let done = run(store, &mut hsm, image, step, Some((call, tear)));
            let outcome = match done.image {
                found if found == image => Outcome::Before,
                found if found == whole.image => Outcome::After,
                found => Outcome::Other(done.seen, found),
            };
            if !outcomes.contains(&outcome) {
                outcomes.push(outcome);
            }
        }
    }
    outcomes
}

impl Done {
    pub fn wrote(&self) -> Option<&[Blob]> {
        self.result.as_deref().ok()
    }
}

fn run(
    store: &Store,
    hsm: &mut Hsm,
    image: Blob,
    step: Step,
    fault: Option<(usize, Tear)>,
) -> Done {
    let mut vault = Box::<Vault<ROOM>>::default();
    // A rotation expires while the HSM runs. A start would end it.
    let now = hsm.now;
    if matches!(step, Step::Abandon | Step::Expire) {
        hsm.now = TIMES[0];
    }
    let domain = start(&mut vault, hsm);
    hsm.now = now;
    let from = hsm.calls();
    if let Some((call, tear)) = fault {
        hsm.fault(call, Fault::Cut(tear));
    }
    let before = (hsm.flash.clone(), see(&domain));
    let result = act(store, domain, hsm, step);
    let calls = hsm.calls() - from;
    if fault.is_none() && hsm.flash == before.0 {
        return Done {
            result,
            image,
            seen: before.1,
            calls,
        };
    }
    hsm.restart();
    if let Some((_, tear)) = fault {
        // The start after a power failure fails in the same way, in its last write or before it.
        hsm.fault(3, Fault::Cut(tear));
        let _ = vault.start(self_test::run().unwrap(), hsm);
        hsm.restart();
    }
    let domain = start(&mut vault, hsm);
    let seen = see(&domain);
    drop(domain);
    let contents = contents(hsm);
    Done {
        result,
        image: store.image(contents, || hsm.flash.encode()),
        seen,
        calls,
    }
}

/// The contents of the record, deciphered: the whole state of the HSM, without the number of the
/// record and its salt.
fn contents(hsm: &mut Hsm) -> Vec<u8> {
    let mut buffer = vec![0; ROOM];
    match record::load(hsm, &mut buffer).unwrap() {
        Loaded::Contents { len, .. } => buffer[..len].to_vec(),
        _ => panic!("a start writes a record"),
    }
}

fn see(domain: &AnyDomain<'_, ROOM>) -> Seen {
    let status = domain.status();
    let turn = |status: RotationStatus| Turn {
        header: *status.header.as_bytes(),
        consents: status.consents,
        proofs: status.proofs,
        challenge: status.challenge.map(|digest| *digest.as_bytes()),
    };
    Seen {
        stage: status.stage,
        standing: status.header.map(|header| *header.as_bytes()),
        epoch: status.epoch.map_or(0, |epoch| epoch.get()),
        rotation: match domain {
            AnyDomain::Rotating(domain) => domain.rotation().map(turn),
            AnyDomain::Committed(domain) => domain.rotation().map(turn),
            _ => None,
        },
    }
}

/// The step itself. Gives what it wrote.
fn act(
    store: &Store,
    domain: AnyDomain<'_, ROOM>,
    hsm: &mut Hsm,
    step: Step,
) -> Result<Vec<Blob>, Refusal> {
    let file = |blob: &Blob| store.bytes(*blob);
    match (step, domain) {
        (Step::Found, AnyDomain::Empty(domain)) => {
            let artifacts = [(ArtifactTag::new("key").unwrap(), &b"a key"[..])];
            let domain = domain.provision(&artifacts, hsm).unwrap();
            let keys = public(Quorum::Old);
            let mut out = vec![0; domain.sealed_len(&activation(&keys)).unwrap()];
            let (domain, len) = domain.seal(&activation(&keys), hsm, &mut out).unwrap();
            let stored = SealedDomain::parse(&out[..len]).unwrap();
            let domain = domain.activate(&stored, hsm).unwrap();
            let file = domain.complete(&stored, hsm).unwrap().concat();
            Ok(vec![store.keep(file)])
        }
        (Step::Recover(blob, quorum, places, _), AnyDomain::Empty(domain)) => {
            let bytes = file(&blob);
            let sealed = SealedDomain::parse(&bytes).unwrap();
            let begun = domain.begin_recovery_here(&sealed, &expect(&sealed), None, hsm);
            let mut domain = begun.map_err(|refused| refused.error)?;
            for place in places {
                domain.add_share(&sealed, share(&sealed, quorum, place), hsm)?;
            }
            let domain = domain.quorum().map_err(|_| Refusal::Stage)?;
            domain.open(&sealed, hsm).map_err(|refused| refused.error)?;
            Ok(vec![])
        }
        (Step::Ask(blob), AnyDomain::Empty(domain)) => {
            let bytes = file(&blob);
            let sealed = SealedDomain::parse(&bytes).unwrap();
            let mut out = vec![0; Request::MAX_LEN];
            let begun = domain.begin_recovery(&sealed, &expect(&sealed), None, hsm, &mut out);
            let (_, len) = begun.map_err(|refused| refused.error)?;
            Ok(vec![store.keep(out[..len].to_vec())])
        }
        (Step::Propose(blob, policy), AnyDomain::Active(domain)) => {
            propose(store, domain, hsm, &file(&blob), policy)
        }
        (Step::Consent(current, contribution), AnyDomain::Rotating(mut domain)) => {
            let (current, contribution) = (file(&current), file(&contribution));
            let contribution = Contribution::parse(&contribution).unwrap();
            domain.consent(&SealedDomain::parse(&current).unwrap(), &contribution, hsm)?;
            Ok(vec![])
        }
        (Step::Challenge(pending), AnyDomain::Rotating(mut domain)) => {
            let pending = file(&pending);
            let keys = public(Quorum::New);
            let mut out = vec![0; Challenge::written_len(&keys)];
            let pending = SealedDomain::parse(&pending).unwrap();
            let len = domain.challenge(&pending, &keys, hsm, &mut out)?;
            Ok(vec![store.keep(out[..len].to_vec())])
        }
        (Step::Prove(pending, challenge, response), AnyDomain::Rotating(mut domain)) => {
            let (pending, challenge) = (file(&pending), file(&challenge));
            let (response, pending) = (file(&response), SealedDomain::parse(&pending).unwrap());
            let challenge = Challenge::parse(&challenge).unwrap();
            let response = Response::parse(&response).unwrap();
            domain.prove(&pending, &challenge, &response, hsm)?;
            Ok(vec![])
        }
        (Step::Commit(pending), AnyDomain::Rotating(domain)) => {
            let pending = file(&pending);
            let committed = domain.commit(&SealedDomain::parse(&pending).unwrap(), hsm);
            committed.map_err(|refused| refused.error)?;
            Ok(vec![])
        }
        (Step::Emit(blob), domain) => {
            let bytes = file(&blob);
            let sealed = SealedDomain::parse(&bytes).unwrap();
            let whole = match &domain {
                AnyDomain::Active(domain) => domain.complete(&sealed, hsm),
                AnyDomain::Rotating(domain) => domain.complete(&sealed, hsm),
                AnyDomain::Committed(domain) => match domain.complete_next(&sealed, hsm) {
                    Err(_) => domain.complete(&sealed, hsm),
                    next => next,
                },
                _ => return Err(Refusal::Stage),
            };
            Ok(vec![store.keep(whole?.concat())])
        }
        (Step::Confirm(blob), AnyDomain::Committed(domain)) => {
            let bytes = file(&blob);
            let confirmed = domain.confirm(&SealedDomain::parse(&bytes).unwrap(), hsm);
            confirmed.map_err(|refused| refused.error)?;
            Ok(vec![])
        }
        (Step::Abandon, AnyDomain::Rotating(domain)) => {
            domain.abandon(hsm).map_err(|refused| refused.error)?;
            Ok(vec![])
        }
        (Step::Expire, AnyDomain::Rotating(domain)) => {
            domain.expire(hsm).map_err(|refused| refused.error)?;
            Ok(vec![])
        }
        (Step::Adopt(blob), AnyDomain::Active(mut domain)) => {
            let bytes = file(&blob);
            let sealed = SealedDomain::parse(&bytes).unwrap();
            domain.adopt(&sealed, &expect(&sealed), hsm)?;
            Ok(vec![])
        }
        (Step::AdoptInstead(blob, header), AnyDomain::Active(mut domain)) => {
            let bytes = file(&blob);
            let sealed = SealedDomain::parse(&bytes).unwrap();
            let header = HeaderDigest::from_bytes(header);
            domain.adopt_instead(&sealed, &expect(&sealed), header, hsm)?;
            Ok(vec![])
        }
        _ => Err(Refusal::Stage),
    }
}

fn propose(
    store: &Store,
    domain: Domain<'_, Active, ROOM>,
    hsm: &mut Hsm,
    current: &[u8],
    policy: Policy,
) -> Result<Vec<Blob>, Refusal> {
    let keys = public(Quorum::New);
    let (mut pending, mut request) = (vec![0; 0x2000], vec![0; Request::MAX_LEN]);
    let proposed = domain.propose(
        &SealedDomain::parse(current).unwrap(),
        &activation(&keys),
        match policy {
            Policy::All => Proofs::All,
            Policy::Threshold => Proofs::Threshold,
        },
        LIFETIME.try_into().ok(),
        hsm,
        (&mut pending, &mut request),
    );
    let (_, lens) = proposed.map_err(|refused| refused.error)?;
    pending.truncate(lens.pending);
    request.truncate(lens.request);
    Ok(vec![store.keep(pending), store.keep(request)])
}
