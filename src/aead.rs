// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES-256-GCM (NIST SP 800-38D), with the crate `aes-gcm`, for nonces of 96 bits and tags of 128
//! bits.
//!
//! Sealed bytes become public, so a failed sealing must not leave. [`seal`] goes from a source to a
//! destination that starts as zeros, twice, each time with a freshly expanded key, and both tags
//! must be the same: after a fault the destination holds zeros or other bytes, but not the
//! plaintext. [`seal_in_place`], for callers with a single buffer, opens what it sealed, compares,
//! and seals again.
//!
//! The crate `aes-gcm` checks a tag internally, once, so [`open`] and [`open_in_place`] are for
//! callers that evaluate them twice. The chunks of a backup are opened in place, where that is not
//! possible: see [`chunk`].
//!
//! GCM does not commit to its key: two keys can open the same ciphertext. Callers must know that
//! the key is the right one before they open.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use sha2::digest::FixedOutput;
use sha2::{Digest, Sha256};

use crate::ct::{Mask, eq_bytes};
use crate::hardened::{Fault, Verdict};
use crate::secret::{Secret, wipe};

pub mod chunk;

/// The length of a tag in bytes.
pub const TAG_LEN: usize = 16;

/// The length of a nonce in bytes.
pub const NONCE_LEN: usize = 12;

/// The nonce for a key that seals once.
const NO_NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];

/// From this length on, a ciphertext cannot equal its plaintext by chance.
const NEVER_EQUAL: usize = 16;

/// Encrypts `plaintext` into `sealed`, which is as long, and fills in the tag. The key is used
/// once, so it needs no nonce; anything the message is bound to is bound into the key.
///
/// On an error `sealed` and `tag` are zeros.
///
/// Secret: `key`, `plaintext`. Public: the length, `sealed`, `tag`. Leaks: nothing else.
pub fn seal(
    key: &Secret<32>,
    plaintext: &[u8],
    sealed: &mut [u8],
    tag: &mut [u8; TAG_LEN],
) -> Result<(), Fault> {
    seal_under(key, &NO_NONCE, plaintext, sealed, tag)
}

/// The same under a nonce that was derived with the key, as HPKE does it.
///
/// Secret: `key`, `plaintext`. Public: `nonce`, the length, `sealed`, `tag`. Leaks: nothing else.
pub fn seal_under(
    key: &Secret<32>,
    nonce: &[u8; NONCE_LEN],
    plaintext: &[u8],
    sealed: &mut [u8],
    tag: &mut [u8; TAG_LEN],
) -> Result<(), Fault> {
    sealed.fill(0);
    tag.fill(0);
    seal_twice(key, nonce, plaintext, sealed, tag).inspect_err(|Fault| {
        sealed.fill(0);
        tag.fill(0);
    })
}

fn seal_twice(
    key: &Secret<32>,
    nonce: &[u8; NONCE_LEN],
    plaintext: &[u8],
    sealed: &mut [u8],
    tag: &mut [u8; TAG_LEN],
) -> Result<(), Fault> {
    let first = encrypt(
        key,
        nonce,
        InOutBuf::new(plaintext, sealed).map_err(|_| Fault)?,
    )?;
    *tag = encrypt(
        key,
        nonce,
        InOutBuf::new(plaintext, sealed).map_err(|_| Fault)?,
    )?;
    let short = plaintext.len() < NEVER_EQUAL;
    Verdict::twice(|| eq_bytes(&first, &*tag) & !eq_bytes(&[0; TAG_LEN], &*tag)).or(Fault)?;
    Verdict::twice(|| !eq_bytes(plaintext, sealed) | Mask::public(short)).or(Fault)
}

/// Decrypts `sealed` into `out`, which is as long, if the tag is right. Otherwise `out` is
/// unchanged.
///
/// Secret: `key`, the plaintext. Public: `sealed`, `tag`. Leaks: whether it opened.
pub fn open(key: &Secret<32>, sealed: &[u8], tag: &[u8; TAG_LEN], out: &mut [u8]) -> Mask {
    open_under(key, &NO_NONCE, sealed, tag, out)
}

