// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES-256-GCM (NIST SP 800-38D) with keys that seal once.
//!
//! A key is derived for one message, so the nonce is constant and there is no associated data: what
//! the message is bound to is bound into its key. GCM does not commit to its key: two keys can open
//! one ciphertext. Whoever opens compares a commitment to the key first.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{Aes256Gcm, KeyInit};

use crate::ct::Mask;
use crate::secret::Secret;

/// The length of a tag in bytes.
pub const TAG_LEN: usize = 16;

/// The key seals once, so no nonce is needed.
const NONCE: [u8; 12] = [0; 12];

/// The message is longer than AES-GCM allows, 2^36 - 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Encrypts `buffer` in place and gives the tag. The key is used up.
///
/// Secret: `key`, `buffer`. Public: the length, the ciphertext, the tag. Leaks: nothing else.
pub fn seal(key: Secret<32>, buffer: &mut [u8]) -> Result<[u8; TAG_LEN], TooLong> {
    Aes256Gcm::new(key.expose().into())
        .encrypt_inout_detached(&NONCE.into(), &[], InOutBuf::from(buffer))
        .map(Into::into)
        .map_err(|_| TooLong)
}

/// Decrypts `buffer` in place if the tag is right, and leaves it as it is if not.
///
/// Secret: `key`, the plaintext. Public: the ciphertext, the tag. Leaks: whether it opened.
pub fn open(key: &Secret<32>, buffer: &mut [u8], tag: &[u8; TAG_LEN]) -> Mask {
    let opened = Aes256Gcm::new(key.expose().into()).decrypt_inout_detached(
        &NONCE.into(),
        &[],
        InOutBuf::from(buffer),
        tag.into(),
    );
    Mask::from_bit(u32::from(opened.is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Secret<32> {
        Secret::zeroed()
    }

    /// The specification of GCM (McGrew and Viega, 2005), test cases 13 and 14: key and nonce are zeros.
    #[test]
    fn known_answers() {
        let tag = 0x530f_8afb_c745_36b9_a963_b4f1_c4cb_738b_u128.to_be_bytes();
        assert_eq!(seal(key(), &mut []), Ok(tag));

        let mut buffer = [0; 16];
        let tag = 0xd0d1_c8a7_9999_6bf0_265b_98b5_d48a_b919_u128.to_be_bytes();
        assert_eq!(seal(key(), &mut buffer), Ok(tag));
        assert_eq!(
            buffer,
            0xcea7_403d_4d60_6b6e_074e_c5d3_baf3_9d18_u128.to_be_bytes()
        );
        assert!(open(&key(), &mut buffer, &tag).declassify());
        assert_eq!(buffer, [0; 16]);
    }

    #[test]
    fn what_does_not_open_stays_as_it_is() {
        let mut buffer = *b"a message of more than one block";
        let tag = seal(key(), &mut buffer).unwrap();
        let sealed = buffer;
        for bit in 0..128 {
            let mut changed = tag;
            changed[bit >> 3] ^= 1 << (bit & 7);
            assert!(
                !open(&key(), &mut buffer, &changed).declassify(),
                "bit {bit}"
            );
            assert_eq!(buffer, sealed);
        }
        buffer[31] ^= 1;
        assert!(!open(&key(), &mut buffer, &tag).declassify());
    }
}
