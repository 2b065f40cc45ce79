// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES-256-GCM (NIST SP 800-38D), put together from the crates `aes`, `ctr` and `ghash` as its section 7
//! says, for nonces of 96 bits and tags of 128.
//!
//! The crate `aes-gcm` decides on a tag within itself, once. Here a tag is computed and then decided on
//! twice, and the block that masks it is wiped. The tests compare with that crate.
//!
//! GCM does not commit to its key: two keys can open one ciphertext. Whoever opens knows first that the
//! key is the right one.

use aes::Aes256;
use ctr::cipher::consts::U16;
use ctr::cipher::{Array, BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipherCore};
use ctr::{CtrCore, flavors::Ctr32BE};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;

use crate::ct::{Mask, eq_bytes};
use crate::hardened::Verdict;
use crate::secret::Secret;

/// The length of a tag in bytes.
pub const TAG_LEN: usize = 16;

/// The length of a nonce in bytes.
pub const NONCE_LEN: usize = 12;

/// The most bytes of one message (section 5.2.1.1).
const MAX_LEN: u64 = (1 << 36) - 32;

/// The nonce where a key seals once.
const NO_NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];

/// The message is longer than AES-GCM allows, 2^36 - 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// The tag is not this key's for these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAuthentic;

/// A key, expanded. It wipes itself.
pub struct Gcm {
    cipher: Aes256,
    /// Keyed with the hash subkey, E(0).
    hash: GHash,
}

impl Gcm {
    /// Expands a key.
    ///
    /// Secret: `key`. Leaks: nothing.
    pub fn new(key: &Secret<32>) -> Self {
        let cipher = Aes256::new(key.expose().into());
        let mut subkey = Secret::<16>::zeroed();
        cipher.encrypt_block(subkey.expose_mut().into());
        let hash = GHash::new(subkey.expose().into());
        Self { cipher, hash }
    }

    /// Encrypts `text` in place and gives the tag. No nonce serves this key twice.
    ///
    /// Secret: the key, `text`. Public: `nonce`, `associated`, the lengths, the ciphertext, the tag.
    /// Leaks: nothing else.
    pub fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        associated: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LEN], TooLong> {
        if text.len() as u64 > MAX_LEN {
            return Err(TooLong);
        }
        let (counter, mask) = self.start(nonce);
        counter.apply_keystream_partial(text.into());
        Ok(self.tag(&mask, associated, text))
    }

    /// Decrypts `text` in place if the tag is right, and leaves it as it is if not. That is decided
    /// twice.
    ///
    /// Secret: the key, the plaintext. Public: the rest. Leaks: whether the tag is right.
    pub fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), NotAuthentic> {
        if text.len() as u64 > MAX_LEN {
            return Err(NotAuthentic);
        }
        let (counter, mask) = self.start(nonce);
        let right = self.tag(&mask, associated, text);
        Verdict::twice(|| eq_bytes(&right, tag)).or(NotAuthentic)?;
        counter.apply_keystream_partial(text.into());
        Ok(())
    }

    /// The counter at the text's first block, and the block before it, which masks the tag: step 2 of
    /// algorithm 4.
    fn start(&self, nonce: &[u8; NONCE_LEN]) -> (CtrCore<&Aes256, Ctr32BE>, Secret<16>) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *nonce;
        let first = [a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 1];
        let mut counter = CtrCore::inner_iv_init(&self.cipher, &first.into());
        let mut mask = Secret::zeroed();
        counter.write_keystream_block(mask.expose_mut().into());
        (counter, mask)
    }

    /// The tag of a ciphertext: steps 4 to 6 of algorithm 4.
    fn tag(&self, mask: &Secret<16>, associated: &[u8], ciphertext: &[u8]) -> [u8; TAG_LEN] {
        let mut hash = self.hash.clone();
        hash.update_padded(associated);
        hash.update_padded(ciphertext);
        let bits = |bytes: &[u8]| u128::from((bytes.len() as u64).wrapping_mul(8));
        let lengths = bits(associated) << 64 | bits(ciphertext);
        hash.update(&[Array::<u8, U16>::from(lengths.to_be_bytes())]);
        let hashed: [u8; TAG_LEN] = hash.finalize().into();
        let masked = u128::from_be_bytes(hashed) ^ u128::from_be_bytes(*mask.expose());
        masked.to_be_bytes()
    }
}

