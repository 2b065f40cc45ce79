// SPDX-License-Identifier: MIT OR Apache-2.0
//! The board, as the library needs it.

#[cfg_attr(target_arch = "arm", path = "board/mps2.rs")]
#[cfg_attr(target_arch = "riscv32", path = "board/virt.rs")]
pub mod hardware;

use core::ptr::{read_volatile, write_volatile};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::lifecycle::{Event, Host, SinkAnswer};
use security_domain::secret::Secret;
use security_domain::storage::{DeviceKey, Flash, FlashError, NorStorage, Slot};

use crate::chip::Chip;
use crate::hsm::ROOM;

/// The note that the watchdog leaves in memory.
const TRIPPED: u32 = 0x5472_6970;

/// Returns why the board started, and clears the watchdog's note.
pub fn cause_of_reset() -> &'static [u8] {
    // SAFETY: it is a word of this board's memory, and only the watchdog's interrupt uses it besides.
    unsafe {
        let note = read_volatile(hardware::NOTE);
        write_volatile(hardware::NOTE, 0);
        match note {
            TRIPPED => b"watchdog",
            _ => b"power",
        }
    }
}

pub struct Board {
    storage: NorStorage<Chip>,
    rng: ChaCha20Rng,
    time: u64,
    device_key: Secret<32>,
}

impl Board {
    /// Takes a seed of 32 bytes and the time in 8, little endian, from the operator. A product takes
    /// the seed from a noise source, and tests it: `examples/own_rng.rs`.
    pub fn new(given: &[u8]) -> Self {
        let (seed, time) = given.split_first_chunk().unwrap_or((&[0; 32], &[]));
        let time = time.first_chunk().unwrap_or(&[0; 8]);
        // The partition is as long as the program was built for, so this is a bug.
        let storage = NorStorage::new(Chip::new(), ROOM).expect("the partition is large enough");
        Self {
            storage,
            rng: ChaCha20Rng::from_seed(*seed),
            time: u64::from_le_bytes(*time),
            // From fuses, in a product.
            device_key: Secret::from_bytes(&mut [0x4d; 32]),
        }
    }
}

impl Flash for Board {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        self.storage.read(slot, out)
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        self.storage.write(slot, record)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.storage.erase(slot)
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        self.storage.counter()
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.storage.advance(to)
    }

    fn counter_is_hardware(&self) -> bool {
        self.storage.counter_is_hardware()
    }
}

impl Host for Board {
    type Rng = ChaCha20Rng;

    fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        self.time
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.device_key
    }

    /// Long operations call this again and again: here the watchdog is fed.
    #[cfg(not(feature = "unfed"))]
    fn progress(&mut self) {
        hardware::feed();
    }

    /// A product writes each event to a log that cannot be erased, before it agrees.
    fn report(&mut self, _: &Event) -> SinkAnswer {
        SinkAnswer::AGREED
    }
}
