// SPDX-License-Identifier: MIT OR Apache-2.0
//! aws-lc-rs.

use std::hint::black_box;

use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey,
};

use super::{Library, MESSAGE};
use crate::measure::Job;

pub const LIBRARY: Library = Library {
    name: "aws-lc-rs",
    private,
    public,
    keygen,
};

fn key(pkcs8: &[u8]) -> PrivateDecryptingKey {
    PrivateDecryptingKey::from_pkcs8(pkcs8).expect("a valid key")
}

fn private(pkcs8: &[u8], ciphertext: &[u8]) -> Job<'static> {
    let key = OaepPrivateDecryptingKey::new(key(pkcs8)).expect("a valid key");
    let ciphertext = ciphertext.to_vec();
    let mut out = vec![0; key.min_output_size()];
    Box::new(move || {
        let message = key.decrypt(&OAEP_SHA256_MGF1SHA256, &ciphertext, &mut out, None);
        assert_eq!(message.expect("it opens"), MESSAGE);
    })
}

fn public(pkcs8: &[u8]) -> Job<'static> {
    let key = OaepPublicEncryptingKey::new(key(pkcs8).public_key()).expect("a valid key");
    let mut out = vec![0; key.ciphertext_size()];
    Box::new(move || {
        let ciphertext = key.encrypt(&OAEP_SHA256_MGF1SHA256, &MESSAGE, &mut out, None);
        black_box(ciphertext.expect("it fits"));
    })
}

fn keygen(bits: u32) -> Job<'static> {
    let size = match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        _ => KeySize::Rsa4096,
    };
    Box::new(move || {
        black_box(PrivateDecryptingKey::generate(size).expect("a key"));
    })
}
