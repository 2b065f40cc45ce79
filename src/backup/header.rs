// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header of a backup, and the bytes in front of it.
//!
//! `front = "sdbackup" || length of the header in 4 bytes, big-endian || header`. The whole front is
//! bound to the key and to every chunk.

use heapless::Vec;
use minicbor::Encoder;
use minicbor::encode::Write;

use super::error::{BeginError, Field, HeaderError};
use super::length::{MAX_LEN, sealed_len};
use super::name::Name;
use crate::cbor::{Count, Encoded, Reader, bytes_len, is_encoding};
use crate::sealed_domain::{DomainId, Epoch, InstanceId, LedgerHead, MAX_TEXT_LEN, Suite, id};

/// The first bytes of every backup.
const MAGIC: &[u8; 8] = b"sdbackup";

/// Magic and length of the header.
const PREFIX_LEN: usize = MAGIC.len() + 4;

/// The version of the format.
const VERSION: u8 = 1;

const ITEMS: u64 = 11;

/// The maximum length of a header: three integers below 24, one of 4 bytes and two of 8, four byte
/// strings, a text.
const HEADER_MAX_LEN: usize =
    1 + 3 + 5 + 2 * 9 + 3 * bytes_len(32) + bytes_len(16) + bytes_len(MAX_TEXT_LEN);

/// The maximum number of bytes before the first chunk.
pub const FRONT_MAX_LEN: usize = PREFIX_LEN + HEADER_MAX_LEN;

/// The bytes before the first chunk.
pub(super) type Front = Vec<u8, FRONT_MAX_LEN>;

id! {
    /// The name of one backup, drawn at random.
    BackupId, 32
}

/// The contents of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind<'a> {
    /// Everything that the HSM keeps. The operator may give it a name.
    Full(Option<Name<'a>>),
    /// The key of this name.
    Key(Name<'a>),
}

impl<'a> Kind<'a> {
    const fn code(self) -> u8 {
        match self {
            Self::Full(_) => 1,
            Self::Key(_) => 2,
        }
    }

    /// Returns the name; empty if there is none.
    fn text(self) -> &'a str {
        match self {
            Self::Full(name) => name.map_or("", |name| name.as_str()),
            Self::Key(name) => name.as_str(),
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, HeaderError> {
        let code = reader.uint(Field::Kind)?;
        let text = reader.text(Field::Name)?;
        let name = || Name::new(text).map_err(HeaderError::Name);
        match code {
            1 if text.is_empty() => Ok(Self::Full(None)),
            1 => name().map(|name| Self::Full(Some(name))),
            2 => name().map(Self::Key),
            _ => Err(HeaderError::Malformed(Field::Kind)),
        }
    }
}

/// What is backed up, and the public data about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller must fill in every field"
)]
pub struct BackupInfo<'a> {
    /// The domain's epoch, for information only: a backup outlives it. `None` for an imported
    /// domain that has not been sealed.
    pub epoch: Option<Epoch>,
    /// The HSM that makes the backup.
    pub instance: InstanceId,
    /// The newest record of the HSM's ledger.
    #[doc(hidden)] // No HSM keeps a ledger yet.
    pub ledger_head: LedgerHead,
    /// The contents of the backup.
    pub kind: Kind<'a>,
    /// When the backup is made, in Unix seconds; 0 if the HSM has no clock.
    pub created: u64,
    /// How many bytes are backed up; at most [`MAX_LEN`].
    pub length: u64,
}

/// The header of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupHeader<'a> {
    front: &'a [u8],
    domain_id: DomainId,
    backup_id: BackupId,
    info: BackupInfo<'a>,
}

impl<'a> BackupHeader<'a> {
    /// Parses the header from the first bytes of a backup. [`FRONT_MAX_LEN`] bytes are enough;
    /// chunks may follow.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`HeaderError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let (prefix, rest) = bytes.split_at_checked(PREFIX_LEN).ok_or(incomplete(0))?;
        let (magic, length) = prefix.split_at_checked(MAGIC.len()).ok_or(incomplete(0))?;
        if magic != MAGIC {
            return Err(HeaderError::NotABackup);
        }
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let at_hand = length.min(HEADER_MAX_LEN);
        let header = rest.get(..at_hand).ok_or(incomplete(at_hand))?;
        check_version(header)?;
        if length > HEADER_MAX_LEN {
            return Err(HeaderError::Malformed(Field::Header));
        }
        let (domain_id, backup_id, info) = decode(header)?;
        let front = bytes
            .get(..PREFIX_LEN.saturating_add(length))
            .ok_or(incomplete(length))?;
        Ok(Self {
            front,
            domain_id,
            backup_id,
            info,
        })
    }

    /// Returns the bytes before the first chunk: magic, length and header.
    pub const fn front(&self) -> &'a [u8] {
        self.front
    }

    /// Returns the domain whose HSMs can open the backup.
    pub const fn domain_id(&self) -> DomainId {
        self.domain_id
    }

    /// Returns the backup's id.
    pub const fn backup_id(&self) -> BackupId {
        self.backup_id
    }

    /// Returns what was backed up, and the public data about it.
    pub const fn info(&self) -> &BackupInfo<'a> {
        &self.info
    }

    /// Returns the length of the whole backup: front, chunks and tags.
    pub const fn sealed_len(&self) -> u64 {
        sealed_len(self.info.length).saturating_add(self.front.len() as u64)
    }
}

