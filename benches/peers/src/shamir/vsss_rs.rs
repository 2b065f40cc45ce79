// SPDX-License-Identifier: MIT OR Apache-2.0
//! vsss-rs: field 0x11B, constant time by its own account, any length.

use std::hint::black_box;

use vsss_rs::Gf256;

use super::{Case, Kind, Library};
use crate::measure::Job;
use crate::streams::Generator;

pub const LIBRARY: Library = Library {
    name: "vsss-rs",
    kind: Kind::ConstantTimePeer,
    takes_generator: true,
    split,
    combine,
};

fn split<'a>(case: &Case<'a>, generator: Generator) -> Option<Job<'a>> {
    let (secret, threshold, count) = (case.secret, case.threshold, case.count);
    let mut rng = generator.stream();
    Some(Box::new(move || {
        let shares = Gf256::split_bytes(threshold.into(), count.into(), secret, &mut rng);
        black_box(shares.expect("a valid quorum"));
    }))
}

fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
    let mut rng = Generator::ChaCha20.stream();
    let (threshold, count) = (case.threshold.into(), case.count.into());
    let mut shares = Gf256::split_bytes(threshold, count, case.secret, &mut rng).ok()?;
    shares.truncate(threshold);
    assert_eq!(
        Gf256::combine_bytes(&shares).expect("a quorum"),
        case.secret
    );
    Some(Box::new(move || {
        black_box(Gf256::combine_bytes(black_box(&shares)).expect("a quorum"));
    }))
}
