// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes self-signed certificates for transfer keys: version 3 with an empty `basicConstraints`,
//! which says that the key does not sign certificates.

use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;

use der::asn1::{GeneralizedTime, UintRef, UtcTime};
use der::{DateTime, Encode};

use crate::hardened::{Fault, copy};
use crate::rng::Generator;
use crate::rsa::{ExportError, ModulusSize, PrivateKey, PublicKey, SignError};
use crate::secret::wipe;

/// The maximum length that [`write_self_signed`] writes.
pub const SELF_SIGNED_MAX_LEN: usize =
    ModulusSize::MAX_BYTES + PublicKey::SPKI_MAX_LEN + 2 * (COMMON_NAME_MAX + 16) + 160;

/// The longest common name: X.520 allows 64 characters.
const COMMON_NAME_MAX: usize = 64;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// The version: 3, whose number is 2.
const VERSION_3: [u8; 3] = [INTEGER, 1, 2];
/// `sha256WithRSAEncryption` with parameters NULL (RFC 4055 section 5).
const SIGNATURE_ALGORITHM: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00,
];
/// The object identifier of `commonName`, 2.5.4.3.
const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
/// The extension `basicConstraints`, 2.5.29.19: not critical, an empty sequence.
const BASIC_CONSTRAINTS: [u8; 11] = [
    0x30, 0x09, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x04, 0x02, 0x30, 0x00,
];

/// The contents of a self-signed certificate besides its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller must fill in every field"
)]
pub struct SelfSigned<'a> {
    /// The only part of subject and issuer: 1 to 64 bytes of text, `transfer-key` in real ones.
    pub common_name: &'a str,
    /// The serial number; 1 in real ones.
    pub serial: NonZeroU64,
    /// The first second of the validity, in Unix time, not before 1970.
    pub not_before: i64,
    /// The last second of the validity, in Unix time, before the year 10000.
    pub not_after: i64,
}

/// Why a certificate was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SelfSignedError {
    /// The common name is empty, or longer than 64 bytes.
    CommonName,
    /// A time is before 1970 or after 9999, or the end is before the beginning.
    Validity,
    /// The output is too small.
    BufferTooSmall,
    /// The random number generator failed.
    Rng,
    /// The computed signature does not verify, or another internal check failed: a hardware fault
    /// or a bug in this crate.
    Fault,
}

impl From<Fault> for SelfSignedError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<ExportError> for SelfSignedError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::BufferTooSmall => Self::BufferTooSmall,
            ExportError::Fault => Self::Fault,
        }
    }
}

impl From<SignError> for SelfSignedError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::BufferTooSmall => Self::BufferTooSmall,
            SignError::Rng => Self::Rng,
            SignError::Fault => Self::Fault,
        }
    }
}

/// Writes a certificate of `key`, signed by that key with SHA-256, in DER to the front of `out`,
/// and returns its length, at most [`SELF_SIGNED_MAX_LEN`]. The same input gives the same bytes.
/// The signature is verified before it leaves; on failure `out` is wiped.
///
/// Secret: the key. Public: everything else. Leaks: nothing else.
///
/// # Errors
///
/// Fails for each reason in [`SelfSignedError`].
pub fn write_self_signed<R: Generator + ?Sized>(
    key: &PrivateKey,
    content: &SelfSigned<'_>,
    rng: &mut R,
    out: &mut [u8],
) -> Result<usize, SelfSignedError> {
    write_signed_by(key.public_key(), content, out, &mut |message, signature| {
        key.sign_pkcs1v15_sha256(message, rng, signature)?;
        Ok(())
    })
}

/// Signs a message into a buffer as long as the modulus.
pub(crate) type Sign<'a> = dyn FnMut(&[u8], &mut [u8]) -> Result<(), SelfSignedError> + 'a;

/// Writes a certificate of `key`, as [`write_self_signed`] does, with the signature that `sign`
/// makes and verifies.
pub(crate) fn write_signed_by(
    key: &PublicKey,
    content: &SelfSigned<'_>,
    out: &mut [u8],
    sign: &mut Sign<'_>,
) -> Result<usize, SelfSignedError> {
    let written = write(key, content, out, sign);
    if written.is_err() {
        wipe(out);
    }
    written
}

fn write(
    key: &PublicKey,
    content: &SelfSigned<'_>,
    out: &mut [u8],
    sign: &mut Sign<'_>,
) -> Result<usize, SelfSignedError> {
    if content.common_name.is_empty() || content.common_name.len() > COMMON_NAME_MAX {
        return Err(SelfSignedError::CommonName);
    }
    if content.not_before > content.not_after {
        return Err(SelfSignedError::Validity);
    }

    let total = out.len();
    let size = key.size().bytes();
    let (front, signature) = out
        .len()
        .checked_sub(size)
        .and_then(|at| out.split_at_mut_checked(at))
        .ok_or(SelfSignedError::BufferTooSmall)?;

    let mut writer = Backward::new(front);
    writer.push(&[0])?;
    writer.header(BIT_STRING, 1 + size)?;
    writer.push(&SIGNATURE_ALGORITHM)?;
    let end = writer.start;
    to_be_signed(&mut writer, key, content)?;
    let start = writer.start;
    writer.header(SEQUENCE, total - start)?;
    let first = writer.start;

    let signed = front.get(start..end).ok_or(Fault)?;
    sign(signed, signature)?;
    move_to_front(out, first)
}

