// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exports and proofs by `tests/interop/custody.py`, which shares no line with the crate;
//! `cases.json` says what a reader says of each.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use security_domain::custody::{
    Body, Consistency, Expected, Head, Inclusion, RecordHash, Tree, Verifier, VerifyError,
};
use security_domain::sealed_domain::LedgerHead;
use serde_json::Value;

use crate::world::{INSTANCE, activate, add, begun, export, hand_off};
use security_domain::custody::Fact;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/custody")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn cases() -> Value {
    serde_json::from_slice(&read("cases.json")).unwrap()
}

/// The digests of an export's records, and how many of each kind there are.
fn records(export: &[u8]) -> (Vec<RecordHash>, HashSet<&'static str>) {
    let (mut hashes, mut rest) = (Vec::new(), &export[22..]);
    while rest[..2] != [0, 0] {
        let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        hashes.push(RecordHash::of(&rest[2..2 + len]));
        rest = &rest[2 + len..];
    }
    let mut kinds = HashSet::new();
    let mut verifier = Verifier::new(Expected::default());
    let fed = verifier.feed(export, &mut |record| {
        kinds.insert(match record.body {
            Body::Event(_) => "event",
            Body::Outcome { .. } => "outcome",
            Body::Refused { .. } => "refused",
            Body::Endorsement(_) => "endorsement",
            Body::Fact(Fact::Pin(_)) => "pin",
            Body::Fact(Fact::HandOff(_)) => "hand-off",
            Body::Fact(Fact::Drill(_)) => "drill",
            Body::Fact(Fact::Loss(_)) => "loss",
            Body::Fact(Fact::Closed(_)) => "closed",
            Body::Fact(Fact::Concern(_)) => "concern",
            Body::Fact(Fact::Review(_)) => "review",
            _ => "another",
        });
    });
    fed.unwrap();
    (hashes, kinds)
}

#[test]
fn every_export_is_judged_as_its_name_says() {
    let cases = cases();
    let pins = [Head {
        size: cases["pin"][0].as_u64().unwrap() as u32,
        root: LedgerHead::from_bytes(
            security_domain::hex::parse(cases["pin"][1].as_str().unwrap()).unwrap(),
        ),
    }];
    let mut said = HashSet::new();
    for case in cases["exports"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let pinned = case["pinned"].as_bool().unwrap();
        let mut verifier = Verifier::new(Expected {
            instance: Some(cases["instance"].as_str().unwrap().parse().unwrap()),
            domain: Some(cases["domain"].as_str().unwrap().parse().unwrap()),
            key: None,
            pins: if pinned { &pins } else { &[] },
        });
        let fed = verifier.feed(&read(&format!("{name}.log")), &mut |_| {});
        let result = fed.and_then(|()| verifier.finish());
        let text = result
            .err()
            .map_or(String::new(), |error: VerifyError| error.to_string());
        assert_eq!(text, case["says"].as_str().unwrap(), "{name}");
        assert_eq!(
            result.is_ok(),
            name.starts_with("good") || name == "cut-against-no-pinned-head",
            "{name}"
        );
        said.insert(text);
    }
    assert!(said.len() > 30, "{}", said.len());
}

#[test]
fn every_proof_is_judged_as_its_name_says() {
    let cases = cases();
    let (hashes, kinds) = records(&read("good.log"));
    assert_eq!(kinds.len(), 11, "{kinds:?}");
    let head = |size: usize| {
        let mut tree = Tree::EMPTY;
        hashes[..size]
            .iter()
            .for_each(|hash| tree.append(hash).unwrap());
        tree.head()
    };
    for case in cases["proofs"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let first = case["first"].as_u64().unwrap() as usize;
        let proof = read(&format!("{name}.proof"));
        let whole = head(hashes.len());
        let result = match name.starts_with("inclusion") {
            true => Inclusion::parse(&proof)
                .unwrap()
                .verify(&hashes[first], &whole),
            false => Consistency::parse(&proof)
                .unwrap()
                .verify(&head(first), &whole),
        };
        let text = result
            .err()
            .map_or(String::new(), |error| error.to_string());
        assert_eq!(text, case["says"].as_str().unwrap(), "{name}");
    }
}

/// The log that the other reader takes.
#[test]
fn the_log_for_the_other_reader_is_the_one_that_is_written() {
    let mut log = begun();
    activate(&mut log);
    add(
        &mut log,
        Fact::HandOff(hand_off(1, "Ann", 9, None, INSTANCE)),
    );
    let export = export(&mut log);
    let path = folder().join("by-the-crate.log");
    if crate::known_answer::rewritten() {
        fs::write(&path, &export).unwrap();
    }
    assert!(read("by-the-crate.log") == export);
}
