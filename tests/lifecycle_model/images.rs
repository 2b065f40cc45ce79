// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was on the flash: no number is given to two states, and no old image is taken.

use std::collections::HashMap;

use security_domain::hazmat::record::{self, Loaded, OVERHEAD};

use super::*;

/// The state in a record, as a start takes it whose counter stands at its number.
fn opened(bytes: &[u8], number: u64) -> Vec<u8> {
    let flash = Flash {
        slots: [Some(bytes.to_vec()), Some(Vec::new())],
        counter: number,
    };
    let mut buffer = vec![0; 1 << 16];
    match record::load(&mut Hsm::with_flash(flash, 0), &mut buffer) {
        Ok(Loaded::Contents { len, .. }) => buffer[..len].to_vec(),
        Ok(Loaded::Blank { .. }) => Vec::new(),
        Err(error) => panic!("record {number}: {error}"),
    }
}

impl Life {
    /// Every record that the HSM tried to write has a number that no record of another state has.
    pub(super) fn check_numbers(&self) {
        let mut given = HashMap::<u64, Vec<u8>>::new();
        // A slot that is overwritten with zeros holds no record.
        let is_record = |bytes: &&Vec<u8>| bytes.len() >= OVERHEAD && bytes[0] == 1;
        for record in self.hsm.attempts.iter().filter(is_record) {
            let number = u64::from_be_bytes(record[17..25].try_into().unwrap());
            let state = opened(record, number);
            if let Some(other) = given.insert(number, state.clone()) {
                assert!(other == state, "{number} was given to two states");
            }
        }
    }

    /// Somebody puts back what the flash held before the counter went on, and switches the HSM on: it takes
    /// nothing of that, and leaves the flash as it is.
    pub(super) fn put_back_an_old_image(&mut self, vault: &mut Vault<ROOM>) {
        let current = self.hsm.flash.clone();
        let gone_on = |old: &&Flash| old.counter + 2 <= current.counter;
        let old = self.old.iter().rfind(gone_on).cloned();
        self.old.push(current.clone());
        let Some(old) = old else {
            return;
        };
        self.hsm.flash.slots = old.slots.clone();
        let refused = vault.start(tested(), &mut self.hsm).map(drop);
        assert!(
            matches!(refused, Err(LifecycleError::Record(_))),
            "an old image: {refused:?}"
        );
        assert_eq!(self.hsm.flash.slots, old.slots);
        assert_eq!(self.hsm.flash.counter, current.counter);
        self.hsm.flash = current;
        self.tally.put_back += 1;
        self.without_session();
        self.look_for(|_| false, "after an old image");
    }
}
