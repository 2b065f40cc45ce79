// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hot paths of RSA: OAEP unwrap and wrap, import of a key.
//!
//! `cargo bench --features sealed-domain --bench rsa`
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::rsa::PrivateKey;

const KEYS: [(u32, &[u8]); 3] = [
    (
        2048,
        include_bytes!("../tests/vectors/rsa/keys/2048.pkcs8.der"),
    ),
    (
        3072,
        include_bytes!("../tests/vectors/rsa/keys/3072.pkcs8.der"),
    ),
    (
        4096,
        include_bytes!("../tests/vectors/rsa/keys/4096.pkcs8.der"),
    ),
];

/// A content key of the interchange.
const MESSAGE: [u8; 64] = [0x5a; 64];

fn rsa(criterion: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut group = criterion.benchmark_group("rsa");
    for (bits, der) in KEYS {
        let key = PrivateKey::from_pkcs8_der(der).unwrap();
        let public = key.public_key();
        let mut wrapped = vec![0; public.size().bytes()];
        group.bench_function(BenchmarkId::new("wrap", bits), |bencher| {
            bencher.iter(|| public.encrypt_oaep_sha256(&[], &MESSAGE, &mut rng, &mut wrapped));
        });
        let mut message = [0; MESSAGE.len()];
        group.bench_function(BenchmarkId::new("unwrap", bits), |bencher| {
            bencher.iter(|| {
                let length = key.decrypt_oaep_sha256(&[], &wrapped, &mut rng, &mut message);
                assert_eq!(length, Ok(MESSAGE.len()));
            });
        });
        group.bench_function(BenchmarkId::new("import", bits), |bencher| {
            bencher.iter(|| drop(PrivateKey::from_pkcs8_der(black_box(der)).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, rsa);
criterion_main!(benches);
