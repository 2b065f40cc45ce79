// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log: the device key is secret; the entries, with their tags, are public.

use security_domain::custody::{Log, MAX_RECORD_LEN, Store, StoreError};
use security_domain::lifecycle::{Event, Ledger, SinkAnswer};
use security_domain::sealed_domain::InstanceId;
use security_domain::secret::Secret;

use crate::Operation;
use crate::valgrind::hidden;

pub const OPERATIONS: &[Operation] = &[("log: record, resume, read", keep)];

const INSTANCE: InstanceId = InstanceId::from_bytes([7; 16]);

#[derive(Clone, Default)]
struct Entries(Vec<Vec<u8>>);

impl Store for Entries {
    fn open(&mut self, _: InstanceId) -> Result<(), StoreError> {
        Ok(())
    }

    fn entries(&mut self) -> Result<u32, StoreError> {
        Ok(self.0.len() as u32)
    }

    fn capacity(&mut self) -> u32 {
        1000
    }

    fn read(&mut self, number: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        let entry = &self.0[number as usize];
        out[..entry.len()].copy_from_slice(entry);
        Ok(entry.len())
    }

    fn append(&mut self, _: u32, entry: &[u8]) -> Result<(), StoreError> {
        // What leaves must be revealed: each byte is looked at.
        assert!(entry.iter().any(|byte| *byte != 0));
        self.0.push(entry.to_vec());
        Ok(())
    }
}

fn log(entries: Entries) -> Log<Entries> {
    let mut key = Secret::<32>::from_bytes(&mut hidden([0x4d; 32]));
    Log::new(entries, &mut key).unwrap()
}

fn keep() {
    let mut first = log(Entries::default());
    first.begin(INSTANCE);
    assert_eq!(first.record(7, &Event::BeginImport), SinkAnswer::AGREED);
    let head = first.head();
    let mut entries = first.store().clone();
    let mut again = log(entries.clone());
    again.resume(Some(INSTANCE), head);
    assert_eq!(again.refusal(), None);
    assert!(again.read(0, &mut [0; MAX_RECORD_LEN]).is_ok());
    // A changed entry does not open.
    entries.0[0][20] ^= 1;
    let mut changed = log(entries);
    changed.resume(Some(INSTANCE), head);
    assert!(changed.refusal().is_some());
}
