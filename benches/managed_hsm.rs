// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making and restoring a file of a Managed HSM: 3 of 5 custodians with RSA-2048, artifacts about as
//! large as real ones.
//!
//! `cargo bench --features managed-hsm --bench managed_hsm`
#![allow(missing_docs)]

use std::num::NonZeroU64;

use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::{Tag, restore_blob};
use security_domain::quorum::Threshold;
use security_domain::rsa::{ModulusSize, PrivateKey};
use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN, SelfSigned, write_self_signed};

const ARTIFACTS: [(&str, usize); 3] = [
    ("hsm_backup", 10_000),
    ("base_enclave_backup", 1_000),
    ("partition_enclave_backup", 2_500),
];

/// A custodian's key, and the certificate of it in DER.
fn custodian(rng: &mut ChaCha20Rng) -> (PrivateKey, Vec<u8>) {
    let key = PrivateKey::generate(ModulusSize::Rsa2048, rng).unwrap();
    let content = SelfSigned {
        common_name: "custodian",
        serial: NonZeroU64::MIN,
        not_before: 0,
        not_after: 1,
    };
    let mut der = vec![0; SELF_SIGNED_MAX_LEN];
    let length = write_self_signed(&key, &content, rng, &mut der).unwrap();
    der.truncate(length);
    (key, der)
}

fn managed_hsm(criterion: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (mut keys, ders): (Vec<_>, Vec<_>) = (0..5).map(|_| custodian(&mut rng)).unzip();
    let certificates: Vec<Certificate<'_>> = { ders.iter() }
        .map(|der| Certificate::parse(der).unwrap())
        .collect();
    let threshold = Threshold::new(3).unwrap();
    let data = vec![0x5a; 10_000];
    let artifacts = ARTIFACTS.map(|(tag, length)| (Tag::new(tag).unwrap(), &data[..length]));
    let mut text = vec![0; domain_file::encoded_len(&artifacts, threshold, &certificates)];

    let mut group = criterion.benchmark_group("managed_hsm 3 of 5");
    group.bench_function("make", |bencher| {
        bencher.iter(|| {
            domain_file::write(&artifacts, threshold, &certificates, &mut rng, &mut text).unwrap()
        });
    });
    group.bench_function("restore", |bencher| {
        bencher.iter(|| {
            let file = DomainFile::parse(&text).unwrap();
            let shares: Vec<_> = { certificates.iter().zip(&mut keys).take(3) }
                .map(|(certificate, key)| {
                    file.open_share(&certificate.thumbprint(), key, &mut rng)
                        .unwrap()
                })
                .collect();
            let combined = file.combine(&shares).unwrap();
            // The last custodian's certificate serves as the transfer certificate.
            let transfer = &certificates[4];
            let mut blob = vec![0; restore_blob::encoded_len(&file, transfer)];
            restore_blob::write(&file, combined.master_key(), transfer, &mut rng, &mut blob)
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, managed_hsm);
criterion_main!(benches);
