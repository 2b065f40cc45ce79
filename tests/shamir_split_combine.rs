// SPDX-License-Identifier: MIT OR Apache-2.0
//! Splitting and combining: every subset, every failing draw, every refusal, and the distribution.

use core::convert::Infallible;

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use security_domain::quorum::{Quorum, ShareCount, ShareIndex, Threshold};
use security_domain::secret::Secret;
use security_domain::shamir::{
    CombineError, Share, ShareRow, SplitError, combine, combine_rows, split, split_rows,
};

fn quorum(threshold: u8, count: u8) -> Quorum {
    Quorum::new(
        Threshold::new(threshold).unwrap(),
        ShareCount::new(count).unwrap(),
    )
    .unwrap()
}

fn secret<const N: usize>(rng: &mut ChaCha20Rng) -> Secret<N> {
    Secret::random(rng).unwrap()
}

fn deal<const N: usize>(
    secret: &Secret<N>,
    quorum: Quorum,
    rng: &mut ChaCha20Rng,
) -> Vec<Share<N>> {
    let mut slots: Vec<_> = quorum.indices().map(|_| None).collect();
    split(secret, quorum, rng, &mut slots).unwrap();
    slots.into_iter().map(Option::unwrap).collect()
}

/// Deals `secret` as rows, and returns them with their indices.
fn deal_rows(secret: &[u8], quorum: Quorum, rng: &mut ChaCha20Rng) -> Vec<(ShareIndex, Vec<u8>)> {
    let mut rows: Vec<_> = quorum.indices().map(|_| vec![0; secret.len()]).collect();
    let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(|row| row.as_mut_slice()).collect();
    split_rows(secret, quorum, rng, &mut slots).unwrap();
    quorum.indices().zip(rows).collect()
}

fn as_rows(shares: &[(ShareIndex, Vec<u8>)]) -> Vec<ShareRow<'_>> {
    shares
        .iter()
        .map(|(index, value)| ShareRow {
            index: *index,
            value,
        })
        .collect()
}

#[test]
fn every_subset_of_five_combines_or_is_too_small() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for threshold in 2..=5 {
        let quorum = quorum(threshold, 5);
        let secret = secret::<32>(&mut rng);
        let shares = deal(&secret, quorum, &mut rng);
        for subset in 0u32..32 {
            let mut chosen: Vec<_> = shares
                .iter()
                .filter(|share| subset >> (share.index().get() - 1) & 1 == 1)
                .collect();
            chosen.reverse();
            let combined = combine(quorum, &chosen);
            if subset.count_ones() < u32::from(threshold) {
                assert_eq!(combined.unwrap_err(), CombineError::TooFewShares);
            } else {
                assert_eq!(combined.unwrap().expose(), secret.expose(), "{subset:05b}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_quorum_any_length_any_subset(
        seed: u64, len in 0usize..6000, threshold in 2u8..40, more in 0u8..20, extra in 0usize..4,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let quorum = quorum(threshold, threshold + more);
        let mut secret = vec![0; len];
        rng.fill_bytes(&mut secret);
        let mut shares = deal_rows(&secret, quorum, &mut rng);
        // A random order, then some of them.
        for i in (1..shares.len()).rev() {
            shares.swap(i, (rng.next_u32() % (i as u32 + 1)) as usize);
        }
        let given = (usize::from(threshold) + extra).min(shares.len());
        let mut out = vec![0xaa; len];
        prop_assert_eq!(combine_rows(quorum, &as_rows(&shares[..given]), &mut out), Ok(()));
        prop_assert_eq!(&out, &secret);
    }
}

#[test]
fn the_largest_quorum() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for threshold in [2, 17, 254, 255] {
        let quorum = quorum(threshold, 255);
        let mut secret = vec![0; 1000];
        rng.fill_bytes(&mut secret);
        let shares = deal_rows(&secret, quorum, &mut rng);
        let mut out = vec![0; 1000];
        let last = &shares[255 - usize::from(threshold)..];
        combine_rows(quorum, &as_rows(last), &mut out).unwrap();
        assert_eq!(out, secret);
    }
}

#[test]
fn rows_and_typed_shares_are_the_same() {
    let secret = secret::<100>(&mut ChaCha20Rng::seed_from_u64(3));
    let typed = deal(&secret, quorum(3, 7), &mut ChaCha20Rng::seed_from_u64(4));
    let rows = deal_rows(
        secret.expose(),
        quorum(3, 7),
        &mut ChaCha20Rng::seed_from_u64(4),
    );
    for (share, (index, value)) in typed.iter().zip(rows) {
        assert_eq!(
            (share.index(), &share.value().expose()[..]),
            (index, &value[..])
        );
    }
}

#[test]
fn empty_and_one_byte_secrets() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    for secret in [&[][..], &[0], &[0x5a], &[0xff]] {
        let shares = deal_rows(secret, quorum(2, 3), &mut rng);
        for pair in [[0, 1], [1, 2], [2, 0]] {
            let chosen = pair.map(|i| ShareRow {
                index: shares[i].0,
                value: &shares[i].1,
            });
            let mut out = vec![0x77; secret.len()];
            combine_rows(quorum(2, 3), &chosen, &mut out).unwrap();
            assert_eq!(out, secret);
        }
    }
}

