// SPDX-License-Identifier: MIT OR Apache-2.0
//! `drill challenge`, `respond` and `verify` with `--sd-file`: what the custodians of a Managed
//! HSM's file prove alone, and what proves nothing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use getrandom::SysRng;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::rsa::PrivateKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::contribute::inspected;
use crate::{Folder, Run, arguments, fixture, key, secdom, thumbprint, vector};

const KEY: &str = "key; says that the share opened";

fn certificate(number: usize) -> PathBuf {
    key(&format!("s2048_{number}")).with_extension("cer")
}

fn id(number: usize) -> String {
    thumbprint(&certificate(number))
}

/// A domain file of three custodians, two of whom are a quorum, and a folder of the test.
struct Drill {
    folder: Folder,
    file: PathBuf,
}

impl Drill {
    fn new() -> Self {
        Self {
            folder: Folder::new(),
            file: vector("valid/v01-2of3-2048/sd.json"),
        }
    }

    fn line(&self, verb: &str, more: &[OsString]) -> Vec<OsString> {
        let mut line = arguments!["drill", verb, "--sd-file", self.file].to_vec();
        line.extend_from_slice(more);
        line
    }

    fn challenge(&self, numbers: &[usize], out: &str) -> Run {
        let mut line = self.line("challenge", &arguments!["--out", self.folder.join(out)]);
        if !numbers.is_empty() {
            line.push("--custodians".into());
            line.extend(numbers.iter().map(|number| certificate(*number).into()));
        }
        secdom(line)
    }

    fn respond(&self, challenge: &str, source: &[OsString], out: &str) -> Run {
        let (challenge, out) = (self.folder.join(challenge), self.folder.join(out));
        let mut line = self.line(
            "respond",
            &arguments!["--challenge", challenge, "--out", out],
        );
        line.extend_from_slice(source);
        secdom(line)
    }

    fn respond_as(&self, number: usize, challenge: &str, out: &str) -> Run {
        let key = key(&format!("s2048_{number}"));
        self.respond(challenge, &arguments!["--key", key], out)
    }

    fn verify(&self, challenge: &str, responses: &[&str], more: &[OsString]) -> Run {
        let mut line = self.line(
            "verify",
            &arguments!["--challenge", self.folder.join(challenge)],
        );
        line.extend(responses.iter().map(|name| self.folder.join(name).into()));
        line.extend_from_slice(more);
        secdom(line)
    }
}

#[test]
fn a_drill_reports_who_has_the_key() {
    let drill = Drill::new();
    let shown = drill.challenge(&[2, 0], "challenge").done();
    let digest = Sha256::digest(fs::read(&drill.file).unwrap());
    let whole: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(shown.contains(&format!("domain-file {whole}\n")), "{shown}");
    for (number, what) in [(0, "asked"), (1, "not asked"), (2, "asked")] {
        let line = { shown.lines() }.find(|line| line.contains(&id(number)));
        assert!(line.unwrap().ends_with(&format!(": {what}")), "{shown}");
    }
    let told = drill.respond_as(0, "challenge", "of-0").done();
    assert!(told.contains(&whole) && told.contains(KEY), "{told}");
    assert!(told.contains(&id(0)), "{told}");
    let response = fs::read(drill.folder.join("of-0")).unwrap();
    assert_eq!(response.len(), 104);

    let report = drill.verify("challenge", &["of-0"], &[]).done();
    for line in [
        format!("custodian {}: {KEY}\n", id(0)),
        format!("custodian {}: not asked\n", id(1)),
        format!("custodian {}: no response\n", id(2)),
        "1 key, 2 required\n".into(),
    ] {
        assert!(report.contains(&line), "{line} in {report}");
    }
    let more = arguments!["--json", "--certs", certificate(0)];
    let report: Value =
        serde_json::from_str(&drill.verify("challenge", &["of-0"], &more).done()).unwrap();
    assert_eq!(report["responses"][0]["custodian"], id(0));
    assert_eq!(report["responses"][0]["proof"], KEY);
    assert!(report["responses"][0]["subject"].is_string());
    assert_eq!(report["without_response"], json!([id(2)]));
    assert_eq!(report["not_asked"], json!([id(1)]));
    assert_eq!(
        (report["required"].as_u64(), &report["domain_file"]),
        (Some(2), &json!(whole))
    );
    let challenge = inspected(&drill.folder.join("challenge"));
    assert_eq!(challenge["format"], "file-challenge");
    assert_eq!(challenge["values"].as_array().unwrap().len(), 2);
    assert_eq!(report["challenge_digest"], challenge["challenge_digest"]);
    let response = inspected(&drill.folder.join("of-0"));
    assert_eq!(
        (&response["format"], &response["custodian"]),
        (&json!("file-response"), &json!(id(0)))
    );
}

