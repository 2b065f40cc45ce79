// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a file, and where. Everything here can be told without any key.

use core::fmt;

use super::tag::TagError;
use crate::hardened;
use crate::quorum::QuorumError;
use crate::rng::RngError;
use crate::x509::CertificateError;

/// A place in a file: `SharedKeys.enc_shares[1].enc_key (IV)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The members that lead there. `[]` stands for the element [`index`](Self::index).
    pub path: &'static str,
    /// Which element of the array that the path goes through, from 0.
    pub index: Option<u8>,
    /// The part of a compact JWE or the member of a JWK, or empty.
    pub part: &'static str,
}

impl Field {
    /// A place on a path without an array.
    pub(super) const fn new(path: &'static str) -> Self {
        Self {
            path,
            index: None,
            part: "",
        }
    }

    /// A place in element `index` of an array. An index above 255 is shown as 255.
    pub(super) fn element(path: &'static str, index: usize) -> Self {
        Self {
            path,
            index: Some(u8::try_from(index).unwrap_or(u8::MAX)),
            part: "",
        }
    }

    /// The same element, on another path through it.
    pub(super) const fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    /// A part of this place.
    pub(super) const fn part(self, part: &'static str) -> Self {
        Self { part, ..self }
    }

    /// That `fault` is here.
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
#[non_exhaustive]
pub enum Fault {
    /// The text is not UTF-8.
    NotUtf8,
    /// The text is not JSON (RFC 8259), or it ends too early. A byte-order mark is not JSON.
    Syntax,
    /// A string has a raw control character, an unknown escape or a lone surrogate.
    BadString,
    /// Something follows where the text should end.
    Trailing,
    /// An object has a member that the format does not have.
    UnknownMember,
    /// A member occurs twice in its object.
    Duplicate,
    /// The member is not there.
    Missing,
    /// The value is not an object.
    NotAnObject,
    /// The value is not an array.
    NotAnArray,
    /// The value is not a string.
    NotAString,
    /// The value is not an integer in plain digits.
    NotAnInteger,
    /// The value is not one that the format knows.
    Value,
    /// The file is of version 1, which has no quorum and is not read.
    Version1,
    /// There are too few or too many elements.
    Count,
    /// The quorum cannot be: `required` is below 2 or above the number of custodians.
    Required,
    /// The tag cannot be one.
    Tag(TagError),
    /// The text is not canonical base64 of the kind that belongs here.
    Base64,
    /// The bytes are too many or too few.
    Length,
    /// A compact JWE does not have five parts.
    Parts,
    /// The value must be empty.
    NotEmpty,
    /// The value contradicts another one: a `kid` its tag, a JWK its certificate.
    Mismatch,
    /// The value must be unique, and an earlier element has it too.
    Repeated,
    /// The certificate cannot be used.
    Certificate(CertificateError),
    /// The certificate is not the one, or none of those, that the file names.
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
            Self::Trailing => "something follows where the text should end",
            Self::UnknownMember => "a member that the format does not have",
            Self::Duplicate => "given twice",
            Self::Missing => "missing",
            Self::NotAnObject => "not an object",
            Self::NotAnArray => "not an array",
            Self::NotAString => "not a string",
            Self::NotAnInteger => "not an integer in plain digits",
            Self::Value => "not a value that the format knows",
            Self::Version1 => "a file of version 1, which is not read",
            Self::Count => "too few or too many elements",
            Self::Required => "not a quorum of the custodians: below 2 or above their number",
            Self::Tag(error) => return error.fmt(f),
            Self::Base64 => "not canonical base64 of the kind that belongs here",
            Self::Length => "not of the right length",
            Self::Parts => "not the five parts of a compact JWE",
            Self::NotEmpty => "not empty",
            Self::Mismatch => "contradicts another member",
            Self::Repeated => "the same as in an earlier element",
            Self::Certificate(error) => return error.fmt(f),
            Self::NotListed => "the certificate is not named here",
        })
    }
}

/// Why a file is refused: which field, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileError {
    /// Where.
    pub field: Field,
    /// What.
    pub fault: Fault,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.fault)
    }
}

impl core::error::Error for FileError {}

/// Why a file was not written. The output buffer is wiped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The output buffer is too small.
    BufferTooSmall {
        /// How many bytes it takes.
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
    /// The quorum cannot be.
    Quorum(QuorumError),
    /// The master key does not open the file that is to be sealed anew.
    DoesNotOpen,
    /// What was sealed does not open again, or a case that cannot happen did: a fault in the machine.
    Fault,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BufferTooSmall { needed } => {
                return write!(f, "the output takes {needed} bytes");
            }
            Self::Rng => return RngError.fmt(f),
            Self::ArtifactCount => "not 1 to 32 artifacts",
            Self::RepeatedTag => "two artifacts have the same tag",
            Self::CertificateCount => "not 3 to 10 certificates",
            Self::RepeatedCustodian => "two certificates are the same, or hold the same key",
            Self::Quorum(error) => return error.fmt(f),
            Self::DoesNotOpen => "the security domain does not open with this master key",
            Self::Fault => "an internal check failed: a hardware fault or a bug",
        })
    }
}

impl core::error::Error for WriteError {}

impl From<hardened::Fault> for WriteError {
    fn from(_: hardened::Fault) -> Self {
        Self::Fault
    }
}

impl From<OpenError> for WriteError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::DoesNotOpen => Self::DoesNotOpen,
            // No buffer is in play where a file is opened to be written again.
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

/// Why sealed bytes were not opened. Nothing of them is in the output buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The output buffer is smaller than what may come out.
    BufferTooSmall {
        /// How many bytes it takes.
        needed: usize,
    },
    /// It does not open with this key. Nothing more can be told without the key.
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
            Self::BufferTooSmall { needed } => write!(f, "the output may take {needed} bytes"),
            Self::DoesNotOpen => f.write_str("it does not open with this key"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for OpenError {}