/// The same under a nonce that was derived with the key.
///
/// Secret: `key`, the plaintext. Public: `nonce`, `sealed`, `tag`. Leaks: whether it opened.
pub fn open_under(
    key: &Secret<32>,
    nonce: &[u8; NONCE_LEN],
    sealed: &[u8],
    tag: &[u8; TAG_LEN],
    out: &mut [u8],
) -> Mask {
    match InOutBuf::new(sealed, out) {
        Ok(buffer) => decrypt(key, nonce, buffer, tag),
        Err(_) => Mask::public(false),
    }
}

/// Encrypts `buffer` in place and fills in the tag like [`seal`], for a caller without a second
/// buffer.
///
/// The buffer is opened again with a freshly expanded key, which must give the digest of the
/// plaintext, and sealed again, which must give the first tag. On an error `buffer` and `tag` are
/// zeros. `progress` is called between the passes.
///
/// Secret: `key`, `buffer`. Public: the length, the ciphertext, `tag`. Leaks: nothing else.
pub fn seal_in_place(
    key: &Secret<32>,
    buffer: &mut [u8],
    tag: &mut [u8; TAG_LEN],
    progress: &mut dyn FnMut(),
) -> Result<(), Fault> {
    tag.fill(0);
    seal_and_open(key, buffer, tag, progress).inspect_err(|Fault| {
        wipe(buffer);
        tag.fill(0);
    })
}

fn seal_and_open(
    key: &Secret<32>,
    buffer: &mut [u8],
    tag: &mut [u8; TAG_LEN],
    progress: &mut dyn FnMut(),
) -> Result<(), Fault> {
    let (mut before, mut after) = (Secret::<32>::zeroed(), Secret::<32>::zeroed());
    digest(buffer, &mut before);
    let first = encrypt(key, &NO_NONCE, buffer.into())?;
    progress();
    let short = buffer.len() < NEVER_EQUAL;
    Verdict::twice(|| !is_digest(buffer, &before, &mut after) | Mask::public(short)).or(Fault)?;
    let opened = decrypt(key, &NO_NONCE, buffer.into(), &first);
    progress();
    Verdict::twice(|| opened & is_digest(buffer, &before, &mut after)).or(Fault)?;
    progress();
    *tag = encrypt(key, &NO_NONCE, buffer.into())?;
    progress();
    Verdict::twice(|| eq_bytes(&first, &*tag) & !eq_bytes(&[0; TAG_LEN], &*tag)).or(Fault)
}

/// Decrypts `buffer` in place if the tag is right. Otherwise it is unchanged.
///
/// Secret: `key`, the plaintext. Public: the ciphertext, `tag`. Leaks: whether it opened.
pub fn open_in_place(key: &Secret<32>, buffer: &mut [u8], tag: &[u8; TAG_LEN]) -> Mask {
    decrypt(key, &NO_NONCE, buffer.into(), tag)
}

fn encrypt(
    key: &Secret<32>,
    nonce: &[u8; NONCE_LEN],
    text: InOutBuf<'_, '_, u8>,
) -> Result<[u8; TAG_LEN], Fault> {
    let tag = Aes256Gcm::new(key.expose().into())
        .encrypt_inout_detached(nonce.into(), &[], text)
        .map_err(|_| Fault)?;
    Ok(tag.into())
}

fn decrypt(
    key: &Secret<32>,
    nonce: &[u8; NONCE_LEN],
    text: InOutBuf<'_, '_, u8>,
    tag: &[u8; TAG_LEN],
) -> Mask {
    let opened = Aes256Gcm::new(key.expose().into()).decrypt_inout_detached(
        nonce.into(),
        &[],
        text,
        tag.into(),
    );
    Mask::public(opened.is_ok())
}

fn digest(bytes: &[u8], out: &mut Secret<32>) {
    FixedOutput::finalize_into(Sha256::new_with_prefix(bytes), out.expose_mut().into());
}

