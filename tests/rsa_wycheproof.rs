// SPDX-License-Identifier: MIT OR Apache-2.0
//! Project Wycheproof's RSAES-OAEP vectors for SHA-256 and MGF1 with SHA-256.
#![cfg(feature = "sealed-domain")]

use getrandom::SysRng;
use security_domain::rsa::{DecryptError, KeyError, PrivateKey};

const VECTORS: [(&str, &str, usize); 3] = [
    (
        "2048",
        include_str!("vectors/rsa/wycheproof/oaep-2048.txt"),
        40,
    ),
    (
        "3072",
        include_str!("vectors/rsa/wycheproof/oaep-3072.txt"),
        40,
    ),
    (
        "4096",
        include_str!("vectors/rsa/wycheproof/oaep-4096.txt"),
        40,
    ),
];

fn hex(text: &str) -> Vec<u8> {
    if text == "-" {
        return Vec::new();
    }
    assert!(text.len().is_multiple_of(2));
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn oaep() {
    for (size, text, expected) in VECTORS {
        let mut key = None;
        let mut count = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split(' ').collect();
            let (verdict, id, label, message, ciphertext) = match fields[..] {
                ["key", der] => {
                    key = Some(PrivateKey::from_pkcs8_der(&hex(der)).unwrap());
                    continue;
                }
                [verdict, id, label, message, ciphertext] => {
                    (verdict, id, label, message, ciphertext)
                }
                _ => panic!("{size}: {line}"),
            };
            let mut out = [0; 512];
            let result = key.as_ref().unwrap().decrypt_oaep_sha256(
                &hex(label),
                &hex(ciphertext),
                &mut SysRng,
                &mut out,
            );
            match verdict {
                "valid" => assert_eq!(&out[..result.unwrap()], hex(message), "{size} {id}"),
                "invalid" => assert_eq!(result, Err(DecryptError::Opaque), "{size} {id}"),
                _ => panic!("{size}: {line}"),
            }
            count += 1;
        }
        assert_eq!(count, expected, "{size}");
    }
}

#[test]
fn a_key_of_three_primes_is_refused() {
    let text = include_str!("vectors/rsa/wycheproof/three-primes-4096.txt");
    let key = text
        .lines()
        .find_map(|line| line.strip_prefix("key "))
        .unwrap();
    assert_eq!(
        PrivateKey::from_pkcs8_der(&hex(key)).unwrap_err(),
        KeyError::Version
    );
}
