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
/// ```
/// use security_domain::quorum::Quorum;
/// use security_domain::secret::Secret;
/// use security_domain::shamir::check::{SetId, ShareDigest, name_wrong};
/// use security_domain::shamir::encoded::{EncodedShare, combine_encoded, encoded_len};
/// use security_domain::shamir::{ShareRow, split_rows};
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// // Split a secret of any length. Each share gets a blind, and you keep its digest.
/// let quorum = Quorum::of::<3, 5>();
/// let secret = b"a secret of any length".to_vec();
/// let mut rows = vec![vec![0; secret.len()]; 5];
/// let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
/// split_rows(&secret, quorum, &mut rng, &mut slots)?;
/// let set = SetId::random(&mut rng)?;
/// let (mut files, mut digests) = (Vec::<Vec<u8>>::new(), Vec::<ShareDigest>::new());
/// for (index, value) in quorum.indices().zip(&rows) {
///     let blind = Secret::<32>::random(&mut rng)?;
///     let share = EncodedShare::new(set, quorum, ShareRow { index, value }, blind.expose())?;
///     let mut file = vec![0; encoded_len(value.len())];
///     share.encode(&mut file)?;
///     files.push(file);
///     digests.push(share.digest());
/// }
///
/// // Three holders come, and one file is damaged.
/// files[1][40] ^= 1;
/// let [a, b, c] = [&files[0], &files[1], &files[4]];
/// let shares = [EncodedShare::parse(a)?, EncodedShare::parse(b)?, EncodedShare::parse(c)?];
/// let wrong = name_wrong(&shares, &digests)?;
/// assert!(wrong.iter().map(|index| index.get()).eq([2]));
///
/// // A fourth holder takes the place of the second.
/// let shares = [shares[0], EncodedShare::parse(&files[3])?, shares[2]];
/// assert!(name_wrong(&shares, &digests)?.is_empty());
/// let mut rebuilt = vec![0; secret.len()];
/// combine_encoded(&shares, &mut rebuilt)?;
/// assert_eq!(rebuilt, secret);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
