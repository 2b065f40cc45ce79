// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ends what the slots hold, even if parts of the HSM have failed.

use super::error::{Left, RecordError};
use super::find::Slots;
use super::position::Position;
use super::put::{advance, blank};
use crate::secret::wipe;
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

/// Erases both slots, as far as the flash allows. Needs neither the generator nor the counter.
///
/// Returns the slots that are not known to be blank.
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

/// Returns a position from which a state can be saved in place of anything in the slots. No state
/// counts as current there, and [`settle`](super::settle::settle) finds a number past the counter
/// and past every record.
///
/// The slots must be erased first.
pub fn discard<M: Medium + ?Sized>(medium: &mut M, buffer: &mut [u8]) -> Position {
    // If the device key fails here, the numbers in the slots stay unknown, as with a flash that fails.
    let found = Slots::look(medium, buffer).ok().and_then(Slots::highest);
    Position {
        number: 0,
        slot: Slot::B,
        given: found.unwrap_or(0).max(1),
    }
}

/// Moves `position` and the counter past every number that was used, to where no start would take a
/// state.
///
/// The counter goes first. So whatever was written before, and may be hidden, is past its number,
/// and the next saved state has the counter's next number.
///
/// # Errors
///
/// Fails for each reason in [`RecordError`] that the flash and the counter can cause.
pub fn past<M: Medium + ?Sized>(
    medium: &mut M,
    position: &mut Position,
) -> Result<(), RecordError> {
    let counter = medium.counter()?;
    // A start that was cut off has written at most the number after the next.
    let hidden = counter.checked_add(2).ok_or(RecordError::Flash)?;
    let number = hidden.max(position.given);
    position.give(number);
    advance(medium, counter, number)?.spend(RecordError::Fault)?;
    position.stand(number, Slot::B);
    Ok(())
}