/// With the key elsewhere, both are decrypted there, with the commands that `inspect` prints.
#[test]
fn a_key_that_is_elsewhere_answers_with_what_it_unwrapped() {
    let drill = Drill::new();
    drill.challenge(&[0, 1], "challenge").done();
    let unwrap = |number: usize, base64: &str, name: &str| {
        let pem = fs::read_to_string(key(&format!("s2048_{number}"))).unwrap();
        let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let decoded = |text: &str| {
            let mut bytes = vec![0; text.len()];
            Base64::decode(text, &mut bytes).unwrap().to_vec()
        };
        let private = PrivateKey::from_pkcs8_der(&decoded(&text)).unwrap();
        let mut out = [0; 64];
        let len = private.decrypt_oaep_sha256(b"", &decoded(base64), &mut SysRng, &mut out);
        assert_eq!(len, Ok(64));
        drill.folder.write(name, out)
    };
    let find = |list: &Value, member: &str, number: usize| -> Value {
        let mut list = list.as_array().unwrap().iter();
        list.find(|one| one[member] == id(number)).unwrap().clone()
    };
    let domain = inspected(&drill.file)["custodians"].take();
    let challenge = inspected(&drill.folder.join("challenge"))["values"].take();
    let (share, value) = (
        find(&domain, "thumbprint", 0)["wrapped_content_key"].take(),
        find(&challenge, "custodian", 0),
    );
    assert!(value["command"].as_str().unwrap().contains("pkeyutl"));
    let other = find(&challenge, "custodian", 1)["wrapped_value"].take();
    let share = unwrap(0, share.as_str().unwrap(), "share");
    let other = unwrap(1, other.as_str().unwrap(), "other");
    let value = unwrap(0, value["wrapped_value"].as_str().unwrap(), "value");
    let from = |share: &Path, value: &Path| {
        let mut unwrapped = OsString::from(certificate(0));
        unwrapped.push("=");
        unwrapped.push(share);
        arguments!["--sd-unwrapped", unwrapped, "--value", value]
    };
    drill
        .respond("challenge", &from(&share, &value), "of-0")
        .done();
    let report = drill.verify("challenge", &["of-0"], &[]).done();
    assert!(report.contains(&format!("{}: {KEY}", id(0))), "{report}");

    for (share, value, words) in [
        (&share, &other, ["other", "does not open"]),
        (&share, &share, ["share", "does not open"]),
        (&value, &value, [&*id(0), "does not open"]),
    ] {
        drill
            .respond("challenge", &from(share, value), "x")
            .refused(&words);
    }
    let without = &from(&share, &value)[..2];
    drill
        .respond("challenge", without, "x")
        .refused(&["--sd-unwrapped", "--value"]);
    let key = arguments!["--key", key("s2048_0"), "--value", value];
    drill.respond("challenge", &key, "x").unreadable();
    // What a token unwrapped of a sealed domain.
    let share = arguments!["--share", share];
    drill.respond("challenge", &share, "x").unreadable();
    assert!(!drill.folder.join("x").exists());
}

