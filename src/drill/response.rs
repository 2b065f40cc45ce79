// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's response, and what it proves.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::challenge::{Challenge, VERSION, commitment, index, known_version};
use super::file::{DrillField as Field, DrillFileError};
use super::id::ChallengeDigest;
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::ct::{Mask, eq_bytes};
use crate::custodian::CustodianId;
use crate::ed25519::SIGNATURE_LEN;
use crate::hardened::{Fault, Permit, Verdict};
use crate::labels::Purpose;
use crate::quorum::ShareIndex;
use crate::sealed_domain::{
    Custodian, ExpectError, ExpectedDomain, HeaderDigest, SealedDomain, Statement, StatementKind,
};

/// How many items a response has.
const ITEMS: u64 = 5;

/// A parsed response; only one encoding is accepted. Nothing in it is proven until it is verified.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    bytes: &'a [u8],
    pub(super) front: Front<'a>,
    signature: &'a [u8; SIGNATURE_LEN],
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front<'a> {
    pub(super) challenge: ChallengeDigest,
    pub(super) index: ShareIndex,
    /// The value; `None` if the custodian does not show that he has his key.
    pub(super) value: Option<&'a [u8; 32]>,
}

impl Front<'_> {
    /// Returns the value, or no bytes.
    fn value(&self) -> &[u8] {
        self.value.map_or(&[][..], |value| value)
    }

    /// Returns what the custodian signs.
    pub(super) fn statement(&self) -> Statement {
        let parts = [self.challenge.as_bytes().as_slice(), self.value()];
        Statement {
            kind: StatementKind::Drill,
            text: Purpose::StatementText.digest(parts),
        }
    }

    pub(super) fn encode<W: Write>(
        &self,
        signature: &[u8; SIGNATURE_LEN],
        encoder: &mut Encoder<W>,
    ) -> Encoded<W> {
        encoder.array(ITEMS)?.u8(VERSION)?;
        encoder.bytes(self.challenge.as_bytes())?;
        encoder.u8(self.index.get())?.bytes(self.value())?;
        encoder.bytes(signature)?;
        Ok(())
    }

    /// Returns the length of a response.
    pub(super) fn len(&self) -> usize {
        encoded_len(self.value().len())
    }
}

/// Returns the length of a response whose value has `value` bytes.
const fn encoded_len(value: usize) -> usize {
    let fixed = 3 + bytes_len(32) + bytes_len(SIGNATURE_LEN);
    bytes_len(value).saturating_add(fixed)
}

impl<'a> Response<'a> {
    /// The maximum length of a response.
    pub const MAX_LEN: usize = encoded_len(32);

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
        let challenge = ChallengeDigest::from_bytes(*reader.fixed(Field::Challenge)?);
        let index = index(reader.small(Field::Index)?);
        let index = index.ok_or(DrillFileError::Malformed(Field::Index))?;
        let value = match reader.bytes(Field::Value)? {
            [] => None,
            value => {
                let value = value.try_into();
                Some(value.map_err(|_| DrillFileError::Malformed(Field::Value))?)
            }
        };
        let front = Front {
            challenge,
            index,
            value,
        };
        let signature = reader.fixed(Field::Signature)?;
        if !is_encoding(bytes, |encoder| front.encode(signature, encoder)) {
            return Err(DrillFileError::NotDeterministic);
        }
        Ok(Self {
            bytes,
            front,
            signature,
        })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the digest of the challenge that it answers.
    pub const fn challenge(&self) -> ChallengeDigest {
        self.front.challenge
    }

    /// Returns the index of the share that it claims to hold.
    pub const fn index(&self) -> ShareIndex {
        self.front.index
    }

    /// Returns what the response claims to prove.
    pub const fn claims(&self) -> Proof {
        match self.front.value {
            Some(_) => Proof::KeyAndShare,
            None => Proof::ShareKnown,
        }
    }

    /// Tells what the response proves, as an answer to `challenge`, which the caller made and takes
    /// no second answer of this custodian to.
    ///
    /// Checks, in this order: the sealed domain is the expected one; the challenge is for it; the
    /// response answers the challenge; the domain lists the share, whose possession key made the
    /// signature; the value, if there is one, is the one that was wrapped to the custodian's key.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ResponseError`].
    pub fn verify(
        &self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        challenge: &Challenge<'_>,
    ) -> Result<Answered, ResponseError> {
        let (answered, permit) = self.check(sealed, expect, challenge)?;
        permit.spend(ResponseError::Fault)?;
        Ok(answered)
    }

