// SPDX-License-Identifier: MIT OR Apache-2.0
//! Naming wrong shares, with digests and without.

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::secret::Secret;
use security_domain::shamir::check::{
    CorrectError, SetId, ShareDigest, consistent, correct, correct_rows, name_wrong,
};
use security_domain::shamir::encoded::{EncodedShare, MixedShares};
use security_domain::shamir::{CombineError, Share, ShareRow};

use crate::dealing::{Rows, all, choose, deal_random, index, pick, quorum, shuffle};
use crate::worn::Failing;

/// Chooses `given` shares at random, and spoils `wrong` of them; returns the indices of all, in any order,
/// and of those.
fn spoil(
    rows: &mut Rows,
    quorum: Quorum,
    given: usize,
    wrong: usize,
    rng: &mut ChaCha20Rng,
    mut how: impl FnMut(&mut [u8], &mut ChaCha20Rng),
) -> (Vec<ShareIndex>, Vec<ShareIndex>) {
    let mut chosen = choose(quorum, given, rng);
    let mut named = chosen[..wrong].to_vec();
    for of in &named {
        how(&mut rows[usize::from(of.get()) - 1], rng);
    }
    named.sort();
    shuffle(&mut chosen, rng);
    (chosen, named)
}

fn flip_one_bit(value: &mut [u8], rng: &mut ChaCha20Rng) {
    let at = rng.next_u32() as usize % value.len();
    value[at] ^= 1 << (rng.next_u32() % 8);
}

fn replace(value: &mut [u8], rng: &mut ChaCha20Rng) {
    let before = value.to_vec();
    rng.fill_bytes(value);
    if value == before {
        value[0] ^= 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn up_to_the_bound_every_wrong_share_is_named_and_the_secret_comes_out(
        seed: u64, len in 1usize..3000, threshold in 2u8..12, errors in 0usize..5, odd in 0usize..2,
        spare in 0u8..4, one_bit: bool,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let given = usize::from(threshold) + 2 * errors + odd;
        let quorum = quorum(threshold, given as u8 + spare);
        let (secret, mut rows) = deal_random(len, quorum, &mut rng);
        let how = if one_bit { flip_one_bit } else { replace };
        let (chosen, named) = spoil(&mut rows, quorum, given, errors, &mut rng, how);
        let mut out = vec![0x77; len];
        let wrong = correct_rows(quorum, &pick(&rows, &chosen), &mut rng, &mut out);
        let wrong: Vec<_> = wrong.unwrap().iter().collect();
        prop_assert_eq!(wrong, named);
        prop_assert_eq!(out, secret);
    }

    #[test]
    fn beyond_the_bound_random_errors_are_refused_and_the_output_wiped(
        seed: u64, threshold in 2u8..8, errors in 0usize..4, odd in 0usize..2, more in 1usize..3,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let given = usize::from(threshold) + 2 * errors + odd;
        // Wrong shares that agree by chance: with 40 random bytes that does not happen.
        let beyond = (errors + more).min(given);
        prop_assume!(given > usize::from(threshold));
        let quorum = quorum(threshold, given as u8);
        let (_, mut rows) = deal_random(40, quorum, &mut rng);
        spoil(&mut rows, quorum, given, beyond, &mut rng, replace);
        let mut out = [0x77; 40];
        let refused = correct_rows(quorum, &all(&rows), &mut rng, &mut out);
        prop_assert_eq!(refused, Err(CorrectError::TooManyWrong));
        prop_assert_eq!(out, [0; 40]);
    }
}

#[test]
fn errors_in_one_byte_each_are_found_wherever_they_are() {
    // Wrong shares that differ in different bytes, so that no single column shows all of them.
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let quorum = quorum(3, 9);
    for round in 0..200 {
        let (secret, rows) = deal_random(4097, quorum, &mut rng);
        let mut bad = rows.clone();
        bad[round % 9][4096] ^= 0x80;
        bad[(round + 1) % 9][round] ^= 0x01;
        bad[(round + 4) % 9][2048 - round] ^= 0x10;
        let mut out = vec![0; 4097];
        let wrong = correct_rows(quorum, &all(&bad), &mut rng, &mut out).unwrap();
        assert_eq!((wrong.len(), &out), (3, &secret));
        for (of, (bad, row)) in quorum.indices().zip(bad.iter().zip(&rows)) {
            assert_eq!(wrong.contains(of), bad != row);
        }
    }
}

/// More shares are wrong than can be corrected, in one byte: every pair of errors. The code is
/// linear, so the secret does not matter.
#[test]
fn beyond_the_bound_random_errors_agree_by_chance_as_seldom_as_documented() {
    let quorum = Quorum::of::<3, 5>();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for wrong in [[0, 1], [2, 4]] {
        let (mut agreed, mut all) = (0, 0);
        for errors in (1..=255).flat_map(|a| (1..=255).map(move |b| [a, b])) {
            let mut rows = [[0; 1]; 5];
            for (place, error) in wrong.into_iter().zip(errors) {
                rows[place] = [error];
            }
            let shares = quorum.indices().zip(&rows);
            let shares: Vec<_> = shares
                .map(|(index, value)| ShareRow { index, value })
                .collect();
            let corrected = correct_rows(quorum, &shares, &mut rng, &mut [0]);
            agreed += u32::from(corrected.is_ok());
            all += 1;
        }
        let (share, bound) = (
            f64::from(agreed) / f64::from(all),
            5.0 / 255.0 + 1.0 / 65025.0,
        );
        assert!(share <= bound && share > bound / 3.0, "{agreed} of {all}");
    }
}

#[test]
fn the_largest_code() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for threshold in [2, 100, 253, 254, 255] {
        let quorum = quorum(threshold, 255);
        let errors = usize::from(255 - threshold) / 2;
        let (secret, mut rows) = deal_random(70, quorum, &mut rng);
        let (chosen, named) = spoil(&mut rows, quorum, 255, errors, &mut rng, replace);
        let mut out = [0; 70];
        let wrong = correct_rows(quorum, &pick(&rows, &chosen), &mut rng, &mut out).unwrap();
        assert!(wrong.iter().eq(named));
        assert_eq!(out, *secret);
    }
}

