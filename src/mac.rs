// SPDX-License-Identifier: MIT OR Apache-2.0
//! HMAC (RFC 2104) under a short key, which cannot fail.

use hmac::KeyInit;
use hmac::digest::common::KeySizeUser;
use hmac::digest::typenum::Unsigned;
use zeroize::Zeroize;

/// Makes an HMAC (RFC 2104) under a key that is at most a block of the hash long. Like its section
/// 2, this pads the key with zeros, because a whole block is the only length that cannot fail.
///
/// Secret: `key`. Leaks: nothing.
#[cfg_attr(
    not(test),
    expect(clippy::disallowed_macros, reason = "refused when it is compiled")
)]
pub fn keyed<M: KeyInit + KeySizeUser, const N: usize>(key: &[u8; N]) -> M {
    const { assert!(N <= M::KeySize::USIZE) };
    let mut block = hmac::digest::Key::<M>::default();
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mac = M::new(&block);
    block.as_mut_slice().zeroize();
    mac
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, Mac};
    use sha2::Sha256;

    use super::*;

    #[test]
    fn a_key_shorter_than_a_block_is_padded_as_hmac_pads_it() {
        let mut ours: Hmac<Sha256> = keyed(&[0x5a; 32]);
        let mut theirs = Hmac::<Sha256>::new_from_slice(&[0x5a; 32]).unwrap();
        ours.update(b"text");
        theirs.update(b"text");
        assert_eq!(ours.finalize().into_bytes(), theirs.finalize().into_bytes());
    }
}
