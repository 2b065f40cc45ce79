// SPDX-License-Identifier: MIT OR Apache-2.0
//! The power fails anywhere: in any call, and in a write at any byte, with anything behind it.

use super::flash::{Fault, Flash, Hsm, Tear};
use super::{SAVES, Save, State, load, restarted, save, save_by, started, state};

/// Every flash that a power failure in `act` leaves, and whether the counter had moved before.
fn cut(start: &Flash, step: usize, act: impl Fn(&mut Hsm)) -> Vec<Flash> {
    let mut whole = Hsm::with_flash(start.clone(), 3);
    act(&mut whole);
    let longest = whole.images.iter().map(Vec::len).max().unwrap_or(0);
    let mut left = Vec::new();
    for call in 0..whole.calls() {
        for tear in Tear::all(longest, step) {
            let mut hsm = Hsm::with_flash(start.clone(), 3);
            hsm.fault(call, Fault::Cut(tear));
            act(&mut hsm);
            assert!(hsm.is_off());
            if !left.contains(&hsm.flash) {
                left.push(hsm.flash);
            }
        }
    }
    left.push(whole.flash);
    left
}

/// Starts, and saves `new`.
fn start_and_save(save: Save<Hsm>, new: &[u8]) -> impl Fn(&mut Hsm) + '_ {
    move |hsm| {
        if let Ok((_, mut position)) = load(hsm) {
            let _ = save_by(save, hsm, &mut position, new);
        }
    }
}

#[test]
fn a_cut_at_any_byte_leaves_the_old_state_or_the_new_one() {
    let new = state("new");
    for old in [State::new(), state("old"), state("old and longer")] {
        let (hsm, _) = started(&[old.clone()][..usize::from(!old.is_empty())]);
        for save in SAVES {
            let left = cut(&hsm.flash, 1, start_and_save(save, &new));
            let found: Vec<State> = left.iter().map(|flash| restarted(flash).unwrap()).collect();
            assert!(found.iter().all(|found| *found == old || *found == new));
            assert!(found.contains(&old) && found.contains(&new));
            assert!(left.len() > 500, "{}", left.len());
        }
    }
}

#[test]
fn a_cut_of_the_very_first_start_leaves_a_blank_hsm() {
    let start = |hsm: &mut Hsm| drop(load(hsm));
    for once in cut(&Hsm::new().flash, 1, start) {
        assert_eq!(restarted(&once).unwrap(), State::new());
    }
}

#[test]
fn a_cut_in_the_start_after_a_cut_changes_nothing() {
    let (hsm, _) = started(&[state("old")]);
    let new = state("new");
    let start = |hsm: &mut Hsm| drop(load(hsm));
    for save in SAVES {
        for once in cut(&hsm.flash, 29, start_and_save(save, &new)) {
            let found = restarted(&once).unwrap();
            for twice in cut(&once, 31, start) {
                assert_eq!(restarted(&twice).unwrap(), found);
            }
        }
    }
    for once in cut(&Hsm::new().flash, 13, start) {
        for twice in cut(&once, 17, start) {
            assert_eq!(restarted(&twice).unwrap(), State::new());
        }
    }
}

#[test]
fn after_any_cut_the_hsm_saves_again() {
    let (hsm, _) = started(&[state("old")]);
    let (new, newer) = (state("new"), state("newer"));
    for left in cut(&hsm.flash, 5, start_and_save(SAVES[0], &new)) {
        let mut hsm = Hsm::with_flash(left, 4);
        let (_, mut position) = load(&mut hsm).unwrap();
        save(&mut hsm, &mut position, &newer).unwrap();
        assert_eq!(restarted(&hsm.flash).unwrap(), newer);
    }
}

/// The counter decides: once it has moved, the old state never comes back.
#[test]
fn once_the_counter_has_moved_the_new_state_stands() {
    let (before, position) = started(&[state("old")]);
    let new = state("new");
    let mut seen = [0, 0];
    for call in 0..20 {
        for tear in Tear::all(150, 3) {
            let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
            hsm.fault(call, Fault::Cut(tear));
            let saved = save(&mut hsm, &mut position.clone(), &new);
            let moved = hsm.flash.counter > before.flash.counter;
            seen[usize::from(moved)] += 1;
            let found = restarted(&hsm.flash).unwrap();
            if moved {
                assert_eq!(found, new);
            } else {
                assert!(saved.is_err());
            }
        }
    }
    assert!(seen.iter().all(|seen| *seen > 100), "{seen:?}");
}
