// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds out what the flash holds after a failed write.

use super::end::past;
use super::error::RecordError;
use super::find::Slots;
use super::position::{Position, stands};
use super::put::{advance, renew, take};
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

/// How often the slots are read before they count as holding no state. So a flash that fails to
/// read a slot once does not cost the state in it.
const LOOKS: usize = 2;

/// Moves the current state past every number that a failed write may have given to another state.
///
/// The current state is the one before the write, as long as its slot has it; otherwise the one
/// that a start would take. If there is none, the next state is saved past all of them. `buffer`
/// holds what was current.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
///
/// # Errors
///
/// Fails for each reason in [`RecordError`] except `NotErased` and `Flash`.
pub fn settle<M: Medium + ?Sized>(
    medium: &mut M,
    position: &mut Position,
    buffer: &mut [u8],
) -> Result<(), RecordError> {
    // A renewed state may still be below a number that another state got before.
    while !position.is_settled() {
        put_past(medium, position, buffer).map_err(|error| match error {
            RecordError::Flash => RecordError::NotWritable,
            error => error,
        })?;
    }
    Ok(())
}

fn put_past<M: Medium + ?Sized>(
    medium: &mut M,
    position: &mut Position,
    buffer: &mut [u8],
) -> Result<(), RecordError> {
    let mut allowed = stands(medium, position)?;
    let Some(stand) = find(medium, *position, buffer)? else {
        return past(medium, position);
    };
    let Stand { from, number, over } = stand;
    // A state that was written but not counted is counted first: it has the counter's next number.
    if from.number > position.number {
        allowed = allowed.and(advance(medium, position.number, number)?);
    }
    let taken = take(medium, from, buffer)?;
    let mut put = Position {
        number,
        slot: over.other(),
        given: position.given,
    };
    let permit = allowed.and(taken.permit);
    let renewed = renew(medium, taken.instance, &mut put, buffer, taken.len, permit);
    position.give(put.given);
    renewed?.spend(RecordError::Fault)?;
    *position = put;
    Ok(())
}

/// A state that can be moved past the others.
struct Stand {
    /// Where it is.
    from: Position,
    /// Its number; the number after the next is free.
    number: u64,
    /// The slot to which it is moved.
    over: Slot,
}

fn find<M: Medium + ?Sized>(
    medium: &mut M,
    position: Position,
    buffer: &mut [u8],
) -> Result<Option<Stand>, RecordError> {
    for _ in 0..LOOKS {
        let counter = medium.counter()?;
        let slots = Slots::look(medium, buffer)?;
        let stand = choose(position, counter, slots);
        if stand.is_some() {
            return Ok(stand);
        }
    }
    Ok(None)
}

fn choose(position: Position, counter: u64, slots: Slots) -> Option<Stand> {
    let Position { number, slot, .. } = position;
    let kept = slots.holds(slot, number);
    let next = number.checked_add(1)?;
    let at = |from: Position, over| Stand {
        from,
        number: from.number,
        over,
    };
    if kept && counter == number {
        return Some(at(Position::new(number, slot), slot.other()));
    }
    if kept && counter == next {
        // The counter advanced, although it seemed to fail: until the move is done, the other state
        // is current.
        let over = match slots.holds(slot.other(), next) {
            true => slot,
            false => slot.other(),
        };
        return Some(at(Position::new(number, slot), over));
    }
    let stands = slots.standing(counter)?;
    Some(at(stands, stands.slot.other()))
}
