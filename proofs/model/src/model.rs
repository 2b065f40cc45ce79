// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can happen, and what it leads to.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use security_domain::lifecycle::Stage;
use stateright::{Model, Property};

use crate::hsm::{Device, Outcome, Policy, Step, blank};
use crate::keys::{COUNT, Quorum, THRESHOLD, consent, response};
use crate::properties::properties;
use crate::store::{Blob, Store};
use crate::way::Graph;
use crate::world::{Answer, FILES, File, Machine, SLOTS, World};

/// How much of the world the model has.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Both HSMs rotate, once each; otherwise the first one alone, up to twice.
    pub both: bool,
    /// Whoever carries an answer may withhold it.
    pub withheld: bool,
    /// The rule that is broken.
    pub plant: Option<Plant>,
}

/// A broken rule, which the model has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Somebody else proves or consents for the custodians, as if nobody looked at who did.
    CommitWithoutProof,
    CommitWithoutConsent,
    /// The operator confirms with what the HSM has emitted, and not with what he has read back.
    ConfirmBeforeStoring,
    /// An abandoned rotation stays on the flash.
    AbandonKeepsRelease,
    /// The first quorum is dissolved when the next one is committed, and not when it is confirmed.
    RetireAtCommit,
    /// The next custodians prove without keeping the pending file.
    NoCopies,
    /// An HSM takes another file of its own epoch without being told to.
    TakeFork,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Steps of an HSM with the operator's files.
    Propose(usize),
    Challenge(usize),
    Commit(usize, usize),
    Store(usize, usize),
    Confirm(usize, usize),
    Abandon(usize),
    Expire(usize),
    Adopt(usize, usize),
    AdoptInstead(usize, usize),
    Recover(usize, usize),
    Retire,
    /// A custodian's answer is brought to the HSM.
    Consent(usize, usize),
    Prove(usize, usize),
    /// A custodian answers, and the answer is withheld.
    SendConsent(usize, usize),
    SendProof(usize, usize),
    /// The power fails in a step.
    Cut(usize, Step),
    LoseHsm(usize),
    LoseOld(usize),
    LoseNew(usize),
    LosePending(usize),
    LoseStored(usize),
    Time,
    /// An attacker asks the HSM for something, with whatever was ever sent.
    Emit(usize, usize),
    Attack(usize, Step),
}

impl Action {
    /// Whether it is a step of somebody who wants to go on.
    pub fn is_honest(&self) -> bool {
        matches!(
            self,
            Self::Propose(_)
                | Self::Challenge(_)
                | Self::Commit(..)
                | Self::Store(..)
                | Self::Confirm(..)
                | Self::Abandon(_)
                | Self::Expire(_)
                | Self::Adopt(..)
                | Self::AdoptInstead(..)
                | Self::Recover(..)
                | Self::Consent(..)
                | Self::Prove(..)
        )
    }
}

/// What belongs to a third HSM of the domain, and is spent on these two.
#[derive(Debug)]
pub struct Foreign {
    /// The first quorum's answers to its recovery, and to its rotation.
    pub consents: [Blob; 2],
    pub challenge: Blob,
    pub response: Blob,
    pub pending: Blob,
}

#[derive(Clone)]
pub struct Rotations {
    pub scope: Scope,
    pub store: Arc<Store>,
    pub foreign: Arc<Foreign>,
    pub graph: Arc<Graph>,
    first: Machine,
    file: Blob,
}

impl Rotations {
    /// A model with the steps that other scopes have taken already.
    pub fn new(scope: Scope, store: &Arc<Store>) -> Self {
        let blank = store.keep(blank());
        let founded = store.take(blank, false, Step::Found);
        let file = founded.wrote().unwrap()[0];
        let first = Machine {
            image: founded.image,
            seen: founded.seen,
        };
        let foreign = foreign(store, blank, file);
        Self {
            scope,
            store: store.clone(),
            foreign: Arc::new(foreign),
            graph: Arc::default(),
            first,
            file,
        }
    }

