// SPDX-License-Identifier: MIT OR Apache-2.0
//! The private keys in PKCS#12 (PFX, RFC 7292): encrypted PKCS#8 in a list of bags. The certificates are in
//! another list, which is encrypted as a whole; they are looked for where those of other keys are.
//!
//! The file's own checksum is not verified: a key counts only if it is that of its certificate.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use zeroize::Zeroizing;

use super::forms::Form;
use crate::certificate::elements;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const ENCRYPTED_KEY_BAG: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");

/// Returns the private keys in a file that must be DER: some programs write BER, which is not read.
pub fn keys(file: &[u8]) -> der::Result<Vec<Form>> {
    let mut keys = Vec::new();
    let parts = elements(AnyRef::from_der(file)?.value())?;
    let Some(safe) = parts.get(1).and_then(data) else {
        return Ok(keys);
    };
    for content in elements(AnyRef::from_der(safe)?.value())? {
        // What is encrypted as a whole holds certificates.
        let Some(bags) = data(&content) else {
            continue;
        };
        for bag in elements(AnyRef::from_der(bags)?.value())? {
            let bag = elements(bag.value())?;
            let [kind, value, ..] = bag.as_slice() else {
                continue;
            };
            let form = match kind.decode_as::<ObjectIdentifier>()? {
                KEY_BAG => Form::Pkcs8,
                ENCRYPTED_KEY_BAG => Form::Encrypted,
                _ => continue,
            };
            let key = AnyRef::from_der(value.value())?;
            keys.push(form(Zeroizing::new(key.to_der()?)));
        }
    }
    Ok(keys)
}

/// Returns the bytes of a `ContentInfo` that holds data.
fn data<'d>(content: &AnyRef<'d>) -> Option<&'d [u8]> {
    let parts = elements(content.value()).ok()?;
    let [kind, value] = parts.as_slice() else {
        return None;
    };
    let octets = <&OctetStringRef>::from_der(value.value()).ok()?;
    (kind.decode_as() == Ok(DATA)).then(|| octets.as_bytes())
}
