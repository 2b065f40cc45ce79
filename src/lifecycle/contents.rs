// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contents of a record: the whole state of a domain, in CBOR (`docs/format.md`).

use minicbor::Encoder;

use super::audit::Owed;
use super::demand::Demands;
use super::holding::Holding;
use super::instance::Instance;
use super::session::{Aim, Place, Task};
use super::stage::Stage;
use super::standing::Standing;
use crate::cbor::{Malformed, Reader, bytes_len};
use crate::ct::declassify_bytes;
use crate::hardened::copy;
use crate::rng::Watched;
use crate::rsa::{ModulusSize, PrivateKey};
#[cfg(feature = "managed-hsm")]
use crate::sealed_domain::MAX_TEXT_LEN;
use crate::sealed_domain::{
    BirthCommitment, HeaderDigest, InstanceId, LedgerHead, MAX_ARTIFACTS, MAX_CUSTODIANS,
    RELEASE_LEN, Root,
};
use crate::secret::Secret;
use crate::storage::record::{OVERHEAD, RecordError};

mod demands;
#[cfg(feature = "managed-hsm")]
mod import;
mod part;
mod rotation;
mod session;

pub(super) use part::Part;
use part::{NotEncoded, Out, Read, Written, read_epoch};
use session::{read_session, write_session};

const VERSION: u8 = 1;

/// The maximum length of a record without the artifacts, a transfer key, shares, and the
/// expectations of an import.
pub(super) const FIXED_ROOM: usize =
    16 + bytes_len(16) + 2 * bytes_len(32) + 2 * 5 + 8 * bytes_len(32) + 8 * 9 + OVERHEAD;

/// What a root and the present sealing take of that.
const DOMAIN_ROOM: usize = 4 * bytes_len(32);

/// The maximum length of a session's record while it has a transfer key. It has no domain then.
pub(super) const SESSION_ROOM: usize =
    FIXED_ROOM - DOMAIN_ROOM + bytes_len(PrivateKey::PKCS8_MAX_LEN);

/// The same with the shares of all custodians.
pub(super) const RECOVERY_ROOM: usize = {
    let share = 1 + bytes_len(32) + 1 + bytes_len(32);
    SESSION_ROOM + MAX_CUSTODIANS * share
};

/// Returns the maximum length in a record of `count` artifacts that an import expects.
#[cfg_attr(
    not(feature = "managed-hsm"),
    allow(unused_variables, reason = "there is no import")
)]
const fn expected_room(count: usize) -> usize {
    #[cfg(feature = "managed-hsm")]
    return count.saturating_mul(super::import::expected_len(MAX_TEXT_LEN));
    #[cfg(not(feature = "managed-hsm"))]
    0
}

/// Returns the length of the longest record with `count` artifacts of this length.
pub(super) const fn record_room(count: usize, artifacts: usize) -> usize {
    // Artifacts and a transfer key are never in the same record. An import can expect a root, too.
    let expected = expected_room(count.saturating_add(1));
    let domain = FIXED_ROOM
        .saturating_add(expected)
        .saturating_add(artifacts);
    longer(
        domain,
        longer(RECOVERY_ROOM, SESSION_ROOM.saturating_add(expected)),
    )
}

/// Returns the length of the record while a rotation is open, with artifacts of this length. The key is
/// in the record if it is an RSA key and `rsa_in_vault`; it is short otherwise.
pub(super) const fn rotation_room(artifacts: usize, rsa_in_vault: bool) -> usize {
    let key = match rsa_in_vault {
        true => bytes_len(PrivateKey::PKCS8_MAX_LEN),
        // The public half of a key in a device is the longest.
        false => 2 + bytes_len(ModulusSize::MAX_BYTES) + bytes_len(8),
    };
    let rotation = 4 * bytes_len(32) + 1 + 5 + 2 * 2 + 4 * 3 + 2 * 9 + 1;
    FIXED_ROOM
        .saturating_add(rotation)
        .saturating_add(key)
        .saturating_add(artifacts)
}

