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

use sha2::{Digest, Sha256};

use self::layout::{Head, open, seal};
use super::host::{Host, Slot};
use crate::ct::{Mask, eq_bytes};
use crate::domain::InstanceId;
use crate::hardened::Verdict;
use crate::secret::wipe;

mod error;
mod layout;

pub use error::RecordError;
pub use layout::OVERHEAD;

/// Where the state stands: its number, which is the counter's, and its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    number: u64,
    slot: Slot,
    /// Whether no other state was ever given a higher number.
    settled: bool,
}

/// What a start finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Reads the newest state into `buffer`, and writes it anew two numbers higher.
///
/// On an error `buffer` is wiped. It has to hold the longest record, [`OVERHEAD`] longer than its
/// contents; if it is too short, reading fails as the flash does.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
pub fn load<H: Host + ?Sized>(host: &mut H, buffer: &mut [u8]) -> Result<Loaded, RecordError> {
    start(host, buffer).inspect_err(|_| wipe(buffer))
}

/// Makes `buffer[..len]` the state. On an error the old one stands, and `buffer` is wiped either way.
///
/// After an error of the flash the next call may fail too: it only puts the old state past the number
/// that failed. What has to be saved is given again, then.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
pub fn save<H: Host + ?Sized>(
    host: &mut H,
    instance: InstanceId,
    position: &mut Position,
    buffer: &mut [u8],
    len: usize,
) -> Result<(), RecordError> {
    match save_and_erase(host, instance, position, buffer, len) {
        Err(RecordError::NotErased) => Ok(()),
        saved => saved,
    }
}

/// As [`save`], where the old state holds what must not outlive it: an error, too, if the old slot
/// could not be overwritten. It is [`RecordError::NotErased`] then, and the new state stands.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
pub fn save_and_erase<H: Host + ?Sized>(
    host: &mut H,
    instance: InstanceId,
    position: &mut Position,
    buffer: &mut [u8],
    len: usize,
) -> Result<(), RecordError> {
    let saved = replace(host, instance, position, buffer, len);
    wipe(buffer);
    match saved? {
        Old::Erased => Ok(()),
        Old::Left => Err(RecordError::NotErased),
    }
}

/// Who saved the state of an HSM that never saved.
const NOBODY: InstanceId = InstanceId::from_bytes([0; 16]);

/// Where a state can be saved in place of what the slots hold, whatever that is: past the counter, and
/// past every number that a record there has.
pub fn discard<H: Host + ?Sized>(host: &mut H, buffer: &mut [u8]) -> Result<Position, RecordError> {
    let counter = host.counter()?;
    let numbers = [Slot::A, Slot::B].map(|slot| match look(host, slot, buffer) {
        Held::State(number) => number,
        _ => 0,
    });
    let newest = numbers.into_iter().fold(counter, u64::max);
    Ok(Position::new(newest.saturating_add(1), Slot::B))
}

/// What became of the slot with the old state.
enum Old {
    Erased,
    Left,
}

fn start<H: Host + ?Sized>(host: &mut H, buffer: &mut [u8]) -> Result<Loaded, RecordError> {
    let (mut position, (instance, len)) = match newest(host, buffer)? {
        Some(position) => {
            advance(host, position.number)?;
            (position, take(host, position, buffer)?)
        }
        // The state of an HSM that never saved is empty, stands at 0, and is in no slot.
        None => (Position::new(0, Slot::B), (NOBODY, 0)),
    };
    renew(host, instance, &mut position, buffer, len)?;
    let (instance, len) = take(host, position, buffer)?;
    Ok(match len {
        0 => Loaded::Blank { position },
        len => Loaded::Contents {
            len,
            instance,
            position,
        },
    })
}

/// What lies in a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Blank,
    /// The flash does not give it.
    Unreadable,
    /// It does not open: it was torn, damaged or made by somebody else.
    Garbage,
    UnknownVersion(u8),
    /// The state with this number.
    State(u64),
}

