// SPDX-License-Identifier: MIT OR Apache-2.0
//! One entry of a log at rest: a record and the state of the log after it, authenticated with a key
//! of the device (`docs/format.md`, "Entry").
//!
//! So a start reads the last entry alone, and appending is one write.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::ct::{declassify_bytes, eq_bytes};
use crate::custody::record::{Body, Fact};
use crate::custody::record::{MAX_RECORD_LEN, Record, coded_step, step_code};
use crate::custody::tree::{LEVELS, Node, RecordHash, Tree};
use crate::hardened::{Fault, Permit, Verdict, copy};
use crate::lifecycle::{Event, Outcome, PinsDigest, Step};
use crate::mac::keyed;
use crate::sealed_domain::InstanceId;
use crate::secret::Secret;

const VERSION: u8 = 1;

const TAG_LEN: usize = 32;

/// Version, and the record's length.
const HEAD_LEN: usize = 3;

/// The state without the tree's nodes.
const STATE_LEN: usize = 32 + 1 + 5 + 5 + 8 + 4 + 4;

/// The maximum length of an entry in bytes. In a log of 100,000 records it is at most 990.
pub const MAX_ENTRY_LEN: usize = HEAD_LEN + MAX_RECORD_LEN + STATE_LEN + 32 * LEVELS + TAG_LEN;

/// What a log knows after its last record.
#[derive(Clone)]
pub(super) struct State {
    pub(super) tree: Tree,
    /// The last record; zeros if there is none.
    pub(super) last: RecordHash,
    pub(super) pins: PinsDigest,
    /// Whether the HSM came into use and has not been endorsed since.
    pub(super) due: bool,
    /// The step that has no outcome yet, and its record.
    pub(super) open: Option<(Step, u32)>,
    pub(super) last_hand_off: Option<u32>,
    /// The hour of the last refusals, and the kinds of steps that have a record of it, a bit each.
    pub(super) refused: (u64, u32),
}

impl State {
    pub(super) const EMPTY: Self = Self {
        tree: Tree::EMPTY,
        last: RecordHash::from_bytes([0; 32]),
        pins: PinsDigest::from_bytes([0; 32]),
        due: false,
        open: None,
        last_hand_off: None,
        refused: (0, 0),
    };

    /// Returns the state after a record, but for refusals.
    pub(super) fn after(&self, record: &Record<'_>, bytes: &[u8]) -> Option<Self> {
        let mut state = self.clone();
        state.last = RecordHash::of(bytes);
        state.tree.append(&state.last).ok()?;
        match &record.body {
            Body::Event(Event::Zeroize) => state.due = false,
            Body::Event(event) => {
                if let Some(step) = event.step() {
                    state.open = Some((step, record.number));
                }
            }
            Body::Outcome { step, outcome, .. } => {
                state.open = None;
                // What was lost with the power may have taken effect. If not, the HSM is not in
                // use, and endorses nothing.
                state.due |= brings_into_use(*step) && *outcome != Some(Outcome::Failed);
            }
            Body::Endorsement(_) => state.due = false,
            Body::Fact(Fact::Pin(pin)) => state.pins = pin.after(&state.pins),
            Body::Fact(Fact::HandOff(_)) => state.last_hand_off = Some(record.number),
            Body::Refused { .. } | Body::Fact(_) => {}
        }
        Some(state)
    }
}

/// Writes to the front of a buffer.
struct Writer<'o> {
    room: &'o mut [u8],
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let room = core::mem::take(&mut self.room);
        let (front, rest) = room.split_at_mut_checked(bytes.len()).ok_or(Fault)?;
        self.room = rest;
        copy(front, bytes)
    }
}

const NONE: u32 = u32::MAX;

