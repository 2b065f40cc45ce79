// SPDX-License-Identifier: MIT OR Apache-2.0
//! shamir_share: field 0x11B, constant time by its own account, any length, its own ChaCha20. Its
//! SHA-256 over the secret is switched off: nobody else pays for one here.

use std::hint::black_box;

use shamir_share::{Config, ShamirShare};

use super::{Case, Kind, Library};
use crate::measure::Job;
use crate::streams::Generator;

pub const LIBRARY: Library = Library {
    name: "shamir_share",
    kind: Kind::ConstantTimePeer,
    takes_generator: false,
    split,
    combine,
};

fn scheme(case: &Case<'_>) -> ShamirShare {
    ShamirShare::builder(case.count, case.threshold)
        .with_config(Config::new().with_integrity_check(false))
        .build()
        .expect("a valid quorum")
}

fn split<'a>(case: &Case<'a>, _: Generator) -> Option<Job<'a>> {
    let secret = case.secret;
    let mut scheme = scheme(case);
    Some(Box::new(move || {
        black_box(scheme.split(secret).expect("a valid quorum"));
    }))
}

fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
    let mut shares = scheme(case).split(case.secret).ok()?;
    shares.truncate(case.threshold.into());
    assert_eq!(
        ShamirShare::reconstruct(&shares).expect("a quorum"),
        case.secret
    );
    Some(Box::new(move || {
        black_box(ShamirShare::reconstruct(black_box(&shares)).expect("a quorum"));
    }))
}
