// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys of P-256 and ML-KEM-1024 as other programs write them: the seed is taken, and what
//! stands beside it must belong to it.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Tag, TagNumber, Tagged};

use super::{Key, Lock};
use crate::certificate::elements;
use crate::kem::{Kind, PrivateKey};
use crate::report::Outcome;

pub const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub const ML_KEM_1024: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.3");

const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// The curves that are often met, to be named.
const CURVES: [(&str, &str); 3] = [
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
];

/// Reads an `ECPrivateKey` (RFC 5915 section 3), whose curve PKCS#8 names outside it. Its public
/// key may be absent.
pub fn elliptic(der: &[u8], curve: Option<ObjectIdentifier>, lock: &Lock<'_>) -> Outcome<Key> {
    let malformed = |_| lock.refuse("the private key is not an ECPrivateKey in DER");
    let parts =
        { AnyRef::from_der(der).and_then(|all| elements(all.value())) }.map_err(malformed)?;
    let [_version, scalar, others @ ..] = parts.as_slice() else {
        return Err(lock.refuse("the private key is not an ECPrivateKey in DER"));
    };
    let tagged = |number: u32| {
        let tag = Tag::ContextSpecific {
            constructed: true,
            number: TagNumber(number),
        };
        others.iter().find(|part| part.tag() == tag)
    };
    let inner = tagged(0).map(|part| ObjectIdentifier::from_der(part.value()));
    let inner = inner.transpose().map_err(malformed)?;
    match curve.or(inner) {
        Some(P256) => {}
        Some(other) => return Err(lock.refuse(of_other_curve(other))),
        None => return Err(lock.refuse("holds a key on an elliptic curve that it does not name")),
    }
    let scalar = { scalar.decode_as::<&OctetStringRef>() }.map_err(malformed)?;
    let key = PrivateKey::from_seed(Kind::P256, scalar.as_bytes());
    let key = key.map_err(|error| lock.refuse(error))?;
    if let Some(public) = tagged(1) {
        let public = BitStringRef::from_der(public.value()).map_err(malformed)?;
        let own = key.public_key().map_err(|error| lock.refuse(error))?;
        if !is_point(public.raw_bytes(), own.spki_der()) {
            return Err(lock.refuse("the public key beside the private key is another one"));
        }
    }
    Ok(Key::Kem(key))
}

/// Returns whether `point`, compressed or not, is the one at the end of `spki`.
fn is_point(point: &[u8], spki: &[u8]) -> bool {
    match point {
        [sign @ (2 | 3), x @ ..] => {
            let own = spki.last_chunk::<64>().map(|own| own.split_at(32));
            own.is_some_and(|(own_x, own_y)| own_x == x && own_y[31] & 1 == sign & 1)
        }
        [4, ..] => point.len() == 65 && spki.ends_with(point),
        _ => false,
    }
}

fn of_other_curve(curve: ObjectIdentifier) -> String {
    let curve = curve.to_string();
    let name = CURVES.iter().find(|(oid, _)| *oid == curve);
    let name = name.map_or(curve.as_str(), |(_, name)| name);
    format!("holds a key on the elliptic curve {name}, and only P-256 serves")
}

/// The length of the expanded key (FIPS 203 section 8, table 3), and where in it the public key and
/// `z` are.
const EXPANDED: usize = 3168;
const PUBLIC: std::ops::Range<usize> = 1536..3104;
const Z: std::ops::RangeFrom<usize> = 3136..;

/// Reads an `ML-KEM-1024-PrivateKey` (RFC 9935 section 6): the seed, the expanded key, or both.
pub fn lattice(der: &[u8], lock: &Lock<'_>) -> Outcome<Key> {
    let malformed = || lock.refuse("the private key is not an ML-KEM-1024-PrivateKey in DER");
    let form = AnyRef::from_der(der).map_err(|_| malformed())?;
    let both = Tag::Sequence;
    let (seed, expanded) = if form.tag() == both {
        match elements(form.value()).as_deref() {
            Ok([seed, expanded]) if expanded.tag() == Tag::OctetString => {
                (seed.value(), Some(expanded.value()))
            }
            _ => return Err(malformed()),
        }
    } else if form.tag() == Tag::OctetString {
        let reason = "holds the expanded ML-KEM-1024 key without its seed; write it with the seed";
        return Err(lock.refuse(reason));
    } else {
        (form.value(), None)
    };
    let key = PrivateKey::from_seed(Kind::MlKem1024, seed).map_err(|error| lock.refuse(error))?;
    if let Some(expanded) = expanded {
        let own = key.public_key().map_err(|error| lock.refuse(error))?;
        let belongs = expanded.len() == EXPANDED
            && own.spki_der().ends_with(&expanded[PUBLIC])
            && seed.ends_with(&expanded[Z]);
        if !belongs {
            return Err(lock.refuse("the expanded key beside the seed is another one"));
        }
    }
    Ok(Key::Kem(key))
}
