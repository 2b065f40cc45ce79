// SPDX-License-Identifier: MIT OR Apache-2.0
//! One custodian, alone, approves an act.

use core::fmt;

use minicbor::Encoder;

use super::act::{Act, UnfitAct};
use super::signed::{Approval, encode, statement};
use crate::burn::{self, burning};
use crate::custodian::CustodianId;
use crate::hardened::Fault;
use crate::rng::{Erased, Generator};
use crate::sealed_domain::{DomainShare, ExpectError, ExpectedDomain, SealedDomain};

/// Approves `act` as the holder of `share`, and returns the approval as read back from the front of
/// `out`. On an error `out` is left empty.
///
/// The caller must have shown the custodian what the act does, for which domain, on which HSM and
/// about what. An approval holds nothing of the share.
///
/// Refuses, in this order: a sealed domain that is not the expected one; an act for another domain,
/// epoch or header; an act that has expired at `now`, in Unix seconds, 0 if there is no clock; a
/// share of another header.
///
/// Secret: the share. Public: everything else, the approval. Leaks: nothing else.
///
/// # Errors
///
/// Fails for each reason in [`ApproveError`].
pub fn approve<'o, R: Generator + ?Sized>(
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    act: &Act<'_>,
    share: &DomainShare,
    now: u64,
    rng: &mut R,
    out: &'o mut [u8],
) -> Result<Approval<'o>, ApproveError> {
    let written =
        burning::<{ burn::SEALING }, _>(|| write(sealed, expect, act, share, now, rng, out));
    written.inspect_err(|_| out.fill(0))?;
    let file = { out.get(..Approval::MAX_LEN) }.ok_or(Fault)?;
    Approval::parse(file).map_err(|_| ApproveError::Fault)
}

/// Writes the file to the front of `out`.
///
/// Secret: the share. Public: everything else. Leaks: nothing else.
fn write<R: Generator + ?Sized>(
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    act: &Act<'_>,
    share: &DomainShare,
    now: u64,
    rng: &mut R,
    out: &mut [u8],
) -> Result<(), ApproveError> {
    let header = sealed.header();
    let expected = expect.permit(header).map_err(ApproveError::Expect)?;
    let fits = act.fits(header)?.and(act.lasts(now)?);
    let of = share.check_of(header, ApproveError::ForeignShare(share.custodian()))?;
    let needed = Approval::MAX_LEN;
    let out = { out.get_mut(..needed) }.ok_or(ApproveError::BufferTooSmall { needed })?;
    let (digest, index) = (act.digest(), share.index());
    let signature = { statement(&digest) }
        .sign(sealed, share, &mut Erased(rng))
        .map_err(|_| ApproveError::Fault)?;
    { expected.and(fits).and(of) }.spend(ApproveError::Fault)?;
    encode(&digest, index, &signature, &mut Encoder::new(out)).map_err(|_| ApproveError::Fault)
}

/// Why a custodian's approval was refused. The output is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ApproveError {
    /// The sealed domain is not the expected one.
    Expect(ExpectError),
    /// The act is not for this sealed domain, or has expired.
    Unfit(UnfitAct),
    /// The share does not belong to this header.
    ForeignShare(CustodianId),
    /// The output is too small.
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
    },
    /// The result failed the check that follows: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for ApproveError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl From<UnfitAct> for ApproveError {
    fn from(unfit: UnfitAct) -> Self {
        Self::Unfit(unfit)
    }
}

impl fmt::Display for ApproveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect(error) => error.fmt(f),
            Self::Unfit(error) => error.fmt(f),
            Self::ForeignShare(id) => write!(
                f,
                "the share of custodian {id} belongs to another domain or epoch"
            ),
            Self::BufferTooSmall { needed } => write!(f, "the output needs {needed} bytes"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for ApproveError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Expect(error) => error.source(),
            Self::Unfit(error) => error.source(),
            _ => None,
        }
    }
}
