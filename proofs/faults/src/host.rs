// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine around the library: a generator, a clock, a flash, a counter and a sink.

use core::{fmt, ptr};

use rand_core::{TryCryptoRng, TryRng};
use security_domain::custodian::Algorithm;
use security_domain::lifecycle::{Event, Host, SinkAnswer, Vault, vault_room};
use security_domain::rsa::PrivateKey;
use security_domain::secret::Secret;
use security_domain::storage::{DeviceKey, FlashError, Slot};

pub const ROOM: usize = vault_room(2, 64);

/// What a slot has room for.
const SLOT_LEN: usize = ROOM;

/// Xorshift (Marsaglia 2003), which can die.
#[derive(Clone)]
pub struct Rng {
    state: u32,
    /// How many calls from now it fails at, once; none: never.
    pub fails_in: Option<u32>,
}

/// The generator failed.
#[derive(Debug)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl core::error::Error for Failed {}

impl Rng {
    pub const fn new(state: u32) -> Self {
        Self {
            state,
            fails_in: None,
        }
    }

    fn step(&mut self) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state
    }
}

impl TryRng for Rng {
    type Error = Failed;

    #[inline(never)]
    fn try_next_u32(&mut self) -> Result<u32, Failed> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    #[inline(never)]
    fn try_next_u64(&mut self) -> Result<u64, Failed> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    #[inline(never)]
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Failed> {
        match self.fails_in {
            Some(0) => {
                self.fails_in = None;
                return Err(Failed);
            }
            Some(calls) => self.fails_in = Some(calls - 1),
            None => {}
        }
        for byte in out {
            *byte = self.step() as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Rng {}

const MARK: u32 = 0x7b1d_63c9;

/// An HSM.
pub struct Hsm {
    pub rng: Rng,
    pub now: u64,
    /// Whether the sink refuses.
    pub refuses: bool,
    /// A word that stands in an HSM alone. A fault can give the sink another address than its own: it agrees to
    /// nothing then.
    mark: u32,
    /// How many events the sink has taken.
    pub events: u32,
    /// Whether it was told of a session that is pinned.
    pub told_pinned: bool,
    /// A transfer key that was made beforehand, and the kind that a recovery is to have.
    pub prepared: Option<PrivateKey>,
    pub kind: Option<Algorithm>,
    pub flash: Flash,
    device_key: Option<Secret<32>>,
}

/// Both slots and the counter.
#[derive(Clone)]
pub struct Flash {
    slots: [[u8; SLOT_LEN]; 2],
    lens: [usize; 2],
    pub counter: u64,
    /// Whether every write fails.
    pub fails: bool,
}

impl Flash {
    const BLANK: Self = Self {
        slots: [[0; SLOT_LEN]; 2],
        lens: [0; 2],
        counter: 0,
        fails: false,
    };

    /// Puts back what the slots held; the counter stays.
    pub fn roll_back(&mut self, old: &Self) {
        self.slots = old.slots;
        self.lens = old.lens;
    }

    /// Whether a slot still has what one of `old` had.
    pub fn keeps(&self, old: &Self) -> bool {
        let held = |flash: &Self| [0, 1].map(|place| (flash.slots[place], flash.lens[place]));
        let (now, old) = (held(self), held(old));
        now.iter().any(|slot| slot.1 > 0 && old.contains(slot))
    }

    /// Changes a byte of each slot.
    pub fn change(&mut self) {
        for slot in &mut self.slots {
            slot[100] ^= 1;
        }
    }
}

static mut HSM: Hsm = Hsm {
    rng: Rng::new(0x1234_5678),
    now: 1_790_000_000,
    refuses: false,
    mark: MARK,
    events: 0,
    told_pinned: false,
    prepared: None,
    kind: None,
    flash: Flash::BLANK,
    device_key: None,
};

static mut VAULTS: [Vault<ROOM>; 2] = [const { Vault::new() }; 2];

static mut BUFFERS: [[u8; 4096]; 6] = [[0; 4096]; 6];

/// The one HSM of a scene.
pub fn hsm() -> &'static mut Hsm {
    // SAFETY: one core, no interrupts, and each scene takes it once.
    let hsm = unsafe { &mut *(&raw mut HSM) };
    let fill = |key: &mut [u8; 32]| {
        key.fill(0xd7);
        Ok::<(), Failed>(())
    };
    hsm.device_key = Secret::try_init(fill).ok();
    hsm
}

/// A vault of a scene, by its number; each is taken once.
pub fn vault(number: usize) -> &'static mut Vault<ROOM> {
    // SAFETY: as above.
    unsafe { &mut (*(&raw mut VAULTS))[number] }
}

/// Every byte of a vault.
pub fn memory_of_vault(number: usize) -> &'static [u8] {
    let start = ptr::from_ref(vault(number)).cast::<u8>();
    // SAFETY: these are the vault's bytes, and nobody writes them meanwhile.
    unsafe { core::slice::from_raw_parts(start, size_of::<Vault<ROOM>>()) }
}

/// A buffer of a scene, by its number; each is taken once.
pub fn buffer(number: usize) -> &'static mut [u8] {
    // SAFETY: as above.
    unsafe { &mut (*(&raw mut BUFFERS))[number] }
}

impl security_domain::storage::Flash for Hsm {
    #[inline(never)]
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        let place = slot.index();
        let len = self.flash.lens[place];
        let out = out.get_mut(..len).ok_or(FlashError)?;
        out.copy_from_slice(&self.flash.slots[place][..len]);
        Ok(len)
    }

    #[inline(never)]
    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        if self.flash.fails {
            return Err(FlashError);
        }
        let place = slot.index();
        let out = self.flash.slots[place]
            .get_mut(..record.len())
            .ok_or(FlashError)?;
        out.copy_from_slice(record);
        self.flash.lens[place] = record.len();
        Ok(())
    }

    #[inline(never)]
    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        let place = slot.index();
        self.flash.slots[place].fill(0);
        self.flash.lens[place] = 0;
        Ok(())
    }

    #[inline(never)]
    fn counter(&mut self) -> Result<u64, FlashError> {
        Ok(self.flash.counter)
    }

    #[inline(never)]
    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.flash.counter = to;
        Ok(())
    }

    #[inline(never)]
    fn counter_is_hardware(&self) -> bool {
        true
    }
}

impl Host for Hsm {
    type Rng = Rng;

    #[inline(never)]
    fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    #[inline(never)]
    fn now(&mut self) -> u64 {
        self.now
    }

    #[inline(never)]
    fn device_key(&mut self) -> &mut dyn DeviceKey {
        self.device_key.as_mut().unwrap()
    }

    #[inline(never)]
    fn prepared_key(&mut self) -> Option<&mut PrivateKey> {
        self.prepared.as_mut()
    }

    #[inline(never)]
    fn transfer_kind(&mut self) -> Option<Algorithm> {
        self.kind
    }

    #[inline(never)]
    fn report(&mut self, event: &Event) -> SinkAnswer {
        if self.refuses || self.mark != MARK {
            return SinkAnswer::REFUSED;
        }
        self.events += 1;
        if let Event::BeginRecovery { pinned, .. } = event {
            self.told_pinned = *pinned;
        }
        SinkAnswer::AGREED
    }
}
