// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a recovery reads, where the strict reader refuses.

use security_domain::rsa::{KeyError, ModulusSize, PrivateKey};
use security_domain::x509::{
    Certificate, CertificateError, RecoveryCertificate, Thumbprint, Warning,
};

use crate::CERTIFICATES;
use crate::fields::*;

const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const RSASSA_PSS: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];

/// Replaces the algorithm of the key.
fn key_algorithm(fields: &mut Fields, algorithm: &[u8]) {
    let bits = fields.key[19..].to_vec();
    fields.key = tlv(SEQUENCE, [tlv(SEQUENCE, algorithm), bits].concat());
}

/// Replaces the numbers of the key.
fn key_numbers(fields: &mut Fields, modulus: &[u8], exponent: &[u8]) {
    let numbers = tlv(SEQUENCE, [tlv(2, modulus), tlv(2, exponent)].concat());
    let bits = tlv(3, [&[0][..], &numbers].concat());
    fields.key = tlv(SEQUENCE, [&fields.key[4..19], &bits].concat());
}

fn modulus() -> Vec<u8> {
    let key = PrivateKey::from_pkcs8_der(CERTIFICATES[0].1).unwrap();
    key.public_key().modulus().to_vec()
}

/// A value with this many sequences inside each other.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(vec![], |value, _| tlv(SEQUENCE, value))
}

fn parse(change: impl FnOnce(&mut Fields)) -> Result<Vec<Warning>, CertificateError> {
    let mut fields = Fields::new();
    change(&mut fields);
    let der = fields.der();
    let recovery = RecoveryCertificate::parse(&der)?;
    assert_eq!(recovery.der(), der);
    assert_eq!(recovery.thumbprint(), Thumbprint::of(&der));
    assert_eq!(recovery.subject_der(), fields.subject);
    assert_eq!(recovery.modulus(), modulus());
    assert_eq!(recovery.size(), ModulusSize::Rsa2048);
    assert_eq!(
        Certificate::parse(&der).is_ok(),
        recovery.warnings().is_empty()
    );
    Ok(recovery.warnings().iter().collect())
}

#[test]
fn what_the_strict_reader_reads_gives_no_warning() {
    for (der, _) in CERTIFICATES {
        let strict = Certificate::parse(der).unwrap();
        let recovery = RecoveryCertificate::parse(der).unwrap();
        assert!(recovery.warnings().is_empty());
        assert_eq!(recovery.modulus(), strict.public_key().modulus());
        assert_eq!(recovery.exponent(), strict.public_key().exponent());
        assert_eq!(recovery.size(), strict.public_key().size());
        assert_eq!(recovery.common_name(), strict.common_name());
        assert_eq!(recovery.not_before(), Some(strict.not_before()));
        assert_eq!(recovery.not_after(), Some(strict.not_after()));
    }
    assert_eq!(parse(|_| {}), Ok(vec![]));
}

