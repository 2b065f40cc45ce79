// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests ciphers in both directions, including what they must refuse.

use super::answer::{Judge, Wrong, hex, key};
use crate::aead::{TAG_LEN, chunk};

/// The specification of GCM (McGrew and Viega, 2005), test case 16: associated data, and a last block
/// that is not whole.
#[inline(never)]
pub fn gcm(judge: &mut impl Judge) -> Result<(), Wrong> {
    const KEY: [u8; 32] = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const NONCE: [u8; 12] = hex("cafebabefacedbaddecaf888");
    const ASSOCIATED: [u8; 20] = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const TEXT: [u8; 60] = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    const SEALED: [u8; 60] = hex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    );
    const TAG: [u8; TAG_LEN] = hex("76fc6ece0f4e1768cddf8853bb2d551b");

    let key = key(&KEY);
    let (mut buffer, mut tag) = (TEXT, [0; TAG_LEN]);
    chunk::seal(&key, &NONCE, &ASSOCIATED, &mut buffer, &mut tag).map_err(|_| Wrong)?;
    judge.same(&buffer, &SEALED)?;
    judge.same(&tag, &TAG)?;

    let changed = TAG.map(|byte| byte ^ 1);
    let opened = chunk::open(&key, &NONCE, &ASSOCIATED, &mut buffer, &changed);
    judge.same(&[u8::from(opened.is_err())], &[1])?;
    chunk::open(&key, &NONCE, &ASSOCIATED, &mut buffer, &TAG)
        .map_err(|_| Wrong)?
        .spend(Wrong)?;
    judge.same(&buffer, &TEXT)
}

/// SP 800-38A appendices F.2.5 and F.2.6, the first two blocks.
#[cfg(feature = "managed-hsm")]
#[inline(never)]
pub fn cbc(judge: &mut impl Judge) -> Result<(), Wrong> {
    use aes::Aes256;
    use cbc::cipher::array::Array;
    use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

    const KEY: [u8; 32] = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    const IV: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f");
    const TEXT: [u8; 32] = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    const SEALED: [u8; 32] =
        hex("f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d");

    let mut buffer = TEXT;
    let (blocks, _) = Array::slice_as_chunks_mut(&mut buffer);
    cbc::Encryptor::<Aes256>::new(&KEY.into(), &IV.into()).encrypt_blocks(blocks);
    judge.same(&buffer, &SEALED)?;
    let (blocks, _) = Array::slice_as_chunks_mut(&mut buffer);
    cbc::Decryptor::<Aes256>::new(&KEY.into(), &IV.into()).decrypt_blocks(blocks);
    judge.same(&buffer, &TEXT)
}

/// A key backup in the Azure format under the key 00 01 .. 3f and a drawn IV; made by
/// `tests/interop/self_test.py`.
#[cfg(feature = "managed-hsm")]
#[inline(never)]
pub fn cbc_hs512(judge: &mut impl Judge) -> Result<(), Wrong> {
    use super::answer::Drawn;
    use crate::managed_hsm::key_backup::{self, KeyBackup};
    use crate::secret::Secret;

    const TEXT: &[u8; 32] = b"a message of more than one block";
    const SEALED: &[u8; 220] = include_bytes!("key-backup.txt");

    let key = key(&core::array::from_fn::<u8, 64, _>(|i| i as u8));
    let mut sealed = [0; SEALED.len()];
    key_backup::seal(&key, TEXT, &mut Drawn, &mut sealed).map_err(|_| Wrong)?;
    judge.same(&sealed, SEALED)?;

    let mut text = [0; TEXT.len() + 15];
    let backup = KeyBackup::parse(SEALED).map_err(|_| Wrong)?;
    let len = backup.open(&key, &mut text).map_err(|_| Wrong)?;
    judge.same(text.get(..len).ok_or(Wrong)?, TEXT)?;

    let other_key = Secret::zeroed();
    let refused = backup.open(&other_key, &mut [0; TEXT.len() + 15]);
    judge.same(&[u8::from(refused.is_err())], &[1])
}
