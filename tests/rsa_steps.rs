// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key generation and decryption in steps do what they do at once, in a number of steps that no secret
//! decides.
#![cfg(all(feature = "sealed-domain", feature = "hazmat"))]
#![allow(clippy::unwrap_used)]

use std::task::Poll;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::rsa::{
    DecryptError, Decryption, GenerateError, KeyGeneration, ModulusSize, PrivateKey, Workspace,
    WorkspaceTooSmall,
};

const LARGEST: ModulusSize = ModulusSize::Rsa4096;
const KEY_WORDS: usize = KeyGeneration::workspace_len(LARGEST);
const DECRYPTION_WORDS: usize = Decryption::workspace_len(LARGEST);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn der(key: &PrivateKey) -> Vec<u8> {
    let mut out = vec![0; PrivateKey::PKCS8_MAX_LEN];
    let len = key.to_pkcs8_der(&mut out).unwrap();
    out.truncate(len);
    out
}

fn keys() -> [(PrivateKey, &'static [u8]); 3] {
    macro_rules! key {
        ($bits:literal) => {
            (
                PrivateKey::from_pkcs8_der(include_bytes!(concat!(
                    "vectors/rsa/keys/",
                    $bits,
                    ".pkcs8.der"
                )))
                .unwrap(),
                include_bytes!(concat!("vectors/rsa/keys/", $bits, ".oaep.bin")),
            )
        };
    }
    [key!("2048"), key!("3072"), key!("4096")]
}

/// Takes all steps; returns how many, and the result with the message.
fn decrypt(
    key: &PrivateKey,
    label: &[u8],
    ciphertext: &[u8],
    seed: u8,
) -> (usize, Result<Vec<u8>, DecryptError>) {
    let mut workspace = Workspace::<DECRYPTION_WORDS>::new();
    let mut decryption = Decryption::new(key, label, ciphertext, &mut workspace).unwrap();
    let (mut rng, mut out, mut steps) = (rng(seed), [0xa5; 512], 0);
    loop {
        steps += 1;
        let step = decryption.step(&mut rng, &mut out);
        if !matches!(step, Ok(Poll::Ready(_))) {
            assert_eq!(out, [0xa5; 512], "written before the end");
        }
        match step {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(len)) => {
                // The answer stays the same.
                assert_eq!(decryption.step(&mut rng, &mut out), Ok(Poll::Ready(len)));
                return (steps, Ok(out[..len].to_vec()));
            }
            Err(error) => {
                assert_eq!(decryption.step(&mut rng, &mut out), Err(error));
                return (steps, Err(error));
            }
        }
    }
}

#[test]
fn a_key_is_the_one_that_is_generated_at_once() {
    for (size, seed) in [(ModulusSize::Rsa2048, 1), (ModulusSize::Rsa3072, 2)] {
        let at_once = PrivateKey::generate(size, &mut rng(seed)).unwrap();
        let mut workspace = Workspace::<KEY_WORDS>::new();
        let mut generation = KeyGeneration::new(size, &mut workspace).unwrap();
        let mut rng = rng(seed);
        while generation.step(&mut rng).unwrap().is_pending() {
            assert!(generation.key().is_none());
        }
        assert_eq!(der(generation.key().unwrap()), der(&at_once), "{size:?}");
        assert_eq!(generation.step(&mut rng), Ok(Poll::Ready(())));
        assert_eq!(
            der(&generation.into_key().unwrap()),
            der(&at_once),
            "{size:?}"
        );
        // The workspace is free again, and a key that is not there is not given out.
        let mut generation = KeyGeneration::new(size, &mut workspace).unwrap();
        assert!(generation.step(&mut rng).unwrap().is_pending());
        assert!(generation.into_key().is_none());
    }
}

#[test]
fn messages_are_those_that_are_decrypted_at_once() {
    for (key, wrapped) in keys() {
        let mut out = [0; 512];
        let at_once = { key.decrypt_oaep_sha256(b"", wrapped, &mut rng(1), &mut out) }.unwrap();
        assert_eq!(decrypt(&key, b"", wrapped, 1).1.unwrap(), out[..at_once]);
    }
}

