// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ledger prove`: a hand-off is shown with its proofs, without the rest of the log.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ledger::{cases, export, handoff, taker, vectors};
use crate::simulated::Site;
use crate::{Folder, Run, arguments, secdom};

/// The parts of a shown record, and its checkpoint.
fn parts(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (mut parts, mut rest) = (Vec::new(), bytes.strip_prefix(b"sdrec\x01").unwrap());
    loop {
        let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        if len == 0 {
            return (parts, rest[2..].to_vec());
        }
        parts.push(rest[2..2 + len].to_vec());
        rest = &rest[2 + len..];
    }
}

fn joined(parts: &[Vec<u8>], checkpoint: &[u8]) -> Vec<u8> {
    let mut out = b"sdrec\x01".to_vec();
    for part in parts {
        out.extend((part.len() as u16).to_be_bytes());
        out.extend(part);
    }
    [&out[..], &[0; 2], checkpoint].concat()
}

fn prove(folder: &Folder, log: &str, record: u32, out: &str) -> PathBuf {
    let path = folder.join(out);
    let log = vectors().join(log);
    let line = arguments![
        "ledger",
        "prove",
        log,
        "--record",
        record.to_string(),
        "--out",
        path
    ];
    secdom(line).done();
    path
}

fn verify(file: &Path) -> Run {
    let domain = cases()["domain"].as_str().unwrap().to_owned();
    secdom(arguments![
        "ledger",
        "verify",
        file,
        "--expect-domain",
        domain
    ])
}

#[test]
fn a_hand_off_is_shown_without_the_rest() {
    let site = Site::new();
    let domain = site.active("hsm", "sealed");
    handoff(&site, 0, "Ann", &taker(&site.folder, 1)).done();
    let line = arguments!["--event", "new-threat", "--detail", "for few eyes"];
    site.hsm("review", "hsm", &line).done();
    handoff(&site, 1, "Bob", &taker(&site.folder, 2)).done();
    let (log, out) = (export(&site, "hsm", "log"), site.path("to-ann"));
    let prove = |record: &str, out: &Path| {
        secdom(arguments![
            "ledger", "prove", log, "--record", record, "--out", out
        ])
    };
    prove("5", &out).done();
    let bytes = fs::read(&out).unwrap();
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(holds("Ann") && !holds("Bob") && !holds("for few eyes"));
    assert!(bytes.len() < 2048, "{}", bytes.len());

    let line = arguments!["ledger", "verify", out, "--expect-domain", domain];
    let certificate = site.path("s2048_0.cer");
    let more = arguments!["--certs", certificate];
    let said = secdom([&line[..], &more].concat()).done();
    assert!(
        said.contains(": hand-off: \"Ann\" for custodian ") && said.contains("s2048_0"),
        "{said}"
    );
    let json = secdom([&line[..], &arguments!["--json"]].concat()).done();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["shown"]["person"], &json["records"]),
        (&"Ann".into(), &8.into())
    );
    assert_eq!(json["domain_id"], domain);

    prove("8", &site.path("none")).refused(&["log: --record: the log has no record 8"]);
    prove("5", &out).refused(&["to-ann: already exists"]);
    let other = "ab".repeat(32);
    secdom(arguments![
        "ledger",
        "verify",
        out,
        "--expect-domain",
        other
    ])
    .refused(&["to-ann: the endorsement is by domain ", &domain]);
    let instance = "cd".repeat(16);
    secdom(arguments![
        "ledger",
        "verify",
        out,
        "--expect-instance",
        instance
    ])
    .refused(&["to-ann: the record is of HSM "]);
    secdom(arguments!["ledger", "show", out])
        .refused(&["to-ann: is a record of a log with its proofs, where the export"]);
}

#[test]
fn a_record_is_shown_as_another_implementation_shows_it() {
    let folder = Folder::new();
    let shown = fs::read(prove(&folder, "good.log", 6, "shown")).unwrap();
    let other = vectors().join("hand-off.shown");
    assert!(shown == fs::read(&other).unwrap());
    assert!(verify(&other).done().contains(": hand-off: "));
}

