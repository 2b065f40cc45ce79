// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSAES-OAEP with SHA-256, MGF1-SHA-256 and no label.

use security_domain::rsa::{ModulusSize, PrivateKey, PublicKey};

use crate::rng;

pub fn encrypt(spki: &[u8], message: &[u8]) -> Vec<u8> {
    let key = PublicKey::from_spki_der(spki).expect("a public key");
    let mut out = vec![0; key.size().bytes()];
    key.encrypt_oaep_sha256(&[], message, &mut rng(), &mut out)
        .expect("it fits");
    out
}

pub fn decrypt(pkcs8: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let key = PrivateKey::from_pkcs8_der(pkcs8).expect("a private key");
    let mut out = vec![0; ModulusSize::MAX_BYTES];
    let length = key
        .decrypt_oaep_sha256(&[], ciphertext, &mut rng(), &mut out)
        .expect("it opens");
    out.truncate(length);
    out
}
