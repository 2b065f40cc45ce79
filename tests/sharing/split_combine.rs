// SPDX-License-Identifier: MIT OR Apache-2.0
//! Splitting and combining: every subset, every failing draw, every refusal.

use core::convert::Infallible;

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng};
use security_domain::quorum::Quorum;
use security_domain::secret::Secret;
use security_domain::shamir::{
    CombineError, Share, ShareRow, SplitError, combine, combine_rows, split, split_into, split_rows,
};

use crate::dealing::{all, blank, choose, deal, deal_random, index, pick, quorum, row, slots};
use crate::worn::Failing;

fn secret<const N: usize>(rng: &mut ChaCha20Rng) -> Secret<N> {
    Secret::random(rng).unwrap()
}

fn deal_typed<const N: usize>(
    secret: &Secret<N>,
    quorum: Quorum,
    rng: &mut ChaCha20Rng,
) -> Vec<Share<N>> {
    let mut slots: Vec<_> = quorum.indices().map(|_| None).collect();
    split_into(secret, quorum, rng, &mut slots).unwrap();
    slots.into_iter().map(Option::unwrap).collect()
}

#[test]
fn every_subset_of_five_combines_or_is_too_small() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for threshold in 2..=5 {
        let quorum = quorum(threshold, 5);
        let secret = secret::<32>(&mut rng);
        let shares = deal_typed(&secret, quorum, &mut rng);
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
        let (secret, rows) = deal_random(len, quorum, &mut rng);
        let given = choose(quorum, usize::from(threshold) + extra, &mut rng);
        let mut out = vec![0xaa; len];
        prop_assert_eq!(combine_rows(quorum, &pick(&rows, &given), &mut out), Ok(()));
        prop_assert_eq!(&out, &secret);
    }
}

#[test]
fn the_largest_quorum() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for threshold in [2, 17, 254, 255] {
        let quorum = quorum(threshold, 255);
        let (secret, rows) = deal_random(1000, quorum, &mut rng);
        let mut out = vec![0; 1000];
        let last = &all(&rows)[255 - usize::from(threshold)..];
        combine_rows(quorum, last, &mut out).unwrap();
        assert_eq!(out, secret);
    }
}

#[test]
fn rows_and_typed_shares_are_the_same() {
    let secret = secret::<100>(&mut ChaCha20Rng::seed_from_u64(3));
    let typed = deal_typed(&secret, quorum(3, 7), &mut ChaCha20Rng::seed_from_u64(4));
    let rows = deal(
        secret.expose(),
        quorum(3, 7),
        &mut ChaCha20Rng::seed_from_u64(4),
    );
    for (share, row) in typed.iter().zip(all(&rows)) {
        assert_eq!(
            (share.index(), &share.value().expose()[..]),
            (row.index, row.value)
        );
    }
}

#[test]
fn empty_and_one_byte_secrets() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    for secret in [&[][..], &[0], &[0x5a], &[0xff]] {
        let rows = deal(secret, quorum(2, 3), &mut rng);
        for pair in [[1, 2], [2, 3], [3, 1]] {
            let chosen = pair.map(|of| row(&rows, index(of)));
            let mut out = vec![0x77; secret.len()];
            combine_rows(quorum(2, 3), &chosen, &mut out).unwrap();
            assert_eq!(out, secret);
        }
    }
}

#[test]
fn refusals_name_the_share_and_wipe_the_output() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let dealt = deal(&[7; 9], quorum(3, 5), &mut rng);
    let rows = all(&dealt);
    let at = |of, value| ShareRow {
        index: index(of),
        value,
    };
    let short = at(4, &dealt[3][..8]);
    let foreign = at(6, &dealt[3]);
    let wrong = at(4, &dealt[4]);
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
    let rows = deal(&[9; 1100], quorum(3, 4), &mut rng);
    for which in 0..4 {
        for at in [0, 1, 511, 512, 1023, 1024, 1099] {
            let mut bad = rows.clone();
            bad[which][at] ^= 0x40;
            let mut out = [0x77; 1100];
            let refused = combine_rows(quorum(3, 4), &all(&bad), &mut out);
            assert_eq!(refused, Err(CombineError::Disagree));
            assert_eq!(out, [0; 1100]);
        }
    }
}

