// SPDX-License-Identifier: MIT OR Apache-2.0
//! For honest-but-curious holders only: moves a secret from one quorum to another without revealing
//! it to anyone.
//!
//! A threshold of old holders each split their share among the new ones ([`deal`]). A new holder
//! combines what they received as if it were shares of a secret, and the result is their share
//! ([`collect`]): the secret is a weighted sum of the old shares, so its new shares are the same
//! sum of the old shares' shares (Y. Desmedt and S. Jajodia, "Redistributing secret shares to new
//! access structures", 1997).
//!
//! ```
//! use security_domain::quorum::{Quorum, ShareIndex};
//! use security_domain::shamir::renew::reshare;
//! use security_domain::shamir::{ShareRow, combine_rows};
//!
//! // Two holders of shares of 0x2a, on the line 0x2a + 5 x, hand over to two others.
//! let quorum = Quorum::of::<2, 2>();
//! let indices = [ShareIndex::new(1)?, ShareIndex::new(2)?];
//! let mut sent = [[[0]; 2]; 2];
//! for ((index, value), [to_one, to_two]) in indices.into_iter().zip([&[0x2f], &[0x20]]).zip(&mut sent) {
//!     reshare::deal(ShareRow { index, value }, quorum, &mut getrandom::SysRng, &mut [to_one, to_two])?;
//! }
//!
//! let mut new = [[0]; 2];
//! for (holder, share) in new.iter_mut().enumerate() {
//!     let received = [0, 1].map(|old| ShareRow { index: indices[old], value: &sent[old][holder] });
//!     reshare::collect(quorum, &received, share)?;
//! }
//! let rows = [0, 1].map(|i| ShareRow { index: indices[i], value: &new[i] });
//! let mut secret = [0];
//! combine_rows(quorum, &rows, &mut secret)?;
//! assert_eq!(secret, [0x2a]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use rand_core::TryCryptoRng;

use super::{RenewError, ShareRow, holders_of};
use crate::gf256::Public;
use crate::quorum::Quorum;
use crate::secret::wipe;
use crate::shamir::lagrange::interpolate;
use crate::shamir::split_rows;

/// Run by each old holder: splits the holder's share into one row for each share of the new quorum,
/// in index order. Each row goes to its new holder over a secret channel. On error every row is
/// wiped.
///
/// Secret: `share`, the rows. Public: the lengths, `new`, whether `rng` failed. Leaks: nothing else.
///
/// # Errors
///
/// - [`RenewError::RowCount`]: there is not one row for each share of `new`.
/// - [`RenewError::UnequalLengths`]: a row is not as long as the share.
/// - [`RenewError::Rng`]: the generator failed.
/// - [`RenewError::Fault`]: an internal check failed.
pub fn deal<R: TryCryptoRng + ?Sized>(
    share: ShareRow<'_>,
    new: Quorum,
    rng: &mut R,
    rows: &mut [&mut [u8]],
) -> Result<(), RenewError> {
    split_rows(share.value, new, rng, rows).map_err(RenewError::from)
}

/// Run by each new holder: sets `out` to the holder's share, computed from what a threshold of old
/// holders sent, each row with that old holder's index. All new holders use the rows of the same
/// old holders. On error `out` is wiped.
///
/// Secret: the rows, `out`. Public: the lengths, the indices, `old`. Leaks: nothing else.
///
/// # Errors
///
/// Fails for each reason in [`RenewError`] except `Rng`, `RowCount` and `NotAHolder`.
pub fn collect(old: Quorum, received: &[ShareRow<'_>], out: &mut [u8]) -> Result<(), RenewError> {
    let collected = collect_into(old, received, out);
    if collected.is_err() {
        wipe(out);
    }
    collected
}

fn collect_into(old: Quorum, received: &[ShareRow<'_>], out: &mut [u8]) -> Result<(), RenewError> {
    holders_of(old, received.iter().map(|row| row.index))?;
    if received.iter().any(|row| row.value.len() != out.len()) {
        return Err(RenewError::UnequalLengths);
    }
    interpolate(out, Public::ZERO, received.iter().copied())?;
    Ok(())
}
