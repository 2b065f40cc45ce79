// SPDX-License-Identifier: MIT OR Apache-2.0
//! For honest-but-curious holders only: recreates a lost share from a threshold of others.
//!
//! The share at an index is a sum of the holders' shares times public weights, but a holder who
//! sent their term would reveal their share. So each holder cuts the term into random addends, one
//! for each holder ([`mask`]); each holder adds up what they received ([`pool`]) and passes on the
//! sum; the sums add up to the lost share ([`restore`]). Unless all other holders collude, no
//! holder's term becomes known, and the owner of the lost share learns only that share (D. Stinson
//! and R. Wei, "Combinatorial repairability for threshold schemes", 2018, section 1.1, the
//! enrollment scheme of M. Nojoumian).
//!
//! ```
//! use security_domain::quorum::{Quorum, ShareIndex};
//! use security_domain::shamir::ShareRow;
//! use security_domain::shamir::renew::repair;
//!
//! // On the line 0x2a + 5 x, the holders of the shares at 1 and 2 recreate the one at 3.
//! let quorum = Quorum::of::<2, 3>();
//! let holders = [ShareIndex::new(1)?, ShareIndex::new(2)?];
//! let lost = ShareIndex::new(3)?;
//! let mut sent = [[[0]; 2]; 2];
//! for ((index, value), [to_one, to_two]) in holders.into_iter().zip([&[0x2f], &[0x20]]).zip(&mut sent) {
//!     let share = ShareRow { index, value };
//!     repair::mask(quorum, &holders, lost, share, &mut getrandom::SysRng, &mut [to_one, to_two])?;
//! }
//!
//! let (mut sum_one, mut sum_two, mut share) = ([0], [0], [0]);
//! repair::pool(quorum, &[&sent[0][0], &sent[1][0]], &mut sum_one)?;
//! repair::pool(quorum, &[&sent[0][1], &sent[1][1]], &mut sum_two)?;
//! repair::restore(quorum, &[&sum_one, &sum_two], &mut share)?;
//! assert_eq!(share, [0x2a ^ 0x0f]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use rand_core::TryCryptoRng;

use super::{RenewError, add_up, holders_of};
use crate::gf256::{Public, mul_add_row, mul_row};
use crate::quorum::{Quorum, ShareIndex};
use crate::rng;
use crate::secret::wipe;
use crate::shamir::{ShareRow, lagrange};

/// First round, run by each holder: cuts the holder's term of the share at `lost` into one random
/// row for each of `holders`, in their order. There are as many holders as the threshold, and
/// `share` is one of theirs. Each row goes to its holder over a secret channel; the holder keeps
/// its own. On error every row is wiped.
///
/// Secret: `share`, the rows. Public: the indices, the lengths, whether `rng` failed. Leaks: nothing
/// else.
///
/// # Errors
///
/// Fails for each reason in [`RenewError`].
pub fn mask<R: TryCryptoRng + ?Sized>(
    quorum: Quorum,
    holders: &[ShareIndex],
    lost: ShareIndex,
    share: ShareRow<'_>,
    rng: &mut R,
    rows: &mut [&mut [u8]],
) -> Result<(), RenewError> {
    let masked = if rows.len() != holders.len() {
        Err(RenewError::RowCount)
    } else if rows.iter().any(|row| row.len() != share.value.len()) {
        Err(RenewError::UnequalLengths)
    } else {
        weight(quorum, holders, lost, share.index)
            .and_then(|weight| cut(share.value, weight, rng, rows))
    };
    if masked.is_err() {
        rows.iter_mut().for_each(|row| wipe(row));
    }
    masked
}

/// Returns the weight of the share at `own` in the one at `lost`.
fn weight(
    quorum: Quorum,
    holders: &[ShareIndex],
    lost: ShareIndex,
    own: ShareIndex,
) -> Result<Public, RenewError> {
    let set = holders_of(quorum, holders.iter().copied())?;
    if !set.contains(own) {
        return Err(RenewError::NotAHolder(own));
    }
    if !quorum.contains(lost) {
        return Err(RenewError::IndexAboveCount(lost));
    }
    if set.contains(lost) {
        return Err(RenewError::NotAHolder(lost));
    }
    let holders = holders.iter().copied();
    Ok(lagrange::weight(Public::from(lost), own, holders))
}

/// Cuts `value` times `weight` into rows: all are random except the last, which is the remainder.
fn cut<R: TryCryptoRng + ?Sized>(
    value: &[u8],
    weight: Public,
    rng: &mut R,
    rows: &mut [&mut [u8]],
) -> Result<(), RenewError> {
    let (last, others) = rows.split_last_mut().ok_or(RenewError::Fault)?;
    mul_row(last, weight, value)?;
    for other in others {
        rng::fill(rng, other).map_err(|_| RenewError::Rng)?;
        mul_add_row(last, Public::ONE, other)?;
    }
    Ok(())
}

/// Second round, run by each holder: adds up the rows received in the first round, one from each
/// holder, including the holder's own. The sum goes to the owner of the lost share over a secret
/// channel. On error `out` is wiped.
///
/// Secret: the rows, `out`. Public: the lengths. Leaks: nothing else.
///
/// # Errors
///
/// - [`RenewError::HolderCount`]: there are not as many rows as the threshold.
/// - [`RenewError::UnequalLengths`]: a row is not as long as `out`.
/// - [`RenewError::Fault`]: an internal check failed.
pub fn pool(quorum: Quorum, received: &[&[u8]], out: &mut [u8]) -> Result<(), RenewError> {
    if received.len() != usize::from(quorum.threshold().get()) {
        wipe(out);
        return Err(RenewError::HolderCount);
    }
    add_up(out, received.iter().copied())
}

/// Last step, run by the owner of the lost share: adds up the holders' sums to the share. On error
/// `out` is wiped.
///
/// Secret: the sums, `out`. Public: the lengths. Leaks: nothing else.
///
/// # Errors
///
/// - [`RenewError::HolderCount`]: there are not as many sums as the threshold.
/// - [`RenewError::UnequalLengths`]: a sum is not as long as `out`.
/// - [`RenewError::Fault`]: an internal check failed.
pub fn restore(quorum: Quorum, sums: &[&[u8]], out: &mut [u8]) -> Result<(), RenewError> {
    pool(quorum, sums, out)
}