#[test]
fn a_recovery_reads_what_nobody_uses_and_warns() {
    use Warning::*;
    let cases: [(&str, Warning, Change); 40] = [
        ("a version 1 that is written down", Version, |f| {
            f.version = tlv(0xa0, [2, 1, 0]);
        }),
        ("version 2", Version, |f| f.version = tlv(0xa0, [2, 1, 1])),
        ("version 1 with extensions", Version, |f| f.version.clear()),
        ("an empty serial number", Serial, |f| f.serial = vec![2, 0]),
        ("a serial number with a zero too many", Serial, |f| {
            f.serial = vec![2, 2, 0, 1];
        }),
        ("another algorithm inside", SignatureAlgorithm, |f| {
            f.inner_algorithm[12] = 12;
        }),
        ("no parameters outside", SignatureAlgorithm, |f| {
            f.outer_algorithm = tlv(SEQUENCE, &SHA256_WITH_RSA[2..13]);
        }),
        ("no parameters inside", SignatureAlgorithm, |f| {
            f.inner_algorithm = tlv(SEQUENCE, &SHA256_WITH_RSA[2..13]);
        }),
        ("algorithms that are empty", SignatureAlgorithm, |f| {
            f.inner_algorithm = tlv(SEQUENCE, []);
            f.outer_algorithm = tlv(SEQUENCE, []);
        }),
        ("an empty RDN in the issuer", Name, |f| f.issuer = name(&[])),
        ("an empty RDN in the subject", Name, |f| {
            f.subject = name(&[])
        }),
        ("an attribute twice", Name, |f| {
            f.subject = name(&[attribute(UTF8_STRING, "a"), attribute(UTF8_STRING, "a")]);
        }),
        ("attributes out of order", Name, |f| {
            f.subject = name(&[attribute(UTF8_STRING, "b"), attribute(UTF8_STRING, "a")]);
        }),
        ("an attribute without a value", Name, |f| {
            f.subject = name(&[tlv(SEQUENCE, COMMON_NAME)]);
        }),
        ("a value whose inside is not DER", Name, |f| {
            f.subject = name(&[tlv(
                SEQUENCE,
                [COMMON_NAME, &tlv(SEQUENCE, [4, 9])].concat(),
            )]);
        }),
        ("a value with an indefinite length", Name, |f| {
            f.issuer = name(&[tlv(SEQUENCE, [COMMON_NAME, &[0x2c, 0x80, 0, 0]].concat())]);
        }),
        ("a value of an unknown type", Name, |f| {
            f.subject = name(&[tlv(SEQUENCE, [COMMON_NAME, &[0x1d, 1, b'x']].concat())]);
        }),
        ("a name of 2,000 values inside each other", Name, |f| {
            f.subject = name(&[tlv(SEQUENCE, [COMMON_NAME, &nested(2000)].concat())]);
        }),
        ("a name that is not made of sets", Name, |f| {
            f.subject = tlv(SEQUENCE, [0xff, 0xff, 0xff]);
        }),
        ("a beginning before 1970", Validity, |f| {
            f.validity = validity((UTC_TIME, "690101000000Z"), (UTC_TIME, "331229000000Z"));
        }),
        ("both times before 1970", Validity, |f| {
            f.validity = validity(
                (GENERALIZED_TIME, "19500101000000Z"),
                (UTC_TIME, "600101000000Z"),
            );
        }),
        ("an end before the beginning", Validity, |f| {
            f.validity = validity((UTC_TIME, "331229000000Z"), (UTC_TIME, "240101000000Z"));
        }),
        ("a thirteenth month", Validity, |f| {
            f.validity = validity((UTC_TIME, "241301000000Z"), (UTC_TIME, "331229000000Z"));
        }),
        ("times without seconds", Validity, |f| {
            f.validity = validity((UTC_TIME, "2401010000Z"), (UTC_TIME, "3312290000Z"));
        }),
        ("an empty validity", Validity, |f| {
            f.validity = tlv(SEQUENCE, [])
        }),
        ("rsaEncryption without parameters", KeyAlgorithm, |f| {
            key_algorithm(f, RSA)
        }),
        ("rsaEncryption with other parameters", KeyAlgorithm, |f| {
            key_algorithm(f, &[RSA, &[4, 0]].concat());
        }),
        ("id-RSASSA-PSS without parameters", KeyAlgorithm, |f| {
            key_algorithm(f, RSASSA_PSS);
        }),
        ("id-RSASSA-PSS with parameters", KeyAlgorithm, |f| {
            let hash = [
                0xa0, 15, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0,
            ];
            key_algorithm(f, &[RSASSA_PSS, &tlv(SEQUENCE, hash)].concat());
        }),
        ("the exponent 3", Exponent, |f| {
            key_numbers(f, &[&[0][..], &modulus()].concat(), &[3]);
        }),
        ("an exponent of 2,000 bits", Exponent, |f| {
            key_numbers(f, &[&[0][..], &modulus()].concat(), &[0x7f; 250]);
        }),
        ("no extension in the list", Extensions, |f| {
            f.rest = extensions(&[])
        }),
        ("criticality false written down", Extensions, |f| {
            f.rest = extensions(&[extension(&[1, 1, 0])]);
        }),
        ("an extension that is null", Extensions, |f| {
            f.rest = extensions(&[vec![5, 0]])
        }),
        (
            "extensions of 2,000 values inside each other",
            Extensions,
            |f| {
                f.rest = tlv(0xa3, nested(2000));
            },
        ),
        ("an unknown field", Extensions, |f| f.rest.extend([0xa4, 0])),
        ("extensions twice", Extensions, |f| {
            f.rest = [&f.rest[..], &f.rest].concat()
        }),
        ("unused bits that are set", Extensions, |f| {
            f.rest = vec![0x81, 2, 7, 1]
        }),
        ("a signature of some bits", Signature, |f| {
            f.signature = tlv(3, [7, 0x80])
        }),
        (
            "a signature with unused bits that are set",
            Signature,
            |f| {
                f.signature = tlv(3, [&[3][..], &[0xff; 256]].concat());
            },
        ),
    ];
    for (name, warning, change) in cases {
        assert_eq!(parse(change), Ok(vec![warning]), "{name}");
    }
}

