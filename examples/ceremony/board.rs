// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated board of an HSM: its flash is memory, and it prints each event.

use getrandom::SysRng;
use security_domain::lifecycle::{Event, Host, SinkAnswer, Vault, vault_room};
use security_domain::rng::RngError;
use security_domain::secret::Secret;
use security_domain::storage::{DeviceKey, Flash, FlashError, Slot};

/// Room for the domains of the ceremony.
pub const ROOM: usize = vault_room(3, 1000);

/// A vault in a fixed place, as in an HSM.
pub fn vault() -> Box<Vault<ROOM>> {
    Box::default()
}

pub struct Board {
    rng: SysRng,
    device_key: Secret<32>,
    slots: [Vec<u8>; 2],
    counter: u64,
}

impl Board {
    pub fn new() -> Result<Self, RngError> {
        Ok(Self {
            rng: SysRng,
            device_key: Secret::random(&mut SysRng)?,
            slots: [Vec::new(), Vec::new()],
            counter: 0,
        })
    }
}

impl Flash for Board {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        let record = &self.slots[slot.index()];
        let out = out.get_mut(..record.len()).ok_or(FlashError)?;
        out.copy_from_slice(record);
        Ok(record.len())
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        self.slots[slot.index()] = record.to_vec();
        Ok(())
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.slots[slot.index()].clear();
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

impl Host for Board {
    type Rng = SysRng;

    fn rng(&mut self) -> &mut SysRng {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        let since = std::time::UNIX_EPOCH.elapsed();
        since.map_or(0, |since| since.as_secs())
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.device_key
    }

    fn report(&mut self, event: &Event) -> SinkAnswer {
        let event = format!("{event:?}");
        let name = event.split([' ', '(']).next().unwrap_or_default();
        println!("   [event] {name}");
        SinkAnswer::AGREED
    }
}
