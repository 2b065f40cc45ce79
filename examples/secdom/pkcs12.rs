// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#12 (PFX, RFC 7292): bags with keys, each encrypted or not, and bags with certificates, in parts of
//! which some are encrypted as a whole.
//!
//! The file's own checksum is not verified: a key counts only if it is that of its certificate.

use der::asn1::{AnyRef, ObjectIdentifier, OctetString, OctetStringRef};
use der::{Decode, Encode};

use crate::certificate::elements;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");

/// The command that takes the certificates out of a file.
pub const TAKE_CERTIFICATES: &str =
    "take the certificate out of it with: openssl pkcs12 -in FILE.pfx -clcerts -nokeys -out A.cer";

/// The commands for an encryption that is not read.
pub const CONVERT: &str = "take key and certificate out of it with: openssl pkcs12 -legacy -in FILE.pfx -nocerts \
     -out A.key; openssl pkcs12 -legacy -in FILE.pfx -clcerts -nokeys -out A.cer";

/// A part of a file.
pub enum Part<'d> {
    /// Bags, in DER.
    Plain(&'d [u8]),
    /// Encrypted bags, in the form of an encrypted private key (RFC 5958).
    Encrypted(Vec<u8>),
}

/// Returns the parts of a file that must be DER: some programs write BER, which is not read. Parts of other
/// kinds, which are encrypted to a public key, are left out.
pub fn parts(file: &[u8]) -> der::Result<Vec<Part<'_>>> {
    let fields = elements(AnyRef::from_der(file)?.value())?;
    let Some(safe) = fields.get(1).and_then(data) else {
        return Ok(Vec::new());
    };
    let parts = elements(AnyRef::from_der(safe)?.value())?;
    Ok(parts.into_iter().filter_map(part).collect())
}

fn part(of: AnyRef<'_>) -> Option<Part<'_>> {
    match data(&of) {
        Some(bags) => Some(Part::Plain(bags)),
        None => encrypted(&of).map(Part::Encrypted),
    }
}

/// Returns the kind and the contents of each bag.
pub fn bags(bags: &[u8]) -> der::Result<Vec<(ObjectIdentifier, AnyRef<'_>)>> {
    let mut all = Vec::new();
    for bag in elements(AnyRef::from_der(bags)?.value())? {
        if let [kind, value, ..] = elements(bag.value())?.as_slice() {
            all.push((kind.decode_as()?, AnyRef::from_der(value.value())?));
        }
    }
    Ok(all)
}

/// Returns the bytes of a `ContentInfo` that holds data.
fn data<'d>(content: &AnyRef<'d>) -> Option<&'d [u8]> {
    let octets = <&OctetStringRef>::from_der(contents(content, DATA)?).ok()?;
    Some(octets.as_bytes())
}

/// Returns the algorithm and the ciphertext of a `ContentInfo` that holds encrypted data (RFC 5652 section 8).
fn encrypted(content: &AnyRef<'_>) -> Option<Vec<u8>> {
    let data = AnyRef::from_der(contents(content, ENCRYPTED_DATA)?).ok()?;
    // A version, then the kind of the contents, the algorithm, and `[0] IMPLICIT OCTET STRING`.
    let data = elements(data.value()).ok()?;
    let info = elements(data.get(1)?.value()).ok()?;
    let [_kind, algorithm, text] = info.as_slice() else {
        return None;
    };
    let mut inner = algorithm.to_der().ok()?;
    { OctetString::new(text.value()).ok()? }
        .encode_to_vec(&mut inner)
        .ok()?;
    AnyRef::new(der::Tag::Sequence, &inner).ok()?.to_der().ok()
}

/// Returns what a `ContentInfo` of this kind holds, in DER.
fn contents<'d>(content: &AnyRef<'d>, of: ObjectIdentifier) -> Option<&'d [u8]> {
    let fields = elements(content.value()).ok()?;
    match fields.as_slice() {
        [kind, value] if kind.decode_as() == Ok(of) => Some(value.value()),
        _ => None,
    }
}
