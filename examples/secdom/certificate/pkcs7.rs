// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates in PKCS#7 (P7B), which is CMS: the signed data of RFC 5652 section 5.1 without signers. No
//! signature is checked, as for any other file with certificates.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Class, Decode, Encode, Tag, Tagged};
use zeroize::Zeroizing;

use super::elements;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// Returns the certificates in `der`, which must be DER: some programs write BER, which is not read.
pub fn certificates(der: &[u8]) -> Option<Vec<Zeroizing<Vec<u8>>>> {
    let info = elements(AnyRef::from_der(der).ok()?.value()).ok()?;
    let [kind, content] = info.as_slice() else {
        return None;
    };
    if kind.decode_as() != Ok(SIGNED_DATA) || !is_field(content, 0) {
        return None;
    }
    let signed = elements(AnyRef::from_der(content.value()).ok()?.value()).ok()?;
    // Version, digest algorithms, contents; then the certificates, and what is of no concern here.
    let list = { signed.iter().skip(3) }.find(|field| is_field(field, 0))?;
    let certificates = elements(list.value()).ok()?.into_iter();
    // The others are attribute certificates and older forms.
    let certificates = certificates.filter(|one| one.tag() == Tag::Sequence);
    certificates
        .map(|one| one.to_der().ok().map(Zeroizing::new))
        .collect()
}

/// Returns whether this is the field with a number, `[number]`.
fn is_field(element: &AnyRef<'_>, number: u32) -> bool {
    let tag = element.tag();
    tag.class() == Class::ContextSpecific && tag.number().value() == number
}