#[test]
fn refusals_name_the_share_and_wipe_the_output() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let shares = deal_rows(&[7; 9], quorum(3, 5), &mut rng);
    let rows = as_rows(&shares);
    let index = |index| ShareIndex::new(index).unwrap();
    let short = ShareRow {
        index: index(4),
        value: &shares[3].1[..8],
    };
    let foreign = ShareRow {
        index: index(6),
        value: &shares[3].1,
    };
    let wrong = ShareRow {
        index: index(4),
        value: &shares[4].1,
    };
    for (given, want) in [
        (vec![], CombineError::TooFewShares),
        (vec![rows[0], rows[1]], CombineError::TooFewShares),
        (
            vec![rows[0], rows[1], rows[0]],
            CombineError::EqualIndices(index(1)),
        ),
        (
            vec![rows[0], rows[1], short],
            CombineError::UnequalLengths(index(4)),
        ),
        (
            vec![rows[0], rows[1], foreign],
            CombineError::IndexAboveCount(index(6)),
        ),
        (
            vec![rows[0], rows[1], rows[2], wrong],
            CombineError::Disagree,
        ),
    ] {
        let mut out = [0x77; 9];
        assert_eq!(combine_rows(quorum(3, 5), &given, &mut out), Err(want));
        assert_eq!(out, [0; 9], "{want}");
    }
    let mut out = [0x77; 10];
    let refused = combine_rows(quorum(3, 5), &rows[..3], &mut out);
    assert_eq!(refused, Err(CombineError::UnequalLengths(index(1))));
    assert_eq!(out, [0; 10]);
}

#[test]
fn one_flipped_bit_anywhere_is_noticed_beyond_the_threshold() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let shares = deal_rows(&[9; 1100], quorum(3, 4), &mut rng);
    for which in 0..4 {
        for at in [0, 1, 511, 512, 1023, 1024, 1099] {
            let mut bad = shares.clone();
            bad[which].1[at] ^= 0x40;
            let mut out = [0x77; 1100];
            let refused = combine_rows(quorum(3, 4), &as_rows(&bad), &mut out);
            assert_eq!(refused, Err(CombineError::Disagree));
            assert_eq!(out, [0; 1100]);
        }
    }
}

#[test]
fn slots_that_do_not_fit_the_quorum_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let secret = secret::<16>(&mut rng);
    for slots in [0, 1, 4, 6] {
        let mut shares: Vec<_> = deal(&secret, quorum(2, 6), &mut rng)
            .into_iter()
            .map(Some)
            .collect();
        shares.truncate(slots);
        assert_eq!(
            split(&secret, quorum(2, 5), &mut rng, &mut shares),
            Err(SplitError::SlotCount)
        );
        assert!(shares.iter().all(Option::is_none));

        let mut rows = vec![[0x77; 16]; slots];
        let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(|row| &mut row[..]).collect();
        let refused = split_rows(secret.expose(), quorum(2, 5), &mut rng, &mut slots);
        assert_eq!(refused, Err(SplitError::SlotCount));
        assert!(rows.iter().flatten().all(|&byte| byte == 0));
    }
    let (mut a, mut b) = ([0x77; 16], [0x77; 17]);
    let refused = split_rows(
        secret.expose(),
        quorum(2, 2),
        &mut rng,
        &mut [&mut a, &mut b],
    );
    assert_eq!(refused, Err(SplitError::UnequalLengths));
    assert_eq!((a, b), ([0; 16], [0; 17]));
}

/// Works for a number of calls, then fails; what it wrote by then stays.
struct Failing {
    rng: ChaCha20Rng,
    calls: u32,
    left: u32,
}

