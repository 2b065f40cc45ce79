// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stores the state at rest: one opaque plaintext, under the device key and the counter, in two
//! slots.
//!
//! Every state has a number, and the counter says which number is current. A new state goes to the
//! slot that does not hold the current one and is read back; it becomes current when the counter
//! reaches its number; then the old slot is overwritten with it. So a power failure leaves the old
//! state or the new one, and an old image of the flash is not accepted as either, because the
//! counter is past it.
//!
//! Two rules close the remaining gaps. First, a number is never given to two different states: a
//! record whose writing was cut off may have been copied and hidden, and whoever has it could later
//! choose between the two. So each start writes the state it found again, two numbers higher, past
//! anything that may be hidden; so does a failed write, before anything else is saved. Second, a
//! key is never used twice: each attempt has its own salt. `docs/format.md`, "Record", specifies
//! the bytes.
//!
//! Decisions cross the functions here as a [`Permit`], which is tested again where the state is
//! written or taken.

use self::find::{Newest, counted, newest};
pub use self::layout::OVERHEAD;
use self::layout::seal;
use self::position::following;
pub use self::position::{Position, stands};
use self::put::{Taken, advance, commit, overwrite, renew, take};
pub use self::settle::settle;
use crate::hardened::Permit;
use crate::sealed_domain::InstanceId;
use crate::secret::wipe;
use crate::storage::flash::Slot;
use crate::storage::medium::Medium;

mod end;
mod error;
mod find;
mod layout;
mod position;
mod put;
mod settle;

pub use end::{discard, erase, past};
pub use error::{Left, RecordError};

/// What a start finds in the slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "hazmat",
    expect(clippy::exhaustive_enums, reason = "in `hazmat` only")
)]
pub enum Loaded {
    /// Nothing was saved yet, or the last saved state is empty.
    Blank {
        /// Where to save the next state.
        position: Position,
    },
    /// The last saved state.
    Contents {
        /// Its length in bytes, from the front of the buffer.
        len: usize,
        /// The HSM that saved it.
        instance: InstanceId,
        /// Where it is stored.
        position: Position,
    },
}

/// A new state was stored.
pub struct Saved {
    /// Shows that the state was read back and that the counter has its number.
    pub stands: Permit,
    /// Shows that nothing is left of the state before it. `None` if the old slot could be neither
    /// overwritten nor erased.
    pub erased: Option<Permit>,
}

/// Reads the newest state into `buffer`, and writes it again two numbers higher.
///
/// If the flash does not take that write, the state that the counter names is read as it is, if there is
/// one. Its position is then not settled, so the state is moved past every hidden record before another
/// one is saved.
///
/// On an error `buffer` is wiped. It must hold the longest record, which is [`OVERHEAD`] longer
/// than its contents; if it is too short, reading fails like a failing flash.
///
/// The permit says that the state is the one that the counter names. Spend it where the state is
/// taken.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
///
/// # Errors
///
/// Fails for each reason in [`RecordError`].
pub fn load<M: Medium + ?Sized>(
    medium: &mut M,
    buffer: &mut [u8],
) -> Result<(Loaded, Permit), RecordError> {
    let started = match start(medium, buffer) {
        Err(RecordError::Flash) => start_without_writing(medium, buffer),
        started => started,
    };
    started.inspect_err(|_| wipe(buffer))
}

/// Makes `buffer[..len]` the current state, and overwrites the previous one. On an error the
/// previous state stays current, unless the flash failed more than once; then the next call, or the
/// next start, finds out which one is current. `buffer` is wiped either way.
///
/// After an error of the flash the next call may fail too: it only moves the current state past the
/// number that failed, as [`settle`] does. Then save again.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
///
/// # Errors
///
/// Fails for each reason in [`RecordError`].
pub fn save<M: Medium + ?Sized>(
    medium: &mut M,
    instance: InstanceId,
    position: &mut Position,
    buffer: &mut [u8],
    len: usize,
) -> Result<Saved, RecordError> {
    let saved = replace(medium, instance, position, buffer, len);
    wipe(buffer);
    saved
}

/// The id of an HSM that has never saved.
const NOBODY: InstanceId = InstanceId::from_bytes([0; 16]);

fn start<M: Medium + ?Sized>(
    medium: &mut M,
    buffer: &mut [u8],
) -> Result<(Loaded, Permit), RecordError> {
    let (mut position, instance, len, permit) = match newest(medium, buffer)? {
        Newest::Saved(position, current) => {
            let counted = advance(medium, position.number.saturating_sub(1), position.number)?;
            let taken = take(medium, position, buffer)?;
            let permit = current.and(counted).and(taken.permit);
            (position, taken.instance, taken.len, permit)
        }
        // The state of an HSM that has never saved is empty, has number 0, and is in no slot.
        Newest::Never(never) => (Position::new(0, Slot::B), NOBODY, 0, never),
    };
    let renewed = renew(medium, instance, &mut position, buffer, len, permit)?;
    let taken = take(medium, position, buffer)?;
    Ok(loaded(position, taken, renewed))
}

/// Reads the state that the counter names. The start before this may have written it again, under the
/// number after the next.
fn start_without_writing<M: Medium + ?Sized>(
    medium: &mut M,
    buffer: &mut [u8],
) -> Result<(Loaded, Permit), RecordError> {
    let (mut position, current) = counted(medium, buffer)?;
    position.give(following(position, 2)?);
    let taken = take(medium, position, buffer)?;
    Ok(loaded(position, taken, current))
}

fn loaded(position: Position, taken: Taken, permit: Permit) -> (Loaded, Permit) {
    let loaded = match taken.len {
        0 => Loaded::Blank { position },
        len => Loaded::Contents {
            len,
            instance: taken.instance,
            position,
        },
    };
    (loaded, permit.and(taken.permit))
}

/// Gives the next number to `buffer[..len]`. After an error the current state is moved past that
/// number, or `position` is left unsettled.
fn replace<M: Medium + ?Sized>(
    medium: &mut M,
    instance: InstanceId,
    position: &mut Position,
    buffer: &mut [u8],
    len: usize,
) -> Result<Saved, RecordError> {
    if !position.is_settled() {
        settle(medium, position, buffer)?;
        return Err(RecordError::Flash);
    }
    // If the machine's memory was set back, but not its counter, the next number is already in use.
    let current = stands(medium, position)?;
    let number = following(*position, 1)?;
    let record = seal(medium, instance, number, buffer, len)?;
    match commit(medium, position, number, record, current) {
        Ok(stands) => Ok(Saved {
            stands,
            erased: overwrite(medium, position.slot.other(), record),
        }),
        Err(error) => {
            // If this fails, so did the flash, and the next call tries again.
            let _ = settle(medium, position, buffer);
            Err(error)
        }
    }
}
