// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contents of a record: the whole state of a domain, in CBOR (`docs/format.md`).

use heapless::Vec;
use minicbor::Encoder;
use minicbor::encode::write::EndOfSlice;

use super::holding::Holding;
use super::instance::Instance;
use super::session::{Clock, Recovery, Session, Task, Transfer};
use super::stage::Stage;
use super::vault::{Owed, Standing, Vault};
use crate::cbor::{Malformed, Reader, bytes_len};
use crate::contribution::RequestDigest;
use crate::custodian::CustodianId;
use crate::hardened::{Fault, Permit, copy};
use crate::quorum::{ShareIndex, Threshold};
use crate::rsa::PrivateKey;
use crate::sealed_domain::{
    DomainId, DomainShare, Epoch, HeaderDigest, InstanceId, MAX_CUSTODIANS, Root,
};
#[cfg(feature = "managed-hsm")]
use crate::sealed_domain::{MAX_ARTIFACTS, MAX_TEXT_LEN};
use crate::secret::{Secret, wipe};
use crate::shamir::Share;
use crate::storage::record::{OVERHEAD, RecordError};

const VERSION: u8 = 1;

/// The maximum length of a record without the artifacts, a transfer key, shares, and the
/// expectations of an import.
pub(super) const FIXED_ROOM: usize =
    16 + bytes_len(16) + 2 * bytes_len(32) + 2 * 5 + 4 * bytes_len(32) + 8 * 9 + OVERHEAD;

/// The maximum length of a session's record while it has a transfer key. It has no artifacts then.
pub(super) const SESSION_ROOM: usize = FIXED_ROOM + bytes_len(PrivateKey::PKCS8_MAX_LEN);

/// The same with the shares of all custodians.
pub(super) const RECOVERY_ROOM: usize = {
    let share = 1 + bytes_len(32) + 1 + bytes_len(32);
    SESSION_ROOM + MAX_CUSTODIANS * share
};

/// The maximum length in a record of the artifacts that an import expects.
#[cfg(feature = "managed-hsm")]
const EXPECTED_ROOM: usize = MAX_ARTIFACTS * super::import::expected_len(MAX_TEXT_LEN);
#[cfg(not(feature = "managed-hsm"))]
const EXPECTED_ROOM: usize = 0;

/// Returns the length of the longest record, if the artifacts have this length.
pub(super) const fn record_room(artifacts: usize) -> usize {
    // Artifacts and a transfer key are never in the same record.
    let domain = (FIXED_ROOM + EXPECTED_ROOM).saturating_add(artifacts);
    longer(domain, longer(RECOVERY_ROOM, SESSION_ROOM + EXPECTED_ROOM))
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
    pub(super) held: Option<&'a Holding<N>>,
    pub(super) standing: Standing,
    pub(super) session: Option<&'a Session>,
}

pub(super) type Out<'o> = Encoder<&'o mut [u8]>;
pub(super) type Written = Result<(), NotEncoded>;

/// Why contents were not written.
pub(super) enum NotEncoded {
    /// There is no room for them.
    NoRoom,
    /// An internal check failed.
    Fault,
}

impl From<minicbor::encode::Error<EndOfSlice>> for NotEncoded {
    fn from(_: minicbor::encode::Error<EndOfSlice>) -> Self {
        Self::NoRoom
    }
}

impl From<Fault> for NotEncoded {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
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
        record_room(self.held.map_or(0, Holding::encoded_len))
    }

    fn write(&self, out: &mut Out<'_>) -> Written {
        out.array(8)?.u8(VERSION)?.u8(self.stage as u8)?;
        out.bytes(self.instance.id.as_bytes())?
            .bytes(self.instance.seed.expose())?
            .u8(self.owed.0)?;
        write_holding(self.held, out)?;
        match (self.standing.epoch, self.standing.header()) {
            (Some(epoch), Some(header)) => {
                out.array(2)?.u32(epoch.get())?.bytes(header.as_bytes())?;
            }
            _ => {
                out.null()?;
            }
        }
        match self.session {
            Some(session) => write_session(session, self.stage, out),
            None => Ok(out.null().map(drop)?),
        }
    }
}

fn write_holding<const N: usize>(holding: Option<&Holding<N>>, out: &mut Out<'_>) -> Written {
    match holding {
        Some(holding) => out
            .array(2)?
            .bytes(holding.root.secret().expose())?
            .bytes(holding.encoded()?)?,
        None => out.null()?,
    };
    Ok(())
}

