// SPDX-License-Identifier: MIT OR Apache-2.0
//! Malformed keys, each with one defect, and the error that names it.
#![cfg(feature = "sealed-domain")]

use crypto_bigint::{NonZero, U4096};
use der::asn1::UintRef;
use der::{Reader, SliceReader};
use security_domain::rsa::{KeyError, PrivateKey, PublicKey};

const PKCS1: &[u8] = include_bytes!("vectors/rsa/keys/2048.pkcs1.der");
const PKCS8: &[u8] = include_bytes!("vectors/rsa/keys/2048.pkcs8.der");
const SPKI: &[u8] = include_bytes!("vectors/rsa/keys/2048.spki.der");

const N: usize = 0;
const E: usize = 1;
const D: usize = 2;
const P: usize = 3;
const Q: usize = 4;
const DP: usize = 5;
const DQ: usize = 6;
const COEFFICIENT: usize = 7;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const RSA_ENCRYPTION: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
];
const NULL: &[u8] = &[0x05, 0x00];

type Integers = [U4096; 8];

/// A defect, the error that names it, and what makes it.
type Case<'a> = (&'a str, KeyError, &'a dyn Fn(&mut Integers));

/// The integers of the fixture: n, e, d, p, q, dp, dq and the coefficient.
fn integers() -> Integers {
    let mut reader = SliceReader::new(PKCS1).unwrap();
    reader
        .sequence(|reader| {
            reader.decode::<u8>()?;
            let mut integers = [U4096::ZERO; 8];
            for integer in &mut integers {
                let bytes = reader.decode::<UintRef<'_>>()?.as_bytes();
                *integer = U4096::from_be_slice_truncated(bytes, 4096);
            }
            Ok::<_, der::Error>(integers)
        })
        .unwrap()
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        len @ 0..0x80 => out.push(len as u8),
        len @ 0x80..0x100 => out.extend([0x81, len as u8]),
        len => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend(content);
    out
}

fn big_endian(x: &U4096) -> Vec<u8> {
    let bytes: Vec<u8> = x.to_be_bytes().as_slice().to_vec();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}

fn integer(x: &U4096) -> Vec<u8> {
    let mut content = big_endian(x);
    if content.first().is_none_or(|first| first & 0x80 != 0) {
        content.insert(0, 0);
    }
    tlv(INTEGER, &content)
}

fn pkcs1(integers: &Integers) -> Vec<u8> {
    let mut content = tlv(INTEGER, &[0]);
    content.extend(integers.iter().flat_map(integer));
    tlv(SEQUENCE, &content)
}

fn pkcs1_error(change: impl FnOnce(&mut Integers)) -> KeyError {
    let mut integers = integers();
    change(&mut integers);
    PrivateKey::from_pkcs1_der(&pkcs1(&integers)).unwrap_err()
}

fn spki(algorithm: &[&[u8]], modulus: &U4096, exponent: &U4096) -> Vec<u8> {
    let key = [integer(modulus), integer(exponent)].concat();
    let mut bits = vec![0];
    bits.extend(tlv(SEQUENCE, &key));
    let content = [tlv(SEQUENCE, &algorithm.concat()), tlv(BIT_STRING, &bits)].concat();
    tlv(SEQUENCE, &content)
}

fn pkcs8(version: u8, algorithm: &[&[u8]], key: &[u8], rest: &[u8]) -> Vec<u8> {
    let content = [
        tlv(INTEGER, &[version]),
        tlv(SEQUENCE, &algorithm.concat()),
        tlv(OCTET_STRING, key),
        rest.to_vec(),
    ]
    .concat();
    tlv(SEQUENCE, &content)
}

#[test]
fn what_the_tests_build_is_what_openssl_writes() {
    let integers = integers();
    assert_eq!(pkcs1(&integers), PKCS1);
    assert_eq!(pkcs8(0, &[RSA_ENCRYPTION, NULL], PKCS1, &[]), PKCS8);
    assert_eq!(
        spki(&[RSA_ENCRYPTION, NULL], &integers[N], &integers[E]),
        SPKI
    );
}

