// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two faults, anywhere in a save, in a start, and in the tries that follow.

use security_domain::storage::RecordError;

use super::flash::{Fault, Flash, Hsm, Tear};
use super::numbers::Numbers;
use super::{SAVES, Save, State, load, restarted, save, save_by, started, state};

const FAULTS: [Fault; 4] = [Fault::Fails, Fault::FailsAfter, Fault::Lies, Fault::Strays];

/// An HSM that holds "old", and another one in one slot of which something older lies.
fn flashes() -> [Flash; 2] {
    let (mut hsm, mut position) = started(&[state("older")]);
    let older = hsm.flash.clone();
    save(&mut hsm, &mut position, &state("old")).unwrap();
    let mut mixed = hsm.flash.clone();
    mixed.slots[1] = older.slots[1].clone();
    [hsm.flash, mixed]
}

/// Runs `act` with every two faults; it returns how many calls there were in all.
fn every_pair(second: &[Fault], mut act: impl FnMut(&[(usize, Fault)]) -> usize) -> usize {
    let (none, mut runs) = (act(&[]), 0);
    for one in 0..none {
        for first in FAULTS {
            let calls = act(&[(one, first)]);
            for other in one + 1..calls {
                for second in second {
                    act(&[(one, first), (other, *second)]);
                    runs += 1;
                }
            }
        }
    }
    runs
}

/// The tries that a save takes at most once no fault is left: one that settles, one that saves.
const TRIES: usize = 2;

#[test]
fn after_any_two_faults_in_a_save_the_hsm_saves_again() {
    let mut numbers = Numbers::default();
    let mut failed = 0;
    for (flash, by) in flashes().into_iter().zip(SAVES) {
        let runs = every_pair(&FAULTS, |faults| {
            let mut hsm = Hsm::with_flash(flash.clone(), 3);
            let (_, mut position) = load(&mut hsm).unwrap();
            let before = hsm.calls();
            for (call, fault) in faults {
                hsm.fault(*call, *fault);
            }
            let saved = save_by(by, &mut hsm, &mut position, &state("new"));
            let found = restarted(&hsm.flash);
            match saved {
                Ok(()) | Err(RecordError::NotErased) => {
                    assert_eq!(found, Ok(state("new")), "{faults:?}");
                }
                Err(_) => {
                    failed += 1;
                    assert!(
                        [Ok(state("old")), Ok(state("new"))].contains(&found),
                        "{faults:?}: {found:?}"
                    );
                }
            }
            let retried = retry(&mut hsm, &mut position, faults.len());
            assert!(retried, "{faults:?}: it never saves again");
            assert_eq!(restarted(&hsm.flash), Ok(state("next")), "{faults:?}");
            numbers.check(&hsm);
            hsm.calls() - before
        });
        assert!(runs > 1000, "{runs}");
    }
    assert!(failed > 1000, "{failed}");
}

/// Each fault may cost one more try.
fn retry(
    hsm: &mut Hsm,
    position: &mut security_domain::hazmat::record::Position,
    faults: usize,
) -> bool {
    (0..TRIES + faults).any(|_| {
        let saved = save(hsm, position, &state("next"));
        let found = restarted(&hsm.flash);
        assert!(found.is_ok(), "{saved:?} leaves no state: {found:?}");
        saved.is_ok()
    })
}

#[test]
fn two_faults_in_a_start_leave_the_state() {
    let mut numbers = Numbers::default();
    for flash in flashes() {
        every_pair(&FAULTS, |faults| {
            let mut hsm = Hsm::with_flash(flash.clone(), 3);
            for (call, fault) in faults {
                hsm.fault(*call, *fault);
            }
            match load(&mut hsm) {
                Ok((found, mut position)) => {
                    assert_eq!(found, state("old"), "{faults:?}");
                    let retried = retry(&mut hsm, &mut position, faults.len());
                    assert!(retried, "{faults:?}: it never saves");
                    assert_eq!(restarted(&hsm.flash), Ok(state("next")), "{faults:?}");
                }
                Err(_) => assert_eq!(restarted(&hsm.flash), Ok(state("old")), "{faults:?}"),
            }
            numbers.check(&hsm);
            hsm.calls()
        });
    }
}

/// The power fails after a fault, in the call or in what is done about it: what stands is not
/// overwritten.
#[test]
fn power_that_fails_after_a_fault_leaves_the_old_state_or_the_new_one() {
    let cuts = [0, 40, usize::MAX].map(|at| Fault::Cut(Tear::Short(at)));
    let mut numbers = Numbers::default();
    let mut found_new = 0;
    for flash in flashes() {
        every_pair(&cuts, |faults| {
            let mut hsm = Hsm::with_flash(flash.clone(), 3);
            let (_, mut position) = load(&mut hsm).unwrap();
            let before = hsm.calls();
            for (call, fault) in faults {
                hsm.fault(*call, *fault);
            }
            let mut saved = false;
            for _ in 0..3 {
                saved |= save(&mut hsm, &mut position, &state("new")).is_ok();
            }
            let calls = hsm.calls() - before;
            hsm.restart();
            let found = load(&mut hsm).map(|(found, _)| found);
            let allowed: &[State] = match saved {
                true => &[state("new")],
                false => &[state("old"), state("new")],
            };
            assert!(
                found.as_ref().is_ok_and(|found| allowed.contains(found)),
                "{faults:?}: {found:?}"
            );
            found_new += usize::from(found == Ok(state("new")) && !saved);
            numbers.check(&hsm);
            calls
        });
    }
    assert!(found_new > 10, "{found_new}");
}

/// A save that saves "first" and fails; then one of "second".
#[test]
fn no_number_is_given_to_two_states() {
    let mut numbers = Numbers::default();
    let [flash, _] = flashes();
    let mut given = 0;
    for fault in FAULTS {
        for call in 0..40 {
            for by in [SAVES[0], SAVES[1]] as [Save<Hsm>; 2] {
                let mut hsm = Hsm::with_flash(flash.clone(), 3);
                let (_, mut position) = load(&mut hsm).unwrap();
                hsm.fault(call, fault);
                let _ = save_by(by, &mut hsm, &mut position, &state("first"));
                for name in ["second", "third", "third", "fourth"] {
                    let _ = save_by(by, &mut hsm, &mut position, &state(name));
                }
                given = given.max(numbers.check(&hsm));
            }
        }
    }
    assert!(given >= 5, "{given}");
}
