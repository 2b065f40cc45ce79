// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys in DER and as bytes, and keys that are not valid.

use security_domain::kem::{
    Kem, KeyError, MlKem1024, MlKem1024P384, P256, PrivateKey, PublicKey, XWing,
};

use super::key;

fn spki<K: Kem>(key: &PublicKey<K>) -> Vec<u8> {
    let mut out = vec![0; 2_000];
    let len = key.to_spki_der(&mut out).unwrap();
    let short = key.to_spki_der(&mut out[..len - 1].to_vec());
    assert_eq!(short, Err(KeyError::BufferTooSmall { needed: len }));
    out.truncate(len);
    out
}

fn pkcs8<K: Kem>(key: &PrivateKey<K>) -> Vec<u8> {
    let mut out = vec![0; 200];
    let len = key.to_pkcs8_der(&mut out).unwrap();
    let mut short = vec![0x5a; len - 1];
    let refused = key.to_pkcs8_der(&mut short);
    assert_eq!(refused, Err(KeyError::BufferTooSmall { needed: len }));
    assert_eq!(short, vec![0x5a; len - 1]);
    out.truncate(len);
    out
}

/// A key is read back; every changed, cut or longer encoding of it is refused or another key.
fn is_read_in_one_encoding<K: Kem>() {
    let key = key::<K>(5);
    let public = key.public_key().unwrap();
    let (der, private) = (spki(&public), pkcs8(&key));
    assert_eq!(PublicKey::<K>::from_spki_der(&der).unwrap(), public);
    assert_eq!(
        PublicKey::<K>::from_bytes(public.as_bytes()).unwrap(),
        public
    );
    let read = PrivateKey::<K>::from_pkcs8_der(&private).unwrap();
    assert_eq!(read.expose_seed(), key.expose_seed());

    for len in (0..der.len()).step_by(17).chain([der.len() - 1]) {
        let refused = PublicKey::<K>::from_spki_der(&der[..len]);
        assert_eq!(refused, Err(KeyError::Encoding));
    }
    for len in 0..private.len() {
        assert!(PrivateKey::<K>::from_pkcs8_der(&private[..len]).is_err());
    }
    let longer = [&der[..], &[0]].concat();
    assert_eq!(
        PublicKey::<K>::from_spki_der(&longer),
        Err(KeyError::Encoding)
    );
    assert!(PrivateKey::<K>::from_pkcs8_der(&[&private[..], &[0]].concat()).is_err());
    assert!(PublicKey::<K>::from_bytes(&der).is_err());
    for at in 0..22 {
        let mut changed = der.clone();
        changed[at] ^= 1;
        assert_eq!(
            PublicKey::<K>::from_spki_der(&changed),
            Err(KeyError::Encoding),
            "at {at}"
        );
        let mut changed = private.clone();
        changed[at] ^= 1;
        let refused = PrivateKey::<K>::from_pkcs8_der(&changed).unwrap_err();
        assert_eq!(refused, KeyError::Encoding, "at {at}");
    }
    for len in [0, key.expose_seed().len() - 1, key.expose_seed().len() + 1] {
        assert_eq!(
            PrivateKey::<K>::from_seed(&vec![1; len]).unwrap_err(),
            KeyError::Invalid
        );
    }
    let shown = format!("{key:?}");
    assert!(
        shown.starts_with("PrivateKey(") && shown.ends_with(", ..)"),
        "{shown}"
    );
}

#[test]
fn each_kind_is_read_in_one_encoding() {
    is_read_in_one_encoding::<P256>();
    is_read_in_one_encoding::<XWing>();
    is_read_in_one_encoding::<MlKem1024P384>();
    is_read_in_one_encoding::<MlKem1024>();
}