#[test]
fn numbers_that_do_not_belong_together() {
    let one = U4096::ONE;
    let two = U4096::from(2u8);
    let order = |prime: &U4096| prime.wrapping_sub(&one);
    let cases: [Case<'_>; 21] = [
        ("p q is not n", KeyError::Product, &|k| {
            k[N] = k[N].wrapping_sub(&two)
        }),
        ("p is another number", KeyError::Product, &|k| {
            k[P] = k[P].wrapping_sub(&two)
        }),
        ("p is even", KeyError::Prime, &|k| k[P] = order(&k[P])),
        ("q is even", KeyError::Prime, &|k| k[Q] = order(&k[Q])),
        ("p is a word longer", KeyError::Prime, &|k| {
            k[P] = k[P].wrapping_shl_vartime(64).wrapping_add(&one)
        }),
        ("p is a bit shorter", KeyError::Prime, &|k| {
            k[P] = k[P].wrapping_shr_vartime(1).bitor(&one)
        }),
        ("p = n and q = 1", KeyError::Prime, &|k| {
            (k[P], k[Q]) = (k[N], one)
        }),
        ("p = 0", KeyError::Prime, &|k| k[P] = U4096::ZERO),
        ("dp is another number", KeyError::Exponent1, &|k| {
            k[DP] = k[DP].wrapping_add(&two)
        }),
        ("dp is not reduced", KeyError::Exponent1, &|k| {
            k[DP] = k[DP].wrapping_add(&order(&k[P]))
        }),
        ("dp = 0", KeyError::Exponent1, &|k| k[DP] = U4096::ZERO),
        ("dp is as long as n", KeyError::Exponent1, &|k| k[DP] = k[N]),
        ("dq is another number", KeyError::Exponent2, &|k| {
            k[DQ] = k[DQ].wrapping_add(&two)
        }),
        ("dq is not reduced", KeyError::Exponent2, &|k| {
            k[DQ] = k[DQ].wrapping_add(&order(&k[Q]))
        }),
        ("d is another number", KeyError::PrivateExponent, &|k| {
            k[D] = k[D].wrapping_add(&two)
        }),
        ("d is above n", KeyError::PrivateExponent, &|k| {
            k[D] = k[D].wrapping_add(&order(&k[P]).wrapping_mul(&order(&k[Q])))
        }),
        ("d = 0", KeyError::PrivateExponent, &|k| k[D] = U4096::ZERO),
        ("d is longer than n", KeyError::PrivateExponent, &|k| {
            k[D] = k[N].wrapping_shl_vartime(64)
        }),
        (
            "the coefficient is another number",
            KeyError::Coefficient,
            &|k| k[COEFFICIENT] = k[COEFFICIENT].wrapping_add(&one),
        ),
        (
            "the coefficient is not reduced",
            KeyError::Coefficient,
            &|k| k[COEFFICIENT] = k[COEFFICIENT].wrapping_add(&k[P]),
        ),
        ("e is another prime", KeyError::Exponent1, &|k| {
            k[E] = U4096::from(65539u32)
        }),
    ];
    for (name, error, change) in cases {
        assert_eq!(pkcs1_error(change), error, "{name}");
    }
    // The primes exchanged, and all that goes with them: another encoding of the same key.
    let mut integers = integers();
    integers.swap(P, Q);
    integers.swap(DP, DQ);
    assert_eq!(
        PrivateKey::from_pkcs1_der(&pkcs1(&integers)).unwrap_err(),
        KeyError::Coefficient
    );
    let p = NonZero::new(integers[P]).unwrap();
    integers[COEFFICIENT] = integers[Q].invert_mod(&p).unwrap();
    assert!(PrivateKey::from_pkcs1_der(&pkcs1(&integers)).is_ok());
}

