// SPDX-License-Identifier: MIT OR Apache-2.0
//! For honest-but-curious holders only: creates new shares of the same secret, which do not mix
//! with the old ones.
//!
//! At least a threshold of holders each deal shares of zero ([`deal`]), and every holder adds what
//! they received to their share ([`apply`]). Old shares that were stolen one by one become
//! worthless once fewer than a threshold of them remain from one period (A. Herzberg et al.,
//! "Proactive secret sharing", CRYPTO 1995, section 3.1, without its verification).
//!
//! ```
//! use security_domain::quorum::{Quorum, ShareIndex};
//! use security_domain::shamir::renew::refresh;
//! use security_domain::shamir::{ShareRow, combine_rows};
//!
//! // Shares of 0x2a at 1 and 2, on the line 0x2a + 5 x, with a single dealer; the protocol needs a threshold of them.
//! let quorum = Quorum::of::<2, 2>();
//! let (one, two) = (ShareIndex::new(1)?, ShareIndex::new(2)?);
//! let (mut to_one, mut to_two) = ([0], [0]);
//! refresh::deal(quorum, &mut getrandom::SysRng, &mut [&mut to_one, &mut to_two])?;
//!
//! let (mut new_one, mut new_two) = ([0], [0]);
//! refresh::apply(ShareRow { index: one, value: &[0x2f] }, &[&to_one], &mut new_one)?;
//! refresh::apply(ShareRow { index: two, value: &[0x20] }, &[&to_two], &mut new_two)?;
//!
//! let new = [(one, &new_one), (two, &new_two)].map(|(index, value)| ShareRow { index, value });
//! let mut secret = [0];
//! combine_rows(quorum, &new, &mut secret)?;
//! assert_eq!(secret, [0x2a]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use rand_core::TryCryptoRng;

use super::{RenewError, ShareRow, add_up};
use crate::quorum::Quorum;
use crate::shamir::split::{SplitError, split_zeros};

/// Run by each dealer: splits zero into `rows` of one length, one for each share of `quorum`, in
/// index order. Each row goes to its holder over a secret channel. On error every row is wiped.
///
/// Secret: the rows. Public: the lengths, `quorum`, whether `rng` failed. Leaks: nothing else.
///
/// # Errors
///
/// - [`RenewError::RowCount`]: there is not one row for each share.
/// - [`RenewError::UnequalLengths`]: the rows differ in length.
/// - [`RenewError::Rng`]: the generator failed.
/// - [`RenewError::Fault`]: an internal check failed.
pub fn deal<R: TryCryptoRng + ?Sized>(
    quorum: Quorum,
    rng: &mut R,
    rows: &mut [&mut [u8]],
) -> Result<(), RenewError> {
    split_zeros(quorum, rng, rows).map_err(RenewError::from)
}

/// Run by each holder: sets `out` to the holder's new share, computed from the old one and what
/// each dealer sent. All holders use the rows of the same dealers. On error `out` is wiped.
///
/// The holder wipes the old share only after the new ones have been confirmed.
///
/// Secret: the share, the rows, `out`. Public: the lengths. Leaks: nothing else.
///
/// # Errors
///
/// - [`RenewError::UnequalLengths`]: a row is not as long as `out`.
/// - [`RenewError::Fault`]: an internal check failed.
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
            SplitError::Fault => Self::Fault,
        }
    }
}
