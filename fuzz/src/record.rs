// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: a flash as it comes, and an HSM whose flash somebody else has.

use std::collections::BTreeMap;

use security_domain::hazmat::record::{self, Loaded, OVERHEAD, Position};
use security_domain::hazmat::testing::TestRng;
use security_domain::lifecycle::{Event, Host, SinkAnswer};
use security_domain::sealed_domain::InstanceId;
use security_domain::secret::Secret;
use security_domain::storage::{DeviceKey, Flash, FlashError, RecordError, Slot};

/// Longer than any record here.
const ROOM: usize = 96 + OVERHEAD;

const INSTANCE: InstanceId = InstanceId::from_bytes(*b"an hsm's 16 byte");

struct Hsm {
    rng: TestRng,
    device_key: Secret<32>,
    slots: [Vec<u8>; 2],
    counter: u64,
    /// How many calls are left until the power fails.
    calls: usize,
    /// What a cut write leaves of a record.
    tear: usize,
}

impl Hsm {
    fn new(slots: [Vec<u8>; 2], counter: u64) -> Self {
        let device_key = Secret::from_bytes(&mut [0x4d; 32]);
        Self {
            rng: TestRng::seeded(counter),
            device_key,
            slots,
            counter,
            calls: usize::MAX,
            tear: 0,
        }
    }

    fn call(&mut self) -> Result<(), FlashError> {
        self.calls = self.calls.checked_sub(1).ok_or(FlashError)?;
        Ok(())
    }

    fn load(&mut self) -> Result<(Vec<u8>, Position), RecordError> {
        let mut buffer = [0xaa; ROOM];
        let loaded = record::load(self, &mut buffer);
        let (len, position) = match loaded {
            Ok(Loaded::Blank { position }) => (0, position),
            Ok(Loaded::Contents { len, position, .. }) => (len, position),
            Err(error) => {
                assert_eq!(buffer, [0; ROOM]);
                return Err(error);
            }
        };
        assert!(buffer[len..].iter().all(|byte| *byte == 0));
        Ok((buffer[..len].to_vec(), position))
    }

    fn save(&mut self, position: &mut Position, state: &[u8]) -> Result<(), RecordError> {
        let mut buffer = [0; ROOM];
        buffer[..state.len()].copy_from_slice(state);
        let saved = record::save(self, INSTANCE, position, &mut buffer, state.len());
        assert_eq!(buffer, [0; ROOM]);
        saved
    }
}

impl Flash for Hsm {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        self.call()?;
        let held = &self.slots[slot.index()];
        let out = out.get_mut(..held.len()).ok_or(FlashError)?;
        out.copy_from_slice(held);
        Ok(held.len())
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        let whole = self.call();
        let written = match whole {
            Ok(()) => record,
            Err(_) => &record[..self.tear.min(record.len())],
        };
        if whole.is_ok() || self.tear > 0 {
            self.slots[slot.index()] = written.to_vec();
            self.tear = 0;
        }
        whole
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.call()?;
        self.slots[slot.index()].clear();
        Ok(())
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        self.call()?;
        Ok(self.counter)
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.call()?;
        assert!(to > self.counter);
        self.counter = to;
        Ok(())
    }

    fn counter_is_hardware(&self) -> bool {
        false
    }
}

impl Host for Hsm {
    type Rng = TestRng;

    fn rng(&mut self) -> &mut TestRng {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        0
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.device_key
    }

    fn report(&mut self, _: &Event) -> SinkAnswer {
        SinkAnswer::REFUSED
    }
}

/// The bytes as a flash; then as what an HSM goes through.
pub fn record(data: &[u8]) {
    if let Some((slots, counter)) = decode(data) {
        a_flash(slots, counter);
    }
    a_life(data);
}

/// The counter in 8 bytes, then each slot behind its length in 4 bytes.
fn decode(data: &[u8]) -> Option<([Vec<u8>; 2], u64)> {
    let (counter, mut rest) = data.split_first_chunk()?;
    let mut slots = [const { Vec::new() }; 2];
    for slot in &mut slots {
        let (len, after) = rest.split_first_chunk()?;
        let (held, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        *slot = held.to_vec();
        rest = after;
    }
    Some((slots, u64::from_be_bytes(*counter)))
}

/// A start takes it or leaves it as it is. What it takes, it takes again, and saves after it.
fn a_flash(slots: [Vec<u8>; 2], counter: u64) {
    let mut hsm = Hsm::new(slots.clone(), counter);
    let Ok((state, _)) = hsm.load() else {
        // A write may fail at the end of the numbers only, which it finds out before.
        assert_eq!(hsm.slots, slots);
        return;
    };
    assert!(hsm.counter > counter);
    let Ok((again, mut position)) = hsm.load() else {
        assert!(hsm.counter > u64::MAX - 4);
        return;
    };
    assert_eq!(again, state);
    if hsm.save(&mut position, b"next").is_ok() && hsm.counter < u64::MAX - 2 {
        assert_eq!(hsm.load().unwrap().0, b"next");
    }
}

/// Starts, saves, power failures and old images. The flash is in strange hands, and yet the HSM has the
/// state that was seen last, or one that was being saved then, or none.
fn a_life(data: &[u8]) {
    let mut hsm = Hsm::new([const { Vec::new() }; 2], 0);
    let mut images = BTreeMap::<u8, Vec<u8>>::new();
    let (mut seen, mut position) = hsm.load().unwrap();
    let mut on = true;
    let mut pending = Vec::<Vec<u8>>::new();
    for (step, bytes) in data.chunks_exact(3).take(60).enumerate() {
        let [act, a, b] = [bytes[0], bytes[1], bytes[2]];
        match act % 4 {
            // A save, in which the power may fail.
            0 | 1 if on => {
                let next = [
                    &[1, step as u8],
                    &data[..usize::from(b % 64).min(data.len())],
                ]
                .concat();
                hsm.calls = match act % 4 {
                    0 => usize::MAX,
                    _ => usize::from(a % 12),
                };
                hsm.tear = usize::from(b);
                let saved = hsm.save(&mut position, &next);
                on = hsm.calls > 0;
                match saved {
                    Ok(()) => {
                        seen = next;
                        pending.clear();
                    }
                    Err(_) => pending.push(next),
                }
            }
            // The power fails, and one slot or both are exchanged for what was there once.
            2 => {
                on = false;
                for (slot, name) in [(0, a), (1, b)] {
                    if name < 128 {
                        hsm.slots[slot] = images.get(&name).cloned().unwrap_or_default();
                    }
                }
            }
            3 => {
                images.insert(a % 128, hsm.slots[usize::from(b & 1)].clone());
            }
            // A start, in which the power may fail too.
            _ => {
                hsm.calls = match act & 0x80 {
                    0 => usize::MAX,
                    _ => usize::from(a % 24),
                };
                hsm.tear = usize::from(b);
                if let Ok((found, at)) = hsm.load() {
                    assert!(found == seen || pending.contains(&found));
                    (seen, position, on) = (found, at, hsm.calls > 0);
                    pending.clear();
                }
            }
        }
    }
}