/// Completes the entry whose record is in its place in `buffer`, and returns it.
///
/// Secret: the key. Public: everything else. Leaks: nothing.
pub(super) fn seal<'b>(
    key: &Secret<32>,
    instance: InstanceId,
    record_len: usize,
    state: &State,
    buffer: &'b mut [u8; MAX_ENTRY_LEN],
) -> Result<&'b [u8], Fault> {
    let (head, room) = buffer.split_at_mut_checked(HEAD_LEN).ok_or(Fault)?;
    let len = u16::try_from(record_len).map_err(|_| Fault)?.to_be_bytes();
    let [high, low] = len;
    copy(head, &[VERSION, high, low])?;
    let room = room.get_mut(record_len..).ok_or(Fault)?;
    let all = room.len();
    let mut out = Writer { room };
    out.put(state.pins.as_bytes())?;
    out.put(&[u8::from(state.due)])?;
    let (step, number) = state
        .open
        .map_or((0, 0), |(step, at)| (step_code(step), at));
    out.put(&[step])?;
    out.put(&number.to_be_bytes())?;
    out.put(&[u8::from(state.last_hand_off.is_some())])?;
    out.put(&state.last_hand_off.unwrap_or(NONE).to_be_bytes())?;
    out.put(&state.refused.0.to_be_bytes())?;
    out.put(&state.refused.1.to_be_bytes())?;
    out.put(&state.tree.size().to_be_bytes())?;
    for peak in state.tree.peaks() {
        out.put(peak)?;
    }
    let state_len = all.saturating_sub(out.room.len());
    let end = HEAD_LEN
        .saturating_add(record_len)
        .saturating_add(state_len);
    let mut tag = tag(key, instance, buffer.get(..end).ok_or(Fault)?);
    declassify_bytes(&mut tag);
    let whole = end.saturating_add(TAG_LEN);
    copy(buffer.get_mut(end..whole).ok_or(Fault)?, &tag)?;
    buffer.get(..whole).ok_or(Fault)
}

/// Returns whether the domain endorses the HSM after this step.
pub(super) const fn brings_into_use(step: Step) -> bool {
    matches!(step, Step::Activate | Step::Recover | Step::ConfirmImport)
}

fn tag(key: &Secret<32>, instance: InstanceId, entry: &[u8]) -> [u8; TAG_LEN] {
    let mut mac: Hmac<Sha256> = keyed(key.expose());
    mac.update(instance.as_bytes());
    mac.update(entry);
    mac.finalize().into_bytes().into()
}

/// An entry whose tag is right.
pub(super) struct Opened<'e> {
    pub(super) record: &'e [u8],
    pub(super) state: State,
    /// Shows that the tag is right. Spend it where the entry is taken.
    pub(super) permit: Permit,
}

/// Opens the entry of this number; `None` if it is torn, changed or in another place.
///
/// Secret: the key. Public: the entry. Leaks: whether it opens.
pub(super) fn open<'e>(
    key: &Secret<32>,
    instance: InstanceId,
    number: u32,
    entry: &'e [u8],
) -> Option<Opened<'e>> {
    let (signed, have) = entry.split_last_chunk::<TAG_LEN>()?;
    let want = tag(key, instance, signed);
    let permit = Verdict::twice(|| eq_bytes(&want, have)).permit(()).ok()?;
    let (&[version, high, low], rest) = signed.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes([high, low]));
    let (record, rest) = rest.split_at_checked(len)?;
    let (pins, rest) = rest.split_first_chunk()?;
    let (&[due, step], rest) = rest.split_first_chunk()?;
    let (at, rest) = rest.split_first_chunk()?;
    let (&[handed], rest) = rest.split_first_chunk()?;
    let (hand_off, rest) = rest.split_first_chunk()?;
    let (hour, rest) = rest.split_first_chunk()?;
    let (steps, rest) = rest.split_first_chunk()?;
    let (size, peaks) = rest.split_first_chunk()?;
    let size = u32::from_be_bytes(*size);
    let (peaks, []) = peaks.as_chunks::<{ size_of::<Node>() }>() else {
        return None;
    };
    let fits = version == VERSION && number.checked_add(1) == Some(size);
    fits.then_some(())?;
    let state = State {
        tree: Tree::from_peaks(size, peaks.iter())?,
        last: RecordHash::of(record),
        pins: PinsDigest::from_bytes(*pins),
        due: due == 1,
        open: coded_step(step).map(|step| (step, u32::from_be_bytes(*at))),
        last_hand_off: (handed == 1).then_some(u32::from_be_bytes(*hand_off)),
        refused: (u64::from_be_bytes(*hour), u32::from_be_bytes(*steps)),
    };
    Some(Opened {
        record,
        state,
        permit,
    })
}

/// Returns the place of the record in an entry that is being made.
pub(super) fn record_room(buffer: &mut [u8; MAX_ENTRY_LEN]) -> Result<&mut [u8], Fault> {
    let end = HEAD_LEN.saturating_add(MAX_RECORD_LEN);
    buffer.get_mut(HEAD_LEN..end).ok_or(Fault)
}