impl Failing {
    fn after(left: u32) -> Self {
        Self {
            rng: ChaCha20Rng::seed_from_u64(9),
            calls: 0,
            left,
        }
    }
}

#[derive(Debug)]
struct Worn;

impl core::fmt::Display for Worn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("worn out")
    }
}

impl core::error::Error for Worn {}

impl TryRng for Failing {
    type Error = Worn;
    fn try_next_u32(&mut self) -> Result<u32, Worn> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)
            .map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Worn> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)
            .map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Worn> {
        self.rng.fill_bytes(out);
        self.calls += 1;
        if self.left == 0 {
            return Err(Worn);
        }
        self.left -= 1;
        Ok(())
    }
}

impl TryCryptoRng for Failing {}

#[test]
fn a_generator_that_fails_at_any_call_leaves_nothing() {
    for (threshold, count, len) in [(2, 2, 1), (3, 5, 32), (3, 5, 5000), (40, 41, 600)] {
        let quorum = quorum(threshold, count);
        let secret = vec![0x33; len];
        let mut needed = Failing::after(u32::MAX);
        let mut rows = vec![vec![0x77; len]; count.into()];
        let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(|row| row.as_mut_slice()).collect();
        split_rows(&secret, quorum, &mut needed, &mut slots).unwrap();
        assert!(needed.calls > 0);
        for call in 0..needed.calls {
            let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(|row| row.as_mut_slice()).collect();
            let refused = split_rows(&secret, quorum, &mut Failing::after(call), &mut slots);
            assert_eq!(refused, Err(SplitError::Rng));
            assert!(rows.iter().flatten().all(|&byte| byte == 0), "call {call}");
        }
    }
    let mut shares = [const { None }; 5];
    let secret = secret::<32>(&mut ChaCha20Rng::seed_from_u64(10));
    let refused = split(&secret, quorum(3, 5), &mut Failing::after(0), &mut shares);
    assert_eq!(refused, Err(SplitError::Rng));
    assert!(shares.iter().all(Option::is_none));
}

#[test]
fn a_small_secret_draws_once() {
    for threshold in 2..=16 {
        let mut rng = Failing::after(u32::MAX);
        let mut rows = [[0; 32]; 16];
        let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(|row| &mut row[..]).collect();
        split_rows(&[1; 32], quorum(threshold, 16), &mut rng, &mut slots).unwrap();
        assert_eq!(rng.calls, 1, "threshold {threshold}");
    }
}

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
            let shares = deal_rows(&[fixed; 4096], quorum(3, 4), &mut rng);
            for column in 0..4096 {
                for (counts, (_, value)) in single.iter_mut().zip(&shares) {
                    counts[usize::from(value[column])] += 1;
                }
                for (i, counts) in pairs.iter_mut().enumerate() {
                    counts[usize::from(shares[i].1[column] ^ shares[i + 1].1[column])] += 1;
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
fn the_leading_coefficient_is_uniform_zero_included() {
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    let mut counts = [0u64; 256];
    for _ in 0..50 {
        // Threshold 2: share 1 is secret + a, so the secret 0 shows the coefficient a itself.
        let shares = deal_rows(&[0; 4096], quorum(2, 2), &mut rng);
        for &byte in &shares[0].1 {
            counts[usize::from(byte)] += 1;
        }
    }
    assert!(chi_squared(&counts) < 400.0);
    let mean = (50 * 4096 / 256) as f64;
    assert!(
        (counts[0] as f64 - mean).abs() < 6.0 * mean.sqrt(),
        "{} zeros",
        counts[0]
    );
}

#[test]
fn nothing_prints_a_share() {
    let mut rng = ChaCha20Rng::seed_from_u64(13);
    let shares = deal(&secret::<4>(&mut rng), quorum(2, 2), &mut rng);
    assert_eq!(format!("{:?}", shares[0]), "Share<4>(1, ..)");
    assert_eq!(format!("{:?}", shares[1].as_row()), "ShareRow(2, ..)");
}

/// A generator without errors is one too.
#[test]
fn infallible_generators_are_accepted() {
    fn takes<R: TryCryptoRng<Error = Infallible> + ?Sized>(rng: &mut R) {
        let mut rows = [[0; 8]; 2];
        let [a, b] = &mut rows;
        split_rows(&[1; 8], quorum(2, 2), rng, &mut [a, b]).unwrap();
        assert_ne!(rows[0], rows[1]);
    }
    takes(&mut ChaCha20Rng::seed_from_u64(14));
}
