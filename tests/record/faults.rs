// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flash and the counter fail, or lie, while the power stays.

use security_domain::hazmat::record;
use security_domain::hazmat::testing::TestRng;
use security_domain::storage::RecordError;

use super::flash::{Fault, Hsm, WithRng};
use super::{INSTANCE, ROOM, SAVES, load, restarted, save, save_by, started, state};

const FAULTS: [Fault; 3] = [Fault::Fails, Fault::FailsAfter, Fault::Lies];

/// A save takes fewer calls than this, with what follows a failure.
const CALLS: usize = 24;

#[test]
fn one_fault_leaves_what_the_result_says() {
    let (before, position) = started(&[state("old")]);
    let (mut failed, mut saved) = (0, 0);
    for by in SAVES {
        for fault in FAULTS {
            for call in 0..CALLS {
                let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
                let mut position = position;
                hsm.fault(call, fault);
                let result = save_by(by, &mut hsm, &mut position, &state("new"));
                let stands = match result {
                    Ok(()) | Err(RecordError::NotErased) => state("new"),
                    Err(_) => state("old"),
                };
                match result {
                    Ok(()) => saved += 1,
                    Err(_) => failed += 1,
                }
                assert_eq!(
                    restarted(&hsm.flash).unwrap(),
                    stands,
                    "{fault:?} at {call}"
                );
                // The next one goes through, at the latest at the second try.
                let retried = (0..2).any(|_| save(&mut hsm, &mut position, &state("next")).is_ok());
                assert!(retried, "{fault:?} at {call}");
                assert_eq!(restarted(&hsm.flash).unwrap(), state("next"));
            }
        }
    }
    assert!(failed > 20 && saved > 20, "{failed} {saved}");
}

#[test]
fn two_faults_leave_the_old_state_or_the_new_one() {
    let (before, position) = started(&[state("old")]);
    for (first, second) in FAULTS.iter().flat_map(|a| FAULTS.map(|b| (*a, b))) {
        for one in 0..CALLS {
            for other in one + 1..CALLS {
                let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
                let mut position = position;
                hsm.fault(one, first);
                hsm.fault(other, second);
                let saved = save(&mut hsm, &mut position, &state("new"));
                let found = restarted(&hsm.flash).unwrap();
                assert!(found == state("new") || found == state("old"));
                assert!(saved.is_err() || found == state("new"));
            }
        }
    }
}

#[test]
fn one_fault_in_a_start_leaves_the_state() {
    let (before, _) = started(&[state("old")]);
    for fault in FAULTS {
        let mut failed = 0;
        for call in 0..CALLS {
            let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
            hsm.fault(call, fault);
            match load(&mut hsm) {
                Ok((found, _)) => assert_eq!(found, state("old")),
                Err(_) => failed += 1,
            }
            assert_eq!(restarted(&hsm.flash).unwrap(), state("old"));
        }
        assert!(failed > 3, "{fault:?}");
    }
}

#[test]
fn what_could_not_be_erased_is_said_and_goes_with_the_next_write() {
    let (before, position) = started(&[state("old")]);
    let old = before.flash.slots[0].clone();
    let (mut said, mut erased) = (0, 0);
    let pairs = (0..CALLS).flat_map(|call| (call..CALLS).map(move |other| (call, other)));
    for ((call, other), dead) in pairs.flat_map(|pair| [(pair, false), (pair, true)]) {
        let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
        let mut position = position;
        hsm.fault(call, Fault::Fails);
        hsm.fault(other, Fault::Fails);
        hsm.dead.erase = dead;
        match save_by(SAVES[1], &mut hsm, &mut position, &state("new")) {
            Err(RecordError::NotErased) => {
                said += 1;
                save(&mut hsm, &mut position, &state("next")).unwrap();
            }
            Err(_) => continue,
            Ok(()) => erased += usize::from(hsm.flash.slots.contains(&Some(Vec::new()))),
        }
        assert!(!hsm.flash.slots.contains(&old), "{call} {other} {dead}");
    }
    assert!(said > 0, "neither overwritten nor erased");
    assert!(erased > 0, "erased in place of overwritten");
}

#[test]
fn without_draws_nothing_is_written() {
    let (mut hsm, mut position) = started(&[state("old")]);
    let before = hsm.flash.clone();
    let mut dry = WithRng(&mut hsm, TestRng::failing_from(0, 0));
    let mut buffer = [0xaa; ROOM];
    let saved = record::save(&mut dry, INSTANCE, &mut position, &mut buffer, 8);
    assert_eq!(saved, Err(RecordError::Rng));
    assert_eq!(buffer, [0; ROOM]);
    assert_eq!(record::load(&mut dry, &mut buffer), Err(RecordError::Rng));
    assert_eq!(hsm.flash, before);
    // Nothing was written, so nothing has to be put right first.
    save(&mut hsm, &mut position, &state("new")).unwrap();
}

#[test]
fn a_buffer_that_is_too_short_is_refused_before_anything_is_written() {
    let (mut hsm, mut position) = started(&[state("old")]);
    let before = hsm.flash.clone();
    let needed = 100 + record::OVERHEAD;
    for room in [0, 99, 100, needed - 1] {
        let mut buffer = vec![0xaa; room];
        let saved = record::save(&mut hsm, INSTANCE, &mut position, &mut buffer, 100);
        assert_eq!(saved, Err(RecordError::BufferTooSmall { needed }));
        assert!(buffer.iter().all(|byte| *byte == 0));
    }
    assert_eq!(hsm.flash, before);
    record::save(
        &mut hsm,
        INSTANCE,
        &mut position,
        &mut vec![0xaa; needed],
        100,
    )
    .unwrap();
    let mut short = vec![0xaa; needed - 1];
    assert_eq!(record::load(&mut hsm, &mut short), Err(RecordError::Flash));
    let mut none = [0xaa; record::OVERHEAD - 1];
    let needed = record::OVERHEAD;
    let blank = record::load(&mut Hsm::new(), &mut none);
    assert_eq!(blank, Err(RecordError::BufferTooSmall { needed }));
}
