// SPDX-License-Identifier: MIT OR Apache-2.0
//! Seals and opens the chunks of a backup in place with the crate `aes-gcm`, together with a check
//! that shares only the key with it.
//!
//! A chunk is opened in place, so it cannot be opened twice. The crate checks the tag once, and a
//! single fault in that check would let a changed chunk pass. So the tag is first computed
//! separately here, from `aes` and `ghash`, and checked twice.
//!
//! For speed, a chunk is sealed in place and once. If a fault leaves it unchanged, or expands a
//! wrong key, the first and the last block show it: they are computed a second time.

use aes::Aes256;
use aes::cipher::array::Array;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::{AeadInOut, Aes256Gcm};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;

use super::{NONCE_LEN, TAG_LEN};
use crate::ct::{Mask, eq_bytes};
use crate::hardened::{self, Fault, Permit, Verdict};
use crate::secret::{Secret, wipe};

const BLOCK: usize = 16;

/// The chunk does not open: it is not the one that was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAuthentic;

/// Encrypts `text` in place and fills in the tag. A nonce must not be used twice with the same key.
///
/// On an error `text` may be in the clear, and the caller must wipe it.
///
/// Secret: `key`, `text`. Public: `nonce`, `associated`, the lengths, the ciphertext, `tag`. Leaks:
/// nothing else.
pub fn seal(
    key: &Secret<32>,
    nonce: &[u8; NONCE_LEN],
    associated: &[u8],
    text: &mut [u8],
    tag: &mut [u8; TAG_LEN],
) -> Result<(), Fault> {
    let parts = Parts::new(key);
    let last = last_block(text);
    let (mut first_sealed, mut last_sealed) = (Secret::zeroed(), Secret::zeroed());
    parts.seal_block(nonce, 0, text, &mut first_sealed)?;
    parts.seal_block(nonce, last, text, &mut last_sealed)?;
    *tag = Aes256Gcm::new(key.expose().into())
        .encrypt_inout_detached(nonce.into(), associated, text.into())
        .map_err(|_| Fault)?
        .into();
    Verdict::twice(|| is_block(text, 0, &first_sealed) & is_block(text, last, &last_sealed))
        .or(Fault)
}

