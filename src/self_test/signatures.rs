// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test of Ed25519.

use core::hint::black_box;

use super::answer::{Judge, Wrong, hex};
use crate::ed25519::{SigningKey, VerifyKey};
use crate::rng::Watched;

/// RFC 8032 section 7.1, TEST 3.
#[inline(never)]
pub fn ed25519(judge: &mut impl Judge, watched: &mut dyn Watched) -> Result<(), Wrong> {
    const SEED: [u8; 32] = hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    const PUBLIC: [u8; 32] =
        hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    const MESSAGE: [u8; 2] = hex("af82");
    const SIGNATURE: [u8; 64] = hex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    );

    let mut signer = SigningKey::zeroed();
    *signer.seed_mut().expose_mut() = black_box(SEED);
    judge.same(signer.verify_key().as_bytes(), &PUBLIC)?;
    watched.tick();
    judge.same(
        &signer.sign(&MESSAGE, watched).map_err(|_| Wrong)?,
        &SIGNATURE,
    )?;
    watched.tick();

    let verifier = VerifyKey::new(&PUBLIC).ok_or(Wrong)?;
    let verified = verifier.verifies(&MESSAGE, &SIGNATURE);
    watched.tick();
    let refused = !verifier.verifies(&[0xaf, 0x83], &SIGNATURE);
    let verdicts = [verified, refused].map(|verdict| u8::from(verdict.declassify()));
    judge.same(&verdicts, &[1; 2])
}
