// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest, as a function of 32 secret bytes; `proofs/trace.py` has its answer.

use security_domain::hazmat::record::{Loaded, OVERHEAD, load, save_and_erase};
use security_domain::lifecycle::{Event, Host, SinkAnswer};
use security_domain::sealed_domain::InstanceId;
use security_domain::secret::Secret;
use security_domain::storage::{DeviceKey, FlashError, Slot};

use crate::rng::Xorshift;
use crate::trace::{published, secret, trace};

/// The contents are 32 bytes.
const LEN: usize = 32 + OVERHEAD;

struct Flash {
    rng: Xorshift,
    device_key: Secret<32>,
    slots: [([u8; LEN], usize); 2],
    counter: u64,
}

impl security_domain::storage::Flash for Flash {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        let (held, len) = &self.slots[slot.index()];
        let held = held.get(..*len).ok_or(FlashError)?;
        out.get_mut(..*len).ok_or(FlashError)?.copy_from_slice(held);
        Ok(*len)
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        let (held, len) = &mut self.slots[slot.index()];
        published(record);
        *len = record.len();
        held.get_mut(..*len)
            .ok_or(FlashError)?
            .copy_from_slice(record);
        Ok(())
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.slots[slot.index()].1 = 0;
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

impl Host for Flash {
    type Rng = Xorshift;

    fn rng(&mut self) -> &mut Xorshift {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        0
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.device_key
    }

    fn report(&mut self, _: &Event) -> SinkAnswer {
        SinkAnswer::AGREED
    }
}

// Saved under a device key, and loaded again: key and contents are the secret.
trace!(trace_record_save_load, |bytes, out| {
    let mut flash = Flash {
        rng: Xorshift(7),
        // A device key of zeros, which is one of the secrets, would be refused.
        device_key: secret(&bytes.map(|byte| byte ^ 0x4d)),
        slots: [([0; LEN], 0); 2],
        counter: 0,
    };
    let mut buffer = [0; LEN];
    let Loaded::Blank { mut position } = load(&mut flash, &mut buffer).ok()? else {
        return None;
    };
    *buffer.first_chunk_mut()? = *bytes;
    let instance = InstanceId::from_bytes([7; 16]);
    save_and_erase(&mut flash, instance, &mut position, &mut buffer, 32).ok()?;
    let Loaded::Contents { len, .. } = load(&mut flash, &mut buffer).ok()? else {
        return None;
    };
    out.copy_from_slice(buffer.get(..len)?);
    Some(())
});