#[test]
fn a_key_of_one_kind_is_none_of_another() {
    fn taken<A: Kem, B: Kem>() -> bool {
        let key = key::<A>(5);
        PublicKey::<B>::from_spki_der(&spki(&key.public_key().unwrap())).is_ok()
            || PrivateKey::<B>::from_pkcs8_der(&pkcs8(&key)).is_ok()
    }
    assert!(taken::<XWing, XWing>());
    assert!(!taken::<XWing, MlKem1024P384>() && !taken::<MlKem1024P384, XWing>());
    assert!(!taken::<XWing, P256>() && !taken::<MlKem1024, MlKem1024P384>());
    assert!(!taken::<MlKem1024P384, MlKem1024>());
}

#[test]
fn a_point_that_is_not_on_the_curve_is_refused() {
    let good = key::<P256>(5).public_key().unwrap();
    let mut off = good.as_bytes().to_vec();
    off[64] ^= 1;
    let mut compressed = good.as_bytes()[..33].to_vec();
    compressed[0] = 2 | off[64] & 1;
    // The first is a head of its own; the others are not on the curve, or name no point.
    let all_ones = [&[4][..], &[0xff; 64]].concat();
    let zeros = [&[4][..], &[0; 64]].concat();
    for bad in [off, compressed, all_ones, zeros, vec![0], vec![0; 65]] {
        assert_eq!(PublicKey::<P256>::from_bytes(&bad), Err(KeyError::Invalid));
    }
    let good = key::<MlKem1024P384>(5).public_key().unwrap();
    for at in [1568, 1569, 1664] {
        let mut off = good.as_bytes().to_vec();
        off[at] ^= 1;
        assert_eq!(
            PublicKey::<MlKem1024P384>::from_bytes(&off),
            Err(KeyError::Invalid)
        );
    }
}

#[test]
fn the_public_key_beside_a_private_key_of_p256_is_compared() {
    let mut der = pkcs8(&key::<P256>(5));
    let other = pkcs8(&key::<P256>(6));
    let at = der.len() - 65;
    der[at..].copy_from_slice(&other[at..]);
    let refused = PrivateKey::<P256>::from_pkcs8_der(&der).unwrap_err();
    assert_eq!(refused, KeyError::OtherPublicKey);
}

/// Points of low order, and encodings that are not below 2^255 - 19, in the key and in a ciphertext.
#[test]
fn curve25519s_points_of_low_order_are_refused() {
    let mut key = key::<XWing>(5);
    let good = key.public_key().unwrap();
    let number = |first: u8, middle: u8, last: u8| {
        let mut bytes = [middle; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let order_8 = [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ];
    let low = [
        number(0, 0, 0),
        number(1, 0, 0),
        number(0xec, 0xff, 0x7f),
        order_8,
    ];
    let twice = [number(0xed, 0xff, 0x7f), number(0xff, 0xff, 0xff), {
        let mut high: [u8; 32] = good.as_bytes()[1184..].try_into().unwrap();
        high[31] |= 0x80;
        high
    }];
    for point in low.iter().chain(&twice) {
        let bad = [&good.as_bytes()[..1184], point].concat();
        assert_eq!(PublicKey::<XWing>::from_bytes(&bad), Err(KeyError::Invalid));
    }
    let good = super::wrapped(&good, &super::MESSAGE, 1);
    for point in low {
        let mut bad = good.clone();
        bad[1088..1120].copy_from_slice(&point);
        assert_eq!(super::unwrapped(&mut key, &bad, &super::CONTEXT), None);
    }
}

/// FIPS 203 section 7.2: a coefficient of 3329 or more.
#[test]
fn the_modulus_check_of_ml_kem_is_done() {
    let public = key::<MlKem1024>(5).public_key().unwrap();
    let mut bad = public.as_bytes().to_vec();
    (bad[0], bad[1]) = (0xff, bad[1] | 0x0f);
    assert_eq!(
        PublicKey::<MlKem1024>::from_bytes(&bad),
        Err(KeyError::Invalid)
    );
    let public = key::<XWing>(5).public_key().unwrap();
    let mut bad = public.as_bytes().to_vec();
    (bad[0], bad[1]) = (0x01, bad[1] & 0xf0 | 0x0d);
    assert_eq!(PublicKey::<XWing>::from_bytes(&bad), Err(KeyError::Invalid));
}