    /// A blank HSM recovers the domain from this file.
    fn recovered(&self, world: &World, hsm: usize, place: usize) -> Option<Machine> {
        let (quorum, places) = world.quorum(place)?;
        let file = world.files[place].complete?;
        let image = self.store.keep(blank());
        let step = Step::Recover(file, quorum, places, Device::Of(hsm));
        let done = self.store.take(image, world.late, step);
        done.wrote()?;
        Some(Machine {
            image: done.image,
            seen: done.seen,
        })
    }

    /// The HSM takes a step.
    fn step(&self, world: &World, hsm: usize, step: Step) -> Option<(World, Vec<Blob>)> {
        let image = world.hsms[hsm]?.image;
        let done = self.store.take(image, world.late, step);
        let wrote = done.wrote()?.to_vec();
        let mut next = world.clone();
        next.hsms[hsm] = Some(Machine {
            image: done.image,
            seen: done.seen,
        });
        Some((next, wrote))
    }

    /// The step that an action takes, if it is one with the power failing in it.
    fn cuttable(&self, world: &World, hsm: usize) -> Vec<Step> {
        let Some(standing) = world.standing(hsm) else {
            return vec![];
        };
        let current = world.files[standing].complete;
        let running = world.running(hsm);
        let mut steps = Vec::new();
        match (world.stage(hsm), running) {
            (Some(Stage::Active), _) => {
                if let (Some(slot), Some(current)) = (self.slot(world, hsm), current) {
                    steps.push(Step::Propose(current, world.files[slot].policy));
                }
                for file in &world.files {
                    steps.extend(file.complete.filter(|_| file.stored).map(Step::Adopt));
                }
            }
            (Some(Stage::Rotating), place) => {
                steps.push(Step::Abandon);
                let Some(file) = place.map(|place| &world.files[place]) else {
                    return steps;
                };
                let Some(pending) = file.pending else {
                    return steps;
                };
                steps.push(Step::Commit(pending));
                if let Some(current) = current {
                    let sent = file.consents.iter().find_map(|answer| match answer {
                        Answer::Sent(blob) => Some(*blob),
                        _ => None,
                    });
                    steps.extend(sent.map(|sent| Step::Consent(current, sent)));
                }
            }
            (Some(Stage::Committed), Some(place)) => {
                let file = &world.files[place];
                steps.extend(file.complete.filter(|_| file.stored).map(Step::Confirm));
            }
            _ => {}
        }
        steps
    }

    /// Which slot a proposal of this HSM takes.
    fn slot(&self, world: &World, hsm: usize) -> Option<usize> {
        let slots = match (self.scope.both, hsm) {
            (true, 0) => &SLOTS[0][..1],
            (false, 0) => SLOTS[0],
            (true, _) => SLOTS[1],
            (false, _) => &[],
        };
        let unused = |slot: &&usize| world.files[**slot].header.is_none();
        let slot = slots.iter().find(unused).copied()?;
        (world.standing(hsm) == Some(0) && !world.late).then_some(slot)
    }

    /// What follows from a step: which file is new, which rotation is over.
    fn settle(&self, before: &World, mut next: World, hsm: usize) -> World {
        let turn = next.hsms[hsm].and_then(|machine| machine.seen.rotation);
        if let Some(turn) = turn
            && next.place(turn.header).is_none()
            && let Some(slot) = self.slot(before, hsm)
        {
            next.files[slot].header = Some(turn.header);
        }
        for place in 1..FILES {
            let stands = (0..2).any(|hsm| next.standing(hsm) == Some(place));
            let committed = (0..2).any(|hsm| {
                next.running(hsm) == Some(place) && next.stage(hsm) == Some(Stage::Committed)
            });
            let file = &mut next.files[place];
            if (stands || committed) && !file.committed {
                let answers = |answers: &[Answer]| {
                    answers
                        .iter()
                        .filter(|answer| answer.blob().is_some())
                        .count()
                };
                file.committed = true;
                file.agreed = answers(&file.consents) >= usize::from(THRESHOLD)
                    && answers(&file.responses) >= file.policy.needed();
            }
            file.confirmed |= stands;
            if before.is_running(place) && !next.is_running(place) {
                self.disclose(&mut next, place);
            }
            let is_over = next.files[place].header.is_some() && !next.is_running(place);
            let file = &mut next.files[place];
            if is_over && file.complete.is_none() {
                // Nobody needs what can never be completed.
                (file.kept, file.copies) = (false, false);
            }
        }
        // A rotation that is proposed later has its lifetime before it.
        next.late &= (0..2).any(|hsm| next.stage(hsm) == Some(Stage::Rotating));
        next
    }

