// SPDX-License-Identifier: MIT OR Apache-2.0
//! For honest-but-curious holders only: replacing a lost share, all shares, or the quorum, without
//! anyone learning the secret.
//!
//! Holders who follow the protocol learn nothing from what they see. One who sends wrong values makes
//! the new shares wrong, and nobody sees who it was. So new shares replace old ones only after a
//! quorum of them has recombined to the secret that a [`Commitment`] fixed when it was dealt. The
//! messages between holders are secret, and the caller's to protect. `docs/sharing.md` gives the
//! protocols and what they withstand.
//!
//! - [`repair`] makes the share at an index anew from a threshold of others.
//! - [`refresh`] makes new shares of the same secret; old and new ones do not mix.
//! - [`reshare`] goes from one quorum to another.
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
//! // The dealer's commitment says whether new shares may replace the old ones.
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

/// `out` = the sum of `rows`, each as long as `out`; on error `out` is wiped.
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

/// Checks that `holders` are as many different shares of `quorum` as its threshold.
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

/// Why a step of a protocol was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenewError {
    /// There are more or fewer holders than the threshold.
    HolderCount,
    /// There is not one row for each holder, or for each share of the quorum.
    RowCount,
    /// The quorum has no share with this index.
    IndexAboveCount(ShareIndex),
    /// Two holders have this index.
    EqualIndices(ShareIndex),
    /// The share at hand is not one of the holders', or the lost one is.
    NotAHolder(ShareIndex),
    /// A row is longer or shorter than another.
    UnequalLengths,
    /// The random number generator failed.
    Rng,
    /// A case that cannot happen did: a fault in the machine.
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
            Self::HolderCount => f.write_str("there are not as many holders as the threshold"),
            Self::RowCount => f.write_str("there is not one row for each share"),
            Self::IndexAboveCount(index) => write!(f, "the quorum has no share {index}"),
            Self::EqualIndices(index) => write!(f, "two holders have the index {index}"),
            Self::NotAHolder(index) => write!(f, "share {index} has no such part here"),
            Self::UnequalLengths => f.write_str("a row has another length"),
            Self::Rng => f.write_str("the random number generator failed"),
            Self::Fault => f.write_str("the machine erred"),
        }
    }
}

impl core::error::Error for RenewError {}
