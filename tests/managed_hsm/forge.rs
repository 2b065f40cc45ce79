// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes domain files from any master key, shares and artifacts, on other code than the crate's: what
//! a forger would do, and a second reading of the format.

use aes::Aes256;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

use super::fixtures::{base64url, certificate_der, rng, thumbprint};
use security_domain::x509::Certificate;

/// HMAC-SHA-512.
fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// PKCS#7 padding.
pub fn pad(plaintext: &[u8]) -> Vec<u8> {
    let fill = 16 - plaintext.len() % 16;
    let mut padded = plaintext.to_vec();
    padded.resize(plaintext.len() + fill, fill as u8);
    padded
}

/// A compact JWE of bytes that are already padded.
pub fn jwe(header: &str, encrypted_key: &[u8], content_key: &[u8], padded: &[u8]) -> String {
    let (mac_key, aes_key) = content_key.split_at(32);
    let iv = [0x1f; 16];
    let mut ciphertext = padded.to_vec();
    let length = ciphertext.len();
    cbc::Encryptor::<Aes256>::new_from_slices(aes_key, &iv)
        .unwrap()
        .encrypt_padded::<NoPadding>(&mut ciphertext, length)
        .unwrap();
    let header = base64url(header.as_bytes());
    let bits = (header.len() as u64 * 8).to_be_bytes();
    let tag = hmac(mac_key, &[header.as_bytes(), &iv, &ciphertext, &bits]);
    [
        header,
        base64url(encrypted_key),
        base64url(&iv),
        base64url(&ciphertext),
        base64url(&tag[..32]),
    ]
    .join(".")
}

/// The content key of an artifact.
pub fn content_key(master_key: &[u8], tag: &str) -> Vec<u8> {
    let (counter, length) = (1u32.to_be_bytes(), 512u32.to_be_bytes());
    hmac(master_key, &[&counter, tag.as_bytes(), &[0], &length])
}

/// A value at `x` of the polynomial with these coefficients, mod 257.
pub fn value(coefficients: &[u32], x: u32) -> u32 {
    let terms = coefficients.iter().rev();
    terms.fold(0, |sum, coefficient| (sum * x + coefficient) % 257)
}

/// The words of a share.
pub fn words(x: u32, values: [u32; 32]) -> Vec<u8> {
    let word = |v: u32| ((x << 9 | v) as u16).to_le_bytes();
    values.into_iter().flat_map(word).collect()
}

/// The shares 1 to `n` of a key, on polynomials with these higher coefficients for every byte.
pub fn shares(key: &[u8; 32], higher: &[u32], n: u32) -> Vec<Vec<u8>> {
    let polynomial = |byte: u8| [&[u32::from(byte)], higher].concat();
    (1..=n)
        .map(|x| words(x, key.map(|byte| value(&polynomial(byte), x))))
        .collect()
}

/// Seals a share's words to a custodian's certificate.
pub fn enc_key(words: &[u8], custodian: &str) -> String {
    let header = r#"{"alg":"RSA-OAEP-256","enc":"A256CBC-HS512","kid":"not used"}"#;
    let content_key = [0x3c; 64];
    let der = certificate_der(custodian);
    let certificate = Certificate::parse(&der).unwrap();
    let mut wrapped = [0; 512];
    let length = certificate
        .public_key()
        .encrypt_oaep_sha256(b"", &content_key, &mut rng(), &mut wrapped)
        .unwrap();
    jwe(header, &wrapped[..length], &content_key, &pad(words))
}

/// A domain file with one artifact, `a`, whose content is `artifact`.
pub fn domain_file(key: &[u8], required: u32, shares: &[(&str, Vec<u8>)]) -> String {
    let header = r#"{"alg":"dir","enc":"A256CBC-HS512","kid":"a"}"#;
    let artifact = jwe(header, b"", &content_key(key, "a"), &pad(b"artifact"));
    with_entry(&artifact, required, shares)
}

/// A domain file with one given artifact of the tag `a`.
pub fn with_entry(jwe: &str, required: u32, shares: &[(&str, Vec<u8>)]) -> String {
    let shares: Vec<String> = shares
        .iter()
        .map(|(custodian, words)| {
            let (enc_key, x5t_256) = (enc_key(words, custodian), thumbprint(custodian));
            let x5t_256 = base64url(x5t_256.as_bytes());
            format!(r#"{{"enc_key":"{enc_key}","x5t_256":"{x5t_256}"}}"#)
        })
        .collect();
    let shares = shares.join(",");
    format!(
        r#"{{"EncData":{{"data":[{{"compact_jwe":"{jwe}","tag":"a"}}],"kdf":"sp108_kdf"}},"SharedKeys":{{"enc_shares":[{shares}],"key_algorithm":"shamir_share","required":{required}}},"version":2}}"#
    )
}

/// An entry of `EncData.data` with this tag and an empty artifact.
pub fn entry(tag: &str) -> String {
    let header = format!(r#"{{"alg":"dir","enc":"A256CBC-HS512","kid":"{tag}"}}"#);
    let jwe = jwe(&header, b"", &[7; 64], &pad(b""));
    format!(r#"{{"compact_jwe":"{jwe}","tag":"{tag}"}}"#)
}
