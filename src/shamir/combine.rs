// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rebuilds the secret from shares.

use super::lagrange::{agrees, interpolate};
use super::{IndexSet, Share, ShareRow};
use crate::ct::Mask;
use crate::gf256::Public;
use crate::hardened::Fault;
use crate::quorum::{Quorum, ShareIndex};
use crate::secret::{Secret, wipe};

/// Rebuilds the secret from at least a threshold of shares, in any order.
///
/// With exactly a threshold of shares, a wrong share gives a wrong secret. Shares beyond the
/// threshold are checked in every byte.
///
/// The secret is returned by value, and the move can leave a copy of it on the stack;
/// [`combine_rows`] fills the caller's buffer.
///
/// Secret: the shares, the secret. Public: `N`, the indices, `quorum`. Leaks: whether the shares
/// agree.
///
/// # Errors
///
/// Fails for each reason in [`CombineError`] except `UnequalLengths` and `Mixed`.
pub fn combine<const N: usize>(
    quorum: Quorum,
    shares: &[&Share<N>],
) -> Result<Secret<N>, CombineError> {
    Secret::try_init(|out| combine_any(quorum, rows(shares), out))
}

/// Like [`combine`], but leaves the secret in `out`. On error `out` is wiped.
#[cfg(feature = "sealed-domain")]
pub(crate) fn combine_into<const N: usize>(
    quorum: Quorum,
    shares: &[&Share<N>],
    out: &mut Secret<N>,
) -> Result<(), CombineError> {
    let out = out.expose_mut();
    combine_any(quorum, rows(shares), out).inspect_err(|_| wipe(out))
}

fn rows<'s, const N: usize>(shares: &[&'s Share<N>]) -> impl Iterator<Item = ShareRow<'s>> + Clone {
    shares.iter().map(|share| share.as_row())
}

/// Rebuilds the secret into `out` from at least a threshold of shares, in any order. Each share is
/// as long as `out`. On error `out` is wiped.
///
/// With exactly a threshold of shares, a wrong share gives a wrong secret. Shares beyond the
/// threshold are checked in every byte.
///
/// Secret: the shares, `out`. Public: the lengths, the indices, `quorum`. Leaks: whether the shares
/// agree.
///
/// # Errors
///
/// Fails for each reason in [`CombineError`] except `Mixed`.
pub fn combine_rows(
    quorum: Quorum,
    shares: &[ShareRow<'_>],
    out: &mut [u8],
) -> Result<(), CombineError> {
    let combined = combine_any(quorum, shares.iter().copied(), out);
    if combined.is_err() {
        wipe(out);
    }
    combined
}

pub(super) fn combine_any<'a>(
    quorum: Quorum,
    shares: impl Iterator<Item = ShareRow<'a>> + Clone,
    out: &mut [u8],
) -> Result<(), CombineError> {
    validate(quorum, shares.clone(), out.len())?;
    verdict(quorum, shares.clone())?;
    let basis = shares.take(usize::from(quorum.threshold().get()));
    interpolate(out, Public::ZERO, basis)?;
    Ok(())
}

/// Checks in every byte that the shares beyond the threshold agree with the first ones.
pub(super) fn verdict<'a>(
    quorum: Quorum,
    shares: impl Iterator<Item = ShareRow<'a>> + Clone,
) -> Result<(), CombineError> {
    let threshold = usize::from(quorum.threshold().get());
    let basis = shares.clone().take(threshold);
    let mut agree = Mask::public(true);
    for share in shares.skip(threshold) {
        agree &= agrees(share, basis.clone())?;
    }
    // The verdict on all shares is public.
    if agree.declassify() {
        Ok(())
    } else {
        Err(CombineError::Disagree)
    }
}

/// Checks the public parts of shares that are to be used together.
pub(super) fn validate<'a>(
    quorum: Quorum,
    shares: impl Iterator<Item = ShareRow<'a>>,
    len: usize,
) -> Result<IndexSet, CombineError> {
    let mut seen = IndexSet::EMPTY;
    for share in shares {
        if !quorum.contains(share.index) {
            return Err(CombineError::IndexAboveCount(share.index));
        }
        if !seen.insert(share.index) {
            return Err(CombineError::EqualIndices(share.index));
        }
        if share.value.len() != len {
            return Err(CombineError::UnequalLengths(share.index));
        }
    }
    if seen.len() < usize::from(quorum.threshold().get()) {
        return Err(CombineError::TooFewShares);
    }
    Ok(seen)
}

/// Why shares were not combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CombineError {
    /// There are fewer shares than the threshold.
    TooFewShares,
    /// The quorum has no share with this index.
    IndexAboveCount(ShareIndex),
    /// Two shares have this index.
    EqualIndices(ShareIndex),
    /// The share with this index is not as long as the secret's buffer.
    UnequalLengths(ShareIndex),
    /// There are more shares than the threshold, and they do not belong to one secret.
    Disagree,
    /// The encoded shares are not all of one set and one quorum.
    Mixed(MixedShares),
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for CombineError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl core::fmt::Display for CombineError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooFewShares => f.write_str("there are fewer shares than the threshold"),
            Self::IndexAboveCount(index) => write!(f, "the quorum has no share {index}"),
            Self::EqualIndices(index) => write!(f, "two shares have the index {index}"),
            Self::UnequalLengths(index) => write!(f, "share {index} has a different length"),
            Self::Disagree => f.write_str("the shares do not belong to one secret"),
            Self::Mixed(_) => f.write_str("the shares are not all of one set and one quorum"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for CombineError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Mixed(mixed) => Some(mixed),
            _ => None,
        }
    }
}

/// Why shares do not belong together. The index is that of the first share that differs from the
/// first one given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MixedShares {
    /// The share is of another set.
    Set(ShareIndex),
    /// The share names another quorum for the same set.
    Quorum(ShareIndex),
}

impl core::fmt::Display for MixedShares {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Set(index) => write!(f, "share {index} is of another set"),
            Self::Quorum(index) => write!(f, "share {index} is of another quorum"),
        }
    }
}

impl core::error::Error for MixedShares {}