    /// A rotation is over. From here on the attacker has what each custodian could have answered.
    fn disclose(&self, world: &mut World, place: usize) {
        let (old, new) = (world.old, world.new);
        let file = &mut world.files[place];
        let (Some(pending), Some(request)) = (file.pending, file.request) else {
            return;
        };
        for custodian in 0..COUNT {
            if old[custodian] && file.consents[custodian] == Answer::None {
                file.consents[custodian] = Answer::Sent(self.consents(request, custodian));
            }
            if let Some(challenge) = file.challenge
                && new[custodian]
                && file.responses[custodian] == Answer::None
            {
                let made = self.responds(pending, challenge, custodian);
                file.responses[custodian] = Answer::Sent(made);
            }
        }
    }

    /// What a custodian of the first quorum answers to a request.
    fn consents(&self, request: Blob, custodian: usize) -> Blob {
        self.store.made((request, custodian), || {
            let (file, request) = (self.store.bytes(self.file), self.store.bytes(request));
            consent(&file, Quorum::Old, custodian, &request)
        })
    }

    /// What a custodian of the next quorum answers to a challenge.
    fn responds(&self, pending: Blob, challenge: Blob, custodian: usize) -> Blob {
        self.store.made((challenge, custodian), || {
            let (pending, challenge) = (self.store.bytes(pending), self.store.bytes(challenge));
            response(&pending, Quorum::New, custodian, &challenge)
        })
    }

    /// A custodian's answer: made now, if he has his key.
    fn consent_of(&self, world: &World, place: usize, custodian: usize) -> Option<Blob> {
        let file = &world.files[place];
        if let Some(blob) = file.consents[custodian].blob() {
            return Some(blob);
        }
        let may = world.old[custodian] && file.kept;
        let request = file.request?;
        may.then(|| self.consents(request, custodian))
    }

    fn response_of(&self, world: &World, place: usize, custodian: usize) -> Option<Blob> {
        let file = &world.files[place];
        if let Some(blob) = file.responses[custodian].blob() {
            return Some(blob);
        }
        let pending = file.pending.filter(|_| file.kept || file.copies)?;
        let challenge = file.challenge?;
        world.new[custodian].then(|| self.responds(pending, challenge, custodian))
    }

    /// Whether the keys of a new custodian may be lost: those who do not yet answer for a file may
    /// all be, of the others as many as the quorum can do without.
    fn can_lose_new(&self, world: &World, custodian: usize) -> bool {
        if !world.new[custodian] {
            return false;
        }
        let in_force = world.files[1..].iter().any(|file| file.committed);
        let answers = |custodian: usize| {
            (1..FILES).any(|place| {
                world.is_running(place) && world.files[place].responses[custodian] != Answer::None
            })
        };
        let lost = |custodian: &usize| !world.new[*custodian];
        let needed = in_force || answers(custodian) || (0..COUNT).filter(lost).any(answers);
        !needed || world.new.iter().all(|alive| *alive)
    }

    fn can_retire(&self, world: &World) -> bool {
        let at_commit = self.scope.plant == Some(Plant::RetireAtCommit);
        let next = |hsm: usize| {
            let committed = world.stage(hsm) == Some(Stage::Committed);
            match committed && at_commit {
                true => world.running(hsm),
                false => world
                    .standing(hsm)
                    .filter(|_| world.stage(hsm) == Some(Stage::Active)),
            }
        };
        let living: Vec<_> = (0..2)
            .filter(|hsm| world.hsms[*hsm].is_some())
            .map(next)
            .collect();
        !world.retired
            && living.first().is_some_and(|first| {
                first.is_some_and(|place| place > 0) && living.iter().all(|next| next == first)
            })
    }