#[test]
fn all_at_once_is_read_too() {
    let warnings = parse(|f| {
        f.version.clear();
        f.serial = vec![2, 0];
        f.inner_algorithm[12] = 12;
        f.subject = name(&[]);
        f.validity = tlv(SEQUENCE, []);
        key_numbers(f, &[&[0][..], &modulus()].concat(), &[3]);
        key_algorithm(f, RSASSA_PSS);
        f.rest = extensions(&[]);
        f.signature = tlv(3, [7, 0x80]);
    });
    let warnings = warnings.unwrap();
    assert_eq!(warnings.len(), 9);
    let texts: std::collections::BTreeSet<_> = warnings.iter().map(Warning::to_string).collect();
    assert_eq!(texts.len(), 9);
}

#[test]
fn each_time_is_read_on_its_own() {
    let times = |from, to| {
        let mut fields = Fields::new();
        fields.validity = validity(from, to);
        let der = fields.der();
        let recovery = RecoveryCertificate::parse(&der).unwrap();
        (recovery.not_before(), recovery.not_after())
    };
    let (early, first, second) = (
        (UTC_TIME, "690101000000Z"),
        (UTC_TIME, "700101000001Z"),
        (UTC_TIME, "700101000002Z"),
    );
    assert_eq!(times(first, second), (Some(1), Some(2)));
    assert_eq!(times(second, first), (Some(2), Some(1)));
    assert_eq!(times(early, second), (None, Some(2)));
    assert_eq!(times(first, early), (Some(1), None));
}

#[test]
fn what_is_not_der_on_the_way_to_the_key_is_refused() {
    use CertificateError::*;
    let cases: [(&str, CertificateError, Change); 16] = [
        ("no serial number", Encoding, |f| f.serial.clear()),
        ("a serial number that is a string", Encoding, |f| {
            f.serial = vec![4, 1, 1]
        }),
        ("an issuer that is a set", Encoding, |f| f.issuer[0] = SET),
        ("a subject that is cut", Encoding, |f| f.subject.truncate(9)),
        ("a validity that is null", Encoding, |f| {
            f.validity = vec![5, 0]
        }),
        ("a validity with a long length", Encoding, |f| {
            f.validity = [&[0x30, 0x81][..], &f.validity[1..]].concat();
        }),
        ("a subject with an indefinite length", Encoding, |f| {
            f.subject = vec![0x30, 0x80, 0, 0]
        }),
        ("a field after the key that is cut", Encoding, |f| {
            f.rest = vec![0xa3, 9]
        }),
        ("a signature that is a string", Encoding, |f| {
            f.signature[0] = 4
        }),
        ("two signatures", TrailingData, |f| {
            f.signature = [&f.signature[..], &f.signature].concat();
        }),
        ("an elliptic curve key", NotRsa, |f| {
            key_algorithm(f, &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
        }),
        (
            "a key of 2040 bits",
            Key(KeyError::ModulusSize { bits: 2040 }),
            |f| {
                key_numbers(f, &[&[0][..], &[0xff; 255]].concat(), &[1, 0, 1]);
            },
        ),
        ("an even modulus", Key(KeyError::EvenModulus), |f| {
            key_numbers(f, &[&[0][..], &[0xfe; 256]].concat(), &[1, 0, 1]);
        }),
        ("a negative modulus", Encoding, |f| {
            key_numbers(f, &modulus(), &[1, 0, 1])
        }),
        ("a number after the exponent", TrailingData, |f| {
            let key = &f.key[28..];
            let numbers = tlv(SEQUENCE, [key, &[2, 1, 1]].concat());
            let bits = tlv(3, [&[0][..], &numbers].concat());
            f.key = tlv(SEQUENCE, [&f.key[4..19], &bits].concat());
        }),
        ("a key of some bits", Encoding, |f| f.key[23] = 1),
    ];
    for (name, error, change) in cases {
        assert_eq!(parse(change), Err(error), "{name}");
    }
    let der = Fields::new().der();
    for end in 0..der.len() {
        assert!(RecoveryCertificate::parse(&der[..end]).is_err(), "{end}");
    }
    let long = [&der[..], &[0]].concat();
    assert_eq!(RecoveryCertificate::parse(&long).unwrap_err(), TrailingData);
}
