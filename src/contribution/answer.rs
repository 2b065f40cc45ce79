// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's share on its way to the HSM that asked for it (`docs/format.md`, "Contribution").
//!
//! The share is wrapped to the session's transfer key and signed with its own possession key. The
//! signature keeps strangers' input away from the decryption and lets the HSM name the custodian.
//! It says nothing about the HSM, which is why custodians vet requests.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::id::RequestDigest;
use super::request::{MAX_TRANSFERRED_LEN, VERSION, known_version};
use super::session_file::{SessionField as Field, SessionFileError};
use crate::cbor::{Encoded, Reader, bytes_len, is_encoding};
use crate::ct::eq_bytes;
use crate::custodian::{CustodianId, Identity, UnwrapError};
use crate::ed25519::SIGNATURE_LEN;
use crate::hardened::{Fault, Verdict};
use crate::labels::Purpose;
use crate::quorum::ShareIndex;
use crate::rng::Generator;
use crate::sealed_domain::{DomainShare, MAX_CUSTODIANS, SealedDomain, Statement, StatementKind};
use crate::wrapped_share::WrappedShare;

/// How many items a contribution has.
const ITEMS: u64 = 5;

/// A parsed contribution; only one encoding is accepted. The session finds out who made it and
/// whether it is valid.
#[derive(Clone, Copy, Debug)]
pub struct Contribution<'a> {
    bytes: &'a [u8],
    request: RequestDigest,
    index: ShareIndex,
    wrapped: WrappedShare<'a>,
    signature: &'a [u8; SIGNATURE_LEN],
}

impl<'a> Contribution<'a> {
    /// The maximum length of a contribution: 618 bytes, or 1852 with the feature `pq`, which has
    /// longer transfer keys.
    pub const MAX_LEN: usize = encoded_len(MAX_TRANSFERRED_LEN);

    /// Parses a contribution and checks its form.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`SessionFileError`] that concerns a contribution.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SessionFileError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(Field::File)?;
        known_version(&mut reader)?;
        if items != ITEMS {
            return Err(SessionFileError::Malformed(Field::File));
        }
        let request = RequestDigest::from_bytes(*reader.fixed(Field::Request)?);
        let index =
            index(reader.small(Field::Index)?).ok_or(SessionFileError::Malformed(Field::Index))?;
        let wrapped = reader.bytes(Field::Wrapped)?;
        if !(1..=MAX_TRANSFERRED_LEN).contains(&wrapped.len()) {
            return Err(SessionFileError::Malformed(Field::Wrapped));
        }
        let signature = reader.fixed(Field::Signature)?;
        let encoded = is_encoding(bytes, |encoder| {
            encode(request, index, wrapped, signature, encoder)
        });
        if !encoded {
            return Err(SessionFileError::NotDeterministic(Field::File));
        }
        Ok(Self {
            bytes,
            request,
            index,
            wrapped: WrappedShare::from_bytes(wrapped),
            signature,
        })
    }

    /// Returns the bytes of the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the digest of the request that it answers.
    pub const fn request(&self) -> RequestDigest {
        self.request
    }

    /// Returns the index of the share that it claims to hold.
    pub const fn index(&self) -> ShareIndex {
        self.index
    }
}

/// Returns the index of a custodian's share.
fn index(index: u8) -> Option<ShareIndex> {
    let index = ShareIndex::new(index).ok()?;
    (usize::from(index.get()) <= MAX_CUSTODIANS).then_some(index)
}

/// Returns the length of a contribution whose wrapped share has `wrapped` bytes.
pub(super) const fn encoded_len(wrapped: usize) -> usize {
    let fixed = 3 + bytes_len(32) + bytes_len(SIGNATURE_LEN);
    bytes_len(wrapped).saturating_add(fixed)
}

pub(super) fn encode<W: Write>(
    request: RequestDigest,
    index: ShareIndex,
    wrapped: &[u8],
    signature: &[u8; SIGNATURE_LEN],
    encoder: &mut Encoder<W>,
) -> Encoded<W> {
    encoder.array(ITEMS)?.u8(VERSION)?;
    encoder.bytes(request.as_bytes())?.u8(index.get())?;
    encoder.bytes(wrapped)?.bytes(signature)?;
    Ok(())
}