    /// What the attacker tries at this HSM, with everything that was ever sent.
    fn attacks(&self, world: &World, hsm: usize, actions: &mut Vec<Action>) {
        let attack = |step| Action::Attack(hsm, step);
        let foreign = &self.foreign;
        let others = |place: usize| (0..FILES).filter(move |other| *other != place);
        match (world.stage(hsm), world.running(hsm)) {
            (Some(Stage::Rotating), Some(place)) => {
                let file = &world.files[place];
                // One of each kind: what makes it void does not depend on who has made it.
                let one = |answers: &[Answer]| answers.iter().find_map(|answer| answer.blob());
                let again = |answers: &[Answer]| {
                    { answers.iter().filter(|answer| answer.is_taken()) }
                        .find_map(|answer| answer.blob())
                };
                let spent = others(place).filter_map(|other| one(&world.files[other].consents));
                let consents = foreign.consents.iter().copied();
                for blob in consents.chain(spent).chain(again(&file.consents)) {
                    actions.push(attack(Step::Consent(self.file, blob)));
                }
                let Some(pending) = file.pending else {
                    return;
                };
                let spent = others(place).filter_map(|other| one(&world.files[other].responses));
                let responses = [foreign.response]
                    .into_iter()
                    .chain(file.stale)
                    .chain(spent);
                if let Some(challenge) = file.challenge {
                    for blob in responses.chain(again(&file.responses)) {
                        actions.push(attack(Step::Prove(pending, challenge, blob)));
                    }
                }
                let step = Step::Prove(pending, foreign.challenge, foreign.response);
                actions.push(attack(step));
                actions.push(attack(Step::Commit(foreign.pending)));
                actions.extend(file.complete.map(|whole| attack(Step::Commit(whole))));
            }
            (Some(Stage::Committed), _) => {
                let pending = world.files.iter().filter_map(|file| file.pending);
                let running = world.running(hsm);
                let whole = (0..FILES).filter(|place| Some(*place) != running);
                let whole = whole.filter_map(|place| world.files[place].complete);
                actions.extend(whole.chain(pending).map(|blob| attack(Step::Confirm(blob))));
                actions.push(attack(Step::Abandon));
            }
            (Some(Stage::Active), _) => {
                let pending = world.files.iter().filter_map(|file| file.pending);
                for blob in pending.chain([foreign.pending]) {
                    actions.push(attack(Step::Adopt(blob)));
                    let present = world.hsms[hsm].and_then(|machine| machine.seen.standing);
                    let instead = present.map(|present| Step::AdoptInstead(blob, present));
                    actions.extend(instead.map(attack));
                }
            }
            _ => {}
        }
        for place in 1..FILES {
            let file = &world.files[place];
            if file.pending.is_some() && file.complete.is_none() {
                actions.push(Action::Emit(hsm, place));
            }
        }
    }
}

/// A third HSM of the domain asks for its recovery, and then rotates as well.
fn foreign(store: &Store, blank: Blob, file: Blob) -> Foreign {
    let asked = store.take(blank, true, Step::Ask(file)).wrote().unwrap()[0];
    let recover = Step::Recover(file, Quorum::Old, [0, 2], Device::Foreign);
    let recovered = store.take(blank, true, recover);
    let propose = Step::Propose(file, Policy::All);
    let proposed = store.take(recovered.image, true, propose);
    let [pending, request] = proposed.wrote().unwrap() else {
        panic!("it writes two files");
    };
    let step = Step::Challenge(*pending);
    let challenged = store.take(proposed.image, true, step);
    let challenge = challenged.wrote().unwrap()[0];
    let first = store.bytes(file);
    let requests = [asked, *request];
    let consents =
        requests.map(|request| store.keep(consent(&first, Quorum::Old, 0, &store.bytes(request))));
    let (file, text) = (store.bytes(*pending), store.bytes(challenge));
    Foreign {
        consents,
        challenge,
        response: store.keep(response(&file, Quorum::New, 0, &text)),
        pending: *pending,
    }
}

