// SPDX-License-Identifier: MIT OR Apache-2.0
//! blahaj: the continued sharks, field 0x11D by tables, any length.

use std::hint::black_box;

use blahaj::{Share, Sharks};

use super::{Case, Kind, Library};
use crate::measure::Job;
use crate::streams::Generator;

pub const LIBRARY: Library = Library {
    name: "blahaj",
    kind: Kind::Peer,
    takes_generator: true,
    split,
    combine,
};

fn split<'a>(case: &Case<'a>, generator: Generator) -> Option<Job<'a>> {
    let (secret, threshold, count) = (case.secret, case.threshold, case.count);
    let mut rng = generator.stream();
    Some(Box::new(move || {
        let dealer = Sharks(threshold).dealer_rng(secret, &mut rng);
        black_box(dealer.take(count.into()).collect::<Vec<Share>>());
    }))
}

fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
    let sharks = Sharks(case.threshold);
    let mut rng = Generator::ChaCha20.stream();
    let dealer = sharks.dealer_rng(case.secret, &mut rng);
    let shares: Vec<Share> = dealer.take(case.threshold.into()).collect();
    assert_eq!(sharks.recover(&shares).expect("a quorum"), case.secret);
    Some(Box::new(move || {
        black_box(sharks.recover(black_box(&shares)).expect("a quorum"));
    }))
}
