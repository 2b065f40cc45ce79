// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must hold in every state.

use security_domain::lifecycle::Stage;
use stateright::Property;

use crate::hsm::{Device, Refusal, Step};
use crate::keys::{COUNT, opens};
use crate::model::Rotations;
use crate::world::{FILES, World};

pub const RECOVERABLE: &str = "the valid epoch can be recovered";
pub const ONE_EPOCH: &str = "two HSMs stand by one file, or one can adopt, or the fork has a name";
pub const AGREED: &str = "no new epoch without a quorum's consent and proofs";
pub const VOID: &str = "an abandoned file never opens";
pub const COUNTED: &str = "an HSM counts the answers that it was given, and no others";

pub fn properties() -> Vec<Property<Rotations>> {
    vec![
        Property::always(RECOVERABLE, recoverable),
        Property::always(ONE_EPOCH, one_epoch),
        Property::always(AGREED, agreed),
        Property::always(VOID, void),
        Property::always(COUNTED, counted),
    ]
}

/// Whether the living custodians of a stored file bring it into a blank HSM.
fn recovers(model: &Rotations, world: &World, place: usize) -> bool {
    let file = &world.files[place];
    let (Some(whole), true) = (file.complete, file.stored) else {
        return false;
    };
    let Some((quorum, places)) = world.quorum(place) else {
        return false;
    };
    let blank = model.store.keep(crate::hsm::blank());
    let step = Step::Recover(whole, quorum, places, Device::Spare);
    let done = model.store.take(blank, world.late, step);
    done.wrote().is_some()
        && done.seen.stage == Stage::Active
        && world.files[place].header == done.seen.standing
}

/// Each file that a living HSM holds as valid is stored, and its custodians can recover it. If no
/// HSM lives, this is so for some file.
fn recoverable(model: &Rotations, world: &World) -> bool {
    let mut living = (0..2).filter(|hsm| world.hsms[*hsm].is_some()).peekable();
    match living.peek() {
        None => (0..FILES).any(|place| recovers(model, world, place)),
        Some(_) => living.all(|hsm| {
            let place = world.standing(hsm);
            place.is_some_and(|place| recovers(model, world, place))
        }),
    }
}

/// An HSM emits one file as that of its present epoch. If two HSMs stand by two files, the one with
/// the earlier epoch can adopt the other's, or both have one epoch, and each names the fork and
/// takes the other file if it is told to.
fn one_epoch(model: &Rotations, world: &World) -> bool {
    let take = |hsm: usize, step| {
        let machine = world.hsms[hsm].unwrap();
        model.store.take(machine.image, world.late, step)
    };
    let single = (0..2).filter(|hsm| world.hsms[*hsm].is_some()).all(|hsm| {
        let next = match world.stage(hsm) {
            Some(Stage::Committed) => world.running(hsm),
            _ => None,
        };
        let valid = world.standing(hsm);
        (0..FILES).all(|place| {
            let Some(file) = world.files[place].complete.or(world.files[place].pending) else {
                return true;
            };
            let emits = take(hsm, Step::Emit(file)).wrote().is_some();
            emits == (Some(place) == valid || Some(place) == next)
        })
    });
    let active = |hsm: usize| world.stage(hsm) == Some(Stage::Active);
    if !(active(0) && active(1)) {
        return single;
    }
    let [a, b] = [0, 1].map(|hsm| world.hsms[hsm].unwrap().seen);
    let [Some(file_a), Some(file_b)] = [0, 1].map(|hsm| world.standing(hsm)) else {
        return false;
    };
    if file_a == file_b {
        return single;
    }
    let whole = |place: usize| world.files[place].complete;
    let (Some(whole_a), Some(whole_b)) = (whole(file_a), whole(file_b)) else {
        return false;
    };
    let taken = |hsm, step, file: usize| {
        let done = take(hsm, step);
        done.wrote().is_some() && done.seen.standing == world.files[file].header
    };
    let forks = |hsm: usize, other: usize, whole, file: usize, present: [u8; 32]| {
        let adopt = model.adopt(world, hsm, whole).unwrap();
        let named = match &take(hsm, adopt).result {
            Err(Refusal::EpochFork([have, want])) => {
                world.files[other].header == Some(*have.as_bytes()) && present == *want.as_bytes()
            }
            _ => false,
        };
        named && taken(hsm, Step::AdoptInstead(whole, present), file)
    };
    let (Some(header_a), Some(header_b)) = (a.standing, b.standing) else {
        return false;
    };
    single
        && match a.epoch.cmp(&b.epoch) {
            std::cmp::Ordering::Less => taken(0, Step::Adopt(whole_b), file_b),
            std::cmp::Ordering::Greater => taken(1, Step::Adopt(whole_a), file_a),
            std::cmp::Ordering::Equal => {
                forks(0, file_b, whole_b, file_b, header_a)
                    && forks(1, file_a, whole_a, file_a, header_b)
            }
        }
}

/// An HSM that has committed to a file, or stands by one, was given a quorum of the present
/// custodians' consents, and proofs by enough of the next ones.
fn agreed(_: &Rotations, world: &World) -> bool {
    (1..FILES).all(|place| {
        let file = &world.files[place];
        !file.committed && file.complete.is_none() || file.agreed
    }) && (0..2).all(|hsm| world.hsms[hsm].is_none() || world.standing(hsm).is_some())
}

/// No HSM emits an abandoned file or still holds its rotation, and its pending file does not open
/// to all of its custodians.
fn void(model: &Rotations, world: &World) -> bool {
    (1..FILES).all(|place| {
        let file = &world.files[place];
        let opened = |pending| {
            let (quorum, _) = world.custodians(place);
            let all: Vec<_> = (0..COUNT).collect();
            model
                .store
                .opened(pending, |bytes| opens(bytes, quorum, &all))
        };
        !file.abandoned
            || (file.complete.is_none()
                && !world.is_running(place)
                && !file.pending.is_some_and(opened))
    })
}

fn counted(_: &Rotations, world: &World) -> bool {
    (0..2).all(|hsm| {
        let Some(turn) = world.hsms[hsm].and_then(|machine| machine.seen.rotation) else {
            return true;
        };
        let Some(place) = world.running(hsm) else {
            return false;
        };
        let file = &world.files[place];
        let taken = |answers: &[crate::world::Answer]| {
            answers.iter().filter(|answer| answer.is_taken()).count()
        };
        usize::from(turn.consents) == taken(&file.consents)
            && usize::from(turn.proofs) == taken(&file.responses)
    })
}
