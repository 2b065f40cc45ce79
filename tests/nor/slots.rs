// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two slots, on flash of many sizes.

use embedded_storage::nor_flash::NorFlash;
use security_domain::storage::{FlashError, NorSlots, Slot};

use crate::board::{Chip, ROOM, start};
use crate::double::{Nor, TEARS, Tear};
use crate::steps::scenes;

const LONGEST: usize = 700;

fn record(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Runs a test on flash of these sizes.
macro_rules! on_chips {
    ($test:ident: $([$read:literal, $write:literal, $erase:literal],)*) => {
        $({
            type Sized = Nor<$read, $write, $erase>;
            $test(Sized::new(NorSlots::<Sized>::partition_len(LONGEST).unwrap()));
        })*
    };
}

#[test]
fn a_record_of_any_length_is_read_back() {
    fn check<F: NorFlash>(mut flash: F) {
        let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
        let mut out = [0xaa; LONGEST];
        for len in (1..=LONGEST).step_by(33).chain([8, 9, 512, 513, LONGEST]) {
            for slot in [Slot::A, Slot::B] {
                slots.write(slot, &record(len)).unwrap();
                assert_eq!(slots.read(slot, &mut out), Ok(len));
                assert_eq!(out[..len], record(len));
            }
            slots.erase(Slot::A).unwrap();
            assert_eq!(slots.read(Slot::A, &mut out), Ok(0));
            assert_eq!(
                slots.read(Slot::B, &mut out),
                Ok(len),
                "the other slot stays"
            );
        }
    }
    on_chips!(check:
        [1, 1, 4096], [1, 4, 2048], [4, 4, 128], [1, 8, 2048], [4, 16, 8192], [32, 32, 8192], [1, 256, 4096],
        [256, 4, 1024], [1, 512, 512], [512, 512, 1536],
    );
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut flash =
        Nor::<1, 4, 512>::new(NorSlots::<Nor<1, 4, 512>>::partition_len(LONGEST).unwrap());
    let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
    slots.write(Slot::A, &record(9)).unwrap();
    assert_eq!(slots.write(Slot::A, &record(LONGEST + 1)), Err(FlashError));
    assert_eq!(slots.write(Slot::A, &[]), Err(FlashError));
    let mut out = [0; 9];
    assert_eq!(slots.read(Slot::A, &mut out[..8]), Err(FlashError));
    assert_eq!(slots.read(Slot::A, &mut out), Ok(9));
}

/// A slot is blank only if all of it is: an erase that was cut off, or that leaves one bit, does not count.
#[test]
fn no_slot_is_blank_that_holds_a_bit() {
    type Small = Nor<1, 4, 128>;
    let mut flash = Small::new(NorSlots::<Small>::partition_len(LONGEST).unwrap());
    let mut out = [0; LONGEST];
    let mut bare = NorSlots::new(&mut flash, LONGEST).unwrap();
    bare.write(Slot::B, &record(LONGEST)).unwrap();
    let pages = flash.bytes.len() / 2 / 128;
    for page in 0..pages {
        for tear in TEARS {
            let mut flash = flash.clone();
            flash.cut(page, tear);
            let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
            assert_eq!(slots.erase(Slot::B), Err(FlashError));
            flash.switch_on();
            let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
            let read = slots.read(Slot::B, &mut out);
            let erased = page + 1 == pages && matches!(tear, Tear::Weak | Tear::After);
            let whole = page == 0 && matches!(tear, Tear::Before);
            // The last page holds nothing but the record's end and blank flash.
            match read {
                Ok(0) => assert!(erased),
                Ok(len) => assert!(whole && out[..len] == record(LONGEST)),
                Err(FlashError) => assert!(!erased && !whole, "{page} {tear:?}"),
            }
        }
    }
    for bit in (0..flash.bytes.len() / 2 * 8).step_by(7) {
        let mut flash = flash.clone();
        flash.flip(bit);
        let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
        assert_eq!(slots.read(Slot::A, &mut out), Err(FlashError));
    }
}

/// A slot whose writing was cut off holds no record, until its head is there.
#[test]
fn no_part_of_a_record_is_read() {
    type Small = Nor<1, 4, 128>;
    let mut out = [0; LONGEST];
    let flash = Small::new(NorSlots::<Small>::partition_len(LONGEST).unwrap());
    let mut whole = flash.clone();
    let mut slots = NorSlots::new(&mut whole, LONGEST).unwrap();
    slots.write(Slot::A, &record(100)).unwrap();
    let pages = flash.bytes.len() / 2 / 128;
    let (operations, head) = (whole.operations, 2);
    for operation in pages..operations {
        for tear in TEARS {
            let mut flash = flash.clone();
            flash.cut(operation, tear);
            let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
            assert_eq!(slots.write(Slot::A, &record(100)), Err(FlashError));
            flash.switch_on();
            let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
            match slots.read(Slot::A, &mut out) {
                Ok(0) => assert!(operation == pages && matches!(tear, Tear::Before)),
                Ok(len) => {
                    assert!(len == 100 && out[..100] == record(100));
                    assert!(operation >= operations - head);
                }
                Err(FlashError) => {}
            }
        }
    }
}

/// No bit of a head can change a length for another.
#[test]
fn a_changed_head_is_no_head() {
    type Small = Nor<1, 4, 128>;
    let mut flash = Small::new(NorSlots::<Small>::partition_len(LONGEST).unwrap());
    let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
    slots.write(Slot::A, &record(100)).unwrap();
    for bit in 0..64 {
        let mut flash = flash.clone();
        flash.flip(bit);
        let mut slots = NorSlots::new(&mut flash, LONGEST).unwrap();
        assert_eq!(slots.read(Slot::A, &mut [0; LONGEST]), Err(FlashError));
    }
}

/// Nor is one that was written behind a slot that is shorter.
#[test]
fn a_length_beyond_the_longest_is_no_length() {
    type Small = Nor<1, 4, 128>;
    let mut flash = Small::new(4096);
    let mut slots = NorSlots::new(&mut flash, 1000).unwrap();
    slots.write(Slot::A, &record(1000)).unwrap();
    let mut slots = NorSlots::new(&mut flash, 999).unwrap();
    assert_eq!(slots.read(Slot::A, &mut [0; 1000]), Err(FlashError));
}

/// What a step costs the flash: an erase of each slot for each state that it saves, and one for the start.
#[test]
fn each_slot_is_erased_once_for_each_state() {
    for scene in scenes() {
        let mut started = scene.before.clone();
        start(&mut started, 8).unwrap();
        let slots = NorSlots::<Chip>::partition_len(ROOM).unwrap();
        let pages = slots / 512;
        for page in 0..pages {
            let [before, start, after] =
                [&scene.before, &started, &scene.after].map(|chip| chip.erases[page]);
            assert_eq!(start - before, 1, "{}: a start", scene.step.name);
            assert_eq!(after - start, scene.step.saves, "{}", scene.step.name);
        }
        // The counter's pages are spared.
        let counter = scene.after.erases[pages..].iter().sum::<usize>();
        assert!(counter < scene.after.erases[0], "{counter}");
    }
}
