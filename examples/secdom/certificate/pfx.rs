// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates in PKCS#12, in a part that is encrypted as a whole or in one that is not.

use der::Decode;
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use zeroize::Zeroizing;

use super::elements;
use crate::key::{self, Lock};
use crate::pkcs12::{Part, bags, parts};
use crate::report::Outcome;

const CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");

/// The most parts of a file: each may need a slow derivation.
const MOST: usize = 16;

type Ders = Vec<Zeroizing<Vec<u8>>>;

/// Returns the certificates in a file that are not encrypted.
pub fn plain(file: &[u8]) -> Ders {
    let parts = parts(file).unwrap_or_default();
    let of_part = |part| match part {
        Part::Plain(bags) => certificates(bags).ok(),
        Part::Encrypted(_) => None,
    };
    parts.into_iter().filter_map(of_part).flatten().collect()
}

/// Decrypts the certificates in a file that are encrypted.
pub fn encrypted(file: &[u8], lock: &mut Lock<'_>) -> Outcome<Ders> {
    let parts = parts(file).unwrap_or_default();
    if parts.len() > MOST {
        return Err(lock.refuse(format!(
            "holds more than {MOST} lists of certificates and keys"
        )));
    }
    let mut all = Vec::new();
    for part in parts {
        let Part::Encrypted(part) = part else {
            continue;
        };
        let bags = key::decrypt(&part, lock)?;
        let found = certificates(&bags);
        all.extend(found.map_err(|_| lock.refuse("its certificates are not in DER"))?);
    }
    Ok(all)
}

fn certificates(part: &[u8]) -> der::Result<Ders> {
    let mut all = Vec::new();
    for (kind, value) in bags(part)? {
        if kind == CERTIFICATE
            && let [kind, value] = elements(value.value())?.as_slice()
            && kind.decode_as() == Ok(X509)
        {
            let der = AnyRef::from_der(value.value())?.decode_as::<&OctetStringRef>()?;
            all.push(Zeroizing::new(der.as_bytes().to_vec()));
        }
    }
    Ok(all)
}