/// Returns the greater number.
pub(super) const fn longer(a: usize, b: usize) -> usize {
    if a < b { b } else { a }
}

/// The state of a domain that is to be written.
pub(super) struct Contents<'a, const N: usize> {
    pub(super) stage: Stage,
    pub(super) instance: &'a Instance,
    pub(super) owed: Owed,
    pub(super) held: &'a Holding<N>,
    pub(super) standing: Standing,
    pub(super) release: &'a Secret<RELEASE_LEN>,
    pub(super) demands: &'a Demands,
    pub(super) session: Option<&'a Place>,
    pub(super) ledger_head: LedgerHead,
}

impl<const N: usize> Contents<'_, N> {
    /// Writes the contents to the front of `out`, and returns their length.
    ///
    /// Secret: root, artifacts, shares, keys. Public: the state, tags, lengths. Leaks: nothing else.
    pub(super) fn encode(&self, out: &mut [u8]) -> Result<usize, RecordError> {
        let room = out.len();
        let mut encoder = Encoder::new(out);
        match self.write(&mut encoder) {
            Ok(()) => {
                let len = room.checked_sub(encoder.writer().len());
                len.ok_or(RecordError::Fault)
            }
            Err(NotEncoded::NoRoom) => Err(RecordError::BufferTooSmall {
                needed: self.needed(),
            }),
            Err(NotEncoded::Fault) => Err(RecordError::Fault),
        }
    }

    /// Returns how many bytes of room are enough.
    fn needed(&self) -> usize {
        let len = self.held.encoded_len();
        longer(
            record_room(MAX_ARTIFACTS, len),
            rotation_room(len, self.stage == Stage::Rotating),
        )
    }

    fn write(&self, out: &mut Out<'_>) -> Written {
        out.array(10)?.u8(VERSION)?.u8(self.stage as u8)?;
        out.bytes(self.instance.id.as_bytes())?
            .bytes(self.instance.seed.expose())?
            .u8(self.owed.0)?;
        write_holding({ self.stage.has_domain() }.then_some(self.held), out)?;
        match (self.standing.epoch, self.standing.header()) {
            (Some(epoch), Some(header)) => {
                out.array(3)?.u32(epoch.get())?.bytes(header.as_bytes())?;
                out.bytes(self.release.expose())?;
            }
            _ => {
                out.null()?;
            }
        }
        demands::write(self.demands, out)?;
        match self.session {
            Some(place) => write_session(place, self.held, self.stage, out)?,
            None => {
                out.null()?;
            }
        }
        out.bytes(self.ledger_head.as_bytes())?;
        Ok(())
    }
}

fn write_holding<const N: usize>(holding: Option<&Holding<N>>, out: &mut Out<'_>) -> Written {
    match holding {
        Some(holding) => out
            .array(3)?
            .bytes(holding.root.secret().expose())?
            .bytes(holding.root.commitment().as_bytes())?
            .bytes(holding.encoded()?)?,
        None => out.null()?,
    };
    Ok(())
}

/// Where the contents of a record are read into.
pub(super) struct Places<'a, const N: usize> {
    pub(super) instance: &'a mut Instance,
    pub(super) owed: &'a mut Owed,
    pub(super) held: &'a mut Holding<N>,
    pub(super) standing: &'a mut Standing,
    pub(super) release: &'a mut Secret<RELEASE_LEN>,
    pub(super) demands: &'a mut Demands,
    pub(super) session: &'a mut Place,
    pub(super) ledger_head: &'a mut LedgerHead,
}

