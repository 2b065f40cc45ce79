// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private keys in PKCS#12: PKCS#8, mostly encrypted.

use der::Encode;
use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::forms::Form;
use crate::pkcs12::{Part, bags, parts};

const KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const ENCRYPTED_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");

/// Returns the private keys in a file. A part that is encrypted as a whole holds certificates.
pub fn keys(file: &[u8]) -> der::Result<Vec<Form>> {
    let mut keys = Vec::new();
    for part in parts(file)? {
        let Part::Plain(part) = part else {
            continue;
        };
        for (kind, key) in bags(part)? {
            let form = match kind {
                KEY => Form::Pkcs8,
                ENCRYPTED_KEY => Form::Encrypted,
                _ => continue,
            };
            keys.push(form(Zeroizing::new(key.to_der()?)));
        }
    }
    Ok(keys)
}
