// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys that no domain would be sealed to today, and keys whose numbers are in another form
//! than usual.

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use crypto_bigint::{BoxedUint, ConcatenatingMul};
use der::asn1::{AnyRef, UintRef};
use der::{Decode, Encode, Reader, SliceReader};

use crate::{Folder, Run, arguments, fixture, key, restore_blob, secdom, vector};

fn odd(name: &str) -> PathBuf {
    fixture("odd").join(name)
}

fn drill(file: &Path, keys: &[PathBuf]) -> Run {
    let line = arguments!["drill", "--sd-file", file, "--sd-wrapping-keys"];
    secdom(line.into_iter().chain(keys.iter().map(Into::into)))
}

#[test]
fn an_existing_domain_opens_with_odd_exponents_and_primes() {
    let folder = Folder::new();
    let keys = ["e3.key", "e17.key", "e600.key", "unequal.key"].map(odd);
    for key in &keys {
        let run = drill(&odd("domain.json"), std::slice::from_ref(key));
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    let out = folder.join("restore.json");
    let run = secdom(restore_blob(&odd("domain.json"), &out, &keys));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(out.exists());
}

#[test]
fn no_new_domain_is_sealed_to_an_odd_exponent() {
    let folder = Folder::new();
    let artifact = folder.write("artifact", "one");
    for name in ["e3.cer", "e17.cer", "e600.cer"] {
        secdom(arguments![
            "download",
            "--sd-quorum",
            "2",
            "--artifact",
            format!("one={}", artifact.display()),
            "--security-domain-file",
            folder.join("domain.json"),
            "--sd-wrapping-keys",
            odd(name),
            key("s2048_1").with_extension("cer"),
            key("s2048_2").with_extension("cer"),
        ])
        .refused(&[name, "exponent"]);
    }
}

#[test]
fn an_odd_key_with_wrong_numbers_opens_nothing() {
    let folder = Folder::new();
    let numbers = integers(&decode(&odd("e3.key"), true));
    let certificate = fs::read(odd("e3.cer")).unwrap();
    folder.write("ada.cer", certificate);
    let mut wrong = numbers.clone();
    wrong[4][5] ^= 4;
    let key = write_pkcs1(&folder, &wrong);
    drill(&odd("domain.json"), &[key]).refused(&["ada.key", "below 65537"]);
    let mut wrong = numbers;
    wrong[3][5] ^= 4;
    let key = write_pkcs1(&folder, &wrong);
    let run = drill(&odd("domain.json"), &[key]);
    assert!(
        run.code == Some(1) && run.err.contains("ada.key"),
        "{run:?}"
    );
}

#[test]
fn numbers_in_another_form_are_the_same_key() {
    let folder = Folder::new();
    folder.custodian("s2048_0", "ada");
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let numbers = integers(&decode(&fixture("pkcs1.key"), false));
    let [p, q, d] = [4, 5, 3].map(|place| BoxedUint::from_be_slice_vartime(&numbers[place]));
    let one = BoxedUint::one_with_precision(p.bits_precision());
    let orders = p
        .wrapping_sub(&one)
        .concatenating_mul(&q.wrapping_sub(&one));
    let larger = d.concatenating_add(&orders).to_be_bytes_trimmed_vartime();
    type Change<'c> = &'c dyn Fn(&mut Vec<Vec<u8>>);
    let changes: [Change<'_>; 4] = [
        &|numbers| numbers[3] = larger.to_vec(),
        &|numbers| numbers[6] = numbers[3].clone(),
        &|numbers| numbers[8][7] ^= 1,
        &|numbers| numbers.swap(4, 5),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut changed = numbers.clone();
        change(&mut changed);
        let run = drill(&domain, &[write_pkcs1(&folder, &changed)]);
        assert_eq!(run.code, Some(0), "change {place}: {run:?}");
    }
    let mut wrong = numbers;
    wrong[3][9] ^= 1;
    drill(&domain, &[write_pkcs1(&folder, &wrong)]).refused(&["ada.key", "exponent"]);
}

#[test]
fn the_algorithm_may_lack_its_null_or_be_that_of_signatures() {
    let folder = Folder::new();
    let domain = vector("valid/v01-2of3-2048/sd.json");
    folder.custodian("s2048_0", "ada");
    let plain = decode(&key("s2048_0"), false);
    const OID: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    let place = plain.windows(11).position(|window| window == OID).unwrap();
    let mut pss = plain.clone();
    pss[place + 10] = 10;
    let mut no_null = plain.clone();
    no_null.drain(place + 11..place + 13);
    no_null[place - 1] -= 2;
    let length = u16::from_be_bytes([plain[2], plain[3]]) - 2;
    no_null[2..4].copy_from_slice(&length.to_be_bytes());
    let mut version_1 = plain.clone();
    version_1[6] = 1;
    let mut other = plain.clone();
    other[place + 10] = 99;
    let path = folder.join("ada.key");
    for der in [&plain, &pss, &no_null, &version_1] {
        fs::write(&path, der).unwrap();
        drill(&domain, std::slice::from_ref(&path)).done();
    }
    fs::write(&path, pem("PRIVATE KEY", &other)).unwrap();
    drill(&domain, &[path]).refused(&["ada.key", "no RSA private key", "1.2.840.113549.1.1.99"]);
}

/// The bytes of a PEM file; of PKCS#8, the PKCS#1 inside if `inner`.
pub fn decode(path: &Path, inner: bool) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().skip(1);
    let body: String = lines.take_while(|line| !line.starts_with('-')).collect();
    let mut der = vec![0; body.len()];
    let der = Base64::decode(&body, &mut der).unwrap().to_vec();
    if !inner {
        return der;
    }
    let mut reader = SliceReader::new(AnyRef::from_der(&der).unwrap().value()).unwrap();
    let parts: [AnyRef<'_>; 3] = std::array::from_fn(|_| reader.decode().unwrap());
    parts[2].value().to_vec()
}

/// The nine numbers of a key in unencrypted PKCS#8.
pub fn numbers_of(path: &Path) -> Vec<Vec<u8>> {
    integers(&decode(path, true))
}

/// The nine numbers of PKCS#1.
fn integers(der: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = SliceReader::new(AnyRef::from_der(der).unwrap().value()).unwrap();
    let number = |_| reader.decode::<UintRef<'_>>().unwrap().as_bytes().to_vec();
    (0..9).map(number).collect()
}

fn write_pkcs1(folder: &Folder, numbers: &[Vec<u8>]) -> PathBuf {
    let mut inner = Vec::new();
    for number in numbers {
        UintRef::new(number)
            .unwrap()
            .encode_to_vec(&mut inner)
            .unwrap();
    }
    let sequence = AnyRef::new(der::Tag::Sequence, &inner).unwrap();
    folder.write(
        "ada.key",
        pem("RSA PRIVATE KEY", &sequence.to_der().unwrap()),
    )
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let mut body = vec![0; Base64::encoded_len(der)];
    let body = Base64::encode(der, &mut body).unwrap();
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}
