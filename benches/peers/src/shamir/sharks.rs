// SPDX-License-Identifier: MIT OR Apache-2.0
//! sharks, and blahaj, which continues it: field 0x11D by tables, any length. Two crates, one interface.

use super::{Kind, Library};

macro_rules! adapter {
    ($library:ident, $krate:ident) => {
        pub const $library: Library = Library {
            name: stringify!($krate),
            kind: Kind::Peer,
            takes_generator: true,
            split: $krate::split,
            combine: $krate::combine,
        };

        mod $krate {
            use std::hint::black_box;

            use ::$krate::{Share, Sharks};

            use super::super::Case;
            use crate::measure::Job;
            use crate::streams::Generator;

            pub fn split<'a>(case: &Case<'a>, generator: Generator) -> Option<Job<'a>> {
                let (secret, threshold, count) = (case.secret, case.threshold, case.count);
                let mut rng = generator.stream();
                Some(Box::new(move || {
                    let dealer = Sharks(threshold).dealer_rng(secret, &mut rng);
                    black_box(dealer.take(count.into()).collect::<Vec<Share>>());
                }))
            }

            pub fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
                let sharks = Sharks(case.threshold);
                let mut rng = Generator::ChaCha20.stream();
                let dealer = sharks.dealer_rng(case.secret, &mut rng);
                let shares: Vec<Share> = dealer.take(case.threshold.into()).collect();
                assert_eq!(sharks.recover(&shares).expect("a quorum"), case.secret);
                Some(Box::new(move || {
                    black_box(sharks.recover(black_box(&shares)).expect("a quorum"));
                }))
            }
        }
    };
}

adapter!(SHARKS, sharks);
adapter!(BLAHAJ, blahaj);
