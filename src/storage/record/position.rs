// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the state stands, and what is known of its number.

use super::error::RecordError;
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

/// Where the state stands: its number, which is the counter's, and its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub(super) number: u64,
    pub(super) slot: Slot,
    /// The highest number that may have been given to a state: above `number` after a failed write.
    pub(super) given: u64,
}

impl Position {
    /// The state's number. No two starts give the same one, and no two writes.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// Whether no state was ever given a higher number.
    pub const fn is_settled(self) -> bool {
        self.given == self.number
    }

    /// Takes note that the flash may hold another state than the one that this number is known for.
    pub fn doubt(&mut self) {
        self.give(self.number.saturating_add(1));
    }

    pub(super) const fn new(number: u64, slot: Slot) -> Self {
        Self {
            number,
            slot,
            given: number,
        }
    }

    /// Takes note, before anything is written, that a state may get this number.
    pub(super) fn give(&mut self, number: u64) {
        self.given = self.given.max(number);
    }

    /// The state with `number` stands in `slot`.
    pub(super) fn stand(&mut self, number: u64, slot: Slot) {
        self.number = number;
        self.slot = slot;
        self.give(number);
    }
}

/// A permit if the counter stands where `position` says.
///
/// It is ahead if another state was saved since, as when the machine's memory was set back, and behind
/// if it was set back itself. After a failed write it may be anywhere up to the number that was given.
pub fn stands<M: Medium + ?Sized>(
    medium: &mut M,
    position: &Position,
) -> Result<Permit, RecordError> {
    let (have, counter) = (position.number, medium.counter()?);
    let refusal = match counter {
        counter if counter < have => RecordError::CounterBehind { have, counter },
        counter if counter > position.given => RecordError::RolledBack { have, counter },
        // It said something else when it was asked again.
        _ => RecordError::Flash,
    };
    Verdict::twice(|| {
        let counter = medium.counter();
        counter.map_or(Mask::public(false), |counter| {
            Mask::at_most(position.number, counter) & Mask::at_most(counter, position.given)
        })
    })
    .permit(refusal)
}

pub(super) fn following(position: Position, by: u64) -> Result<u64, RecordError> {
    position.number.checked_add(by).ok_or(RecordError::Flash)
}

pub(super) fn same(a: u64, b: u64) -> Mask {
    eq_bytes(&a.to_be_bytes(), &b.to_be_bytes())
}
