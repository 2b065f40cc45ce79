// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated HSM: flash, counter, generator and sink, each of which can be made to fail at any call.
#![allow(dead_code, reason = "each test uses a part of it")]

mod engine;

#[allow(unused_imports, reason = "each test uses a part of it")]
pub use engine::{Lie, RsaEngine};
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng};
use security_domain::custodian::Algorithm;
use security_domain::lifecycle::{Event, Host, SinkAnswer, TransferKey};
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::ModuleVersion;
use security_domain::secret::Secret;
use security_domain::storage::{DeviceKey, DeviceKeyError, FlashError, Slot};

/// What goes wrong at one call to the flash or the counter.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The power fails in it, and every later call fails.
    Cut(Tear),
    /// It does nothing and says so.
    Fails,
    /// It takes effect and says that it failed.
    FailsAfter,
    /// It does nothing and says that it did.
    Lies,
    /// It does something else and says that it did this: a read gives the other slot or a counter that
    /// is one lower, a write puts half of the record there, the counter moves by one.
    Strays,
}

/// What has failed for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dead {
    /// The counter cannot be read.
    pub counter: bool,
    /// The counter cannot be advanced.
    pub advance: bool,
    /// Nothing can be erased.
    pub erase: bool,
    /// Nothing can be written.
    pub write: bool,
    /// The device key derives nothing.
    pub device_key: bool,
}

/// How far a write came when the power failed, in bytes, and what the rest of the slot holds then.
#[derive(Clone, Copy, Debug)]
pub enum Tear {
    /// Nothing more.
    Short(usize),
    /// What was there before.
    Over(usize),
    /// Erased flash.
    Erased(usize),
    /// Something that cannot be read.
    Unreadable,
}

impl Tear {
    /// Every tear of a write of up to `len` bytes, `step` bytes apart.
    pub fn all(len: usize, step: usize) -> impl Iterator<Item = Self> {
        let at = (0..=len).step_by(step);
        at.flat_map(|at| [Self::Short(at), Self::Over(at), Self::Erased(at)])
            .chain([Self::Unreadable])
    }

    fn apply(self, old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
        let (at, rest) = match self {
            Self::Short(at) => (at, Vec::new()),
            Self::Over(at) => (at, old.get(at..).unwrap_or_default().to_vec()),
            Self::Erased(at) => (at, vec![0xff; new.len().saturating_sub(at)]),
            Self::Unreadable => return None,
        };
        Some([&new[..at.min(new.len())], &rest].concat())
    }
}

/// What survives a power failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// What the slots hold; none: it cannot be read.
    pub slots: [Option<Vec<u8>>; 2],
    pub counter: u64,
}

impl Flash {
    /// The counter in 8 bytes, then each slot behind its length in 4 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.counter.to_be_bytes().to_vec();
        for slot in &self.slots {
            let slot = slot.as_deref().unwrap_or_default();
            out.extend((slot.len() as u32).to_be_bytes());
            out.extend(slot);
        }
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (counter, mut rest) = bytes.split_first_chunk()?;
        let mut slots = [None, None];
        for slot in &mut slots {
            let (len, after) = rest.split_first_chunk()?;
            let (held, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
            *slot = Some(held.to_vec());
            rest = after;
        }
        rest.is_empty().then_some(Self {
            slots,
            counter: u64::from_be_bytes(*counter),
        })
    }
}

/// An HSM that is switched on.
pub struct Hsm {
    pub flash: Flash,
    /// Every image that a slot ever held whole.
    pub images: Vec<Vec<u8>>,
    /// Every record that was ever given to be written, whatever became of it.
    pub attempts: Vec<Vec<u8>>,
    pub rng: ChaCha20Rng,
    pub now: u64,
    /// The version of the firmware.
    pub module_version: u32,
    /// What the clock gives in the next readings, last first, before it gives `now` again.
    pub glitches: Vec<u64>,
    /// Whether the sink refuses.
    pub refuses: bool,
    /// How many more events it takes before it refuses.
    pub takes: usize,
    /// Whether nobody can set the counter back.
    pub hardware: bool,
    pub events: Vec<Event>,
    pub dead: Dead,
    pub device_key: Engine,
    /// The device for transfer keys; the vault holds them without one.
    pub engine: Option<RsaEngine>,
    /// A transfer key that was made beforehand.
    pub prepared: Option<PrivateKey>,
    /// The kind of transfer key that a recovery is to have.
    pub kind: Option<Algorithm>,
    calls: usize,
    struck: usize,
    faults: Vec<(usize, Fault)>,
    off: bool,
}