/// Decrypts `text` in place if the tag is right; otherwise it is unchanged. The decision is made
/// twice on a tag computed here, and a third time by the crate. The permit allows `text` to leave.
///
/// Secret: `key`, the plaintext. Public: the rest. Leaks: whether the tag is right.
pub fn open(
    key: &Secret<32>,
    nonce: &[u8; NONCE_LEN],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<Permit, NotAuthentic> {
    let mut own = Secret::zeroed();
    let computed = Parts::new(key).tag(nonce, associated, text, &mut own);
    computed.map_err(|Fault| NotAuthentic)?;
    let right = Verdict::twice(|| eq_bytes(own.expose(), tag)).permit(NotAuthentic)?;
    let opened = Aes256Gcm::new(key.expose().into()).decrypt_inout_detached(
        nonce.into(),
        associated,
        text.into(),
        tag.into(),
    );
    let opened = Verdict::twice(|| Mask::public(opened.is_ok())).permit(NotAuthentic)?;
    Ok(right.and(opened))
}

/// The block cipher, from which GCM is built as in section 7 of SP 800-38D.
struct Parts(Aes256);

impl Parts {
    fn new(key: &Secret<32>) -> Self {
        Self(Aes256::new(key.expose().into()))
    }

    /// Fills `out` with the encrypted counter: counter 1 masks the tag, counters from 2 on are the
    /// keystream.
    fn counter(
        &self,
        nonce: &[u8; NONCE_LEN],
        counter: u32,
        out: &mut Secret<BLOCK>,
    ) -> Result<(), Fault> {
        let (front, back) = out
            .expose_mut()
            .split_first_chunk_mut::<NONCE_LEN>()
            .ok_or(Fault)?;
        hardened::copy(front, nonce)?;
        hardened::copy(back, &counter.to_be_bytes())?;
        self.0.encrypt_block(out.expose_mut().into());
        Ok(())
    }

    /// Fills the front of `out` with the expected ciphertext of the block of `text` at `place`,
    /// from 0.
    fn seal_block(
        &self,
        nonce: &[u8; NONCE_LEN],
        place: usize,
        text: &[u8],
        out: &mut Secret<BLOCK>,
    ) -> Result<(), Fault> {
        let counter = u32::try_from(place).map_err(|_| Fault)?;
        self.counter(nonce, counter.checked_add(2).ok_or(Fault)?, out)?;
        let block = block(text, place).ok_or(Fault)?;
        for (out, byte) in out.expose_mut().iter_mut().zip(block) {
            *out ^= byte;
        }
        Ok(())
    }

    /// Fills `out` with the tag of a ciphertext: steps 4 to 6 of algorithm 4.
    fn tag(
        &self,
        nonce: &[u8; NONCE_LEN],
        associated: &[u8],
        ciphertext: &[u8],
        out: &mut Secret<TAG_LEN>,
    ) -> Result<(), Fault> {
        let mut subkey = Secret::<BLOCK>::zeroed();
        self.0.encrypt_block(subkey.expose_mut().into());
        let mut hash = GHash::new(subkey.expose().into());
        hash.update_padded(associated);
        hash.update_padded(ciphertext);
        let bits = |bytes: &[u8]| u128::from((bytes.len() as u64).wrapping_mul(8));
        let lengths = bits(associated) << 64 | bits(ciphertext);
        hash.update(&[Array::from(lengths.to_be_bytes())]);
        self.counter(nonce, 1, out)?;
        // With the tag, which is public, it would reveal the mask.
        let mut hashed = hash.finalize();
        for (out, byte) in out.expose_mut().iter_mut().zip(&hashed) {
            *out ^= byte;
        }
        wipe(&mut hashed);
        Ok(())
    }
}

/// Returns the place of the last block of `text`, from 0.
fn last_block(text: &[u8]) -> usize {
    text.len().saturating_sub(1) >> 4
}

/// Returns the block of `text` at `place`. The last block may be shorter, and is empty for an empty
/// text.
fn block(text: &[u8], place: usize) -> Option<&[u8]> {
    let start = place.checked_mul(BLOCK)?;
    text.get(start..start.checked_add(BLOCK)?.min(text.len()))
}

/// Returns whether `want` begins with the block of `text` at `place`.
fn is_block(text: &[u8], place: usize, want: &Secret<BLOCK>) -> Mask {
    let pair = block(text, place).and_then(|have| Some((have, want.expose().get(..have.len())?)));
    pair.map_or(Mask::public(false), |(have, want)| eq_bytes(have, want))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::secret::left;

    fn key() -> Secret<32> {
        let mut key = Secret::zeroed();
        *key.expose_mut() = core::array::from_fn(|i| i as u8);
        key
    }

    /// The tag and every block computed here equal those of the crate, for text and associated data
    /// of every length from none to some blocks.
    #[test]
    fn the_parts_agree_with_the_crate() {
        let parts = Parts::new(&key());
        for len in (0..200).chain([1_000, 4_096, 65_535, 65_536, 65_537]) {
            let text: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let associated = &text[..len.min(3 * len % 50)];
            let nonce = [len as u8; NONCE_LEN];
            let (mut sealed, mut tag, mut own) = (text.clone(), [0; TAG_LEN], Secret::zeroed());
            seal(&key(), &nonce, associated, &mut sealed, &mut tag).unwrap();
            parts.tag(&nonce, associated, &sealed, &mut own).unwrap();
            assert_eq!(own.expose(), &tag, "{len}");
            for place in 0..=last_block(&text) {
                let mut block = Secret::zeroed();
                parts.seal_block(&nonce, place, &text, &mut block).unwrap();
                assert!(is_block(&sealed, place, &block).declassify(), "{len}");
                // Neither unencrypted blocks nor those of another key pass.
                assert!(len == 0 || !is_block(&text, place, &block).declassify() || len < BLOCK);
            }
            let opened = open(&key(), &nonce, associated, &mut sealed, &tag);
            assert_eq!(opened.unwrap().spend(Fault), Ok(()));
            assert_eq!(sealed, text, "{len}");
        }
    }

    /// With the tag of the chunk, the hash would reveal the mask.
    #[test]
    fn what_the_second_tag_is_made_of_is_wiped() {
        let parts = Parts::new(&key());
        let (nonce, text) = ([7; NONCE_LEN], [0x5a; 100]);
        let (mut tag, mut mask) = (Secret::zeroed(), Secret::<TAG_LEN>::zeroed());
        parts.counter(&nonce, 1, &mut mask).unwrap();
        let wiped = left::wiped(|| parts.tag(&nonce, b"front", &text, &mut tag).unwrap());
        let pairs = tag.expose().iter().zip(mask.expose());
        let hashed: Vec<u8> = pairs.map(|(tag, mask)| tag ^ mask).collect();
        let mut subkey = [0; BLOCK];
        parts.0.encrypt_block((&mut subkey).into());
        assert!(wiped.contains(&hashed) && wiped.contains(&subkey.to_vec()));
    }

    #[test]
    fn key_nonce_associated_data_and_every_bit_are_bound() {
        let mut buffer = *b"sixteen and some";
        let mut tag = [0; TAG_LEN];
        seal(&key(), &[1; 12], b"ab", &mut buffer, &mut tag).unwrap();
        let sealed = buffer;
        let mut refused = |key: &Secret<32>, nonce, associated: &[u8], tag: &[u8; TAG_LEN]| {
            let opened = open(key, &nonce, associated, &mut buffer, tag);
            assert_eq!((opened.err(), buffer), (Some(NotAuthentic), sealed));
        };
        refused(&Secret::zeroed(), [1; 12], b"ab", &tag);
        for (nonce, associated) in [
            ([2; 12], &b"ab"[..]),
            ([1; 12], b"ac"),
            ([1; 12], b"a"),
            ([1; 12], b""),
        ] {
            refused(&key(), nonce, associated, &tag);
        }
        for bit in 0..128 {
            let mut changed = tag;
            changed[bit >> 3] ^= 1 << (bit & 7);
            refused(&key(), [1; 12], b"ab", &changed);
        }
        for place in 0..sealed.len() {
            let mut changed = sealed;
            changed[place] ^= 0x80;
            let opened = open(&key(), &[1; 12], b"ab", &mut changed, &tag);
            assert_eq!(opened.err(), Some(NotAuthentic));
        }
        assert!(open(&key(), &[1; 12], b"ab", &mut buffer, &tag).is_ok());
    }
}
