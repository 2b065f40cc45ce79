// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pages wear out, bits change, and reads fail, while the power stays.

use security_domain::lifecycle::{LifecycleError, Stage};
use security_domain::storage::{NorSlots, RecordError};

use crate::board::{Chip, ROOM, start};
use crate::double::WEARS;
use crate::steps::scenes;

/// A changed bit in either slot, or in the counter, costs one copy of what it is in.
#[test]
fn one_changed_bit_loses_no_state() {
    let scenes = scenes();
    let active = scenes.iter().find(|scene| scene.step.name == "activate");
    let active = active.unwrap();
    for bit in (0..active.after.bytes.len() * 8).step_by(29) {
        let mut chip = active.after.clone();
        chip.flip(bit);
        assert_eq!(start(&mut chip, 8).unwrap(), active.seen[1], "bit {bit}");
    }
}

/// Whichever page wears out, a step leaves the state before or the one after, and one that ends says what may be left.
#[test]
fn a_worn_page_loses_no_state() {
    let slot_pages = NorSlots::<Chip>::partition_len(ROOM).unwrap() / 512;
    let mut outcomes = [0, 0];
    for scene in scenes() {
        let [before, after] = scene.seen;
        if scene.step.is_slow {
            continue;
        }
        for (page, wear) in (0..scene.before.worn.len()).flat_map(|page| WEARS.map(|w| (page, w))) {
            let (mut chip, mut world) = (scene.before.clone(), scene.world.clone());
            chip.worn[page] = Some(wear);
            let result = scene.step.run(&mut world, &mut chip);
            outcomes[usize::from(result.is_ok())] += 1;
            let what = format!("{}: page {page} {wear:?} {result:?}", scene.step.name);
            // The page is replaced, as by a chip with the same contents, so that it starts.
            chip.worn[page] = None;
            match start(&mut chip, 8) {
                Ok(seen) if result.is_ok() => assert_eq!(seen, after, "{what}"),
                Ok(seen) => assert!(seen == before || seen == after, "{what}"),
                Err(_) => assert!(scene.step.ends && result.is_err(), "{what}"),
            }
            if scene.step.ends && page < slot_pages && result.is_ok() {
                assert_eq!(after.status.stage, Stage::Empty);
            }
        }
    }
    assert!(outcomes.iter().all(|count| *count > 20), "{outcomes:?}");
}

/// A chip that was put back as it was, counter and all, is taken for the newest: the status says that this is so.
#[test]
fn an_old_image_with_its_counter_is_accepted_and_the_status_says_so() {
    let scenes = scenes();
    let zeroize = scenes.iter().find(|scene| scene.step.ends).unwrap();
    let seen = start(&mut zeroize.before.clone(), 8).unwrap();
    assert_eq!(seen, zeroize.seen[0]);
    assert!(!seen.status.counter_is_hardware);
    // Slots alone are not.
    let slots = NorSlots::<Chip>::partition_len(ROOM).unwrap();
    let mut mixed = zeroize.after.clone();
    mixed.bytes[..slots].copy_from_slice(&zeroize.before.bytes[..slots]);
    let refused = start(&mut mixed, 8).unwrap_err();
    assert!(
        matches!(
            refused,
            LifecycleError::Record(RecordError::RolledBack { .. })
        ),
        "{refused}"
    );
}