/// Returns what a contributed share is bound to: `D("contribution", R, i)`.
pub(super) fn context(request: &RequestDigest, index: ShareIndex) -> [u8; 32] {
    Purpose::Contribution.digest([request.as_bytes().as_slice(), &[index.get()]])
}

/// Returns what the custodian signs.
pub(super) fn statement(request: &RequestDigest, wrapped: &WrappedShare<'_>) -> Statement {
    let parts = [request.as_bytes().as_slice(), wrapped.as_bytes()];
    Statement {
        kind: StatementKind::Contribution,
        text: Purpose::StatementText.digest(parts),
    }
}

/// Opens the share in `contribution` for the session of `request`, which is for `sealed` and has
/// the key `transfer`.
///
/// Checks, in this order: the contribution answers this request; the header lists the share; the
/// share's possession key made the signature; only then is the transfer key used; the result is the
/// share that was dealt. A custodian is named as the author only if the signature is right. The
/// signature's verdict is tested again right before the transfer key is used, and with the share
/// for as long as it is kept.
///
/// Secret: the transfer key, the share. Public: everything else. Leaks: whether it is that share.
///
/// # Errors
///
/// Fails for each reason in [`ContributionError`].
pub fn open_contribution<I: Identity, R: Generator + ?Sized>(
    contribution: &Contribution<'_>,
    sealed: &SealedDomain<'_>,
    request: RequestDigest,
    transfer: &mut I,
    rng: &mut R,
) -> Result<DomainShare, ContributionError<I::Error>> {
    let index = contribution.index;
    let answers = Verdict::twice(|| eq_bytes(contribution.request.as_bytes(), request.as_bytes()))
        .permit(ContributionError::OtherSession {
            have: contribution.request,
            want: request,
        })?;
    let header = sealed.header();
    let custodian = header.custodian(index);
    let custodian = custodian.ok_or(ContributionError::NotListed(index))?.id;
    let signed = Verdict::twice(|| {
        let statement = statement(&request, &contribution.wrapped);
        statement.verifies(header, index, contribution.signature)
    })
    .permit(ContributionError::Unsigned { claims: custodian })?;
    let permit = answers.and(signed);
    let context = context(&request, index);
    permit.test(ContributionError::Fault)?;
    let share = contribution
        .wrapped
        .unwrap(&context, index, transfer, rng)
        .map_err(|error| match error {
            UnwrapError::Opaque => ContributionError::DoesNotOpen(custodian),
            UnwrapError::Device(error) => ContributionError::Device(error),
            UnwrapError::Fault => ContributionError::Fault,
        })?;
    sealed.dealt(share, permit, ContributionError::DoesNotOpen(custodian))
}

/// Why a contribution was not accepted. The session is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ContributionError<E> {
    /// The contribution answers another request.
    OtherSession {
        /// The request that it answers.
        have: RequestDigest,
        /// The request of this session.
        want: RequestDigest,
    },
    /// The domain has no share with this index.
    NotListed(ShareIndex),
    /// The contribution claims to come from this custodian, but is not signed with that custodian's
    /// share.
    Unsigned {
        /// The custodian whose share it claims to hold.
        claims: CustodianId,
    },
    /// This custodian signed the contribution, but it does not hold their share for this session.
    DoesNotOpen(CustodianId),
    /// The device that holds the transfer key failed before any decryption.
    Device(E),
    /// An internal check failed in this crate, or in the device that holds the transfer key.
    Fault,
}

impl<E> From<Fault> for ContributionError<E> {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl<E> fmt::Display for ContributionError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSession { have, want } => {
                write!(f, "the contribution answers request {have}, not {want}")
            }
            Self::NotListed(index) => write!(f, "the domain has no share {index}"),
            Self::Unsigned { claims } => {
                write!(
                    f,
                    "the contribution claims to be custodian {claims}'s and is not signed \
                     with that custodian's share"
                )
            }
            Self::DoesNotOpen(id) => {
                write!(f, "the contribution of custodian {id} does not open")
            }
            Self::Device(_) => f.write_str("the transfer key's device failed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ContributionError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            _ => None,
        }
    }
}
