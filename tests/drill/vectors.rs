// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files under `tests/vectors/drill`, each named by its defect. They were written by
//! `tests/interop/drills.py`, which shares no line with the crate; `cases.json` says where each is
//! refused, and in which words.

use std::fs;
use std::path::PathBuf;

use rand_chacha::ChaCha20Rng;
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Response, respond};
use security_domain::rsa::PrivateKey;
use security_domain::sealed_domain::{Epoch, ExpectedDomain, SealedDomain};
use serde_json::{Value, json};

use crate::chain::chain;
use crate::known_answer;
use crate::sealed::{self, rng};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/drill")
        .join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(file(&format!("{name}.cbor"))).unwrap()
}

fn good() -> Vec<u8> {
    fs::read(sealed::vectors().join("good.sealed")).unwrap()
}

fn ada() -> PrivateKey {
    let der = fs::read(sealed::vectors().join("keys/a.p8")).unwrap();
    PrivateKey::from_pkcs8_der(&der).unwrap()
}

/// How far a challenge gets with custodian a.
fn asked(file: &[u8], sealed: &SealedDomain<'_>, key: &mut PrivateKey) -> (&'static str, String) {
    let challenge = match Challenge::parse(file) {
        Ok(challenge) => challenge,
        Err(error) => return ("parse", chain(&error)),
    };
    let id = key.public_key().id();
    let value = challenge.unwrap_value(sealed, id, key, &mut rng(0));
    (
        "value",
        value.map_or_else(|error| chain(&error), |_| String::new()),
    )
}

/// How far a response gets as an answer to a challenge.
fn answered(file: &[u8], sealed: &SealedDomain<'_>, challenge: &[u8]) -> (&'static str, String) {
    let response = match Response::parse(file) {
        Ok(response) => response,
        Err(error) => return ("parse", chain(&error)),
    };
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let challenge = Challenge::parse(challenge).unwrap();
    match response.verify(sealed, &expect, &challenge) {
        Ok(answered) => ("proves", answered.proof.to_string()),
        Err(error) => ("verify", chain(&error)),
    }
}

#[test]
fn every_file_is_judged_as_its_name_says() {
    let cases: Value = serde_json::from_slice(&fs::read(file("cases.json")).unwrap()).unwrap();
    let domain = good();
    let (sealed, mut key) = (SealedDomain::parse(&domain).unwrap(), ada());
    let mut seen = 0;
    for case in cases.as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let file = read(name);
        let (step, says) = match case["challenge"].as_str() {
            Some(challenge) => answered(&file, &sealed, &read(challenge)),
            None => asked(&file, &sealed, &mut key),
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

/// What the crate writes with draws that are fixed; `tests/interop/drills.py` reads it.
#[test]
fn the_known_answer_is_written() {
    let domain = good();
    let (sealed, mut key) = (SealedDomain::parse(&domain).unwrap(), ada());
    let keys = [key.public_key().clone()];
    let (id, mut drawn): (_, ChaCha20Rng) = (keys[0].id(), rng(0x2a));
    let mut out = vec![0; Challenge::written_len(&keys)];
    let challenge = Challenge::write(&sealed, &keys, 1_790_000_000, &mut drawn, &mut out).unwrap();
    let share = sealed.unwrap_share(id, &mut key, &mut rng(0)).unwrap();
    let value = { challenge.unwrap_value(&sealed, id, &mut key, &mut rng(0)) }.unwrap();
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    let (mut answer, rng, value) = ([0; Response::MAX_LEN], &mut rng(0), Some(&value));
    let response = respond(
        &sealed,
        &expect,
        &challenge,
        &share,
        value,
        rng,
        &mut answer,
    )
    .unwrap();
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let signed = response.as_bytes().len() - 66;
    let facts = json!({
        "challenge": hex(challenge.as_bytes()),
        "digest": challenge.digest().to_string(),
        "response": hex(response.as_bytes()),
        "value": hex(&response.as_bytes()[signed - 32..signed]),
    });
    if known_answer::rewritten() {
        let text = serde_json::to_string_pretty(&facts).unwrap() + "\n";
        fs::write(file("known-answer.json"), text).unwrap();
    }
    let want = fs::read(file("known-answer.json")).unwrap();
    assert_eq!(facts, serde_json::from_slice::<Value>(&want).unwrap());
}
