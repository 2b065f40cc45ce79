// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device key fails: that is said, nothing half-written is left, and nothing is taken for damage.

use security_domain::storage::RecordError;

use super::flash::{Fault, Hsm};
use super::{SAVES, load, restarted, save, save_by, started, state};

/// Derivations of one save: the hedge of the salt, and the record's key.
const IN_SAVE: usize = 2;

/// Of a start: both slots, the state twice, a save, the state twice again.
const IN_START: usize = 2 + 2 + IN_SAVE + 2;

#[test]
fn one_failure_in_a_save_leaves_the_state_before() {
    let (before, position) = started(&[state("old")]);
    for (by, call) in SAVES.iter().flat_map(|by| [(by, 0), (by, 1)]) {
        let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
        let mut position = position;
        hsm.device_key.fail_once(call);
        let saved = save_by(*by, &mut hsm, &mut position, &state("new"));
        assert_eq!(saved, Err(RecordError::DeviceKey), "{call}");
        assert_eq!(hsm.flash, before.flash, "nothing was written");
        // Nothing has to be put right first.
        save(&mut hsm, &mut position, &state("next")).unwrap();
        assert_eq!(restarted(&hsm.flash).unwrap(), state("next"));
    }
    let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
    let mut position = position;
    save(&mut hsm, &mut position, &state("new")).unwrap();
    assert_eq!(hsm.device_key.calls, IN_SAVE);
}

#[test]
fn one_failure_in_a_start_is_said_and_leaves_the_state() {
    for states in [&[][..], &[state("old")]] {
        let (before, _) = started(states);
        let want = states.first().cloned().unwrap_or_default();
        for call in 0..IN_START {
            let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
            hsm.device_key.fail_once(call);
            assert_eq!(load(&mut hsm).unwrap_err(), RecordError::DeviceKey);
            assert_eq!(load(&mut hsm).unwrap().0, want, "{call}");
        }
        let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
        load(&mut hsm).unwrap();
        assert_eq!(hsm.device_key.calls, IN_START);
    }
    // A blank HSM has nothing to open.
    for call in 0..IN_SAVE + 2 {
        let mut hsm = Hsm::new();
        hsm.device_key.fail_once(call);
        assert_eq!(load(&mut hsm).unwrap_err(), RecordError::DeviceKey);
        assert!(load(&mut hsm).unwrap().0.is_empty());
    }
}

/// Damage could be discarded; a device that cannot be asked must be repaired.
#[test]
fn without_a_device_key_no_record_counts_as_damaged() {
    let (mut hsm, mut position) = started(&[state("old")]);
    let before = hsm.flash.clone();
    hsm.device_key.die();
    for _ in 0..3 {
        assert_eq!(load(&mut hsm).unwrap_err(), RecordError::DeviceKey);
        let saved = save(&mut hsm, &mut position, &state("new"));
        assert_eq!(saved, Err(RecordError::DeviceKey));
    }
    assert_eq!(hsm.flash, before);
    hsm.device_key.heal();
    save(&mut hsm, &mut position, &state("new")).unwrap();
    assert_eq!(load(&mut hsm).unwrap().0, state("new"));
}

/// The flash fails first, and then the device key while that is put right.
#[test]
fn a_failure_beside_one_of_the_flash_leaves_the_old_state_or_the_new_one() {
    let (before, position) = started(&[state("old")]);
    let mut met = 0;
    for fault in [Fault::Fails, Fault::FailsAfter, Fault::Lies] {
        for (call, derivation) in (0..24).flat_map(|call| (0..10).map(move |at| (call, at))) {
            let mut hsm = Hsm::with_flash(before.flash.clone(), 3);
            let mut position = position;
            hsm.fault(call, fault);
            hsm.device_key.fail_once(derivation);
            let saved = save(&mut hsm, &mut position, &state("new"));
            met += usize::from(hsm.struck() > 0 && hsm.device_key.calls > derivation);
            let found = restarted(&hsm.flash).unwrap();
            assert!(found == state("new") || found == state("old"));
            assert!(saved.is_err() || found == state("new"));
            let retried = (0..3).any(|_| save(&mut hsm, &mut position, &state("next")).is_ok());
            assert!(retried, "{fault:?} at {call}, derivation {derivation}");
            assert_eq!(restarted(&hsm.flash).unwrap(), state("next"));
        }
    }
    assert!(met > 20, "{met}");
}
