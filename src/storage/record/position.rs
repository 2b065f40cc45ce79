// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the current state is stored, and which numbers may be in use.

use super::error::RecordError;
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Permit, Verdict};
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

/// Where the current state is stored: its number, which is the counter's, and its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub(super) number: u64,
    pub(super) slot: Slot,
    /// The highest number that a state may have; above `number` after a failed write.
    pub(super) given: u64,
}

impl Position {
    /// Returns the state's number. No two starts, and no two writes, use the same one.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// Returns whether no state was ever given a higher number.
    pub const fn is_settled(self) -> bool {
        self.given == self.number
    }

    /// Records that the flash may hold another state than the one known for this number.
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

    /// Records, before anything is written, that a state may get this number.
    pub(super) fn give(&mut self, number: u64) {
        self.given = self.given.max(number);
    }

    /// Records that the state with `number` is in `slot`.
    pub(super) fn stand(&mut self, number: u64, slot: Slot) {
        self.number = number;
        self.slot = slot;
        self.give(number);
    }
}

/// Returns a permit if the counter is where `position` says.
///
/// The counter is ahead if another state was saved since, as when the machine's memory was set
/// back, and behind if it was set back itself. After a failed write it may be anywhere up to the
/// number that was given.
///
/// # Errors
///
/// - [`RecordError::RolledBack`]: the counter is ahead.
/// - [`RecordError::CounterBehind`]: the counter is behind.
/// - [`RecordError::Flash`]: the counter cannot be read, or its readings differ.
pub fn stands<M: Medium + ?Sized>(
    medium: &mut M,
    position: &Position,
) -> Result<Permit, RecordError> {
    let (have, counter) = (position.number, medium.counter()?);
    let refusal = match counter {
        counter if counter < have => RecordError::CounterBehind { have, counter },
        counter if counter > position.given => RecordError::RolledBack { have, counter },
        // The second reading differs from the first.
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
