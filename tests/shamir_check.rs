// SPDX-License-Identifier: MIT OR Apache-2.0
//! Naming wrong shares, with digests and without.

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use security_domain::quorum::{Quorum, ShareCount, ShareIndex, Threshold};
use security_domain::secret::Secret;
use security_domain::shamir::check::{
    CorrectError, SetId, ShareDigest, consistent, correct, correct_rows, name_wrong,
};
use security_domain::shamir::encoded::{EncodedShare, MixedShares};
use security_domain::shamir::{CombineError, Share, ShareRow, split_rows};

fn quorum(threshold: u8, count: u8) -> Quorum {
    Quorum::new(
        Threshold::new(threshold).unwrap(),
        ShareCount::new(count).unwrap(),
    )
    .unwrap()
}

fn index(index: u8) -> ShareIndex {
    ShareIndex::new(index).unwrap()
}

type Shares = Vec<(ShareIndex, Vec<u8>)>;

fn deal(len: usize, quorum: Quorum, rng: &mut ChaCha20Rng) -> (Vec<u8>, Shares) {
    let mut secret = vec![0; len];
    rng.fill_bytes(&mut secret);
    let mut rows: Vec<_> = quorum.indices().map(|_| vec![0; len]).collect();
    let mut slots: Vec<&mut [u8]> = rows.iter_mut().map(|row| row.as_mut_slice()).collect();
    split_rows(&secret, quorum, rng, &mut slots).unwrap();
    (secret, quorum.indices().zip(rows).collect())
}

fn as_rows(shares: &Shares) -> Vec<ShareRow<'_>> {
    shares
        .iter()
        .map(|(index, value)| ShareRow {
            index: *index,
            value,
        })
        .collect()
}

/// Leaves `given` random shares, and spoils `wrong` of them; returns the indices of those.
fn spoil(
    shares: &mut Shares,
    given: usize,
    wrong: usize,
    rng: &mut ChaCha20Rng,
    mut how: impl FnMut(&mut [u8], &mut ChaCha20Rng),
) -> Vec<ShareIndex> {
    for i in (1..shares.len()).rev() {
        shares.swap(i, (rng.next_u32() % (i as u32 + 1)) as usize);
    }
    shares.truncate(given);
    for (_, value) in &mut shares[..wrong] {
        how(value, rng);
    }
    let mut named: Vec<_> = shares[..wrong].iter().map(|(index, _)| *index).collect();
    named.sort();
    for i in (1..shares.len()).rev() {
        shares.swap(i, (rng.next_u32() % (i as u32 + 1)) as usize);
    }
    named
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
        let (secret, mut shares) = deal(len, quorum, &mut rng);
        let how = if one_bit { flip_one_bit } else { replace };
        let named = spoil(&mut shares, given, errors, &mut rng, how);
        let mut out = vec![0x77; len];
        let wrong = correct_rows(quorum, &as_rows(&shares), &mut rng, &mut out);
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
        let (_, mut shares) = deal(40, quorum, &mut rng);
        spoil(&mut shares, given, beyond, &mut rng, replace);
        let mut out = [0x77; 40];
        let refused = correct_rows(quorum, &as_rows(&shares), &mut rng, &mut out);
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
        let (secret, shares) = deal(4097, quorum, &mut rng);
        let mut bad = shares.clone();
        bad[round % 9].1[4096] ^= 0x80;
        bad[(round + 1) % 9].1[round] ^= 0x01;
        bad[(round + 4) % 9].1[2048 - round] ^= 0x10;
        let mut out = vec![0; 4097];
        let wrong = correct_rows(quorum, &as_rows(&bad), &mut rng, &mut out).unwrap();
        assert_eq!((wrong.len(), &out), (3, &secret));
        for (i, (index, _)) in shares.iter().enumerate() {
            assert_eq!(wrong.contains(*index), bad[i] != shares[i]);
        }
    }
}

#[test]
fn the_largest_code() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for threshold in [2, 100, 253, 254, 255] {
        let quorum = quorum(threshold, 255);
        let errors = usize::from(255 - threshold) / 2;
        let (secret, mut shares) = deal(70, quorum, &mut rng);
        let named = spoil(&mut shares, 255, errors, &mut rng, replace);
        let mut out = [0; 70];
        let wrong = correct_rows(quorum, &as_rows(&shares), &mut rng, &mut out).unwrap();
        assert!(wrong.iter().eq(named));
        assert_eq!(out, *secret);
    }
}

#[test]
fn typed_shares_are_corrected_too() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (secret, mut rows) = deal(32, quorum(3, 5), &mut rng);
    rows[4].1[31] ^= 1;
    let typed: Vec<Share<32>> = rows
        .iter()
        .map(|(index, value)| {
            let value = Secret::try_init(|out| {
                out.copy_from_slice(value);
                Ok::<_, ()>(())
            });
            Share::new(*index, value.unwrap())
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

/// Fails at once.
struct Worn;

impl TryRng for Worn {
    type Error = core::fmt::Error;
    fn try_next_u32(&mut self) -> Result<u32, core::fmt::Error> {
        Err(core::fmt::Error)
    }
    fn try_next_u64(&mut self) -> Result<u64, core::fmt::Error> {
        Err(core::fmt::Error)
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), core::fmt::Error> {
        Err(core::fmt::Error)
    }
}

impl TryCryptoRng for Worn {}

#[test]
fn refusals_wipe_the_output() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let (_, shares) = deal(20, quorum(2, 4), &mut rng);
    let rows = as_rows(&shares);
    let mut out = [0x77; 20];
    assert_eq!(
        correct_rows(quorum(2, 4), &rows, &mut Worn, &mut out),
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
    let mut bad = shares.clone();
    bad[1].1[19] ^= 4;
    let three = &as_rows(&bad)[..3];
    let mut out = [0x77; 20];
    let refused = correct_rows(quorum(2, 4), three, &mut rng, &mut out);
    assert_eq!((refused, out), (Err(CorrectError::TooManyWrong), [0; 20]));
}

#[test]
fn consistency_is_seen_in_every_byte() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (_, shares) = deal(1500, quorum(4, 7), &mut rng);
    assert_eq!(consistent(quorum(4, 7), &as_rows(&shares)), Ok(()));
    assert_eq!(
        consistent(quorum(4, 7), &[]),
        Err(CombineError::TooFewShares)
    );
    for at in 0..1500 {
        let mut bad = shares.clone();
        bad[at % 7].1[at] ^= 1;
        assert_eq!(
            consistent(quorum(4, 7), &as_rows(&bad)),
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
    let (_, shares) = deal(24, quorum, &mut rng);
    let blinds: Vec<[u8; 32]> = (0..3u8).map(|i| [i ^ 0x5a; 32]).collect();
    let encode = |rows: &[(ShareIndex, Vec<u8>)], set| -> Vec<Vec<u8>> {
        rows.iter()
            .zip(&blinds)
            .map(|((index, value), blind)| {
                let row = ShareRow {
                    index: *index,
                    value,
                };
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
    let good = encode(&shares, set);
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
    let other = encode(&shares, SetId::new([9; 16]));
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
    let blind = Secret::try_init(|out: &mut [u8; 32]| {
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = i as u8;
        }
        Ok::<_, ()>(())
    });
    let share = ShareRow {
        index: index(1),
        value: b"share bytes",
    };
    let digest = ShareDigest::of(&blind.unwrap(), SetId::new([7; 16]), quorum(2, 3), share);
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