/// Every record can be shown, a step and an outcome too.
#[test]
fn each_record_of_a_log_is_shown() {
    let folder = Folder::new();
    let mut said = String::new();
    for record in 0..42 {
        let out = prove(&folder, "good.log", record, &format!("record-{record}"));
        said += &verify(&out).done();
    }
    for part in [
        "record 1: ",
        ": outcome: done, of provision in record 0",
        ": endorsement: domain",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_record_that_the_log_does_not_hold_is_refused() {
    let folder = Folder::new();
    let bytes = |log: &str, record| {
        parts(&fs::read(prove(&folder, log, record, &format!("{log}-{record}"))).unwrap())
    };
    let (shown, checkpoint) = bytes("good.log", 6);
    let (other, _) = bytes("good.log", 7);
    let (forked, of_fork) = bytes("forked.log", 6);
    let [record, proof, endorsement, its_proof] = <[Vec<u8>; 4]>::try_from(shown.clone()).unwrap();
    let refused = |name: &str, parts: &[Vec<u8>], checkpoint: &[u8], says: &str| {
        let file = folder.write(name, joined(parts, checkpoint));
        verify(&file).refused(&[&format!("{name}: "), says]);
    };
    let with = |record: &Vec<u8>, proof: &Vec<u8>| {
        [
            record.clone(),
            proof.clone(),
            endorsement.clone(),
            its_proof.clone(),
        ]
    };
    refused(
        "proof-of-another-record",
        &with(&record, &other[1]),
        &checkpoint,
        "its proof is of 7",
    );
    refused(
        "another-record",
        &with(&other[0], &proof),
        &checkpoint,
        "the record has number 7",
    );
    let mut altered = record.clone();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    refused(
        "altered-record",
        &with(&altered, &proof),
        &checkpoint,
        "does not lead to the root",
    );
    refused("another-checkpoint", &shown, &of_fork, "the proof");
    refused(
        "record-of-a-fork",
        &with(&forked[0], &forked[1]),
        &checkpoint,
        "the proof",
    );
    let no_endorsement = [record.clone(), proof.clone(), record.clone(), proof.clone()];
    refused(
        "not-endorsed",
        &no_endorsement,
        &checkpoint,
        "the second record is no endorsement",
    );
    refused(
        "one-record",
        &shown[..2],
        &checkpoint,
        "does not have two records",
    );
    let (another, _) = parts_of_another(&folder);
    refused(
        "endorsed-by-another",
        &with_endorsement(&shown, &another),
        &checkpoint,
        "by domain ",
    );

    let whole = joined(&shown, &checkpoint);
    for len in (0..whole.len()).step_by(37) {
        let file = folder.write("cut", &whole[..len]);
        assert_eq!(verify(&file).code, Some(1), "{len}");
    }
    for place in (0..whole.len()).step_by(19) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        let file = folder.write("changed", changed);
        assert_eq!(verify(&file).code, Some(1), "{place}");
    }
}

/// A record with its proofs of a log that another domain endorses.
fn parts_of_another(folder: &Folder) -> (Vec<Vec<u8>>, Vec<u8>) {
    let log = "endorsement-by-another-domain.log";
    parts(&fs::read(prove(folder, log, 0, "by-another")).unwrap())
}

fn with_endorsement(shown: &[Vec<u8>], other: &[Vec<u8>]) -> Vec<Vec<u8>> {
    [&shown[..2], &other[2..]].concat()
}

#[test]
fn a_shown_record_is_compared_with_a_checkpoint_of_its_size() {
    let folder = Folder::new();
    let shown = prove(&folder, "good.log", 6, "shown");
    let checkpoint = |log: &str| {
        let (log, out) = (vectors().join(log), folder.join(format!("of-{log}")));
        secdom(arguments!["ledger", "checkpoint", log, "--out", out]).done();
        out
    };
    let against = |checkpoint: &Path| {
        secdom(arguments![
            "ledger",
            "verify",
            shown,
            "--checkpoint",
            checkpoint
        ])
    };
    against(&checkpoint("good.log")).done();
    let smaller = vectors().join("pinned.checkpoint");
    against(&smaller).refused(&["pinned.checkpoint: ", "a log of 42 records", "has 12"]);
    let other = vectors().join("pinned-by-another-key.checkpoint");
    against(&other).refused(&["pinned-by-another-key.checkpoint: ", "not signed"]);
}
