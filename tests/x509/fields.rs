// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates made field by field, so that each field can be wrong on its own.

use security_domain::rsa::{PrivateKey, PublicKey};

use crate::CERTIFICATES;

/// A certificate of the first key, field by field, so that each can be wrong on its own.
pub struct Fields {
    pub version: Vec<u8>,
    pub serial: Vec<u8>,
    pub inner_algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub validity: Vec<u8>,
    pub subject: Vec<u8>,
    pub key: Vec<u8>,
    pub rest: Vec<u8>,
    pub outer_algorithm: Vec<u8>,
    pub signature: Vec<u8>,
}

pub const SHA256_WITH_RSA: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00,
];
pub const KEY_USAGE: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x0f];
pub const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// 2.25 and a number of 128 bits, all ones (X.667 section 7).
pub const UUID: &[u8] = &[
    0x06, 20, 0x69, 0x83, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
];

pub const UTF8_STRING: u8 = 0x0c;
pub const PRINTABLE_STRING: u8 = 0x13;
pub const UTC_TIME: u8 = 0x17;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

pub fn tlv(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = vec![tag];
    match content.len() {
        len @ 0..0x80 => out.push(len as u8),
        len @ 0x80..0x100 => out.extend([0x81, len as u8]),
        len => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend(content);
    out
}

pub fn attribute(tag: u8, value: &str) -> Vec<u8> {
    tlv(SEQUENCE, [COMMON_NAME, &tlv(tag, value)].concat())
}

pub fn name(attributes: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, tlv(SET, attributes.concat()))
}

pub fn validity(from: (u8, &str), to: (u8, &str)) -> Vec<u8> {
    tlv(SEQUENCE, [tlv(from.0, from.1), tlv(to.0, to.1)].concat())
}

pub fn extensions(list: &[Vec<u8>]) -> Vec<u8> {
    tlv(0xa3, tlv(SEQUENCE, list.concat()))
}

pub fn extension(critical: &[u8]) -> Vec<u8> {
    tlv(
        SEQUENCE,
        [KEY_USAGE, critical, &tlv(4, [3, 2, 5, 0x20])].concat(),
    )
}

impl Fields {
    pub fn new() -> Self {
        let mut key = [0; PublicKey::SPKI_MAX_LEN];
        let len = PrivateKey::from_pkcs8_der(CERTIFICATES[0].1)
            .unwrap()
            .public_key()
            .to_spki_der(&mut key)
            .unwrap();
        Self {
            version: tlv(0xa0, [2, 1, 2]),
            serial: vec![2, 1, 1],
            inner_algorithm: SHA256_WITH_RSA.to_vec(),
            issuer: name(&[attribute(UTF8_STRING, "issuer")]),
            validity: validity((UTC_TIME, "240101000000Z"), (UTC_TIME, "331229000000Z")),
            subject: name(&[attribute(UTF8_STRING, "subject")]),
            key: key[..len].to_vec(),
            rest: extensions(&[extension(&[1, 1, 0xff])]),
            outer_algorithm: SHA256_WITH_RSA.to_vec(),
            signature: tlv(3, [0; 257]),
        }
    }

    pub fn der(&self) -> Vec<u8> {
        let signed = [
            &self.version[..],
            &self.serial,
            &self.inner_algorithm,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.key,
            &self.rest,
        ]
        .concat();
        tlv(
            SEQUENCE,
            [
                tlv(SEQUENCE, signed),
                self.outer_algorithm.clone(),
                self.signature.clone(),
            ]
            .concat(),
        )
    }
}

/// What a case changes in the certificate.
pub type Change = fn(&mut Fields);
