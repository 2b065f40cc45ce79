// SPDX-License-Identifier: MIT OR Apache-2.0
//! Repair, refresh and resharing: what comes out, what a holder sees, and what is refused.

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::secret::Secret;
use security_domain::shamir::renew::{
    Commitment, ConfirmError, RenewError, refresh, repair, reshare,
};
use security_domain::shamir::{CombineError, ShareRow, combine_rows};

use crate::dealing::{Rows, blank, choose, deal_random, index, pick, quorum, row, slots};
use crate::worn::Failing;

fn combine(quorum: Quorum, rows: &Rows, which: &[ShareIndex]) -> Vec<u8> {
    let mut out = vec![0; rows[0].len()];
    combine_rows(quorum, &pick(rows, which), &mut out).unwrap();
    out
}

/// Runs the repair protocol, and returns the messages of round one, by sender, and the new share.
pub fn run_repair(
    quorum: Quorum,
    rows: &Rows,
    holders: &[ShareIndex],
    lost: ShareIndex,
    rng: &mut ChaCha20Rng,
) -> (Vec<Rows>, Vec<u8>) {
    let len = rows[0].len();
    let sent: Vec<Rows> = holders
        .iter()
        .map(|&holder| {
            let mut parts = blank(holders.len(), len);
            let out = &mut slots(&mut parts);
            repair::mask(quorum, holders, lost, row(rows, holder), rng, out).unwrap();
            parts
        })
        .collect();
    let sums: Rows = (0..holders.len())
        .map(|to| {
            let received: Vec<&[u8]> = sent.iter().map(|parts| parts[to].as_slice()).collect();
            let mut sum = vec![0x77; len];
            repair::pool(quorum, &received, &mut sum).unwrap();
            sum
        })
        .collect();
    let mut out = vec![0x77; len];
    let sums: Vec<&[u8]> = sums.iter().map(Vec::as_slice).collect();
    repair::restore(quorum, &sums, &mut out).unwrap();
    (sent, out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_repaired_share_is_the_lost_one(
        seed: u64, len in 0usize..300, threshold in 2u8..9, more in 1u8..6,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let quorum = quorum(threshold, threshold + more);
        let (_, rows) = deal_random(len, quorum, &mut rng);
        let mut chosen = choose(quorum, usize::from(threshold) + 1, &mut rng);
        let lost = chosen.pop().unwrap();
        let (_, again) = run_repair(quorum, &rows, &chosen, lost, &mut rng);
        prop_assert_eq!(&again, &rows[usize::from(lost.get()) - 1]);
    }

    #[test]
    fn refreshed_shares_give_the_same_secret_and_do_not_mix_with_old_ones(
        seed: u64, threshold in 2u8..9, more in 0u8..6, dealers in 1usize..6,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let quorum = quorum(threshold, threshold + more);
        let (secret, old) = deal_random(5000, quorum, &mut rng);
        let dealt: Vec<Rows> = (0..dealers)
            .map(|_| {
                let mut rows = blank(old.len(), 5000);
                refresh::deal(quorum, &mut rng, &mut slots(&mut rows)).unwrap();
                rows
            })
            .collect();
        let new: Rows = quorum
            .indices()
            .map(|holder| {
                let received: Vec<&[u8]> =
                    dealt.iter().map(|rows| row(rows, holder).value).collect();
                let mut out = vec![0x77; 5000];
                refresh::apply(row(&old, holder), &received, &mut out).unwrap();
                out
            })
            .collect();
        let chosen = choose(quorum, threshold.into(), &mut rng);
        prop_assert_eq!(&combine(quorum, &new, &chosen), &secret);
        let mut mixed = new.clone();
        let stale = usize::from(chosen[0].get()) - 1;
        mixed[stale] = old[stale].clone();
        prop_assert_ne!(&combine(quorum, &mixed, &chosen), &secret);
    }

    #[test]
    fn reshared_secrets_are_the_same_under_the_new_quorum(
        seed: u64, threshold in 2u8..7, more in 0u8..4, new_threshold in 2u8..7, new_more in 0u8..4,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let from = quorum(threshold, threshold + more);
        let to = quorum(new_threshold, new_threshold + new_more);
        let (secret, old) = deal_random(100, from, &mut rng);
        let holders = choose(from, threshold.into(), &mut rng);
        let dealt: Vec<Rows> = holders
            .iter()
            .map(|&holder| {
                let mut rows = blank(to.count().get().into(), 100);
                reshare::deal(row(&old, holder), to, &mut rng, &mut slots(&mut rows)).unwrap();
                rows
            })
            .collect();
        let new: Rows = to
            .indices()
            .map(|holder| {
                let received: Vec<_> = holders
                    .iter()
                    .zip(&dealt)
                    .map(|(&index, rows)| ShareRow { index, value: row(rows, holder).value })
                    .collect();
                let mut out = vec![0x77; 100];
                reshare::collect(from, &received, &mut out).unwrap();
                out
            })
            .collect();
        let chosen = choose(to, new_threshold.into(), &mut rng);
        prop_assert_eq!(combine(to, &new, &chosen), secret);
    }
}

#[test]
fn slip_39_interpolates_at_the_same_points() {
    // blockchaincommons/bc-shamir-rust, test_split_secret_3_5: SLIP-39's sharing, in which shares lie
    // at 0 to 4, a digest at 254 and the secret at 255. Those at 1, 2 and 4 give the rest.
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    };
    let mut rows = vec![vec![0; 16]; 255];
    rows[0] = hex("d43099fe444807c46921a4f33a2a798b");
    rows[1] = hex("d9ad4e3bec2e1a7485698823abf05d36");
    rows[3] = hex("1aa7fe3199bc5092ef3816b074cabdf2");
    let quorum = quorum(3, 255);
    let holders = [index(1), index(2), index(4)];
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut at = |x| run_repair(quorum, &rows, &holders, index(x), &mut rng).1;
    assert_eq!(at(255), hex("0ff784df000c4380a5ed683f7e6e3dcf"));
    assert_eq!(at(3), hex("0d8cf5f6ec337bc764d1866b5d07ca42"));
    let zero = combine(quorum, &rows, &holders);
    assert_eq!(zero, hex("00112233445566778899aabbccddeeff"));
}

