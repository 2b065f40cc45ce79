// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's approval of one act.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::act::{Act, UnfitAct, VERSION, known_version};
use super::file::{ApprovalField as Field, ApprovalFileError};
use super::id::ActDigest;
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::ct::eq_bytes;
use crate::custodian::CustodianId;
use crate::ed25519::SIGNATURE_LEN;
use crate::hardened::{Fault, Permit, Verdict};
use crate::labels::Purpose;
use crate::quorum::ShareIndex;
use crate::sealed_domain::{
    Custodian, ExpectError, ExpectedDomain, Header, MAX_CUSTODIANS, SealedDomain, Statement,
    StatementKind,
};

/// How many items an approval has.
const ITEMS: u64 = 4;

/// A parsed approval; only one encoding is accepted. Nothing in it is proven until it is verified.
#[derive(Clone, Copy, Debug)]
pub struct Approval<'a> {
    bytes: &'a [u8],
    act: ActDigest,
    index: ShareIndex,
    pub(super) signature: &'a [u8; SIGNATURE_LEN],
}

/// Returns what the custodians who approve the act sign.
pub(super) fn statement(act: &ActDigest) -> Statement {
    Statement {
        kind: StatementKind::Approval,
        text: Purpose::StatementText.digest([act.as_bytes().as_slice()]),
    }
}

pub(super) fn encode<W: Write>(
    act: &ActDigest,
    index: ShareIndex,
    signature: &[u8; SIGNATURE_LEN],
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encoder.array(ITEMS)?.u8(VERSION)?.bytes(act.as_bytes())?;
    encoder.u8(index.get())?.bytes(signature)?;
    Ok(())
}

impl<'a> Approval<'a> {
    /// The length of an approval.
    pub const MAX_LEN: usize = 3 + bytes_len(32) + bytes_len(SIGNATURE_LEN);

    /// Parses an approval and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ApprovalFileError`] that concerns an approval.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ApprovalFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Field::File)?;
        known_version(&mut reader)?;
        if items != ITEMS {
            return Err(ApprovalFileError::Malformed(Field::File));
        }
        let act = ActDigest::from_bytes(*reader.fixed(Field::Act)?);
        let index = ShareIndex::new(reader.small(Field::Index)?).ok();
        let index = index.filter(|index| usize::from(index.get()) <= MAX_CUSTODIANS);
        let index = index.ok_or(ApprovalFileError::Malformed(Field::Index))?;
        let signature = reader.fixed(Field::Signature)?;
        if !is_encoding(bytes, |encoder| encode(&act, index, signature, encoder)) {
            return Err(ApprovalFileError::NotDeterministic);
        }
        Ok(Self {
            bytes,
            act,
            index,
            signature,
        })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the digest of the act that it approves.
    pub const fn act(&self) -> ActDigest {
        self.act
    }

    /// Returns the index of the share that it claims to be signed with.
    pub const fn index(&self) -> ShareIndex {
        self.index
    }

    /// Returns the custodian who approved `act`, or at least whose share was known.
    ///
    /// Checks, in this order: the sealed domain is the expected one; the act is for it and has not
    /// expired at `now`, in Unix seconds, 0 if there is no clock; the approval is of this act; the
    /// domain lists the share, whose possession key made the signature.
    ///
    /// All is public.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`ApprovalError`].
    pub fn verify(
        &self,
        sealed: &SealedDomain<'_>,
        expect: &ExpectedDomain,
        act: &Act<'_>,
        now: u64,
    ) -> Result<CustodianId, ApprovalError> {
        let header = sealed.header();
        let expected = expect.permit(header).map_err(ApprovalError::Expect)?;
        let fits = act.fits(header)?.and(act.lasts(now)?);
        let (custodian, signed) = self.check(header, act)?;
        { expected.and(fits).and(signed) }.spend(ApprovalError::Fault)?;
        Ok(custodian.id)
    }

    /// Returns whose approval of `act` this is, with a permit to count it.
    pub(crate) fn check(
        &self,
        header: &Header<'_>,
        act: &Act<'_>,
    ) -> Result<(Custodian, Permit), ApprovalError> {
        let (have, want) = (self.act(), act.digest());
        let same = Verdict::twice(|| eq_bytes(self.act.as_bytes(), act.digest().as_bytes()))
            .permit(ApprovalError::OtherAct { have, want })?;
        let custodian = header.custodian(self.index);
        let custodian = custodian.ok_or(ApprovalError::NotListed(self.index))?;
        let signed = Verdict::twice(|| {
            statement(&act.digest()).verifies(header, self.index, self.signature)
        })
        .permit(ApprovalError::Unsigned {
            claims: custodian.id,
        })?;
        Ok((custodian, same.and(signed)))
    }
}

/// Why an approval does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ApprovalError {
    /// The sealed domain is not the expected one.
    Expect(ExpectError),
    /// The act is not for this sealed domain, or has expired.
    Unfit(UnfitAct),
    /// The approval is of another act.
    OtherAct {
        /// The act that it approves.
        have: ActDigest,
        /// The given act.
        want: ActDigest,
    },
    /// The domain has no share with this index.
    NotListed(ShareIndex),
    /// The approval claims to come from this custodian, but is not signed with that custodian's
    /// share.
    Unsigned {
        /// The custodian whose share it claims to be signed with.
        claims: CustodianId,
    },
    /// This custodian has already approved the act.
    Repeated(CustodianId),
    /// An internal check failed: a hardware fault or a bug.
    Fault,
}

impl From<Fault> for ApprovalError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<UnfitAct> for ApprovalError {
    fn from(unfit: UnfitAct) -> Self {
        Self::Unfit(unfit)
    }
}

impl fmt::Display for ApprovalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect(error) => error.fmt(f),
            Self::Unfit(error) => error.fmt(f),
            Self::OtherAct { have, want } => {
                write!(f, "the approval is of act {have}, not {want}")
            }
            Self::NotListed(index) => write!(f, "the domain has no share {index}"),
            Self::Unsigned { claims } => write!(
                f,
                "the approval claims to be custodian {claims}'s and is not signed with that \
                 custodian's share"
            ),
            Self::Repeated(id) => write!(f, "custodian {id} has already approved the act"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for ApprovalError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Expect(error) => error.source(),
            Self::Unfit(error) => error.source(),
            _ => None,
        }
    }
}
