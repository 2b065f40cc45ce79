// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of hashes, and of codes and keys made with them.

use hmac::{Hmac, Mac};
#[cfg(feature = "managed-hsm")]
use sha1::Sha1;
#[cfg(feature = "managed-hsm")]
use sha2::Sha512;
use sha2::{Digest, Sha256};

use super::answer::{Judge, Wrong, hex};
use crate::kdf::Pseudorandom;
#[cfg(feature = "managed-hsm")]
use crate::kdf::sp800_108_hmac_sha512;
use crate::mac::keyed;
use crate::secret::Secret;

/// The examples of FIPS 180-4, of one block and of two (NIST, "Examples with Intermediate Values").
#[inline(never)]
pub fn sha256(judge: &mut impl Judge) -> Result<(), Wrong> {
    const ONE: [u8; 32] = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const TWO: [u8; 32] = hex("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    judge.same(&Sha256::digest(b"abc"), &ONE)?;
    let two = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    judge.same(&Sha256::digest(two), &TWO)
}

/// The same example for SHA-1.
#[cfg(feature = "managed-hsm")]
#[inline(never)]
pub fn sha1(judge: &mut impl Judge) -> Result<(), Wrong> {
    const ONE: [u8; 20] = hex("a9993e364706816aba3e25717850c26c9cd0d89d");
    judge.same(&Sha1::digest(b"abc"), &ONE)
}

/// The key and the text of RFC 4231 section 4.3, test case 2.
const JEFE: (&[u8; 4], &[u8]) = (b"Jefe", b"what do ya want for nothing?");

/// RFC 4231 section 4.3, test case 2.
#[inline(never)]
pub fn hmac_sha256(judge: &mut impl Judge) -> Result<(), Wrong> {
    const CODE: [u8; 32] = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    let mut mac: Hmac<Sha256> = keyed(JEFE.0);
    mac.update(JEFE.1);
    judge.same(&mac.finalize().into_bytes(), &CODE)
}

/// RFC 4231 section 4.3, test case 2.
#[cfg(feature = "managed-hsm")]
#[inline(never)]
pub fn hmac_sha512(judge: &mut impl Judge) -> Result<(), Wrong> {
    const CODE: [u8; 64] = hex(
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    );
    let mut mac: Hmac<Sha512> = keyed(JEFE.0);
    mac.update(JEFE.1);
    judge.same(&mac.finalize().into_bytes(), &CODE)
}

/// RFC 5869 appendix A.1, the first block.
#[inline(never)]
pub fn hkdf(judge: &mut impl Judge) -> Result<(), Wrong> {
    const SALT: [u8; 13] = hex("000102030405060708090a0b0c");
    const INFO: [u8; 10] = hex("f0f1f2f3f4f5f6f7f8f9");
    const OUT: [u8; 32] = hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    let (mut pseudorandom, mut out) = (Pseudorandom::none(), Secret::<32>::zeroed());
    pseudorandom
        .extract(&SALT, &[0x0b; 22])
        .map_err(|_| Wrong)?;
    pseudorandom.expand(&[&INFO], &mut out).map_err(|_| Wrong)?;
    judge.same(out.expose(), &OUT)
}

/// The Azure format's own use of it, 256 bits: `HMAC(key, 00000001 || "label" || 00 || "context" ||
/// 00000100)`, cut to 32 bytes; made by `tests/interop/self_test.py`.
#[cfg(feature = "managed-hsm")]
#[inline(never)]
pub fn sp800_108(judge: &mut impl Judge) -> Result<(), Wrong> {
    const KEY: [u8; 32] = hex("f0ca51f6308791404bf68b56024ee7c64d6c737716f81d47e1e68b5c4e399575");
    let mut derived = Secret::<32>::zeroed();
    sp800_108_hmac_sha512(&[0x41; 32], *b"label", b"context", &mut derived).map_err(|_| Wrong)?;
    judge.same(derived.expose(), &KEY)
}
