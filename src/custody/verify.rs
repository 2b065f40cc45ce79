// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verifies an export, piece by piece, in the same memory for every length.
//!
//! Three things hold a record in its place: its number, the digest of the record before it, and the
//! tree whose root is signed. The first two name a changed record; the third cannot be forged.

use super::checkpoint::{Checkpoint, CheckpointError};
use super::export::{HEADER_LEN, MAGIC, MAX_EXPORTED_CHECKPOINT_LEN};
use super::record::{Body, Fact, MAX_RECORD_LEN, Record};
use super::tree::{Head, RecordHash, Tree};
use crate::ed25519::VerifyKey;
use crate::hardened::Fault;
use crate::lifecycle::{Endorsement, PinsDigest, Step};
use crate::sealed_domain::{DomainId, HeaderDigest, InstanceId};

mod error;

pub use error::{BadRecord, VerifyError};

/// What is known of a log before it is verified.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller must fill in every field"
)]
pub struct Expected<'p> {
    /// The HSM whose log it is; `None` takes any.
    pub instance: Option<InstanceId>,
    /// The domain that must have endorsed the HSM. With `None` the log proves only that the holder
    /// of the HSM's key wrote it.
    pub domain: Option<DomainId>,
    /// The HSM's key; `None` takes the one that the domain endorsed.
    pub key: Option<VerifyKey>,
    /// Heads that the HSM showed before: in checkpoints, backups, requests or the logs of other
    /// HSMs.
    pub pins: &'p [Head],
}

/// What an export has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The HSM whose log it is.
    pub instance: InstanceId,
    /// Its key.
    pub key: VerifyKey,
    /// The signed head.
    pub head: Head,
    /// The last endorsement, if there is one.
    pub endorsement: Option<Endorsement>,
    /// The step that has no outcome yet, and the number of its record.
    pub open: Option<(Step, u32)>,
}

/// What the next bytes are.
#[derive(Clone, Copy)]
enum Part {
    Header,
    Length,
    Record(usize),
    Checkpoint,
}

/// A record that is not the one before which the next was written: either was changed.
#[derive(Clone, Copy)]
enum Suspect {
    /// The digest that the next record names, and that of the next record.
    Digest { named: RecordHash, next: RecordHash },
    /// The number where another was due, and the digest of its record.
    Number { found: u32, hash: RecordHash },
}

/// Verifies an export.
///
/// ```no_run
/// # fn pieces() -> Vec<Vec<u8>> { vec![] }
/// use security_domain::custody::{Expected, Present, Verifier};
///
/// let mut present = Present::new();
/// let mut verifier = Verifier::new(Expected::default());
/// for piece in pieces() {
///     verifier.feed(&piece, &mut |record| present.fold(record))?;
/// }
/// let verified = verifier.finish()?;
/// println!("{} records of HSM {}", verified.head.size, verified.instance);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Verifier<'p> {
    expected: Expected<'p>,
    part: Part,
    buffer: [u8; MAX_EXPORTED_CHECKPOINT_LEN],
    filled: usize,
    instance: InstanceId,
    /// The records before the last.
    tree: Tree,
    /// The last record; zeros if there is none.
    last: RecordHash,
    records: u32,
    suspect: Option<(u32, Suspect)>,
    key: Option<VerifyKey>,
    endorsement: Option<Endorsement>,
    pins: PinsDigest,
    open: Option<(Step, u32)>,
    last_hand_off: Option<u32>,
    /// The first record that no pinned head covers.
    unpinned: u32,
    failed: Option<VerifyError>,
}

impl<'p> Verifier<'p> {
    /// Begins with the first byte of an export.
    pub const fn new(expected: Expected<'p>) -> Self {
        Self {
            expected,
            part: Part::Header,
            buffer: [0; MAX_EXPORTED_CHECKPOINT_LEN],
            filled: 0,
            instance: InstanceId::from_bytes([0; 16]),
            tree: Tree::EMPTY,
            last: RecordHash::from_bytes([0; 32]),
            records: 0,
            suspect: None,
            key: expected.key,
            endorsement: None,
            pins: PinsDigest::from_bytes([0; 32]),
            open: None,
            last_hand_off: None,
            unpinned: 0,
            failed: None,
        }
    }

