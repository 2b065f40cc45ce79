// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: device key, contents and draws are secret; what lies on the flash is public.

use security_domain::domain::InstanceId;
use security_domain::hazmat::record::{self, Loaded, OVERHEAD, Position};
use security_domain::lifecycle::{Event, FlashError, Host, RecordError, SinkRefused, Slot};
use security_domain::secret::Secret;

use crate::Operation;
use crate::rng::SecretRng;
use crate::valgrind::{hidden, reveal};

pub const OPERATIONS: &[Operation] = &[
    ("record: start, save, load", save_and_load),
    ("record: a write that fails", failed_write),
    ("record: damaged and old records", refused),
];

const CONTENTS: [u8; 300] = [0x63; 300];
const ROOM: usize = CONTENTS.len() + OVERHEAD;
const INSTANCE: InstanceId = InstanceId::from_bytes([7; 16]);

struct Flash {
    rng: SecretRng,
    device_key: Secret<32>,
    slots: [Vec<u8>; 2],
    counter: u64,
    /// The write that fails, counted down.
    fails: Option<u32>,
}

impl Flash {
    fn new() -> Self {
        let device_key = Secret::try_init(|key| {
            *key = hidden([0x64; 32]);
            Ok::<(), ()>(())
        });
        Self {
            rng: SecretRng(60),
            device_key: device_key.unwrap(),
            slots: [const { Vec::new() }; 2],
            counter: 0,
            fails: None,
        }
    }
}

impl Host for Flash {
    type Rng = SecretRng;

    fn rng(&mut self) -> &mut SecretRng {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        0
    }

    fn device_key(&self) -> &Secret<32> {
        &self.device_key
    }

    fn report(&mut self, _: &Event) -> Result<(), SinkRefused> {
        Ok(())
    }

    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        let held = &self.slots[slot as usize];
        let out = out.get_mut(..held.len()).ok_or(FlashError)?;
        out.copy_from_slice(held);
        Ok(held.len())
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        let mut record = record.to_vec();
        reveal(&mut record);
        self.slots[slot as usize] = record;
        self.fails = self.fails.map(|fails| fails.wrapping_sub(1));
        match self.fails {
            Some(0) => Err(FlashError),
            _ => Ok(()),
        }
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.slots[slot as usize].clear();
        Ok(())
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        Ok(self.counter)
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.counter = to;
        Ok(())
    }

    fn counter_is_hardware(&self) -> bool {
        true
    }
}

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
    let mut flash = Flash::new();
    let mut position = start(&mut flash);
    save(&mut flash, &mut position).unwrap();
    check(&mut flash);
}

fn failed_write() {
    let mut flash = Flash::new();
    let mut position = start(&mut flash);
    save(&mut flash, &mut position).unwrap();
    flash.fails = Some(1);
    assert_eq!(save(&mut flash, &mut position), Err(RecordError::Flash));
    check(&mut flash);
}

fn refused() {
    let mut flash = Flash::new();
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
