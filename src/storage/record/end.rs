// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of what the slots hold, whatever has failed.

use super::error::{Left, RecordError};
use super::find::Slots;
use super::position::Position;
use super::put::{advance, blank};
use crate::secret::wipe;
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

/// Erases both slots, as far as the flash lets it. It needs neither the generator nor the counter.
///
/// What is not known to be gone is left.
pub fn erase<M: Medium + ?Sized>(medium: &mut M, buffer: &mut [u8]) -> Left {
    let gone = [Slot::A, Slot::B].map(|slot| {
        let gone = blank(medium, slot, buffer);
        gone.and_then(|gone| gone.spend(RecordError::Fault)).is_ok()
    });
    wipe(buffer);
    match gone {
        [true, true] => Left::Nothing,
        [false, true] => Left::One(Slot::A),
        [true, false] => Left::One(Slot::B),
        [false, false] => Left::Both,
    }
}

/// Where a state can be saved in place of what the slots hold, whatever that is: no state stands there,
/// and [`settle`](super::settle::settle) looks for a number past the counter and past every record.
///
/// What the slots hold is to be erased before.
pub fn discard<M: Medium + ?Sized>(medium: &mut M, buffer: &mut [u8]) -> Position {
    let highest = Slots::look(medium, buffer).highest().unwrap_or(0);
    Position {
        number: 0,
        slot: Slot::B,
        given: highest.max(1),
    }
}

/// Moves `position` and the counter past every number that was given, where no state stands that a
/// start would take.
///
/// The counter goes first. So whatever was written before, and may be hidden, is past its number, and
/// the state that is saved next has the counter's next number.
pub fn past<M: Medium + ?Sized>(
    medium: &mut M,
    position: &mut Position,
) -> Result<(), RecordError> {
    let counter = medium.counter()?;
    // A start that was cut off has written the number after the next at most.
    let hidden = counter.checked_add(2).ok_or(RecordError::Flash)?;
    let number = hidden.max(position.given);
    position.give(number);
    advance(medium, counter, number)?.spend(RecordError::Fault)?;
    position.stand(number, Slot::B);
    Ok(())
}