impl Hsm {
    pub fn new() -> Self {
        let blank = Flash {
            slots: [Some(Vec::new()), Some(Vec::new())],
            counter: 0,
        };
        Self {
            flash: blank,
            images: Vec::new(),
            attempts: Vec::new(),
            dead: Dead::default(),
            rng: ChaCha20Rng::from_seed([9; 32]),
            now: 0,
            module_version: 0,
            glitches: Vec::new(),
            refuses: false,
            takes: usize::MAX,
            hardware: true,
            events: Vec::new(),
            device_key: Engine::new(0x4d),
            engine: None,
            prepared: None,
            kind: None,
            calls: 0,
            struck: 0,
            faults: Vec::new(),
            off: false,
        }
    }

    /// Another HSM with this flash, and draws of its own.
    pub fn with_flash(flash: Flash, seed: u8) -> Self {
        Self {
            flash,
            rng: ChaCha20Rng::from_seed([seed; 32]),
            ..Self::new()
        }
    }

    pub fn set_device_key(&mut self, byte: u8) {
        self.device_key = Engine::new(byte);
    }

    /// Switches it off and on; no fault is left.
    pub fn restart(&mut self) {
        self.off = false;
        self.device_key.heal();
        self.faults.clear();
        self.calls = 0;
    }

    /// From now on, the call with this number, from 0, has this fault.
    pub fn fault(&mut self, call: usize, fault: Fault) {
        self.faults.push((self.calls + call, fault));
    }

    /// How many calls to the flash and the counter there were since the start.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// How many calls have failed.
    pub fn struck(&self) -> usize {
        self.struck
    }

    pub fn is_off(&self) -> bool {
        self.off
    }

    fn next(&mut self) -> Result<Option<Fault>, FlashError> {
        if self.off {
            self.struck += 1;
            return Err(FlashError);
        }
        let call = self.calls;
        self.calls += 1;
        let fault = self.faults.iter().find(|(at, _)| *at == call);
        let fault = fault.map(|(_, fault)| *fault);
        self.struck += usize::from(fault.is_some());
        self.off = matches!(fault, Some(Fault::Cut(_)));
        Ok(fault)
    }
}

/// A device key that can fail.
pub struct Engine {
    key: Secret<32>,
    /// How many derivations there were.
    pub calls: usize,
    /// The derivations that fail, by number.
    pub fails: std::ops::Range<usize>,
}

impl Engine {
    fn new(byte: u8) -> Self {
        Self {
            key: Secret::from_bytes(&mut [byte; 32]),
            calls: 0,
            fails: 0..0,
        }
    }

    /// Fails once, at the derivation with this number from now on, from 0.
    pub fn fail_once(&mut self, call: usize) {
        let call = self.calls + call;
        self.fails = call..call + 1;
    }

    /// Fails from now on.
    pub fn die(&mut self) {
        self.fails = self.calls..usize::MAX;
    }

    fn call(&mut self, out: &mut [u8; 32]) -> Result<(), DeviceKeyError> {
        let call = self.calls;
        self.calls += 1;
        if self.fails.contains(&call) {
            // What is left of a failure must not be used.
            out.fill(0x5a);
            return Err(DeviceKeyError::Failed);
        }
        Ok(())
    }

    /// Works again.
    pub fn heal(&mut self) {
        self.fails = 0..0;
    }
}

impl DeviceKey for Engine {
    fn derive(
        &mut self,
        salt: &[u8],
        info: &[u8],
        out: &mut [u8; 32],
    ) -> Result<(), DeviceKeyError> {
        self.call(out)?;
        self.key.derive(salt, info, out)
    }

    fn hedge(&mut self, out: &mut [u8; 32]) -> Result<(), DeviceKeyError> {
        self.call(out)?;
        self.key.hedge(out)
    }
}