/// Where the state stands that the counter vouches for; `None` if nothing was ever saved.
fn newest<H: Host + ?Sized>(
    host: &mut H,
    buffer: &mut [u8],
) -> Result<Option<Position>, RecordError> {
    let counter = host.counter()?;
    let held = [Slot::A, Slot::B].map(|slot| (slot, look(host, slot, buffer)));
    for number in [counter.saturating_add(1), counter] {
        for (slot, content) in held {
            if content == Held::State(number) {
                Verdict::twice(|| is_current(host, number)).or(RecordError::Flash)?;
                return Ok(Some(Position::new(number, slot)));
            }
        }
    }
    // A first start that was cut off leaves anything in slot A, at most its own empty state, number 2.
    let [(_, a), (_, b)] = held;
    let never_saved = !matches!(a, Held::State(number) if number > 2) && b == Held::Blank;
    if counter == 0 && never_saved {
        return Ok(None);
    }
    Err(refusal(counter, a, b))
}

/// Why neither of what the slots hold is taken.
fn refusal(counter: u64, a: Held, b: Held) -> RecordError {
    let newest = [a, b].into_iter().filter_map(|held| match held {
        Held::State(number) => Some(number),
        _ => None,
    });
    match (newest.max(), a, b) {
        (Some(have), ..) if have < counter => RecordError::RolledBack { have, counter },
        (Some(have), ..) => RecordError::CounterBehind { have, counter },
        (None, Held::Unreadable, _) | (None, _, Held::Unreadable) => RecordError::Flash,
        (None, Held::UnknownVersion(version), _) | (None, _, Held::UnknownVersion(version)) => {
            RecordError::UnknownVersion(version)
        }
        (None, Held::Blank, Held::Blank) => RecordError::Missing { counter },
        (None, ..) => RecordError::Damaged,
    }
}

/// Whether the counter, read anew, stands at `number` or just before it.
fn is_current<H: Host + ?Sized>(host: &mut H, number: u64) -> Mask {
    host.counter().map_or(Mask::public(false), |counter| {
        same(counter, number) | same(counter.saturating_add(1), number)
    })
}

fn same(a: u64, b: u64) -> Mask {
    eq_bytes(&a.to_be_bytes(), &b.to_be_bytes())
}

fn look<H: Host + ?Sized>(host: &mut H, slot: Slot, buffer: &mut [u8]) -> Held {
    let Ok(record) = read(host, slot, buffer) else {
        return Held::Unreadable;
    };
    match record.first() {
        None => return Held::Blank,
        Some(&version) if version != Head::VERSION => return Held::UnknownVersion(version),
        Some(_) => {}
    }
    let held = match open(host.device_key(), record) {
        Some((head, opens, _)) if opens.declassify() => Held::State(head.number),
        _ => Held::Garbage,
    };
    wipe(record);
    held
}

fn read<'b, H: Host + ?Sized>(
    host: &mut H,
    slot: Slot,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], RecordError> {
    let len = host.read(slot, buffer)?;
    buffer.get_mut(..len).ok_or(RecordError::Flash)
}

/// Brings the state at `position` to the front of `buffer`, which is wiped behind it.
fn take<H: Host + ?Sized>(
    host: &mut H,
    position: Position,
    buffer: &mut [u8],
) -> Result<(InstanceId, usize), RecordError> {
    let mut taken = None;
    Verdict::twice(|| {
        let Ok(record) = read(host, position.slot, buffer) else {
            return Mask::public(false);
        };
        let Some((head, opens, len)) = open(host.device_key(), record) else {
            return Mask::public(false);
        };
        taken = Some((head.instance, len));
        opens & same(head.number, position.number)
    })
    .or(RecordError::Flash)?;
    let (instance, len) = taken.ok_or(RecordError::Flash)?;
    let contents = Head::LEN..Head::LEN.saturating_add(len);
    buffer.copy_within(contents, 0);
    wipe(buffer.get_mut(len..).unwrap_or_default());
    Ok((instance, len))
}