/// A state's number.
pub fn number(world: &World) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(world)
}

impl Model for Rotations {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut files =
            [Policy::All, Policy::Threshold, Policy::All, Policy::All].map(File::unused);
        let first = &mut files[0];
        first.header = self.first.seen.standing;
        first.complete = Some(self.file);
        (first.stored, first.committed, first.confirmed) = (true, true, true);
        let mut world = World {
            hsms: [Some(self.first), None],
            files,
            old: [true; COUNT],
            new: [true; COUNT],
            late: false,
            retired: false,
        };
        world.hsms[1] = self.recovered(&world, 1, 0);
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.graph.found(number(world), world.is_settled());
        let withheld = self.scope.withheld;
        for hsm in 0..2 {
            if world.hsms[hsm].is_none() {
                let stored = (0..FILES).filter(|place| world.files[*place].stored);
                actions.extend(stored.map(|place| Action::Recover(hsm, place)));
                continue;
            }
            actions.push(Action::LoseHsm(hsm));
            let running = world.running(hsm);
            match world.stage(hsm) {
                Some(Stage::Active) => {
                    if self.slot(world, hsm).is_some() {
                        actions.push(Action::Propose(hsm));
                    }
                    for place in (0..FILES).filter(|place| world.files[*place].stored) {
                        actions.push(Action::Adopt(hsm, place));
                        actions.push(Action::AdoptInstead(hsm, place));
                    }
                }
                Some(Stage::Rotating) => {
                    for custodian in world.distinct(Quorum::Old) {
                        actions.push(Action::Consent(hsm, custodian));
                        actions.extend(withheld.then_some(Action::SendConsent(hsm, custodian)));
                    }
                    for custodian in world.distinct(Quorum::New) {
                        actions.push(Action::Prove(hsm, custodian));
                        actions.extend(withheld.then_some(Action::SendProof(hsm, custodian)));
                    }
                    if running.is_some_and(|place| world.files[place].challenges < 2) {
                        actions.push(Action::Challenge(hsm));
                    }
                    actions.extend((1..FILES).map(|place| Action::Commit(hsm, place)));
                    actions.push(Action::Abandon(hsm));
                    actions.push(Action::Expire(hsm));
                }
                _ => actions.extend((0..FILES).map(|place| Action::Confirm(hsm, place))),
            }
            actions.extend((1..FILES).map(|place| Action::Store(hsm, place)));
            self.attacks(world, hsm, actions);
            for step in self.cuttable(world, hsm) {
                actions.push(Action::Cut(hsm, step));
            }
        }
        for custodian in world.distinct(Quorum::Old) {
            if world.old.iter().all(|alive| *alive) {
                actions.push(Action::LoseOld(custodian));
            }
        }
        for custodian in world.distinct(Quorum::New) {
            if self.can_lose_new(world, custodian) {
                actions.push(Action::LoseNew(custodian));
            }
        }
        for place in 1..FILES {
            let file = &world.files[place];
            if file.kept {
                actions.push(Action::LosePending(place));
            }
            if file.stored && !file.confirmed {
                actions.push(Action::LoseStored(place));
            }
        }
        if !world.late && (0..2).any(|hsm| world.stage(hsm) == Some(Stage::Rotating)) {
            actions.push(Action::Time);
        }
        if self.can_retire(world) {
            actions.push(Action::Retire);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let next = self.after(world, action)?;
        if action.is_honest() {
            self.graph.leads(number(world), number(&next));
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties()
    }
}

impl Rotations {
    fn after(&self, world: &World, action: Action) -> Option<World> {
        let plant = |plant| self.scope.plant == Some(plant);
        let mut next = world.clone();
        let hsm = match action {
            Action::Propose(hsm) => {
                let slot = self.slot(world, hsm)?;
                let step = Step::Propose(self.current(world, hsm)?, world.files[slot].policy);
                let wrote;
                (next, wrote) = self.step(world, hsm, step)?;
                let header = next.hsms[hsm]?.seen.rotation?.header;
                let file = &mut next.files[slot];
                file.header = Some(header);
                (file.pending, file.request) = (Some(wrote[0]), Some(wrote[1]));
                file.kept = true;
                hsm
            }
            Action::Challenge(hsm) => {
                let place = world.running(hsm)?;
                let file = &world.files[place];
                let pending = file.pending.filter(|_| file.kept || file.copies)?;
                let wrote;
                (next, wrote) = self.step(world, hsm, Step::Challenge(pending))?;
                let file = &mut next.files[place];
                file.challenge = Some(wrote[0]);
                file.challenges += 1;
                for answer in &mut file.responses {
                    if let Answer::Sent(blob) = *answer {
                        file.stale = Some(blob);
                        *answer = Answer::None;
                    }
                }
                hsm
            }
            Action::Consent(hsm, custodian) => {
                let place = world.running(hsm)?;
                let made = self.consent_of(world, place, custodian)?;
                let step = Step::Consent(self.current(world, hsm)?, made);
                (next, _) = self.step(world, hsm, step)?;
                next.files[place].consents[custodian] = Answer::Taken(made);
                hsm
            }
            Action::Prove(hsm, custodian) => {
                let place = world.running(hsm)?;
                let file = &world.files[place];
                let made = self.response_of(world, place, custodian)?;
                let step = Step::Prove(file.pending?, file.challenge?, made);
                (next, _) = self.step(world, hsm, step)?;
                let file = &mut next.files[place];
                file.responses[custodian] = Answer::Taken(made);
                file.copies |= !plant(Plant::NoCopies);
                hsm
            }
            Action::SendConsent(hsm, custodian) => {
                let place = world.running(hsm)?;
                let file = &mut next.files[place];
                if file.consents[custodian] != Answer::None {
                    return None;
                }
                let made = self.consent_of(world, place, custodian)?;
                file.consents[custodian] = Answer::Sent(made);
                hsm
            }
            Action::SendProof(hsm, custodian) => {
                let place = world.running(hsm)?;
                let file = &mut next.files[place];
                if file.responses[custodian] != Answer::None {
                    return None;
                }
                let made = self.response_of(world, place, custodian)?;
                file.responses[custodian] = Answer::Sent(made);
                file.copies |= !plant(Plant::NoCopies);
                hsm
            }
            Action::Commit(hsm, place) => {
                let pending = world.files[place].at_hand()?;
                let from = self.forged(world, hsm)?;
                (next, _) = self.step(&from, hsm, Step::Commit(pending))?;
                hsm
            }
            Action::Store(hsm, place) => {
                let step = Step::Emit(world.files[place].at_hand()?);
                let wrote;
                (next, wrote) = self.step(world, hsm, step)?;
                let file = &mut next.files[place];
                (file.complete, file.stored) = (Some(wrote[0]), true);
                hsm
            }
            Action::Emit(hsm, place) => {
                let step = Step::Emit(world.files[place].pending?);
                let wrote;
                (next, wrote) = self.step(world, hsm, step)?;
                next.files[place].complete = Some(wrote[0]);
                hsm
            }
            Action::Confirm(hsm, place) => {
                let file = &world.files[place];
                let unread = plant(Plant::ConfirmBeforeStoring);
                let stored = file.complete.filter(|_| file.stored || unread)?;
                (next, _) = self.step(world, hsm, Step::Confirm(stored))?;
                hsm
            }
            Action::Abandon(hsm) | Action::Expire(hsm) => {
                let step = match action {
                    Action::Abandon(_) => Step::Abandon,
                    _ => Step::Expire,
                };
                let place = world.running(hsm)?;
                (next, _) = self.step(world, hsm, step)?;
                if next.stage(hsm) == Some(Stage::Active) {
                    next.files[place].abandoned = true;
                    if plant(Plant::AbandonKeepsRelease) {
                        next.hsms[hsm] = world.hsms[hsm];
                    }
                }
                hsm
            }
            Action::Adopt(hsm, place) => {
                let step = self.adopt(world, hsm, world.files[place].complete?)?;
                (next, _) = self.step(world, hsm, step)?;
                hsm
            }
            Action::AdoptInstead(hsm, place) => {
                let file = world.files[place].complete?;
                let present = world.hsms[hsm]?.seen.standing?;
                (next, _) = self.step(world, hsm, Step::AdoptInstead(file, present))?;
                hsm
            }
            Action::Recover(hsm, place) => {
                next.hsms[hsm] = Some(self.recovered(world, hsm, place)?);
                hsm
            }
            Action::Retire => {
                next.old = [false; COUNT];
                next.files[0].stored = false;
                next.retired = true;
                return Some(next);
            }
            Action::Cut(hsm, step) => {
                let machine = world.hsms[hsm]?;
                let whole = self.store.take(machine.image, world.late, step);
                let found = self
                    .store
                    .cut(machine.image, &machine.seen, world.late, step);
                // The state before is the one that this leads from.
                let (seen, image) = found.iter().fold(None, |worst, outcome| match *outcome {
                    Outcome::Before => worst,
                    Outcome::After => worst.or(Some((whole.seen, whole.image))),
                    Outcome::Other(seen, image) => Some((seen, image)),
                })?;
                next.hsms[hsm] = Some(Machine { image, seen });
                if let Step::Consent(_, given) = step
                    && machine.seen.rotation != seen.rotation
                {
                    let place = world.running(hsm)?;
                    for answer in &mut next.files[place].consents {
                        if *answer == Answer::Sent(given) {
                            *answer = Answer::Taken(given);
                        }
                    }
                }
                if let Step::Abandon = step
                    && seen.stage == Stage::Active
                    && let Some(place) = world.running(hsm)
                {
                    next.files[place].abandoned = true;
                }
                hsm
            }
            Action::Attack(hsm, step) => {
                (next, _) = self.step(world, hsm, step)?;
                hsm
            }
            Action::LoseHsm(hsm) => {
                next.hsms[hsm] = None;
                hsm
            }
            Action::LoseOld(custodian) => {
                next.old[custodian] = false;
                return Some(next);
            }
            Action::LoseNew(custodian) => {
                next.new[custodian] = false;
                return Some(next);
            }
            Action::LosePending(place) => {
                next.files[place].kept = false;
                return Some(next);
            }
            Action::LoseStored(place) => {
                next.files[place].stored = false;
                return Some(next);
            }
            Action::Time => {
                next.late = true;
                return Some(next);
            }
        };
        Some(self.settle(world, next, hsm))
    }