#[test]
fn what_proves_nothing_is_refused_by_name() {
    let drill = Drill::new();
    drill.challenge(&[0, 1], "challenge").done();
    drill.challenge(&[0, 1], "another").done();
    drill.respond_as(0, "challenge", "of-0").done();
    drill.respond_as(1, "challenge", "of-1").done();
    drill.respond_as(1, "another", "of-another").done();

    // Somebody who was not asked, or is no custodian.
    let refused = drill.respond_as(2, "challenge", "x");
    refused.refused(&["challenge", "no value", &id(2)]);
    let refused = drill.respond_as(5, "challenge", "x");
    refused.refused(&["s2048_5.key", "belongs to no share"]);
    assert!(!drill.folder.join("x").exists());

    // The good ones count, and the others are named.
    let run = drill.verify("challenge", &["of-0", "of-another", "of-0"], &[]);
    assert_eq!((run.code, run.err.lines().count()), (Some(1), 2), "{run:?}");
    for word in ["of-another", "answers challenge", "given twice"] {
        assert!(run.err.contains(word), "{run:?}");
    }
    assert!(run.out.contains(&format!("{}: no response", id(1))));
    let mut changed = fs::read(drill.folder.join("of-1")).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    drill.folder.write("changed", &changed);
    drill
        .verify("challenge", &["changed"], &[])
        .refused(&["changed", "claims to be", &id(1)]);
    drill.folder.write("cut", &changed[..90]);
    drill
        .verify("challenge", &["cut"], &[])
        .refused(&["cut: is cut short"]);
    drill
        .verify("challenge", &["challenge"], &[])
        .refused(&["a challenge of a drill of a Managed HSM", "a response"]);
    drill
        .verify("of-0", &["of-0"], &[])
        .refused(&["of-0", "a response of a drill of a Managed HSM"]);

    // Another file.
    let other = Drill {
        folder: Folder::new(),
        file: vector("valid/v04-3of5-2048/sd.json"),
    };
    fs::copy(
        drill.folder.join("challenge"),
        other.folder.join("challenge"),
    )
    .unwrap();
    let refused = other.respond_as(0, "challenge", "x");
    refused.refused(&["challenge", "is for file"]);

    // Nobody, a stranger, and the same twice.
    drill.challenge(&[], "x").refused(&["--custodians"]);
    drill
        .challenge(&[0, 5], "x")
        .refused(&["s2048_5.cer", "certificate"]);
    drill
        .challenge(&[0, 1, 0], "x")
        .refused(&["s2048_0.cer", "given twice"]);
    assert!(!drill.folder.join("x").exists());
}

/// A custodian whose share in the file is damaged has the key, and no response.
#[test]
fn a_share_that_does_not_open_is_not_answered_for() {
    let mut drill = Drill::new();
    let mut file: Value = serde_json::from_slice(&fs::read(&drill.file).unwrap()).unwrap();
    let place = { file["SharedKeys"]["enc_shares"].as_array().unwrap().iter() }
        .position(|share| share["x5t_256"] == id(0))
        .unwrap();
    let jwe = &mut file["SharedKeys"]["enc_shares"][place]["enc_key"];
    let (front, tag) = jwe.as_str().unwrap().rsplit_once('.').unwrap();
    let first = if tag.starts_with('A') { 'B' } else { 'A' };
    *jwe = format!("{front}.{first}{}", &tag[1..]).into();
    let text = file.to_string();
    assert!(DomainFile::parse(text.as_bytes()).is_ok());
    drill.file = drill.folder.write("damaged.json", text);
    drill.challenge(&[0, 1], "challenge").done();
    let refused = drill.respond_as(0, "challenge", "x");
    refused.refused(&["s2048_0.key", &id(0), "does not open"]);
    assert!(!drill.folder.join("x").exists());
    drill.respond_as(1, "challenge", "of-1").done();
    drill.verify("challenge", &["of-1"], &[]).done();
}

#[test]
fn a_file_of_version_1_is_drilled_with_keys_that_are_brought_together() {
    let mut drill = Drill::new();
    drill.challenge(&[0], "challenge").done();
    drill.file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/split-keys/domain.json");
    drill
        .challenge(&[0], "x")
        .refused(&["version 1", "--sd-wrapping-keys"]);
    drill
        .respond_as(0, "challenge", "x")
        .refused(&["version 1"]);
}

/// The digest of what was saved differs from that of the document, which the challenge names.
#[test]
fn a_file_in_something_else_is_drilled_as_the_document_in_it() {
    let mut drill = Drill::new();
    let plain = fs::read_to_string(&drill.file).unwrap();
    drill.challenge(&[0], "challenge").done();
    drill.file = drill.folder.write("bom", format!("\u{feff}{plain}"));
    let run = drill.respond_as(0, "challenge", "of-0");
    assert_eq!((run.code, run.err.lines().count()), (Some(0), 1), "{run:?}");
    assert!(run.err.contains("SHA-256 of the document"), "{run:?}");
    let run = drill.verify("challenge", &["of-0"], &[]);
    assert!(
        run.code == Some(0) && run.err.contains("document"),
        "{run:?}"
    );
}

#[test]
fn an_encrypted_key_is_not_opened_in_vain() {
    let drill = Drill::new();
    let encrypted = drill.folder.custodian("s2048_0", "ada");
    fs::copy(fixture("pbes2-aes256-sha256.key"), &encrypted).unwrap();
    drill.challenge(&[1], "challenge").done();
    let source = arguments!["--key", encrypted];
    drill
        .respond("challenge", &source, "x")
        .refused(&["no value", &id(0)]);
}
