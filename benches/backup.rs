// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backup and restore of 16 MiB, beside what the crate `aes-gcm` takes for the same bytes in one message.
//!
//! `cargo bench --features hazmat --bench backup`
#![allow(missing_docs)]

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::backup::{BackupHeader, Kind, Plan, TAG_LEN};
use security_domain::domain::{Epoch, InstanceId, LedgerHead, Root};
use security_domain::hazmat;

const LENGTH: usize = 16 << 20;

/// Seals what `chunks` holds, each chunk with room for its tag behind it; gives the front.
fn seal(root: &Root, mut chunks: &mut [u8]) -> Vec<u8> {
    let plan = Plan {
        epoch: Some(Epoch::FIRST),
        instance: InstanceId::from_bytes([7; 16]),
        ledger_head: LedgerHead::NONE,
        kind: Kind::Full(None),
        created: 1_790_000_000,
        length: LENGTH as u64,
    };
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut writer = hazmat::backup::write(root, &plan, &mut rng).unwrap();
    while let Some(len) = writer.next_len() {
        let chunk = chunks.split_off_mut(..len + TAG_LEN).unwrap();
        writer.seal(chunk).unwrap();
    }
    let front = writer.front().to_vec();
    writer.finish().unwrap();
    front
}

fn open(root: &Root, front: &[u8], mut chunks: &mut [u8]) {
    let header = BackupHeader::parse(front).unwrap();
    let mut reader = hazmat::backup::read(root, &header).unwrap();
    while let Some(len) = reader.next_len() {
        let chunk = chunks.split_off_mut(..len + TAG_LEN).unwrap();
        reader.open(chunk).unwrap();
    }
    reader.finish().unwrap();
}

fn backup(criterion: &mut Criterion) {
    let root = Root::random(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    let text = vec![0x5a; LENGTH + (LENGTH >> 16) * TAG_LEN];
    let mut sealed = text.clone();
    let front = seal(&root, &mut sealed);
    let bare = Aes256Gcm::new(&[7; 32].into());
    let mut message = text[..LENGTH].to_vec();
    let tag = bare
        .encrypt_inout_detached(&[0; 12].into(), &[], (&mut message[..]).into())
        .unwrap();

    let mut group = criterion.benchmark_group("16 MiB");
    group.throughput(Throughput::Bytes(LENGTH as u64));
    group.bench_function("aes-gcm, encrypt", |bencher| {
        bencher.iter_batched_ref(
            || text[..LENGTH].to_vec(),
            |text| bare.encrypt_inout_detached(&[0; 12].into(), &[], (&mut text[..]).into()),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("backup", |bencher| {
        bencher.iter_batched_ref(
            || text.clone(),
            |text| seal(&root, text),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("aes-gcm, decrypt", |bencher| {
        bencher.iter_batched_ref(
            || message.clone(),
            |text| {
                bare.decrypt_inout_detached(&[0; 12].into(), &[], (&mut text[..]).into(), &tag)
                    .unwrap();
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("restore", |bencher| {
        bencher.iter_batched_ref(
            || sealed.clone(),
            |chunks| open(&root, &front, chunks),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, backup);
criterion_main!(benches);
