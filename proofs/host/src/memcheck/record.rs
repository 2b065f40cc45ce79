// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: device key, contents and draws are secret; what lies on the flash is public.

use security_domain::hazmat::record::{self, Loaded, OVERHEAD, Position};
use security_domain::sealed_domain::InstanceId;
use security_domain::storage::RecordError;

use crate::Operation;
use crate::flash::Flash;
use crate::valgrind::{hidden, reveal};

pub const OPERATIONS: &[Operation] = &[
    ("record: start, save, load", save_and_load),
    ("record: a write that fails", failed_write),
    ("record: damaged and old records", refused),
];

const CONTENTS: [u8; 300] = [0x63; 300];
const ROOM: usize = CONTENTS.len() + OVERHEAD;
const INSTANCE: InstanceId = InstanceId::from_bytes([7; 16]);

fn start(flash: &mut Flash) -> Position {
    let mut buffer = [0; ROOM];
    match record::load(flash, &mut buffer).unwrap() {
        Loaded::Blank { position } => position,
        Loaded::Contents { position, .. } => position,
    }
}

fn save(flash: &mut Flash, position: &mut Position) -> Result<(), RecordError> {
    let mut buffer = [0; ROOM];
    buffer[..CONTENTS.len()].copy_from_slice(&hidden(CONTENTS));
    record::save_and_erase(flash, INSTANCE, position, &mut buffer, CONTENTS.len())
}

fn check(flash: &mut Flash) {
    let mut buffer = [0; ROOM];
    let Ok(Loaded::Contents { len, instance, .. }) = record::load(flash, &mut buffer) else {
        panic!("the state is there");
    };
    assert_eq!(instance, INSTANCE);
    reveal(&mut buffer);
    assert_eq!(buffer[..len], CONTENTS);
}

fn save_and_load() {
    let mut flash = Flash::sealed();
    let mut position = start(&mut flash);
    save(&mut flash, &mut position).unwrap();
    check(&mut flash);
}

fn failed_write() {
    let mut flash = Flash::sealed();
    let mut position = start(&mut flash);
    save(&mut flash, &mut position).unwrap();
    flash.fails = Some(1);
    assert_eq!(save(&mut flash, &mut position), Err(RecordError::Flash));
    check(&mut flash);
}

fn refused() {
    let mut flash = Flash::sealed();
    let mut position = start(&mut flash);
    save(&mut flash, &mut position).unwrap();
    let mut buffer = [0; ROOM];
    let counter = flash.counter;
    flash.counter += 2;
    assert_eq!(
        record::load(&mut flash, &mut buffer),
        Err(RecordError::RolledBack {
            have: counter,
            counter: counter + 2
        })
    );
    flash.counter -= 2;
    flash.slots.iter_mut().for_each(|slot| slot[60] ^= 1);
    assert_eq!(
        record::load(&mut flash, &mut buffer),
        Err(RecordError::Damaged)
    );
}
