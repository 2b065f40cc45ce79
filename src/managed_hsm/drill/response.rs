// SPDX-License-Identifier: MIT OR Apache-2.0
//! The response of a custodian of a domain file, and whose it is.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::challenge::{Challenge, commitment, encode_start, known_version};
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::ct::{Mask, eq_bytes};
use crate::drill::{ChallengeDigest, DrillField as Field, DrillFileError};
use crate::hardened::{Fault, Verdict};
use crate::managed_hsm::domain_file::DomainFile;
use crate::managed_hsm::file_digest::FileDigest;
use crate::x509::Thumbprint;

/// How many items a response has.
const ITEMS: u64 = 4;

/// A parsed response; only one encoding is accepted. Nothing in it is proven until it is verified.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    bytes: &'a [u8],
    front: Front<'a>,
}

/// Everything that a response contains.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front<'a> {
    pub(super) challenge: ChallengeDigest,
    pub(super) custodian: Thumbprint,
    pub(super) value: &'a [u8; 32],
}

impl Front<'_> {
    pub(super) fn encode<W: Write>(&self, encoder: &mut Encoder<W>) -> Encoded<W> {
        encode_start(ITEMS, encoder)?;
        encoder.bytes(self.challenge.as_bytes())?;
        encoder
            .bytes(self.custodian.as_bytes())?
            .bytes(self.value)?;
        Ok(())
    }
}

impl<'a> Response<'a> {
    /// The length of a response.
    pub const LEN: usize = 2 + 3 * bytes_len(32);

    /// Parses a response and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`DrillFileError`] that concerns a response.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DrillFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Field::File)?;
        known_version(&mut reader)?;
        if items != ITEMS {
            return Err(DrillFileError::Malformed(Field::File));
        }
        let front = Front {
            challenge: ChallengeDigest::from_bytes(*reader.fixed(Field::Challenge)?),
            custodian: Thumbprint::new(*reader.fixed(Field::Custodian)?),
            value: reader.fixed(Field::Value)?,
        };
        if !is_encoding(bytes, |encoder| front.encode(encoder)) {
            return Err(DrillFileError::NotDeterministic);
        }
        Ok(Self { bytes, front })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the digest of the challenge that it answers.
    pub const fn challenge(&self) -> ChallengeDigest {
        self.front.challenge
    }

    /// Returns the thumbprint of the custodian whose it claims to be.
    pub const fn custodian(&self) -> Thumbprint {
        self.front.custodian
    }

    /// Returns the custodian who answered `challenge`, which the caller made and takes no second
    /// answer of this custodian to.
    ///
    /// Checks, in this order: the challenge is for `file`; the response answers the challenge; the
    /// file lists the custodian; the value is the one that was wrapped to the custodian's key. This
    /// proves that somebody has that key, and that the custodian's program says that the share
    /// opened.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ResponseError`].
    pub fn verify(
        &self,
        file: &DomainFile<'_>,
        challenge: &Challenge<'_>,
    ) -> Result<Thumbprint, ResponseError> {
        let same = challenge.permit(file, |have, want| ResponseError::OtherFile { have, want })?;
        let (have, want) = (self.challenge(), challenge.digest());
        let answers = Verdict::twice(|| {
            let have = self.front.challenge.as_bytes();
            eq_bytes(have, challenge.digest().as_bytes())
        })
        .permit(ResponseError::OtherChallenge { have, want })?;
        let of = self.custodian();
        let listed = Verdict::twice(|| {
            let claimed = self.front.custodian;
            Mask::public(file.custodians().any(|custodian| custodian == claimed))
        })
        .permit(ResponseError::NotListed(of))?;
        let asked = challenge.asked(&of).ok_or(ResponseError::NotAsked(of))?;
        let proven = Verdict::twice(|| {
            let context = challenge.context(&of);
            eq_bytes(&commitment(&context, self.front.value), asked.commitment)
        })
        .permit(ResponseError::WrongValue(of))?;
        { same.and(answers).and(listed).and(proven) }.spend(ResponseError::Fault)?;
        Ok(of)
    }
}

/// Why a response proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ResponseError {
    /// The challenge is for another file.
    OtherFile {
        /// The file that the challenge names.
        have: FileDigest,
        /// The given file.
        want: FileDigest,
    },
    /// The response answers another challenge.
    OtherChallenge {
        /// The challenge that it answers.
        have: ChallengeDigest,
        /// The given challenge.
        want: ChallengeDigest,
    },
    /// The file lists no such custodian.
    NotListed(Thumbprint),
    /// The challenge has no value for this custodian.
    NotAsked(Thumbprint),
    /// The value in the response is not the one that the challenge has for this custodian. Nothing
    /// shows who sent it.
    WrongValue(Thumbprint),
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for ResponseError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherFile { have, want } => {
                write!(f, "the challenge is for file {have}, not {want}")
            }
            Self::OtherChallenge { have, want } => {
                write!(f, "the response answers challenge {have}, not {want}")
            }
            Self::NotListed(of) => write!(f, "the file does not list custodian {of}"),
            Self::NotAsked(of) => write!(f, "the challenge has no value for custodian {of}"),
            Self::WrongValue(of) => write!(
                f,
                "the response claims to be custodian {of}'s and does not hold the value of the \
                 challenge"
            ),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for ResponseError {}
