// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hot paths of sharing: every kernel of this CPU, then splitting, combining, checking, renewing.
//!
//! `cargo bench --features hazmat --bench shamir`
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use security_domain::hazmat::gf256::{Backend, Public, Store, Term};
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::secret::Secret;
use security_domain::shamir::check::{SetId, ShareDigest, consistent, correct_rows};
use security_domain::shamir::renew::repair;
use security_domain::shamir::{Share, ShareRow, combine, combine_rows, split_into, split_rows};

const LENGTHS: [usize; 3] = [32, 4096, 1 << 20];

fn quorum(threshold: u8, count: u8) -> Quorum {
    Quorum::new(threshold, count).unwrap()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng().fill_bytes(&mut bytes);
    bytes
}

fn deal(len: usize, quorum: Quorum) -> Vec<Vec<u8>> {
    let mut rows = vec![vec![0; len]; quorum.count().get().into()];
    let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
    split_rows(&noise(len), quorum, &mut rng(), &mut slots).unwrap();
    rows
}

fn as_rows(rows: &[Vec<u8>]) -> Vec<ShareRow<'_>> {
    let indices = (1..=u8::MAX).map(|index| ShareIndex::new(index).unwrap());
    indices
        .zip(rows)
        .map(|(index, value)| ShareRow { index, value })
        .collect()
}

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel, three terms");
    for len in LENGTHS {
        let (rows, mut out) = ([noise(len), noise(len), noise(len)], vec![0; len]);
        let factors = [0x03, 0x57, 0xfe].map(Public::new);
        let terms: Vec<Term<'_>> = factors
            .into_iter()
            .zip(&rows)
            .map(|(by, row)| Term { by, row })
            .collect();
        group.throughput(Throughput::Bytes(3 * len as u64));
        for backend in Backend::available() {
            group.bench_function(BenchmarkId::new(backend.name(), len), |bencher| {
                bencher
                    .iter(|| backend.run(black_box(&mut out), black_box(&terms), Store::Replace));
            });
        }
    }
}

fn split_and_combine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("32 bytes");
    for (threshold, count) in [(2, 3), (3, 5), (5, 10), (20, 40)] {
        let quorum = quorum(threshold, count);
        let (secret, mut rng) = (Secret::<32>::random(&mut rng()).unwrap(), rng());
        let mut slots: Vec<Option<Share<32>>> = quorum.indices().map(|_| None).collect();
        group.bench_function(format!("split {quorum}"), |bencher| {
            bencher.iter(|| split_into(&secret, quorum, &mut rng, black_box(&mut slots)).unwrap());
        });
        split_into(&secret, quorum, &mut rng, &mut slots).unwrap();
        let given: Vec<&Share<32>> = slots
            .iter()
            .rev()
            .flatten()
            .take(threshold.into())
            .collect();
        group.bench_function(format!("combine {quorum}"), |bencher| {
            bencher.iter(|| combine(quorum, black_box(&given)).unwrap());
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("rows, 3 of 5");
    let quorum = quorum(3, 5);
    for len in LENGTHS {
        let (secret, mut rows, mut rng) = (noise(len), deal(len, quorum), rng());
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("split", len), |bencher| {
            let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
            bencher.iter(|| split_rows(&secret, quorum, &mut rng, &mut slots).unwrap());
        });
        let (given, mut out) = (as_rows(&rows), vec![0; len]);
        group.bench_function(BenchmarkId::new("combine", len), |bencher| {
            bencher.iter(|| combine_rows(quorum, black_box(&given[2..]), &mut out).unwrap());
        });
        group.bench_function(BenchmarkId::new("consistent, all five", len), |bencher| {
            bencher.iter(|| consistent(quorum, black_box(&given)).unwrap());
        });
        group.bench_function(BenchmarkId::new("digest", len), |bencher| {
            let (blind, set) = (
                Secret::random(&mut rng).unwrap(),
                SetId::from_bytes([7; 16]),
            );
            bencher.iter(|| ShareDigest::of(&blind, set, quorum, black_box(given[0])));
        });
        let mut bad = rows.clone();
        bad[1][len - 1] ^= 1;
        let given = as_rows(&bad);
        group.bench_function(BenchmarkId::new("correct one of five", len), |bencher| {
            bencher.iter(|| correct_rows(quorum, &given, &mut rng, &mut out).unwrap());
        });
        let helpers = [2, 4, 5].map(|index| ShareIndex::new(index).unwrap());
        let mut sent = vec![vec![0; len]; 3];
        let mut sent: Vec<&mut [u8]> = sent.iter_mut().map(Vec::as_mut_slice).collect();
        group.bench_function(BenchmarkId::new("repair, one helper", len), |bencher| {
            let lost = ShareIndex::new(1).unwrap();
            bencher.iter(|| {
                repair::mask(quorum, &helpers, lost, given[1], &mut rng, &mut sent).unwrap();
            });
        });
    }
    group.finish();

    let quorum = self::quorum(128, 255);
    let mut rows = deal(32, quorum);
    rows.iter_mut().step_by(5).for_each(|row| row[7] ^= 0x80);
    let (given, mut rng, mut out) = (as_rows(&rows), rng(), [0; 32]);
    criterion.bench_function("correct 51 of 255, threshold 128, 32 bytes", |bencher| {
        bencher.iter(|| correct_rows(quorum, &given, &mut rng, &mut out).unwrap());
    });
}

criterion_group!(benches, kernels, split_and_combine);
criterion_main!(benches);
