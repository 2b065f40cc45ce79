// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quorums, and shares dealt as rows in the order of their indices.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::shamir::{ShareRow, split_rows};

pub fn quorum(threshold: u8, count: u8) -> Quorum {
    Quorum::new(threshold, count).unwrap()
}

pub fn index(index: u8) -> ShareIndex {
    ShareIndex::new(index).unwrap()
}

pub type Rows = Vec<Vec<u8>>;

/// Rows that were used before.
pub fn blank(count: usize, len: usize) -> Rows {
    vec![vec![0x77; len]; count]
}

pub fn slots(rows: &mut Rows) -> Vec<&mut [u8]> {
    rows.iter_mut().map(Vec::as_mut_slice).collect()
}

pub fn deal(secret: &[u8], quorum: Quorum, rng: &mut ChaCha20Rng) -> Rows {
    let mut rows = blank(quorum.count().get().into(), secret.len());
    split_rows(secret, quorum, rng, &mut slots(&mut rows)).unwrap();
    rows
}

/// Deals a random secret, and returns it too.
pub fn deal_random(len: usize, quorum: Quorum, rng: &mut ChaCha20Rng) -> (Vec<u8>, Rows) {
    let mut secret = vec![0; len];
    rng.fill_bytes(&mut secret);
    let rows = deal(&secret, quorum, rng);
    (secret, rows)
}

/// The share at `of`.
pub fn row(rows: &Rows, of: ShareIndex) -> ShareRow<'_> {
    ShareRow {
        index: of,
        value: &rows[usize::from(of.get()) - 1],
    }
}

/// The shares at these indices.
pub fn pick<'a>(rows: &'a Rows, which: &[ShareIndex]) -> Vec<ShareRow<'a>> {
    which.iter().map(|&of| row(rows, of)).collect()
}

/// All shares.
pub fn all(rows: &Rows) -> Vec<ShareRow<'_>> {
    (1..=u8::MAX)
        .zip(rows)
        .map(|(at, value)| ShareRow {
            index: index(at),
            value,
        })
        .collect()
}

pub fn shuffle<T>(items: &mut [T], rng: &mut ChaCha20Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, (rng.next_u32() % (i as u32 + 1)) as usize);
    }
}

/// `count` different indices of `quorum`, at random.
pub fn choose(quorum: Quorum, count: usize, rng: &mut ChaCha20Rng) -> Vec<ShareIndex> {
    let mut all: Vec<_> = quorum.indices().collect();
    shuffle(&mut all, rng);
    all.truncate(count);
    all
}
