// SPDX-License-Identifier: MIT OR Apache-2.0
//! For honest-but-curious holders only: replaces a lost share, all shares, or the quorum, without
//! revealing the secret to anyone.
//!
//! Holders who follow the protocol learn nothing from what they see. A holder who sends wrong
//! values makes the new shares wrong, and nobody can tell which holder it was. So new shares
//! replace old ones only after a quorum of the new ones has recombined to the secret that a
//! [`Commitment`] fixed when it was split. The messages between holders are secret, and the caller
//! must protect them. `docs/sharing.md` describes the protocols and what they withstand.
//!
//! - [`repair`] recreates the share at an index from a threshold of others.
//! - [`refresh`] creates new shares of the same secret; old and new ones do not mix.
//! - [`reshare`] moves the secret from one quorum to another.
//!
//! ```
//! use security_domain::quorum::{Quorum, ShareIndex};
//! use security_domain::secret::Secret;
//! use security_domain::shamir::ShareRow;
//! use security_domain::shamir::renew::Commitment;
//!
//! // Shares of 0x2a, on the line 0x2a + 5 x.
//! let quorum = Quorum::of::<2, 3>();
//! let shares = [
//!     ShareRow { index: ShareIndex::new(1)?, value: &[0x2f] },
//!     ShareRow { index: ShareIndex::new(2)?, value: &[0x20] },
//! ];
//!
//! // The dealer's commitment shows whether new shares may replace the old ones.
//! let blind = Secret::random(&mut getrandom::SysRng)?;
//! let right = Commitment::to(&blind, &[0x2a]).confirm(&blind, quorum, &shares, &mut [0]);
//! assert_eq!(right, Ok(()));
//! assert!(Commitment::to(&blind, &[0x2b]).confirm(&blind, quorum, &shares, &mut [0]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod refresh;
pub mod repair;
pub mod reshare;

mod commitment;

pub use commitment::{Commitment, ConfirmError};

use super::{IndexSet, ShareRow};
use crate::gf256::{Public, Term, sum_rows};
use crate::hardened::Fault;
use crate::quorum::{Quorum, ShareIndex};
use crate::secret::wipe;

/// Sets `out` to the sum of `rows`, each as long as `out`. On error `out` is wiped.
fn add_up<'a>(
    out: &mut [u8],
    rows: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<(), RenewError> {
    if rows.clone().any(|row| row.len() != out.len()) {
        wipe(out);
        return Err(RenewError::UnequalLengths);
    }
    sum_rows(
        out,
        rows.map(|row| Term {
            by: Public::ONE,
            row,
        }),
    )?;
    Ok(())
}

/// Checks that `holders` are different shares of `quorum`, as many as its threshold.
fn holders_of(
    quorum: Quorum,
    holders: impl Iterator<Item = ShareIndex>,
) -> Result<IndexSet, RenewError> {
    let mut set = IndexSet::EMPTY;
    for holder in holders {
        if !quorum.contains(holder) {
            return Err(RenewError::IndexAboveCount(holder));
        }
        if !set.insert(holder) {
            return Err(RenewError::EqualIndices(holder));
        }
    }
    if set.len() != usize::from(quorum.threshold().get()) {
        return Err(RenewError::HolderCount);
    }
    Ok(set)
}

/// Why a step of a renewal protocol was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RenewError {
    /// The number of holders differs from the threshold.
    HolderCount,
    /// There is not one row for each holder, or for each share of the quorum.
    RowCount,
    /// The quorum has no share with this index.
    IndexAboveCount(ShareIndex),
    /// Two holders have this index.
    EqualIndices(ShareIndex),
    /// The given share is not one of the holders', or the lost share is.
    NotAHolder(ShareIndex),
    /// The rows differ in length.
    UnequalLengths,
    /// The random number generator failed.
    Rng,
    /// An internal check failed: a hardware fault or a bug in this crate.
    Fault,
}

impl From<Fault> for RenewError {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

impl core::fmt::Display for RenewError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::HolderCount => f.write_str("the number of holders differs from the threshold"),
            Self::RowCount => f.write_str("there is not one row for each holder or share"),
            Self::IndexAboveCount(index) => write!(f, "the quorum has no share {index}"),
            Self::EqualIndices(index) => write!(f, "two holders have the index {index}"),
            Self::NotAHolder(index) => {
                write!(
                    f,
                    "share {index} is no holder's, or is the lost one and a holder's"
                )
            }
            Self::UnequalLengths => f.write_str("the rows differ in length"),
            Self::Rng => f.write_str("the random number generator failed"),
            Self::Fault => f.write_str("an internal check failed: a hardware fault or a bug"),
        }
    }
}

impl core::error::Error for RenewError {}
