// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest on a simulated flash.
#![cfg(all(feature = "sealed-domain", feature = "hazmat"))]

#[path = "../flash/mod.rs"]
mod flash;
#[path = "../known_answer/mod.rs"]
mod known_answer;

mod attack;
mod counter;
mod device_key;
mod faults;
mod numbers;
mod pairs;
mod power;
mod refusals;
mod secrets;
mod vectors;

use flash::{Flash, Hsm};
use security_domain::hazmat::record::{self, Loaded, OVERHEAD, Position};
use security_domain::sealed_domain::InstanceId;
use security_domain::storage::RecordError;

const INSTANCE: InstanceId = InstanceId::from_bytes(*b"an hsm's 16 byte");

/// The contents of a state are its name; a state of no bytes is that of a blank HSM.
type State = Vec<u8>;

fn state(name: &str) -> State {
    format!("the state that is called {name}").into()
}

/// A buffer that holds any state here.
const ROOM: usize = 64 + OVERHEAD;

fn load(hsm: &mut Hsm) -> Result<(State, Position), RecordError> {
    let mut buffer = [0xaa; ROOM];
    match record::load(hsm, &mut buffer) {
        Ok(Loaded::Blank { position }) => {
            assert_eq!(buffer, [0; ROOM]);
            Ok((State::new(), position))
        }
        Ok(Loaded::Contents {
            len,
            instance,
            position,
        }) => {
            assert_eq!(instance, INSTANCE);
            assert!(len > 0 && buffer[len..].iter().all(|byte| *byte == 0));
            Ok((buffer[..len].to_vec(), position))
        }
        Err(error) => {
            assert_eq!(buffer, [0; ROOM], "wiped after {error}");
            Err(error)
        }
    }
}

type Save<H> = fn(&mut H, InstanceId, &mut Position, &mut [u8], usize) -> Result<(), RecordError>;

const SAVES: [Save<Hsm>; 2] = [record::save, record::save_and_erase];

fn save_by(
    save: Save<Hsm>,
    hsm: &mut Hsm,
    position: &mut Position,
    state: &[u8],
) -> Result<(), RecordError> {
    let mut buffer = [0xaa; ROOM];
    buffer[..state.len()].copy_from_slice(state);
    let saved = save(hsm, INSTANCE, position, &mut buffer, state.len());
    assert_eq!(buffer, [0; ROOM], "wiped after {saved:?}");
    saved
}

fn save(hsm: &mut Hsm, position: &mut Position, state: &[u8]) -> Result<(), RecordError> {
    save_by(record::save, hsm, position, state)
}

/// An HSM that was started, and holds `states`, one saved after the other.
fn started(states: &[State]) -> (Hsm, Position) {
    let mut hsm = Hsm::new();
    let (_, mut position) = load(&mut hsm).unwrap();
    for state in states {
        save(&mut hsm, &mut position, state).unwrap();
    }
    (hsm, position)
}

/// What an HSM with this flash starts with.
fn restarted(flash: &Flash) -> Result<State, RecordError> {
    load(&mut Hsm::with_flash(flash.clone(), 1)).map(|(state, _)| state)
}

#[test]
fn what_was_saved_last_is_loaded() {
    let states: Vec<State> = ["a", "b", "a longer one", "c"].map(state).into();
    for count in 0..=states.len() {
        let (mut hsm, _) = started(&states[..count]);
        let want = states[..count].last().cloned().unwrap_or_default();
        for _ in 0..3 {
            hsm.restart();
            assert_eq!(load(&mut hsm).unwrap().0, want);
        }
    }
}

#[test]
fn numbers_go_up_by_two_at_a_start_and_by_one_at_a_save() {
    let (mut hsm, mut position) = started(&[]);
    assert_eq!(hsm.flash.counter, 2);
    save(&mut hsm, &mut position, &state("a")).unwrap();
    assert_eq!(hsm.flash.counter, 3);
    load(&mut hsm).unwrap();
    assert_eq!(hsm.flash.counter, 5);
}

#[test]
fn an_empty_state_makes_the_hsm_blank_again() {
    let (mut hsm, mut position) = started(&[state("a")]);
    save_by(record::save_and_erase, &mut hsm, &mut position, &[]).unwrap();
    assert_eq!(load(&mut hsm).unwrap().0, State::new());
    assert!(hsm.flash.counter > 2);
}

#[test]
fn both_slots_hold_the_newest_state_and_nothing_older() {
    for save in SAVES {
        let (mut hsm, mut position) = started(&[state("a")]);
        save_by(save, &mut hsm, &mut position, &state("b")).unwrap();
        let [a, b] = &hsm.flash.slots;
        assert!(a.is_some() && a == b);
    }
}

#[test]
fn a_counter_that_ran_ahead_is_never_set_back() {
    for counter in [5, 1000, u64::MAX] {
        let (mut hsm, mut position) = started(&[]);
        hsm.flash.counter = counter;
        let saved = save(&mut hsm, &mut position, &state("a"));
        assert_eq!(saved, Err(RecordError::RolledBack { have: 2, counter }));
        assert_eq!(hsm.flash.counter, counter);
        let refused = load(&mut hsm).unwrap_err();
        assert!(matches!(
            refused,
            RecordError::RolledBack { have: 2..5, .. }
        ));
    }
}
