// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares in the layout of the npm package: the value's bytes, then the index.

use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::shamir::{ShareRow, combine_rows, split_rows};

use crate::rng;

fn quorum(threshold: u8, count: u8) -> Quorum {
    Quorum::new(threshold, count).expect("a quorum")
}

pub fn split(threshold: u8, count: u8, secret: &[u8]) -> Vec<u8> {
    let mut shares = vec![vec![0; secret.len()]; count.into()];
    let mut rows: Vec<&mut [u8]> = shares.iter_mut().map(Vec::as_mut_slice).collect();
    split_rows(secret, quorum(threshold, count), &mut rng(), &mut rows).expect("it splits");
    let mut lines = String::new();
    for (share, index) in shares.iter().zip(1u8..) {
        let hex = share
            .iter()
            .chain([&index])
            .map(|byte| format!("{byte:02x}"));
        lines.extend(hex.chain(["\n".to_owned()]));
    }
    lines.into_bytes()
}

/// The npm package draws its indices from all of 1..=255, so the count is the largest.
pub fn combine(threshold: u8, lines: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(lines).expect("text");
    let shares: Vec<Vec<u8>> = text.lines().map(unhex).collect();
    let rows: Vec<ShareRow<'_>> = shares
        .iter()
        .map(|share| {
            let (index, value) = share.split_last().expect("an index");
            ShareRow {
                index: ShareIndex::new(*index).expect("not zero"),
                value,
            }
        })
        .collect();
    let mut secret = vec![0; rows[0].value.len()];
    combine_rows(quorum(threshold, u8::MAX), &rows, &mut secret).expect("a quorum");
    secret
}

fn unhex(line: &str) -> Vec<u8> {
    let digits = line
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).expect("text"));
    digits
        .map(|pair| u8::from_str_radix(pair, 16).expect("hex"))
        .collect()
}
