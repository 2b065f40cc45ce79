// SPDX-License-Identifier: MIT OR Apache-2.0
//! A board whose state and counter are on NOR flash.

use embedded_storage::nor_flash::NorFlash;
use rand_chacha::ChaCha20Rng;
use security_domain::lifecycle::{AnyDomain, Event, Host, LifecycleError, SinkAnswer, Vault};
use security_domain::lifecycle::{Status, vault_room};
use security_domain::secret::Secret;
use security_domain::self_test;
use security_domain::storage::{DeviceKey, Flash, FlashError, NorStorage, Slot};

use crate::double::Nor;
use crate::sealed::rng;

pub const ROOM: usize = vault_room(3, 120);

/// Flash whose words are as long as those of an STM32L4 twice over, so that there are not too many
/// in which to cut the power.
pub type Chip = Nor<4, 16, 512>;

/// A blank chip with the partition for the vault.
pub fn chip() -> Chip {
    Chip::new(NorStorage::<Chip>::partition_len(ROOM).unwrap())
}

pub struct Board<F> {
    pub storage: NorStorage<F>,
    rng: ChaCha20Rng,
    device_key: Secret<32>,
}

impl<F: NorFlash> Board<F> {
    pub fn new(flash: F, seed: u8) -> Self {
        Self {
            storage: NorStorage::new(flash, ROOM).unwrap(),
            rng: rng(seed),
            device_key: Secret::from_bytes(&mut [0x4d; 32]),
        }
    }
}

impl<F: NorFlash> Flash for Board<F> {
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

impl<F: NorFlash> Host for Board<F> {
    type Rng = ChaCha20Rng;

    fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.rng
    }

    /// Without a hardware counter a backup needs a clock.
    fn now(&mut self) -> u64 {
        1_790_000_000
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.device_key
    }

    fn report(&mut self, _: &Event) -> SinkAnswer {
        SinkAnswer::AGREED
    }
}

/// What an HSM shows, and how many of its artifacts it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub status: Status,
    contributors: usize,
    artifacts: usize,
}

/// Switches an HSM with this flash on, and looks at it.
pub fn start(chip: &mut Chip, seed: u8) -> Result<Seen, LifecycleError> {
    chip.switch_on();
    let (mut vault, mut board) = (Vault::<ROOM>::new(), Board::new(chip, seed));
    let domain = vault.start(self_test::run().unwrap(), &mut board)?;
    Ok(Seen {
        status: domain.status(),
        contributors: match &domain {
            AnyDomain::Recovering(domain) => domain.contributors().count(),
            AnyDomain::QuorumMet(domain) => domain.contributors().count(),
            _ => 0,
        },
        artifacts: match &domain {
            AnyDomain::Active(domain) => domain.artifacts(&mut board)?.count(),
            _ => 0,
        },
    })
}
