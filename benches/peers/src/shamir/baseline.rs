// SPDX-License-Identifier: MIT OR Apache-2.0
//! A plain baseline: what a careful author writes without intrinsics, and what Oxide's unpublished
//! gfss does. It splits by one polynomial for each byte; it combines with Lagrange coefficients
//! computed once for all bytes. The masked multiply is left to the compiler's own vectorising.

use std::hint::black_box;

use zeroize::Zeroize;

use super::{Case, Kind, Library};
use crate::measure::Job;
use crate::streams::{Generator, Stream};

pub const LIBRARY: Library = Library {
    name: "lagrange-baseline",
    kind: Kind::ConstantTimePeer,
    takes_generator: true,
    split,
    combine,
};

/// The product in GF(2^8) modulo 0x11B, without a branch or a table.
#[inline(always)]
fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    for _ in 0..8 {
        product ^= a & (b & 1).wrapping_neg();
        a = (a << 1) ^ (0x1b & (a >> 7).wrapping_neg());
        b >>= 1;
    }
    product
}

/// `a^254`, which is `1 / a`.
fn invert(a: u8) -> u8 {
    let mut power = a;
    for _ in 0..6 {
        power = multiply(multiply(power, power), a);
    }
    multiply(power, power)
}

/// One polynomial for each byte, evaluated at each index by Horner's rule.
fn split_bytes(secret: &[u8], threshold: u8, count: u8, rng: &mut Stream) -> Vec<(u8, Vec<u8>)> {
    let mut polynomials: Vec<Box<[u8]>> = secret
        .iter()
        .map(|byte| {
            let mut coefficients = vec![*byte; threshold.into()].into_boxed_slice();
            rng.fill(&mut coefficients[1..]);
            coefficients
        })
        .collect();
    let evaluate = |polynomial: &[u8], x| {
        polynomial
            .iter()
            .rev()
            .fold(0, |y, coefficient| multiply(y, x) ^ coefficient)
    };
    let shares = (1..=count)
        .map(|x| {
            (
                x,
                polynomials
                    .iter()
                    .map(|polynomial| evaluate(polynomial, x))
                    .collect(),
            )
        })
        .collect();
    polynomials.zeroize();
    shares
}

fn combine_rows(shares: &[(u8, Vec<u8>)], secret: &mut [u8]) {
    secret.fill(0);
    for (x, share) in shares {
        let mut lagrange = 1;
        for (other, _) in shares {
            if other != x {
                lagrange = multiply(lagrange, multiply(*other, invert(*other ^ x)));
            }
        }
        for (byte, y) in secret.iter_mut().zip(share) {
            *byte ^= multiply(*y, lagrange);
        }
    }
}

fn split<'a>(case: &Case<'a>, generator: Generator) -> Option<Job<'a>> {
    let (secret, threshold, count) = (case.secret, case.threshold, case.count);
    let mut rng = generator.stream();
    Some(Box::new(move || {
        black_box(split_bytes(secret, threshold, count, &mut rng));
    }))
}

fn combine<'a>(case: &Case<'a>) -> Option<Job<'a>> {
    let mut rng = Generator::ChaCha20.stream();
    let mut shares = split_bytes(case.secret, case.threshold, case.count, &mut rng);
    shares.truncate(case.threshold.into());
    let mut secret = vec![0; case.secret.len()];
    combine_rows(&shares, &mut secret);
    assert_eq!(secret, case.secret);
    Some(Box::new(move || {
        combine_rows(black_box(&shares), &mut secret);
        black_box(&mut secret);
    }))
}
