// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a file, and where. Every cause can be found without a key.

use core::fmt;

use super::member_name::MemberName;
use crate::hardened;
use crate::quorum::QuorumError;
use crate::rng::RngError;
use crate::x509::CertificateError;

/// A place in a file, for example `SharedKeys.enc_shares[1].enc_key (IV)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Field {
    /// The path of members. `[]` stands for the element [`index`](Self::index).
    pub path: &'static str,
    /// The index, from 0, of the element of the array on the path.
    pub index: Option<u8>,
    /// The part of a compact JWE or the member of a JWK; may be empty.
    pub part: &'static str,
}

impl Field {
    /// Makes a place on a path without an array.
    pub(super) const fn new(path: &'static str) -> Self {
        Self {
            path,
            index: None,
            part: "",
        }
    }

    /// Makes a place in element `index` of an array. An index above 255 is shown as 255.
    pub(super) fn element(path: &'static str, index: usize) -> Self {
        Self {
            path,
            index: Some(u8::try_from(index).unwrap_or(u8::MAX)),
            part: "",
        }
    }

    /// Returns the same element on another path through it.
    pub(super) const fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    /// Returns a part of this place.
    pub(super) const fn part(self, part: &'static str) -> Self {
        Self { part, ..self }
    }

    /// Returns the error that `fault` is at this place.
    pub(super) const fn has(self, fault: Fault) -> FileError {
        FileError { field: self, fault }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.path.split_once("[]"), self.index) {
            (Some((before, after)), Some(index)) => write!(f, "{before}[{index}]{after}")?,
            _ => f.write_str(self.path)?,
        }
        if !self.part.is_empty() {
            write!(f, " ({})", self.part)?;
        }
        Ok(())
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// The text is not UTF-8.
    NotUtf8,
    /// The text is not JSON (RFC 8259), or it ends too early. A byte-order mark is not JSON.
    Syntax,
    /// A string has a raw control character, an unknown escape or a lone surrogate.
    BadString,
    /// Text follows the end of the value.
    Trailing,
    /// An object has this member, which is not in the format.
    UnknownMember(MemberName),
    /// An object has this member twice, and it is not in the format.
    UnknownTwice(MemberName),
    /// A member appears twice in its object.
    Duplicate,
    /// The member is missing.
    Missing,
    /// Arrays and objects are too deep inside each other.
    TooDeep,
    /// The value is not an object.
    NotAnObject,
    /// The value is not an array.
    NotAnArray,
    /// The value is not a string.
    NotAString,
    /// The value is not an integer in plain digits.
    NotAnInteger,
    /// The format does not know the value.
    Value,
    /// The file has version 1, which [`SplitFile`](super::split_file::SplitFile) reads.
    Version1,
    /// There are too few or too many elements.
    Count,
    /// The quorum is invalid: `required` is below 2 or above the number of custodians.
    Required,
    /// The tag is invalid.
    Tag(TagError),
    /// The text is not canonical base64 of the expected kind.
    Base64,
    /// There are too many or too few bytes.
    Length,
    /// A compact JWE does not have five parts.
    Parts,
    /// The value must be empty.
    NotEmpty,
    /// The value contradicts another one: a `kid` its tag, or a JWK its certificate.
    Mismatch,
    /// The value must be unique, but an earlier element has it too.
    Repeated,
    /// The certificate is refused.
    Certificate(CertificateError),
    /// The certificate is not the one that the file lists, or not one of them.
    NotListed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Syntax => "not JSON, or cut short",
            Self::BadString => {
                "a string with a control character, a bad escape or half a surrogate pair"
            }
            Self::Trailing => "text follows the end of the value",
            Self::UnknownMember(name) => {
                return write!(f, "the member {name} is not in the format");
            }
            Self::UnknownTwice(name) => return write!(f, "the member {name} is given twice"),
            Self::Duplicate => "given twice",
            Self::Missing => "missing",
            Self::TooDeep => "arrays and objects are too deep inside each other",
            Self::NotAnObject => "not an object",
            Self::NotAnArray => "not an array",
            Self::NotAString => "not a string",
            Self::NotAnInteger => "not an integer in plain digits",
            Self::Value => "not a value that the format knows",
            Self::Version1 => "a file of version 1, in which keys are split, not shared",
            Self::Count => "too few or too many elements",
            Self::Required => "not a valid quorum: below 2 or above the number of custodians",
            Self::Tag(error) => return error.fmt(f),
            Self::Base64 => "not canonical base64 of the expected kind",
            Self::Length => "not the right length",
            Self::Parts => "not the five parts of a compact JWE",
            Self::NotEmpty => "not empty",
            Self::Mismatch => "contradicts another member",
            Self::Repeated => "the same as in an earlier element",
            Self::Certificate(error) => return error.fmt(f),
            Self::NotListed => "the file does not list the certificate",
        })
    }
}