fn is_digest(bytes: &[u8], want: &Secret<32>, scratch: &mut Secret<32>) -> Mask {
    digest(bytes, scratch);
    eq_bytes(scratch.expose(), want.expose())
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    fn key() -> Secret<32> {
        Secret::zeroed()
    }

    /// The specification of GCM (McGrew and Viega, 2005), test cases 13 and 14: key and nonce are zeros.
    #[test]
    fn known_answers() {
        let none = 0x530f_8afb_c745_36b9_a963_b4f1_c4cb_738b_u128.to_be_bytes();
        let mut tag = [0; TAG_LEN];
        assert_eq!(seal(&key(), &[], &mut [], &mut tag), Ok(()));
        assert_eq!(tag, none);

        let want = 0xcea7_403d_4d60_6b6e_074e_c5d3_baf3_9d18_u128.to_be_bytes();
        let want_tag = 0xd0d1_c8a7_9999_6bf0_265b_98b5_d48a_b919_u128.to_be_bytes();
        let mut sealed = [0xff; 16];
        assert_eq!(seal(&key(), &[0; 16], &mut sealed, &mut tag), Ok(()));
        assert_eq!((sealed, tag), (want, want_tag));
        let mut text = [0xff; 16];
        assert!(open(&key(), &sealed, &tag, &mut text).declassify());
        assert_eq!(text, [0; 16]);

        assert_eq!(
            seal_in_place(&key(), &mut text, &mut tag, &mut || ()),
            Ok(())
        );
        assert_eq!((text, tag), (want, want_tag));
        assert!(open_in_place(&key(), &mut text, &tag).declassify());
        assert_eq!(text, [0; 16]);
    }

    #[test]
    fn every_length_seals_and_opens_both_ways() {
        for len in (0..70).chain([4_096, 65_537]) {
            let text: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let (mut apart, mut in_place, mut opened) =
                (vec![0xff; len], text.clone(), vec![0xff; len]);
            let (mut first, mut second) = ([0; TAG_LEN], [0; TAG_LEN]);
            assert_eq!(seal(&key(), &text, &mut apart, &mut first), Ok(()));
            assert_eq!(
                seal_in_place(&key(), &mut in_place, &mut second, &mut || ()),
                Ok(())
            );
            assert_eq!((&apart, first), (&in_place, second), "{len}");
            assert!(open(&key(), &apart, &first, &mut opened).declassify());
            assert_eq!(opened, text);
        }
    }

    /// The destination starts as zeros and is zeros again after an error: here its length is wrong.
    #[test]
    fn a_sealing_that_fails_leaves_zeros() {
        for len in [31, 33] {
            let (mut sealed, mut tag) = (vec![0x5a; len], [0x5a; TAG_LEN]);
            let failed = seal(&key(), &[0x5a; 32], &mut sealed, &mut tag);
            assert_eq!(failed, Err(Fault));
            assert_eq!((sealed, tag), (vec![0; len], [0; TAG_LEN]));
            let mut out = vec![0x5a; len];
            assert!(!open(&key(), &[0; 32], &tag, &mut out).declassify());
            assert_eq!(out, vec![0x5a; len]);
        }
    }

    #[test]
    fn what_does_not_open_stays_as_it_is() {
        let text = *b"a message of more than one block";
        let (mut sealed, mut tag) = ([0; 32], [0; TAG_LEN]);
        seal(&key(), &text, &mut sealed, &mut tag).unwrap();
        let refused = |sealed: &[u8; 32], tag: &[u8; TAG_LEN]| {
            let (mut out, mut in_place) = ([0x5a; 32], *sealed);
            !open(&key(), sealed, tag, &mut out).declassify()
                && !open_in_place(&key(), &mut in_place, tag).declassify()
                && out == [0x5a; 32]
                && in_place == *sealed
        };
        assert!(!refused(&sealed, &tag));
        for bit in 0..128 {
            let mut changed = tag;
            changed[bit >> 3] ^= 1 << (bit & 7);
            assert!(refused(&sealed, &changed), "bit {bit}");
        }
        sealed[31] ^= 1;
        assert!(refused(&sealed, &tag));
    }
}