impl<const N: usize> Places<'_, N> {
    /// Reads the contents of a record, which only this HSM can have written.
    ///
    /// Secret: root, artifacts, shares, keys. Public: the state, tags, lengths. Leaks: nothing else.
    pub(super) fn read(&mut self, contents: &[u8], watched: &mut dyn Watched) -> Read<Stage> {
        let mut reader = Reader::new(contents);
        reader.array_of(10, Part::Contents)?;
        if reader.uint(Part::Contents)? != u64::from(VERSION) {
            return Err(Malformed(Part::Contents));
        }
        let code = reader.small(Part::Contents)?;
        let stage = Stage::from_code(code).ok_or(Malformed(Part::UnknownState(code)))?;
        if stage.is_left_out() {
            return Ok(stage);
        }
        self.instance.id = InstanceId::from_bytes(*reader.fixed(Part::Instance)?);
        let seed: &[u8; 32] = reader.fixed(Part::Instance)?;
        copy(self.instance.seed.expose_mut(), seed).map_err(|_| Malformed(Part::Instance))?;
        *self.owed = Owed(reader.small(Part::Contents)?);
        let is_held = !reader.skip_null(Part::Held)?;
        if is_held {
            read_holding(&mut reader, self.held)?;
        }
        *self.standing = match reader.skip_null(Part::Standing)? {
            true => Standing::NONE,
            false => read_standing(&mut reader, self.release)?,
        };
        *self.demands = demands::read(&mut reader)?;
        self.session.forget();
        if !reader.skip_null(Part::Session)? {
            let session = read_session(&mut reader, &mut self.session.key, self.held, watched)?;
            self.session
                .set(session)
                .map_err(|_| Malformed(Part::Session))?;
        }
        *self.ledger_head = LedgerHead::from_bytes(*reader.fixed(Part::Contents)?);
        if self.agrees(stage, is_held) {
            Ok(stage)
        } else {
            Err(Malformed(Part::Contents))
        }
    }

    /// Returns whether everything is there that this stage requires after reading.
    fn agrees(&self, stage: Stage, is_held: bool) -> bool {
        let task = self.session.as_ref().map(|session| &session.task);
        let session = match (stage, task) {
            (Stage::Rotating, Some(Task::Rotation(rotation))) => rotation.request.is_some(),
            (Stage::Committed, Some(Task::Rotation(rotation))) => {
                let session = self.session.as_ref();
                let expires = session.is_none_or(|session| session.clock.expires != 0);
                rotation.request.is_none() && !expires
            }
            (Stage::Empty | Stage::Provisioned | Stage::Active, task) => task.is_none(),
            (Stage::Recovering, Some(Task::Recovery(recovery))) => recovery.aim == Aim::Recover,
            (Stage::Rehearsing, Some(Task::Recovery(recovery))) => {
                recovery.aim == Aim::Rehearse && recovery.request.is_some()
            }
            #[cfg(feature = "managed-hsm")]
            (Stage::Importing | Stage::Imported, Some(Task::Import(_))) => true,
            _ => false,
        };
        let standing = match self.standing.epoch {
            Some(_) => stage.is_in_use(),
            None => !matches!(stage, Stage::Rotating | Stage::Committed),
        };
        session && standing && is_held == stage.has_domain()
    }
}

fn read_holding<const N: usize>(reader: &mut Reader<'_>, holding: &mut Holding<N>) -> Read<()> {
    let part = Part::Held;
    reader.array_of(3, part)?;
    let root: &[u8; Root::LEN] = reader.fixed(part)?;
    copy(holding.root.secret_mut().expose_mut(), root).map_err(|_| Malformed(part))?;
    let commitment = BirthCommitment::from_bytes(*reader.fixed(part)?);
    holding.root.set_commitment(commitment);
    let artifacts = reader.bytes(part)?;
    holding
        .set_encoded(artifacts)
        .then_some(())
        .ok_or(Malformed(part))
}

fn read_standing(reader: &mut Reader<'_>, release: &mut Secret<RELEASE_LEN>) -> Read<Standing> {
    reader.array_of(3, Part::Standing)?;
    let epoch = read_epoch(reader, Part::Standing)?;
    let header = HeaderDigest::from_bytes(*reader.fixed(Part::Standing)?);
    let kept: &[u8; RELEASE_LEN] = reader.fixed(Part::Standing)?;
    copy(release.expose_mut(), kept).map_err(|_| Malformed(Part::Standing))?;
    // It is current, so it is in a file.
    declassify_bytes(release.expose_mut());
    Ok(Standing::new(epoch, header))
}
