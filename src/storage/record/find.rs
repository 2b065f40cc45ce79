// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds which record in the slots is the state.

use super::error::RecordError;
use super::layout::{Head, Opened, open};
use super::position::{Position, same};
use crate::ct::Mask;
use crate::hardened::{Permit, Verdict};
use crate::secret::wipe;
use crate::storage::device_key::DeviceKeyError;
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

/// The contents of a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Blank,
    /// The flash cannot be read.
    Unreadable,
    /// The record does not open: it was torn, damaged or made by another HSM.
    Garbage,
    UnknownVersion(u8),
    /// The state with this number.
    State(u64),
}

/// The contents of both slots, A and B.
#[derive(Clone, Copy)]
pub(super) struct Slots([Held; 2]);

impl Slots {
    /// Looks into both slots. Without the device key nothing can be said of either.
    pub(super) fn look<M: Medium + ?Sized>(
        medium: &mut M,
        buffer: &mut [u8],
    ) -> Result<Self, DeviceKeyError> {
        let a = look(medium, Slot::A, buffer)?;
        Ok(Self([a, look(medium, Slot::B, buffer)?]))
    }

    pub(super) fn holds(self, slot: Slot, number: u64) -> bool {
        let Self([a, b]) = self;
        let held = match slot {
            Slot::A => a,
            Slot::B => b,
        };
        held == Held::State(number)
    }

    /// Returns the state that a start takes: one that is written but not yet counted, or the
    /// counted one.
    pub(super) fn standing(self, counter: u64) -> Option<Position> {
        [counter.saturating_add(1), counter]
            .into_iter()
            .flat_map(|number| [Slot::A, Slot::B].map(|slot| (number, slot)))
            .find(|(number, slot)| self.holds(*slot, *number))
            .map(|(number, slot)| Position::new(number, slot))
    }

    /// Returns the state that the counter names.
    fn counted(self, counter: u64) -> Option<Position> {
        { [Slot::A, Slot::B].into_iter() }
            .find(|slot| self.holds(*slot, counter))
            .map(|slot| Position::new(counter, slot))
    }

    /// Returns the highest number of a state here.
    pub(super) fn highest(self) -> Option<u64> {
        let numbers = self.0.into_iter().filter_map(|held| match held {
            Held::State(number) => Some(number),
            _ => None,
        });
        numbers.max()
    }

    /// Returns whether this is what a first start leaves if it is cut off: anything in slot A, and
    /// at most its own empty state, number 2.
    fn never_saved(self) -> Mask {
        let Self([a, b]) = self;
        let a = match a {
            Held::State(number) => Mask::at_most(number, 2),
            _ => Mask::public(true),
        };
        a & Mask::public(b == Held::Blank)
    }

    /// Returns why no record is taken.
    fn refusal(self, counter: u64) -> RecordError {
        match (self.highest(), self.0) {
            (Some(have), _) if have < counter => RecordError::RolledBack { have, counter },
            (Some(have), _) => RecordError::CounterBehind { have, counter },
            (None, [Held::Unreadable, _] | [_, Held::Unreadable]) => RecordError::Flash,
            (None, [Held::UnknownVersion(version), _] | [_, Held::UnknownVersion(version)]) => {
                RecordError::UnknownVersion(version)
            }
            (None, [Held::Blank, Held::Blank]) => RecordError::Missing { counter },
            (None, _) => RecordError::Damaged,
        }
    }
}

/// What a start begins with, and the permit for it.
pub(super) enum Newest {
    /// The state that the counter confirms.
    Saved(Position, Permit),
    /// Nothing was ever saved.
    Never(Permit),
}

pub(super) fn newest<M: Medium + ?Sized>(
    medium: &mut M,
    buffer: &mut [u8],
) -> Result<Newest, RecordError> {
    let counter = medium.counter()?;
    let slots = Slots::look(medium, buffer)?;
    if let Some(position) = slots.standing(counter) {
        let current = Verdict::twice(|| is_current(medium, position.number));
        return Ok(Newest::Saved(position, current.permit(RecordError::Flash)?));
    }
    if counter == 0 && slots.never_saved().declassify() {
        let mut why = RecordError::Flash;
        let never = Verdict::twice(|| {
            let counter = medium.counter();
            counter.map_or(Mask::public(false), |counter| same(counter, 0))
                & match Slots::look(medium, buffer) {
                    Ok(slots) => slots.never_saved(),
                    Err(error) => {
                        why = error.into();
                        Mask::public(false)
                    }
                }
        });
        return Ok(Newest::Never(never.permit(why)?));
    }
    Err(slots.refusal(counter))
}

/// Returns where the state is that the counter names, and a permit for it. A state that is written but
/// not yet counted is not taken.
pub(super) fn counted<M: Medium + ?Sized>(
    medium: &mut M,
    buffer: &mut [u8],
) -> Result<(Position, Permit), RecordError> {
    let counter = medium.counter()?;
    let slots = Slots::look(medium, buffer)?;
    let position = slots.counted(counter).ok_or(RecordError::Flash)?;
    let current = Verdict::twice(|| {
        let counter = medium.counter();
        counter.map_or(Mask::public(false), |counter| {
            same(counter, position.number)
        })
    });
    Ok((position, current.permit(RecordError::Flash)?))
}

/// Returns whether the counter, read again, is at `number` or just before it.
fn is_current<M: Medium + ?Sized>(medium: &mut M, number: u64) -> Mask {
    medium.counter().map_or(Mask::public(false), |counter| {
        same(counter, number) | same(counter.saturating_add(1), number)
    })
}

fn look<M: Medium + ?Sized>(
    medium: &mut M,
    slot: Slot,
    buffer: &mut [u8],
) -> Result<Held, DeviceKeyError> {
    let Ok(record) = read(medium, slot, buffer) else {
        return Ok(Held::Unreadable);
    };
    match record.first() {
        None => return Ok(Held::Blank),
        // No version: the slot was being overwritten.
        Some(0) => return Ok(Held::Garbage),
        Some(&version) if version != Head::VERSION => return Ok(Held::UnknownVersion(version)),
        Some(_) => {}
    }
    let opened = open(medium.device_key(), record);
    wipe(record);
    medium.progress();
    Ok(match opened? {
        Some(Opened { head, opens, .. }) if opens.declassify() => Held::State(head.number),
        _ => Held::Garbage,
    })
}

pub(super) fn read<'b, M: Medium + ?Sized>(
    medium: &mut M,
    slot: Slot,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], RecordError> {
    let len = medium.read(slot, buffer)?;
    buffer.get_mut(..len).ok_or(RecordError::Flash)
}