/// With the same blinding, which decides how long a public number takes to invert, good and bad ciphertexts
/// take the same steps.
#[test]
fn the_number_of_steps_does_not_tell_what_a_ciphertext_holds() {
    for (key, wrapped) in keys() {
        let (steps, opened) = decrypt(&key, b"", wrapped, 1);
        assert!(opened.is_ok() && steps > 500, "{steps}");
        let mut changed = wrapped.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        for (label, ciphertext) in [(&b"another"[..], wrapped), (b"", &changed)] {
            let refused = decrypt(&key, label, ciphertext, 1);
            assert_eq!(refused, (steps, Err(DecryptError::Opaque)));
        }
        let mut empty = [0; 512];
        let len = key
            .public_key()
            .encrypt_oaep_sha256(b"", b"", &mut rng(9), &mut empty)
            .unwrap();
        assert_eq!(decrypt(&key, b"", &empty[..len], 1), (steps, Ok(vec![])));
    }
}

#[test]
fn what_cannot_be_a_ciphertext_is_refused() {
    let [(key, wrapped), ..] = keys();
    let modulus = key.public_key().modulus();
    for ciphertext in [&wrapped[1..], &[wrapped, &[0]].concat(), modulus, &[]] {
        let refused = decrypt(&key, b"", ciphertext, 1);
        assert_eq!(refused, (1, Err(DecryptError::Opaque)));
    }
    let mut workspace = Workspace::<DECRYPTION_WORDS>::new();
    let mut decryption = Decryption::new(&key, b"", wrapped, &mut workspace).unwrap();
    let mut out = [7; 8];
    let end = loop {
        match decryption.step(&mut rng(1), &mut out) {
            Ok(Poll::Pending) => {}
            end => break end,
        }
    };
    assert_eq!(
        (end, out),
        (Err(DecryptError::Opaque), [7; 8]),
        "the message does not fit"
    );
}

#[test]
fn a_workspace_that_is_too_small_is_refused() {
    const TOO_SMALL: usize = KeyGeneration::workspace_len(LARGEST) - 1;
    let mut workspace = Workspace::<TOO_SMALL>::new();
    let refused = KeyGeneration::new(LARGEST, &mut workspace).map(|_| ());
    assert_eq!(refused, Err(WorkspaceTooSmall));
    assert!(KeyGeneration::new(ModulusSize::Rsa3072, &mut workspace).is_ok());

    const TOO_SMALL_TOO: usize = Decryption::workspace_len(LARGEST) - 1;
    let mut workspace = Workspace::<TOO_SMALL_TOO>::new();
    let [(small, wrapped), _, (key, other)] = keys();
    let refused = Decryption::new(&key, b"", other, &mut workspace).map(|_| ());
    assert_eq!(refused, Err(WorkspaceTooSmall));
    assert!(Decryption::new(&small, b"", wrapped, &mut workspace).is_ok());
}

/// Whichever draw fails, nothing comes of it.
#[test]
fn what_fails_once_stays_failed_and_leaves_nothing() {
    use security_domain::hazmat::testing::TestRng;

    let mut workspace = Workspace::<KEY_WORDS>::new();
    for call in 0.. {
        let mut rng = TestRng::failing_at(1, call);
        let mut generation = KeyGeneration::new(ModulusSize::Rsa2048, &mut workspace).unwrap();
        let end = loop {
            match generation.step(&mut rng) {
                Ok(Poll::Pending) => {}
                end => break end,
            }
        };
        if end.is_ok() {
            assert!(call >= 12, "two starts, and five bases for each prime");
            break;
        }
        assert_eq!(end, Err(GenerateError::Rng), "{call}");
        assert!(generation.key().is_none());
        assert_eq!(generation.step(&mut rng), Err(GenerateError::Rng), "{call}");
    }

    let [(key, wrapped), ..] = keys();
    let mut workspace = Workspace::<DECRYPTION_WORDS>::new();
    for call in 0.. {
        let mut rng = TestRng::failing_at(1, call);
        let mut decryption = Decryption::new(&key, b"", wrapped, &mut workspace).unwrap();
        let mut out = [7; 256];
        let end = loop {
            match decryption.step(&mut rng, &mut out) {
                Ok(Poll::Pending) => {}
                end => break end,
            }
        };
        if end.is_ok() {
            assert!(call >= 2, "two numbers blind");
            break;
        }
        assert_eq!((end, out), (Err(DecryptError::Rng), [7; 256]), "{call}");
        let again = decryption.step(&mut rng, &mut out);
        assert_eq!((again, out), (Err(DecryptError::Rng), [7; 256]), "{call}");
    }
}
