// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checkpoints: the head of a log in text, signed by the HSM that keeps it (C2SP tlog-checkpoint
//! and signed-note).
//!
//! The origin of a log, which is also the name of its key, is `security-domain/` and the instance
//! id in hexadecimal digits. Witnesses add lines with their own signatures (C2SP tlog-cosignature).
//! `docs/format.md`, "Checkpoint", has an example.

use core::fmt::{self, Write};

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use super::tree::Head;
use crate::ct::eq_bytes;
use crate::ed25519::{SIGNATURE_LEN, VerifyKey};
use crate::hardened::{Fault, Verdict, copy};
use crate::sealed_domain::{InstanceId, LedgerHead};

const ORIGIN: &str = "security-domain/";

/// What begins a line with a signature: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// The code of an Ed25519 signature by a log, and of one by a witness.
const BY_THE_LOG: u8 = 1;
const BY_A_WITNESS: u8 = 4;

const KEY_ID_LEN: usize = 4;

/// The length of a key id and a signature, and of its base64.
const SIGNED_LEN: usize = KEY_ID_LEN + SIGNATURE_LEN;
const SIGNED_TEXT_LEN: usize = 92;

/// A witness puts its time before its signature.
const COSIGNED_LEN: usize = SIGNED_LEN + 8;

const ROOT_TEXT_LEN: usize = 44;

/// The most digits of a size.
const SIZE_LEN: usize = 10;

const NAME_LEN: usize = ORIGIN.len() + 32;

/// The text that is signed.
const TEXT_LEN: usize = NAME_LEN + 1 + SIZE_LEN + 1 + ROOT_TEXT_LEN + 1;

/// A checkpoint's text, to be signed by the HSM's key.
///
/// ```
/// use security_domain::custody::{Checkpoint, CheckpointText, Tree};
/// use security_domain::lifecycle::VerifyKey;
/// use security_domain::sealed_domain::InstanceId;
///
/// # use ed25519_dalek::Signer;
/// # let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
/// let instance = InstanceId::from_bytes([1; 16]);
/// let text = CheckpointText::new(instance, &Tree::EMPTY.head())?;
/// let signature = key.sign(text.as_bytes()).to_bytes();
/// let verify_key = VerifyKey::new(&key.verifying_key().to_bytes()).unwrap();
/// let mut out = [0; Checkpoint::MAX_SIGNED_LEN];
/// let bytes = text.signed(&verify_key, &signature, &mut out)?;
/// let head = Checkpoint::parse(bytes)?.verify(instance, &verify_key)?;
/// assert_eq!(head, Tree::EMPTY.head());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CheckpointText {
    instance: InstanceId,
    text: heapless::Vec<u8, TEXT_LEN>,
}

impl CheckpointText {
    /// Writes the text for this head of this HSM's log.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an internal check failed.
    pub fn new(instance: InstanceId, head: &Head) -> Result<Self, Fault> {
        let mut root = [0; ROOT_TEXT_LEN];
        let root = Base64::encode(head.root.as_bytes(), &mut root).map_err(|_| Fault)?;
        let mut text = heapless::Vec::new();
        let written = write!(text, "{ORIGIN}{instance}\n{}\n{root}\n", head.size);
        written.map_err(|_| Fault)?;
        Ok(Self { instance, text })
    }

