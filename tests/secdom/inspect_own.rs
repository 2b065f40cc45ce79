// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom inspect` on the crate's own files.

use std::fs;
use std::path::Path;

use crate::contribute::{file, inspected};
use crate::{Folder, arguments, key, secdom};

#[test]
fn a_sealed_domain_is_shown_as_it_is() {
    let known: serde_json::Value =
        serde_json::from_slice(&fs::read(file("known-answer.json")).unwrap()).unwrap();
    let path = file("known-answer.sealed");
    let shown = inspected(&path);
    assert_eq!(shown["format"], "sealed-domain");
    for name in ["domain_id", "header_digest"] {
        assert_eq!(shown[name], known[name]);
    }
    assert_eq!(
        (&shown["required"], &shown["epoch"]),
        (&2.into(), &1.into())
    );
    assert_eq!(shown["custodians"].as_array().unwrap().len(), 3);
    let tags = shown["artifacts"].as_array().unwrap().iter();
    let tags: Vec<_> = tags
        .map(|artifact| artifact["tag"].as_str().unwrap())
        .collect();
    assert_eq!(tags, ["signing-key", "data-key", "notes"]);
    let text = secdom(arguments!["inspect", path]).done();
    for words in [
        "quorum",
        "2 of 3",
        "m < 3",
        known["domain_id"].as_str().unwrap(),
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_changed_share_and_a_stranger_are_named() {
    let shown = inspected(&file("wrapped-share-changed.sealed"));
    let changed = shown["custodians"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["changed"] == true);
    let id = changed.unwrap()["id"].as_str().unwrap();
    let findings = shown["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| {
        let finding = finding.as_str().unwrap();
        finding.contains(id) && finding.contains("changed")
    }));
    let stranger = key("s2048_0").with_extension("cer");
    let text = secdom(arguments![
        "inspect",
        file("good.sealed"),
        "--certs",
        stranger
    ])
    .done();
    assert!(
        text.contains("s2048_0.cer: custodian") && text.contains("no share"),
        "{text}"
    );
}

#[test]
fn requests_and_backups_are_shown_and_broken_ones_refused() {
    let request = inspected(&file("request-recover-signed.cbor"));
    assert_eq!(
        (&request["format"], &request["purpose"]),
        (&"request".into(), &"recover".into())
    );
    assert_eq!(request["signed"], true);
    let backups = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/backup");
    let backup = inspected(&backups.join("good-key.backup"));
    assert_eq!(
        (&backup["format"], &backup["kind"]),
        (&"backup".into(), &"key".into())
    );
    assert!(backup["findings"].as_array().unwrap().is_empty());
    let cut = inspected(&backups.join("chunk-missing.backup"));
    assert!(cut["findings"][0].as_str().unwrap().contains("149 bytes"));

    for name in [
        "suite-2.sealed",
        "request-version-2.cbor",
        "contribution-version-2.cbor",
    ] {
        let words = if name.starts_with("suite") {
            "suite"
        } else {
            "version 2"
        };
        secdom(arguments!["inspect", file(name)]).refused(&[name, words]);
    }
    let folder = Folder::new();
    let none = folder.write("none", b"\x81");
    secdom(arguments!["inspect", none]).refused(&["none", "known"]);
}
