// SPDX-License-Identifier: MIT OR Apache-2.0
//! Challenges to custodians of a domain file, and responses to them.

use security_domain::hazmat::testing::TestRng;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::drill::{
    Challenge, RespondError, Response, ResponseError, respond,
};

use super::key::Key;

const DOMAIN: &[u8] = include_bytes!("../../tests/vectors/managed-hsm/valid/v01-2of3-2048/sd.json");
const CHALLENGE: &[u8] = include_bytes!("../../tests/vectors/file-drill/challenge-good.cbor");

/// A challenge: its custodians are in order, and no key that opens no share answers it.
pub fn file_challenge(data: &[u8]) {
    let Ok(challenge) = Challenge::parse(data) else {
        return;
    };
    assert_eq!(challenge.as_bytes(), data);
    assert!(data.len() <= Challenge::MAX_LEN);
    let asked: Vec<_> = challenge.values().map(|(of, _)| of).collect();
    assert!(asked.is_sorted_by(|a, b| a < b) && (1..=10).contains(&asked.len()));

    let file = DomainFile::parse(DOMAIN).unwrap();
    for of in file.custodians() {
        let mut out = [0; Response::LEN];
        let rng = &mut TestRng::seeded(0);
        let given = respond(&file, &challenge, &of, &mut Key::Closed, rng, &mut out);
        let given = given.map(drop);
        assert!(out.iter().all(|byte| *byte == 0));
        match given.unwrap_err() {
            RespondError::OtherFile { have, want } => {
                assert!(have == challenge.file() && have != want);
            }
            RespondError::NotAsked(one) => assert!(one == of && !asked.contains(&of)),
            RespondError::Share(_) => assert!(asked.contains(&of)),
            error => panic!("{error}"),
        }
    }
}

/// A response: without the keys nobody makes one that proves anything, but those of the vectors.
pub fn file_response(data: &[u8]) {
    let Ok(response) = Response::parse(data) else {
        return;
    };
    assert_eq!(response.as_bytes(), data);
    assert_eq!(data.len(), Response::LEN);
    let file = DomainFile::parse(DOMAIN).unwrap();
    let challenge = Challenge::parse(CHALLENGE).unwrap();
    let listed = file.custodians().any(|of| of == response.custodian());
    match response.verify(&file, &challenge) {
        Ok(of) => assert!(listed && of == response.custodian()),
        Err(ResponseError::OtherChallenge { have, want }) => {
            assert!(have == response.challenge() && want == challenge.digest() && have != want);
        }
        Err(ResponseError::NotListed(of)) => assert!(!listed && of == response.custodian()),
        Err(error) => assert_eq!(error, ResponseError::WrongValue(response.custodian())),
    }
}