    /// Returns the bytes to sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Writes the checkpoint with this signature to the front of `out`, which needs
    /// [`Checkpoint::MAX_SIGNED_LEN`] bytes, and returns it.
    ///
    /// # Errors
    ///
    /// - [`CheckpointError::BadSignature`] if the signature is not that key's for the text.
    /// - [`CheckpointError::BufferTooSmall`]
    /// - [`CheckpointError::Fault`]
    pub fn signed<'o>(
        &self,
        key: &VerifyKey,
        signature: &[u8; SIGNATURE_LEN],
        out: &'o mut [u8],
    ) -> Result<&'o [u8], CheckpointError> {
        Verdict::twice(|| key.verifies(&self.text, signature)).or(CheckpointError::BadSignature)?;
        let needed = Checkpoint::MAX_SIGNED_LEN;
        let room = out.get_mut(..needed);
        let mut room = room.ok_or(CheckpointError::BufferTooSmall { needed })?;
        let name = Name::of(self.instance)?;
        let mut signed = [0; SIGNED_LEN];
        let (id, rest) = signed.split_first_chunk_mut().ok_or(Fault)?;
        *id = key_id(name.as_str()?, BY_THE_LOG, key.as_bytes());
        copy(rest, signature)?;
        let mut base64 = [0; SIGNED_TEXT_LEN];
        let base64 = Base64::encode(&signed, &mut base64).map_err(|_| Fault)?;
        let parts = [
            self.as_bytes(),
            b"\n",
            DASH.as_bytes(),
            name.as_str()?.as_bytes(),
            b" ",
            base64.as_bytes(),
            b"\n",
        ];
        for part in parts {
            let (front, rest) = room.split_at_mut_checked(part.len()).ok_or(Fault)?;
            copy(front, part)?;
            room = rest;
        }
        let len = needed.saturating_sub(room.len());
        Ok(out.get(..len).ok_or(Fault)?)
    }
}

/// The origin of a log, and the name of its key.
struct Name(heapless::Vec<u8, NAME_LEN>);

impl Name {
    fn of(instance: InstanceId) -> Result<Self, Fault> {
        let mut name = heapless::Vec::new();
        write!(name, "{ORIGIN}{instance}").map_err(|_| Fault)?;
        Ok(Self(name))
    }

    fn as_str(&self) -> Result<&str, Fault> {
        str::from_utf8(&self.0).map_err(|_| Fault)
    }
}

fn key_id(name: &str, kind: u8, key: &[u8; 32]) -> [u8; KEY_ID_LEN] {
    let mut hash = Sha256::new();
    hash.update(name);
    hash.update([b'\n', kind]);
    hash.update(key);
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

/// A parsed checkpoint. Nothing in it is proven until [`verify`](Self::verify).
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint<'a> {
    bytes: &'a [u8],
    /// The three lines that are signed.
    text: &'a str,
    instance: InstanceId,
    head: Head,
    /// The lines of the signatures.
    signatures: &'a str,
}

impl<'a> Checkpoint<'a> {
    /// The length of the longest checkpoint with the HSM's signature alone.
    pub const MAX_SIGNED_LEN: usize =
        TEXT_LEN + 1 + DASH.len() + NAME_LEN + 1 + SIGNED_TEXT_LEN + 1;

    /// The maximum length of a checkpoint with the signatures of witnesses.
    pub const MAX_LEN: usize = 16384;

