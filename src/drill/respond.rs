// SPDX-License-Identifier: MIT OR Apache-2.0
//! One custodian, alone, answers a challenge.

use core::fmt;

use minicbor::Encoder;

use super::challenge::Challenge;
use super::response::{Front, Response};
use super::value::DrillValue;
use crate::burn::{self, burning};
use crate::ct::{Mask, declassify_bytes, eq_bytes};
use crate::custodian::CustodianId;
use crate::hardened::{Fault, Permit, Verdict, copy};
use crate::rng::{Erased, Generator};
use crate::sealed_domain::{DomainShare, ExpectError, ExpectedDomain, HeaderDigest, SealedDomain};

/// Answers `challenge` as the holder of `share`, and returns the response as read back from the
/// front of `out`. With `value`, which the custodian unwrapped with his key, it proves key and
/// share; without it, that the share is known. On an error `out` is left empty.
///
/// A response holds nothing of the share. The value in it is of no use to anyone any more.
///
/// Secret: the share. Public: everything else, the response, the value in it. Leaks: nothing else.
///
/// # Errors
///
/// Fails for each reason in [`RespondError`].
pub fn respond<'o, R: Generator + ?Sized>(
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    challenge: &Challenge<'_>,
    share: &DomainShare,
    value: Option<&DrillValue>,
    rng: &mut R,
    out: &'o mut [u8],
) -> Result<Response<'o>, RespondError> {
    burning::<{ burn::SEALING }, _>(move || {
        let header = sealed.header();
        let expected = expect.permit(header).map_err(RespondError::Expect)?;
        let same = challenge.permit(header, |have, want| RespondError::OtherHeader {
            have,
            want,
        });
        let of = share.check_of(header, RespondError::ForeignShare(share.custodian()))?;
        let mut permit = expected.and(same?).and(of);
        let mut shown = [0; 32];
        if let Some(value) = value {
            permit = permit.and(check_value(challenge, share, value)?);
            copy(&mut shown, value.value.value().expose())?;
            // It proves what it is for by leaving.
            declassify_bytes(&mut shown);
        }
        let front = Front {
            challenge: challenge.digest(),
            index: share.index(),
            value: value.map(|_| &shown),
        };
        let needed = front.len();
        let out = out
            .get_mut(..needed)
            .ok_or(RespondError::BufferTooSmall { needed })?;
        let signature = { front.statement() }
            .sign(sealed, share, &mut Erased(rng))
            .map_err(|_| RespondError::Fault)?;
        permit.spend(RespondError::Fault)?;
        let mut encoder = Encoder::new(&mut *out);
        if front.encode(&signature, &mut encoder).is_err() {
            out.fill(0);
            return Err(RespondError::Fault);
        }
        Response::parse(out).map_err(|_| RespondError::Fault)
    })
}

/// Returns a permit if the value is this challenge's for this share.
fn check_value(
    challenge: &Challenge<'_>,
    share: &DomainShare,
    value: &DrillValue,
) -> Result<Permit, RespondError> {
    Verdict::twice(|| {
        let (of, at) = (value.challenge, value.value.index().get());
        eq_bytes(of.as_bytes(), challenge.digest().as_bytes())
            & Mask::eq(u32::from(at), u32::from(share.index().get()))
    })
    .permit(RespondError::ForeignValue)
}

/// Why a custodian's response was refused. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RespondError {
    /// The sealed domain is not the expected one.
    Expect(ExpectError),
    /// The challenge is for another header.
    OtherHeader {
        /// The header that the challenge is for.
        have: HeaderDigest,
        /// The header of the given sealed domain.
        want: HeaderDigest,
    },
    /// The share does not belong to this header.
    ForeignShare(CustodianId),
    /// The value is another challenge's, or another custodian's.
    ForeignValue,
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The result failed the check that follows: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for RespondError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl fmt::Display for RespondError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect(error) => error.fmt(f),
            Self::OtherHeader { have, want } => {
                write!(f, "the challenge is for header {have}, not {want}")
            }
            Self::ForeignShare(id) => write!(
                f,
                "the share of custodian {id} belongs to another domain or epoch"
            ),
            Self::ForeignValue => {
                f.write_str("the value belongs to another challenge or custodian")
            }
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for RespondError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Expect(error) => error.source(),
            _ => None,
        }
    }
}
