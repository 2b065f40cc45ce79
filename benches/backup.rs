// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backup and restore of 16 MiB, beside what the crate `aes-gcm` takes for the same bytes in one message.
//!
//! `cargo bench --features sealed-domain,hazmat --bench backup`
//!
//! In turns; the median of the ratios of neighbouring runs counts, so that a busy machine slows both alike.
#![allow(missing_docs)]

use std::time::Instant;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::backup::{BackupHeader, BackupInfo, Kind, TAG_LEN};
use security_domain::hazmat::backup::{self, BackupKey};
use security_domain::sealed_domain::{Epoch, InstanceId, LedgerHead, Root};

const LENGTH: usize = 16 << 20;

/// Seals what `chunks` holds, each chunk with room for its tag behind it; gives the front.
fn seal(root: &Root, mut chunks: &mut [u8]) -> Vec<u8> {
    let plan = BackupInfo {
        epoch: Some(Epoch::FIRST),
        instance: InstanceId::from_bytes([7; 16]),
        ledger_head: LedgerHead::NONE,
        kind: Kind::Full(None),
        created: 1_790_000_000,
        length: LENGTH as u64,
    };
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut key = BackupKey::none();
    let mut writer = backup::write(root, &plan, &mut rng, &mut key).unwrap();
    while let Some(len) = writer.next_len() {
        let chunk = chunks.split_off_mut(..len + TAG_LEN).unwrap();
        writer.seal(&mut key, chunk).unwrap();
    }
    let front = writer.front().to_vec();
    writer.finish().unwrap();
    front
}

fn open(root: &Root, front: &[u8], mut chunks: &mut [u8]) {
    let header = BackupHeader::parse(front).unwrap();
    let mut key = BackupKey::none();
    let mut reader = backup::read(root, &header, &mut key).unwrap();
    while let Some(len) = reader.next_len() {
        let chunk = chunks.split_off_mut(..len + TAG_LEN).unwrap();
        reader.open(&mut key, chunk).unwrap();
    }
    reader.finish().unwrap();
}

fn bare_encrypt(cipher: &Aes256Gcm, text: &mut [u8]) -> [u8; TAG_LEN] {
    let sealed = cipher.encrypt_inout_detached(&[0; 12].into(), &[], text.into());
    sealed.unwrap().into()
}

fn bare_decrypt(cipher: &Aes256Gcm, text: &mut [u8], tag: &[u8; TAG_LEN]) {
    let opened = cipher.decrypt_inout_detached(&[0; 12].into(), &[], text.into(), tag.into());
    opened.unwrap();
}

const RUNS: usize = 200;

/// How long `run` takes, in seconds.
fn time<T>(times: &mut Vec<f64>, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    times.push(start.elapsed().as_secs_f64());
    result
}

/// The one in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // `cargo test` asks for a run that only shows that it works.
    let measures = std::env::args().any(|arg| arg == "--bench");
    let root = Root::random(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    let cipher = Aes256Gcm::new(&[7; 32].into());
    let mut chunks = vec![0x5a; LENGTH + (LENGTH >> 16) * TAG_LEN];
    let mut message = vec![0x5a; LENGTH];
    let [mut encrypt, mut backup, mut decrypt, mut restore] = [const { Vec::new() }; 4];
    for _ in 0..if measures { RUNS } else { 1 } {
        let tag = time(&mut encrypt, || bare_encrypt(&cipher, &mut message));
        let front = time(&mut backup, || seal(&root, &mut chunks));
        time(&mut decrypt, || bare_decrypt(&cipher, &mut message, &tag));
        time(&mut restore, || open(&root, &front, &mut chunks));
    }
    for (name, ours, bare) in [("backup", backup, encrypt), ("restore", restore, decrypt)] {
        let share = median(
            bare.iter()
                .zip(&ours)
                .map(|(bare, ours)| bare / ours)
                .collect(),
        );
        let [ours, bare] = [ours, bare].map(|times| LENGTH as f64 / median(times) / 1e6);
        let share = 100.0 * share;
        println!("{name:<8} {ours:>6.0} MB/s, aes-gcm {bare:>6.0} MB/s: {share:.0} % of its speed");
    }
}