/// Moves the bytes from `first` on to the front, and returns their number. At most as many bytes
/// are written as are free, so that nothing is overwritten before it is moved.
fn move_to_front(out: &mut [u8], first: usize) -> Result<usize, SelfSignedError> {
    let len = out.len().checked_sub(first).ok_or(Fault)?;
    let mut at = 0;
    while first > 0 && at < len {
        let step = first.min(len - at);
        let (to, from) = { out.get_mut(at..) }
            .and_then(|rest| rest.split_at_mut_checked(first))
            .ok_or(Fault)?;
        copy(
            to.get_mut(..step).ok_or(Fault)?,
            from.get(..step).ok_or(Fault)?,
        )?;
        at += step;
    }
    Ok(len)
}

/// Writes the `TBSCertificate`, field by field from the last.
fn to_be_signed(
    writer: &mut Backward<'_>,
    key: &PublicKey,
    content: &SelfSigned<'_>,
) -> Result<(), SelfSignedError> {
    let end = writer.start;
    writer.push(&BASIC_CONSTRAINTS)?;
    writer.wrap(SEQUENCE, end)?;
    writer.wrap(EXTENSIONS, end)?;

    let mut spki = [0; PublicKey::SPKI_MAX_LEN];
    let len = key.to_spki_der(&mut spki)?;
    writer.push(spki.get(..len).ok_or(Fault)?)?;
    name(writer, content.common_name)?;

    let validity = writer.start;
    time(writer, content.not_after)?;
    time(writer, content.not_before)?;
    writer.wrap(SEQUENCE, validity)?;

    name(writer, content.common_name)?;
    writer.push(&SIGNATURE_ALGORITHM)?;
    let serial = content.serial.get().to_be_bytes();
    writer.encode(&UintRef::new(&serial).map_err(|_| Fault)?)?;
    let version = writer.start;
    writer.push(&VERSION_3)?;
    writer.wrap(VERSION, version)?;
    writer.wrap(SEQUENCE, end)
}

/// Writes a `Name` of one common name.
fn name(writer: &mut Backward<'_>, common_name: &str) -> Result<(), SelfSignedError> {
    let end = writer.start;
    writer.push(common_name.as_bytes())?;
    writer.wrap(UTF8_STRING, end)?;
    writer.push(&COMMON_NAME)?;
    writer.wrap(SEQUENCE, end)?;
    writer.wrap(SET, end)?;
    writer.wrap(SEQUENCE, end)
}

/// Writes a `UTCTime` up to 2049 and a `GeneralizedTime` from 2050, as RFC 5280 section 4.1.2.5
/// requires.
fn time(writer: &mut Backward<'_>, seconds: i64) -> Result<(), SelfSignedError> {
    let time = u64::try_from(seconds)
        .ok()
        .and_then(|seconds| DateTime::from_unix_duration(Duration::from_secs(seconds)).ok())
        .ok_or(SelfSignedError::Validity)?;
    match UtcTime::from_date_time(time) {
        Ok(time) => writer.encode(&time),
        Err(_) => writer.encode(&GeneralizedTime::from_date_time(time)),
    }
}

/// Writes DER from its end, so that each length is known when it is needed.
struct Backward<'a> {
    out: &'a mut [u8],
    /// Where the last written item begins.
    start: usize,
}

impl<'a> Backward<'a> {
    fn new(out: &'a mut [u8]) -> Self {
        let start = out.len();
        Self { out, start }
    }

    /// Writes bytes in front of the written part.
    fn push(&mut self, bytes: &[u8]) -> Result<(), SelfSignedError> {
        let start = self.start.checked_sub(bytes.len());
        let (start, place) = start
            .and_then(|start| Some((start, self.out.get_mut(start..self.start)?)))
            .ok_or(SelfSignedError::BufferTooSmall)?;
        copy(place, bytes)?;
        self.start = start;
        Ok(())
    }

    /// Writes a tag and a length, below 65536, in front of the written part.
    fn header(&mut self, tag: u8, len: usize) -> Result<(), SelfSignedError> {
        let [high, low] = u16::try_from(len)
            .map_err(|_| SelfSignedError::BufferTooSmall)?
            .to_be_bytes();
        match (high, low) {
            (0, 0..0x80) => self.push(&[tag, low]),
            (0, _) => self.push(&[tag, 0x81, low]),
            _ => self.push(&[tag, 0x82, high, low]),
        }
    }

    /// Makes everything between here and `end` the content of a tag.
    fn wrap(&mut self, tag: u8, end: usize) -> Result<(), SelfSignedError> {
        self.header(tag, end - self.start)
    }

    fn encode(&mut self, value: &impl Encode) -> Result<(), SelfSignedError> {
        let mut bytes = [0; 32];
        let bytes = value.encode_to_slice(&mut bytes);
        self.push(bytes.map_err(|_| Fault)?)
    }
}

impl fmt::Display for SelfSignedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CommonName => "the common name is empty or longer than 64 bytes",
            Self::Validity => "the validity is not a period between 1970 and 9999",
            Self::BufferTooSmall => "the output is too small for the certificate",
            Self::Rng => "the random number generator failed",
            Self::Fault => "an internal check failed: a hardware fault or a bug",
        })
    }
}

impl core::error::Error for SelfSignedError {}
