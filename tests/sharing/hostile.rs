// SPDX-License-Identifier: MIT OR Apache-2.0
//! What no honest caller hands in, to every function of sharing that takes it: equal indices, an index
//! above the count, rows of other lengths, the longest quorum, the shortest secrets, and a generator
//! that fails at each of its calls. Index 0 and mixed sets are refused where they are read, which
//! `src/quorum.rs` and `encoded` test.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::secret::Secret;
use security_domain::shamir::check::{
    CorrectError, SetId, ShareDigest, consistent, correct, correct_rows, name_wrong,
};
use security_domain::shamir::encoded::{EncodedShare, combine_encoded};
use security_domain::shamir::renew::{Commitment, ConfirmError, refresh, repair, reshare};
use security_domain::shamir::{CombineError, Share, ShareRow, combine, combine_rows, split_into};

use crate::dealing::{Rows, all, blank, deal, index, quorum, slots};
use crate::worn::Failing;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(2)
}

/// Runs everything that takes rows to rebuild a secret, and expects one refusal of all of it.
fn all_refuse(quorum: Quorum, given: &[ShareRow<'_>], want: CombineError) {
    let mut out = [0x77; 9];
    assert_eq!(combine_rows(quorum, given, &mut out), Err(want));
    assert_eq!(out, [0; 9]);

    let mut out = [0x77; 9];
    let refused = correct_rows(quorum, given, &mut rng(), &mut out);
    assert_eq!((refused, out), (Err(CorrectError::Shares(want)), [0; 9]));

    let blind = Secret::random(&mut rng()).unwrap();
    let mut scratch = [0x77; 9];
    let refused = Commitment::to(&blind, &[7; 9]).confirm(&blind, quorum, given, &mut scratch);
    assert_eq!(
        (refused, scratch),
        (Err(ConfirmError::Shares(want)), [0; 9])
    );

    assert_eq!(consistent(quorum, given), Err(want));

    let encoded: Result<Vec<_>, _> = given
        .iter()
        .map(|&row| EncodedShare::new(SetId::from_bytes([3; 16]), quorum, row, &[4; 32]))
        .collect();
    // An index above the count does not even become an encoded share.
    if let Ok(encoded) = encoded {
        let mut out = [0x77; 9];
        assert_eq!(combine_encoded(&encoded, &mut out), Err(want));
        assert_eq!(out, [0; 9]);
    }
}

#[test]
fn whatever_rebuilds_a_secret_refuses_rows_that_do_not_go_together() {
    let quorum = quorum(2, 5);
    let dealt = deal(&[7; 9], quorum, &mut rng());
    let rows = all(&dealt);
    let at = |index, value| ShareRow { index, value };
    let [a, b, c] = [rows[0], rows[1], rows[2]];
    all_refuse(quorum, &[a], CombineError::TooFewShares);
    all_refuse(quorum, &[a, b, a], CombineError::EqualIndices(index(1)));
    for len in [0, 1, 8] {
        let short = at(index(3), &c.value[..len]);
        let want = CombineError::UnequalLengths(index(3));
        all_refuse(quorum, &[a, b, short], want);
    }
    let long = at(index(3), &[1; 10]);
    let want = CombineError::UnequalLengths(index(3));
    all_refuse(quorum, &[a, long], want);
    let above = at(index(6), c.value);
    let want = CombineError::IndexAboveCount(index(6));
    all_refuse(quorum, &[a, b, above], want);
}

#[test]
fn typed_shares_with_equal_or_foreign_indices_are_refused() {
    let share = |at| Share::new(index(at), Secret::<4>::random(&mut rng()).unwrap());
    for (third, want) in [
        (2, CombineError::EqualIndices(index(2))),
        (6, CombineError::IndexAboveCount(index(6))),
    ] {
        let given = [&share(1), &share(2), &share(third)];
        assert_eq!(combine(quorum(2, 5), &given).unwrap_err(), want);
        let refused = correct(quorum(2, 5), &given, &mut rng()).unwrap_err();
        assert_eq!(refused, CorrectError::Shares(want));
    }
}

/// A wrong share is named although the right one is given beside it.
#[test]
fn of_two_shares_with_one_index_the_wrong_one_counts() {
    let quorum = quorum(2, 3);
    let dealt = deal(&[7; 9], quorum, &mut rng());
    let set = SetId::from_bytes([3; 16]);
    let encode = |row| EncodedShare::new(set, quorum, row, &[4; 32]).unwrap();
    let rows = all(&dealt);
    let digests: Vec<ShareDigest> = rows.iter().map(|&row| encode(row).digest()).collect();
    let forged = ShareRow {
        index: index(2),
        value: &[0; 9],
    };
    let (right, wrong) = (encode(rows[1]), encode(forged));
    for given in [[right, wrong], [wrong, right]] {
        let named = name_wrong(&given, &digests).unwrap();
        assert!(named.iter().eq([index(2)]));
    }
    assert!(name_wrong(&[right, right], &digests).unwrap().is_empty());
}

#[test]
fn the_shortest_secrets_in_the_longest_quorum() {
    let (old, new) = (quorum(2, 255), quorum(3, 255));
    for secret in [&[][..], &[0], &[0xa5]] {
        let len = secret.len();
        let dealt = deal(secret, old, &mut rng());
        let rows = all(&dealt);
        assert_eq!(consistent(old, &rows), Ok(()));

        // Of an empty secret no share can be wrong.
        let mut bad = dealt.clone();
        bad[254].iter_mut().for_each(|byte| *byte ^= 1);
        let mut out = vec![0x77; len];
        let named = correct_rows(old, &all(&bad), &mut rng(), &mut out).unwrap();
        assert!(named.iter().eq((len == 1).then(|| index(255))));
        assert_eq!(out, secret);

        let blind = Secret::random(&mut rng()).unwrap();
        let commitment = Commitment::to(&blind, secret);
        let confirm = |quorum, rows: &Rows| {
            commitment.confirm(&blind, quorum, &all(rows), &mut vec![0x77; len])
        };
        assert_eq!(confirm(old, &dealt), Ok(()));

        // Refreshed by two dealers.
        let mut zeros = [blank(255, len), blank(255, len)];
        for zeros in &mut zeros {
            refresh::deal(old, &mut rng(), &mut slots(zeros)).unwrap();
        }
        let mut fresh = blank(255, len);
        for (at, out) in fresh.iter_mut().enumerate() {
            refresh::apply(rows[at], &[&zeros[0][at], &zeros[1][at]], out).unwrap();
        }
        assert_eq!(confirm(old, &fresh), Ok(()));

        // Dealt anew by the first and the last holder.
        let [mut first, mut last] = [blank(255, len), blank(255, len)];
        reshare::deal(rows[0], new, &mut rng(), &mut slots(&mut first)).unwrap();
        reshare::deal(rows[254], new, &mut rng(), &mut slots(&mut last)).unwrap();
        let mut anew = blank(255, len);
        for (at, out) in anew.iter_mut().enumerate() {
            let received = [(1, &first[at]), (255, &last[at])].map(|(from, value)| ShareRow {
                index: index(from),
                value,
            });
            reshare::collect(old, &received, out).unwrap();
        }
        assert_eq!(confirm(new, &anew), Ok(()));
    }
}

/// 255 of 255 leaves nobody to repair for, so 254 holders repair the share of the last.
#[test]
fn the_largest_repair() {
    let quorum = quorum(254, 255);
    let holders: Vec<ShareIndex> = (1..=254).map(index).collect();
    for len in [0, 1] {
        let dealt = deal(&vec![0xa5; len], quorum, &mut rng());
        let mut sums = vec![vec![0; len]; 254];
        for share in all(&dealt).into_iter().take(254) {
            let mut sent = blank(254, len);
            let lost = index(255);
            let mut rng = ChaCha20Rng::seed_from_u64(share.index.get().into());
            repair::mask(
                quorum,
                &holders,
                lost,
                share,
                &mut rng,
                &mut slots(&mut sent),
            )
            .unwrap();
            for (sum, sent) in sums.iter_mut().flatten().zip(sent.iter().flatten()) {
                *sum ^= sent;
            }
        }
        let sums: Vec<&[u8]> = sums.iter().map(Vec::as_slice).collect();
        let mut out = vec![0x77; len];
        repair::restore(quorum, &sums, &mut out).unwrap();
        assert_eq!(out, dealt[254]);
        assert!(repair::restore(quorum, &sums[1..], &mut out).is_err());
        assert!(out.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn a_generator_that_fails_at_any_call_leaves_nothing_anywhere() {
    let (quorum, len) = (quorum(20, 21), 600);
    let dealt = deal(&vec![0x33; len], quorum, &mut rng());
    let share = all(&dealt)[0];
    let holders: Vec<ShareIndex> = (1..=20).map(index).collect();
    type Work<'a> = &'a dyn Fn(&mut Failing, &mut [&mut [u8]]) -> bool;
    let mask: Work<'_> = &|rng, rows| {
        let rows = &mut rows[..20];
        repair::mask(quorum, &holders, index(21), share, rng, rows).is_ok()
    };
    let zeros: Work<'_> = &|rng, rows| refresh::deal(quorum, rng, rows).is_ok();
    let again: Work<'_> = &|rng, rows| reshare::deal(share, quorum, rng, rows).is_ok();
    for (work, want, used) in [(mask, 19, 20), (zeros, 6, 21), (again, 6, 21)] {
        let run = |rng: &mut Failing| {
            let mut rows = blank(21, len);
            let done = work(rng, &mut slots(&mut rows));
            (done, rows)
        };
        Failing::at_every_call(run, |calls, (done, rows)| {
            assert_eq!((calls, done), (want, false));
            assert!(rows[..used].iter().flatten().all(|&byte| byte == 0));
        });
    }

    let typed = Secret::<600>::random(&mut rng()).unwrap();
    let run = |rng: &mut Failing| {
        let mut shares = [const { None }; 21];
        let done = split_into(&typed, quorum, rng, &mut shares).is_ok();
        (done, shares.iter().all(Option::is_none))
    };
    Failing::at_every_call(run, |calls, left| {
        assert_eq!((calls, left), (6, (false, true)));
    });

    let rows = all(&dealt);
    let spare = self::quorum(18, 21);
    let run = |rng: &mut Failing| {
        let mut out = vec![0x77; len];
        let refused = correct_rows(spare, &rows, rng, &mut out).err();
        (refused, out)
    };
    Failing::at_every_call(run, |calls, (refused, out)| {
        assert_eq!((calls, refused), (1, Some(CorrectError::Rng)));
        assert!(out.iter().all(|&byte| byte == 0));
    });
    Failing::at_every_call(SetId::random, |calls, set| {
        assert_eq!((calls, set.is_err()), (1, true));
    });
}
