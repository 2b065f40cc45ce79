// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates made field by field: what is read, and what is refused.

use security_domain::rsa::KeyError;
use security_domain::x509::{Certificate, CertificateError};

use crate::fields::*;

fn parse_with(
    change: impl FnOnce(&mut Fields),
) -> Result<(Option<String>, i64, i64), CertificateError> {
    let mut fields = Fields::new();
    change(&mut fields);
    let der = fields.der();
    let certificate = Certificate::parse(&der)?;
    assert_eq!(certificate.subject_der(), fields.subject);
    assert_eq!(certificate.serial(), &fields.serial[2..]);
    Ok((
        certificate.common_name().map(str::to_owned),
        certificate.not_before(),
        certificate.not_after(),
    ))
}

#[test]
fn forms_that_are_read() {
    let expected = Ok((Some("subject".to_owned()), 1_704_067_200, 2_019_427_200));
    let cases: [(&str, Change); 10] = [
        ("version 3", |_| {}),
        ("version 1", |f| (f.version, f.rest) = (vec![], vec![])),
        ("no extensions", |f| f.rest.clear()),
        ("an extension that is not critical", |f| {
            f.rest = extensions(&[extension(&[])])
        }),
        ("unique identifiers", |f| {
            f.rest
                .splice(..0, [0x81, 2, 0, 1, 0x82, 2, 7, 0x80])
                .for_each(drop)
        }),
        ("a negative serial number", |f| f.serial = vec![2, 1, 0xff]),
        ("four digits of the year", |f| {
            f.validity = validity(
                (GENERALIZED_TIME, "20240101000000Z"),
                (GENERALIZED_TIME, "20331229000000Z"),
            );
        }),
        ("an extension named by a UUID", |f| {
            f.rest = extensions(&[tlv(SEQUENCE, [UUID, &[4, 0]].concat())])
        }),
        ("an issuer with an attribute named by a UUID", |f| {
            let value = tlv(UTF8_STRING, "value");
            f.issuer = name(&[tlv(SEQUENCE, [UUID, &value].concat())]);
        }),
        ("a printable string", |f| {
            f.subject = name(&[attribute(PRINTABLE_STRING, "subject")])
        }),
    ];
    for (name, change) in cases {
        assert_eq!(parse_with(change), expected, "{name}");
    }

    let common_name = |subject: Vec<u8>| parse_with(|f| f.subject = subject).unwrap().0;
    assert_eq!(common_name(tlv(SEQUENCE, [])), None, "an empty subject");
    assert_eq!(
        common_name(name(&[attribute(UTF8_STRING, "\u{e9}")])).as_deref(),
        Some("\u{e9}")
    );
    // Strings of another alphabet, of 16-bit and of 32-bit characters are read and not shown.
    for (tag, text) in [(0x14, "A"), (0x1e, "\0A"), (0x1c, "\0\0\0A")] {
        assert_eq!(common_name(name(&[attribute(tag, text)])), None, "{tag:#x}");
    }
    let two = [attribute(UTF8_STRING, "a"), attribute(UTF8_STRING, "b")];
    assert_eq!(common_name(name(&two)).as_deref(), Some("b"));
    let nested = tlv(
        SEQUENCE,
        [&[0x06, 1, 0x2a][..], &tlv(SEQUENCE, tlv(SEQUENCE, []))].concat(),
    );
    assert_eq!(common_name(name(&[nested])), None);
    let last = (GENERALIZED_TIME, "99991231235959Z");
    let times = parse_with(|f| f.validity = validity((UTC_TIME, "700101000000Z"), last)).unwrap();
    assert_eq!((times.1, times.2), (0, 253_402_300_799));
}

