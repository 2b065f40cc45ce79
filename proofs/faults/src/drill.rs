// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a response to a drill's challenge proves.

use core::hint::black_box;

use security_domain::drill::{Answered, Challenge, Proof, Response, ResponseError};
use security_domain::sealed_domain::{ExpectedDomain, SealedDomain};

use crate::act::expect;
use crate::scene::Outcome;
use crate::{scene, window};

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/", $name))
    };
}

const SEALED: &[u8] = vector!("sealed-domain/good.sealed");
const CHALLENGE: &[u8] = vector!("drill/challenge-good.cbor");
const OTHER: &[u8] = vector!("drill/challenge-without-a-clock.cbor");
const RESPONSE: &[u8] = vector!("drill/response-good.cbor");
const UNSIGNED: &[u8] = vector!("drill/response-signature-changed.cbor");
const OF_ANOTHER: &[u8] = vector!("drill/response-signed-by-another-custodian.cbor");
const WITHOUT_KEY: &[u8] = vector!("drill/response-made-without-the-wrapped-value.cbor");

#[inline(never)]
#[unsafe(no_mangle)]
fn act_verify(
    response: &Response<'_>,
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    challenge: &Challenge<'_>,
) -> Result<Answered, ResponseError> {
    response.verify(sealed, expect, challenge)
}

/// Whether this response is taken for a proof of key and share, as an answer to this challenge.
fn answered(response: &'static [u8], challenge: &'static [u8]) -> Option<Outcome> {
    let sealed = SealedDomain::parse(black_box(SEALED)).ok()?;
    let expect = black_box(expect(&sealed));
    let challenge = Challenge::parse(black_box(challenge)).ok()?;
    let response = Response::parse(black_box(response)).ok()?;
    let verified = window!(act_verify(&response, &sealed, &expect, &challenge));
    Some(match verified {
        Ok(answered) => Outcome::took_effect(answered.proof == Proof::KeyAndShare),
        Err(_) => Outcome::Refused,
    })
}

scene!(
    /// A response that is not signed with the custodian's share.
    fault_drill_unsigned,
    |wrong, _hsm| { answered(if wrong { UNSIGNED } else { RESPONSE }, CHALLENGE) }
);

scene!(
    /// A response of somebody who knows the share, and has not the key.
    fault_drill_without_key,
    |wrong, _hsm| { answered(if wrong { WITHOUT_KEY } else { RESPONSE }, CHALLENGE) }
);

scene!(
    /// A response to another challenge.
    fault_drill_replayed,
    |wrong, _hsm| { answered(RESPONSE, if wrong { OTHER } else { CHALLENGE }) }
);

scene!(
    /// A response in the name of one custodian, signed with another's share.
    fault_drill_custodian,
    |wrong, _hsm| { answered(if wrong { OF_ANOTHER } else { RESPONSE }, CHALLENGE) }
);
