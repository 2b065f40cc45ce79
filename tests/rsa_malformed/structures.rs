// SPDX-License-Identifier: MIT OR Apache-2.0
//! Encodings that are not the one.

use super::*;

#[test]
fn private_structures() {
    let algorithm: &[&[u8]] = &[RSA_ENCRYPTION, NULL];
    let good = |der: &[u8]| PrivateKey::from_pkcs8_der(der).is_ok();
    let error = |der: &[u8]| PrivateKey::from_pkcs8_der(der).unwrap_err();
    let with = |from: &[u8], at: usize, insert: &[u8]| [&from[..at], insert, &from[at..]].concat();

    assert!(
        good(&pkcs8(0, algorithm, PKCS1, &[0xa0, 0x00])),
        "attributes, none"
    );
    // As Windows writes them: a key usage.
    let usage = &[
        0xa0, 13, 0x30, 11, 6, 3, 0x55, 29, 15, 0x31, 4, 3, 2, 4, 0x10,
    ];
    assert!(good(&pkcs8(0, algorithm, PKCS1, usage)), "attributes");
    assert_eq!(error(&pkcs8(1, algorithm, PKCS1, &[])), KeyError::Version);
    assert_eq!(error(&pkcs8(2, algorithm, PKCS1, &[])), KeyError::Version);
    assert_eq!(
        error(&pkcs8(0x80, algorithm, PKCS1, &[])),
        KeyError::Encoding,
        "version -128"
    );
    assert_eq!(
        error(&pkcs8(0, algorithm, PKCS1, NULL)),
        KeyError::TrailingData
    );
    assert_eq!(
        error(&pkcs8(0, algorithm, &with(PKCS1, PKCS1.len(), &[0]), &[])),
        KeyError::TrailingData
    );
    assert_eq!(
        error(&with(PKCS8, PKCS8.len(), &[0])),
        KeyError::TrailingData
    );
    assert_eq!(error(&PKCS8[..PKCS8.len() - 1]), KeyError::Encoding);
    assert_eq!(error(&[]), KeyError::Encoding);
    assert_eq!(
        error(PKCS1),
        KeyError::Encoding,
        "PKCS#1 where PKCS#8 is due"
    );
    assert_eq!(
        error(&pkcs8(0, &[RSA_ENCRYPTION], PKCS1, &[])),
        KeyError::Algorithm,
        "no parameters"
    );
    assert_eq!(
        error(&pkcs8(0, &[RSA_ENCRYPTION, &[0x30, 0]], PKCS1, &[])),
        KeyError::Algorithm
    );
    assert_eq!(
        error(&pkcs8(0, &[RSA_ENCRYPTION, NULL, NULL], PKCS1, &[])),
        KeyError::TrailingData
    );
    let mut pss = RSA_ENCRYPTION.to_vec();
    pss[10] = 10;
    assert_eq!(
        error(&pkcs8(0, &[&pss, NULL], PKCS1, &[])),
        KeyError::Algorithm,
        "id-RSASSA-PSS"
    );

    let error = |der: &[u8]| PrivateKey::from_pkcs1_der(der).unwrap_err();
    let mut multi_prime = PKCS1.to_vec();
    multi_prime[6] = 1;
    assert_eq!(error(&multi_prime), KeyError::Version);
    let content = &PKCS1[4..];
    assert_eq!(
        error(&tlv(SEQUENCE, &[content, &[0x30, 0]].concat())),
        KeyError::TrailingData,
        "other primes"
    );
    assert_eq!(
        error(&tlv(SEQUENCE, &content[..content.len() - 132])),
        KeyError::Encoding,
        "no coefficient"
    );
    assert_eq!(error(&tlv(0x31, content)), KeyError::Encoding, "a set");
    let [high, low] = (content.len() as u16).to_be_bytes();
    assert_eq!(
        error(&[&[0x30, 0x83, 0, high, low], content].concat()),
        KeyError::Encoding,
        "long length"
    );
    assert_eq!(
        error(&[&[0x30, 0x80], content, &[0, 0]].concat()),
        KeyError::Encoding,
        "no length"
    );
}

#[test]
fn integers_in_another_form() {
    let [n, e, ..] = integers();
    let n = big_endian(&n);
    let error = |modulus: &[u8], exponent: &[u8]| {
        let content = [modulus, exponent].concat();
        PublicKey::from_pkcs1_der(&tlv(SEQUENCE, &content)).unwrap_err()
    };
    let good = |bytes: &[u8]| tlv(INTEGER, &[&[0], bytes].concat());
    let e = integer(&e);
    assert_eq!(
        error(&tlv(INTEGER, &n), &e),
        KeyError::Encoding,
        "a negative modulus"
    );
    assert_eq!(
        error(&tlv(INTEGER, &[&[0, 0], &n[..]].concat()), &e),
        KeyError::Encoding,
        "two zeros"
    );
    assert_eq!(
        error(&tlv(INTEGER, &[]), &e),
        KeyError::Encoding,
        "an integer of no bytes"
    );
    assert_eq!(
        error(&good(&n), &tlv(INTEGER, &[0, 1, 0, 1])),
        KeyError::Encoding,
        "a zero too many"
    );
    assert_eq!(
        error(&good(&n), &tlv(INTEGER, &[0xff, 0, 1])),
        KeyError::Encoding,
        "a negative exponent"
    );
    assert_eq!(
        error(&good(&n), &[INTEGER, 0x81, 3, 1, 0, 1]),
        KeyError::Encoding,
        "a length in two bytes"
    );
    assert_eq!(
        error(&good(&n), &tlv(BIT_STRING, &[1, 0, 1])),
        KeyError::Encoding,
        "a bit string"
    );
    assert_eq!(
        error(&good(&n), &[&e[..], &e[..]].concat()),
        KeyError::TrailingData,
        "a third integer"
    );
    assert_eq!(error(&good(&n), &[]), KeyError::Encoding, "no exponent");
}

#[test]
fn public_structures() {
    let [n, e, ..] = integers();
    let error = |der: &[u8]| PublicKey::from_spki_der(der).unwrap_err();
    let mut ec = RSA_ENCRYPTION.to_vec();
    ec[10] = 2;
    assert_eq!(error(&spki(&[&ec, NULL], &n, &e)), KeyError::Algorithm);
    assert_eq!(error(&spki(&[RSA_ENCRYPTION], &n, &e)), KeyError::Algorithm);
    let mut unused_bits = SPKI.to_vec();
    let at = SPKI.len() - 271;
    assert_eq!(unused_bits[at], 0);
    unused_bits[at] = 1;
    assert_eq!(error(&unused_bits), KeyError::Encoding);
    assert_eq!(error(&[SPKI, &[0]].concat()), KeyError::TrailingData);
    for len in 0..SPKI.len() {
        assert_eq!(error(&SPKI[..len]), KeyError::Encoding, "cut at {len}");
    }
}