#[cfg_attr(
    not(feature = "managed-hsm"),
    allow(unused_variables, reason = "only an import depends on the stage")
)]
fn write_session(session: &Session, stage: Stage, out: &mut Out<'_>) -> Written {
    let Clock { latest, expires } = session.clock;
    out.array(3)?.u64(latest)?.u64(expires)?;
    match &session.task {
        Task::Recovery(recovery) => write_recovery(recovery, out),
        #[cfg(feature = "managed-hsm")]
        Task::Import(import) => import.write(stage, out),
    }
}

fn write_recovery(recovery: &Recovery, out: &mut Out<'_>) -> Written {
    out.array(6)?
        .bytes(recovery.header.as_bytes())?
        .bytes(recovery.domain.as_bytes())?
        .u32(recovery.epoch.get())?
        .u8(recovery.threshold.get())?;
    match &recovery.transfer {
        Some(transfer) => {
            out.array(2)?.bytes(transfer.request.as_bytes())?;
            write_key(&transfer.key, out)?;
        }
        None => {
            out.null()?;
        }
    }
    out.array(recovery.shares.len() as u64)?;
    for share in &recovery.shares {
        let (custodian, share) = (share.custodian(), share.share());
        out.array(3)?
            .bytes(custodian.as_bytes())?
            .u8(share.index().get())?
            .bytes(share.value().expose())?;
    }
    Ok(())
}

/// Writes a transfer key as PKCS#8.
///
/// Secret: `key`. Public: the lengths of its integers. Leaks: nothing else.
pub(super) fn write_key(key: &PrivateKey, out: &mut Out<'_>) -> Written {
    let mut der = Secret::<{ PrivateKey::PKCS8_MAX_LEN }>::zeroed();
    // There is room for any key.
    let len = key.to_pkcs8_der(der.expose_mut()).map_err(|_| Fault)?;
    out.bytes(der.expose().get(..len).ok_or(Fault)?)?;
    Ok(())
}

/// A part of a record's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Contents,
    Instance,
    Held,
    Standing,
    Session,
}

type Read<T> = Result<T, Malformed<Part>>;

impl<const N: usize> Vault<N> {
    /// Reads the contents of a record, the first `len` bytes of the buffer, which only this HSM can
    /// have written. The buffer is wiped. `permit` is the start's: it says that they are the
    /// newest.
    ///
    /// Secret: root, artifacts, shares, keys. Public: the state, tags, lengths. Leaks: nothing else.
    pub(super) fn restore(&mut self, len: usize, permit: Permit) -> Read<Stage> {
        let restored = permit
            .spend(Malformed(Part::Contents))
            .and_then(|()| self.read(len));
        wipe(&mut self.buffer);
        restored
    }

    fn read(&mut self, len: usize) -> Read<Stage> {
        let contents = self.buffer.get(..len).ok_or(Malformed(Part::Contents))?;
        let mut reader = Reader::new(contents);
        reader.array_of(8, Part::Contents)?;
        if reader.uint(Part::Contents)? != u64::from(VERSION) {
            return Err(Malformed(Part::Contents));
        }
        let stage = Stage::from_code(reader.small(Part::Contents)?);
        let stage = stage.ok_or(Malformed(Part::Contents))?;
        if stage.is_left_out() {
            return Ok(stage);
        }
        self.instance.id = InstanceId::from_bytes(*reader.fixed(Part::Instance)?);
        let seed: &[u8; 32] = reader.fixed(Part::Instance)?;
        copy(self.instance.seed.expose_mut(), seed).map_err(|_| Malformed(Part::Instance))?;
        self.owed = Owed(reader.small(Part::Contents)?);
        let is_held = !reader.skip_null(Part::Held)?;
        if is_held {
            read_holding(&mut reader, &mut self.held)?;
        }
        self.standing = match reader.skip_null(Part::Standing)? {
            true => Standing::NONE,
            false => read_standing(&mut reader)?,
        };
        self.session.forget();
        if !reader.skip_null(Part::Session)? {
            let session = read_session(&mut reader)?;
            self.session
                .set(session)
                .map_err(|_| Malformed(Part::Session))?;
        }
        if self.agrees(stage, is_held) {
            Ok(stage)
        } else {
            Err(Malformed(Part::Contents))
        }
    }

