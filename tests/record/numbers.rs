// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a number was given to two different states.

use std::collections::HashMap;

use security_domain::hazmat::record::OVERHEAD;

use super::State;
use super::flash::{Flash, Hsm};
use super::load;

/// What the records hold that were seen so far.
#[derive(Default)]
pub struct Numbers(HashMap<Vec<u8>, State>);

impl Numbers {
    /// Opens every record that this HSM tried to write: no two states have one number. Returns how many
    /// numbers there were.
    pub fn check(&mut self, hsm: &Hsm) -> usize {
        let mut given = HashMap::<u64, &State>::new();
        let records = hsm.attempts.iter().filter(|record| is_record(record));
        for record in records.clone() {
            if !self.0.contains_key(record) {
                self.0.insert(record.clone(), open(record));
            }
        }
        for record in records {
            let (number, state) = (number(record), &self.0[record]);
            let other = given.insert(number, state);
            assert!(
                other.is_none_or(|other| other == state),
                "{number} was given to {other:?} and {state:?}"
            );
        }
        given.len()
    }
}

/// A slot that is overwritten with zeros holds no record.
fn is_record(bytes: &[u8]) -> bool {
    bytes.len() >= OVERHEAD && bytes[0] == 1
}

pub fn number(record: &[u8]) -> u64 {
    u64::from_be_bytes(record[17..25].try_into().unwrap())
}

/// The state in a record, as a start takes it whose counter stands there.
pub fn open(record: &[u8]) -> State {
    let flash = Flash {
        slots: [Some(record.to_vec()), Some(Vec::new())],
        counter: number(record),
    };
    load(&mut Hsm::with_flash(flash, 1)).unwrap().0
}
