// SPDX-License-Identifier: MIT OR Apache-2.0
//! Malformed keys, each with one defect, and the error that names it.
#![cfg(feature = "sealed-domain")]

mod numbers;
mod structures;

use crypto_bigint::{NonZero, U4096};
use der::asn1::UintRef;
use der::{Reader, SliceReader};
use security_domain::rsa::{KeyError, PrivateKey, PublicKey};

const PKCS1: &[u8] = include_bytes!("../vectors/rsa/keys/2048.pkcs1.der");
const PKCS8: &[u8] = include_bytes!("../vectors/rsa/keys/2048.pkcs8.der");
const SPKI: &[u8] = include_bytes!("../vectors/rsa/keys/2048.spki.der");

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