#[test]
fn an_array_holds_what_slots_would() {
    let secret = secret::<16>(&mut ChaCha20Rng::seed_from_u64(11));
    let rng = || ChaCha20Rng::seed_from_u64(12);
    let array: [Share<16>; 5] = split(&secret, quorum(3, 5), &mut rng()).unwrap();
    let slots = deal_typed(&secret, quorum(3, 5), &mut rng());
    for (a, b) in array.iter().zip(&slots) {
        assert_eq!(a.index(), b.index());
        assert_eq!(a.value().expose(), b.value().expose());
    }
    let longer = split::<16, 6, _>(&secret, quorum(3, 5), &mut rng());
    assert_eq!(longer.err(), Some(SplitError::SlotCount));
    let shorter = split::<16, 4, _>(&secret, quorum(3, 5), &mut rng());
    assert_eq!(shorter.err(), Some(SplitError::SlotCount));
}

#[test]
fn slots_that_do_not_fit_the_quorum_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let secret = secret::<16>(&mut rng);
    for count in [0, 1, 4, 6] {
        let mut shares: Vec<_> = deal_typed(&secret, quorum(2, 6), &mut rng)
            .into_iter()
            .map(Some)
            .collect();
        shares.truncate(count);
        assert_eq!(
            split_into(&secret, quorum(2, 5), &mut rng, &mut shares),
            Err(SplitError::SlotCount)
        );
        assert!(shares.iter().all(Option::is_none));

        let mut rows = blank(count, 16);
        let refused = split_rows(
            secret.expose(),
            quorum(2, 5),
            &mut rng,
            &mut slots(&mut rows),
        );
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

#[test]
fn a_generator_that_fails_at_any_call_leaves_nothing() {
    for (threshold, count, len) in [(2, 2, 1), (3, 5, 32), (3, 5, 5000), (40, 41, 600)] {
        let quorum = quorum(threshold, count);
        let secret = vec![0x33; len];
        let run = |rng: &mut Failing| {
            let mut rows = blank(count.into(), len);
            let dealt = split_rows(&secret, quorum, rng, &mut slots(&mut rows));
            (dealt, rows)
        };
        Failing::at_every_call(run, |_, (dealt, rows)| {
            assert_eq!(dealt, Err(SplitError::Rng));
            assert!(rows.iter().flatten().all(|&byte| byte == 0));
        });
    }
    let mut shares = [const { None }; 5];
    let secret = secret::<32>(&mut ChaCha20Rng::seed_from_u64(10));
    let refused = split_into(&secret, quorum(3, 5), &mut Failing::after(0), &mut shares);
    assert_eq!(refused, Err(SplitError::Rng));
    assert!(shares.iter().all(Option::is_none));
    let refused = split::<32, 5, _>(&secret, quorum(3, 5), &mut Failing::after(0));
    assert_eq!(refused.err(), Some(SplitError::Rng));
}

#[test]
fn a_small_secret_draws_once() {
    for threshold in 2..=16 {
        let mut rng = Failing::after(usize::MAX);
        let rows = &mut blank(16, 32);
        split_rows(&[1; 32], quorum(threshold, 16), &mut rng, &mut slots(rows)).unwrap();
        assert_eq!(rng.calls, 1, "threshold {threshold}");
    }
}

#[test]
fn nothing_prints_a_share() {
    let mut rng = ChaCha20Rng::seed_from_u64(13);
    let shares = deal_typed(&secret::<4>(&mut rng), quorum(2, 2), &mut rng);
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
