// SPDX-License-Identifier: MIT OR Apache-2.0
//! What shares and messages tell: nothing, for every byte value is as frequent as any other.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::dealing::{deal, index, quorum};
use crate::renew::run_repair;

/// The chi-squared statistic of 256 counts against the uniform distribution, whose mean is 255 and
/// whose deviation is 22.6: 400 is beyond six deviations.
fn chi_squared(counts: &[u64; 256]) -> f64 {
    let total: u64 = counts.iter().sum();
    let mean = total as f64 / 256.0;
    counts
        .iter()
        .map(|&count| (count as f64 - mean).powi(2) / mean)
        .sum()
}

#[test]
fn shares_below_the_threshold_are_uniform_whatever_the_secret() {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    for fixed in [0x00, 0x01, 0xa5] {
        // Any one share, and any sum of two of the three that it takes.
        let mut single = [[0u64; 256]; 4];
        let mut pairs = [[0u64; 256]; 3];
        for _ in 0..50 {
            let rows = deal(&[fixed; 4096], quorum(3, 4), &mut rng);
            for column in 0..4096 {
                for (counts, value) in single.iter_mut().zip(&rows) {
                    counts[usize::from(value[column])] += 1;
                }
                for (i, counts) in pairs.iter_mut().enumerate() {
                    counts[usize::from(rows[i][column] ^ rows[i + 1][column])] += 1;
                }
            }
        }
        for counts in single.iter().chain(&pairs) {
            assert!(
                chi_squared(counts) < 400.0,
                "secret {fixed}: {}",
                chi_squared(counts)
            );
        }
    }
}

#[test]
fn every_coefficient_is_uniform_zero_included() {
    let twice = |byte: u8| (byte << 1) ^ (0x1b * (byte >> 7));
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    let mut counts = [[0u64; 256]; 2];
    for _ in 0..50 {
        // Of the secret 0, share 1 is a + b and share 2 is 2 a + 4 b: 4 times the first and the second
        // are 6 a, and 2 times the first and the second 6 b.
        let rows = deal(&[0; 4096], quorum(3, 3), &mut rng);
        for (&first, &second) in rows[0].iter().zip(&rows[1]) {
            let double = twice(first);
            counts[0][usize::from(twice(double) ^ second)] += 1;
            counts[1][usize::from(double ^ second)] += 1;
        }
    }
    let mean = (50 * 4096 / 256) as f64;
    for counts in &counts {
        assert!(chi_squared(counts) < 400.0, "{}", chi_squared(counts));
        let zeros = counts[0] as f64;
        assert!((zeros - mean).abs() < 6.0 * mean.sqrt(), "{zeros} zeros");
    }
}

#[test]
fn what_a_helper_sends_is_uniform_whatever_his_share() {
    // All rows but one that a helper sends, and all but one that another receives, whatever share he
    // holds: counts of each byte value against the uniform distribution.
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let quorum = quorum(3, 4);
    let rows = vec![vec![0; 4096]; 4];
    let holders = [index(1), index(2), index(3)];
    let mut counts = [[0u64; 256]; 6];
    for _ in 0..40 {
        let (sent, _) = run_repair(quorum, &rows, &holders, index(4), &mut rng);
        let [to_self, to_second, to_third] = [0, 1, 2].map(|to| &sent[0][to]);
        for ((&a, &b), &c) in to_self.iter().zip(to_second).zip(to_third) {
            let seen = [a, b, c, a ^ b, b ^ c, c ^ a];
            for (counts, byte) in counts.iter_mut().zip(seen) {
                counts[usize::from(byte)] += 1;
            }
        }
    }
    for counts in counts {
        assert!(chi_squared(&counts) < 400.0, "{}", chi_squared(&counts));
    }
}
