// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that are not RSA keys: generating one with its public half, wrapping a share to it,
//! unwrapping.
//!
//! aws-lc-rs has ML-KEM-1024 with key wrap as a whole. Of the other kinds it has the parts that
//! take the time, without what HPKE derives and seals.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::agreement::{self, Algorithm, PrivateKey as CurveKey, UnparsedPublicKey};
use aws_lc_rs::kem::{self, DecapsulationKey, ML_KEM_768, ML_KEM_1024};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use getrandom::SysRng;
use security_domain::custodian::{Identity, Recipient};
use security_domain::kem::{Kem, MlKem1024, MlKem1024P384, P256, PrivateKey, XWing};

use crate::measure::{self, Entry, Job, Plan};
use crate::report::{OURS, Output};

/// A share with its context and index.
const MESSAGE: [u8; 65] = [0x5a; 65];
const CONTEXT: [u8; 32] = [7; 32];

/// Generating, wrapping and unwrapping, in this order.
type Jobs = [Job<'static>; 3];

const WORK: [&str; 3] = ["keygen", "wrap", "unwrap"];

pub fn run(output: &Output) {
    let lattice_768 = || lattice(&ML_KEM_768);
    let lattice_1024 = || lattice(&ML_KEM_1024);
    let cases: [(&str, Jobs, Jobs); 4] = [
        ("p256", ours::<P256>(), curve(&agreement::ECDH_P256)),
        (
            "x-wing",
            ours::<XWing>(),
            both(lattice_768(), curve(&agreement::X25519)),
        ),
        (
            "mlkem1024-p384",
            ours::<MlKem1024P384>(),
            both(lattice_1024(), curve(&agreement::ECDH_P384)),
        ),
        ("ml-kem-1024", ours::<MlKem1024>(), key_wrap()),
    ];
    for (kind, ours, theirs) in cases {
        for ((work, ours), theirs) in WORK.into_iter().zip(ours).zip(theirs) {
            let entries = [ours, theirs].map(|job| Entry {
                job,
                patience: Duration::MAX,
            });
            let plan = Plan {
                budget: Duration::from_secs(3),
                least: 21,
                most: 301,
                turn: Duration::from_millis(10),
            };
            let medians = measure::interleaved(entries.into(), plan);
            let rows: Vec<_> = [OURS, "aws-lc-rs"]
                .into_iter()
                .zip(medians.into_iter().flatten())
                .collect();
            output.operation(&format!("{kind} {work}"), &rows);
        }
    }
}

fn ours<K: Kem>() -> Jobs {
    let mut key = PrivateKey::<K>::generate(&mut SysRng).expect("a key");
    let public = key.public_key().expect("a public key");
    let mut wrapped = vec![0; public.algorithm().wrapped_len(MESSAGE.len())];
    let wrap = |out: &mut [u8]| {
        let to = public.clone();
        to.wrap(&MESSAGE, &CONTEXT, &mut SysRng, out)
    };
    wrap(&mut wrapped).expect("it fits");
    let mut out = wrapped.clone();
    [
        Box::new(|| {
            let key = PrivateKey::<K>::generate(&mut SysRng).expect("a key");
            black_box(key.public_key().expect("a public key"));
        }),
        Box::new(move || {
            let wrapped = public.wrap(&MESSAGE, &CONTEXT, &mut SysRng, &mut out);
            wrapped.expect("it fits");
        }),
        Box::new(move || {
            let mut message = [0; 65];
            let opened = key.unwrap_key(&wrapped, &CONTEXT, &mut SysRng, &mut message);
            assert_eq!((opened.expect("it opens"), message), (65, MESSAGE));
        }),
    ]
}

fn lattice(set: &'static kem::Algorithm<kem::AlgorithmId>) -> Jobs {
    let key = DecapsulationKey::generate(set).expect("a key");
    let public = key.encapsulation_key().expect("a public key");
    let (ciphertext, _) = public.encapsulate().expect("a secret");
    let ciphertext = ciphertext.as_ref().to_vec();
    [
        Box::new(move || {
            let key = DecapsulationKey::generate(set).expect("a key");
            black_box(key.encapsulation_key().expect("a public key"));
        }),
        Box::new(move || {
            black_box(public.encapsulate().expect("a secret"));
        }),
        Box::new(move || {
            black_box(key.decapsulate(ciphertext.as_slice().into()).expect("a secret"));
        }),
    ]
}

fn key_wrap() -> Jobs {
    let key = DecapsulationKey::generate(&ML_KEM_1024).expect("a key");
    let public = key.encapsulation_key().expect("a public key");
    let (ciphertext, secret) = public.encapsulate().expect("a secret");
    let (ciphertext, mut wrapped) = (ciphertext.as_ref().to_vec(), [0; 80]);
    let kek = |secret: &[u8]| AesKek::new(&AES_256, secret).expect("a key");
    { kek(secret.as_ref()).wrap_with_padding(&MESSAGE, &mut wrapped) }.expect("it fits");
    let [generate, ..] = lattice(&ML_KEM_1024);
    [
        generate,
        Box::new(move || {
            let (ciphertext, secret) = public.encapsulate().expect("a secret");
            let mut out = [0; 80];
            { kek(secret.as_ref()).wrap_with_padding(&MESSAGE, &mut out) }.expect("it fits");
            black_box((ciphertext, out));
        }),
        Box::new(move || {
            let secret = key.decapsulate(ciphertext.as_slice().into());
            let secret = secret.expect("a secret");
            let mut out = [0; 80];
            let message = kek(secret.as_ref()).unwrap_with_padding(&wrapped, &mut out);
            assert_eq!(message.expect("it opens"), MESSAGE);
        }),
    ]
}

/// Diffie-Hellman: a key of its own for each message.
fn curve(curve: &'static Algorithm) -> Jobs {
    let generate = move || {
        let key = CurveKey::generate(curve).expect("a key");
        let public = key.compute_public_key().expect("a public key");
        (key, public.as_ref().to_vec())
    };
    let agree = move |key: &CurveKey, public: &[u8]| {
        let public = UnparsedPublicKey::new(curve, public);
        agreement::agree(key, public, (), |secret| {
            black_box(secret);
            Ok(())
        })
        .expect("a secret");
    };
    let ((key, public), (_, theirs)) = (generate(), generate());
    [
        Box::new(move || {
            black_box(generate());
        }),
        Box::new(move || {
            let (own, _) = generate();
            agree(&own, &public);
        }),
        Box::new(move || agree(&key, &theirs)),
    ]
}

fn both(one: Jobs, two: Jobs) -> Jobs {
    let mut pairs = one.into_iter().zip(two).map(|(mut one, mut two)| {
        Box::new(move || {
            one();
            two();
        }) as Job<'static>
    });
    [(); 3].map(|()| pairs.next().expect("three"))
}
