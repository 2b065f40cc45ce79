// SPDX-License-Identifier: MIT OR Apache-2.0
//! After a write that failed: what the flash holds is looked for anew.

use super::end::past;
use super::error::RecordError;
use super::find::Slots;
use super::position::{Position, stands};
use super::put::{advance, renew, take};
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

/// How often the slots are looked at before nothing in them is taken for the state. A flash that fails
/// to give a slot once does not cost the state in it.
const LOOKS: usize = 2;

/// Puts what stands past every number that a failed write may have given to another state.
///
/// That is the state before the write, as long as its slot has it. Otherwise it is what a start would
/// take; and if there is nothing, the next state is saved past all of them. `buffer` holds what stood.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
pub fn settle<M: Medium + ?Sized>(
    medium: &mut M,
    position: &mut Position,
    buffer: &mut [u8],
) -> Result<(), RecordError> {
    // A state that was renewed may still be below a number that another got before.
    while !position.is_settled() {
        put_past(medium, position, buffer)?;
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
    // A state that was written and not counted is counted first: it has the counter's next number.
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

/// A state that can be put past the others.
struct Stand {
    /// Where it is.
    from: Position,
    /// The number that it has, after which the next but one is free.
    number: u64,
    /// The slot that it goes to.
    over: Slot,
}

fn find<M: Medium + ?Sized>(
    medium: &mut M,
    position: Position,
    buffer: &mut [u8],
) -> Result<Option<Stand>, RecordError> {
    for _ in 0..LOOKS {
        let counter = medium.counter()?;
        let slots = Slots::look(medium, buffer);
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
        // The counter moved, though it seemed to fail: until this is done the other state stands.
        let over = match slots.holds(slot.other(), next) {
            true => slot,
            false => slot.other(),
        };
        return Some(at(Position::new(number, slot), over));
    }
    let stands = slots.standing(counter)?;
    Some(at(stands, stands.slot.other()))
}
