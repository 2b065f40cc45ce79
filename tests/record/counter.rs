// SPDX-License-Identifier: MIT OR Apache-2.0
//! A counter that goes backwards while the HSM runs, and a flash that gives something else when it is
//! asked again.

use security_domain::hazmat::record;
use security_domain::lifecycle::{Event, Host, SinkAnswer};
use security_domain::storage::{DeviceKey, Flash, FlashError, RecordError, Slot};

use super::flash::{Fault, Hsm};
use super::{INSTANCE, ROOM, SAVES, load, restarted, save, save_by, started, state};

#[test]
fn a_counter_that_went_back_is_refused_and_not_healed() {
    for by in SAVES {
        let (mut hsm, mut position) = started(&[state("old")]);
        let have = hsm.flash.counter;
        for counter in 0..have {
            hsm.flash.counter = counter;
            let before = hsm.flash.clone();
            let refused = save_by(by, &mut hsm, &mut position, &state("new"));
            assert_eq!(refused, Err(RecordError::CounterBehind { have, counter }));
            assert_eq!(hsm.flash, before);
        }
        hsm.flash.counter = have;
        save(&mut hsm, &mut position, &state("new")).unwrap();
    }
}

/// The same where a write has failed, and what stands would be put past it.
#[test]
fn a_counter_that_went_back_after_a_failed_write_is_refused() {
    let (mut hsm, mut position) = started(&[state("old")]);
    let have = hsm.flash.counter;
    hsm.dead.write = true;
    save(&mut hsm, &mut position, &state("new")).unwrap_err();
    hsm.dead.write = false;
    for counter in 0..have {
        hsm.flash.counter = counter;
        let before = hsm.flash.clone();
        let refused = save(&mut hsm, &mut position, &state("new"));
        assert_eq!(refused, Err(RecordError::CounterBehind { have, counter }));
        assert_eq!(hsm.flash, before);
    }
    hsm.flash.counter = have + 40;
    let refused = save(&mut hsm, &mut position, &state("new"));
    assert!(
        matches!(refused, Err(RecordError::RolledBack { .. })),
        "{refused:?}"
    );
    hsm.flash.counter = have;
    let saved = (0..2).any(|_| save(&mut hsm, &mut position, &state("new")).is_ok());
    assert!(saved);
}

/// An HSM whose counter goes back when a record is written.
struct Back<'a>(&'a mut Hsm, u64);

impl Flash for Back<'_> {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        self.0.read(slot, out)
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        self.0.flash.counter = self.1;
        self.0.write(slot, record)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.0.erase(slot)
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        self.0.counter()
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.0.advance(to)
    }

    fn counter_is_hardware(&self) -> bool {
        self.0.counter_is_hardware()
    }
}

impl Host for Back<'_> {
    type Rng = rand_chacha::ChaCha20Rng;

    fn rng(&mut self) -> &mut Self::Rng {
        self.0.rng()
    }

    fn now(&mut self) -> u64 {
        self.0.now()
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        self.0.device_key()
    }

    fn report(&mut self, event: &Event) -> SinkAnswer {
        self.0.report(event)
    }
}

#[test]
fn a_counter_that_goes_back_in_a_write_is_not_advanced() {
    for load in [false, true] {
        let (mut hsm, mut position) = started(&[state("old")]);
        let mut buffer = [0; ROOM];
        let mut back = Back(&mut hsm, 1);
        let refused = match load {
            true => record::load(&mut back, &mut buffer).map(drop),
            false => record::save(&mut back, INSTANCE, &mut position, &mut buffer, 8),
        };
        assert!(
            matches!(refused, Err(RecordError::CounterBehind { counter: 1, .. })),
            "{refused:?}"
        );
        assert_eq!(hsm.flash.counter, 1);
    }
}

/// The slots hold two states, and the flash exchanges them for one read: no start takes the older one.
#[test]
fn a_flash_that_swaps_between_reads_gives_no_older_state() {
    let (mut hsm, mut position) = started(&[state("older")]);
    let older = hsm.flash.slots.clone();
    save(&mut hsm, &mut position, &state("old")).unwrap();
    let mut refused = 0;
    for slot in [0, 1] {
        let mut flash = hsm.flash.clone();
        flash.slots[slot] = older[slot].clone();
        for call in 0..40 {
            let mut hsm = Hsm::with_flash(flash.clone(), 3);
            hsm.fault(call, Fault::Strays);
            match load(&mut hsm) {
                Ok((found, _)) => assert_eq!(found, state("old"), "call {call}"),
                Err(_) => refused += 1,
            }
            assert_eq!(restarted(&hsm.flash), Ok(state("old")), "call {call}");
        }
    }
    assert!(refused > 4, "{refused}");
}