    /// The complete file that this HSM stands by, if it is stored.
    fn current(&self, world: &World, hsm: usize) -> Option<Blob> {
        let file = &world.files[world.standing(hsm)?];
        file.complete.filter(|_| file.stored)
    }

    /// The step in which an HSM takes the file of a later epoch.
    pub fn adopt(&self, world: &World, hsm: usize, file: Blob) -> Option<Step> {
        let present = world.hsms[hsm]?.seen.standing?;
        Some(match self.scope.plant {
            Some(Plant::TakeFork) => Step::AdoptInstead(file, present),
            _ => Step::Adopt(file),
        })
    }

    /// The world in which a planted rule has answered in the custodians' place.
    fn forged(&self, world: &World, hsm: usize) -> Option<World> {
        let mut next = world.clone();
        let place = world.running(hsm)?;
        let file = &world.files[place];
        match self.scope.plant {
            Some(Plant::CommitWithoutConsent) => {
                let request = file.request?;
                for custodian in 0..COUNT {
                    let step = Step::Consent(self.file, self.consents(request, custodian));
                    if let Some((then, _)) = self.step(&next, hsm, step) {
                        next = then;
                    }
                }
            }
            Some(Plant::CommitWithoutProof) => {
                let pending = file.pending?;
                let (then, wrote) = self.step(&next, hsm, Step::Challenge(pending))?;
                next = then;
                let challenge = wrote[0];
                for custodian in 0..COUNT {
                    let made = self.responds(pending, challenge, custodian);
                    let step = Step::Prove(pending, challenge, made);
                    if let Some((then, _)) = self.step(&next, hsm, step) {
                        next = then;
                    }
                }
            }
            _ => {}
        }
        Some(next)
    }
}
