// SPDX-License-Identifier: MIT OR Apache-2.0
//! An HSM around the library. Its generator is secret; what lies on the flash is public, unless told.

use security_domain::lifecycle::{Endorsement, Event, Host, Ledger, PinsDigest, SinkAnswer};
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{DomainId, InstanceId, LedgerHead};
use security_domain::secret::Secret;
use security_domain::storage::{DeviceKey, FlashError, Slot};

use crate::rng::SecretRng;
use crate::valgrind::{hidden, reveal};

pub struct Flash {
    rng: SecretRng,
    device_key: Secret<32>,
    /// Whether what is written becomes public.
    public: bool,
    /// A transfer key that was made beforehand.
    pub prepared: Option<PrivateKey>,
    pub slots: [Vec<u8>; 2],
    pub counter: u64,
    /// The write that fails, counted down.
    pub fails: Option<u32>,
    log: Log,
}

impl Flash {
    /// A flash whose device key is secret: all that is in a record is as secret as it.
    pub fn sealed() -> Self {
        Self::new(60, hidden([0x64; 32]), true)
    }

    /// A flash whose device key is public, and what is written is not made so: of what is read again, the
    /// secret bytes are secret, and those between them, which say how long each is, are not.
    pub fn transparent(seed: u64) -> Self {
        Self::new(seed, [0x64; 32], false)
    }

    fn new(seed: u64, mut device_key: [u8; 32], public: bool) -> Self {
        Self {
            rng: SecretRng(seed),
            device_key: Secret::from_bytes(&mut device_key),
            public,
            prepared: None,
            slots: [const { Vec::new() }; 2],
            counter: 0,
            fails: None,
            log: Log::default(),
        }
    }
}

impl security_domain::storage::Flash for Flash {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        let held = &self.slots[slot.index()];
        let out = out.get_mut(..held.len()).ok_or(FlashError)?;
        out.copy_from_slice(held);
        Ok(held.len())
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        let mut record = record.to_vec();
        if self.public {
            reveal(&mut record);
        }
        self.slots[slot.index()] = record;
        self.fails = self.fails.map(|fails| fails.wrapping_sub(1));
        match self.fails {
            Some(0) => Err(FlashError),
            _ => Ok(()),
        }
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

impl Host for Flash {
    type Rng = SecretRng;

    fn rng(&mut self) -> &mut SecretRng {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        0
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.device_key
    }

    fn prepared_key(&mut self) -> Option<&mut PrivateKey> {
        self.prepared.as_mut()
    }

    fn report(&mut self, _: &Event) -> SinkAnswer {
        SinkAnswer::AGREED
    }

    fn ledger(&mut self) -> Option<&mut dyn Ledger> {
        Some(&mut self.log)
    }
}

/// A log that keeps nothing but whether an endorsement is due.
#[derive(Default)]
struct Log {
    domain: Option<DomainId>,
}

impl Ledger for Log {
    fn resume(&mut self, _: Option<InstanceId>, _: LedgerHead) {}

    fn begin(&mut self, _: InstanceId) {}

    fn record(&mut self, _: u64, event: &Event) -> SinkAnswer {
        if let Event::Activate { domain, .. } | Event::Recover { domain, .. } = event {
            self.domain = Some(*domain);
        }
        SinkAnswer::AGREED
    }

    fn head(&mut self) -> LedgerHead {
        LedgerHead::NONE
    }

    fn size(&mut self) -> u32 {
        0
    }

    fn endorsement_due(&mut self) -> Option<PinsDigest> {
        self.domain.map(|_| PinsDigest::from_bytes([0; 32]))
    }

    fn endorse(&mut self, _: u64, endorsement: &Endorsement) -> SinkAnswer {
        match self.domain.take() {
            Some(domain) if endorsement.is_of(domain) => SinkAnswer::AGREED,
            _ => SinkAnswer::REFUSED,
        }
    }
}