    /// Returns whether the vault holds what this stage requires after reading.
    fn agrees(&self, stage: Stage, is_held: bool) -> bool {
        let task = self.session.as_ref().map(|session| &session.task);
        let session = match (stage, task) {
            (Stage::Empty | Stage::Provisioned | Stage::Active, task) => task.is_none(),
            (Stage::Recovering, Some(Task::Recovery(_))) => true,
            #[cfg(feature = "managed-hsm")]
            (Stage::Importing | Stage::Imported, Some(Task::Import(_))) => true,
            _ => false,
        };
        let standing = self.standing.epoch.is_none() || stage == Stage::Active;
        session && standing && is_held == stage.has_domain()
    }
}

fn read_holding<const N: usize>(reader: &mut Reader<'_>, holding: &mut Holding<N>) -> Read<()> {
    let part = Part::Held;
    reader.array_of(2, part)?;
    let root: &[u8; Root::LEN] = reader.fixed(part)?;
    copy(holding.root.secret_mut().expose_mut(), root).map_err(|_| Malformed(part))?;
    let artifacts = reader.bytes(part)?;
    holding
        .set_encoded(artifacts)
        .then_some(())
        .ok_or(Malformed(part))
}

fn read_standing(reader: &mut Reader<'_>) -> Read<Standing> {
    reader.array_of(2, Part::Standing)?;
    let epoch = read_epoch(reader, Part::Standing)?;
    let header = HeaderDigest::from_bytes(*reader.fixed(Part::Standing)?);
    Ok(Standing::new(epoch, header))
}

fn read_epoch(reader: &mut Reader<'_>, part: Part) -> Read<Epoch> {
    Epoch::new(reader.small(part)?).ok_or(Malformed(part))
}

fn read_session(reader: &mut Reader<'_>) -> Read<Session> {
    reader.array_of(3, Part::Session)?;
    let clock = Clock {
        latest: reader.uint(Part::Session)?,
        expires: reader.uint(Part::Session)?,
    };
    let task = match reader.array(Part::Session)? {
        6 => Task::Recovery(read_recovery(reader)?),
        #[cfg(feature = "managed-hsm")]
        super::import::ITEMS => Task::Import(super::import::Import::read(reader)?),
        _ => return Err(Malformed(Part::Session)),
    };
    Ok(Session { clock, task })
}

fn read_recovery(reader: &mut Reader<'_>) -> Read<Recovery> {
    let part = Part::Session;
    let header = HeaderDigest::from_bytes(*reader.fixed(part)?);
    let domain = DomainId::from_bytes(*reader.fixed(part)?);
    let epoch = read_epoch(reader, part)?;
    let threshold = Threshold::new(reader.small(part)?).map_err(|_| Malformed(part))?;
    let transfer = if reader.skip_null(part)? {
        None
    } else {
        reader.array_of(2, part)?;
        Some(Transfer {
            request: RequestDigest::from_bytes(*reader.fixed(part)?),
            key: read_key(reader)?,
        })
    };
    let mut shares = Vec::new();
    for _ in 0..reader.array(part)? {
        shares
            .push(read_share(reader, header)?)
            .map_err(|_| Malformed(part))?;
    }
    Ok(Recovery {
        header,
        domain,
        epoch,
        threshold,
        transfer,
        shares,
    })
}

fn read_share(reader: &mut Reader<'_>, header: HeaderDigest) -> Read<DomainShare> {
    let part = Part::Session;
    reader.array_of(3, part)?;
    let custodian = CustodianId::from_bytes(*reader.fixed(part)?);
    let index = ShareIndex::new(reader.small(part)?).map_err(|_| Malformed(part))?;
    let bytes: &[u8; 32] = reader.fixed(part)?;
    let mut value = Secret::zeroed();
    copy(value.expose_mut(), bytes).map_err(|_| Malformed(part))?;
    DomainShare::kept(Share::new(index, value), custodian, header).map_err(|_| Malformed(part))
}

/// Reads a transfer key.
pub(super) fn read_key(reader: &mut Reader<'_>) -> Read<PrivateKey> {
    PrivateKey::from_pkcs8_der(reader.bytes(Part::Session)?).map_err(|_| Malformed(Part::Session))
}
