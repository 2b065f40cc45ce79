// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine allows: the parts of sharing that nobody can leave out, each on its own. They
//! work in blocks that stay in the first-level cache, as a good implementation does.

use std::hint::black_box;

use security_domain::hazmat::gf256::{Public, Term, sum_rows};

use super::{Case, Kind, Library};
use crate::measure::Job;
use crate::streams::Generator;

const BLOCK: usize = 4 << 10;

/// The secret copied to each of the shares. A combination reads its shares, so it has no such bound.
pub const MEMCPY: Library = Library {
    name: "bound-memcpy",
    kind: Kind::Bound,
    takes_generator: false,
    split: copy,
    combine: |_| None,
};

/// The random coefficients drawn and nothing done with them.
pub const KEYSTREAM: Library = Library {
    name: "bound-keystream",
    kind: Kind::Bound,
    takes_generator: true,
    split: draw,
    combine: |_| None,
};

/// The rows multiplied and added, with coefficients, powers and weights ready.
pub const KERNEL: Library = Library {
    name: "bound-kernel",
    kind: Kind::Bound,
    takes_generator: false,
    split: evaluate,
    combine: interpolate,
};

fn copy<'a>(case: &Case<'a>, _: Generator) -> Option<Job<'a>> {
    let secret = case.secret;
    let mut shares = vec![vec![0; secret.len()]; case.count.into()];
    Some(Box::new(move || {
        for share in &mut shares {
            share.copy_from_slice(black_box(secret));
        }
        black_box(&mut shares);
    }))
}

fn draw<'a>(case: &Case<'a>, generator: Generator) -> Option<Job<'a>> {
    let total = case.secret.len() * usize::from(case.threshold - 1);
    let mut rng = generator.stream();
    let mut block = [0; BLOCK];
    Some(Box::new(move || {
        let mut left = total;
        while left > 0 {
            let length = left.min(BLOCK);
            rng.fill(&mut block[..length]);
            black_box(&mut block);
            left -= length;
        }
    }))
}

fn evaluate<'a>(case: &Case<'a>, _: Generator) -> Option<Job<'a>> {
    let secret = case.secret;
    let degree = usize::from(case.threshold - 1);
    let length = (BLOCK / (degree + 1)).min(secret.len());
    let mut coefficients = vec![0; length * degree];
    Generator::ChaCha20.stream().fill(&mut coefficients);
    let powers: Vec<Vec<Public>> = (1..=case.count)
        .map(|x| {
            (0..=degree)
                .map(|power| power_of(Public::new(x), power))
                .collect()
        })
        .collect();
    let mut shares = vec![vec![0; secret.len()]; case.count.into()];
    Some(Box::new(move || {
        for start in (0..secret.len()).step_by(length) {
            let end = secret.len().min(start + length);
            let rows = || {
                [&secret[start..end]]
                    .into_iter()
                    .chain(coefficients.chunks(length))
            };
            for (share, powers) in shares.iter_mut().zip(&powers) {
                let terms = powers
                    .iter()
                    .zip(rows())
                    .map(|(by, row)| Term { by: *by, row });
                sum_rows(&mut share[start..end], terms).unwrap();
            }
        }
        black_box(&mut shares);
    }))
}

fn interpolate<'a>(case: &Case<'a>) -> Option<Job<'a>> {
    // Any rows and weights do, other than 0 and 1.
    let weights: Vec<Public> = (2..=case.threshold + 1).map(Public::new).collect();
    let rows = vec![case.secret.to_vec(); case.threshold.into()];
    let mut out = vec![0; case.secret.len()];
    Some(Box::new(move || {
        let terms = weights
            .iter()
            .zip(&rows)
            .map(|(by, row)| Term { by: *by, row });
        sum_rows(&mut out, terms).unwrap();
        black_box(&mut out);
    }))
}

fn power_of(x: Public, power: usize) -> Public {
    (0..power).fold(Public::ONE, |product, _| product.times(x))
}
