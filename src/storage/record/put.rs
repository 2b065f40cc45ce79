// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moves records to and from the flash. Each record, and each counter, is read back.

use sha2::{Digest, Sha256};

use super::error::RecordError;
use super::find::read;
use super::layout::{Head, Opened, open, seal};
use super::position::{Position, following, same};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict, shift};
use crate::sealed_domain::InstanceId;
use crate::secret::wipe;
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

/// A state that was read to the front of a buffer.
pub(super) struct Taken {
    pub(super) instance: InstanceId,
    pub(super) len: usize,
    /// Shows that the record opened and has the number that was asked for.
    pub(super) permit: Permit,
}

/// Reads the state at `position` to the front of `buffer`, and wipes the rest.
pub(super) fn take<M: Medium + ?Sized>(
    medium: &mut M,
    position: Position,
    buffer: &mut [u8],
) -> Result<Taken, RecordError> {
    let (mut taken, mut why) = (None, RecordError::Flash);
    let permit = Verdict::twice(|| {
        let Ok(record) = read(medium, position.slot, buffer) else {
            return Mask::public(false);
        };
        let opened = open(medium.device_key(), record).map_err(|error| why = error.into());
        let Ok(Some(Opened { head, opens, len })) = opened else {
            return Mask::public(false);
        };
        taken = Some((head.instance, len));
        medium.progress();
        opens & same(head.number, position.number)
    })
    .permit(why)?;
    let (instance, len) = taken.ok_or(RecordError::Flash)?;
    shift(buffer, Head::LEN, 0, len)?;
    wipe(buffer.get_mut(len..).ok_or(RecordError::Fault)?);
    Ok(Taken {
        instance,
        len,
        permit,
    })
}

/// Writes `record` to the slot beside the current state, and makes it the current one.
pub(super) fn commit<M: Medium + ?Sized>(
    medium: &mut M,
    position: &mut Position,
    number: u64,
    record: &mut [u8],
    allowed: Permit,
) -> Result<Permit, RecordError> {
    let slot = position.slot.other();
    position.give(number);
    allowed.spend(RecordError::Fault)?;
    let whole = place(medium, slot, record)?;
    // A state that is not complete in its slot must not become current.
    whole.spend(RecordError::Fault)?;
    let counted = advance(medium, position.number, number)?;
    position.stand(number, slot);
    Ok(counted)
}

/// Gives the current state, in `buffer[..len]`, the number after the next.
pub(super) fn renew<M: Medium + ?Sized>(
    medium: &mut M,
    instance: InstanceId,
    position: &mut Position,
    buffer: &mut [u8],
    len: usize,
    allowed: Permit,
) -> Result<Permit, RecordError> {
    let number = following(*position, 2)?;
    let record = seal(medium, instance, number, buffer, len)?;
    let stands = commit(medium, position, number, record, allowed)?;
    // The contents of the old slot are past their number, and the next write replaces them.
    let _ = overwrite(medium, position.slot.other(), record);
    Ok(stands)
}

/// Writes `record`, and reads it back from the slot.
fn place<M: Medium + ?Sized>(
    medium: &mut M,
    slot: Slot,
    record: &mut [u8],
) -> Result<Permit, RecordError> {
    let written = Sha256::digest(&*record);
    medium.write(slot, record)?;
    Verdict::twice(|| {
        record.fill(0);
        let whole = medium.read(slot, record) == Ok(record.len());
        medium.progress();
        Mask::public(whole) & eq_bytes(&Sha256::digest(&*record), &written)
    })
    .permit(RecordError::Flash)
}

/// Advances the counter from `from`, or from where it is by now, to `number`. What it says
/// afterwards counts.
///
/// A counter below `from` went backwards, and is not advanced.
pub(super) fn advance<M: Medium + ?Sized>(
    medium: &mut M,
    from: u64,
    number: u64,
) -> Result<Permit, RecordError> {
    let counter = medium.counter()?;
    let behind = RecordError::CounterBehind {
        have: from,
        counter,
    };
    Verdict::twice(|| {
        let counter = medium.counter();
        counter.map_or(Mask::public(false), |counter| Mask::at_most(from, counter))
    })
    .or(behind)?;
    if counter < number {
        let _ = medium.advance(number);
    }
    Verdict::twice(|| {
        let counter = medium.counter();
        counter.map_or(Mask::public(false), |counter| same(counter, number))
    })
    .permit(RecordError::Flash)
}

/// Overwrites a slot that no longer holds the state, or erases it if that fails.
pub(super) fn overwrite<M: Medium + ?Sized>(
    medium: &mut M,
    slot: Slot,
    record: &mut [u8],
) -> Option<Permit> {
    let placed = place(medium, slot, record);
    placed.or_else(|_| blank(medium, slot, record)).ok()
}

/// Erases a slot, or overwrites it with zeros if that fails.
pub(super) fn blank<M: Medium + ?Sized>(
    medium: &mut M,
    slot: Slot,
    buffer: &mut [u8],
) -> Result<Permit, RecordError> {
    // What the flash returns afterwards counts.
    let _ = medium.erase(slot);
    let erased = Verdict::twice(|| Mask::public(medium.read(slot, buffer) == Ok(0)));
    let erased = erased.permit(RecordError::NotErased);
    if erased.is_ok() {
        return erased;
    }
    buffer.fill(0);
    let _ = medium.write(slot, buffer);
    Verdict::twice(|| {
        buffer.fill(0xff);
        let whole = medium.read(slot, buffer) == Ok(buffer.len());
        Mask::public(whole && buffer.iter().all(|byte| *byte == 0))
    })
    .permit(RecordError::NotErased)
}