    /// Parses a checkpoint and checks its form: three lines, an empty line, one or more signatures.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`CheckpointFileError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CheckpointFileError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(CheckpointFileError::TooLong);
        }
        let malformed = |field| CheckpointFileError::Malformed(field);
        let note = str::from_utf8(bytes).map_err(|_| malformed(CheckpointField::Text))?;
        if note.chars().any(|c| c.is_ascii_control() && c != '\n') {
            return Err(malformed(CheckpointField::Text));
        }
        let (lines, signatures) = note
            .split_once("\n\n")
            .ok_or(malformed(CheckpointField::Text))?;
        let text = note.get(..lines.len().saturating_add(1));
        let mut lines = lines.split('\n');
        let origin = lines.next().and_then(|line| line.strip_prefix(ORIGIN));
        let instance = origin.and_then(lower_hex);
        let size = lines.next().and_then(decimal);
        let root = lines.next().and_then(decode::<32>);
        if lines.next().is_some() {
            return Err(malformed(CheckpointField::Text));
        }
        let checkpoint = Self {
            bytes,
            text: text.ok_or(malformed(CheckpointField::Text))?,
            instance: instance.ok_or(malformed(CheckpointField::Origin))?,
            head: Head {
                size: size.ok_or(malformed(CheckpointField::Size))?,
                root: root
                    .map(LedgerHead::from_bytes)
                    .ok_or(malformed(CheckpointField::Root))?,
            },
            signatures,
        };
        let signed = signatures.strip_suffix('\n');
        let signed = signed.ok_or(malformed(CheckpointField::Signature))?;
        let bad = signed.split('\n').any(|line| Line::parse(line).is_none());
        match bad {
            true => Err(malformed(CheckpointField::Signature)),
            false => Ok(checkpoint),
        }
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the id of the HSM whose log it is of.
    pub const fn instance(&self) -> InstanceId {
        self.instance
    }

    /// Returns the head, which is not proven yet.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Returns the head, if the checkpoint is of this HSM's log and signed with its key. Other
    /// signatures are passed over.
    ///
    /// # Errors
    ///
    /// - [`CheckpointError::OtherInstance`]
    /// - [`CheckpointError::NotSigned`] if there is no signature with this key.
    /// - [`CheckpointError::BadSignature`] if one is wrong.
    /// - [`CheckpointError::Fault`]
    pub fn verify(&self, instance: InstanceId, key: &VerifyKey) -> Result<Head, CheckpointError> {
        let (have, want) = (self.instance, instance);
        Verdict::twice(|| eq_bytes(self.instance.as_bytes(), instance.as_bytes()))
            .or(CheckpointError::OtherInstance { have, want })?;
        let name = Name::of(instance)?;
        let id = key_id(name.as_str()?, BY_THE_LOG, key.as_bytes());
        let signature = self.signature::<SIGNED_LEN>(name.as_str()?, id)?;
        let signature = signature.last_chunk().ok_or(Fault)?;
        Verdict::twice(|| key.verifies(self.text.as_bytes(), signature))
            .or(CheckpointError::BadSignature)?;
        Ok(self.head)
    }

    /// Returns the time, in Unix seconds, at which the witness of this name and Ed25519 key
    /// cosigned the checkpoint (C2SP tlog-cosignature, version 1).
    ///
    /// # Errors
    ///
    /// As for [`verify`](Self::verify), except [`OtherInstance`](CheckpointError::OtherInstance).
    pub fn verify_witness(&self, name: &str, key: &VerifyKey) -> Result<u64, CheckpointError> {
        let id = key_id(name, BY_A_WITNESS, key.as_bytes());
        let signed = self.signature::<COSIGNED_LEN>(name, id)?;
        let (_, rest) = signed.split_first_chunk::<KEY_ID_LEN>().ok_or(Fault)?;
        let (time, signature) = rest.split_first_chunk().ok_or(Fault)?;
        let signature: &[u8; SIGNATURE_LEN] = signature.first_chunk().ok_or(Fault)?;
        let time = u64::from_be_bytes(*time);
        let mut text = heapless::Vec::<u8, { TEXT_LEN + 48 }>::new();
        write!(text, "cosignature/v1\ntime {time}\n{}", self.text).map_err(|_| Fault)?;
        Verdict::twice(|| key.verifies(&text, signature)).or(CheckpointError::BadSignature)?;
        Ok(time)
    }

    /// Writes the checkpoint with one more signature, the line of a witness, to the front of `out`.
    ///
    /// # Errors
    ///
    /// - [`CheckpointError::BadLine`] if `line` is not the line of a signature, or with it the
    ///   checkpoint is longer than [`MAX_LEN`](Self::MAX_LEN).
    /// - [`CheckpointError::BufferTooSmall`]
    pub fn with_signature<'o>(
        &self,
        line: &str,
        out: &'o mut [u8],
    ) -> Result<&'o [u8], CheckpointError> {
        let line = line.strip_suffix('\n').unwrap_or(line);
        if line.chars().any(|c| c.is_ascii_control()) || Line::parse(line).is_none() {
            return Err(CheckpointError::BadLine);
        }
        let parts = [self.bytes, line.as_bytes(), b"\n"];
        let needed = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        if needed > Self::MAX_LEN {
            return Err(CheckpointError::BadLine);
        }
        let out = out.get_mut(..needed);
        let out = out.ok_or(CheckpointError::BufferTooSmall { needed })?;
        let mut room = &mut *out;
        for part in parts {
            let (front, rest) = room.split_at_mut_checked(part.len()).ok_or(Fault)?;
            copy(front, part)?;
            room = rest;
        }
        Ok(out)
    }

    /// Returns the key id and signature of the line with this name and key id.
    fn signature<const N: usize>(
        &self,
        name: &str,
        id: [u8; KEY_ID_LEN],
    ) -> Result<[u8; N], CheckpointError> {
        let lines = self.signatures.lines().filter_map(Line::parse);
        let mut named = lines.filter(|line| line.name == name);
        let mine = named.find(|line| line.key_id() == Some(id));
        let base64 = mine.ok_or(CheckpointError::NotSigned)?.base64;
        decode(base64).ok_or(CheckpointError::BadSignature)
    }
}

