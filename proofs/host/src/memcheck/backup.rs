// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups, written and restored. Root, text and everything that is drawn are secret; what was written
//! is a file, and public.

use security_domain::backup::{
    BackupHeader, BackupInfo, CHUNK_LEN, Kind, RestoreError, StreamError, TAG_LEN,
};
use security_domain::hazmat::backup::{self, BackupKey};
use security_domain::sealed_domain::{Epoch, InstanceId, LedgerHead, Root};
use security_domain::secret::Secret;

use crate::Operation;
use crate::rng::SecretRng;
use crate::valgrind::{hidden, hide, reveal};

pub const OPERATIONS: &[Operation] = &[
    ("backup: write, restore", write_and_restore),
    ("backup: a chunk that does not open", refuse),
    ("backup: of another domain", of_another_domain),
];

/// Two chunks, the last not of whole blocks.
const LENGTH: usize = CHUNK_LEN + 1_001;

fn root(byte: u8) -> Root {
    Root::from_secret(Secret::from_bytes(&mut hidden([byte; 32])))
}

/// The front and the chunks.
fn written() -> (Vec<u8>, Vec<Vec<u8>>) {
    let plan = BackupInfo {
        epoch: Some(Epoch::FIRST),
        instance: InstanceId::from_bytes([7; 16]),
        ledger_head: LedgerHead::NONE,
        kind: Kind::Full(None),
        created: 0,
        length: LENGTH as u64,
    };
    let (root, mut key) = (root(0x72), BackupKey::none());
    let mut writer = backup::write(&root, &plan, &mut SecretRng(40), &mut key).unwrap();
    let front = writer.front().to_vec();
    let mut chunks = Vec::new();
    while let Some(len) = writer.next_len() {
        let mut chunk = vec![0x61; len + TAG_LEN];
        hide(&mut chunk);
        writer.seal(&mut key, &mut chunk).unwrap();
        reveal(&mut chunk);
        chunks.push(chunk);
    }
    writer.finish().unwrap();
    (front, chunks)
}

fn write_and_restore() {
    let (front, mut chunks) = written();
    let header = BackupHeader::parse(&front).unwrap();
    let mut key = BackupKey::none();
    let mut reader = backup::read(&root(0x72), &header, &mut key).unwrap();
    for chunk in &mut chunks {
        let text = reader.open(&mut key, chunk).unwrap();
        reveal(text);
        assert!(text.iter().all(|byte| *byte == 0x61));
    }
    reader.finish().unwrap();
}

fn refuse() {
    let (front, mut chunks) = written();
    let header = BackupHeader::parse(&front).unwrap();
    for place in [0, CHUNK_LEN - 1, CHUNK_LEN + 15] {
        let mut key = BackupKey::none();
        let mut reader = backup::read(&root(0x72), &header, &mut key).unwrap();
        chunks[0][place] ^= 1;
        let refused = reader.open(&mut key, &mut chunks[0]);
        assert_eq!(refused, Err(StreamError::DoesNotOpen));
        chunks[0][place] ^= 1;
    }
}

fn of_another_domain() {
    let (front, _) = written();
    let header = BackupHeader::parse(&front).unwrap();
    let refused = backup::read(&root(0x73), &header, &mut BackupKey::none()).unwrap_err();
    let have = header.domain_id();
    assert!(matches!(refused, RestoreError::WrongDomain(wrong) if wrong.have == have));
}
