// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log that an HSM keeps.

use super::export::{self, ExportError};
use super::log_error::LogError;
use super::record::{Body, Fact, MAX_RECORD_LEN, Record, step_code};
use super::store::{Store, StoreError};
use super::tree::{Head, RecordHash};
use crate::hardened::Fault;
use crate::labels::Purpose;
use crate::lifecycle::{Endorsement, Event, Ledger, Outcome, PinsDigest, SinkAnswer, Step};
use crate::sealed_domain::{InstanceId, LedgerHead};
use crate::secret::Secret;
use crate::storage::{self, DeviceKey, DeviceKeyError};

mod entry;

pub use entry::MAX_ENTRY_LEN;
use entry::{Opened, State, brings_into_use, record_room};

/// The log of an HSM, on a [`Store`]. A [`Host`](crate::lifecycle::Host) returns it from
/// [`ledger`](crate::lifecycle::Host::ledger).
///
/// Each record is one write of at most [`MAX_ENTRY_LEN`] bytes, and the memory does not depend on
/// the number of records. The last entry alone is read at a start.
///
/// A step is refused while there is room for [`RESERVED`] more records only. What remains is for
/// outcomes, refusals and protective operations, in this order the later the longer: a stranger's
/// refused steps cannot take the room of a zeroize. Refusals have one record for each kind of step
/// and hour; the number of those in between stays in memory.
pub struct Log<S> {
    store: S,
    key: Secret<32>,
    instance: Option<InstanceId>,
    /// Why the log takes no record.
    refusal: Option<LogError>,
    state: State,
    /// Whether the step without an outcome is of an earlier start.
    lost: bool,
    /// Refused steps without a record, by their codes.
    waiting: [u32; STEPS],
    buffer: [u8; MAX_ENTRY_LEN],
}

/// How many records there is room for when steps are refused.
pub const RESERVED: u32 = 64;

/// As many codes as steps have, and 0.
const STEPS: usize = 32;

/// What a record is for, and so how much room it must leave.
#[derive(Clone, Copy)]
enum Class {
    Step = 64,
    Refusal = 32,
    Outcome = 16,
    Protective = 0,
}

impl<S: Store> Log<S> {
    /// Makes a log that is not resumed yet. [`Ledger::resume`] and [`Ledger::begin`] turn it to the
    /// log of an HSM.
    ///
    /// Secret: the device key. Leaks: whether the device failed.
    ///
    /// # Errors
    ///
    /// [`DeviceKeyError`] if the device key failed.
    pub fn new(store: S, device_key: &mut dyn DeviceKey) -> Result<Self, DeviceKeyError> {
        let mut key = Secret::zeroed();
        storage::derive(device_key, Purpose::Log, &[], [], &mut key)?;
        Ok(Self {
            store,
            key,
            instance: None,
            refusal: Some(LogError::NotResumed),
            state: State::EMPTY,
            lost: false,
            waiting: [0; STEPS],
            buffer: [0; MAX_ENTRY_LEN],
        })
    }

    /// Returns the store.
    pub const fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// Returns the HSM whose log it is; `None` if the HSM is empty.
    pub const fn instance(&self) -> Option<InstanceId> {
        self.instance
    }

    /// Returns the size and root of the log.
    pub fn tree_head(&self) -> Head {
        self.state.tree.head()
    }

    /// Returns the number of the record of the last hand-off, which the next one must name.
    pub const fn last_hand_off(&self) -> Option<u32> {
        self.state.last_hand_off
    }

    /// Returns why the log takes no records, if it takes none.
    pub const fn refusal(&self) -> Option<LogError> {
        self.refusal
    }

