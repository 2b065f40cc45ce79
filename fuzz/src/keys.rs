// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys and certificates in DER: what is read is the one encoding of what it says.

use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::x509::{Certificate, RecoveryCertificate};

/// Every reader of a key.
pub fn der_keys(data: &[u8]) {
    let mut out = [0; PrivateKey::PKCS8_MAX_LEN];
    if let Ok(key) = PublicKey::from_spki_der(data) {
        let len = key.to_spki_der(&mut out).unwrap();
        assert_eq!(&out[..len], data);
    }
    if let Ok(key) = PublicKey::from_pkcs1_der(data) {
        let len = key.to_spki_der(&mut out).unwrap();
        assert!(out[..len].ends_with(data));
        assert_eq!(PublicKey::from_spki_der(&out[..len]), Ok(key));
    }
    if let Ok(key) = PrivateKey::from_pkcs1_der(data) {
        let len = key.to_pkcs8_der(&mut out).unwrap();
        assert!(out[..len].ends_with(data));
    }
    if let Ok(key) = PrivateKey::from_pkcs8_der(data) {
        let len = key.to_pkcs8_der(&mut out).unwrap();
        // Attributes are read over, and not written.
        assert!(&out[..len] == data || len < data.len());
        let again = PrivateKey::from_pkcs8_der(&out[..len]).unwrap();
        assert_eq!(again.public_key(), key.public_key());
    }
}

/// The two readers of a certificate: what the strict one reads, that for recoveries reads without a
/// warning.
pub fn certificate(data: &[u8]) {
    let recovery = RecoveryCertificate::parse(data);
    if let Ok(recovery) = &recovery {
        assert_eq!(recovery.der(), data);
        assert_eq!(recovery.modulus().len(), recovery.size().bytes());
        assert!(recovery.warnings().iter().count() <= 9);
    }
    let Ok(certificate) = Certificate::parse(data) else {
        return;
    };
    let recovery = recovery.unwrap();
    assert!(recovery.warnings().is_empty());
    assert_eq!(recovery.modulus(), certificate.public_key().modulus());
    assert_eq!(recovery.exponent(), certificate.public_key().exponent());
    assert_eq!(recovery.common_name(), certificate.common_name());
    assert_eq!(recovery.not_after(), Some(certificate.not_after()));
    assert_eq!(certificate.der(), data);
    assert!(
        data.windows(certificate.subject_der().len())
            .any(|w| w == certificate.subject_der())
    );
    let key = certificate.public_key();
    assert!(
        data.windows(key.modulus().len())
            .any(|window| window == key.modulus())
    );
}
