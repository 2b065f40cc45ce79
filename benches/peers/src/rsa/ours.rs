// SPDX-License-Identifier: MIT OR Apache-2.0
//! This crate. The private operation is blinded and checked against faults, as it ships.

use std::hint::black_box;

use security_domain::rsa::{ModulusSize, PrivateKey};

use super::{Library, MESSAGE};
use crate::measure::Job;
use crate::report::OURS;
use crate::streams::Generator;

pub const LIBRARY: Library = Library {
    name: OURS,
    private,
    public,
    keygen,
};

fn private(pkcs8: &[u8], ciphertext: &[u8]) -> Job<'static> {
    let key = PrivateKey::from_pkcs8_der(pkcs8).expect("a valid key");
    let ciphertext = ciphertext.to_vec();
    let mut rng = Generator::ChaCha20.stream();
    let mut out = [0; MESSAGE.len()];
    Box::new(move || {
        let length = key.decrypt_oaep_sha256(&[], &ciphertext, &mut rng, &mut out);
        assert_eq!(length, Ok(MESSAGE.len()));
        assert_eq!(out, MESSAGE);
    })
}

fn public(pkcs8: &[u8]) -> Job<'static> {
    let key = PrivateKey::from_pkcs8_der(pkcs8)
        .expect("a valid key")
        .public_key()
        .clone();
    let mut rng = Generator::ChaCha20.stream();
    let mut out = vec![0; key.size().bytes()];
    Box::new(move || {
        let length = key.encrypt_oaep_sha256(&[], &MESSAGE, &mut rng, &mut out);
        assert_eq!(length, Ok(out.len()));
        black_box(&mut out);
    })
}

fn keygen(bits: u32) -> Job<'static> {
    let size = ModulusSize::from_bits(bits).expect("one of the sizes");
    // A generator that starts anew each time the tool runs would find the same primes each time.
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    Box::new(move || {
        let key = PrivateKey::generate(size, &mut rng);
        black_box(key.expect("a key"));
    })
}
