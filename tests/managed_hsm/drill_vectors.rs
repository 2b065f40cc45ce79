// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files under `tests/vectors/file-drill`, each named by its defect. They were written by
//! `tests/interop/file_drills.py`, which shares no line with the crate; `cases.json` says where each
//! is refused, and in which words.

use std::fs;
use std::path::PathBuf;

use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::drill::{Challenge, Response, respond};
use security_domain::x509::RecoveryCertificate;
use serde_json::{Value, json};

use crate::chain::chain;
use crate::fixtures::{bytes, certificate_der, hex, path, private_key, rng, thumbprint};
use crate::known_answer;

const NAME: &str = "s2048_0";

fn file(name: &str) -> PathBuf {
    path("").parent().unwrap().join("file-drill").join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(file(&format!("{name}.cbor"))).unwrap()
}

/// How far a challenge gets with the first custodian.
fn asked(challenge: &[u8], domain: &DomainFile<'_>) -> (&'static str, String) {
    let challenge = match Challenge::parse(challenge) {
        Ok(challenge) => challenge,
        Err(error) => return ("parse", chain(&error)),
    };
    let (me, mut key, mut out) = (thumbprint(NAME), private_key(NAME), [0; Response::LEN]);
    match respond(domain, &challenge, &me, &mut key, &mut rng(), &mut out) {
        Ok(response) => {
            assert_eq!(response.verify(domain, &challenge), Ok(me));
            ("responded", String::new())
        }
        Err(error) => {
            let error = chain(&error);
            assert_eq!(out, [0; Response::LEN], "{error}");
            ("respond", error)
        }
    }
}

/// How far a response gets as an answer to a challenge.
fn answered(response: &[u8], domain: &DomainFile<'_>, challenge: &[u8]) -> (&'static str, String) {
    let response = match Response::parse(response) {
        Ok(response) => response,
        Err(error) => return ("parse", chain(&error)),
    };
    match response.verify(domain, &Challenge::parse(challenge).unwrap()) {
        Ok(of) => ("verified", of.to_string()),
        Err(error) => ("verify", chain(&error)),
    }
}

#[test]
fn every_file_is_judged_as_its_name_says() {
    let cases: Value = serde_json::from_slice(&fs::read(file("cases.json")).unwrap()).unwrap();
    let text = bytes("valid/v01-2of3-2048/sd.json");
    let domain = DomainFile::parse(&text).unwrap();
    let mut seen = 0;
    for case in cases.as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let file = read(name);
        let (step, says) = match case["challenge"].as_str() {
            Some(challenge) => answered(&file, &domain, &read(challenge)),
            None => asked(&file, &domain),
        };
        assert_eq!(step, case["step"], "{name}: {says}");
        assert_eq!(says, case["says"], "{name}");
        seen += 1;
    }
    let files = fs::read_dir(file("")).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "cbor")
    });
    assert_eq!(files.count(), seen);
}

/// What the crate writes with draws that are fixed; `tests/interop/file_drills.py` reads it.
#[test]
fn the_known_answer_is_written() {
    let text = bytes("valid/v01-2of3-2048/sd.json");
    let domain = DomainFile::parse(&text).unwrap();
    let der = certificate_der(NAME);
    let certificates = [RecoveryCertificate::parse(&der).unwrap()];
    let mut room = vec![0; Challenge::written_len(&certificates)];
    let created = 1_790_000_000;
    let challenge =
        Challenge::write(&domain, &certificates, created, &mut rng(), &mut room).unwrap();
    let (me, mut key, mut out) = (thumbprint(NAME), private_key(NAME), [0; Response::LEN]);
    let response = respond(&domain, &challenge, &me, &mut key, &mut rng(), &mut out).unwrap();
    let facts = json!({
        "challenge": hex(challenge.as_bytes()),
        "digest": challenge.digest().to_string(),
        "response": hex(response.as_bytes()),
        "value": hex(&response.as_bytes()[Response::LEN - 32..]),
    });
    if known_answer::rewritten() {
        let text = serde_json::to_string_pretty(&facts).unwrap() + "\n";
        fs::write(file("known-answer.json"), text).unwrap();
    }
    let want = fs::read(file("known-answer.json")).unwrap();
    assert_eq!(facts, serde_json::from_slice::<Value>(&want).unwrap());
}