#[test]
fn the_longest_shares_in_the_largest_code() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let quorum = quorum(2, 255);
    let (secret, mut rows) = deal_random(1 << 20, quorum, &mut rng);
    let (chosen, named) = spoil(&mut rows, quorum, 255, 126, &mut rng, flip_one_bit);
    let mut out = vec![0; 1 << 20];
    let wrong = correct_rows(quorum, &pick(&rows, &chosen), &mut rng, &mut out).unwrap();
    assert!(wrong.iter().eq(named));
    assert!(out == secret);
}

#[test]
fn typed_shares_are_corrected_too() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (secret, mut rows) = deal_random(32, quorum(3, 5), &mut rng);
    rows[4][31] ^= 1;
    let typed: Vec<Share<32>> = all(&rows)
        .into_iter()
        .map(|row| {
            let value = Secret::from_bytes(&mut row.value.try_into().unwrap());
            Share::new(row.index, value)
        })
        .collect();
    let given: Vec<_> = typed.iter().collect();
    let (again, wrong) = correct(quorum(3, 5), &given, &mut rng).unwrap();
    assert_eq!(again.expose()[..], secret);
    assert!(wrong.iter().eq([index(5)]));
    assert_eq!(format!("{wrong:?}"), "{5}");
    let few = correct(quorum(3, 5), &given[..2], &mut rng).unwrap_err();
    assert_eq!(few, CorrectError::Shares(CombineError::TooFewShares));
}

#[test]
fn refusals_wipe_the_output() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let (_, dealt) = deal_random(20, quorum(2, 4), &mut rng);
    let rows = all(&dealt);
    let mut out = [0x77; 20];
    assert_eq!(
        correct_rows(quorum(2, 4), &rows, &mut Failing::after(0), &mut out),
        Err(CorrectError::Rng)
    );
    assert_eq!(out, [0; 20]);
    for (given, want) in [
        (&rows[..1], CombineError::TooFewShares),
        (
            &[rows[0], rows[1], rows[1]],
            CombineError::EqualIndices(index(2)),
        ),
    ] {
        let mut out = [0x77; 20];
        let refused = correct_rows(quorum(2, 4), given, &mut rng, &mut out);
        assert_eq!(refused, Err(CorrectError::Shares(want)));
        assert_eq!(out, [0; 20]);
    }
    // One wrong share among threshold + 1 shows, but not which one.
    let mut bad = dealt.clone();
    bad[1][19] ^= 4;
    let three = &all(&bad)[..3];
    let mut out = [0x77; 20];
    let refused = correct_rows(quorum(2, 4), three, &mut rng, &mut out);
    assert_eq!((refused, out), (Err(CorrectError::TooManyWrong), [0; 20]));
}