#[test]
fn every_inverse_of_e_below_n_is_a_private_exponent() {
    let one = U4096::ONE;
    let mut k = integers();
    let inverse = k[D];
    // Both orders of the primes: one of them is the smaller.
    for _ in 0..2 {
        let [p_order, q_order] = [P, Q].map(|prime| k[prime].wrapping_sub(&one));
        let gcd = NonZero::new(p_order.gcd_vartime(&q_order)).unwrap();
        let lambda = p_order.wrapping_mul(&q_order).div_rem_vartime(&gcd).0;
        let half = lambda.wrapping_shr_vartime(1);
        let mut d = inverse.rem_vartime(&NonZero::new(lambda).unwrap());
        let mut inverses = 0;
        while d < k[N] {
            k[D] = d;
            assert!(PrivateKey::from_pkcs1_der(&pkcs1(&k)).is_ok());
            k[D] = d.wrapping_add(&half);
            assert_eq!(
                PrivateKey::from_pkcs1_der(&pkcs1(&k)).unwrap_err(),
                KeyError::PrivateExponent
            );
            d = d.wrapping_add(&lambda);
            inverses += 1;
        }
        assert!(
            inverses >= 2,
            "modulo lcm(p - 1, q - 1), and modulo (p - 1) (q - 1)"
        );

        k.swap(P, Q);
        k.swap(DP, DQ);
        let p = NonZero::new(k[P]).unwrap();
        k[COEFFICIENT] = k[Q].invert_mod(&p).unwrap();
    }
}

#[test]
fn public_numbers_out_of_range() {
    let [n, e, ..] = integers();
    let error = |n: &U4096, e: &U4096| {
        let (n, e) = (big_endian(n), big_endian(e));
        let error = PublicKey::new(&n, &e).unwrap_err();
        // The same through every encoding.
        let (n, e) = (
            U4096::from_be_slice_truncated(&n, 4096),
            U4096::from_be_slice_truncated(&e, 4096),
        );
        let spki = spki(&[RSA_ENCRYPTION, NULL], &n, &e);
        assert_eq!(PublicKey::from_spki_der(&spki).unwrap_err(), error);
        let pkcs1_public = tlv(SEQUENCE, &[integer(&n), integer(&e)].concat());
        assert_eq!(PublicKey::from_pkcs1_der(&pkcs1_public).unwrap_err(), error);
        assert_eq!(pkcs1_error(|k| (k[N], k[E]) = (n, e)), error);
        error
    };
    // A modulus of so many bits, odd.
    for bits in [0, 1, 1024, 2047, 2049, 3071, 3073, 4095] {
        let n = U4096::ONE
            .unbounded_shl_vartime(bits)
            .wrapping_shr_vartime(1);
        let n = if bits > 1 { n.bitor(&U4096::ONE) } else { n };
        assert_eq!(error(&n, &e), KeyError::ModulusSize { bits });
    }
    for bytes in [513, 1024] {
        let mut n = vec![0xff; bytes];
        n[0] = 0x80;
        let bits = 8 * bytes as u32;
        assert_eq!(
            PublicKey::new(&n, &[1, 0, 1]),
            Err(KeyError::ModulusSize { bits })
        );
    }
    assert_eq!(
        error(&n.wrapping_sub(&U4096::ONE), &e),
        KeyError::EvenModulus
    );

    for small in [0u32, 1, 3, 17, 257, 65535] {
        let expected = KeyError::SmallExponent;
        assert_eq!(error(&n, &U4096::from(small)), expected, "{small}");
    }
    for even in [2u32, 65536, 65538] {
        assert_eq!(
            error(&n, &U4096::from(even)),
            KeyError::EvenExponent,
            "{even}"
        );
    }
    let large = U4096::ONE.wrapping_shl_vartime(256);
    assert_eq!(
        error(&n, &large.bitor(&U4096::ONE)),
        KeyError::LargeExponent
    );
    let largest = big_endian(&large.wrapping_sub(&U4096::ONE));
    assert_eq!(
        PublicKey::new(&big_endian(&n), &largest)
            .unwrap()
            .exponent(),
        largest
    );

    let mut zero_first = big_endian(&n);
    zero_first.insert(0, 0);
    assert_eq!(
        PublicKey::new(&zero_first, &[1, 0, 1]),
        Err(KeyError::LeadingZero)
    );
    assert_eq!(
        PublicKey::new(&[], &[1, 0, 1]),
        Err(KeyError::ModulusSize { bits: 0 })
    );
}

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
