// SPDX-License-Identifier: MIT OR Apache-2.0
//! openssl: the system's library.

use std::hint::black_box;

use openssl::md::{Md, MdRef};
use openssl::pkey::{HasPublic, PKey, Private};
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::{Padding, Rsa};

use super::{Library, MESSAGE};
use crate::measure::Job;

pub const LIBRARY: Library = Library {
    name: "openssl",
    private,
    public,
    keygen,
};

fn key(pkcs8: &[u8]) -> PKey<Private> {
    PKey::private_key_from_der(pkcs8).expect("a valid key")
}

/// RSAES-OAEP with SHA-256 for hash and MGF1.
fn choose_oaep<T: HasPublic>(context: &mut PkeyCtxRef<T>) {
    let sha256: &MdRef = Md::sha256();
    context
        .set_rsa_padding(Padding::PKCS1_OAEP)
        .expect("a padding");
    context.set_rsa_oaep_md(sha256).expect("a hash");
    context.set_rsa_mgf1_md(sha256).expect("a hash");
}

fn private(pkcs8: &[u8], ciphertext: &[u8]) -> Job<'static> {
    let mut context = PkeyCtx::new(&key(pkcs8)).expect("a context");
    context.decrypt_init().expect("a context");
    choose_oaep(&mut context);
    let ciphertext = ciphertext.to_vec();
    let mut out = vec![0; ciphertext.len()];
    Box::new(move || {
        let length = context
            .decrypt(&ciphertext, Some(&mut out))
            .expect("it opens");
        assert_eq!(out[..length], MESSAGE);
    })
}

fn public(pkcs8: &[u8]) -> Job<'static> {
    let key = key(pkcs8);
    let mut context = PkeyCtx::new(&key).expect("a context");
    context.encrypt_init().expect("a context");
    choose_oaep(&mut context);
    let mut out = vec![0; key.size()];
    Box::new(move || {
        black_box(context.encrypt(&MESSAGE, Some(&mut out)).expect("it fits"));
    })
}

fn keygen(bits: u32) -> Job<'static> {
    Box::new(move || {
        black_box(Rsa::generate(bits).expect("a key"));
    })
}

/// A fresh key as PKCS#8, and [`MESSAGE`] wrapped to it.
pub fn wrapped(bits: u32) -> (Vec<u8>, Vec<u8>) {
    let key = PKey::from_rsa(Rsa::generate(bits).expect("a key")).expect("a key");
    let mut context = PkeyCtx::new(&key).expect("a context");
    context.encrypt_init().expect("a context");
    choose_oaep(&mut context);
    let mut ciphertext = Vec::new();
    context
        .encrypt_to_vec(&MESSAGE, &mut ciphertext)
        .expect("it fits");
    (key.private_key_to_pkcs8().expect("a key"), ciphertext)
}
