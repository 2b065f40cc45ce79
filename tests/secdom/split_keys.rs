// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domain files of version 1, which the tool reads and does not write.

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::{Folder, Run, arguments, key, restore_blob, secdom, upload};

fn test_vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

fn domain() -> PathBuf {
    test_vector("split-keys/domain.json")
}

/// The keys of the three custodians, with their certificates beside them.
fn keys(folder: &Folder) -> [PathBuf; 3] {
    ["2048", "3072", "4096"].map(|bits| {
        let certificate = test_vector(&format!("rsa/keys/{bits}.cer.der"));
        fs::copy(certificate, folder.join(format!("{bits}.cer"))).unwrap();
        let der = fs::read(test_vector(&format!("rsa/keys/{bits}.pkcs8.der"))).unwrap();
        let mut text = vec![0; der.len() * 2];
        let text = Base64::encode(&der, &mut text).unwrap();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        folder.write(&format!("{bits}.key"), pem)
    })
}

fn restore(folder: &Folder, file: &Path, keys: &[&PathBuf]) -> Run {
    secdom(restore_blob(file, &folder.join("restore.json"), keys))
}

fn drill(file: &Path, keys: &[&PathBuf]) -> Run {
    let mut line = arguments!["drill", "--sd-file", file, "--sd-wrapping-keys"].to_vec();
    line.extend(keys.iter().map(|key| key.into()));
    secdom(line)
}

/// The vector with a change in one of its pairs.
fn spoilt(folder: &Folder, pair: usize, change: fn(&mut Value)) -> PathBuf {
    let mut file: Value = serde_json::from_slice(&fs::read(domain()).unwrap()).unwrap();
    change(&mut file["SplitKeys"]["keys"][pair]);
    folder.write("spoilt.json", file.to_string())
}

#[test]
fn any_two_custodians_restore_it() {
    let folder = Folder::new();
    let [a, b, c] = &keys(&folder);
    for keys in [&[a, b][..], &[c, a], &[b, c], &[b, a, c]] {
        let said = restore(&folder, &domain(), keys).done();
        assert!(said.contains("3 artifacts"), "{said}");
        let out = folder.join("artifacts");
        secdom(upload(&folder.join("restore.json"), &out)).done();
        let case = fs::read(test_vector("split-keys/case.json")).unwrap();
        let case: Value = serde_json::from_slice(&case).unwrap();
        let artifact = fs::read(out.join("hsm_backup")).unwrap();
        let mut text = vec![0; artifact.len() * 2];
        let text = Base64::encode(&artifact, &mut text).unwrap();
        assert_eq!(case["artifacts"][0]["b64"], *text);
        assert_eq!(crate::names(&out).len(), 3);
        fs::remove_dir_all(out).unwrap();
        fs::remove_file(folder.join("restore.json")).unwrap();
    }
    restore(&folder, &domain(), &[a]).refused(&["domain.json", "1 key given, but 2 are required"]);
    let stranger = key("s2048_0");
    restore(&folder, &domain(), &[a, &stranger]).refused(&["s2048_0.key", "belongs to no share"]);
}

#[test]
fn it_is_drilled_and_inspected() {
    let folder = Folder::new();
    let [a, b, c] = &keys(&folder);
    let said = drill(&domain(), &[a]).done();
    assert!(
        said.contains("2048.key") && said.contains("1 of the 2 required keys"),
        "{said}"
    );
    let said = drill(&domain(), &[a, b, c]).done();
    assert!(
        said.contains("3 artifacts, all opened, and all shares agree"),
        "{said}"
    );

    let report = secdom(arguments!["inspect", domain(), "--json"]).done();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["format"], "managed-hsm-security-domain-1");
    assert_eq!(report["required"], 2);
    assert_eq!(report["custodians"].as_array().unwrap().len(), 3);
    let findings = report["findings"].to_string();
    assert!(findings.contains("version 1"), "{findings}");
}

#[test]
fn a_damaged_pair_is_named_and_the_others_restore() {
    let folder = Folder::new();
    let [a, b, c] = &keys(&folder);
    let file = spoilt(&folder, 0, |pair| pair["key2"]["enc_key"] = json!(""));
    let field = "SplitKeys.keys[0].key2.enc_key";
    restore(&folder, &file, &[a, b]).refused(&["spoilt.json", field]);
    drill(&file, &[a]).refused(&["spoilt.json", field]);
    let run = restore(&folder, &file, &[a, b, c]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains(field), "{run:?}");
}

#[test]
fn halves_that_do_not_open_are_named() {
    let folder = Folder::new();
    let [a, b, c] = &keys(&folder);
    // Two halves for the same key in each other's place: each opens, and neither belongs there.
    let mut file: Value = serde_json::from_slice(&fs::read(domain()).unwrap()).unwrap();
    let pairs = &mut file["SplitKeys"]["keys"];
    let first = pairs[0]["key1"].clone();
    pairs[0]["key1"] = std::mem::replace(&mut pairs[1]["key1"], first);
    let file = folder.write("swapped.json", file.to_string());
    restore(&folder, &file, &[a, b]).refused(&["swapped.json", "2048.key and", "a half is wrong"]);
    drill(&file, &[a, b, c]).refused(&["swapped.json", "a half is wrong"]);
    let run = restore(&folder, &file, &[a, b, c]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.err.contains("left out") && run.err.contains("2048.key"),
        "{run:?}"
    );

    let other = Folder::new();
    let file = spoilt(&other, 2, |pair| *pair = json!(null));
    restore(&other, &file, &[b, c]).refused(&["spoilt.json", "have no pair"]);
}
