// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares of this crate combine in the peers of the same field, 0x11B, and theirs combine here.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::shamir::{ShareRow, combine_rows, split_rows};
use shamirsecretsharing::hazmat::{combine_keyshares, create_keyshares};
use vsss_rs::Gf256;

const QUORUMS: [(u8, u8); 5] = [(2, 2), (2, 3), (3, 5), (20, 40), (255, 255)];

/// In the layout of both peers: the index, then the value.
type Share = Vec<u8>;

fn quorum(threshold: u8, count: u8) -> Quorum {
    Quorum::new(threshold, count).unwrap()
}

fn split(secret: &[u8], threshold: u8, count: u8) -> Vec<Share> {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let mut values = vec![vec![0; secret.len()]; count.into()];
    let mut rows: Vec<&mut [u8]> = values.iter_mut().map(Vec::as_mut_slice).collect();
    split_rows(secret, quorum(threshold, count), &mut rng, &mut rows).unwrap();
    (1..=count)
        .zip(values)
        .map(|(index, value)| [&[index], value.as_slice()].concat())
        .collect()
}

fn combine(shares: &[Share], threshold: u8, count: u8) -> Vec<u8> {
    let row = |share: &'_ Share| ShareIndex::new(share[0]).unwrap();
    let rows: Vec<ShareRow<'_>> = shares
        .iter()
        .map(|share| ShareRow {
            index: row(share),
            value: &share[1..],
        })
        .collect();
    let mut secret = vec![0; shares[0].len() - 1];
    combine_rows(quorum(threshold, count), &rows, &mut secret).unwrap();
    secret
}

/// The last of the shares, backwards: a quorum that neither begins at 1 nor is sorted.
fn last(shares: &[Share], threshold: u8) -> Vec<Share> {
    shares
        .iter()
        .rev()
        .take(threshold.into())
        .cloned()
        .collect()
}

fn secret(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 151 + 3) as u8).collect()
}

#[test]
fn vsss_rs_both_ways() {
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    for (threshold, count) in QUORUMS {
        for length in [1, 32, 1000] {
            let secret = secret(length);
            let theirs = Gf256::split_bytes(threshold.into(), count.into(), &secret, &mut rng);
            let given = last(&theirs.unwrap(), threshold);
            assert_eq!(
                combine(&given, threshold, count),
                secret,
                "{threshold} of {count}"
            );
            let given = last(&split(&secret, threshold, count), threshold);
            assert_eq!(
                Gf256::combine_bytes(&given).unwrap(),
                secret,
                "{threshold} of {count}"
            );
        }
    }
}

#[test]
fn shamirsecretsharing_both_ways() {
    for (threshold, count) in QUORUMS {
        let secret = secret(32);
        let theirs = create_keyshares(&secret, count, threshold).unwrap();
        let given = last(&theirs, threshold);
        assert_eq!(
            combine(&given, threshold, count),
            secret,
            "{threshold} of {count}"
        );
        let given = last(&split(&secret, threshold, count), threshold);
        assert_eq!(
            combine_keyshares(&given).unwrap(),
            secret,
            "{threshold} of {count}"
        );
    }
}