#[test]
fn new_shares_are_confirmed_or_not() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (secret, rows) = deal_random(50, quorum(2, 3), &mut rng);
    let blind = Secret::random(&mut rng).unwrap();
    let commitment = Commitment::to(&blind, &secret);
    assert_eq!(commitment, Commitment::from_bytes(*commitment.as_bytes()));
    let confirm = |rows: &Rows, which: &[u8]| {
        let given: Vec<_> = which.iter().map(|&of| row(rows, index(of))).collect();
        let mut scratch = [0x77; 50];
        let verdict = commitment.confirm(&blind, quorum(2, 3), &given, &mut scratch);
        assert_eq!(scratch, [0; 50]);
        verdict
    };
    assert_eq!(confirm(&rows, &[3, 1]), Ok(()));
    assert_eq!(confirm(&rows, &[1, 2, 3]), Ok(()));
    assert_eq!(
        confirm(&rows, &[1]),
        Err(ConfirmError::Shares(CombineError::TooFewShares))
    );
    let mut bad = rows.clone();
    bad[2][49] ^= 1;
    assert_eq!(confirm(&bad, &[3, 1]), Err(ConfirmError::AnotherSecret));
    assert_eq!(
        confirm(&bad, &[1, 2, 3]),
        Err(ConfirmError::Shares(CombineError::Disagree))
    );
    let mut scratch = [0; 50];
    let other = Secret::random(&mut rng).unwrap();
    let given = [row(&rows, index(1)), row(&rows, index(2))];
    let verdict = commitment.confirm(&other, quorum(2, 3), &given, &mut scratch);
    assert_eq!(verdict, Err(ConfirmError::AnotherSecret));
}