    /// Adds the record of a fact, and returns its number.
    ///
    /// # Errors
    ///
    /// - [`LogError::HandOffUnsigned`] and [`LogError::HandOffNotNext`] for a hand-off that is not
    ///   signed, or does not name the last one.
    /// - [`LogError::NotALoss`] for the end of a loss that is not in the log.
    /// - Each reason for which the log takes no records.
    pub fn add(&mut self, time: u64, fact: &Fact<'_>) -> Result<u32, LogError> {
        let instance = self.ready()?;
        match fact {
            Fact::HandOff(hand_off) => {
                if !hand_off.is_signed(instance) {
                    return Err(LogError::HandOffUnsigned);
                }
                let last = self.state.last_hand_off;
                if hand_off.after != last {
                    return Err(LogError::HandOffNotNext { last });
                }
            }
            Fact::Closed(closed) => {
                let mut buffer = [0; MAX_RECORD_LEN];
                let record = match closed.loss < self.state.tree.size() {
                    true => self.read(closed.loss, &mut buffer)?,
                    false => return Err(LogError::NotALoss(closed.loss)),
                };
                if !matches!(record.body, Body::Fact(Fact::Loss(_))) {
                    return Err(LogError::NotALoss(closed.loss));
                }
            }
            _ => {}
        }
        self.settle(time)?;
        self.append(time, Body::Fact(*fact), Class::Step)
    }

