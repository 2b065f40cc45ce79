// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates of custodians of the crate's own format, whose keys may be on P-256.

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Encode, Tag, Tagged};
use security_domain::x509::{Certificate, CertificateError, RecoveryCertificate, Thumbprint};

use super::{CertificateFile, Holder, HolderKey, elements, name};
use crate::kem::{self, Kind};
use crate::public::PublicKey;
use crate::report::{Outcome, Refusal};

const NEITHER: &str = "the certificate's key is neither an RSA key nor one of P-256";

impl CertificateFile {
    /// Returns the public key and the holder. The key may be RSA, or be on P-256.
    pub fn own(&self) -> Outcome<(PublicKey, Holder)> {
        match Certificate::parse(&self.der) {
            Ok(certificate) => {
                let key = PublicKey::Rsa(Box::new(certificate.public_key().clone()));
                Ok((key, Holder::of(&certificate)))
            }
            Err(CertificateError::NotRsa) => {
                let (key, holder) = parse(&self.der)
                    .map_err(|error| Refusal::file(&self.path, error.to_string()))?;
                Ok((PublicKey::Kem(key), holder))
            }
            Err(error) => Err(Refusal::file(&self.path, error)),
        }
    }

    /// Returns whether the certificate's key is of another kind than RSA.
    pub fn is_not_rsa(&self) -> bool {
        RecoveryCertificate::parse(&self.der).err() == Some(CertificateError::NotRsa)
    }
}

/// Reads a certificate of version 1 or 3 (RFC 5280 section 4.1) with a key of P-256. Extensions are
/// not interpreted, as with an RSA key.
fn parse(der: &[u8]) -> Result<(kem::PublicKey, Holder), Box<dyn std::error::Error>> {
    let encoding = CertificateError::Encoding;
    let whole = AnyRef::from_der(der)?;
    let certificate = elements(whole.value())?;
    let [signed, signed_with, signature] = certificate.as_slice() else {
        return Err(encoding.into());
    };
    let fields = elements(signed.value())?;
    let (version, fields) = match fields.split_first() {
        Some((first, rest)) if first.tag().is_context_specific() => (Some(first), rest),
        _ => (None, fields.as_slice()),
    };
    let [
        serial,
        algorithm,
        issuer,
        validity,
        subject,
        key,
        after @ ..,
    ] = fields
    else {
        return Err(encoding.into());
    };
    let tags = [
        signed,
        signed_with,
        algorithm,
        issuer,
        validity,
        subject,
        key,
    ];
    let is_der = whole.tag() == Tag::Sequence
        && tags.iter().all(|element| element.tag() == Tag::Sequence)
        && serial.tag() == Tag::Integer
        && signature.tag() == Tag::BitString
        && after.iter().all(|one| one.tag().is_context_specific());
    if !is_der {
        return Err(encoding.into());
    }
    // Version 3 is written as 2.
    let is_3 = version.is_some_and(|version| version.value() == [2, 1, 2]);
    if (version.is_some() || !after.is_empty()) && !is_3 {
        return Err(CertificateError::Version.into());
    }
    if algorithm != signed_with {
        return Err(CertificateError::SignatureAlgorithm.into());
    }
    let times = elements(validity.value())?;
    let [not_before, not_after] = times.as_slice() else {
        return Err(encoding.into());
    };
    let (not_before, not_after) = (time(not_before)?, time(not_after)?);
    if not_before > not_after {
        return Err(CertificateError::Validity.into());
    }
    let key = match kem::PublicKey::from_spki_der(&key.to_der()?) {
        Some(Ok(key)) if key.kind == Kind::P256 => key,
        Some(Err(error)) => return Err(error.into()),
        _ => return Err(NEITHER.into()),
    };
    let holder = Holder {
        thumbprint: Thumbprint::of(der),
        subject: name(&subject.to_der()?)?,
        key: HolderKey::P256,
        not_before: Some(not_before),
        not_after: Some(not_after),
    };
    Ok((key, holder))
}

/// Returns Unix seconds.
fn time(of: &AnyRef<'_>) -> Result<i64, Box<dyn std::error::Error>> {
    let since_1970 = match of.tag() {
        Tag::UtcTime => of.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => of.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(i64::try_from(since_1970.as_secs())?)
}
