// SPDX-License-Identifier: MIT OR Apache-2.0
//! bc-shamir: SLIP-39's layer, field 0x11B, bit-sliced. At most 32 bytes and 16 shares; its shares
//! carry a digest of the secret, which costs it an HMAC.

use std::hint::black_box;

use bc_shamir::{MAX_SECRET_LEN, MAX_SHARE_COUNT, recover_secret, split_secret};

use super::{Case, Kind, Library};
use crate::measure::Job;
use crate::streams::Generator;

pub const LIBRARY: Library = Library {
    name: "bc-shamir",
    kind: Kind::ConstantTimePeer,
    takes_generator: true,
    split,
    combine,
};

fn offered(case: &Case<'_>) -> bool {
    case.secret.len() <= MAX_SECRET_LEN && usize::from(case.count) <= MAX_SHARE_COUNT
}

fn split<'a>(case: &Case<'a>, generator: Generator) -> Option<Job<'a>> {
    let (secret, threshold, count) = (case.secret, case.threshold, case.count);
    let mut rng = generator.stream();
    offered(case).then(|| {
        Box::new(move || {
            let shares = split_secret(threshold.into(), count.into(), secret, &mut rng);
            black_box(shares.expect("a valid quorum"));
        }) as Job<'a>
    })
}

fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
    if !offered(case) {
        return None;
    }
    let (threshold, count) = (usize::from(case.threshold), usize::from(case.count));
    let mut rng = Generator::ChaCha20.stream();
    let mut shares = split_secret(threshold, count, case.secret, &mut rng).ok()?;
    shares.truncate(threshold);
    let indices: Vec<usize> = (0..threshold).collect();
    assert_eq!(
        recover_secret(&indices, &shares).expect("a quorum"),
        case.secret
    );
    Some(Box::new(move || {
        black_box(recover_secret(&indices, black_box(&shares)).expect("a quorum"));
    }))
}
