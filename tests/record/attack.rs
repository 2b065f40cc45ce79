// SPDX-License-Identifier: MIT OR Apache-2.0
//! Somebody has the flash: he keeps every image that a slot ever held, cuts the power when he likes,
//! and puts any two images back. Neither device key nor counter is his.
//!
//! What must hold: a start gives the state that was seen last, or one that was being saved then, or
//! none at all. A state that was given up for another never comes back.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use security_domain::storage::RecordError;

use super::flash::{Fault, Hsm, Tear};
use super::{SAVES, State, load, save, save_by, started, state};

/// How many of the newest images are tried in each slot.
const KEPT: usize = 7;

/// All starts that the images allow give one of `allowed`, and some give each of `reached`.
fn try_images(hsm: &Hsm, allowed: &[State]) -> Vec<State> {
    let newest = hsm.images.iter().rev();
    let mut images: Vec<&[u8]> = Vec::new();
    for image in newest.map(Vec::as_slice).chain([&[][..], &[0xff; 9]]) {
        if !images.contains(&image) && images.len() < KEPT {
            images.push(image);
        }
    }
    let mut reached = Vec::new();
    for (a, b) in images
        .iter()
        .flat_map(|a| images.iter().map(move |b| (a, b)))
    {
        let mut flash = hsm.flash.clone();
        flash.slots = [Some(a.to_vec()), Some(b.to_vec())];
        if let Ok((found, _)) = load(&mut Hsm::with_flash(flash, 7)) {
            assert!(
                allowed.contains(&found),
                "{:?} came back, only {:?} may",
                String::from_utf8_lossy(&found),
                allowed
                    .iter()
                    .map(|state| String::from_utf8_lossy(state))
                    .collect::<Vec<_>>()
            );
            if !reached.contains(&found) {
                reached.push(found);
            }
        }
    }
    reached
}

fn cut(draws: &mut ChaCha20Rng) -> Fault {
    let at = (draws.next_u32() % 120) as usize;
    Fault::Cut(match draws.next_u32() % 6 {
        0 => Tear::Short(at),
        1 => Tear::Over(at),
        2 => Tear::Unreadable,
        // Whole, and not yet counted: the image that is worth hiding.
        _ => Tear::Short(usize::MAX),
    })
}

#[test]
fn nothing_that_was_given_up_comes_back() {
    let mut draws = ChaCha20Rng::from_seed([0x17; 32]);
    let mut both = 0;
    for run in 0..30u8 {
        let mut hsm = Hsm::new();
        let (mut seen, mut position) = load(&mut hsm).unwrap();
        for step in 0..12 {
            let next = state(&format!("{run} {step}"));
            let mut allowed = vec![seen.clone(), next.clone()];
            if draws.next_u32().is_multiple_of(3) {
                save(&mut hsm, &mut position, &next).unwrap();
                allowed = vec![next.clone()];
                seen = next;
            } else {
                let before = hsm.flash.clone();
                hsm.fault((draws.next_u32() % 8) as usize, cut(&mut draws));
                if save(&mut hsm, &mut position, &next).is_ok() {
                    allowed = vec![next];
                }
                both += usize::from(try_images(&hsm, &allowed).len() == 2);
                hsm.restart();
                // He lets it start with what there is, or hides what was being saved.
                if hsm.flash.counter == before.counter && draws.next_u32().is_multiple_of(2) {
                    hsm.flash = before;
                }
                let (found, at) = load(&mut hsm).unwrap();
                assert!(allowed.contains(&found));
                (seen, position) = (found, at);
                allowed = vec![seen.clone()];
            }
            assert_eq!(try_images(&hsm, &allowed), [seen.clone()]);
        }
    }
    assert!(both > 20, "a cut left the choice {both} times");
}