    /// Takes the next bytes, and gives every record in them to `visit`. Nothing is proven of a
    /// record until [`finish`](Self::finish) succeeds.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`VerifyError`] that shows so far, and from then on.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        visit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), VerifyError> {
        while !bytes.is_empty() && self.failed.is_none() {
            if let Err(error) = self.step(&mut bytes, visit) {
                self.failed = Some(error);
            }
        }
        self.failed.map_or(Ok(()), Err)
    }

    /// Ends the export.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`VerifyError`].
    pub fn finish(&self) -> Result<Verified, VerifyError> {
        self.failed.map_or(Ok(()), Err)?;
        let Part::Checkpoint = self.part else {
            return Err(VerifyError::Truncated {
                records: self.records,
            });
        };
        let bytes = self.buffer.get(..self.filled).ok_or(Fault)?;
        let checkpoint = Checkpoint::parse(bytes).map_err(VerifyError::Malformed)?;
        let signed = checkpoint.head();
        if let Some((number, suspect)) = self.suspect {
            return Err(self.settle(number, suspect, None, Some(&signed)));
        }
        let key = self.key.ok_or(VerifyError::NotEndorsed)?;
        if self.expected.domain.is_some() && self.endorsement.is_none() {
            return Err(VerifyError::NotEndorsed);
        }
        let head = checkpoint.verify(self.instance, &key);
        let head = head.map_err(|error| match error {
            CheckpointError::Fault => VerifyError::Fault,
            error => VerifyError::Checkpoint(error),
        })?;
        let mut tree = self.tree.clone();
        if self.records != 0 {
            tree.append(&self.last).map_err(|_| Fault)?;
        }
        let pins = self.expected.pins.iter().map(|pin| pin.size);
        for want in pins.chain([head.size]) {
            if self.records < want {
                let have = self.records;
                return Err(VerifyError::Cut { have, want });
            }
        }
        if self.records > head.size {
            let number = head.size;
            let bad = BadRecord::NotSigned;
            return Err(VerifyError::Record { number, bad });
        }
        if tree.head() != head {
            let number = self.records.saturating_sub(1);
            let first = self.unpinned.min(number);
            let bad = BadRecord::NotInCheckpoint { first };
            return Err(VerifyError::Record { number, bad });
        }
        Ok(Verified {
            instance: self.instance,
            key,
            head,
            endorsement: self.endorsement,
            open: self.open,
        })
    }

    /// Takes bytes of one part.
    fn step(
        &mut self,
        bytes: &mut &[u8],
        visit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), VerifyError> {
        let wanted = match self.part {
            Part::Header => HEADER_LEN,
            Part::Length => 2,
            Part::Record(len) => len,
            Part::Checkpoint => MAX_EXPORTED_CHECKPOINT_LEN,
        };
        let room = self.buffer.get_mut(self.filled..wanted).ok_or(Fault)?;
        let count = room.len().min(bytes.len());
        if count == 0 {
            return Err(VerifyError::CheckpointTooLong);
        }
        let (front, rest) = bytes.split_at_checked(count).ok_or(Fault)?;
        crate::hardened::copy(room.get_mut(..count).ok_or(Fault)?, front)?;
        *bytes = rest;
        self.filled = self.filled.saturating_add(count);
        if self.filled < wanted {
            return Ok(());
        }
        // The longest of the parts that end here.
        let mut part = [0; MAX_RECORD_LEN];
        let whole = part.get_mut(..wanted);
        let Some(whole) = whole.filter(|_| !matches!(self.part, Part::Checkpoint)) else {
            return Ok(());
        };
        crate::hardened::copy(whole, self.buffer.get(..wanted).ok_or(Fault)?)?;
        let whole = &*whole;
        self.part = match self.part {
            Part::Header => {
                self.begin(whole)?;
                Part::Length
            }
            Part::Length => match whole {
                [0, 0] => Part::Checkpoint,
                &[high, low] => {
                    let len = usize::from(u16::from_be_bytes([high, low]));
                    if len > MAX_RECORD_LEN {
                        return Err(self.bad(self.records, BadRecord::TooLong));
                    }
                    Part::Record(len)
                }
                _ => return Err(VerifyError::Fault),
            },
            Part::Record(_) => {
                self.record(whole, visit)?;
                Part::Length
            }
            // It ends with the export.
            Part::Checkpoint => return Ok(()),
        };
        self.filled = 0;
        Ok(())
    }

    fn begin(&mut self, header: &[u8]) -> Result<(), VerifyError> {
        let (magic, instance) = header.split_first_chunk().ok_or(Fault)?;
        if *magic != MAGIC {
            return Err(VerifyError::NotALog);
        }
        let instance = instance.first_chunk().ok_or(Fault)?;
        self.instance = InstanceId::from_bytes(*instance);
        match self.expected.instance {
            Some(want) if want != self.instance => {
                let have = self.instance;
                Err(VerifyError::OtherInstance { have, want })
            }
            _ => Ok(()),
        }
    }

    const fn bad(&self, number: u32, bad: BadRecord) -> VerifyError {
        VerifyError::Record { number, bad }
    }

    fn record(
        &mut self,
        bytes: &[u8],
        visit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), VerifyError> {
        let record = Record::parse(bytes);
        let hash = RecordHash::of(bytes);
        if let Some((number, suspect)) = self.suspect {
            return Err(self.settle(number, suspect, record.ok().as_ref(), None));
        }
        let number = self.records;
        let record = record.map_err(|error| self.bad(number, BadRecord::Malformed(error)))?;
        if record.number != number {
            let found = record.number;
            self.suspect = Some((number, Suspect::Number { found, hash }));
            return Ok(());
        }
        if record.previous != self.last {
            let Some(before) = number.checked_sub(1) else {
                return Err(self.bad(0, BadRecord::Altered));
            };
            let (named, next) = (record.previous, hash);
            self.suspect = Some((before, Suspect::Digest { named, next }));
            return Ok(());
        }
        self.content(&record)
            .map_err(|bad| VerifyError::Record { number, bad })?;
        if number != 0 {
            self.tree.append(&self.last).map_err(|_| Fault)?;
        }
        self.last = hash;
        self.records = number.checked_add(1).ok_or(Fault)?;
        self.compare_pins()?;
        visit(&record);
        Ok(())
    }

    /// Names what is wrong around a suspect, by the record or the checkpoint that follows it.
    fn settle(
        &self,
        number: u32,
        suspect: Suspect,
        next: Option<&Record<'_>>,
        signed: Option<&Head>,
    ) -> VerifyError {
        match suspect {
            // The record after them names the second. If it is right, the first was changed.
            Suspect::Digest { named, next: hash } => {
                let first = match (next, signed) {
                    (Some(next), _) => next.previous == hash,
                    (None, Some(signed)) => self.would_be_signed(&[named, hash], signed),
                    (None, None) => true,
                };
                let number = if first {
                    number
                } else {
                    number.saturating_add(1)
                };
                self.bad(number, BadRecord::Altered)
            }
            Suspect::Number { found, hash } => {
                let bad = match next {
                    Some(next) if next.number == number => BadRecord::Reordered { found },
                    _ if found < number => BadRecord::Reordered { found },
                    Some(next) if next.previous == hash => BadRecord::Dropped { found },
                    Some(_) => BadRecord::Altered,
                    None => BadRecord::Dropped { found },
                };
                self.bad(number, bad)
            }
        }
    }

    /// Returns whether the records before the last and these two give the signed head.
    fn would_be_signed(&self, records: &[RecordHash], signed: &Head) -> bool {
        let mut tree = self.tree.clone();
        let whole = records.iter().all(|record| tree.append(record).is_ok());
        whole && tree.head() == *signed
    }

    /// Compares the head of the records so far with those that are pinned at this size.
    fn compare_pins(&mut self) -> Result<(), VerifyError> {
        let mut pinned = { self.expected.pins.iter() }
            .filter(|pin| pin.size == self.records)
            .peekable();
        if pinned.peek().is_none() {
            return Ok(());
        }
        let mut tree = self.tree.clone();
        tree.append(&self.last).map_err(|_| Fault)?;
        let head = tree.head();
        if pinned.any(|pin| *pin != head) {
            let pinned = self.records;
            return Err(self.bad(self.unpinned, BadRecord::Forked { pinned }));
        }
        self.unpinned = self.records;
        Ok(())
    }

    /// Checks what a record says, and remembers what later records must fit.
    fn content(&mut self, record: &Record<'_>) -> Result<(), BadRecord> {
        let (have, want) = (record.instance, self.instance);
        if have != want {
            return Err(BadRecord::OtherInstance { have, want });
        }
        match &record.body {
            Body::Event(event) => {
                if let Some(step) = event.step() {
                    if let Some((_, intent)) = self.open {
                        return Err(BadRecord::NoOutcome { intent });
                    }
                    self.open = Some((step, record.number));
                }
            }
            Body::Outcome { step, intent, .. } => {
                if self.open != Some((*step, *intent)) {
                    return Err(BadRecord::NoIntent);
                }
                self.open = None;
            }
            Body::Refused { .. } => {}
            Body::Endorsement(endorsement) => self.endorsed(endorsement)?,
            Body::Fact(Fact::Pin(pin)) => self.pins = pin.after(&self.pins),
            Body::Fact(Fact::HandOff(hand_off)) => {
                if !hand_off.is_signed(self.instance) {
                    return Err(BadRecord::HandOffUnsigned);
                }
                if hand_off.after != self.last_hand_off {
                    return Err(BadRecord::HandOffNotNext);
                }
                self.last_hand_off = Some(record.number);
            }
            Body::Fact(_) => {}
        }
        Ok(())
    }

    fn endorsed(&mut self, endorsement: &Endorsement) -> Result<(), BadRecord> {
        let (have, want) = (endorsement.instance, self.instance);
        if have != want {
            return Err(BadRecord::OtherInstance { have, want });
        }
        let domain = endorsement.domain();
        if !endorsement.is_of(domain) {
            return Err(BadRecord::Unsigned);
        }
        if let Some(want) = self.expected.domain.filter(|want| *want != domain) {
            return Err(BadRecord::OtherDomain { have: domain, want });
        }
        if endorsement.pins != self.pins {
            return Err(BadRecord::OtherPins);
        }
        if self.key.is_some_and(|key| key != endorsement.key) {
            return Err(BadRecord::OtherKey);
        }
        self.key = Some(endorsement.key);
        self.endorsement = Some(*endorsement);
        Ok(())
    }
}

/// Prints how far it is.
impl core::fmt::Debug for Verifier<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Verifier")
            .field("expected", &self.expected)
            .field("records", &self.records)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Verified {
    /// Returns the domain that endorsed the HSM.
    pub fn domain(&self) -> Option<DomainId> {
        Some(self.endorsement?.domain())
    }

    /// Returns the header that was in use when the domain endorsed the HSM.
    pub fn header(&self) -> Option<HeaderDigest> {
        Some(self.endorsement?.header)
    }
}