/// The line of a signature.
struct Line<'a> {
    name: &'a str,
    base64: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(DASH)?.split_once(' ')?;
        let fits = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+');
        let line = Self { name, base64 };
        (fits && line.is_base64() && line.key_id().is_some()).then_some(line)
    }

    fn key_id(&self) -> Option<[u8; KEY_ID_LEN]> {
        let front: &str = self.base64.get(..8)?;
        let mut bytes = [0; 6];
        let bytes = Base64::decode(front, &mut bytes).ok()?;
        bytes.first_chunk().copied()
    }

    /// Returns whether the signature, which may be long, is base64 with its padding.
    fn is_base64(&self) -> bool {
        let mut short = false;
        self.base64.as_bytes().chunks(4).all(|quad| {
            let mut bytes = [0; 3];
            let bytes = Base64::decode(quad, &mut bytes);
            let follows = short;
            short = bytes.as_ref().is_ok_and(|bytes| bytes.len() < 3);
            bytes.is_ok() && !follows
        })
    }
}

/// Decodes base64 of exactly `N` bytes, at most 96.
fn decode<const N: usize>(base64: &str) -> Option<[u8; N]> {
    let mut bytes = [0; 96];
    let bytes = Base64::decode(base64, &mut bytes).ok()?;
    bytes.try_into().ok()
}

/// Reads a size as it is written: no sign, no leading zero.
fn decimal(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    let zero = digits.starts_with('0') && digits.len() > 1;
    (plain && !zero).then(|| digits.parse().ok()).flatten()
}

/// Reads an instance id as it is written.
fn lower_hex(digits: &str) -> Option<InstanceId> {
    let lower = !digits.contains(|c: char| c.is_ascii_uppercase());
    lower.then(|| digits.parse().ok()).flatten()
}

/// A part of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointField {
    /// The whole text.
    Text,
    /// The origin.
    Origin,
    /// The number of records.
    Size,
    /// The root.
    Root,
    /// The line of a signature.
    Signature,
}

impl fmt::Display for CheckpointField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Origin => "origin",
            Self::Size => "size",
            Self::Root => "root",
            Self::Signature => "line of a signature",
        })
    }
}

/// Why bytes are not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointFileError {
    /// It is longer than [`Checkpoint::MAX_LEN`].
    TooLong,
    /// The part is missing or malformed.
    Malformed(CheckpointField),
}

impl fmt::Display for CheckpointFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "longer than {} bytes", Checkpoint::MAX_LEN),
            Self::Malformed(field) => {
                write!(f, "the {field} of the checkpoint is missing or malformed")
            }
        }
    }
}

impl core::error::Error for CheckpointFileError {}

/// Why a checkpoint was not accepted or not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is of another HSM's log.
    OtherInstance {
        /// The HSM that it names.
        have: InstanceId,
        /// The expected HSM.
        want: InstanceId,
    },
    /// No signature is with this key.
    NotSigned,
    /// The signature with this key is wrong.
    BadSignature,
    /// What is to be added is not the line of a signature, or makes the checkpoint too long.
    BadLine,
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl From<Fault> for CheckpointError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherInstance { have, want } => {
                write!(f, "the checkpoint is of the log of HSM {have}, not {want}")
            }
            Self::NotSigned => f.write_str("the checkpoint is not signed with the HSM's key"),
            Self::BadSignature => f.write_str("the signature of the checkpoint is wrong"),
            Self::BadLine => f.write_str("the line of the signature is malformed or too long"),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => Fault.fmt(f),
        }
    }
}

impl core::error::Error for CheckpointError {}
