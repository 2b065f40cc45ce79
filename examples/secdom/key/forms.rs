// SPDX-License-Identifier: MIT OR Apache-2.0
//! The forms in which a file holds private keys.

use std::path::Path;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Tag, Tagged};
use zeroize::Zeroizing;

use super::{Key, Lock, encryption, numbers, old, pfx, seed};
use crate::certificate::elements;
use crate::kind::{self, FileKind};
use crate::report::{Outcome, Refusal};
use crate::{kem, pem, pkcs12, show};

/// `rsaEncryption` and `id-RSASSA-PSS`. Their keys are of the same form, and what parameters there
/// are does not concern decryption.
const RSA: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"),
];

/// The most keys in a file: each may need a slow derivation.
const MOST: usize = 16;

/// A private key as it is in the file.
pub enum Form {
    Pkcs8(Zeroizing<Vec<u8>>),
    Pkcs1(Zeroizing<Vec<u8>>),
    /// `ECPrivateKey` by itself (RFC 5915 section 4).
    Elliptic(Zeroizing<Vec<u8>>),
    /// PKCS#8, encrypted.
    Encrypted(Zeroizing<Vec<u8>>),
    /// PKCS#1 or `ECPrivateKey`, encrypted in PEM, with the headers that say how.
    Old {
        headers: Vec<u8>,
        body: Zeroizing<Vec<u8>>,
        is_elliptic: bool,
    },
    /// Anything else that calls itself a private key, with its label.
    Other(String),
}

/// Returns the private keys in a file, at least one.
pub fn forms(path: &Path, bytes: &[u8]) -> Outcome<Vec<Form>> {
    let mut forms = Vec::new();
    for block in pem::blocks(bytes) {
        if !block.label.ends_with("PRIVATE KEY") {
            continue;
        }
        let der = block.decode();
        let der =
            der.ok_or_else(|| Refusal::file(path, "the private key's PEM block is not base64"))?;
        forms.push(match block.label {
            label @ ("RSA PRIVATE KEY" | "EC PRIVATE KEY") if !block.headers.is_empty() => {
                Form::Old {
                    headers: block.headers.to_vec(),
                    body: der,
                    is_elliptic: label.starts_with("EC"),
                }
            }
            "PRIVATE KEY" => Form::Pkcs8(der),
            "RSA PRIVATE KEY" => Form::Pkcs1(der),
            "EC PRIVATE KEY" => Form::Elliptic(der),
            "ENCRYPTED PRIVATE KEY" => Form::Encrypted(der),
            other => Form::Other(other.into()),
        });
    }
    if forms.is_empty() {
        forms.extend(of_der(Zeroizing::new(bytes.to_vec())));
    }
    if forms.is_empty() {
        forms.extend(pem::base64(bytes).map(of_der).unwrap_or_default());
    }
    if forms.len() > MOST {
        return Err(Refusal::file(
            path,
            format!("holds more than {MOST} private keys"),
        ));
    }
    if forms.is_empty() {
        if pkcs12::parts(bytes).is_ok_and(|parts| !parts.is_empty()) {
            let error = "is a PKCS#12 file (PFX) without a private key";
            return Err(Refusal::file(path, error));
        }
        let error = "holds no private key in PEM or DER";
        return Err(kind::refusal(path, bytes, &FileKind::PrivateKey, error));
    }
    Ok(forms)
}

/// Returns the form of a key in DER, or those of the keys in PKCS#12.
fn of_der(der: Zeroizing<Vec<u8>>) -> Vec<Form> {
    match FileKind::of(&der) {
        FileKind::Pfx => pfx::keys(&der).unwrap_or_default(),
        FileKind::EncryptedKey => vec![Form::Encrypted(der)],
        // The version, then the algorithm, the modulus or the scalar.
        FileKind::PrivateKey => {
            let items = AnyRef::from_der(&der).and_then(|all| elements(all.value()));
            let second = items.map(|items| items.get(1).map(Tagged::tag));
            vec![match second {
                Ok(Some(Tag::Sequence)) => Form::Pkcs8(der),
                Ok(Some(Tag::OctetString)) => Form::Elliptic(der),
                _ => Form::Pkcs1(der),
            }]
        }
        _ => Vec::new(),
    }
}

impl Form {
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypted(_) | Self::Old { .. })
    }

    /// Opens the key.
    pub fn open(&self, lock: &mut Lock<'_>) -> Outcome<Key> {
        match self {
            Self::Pkcs8(der) => pkcs8(der, lock),
            Self::Pkcs1(der) => numbers::read(der, lock),
            Self::Elliptic(der) => seed::elliptic(der, None, lock),
            Self::Encrypted(der) => pkcs8(&encryption::decrypt(der, lock)?, lock),
            Self::Old {
                headers,
                body,
                is_elliptic,
            } => {
                let der = old::decrypt(headers, body, lock)?;
                match is_elliptic {
                    true => seed::elliptic(&der, None, lock),
                    false => numbers::read(&der, lock),
                }
            }
            Self::Other(label) => {
                let convert = FileKind::Pem(label.into()).remedy();
                let convert = convert.map_or(String::new(), |how| format!("; {how}"));
                let label = show::text(label);
                Err(lock.refuse(format!("holds no RSA private key, but {label}{convert}")))
            }
        }
    }
}

/// Reads PKCS#8 (RFC 5958).
fn pkcs8(der: &[u8], lock: &Lock<'_>) -> Outcome<Key> {
    let parsed = AnyRef::from_der(der).and_then(|all| elements(all.value()));
    let malformed = |_| lock.refuse("the private key is not PKCS#8 in DER");
    let parsed = parsed.map_err(malformed)?;
    let [_version, algorithm, key, ..] = parsed.as_slice() else {
        return Err(lock.refuse("the private key is not PKCS#8 in DER"));
    };
    let algorithm = elements(algorithm.value()).map_err(malformed)?;
    let oid = |place: usize| {
        let oid: Option<&AnyRef<'_>> = algorithm.get(place);
        oid.and_then(|oid| oid.decode_as::<ObjectIdentifier>().ok())
    };
    let kind = oid(0);
    if let Some(read) = kem::PrivateKey::from_pkcs8_der(der) {
        return read.map(Key::Kem).map_err(|error| lock.refuse(error));
    }
    match kind {
        Some(seed::ELLIPTIC) => return seed::elliptic(key.value(), oid(1), lock),
        Some(seed::ML_KEM_1024) => return seed::lattice(key.value(), lock),
        Some(kind) if !RSA.contains(&kind) => {
            let other = match kind.to_string().as_str() {
                "1.3.101.112" => "an Ed25519 key".into(),
                "2.16.840.1.101.3.4.4.1" => "an ML-KEM-512 key".into(),
                "2.16.840.1.101.3.4.4.2" => "an ML-KEM-768 key".into(),
                other => format!("one of algorithm {other}"),
            };
            return Err(lock.refuse(format!("holds no RSA private key, but {other}")));
        }
        _ => {}
    }
    numbers::read(key.value(), lock)
}