/// The next number is for `buffer[..len]`. After an error the old state is put past that number, or
/// `position` is left unsettled.
fn replace<H: Host + ?Sized>(
    host: &mut H,
    instance: InstanceId,
    position: &mut Position,
    buffer: &mut [u8],
    len: usize,
) -> Result<Old, RecordError> {
    if !position.settled {
        settle(host, position, buffer)?;
        return Err(RecordError::Flash);
    }
    // If the machine's memory was set back, and not its counter, the next number is given already.
    let (have, counter) = (position.number, host.counter()?);
    Verdict::twice(|| Mask::public(counter <= have))
        .or(RecordError::RolledBack { have, counter })?;
    let number = following(*position, 1)?;
    let record = seal(host, instance, number, buffer, len)?;
    position.settled = false;
    let Err(error) = commit(host, position, number, record) else {
        return Ok(overwrite(host, position.slot.other(), record));
    };
    // If this fails, so did the flash, and the next call tries again.
    let _ = settle(host, position, buffer);
    Err(error)
}

/// Puts the old state past the number that a failed write may have given to another.
fn settle<H: Host + ?Sized>(
    host: &mut H,
    position: &mut Position,
    buffer: &mut [u8],
) -> Result<(), RecordError> {
    let (instance, len) = take(host, *position, buffer)?;
    let mut stands = *position;
    if host.counter()? != stands.number {
        // The counter moved, though it seemed to fail: until this is done the other state stands.
        stands.slot = stands.slot.other();
    }
    renew(host, instance, &mut stands, buffer, len)?;
    *position = stands;
    Ok(())
}

/// Gives the present state, in `buffer[..len]`, the number after the next.
fn renew<H: Host + ?Sized>(
    host: &mut H,
    instance: InstanceId,
    position: &mut Position,
    buffer: &mut [u8],
    len: usize,
) -> Result<(), RecordError> {
    let number = following(*position, 2)?;
    let record = seal(host, instance, number, buffer, len)?;
    commit(host, position, number, record)?;
    // What is left in the old slot is past its number, and goes with the next write.
    overwrite(host, position.slot.other(), record);
    Ok(())
}

fn following(position: Position, by: u64) -> Result<u64, RecordError> {
    position.number.checked_add(by).ok_or(RecordError::Flash)
}

/// Writes `record` beside the present state, and makes it the present one.
fn commit<H: Host + ?Sized>(
    host: &mut H,
    position: &mut Position,
    number: u64,
    record: &mut [u8],
) -> Result<(), RecordError> {
    let slot = position.slot.other();
    place(host, slot, record)?;
    advance(host, number)?;
    *position = Position::new(number, slot);
    Ok(())
}

/// Writes `record`, and reads it back in its place.
fn place<H: Host + ?Sized>(host: &mut H, slot: Slot, record: &mut [u8]) -> Result<(), RecordError> {
    let written = Sha256::digest(&*record);
    host.write(slot, record)?;
    Verdict::twice(|| {
        record.fill(0);
        let len = host.read(slot, record).unwrap_or_default();
        let whole = Mask::public(len == record.len());
        whole & eq_bytes(&Sha256::digest(&*record), &written)
    })
    .or(RecordError::Flash)
}

/// Advances the counter if it is not there yet. What it says then is what counts.
fn advance<H: Host + ?Sized>(host: &mut H, number: u64) -> Result<(), RecordError> {
    if host.counter()? < number {
        let _ = host.advance(number);
    }
    Verdict::twice(|| {
        let counter = host.counter();
        counter.map_or(Mask::public(false), |counter| same(counter, number))
    })
    .or(RecordError::Flash)
}

/// Overwrites what is no longer the state.
fn overwrite<H: Host + ?Sized>(host: &mut H, slot: Slot, record: &mut [u8]) -> Old {
    match place(host, slot, record) {
        Ok(()) => Old::Erased,
        Err(_) => Old::Left,
    }
}

impl Position {
    /// The state's number. No two starts give the same one, and no two writes.
    pub(super) const fn number(self) -> u64 {
        self.number
    }

    /// Whether the counter is known to stand at this number: the last write did not fail.
    pub(super) const fn is_settled(self) -> bool {
        self.settled
    }

    const fn new(number: u64, slot: Slot) -> Self {
        Self {
            number,
            slot,
            settled: true,
        }
    }
}