/// The start itself is cut, at every call, with a record of another state hidden.
#[test]
fn a_hidden_record_is_dead_after_a_start() {
    for hidden_at in 0..8 {
        for start_at in 0..24 {
            let (mut hsm, mut position) = started(&[state("old")]);
            let before = hsm.flash.clone();
            hsm.fault(hidden_at, Fault::Cut(Tear::Short(usize::MAX)));
            let saved = save(&mut hsm, &mut position, &state("hidden"));
            hsm.restart();
            if hsm.flash.counter == before.counter {
                assert!(saved.is_err());
                hsm.flash.slots = before.slots.clone();
            }
            hsm.fault(start_at, Fault::Cut(Tear::Short(usize::MAX)));
            let _ = load(&mut hsm);
            hsm.restart();
            let (found, mut position) = load(&mut hsm).unwrap();
            assert_eq!(try_images(&hsm, std::slice::from_ref(&found)), [found]);
            save(&mut hsm, &mut position, &state("next")).unwrap();
            assert_eq!(try_images(&hsm, &[state("next")]), [state("next")]);
        }
    }
}

/// A save fails while the power stays, and another follows: the first is dead.
#[test]
fn a_failed_save_is_dead_once_another_went_through() {
    for fault in [Fault::Fails, Fault::FailsAfter, Fault::Lies] {
        for call in 0..12 {
            let (mut hsm, mut position) = started(&[state("old")]);
            hsm.fault(call, fault);
            if save(&mut hsm, &mut position, &state("first")).is_ok() {
                assert_eq!(try_images(&hsm, &[state("first")]), [state("first")]);
                continue;
            }
            assert_eq!(
                try_images(&hsm, &[state("old")]),
                [state("old")],
                "{fault:?} at {call}"
            );
            save(&mut hsm, &mut position, &state("second")).unwrap();
            assert_eq!(try_images(&hsm, &[state("second")]), [state("second")]);
        }
    }
}

/// A machine whose memory is set back, and whose flash and counter are not, gives no number twice.
#[test]
fn memory_that_is_set_back_saves_nothing() {
    for save in SAVES {
        let (mut hsm, mut position) = started(&[state("old")]);
        let mut before = position;
        save_by(save, &mut hsm, &mut position, &state("new")).unwrap();
        let flash = hsm.flash.clone();
        let error = save_by(save, &mut hsm, &mut before, &state("other")).unwrap_err();
        assert!(matches!(error, RecordError::RolledBack { .. }), "{error}");
        assert_eq!(hsm.flash, flash);
        assert_eq!(load(&mut hsm).unwrap().0, state("new"));
    }
}

/// A start that could not write takes no record that is not counted, and before anything else is saved the
/// state is moved past it.
#[test]
fn a_state_that_is_read_without_a_write_is_moved_past_a_hidden_one() {
    let (old, hidden, new) = (state("old"), state("hidden"), state("new"));
    let (mut hsm, mut position) = started(std::slice::from_ref(&old));
    let before = hsm.flash.clone();
    hsm.dead.advance = true;
    save(&mut hsm, &mut position, &hidden).unwrap_err();
    // The state was then to be moved past it.
    let next = before.counter + 1;
    let is_next = |image: &&Vec<u8>| image[17..25] == next.to_be_bytes();
    let image = hsm.attempts.iter().find(is_next).unwrap().clone();
    let mut starts = 0;
    for at in [0, 1] {
        let mut hsm = Hsm::with_flash(before.clone(), 5);
        hsm.flash.slots[at] = Some(image.clone());
        hsm.dead.advance = true;
        let Ok((found, mut position)) = load(&mut hsm) else {
            continue;
        };
        starts += 1;
        assert_eq!(found, old);
        hsm.dead.advance = false;
        while save(&mut hsm, &mut position, &new).is_err() {}
        for slot in [0, 1] {
            let mut later = Hsm::with_flash(hsm.flash.clone(), 6);
            later.flash.slots[slot] = Some(image.clone());
            assert_eq!(load(&mut later).unwrap().0, new);
        }
    }
    assert_eq!(starts, 2, "either slot has the old state");
}