#[test]
fn defects_by_name() {
    use CertificateError::*;
    let cases: [(&str, CertificateError, Change); 39] = [
        ("version 1 written down", Encoding, |f| {
            f.version = tlv(0xa0, [2, 1, 0])
        }),
        ("version 2", Version, |f| f.version = tlv(0xa0, [2, 1, 1])),
        ("version 4", Version, |f| f.version = tlv(0xa0, [2, 1, 3])),
        ("two versions", TrailingData, |f| {
            f.version = tlv(0xa0, [2, 1, 2, 2, 1, 2])
        }),
        ("version 1 with extensions", Version, |f| f.version.clear()),
        ("version 1 with a unique identifier", Version, |f| {
            (f.version, f.rest) = (vec![], vec![0x81, 2, 0, 1]);
        }),
        ("no serial number", Encoding, |f| f.serial.clear()),
        ("an empty serial number", Encoding, |f| {
            f.serial = vec![2, 0]
        }),
        ("a serial number with a zero too many", Encoding, |f| {
            f.serial = vec![2, 2, 0, 1]
        }),
        ("another algorithm signed", SignatureAlgorithm, |f| {
            f.inner_algorithm[12] = 12
        }),
        ("no parameters in one of two", SignatureAlgorithm, |f| {
            f.outer_algorithm = tlv(SEQUENCE, &SHA256_WITH_RSA[2..13]);
        }),
        ("an issuer with an empty set", Encoding, |f| {
            f.issuer = name(&[])
        }),
        ("an issuer that is a set", Encoding, |f| f.issuer[0] = SET),
        ("attributes out of order", Encoding, |f| {
            f.subject = name(&[attribute(UTF8_STRING, "b"), attribute(UTF8_STRING, "a")]);
        }),
        ("an attribute twice", Encoding, |f| {
            f.subject = name(&[attribute(UTF8_STRING, "a"), attribute(UTF8_STRING, "a")]);
        }),
        ("an attribute without a value", Encoding, |f| {
            f.subject = name(&[tlv(SEQUENCE, COMMON_NAME)])
        }),
        ("an attribute with two values", TrailingData, |f| {
            f.subject = name(&[tlv(SEQUENCE, [COMMON_NAME, &[5, 0, 5, 0]].concat())]);
        }),
        ("a value whose inside is cut", Encoding, |f| {
            f.subject = name(&[tlv(
                SEQUENCE,
                [COMMON_NAME, &tlv(SEQUENCE, [4, 9])].concat(),
            )]);
        }),
        ("a universal string that is cut", Encoding, |f| {
            f.subject = name(&[tlv(SEQUENCE, [COMMON_NAME, &[0x1c, 1]].concat())]);
        }),
        ("a value after a universal string", TrailingData, |f| {
            f.subject = name(&[tlv(SEQUENCE, [COMMON_NAME, &[0x1c, 0, 5, 0]].concat())]);
        }),
        ("an object identifier of no bytes", Encoding, |f| {
            f.rest = extensions(&[tlv(SEQUENCE, [6, 0, 4, 0])])
        }),
        ("an object identifier with a leading zero", Encoding, |f| {
            f.rest = extensions(&[tlv(SEQUENCE, [6, 3, 0x2a, 0x80, 1, 4, 0])])
        }),
        ("an object identifier that does not end", Encoding, |f| {
            f.rest = extensions(&[tlv(SEQUENCE, [6, 2, 0x2a, 0x83, 4, 0])])
        }),
        ("an end before the beginning", Validity, |f| {
            f.validity = validity((UTC_TIME, "331229000000Z"), (UTC_TIME, "240101000000Z"));
        }),
        ("a thirteenth month", Validity, |f| {
            f.validity = validity((UTC_TIME, "241301000000Z"), (UTC_TIME, "331229000000Z"));
        }),
        ("29 February 2023", Validity, |f| {
            f.validity = validity((UTC_TIME, "230229000000Z"), (UTC_TIME, "331229000000Z"));
        }),
        ("a time without seconds", Validity, |f| {
            f.validity = validity((UTC_TIME, "2401010000Z"), (UTC_TIME, "331229000000Z"));
        }),
        ("a time zone", Validity, |f| {
            f.validity = validity((UTC_TIME, "2401010000+00"), (UTC_TIME, "331229000000Z"));
        }),
        ("a time before 1970", Validity, |f| {
            f.validity = validity((UTC_TIME, "690101000000Z"), (UTC_TIME, "331229000000Z"));
        }),
        ("a third time", TrailingData, |f| {
            let time = tlv(UTC_TIME, "240101000000Z");
            f.validity = tlv(SEQUENCE, [&time[..], &time, &time].concat());
        }),
        ("an elliptic curve key", NotRsa, |f| {
            let algorithm = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 1, 0x2a];
            f.key = tlv(
                SEQUENCE,
                [tlv(SEQUENCE, algorithm), tlv(3, [0; 66])].concat(),
            );
        }),
        (
            "an RSA key without parameters",
            Key(KeyError::Algorithm),
            |f| {
                let bits = f.key[19..].to_vec();
                f.key = tlv(
                    SEQUENCE,
                    [tlv(SEQUENCE, &SHA256_WITH_RSA[2..12]), bits].concat(),
                );
                let oid_end = 4 + 2 + 10;
                f.key.splice(
                    4..oid_end,
                    [
                        0x30, 0x0b, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1,
                    ],
                );
                let len = f.key.len() - 4;
                f.key[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            },
        ),
        (
            "a key of 2040 bits",
            Key(KeyError::ModulusSize { bits: 2040 }),
            |f| {
                let modulus = tlv(2, [&[0][..], &[0xff; 255]].concat());
                let key = tlv(SEQUENCE, [&modulus[..], &[2, 3, 1, 0, 1]].concat());
                let bits = tlv(3, [&[0][..], &key].concat());
                f.key = tlv(SEQUENCE, [&f.key[4..19], &bits].concat());
            },
        ),
        ("no extension in the list", Encoding, |f| {
            f.rest = extensions(&[])
        }),
        ("criticality false written down", Encoding, |f| {
            f.rest = extensions(&[extension(&[1, 1, 0])])
        }),
        ("a true that is not 255", Encoding, |f| {
            f.rest = extensions(&[extension(&[1, 1, 1])])
        }),
        ("a field of its own", TrailingData, |f| {
            f.rest.extend([0xa4, 0])
        }),
        ("unused bits that are set", Encoding, |f| {
            f.rest = vec![0x81, 2, 7, 1]
        }),
        ("a signature of some bits", Encoding, |f| {
            f.signature = tlv(3, [7, 0x80])
        }),
    ];
    for (name, error, change) in cases {
        assert_eq!(parse_with(change), Err(error), "{name}");
    }
}

#[test]
fn depth_is_bounded() {
    let mut value = tlv(SEQUENCE, []);
    for _ in 0..2000 {
        value = tlv(SEQUENCE, value);
    }
    let subject = name(&[tlv(SEQUENCE, [COMMON_NAME, &value].concat())]);
    assert_eq!(
        parse_with(|f| f.subject = subject),
        Err(CertificateError::Encoding)
    );
}
