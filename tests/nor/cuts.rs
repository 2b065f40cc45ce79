// SPDX-License-Identifier: MIT OR Apache-2.0
//! The power fails in any erase and in any word written, of any step.

use security_domain::lifecycle::{LifecycleError, Vault};
use security_domain::self_test;
use security_domain::storage::{NorSlots, RecordError};

use crate::board::{Board, Chip, ROOM, start};
use crate::double::TEARS;
use crate::steps::scenes;

/// How many words apart the power fails in a slow step.
const STRIDE: usize = 37;

#[test]
fn a_cut_anywhere_in_a_step_leaves_the_state_before_or_after() {
    let mut cuts = 0;
    for scene in scenes() {
        let name = scene.step.name;
        let [before, after] = scene.seen;
        let mut found = [0, 0];
        let stride = if scene.step.is_slow { STRIDE } else { 1 };
        for operation in (0..scene.operations).step_by(stride) {
            for tear in TEARS {
                let (mut chip, mut world) = (scene.before.clone(), scene.world.clone());
                chip.cut(operation, tear);
                let _ = scene.step.run(&mut world, &mut chip);
                assert!(chip.is_off, "{name}: {operation} {tear:?}");
                cuts += 1;
                let seen = match start(&mut chip, 8) {
                    // Both slots are erased before the empty state is written.
                    Err(LifecycleError::Record(
                        RecordError::Missing { .. } | RecordError::Damaged | RecordError::Flash,
                    )) if scene.step.ends => {
                        discard(&mut chip);
                        after
                    }
                    seen => seen.unwrap(),
                };
                found[usize::from(seen == after)] += 1;
                assert!(
                    seen == before || seen == after,
                    "{name}: {operation} {tear:?}"
                );
                // It stays so, and the HSM writes again.
                assert_eq!(start(&mut chip, 9).unwrap(), seen);
            }
        }
        let changes = before != after;
        assert!(
            found[1] > 0 && (found[0] > 0) == changes,
            "{name}: {found:?}"
        );
    }
    assert!(cuts > 5000, "{cuts}");
}

/// The power fails again in the start that follows.
#[test]
fn a_second_cut_in_the_next_start_changes_nothing() {
    let scenes = scenes();
    let scene = scenes.iter().find(|scene| scene.step.name == "activate");
    let scene = scene.unwrap();
    let mut seen = [0, 0];
    for operation in (0..scene.operations).step_by(19) {
        for tear in TEARS {
            let mut once = scene.before.clone();
            once.cut(operation, tear);
            let _ = scene.step.run(&mut scene.world.clone(), &mut once);
            once.switch_on();
            let state = start(&mut once.clone(), 8).unwrap();
            for again in (0..).step_by(23) {
                let mut twice = once.clone();
                twice.cut(again, tear);
                let mut board = Board::new(&mut twice, 8);
                let mut vault = Vault::<ROOM>::new();
                let _ = vault.start(self_test::run().unwrap(), &mut board);
                if !twice.is_off {
                    break;
                }
                assert_eq!(
                    start(&mut twice, 9).unwrap(),
                    state,
                    "{operation} {again} {tear:?}"
                );
                seen[usize::from(state == scene.seen[1])] += 1;
            }
        }
    }
    assert!(seen.iter().all(|seen| *seen > 20), "{seen:?}");
}

/// Of what a slot held, nothing is left after a step that ends it, nor after one that changes it.
#[test]
fn nothing_is_left_of_the_state_before() {
    let words = |chip: &Chip| -> Vec<[u8; 16]> {
        let len = NorSlots::<Chip>::partition_len(ROOM).unwrap();
        let slots = chip.bytes[..len].chunks(len / 2);
        // The head, and a record's version and most of the HSM's name, stay as they are.
        let words = slots.flat_map(|slot| slot.chunks(16).skip(2));
        let words = words.map(|word| word.try_into().unwrap());
        words.filter(|word| *word != [0xff; 16]).collect()
    };
    for scene in scenes() {
        let after = words(&scene.after);
        let kept = words(&scene.before).iter().any(|word| after.contains(word));
        assert!(!kept && !after.is_empty(), "{}", scene.step.name);
    }
}

fn discard(chip: &mut Chip) {
    let mut board = Board::new(chip, 8);
    Vault::<ROOM>::new().discard(&mut board).unwrap();
}
