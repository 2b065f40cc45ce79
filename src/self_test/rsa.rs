// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests RSA with 2048 bits. The key and a ciphertext are from Project Wycheproof
//! (`rsa_oaep_2048_sha256_mgf1sha256_test.json`, test 4); `tests/interop/self_test.py` made the
//! drawn and signed values.

use super::answer::{Drawn, Judge, Wrong};
use crate::rng::{Watched, WithProgress};
use crate::rsa::{ModulusSize, PrivateKey};

const KEY: &[u8] = include_bytes!("rsa-2048.p8");
const LEN: usize = ModulusSize::Rsa2048.bytes();
const MESSAGE: &[u8; 6] = b"123400";

/// Runs a test with the key and the generator whose bytes are known.
fn with_key(
    watched: &mut dyn Watched,
    test: impl FnOnce(&PrivateKey, &mut dyn Watched) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    // Read in place: moved, it would take its room on the stack twice.
    let mut key = PrivateKey::zeroed();
    key.read_pkcs8_der(KEY, watched).map_err(|_| Wrong)?;
    let mut rng = WithProgress {
        rng: &mut Drawn,
        progress: &mut || watched.tick(),
    };
    test(&key, &mut rng)
}

#[inline(never)]
pub fn oaep(judge: &mut impl Judge, watched: &mut dyn Watched) -> Result<(), Wrong> {
    const WYCHEPROOF: &[u8; LEN] = include_bytes!("oaep-wycheproof.bin");
    const UNDER_DRAWN: &[u8; LEN] = include_bytes!("oaep-5a.bin");

    with_key(watched, |key, rng| {
        let mut wrapped = [0; LEN];
        key.public_key()
            .encrypt_oaep_sha256(&[], MESSAGE, rng, &mut wrapped)
            .map_err(|_| Wrong)?;
        judge.same(&wrapped, UNDER_DRAWN)?;

        let mut message = [0; MESSAGE.len()];
        key.decrypt_oaep_sha256(&[], WYCHEPROOF, rng, &mut message)
            .map_err(|_| Wrong)?;
        judge.same(&message, MESSAGE)?;

        let refused = key.decrypt_oaep_sha256(b"label", WYCHEPROOF, rng, &mut message);
        judge.same(&[u8::from(refused.is_err())], &[1])
    })
}

#[inline(never)]
pub fn signature(judge: &mut impl Judge, watched: &mut dyn Watched) -> Result<(), Wrong> {
    const SIGNATURE: &[u8; LEN] = include_bytes!("signature.bin");

    with_key(watched, |key, rng| {
        let mut signature = [0; LEN];
        key.sign_pkcs1v15_sha256(MESSAGE, rng, &mut signature)
            .map_err(|_| Wrong)?;
        judge.same(&signature, SIGNATURE)?;

        let verifier = key.public_key();
        let verified = verifier.verify_pkcs1v15_sha256(MESSAGE, SIGNATURE).is_ok();
        let refused = verifier
            .verify_pkcs1v15_sha256(b"123401", SIGNATURE)
            .is_err();
        judge.same(&[verified, refused].map(u8::from), &[1; 2])
    })
}

/// Both uses of a key pair, without known answers.
#[inline(never)]
pub fn pairwise(judge: &mut impl Judge, watched: &mut dyn Watched) -> Result<(), Wrong> {
    with_key(watched, |key, rng| {
        let (mut wrapped, mut message) = ([0; LEN], [0; MESSAGE.len()]);
        key.public_key()
            .encrypt_oaep_sha256(&[], MESSAGE, rng, &mut wrapped)
            .map_err(|_| Wrong)?;
        key.decrypt_oaep_sha256(&[], &wrapped, rng, &mut message)
            .map_err(|_| Wrong)?;
        judge.same(&message, MESSAGE)?;

        let mut signature = [0; LEN];
        key.sign_pkcs1v15_sha256(MESSAGE, rng, &mut signature)
            .map_err(|_| Wrong)?;
        let verified = key.public_key().verify_pkcs1v15_sha256(MESSAGE, &signature);
        judge.same(&[u8::from(verified.is_ok())], &[1])
    })
}