    /// Reads a record to the front of `out`, and checks that it is the one that was written.
    ///
    /// # Errors
    ///
    /// - [`LogError::NoSuchRecord`]
    /// - [`LogError::Store`] if the store failed.
    /// - [`LogError::Damaged`] if the entry was changed.
    /// - [`LogError::Fault`], also if `out` is shorter than [`MAX_RECORD_LEN`].
    pub fn read<'o>(&mut self, number: u32, out: &'o mut [u8]) -> Result<Record<'o>, LogError> {
        let bytes = self.read_bytes(number, out)?;
        Record::parse(bytes).map_err(|_| LogError::Fault)
    }

    /// The same, as the bytes of the record.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn read_bytes<'o>(&mut self, number: u32, out: &'o mut [u8]) -> Result<&'o [u8], LogError> {
        let instance = self.instance.ok_or(LogError::NotResumed)?;
        if number >= self.state.tree.size() {
            return Err(LogError::NoSuchRecord(number));
        }
        let opened = self.entry(instance, number)?;
        let opened = opened.ok_or(LogError::Damaged(number))?;
        let out = out.get_mut(..opened.record.len()).ok_or(Fault)?;
        crate::hardened::copy(out, opened.record)?;
        opened.permit.spend(LogError::Fault)?;
        Ok(out)
    }

    /// Returns the digest of a record, for proofs.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn record_hash(&mut self, number: u32) -> Result<RecordHash, LogError> {
        let mut out = [0; MAX_RECORD_LEN];
        self.read_bytes(number, &mut out).map(RecordHash::of)
    }

    /// Writes the export of the log to `out`, piece by piece: every record, and a checkpoint of the
    /// log as it is.
    ///
    /// # Errors
    ///
    /// - [`ExportError::Log`] as for [`read`](Self::read).
    /// - [`ExportError::Out`] if `out` failed.
    pub fn export<E>(
        &mut self,
        checkpoint: &[u8],
        mut out: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ExportError<E>> {
        let instance = self.instance.ok_or(LogError::NotResumed);
        out(&export::header(instance.map_err(ExportError::Log)?)).map_err(ExportError::Out)?;
        for number in 0..self.state.tree.size() {
            let mut record = [0; MAX_RECORD_LEN];
            let record = self.read_bytes(number, &mut record);
            let record = record.map_err(ExportError::Log)?;
            out(&export::frame(record)).map_err(ExportError::Out)?;
            out(record).map_err(ExportError::Out)?;
        }
        out(&export::END).map_err(ExportError::Out)?;
        out(checkpoint).map_err(ExportError::Out)
    }

    /// Returns the instance, if the log takes records.
    fn ready(&self) -> Result<InstanceId, LogError> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => self.instance.ok_or(LogError::NotResumed),
        }
    }

    /// Reads an entry, and opens it in place; `None` if it does not open.
    fn entry(
        &mut self,
        instance: InstanceId,
        number: u32,
    ) -> Result<Option<Opened<'_>>, StoreError> {
        let len = self.store.read(number, &mut self.buffer)?;
        let entry = self.buffer.get(..len);
        Ok(entry.and_then(|entry| entry::open(&self.key, instance, number, entry)))
    }

    /// Turns to the log of an HSM, and reads its last entry, or the one before if that is torn.
    fn open(&mut self, instance: InstanceId) -> Result<(), LogError> {
        self.instance = Some(instance);
        self.state = State::EMPTY;
        self.waiting = [0; STEPS];
        self.store.open(instance)?;
        let len = self.store.entries()?;
        for back in 1..=2 {
            let Some(number) = len.checked_sub(back) else {
                break;
            };
            // A torn entry may fail to be read.
            if let Ok(Some(opened)) = self.entry(instance, number) {
                opened.permit.spend(LogError::Fault)?;
                self.state = opened.state;
                break;
            }
            // Only one entry can be torn.
            if back == 2 {
                return Err(LogError::Damaged(number));
            }
        }
        self.lost = self.state.open.is_some();
        Ok(())
    }

    /// Checks that the log went through this head, which the newest entries show, or older ones.
    fn goes_on_from(&mut self, instance: InstanceId, head: LedgerHead) -> Result<(), LogError> {
        if head == LedgerHead::NONE {
            return Ok(());
        }
        for number in (0..self.state.tree.size()).rev() {
            let opened = self.entry(instance, number)?;
            let opened = opened.ok_or(LogError::Damaged(number))?;
            if opened.state.tree.head().root == head {
                return opened.permit.spend(LogError::Fault);
            }
        }
        Err(LogError::Cut)
    }

    /// Writes what is due before another record: the outcome that an earlier start lost, and
    /// refusals of past hours.
    fn settle(&mut self, time: u64) -> Result<(), LogError> {
        if let Some((step, intent)) = self.state.open.filter(|_| self.lost) {
            let body = Body::Outcome {
                step,
                outcome: None,
                intent,
            };
            self.append(time, body, Class::Outcome)?;
        }
        self.lost = false;
        if hour(time)? != self.state.refused.0 {
            for step in Step::ALL {
                self.refused(time, step, 0)?;
            }
        }
        Ok(())
    }

    /// Counts refused steps, and records them, unless there is a record of the kind in this hour.
    fn refused(&mut self, time: u64, step: Step, count: u32) -> Result<(), LogError> {
        let code = step_code(step);
        let waiting = self.waiting.get_mut(usize::from(code)).ok_or(Fault)?;
        *waiting = waiting.saturating_add(count);
        let (count, bit) = (*waiting, 1 << code);
        let (now, before) = (hour(time)?, self.state.refused);
        // Without a clock the lifecycle's own bound is all there is.
        let fresh = time == 0 || before.0 != now || before.1 & bit == 0;
        if count == 0 || !fresh || self.room() <= Class::Refusal as u32 {
            return Ok(());
        }
        self.state.refused = match before.0 == now {
            true => (now, before.1 | bit),
            false => (now, bit),
        };
        let written = self.append(time, Body::Refused { step, count }, Class::Refusal);
        match written {
            Ok(_) => *self.waiting.get_mut(usize::from(code)).ok_or(Fault)? = 0,
            Err(_) => self.state.refused = before,
        }
        written.map(drop)
    }

    fn room(&mut self) -> u32 {
        let capacity = self.store.capacity();
        capacity.saturating_sub(self.state.tree.size())
    }

    fn append(&mut self, time: u64, body: Body<'_>, class: Class) -> Result<u32, LogError> {
        let instance = self.ready()?;
        if self.room() <= class as u32 {
            return Err(LogError::Full);
        }
        let number = self.state.tree.size();
        let record = Record {
            instance,
            number,
            time,
            previous: self.state.last,
            body,
        };
        let bytes = record.write(record_room(&mut self.buffer)?).ok_or(Fault)?;
        let (len, state) = (bytes.len(), self.state.after(&record, bytes));
        let state = state.ok_or(LogError::Full)?;
        let entry = entry::seal(&self.key, instance, len, &state, &mut self.buffer)?;
        self.store.append(number, entry)?;
        self.state = state;
        Ok(number)
    }

    fn report(&mut self, time: u64, event: &Event) -> Result<(), LogError> {
        match *event {
            Event::Outcome { step, outcome } => self.outcome(time, step, outcome),
            Event::Refused { step, count } => {
                self.settle(time)?;
                self.refused(time, step, count)
            }
            event => {
                let class = match event.step() {
                    Some(_) => Class::Step,
                    None => Class::Protective,
                };
                // What is due must not keep a protective operation from the log.
                let settled = self.settle(time);
                if let Class::Step = class {
                    settled?;
                }
                self.append(time, Body::Event(event), class).map(drop)
            }
        }
    }

    fn outcome(&mut self, time: u64, step: Step, outcome: Outcome) -> Result<(), LogError> {
        let (_, intent) = { self.state.open }
            .filter(|(open, _)| *open == step)
            .ok_or(LogError::Fault)?;
        let body = Body::Outcome {
            step,
            outcome: Some(outcome),
            intent,
        };
        self.append(time, body, Class::Outcome).map(drop)
    }
}

