// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names wrong shares by their digests.

use super::digest::ShareDigest;
use crate::ct;
use crate::shamir::IndexSet;
use crate::shamir::combine::MixedShares;
use crate::shamir::encoded::{EncodedShare, same_set};

/// Returns the indices of the shares whose digest is not the one in `digests`.
///
/// `digests` has one digest for each share of the quorum, in index order, as kept from the split. A
/// share without a digest is wrong. If two shares have the same index and one of them is wrong, the
/// index is returned.
///
/// If every share is named, suspect the digests first: they may belong to another split. If
/// `shares` come from two splits, sort them by [`EncodedShare::set`] first.
///
/// Secret: the shares and their blinds. Public: the rest. Leaks: which shares are wrong.
///
/// # Errors
///
/// [`MixedShares`] if the shares belong to different sets or quorums.
pub fn name_wrong(
    shares: &[EncodedShare<'_>],
    digests: &[ShareDigest],
) -> Result<IndexSet, MixedShares> {
    same_set(shares)?;
    let mut wrong = IndexSet::EMPTY;
    for share in shares {
        let index = share.row().index;
        let digest = digests.get(usize::from(index.get()) - 1);
        let right = digest.is_some_and(|digest| {
            ct::eq_bytes(digest.as_bytes(), share.digest().as_bytes()).declassify()
        });
        if !right {
            wrong.insert(index);
        }
    }
    Ok(wrong)
}