impl security_domain::storage::Flash for Hsm {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        let slot = match self.next()? {
            None => slot,
            Some(Fault::Lies) => return Ok(0),
            Some(Fault::Strays) => slot.other(),
            Some(_) => return Err(FlashError),
        };
        let held = self.flash.slots[slot.index()].as_ref().ok_or(FlashError)?;
        out.get_mut(..held.len())
            .ok_or(FlashError)?
            .copy_from_slice(held);
        Ok(held.len())
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        let fault = self.next()?;
        self.attempts.push(record.to_vec());
        if self.dead.write {
            return Err(FlashError);
        }
        let held = &mut self.flash.slots[slot.index()];
        match fault {
            Some(Fault::Fails) => return Err(FlashError),
            Some(Fault::Lies) => return Ok(()),
            Some(Fault::Strays) => {
                *held = Some(record[..record.len() / 2].to_vec());
                return Ok(());
            }
            Some(Fault::Cut(tear)) => {
                *held = tear.apply(held.as_deref().unwrap_or_default(), record);
                self.images.extend(held.clone());
                return Err(FlashError);
            }
            Some(Fault::FailsAfter) | None => {}
        }
        *held = Some(record.to_vec());
        self.images.push(record.to_vec());
        match fault {
            None => Ok(()),
            Some(_) => Err(FlashError),
        }
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        let fault = self.next()?;
        if self.dead.erase {
            return Err(FlashError);
        }
        let held = &mut self.flash.slots[slot.index()];
        match fault {
            Some(Fault::Fails) => return Err(FlashError),
            Some(Fault::Lies | Fault::Strays) => return Ok(()),
            Some(Fault::Cut(tear)) => {
                let old = held.as_deref().unwrap_or_default();
                *held = tear.apply(old, &vec![0xff; old.len()]);
                return Err(FlashError);
            }
            Some(Fault::FailsAfter) | None => {}
        }
        *held = Some(Vec::new());
        match fault {
            None => Ok(()),
            Some(_) => Err(FlashError),
        }
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        match self.next()? {
            _ if self.dead.counter => Err(FlashError),
            None => Ok(self.flash.counter),
            Some(Fault::Strays) => Ok(self.flash.counter.saturating_sub(1)),
            Some(_) => Err(FlashError),
        }
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        let fault = self.next()?;
        let from = self.flash.counter;
        if to <= from {
            assert!(
                self.struck > 0,
                "the counter is to go from {from} to {to}, though nothing failed"
            );
            return Err(FlashError);
        }
        match fault {
            _ if self.dead.advance => Err(FlashError),
            Some(Fault::Fails) => Err(FlashError),
            Some(Fault::Lies) => Ok(()),
            Some(Fault::Strays) => {
                self.flash.counter = from + 1;
                Ok(())
            }
            // It counts one by one, and gets as far as a write of this many bytes.
            Some(Fault::Cut(Tear::Short(at) | Tear::Over(at) | Tear::Erased(at))) => {
                self.flash.counter = to.min(from.saturating_add(at as u64));
                Err(FlashError)
            }
            Some(Fault::Cut(Tear::Unreadable)) => Err(FlashError),
            Some(Fault::FailsAfter) => {
                self.flash.counter = to;
                Err(FlashError)
            }
            None => {
                self.flash.counter = to;
                Ok(())
            }
        }
    }

    fn counter_is_hardware(&self) -> bool {
        self.hardware
    }
}

impl Host for Hsm {
    type Rng = ChaCha20Rng;

    fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        self.glitches.pop().unwrap_or(self.now)
    }

    fn module_version(&self) -> ModuleVersion {
        ModuleVersion::new(self.module_version)
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.device_key
    }

    fn transfer_key(&mut self) -> Option<&mut dyn TransferKey> {
        self.engine.as_mut().map(|engine| engine as _)
    }

    fn prepared_key(&mut self) -> Option<&mut PrivateKey> {
        self.prepared.as_mut()
    }

    fn transfer_kind(&mut self) -> Option<Algorithm> {
        self.kind
    }

    fn report(&mut self, event: &Event) -> SinkAnswer {
        if self.refuses || self.takes == 0 {
            return SinkAnswer::REFUSED;
        }
        self.takes -= 1;
        self.events.push(*event);
        SinkAnswer::AGREED
    }
}

/// An HSM with another generator.
pub struct WithRng<'a, R>(pub &'a mut Hsm, pub R);

impl<R: TryCryptoRng> security_domain::storage::Flash for WithRng<'_, R> {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        self.0.read(slot, out)
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        self.0.write(slot, record)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.0.erase(slot)
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        self.0.counter()
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.0.advance(to)
    }

    fn counter_is_hardware(&self) -> bool {
        self.0.counter_is_hardware()
    }
}

impl<R: TryCryptoRng> Host for WithRng<'_, R> {
    type Rng = R;

    fn rng(&mut self) -> &mut Self::Rng {
        &mut self.1
    }

    fn now(&mut self) -> u64 {
        self.0.now()
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        self.0.device_key()
    }

    fn transfer_key(&mut self) -> Option<&mut dyn TransferKey> {
        self.0.transfer_key()
    }

    fn prepared_key(&mut self) -> Option<&mut PrivateKey> {
        self.0.prepared_key()
    }

    fn transfer_kind(&mut self) -> Option<Algorithm> {
        self.0.transfer_kind()
    }

    fn report(&mut self, event: &Event) -> SinkAnswer {
        self.0.report(event)
    }
}