/// The hour of a time.
fn hour(time: u64) -> Result<u64, Fault> {
    time.checked_div(3600).ok_or(Fault)
}

fn answer<T>(recorded: &Result<T, LogError>) -> SinkAnswer {
    match recorded {
        Ok(_) => SinkAnswer::AGREED,
        Err(_) => SinkAnswer::REFUSED,
    }
}

impl<S: Store> Ledger for Log<S> {
    fn resume(&mut self, instance: Option<InstanceId>, head: LedgerHead) {
        let resumed = match instance {
            None => {
                self.instance = None;
                Err(LogError::NoInstance)
            }
            Some(instance) => self
                .open(instance)
                .and_then(|()| self.goes_on_from(instance, head)),
        };
        // An HSM that has kept no log so far may be in use already.
        self.state.due |= resumed.is_ok() && self.state.tree.size() == 0;
        self.refusal = resumed.err();
    }

    fn begin(&mut self, instance: InstanceId) {
        let begun = self.open(instance);
        let fresh = begun.and_then(|()| match self.state.tree.size() {
            0 => Ok(()),
            _ => Err(LogError::Cut),
        });
        self.refusal = fresh.err();
    }

    fn record(&mut self, time: u64, event: &Event) -> SinkAnswer {
        // An empty HSM has no log. Nothing that can happen to it then is a step.
        if self.refusal == Some(LogError::NoInstance) && event.step().is_none() {
            return SinkAnswer::AGREED;
        }
        answer(&self.report(time, event))
    }

    fn size(&mut self) -> u32 {
        self.state.tree.size()
    }

    fn head(&mut self) -> LedgerHead {
        match self.state.tree.size() {
            0 => LedgerHead::NONE,
            _ => self.state.tree.head().root,
        }
    }

    fn endorsement_due(&mut self) -> Option<PinsDigest> {
        let lost = { self.state.open }.is_some_and(|(step, _)| brings_into_use(step));
        (self.state.due || self.lost && lost).then_some(self.state.pins)
    }

    fn endorse(&mut self, time: u64, endorsement: &Endorsement) -> SinkAnswer {
        let recorded = self.settle(time);
        let body = Body::Endorsement(*endorsement);
        let recorded = recorded.and_then(|()| self.append(time, body, Class::Outcome));
        answer(&recorded)
    }
}

/// Prints no part of the key.
impl<S> core::fmt::Debug for Log<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Log")
            .field("instance", &self.instance)
            .field("head", &self.state.tree.head())
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}
