// SPDX-License-Identifier: MIT OR Apache-2.0
//! gf256: field 0x11D, any length, its own generator.

use std::hint::black_box;

use gf256::shamir::shamir::{generate, reconstruct};

use super::{Case, Kind, Library};
use crate::measure::Job;
use crate::streams::Generator;

pub const LIBRARY: Library = Library {
    name: "gf256",
    kind: Kind::Peer,
    takes_generator: false,
    split,
    combine,
};

fn split<'a>(case: &Case<'a>, _: Generator) -> Option<Job<'a>> {
    let (secret, threshold, count) = (case.secret, case.threshold, case.count);
    Some(Box::new(move || {
        black_box(generate(secret, count.into(), threshold.into()));
    }))
}

fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
    let mut shares = generate(case.secret, case.count.into(), case.threshold.into());
    shares.truncate(case.threshold.into());
    assert_eq!(reconstruct(&shares), case.secret);
    Some(Box::new(move || {
        black_box(reconstruct(black_box(&shares)));
    }))
}
