// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a copy of the flash tells, and which keys are used.

use std::collections::HashSet;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::flash::{Fault, Hsm};
use super::{load, save, started, state};

#[test]
fn no_image_shows_the_state() {
    let (mut hsm, mut position) = started(&[]);
    let state = state("x");
    save(&mut hsm, &mut position, &state).unwrap();
    load(&mut hsm).unwrap();
    assert!(hsm.images.len() > 4);
    for image in &hsm.images {
        for part in state.windows(6) {
            assert!(!image.windows(6).any(|window| window == part));
        }
    }
}

/// The salts of all records; the head is 57 bytes, and the salt its last 32.
fn salts(hsm: &Hsm) -> HashSet<Vec<u8>> {
    let whole = hsm.images.iter().filter(|image| image.len() > 57);
    whole.map(|image| image[25..57].to_vec()).collect()
}

#[test]
fn every_attempt_has_a_salt_of_its_own() {
    let (mut hsm, mut position) = started(&[]);
    for _ in 0..20 {
        let before = salts(&hsm).len();
        // The first three calls read the counter.
        hsm.fault(3, Fault::FailsAfter);
        save(&mut hsm, &mut position, &state("the same")).unwrap_err();
        // The attempt, and the old state put past it.
        assert_eq!(salts(&hsm).len(), before + 2);
        save(&mut hsm, &mut position, &state("the same")).unwrap();
        assert_eq!(salts(&hsm).len(), before + 3);
    }
}

/// A machine that is restored from a snapshot: same flash, same counter, same draws, another state.
#[test]
fn a_generator_that_repeats_itself_repeats_no_key() {
    let (before, position) = started(&[]);
    let mut seen = HashSet::new();
    for name in ["a", "b", "c", "a"] {
        let mut hsm = Hsm::with_flash(before.flash.clone(), 5);
        hsm.rng = ChaCha20Rng::from_seed([5; 32]);
        save(&mut hsm, &mut position.clone(), &state(name)).unwrap();
        seen.extend(salts(&hsm));
    }
    assert_eq!(seen.len(), 3, "only the same state had the same salt again");
}
