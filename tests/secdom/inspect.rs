// SPDX-License-Identifier: MIT OR Apache-2.0
//! `inspect` and `check`: what they say of good files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Folder, arguments, fixture, key, secdom, vector};

fn inspect(file: &Path, certificates: &[PathBuf]) -> Value {
    let mut line = arguments!["inspect", file, "--json"].to_vec();
    if !certificates.is_empty() {
        line.push("--certs".into());
        line.extend(certificates.iter().map(Into::into));
    }
    let text = secdom(line).done();
    assert!(text.is_ascii());
    serde_json::from_str(&text).unwrap()
}

fn findings(report: &Value) -> String {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

fn certificate(name: &str) -> PathBuf {
    key(name).with_extension("cer")
}

#[test]
fn a_domain_file_is_described() {
    let file = vector("valid/v01-2of3-2048/sd.json");
    let report = inspect(&file, &[certificate("s2048_0")]);
    assert_eq!(report["format"], "managed-hsm-security-domain");
    let digest: String = Sha256::digest(fs::read(&file).unwrap())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(report["sha256"], digest);
    assert_eq!(report["required"], 2);

    let domain: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let custodians = report["custodians"].as_array().unwrap();
    let shares = domain["SharedKeys"]["enc_shares"].as_array().unwrap();
    let thumbprints = |list: &[Value], name: &str| -> Vec<Value> {
        list.iter().map(|c| c[name].clone()).collect()
    };
    assert_eq!(
        thumbprints(custodians, "thumbprint"),
        thumbprints(shares, "x5t_256")
    );
    assert_eq!(custodians[0]["subject"], "CN=TEST ONLY shared-set s2048_0");
    assert_eq!(custodians[0]["key_bits"], 2048);
    assert!(
        custodians[0]["not_after"]
            .as_str()
            .unwrap()
            .starts_with("2033-12-")
    );
    assert_eq!(custodians[1]["subject"], Value::Null);

    assert_eq!(
        report["artifacts"],
        json!([
            { "tag": "hsm_backup", "size": 1216 },
            { "tag": "base_enclave_backup", "size": 848 },
            { "tag": "partition_enclave_backup", "size": 2512 },
        ])
    );
    let findings = findings(&report);
    assert!(
        findings.contains("m < 3") && findings.contains("2048 bits"),
        "{findings}"
    );
    assert!(!findings.contains("n = m"), "{findings}");
}

#[test]
fn what_an_operator_should_worry_about_is_found() {
    let all = inspect(&vector("valid/v12-3of3/sd.json"), &[]);
    assert!(findings(&all).contains("n = m"));
    assert!(!findings(&all).contains("m < 3"));
    let none = inspect(&vector("valid/v04-3of5-2048/sd.json"), &[]);
    assert_eq!(none["findings"], json!([]));
    let stranger = inspect(
        &vector("valid/v04-3of5-2048/sd.json"),
        &[certificate("s2048_9")],
    );
    assert!(findings(&stranger).contains("s2048_9.cer"));
    let sized = inspect(
        &vector("valid/v08-2of3-mixed-bits/sd.json"),
        &["s2048_0", "s3072_0", "s4096_0"].map(certificate),
    );
    assert_eq!(findings(&sized).matches("is small").count(), 1);
}

#[test]
fn tags_of_any_script_are_whole_in_json_and_escaped_in_words() {
    let file = vector("valid/v13-tag-text/sd.json");
    let case: Value =
        serde_json::from_slice(&fs::read(vector("valid/v13-tag-text/case.json")).unwrap()).unwrap();
    let tags = |value: &Value| -> Vec<Value> {
        value["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["tag"].clone())
            .collect()
    };
    assert_eq!(tags(&inspect(&file, &[])), tags(&case));
    let words = secdom(arguments!["inspect", file]).done();
    assert!(
        words.is_ascii() && words.contains(r#""cl\u{e9}_\u{3b2}""#),
        "{words}"
    );
}

#[test]
fn every_kind_of_file_is_known() {
    let blob = inspect(&vector("valid/v01-2of3-2048/restore-0-1.json"), &[]);
    assert_eq!(
        (&blob["format"], &blob["required"]),
        (&json!("managed-hsm-restore-blob"), &Value::Null)
    );
    assert_eq!(blob["artifacts"].as_array().unwrap().len(), 3);
    for name in ["stransfer4096.cli.json", "stransfer4096.rest.json"] {
        let transfer = inspect(&vector("transfer").join(name), &[]);
        assert_eq!(transfer["format"], "managed-hsm-transfer-key");
        assert_eq!(transfer["transfer_key"]["key_bits"], 4096);
    }
    let request = inspect(&vector("requests/certificate-info-2-of-3.json"), &[]);
    assert_eq!(
        (&request["format"], &request["required"]),
        (&json!("managed-hsm-certificate-info"), &json!(2))
    );
    assert_eq!(request["custodians"].as_array().unwrap().len(), 3);
}

#[test]
fn a_file_of_version_1_without_pairs_is_refused() {
    let folder = Folder::new();
    let old = r#"{"EncData":{"data":[],"kdf":"sp108_kdf"},
        "SplitKeys":{"key_algorithm":"xor_split","keys":[]},"version":1}"#;
    let file = folder.write("old.json", old);
    secdom(arguments!["inspect", file]).refused(&["old.json", "SplitKeys.keys"]);
}

#[test]
fn good_requests_and_transfer_keys_pass_the_check() {
    for name in [
        "certificate-info-2-of-3.json",
        "certificate-info-10-of-10.json",
    ] {
        let out = secdom(arguments![
            "check",
            "certificate-info",
            vector("requests").join(name)
        ])
        .done();
        assert!(out.contains(" of "), "{out}");
    }
    for name in ["stransfer2048.cli.json", "stransfer2048.rest.json"] {
        let out = secdom(arguments![
            "check",
            "transfer-key",
            vector("transfer").join(name)
        ])
        .done();
        assert!(out.contains("2048 bits"), "{out}");
    }
    secdom(arguments![
        "check",
        "transfer-key",
        vector("requests/certificate-info-2-of-3.json")
    ])
    .refused(&["certificate-info-2-of-3.json"]);
}

#[test]
fn a_hostile_subject_cannot_speak_to_the_terminal() {
    let folder = Folder::new();
    let hostile = fixture("hostile.cer");
    let domain = folder.join("domain.json");
    secdom(arguments![
        "download",
        "--sd-quorum",
        "2",
        "--artifact",
        format!("a={}", hostile.display()),
        "--security-domain-file",
        domain,
        "--sd-wrapping-keys",
        hostile,
        certificate("s2048_1"),
        certificate("s2048_2"),
    ])
    .done();
    let words = secdom(arguments!["inspect", domain, "--certs", hostile]).done();
    assert!(
        words.chars().all(|c| c == '\n' || matches!(c, ' '..='~')),
        "{words:?}"
    );
    assert!(
        words.contains(r"mallory\u{1b}[2J\u{202e}") && words.contains("\"..."),
        "{words}"
    );
    let report = inspect(&domain, &[hostile]);
    let subject = report["custodians"][0]["subject"].as_str().unwrap();
    assert!(
        subject.contains("mallory\u{1b}[2J\u{202e}") && subject.chars().count() > 64,
        "{subject:?}"
    );
}
