// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files under `tests/vectors/backup`, each named by its defect. They were written by
//! `tests/interop/backup.py`, which shares no line with the crate; `cases.json` says how far each gets,
//! and in which words it is refused.
#![cfg(all(feature = "sealed-domain", feature = "hazmat"))]

mod chain;
mod known_answer;

use std::fs;
use std::path::PathBuf;

use chain::chain;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::backup::{BackupHeader, BackupInfo, FRONT_MAX_LEN, Kind, Name, TAG_LEN};
use security_domain::hazmat::backup::{self, BackupKey};
use security_domain::sealed_domain::{Epoch, InstanceId, LedgerHead, Root};
use security_domain::secret::Secret;
use sha2::{Digest, Sha256};

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/backup")
}

/// What `drawn` in the Python file gives.
fn root() -> Root {
    let mut digest = Sha256::digest(b"domain/root").into();
    Root::from_secret(Secret::from_bytes(&mut digest))
}

/// How far a file gets, and what stops it.
fn verdict(file: &[u8]) -> (&'static str, String) {
    let header = match BackupHeader::parse(&file[..FRONT_MAX_LEN.min(file.len())]) {
        Ok(header) => header,
        Err(error) => return ("header", chain(&error)),
    };
    let mut key = BackupKey::none();
    let mut reader = match backup::read(&root(), &header, &mut key) {
        Ok(reader) => reader,
        Err(error) => return ("domain", chain(&error)),
    };
    let mut rest = file[header.front().len()..].to_vec();
    let mut rest = &mut rest[..];
    let mut text = Vec::new();
    while let Some(len) = reader.next_len() {
        let at = rest.len().min(len + TAG_LEN);
        let (chunk, after) = std::mem::take(&mut rest).split_at_mut(at);
        rest = after;
        match reader.open(&mut key, chunk) {
            Ok(opened) => text.extend_from_slice(opened),
            Err(error) => return ("open", chain(&error)),
        }
    }
    if !rest.is_empty() {
        let error = reader.open(&mut key, rest).unwrap_err();
        assert!(reader.finish().is_err());
        return ("end", chain(&error));
    }
    assert_eq!(reader.finish(), Ok(()));
    assert_eq!(file.len() as u64, header.sealed_len());
    assert_eq!(text, &b"what an HSM keeps"[..header.info().length as usize]);
    ("restores", String::new())
}

#[test]
fn every_file_is_judged_as_its_name_says() {
    let cases = fs::read_to_string(vectors().join("cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&cases).unwrap();
    let mut seen = 0;
    for case in cases.as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let file = fs::read(vectors().join(format!("{name}.backup"))).unwrap();
        let (step, says) = verdict(&file);
        assert_eq!(step, case["step"], "{name}: {says}");
        assert_eq!(says, case["says"], "{name}");
        seen += 1;
    }
    let files = fs::read_dir(vectors()).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "backup")
    });
    assert_eq!(files.count(), seen, "every file has a case");
}

/// Backups with fixed draws, of the lengths where chunks begin and end. A change of one byte is a change
/// of the format, or of the order in which things are drawn. The Python file writes the same.
#[test]
fn known_answers() {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let root = Root::from_secret(Secret::random(&mut ChaCha20Rng::from_seed([0x2a; 32])).unwrap());
    let text: Vec<u8> = (0..=u16::MAX)
        .cycle()
        .flat_map(u16::to_be_bytes)
        .take(200_000)
        .collect();
    let mut answers = Vec::new();
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let plan = BackupInfo {
            epoch: Some(Epoch::FIRST),
            instance: InstanceId::from_bytes(*b"0123456789abcdef"),
            ledger_head: LedgerHead::NONE,
            kind: Kind::Key(Name::new("known answer").unwrap()),
            created: 1_790_000_000,
            length: length as u64,
        };
        let mut rng = ChaCha20Rng::from_seed([0x2b; 32]);
        let mut key = BackupKey::none();
        let mut writer = backup::write(&root, &plan, &mut rng, &mut key).unwrap();
        let front = writer.front().to_vec();
        let mut hash = Sha256::new();
        hash.update(&front);
        let mut at = 0;
        while let Some(len) = writer.next_len() {
            let mut chunk = text[at..at + len].to_vec();
            chunk.resize(len + TAG_LEN, 0);
            writer.seal(&mut key, &mut chunk).unwrap();
            hash.update(&chunk);
            at += len;
        }
        assert_eq!(writer.finish(), Ok(()));
        answers.push(serde_json::json!({
            "root": hex(root.secret().expose()),
            "front": hex(&front),
            "length": length,
            "sha256": hex(&hash.finalize()),
        }));
    }
    let answers = serde_json::Value::from(answers);
    let path = vectors().join("known-answer.json");
    if known_answer::rewritten() {
        let pretty = serde_json::to_string_pretty(&answers).unwrap();
        fs::write(&path, pretty + "\n").unwrap();
    }
    let want = fs::read_to_string(&path).unwrap();
    assert_eq!(
        answers,
        serde_json::from_str::<serde_json::Value>(&want).unwrap()
    );
}
