// SPDX-License-Identifier: MIT OR Apache-2.0
//! The counter in two pages.

use security_domain::storage::{Flash, FlashError, NorSlots, NorStorage};

use crate::double::{Nor, TEARS, WEARS, Wear};

/// Eight cells a page: 4 words a copy, 2 copies a cell.
type Chip = Nor<1, 4, 256>;
const LONGEST: usize = 100;
const CELLS: u64 = 8;

fn chip() -> Chip {
    Chip::new(NorStorage::<Chip>::partition_len(LONGEST).unwrap())
}

/// Where the pages begin.
fn pages() -> usize {
    NorSlots::<Chip>::partition_len(LONGEST).unwrap()
}

fn value(chip: &mut Chip) -> Result<u64, FlashError> {
    NorStorage::new(chip, LONGEST).unwrap().counter()
}

fn advance(chip: &mut Chip, to: u64) -> Result<(), FlashError> {
    NorStorage::new(chip, LONGEST).unwrap().advance(to)
}

/// A counter that has this value, after this many steps.
fn at(steps: u64) -> Chip {
    let mut chip = chip();
    for step in 1..=steps {
        advance(&mut chip, 3 * step).unwrap();
    }
    chip
}

#[test]
fn it_goes_up_only_through_many_turns_of_the_pages() {
    let mut chip = chip();
    assert_eq!(value(&mut chip), Ok(0));
    let mut now = 0;
    for step in 1..1000 {
        let to = now + 1 + step % 5 * 1_000_000_007;
        advance(&mut chip, to).unwrap();
        for low in [to, to - 1, now, 0] {
            assert_eq!(advance(&mut chip, low), Err(FlashError));
        }
        assert_eq!(value(&mut chip), Ok(to));
        now = to;
    }
    advance(&mut chip, u64::MAX).unwrap();
    assert_eq!(value(&mut chip), Ok(u64::MAX));
    let page = pages() / 256;
    assert_eq!(
        chip.erases[page] + chip.erases[page + 1],
        1000 / CELLS as usize - 1
    );
}

#[test]
fn a_cut_anywhere_leaves_the_value_before_or_after() {
    let mut seen = [0, 0];
    for steps in 0..3 * CELLS {
        let before = at(steps);
        let (old, new) = (3 * steps, 3 * steps + 2);
        for operation in 0.. {
            let mut was_cut = false;
            for tear in TEARS {
                let mut chip = before.clone();
                chip.cut(operation, tear);
                let advanced = advance(&mut chip, new);
                was_cut = chip.is_off;
                chip.switch_on();
                let found = value(&mut chip).unwrap();
                assert!(found == new || found == old && advanced.is_err());
                seen[usize::from(found == new)] += 1;
                // It goes on from there, even if the power fails there again.
                let mut again = chip.clone();
                again.cut(operation, tear);
                let _ = advance(&mut again, new + 1);
                again.switch_on();
                assert!([found, new + 1].contains(&value(&mut again).unwrap()));
                for chip in [&mut chip, &mut again] {
                    for more in 2..4 * CELLS {
                        advance(chip, new + more).unwrap();
                        assert_eq!(value(chip), Ok(new + more));
                    }
                }
            }
            if !was_cut {
                break;
            }
        }
    }
    assert!(seen.iter().all(|seen| *seen > 100), "{seen:?}");
}

#[test]
fn one_changed_bit_anywhere_changes_no_value() {
    for steps in 0..2 * CELLS + 3 {
        let before = at(steps);
        for bit in pages() * 8..before.bytes.len() * 8 {
            let mut chip = before.clone();
            chip.flip(bit);
            assert_eq!(value(&mut chip), Ok(3 * steps), "bit {bit}");
            // Once: thorough for a few bits.
            if bit % 61 == 0 {
                for more in 1..2 * CELLS {
                    advance(&mut chip, 3 * steps + more).unwrap();
                    assert_eq!(value(&mut chip), Ok(3 * steps + more), "bit {bit}");
                }
            }
        }
    }
}

/// A counter of which nothing is left is not at 0.
#[test]
fn lost_pages_are_no_blank_ones() {
    let mut chip = at(5);
    chip.bytes[pages()..].fill(0);
    assert_eq!(value(&mut chip), Err(FlashError));
    assert_eq!(advance(&mut chip, 99), Err(FlashError));
    let mut chip = at(5);
    chip.bytes[pages()..].fill(0x55);
    assert_eq!(value(&mut chip), Err(FlashError));
    let mut chip = at(5);
    chip.is_off = true;
    assert_eq!(value(&mut chip), Err(FlashError));
}

/// A read that fails is repeated, and then the other copy is read.
#[test]
fn reads_that_fail_twice_change_nothing() {
    let before = at(CELLS + 2);
    for read in 0..4 * CELLS as usize {
        let mut chip = before.clone();
        chip.reads = Some((read, 2));
        assert_eq!(value(&mut chip), Ok(3 * (CELLS + 2)));
        assert_eq!(chip.reads, Some((0, 0)), "they failed");
    }
}

/// The value stays, whatever a worn page does; on the other page it still advances as far as that has cells.
#[test]
fn a_worn_page_does_not_take_the_value() {
    let page = pages() / 256;
    for wear in WEARS {
        for steps in [0, 3, CELLS, CELLS + 3, 2 * CELLS] {
            for worn in [page, page + 1] {
                let mut chip = at(steps);
                chip.worn[worn] = Some(wear);
                let mut now = 3 * steps;
                let mut advanced = 0;
                for to in (now + 1..).take(3 * CELLS as usize) {
                    if advance(&mut chip, to).is_ok() {
                        now = to;
                        advanced += 1;
                    }
                    let found = value(&mut chip).unwrap();
                    assert!(found == now || found == to, "{wear:?}");
                    now = found;
                }
                let most = match wear {
                    Wear::Fails | Wear::KeepsBits => 2 * CELLS,
                    Wear::LosesBits => 3 * CELLS,
                };
                assert!(
                    advanced <= most && (steps != 3 || advanced > 0),
                    "{wear:?} {advanced}"
                );
            }
        }
    }
}

#[test]
fn a_bad_word_costs_its_cell_alone() {
    for word in pages() / 4..chip().bytes.len() / 4 {
        let mut chip = chip();
        chip.bad_word = Some(word);
        for to in 1..6 * CELLS {
            advance(&mut chip, to).unwrap();
            assert_eq!(value(&mut chip), Ok(to));
        }
    }
}
