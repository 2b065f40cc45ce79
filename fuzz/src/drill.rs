// SPDX-License-Identifier: MIT OR Apache-2.0
//! Challenges of drills and responses to them.

use security_domain::custodian::{Identity, UnwrapError};
use security_domain::drill::{Challenge, Response, ResponseError, ValueError};
use security_domain::hazmat::testing::TestRng;
use security_domain::rng::Generator;
use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};

const DOMAIN: &[u8] = include_bytes!("../../tests/vectors/sealed-domain/good.sealed");
const CHALLENGE: &[u8] = include_bytes!("../../tests/vectors/drill/challenge-good.cbor");

/// A key that "decrypts" by giving what it is given.
struct Mirror;

impl Identity for Mirror {
    type Error = ();

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<()>> {
        let out = { out.get_mut(..wrapped.len()) }.ok_or(UnwrapError::Opaque)?;
        out.copy_from_slice(wrapped);
        Ok(wrapped.len())
    }
}

/// A challenge: its values are in order, and none opens but under its own commitment.
pub fn drill_challenge(data: &[u8]) {
    let Ok(challenge) = Challenge::parse(data) else {
        return;
    };
    assert_eq!(challenge.as_bytes(), data);
    assert!(data.len() <= Challenge::MAX_LEN);
    let indices: Vec<u8> = challenge.values().map(|(index, _)| index.get()).collect();
    assert!(indices.is_sorted_by(|a, b| a < b));
    assert!(indices.iter().all(|index| (1..=10).contains(index)));

    let sealed = SealedDomain::parse(DOMAIN).unwrap();
    for custodian in sealed.header().custodians() {
        let rng = &mut TestRng::seeded(0);
        match challenge.unwrap_value(&sealed, custodian.id, &mut Mirror, rng) {
            Ok(_) => assert!(indices.contains(&custodian.index.get())),
            Err(ValueError::OtherHeader { have, want }) => {
                assert!(have == challenge.header() && have != want);
            }
            Err(ValueError::NotAsked(id)) => {
                assert!(id == custodian.id && !indices.contains(&custodian.index.get()));
            }
            Err(ValueError::DoesNotOpen(id)) => assert_eq!(id, custodian.id),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A response: without the shares nobody makes one that proves anything, but those of the vectors.
pub fn drill_response(data: &[u8]) {
    let Ok(response) = Response::parse(data) else {
        return;
    };
    assert_eq!(response.as_bytes(), data);
    assert!(data.len() <= Response::MAX_LEN);
    let sealed = SealedDomain::parse(DOMAIN).unwrap();
    let challenge = Challenge::parse(CHALLENGE).unwrap();
    let expect = ExpectedDomain::unpinned();
    match response.verify(&sealed, &expect, &challenge) {
        Ok(answered) => {
            let mut custodians = sealed.header().custodians();
            let listed = custodians.find(|custodian| custodian.index == response.index());
            assert_eq!(listed.map(|of| of.id), Some(answered.custodian));
        }
        Err(ResponseError::OtherChallenge { have, want }) => {
            assert!(have == response.challenge() && want == challenge.digest() && have != want);
        }
        Err(
            ResponseError::Expect(_) | ResponseError::OtherHeader { .. } | ResponseError::Fault,
        ) => {
            panic!("nothing of these is in a response");
        }
        Err(_) => {}
    }
}
