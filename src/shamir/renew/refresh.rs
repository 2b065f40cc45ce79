// SPDX-License-Identifier: MIT OR Apache-2.0
//! For honest-but-curious holders only: new shares of the same secret, which do not mix with the old.
//!
//! Each of at least a threshold of holders deals shares of zero ([`deal`]), and every holder adds what
//! he received to his share ([`apply`]). Old shares that were stolen one by one are worth nothing once
//! fewer than a threshold of them remain from one time (A. Herzberg et al., "Proactive secret sharing",
//! CRYPTO 1995, section 3.1, without its verification).

use rand_core::TryCryptoRng;

use super::{RenewError, ShareRow, add_up};
use crate::quorum::Quorum;
use crate::shamir::split::{SplitError, deal_zeros};

/// Each dealer: deals zero, in rows of one length, one for each share of `quorum`, in the order of the
/// indices. Each row goes to its holder, secretly. On error every row is wiped.
///
/// Secret: the rows. Public: the lengths, `quorum`, whether `rng` failed. Leaks: nothing else.
///
/// # Errors
///
/// [`RenewError::RowCount`], [`RenewError::UnequalLengths`] and [`RenewError::Rng`].
pub fn deal<R: TryCryptoRng + ?Sized>(
    quorum: Quorum,
    rng: &mut R,
    rows: &mut [&mut [u8]],
) -> Result<(), RenewError> {
    let len = rows.first().map_or(0, |row| row.len());
    deal_zeros(len, quorum, rng, rows).map_err(RenewError::from)
}

/// Each holder: `out` = his new share, from the old one and what each dealer sent him. All holders use
/// the rows of the same dealers. On error `out` is wiped.
///
/// The old share is wiped by its holder when the new ones have been confirmed, not before.
///
/// Secret: the share, the rows, `out`. Public: the lengths. Leaks: nothing else.
///
/// # Errors
///
/// [`RenewError::UnequalLengths`].
pub fn apply(share: ShareRow<'_>, received: &[&[u8]], out: &mut [u8]) -> Result<(), RenewError> {
    let rows = core::iter::once(share.value).chain(received.iter().copied());
    add_up(out, rows)
}

impl From<SplitError> for RenewError {
    fn from(error: SplitError) -> Self {
        match error {
            SplitError::SlotCount => Self::RowCount,
            SplitError::UnequalLengths => Self::UnequalLengths,
            SplitError::Rng => Self::Rng,
        }
    }
}