    /// The same, with a permit to act on it.
    pub(crate) fn check(
        &self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        challenge: &Challenge<'_>,
    ) -> Result<(Answered, Permit), ResponseError> {
        let header = sealed.header();
        let expected = expect.permit(header).map_err(ResponseError::Expect)?;
        let same_header = challenge.permit(header, |have, want| ResponseError::OtherHeader {
            have,
            want,
        })?;
        let (have, want) = (self.challenge(), challenge.digest());
        let answers = Verdict::twice(|| {
            let have = self.front.challenge.as_bytes();
            eq_bytes(have, challenge.digest().as_bytes())
        })
        .permit(ResponseError::OtherChallenge { have, want })?;
        let custodian = header.custodian(self.index());
        let custodian = custodian.ok_or(ResponseError::NotListed(self.index()))?;
        let signed = Verdict::twice(|| {
            { self.front.statement() }.verifies(header, self.index(), self.signature)
        })
        .permit(ResponseError::Unsigned {
            claims: custodian.id,
        })?;
        let (proof, proven) = self.proof(challenge, &custodian)?;
        let permit = { expected.and(same_header).and(answers) }
            .and(signed)
            .and(proven);
        let answered = Answered {
            custodian: custodian.id,
            proof,
        };
        Ok((answered, permit))
    }

    fn proof(
        &self,
        challenge: &Challenge<'_>,
        custodian: &Custodian,
    ) -> Result<(Proof, Permit), ResponseError> {
        let wrong = ResponseError::WrongValue(custodian.id);
        let Some(value) = self.front.value else {
            let none = Verdict::twice(|| Mask::public(self.front.value.is_none()));
            return Ok((Proof::ShareKnown, none.permit(wrong)?));
        };
        let asked = challenge.asked(custodian.index).ok_or(wrong)?;
        let proven = Verdict::twice(|| {
            let context = challenge.context(custodian.index, custodian.id);
            eq_bytes(&commitment(&context, value), asked.commitment)
        });
        Ok((Proof::KeyAndShare, proven.permit(wrong)?))
    }
}

/// What a response that holds proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Proof {
    /// The custodian has his key, and knows his share.
    KeyAndShare,
    /// Somebody knows the custodian's share. The key may be lost.
    ShareKnown,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyAndShare => "key and share",
            Self::ShareKnown => "share known",
        })
    }
}

/// Who answered, and what that proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The custodian.
    pub custodian: CustodianId,
    /// What is proven.
    pub proof: Proof,
}

/// Why a response proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ResponseError {
    /// The sealed domain is not the expected one.
    Expect(ExpectError),
    /// The challenge is for another header.
    OtherHeader {
        /// The header that the challenge is for.
        have: HeaderDigest,
        /// The header of the given sealed domain.
        want: HeaderDigest,
    },
    /// The response answers another challenge.
    OtherChallenge {
        /// The challenge that it answers.
        have: ChallengeDigest,
        /// The given challenge.
        want: ChallengeDigest,
    },
    /// The domain has no share with this index.
    NotListed(ShareIndex),
    /// The response claims to come from this custodian, but is not signed with that custodian's
    /// share.
    Unsigned {
        /// The custodian whose share it claims to hold.
        claims: CustodianId,
    },
    /// This custodian signed the response, but its value is not the one that was wrapped to his
    /// key.
    WrongValue(CustodianId),
    /// An internal check failed: a hardware fault or a bug.
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
            Self::Expect(error) => error.fmt(f),
            Self::OtherHeader { have, want } => {
                write!(f, "the challenge is for header {have}, not {want}")
            }
            Self::OtherChallenge { have, want } => {
                write!(f, "the response answers challenge {have}, not {want}")
            }
            Self::NotListed(index) => write!(f, "the domain has no share {index}"),
            Self::Unsigned { claims } => write!(
                f,
                "the response claims to be custodian {claims}'s and is not signed with that \
                 custodian's share"
            ),
            Self::WrongValue(id) => {
                write!(
                    f,
                    "custodian {id} did not unwrap the value of the challenge"
                )
            }
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for ResponseError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Expect(error) => error.source(),
            _ => None,
        }
    }
}
