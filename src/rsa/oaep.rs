// SPDX-License-Identifier: MIT OR Apache-2.0
//! EME-OAEP with SHA-256 for hash and MGF1 (RFC 8017 sections 7.1.1, 7.1.2 and B.2.1).
//!
//! A block of `k` bytes is `00 || seed (32) || hash of the label (32) || 00 .. 00 || 01 ||
//! message`, masked except for the first byte.

use sha2::{Digest, Sha256};

use super::{DecryptError, ModulusSize};
use crate::ct::{self, Mask};
use crate::hardened::{Fault, Verdict, copy};
use crate::secret::Secret;

const HASH_LEN: usize = 32;

/// The random bytes for one encoding.
pub(super) type Seed = Secret<HASH_LEN>;

/// Returns the length of the longest message that fits a block.
pub(super) const fn max_message_len(size: ModulusSize) -> usize {
    size.bytes() - 2 * HASH_LEN - 2
}

/// Fills `block` with the encoding of `message`, which is not longer than [`max_message_len`].
///
/// Secret: `message`, `seed`. Public: `label`, the lengths. Leaks: nothing else.
pub(super) fn encode(
    block: &mut [u8],
    seed: &Seed,
    label: &[u8],
    message: &[u8],
) -> Result<(), Fault> {
    block.fill(0);
    let (_, masked) = block.split_first_mut().ok_or(Fault)?;
    let (front, data) = masked.split_first_chunk_mut::<HASH_LEN>().ok_or(Fault)?;
    *front = *seed.expose();
    let (hash, padded) = data.split_first_chunk_mut::<HASH_LEN>().ok_or(Fault)?;
    *hash = Sha256::digest(label).into();
    let zeros = padded.len().checked_sub(message.len() + 1).ok_or(Fault)?;
    let (_, end) = padded.split_at_mut_checked(zeros).ok_or(Fault)?;
    let (one, place) = end.split_first_mut().ok_or(Fault)?;
    *one = 1;
    copy(place, message)?;
    mask(data, front);
    mask(front, data);
    Ok(())
}

/// Decodes `block` in place and copies the message to the front of `out`; on failure `out` is untouched.
///
/// Secret: `block`, until the verdict. Public: `label`, the lengths of `block` and `out`. Leaks:
/// whether the encoding is right, and then the message's length.
#[inline(never)]
pub(super) fn decode(
    block: &mut [u8],
    label: &[u8],
    out: &mut [u8],
) -> Result<usize, DecryptError> {
    let (first, masked) = block.split_first_mut().ok_or(Fault)?;
    let (seed, data) = masked.split_first_chunk_mut::<HASH_LEN>().ok_or(Fault)?;
    mask(seed, data);
    mask(data, seed);
    let (hash, padded) = data.split_first_chunk::<HASH_LEN>().ok_or(Fault)?;

    // From this verdict on it is public whether the block was good, and if so where the message
    // begins, since the caller learns its length. A bad block reveals nothing more: the failed
    // check was never computed separately from the others.
    let mut start = 0;
    Verdict::twice(|| {
        let (good, at) = message_start(*first, hash, padded, label);
        start = at;
        good
    })
    .or(DecryptError::Opaque)?;
    let start = ct::declassify(start) as usize;
    let message = padded.get(start..).ok_or(Fault)?;
    let out = out.get_mut(..message.len()).ok_or(DecryptError::Opaque)?;
    copy(out, message)?;
    Ok(message.len())
}

/// Returns whether an unmasked block is well-formed, and if so where in `padded` its message
/// begins.
///
/// Secret: the block. Public: `label`, the lengths. Leaks: nothing else.
fn message_start(first: u8, hash: &[u8; HASH_LEN], padded: &[u8], label: &[u8]) -> (Mask, u32) {
    // good: every check so far held.
    let mut good = Mask::is_zero(u32::from(first)) & ct::eq_bytes(hash, &Sha256::digest(label));
    // searching: all bytes so far were 00; start: where the message begins, once 01 was found.
    let mut searching = Mask::public(true);
    let mut start = 0;
    for (next, byte) in (1..).zip(padded) {
        let zero = Mask::is_zero(u32::from(*byte));
        let one = Mask::eq(u32::from(*byte), 1);
        start = (searching & one).select(next, start);
        good &= !searching | zero | one;
        searching &= zero;
    }
    (good & !searching, start)
}

/// `target ^= MGF1(seed)`.
///
/// Secret: `target`, `seed`. Public: their lengths. Leaks: nothing else.
fn mask(target: &mut [u8], seed: &[u8]) {
    let mut digest = Secret::<HASH_LEN>::zeroed();
    for (counter, chunk) in (0u32..).zip(target.chunks_mut(HASH_LEN)) {
        Sha256::new()
            .chain_update(seed)
            .chain_update(counter.to_be_bytes())
            .finalize_into(digest.expose_mut().into());
        for (byte, mask) in chunk.iter_mut().zip(digest.expose()) {
            *byte ^= mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::secret::left;

    #[test]
    fn the_digests_of_a_mask_are_wiped() {
        let (seed, mut target) = ([7; HASH_LEN], [0; 80]);
        let digest = |counter: u32| {
            let digest = Sha256::new().chain_update(seed);
            digest
                .chain_update(counter.to_be_bytes())
                .finalize()
                .to_vec()
        };
        let digests: Vec<_> = (0..3).map(digest).collect();
        let wiped = left::wiped(|| mask(&mut target, &seed));
        // One buffer serves all of them.
        assert!(digests.last().is_some_and(|last| wiped.contains(last)));
        assert_eq!(target[..], digests.concat()[..80]);
    }
}
