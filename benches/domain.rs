// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing and opening a domain, 3 of 5 and 10 of 10 custodians, by the size of their RSA keys. Opening
//! is all that a recovery computes: the file read, a quorum's shares unwrapped and checked, the body opened.
//!
//! `cargo bench --features sealed-domain --bench domain`
#![allow(missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::custodian::Recipient;
use security_domain::quorum::Threshold;
use security_domain::rsa::{ModulusSize, PrivateKey, PublicKey};
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, DomainShare, Epoch, ExpectedDomain, InstanceId, Lineage, ModuleFloor,
    Root, SealedDomain, Sealing,
};

const SIZES: [(u32, ModulusSize); 3] = [
    (2048, ModulusSize::Rsa2048),
    (3072, ModulusSize::Rsa3072),
    (4096, ModulusSize::Rsa4096),
];
const QUORUMS: [(u8, usize); 2] = [(3, 5), (10, 10)];

fn domain(criterion: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let root = Root::random(&mut rng).unwrap();
    let data = vec![0x5a; 10_000];
    let artifacts = [
        (ArtifactTag::new("signing-key").unwrap(), &data[..32]),
        (ArtifactTag::new("data").unwrap(), &data[..]),
    ];
    let mut group = criterion.benchmark_group("domain");
    group.sample_size(20);
    for (bits, size) in SIZES {
        let mut keys: Vec<PrivateKey> = (0..10)
            .map(|_| PrivateKey::generate(size, &mut rng).unwrap())
            .collect();
        let custodians: Vec<PublicKey> = keys.iter().map(|key| key.public_key().clone()).collect();
        for (threshold, count) in QUORUMS {
            let sealing = Sealing {
                root: &root,
                artifacts: &artifacts,
                custodians: &custodians[..count],
                threshold: Threshold::new(threshold).unwrap(),
                label: DomainLabel::new("bench").unwrap(),
                lineage: Lineage::FIRST,
                floor: ModuleFloor::NONE,
                break_glass: None,
                created: 0,
                instance: InstanceId::from_bytes([7; 16]),
            };
            let case = format!("{threshold} of {count}, RSA-{bits}");
            let mut scratch = vec![0; sealing.scratch_len().unwrap()];
            let mut file = vec![0; sealing.sealed_len().unwrap()];
            group.bench_function(BenchmarkId::new("seal", &case), |bencher| {
                bencher.iter(|| {
                    sealing
                        .seal(&mut rng, &mut scratch, &mut file)
                        .map(drop)
                        .unwrap()
                });
            });
            // The file of one sealing at least: a filter may have left the bench above out.
            sealing.seal(&mut rng, &mut scratch, &mut file).unwrap();
            let expect = ExpectedDomain::new(root.domain_id().unwrap(), Epoch::FIRST);
            group.bench_function(BenchmarkId::new("open", &case), |bencher| {
                bencher.iter(|| {
                    let sealed = SealedDomain::parse(&file).unwrap();
                    let shares: Vec<DomainShare> = (custodians.iter().zip(&mut keys))
                        .take(threshold.into())
                        .map(|(of, key)| sealed.unwrap_share(of.id(), key, &mut rng).unwrap())
                        .collect();
                    let shares: Vec<&DomainShare> = shares.iter().collect();
                    let mut out = vec![0; sealed.opened_len()];
                    let opened = sealed.open(&expect, &shares, &mut out).unwrap();
                    opened.artifacts().count()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, domain);
criterion_main!(benches);