/// Encrypts `buffer` in place and gives the tag. The key is used up, so it needs no nonce; what the
/// message is bound to is bound into the key.
///
/// Secret: `key`, `buffer`. Public: the length, the ciphertext, the tag. Leaks: nothing else.
pub fn seal(key: Secret<32>, buffer: &mut [u8]) -> Result<[u8; TAG_LEN], TooLong> {
    Gcm::new(&key).seal(&NO_NONCE, &[], buffer)
}

/// Decrypts what [`seal`] encrypted, in place, if the tag is right, and leaves it as it is if not.
///
/// Secret: `key`, the plaintext. Public: the ciphertext, the tag. Leaks: whether it opened.
pub fn open(key: &Secret<32>, buffer: &mut [u8], tag: &[u8; TAG_LEN]) -> Mask {
    let opened = Gcm::new(key).open(&NO_NONCE, &[], buffer, tag);
    Mask::public(opened.is_ok())
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

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }

    /// The same, test case 16: a nonce, associated data, and a last block that is not whole.
    #[test]
    fn known_answer_with_associated_data() {
        let mut key = key();
        *key.expose_mut() = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let gcm = Gcm::new(&key);
        let nonce = hex("cafebabefacedbaddecaf888");
        let associated: [u8; 20] = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let text: [u8; 60] = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let mut buffer = text;
        let tag = gcm.seal(&nonce, &associated, &mut buffer).unwrap();
        assert_eq!(
            buffer,
            hex(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            )
        );
        assert_eq!(tag, hex("76fc6ece0f4e1768cddf8853bb2d551b"));
        assert_eq!(gcm.open(&nonce, &associated, &mut buffer, &tag), Ok(()));
        assert_eq!(buffer, text);
    }

    /// Every length from none to some blocks, of text and of associated data, as the crate `aes-gcm` has
    /// it.
    #[test]
    fn agrees_with_the_crate() {
        use aes_gcm::aead::AeadInOut;
        let mut key = key();
        key.expose_mut()
            .copy_from_slice(&core::array::from_fn::<u8, 32, _>(|i| i as u8));
        let (ours, theirs) = (Gcm::new(&key), aes_gcm::Aes256Gcm::new(key.expose().into()));
        for len in (0..200).chain([1_000, 4_096, 65_535, 65_536, 65_537]) {
            let text: std::vec::Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let associated = &text[..len.min(3 * len % 50)];
            let nonce = [len as u8; NONCE_LEN];
            let (mut a, mut b) = (text.clone(), text.clone());
            let tag = ours.seal(&nonce, associated, &mut a).unwrap();
            let want =
                theirs.encrypt_inout_detached(&nonce.into(), associated, (&mut b[..]).into());
            assert_eq!(tag, <[u8; 16]>::from(want.unwrap()), "{len}");
            assert_eq!(a, b, "{len}");
            assert_eq!(ours.open(&nonce, associated, &mut a, &tag), Ok(()));
            assert_eq!(a, text, "{len}");
        }
    }

    #[test]
    fn nonce_and_associated_data_are_bound() {
        let gcm = Gcm::new(&key());
        let mut buffer = *b"sixteen and some";
        let tag = gcm.seal(&[1; 12], b"ab", &mut buffer).unwrap();
        let sealed = buffer;
        for (nonce, associated) in [
            ([2; 12], &b"ab"[..]),
            ([1; 12], b"ac"),
            ([1; 12], b"a"),
            ([1; 12], b""),
        ] {
            let opened = gcm.open(&nonce, associated, &mut buffer, &tag);
            assert_eq!((opened, buffer), (Err(NotAuthentic), sealed));
        }
        assert_eq!(gcm.open(&[1; 12], b"ab", &mut buffer, &tag), Ok(()));
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
