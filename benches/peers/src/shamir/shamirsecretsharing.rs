// SPDX-License-Identifier: MIT OR Apache-2.0
//! shamirsecretsharing: field 0x11B, bit-sliced, its own generator. Its sharing without an AEAD
//! around it takes 32 bytes and no other length.

use std::hint::black_box;

use shamirsecretsharing::hazmat::{KEY_SIZE, combine_keyshares, create_keyshares};

use super::{Case, Kind, Library};
use crate::measure::Job;
use crate::streams::Generator;

pub const LIBRARY: Library = Library {
    name: "shamirsecretsharing",
    kind: Kind::ConstantTimePeer,
    takes_generator: false,
    split,
    combine,
};

fn split<'a>(case: &Case<'a>, _: Generator) -> Option<Job<'a>> {
    let (secret, threshold, count) = (case.secret, case.threshold, case.count);
    if secret.len() != KEY_SIZE {
        return None;
    }
    Some(Box::new(move || {
        black_box(create_keyshares(secret, count, threshold).expect("a valid quorum"));
    }))
}

fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
    let mut shares = create_keyshares(case.secret, case.count, case.threshold).ok()?;
    shares.truncate(case.threshold.into());
    assert_eq!(combine_keyshares(&shares).expect("a quorum"), case.secret);
    Some(Box::new(move || {
        black_box(combine_keyshares(black_box(&shares)).expect("a quorum"));
    }))
}
