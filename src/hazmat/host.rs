// SPDX-License-Identifier: MIT OR Apache-2.0
//! An HSM in memory.

use core::fmt;

use heapless::Vec;
use rand_core::TryCryptoRng;

use crate::custodian::Algorithm;
use crate::hardened::copy;
use crate::lifecycle::{Event, Host, SinkAnswer};
use crate::secret::Secret;
use crate::storage::{DeviceKey, Flash, FlashError, Slot};

/// An HSM in memory for tests, with room for records of `SLOT` bytes: as many as the vault's `N`,
/// [`vault_room`](crate::lifecycle::vault_room).
///
/// Its device key is public, and everything is forgotten when it is dropped. To bring back an old
/// image of the flash, clone `slots` and put them back later.
///
/// ```
/// use security_domain::hazmat::testing::{RamHost, TestRng};
/// use security_domain::lifecycle::{AnyDomain, LifecycleError, Vault, vault_room};
/// use security_domain::sealed_domain::ArtifactTag;
/// use security_domain::self_test;
/// use security_domain::storage::RecordError;
///
/// const ROOM: usize = vault_room(1, 32);
/// let mut host = RamHost::<_, ROOM>::new(TestRng::seeded(1));
/// let mut vault = Vault::<ROOM>::new();
///
/// let AnyDomain::Empty(domain) = vault.start(self_test::run()?, &mut host)? else {
///     panic!("a blank HSM has no domain");
/// };
/// let old = host.slots.clone();
/// let artifacts: [(_, &[u8]); 1] = [(ArtifactTag::new("signing-key")?, &[7; 32])];
/// let domain = domain.provision(&artifacts, &mut host).map_err(LifecycleError::from)?;
/// drop(domain);
///
/// // Whoever puts an old image back gets nothing.
/// host.slots = old;
/// let refused = vault.start(self_test::run()?, &mut host).err();
/// let Some(LifecycleError::Record(RecordError::RolledBack { .. })) = refused else {
///     panic!("{refused:?}");
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[expect(clippy::exhaustive_structs, reason = "in `hazmat` only")]
pub struct RamHost<R, const SLOT: usize> {
    /// The generator.
    pub rng: R,
    /// The time in Unix seconds; 0 for no clock.
    pub now: u64,
    /// The device key.
    pub device_key: Secret<32>,
    /// What the sink answers.
    pub answer: SinkAnswer,
    /// The event that the sink agreed to last.
    pub last_event: Option<Event>,
    /// What the two slots hold.
    pub slots: RamSlots<SLOT>,
    /// The counter.
    pub counter: u64,
    /// Whether the counter counts as one that nobody can set back.
    pub counter_is_hardware: bool,
    /// How many more calls to the flash or the counter succeed before one fails. It fails without an
    /// effect, and those after it succeed again. `None` if none fails.
    pub calls_before_failure: Option<usize>,
    /// The kind of transfer key that a recovery is to have.
    pub transfer_kind: Option<Algorithm>,
    /// Called as long operations go on.
    pub on_progress: fn(),
}

/// What the two slots of a [`RamHost`] hold.
#[derive(Clone, PartialEq, Eq)]
pub struct RamSlots<const SLOT: usize>([Vec<u8, SLOT>; 2]);

impl<R: TryCryptoRng, const SLOT: usize> RamHost<R, SLOT> {
    /// Makes a blank HSM without a clock, whose sink agrees.
    pub fn new(rng: R) -> Self {
        Self {
            rng,
            now: 0,
            device_key: Secret::from_bytes(&mut [0x4d; 32]),
            answer: SinkAnswer::AGREED,
            last_event: None,
            slots: RamSlots([Vec::new(), Vec::new()]),
            counter: 0,
            counter_is_hardware: true,
            calls_before_failure: None,
            transfer_kind: None,
            on_progress: || (),
        }
    }

    fn call(&mut self) -> Result<(), FlashError> {
        match self.calls_before_failure {
            Some(0) => {
                self.calls_before_failure = None;
                Err(FlashError)
            }
            left => {
                self.calls_before_failure = left.map(|left| left.saturating_sub(1));
                Ok(())
            }
        }
    }
}

impl<const SLOT: usize> RamSlots<SLOT> {
    /// Returns what was last written to `slot`.
    pub fn record(&self, slot: Slot) -> &[u8] {
        let [a, b] = &self.0;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }

    fn slot_mut(&mut self, slot: Slot) -> &mut Vec<u8, SLOT> {
        let [a, b] = &mut self.0;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }
}

impl<R: TryCryptoRng, const SLOT: usize> Flash for RamHost<R, SLOT> {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        self.call()?;
        let record = self.slots.record(slot);
        let out = out.get_mut(..record.len()).ok_or(FlashError)?;
        copy(out, record).map_err(|_| FlashError)?;
        Ok(record.len())
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        self.call()?;
        let place = self.slots.slot_mut(slot);
        if record.len() > place.capacity() {
            return Err(FlashError);
        }
        place.clear();
        place.extend_from_slice(record).map_err(|_| FlashError)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.call()?;
        self.slots.slot_mut(slot).clear();
        Ok(())
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        self.call()?;
        Ok(self.counter)
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        self.call()?;
        if to <= self.counter {
            return Err(FlashError);
        }
        self.counter = to;
        Ok(())
    }

    fn counter_is_hardware(&self) -> bool {
        self.counter_is_hardware
    }
}

impl<R: TryCryptoRng, const SLOT: usize> Host for RamHost<R, SLOT> {
    type Rng = R;

    fn rng(&mut self) -> &mut R {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        self.now
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.device_key
    }

    fn transfer_kind(&mut self) -> Option<Algorithm> {
        self.transfer_kind
    }

    fn report(&mut self, event: &Event) -> SinkAnswer {
        if self.answer == SinkAnswer::AGREED {
            self.last_event = Some(*event);
        }
        self.answer
    }

    fn progress(&mut self) {
        (self.on_progress)();
    }
}

impl<R, const SLOT: usize> fmt::Debug for RamHost<R, SLOT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RamHost")
            .field("now", &self.now)
            .field("slots", &self.slots)
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

/// Prints the lengths.
impl<const SLOT: usize> fmt::Debug for RamSlots<SLOT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = [Slot::A, Slot::B].map(|slot| self.record(slot).len());
        write!(f, "RamSlots({a} and {b} bytes)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::hazmat::testing::TestRng;

    #[test]
    fn nothing_is_left_of_a_longer_record() {
        let mut hosts = [1, 2].map(|seed| RamHost::<_, 8>::new(TestRng::seeded(seed)));
        let [one, other] = &mut hosts;
        one.write(Slot::A, b"longer").unwrap();
        one.write(Slot::A, b"new").unwrap();
        other.write(Slot::A, b"new").unwrap();
        assert_eq!(one.slots, other.slots);
        assert_eq!(one.slots.record(Slot::A), b"new");
        assert_eq!(one.write(Slot::B, &[0; 9]), Err(FlashError));
    }

    #[test]
    fn one_call_fails_and_the_next_succeeds() {
        let mut host = RamHost::<_, 8>::new(TestRng::seeded(1));
        host.calls_before_failure = Some(1);
        assert_eq!(host.counter(), Ok(0));
        assert_eq!(host.advance(3), Err(FlashError));
        assert_eq!(host.counter(), Ok(0));
        assert_eq!(host.advance(3), Ok(()));
        assert_eq!(host.advance(3), Err(FlashError));
    }
}
