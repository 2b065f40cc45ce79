// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates of openssl, and our own.

use std::num::NonZeroU64;

use getrandom::SysRng;
use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::x509::{
    Certificate, CertificateError, SELF_SIGNED_MAX_LEN, SelfSigned, SelfSignedError, Thumbprint,
    write_self_signed,
};

use crate::CERTIFICATES;

const CONTENT: SelfSigned<'_> = SelfSigned {
    common_name: "transfer-key",
    serial: NonZeroU64::MIN,
    not_before: 1_700_000_000,
    not_after: 1_731_536_000,
};

#[test]
fn a_certificate_of_openssl_carries_its_key() {
    for (der, key) in CERTIFICATES {
        let certificate = Certificate::parse(der).unwrap();
        let key = PrivateKey::from_pkcs8_der(key).unwrap();
        assert_eq!(certificate.public_key(), key.public_key());
        assert_eq!(certificate.der(), der);
        assert_eq!(certificate.thumbprint(), Thumbprint::of(der));
        let bits = key.public_key().size().bits();
        assert_eq!(
            certificate.common_name(),
            Some(&*format!("custodian {bits}"))
        );
        assert_eq!(
            certificate.not_after() - certificate.not_before(),
            3650 * 86400
        );
    }
}

#[test]
fn a_thumbprint_is_shown_as_the_files_write_it() {
    // RFC 7515 appendix C has the alphabet; python3: base64.urlsafe_b64encode(bytes(range(224, 256))).
    let digest: [u8; 32] = core::array::from_fn(|i| 224 + i as u8);
    assert_eq!(
        Thumbprint::new(digest).to_string(),
        "4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8"
    );
}

#[test]
fn a_written_certificate_is_read_again_and_verifies() {
    for (_, key) in CERTIFICATES {
        let key = PrivateKey::from_pkcs8_der(key).unwrap();
        let mut out = [0; SELF_SIGNED_MAX_LEN];
        let len = write_self_signed(&key, &CONTENT, &mut SysRng, &mut out).unwrap();
        let certificate = Certificate::parse(&out[..len]).unwrap();
        assert_eq!(certificate.public_key(), key.public_key());
        assert_eq!(certificate.common_name(), Some("transfer-key"));
        assert_eq!(certificate.serial(), [1]);
        assert_eq!(certificate.not_before(), CONTENT.not_before);
        assert_eq!(certificate.not_after(), CONTENT.not_after);

        // The first element of the outer sequence is what is signed.
        let signed_len = 4 + usize::from(u16::from_be_bytes([out[6], out[7]]));
        let signature = &out[len - key.public_key().size().bytes()..len];
        let signed = &out[4..4 + signed_len];
        assert_eq!(
            key.public_key().verify_pkcs1v15_sha256(signed, signature),
            Ok(())
        );

        // The same input gives the same bytes, in an output of exactly their length too, and of none less.
        let mut again = vec![0; len];
        assert_eq!(
            write_self_signed(&key, &CONTENT, &mut SysRng, &mut again),
            Ok(len)
        );
        assert_eq!(again, out[..len]);
        let short = &mut again[1..];
        assert_eq!(
            write_self_signed(&key, &CONTENT, &mut SysRng, short),
            Err(SelfSignedError::BufferTooSmall)
        );
    }
}

#[test]
fn the_longest_certificate_fits() {
    let key = PrivateKey::from_pkcs8_der(CERTIFICATES[2].1).unwrap();
    let name = "n".repeat(64);
    let content = SelfSigned {
        common_name: &name,
        serial: NonZeroU64::MAX,
        // Both in the form with four digits of the year: 2050 and the end of 9999.
        not_before: 2_524_608_000,
        not_after: 253_402_300_799,
    };
    let mut out = [0; SELF_SIGNED_MAX_LEN];
    let len = write_self_signed(&key, &content, &mut SysRng, &mut out).unwrap();
    // An exponent of 32 bytes would take 29 more, those of the key's two lengths included.
    assert!(len + 31 <= SELF_SIGNED_MAX_LEN);
    let certificate = Certificate::parse(&out[..len]).unwrap();
    assert_eq!(certificate.not_before(), content.not_before);
    assert_eq!(certificate.not_after(), content.not_after);
    assert_eq!(
        certificate.serial(),
        [0, 255, 255, 255, 255, 255, 255, 255, 255]
    );
}

#[test]
fn what_cannot_be_written_is_named() {
    let key = PrivateKey::from_pkcs8_der(CERTIFICATES[0].1).unwrap();
    let long = "n".repeat(65);
    let cases = [
        (
            SelfSigned {
                common_name: "",
                ..CONTENT
            },
            SelfSignedError::CommonName,
        ),
        (
            SelfSigned {
                common_name: &long,
                ..CONTENT
            },
            SelfSignedError::CommonName,
        ),
        (
            SelfSigned {
                not_before: -1,
                ..CONTENT
            },
            SelfSignedError::Validity,
        ),
        (
            SelfSigned {
                not_after: 0,
                ..CONTENT
            },
            SelfSignedError::Validity,
        ),
        (
            SelfSigned {
                not_after: 253_402_300_800,
                ..CONTENT
            },
            SelfSignedError::Validity,
        ),
    ];
    for (content, error) in cases {
        let mut out = [0; SELF_SIGNED_MAX_LEN];
        assert_eq!(
            write_self_signed(&key, &content, &mut SysRng, &mut out),
            Err(error)
        );
    }
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    let der = CERTIFICATES[0].0;
    for len in 0..der.len() {
        assert_eq!(
            Certificate::parse(&der[..len]).unwrap_err(),
            CertificateError::Encoding,
            "{len}"
        );
    }
    let mut long = der.to_vec();
    long.push(0);
    assert_eq!(
        Certificate::parse(&long).unwrap_err(),
        CertificateError::TrailingData
    );
}

#[test]
fn a_key_alone_is_no_certificate() {
    let key = PrivateKey::from_pkcs8_der(CERTIFICATES[0].1).unwrap();
    let mut out = [0; PublicKey::SPKI_MAX_LEN];
    let len = key.public_key().to_spki_der(&mut out).unwrap();
    assert_eq!(
        Certificate::parse(&out[..len]).unwrap_err(),
        CertificateError::Encoding
    );
}
