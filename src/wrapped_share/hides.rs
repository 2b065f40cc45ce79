// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks wrapped bytes before they leave.
//!
//! The party that wraps has no private key, so it cannot unwrap the result. It can check that
//! something was written, that the share does not appear in it, and that it is not a bare OAEP
//! block, which anyone can read, where an RSA key wraps.

use crate::ct::{Mask, eq_bytes, is_zeros};
use crate::custodian::Algorithm;
use crate::hardened::{Permit, Verdict};
use crate::rsa::is_bare_block;

/// Returns a permit to let `wrapped` leave if three things hold: it is no longer all zeros, `share`
/// does not appear in it, and what was encrypted with RSA is not the block that was to be
/// encrypted. Otherwise returns `fault`.
///
/// Secret: `share`, `wrapped`. Public: the lengths, `algorithm`. Leaks: whether it may leave.
pub(crate) fn check_hides<const N: usize, E: Copy>(
    wrapped: &[u8],
    algorithm: Algorithm,
    share: &[u8; N],
    fault: E,
) -> Result<Permit, E> {
    let hidden = Verdict::twice(|| !is_zeros(wrapped) & !holds(wrapped, share));
    let encrypted = Verdict::twice(|| match algorithm.rsa_part_len() {
        Some(len) => wrapped
            .get(..len)
            .map_or(Mask::public(false), |block| !is_bare_block(block)),
        None => Mask::public(true),
    });
    Ok(hidden.permit(fault)?.and(encrypted.permit(fault)?))
}

/// Returns whether `secret` appears anywhere in `bytes`.
///
/// Secret: both. Public: the lengths. Leaks: nothing else.
fn holds<const N: usize>(bytes: &[u8], secret: &[u8; N]) -> Mask {
    let windows = bytes.windows(secret.len());
    windows.fold(Mask::public(false), |found, window| {
        found | eq_bytes(window, secret)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_in_the_clear_is_seen_wherever_it_stands() {
        let bytes: [u8; 32] = core::array::from_fn(|i| (i as u8 + 1) * 7);
        let kind = Algorithm::Rsa2048OaepSha256;
        let check = |wrapped: &[u8]| check_hides(wrapped, kind, &bytes, "fault").map(drop);
        let hidden: [u8; 256] = core::array::from_fn(|i| (i * i + 3) as u8);
        assert_eq!(check(&hidden), Ok(()));
        assert_eq!(check(&[0; 256]), Err("fault"), "nothing was written");
        for place in 0..=256 - 32 {
            let mut wrapped = hidden;
            wrapped[place..place + 32].copy_from_slice(&bytes);
            assert_eq!(check(&wrapped), Err("fault"), "at {place}");
            wrapped[place + 31] ^= 1;
            assert_eq!(check(&wrapped), Ok(()), "at {place}");
        }
    }
}
