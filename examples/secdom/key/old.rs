// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's encryption of PEM itself (RFC 1421 headers), by which `openssl genrsa -aes256` wrote keys
//! before version 3.

use aes::{Aes128, Aes192, Aes256};
use des::{Des, TdesEde3};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::Lock;
use super::encryption::{cbc, is_whole};
use crate::report::Outcome;
use crate::show;

/// The only derivation uses the front of the initialisation vector as salt.
const SALT: usize = 8;

/// Decrypts the body of a block with these headers.
pub fn decrypt(headers: &[u8], body: &[u8], lock: &mut Lock<'_>) -> Outcome<Zeroizing<Vec<u8>>> {
    let headers = String::from_utf8_lossy(headers);
    let how = headers.split_once("DEK-Info:").map_or("", |(_, how)| how);
    let (name, iv) = how.trim().split_once(',').unwrap_or_default();
    let key_len = match name {
        "DES-CBC" => 8,
        "DES-EDE3-CBC" | "AES-192-CBC" => 24,
        "AES-128-CBC" => 16,
        "AES-256-CBC" => 32,
        _ => {
            return Err(lock.refuse(format!(
                "is encrypted in an old way of OpenSSL that is not read here ({}); convert it with: openssl \
                 pkcs8 -topk8 -in OLD.key -out NEW.key",
                show::text(name)
            )));
        }
    };
    let iv = hex(iv.trim()).filter(|iv| iv.len() >= SALT);
    let iv = iv.ok_or_else(|| lock.refuse("the line DEK-Info is damaged"))?;
    let key = derive(lock.password()?, &iv[..SALT], key_len);
    let text = match name {
        "DES-CBC" => cbc::<Des>(&key, &iv, body),
        "DES-EDE3-CBC" => cbc::<TdesEde3>(&key, &iv, body),
        "AES-128-CBC" => cbc::<Aes128>(&key, &iv, body),
        "AES-192-CBC" => cbc::<Aes192>(&key, &iv, body),
        _ => cbc::<Aes256>(&key, &iv, body),
    };
    text.filter(|text| is_whole(text))
        .ok_or_else(|| lock.wrong())
}

/// `EVP_BytesToKey` with MD5 and one iteration.
fn derive(password: &[u8], salt: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(48));
    while key.len() < len {
        let before = key.len().saturating_sub(16);
        let md5 = Md5::new().chain_update(&key[before..]);
        key.extend_from_slice(&md5.chain_update(password).chain_update(salt).finalize());
    }
    key.truncate(len);
    key
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8));
    rest.is_empty().then(|| bytes.collect())?
}