const fn incomplete(header: usize) -> HeaderError {
    let needed = PREFIX_LEN.saturating_add(header);
    HeaderError::Incomplete { needed }
}

/// Every version has its number in the same place, so that a backup of a later version is named as
/// such.
fn check_version(header: &[u8]) -> Result<(), HeaderError> {
    let mut reader = Reader::new(header);
    reader.array(Field::Header)?;
    match reader.uint(Field::Version)? {
        version if version == u64::from(VERSION) => Ok(()),
        version => Err(HeaderError::UnknownVersion(version)),
    }
}

fn decode(header: &[u8]) -> Result<(DomainId, BackupId, BackupInfo<'_>), HeaderError> {
    let mut reader = Reader::new(header);
    let items = reader.array(Field::Header)?;
    reader.uint(Field::Version)?;
    // Before the number of items: a suite to come may have others.
    Suite::from_code(reader.uint(Field::Suite)?).map_err(HeaderError::UnknownSuite)?;
    if items != ITEMS {
        return Err(HeaderError::Malformed(Field::Header));
    }
    let domain_id = DomainId::from_bytes(*reader.fixed(Field::DomainId)?);
    let epoch = Epoch::new(reader.small(Field::Epoch)?);
    let backup_id = BackupId::from_bytes(*reader.fixed(Field::BackupId)?);
    let instance = InstanceId::from_bytes(*reader.fixed(Field::Instance)?);
    let ledger_head = LedgerHead::from_bytes(*reader.fixed(Field::LedgerHead)?);
    let kind = Kind::read(&mut reader)?;
    let created = reader.uint(Field::Created)?;
    let length = reader.uint(Field::Length)?;
    if length > MAX_LEN {
        return Err(HeaderError::Malformed(Field::Length));
    }
    let info = BackupInfo {
        epoch,
        instance,
        ledger_head,
        kind,
        created,
        length,
    };
    if !is_encoding(header, |encoder| {
        encode(&domain_id, &backup_id, &info, encoder)
    }) {
        return Err(HeaderError::NotDeterministic);
    }
    Ok((domain_id, backup_id, info))
}

fn encode<W: Write>(
    domain_id: &DomainId,
    backup_id: &BackupId,
    info: &BackupInfo<'_>,
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encoder.array(ITEMS)?.u8(VERSION)?.u8(Suite::One.code())?;
    encoder.bytes(domain_id.as_bytes())?;
    encoder.u32(info.epoch.map_or(0, Epoch::get))?;
    encoder.bytes(backup_id.as_bytes())?;
    encoder.bytes(info.instance.as_bytes())?;
    encoder.bytes(info.ledger_head.as_bytes())?;
    encoder.u8(info.kind.code())?.str(info.kind.text())?;
    encoder.u64(info.created)?.u64(info.length)?;
    Ok(())
}

/// Writes the front of a backup, and reads it back as any reader does.
pub(super) fn write_front(
    domain_id: DomainId,
    backup_id: BackupId,
    info: &BackupInfo<'_>,
) -> Result<Front, BeginError> {
    if info.length > MAX_LEN {
        return Err(BeginError::TooLong);
    }
    let mut encoder = Encoder::new(Count(0));
    encode(&domain_id, &backup_id, info, &mut encoder).map_err(|_| BeginError::Fault)?;
    let length = encoder.writer().0 as u32;
    let mut front = Front::new();
    let prefix = [MAGIC.as_slice(), &length.to_be_bytes()];
    for part in prefix {
        front
            .extend_from_slice(part)
            .map_err(|_| BeginError::Fault)?;
    }
    front
        .resize(PREFIX_LEN.saturating_add(length as usize), 0)
        .map_err(|_| BeginError::Fault)?;
    let header = front.get_mut(PREFIX_LEN..).ok_or(BeginError::Fault)?;
    encode(&domain_id, &backup_id, info, &mut Encoder::new(header))
        .map_err(|_| BeginError::Fault)?;
    let read = BackupHeader::parse(&front).map_err(|_| BeginError::Fault)?;
    if read.front.len() != front.len()
        || (read.domain_id, read.backup_id, read.info) != (domain_id, backup_id, *info)
    {
        return Err(BeginError::Fault);
    }
    Ok(front)
}