#[test]
fn refusals_wipe_every_row() {
    use RenewError::*;
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let quorum = quorum(3, 5);
    let (_, rows) = deal_random(7, quorum, &mut rng);
    let own = row(&rows, index(1));
    let of = |indices: &[u8]| -> Vec<ShareIndex> { indices.iter().map(|&i| index(i)).collect() };
    for (holders, lost, count, len, calls, want) in [
        (of(&[1, 2]), 4, 2, 7, 9, HolderCount),
        (of(&[1, 2, 3, 5]), 4, 4, 7, 9, HolderCount),
        (of(&[1, 2, 2]), 4, 3, 7, 9, EqualIndices(index(2))),
        (of(&[1, 2, 6]), 4, 3, 7, 9, IndexAboveCount(index(6))),
        (of(&[2, 3, 5]), 4, 3, 7, 9, NotAHolder(index(1))),
        (of(&[1, 2, 3]), 3, 3, 7, 9, NotAHolder(index(3))),
        (of(&[1, 2, 3]), 6, 3, 7, 9, IndexAboveCount(index(6))),
        (of(&[1, 2, 3]), 4, 2, 7, 9, RowCount),
        (of(&[1, 2, 3]), 4, 3, 8, 9, UnequalLengths),
        (of(&[1, 2, 3]), 4, 3, 7, 0, Rng),
        (of(&[1, 2, 3]), 4, 3, 7, 1, Rng),
    ] {
        let mut out = blank(count, len);
        let mut rng = Failing::after(calls);
        let lost = index(lost);
        let refused = repair::mask(quorum, &holders, lost, own, &mut rng, &mut slots(&mut out));
        assert_eq!(refused, Err(want));
        assert!(out.iter().flatten().all(|&byte| byte == 0), "{want}");
    }
    for (count, len, want) in [(2, 7, HolderCount), (3, 6, UnequalLengths)] {
        let mut out = [0x77; 7];
        let refused = repair::pool(quorum, &vec![&[0x77; 7][..len]; count], &mut out);
        assert_eq!((refused, out), (Err(want), [0; 7]));
    }
    for (count, len, calls, want) in [(4, 7, 9, RowCount), (5, 9000, 2, Rng)] {
        let mut out = blank(count, len);
        let mut rng = Failing::after(calls);
        assert_eq!(
            refresh::deal(quorum, &mut rng, &mut slots(&mut out)),
            Err(want)
        );
        assert!(out.iter().flatten().all(|&byte| byte == 0), "{want}");
        let mut out = blank(count, len);
        let share = ShareRow {
            index: index(1),
            value: &vec![1; len],
        };
        let mut rng = Failing::after(calls);
        assert_eq!(
            reshare::deal(share, quorum, &mut rng, &mut slots(&mut out)),
            Err(want)
        );
        assert!(out.iter().flatten().all(|&byte| byte == 0), "{want}");
    }
    let mut uneven = blank(5, 7);
    uneven[3].push(1);
    assert_eq!(
        refresh::deal(quorum, &mut rng, &mut slots(&mut uneven)),
        Err(UnequalLengths)
    );
    assert!(uneven.iter().flatten().all(|&byte| byte == 0));

    let mut out = [0x77; 7];
    assert_eq!(
        refresh::apply(own, &[&[1; 6]], &mut out),
        Err(UnequalLengths)
    );
    assert_eq!(out, [0; 7]);
    for (given, want) in [
        (vec![own, own, own], EqualIndices(index(1))),
        (vec![own, row(&rows, index(2))], HolderCount),
        (
            vec![
                own,
                row(&rows, index(2)),
                ShareRow {
                    index: index(3),
                    value: &[1],
                },
            ],
            UnequalLengths,
        ),
    ] {
        let mut out = [0x77; 7];
        assert_eq!(reshare::collect(quorum, &given, &mut out), Err(want));
        assert_eq!(out, [0; 7]);
    }
}
