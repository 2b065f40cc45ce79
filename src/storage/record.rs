// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state at rest: one opaque plaintext, under the device key and the counter, in two slots.
//!
//! Every state has a number, and the counter says which number stands. A new state goes to the slot
//! that does not hold the present one, is read back, and stands from the moment the counter has its
//! number; then the old slot is overwritten with it. So a power failure leaves the old state or the
//! new one, and no old image of the flash is taken for either, because the counter is past it.
//!
//! Two rules close what that leaves open. A number is never given to two different states: a record
//! whose writing was cut off may have been copied and hidden, and whoever has it could choose later
//! between the two. So each start writes the state it found anew, two numbers higher, past whatever may
//! be hidden, and so does a failed write, before anything else is saved. And a key is never used
//! twice: each attempt has a salt of its own. `docs/format.md`, "Record", has the bytes.
//!
//! What a decision allows crosses the functions here as a [`Permit`], and is tested again where the
//! state is written, or taken.

use self::find::{Newest, newest};
pub use self::layout::OVERHEAD;
use self::layout::seal;
use self::position::following;
pub use self::position::{Position, stands};
use self::put::{advance, commit, overwrite, renew, take};
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

/// What a start finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "in `hazmat` only")]
pub enum Loaded {
    /// Nothing was saved yet, or what was saved last is empty.
    Blank {
        /// Where to save.
        position: Position,
    },
    /// The state that was saved last.
    Contents {
        /// How many bytes of the buffer it takes, from its beginning.
        len: usize,
        /// The HSM that saved it.
        instance: InstanceId,
        /// Where it stands.
        position: Position,
    },
}

/// A new state stands.
pub struct Saved {
    /// That it was read back, and that the counter has its number.
    pub stands: Permit,
    /// That nothing of the state before it is left. None if the old slot could be neither overwritten
    /// nor erased.
    pub erased: Option<Permit>,
}

/// Reads the newest state into `buffer`, and writes it anew two numbers higher.
///
/// On an error `buffer` is wiped. It has to hold the longest record, [`OVERHEAD`] longer than its
/// contents; if it is too short, reading fails as the flash does.
///
/// The permit says that the state is the one that the counter names. It is to be spent where the state
/// is taken.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
pub fn load<M: Medium + ?Sized>(
    medium: &mut M,
    buffer: &mut [u8],
) -> Result<(Loaded, Permit), RecordError> {
    start(medium, buffer).inspect_err(|_| wipe(buffer))
}

/// Makes `buffer[..len]` the state, and overwrites the one before it. On an error the old one stands,
/// unless the flash failed more than once; then what stands is known after the next call, or the next
/// start. `buffer` is wiped either way.
///
/// After an error of the flash the next call may fail too: it only puts what stands past the number
/// that failed, as [`settle`] does. What has to be saved is given again, then.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
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

/// Who saved the state of an HSM that never saved.
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
        // The state of an HSM that never saved is empty, stands at 0, and is in no slot.
        Newest::Never(never) => (Position::new(0, Slot::B), NOBODY, 0, never),
    };
    let renewed = renew(medium, instance, &mut position, buffer, len, permit)?;
    let taken = take(medium, position, buffer)?;
    let loaded = match taken.len {
        0 => Loaded::Blank { position },
        len => Loaded::Contents {
            len,
            instance: taken.instance,
            position,
        },
    };
    Ok((loaded, renewed.and(taken.permit)))
}

/// The next number is for `buffer[..len]`. After an error what stands is put past that number, or
/// `position` is left unsettled.
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
    // If the machine's memory was set back, and not its counter, the next number is given already.
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
