// SPDX-License-Identifier: MIT OR Apache-2.0
//! One record: version (1) || instance id (16) || number (8) || salt (32) || ciphertext || tag (16).
//!
//! The key depends on every field of the head except the version, which the labels name. So any
//! change to the head gives another key, under which nothing opens.

use super::error::RecordError;
use crate::aead::{self, TAG_LEN};
use crate::ct::{Mask, declassify_bytes};
use crate::hardened::{Fault, copy, shift};
use crate::labels::Purpose;
use crate::rng;
use crate::sealed_domain::InstanceId;
use crate::secret::Secret;
use crate::storage::device_key::{DeviceKey, DeviceKeyError, derive, hedge};
use crate::storage::medium::Medium;

/// How many bytes a record is longer than its contents.
pub const OVERHEAD: usize = Head::LEN + TAG_LEN;

/// The head of a record, which is in the clear.
pub(super) struct Head {
    pub(super) instance: InstanceId,
    pub(super) number: u64,
    salt: [u8; 32],
}

impl Head {
    pub(super) const VERSION: u8 = 1;
    pub(super) const LEN: usize = 1 + 16 + 8 + 32;

    fn parse(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (&[version], rest) = bytes.split_first_chunk()?;
        let (instance, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (salt, _) = rest.split_first_chunk()?;
        (version == Self::VERSION).then_some(Self {
            instance: InstanceId::from_bytes(*instance),
            number: u64::from_be_bytes(*number),
            salt: *salt,
        })
    }

    fn encode(&self, out: &mut [u8; Self::LEN]) -> Result<(), Fault> {
        let (version, rest) = out.split_first_mut().ok_or(Fault)?;
        let (instance, rest) = rest.split_first_chunk_mut::<16>().ok_or(Fault)?;
        let (number, salt) = rest.split_first_chunk_mut().ok_or(Fault)?;
        *version = Self::VERSION;
        *instance = *self.instance.as_bytes();
        *number = self.number.to_be_bytes();
        copy(salt, &self.salt)
    }

    /// Fills `out` with `X(device key, salt, "record", number, instance id)`.
    ///
    /// Secret: `device_key`, the result. Public: the head. Leaks: whether the device failed.
    fn key(
        &self,
        device_key: &mut dyn DeviceKey,
        out: &mut Secret<32>,
    ) -> Result<(), DeviceKeyError> {
        let number = self.number.to_be_bytes();
        let parts = [number.as_slice(), self.instance.as_bytes()];
        derive(device_key, Purpose::Record, &self.salt, parts, out)
    }
}

/// Seals `buffer[..len]` into a record, in `buffer`.
///
/// Secret: the device key, the contents. Public: their length, the record. Leaks: nothing else.
pub(super) fn seal<'b, M: Medium + ?Sized>(
    medium: &mut M,
    instance: InstanceId,
    number: u64,
    buffer: &'b mut [u8],
    len: usize,
) -> Result<&'b mut [u8], RecordError> {
    let needed = len.saturating_add(OVERHEAD);
    let too_small = RecordError::BufferTooSmall { needed };
    let record = buffer.get_mut(..needed).ok_or(too_small)?;
    let contents = record.get(..len).ok_or(Fault)?;
    let head = Head {
        instance,
        number,
        salt: draw_salt(medium, instance, number, contents)?,
    };
    let mut key = Secret::zeroed();
    head.key(medium.device_key(), &mut key)?;
    shift(record, 0, Head::LEN, len)?;
    let (front, rest) = record.split_first_chunk_mut().ok_or(Fault)?;
    let (contents, tag) = rest.split_last_chunk_mut().ok_or(Fault)?;
    head.encode(front)?;
    aead::seal_in_place(&key, contents, tag, &mut || medium.progress())?;
    Ok(record)
}

/// Draws a separate salt for each attempt: `X(generator output || the device's secret for hedging,
/// "record salt", number, instance id, contents)`. A machine restored from a snapshot repeats its generator, but
/// even then it repeats no key unless it seals the same contents.
///
/// Secret: the device key, the contents, the generator's output. Public: the salt. Leaks: nothing else.
fn draw_salt<M: Medium + ?Sized>(
    medium: &mut M,
    instance: InstanceId,
    number: u64,
    contents: &[u8],
) -> Result<[u8; 32], RecordError> {
    let mut key = Secret::<64>::zeroed();
    let (fresh, device) = { key.expose_mut() }
        .split_first_chunk_mut::<32>()
        .ok_or(RecordError::Fault)?;
    rng::fill(medium.rng(), fresh)?;
    let mut secret = Secret::zeroed();
    hedge(medium.device_key(), &mut secret)?;
    copy(device, secret.expose())?;
    let number = number.to_be_bytes();
    let parts = [number.as_slice(), instance.as_bytes(), contents];
    let mut salt = Secret::zeroed();
    Purpose::RecordSalt.derive(key.expose(), &[], parts, &mut salt)?;
    declassify_bytes(salt.expose_mut());
    Ok(*salt.expose())
}

/// A record that was opened in place.
pub(super) struct Opened {
    pub(super) head: Head,
    /// Whether it opened.
    pub(super) opens: Mask,
    /// The length of its contents, which follow the head.
    pub(super) len: usize,
}

/// Opens `record` in place. Returns `None` if it is too short, or has another version.
///
/// Secret: the device key, the contents. Public: the record. Leaks: whether it opened.
pub(super) fn open(
    device_key: &mut dyn DeviceKey,
    record: &mut [u8],
) -> Result<Option<Opened>, DeviceKeyError> {
    let Some((head, contents, tag)) = split(record) else {
        return Ok(None);
    };
    let mut key = Secret::zeroed();
    head.key(device_key, &mut key)?;
    Ok(Some(Opened {
        head,
        opens: aead::open_in_place(&key, contents, tag),
        len: contents.len(),
    }))
}

/// Splits a record into head, ciphertext and tag.
fn split(record: &mut [u8]) -> Option<(Head, &mut [u8], &[u8; TAG_LEN])> {
    let (head, rest) = record.split_first_chunk_mut()?;
    let (contents, tag) = rest.split_last_chunk_mut()?;
    Some((Head::parse(head)?, contents, tag))
}