/// Why a file is refused: the field, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct FileError {
    /// The place in the file.
    pub field: Field,
    /// What is wrong there.
    pub fault: Fault,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.fault)
    }
}

impl core::error::Error for FileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.fault {
            Fault::Tag(error) => error.source(),
            Fault::Certificate(error) => error.source(),
            _ => None,
        }
    }
}

/// A member that is not in the format, and was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct UnknownMember {
    /// The object that has it.
    pub object: Field,
    /// Its name.
    pub name: MemberName,
}

impl fmt::Display for UnknownMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the member {}", self.object, self.name)
    }
}

/// Why a file was not written. The output buffer is wiped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WriteError {
    /// The output buffer is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The random number generator failed.
    Rng,
    /// There is no artifact, or more than 32.
    ArtifactCount,
    /// Two artifacts have the same tag.
    RepeatedTag,
    /// There are fewer than 3 certificates, or more than 10.
    CertificateCount,
    /// Two certificates are the same, or hold the same key.
    RepeatedCustodian,
    /// The quorum is invalid.
    Quorum(QuorumError),
    /// The master key does not open the file that is to be sealed again.
    DoesNotOpen,
    /// What was sealed does not open again, or another internal check failed: a hardware fault or a
    /// bug in this crate.
    Fault,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BufferTooSmall { needed } => {
                return write!(f, "the output needs {needed} bytes");
            }
            Self::Rng => return RngError.fmt(f),
            Self::ArtifactCount => "the number of artifacts is not in 1 to 32",
            Self::RepeatedTag => "two artifacts have the same tag",
            Self::CertificateCount => "the number of certificates is not in 3 to 10",
            Self::RepeatedCustodian => "two certificates are the same, or hold the same key",
            Self::Quorum(error) => return error.fmt(f),
            Self::DoesNotOpen => "the security domain does not open with this master key",
            Self::Fault => "an internal check failed: a hardware fault or a bug",
        })
    }
}

impl core::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Quorum(error) => error.source(),
            _ => None,
        }
    }
}

impl From<hardened::Fault> for WriteError {
    fn from(_: hardened::Fault) -> Self {
        Self::Fault
    }
}

impl From<OpenError> for WriteError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::DoesNotOpen => Self::DoesNotOpen,
            // Opening a file to write it again uses no output buffer.
            OpenError::BufferTooSmall { .. } | OpenError::Fault => Self::Fault,
        }
    }
}

impl From<RngError> for WriteError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl From<QuorumError> for WriteError {
    fn from(error: QuorumError) -> Self {
        Self::Quorum(error)
    }
}

/// Why sealed bytes were not opened. The output buffer holds none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError {
    /// The output buffer is smaller than the longest possible result.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The bytes do not open with this key. Deliberately gives no reason.
    DoesNotOpen,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<hardened::Fault> for OpenError {
    fn from(_: hardened::Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => write!(f, "the output may need {needed} bytes"),
            Self::DoesNotOpen => f.write_str("the sealed bytes do not open with this key"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for OpenError {}

/// Why a text is not a valid tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TagError {
    /// The text is empty.
    Empty,
    /// The text is longer than 255 bytes of UTF-8.
    TooLong,
    /// The text contains U+0000.
    Nul,
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the tag is empty",
            Self::TooLong => "the tag is longer than 255 bytes",
            Self::Nul => "the tag contains U+0000",
        })
    }
}

impl core::error::Error for TagError {}