#[test]
fn consistency_is_seen_in_every_byte() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (_, rows) = deal_random(1500, quorum(4, 7), &mut rng);
    assert_eq!(consistent(quorum(4, 7), &all(&rows)), Ok(()));
    assert_eq!(
        consistent(quorum(4, 7), &[]),
        Err(CombineError::TooFewShares)
    );
    for at in 0..1500 {
        let mut bad = rows.clone();
        bad[at % 7][at] ^= 1;
        assert_eq!(
            consistent(quorum(4, 7), &all(&bad)),
            Err(CombineError::Disagree),
            "{at}"
        );
    }
}

#[test]
fn a_digest_names_a_wrong_share_by_itself() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let quorum = quorum(2, 3);
    let set = SetId::random(&mut rng).unwrap();
    let (_, rows) = deal_random(24, quorum, &mut rng);
    let blinds: Vec<[u8; 32]> = (0..3u8).map(|i| [i ^ 0x5a; 32]).collect();
    let encode = |set| -> Rows {
        all(&rows)
            .into_iter()
            .zip(&blinds)
            .map(|(row, blind)| {
                let mut out = vec![0; 200];
                let len = EncodedShare::new(set, quorum, row, blind)
                    .unwrap()
                    .encode(&mut out)
                    .unwrap();
                out.truncate(len);
                out
            })
            .collect()
    };
    fn parse(bytes: &[Vec<u8>]) -> Vec<EncodedShare<'_>> {
        bytes
            .iter()
            .map(|bytes| EncodedShare::parse(bytes).unwrap())
            .collect()
    }
    let good = encode(set);
    let digests: Vec<_> = parse(&good).iter().map(EncodedShare::digest).collect();
    assert!(name_wrong(&parse(&good), &digests).unwrap().is_empty());

    // Every byte of a share: value and blind are noticed, set and quorum as mixed, or all wrong.
    for which in 0..3 {
        for at in 31..31 + 24 + 32 {
            let mut bad = good.clone();
            bad[which][at] ^= 1;
            let wrong = name_wrong(&parse(&bad), &digests).unwrap();
            assert!(wrong.iter().eq([index(which as u8 + 1)]), "byte {at}");
        }
    }
    // Two holders who swap their indices are both wrong; so is one without a digest.
    let mut swapped = good.clone();
    swapped[0][26] = 2;
    swapped[1][26] = 1;
    let wrong = name_wrong(&parse(&swapped), &digests).unwrap();
    assert!(wrong.iter().eq([index(1), index(2)]));
    assert!(
        name_wrong(&parse(&good), &digests[..2])
            .unwrap()
            .iter()
            .eq([index(3)])
    );

    // Another set, consistently: all wrong. One share of it: mixed.
    let other = encode(SetId::from_bytes([9; 16]));
    assert_eq!(name_wrong(&parse(&other), &digests).unwrap().len(), 3);
    let mixed = [good[0].clone(), other[1].clone()];
    assert_eq!(
        name_wrong(&parse(&mixed), &digests),
        Err(MixedShares::Set(index(2)))
    );
    let mut quorums = good.clone();
    quorums[2][25] = 4;
    assert_eq!(
        name_wrong(&parse(&quorums), &digests),
        Err(MixedShares::Quorum(index(3)))
    );
}

#[test]
fn a_digest_is_the_hmac_that_the_format_says() {
    // Computed with Python: hmac.digest(bytes(range(32)), b"security-domain/v1 share digest"
    // + bytes([7] * 16) + bytes([2, 3, 1]) + b"share bytes", "sha256").
    let blind = Secret::from_bytes(&mut core::array::from_fn(|i| i as u8));
    let share = ShareRow {
        index: index(1),
        value: b"share bytes",
    };
    let digest = ShareDigest::of(&blind, SetId::from_bytes([7; 16]), quorum(2, 3), share);
    let hex: String = digest
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "9a47983be101c4d4ca5c5473c7e7445e230c314e98b065324273d53fb6d021d5"
    );
}

#[test]
fn a_digest_depends_on_everything_that_it_is_of() {
    let blind = Secret::from_bytes(&mut [7; 32]);
    let of = |set, quorum, at, value: &[u8]| {
        let share = ShareRow {
            index: index(at),
            value,
        };
        ShareDigest::of(&blind, SetId::from_bytes([set; 16]), quorum, share)
    };
    let digests = [
        of(1, quorum(2, 3), 1, b"share"),
        of(1, quorum(2, 3), 2, b"share"),
        of(2, quorum(2, 3), 1, b"share"),
        of(1, quorum(3, 3), 1, b"share"),
        of(1, quorum(2, 4), 1, b"share"),
        of(1, quorum(2, 3), 1, b"shard"),
    ];
    for (place, digest) in digests.iter().enumerate() {
        assert!(!digests[..place].contains(digest), "{place}");
    }
}
