// SPDX-License-Identifier: MIT OR Apache-2.0
//! Old images, hidden slots, damage: each is told apart and refused.

use security_domain::storage::RecordError;

use super::flash::{Flash, Hsm};
use super::{State, load, restarted, save, started, state};

/// The flash after each of three saves.
fn history() -> [Flash; 3] {
    let (mut hsm, mut position) = started(&[]);
    ["a", "b", "c"].map(|name| {
        save(&mut hsm, &mut position, &state(name)).unwrap();
        hsm.flash.clone()
    })
}

fn flash(a: &[u8], b: &[u8], counter: u64) -> Flash {
    Flash {
        slots: [Some(a.to_vec()), Some(b.to_vec())],
        counter,
    }
}

fn image(flash: &Flash) -> &[u8] {
    flash.slots[0].as_ref().unwrap()
}

#[test]
fn an_old_image_is_rolled_back_whatever_the_newer_slot_looks_like() {
    let [a, b, c] = history();
    let (counter, newer) = (c.counter, image(&c));
    let mut torn = newer.to_vec();
    torn[20] ^= 1;
    let rest: [&[u8]; 6] = [&[], &[0xff; 80], &torn, &newer[..9], image(&a), &[2; 200]];
    for rest in rest {
        for (old, have) in [(&a, a.counter), (&b, b.counter)] {
            for (one, two) in [(image(old), rest), (rest, image(old))] {
                let refused = restarted(&flash(one, two, counter));
                assert_eq!(refused, Err(RecordError::RolledBack { have, counter }));
            }
        }
    }
    let rolled_back = RecordError::RolledBack {
        have: b.counter,
        counter,
    };
    assert_eq!(
        restarted(&flash(image(&a), image(&b), counter)),
        Err(rolled_back)
    );
}

#[test]
fn one_good_slot_of_two_is_enough() {
    let [.., b, c] = history();
    let rest: [&[u8]; 4] = [&[], &[0xff; 80], image(&b), &image(&c)[..9]];
    for rest in rest {
        for (one, two) in [(image(&c), rest), (rest, image(&c))] {
            assert_eq!(restarted(&flash(one, two, c.counter)).unwrap(), state("c"));
        }
    }
    let unreadable = Flash {
        slots: [None, Some(image(&c).to_vec())],
        ..c
    };
    assert_eq!(restarted(&unreadable).unwrap(), state("c"));
}

#[test]
fn a_counter_that_went_back_is_no_blank_hsm() {
    let [a, .., c] = history();
    for counter in 0..c.counter - 1 {
        let refused = restarted(&flash(image(&c), &[], counter));
        let have = c.counter;
        assert_eq!(refused, Err(RecordError::CounterBehind { have, counter }));
    }
    // Written and not yet counted; that is no step back.
    let one_less = flash(image(&c), image(&a), c.counter - 1);
    assert_eq!(restarted(&one_less).unwrap(), state("c"));
}

#[test]
fn both_slots_hidden_is_no_blank_hsm() {
    let [.., c] = history();
    let counter = c.counter;
    assert_eq!(
        restarted(&flash(&[], &[], counter)),
        Err(RecordError::Missing { counter })
    );
    assert_eq!(
        restarted(&flash(&[1; 90], &[], counter)),
        Err(RecordError::Damaged)
    );
    assert_eq!(
        restarted(&flash(&[1; 9], &[1; 9], 0)),
        Err(RecordError::Damaged)
    );
    assert_eq!(
        restarted(&flash(&[], &[1; 9], 0)),
        Err(RecordError::Damaged)
    );
    let unreadable = Flash {
        slots: [None, None],
        counter,
    };
    assert_eq!(restarted(&unreadable), Err(RecordError::Flash));
}

#[test]
fn a_newer_version_is_named() {
    let [.., c] = history();
    let mut newer = image(&c).to_vec();
    newer[0] = 2;
    let refused = RecordError::UnknownVersion(2);
    assert_eq!(restarted(&flash(&newer, &newer, c.counter)), Err(refused));
    assert_eq!(restarted(&flash(&[], &newer, c.counter)), Err(refused));
    assert_eq!(refused.to_string(), "record version 2 is unknown");
}

#[test]
fn another_devices_record_does_not_open() {
    let [.., c] = history();
    let mut hsm = Hsm::with_flash(c, 1);
    hsm.set_device_key(0x4e);
    assert_eq!(load(&mut hsm).unwrap_err(), RecordError::Damaged);
}

#[test]
fn every_bit_of_a_record_is_under_its_key() {
    let [.., c] = history();
    let good = image(&c);
    for bit in 0..good.len() * 8 {
        let mut bad = good.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        let refused = restarted(&flash(&bad, &[], c.counter)).unwrap_err();
        match refused {
            RecordError::UnknownVersion(_) => assert!(bit < 8),
            refused => assert_eq!(refused, RecordError::Damaged, "bit {bit}"),
        }
    }
    for len in 1..good.len() {
        let refused = restarted(&flash(&good[..len], &[], c.counter));
        assert_eq!(refused, Err(RecordError::Damaged), "{len} bytes");
    }
    let longer = [good, &[0]].concat();
    assert_eq!(
        restarted(&flash(&longer, &[], c.counter)),
        Err(RecordError::Damaged)
    );
}

/// A refused start writes nothing: what is there may still be looked at.
#[test]
fn a_refused_start_leaves_the_flash_as_it_was() {
    let [a, .., c] = history();
    for refused in [
        flash(image(&a), image(&a), c.counter),
        flash(&[1; 90], &[1; 90], c.counter),
        flash(image(&c), &[], 0),
        flash(&[], &[], c.counter),
    ] {
        let mut hsm = Hsm::with_flash(refused.clone(), 1);
        load(&mut hsm).unwrap_err();
        assert_eq!(hsm.flash, refused);
    }
    assert_eq!(restarted(&Hsm::new().flash).unwrap(), State::new());
}
