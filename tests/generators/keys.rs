// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSA, certificates, and the wrapping of shares.

use std::num::NonZeroU64;
use std::task::Poll;

use security_domain::both::{Both, BothPublicKeys};
use security_domain::custodian::{Identity, Recipient};
use security_domain::custodian_key::CustodianKey;
use security_domain::kem;
use security_domain::quorum::Quorum;
use security_domain::rsa::{Decryption, KeyGeneration, ModulusSize, PrivateKey, Workspace};
use security_domain::secret::Secret;
use security_domain::shamir::{Share, split};
use security_domain::wrapped_share::WrappedShare;
use security_domain::x509::{SELF_SIGNED_MAX_LEN, SelfSigned, write_self_signed};

use crate::sharing::debug;
use crate::{ALL, Row, empty, fixtures, sealed};

const SIZE: ModulusSize = ModulusSize::Rsa2048;

pub const ROWS: fn() -> Vec<Row> = || {
    vec![
        Row {
            name: "a key of RSA",
            covers: &[
                "rsa/generate generate",
                "rsa/generate generate_with_progress",
                "rsa/generate make",
                "rsa/search step",
                "rsa/prime draw",
                "rsa/prime step",
                "rsa/blind uniform",
            ],
            // A changed base of a primality test, or a candidate that fails both ways, changes nothing.
            shows: 0,
            run: |rng| {
                let key = debug(PrivateKey::generate(ModulusSize::Rsa2048, rng))?;
                Ok(key.public_key().modulus().to_vec())
            },
        },
        Row {
            name: "encrypt with OAEP",
            covers: &["rsa/public encrypt_oaep_sha256", "rsa/public encrypt"],
            shows: ALL,
            run: |rng| {
                let mut out = [0; 256];
                let key = private();
                let public = key.public_key();
                let done = debug(public.encrypt_oaep_sha256(b"", b"a key", rng, &mut out));
                made(done, &out)
            },
        },
        Row {
            name: "decrypt with OAEP",
            covers: &[
                "rsa/private decrypt_oaep_sha256",
                "rsa/private decrypt",
                "rsa/private apply",
                "rsa/scratch with_scratch",
                "rsa/scratch area",
                "rsa/blind step",
            ],
            shows: 0,
            run: |rng| {
                let key = private();
                let (mut wrapped, mut out) = ([0; 256], [0; 8]);
                { key.public_key() }
                    .encrypt_oaep_sha256(b"", b"a key", &mut sealed::rng(1), &mut wrapped)
                    .unwrap();
                let done = debug(key.decrypt_oaep_sha256(b"", &wrapped, rng, &mut out));
                made(done, &out)
            },
        },
        Row {
            name: "a key of RSA in steps",
            covers: &["rsa/steps step"],
            shows: 0,
            run: |rng| {
                let mut workspace = Workspace::<{ KeyGeneration::workspace_len(SIZE) }>::new();
                let mut generation = KeyGeneration::new(SIZE, &mut workspace).unwrap();
                let done = loop {
                    match generation.step(rng) {
                        Ok(Poll::Pending) => {}
                        done => break debug(done),
                    }
                };
                let made = generation
                    .key()
                    .map(|key| key.public_key().modulus().to_vec());
                assert_eq!(made.is_some(), done.is_ok());
                done.map(|_| made.unwrap())
            },
        },
        Row {
            name: "decrypt with OAEP in steps",
            covers: &["rsa/steps step"],
            shows: 0,
            run: |rng| {
                let key = private();
                let (mut wrapped, mut out) = ([0; 256], [0; 8]);
                { key.public_key() }
                    .encrypt_oaep_sha256(b"", b"a key", &mut sealed::rng(1), &mut wrapped)
                    .unwrap();
                let mut workspace = Workspace::<{ Decryption::workspace_len(SIZE) }>::new();
                let mut decryption = Decryption::new(&key, b"", &wrapped, &mut workspace).unwrap();
                let done = loop {
                    match decryption.step(rng, &mut out) {
                        Ok(Poll::Pending) => {}
                        Ok(Poll::Ready(len)) => break Ok(len),
                        Err(refusal) => break debug(Err(refusal)),
                    }
                };
                made(done, &out)
            },
        },
        Row {
            name: "sign with PKCS#1",
            covers: &[
                "rsa/private sign_pkcs1v15_sha256",
                "rsa/private sign_checked",
            ],
            shows: 0,
            run: |rng| {
                let mut out = [0xaa; 256];
                let done = debug(private().sign_pkcs1v15_sha256(b"a message", rng, &mut out));
                made(done, &out)
            },
        },
        Row {
            name: "a self-signed certificate",
            covers: &["x509/write write_self_signed"],
            shows: 0,
            run: |rng| {
                let form = SelfSigned {
                    common_name: "test",
                    serial: NonZeroU64::MIN,
                    not_before: 0,
                    not_after: 1,
                };
                let mut out = [0xaa; SELF_SIGNED_MAX_LEN];
                let done = debug(write_self_signed(&private(), &form, rng, &mut out));
                let len = *done.as_ref().unwrap_or(&out.len());
                made(done, &out[..len])
            },
        },
        Row {
            name: "wrapped_share to a custodian",
            covers: &[
                "custodian wrap",
                "wrapped_share wrap",
                "wrapped_share/rsa_oaep wrap",
            ],
            shows: ALL,
            run: |rng| {
                let (key, mut out) = (private(), [0xaa; 256]);
                let to = key.public_key();
                let done = debug(WrappedShare::wrap(&share(), &[7; 32], to, rng, &mut out));
                let done = done.map(|_| 0);
                made(done, &out)
            },
        },
        Row {
            name: "unwrap what is wrapped to a custodian",
            covers: &["custodian unwrap_key", "wrapped_share unwrap"],
            shows: 0,
            run: |rng| {
                let (mut key, share, mut out) = (private(), share(), [0; 256]);
                let to = key.public_key().clone();
                let mut steady = sealed::rng(1);
                let wrapped = WrappedShare::wrap(&share, &[7; 32], &to, &mut steady, &mut out);
                let wrapped = wrapped.unwrap();
                let unwrapped = debug(wrapped.unwrap(&[7; 32], share.index(), &mut key, rng));
                Ok(unwrapped?.value().expose().to_vec())
            },
        },
        Row {
            name: "unwrap by a trait object's methods",
            covers: &[],
            shows: 0,
            run: |rng| {
                let (mut key, mut wrapped, mut out) = (private(), [0; 256], [0; 65]);
                let to = key.public_key().clone();
                Recipient::wrap(&to, &[5; 65], &[], &mut sealed::rng(1), &mut wrapped).unwrap();
                let done = debug(Identity::unwrap_key(&mut key, &wrapped, &[], rng, &mut out));
                made(done, &out)
            },
        },
        Row {
            name: "a key of P-256",
            covers: &["kem generate", "kem draw"],
            shows: ALL,
            run: |rng| {
                let key = debug(kem::PrivateKey::<kem::P256>::generate(rng))?;
                Ok(key.expose_seed().to_vec())
            },
        },
        Row {
            name: "wrap to an RSA key and one of X-Wing",
            covers: &[
                "both wrap",
                "both wrap_to_both",
                "custodian_key wrap",
                "kem sealed_twice",
            ],
            shows: ALL,
            run: |rng| {
                let to = BothPublicKeys::new(private().public_key().clone(), x_wing_public());
                let to = CustodianKey::RsaAndXWing(to);
                let mut out = vec![0xaa; to.algorithm().wrapped_len(65)];
                let done = debug(to.wrap(&[5; 65], &[7; 32], rng, &mut out));
                made(done.map(|()| 0), &out)
            },
        },
        Row {
            name: "wrap to a key of X-Wing",
            covers: &["kem wrap"],
            shows: ALL,
            run: |rng| {
                let to = x_wing_public();
                let mut out = vec![0xaa; to.algorithm().wrapped_len(65)];
                let done = debug(to.wrap(&[5; 65], &[7; 32], rng, &mut out));
                made(done.map(|()| 0), &out)
            },
        },
        Row {
            name: "unwrap with an RSA key and one of X-Wing",
            covers: &["both unwrap_key", "kem unwrap_key"],
            shows: 0,
            run: |rng| {
                let (mut rsa, mut other) = (private(), x_wing());
                let public = BothPublicKeys::new(rsa.public_key().clone(), x_wing_public());
                let mut wrapped = vec![0; public.algorithm().wrapped_len(65)];
                { public.wrap(&[5; 65], &[7; 32], &mut sealed::rng(1), &mut wrapped) }.unwrap();
                let mut out = [0; 65];
                let mut both = Both::new(&public, &mut rsa, &mut other);
                let done = debug(both.unwrap_key(&wrapped, &[7; 32], rng, &mut out));
                made(done, &out)
            },
        },
    ]
};

fn x_wing() -> kem::PrivateKey<kem::XWing> {
    kem::PrivateKey::from_seed(&[3; 32]).unwrap()
}

fn x_wing_public() -> kem::PublicKey<kem::XWing> {
    x_wing().public_key().unwrap()
}

fn private() -> PrivateKey {
    fixtures::private_key("s2048_0")
}

fn share() -> Share<32> {
    let secret = Secret::random(&mut sealed::rng(1)).unwrap();
    let [_, second, _] = split(&secret, Quorum::of::<2, 3>(), &mut sealed::rng(2)).unwrap();
    second
}

/// What was made, or zeros after a refusal.
pub fn made(done: Result<usize, String>, out: &[u8]) -> Result<Vec<u8>, String> {
    if done.is_err() {
        empty(out);
    }
    done.map(|_| out.to_vec())
}
