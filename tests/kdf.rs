// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key derivation against the published known answers.
#![cfg(all(feature = "sealed-domain", feature = "hazmat"))]

use security_domain::hazmat::kdf::{Pseudorandom, sp800_108_hmac_sha512};
use security_domain::sealed_domain::Fault;
use security_domain::secret::Secret;

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn zeros<const N: usize>() -> Secret<N> {
    Secret::from_bytes(&mut [0; N])
}

/// Checks that no key gives none, and that the parts of `info` count only as their concatenation. No key is longer
/// than a block here.
fn check(ikm: &[u8], salt: &[u8], info: &[u8], okm: &str) {
    let (mut extracted, mut out) = (Pseudorandom::none(), zeros::<32>());
    assert_eq!(extracted.expand(&[info], &mut out), Err(Fault));
    extracted.extract(salt, ikm).unwrap();
    assert_eq!(format!("{extracted:?}"), "Pseudorandom(..)");
    let (front, back) = info.split_at(info.len() / 2);
    for parts in [&[info][..], &[front, back], &[&[], info, &[]]] {
        extracted.expand(parts, &mut out).unwrap();
        assert_eq!(out.expose()[..], hex(okm)[..32]);
    }
}

/// RFC 5869 appendix A.1.
#[test]
fn hkdf_basic() {
    check(
        &[0x0b; 22],
        &hex("000102030405060708090a0b0c"),
        &hex("f0f1f2f3f4f5f6f7f8f9"),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
}

/// RFC 5869 appendix A.2: every input longer than one block of the hash.
#[test]
fn hkdf_longer_inputs() {
    check(
        &(0x00..=0x4f).collect::<Vec<u8>>(),
        &(0x60..=0xaf).collect::<Vec<u8>>(),
        &(0xb0..=0xff).collect::<Vec<u8>>(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
         59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
         cc30c58179ec3e87c14c01d5c1f3434f1d87",
    );
}

/// RFC 5869 appendix A.3: no salt and no info.
#[test]
fn hkdf_empty_salt_and_info() {
    check(
        &[0x0b; 22],
        &[],
        &[],
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
}

/// The known answer of the interchange format: `L` is 256, in bits.
#[test]
fn sp800_108_known_answer() {
    let mut key = zeros::<32>();
    sp800_108_hmac_sha512(&[0x41; 32], *b"label", b"context", &mut key).unwrap();
    let want = "f0ca51f6308791404bf68b56024ee7c64d6c737716f81d47e1e68b5c4e399575";
    assert_eq!(key.expose()[..], hex(want)[..]);
}
